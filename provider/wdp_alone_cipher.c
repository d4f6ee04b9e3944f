/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_alone.h"

#include <limits.h>

enum { AEAD = 1, CUSTOM_IV = 2, CTS = 4, TLS_MULTI = 8, RAND_KEY = 16 };

struct wdp_alone_cipher_spec {
	const char *name;
	size_t key, iv, block; /* bytes */
	unsigned int mode, flags;
};

struct wdp_alone_cipher {
	EVP_CIPHER_CTX *twin;
	size_t block; /* bytes */
};

static void *wdp_enc_new(struct wdp_ctx *p,
			 const struct wdp_alone_cipher_spec *spec)
{
	const EVP_CIPHER *cipher = wdp_twin_cipher(p, spec->name);
	struct wdp_alone_cipher *c;

	if (!cipher)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->block = spec->block;
	c->twin = EVP_CIPHER_CTX_new();
	if (!c->twin)
		goto free_ctx;
	/* Whether key wrapping is allowed was asked of the application. */
	EVP_CIPHER_CTX_set_flags(c->twin, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (!EVP_CipherInit_ex2(c->twin, cipher, NULL, NULL, 1, NULL))
		goto free_twin;
	return c;

free_twin:
	EVP_CIPHER_CTX_free(c->twin);
free_ctx:
	free(c);
	return NULL;
}

static OSSL_FUNC_cipher_freectx_fn wdp_enc_free;
static void wdp_enc_free(void *ctx)
{
	struct wdp_alone_cipher *c = ctx;

	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->twin);
	free(c);
}

static OSSL_FUNC_cipher_dupctx_fn wdp_enc_dup;
static void *wdp_enc_dup(void *ctx)
{
	const struct wdp_alone_cipher *from = ctx;
	struct wdp_alone_cipher *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *from;
	c->twin = EVP_CIPHER_CTX_new();
	if (c->twin && EVP_CIPHER_CTX_copy(c->twin, from->twin))
		return c;
	wdp_enc_free(c);
	return NULL;
}

static int wdp_enc_start(struct wdp_alone_cipher *c, int enc,
			 const unsigned char *key, size_t key_len,
			 const unsigned char *iv, size_t iv_len,
			 const OSSL_PARAM params[])
{
	if (key && key_len != (size_t)EVP_CIPHER_CTX_get_key_length(c->twin) &&
	    !EVP_CIPHER_CTX_set_key_length(c->twin, (int)key_len))
		return 0;
	if (iv && iv_len != (size_t)EVP_CIPHER_CTX_get_iv_length(c->twin))
		return 0;
	return EVP_CipherInit_ex2(c->twin, NULL, key, iv, enc, params);
}

static OSSL_FUNC_cipher_encrypt_init_fn wdp_enc_encrypt_init;
static int wdp_enc_encrypt_init(void *ctx, const unsigned char *key,
				size_t key_len, const unsigned char *iv,
				size_t iv_len, const OSSL_PARAM params[])
{
	return wdp_enc_start(ctx, 1, key, key_len, iv, iv_len, params);
}

static OSSL_FUNC_cipher_decrypt_init_fn wdp_enc_decrypt_init;
static int wdp_enc_decrypt_init(void *ctx, const unsigned char *key,
				size_t key_len, const unsigned char *iv,
				size_t iv_len, const OSSL_PARAM params[])
{
	return wdp_enc_start(ctx, 0, key, key_len, iv, iv_len, params);
}

static OSSL_FUNC_cipher_update_fn wdp_enc_update;
static int wdp_enc_update(void *ctx, unsigned char *out, size_t *out_len,
			  size_t size, const unsigned char *in, size_t len)
{
	struct wdp_alone_cipher *c = ctx;
	int n = 0;

	/* Whole blocks may come out of a partial one kept from before. */
	if (len > INT_MAX - c->block || (out && size < len))
		return 0;
	if (!EVP_CipherUpdate(c->twin, out, &n, in, (int)len))
		return 0;
	*out_len = (size_t)n;
	return 1;
}

static OSSL_FUNC_cipher_final_fn wdp_enc_final;
static int wdp_enc_final(void *ctx, unsigned char *out, size_t *out_len,
			 size_t size)
{
	struct wdp_alone_cipher *c = ctx;
	int n = 0;

	(void)size;
	if (!EVP_CipherFinal_ex(c->twin, out, &n))
		return 0;
	*out_len = (size_t)n;
	return 1;
}

/* One call, no buffering: what EVP_Cipher() and so TLS records use. */
static OSSL_FUNC_cipher_cipher_fn wdp_enc_cipher;
static int wdp_enc_cipher(void *ctx, unsigned char *out, size_t *out_len,
			  size_t size, const unsigned char *in, size_t len)
{
	struct wdp_alone_cipher *c = ctx;
	int n;

	if (len > INT_MAX || (out && size < len))
		return 0;
	n = EVP_Cipher(c->twin, out, in, (unsigned int)len);
	if (n < 0)
		return 0;
	*out_len = (size_t)n;
	return 1;
}

static OSSL_FUNC_cipher_get_ctx_params_fn wdp_enc_get_ctx_params;
static int wdp_enc_get_ctx_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_alone_cipher *c = ctx;

	return EVP_CIPHER_CTX_get_params(c->twin, params);
}

static OSSL_FUNC_cipher_set_ctx_params_fn wdp_enc_set_ctx_params;
static int wdp_enc_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_cipher *c = ctx;

	return EVP_CIPHER_CTX_set_params(c->twin, params);
}

