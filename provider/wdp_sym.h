/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_sym.h - what ciphers and digests have in common: the row of constants an
 * algorithm is, and parameters.
 */
#ifndef WDP_SYM_H
#define WDP_SYM_H

#include <string.h>

#include <openssl/params.h>

#include "provider/wdp_direct.h"

#define WDP_KEY_MAX 64 /* bytes; XTS has two keys */
#define WDP_IV_MAX  16

/* Of a row in wdp_cipher.def. */
#define WDP_AEAD      0x01
#define WDP_CUSTOM_IV 0x02
#define WDP_CTS	      0x04
#define WDP_RAND_KEY  0x08
/* libcrypto 3.0's random generator runs on it, under locks of its own. */
#define WDP_DRBG      0x10

struct wdp_cipher_spec {
	const char *twin; /* name in the private context */
	enum wdp_direct_row row;
	enum offload_kind kind;
	enum sec_cipher_alg alg;
	uint8_t key_len, iv_len, block; /* bytes; block 1: stream */
	uint8_t flags;
	unsigned int mode; /* EVP_CIPH_x_MODE */
};

/* Inputs below this never go to the device; what is not below is asked of
 * offload_choose(). */
static inline size_t wdp_small(const struct wdp_ctx *p, enum offload_kind kind)
{
	return offload_least(p->off, kind);
}

/* The twin's functions; NULL: error raised. */
static inline const struct wdp_direct *
wdp_cipher_soft(struct wdp_ctx *p, const struct wdp_cipher_spec *spec)
{
	return wdp_direct_row(p, spec->row, OSSL_OP_CIPHER, spec->twin);
}

/* Constants of a row: OSSL_FUNC_cipher_get_params and its list. */
int wdp_cipher_get_params(OSSL_PARAM params[],
			  const struct wdp_cipher_spec *spec);
OSSL_FUNC_cipher_gettable_params_fn wdp_cipher_gettable_params;

/* Lists of what a context answers and takes: the twin's. */
const OSSL_PARAM *wdp_cipher_gettable(struct wdp_ctx *p,
				      const struct wdp_cipher_spec *spec);
const OSSL_PARAM *wdp_cipher_settable(struct wdp_ctx *p,
				      const struct wdp_cipher_spec *spec);

/* What HMAC and CMAC answer of a context. */
OSSL_FUNC_mac_gettable_ctx_params_fn wdp_tag_gettable;

/* Set a parameter if it was asked for: true unless that failed. */
static inline bool wdp_give_size(OSSL_PARAM params[], const char *name,
				 size_t v)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_size_t(p, v);
}

static inline bool wdp_give_uint(OSSL_PARAM params[], const char *name,
				 unsigned int v)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_uint(p, v);
}

static inline bool wdp_give_int(OSSL_PARAM params[], const char *name, int v)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_int(p, v);
}

/* As string or pointer, whichever was asked for. */
static inline bool wdp_give_bytes(OSSL_PARAM params[], const char *name,
				  const void *v, size_t len)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	if (p && p->data_type == OSSL_PARAM_OCTET_PTR)
		return OSSL_PARAM_set_octet_ptr(p, v, len);
	return !p || OSSL_PARAM_set_octet_string(p, v, len);
}

/* Is this the parameter of that name?  Most are not: one look tells. */
static inline bool wdp_param_is(const OSSL_PARAM *p, const char *name)
{
	return *p->key == *name && !strcmp(p->key, name);
}

/* Parameters of a context, one row each. */
struct wdp_giver {
	const char *name;
	bool (*give)(void *ctx, OSSL_PARAM *p);
};

struct wdp_taker {
	const char *name;
	unsigned int type; /* 0: looked at by take */
	int (*take)(void *ctx, const OSSL_PARAM *p);
};

/* Unknown ones are no mistake.  Return: 1; 0, error raised. */
int wdp_give_params(const struct wdp_ctx *p, const struct wdp_giver *table,
		    size_t n, void *ctx, OSSL_PARAM params[]);
int wdp_take_params(const struct wdp_ctx *p, const struct wdp_taker *table,
		    size_t n, void *ctx, const OSSL_PARAM params[]);

/* Read a parameter if it is there: true unless it is of the wrong type. */
static inline bool wdp_take_size(const OSSL_PARAM params[], const char *name,
				 size_t *v)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);

	return !p || OSSL_PARAM_get_size_t(p, v);
}

