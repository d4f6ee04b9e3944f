/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-CCM.
 *
 * A message is one update: CCM begins with its length.  So a payload is all
 * there is, and goes to the device as one job or to the twin; what comes
 * before it, length and additional data, is kept until then.  The twin sees
 * whole messages only, each with IV, tag and length anew, and what it thinks
 * between messages does not matter.
 *
 * Which calls are refused when is as in the default provider, so that the
 * flags have the same names: an IV, a length and, to decrypt, a tag have to be
 * set, each for one message.
 *
 * A tag that the device finds wrong is judged again by the twin: nothing has
 * been written by then, and a device that errs breaks no connection.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/wd_base.h"
#include "provider/wdp_aead.h"
#include "provider/wdp_sym.h"

#define CCM_TAG	    16
#define CCM_TAG_OLD 12 /* bytes, while nobody has said */
#define CCM_IV_MIN  7
#define CCM_IV_MAX  13

/* Handing a tag over costs a search through all the twin's parameters: only
 * when somebody asks, and as it comes. */
enum ccm_tag_at {
	CCM_TAG_HERE, /* in ccm_ctx.tag */
	CCM_TAG_MADE, /* it is the twin's, and not yet here */
	CCM_TAG_TOLD, /* the twin expects what is here */
};

struct ccm_ctx {
	struct wdp_ctx *prov;
	const struct wdp_cipher_spec *spec;
	const struct wdp_direct *soft;
	void *twin;   /* soft's context */
	size_t small; /* bytes: the twin's without a question */
	size_t iv_len, tag_len;
	size_t len;	/* of the message that was announced */
	size_t tls_pad; /* what tlsaadpad answers */
	struct wdp_aad aad;
	enum ccm_tag_at tag_at;
	bool encrypt, key_set, iv_set, len_set, tag_set;
	bool aad_set;
	bool tls; /* updates are records, from the first header on */
	bool twin_keyed;
	uint8_t twin_iv_len, twin_tag_len;
	uint8_t key[WDP_KEY_MAX / 2];
	uint8_t iv[WDP_IV_MAX];
	uint8_t tag[CCM_TAG];
	uint8_t tls_aad[WDP_TLS_AAD];
};

static void *ccm_new(void *prov, const struct wdp_cipher_spec *spec)
{
	const struct wdp_direct *soft = wdp_cipher_soft(prov, spec);
	struct ccm_ctx *c;

	if (!soft)
		return NULL;
	c = OPENSSL_zalloc(sizeof(*c));
	if (!c)
		return NULL;
	c->prov = prov;
	c->spec = spec;
	c->soft = soft;
	c->small = wdp_small(prov, spec->kind);
	c->iv_len = CCM_IV_MIN;
	c->tag_len = CCM_TAG_OLD;
	return c;
}

static OSSL_FUNC_cipher_freectx_fn ccm_free;
static void ccm_free(void *ctx)
{
	struct ccm_ctx *c = ctx;

	if (!c)
		return;
	if (c->twin)
		c->soft->cipher.freectx(c->twin);
	wdp_aad_free(&c->aad);
	wd_wipe(c, sizeof(*c)); /* far cheaper than OPENSSL_cleanse() */
	OPENSSL_free(c);
}

static int twin_tag(struct ccm_ctx *c, uint8_t *tag)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag,
					c->twin_tag_len),
		OSSL_PARAM_END,
	};

	return c->soft->cipher.get_ctx_params(c->twin, params) ? 0 : -EPROTO;
}

/* See that the tag is here, and here only. */
static int ccm_tag_here(struct ccm_ctx *c)
{
	int rc = 0;

	if (c->tag_at == CCM_TAG_MADE)
		rc = twin_tag(c, c->tag);
	c->tag_at = CCM_TAG_HERE;
	return rc;
}

/* The twin holds nothing of a message: the copy makes one of its own. */
static OSSL_FUNC_cipher_dupctx_fn ccm_dup;
static void *ccm_dup(void *ctx)
{
	struct ccm_ctx *c;

	if (ccm_tag_here(ctx))
		return NULL;
	c = OPENSSL_memdup(ctx, sizeof(*c));
	if (!c)
		return NULL;
	c->twin = NULL;
	c->twin_keyed = false;
	c->twin_iv_len = c->twin_tag_len = 0;
	if (!wdp_aad_own(&c->aad))
		return c;
	ccm_free(c);
	return NULL;
}

