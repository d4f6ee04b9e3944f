/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA encryption.  As in wdp_rsa_sig.c a context of the twin goes along, takes
 * the parameters and does what the device does not.
 *
 * Decryption is where padding is an oracle (CRYPTO 1998, CRYPTO 2001):
 *
 *	TLS	 48 bytes and success, whatever was in the block
 *	OAEP	 one verdict for every fault
 *	PKCS#1	 constant time up to and including the verdict, and no trace of
 *		 it on the error queue; where libcrypto rejects implicitly
 *		 (3.2, or a distribution's 3.0) no verdict at all: a wrong
 *		 block is a message too, the one the twin would return
 *
 * A block the device decrypted is never decrypted again because of what was in
 * it: the second run would take its own time and tell.
 */
#include "provider/wdp_asym.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/wd_base.h"
#include "provider/wdp_rsa_pad.h"

#define RSA_NAME_MAX 50 /* bytes of a digest's name */

/* What the twin's parameters come to. */
struct rsa_enc_mode {
	int pad; /* RSA_*_PADDING */
	unsigned int tls_client, tls_alt;
	unsigned int reject;	    /* implicitly */
	bool reject_known;	    /* the twin says which it does */
	const EVP_MD *md, *mgf1;    /* of OAEP */
	struct wdp_rsa_label label; /* the twin's memory */
};

struct wdp_rsa_enc {
	struct wdp_asym a;
	struct rsa_enc_mode mode;
};

static OSSL_FUNC_asym_cipher_encrypt_init_fn rsa_encrypt_init;
static OSSL_FUNC_asym_cipher_encrypt_fn rsa_encrypt;
static OSSL_FUNC_asym_cipher_decrypt_init_fn rsa_decrypt_init;
static OSSL_FUNC_asym_cipher_decrypt_fn rsa_decrypt;
static const struct rsa_enc_mode *rsa_enc_mode(const struct wdp_asym *c)
{
	return &((const struct wdp_rsa_enc *)c)->mode;
}

/* ---- parameters ---------------------------------------------------------- */

/*
 * Not in the headers of 3.0, nor in the library as upstream has it: then nobody
 * answers and 0 stays.
 */
#define RSA_IMPLICIT_REJECTION "implicit-rejection"

static bool rsa_enc_settles(const struct wdp_asym *c, const char *name)
{
	const OSSL_PARAM *list = EVP_PKEY_CTX_settable_params(c->twin);

	return list && OSSL_PARAM_locate_const(list, name);
}

static bool rsa_enc_read(struct wdp_asym *c)
{
	char md[RSA_NAME_MAX] = "", mgf1[RSA_NAME_MAX] = "";
	struct rsa_enc_mode *m = &((struct wdp_rsa_enc *)c)->mode;
	void *label = NULL;
	/* clang-format off */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE,
					 &m->pad),
		OSSL_PARAM_construct_utf8_string(
			OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, md, sizeof(md)),
		OSSL_PARAM_construct_utf8_string(
			OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, mgf1,
			sizeof(mgf1)),
		OSSL_PARAM_construct_uint(
			OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION,
			&m->tls_client),
		OSSL_PARAM_construct_uint(
			OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION,
			&m->tls_alt),
		OSSL_PARAM_construct_octet_ptr(
			OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, &label, 0),
		OSSL_PARAM_construct_uint(RSA_IMPLICIT_REJECTION, &m->reject),
		OSSL_PARAM_construct_end(),
	};
	/* clang-format on */

	m->reject = 0;
	if (EVP_PKEY_CTX_get_params(c->twin, params) <= 0)
		return false;
	m->reject_known = OSSL_PARAM_modified(&params[6]) ||
			  !rsa_enc_settles(c, RSA_IMPLICIT_REJECTION);
	m->label.p = label;
	m->label.len = label ? params[5].return_size : 0;
	m->md = *md ? wdp_twin_md(c->prov, md) : NULL;
	m->mgf1 = *mgf1 ? wdp_twin_md(c->prov, mgf1) : m->md;
	return true;
}

/* clang-format off */
#define RSA_ENC_PARAMS                                                         \
	OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),   \
	OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),      \
	OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),   \
	OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),      \
	OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL)

static const OSSL_PARAM rsa_enc_gettables[] = {
	RSA_ENC_PARAMS,
	OSSL_PARAM_DEFN(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL,
			OSSL_PARAM_OCTET_PTR, NULL, 0),
	OSSL_PARAM_END,
};

static const OSSL_PARAM rsa_enc_settables[] = {
	RSA_ENC_PARAMS,
	OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST_PROPS,
			       NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST_PROPS,
			       NULL, 0),
	OSSL_PARAM_END,
};
/* clang-format on */