static inline bool wdp_take_uint(const OSSL_PARAM params[], const char *name,
				 unsigned int *v)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);

	return !p || OSSL_PARAM_get_uint(p, v);
}

/* A family's two init functions, from the one that is told the direction. */
#define WDP_CIPHER_INIT(base, way, encrypt)                                    \
	static OSSL_FUNC_cipher_##way##_init_fn base##_##way##_init;           \
	static int base##_##way##_init(void *ctx, const unsigned char *key,    \
				       size_t key_len,                         \
				       const unsigned char *iv, size_t iv_len, \
				       const OSSL_PARAM params[])              \
	{                                                                      \
		return base##_init(ctx, key, key_len, iv, iv_len, params,      \
				   encrypt);                                   \
	}
#define WDP_CIPHER_INITS(base)                                                 \
	WDP_CIPHER_INIT(base, encrypt, true)                                   \
	WDP_CIPHER_INIT(base, decrypt, false)

/*
 * Binds one row of wdp_cipher.def to functions: @fam has those that work on
 * data, @base the others, WDP_MORE_@fam rows besides.  Only what libcrypto
 * gives no argument for needs a function of its own.
 */
#define WDP_CIPHER(fam, base, id, first, more, k, a, key, iv, blk, m, f)       \
	static const struct wdp_cipher_spec id##_spec = {                      \
		.twin = first,                                                 \
		.row = WDP_DIRECT_##id,                                        \
		.kind = OFFLOAD_##k,                                           \
		.alg = SEC_##a,                                                \
		.key_len = key,                                                \
		.iv_len = iv,                                                  \
		.block = blk,                                                  \
		.mode = EVP_CIPH_##m##_MODE,                                   \
		.flags = f,                                                    \
	};                                                                     \
	static OSSL_FUNC_cipher_newctx_fn id##_new;                            \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return base##_new(prov, &id##_spec);                           \
	}                                                                      \
	static OSSL_FUNC_cipher_get_params_fn id##_get_params;                 \
	static int id##_get_params(OSSL_PARAM params[])                        \
	{                                                                      \
		return wdp_cipher_get_params(params, &id##_spec);              \
	}                                                                      \
	static OSSL_FUNC_cipher_gettable_ctx_params_fn id##_gettable;          \
	static const OSSL_PARAM *id##_gettable(void *ctx, void *prov)          \
	{                                                                      \
		(void)ctx;                                                     \
		return wdp_cipher_gettable(prov, &id##_spec);                  \
	}                                                                      \
	static OSSL_FUNC_cipher_settable_ctx_params_fn id##_settable;          \
	static const OSSL_PARAM *id##_settable(void *ctx, void *prov)          \
	{                                                                      \
		(void)ctx;                                                     \
		return wdp_cipher_settable(prov, &id##_spec);                  \
	}                                                                      \
	const OSSL_DISPATCH wdp_##id##_fns[] = {                               \
		{ WDP_FN(CIPHER_NEWCTX, id##_new) },                           \
		{ WDP_FN(CIPHER_FREECTX, base##_free) },                       \
		{ WDP_FN(CIPHER_DUPCTX, base##_dup) },                         \
		{ WDP_FN(CIPHER_ENCRYPT_INIT, base##_encrypt_init) },          \
		{ WDP_FN(CIPHER_DECRYPT_INIT, base##_decrypt_init) },          \
		{ WDP_FN(CIPHER_UPDATE, fam##_update) },                       \
		{ WDP_FN(CIPHER_FINAL, fam##_final) },                         \
		{ WDP_FN(CIPHER_CIPHER, fam##_cipher) },                       \
		{ WDP_FN(CIPHER_GET_PARAMS, id##_get_params) },                \
		{ WDP_FN(CIPHER_GETTABLE_PARAMS,                               \
			 wdp_cipher_gettable_params) },                        \
		{ WDP_FN(CIPHER_GET_CTX_PARAMS, base##_get_ctx_params) },      \
		{ WDP_FN(CIPHER_GETTABLE_CTX_PARAMS, id##_gettable) },         \
		{ WDP_FN(CIPHER_SET_CTX_PARAMS, base##_set_ctx_params) },      \
		{ WDP_FN(CIPHER_SETTABLE_CTX_PARAMS, id##_settable) },         \
		WDP_MORE_##fam{ 0, NULL },                                     \
	};

#endif
