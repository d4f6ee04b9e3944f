/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA and RSA-PSS as key types: their names, and the parameters they can be
 * made of and taken apart into.  Everything else is wdp_pkey.c.
 */
#include "provider/wdp_pkey.h"

#include <openssl/params.h>

const struct wdp_pkey_spec wdp_rsa_spec = {
	.type = "RSA",
	.pub_param = OSSL_PKEY_PARAM_RSA_N,
	.priv_param = OSSL_PKEY_PARAM_RSA_D,
	.dev_free = wdp_rsa_dev_free,
};

/* Signatures with these keys are plain "RSA" to libcrypto. */
const struct wdp_pkey_spec wdp_rsapss_spec = {
	.type = "RSA-PSS",
	.sig_name = "RSA",
	.pub_param = OSSL_PKEY_PARAM_RSA_N,
	.priv_param = OSSL_PKEY_PARAM_RSA_D,
	.dev_free = wdp_rsa_dev_free,
};

/* clang-format off */
#define RSA_BN(name) OSSL_PARAM_BN(name, NULL, 0)

/* Ten primes are libcrypto's limit too; the tenth has the ninth coefficient. */
#define RSA_KEY_PARAMS                                                         \
	RSA_BN(OSSL_PKEY_PARAM_RSA_N), RSA_BN(OSSL_PKEY_PARAM_RSA_E),          \
	RSA_BN(OSSL_PKEY_PARAM_RSA_D),                                         \
	RSA_BN(OSSL_PKEY_PARAM_RSA_FACTOR1),                                   \
	RSA_BN(OSSL_PKEY_PARAM_RSA_FACTOR2),                                   \
	RSA_BN(OSSL_PKEY_PARAM_RSA_FACTOR3),                                   \
	RSA_BN(OSSL_PKEY_PARAM_RSA_FACTOR4),                                   \
	RSA_BN(OSSL_PKEY_PARAM_RSA_FACTOR5),                                   \
	RSA_BN(OSSL_PKEY_PARAM_RSA_FACTOR6),                                   \
	RSA_BN(OSSL_PKEY_PARAM_RSA_FACTOR7),                                   \
	RSA_BN(OSSL_PKEY_PARAM_RSA_FACTOR8),                                   \
	RSA_BN(OSSL_PKEY_PARAM_RSA_FACTOR9),                                   \
	RSA_BN(OSSL_PKEY_PARAM_RSA_FACTOR10),                                  \
	RSA_BN(OSSL_PKEY_PARAM_RSA_EXPONENT1),                                 \
	RSA_BN(OSSL_PKEY_PARAM_RSA_EXPONENT2),                                 \
	RSA_BN(OSSL_PKEY_PARAM_RSA_EXPONENT3),                                 \
	RSA_BN(OSSL_PKEY_PARAM_RSA_EXPONENT4),                                 \
	RSA_BN(OSSL_PKEY_PARAM_RSA_EXPONENT5),                                 \
	RSA_BN(OSSL_PKEY_PARAM_RSA_EXPONENT6),                                 \
	RSA_BN(OSSL_PKEY_PARAM_RSA_EXPONENT7),                                 \
	RSA_BN(OSSL_PKEY_PARAM_RSA_EXPONENT8),                                 \
	RSA_BN(OSSL_PKEY_PARAM_RSA_EXPONENT9),                                 \
	RSA_BN(OSSL_PKEY_PARAM_RSA_EXPONENT10),                                \
	RSA_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT1),                              \
	RSA_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT2),                              \
	RSA_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT3),                              \
	RSA_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT4),                              \
	RSA_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT5),                              \
	RSA_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT6),                              \
	RSA_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT7),                              \
	RSA_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT8),                              \
	RSA_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT9)

#define RSA_GEN_PARAMS                                                         \
	OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_BITS, NULL),                     \
	OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_PRIMES, NULL),                   \
	RSA_BN(OSSL_PKEY_PARAM_RSA_E)

static const OSSL_PARAM rsa_key_params[] = {
	RSA_KEY_PARAMS,
	OSSL_PARAM_END,
};

static const OSSL_PARAM rsa_gettable[] = {
	OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
	OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
	RSA_KEY_PARAMS,
	OSSL_PARAM_END,
};

static const OSSL_PARAM rsa_gen_params[] = {
	RSA_GEN_PARAMS,
	OSSL_PARAM_END,
};

static const OSSL_PARAM rsapss_gen_params[] = {
	RSA_GEN_PARAMS,
	OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_DIGEST_PROPS, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_MASKGENFUNC, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, NULL, 0),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, NULL),
	OSSL_PARAM_END,
};
/* clang-format on */

