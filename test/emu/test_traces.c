/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mainline drivers replayed: each access of test/vectors/traces is made again
 * to the device model, and what it answers must be what the driver got then,
 * or differ for a reason in the table below.  Every mailbox command must
 * succeed, every index the driver acknowledges must name an entry that this
 * model has written.
 *
 * Traces hold descriptors and contexts but no data: operands are zeros.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "base/wd_base.h"
#include "emu/emu_dev.h"
#include "test/t.h"

#ifndef TRACE_DIR
#error "TRACE_DIR names test/vectors/traces"
#endif

#define GUEST_SIZE (4ull << 30) /* bus addresses of the traces are below */
#define QUEUES	   64

/* A stand-in until there is a ZIP engine: completes what it is given. */
static void zip_run(const struct emu_job *job)
{
	job->sqe[3] = (job->sqe[3] & ~0x1ffu) | 0x100;
}

/* Values of the capability registers as the traces have them. */
static const struct emu_reg_init zip_regs[] = {
	{ 0x3124, 0, 0x7c77 },	   { 0x3128, 0, 0x6c77 },   { 0x312c, 0, 0x8 },
	{ 0x3130, 0, 0x1ffe },	   { 0x3134, 0, 0x7fe },    { 0x3138, 0, 0x1 },
	{ 0x313c, 0, 0x12050203 }, { 0x3140, 0, 0x1c0003 }, { 0x3144, 0, 0x3 },
	{ 0x3148, 0, 0x3f },
};

static const struct emu_engine zip = {
	.name = "zip",
	.id = UACCE_ZIP,
	.sqe_size = 128,
	.regs = zip_regs,
	.reg_count = WD_ARRAY_SIZE(zip_regs),
	.int_source = 0x3010a0,
	.int_status = 0x3010ac,
	.int_set = 0x3010a8,
	.run = zip_run,
};

#define ANY UINT64_MAX

/*
 * Where the answer is not the trace's.  Sources were written with ones before
 * they were read: storage in that model, write-1-to-clear here and, by what
 * the drivers do with it, in hardware.
 */
static const struct {
	uint32_t off; /* in BAR2 */
	uint64_t theirs, ours;
	const char *why;
} accepted[] = {
	{ 0x3100, 0xe01, 0x6f01, "QoS, power and prefetch were kept out" },
	{ 0x3144, 0x3, 0x18670cf, "most SEC algorithms were kept out" },
	{ 0x3144, 0x3, 0x27, "HPRE's curves were kept out" },
	{ 0x20, 0x1, 0, "source, cleared" },
	{ 0x100000, ANY, 0, "source, cleared" },
	{ 0x100138, UINT64_MAX, 0, "source, cleared" },
	{ 0x301010, 0x1ff, 0, "SEC source, cleared" },
	{ 0x301010, 0x6c1ff, 0, "SEC source, cleared" },
	{ 0x3010a0, 0x7ff, 0, "ZIP source, cleared" },
	{ 0x3010a0, 0x1fff, 0, "ZIP source, cleared" },
	{ 0x208, 1, 0, "done only once the write-back was started" },
	{ 0x301104, 1, 0, "SEC's memory flag, shown by all engines there" },
	{ 0x1040e4, 0, 1, "the queue manager is idle" },
	{ 0x1000d8, 0x19e5, 0, "vendor id: written before it is compared" },
	{ 0x1000dc, 0, 0x30, "revision" },
	{ 0x1000dc, 0, 0x21, "revision" },
};

struct replay {
	struct emu_dev *dev;
	const char *file;
	unsigned int line;
	uint8_t *mem;
	unsigned int irqs[4];
	struct {
		uint64_t sq, cq;
		uint32_t depth, tail, sqe_size;
		uint32_t sqc[8]; /* as last read back */
	} q[1024];
	uint64_t eq;
	uint32_t eq_depth;
	uint64_t reads, commands, jobs;
	unsigned int bad;
};

static void *guest(struct replay *r, uint64_t addr, size_t len)
{
	if (!addr || addr >= GUEST_SIZE || len > GUEST_SIZE - addr)
		return NULL;
	return r->mem + addr;
}

static void *guest_map(void *ctx, uint32_t pasid, uint64_t addr, size_t len,
		       bool write)
{
	(void)write;
	return pasid ? NULL : guest(ctx, addr, len);
}

