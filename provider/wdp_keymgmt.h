/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_keymgmt.h - a key type as a row: its spec, what its keys are made of, and
 * the functions libcrypto calls, which are wdp_pkey.c's.
 *
 *	WDP_KEYMGMT(ed25519, wdp_ecx_types, .type = "ED25519", ...);
 *		-> wdp_ed25519_spec, wdp_ed25519_keymgmt_fns
 *
 * A type that does something of its own puts it before the common list: the
 * first entry of a function is the one libcrypto takes.
 */
#ifndef WDP_KEYMGMT_H
#define WDP_KEYMGMT_H

#include "provider/wdp_pkey.h"

/* The twin's list of a key type's parameters, by its getter. */
const OSSL_PARAM *wdp_km_list(struct wdp_ctx *p, const char *type,
			      const OSSL_PARAM *(*get)(const EVP_KEYMGMT *));

/* Name of the operation that goes with keys of @spec, or NULL: the type's. */
const char *wdp_km_operation(const struct wdp_pkey_spec *spec, int operation);

/* What keys are made of: X25519 and its kin; EC and SM2; DH, DHX and DSA; keys
 * of MACs. */
extern const OSSL_PARAM wdp_ecx_types[], wdp_ec_types[], wdp_ffc_types[],
	wdp_mac_types[];

/* Each type is a spec and a table; where they are, the row says. */
#define WDP_KEY_TYPE(id)                                                       \
	extern const struct wdp_pkey_spec wdp_##id##_spec;                     \
	extern const OSSL_DISPATCH wdp_##id##_keymgmt_fns[]

WDP_KEY_TYPE(ec);
WDP_KEY_TYPE(sm2);
WDP_KEY_TYPE(x25519);
WDP_KEY_TYPE(x448);
WDP_KEY_TYPE(ed25519);
WDP_KEY_TYPE(ed448);
WDP_KEY_TYPE(dh);
WDP_KEY_TYPE(dhx);
WDP_KEY_TYPE(dsa);
WDP_KEY_TYPE(hmac);
WDP_KEY_TYPE(cmac);
WDP_KEY_TYPE(siphash);
WDP_KEY_TYPE(poly1305);

/* Binds a spec, in the last arguments, to the functions above and wdp_pkey.c's;
 * @types is what keys of the type are made of. */
#define WDP_KEYMGMT_BIND(id, types, ...)                                       \
	const struct wdp_pkey_spec wdp_##id##_spec = { __VA_ARGS__ };          \
	static OSSL_FUNC_keymgmt_new_fn id##_new;                              \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return wdp_pkey_new(prov, &wdp_##id##_spec);                   \
	}                                                                      \
	static OSSL_FUNC_keymgmt_gen_init_fn id##_gen_init;                    \
	static void *id##_gen_init(void *prov, int selection,                  \
				   const OSSL_PARAM params[])                  \
	{                                                                      \
		return wdp_pkey_gen_init(prov, selection, params,              \
					 &wdp_##id##_spec);                    \
	}                                                                      \
	static OSSL_FUNC_keymgmt_load_fn id##_load;                            \
	static void *id##_load(const void *reference, size_t size)             \
	{                                                                      \
		return wdp_pkey_load(reference, size, &wdp_##id##_spec);       \
	}                                                                      \
	static OSSL_FUNC_keymgmt_query_operation_name_fn id##_operation;       \
	static const char *id##_operation(int operation)                       \
	{                                                                      \
		return wdp_km_operation(&wdp_##id##_spec, operation);          \
	}                                                                      \
	static OSSL_FUNC_keymgmt_import_types_fn id##_types;                   \
	static const OSSL_PARAM *id##_types(int selection)                     \
	{                                                                      \
		return selection & OSSL_KEYMGMT_SELECT_ALL ? (types) : NULL;   \
	}                                                                      \
	static OSSL_FUNC_keymgmt_gettable_params_fn id##_gettable;             \
	static const OSSL_PARAM *id##_gettable(void *prov)                     \
	{                                                                      \
		return wdp_km_list(prov, wdp_##id##_spec.type,                 \
				   EVP_KEYMGMT_gettable_params);               \
	}                                                                      \
	static OSSL_FUNC_keymgmt_settable_params_fn id##_settable;             \
	static const OSSL_PARAM *id##_settable(void *prov)                     \
	{                                                                      \
		return wdp_km_list(prov, wdp_##id##_spec.type,                 \
				   EVP_KEYMGMT_settable_params);               \
	}                                                                      \
	static OSSL_FUNC_keymgmt_gen_settable_params_fn id##_gen_settable;     \
	static const OSSL_PARAM *id##_gen_settable(void *gen, void *prov)      \
	{                                                                      \
		(void)gen;                                                     \
		return wdp_km_list(prov, wdp_##id##_spec.type,                 \
				   EVP_KEYMGMT_gen_settable_params);           \
	}

#define WDP_KEYMGMT_FNS(id)                                                    \
	{ WDP_FN(KEYMGMT_NEW, id##_new) },                                     \
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
	{                                                                      \
		WDP_FN(KEYMGMT_GEN_CLEANUP, wdp_pkey_gen_cleanup)              \
	}

#define WDP_KEYMGMT(id, types, ...)                                            \
	WDP_KEYMGMT_BIND(id, types, __VA_ARGS__)                               \
	const OSSL_DISPATCH wdp_##id##_keymgmt_fns[] = {                       \
		WDP_KEYMGMT_FNS(id),                                           \
		{ 0, NULL },                                                   \
	}

#define WDP_PUB_PRIV                                                           \
	.pub_param = OSSL_PKEY_PARAM_PUB_KEY,                                  \
	.priv_param = OSSL_PKEY_PARAM_PRIV_KEY

#endif
