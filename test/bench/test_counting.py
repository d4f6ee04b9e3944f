# SPDX-License-Identifier: Apache-2.0
"""What statistics cost on the hot path: callgrind counts the instructions and
the stores of the lines that count, and of the job layer they stand in."""
import collections
import json
import os
import re
import unittest

import wdtest

TOOL = os.path.join(wdtest.BUILD, "tools", "wdctl")
WDBENCH = os.path.join(wdtest.BUILD, "tools", "wdbench")
COUNTS = re.compile(r"stats->|\bs->(jobs|bytes|done|timeouts|errors)\b|"
                    r"\bs->software\[")


def costs(path):
    """Of a profile: (file, line) -> [instructions, loads, stores]."""
    names, found = {}, collections.defaultdict(lambda: [0, 0, 0])
    file, line, called = None, 0, False
    with open(path, encoding="ascii", errors="replace") as f:
        for text in f:
            name = re.match(r"(c?f[lie])=\((\d+)\)(?: (.*))?", text)
            if name:
                if name[3]:
                    names[name[2]] = name[3].strip()
                if not name[1].startswith("c"):
                    file = names[name[2]]
                continue
            if text.startswith("calls="):
                called = True  # what follows is the callee's cost
                continue
            cost = re.match(r"([+-]?\d+|\*)((?: \d+)*)$", text.strip())
            if not cost:
                continue
            if cost[1][0] in "+-":
                line += int(cost[1])
            elif cost[1] != "*":
                line = int(cost[1])
            if not called:
                for i, n in enumerate(cost[2].split()[:3]):
                    found[file, line][i] += int(n)
            called = False
    return found


@unittest.skipIf(os.environ.get("WD_PRELOAD"), "valgrind knows no sanitizers")
class Counting(wdtest.ProviderTest):
    TIMEOUT = 200

    def per_job(self, jobs, stats):
        """(counting, job layer), each [instructions, loads, stores]; without
        a file to count descriptors, for the run."""
        folder, out = self.path("stats"), self.path("profile")
        os.makedirs(folder, exist_ok=True)
        r = self.run_program(
            "valgrind", "--tool=callgrind", "--cache-sim=yes",
            "--callgrind-out-file=" + out + ".%p", WDBENCH, "-d",
            "emu:inline,replay", "-p", "wd", "-j", jobs, "-n", 500,
            "sm3:16k", env=self.env(WD_STATS=folder if stats else None))
        self.assertEqual(r.rc, 0, str(r))
        n = 1
        if stats:
            n = sum(k["jobs"] for k in json.loads(self.run_program(
                TOOL, "stats", "-j", folder).text)["total"].values()
                    if isinstance(k, dict) and "jobs" in k)
        largest = max((os.path.join(self.dir, f)
                       for f in os.listdir(self.dir)
                       if f.startswith("profile.")), key=os.path.getsize)
        sums, source = ([0, 0, 0], [0, 0, 0]), {}
        for (file, line), cost in costs(largest).items():
            # What stats.c does it does when queues are opened.
            if not file or "/offload/stats" in file or (
                    "/offload/" not in file):
                continue
            if file not in source:
                with open(file, encoding="utf-8") as f:
                    source[file] = f.read().split("\n")
            counts = COUNTS.search(source[file][line - 1])
            for i in range(3):
                sums[0][i] += cost[i] if counts else 0
                sums[1][i] += cost[i]
        for f in os.listdir(self.dir):
            if f.startswith("profile."):
                os.unlink(os.path.join(self.dir, f))
        return [[x / n for x in s] for s in sums]

    def test_counting_is_a_few_stores_of_a_job(self):
        for jobs in (0, 16):
            with self.subTest(jobs_in_flight=jobs):
                counting, layer = self.per_job(jobs, True)
                print("\n%2d in flight, a descriptor: %.0f instructions, "
                      "%.0f loads, %.1f stores count; the job layer %.0f"
                      % (jobs, *counting, layer[0]))
                self.assertGreater(counting[2], 1)
                self.assertLess(counting[2], 12)
                self.assertLess(counting[0], 50)
                self.assertLess(counting[0], layer[0] / 10)

    def test_a_file_makes_no_difference(self):
        """Synchronous, one at a time: runs are alike but for spinning."""
        without, _ = self.per_job(0, False)
        with_file, _ = self.per_job(0, True)
        self.assertGreater(without[2], 500 * with_file[2] * 0.9)
        self.assertLess(without[2], 500 * with_file[2] * 1.5)


if __name__ == "__main__":
    wdtest.main()
