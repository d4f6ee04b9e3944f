/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue manager at its registers, driven by hand: every word written here
 * is spelled out, none comes from the drivers.  Memory of the "guest" is one
 * array whose bus address is BASE.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "emu/emu_dev.h"
#include "test/emu/emu_test_engine.h"
#include "test/t.h"

#define BASE	 0x40000000ull
#define MEM_SIZE 0x100000u

/* Guest memory map */
enum {
	AT_EQ = 0x1000,
	AT_AEQ = 0x2000,
	AT_CTX = 0x3000,
	AT_IN = 0x4000,
	AT_OUT = 0x5000,
	AT_RINGS = 0x10000, /* + 0x4000 a queue: SQ, CQ at +0x2000 */
};

enum { V2 = EMU_KUNPENG920, V3 = EMU_KUNPENG930 };

struct rig {
	struct emu_dev *dev;
	int model;
	unsigned int irqs[4], kicks;
	uint8_t *mem;
};

static void *rig_map(void *ctx, uint32_t pasid, uint64_t addr, size_t len,
		     bool write)
{
	struct rig *r = ctx;

	(void)write;
	if (pasid || addr < BASE || addr - BASE > MEM_SIZE ||
	    len > MEM_SIZE - (addr - BASE))
		return NULL;
	return r->mem + (addr - BASE);
}

static int rig_read(void *ctx, uint32_t pasid, uint64_t addr, void *buf,
		    size_t len)
{
	const void *p = rig_map(ctx, pasid, addr, len, false);

	if (!p)
		return -EFAULT;
	memcpy(buf, p, len);
	return 0;
}

static int rig_write(void *ctx, uint32_t pasid, uint64_t addr, const void *buf,
		     size_t len)
{
	void *p = rig_map(ctx, pasid, addr, len, true);

	if (!p)
		return -EFAULT;
	memcpy(p, buf, len);
	return 0;
}

static void rig_irq(void *ctx, unsigned int vector)
{
	struct rig *r = ctx;

	__atomic_fetch_add(&r->irqs[vector], 1, __ATOMIC_RELAXED);
}

static void rig_kick(void *ctx)
{
	struct rig *r = ctx;

	__atomic_fetch_add(&r->kicks, 1, __ATOMIC_RELAXED);
}

static uint32_t rd(struct rig *r, uint64_t off)
{
	return (uint32_t)emu_dev_read(r->dev, 2, off, 4);
}

static void wr(struct rig *r, uint64_t off, uint32_t value)
{
	emu_dev_write(r->dev, 2, off, value, 4);
}

static void wr64(struct rig *r, uint64_t off, uint64_t value)
{
	emu_dev_write(r->dev, 2, off, value, 8);
}

static uint32_t *at(struct rig *r, size_t off)
{
	return (uint32_t *)(void *)(r->mem + off);
}

/* One mailbox command as arm64 writes it.  Return: status. */
static uint32_t mailbox(struct rig *r, uint32_t w0, uint64_t data)
{
	wr64(r, 0x300, data << 32 | w0);
	wr64(r, 0x308, data >> 32);
	T_EQ(rd(r, 0x300) >> 13 & 1, 0);
	return rd(r, 0x300) >> 9 & 0xf;
}

static void vft(struct rig *r, uint32_t type, uint32_t lo, uint32_t hi)
{
	T_EQ(rd(r, 0x10006c) & 1, 1);
	wr(r, 0x100058, 0);
	wr(r, 0x10005c, type);
	wr(r, 0x100060, 0);
	wr(r, 0x100064, lo);
	wr(r, 0x100068, hi);
	wr(r, 0x10006c, 0);
	T_EQ(rd(r, 0x10006c) & 1, 0);
	wr(r, 0x100054, 1);
	T_EQ(rd(r, 0x10006c) & 1, 1);
}

static uint32_t eqc(struct rig *r, uint32_t cmd, uint32_t base, uint32_t depth)
{
	uint32_t *c = at(r, AT_CTX);

	memset(c, 0, 32);
	c[1] = (uint32_t)BASE + base;
	c[6] = 0x10000 | (depth - 1);
	return mailbox(r, 0x2000 | cmd, BASE + AT_CTX);
}

static void eq_bell(struct rig *r, uint32_t head)
{
	wr64(r, 0x2000, (uint64_t)head << 32 | 0x2000);
}

/* As a driver's probe: 64 queues, an EQ of @eq entries, everything armed. */
static void bring_up(struct rig *r, uint32_t eq)
{
	wr(r, 0x100040, 1);
	T_EQ(rd(r, 0x100044) & 1, 1);
	vft(r, 0, 0, 0x0007f000);
	vft(r, 1, 0x10000000, 0);
	T_EQ(eqc(r, 2, AT_EQ, eq), 0);
	T_EQ(eqc(r, 3, AT_AEQ, 64), 0);
	wr64(r, 0x2000, 0x3000);
	eq_bell(r, 0);
	wr(r, 0x0c, 0);
	wr(r, 0x04, 0);
}

static const struct emu_config plain = { .engine = &emu_hpre, .queues = 64 };

static struct rig *rig_of(const struct emu_config *cfg, int model)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct emu_config c = *cfg;
	struct emu_bus bus = {
		.dma = { r, 0, rig_map, rig_read, rig_write },
		.irq = rig_irq,
		.kick = rig_kick,
		.ctx = r,
	};

	r->mem = calloc(1, MEM_SIZE);
	r->model = model;
	c.model = (enum emu_model)model;
	T_EQ(emu_dev_new(&r->dev, &c, &bus), 0);
	return r;
}

static struct rig *rig_up(int model)
{
	struct rig *r = rig_of(&plain, model);

	bring_up(r, 64);
	return r;
}