static int guest_read(void *ctx, uint32_t pasid, uint64_t addr, void *buf,
		      size_t len)
{
	const void *p = guest_map(ctx, pasid, addr, len, false);

	if (!p)
		return -EFAULT;
	memcpy(buf, p, len);
	return 0;
}

static int guest_write(void *ctx, uint32_t pasid, uint64_t addr,
		       const void *buf, size_t len)
{
	void *p = guest_map(ctx, pasid, addr, len, true);

	if (!p)
		return -EFAULT;
	memcpy(p, buf, len);
	return 0;
}

static void guest_irq(void *ctx, unsigned int vector)
{
	struct replay *r = ctx;

	r->irqs[vector]++;
}

static void guest_kick(void *ctx)
{
	(void)ctx;
}

static void bad(struct replay *r, const char *what)
{
	/* Told all at once: an answer is seldom wrong alone. */
	if (r->bad++ < 50)
		fprintf(stderr, "%s:%u: %s\n", r->file, r->line, what);
}

/* --- what the annotations say -------------------------------------------- */

/* "ctx = 8 words", bytes in memory order */
static void take_context(struct replay *r, const char *line, uint64_t addr)
{
	const char *hex = strstr(line, "ctx = ");
	uint8_t *to = guest(r, addr, 32);

	if (hex && to)
		T_EQ(t_hex(to, 32, hex + 6), 32);
}

static void note_context(struct replay *r, const char *kind, unsigned int queue,
			 uint64_t addr)
{
	const uint32_t *c = guest(r, addr, 32);
	uint64_t base = (uint64_t)c[2] << 32 | c[1];

	if (!strcmp(kind, "EQC")) {
		r->eq = base;
		r->eq_depth = (c[6] & 0xffff) + 1;
	} else if (!strcmp(kind, "SQC")) {
		r->q[queue].sq = base;
		r->q[queue].depth = (c[3] & 0xfff) + 1;
		r->q[queue].sqe_size = 1u << (c[3] >> 12 & 15);
		r->q[queue].tail = 0;
	} else if (!strcmp(kind, "CQC")) {
		r->q[queue].cq = base;
		memset(guest(r, base, 1), 0, r->q[queue].depth * 16);
	}
}

/* "HPRE SQE alg= len= dw0= key= in= out= tag=": enough to build it again */
static void take_hpre(struct replay *r, const char *line, uint32_t *w)
{
	uint64_t key, in, out;
	unsigned int alg, len, dw0, tag;

	if (sscanf(strstr(line, "HPRE SQE"),
		   "HPRE SQE alg=%x len=%u dw0=%x key=%" SCNx64 " in=%" SCNx64
		   " out=%" SCNx64 " tag=%u",
		   &alg, &len, &dw0, &key, &in, &out, &tag) != 7) {
		bad(r, "unreadable descriptor");
		return;
	}
	memset(w, 0, 64);
	w[0] = dw0;
	w[1] = len / 8 - 1;
	memcpy(&w[2], &key, 8);
	memcpy(&w[4], &in, 8);
	memcpy(&w[6], &out, 8);
	w[8] = tag;
}

static void take_sqe(struct replay *r, const char *line, unsigned int queue)
{
	uint32_t slot = r->q[queue].tail;
	uint32_t *w =
		guest(r, r->q[queue].sq + (uint64_t)slot * r->q[queue].sqe_size,
		      r->q[queue].sqe_size);
	const char *hex = strstr(line, " SQE ");

	r->jobs++;
	if (strstr(line, "HPRE SQE"))
		take_hpre(r, line, w);
	else
		T_EQ(t_hex((uint8_t *)w, 128, hex + 5), 128);
	r->q[queue].tail = (slot + 1) % r->q[queue].depth;
}

static bool is_note(const char *line)
{
	return !strncmp(line, "    ", 4);
}

/* Put into guest memory what the device will find there when this access
 * makes it look: contexts and descriptors stand behind the access. */
