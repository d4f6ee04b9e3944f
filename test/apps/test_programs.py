# SPDX-License-Identifier: Apache-2.0
"""Programs nobody changed, under conf/openssl-wd.cnf on the model: Python,
openssl, OpenSSH, cryptsetup.  They give the bytes they give without wd, and the
counters show that wd had a part in it."""
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import time
import unittest

import wdtest

TOP = pathlib.Path(__file__).resolve().parents[2]
CONF = str(TOP / "conf/openssl-wd.cnf")
SSHD = "/usr/sbin/sshd"
SIZES = (0, 1, 55, 64, 1000, 16384, 100003, 3 << 20)


class Programs(wdtest.ProviderTest):
    TIMEOUT = 180

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("stats"))
        os.chmod(self.path("stats"), 0o1777)

    def with_wd(self, **more):
        """Every size, and all there is."""
        more.setdefault("WD_MIN_BYTES", 0)
        return self.env(device=more.pop("device", "emu"), conf=CONF,
                        WD_STATS=self.path("stats"), **more)

    def without(self):
        return self.env(device="none", conf=CONF)

    def good(self, *argv, env, data=b""):
        r = self.run_program(*argv, data=data, env=env)
        self.assertEqual(r.rc, 0, str(r))
        return r.out

    def both(self, *argv, data=b"", **more):
        """The same program twice; its answer, which is the same."""
        want = self.good(*argv, data=data, env=self.without())
        self.assertEqual(self.good(*argv, data=data,
                                   env=self.with_wd(**more)), want, argv)
        return want

    def jobs(self, kind):
        tool = os.path.join(wdtest.BUILD, "tools", "wdctl")
        out = subprocess.run([tool, "stats", "-j", self.path("stats")],
                             text=True, stdout=subprocess.PIPE,
                             check=True).stdout
        return json.loads(out)["total"][kind]["jobs"]


class Python(Programs):
    HASHES = """
import hashlib, hmac, sys
sizes = [int(n) for n in sys.argv[1:]]
for name in sorted(hashlib.algorithms_available):
    for n in sizes:
        data = (b"%d" % n) * (n // max(1, len(str(n))) + 1)
        try:
            h = hashlib.new(name, data[:n])
        except ValueError:
            print(name, "not served")
            break
        args = (32,) if name.startswith("shake") else ()
        g = h.copy()
        g.update(data)
        print(name, n, h.hexdigest(*args), g.hexdigest(*args))
        if not args and name != "sm3":
            print("hmac", name, n, hmac.new(b"k" * 70, data[:n], name)
                  .hexdigest())
print(hashlib.pbkdf2_hmac("sha256", b"pass", b"salt", 200).hex())
print(hashlib.scrypt(b"p", salt=b"s", n=16, r=1, p=1).hex())
"""
    TALK = """
import hashlib, os, socket, ssl, sys, threading
cert, key, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
data = bytes(range(256)) * (size // 256)
def serve(listener, context):
    s, _ = listener.accept()
    with context.wrap_socket(s, server_side=True) as t:
        got = b""
        while len(got) < len(data):
            got += t.recv(65536)
        t.sendall(hashlib.sha256(got).digest() + got)
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    for suite in ("ECDHE+AESGCM", "ECDHE-RSA-AES256-SHA384", "AESCCM"):
        a = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        a.load_cert_chain(cert, key)
        b = ssl.create_default_context(cafile=cert)
        for c in (a, b):
            c.minimum_version = c.maximum_version = version
            c.set_ciphers(suite)
        listener = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=serve, args=(listener, a))
        thread.start()
        with b.wrap_socket(socket.create_connection(listener.getsockname()),
                           server_hostname="localhost") as t:
            t.sendall(data)
            got = b""
            while len(got) < 32 + len(data):
                part = t.recv(65536)
                assert part
                got += part
            assert got[32:] == data
            print(version.name, t.cipher()[0], got[:32].hex())
        thread.join()
"""

    def test_hashlib_and_hmac(self):
        out = self.both(sys.executable, "-c", self.HASHES, *SIZES)
        self.assertIn(b"sha256 16384", out)
        self.assertIn(b"sm3 16384", out)
        self.assertGreater(self.jobs("sm3"), len(SIZES))
        self.assertGreater(self.jobs("sha256"), len(SIZES))

    def test_ssl_both_ends(self):
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                     "2", "-subj", "/CN=localhost", "-addext",
                     "subjectAltName=DNS:localhost", "-keyout",
                     self.path("key.pem"), "-out", self.path("cert.pem"),
                     conf="/etc/ssl/openssl.cnf", device="none")
        out = self.both(sys.executable, "-c", self.TALK, self.path("cert.pem"),
                        self.path("key.pem"), 1 << 20)
        self.assertEqual(len(out.splitlines()), 6)
        self.assertGreater(self.jobs("aes-gcm"), 4 * 64)
        self.assertGreater(self.jobs("aes-cbc"), 4 * 64)


