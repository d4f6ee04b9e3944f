/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDSA: what its parameters mean for the device.  Deterministic nonces (3.2)
 * and those of a test of libcrypto's are the twin's business altogether.
 */
#include <openssl/params.h>

#include "base/wd_base.h"
#include "provider/wdp_ec_sig.h"
#include "provider/wdp_sig.h"

/* Names that 3.0's headers have not. */
#define ECDSA_NONCE_TYPE "nonce-type"
#define ECDSA_KAT	 "kat"
#define ECDSA_NAME_MAX	 50 /* bytes of a digest's name */

struct ecdsa {
	struct wdp_sig sig;
	size_t digest_size; /* 0: any */
	unsigned int nonce_type;
	bool twin_only;
};

static bool ecdsa_read(struct wdp_sig *s)
{
	struct ecdsa *x = (struct ecdsa *)s;
	char md[ECDSA_NAME_MAX] = "";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST,
						 md, sizeof(md)),
		OSSL_PARAM_construct_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE,
					    &x->digest_size),
		OSSL_PARAM_construct_uint(ECDSA_NONCE_TYPE, &x->nonce_type),
		OSSL_PARAM_construct_end(),
	};

	x->nonce_type = 0;
	if (EVP_PKEY_CTX_get_params(s->twin, params) <= 0)
		return false;
	s->md = *md ? wdp_twin_md(s->prov, md) : NULL;
	return true;
}

static void ecdsa_plain(struct wdp_sig *s)
{
	struct ecdsa *x = (struct ecdsa *)s;

	x->digest_size = s->md ? (size_t)EVP_MD_get_size(s->md) : 0;
	x->nonce_type = 0;
	x->twin_only = false;
}

static bool ecdsa_took(struct wdp_sig *s, const OSSL_PARAM params[])
{
	struct ecdsa *x = (struct ecdsa *)s;

	if (OSSL_PARAM_locate_const(params, ECDSA_KAT))
		x->twin_only = true;
	return true;
}

/* A digest of another size is refused by the twin. */
static bool ecdsa_ours(const struct wdp_sig *s, size_t len)
{
	const struct ecdsa *x = (const struct ecdsa *)s;

	return !x->twin_only && (!x->digest_size || x->digest_size == len);
}

static int ecdsa_sign(struct wdp_sig *s, uint8_t *sig, size_t *sig_len,
		      const uint8_t *tbs, size_t len)
{
	const struct ecdsa *x = (const struct ecdsa *)s;

	if (!ecdsa_ours(s, len) || x->nonce_type)
		return wdp_sig_in_software(s, OFFLOAD_ECDSA_SIGN);
	return wdp_ec_sign(s->key, OFFLOAD_ECDSA_SIGN, sig, sig_len, tbs, len);
}

static int ecdsa_verify(struct wdp_sig *s, const uint8_t *sig, size_t sig_len,
			const uint8_t *tbs, size_t len)
{
	if (!ecdsa_ours(s, len))
		return wdp_sig_in_software(s, OFFLOAD_ECDSA_VERIFY);
	return wdp_ec_verify(s->key, OFFLOAD_ECDSA_VERIFY, sig, sig_len, tbs,
			     len);
}

/* clang-format off */
static const OSSL_PARAM ecdsa_gettables[] = {
	OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
	OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_END,
};

static const OSSL_PARAM ecdsa_settables[] = {
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
	OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
	OSSL_PARAM_END,
};
/* clang-format on */

const struct wdp_sig_ops wdp_ecdsa_sig_ops = {
	.size = sizeof(struct ecdsa),
	.read = ecdsa_read,
	.plain = ecdsa_plain,
	.sign = ecdsa_sign,
	.verify = ecdsa_verify,
	.gettables = ecdsa_gettables,
	.settables = ecdsa_settables,
	.digest_size = true,
	.took = ecdsa_took,
};

WDP_SIG_BIND(ecdsa, &wdp_ecdsa_sig_ops)

const OSSL_DISPATCH wdp_ecdsa_signature_fns[] = {
	WDP_SIG_BOUND_ROWS(ecdsa), WDP_SIG_CONTEXT_ROWS, WDP_SIG_RAW_ROWS,
	WDP_SIG_DIGEST_ROWS,	   { 0, NULL },
};