/* ---- a message by the twin --------------------------------------------- */

static int twin_set(struct ccm_ctx *c, const char *name, void *tag, size_t len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, len),
		OSSL_PARAM_END,
	};

	if (!tag && name)
		params[0] = OSSL_PARAM_construct_size_t(name, &len);
	return c->soft->cipher.set_ctx_params(c->twin, params) ? 0 : -EPROTO;
}

/* The lengths are part of the twin's key schedule. */
static int twin_lengths(struct ccm_ctx *c)
{
	int rc;

	if (c->twin_iv_len == c->iv_len && c->twin_tag_len == c->tag_len)
		return 0;
	c->twin_keyed = false;
	rc = twin_set(c, OSSL_CIPHER_PARAM_AEAD_IVLEN, NULL, c->iv_len);
	if (!rc)
		rc = twin_set(c, NULL, NULL, c->tag_len);
	c->twin_iv_len = (uint8_t)c->iv_len;
	c->twin_tag_len = (uint8_t)c->tag_len;
	return rc;
}

/* @tag: expected, to decrypt. */
static int twin_begin(struct ccm_ctx *c, uint8_t *tag)
{
	const struct wdp_direct_cipher *f = &c->soft->cipher;
	const uint8_t *key;
	int rc;

	if (!c->twin)
		c->twin = f->newctx(c->soft->prov);
	if (!c->twin)
		return -ENOMEM;
	rc = twin_lengths(c);
	if (rc)
		return rc;
	key = c->twin_keyed ? NULL : c->key;
	if (!(c->encrypt ? f->encrypt_init : f->decrypt_init)(
		    c->twin, key, key ? c->spec->key_len : 0, c->iv, c->iv_len,
		    NULL))
		return -EPROTO;
	c->twin_keyed = true;
	if (c->encrypt || (!key && c->tag_at == CCM_TAG_TOLD && tag == c->tag))
		return 0;
	return twin_set(c, NULL, tag, c->tag_len);
}

/* @tag: out, or expected. */
static int ccm_twin(struct ccm_ctx *c, uint8_t *out, const uint8_t *in,
		    size_t len, uint8_t *tag)
{
	const struct wdp_direct_cipher *f;
	uint8_t none = 0;
	size_t n;
	int rc = twin_begin(c, tag);

	c->tag_at = CCM_TAG_HERE;
	if (rc)
		return rc;
	f = &c->soft->cipher;
	if (!f->update(c->twin, NULL, &n, len, NULL, len))
		return -EPROTO;
	if (c->aad.len && !f->update(c->twin, NULL, &n, c->aad.len,
				     wdp_aad_bytes(&c->aad), c->aad.len))
		return -EPROTO;
	if (!f->update(c->twin, len ? out : &none, &n, len, len ? in : &none,
		       len))
		return c->encrypt ? -EPROTO : -EBADMSG;
	if (!c->encrypt)
		return 0;
	if (tag != c->tag)
		return twin_tag(c, tag);
	c->tag_at = CCM_TAG_MADE;
	return 0;
}

/* ---- a message --------------------------------------------------------- */

static int ccm_job(struct ccm_ctx *c, uint8_t *out, const uint8_t *in,
		   size_t len, uint8_t *tag)
{
	struct offload_waiter *w = wdp_waiter_get(c->prov);
	const struct offload_cipher op = {
		.kind = c->spec->kind,
		.alg = c->spec->alg,
		.encrypt = c->encrypt,
		.key = c->key,
		.key_len = c->spec->key_len,
		.iv = c->iv,
		.iv_len = (uint8_t)c->iv_len,
		.aad = wdp_aad_bytes(&c->aad),
		.aad_len = c->aad.len,
		.in = in,
		.out = out,
		.len = (uint32_t)len,
		.tag = tag,
		.tag_len = (uint8_t)c->tag_len,
	};
	int rc = -EMSGSIZE;

	if (len + c->aad.len <=
	    offload_max_bytes(c->prov->off, c->spec->kind, w != NULL))
		rc = offload_cipher(c->prov->off, &op, w);
	wdp_waiter_release(w);
	return rc;
}

