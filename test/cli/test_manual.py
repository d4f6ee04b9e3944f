# SPDX-License-Identifier: Apache-2.0
"""provider-wd(7) says what the code does."""

import os
import re

import wdtest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def text_of(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


class Manual(wdtest.ProviderTest):
    def setUp(self):
        super().setUp()
        self.page = text_of("docs", "man", "provider-wd.7.md")

    def keys(self):
        """name -> what is allowed, from the table the code is made of."""
        keys = {}
        table = text_of("provider", "wdp_keys.def")
        for row in re.findall(r"WDP_KEY\((.*?)\)\n", table, re.S):
            strings = re.findall(r'"((?:[^"\\]|\\.)*)"', row)
            keys[strings[0]] = "".join(strings[1:])
        return keys

    def test_the_list_of_keys_is_the_table_of_keys(self):
        section = self.page.split("## CONFIGURATION")[1].split("\n## ")[0]
        listed = dict(re.findall(r"^`(\w+)`\n:   (.*)\.$", section, re.M))
        self.assertGreater(len(listed), 10)
        self.assertEqual(listed, self.keys())

    def test_the_kinds_and_their_thresholds_are_listed(self):
        table = re.findall(r'OFFLOAD_KIND\(\w+,\s*"([^"]+)",.*?'
                           r'(\d+), (\d+), (\d+), (\d+)\)',
                           text_of("offload", "offload_kinds.def"))
        table = {kind: least for kind, *least in table}
        section = self.page.split("## THRESHOLDS")[1].split("\n## ")[0]
        listed = {kind: row[:4]
                  for row in (line.strip("| ").split(" | ")
                              for line in section.splitlines()
                              if re.match(r"\| \d", line))
                  for kind in re.findall(r"`([^`]+)`", row[4])}
        self.assertGreater(len(listed), 30)
        self.assertEqual(table, listed)

    def test_the_options_of_the_model_are_those_it_takes(self):
        table = re.search(r"emu_options\[\] = \{(.*?)\n\};",
                          text_of("emu", "emu_opts.c"), re.S).group(1)
        takes = set(re.findall(r'\{ "(\w+)"', table)) | {"fault"}
        section = self.page.split("## THE MODEL")[1].split("\n## ")[0]
        terms = "".join(re.findall(r"^(`.*)\n:", section, re.M))
        self.assertEqual(takes, set(re.findall(r"`(\w+)", terms)) - {""})

    def test_the_parameters_are_those_the_provider_has(self):
        r = self.openssl("list", "-providers", "-verbose", "-provider", "wd")
        has = set(re.findall(r"^\s+(wd-\w+):", r.text, re.M))
        section = self.page.split("## PARAMETERS")[1].split("\n## ")[0]
        self.assertEqual(has, set(re.findall(r"^`(wd-\w+)`$", section, re.M)))


if __name__ == "__main__":
    wdtest.main()
