# SPDX-License-Identifier: Apache-2.0
"""The device is never idle while there is work: `openssl speed -async_jobs 64
rsa2048` on a model with one thread makes as many signatures a second as a core
does in software, and leaves the application's core alone.

The application is on one core, the model on the other.  Time that other programs
took from the model's thread, as the kernel counts it, is not the application's
fault and left out; the rate of software is by its CPU time, for the same reason.

The model does more than software: each signature is raised to the public
exponent before it leaves (rsa_crt_check), which is a twenty-fifth of the work."""
import glob
import os
import re
import subprocess
import time
import unittest

import wdtest

BITS = "2048"
SECONDS = "2"
DONE = re.compile(r"(\d+) \d+ bits private RSA's? in ([0-9.]+)s")


def sanitized():
    return bool(os.environ.get("WD_PRELOAD"))


def tasks(pid):
    """{tid: name} of a process."""
    out = {}
    for path in glob.glob("/proc/%d/task/*/comm" % pid):
        try:
            with open(path) as f:
                out[int(path.split("/")[4])] = f.read().strip()
        except OSError:
            pass
    return out


def schedstat(pid):
    """ns on a core and ns waited for one: the model's, everybody else's."""
    sums = {True: [0, 0], False: [0, 0]}
    for tid, name in tasks(pid).items():
        with open("/proc/%d/task/%d/schedstat" % (pid, tid)) as f:
            ran, waited = f.read().split()[:2]
        model = name.startswith("wd-emu")
        sums[model][0] += int(ran)
        sums[model][1] += int(waited)
    return sums


@unittest.skipIf(sanitized(), "a sanitizer costs more than wd")
@unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "needs two cores")
class OneCore(wdtest.ProviderTest):
    def pin(self, pid):
        ours, theirs = sorted(os.sched_getaffinity(0))[:2]
        for tid, name in tasks(pid).items():
            os.sched_setaffinity(
                tid, {theirs if name.startswith("wd-emu") else ours})

    def until(self, p, pattern):
        """Read the program's standard error up to here."""
        text = ""
        while True:
            c = p.stderr.read(1)
            if not c:
                self.fail(text)
            text += c.decode()
            found = re.search(pattern, text)
            if found:
                return found

    def run_speed(self, args, between):
        argv = [wdtest.OPENSSL, "speed", "-seconds", SECONDS, *args,
                "rsa" + BITS]
        p = subprocess.Popen(argv, env=self.env(device="emu"), bufsize=0,
                             stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
        self.addCleanup(p.stderr.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        self.until(p, r"private rsa's for \d+s: ")
        before = between(p.pid)
        # Other threads are made by the first job.
        for _ in range(4):
            time.sleep(0.05)
            self.pin(p.pid)
        found = self.until(p, DONE)
        return int(found[1]), float(found[2]), before, between(p.pid)

    def software(self):
        n, cpu, _, _ = self.run_speed(["-provider", "default"],
                                      self.pin)
        return n / cpu

    def offloaded(self):
        """Signatures a second of the model's thread, the share of a core that
        the application's threads took, and how long one of both had to wait
        for its core, as a share of the time."""
        n, elapsed, a, b = self.run_speed(
            ["-provider", "wd", "-async_jobs", "64", "-elapsed"],
            lambda pid: (self.pin(pid), schedstat(pid))[1])
        model, app = ([(y - x) / 1e9 for x, y in zip(a[k], b[k])]
                      for k in (True, False))
        print("    %d in %.2f s; the model ran %.3f and waited %.3f for its "
              "core, the application %.3f and %.3f"
              % (n, elapsed, *model, *app))
        return n / (elapsed - model[1]), app[0] / elapsed, \
            (model[1] + app[1]) / elapsed

    def test_the_model_makes_a_cores_worth_of_signatures(self):
        best, judged = 0, False
        for _ in range(5):
            software = self.software()
            rate, used, waited = self.offloaded()
            print("    software %.0f /s, wd %.0f /s: %.3f; of the "
                  "application's core %.3f"
                  % (software, rate, rate / software, used))
            # Some 20 us an operation beside other programs, openssl speed's
            # own included, which asks select(2) about all jobs each time.
            self.assertLess(used, 0.2)
            best = max(best, rate / software)
            judged = judged or waited < 0.1
            if best >= 0.95:
                return
        if not judged:
            self.skipTest("other programs had the cores")
        self.assertGreaterEqual(best, 0.95)


if __name__ == "__main__":
    wdtest.main()