static const struct wdp_asym_ops rsa_enc_ops = {
	.size = sizeof(struct wdp_rsa_enc),
	.read = rsa_enc_read,
	.gettables = rsa_enc_gettables,
	.settables = rsa_enc_settables,
};

WDP_ASYM_BIND(rsa_enc, &rsa_enc_ops)

static int rsa_encrypt_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return wdp_asym_init(ctx, key, params, EVP_PKEY_encrypt_init_ex);
}

static int rsa_decrypt_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return wdp_asym_init(ctx, key, params, EVP_PKEY_decrypt_init_ex);
}

/* ---- encrypt ------------------------------------------------------------- */

static int rsa_enc_random(void *arg, uint8_t *p, size_t n)
{
	return RAND_bytes_ex(arg, p, n, 0) > 0 ? 0 : -EIO;
}

static bool rsa_enc_hash(struct wdp_asym *c, struct wdp_rsa_hash *h)
{
	*h = (struct wdp_rsa_hash){ wdp_asym_scratch(c), rsa_enc_mode(c)->md,
				    rsa_enc_mode(c)->mgf1 };
	return h->ctx && h->md && h->mgf1;
}

static bool rsa_enc_sha256(struct wdp_asym *c, struct wdp_rsa_hash *h)
{
	*h = (struct wdp_rsa_hash){
		.ctx = wdp_asym_scratch(c),
		.md = wdp_twin_md(c->prov, "SHA2-256"),
	};
	return h->ctx && h->md;
}

/* The twin says what is wrong with what gets -EINVAL here. */
static int rsa_enc_block(struct wdp_asym *c, uint8_t *em, const uint8_t *in,
			 size_t len)
{
	const struct wdp_rsa_random rnd = { rsa_enc_random, wdp_twin(c->prov) };
	size_t k = c->key->size;
	struct wdp_rsa_hash h;

	switch (rsa_enc_mode(c)->pad) {
	case RSA_PKCS1_PADDING:
		return wdp_rsa_pad_type2(em, k, in, len, &rnd);
	case RSA_PKCS1_OAEP_PADDING:
		if (!rsa_enc_hash(c, &h))
			return -EINVAL;
		return wdp_rsa_pad_oaep(em, k, &h, rsa_enc_mode(c)->label, in,
					len, &rnd);
	case RSA_NO_PADDING:
		if (len != k)
			return -EINVAL;
		memcpy(em, in, len);
		return 0;
	default:
		return -EINVAL;
	}
}

static int rsa_encrypt_device(struct wdp_asym *c, uint8_t *out,
			      const uint8_t *in, size_t len)
{
	uint8_t em[HPRE_WIDTH_MAX];
	int rc = WDP_IN_SOFTWARE;

	if (!wdp_asym_known(c) || !wdp_rsa_offloads(c->key, OFFLOAD_RSA_PUBLIC))
		return WDP_IN_SOFTWARE;
	if (rsa_enc_block(c, em, in, len))
		offload_count_software(c->prov->off, OFFLOAD_RSA_PUBLIC);
	else
		rc = wdp_rsa_seal(c->key, em, out);
	wd_wipe(em, sizeof(em));
	return rc;
}

static int rsa_encrypt(void *ctx, uint8_t *out, size_t *out_len, size_t size,
		       const uint8_t *in, size_t len)
{
	struct wdp_asym *c = ctx;
	int rc = WDP_IN_SOFTWARE;

	if (!c->key)
		return 0;
	if (out && size >= c->key->size)
		rc = rsa_encrypt_device(c, out, in, len);
	if (rc < 0)
		return 0;
	*out_len = rc ? size : c->key->size;
	return rc ? EVP_PKEY_encrypt(c->twin, out, out_len, in, len) > 0 : 1;
}

/* ---- decrypt ------------------------------------------------------------- */

static bool rsa_decrypt_ours(const struct wdp_asym *c, size_t size, size_t len)
{
	size_t k = c->key->size;

	if (len != k)
		return false;
	switch (rsa_enc_mode(c)->pad) {
	case RSA_PKCS1_PADDING:
		return size >= k && rsa_enc_mode(c)->reject_known;
	case RSA_PKCS1_OAEP_PADDING:
	case RSA_NO_PADDING:
		return size >= k;
	case RSA_PKCS1_WITH_TLS_PADDING:
		return size >= WDP_RSA_TLS_SECRET &&
		       rsa_enc_mode(c)->tls_client;
	default:
		return false;
	}
}

