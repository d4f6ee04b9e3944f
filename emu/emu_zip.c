/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_zip.c - the compression engine: raw deflate, zlib and gzip on zlib's
 * deflate and inflate.
 *
 *	sqe ─ fields legal? ─▶ spans reachable? ─▶ body ─▶ trailer ─▶ counts
 *	                   nothing written before
 *
 * Whether to compress is the queue's word, not the descriptor's.  Headers are
 * software's work, trailers the device's.  Whole messages only: a descriptor
 * of a stream is refused.  A job that runs out of room has written what fitted.
 * Facts: docs/hw/zip.md.
 */
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/wd_base.h"
#include "emu/emu_engine.h"
#include "emu/emu_sgl.h"
#include "hw/zip/zip_fields.h"

#define GET(sqe, field)	  wd_get((sqe), &zip_fields[ZIP_SQE_##field])
#define GET64(sqe, field) wd_get64((sqe), &zip_fields[ZIP_SQE_##field##_LO])
#define PUT(sqe, field, value)                                                 \
	wd_put((sqe), &zip_fields[ZIP_SQE_##field], (value))

/* Failures whose codes are not public: these are the model's, any value that
 * is not in enum zip_status is a failure to every driver. */
enum zip_error {
	E_DATA = 0x04,	  /* not deflate's, or it ends too early */
	E_TYPE = 0x81,	  /* request or descriptor type of another device */
	E_FIELD = 0x82,	  /* a field that must be zero is not */
	E_LENGTH = 0x83,  /* none, or more than a buffer may have */
	E_ADDR = 0x84,	  /* address 0 or not reachable, buffers that overlap */
	E_LIST = 0x85,	  /* scatter list malformed or too short */
	E_FAULT = 0x86,	  /* asked for by a test */
	E_LIBRARY = 0x87, /* the model's library failed */
};

#define TRAILER_MAX 8

struct zip_run {
	const struct emu_job *job;
	const uint32_t *sqe;
	struct emu_span src, dst;
	struct emu_cursor in, out;
	size_t in_left, out_left; /* bytes behind the cursors */
	uint32_t adler, crc, isize;
	uint32_t consumed, produced;
	bool last; /* the final block is done */
};

/* ---- trailers ---- */

static uint32_t reverse(uint32_t v)
{
	uint32_t r = 0;

	for (unsigned int i = 0; i < 32; i++)
		r |= (v >> i & 1) << (31 - i);
	return r;
}

static void account(struct zip_run *r, const uint8_t *p, size_t n)
{
	r->adler = (uint32_t)adler32_z(r->adler, p, n);
	r->crc = (uint32_t)crc32_z(r->crc, p, n);
	r->isize += (uint32_t)n;
}

/* docs/hw/zip.md#trailers.  Return: bytes. */
static size_t trailer(const struct zip_run *r, uint8_t t[TRAILER_MAX])
{
	switch (GET(r->sqe, REQ_TYPE)) {
	case ZIP_ZLIB:
		for (unsigned int i = 0; i < 4; i++)
			t[i] = (uint8_t)(r->adler >> (24 - 8 * i));
		return 4;
	case ZIP_GZIP:
		for (unsigned int i = 0; i < 4; i++) {
			t[i] = (uint8_t)(r->crc >> 8 * i);
			t[4 + i] = (uint8_t)(r->isize >> 8 * i);
		}
		return 8;
	default:
		return 0;
	}
}

/* As the device keeps it between descriptors: docs/hw/zip.md#checksum */
static uint32_t checksum_word(const struct zip_run *r)
{
	switch (GET(r->sqe, REQ_TYPE)) {
	case ZIP_ZLIB:
		return r->adler;
	case ZIP_GZIP:
		return reverse(~r->crc);
	default:
		return 0;
	}
}

/* ---- segments to zlib and back ---- */

static uInt some(const struct emu_cursor *c, size_t left)
{
	size_t n = left ? emu_cursor_run(c) : 0;

	n = n < left ? n : left;
	return (uInt)(n < ZIP_FLAT_MAX ? n : ZIP_FLAT_MAX);
}

/* The next contiguous piece on either side; z->next_out is never NULL. */
static void feed(struct zip_run *r, z_stream *z, uint8_t *none)
{
	z->avail_in = some(&r->in, r->in_left);
	z->next_in = z->avail_in ? emu_cursor_at(&r->in) : none;
	z->avail_out = some(&r->out, r->out_left);
	z->next_out = z->avail_out ? emu_cursor_at(&r->out) : none;
}

static void taken(struct zip_run *r, size_t in, size_t out)
{
	if (in)
		emu_cursor_step(&r->in, in);
	if (out)
		emu_cursor_step(&r->out, out);
	r->in_left -= in;
	r->out_left -= out;
	r->consumed += (uint32_t)in;
	r->produced += (uint32_t)out;
}

typedef int (*zlib_fn)(z_stream *z, int flush);

/* One turn.  @plain_in: the input is what checksums are about. */
static int turn(struct zip_run *r, z_stream *z, zlib_fn fn, bool plain_in)
{
	const uint8_t *in, *out;
	uint8_t none;
	size_t got, made;
	int flush, rc;

	feed(r, z, &none);
	in = z->next_in;
	out = z->next_out;
	flush = plain_in && z->avail_in == r->in_left ? Z_FINISH : Z_NO_FLUSH;
	rc = fn(z, flush);
	got = (size_t)(z->next_in - in);
	made = (size_t)(z->next_out - out);
	account(r, plain_in ? in : out, plain_in ? got : made);
	taken(r, got, made);
	return rc;
}

/* ---- compression ---- */

/* 24 KiB is no power of two: the next smaller.  V2 has one window only. */
static int window_bits(const struct zip_run *r)
{
	static const int bits[ZIP_WINDOW_MAX + 1] = { 12, 13, 14, 14, 15 };

	return r->job->qm_version < 3 ? 15 : bits[GET(r->sqe, WINDOW)];
}

static unsigned int compress_body(struct zip_run *r)
{
	z_stream z = { .zalloc = Z_NULL };
	int rc;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -window_bits(r),
			 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return E_LIBRARY;
	do
		rc = turn(r, &z, deflate, true);
	while (rc == Z_OK);
	deflateEnd(&z);
	return rc == Z_STREAM_END ? ZIP_OK : ZIP_NO_ROOM;
}

static unsigned int zip_compress(struct zip_run *r)
{
	uint8_t t[TRAILER_MAX];
	unsigned int rc = compress_body(r);
	size_t n = trailer(r, t);

	if (!rc && n > r->out_left)
		rc = ZIP_NO_ROOM;
	if (rc) {
		r->consumed = r->produced = 0;
		return rc;
	}
	emu_cursor_write(&r->out, t, n);
	r->produced += (uint32_t)n;
	r->last = true;
	return r->produced > r->consumed ? ZIP_NEGATIVE : ZIP_OK;
}

/* ---- decompression ---- */

static unsigned int inflate_body(struct zip_run *r)
{
	z_stream z = { .zalloc = Z_NULL };
	int rc;

	if (inflateInit2(&z, -15) != Z_OK)
		return E_LIBRARY;
	do
		rc = turn(r, &z, inflate, false);
	while (rc == Z_OK);
	inflateEnd(&z);
	switch (rc) {
	case Z_STREAM_END:
		return ZIP_OK;
	case Z_BUF_ERROR: /* nothing more could be done */
		return r->out_left ? E_DATA : ZIP_NO_ROOM;
	case Z_MEM_ERROR:
		return E_LIBRARY;
	default:
		return E_DATA;
	}
}

static unsigned int zip_decompress(struct zip_run *r)
{
	uint8_t want[TRAILER_MAX], got[TRAILER_MAX];
	unsigned int rc = inflate_body(r);
	size_t n = trailer(r, want);

	if (rc)
		return rc;
	if (n > r->in_left)
		return E_DATA;
	emu_cursor_read(&r->in, got, n);
	r->consumed += (uint32_t)n;
	r->last = true;
	return memcmp(got, want, n) != 0 ? ZIP_BAD_CHECKSUM : ZIP_OK;
}

/* ---- what every job must obey ---- */

/* Every bit that is not one of these is zero in a message's descriptor. */
static bool other_bits_zero(const struct zip_run *r)
{
	static const uint8_t used[] = {
		ZIP_SQE_CONSUMED,  ZIP_SQE_PRODUCED,   ZIP_SQE_LITERALS,
		ZIP_SQE_STATUS,	   ZIP_SQE_LSTBLK,     ZIP_SQE_IN_LEN,
		ZIP_SQE_IN_OFFSET, ZIP_SQE_FLUSH,      ZIP_SQE_NEW,
		ZIP_SQE_SQE_TYPE,  ZIP_SQE_OUT_OFFSET, ZIP_SQE_REQ_TYPE,
		ZIP_SQE_BUF_TYPE,  ZIP_SQE_WINDOW,     ZIP_SQE_OUT_ROOM,
		ZIP_SQE_CTX0,	   ZIP_SQE_SRC_LO,     ZIP_SQE_SRC_HI,
		ZIP_SQE_DST_LO,	   ZIP_SQE_DST_HI,     ZIP_SQE_CTX1,
		ZIP_SQE_CTX2,	   ZIP_SQE_ISIZE,      ZIP_SQE_CHECKSUM,
	};
	uint32_t rest[ZIP_SQE_WORDS], any = 0;

	memcpy(rest, r->sqe, sizeof(rest));
	for (size_t i = 0; i < sizeof(used); i++)
		wd_put(rest, &zip_fields[used[i]], 0);
	if (r->job->qm_version < 3) {
		PUT(rest, TAG_V2, 0);
	} else {
		PUT(rest, TAG_LO, 0);
		PUT(rest, TAG_HI, 0);
	}
	for (size_t i = 0; i < ZIP_SQE_WORDS; i++)
		any |= rest[i];
	return !any;
}

static unsigned int check_type(const struct zip_run *r)
{
	uint32_t type = GET(r->sqe, REQ_TYPE);
	bool v3 = r->job->qm_version >= 3;

	if (GET(r->sqe, SQE_TYPE) != (v3 ? ZIP_SQE_TYPE_V3 : ZIP_SQE_TYPE_V2))
		return E_TYPE;
	if (type < (v3 ? ZIP_DEFLATE : ZIP_ZLIB) || type > ZIP_GZIP)
		return E_TYPE;
	if (r->job->qc_type > ZIP_DECOMPRESS)
		return E_TYPE;
	return GET(r->sqe, WINDOW) > ZIP_WINDOW_MAX ? E_FIELD : 0;
}

static unsigned int check(const struct zip_run *r)
{
	bool sgl = GET(r->sqe, BUF_TYPE) == ZIP_SGL;
	uint32_t in = GET(r->sqe, IN_LEN), room = GET(r->sqe, OUT_ROOM);
	unsigned int rc = check_type(r);

	if (rc)
		return rc;
	if (GET(r->sqe, BUF_TYPE) > ZIP_SGL || !other_bits_zero(r))
		return E_FIELD;
	if (!sgl && (GET(r->sqe, IN_OFFSET) || GET(r->sqe, OUT_OFFSET)))
		return E_FIELD;
	if (!in || !room)
		return E_LENGTH;
	if (!sgl && (in > ZIP_FLAT_MAX || room > ZIP_FLAT_MAX))
		return E_LENGTH;
	return 0;
}

static unsigned int from_errno(int rc)
{
	switch (rc) {
	case 0:
		return 0;
	case -EFAULT:
		return E_ADDR;
	case -EINVAL:
		return E_LIST;
	default:
		return E_LIBRARY;
	}
}

static bool overlap(uint64_t a, size_t a_len, uint64_t b, size_t b_len)
{
	return a < b ? b - a < a_len : a - b < b_len;
}

static unsigned int map_data(struct zip_run *r)
{
	const struct emu_dma *dma = r->job->dma;
	uint64_t src = GET64(r->sqe, SRC), dst = GET64(r->sqe, DST);
	int rc;

	r->in_left = GET(r->sqe, IN_LEN);
	r->out_left = GET(r->sqe, OUT_ROOM);
	if (GET(r->sqe, BUF_TYPE) == ZIP_SGL) {
		rc = emu_span_list(&r->src, dma, src, GET(r->sqe, IN_OFFSET),
				   r->in_left, false);
		if (!rc)
			rc = emu_span_list(&r->dst, dma, dst,
					   GET(r->sqe, OUT_OFFSET), r->out_left,
					   true);
	} else {
		if (overlap(src, r->in_left, dst, r->out_left))
			return E_ADDR;
		rc = emu_span_flat(&r->src, dma, src, r->in_left, false);
		if (!rc)
			rc = emu_span_flat(&r->dst, dma, dst, r->out_left,
					   true);
	}
	r->in = emu_cursor(&r->src);
	r->out = emu_cursor(&r->dst);
	return from_errno(rc);
}

static unsigned int run_checked(struct zip_run *r)
{
	unsigned int rc = check(r);

	if (!rc)
		rc = map_data(r);
	if (!rc)
		rc = r->job->qc_type == ZIP_COMPRESS ? zip_compress(r)
						     : zip_decompress(r);
	if (r->job->corrupt && r->produced)
		r->dst.seg[0].p[0] ^= 0x55;
	return rc;
}

/* Words 0 to 3 and the state; the rest goes back as it came. */
static void complete(uint32_t *sqe, const struct zip_run *r, unsigned int rc)
{
	PUT(sqe, CONSUMED, r->consumed);
	PUT(sqe, PRODUCED, r->produced);
	PUT(sqe, LITERALS, 0);
	PUT(sqe, STATUS, rc);
	PUT(sqe, LSTBLK, r->last);
	PUT(sqe, CTX0, 0);
	PUT(sqe, CTX1, 0);
	PUT(sqe, CTX2, 0);
	PUT(sqe, ISIZE, r->isize);
	PUT(sqe, CHECKSUM, checksum_word(r));
}

static void zip_run(const struct emu_job *job)
{
	struct zip_run r = { .job = job, .sqe = job->sqe, .adler = 1 };
	unsigned int rc;

	emu_span_init(&r.src);
	emu_span_init(&r.dst);
	rc = job->fail ? E_FAULT : run_checked(&r);
	emu_span_fini(&r.dst);
	emu_span_fini(&r.src);
	complete(job->sqe, &r, rc);
}

/* What V3 drivers read before they write; V2 drivers have it built in.
 * docs/hw/qm.md#capabilities */
/* clang-format off */
static const struct emu_reg_init regs[] = {
	{ 0x3124, 0, 0x7C77 },	   /* QM errors that need a reset or a report */
	{ 0x3128, 0, 0x6C77 },	   /* QM errors that reset */
	{ 0x312C, 0, 0x8 },	   /* QM errors corrected */
	{ 0x3130, 0, 0x1FFE },	   /* the same three for the engine */
	{ 0x3134, 0, 0x7FE },
	{ 0x3138, 0, 0x1 },
	{ 0x313C, 0, 0x12050203 }, /* 1 cluster, 2 types, 5 cores: 2 and 3 */
	{ 0x3140, 0, 0x1C0003 },   /* cores enabled */
	{ 0x3144, 0, 0x30 },	   /* kernel algorithms: deflate */
	{ 0x3148, 0, 0x3F },	   /* device: zlib, gzip, deflate, both ways */
	{ 0x314C, 0, 0xD5 },	   /* cores 1 and 2 compress */
	{ 0x3150, 0, 0xD5 },
	{ 0x3154, 0, 0x2A },	   /* cores 3 to 5 decompress */
	{ 0x3158, 0, 0x2A },
	{ 0x315C, 0, 0x2A },
};
/* clang-format on */

const struct emu_engine emu_zip = {
	.name = "zip",
	.id = UACCE_ZIP,
	.sqe_size = sizeof(struct zip_sqe),
	.pf_id = 0xa250,
	.vf_id = 0xa251,
	.algorithms_v2 = "zlib\ngzip\n",
	.algorithms_v3 = "zlib\ngzip\ndeflate\n",
	.regs = regs,
	.reg_count = WD_ARRAY_SIZE(regs),
	.int_source = 0x3010A0,
	.int_status = 0x3010AC,
	.int_set = 0x3010A8,
	.run = zip_run,
};
