# SPDX-License-Identifier: Apache-2.0
"""OpenSSL's own evp_test, from Debian's source packages, with wd preferred.

Each file of data runs on the system's libcrypto and on OpenSSL 3.5 (Debian
trixie's, in the cache), against the same wd.so.  Judge: the same file under
the default provider alone.  wd must run as many tests, skip no more, and have
no error - on the model, thresholds at 0.

    WD_BUILD=build OPENSSL_MODULES=... test_evp_test.py OpenSSL35.test_rsa

To add a file: one line in FILES or FILES_35.
"""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import wdtest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["WD_BUILD"])
CLOSING = re.compile(r"Completed (\d+) tests with (\d+) errors and (\d+) skipped")

WD_CONF = """openssl_conf = init
[init]
providers = providers
alg_section = algorithms
[algorithms]
default_properties = ?provider=wd
[providers]
default = default_section
wd = wd_section
[default_section]
activate = 1
[wd_section]
activate = 1
{min_bytes}
device = {device}
stats = {stats}
"""


# On both versions: file, kinds of jobs that must have gone to the device.
FILES = {
    "rsa": ("evppkey_rsa", ["rsa-public"]),
    "rsa_common": ("evppkey_rsa_common", ["rsa-private", "rsa-public"]),
    "ecc": ("evppkey_ecc", ["ecdh"]),
    "ecdh": ("evppkey_ecdh", ["ecdh"]),
    "ecdsa": ("evppkey_ecdsa", ["ecdsa-sign", "ecdsa-verify"]),
    "sm2": ("evppkey_sm2", ["sm2-sign", "sm2-verify", "sm2-decrypt"]),
    "brainpool": ("evppkey_brainpool", ["ecdh"]),
    "mismatch": ("evppkey_mismatch", []),
    "dh": ("evppkey_dh", ["dh"]),
    "ffdhe": ("evppkey_ffdhe", ["dh"]),
    "ecx": ("evppkey_ecx", ["x25519", "x448"]),
    "kas": ("evppkey_kas", ["ecdh"]),
    "sm3": ("evpmd_sm3", ["sm3"]),
    "sha": ("evpmd_sha", ["sha256", "sha512", "sha1"]),
    "md": ("evpmd_md", ["md5"]),
    "aes": ("evpciph_aes_common",
            ["aes-gcm", "aes-ccm", "aes-cbc", "aes-ofb", "aes-cfb", "aes-xts"]),
    "aes_ccm": ("evpciph_aes_ccm_cavs", ["aes-ccm"]),
    "aes_cts": ("evpciph_aes_cts", ["aes-cts"]),
    "aes_stitched": ("evpciph_aes_stitched", []),
    "des3": ("evpciph_des3_common", ["3des"]),
    "sm4": ("evpciph_sm4", ["sm4-cbc", "sm4-ecb", "sm4-ctr", "sm4-ofb",
                            "sm4-cfb"]),
    "mac": ("evpmac_common", ["aes-gmac"]),
    "mac_sm3": ("evpmac_sm3", []),
    "hkdf": ("evpkdf_hkdf", []),
    "sskdf": ("evpkdf_ss", []),
    "x963kdf": ("evpkdf_x963", []),
    "tls1_prf": ("evpkdf_tls12_prf", []),
    "tls13_kdf": ("evpkdf_tls13_kdf", []),
    "pbkdf2": ("evpkdf_pbkdf2", []),
    "pbe_pbkdf2": ("evppbe_pbkdf2", []),
    "pbe_pkcs12": ("evppbe_pkcs12", []),
    "pbe_scrypt": ("evppbe_scrypt", []),
    "cmac_des": ("evpmac_cmac_des", []),
    "rand": ("evprand", []),
}

