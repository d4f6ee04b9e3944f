/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA signatures: blocks of PKCS#1, PSS and X9.31 made here, the raw operation
 * on the device.  What a signature is beside that: wdp_sig.h.
 *
 * A signature the device finds wrong is judged again by the twin: a faulty
 * device can't refuse a good one.
 */
#include "provider/wdp_sig.h"

#include <errno.h>
#include <string.h>

#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/wd_base.h"
#include "provider/wdp_rsa_pad.h"

/* From 3.1 on; the shorter of the digest and what fits. */
#define RSA_SALTLEN_AUTO_DIGEST_MAX (-4)
#define RSA_NAME_MAX		    50 /* bytes of a digest's name */

/* What the twin's parameters come to. */
struct rsa_sig_mode {
	int pad; /* RSA_*_PADDING */
	int salt_len, salt_min;
	const EVP_MD *mgf1; /* NULL: none set */
	const struct wdp_rsa_digestinfo *info;
};

struct wdp_rsa_sig {
	struct wdp_sig sig;
	struct rsa_sig_mode mode;
};

static OSSL_FUNC_signature_verify_recover_init_fn rsa_recover_init;

static struct wdp_rsa_sig *rsa_sig(struct wdp_sig *s)
{
	return (struct wdp_rsa_sig *)s;
}

static const struct rsa_sig_mode *rsa_sig_mode(const struct wdp_sig *s)
{
	return &((const struct wdp_rsa_sig *)s)->mode;
}

/* ---- parameters ---------------------------------------------------------- */

/* The least salt an RSA-PSS key allows; only keys with restrictions answer. */
static int rsa_sig_salt_min(const struct wdp_pkey *k)
{
	int min = 0;

	if (k->spec == &wdp_rsapss_spec)
		EVP_PKEY_get_int_param(k->twin, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN,
				       &min);
	return min;
}

static bool rsa_sig_read(struct wdp_sig *s)
{
	char md[RSA_NAME_MAX] = "", mgf1[RSA_NAME_MAX] = "";
	struct rsa_sig_mode *m = &rsa_sig(s)->mode;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PAD_MODE,
					 &m->pad),
		OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
					 &m->salt_len),
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST,
						 md, sizeof(md)),
		OSSL_PARAM_construct_utf8_string(
			OSSL_SIGNATURE_PARAM_MGF1_DIGEST, mgf1, sizeof(mgf1)),
		OSSL_PARAM_construct_end(),
	};

	if (EVP_PKEY_CTX_get_params(s->twin, params) <= 0)
		return false;
	s->md = *md ? wdp_twin_md(s->prov, md) : NULL;
	m->mgf1 = *mgf1 ? wdp_twin_md(s->prov, mgf1) : s->md;
	m->info = s->md ? wdp_rsa_digestinfo(s->md) : NULL;
	m->salt_min = rsa_sig_salt_min(s->key);
	return true;
}

/* clang-format off */
static const OSSL_PARAM rsa_sig_gettables[] = {
	OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	OSSL_PARAM_END,
};

/* The first two not while a digest runs. */
#define RSA_SIG_DIGEST_SETTABLES 2
static const OSSL_PARAM rsa_sig_settables[] = {
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	OSSL_PARAM_END,
};
/* clang-format on */

/* ---- blocks -------------------------------------------------------------- */

static int rsa_sig_random(void *arg, uint8_t *p, size_t n)
{
	return RAND_bytes_ex(arg, p, n, 0) > 0 ? 0 : -EIO;
}

/* The twin says what is wrong with what gets -EINVAL here. */
static int rsa_sig_salt_len(const struct wdp_sig *s)
{
	const struct rsa_sig_mode *m = rsa_sig_mode(s);
	int digest = EVP_MD_get_size(s->md);
	int max = wdp_rsa_salt_max(s->key->bits, (size_t)digest);
	int len = m->salt_len;

	if (len == RSA_PSS_SALTLEN_DIGEST)
		len = digest;
	else if (len == RSA_PSS_SALTLEN_AUTO || len == RSA_PSS_SALTLEN_MAX)
		len = max;
	else if (len == RSA_SALTLEN_AUTO_DIGEST_MAX)
		len = digest < max ? digest : max;
	return len < m->salt_min || len > max ? -EINVAL : len;
}

static int rsa_sig_pss(struct wdp_sig *s, uint8_t *em, const uint8_t *tbs)
{
	const struct wdp_rsa_hash h = { wdp_sig_scratch(s), s->md,
					rsa_sig_mode(s)->mgf1 };
	const struct wdp_rsa_random rnd = { rsa_sig_random, wdp_twin(s->prov) };
	int salt = rsa_sig_salt_len(s);

	if (salt < 0 || !h.ctx || !h.mgf1)
		return -EINVAL;
	return wdp_rsa_pad_pss(em, s->key->bits, &h, tbs, (size_t)salt, &rnd);
}

