/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_alone.h"

struct wdp_alone_sig {
	struct wdp_ctx *prov;
	struct wdp_pkey *key; /* a reference; re-init may name none */
	EVP_PKEY_CTX *raw;    /* signs a digest that was made elsewhere */
	EVP_MD_CTX *digest;   /* or makes the digest too; one of the two */
};

static OSSL_FUNC_signature_newctx_fn wdp_alone_sig_new;
static void *wdp_alone_sig_new(void *prov, const char *properties)
{
	struct wdp_alone_sig *s = calloc(1, sizeof(*s));

	(void)properties; /* of the application's context */
	if (s)
		s->prov = prov;
	return s;
}

static void wdp_alone_sig_reset(struct wdp_alone_sig *s)
{
	EVP_PKEY_CTX_free(s->raw);
	EVP_MD_CTX_free(s->digest);
	s->raw = NULL;
	s->digest = NULL;
}

static OSSL_FUNC_signature_freectx_fn wdp_alone_sig_free;
static void wdp_alone_sig_free(void *ctx)
{
	struct wdp_alone_sig *s = ctx;

	if (!s)
		return;
	wdp_alone_sig_reset(s);
	wdp_pkey_put(s->key);
	free(s);
}

static OSSL_FUNC_signature_dupctx_fn wdp_alone_sig_dup;
static void *wdp_alone_sig_dup(void *ctx)
{
	const struct wdp_alone_sig *from = ctx;
	struct wdp_alone_sig *s = wdp_alone_sig_new(from->prov, NULL);

	if (!s)
		return NULL;
	if (from->key)
		s->key = wdp_pkey_get(from->key);
	if (from->raw) {
		s->raw = EVP_PKEY_CTX_dup(from->raw);
		if (!s->raw)
			goto free_ctx;
	}
	if (from->digest) {
		s->digest = EVP_MD_CTX_new();
		if (!s->digest || !EVP_MD_CTX_copy_ex(s->digest, from->digest))
			goto free_ctx;
	}
	return s;

free_ctx:
	wdp_alone_sig_free(s);
	return NULL;
}

/* From here on with @key; NULL: the one from before. */
static bool wdp_alone_sig_key(struct wdp_alone_sig *s, struct wdp_pkey *key)
{
	wdp_alone_sig_reset(s);
	if (key) {
		wdp_pkey_get(key);
		wdp_pkey_put(s->key);
		s->key = key;
	}
	if (s->key && wdp_pkey_twin(s->key))
		return true;
	wdp_raise(s->prov, WDP_R_NO_KEY, NULL);
	return false;
}

/* ---- a digest made elsewhere --------------------------------------------- */

static int wdp_alone_sig_raw_init(struct wdp_alone_sig *s, struct wdp_pkey *key,
				  const OSSL_PARAM params[],
				  int (*init)(EVP_PKEY_CTX *,
					      const OSSL_PARAM[]))
{
	struct wdp_alone_params buf;

	if (!wdp_alone_sig_key(s, key))
		return 0;
	s->raw = wdp_pkey_twin_ctx(s->key);
	return s->raw && init(s->raw, wdp_alone_params(params, &buf)) > 0;
}

static OSSL_FUNC_signature_sign_init_fn wdp_alone_sig_sign_init;
static int wdp_alone_sig_sign_init(void *ctx, void *key,
				   const OSSL_PARAM params[])
{
	return wdp_alone_sig_raw_init(ctx, key, params, EVP_PKEY_sign_init_ex);
}

static OSSL_FUNC_signature_verify_init_fn wdp_alone_sig_verify_init;
static int wdp_alone_sig_verify_init(void *ctx, void *key,
				     const OSSL_PARAM params[])
{
	return wdp_alone_sig_raw_init(ctx, key, params,
				      EVP_PKEY_verify_init_ex);
}

