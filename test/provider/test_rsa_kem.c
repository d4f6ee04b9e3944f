/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSASVE: secrets cross between wd and the default provider in both directions,
 * on the device, and every mistake ends as it does there.
 */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>

#include "test/provider/rsa_side.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define MAX	 1024

static struct side *def, *wd;
static EVP_PKEY *key, *mine; /* default's, and the same at wd */

static void with(const char *words)
{
	if (!def) {
		def = side_default();
		wd = side_wd("emu", "no", false);
	}
	EVP_PKEY_free(key);
	EVP_PKEY_free(mine);
	key = side_make(def, "RSA", words);
	mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	T_OK(key && mine);
}

static EVP_PKEY_CTX *begin(const struct side *s, EVP_PKEY *k, bool open,
			   const char *op)
{
	EVP_PKEY_CTX *ctx = side_ctx(s, k);

	T_EQ(open ? EVP_PKEY_decapsulate_init(ctx, NULL)
		  : EVP_PKEY_encapsulate_init(ctx, NULL),
	     1);
	if (op)
		T_EQ(EVP_PKEY_CTX_set_kem_op(ctx, op), 1);
	return ctx;
}

struct sealed {
	uint8_t secret[MAX], out[MAX];
	size_t secret_len, len;
};

static int seal(const struct side *s, EVP_PKEY *k, struct sealed *c)
{
	EVP_PKEY_CTX *ctx = begin(s, k, false, "RSASVE");
	int ok;

	c->secret_len = c->len = MAX;
	ok = EVP_PKEY_encapsulate(ctx, c->out, &c->len, c->secret,
				  &c->secret_len);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static void opens(const struct side *s, EVP_PKEY *k, const struct sealed *c)
{
	EVP_PKEY_CTX *ctx = begin(s, k, true, "RSASVE");
	uint8_t secret[MAX];
	size_t len = MAX;

	T_EQ(EVP_PKEY_decapsulate(ctx, secret, &len, c->out, c->len), 1);
	T_EQ(len, c->secret_len);
	T_MEM(secret, c->secret, len);
	EVP_PKEY_CTX_free(ctx);
}

static void secrets_cross(const char *words, bool device)
{
	struct sealed c;
	long before;

	with(words);
	before = side_count(wd, "rsa-private", "jobs") +
		 side_count(wd, "rsa-public", "jobs");
	for (int i = 0; i < 10; i++) {
		T_EQ(seal(wd, mine, &c), 1);
		T_EQ(c.len, EVP_PKEY_get_size(key));
		T_EQ(c.secret_len, c.len);
		opens(def, key, &c);
		opens(wd, mine, &c);
		T_EQ(seal(def, key, &c), 1);
		opens(wd, mine, &c);
	}
	/* Two private operations and one public; each private one is checked
	 * by a public one. */
	T_EQ(side_count(wd, "rsa-private", "jobs") +
		     side_count(wd, "rsa-public", "jobs") - before,
	     device ? 50 : 0);
}

static void secrets_cross_in_both_directions(void)
{
	secrets_cross("bits=1024", true);
	secrets_cross("bits=2048", true);
	secrets_cross("bits=3072", true);
	secrets_cross("bits=2048 primes=3", true);
	secrets_cross("bits=1536", false);
	secrets_cross("bits=1023", false);
	secrets_cross("bits=512", false);
}

static void secrets_lie_within_the_range_and_differ(void)
{
	struct sealed a, b;
	BIGNUM *n = NULL, *z;

	with("bits=1024");
	EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n);
	for (int i = 0; i < 100; i++) {
		T_EQ(seal(wd, mine, &a), 1);
		T_EQ(seal(wd, mine, &b), 1);
		T_OK(memcmp(a.secret, b.secret, a.secret_len) != 0);
		z = BN_bin2bn(a.secret, (int)a.secret_len, NULL);
		T_OK(BN_cmp(z, BN_value_one()) > 0 && BN_cmp(z, n) < 0);
		BN_free(z);
	}
	BN_free(n);
}

static void sizes_are_told_without_a_job(void)
{
	EVP_PKEY_CTX *ctx;
	size_t len = 0, secret_len = 0;
	long before;

	with("bits=2048");
	before = side_count(wd, "rsa-public", "jobs");
	ctx = begin(wd, mine, false, "RSASVE");
	T_EQ(EVP_PKEY_encapsulate(ctx, NULL, &len, NULL, &secret_len), 1);
	T_EQ(len, 256);
	T_EQ(secret_len, 256);
	EVP_PKEY_CTX_free(ctx);
	ctx = begin(wd, mine, true, "RSASVE");
	len = 0;
	T_EQ(EVP_PKEY_decapsulate(ctx, NULL, &len, (const uint8_t *)"", 1), 1);
	T_EQ(len, 256);
	EVP_PKEY_CTX_free(ctx);
	T_EQ(side_count(wd, "rsa-public", "jobs"), before);
}