static void take_notes(struct replay *r, char **lines, size_t n)
{
	unsigned int queue = 0, mailbox_queue;
	char kind[16] = "", op[8] = "";
	uint64_t addr = 0;

	for (size_t i = 0; i < n && is_note(lines[i]); i++) {
		const char *s = lines[i];

		if (sscanf(s, " MAILBOX %15s op=%7s q=%u addr=%" SCNx64, kind,
			   op, &mailbox_queue, &addr) == 4)
			continue;
		if (strstr(s, "ctx = ") && !strcmp(op, "set")) {
			take_context(r, s, addr);
			note_context(r, kind, mailbox_queue, addr);
		}
		sscanf(s, " DOORBELL SQ q=%u", &queue);
		if (strstr(s, " SQE "))
			take_sqe(r, s, queue);
	}
}

/* --- checks ----------------------------------------------------------------- */

static void check_read(struct replay *r, uint32_t off, uint64_t got,
		       uint64_t then)
{
	char what[96];

	r->reads++;
	if (got == then)
		return;
	for (size_t i = 0; i < WD_ARRAY_SIZE(accepted); i++)
		if (off == accepted[i].off && got == accepted[i].ours &&
		    (accepted[i].theirs == ANY || accepted[i].theirs == then))
			return;
	snprintf(what, sizeof(what),
		 "0x%06x reads 0x%" PRIx64 ", then 0x%" PRIx64, off, got, then);
	bad(r, what);
}

/* An entry whose phase is that of its lap. */
static void check_entry(struct replay *r, uint64_t at, uint32_t lap)
{
	const uint32_t *e = guest(r, at, 4);

	if (!e || (*e >> 16 & 1) != lap)
		bad(r, "the driver acknowledges an entry never written");
}

/* No trace rings so often that a ring wraps. */
static void check_bell(struct replay *r, const char *kind, unsigned int queue,
		       unsigned int index)
{
	if (!strcmp(kind, "EQ") && index)
		check_entry(r, r->eq + (index - 1) * 4ull, 1);
	if (!strcmp(kind, "CQ") && index)
		check_entry(r, r->q[queue].cq + (index - 1) * 16ull + 12, 1);
}

static void check_mailbox(struct replay *r, const char *kind, const char *op,
			  unsigned int queue, uint64_t addr)
{
	uint32_t w = (uint32_t)emu_dev_read(r->dev, 2, 0x300, 4);
	const uint32_t *c = guest(r, addr, 32);

	r->commands++;
	if (w >> 13 & 1 || w >> 9 & 15)
		bad(r, "command refused or unfinished");
	if (strcmp(op, "get"))
		return;
	if (!strcmp(kind, "SQC"))
		memcpy(r->q[queue].sqc, c, 32);
	/* The drain test of hardware without STOP_QP. */
	else if (!strcmp(kind, "CQC") &&
		 (r->q[queue].sqc[0] >> 16 != c[0] >> 16 ||
		  (r->q[queue].sqc[5] ^ c[5]) >> 22 & 1))
		bad(r, "not drained");
}

static void check_note(struct replay *r, const char *s)
{
	unsigned int queue, index, vector;
	char kind[16], op[8];
	uint64_t addr;

	if (sscanf(s, " MAILBOX %15s op=%7s q=%u addr=%" SCNx64, kind, op,
		   &queue, &addr) == 4)
		check_mailbox(r, kind, op, queue, addr);
	else if (sscanf(s, " DOORBELL %15s q=%u index=%u", kind, &queue,
			&index) == 3)
		check_bell(r, kind, queue, index);
	else if (sscanf(s, " IRQ index=1 vec=%u fired", &vector) == 1) {
		/* Not each at its time: that model did not wait for arming. */
		if (!r->irqs[vector])
			bad(r, "no interrupt");
	}
}

/* --- replay -------------------------------------------------------------------- */

static void access_again(struct replay *r, const char *s)
{
	unsigned int bar, size, off;
	uint64_t value, wait;

	if (sscanf(s, " R bar%u %x/%u -> %" SCNx64, &bar, &off, &size,
		   &value) == 4)
		check_read(r, off, emu_dev_read(r->dev, bar, off, size), value);
	else if (sscanf(s, " W bar%u %x/%u <- %" SCNx64, &bar, &off, &size,
			&value) == 4)
		emu_dev_write(r->dev, bar, off, value, size);
	else if (sscanf(s, " CFG W 0x004 len 2 = %" SCNx64, &value) == 1)
		emu_dev_bus_master(r->dev, value >> 2 & 1);
	else if (strstr(s, "DEVICE_RESET"))
		emu_dev_reset(r->dev);
	while (emu_dev_work(r->dev, &wait))
		;
}