static OSSL_FUNC_keymgmt_import_types_fn rsa_types;
static const OSSL_PARAM *rsa_types(int selection)
{
	return selection & OSSL_KEYMGMT_SELECT_KEYPAIR ? rsa_key_params : NULL;
}

static OSSL_FUNC_keymgmt_gettable_params_fn rsa_gettable_params;
static const OSSL_PARAM *rsa_gettable_params(void *provctx)
{
	(void)provctx;
	return rsa_gettable;
}

static OSSL_FUNC_keymgmt_query_operation_name_fn rsapss_operation;
static const char *rsapss_operation(int operation_id)
{
	(void)operation_id;
	return wdp_rsapss_spec.sig_name;
}

/* What differs by type is the spec alone. */
#define RSA_KEYMGMT(id, gen_params)                                            \
	static OSSL_FUNC_keymgmt_new_fn id##_new;                              \
	static void *id##_new(void *provctx)                                   \
	{                                                                      \
		return wdp_pkey_new(provctx, &wdp_##id##_spec);                \
	}                                                                      \
	static OSSL_FUNC_keymgmt_load_fn id##_load_ref;                        \
	static void *id##_load_ref(const void *reference, size_t size)         \
	{                                                                      \
		return wdp_pkey_load(reference, size, &wdp_##id##_spec);       \
	}                                                                      \
	static OSSL_FUNC_keymgmt_gen_init_fn id##_gen_init;                    \
	static void *id##_gen_init(void *provctx, int selection,               \
				   const OSSL_PARAM params[])                  \
	{                                                                      \
		return wdp_pkey_gen_init(provctx, selection, params,           \
					 &wdp_##id##_spec);                    \
	}                                                                      \
	static OSSL_FUNC_keymgmt_gen_settable_params_fn id##_gen_settable;     \
	static const OSSL_PARAM *id##_gen_settable(void *genctx,               \
						   void *provctx)              \
	{                                                                      \
		(void)genctx;                                                  \
		(void)provctx;                                                 \
		return gen_params;                                             \
	}

#define RSA_KEYMGMT_FNS(id)                                                    \
	{ WDP_FN(KEYMGMT_NEW, id##_new) },                                     \
		{ WDP_FN(KEYMGMT_FREE, wdp_pkey_free) },                       \
		{ WDP_FN(KEYMGMT_LOAD, id##_load_ref) },                       \
		{ WDP_FN(KEYMGMT_GEN_INIT, id##_gen_init) },                   \
		{ WDP_FN(KEYMGMT_GEN_SET_PARAMS, wdp_pkey_gen_set_params) },   \
		{ WDP_FN(KEYMGMT_GEN_SETTABLE_PARAMS, id##_gen_settable) },    \
		{ WDP_FN(KEYMGMT_GEN, wdp_pkey_gen) },                         \
		{ WDP_FN(KEYMGMT_GEN_CLEANUP, wdp_pkey_gen_cleanup) },         \
		{ WDP_FN(KEYMGMT_GET_PARAMS, wdp_pkey_get_params) },           \
		{ WDP_FN(KEYMGMT_GETTABLE_PARAMS, rsa_gettable_params) },      \
		{ WDP_FN(KEYMGMT_HAS, wdp_pkey_has) },                         \
		{ WDP_FN(KEYMGMT_MATCH, wdp_pkey_match) },                     \
		{ WDP_FN(KEYMGMT_VALIDATE, wdp_pkey_validate) },               \
		{ WDP_FN(KEYMGMT_IMPORT, wdp_pkey_import) },                   \
		{ WDP_FN(KEYMGMT_IMPORT_TYPES, rsa_types) },                   \
		{ WDP_FN(KEYMGMT_EXPORT, wdp_pkey_export) },                   \
		{ WDP_FN(KEYMGMT_EXPORT_TYPES, rsa_types) },                   \
	{                                                                      \
		WDP_FN(KEYMGMT_DUP, wdp_pkey_dup)                              \
	}

RSA_KEYMGMT(rsa, rsa_gen_params)
RSA_KEYMGMT(rsapss, rsapss_gen_params)

const OSSL_DISPATCH wdp_rsa_keymgmt_fns[] = {
	RSA_KEYMGMT_FNS(rsa),
	{ 0, NULL },
};

const OSSL_DISPATCH wdp_rsapss_keymgmt_fns[] = {
	RSA_KEYMGMT_FNS(rsapss),
	{ WDP_FN(KEYMGMT_QUERY_OPERATION_NAME, rsapss_operation) },
	{ 0, NULL },
};