static void rig_end(struct rig *r)
{
	emu_dev_free(r->dev);
	free(r->mem);
	free(r);
}

static size_t sq_at(unsigned int q)
{
	return AT_RINGS + q * 0x4000u;
}

static size_t cq_at(unsigned int q)
{
	return sq_at(q) + 0x2000;
}

/* Words of the two contexts, then changed by a test that wants them wrong. */
static void sqc_fill(struct rig *r, unsigned int q, uint32_t depth)
{
	uint32_t *c = at(r, AT_CTX);

	memset(c, 0, 32);
	c[1] = (uint32_t)(BASE + sq_at(q));
	c[3] = 0x6000 | (depth - 1);
	c[6] = 0x00100000 | q;
}

static void cqc_fill(struct rig *r, unsigned int q, uint32_t depth)
{
	uint32_t *c = at(r, AT_CTX);

	memset(c, 0, 32);
	c[1] = (uint32_t)(BASE + cq_at(q));
	c[3] = 0x4000 | (depth - 1);
	c[6] = 3;
}

static void queue_up(struct rig *r, unsigned int q, uint32_t depth)
{
	sqc_fill(r, q, depth);
	T_EQ(mailbox(r, q << 16 | 0x2000, BASE + AT_CTX), 0);
	cqc_fill(r, q, depth);
	T_EQ(mailbox(r, q << 16 | 0x2001, BASE + AT_CTX), 0);
	memset(r->mem + cq_at(q), 0, depth * 16);
}

static void bell(struct rig *r, unsigned int q, uint64_t value)
{
	if (r->model == V3)
		emu_dev_write(r->dev, 4, q * 0x10000ull + 0x1000, value, 8);
	else
		wr64(r, 0x1000, value);
}

static void sq_bell(struct rig *r, unsigned int q, uint32_t tail)
{
	bell(r, q, (uint64_t)tail << 32 | q);
}

static void cq_bell(struct rig *r, unsigned int q, uint32_t head, int arm)
{
	bell(r, q, (uint64_t)arm << 48 | (uint64_t)head << 32 | 0x1000 | q);
}

static void put_job(struct rig *r, unsigned int q, uint32_t slot)
{
	uint32_t *w = at(r, sq_at(q) + slot * 64);

	memset(w, 0, 64);
	w[TE_LEN] = 16;
	w[TE_TAG] = slot;
	w[TE_SRC] = (uint32_t)BASE + AT_IN;
	w[TE_DST] = (uint32_t)BASE + AT_OUT;
}

static void work_all(struct rig *r)
{
	uint64_t wait;

	while (emu_dev_work(r->dev, &wait))
		;
}

static void submit(struct rig *r, unsigned int q, uint32_t slot, uint32_t depth)
{
	put_job(r, q, slot);
	sq_bell(r, q, (slot + 1) % depth);
	work_all(r);
}

static uint32_t error_bits(struct rig *r)
{
	return rd(r, 0x100008);
}

/* Both generations, where the claim is the same. */
#define BOTH(r)                                                                \
	for (int m_ = V2; m_ <= V3; m_++)                                      \
		for (struct rig *r = rig_up(m_); r; rig_end(r), r = NULL)

/* --- registers ------------------------------------------------------------ */

static void reset_values_are_those_of_the_generation(void)
{
	struct rig *r = rig_of(&plain, V3);

	T_EQ(rd(r, 0x30), 1);
	T_EQ(rd(r, 0x210), 0);
	T_EQ(rd(r, 0x3100), 0x6f01);
	T_EQ(rd(r, 0x3104), 0x4000800);
	T_EQ(rd(r, 0x3108), 0x4000400);
	T_EQ(rd(r, 0x311c), 0x40003);
	T_EQ(rd(r, 0x3128), 0x6c37);
	T_EQ(rd(r, 0x100158), 64 | 64 << 11);
	T_EQ(rd(r, 0x1000dc), 0x30);
	T_EQ(rd(r, 0x1040e4), 1);
	T_EQ(rd(r, 0x300150), 3);
	T_EQ(rd(r, 0x10006c), 1);
	rig_end(r);
	r = rig_of(&plain, V2);
	T_EQ(rd(r, 0x30), 0);
	T_EQ(rd(r, 0x3100), 0);
	T_EQ(rd(r, 0x100158), 0);
	T_EQ(rd(r, 0x1000dc), 0x21);
	rig_end(r);
}

static void unknown_offsets_are_storage_and_constants_are_not(void)
{
	struct rig *r = rig_of(&plain, V3);

	T_EQ(rd(r, 0x333000), 0);
	wr(r, 0x333000, 0x12345678);
	T_EQ(rd(r, 0x333000), 0x12345678);
	wr64(r, 0x333008, 0x1122334455667788);
	T_EQ(emu_dev_read(r->dev, 2, 0x333008, 8), 0x1122334455667788);
	wr(r, 0x3100, 0);
	T_EQ(rd(r, 0x3100), 0x6f01);
	wr(r, 0x300150, 0);
	T_EQ(rd(r, 0x300150), 3);
	rig_end(r);
}

static void odd_accesses_read_zero_and_write_nothing(void)
{
	struct rig *r = rig_of(&plain, V3);

	wr(r, 0x333000, 0xffffffff);
	T_EQ(emu_dev_read(r->dev, 2, 0x333000, 1), 0);
	T_EQ(emu_dev_read(r->dev, 2, 0x333000, 2), 0);
	T_EQ(emu_dev_read(r->dev, 2, 0x333002, 4), 0);
	T_EQ(emu_dev_read(r->dev, 2, 0x333004, 8), 0);
	emu_dev_write(r->dev, 2, 0x333000, 0, 2);
	emu_dev_write(r->dev, 2, 0x332ffe, 0, 4);
	T_EQ(rd(r, 0x333000), 0xffffffff);
	T_EQ(emu_dev_read(r->dev, 2, 0x400000, 4), 0);
	T_EQ(emu_dev_read(r->dev, 2, 1ull << 40, 4), 0);
	emu_dev_write(r->dev, 2, 0x400000, 1, 8);
	T_EQ(emu_dev_read(r->dev, 4, 0x1000, 8), 0);
	T_EQ(emu_dev_read(r->dev, 0, 0, 4), 0);
	rig_end(r);
}

