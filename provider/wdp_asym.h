/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_asym.h - what encryption and encapsulation with a key share, of any type:
 * a context, and one of the twin's that goes along with it.
 *
 *	init, parameters ──▶ twin ──▶ read back once (ops->read)
 *	the operation	 ──▶ the algorithm's own: device, or the twin
 *
 * As wdp_sig.h is for signatures.  Contexts belong to one thread at a time.
 */
#ifndef WDP_ASYM_H
#define WDP_ASYM_H

#include "provider/wdp_pkey.h"

struct wdp_asym;

struct wdp_asym_ops {
	size_t size; /* bytes of the context, which begins with wdp_asym */
	/* What the twin's parameters come to; through wdp_asym_known(). */
	bool (*read)(struct wdp_asym *a);
	/* Offered before there is a twin to ask. */
	const OSSL_PARAM *gettables, *settables;
};

struct wdp_asym {
	const struct wdp_asym_ops *ops;
	struct wdp_ctx *prov;
	struct wdp_pkey *key;
	EVP_PKEY_CTX *twin;
	EVP_MD_CTX *scratch; /* wdp_asym_scratch() */
	bool known;	     /* what ops->read reads */
};

/* The rest zeroed; NULL: no memory. */
void *wdp_asym_new(void *provctx, const struct wdp_asym_ops *ops);
void wdp_asym_free(void *ctx);
void *wdp_asym_dup(void *ctx);
int wdp_asym_get_params(void *ctx, OSSL_PARAM params[]);
int wdp_asym_set_params(void *ctx, const OSSL_PARAM params[]);

/* @init: EVP_PKEY_encrypt_init_ex() and its like.  Return: 1 or 0. */
int wdp_asym_init(struct wdp_asym *a, struct wdp_pkey *k,
		  const OSSL_PARAM params[],
		  int (*init)(EVP_PKEY_CTX *ctx, const OSSL_PARAM params[]));

/* Are the twin's parameters read?  Reads them when they have changed. */
bool wdp_asym_known(struct wdp_asym *a);

/* For digests, made at first use; NULL: no memory. */
EVP_MD_CTX *wdp_asym_scratch(struct wdp_asym *a);

/* What may be asked and set; @a NULL: of the algorithm, without a context. */
const OSSL_PARAM *wdp_asym_gettable(const struct wdp_asym *a,
				    const struct wdp_asym_ops *ops);
const OSSL_PARAM *wdp_asym_settable(const struct wdp_asym *a,
				    const struct wdp_asym_ops *ops);

/* Binds an algorithm to the functions that are called without a context; it
 * holds no logic. */
#define WDP_ASYM_BIND(id, ops)                                                 \
	static void *id##_new(void *provctx)                                   \
	{                                                                      \
		return wdp_asym_new(provctx, ops);                             \
	}                                                                      \
	static const OSSL_PARAM *id##_gettable(void *ctx, void *provctx)       \
	{                                                                      \
		(void)provctx;                                                 \
		return wdp_asym_gettable(ctx, ops);                            \
	}                                                                      \
	static const OSSL_PARAM *id##_settable(void *ctx, void *provctx)       \
	{                                                                      \
		(void)provctx;                                                 \
		return wdp_asym_settable(ctx, ops);                            \
	}

/* Rows of a dispatch table: @op is ASYM_CIPHER or KEM. */
/* clang-format off */
#define WDP_ASYM_ROWS(op, id)                                                  \
	{ WDP_FN(op##_NEWCTX, id##_new) },                                     \
	{ WDP_FN(op##_FREECTX, wdp_asym_free) },                               \
	{ WDP_FN(op##_DUPCTX, wdp_asym_dup) },                                 \
	{ WDP_FN(op##_GET_CTX_PARAMS, wdp_asym_get_params) },                  \
	{ WDP_FN(op##_GETTABLE_CTX_PARAMS, id##_gettable) },                   \
	{ WDP_FN(op##_SET_CTX_PARAMS, wdp_asym_set_params) },                  \
	{ WDP_FN(op##_SETTABLE_CTX_PARAMS, id##_settable) }
/* clang-format on */

#endif
