/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DRBGs of the private context, each a child of that context's primary one,
 * which is seeded from the operating system.  The parent libcrypto names is
 * one of ours or nobody, so it is not needed.
 *
 * On 3.0 libcrypto makes its primary DRBG with a lock of the application's
 * context held: nothing here may ask that context for anything.
 */
#include "provider/wdp_alone.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

struct wdp_alone_rand {
	struct wdp_ctx *prov;
	EVP_RAND_CTX *twin;
};

static EVP_RAND *wdp_rand_fetch(struct wdp_ctx *p, const char *name)
{
	OSSL_LIB_CTX *libctx = wdp_twin(p);

	return libctx ? EVP_RAND_fetch(libctx, name, NULL) : NULL;
}

static void *wdp_rand_new(struct wdp_ctx *p, const char *name)
{
	struct wdp_alone_rand *r = calloc(1, sizeof(*r));
	EVP_RAND_CTX *primary;
	EVP_RAND *rand;

	if (!r)
		return NULL;
	rand = wdp_rand_fetch(p, name);
	if (!rand)
		goto free_ctx;
	primary = RAND_get0_primary(wdp_twin(p));
	if (!primary)
		goto free_rand;
	r->prov = p;
	r->twin = EVP_RAND_CTX_new(rand, primary);
	if (!r->twin)
		goto free_rand;
	EVP_RAND_free(rand);
	return r;

free_rand:
	EVP_RAND_free(rand);
free_ctx:
	free(r);
	return NULL;
}

static OSSL_FUNC_rand_freectx_fn wdp_rand_free;
static void wdp_rand_free(void *ctx)
{
	struct wdp_alone_rand *r = ctx;

	if (!r)
		return;
	EVP_RAND_CTX_free(r->twin);
	free(r);
}

static OSSL_FUNC_rand_instantiate_fn wdp_rand_instantiate;
static int wdp_rand_instantiate(void *ctx, unsigned int strength, int fresh,
				const unsigned char *pers, size_t pers_len,
				const OSSL_PARAM params[])
{
	struct wdp_alone_rand *r = ctx;
	struct wdp_alone_params buf;

	return EVP_RAND_instantiate(r->twin, strength, fresh, pers, pers_len,
				    wdp_alone_params(params, &buf));
}

static OSSL_FUNC_rand_uninstantiate_fn wdp_rand_uninstantiate;
static int wdp_rand_uninstantiate(void *ctx)
{
	struct wdp_alone_rand *r = ctx;

	return EVP_RAND_uninstantiate(r->twin);
}

static OSSL_FUNC_rand_generate_fn wdp_rand_generate;
static int wdp_rand_generate(void *ctx, unsigned char *out, size_t len,
			     unsigned int strength, int fresh,
			     const unsigned char *add, size_t add_len)
{
	struct wdp_alone_rand *r = ctx;

	return EVP_RAND_generate(r->twin, out, len, strength, fresh, add,
				 add_len);
}

static OSSL_FUNC_rand_reseed_fn wdp_rand_reseed;
static int wdp_rand_reseed(void *ctx, int fresh, const unsigned char *ent,
			   size_t ent_len, const unsigned char *add,
			   size_t add_len)
{
	struct wdp_alone_rand *r = ctx;

	return EVP_RAND_reseed(r->twin, fresh, ent, ent_len, add, add_len);
}

static OSSL_FUNC_rand_nonce_fn wdp_rand_nonce;
static size_t wdp_rand_nonce(void *ctx, unsigned char *out,
			     unsigned int strength, size_t min_len,
			     size_t max_len)
{
	struct wdp_alone_rand *r = ctx;

	(void)strength;
	(void)max_len;
	if (!out) /* a child DRBG of another provider asks for the size */
		return min_len;
	return EVP_RAND_nonce(r->twin, out, min_len) ? min_len : 0;
}

/* Another provider's DRBG may become our child when it is loaded later. */
static OSSL_FUNC_rand_get_seed_fn wdp_rand_get_seed;
static size_t wdp_rand_get_seed(void *ctx, unsigned char **seed, int bits,
				size_t min_len, size_t max_len, int fresh,
				const unsigned char *add, size_t add_len)
{
	struct wdp_alone_rand *r = ctx;
	size_t len = (size_t)(bits < 0 ? 0 : bits + 7) / 8;
	unsigned char *out;

	if (len < min_len)
		len = min_len;
	if (len > max_len)
		return 0;
	out = OPENSSL_secure_malloc(len);
	if (!out)
		return 0;
	if (!EVP_RAND_generate(r->twin, out, len, 0, fresh, add, add_len)) {
		OPENSSL_secure_clear_free(out, len);
		return 0;
	}
	*seed = out;
	return len;
}

static OSSL_FUNC_rand_clear_seed_fn wdp_rand_clear_seed;
static void wdp_rand_clear_seed(void *ctx, unsigned char *seed, size_t len)
{
	(void)ctx;
	OPENSSL_secure_clear_free(seed, len);
}

static OSSL_FUNC_rand_verify_zeroization_fn wdp_rand_zeroized;
static int wdp_rand_zeroized(void *ctx)
{
	struct wdp_alone_rand *r = ctx;

	return EVP_RAND_verify_zeroization(r->twin);
}

