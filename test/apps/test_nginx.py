# SPDX-License-Identifier: Apache-2.0
"""Debian's nginx under conf/openssl-wd.cnf: right bytes, offloaded, whatever
the device does."""
import hashlib
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import time
import unittest

import wdtest

NGINX = "/usr/sbin/nginx"
TOP = pathlib.Path(__file__).resolve().parents[2]
SIZES = {"empty": 0, "one": 1, "record": 16384, "odd": 100003, "big": 2 << 20}
CONF = """
daemon off; worker_processes {workers}; pid nginx.pid; {user}
error_log error.log notice; events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path tmp/b; proxy_temp_path tmp/p; fastcgi_temp_path tmp/f;
  uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
  server {{
    listen 127.0.0.1:{port} ssl; root www;
    ssl_certificate cert.pem; ssl_certificate_key key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off; ssl_session_tickets off;
  }}
}}
"""


class Nginx(wdtest.ProviderTest):
    def setUp(self):
        if not os.access(NGINX, os.X_OK):
            self.skipTest("nginx is not installed")
        super().setUp()
        self.files = {}
        for folder in ("www", "tmp", "stats"):
            os.mkdir(self.path(folder))
        for name, size in SIZES.items():
            data = os.urandom(size)
            self.write("www/" + name, data)
            self.files[name] = hashlib.sha256(data).hexdigest()
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                     "2", "-subj", "/CN=localhost", "-addext",
                     "subjectAltName=DNS:localhost", "-keyout",
                     self.path("key.pem"), "-out", self.path("cert.pem"),
                     conf="/etc/ssl/openssl.cnf")

    def serve(self, device, workers=2, **env):
        port = wdtest.free_port()
        user = ""
        if os.geteuid() == 0:
            user = "user www-data;"
            os.chmod(self.dir, 0o755)
            os.chmod(self.path("stats"), 0o777)
        self.write("nginx.conf", CONF.format(port=port, workers=workers,
                                             user=user))
        server = subprocess.Popen(
            [NGINX, "-p", self.dir, "-c", "nginx.conf", "-e",
             self.path("error.log")],
            env=self.env(device=device, conf=str(TOP / "conf/openssl-wd.cnf"),
                         WD_STATS=self.path("stats"), **env),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop, server)
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return server, port
            if server.poll() is not None:
                break
            time.sleep(0.1)
        self.fail(f"nginx does not listen:\n{self.error_log()}")

    def error_log(self):
        path = self.path("error.log")
        return self.read(path).decode() if os.path.exists(path) else ""

    def stop(self, server):
        if server.poll() is None:
            server.send_signal(signal.SIGQUIT)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        bad = [line for line in self.error_log().splitlines()
               if re.search(r"exited on signal|\[(emerg|crit|alert)\]", line)]
        self.assertEqual(bad, [])

    def get(self, port, name, version):
        context = ssl.create_default_context(cafile=self.path("cert.pem"))
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", port), 20) as raw, \
                context.wrap_socket(raw, server_hostname="localhost") as tls:
            tls.sendall(b"GET /%s HTTP/1.0\r\n\r\n" % name.encode())
            answer = b"".join(iter(lambda: tls.recv(65536), b""))
        head, body = answer.split(b"\r\n\r\n", 1)
        self.assertIn(b" 200 ", head.split(b"\r\n")[0])
        return hashlib.sha256(body).hexdigest()

    def fetch_all(self, port, rounds=1):
        for _ in range(rounds):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                for name, digest in self.files.items():
                    self.assertEqual(self.get(port, name, version), digest,
                                     f"{name} over {version.name}")

    def jobs(self):
        tool = os.path.join(wdtest.BUILD, "tools", "wdctl")
        out = subprocess.run([tool, "stats", "-j", self.path("stats")],
                             text=True, stdout=subprocess.PIPE,
                             check=True).stdout
        return {kind: int(n) for kind, n in
                re.findall(r'"([a-z0-9-]+)":\s*\{"jobs":\s*(\d+)', out)}

    def test_signatures_and_records_go_through_the_queues(self):
        server, port = self.serve("emu")
        self.fetch_all(port)
        jobs = self.jobs()
        print(f"jobs on the model: {jobs}", flush=True)
        self.assertGreaterEqual(jobs["rsa-private"], 2 * len(SIZES))
        self.assertGreater(jobs["aes-gcm"], 2 * (SIZES["big"] >> 14) // 2)

    def test_no_device_means_software(self):
        server, port = self.serve("auto")
        self.fetch_all(port)

    def test_a_faulty_device_fails_no_request(self):
        for fault in ("status/7", "drop/9", "stop/11", "reset/13", "wrong/5",
                      "delay/3:20000", "gone@6"):
            with self.subTest(fault=fault):
                # A wrong GCM record and a wrong shared secret have no check
                # of their own: only what wd can notice is asked for there.
                wrong = fault.startswith("wrong")
                env = {"WD_ALGORITHMS": "RSA"} if wrong else {}
                server, port = self.serve("emu:fault=" + fault,
                                          WD_TIMEOUT_MS=100, **env)
                self.fetch_all(port)
                self.stop(server)

    def test_reload_under_load(self):
        server, port = self.serve("emu")
        for _ in range(3):
            self.fetch_all(port)
            server.send_signal(signal.SIGHUP)
            time.sleep(0.2)
        self.fetch_all(port)


if __name__ == "__main__":
    wdtest.main()
