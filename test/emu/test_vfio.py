#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""wd-emu as QEMU and a guest see it: protocol, configuration space, jobs
through the registers, and peers that mean no good.  Results are judged by
Python's own integers and by the openssl command."""
import errno
import os
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import vfio_client as vc
from vfio_client import CONFIG, Client, Gone, Guest, Memory, Server, VfioError

HPRE, SEC = 64, 128


class Vfio(unittest.TestCase):
    OPTIONS = ("--device", "hpre")

    def setUp(self):
        self.server = Server(*self.OPTIONS)
        self.addCleanup(self.end)
        self.c = Client(self.server.socket)
        self.addCleanup(self.c.close)

    def end(self):
        """Whatever a test did: the server ends by itself, without a crash or
        a sanitizer's complaint."""
        self.c.close()
        with self.server:
            rc = self.server.finish()
        self.assertIn(rc, (0, 1), self.server.err)
        self.assertNotRegex(self.server.err, "ERROR: |runtime error: ")

    def ready(self, **how):
        """Agreed, with memory, interrupts and the queue manager up."""
        self.c.version()
        guest = Guest(self.c, HPRE, **how)
        self.addCleanup(guest.close)
        guest.start()
        return guest

    def refused(self, code, call, *args, **kw):
        with self.assertRaises(VfioError) as caught:
            call(*args, **kw)
        self.assertEqual(caught.exception.errno, code)

    def alive(self):
        self.assertEqual(self.c.read(CONFIG, 0, 2), 0x19e5)


def rsa(guest, width=128, e=65537, m=0x1234567):
    """A public operation: descriptor, where its result goes, the result."""
    n = (1 << (8 * width - 1)) | 0xdeadbeef12345677
    key = guest.data(e.to_bytes(width, "big") + n.to_bytes(width, "big"))
    src = guest.data(m.to_bytes(width, "big"))
    dst = guest.alloc(width)
    return rsa_sqe(width, key, src, dst), dst, \
        pow(m, e, n).to_bytes(width, "big")


def rsa_sqe(width, key, src, dst, tag=0):
    return struct.pack("<IIQQQQ24x", 0x40000000, width // 8 - 1, key, src,
                       dst, tag)


def hpre_status(sqe):
    """(done, error)"""
    word = struct.unpack_from("<I", sqe)[0]
    return word >> 30, word >> 5 & 0x7ff


class Handshake(Vfio):
    def test_version_is_0_0_and_capabilities_are_a_subset(self):
        major, minor, caps = self.c.version(0, 7)
        self.assertEqual((major, minor), (0, 0))
        self.assertLessEqual(set(caps), set(vc.CAPABILITIES))
        self.assertIs(caps["write_multiple"], True)

    def test_what_was_not_proposed_is_not_offered(self):
        caps = self.c.version(capabilities={"max_msg_fds": 1})[2]
        self.assertNotIn("write_multiple", caps)

    def test_capabilities_are_optional(self):
        self.assertEqual(self.c.version(capabilities=None), (0, 0, None))
        self.alive()

    def test_another_major_version_is_refused_and_the_connection_closed(self):
        self.refused(errno.ENOTSUP, self.c.version, major=1)
        self.assertRaises(Gone, self.c.receive)

    def test_nothing_works_before_the_version(self):
        self.refused(errno.EINVAL, self.c.device_info)
        self.assertRaises(Gone, self.c.receive)

    def test_the_version_is_agreed_once(self):
        self.c.version()
        self.refused(errno.EINVAL, self.c.version)
        self.alive()

    def test_a_version_without_end_of_text_is_refused(self):
        self.refused(errno.EINVAL, self.c.call, vc.VERSION,
                     b"\0\0\0\0" + b'{"capabilities":{}}')

    def test_device_regions_and_interrupts_are_those_of_a_pf(self):
        self.c.version()
        self.assertEqual(self.c.device_info(), (16, 3, 9, 5))
        sizes = [self.c.region_info(i)[1] for i in range(9)]
        self.assertEqual(sizes, [0, 0, 4 << 20, 0, 64 << 20, 0, 0, 4096, 0])
        self.assertEqual([self.c.irq_info(i) for i in range(5)],
                         [(0, 0), (1, 4), (0, 0), (0, 0), (0, 0)])
        self.refused(errno.EINVAL, self.c.region_info, 9)
        self.refused(errno.EINVAL, self.c.irq_info, 5)


