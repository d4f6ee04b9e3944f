# SPDX-License-Identifier: Apache-2.0
"""Debian's nginx under conf/openssl-wd.cnf: right bytes, offloaded, whatever
the device does."""
import base64
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest
import urllib.parse

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


class Example(Nginx):
    """conf/nginx.conf as it is shipped, but for its folders and its port: 16
    workers, RSA and ECDSA certificates, all started as root."""

    SIGNED = {"rsa-private": ("-s", "rsa_pss_rsae_sha256:RSA+SHA256"),
              "ecdsa-sign": ("-s", "ecdsa_secp256r1_sha256")}

    # Of the folder with Nginx's tests, which are about something else.
    test_signatures_and_records_go_through_the_queues = None
    test_no_device_means_software = None
    test_a_faulty_device_fails_no_request = None
    test_reload_under_load = None

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("its user directive needs root")
        super().setUp()
        os.chmod(self.dir, 0o755)
        os.chmod(self.path("stats"), 0o777)
        self.authority()
        for name, kind in (("rsa", ("rsa:2048",)),
                           ("ec", ("ec", "-pkeyopt",
                                   "ec_paramgen_curve:P-256"))):
            self.certificate(name, kind)

    def without_wd(self, *args):
        return self.openssl(*args, conf="/etc/ssl/openssl.cnf", device="none")

    def authority(self):
        self.ocsp = wdtest.free_port()
        self.without_wd("req", "-x509", "-newkey", "rsa:2048", "-nodes",
                        "-days", "2", "-subj", "/CN=authority", "-keyout",
                        self.path("ca.key"), "-out", self.path("ca.crt"))
        self.write("ext", "subjectAltName=DNS:localhost\n"
                   f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{self.ocsp}"
                   "\n")
        self.write("index", "")

    def certificate(self, name, kind):
        self.without_wd("req", "-newkey", *kind, "-nodes", "-subj",
                        "/CN=localhost", "-keyout", self.path("key"), "-out",
                        self.path("csr"))
        serial = {"rsa": "11", "ec": "12"}[name]
        self.without_wd("x509", "-req", "-in", self.path("csr"), "-CA",
                        self.path("ca.crt"), "-CAkey", self.path("ca.key"),
                        "-set_serial", "0x" + serial, "-days", "2",
                        "-extfile", self.path("ext"), "-out",
                        self.path("crt"))
        self.write(name + ".pem", self.read("crt") + self.read("key"))
        self.write("index", self.read("index") + b"V\t491231235959Z\t\t%s\t"
                   b"unknown\t/CN=%s\n" % (serial.encode(), name.encode()))

    def configure(self, port, more=""):
        text = (TOP / "conf/nginx.conf").read_text()
        for old, new in (("/run/nginx.pid", self.path("nginx.pid")),
                         ("/var/log/nginx/error.log", self.path("error.log")),
                         ("/var/www/html", self.path("www")),
                         ("/etc/ssl/private/", self.dir + "/"),
                         ("listen 443", f"listen 127.0.0.1:{port}"),
                         ("65536;", "1024;"),
                         ("env WD_DEVICE;", "env WD_DEVICE; env WD_STATS; "
                          "env OPENSSL_MODULES; env LD_PRELOAD; "
                          "env ASAN_OPTIONS;"),
                         ("http {", "http { access_log off; " + more)):
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.write("nginx.conf", text)

    def serve_example(self, more="", device="emu"):
        port = wdtest.free_port()
        self.configure(port, more)
        # A daemon: its parent listens, runs wd's teardown, and is gone.
        r = self.run_program(
            NGINX, "-p", self.dir, "-c", "nginx.conf", "-e",
            self.path("error.log"),
            env=self.env(device=device, conf=str(TOP / "conf/openssl-wd.cnf"),
                         WD_STATS=self.path("stats")))
        self.assertEqual(r.rc, 0, str(r))
        self.addCleanup(self.assert_quiet)
        return self.master(), port

    def master(self, other_than=0):
        for _ in range(100):
            try:
                pid = int(self.read("nginx.pid") or 0)
            except FileNotFoundError:  # an upgrade renames it at any time
                pid = 0
            if pid not in (0, other_than):
                self.addCleanup(self.quit, pid)
                return pid
            time.sleep(0.1)
        self.fail(f"no other master:\n{self.error_log()}")

    def assert_quiet(self):
        bad = [line for line in self.error_log().splitlines()
               if re.search(r"exited on signal|\[(emerg|crit|alert)\]", line)]
        self.assertEqual(bad[:5], [])

    def wdload(self, port, *args):
        tool = os.path.join(wdtest.BUILD, "tools", "wdload")
        p = subprocess.Popen([tool, "--json", "-A", self.path("ca.crt"), "-G",
                              "/odd", *args, f"localhost:{port}"],
                             stdout=subprocess.PIPE)
        self.addCleanup(self.end, p)
        return p

    @staticmethod
    def end(p):
        if p.poll() is None:
            p.kill()
            p.wait()
        p.stdout.close()

    def result(self, p):
        return json.loads(p.communicate(timeout=100)[0])

    def assert_all_served(self, p, at_least=50):
        r = self.result(p)
        self.assertEqual((p.returncode, r["failed"]), (0, 0),
                         f"{r}\n{self.error_log()[-2000:]}")
        self.assertGreater(r["handshakes"], at_least)
        # Each got the whole file.
        self.assertGreaterEqual(r["bytes"], r["handshakes"] * SIZES["odd"])
        return r

    def statistics(self):
        tool = os.path.join(wdtest.BUILD, "tools", "wdctl")
        return json.loads(subprocess.run(
            [tool, "stats", "-j", self.path("stats")], text=True,
            stdout=subprocess.PIPE, check=True).stdout)

    def by_process(self):
        """pid -> kind -> jobs, of all that ever opened a queue."""
        return {p["pid"]: {k: v["jobs"] for k, v in p.items()
                           if isinstance(v, dict) and "software" in v}
                for p in self.statistics()["processes"]}

    def software(self):
        return {k: v["software"] for k, v in
                self.statistics()["total"].items()
                if isinstance(v, dict) and "software" in v}

    @staticmethod
    def workers(pid):
        path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        return {int(n) for n in path.read_text().split()
                if b"worker process" in
                pathlib.Path(f"/proc/{n}/cmdline").read_bytes()}

    def wait_for_workers(self, pid, but=()):
        """16, none of them of @but; who they are."""
        for _ in range(100):
            workers = self.workers(pid) - set(but)
            if len(workers) == 16:
                return workers
            time.sleep(0.1)
        self.fail(f"{len(workers)} workers\n{self.error_log()}")

    def test_both_certificates_of_16_workers(self):
        server, port = self.serve_example()
        self.wait_for_workers(server)
        for kind, signed in self.SIGNED.items():
            for version in ("12", "13"):
                before = self.jobs().get(kind, 0)
                r = self.assert_all_served(self.wdload(
                    port, "-c", "8", "-n", "80", "-v", version, *signed), 79)
                self.assertEqual(r["resumed"], 0)
                self.assertGreaterEqual(self.jobs()[kind], before + 80, kind)
                self.assertEqual(self.software()[kind], 0)
        self.assertGreaterEqual(self.jobs()["x25519"], 320)

    def test_reloads_under_load_of_16_workers(self):
        server, port = self.serve_example()
        load = self.wdload(port, "-c", "8", "-t", "8")
        for _ in range(3):
            time.sleep(1.5)
            old = self.workers(server)
            os.kill(server, signal.SIGHUP)
        self.assert_all_served(load)
        new = self.wait_for_workers(server, old)
        # Workers of the last reload have queues of their own.
        self.assertTrue(new & self.by_process().keys())

    def test_binary_upgrade_under_load(self):
        """USR2 starts nginx anew with an environment that `env` made."""
        server, port = self.serve_example()
        load = self.wdload(port, "-c", "8", "-t", "8")
        time.sleep(1)
        os.kill(server, signal.SIGUSR2)
        master = self.master(other_than=server)
        os.kill(server, signal.SIGWINCH)
        time.sleep(2)
        self.quit(server)
        self.assert_all_served(load)
        jobs = self.by_process()
        new = self.wait_for_workers(master)
        print(f"jobs of the new master's workers: "
              f"{[jobs.get(w) and jobs[w]['x25519'] for w in new]}",
              flush=True)
        self.assertGreater(sum(jobs[w]["x25519"] for w in new & jobs.keys()),
                           20)
        self.assert_all_served(self.wdload(port, "-n", "40"), 39)

    def quit(self, pid, patience=20):
        end = time.monotonic() + patience
        try:
            os.kill(pid, signal.SIGQUIT)
            while self.alive(pid):
                if time.monotonic() > end:
                    os.kill(pid, signal.SIGKILL)
                    self.fail(f"{pid} does not quit:\n{self.error_log()}")
                time.sleep(0.05)
        except ProcessLookupError:
            pass

    @staticmethod
    def alive(pid):
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            return False
        return stat.rpartition(")")[2].split()[0] != "Z"

    def test_without_env_the_upgraded_nginx_is_software(self):
        """Why the example has these lines; and it works all the same."""
        server, port = self.serve_example()
        text = self.read("nginx.conf").decode()
        self.write("nginx.conf", re.sub(r"env \w+;", "", text))
        os.kill(server, signal.SIGHUP)
        time.sleep(1)
        os.kill(server, signal.SIGUSR2)
        master = self.master(other_than=server)
        self.quit(server)
        self.assert_all_served(self.wdload(port, "-n", "60"), 59)
        self.assertFalse(self.workers(master) & self.by_process().keys())

    def test_workers_killed_under_load(self):
        """Of each killed worker only the connections it has are lost."""
        server, port = self.serve_example()
        load = self.wdload(port, "-c", "4", "-t", "8")
        for _ in range(4):
            time.sleep(1.2)
            os.kill(min(self.workers(server)), signal.SIGKILL)
        r = self.result(load)
        print(f"{r['handshakes']} handshakes, {r['failed']} failed in 4 kills",
              flush=True)
        self.assertLessEqual(r["failed"], 4 * 4)
        self.assertGreater(r["handshakes"], 50)
        self.assert_all_served(self.wdload(port, "-n", "64"), 63)
        self.wait_for_workers(server)
        self.quit(server)
        # The story's own kills are not what assert_quiet() looks for.
        log = self.error_log().replace("exited on signal 9", "killed")
        self.write("error.log", re.sub(r".*\[alert\].*killed.*\n", "", log))

    def test_tickets_resume_on_any_worker(self):
        server, port = self.serve_example()
        for version in ("12", "13"):
            r = self.assert_all_served(self.wdload(
                port, "-c", "4", "-n", "60", "-w", "1", "-r", "-v", version))
            self.assertEqual(r["resumed"], 60, r)

    def test_keep_alive(self):
        server, port = self.serve_example()
        context = ssl.create_default_context(cafile=self.path("ca.crt"))
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.maximum_version = version
            c = http.client.HTTPSConnection("localhost", port, timeout=20,
                                            context=context)
            c.connect()
            first = c.sock
            for name, digest in 20 * sorted(self.files.items()):
                c.request("GET", "/" + name)
                body = c.getresponse().read()
                self.assertEqual(hashlib.sha256(body).hexdigest(), digest)
            self.assertIs(c.sock, first)
            c.close()
        self.assertGreater(self.jobs()["aes-gcm"], 2 * 20 * 128)

    def test_a_stapled_ocsp_response(self):
        """nginx fetches and verifies it, each worker for itself, and staples
        it: to either certificate."""
        story = self

        class Responder(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                story.write("request", base64.b64decode(
                    urllib.parse.unquote(self.path[1:])))
                story.without_wd(
                    "ocsp", "-index", story.path("index"), "-rsigner",
                    story.path("ca.crt"), "-rkey", story.path("ca.key"),
                    "-CA", story.path("ca.crt"), "-nmin", "60", "-reqin",
                    story.path("request"), "-respout", story.path("answer"))
                self.send_response(200)
                self.send_header("Content-Type", "application/ocsp-response")
                self.end_headers()
                self.wfile.write(story.read("answer"))

            def log_message(self, *args):
                pass
        responder = http.server.HTTPServer(("127.0.0.1", self.ocsp), Responder)
        self.addCleanup(responder.server_close)
        self.addCleanup(responder.shutdown)
        threading.Thread(target=responder.serve_forever, daemon=True).start()
        server, port = self.serve_example(
            more="ssl_stapling on; ssl_stapling_verify on; "
            f"ssl_trusted_certificate {self.path('ca.crt')};")
        for signed in ("RSA-PSS+SHA256", "ECDSA+SHA256"):
            with self.subTest(signed):
                for _ in range(100):
                    r = self.openssl(
                        "s_client", "-connect", f"localhost:{port}",
                        "-status", "-CAfile", self.path("ca.crt"),
                        "-verify_return_error", "-sigalgs", signed,
                        device="none")
                    if "OCSP Response Status: successful" in r.text:
                        break
                    # The first of a worker asks for it.
                    time.sleep(0.1)
                self.assertIn("OCSP Response Status: successful", r.text,
                              self.error_log())
                self.assertIn("Cert Status: good", r.text)
        self.assertGreater(self.jobs()["rsa-public"], 0)


if __name__ == "__main__":
    wdtest.main()
