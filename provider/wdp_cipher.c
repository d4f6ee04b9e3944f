/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-CBC and SM4-CBC.
 *
 *	update ──▶ [partial block] ──▶ whole blocks ──▶ device or twin
 *					  ▲		     │
 *					  └── chaining IV ◀──┘
 *
 * Partial blocks, padding and TLS records are handled here; what is left are
 * runs of whole blocks, and each run goes where it is cheapest.  The chaining
 * IV after a run is its last block of ciphertext, so device and software can
 * alternate within one message: `iv` is the truth, and the twin is told it
 * again after the device has moved it (`twin_iv`).
 *
 * The twin has padding off and never holds data back.  It is made when first
 * needed, so a context copy is the struct without it.
 */
#include "provider/wdp_sym.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/prov_ssl.h>
#include <openssl/rand.h>

#include "base/wd_base.h"
#include "provider/wdp_tlscbc.h"

#define CBC_BLOCK 16

struct cbc_ctx {
	struct wdp_ctx *prov;
	const struct wdp_cipher_spec *spec;
	const struct wdp_direct *soft;
	void *twin; /* soft's context; NULL until software is needed */
	size_t tls_mac_size;
	unsigned int tls_version; /* 0: not a TLS record cipher */
	unsigned int num;	  /* kept for the caller, means nothing here */
	uint8_t key[WDP_KEY_MAX];
	uint8_t first_iv[CBC_BLOCK]; /* as given; back at re-init without IV */
	uint8_t iv[CBC_BLOCK];	     /* chaining */
	uint8_t held[CBC_BLOCK];     /* input that waits for its block */
	uint8_t held_len;
	uint8_t tls_mac[WDP_TLSCBC_MAC_MAX];
	bool tls_mac_got; /* the last record read had one */
	bool encrypt, pad, key_set, iv_set;
	bool twin_keyed; /* the twin has key and direction */
	bool twin_iv;	 /* the twin stands at iv */
};

static void *cbc_new(void *prov, const struct wdp_cipher_spec *spec)
{
	struct cbc_ctx *c = OPENSSL_zalloc(sizeof(*c));

	if (!c)
		return NULL;
	c->prov = prov;
	c->spec = spec;
	c->pad = true;
	return c;
}

static OSSL_FUNC_cipher_freectx_fn cbc_free;
static void cbc_free(void *ctx)
{
	struct cbc_ctx *c = ctx;

	if (!c)
		return;
	if (c->twin)
		c->soft->cipher.freectx(c->twin);
	OPENSSL_clear_free(c, sizeof(*c));
}

static OSSL_FUNC_cipher_dupctx_fn cbc_dup;
static void *cbc_dup(void *ctx)
{
	struct cbc_ctx *c = OPENSSL_memdup(ctx, sizeof(*c));

	if (!c)
		return NULL;
	c->twin = NULL;
	c->twin_keyed = c->twin_iv = false;
	return c;
}

/* ---- whole blocks ------------------------------------------------------ */

static int cbc_twin_new(struct cbc_ctx *c)
{
	if (c->twin)
		return 0;
	c->soft = wdp_direct(c->prov, OSSL_OP_CIPHER, c->spec->twin);
	if (!c->soft)
		return -EPROTO;
	c->twin = c->soft->cipher.newctx(c->soft->prov);
	return c->twin ? 0 : -ENOMEM;
}

static int cbc_twin_ready(struct cbc_ctx *c)
{
	unsigned int pad = 0;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_PADDING, &pad),
		OSSL_PARAM_END,
	};
	const uint8_t *key = c->twin_keyed ? NULL : c->key;
	const struct wdp_direct_cipher *f;
	int rc;

	if (c->twin_iv)
		return 0;
	rc = cbc_twin_new(c);
	if (rc)
		return rc;
	f = &c->soft->cipher;
	if (!(c->encrypt ? f->encrypt_init : f->decrypt_init)(
		    c->twin, key, key ? c->spec->key_len : 0, c->iv, CBC_BLOCK,
		    key ? params : NULL))
		return -EPROTO;
	c->twin_keyed = c->twin_iv = true;
	return 0;
}

