# SPDX-License-Identifier: Apache-2.0
"""What processes do, seen from outside: wdctl stats, top and clean beside what
the programs themselves say, and beside files that are not what they seem."""
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import random
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import termios
import threading
import time

from prometheus_client.parser import text_string_to_metric_families

import wdtest

TOOL = os.path.join(wdtest.BUILD, "tools", "wdctl")
TOP = pathlib.Path(__file__).resolve().parents[2]
BENCH = os.path.join(wdtest.BUILD, "tools", "wdbench")
# Offsets in a statistics file (offload/stats_file.h).
VERSION, SIZE, PID, KINDS, LANES, MADE, PROGRAM = 8, 12, 16, 20, 28, 32, 40


def patched(data, *changes):
    """The bytes of a file with (offset, format, value) changed."""
    data = bytearray(data)
    for offset, form, value in changes:
        struct.pack_into("=" + form, data, offset, value)
    return bytes(data)


class Stats(wdtest.ProviderTest):
    def setUp(self):
        super().setUp()
        self.stats = self.path("stats")
        os.mkdir(self.stats)

    def wdctl(self, *args, rc=0, **kw):
        """With the directory of this test, unless @args name another."""
        env = self.env(WD_STATS=kw.pop("stats", self.stats), **kw)
        r = self.run_program(TOOL, *args, env=env)
        self.assertEqual(r.rc, rc, str(r))
        return r

    @contextlib.contextmanager
    def load(self, *args, seconds=30, device="emu:inline", count=1):
        """Something that offloads all the time; yields when it has begun."""
        args = args or ("-async_jobs", "32", "rsa2048")
        env = self.env(device=device, WD_STATS=self.stats)
        before = set(os.listdir(self.stats))
        run = [subprocess.Popen(
            [wdtest.OPENSSL, "speed", "-provider", "wd", "-seconds",
             str(seconds), *args], env=env, cwd=self.dir,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for _ in range(count)]
        try:
            end = time.monotonic() + self.TIMEOUT
            while len(set(os.listdir(self.stats)) - before) < count or not all(
                    p["rsa-private"]["jobs"] for p in self.json()):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)
            yield run if count > 1 else run[0]
        finally:
            for p in run:
                p.kill()
                p.wait()
                p.stdout.close()

    @contextlib.contextmanager
    def frozen(self, p):
        """Numbers that stand still."""
        p.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, p.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            yield
        finally:
            p.send_signal(signal.SIGCONT)

    def json(self, *args):
        return json.loads(self.wdctl("stats", "-j", *args).text)["processes"]

    def ended_file(self):
        """Bytes of the file of a process that was there for a moment."""
        folder = self.path("once")
        os.mkdir(folder)
        self.openssl("dgst", *self.BOTH, "-sm3", data=bytes(100000),
                     device="emu:inline", WD_STATS=folder)
        name, = os.listdir(folder)
        data = pathlib.Path(folder, name).read_bytes()
        shutil.rmtree(folder)
        return data

    def put(self, data, pid=None, name=None):
        """A file as if of a process; of this one, which is alive."""
        pid = pid or os.getpid()
        path = os.path.join(self.stats, name or "wd.%d" % pid)
        data = patched(data, (PID, "I", pid)) if len(data) > 20 else data
        pathlib.Path(path).write_bytes(data)
        return path


