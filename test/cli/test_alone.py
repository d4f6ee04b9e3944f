# SPDX-License-Identifier: Apache-2.0
"""wd as the only provider, as people type it: with a device and without.

Judge: the same command with the default provider, or the default provider
reading what wd wrote and the other way round.
"""

import functools
import os
import re

import wdtest

DEVICES = ("none", wdtest.DEVICE)
TEXT = b"The quick brown fox jumps over the lazy dog.\n" * 40

KEYS = {
    "rsa": ("-algorithm", "RSA"),
    "rsapss": ("-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048",
               "-pkeyopt", "rsa_pss_keygen_md:sha256"),
    "ec": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "x25519": ("-algorithm", "X25519"),
    "x448": ("-algorithm", "X448"),
    "ed25519": ("-algorithm", "ED25519"),
    "ed448": ("-algorithm", "ED448"),
    "dh": ("-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"),
    "sm2": ("-algorithm", "SM2"),
}


def on_each_device(test):
    @functools.wraps(test)
    def run(self):
        for device in DEVICES:
            with self.subTest(device=device):
                test(self, device)
    return run


class Alone(wdtest.ProviderTest):
    def wd(self, command, *args, **more):
        return self.openssl(command, *self.WD, *args, **more)

    def default(self, command, *args, **more):
        return self.openssl(command, *self.DEFAULT, *args, device="none",
                            **more)

    def both(self, command, *args, data=b"", device=wdtest.DEVICE):
        """wd alone prints what default prints."""
        return self.assert_same(command, *args, data=data, providers=self.WD,
                                device=device)

    def certificate(self, run=None, key="key.pem", cert="cert.pem", **more):
        (run or self.default)(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-addext", "basicConstraints=critical,CA:TRUE", "-keyout",
            self.path(key), "-out", self.path(cert), "-subj",
            "/CN=localhost", "-days", "2", **more)
        return self.path(key), self.path(cert)


class Keys(Alone):
    def test_default_reads_and_prints_every_key_wd_makes(self):
        for name, how in KEYS.items():
            with self.subTest(key=name):
                pem = self.path(name + ".pem")
                self.wd("genpkey", "-quiet", *how, "-out", pem)
                self.both("pkey", "-in", pem, "-text")
                self.both("pkey", "-in", pem, "-text_pub", "-noout")
                self.both("pkey", "-in", pem, "-pubout")
                self.both("pkey", "-in", pem, "-outform", "DER")
                self.default("pkey", "-in", pem, "-check", "-noout")

    def test_wd_reads_and_prints_every_key_default_makes(self):
        for name, how in KEYS.items():
            with self.subTest(key=name):
                pem, der = self.path(name + ".pem"), self.path(name + ".der")
                pub = self.path(name + ".pub")
                self.default("genpkey", "-quiet", *how, "-out", pem)
                self.default("pkey", "-in", pem, "-outform", "DER", "-out",
                             der)
                self.default("pkey", "-in", pem, "-pubout", "-out", pub)
                self.both("pkey", "-in", der, "-text")
                self.both("pkey", "-in", der, "-inform", "DER", "-pubout")
                self.both("pkey", "-pubin", "-in", pub, "-text")
                self.both("pkey", "-pubin", "-in", pub, "-outform", "DER")
                if name not in ("rsapss", "dh"):
                    self.wd("pkey", "-in", pem, "-check", "-noout")

    def test_without_a_device_too(self):
        pem = self.path("key.pem")
        for device in ("none", "auto"):
            with self.subTest(device=device):
                self.wd("genpkey", "-quiet", "-algorithm", "RSA", "-out", pem,
                        device=device)
                self.both("pkey", "-in", pem, "-text", device=device)

    def test_parameters_then_a_key_of_them(self):
        par, pem = self.path("par.pem"), self.path("key.pem")
        self.wd("genpkey", "-genparam", "-algorithm", "EC", "-pkeyopt",
                "ec_paramgen_curve:P-384", "-out", par)
        self.both("pkeyparam", "-in", par, "-text")
        self.wd("genpkey", "-paramfile", par, "-out", pem)
        self.assertIn("P-384", self.default("pkey", "-in", pem, "-noout",
                                            "-text").text)

    def test_encrypted_files_cross_over(self):
        plain = self.path("plain.pem")
        self.default("genpkey", "-quiet", "-algorithm", "RSA", "-out", plain)
        want = self.read("plain.pem")
        for name, args in {
                "pbes2": ("pkey", "-aes256"),
                "3des": ("pkey", "-des3"),
                "traditional": ("rsa", "-aes128", "-traditional"),
                "scrypt": ("pkcs8", "-topk8", "-scrypt"),
                "pbes2-der": ("pkcs8", "-topk8", "-outform", "DER",
                              "-v2", "aes256")}.items():
            for maker, reader in ((self.wd, self.default),
                                  (self.default, self.wd),
                                  (self.wd, self.wd)):
                with self.subTest(form=name, maker=maker.__name__):
                    out = self.path("out")
                    maker(args[0], *args[1:], "-in", plain, "-out", out,
                          "-passout", "pass:secret")
                    self.assertNotEqual(self.read("out"), want)
                    got = reader("pkey", "-in", out, "-passin",
                                 "pass:secret")
                    self.assertEqual(got.out, want)
                    reader("pkey", "-in", out, "-passin", "pass:guess",
                           ok=False)

    def test_rsa_command(self):
        pem, old = self.path("key.pem"), self.path("old.pem")
        self.default("genpkey", "-quiet", "-algorithm", "RSA", "-out", pem)
        self.both("rsa", "-in", pem, "-text")
        self.both("rsa", "-in", pem, "-traditional")
        self.both("rsa", "-in", pem, "-RSAPublicKey_out")
        self.wd("rsa", "-in", pem, "-check", "-noout")
        self.wd("rsa", "-in", pem, "-traditional", "-out", old)
        self.assertIn(b"BEGIN RSA PRIVATE KEY", self.read("old.pem"))
        self.both("rsa", "-in", old, "-pubout")

    def test_what_is_no_key_is_refused(self):
        for name, data in {"empty": b"", "text": TEXT,
                           "cut": b"-----BEGIN PRIVATE KEY-----\nMIIE",
                           "noise": bytes(range(256)) * 8}.items():
            with self.subTest(file=name):
                self.wd("pkey", "-in", self.write(name, data), "-noout",
                        ok=False)
        self.wd("pkey", "-in", self.path("nowhere"), ok=False)