class Config(Vfio):
    def setUp(self):
        super().setUp()
        self.c.version()

    def test_ids_class_and_revision(self):
        head = self.c.read_bytes(CONFIG, 0, 16)
        self.assertEqual(struct.unpack_from("<HH", head), (0x19e5, 0xa258))
        self.assertEqual(head[8], 0x30)
        self.assertEqual(head[9:12], b"\0\0\x10")
        self.c.write(CONFIG, 0, 0xffffffff)
        self.assertEqual(self.c.read_bytes(CONFIG, 0, 4), head[:4])

    def test_bars_can_be_sized_and_placed(self):
        for bar, size in ((2, 4 << 20), (4, 64 << 20)):
            off = 0x10 + 4 * bar
            self.c.write(CONFIG, off, 0xffffffff)
            self.c.write(CONFIG, off + 4, 0xffffffff)
            got = self.c.read(CONFIG, off, 8)
            self.assertEqual(got & 0xf, 0xc)
            self.assertEqual(2 ** 64 - (got & ~0xf), size)
            self.c.write(CONFIG, off, 0x0400000c)
            self.c.write(CONFIG, off + 4, 0x80)
            self.assertEqual(self.c.read(CONFIG, off, 8), 0x800400000c)
        for off in (0x10, 0x14, 0x30):
            self.c.write(CONFIG, off, 0xffffffff)
            self.assertEqual(self.c.read(CONFIG, off), 0)

    def capabilities(self):
        found, at = {}, self.c.read(CONFIG, 0x34, 1)
        while at:
            self.assertNotIn(at, found.values(), "a loop")
            found[self.c.read(CONFIG, at, 1)] = at
            at = self.c.read(CONFIG, at + 1, 1)
        return found

    def test_capabilities_are_express_msi_and_power(self):
        self.assertEqual(set(self.capabilities()), {0x10, 0x05, 0x01})
        self.assertEqual(self.c.read(CONFIG, 6, 2) & 0x10, 0x10)

    def test_bars_answer_only_with_memory_enabled(self):
        self.assertEqual(self.c.read(2, 0x3104), 0xffffffff)
        self.c.write(2, 0x100074, 5)
        self.c.write(CONFIG, 4, 2, 2)
        self.assertEqual(self.c.read(2, 0x3104), 0x4000800)
        self.assertEqual(self.c.read(2, 0x100074), 0)

    def test_a_sleeping_function_answers_nothing_but_configuration(self):
        self.c.write(CONFIG, 4, 2, 2)
        self.c.write(CONFIG, 0xa4, 3, 2)
        self.assertEqual(self.c.read(2, 0x3104), 0xffffffff)
        self.c.write(CONFIG, 0xa4, 1, 2)  # no such state here
        self.assertEqual(self.c.read(CONFIG, 0xa4, 2) & 3, 3)
        self.c.write(CONFIG, 0xa4, 0, 2)
        self.assertEqual(self.c.read(2, 0x3104), 0x4000800)

    def test_flr_resets_function_and_configuration(self):
        self.c.write(CONFIG, 4, 6, 2)
        self.c.write(2, 0x100074, 0x1fffff)
        self.c.write(CONFIG, 0x48, 0x8000, 2)
        self.assertEqual(self.c.read(CONFIG, 0x48, 2) & 0x8000, 0)
        self.assertEqual(self.c.read(CONFIG, 4, 2), 0)
        self.c.write(CONFIG, 4, 2, 2)
        self.assertEqual(self.c.read(2, 0x100074), 0)

    def test_device_reset_does_the_same(self):
        self.c.write(CONFIG, 4, 6, 2)
        self.c.write(2, 0x100074, 0x1fffff)
        self.c.reset()
        self.assertEqual(self.c.read(CONFIG, 4, 2), 0)
        self.c.write(CONFIG, 4, 2, 2)
        self.assertEqual(self.c.read(2, 0x100074), 0)

    def test_every_offset_and_length_can_be_read_and_written(self):
        for n in (1, 2, 3, 4, 7, 8, 64, 256, 4096):
            for off in (0, 1, 2, 3, 0x33, 0x81, 0xfe, 0xff, 0x100, 4095):
                if off + n <= 4096:
                    data = self.c.read_bytes(CONFIG, off, n)
                    self.assertEqual(len(data), n)
                    self.c.write_bytes(CONFIG, off, bytes(n))
        self.refused(errno.EINVAL, self.c.read_bytes, CONFIG, 4095, 2)
        self.refused(errno.EINVAL, self.c.read_bytes, CONFIG, 4096, 1)
        self.refused(errno.EINVAL, self.c.read_bytes, CONFIG, 0, 0)
        self.alive()


class Vf(Vfio):
    OPTIONS = ("--device", "sec", "--model", "kunpeng920", "--vf", "3",
               "--queues", "6")

    def test_a_vf_of_kunpeng920_is_small(self):
        self.c.version()
        self.assertEqual(self.c.read(CONFIG, 2, 2), 0xa256)
        self.assertEqual(self.c.read(CONFIG, 8, 1), 0x21)
        self.assertEqual(self.c.region_info(2), (3, 64 << 10))
        self.assertEqual(self.c.region_info(4), (0, 0))
        self.assertEqual(self.c.irq_info(1), (1, 2))

    def test_a_vf_learns_its_queues_by_mailbox(self):
        self.c.version()
        guest = Guest(self.c, SEC, v3=False, vf=True, vectors=2)
        self.addCleanup(guest.close)
        guest.start()
        self.assertEqual(guest.mailbox(vc.MB_VFT, op=1), 0)
        self.assertEqual((guest.result() >> 45 & 0x3ff) + 1, 6)


