# SPDX-License-Identifier: Apache-2.0
"""vfio_client - a vfio-user client that does what QEMU and a guest would do.

    with Server("--device", "hpre") as server:
        c = Client(server.socket)
        c.version()
        guest = Guest(c)          # memory, BARs, MSI, the driver's bring-up
        guest.start()
        guest.queue(0)

Server starts and ends a wd-emu.  Client speaks single messages; its send()
takes any bytes, so tests can be rude.  Guest plays the driver: queue manager
up, queues, descriptors, completions by interrupt.
"""
import array
import json
import mmap
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time

BUILD = os.environ.get("WD_BUILD", "build")
WD_EMU = os.environ.get("WD_EMU", os.path.join(BUILD, "tools", "wd-emu"))

VERSION, DMA_MAP, DMA_UNMAP, DEVICE_INFO, REGION_INFO, REGION_IO_FDS, \
    IRQ_INFO, SET_IRQS, REGION_READ, REGION_WRITE, DMA_READ, DMA_WRITE, \
    DEVICE_RESET, DIRTY_PAGES, WRITE_MULTI = range(1, 16)
REPLY, NO_REPLY, ERROR = 1, 0x10, 0x20
READ, WRITE = 1, 2
CONFIG = 7
HEADER = struct.Struct("<HHIII")
CAPABILITIES = {"max_msg_fds": 16, "max_data_xfer_size": 1048576,
                "pgsizes": 4096, "max_dma_maps": 65535,
                "migration": {"max_bitmap_size": 268435456, "pgsize": 4096},
                "write_multiple": True}


class VfioError(Exception):
    """An error reply; .errno."""

    def __init__(self, errno):
        super().__init__("error reply %d (%s)" % (errno, os.strerror(errno)))
        self.errno = errno


class Gone(Exception):
    """The server closed the connection."""


class Server:
    """A wd-emu with one function per --vfio-user it is given; the first
    socket is made here."""

    def __init__(self, *options, socket_path=None):
        self.dir = tempfile.mkdtemp(prefix="wd-vfio-")
        self.socket = socket_path or os.path.join(self.dir, "sock")
        self.stats_file = os.path.join(self.dir, "stats.json")
        self.trace_file = os.path.join(self.dir, "trace.txt")
        self.process = subprocess.Popen(
            [WD_EMU, "--stats", self.stats_file, "--vfio-user", self.socket,
             *options, "--trace", self.trace_file],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 20
        while not os.path.exists(self.socket):
            if self.process.poll() is not None:
                raise RuntimeError(self.process.stderr.read().decode())
            if time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError("wd-emu does not listen")
            time.sleep(0.01)

    def finish(self, timeout=20):
        """Wait for the end; returns the exit code."""
        out, err = self.process.communicate(timeout=timeout)
        self.err = err.decode()
        return self.process.returncode

    def stats(self):
        with open(self.stats_file) as f:
            return json.load(f)

    def trace(self):
        with open(self.trace_file) as f:
            return f.read()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.finish()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.finish()
            raise
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)


