# SPDX-License-Identifier: Apache-2.0
"""nginx and HAProxy under load for a while, on one modelled device that both
share, with everything going on that an operator may come across: reloads,
workers killed, one job of the device in a thousand going wrong, the device reset
twice.  Nobody is to notice.

    WD_SOAK=600 sh test/run_py.sh "$PWD/build" test/apps/test_soak.py

WD_SOAK: seconds, 60 unless given.

What a client may see fail is what fails without wd too, and nothing else:

* the connections that a killed worker had: it is stopped, asked for them
  (/proc/PID/fd, /proc/net/tcp), then killed.  Any other client's failure counts.
  HAProxy's takes its master along, and connections it had not accepted yet; the
  unit has systemd start it again, and until then nobody is there.
* a kept connection that an old worker closes between two requests, after a
  reload: HTTP has the client ask again on a new one, and that must succeed.

The run has three parts.  Reloads and kills happen in the first two, a reset in
the middle of each of the last two, faults all the time.  In the last part
processes stay the same, and their memory and descriptors are to do so as well.
"""
import collections
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

import wdtest

NGINX, HAPROXY = "/usr/sbin/nginx", "/usr/sbin/haproxy"
TOP = pathlib.Path(__file__).resolve().parents[2]
SECONDS = int(os.environ.get("WD_SOAK", "60"))
CLIENTS = 4  # of each server
PATIENCE = 20  # seconds after which a connection is stuck

# Of a thousand jobs one goes wrong, in four ways; primes, so that they meet
# rarely.  A wrong result of good status is not among them: of a cipher's or a
# shared secret nobody can tell (test_nginx.py has it for RSA).
FAULTS = ("status/4001", "drop/4003", "stop/4007", "delay/4013:50000")

# Of one process in the last part: libcrypto's and the servers' own pools settle
# late.
RSS_KIB = 2048
FDS = 4

NGINX_CONF = """
daemon off; worker_processes 4; pid nginx.pid; user www-data;
env OPENSSL_CONF; env WD_DEVICE; worker_shutdown_timeout 20s;
error_log error.log warn; events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path tmp/b; proxy_temp_path tmp/p; fastcgi_temp_path tmp/f;
  uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
  ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:prime256v1;
  ssl_certificate rsa.pem; ssl_certificate_key rsa.pem;
  root www;
  server {{
    listen 127.0.0.1:{both} ssl backlog=512;
    ssl_certificate ec.pem; ssl_certificate_key ec.pem;
    ssl_certificate rsa.pem; ssl_certificate_key rsa.pem;
  }}
  server {{ listen 127.0.0.1:{rsa} ssl backlog=512; }}
}}
"""