class Seen(Stats):
    def test_a_process_counts_what_it_does(self):
        env = self.env(device="emu:inline", WD_STATS=self.stats)
        r = self.run_program(wdtest.OPENSSL, "speed", "-provider", "wd",
                             "-seconds", "1", "-async_jobs", "8", "rsa2048",
                             env=env)
        done = re.search(r"(\d+) 2048 bits private RSA", r.text + r.err)
        r, = self.json("--all")
        self.assertFalse(r["alive"])
        self.assertEqual(r["in_flight"], 0)
        kind = r["rsa-private"]
        # Each job signs before the clock runs, and ends what it began after.
        self.assertGreaterEqual(kind["jobs"], int(done[1]))
        self.assertLessEqual(kind["jobs"], int(done[1]) + 2 * 8 + 2)
        self.assertEqual(kind["bytes"], 256 * kind["jobs"])
        self.assertEqual(kind["done"], kind["jobs"])
        self.assertEqual(kind["errors"] + kind["timeouts"], 0)
        self.assertGreaterEqual(r["wakes"], kind["async"])
        queue, = r["queues"]
        self.assertEqual(queue["rsa-private"]["jobs"], kind["jobs"])
        self.assertEqual(queue["class"], "rsa-dh")
        self.assertRegex(queue["device"], r"^hisi_hpre-\d+$")

    def test_a_running_process_and_its_queue(self):
        with self.load() as p:
            text = self.wdctl("stats").text
            self.assertRegex(text, r"(?m)^ *%d \S+ +openssl +1 +\d+/256 .*"
                             "model$" % p.pid)
            with self.frozen(p):
                r, = self.json(p.pid)
                again, = self.json(p.pid)
                text = self.wdctl("stats", p.pid).text
            self.assertTrue(r["alive"])
            self.assertEqual(again["rsa-private"], r["rsa-private"])
            self.assertEqual(r["depth"], 256)
            self.assertLessEqual(r["in_flight"], 32)
            flying = sum(k["jobs"] - k["done"] for k in r.values()
                         if isinstance(k, dict) and "done" in k)
            self.assertEqual(r["in_flight"], flying)
            self.assertRegex(text, r"rsa-private +%d " %
                             r["rsa-private"]["jobs"])
            self.assertRegex(text, r"0 hisi_hpre-\d +rsa-dh +open +%d/256" %
                             flying)
            # What it has mapped shows where to look.
            self.assertIn("%d openssl" % p.pid,
                          self.wdctl("stats", p.pid, stats=None).text)
            self.assertRegex(self.wdctl("stats", stats=None).text,
                             r"(?m)^ *%d " % p.pid)
            # Looking is not noticed.
            for _ in range(20):
                self.wdctl("stats", p.pid)
            self.assertIsNone(p.poll())

    def test_rates_are_of_the_time_looked_at(self):
        with self.load() as p:
            r, = self.json("--over", "0.5", p.pid)
            total, = self.json(p.pid)
        self.assertGreater(r["rsa-private"]["jobs"], 0)
        self.assertLess(r["rsa-private"]["jobs"],
                        total["rsa-private"]["jobs"])
        self.assertGreaterEqual(r["seconds"], 0.5)
        self.assertLess(r["seconds"], 30)

    def test_software_says_why(self):
        """A device that fails, and one that is stuck."""
        for device, why in (("emu:inline,fault=hpre.status/1", "error"),
                            ("emu:fault=hpre.drop/1", "timeout")):
            with self.subTest(why):
                shutil.rmtree(self.stats)
                os.mkdir(self.stats)
                self.openssl("genpkey", "-provider", "default", "-algorithm",
                             "RSA", "-out", self.path("k.pem"), device="none")
                self.openssl("dgst", *self.BOTH, "-sha256", "-sign",
                             self.path("k.pem"), data=b"x", device=device,
                             WD_STATS=self.stats, WD_TIMEOUT_MS=100,
                             ok=None)
                r, = self.json("--all")
                self.assertGreater(r["software_why"][why], 0, r)
                self.assertEqual(r["rsa-private"]["software"],
                                 sum(r["software_why"].values()))

    def test_many_queues_make_the_file_longer(self):
        self.run_program(BENCH, "-p", "wd", "-t", "6", "-s", "0.3",
                         "rsa2048-sign",
                         env=self.env(device="emu:inline",
                                      WD_STATS=self.stats))
        r = max(self.json("--all"), key=lambda p: len(p["queues"]))
        self.assertGreater(len(r["queues"]), 4)
        self.assertEqual(r["rsa-private"]["jobs"],
                         sum(q["rsa-private"]["jobs"] for q in r["queues"]
                             if "rsa-private" in q))

    def test_no_room_for_a_file_is_no_reason_to_fail(self):
        for limit in (0, 1000, 30000):
            with self.subTest(limit):
                r = self.run_program(
                    "prlimit", "--fsize=%d" % limit, wdtest.OPENSSL, "dgst",
                    *self.BOTH, "-sm3", data=bytes(100000),
                    env=self.env(device="emu:inline", WD_STATS=self.stats))
                self.assertEqual(r.rc, 0, str(r))
        self.assertEqual(self.json("--all") if not os.listdir(self.stats)
                         else [], [])

    def test_who_may_see_what(self):
        if os.geteuid():
            self.skipTest("needs root")
        os.chmod(self.dir, 0o755)
        os.chmod(self.stats, 0o3777)
        nobody = 65534
        with self.load() as p:
            mode = os.stat(os.path.join(self.stats, "wd.%d" % p.pid)).st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o640)
            env = self.env(WD_STATS=self.stats)
            other = subprocess.run([TOOL, "stats"], env=env, cwd="/",
                                   user=nobody, group=nobody, text=True,
                                   extra_groups=[], check=False,
                                   stdout=subprocess.PIPE)
            self.assertIn("1 of other users are not shown", other.stdout)
            other = subprocess.run([TOOL, "stats", str(p.pid)], env=env,
                                   cwd="/", user=nobody, group=nobody,
                                   extra_groups=[], text=True, check=False,
                                   stderr=subprocess.PIPE)
            self.assertEqual(other.returncode, 1)
            self.assertIn("may read", other.stderr)
            # A file that another user made does not speak for root's process.
            shutil.copy(os.path.join(self.stats, "wd.%d" % p.pid),
                        os.path.join(self.stats, "wd.%d.9" % p.pid))
            os.chown(os.path.join(self.stats, "wd.%d.9" % p.pid), nobody, -1)
            self.assertEqual([q["user"] for q in self.json()], ["root"])


