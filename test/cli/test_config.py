# SPDX-License-Identifier: Apache-2.0
"""The configuration as an administrator meets it."""

import os
import re

import wdtest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))


class Config(wdtest.ProviderTest):
    def providers(self, conf=None, **env):
        """Names of the active providers, and the log's lines."""
        log = self.path("log")
        r = self.openssl("list", "-providers", conf=conf,
                         WD_LOG=env.pop("WD_LOG", "debug:" + log), **env)
        names = re.findall(r"^  (\S+)$", r.text, re.M)
        text = self.read("log").decode() if os.path.exists(log) else ""
        return names, [l for l in text.splitlines() if "configuration:" in l]

    def test_the_shipped_file_activates_default_and_wd(self):
        conf = os.path.join(TOP, "conf", "openssl-wd.cnf")
        self.assertEqual(self.providers(conf=conf), (["default", "wd"], []))

    def test_the_shipped_file_works_where_there_is_no_system_file(self):
        with open(os.path.join(TOP, "conf", "openssl-wd.cnf")) as f:
            text = f.read()
        self.assertIn("/etc/ssl/openssl.cnf", text)
        conf = self.write("c.cnf", text.replace("/etc/ssl/openssl.cnf",
                                                "/nonexistent.cnf"))
        self.assertEqual(self.providers(conf=conf), (["default", "wd"], []))

    def test_every_key_of_the_shipped_file_is_known(self):
        with open(os.path.join(TOP, "conf", "openssl-wd.cnf")) as f:
            text = f.read()
        text = re.sub(r"^#(module .*)$", r"##\1", text, flags=re.M)
        text, n = re.subn(r"^#(\w+ = )", r"\1", text, flags=re.M)
        self.assertGreater(n, 8)
        text = text.replace("/var/log/wd.log", self.path("log"))
        conf = self.write("c.cnf", text)
        self.assertEqual(self.providers(conf=conf), (["default", "wd"], []))

    def test_an_unknown_key_is_named_and_wd_still_loads(self):
        names, log = self.providers(conf=self.conf(wd="queue = 2"))
        self.assertEqual(names, ["default", "wd"])
        self.assertEqual(len(log), 1)
        self.assertIn("queue is not a key of wd", log[0])

    def test_a_section_instead_of_a_value_is_looked_into(self):
        conf = self.conf(wd="min_bytes = sizes",
                         sizes="sm3 = 100\nsm33 = 100\naes-gcm = x")
        names, log = self.providers(conf=conf)
        self.assertEqual(names, ["default", "wd"])
        self.assertEqual(len(log), 2)
        text = "\n".join(log)
        self.assertIn("min_bytes.sm33 is not a key of wd", text)
        self.assertIn("min_bytes.aes-gcm = x is not allowed", text)

    def test_another_providers_keys_are_none_of_our_business(self):
        conf = self.conf(providers=("default", "wd"))
        with open(conf, "a") as f:
            f.write("[default_sect]\nqueue = 7\n")
        self.assertEqual(self.providers(conf=conf), (["default", "wd"], []))

    def test_the_environment_goes_before_the_file(self):
        conf = self.conf(wd="device = none\nbatch = 99")
        _, log = self.providers(conf=conf, WD_BATCH="8")
        self.assertEqual(len(log), 1)
        self.assertIn("batch = 99 is not allowed; allowed: 1 to 64", log[0])

    def test_an_unknown_variable_is_named(self):
        _, log = self.providers(conf=self.conf(), WD_QUEUE="1")
        self.assertEqual(len(log), 1)
        self.assertIn("WD_QUEUE is not a key of wd", log[0])

    def test_a_mistake_is_on_the_error_queue_of_an_explicit_load(self):
        # pkey prints what is on the queue when it fails for another reason.
        r = self.openssl("pkey", "-provider", "default", "-provider", "wd",
                         "-in", "/nonexistent", ok=False, WD_BATCH="0")
        self.assertIn("WD_BATCH = 0 is not allowed; allowed: 1 to 64", r.err)

    def test_a_bad_device_is_named_and_nothing_is_offloaded(self):
        names, _ = self.providers(conf=self.conf(), device="emu:warp=9")
        self.assertEqual(names, ["default", "wd"])
        self.assertIn("warp", self.read("log").decode())

    def test_stderr_is_a_place_to_log_to(self):
        r = self.openssl("list", "-providers", "-provider", "wd",
                         WD_LOG="stderr", WD_POLL="often")
        self.assertIn("WD_POLL = often is not allowed", r.err)

    def test_nothing_is_said_unasked(self):
        r = self.openssl("list", "-providers", "-provider", "wd",
                         WD_POLL="often")
        self.assertEqual(r.err, "")


if __name__ == "__main__":
    wdtest.main()