def process(pid, name):
    """A number of /proc/PID/status, None when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(re.search(name + r":\s+(\d+)", text).group(1))
    except (OSError, AttributeError):
        return None


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def children(pid):
    try:
        path = f"/proc/{pid}/task/{pid}/children"
        return [int(n) for n in pathlib.Path(path).read_text().split()]
    except OSError:
        return []


def connections(port):
    """inode -> the client's port, of the server's ends; 0: not accepted."""
    ends = collections.defaultdict(set)
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        w = line.split()
        # Neither listening nor TIME_WAIT.
        if w[3] not in ("0A", "06") and int(w[1].split(":")[1], 16) == port:
            ends[int(w[9])].add(int(w[2].split(":")[1], 16))
    return ends


def sockets(pid):
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            m = re.match(r"socket:\[(\d+)\]",
                         os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            continue
        if m:
            yield int(m.group(1))


class Client(threading.Thread):
    """Connections one after the other, each with requests whose answers are
    compared with the files, byte by byte."""

    def __init__(self, story, server, number):
        super().__init__(daemon=True)
        self.story, self.server, self.number = story, server, number
        self.done = self.handshakes = self.resumed = self.again = 0
        self.failures = []  # (when it began, when it failed, port, what)
        self.kinds = collections.Counter()

    def contexts(self):
        """TLS 1.2 with either certificate, 1.3 with tickets; other ciphers."""
        for version, suites in (
                (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM+aRSA"),
                (ssl.TLSVersion.TLSv1_2, self.server.second),
                (ssl.TLSVersion.TLSv1_3, None),
                (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES256-SHA384")):
            c = ssl.create_default_context(cafile=self.story.path("ca.pem"))
            c.minimum_version = c.maximum_version = version
            if suites:
                c.set_ciphers(suites)
            yield c

    def run(self):
        contexts = list(self.contexts())
        sessions = {}
        for n in itertools.count(self.number):
            if self.story.over.is_set():
                return
            which = n % len(contexts)
            # Every other connection offers the session of the one before.
            session = sessions.get(which) if n // len(contexts) % 2 else None
            sessions[which] = self.connection(contexts[which], session, n)

    def connection(self, context, session, n):
        began, port, fresh = time.monotonic(), 0, True
        try:
            with socket.create_connection(
                    ("127.0.0.1", self.server.ports[n % len(
                        self.server.ports)]), PATIENCE) as raw:
                port = raw.getsockname()[1]
                with context.wrap_socket(raw, server_hostname="localhost",
                                         session=session) as tls:
                    self.handshakes += 1
                    self.resumed += tls.session_reused
                    self.kinds[tls.version() + " " + tls.cipher()[0]] += 1
                    for name in self.server.names(n):
                        if not self.ask(tls, name):
                            self.again += 1
                            if fresh or not self.server.just_reloaded():
                                raise ConnectionResetError("no answer")
                            break
                        fresh = False
                        self.done += 1
                    return tls.session
        except (OSError, AssertionError, ValueError) as e:
            self.failures.append((began, time.monotonic(), port,
                                  f"{type(e).__name__}: {e}"))
            time.sleep(0.05)
        return None

    def ask(self, tls, name):
        """Return: False if the connection ended before an answer began."""
        got = b""
        try:
            tls.sendall(b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" %
                        name.encode())
            while b"\r\n\r\n" not in got:
                part = tls.recv(65536)
                if not part and not got:
                    return False
                assert part, "cut off in the head"
                got += part
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            if got:
                raise
            return False
        head, body = got.split(b"\r\n\r\n", 1)
        assert b" 200 " in head.split(b"\r\n")[0], head[:40]
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        while len(body) < length:
            part = tls.recv(65536)
            assert part, "cut off in the body"
            body += part
        assert body == self.server.files[name], f"wrong bytes of {name}"
        return True


class Server:
    """What both have: a master, its workers, reloads and kills."""

    def __init__(self, story, master, ports, files, second):
        self.story, self.master, self.ports = story, master, ports
        self.files, self.second = files, second
        self.reloads, self.reloaded, self.kills = 0, 0.0, 0
        self.excused = []  # (ports of clients, from, to: nobody there)
        self.clients = [Client(story, self, n) for n in range(CLIENTS)]

    def names(self, n):
        """Of the requests of a connection: one, or several in a row."""
        names = sorted(self.files)
        return [names[(n + i) % len(names)] for i in range(1 + n % 4)]

    def just_reloaded(self):
        return time.monotonic() - self.reloaded < 5

    def workers(self):
        return children(self.master.pid)

    def reload(self):
        self.reloaded = time.monotonic()
        self.reloads += 1
        self.master.send_signal(self.RELOAD)

    def listening(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.ports[0])) == 0

    def kill_worker(self, number):
        workers = self.workers()
        if not workers:
            return
        worker = workers[number % len(workers)]
        self.kills += 1
        os.kill(worker, signal.SIGSTOP)
        since = time.monotonic()
        mine, theirs = set(sockets(worker)), set()
        for port in self.ports:
            for inode, clients in connections(port).items():
                if inode in mine or self.ACCEPTS_ALONE and not inode:
                    theirs |= clients
        os.kill(worker, signal.SIGKILL)
        self.excused.append((theirs, since, self.recover(since)))

    def judge(self):
        """The failures nobody can excuse; how many could be."""
        bad, kills, absent = [], 0, 0
        for c in self.clients:
            for f in c.failures:
                began, when, port, _ = f
                if any(port in ports and began <= since <= when
                       for ports, since, _ in self.excused):
                    kills += 1
                elif any(since <= began <= back
                         for _, since, back in self.excused):
                    absent += 1
                else:
                    bad.append(f)
        return bad, kills, absent


class Nginx(Server):
    RELOAD = signal.SIGHUP
    ACCEPTS_ALONE = False  # the listening socket lives on in the others

    def recover(self, since):
        return since


class Haproxy(Server):
    RELOAD = signal.SIGUSR2
    ACCEPTS_ALONE = True

    def recover(self, since):
        self.master.wait(20)
        self.master = self.again()
        self.story.wait_for(self)
        return time.monotonic()


class Watch(threading.Thread):
    """RSS and descriptors of all processes, each second."""

    def __init__(self, story, roots):
        super().__init__(daemon=True)
        self.story, self.roots = story, roots
        self.rows = []  # (when, {(root, pid): (RSS, descriptors)})

    def sample(self):
        row = {}
        for name, root in self.roots.items():
            for pid in [root()] + children(root()):
                rss, fds = process(pid, "VmRSS"), descriptors(pid)
                if rss is not None and fds is not None:
                    who = name + ("" if pid == root() else " worker")
                    row[who, pid] = (rss, fds)
        self.rows.append((time.monotonic(), row))

    def run(self):
        while not self.story.over.wait(1):
            self.sample()


@unittest.skipUnless(os.access(NGINX, os.X_OK), "nginx is not installed")
@unittest.skipUnless(os.access(HAPROXY, os.X_OK), "haproxy is not installed")
@unittest.skipUnless(os.geteuid() == 0, "only root can chroot")
class Soak(wdtest.ProviderTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.dir, 0o755)
        for folder in ("www", "tmp", "stats", "jail"):
            os.mkdir(self.path(folder))
        os.chmod(self.path("stats"), 0o1777)
        self.over = threading.Event()
        self.addCleanup(self.over.set)
        pems = [self.certificate("rsa", "rsa:2048"),
                self.certificate("ec", "ec", "-pkeyopt",
                                 "ec_paramgen_curve:P-256")]
        self.write("ca.pem", b"".join(pems))

    def certificate(self, name, *kind):
        cert, key = self.path(name + ".crt"), self.path(name + ".key")
        self.openssl("req", "-x509", "-newkey", *kind, "-nodes", "-days", "2",
                     "-subj", "/CN=localhost", "-addext",
                     "subjectAltName=DNS:localhost", "-keyout", key, "-out",
                     cert, conf="/etc/ssl/openssl.cnf", device="none")
        self.write(name + ".pem", self.read(cert) + self.read(key))
        return self.read(cert)

    # ---- who takes part --------------------------------------------------

    def start(self, name, argv, **env):
        with open(self.path(name + ".out"), "ab") as out:
            p = subprocess.Popen(argv, cwd=self.dir, stdout=out, stderr=out,
                                 env=env or None)
        self.addCleanup(self.end_program, p)
        return p

    def start_device(self):
        faults = [word for f in FAULTS for word in ("--fault", f)]
        return self.model_daemon(*faults, jail=self.path("jail"))

    def environment(self, device, **more):
        # A timeout above what the model needs on a machine this busy.
        return self.env(device=device, WD_STATS=self.path("stats"),
                        WD_TIMEOUT_MS=500, **more)

    def wait_for(self, server):
        for _ in range(200):
            if server.listening():
                return server
            self.assertIsNone(server.master.poll(), self.logs())
            time.sleep(0.05)
        self.fail("does not listen:\n" + self.logs())

    def start_nginx(self, device):
        files = {}
        for name, size in (("empty", 0), ("one", 1), ("odd", 20011),
                           ("big", 300007)):
            files[name] = os.urandom(size)
            self.write("www/" + name, files[name])
        both, rsa = wdtest.free_port(), wdtest.free_port()
        self.write("nginx.conf", NGINX_CONF.format(both=both, rsa=rsa))
        master = self.start(
            "nginx", [NGINX, "-p", self.dir, "-c", "nginx.conf", "-e",
                      self.path("error.log")],
            **self.environment(device, conf=str(TOP / "conf/openssl-wd.cnf")))
        # One port has both certificates; aRSA alone would do on the other.
        return self.wait_for(Nginx(self, master, [both, rsa], files,
                                   "ECDHE+AESGCM"))

    def start_haproxy(self, device):
        port, body = wdtest.free_port(), os.urandom(12011)
        text = (TOP / "conf/haproxy.cfg").read_text()
        for old, new in (("/var/lib/haproxy", self.path("jail")),
                         ("/usr/lib/x86_64-linux-gnu/ossl-modules",
                          wdtest.MODULES),
                         ("/etc/haproxy/site.pem", self.path("rsa.pem")),
                         ("bind :443", f"bind 127.0.0.1:{port}"),
                         ("group wd", "group haproxy"),
                         ("string ok",
                          "file " + self.write("body", body))):
            self.assertIn(old, text)
            text = text.replace(old, new)
        conf = self.write("haproxy.cfg", text)

        def start():
            return self.start("haproxy", [HAPROXY, "-W", "-f", conf],
                              **self.environment(device))
        server = Haproxy(self, start(), [port], {"body": body},
                         "ECDHE+CHACHA20:ECDHE+AESCCM")
        server.again = start
        return self.wait_for(server)

    def logs(self):
        text = ""
        for name in ("nginx.out", "error.log", "haproxy.out"):
            if os.path.exists(self.path(name)):
                text += f"--- {name}\n" + self.read(name).decode(
                    errors="replace")[-3000:]
        return text

    # ---- what happens ----------------------------------------------------

    def until(self, begin, share):
        self.over.wait(max(0, begin + share * SECONDS - time.monotonic()))

    def disturb(self, begin, device, servers):
        """Two thirds of the time: a reload or a kill at a time, of either
        server in turn.  Two resets."""
        events = max(8, SECONDS // 5)
        for n in range(events):
            self.until(begin, 2 / 3 * (n + 1) / (events + 1))
            server = servers[n % 2]
            if n // 2 % 2:
                server.kill_worker(n // 4)
            else:
                server.reload()
            if n == events * 3 // 4:
                device.send_signal(signal.SIGUSR2)
        self.until(begin, 5 / 6)
        device.send_signal(signal.SIGUSR2)
        self.until(begin, 1)

    def run_load(self, device, servers):
        clients = [c for s in servers for c in s.clients]
        begin = time.monotonic()
        for c in clients:
            c.start()
        self.disturb(begin, device, servers)
        self.over.set()
        for c in clients:
            c.join(PATIENCE + 10)
            self.assertFalse(c.is_alive(), "a client is stuck")
        return begin

    # ---- what is asked ---------------------------------------------------

    def assert_no_failure(self, servers):
        for s in servers:
            bad, kills, absent = s.judge()
            name = type(s).__name__
            done = sum(c.done for c in s.clients)
            shakes = sum(c.handshakes for c in s.clients)
            print(f"{name}: {done} requests, {shakes} handshakes, "
                  f"{sum(c.resumed for c in s.clients)} resumed, "
                  f"{sum(c.again for c in s.clients)} asked again; "
                  f"{s.reloads} reloads, {s.kills} workers killed with "
                  f"{sum(len(p) for p, _, _ in s.excused)} connections; "
                  f"failed: {kills} of these, {absent} while no worker "
                  f"was there, {len(bad)} others", flush=True)
            for c in s.clients[:1]:
                print(f"  {dict(c.kinds)}", flush=True)
            self.assertEqual(bad[:10], [], self.logs())
            # Each client has one connection at a time.
            self.assertLessEqual(kills, s.kills * CLIENTS)
            self.assertGreater(done, 5 * SECONDS)

    def assert_flat(self, rows, begin):
        """From shortly after the last event to the end: same processes."""
        since = begin + SECONDS * 0.72
        part = [row for when, row in rows
                if since <= when <= begin + SECONDS]
        first = part[0]
        for key in first:
            self.assertIn(key, part[-1], f"{key} is gone")
        for key in sorted(first):
            n = max(1, len(part) // 4)
            # The smallest of a while: requests come and go.
            rss = [min(r[key][0] for r in some)
                   for some in (part[:n], part[-n:])]
            fds = [min(r[key][1] for r in some)
                   for some in (part[:n], part[-n:])]
            print(f"{key[0]}: RSS {rss[0]} -> {rss[1]} KiB, descriptors "
                  f"{fds[0]} -> {fds[1]}", flush=True)
            self.assertLessEqual(rss[1] - rss[0], RSS_KIB, key)
            self.assertLessEqual(fds[1] - fds[0], FDS, key)
        # And the masters and the device over all of it.
        whole = [row for when, row in rows
                 if when >= begin + SECONDS * 0.1]
        for key in whole[0]:
            if "worker" in key[0] or key not in whole[-1]:
                continue
            a, b = whole[0][key], whole[-1][key]
            print(f"{key[0]}, all the time: RSS {a[0]} -> {b[0]} KiB, "
                  f"descriptors {a[1]} -> {b[1]}", flush=True)
            self.assertLessEqual(b[0] - a[0], 2 * RSS_KIB, key)

    def assert_nobody_stuck(self, servers):
        """All clients are gone; so are their connections, soon."""
        for s in servers:
            for _ in range(100):
                left = sum(len(v) for p in s.ports
                           for i, v in connections(p).items() if i)
                if not left:
                    break
                time.sleep(0.1)
            self.assertEqual(left, 0, type(s).__name__)

    def assert_offloaded(self, device):
        tool = os.path.join(wdtest.BUILD, "tools", "wdctl")
        total = json.loads(self.run_program(
            tool, "stats", "-j", self.path("stats")).out)["total"]
        kinds = {k: v for k, v in total.items()
                 if isinstance(v, dict) and v.get("jobs")}
        for k, v in kinds.items():
            print(f"  {k}: {v}", flush=True)
        print("  " + str({k: v for k, v in total.items()
                          if not isinstance(v, dict)}), flush=True)
        self.end_program(device)
        report = json.loads(self.read("device.json"))
        print(f"device: {report}", flush=True)
        self.assertEqual(report["thrown"], 0)
        for k in ("rsa-private", "ecdsa-sign", "x25519", "aes-gcm"):
            self.assertGreater(kinds[k]["jobs"], 4 * kinds[k]["software"], k)
        # There was something to be noticed.
        self.assertGreater(sum(v["errors"] for v in kinds.values()), 0)
        self.assertGreater(total["quarantined"], 0)

    def test_nobody_notices(self):
        device, name = self.start_device()
        servers = [self.start_nginx(name), self.start_haproxy(name)]
        watch = Watch(self, {"wd-emu": lambda: device.pid,
                             "nginx": lambda: servers[0].master.pid,
                             "haproxy": lambda: servers[1].master.pid})
        watch.start()
        begin = self.run_load(device, servers)
        self.assert_no_failure(servers)
        self.assert_flat(watch.rows, begin)
        self.assert_nobody_stuck(servers)
        for s in servers:
            self.assertIsNone(s.master.poll(), self.logs())
        servers[0].master.send_signal(signal.SIGQUIT)
        servers[0].master.wait(30)
        self.end_program(servers[1].master)
        self.assert_offloaded(device)
        log = self.logs()
        self.assertNotRegex(log, r"FATAL|exited on signal (?!9\b)|"
                            r"code 1(3[49]|29)|\[emerg\]")


if __name__ == "__main__":
    wdtest.main()