static void handshakes_answer(void)
{
	struct rig *r = rig_of(&plain, V2);

	wr(r, 0x204, 1);
	T_EQ(rd(r, 0x208) & 1, 1);
	wr(r, 0x301014, 1);
	T_EQ(rd(r, 0x301a00), 1);
	wr(r, 0x302004, 0xf);
	wr(r, 0x302020, 1);
	T_EQ(rd(r, 0x302080), 0xf);
	rig_end(r);
}

static void error_sources_clear_by_writing_one(void)
{
	struct rig *r = rig_of(&plain, V3);

	wr(r, 0x10000c, 0x1008);
	T_EQ(rd(r, 0x100000), 0x1008);
	T_EQ(error_bits(r), 0x1008);
	T_EQ(r->irqs[3], 1);
	wr(r, 0x100000, 0x8);
	T_EQ(error_bits(r), 0x1000);
	wr(r, 0x100008, 0);
	T_EQ(error_bits(r), 0x1000);
	wr(r, 0x100000, 0xffffffff);
	T_EQ(error_bits(r), 0);
	wr(r, 0x301500, 0x10);
	T_EQ(rd(r, 0x301600), 0x10);
	T_EQ(rd(r, 0x301800), 0x10);
	wr(r, 0x301600, 0xffffffff);
	T_EQ(rd(r, 0x301800), 0);
	wr64(r, 0x100138, ~0ull);
	T_EQ(emu_dev_read(r->dev, 2, 0x100138, 8), 0);
	wr(r, 0x20, 1);
	T_EQ(rd(r, 0x20), 0);
	/* Masked errors are recorded and not announced. */
	wr(r, 0x100004, 0xffffffff);
	wr(r, 0x10000c, 0x20);
	T_EQ(error_bits(r), 0x20);
	T_EQ(r->irqs[3], 1);
	rig_end(r);
}

static void function_table_reads_back(void)
{
	struct rig *r = rig_of(&plain, V3);

	vft(r, 0, 0, 0x0003f004); /* base 64, 32 queues */
	vft(r, 2, 0x00988696, 0);
	wr(r, 0x100058, 1);
	wr(r, 0x10005c, 2);
	wr(r, 0x100064, 0);
	wr(r, 0x10006c, 0);
	wr(r, 0x100054, 1);
	T_EQ(rd(r, 0x10006c) & 1, 1);
	T_EQ(rd(r, 0x100064), 0x00988696);
	wr(r, 0x10005c, 0);
	wr(r, 0x100054, 1);
	T_EQ(rd(r, 0x100068), 0x0003f004);
	T_EQ(mailbox(r, 0x6006, 0), 0);
	T_EQ(rd(r, 0x304), 0);
	T_EQ(rd(r, 0x308), 0x0003f004);
	rig_end(r);
}

static void a_vf_has_no_physical_registers(void)
{
	struct emu_config cfg = plain;
	struct rig *r;

	cfg.vf = 3;
	cfg.queues = 16;
	r = rig_of(&cfg, V3);
	T_EQ(rd(r, 0x3100), 0x6f01);
	wr(r, 0x100064, 5);
	T_EQ(rd(r, 0x100064), 0);
	T_EQ(mailbox(r, 0x6006, 0), 0);
	T_EQ(rd(r, 0x308), 15 << 13 | 1 << 12);
	T_EQ(eqc(r, 2, AT_EQ, 64), 0);
	queue_up(r, 15, 8);
	submit(r, 15, 0, 8);
	T_EQ(at(r, sq_at(15))[TE_STATUS], TE_DONE);
	wr(r, 0x2c, 1); /* no PF there: taken as heard */
	T_EQ(rd(r, 0x2c), 0);
	rig_end(r);
}

static void bad_configurations_are_refused(void)
{
	struct emu_config cfg = plain;
	struct emu_bus bus = { 0 };
	struct emu_dev *d;

	T_EQ(emu_dev_new(&d, &cfg, &bus), -EINVAL); /* no generation */
	cfg.model = EMU_KUNPENG930;
	cfg.queues = 0;
	T_EQ(emu_dev_new(&d, &cfg, &bus), -EINVAL);
	cfg.queues = 1025;
	T_EQ(emu_dev_new(&d, &cfg, &bus), -EINVAL);
	cfg.queues = 1;
	cfg.vf = 64;
	T_EQ(emu_dev_new(&d, &cfg, &bus), -EINVAL);
	cfg.vf = 0;
	cfg.engine = NULL;
	T_EQ(emu_dev_new(&d, &cfg, &bus), -EINVAL);
}

/* --- mailbox --------------------------------------------------------------- */

static void four_small_writes_are_one_command(void)
{
	BOTH(r)
	{
		sqc_fill(r, 5, 8);
		wr(r, 0x300, 0x00052000);
		wr(r, 0x304, (uint32_t)BASE + AT_CTX);
		wr(r, 0x308, 0);
		T_EQ(rd(r, 0x300), 0x00052000); /* not yet */
		wr(r, 0x30c, 0);
		T_EQ(rd(r, 0x300), 0x00050000);
		memset(at(r, AT_CTX), 0xee, 32);
		T_EQ(mailbox(r, 0x00056000, BASE + AT_CTX), 0);
		T_EQ(at(r, AT_CTX)[3], 0x6007);
	}
}

