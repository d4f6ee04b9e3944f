# SPDX-License-Identifier: Apache-2.0
"""s_server and s_client, one with wd by configuration alone, one plain.

test/provider/test_tls.c has the whole matrix in one process; here are the
programs as a user runs them, and wdctl says what the device did.
"""
import os
import re

import wdtest

DATA = b"GET / HTTP/1.0\r\n\r\n"
# TLS version, what s_client is given, what wd's side must have offloaded.
STORIES = (
    ("-tls1_3", ("-groups", "X25519"), "x25519"),
    ("-tls1_3", ("-groups", "X448"), "x448"),
    ("-tls1_3", ("-groups", "P-256"), "ecdh"),
    ("-tls1_3", ("-groups", "ffdhe2048"), "dh"),
    ("-tls1_3", ("-groups", "ffdhe4096"), "dh"),
    ("-tls1_2", ("-groups", "X25519"), "x25519"),
    ("-tls1_2", ("-cipher", "DHE-RSA-AES256-GCM-SHA384"), "dh"),
)


class Tls(wdtest.ProviderTest):
    def setUp(self):
        super().setUp()
        self.ids = {}
        for name, args in (("rsa", ("rsa:2048",)),
                           ("ec", ("ec", "-pkeyopt",
                                   "ec_paramgen_curve:P-256"))):
            key, cert = self.path(name + ".key"), self.path(name + ".pem")
            self.openssl("req", "-x509", "-newkey", *args, "-nodes", "-subj",
                         "/CN=" + name, "-keyout", key, "-out", cert,
                         *self.DEFAULT, device="none")
            self.ids[name] = (key, cert)
        self.stats = self.path("stats")
        os.mkdir(self.stats)
        self.wd = self.env(conf=self.conf(
            "timeout_ms = 20000\nstats = " + self.stats))
        self.plain = self.env(device="none")

    def jobs(self, kind):
        r = self.run_program(os.path.join(wdtest.BUILD, "tools", "wdctl"),
                             "stats", "-j", self.stats)
        total = r.text[r.text.index('"total"'):]
        found = re.search(r'"%s":\s*\{[^}]*"done":\s*(\d+)' % kind, total)
        return int(found.group(1)) if found else 0

    def server(self, env, *args):
        key, cert = self.ids["rsa"]
        return self.s_server("-key", key, "-cert", cert, "-www", *args,
                             env=env)

    def client(self, env, port, *args):
        r = self.run_program(wdtest.OPENSSL, "s_client", "-connect",
                             "127.0.0.1:%d" % port, "-CAfile",
                             self.ids["rsa"][1], "-verify_return_error",
                             "-ign_eof", *args, data=DATA, env=env)
        self.assertEqual(r.rc, 0, str(r))
        self.assertIn("HTTP/1.0 200 ok", r.text, str(r))
        return r.text

    def both_ways(self, *server_args):
        for mine, env, other in (("server", self.wd, self.plain),
                                 ("client", self.plain, self.wd)):
            with self.server(env, *server_args) as port:
                yield mine, other, port

    def test_groups(self):
        for mine, env, port in self.both_ways():
            for version, args, kind in STORIES:
                with self.subTest(wd=mine, version=version, args=args):
                    before = self.jobs(kind)
                    self.client(env, port, version, *args)
                    self.assertGreaterEqual(self.jobs(kind), before + 2)

    def test_client_certificates(self):
        key, cert = self.ids["ec"]
        for mine, env, port in self.both_ways("-CAfile", cert, "-Verify", "1",
                                              "-verify_return_error"):
            for version in ("-tls1_2", "-tls1_3"):
                with self.subTest(wd=mine, version=version):
                    self.client(env, port, version, "-key", key, "-cert",
                                cert)
            self.assertGreaterEqual(
                self.jobs("ecdsa-" + ("verify" if mine == "server"
                                      else "sign")), 2)

    def test_resumption(self):
        session = self.path("session")
        for mine, env, port in self.both_ways():
            for version in ("-tls1_2", "-tls1_3"):
                with self.subTest(wd=mine, version=version):
                    self.client(env, port, version, "-sess_out", session)
                    out = self.client(env, port, version, "-sess_in", session)
                    self.assertIn("Reused, ", out)

    def test_asynchronous_handshakes(self):
        for mine, env, port in self.both_ways("-async"):
            for version, args, kind in STORIES:
                with self.subTest(wd=mine, version=version, args=args):
                    before = self.jobs(kind)
                    self.client(env, port, version, "-async", *args)
                    self.assertGreaterEqual(self.jobs(kind), before + 2)


if __name__ == "__main__":
    wdtest.main()
