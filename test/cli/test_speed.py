# SPDX-License-Identifier: Apache-2.0
"""`openssl speed` as people type it: alone, beside default, asynchronous."""
import os
import re
import subprocess
import tempfile

import wdtest

ALGORITHMS = (["rsa2048"], ["-bytes", "16384", "-evp", "sm3"],
              ["-bytes", "16384", "-evp", "sm4-cbc"],
              ["-bytes", "16384", "-evp", "aes-256-gcm"])
WAYS = {"alone": ["-provider", "wd"],
        "default before wd": ["-provider", "default", "-provider", "wd"],
        "default after wd": ["-provider", "wd", "-provider", "default"]}
KINDS = {"rsa2048": "rsa-private", "sm3": "sm3", "sm4-cbc": "sm4-cbc",
         "aes-256-gcm": "aes-gcm"}

KEYS = {"rsa1024": "rsa-private", "rsa4096": "rsa-private",
        "ecdsap256": "ecdsa-sign", "ecdsap384": "ecdsa-verify",
        "ecdhp256": "ecdh", "ecdhx25519": "x25519", "ecdhx448": "x448",
        "ffdh2048": "dh", "ffdh4096": "dh", "curveSM2": "sm2-sign"}


class Speed(wdtest.ProviderTest):
    def jobs(self, folder):
        tool = os.path.join(wdtest.BUILD, "tools", "wdctl")
        out = subprocess.run([tool, "stats", "-j", folder], text=True,
                             stdout=subprocess.PIPE, check=True).stdout
        return {kind: int(n) for kind, n in
                re.findall(r'"([a-z0-9-]+)":\s*\{"jobs":\s*(\d+)', out)}

    def early(self):
        return self.openssl("version").text.startswith("OpenSSL 3.0")

    def speed(self, *args, **env):
        r = self.openssl("speed", "-seconds", "1", *args, **env)
        self.assertNotIn("rror", r.err.replace("error stack", ""), str(r))
        self.assertRegex(r.text, r"\d\d", str(r))
        return r

    def test_every_way_of_loading(self):
        # Other versions' differences show alone.
        ways = WAYS if self.early() else {"alone": WAYS["alone"]}
        for name, providers in ways.items():
            for algorithm in ALGORITHMS:
                for jobs in ([], ["-async_jobs", "64"]):
                    with self.subTest(way=name, algorithm=algorithm, jobs=jobs):
                        stats = os.path.join(self.dir, "stats")
                        os.makedirs(stats, exist_ok=True)
                        self.speed(*providers, *jobs, *algorithm,
                                   WD_STATS=stats)
                        kind = KINDS[algorithm[-1]]
                        count = self.jobs(stats).get(kind, 0)
                        # Fetch order decides without a query: with default
                        # first, default's own code runs.
                        if name != "default before wd":
                            self.assertGreater(count, 0, kind)

    def test_every_kind_of_key_alone(self):
        for algorithm, kind in KEYS.items():
            for jobs in ([], ["-async_jobs", "16"]):
                with self.subTest(algorithm=algorithm, jobs=jobs):
                    stats = tempfile.mkdtemp(dir=self.dir)
                    self.speed("-provider", "wd", *jobs, algorithm,
                               WD_STATS=stats)
                    self.assertGreater(self.jobs(stats).get(kind, 0), 10)

    def test_asynchronous_on_other_devices_and_without_a_helper_thread(self):
        for env in ({"device": "emu:nosva"}, {"device": "emu:kunpeng920"},
                    {"WD_POLL": "none"}):
            with self.subTest(**env):
                self.speed("-provider", "wd", "-async_jobs", "64", "rsa2048",
                           **env)

    def test_alone_without_a_device(self):
        for device in ("none", "auto"):
            with self.subTest(device=device):
                self.speed("-provider", "wd", "rsa2048", device=device)


if __name__ == "__main__":
    wdtest.main()