# Only there on 3.5.
FILES_35 = {
    "ecx_kem": ("evppkey_ecx_kem", []),
    "mismatch_ecx": ("evppkey_mismatch_ecx", []),
    "sm4_modern": ("evpciph_sm4", ["sm4-gcm", "sm4-ccm", "sm4-xts"]),
    "ecdsa_rfc6979": ("evppkey_ecdsa_rfc6979", ["ecdsa-verify"]),
    "rsa_sigalg": ("evppkey_rsa_sigalg", ["rsa-private", "rsa-public"]),
    "ecdsa_sigalg": ("evppkey_ecdsa_sigalg", ["ecdsa-sign", "ecdsa-verify"]),
    "rsa_kem": ("evppkey_rsa_kem", ["rsa-private"]),
}


def where(*version):
    script = HERE.parent / "build_evp_test.sh"
    done = subprocess.run([script, *version], stdout=subprocess.PIPE,
                          text=True, check=True, timeout=300)
    return pathlib.Path(done.stdout.strip().splitlines()[-1])


def jobs_in(folder):
    """Descriptors that really went to the device, by kind, of all processes."""
    out = subprocess.run([BUILD / "tools" / "wdctl", "stats", "-j", folder],
                         stdout=subprocess.PIPE, text=True, check=True)
    return {kind: int(n) for kind, n in
            re.findall(r'"([a-z0-9-]+)":\s*\{"jobs":\s*(\d+)', out.stdout)
            if int(n)}


class EvpTest:
    """A version: VERSION, and its files as tests; NAMED: those."""

    @classmethod
    def setUpClass(cls):
        cls.dir = where(*cls.VERSION)

    def run_file(self, name, *options, **env):
        # evp_test needs the environment to be its own; OPENSSL_CONF would
        # load wd a second time.
        clean = {k: v for k, v in os.environ.items()
                 if k not in ("OPENSSL_CONF", "WD_DEVICE")}
        done = subprocess.run(
            [self.dir / "run", self.dir / "evp_test", *options,
             f"{name}.txt"],
            cwd=self.dir / "data", env={**clean, **wdtest.PRELOAD, **env},
            text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=280)
        closing = CLOSING.search(done.stdout)
        self.assertTrue(closing, f"{name}: no result:\n{done.stdout[-2000:]}")
        return [int(n) for n in closing.groups()], done

    def with_wd(self, name, min_bytes, expected):
        """The file with wd preferred; jobs on the device, by kind."""
        with tempfile.TemporaryDirectory() as tmp:
            conf = pathlib.Path(tmp, "wd.cnf")
            conf.write_text(WD_CONF.format(
                stats=tmp, min_bytes=min_bytes,
                device=os.environ.get("WD_DEVICE", "emu")))
            mine, done = self.run_file(name, "-config", str(conf))
            jobs = jobs_in(tmp)
        self.assertEqual(mine, expected,
                         f"{name}: tests, errors, skipped; {min_bytes}\n"
                         + done.stdout[-6000:])
        self.assertEqual(done.returncode, 0)
        return jobs

    def compare(self, name, kinds=()):
        (tests, errors, skipped), _ = self.run_file(name)
        self.assertEqual(errors, 0, f"{name} fails under default alone")
        self.with_wd(name, "", [tests, 0, skipped])
        jobs = self.with_wd(name, "min_bytes = 0", [tests, 0, skipped])
        print(f"\n{name}: {tests} tests, {skipped} skipped, jobs on the "
              f"device: {jobs or 'none'}", flush=True)
        for kind in kinds:
            self.assertGreater(jobs.get(kind, 0), 0,
                               f"{name}: no {kind} job went to the device")


    def test_every_other_file(self):
        """Nothing else changes with wd preferred: what it does not offer,
        and what is built on what it offers."""
        for path in sorted((self.dir / "data").glob("*.txt")):
            name = path.stem
            if name not in self.NAMED and not re.search(r"_(ml|slh)_", name):
                with self.subTest(file=name):
                    self.compare(name)


def version(name, options, files):
    tests = {f"test_{key}": lambda self, row=row: self.compare(*row)
             for key, row in files.items()}
    return type(name, (EvpTest, unittest.TestCase),
                {"VERSION": options,
                 "NAMED": {row[0] for row in files.values()}, **tests})


System = version("System", (), FILES)
OpenSSL35 = version("OpenSSL35", ("3.5",), {**FILES, **FILES_35})


if __name__ == "__main__":
    unittest.main()