static void half_a_command_never_executes(void)
{
	BOTH(r)
	{
		memset(at(r, AT_CTX), 0xee, 32);
		wr64(r, 0x300, (BASE + AT_CTX) << 32 | 0x6002);
		T_EQ(rd(r, 0x300), 0x6002);
		T_EQ(at(r, AT_CTX)[0], 0xeeeeeeee);
		/* Without busy the last write executes nothing either. */
		wr64(r, 0x300, (BASE + AT_CTX) << 32 | 0x4002);
		wr64(r, 0x308, 0);
		T_EQ(at(r, AT_CTX)[0], 0xeeeeeeee);
		wr64(r, 0x300, (BASE + AT_CTX) << 32 | 0x6002);
		wr64(r, 0x308, 0);
		T_EQ(at(r, AT_CTX)[6], 0x1003f);
	}
}

static void bad_commands_have_a_status(void)
{
	BOTH(r)
	{
		T_OK(mailbox(r, 0x2007, 0));
		T_OK(mailbox(r, 0x200a, 0));
		T_OK(mailbox(r, 0x20ff, 0));
		T_OK(mailbox(r, 0x2006, 0));		   /* write of VFT */
		T_OK(mailbox(r, 0x402000, BASE + AT_CTX)); /* queue 64 */
		T_OK(mailbox(r, 0x406001, BASE + AT_CTX));
		T_OK(mailbox(r, 0x2000, 0xdead0000)); /* no memory */
		T_OK(error_bits(r) & 1);
		T_OK(mailbox(r, 0x6002, 0xdead0000));
		T_OK(error_bits(r) & 2);
		T_EQ(mailbox(r, 0x2008, 0) == 0, r->model == V3);
		T_EQ(mailbox(r, 0x2009, 0) == 0, r->model == V3);
	}
}

static void bogus_contexts_are_refused(void)
{
	static const struct {
		uint32_t cmd, word, value;
	} bad[] = {
		{ 0, 1, 0 },	      /* no base */
		{ 0, 3, 0x6000 },     /* depth 1 */
		{ 0, 3, 0x7007 },     /* 128-byte descriptors at an HPRE */
		{ 0, 3, 0x0007 },     /* 1-byte descriptors */
		{ 0, 6, 0x00100040 }, /* CQ 64 of 64 */
		{ 1, 1, 0 },	      { 1, 3, 0x4000 },
		{ 1, 3, 0x5007 }, /* 32-byte completions */
		{ 2, 1, 0 },	      { 2, 6, 0x10000 },
		{ 3, 1, 0 },	      { 3, 6, 0x10000 },
	};

	BOTH(r)
	{
		for (size_t i = 0; i < WD_ARRAY_SIZE(bad); i++) {
			sqc_fill(r, 0, 8);
			if (bad[i].cmd == 1)
				cqc_fill(r, 0, 8);
			if (bad[i].cmd > 1)
				at(r, AT_CTX)[6] = 0x1003f;
			at(r, AT_CTX)[bad[i].word] = bad[i].value;
			T_OK(mailbox(r, 0x2000 | bad[i].cmd, BASE + AT_CTX));
		}
		/* A refused context leaves the one before in force. */
		queue_up(r, 0, 8);
		sqc_fill(r, 0, 8);
		at(r, AT_CTX)[1] = 0;
		T_OK(mailbox(r, 0x2000, BASE + AT_CTX));
		submit(r, 0, 0, 8);
		T_EQ(at(r, sq_at(0))[TE_STATUS], TE_DONE);
	}
}

static void tables_and_messages_read_back(void)
{
	struct rig *r = rig_up(V3);

	T_EQ(mailbox(r, 0x2004, 0x123456789000), 0);
	T_EQ(mailbox(r, 0x2005, 0xabc000), 0);
	T_EQ(mailbox(r, 0x6004, 0), 0);
	T_EQ(rd(r, 0x304), 0x56789000);
	T_EQ(rd(r, 0x308), 0x1234);
	T_EQ(mailbox(r, 0x6005, 0), 0);
	T_EQ(rd(r, 0x304), 0xabc000);
	T_EQ(mailbox(r, 0xffff200c, 0x900000002), 0);
	T_EQ(mailbox(r, 0x0003600d, 0), 0);
	T_EQ(rd(r, 0x304), 2);
	T_EQ(rd(r, 0x308), 9);
	T_OK(mailbox(r, 0x0040600d, 0));
	rig_end(r);
}

/* --- rings ------------------------------------------------------------------ */

static void the_worked_completion(void)
{
	BOTH(r)
	{
		const uint32_t *e;

		memset(at(r, AT_IN), 0x0f, 16);
		queue_up(r, 5, 1024 / 8);
		put_job(r, 5, 0);
		bell(r, 5, 0x0000000100000005);
		T_OK(r->kicks);
		work_all(r);
		T_EQ(at(r, AT_OUT)[0], 0xf0f0f0f0);
		T_EQ(at(r, sq_at(5))[TE_STATUS], TE_DONE);
		e = at(r, cq_at(5));
		T_EQ(e[0], 0);
		T_EQ(e[1], 0);
		T_EQ(e[2], 0x00050000);
		T_EQ(e[3], 0x00010000);
		T_EQ(at(r, AT_EQ)[0], 0x00010005);
		T_EQ(r->irqs[0], 1);
		T_EQ(error_bits(r), 0);
	}
}

static void a_split_doorbell_rings_with_its_high_half(void)
{
	struct rig *r = rig_up(V2);

	queue_up(r, 5, 8);
	put_job(r, 5, 0);
	wr(r, 0x1000, 5);
	work_all(r);
	T_EQ(at(r, cq_at(5))[3], 0);
	wr(r, 0x1004, 1);
	work_all(r);
	T_EQ(at(r, cq_at(5))[3], 0x10000);
	rig_end(r);
}