class Jobs(Vfio):
    def test_an_rsa_job_through_registers(self):
        g = self.ready()
        g.queue(0)
        sqe, dst, want = rsa(g)
        back = g.run(0, sqe)
        self.assertEqual(hpre_status(back), (3, 0))
        self.assertEqual(g.get(dst, len(want)), want)
        self.assertEqual(g.wait_irq(), 1)
        self.assertEqual(g.event(), [0])
        self.c.close()
        self.assertEqual(self.server.finish(), 0)
        stats = self.server.stats()[0]
        self.assertEqual(stats["descriptors"], 1)
        self.assertEqual(stats["errors"], 0)
        self.assertEqual(stats["algorithms"], {"modexp": 1})
        trace = self.server.trace()
        for line in ("W bar2 0x100040/4 <- 0x1  QM_MEM_START_INIT",
                     "    MAILBOX EQC op=set q=0 addr=0x40006000",
                     "      ctx = 00000000 00000040 00000000 00000000 "
                     "00000000 00000000 ff070100 00000000",
                     "W bar4 0x001000/8 <- 0x100000000  DB[q0]+0x1000",
                     "    DOORBELL SQ q=0 index=1 prio=0",
                     "      SQE 00000040 0f000000",
                     "    IRQ index=1 vec=0 fired",
                     "    DOORBELL CQ q=0 index=1 prio=1",
                     "client gone"):
            self.assertIn(" " + line, trace)

    def test_rings_go_round(self):
        g = self.ready()
        g.queue(5)
        sqe, dst, want = rsa(g)
        for _ in range(1100):
            g.run(5, sqe)
        self.assertEqual(g.get(dst, len(want)), want)

    def test_posted_writes_in_one_message_keep_their_order(self):
        g = self.ready()
        g.queue(0)
        g.queue(1)
        sqe, dst, want = rsa(g)
        for q in (0, 1):
            g.put(g.sq(q), sqe)
            g.tail[q] = 1
        self.c.write_multi([(4, q << 16 | 0x1000, q | 1 << 32, 8)
                            for q in (0, 1)])
        self.assertEqual([g.completion(0), g.completion(1)], [0, 0])
        self.assertEqual(g.get(dst, len(want)), want)

    def test_a_masked_message_waits_and_shows_as_pending(self):
        g = self.ready()
        g.queue(0)
        self.c.write(CONFIG, 0x90, 1)
        g.run(0, rsa(g)[0])
        self.assertEqual(g.wait_irq(timeout=0.1), 0)
        self.assertEqual(self.c.read(CONFIG, 0x94), 1)
        self.c.write(CONFIG, 0x90, 0)
        self.assertEqual(g.wait_irq(), 1)
        self.assertEqual(self.c.read(CONFIG, 0x94), 0)

    def test_a_message_raised_before_its_eventfd_is_not_lost(self):
        g = self.ready()
        g.queue(0)
        self.c.set_irqs(1, 0, 0, flags=0x21)
        g.run(0, rsa(g)[0])
        self.assertEqual(g.wait_irq(timeout=0.1), 0)
        self.c.set_irqs(1, 0, 4, fds=g.irq)
        self.assertEqual(g.wait_irq(), 1)

    def test_without_msi_nothing_is_sent(self):
        g = self.ready()
        g.queue(0)
        self.c.write(CONFIG, 0x82, 0x01a0, 2)
        g.run(0, rsa(g)[0])
        self.assertEqual(g.wait_irq(timeout=0.1), 0)

    def test_with_one_message_all_vectors_use_it(self):
        g = self.ready()
        g.queue(0)
        self.c.write(CONFIG, 0x82, 0x0181, 2)
        self.c.write(2, 0x10000c, 1 << 3)  # an error for vector 3
        self.assertEqual(g.wait_irq(0), 1)
        self.assertEqual(g.wait_irq(3, timeout=0.05), 0)

    def test_without_bus_mastering_nothing_moves(self):
        g = self.ready()
        g.queue(0)
        sqe, dst, want = rsa(g)
        self.c.write(CONFIG, 4, 2, 2)
        g.submit(0, sqe)
        self.assertIsNone(g.completion(0, timeout=0.2))
        self.assertEqual(g.get(dst, len(want)), bytes(len(want)))

    def test_flr_with_jobs_in_flight_comes_back(self):
        g = self.ready()
        for _ in range(10):
            g.queue(0)
            sqe, dst, want = rsa(g, width=512)
            for _ in range(8):
                g.submit(0, sqe)
            self.c.write(CONFIG, 0x48, 0x8000, 2)
            g.used = vc.DATA
            for fd in g.irq:
                os.close(fd)
            g.start()
        g.queue(0)
        sqe, dst, want = rsa(g)
        g.run(0, sqe)
        self.assertEqual(g.get(dst, len(want)), want)

    def test_stop_finishes_what_was_rung(self):
        g = self.ready()
        g.queue(0)
        for _ in range(8):
            g.submit(0, rsa(g, width=512)[0])
        self.assertEqual(g.mailbox(vc.MB_STOP_QP, 0), 0)
        self.assertEqual([g.completion(0, 0) for _ in range(8)],
                         list(range(8)))


class Errors(Vfio):
    OPTIONS = ("--device", "hpre", "--fault", "error@2", "--fault",
               "error@3:12")

    def test_an_error_is_raised_and_acknowledged_and_jobs_go_on(self):
        g = self.ready()
        g.queue(0)
        sqe, dst, want = rsa(g)
        for bits in (0, 1 << 3, 1 << 12, 0):
            g.put(dst, bytes(len(want)))
            self.assertEqual(hpre_status(g.run(0, sqe)), (3, 0))
            self.assertEqual(g.get(dst, len(want)), want)
            self.assertEqual(self.c.read(2, 0x100008), bits)
            self.assertEqual(g.wait_irq(3, 10 if bits else 0.05), bits > 0)
            self.c.write(2, 0x100000, bits)
            self.assertEqual(self.c.read(2, 0x100008), 0)