class Certificates(Alone):
    @on_each_device
    def test_self_signed_is_verified_by_default_and_the_other_way(self, device):
        for maker, reader in ((self.wd, self.default),
                              (self.default, self.wd)):
            more = {"device": device} if maker == self.wd else {}
            _, cert = self.certificate(maker, **more)
            reader("verify", "-CAfile", cert, cert)
            self.both("x509", "-in", cert, "-noout", "-text",
                      "-fingerprint", device=device)

    def test_request_signed_by_a_ca(self):
        key, cert = self.certificate(self.wd)
        self.wd("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout",
                self.path("k2.pem"), "-out", self.path("r2.pem"), "-subj",
                "/CN=two")
        self.wd("req", "-in", self.path("r2.pem"), "-verify", "-noout")
        self.wd("x509", "-req", "-in", self.path("r2.pem"), "-CA", cert,
                "-CAkey", key, "-out", self.path("c2.pem"))
        self.default("verify", "-CAfile", cert, self.path("c2.pem"))
        self.wd("verify", "-CAfile", cert, self.path("c2.pem"))

    def test_a_forged_signature_is_refused(self):
        _, cert = self.certificate()
        der = self.path("c.der")
        self.default("x509", "-in", cert, "-outform", "DER", "-out", der)
        data = bytearray(self.read("c.der"))
        data[-1] ^= 1
        self.write("bad.der", bytes(data))
        self.wd("verify", "-CAfile", self.path("bad.der"),
                "-check_ss_sig", self.path("bad.der"), ok=False)

    def test_a_bundle_is_read_object_by_object(self):
        key, cert = self.certificate()
        self.default("pkey", "-in", key, "-pubout", "-out",
                     self.path("p.pem"))
        bundle = self.write("bundle.pem", self.read("cert.pem") +
                            self.read("key.pem") + self.read("p.pem") +
                            self.read("cert.pem"))
        for what in ("-noout", "-certs", "-keys"):
            # storeutl calls what it was not asked for an error, after all.
            want = self.default("storeutl", what, bundle, ok=None)
            got = self.wd("storeutl", what, bundle, ok=None)
            self.assertEqual((got.rc, got.out), (want.rc, want.out), what)
            self.assertIn(b"Total found: ", got.out)
        os.mkdir(self.path("dir"))
        for name in ("cert.pem", "key.pem"):
            os.link(self.path(name), os.path.join(self.path("dir"), name))
        r = self.wd("storeutl", "-noout", self.path("dir"))
        self.assertIn("Total found: 2", r.text)

    def test_pkcs12_crosses_over(self):
        key, cert = self.certificate()
        for maker, reader in ((self.wd, self.default),
                              (self.default, self.wd)):
            maker("pkcs12", "-export", "-inkey", key, "-in", cert, "-out",
                  self.path("p12"), "-passout", "pass:x")
            r = reader("pkcs12", "-in", self.path("p12"), "-passin", "pass:x",
                       "-nodes", "-nocerts")
            self.assertIn(self.read("key.pem").strip(), r.out)
            reader("pkcs12", "-in", self.path("p12"), "-passin", "pass:y",
                   "-nodes", ok=False)

    def test_cms_crosses_over(self):
        key, cert = self.certificate()
        text = self.write("text", TEXT)
        for maker, reader in ((self.wd, self.default),
                              (self.default, self.wd)):
            maker("cms", "-encrypt", "-binary", "-aes256", "-in", text,
                  "-outform", "DER", "-out", self.path("enc"), cert)
            r = reader("cms", "-decrypt", "-inform", "DER", "-in",
                       self.path("enc"), "-inkey", key, "-recip", cert)
            self.assertEqual(r.out, TEXT)
            maker("cms", "-sign", "-binary", "-nodetach", "-in", text,
                  "-signer", cert, "-inkey", key, "-outform", "DER", "-out",
                  self.path("sig"))
            r = reader("cms", "-verify", "-inform", "DER", "-in",
                       self.path("sig"), "-CAfile", cert)
            self.assertEqual(r.out, TEXT)


