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
        with open(self.path("out"), "wb") as out:
            server = subprocess.Popen(
                [HAPROXY, "-W", "-f", conf], stdout=out, stderr=out,
                env=self.env(device=device, WD_STATS=self.path("stats"),
                             **env))
        self.addCleanup(self.stop, server)
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return server, port
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
        limits = pathlib.Path(f"/proc/{worker}/limits").read_text()
        status = pathlib.Path(f"/proc/{worker}/status").read_text()
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

    def test_two_threads_share_a_key(self):
        server, port = self.serve(threads=2)
        r = self.load(port, "-c", 16, "-n", 300, *SIGNED)
        self.assertEqual(r["handshakes"], 300)
        self.assertGreaterEqual(self.total()["rsa-private"]["jobs"], 300)

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
        # HAProxy frees no paused fibre, 13 KiB each; of wd's, nothing is to
        # stay beside that.
        self.assertLess(after - before, 16 * r["dropped"] + 8192)
        # And whoever stays is served.
        self.assertEqual(self.load(port, "-n", 100)["handshakes"], 100)

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