/* The twin locks itself, so lock() and unlock() have nothing to hold. */
static OSSL_FUNC_rand_enable_locking_fn wdp_rand_enable_locking;
static int wdp_rand_enable_locking(void *ctx)
{
	struct wdp_alone_rand *r = ctx;

	return EVP_RAND_enable_locking(r->twin);
}

static OSSL_FUNC_rand_lock_fn wdp_rand_lock;
static int wdp_rand_lock(void *ctx)
{
	(void)ctx;
	return 1;
}

static OSSL_FUNC_rand_unlock_fn wdp_rand_unlock;
static void wdp_rand_unlock(void *ctx)
{
	(void)ctx;
}

static OSSL_FUNC_rand_get_ctx_params_fn wdp_rand_get_params;
static int wdp_rand_get_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_alone_rand *r = ctx;

	return EVP_RAND_CTX_get_params(r->twin, params);
}

static OSSL_FUNC_rand_set_ctx_params_fn wdp_rand_set_params;
static int wdp_rand_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_rand *r = ctx;
	struct wdp_alone_params buf;

	return EVP_RAND_CTX_set_params(r->twin, wdp_alone_params(params, &buf));
}

/* The lists are static in the default provider, which stays loaded. */
static const OSSL_PARAM *wdp_rand_gettable(struct wdp_ctx *p, const char *name)
{
	EVP_RAND *rand = wdp_rand_fetch(p, name);
	const OSSL_PARAM *list =
		rand ? EVP_RAND_gettable_ctx_params(rand) : NULL;

	EVP_RAND_free(rand);
	return list;
}

static const OSSL_PARAM *wdp_rand_settable(struct wdp_ctx *p, const char *name)
{
	EVP_RAND *rand = wdp_rand_fetch(p, name);
	const OSSL_PARAM *list =
		rand ? EVP_RAND_settable_ctx_params(rand) : NULL;

	EVP_RAND_free(rand);
	return list;
}

/* Binds a name to the functions above. */
#define WDP_RAND(id, name)                                                     \
	static OSSL_FUNC_rand_newctx_fn id##_new;                              \
	static void *id##_new(void *prov, void *parent,                        \
			      const OSSL_DISPATCH *parent_fns)                 \
	{                                                                      \
		(void)parent;                                                  \
		(void)parent_fns;                                              \
		return wdp_rand_new(prov, name);                               \
	}                                                                      \
	static OSSL_FUNC_rand_gettable_ctx_params_fn id##_gettable;            \
	static const OSSL_PARAM *id##_gettable(void *ctx, void *prov)          \
	{                                                                      \
		(void)ctx;                                                     \
		return wdp_rand_gettable(prov, name);                          \
	}                                                                      \
	static OSSL_FUNC_rand_settable_ctx_params_fn id##_settable;            \
	static const OSSL_PARAM *id##_settable(void *ctx, void *prov)          \
	{                                                                      \
		(void)ctx;                                                     \
		return wdp_rand_settable(prov, name);                          \
	}                                                                      \
	static const OSSL_DISPATCH id##_fns[] = {                              \
		{ WDP_FN(RAND_NEWCTX, id##_new) },                             \
		{ WDP_FN(RAND_FREECTX, wdp_rand_free) },                       \
		{ WDP_FN(RAND_INSTANTIATE, wdp_rand_instantiate) },            \
		{ WDP_FN(RAND_UNINSTANTIATE, wdp_rand_uninstantiate) },        \
		{ WDP_FN(RAND_GENERATE, wdp_rand_generate) },                  \
		{ WDP_FN(RAND_RESEED, wdp_rand_reseed) },                      \
		{ WDP_FN(RAND_NONCE, wdp_rand_nonce) },                        \
		{ WDP_FN(RAND_GET_SEED, wdp_rand_get_seed) },                  \
		{ WDP_FN(RAND_CLEAR_SEED, wdp_rand_clear_seed) },              \
		{ WDP_FN(RAND_VERIFY_ZEROIZATION, wdp_rand_zeroized) },        \
		{ WDP_FN(RAND_ENABLE_LOCKING, wdp_rand_enable_locking) },      \
		{ WDP_FN(RAND_LOCK, wdp_rand_lock) },                          \
		{ WDP_FN(RAND_UNLOCK, wdp_rand_unlock) },                      \
		{ WDP_FN(RAND_GET_CTX_PARAMS, wdp_rand_get_params) },          \
		{ WDP_FN(RAND_SET_CTX_PARAMS, wdp_rand_set_params) },          \
		{ WDP_FN(RAND_GETTABLE_CTX_PARAMS, id##_gettable) },           \
		{ WDP_FN(RAND_SETTABLE_CTX_PARAMS, id##_settable) },           \
		{ 0, NULL },                                                   \
	}

WDP_RAND(ctr_drbg, "CTR-DRBG");
WDP_RAND(hash_drbg, "HASH-DRBG");
WDP_RAND(hmac_drbg, "HMAC-DRBG");

const OSSL_ALGORITHM wdp_alone_rands[] = {
	WDP_ALONE_ROW("CTR-DRBG", ctr_drbg_fns),
	WDP_ALONE_ROW("HASH-DRBG", hash_drbg_fns),
	WDP_ALONE_ROW("HMAC-DRBG", hmac_drbg_fns),
	{ NULL, NULL, NULL, NULL },
};