static OSSL_FUNC_signature_sign_fn wdp_alone_sig_sign;
static int wdp_alone_sig_sign(void *ctx, unsigned char *sig, size_t *len,
			      size_t size, const unsigned char *tbs,
			      size_t tbs_len)
{
	struct wdp_alone_sig *s = ctx;

	*len = size;
	return s->raw && EVP_PKEY_sign(s->raw, sig, len, tbs, tbs_len) > 0;
}

static OSSL_FUNC_signature_verify_fn wdp_alone_sig_verify;
static int wdp_alone_sig_verify(void *ctx, const unsigned char *sig, size_t len,
				const unsigned char *tbs, size_t tbs_len)
{
	struct wdp_alone_sig *s = ctx;

	return s->raw && EVP_PKEY_verify(s->raw, sig, len, tbs, tbs_len) > 0;
}

/* ---- a digest made here -------------------------------------------------- */

typedef int wdp_alone_sig_init_fn(EVP_MD_CTX *, EVP_PKEY_CTX **, const char *,
				  OSSL_LIB_CTX *, const char *, EVP_PKEY *,
				  const OSSL_PARAM[]);

static int wdp_alone_sig_digest_init(struct wdp_alone_sig *s, const char *md,
				     struct wdp_pkey *key,
				     const OSSL_PARAM params[],
				     wdp_alone_sig_init_fn *init)
{
	OSSL_LIB_CTX *libctx = wdp_twin(s->prov);
	struct wdp_alone_params buf;

	if (!libctx || !wdp_alone_sig_key(s, key))
		return 0;
	s->digest = EVP_MD_CTX_new();
	return s->digest &&
	       init(s->digest, NULL, md, libctx, NULL, wdp_pkey_twin(s->key),
		    wdp_alone_params(params, &buf)) > 0;
}

static OSSL_FUNC_signature_digest_sign_init_fn wdp_alone_sig_digest_sign_init;
static int wdp_alone_sig_digest_sign_init(void *ctx, const char *md, void *key,
					  const OSSL_PARAM params[])
{
	return wdp_alone_sig_digest_init(ctx, md, key, params,
					 EVP_DigestSignInit_ex);
}

static OSSL_FUNC_signature_digest_verify_init_fn
	wdp_alone_sig_digest_verify_init;
static int wdp_alone_sig_digest_verify_init(void *ctx, const char *md,
					    void *key,
					    const OSSL_PARAM params[])
{
	return wdp_alone_sig_digest_init(ctx, md, key, params,
					 EVP_DigestVerifyInit_ex);
}

static OSSL_FUNC_signature_digest_sign_update_fn wdp_alone_sig_sign_update;
static int wdp_alone_sig_sign_update(void *ctx, const unsigned char *in,
				     size_t len)
{
	struct wdp_alone_sig *s = ctx;

	return s->digest && EVP_DigestSignUpdate(s->digest, in, len) > 0;
}

static OSSL_FUNC_signature_digest_verify_update_fn wdp_alone_sig_verify_update;
static int wdp_alone_sig_verify_update(void *ctx, const unsigned char *in,
				       size_t len)
{
	struct wdp_alone_sig *s = ctx;

	return s->digest && EVP_DigestVerifyUpdate(s->digest, in, len) > 0;
}

static OSSL_FUNC_signature_digest_sign_final_fn wdp_alone_sig_sign_final;
static int wdp_alone_sig_sign_final(void *ctx, unsigned char *sig, size_t *len,
				    size_t size)
{
	struct wdp_alone_sig *s = ctx;

	*len = size;
	return s->digest && EVP_DigestSignFinal(s->digest, sig, len) > 0;
}

static OSSL_FUNC_signature_digest_verify_final_fn wdp_alone_sig_verify_final;
static int wdp_alone_sig_verify_final(void *ctx, const unsigned char *sig,
				      size_t len)
{
	struct wdp_alone_sig *s = ctx;

	return s->digest && EVP_DigestVerifyFinal(s->digest, sig, len) > 0;
}

