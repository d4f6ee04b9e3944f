/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_sig.h - what every signature algorithm of wd shares.
 *
 * A context of the twin goes along with each of ours.  It takes every
 * parameter, so what is allowed, in which order, and what the error is called
 * are libcrypto's own, of whichever version; and it is where an operation goes
 * that the device does not do.
 *
 *	init, parameters ──▶ twin ──▶ read back once (ops->read)
 *	digest		 ──▶ made here, by the twin's implementation of it
 *	sign, verify	 ──▶ ops->sign, ops->verify: one operation on the device
 *			 ──▶ anything else, any doubt: the twin, from the start
 *
 * An operation without parameters, as TLS has them of ECDSA, does not need a
 * twin: where the algorithm can tell what it would say (ops->plain) it is made
 * by who asks first, wdp_sig_need(), and a key of the peer's that the device
 * verifies with never becomes an object of libcrypto's.
 *
 * An algorithm is a struct wdp_sig_ops, a context that begins with a struct
 * wdp_sig, WDP_SIG_BIND() and a dispatch table made of the rows below.
 * Contexts belong to one thread at a time.
 */
#ifndef WDP_SIG_H
#define WDP_SIG_H

#include "provider/wdp_pkey.h"

struct wdp_sig;

/* EVP_PKEY_sign_init_ex() and its like. */
typedef int wdp_sig_twin_init(EVP_PKEY_CTX *ctx, const OSSL_PARAM params[]);

struct wdp_sig_ops {
	size_t size; /* bytes of the context, which begins with wdp_sig */

	/* What the twin's parameters come to: sets s->md and the algorithm's
	 * own.  Called through wdp_sig_known(). */
	bool (*read)(struct wdp_sig *s);

	/* The same without a twin: a digest that libcrypto takes, s->md, or
	 * none, and no parameters.  NULL: ask the twin at once. */
	void (*plain)(struct wdp_sig *s);

	/*
	 * One operation on the device.  Return: 0; WDP_IN_SOFTWARE: the twin
	 * does all of it; -errno, error raised.
	 * @sig has room for s->key->size bytes; *@len: bytes written
	 */
	int (*sign)(struct wdp_sig *s, uint8_t *sig, size_t *len,
		    const uint8_t *tbs, size_t tbs_len);
	int (*verify)(struct wdp_sig *s, const uint8_t *sig, size_t sig_len,
		      const uint8_t *tbs, size_t tbs_len);

	/* Offered before there is a twin to ask.  So many of the first
	 * settables are not while a digest runs. */
	const OSSL_PARAM *gettables, *settables;
	unsigned int digest_settables;
	bool digest_size; /* may be set, to the running digest's only */

	/* The rest is of SM2 alone; NULL elsewhere. */

	/* The twin takes parameters as of DigestSign, too: s->along. */
	bool digests_along;
	/* The twin has taken these. */
	bool (*took)(struct wdp_sig *s, const OSSL_PARAM params[]);
	/* Puts in s->stream what comes before the message; once a digest. */
	bool (*prefix)(struct wdp_sig *s);
	/* Members of its own: made in @to, which has @from's bytes; freed. */
	bool (*copy)(struct wdp_sig *to, const struct wdp_sig *from);
	void (*fini)(struct wdp_sig *s);
};

/* Of a signature whose name says the digest (wdp_sigalg.c): what may come. */
struct wdp_sig_stage {
	bool signs_message, verifies_message;
	bool once, more, end; /* one-shot, update, final */
};

struct wdp_sigalg;

struct wdp_sig {
	const struct wdp_sig_ops *ops;
	struct wdp_ctx *prov;
	struct wdp_pkey *key;
	EVP_PKEY_CTX *twin;	  /* from wdp_sig_need() */
	wdp_sig_twin_init *waits; /* how the twin will begin, once made */
	EVP_MD_CTX *along;   /* ops->digests_along, in a digest operation */
	EVP_MD_CTX *stream;  /* DigestSign, DigestVerify */
	EVP_MD_CTX *scratch; /* one-shot digests; wdp_sig_scratch() */
	bool digesting;	     /* between a digest init and its final */
	bool prefixed;	     /* ops->prefix was called */
	bool known;	     /* @md and what else ops->read reads */
	const EVP_MD *md;    /* NULL: none set */