class Everybody(Programs):
    """A provider in openssl.cnf is loaded by all there is."""

    PROGRAMS = (
        (wdtest.OPENSSL, "version"), (wdtest.OPENSSL, "list", "-providers"),
        (sys.executable, "-c", "import hashlib, ssl, hmac"),
        ("/usr/bin/curl", "--version"), ("/usr/bin/ssh", "-V"),
        ("/usr/sbin/haproxy", "-vv"), ("/usr/sbin/nginx", "-V"),
        ("/usr/bin/openssl", "genpkey", "-algorithm", "ED25519"))

    def test_loading_opens_no_queue(self):
        daemon, device = self.model_daemon()
        for argv in self.PROGRAMS:
            if os.access(shutil.which(argv[0]) or "", os.X_OK):
                with self.subTest(argv):
                    self.good(*argv, env=self.with_wd(device=device))
        self.end_program(daemon)
        report = json.loads(self.read("device.json"))
        # All of them asked what there is, and that was all.
        self.assertGreaterEqual(report["connections"], 3)
        self.assertEqual(report["queues"], 0)
        self.assertEqual(os.listdir(self.path("stats")), [])


class Openssl(Programs):
    def ciphers(self):
        """What `openssl enc` takes: no AEAD, no XTS, no key wrapping."""
        out = self.good(wdtest.OPENSSL, "enc", "-list", env=self.without())
        return sorted(w[1:] for w in out.decode().split()
                      if w.startswith(("-aes-", "-sm4-", "-des-ede3-",
                                       "-des-ede-", "-camellia-128-cbc"))
                      and "wrap" not in w)

    def test_enc_with_every_cipher_both_ways(self):
        names = self.ciphers()
        self.assertGreater(len(names), 30)
        data = os.urandom(100003)
        for name in names:
            with self.subTest(name):
                enc = (wdtest.OPENSSL, "enc", "-" + name, "-pbkdf2", "-iter",
                       "3", "-S", "0011223344556677", "-pass", "pass:x")
                sealed = self.both(*enc, data=data)
                self.assertEqual(self.both(*enc, "-d", data=sealed), data)
        for kind in ("aes-cbc", "aes-ctr", "aes-ecb", "aes-cfb", "aes-ofb",
                     "sm4-cbc", "sm4-ctr", "3des"):
            self.assertGreater(self.jobs(kind), 1, kind)

    def test_dgst_and_its_macs(self):
        for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512",
                     "sha512-224", "sha512-256", "sm3", "sha3-256"):
            for n in SIZES:
                with self.subTest(name, bytes=n):
                    data = b"x" * n
                    self.both(wdtest.OPENSSL, "dgst", "-" + name, data=data)
                    self.both(wdtest.OPENSSL, "dgst", "-" + name, "-hmac",
                              "key", data=data)
        for argv in (("-cipher", "AES-128-CBC", "-macopt",
                      "hexkey:" + "07" * 16, "CMAC"),
                     ("-cipher", "AES-128-GCM", "-macopt",
                      "hexkey:" + "07" * 16, "-macopt", "hexiv:" + "05" * 12,
                      "GMAC")):
            self.write("data", b"y" * 100003)
            self.both(wdtest.OPENSSL, "mac", "-in", self.path("data"), *argv)

    def test_cms_from_each_to_the_other(self):
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                     "2", "-subj", "/CN=me", "-keyout", self.path("key.pem"),
                     "-out", self.path("cert.pem"),
                     conf="/etc/ssl/openssl.cnf", device="none")
        data = os.urandom(300007)
        seal = (wdtest.OPENSSL, "cms", "-encrypt", "-binary", "-outform", "DER")
        unseal = (wdtest.OPENSSL, "cms", "-decrypt", "-binary", "-inform",
                  "DER", "-inkey", self.path("key.pem"), "-recip",
                  self.path("cert.pem"))
        for cipher in ("-aes-128-cbc", "-aes-256-gcm", "-des3", "-sm4-cbc"):
            for a, b in ((self.with_wd(), self.without()),
                         (self.without(), self.with_wd())):
                with self.subTest(cipher):
                    box = self.good(*seal, cipher, self.path("cert.pem"),
                                    data=data, env=a)
                    self.assertEqual(self.good(*unseal, data=box, env=b), data)
        sign = (wdtest.OPENSSL, "cms", "-sign", "-binary", "-nodetach",
                "-outform", "DER", "-signer", self.path("cert.pem"), "-inkey",
                self.path("key.pem"))
        check = (wdtest.OPENSSL, "cms", "-verify", "-binary", "-inform", "DER",
                 "-CAfile", self.path("cert.pem"), "-purpose", "any")
        signed = self.good(*sign, data=data, env=self.with_wd())
        self.assertEqual(self.good(*check, data=signed, env=self.without()),
                         data)
        signed = self.good(*sign, data=data, env=self.without())
        self.assertEqual(self.good(*check, data=signed, env=self.with_wd()),
                         data)


