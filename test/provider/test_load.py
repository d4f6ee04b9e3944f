# SPDX-License-Identifier: Apache-2.0
"""The module loads, says who it is, and exports one symbol."""

import os
import re
import subprocess

import wdtest


ENTRIES = {"wd.so": "OSSL_provider_init", "wd_emu.so": "wd_emu_host"}


class Load(wdtest.ProviderTest):
    def symbols(self, module, *options):
        path = os.path.join(wdtest.MODULES, module)
        out = subprocess.run(["nm", "-D", *options, path],
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
        for module, entry in ENTRIES.items():
            with self.subTest(module=module):
                names = [s.split()[-1]
                         for s in self.symbols(module, "--defined-only")]
                self.assertEqual(names, [entry])

    def test_libcrypto_of_3_0_is_enough(self):
        for module in ENTRIES:
            with self.subTest(module=module):
                used = "\n".join(self.symbols(module, "--undefined-only"))
                self.assertEqual(set(re.findall(r"@(OPENSSL_\S+)", used)),
                                 {"OPENSSL_3.0.0"})


if __name__ == "__main__":
    wdtest.main()