/* Behind the time stamp. */
static const char *body(const char *line)
{
	return line + strspn(line, " ") +
	       strspn(line + strspn(line, " "), "0123456789.");
}

static void replay_lines(struct replay *r, char **lines, size_t n)
{
	const char *last = "";
	unsigned int again;

	for (size_t i = 0; i < n; i++) {
		const char *s = lines[i];

		r->line = (unsigned int)i + 1;
		if (sscanf(s, " (last access repeated %u", &again) == 1) {
			while (again--)
				access_again(r, last);
		} else if (is_note(s)) {
			check_note(r, s);
		} else {
			take_notes(r, lines + i + 1, n - i - 1);
			access_again(r, s);
			last = s;
		}
	}
}

/* Lines without their time stamps. */
static char **load(const char *path, size_t *n)
{
	char **lines = calloc(8192, sizeof(*lines)), text[1024];
	FILE *f = fopen(path, "r");

	*n = 0;
	while (f && *n < 8192 && fgets(text, sizeof(text), f)) {
		text[strcspn(text, "\n")] = '\0';
		lines[(*n)++] = strdup(body(text));
	}
	if (f)
		fclose(f);
	return lines;
}

static void replay(const char *file, const struct emu_engine *engine,
		   enum emu_model model)
{
	struct replay *r = calloc(1, sizeof(*r));
	struct emu_config cfg = { .engine = engine,
				  .model = model,
				  .queues = 1024 };
	struct emu_bus bus = {
		.dma = { r, 0, guest_map, guest_read, guest_write },
		.irq = guest_irq,
		.kick = guest_kick,
		.ctx = r,
	};
	char path[512], **lines;
	struct emu_stats stats;
	unsigned int bad_count;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", TRACE_DIR, file);
	lines = load(path, &n);
	T_OK(n > 50);
	r->file = file;
	r->mem = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	T_OK(r->mem != MAP_FAILED);
	T_EQ(emu_dev_new(&r->dev, &cfg, &bus), 0);
	emu_dev_bus_master(r->dev, false);
	replay_lines(r, lines, n);
	emu_dev_stats(r->dev, &stats);
	if (stats.descriptors != r->jobs)
		bad(r, "not every descriptor was run");
	printf("     %s: %" PRIu64 " reads, %" PRIu64 " commands, %" PRIu64
	       " jobs\n",
	       file, r->reads, r->commands, r->jobs);
	bad_count = r->bad;
	emu_dev_free(r->dev);
	munmap(r->mem, GUEST_SIZE);
	for (size_t i = 0; i < n; i++)
		free(lines[i]);
	free(lines);
	free(r);
	T_EQ(bad_count, 0);
}

static void hpre_amd64_kernel_6_1(void)
{
	replay("hpre-amd64-6.1-rev0x30.txt", &emu_hpre, EMU_KUNPENG930);
}

static void hpre_v2_up_to_its_missing_firmware_method(void)
{
	replay("hpre-arm64-6.12-rev0x21.txt", &emu_hpre, EMU_KUNPENG920);
}

static void hpre_arm64_kernel_6_12(void)
{
	replay("hpre-arm64-6.12-rev0x30.txt", &emu_hpre, EMU_KUNPENG930);
}

static void sec_v2_arm64_kernel_6_12(void)
{
	replay("sec2-arm64-6.12-rev0x21.txt", &emu_sec, EMU_KUNPENG920);
}

static void sec_arm64_kernel_6_12(void)
{
	replay("sec2-arm64-6.12-rev0x30.txt", &emu_sec, EMU_KUNPENG930);
}

static void zip_v2_arm64_kernel_6_12(void)
{
	replay("zip-arm64-6.12-rev0x21.txt", &zip, EMU_KUNPENG920);
}

static void zip_arm64_kernel_6_12(void)
{
	replay("zip-arm64-6.12-rev0x30.txt", &zip, EMU_KUNPENG930);
}

T_MAIN(T_CASE(hpre_amd64_kernel_6_1),
       T_CASE(hpre_v2_up_to_its_missing_firmware_method),
       T_CASE(hpre_arm64_kernel_6_12), T_CASE(sec_v2_arm64_kernel_6_12),
       T_CASE(sec_arm64_kernel_6_12), T_CASE(zip_v2_arm64_kernel_6_12),
       T_CASE(zip_arm64_kernel_6_12))