static int rsa_decrypt_tls(struct wdp_asym *c, uint8_t *out, size_t *out_len,
			   const uint8_t *em)
{
	uint8_t secret[WDP_RSA_TLS_SECRET];

	if (RAND_priv_bytes_ex(wdp_twin(c->prov), secret, sizeof(secret), 0) <=
	    0)
		return -EIO;
	wdp_rsa_unpad_tls(secret, em, c->key->size, rsa_enc_mode(c)->tls_client,
			  rsa_enc_mode(c)->tls_alt);
	memcpy(out, secret, sizeof(secret));
	*out_len = sizeof(secret);
	wd_wipe(secret, sizeof(secret));
	return 0;
}

static int rsa_decrypt_rejecting(struct wdp_asym *c, uint8_t *out,
				 size_t *out_len, size_t size,
				 const uint8_t *in, uint8_t *em)
{
	const uint8_t *key_hash = wdp_rsa_hash_of_key(c->key);
	struct wdp_rsa_substitute sub;
	struct wdp_rsa_hash h;
	size_t k = c->key->size;
	int rc;

	if (!rsa_enc_sha256(c, &h))
		return -EIO;
	rc = wdp_rsa_substitute(&sub, &h, key_hash, in, k);
	if (!rc)
		wdp_rsa_unpad_or_substitute(out, size, out_len, em, k, &sub);
	wd_wipe(&sub, sizeof(sub));
	return rc;
}

/* No branch on the result of these: the caller of EVP may be hiding it. */
static int rsa_decrypt_open(struct wdp_asym *c, uint8_t *out, size_t *out_len,
			    size_t size, const uint8_t *in, uint8_t *em)
{
	size_t k = c->key->size;
	struct wdp_rsa_hash h;

	switch (rsa_enc_mode(c)->pad) {
	case RSA_PKCS1_PADDING:
		if (rsa_enc_mode(c)->reject)
			return rsa_decrypt_rejecting(c, out, out_len, size, in,
						     em);
		return wdp_rsa_unpad_type2(out, size, out_len, em, k);
	case RSA_PKCS1_OAEP_PADDING:
		if (!rsa_enc_hash(c, &h))
			return -EIO;
		return wdp_rsa_unpad_oaep(out, size, out_len, em, k, &h,
					  rsa_enc_mode(c)->label);
	case RSA_PKCS1_WITH_TLS_PADDING:
		return rsa_decrypt_tls(c, out, out_len, em);
	default:
		memcpy(out, em, k);
		*out_len = k;
		return 0;
	}
}

/* Asked before the device is: what it opened is never opened again. */
static bool rsa_decrypt_offloads(struct wdp_asym *c)
{
	bool rejects = rsa_enc_mode(c)->pad == RSA_PKCS1_PADDING &&
		       rsa_enc_mode(c)->reject;

	return wdp_rsa_offloads(c->key, OFFLOAD_RSA_PRIVATE) &&
	       (!rejects || wdp_rsa_hash_of_key(c->key));
}

static int rsa_decrypt_twin(struct wdp_asym *c, uint8_t *out, size_t *out_len,
			    size_t size, const uint8_t *in, size_t len)
{
	*out_len = size;
	return EVP_PKEY_decrypt(c->twin, out, out_len, in, len) > 0;
}

static int rsa_decrypt(void *ctx, uint8_t *out, size_t *out_len, size_t size,
		       const uint8_t *in, size_t len)
{
	struct wdp_asym *c = ctx;
	uint8_t em[HPRE_WIDTH_MAX];
	int rc;

	if (!c->key)
		return 0;
	if (!out || !wdp_asym_known(c) || !rsa_decrypt_ours(c, size, len) ||
	    !rsa_decrypt_offloads(c))
		return rsa_decrypt_twin(c, out, out_len, size, in, len);
	rc = wdp_rsa_private(c->key, in, em);
	if (rc == WDP_IN_SOFTWARE)
		return rsa_decrypt_twin(c, out, out_len, size, in, len);
	if (rc)
		return 0;
	rc = rsa_decrypt_open(c, out, out_len, size, in, em);
	wd_wipe(em, sizeof(em));
	return (int)((unsigned int)rc >> 31 ^ 1);
}

const OSSL_DISPATCH wdp_rsa_asym_cipher_fns[] = {
	WDP_ASYM_ROWS(ASYM_CIPHER, rsa_enc),
	{ WDP_FN(ASYM_CIPHER_ENCRYPT_INIT, rsa_encrypt_init) },
	{ WDP_FN(ASYM_CIPHER_ENCRYPT, rsa_encrypt) },
	{ WDP_FN(ASYM_CIPHER_DECRYPT_INIT, rsa_decrypt_init) },
	{ WDP_FN(ASYM_CIPHER_DECRYPT, rsa_decrypt) },
	{ 0, NULL },
};
