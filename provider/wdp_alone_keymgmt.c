/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key types wd does not offload: the same struct wdp_pkey as for RSA, with
 * another spec.
 */
#include "provider/wdp_alone.h"

#include <openssl/core_object.h>

static const OSSL_PARAM *
wdp_km_list(struct wdp_ctx *p, const char *type,
	    const OSSL_PARAM *(*get)(const EVP_KEYMGMT *))
{
	OSSL_LIB_CTX *libctx = wdp_twin(p);
	EVP_KEYMGMT *km = libctx ? EVP_KEYMGMT_fetch(libctx, type, NULL) : NULL;
	/* The list is static in the default provider, which stays loaded. */
	const OSSL_PARAM *list = km ? get(km) : NULL;

	EVP_KEYMGMT_free(km);
	return list;
}

static const char *wdp_km_operation(const struct wdp_pkey_spec *spec,
				    int operation)
{
	switch (operation) {
	case OSSL_OP_SIGNATURE:
		return spec->sig_name;
	case OSSL_OP_KEYEXCH:
		return spec->exch_name;
	case OSSL_OP_ASYM_CIPHER:
		return spec->cipher_name;
	default:
		return NULL;
	}
}

/* ---- what keys are made of ----------------------------------------------- */

/* clang-format off */
#define BN(name)     OSSL_PARAM_BN(name, NULL, 0)
#define OCTETS(name) OSSL_PARAM_octet_string(name, NULL, 0)
#define TEXT(name)   OSSL_PARAM_utf8_string(name, NULL, 0)

static const OSSL_PARAM wdp_ecx_types[] = {
	OCTETS(OSSL_PKEY_PARAM_PUB_KEY), OCTETS(OSSL_PKEY_PARAM_PRIV_KEY),
	OSSL_PARAM_END,
};

static const OSSL_PARAM wdp_ec_types[] = {
	TEXT(OSSL_PKEY_PARAM_GROUP_NAME), TEXT(OSSL_PKEY_PARAM_EC_ENCODING),
	TEXT(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT),
	TEXT(OSSL_PKEY_PARAM_EC_FIELD_TYPE),
	BN(OSSL_PKEY_PARAM_EC_P), BN(OSSL_PKEY_PARAM_EC_A),
	BN(OSSL_PKEY_PARAM_EC_B), OCTETS(OSSL_PKEY_PARAM_EC_GENERATOR),
	BN(OSSL_PKEY_PARAM_EC_ORDER), BN(OSSL_PKEY_PARAM_EC_COFACTOR),
	OCTETS(OSSL_PKEY_PARAM_EC_SEED),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, NULL),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, NULL),
	OCTETS(OSSL_PKEY_PARAM_PUB_KEY), BN(OSSL_PKEY_PARAM_PRIV_KEY),
	OSSL_PARAM_END,
};

/* DH, DHX and DSA */
static const OSSL_PARAM wdp_ffc_types[] = {
	TEXT(OSSL_PKEY_PARAM_GROUP_NAME),
	BN(OSSL_PKEY_PARAM_FFC_P), BN(OSSL_PKEY_PARAM_FFC_Q),
	BN(OSSL_PKEY_PARAM_FFC_G), BN(OSSL_PKEY_PARAM_FFC_COFACTOR),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_FFC_GINDEX, NULL),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_FFC_PCOUNTER, NULL),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_FFC_H, NULL),
	OCTETS(OSSL_PKEY_PARAM_FFC_SEED),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_DH_PRIV_LEN, NULL),
	BN(OSSL_PKEY_PARAM_PUB_KEY), BN(OSSL_PKEY_PARAM_PRIV_KEY),
	OSSL_PARAM_END,
};

static const OSSL_PARAM wdp_mac_types[] = {
	OCTETS(OSSL_PKEY_PARAM_PRIV_KEY), TEXT(OSSL_PKEY_PARAM_CIPHER),
	TEXT(OSSL_PKEY_PARAM_PROPERTIES), OSSL_PARAM_END,
};
/* clang-format on */

/* ---- rows ---------------------------------------------------------------- */

/* Binds a spec, in the last arguments, to the functions above and wdp_pkey.c's;
 * @types is what keys of the type are made of. */
