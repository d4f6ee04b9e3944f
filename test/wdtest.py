# SPDX-License-Identifier: Apache-2.0
"""wdtest - stories told through the openssl command, default provider as judge.

    import wdtest

    class Cbc(wdtest.ProviderTest):
        def test_every_length_up_to_three_blocks(self):
            for n in range(0, 49, 16):
                with self.subTest(bytes=n):
                    self.assert_same("enc", "-aes-128-cbc", "-K", KEY,
                                     "-iv", IV, data=bytes(range(n)))

    if __name__ == "__main__":
        wdtest.main()

run_py.sh sets OPENSSL_MODULES, WD_BUILD and WD_DEVICE (the model unless the
caller named a device).  Programs started here see no other WD_* than a story
gives them, and no configuration file unless it writes one.
"""

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = os.environ.get("WD_BUILD", "build")
MODULES = os.environ.get("OPENSSL_MODULES", os.path.join(BUILD, "provider"))
DEVICE = os.environ.get("WD_DEVICE", "emu")
OPENSSL = os.environ.get("WD_OPENSSL", "openssl")
PREFER = "?wd.offload=yes"
# A sanitized wd.so: its runtime, for the programs that load it (run_py.sh).
PRELOAD = {"LD_PRELOAD": os.environ["WD_PRELOAD"],
           "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"} \
    if os.environ.get("WD_PRELOAD") else {}


class Result:
    """What a program did: rc, out (bytes), err (text), text (out as text)."""

    def __init__(self, argv, rc, out, err):
        self.argv, self.rc, self.out = argv, rc, out
        self.err = err.decode(errors="replace")

    @property
    def text(self):
        return self.out.decode(errors="replace")

    def __str__(self):
        return "$ %s\nexit %d\n%s\n%s" % (" ".join(self.argv), self.rc,
                                         self.text[-2000:], self.err[-4000:])


class ProviderTest(unittest.TestCase):
    """Each test has self.dir, an empty directory removed afterwards."""

    TIMEOUT = 60  # seconds a program may take

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="wd-test-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def env(self, device=DEVICE, conf=None, **wd):
        """Environment of a program: device None leaves WD_DEVICE unset;
        wd: further variables by full name, None removes one."""
        e = {k: v for k, v in os.environ.items() if not k.startswith("WD_")}
        e["OPENSSL_MODULES"] = MODULES
        e["OPENSSL_CONF"] = conf or os.devnull
        e["LC_ALL"] = "C"
        e.update(PRELOAD)
        if device is not None:
            e["WD_DEVICE"] = device
        for k, v in wd.items():
            if v is None:
                e.pop(k, None)
            else:
                e[k] = str(v)
        return e

    def run_program(self, *argv, data=b"", env=None, cwd=None, timeout=None):
        argv = [str(a) for a in argv]
        p = subprocess.run(argv, input=data, env=env or self.env(),
                           cwd=cwd or self.dir, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE,
                           timeout=timeout or self.TIMEOUT, check=False)
        return Result(argv, p.returncode, p.stdout, p.stderr)

    def openssl(self, *args, data=b"", ok=True, timeout=None, **env):
        """Run openssl; with ok it must succeed, with ok=False fail, with
        ok=None either.  Keyword arguments go to env()."""
        r = self.run_program(OPENSSL, *args, data=data, env=self.env(**env),
                             timeout=timeout)
        if ok is not None:
            self.assertEqual(r.rc == 0, ok, str(r))
        # A signal is never an answer.
        self.assertGreaterEqual(r.rc, 0, str(r))
        return r

    # Which providers a command runs with.
    DEFAULT = ("-provider", "default")
    WD = ("-provider", "wd")
    BOTH = ("-provider", "default", "-provider", "wd", "-propquery", PREFER)

    def assert_same(self, command, *args, data=b"", providers=None, **env):
        """The command prints the same with wd as with the default provider."""
        want = self.openssl(command, *self.DEFAULT, *args, data=data,
                            device="none")
        got = self.openssl(command, *(providers or self.BOTH), *args,
                           data=data, **env)
        self.assertEqual(got.out, want.out, str(got))
        return got

    @contextlib.contextmanager
    def s_server(self, *args, env):
        """Run openssl s_server; yields its port once it listens."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        p = subprocess.Popen(
            [OPENSSL, "s_server", "-accept", "127.0.0.1:%d" % port, *args],
            env=env, cwd=self.dir, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            # The line ACCEPT comes once it listens.
            line = b""
            while not line.startswith(b"ACCEPT"):
                line = p.stdout.readline()
                if not line:
                    self.fail("s_server: " + p.stderr.read().decode())
            yield port
        finally:
            p.terminate()
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
            p.stdout.close()
            p.stderr.close()

    def model_daemon(self, *args, jail=None):
        """Run wd-emu --listen for everybody; its process, and WD_DEVICE for
        those who share it: inside the chroot @jail, too."""
        sock = self.path("wd.sock")
        p = subprocess.Popen([os.path.join(BUILD, "tools", "wd-emu"),
                              "--listen", sock, "--mode", "666", "--stats",
                              self.path("device.json"), *args],
                             stderr=subprocess.DEVNULL)
        self.addCleanup(self.end_program, p)
        for _ in range(200):
            if os.path.exists(sock):
                break
            time.sleep(0.05)
        if jail:
            # The same path leads to it.
            os.makedirs(jail + self.dir)
            os.link(sock, jail + sock)
        return p, "unix:" + sock

    @staticmethod
    def end_program(p, patience=30):
        """Ask it to end, then don't ask."""
        if p.poll() is None:
            p.terminate()
            try:
                p.wait(patience)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()

    def conf(self, wd="", providers=("default", "wd"), prefer=PREFER, **more):
        """Write an openssl.cnf activating @providers in this order; @wd:
        lines of wd's section.  Returns its path, for env(conf=...)."""
        lines = ["openssl_conf = init", "[init]", "providers = prov"]
        if prefer:
            lines.append("alg_section = algs")
        lines.append("[prov]")
        lines += ["%s = %s_sect" % (p, p) for p in providers]
        for p in providers:
            lines += ["[%s_sect]" % p, "activate = 1"]
            if p == "wd":
                lines.append(wd)
        if prefer:
            lines += ["[algs]", "default_properties = " + prefer]
        for section, text in more.items():
            lines += ["[%s]" % section, text]
        return self.write("openssl.cnf", "\n".join(lines) + "\n")


def free_port():
    """A port to listen on, below the range the kernel gives to clients: a
    client that waits for the server there would end up talking to itself."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def main():
    unittest.main(argv=[sys.argv[0]] + sys.argv[1:])