/* Without a choice 3.0 refuses and later ones take RSASVE; both sides alike. */
static void the_operation_is_chosen_as_with_default(void)
{
	int got[2], set[2][2];
	struct sealed c;

	with("bits=2048");
	for (int i = 0; i < 2; i++) {
		EVP_PKEY_CTX *ctx =
			begin(i ? wd : def, i ? mine : key, false, NULL);

		c.secret_len = c.len = MAX;
		got[i] = EVP_PKEY_encapsulate(ctx, c.out, &c.len, c.secret,
					      &c.secret_len);
		set[i][0] = EVP_PKEY_CTX_set_kem_op(ctx, "NOSUCH");
		set[i][1] = EVP_PKEY_CTX_set_kem_op(ctx, "RSASVE");
		EVP_PKEY_CTX_free(ctx);
	}
	T_EQ(got[1], got[0]);
	T_EQ(set[1][0], set[0][0]);
	T_EQ(set[1][1], set[0][1]);
	ERR_clear_error();
}

static int open_wrongly(const struct side *s, EVP_PKEY *k, const uint8_t *in,
			size_t len, size_t room)
{
	EVP_PKEY_CTX *ctx = begin(s, k, true, "RSASVE");
	uint8_t secret[MAX];
	int ok = EVP_PKEY_decapsulate(ctx, secret, &room, in, len);

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

static void mistakes_end_as_with_default(void)
{
	uint8_t in[MAX];

	with("bits=2048");
	memset(in, 0xff, sizeof(in)); /* above the modulus */
	T_EQ(open_wrongly(wd, mine, in, 256, MAX), 0);
	T_EQ(open_wrongly(def, key, in, 256, MAX), 0);
	memset(in, 0, sizeof(in));
	in[200] = 9;
	for (size_t len = 254; len < 259; len++)
		T_EQ(open_wrongly(wd, mine, in, len, MAX),
		     open_wrongly(def, key, in, len, MAX));
	T_EQ(open_wrongly(wd, mine, in, 256, 255),
	     open_wrongly(def, key, in, 256, 255));
}

static void a_copied_context_goes_its_own_way(void)
{
	EVP_PKEY_CTX *ctx, *copy;
	uint8_t secret[MAX];
	struct sealed c;
	size_t len = MAX;

	with("bits=2048");
	T_EQ(seal(def, key, &c), 1);
	ctx = begin(wd, mine, true, "RSASVE");
	copy = EVP_PKEY_CTX_dup(ctx);
	T_OK(copy);
	EVP_PKEY_CTX_free(ctx);
	T_EQ(EVP_PKEY_decapsulate(copy, secret, &len, c.out, c.len), 1);
	T_MEM(secret, c.secret, len);
	EVP_PKEY_CTX_free(copy);
}

static void a_public_key_does_not_open(void)
{
	EVP_PKEY *public;
	struct sealed c;
	EVP_PKEY_CTX *ctx;
	uint8_t secret[MAX];
	size_t len = MAX;

	with("bits=2048");
	public = side_take(wd, key, EVP_PKEY_PUBLIC_KEY);
	T_EQ(seal(wd, public, &c), 1);
	opens(def, key, &c);
	ctx = begin(wd, public, true, "RSASVE");
	T_OK(EVP_PKEY_decapsulate(ctx, secret, &len, c.out, c.len) <= 0);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(public);
	ERR_clear_error();
}

/* No fallback, and a device that does not do it: an error and no secret. */
static void a_failed_job_leaves_no_secret(void)
{
	struct side *s;
	EVP_PKEY *k;
	struct sealed c;
	const uint8_t none[256] = { 0 };

	with("bits=2048");
	s = side_wd("emu:fault=hpre.status/1", "no", false);
	k = side_take(s, key, EVP_PKEY_KEYPAIR);
	memset(&c, 0, sizeof(c));
	T_EQ(seal(s, k, &c), 0);
	T_MEM(c.secret, none, 256);
	EVP_PKEY_free(k);
	side_free(s);
	ERR_clear_error();
}

T_MAIN(T_CASE(secrets_cross_in_both_directions),
       T_CASE(secrets_lie_within_the_range_and_differ),
       T_CASE(sizes_are_told_without_a_job),
       T_CASE(the_operation_is_chosen_as_with_default),
       T_CASE(mistakes_end_as_with_default),
       T_CASE(a_copied_context_goes_its_own_way),
       T_CASE(a_public_key_does_not_open),
       T_CASE(a_failed_job_leaves_no_secret))