class Aes(Vfio):
    OPTIONS = ("--device", "sec")
    KEY, IV = bytes(range(16)), bytes(range(100, 116))

    def test_an_aes_job_through_registers(self):
        self.c.version()
        g = Guest(self.c, SEC)
        self.addCleanup(g.close)
        g.start()
        g.queue(0)
        text = os.urandom(4096)
        dst = g.alloc(len(text))
        words = {0: 0x223, 1: 0x00210001, 18: len(text)}
        for at, address in ((4, g.data(text)), (12, g.data(self.KEY)),
                            (19, dst), (23, g.data(self.IV))):
            words[at] = address & 0xffffffff
            words[at + 1] = address >> 32
        sqe = struct.pack("<32I", *(words.get(i, 0) for i in range(32)))
        back = g.run(0, sqe)
        self.assertEqual(struct.unpack_from("<I", back, 0x70)[0] & 1, 1,
                         back.hex())
        want = subprocess.run(
            ["openssl", "enc", "-aes-128-cbc", "-nopad", "-K",
             self.KEY.hex(), "-iv", self.IV.hex()], input=text,
            stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(g.get(dst, len(text)), want)
        self.c.close()
        self.assertEqual(self.server.finish(), 0)
        self.assertEqual(self.server.stats()[0]["algorithms"],
                         {"aes-cbc": 1})


class Memories(Vfio):
    """Guest addresses, wherever they point."""

    def setUp(self):
        super().setUp()
        self.c.version()

    def test_ranges_do_not_overlap(self):
        m = Memory(0x10000)
        self.addCleanup(m.close)
        self.c.dma_map(0x10000, 0x10000, m.fd)
        for iova, size in ((0x10000, 0x10000), (0x11000, 0x1000),
                           (0xf000, 0x2000), (0x1f000, 0x1000),
                           (0, 0x100000)):
            self.refused(errno.EEXIST, self.c.dma_map, iova, size)
        self.c.dma_map(0x20000, 0x1000)
        self.c.dma_map(0xf000, 0x1000)
        self.alive()

    def test_ranges_are_whole_pages_inside_their_file(self):
        m = Memory(0x10000)
        self.addCleanup(m.close)
        for iova, size, offset in ((0, 0, 0), (1, 0x1000, 0), (0, 0x1001, 0),
                                   (0, 0x1000, 8), (0, 0x11000, 0),
                                   (0, 0x1000, 0x10000),
                                   (0, 0x1000, 2 ** 64 - 0x1000),
                                   (0, 2 ** 64 - 0x1000, 0x1000),
                                   (2 ** 64 - 0x1000, 0x2000, 0)):
            self.refused(errno.EINVAL, self.c.dma_map, iova, size, m.fd,
                         offset)
        self.c.dma_map(2 ** 64 - 0x1000, 0x1000, m.fd)
        self.c.dma_unmap(2 ** 64 - 0x1000, 0x1000)

    def test_unmap_takes_whole_ranges_only(self):
        for i in range(8):
            self.c.dma_map(i * 0x2000, 0x2000)
        self.refused(errno.EINVAL, self.c.dma_unmap, 0x1000, 0x2000)
        self.refused(errno.EINVAL, self.c.dma_unmap, 0x2000, 0x1000)
        self.refused(errno.EINVAL, self.c.dma_unmap, 0x2000, 0)
        self.c.dma_unmap(0x2000, 0x4000)
        self.c.dma_unmap(0x2000, 0x4000)  # nothing left there: fine
        self.c.dma_map(0x2000, 0x4000)
        self.c.dma_unmap(0, 0, flags=2)
        self.c.dma_map(0, 0x1000000)
        self.refused(errno.EINVAL, self.c.dma_unmap, 0x1000, 0, flags=2)

    def test_many_ranges(self):
        m = Memory(0x1000 * 2000)
        self.addCleanup(m.close)
        for i in range(2000):
            at = i * 7 % 2000 * 0x1000
            self.c.dma_map(at, 0x1000, m.fd, at)
        self.c.dma_unmap(0, 2000 * 0x1000)

    def test_strange_files(self):
        r, w = os.pipe()
        null = os.open("/dev/null", os.O_RDWR)
        self.addCleanup(lambda: [os.close(f) for f in (r, w, null)])
        for i, fd in enumerate((r, w, null, self.c.sock.fileno())):
            self.c.dma_map(i * 0x1000, 0x1000, fd)  # known, unreachable
        self.alive()

    def scattered(self, sealed=True):
        """A guest whose memory is one range a page, pages of the file in
        reverse order."""
        g = Guest(self.c, HPRE, memory=False)
        g.mem = Memory(vc.SIZE, sealed)
        pages = vc.SIZE // 0x1000
        for i in range(pages):
            self.c.dma_map(vc.BASE + i * 0x1000, 0x1000, g.mem.fd,
                           (pages - 1 - i) * 0x1000)

        def split(addr, n):
            while n:
                off = addr - vc.BASE
                room = min(n, 0x1000 - off % 0x1000)
                yield (pages - 1 - off // 0x1000) * 0x1000 + off % 0x1000, \
                    room
                addr, n = addr + room, n - room

        def put(addr, data):
            for at, n in split(addr, len(data)):
                g.mem.map[at:at + n], data = data[:n], data[n:]

        g.put = put
        g.get = lambda addr, n: b"".join(bytes(g.mem.map[at:at + k])
                                         for at, k in split(addr, n))
        self.addCleanup(g.close)
        return g

    def test_accesses_are_split_where_ranges_meet(self):
        g = self.scattered()
        g.start()
        g.queue(0)
        sqe, dst, want = rsa(g, 512)
        for place in range(0x1000 - 600, 0x1000, 88):
            out = g.alloc(0x3000, 0x1000) + place
            key, src = struct.unpack_from("<QQ", sqe, 8)
            moved = rsa_sqe(512, g.data(g.get(key, 1024), 0x1000), src, out)
            self.assertEqual(hpre_status(g.run(0, moved)), (3, 0))
            self.assertEqual(g.get(out, 512), want)

    def test_memory_that_could_shrink_is_not_used(self):
        g = self.scattered(sealed=False)
        g.enable()
        g.msi_on()
        self.c.write(2, 0x100040, 1)
        g.vft(0, 0, 1 << 12 | 63 << 13)
        self.assertNotEqual(g.context(vc.MB_EQC, 0, 0, vc.BASE, 0, 0, 0, 0,
                                      2047 | 1 << 16, 0), 0)
        self.c.close()
        self.server.finish()
        self.assertIn("memory-backend-memfd", self.server.err)

    def hole(self, read_only=False):
        """Memory with a hole, or a read-only page, at DATA + 0x1000."""
        g = Guest(self.c, HPRE, memory=False)
        g.mem = Memory(vc.SIZE)
        at = vc.BASE + vc.DATA + 0x1000
        off = vc.DATA + 0x1000
        self.c.dma_map(vc.BASE, off, g.mem.fd)
        if read_only:
            self.c.dma_map(at, 0x1000, g.mem.fd, off, vc.READ)
        self.c.dma_map(at + 0x1000, vc.SIZE - off - 0x1000, g.mem.fd,
                       off + 0x1000)
        self.addCleanup(g.close)
        g.start()
        g.queue(0)
        g.used = vc.DATA + 0x2000
        return g, at

    def bad_places(self, at):
        return (0, at, at + 0xfff, at - 1, at - 127, at + 0x1000 - 127,
                2 ** 64 - 1, 2 ** 64 - 128, 2 ** 63, vc.BASE + vc.SIZE - 1,
                vc.BASE + vc.SIZE, vc.BASE - 1, 1 << 52)

    def test_operands_outside_are_refused_and_nothing_is_written(self):
        g, at = self.hole()
        sqe, dst, want = rsa(g)
        key, src = struct.unpack_from("<QQ", sqe, 8)
        before = g.get(vc.BASE + vc.DATA, 0x2000)
        for bad in self.bad_places(at):
            for trial in ((bad, src, dst), (key, bad, dst), (key, src, bad)):
                with self.subTest(at=hex(bad), which=trial.index(bad)):
                    back = g.run(0, rsa_sqe(128, *trial))
                    self.assertEqual(hpre_status(back)[0], 3)
                    self.assertNotEqual(hpre_status(back)[1], 0)
        self.assertEqual(g.get(vc.BASE + vc.DATA, 0x2000), before)
        self.assertEqual(hpre_status(g.run(0, sqe)), (3, 0))
        self.assertEqual(g.get(dst, 128), want)

    def test_read_only_memory_is_read_and_never_written(self):
        g, at = self.hole(read_only=True)
        sqe, dst, want = rsa(g)
        key, src = struct.unpack_from("<QQ", sqe, 8)
        g.put(at, g.get(src, 128))
        back = g.run(0, rsa_sqe(128, key, at, dst))
        self.assertEqual(hpre_status(back), (3, 0))
        self.assertEqual(g.get(dst, 128), want)
        before = g.get(at, 0x1000)
        self.assertNotEqual(
            hpre_status(g.run(0, rsa_sqe(128, key, src, at)))[1], 0)
        self.assertEqual(g.get(at, 0x1000), before)

    def test_rings_and_contexts_outside_are_errors_not_accesses(self):
        g, at = self.hole()
        for bad in self.bad_places(at):
            for cmd in (vc.MB_SQC, vc.MB_CQC, vc.MB_EQC, vc.MB_AEQC):
                for op in (0, 1):
                    status = g.mailbox(cmd, 1, bad, op)
                    if not vc.BASE <= bad < vc.BASE + vc.SIZE - 32:
                        self.assertNotEqual(status, 0, (hex(bad), cmd, op))
        # A ring that is not there is found out when it is used.
        word = (1023 | 6 << 12, 0, 0, 2 | 1 << 20, 0)
        self.assertEqual(g.context(vc.MB_SQC, 2, 0, 0x1000, 0x7fff, *word), 0)
        self.assertEqual(g.context(vc.MB_CQC, 2, 0, 0x9000, 0x7fff,
                                   1023 | 4 << 12, 0, 0, 3, 0), 0)
        g.bell(vc.SQ, 2, 5)
        self.assertGreaterEqual(g.wait_irq(3), 1)  # an error is raised
        self.alive()

    def test_memory_can_go_while_jobs_run(self):
        g = Guest(self.c, HPRE, memory=False)
        g.mem = Memory(vc.SIZE)
        self.addCleanup(g.close)
        half = vc.DATA
        self.c.dma_map(vc.BASE, half, g.mem.fd)
        self.c.dma_map(vc.BASE + half, vc.SIZE - half, g.mem.fd, half)
        g.start()
        g.queue(0)
        sqe = rsa(g, 512)[0]
        for _ in range(50):
            for _ in range(4):
                g.submit(0, sqe)
            self.c.dma_unmap(vc.BASE + half, vc.SIZE - half)
            self.c.dma_map(vc.BASE + half, vc.SIZE - half, g.mem.fd, half)
            for _ in range(4):
                self.assertIsNotNone(g.completion(0))


class Rude(Vfio):
    """Peers that mean no good, or break."""

    COMMANDS = [n for n in range(20)] + [255, 0x7fff, 0xffff]

    def test_short_messages_of_every_kind_are_refused(self):
        self.c.version()
        full = {vc.DMA_MAP: 32, vc.DMA_UNMAP: 24, vc.DEVICE_INFO: 16,
                vc.REGION_INFO: 32, vc.IRQ_INFO: 16, vc.SET_IRQS: 20,
                vc.REGION_READ: 16, vc.REGION_WRITE: 16, vc.WRITE_MULTI: 8}
        for cmd, size in full.items():
            for n in range(size):
                self.refused(errno.EINVAL, self.c.call, cmd, b"\0" * n)
                self.refused(errno.EINVAL, self.c.call, cmd, b"\xff" * n)
        self.alive()

    def test_small_argsz_is_refused(self):
        self.c.version()
        for cmd, size in ((vc.DMA_MAP, 32), (vc.DMA_UNMAP, 24),
                          (vc.DEVICE_INFO, 16), (vc.REGION_INFO, 32),
                          (vc.IRQ_INFO, 16), (vc.SET_IRQS, 20)):
            data = struct.pack("<I", size - 1) + bytes(size - 4)
            self.refused(errno.EINVAL, self.c.call, cmd, data)

    def test_unknown_commands_are_refused(self):
        self.c.version()
        for cmd in (0, 6, 11, 12, 14, 16, 17, 18, 19, 255, 0xffff):
            self.refused(errno.ENOSYS, self.c.call, cmd, bytes(64))
        self.alive()

    def test_bad_regions_and_sizes(self):
        self.c.version()
        self.c.write(CONFIG, 4, 6, 2)
        for region in (0, 1, 3, 5, 6, 8, 9, 99, 0xffffffff):
            self.refused(errno.EINVAL, self.c.read, region, 0)
            self.refused(errno.EINVAL, self.c.write, region, 0, 0)
        for off, n in ((0, 0), (0, 3), (0, 5), (0, 16), (2, 4), (4, 8),
                       (0x400000, 4), (0x3ffffe, 4), (2 ** 64 - 4, 4),
                       (2 ** 63, 8)):
            self.refused(errno.EINVAL, self.c.read_bytes, 2, off, n)
            self.refused(errno.EINVAL, self.c.write_bytes, 2, off, bytes(n))
        self.assertEqual(self.c.read(2, 0x3104, 1), 0)
        self.alive()

    def test_counts_that_do_not_fit_the_message(self):
        self.c.version()
        for n in (5, 4096, 0x7fffffff, 0xffffffff):
            self.refused(errno.EINVAL, self.c.call, vc.REGION_WRITE,
                         struct.pack("<QII", 0, CONFIG, n) + bytes(4))
        for n in (4097, 0x7fffffff, 0xffffffff):
            self.refused(errno.EINVAL, self.c.call, vc.REGION_READ,
                         struct.pack("<QII", 0, CONFIG, n))
        for n in (2, 201, 2 ** 32, 2 ** 61, 2 ** 64 - 1):
            self.refused(errno.EINVAL, self.c.call, vc.WRITE_MULTI,
                         struct.pack("<Q", n) + bytes(24))
        self.refused(errno.EINVAL, self.c.call, vc.WRITE_MULTI,
                     struct.pack("<QQII8x", 1, 0, 2, 9))
        self.alive()

    def test_interrupts_out_of_range(self):
        self.c.version()
        fds = [vc._eventfd() for _ in range(5)]
        self.addCleanup(lambda: [os.close(f) for f in fds])
        for index, start, count, flags, n in (
                (1, 0, 5, 0x24, 5), (1, 4, 1, 0x24, 1), (1, 5, 0, 0x21, 0),
                (1, 0xffffffff, 2, 0x24, 2), (1, 1, 0xffffffff, 0x21, 0),
                (1, 0, 4, 0x24, 3), (1, 0, 2, 0x24, 3), (0, 0, 1, 0x24, 1),
                (5, 0, 0, 0x21, 0), (1, 0, 1, 0x0c, 1), (1, 0, 1, 0x11, 0),
                (1, 0, 1, 0x25, 1), (1, 0, 1, 0x20, 0), (1, 0, 1, 0x22, 0),
                (1, 0, 1, 0x121, 0)):
            self.refused(errno.EINVAL, self.c.set_irqs, index, start, count,
                         flags, fds[:n])
        self.c.set_irqs(1, 0, 4, fds=fds[:4])
        self.c.set_irqs(1, 1, 2, 0x22, data=b"\1\0")
        self.assertEqual(os.read(fds[1], 8)[0], 1)
        self.c.set_irqs(1, 2, 1, 0x21)
        self.assertEqual(os.read(fds[2], 8)[0], 1)
        self.c.set_irqs(1, 2, 1, 0x24)  # without a file descriptor: off
        self.c.set_irqs(1, 0, 0, 0x21)
        self.alive()

    def test_only_eventfds_become_interrupts(self):
        self.c.version()
        r, w = os.pipe()
        m = Memory(0x1000)
        self.addCleanup(lambda: [os.close(f) for f in (r, w)])
        self.addCleanup(m.close)
        for fd in (r, w, m.fd, self.c.sock.fileno()):
            self.refused(errno.EINVAL, self.c.set_irqs, 1, 0, 1, fds=[fd])
        self.alive()

    def test_file_descriptors_where_none_belong_are_closed(self):
        self.c.version()
        m = Memory(0x1000)
        self.addCleanup(m.close)
        before = self.open_files()
        for _ in range(50):
            self.c.call(vc.DEVICE_INFO, struct.pack("<IIII", 16, 0, 0, 0),
                        [m.fd] * 3)
            self.refused(errno.EINVAL, self.c.call, vc.DMA_MAP,
                         struct.pack("<IIQQQ", 32, 3, 0, 0, 0x1000),
                         [m.fd] * 2)
            self.refused(errno.EINVAL, self.c.call, vc.DEVICE_RESET, b"",
                         [m.fd] * 40)
        self.assertEqual(self.open_files(), before)

    def open_files(self):
        return len(os.listdir("/proc/%d/fd" % self.server.process.pid))

    def test_a_size_that_can_not_be_followed_ends_it(self):
        for size in (0, 1, 15, 8193, 0x7fffffff, 0xffffffff):
            with Server("--device", "hpre") as server:
                c = Client(server.socket)
                c.version()
                c.send(vc.HEADER.pack(7, vc.DEVICE_INFO, size, 0, 0))
                mid, cmd, flags, error, data = c.receive()
                self.assertEqual((mid, flags, error), (7, 0x21,
                                                       errno.EMSGSIZE))
                self.assertRaises(Gone, c.receive)
                c.close()
                self.assertEqual(server.finish(), 1)
                self.assertIn("sent away", server.err)

    def test_replies_to_nothing_end_it(self):
        self.c.version()
        self.c.send(self.c.message(vc.DEVICE_INFO, bytes(16), 1))
        self.c.receive()
        self.assertRaises(Gone, self.c.receive)

    def test_commands_without_reply_get_none_not_even_an_error(self):
        self.c.version()
        self.c.post(vc.REGION_WRITE, b"short")
        self.c.post(200, bytes(100))
        self.c.post(vc.WRITE_MULTI, struct.pack("<Q", 77))
        self.alive()  # the next reply is to the next question

    def test_messages_in_pieces(self):
        self.c.version()
        message = self.c.message(vc.REGION_READ,
                                 struct.pack("<QII", 0, CONFIG, 4))
        for byte in message:
            self.c.send(bytes([byte]))
        self.assertEqual(self.c.receive()[4][16:18], b"\xe5\x19")
        self.c.send(message * 20)
        for _ in range(20):
            self.assertEqual(self.c.receive()[4][16:18], b"\xe5\x19")

    def test_a_peer_that_does_not_listen_to_answers(self):
        self.c.version()
        message = self.c.message(vc.REGION_READ,
                                 struct.pack("<QII", 0, CONFIG, 4096))
        self.c.sock.settimeout(0.5)
        try:
            for _ in range(5000):
                self.c.sock.sendall(message)
        except OSError:
            pass
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.finish(), 0)

    def test_a_peer_that_never_pauses_does_not_keep_it_from_ending(self):
        self.c.version()
        message = self.c.message(vc.REGION_WRITE, struct.pack(
            "<QIII", 0x100074, 2, 4, 0), vc.NO_REPLY) * 1000
        deadline = time.monotonic() + 10
        self.server.process.send_signal(signal.SIGTERM)
        with self.assertRaises(OSError):
            while time.monotonic() < deadline:
                self.c.sock.sendall(message)
        self.assertEqual(self.server.finish(), 0)

    def test_a_connection_cut_anywhere_ends_cleanly(self):
        whole = struct.pack("<HHIII", 1, vc.VERSION, 20, 0, 0) + bytes(4)
        for cut in (0, 1, 15, 16, 19):
            with Server("--device", "hpre") as server:
                c = Client(server.socket)
                c.send(whole[:cut])
                c.close()
                self.assertEqual(server.finish(), 0, server.err)

    def test_a_client_killed_in_the_middle_of_jobs(self):
        g = self.ready()
        g.queue(0)
        sqe = rsa(g, 512)[0]
        for _ in range(500):
            g.submit(0, sqe)
        self.c.close()
        self.assertEqual(self.server.finish(), 0)

    def test_sigterm_ends_it_with_and_without_client(self):
        for connected in (False, True):
            with Server("--device", "hpre") as server:
                if connected:
                    c = Client(server.socket)
                    c.version()
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(server.finish(), 0)
                self.assertFalse(os.path.exists(server.socket))
                if connected:
                    c.close()

    def test_noise(self):
        """Random commands with random payloads: any answer, no crash."""
        import random
        rnd = random.Random(20260701)
        self.c.version()
        for _ in range(3000):
            n = rnd.choice((0, 4, 8, 16, 20, 24, 32, 56, rnd.randrange(200)))
            words = [rnd.choice((0, 1, 2, 3, 7, 16, 32, 0x24, 0x1000,
                                 rnd.getrandbits(32), 0xffffffff))
                     for _ in range(n // 4 + 1)]
            data = struct.pack("<%dI" % len(words), *words)[:n]
            try:
                self.c.call(rnd.choice((2, 3, 4, 5, 7, 8, 9, 10, 13, 15)),
                            data)
            except VfioError:
                pass
        self.alive()


class Several(unittest.TestCase):
    def test_functions_of_one_process_are_apart(self):
        with Server("--device", "hpre") as probe:
            other = os.path.join(probe.dir, "other")
            with Server("--device", "hpre", "--trace",
                        os.path.join(probe.dir, "t"), "--vfio-user", other,
                        "--device", "sec", "--model", "kunpeng920",
                        "--vf", "1") as server:
                a, b = Client(server.socket), Client(other)
                a.version()
                b.version()
                self.assertEqual(a.read(CONFIG, 2, 2), 0xa258)
                self.assertEqual(b.read(CONFIG, 2, 2), 0xa256)
                a.close()
                time.sleep(0.1)
                self.assertEqual(b.read(CONFIG, 2, 2), 0xa256)
                b.close()
                self.assertEqual(server.finish(), 0)
                self.assertEqual([s["device"] for s in server.stats()],
                                 ["hpre", "sec"])


class Arguments(unittest.TestCase):
    def run_it(self, *argv):
        return subprocess.run([vc.WD_EMU, *argv], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=20, check=False,
                              universal_newlines=True)

    def test_help_and_version(self):
        for option in ("--help", "--version"):
            r = self.run_it(option)
            self.assertEqual((r.returncode, r.stderr), (0, ""))
            self.assertIn("wd-emu", r.stdout)

    def test_each_bad_argument_is_named(self):
        sock = ("--vfio-user", "/nonexistent/sock")
        for argv, words in (
                ((), ("nothing to serve",)),
                (sock, ("which device", "--device")),
                (sock + ("--device", "rde"), ("rde", "hpre")),
                (sock + ("--device", "hpre", "--model", "kunpeng940"),
                 ("kunpeng940", "kunpeng920")),
                (sock + ("--device", "hpre", "--vf", "64"), ("64", "63")),
                (sock + ("--device", "hpre", "--vf", "x"), ("--vf x",)),
                (sock + ("--device", "hpre", "--queues", "0"),
                 ("queues=0", "1024")),
                (sock + ("--device", "hpre", "--queues", "1025"),
                 ("queues=1025", "1024")),
                (sock + ("--device", "hpre", "--threads", "17"),
                 ("threads=17", "16")),
                (sock + ("--device", "hpre", "--latency-us", "-1"),
                 ("latency_us=-1",)),
                (sock + ("--device", "hpre", "--fault", "frob@1"),
                 ("frob", "delay")),
                (sock + ("--device", "hpre", "--fault", "drop"),
                 ("@N",)),
                (sock + ("--device", "hpre", "--fault", "drop@1,inline"),
                 ("drop@1,inline",)),
                (sock + ("--device", "hpre", "extra"), ("extra", "--help")),
                (sock + ("--device",), ("--device", "--help")),
                (("--frobnicate",), ("frobnicate", "--help")),
                (("--trace", "/tmp/t", "--device", "hpre") + sock + sock,
                 ("--trace",))):
            with self.subTest(argv=argv):
                r = self.run_it(*argv)
                self.assertEqual(r.returncode, 2, r.stderr)
                for word in words:
                    self.assertIn(word, r.stderr)

    def test_a_socket_that_can_not_be_made_is_named(self):
        for path in ("/nonexistent/sock", "/tmp/" + "x" * 200):
            r = self.run_it("--vfio-user", path, "--device", "hpre")
            self.assertEqual(r.returncode, 1)
            self.assertIn(path, r.stderr)

    def test_a_file_that_can_not_be_written_is_named_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            sock = os.path.join(folder, "sock")
            for option in ("--stats", "--trace"):
                r = self.run_it("--vfio-user", sock, "--device", "hpre",
                                option, "/nonexistent/file")
                self.assertEqual(r.returncode, 1)
                self.assertIn("/nonexistent/file", r.stderr)
                self.assertFalse(os.path.exists(sock))

    def test_a_socket_in_use_is_not_taken_a_dead_one_is(self):
        with Server("--device", "hpre") as first:
            r = self.run_it("--vfio-user", first.socket, "--device", "hpre")
            self.assertEqual(r.returncode, 1)
            self.assertIn(first.socket, r.stderr)
            first.process.kill()
            first.process.wait()
            self.assertTrue(os.path.exists(first.socket))
            second = subprocess.Popen([vc.WD_EMU, "--vfio-user", first.socket,
                                       "--device", "sec"],
                                      stderr=subprocess.DEVNULL)
            c = Client(first.socket)
            c.version()
            self.assertEqual(c.read(CONFIG, 2, 2), 0xa255)
            c.close()
            self.assertEqual(second.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
