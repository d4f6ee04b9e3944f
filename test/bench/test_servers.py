# SPDX-License-Identifier: Apache-2.0
"""CPU time of a server for a full handshake, with wd beside without, in one run:
nginx, which waits, and HAProxy, which does not.  The time of the model's threads
is left out.  Rates say nothing here: server, model and clients share cores.
Floor: what would be left of software's time if the operations taken off cost the
server nothing.  ROUNDS in the environment: measure so many times, the least counts."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest

import wdtest

TOP = pathlib.Path(__file__).resolve().parents[2]
LOAD = os.path.join(wdtest.BUILD, "tools", "wdload")
ROUNDS, SECONDS = int(os.environ.get("ROUNDS", 1)), 2
NGINX = """
daemon off; worker_processes {workers}; pid nginx.pid; error_log error.log;
{user} env OPENSSL_CONF; worker_rlimit_nofile 4096;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path tmp/b; proxy_temp_path tmp/p; fastcgi_temp_path tmp/f;
  uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
  server {{
    listen 127.0.0.1:{port} ssl backlog=4096; root tmp;
    ssl_certificate cert.pem; ssl_certificate_key key.pem;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519;
    ssl_session_cache off; ssl_session_tickets off;
  }}
}}
"""
HAPROXY = """
global
  nbthread 1
  maxconn 2000
  tune.ssl.cachesize 0
  ssl-default-bind-options no-tls-tickets
  ssl-mode-async
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 2s
frontend f
  bind 127.0.0.1:{port} ssl crt site.pem curves X25519
  http-request return status 200 content-type text/plain string ok
"""
# device, WD_ALGORITHMS
MODES = {"software": ("none", None), "signatures": ("emu", "RSA"),
         "all": ("emu", "RSA,X25519")}
# version -> what wdload is to offer
HANDSHAKES = {"TLS 1.2": ("-v", "12", "-C", "ECDHE-RSA-AES128-GCM-SHA256"),
              "TLS 1.3": ("-v", "13", "-C", "TLS_AES_128_GCM_SHA256")}
# What openssl speed calls the operations that each mode takes from the server.
TAKEN = {"signatures": {"rsa2048": 1}, "all": {"rsa2048": 1, "ecdhx25519": 2}}


class Servers(wdtest.ProviderTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.dir, 0o755)
        os.mkdir(self.path("tmp"))
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                     "2", "-subj", "/CN=localhost", "-keyout",
                     self.path("key.pem"), "-out", self.path("cert.pem"),
                     conf="/etc/ssl/openssl.cnf")
        self.write("site.pem", self.read("cert.pem") + self.read("key.pem"))

    def start(self, argv, port, mode):
        device, algorithms = MODES[mode]
        env = self.env(device=device, conf=str(TOP / "conf/openssl-wd.cnf"),
                       WD_ALGORITHMS=algorithms)
        with open(self.path("out"), "ab") as out:
            p = subprocess.Popen(argv, cwd=self.dir, env=env, stdout=out,
                                 stderr=out)
        self.addCleanup(self.stop, p)
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return p
            time.sleep(0.1)
        self.fail(self.read("out").decode())

    @staticmethod
    def stop(p):
        if p.poll() is None:
            p.terminate()
            p.wait(20)

    def nginx(self, mode, workers=1):
        port = wdtest.free_port()
        user = "user www-data;" if os.geteuid() == 0 else ""
        self.write(f"{port}.conf", NGINX.format(port=port, user=user,
                                                workers=workers))
        return self.start(["/usr/sbin/nginx", "-p", self.dir, "-c",
                           f"{port}.conf", "-e", self.path("error.log")],
                          port, mode), port

    def haproxy(self, mode):
        port = wdtest.free_port()
        conf = self.write(f"{port}.cfg", HAPROXY.format(port=port))
        return self.start(["/usr/sbin/haproxy", "-f", conf], port, mode), port

    def one(self, port, pid, handshake):
        r = self.run_program(LOAD, "--json", "-c", 16, "-t", SECONDS, "-w", 2,
                             "-P", pid, *HANDSHAKES[handshake],
                             f"127.0.0.1:{port}")
        self.assertEqual(r.rc, 0, str(r))
        r = json.loads(r.out)
        self.assertEqual(r["resumed"], 0)
        return r

    def speed(self):
        """Microseconds of the operations, here and now; the key of an
        exchange costs about what the exchange does."""
        us = {}
        for name in TAKEN["all"]:
            out = self.openssl("speed", "-mr", "-seconds", 1, name,
                               device="none").text
            # +F2:index:bits:signatures a second:...; +F5 the same of ECDH
            line = next(x for x in out.splitlines() if x[:3] in ("+F2", "+F5"))
            us[name] = 1e6 / float(line.split(":")[3])
        return us

    def measure(self, serve):
        """handshake, mode -> the least of the rounds: foreign load only adds."""
        servers = {mode: serve(mode) for mode in MODES}
        best = {}
        for _ in range(ROUNDS):
            for handshake in HANDSHAKES:
                for mode, (p, port) in servers.items():
                    r = self.one(port, p.pid, handshake)
                    old = best.setdefault((handshake, mode), r)
                    if r["server_us"] < old["server_us"]:
                        best[handshake, mode] = r
        for p, _ in servers.values():
            self.stop(p)
        return best

    def table(self, name, serve):
        speed = self.speed()
        best = self.measure(serve)
        print("\n%-8s %-8s %-10s %9s %6s %6s %9s" % (
            "server", "", "offloaded", "server us", "ratio", "floor",
            "model us"))
        for (handshake, mode), r in best.items():
            base = best[handshake, "software"]["server_us"]
            taken = sum(n * speed[op] for op, n in TAKEN.get(mode, {}).items())
            print("%-8s %-8s %-10s %9.0f %6.2f %6.2f %9.0f" % (
                name, handshake, mode, r["server_us"], r["server_us"] / base,
                1 - taken / base, r["model_us"]), flush=True)
        for handshake in HANDSHAKES:
            # Sure on any machine, however loaded.
            self.assertLess(best[handshake, "signatures"]["server_us"],
                            best[handshake, "software"]["server_us"])

    @unittest.skipUnless(os.access("/usr/sbin/nginx", os.X_OK), "no nginx")
    def test_nginx_synchronous(self):
        self.table("nginx", self.nginx)

    @unittest.skipUnless(os.access("/usr/sbin/haproxy", os.X_OK),
                         "no haproxy")
    def test_haproxy_asynchronous(self):
        self.table("HAProxy", self.haproxy)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    wdtest.main()
