# SPDX-License-Identifier: Apache-2.0
"""Debian's HAProxy, asynchronous, as Debian configures it: a chroot, a user
without rights who may not create a thread.  Handshakes go through the queues,
clients may leave in mid-handshake, the program may be reloaded under them."""
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import time
import unittest

import wdtest

HAPROXY = "/usr/sbin/haproxy"
TOP = pathlib.Path(__file__).resolve().parents[2]
SIGNED = ("-s", "rsa_pss_rsae_sha256:RSA+SHA256")


@unittest.skipUnless(os.access(HAPROXY, os.X_OK), "haproxy is not installed")
@unittest.skipUnless(os.geteuid() == 0, "only root can chroot")
class Haproxy(wdtest.ProviderTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.dir, 0o755)
        for folder in ("stats", "jail"):
            os.mkdir(self.path(folder))
        os.chmod(self.path("stats"), 0o1777)
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                     "2", "-subj", "/CN=localhost", "-keyout",
                     self.path("key.pem"), "-out", self.path("cert.pem"),
                     conf="/etc/ssl/openssl.cnf")
        self.write("site.pem", self.read("cert.pem") + self.read("key.pem"))

    def configure(self, port, threads=1):
        """The example, with this test's folders in the place of Debian's."""
        text = (TOP / "conf/haproxy.cfg").read_text()
        for old, new in (("/var/lib/haproxy", self.path("jail")),
                         ("/usr/lib/x86_64-linux-gnu/ossl-modules",
                          wdtest.MODULES),
                         ("/etc/haproxy/site.pem", self.path("site.pem")),
                         ("nbthread 1", f"nbthread {threads}"),
                         ("bind :443", f"bind 127.0.0.1:{port}"),
                         ("group wd", "group haproxy")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        return self.write("haproxy.cfg", text)

    def serve(self, device="emu:inline", threads=1, **env):
        port = wdtest.free_port()
        conf = self.configure(port, threads)
        return self.start(conf, port, device, **env), port

    def start(self, conf, port, device, **env):
        with open(self.path("out"), "wb") as out:
            server = subprocess.Popen(
                [HAPROXY, "-W", "-f", conf], stdout=out, stderr=out,
                env=self.env(device=device, WD_STATS=self.path("stats"),
                             **env))
        self.addCleanup(self.stop, server)
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0 and \
                        self.workers(server):
                    return server
            if server.poll() is not None:
                break
            time.sleep(0.1)
        self.fail("haproxy does not listen:\n" + self.output())

    def output(self):
        return self.read("out").decode(errors="replace")

    def stop(self, server):
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        # A worker that died of it takes the master along.
        self.assertNotRegex(self.output(), "FATAL|code 1(3[49]|29)")

    @staticmethod
    def workers(server):
        path = f"/proc/{server.pid}/task/{server.pid}/children"
        return pathlib.Path(path).read_text().split()

    def load(self, port, *args):
        tool = os.path.join(wdtest.BUILD, "tools", "wdload")
        r = self.run_program(tool, "--json", *args, f"127.0.0.1:{port}",
                             timeout=100)
        self.assertEqual(r.rc, 0, str(r) + self.output())
        return json.loads(r.out)

    def total(self):
        tool = os.path.join(wdtest.BUILD, "tools", "wdctl")
        out = subprocess.run([tool, "stats", "-j", self.path("stats")],
                             text=True, stdout=subprocess.PIPE,
                             check=True).stdout
        return json.loads(out)["total"]

    def test_the_worker_without_rights_offloads_every_handshake(self):
        server, port = self.serve()
        (worker,) = self.workers(server)
        # It drops them when it has been forked, which is seen before.
        for _ in range(100):
            limits = pathlib.Path(f"/proc/{worker}/limits").read_text()
            status = pathlib.Path(f"/proc/{worker}/status").read_text()
            if re.search(r"Max processes +0 ", limits) and \
                    re.search(r"NoNewPrivs:\s+1", status):
                break
            time.sleep(0.1)
        self.assertRegex(limits, r"Max processes +0 ")
        self.assertRegex(status, r"NoNewPrivs:\s+1")
        self.assertEqual(os.readlink(f"/proc/{worker}/root"),
                         self.path("jail"))
        n = 0
        for version in ("12", "13"):
            r = self.load(port, "-c", 16, "-n", 160, "-v", version, *SIGNED)
            self.assertEqual((r["handshakes"], r["resumed"]), (160, 0), r)
            n += 160
        for kind in ("rsa-private", "x25519"):
            counts = self.total()[kind]
            # A queue that closes makes nobody fail, but here none does.
            self.assertGreaterEqual(counts["jobs"], n, kind)
            self.assertGreater(counts["async"], n // 2, kind)
            self.assertEqual(counts["software"], 0, kind)

    def daemon(self):
        """A model daemon on the socket "model"."""
        p = subprocess.Popen([f"{wdtest.BUILD}/tools/wd-emu", "--listen",
                              self.path("model"), "--mode", "666"],
                             stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (p.kill(), p.wait()))
        end = time.monotonic() + 20
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            while s.connect_ex(self.path("model")):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)
        return p

    def test_on_a_model_daemon_that_is_killed_and_comes_back(self):
        p = self.daemon()
        _, port = self.serve(device="unix:" + self.path("model"))
        args = ("-c", 8, "-n", 80, "-v", "12", *SIGNED)
        self.load(port, *args)
        first = self.total()["rsa-private"]
        self.assertGreaterEqual(first["jobs"], 80)
        self.assertEqual(first["software"], 0)
        p.kill()
        p.wait()
        self.assertEqual(self.load(port, *args)["handshakes"], 80)
        without = self.total()["rsa-private"]
        self.assertGreaterEqual(without["software"], 70)
        self.daemon()
        end = time.monotonic() + 60
        while self.total()["rsa-private"]["jobs"] < without["jobs"] + 40:
            self.assertLess(time.monotonic(), end)
            self.assertEqual(self.load(port, *args)["handshakes"], 80)

    def test_two_threads_share_a_key(self):
        server, port = self.serve(threads=2)
        r = self.load(port, "-c", 16, "-n", 300, *SIGNED)
        self.assertEqual(r["handshakes"], 300)
        self.assertGreaterEqual(self.total()["rsa-private"]["jobs"], 300)

    def test_threads_that_need_a_key_for_the_first_time_together(self):
        """After each reload all of a worker's threads import it at once."""
        server, port = self.serve(threads=4)
        for n in range(4):
            (before,) = self.workers(server)
            r = self.load(port, "-c", 32, "-n", 64, *SIGNED)
            self.assertEqual((r["handshakes"], r["failed"]), (64, 0), r)
            server.send_signal(signal.SIGUSR2)
            for _ in range(200):
                now = self.workers(server)
                if len(now) == 1 and now != [before]:
                    break
                time.sleep(0.05)
        total = self.total()["rsa-private"]
        self.assertGreaterEqual(total["jobs"], 4 * 64)
        self.assertEqual(total["software"], 0)

    def test_handshakes_wait_side_by_side(self):
        """A device that takes 20 ms for a job: one after the other, 64 clients
        would have 16 handshakes a second."""
        _, device = self.model_daemon("--latency-us", "20000",
                                      jail=self.path("jail"))
        server, port = self.serve(device)
        r = self.load(port, "-c", 64, "-n", 640, *SIGNED)
        total = self.total()
        rate = r["handshakes"] / r["seconds"]
        print(f"{rate:.0f} handshakes a second; "
              f"{total['rsa-private']['async']} signatures were waited for",
              flush=True)
        self.assertEqual((r["handshakes"], r["failed"]), (640, 0), r)
        self.assertGreater(rate, 3 * 16)
        for kind in ("rsa-private", "x25519"):
            self.assertGreaterEqual(total[kind]["async"], 640, kind)
            self.assertEqual(total[kind]["software"], 0, kind)

    def test_a_soft_stop_lets_handshakes_end(self):
        """USR1: nobody new, whoever is there is served, wd is torn down."""
        _, device = self.model_daemon("--latency-us", "200000",
                                      jail=self.path("jail"))
        server, port = self.serve(device)
        tool = os.path.join(wdtest.BUILD, "tools", "wdload")
        load = subprocess.Popen([tool, "--json", "-c", "16", "-n", "16",
                                 *SIGNED, f"127.0.0.1:{port}"],
                                stdout=subprocess.PIPE)
        # Each handshake has three jobs of 200 ms.
        for _ in range(100):
            if self.total_or_none().get("x25519", {}).get("jobs", 0) >= 16:
                break
            time.sleep(0.02)
        server.send_signal(signal.SIGUSR1)
        r = json.loads(load.communicate(timeout=60)[0])
        self.assertEqual((r["handshakes"], r["failed"]), (16, 0), r)
        self.assertEqual(server.wait(30), 0, self.output())

    def total_or_none(self):
        """The files of statistics come with the first queue."""
        return self.total() if os.listdir(self.path("stats")) else {}

    def test_as_many_connections_as_the_frontend_may_have(self):
        """A descriptor of wd's stays with each connection, and HAProxy does
        not count it: twice of what is needed in `global`."""
        port = wdtest.free_port()
        conf = self.configure(port)
        text = self.read("haproxy.cfg").decode()
        for old, new in (("maxconn 4000", "maxconn 120"),
                         ("maxconn 2000", "maxconn 60")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.write("haproxy.cfg", text)
        server = self.start(conf, port, "emu:inline")
        context = ssl.create_default_context(cafile=self.path("cert.pem"))
        context.check_hostname = False
        held = []
        self.addCleanup(lambda: [c.close() for c in held])
        for _ in range(60):
            raw = socket.create_connection(("127.0.0.1", port), 20)
            held.append(context.wrap_socket(raw))
        # One more has to wait in the queue of the listening socket.
        late = socket.create_connection(("127.0.0.1", port), 20)
        late.settimeout(0.5)
        with self.assertRaises(OSError):
            context.wrap_socket(late)
        late.close()
        # All are alive, and so is the worker.
        for c in held:
            c.sendall(b"GET / HTTP/1.0\r\n\r\n")
        for c in held:
            self.assertIn(b" 200 ", c.recv(4096))
            c.close()
        self.assertEqual(self.load(port, "-n", 50)["handshakes"], 50)
        self.assertIsNone(server.poll())
        self.assertGreaterEqual(self.total()["rsa-private"]["async"], 60)

    def test_without_a_device_or_threads_for_it_software_serves(self):
        # The model with threads of its own cannot live in this worker.
        for device in ("none", "emu"):
            with self.subTest(device):
                server, port = self.serve(device)
                self.assertEqual(self.load(port, "-n", 50)["handshakes"], 50)
                self.stop(server)

    @staticmethod
    def kilobytes(pid):
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))

    @staticmethod
    def descriptors(pid):
        return len(os.listdir(f"/proc/{pid}/fd"))

    def settle(self, worker, most):
        for _ in range(100):
            if self.descriptors(worker) <= most:
                break
            time.sleep(0.1)
        return self.descriptors(worker)

    def test_clients_that_leave_in_the_pause_cost_little(self):
        server, port = self.serve()
        (worker,) = self.workers(server)
        self.load(port, "-c", 16, "-n", 100)
        fds, before = self.descriptors(worker), self.kilobytes(worker)
        r = self.load(port, "-c", 32, "-n", 2500, "-d", 30)
        fds_after = self.settle(worker, fds)
        after = self.kilobytes(worker)
        jobs = self.total()["abandoned"]
        print(f"{r['dropped']} of 2500 dropped, {jobs} of them in a pause; "
              f"RSS {before} -> {after} KiB; fds {fds} -> {fds_after}",
              flush=True)
        # How many find the server in a pause depends on the machine.
        self.assertGreater(jobs, 100)
        self.assertLessEqual(fds_after, fds + 2)
        # HAProxy frees no paused fibre: 32 KiB of stack, on which this model
        # computes.  What a device leaves is the next story.
        self.assert_grown_less(after - before, 33 * jobs + 8192)
        # And whoever stays is served.
        self.assertEqual(self.load(port, "-n", 100)["handshakes"], 100)

    def assert_grown_less(self, grown, bound):
        # The address sanitizer gives nothing back for a long time.
        if not wdtest.PRELOAD:
            self.assertLess(grown, bound)

    def private_numbers(self):
        """Pieces of d, p, q and so on of the key, of either byte order."""
        r = self.openssl("rsa", "-in", self.path("key.pem"), "-traditional",
                         "-outform", "DER", "-out", self.path("key.der"),
                         device="none")
        r = self.openssl("asn1parse", "-inform", "DER", "-in",
                         self.path("key.der"), device="none")
        numbers = re.findall(r"INTEGER +:([0-9A-F]+)", r.text)
        self.assertEqual(len(numbers), 9, r.text)
        for number in numbers[3:]:
            big = bytes.fromhex(number)[32:56]
            yield big
            yield big[::-1]

    @staticmethod
    def in_signal_frame(memory, at):
        """Is that place within registers the kernel saved for a signal?  On
        x86: 464 bytes, a magic number and the size of all, the rest, another
        magic number.  Later calls may have overwritten one end or the other."""
        magic = memory.rfind(b"SXPF", max(0, at - 12288), at + 464)
        if magic >= 464:
            (size,) = struct.unpack_from("=I", memory, magic + 4)
            if magic - 464 <= at < magic - 464 + size:
                return True
        return memory.find(b"EXPF", at, at + 2696) >= 0

    def places(self, pid, needles):
        """How often these are in the memory of a process; and in signal
        frames, which no library can keep the kernel from writing."""
        n = [0, 0]
        with open(f"/proc/{pid}/mem", "rb", 0) as mem:
            for line in pathlib.Path(f"/proc/{pid}/maps").read_text(
                    ).splitlines():
                span, mode = line.split()[:2]
                if not mode.startswith("rw"):
                    continue
                start, end = (int(x, 16) for x in span.split("-"))
                mem.seek(start)
                try:
                    memory = mem.read(end - start)
                except OSError:
                    continue
                for x in needles:
                    at = memory.find(x)
                    while at >= 0:
                        n[self.in_signal_frame(memory, at)] += 1
                        at = memory.find(x, at + 1)
        return n

    # A job takes longer than its client stays.  wd gives a device a batch at a
    # time: what it can do in a second is WD_BATCH / latency, and more than what
    # comes unless the machine stalls.
    SLOW = ("--latency-us", "100000")

    def drop(self, server, port, count, rounds=6):
        """Clients that leave in a handshake's pause, @count at least.  Return:
        KiB of RSS and descriptors that leaves behind; the counters."""
        (worker,) = self.workers(server)
        self.load(port, "-c", 16, "-n", 200, *SIGNED)
        fds, before = self.descriptors(worker), self.kilobytes(worker)
        total = self.total()
        for _ in range(rounds):
            n = max(count - total["abandoned"], 500)
            self.load(port, "-c", 20, "-n", n, "-d", 40, *SIGNED)
            more = self.settle(worker, fds) - fds
            total = self.total()
            if total["abandoned"] >= count:
                break
        grown = self.kilobytes(worker) - before
        print(f"{total['abandoned']} dropped in a pause; RSS {before} KiB and "
              f"{grown} more; {more} descriptors more", flush=True)
        self.assertLessEqual(more, 2)
        return grown, total

    def test_10000_clients_that_leave_in_the_pause(self):
        _, device = self.model_daemon(*self.SLOW, jail=self.path("jail"))
        server, port = self.serve(device, WD_BATCH=64)
        (worker,) = self.workers(server)
        grown, total = self.drop(server, port, 10000)
        dropped = total["abandoned"]
        self.assertGreaterEqual(dropped, 10000)
        # A fibre each, which libcrypto can't give back: 13 KiB of its stack
        # were touched.  Of wd's nothing stays.
        self.assert_grown_less(grown, 15 * dropped + 8192)
        # Where the machine stalled, more than a queue's worth came at once.
        software = total["x25519"]["software"]
        print(f"{software} of {total['x25519']['jobs']} in software for want "
              "of room", flush=True)
        self.assertLess(software, dropped // 5)
        # All of it came back: whoever comes now is served by the device.
        self.load(port, "-c", 16, "-n", 300, *SIGNED)
        after = self.total()
        self.assertEqual(after["x25519"]["software"], software)
        self.assertEqual(after["rsa-private"]["jobs"],
                         total["rsa-private"]["jobs"] + 300)
        # Two queues of the worker's, and the master's for its check of DH.
        self.assertEqual(after["quarantined"], 0)
        self.assertLessEqual(after["lanes"], 3)
        self.assertEqual(self.workers(server), [worker])

    def test_dropped_signatures_leave_nothing_of_the_key(self):
        """Where RSA alone is offloaded, each pause is one of the key's."""
        if wdtest.PRELOAD:
            self.skipTest("the address sanitizer keeps what is freed")
        _, device = self.model_daemon(*self.SLOW, jail=self.path("jail"))
        server, port = self.serve(device, WD_ALGORITHMS="RSA", WD_BATCH=64)
        (worker,) = self.workers(server)
        needles = list(self.private_numbers())
        self.load(port, "-c", 16, "-n", 200, *SIGNED)
        before, _ = self.places(worker, needles)
        # The server itself has it.
        self.assertGreater(before, 0)
        _, total = self.drop(server, port, 1500)
        self.assertGreaterEqual(total["abandoned"], 1500)
        # The device has the key as long as it works for those who left; then
        # who comes next reaps that.
        for _ in range(10):
            self.load(port, "-n", 50, *SIGNED)
            after, signals = self.places(worker, needles)
            if after <= before:
                break
        print(f"pieces of the key: {before} before, {after} after and "
              f"{signals} in signal frames", flush=True)
        # Software keeps p and q in a form of its own, from its first use on;
        # else the rest of a frame that can't be told any more.  What a drop
        # leaves behind would be there 1500 times.
        self.assertLessEqual(after, before + 2)

    def test_without_a_device_clients_that_leave_cost_nothing(self):
        """What the figures above compare with: nothing pauses."""
        server, port = self.serve("none")
        grown, total = self.drop(server, port, 3000, rounds=1)
        self.assertEqual(total["abandoned"], 0)
        self.assert_grown_less(grown, 8192)

    def test_reload_under_load(self):
        server, port = self.serve()
        tool = os.path.join(wdtest.BUILD, "tools", "wdload")
        load = subprocess.Popen([tool, "--json", "-c", "8", "-t", "6",
                                 f"127.0.0.1:{port}"],
                                stdout=subprocess.PIPE)
        fds = []
        for _ in range(3):
            time.sleep(1.5)
            fds.append(self.descriptors(server.pid))
            server.send_signal(signal.SIGUSR2)
        out, _ = load.communicate(timeout=60)
        r = json.loads(out)
        print(f"{r['handshakes']} handshakes over 3 reloads; the master's "
              f"descriptors: {fds}", flush=True)
        self.assertEqual((load.returncode, r["failed"]), (0, 0), r)
        self.assertGreater(r["handshakes"], 50)
        # Old sockets of the master's and the workers' pairs; none of ours.
        self.assertLessEqual(max(fds) - min(fds), 4, fds)


if __name__ == "__main__":
    wdtest.main()