	const struct wdp_sigalg *alg; /* NULL: the name says no digest */
	struct wdp_sig_stage stage;
	uint8_t *given; /* what is to be verified; malloc'ed */
	size_t given_len;
};

/* The rest zeroed; NULL: no memory. */
void *wdp_sig_new(void *provctx, const struct wdp_sig_ops *ops);

/* The twin is there, made now if it was put off.  False: there was no init, or
 * it can't be made, error raised. */
bool wdp_sig_need(struct wdp_sig *s);

/* Are the twin's parameters read?  Reads them when they have changed. */
bool wdp_sig_known(struct wdp_sig *s);

/* The context of the twin that has the parameters; NULL before init. */
EVP_PKEY_CTX *wdp_sig_twin(const struct wdp_sig *s);

/* Made at first use; NULL: no memory. */
EVP_MD_CTX *wdp_sig_scratch(struct wdp_sig *s);

/* Not for the device after all: counted.  Return: WDP_IN_SOFTWARE. */
int wdp_sig_in_software(struct wdp_sig *s, enum offload_kind kind);

int wdp_sig_init(struct wdp_sig *s, struct wdp_pkey *k,
		 const OSSL_PARAM params[], wdp_sig_twin_init *init);

/* For an operation on a digest made elsewhere.  Return: 1 or 0. */
int wdp_sig_set_digest(struct wdp_sig *s, const char *name);

OSSL_FUNC_signature_freectx_fn wdp_sig_free;
OSSL_FUNC_signature_dupctx_fn wdp_sig_dup;
OSSL_FUNC_signature_sign_init_fn wdp_sig_sign_init;
OSSL_FUNC_signature_sign_fn wdp_sig_sign;
OSSL_FUNC_signature_verify_init_fn wdp_sig_verify_init;
OSSL_FUNC_signature_verify_fn wdp_sig_verify;
OSSL_FUNC_signature_digest_sign_init_fn wdp_sig_digest_sign_init;
OSSL_FUNC_signature_digest_sign_update_fn wdp_sig_digest_update;
OSSL_FUNC_signature_digest_sign_final_fn wdp_sig_digest_sign_final;
OSSL_FUNC_signature_digest_sign_fn wdp_sig_digest_sign;
OSSL_FUNC_signature_digest_verify_init_fn wdp_sig_digest_verify_init;
OSSL_FUNC_signature_digest_verify_final_fn wdp_sig_digest_verify_final;
OSSL_FUNC_signature_digest_verify_fn wdp_sig_digest_verify;
OSSL_FUNC_signature_get_ctx_params_fn wdp_sig_get_params;
OSSL_FUNC_signature_set_ctx_params_fn wdp_sig_set_params;
OSSL_FUNC_signature_get_ctx_md_params_fn wdp_sig_get_md_params;
OSSL_FUNC_signature_gettable_ctx_md_params_fn wdp_sig_gettable_md;
OSSL_FUNC_signature_set_ctx_md_params_fn wdp_sig_set_md_params;
OSSL_FUNC_signature_settable_ctx_md_params_fn wdp_sig_settable_md;

/* What may be asked and set; @s NULL: of the algorithm, without a context. */
const OSSL_PARAM *wdp_sig_gettable(struct wdp_sig *s,
				   const struct wdp_sig_ops *ops);
const OSSL_PARAM *wdp_sig_settable(struct wdp_sig *s,
				   const struct wdp_sig_ops *ops);

/* For names that say the digest (wdp_sigalg.c). */
extern const struct wdp_sig_ops wdp_rsa_sig_ops, wdp_ecdsa_sig_ops;
OSSL_FUNC_signature_verify_recover_fn wdp_rsa_recover;