/* @tag: out, or expected. */
static int ccm_crypt(struct ccm_ctx *c, uint8_t *out, const uint8_t *in,
		     size_t len, uint8_t *tag)
{
	int rc;

	if (len + c->aad.len >= c->small && len &&
	    offload_choose_cipher(c->prov->off, c->spec->kind, c->encrypt,
				  len + c->aad.len)) {
		rc = ccm_job(c, out, in, len, tag);
		if (!rc && tag == c->tag)
			c->tag_at = CCM_TAG_HERE;
		if (!rc)
			return 0;
		if (rc != -EBADMSG &&
		    !wdp_software_may(c->prov, c->spec->kind, rc))
			return rc;
	}
	return ccm_twin(c, out, in, len, tag);
}

static void ccm_forget(struct ccm_ctx *c)
{
	c->len_set = c->aad_set = false;
	c->aad.len = 0;
}

static int ccm_payload(struct ccm_ctx *c, uint8_t *out, const uint8_t *in,
		       size_t len)
{
	int rc;

	if (c->len_set && c->len != len)
		return -EINVAL;
	/* One payload a message; to decrypt, the tag comes first. */
	if (c->tag_set == c->encrypt)
		return -EINVAL;
	rc = ccm_crypt(c, out, in, len, c->tag);
	if (rc)
		return rc;
	c->tag_set = c->encrypt;
	if (!c->encrypt) {
		c->iv_set = false;
		ccm_forget(c);
	}
	return 0;
}

static int ccm_aad(struct ccm_ctx *c, const uint8_t *in, size_t len)
{
	if ((!c->len_set && len) || (c->aad_set && len))
		return -EINVAL;
	if (len)
		c->aad_set = true;
	return wdp_aad_add(&c->aad, in, len);
}

/* explicit IV | payload | tag, in place. */
static int ccm_record(struct ccm_ctx *c, uint8_t *out, size_t *out_len,
		      const uint8_t *in, size_t len)
{
	size_t around = WDP_TLS_EXPLICIT + c->tag_len, n;
	uint8_t *data = out + WDP_TLS_EXPLICIT;
	int rc;

	if (!in || out != in || len < around || c->iv_len != 12)
		return -EINVAL;
	n = len - around;
	if (c->encrypt) /* the sequence number */
		memcpy(out, c->tls_aad, WDP_TLS_EXPLICIT);
	memcpy(c->iv + WDP_TLS_FIXED, in, WDP_TLS_EXPLICIT);
	c->aad.len = 0;
	rc = wdp_aad_add(&c->aad, c->tls_aad, WDP_TLS_AAD);
	if (!rc)
		rc = ccm_crypt(c, data, data, n, data + n);
	if (rc)
		return rc;
	*out_len = c->encrypt ? len : n;
	return 0;
}

/* @out NULL: AAD, or with @in NULL too the length that will come. */
static int ccm_do(struct ccm_ctx *c, uint8_t *out, size_t *out_len,
		  const uint8_t *in, size_t len)
{
	int rc = 0;

	*out_len = 0;
	if (!c->key_set)
		return -ENOKEY;
	if (c->tls)
		return ccm_record(c, out, out_len, in, len);
	if (!in && out)
		return 0;
	if (!c->iv_set)
		return -EINVAL;
	if (out) {
		rc = ccm_payload(c, out, in, len);
	} else if (in) {
		rc = ccm_aad(c, in, len);
	} else {
		ccm_forget(c);
		c->len = len;
		c->len_set = true;
	}
	if (!rc)
		*out_len = len;
	return rc;
}

/* ---- dispatch ---------------------------------------------------------- */

static OSSL_FUNC_cipher_set_ctx_params_fn ccm_set_ctx_params;

static int ccm_key_iv(struct ccm_ctx *c, const uint8_t *key, size_t key_len,
		      const uint8_t *iv, size_t iv_len, bool encrypt)
{
	if (c->encrypt != encrypt) {
		c->tag_at = CCM_TAG_HERE;
		c->tag_set = false;
		c->twin_keyed = false;
	}
	c->encrypt = encrypt;
	if (iv) {
		if (iv_len != c->iv_len)
			return -ERANGE;
		memcpy(c->iv, iv, iv_len);
		c->iv_set = true;
		/* a message half done is over; a tag to come is not */
		c->tag_set = c->tag_set && !encrypt;
		ccm_forget(c);
	}
	if (key) {
		if (key_len != c->spec->key_len)
			return -EKEYREJECTED;
		memcpy(c->key, key, key_len);
		c->key_set = true;
		c->twin_keyed = false;
	}
	return 0;
}