static int cbc_software(struct cbc_ctx *c, uint8_t *out, const uint8_t *in,
			size_t len)
{
	uint8_t next[CBC_BLOCK];
	int rc = cbc_twin_ready(c);

	if (rc)
		return rc;
	if (!c->encrypt)
		memcpy(next, in + len - CBC_BLOCK, CBC_BLOCK);
	rc = wdp_direct_update(c->soft, c->twin, out, in, len);
	if (rc)
		return rc;
	memcpy(c->iv, c->encrypt ? out + len - CBC_BLOCK : next, CBC_BLOCK);
	return 0;
}

static int cbc_job(struct cbc_ctx *c, uint8_t *out, const uint8_t *in,
		   size_t len, struct offload_waiter *w)
{
	const struct offload_cipher op = {
		.kind = c->spec->kind,
		.alg = c->spec->alg,
		.encrypt = c->encrypt,
		.key = c->key,
		.key_len = c->spec->key_len,
		.iv = c->iv,
		.iv_len = CBC_BLOCK,
		.in = in,
		.out = out,
		.len = (uint32_t)len,
	};
	uint8_t next[CBC_BLOCK];
	int rc;

	/* Ciphertext only: what lies here in a dropped job stays for good. */
	if (!c->encrypt)
		memcpy(next, in + len - CBC_BLOCK, CBC_BLOCK);
	rc = offload_cipher(c->prov->off, &op, w);
	if (rc)
		return rc;
	memcpy(c->iv, c->encrypt ? out + len - CBC_BLOCK : next, CBC_BLOCK);
	c->twin_iv = false;
	return 0;
}

/* *@done counts what the device did, also when it failed after that. */
static int cbc_device(struct cbc_ctx *c, uint8_t *out, const uint8_t *in,
		      size_t len, size_t *done)
{
	struct offload_waiter *w = wdp_waiter_get(c->prov);
	size_t max = offload_max_bytes(c->prov->off, c->spec->kind, w != NULL) /
		     CBC_BLOCK * CBC_BLOCK;
	int rc = max ? 0 : -EMSGSIZE;

	while (!rc && *done < len) {
		size_t n = len - *done < max ? len - *done : max;

		rc = cbc_job(c, out + *done, in + *done, n, w);
		if (!rc)
			*done += n;
	}
	wdp_waiter_release(w);
	return rc;
}

/* @len: a multiple of the block. */
static int cbc_crypt(struct cbc_ctx *c, uint8_t *out, const uint8_t *in,
		     size_t len)
{
	size_t done = 0;
	int rc;

	if (!len)
		return 0;
	if (offload_choose(c->prov->off, c->spec->kind, len)) {
		rc = cbc_device(c, out, in, len, &done);
		if (!rc)
			return 0;
		if (!wdp_software_may(c->prov, c->spec->kind, rc))
			return rc;
	}
	return cbc_software(c, out + done, in + done, len - done);
}

/* ---- init -------------------------------------------------------------- */

static OSSL_FUNC_cipher_set_ctx_params_fn cbc_set_ctx_params;

static int cbc_init(struct cbc_ctx *c, const uint8_t *key, size_t key_len,
		    const uint8_t *iv, size_t iv_len, bool encrypt)
{
	c->num = 0;
	c->held_len = 0;
	if (c->encrypt != encrypt)
		c->twin_keyed = false;
	c->encrypt = encrypt;
	c->twin_iv = false;

	if (iv) {
		if (iv_len != CBC_BLOCK)
			return -ERANGE;
		memcpy(c->first_iv, iv, CBC_BLOCK);
		c->iv_set = true;
	}
	/* As 1.1.1 did: without an IV, the one of last time again. */
	if (c->iv_set)
		memcpy(c->iv, c->first_iv, CBC_BLOCK);
	if (key) {
		if (key_len != c->spec->key_len)
			return -EKEYREJECTED;
		memcpy(c->key, key, key_len);
		c->key_set = true;
		c->twin_keyed = false;
	}
	return 0;
}

static OSSL_FUNC_cipher_encrypt_init_fn cbc_encrypt_init;
static int cbc_encrypt_init(void *ctx, const unsigned char *key, size_t key_len,
			    const unsigned char *iv, size_t iv_len,
			    const OSSL_PARAM params[])
{
	struct cbc_ctx *c = ctx;

	return wdp_ok(c->prov, cbc_init(c, key, key_len, iv, iv_len, true)) &&
	       cbc_set_ctx_params(c, params);
}