/* Prefix or suffix of the digest, as the padding wants it. */
static int rsa_sig_digest_block(const struct wdp_sig *s, uint8_t *em,
				const uint8_t *tbs)
{
	const struct wdp_rsa_digestinfo *i = rsa_sig_mode(s)->info;
	uint8_t t[sizeof(i->der) + EVP_MAX_MD_SIZE];

	if (rsa_sig_mode(s)->pad == RSA_X931_PADDING) {
		if (!i->x931)
			return -EINVAL;
		memcpy(t, tbs, i->digest_len);
		t[i->digest_len] = i->x931;
		return wdp_rsa_pad_x931(em, s->key->size, t,
					i->digest_len + 1u);
	}
	memcpy(t, i->der, i->len);
	memcpy(t + i->len, tbs, i->digest_len);
	return wdp_rsa_pad_type1(em, s->key->size, t,
				 (size_t)i->len + i->digest_len);
}

static int rsa_sig_raw_block(const struct wdp_sig *s, uint8_t *em,
			     const uint8_t *tbs, size_t len)
{
	size_t k = s->key->size;

	switch (rsa_sig_mode(s)->pad) {
	case RSA_PKCS1_PADDING:
		return wdp_rsa_pad_type1(em, k, tbs, len);
	case RSA_X931_PADDING:
		return wdp_rsa_pad_x931(em, k, tbs, len);
	case RSA_NO_PADDING:
		if (len != k)
			return -EINVAL;
		memcpy(em, tbs, len);
		return 0;
	default:
		return -EINVAL;
	}
}

/* The block of a signature of @tbs; of PSS a new one at each call. */
static int rsa_sig_block(struct wdp_sig *s, uint8_t *em, const uint8_t *tbs,
			 size_t len)
{
	const struct rsa_sig_mode *m = rsa_sig_mode(s);

	if (!s->md)
		return rsa_sig_raw_block(s, em, tbs, len);
	if (!m->info || len != m->info->digest_len)
		return -EINVAL;
	if (m->pad == RSA_PKCS1_PSS_PADDING)
		return rsa_sig_pss(s, em, tbs);
	if (m->pad == RSA_PKCS1_PADDING || m->pad == RSA_X931_PADDING)
		return rsa_sig_digest_block(s, em, tbs);
	return -EINVAL;
}

/* @a = n - @a, big-endian. */
static void rsa_sig_negate(const struct wdp_pkey *k, uint8_t *a)
{
	const uint8_t *n = wdp_rsa_modulus(k);
	unsigned int borrow = 0;

	for (size_t i = k->size; i-- > 0;) {
		unsigned int v = 0x100u + n[i] - a[i] - borrow;

		a[i] = (uint8_t)v;
		borrow = v < 0x100;
	}
}

/* X9.31 takes the smaller of s and n - s; @other: room for that. */
static void rsa_sig_smaller(const struct wdp_pkey *k, uint8_t *sig,
			    uint8_t *other)
{
	memcpy(other, sig, k->size);
	rsa_sig_negate(k, other);
	if (memcmp(other, sig, k->size) < 0)
		memcpy(sig, other, k->size);
}

/* ---- sign ---------------------------------------------------------------- */

static int rsa_sign(struct wdp_sig *s, uint8_t *sig, size_t *sig_len,
		    const uint8_t *tbs, size_t len)
{
	uint8_t em[HPRE_WIDTH_MAX];
	int rc;

	if (!wdp_rsa_offloads(s->key, OFFLOAD_RSA_PRIVATE))
		return WDP_IN_SOFTWARE;
	if (rsa_sig_block(s, em, tbs, len))
		return wdp_sig_in_software(s, OFFLOAD_RSA_PRIVATE);
	rc = wdp_rsa_private(s->key, em, sig);
	if (!rc && rsa_sig_mode(s)->pad == RSA_X931_PADDING)
		rsa_sig_smaller(s->key, sig, em);
	*sig_len = s->key->size;
	return rc;
}

/* ---- verify -------------------------------------------------------------- */

static bool rsa_verify_pss(struct wdp_sig *s, uint8_t *em, const uint8_t *tbs,
			   size_t len)
{
	const struct wdp_rsa_hash h = { wdp_sig_scratch(s), s->md,
					rsa_sig_mode(s)->mgf1 };
	int salt = rsa_sig_mode(s)->salt_len;

	if (!h.ctx || !h.md || !h.mgf1 || len != (size_t)EVP_MD_get_size(h.md))
		return false;
	if (salt == RSA_PSS_SALTLEN_AUTO || salt == RSA_SALTLEN_AUTO_DIGEST_MAX)
		salt = WDP_RSA_SALT_ANY;
	else
		salt = rsa_sig_salt_len(s);
	return salt >= WDP_RSA_SALT_ANY &&
	       !wdp_rsa_check_pss(em, s->key->bits, &h, tbs, salt);
}