static int ccm_init(struct ccm_ctx *c, const uint8_t *key, size_t key_len,
		    const uint8_t *iv, size_t iv_len, const OSSL_PARAM params[],
		    bool encrypt)
{
	int rc = ccm_key_iv(c, key, key_len, iv, iv_len, encrypt);

	return wdp_ok(c->prov, rc) &&
	       (!params || ccm_set_ctx_params(c, params));
}

WDP_CIPHER_INITS(ccm)

static OSSL_FUNC_cipher_update_fn ccm_update;
static int ccm_update(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size, const unsigned char *in, size_t len)
{
	struct ccm_ctx *c = ctx;

	if (out_size < len)
		return wdp_ok(c->prov, -ENOBUFS);
	return wdp_ok(c->prov, ccm_do(c, out, out_len, in, len));
}

/* A message of no payload happens here, if it has not. */
static OSSL_FUNC_cipher_final_fn ccm_final;
static int ccm_final(void *ctx, unsigned char *out, size_t *out_len,
		     size_t out_size)
{
	struct ccm_ctx *c = ctx;
	uint8_t none = 0;
	int rc = c->key_set ? 0 : -ENOKEY;

	(void)out;
	(void)out_size;
	if (!rc && !c->tls && c->iv_set && !(c->encrypt && c->tag_set))
		rc = ccm_payload(c, &none, &none, 0);
	*out_len = 0;
	return wdp_ok(c->prov, rc);
}

static OSSL_FUNC_cipher_cipher_fn ccm_cipher;
static int ccm_cipher(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size, const unsigned char *in, size_t len)
{
	struct ccm_ctx *c = ctx;

	if (!in && !c->tls)
		return ccm_final(c, out, out_len, out_size);
	if (!ccm_update(c, out, out_len, out_size, in, len))
		return 0;
	*out_len = len;
	return 1;
}

/* ---- parameters -------------------------------------------------------- */

static bool ccm_give_iv_len(void *ctx, OSSL_PARAM *p)
{
	struct ccm_ctx *c = ctx;

	return OSSL_PARAM_set_size_t(p, c->iv_len);
}

static bool ccm_give_key_len(void *ctx, OSSL_PARAM *p)
{
	struct ccm_ctx *c = ctx;

	return OSSL_PARAM_set_size_t(p, c->spec->key_len);
}

static bool ccm_give_tag_len(void *ctx, OSSL_PARAM *p)
{
	struct ccm_ctx *c = ctx;

	return OSSL_PARAM_set_size_t(p, c->tag_len);
}

static bool ccm_give_tls_pad(void *ctx, OSSL_PARAM *p)
{
	struct ccm_ctx *c = ctx;

	return OSSL_PARAM_set_size_t(p, c->tls_pad);
}

static bool ccm_give_iv(void *ctx, OSSL_PARAM *p)
{
	struct ccm_ctx *c = ctx;

	return p->data_size >= c->iv_len &&
	       wdp_give_bytes(p, p->key, c->iv, c->iv_len);
}

/* Asking ends the message. */
static bool ccm_give_tag(void *ctx, OSSL_PARAM *p)
{
	struct ccm_ctx *c = ctx;

	if (!c->encrypt || !c->tag_set || p->data_size > c->tag_len ||
	    ccm_tag_here(c) ||
	    !OSSL_PARAM_set_octet_string(p, c->tag, p->data_size))
		return false;
	c->tag_set = c->iv_set = false;
	ccm_forget(c);
	return true;
}

static const struct wdp_giver ccm_givers[] = {
	{ OSSL_CIPHER_PARAM_IVLEN, ccm_give_iv_len },
	{ OSSL_CIPHER_PARAM_KEYLEN, ccm_give_key_len },
	{ OSSL_CIPHER_PARAM_AEAD_TAGLEN, ccm_give_tag_len },
	{ OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD, ccm_give_tls_pad },
	{ OSSL_CIPHER_PARAM_IV, ccm_give_iv },
	{ OSSL_CIPHER_PARAM_UPDATED_IV, ccm_give_iv },
	{ OSSL_CIPHER_PARAM_AEAD_TAG, ccm_give_tag },
};