static void rings_wrap_with_phases(void)
{
	BOTH(r)
	{
		uint32_t eq = 0;

		queue_up(r, 1, 8);
		for (uint32_t i = 0; i < 200; i++) {
			const uint32_t *e = at(r, cq_at(1) + i % 8 * 16);

			submit(r, 1, i % 8, 8);
			T_EQ(e[2], 0x00010000 | i % 8);
			T_EQ(e[3] >> 16, i / 8 % 2 ? 0 : 1);
			T_EQ(at(r, AT_EQ)[i % 64],
			     (i / 64 % 2 ? 0u : 0x10000u) | 1);
			cq_bell(r, 1, (i + 1) % 8, 1);
			eq = (eq + 1) % 64;
			eq_bell(r, eq);
		}
		T_EQ(r->irqs[0], 200);
	}
}

static void one_doorbell_for_many(void)
{
	BOTH(r)
	{
		queue_up(r, 1, 8);
		for (uint32_t i = 0; i < 7; i++)
			put_job(r, 1, i);
		sq_bell(r, 1, 7);
		work_all(r);
		for (uint32_t i = 0; i < 7; i++)
			T_EQ(at(r, cq_at(1))[4 * i + 2], 0x10000 | i);
		T_EQ(r->irqs[0], 1);
	}
}

static void two_queues_share_a_batch_of_events(void)
{
	BOTH(r)
	{
		queue_up(r, 1, 8);
		queue_up(r, 2, 8);
		submit(r, 1, 0, 8);
		submit(r, 2, 0, 8);
		/* The second finds the interrupt not yet answered. */
		T_EQ(r->irqs[0], 1);
		T_EQ(rd(r, 0x8), 1);
		T_EQ(at(r, AT_EQ)[0], 0x10001);
		T_EQ(at(r, AT_EQ)[1], 0x10002);
		eq_bell(r, 1); /* the handler saw one */
		T_EQ(r->irqs[0], 2);
		eq_bell(r, 2);
		T_EQ(r->irqs[0], 2);
		T_EQ(rd(r, 0x8), 0);
	}
}

static void a_masked_interrupt_is_held(void)
{
	BOTH(r)
	{
		queue_up(r, 1, 8);
		wr(r, 0x0c, 1);
		submit(r, 1, 0, 8);
		T_EQ(r->irqs[0], 0);
		wr(r, 0x0c, 0);
		T_EQ(r->irqs[0], 1);
	}
}

static void no_second_event_before_arming(void)
{
	BOTH(r)
	{
		queue_up(r, 1, 8);
		submit(r, 1, 0, 8);
		eq_bell(r, 1);
		submit(r, 1, 1, 8);
		T_EQ(at(r, AT_EQ)[1], 0);
		cq_bell(r, 1, 1, 0); /* head only */
		T_EQ(at(r, AT_EQ)[1], 0);
		T_EQ(r->irqs[0], 1);
	}
}

static void arming_too_late_makes_the_event_at_once(void)
{
	BOTH(r)
	{
		queue_up(r, 1, 8);
		submit(r, 1, 0, 8);
		eq_bell(r, 1);
		submit(r, 1, 1, 8);
		cq_bell(r, 1, 1, 1); /* has not seen slot 1 */
		T_EQ(at(r, AT_EQ)[1], 0x10001);
		T_EQ(r->irqs[0], 2);
		eq_bell(r, 2);
		cq_bell(r, 1, 2, 1); /* nothing waits: armed, no event */
		T_EQ(at(r, AT_EQ)[2], 0);
		submit(r, 1, 2, 8);
		T_EQ(at(r, AT_EQ)[2], 0x10001);
	}
}

static void doorbells_without_a_context_are_ignored(void)
{
	BOTH(r)
	{
		put_job(r, 3, 0);
		sq_bell(r, 3, 1);
		cq_bell(r, 3, 1, 1);
		work_all(r);
		T_EQ(error_bits(r), 0);
		T_EQ(at(r, cq_at(3))[3], 0);
	}
}

static void bad_doorbells_are_ignored_and_reported(void)
{
	BOTH(r)
	{
		queue_up(r, 3, 8);
		put_job(r, 3, 0);
		sq_bell(r, 3, 8); /* index 8 of 8 */
		T_OK(error_bits(r));
		wr(r, 0x100000, ~0u);
		cq_bell(r, 3, 8, 0);
		T_OK(error_bits(r));
		wr(r, 0x100000, ~0u);
		bell(r, 3, 0x0000000100010003); /* random 1 */
		T_EQ(error_bits(r), 0x1000);
		wr(r, 0x100000, ~0u);
		sq_bell(r, 64, 1);
		T_EQ(error_bits(r), 0x200);
		wr(r, 0x100000, ~0u);
		eq_bell(r, 64);
		T_OK(error_bits(r));
		wr(r, 0x100000, ~0u);
		work_all(r);
		T_EQ(at(r, cq_at(3))[3], 0);
		T_EQ(r->irqs[3], 5);
		submit(r, 3, 0, 8);
		T_EQ(at(r, cq_at(3))[3], 0x10000);
	}
}

static void the_window_of_another_queue_is_refused(void)
{
	struct rig *r = rig_up(V3);

	queue_up(r, 3, 8);
	put_job(r, 3, 0);
	emu_dev_write(r->dev, 4, 2 * 0x10000 + 0x1000, 1ull << 32 | 3, 8);
	T_OK(error_bits(r));
	/* With isolation the shared register rings nothing. */
	wr64(r, 0x1000, 1ull << 32 | 3);
	/* Nor does another offset of the right window. */
	emu_dev_write(r->dev, 4, 3 * 0x10000 + 0x2000, 1ull << 32 | 3, 8);
	work_all(r);
	T_EQ(at(r, cq_at(3))[3], 0);
	rig_end(r);
}

