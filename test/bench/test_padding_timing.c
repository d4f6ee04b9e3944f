/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the time of a decryption tell what was in the block?
 *
 * Blocks of every class - good, and bad in each of the ways there are - come in
 * random order, 100,000 a round, and Welch's t compares the times of the
 * good ones with those of each other class.  |t| > 4.5 is the usual sign of a
 * leak (Goodwill et al. 2011; Reparaz et al. 2017).
 *
 *	on a machine shared with others	each round keeps the fastest part of
 *					its times, the same limit for all
 *					classes; of several rounds the median
 *					of t counts, so that a single disturbed
 *					one means nothing
 *	is the statistic able to tell?	functions that leak on purpose, one of
 *					them no more than some nanoseconds,
 *					must be found by it
 *
 * What is timed: the functions that open a block, and EVP_PKEY_decrypt() of wd
 * with the device left out, whose "result" is a block of the class.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "provider/wdp_pkey.h"
#include "provider/wdp_rsa_pad.h"
#include "test/provider/rsa_side.h"
#include "test/provider/side_inside.h"
#include "test/t.h"

#define K	  256 /* bytes of RSA-2048 */
#define POOL	  64  /* blocks of a class */
#define ROUNDS	  5
#define SAMPLES	  100000 /* of a round */
#define LEAKS	  4.5
#define KEPT	  0.6 /* of a round's times, the fastest */
#define VERSION	  0x0303
#define MAX_CLASS 8

/* ---- blocks -------------------------------------------------------------- */

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint32_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

static void noise(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(draw() % 255 + 1);
}

struct class
{
	const char *name;
	void (*make)(uint8_t em[K]);
};

static void good(uint8_t em[K])
{
	noise(em, K);
	em[0] = 0;
	em[1] = 2;
	em[K - 49] = 0;
	em[K - 48] = VERSION >> 8;
	em[K - 47] = VERSION & 0xff;
}

static void wrong_first(uint8_t em[K])
{
	good(em);
	em[0] = 1;
}

static void wrong_type(uint8_t em[K])
{
	good(em);
	em[1] = 1;
}

static void wrong_version(uint8_t em[K])
{
	good(em);
	em[K - 47] ^= 1;
}

static void unended(uint8_t em[K])
{
	good(em);
	em[K - 49] = 7;
}

static void early_end(uint8_t em[K])
{
	good(em);
	em[5] = 0;
}

/* A message of one byte, and one as long as fits. */
static void short_message(uint8_t em[K])
{
	good(em);
	em[K - 49] = 7;
	em[K - 2] = 0;
}

static void long_message(uint8_t em[K])
{
	good(em);
	em[10] = 0;
}

/* Good ones first. */
static const struct class classes[] = {
	{ "good", good },
	{ "wrong first byte", wrong_first },
	{ "wrong type", wrong_type },
	{ "no end of padding", unended },
	{ "padding too short", early_end },
	{ "message of one byte", short_message },
	{ "longest message", long_message },
	{ "wrong version", wrong_version },
};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

static uint8_t pool[MAX_CLASS][POOL][K];

static void fill(const struct class *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < POOL; j++)
			c[i].make(pool[i][j]);
}

/* ---- statistics ---------------------------------------------------------- */

static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc; lfence"
			 : "=a"(lo), "=d"(hi)
			 :
			 : "memory");
	return (uint64_t)hi << 32 | lo;
#else
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

struct sample {
	uint32_t class, time;
};

struct moments {
	double n, mean, m2;
};

static void add(struct moments *m, double x)
{
	double d = x - m->mean;

	m->n++;
	m->mean += d / m->n;
	m->m2 += d * (x - m->mean);
}

