/* SPDX-License-Identifier: Apache-2.0 */
#include "test/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "hw/qm/qm_fields.h"
#include "hw/sec/sec_fields.h"

#define PAGE	   4096u
#define SPARE	   0x10000u
#define JOBS_MAX   24 /* a run; some take milliseconds */
#define REGION_CFG 7

static const struct {
	uint32_t off, size, access;
} ranges[] = {
	{ FUZZ_RW1, FUZZ_RW1_SZ, VFIO_USER_DMA_READ | VFIO_USER_DMA_WRITE },
	{ FUZZ_RO, FUZZ_RO_SZ, VFIO_USER_DMA_READ },
	{ FUZZ_RW2, FUZZ_RW2_SZ, VFIO_USER_DMA_READ | VFIO_USER_DMA_WRITE },
};

uint64_t fuzz_take(struct fuzz_input *in, unsigned int bytes)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < bytes && in->left; i++, in->left--)
		v |= (uint64_t)*in->p++ << 8 * i;
	return v;
}

size_t fuzz_bytes(struct fuzz_input *in, void *to, size_t len)
{
	size_t n = len < in->left ? len : in->left;

	memset(to, 0, len);
	memcpy(to, in->p, n);
	in->p += n;
	in->left -= n;
	return n;
}

static int sealed_file(size_t size)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		abort();
	return fd;
}

int fuzz_spare_memory(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = sealed_file(SPARE);
	return fd;
}

int fuzz_eventfd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return fd;
}

static void hide(uint8_t *file, uint32_t from, uint32_t to)
{
	if (from < to && mprotect(file + from, to - from, PROT_NONE))
		abort();
}

/* Each mapping of the file shows its ranges only: the second the one in the
 * middle, the first the others. */
static void guard(const struct vfio_user *u)
{
	const struct vfio_user_range *r = u->dma.range;
	uint8_t *rw = r[0].va - ranges[0].off, *ro = r[1].va - ranges[1].off;

	hide(rw, FUZZ_RW1 + FUZZ_RW1_SZ, FUZZ_RW2);
	hide(rw, FUZZ_RW2 + FUZZ_RW2_SZ, FUZZ_SIZE);
	hide(ro, 0, FUZZ_RO);
	hide(ro, FUZZ_RO + FUZZ_RO_SZ, FUZZ_SIZE);
}

/* P-256: p, a, k, b, then the base point; X25519: p, a24, k, then u; "hello
 * world" as raw deflate. */
static const char *const operands[] = {
	"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
	"ffffffff00000001000000000000000000000000fffffffffffffffffffffffc"
	"00000000000000000000000000000000000000000000000000000000000000d3"
	"5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"
	"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
	"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
	"7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed"
	"000000000000000000000000000000000000000000000000000000000001db41"
	"40000000000000000000000000000000000000000000000000000000000000d0"
	"0000000000000000000000000000000000000000000000000000000000000009",
	"cb48cdc9c95728cf2fca490100",
};

static unsigned int digit(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void fill_operands(struct vfio_user *u)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(operands); i++) {
		uint8_t b[192];
		size_t n = 0;

		for (const char *c = operands[i]; *c; c += 2)
			b[n++] = (uint8_t)(digit(c[0]) << 4 | digit(c[1]));
		fuzz_poke(u, FUZZ_CURVES + i * 0x100, b, n);
	}
}

/* Keys and numbers that are odd, a scatter list of three pieces. */
static void fill(struct vfio_user *u)
{
	struct {
		struct sec_sgl head;
		struct sec_sgl_entry third, none;
	} list = {
		.head = { .sum_in_chain = 3,
			  .sum_in_sgl = 3,
			  .length_in_sgl = 3,
			  .entry = { { .addr = FUZZ_BASE + FUZZ_RW2 + 0x2001,
				       .len = 33 },
				     { .addr = FUZZ_BASE + FUZZ_RW2 + 0x2fff,
				       .len = 17 } } },
		.third = { .addr = FUZZ_BASE + FUZZ_RW2 + 0x4000, .len = 4096 },
	};
	uint8_t odd[2560];

	for (size_t i = 0; i < sizeof(odd); i++)
		odd[i] = (uint8_t)(i * 5 % 251 | 1);
	fuzz_poke(u, FUZZ_RW2, odd, sizeof(odd));
	fuzz_poke(u, FUZZ_LIST, &list, sizeof(list));
	/* The same shape elsewhere. */
	for (size_t i = 0; i < 2; i++)
		list.head.entry[i].addr += 0x8000;
	list.third.addr += 0x8000;
	fuzz_poke(u, FUZZ_LIST + sizeof(list), &list, sizeof(list));
	fill_operands(u);
}

