/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures whose name says the digest, RSA-SHA256, ECDSA-SHA256 and their
 * kin, for libcrypto
 * 3.4 and later; earlier ones are not offered them.
 *
 *	sign, verify		 of a digest made elsewhere
 *	..._message_init, update, final
 *				 of a message; or all of it in one sign, verify
 *
 * Each is a struct wdp_sig of its family with a digest that can't be changed;
 * nothing else can be set, but the signature a message is to be verified with.
 * What may follow what is as in the default provider: of RSA one-shot or pieces,
 * not both, and nothing after the end.
 */
#include "provider/wdp_sig.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/params.h>

/* Not in the headers of 3.0, which does not look for them: numbers and types
 * of openssl/core_dispatch.h 3.4. */
enum {
	SIGALG_QUERY_KEY_TYPES = 26,
	SIGALG_SIGN_MESSAGE_INIT,
	SIGALG_SIGN_MESSAGE_UPDATE,
	SIGALG_SIGN_MESSAGE_FINAL,
	SIGALG_VERIFY_MESSAGE_INIT,
	SIGALG_VERIFY_MESSAGE_UPDATE,
	SIGALG_VERIFY_MESSAGE_FINAL,
};
typedef const char **sigalg_key_types_fn(void);
typedef int sigalg_init_fn(void *ctx, void *key, const OSSL_PARAM params[]);
typedef int sigalg_update_fn(void *ctx, const uint8_t *in, size_t len);
typedef int sigalg_sign_final_fn(void *ctx, uint8_t *sig, size_t *sig_len,
				 size_t size);
typedef int sigalg_verify_final_fn(void *ctx);
#define SIGALG_PARAM_SIGNATURE "signature"

static OSSL_FUNC_signature_sign_init_fn sigalg_sign_init;
static OSSL_FUNC_signature_sign_fn sigalg_sign;
static OSSL_FUNC_signature_verify_init_fn sigalg_verify_init;
static OSSL_FUNC_signature_verify_fn sigalg_verify;
static OSSL_FUNC_signature_verify_recover_init_fn sigalg_recover_init;
static sigalg_init_fn sigalg_sign_message_init, sigalg_verify_message_init;
static sigalg_update_fn sigalg_update;
static sigalg_sign_final_fn sigalg_sign_final;
static sigalg_verify_final_fn sigalg_verify_final;
static OSSL_FUNC_signature_set_ctx_params_fn sigalg_set_params;
static OSSL_FUNC_signature_settable_ctx_params_fn sigalg_settable;

/* One row of wdp_sigalg.def. */
struct wdp_sigalg {
	const struct wdp_sig_ops *ops;
	const char *key_type; /* of the private context */
	const char *md;
	bool strict; /* see sigalg_end() */
};

static void *sigalg_new(struct wdp_ctx *p, const struct wdp_sigalg *alg)
{
	struct wdp_sig *s = wdp_sig_new(p, alg->ops);

	if (s)
		s->alg = alg;
	return s;
}

/* ---- parameters ---------------------------------------------------------- */

static bool sigalg_take(struct wdp_sig *s, const uint8_t *sig, size_t len)
{
	uint8_t *copy = malloc(len + 1);

	if (!copy)
		return false;
	if (len)
		memcpy(copy, sig, len);
	free(s->given);
	s->given = copy;
	s->given_len = len;
	return true;
}

static int sigalg_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_sig *s = ctx;
	const OSSL_PARAM *p = NULL;
	const void *sig;
	size_t len;

	if (!s)
		return 0;
	if (params && s->stage.verifies_message)
		p = OSSL_PARAM_locate_const(params, SIGALG_PARAM_SIGNATURE);
	return !p || (OSSL_PARAM_get_octet_string_ptr(p, &sig, &len) &&
		      sigalg_take(s, sig, len));
}

static const OSSL_PARAM *sigalg_settable(void *ctx, void *provctx)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_octet_string(SIGALG_PARAM_SIGNATURE, NULL, 0),
		OSSL_PARAM_END,
	};
	const struct wdp_sig *s = ctx;

	(void)provctx;
	return s && s->stage.verifies_message ? list : NULL;
}

/* ---- init ---------------------------------------------------------------- */

static bool sigalg_key_ok(struct wdp_sig *s, const struct wdp_pkey *k)
{
	if (!k || !strcmp(k->spec->type, s->alg->key_type))
		return true;
	wdp_raise(s->prov, WDP_R_BAD_KEY, "not a key of type %s",
		  s->alg->key_type);
	return false;
}