static double welch(const struct moments *a, const struct moments *b)
{
	double va = a->m2 / (a->n - 1) / a->n, vb = b->m2 / (b->n - 1) / b->n;

	return va + vb > 0 ? (a->mean - b->mean) / sqrt(va + vb) : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return x->time < y->time ? -1 : x->time > y->time;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

typedef void open_fn(uint8_t em[K]);

static struct sample samples[SAMPLES];

/* t of each class against the first, of the fastest part. */
static void round_of(open_fn *open, size_t n, double *t)
{
	struct moments m[MAX_CLASS] = { { 0 } };
	uint8_t em[K];

	for (size_t i = 0; i < SAMPLES; i++) {
		uint32_t class = draw() % (uint32_t)n;
		uint64_t before;

		memcpy(em, pool[class][draw() % POOL], K);
		before = ticks();
		open(em);
		samples[i].time = (uint32_t)(ticks() - before);
		samples[i].class = class;
	}
	qsort(samples, SAMPLES, sizeof(samples[0]), by_time);
	for (size_t i = 0; i < (size_t)(SAMPLES * KEPT); i++)
		add(&m[samples[i].class], samples[i].time);
	/* A class so slow that nothing of it is kept. */
	for (size_t c = 0; c < n; c++)
		t[c] = m[c].n < 100 ? 1000 : welch(&m[0], &m[c]);
}

/* The largest median of |t|, and whose it is. */
static double tells(open_fn *open, size_t n, size_t *who)
{
	double t[MAX_CLASS], all[MAX_CLASS][ROUNDS], worst = 0;

	for (size_t i = 0; i < 1000; i++) {
		uint8_t em[K];

		memcpy(em, pool[i % n][i % POOL], K);
		open(em);
	}
	for (size_t r = 0; r < ROUNDS; r++) {
		round_of(open, n, t);
		for (size_t c = 0; c < n; c++)
			all[c][r] = t[c];
	}
	for (size_t c = 1; c < n; c++) {
		qsort(all[c], ROUNDS, sizeof(all[c][0]), by_value);
		if (fabs(all[c][ROUNDS / 2]) >= worst) {
			worst = fabs(all[c][ROUNDS / 2]);
			*who = c;
		}
	}
	return worst;
}

static void tells_nothing(const char *what, open_fn *open,
			  const struct class *c, size_t n)
{
	size_t who = 0;
	double t;

	fill(c, n);
	t = tells(open, n, &who);
	/* What disturbs for long is gone the second time; a leak is not. */
	if (t > LEAKS)
		t = tells(open, n, &who);
	printf("%-28s |t| %.2f (%s)\n", what, t, c[who].name);
	if (t > LEAKS)
		t_fail(__FILE__, __LINE__, "%s: %s takes another time, t %.2f",
		       what, c[who].name, t);
}

/* ---- the statistic itself ------------------------------------------------ */

static uint8_t out[K];
static volatile uint32_t sink;

static void leaks_plainly(uint8_t em[K])
{
	size_t i = 2;

	if (em[0] || em[1] != 2)
		return;
	while (i < K && em[i])
		i++;
	memcpy(out, em + i, K - i);
}

/* Constant time but for a few steps more when the type is wrong. */
static void leaks_a_little(uint8_t em[K])
{
	size_t len = K;
	int rc = wdp_rsa_unpad_type2(out, K, &len, em, K);

	if (rc)
		for (int i = 0; i < 20; i++)
			sink += (uint32_t)i;
}

static void the_statistic_finds_a_leak(void)
{
	size_t who;
	double t;

	fill(classes, CLASSES);
	t = tells(leaks_plainly, CLASSES, &who);
	printf("%-28s |t| %.2f\n", "a plain leak", t);
	T_OK(t > LEAKS);
	t = tells(leaks_a_little, CLASSES, &who);
	printf("%-28s |t| %.2f\n", "a small leak", t);
	T_OK(t > LEAKS);
}

static void does_nothing(uint8_t em[K])
{
	sink += em[K - 1];
}

static void the_statistic_finds_nothing_where_nothing_is(void)
{
	tells_nothing("nothing", does_nothing, classes, CLASSES);
}

/* ---- functions ------------------------------------------------------------ */

static void open_type2(uint8_t em[K])
{
	size_t len = K;

	wdp_rsa_unpad_type2(out, K, &len, em, K);
}

static void open_tls(uint8_t em[K])
{
	wdp_rsa_unpad_tls(out, em, K, VERSION, 0);
}

static void open_substitute(uint8_t em[K])
{
	static struct wdp_rsa_substitute sub;
	size_t len = K;

	sub.len = 100;
	wdp_rsa_unpad_or_substitute(out, K, &len, em, K, &sub);
}

static void padding_functions_tell_nothing(void)
{
	tells_nothing("type 2", open_type2, classes, CLASSES);
	tells_nothing("TLS", open_tls, classes, CLASSES);
	tells_nothing("type 2, implicit rejection", open_substitute, classes,
		      CLASSES);
}

/* ---- whole decryptions ---------------------------------------------------- */

/* In place of the device: the block that is to be opened. */
static const uint8_t *result;

int __wrap_wdp_rsa_private(struct wdp_pkey *k, const uint8_t *in, uint8_t *to);
int __wrap_wdp_rsa_private(struct wdp_pkey *k, const uint8_t *in, uint8_t *to)
{
	(void)in;
	memcpy(to, result, k->size);
	return 0;
}

static EVP_PKEY_CTX *ctx;
static const uint8_t sealed[K] = { 0, 1 };

static void open_whole(uint8_t em[K])
{
	size_t len = K;

	result = em;
	sink += (uint32_t)EVP_PKEY_decrypt(ctx, out, &len, sealed, K);
}

static const struct side *inside(void)
{
	static struct side *s;

	if (!s)
		s = side_inside("emu");
	return s;
}

static void begin(int pad)
{
	const struct side *s = inside();
	EVP_PKEY *key = side_make(s, "RSA", "bits=2048");
	unsigned int version = VERSION;
	OSSL_PARAM tls[] = {
		OSSL_PARAM_construct_uint(
			OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
		OSSL_PARAM_construct_end(),
	};

	EVP_PKEY_CTX_free(ctx);
	ctx = side_ctx(s, key);
	EVP_PKEY_free(key);
	T_OK(ctx);
	T_EQ(EVP_PKEY_decrypt_init(ctx), 1);
	T_EQ(EVP_PKEY_CTX_set_rsa_padding(ctx, pad), 1);
	if (pad == RSA_PKCS1_WITH_TLS_PADDING)
		T_EQ(EVP_PKEY_CTX_set_params(ctx, tls), 1);
}

static void decryptions_tell_nothing(void)
{
	begin(RSA_PKCS1_WITH_TLS_PADDING);
	tells_nothing("decryption, TLS", open_whole, classes, CLASSES);
	begin(RSA_PKCS1_PADDING);
	tells_nothing("decryption, PKCS#1", open_whole, classes, CLASSES);
	EVP_PKEY_CTX_free(ctx);
	ctx = NULL;
}

/* ---- OAEP: one verdict, whatever is wrong --------------------------------- */

static void sealed_oaep(uint8_t em[K], size_t at, uint8_t value)
{
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
	const struct wdp_rsa_hash h = { EVP_MD_CTX_new(), md, md };
	uint8_t db[K - 33], seed[32], label[32], mask[K], counter[4] = { 0 };

	/* As RFC 8017 7.1.1, with one byte changed before it is masked. */
	noise(seed, sizeof(seed));
	EVP_Digest("", 0, label, NULL, md, NULL);
	memset(db, 0, sizeof(db));
	memcpy(db, label, sizeof(label));
	db[sizeof(db) - 49] = 1;
	noise(db + sizeof(db) - 48, 48);
	if (at)
		db[at] = value;
	for (size_t i = 0; i * 32 < sizeof(db); i++) {
		counter[3] = (uint8_t)i;
		EVP_DigestInit_ex2(h.ctx, md, NULL);
		EVP_DigestUpdate(h.ctx, seed, sizeof(seed));
		EVP_DigestUpdate(h.ctx, counter, sizeof(counter));
		EVP_DigestFinal_ex(h.ctx, mask + 32 * i, NULL);
	}
	for (size_t i = 0; i < sizeof(db); i++)
		db[i] ^= mask[i];
	counter[3] = 0;
	EVP_DigestInit_ex2(h.ctx, md, NULL);
	EVP_DigestUpdate(h.ctx, db, sizeof(db));
	EVP_DigestUpdate(h.ctx, counter, sizeof(counter));
	EVP_DigestFinal_ex(h.ctx, mask, NULL);
	for (size_t i = 0; i < sizeof(seed); i++)
		em[1 + i] = seed[i] ^ mask[i];
	memcpy(em + 33, db, sizeof(db));
	em[0] = 0;
	EVP_MD_CTX_free(h.ctx);
	EVP_MD_free(md);
}

static void oaep_label(uint8_t em[K])
{
	sealed_oaep(em, 3, 0x5a);
}

static void oaep_first(uint8_t em[K])
{
	sealed_oaep(em, 0, 0);
	em[0] = 1;
}

static void oaep_padding(uint8_t em[K])
{
	sealed_oaep(em, 40, 7);
}

static void oaep_unended(uint8_t em[K])
{
	sealed_oaep(em, K - 33 - 49, 0);
}

static void oaep_all(uint8_t em[K])
{
	noise(em, K);
}

/* Every one is wrong: a good one may take its time. */
static const struct class oaep_classes[] = {
	{ "wrong label", oaep_label },
	{ "wrong first byte", oaep_first },
	{ "wrong padding", oaep_padding },
	{ "no end of padding", oaep_unended },
	{ "noise", oaep_all },
};

static struct wdp_rsa_hash oaep_hash;

static void open_oaep(uint8_t em[K])
{
	const struct wdp_rsa_label none = { NULL, 0 };
	size_t len = K;

	sink += (uint32_t)wdp_rsa_unpad_oaep(out, K, &len, em, K, &oaep_hash,
					     none);
}

static void wrong_oaep_blocks_tell_nothing(void)
{
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
	const struct wdp_rsa_label none = { NULL, 0 };
	uint8_t em[K];
	size_t len = K;

	oaep_hash = (struct wdp_rsa_hash){ EVP_MD_CTX_new(), md, md };
	/* The maker of blocks makes good ones when it changes nothing. */
	sealed_oaep(em, 0, 0);
	T_EQ(wdp_rsa_unpad_oaep(out, K, &len, em, K, &oaep_hash, none), 0);
	T_EQ(len, 48);
	tells_nothing("OAEP", open_oaep, oaep_classes,
		      sizeof(oaep_classes) / sizeof(oaep_classes[0]));
	EVP_MD_CTX_free(oaep_hash.ctx);
	EVP_MD_free(md);
}

T_MAIN(T_CASE(the_statistic_finds_a_leak),
       T_CASE(the_statistic_finds_nothing_where_nothing_is),
       T_CASE(padding_functions_tell_nothing), T_CASE(decryptions_tell_nothing),
       T_CASE(wrong_oaep_blocks_tell_nothing))