static OSSL_FUNC_signature_digest_sign_fn wdp_alone_sig_digest_sign;
static int wdp_alone_sig_digest_sign(void *ctx, unsigned char *sig, size_t *len,
				     size_t size, const unsigned char *in,
				     size_t in_len)
{
	struct wdp_alone_sig *s = ctx;

	*len = size;
	return s->digest && EVP_DigestSign(s->digest, sig, len, in, in_len) > 0;
}

static OSSL_FUNC_signature_digest_verify_fn wdp_alone_sig_digest_verify;
static int wdp_alone_sig_digest_verify(void *ctx, const unsigned char *sig,
				       size_t len, const unsigned char *in,
				       size_t in_len)
{
	struct wdp_alone_sig *s = ctx;

	return s->digest &&
	       EVP_DigestVerify(s->digest, sig, len, in, in_len) > 0;
}

/* ---- parameters ---------------------------------------------------------- */

static EVP_PKEY_CTX *wdp_alone_sig_twin(const struct wdp_alone_sig *s)
{
	if (s->digest)
		return EVP_MD_CTX_get_pkey_ctx(s->digest);
	return s->raw;
}

static OSSL_FUNC_signature_get_ctx_params_fn wdp_alone_sig_get_params;
static int wdp_alone_sig_get_params(void *ctx, OSSL_PARAM params[])
{
	EVP_PKEY_CTX *twin = wdp_alone_sig_twin(ctx);

	return twin && EVP_PKEY_CTX_get_params(twin, params) > 0;
}

static OSSL_FUNC_signature_set_ctx_params_fn wdp_alone_sig_set_params;
static int wdp_alone_sig_set_params(void *ctx, const OSSL_PARAM params[])
{
	EVP_PKEY_CTX *twin = wdp_alone_sig_twin(ctx);
	struct wdp_alone_params buf;

	return twin && EVP_PKEY_CTX_set_params(
			       twin, wdp_alone_params(params, &buf)) > 0;
}

/* Before init nobody knows which signature it will be. */
static const OSSL_PARAM wdp_alone_sig_none[] = { OSSL_PARAM_END };

static OSSL_FUNC_signature_gettable_ctx_params_fn wdp_alone_sig_gettable;
static const OSSL_PARAM *wdp_alone_sig_gettable(void *ctx, void *prov)
{
	EVP_PKEY_CTX *twin = ctx ? wdp_alone_sig_twin(ctx) : NULL;

	(void)prov;
	return twin ? EVP_PKEY_CTX_gettable_params(twin) : wdp_alone_sig_none;
}

static OSSL_FUNC_signature_settable_ctx_params_fn wdp_alone_sig_settable;
static const OSSL_PARAM *wdp_alone_sig_settable(void *ctx, void *prov)
{
	EVP_PKEY_CTX *twin = ctx ? wdp_alone_sig_twin(ctx) : NULL;

	(void)prov;
	return twin ? EVP_PKEY_CTX_settable_params(twin) : wdp_alone_sig_none;
}

static OSSL_FUNC_signature_get_ctx_md_params_fn wdp_alone_sig_get_md_params;
static int wdp_alone_sig_get_md_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_alone_sig *s = ctx;

	return s->digest && EVP_MD_CTX_get_params(s->digest, params) > 0;
}

static OSSL_FUNC_signature_set_ctx_md_params_fn wdp_alone_sig_set_md_params;
static int wdp_alone_sig_set_md_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_sig *s = ctx;

	return s->digest && EVP_MD_CTX_set_params(s->digest, params) > 0;
}

static OSSL_FUNC_signature_gettable_ctx_md_params_fn wdp_alone_sig_gettable_md;
static const OSSL_PARAM *wdp_alone_sig_gettable_md(void *ctx)
{
	struct wdp_alone_sig *s = ctx;

	return s && s->digest ? EVP_MD_CTX_gettable_params(s->digest)
			      : wdp_alone_sig_none;
}

