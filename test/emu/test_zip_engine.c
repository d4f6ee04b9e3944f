/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compression engine, called directly.  It computes with zlib, so here
 * an inflater of our own judges, and checksums a bit at a time.
 */
#include "base/wd_base.h"
#include "hw/sec/sec_fields.h"
#include "hw/zip/zip_fields.h"
#include "test/emu/bus.h"
#include "test/t.h"

#define SET(sqe, field, value)                                                 \
	wd_put((sqe)->w, &zip_fields[ZIP_SQE_##field], (value))
#define SET64(sqe, field, value)                                               \
	wd_put64((sqe)->w, &zip_fields[ZIP_SQE_##field##_LO], (value))
#define FIELD(sqe, field) wd_get((sqe)->w, &zip_fields[ZIP_SQE_##field])

/* ---- an inflater (RFC 1951) ---- */

#define CODES_MAX 288
#define BITS_MAX  15

struct reader {
	const uint8_t *in;
	size_t len, bit; /* bit: of the whole input */
	uint8_t *out;
	size_t made, room;
	int bad;
};

struct code {
	uint16_t count[BITS_MAX + 1], symbol[CODES_MAX];
};

static unsigned int bits(struct reader *r, unsigned int n)
{
	unsigned int v = 0;

	for (unsigned int i = 0; i < n; i++, r->bit++) {
		if (r->bit / 8 >= r->len) {
			r->bad = 1;
			return 0;
		}
		v |= (r->in[r->bit / 8] >> r->bit % 8 & 1u) << i;
	}
	return v;
}

static void code_make(struct code *c, const uint8_t *lens, unsigned int n)
{
	unsigned int at = 0;

	memset(c, 0, sizeof(*c));
	for (unsigned int len = 1; len <= BITS_MAX; len++)
		for (unsigned int s = 0; s < n; s++)
			if (lens[s] == len) {
				c->count[len]++;
				c->symbol[at++] = (uint16_t)s;
			}
}

static unsigned int decode(struct reader *r, const struct code *c)
{
	unsigned int value = 0, first = 0, index = 0;

	for (unsigned int len = 1; len <= BITS_MAX && !r->bad; len++) {
		value = value << 1 | bits(r, 1);
		if (value - first < c->count[len])
			return c->symbol[index + value - first];
		index += c->count[len];
		first = (first + c->count[len]) << 1;
	}
	r->bad = 1;
	return 256;
}

static void put(struct reader *r, uint8_t byte)
{
	if (r->made == r->room)
		r->bad = 1;
	else
		r->out[r->made++] = byte;
}

static void copy(struct reader *r, unsigned int symbol, const struct code *dist)
{
	static const uint16_t len_base[] = {
		3,  4,	5,  6,	7,  8,	9,  10, 11,  13,  15,  17,  19,	 23, 27,
		31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258
	};
	static const uint8_t len_bits[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1,
					    1, 1, 2, 2, 2, 2, 3, 3, 3, 3,
					    4, 4, 4, 4, 5, 5, 5, 5, 0 };
	static const uint16_t dist_base[] = {
		1,    2,    3,	  4,	5,    7,    9,	  13,	 17,	25,
		33,   49,   65,	  97,	129,  193,  257,  385,	 513,	769,
		1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577
	};
	unsigned int len, d, back;

	if (symbol > 285) {
		r->bad = 1;
		return;
	}
	len = len_base[symbol - 257] + bits(r, len_bits[symbol - 257]);
	d = decode(r, dist);
	if (r->bad || d > 29) {
		r->bad = 1;
		return;
	}
	back = dist_base[d] + bits(r, d < 2 ? 0 : d / 2 - 1);
	if (back > r->made)
		r->bad = 1;
	while (len-- && !r->bad)
		put(r, r->out[r->made - back]);
}

static void block(struct reader *r, const struct code *lit,
		  const struct code *dist)
{
	while (!r->bad) {
		unsigned int symbol = decode(r, lit);

		if (symbol == 256)
			return;
		if (symbol < 256)
			put(r, (uint8_t)symbol);
		else
			copy(r, symbol, dist);
	}
}

static void stored(struct reader *r)
{
	unsigned int len;

	r->bit = (r->bit + 7) / 8 * 8;
	len = bits(r, 16);
	if ((bits(r, 16) ^ len) != 0xffff)
		r->bad = 1;
	while (len-- && !r->bad)
		put(r, (uint8_t)bits(r, 8));
}

static void fixed(struct reader *r)
{
	uint8_t lens[CODES_MAX];
	struct code lit, dist;

	for (unsigned int s = 0; s < CODES_MAX; s++)
		lens[s] = s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8;
	code_make(&lit, lens, CODES_MAX);
	memset(lens, 5, 30);
	code_make(&dist, lens, 30);
	block(r, &lit, &dist);
}

static void dynamic(struct reader *r)
{
	static const uint8_t order[] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
					 11, 4,	 12, 3, 13, 2, 14, 1, 15 };
	unsigned int nlit = bits(r, 5) + 257, ndist = bits(r, 5) + 1;
	unsigned int n = bits(r, 4) + 4, i;
	uint8_t lens[CODES_MAX + 32 + 138] = { 0 };
	struct code c, dist;

	for (i = 0; i < n; i++)
		lens[order[i]] = (uint8_t)bits(r, 3);
	code_make(&c, lens, 19);
	for (i = 0; i < nlit + ndist && !r->bad;) {
		unsigned int s = decode(r, &c), times = 1;
		uint8_t value = (uint8_t)s;

		if (s == 16) {
			value = i ? lens[i - 1] : 0;
			times = 3 + bits(r, 2);
		} else if (s > 16) {
			value = 0;
			times = s == 17 ? 3 + bits(r, 3) : 11 + bits(r, 7);
		}
		while (times--)
			lens[i++] = value;
	}
	code_make(&c, lens, nlit);
	code_make(&dist, lens + nlit, ndist);
	block(r, &c, &dist);
}

/* Return: bytes of input a whole message took, 0: it is none. */
static size_t judge_inflate(const uint8_t *in, size_t len, uint8_t *out,
			    size_t *made)
{
	struct reader r = { .in = in, .len = len, .out = out, .room = *made };
	unsigned int last;

	do {
		unsigned int type;

		last = bits(&r, 1);
		type = bits(&r, 2);
		if (type == 0)
			stored(&r);
		else if (type == 1)
			fixed(&r);
		else if (type == 2)
			dynamic(&r);
		else
			r.bad = 1;
	} while (!last && !r.bad);
	*made = r.made;
	return r.bad ? 0 : (r.bit + 7) / 8;
}

static uint32_t judge_adler(const uint8_t *p, size_t n)
{
	uint32_t a = 1, b = 0;

	while (n--) {
		a = (a + *p++) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

/* The register before its final inversion. */
static uint32_t judge_crc(const uint8_t *p, size_t n)
{
	uint32_t c = UINT32_MAX;

	while (n--) {
		c ^= *p++;
		for (unsigned int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return c;
}

static uint32_t mirrored(uint32_t v)
{
	uint32_t r = 0;

	for (unsigned int i = 0; i < 32; i++)
		r = r << 1 | (v >> i & 1);
	return r;
}

/* What is behind the body of @format.  Return: bytes. */
static size_t judge_trailer(unsigned int format, const uint8_t *plain, size_t n,
			    uint8_t *t)
{
	uint32_t adler = judge_adler(plain, n), crc = ~judge_crc(plain, n);

	for (unsigned int i = 0; i < 4; i++) {
		t[i] = (uint8_t)(format == ZIP_ZLIB ? adler >> (24 - 8 * i)
						    : crc >> 8 * i);
		t[4 + i] = (uint8_t)(n >> 8 * i);
	}
	return format == ZIP_DEFLATE ? 0 : format == ZIP_ZLIB ? 4 : 8;
}

/* ---- jobs ---- */

#define PLAIN_MAX 120000
#define ROOM_MAX  (PLAIN_MAX + 1000)

static struct bus bus;
static uint8_t before[BUS_SIZE];
static uint8_t plain[PLAIN_MAX], packed[ROOM_MAX], got[ROOM_MAX];

static struct zip_sqe make(unsigned int qm, unsigned int format, uint64_t src,
			   uint32_t len, uint64_t dst, uint32_t room)
{
	struct zip_sqe s = { 0 };

	SET(&s, SQE_TYPE, qm < 3 ? 0 : 3);
	SET(&s, REQ_TYPE, format);
	SET(&s, IN_LEN, len);
	SET(&s, OUT_ROOM, room);
	SET64(&s, SRC, src);
	SET64(&s, DST, dst);
	if (qm < 3)
		SET(&s, TAG_V2, 0xbeefbeef);
	else
		SET64(&s, TAG, 0x1122334455667788u);
	return s;
}

static void run_on(struct zip_sqe *s, unsigned int qm, unsigned int qc_type)
{
	struct emu_job job = {
		.sqe = s->w,
		.dma = &bus.dma,
		.qm_version = qm,
		.qc_type = qc_type,
	};

	emu_zip.run(&job);
}

/* Everything software reads back besides the answers. */
static void t_kept(const struct zip_sqe *s, const struct zip_sqe *asked)
{
	T_MEM(s->w + 4, asked->w + 4, 11 * 4);
	T_MEM(s->w + 16, asked->w + 16, 12 * 4);
}

/* Text that packs well, badly, or not at all. */
static void make_plain(uint64_t *seed, uint32_t len)
{
	unsigned int kind = noise(seed) % 3;

	noise_fill(seed, plain, len);
	for (uint32_t i = 0; kind < 2 && i < len; i++)
		plain[i] = (uint8_t)(kind ? 'a' + plain[i] % 4
				     : i > 99 && plain[i] % 40 ? plain[i - 99]
							       : plain[i] % 20);
}

/* A scatter list over the range: pieces of any size, some empty. */
static uint64_t scatter(uint64_t addr, uint32_t len, uint64_t *seed)
{
	unsigned int n = 1 + noise(seed) % 128;
	uint64_t at = bus_alloc(&bus, 64 + 32 * n, 64, 0);
	struct sec_sgl head = { .sum_in_chain = 128, .length_in_sgl = 128 };

	head.sum_in_sgl = (uint16_t)n;
	bus_put(&bus, at, &head, 64);
	for (unsigned int i = 0; i < n; i++) {
		struct sec_sgl_entry e = { 0 };
		uint32_t part =
			i == n - 1 ? len : noise(seed) % (2 * len / n + 2);

		e.len = part < len ? part : len;
		e.addr = addr;
		addr += e.len;
		len -= e.len;
		bus_put(&bus, at + 64 + 32 * i, &e, sizeof(e));
	}
	return at;
}

struct job {
	unsigned int qm, format, qc_type;
	int sgl;
	uint32_t skip; /* of both lists */
};

static struct zip_sqe job_sqe(const struct job *j, uint64_t src, uint32_t len,
			      uint64_t dst, uint32_t room, uint64_t *seed)
{
	struct zip_sqe s;

	if (j->sgl) {
		src = scatter(src - j->skip, len + j->skip, seed);
		dst = scatter(dst - j->skip, room + j->skip, seed);
	}
	s = make(j->qm, j->format, src, len, dst, room);
	SET(&s, BUF_TYPE, j->sgl);
	SET(&s, IN_OFFSET, j->sgl ? j->skip : 0);
	SET(&s, OUT_OFFSET, j->sgl ? j->skip : 0);
	return s;
}

/* plain[] packed by the engine to packed[].  Return: bytes. */
static uint32_t pack(const struct job *j, uint32_t len, uint32_t room,
		     uint64_t *seed)
{
	uint64_t src = bus_alloc(&bus, len + 64, 64, 0) + 64;
	uint64_t dst = bus_alloc(&bus, room + 64, 64, noise(seed) % 64) + 64;
	struct zip_sqe s = job_sqe(j, src, len, dst, room, seed), asked;

	if (j->qm >= 3)
		SET(&s, WINDOW, noise(seed) % 5);
	SET(&s, NEW, noise(seed) % 2);
	SET(&s, FLUSH, noise(seed) % 2);
	asked = s;
	bus_put(&bus, src, plain, len);
	run_on(&s, j->qm, ZIP_COMPRESS);
	t_kept(&s, &asked);
	T_EQ(FIELD(&s, CONSUMED), len);
	T_EQ(FIELD(&s, LSTBLK), 1);
	T_EQ(FIELD(&s, STATUS),
	     FIELD(&s, PRODUCED) > len ? ZIP_NEGATIVE : ZIP_OK);
	T_EQ(FIELD(&s, ISIZE), len);
	T_EQ(FIELD(&s, CHECKSUM),
	     j->format == ZIP_ZLIB   ? judge_adler(plain, len)
	     : j->format == ZIP_GZIP ? mirrored(judge_crc(plain, len))
				     : 0);
	bus_get(&bus, dst, packed, FIELD(&s, PRODUCED));
	return FIELD(&s, PRODUCED);
}

static void t_packed(const struct job *j, uint32_t packed_len, uint32_t len)
{
	size_t made = sizeof(got), n, body;
	uint8_t t[8];

	body = judge_inflate(packed, packed_len, got, &made);
	n = judge_trailer(j->format, plain, len, t);
	T_EQ(made, len);
	T_MEM(got, plain, len);
	T_EQ(body + n, packed_len);
	T_MEM(packed + body, t, n);
}

/* packed[] and @extra bytes behind it; room for @len exactly. */
static void t_unpacks(const struct job *j, uint32_t packed_len, uint32_t len,
		      uint32_t extra, uint64_t *seed)
{
	uint32_t in = packed_len + extra;
	uint64_t src = bus_alloc(&bus, in + 64, 64, noise(seed) % 64) + 64;
	uint64_t dst = bus_alloc(&bus, len + 64, 64, 0) + 64;
	struct zip_sqe s = job_sqe(j, src, in, dst, len, seed), asked = s;

	bus_put(&bus, src, packed, packed_len);
	run_on(&s, j->qm, ZIP_DECOMPRESS);
	t_kept(&s, &asked);
	T_EQ(s.w[3], 0x100);
	T_EQ(FIELD(&s, CONSUMED), packed_len);
	T_EQ(FIELD(&s, PRODUCED), len);
	T_EQ(FIELD(&s, ISIZE), len);
	bus_get(&bus, dst, got, len);
	T_MEM(got, plain, len);
}

static void round_trip(unsigned int format, int i, uint64_t *seed)
{
	static const uint32_t tops[] = { 5, 300, 5000, PLAIN_MAX - 1 };
	struct job j = {
		.qm = format == ZIP_DEFLATE ? 3 : 2 + noise(seed) % 2,
		.format = format,
		.sgl = noise(seed) % 2,
		.skip = noise(seed) % 2 ? noise(seed) % 64 : 0,
	};
	uint32_t len = 1 + noise(seed) % tops[noise(seed) % 4], n;

	bus_open(&bus, i % 2);
	make_plain(seed, len);
	n = pack(&j, len, len + len / 8 + 100, seed);
	t_packed(&j, n, len);
	t_unpacks(&j, n, len, noise(seed) % 3 ? 0 : 9, seed);
	bus_close(&bus);
}

static void every_format_is_what_its_rfc_says(void)
{
	uint64_t seed = 31;

	for (int i = 0; i < 100; i++) {
		round_trip(ZIP_DEFLATE, i, &seed);
		round_trip(ZIP_ZLIB, i, &seed);
		round_trip(ZIP_GZIP, i, &seed);
	}
}

/* docs/hw/zip.md#worked, and the words of Linux 6.12 */
static void words_of_linux_compress_and_decompress(void)
{
	static const uint32_t dw9[] = { 0x00002101, 0x00000101 };
	uint64_t seed = 32;

	for (size_t i = 0; i < 2; i++) {
		struct zip_sqe s = { 0 };
		uint64_t src, dst, back;
		uint32_t n;

		bus_open(&bus, 0);
		src = bus_alloc(&bus, 400, 64, 0);
		dst = bus_alloc(&bus, 500, 64, 0);
		back = bus_alloc(&bus, 400, 64, 0);
		memset(plain, 'x', 400);
		bus_put(&bus, src, plain, 400);
		s.w[4] = 400;
		s.w[7] = 0x30000000;
		s.w[9] = dw9[i];
		s.w[14] = 500;
		SET64(&s, SRC, scatter(src, 400, &seed));
		SET64(&s, DST, scatter(dst, 500, &seed));
		run_on(&s, 3, ZIP_COMPRESS);
		T_EQ(s.w[3], 0x00000100);
		n = s.w[1];
		memset(&s, 0, sizeof(s));
		s.w[4] = n;
		s.w[7] = 0x30000000;
		s.w[9] = dw9[i];
		s.w[14] = 400;
		SET64(&s, SRC, scatter(dst, n, &seed));
		SET64(&s, DST, scatter(back, 400, &seed));
		run_on(&s, 3, ZIP_DECOMPRESS);
		T_EQ(s.w[3], 0x00000100);
		T_EQ(s.w[1], 400);
		bus_get(&bus, back, got, 400);
		T_MEM(got, plain, 400);
		bus_close(&bus);
	}
}

/* Written by hand from RFC 1951. */
static void blocks_of_every_kind_unpack(void)
{
	static const struct {
		const char *packed, *plain;
	} all[] = {
		{ "010500faff68656c6c6f", "hello" },	       /* stored */
		{ "000200fdff6865010300fcff6c6c6f", "hello" }, /* two */
		{ "cb48cdc9c90700", "hello" },		       /* fixed */
		{ "4b4c040200", "aaaaa" },		       /* a copy */
	};
	uint64_t seed = 33;

	for (size_t i = 0; i < WD_ARRAY_SIZE(all); i++) {
		struct job j = { .qm = 3, .format = ZIP_DEFLATE };
		uint32_t n =
			(uint32_t)t_hex(packed, sizeof(packed), all[i].packed);

		bus_open(&bus, 0);
		memcpy(plain, all[i].plain, strlen(all[i].plain));
		t_unpacks(&j, n, (uint32_t)strlen(all[i].plain), 0, &seed);
		bus_close(&bus);
	}
}

/* ---- what goes wrong ---- */

static uint64_t at_src, at_dst;

/* A good job to spoil: memory open, plain text or packed in place. */
static struct zip_sqe good(unsigned int qm, unsigned int format,
			   unsigned int qc_type)
{
	struct job j = { .qm = qm, .format = format };
	uint64_t seed = 34;
	uint32_t n;

	bus_open(&bus, 0);
	make_plain(&seed, 1000);
	n = pack(&j, 1000, 2000, &seed);
	noise_fill(&seed, bus.mem, BUS_SIZE);
	at_src = bus_alloc(&bus, 2000, 64, 0);
	at_dst = bus_alloc(&bus, 2000, 64, 0);
	if (qc_type == ZIP_COMPRESS)
		bus_put(&bus, at_src, plain, 1000);
	else
		bus_put(&bus, at_src, packed, n);
	return make(qm, format, at_src, qc_type == ZIP_COMPRESS ? 1000 : n,
		    at_dst, 2000);
}

/* Return: the status, which is an error to every driver. */
static unsigned int failed(const char *what, struct zip_sqe s, unsigned int qm,
			   unsigned int qc_type)
{
	unsigned int status;

	run_on(&s, qm, qc_type);
	status = FIELD(&s, STATUS);
	if (status == ZIP_OK || status == ZIP_NEGATIVE ||
	    status == ZIP_STREAM_END)
		t_fail(__FILE__, __LINE__, "%s was not refused: %08x", what,
		       s.w[3]);
	return status;
}

static void t_refused(const char *what, struct zip_sqe s, unsigned int qm,
		      unsigned int qc_type)
{
	memcpy(before, bus.mem, BUS_SIZE);
	failed(what, s, qm, qc_type);
	if (memcmp(before, bus.mem, BUS_SIZE) != 0)
		t_fail(__FILE__, __LINE__, "%s: memory was written", what);
}

#define SPOIL(field, value)                                                    \
	do {                                                                   \
		struct zip_sqe s_ = s;                                         \
		SET(&s_, field, value);                                        \
		t_refused(#field " = " #value, s_, qm, qc);                    \
	} while (0)

static void spoil_all(unsigned int qm, unsigned int format, unsigned int qc)
{
	struct zip_sqe s = good(qm, format, qc);

	SPOIL(SQE_TYPE, qm < 3 ? 3 : 0);
	SPOIL(SQE_TYPE, 15);
	SPOIL(REQ_TYPE, 0);
	SPOIL(REQ_TYPE, ZIP_LZ4);
	SPOIL(REQ_TYPE, 0x43);
	SPOIL(REQ_TYPE, 0xff);
	SPOIL(STREAM, 1);
	SPOIL(BUF_TYPE, 2);
	SPOIL(WINDOW, 5);
	SPOIL(IN_LEN, 0);
	SPOIL(IN_LEN, ZIP_FLAT_MAX + 1);
	SPOIL(OUT_ROOM, 0);
	SPOIL(OUT_ROOM, ZIP_FLAT_MAX + 1);
	SPOIL(IN_OFFSET, 1);
	SPOIL(OUT_OFFSET, 1);
	SPOIL(LBA_LO, 1);
	SPOIL(DIF0, 1);
	SPOIL(DIF1, 1);
	SPOIL(DIF2, 1);
	SPOIL(HEAD_LO, 1);
	SPOIL(CTX_LO, 64);
	SPOIL(LITERAL_LO, 64);
	SPOIL(SRC_HI, 0);
	SPOIL(DST_HI, 0);
	SPOIL(DST_LO, (uint32_t)(at_src + 10));
	if (qm < 3)
		SPOIL(TAG_LO, 1);
	else
		SPOIL(TAG_V2, 1);
	t_refused("a core group that is none", s, qm, 2);
	SET64(&s, DST, BUS_BASE + BUS_RO - 100);
	t_refused("room that is not all writable", s, qm, qc);
	bus_close(&bus);
}

static void spoilt_requests_are_refused(void)
{
	for (unsigned int qc = 0; qc < 2; qc++) {
		spoil_all(3, ZIP_DEFLATE, qc);
		spoil_all(3, ZIP_GZIP, qc);
		spoil_all(2, ZIP_ZLIB, qc);
	}
}

static void raw_deflate_is_for_v3(void)
{
	struct zip_sqe s = good(3, ZIP_DEFLATE, ZIP_COMPRESS);

	SET(&s, SQE_TYPE, 0);
	SET64(&s, TAG, 0);
	t_refused("raw deflate on V2", s, 2, ZIP_COMPRESS);
	bus_close(&bus);
}

static void a_list_that_is_too_short_is_refused(void)
{
	struct zip_sqe s = good(3, ZIP_DEFLATE, ZIP_COMPRESS);
	uint64_t seed = 35, in, out;

	in = scatter(at_src, 1000, &seed);
	out = scatter(at_dst, 2000, &seed);
	SET(&s, BUF_TYPE, ZIP_SGL);
	SET64(&s, SRC, in);
	SET64(&s, DST, out);
	SET(&s, IN_LEN, 1001);
	t_refused("one byte more than the input has", s, 3, ZIP_COMPRESS);
	SET(&s, IN_LEN, 1000);
	SET(&s, OUT_ROOM, 2001);
	t_refused("one byte more than the room has", s, 3, ZIP_COMPRESS);
	SET(&s, OUT_ROOM, 2000);
	SET(&s, OUT_OFFSET, 1);
	t_refused("room behind an offset", s, 3, ZIP_COMPRESS);
	SET(&s, OUT_OFFSET, 0);
	SET64(&s, SRC, in + 32);
	t_refused("a list not aligned", s, 3, ZIP_COMPRESS);
	bus_close(&bus);
}

static void too_little_room_is_told(void)
{
	for (unsigned int format = ZIP_DEFLATE; format <= ZIP_GZIP; format++) {
		struct zip_sqe s = good(3, format, ZIP_COMPRESS), t = s;
		uint32_t n;

		run_on(&t, 3, ZIP_COMPRESS);
		n = FIELD(&t, PRODUCED);
		for (uint32_t less = 1; less < 10; less++) {
			SET(&s, OUT_ROOM, n - less);
			T_EQ(failed("little room", s, 3, ZIP_COMPRESS),
			     ZIP_NO_ROOM);
		}
		SET(&s, OUT_ROOM, 1);
		T_EQ(failed("no room", s, 3, ZIP_COMPRESS), ZIP_NO_ROOM);
		bus_close(&bus);

		s = good(3, format, ZIP_DECOMPRESS);
		SET(&s, OUT_ROOM, 999);
		T_EQ(failed("little room", s, 3, ZIP_DECOMPRESS), ZIP_NO_ROOM);
		SET(&s, OUT_ROOM, 1);
		T_EQ(failed("little room", s, 3, ZIP_DECOMPRESS), ZIP_NO_ROOM);
		bus_close(&bus);
	}
}

static void nothing_is_written_behind_the_room(void)
{
	struct zip_sqe s = good(3, ZIP_DEFLATE, ZIP_DECOMPRESS);
	uint8_t was[1500], is[1500];

	SET(&s, OUT_ROOM, 500);
	bus_get(&bus, at_dst + 500, was, sizeof(was));
	failed("little room", s, 3, ZIP_DECOMPRESS);
	bus_get(&bus, at_dst + 500, is, sizeof(is));
	T_MEM(is, was, sizeof(is));
	bus_close(&bus);
}

static void a_message_cut_short_or_damaged_is_an_error(void)
{
	for (unsigned int format = ZIP_DEFLATE; format <= ZIP_GZIP; format++) {
		struct zip_sqe s = good(3, format, ZIP_DECOMPRESS), t;
		uint32_t n = FIELD(&s, IN_LEN);
		uint8_t bad = 0x07; /* final, and a block type that is none */

		for (uint32_t len = 1; len < n; len += 1 + len / 9) {
			t = s;
			SET(&t, IN_LEN, len);
			failed("a part of a message", t, 3, ZIP_DECOMPRESS);
		}
		bus_put(&bus, at_src, &bad, 1);
		failed("a block type that is none", s, 3, ZIP_DECOMPRESS);
		bus_close(&bus);
	}
}

static void a_wrong_trailer_is_told(void)
{
	for (unsigned int format = ZIP_ZLIB; format <= ZIP_GZIP; format++) {
		struct zip_sqe s = good(3, format, ZIP_DECOMPRESS), t;
		uint32_t n = FIELD(&s, IN_LEN);

		for (uint32_t i = 1; i <= (format == ZIP_ZLIB ? 4u : 8u); i++) {
			uint8_t was, bad;

			bus_get(&bus, at_src + n - i, &was, 1);
			bad = was ^ 0x10;
			bus_put(&bus, at_src + n - i, &bad, 1);
			t = s;
			run_on(&t, 3, ZIP_DECOMPRESS);
			T_EQ(t.w[3], 0x110);
			T_EQ(FIELD(&t, CONSUMED), n);
			bus_put(&bus, at_src + n - i, &was, 1);
		}
		bus_close(&bus);
	}
}

static void a_fault_writes_nothing_or_something_wrong(void)
{
	struct zip_sqe s = good(3, ZIP_DEFLATE, ZIP_DECOMPRESS), t = s;
	struct emu_job job = { .sqe = t.w,
			       .dma = &bus.dma,
			       .qm_version = 3,
			       .qc_type = ZIP_DECOMPRESS,
			       .fail = true };

	memcpy(before, bus.mem, BUS_SIZE);
	emu_zip.run(&job);
	T_OK(FIELD(&t, STATUS) > ZIP_STREAM_END);
	T_MEM(bus.mem, before, BUS_SIZE);
	t = s;
	job.fail = false;
	job.corrupt = true;
	emu_zip.run(&job);
	T_EQ(t.w[3], 0x100);
	bus_get(&bus, at_dst, got, 1000);
	T_OK(memcmp(got, plain, 1000) != 0);
	bus_close(&bus);
}

/* ---- noise ---- */

static void noise_never_leaves_what_dma_allows(void)
{
	static uint8_t tail[BUS_SIZE - BUS_RO];
	uint64_t seed = 36;
	unsigned int ran = 0;

	for (unsigned int qc = 0; qc < 2; qc++) {
		struct zip_sqe s = good(3, ZIP_ZLIB, qc), t, asked;

		bus.pages = 1; /* the message is not where it was: noise */
		memcpy(tail, bus.mem + BUS_RO, sizeof(tail));
		for (unsigned int i = 0; i < 15000; i++) {
			uint64_t list = BUS_BASE + 64 * (noise(&seed) % 4096);
			struct sec_sgl sgl = { 0 };

			t = s;
			sgl.next = noise(&seed) % 2 ? list : 0;
			sgl.sum_in_sgl = (uint16_t)(noise(&seed) % 4);
			sgl.length_in_sgl = 2;
			for (unsigned int e = 0; e < 2; e++) {
				sgl.entry[e].addr =
					BUS_BASE + noise(&seed) % BUS_SIZE;
				sgl.entry[e].len = noise(&seed) % 3000;
			}
			if (noise(&seed) % 3 == 0) {
				bus_put(&bus, list, &sgl, sizeof(sgl));
				SET(&t, BUF_TYPE, ZIP_SGL);
				SET64(&t, SRC, list);
			}
			for (unsigned int n = noise(&seed) % 3; n; n--)
				t.w[noise(&seed) % 32] ^= 1u
							  << noise(&seed) % 32;
			asked = t;
			run_on(&t, 2 + (noise(&seed) % 9 != 0), qc);
			t_kept(&t, &asked);
			ran += FIELD(&t, LSTBLK);
		}
		T_MEM(bus.mem + BUS_RO, tail, sizeof(tail));
		bus_close(&bus);
	}
	T_OK(ran > 100);
}

T_MAIN(T_CASE(every_format_is_what_its_rfc_says),
       T_CASE(words_of_linux_compress_and_decompress),
       T_CASE(blocks_of_every_kind_unpack), T_CASE(spoilt_requests_are_refused),
       T_CASE(raw_deflate_is_for_v3),
       T_CASE(a_list_that_is_too_short_is_refused),
       T_CASE(too_little_room_is_told),
       T_CASE(nothing_is_written_behind_the_room),
       T_CASE(a_message_cut_short_or_damaged_is_an_error),
       T_CASE(a_wrong_trailer_is_told),
       T_CASE(a_fault_writes_nothing_or_something_wrong),
       T_CASE(noise_never_leaves_what_dma_allows))