static OSSL_FUNC_cipher_get_ctx_params_fn ccm_get_ctx_params;
static int ccm_get_ctx_params(void *ctx, OSSL_PARAM params[])
{
	struct ccm_ctx *c = ctx;

	if (params && params[0].key && !params[1].key) {
		/* what EVP asks for each message */
		if (wdp_param_is(params, OSSL_CIPHER_PARAM_IVLEN))
			return OSSL_PARAM_set_size_t(params, c->iv_len);
		if (wdp_param_is(params, OSSL_CIPHER_PARAM_AEAD_TAG))
			return wdp_ok(c->prov,
				      ccm_give_tag(c, params) ? 0 : -EINVAL);
	}
	return wdp_give_params(c->prov, ccm_givers, WD_ARRAY_SIZE(ccm_givers),
			       c, params);
}

static int ccm_take_tag(void *ctx, const OSSL_PARAM *p)
{
	struct ccm_ctx *c = ctx;

	if (p->data_size % 2 || p->data_size < 4 || p->data_size > CCM_TAG)
		return -EINVAL;
	if (p->data) {
		if (c->encrypt)
			return -EINVAL;
		memcpy(c->tag, p->data, p->data_size);
		c->tag_set = true;
	}
	c->tag_len = p->data_size;
	c->tag_at = CCM_TAG_HERE;
	/* most likely the next message will be the twin's as well */
	if (p->data && c->twin_keyed && c->twin_tag_len == c->tag_len &&
	    !twin_set(c, NULL, c->tag, c->tag_len))
		c->tag_at = CCM_TAG_TOLD;
	return 0;
}

static int ccm_take_iv_len(void *ctx, const OSSL_PARAM *p)
{
	struct ccm_ctx *c = ctx;
	size_t len;

	if (!OSSL_PARAM_get_size_t(p, &len))
		return -EINVAL;
	if (len < CCM_IV_MIN || len > CCM_IV_MAX)
		return -ERANGE;
	if (c->iv_len != len)
		c->iv_set = false;
	c->iv_len = len;
	return 0;
}

static int ccm_take_tls_aad(void *ctx, const OSSL_PARAM *p)
{
	struct ccm_ctx *c = ctx;
	int rc;

	if (!p->data)
		return -EINVAL;
	rc = wdp_tls_aad(c->tls_aad, p->data, p->data_size, c->encrypt,
			 c->tag_len);
	if (rc)
		return rc;
	c->tls = true;
	c->tls_pad = c->tag_len;
	return 0;
}

static int ccm_take_iv_fixed(void *ctx, const OSSL_PARAM *p)
{
	struct ccm_ctx *c = ctx;

	if (!p->data || p->data_size != WDP_TLS_FIXED)
		return -EINVAL;
	memcpy(c->iv, p->data, WDP_TLS_FIXED);
	return 0;
}

static const struct wdp_taker ccm_takers[] = {
	{ OSSL_CIPHER_PARAM_AEAD_TAG, OSSL_PARAM_OCTET_STRING, ccm_take_tag },
	{ OSSL_CIPHER_PARAM_AEAD_IVLEN, 0, ccm_take_iv_len },
	{ OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, OSSL_PARAM_OCTET_STRING,
	  ccm_take_tls_aad },
	{ OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, OSSL_PARAM_OCTET_STRING,
	  ccm_take_iv_fixed },
};

static OSSL_FUNC_cipher_set_ctx_params_fn ccm_set_ctx_params;
static int ccm_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct ccm_ctx *c = ctx;

	/* what EVP says of each message */
	if (params && params[0].key && !params[1].key &&
	    wdp_param_is(params, OSSL_CIPHER_PARAM_AEAD_TAG) &&
	    params[0].data_type == OSSL_PARAM_OCTET_STRING)
		return wdp_ok(c->prov, ccm_take_tag(c, params));
	return wdp_take_params(c->prov, ccm_takers, WD_ARRAY_SIZE(ccm_takers),
			       c, params);
}

/* ---- rows -------------------------------------------------------------- */

#define WDP_MORE_ccm
#define CCM(...) WDP_CIPHER(ccm, ccm, __VA_ARGS__)
#include "provider/wdp_cipher.def"
