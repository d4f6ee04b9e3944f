/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What key exchange leaves behind in memory: no private key and no shared
 * secret, after an operation and after an ASYNC job that was dropped while
 * paused.
 *
 * The provider is linked into this program, so that each private key can be
 * noted as it is drawn.
 */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "test/provider/job_drop.h"
#include "test/provider/memory_scan.h"
#include "test/provider/side_inside.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define MAX	 256 /* bytes of a secret */

/* A secret as it is written, and turned round: octets, numbers of the engine
 * and of libcrypto are each other's mirrors. */
struct pair {
	struct needle there, back;
};

static void pair_take(struct pair *p, const uint8_t bytes[NEEDLE])
{
	uint8_t mirror[NEEDLE];

	for (int i = 0; i < NEEDLE; i++)
		mirror[i] = bytes[NEEDLE - 1 - i];
	needle_take(&p->there, bytes);
	needle_take(&p->back, mirror);
	OPENSSL_cleanse(mirror, sizeof(mirror));
}

static bool pair_goes(const struct pair *p)
{
	return needle_goes(&p->there) && needle_goes(&p->back);
}

static unsigned int pair_count(const struct pair *p)
{
	return needle_count(&p->there) + needle_count(&p->back);
}

/* ---- private keys as they are drawn ------------------------------------------ */

static struct pair drawn;
static unsigned int draws;

int __real_RAND_priv_bytes_ex(OSSL_LIB_CTX *ctx, unsigned char *buf, size_t n,
			      unsigned int strength);
int __wrap_RAND_priv_bytes_ex(OSSL_LIB_CTX *ctx, unsigned char *buf, size_t n,
			      unsigned int strength);
int __wrap_RAND_priv_bytes_ex(OSSL_LIB_CTX *ctx, unsigned char *buf, size_t n,
			      unsigned int strength)
{
	int ok = __real_RAND_priv_bytes_ex(ctx, buf, n, strength);

	pair_take(&drawn, buf + 8);
	draws++;
	return ok;
}

int __real_BN_priv_rand_range_ex(BIGNUM *r, const BIGNUM *range,
				 unsigned int strength, BN_CTX *ctx);
int __wrap_BN_priv_rand_range_ex(BIGNUM *r, const BIGNUM *range,
				 unsigned int strength, BN_CTX *ctx);
int __wrap_BN_priv_rand_range_ex(BIGNUM *r, const BIGNUM *range,
				 unsigned int strength, BN_CTX *ctx)
{
	int ok = __real_BN_priv_rand_range_ex(r, range, strength, ctx);
	uint8_t bytes[32];

	/* One is added to it: the low end is left out. */
	T_EQ(BN_bn2binpad(r, bytes, 32), 32);
	pair_take(&drawn, bytes + 8);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	draws++;
	return ok;
}

/* ---- types ------------------------------------------------------------------- */

static const struct type {
	const char *name, *group;
} types[] = {
	{ "X25519", NULL },
	{ "X448", NULL },
	{ "DH", "ffdhe2048" },
};

static const char *const devices[] = {
	"emu:latency_us=20000",
	"emu:nosva,latency_us=20000",
};

static EVP_PKEY_CTX *gen_ctx(const struct side *s, const struct type *t)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, t->name, s->q);

	T_EQ(EVP_PKEY_keygen_init(ctx), 1);
	if (t->group)
		T_EQ(EVP_PKEY_CTX_set_group_name(ctx, t->group), 1);
	return ctx;
}

static EVP_PKEY *new_key(const struct side *s, const struct type *t)
{
	EVP_PKEY_CTX *ctx = gen_ctx(s, t);
	EVP_PKEY *key = NULL;

	T_EQ(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* ---- operations ---------------------------------------------------------------- */

/* As made before the job, so that it can be freed when the job is dropped. */
static EVP_PKEY_CTX *ctx;
static EVP_PKEY *made;
static uint8_t secret[MAX];
static size_t secret_len;

static int generate(void *arg)
{
	(void)arg;
	return EVP_PKEY_generate(ctx, &made) > 0;
}

static int derive(void *arg)
{
	(void)arg;
	secret_len = sizeof(secret);
	return EVP_PKEY_derive(ctx, secret, &secret_len) > 0;
}

/* @drop_at -1: no job, 0: one that is not dropped. */
static void run_to(int (*run)(void *), int drop_at, void (*ready)(void))
{
	if (drop_at < 0)
		T_EQ(run(NULL), 1);
	else
		T_OK(job_paused(run, NULL, drop_at, ready) > 0);
}

static void gone(const struct pair *p, const char *what, const char *type,
		 const char *device, int drop_at)
{
	if (!pair_goes(p))
		t_fail(__FILE__, __LINE__, "%s, %s, %s, dropped at %d: %u",
		       what, type, device, drop_at, pair_count(p));
}

static unsigned int held;

static void count_drawn(void)
{
	held = pair_count(&drawn);
}

static void generation(const char *device, const struct type *t, int drop_at)
{
	struct side *s = side_inside(device);
	unsigned int before;

	EVP_PKEY_free(new_key(s, t)); /* what is made once */
	before = draws;
	ctx = gen_ctx(s, t);
	held = 0;
	run_to(generate, drop_at, count_drawn);
	T_EQ(draws, before + 1);
	/* While the job is out: else nothing is proved. */
	T_EQ(held > 0, drop_at > 0);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(made);
	made = NULL;
	gone(&drawn, "private key", t->name, device, drop_at);
	side_free(s);
}

static void exchange(const char *device, const struct type *t, int drop_at)
{
	struct side *s = side_inside(device);
	EVP_PKEY *mine = new_key(s, t), *peer = new_key(s, t);
	struct pair z, priv;

	/* The peer's was drawn last; whose does not matter. */
	priv = drawn;
	ctx = side_ctx(s, peer);
	T_EQ(EVP_PKEY_derive_init(ctx), 1);
	T_EQ(EVP_PKEY_derive_set_peer(ctx, mine), 1);
	T_EQ(derive(NULL), 1);
	pair_take(&z, secret + 8);
	OPENSSL_cleanse(secret, sizeof(secret));
	T_EQ(pair_count(&z), 0);

	run_to(derive, drop_at, NULL);
	T_OK(drop_at > 0 || pair_count(&z) > 0);
	OPENSSL_cleanse(secret, sizeof(secret));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(peer);
	gone(&z, "shared secret", t->name, device, drop_at);
	gone(&priv, "private key", t->name, device, drop_at);
	side_free(s);
}

static void each(void (*claim)(const char *, const struct type *, int))
{
	for (size_t d = 0; d < ARRAY(devices); d++)
		for (size_t i = 0; i < ARRAY(types); i++)
			for (int drop_at = -1; drop_at < 2; drop_at++)
				claim(devices[d], &types[i], drop_at);
}

static void generation_leaves_no_private_key(void)
{
	each(generation);
}

static void an_exchange_leaves_neither_key_nor_secret(void)
{
	each(exchange);
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(generation_leaves_no_private_key),
		T_CASE(an_exchange_leaves_neither_key_nor_secret),
	};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	t_skip("sanitizers map more memory than can be looked through");
#endif
	return t_main(cases, ARRAY(cases), argc, argv);
}