#define WDP_KEYMGMT(id, types, ...)                                            \
	static const struct wdp_pkey_spec id##_spec = { __VA_ARGS__ };         \
	static OSSL_FUNC_keymgmt_new_fn id##_new;                              \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return wdp_pkey_new(prov, &id##_spec);                         \
	}                                                                      \
	static OSSL_FUNC_keymgmt_gen_init_fn id##_gen_init;                    \
	static void *id##_gen_init(void *prov, int selection,                  \
				   const OSSL_PARAM params[])                  \
	{                                                                      \
		return wdp_pkey_gen_init(prov, selection, params, &id##_spec); \
	}                                                                      \
	static OSSL_FUNC_keymgmt_load_fn id##_load;                            \
	static void *id##_load(const void *reference, size_t size)             \
	{                                                                      \
		return wdp_pkey_load(reference, size, &id##_spec);             \
	}                                                                      \
	static OSSL_FUNC_keymgmt_query_operation_name_fn id##_operation;       \
	static const char *id##_operation(int operation)                       \
	{                                                                      \
		return wdp_km_operation(&id##_spec, operation);                \
	}                                                                      \
	static OSSL_FUNC_keymgmt_import_types_fn id##_types;                   \
	static const OSSL_PARAM *id##_types(int selection)                     \
	{                                                                      \
		return selection & OSSL_KEYMGMT_SELECT_ALL ? (types) : NULL;   \
	}                                                                      \
	static OSSL_FUNC_keymgmt_gettable_params_fn id##_gettable;             \
	static const OSSL_PARAM *id##_gettable(void *prov)                     \
	{                                                                      \
		return wdp_km_list(prov, id##_spec.type,                       \
				   EVP_KEYMGMT_gettable_params);               \
	}                                                                      \
	static OSSL_FUNC_keymgmt_settable_params_fn id##_settable;             \
	static const OSSL_PARAM *id##_settable(void *prov)                     \
	{                                                                      \
		return wdp_km_list(prov, id##_spec.type,                       \
				   EVP_KEYMGMT_settable_params);               \
	}                                                                      \
	static OSSL_FUNC_keymgmt_gen_settable_params_fn id##_gen_settable;     \
	static const OSSL_PARAM *id##_gen_settable(void *gen, void *prov)      \
	{                                                                      \
		(void)gen;                                                     \
		return wdp_km_list(prov, id##_spec.type,                       \
				   EVP_KEYMGMT_gen_settable_params);           \
	}                                                                      \
	static const OSSL_DISPATCH id##_fns[] = {                              \
		{ WDP_FN(KEYMGMT_NEW, id##_new) },                             \
		{ WDP_FN(KEYMGMT_FREE, wdp_pkey_free) },                       \
		{ WDP_FN(KEYMGMT_LOAD, id##_load) },                           \
		{ WDP_FN(KEYMGMT_DUP, wdp_pkey_dup) },                         \
		{ WDP_FN(KEYMGMT_HAS, wdp_pkey_has) },                         \
		{ WDP_FN(KEYMGMT_MATCH, wdp_pkey_match) },                     \
		{ WDP_FN(KEYMGMT_VALIDATE, wdp_pkey_validate) },               \
		{ WDP_FN(KEYMGMT_QUERY_OPERATION_NAME, id##_operation) },      \
		{ WDP_FN(KEYMGMT_IMPORT, wdp_pkey_import) },                   \
		{ WDP_FN(KEYMGMT_IMPORT_TYPES, id##_types) },                  \
		{ WDP_FN(KEYMGMT_EXPORT, wdp_pkey_export) },                   \
		{ WDP_FN(KEYMGMT_EXPORT_TYPES, id##_types) },                  \
		{ WDP_FN(KEYMGMT_GET_PARAMS, wdp_pkey_get_params) },           \
		{ WDP_FN(KEYMGMT_GETTABLE_PARAMS, id##_gettable) },            \
		{ WDP_FN(KEYMGMT_SET_PARAMS, wdp_pkey_set_params) },           \
		{ WDP_FN(KEYMGMT_SETTABLE_PARAMS, id##_settable) },            \
		{ WDP_FN(KEYMGMT_GEN_INIT, id##_gen_init) },                   \
		{ WDP_FN(KEYMGMT_GEN_SET_TEMPLATE,                             \
			 wdp_pkey_gen_set_template) },                         \
		{ WDP_FN(KEYMGMT_GEN_SET_PARAMS, wdp_pkey_gen_set_params) },   \
		{ WDP_FN(KEYMGMT_GEN_SETTABLE_PARAMS, id##_gen_settable) },    \
		{ WDP_FN(KEYMGMT_GEN, wdp_pkey_gen) },                         \
		{ WDP_FN(KEYMGMT_GEN_CLEANUP, wdp_pkey_gen_cleanup) },         \
		{ 0, NULL },                                                   \
	}

#define WDP_PUB_PRIV                                                           \
	.pub_param = OSSL_PKEY_PARAM_PUB_KEY,                                  \
	.priv_param = OSSL_PKEY_PARAM_PRIV_KEY

/* X25519 and the like have no parameters, yet TLS copies them: has_params. */
WDP_KEYMGMT(ec, wdp_ec_types, .type = "EC", .sig_name = "ECDSA",
	    .exch_name = "ECDH", .has_params = true, WDP_PUB_PRIV);
WDP_KEYMGMT(sm2, wdp_ec_types, .type = "SM2", .sig_name = "SM2",
	    .cipher_name = "SM2", .has_params = true, WDP_PUB_PRIV);
WDP_KEYMGMT(x25519, wdp_ecx_types, .type = "X25519", .exch_name = "X25519",
	    .has_params = true, WDP_PUB_PRIV);
WDP_KEYMGMT(x448, wdp_ecx_types, .type = "X448", .exch_name = "X448",
	    .has_params = true, WDP_PUB_PRIV);
WDP_KEYMGMT(ed25519, wdp_ecx_types, .type = "ED25519", .sig_name = "ED25519",
	    .has_params = true, WDP_PUB_PRIV);
WDP_KEYMGMT(ed448, wdp_ecx_types, .type = "ED448", .sig_name = "ED448",
	    .has_params = true, WDP_PUB_PRIV);
WDP_KEYMGMT(dh, wdp_ffc_types, .type = "DH", .exch_name = "DH",
	    .has_params = true, WDP_PUB_PRIV);
WDP_KEYMGMT(dhx, wdp_ffc_types, .type = "DHX", .exch_name = "DH",
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
	WDP_ALONE_ROW(WDP_EC_NAMES, ec_fns),
	WDP_ALONE_ROW(WDP_SM2_NAMES, sm2_fns),
	WDP_ALONE_ROW(WDP_X25519_NAMES, x25519_fns),
	WDP_ALONE_ROW(WDP_X448_NAMES, x448_fns),
	WDP_ALONE_ROW(WDP_ED25519_NAMES, ed25519_fns),
	WDP_ALONE_ROW(WDP_ED448_NAMES, ed448_fns),
	WDP_ALONE_ROW(WDP_DH_NAMES, dh_fns),
	WDP_ALONE_ROW(WDP_DHX_NAMES, dhx_fns),
	WDP_ALONE_ROW(WDP_DSA_NAMES, dsa_fns),
	WDP_ALONE_ROW("HMAC", hmac_fns),
	WDP_ALONE_ROW("CMAC", cmac_fns),
	WDP_ALONE_ROW("SIPHASH", siphash_fns),
	WDP_ALONE_ROW("POLY1305", poly1305_fns),
	WDP_ALONE_ROW("HKDF", hkdf_fns),
	WDP_ALONE_ROW("TLS1-PRF", tls1prf_fns),
	WDP_ALONE_ROW(WDP_SCRYPT_NAMES, scrypt_fns),
	{ NULL, NULL, NULL, NULL },
};

/* ---- handing keys over --------------------------------------------------- */

static const struct wdp_pkey_spec *wdp_alone_spec(const EVP_PKEY *twin)
{
	static const struct wdp_pkey_spec *const specs[] = {
		&wdp_rsa_spec, &wdp_rsapss_spec, &ec_spec,	&sm2_spec,
		&x25519_spec,  &x448_spec,	 &ed25519_spec, &ed448_spec,
		&dh_spec,      &dhx_spec,	 &dsa_spec,
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
