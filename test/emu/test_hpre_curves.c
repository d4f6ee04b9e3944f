/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public-key engine's elliptic curves, called directly.  The engine
 * computes with libcrypto, so libgcrypt judges here, and published values.
 */
#include <gcrypt.h>

#include "base/wd_base.h"
#include "emu/emu_hpre.h"
#include "emu/emu_replay.h"
#include "hw/hpre/hpre_fields.h"
#include "test/emu/bus.h"
#include "test/t.h"

#define SET(sqe, field, value)                                                 \
	wd_put((sqe)->w, &hpre_fields[HPRE_SQE_##field], (value))
#define SET64(sqe, field, value)                                               \
	wd_put64((sqe)->w, &hpre_fields[HPRE_SQE_##field##_LO], (value))
#define FIELD(sqe, field) wd_get((sqe)->w, &hpre_fields[HPRE_SQE_##field])

#define W_MAX 72
#define PARTS 8

struct fixture {
	struct bus b;
	uint64_t key, in, out;
	uint8_t before[BUS_SIZE];
};
static struct fixture fix;

static void open_bus(int pages)
{
	uint64_t seed = 11;

	bus_open(&fix.b, pages);
	noise_fill(&seed, fix.b.mem, BUS_SIZE);
	fix.key = bus_alloc(&fix.b, (size_t)PARTS * W_MAX, 64, 0);
	fix.in = bus_alloc(&fix.b, (size_t)3 * W_MAX, 64, 5);
	fix.out = bus_alloc(&fix.b, (size_t)4 * W_MAX, 64, 11);
}

static struct hpre_sqe make(uint32_t alg, uint32_t width)
{
	struct hpre_sqe s = { 0 };

	SET(&s, ALG, alg);
	SET(&s, DONE, HPRE_DONE_SUBMITTED);
	SET(&s, TASK_LEN1, width / 8 - 1);
	SET64(&s, KEY, fix.key);
	SET64(&s, IN, fix.in);
	SET64(&s, OUT, fix.out);
	SET64(&s, TAG, 0x1122334455667788u);
	return s;
}

static void run_as(struct hpre_sqe *s, unsigned int qm, unsigned int qc_type)
{
	struct emu_job job = {
		.sqe = s->w,
		.dma = &fix.b.dma,
		.qm_version = qm,
		.qc_type = qc_type,
	};

	emu_hpre.run(&job);
}

static void t_refused_as(const char *what, struct hpre_sqe s, unsigned int qm,
			 unsigned int qc_type)
{
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	run_as(&s, qm, qc_type);
	if (FIELD(&s, DONE) != HPRE_DONE_FINISHED || !FIELD(&s, ETYPE))
		t_fail(__FILE__, __LINE__, "%s was not refused: %08x", what,
		       s.w[0]);
	if (memcmp(fix.before, fix.b.mem, BUS_SIZE) != 0)
		t_fail(__FILE__, __LINE__, "%s: memory was written", what);
}

static void t_refused(const char *what, struct hpre_sqe s)
{
	t_refused_as(what, s, 3, 1);
}

/* ---- libgcrypt's curves ---- */

static const struct named {
	const char *name;
	uint32_t width;
} curves[] = {
	{ "NIST P-192", 32 },	   { "NIST P-224", 32 },
	{ "NIST P-256", 32 },	   { "secp256k1", 32 },
	{ "sm2p256v1", 32 },	   { "NIST P-384", 48 },
	{ "brainpoolP384r1", 48 }, { "brainpoolP320r1", 48 },
	{ "NIST P-521", 72 },
};

static gcry_ctx_t curve(const struct named *c)
{
	gcry_ctx_t ctx;

	if (!gcry_check_version(GCRYPT_VERSION)) /* also sets it up */
		abort();
	if (gcry_mpi_ec_new(&ctx, NULL, c->name))
		t_fail(__FILE__, __LINE__, "libgcrypt has no %s", c->name);
	return ctx;
}

static void put_mpi(uint64_t block, unsigned int part, uint32_t w, gcry_mpi_t m)
{
	uint8_t bytes[W_MAX] = { 0 };
	size_t n;

	if (gcry_mpi_print(GCRYMPI_FMT_USG, NULL, 0, &n, m) || n > w)
		abort();
	if (n && gcry_mpi_print(GCRYMPI_FMT_USG, bytes + w - n, n, &n, m))
		abort();
	bus_put(&fix.b, block + part * w, bytes, w);
}

static gcry_mpi_t get_mpi(uint64_t block, unsigned int part, uint32_t w)
{
	uint8_t bytes[W_MAX];
	gcry_mpi_t m;

	bus_get(&fix.b, block + part * w, bytes, w);
	if (gcry_mpi_scan(&m, GCRYMPI_FMT_USG, bytes, w, NULL))
		abort();
	return m;
}

/* Parameters "p", "a", ... of libgcrypt's to parts of the key block. */
static void put_params(const struct named *c, gcry_ctx_t ctx,
		       const char *const *names)
{
	for (unsigned int i = 0; names[i]; i++) {
		gcry_mpi_t m;

		if (!*names[i])
			continue;
		m = gcry_mpi_ec_get_mpi(names[i], ctx, 1);
		put_mpi(fix.key, i, c->width, m);
		gcry_mpi_release(m);
	}
}

static gcry_mpi_t below(gcry_mpi_t top, uint64_t *seed)
{
	uint8_t bytes[W_MAX];
	gcry_mpi_t m, r = gcry_mpi_new(0);

	noise_fill(seed, bytes, sizeof(bytes));
	if (gcry_mpi_scan(&m, GCRYMPI_FMT_USG, bytes, sizeof(bytes), NULL))
		abort();
	gcry_mpi_mod(r, m, top);
	if (!gcry_mpi_cmp_ui(r, 0))
		gcry_mpi_set_ui(r, 1);
	gcry_mpi_release(m);
	return r;
}

/* k G to parts @at and the next of @block (no block: only computed). */
static void point_of(gcry_ctx_t ctx, const struct named *c, gcry_mpi_t k,
		     uint64_t block, unsigned int at, gcry_mpi_t x)
{
	gcry_mpi_point_t g = gcry_mpi_ec_get_point("g", ctx, 1);
	gcry_mpi_point_t q = gcry_mpi_point_new(0);
	gcry_mpi_t y = gcry_mpi_new(0);

	gcry_mpi_ec_mul(q, k, g, ctx);
	if (gcry_mpi_ec_get_affine(x, y, q, ctx))
		abort();
	if (block) {
		put_mpi(block, at, c->width, x);
		put_mpi(block, at + 1, c->width, y);
	}
	gcry_mpi_release(y);
	gcry_mpi_point_release(q);
	gcry_mpi_point_release(g);
}

/* ---- point multiplication ---- */

static const char *const mul_names[] = { "p", "a", "", "b", NULL };

/* (h G) * k is (h k) G.  Memory is left as the request wants it. */
static struct hpre_sqe mul_request(const struct named *c, gcry_ctx_t ctx,
				   uint64_t *seed, gcry_mpi_t hk)
{
	gcry_mpi_t n = gcry_mpi_ec_get_mpi("n", ctx, 1);
	gcry_mpi_t h = below(n, seed), k = below(n, seed);
	gcry_mpi_t x = gcry_mpi_new(0);

	put_params(c, ctx, mul_names);
	put_mpi(fix.key, 2, c->width, k);
	point_of(ctx, c, h, fix.in, 0, x);
	gcry_mpi_mulm(hk, h, k, n);
	gcry_mpi_release(x);
	gcry_mpi_release(k);
	gcry_mpi_release(h);
	gcry_mpi_release(n);
	return make(HPRE_ALG_EC_MUL, c->width);
}

static void mul_case(const struct named *c, int pages, uint64_t *seed)
{
	uint8_t got[2 * W_MAX], want[2 * W_MAX];
	gcry_ctx_t ctx = curve(c);
	gcry_mpi_t hk = gcry_mpi_new(0), x = gcry_mpi_new(0);
	struct hpre_sqe s, asked;

	open_bus(pages);
	asked = s = mul_request(c, ctx, seed, hk);
	run_as(&s, 3, 1);
	T_EQ(s.w[0], 0xC000000D);
	T_MEM(s.w + 1, asked.w + 1, sizeof(s) - 4);
	bus_get(&fix.b, fix.out, got, 2 * c->width);
	point_of(ctx, c, hk, fix.out, 0, x);
	bus_get(&fix.b, fix.out, want, 2 * c->width);
	T_MEM(got, want, 2 * c->width);
	gcry_mpi_release(x);
	gcry_mpi_release(hk);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

static void products_on_any_curve_agree_with_libgcrypt(void)
{
	uint64_t seed = 21;

	for (size_t c = 0; c < WD_ARRAY_SIZE(curves); c++)
		for (int i = 0; i < 8; i++)
			mul_case(&curves[c], i % 2, &seed);
}

/* docs/hw/hpre.md#hpcore: the words of Linux 6.12 and 7.3 for P-256. */
static void the_fast_core_gives_the_same_product(void)
{
	gcry_ctx_t ctx = curve(&curves[2]);
	gcry_mpi_t hk = gcry_mpi_new(0);
	uint64_t seed = 22;
	uint8_t a[64], b[64];
	struct hpre_sqe s, t;

	open_bus(0);
	s = t = mul_request(&curves[2], ctx, &seed, hk);
	T_EQ(s.w[0], 0x4000000D);
	T_EQ(s.w[1], 0x00000003);
	t.w[1] = 0x80000003;
	run_as(&s, 3, 1);
	bus_get(&fix.b, fix.out, a, 64);
	memset(b, 0, sizeof(b));
	bus_put(&fix.b, fix.out, b, 64);
	run_as(&t, 3, 1);
	bus_get(&fix.b, fix.out, b, 64);
	T_EQ(t.w[0], 0xC000000D);
	T_EQ(t.w[1], 0x80000003);
	T_MEM(a, b, 64);
	gcry_mpi_release(hk);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

static void with_byte(const struct hpre_sqe *s, uint64_t addr, uint8_t flip,
		      const char *what)
{
	uint8_t was, now;

	bus_get(&fix.b, addr, &was, 1);
	now = was ^ flip;
	bus_put(&fix.b, addr, &now, 1);
	t_refused(what, *s);
	bus_put(&fix.b, addr, &was, 1);
}

static void impossible_points_and_scalars_are_refused(void)
{
	gcry_ctx_t ctx = curve(&curves[2]);
	gcry_mpi_t hk = gcry_mpi_new(0), n, p, zero = gcry_mpi_new(0);
	uint64_t seed = 23;
	struct hpre_sqe s;

	open_bus(0);
	s = mul_request(&curves[2], ctx, &seed, hk);
	with_byte(&s, fix.in + 31, 1, "a point off the curve, in x");
	with_byte(&s, fix.in + 63, 1, "a point off the curve, in y");
	with_byte(&s, fix.key + 31, 1, "an even p");
	with_byte(&s, fix.key + 3 * 32 + 31, 1, "a curve without this point");
	n = gcry_mpi_ec_get_mpi("n", ctx, 1);
	put_mpi(fix.key, 2, 32, n);
	t_refused("a product at infinity", s);
	put_mpi(fix.key, 2, 32, zero);
	t_refused("scalar zero", s);

	s = mul_request(&curves[2], ctx, &seed, hk);
	p = gcry_mpi_ec_get_mpi("p", ctx, 1);
	put_mpi(fix.key, 1, 32, p);
	t_refused("a not below p", s);
	s = mul_request(&curves[2], ctx, &seed, hk);
	put_mpi(fix.key, 3, 32, p);
	t_refused("b not below p", s);
	s = mul_request(&curves[2], ctx, &seed, hk);
	put_mpi(fix.in, 0, 32, p);
	t_refused("x not below p", s);
	put_mpi(fix.in, 0, 32, zero);
	put_mpi(fix.in, 1, 32, zero);
	t_refused("the origin", s);
	put_mpi(fix.key, 1, 32, zero);
	put_mpi(fix.key, 3, 32, zero);
	t_refused("a singular curve", s);
	put_mpi(fix.key, 0, 32, zero);
	t_refused("p zero", s);
	gcry_mpi_release(p);
	gcry_mpi_release(n);
	gcry_mpi_release(zero);
	gcry_mpi_release(hk);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

#define SPOIL(sqe, field, value)                                               \
	do {                                                                   \
		struct hpre_sqe s_ = (sqe);                                    \
		SET(&s_, field, value);                                        \
		t_refused(#field " = " #value, s_);                            \
	} while (0)

static void spoilt_requests_are_refused(void)
{
	static const uint64_t bad[] = { 0, BUS_BASE - 1,
					BUS_BASE + BUS_SIZE - 31,
					UINT64_MAX - 15 };
	gcry_ctx_t ctx = curve(&curves[2]);
	gcry_mpi_t hk = gcry_mpi_new(0);
	uint64_t seed = 24;
	struct hpre_sqe s, t;

	open_bus(0);
	s = mul_request(&curves[2], ctx, &seed, hk);
	t_refused_as("a curve on V2", s, 2, 1);
	t_refused_as("a curve in the core group of RSA", s, 3, 0);
	SET(&s, ALG, HPRE_ALG_MODEXP);
	t_refused("RSA in the core group of curves", s);
	SET(&s, ALG, HPRE_ALG_EC_MUL);
	SPOIL(s, DONE, 0);
	SPOIL(s, ETYPE, 1);
	SPOIL(s, TASK_LEN2, 3);
	SPOIL(s, SM2_KSEL, 1);
	SPOIL(s, SVA_BYPASS, 1);
	SPOIL(s, TASK_LEN1, 2);
	SPOIL(s, TASK_LEN1, 4);
	SPOIL(s, TASK_LEN1, 15);
	SPOIL(s, ALG, 0xB);
	SPOIL(s, ALG, 0xC);
	SPOIL(s, ALG, 0x16);
	for (size_t i = 0; i < WD_ARRAY_SIZE(bad); i++) {
		t = s;
		SET64(&t, KEY, bad[i]);
		t_refused("a key address", t);
		t = s;
		SET64(&t, IN, bad[i]);
		t_refused("an input address", t);
		t = s;
		SET64(&t, OUT, bad[i]);
		t_refused("an output address", t);
	}
	t = s;
	SET64(&t, OUT, BUS_BASE + BUS_RO - 63);
	t_refused("an output not all writable", t);
	t = s;
	SET(&t, ALG, HPRE_ALG_ECDSA_SIGN);
	SPOIL(t, HPCORE, 1);
	gcry_mpi_release(hk);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

/* ---- X25519 and X448 ---- */

/* @hex is little-endian, as in RFC 7748; the engine's parts are not. */
static void put_reversed(uint64_t block, unsigned int part, uint32_t w,
			 const char *hex)
{
	uint8_t le[W_MAX] = { 0 }, be[W_MAX];

	t_hex(le, sizeof(le), hex);
	for (uint32_t i = 0; i < w; i++)
		be[i] = le[w - 1 - i];
	bus_put(&fix.b, block + part * w, be, w);
}

struct x_case {
	uint32_t width;
	const char *p, *a24, *k, *u, *out; /* little-endian, k clamped */
};

/* RFC 7748, 5.2; the second of X25519's has the top bit of u masked. */
static const struct x_case x_cases[] = {
	{ 32,
	  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	  "41db01",
	  "a046e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449a44",
	  "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
	  "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552" },
	{ 72,
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	  "feffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	  "a998",
	  "3c262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121"
	  "700a779c984c24f8cdd78fbff44943eba368f54b29259a4f1c600ad3",
	  "06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9"
	  "814dc031ddbdc38c19c6da2583fa5429db94ada18aa7a7fb4ef8a086",
	  "ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239f"
	  "e14fbaadeb445fc66a01b0779d98223961111e21766282f73dd96b6f" },
};

static struct hpre_sqe x_request(const struct x_case *c)
{
	put_reversed(fix.key, 0, c->width, c->p);
	put_reversed(fix.key, 1, c->width, c->a24);
	put_reversed(fix.key, 2, c->width, c->k);
	put_reversed(fix.in, 0, c->width, c->u);
	return make(HPRE_ALG_MONTGOMERY, c->width);
}

static void ladders_give_the_published_results(void)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(x_cases); i++) {
		const struct x_case *c = &x_cases[i];
		uint8_t got[W_MAX], want[W_MAX];
		struct hpre_sqe s;

		open_bus(i % 2 != 0);
		s = x_request(c);
		run_as(&s, 3, 1);
		T_EQ(s.w[0], 0xC0000010);
		bus_get(&fix.b, fix.out, got, c->width);
		put_reversed(fix.out, 0, c->width, c->out);
		bus_get(&fix.b, fix.out, want, c->width);
		T_MEM(got, want, c->width);
		bus_close(&fix.b);
	}
}

static void impossible_ladders_are_refused(void)
{
	const struct x_case *c = &x_cases[0];
	struct x_case bad;
	uint8_t zero[32] = { 0 }, got[32];
	struct hpre_sqe s;

	open_bus(0);
	bad = *c;
	bad.u = c->p;
	t_refused("u equal to p", x_request(&bad));
	bad = *c;
	bad.k = "00";
	t_refused("scalar zero", x_request(&bad));
	bad = *c;
	bad.a24 = c->p;
	t_refused("a24 equal to p", x_request(&bad));
	bad = *c;
	bad.p = "00";
	t_refused("p zero", x_request(&bad));
	s = x_request(c);
	SET(&s, TASK_LEN1, 5);
	t_refused("a width between the two", s);

	/* a point of small order: its product is not an error here */
	bad = *c;
	bad.u = "00";
	s = x_request(&bad);
	run_as(&s, 3, 1);
	T_EQ(s.w[0], 0xC0000010);
	bus_get(&fix.b, fix.out, got, 32);
	T_MEM(got, zero, 32);
	bus_close(&fix.b);
}

/* ---- ECDSA ---- */

static const char *const sign_names[] = { "p", "a",   "",    "b",
					  "n", "g.x", "g.y", NULL };
static const char *const verify_names[] = { "p",   "a",	  "b", "n",
					    "g.x", "g.y", NULL };

static void put_hex_part(uint64_t block, unsigned int part, const char *hex)
{
	uint8_t bytes[32];

	bus_put(&fix.b, block + part * 32, bytes,
		t_hex(bytes, sizeof(bytes), hex));
}

/* RFC 6979, A.2.5: P-256, SHA-256 of "sample". */
static void ecdsa_gives_the_published_signature(void)
{
	gcry_ctx_t ctx = curve(&curves[2]);
	uint8_t e[32], got[64], want[64];
	struct hpre_sqe s;

	open_bus(0);
	put_params(&curves[2], ctx, sign_names);
	gcry_md_hash_buffer(GCRY_MD_SHA256, e, "sample", 6);
	put_hex_part(fix.key, 2,
		     "c9afa9d845ba75166b5c215767b1d693"
		     "4e50c3db36e89b127b8a622b120f6721");
	bus_put(&fix.b, fix.in, e, 32);
	put_hex_part(fix.in, 1,
		     "a6e3c57dd01abe90086538398355dd4c"
		     "3b17aa873382b0f24d6129493d8aad60");
	s = make(HPRE_ALG_ECDSA_SIGN, 32);
	T_EQ(s.w[0], 0x4000000E);
	T_EQ(s.w[1], 0x03);
	run_as(&s, 3, 1);
	T_EQ(s.w[0], 0xC000000E);
	bus_get(&fix.b, fix.out, got, 64);
	t_hex(want, 64,
	      "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	      "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda"
	      "8");
	T_MEM(got, want, 64);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

/* Another nonce, another signature: as right, so the first one comes again;
 * another digest is another job. */
static void replay_remembers_a_signature_whatever_the_nonce(void)
{
	gcry_ctx_t ctx = curve(&curves[2]);
	struct emu_replay *r = emu_replay_new(64);
	uint8_t number[32] = { 0 }, got[3][64];

	T_OK(r != NULL);
	open_bus(0);
	put_params(&curves[2], ctx, sign_names);
	number[31] = 9;
	bus_put(&fix.b, fix.key + 64, number, 32);
	for (unsigned int i = 0; i < 3; i++) {
		struct hpre_sqe s = make(HPRE_ALG_ECDSA_SIGN, 32);
		struct emu_job job = { .sqe = s.w,
				       .dma = &fix.b.dma,
				       .qm_version = 3,
				       .qc_type = 1,
				       .replay = r };

		number[31] = i < 2 ? 5 : 6;
		bus_put(&fix.b, fix.in, number, 32);
		number[31] = (uint8_t)(i + 1);
		bus_put(&fix.b, fix.in + 32, number, 32);
		emu_hpre.run(&job);
		T_EQ(s.w[0], 0xC000000E);
		bus_get(&fix.b, fix.out, got[i], 64);
	}
	T_EQ(emu_replay_hits(r), 1);
	T_MEM(got[1], got[0], 64);
	T_OK(memcmp(got[2], got[0], 64) != 0);
	emu_replay_free(r);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

struct signature {
	gcry_mpi_t n, d, k, e, r, s;
};

/* libgcrypt's: r = (k G).x, s = (e + r d) / k. */
static void sign(struct signature *g, gcry_ctx_t ctx, const struct named *c,
		 uint64_t *seed)
{
	gcry_mpi_t inverse = gcry_mpi_new(0);

	g->n = gcry_mpi_ec_get_mpi("n", ctx, 1);
	g->d = below(g->n, seed);
	g->k = below(g->n, seed);
	g->e = below(g->n, seed);
	g->r = gcry_mpi_new(0);
	g->s = gcry_mpi_new(0);
	point_of(ctx, c, g->k, 0, 0, g->r);
	gcry_mpi_mod(g->r, g->r, g->n);
	gcry_mpi_mulm(g->s, g->r, g->d, g->n);
	gcry_mpi_addm(g->s, g->s, g->e, g->n);
	gcry_mpi_invm(inverse, g->k, g->n);
	gcry_mpi_mulm(g->s, g->s, inverse, g->n);
	gcry_mpi_release(inverse);
}

static void sign_free(struct signature *g)
{
	gcry_mpi_release(g->n);
	gcry_mpi_release(g->d);
	gcry_mpi_release(g->k);
	gcry_mpi_release(g->e);
	gcry_mpi_release(g->r);
	gcry_mpi_release(g->s);
}

static void t_signs(const struct named *c, gcry_ctx_t ctx,
		    const struct signature *g)
{
	struct hpre_sqe s = make(HPRE_ALG_ECDSA_SIGN, c->width);
	gcry_mpi_t r, ss;

	put_params(c, ctx, sign_names);
	put_mpi(fix.key, 2, c->width, g->d);
	put_mpi(fix.in, 0, c->width, g->e);
	put_mpi(fix.in, 1, c->width, g->k);
	run_as(&s, 3, 1);
	T_EQ(s.w[0], 0xC000000E);
	r = get_mpi(fix.out, 0, c->width);
	ss = get_mpi(fix.out, 1, c->width);
	T_EQ(gcry_mpi_cmp(r, g->r), 0);
	T_EQ(gcry_mpi_cmp(ss, g->s), 0);
	gcry_mpi_release(ss);
	gcry_mpi_release(r);
}

/* The answer replaces word 6, whatever lay there; no memory is written. */
static uint32_t verdict(uint32_t width)
{
	struct hpre_sqe s = make(HPRE_ALG_ECDSA_VERIFY, width);

	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	SET64(&s, OUT, fix.in);
	run_as(&s, 3, 1);
	T_EQ(s.w[0], 0xC000000F);
	T_MEM(fix.b.mem, fix.before, BUS_SIZE);
	return s.w[6];
}

static void t_verifies(const struct named *c, gcry_ctx_t ctx,
		       const struct signature *g)
{
	gcry_mpi_t x = gcry_mpi_new(0);

	put_params(c, ctx, verify_names);
	point_of(ctx, c, g->d, fix.key, 6, x);
	put_mpi(fix.in, 0, c->width, g->e);
	put_mpi(fix.in, 1, c->width, g->s);
	put_mpi(fix.in, 2, c->width, g->r);
	T_EQ(verdict(c->width), 2);

	gcry_mpi_add_ui(x, g->e, 1);
	put_mpi(fix.in, 0, c->width, x);
	T_EQ(verdict(c->width), 0);
	put_mpi(fix.in, 0, c->width, g->e);
	put_mpi(fix.in, 1, c->width, g->r);
	T_EQ(verdict(c->width), 0);
	put_mpi(fix.in, 1, c->width, g->n); /* s = n */
	T_EQ(verdict(c->width), 0);
	gcry_mpi_set_ui(x, 0);
	put_mpi(fix.in, 1, c->width, g->s);
	put_mpi(fix.in, 2, c->width, x); /* r = 0 */
	T_EQ(verdict(c->width), 0);
	gcry_mpi_release(x);
}

static void signatures_on_any_curve_agree_with_libgcrypt(void)
{
	uint64_t seed = 25;

	for (size_t c = 0; c < WD_ARRAY_SIZE(curves); c++)
		for (int i = 0; i < 4; i++) {
			gcry_ctx_t ctx = curve(&curves[c]);
			struct signature g;

			open_bus(i % 2);
			sign(&g, ctx, &curves[c], &seed);
			t_signs(&curves[c], ctx, &g);
			t_verifies(&curves[c], ctx, &g);
			sign_free(&g);
			gcry_ctx_release(ctx);
			bus_close(&fix.b);
		}
}

static void impossible_signatures_are_refused(void)
{
	gcry_ctx_t ctx = curve(&curves[2]);
	gcry_mpi_t zero = gcry_mpi_new(0);
	struct hpre_sqe s;
	struct signature g;
	uint64_t seed = 26;

	open_bus(0);
	sign(&g, ctx, &curves[2], &seed);
	t_signs(&curves[2], ctx, &g);
	s = make(HPRE_ALG_ECDSA_SIGN, 32);
	put_mpi(fix.in, 1, 32, zero);
	t_refused("k zero", s);
	put_mpi(fix.in, 1, 32, g.n);
	t_refused("k equal to n", s);
	put_mpi(fix.in, 1, 32, g.k);
	put_mpi(fix.in, 0, 32, zero);
	t_refused("e zero", s);
	put_mpi(fix.in, 0, 32, g.e);
	put_mpi(fix.key, 2, 32, g.n);
	t_refused("a private key equal to n", s);
	put_mpi(fix.key, 2, 32, zero);
	t_refused("private key zero", s);
	put_mpi(fix.key, 2, 32, g.d);
	with_byte(&s, fix.key + 7 * 32 - 1, 1, "a generator off the curve");

	t_verifies(&curves[2], ctx, &g);
	s = make(HPRE_ALG_ECDSA_VERIFY, 32);
	put_mpi(fix.in, 2, 32, g.r);
	with_byte(&s, fix.key + 8 * 32 - 1, 1, "a public key off the curve");
	put_mpi(fix.in, 0, 32, zero);
	t_refused("e zero in a verification", s);
	sign_free(&g);
	gcry_mpi_release(zero);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

/* ---- SM2 ---- */

/* GB/T 32918.5, annexes A and C. */
#define SM2_D	 "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
#define SM2_K	 "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21"
#define SM2_E	 "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
#define SM2_R	 "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
#define SM2_S	 "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
#define SM2_X	 "04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"
#define SM2_Y	 "e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"
#define SM2_C	 "21886ca989ca9c7d58087307ca93092d651efa"
#define SM2_H	 "59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766"
#define SM2_TEXT "encryption standard"

static void t_part(uint64_t block, size_t off, const char *hex)
{
	uint8_t want[128], is[128];
	size_t n = t_hex(want, sizeof(want), hex);

	bus_get(&fix.b, block + off, is, n);
	T_MEM(is, want, n);
}

static void sm2_private(gcry_ctx_t ctx)
{
	put_params(&curves[4], ctx, sign_names);
	put_hex_part(fix.key, 2, SM2_D);
}

static void sm2_public(gcry_ctx_t ctx)
{
	gcry_mpi_t x = gcry_mpi_new(0), d;
	uint8_t bytes[32];

	t_hex(bytes, sizeof(bytes), SM2_D);
	if (gcry_mpi_scan(&d, GCRYMPI_FMT_USG, bytes, 32, NULL))
		abort();
	put_params(&curves[4], ctx, verify_names);
	point_of(ctx, &curves[4], d, fix.key, 6, x);
	gcry_mpi_release(d);
	gcry_mpi_release(x);
}

static uint32_t sm2_verdict(void)
{
	struct hpre_sqe s = make(HPRE_ALG_SM2_VERIFY, 32);

	run_as(&s, 3, 1);
	T_EQ(s.w[0], 0xC0000013);
	return s.w[6];
}

/* With the standard's k, then with one that the device draws. */
static void sm2_signs_and_verifies_as_published(void)
{
	gcry_ctx_t ctx = curve(&curves[4]);
	uint8_t rs[64], byte;
	struct hpre_sqe s;

	open_bus(0);
	for (uint32_t drawn = 0; drawn < 2; drawn++) {
		sm2_private(ctx);
		put_hex_part(fix.in, 0, SM2_E);
		put_hex_part(fix.in, 1, drawn ? "00" : SM2_K);
		s = make(HPRE_ALG_SM2_SIGN, 32);
		SET(&s, SM2_KSEL, drawn);
		run_as(&s, 3, 1);
		T_EQ(s.w[0], 0xC0000012);
		if (!drawn)
			t_part(fix.out, 0, SM2_R SM2_S);
		bus_get(&fix.b, fix.out, rs, 64);
		sm2_public(ctx);
		bus_put(&fix.b, fix.in + 32, rs + 32, 32); /* s, then r */
		bus_put(&fix.b, fix.in + 64, rs, 32);
		T_EQ(sm2_verdict(), 2);
		bus_get(&fix.b, fix.in + 40, &byte, 1);
		byte ^= 4;
		bus_put(&fix.b, fix.in + 40, &byte, 1);
		T_EQ(sm2_verdict(), 0);
	}
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

static void sm2_encrypts_and_decrypts_as_published(void)
{
	gcry_ctx_t ctx = curve(&curves[4]);
	uint8_t packet[96 + 19], text[19], byte;
	struct hpre_sqe s;

	open_bus(1);
	for (uint32_t drawn = 0; drawn < 2; drawn++) {
		sm2_public(ctx);
		put_hex_part(fix.in, 0, drawn ? "00" : SM2_K);
		bus_put(&fix.b, fix.in + 32, SM2_TEXT, 19);
		s = make(HPRE_ALG_SM2_ENC, 32);
		SET(&s, SM2_MLEN, 18);
		SET(&s, SM2_KSEL, drawn);
		run_as(&s, 3, 1);
		T_EQ(s.w[0], 0xC0000014);
		if (!drawn)
			t_part(fix.out, 0, SM2_X SM2_Y SM2_C SM2_H);
		bus_get(&fix.b, fix.out, packet, sizeof(packet));
		sm2_private(ctx);
		bus_put(&fix.b, fix.in, packet, sizeof(packet));
		s = make(HPRE_ALG_SM2_DEC, 32);
		SET(&s, SM2_MLEN, 18);
		run_as(&s, 3, 1);
		T_EQ(s.w[0], 0xC0000015);
		bus_get(&fix.b, fix.out, text, sizeof(text));
		T_MEM(text, SM2_TEXT, 19);
	}
	s = make(HPRE_ALG_SM2_DEC, 32);
	SET(&s, SM2_MLEN, 18);
	for (unsigned int at = 70; at < sizeof(packet); at += 20) {
		bus_get(&fix.b, fix.in + at, &byte, 1);
		with_byte(&s, fix.in + at, 1, "a damaged ciphertext");
	}
	SPOIL(s, SM2_MLEN, 17);
	SPOIL(s, SM2_KSEL, 1);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

static void sm2_keys_are_drawn_and_fit(void)
{
	gcry_ctx_t ctx = curve(&curves[4]);
	gcry_mpi_t first = NULL;
	uint8_t xy[64], want[64];

	open_bus(0);
	for (int i = 0; i < 2; i++) {
		struct hpre_sqe s = make(HPRE_ALG_SM2_GEN, 32);
		gcry_mpi_t d, x = gcry_mpi_new(0);

		sm2_public(ctx);
		bus_get(&fix.b, fix.key + 4 * 32, xy, 64);
		bus_put(&fix.b, fix.in, xy, 64); /* the generator */
		run_as(&s, 3, 1);
		T_EQ(s.w[0], 0xC0000011);
		bus_get(&fix.b, fix.out, xy, 64);
		d = get_mpi(fix.out, 2, 32);
		point_of(ctx, &curves[4], d, fix.out, 0, x);
		bus_get(&fix.b, fix.out, want, 64);
		T_MEM(xy, want, 64);
		if (first)
			T_OK(gcry_mpi_cmp(first, d) != 0);
		gcry_mpi_release(first);
		first = d;
		gcry_mpi_release(x);
	}
	gcry_mpi_release(first);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

/* ---- faults, replay, noise ---- */

static void a_fault_turns_the_answer_or_refuses(void)
{
	gcry_ctx_t ctx = curve(&curves[2]);
	struct hpre_sqe s;
	struct emu_job job = { .dma = &fix.b.dma,
			       .qm_version = 3,
			       .qc_type = 1 };
	struct signature g;
	uint64_t seed = 27;

	open_bus(0);
	sign(&g, ctx, &curves[2], &seed);
	t_verifies(&curves[2], ctx, &g);
	put_mpi(fix.in, 2, 32, g.r);
	T_EQ(verdict(32), 2);
	s = make(HPRE_ALG_ECDSA_VERIFY, 32);
	job.sqe = s.w;
	job.corrupt = true;
	emu_hpre.run(&job);
	T_EQ(s.w[0], 0xC000000F);
	T_EQ(s.w[6], 0);
	s = make(HPRE_ALG_ECDSA_VERIFY, 32);
	job.fail = true;
	emu_hpre.run(&job);
	T_OK(FIELD(&s, ETYPE));
	sign_free(&g);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

static void replay_remembers_points_and_verdicts(void)
{
	gcry_ctx_t ctx = curve(&curves[2]);
	struct emu_replay *replay = emu_replay_new(16);
	uint8_t first[64], again[64], zero[64] = { 0 };
	gcry_mpi_t hk = gcry_mpi_new(0);
	uint64_t seed = 28;
	struct hpre_sqe s;
	struct emu_job job = { .dma = &fix.b.dma,
			       .qm_version = 3,
			       .qc_type = 1,
			       .sqe = s.w,
			       .replay = replay };

	open_bus(0);
	for (int i = 0; i < 2; i++) {
		if (!i)
			mul_request(&curves[2], ctx, &seed, hk);
		s = make(HPRE_ALG_EC_MUL, 32);
		bus_put(&fix.b, fix.out, zero, 64);
		emu_hpre.run(&job);
		T_EQ(s.w[0], 0xC000000D);
		bus_get(&fix.b, fix.out, i ? again : first, 64);
	}
	T_MEM(again, first, 64);
	emu_replay_free(replay);
	gcry_mpi_release(hk);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

/* Curves of noise, and good ones with a few bits of noise. */
static void noise_never_leaves_what_dma_allows(void)
{
	static const uint32_t algs[] = { 0xD,  0xE,  0xF,  0x10, 0x11,
					 0x12, 0x13, 0x14, 0x15 };
	static uint8_t tail[BUS_SIZE - BUS_RO];
	gcry_ctx_t ctx = curve(&curves[2]);
	gcry_mpi_t hk = gcry_mpi_new(0);
	unsigned int ran = 0;
	uint64_t seed = 29;

	open_bus(1);
	memcpy(tail, fix.b.mem + BUS_RO, sizeof(tail));
	for (unsigned int i = 0; i < 6000; i++) {
		struct hpre_sqe s;
		uint8_t byte = (uint8_t)noise(&seed);

		if (i % 100 == 0)
			mul_request(&curves[2], ctx, &seed, hk);
		s = make(algs[noise(&seed) % 9], noise(&seed) % 9 ? 32 : 72);
		if (noise(&seed) % 3 == 0)
			bus_put(&fix.b,
				fix.key + noise(&seed) % (PARTS * W_MAX), &byte,
				1);
		if (noise(&seed) % 3 == 0)
			s.w[noise(&seed) % 12] ^= 1u << noise(&seed) % 32;
		run_as(&s, 2 + (noise(&seed) % 4 != 0), noise(&seed) % 5 != 0);
		T_EQ(FIELD(&s, DONE), HPRE_DONE_FINISHED);
		ran += !FIELD(&s, ETYPE);
	}
	T_MEM(fix.b.mem + BUS_RO, tail, sizeof(tail));
	T_OK(ran > 50);
	gcry_mpi_release(hk);
	gcry_ctx_release(ctx);
	bus_close(&fix.b);
}

/* A number that is often near an edge. */
static void edgy(uint64_t *seed, uint8_t *n, const uint8_t *p)
{
	memset(n, 0, 32);
	switch (noise(seed) % 4) {
	case 0: /* small */
		n[31] = (uint8_t)(noise(seed) % 24);
		return;
	case 1: /* just below p, or all limbs nearly full */
		memcpy(n, p, 32);
		n[31] = (uint8_t)(p[31] - 1 - noise(seed) % 24);
		n[noise(seed) % 32] &= (uint8_t)noise(seed);
		return;
	case 2: /* few bits */
		n[noise(seed) % 32] = (uint8_t)noise(seed);
		n[0] &= 0x7f;
		return;
	default:
		noise_fill(seed, n, 32);
		n[0] &= 0x7f; /* reaches p with a chance of 2^-250 */
	}
}

/* Arithmetic made for one field and that for any: not clamped, on the curve or
 * on its twist, in small subgroups. */
static void both_ladders_of_x25519_agree(void)
{
	/* RFC 7748, 4.1; u of order 4 is 1, of order 8 as libsodium lists. */
	static const uint8_t special[][32] = {
		{ [31] = 0 },
		{ [31] = 1 },
		{ [31] = 9 },
		{ 0x00, 0xb8, 0x49, 0x5f, 0x16, 0x05, 0x62, 0x86,
		  0xfd, 0xb1, 0x32, 0x9c, 0xeb, 0x8d, 0x09, 0xda,
		  0x6a, 0xc4, 0x9f, 0xf1, 0xfa, 0xe3, 0x56, 0x16,
		  0xae, 0xb8, 0x41, 0x3b, 0x7c, 0x7a, 0xeb, 0xe0 },
	};
	static struct operands o;
	BN_CTX *ctx = BN_CTX_new();
	uint8_t *p = o.key, *k = o.key + 64, fast[32];
	uint64_t seed = 25519;

	T_OK(ctx);
	o.width = 32;
	memset(p, 0xff, 32);
	p[0] = 0x7f;
	p[31] = 0xed;
	memcpy(o.key + 61, "\x01\xdb\x41", 3);
	T_OK(hpre_is_25519(&o));
	for (unsigned int i = 0; i < 400; i++) {
		edgy(&seed, k, p);
		if (noise(&seed) % 2)
			k[0] |= 0x80;
		if (i < WD_ARRAY_SIZE(special))
			memcpy(o.in, special[i], 32);
		else
			edgy(&seed, o.in, p);
		BN_CTX_start(ctx);
		T_EQ(hpre_ladder(&o, ctx), E_NONE);
		BN_CTX_end(ctx);
		hpre_x25519(fast, k, o.in);
		T_MEM(fast, o.out, 32);
	}
	BN_CTX_free(ctx);
	o.key[63] ^= 1; /* another curve */
	T_OK(!hpre_is_25519(&o));
	o.key[63] ^= 1;
	p[16] ^= 1; /* another field */
	T_OK(!hpre_is_25519(&o));
}

T_MAIN(T_CASE(products_on_any_curve_agree_with_libgcrypt),
       T_CASE(the_fast_core_gives_the_same_product),
       T_CASE(impossible_points_and_scalars_are_refused),
       T_CASE(spoilt_requests_are_refused),
       T_CASE(ladders_give_the_published_results),
       T_CASE(impossible_ladders_are_refused),
       T_CASE(both_ladders_of_x25519_agree),
       T_CASE(ecdsa_gives_the_published_signature),
       T_CASE(signatures_on_any_curve_agree_with_libgcrypt),
       T_CASE(impossible_signatures_are_refused),
       T_CASE(sm2_signs_and_verifies_as_published),
       T_CASE(sm2_encrypts_and_decrypts_as_published),
       T_CASE(sm2_keys_are_drawn_and_fit),
       T_CASE(a_fault_turns_the_answer_or_refuses),
       T_CASE(replay_remembers_points_and_verdicts),
       T_CASE(replay_remembers_a_signature_whatever_the_nonce),
       T_CASE(noise_never_leaves_what_dma_allows))