static int wdp_enc_get_params(const struct wdp_alone_cipher_spec *spec,
			      OSSL_PARAM params[])
{
	const struct {
		const char *key;
		size_t value;
	} facts[] = {
		{ OSSL_CIPHER_PARAM_MODE, spec->mode },
		{ OSSL_CIPHER_PARAM_KEYLEN, spec->key },
		{ OSSL_CIPHER_PARAM_IVLEN, spec->iv },
		{ OSSL_CIPHER_PARAM_BLOCK_SIZE, spec->block },
		{ OSSL_CIPHER_PARAM_AEAD, !!(spec->flags & AEAD) },
		{ OSSL_CIPHER_PARAM_CUSTOM_IV, !!(spec->flags & CUSTOM_IV) },
		{ OSSL_CIPHER_PARAM_CTS, !!(spec->flags & CTS) },
		{ OSSL_CIPHER_PARAM_TLS1_MULTIBLOCK,
		  !!(spec->flags & TLS_MULTI) },
		{ OSSL_CIPHER_PARAM_HAS_RAND_KEY, !!(spec->flags & RAND_KEY) },
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(facts); i++) {
		OSSL_PARAM *a = OSSL_PARAM_locate(params, facts[i].key);

		if (a && !OSSL_PARAM_set_size_t(a, facts[i].value))
			return 0;
	}
	return 1;
}

static OSSL_FUNC_cipher_gettable_params_fn wdp_enc_gettable;
static const OSSL_PARAM *wdp_enc_gettable(void *prov)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_MODE, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_BLOCK_SIZE, NULL),
		OSSL_PARAM_int(OSSL_CIPHER_PARAM_AEAD, NULL),
		OSSL_PARAM_int(OSSL_CIPHER_PARAM_CUSTOM_IV, NULL),
		OSSL_PARAM_int(OSSL_CIPHER_PARAM_CTS, NULL),
		OSSL_PARAM_int(OSSL_CIPHER_PARAM_TLS1_MULTIBLOCK, NULL),
		OSSL_PARAM_int(OSSL_CIPHER_PARAM_HAS_RAND_KEY, NULL),
		OSSL_PARAM_END,
	};

	(void)prov;
	return list;
}

/* Binds a row's constants to the functions above. */
#define CIPHER(id, names, c_name, c_key, c_iv, c_block, c_mode, c_flags)       \
	static const struct wdp_alone_cipher_spec id##_spec = {                \
		.name = (c_name),                                              \
		.key = (c_key),                                                \
		.iv = (c_iv),                                                  \
		.block = (c_block),                                            \
		.mode = (c_mode),                                              \
		.flags = (c_flags),                                            \
	};                                                                     \
	static OSSL_FUNC_cipher_newctx_fn id##_new;                            \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return wdp_enc_new(prov, &id##_spec);                          \
	}                                                                      \
	static OSSL_FUNC_cipher_get_params_fn id##_get_params;                 \
	static int id##_get_params(OSSL_PARAM params[])                        \
	{                                                                      \
		return wdp_enc_get_params(&id##_spec, params);                 \
	}                                                                      \
	static OSSL_FUNC_cipher_gettable_ctx_params_fn id##_gettable;          \
	static const OSSL_PARAM *id##_gettable(void *ctx, void *prov)          \
	{                                                                      \
		const EVP_CIPHER *twin =                                       \
			wdp_twin_cipher(prov, id##_spec.name);                 \
                                                                               \
		(void)ctx;                                                     \
		return twin ? EVP_CIPHER_gettable_ctx_params(twin) : NULL;     \
	}                                                                      \
	static OSSL_FUNC_cipher_settable_ctx_params_fn id##_settable;          \
	static const OSSL_PARAM *id##_settable(void *ctx, void *prov)          \
	{                                                                      \
		const EVP_CIPHER *twin =                                       \
			wdp_twin_cipher(prov, id##_spec.name);                 \
                                                                               \
		(void)ctx;                                                     \
		return twin ? EVP_CIPHER_settable_ctx_params(twin) : NULL;     \
	}                                                                      \
	static const OSSL_DISPATCH id##_fns[] = {                              \
		{ WDP_FN(CIPHER_NEWCTX, id##_new) },                           \
		{ WDP_FN(CIPHER_FREECTX, wdp_enc_free) },                      \
		{ WDP_FN(CIPHER_DUPCTX, wdp_enc_dup) },                        \
		{ WDP_FN(CIPHER_ENCRYPT_INIT, wdp_enc_encrypt_init) },         \
		{ WDP_FN(CIPHER_DECRYPT_INIT, wdp_enc_decrypt_init) },         \
		{ WDP_FN(CIPHER_UPDATE, wdp_enc_update) },                     \
		{ WDP_FN(CIPHER_FINAL, wdp_enc_final) },                       \
		{ WDP_FN(CIPHER_CIPHER, wdp_enc_cipher) },                     \
		{ WDP_FN(CIPHER_GET_PARAMS, id##_get_params) },                \
		{ WDP_FN(CIPHER_GETTABLE_PARAMS, wdp_enc_gettable) },          \
		{ WDP_FN(CIPHER_GET_CTX_PARAMS, wdp_enc_get_ctx_params) },     \
		{ WDP_FN(CIPHER_SET_CTX_PARAMS, wdp_enc_set_ctx_params) },     \
		{ WDP_FN(CIPHER_GETTABLE_CTX_PARAMS, id##_gettable) },         \
		{ WDP_FN(CIPHER_SETTABLE_CTX_PARAMS, id##_settable) },         \
		{ 0, NULL },                                                   \
	};
#include "provider/wdp_alone_cipher.def"
#undef CIPHER

#define CIPHER(id, names, ...) WDP_ALONE_ROW(names, id##_fns),
const OSSL_ALGORITHM wdp_alone_ciphers[] = {
#include "provider/wdp_alone_cipher.def"
	{ NULL, NULL, NULL, NULL },
};
#undef CIPHER
