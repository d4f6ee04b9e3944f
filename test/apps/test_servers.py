# SPDX-License-Identifier: Apache-2.0
"""stunnel, Apache httpd and PostgreSQL of Debian under conf/openssl-wd.cnf: every
handshake succeeds, and the counters show it went through the queues."""
import glob
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import threading
import time
import unittest

import wdtest

TOP = pathlib.Path(__file__).resolve().parents[2]
CONF = str(TOP / "conf/openssl-wd.cnf")
APACHE = "/usr/sbin/apache2"
STUNNEL = shutil.which("stunnel4") or shutil.which("stunnel")
PG = (glob.glob("/usr/lib/postgresql/*/bin") or [""])[-1]
PSQL = PG and os.path.join(PG, "psql")


class Server(wdtest.ProviderTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.dir, 0o755)
        os.mkdir(self.path("stats"))
        os.chmod(self.path("stats"), 0o1777)
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                     "2", "-subj", "/CN=localhost", "-keyout",
                     self.path("key.pem"), "-out", self.path("cert.pem"),
                     conf="/etc/ssl/openssl.cnf")

    def with_wd(self, **more):
        return self.env(device="emu", conf=CONF, WD_STATS=self.path("stats"),
                        **more)

    def start(self, argv, port, env=None, **how):
        with open(self.path("out"), "wb") as out:
            p = subprocess.Popen(argv, cwd=self.dir, stdout=out, stderr=out,
                                 env=env or self.with_wd(), **how)
        self.addCleanup(self.stop, p)
        for _ in range(150):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return p
            if p.poll() is not None:
                break
            time.sleep(0.1)
        self.fail(self.read("out").decode(errors="replace"))

    @staticmethod
    def stop(p):
        if p.poll() is None:
            p.terminate()
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()

    def handshakes(self, port, n=60):
        tool = os.path.join(wdtest.BUILD, "tools", "wdload")
        for version in ("12", "13"):
            r = self.run_program(tool, "--json", "-c", 8, "-n", n, "-v",
                                 version, f"127.0.0.1:{port}")
            self.assertEqual(r.rc, 0, str(r))
            r = json.loads(r.out)
            self.assertEqual((r["handshakes"], r["failed"], r["resumed"]),
                             (n, 0, 0))
        return 2 * n

    def assert_offloaded(self, n):
        tool = os.path.join(wdtest.BUILD, "tools", "wdctl")
        out = subprocess.run([tool, "stats", "-j", self.path("stats")],
                             text=True, stdout=subprocess.PIPE,
                             check=True).stdout
        total = json.loads(out)["total"]
        print({k: v["jobs"] for k, v in total.items()
               if isinstance(v, dict) and v.get("jobs")}, flush=True)
        self.assertGreaterEqual(total["rsa-private"]["jobs"], n)
        self.assertEqual(total["rsa-private"]["software"], 0)


@unittest.skipUnless(STUNNEL, "stunnel is not installed")
class Stunnel(Server):
    """Asks for provider!=fips: only a property of wd's own gets through."""

    def test_every_handshake_is_offloaded(self):
        port, plain = wdtest.free_port(), wdtest.free_port()
        conf = self.write("stunnel.conf", f"""
foreground = yes
pid =
[s]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{plain}
cert = {self.path('cert.pem')}
key = {self.path('key.pem')}
""")
        with socket.create_server(("127.0.0.1", plain), backlog=512) as s:
            threading.Thread(target=self.serve_nothing, args=(s,),
                             daemon=True).start()
            self.start([STUNNEL, conf], port)
            self.assert_offloaded(self.handshakes(port))

    @staticmethod
    def serve_nothing(listener):
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return


@unittest.skipUnless(os.access(APACHE, os.X_OK), "apache2 is not installed")
class Apache(Server):
    def test_every_handshake_is_offloaded(self):
        port = wdtest.free_port()
        modules = "".join(
            f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n"
            for m in ("mpm_event", "authz_core", "socache_shmcb", "ssl"))
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        os.mkdir(self.path("run"))
        conf = self.write("apache2.conf", f"""
ServerRoot {self.dir}
ServerName localhost
{modules}{user}
DefaultRuntimeDir {self.path('run')}
PidFile {self.path('pid')}
ErrorLog {self.path('log')}
Listen 127.0.0.1:{port}
DocumentRoot {self.path('run')}
SSLEngine on
SSLSessionTickets off
SSLSessionCache none
SSLCertificateFile {self.path('cert.pem')}
SSLCertificateKeyFile {self.path('key.pem')}
""")
        self.start([APACHE, "-X" if not user else "-DFOREGROUND", "-f", conf],
                   port)
        self.assert_offloaded(self.handshakes(port))


@unittest.skipUnless(PSQL and os.access(PSQL, os.X_OK),
                     "PostgreSQL is not installed")
@unittest.skipUnless(os.geteuid() == 0, "needs to become another user")
class Postgres(Server):
    """A process for each connection, each with queues of its own."""

    CONNECTIONS = 200
    ASK = """
import sys, subprocess
for _ in range(%d):
    print(subprocess.run(sys.argv[1:], check=True, text=True,
                         stdout=subprocess.PIPE).stdout.strip())
"""

    def test_200_short_connections(self):
        user = pwd.getpwnam("postgres")
        how = {"user": user.pw_uid, "group": user.pw_gid}
        data, port = self.path("data"), wdtest.free_port()
        os.chown(self.dir, user.pw_uid, user.pw_gid)
        subprocess.run([f"{PG}/initdb", "-D", data, "-A", "trust", "-N", "-U",
                        "postgres"], check=True, stdout=subprocess.DEVNULL,
                       env=self.env(device="none"), cwd=self.dir, **how)
        for name in ("key.pem", "cert.pem"):
            os.chmod(self.path(name), 0o600)
            os.chown(self.path(name), user.pw_uid, user.pw_gid)
        options = {"ssl": "on", "ssl_cert_file": self.path("cert.pem"),
                   "ssl_key_file": self.path("key.pem"), "fsync": "off",
                   "unix_socket_directories": self.dir,
                   "listen_addresses": "127.0.0.1"}
        server = self.start(
            [f"{PG}/postgres", "-D", data, "-p", str(port)] +
            [f"--{k}={v}" for k, v in options.items()], port, **how)
        # "the database system is starting up" until it is.
        ask = [PSQL, "-qtA", f"host=127.0.0.1 port={port} user=postgres "
               "dbname=postgres sslmode=require", "-c",
               "select version from pg_stat_ssl where pid=pg_backend_pid()"]
        for _ in range(100):
            if self.run_program(*ask, env=self.env(device="none")).rc == 0:
                break
            time.sleep(0.1)
        r = self.run_program("/usr/bin/python3", "-c",
                             self.ASK % self.CONNECTIONS, *ask,
                             env=self.env(device="none"), timeout=200)
        self.assertEqual(r.rc, 0, str(r))
        self.assertEqual(r.text.split(), ["TLSv1.3"] * self.CONNECTIONS)
        self.assertIsNone(server.poll())
        self.assert_offloaded(self.CONNECTIONS)


if __name__ == "__main__":
    wdtest.main()