/* Of a digest. */
static int sigalg_raw_init(struct wdp_sig *s, struct wdp_pkey *k,
			   wdp_sig_twin_init *init)
{
	if (!s || !sigalg_key_ok(s, k) || !wdp_sig_init(s, k, NULL, init) ||
	    !wdp_sig_set_digest(s, s->alg->md))
		return 0;
	s->stage = (struct wdp_sig_stage){ .once = true };
	return 1;
}

static int sigalg_sign_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	(void)params;
	return sigalg_raw_init(ctx, key, EVP_PKEY_sign_init_ex);
}

static int sigalg_verify_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	(void)params;
	return sigalg_raw_init(ctx, key, EVP_PKEY_verify_init_ex);
}

static int sigalg_recover_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	(void)params;
	return sigalg_raw_init(ctx, key, EVP_PKEY_verify_recover_init_ex);
}

static const struct wdp_sig_stage sigalg_begun = {
	.once = true,
	.more = true,
	.end = true,
};

static int sigalg_sign_message_init(void *ctx, void *key,
				    const OSSL_PARAM params[])
{
	struct wdp_sig *s = ctx;

	(void)params;
	if (!s || !sigalg_key_ok(s, key) ||
	    !wdp_sig_digest_sign_init(s, s->alg->md, key, NULL))
		return 0;
	s->stage = sigalg_begun;
	s->stage.signs_message = true;
	return 1;
}

static int sigalg_verify_message_init(void *ctx, void *key,
				      const OSSL_PARAM params[])
{
	struct wdp_sig *s = ctx;

	if (!s || !sigalg_key_ok(s, key) ||
	    !wdp_sig_digest_verify_init(s, s->alg->md, key, NULL))
		return 0;
	s->stage = sigalg_begun;
	s->stage.verifies_message = true;
	free(s->given);
	s->given = NULL;
	s->given_len = 0;
	return sigalg_set_params(s, params);
}

/* ---- messages ------------------------------------------------------------ */

static int sigalg_out_of_order(const struct wdp_sig *s)
{
	wdp_raise(s->prov, WDP_R_NOT_INITIALISED,
		  "the operation has ended or was begun otherwise");
	return 0;
}

static int sigalg_update(void *ctx, const uint8_t *in, size_t len)
{
	struct wdp_sig *s = ctx;

	if (!s->stage.more)
		return sigalg_out_of_order(s);
	s->stage.once &= !s->alg->strict;
	return wdp_sig_digest_update(s, in, len);
}

/* Nothing comes after; of ECDSA libcrypto leaves that to the digest. */
static void sigalg_end(struct wdp_sig *s)
{
	if (s->alg->strict)
		s->stage.once = s->stage.more = s->stage.end = false;
}

static int sigalg_sign_final(void *ctx, uint8_t *sig, size_t *sig_len,
			     size_t size)
{
	struct wdp_sig *s = ctx;

	if (!s->stage.end)
		return sigalg_out_of_order(s);
	if (sig)
		sigalg_end(s);
	return wdp_sig_digest_sign_final(s, sig, sig_len, size);
}

static int sigalg_verify_final(void *ctx)
{
	struct wdp_sig *s = ctx;

	if (!s->stage.end)
		return sigalg_out_of_order(s);
	sigalg_end(s);
	return wdp_sig_digest_verify_final(s, s->given, s->given_len);
}

static int sigalg_sign(void *ctx, uint8_t *sig, size_t *sig_len, size_t size,
		       const uint8_t *tbs, size_t len)
{
	struct wdp_sig *s = ctx;

	if (!s->stage.once)
		return sigalg_out_of_order(s);
	if (!s->stage.signs_message || !sig)
		return wdp_sig_sign(s, sig, sig_len, size, tbs, len);
	return sigalg_update(s, tbs, len) &&
	       sigalg_sign_final(s, sig, sig_len, size);
}

static int sigalg_verify(void *ctx, const uint8_t *sig, size_t sig_len,
			 const uint8_t *tbs, size_t len)
{
	struct wdp_sig *s = ctx;

	if (!s->stage.once)
		return sigalg_out_of_order(s);
	if (!s->stage.verifies_message)
		return wdp_sig_verify(s, sig, sig_len, tbs, len);
	return sigalg_take(s, sig, sig_len) && sigalg_update(s, tbs, len) &&
	       sigalg_verify_final(s);
}

/* ---- rows ---------------------------------------------------------------- */

#define SIGALG_FN(id, fn)                                                      \
	{                                                                      \
		.function_id = (id), .function = (void (*)(void))(fn)          \
	}

