/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS#1 v1.5 decryption of every good and bad block: the same verdict, or with
 * implicit rejection the same message, as the default provider's, and all of it
 * on the device.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "test/provider/rsa_side.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define MAX	 512

static struct side *def, *wd;

/* A block before it is sealed; @zero: where the padding ends, counted from the
 * front, or with @last from the end, where 1 is the last byte; 0: nowhere. */
struct block {
	const char *what;
	uint8_t first, type;
	size_t zero;
	bool last;
};

static const struct block blocks[] = {
	{ "an empty message", 0, 2, 1, true },
	{ "one byte", 0, 2, 2, true },
	{ "48 bytes", 0, 2, 49, true },
	{ "as long as can be", 0, 2, 10, false },
	{ "a byte of padding short", 0, 2, 9, false },
	{ "no padding", 0, 2, 2, false },
	{ "no end of the padding", 0, 2, 0, false },
	{ "type 1", 0, 1, 49, true },
	{ "type 0", 0, 0, 49, true },
	{ "a first byte", 1, 2, 49, true },
};

/* libcrypto's own name is not in 3.0's headers. */
static int set_reject(EVP_PKEY_CTX *ctx, unsigned int on)
{
	OSSL_PARAM p[] = { OSSL_PARAM_construct_uint("implicit-rejection", &on),
			   OSSL_PARAM_construct_end() };

	return EVP_PKEY_CTX_set_params(ctx, p);
}

struct result {
	int ok;
	size_t len;
	uint8_t out[MAX];
};

/* @reject: as it comes below 0, else set. */
static void open_block(const struct side *s, EVP_PKEY *key, const uint8_t *in,
		       size_t k, int reject, struct result *r)
{
	EVP_PKEY_CTX *ctx = side_ctx(s, key);

	memset(r, 0, sizeof(*r));
	r->len = sizeof(r->out);
	T_EQ(EVP_PKEY_decrypt_init(ctx), 1);
	T_EQ(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
	if (reject >= 0)
		set_reject(ctx, (unsigned int)reject);
	r->ok = EVP_PKEY_decrypt(ctx, r->out, &r->len, in, k);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
}

static void same(EVP_PKEY *key, EVP_PKEY *mine, const char *what,
		 const uint8_t *in, size_t k)
{
	for (int reject = -1; reject <= 1; reject++) {
		struct result want, got;

		open_block(def, key, in, k, reject, &want);
		open_block(wd, mine, in, k, reject, &got);
		if (got.ok != want.ok ||
		    (want.ok > 0 && (got.len != want.len ||
				     memcmp(got.out, want.out, want.len) != 0)))
			t_fail(__FILE__, __LINE__,
			       "%s, %zu bytes, reject %d: %d with %zu bytes, "
			       "expected %d with %zu",
			       what, k, reject, got.ok, got.len, want.ok,
			       want.len);
	}
}

static void seal(EVP_PKEY *key, const uint8_t *em, uint8_t *out, size_t k)
{
	EVP_PKEY_CTX *ctx = side_ctx(def, key);

	T_EQ(EVP_PKEY_encrypt_init(ctx), 1);
	T_EQ(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	T_EQ(EVP_PKEY_encrypt(ctx, out, &k, em, k), 1);
	EVP_PKEY_CTX_free(ctx);
}

static void every_block(EVP_PKEY *key, EVP_PKEY *mine)
{
	size_t k = (size_t)EVP_PKEY_get_size(key);
	uint8_t em[MAX], in[MAX];

	for (size_t i = 0; i < ARRAY(blocks); i++) {
		const struct block *b = &blocks[i];

		T_EQ(RAND_bytes(em, (int)k), 1);
		for (size_t j = 0; j < k; j++)
			em[j] |= !em[j];
		em[0] = b->first;
		em[1] = b->type;
		if (b->zero)
			em[b->last ? k - b->zero : b->zero] = 0;
		seal(key, em, in, k);
		same(key, mine, b->what, in, k);
	}
}

static void noise(EVP_PKEY *key, EVP_PKEY *mine, int rounds)
{
	size_t k = (size_t)EVP_PKEY_get_size(key);
	uint8_t in[MAX];

	for (int i = 0; i < rounds; i++) {
		T_EQ(RAND_bytes(in, (int)k), 1);
		in[0] = 0;
		same(key, mine, "noise", in, k);
	}
}

static long jobs(const char *counter)
{
	return side_count(wd, "rsa-private", counter);
}

static void sides(void)
{
	if (def)
		return;
	def = side_default();
	wd = side_wd("emu", "no", false);
}

static void with_key(const char *words, int rounds)
{
	EVP_PKEY *key, *mine;
	long before, software;

	sides();
	before = jobs("jobs");
	software = jobs("software");
	key = side_make(def, "RSA", words);
	mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	every_block(key, mine);
	noise(key, mine, rounds);
	T_EQ(jobs("jobs") - before, 3 * ((long)ARRAY(blocks) + rounds));
	T_EQ(jobs("software"), software);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(key);
}

static void blocks_of_every_size_end_as_with_default(void)
{
	with_key("bits=1024", 100);
	with_key("bits=2048", 50);
	with_key("bits=3072", 20);
	with_key("bits=4096", 10);
}

static void blocks_of_three_primes_end_as_with_default(void)
{
	with_key("bits=2048 primes=3", 10);
}

/* A private exponent shorter than the modulus is hashed as long as it. */
static void blocks_of_a_short_exponent_end_as_with_default(void)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key, *like = NULL, *mine;
	BIGNUM *n = NULL, *e = NULL, *d = NULL;
	OSSL_PARAM *params;

	sides();
	/* e and d in each other's place. */
	key = side_make(def, "RSA", "bits=1024");
	EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n);
	EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e);
	EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_D, &d);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, d);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_D, e);
	params = OSSL_PARAM_BLD_to_param(b);
	ctx = EVP_PKEY_CTX_new_from_name(def->lib, "RSA", def->q);
	EVP_PKEY_fromdata_init(ctx);
	T_EQ(EVP_PKEY_fromdata(ctx, &like, EVP_PKEY_KEYPAIR, params), 1);
	mine = side_take(wd, like, EVP_PKEY_KEYPAIR);
	every_block(like, mine);
	noise(like, mine, 20);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(like);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(n);
	BN_free(e);
	BN_clear_free(d);
}

/* What can't go to the device ends alike too. */
static void blocks_of_odd_sizes_end_as_with_default(void)
{
	EVP_PKEY *key, *mine;

	sides();
	key = side_make(def, "RSA", "bits=1536");
	mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	every_block(key, mine);
	noise(key, mine, 20);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(key);
}

T_MAIN(T_CASE(blocks_of_every_size_end_as_with_default),
       T_CASE(blocks_of_three_primes_end_as_with_default),
       T_CASE(blocks_of_a_short_exponent_end_as_with_default),
       T_CASE(blocks_of_odd_sizes_end_as_with_default))
