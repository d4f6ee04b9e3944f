# SPDX-License-Identifier: Apache-2.0
"""Every interleaving of the models in this directory, by spin: the rules hold,
and each rule that is left out (BUG=n) is missed by somebody."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def errors(model, *defines):
    """Errors spin finds in all states of the model."""
    with tempfile.TemporaryDirectory() as tmp:
        def run(*cmd):
            r = subprocess.run(cmd, cwd=tmp, text=True, timeout=100,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
            return r.stdout

        shutil.copy(os.path.join(HERE, model), tmp)
        said = run("spin", *defines, "-a", model)
        said += run("gcc", "-O0", "-w", "-DSAFETY", "-o", "pan", "pan.c")
        said += run("./pan", "-m1000000")
        found = re.search(r"errors: (\d+)", said)
        if not found or "too long" in said or "out of memory" in said:
            raise AssertionError(said)
        return int(found.group(1))


@unittest.skipUnless(shutil.which("spin"), "spin is not installed")
class Spin(unittest.TestCase):
    def test_a_job_ends_well_whatever_happens(self):
        for defines in ([], ["-DALARM"], ["-DFORK"], ["-DALARM", "-DFORK"],
                        ["-DLATE"], ["-DLATE", "-DFORK"]):
            with self.subTest(defines=defines):
                self.assertEqual(errors("job.pml", *defines), 0)

    def test_each_rule_of_a_job_is_needed(self):
        for n in range(1, 6):
            with self.subTest(bug=n):
                self.assertEqual(
                    errors("job.pml", "-DFORK", "-DBUG=%d" % n), 1)

    def test_nobody_sleeps_for_ever(self):
        self.assertEqual(errors("poller.pml"), 0)

    def test_each_rule_of_the_poller_is_needed(self):
        for n in range(1, 5):
            with self.subTest(bug=n):
                self.assertEqual(errors("poller.pml", "-DBUG=%d" % n), 1)

    def test_somebody_always_listens_for_those_who_wait_in_place(self):
        for defines in ([], ["-DALONE", "-DJOBS=3"]):
            with self.subTest(defines=defines):
                self.assertEqual(errors("watch.pml", *defines), 0)

    def test_each_rule_of_the_watch_is_needed(self):
        for n in range(1, 8):
            with self.subTest(bug=n):
                self.assertEqual(errors("watch.pml", "-DBUG=%d" % n), 1)


if __name__ == "__main__":
    unittest.main()
