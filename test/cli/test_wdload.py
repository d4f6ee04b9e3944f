# SPDX-License-Identifier: Apache-2.0
"""wdload: full handshakes, honest counts, clear words for what is wrong."""
import json
import os

import wdtest

TOOL = os.path.join(wdtest.BUILD, "tools", "wdload")


class Wdload(wdtest.ProviderTest):
    def setUp(self):
        super().setUp()
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                     "2", "-subj", "/CN=localhost", "-addext",
                     "subjectAltName=DNS:localhost", "-keyout",
                     self.path("key.pem"), "-out", self.path("cert.pem"),
                     conf="/etc/ssl/openssl.cnf")

    def server(self, *args):
        return self.s_server("-cert", self.path("cert.pem"), "-key",
                             self.path("key.pem"), "-www", *args,
                             env=self.env(device="none"))

    def load(self, port, *args, rc=0):
        r = self.run_program(TOOL, *args, "--json", f"localhost:{port}")
        self.assertEqual(r.rc, rc, str(r))
        return json.loads(r.out) if rc < 2 else r

    def test_it_makes_full_handshakes_and_says_which(self):
        with self.server() as port:
            for version, args, want in (
                    ("12", ("-C", "ECDHE-RSA-AES128-GCM-SHA256", "-g", "P-256"),
                     "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 "),
                    ("13", ("-g", "X25519", "-s", "rsa_pss_rsae_sha256"),
                     "TLSv1.3 TLS_AES_256_GCM_SHA384 x25519 RSASSA-PSS+SHA256")):
                r = self.load(port, "-c", 4, "-n", 12, "-w", 1, "-v", version,
                              "-G", "/", *args)
                self.assertEqual((r["handshakes"], r["failed"], r["resumed"]),
                                 (12, 0, 0), r)
                self.assertGreater(r["bytes"], 1000)
                self.assertLessEqual(r["p50_us"], r["p99_us"])
                (what,) = r["negotiated"]
                self.assertTrue(what.startswith(want), what)

    def test_it_resumes_only_when_asked(self):
        with self.server() as port:
            for version in ("12", "13"):
                r = self.load(port, "-c", 1, "-n", 8, "-w", 1, "-r", "-v",
                              version)
                self.assertEqual((r["handshakes"], r["resumed"]), (8, 8), r)
                r = self.load(port, "-c", 1, "-n", 8, "-v", version)
                self.assertEqual((r["handshakes"], r["resumed"]), (8, 0), r)

    def test_cpu_time_is_that_of_the_process_named(self):
        with self.server() as port:
            r = self.load(port, "-c", 1, "-n", 3, "-P", os.getpid())
            self.assertEqual(r["model_us"], 0)
            self.assertGreaterEqual(r["server_us"], 0)

    def test_a_rate_is_not_exceeded(self):
        with self.server() as port:
            r = self.load(port, "-c", 4, "-n", 20, "-R", 40)
            self.assertEqual((r["handshakes"], r["failed"]), (20, 0))
            # The last of them begins 19/40 of a second after the first.
            self.assertGreaterEqual(r["seconds"], 0.475)
            r = self.load(port, "-c", 4, "-t", 1, "-R", 20)
            self.assertLessEqual(r["handshakes"], 20)

    def test_failures_are_counted_and_named(self):
        port = wdtest.free_port()
        self.assertEqual(self.load(port, "-c", 1, "-n", 3, rc=1)["failed"], 3)
        with self.server("-tls1_3") as port:
            r = self.load(port, "-c", 1, "-n", 3, "-v", "12", rc=1)
            self.assertEqual((r["handshakes"], r["failed"]), (0, 3))

    def test_a_server_not_trusted_is_a_failure(self):
        other = self.path("other.pem")
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                     "/CN=other", "-keyout", os.devnull, "-out", other,
                     conf="/etc/ssl/openssl.cnf")
        with self.server() as port:
            r = self.load(port, "-c", 1, "-n", 2, "-A", self.path("cert.pem"))
            self.assertEqual(r["handshakes"], 2)
            r = self.load(port, "-c", 1, "-n", 2, "-A", other, rc=1)
            self.assertEqual(r["failed"], 2)

    def test_a_silent_server_is_left(self):
        import socket
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            r = self.load(port, "-c", 2, "-n", 6, "-d", 5)
            self.assertEqual((r["dropped"], r["failed"]), (6, 0), r)

    def test_bad_arguments_are_named(self):
        for args, word in ((("-c", "0"), "--clients 0"),
                           (("-c", "1025"), "1 to 1024"),
                           (("-t", "x"), "--seconds x"),
                           (("-n", ""), "--count"),
                           (("-d", "-1"), "--drop -1"),
                           (("-v", "11"), "--tls 11"),
                           (("-C", "NONE-SUCH"), "--suite"),
                           (("-g", "none"), "--groups"),
                           (("-s", "none"), "--sigalgs"),
                           (("-A", "/nowhere"), "--cafile"),
                           (("-P", "4194303"), "no such process"),
                           (("--colour",), "--help")):
            with self.subTest(args=args):
                self.assertIn(word, self.load(1, *args, rc=2).err)
        for target in ((), ("localhost",), ("localhost:",), (":1",),
                       ("a:1", "b:1")):
            r = self.run_program(TOOL, *target)
            self.assertEqual((r.rc, "HOST:PORT expected" in r.err), (2, True),
                             str(r))

    def test_help_is_the_manual(self):
        top = os.path.dirname(os.path.dirname(os.path.dirname(
            os.path.abspath(__file__))))
        with open(os.path.join(top, "docs/man/wdload.1.md"),
                  encoding="utf-8") as f:
            page = f.read().replace("\\-", "-")
        text = self.run_program(TOOL, "--help").text
        for line in text.splitlines():
            for word in line.split():
                if word.startswith("--"):
                    self.assertIn(f"**{word.strip(',')}**", page)


if __name__ == "__main__":
    wdtest.main()