/* Binds an algorithm to the functions that are called without a context; it
 * holds no logic.  Their rows: WDP_SIG_BOUND_ROWS(id). */
#define WDP_SIG_BIND(id, ops)                                                  \
	static OSSL_FUNC_signature_newctx_fn id##_new;                         \
	static void *id##_new(void *provctx, const char *propq)                \
	{                                                                      \
		/* Properties speak of the application's context. */           \
		(void)propq;                                                   \
		return wdp_sig_new(provctx, ops);                              \
	}                                                                      \
	static OSSL_FUNC_signature_gettable_ctx_params_fn id##_gettable;       \
	static const OSSL_PARAM *id##_gettable(void *ctx, void *provctx)       \
	{                                                                      \
		(void)provctx;                                                 \
		return wdp_sig_gettable(ctx, ops);                             \
	}                                                                      \
	static OSSL_FUNC_signature_settable_ctx_params_fn id##_settable;       \
	static const OSSL_PARAM *id##_settable(void *ctx, void *provctx)       \
	{                                                                      \
		(void)provctx;                                                 \
		return wdp_sig_settable(ctx, ops);                             \
	}

/* Rows of a dispatch table: all that does not depend on the algorithm. */
/* clang-format off */
#define WDP_SIG_BOUND_ROWS(id)                                                 \
	{ WDP_FN(SIGNATURE_NEWCTX, id##_new) },                                \
	{ WDP_FN(SIGNATURE_GETTABLE_CTX_PARAMS, id##_gettable) },              \
	{ WDP_FN(SIGNATURE_SETTABLE_CTX_PARAMS, id##_settable) }

#define WDP_SIG_CONTEXT_ROWS                                                   \
	{ WDP_FN(SIGNATURE_FREECTX, wdp_sig_free) },                           \
	{ WDP_FN(SIGNATURE_DUPCTX, wdp_sig_dup) },                             \
	{ WDP_FN(SIGNATURE_GET_CTX_PARAMS, wdp_sig_get_params) },              \
	{ WDP_FN(SIGNATURE_SET_CTX_PARAMS, wdp_sig_set_params) }

#define WDP_SIG_RAW_ROWS                                                       \
	{ WDP_FN(SIGNATURE_SIGN_INIT, wdp_sig_sign_init) },                    \
	{ WDP_FN(SIGNATURE_SIGN, wdp_sig_sign) },                              \
	{ WDP_FN(SIGNATURE_VERIFY_INIT, wdp_sig_verify_init) },                \
	{ WDP_FN(SIGNATURE_VERIFY, wdp_sig_verify) }

#define WDP_SIG_DIGEST_ROWS                                                    \
	{ WDP_FN(SIGNATURE_DIGEST_SIGN_INIT, wdp_sig_digest_sign_init) },      \
	{ WDP_FN(SIGNATURE_DIGEST_SIGN_UPDATE, wdp_sig_digest_update) },       \
	{ WDP_FN(SIGNATURE_DIGEST_SIGN_FINAL, wdp_sig_digest_sign_final) },    \
	{ WDP_FN(SIGNATURE_DIGEST_SIGN, wdp_sig_digest_sign) },                \
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY_INIT, wdp_sig_digest_verify_init) },  \
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY_UPDATE, wdp_sig_digest_update) },     \
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY_FINAL, wdp_sig_digest_verify_final) },\
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY, wdp_sig_digest_verify) },            \
	{ WDP_FN(SIGNATURE_GET_CTX_MD_PARAMS, wdp_sig_get_md_params) },        \
	{ WDP_FN(SIGNATURE_GETTABLE_CTX_MD_PARAMS, wdp_sig_gettable_md) },     \
	{ WDP_FN(SIGNATURE_SET_CTX_MD_PARAMS, wdp_sig_set_md_params) },        \
	{ WDP_FN(SIGNATURE_SETTABLE_CTX_MD_PARAMS, wdp_sig_settable_md) }
/* clang-format on */

#endif
