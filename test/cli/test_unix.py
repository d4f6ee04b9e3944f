# SPDX-License-Identifier: Apache-2.0
"""A model daemon that many processes share: WD_DEVICE=unix:PATH."""
import array
import json
import mmap
import os
import random
import resource
import signal
import socket
import stat
import struct
import subprocess
import time
import unittest

import wdtest
from wdtest import BUILD, OPENSSL, ProviderTest

MAGIC = 0x57444D31
LIST, OPEN, START, STOP = 1, 2, 3, 4
EBUSY, ENODEV = 16, 19
ANSWER = struct.Struct("=IIiI" "IIHHHHQQII8Q")
DEVICE = struct.Struct("=64sIIIiiIQ256s")
BOTH = ("-provider", "wd", "-provider", "default")
DATA = bytes(300000)


def request(op, name=b"", qc_type=0, pool=0, magic=MAGIC):
    return struct.pack("=IIIIQ64s", magic, op, qc_type, 0, pool, name)


class Raw:
    """The protocol, spoken by hand."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(20)
        try:
            self.sock.connect(path)
        except OSError:
            self.sock.close()
            raise

    def ask(self, data):
        """Return: the answer's fields, and descriptors; None: sent away."""
        try:
            self.sock.send(data)
            text, fds, _, _ = socket.recv_fds(self.sock, 8192, 4)
        except (ConnectionResetError, BrokenPipeError):
            return None, []
        if not text:
            return None, []
        return ANSWER.unpack_from(text), fds

    def close(self):
        self.sock.close()