/* clang-format off */
#define SIGALG_ROWS                                                            \
	{ WDP_FN(SIGNATURE_FREECTX, wdp_sig_free) },                           \
	{ WDP_FN(SIGNATURE_DUPCTX, wdp_sig_dup) },                             \
	{ WDP_FN(SIGNATURE_GET_CTX_PARAMS, wdp_sig_get_params) },              \
	{ WDP_FN(SIGNATURE_SET_CTX_PARAMS, sigalg_set_params) },               \
	{ WDP_FN(SIGNATURE_SETTABLE_CTX_PARAMS, sigalg_settable) },            \
	{ WDP_FN(SIGNATURE_SIGN_INIT, sigalg_sign_init) },                     \
	{ WDP_FN(SIGNATURE_SIGN, sigalg_sign) },                               \
	{ WDP_FN(SIGNATURE_VERIFY_INIT, sigalg_verify_init) },                 \
	{ WDP_FN(SIGNATURE_VERIFY, sigalg_verify) },                           \
	SIGALG_FN(SIGALG_SIGN_MESSAGE_INIT, sigalg_sign_message_init),         \
	SIGALG_FN(SIGALG_SIGN_MESSAGE_UPDATE, sigalg_update),                  \
	SIGALG_FN(SIGALG_SIGN_MESSAGE_FINAL, sigalg_sign_final),               \
	SIGALG_FN(SIGALG_VERIFY_MESSAGE_INIT, sigalg_verify_message_init),     \
	SIGALG_FN(SIGALG_VERIFY_MESSAGE_UPDATE, sigalg_update),                \
	SIGALG_FN(SIGALG_VERIFY_MESSAGE_FINAL, sigalg_verify_final)

#define SIGALG_RSA_OPS wdp_rsa_sig_ops
#define SIGALG_RSA_STRICT true
#define SIGALG_RSA_ROWS                                                        \
	SIGALG_FN(SIGALG_QUERY_KEY_TYPES, rsa_key_types),                      \
	{ WDP_FN(SIGNATURE_GETTABLE_CTX_PARAMS, rsa_gettable) },               \
	{ WDP_FN(SIGNATURE_VERIFY_RECOVER_INIT, sigalg_recover_init) },        \
	{ WDP_FN(SIGNATURE_VERIFY_RECOVER, wdp_rsa_recover) }

#define SIGALG_EC_OPS wdp_ecdsa_sig_ops
#define SIGALG_EC_STRICT false
#define SIGALG_EC_ROWS                                                         \
	SIGALG_FN(SIGALG_QUERY_KEY_TYPES, ec_key_types),                       \
	{ WDP_FN(SIGNATURE_GETTABLE_CTX_PARAMS, ec_gettable) }
/* clang-format on */

/* What a family's names have of their own and libcrypto asks without a row. */
#define SIGALG_FAMILY(id, name, family_ops)                                    \
	static sigalg_key_types_fn id##_key_types;                             \
	static const char **id##_key_types(void)                               \
	{                                                                      \
		static const char *types[] = { name, NULL };                   \
                                                                               \
		return types;                                                  \
	}                                                                      \
	static OSSL_FUNC_signature_gettable_ctx_params_fn id##_gettable;       \
	static const OSSL_PARAM *id##_gettable(void *ctx, void *provctx)       \
	{                                                                      \
		(void)provctx;                                                 \
		return wdp_sig_gettable(ctx, &(family_ops));                   \
	}

SIGALG_FAMILY(rsa, "RSA", wdp_rsa_sig_ops)
SIGALG_FAMILY(ec, "EC", wdp_ecdsa_sig_ops)

/* Binds a row's digest to the functions above. */
#define SIGALG(family, id, names, md_name)                                     \
	static const struct wdp_sigalg id##_alg = {                            \
		.ops = &SIGALG_##family##_OPS,                                 \
		.key_type = #family,                                           \
		.md = (md_name),                                               \
		.strict = SIGALG_##family##_STRICT,                            \
	};                                                                     \
	static OSSL_FUNC_signature_newctx_fn id##_new;                         \
	static void *id##_new(void *provctx, const char *propq)                \
	{                                                                      \
		(void)propq;                                                   \
		return sigalg_new(provctx, &id##_alg);                         \
	}                                                                      \
	const OSSL_DISPATCH wdp_##id##_fns[] = {                               \
		{ WDP_FN(SIGNATURE_NEWCTX, id##_new) },                        \
		SIGALG_ROWS,                                                   \
		SIGALG_##family##_ROWS,                                        \
		{ 0, NULL },                                                   \
	};
#include "provider/wdp_sigalg.def"
#undef SIGALG