class Data(Alone):
    @on_each_device
    def test_signatures_cross_over(self, device):
        text = self.write("text", TEXT)
        for name, extra in {"rsa": ("-sha256",), "ec": ("-sha384",),
                            "rsapss": ("-sha256", "-sigopt",
                                       "rsa_padding_mode:pss")}.items():
            pem, pub = self.path(name), self.path(name + ".pub")
            self.default("genpkey", "-quiet", *KEYS[name], "-out", pem)
            self.default("pkey", "-in", pem, "-pubout", "-out", pub)
            for maker, reader in ((self.wd, self.default),
                                  (self.default, self.wd)):
                md, rest = extra[0], extra[1:]
                sig = self.path("sig")
                maker("dgst", md, *rest, "-sign", pem, "-out", sig, text,
                      **({"device": device} if maker == self.wd else {}))
                reader("dgst", md, *rest, "-verify", pub, "-signature",
                       sig, text)
                self.wd("dgst", md, *rest, "-verify", pub, "-signature",
                        sig, data=TEXT + b"!", ok=False, device=device)

    def test_every_digest_says_the_same(self):
        names = re.findall(r"\S+", self.default("list", "-1",
                                                "-digest-commands").text)
        self.assertIn("sha256", names)
        for name in names:
            r = self.default("dgst", "-" + name, data=TEXT, ok=None)
            if r.rc == 0:
                with self.subTest(digest=name):
                    self.both("dgst", "-" + name, data=TEXT)
                    self.both("dgst", "-" + name, data=TEXT, device="none")

    @on_each_device
    def test_enc_crosses_over(self, device):
        for name in ("aes-256-cbc", "aes-128-ctr", "sm4-cbc", "chacha20",
                     "des-ede3-cbc", "camellia-192-cbc", "aria-256-cfb",
                     "aes-128-ecb"):
            args = ("-" + name, "-pbkdf2", "-k", "pw", "-S",
                    "0102030405060708")
            got = self.both("enc", *args, data=TEXT, device=device)
            back = self.wd("enc", "-d", *args, data=got.out,
                           device=device)
            self.assertEqual(back.out, TEXT, name)

    @on_each_device
    def test_random_bytes(self, device):
        a = self.wd("rand", "10000", device=device).out
        b = self.wd("rand", "10000", device=device).out
        self.assertEqual((len(a), len(b)), (10000, 10000))
        self.assertNotEqual(a, b)

    def test_mac_and_kdf_commands(self):
        self.both("mac", "-digest", "SHA256", "-macopt", "key:secret", "HMAC",
                  data=TEXT)
        self.both("mac", "-cipher", "AES-128-CBC", "-macopt",
                  "hexkey:" + "0b" * 16, "CMAC", data=TEXT)
        self.both("kdf", "-keylen", "32", "-kdfopt", "digest:SHA256",
                  "-kdfopt", "key:secret", "-kdfopt", "salt:salt", "HKDF")
        self.both("dgst", "-sha256", "-hmac", "secret", data=TEXT)

    def test_rsa_encryption_crosses_over(self):
        pem = self.path("key.pem")
        self.default("genpkey", "-quiet", "-algorithm", "RSA", "-out", pem)
        for mode in ("pkcs1", "oaep"):
            opt = ("-inkey", pem, "-pkeyopt", "rsa_padding_mode:" + mode)
            for maker, reader in ((self.wd, self.default),
                                  (self.default, self.wd)):
                c = maker("pkeyutl", "-encrypt", *opt, data=b"hello").out
                r = reader("pkeyutl", "-decrypt", *opt, data=c)
                self.assertEqual(r.out, b"hello")


