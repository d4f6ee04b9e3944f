/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_alone.h"

#include <openssl/kdf.h>

struct wdp_alone_kdf {
	EVP_KDF_CTX *twin;
};

static EVP_KDF *wdp_kdf_fetch(struct wdp_ctx *p, const char *name)
{
	OSSL_LIB_CTX *libctx = wdp_twin(p);

	return libctx ? EVP_KDF_fetch(libctx, name, NULL) : NULL;
}

static void *wdp_kdf_new(struct wdp_ctx *p, const char *name)
{
	EVP_KDF *kdf = wdp_kdf_fetch(p, name);
	struct wdp_alone_kdf *k = NULL;

	if (!kdf)
		return NULL;
	k = malloc(sizeof(*k));
	if (!k)
		goto free_kdf;
	k->twin = EVP_KDF_CTX_new(kdf);
	if (!k->twin) {
		free(k);
		k = NULL;
	}
free_kdf:
	EVP_KDF_free(kdf);
	return k;
}

static OSSL_FUNC_kdf_freectx_fn wdp_kdf_free;
static void wdp_kdf_free(void *ctx)
{
	struct wdp_alone_kdf *k = ctx;

	if (!k)
		return;
	EVP_KDF_CTX_free(k->twin);
	free(k);
}

static OSSL_FUNC_kdf_dupctx_fn wdp_kdf_dup;
static void *wdp_kdf_dup(void *ctx)
{
	const struct wdp_alone_kdf *from = ctx;
	struct wdp_alone_kdf *k = malloc(sizeof(*k));

	if (!k)
		return NULL;
	k->twin = EVP_KDF_CTX_dup(from->twin);
	if (k->twin)
		return k;
	free(k);
	return NULL;
}

static OSSL_FUNC_kdf_reset_fn wdp_kdf_reset;
static void wdp_kdf_reset(void *ctx)
{
	struct wdp_alone_kdf *k = ctx;

	EVP_KDF_CTX_reset(k->twin);
}

static OSSL_FUNC_kdf_derive_fn wdp_kdf_derive;
static int wdp_kdf_derive(void *ctx, unsigned char *key, size_t len,
			  const OSSL_PARAM params[])
{
	struct wdp_alone_kdf *k = ctx;
	struct wdp_alone_params buf;

	return EVP_KDF_derive(k->twin, key, len,
			      wdp_alone_params(params, &buf));
}

static OSSL_FUNC_kdf_get_ctx_params_fn wdp_kdf_get_params;
static int wdp_kdf_get_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_alone_kdf *k = ctx;

	return EVP_KDF_CTX_get_params(k->twin, params);
}

static OSSL_FUNC_kdf_set_ctx_params_fn wdp_kdf_set_params;
static int wdp_kdf_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_kdf *k = ctx;
	struct wdp_alone_params buf;

	return EVP_KDF_CTX_set_params(k->twin, wdp_alone_params(params, &buf));
}

/* The lists are static in the default provider, which stays loaded. */
static const OSSL_PARAM *wdp_kdf_gettable(struct wdp_ctx *p, const char *name)
{
	EVP_KDF *kdf = wdp_kdf_fetch(p, name);
	const OSSL_PARAM *list = kdf ? EVP_KDF_gettable_ctx_params(kdf) : NULL;

	EVP_KDF_free(kdf);
	return list;
}

static const OSSL_PARAM *wdp_kdf_settable(struct wdp_ctx *p, const char *name)
{
	EVP_KDF *kdf = wdp_kdf_fetch(p, name);
	const OSSL_PARAM *list = kdf ? EVP_KDF_settable_ctx_params(kdf) : NULL;

	EVP_KDF_free(kdf);
	return list;
}

/* Binds a name to the functions above. */
#define WDP_KDF(id, name)                                                      \
	static OSSL_FUNC_kdf_newctx_fn id##_new;                               \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return wdp_kdf_new(prov, name);                                \
	}                                                                      \
	static OSSL_FUNC_kdf_gettable_ctx_params_fn id##_gettable;             \
	static const OSSL_PARAM *id##_gettable(void *ctx, void *prov)          \
	{                                                                      \
		(void)ctx;                                                     \
		return wdp_kdf_gettable(prov, name);                           \
	}                                                                      \
	static OSSL_FUNC_kdf_settable_ctx_params_fn id##_settable;             \
	static const OSSL_PARAM *id##_settable(void *ctx, void *prov)          \
	{                                                                      \
		(void)ctx;                                                     \
		return wdp_kdf_settable(prov, name);                           \
	}                                                                      \
	static const OSSL_DISPATCH id##_fns[] = {                              \
		{ WDP_FN(KDF_NEWCTX, id##_new) },                              \
		{ WDP_FN(KDF_FREECTX, wdp_kdf_free) },                         \
		{ WDP_FN(KDF_DUPCTX, wdp_kdf_dup) },                           \
		{ WDP_FN(KDF_RESET, wdp_kdf_reset) },                          \
		{ WDP_FN(KDF_DERIVE, wdp_kdf_derive) },                        \
		{ WDP_FN(KDF_GET_CTX_PARAMS, wdp_kdf_get_params) },            \
		{ WDP_FN(KDF_SET_CTX_PARAMS, wdp_kdf_set_params) },            \
		{ WDP_FN(KDF_GETTABLE_CTX_PARAMS, id##_gettable) },            \
		{ WDP_FN(KDF_SETTABLE_CTX_PARAMS, id##_settable) },            \
		{ 0, NULL },                                                   \
	}

WDP_KDF(hkdf, "HKDF");
WDP_KDF(tls13, "TLS13-KDF");
WDP_KDF(tls1, "TLS1-PRF");
WDP_KDF(pbkdf2, "PBKDF2");
WDP_KDF(pkcs12, "PKCS12KDF");
WDP_KDF(scrypt, "SCRYPT");
WDP_KDF(sskdf, "SSKDF");
WDP_KDF(sshkdf, "SSHKDF");
WDP_KDF(kbkdf, "KBKDF");
WDP_KDF(x942, "X942KDF-ASN1");
WDP_KDF(x963, "X963KDF");
WDP_KDF(krb5, "KRB5KDF");

const OSSL_ALGORITHM wdp_alone_kdfs[] = {
	WDP_ALONE_ROW("HKDF", hkdf_fns),
	WDP_ALONE_ROW("TLS13-KDF", tls13_fns),
	WDP_ALONE_ROW("TLS1-PRF", tls1_fns),
	WDP_ALONE_ROW("PBKDF2:1.2.840.113549.1.5.12", pbkdf2_fns),
	WDP_ALONE_ROW("PKCS12KDF", pkcs12_fns),
	WDP_ALONE_ROW(WDP_SCRYPT_NAMES, scrypt_fns),
	WDP_ALONE_ROW("SSKDF", sskdf_fns),
	WDP_ALONE_ROW("SSHKDF", sshkdf_fns),
	WDP_ALONE_ROW("KBKDF", kbkdf_fns),
	WDP_ALONE_ROW("X942KDF-ASN1:X942KDF", x942_fns),
	WDP_ALONE_ROW("X963KDF:X942KDF-CONCAT", x963_fns),
	WDP_ALONE_ROW("KRB5KDF", krb5_fns),
	{ NULL, NULL, NULL, NULL },
};