class Ended(Stats):
    def test_files_of_ended_processes_are_told_and_removed(self):
        with self.load():
            data = self.ended_file()
            made, = struct.unpack_from("=Q", data, MADE)
            # No such process; an older file of a number used again; a file of
            # before the machine was started.
            self.put(data, pid=999999)
            self.put(patched(data, (MADE, "Q", 1)), pid=os.getpid())
            self.put(patched(data, (MADE, "Q", made + 10 ** 15)),
                     pid=os.getppid())
            self.assertEqual(len(self.json()), 1)
            self.assertEqual(len(self.json("--all")), 4)
            self.assertIn("3 have ended", self.wdctl("stats").text)
            top = self.wdctl("top", "-b", "-n", "1").text
            self.assertIn(" 1 process,", top)
            self.assertIn("3 removed, 1 kept", self.wdctl("clean").text)
            self.assertEqual(len(os.listdir(self.stats)), 1)

    def test_there_is_nobody(self):
        self.assertIn("no process that uses wd", self.wdctl("stats").text)
        self.assertEqual(self.json(), [])
        self.assertIn("no process that uses wd",
                      self.wdctl("stats", os.getpid(), rc=1).err)
        self.assertIn("0 processes", self.wdctl("top", "-b", "-n", "1").text)
        self.assertIn("0 removed", self.wdctl("clean").text)
        self.assertIn("No such file", self.wdctl(
            "top", "-b", "--dir", self.path("no"), rc=1).err)