static void a_random_value_must_match(void)
{
	BOTH(r)
	{
		queue_up(r, 3, 8);
		sqc_fill(r, 3, 8);
		at(r, AT_CTX)[4] = 0xaaaa;
		T_EQ(mailbox(r, 0x32000, BASE + AT_CTX), 0);
		put_job(r, 3, 0);
		sq_bell(r, 3, 1);
		T_EQ(error_bits(r), 0x1000);
		bell(r, 3, 0x1aaaa0003);
		work_all(r);
		T_EQ(at(r, cq_at(3))[3], 0x10000);
	}
}

static void a_full_completion_ring_is_an_asynchronous_event(void)
{
	BOTH(r)
	{
		queue_up(r, 3, 64);
		cqc_fill(r, 3, 4);
		T_EQ(mailbox(r, 0x32001, BASE + AT_CTX), 0);
		for (uint32_t i = 0; i < 6; i++)
			put_job(r, 3, i);
		sq_bell(r, 3, 6);
		work_all(r);
		T_EQ(at(r, AT_AEQ)[0], 0x10003); /* type 0, queue 3 */
		T_EQ(r->irqs[1], 1);
		/* Four are there, and none was overwritten. */
		for (uint32_t i = 0; i < 4; i++)
			T_EQ(at(r, cq_at(3))[4 * i + 2], 0x30000 | i);
		wr64(r, 0x2000, 1ull << 32 | 0x3000);
		T_EQ(r->irqs[1], 1);
	}
}

static void a_full_event_queue_is_an_asynchronous_event(void)
{
	for (int m = V2; m <= V3; m++) {
		struct rig *r = rig_of(&plain, m);

		bring_up(r, 4);
		for (unsigned int q = 0; q < 5; q++) {
			queue_up(r, q, 8);
			submit(r, q, 0, 8);
		}
		T_EQ(at(r, AT_AEQ)[0], 0x10000 | 1 << 17);
		T_EQ(at(r, AT_EQ)[3], 0);
		rig_end(r);
	}
}

static void an_unreachable_ring_stops_the_queue_alone(void)
{
	BOTH(r)
	{
		queue_up(r, 3, 8);
		queue_up(r, 4, 8);
		sqc_fill(r, 3, 8);
		at(r, AT_CTX)[1] = 0x10000000; /* below all memory */
		T_EQ(mailbox(r, 0x32000, BASE + AT_CTX), 0);
		sq_bell(r, 3, 1);
		work_all(r);
		T_EQ(at(r, AT_AEQ)[0], 0x10003 | 2 << 17);
		T_OK(error_bits(r) & 1);
		submit(r, 4, 0, 8);
		T_EQ(at(r, sq_at(4))[TE_STATUS], TE_DONE);
	}
}

static void without_bus_mastering_nothing_moves(void)
{
	BOTH(r)
	{
		uint64_t wait;

		queue_up(r, 3, 8);
		emu_dev_bus_master(r->dev, false);
		put_job(r, 3, 0);
		sq_bell(r, 3, 1);
		T_EQ(emu_dev_work(r->dev, &wait), false);
		T_EQ(at(r, cq_at(3))[3], 0);
		T_OK(mailbox(r, 0x36000, BASE + AT_CTX));
		emu_dev_bus_master(r->dev, true);
		work_all(r);
		T_EQ(at(r, cq_at(3))[3], 0x10000);
		/* The engine's own switch does the same. */
		wr(r, 0x300000, 1);
		T_EQ(rd(r, 0x300150), 3);
		put_job(r, 3, 1);
		sq_bell(r, 3, 2);
		T_EQ(emu_dev_work(r->dev, &wait), false);
		wr(r, 0x300000, 0);
		work_all(r);
		T_EQ(at(r, cq_at(3))[7], 0x10000);
	}
}

/* --- contexts read back, stop and reset ---------------------------------------- */

static bool drained(struct rig *r, unsigned int q)
{
	uint32_t sqc[8], cqc[8];

	T_EQ(mailbox(r, q << 16 | 0x6000, BASE + AT_CTX), 0);
	memcpy(sqc, at(r, AT_CTX), 32);
	T_EQ(mailbox(r, q << 16 | 0x6001, BASE + AT_CTX), 0);
	memcpy(cqc, at(r, AT_CTX), 32);
	return sqc[0] >> 16 == cqc[0] >> 16 &&
	       (sqc[5] >> 22 & 1) == (cqc[5] >> 22 & 1);
}

static void the_drain_test_holds_whenever_all_is_done(void)
{
	BOTH(r)
	{
		queue_up(r, 2, 8);
		T_OK(drained(r, 2));
		for (uint32_t i = 0; i < 40; i++) {
			put_job(r, 2, i % 8);
			sq_bell(r, 2, (i + 1) % 8);
			T_OK(!drained(r, 2));
			work_all(r);
			T_OK(drained(r, 2));
			cq_bell(r, 2, (i + 1) % 8, 0);
			T_OK(drained(r, 2));
		}
	}
}

static void a_full_lap_outstanding_is_not_drained(void)
{
	struct rig *r = rig_up(V2);

	queue_up(r, 2, 8);
	for (uint32_t i = 0; i < 8; i++)
		put_job(r, 2, i);
	sq_bell(r, 2, 7);
	work_all(r);
	cq_bell(r, 2, 7, 0);
	/* Tail wraps to 6 with seven jobs outstanding. */
	sq_bell(r, 2, 6);
	T_OK(!drained(r, 2));
	work_all(r);
	T_OK(drained(r, 2));
	rig_end(r);
}