class Tls(Alone):
    """s_server and s_client, both with wd alone, on the loopback."""

    def setUp(self):
        super().setUp()
        self.key, self.cert = self.certificate()

    def server(self, *args, providers=None, device=wdtest.DEVICE):
        return self.s_server(*(providers or self.WD), "-key", self.key,
                             "-cert", self.cert, "-www", *args,
                             env=self.env(device=device))

    def client(self, port, *args, providers=None, device=wdtest.DEVICE):
        r = self.openssl("s_client", *(providers or self.WD), "-connect",
                         "127.0.0.1:%d" % port, "-CAfile", self.cert,
                         "-verify_return_error", "-ign_eof", *args,
                         data=b"GET / HTTP/1.0\r\n\r\n", timeout=20,
                         device=device)
        self.assertIn("HTTP/1.0 200 ok", r.text)
        self.assertIn("Verify return code: 0 (ok)", r.text)
        return r.text

    TLS12 = ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
             "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384",
             "ECDHE-RSA-CHACHA20-POLY1305", "AES128-GCM-SHA256",
             "AES256-SHA256", "AES128-SHA", "AES256-CCM",
             "DHE-RSA-AES256-GCM-SHA384")

    @on_each_device
    def test_tls_1_2_suites(self, device):
        with self.server("-cipher", ":".join(self.TLS12),
                         device=device) as port:
            for suite in self.TLS12:
                with self.subTest(suite=suite):
                    out = self.client(port, "-tls1_2", "-cipher", suite,
                                      device=device)
                    self.assertIn("Cipher is " + suite, out)
                    self.assertIn("Protocol  : TLSv1.2", out)

    @on_each_device
    def test_tls_1_3_suites(self, device):
        suites = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                  "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256")
        with self.server("-ciphersuites", ":".join(suites),
                         device=device) as port:
            for suite in suites:
                with self.subTest(suite=suite):
                    out = self.client(port, "-tls1_3", "-ciphersuites",
                                      suite, device=device)
                    self.assertIn("Cipher is " + suite, out)

    def test_groups(self):
        groups = ("X25519", "P-256", "P-384", "P-521", "X448", "ffdhe2048")
        with self.server("-groups", ":".join(groups)) as port:
            for group in groups:
                with self.subTest(group=group):
                    self.client(port, "-tls1_3", "-groups", group)

    def test_a_peer_with_default(self):
        with self.server(providers=self.DEFAULT, device="none") as port:
            self.client(port, "-tls1_3")
            self.client(port, "-tls1_2", "-cipher", "AES128-SHA")
        with self.server() as port:
            for args in (("-tls1_3",), ("-tls1_2",),
                         ("-tls1_2", "-cipher", "AES256-SHA")):
                self.client(port, *args, providers=self.DEFAULT,
                            device="none")

    def test_a_session_is_resumed(self):
        for version in ("-tls1_2", "-tls1_3"):
            with self.subTest(version=version), self.server() as port:
                self.client(port, version, "-sess_out", self.path("s"))
                out = self.client(port, version, "-sess_in", self.path("s"))
                self.assertIn("Reused, ", out)

    def test_a_key_of_another_kind(self):
        self.key, self.cert = self.path("ec.pem"), self.path("ec.crt")
        self.wd("req", "-x509", "-addext",
                "basicConstraints=critical,CA:TRUE", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                "-out", self.cert, "-subj", "/CN=localhost")
        with self.server() as port:
            self.client(port, "-tls1_3")
            self.client(port, "-tls1_2")


class Neighbours(Alone):
    """With another provider there, nothing of this is wd's."""

    def test_what_serves_alone_is_not_listed_beside_default(self):
        for what in ("decoders", "encoders", "store-loaders",
                     "random-generators", "kdf-algorithms"):
            for order in (("default", "wd"), ("wd", "default")):
                with self.subTest(what=what, order=order):
                    args = [x for p in order for x in ("-provider", p)]
                    r = self.openssl("list", "-" + what, *args)
                    self.assertIn("@ default", r.text)
                    self.assertNotIn("@ wd", r.text)
            self.assertIn("@ wd", self.wd("list", "-" + what).text)

    def test_beside_base_keys_are_bases(self):
        r = self.openssl("list", "-decoders", "-provider", "base",
                         "-provider", "wd")
        self.assertNotIn("@ wd", r.text)
        r = self.openssl("list", "-random-generators", "-provider", "base",
                         "-provider", "wd")
        self.assertIn("CTR-DRBG @ wd", r.text)
        pem = self.path("key.pem")
        both = ("-provider", "base", "-provider", "wd")
        self.openssl("genpkey", *both, "-quiet", "-algorithm", "RSA", "-out",
                     pem)
        want = self.default("pkey", "-in", pem, "-text").out
        self.assertEqual(self.openssl("pkey", *both, "-in", pem,
                                      "-text").out, want)


if __name__ == "__main__":
    wdtest.main()
