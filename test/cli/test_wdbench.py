# SPDX-License-Identifier: Apache-2.0
"""wdbench measures what it says and finds what is wrong."""
import json
import os
import re

import wdtest

WDBENCH = os.path.join(wdtest.BUILD, "tools", "wdbench")
FIELDS = {"row": str, "provider": str, "served_by": str, "jobs": int,
          "threads": int, "processes": int, "model": bool, "ops": int,
          "ops_per_s": float, "app_cpu_us": float,
          "helper_cpu_us": float, "model_cpu_us": float,
          "p50_us": float, "p90_us": float, "p99_us": float,
          "p999_us": float}
OPTIONAL = ("allocs", "allocs_wd", "syscalls", "descriptors", "doorbells",
            "software", "descriptors_per_s", "offloaded", "context_bytes",
            "rate_ratio", "cpu_ratio")


class Wdbench(wdtest.ProviderTest):
    TIMEOUT = 180

    def bench(self, *args, rc=0, **env):
        r = self.run_program(WDBENCH, *args, env=self.env(**env))
        self.assertEqual(r.rc, rc, str(r))
        return r

    def json(self, *args, **env):
        return json.loads(self.bench("--json", *args, **env).text)

    def test_mistakes_are_named_and_end_with_2(self):
        for args, word in ((["nosuchrow"], "nosuchrow"),
                           (["rsa2048-sign:16"], "takes no size"),
                           (["sm3:0"], "sm3:0"), (["sm3:x"], "sm3:x"),
                           (["sm3:99999k"], "sm3:99999k"),
                           (["nosuch*"], "matches no row"),
                           (["--jobs", "x"], "--jobs"),
                           (["--jobs", "5000"], "4096"),
                           (["--threads", "0"], "--threads"),
                           (["--processes", "1,,x"], "--processes"),
                           (["--seconds", "-1"], "--seconds"),
                           (["--count", "0"], "--count"),
                           (["--repeat", "33"], "--repeat"),
                           (["--nosuch"], "nosuch")):
            with self.subTest(args=args):
                self.assertIn(word, self.bench(*args, rc=2).err)

    def test_a_provider_that_is_not_there_is_named(self):
        r = self.bench("-p", "nosuch", "sm3", rc=1)
        self.assertIn("nosuch can't be loaded", r.err)

    def test_help_and_list_are_on_standard_output(self):
        self.assertIn("usage:", self.bench("--help").text)
        rows = self.bench("--list").text.split("\n")
        for row in ("rsa4096-sign", "ecdsap384-verify", "x448",
                    "sm2-decrypt", "ffdhe3072-keygen", "aes-128-gcm",
                    "hmac-sm3"):
            self.assertIn(row, rows)

    def test_the_json_is_what_the_manual_says(self):
        out = self.json("-n", "64", "rsa1024-sign", "sm3:16")
        self.assertEqual(set(out), {"wdbench", "openssl", "cpus", "seconds",
                                    "wake", "device", "model", "results"})
        self.assertIs(out["model"], True)
        self.assertIn("model", out["device"])
        self.assertEqual([(r["row"], r["provider"]) for r in out["results"]],
                         [("rsa1024-sign", "default"), ("rsa1024-sign", "wd"),
                          ("sm3:16", "default"), ("sm3:16", "wd")])
        for r in out["results"]:
            self.assertEqual(set(r), set(FIELDS) | set(OPTIONAL))
            for name, kind in FIELDS.items():
                self.assertIsInstance(r[name], kind, name)

    def test_exactly_so_many_operations(self):
        for ways in (["-j", "0"], ["-j", "8"], ["-j", "8", "-c"],
                     ["-t", "2"], ["-P", "2"]):
            with self.subTest(ways=ways):
                for r in self.json("-n", "1000", *ways,
                                   "aes-128-gcm:16384")["results"]:
                    self.assertEqual(r["ops"], 1000)

    def test_one_record_is_one_descriptor_and_one_doorbell(self):
        r = self.json("-p", "wd", "-n", "1000",
                      "aes-128-gcm:16384")["results"][0]
        self.assertEqual((r["descriptors"], r["doorbells"], r["software"]),
                         (1, 1, 0))

    def test_who_did_it_is_said(self):
        r = self.json("-p", "wd", "-n", "10", "sm3:16384", "md5:16",
                      device="none")["results"]
        self.assertEqual({x["served_by"] for x in r}, {"default"})
        self.assertEqual({x["descriptors"] for x in r}, {0})

    def test_every_row_is_right_with_the_default_provider(self):
        listed = self.bench("--list").text.split("\nset ")[0].split()
        rows = [r for r in listed if "keygen" not in r or "rsa" not in r]
        out = self.json("-p", "default", "-n", "2", *rows)
        self.assertEqual(len(out["results"]), len(rows))

    def test_every_row_is_right_with_wd(self):
        listed = self.bench("--list").text.split("\nset ")[0].split()
        rows = [r for r in listed if "keygen" not in r or "rsa" not in r]
        for jobs in ("0", "4"):
            out = self.json("-p", "wd", "-n", "4", "-j", jobs, *rows)
            self.assertEqual(len(out["results"]), len(rows))

    def test_a_handshake_shows_what_was_offloaded(self):
        rows = self.json("-p", "wd", "-n", "20", "tls12-rsa2048-x25519",
                         "tls13-rsa2048-x25519", "tls13-rsa2048-p256",
                         "tls12-rsa2048-p256-resumed")["results"]
        for r in rows[:3]:
            self.assertGreaterEqual(r["descriptors"], 1, r["row"])
            self.assertGreaterEqual(r["offloaded"], 0.33, r["row"])
            self.assertLessEqual(r["offloaded"], 1, r["row"])
        self.assertGreaterEqual(rows[2]["offloaded"], 0.99)
        self.assertIsNone(rows[3]["offloaded"])

    def test_any_cipher_digest_and_mac_of_libcrypto_is_a_row(self):
        out = self.json("-p", "default", "-n", "10", "camellia-128-cbc:64",
                        "camellia-128-cbc-dec:64", "blake2b512:100",
                        "hmac-sha512:7", "aes-256-ccm-dec:1k")
        self.assertEqual(len(out["results"]), 5)

    def test_a_wrong_result_is_found(self):
        # wd's own check of RSA is off; of a cipher there is none.
        for row, env in (("aes-128-gcm:16384", {}), ("sm3:16384", {}),
                         ("aes-256-cbc-dec:16384", {}),
                         ("rsa2048-sign", {"WD_RSA_CRT_CHECK": "no"})):
            for jobs in ("0", "8"):
                with self.subTest(row=row, jobs=jobs):
                    r = self.bench("-p", "wd", "-n", "500", "-j", jobs, row,
                                   rc=1, device="emu:fault=wrong/100", **env)
                    self.assertIn("WRONG RESULT", r.err)
                    self.assertIn(row, r.err)

    def test_a_failed_operation_is_no_figure(self):
        r = self.bench("-p", "wd", "-n", "100", "rsa2048-sign", rc=1,
                       device="emu:fault=status/10", WD_FALLBACK="no")
        self.assertIn("rsa2048-sign", r.err)

    def test_software_that_helped_out_is_shown(self):
        r = self.json("-p", "wd", "-n", "1000", "rsa1024-verify",
                      device="emu:fault=status/10")["results"][0]
        self.assertGreater(r["software"], 0)

    def test_system_calls_are_counted(self):
        r = self.json("-p", "default", "--syscalls", "-n", "10",
                      "aes-128-cbc:64", device="none")["results"][0]
        # Reading a random number in ECDSA asks for the process's number.
        s = self.json("-p", "default", "--syscalls", "-n", "10",
                      "ecdsap256-sign", device="none")["results"][0]
        self.assertLess(r["syscalls"], 0.1)
        self.assertGreater(s["syscalls"], 0.9)

    def test_allocations_are_counted(self):
        r = self.json("-p", "default", "-n", "100", "aes-128-cbc:64",
                      "ecdsap256-sign", device="none")["results"]
        if r[0]["allocs"] is None:
            self.skipTest("built with a sanitizer")
        self.assertEqual((r[0]["allocs"], r[0]["allocs_wd"]), (0, 0))
        self.assertGreater(r[1]["allocs"], 1)


    def test_heap_of_many_contexts_is_measured(self):
        r = self.json("--contexts", "1000", "-n", "10", "aes-128-gcm:64",
                      "sm3:64", "x25519")["results"]
        if r[0]["context_bytes"] is None:
            self.skipTest("built with a sanitizer")
        for x in r[:4]:
            self.assertGreater(x["context_bytes"], 100)
            self.assertLess(x["context_bytes"], 10000)
        self.assertIsNone(r[4]["context_bytes"])

    def test_the_report_is_one_page_that_needs_nothing_else(self):
        r = self.bench("report", "-o", self.path("r.html"), "-s", "0.01")
        page = self.read("r.html").decode()
        self.assertEqual(r.text.strip(), self.path("r.html"))
        self.assertIn("The device is a MODEL", page)
        self.assertNotRegex(page, r"<script|<link|src=|url\(|https?://")
        for tag in ("svg", "section", "text", "table", "details", "title"):
            self.assertEqual(len(re.findall(f"<{tag}[ >]", page)),
                             page.count(f"</{tag}>"), tag)
        self.assertGreaterEqual(page.count("<svg"), 14)
        self.assertGreaterEqual(page.count("<tr>"), 100)
        self.assertNotRegex(page, r"\bnan\b|\binf\b")

    def test_a_report_that_cannot_be_written_is_an_error(self):
        r = self.bench("report", "extra", rc=2)
        self.assertIn("extra", r.err)
        r = self.bench("report", "-o", self.path("no/such.html"), rc=1)
        self.assertIn("such.html", r.err)


if __name__ == "__main__":
    wdtest.main()