static OSSL_FUNC_signature_settable_ctx_md_params_fn wdp_alone_sig_settable_md;
static const OSSL_PARAM *wdp_alone_sig_settable_md(void *ctx)
{
	struct wdp_alone_sig *s = ctx;

	return s && s->digest ? EVP_MD_CTX_settable_params(s->digest)
			      : wdp_alone_sig_none;
}

static const OSSL_DISPATCH wdp_alone_sig_fns[] = {
	{ WDP_FN(SIGNATURE_NEWCTX, wdp_alone_sig_new) },
	{ WDP_FN(SIGNATURE_FREECTX, wdp_alone_sig_free) },
	{ WDP_FN(SIGNATURE_DUPCTX, wdp_alone_sig_dup) },
	{ WDP_FN(SIGNATURE_SIGN_INIT, wdp_alone_sig_sign_init) },
	{ WDP_FN(SIGNATURE_SIGN, wdp_alone_sig_sign) },
	{ WDP_FN(SIGNATURE_VERIFY_INIT, wdp_alone_sig_verify_init) },
	{ WDP_FN(SIGNATURE_VERIFY, wdp_alone_sig_verify) },
	{ WDP_FN(SIGNATURE_DIGEST_SIGN_INIT, wdp_alone_sig_digest_sign_init) },
	{ WDP_FN(SIGNATURE_DIGEST_SIGN_UPDATE, wdp_alone_sig_sign_update) },
	{ WDP_FN(SIGNATURE_DIGEST_SIGN_FINAL, wdp_alone_sig_sign_final) },
	{ WDP_FN(SIGNATURE_DIGEST_SIGN, wdp_alone_sig_digest_sign) },
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY_INIT,
		 wdp_alone_sig_digest_verify_init) },
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY_UPDATE, wdp_alone_sig_verify_update) },
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY_FINAL, wdp_alone_sig_verify_final) },
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY, wdp_alone_sig_digest_verify) },
	{ WDP_FN(SIGNATURE_GET_CTX_PARAMS, wdp_alone_sig_get_params) },
	{ WDP_FN(SIGNATURE_GETTABLE_CTX_PARAMS, wdp_alone_sig_gettable) },
	{ WDP_FN(SIGNATURE_SET_CTX_PARAMS, wdp_alone_sig_set_params) },
	{ WDP_FN(SIGNATURE_SETTABLE_CTX_PARAMS, wdp_alone_sig_settable) },
	{ WDP_FN(SIGNATURE_GET_CTX_MD_PARAMS, wdp_alone_sig_get_md_params) },
	{ WDP_FN(SIGNATURE_GETTABLE_CTX_MD_PARAMS, wdp_alone_sig_gettable_md) },
	{ WDP_FN(SIGNATURE_SET_CTX_MD_PARAMS, wdp_alone_sig_set_md_params) },
	{ WDP_FN(SIGNATURE_SETTABLE_CTX_MD_PARAMS, wdp_alone_sig_settable_md) },
	{ 0, NULL },
};

/* The key says which it is, so all names share one table. */
const OSSL_ALGORITHM wdp_alone_signatures[] = {
	WDP_ALONE_ROW(WDP_ED25519_NAMES, wdp_alone_sig_fns),
	WDP_ALONE_ROW(WDP_ED448_NAMES, wdp_alone_sig_fns),
	WDP_ALONE_ROW(WDP_DSA_NAMES, wdp_alone_sig_fns),
	WDP_ALONE_ROW("HMAC", wdp_alone_sig_fns),
	WDP_ALONE_ROW("CMAC", wdp_alone_sig_fns),
	WDP_ALONE_ROW("SIPHASH", wdp_alone_sig_fns),
	WDP_ALONE_ROW("POLY1305", wdp_alone_sig_fns),
	{ NULL, NULL, NULL, NULL },
};
