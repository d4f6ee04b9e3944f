/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key types wd does not offload: the same struct wdp_pkey as for RSA, with
 * another spec.
 */
#include "provider/wdp_alone.h"

#include <openssl/core_object.h>

#include "provider/wdp_keymgmt.h"

/* ---- rows ---------------------------------------------------------------- */

WDP_KEYMGMT(ed25519, wdp_ecx_types, .type = "ED25519", .sig_name = "ED25519",
	    .has_params = true, WDP_PUB_PRIV);
WDP_KEYMGMT(ed448, wdp_ecx_types, .type = "ED448", .sig_name = "ED448",
	    .has_params = true, WDP_PUB_PRIV);
WDP_KEYMGMT(dsa, wdp_ffc_types, .type = "DSA", .sig_name = "DSA",
	    .has_params = true, WDP_PUB_PRIV);
/* A MAC key is private only. */
WDP_KEYMGMT(hmac, wdp_mac_types, .type = "HMAC", .sig_name = "HMAC",
	    .priv_param = OSSL_PKEY_PARAM_PRIV_KEY);
WDP_KEYMGMT(cmac, wdp_mac_types, .type = "CMAC", .sig_name = "CMAC",
	    .priv_param = OSSL_PKEY_PARAM_PRIV_KEY);
WDP_KEYMGMT(siphash, wdp_mac_types, .type = "SIPHASH", .sig_name = "SIPHASH",
	    .priv_param = OSSL_PKEY_PARAM_PRIV_KEY);
WDP_KEYMGMT(poly1305, wdp_mac_types, .type = "POLY1305", .sig_name = "POLY1305",
	    .priv_param = OSSL_PKEY_PARAM_PRIV_KEY);

/* ---- KDFs dressed as key agreement ---------------------------------------- */

/* EVP_PKEY_HKDF and the like: a key with nothing in it, and nothing missing. */
static OSSL_FUNC_keymgmt_has_fn wdp_kdf_has;
static int wdp_kdf_has(const void *key, int selection)
{
	(void)key;
	(void)selection;
	return 1;
}

#define WDP_KDF_KEYMGMT(id, name)                                              \
	static const struct wdp_pkey_spec id##_spec = {                        \
		.type = (name),                                                \
		.exch_name = (name),                                           \
	};                                                                     \
	static OSSL_FUNC_keymgmt_new_fn id##_new;                              \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return wdp_pkey_new(prov, &id##_spec);                         \
	}                                                                      \
	static const OSSL_DISPATCH id##_fns[] = {                              \
		{ WDP_FN(KEYMGMT_NEW, id##_new) },                             \
		{ WDP_FN(KEYMGMT_FREE, wdp_pkey_free) },                       \
		{ WDP_FN(KEYMGMT_HAS, wdp_kdf_has) },                          \
		{ 0, NULL },                                                   \
	}

WDP_KDF_KEYMGMT(hkdf, "HKDF");
WDP_KDF_KEYMGMT(tls1prf, "TLS1-PRF");
WDP_KDF_KEYMGMT(scrypt, "SCRYPT");

const OSSL_ALGORITHM wdp_alone_keymgmts[] = {
	WDP_ALONE_ROW(WDP_ED25519_NAMES, wdp_ed25519_keymgmt_fns),
	WDP_ALONE_ROW(WDP_ED448_NAMES, wdp_ed448_keymgmt_fns),
	WDP_ALONE_ROW(WDP_DSA_NAMES, wdp_dsa_keymgmt_fns),
	WDP_ALONE_ROW("HMAC", wdp_hmac_keymgmt_fns),
	WDP_ALONE_ROW("CMAC", wdp_cmac_keymgmt_fns),
	WDP_ALONE_ROW("SIPHASH", wdp_siphash_keymgmt_fns),
	WDP_ALONE_ROW("POLY1305", wdp_poly1305_keymgmt_fns),
	WDP_ALONE_ROW("HKDF", hkdf_fns),
	WDP_ALONE_ROW("TLS1-PRF", tls1prf_fns),
	WDP_ALONE_ROW(WDP_SCRYPT_NAMES, scrypt_fns),
	{ NULL, NULL, NULL, NULL },
};

/* ---- handing keys over --------------------------------------------------- */

static const struct wdp_pkey_spec *wdp_alone_spec(const EVP_PKEY *twin)
{
	static const struct wdp_pkey_spec *const specs[] = {
		&wdp_rsa_spec,	   &wdp_rsapss_spec, &wdp_ec_spec,
		&wdp_sm2_spec,	   &wdp_x25519_spec, &wdp_x448_spec,
		&wdp_ed25519_spec, &wdp_ed448_spec,  &wdp_dh_spec,
		&wdp_dhx_spec,	   &wdp_dsa_spec,
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(specs); i++)
		if (EVP_PKEY_is_a(twin, specs[i]->type))
			return specs[i];
	return NULL;
}

int wdp_alone_give_key(struct wdp_ctx *p, EVP_PKEY *twin, OSSL_CALLBACK *cb,
		       void *arg)
{
	const struct wdp_pkey_spec *spec = wdp_alone_spec(twin);
	int object = OSSL_OBJECT_PKEY, ok;
	struct wdp_pkey_reference ref;
	OSSL_PARAM params[4];

	ref.key = spec ? wdp_pkey_wrap(p, spec, twin) : NULL;
	if (!ref.key) {
		EVP_PKEY_free(twin);
		return 0;
	}
	params[0] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &object);
	params[1] = OSSL_PARAM_construct_utf8_string(
		OSSL_OBJECT_PARAM_DATA_TYPE, (char *)spec->type, 0);
	params[2] = OSSL_PARAM_construct_octet_string(
		OSSL_OBJECT_PARAM_REFERENCE, &ref, sizeof(ref));
	params[3] = OSSL_PARAM_construct_end();
	ok = cb(params, arg);
	/* load() takes the key and clears the reference. */
	wdp_pkey_put(ref.key);
	return ok;
}

int wdp_alone_export_object(void *ctx, const void *reference, size_t size,
			    OSSL_CALLBACK *cb, void *arg)
{
	const struct wdp_pkey_reference *ref = reference;

	(void)ctx;
	return size == sizeof(*ref) && ref->key &&
	       wdp_pkey_export(ref->key, OSSL_KEYMGMT_SELECT_ALL, cb, arg);
}