static void stop_waits_for_jobs_in_flight(void)
{
	struct rig *r = rig_up(V3);

	queue_up(r, 2, 8);
	for (uint32_t i = 0; i < 5; i++)
		put_job(r, 2, i);
	sq_bell(r, 2, 5);
	/* This host has one thread: the command works the queue off itself. */
	T_EQ(mailbox(r, 0x22008, 0), 0);
	for (uint32_t i = 0; i < 5; i++)
		T_EQ(at(r, sq_at(2) + 64 * i)[TE_STATUS], TE_DONE);
	T_EQ(at(r, cq_at(2))[4 * 4 + 3], 0x10000);
	/* Late doorbells are silent. */
	put_job(r, 2, 5);
	sq_bell(r, 2, 6);
	cq_bell(r, 2, 5, 1);
	work_all(r);
	T_EQ(at(r, sq_at(2) + 64 * 5)[TE_STATUS], 0);
	T_EQ(error_bits(r), 0);
	/* Started again it begins at head 0, phase 1. */
	queue_up(r, 2, 8);
	submit(r, 2, 0, 8);
	T_EQ(at(r, cq_at(2))[2], 0x20000);
	T_EQ(at(r, cq_at(2))[3], 0x10000);
	rig_end(r);
}

static void *engine_thread(void *dev)
{
	uint64_t wait;

	while (emu_dev_work(dev, &wait))
		;
	return NULL;
}

static void stop_waits_for_another_threads_job(void)
{
	struct rig *r = rig_up(V3);
	pthread_t t;

	queue_up(r, 2, 8);
	put_job(r, 2, 0);
	at(r, sq_at(2))[TE_MS] = 50;
	sq_bell(r, 2, 1);
	T_EQ(pthread_create(&t, NULL, engine_thread, r->dev), 0);
	usleep(10000);
	T_EQ(mailbox(r, 0x22008, 0), 0);
	T_EQ(at(r, sq_at(2))[TE_STATUS], TE_DONE);
	T_EQ(at(r, cq_at(2))[3], 0x10000);
	pthread_join(t, NULL);
	rig_end(r);
}

static void flush_drains_the_function(void)
{
	struct rig *r = rig_up(V3);

	for (unsigned int q = 0; q < 3; q++) {
		queue_up(r, q, 8);
		put_job(r, q, 0);
		sq_bell(r, q, 1);
	}
	T_EQ(mailbox(r, 0x2009, 0), 0);
	for (unsigned int q = 0; q < 3; q++)
		T_EQ(at(r, cq_at(q))[3], 0x10000);
	rig_end(r);
}

static void a_closed_context_ignores_doorbells(void)
{
	BOTH(r)
	{
		queue_up(r, 2, 8);
		sqc_fill(r, 2, 8);
		at(r, AT_CTX)[6] |= 1 << 22;
		put_job(r, 2, 0);
		T_EQ(mailbox(r, 0x22000, BASE + AT_CTX), 0);
		sq_bell(r, 2, 1);
		work_all(r);
		T_EQ(at(r, cq_at(2))[3], 0);
		T_EQ(error_bits(r), 0);
	}
}

static void a_new_context_forgets_jobs_not_started(void)
{
	BOTH(r)
	{
		queue_up(r, 2, 8);
		put_job(r, 2, 0);
		sq_bell(r, 2, 1);
		queue_up(r, 2, 8);
		work_all(r);
		T_EQ(at(r, cq_at(2))[3], 0);
	}
}

static void memory_init_clears_contexts_and_tables(void)
{
	BOTH(r)
	{
		queue_up(r, 2, 8);
		put_job(r, 2, 0);
		sq_bell(r, 2, 1);
		wr(r, 0x100040, 1);
		work_all(r);
		T_EQ(at(r, cq_at(2))[3], 0);
		T_OK(mailbox(r, 0x26000, BASE + AT_CTX)); /* no queues */
		bring_up(r, 64);
		queue_up(r, 2, 8);
		submit(r, 2, 0, 8);
		T_EQ(at(r, cq_at(2))[3], 0x10000);
	}
}

static void reset_while_busy_leaves_memory_alone(void)
{
	BOTH(r)
	{
		uint8_t *after = malloc(MEM_SIZE);
		pthread_t t;

		queue_up(r, 2, 8);
		for (uint32_t i = 0; i < 4; i++) {
			put_job(r, 2, i);
			at(r, sq_at(2) + 64 * i)[TE_MS] = 30;
		}
		sq_bell(r, 2, 4);
		T_EQ(pthread_create(&t, NULL, engine_thread, r->dev), 0);
		usleep(10000);
		emu_dev_reset(r->dev);
		memcpy(after, r->mem, MEM_SIZE);
		pthread_join(t, NULL);
		work_all(r);
		T_MEM(r->mem, after, MEM_SIZE);
		T_EQ(at(r, cq_at(2))[3], 0);
		T_EQ(rd(r, 0x100068), 0);
		T_EQ(rd(r, 0x10006c), 1);
		bring_up(r, 64);
		queue_up(r, 2, 8);
		submit(r, 2, 0, 8);
		T_EQ(at(r, cq_at(2))[3], 0x10000);
		free(after);
	}
}

static void reset_ends_a_waiting_stop(void)
{
	struct emu_config cfg = plain;
	struct rig *r;
	pthread_t t;

	cfg.latency_us = 5000000;
	r = rig_of(&cfg, V3);
	bring_up(r, 64);
	queue_up(r, 2, 8);
	put_job(r, 2, 0);
	sq_bell(r, 2, 1);
	T_EQ(pthread_create(&t, NULL, (void *(*)(void *))(void *)emu_dev_reset,
			    r->dev),
	     0);
	wr64(r, 0x300, 0x22008);
	wr64(r, 0x308, 0); /* returns well before the five seconds */
	pthread_join(t, NULL);
	rig_end(r);
}

/* --- faults and service time at this level ------------------------------------- */