static OSSL_FUNC_cipher_decrypt_init_fn cbc_decrypt_init;
static int cbc_decrypt_init(void *ctx, const unsigned char *key, size_t key_len,
			    const unsigned char *iv, size_t iv_len,
			    const OSSL_PARAM params[])
{
	struct cbc_ctx *c = ctx;

	return wdp_ok(c->prov, cbc_init(c, key, key_len, iv, iv_len, false)) &&
	       cbc_set_ctx_params(c, params);
}

/* ---- TLS records ------------------------------------------------------- */

static int cbc_tls_unpad(struct cbc_ctx *c, uint8_t *rec, size_t *len)
{
	uint8_t random[WDP_TLSCBC_MAC_MAX];
	OSSL_LIB_CTX *libctx;
	int rc;

	switch (c->tls_version) {
	case TLS1_1_VERSION:
	case TLS1_2_VERSION:
	case DTLS1_BAD_VER:
	case DTLS1_VERSION:
	case DTLS1_2_VERSION:
		if (*len < CBC_BLOCK)
			return -ERANGE;
		rec += CBC_BLOCK; /* explicit IV */
		*len -= CBC_BLOCK;
		break;
	case SSL3_VERSION:
	case TLS1_VERSION:
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (c->tls_mac_size > sizeof(random))
		return -EINVAL;
	if (c->tls_mac_size) {
		libctx = wdp_twin(c->prov);
		if (!libctx ||
		    RAND_bytes_ex(libctx, random, c->tls_mac_size, 0) <= 0)
			return -EPROTO;
	}
	rc = wdp_tlscbc_remove(rec, len, CBC_BLOCK,
			       c->tls_version == SSL3_VERSION, random,
			       c->tls_mac, c->tls_mac_size);
	c->tls_mac_got = !rc && c->tls_mac_size;
	return rc;
}

/* One update is one record, in place. */
static int cbc_tls_record(struct cbc_ctx *c, uint8_t *out, size_t *out_len,
			  size_t out_size, const uint8_t *in, size_t len)
{
	bool ssl3 = c->tls_version == SSL3_VERSION;
	int rc;

	if (!in || in != out || out_size < len || !c->pad)
		return -EINVAL;
	if (c->encrypt) {
		if (out_size - len < CBC_BLOCK - len % CBC_BLOCK)
			return -ENOBUFS;
		len = wdp_tlscbc_pad(out, len, CBC_BLOCK, ssl3);
	}
	if (len % CBC_BLOCK)
		return -ERANGE;
	rc = cbc_crypt(c, out, in, len);
	if (rc)
		return rc;
	c->tls_mac_got = false;
	*out_len = len;
	return c->encrypt ? 0 : cbc_tls_unpad(c, out, out_len);
}

/* ---- update and final -------------------------------------------------- */

/* Move up to a block of input to where it waits. */
static size_t cbc_hold(struct cbc_ctx *c, const uint8_t *in, size_t len)
{
	size_t n = CBC_BLOCK - c->held_len;

	if (len < n)
		n = len;
	memcpy(c->held + c->held_len, in, n);
	c->held_len += (uint8_t)n;
	return n;
}

static int cbc_blocks(struct cbc_ctx *c, uint8_t *out, size_t *out_len,
		      size_t out_size, const uint8_t *in, size_t len)
{
	/* A last block may be all padding: decryption keeps one back. */
	bool keep = !c->encrypt && c->pad;
	size_t n, done = 0;
	int rc;

	if (c->held_len) {
		n = cbc_hold(c, in, len);
		in += n;
		len -= n;
	}
	if (c->held_len == CBC_BLOCK && (len || !keep)) {
		if (out_size < CBC_BLOCK)
			return -ENOBUFS;
		rc = cbc_crypt(c, out, c->held, CBC_BLOCK);
		if (rc)
			return rc;
		c->held_len = 0;
		done = CBC_BLOCK;
	}
	n = len - len % CBC_BLOCK;
	if (n && n == len && keep)
		n -= CBC_BLOCK;
	if (n) {
		if (out_size - done < n)
			return -ENOBUFS;
		rc = cbc_crypt(c, out + done, in, n);
		if (rc)
			return rc;
	}
	if (len > n)
		cbc_hold(c, in + n, len - n);
	*out_len = done + n;
	return 0;
}

static OSSL_FUNC_cipher_update_fn cbc_update;
static int cbc_update(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size, const unsigned char *in, size_t len)
{
	struct cbc_ctx *c = ctx;

	if (!c->key_set)
		return wdp_ok(c->prov, -ENOKEY);
	if (c->tls_version)
		return wdp_ok(c->prov, cbc_tls_record(c, out, out_len, out_size,
						      in, len));
	return wdp_ok(c->prov, cbc_blocks(c, out, out_len, out_size, in, len));
}

static int cbc_final_encrypt(struct cbc_ctx *c, uint8_t *out, size_t *out_len,
			     size_t out_size)
{
	uint8_t pad = (uint8_t)(CBC_BLOCK - c->held_len);
	int rc;

	if (c->pad)
		memset(c->held + c->held_len, pad, pad);
	else if (!c->held_len)
		return 0;
	else if (pad)
		return -ERANGE;
	if (out_size < CBC_BLOCK)
		return -ENOBUFS;
	rc = cbc_crypt(c, out, c->held, CBC_BLOCK);
	if (rc)
		return rc;
	c->held_len = 0;
	*out_len = CBC_BLOCK;
	return 0;
}

/* Not a constant-time check: whoever decrypts unauthenticated data and shows
 * the outcome has an oracle whatever we do. */
static int cbc_unpad(const uint8_t block[CBC_BLOCK], size_t *len)
{
	uint8_t pad = block[CBC_BLOCK - 1];

	if (!pad || pad > CBC_BLOCK)
		return -EINVAL;
	for (size_t i = CBC_BLOCK - pad; i < CBC_BLOCK; i++)
		if (block[i] != pad)
			return -EINVAL;
	*len = CBC_BLOCK - pad;
	return 0;
}

static int cbc_final_decrypt(struct cbc_ctx *c, uint8_t *out, size_t *out_len,
			     size_t out_size)
{
	size_t len = CBC_BLOCK;
	int rc;

	if (!c->held_len && !c->pad)
		return 0;
	if (c->held_len != CBC_BLOCK)
		return -ERANGE;
	rc = cbc_crypt(c, c->held, c->held, CBC_BLOCK);
	if (rc)
		return rc;
	if (c->pad && cbc_unpad(c->held, &len)) {
		wdp_raise(c->prov, WDP_R_BAD_PADDING, NULL);
		return -EPROTO;
	}
	if (out_size < len)
		return -ENOBUFS;
	memcpy(out, c->held, len);
	*out_len = len;
	c->held_len = 0;
	return 0;
}

static OSSL_FUNC_cipher_final_fn cbc_final;
static int cbc_final(void *ctx, unsigned char *out, size_t *out_len,
		     size_t out_size)
{
	struct cbc_ctx *c = ctx;

	*out_len = 0;
	if (!c->key_set)
		return wdp_ok(c->prov, -ENOKEY);
	if (c->tls_version) /* every record was complete */
		return wdp_ok(c->prov, -EINVAL);
	return wdp_ok(c->prov,
		      (c->encrypt ? cbc_final_encrypt : cbc_final_decrypt)(
			      c, out, out_len, out_size));
}

/* EVP_Cipher(): whole blocks, no padding, nothing held back. */
static OSSL_FUNC_cipher_cipher_fn cbc_cipher;
static int cbc_cipher(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size, const unsigned char *in, size_t len)
{
	struct cbc_ctx *c = ctx;

	if (!c->key_set)
		return wdp_ok(c->prov, -ENOKEY);
	if (out_size < len)
		return wdp_ok(c->prov, -ENOBUFS);
	if (len % CBC_BLOCK)
		return wdp_ok(c->prov, -ERANGE);
	*out_len = len;
	return wdp_ok(c->prov, cbc_crypt(c, out, in, len));
}

/* ---- parameters -------------------------------------------------------- */

static const OSSL_PARAM cbc_gettable_params[] = {
	OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
	OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
	OSSL_PARAM_uint(OSSL_CIPHER_PARAM_PADDING, NULL),
	OSSL_PARAM_uint(OSSL_CIPHER_PARAM_NUM, NULL),
	OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_IV, NULL, 0),
	OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_UPDATED_IV, NULL, 0),
	OSSL_PARAM_octet_ptr(OSSL_CIPHER_PARAM_TLS_MAC, NULL, 0),
	OSSL_PARAM_END,
};

