# SPDX-License-Identifier: Apache-2.0
"""What wd costs beside the default provider, by wdbench, in one run.

Margins are generous: these find what has become several times as slow, or
costs an allocation, a system call or a doorbell more than it should.
docs/performance.md has the figures and the targets."""
import json
import os
import unittest

import wdtest

WDBENCH = os.path.join(wdtest.BUILD, "tools", "wdbench")


def sanitized():
    return bool(os.environ.get("WD_PRELOAD"))


@unittest.skipIf(sanitized(), "a sanitizer costs more than wd")
class Ratios(wdtest.ProviderTest):
    TIMEOUT = 120

    def bench(self, device, *args, **env):
        r = self.run_program(WDBENCH, "--json", "-d", device, "-r", 3,
                             "-s", "0.2", *args, env=self.env(**env))
        self.assertEqual(r.rc, 0, str(r))
        return {(x["row"], x["provider"]): x
                for x in json.loads(r.text)["results"]}

    def assert_ratios(self, device, rows, most):
        """CPU beside the default provider's.  A neighbour on the machine can
        spoil a run, wd being slow spoils every one: the best of three."""
        best = {}
        for _ in range(3):
            out = self.bench(device, *[r for r in rows
                                       if best.get(r, most) >= most])
            for (row, provider), x in out.items():
                if provider == "wd":
                    best[row] = min(best.get(row, 1e9), x["cpu_ratio"])
                    self.assertEqual(x["descriptors"], 0, row)
                    self.assertTrue(device != "none" or
                                    x["served_by"] == "default", row)
            if all(x < most for x in best.values()):
                return
        self.fail(str(best))

    def test_a_synchronous_operation_costs_the_host_next_to_nothing(self):
        out = self.bench("emu:inline,replay", "--syscalls",
                         "rsa2048-sign", "ecdhp256", "ecdhp384")
        for row, part in (("rsa2048-sign", 40), ("ecdhp256", 5),
                          ("ecdhp384", 40)):
            wd, default = out[row, "wd"], out[row, "default"]
            with self.subTest(row=row):
                self.assertLess(wd["app_cpu_us"] * part,
                                default["app_cpu_us"], str(wd))
                self.assertEqual(wd["allocs_wd"], 0)
                self.assertLess(wd["syscalls"], 0.05)
                self.assertEqual(wd["software"], 0)

    def test_a_symmetric_message_is_one_descriptor_and_allocates_nothing(self):
        rows = [f"{name}:16384" for name in (
            "aes-128-gcm", "aes-256-gcm-dec", "aes-128-ccm", "aes-256-cbc",
            "aes-128-ctr", "aes-128-xts", "sm4-cbc", "des-ede3-cbc", "sm3",
            "sha256", "sha512", "hmac-sha256", "cmac-aes-128-cbc")]
        out = self.bench("emu:inline,replay", "--syscalls", *rows)
        for row in rows:
            wd, default = out[row, "wd"], out[row, "default"]
            with self.subTest(row=row):
                self.assertEqual((wd["descriptors"], wd["doorbells"]), (1, 1))
                self.assertEqual(wd["allocs_wd"], 0)
                self.assertLessEqual(wd["allocs"], default["allocs"] + 0.01)
                self.assertLess(wd["syscalls"], 0.05)
                self.assertGreater(wd["descriptors_per_s"], 0)

    def test_many_in_flight_cost_little_and_share_doorbells(self):
        for wake in ([], ["--callback"]):
            with self.subTest(wake=wake):
                out = self.bench("emu:replay", "-j", "64", *wake,
                                 "rsa2048-sign")
                wd = out["rsa2048-sign", "wd"]
                default = out["rsa2048-sign", "default"]
                self.assertLess(wd["app_cpu_us"] * 10, default["app_cpu_us"],
                                str(wd))
                self.assertLess(wd["doorbells"], wd["descriptors"] * 0.8)

    def test_small_inputs_cost_as_much_as_without_wd(self):
        # Targets: 1.10 at 16 bytes, 1.03 at 1 KiB; bench.instructions holds
        # wd to them, where no neighbour counts.
        for size, most in ((16, 1.25), (1024, 1.15)):
            rows = [f"{c}:{size}" for c in ("aes-128-gcm", "aes-128-ccm",
                                            "aes-256-cbc", "sm4-cbc",
                                            "sha256", "sm3")]
            with self.subTest(size=size):
                self.assert_ratios("emu", rows, most)

    def test_without_a_device_the_default_provider_does_it_all(self):
        rows = ["rsa2048-sign", "aes-128-gcm:16", "sm3:1024"]
        self.assert_ratios("none", rows, 1.25)

    def test_a_record_is_one_descriptor_and_no_allocation(self):
        out = self.bench("emu", "--syscalls", "-p", "wd",
                         "aes-128-gcm:16384", "aes-256-gcm-dec:16384")
        for (row, _), wd in out.items():
            with self.subTest(row=row):
                self.assertEqual((wd["descriptors"], wd["doorbells"],
                                  wd["allocs_wd"]), (1, 1, 0))

    def test_a_context_takes_at_most_twice_the_memory(self):
        # Large messages go through the model, which takes its time.
        for size, contexts in ((64, 100000), (16384, 500)):
            rows = [f"{name}:{size}" for name in (
                "aes-128-gcm", "aes-128-ccm", "aes-256-cbc", "sm4-cbc",
                "sm3", "sha256", "hmac-sha256")]
            out = self.bench("emu", "-r", "1", "-n", "10", "--contexts",
                             contexts, *rows)
            for row in rows:
                with self.subTest(row=row):
                    self.assertLessEqual(
                        out[row, "wd"]["context_bytes"],
                        2.01 * out[row, "default"]["context_bytes"])

    def test_the_server_of_a_handshake_saves_most_of_its_time(self):
        # P-384 costs libcrypto so much that no wait can hide it.
        row = "tls13-ecdsap384-p384"
        for _ in range(3):
            wd = self.bench("emu", row)[row, "wd"]
            self.assertEqual(wd["offloaded"], 1)
            if wd["cpu_ratio"] < 0.5:
                return
        self.fail(str(wd))


if __name__ == "__main__":
    wdtest.main()
