/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA signatures.
 *
 * A context of the twin goes along with each of ours.  It takes every
 * parameter, so what is allowed, in which order, and what the error is called
 * are libcrypto's own, of whichever version; and it is where an operation goes
 * that the device does not do.
 *
 *	init, parameters ──▶ twin ──▶ read back once (struct rsa_sig_mode)
 *	sign, verify	 ──▶ a block made here, one raw operation on the device
 *			 ──▶ anything else, any doubt: the twin, from the start
 *
 * A signature the device finds wrong is judged again by the twin: a faulty
 * device can't refuse a good one.
 */
#include "provider/wdp_pkey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
	const EVP_MD *md, *mgf1; /* NULL: none set */
	const struct wdp_rsa_digestinfo *info;
};

struct wdp_rsa_sig {
	struct wdp_ctx *prov;
	struct wdp_pkey *key;
	EVP_PKEY_CTX *twin;
	EVP_MD_CTX *stream;  /* DigestSign, DigestVerify */
	EVP_MD_CTX *scratch; /* one-shot digests, PSS */
	bool digesting;	     /* between a digest init and its final */
	bool known;	     /* @mode is what the twin has */
	struct rsa_sig_mode mode;
};

static OSSL_FUNC_signature_newctx_fn rsa_sig_new;
static OSSL_FUNC_signature_freectx_fn rsa_sig_free;
static OSSL_FUNC_signature_dupctx_fn rsa_sig_dup;
static OSSL_FUNC_signature_sign_init_fn rsa_sign_init;
static OSSL_FUNC_signature_sign_fn rsa_sign;
static OSSL_FUNC_signature_verify_init_fn rsa_verify_init;
static OSSL_FUNC_signature_verify_fn rsa_verify;
static OSSL_FUNC_signature_verify_recover_init_fn rsa_recover_init;
static OSSL_FUNC_signature_verify_recover_fn rsa_recover;
static OSSL_FUNC_signature_digest_sign_init_fn rsa_digest_sign_init;
static OSSL_FUNC_signature_digest_sign_update_fn rsa_digest_update;
static OSSL_FUNC_signature_digest_sign_final_fn rsa_digest_sign_final;
static OSSL_FUNC_signature_digest_sign_fn rsa_digest_sign;
static OSSL_FUNC_signature_digest_verify_init_fn rsa_digest_verify_init;
static OSSL_FUNC_signature_digest_verify_final_fn rsa_digest_verify_final;
static OSSL_FUNC_signature_digest_verify_fn rsa_digest_verify;
static OSSL_FUNC_signature_get_ctx_params_fn rsa_sig_get_params;
static OSSL_FUNC_signature_gettable_ctx_params_fn rsa_sig_gettable;
static OSSL_FUNC_signature_set_ctx_params_fn rsa_sig_set_params;
static OSSL_FUNC_signature_settable_ctx_params_fn rsa_sig_settable;
static OSSL_FUNC_signature_get_ctx_md_params_fn rsa_sig_get_md_params;
static OSSL_FUNC_signature_gettable_ctx_md_params_fn rsa_sig_gettable_md;
static OSSL_FUNC_signature_set_ctx_md_params_fn rsa_sig_set_md_params;
static OSSL_FUNC_signature_settable_ctx_md_params_fn rsa_sig_settable_md;

/* ---- the context --------------------------------------------------------- */

static void *rsa_sig_new(void *provctx, const char *propq)
{
	struct wdp_rsa_sig *s = calloc(1, sizeof(*s));

	/* Properties speak of the application's context, not of the twin. */
	(void)propq;
	if (s)
		s->prov = provctx;
	return s;
}

static void rsa_sig_free(void *ctx)
{
	struct wdp_rsa_sig *s = ctx;

	if (!s)
		return;
	EVP_MD_CTX_free(s->stream);
	EVP_MD_CTX_free(s->scratch);
	EVP_PKEY_CTX_free(s->twin);
	wdp_pkey_put(s->key);
	free(s);
}

static void *rsa_sig_dup(void *ctx)
{
	const struct wdp_rsa_sig *s = ctx;
	struct wdp_rsa_sig *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *s;
	copy->scratch = NULL;
	copy->stream = NULL;
	copy->twin = NULL;
	if (s->key)
		wdp_pkey_get(s->key);
	if (s->twin && !(copy->twin = EVP_PKEY_CTX_dup(s->twin)))
		goto free_copy;
	if (s->stream && (!(copy->stream = EVP_MD_CTX_new()) ||
			  !EVP_MD_CTX_copy_ex(copy->stream, s->stream)))
		goto free_copy;
	return copy;

free_copy:
	rsa_sig_free(copy);
	return NULL;
}

