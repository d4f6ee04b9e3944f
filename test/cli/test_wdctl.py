# SPDX-License-Identifier: Apache-2.0
"""wdctl: devices, counters, and clear words for what it is not given."""
import json
import os

import wdtest

TOOL = os.path.join(wdtest.BUILD, "tools", "wdctl")


class Wdctl(wdtest.ProviderTest):
    def wdctl(self, *args, rc=0):
        r = self.run_program(TOOL, *args)
        self.assertEqual(r.rc, rc, str(r))
        return r

    def test_calibrate_writes_what_the_provider_reads(self):
        path = self.path("calibrated.cnf")
        r = self.wdctl("calibrate", "--device", "emu:kunpeng920,inline", "-o",
                       path, "--ms", "1")
        self.assertEqual(r.text + r.err, "")
        text = self.read("calibrated.cnf").decode()
        self.assertIn("MODEL", text)
        self.assertIn("# aes-cfb: no device does AES-256-CFB\n", text)
        keys = dict(line.split(" = ") for line in text.splitlines()
                    if not line.startswith("#"))
        for key in ("aes-gcm", "aes-gcm.decrypt", "aes-cbc.decrypt", "sm3",
                    "hmac"):
            self.assertRegex(keys["min_bytes." + key], r"^\d+$")
        self.assertNotIn("failed", text)
        self.assertNotIn("wrong", text)
        r = self.openssl("list", "-providers", "-verbose",
                         conf=self.conf(wd=".include " + path))
        self.assertIn("wd-", r.text)
        self.assertNotRegex(r.text + r.err, "not a key|not allowed")

    def test_calibrate_notices_a_device_that_computes_wrongly(self):
        text = self.wdctl("calibrate", "--device", "emu:fault=sec.wrong/5",
                          "--ms", "1").text
        self.assertIn("# aes-cbc: the device computed wrongly\n"
                      "min_bytes.aes-cbc = 4294967295\n", text)
        text = self.wdctl("calibrate", "--device", "emu:fault=sec.status/2",
                          "--ms", "1").text
        self.assertIn("# aes-cbc: the device failed\n", text)

    def test_calibrate_without_a_device(self):
        self.assertIn("no device", self.wdctl("calibrate", "--device", "none",
                                              rc=1).err)
        self.wdctl("calibrate", "--ms", "0", rc=2)
        self.wdctl("calibrate", "more", rc=2)
        self.wdctl("calibrate", "--device", "emu", "-o", self.path("no/file"),
                   rc=1)

    def test_list_of_the_model(self):
        text = self.wdctl("list", "--device", "emu:kunpeng920").text
        self.assertRegex(text, r"hisi_hpre-0 +hpre +qm v2 .*MODEL: usable")
        self.assertRegex(text, r"hisi_sec2-1 +sec +qm v2 ")
        text = self.wdctl("list", "--device", "emu:nosva").text
        self.assertIn("qm v3 no sva", text)

    def test_list_without_devices_says_what_is_missing(self):
        if os.path.isdir("/sys/class/uacce"):
            self.skipTest("this machine has accelerators")
        self.assertIn("no accelerators", self.wdctl("list").text)

    def test_a_bad_option_is_named(self):
        self.assertIn("colour", self.wdctl("list", "--device", "emu:colour",
                                           rc=1).err)
        self.assertIn("unix:PATH", self.wdctl("list", "--device", "unix:",
                                           rc=1).err)
        self.assertIn("frobnicate", self.wdctl("frobnicate", rc=2).err)
        self.assertIn("--json or", self.wdctl("stats", "--json",
                                              "--prometheus", rc=2).err)
        self.assertIn("no option of this", self.wdctl("list", "-b", rc=2).err)
        self.assertIn("out of range", self.wdctl("top", "-d", "0", rc=2).err)
        self.assertIn("-s jobs", self.wdctl("top", "-s", "colour", rc=2).err)
        self.assertIn("-p PID", self.wdctl("top", "-p", "1,x", rc=2).err)

    def test_stats_of_a_process(self):
        os.mkdir(self.path("stats"))
        # dgst has loaded default by the time it reads its options.
        self.openssl("dgst", *self.BOTH, "-sm3", data=bytes(100000),
                     WD_STATS=self.path("stats"))
        files = os.listdir(self.path("stats"))
        self.assertEqual(len(files), 1, files)
        r = json.loads(self.wdctl("stats", "-j", self.path("stats")).text)
        self.assertTrue(r["total"]["model"])
        self.assertGreater(r["total"]["sm3"]["jobs"], 0)
        self.assertEqual(r["processes"][0]["program"], "openssl")
        self.assertFalse(r["processes"][0]["alive"])
        text = self.wdctl("stats", self.path("stats/" + files[0])).text
        self.assertRegex(text, r"sm3 +[1-9]")

    def test_stats_of_other_files(self):
        self.write("wd.1", b"short")
        self.write("wd.2", b"")
        self.write("wd.3", bytes(1 << 20))
        err = self.wdctl("stats", self.dir, rc=1).err
        for name, why in (("wd.1", "too short"), ("wd.2", "empty"),
                          ("wd.3", "not a statistics file")):
            self.assertRegex(err, f"{name}: .*{why}")
        self.assertIn("No such file", self.wdctl("stats", self.path("no"),
                                                 rc=1).err)

    def test_a_directory_that_is_not_there_is_no_reason_to_fail(self):
        r = self.openssl("dgst", "-provider", "wd", "-sm3",
                         data=bytes(100000), WD_STATS="/nonexistent",
                         WD_LOG="warning")
        self.assertIn("/nonexistent", r.err)


if __name__ == "__main__":
    wdtest.main()
