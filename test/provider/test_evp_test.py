# SPDX-License-Identifier: Apache-2.0
"""OpenSSL's own evp_test, from Debian's source package, with wd preferred.

Judge: the same file under the default provider alone.  wd must run as many
tests, skip no more, and have no error - on the model, thresholds at 0.
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
min_bytes = 0
device = {device}
stats = {stats}
"""


def where():
    script = HERE.parent / "build_evp_test.sh"
    done = subprocess.run([script], stdout=subprocess.PIPE, text=True,
                          check=True, timeout=300)
    return pathlib.Path(done.stdout.strip().splitlines()[-1])


def jobs_in(folder):
    """Descriptors that really went to the device, by kind, of all processes."""
    out = subprocess.run([BUILD / "tools" / "wdctl", "stats", "-j", folder],
                         stdout=subprocess.PIPE, text=True, check=True)
    return {kind: int(n) for kind, n in
            re.findall(r'"([a-z0-9-]+)":\s*\{"jobs":\s*(\d+)', out.stdout)}


class EvpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = where()

    def run_file(self, name, *options, **env):
        # evp_test needs the environment to be its own; OPENSSL_CONF would
        # load wd a second time.
        clean = {k: v for k, v in os.environ.items()
                 if k not in ("OPENSSL_CONF", "WD_DEVICE")}
        done = subprocess.run(
            [self.dir / "evp_test", *options, f"{name}.txt"],
            cwd=self.dir / "data", env={**clean, **wdtest.PRELOAD, **env},
            text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=280)
        closing = CLOSING.search(done.stdout)
        self.assertTrue(closing, f"{name}: no result:\n{done.stdout[-2000:]}")
        return [int(n) for n in closing.groups()], done

    def compare(self, name, kinds=()):
        (tests, errors, skipped), _ = self.run_file(name)
        self.assertEqual(errors, 0, f"{name} fails under default alone")
        with tempfile.TemporaryDirectory() as tmp:
            conf = pathlib.Path(tmp, "wd.cnf")
            conf.write_text(WD_CONF.format(
                stats=tmp, device=os.environ.get("WD_DEVICE", "emu")))
            mine, done = self.run_file(name, "-config", str(conf))
            jobs = jobs_in(tmp)
        self.assertEqual(mine, [tests, 0, skipped],
                         f"{name}: tests, errors, skipped\n"
                         + done.stdout[-6000:])
        self.assertEqual(done.returncode, 0)
        print(f"\n{name}: {tests} tests, {skipped} skipped, jobs on the "
              f"device: {jobs or 'none'}", flush=True)
        for kind in kinds:
            self.assertGreater(jobs.get(kind, 0), 0,
                               f"{name}: no {kind} job went to the device")

    def test_rsa(self):
        self.compare("evppkey_rsa", ["rsa-public"])

    def test_rsa_common(self):
        self.compare("evppkey_rsa_common", ["rsa-private", "rsa-public"])

    def test_sm3(self):
        self.compare("evpmd_sm3", ["sm3"])

    def test_sha(self):
        self.compare("evpmd_sha", ["sha256"])

    def test_aes(self):
        self.compare("evpciph_aes_common", ["aes-gcm", "aes-cbc"])

    def test_sm4(self):
        self.compare("evpciph_sm4", ["sm4-cbc"])

    def test_mac(self):
        self.compare("evpmac_common")

    def test_rand(self):
        self.compare("evprand")


if __name__ == "__main__":
    unittest.main()