static EVP_MD_CTX *rsa_sig_scratch(struct wdp_rsa_sig *s)
{
	if (!s->scratch)
		s->scratch = EVP_MD_CTX_new();
	return s->scratch;
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

static bool rsa_sig_read_mode(struct wdp_rsa_sig *s)
{
	char md[RSA_NAME_MAX] = "", mgf1[RSA_NAME_MAX] = "";
	struct rsa_sig_mode *m = &s->mode;
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
	m->md = *md ? wdp_twin_md(s->prov, md) : NULL;
	m->mgf1 = *mgf1 ? wdp_twin_md(s->prov, mgf1) : m->md;
	m->info = m->md ? wdp_rsa_digestinfo(m->md) : NULL;
	m->salt_min = rsa_sig_salt_min(s->key);
	return true;
}

static bool rsa_sig_mode(struct wdp_rsa_sig *s)
{
	if (!s->known)
		s->known = s->twin && rsa_sig_read_mode(s);
	return s->known;
}

/* While a digest runs its name may be said again, but not changed. */
static bool rsa_sig_digest_kept(struct wdp_rsa_sig *s,
				const OSSL_PARAM params[])
{
	const OSSL_PARAM *p;
	const char *name;

	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
	if (!p || !s->digesting)
		return true;
	if (OSSL_PARAM_get_utf8_string_ptr(p, &name) && rsa_sig_mode(s) &&
	    s->mode.md && EVP_MD_is_a(s->mode.md, name))
		return true;
	wdp_raise(s->prov, WDP_R_DIGEST_NOT_ALLOWED,
		  "the digest of a running operation can't change");
	return false;
}

static int rsa_sig_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_rsa_sig *s = ctx;
	OSSL_PARAM *made;
	int ok;

	if (!s)
		return 0;
	if (!params)
		return 1;
	if (!s->twin || !rsa_sig_digest_kept(s, params))
		return 0;
	s->known = false;
	params = wdp_pkey_params(params, &made);
	ok = params && EVP_PKEY_CTX_set_params(s->twin, params) > 0;
	free(made);
	return ok;
}

static int rsa_sig_get_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_rsa_sig *s = ctx;

	return s && s->twin && EVP_PKEY_CTX_get_params(s->twin, params) > 0;
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

static const OSSL_PARAM *rsa_sig_gettable(void *ctx, void *provctx)
{
	struct wdp_rsa_sig *s = ctx;

	(void)provctx;
	return s && s->twin ? EVP_PKEY_CTX_gettable_params(s->twin)
			    : rsa_sig_gettables;
}

static const OSSL_PARAM *rsa_sig_settable(void *ctx, void *provctx)
{
	struct wdp_rsa_sig *s = ctx;

	(void)provctx;
	if (s && s->digesting)
		return rsa_sig_settables + RSA_SIG_DIGEST_SETTABLES;
	return s && s->twin ? EVP_PKEY_CTX_settable_params(s->twin)
			    : rsa_sig_settables;
}

/* Parameters of the running digest itself. */
static int rsa_sig_get_md_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_rsa_sig *s = ctx;

	return s->stream && EVP_MD_CTX_get_params(s->stream, params);
}

static int rsa_sig_set_md_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_rsa_sig *s = ctx;

	return s->stream && EVP_MD_CTX_set_params(s->stream, params);
}

static const OSSL_PARAM *rsa_sig_gettable_md(void *ctx)
{
	struct wdp_rsa_sig *s = ctx;

	return rsa_sig_mode(s) && s->mode.md
		       ? EVP_MD_gettable_ctx_params(s->mode.md)
		       : NULL;
}

static const OSSL_PARAM *rsa_sig_settable_md(void *ctx)
{
	struct wdp_rsa_sig *s = ctx;

	return rsa_sig_mode(s) && s->mode.md
		       ? EVP_MD_settable_ctx_params(s->mode.md)
		       : NULL;
}

/* ---- init ---------------------------------------------------------------- */

typedef int rsa_twin_init(EVP_PKEY_CTX *ctx, const OSSL_PARAM params[]);