static void a_latency_tells_how_long_to_wait(void)
{
	struct emu_config cfg = plain;
	struct rig *r;
	uint64_t wait, from = wd_now_ns();

	cfg.latency_us = 20000;
	r = rig_of(&cfg, V3);
	bring_up(r, 64);
	queue_up(r, 2, 8);
	put_job(r, 2, 0);
	sq_bell(r, 2, 1);
	T_EQ(emu_dev_work(r->dev, &wait), true); /* runs */
	while (!emu_dev_work(r->dev, &wait)) {
		T_OK(wait <= 20000000);
		usleep((useconds_t)(wait / 1000 + 1));
	}
	T_OK(wd_now_ns() - from >= 20000000);
	T_EQ(at(r, cq_at(2))[3], 0x10000);
	T_EQ(emu_dev_work(r->dev, &wait), false);
	T_EQ(wait, UINT64_MAX);
	rig_end(r);
}

static void a_lost_device_reads_all_ones(void)
{
	struct emu_config cfg = plain;
	struct rig *r;
	uint64_t wait;

	cfg.faults[0] = (struct emu_fault){ .kind = EMU_FAULT_GONE, .nth = 1 };
	cfg.fault_count = 1;
	r = rig_of(&cfg, V3);
	bring_up(r, 64);
	queue_up(r, 2, 8);
	submit(r, 2, 0, 8);
	T_EQ(r->irqs[3], 1);
	T_EQ(rd(r, 0x100008), 0xffffffff);
	T_EQ(emu_dev_read(r->dev, 2, 0x300, 8), UINT64_MAX);
	T_EQ(at(r, cq_at(2))[3], 0);
	T_EQ(emu_dev_work(r->dev, &wait), false);
	rig_end(r);
}

static void a_fatal_error_refuses_commands_until_reset(void)
{
	struct emu_config cfg = plain;
	struct rig *r;

	cfg.faults[0] = (struct emu_fault){ .kind = EMU_FAULT_RESET, .nth = 1 };
	cfg.fault_count = 1;
	r = rig_of(&cfg, V3);
	bring_up(r, 64);
	queue_up(r, 2, 8);
	submit(r, 2, 0, 8);
	T_EQ(error_bits(r), 4);
	T_EQ(r->irqs[3], 1);
	T_OK(mailbox(r, 0x22008, 0));
	emu_dev_reset(r->dev);
	T_EQ(error_bits(r), 0);
	bring_up(r, 64);
	queue_up(r, 2, 8);
	submit(r, 2, 0, 8);
	T_EQ(at(r, cq_at(2))[3], 0x10000);
	rig_end(r);
}

static void take_line(void *ctx, const char *line)
{
	snprintf(ctx, 80, "%s", line);
}

static void each_access_is_a_trace_line(void)
{
	struct emu_config cfg = plain;
	char line[80] = "";
	struct rig *r;

	cfg.trace = take_line;
	cfg.trace_ctx = line;
	r = rig_of(&cfg, V3);
	wr(r, 0x300014, 0x2060);
	T_STR(line, "W bar2 0x300014/4 <- 0x2060  QM_AM_PORT_MAX_TRANS");
	rd(r, 0x30);
	T_STR(line, "R bar2 0x000030/4 -> 0x1  QM_DB_ISOLATION");
	rig_end(r);
}

T_MAIN(T_CASE(reset_values_are_those_of_the_generation),
       T_CASE(unknown_offsets_are_storage_and_constants_are_not),
       T_CASE(odd_accesses_read_zero_and_write_nothing),
       T_CASE(handshakes_answer), T_CASE(error_sources_clear_by_writing_one),
       T_CASE(function_table_reads_back),
       T_CASE(a_vf_has_no_physical_registers),
       T_CASE(bad_configurations_are_refused),
       T_CASE(four_small_writes_are_one_command),
       T_CASE(half_a_command_never_executes),
       T_CASE(bad_commands_have_a_status), T_CASE(bogus_contexts_are_refused),
       T_CASE(tables_and_messages_read_back), T_CASE(the_worked_completion),
       T_CASE(a_split_doorbell_rings_with_its_high_half),
       T_CASE(rings_wrap_with_phases), T_CASE(one_doorbell_for_many),
       T_CASE(two_queues_share_a_batch_of_events),
       T_CASE(a_masked_interrupt_is_held),
       T_CASE(no_second_event_before_arming),
       T_CASE(arming_too_late_makes_the_event_at_once),
       T_CASE(doorbells_without_a_context_are_ignored),
       T_CASE(bad_doorbells_are_ignored_and_reported),
       T_CASE(the_window_of_another_queue_is_refused),
       T_CASE(a_random_value_must_match),
       T_CASE(a_full_completion_ring_is_an_asynchronous_event),
       T_CASE(a_full_event_queue_is_an_asynchronous_event),
       T_CASE(an_unreachable_ring_stops_the_queue_alone),
       T_CASE(without_bus_mastering_nothing_moves),
       T_CASE(the_drain_test_holds_whenever_all_is_done),
       T_CASE(a_full_lap_outstanding_is_not_drained),
       T_CASE(stop_waits_for_jobs_in_flight),
       T_CASE(stop_waits_for_another_threads_job),
       T_CASE(flush_drains_the_function),
       T_CASE(a_closed_context_ignores_doorbells),
       T_CASE(a_new_context_forgets_jobs_not_started),
       T_CASE(memory_init_clears_contexts_and_tables),
       T_CASE(reset_while_busy_leaves_memory_alone),
       T_CASE(reset_ends_a_waiting_stop),
       T_CASE(a_latency_tells_how_long_to_wait),
       T_CASE(a_lost_device_reads_all_ones),
       T_CASE(a_fatal_error_refuses_commands_until_reset),
       T_CASE(each_access_is_a_trace_line))