static void lend_memory(struct vfio_user *u)
{
	static int fd = -1;

	if (fd < 0)
		fd = sealed_file(FUZZ_SIZE);
	/* Holes in the file are zeros again. */
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      FUZZ_SIZE))
		abort();
	for (size_t i = 0; i < 3; i++)
		if (vfio_user_dma_add(&u->dma, FUZZ_BASE + ranges[i].off,
				      ranges[i].size, ranges[i].access, fd,
				      ranges[i].off))
			abort();
	guard(u);
	fill(u);
}

struct vfio_user *fuzz_open(struct fuzz_input *in)
{
	uint8_t how = (uint8_t)fuzz_take(in, 1);
	struct emu_config cfg = {
		.engine = how & 8   ? &emu_zip
			  : how & 1 ? &emu_sec
				    : &emu_hpre,
		.model = how & 2 ? EMU_KUNPENG920 : EMU_KUNPENG930,
		.vf = how & 4 ? 1 : 0,
		.queues = FUZZ_QUEUES,
	};
	struct vfio_user *u;

	if (vfio_user_new(&u, &cfg, 0, NULL))
		abort();
	lend_memory(u);
	return u;
}

void fuzz_close(struct vfio_user *u)
{
	vfio_user_free(u);
}

void fuzz_poke(struct vfio_user *u, uint64_t off, const void *p, size_t len)
{
	struct emu_dma dma = vfio_user_dma_bus(&u->dma);

	dma.write(dma.ctx, 0, FUZZ_BASE + off, p, len);
}

static void to_bytes(uint8_t *b, uint64_t v)
{
	for (unsigned int i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> 8 * i);
}

void fuzz_config(struct vfio_user *u, uint64_t off, uint64_t v, size_t len)
{
	uint8_t b[8];

	to_bytes(b, v);
	vfio_user_region_write(u, REGION_CFG, off, b, len);
}

void fuzz_bar(struct vfio_user *u, unsigned int bar, uint64_t off, uint64_t v,
	      size_t len)
{
	uint8_t b[8];

	to_bytes(b, v);
	vfio_user_region_write(u, bar, off, b, len);
}

void fuzz_mailbox(struct vfio_user *u, uint32_t w0, uint64_t data)
{
	fuzz_bar(u, 2, 0x300, data << 32 | w0, 8);
	fuzz_bar(u, 2, 0x308, data >> 32, 8);
}

static const struct emu_engine *engine_of(const struct vfio_user *u)
{
	uint16_t id = u->pci.id.device;

	for (unsigned int i = 0; i < UACCE_ENGINES; i++)
		if (emu_engines[i] && (emu_engines[i]->pf_id == id ||
				       emu_engines[i]->vf_id == id))
			return emu_engines[i];
	abort();
}

static void context(struct vfio_user *u, uint32_t cmd, uint32_t queue,
		    const struct qm_context *ctx)
{
	fuzz_poke(u, FUZZ_CONTEXT, ctx, sizeof(*ctx));
	fuzz_mailbox(u, cmd | 1u << 13 | queue << 16, FUZZ_BASE + FUZZ_CONTEXT);
}

static void start_queue(struct vfio_user *u, uint32_t q)
{
	struct qm_context sqc = { { 0 } }, cqc = { { 0 } };

	QM_PUT(sqc.w, QM_SQC_BASE_LO,
	       (uint32_t)FUZZ_BASE + FUZZ_SQ + q * FUZZ_DEPTH * 128);
	QM_PUT(sqc.w, QM_SQC_DEPTH, FUZZ_DEPTH - 1);
	QM_PUT(sqc.w, QM_SQC_SQE_SHIFT, engine_of(u)->sqe_size == 128 ? 7 : 6);
	QM_PUT(sqc.w, QM_SQC_CQ, q);
	QM_PUT(sqc.w, QM_SQC_TYPE, q & 1);
	QM_PUT(cqc.w, QM_CQC_BASE_LO,
	       (uint32_t)FUZZ_BASE + FUZZ_CQ + q * FUZZ_DEPTH * 16);
	QM_PUT(cqc.w, QM_CQC_DEPTH, FUZZ_DEPTH - 1);
	QM_PUT(cqc.w, QM_CQC_CQE_SHIFT, 4);
	QM_PUT(cqc.w, QM_CQC_PHASE, 1);
	QM_PUT(cqc.w, QM_CQC_C_FLAG, 1);
	context(u, QM_MB_SQC, q, &sqc);
	context(u, QM_MB_CQC, q, &cqc);
}