static int rsa_sig_set_digest(struct wdp_rsa_sig *s, const char *name)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST,
						 (char *)name, 0),
		OSSL_PARAM_construct_end(),
	};

	s->known = false;
	return EVP_PKEY_CTX_set_params(s->twin, params) > 0;
}

static bool rsa_sig_take_key(struct wdp_rsa_sig *s, struct wdp_pkey *k)
{
	EVP_PKEY_CTX *twin = wdp_pkey_twin_ctx(k);

	if (!twin)
		return false;
	EVP_PKEY_CTX_free(s->twin);
	s->twin = twin;
	wdp_pkey_get(k);
	wdp_pkey_put(s->key);
	s->key = k;
	return true;
}

/* Without a key it is the last one's again, and so is the digest. */
static int rsa_sig_init(struct wdp_rsa_sig *s, struct wdp_pkey *k,
			const OSSL_PARAM params[], rsa_twin_init *init)
{
	const EVP_MD *again = NULL;
	OSSL_PARAM *made;
	int ok;

	if (!s)
		return 0;
	if (!k && !s->key) {
		wdp_raise(s->prov, WDP_R_NO_KEY, NULL);
		return 0;
	}
	if (k && !rsa_sig_take_key(s, k))
		return 0;
	if (!k && rsa_sig_mode(s))
		again = s->mode.md;
	s->known = false;
	ok = init(s->twin, NULL) > 0;
	if (ok && again)
		ok = rsa_sig_set_digest(s, EVP_MD_get0_name(again));
	if (!ok || !params)
		return ok;
	params = wdp_pkey_params(params, &made);
	ok = params && EVP_PKEY_CTX_set_params(s->twin, params) > 0;
	free(made);
	return ok;
}

static int rsa_sign_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return rsa_sig_init(ctx, key, params, EVP_PKEY_sign_init_ex);
}

static int rsa_verify_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return rsa_sig_init(ctx, key, params, EVP_PKEY_verify_init_ex);
}

static int rsa_recover_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return rsa_sig_init(ctx, key, params, EVP_PKEY_verify_recover_init_ex);
}

static int rsa_digest_init(struct wdp_rsa_sig *s, const char *name, void *key,
			   const OSSL_PARAM params[], rsa_twin_init *init)
{
	const EVP_MD *md;

	if (s)
		s->digesting = false;
	if (!rsa_sig_init(s, key, params, init) || !rsa_sig_mode(s))
		return 0;
	md = s->mode.md;
	if (name && (!*name || !md || !EVP_MD_is_a(md, name)) &&
	    (!rsa_sig_set_digest(s, name) || !rsa_sig_mode(s)))
		return 0;
	s->digesting = true;
	if (!s->stream)
		s->stream = EVP_MD_CTX_new();
	if (s->stream && EVP_DigestInit_ex2(s->stream, s->mode.md, params))
		return 1;
	EVP_MD_CTX_free(s->stream);
	s->stream = NULL;
	return 0;
}

static int rsa_digest_sign_init(void *ctx, const char *name, void *key,
				const OSSL_PARAM params[])
{
	return rsa_digest_init(ctx, name, key, params, EVP_PKEY_sign_init_ex);
}

static int rsa_digest_verify_init(void *ctx, const char *name, void *key,
				  const OSSL_PARAM params[])
{
	return rsa_digest_init(ctx, name, key, params, EVP_PKEY_verify_init_ex);
}

/* ---- blocks -------------------------------------------------------------- */

static int rsa_sig_random(void *arg, uint8_t *p, size_t n)
{
	return RAND_bytes_ex(arg, p, n, 0) > 0 ? 0 : -EIO;
}

