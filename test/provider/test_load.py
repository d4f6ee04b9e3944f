# SPDX-License-Identifier: Apache-2.0
"""The module loads, says who it is, and exports one symbol."""

import os
import re
import subprocess

import wdtest


class Load(wdtest.ProviderTest):
    def module(self):
        return os.path.join(wdtest.MODULES, "wd.so")

    def symbols(self, *options):
        out = subprocess.run(["nm", "-D", *options, self.module()],
                             stdout=subprocess.PIPE, check=True).stdout
        return out.decode().splitlines()

    def test_it_loads_with_and_without_a_device(self):
        for device in ("none", "auto", wdtest.DEVICE):
            with self.subTest(device=device):
                r = self.openssl("list", "-provider", "wd", "-providers",
                                 device=device)
                self.assertIn("wd Kunpeng offload provider", r.text)
                self.assertIn("status: active", r.text)

    def test_only_the_entry_point_is_exported(self):
        names = [s.split()[-1] for s in self.symbols("--defined-only")]
        self.assertEqual(names, ["OSSL_provider_init"])

    def test_libcrypto_of_3_0_is_enough(self):
        versions = set(re.findall(r"@(OPENSSL_\S+)",
                                  "\n".join(self.symbols("--undefined-only"))))
        self.assertEqual(versions, {"OPENSSL_3.0.0"})


if __name__ == "__main__":
    wdtest.main()