class Client:
    """One connection."""

    TIMEOUT = 20

    def __init__(self, path):
        self.id = 0
        self.sock = self._connect(path)

    def _connect(self, path):
        """The server makes its socket a little before it listens."""
        deadline = time.monotonic() + self.TIMEOUT
        while True:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(self.TIMEOUT)
            try:
                sock.connect(path)
                return sock
            except (FileNotFoundError, ConnectionRefusedError):
                sock.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def close(self):
        self.sock.close()

    # --- bytes

    def send(self, data, fds=()):
        anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                array.array("i", fds))] if fds else []
        try:
            self.sock.sendmsg([data], anc)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None

    def _receive(self, n):
        data = b""
        while len(data) < n:
            try:
                more = self.sock.recv(n - len(data))
            except ConnectionResetError:
                raise Gone from None
            if not more:
                raise Gone
            data += more
        return data

    def receive(self):
        """(id, command, flags, error, payload) of the next message."""
        mid, cmd, size, flags, error = HEADER.unpack(self._receive(16))
        return mid, cmd, flags, error, self._receive(size - 16)

    # --- messages

    def message(self, cmd, payload=b"", flags=0):
        self.id = (self.id + 1) & 0xffff
        return HEADER.pack(self.id, cmd, 16 + len(payload), flags, 0) + payload

    def post(self, cmd, payload=b"", fds=()):
        self.send(self.message(cmd, payload, NO_REPLY), fds)

    def call(self, cmd, payload=b"", fds=()):
        """The payload of the reply; VfioError if it says so."""
        self.send(self.message(cmd, payload), fds)
        mid, got, flags, error, data = self.receive()
        assert (mid, got) == (self.id, cmd), "reply to another message"
        assert flags & 0xf == REPLY, "flags of a reply: %#x" % flags
        if flags & ERROR:
            assert not data, "an error reply has no payload"
            raise VfioError(error)
        return data

    def version(self, major=0, minor=0, capabilities=CAPABILITIES):
        data = struct.pack("<HH", major, minor)
        if capabilities is not None:
            text = json.dumps({"capabilities": capabilities}).encode()
            data += text + b"\0"
        reply = self.call(VERSION, data)
        major, minor = struct.unpack_from("<HH", reply)
        if len(reply) == 4:
            return major, minor, None
        assert reply[-1] == 0, "capabilities end with NUL"
        return major, minor, json.loads(reply[4:-1].decode())["capabilities"]

    def dma_map(self, iova, size, fd=None, offset=0, access=READ | WRITE):
        self.call(DMA_MAP, struct.pack("<IIQQQ", 32, access, offset, iova,
                                       size),
                  () if fd is None else (fd,))

    def dma_unmap(self, iova, size, flags=0):
        self.call(DMA_UNMAP, struct.pack("<IIQQ", 24, flags, iova, size))

    def device_info(self):
        return struct.unpack("<IIII", self.call(
            DEVICE_INFO, struct.pack("<IIII", 16, 0, 0, 0)))

    def region_info(self, index):
        """(flags, size)"""
        r = struct.unpack("<IIIIQQ", self.call(
            REGION_INFO, struct.pack("<IIIIQQ", 32, 0, index, 0, 0, 0)))
        assert r[2] == index
        return r[1], r[4]

    def irq_info(self, index):
        """(flags, count)"""
        r = struct.unpack("<IIII", self.call(
            IRQ_INFO, struct.pack("<IIII", 16, 0, index, 0)))
        return r[1], r[3]

    def set_irqs(self, index, start, count, flags=0x24, fds=(), data=b""):
        self.call(SET_IRQS, struct.pack("<IIIII", 20 + len(data), flags, index,
                                        start, count) + data, fds)

    def read_bytes(self, region, off, n):
        data = self.call(REGION_READ, struct.pack("<QII", off, region, n))
        assert data[:16] == struct.pack("<QII", off, region, n)
        return data[16:]

    def write_bytes(self, region, off, data, posted=False):
        payload = struct.pack("<QII", off, region, len(data)) + data
        if posted:
            self.post(REGION_WRITE, payload)
        else:
            self.call(REGION_WRITE, payload)

    def read(self, region, off, n=4):
        return int.from_bytes(self.read_bytes(region, off, n), "little")

    def write(self, region, off, value, n=4, posted=False):
        self.write_bytes(region, off, value.to_bytes(n, "little"), posted)

    def write_multi(self, writes, posted=True):
        """writes: (region, offset, value, size)..."""
        payload = struct.pack("<Q", len(writes))
        for region, off, value, n in writes:
            payload += struct.pack("<QII", off, region, n)
            payload += value.to_bytes(8, "little")
        if posted:
            self.post(WRITE_MULTI, payload)
        else:
            self.call(WRITE_MULTI, payload)

    def reset(self):
        self.call(DEVICE_RESET)


F_ADD_SEALS, F_SEAL_SHRINK = 1033, 2


class Memory:
    """A memfd as guest RAM, mapped for us."""

    def __init__(self, size, sealed=True):
        import fcntl
        self.fd = os.memfd_create("guest", os.MFD_CLOEXEC
                                  | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, size)
        if sealed:
            fcntl.fcntl(self.fd, F_ADD_SEALS, F_SEAL_SHRINK)
        self.map = mmap.mmap(self.fd, size)
        self.size = size

    def close(self):
        self.map.close()
        os.close(self.fd)


