# SPDX-License-Identifier: Apache-2.0
"""What wd costs below the threshold, in instructions: the same on a busy
machine as on an idle one.  docs/performance.md has the times.

    test/run_py.sh build test/bench/test_instructions.py     prints them all"""
import glob
import os
import re
import shutil
import unittest

import wdtest

PROGRAM = os.path.join(wdtest.BUILD, "test", "bench", "small_messages")
COUNT = 200  # messages
MOST = {16: 1.10, 1024: 1.03}  # times the default provider's


def sanitized():
    return bool(os.environ.get("WD_PRELOAD"))


def optimized():
    """A build without -O2 is not what is shipped."""
    cache = open(os.path.join(wdtest.BUILD, "CMakeCache.txt")).read()
    return "CMAKE_BUILD_TYPE:STRING=RelWithDebInfo" in cache


@unittest.skipIf(sanitized(), "a sanitizer costs more than wd")
@unittest.skipUnless(shutil.which("valgrind"), "valgrind counts instructions")
class Instructions(wdtest.ProviderTest):
    TIMEOUT = 240

    def counts(self, *only):
        """{row: {provider: instructions a message}}"""
        out = self.path("callgrind")
        r = self.run_program(
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
            "--toggle-collect=measured", "--dump-after=measured",
            PROGRAM, COUNT, *only)
        self.assertEqual(r.rc, 0, str(r))
        rows = r.text.split("\n")[:-1]
        files = sorted(glob.glob(out + ".*"),
                       key=lambda f: int(f.rsplit(".", 1)[1]))
        counts = {}
        for row, name in zip(rows, files):
            with open(name) as f:
                n = int(re.search(r"^(?:summary|totals): (\d+)", f.read(),
                                  re.M).group(1))
            what, provider = row.split()
            counts.setdefault(what, {})[provider] = n / COUNT
        return counts

    def test_small_messages_cost_as_much_as_without_wd(self):
        bad = []
        for row, n in self.counts(*filter(None, [os.environ.get("ROW")])).items():
            ratio = n["wd"] / n["default"]
            print(f"{row:28} {n['default']:8.0f} {n['wd']:8.0f} {ratio:.3f}")
            if ratio > MOST[int(row.rsplit(":", 1)[1])]:
                bad.append(f"{row} {ratio:.3f}")
        self.assertEqual(bad, [])


if __name__ == "__main__":
    wdtest.main()