class Ssh(Programs):
    CIPHERS = ("aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc",
               "aes192-cbc", "aes256-cbc", "3des-cbc",
               "aes128-gcm@openssh.com", "aes256-gcm@openssh.com")

    def setUp(self):
        if not os.access(SSHD, os.X_OK) or os.geteuid() != 0:
            self.skipTest("sshd is not installed, or this is not root")
        super().setUp()
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", self.path(name)], check=True,
                           env=self.without())
        shutil.copy(self.path("user.pub"), self.path("authorized"))

    def serve(self, env):
        port = wdtest.free_port()
        self.write("sshd_config", "\n".join((
            "Port %d" % port, "ListenAddress 127.0.0.1", "UsePAM no",
            "HostKey " + self.path("host"), "PidFile none",
            "AuthorizedKeysFile " + self.path("authorized"),
            "PermitRootLogin yes", "StrictModes no", "LogLevel VERBOSE",
            "Ciphers " + ",".join(self.CIPHERS), "MACs hmac-sha2-256,"
            "hmac-sha2-512,hmac-sha1,hmac-md5-etm@openssh.com")) + "\n")
        log = open(self.path("sshd.log"), "wb")
        self.addCleanup(log.close)
        server = subprocess.Popen([SSHD, "-D", "-e", "-f",
                                   self.path("sshd_config")], env=env,
                                  stderr=log)
        self.addCleanup(self.stop, server)
        while b"Server listening" not in self.read("sshd.log"):
            self.assertIsNone(server.poll())
            time.sleep(0.02)
        return port

    def stop(self, server):
        server.terminate()
        server.wait(20)

    def ask(self, port, cipher, data, env):
        user = pwd.getpwuid(os.geteuid()).pw_name
        r = self.run_program(
            "ssh", "-F", "none", "-i", self.path("user"), "-p", port, "-o",
            "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "BatchMode=yes", "-c", cipher, user + "@127.0.0.1", "cat",
            data=data, env=env)
        self.assertEqual(r.rc, 0, "%s\n%s" % (
            r, self.read("sshd.log").decode(errors="replace")[-3000:]))
        return r.out

    def all_ciphers(self, server_env, client_env):
        port = self.serve(server_env)
        data = os.urandom((1 << 20) + 3)
        for cipher in self.CIPHERS:
            with self.subTest(cipher):
                self.assertEqual(self.ask(port, cipher, data, client_env),
                                 data)

    def test_wd_in_the_client(self):
        self.all_ciphers(self.without(), self.with_wd())
        for kind in ("aes-cbc", "aes-ctr", "3des"):
            self.assertGreater(self.jobs(kind), 20, kind)

    def test_wd_in_the_server(self):
        """Before login in the sandbox, in software; then on the device."""
        self.all_ciphers(self.with_wd(), self.without())
        for kind in ("aes-cbc", "aes-ctr", "3des"):
            self.assertGreater(self.jobs(kind), 20, kind)

    def test_gcm_through_the_sandbox_with_statistics_and_log(self):
        """Before login nothing but a few system calls is allowed: a record of
        statistics or of the log there would end the session."""
        log = self.write("wd.log", b"")
        os.chmod(log, 0o666)
        port = self.serve(self.with_wd(WD_LOG="debug:" + log))
        data = os.urandom((1 << 20) + 3)
        for cipher in ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com"):
            for _ in range(5):
                self.assertEqual(self.ask(port, cipher, data, self.without()),
                                 data)
        self.assertGreater(self.jobs("aes-gcm"), 20)
        self.assertNotRegex(self.read("sshd.log").decode(errors="replace"),
                            "SIGSYS|SIGXFSZ|signal|fatal")
        # Each session says that it opened a queue, and has a file: those in
        # the sandbox, where neither may be, say nothing.
        lines = self.read("wd.log").decode().splitlines()
        for line in lines:
            self.assertRegex(line, r"^wd\[\d+\] info: hisi_sec2-\d+: queue "
                             r"\d+ of \d+ descriptors, .*model$")
        told = {int(line[3:line.index("]")]) for line in lines}
        self.assertEqual(told, {int(name[3:]) for name in
                                os.listdir(self.path("stats"))})
        self.assertGreaterEqual(len(told), 10)

    def test_wd_at_both_ends(self):
        self.all_ciphers(self.with_wd(WD_MIN_BYTES=None),
                         self.with_wd(WD_MIN_BYTES=None))


