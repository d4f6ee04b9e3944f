/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public-key engine, called directly.  The engine computes with
 * libcrypto, so libgcrypt's integers judge here.
 */
#include <gcrypt.h>
#include <pthread.h>

#include "base/wd_base.h"
#include "emu/emu_replay.h"
#include "hw/hpre/hpre_fields.h"
#include "test/emu/bus.h"
#include "test/t.h"

#define SET(sqe, field, value)                                                 \
	wd_put((sqe)->w, &hpre_fields[HPRE_SQE_##field], (value))
#define SET64(sqe, field, value)                                               \
	wd_put64((sqe)->w, &hpre_fields[HPRE_SQE_##field##_LO], (value))
#define FIELD(sqe, field) wd_get((sqe)->w, &hpre_fields[HPRE_SQE_##field])

#define WIDTH_MAX 512

/* A request and the memory it points at. */
struct fixture {
	struct bus b;
	uint64_t key, in, out;
	uint8_t before[BUS_SIZE];
};
static struct fixture fix;

static void fixture(int pages)
{
	uint64_t seed = 7;

	bus_open(&fix.b, pages);
	noise_fill(&seed, fix.b.mem, BUS_SIZE);
	fix.key = bus_alloc(&fix.b, 5 * WIDTH_MAX / 2, 64, 0);
	fix.in = bus_alloc(&fix.b, WIDTH_MAX, 64, 5);
	fix.out = bus_alloc(&fix.b, 7 * WIDTH_MAX / 2, 64, 11);
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

static void run_on(struct hpre_sqe *s, struct emu_replay *replay)
{
	struct emu_job job = { .sqe = s->w,
			       .dma = &fix.b.dma,
			       .qm_version = 3,
			       .replay = replay };

	emu_hpre.run(&job);
}

/* All but the first word comes back as it went; that says @done. */
static void t_completed(const struct hpre_sqe *s, const struct hpre_sqe *asked)
{
	T_EQ(s->w[0], asked->w[0] | 0xC0000000);
	T_MEM(s->w + 1, asked->w + 1, sizeof(*s) - 4);
}

/* ---- libgcrypt judges ---- */

static gcry_mpi_t mpi(const uint8_t *p, size_t len)
{
	gcry_mpi_t m;

	if (gcry_mpi_scan(&m, GCRYMPI_FMT_USG, p, len, NULL))
		abort();
	return m;
}

static void mpi_bytes(uint8_t *p, size_t len, gcry_mpi_t m)
{
	size_t n;

	memset(p, 0, len);
	if (gcry_mpi_print(GCRYMPI_FMT_USG, NULL, 0, &n, m) || n > len)
		abort();
	if (n && gcry_mpi_print(GCRYMPI_FMT_USG, p + len - n, n, &n, m))
		abort();
}

static void judge_modexp(uint8_t *out, const uint8_t *key, const uint8_t *in,
			 uint32_t w)
{
	gcry_mpi_t e = mpi(key, w), n = mpi(key + w, w), a = mpi(in, w);
	gcry_mpi_t r = gcry_mpi_new(0);

	gcry_mpi_powm(r, a, e, n);
	mpi_bytes(out, w, r);
	gcry_mpi_release(r);
	gcry_mpi_release(a);
	gcry_mpi_release(n);
	gcry_mpi_release(e);
}

static void judge_crt(uint8_t *out, const uint8_t *key, const uint8_t *in,
		      uint32_t w)
{
	uint32_t half = w / 2;
	gcry_mpi_t v[5], a = mpi(in, w), m1 = gcry_mpi_new(0);
	gcry_mpi_t m2 = gcry_mpi_new(0);

	for (unsigned int i = 0; i < 5; i++)
		v[i] = mpi(key + i * half, half); /* dq dp q p qinv */
	gcry_mpi_powm(m1, a, v[1], v[3]);
	gcry_mpi_powm(m2, a, v[0], v[2]);
	gcry_mpi_subm(m1, m1, m2, v[3]);
	gcry_mpi_mulm(m1, m1, v[4], v[3]);
	gcry_mpi_mul(m1, m1, v[2]);
	gcry_mpi_add(m1, m1, m2);
	mpi_bytes(out, w, m1);
	for (unsigned int i = 0; i < 5; i++)
		gcry_mpi_release(v[i]);
	gcry_mpi_release(m2);
	gcry_mpi_release(m1);
	gcry_mpi_release(a);
}

static const uint16_t rsa_widths[] = { 128, 256, 384, 512 };
static const uint16_t dh_widths[] = { 96, 128, 192, 256, 384, 512 };

/* Exponent, odd modulus with its top bit set, input below it. */
static void random_modexp(uint8_t *key, uint8_t *in, uint32_t w, uint64_t *seed)
{
	noise_fill(seed, key, 2 * w);
	if (noise(seed) % 2) { /* a short, public exponent */
		memset(key, 0, w - 3);
		key[w - 1] |= 1;
	}
	key[w] |= 0x80;
	key[2 * w - 1] |= 1;
	noise_fill(seed, in, w);
	in[0] &= 0x7f;
}

static void modexp_case(uint32_t alg, uint32_t w, int pages, uint64_t *seed)
{
	uint8_t key[2 * WIDTH_MAX], in[WIDTH_MAX], got[WIDTH_MAX];
	uint8_t want[WIDTH_MAX];
	struct hpre_sqe s, asked;

	fixture(pages);
	random_modexp(key, in, w, seed);
	if (alg == HPRE_ALG_DH_G2) { /* the input address has no meaning */
		memset(in, 0, w);
		in[w - 1] = 2;
	}
	judge_modexp(want, key, in, w);
	bus_put(&fix.b, fix.key, key, 2 * w);
	bus_put(&fix.b, fix.in, in, w);
	s = make(alg, w);
	if (alg == HPRE_ALG_DH_G2)
		SET64(&s, IN, noise(seed) % 2);
	asked = s;
	run_on(&s, NULL);
	t_completed(&s, &asked);
	bus_get(&fix.b, fix.out, got, w);
	T_MEM(got, want, w);
	bus_close(&fix.b);
}

static void modexp_agrees_with_libgcrypt(void)
{
	uint64_t seed = 1;

	for (int i = 0; i < 10; i++)
		for (size_t w = 0; w < WD_ARRAY_SIZE(rsa_widths); w++)
			modexp_case(HPRE_ALG_MODEXP, rsa_widths[w], i % 2,
				    &seed);
}

static void dh_agrees_with_libgcrypt(void)
{
	uint64_t seed = 2;

	for (int i = 0; i < 6; i++)
		for (size_t w = 0; w < WD_ARRAY_SIZE(dh_widths); w++) {
			modexp_case(HPRE_ALG_DH, dh_widths[w], i % 2, &seed);
			modexp_case(HPRE_ALG_DH_G2, dh_widths[w], i % 2, &seed);
		}
}

/* Moduli need not be prime for the formula to hold. */
static void random_crt(uint8_t *key, uint8_t *in, uint32_t w, uint64_t *seed)
{
	uint32_t half = w / 2;

	noise_fill(seed, key, 5 * half);
	for (unsigned int i = 2; i <= 3; i++) {
		key[i * half] |= 0xc0;
		key[(i + 1) * half - 1] |= 1;
	}
	noise_fill(seed, in, w);
	in[0] &= 0x7f;
}

static void crt_case(uint32_t w, int pages, uint64_t *seed)
{
	uint8_t key[5 * WIDTH_MAX / 2], in[WIDTH_MAX], got[WIDTH_MAX];
	uint8_t want[WIDTH_MAX];
	struct hpre_sqe s, asked;

	fixture(pages);
	random_crt(key, in, w, seed);
	judge_crt(want, key, in, w);
	bus_put(&fix.b, fix.key, key, 5 * w / 2);
	bus_put(&fix.b, fix.in, in, w);
	s = asked = make(HPRE_ALG_RSA_CRT, w);
	run_on(&s, NULL);
	t_completed(&s, &asked);
	bus_get(&fix.b, fix.out, got, w);
	T_MEM(got, want, w);
	bus_close(&fix.b);
}

static void crt_agrees_with_libgcrypt(void)
{
	uint64_t seed = 3;

	for (int i = 0; i < 20; i++)
		for (size_t w = 0; w < WD_ARRAY_SIZE(rsa_widths); w++)
			crt_case(rsa_widths[w], i % 2, &seed);
}

/* ---- a real key ---- */

struct rsa {
	gcry_mpi_t n, e, d, p, q, u;
};

static void rsa_new(struct rsa *k, const char *spec)
{
	gcry_sexp_t spec_s, key;

	if (gcry_sexp_build(&spec_s, NULL, spec) ||
	    gcry_pk_genkey(&key, spec_s) ||
	    gcry_sexp_extract_param(key, "private-key!rsa", "nedpqu", &k->n,
				    &k->e, &k->d, &k->p, &k->q, &k->u, NULL))
		abort();
	gcry_sexp_release(spec_s);
	gcry_sexp_release(key);
}

static void rsa_free(struct rsa *k)
{
	gcry_mpi_release(k->n);
	gcry_mpi_release(k->e);
	gcry_mpi_release(k->d);
	gcry_mpi_release(k->p);
	gcry_mpi_release(k->q);
	gcry_mpi_release(k->u);
}

/* d mod (m - 1) */
static void reduced(uint8_t *out, size_t len, gcry_mpi_t d, gcry_mpi_t m)
{
	gcry_mpi_t r = gcry_mpi_new(0), m1 = gcry_mpi_new(0);

	gcry_mpi_sub_ui(m1, m, 1);
	gcry_mpi_mod(r, d, m1);
	mpi_bytes(out, len, r);
	gcry_mpi_release(m1);
	gcry_mpi_release(r);
}

static void crt_block(uint8_t *key, uint32_t half, const struct rsa *k)
{
	gcry_mpi_t inv = gcry_mpi_new(0);

	gcry_mpi_invm(inv, k->q, k->p);
	reduced(key, half, k->d, k->q);
	reduced(key + half, half, k->d, k->p);
	mpi_bytes(key + 2 * half, half, k->q);
	mpi_bytes(key + 3 * half, half, k->p);
	mpi_bytes(key + 4 * half, half, inv);
	gcry_mpi_release(inv);
}

/* Private with CRT, then public: the worked words, the input comes back. */
static void rsa_round_trip(const char *spec, uint32_t w)
{
	uint8_t key[5 * WIDTH_MAX / 2], in[WIDTH_MAX], got[WIDTH_MAX];
	struct hpre_sqe s;
	uint64_t seed = w;
	struct rsa k;

	rsa_new(&k, spec);
	fixture(0);
	noise_fill(&seed, in, w);
	in[0] = 0;
	crt_block(key, w / 2, &k);
	bus_put(&fix.b, fix.key, key, 5 * w / 2);
	bus_put(&fix.b, fix.in, in, w);
	s = make(0, w);
	s.w[0] = 0x40000001;
	run_on(&s, NULL);
	T_EQ(s.w[0], 0xC0000001);
	T_EQ(s.w[1], w / 8 - 1);

	bus_get(&fix.b, fix.out, got, w);
	bus_put(&fix.b, fix.in, got, w);
	mpi_bytes(key, w, k.e);
	mpi_bytes(key + w, w, k.n);
	bus_put(&fix.b, fix.key, key, 2 * w);
	s = make(HPRE_ALG_MODEXP, w);
	run_on(&s, NULL);
	T_EQ(s.w[0], 0xC0000000);
	bus_get(&fix.b, fix.out, got, w);
	T_MEM(got, in, w);
	bus_close(&fix.b);
	rsa_free(&k);
}

static void a_crt_result_raised_to_e_is_the_input(void)
{
	rsa_round_trip("(genkey(rsa(nbits 4:1024)(transient-key)))", 128);
	rsa_round_trip("(genkey(rsa(nbits 4:2048)(transient-key)))", 256);
}

/* d is not in the block, so nothing can repair a wrong part of it. */
static void each_wrong_part_of_a_crt_block_gives_a_wrong_result(void)
{
	uint8_t key[5 * 64], in[128], right[128], got[128];
	struct hpre_sqe s;
	struct rsa k;

	rsa_new(&k, "(genkey(rsa(nbits 4:1024)(transient-key)))");
	fixture(0);
	memset(in, 0x41, sizeof(in));
	in[0] = 0;
	bus_put(&fix.b, fix.in, in, sizeof(in));
	for (int part = -1; part < 5; part++) {
		crt_block(key, 64, &k);
		if (part >= 0) /* lowest bit but one */
			key[part * 64 + 63] ^= 2;
		bus_put(&fix.b, fix.key, key, sizeof(key));
		s = make(HPRE_ALG_RSA_CRT, 128);
		run_on(&s, NULL);
		T_EQ(s.w[0], 0xC0000001);
		bus_get(&fix.b, fix.out, part < 0 ? right : got, 128);
		T_OK(part < 0 || memcmp(right, got, 128) != 0);
	}
	bus_close(&fix.b);
	rsa_free(&k);
}

/* ---- what is refused ---- */

/* A good request of @alg in the fixture. */
static struct hpre_sqe good_request(uint32_t alg, uint32_t w)
{
	uint8_t key[5 * WIDTH_MAX / 2], in[WIDTH_MAX];
	uint64_t seed = alg;

	fixture(0);
	if (alg == HPRE_ALG_RSA_CRT)
		random_crt(key, in, w, &seed);
	else
		random_modexp(key, in, w, &seed);
	bus_put(&fix.b, fix.key, key,
		alg == HPRE_ALG_RSA_CRT ? 5 * w / 2 : 2 * w);
	bus_put(&fix.b, fix.in, in, w);
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	return make(alg, w);
}

static void t_refused(const char *what, struct hpre_sqe s)
{
	struct hpre_sqe asked = s;

	run_on(&s, NULL);
	if (FIELD(&s, DONE) != HPRE_DONE_FINISHED || !FIELD(&s, ETYPE))
		t_fail(__FILE__, __LINE__, "%s was not refused: %08x", what,
		       s.w[0]);
	T_MEM(s.w + 1, asked.w + 1, sizeof(s) - 4);
	if (memcmp(fix.before, fix.b.mem, BUS_SIZE) != 0)
		t_fail(__FILE__, __LINE__, "%s: memory was written", what);
}

#define SPOIL(sqe, field, value)                                               \
	do {                                                                   \
		struct hpre_sqe s_ = (sqe);                                    \
		SET(&s_, field, value);                                        \
		t_refused(#field " = " #value, s_);                            \
	} while (0)

static const uint32_t algs[] = { HPRE_ALG_MODEXP, HPRE_ALG_RSA_CRT,
				 HPRE_ALG_DH_G2, HPRE_ALG_DH };

static void wrong_states_and_codes_are_refused(void)
{
	for (size_t a = 0; a < WD_ARRAY_SIZE(algs); a++) {
		struct hpre_sqe s = good_request(algs[a], 128);

		SPOIL(s, DONE, 0);
		SPOIL(s, DONE, 2);
		SPOIL(s, DONE, 3);
		SPOIL(s, ETYPE, 1);
		SPOIL(s, ETYPE1, 1);
		SPOIL(s, TASK_LEN2, 1);
		SPOIL(s, TASK_LEN2, 15);
		SPOIL(s, MRTTEST_NUM, 1);
		SPOIL(s, SM2_KSEL, 1);
		SPOIL(s, HPCORE, 1);
		SPOIL(s, ALG, 2);
		SPOIL(s, ALG, 6);
		SPOIL(s, ALG, 0x1f);
		bus_close(&fix.b);
	}
}

static void other_widths_are_refused(void)
{
	for (size_t a = 0; a < WD_ARRAY_SIZE(algs); a++) {
		int dh = algs[a] == HPRE_ALG_DH || algs[a] == HPRE_ALG_DH_G2;
		struct hpre_sqe s = good_request(algs[a], 128);

		for (uint32_t w = 8; w <= 2048; w += 8) {
			int ok = w == 128 || w == 256 || w == 384 || w == 512;

			if (ok || (dh && (w == 96 || w == 192)))
				continue;
			SET(&s, TASK_LEN1, w / 8 - 1);
			t_refused("a width", s);
		}
		bus_close(&fix.b);
	}
}

static void reserved_words_are_refused(void)
{
	struct hpre_sqe s = good_request(HPRE_ALG_RSA_CRT, 128);

	for (unsigned int bit = 10 * 32; bit < 16 * 32; bit++) {
		struct hpre_sqe bad = s;

		bad.w[bit / 32] |= 1u << bit % 32;
		t_refused("a reserved bit", bad);
	}
	bus_close(&fix.b);
}

static void unreachable_addresses_are_refused(void)
{
	static const uint64_t bad[] = {
		0,
		BUS_BASE - 1,
		BUS_BASE + BUS_SIZE - 127,
		UINT64_MAX - 15,
	};

	for (size_t a = 0; a < WD_ARRAY_SIZE(algs); a++) {
		struct hpre_sqe s = good_request(algs[a], 128), t;

		for (size_t i = 0; i < WD_ARRAY_SIZE(bad); i++) {
			t = s;
			SET64(&t, KEY, bad[i]);
			t_refused("a key address", t);
			t = s;
			SET64(&t, OUT, bad[i]);
			t_refused("an output address", t);
			if (algs[a] == HPRE_ALG_DH_G2)
				continue;
			t = s;
			SET64(&t, IN, bad[i]);
			t_refused("an input address", t);
		}
		t = s;
		SET64(&t, OUT, BUS_BASE + BUS_RO - 127);
		t_refused("an output not all writable", t);
		bus_close(&fix.b);
	}
}

/* @off counts from the key block. */
static void with_key_byte(const struct hpre_sqe *s, size_t off, uint8_t value,
			  const char *what)
{
	uint8_t was;

	bus_get(&fix.b, fix.key + off, &was, 1);
	bus_put(&fix.b, fix.key + off, &value, 1);
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	t_refused(what, *s);
	bus_put(&fix.b, fix.key + off, &was, 1);
}

static void impossible_numbers_are_refused(void)
{
	uint8_t zero[256] = { 0 }, n[256];
	struct hpre_sqe s = good_request(HPRE_ALG_MODEXP, 256);

	with_key_byte(&s, 511, 0x10, "an even modulus");
	bus_get(&fix.b, fix.key + 256, n, 256);
	bus_put(&fix.b, fix.in, n, 256);
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	t_refused("an input equal to the modulus", s);
	n[0] = 0xff;
	n[1] = 0xff;
	bus_put(&fix.b, fix.in, n, 256);
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	t_refused("an input above the modulus", s);
	bus_put(&fix.b, fix.key + 256, zero, 256);
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	t_refused("modulus zero", s);
	bus_close(&fix.b);

	s = good_request(HPRE_ALG_RSA_CRT, 256);
	with_key_byte(&s, 383, 0x10, "an even q");
	with_key_byte(&s, 511, 0x10, "an even p");
	memset(n, 0xff, 256);
	bus_put(&fix.b, fix.in, n, 256);
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	t_refused("an input above p q", s);
	bus_put(&fix.b, fix.key + 256, zero, 128);
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	t_refused("q zero", s);
	bus_close(&fix.b);
}

/* ---- RSA keys ---- */

/* From libgcrypt's primes; what is made satisfies what RFC 8017 asks. */
static void rsa_keys_are_made_from_primes(void)
{
	struct rsa k;
	uint8_t key[512] = { 0 }, out[7 * 128];
	gcry_mpi_t d, n, qinv, dq, dp, t = gcry_mpi_new(0);
	gcry_mpi_t one = gcry_mpi_set_ui(NULL, 1);
	struct hpre_sqe s;

	rsa_new(&k, "(genkey (rsa (nbits 4:2048) (transient-key)))");
	for (uint32_t alg = HPRE_ALG_RSA_GEN; alg <= HPRE_ALG_RSA_GEN_CRT;
	     alg++) {
		fixture(alg % 2);
		mpi_bytes(key, 256, k.e);
		mpi_bytes(key + 256, 128, k.p);
		mpi_bytes(key + 384, 128, k.q);
		bus_put(&fix.b, fix.key, key, 512);
		s = make(alg, 256);
		SET64(&s, IN, 0);
		run_on(&s, NULL);
		T_EQ(s.w[0], 0xC0000000 | alg);
		bus_get(&fix.b, fix.out, out, sizeof(out));
		d = mpi(out, 256);
		n = mpi(out + 256, 256);
		gcry_mpi_mul(t, k.p, k.q);
		T_EQ(gcry_mpi_cmp(t, n), 0);
		for (unsigned int i = 0; i < 2;
		     i++) { /* e d = 1 mod p-1, q-1 */
			gcry_mpi_t m = gcry_mpi_new(0);

			gcry_mpi_sub_ui(m, i ? k.q : k.p, 1);
			gcry_mpi_mulm(t, k.e, d, m);
			T_EQ(gcry_mpi_cmp(t, one), 0);
			gcry_mpi_release(m);
		}
		if (alg == HPRE_ALG_RSA_GEN_CRT) {
			qinv = mpi(out + 512, 128);
			dq = mpi(out + 640, 128);
			dp = mpi(out + 768, 128);
			gcry_mpi_mulm(t, qinv, k.q, k.p);
			T_EQ(gcry_mpi_cmp(t, one), 0);
			gcry_mpi_sub_ui(t, k.q, 1);
			gcry_mpi_mod(t, d, t);
			T_EQ(gcry_mpi_cmp(t, dq), 0);
			gcry_mpi_sub_ui(t, k.p, 1);
			gcry_mpi_mod(t, d, t);
			T_EQ(gcry_mpi_cmp(t, dp), 0);
			gcry_mpi_release(dp);
			gcry_mpi_release(dq);
			gcry_mpi_release(qinv);
		}
		gcry_mpi_release(n);
		gcry_mpi_release(d);
		memcpy(fix.before, fix.b.mem, BUS_SIZE);
		s = make(alg, 256);
		with_key_byte(&s, 255, 2, "an even e");
		bus_close(&fix.b);
	}
	gcry_mpi_release(one);
	gcry_mpi_release(t);
	rsa_free(&k);
}

static void a_fault_writes_nothing_or_something_wrong(void)
{
	struct hpre_sqe s = good_request(HPRE_ALG_RSA_CRT, 128), t = s;
	struct emu_job job = { .sqe = t.w, .dma = &fix.b.dma, .fail = true };
	uint8_t right[128], wrong[128];

	emu_hpre.run(&job);
	T_EQ(FIELD(&t, DONE), HPRE_DONE_FINISHED);
	T_OK(FIELD(&t, ETYPE));
	T_MEM(fix.b.mem, fix.before, BUS_SIZE);
	t = s;
	run_on(&t, NULL);
	bus_get(&fix.b, fix.out, right, 128);
	t = s;
	job.fail = false;
	job.corrupt = true;
	emu_hpre.run(&job);
	T_EQ(t.w[0], 0xC0000001);
	bus_get(&fix.b, fix.out, wrong, 128);
	T_OK(memcmp(right, wrong, 128) != 0);
	bus_close(&fix.b);
}

/* ---- replay ---- */

static void replay_gives_the_computed_result_for_the_same_job_only(void)
{
	struct hpre_sqe s = good_request(HPRE_ALG_RSA_CRT, 256), t;
	struct emu_replay *r = emu_replay_new(64);
	uint8_t first[256], again[256], key[640], in[256];

	T_OK(r != NULL);
	t = s;
	run_on(&t, r);
	bus_get(&fix.b, fix.out, first, 256);
	bus_put(&fix.b, fix.out, (uint8_t[256]){ 0 }, 256);
	t = s;
	run_on(&t, r);
	T_EQ(t.w[0], 0xC0000001);
	bus_get(&fix.b, fix.out, again, 256);
	T_MEM(again, first, 256);

	/* one byte of the key is different where the hash does not look */
	bus_get(&fix.b, fix.key, key, sizeof(key));
	bus_get(&fix.b, fix.in, in, sizeof(in));
	key[100] ^= 1;
	bus_put(&fix.b, fix.key, key, sizeof(key));
	t = s;
	run_on(&t, r);
	bus_get(&fix.b, fix.out, again, 256);
	judge_crt(first, key, in, 256);
	T_MEM(again, first, 256);
	emu_replay_free(r);
	bus_close(&fix.b);
}

static void a_corrupted_result_is_not_remembered(void)
{
	struct hpre_sqe s = good_request(HPRE_ALG_RSA_CRT, 128), t = s;
	struct emu_replay *r = emu_replay_new(64);
	struct emu_job job = {
		.sqe = t.w, .dma = &fix.b.dma, .replay = r, .corrupt = true
	};
	uint8_t wrong[128], right[128];

	emu_hpre.run(&job);
	bus_get(&fix.b, fix.out, wrong, 128);
	t = s;
	run_on(&t, r);
	bus_get(&fix.b, fix.out, right, 128);
	T_OK(memcmp(right, wrong, 128) != 0);
	t = s;
	run_on(&t, NULL);
	bus_get(&fix.b, fix.out, wrong, 128);
	T_MEM(right, wrong, 128);
	emu_replay_free(r);
	bus_close(&fix.b);
}

/* ---- noise ---- */

static struct hpre_sqe noisy(uint64_t *seed)
{
	struct hpre_sqe s =
		make(algs[noise(seed) % 4], dh_widths[noise(seed) % 2]);
	unsigned int spoilt = noise(seed) % 4;

	for (unsigned int i = 0; i < spoilt; i++) {
		unsigned int word = noise(seed) % 10;

		if (noise(seed) % 3)
			s.w[word] ^= 1u << noise(seed) % 32;
		else
			s.w[word] = noise(seed) ^ noise(seed) << 31;
	}
	if (noise(seed) % 20 == 0)
		noise_fill(seed, &s, sizeof(s));
	return s;
}

/* The arena lies between inaccessible pages, its tail may not be written.
 * Numbers are noise too, so that refusals of all kinds are met. */
static void noise_never_leaves_what_dma_allows(void)
{
	static uint8_t tail[BUS_SIZE - BUS_RO];
	unsigned int ran = 0;
	uint64_t seed = 5;

	fixture(1);
	memcpy(tail, fix.b.mem + BUS_RO, sizeof(tail));
	for (unsigned int i = 0; i < 100000; i++) {
		struct hpre_sqe s, asked;

		if (i % 1000 == 0) {
			uint8_t key[1280];

			noise_fill(&seed, key, sizeof(key));
			/* exponents of few bits, or this takes minutes */
			memset(key, 0, i % 3000 ? 120 : 250);
			key[255] |= (uint8_t)(noise(&seed) % 2);
			bus_put(&fix.b, fix.key, key, sizeof(key));
		}
		s = asked = noisy(&seed);
		run_on(&s, NULL);
		T_EQ(FIELD(&s, DONE), HPRE_DONE_FINISHED);
		T_MEM(s.w + 1, asked.w + 1, sizeof(s) - 4);
		ran += !FIELD(&s, ETYPE);
	}
	T_MEM(fix.b.mem + BUS_RO, tail, sizeof(tail));
	T_OK(ran > 100);
	bus_close(&fix.b);
}

/* ---- threads ---- */

static void *run_many(void *arg)
{
	struct hpre_sqe s, *base = arg;

	for (int i = 0; i < 50; i++) {
		struct emu_job job = { .sqe = s.w, .dma = &fix.b.dma };

		s = *base;
		emu_hpre.run(&job);
		T_EQ(s.w[0], 0xC0000001);
	}
	return NULL;
}

static void several_threads_run_jobs_at_once(void)
{
	struct hpre_sqe s[4];
	pthread_t t[4];
	uint8_t a[128], b[128];

	s[0] = good_request(HPRE_ALG_RSA_CRT, 128);
	for (unsigned int i = 0; i < 4; i++) {
		s[i] = s[0];
		SET64(&s[i], OUT, fix.out + 1024 * i);
		T_EQ(pthread_create(&t[i], NULL, run_many, &s[i]), 0);
	}
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	bus_get(&fix.b, fix.out, a, 128);
	for (unsigned int i = 1; i < 4; i++) {
		bus_get(&fix.b, fix.out + 1024 * i, b, 128);
		T_MEM(a, b, 128);
	}
	bus_close(&fix.b);
}

T_MAIN(T_CASE(modexp_agrees_with_libgcrypt), T_CASE(dh_agrees_with_libgcrypt),
       T_CASE(crt_agrees_with_libgcrypt),
       T_CASE(a_crt_result_raised_to_e_is_the_input),
       T_CASE(each_wrong_part_of_a_crt_block_gives_a_wrong_result),
       T_CASE(wrong_states_and_codes_are_refused),
       T_CASE(other_widths_are_refused), T_CASE(reserved_words_are_refused),
       T_CASE(unreachable_addresses_are_refused),
       T_CASE(impossible_numbers_are_refused),
       T_CASE(rsa_keys_are_made_from_primes),
       T_CASE(a_fault_writes_nothing_or_something_wrong),
       T_CASE(replay_gives_the_computed_result_for_the_same_job_only),
       T_CASE(a_corrupted_result_is_not_remembered),
       T_CASE(noise_never_leaves_what_dma_allows),
       T_CASE(several_threads_run_jobs_at_once))