# Doorbell and mailbox commands
SQ, CQ, EQ, AEQ = range(4)
MB_SQC, MB_CQC, MB_EQC, MB_AEQC, MB_SQC_BT, MB_CQC_BT, MB_VFT = range(7)
MB_STOP_QP = 8

BASE = 0x40000000
EQ_OFF, AEQ_OFF, CONTEXT, QUEUES = 0x0, 0x4000, 0x6000, 0x10000
QUEUE_BYTES = 0x40000  # SQ, then CQ at 0x30000
DATA = 0x200000
SIZE = 0x800000
DEPTH = 1024


class Guest:
    """A driver for one function: memory, interrupts, rings."""

    def __init__(self, client, sqe_size, v3=True, vf=False, vectors=4,
                 memory=True):
        self.c, self.sqe_size, self.v3, self.vf = client, sqe_size, v3, vf
        self.vectors = vectors
        self.irq = []
        self.used = DATA
        self.tail, self.head, self.eq_head = {}, {}, 0
        if memory:
            self.mem = Memory(SIZE)
            client.dma_map(BASE, SIZE, self.mem.fd)

    def close(self):
        for fd in self.irq:
            os.close(fd)
        self.mem.close()

    # --- memory; addresses are the guest's

    def put(self, addr, data):
        self.mem.map[addr - BASE:addr - BASE + len(data)] = data

    def get(self, addr, n):
        return bytes(self.mem.map[addr - BASE:addr - BASE + n])

    def alloc(self, n, align=64):
        self.used = (self.used + align - 1) // align * align
        at = BASE + self.used
        self.used += n
        assert self.used <= SIZE
        return at

    def data(self, data, align=64):
        at = self.alloc(len(data), align)
        self.put(at, data)
        return at

    # --- configuration space

    def msi_on(self):
        c = self.c
        self.irq = [os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
                    for _ in range(self.vectors)] \
            if hasattr(os, "eventfd") else [_eventfd() for _ in
                                            range(self.vectors)]
        mme = self.vectors.bit_length() - 1
        c.write(CONFIG, 0x90, (1 << self.vectors) - 1)
        c.write(CONFIG, 0x84, 0xfee00000)
        c.write(CONFIG, 0x82, 0x0180 | mme << 4 | 1, 2)
        c.set_irqs(1, 0, self.vectors, fds=self.irq)
        c.write(CONFIG, 0x90, 0)

    def enable(self):
        self.c.write(CONFIG, 4, 6, 2)

    def wait_irq(self, vector=0, timeout=10):
        """How often the message came; 0 after @timeout."""
        r, _, _ = select.select([self.irq[vector]], [], [], timeout)
        if not r:
            return 0
        return int.from_bytes(os.read(self.irq[vector], 8), "little")

    # --- queue manager

    def mailbox(self, cmd, queue=0, data=0, op=0):
        c = self.c
        word = cmd | 1 << 13 | op << 14 | queue << 16
        c.write(2, 0x300, (data & 0xffffffff) << 32 | word, 8, posted=True)
        c.write(2, 0x308, data >> 32, 8, posted=True)
        w0 = c.read(2, 0x300)
        assert not w0 >> 13 & 1, "mailbox busy"
        return w0 >> 9 & 0xf

    def result(self):
        return self.c.read(2, 0x304) | self.c.read(2, 0x308) << 32

    def context(self, cmd, queue, *words):
        self.put(BASE + CONTEXT, struct.pack("<8I", *words))
        return self.mailbox(cmd, queue, BASE + CONTEXT)

    def vft(self, kind, lo, hi):
        c = self.c
        for off, v in ((0x58, 0), (0x5c, kind), (0x60, 0), (0x64, lo),
                       (0x68, hi), (0x6c, 0), (0x54, 1)):
            c.write(2, 0x100000 + off, v)
        assert c.read(2, 0x10006c) & 1

    def bell(self, cmd, queue, index, prio=0, posted=True):
        value = queue | cmd << 12 | index << 32 | prio << 48
        if cmd >= EQ:
            self.c.write(2, 0x2000, value, 8, posted)
        elif self.v3:
            self.c.write(4, queue * 0x10000 + 0x1000, value, 8, posted)
        else:
            self.c.write(2, 0x1000, value, 8, posted)

    def start(self, queues=64):
        """The driver's probe, as far as the model cares."""
        c = self.c
        self.enable()
        self.msi_on()
        if not self.vf:
            c.write(2, 0x100040, 1)
            assert c.read(2, 0x100044) & 1
            n = queues - 1
            self.vft(0, 0, 1 << 12 | n << 13)
            self.vft(1, 1 << 28, 0)
        self.put(BASE + EQ_OFF, bytes(0x6000))
        self.eq_head = 0
        assert self.context(MB_EQC, 0, 0, BASE + EQ_OFF, 0, 0, 0, 0,
                            2047 | 1 << 16, 0) == 0
        assert self.context(MB_AEQC, 0, 0, BASE + AEQ_OFF, 0, 0, 0, 0,
                            1023 | 1 << 16, 0) == 0
        self.bell(AEQ, 0, 0)
        self.bell(EQ, 0, 0)
        c.write(2, 0xc, 0)
        c.write(2, 4, 0)

    def sq(self, queue):
        return BASE + QUEUES + queue * QUEUE_BYTES

    def cq(self, queue):
        return self.sq(queue) + 0x30000

    def queue(self, queue, kind=0):
        self.put(self.cq(queue), bytes(16 * DEPTH))
        self.tail[queue] = self.head[queue] = 0
        sq, cq = self.sq(queue), self.cq(queue)
        shift = self.sqe_size.bit_length() - 1
        assert self.context(MB_SQC, queue, 0, sq & 0xffffffff, sq >> 32,
                            DEPTH - 1 | shift << 12, 0, 0,
                            queue | (1 << 4 | kind << 8) << 16, 0) == 0
        assert self.context(MB_CQC, queue, 0, cq & 0xffffffff, cq >> 32,
                            DEPTH - 1 | 4 << 12, 0, 0, 3, 0) == 0

    def submit(self, queue, sqe):
        assert len(sqe) == self.sqe_size
        slot = self.tail[queue] % DEPTH
        self.put(self.sq(queue) + slot * self.sqe_size, sqe)
        self.tail[queue] += 1
        self.bell(SQ, queue, self.tail[queue] % DEPTH)
        return slot

    def completion(self, queue, timeout=10):
        """The slot that finished next, None if none did."""
        deadline = time.monotonic() + timeout
        at = self.head[queue]
        phase = 1 - at // DEPTH % 2
        tries = 0
        while True:
            cqe = self.get(self.cq(queue) + at % DEPTH * 16, 16)
            if cqe[14] & 1 == phase:
                break
            if time.monotonic() > deadline:
                return None
            tries += 1
            if tries > 50:
                time.sleep(0.0005)
        self.head[queue] += 1
        self.bell(CQ, queue, self.head[queue] % DEPTH, 0)
        self.bell(CQ, queue, self.head[queue] % DEPTH, 1)
        return struct.unpack_from("<H", cqe, 8)[0]

    def run(self, queue, sqe):
        """Submit, wait, return the descriptor as written back."""
        slot = self.submit(queue, sqe)
        done = self.completion(queue)
        assert done == slot, "slot %s, not %s" % (done, slot)
        return self.get(self.sq(queue) + slot * self.sqe_size, self.sqe_size)

    def event(self):
        """Acknowledge the event queue; returns its new entries."""
        entries = []
        while True:
            word = struct.unpack("<I", self.get(
                BASE + EQ_OFF + self.eq_head % 2048 * 4, 4))[0]
            if word >> 16 & 1 != 1 - self.eq_head // 2048 % 2:
                break
            entries.append(word & 0xffff)
            self.eq_head += 1
        self.bell(EQ, 0, self.eq_head % 2048)
        return entries


def _eventfd():
    """os.eventfd() came with Python 3.10."""
    import ctypes
    fd = ctypes.CDLL(None, use_errno=True).eventfd(0, 0o2004000)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "eventfd")
    return fd
