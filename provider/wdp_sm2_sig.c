/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM2 signatures (GB/T 32918.2): e = SM3(Z || M), where Z names the signer by
 * its distinguishing id, the curve and the public key.  Z is put before the
 * message at the first update, as libcrypto does; a twin that goes along takes
 * the id and knows the algorithm identifier.
 */
#include <string.h>

#include <openssl/params.h>

#include "base/wd_base.h"
#include "provider/wdp_ec_sig.h"
#include "provider/wdp_sig.h"

/* Its length in bits has to fit in two bytes. */
#define SM2_ID_MAX   (UINT16_MAX / 8)
#define SM2_HASH     32 /* bytes */
#define SM2_NAME_MAX 50 /* bytes of a digest's name */

struct sm2_sig {
	struct wdp_sig sig;
	void *id; /* NULL: the empty one, libcrypto's default */
	size_t id_len;
};

static struct sm2_sig *sm2_sig(struct wdp_sig *s)
{
	return (struct sm2_sig *)s;
}

static bool sm2_copy(struct wdp_sig *to, const struct wdp_sig *from)
{
	const struct sm2_sig *x = (const struct sm2_sig *)from;

	sm2_sig(to)->id = x->id ? OPENSSL_memdup(x->id, x->id_len) : NULL;
	return !x->id || sm2_sig(to)->id;
}

static void sm2_fini(struct wdp_sig *s)
{
	OPENSSL_free(sm2_sig(s)->id);
}

static bool sm2_read(struct wdp_sig *s)
{
	char md[SM2_NAME_MAX] = "";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST,
						 md, sizeof(md)),
		OSSL_PARAM_construct_end(),
	};

	if (EVP_PKEY_CTX_get_params(wdp_sig_twin(s), params) <= 0)
		return false;
	s->md = *md ? wdp_twin_md(s->prov, md) : NULL;
	return true;
}

/* An id that comes after Z is refused, as libcrypto does. */
static bool sm2_took(struct wdp_sig *s, const OSSL_PARAM params[])
{
	struct sm2_sig *x = sm2_sig(s);
	const OSSL_PARAM *p;
	void *id = NULL;
	size_t len = 0;

	p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_DIST_ID);
	if (!p)
		return true;
	if (s->prefixed)
		return false;
	if (p->data_size && !OSSL_PARAM_get_octet_string(p, &id, 0, &len))
		return false;
	OPENSSL_free(x->id);
	x->id = id;
	x->id_len = len;
	return true;
}

static bool sm2_z(struct sm2_sig *x, const struct wdp_ec *e, EVP_MD_CTX *ctx,
		  uint8_t *z)
{
	const struct wdp_curve *c = e->curve;
	const uint8_t *const numbers[] = {
		c->a, c->b, c->gx, c->gy, e->x, e->y
	};
	const uint8_t bits[] = { (uint8_t)(8 * x->id_len >> 8),
				 (uint8_t)(8 * x->id_len) };
	bool ok = EVP_DigestInit_ex2(ctx, x->sig.md, NULL) &&
		  EVP_DigestUpdate(ctx, bits, sizeof(bits)) &&
		  EVP_DigestUpdate(ctx, x->id, x->id_len);

	for (size_t i = 0; ok && i < WD_ARRAY_SIZE(numbers); i++)
		ok = EVP_DigestUpdate(ctx, numbers[i], c->width);
	return ok && EVP_DigestFinal_ex(ctx, z, NULL);
}

static bool sm2_prefix(struct wdp_sig *s)
{
	const struct wdp_ec *e = wdp_ec_dev(s->key);
	struct sm2_sig *x = sm2_sig(s);
	uint8_t z[EVP_MAX_MD_SIZE];

	if (!e || !e->curve || !e->curve->sm2 || !e->has_pub) {
		wdp_raise(s->prov, WDP_R_NO_KEY,
			  "an SM2 signature needs the public key");
		return false;
	}
	if (x->id_len >= SM2_ID_MAX) {
		wdp_raise(s->prov, WDP_R_BAD_LENGTH, "distinguishing id");
		return false;
	}
	return wdp_sig_scratch(s) && sm2_z(x, e, s->scratch, z) &&
	       EVP_DigestUpdate(s->stream, z, SM2_HASH);
}

static int sm2_sign(struct wdp_sig *s, uint8_t *sig, size_t *sig_len,
		    const uint8_t *tbs, size_t len)
{
	if (len != SM2_HASH)
		return wdp_sig_in_software(s, OFFLOAD_SM2_SIGN);
	return wdp_ec_sign(s->key, OFFLOAD_SM2_SIGN, sig, sig_len, tbs, len);
}

static int sm2_verify(struct wdp_sig *s, const uint8_t *sig, size_t sig_len,
		      const uint8_t *tbs, size_t len)
{
	if (len != SM2_HASH)
		return wdp_sig_in_software(s, OFFLOAD_SM2_VERIFY);
	return wdp_ec_verify(s->key, OFFLOAD_SM2_VERIFY, sig, sig_len, tbs,
			     len);
}

/* clang-format off */
static const OSSL_PARAM sm2_gettables[] = {
	OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
	OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_END,
};

static const OSSL_PARAM sm2_settables[] = {
	OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_DIST_ID, NULL, 0),
	OSSL_PARAM_END,
};
/* clang-format on */

static const struct wdp_sig_ops sm2_ops = {
	.size = sizeof(struct sm2_sig),
	.read = sm2_read,
	.sign = sm2_sign,
	.verify = sm2_verify,
	.gettables = sm2_gettables,
	.settables = sm2_settables,
	.digests_along = true,
	.took = sm2_took,
	.prefix = sm2_prefix,
	.copy = sm2_copy,
	.fini = sm2_fini,
};

WDP_SIG_BIND(sm2, &sm2_ops)

const OSSL_DISPATCH wdp_sm2_signature_fns[] = {
	WDP_SIG_BOUND_ROWS(sm2), WDP_SIG_CONTEXT_ROWS, WDP_SIG_RAW_ROWS,
	WDP_SIG_DIGEST_ROWS,	 { 0, NULL },
};