static void start_vft(struct vfio_user *u, uint32_t type, uint64_t v)
{
	fuzz_bar(u, 2, 0x10005c, type, 4);
	fuzz_bar(u, 2, 0x100064, (uint32_t)v, 4);
	fuzz_bar(u, 2, 0x100068, v >> 32, 4);
	fuzz_bar(u, 2, 0x100054, 1, 4);
}

void fuzz_start(struct vfio_user *u)
{
	struct qm_context eq = { { 0 } };

	fuzz_config(u, 4, 6, 2);
	fuzz_bar(u, 2, 0x100040, 1, 4);
	start_vft(u, 0, 1ull << 44 | (FUZZ_QUEUES - 1ull) << 45);
	start_vft(u, 1, 1ull << 28);
	QM_PUT(eq.w, QM_EQC_BASE_LO, (uint32_t)FUZZ_BASE + FUZZ_EQ + 32);
	QM_PUT(eq.w, QM_EQC_DEPTH, 63);
	QM_PUT(eq.w, QM_EQC_PHASE, 1);
	context(u, QM_MB_EQC, 0, &eq);
	QM_PUT(eq.w, QM_EQC_BASE_LO, (uint32_t)FUZZ_BASE + FUZZ_AEQ);
	context(u, QM_MB_AEQC, 0, &eq);
	fuzz_bar(u, 2, 0x2000, QM_BELL_EQ << 12, 8);
	fuzz_bar(u, 2, 0x2000, QM_BELL_AEQ << 12, 8);
	for (uint32_t q = 0; q < FUZZ_QUEUES; q++)
		start_queue(u, q);
}

/*
 * Jobs that work, so that the input, which is laid over them bit by bit, starts
 * near something that matters.  Word and value, ended by word 32.  Addresses
 * are of odd bytes, of room for results, or of the list.
 */
#define ODD    ((uint32_t)FUZZ_BASE + FUZZ_RW2)
#define ROOM   ((uint32_t)FUZZ_BASE + FUZZ_RW2 + 0x10000)
#define LIST   ((uint32_t)FUZZ_BASE + FUZZ_LIST)
#define CURVES ((uint32_t)FUZZ_BASE + FUZZ_CURVES)
#define BD3(src, dst)                                                          \
	{ 4, src }, { 6, ODD }, { 8, ODD }, { 12, ODD }, { 19, dst },          \
		{ 21, ROOM + 0x1000 },                                         \
	{                                                                      \
		23, ODD                                                        \
	}
#define BD2(src, dst)                                                          \
	{ 14, ODD }, { 16, ODD }, { 18, ROOM + 0x1000 }, { 20, ODD },          \
		{ 22, ODD }, { 24, src },                                      \
	{                                                                      \
		26, dst                                                        \
	}
#define END                                                                    \
	{                                                                      \
		32, 0                                                          \
	}

struct job {
	uint32_t words[16][2];
};