static const OSSL_PARAM cbc_settable_params[] = {
	OSSL_PARAM_uint(OSSL_CIPHER_PARAM_PADDING, NULL),
	OSSL_PARAM_uint(OSSL_CIPHER_PARAM_NUM, NULL),
	OSSL_PARAM_uint(OSSL_CIPHER_PARAM_USE_BITS, NULL),
	OSSL_PARAM_uint(OSSL_CIPHER_PARAM_TLS_VERSION, NULL),
	OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_TLS_MAC_SIZE, NULL),
	OSSL_PARAM_END,
};

static OSSL_FUNC_cipher_gettable_ctx_params_fn cbc_gettable;
static const OSSL_PARAM *cbc_gettable(void *ctx, void *prov)
{
	(void)ctx;
	(void)prov;
	return cbc_gettable_params;
}

static OSSL_FUNC_cipher_settable_ctx_params_fn cbc_settable;
static const OSSL_PARAM *cbc_settable(void *ctx, void *prov)
{
	(void)ctx;
	(void)prov;
	return cbc_settable_params;
}

static bool cbc_give_tls_mac(struct cbc_ctx *c, OSSL_PARAM params[])
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_TLS_MAC);

	return !p ||
	       OSSL_PARAM_set_octet_ptr(p, c->tls_mac_got ? c->tls_mac : NULL,
					c->tls_mac_size);
}