/* The twin says what is wrong with what gets -EINVAL here. */
static int rsa_sig_salt_len(const struct wdp_rsa_sig *s)
{
	const struct rsa_sig_mode *m = &s->mode;
	int digest = EVP_MD_get_size(m->md);
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

static int rsa_sig_pss(struct wdp_rsa_sig *s, uint8_t *em, const uint8_t *tbs)
{
	const struct wdp_rsa_hash h = { rsa_sig_scratch(s), s->mode.md,
					s->mode.mgf1 };
	const struct wdp_rsa_random rnd = { rsa_sig_random, wdp_twin(s->prov) };
	int salt = rsa_sig_salt_len(s);

	if (salt < 0 || !h.ctx || !h.mgf1)
		return -EINVAL;
	return wdp_rsa_pad_pss(em, s->key->bits, &h, tbs, (size_t)salt, &rnd);
}

/* Prefix or suffix of the digest, as the padding wants it. */
static int rsa_sig_digest_block(const struct wdp_rsa_sig *s, uint8_t *em,
				const uint8_t *tbs)
{
	const struct wdp_rsa_digestinfo *i = s->mode.info;
	uint8_t t[sizeof(i->der) + EVP_MAX_MD_SIZE];

	if (s->mode.pad == RSA_X931_PADDING) {
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

static int rsa_sig_raw_block(const struct wdp_rsa_sig *s, uint8_t *em,
			     const uint8_t *tbs, size_t len)
{
	size_t k = s->key->size;

	switch (s->mode.pad) {
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
static int rsa_sig_block(struct wdp_rsa_sig *s, uint8_t *em, const uint8_t *tbs,
			 size_t len)
{
	const struct rsa_sig_mode *m = &s->mode;

	if (!m->md)
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

/* X9.31 takes the smaller of s and n - s. */
static void rsa_sig_smaller(const struct wdp_pkey *k, uint8_t *sig)
{
	uint8_t other[HPRE_WIDTH_MAX];

	memcpy(other, sig, k->size);
	rsa_sig_negate(k, other);
	if (memcmp(other, sig, k->size) < 0)
		memcpy(sig, other, k->size);
}

/* ---- sign ---------------------------------------------------------------- */

static int rsa_sign_device(struct wdp_rsa_sig *s, uint8_t *sig,
			   const uint8_t *tbs, size_t len)
{
	uint8_t em[HPRE_WIDTH_MAX];
	int rc;

	if (!rsa_sig_mode(s) || !wdp_rsa_offloads(s->key, OFFLOAD_RSA_PRIVATE))
		return WDP_IN_SOFTWARE;
	if (rsa_sig_block(s, em, tbs, len)) {
		offload_count_software(s->prov->off, OFFLOAD_RSA_PRIVATE);
		return WDP_IN_SOFTWARE;
	}
	rc = wdp_rsa_private(s->key, em, sig);
	if (!rc && s->mode.pad == RSA_X931_PADDING)
		rsa_sig_smaller(s->key, sig);
	return rc;
}

static int rsa_sign(void *ctx, uint8_t *sig, size_t *sig_len, size_t size,
		    const uint8_t *tbs, size_t len)
{
	struct wdp_rsa_sig *s = ctx;
	int rc = WDP_IN_SOFTWARE;

	if (!s->key)
		return 0;
	if (!sig) {
		*sig_len = s->key->size;
		return 1;
	}
	if (size >= s->key->size)
		rc = rsa_sign_device(s, sig, tbs, len);
	if (rc < 0)
		return 0;
	*sig_len = rc ? size : s->key->size;
	return rc ? EVP_PKEY_sign(s->twin, sig, sig_len, tbs, len) > 0 : 1;
}

/* ---- verify -------------------------------------------------------------- */

static bool rsa_verify_pss(struct wdp_rsa_sig *s, uint8_t *em,
			   const uint8_t *tbs, size_t len)
{
	const struct wdp_rsa_hash h = { rsa_sig_scratch(s), s->mode.md,
					s->mode.mgf1 };
	int salt = s->mode.salt_len;

	if (!h.ctx || !h.md || !h.mgf1 || len != (size_t)EVP_MD_get_size(h.md))
		return false;
	if (salt == RSA_PSS_SALTLEN_AUTO || salt == RSA_SALTLEN_AUTO_DIGEST_MAX)
		salt = WDP_RSA_SALT_ANY;
	else
		salt = rsa_sig_salt_len(s);
	return salt >= WDP_RSA_SALT_ANY &&
	       !wdp_rsa_check_pss(em, s->key->bits, &h, tbs, salt);
}

static bool rsa_verify_block(struct wdp_rsa_sig *s, uint8_t *em,
			     const uint8_t *tbs, size_t len)
{
	uint8_t want[HPRE_WIDTH_MAX];

	if (s->mode.pad == RSA_PKCS1_PSS_PADDING)
		return rsa_verify_pss(s, em, tbs, len);
	/* An X9.31 block ends in 0xc; n minus it does not. */
	if (s->mode.pad == RSA_X931_PADDING &&
	    (em[s->key->size - 1] & 0xf) != 0xc)
		rsa_sig_negate(s->key, em);
	return !rsa_sig_block(s, want, tbs, len) &&
	       !memcmp(em, want, s->key->size);
}

/* The public operation, where the device may do it. */
static int rsa_sig_open(struct wdp_rsa_sig *s, const uint8_t *sig, size_t len,
			uint8_t *em)
{
	if (!rsa_sig_mode(s) || len != s->key->size ||
	    !wdp_rsa_offloads(s->key, OFFLOAD_RSA_PUBLIC))
		return WDP_IN_SOFTWARE;
	return wdp_rsa_public(s->key, sig, em);
}

/* What the device finds wrong is for the twin to judge. */
static int rsa_sig_doubt(struct wdp_rsa_sig *s)
{
	offload_count_software(s->prov->off, OFFLOAD_RSA_PUBLIC);
	return WDP_IN_SOFTWARE;
}

static int rsa_verify_device(struct wdp_rsa_sig *s, const uint8_t *sig,
			     size_t sig_len, const uint8_t *tbs, size_t len)
{
	uint8_t em[HPRE_WIDTH_MAX];
	int rc = rsa_sig_open(s, sig, sig_len, em);

	if (!rc && !rsa_verify_block(s, em, tbs, len))
		rc = rsa_sig_doubt(s);
	return rc;
}

static int rsa_verify(void *ctx, const uint8_t *sig, size_t sig_len,
		      const uint8_t *tbs, size_t len)
{
	struct wdp_rsa_sig *s = ctx;
	int rc;

	if (!s->key)
		return 0;
	rc = rsa_verify_device(s, sig, sig_len, tbs, len);
	if (rc != WDP_IN_SOFTWARE)
		return !rc;
	return EVP_PKEY_verify(s->twin, sig, sig_len, tbs, len) > 0;
}

/* ---- recover ------------------------------------------------------------- */

/* What was signed: all of the block's content, or the digest in it. */
static bool rsa_recover_block(const struct wdp_rsa_sig *s, const uint8_t *em,
			      const uint8_t **t, size_t *len)
{
	const struct wdp_rsa_digestinfo *i = s->mode.info;

	if (wdp_rsa_unpad_type1(em, s->key->size, t, len))
		return false;
	if (!s->mode.md)
		return true;
	if (!i || *len != (size_t)i->len + i->digest_len ||
	    memcmp(*t, i->der, i->len) != 0)
		return false;
	*t += i->len;
	*len = i->digest_len;
	return true;
}

static int rsa_recover_device(struct wdp_rsa_sig *s, uint8_t *out,
			      size_t *out_len, size_t size, const uint8_t *sig,
			      size_t sig_len)
{
	uint8_t em[HPRE_WIDTH_MAX];
	const uint8_t *t;
	size_t len;
	int rc;

	if (!rsa_sig_mode(s) || s->mode.pad != RSA_PKCS1_PADDING ||
	    size < s->key->size)
		return rsa_sig_doubt(s);
	rc = rsa_sig_open(s, sig, sig_len, em);
	if (rc)
		return rc;
	if (!rsa_recover_block(s, em, &t, &len))
		return rsa_sig_doubt(s);
	memcpy(out, t, len);
	*out_len = len;
	return 0;
}

static int rsa_recover(void *ctx, uint8_t *out, size_t *out_len, size_t size,
		       const uint8_t *sig, size_t sig_len)
{
	struct wdp_rsa_sig *s = ctx;
	int rc = WDP_IN_SOFTWARE;

	if (!s->key)
		return 0;
	if (out)
		rc = rsa_recover_device(s, out, out_len, size, sig, sig_len);
	if (rc != WDP_IN_SOFTWARE)
		return !rc;
	*out_len = size;
	return EVP_PKEY_verify_recover(s->twin, out, out_len, sig, sig_len) > 0;
}

/* ---- digest and sign ----------------------------------------------------- */

static int rsa_digest_update(void *ctx, const uint8_t *data, size_t len)
{
	struct wdp_rsa_sig *s = ctx;

	return s && s->stream && EVP_DigestUpdate(s->stream, data, len);
}

static int rsa_digest_sign_final(void *ctx, uint8_t *sig, size_t *sig_len,
				 size_t size)
{
	struct wdp_rsa_sig *s = ctx;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	s->digesting = false;
	if (!s->stream)
		return 0;
	if (sig && !EVP_DigestFinal_ex(s->stream, digest, &len))
		return 0;
	return rsa_sign(s, sig, sig_len, size, digest, len);
}

static int rsa_digest_verify_final(void *ctx, const uint8_t *sig,
				   size_t sig_len)
{
	struct wdp_rsa_sig *s = ctx;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	s->digesting = false;
	return s->stream && EVP_DigestFinal_ex(s->stream, digest, &len) &&
	       rsa_verify(s, sig, sig_len, digest, len);
}

/*
 * One-shot: libcrypto's own way, update and final on a copy of the context,
 * leaves the data in the stream.  The same here with a copy of the stream
 * alone, which saves the copy of everything else.
 */
static bool rsa_digest_once(struct wdp_rsa_sig *s, const uint8_t *data,
			    size_t data_len, uint8_t *digest, unsigned int *len)
{
	return rsa_digest_update(s, data, data_len) && rsa_sig_scratch(s) &&
	       EVP_MD_CTX_copy_ex(s->scratch, s->stream) &&
	       EVP_DigestFinal_ex(s->scratch, digest, len);
}

static int rsa_digest_sign(void *ctx, uint8_t *sig, size_t *sig_len,
			   size_t size, const uint8_t *data, size_t data_len)
{
	struct wdp_rsa_sig *s = ctx;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (sig && !rsa_digest_once(s, data, data_len, digest, &len))
		return 0;
	return rsa_sign(s, sig, sig_len, size, digest, len);
}

static int rsa_digest_verify(void *ctx, const uint8_t *sig, size_t sig_len,
			     const uint8_t *data, size_t data_len)
{
	struct wdp_rsa_sig *s = ctx;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	return rsa_digest_once(s, data, data_len, digest, &len) &&
	       rsa_verify(s, sig, sig_len, digest, len);
}

const OSSL_DISPATCH wdp_rsa_signature_fns[] = {
	{ WDP_FN(SIGNATURE_NEWCTX, rsa_sig_new) },
	{ WDP_FN(SIGNATURE_FREECTX, rsa_sig_free) },
	{ WDP_FN(SIGNATURE_DUPCTX, rsa_sig_dup) },
	{ WDP_FN(SIGNATURE_SIGN_INIT, rsa_sign_init) },
	{ WDP_FN(SIGNATURE_SIGN, rsa_sign) },
	{ WDP_FN(SIGNATURE_VERIFY_INIT, rsa_verify_init) },
	{ WDP_FN(SIGNATURE_VERIFY, rsa_verify) },
	{ WDP_FN(SIGNATURE_VERIFY_RECOVER_INIT, rsa_recover_init) },
	{ WDP_FN(SIGNATURE_VERIFY_RECOVER, rsa_recover) },
	{ WDP_FN(SIGNATURE_DIGEST_SIGN_INIT, rsa_digest_sign_init) },
	{ WDP_FN(SIGNATURE_DIGEST_SIGN_UPDATE, rsa_digest_update) },
	{ WDP_FN(SIGNATURE_DIGEST_SIGN_FINAL, rsa_digest_sign_final) },
	{ WDP_FN(SIGNATURE_DIGEST_SIGN, rsa_digest_sign) },
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY_INIT, rsa_digest_verify_init) },
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY_UPDATE, rsa_digest_update) },
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY_FINAL, rsa_digest_verify_final) },
	{ WDP_FN(SIGNATURE_DIGEST_VERIFY, rsa_digest_verify) },
	{ WDP_FN(SIGNATURE_GET_CTX_PARAMS, rsa_sig_get_params) },
	{ WDP_FN(SIGNATURE_GETTABLE_CTX_PARAMS, rsa_sig_gettable) },
	{ WDP_FN(SIGNATURE_SET_CTX_PARAMS, rsa_sig_set_params) },
	{ WDP_FN(SIGNATURE_SETTABLE_CTX_PARAMS, rsa_sig_settable) },
	{ WDP_FN(SIGNATURE_GET_CTX_MD_PARAMS, rsa_sig_get_md_params) },
	{ WDP_FN(SIGNATURE_GETTABLE_CTX_MD_PARAMS, rsa_sig_gettable_md) },
	{ WDP_FN(SIGNATURE_SET_CTX_MD_PARAMS, rsa_sig_set_md_params) },
	{ WDP_FN(SIGNATURE_SETTABLE_CTX_MD_PARAMS, rsa_sig_settable_md) },
	{ 0, NULL },
};