@unittest.skipUnless(shutil.which("cryptsetup", path="/sbin:/usr/sbin"),
                     "cryptsetup is not installed")
class Luks(Programs):
    CRYPTSETUP = shutil.which("cryptsetup", path="/sbin:/usr/sbin")

    def make(self, env, version, digest):
        path = self.write("volume", b"\0" * (20 << 20))
        self.good(self.CRYPTSETUP, "luksFormat", "-q", "--type", version,
                  "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
                  "--hash", digest, "--volume-key-file", self.path("volkey"),
                  "--key-size", "512", "--key-file", self.path("pass"), path,
                  env=env)
        return path

    def test_a_volume_of_each_is_opened_by_the_other(self):
        self.write("pass", b"secret")
        volkey = os.urandom(64)
        self.write("volkey", volkey)
        for version in ("luks1", "luks2"):
            for digest in ("sha256", "sha512"):
                for a, b in ((self.with_wd(), self.without()),
                             (self.without(), self.with_wd())):
                    with self.subTest(version, digest=digest):
                        path = self.make(a, version, digest)
                        self.good(self.CRYPTSETUP, "open",
                                  "--test-passphrase", "--key-file",
                                  self.path("pass"), path, env=b)
                        wrong = self.run_program(
                            self.CRYPTSETUP, "open", "--test-passphrase",
                            "--key-file", self.path("volkey"), path, env=b)
                        self.assertEqual(wrong.rc, 2, str(wrong))


if __name__ == "__main__":
    wdtest.main()