static bool rsa_verify_block(struct wdp_sig *s, uint8_t *em, const uint8_t *tbs,
			     size_t len)
{
	uint8_t want[HPRE_WIDTH_MAX];

	if (rsa_sig_mode(s)->pad == RSA_PKCS1_PSS_PADDING)
		return rsa_verify_pss(s, em, tbs, len);
	/* An X9.31 block ends in 0xc; n minus it does not. */
	if (rsa_sig_mode(s)->pad == RSA_X931_PADDING &&
	    (em[s->key->size - 1] & 0xf) != 0xc)
		rsa_sig_negate(s->key, em);
	return !rsa_sig_block(s, want, tbs, len) &&
	       !memcmp(em, want, s->key->size);
}

/* The public operation, where the device may do it. */
static int rsa_sig_open(struct wdp_sig *s, const uint8_t *sig, size_t len,
			uint8_t *em)
{
	if (len != s->key->size ||
	    !wdp_rsa_offloads(s->key, OFFLOAD_RSA_PUBLIC))
		return WDP_IN_SOFTWARE;
	return wdp_rsa_public(s->key, sig, em);
}

/* What the device finds wrong is for the twin to judge. */
static int rsa_verify(struct wdp_sig *s, const uint8_t *sig, size_t sig_len,
		      const uint8_t *tbs, size_t len)
{
	uint8_t em[HPRE_WIDTH_MAX];
	int rc = rsa_sig_open(s, sig, sig_len, em);

	if (!rc && !rsa_verify_block(s, em, tbs, len))
		rc = wdp_sig_in_software(s, OFFLOAD_RSA_PUBLIC);
	return rc;
}

/* ---- recover ------------------------------------------------------------- */

/* What was signed: all of the block's content, or the digest in it. */
static bool rsa_recover_block(const struct wdp_sig *s, const uint8_t *em,
			      const uint8_t **t, size_t *len)
{
	const struct wdp_rsa_digestinfo *i = rsa_sig_mode(s)->info;

	if (wdp_rsa_unpad_type1(em, s->key->size, t, len))
		return false;
	if (!s->md)
		return true;
	if (!i || *len != (size_t)i->len + i->digest_len ||
	    memcmp(*t, i->der, i->len) != 0)
		return false;
	*t += i->len;
	*len = i->digest_len;
	return true;
}

static int rsa_recover_device(struct wdp_sig *s, uint8_t *out, size_t *out_len,
			      size_t size, const uint8_t *sig, size_t sig_len)
{
	uint8_t em[HPRE_WIDTH_MAX];
	const uint8_t *t;
	size_t len;
	int rc;

	if (rsa_sig_mode(s)->pad != RSA_PKCS1_PADDING || size < s->key->size)
		return wdp_sig_in_software(s, OFFLOAD_RSA_PUBLIC);
	rc = rsa_sig_open(s, sig, sig_len, em);
	if (rc)
		return rc;
	if (!rsa_recover_block(s, em, &t, &len))
		return wdp_sig_in_software(s, OFFLOAD_RSA_PUBLIC);
	memcpy(out, t, len);
	*out_len = len;
	return 0;
}

int wdp_rsa_recover(void *ctx, uint8_t *out, size_t *out_len, size_t size,
		    const uint8_t *sig, size_t sig_len)
{
	struct wdp_sig *s = ctx;
	int rc = WDP_IN_SOFTWARE;

	if (!s->key)
		return 0;
	if (out && wdp_sig_known(s))
		rc = rsa_recover_device(s, out, out_len, size, sig, sig_len);
	if (rc != WDP_IN_SOFTWARE)
		return !rc;
	*out_len = size;
	return wdp_sig_need(s) &&
	       EVP_PKEY_verify_recover(s->twin, out, out_len, sig, sig_len) > 0;
}

/* ---- rows ---------------------------------------------------------------- */

static int rsa_recover_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return wdp_sig_init(ctx, key, params, EVP_PKEY_verify_recover_init_ex);
}

const struct wdp_sig_ops wdp_rsa_sig_ops = {
	.size = sizeof(struct wdp_rsa_sig),
	.read = rsa_sig_read,
	.sign = rsa_sign,
	.verify = rsa_verify,
	.gettables = rsa_sig_gettables,
	.settables = rsa_sig_settables,
	.digest_settables = RSA_SIG_DIGEST_SETTABLES,
};

WDP_SIG_BIND(rsa_sig, &wdp_rsa_sig_ops)

const OSSL_DISPATCH wdp_rsa_signature_fns[] = {
	WDP_SIG_BOUND_ROWS(rsa_sig),
	WDP_SIG_CONTEXT_ROWS,
	WDP_SIG_RAW_ROWS,
	WDP_SIG_DIGEST_ROWS,
	{ WDP_FN(SIGNATURE_VERIFY_RECOVER_INIT, rsa_recover_init) },
	{ WDP_FN(SIGNATURE_VERIFY_RECOVER, wdp_rsa_recover) },
	{ 0, NULL },
};
