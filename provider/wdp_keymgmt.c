/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_keymgmt.h"

#include <openssl/core_dispatch.h>

const OSSL_PARAM *wdp_km_list(struct wdp_ctx *p, const char *type,
			      const OSSL_PARAM *(*get)(const EVP_KEYMGMT *))
{
	OSSL_LIB_CTX *libctx = wdp_twin(p);
	EVP_KEYMGMT *km = libctx ? EVP_KEYMGMT_fetch(libctx, type, NULL) : NULL;
	/* The list is static in the default provider, which stays loaded. */
	const OSSL_PARAM *list = km ? get(km) : NULL;

	EVP_KEYMGMT_free(km);
	return list;
}

const char *wdp_km_operation(const struct wdp_pkey_spec *spec, int operation)
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

const OSSL_PARAM wdp_ecx_types[] = {
	OCTETS(OSSL_PKEY_PARAM_PUB_KEY), OCTETS(OSSL_PKEY_PARAM_PRIV_KEY),
	OSSL_PARAM_END,
};

const OSSL_PARAM wdp_ec_types[] = {
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
const OSSL_PARAM wdp_ffc_types[] = {
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

const OSSL_PARAM wdp_mac_types[] = {
	OCTETS(OSSL_PKEY_PARAM_PRIV_KEY), TEXT(OSSL_PKEY_PARAM_CIPHER),
	TEXT(OSSL_PKEY_PARAM_PROPERTIES), OSSL_PARAM_END,
};
/* clang-format on */