static OSSL_FUNC_cipher_get_ctx_params_fn cbc_get_ctx_params;
static int cbc_get_ctx_params(void *ctx, OSSL_PARAM params[])
{
	struct cbc_ctx *c = ctx;

	if (wdp_give_size(params, OSSL_CIPHER_PARAM_IVLEN, CBC_BLOCK) &&
	    wdp_give_uint(params, OSSL_CIPHER_PARAM_PADDING, c->pad) &&
	    wdp_give_bytes(params, OSSL_CIPHER_PARAM_IV, c->first_iv,
			   CBC_BLOCK) &&
	    wdp_give_bytes(params, OSSL_CIPHER_PARAM_UPDATED_IV, c->iv,
			   CBC_BLOCK) &&
	    wdp_give_uint(params, OSSL_CIPHER_PARAM_NUM, c->num) &&
	    wdp_give_size(params, OSSL_CIPHER_PARAM_KEYLEN, c->spec->key_len) &&
	    cbc_give_tls_mac(c, params))
		return 1;
	return wdp_ok(c->prov, -EINVAL);
}

static OSSL_FUNC_cipher_set_ctx_params_fn cbc_set_ctx_params;
static int cbc_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct cbc_ctx *c = ctx;
	unsigned int pad = c->pad, num = c->num, bits = 0;

	if (!params)
		return 1;
	if (!wdp_take_uint(params, OSSL_CIPHER_PARAM_PADDING, &pad) ||
	    !wdp_take_uint(params, OSSL_CIPHER_PARAM_USE_BITS, &bits) ||
	    !wdp_take_uint(params, OSSL_CIPHER_PARAM_TLS_VERSION,
			   &c->tls_version) ||
	    !wdp_take_size(params, OSSL_CIPHER_PARAM_TLS_MAC_SIZE,
			   &c->tls_mac_size) ||
	    !wdp_take_uint(params, OSSL_CIPHER_PARAM_NUM, &num) ||
	    num >= CBC_BLOCK)
		return wdp_ok(c->prov, -EINVAL);
	c->pad = pad != 0;
	c->num = num;
	return 1;
}

/* ---- rows -------------------------------------------------------------- */

#define CBC(name, k, a, len)                                                   \
	.twin = name, .kind = OFFLOAD_##k, .alg = SEC_##a, .key_len = len,     \
	.iv_len = CBC_BLOCK, .block = CBC_BLOCK, .mode = EVP_CIPH_CBC_MODE

WDP_CIPHER(aes128cbc, cbc, CBC("AES-128-CBC", AES_CBC, AES_CBC, 16));
WDP_CIPHER(aes192cbc, cbc, CBC("AES-192-CBC", AES_CBC, AES_CBC, 24));
WDP_CIPHER(aes256cbc, cbc, CBC("AES-256-CBC", AES_CBC, AES_CBC, 32));
WDP_CIPHER(sm4cbc, cbc, CBC("SM4-CBC", SM4_CBC, SM4_CBC, 16));