class Prometheus(Stats):
    def test_the_shipped_unit_collects_and_tidies_up(self):
        unit = (TOP / "conf/systemd/wd-stats.service").read_text()
        self.put(self.ended_file(), pid=999999)
        with self.load():
            for line in re.findall(r"(?m)^ExecStart=(.*)", unit):
                tool, *args = line.replace("/var/lib/prometheus/node-exporter",
                                           self.dir).split()
                self.assertEqual(tool, "/usr/bin/wdctl")
                self.wdctl(*args)
            self.assertEqual(len(os.listdir(self.stats)), 1)
        found = self.metrics(self.read("wd.prom").decode())
        self.assertGreater(self.total(found["wd_jobs"]), 0)

    def metrics(self, text):
        """By name, each a list of samples; checked for its form."""
        found = {}
        for family in text_string_to_metric_families(text):
            self.assertNotIn(family.name, found)
            self.assertTrue(family.documentation)
            self.assertIn(family.type, ("counter", "gauge"))
            for sample in family.samples:
                self.assertTrue(sample.name.startswith("wd_"))
                self.assertEqual(sample.name.endswith("_total"),
                                 family.type == "counter", sample)
            found[family.name] = family.samples
        # A sample is there once.
        names = [line.rsplit(" ", 1)[0] for line in text.splitlines()
                 if not line.startswith("#")]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(text.endswith("\n"))
        return found

    @staticmethod
    def total(samples, **labels):
        return sum(s.value for s in samples
                   if labels.items() <= s.labels.items())

    def test_two_processes_sum_up(self):
        with self.load(count=2) as run, self.frozen(run[0]), \
                self.frozen(run[1]):
            text = self.wdctl("stats", "--prometheus").text
            there = self.json()
        found = self.metrics(text)
        self.assertEqual(found["wd_processes"][0].value, 2)
        for p in there:
            mine = {"pid": str(p["pid"]), "comm": "openssl"}
            for kind in ("rsa-private", "rsa-public"):
                for name, key in (("jobs", "jobs"), ("bytes", "bytes"),
                                  ("done", "done"), ("async_jobs", "async")):
                    self.assertEqual(
                        self.total(found["wd_" + name], kind=kind, lane="0",
                                   device=p["queues"][0]["device"], **mine),
                        p[kind][key])
            self.assertEqual(self.total(found["wd_doorbells"],
                                        direction="down", **mine),
                             p["sq_bells"])
            self.assertEqual(self.total(found["wd_wakes"], **mine),
                             p["wakes"])
            self.assertEqual(self.total(found["wd_in_flight"], **mine),
                             p["in_flight"])
            self.assertEqual(self.total(found["wd_depth"], **mine), 256)
            self.assertAlmostEqual(
                self.total(found["wd_spun_seconds"], **mine),
                p["spun_ns"] / 1e9, places=6)
        self.assertEqual(self.total(found["wd_jobs"]),
                         sum(k["jobs"] for p in there for k in p.values()
                             if isinstance(k, dict) and "jobs" in k))

    def test_the_file_of_a_collector_is_replaced_whole(self):
        target = self.write("wd.prom", b"old")
        with self.load():
            self.wdctl("stats", "--prometheus", "-o", target)
            self.assertGreater(
                self.total(self.metrics(self.read("wd.prom").decode())
                           ["wd_jobs"]), 0)
        self.assertEqual(stat.S_IMODE(os.stat(target).st_mode), 0o644)
        self.assertEqual(sorted(os.listdir(self.dir)), ["stats", "wd.prom"])
        self.wdctl("stats", "--prometheus", "-o", self.path("no/wd.prom"),
                   rc=1)
        self.wdctl("stats", "--prometheus", "-o", self.stats, rc=1)
        self.assertEqual(sorted(os.listdir(self.dir)), ["stats", "wd.prom"])

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            r = subprocess.run([TOOL, "stats", "--prometheus"],
                               env=self.env(WD_STATS=self.stats), stdout=full,
                               stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(r.returncode, 1)
        self.assertIn("No space", r.stderr)

    def test_names_with_quotes(self):
        name = b'a"b\\c\nd{}\x1b[2J\xff'
        data = patched(self.ended_file(), (PROGRAM, "32s", name))
        self.put(data)
        text = self.wdctl("stats", "--prometheus").text
        sample, = self.metrics(text)["wd_model"]
        self.assertEqual(sample.labels["comm"], 'a"b\\c?d{}?[2J?')
        r, = self.json()
        self.assertEqual(r["program"], 'a"b\\c?d{}?[2J?')
        for args in (("stats",), ("stats", "-a"), ("top", "-b", "-n", "1")):
            self.assertNotIn("\x1b", self.wdctl(*args).text)


class Hostile(Stats):
    def test_each_is_refused_with_a_word(self):
        good = self.ended_file()
        rows = {
            "empty": b"",
            "too short": b"wwdstats",
            "not finished": bytes(len(good)),
            "not a statistics file": b"x" * len(good),
            "another version": patched(good, (VERSION, "I", 2)),
            "another build": patched(good, (SIZE, "I", 1000)),
            "another build of": patched(good, (KINDS, "I", 3)),
            "damaged": patched(good, (LANES, "I", 257)),
            "cut short": good[:len(good) // 2],
            "cut": patched(good, (LANES, "I", 200)),
        }
        for why, data in rows.items():
            with self.subTest(why):
                path = self.write("file", data)
                self.assertIn(why, self.wdctl("stats", path, rc=1).err)
        path = self.write("file", patched(good, (PID, "I", 0)))
        self.assertIn("damaged", self.wdctl("stats", path, rc=1).err)

    def test_what_is_no_file(self):
        good = self.ended_file()
        os.mkfifo(os.path.join(self.stats, "wd.1"))
        os.symlink("/etc/passwd", os.path.join(self.stats, "wd.2"))
        os.mkdir(os.path.join(self.stats, "wd.3"))
        pathlib.Path(self.stats, "wd.4").write_bytes(good)
        for name in ("wd.", "wd.x", "wd.5x", "wd.6.", "passwd"):
            pathlib.Path(self.stats, name).write_bytes(b"not looked at")
        with open(os.path.join(self.stats, "wd.7"), "wb") as f:
            f.truncate(1 << 40)
        r = self.wdctl("stats", rc=1)
        for name, why in (("wd.1", "not a regular file"),
                          ("wd.2", "a symbolic link"),
                          ("wd.3", "not a regular file"),
                          ("wd.4", "of another process than its name"),
                          ("wd.7", "not a statistics file")):
            self.assertRegex(r.err, r"/%s: .*%s" % (re.escape(name), why))
        self.assertEqual(len(r.err.splitlines()), 5, r.err)
        self.assertIn("5 broken files",
                      self.wdctl("top", "-b", "-n", "1").text)
        self.assertIn("wd_broken_files 5",
                      self.wdctl("stats", "--prometheus", rc=1).text)

    def test_random_damage_is_survived(self):
        """Every byte may be anything: no crash, and what is said is text."""
        good, rng = self.ended_file(), random.Random(6)
        for i in range(300):
            data = bytearray(good)
            for _ in range(rng.choice((1, 4, 200))):
                at = rng.choice((rng.randrange(len(data)),
                                 rng.randrange(1100)))
                data[at] = rng.choice((0, 255, rng.randrange(256)))
            if i % 5 == 0:
                data = data[:rng.randrange(len(data))]
            self.put(bytes(data), pid=1000 + i)
            # These live as we do.
            self.put(bytes(data), name="wd.%d.%d" % (os.getpid(), i))
        for args in (("stats",), ("stats", "-a"), ("stats", "-j", "-a"),
                     ("stats", "--over", "0.01", "-a"),
                     ("stats", self.stats), ("stats", "--prometheus"),
                     ("top", "-b", "-l", "-n", "2", "-d", "0.1")):
            with self.subTest(args):
                env = self.env(WD_STATS=self.stats)
                r = self.run_program(TOOL, *args, env=env)
                self.assertIn(r.rc, (0, 1), str(r))
                self.assertNotRegex(r.text, r"[^\n -~]")
                self.assertNotRegex(r.err, r"[^\n -~]")
                if "-j" in args:
                    json.loads(r.text)
                if "--prometheus" in args:
                    list(text_string_to_metric_families(r.text))

    def test_a_file_that_shrinks_while_it_is_read(self):
        good = self.ended_file()
        path = self.put(good)
        stop = threading.Event()

        def shrink():
            while not stop.is_set():
                os.truncate(path, 5000)
                with open(path, "r+b") as f:
                    f.write(good)

        thread = threading.Thread(target=shrink)
        thread.start()
        try:
            for _ in range(50):
                r = self.run_program(TOOL, "stats", path)
                self.assertIn(r.rc, (0, 1), str(r))
        finally:
            stop.set()
            thread.join()


class Top(Stats):
    FIRST, OTHER = b"\x1b[?1049l", b"\x1b[?1049h"

    def test_frames_as_plain_text(self):
        with self.load() as p:
            text = self.wdctl("top", "-n", "3", "-d", "0.2", "-l").text
        frames = text.split("wdctl top - ")[1:]
        self.assertEqual(len(frames), 3)
        for f in frames:
            row = re.search(r"(?m)^ *%d \S+ +openssl +(\d+)/256 +\d+%% +(\S+)"
                            % p.pid, f)
            self.assertLessEqual(int(row[1]), 32)
            self.assertGreater(float(row[2].rstrip("k")), 0)
            self.assertRegex(f, r"(?m)^ +0 hisi_hpre-\d +rsa-dh .*[#.]{10}")
        self.assertNotIn("\x1b", text)

    def test_only_those_asked_for_in_the_order_asked_for(self):
        with self.load(count=2) as run:
            pids = sorted(p.pid for p in run)
            text = self.wdctl("top", "-n", "1", "-s", "pid").text
            self.assertEqual(re.findall(r"(?m)^ *(\d+) \S+ +openssl", text),
                             [str(n) for n in pids])
            text = self.wdctl("top", "-n", "1", "-p", pids[1]).text
            self.assertEqual(re.findall(r"(?m)^ *(\d+) \S+ +openssl", text),
                             [str(pids[1])])

    def test_processes_come_and_go(self):
        with subprocess.Popen([TOOL, "top", "-n", "40", "-d", "0.1"],
                              env=self.env(WD_STATS=self.stats),
                              stdout=subprocess.PIPE, text=True) as top:
            for _ in range(3):
                with self.load():
                    pass
                shutil.rmtree(self.stats)
                os.mkdir(self.stats)
            out = top.communicate(timeout=60)[0]
        self.assertEqual(top.returncode, 0)
        counts = re.findall(r" (\d) process", out)
        self.assertEqual(len(counts), 40)
        self.assertEqual(set(counts), {"0", "1"})

    @contextlib.contextmanager
    def terminal(self, *args, rows=24, columns=80):
        """top on a terminal; yields (process, read until, resize)."""
        master, slave = pty.openpty()

        def resize(rows, columns):
            fcntl.ioctl(master, termios.TIOCSWINSZ,
                        struct.pack("HHHH", rows, columns, 0, 0))

        resize(rows, columns)
        p = subprocess.Popen([TOOL, "top", *args],
                             env=self.env(WD_STATS=self.stats, TERM="xterm"),
                             stdin=slave, stdout=slave, stderr=slave,
                             start_new_session=True, preexec_fn=lambda:
                             fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        said = bytearray()

        def until(pattern, since=0):
            end = time.monotonic() + self.TIMEOUT
            while not re.search(pattern, said[since:], re.S):
                self.assertLess(time.monotonic(), end, bytes(said[-3000:]))
                if select.select([master], [], [], 0.1)[0]:
                    with contextlib.suppress(OSError):
                        said.extend(os.read(master, 65536))
            return len(said)

        try:
            yield p, master, slave, until, resize, said
        finally:
            if p.poll() is None:
                p.kill()
            p.wait()
            os.close(master)
            os.close(slave)

    def frames(self, said, since=0):
        """Whole frames, lists of lines without what makes colours."""
        for text in bytes(said[since:]).split(b"\x1b[H")[1:]:
            if b"\x1b[J" in text:
                text = text.split(b"\x1b[J")[0]
                text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.decode())
                yield re.split(r"\r+\n", text)

    def test_a_terminal_and_its_size(self):
        data = self.ended_file()
        for i in range(30):
            self.put(data, name="wd.%d.%d" % (os.getpid(), i))
        with self.terminal("-d", "0.2", rows=24, columns=80) as (
                p, master, slave, until, resize, said):
            was = termios.tcgetattr(slave)
            at = until(rb"\x1b\[H.*\x1b\[J")
            self.assertFalse(termios.tcgetattr(slave)[3] & termios.ECHO)
            for rows, columns in ((10, 60), (40, 150), (3, 20), (1, 1)):
                resize(rows, columns)
                # One may be on its way, the next is of the new size.
                at = until(rb"(\x1b\[H.*?\x1b\[J.*?){3}", since=at)
                frame = list(self.frames(said))[-1]
                self.assertLessEqual(len(frame), rows)
                self.assertLessEqual(max(map(len, frame)), columns)
                if rows == 10:
                    self.assertEqual(frame[-1], "... and more")
                if rows == 40:
                    self.assertEqual(
                        len([l for l in frame if "openssl" in l]), 30)
            resize(50, 160)
            os.write(master, b"l")
            until(rb"hisi_sec2-\d +closed", since=at)
            os.write(master, b"s")
            until(rb"by bytes", since=at)
            os.write(master, b"\x1b[A xyz")
            self.assertIsNone(p.poll())
            os.write(master, b"q")
            until(re.escape(self.FIRST))
            self.assertEqual(p.wait(30), 0)
            self.assertTrue(termios.tcgetattr(slave)[3] & termios.ECHO)
            self.assertEqual(termios.tcgetattr(slave)[:6],
                             [*was[:3], was[3] | termios.ECHO |
                              termios.ICANON, *was[4:6]])
        self.assertEqual(said.count(self.OTHER), said.count(self.FIRST))

    def test_signals_leave_the_terminal_as_it_was(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                       signal.SIGQUIT):
            with self.subTest(number), self.terminal("-d", "60") as (
                    p, _, slave, until, _, said):
                until(rb"\x1b\[H.*\x1b\[J")
                p.send_signal(number)
                until(re.escape(self.FIRST))
                self.assertEqual(p.wait(30), -number)
                self.assertTrue(said.endswith(b"\x1b[?25h" + self.FIRST))
                lflag = termios.tcgetattr(slave)[3]
                self.assertTrue(lflag & termios.ECHO)
                self.assertTrue(lflag & termios.ICANON)

    def test_stopped_and_continued(self):
        with self.terminal("-d", "60") as (p, master, slave, until, _, said):
            until(rb"\x1b\[H.*\x1b\[J")
            os.write(master, b"\x1a")
            at = until(re.escape(self.FIRST))
            os.waitid(os.P_PID, p.pid, os.WSTOPPED)
            self.assertTrue(termios.tcgetattr(slave)[3] & termios.ECHO)
            p.send_signal(signal.SIGCONT)
            until(re.escape(self.OTHER) + rb".*\x1b\[H.*\x1b\[J", since=at)
            self.assertFalse(termios.tcgetattr(slave)[3] & termios.ECHO)
            os.write(master, b"q")
            self.assertEqual(p.wait(30), 0)

    def test_a_number_of_frames_on_a_terminal(self):
        with self.terminal("-n", "2", "-d", "0.1") as (
                p, _, _, until, _, said):
            until(re.escape(self.FIRST))
            self.assertEqual(p.wait(30), 0)
            self.assertEqual(len(list(self.frames(said))), 2)


if __name__ == "__main__":
    wdtest.main()