static const struct job jobs[] = {
	{ { { 0, 0x40000000 },
	    { 1, 15 },
	    { 2, ODD },
	    { 4, ROOM + 0x2000 },
	    { 6, ROOM },
	    END } },
	{ { { 0, 0x40000001 },
	    { 1, 15 },
	    { 2, ODD },
	    { 4, ROOM + 0x2000 },
	    { 6, ROOM },
	    END } },
	{ { { 0, 0x40000005 },
	    { 1, 31 },
	    { 2, ODD },
	    { 4, ROOM + 0x2000 },
	    { 6, ROOM },
	    END } },
	{ { { 0, 0x4000000d },
	    { 1, 3 },
	    { 2, CURVES },
	    { 4, CURVES + 128 },
	    { 6, ROOM },
	    END } },
	{ { { 0, 0x40000010 },
	    { 1, 3 },
	    { 2, CURVES + 0x100 },
	    { 4, CURVES + 0x160 },
	    { 6, ROOM },
	    END } },
	{ { { 0, 0x223 }, { 1, 0x210001 }, { 18, 64 }, BD3(ODD, ROOM), END } },
	{ { { 0, 0x223 }, { 1, 0x274001 }, { 18, 77 }, BD3(ODD, ROOM), END } },
	{ { { 0, 0x4a03 },
	    { 1, 0x264101 },
	    { 14, 0x4000000 },
	    { 16, 0x140000 },
	    { 17, 20 },
	    { 18, 60 },
	    BD3(LIST, LIST),
	    END } },
	{ { { 0, 0x4a03 },
	    { 1, 0x240001 },
	    { 14, 0x4000000 },
	    { 18, 99 },
	    BD3(LIST, LIST),
	    END } },
	{ { { 0, 0xe3 }, { 14, 0x128081 }, { 17, 100 }, BD3(ODD, 0), END } },
	{ { { 0, 0x223 },
	    { 1, 0x210001 },
	    { 14, 0x89081 },
	    { 16, 0x100000 },
	    { 17, 80 },
	    { 18, 64 },
	    BD3(ODD, ROOM),
	    END } },
	{ { { 0, 0xa12 }, { 3, 0x21000 }, { 5, 64 }, BD2(ODD, ROOM), END } },
	{ { { 0, 0x48212 },
	    { 3, 0x26410 },
	    { 4, 20 },
	    { 5, 60 },
	    { 6, 0x140000 },
	    BD2(LIST, LIST),
	    END } },
	{ { { 0, 0x842 }, { 2, 0x12808 }, { 4, 100 }, BD2(ODD, 0), END } },
	/* Queues with an odd number decompress. */
	{ { { 4, 256 },
	    { 7, 0x30000000 },
	    { 9, 1 },
	    { 14, 4096 },
	    { 18, ODD },
	    { 20, ROOM },
	    END } },
	{ { { 4, 13 },
	    { 7, 0x30000000 },
	    { 9, 1 },
	    { 14, 64 },
	    { 18, CURVES + 0x200 },
	    { 20, ROOM },
	    END } },
	{ { { 4, 100 },
	    { 7, 0x30000000 },
	    { 9, 0x103 },
	    { 14, 4000 },
	    { 18, LIST },
	    { 20, LIST + 192 },
	    END } },
	{ { { 4, 100 },
	    { 9, 2 },
	    { 14, 200 },
	    { 18, ODD },
	    { 20, ROOM },
	    END } },
};

static void lay_job(uint32_t w[32], const struct job *j)
{
	for (size_t i = 0; i < 16 && j->words[i][0] < 32; i++)
		w[j->words[i][0]] ^= j->words[i][1];
}

void fuzz_descriptor(struct vfio_user *u, struct fuzz_input *in)
{
	const struct emu_engine *e = engine_of(u);
	bool v3 = u->pci.id.revision == 0x30;
	uint32_t q = fuzz_take(in, 1) % FUZZ_QUEUES;
	size_t kind = fuzz_take(in, 1) % (2 * WD_ARRAY_SIZE(jobs));
	uint32_t w[32] = { 0 }, slot;
	uint8_t changes = (uint8_t)fuzz_take(in, 1);
	struct emu_stats s;

	emu_dev_stats(u->dev, &s);
	slot = (uint32_t)(s.sq_bells % FUZZ_DEPTH);
	/* All of it, or a few words. */
	if (kind >= WD_ARRAY_SIZE(jobs))
		fuzz_bytes(in, w, sizeof(w));
	for (unsigned int i = 0; i < changes % 8u; i++) {
		unsigned int at = fuzz_take(in, 1) % 32;

		w[at] = (uint32_t)fuzz_take(in, 4);
	}
	lay_job(w, &jobs[kind % WD_ARRAY_SIZE(jobs)]);
	fuzz_poke(u, FUZZ_SQ + q * FUZZ_DEPTH * 128 + slot * e->sqe_size, w,
		  e->sqe_size);
	fuzz_bar(u, v3 ? 4 : 2, v3 ? q * EMU_BELL_WINDOW + 0x1000 : 0x1000,
		 q | (uint64_t)((slot + 1) % FUZZ_DEPTH) << 32, 8);
}

void fuzz_work(struct vfio_user *u)
{
	uint64_t wait_ns;

	for (int i = 0; i < JOBS_MAX; i++)
		if (!emu_dev_work(u->dev, &wait_ns))
			return;
}