class UnixTest(ProviderTest):
    def setUp(self):
        super().setUp()
        self.sock = self.path("s")
        self.stats = self.path("stats.json")
        self.device = "unix:" + self.sock

    def daemon(self, *args):
        p = subprocess.Popen([f"{BUILD}/tools/wd-emu", "--listen", self.sock,
                              "--stats", self.stats, *args],
                             stderr=subprocess.PIPE)
        self.addCleanup(self.reap, p)
        end = time.monotonic() + 30
        while not os.path.exists(self.sock) or not self.answers():
            self.assertIsNone(p.poll(), "daemon ended")
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        return p

    def answers(self):
        try:
            Raw(self.sock).close()
        except OSError:
            return False
        return True

    def reap(self, p):
        if p.poll() is None:
            p.kill()
        p.wait()
        p.stderr.close()

    def end(self, p):
        """Ends it nicely; its report."""
        p.send_signal(signal.SIGTERM)
        err = p.stderr.read().decode()
        self.assertEqual(p.wait(30), 0, err)
        with open(self.stats, encoding="ascii") as f:
            return json.load(f)

    def digest(self, device=None, **env):
        r = self.openssl("dgst", *BOTH, "-propquery", "?provider=wd", "-sm3",
                         data=DATA, device=device or self.device, **env)
        self.assertIn("4c45f51b90e8d260a65f4fd120d3e9c0", r.text)
        return r

    def speed(self, seconds=2):
        p = subprocess.Popen([OPENSSL, "speed", "-seconds", str(seconds),
                              *BOTH, "rsa2048"],
                             env=self.env(device=self.device),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(self.end_of, p)
        return p

    def end_of(self, p):
        if p.poll() is None:
            p.kill()
            p.wait()
        p.stdout.close()

    def finish(self, p):
        out = p.communicate(timeout=60)[0].decode()
        self.assertEqual(p.returncode, 0, out)
        self.assertNotRegex(out, "failure|error:")

    def free_queues(self, device=b"hisi_hpre-0"):
        c = Raw(self.sock)
        c.sock.send(request(LIST))
        text = c.sock.recv(8192)
        c.close()
        for at in range(ANSWER.size, len(text), DEVICE.size):
            d = DEVICE.unpack_from(text, at)
            if d[0].rstrip(b"\0") == device:
                return d[4]
        return None

    def until(self, what):
        end = time.monotonic() + 30
        while not what():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def jobs(self, report, engine="hpre"):
        return sum(d["descriptors"] for d in report["devices"]
                   if engine in d["device"])

    # ---- sharing ---------------------------------------------------------

    def test_a_digest_is_done_by_the_daemon(self):
        p = self.daemon()
        self.digest()
        r = self.end(p)
        self.assertGreater(self.jobs(r, "sec"), 0)
        self.assertGreater(r["bells"], 0)
        self.assertFalse(os.path.exists(self.sock))

    def test_both_generations_are_shared(self):
        p = self.daemon("--model", "kunpeng920")
        self.finish(self.speed(1))
        self.assertGreater(self.jobs(self.end(p)), 0)

    def test_two_processes_share_one_device(self):
        p = self.daemon()
        for s in [self.speed(), self.speed()]:
            self.finish(s)
        r = self.end(p)
        self.assertGreaterEqual(r["most"], 2)
        self.assertGreater(self.jobs(r), 10)
        self.assertEqual(r["thrown"], 0)

    def test_a_daemon_that_looks_longer_is_woken_less_often(self):
        kicks = []
        for us in ("0", "1000000"):
            p = self.daemon("--awake-us", us)
            self.finish(self.speed(1))
            r = self.end(p)
            self.assertGreater(r["bells"], 10)
            kicks.append(r["kicks"] / r["bells"])
        # A core that others use may keep it from looking now and then.
        self.assertGreater(kicks[0], 2 * kicks[1])

    def test_more_processes_than_queues_are_all_served(self):
        p = self.daemon("--queues", "1", "--device", "hpre")
        for s in [self.speed() for _ in range(3)]:
            self.finish(s)
        r = self.end(p)
        self.assertEqual(r["most"], 1)
        self.assertGreater(r["full"], 0)

    def test_a_killed_process_gives_its_queue_back(self):
        self.daemon("--queues", "2", "--device", "hpre")
        s = self.speed(20)
        self.until(lambda: self.free_queues() < 2)
        s.kill()
        s.wait()
        self.until(lambda: self.free_queues() == 2)

    def test_after_a_thousand_queues_the_next_gets_software(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 4096:
            self.skipTest(f"only {hard} descriptors allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE,
                        (soft, hard))
        p = self.daemon("--device", "sec")
        held = []
        self.addCleanup(lambda: [c.close() for c in held])
        for _ in range(1025):
            c = Raw(self.sock)
            held.append(c)
            a, fds = c.ask(request(OPEN, b"hisi_sec2-0"))
            for fd in fds:
                os.close(fd)
            if a[2]:
                break
            self.assertEqual(c.ask(request(START))[0][2], 0)
        self.assertEqual(len(held), 1025)
        self.assertEqual(a[2], -EBUSY)
        self.digest()
        r = self.end(p)
        self.assertEqual(r["most"], 1024)
        self.assertEqual(self.jobs(r, "sec"), 0)

    def report(self, p):
        """What the daemon says while it runs."""
        os.truncate(self.stats, 0)
        p.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 20
        while True:
            try:
                with open(self.stats, encoding="ascii") as f:
                    return json.load(f)
            except ValueError:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.02)

    def test_the_daemon_says_who_uses_it(self):
        p = self.daemon()
        s = self.speed(20)
        self.until(lambda: any(c.get("descriptors", 0) > 10
                               for c in self.report(p)["clients"]))
        mine = [c for c in self.report(p)["clients"] if "device" in c]
        self.assertEqual({c["pid"] for c in mine}, {s.pid})
        self.assertEqual({c["uid"] for c in mine}, {os.getuid()})
        self.assertEqual({c["device"] for c in mine}, {"hpre"})
        self.assertGreater(mine[0]["bells"], 10)
        self.assertGreater(mine[0]["pool"], 0)
        s.kill()
        s.wait()
        self.until(lambda: self.free_queues() == 1024)
        self.assertFalse(any("device" in c for c in self.report(p)["clients"]))
        self.assertEqual(self.end(p)["clients"], [])

    # ---- daemons that come and go ----------------------------------------

    def test_a_restarted_daemon_is_used_again(self):
        p = self.daemon()
        s = self.speed(5)
        self.until(lambda: self.free_queues() < 1024)
        p.kill()
        p.wait()
        p = self.daemon()
        self.finish(s)
        self.assertGreater(self.jobs(self.end(p)), 0)

    def test_a_signal_resets_the_devices(self):
        p = self.daemon("--device", "hpre")
        p.send_signal(signal.SIGUSR2)  # nobody uses it yet
        s = self.speed(4)
        for _ in range(2):
            time.sleep(0.5)  # to be among its jobs
            self.until(lambda: self.free_queues() < 1024)
            p.send_signal(signal.SIGUSR2)
        self.finish(s)
        r = self.end(p)
        # The queues that a reset takes are opened again.
        self.assertGreater(r["queues"], r["most"])
        self.assertGreater(self.jobs(r), 10)

    def test_without_a_daemon_software_serves_and_the_log_says_why(self):
        r = self.digest(WD_LOG="warning")
        self.assertIn(self.sock, r.err)
        self.assertIn("wd-emu --listen", r.err)

    def test_a_second_daemon_does_not_take_the_socket(self):
        p = self.daemon()
        r = self.run_program(f"{BUILD}/tools/wd-emu", "--listen", self.sock)
        self.assertEqual(r.rc, 1, str(r))
        self.assertIn("in use", r.err)
        self.digest()
        self.end(p)

    def test_rights_of_the_socket(self):
        p = self.daemon()
        self.assertEqual(stat.S_IMODE(os.stat(self.sock).st_mode), 0o600)
        self.end(p)
        p = self.daemon("--mode", "660")
        self.assertEqual(stat.S_IMODE(os.stat(self.sock).st_mode), 0o660)
        self.end(p)

    def test_wrong_usage_is_named(self):
        for args, word in ((("--mode", "9"), "--mode 9"),
                           (("--awake-us", "1000001"), "--awake-us 1000001"),
                           (("--awake-us", "-1"), "--awake-us -1"),
                           (("--vf", "1"), "--vf"),
                           (("--vfio-user", "x"), "--vfio-user")):
            r = self.run_program(f"{BUILD}/tools/wd-emu", "--listen",
                                 self.sock, *args)
            self.assertEqual(r.rc, 2, str(r))
            self.assertIn(word, r.err)

    # ---- peers that lie ---------------------------------------------------

    def test_a_client_that_breaks_the_protocol_is_sent_away(self):
        rng = random.Random(1)
        bad = [b"\0", b"x" * 5000, request(LIST)[:-1], request(LIST) + b"1",
               request(LIST, magic=1), request(99), request(START),
               request(STOP), request(OPEN, b"y" * 64),
               request(OPEN, b"hisi_sec2-1", pool=1 << 40)]
        bad += [rng.randbytes(rng.randrange(2, 200)) for _ in range(100)]
        p = self.daemon()
        for data in bad:
            c = Raw(self.sock)
            self.assertIsNone(c.ask(data)[0], data)
            c.close()
        c = Raw(self.sock)
        self.assertEqual(c.ask(request(OPEN, b"nobody"))[0][2], -ENODEV)
        self.assertEqual(c.ask(request(OPEN, b"hisi_sec2-1", 9))[0][2], -22)
        c.close()
        self.digest()
        self.assertEqual(self.end(p)["thrown"], len(bad))

    def test_garbage_in_shared_memory_harms_its_owner_only(self):
        rng = random.Random(2)
        p = self.daemon()
        for name in (b"hisi_sec2-1", b"hisi_hpre-0"):
            for _ in range(8):
                c = Raw(self.sock)
                a, fds = c.ask(request(OPEN, name, pool=1 << 16))
                with self.assertRaises(OSError):
                    os.ftruncate(fds[0], 0)
                size = os.fstat(fds[0]).st_size
                m = mmap.mmap(fds[0], size)
                self.assertEqual(c.ask(request(START))[0][2], 0)
                m[4096:4096 + 65536] = rng.randbytes(65536)
                for bell in (rng.getrandbits(64), 1 << 32 | 1 << 16,
                             rng.getrandbits(64), 40 << 32 | 2 << 16):
                    m[0:8] = struct.pack("=Q", bell)
                    m[8:16] = struct.pack("=Q", rng.getrandbits(64))
                    c.sock.send(b"k")
                    time.sleep(0.005)
                m.close()
                for fd in fds:
                    os.close(fd)
                c.close()
        self.digest()
        self.end(p)

    def fake(self, answers):
        """A daemon that sends these (bytes, descriptors), a connection each;
        it hands out the last again and again."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.bind(self.sock)
        s.listen(64)
        pid = os.fork()
        if not pid:
            try:
                while True:
                    c, _ = s.accept()
                    c.recv(4096)
                    data, fds = answers[0]
                    if len(answers) > 1:
                        answers.pop(0)
                    if data:
                        c.sendmsg([data], [(socket.SOL_SOCKET,
                                            socket.SCM_RIGHTS,
                                            array.array("i", fds))]
                                  if fds else [])
                    c.close()
            finally:
                os._exit(0)
        s.close()
        return pid

    def test_a_daemon_that_lies_is_not_believed(self):
        rng = random.Random(3)
        sealed = os.memfd_create("m", os.MFD_ALLOW_SEALING)
        os.ftruncate(sealed, 1 << 20)
        small = os.memfd_create("s", 0)
        pipe, end = os.pipe()
        for fd in (sealed, small, pipe, end):
            self.addCleanup(os.close, fd)

        def head(op, result=0, *queue):
            return ANSWER.pack(MAGIC, op, result, 0,
                               *(queue + (0,) * (18 - len(queue))))
        device = DEVICE.pack(b"hisi_sec2-0", 1, 3, 0x80, 9, 0, 0, 1 << 18,
                             b"cipher\ndigest\naead\n")
        listed = head(LIST, 1) + device
        queue = (1, 3, 0, 128, 1024, 1024, 1 << 18, 0, 0)
        lists = [b"", b"x", rng.randbytes(500), head(LIST, 1), head(LIST, 17),
                 head(OPEN), listed[:-1] + b"x",
                 head(LIST, 1) + b"h" * DEVICE.size]
        opens = [(b"", []), (b"x", []), (head(OPEN), []),
                 (head(LIST), []), (head(OPEN, 5), []),
                 (head(OPEN, 0, *queue), [small, pipe]),
                 (head(OPEN, 0, *queue), [sealed, pipe]),
                 (head(OPEN, 0, *queue), [sealed]),
                 (head(OPEN, 0, *queue), [pipe, pipe, pipe, pipe, pipe]),
                 (rng.randbytes(ANSWER.size), [sealed, pipe])]
        for answers in [[(x, [])] for x in lists] + \
                [[(listed, []), x] for x in opens]:
            pid = self.fake(answers)
            try:
                self.digest()
            finally:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                os.unlink(self.sock)


if __name__ == "__main__":
    wdtest.main()
