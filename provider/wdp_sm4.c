/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_sm4.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "base/wd_base.h"
#include "provider/wdp_aead.h"
#include "provider/wdp_gf128.h"
#include "provider/wdp_sym.h"

#define SM4_BLOCK   16
#define SM4_KEY	    16
#define GCM_NONCE   12
#define CCM_IV_OLD  7  /* bytes, while nobody has said */
#define CCM_TAG_OLD 12 /* the same */

/* ---- SM4 --------------------------------------------------------------- */

/* One key, one direction. */
struct ecb {
	const struct wdp_direct *soft;
	void *twin;
};

static bool ecb_new(struct ecb *e, struct wdp_ctx *p)
{
	e->soft =
		wdp_direct_row(p, WDP_DIRECT_sm4ecb, OSSL_OP_CIPHER, "SM4-ECB");
	e->twin = e->soft ? e->soft->cipher.newctx(e->soft->prov) : NULL;
	return e->twin != NULL;
}

static void ecb_free(struct ecb *e)
{
	if (e->twin)
		e->soft->cipher.freectx(e->twin);
	e->twin = NULL;
}

static bool ecb_dup(struct ecb *e)
{
	e->twin = e->soft->cipher.dupctx(e->twin);
	return e->twin != NULL;
}

static bool ecb_key(struct ecb *e, const uint8_t *key, bool encrypt)
{
	const struct wdp_direct_cipher *f = &e->soft->cipher;

	return (encrypt ? f->encrypt_init : f->decrypt_init)(
		e->twin, key, SM4_KEY, NULL, 0, NULL);
}

static bool ecb_block(struct ecb *e, uint8_t out[SM4_BLOCK],
		      const uint8_t in[SM4_BLOCK])
{
	size_t n;

	return e->soft->cipher.cipher(e->twin, out, &n, SM4_BLOCK, in,
				      SM4_BLOCK);
}

static void xor_into(uint8_t *to, const uint8_t *with, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] ^= with[i];
}

/* A counter of the last @size bytes of the block. */
static void count_up(uint8_t block[SM4_BLOCK], unsigned int size)
{
	unsigned int carry = 1;

	for (unsigned int i = SM4_BLOCK; i-- > SM4_BLOCK - size;) {
		carry += block[i];
		block[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

/* A stream of counter blocks' ciphertext. */
struct ctr {
	uint8_t block[SM4_BLOCK]; /* the next */
	uint8_t key[SM4_BLOCK];	  /* keystream */
	uint8_t size;		  /* bytes of the block that count */
	uint8_t used;		  /* of key; 0: all, or none made */
};

static bool ctr_run(struct ctr *c, struct ecb *e, uint8_t *out,
		    const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!c->used) {
			if (!ecb_block(e, c->key, c->block))
				return false;
			count_up(c->block, c->size);
		}
		out[i] = in[i] ^ c->key[c->used];
		c->used = (c->used + 1) % SM4_BLOCK;
	}
	return true;
}

static const OSSL_PARAM *aead_list(void *ctx, void *prov)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TAGLEN, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_IV, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_UPDATED_IV, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, 0),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_GET_IV_GEN,
					NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)prov;
	return list;
}

static const OSSL_PARAM *aead_settable(void *ctx, void *prov)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, NULL,
					0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED,
					NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV,
					NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)prov;
	return list;
}

/* ---- GCM --------------------------------------------------------------- */

struct gcm {
	struct ecb ecb;
	struct wdp_gf128 h, y;
	struct ctr ctr;
	uint64_t aad_len, len;
	uint8_t part[SM4_BLOCK]; /* of GHASH's input */
	uint8_t part_len;
	uint8_t ej0[SM4_BLOCK], tag[SM4_BLOCK];
	size_t tag_len; /* expected */
	bool encrypt;
};

static OSSL_FUNC_cipher_freectx_fn gcm_free;
static void gcm_free(void *ctx)
{
	struct gcm *g = ctx;

	if (!g)
		return;
	ecb_free(&g->ecb);
	OPENSSL_clear_free(g, sizeof(*g));
}

static OSSL_FUNC_cipher_newctx_fn gcm_new;
static void *gcm_new(void *prov)
{
	struct gcm *g = OPENSSL_zalloc(sizeof(*g));

	if (g && ecb_new(&g->ecb, prov))
		return g;
	gcm_free(g);
	return NULL;
}

static OSSL_FUNC_cipher_dupctx_fn gcm_dup;
static void *gcm_dup(void *ctx)
{
	struct gcm *g = OPENSSL_memdup(ctx, sizeof(*g));

	if (g && ecb_dup(&g->ecb))
		return g;
	gcm_free(g);
	return NULL;
}

static void ghash_block(struct gcm *g, const uint8_t block[SM4_BLOCK])
{
	g->y = wdp_gf128_mul(wdp_gf128_add(g->y, wdp_gf128_load(block)), g->h);
}

static void ghash(struct gcm *g, const uint8_t *in, size_t len)
{
	size_t n;

	while (len) {
		n = SM4_BLOCK - g->part_len;
		n = len < n ? len : n;
		memcpy(g->part + g->part_len, in, n);
		g->part_len += (uint8_t)n;
		in += n;
		len -= n;
		if (g->part_len < SM4_BLOCK)
			return;
		ghash_block(g, g->part);
		g->part_len = 0;
	}
}

static void ghash_pad(struct gcm *g)
{
	if (!g->part_len)
		return;
	memset(g->part + g->part_len, 0, SM4_BLOCK - g->part_len);
	ghash_block(g, g->part);
	g->part_len = 0;
}

static void ghash_lengths(struct gcm *g, uint64_t a, uint64_t b)
{
	g->y = wdp_gf128_mul(
		wdp_gf128_add(g->y, (struct wdp_gf128){ a * 8, b * 8 }), g->h);
}

/* J0, SP 800-38D section 7.1 step 2. */
static bool gcm_begin(struct gcm *g, const uint8_t *iv, size_t len)
{
	g->y = (struct wdp_gf128){ 0, 0 };
	g->part_len = 0;
	g->ctr = (struct ctr){ .size = 4 };
	if (len == GCM_NONCE) {
		memcpy(g->ctr.block, iv, GCM_NONCE);
		g->ctr.block[SM4_BLOCK - 1] = 1;
	} else {
		ghash(g, iv, len);
		ghash_pad(g);
		ghash_lengths(g, 0, len);
		wdp_gf128_store(g->ctr.block, g->y);
	}
	if (!ecb_block(&g->ecb, g->ej0, g->ctr.block))
		return false;
	count_up(g->ctr.block, 4);
	g->y = (struct wdp_gf128){ 0, 0 };
	g->aad_len = g->len = 0;
	return true;
}

static int gcm_init(struct gcm *g, const uint8_t *key, size_t key_len,
		    const uint8_t *iv, size_t iv_len, const OSSL_PARAM params[],
		    bool encrypt)
{
	uint8_t h[SM4_BLOCK] = { 0 };

	(void)key_len;
	(void)params;
	g->encrypt = encrypt;
	if (key) {
		if (!ecb_key(&g->ecb, key, true) || !ecb_block(&g->ecb, h, h))
			return 0;
		g->h = wdp_gf128_load(h);
		wd_wipe(h, sizeof(h));
	}
	return !iv || gcm_begin(g, iv, iv_len);
}

WDP_CIPHER_INITS(gcm)

static OSSL_FUNC_cipher_update_fn gcm_update;
static int gcm_update(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size, const unsigned char *in, size_t len)
{
	struct gcm *g = ctx;
	bool ok;

	(void)out_size;
	*out_len = len;
	if (!out) {
		ghash(g, in, len);
		g->aad_len += len;
		return 1;
	}
	if (!g->len && len)
		ghash_pad(g);
	g->len += len;
	if (!g->encrypt)
		ghash(g, in, len);
	ok = ctr_run(&g->ctr, &g->ecb, out, in, len);
	if (g->encrypt)
		ghash(g, out, len);
	return ok;
}

static OSSL_FUNC_cipher_final_fn gcm_final;
static int gcm_final(void *ctx, unsigned char *out, size_t *out_len,
		     size_t out_size)
{
	struct gcm *g = ctx;
	uint8_t tag[SM4_BLOCK];

	(void)out;
	(void)out_size;
	*out_len = 0;
	ghash_pad(g);
	ghash_lengths(g, g->aad_len, g->len);
	wdp_gf128_store(tag, g->y);
	xor_into(tag, g->ej0, SM4_BLOCK);
	if (!g->encrypt)
		return wd_equal_ct(tag, g->tag, g->tag_len);
	memcpy(g->tag, tag, SM4_BLOCK);
	return 1;
}

static OSSL_FUNC_cipher_get_ctx_params_fn gcm_get;
static int gcm_get(void *ctx, OSSL_PARAM params[])
{
	struct gcm *g = ctx;
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_AEAD_TAG);

	return !p || (p->data_size <= SM4_BLOCK &&
		      OSSL_PARAM_set_octet_string(p, g->tag, p->data_size));
}

static OSSL_FUNC_cipher_set_ctx_params_fn gcm_set;
static int gcm_set(void *ctx, const OSSL_PARAM params[])
{
	struct gcm *g = ctx;
	void *tag = g->tag;
	const OSSL_PARAM *p =
		OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_TAG);

	return !p ||
	       OSSL_PARAM_get_octet_string(p, &tag, SM4_BLOCK, &g->tag_len);
}

/* ---- CCM --------------------------------------------------------------- */

struct ccm {
	struct ecb ecb;
	size_t iv_len, tag_len, len;
	uint8_t iv[SM4_BLOCK];
	uint8_t y[SM4_BLOCK]; /* CBC-MAC */
	uint8_t tag[SM4_BLOCK];
	bool encrypt;
	bool begun; /* y has the first block */
};

static OSSL_FUNC_cipher_freectx_fn ccm_free;
static void ccm_free(void *ctx)
{
	struct ccm *c = ctx;

	if (!c)
		return;
	ecb_free(&c->ecb);
	OPENSSL_clear_free(c, sizeof(*c));
}

static OSSL_FUNC_cipher_newctx_fn ccm_new;
static void *ccm_new(void *prov)
{
	struct ccm *c = OPENSSL_zalloc(sizeof(*c));

	if (!c || !ecb_new(&c->ecb, prov)) {
		ccm_free(c);
		return NULL;
	}
	c->iv_len = CCM_IV_OLD;
	c->tag_len = CCM_TAG_OLD;
	return c;
}

static OSSL_FUNC_cipher_dupctx_fn ccm_dup;
static void *ccm_dup(void *ctx)
{
	struct ccm *c = OPENSSL_memdup(ctx, sizeof(*c));

	if (c && ecb_dup(&c->ecb))
		return c;
	ccm_free(c);
	return NULL;
}

/* SP 800-38C appendix A.3: counter block 0. */
static void ccm_counter(const struct ccm *c, uint8_t block[SM4_BLOCK])
{
	memset(block, 0, SM4_BLOCK);
	block[0] = (uint8_t)(14 - c->iv_len);
	memcpy(block + 1, c->iv, c->iv_len);
}

/* Into the MAC, zeroes up to a block; @at: where in a block it begins. */
static bool ccm_absorb(struct ccm *c, const uint8_t *in, size_t len, size_t at)
{
	while (len) {
		size_t n = SM4_BLOCK - at < len ? SM4_BLOCK - at : len;

		xor_into(c->y + at, in, n);
		if (!ecb_block(&c->ecb, c->y, c->y))
			return false;
		in += n;
		len -= n;
		at = 0;
	}
	return true;
}

/* Appendix A.2.1 */
static bool ccm_first(struct ccm *c, bool aad)
{
	size_t len = c->len;

	ccm_counter(c, c->y);
	c->y[0] |= (uint8_t)(aad << 6 | (c->tag_len - 2) / 2 << 3);
	for (size_t i = SM4_BLOCK; i-- > c->iv_len + 1; len >>= 8)
		c->y[i] = (uint8_t)len;
	c->begun = true;
	return !len && ecb_block(&c->ecb, c->y, c->y);
}

/* Appendix A.2.2 */
static bool ccm_aad(struct ccm *c, const uint8_t *in, size_t len)
{
	size_t at = 2;

	if (!len)
		return true;
	if (len > UINT32_MAX || !ccm_first(c, true))
		return false;
	if (len >= 0xff00) {
		c->y[0] ^= 0xff;
		c->y[1] ^= 0xfe;
		c->y[2] ^= (uint8_t)(len >> 24);
		c->y[3] ^= (uint8_t)(len >> 16);
		at = 6;
	}
	c->y[at - 2] ^= (uint8_t)(len >> 8);
	c->y[at - 1] ^= (uint8_t)len;
	return ccm_absorb(c, in, len, at);
}

static bool ccm_payload(struct ccm *c, uint8_t *out, const uint8_t *in,
			size_t len)
{
	struct ctr ctr = { .size = (uint8_t)(15 - c->iv_len) };
	uint8_t tag[SM4_BLOCK] = { 0 };
	bool ok = true;

	if (len != c->len || (!c->begun && !ccm_first(c, false)))
		return false;
	ccm_counter(c, ctr.block);
	if (c->encrypt)
		ok = ccm_absorb(c, in, len, 0);
	/* block 0 is for the tag */
	ok = ok && ctr_run(&ctr, &c->ecb, tag, tag, SM4_BLOCK) &&
	     ctr_run(&ctr, &c->ecb, out, in, len);
	if (ok && !c->encrypt)
		ok = ccm_absorb(c, out, len, 0);
	xor_into(tag, c->y, SM4_BLOCK);
	c->begun = false;
	if (ok && !c->encrypt)
		ok = wd_equal_ct(tag, c->tag, c->tag_len);
	else
		memcpy(c->tag, tag, SM4_BLOCK);
	if (!ok)
		OPENSSL_cleanse(out, len);
	wd_wipe(&ctr, sizeof(ctr));
	return ok;
}

static int ccm_init(struct ccm *c, const uint8_t *key, size_t key_len,
		    const uint8_t *iv, size_t iv_len, const OSSL_PARAM params[],
		    bool encrypt)
{
	(void)key_len;
	(void)params;
	c->encrypt = encrypt;
	c->begun = false;
	if (iv && iv_len != c->iv_len)
		return 0;
	if (iv)
		memcpy(c->iv, iv, iv_len);
	return !key || ecb_key(&c->ecb, key, true);
}

WDP_CIPHER_INITS(ccm)

static OSSL_FUNC_cipher_update_fn ccm_update;
static int ccm_update(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size, const unsigned char *in, size_t len)
{
	struct ccm *c = ctx;

	(void)out_size;
	*out_len = len;
	if (!in) {
		c->len = len;
		c->begun = false;
		return 1;
	}
	return out ? ccm_payload(c, out, in, len) : ccm_aad(c, in, len);
}

static OSSL_FUNC_cipher_final_fn ccm_final;
static int ccm_final(void *ctx, unsigned char *out, size_t *out_len,
		     size_t out_size)
{
	(void)ctx;
	(void)out;
	(void)out_size;
	*out_len = 0;
	return 1;
}

static OSSL_FUNC_cipher_get_ctx_params_fn ccm_get;
static int ccm_get(void *ctx, OSSL_PARAM params[])
{
	struct ccm *c = ctx;
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_AEAD_TAG);

	return !p || (p->data_size <= c->tag_len &&
		      OSSL_PARAM_set_octet_string(p, c->tag, p->data_size));
}

static OSSL_FUNC_cipher_set_ctx_params_fn ccm_set;
static int ccm_set(void *ctx, const OSSL_PARAM params[])
{
	struct ccm *c = ctx;
	const OSSL_PARAM *p =
		OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_TAG);

	if (p) {
		if (p->data_size < 4 || p->data_size > SM4_BLOCK)
			return 0;
		c->tag_len = p->data_size;
		if (p->data)
			memcpy(c->tag, p->data, p->data_size);
	}
	p = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_IVLEN);
	return !p || (OSSL_PARAM_get_size_t(p, &c->iv_len) && c->iv_len >= 7 &&
		      c->iv_len <= 13);
}

/* ---- XTS --------------------------------------------------------------- */

struct xts {
	struct ecb data, tweak;
	uint8_t iv[SM4_BLOCK];
	bool encrypt, key_set, iv_set;
	bool ieee; /* not GB */
};

static OSSL_FUNC_cipher_freectx_fn xts_free;
static void xts_free(void *ctx)
{
	struct xts *x = ctx;

	if (!x)
		return;
	ecb_free(&x->data);
	ecb_free(&x->tweak);
	OPENSSL_clear_free(x, sizeof(*x));
}

static OSSL_FUNC_cipher_newctx_fn xts_new;
static void *xts_new(void *prov)
{
	struct xts *x = OPENSSL_zalloc(sizeof(*x));

	if (x && ecb_new(&x->data, prov) && ecb_new(&x->tweak, prov))
		return x;
	xts_free(x);
	return NULL;
}

static OSSL_FUNC_cipher_dupctx_fn xts_dup;
static void *xts_dup(void *ctx)
{
	const struct xts *from = ctx;
	struct xts *x = OPENSSL_memdup(from, sizeof(*x));

	if (!x)
		return NULL;
	x->tweak.twin = NULL;
	if (ecb_dup(&x->data)) {
		x->tweak = from->tweak;
		if (ecb_dup(&x->tweak))
			return x;
	}
	xts_free(x);
	return NULL;
}

static void xts_double(const struct xts *x, uint8_t t[SM4_BLOCK])
{
	unsigned int carry = 0;

	if (!x->ieee) {
		wdp_gf128_store(t, wdp_gf128_double(wdp_gf128_load(t)));
		return;
	}
	for (unsigned int i = 0; i < SM4_BLOCK; i++) {
		carry |= (unsigned int)t[i] << 1;
		t[i] = (uint8_t)carry;
		carry >>= 8;
	}
	t[0] ^= (uint8_t)(carry * 0x87);
}

static bool xts_block(struct xts *x, const uint8_t t[SM4_BLOCK], uint8_t *out,
		      const uint8_t *in)
{
	uint8_t b[SM4_BLOCK];
	bool ok;

	memcpy(b, in, SM4_BLOCK);
	xor_into(b, t, SM4_BLOCK);
	ok = ecb_block(&x->data, b, b);
	xor_into(b, t, SM4_BLOCK);
	memcpy(out, b, SM4_BLOCK);
	wd_wipe(b, sizeof(b));
	return ok;
}

/* A whole block and @rest bytes after it. */
static bool xts_steal(struct xts *x, uint8_t t[SM4_BLOCK], uint8_t *out,
		      const uint8_t *in, size_t rest)
{
	uint8_t next[SM4_BLOCK], b[SM4_BLOCK], tail[SM4_BLOCK];
	bool ok;

	memcpy(next, t, SM4_BLOCK);
	xts_double(x, next);
	memcpy(tail, in + SM4_BLOCK, rest);
	ok = xts_block(x, x->encrypt ? t : next, b, in);
	memcpy(out + SM4_BLOCK, b, rest);
	memcpy(b, tail, rest);
	ok = ok && xts_block(x, x->encrypt ? next : t, out, b);
	wd_wipe(next, sizeof(next));
	wd_wipe(b, sizeof(b));
	return ok;
}

static OSSL_FUNC_cipher_update_fn xts_update;
static int xts_update(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size, const unsigned char *in, size_t len)
{
	struct xts *x = ctx;
	size_t rest = len % SM4_BLOCK, at = 0;
	uint8_t t[SM4_BLOCK];
	bool ok;

	if (!x->key_set || !x->iv_set || !in || !out || len < SM4_BLOCK ||
	    len > out_size || len > (size_t)SM4_BLOCK << 20)
		return 0;
	ok = ecb_block(&x->tweak, t, x->iv);
	for (; ok && len - at >= (rest ? 2 : 1) * SM4_BLOCK; at += SM4_BLOCK) {
		ok = xts_block(x, t, out + at, in + at);
		xts_double(x, t);
	}
	if (ok && rest)
		ok = xts_steal(x, t, out + at, in + at, rest);
	wd_wipe(t, sizeof(t));
	*out_len = len;
	return ok;
}

static OSSL_FUNC_cipher_set_ctx_params_fn xts_set;
static int xts_set(void *ctx, const OSSL_PARAM params[])
{
	struct xts *x = ctx;
	const OSSL_PARAM *p;
	const char *v;
	size_t len;

	p = OSSL_PARAM_locate_const(params, "xts_standard");
	if (p) {
		if (!OSSL_PARAM_get_utf8_string_ptr(p, &v) ||
		    (strcasecmp(v, "GB") && strcasecmp(v, "IEEE")))
			return 0;
		x->ieee = !strcasecmp(v, "IEEE");
	}
	p = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_KEYLEN);
	return !p || (OSSL_PARAM_get_size_t(p, &len) && len == 2 * SM4_KEY);
}

static int xts_init(struct xts *x, const uint8_t *key, size_t key_len,
		    const uint8_t *iv, size_t iv_len, const OSSL_PARAM params[],
		    bool encrypt)
{
	x->encrypt = encrypt;
	if (iv) {
		if (iv_len != SM4_BLOCK)
			return 0;
		memcpy(x->iv, iv, SM4_BLOCK);
		x->iv_set = true;
	}
	if (key) {
		/* Halves alike are refused for encryption. */
		if (key_len != 2 * SM4_KEY ||
		    (encrypt && wd_equal_ct(key, key + SM4_KEY, SM4_KEY)) ||
		    !ecb_key(&x->data, key, encrypt) ||
		    !ecb_key(&x->tweak, key + SM4_KEY, true))
			return 0;
		x->key_set = true;
	}
	return !params || xts_set(x, params);
}

WDP_CIPHER_INITS(xts)

#define xts_final ccm_final

static OSSL_FUNC_cipher_get_ctx_params_fn xts_get;
static int xts_get(void *ctx, OSSL_PARAM params[])
{
	struct xts *x = ctx;

	return wdp_give_size(params, OSSL_CIPHER_PARAM_KEYLEN, 2 * SM4_KEY) &&
	       wdp_give_size(params, OSSL_CIPHER_PARAM_IVLEN, SM4_BLOCK) &&
	       wdp_give_uint(params, OSSL_CIPHER_PARAM_PADDING, 1) &&
	       wdp_give_uint(params, OSSL_CIPHER_PARAM_NUM, 0) &&
	       wdp_give_bytes(params, OSSL_CIPHER_PARAM_IV, x->iv, SM4_BLOCK) &&
	       wdp_give_bytes(params, OSSL_CIPHER_PARAM_UPDATED_IV, x->iv,
			      SM4_BLOCK);
}

static const OSSL_PARAM *xts_list(void *ctx, void *prov)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_PADDING, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_NUM, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_IV, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_UPDATED_IV, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)prov;
	return list;
}

static const OSSL_PARAM *xts_settable(void *ctx, void *prov)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_utf8_string("xts_standard", NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)prov;
	return list;
}

/* ---- by name ----------------------------------------------------------- */

#define FUNCTIONS(fam, list, settable)                                         \
	static const OSSL_DISPATCH fam##_fns[] = {                             \
		{ WDP_FN(CIPHER_NEWCTX, fam##_new) },                          \
		{ WDP_FN(CIPHER_FREECTX, fam##_free) },                        \
		{ WDP_FN(CIPHER_DUPCTX, fam##_dup) },                          \
		{ WDP_FN(CIPHER_ENCRYPT_INIT, fam##_encrypt_init) },           \
		{ WDP_FN(CIPHER_DECRYPT_INIT, fam##_decrypt_init) },           \
		{ WDP_FN(CIPHER_UPDATE, fam##_update) },                       \
		{ WDP_FN(CIPHER_FINAL, fam##_final) },                         \
		{ WDP_FN(CIPHER_CIPHER, fam##_update) },                       \
		{ WDP_FN(CIPHER_GET_CTX_PARAMS, fam##_get) },                  \
		{ WDP_FN(CIPHER_SET_CTX_PARAMS, fam##_set) },                  \
		{ WDP_FN(CIPHER_GETTABLE_CTX_PARAMS, list) },                  \
		{ WDP_FN(CIPHER_SETTABLE_CTX_PARAMS, settable) },              \
		{ 0, NULL },                                                   \
	}

FUNCTIONS(gcm, aead_list, aead_settable);
FUNCTIONS(ccm, aead_list, aead_settable);
FUNCTIONS(xts, xts_list, xts_settable);

const OSSL_DISPATCH *wdp_sm4_find(const char *name)
{
	static const struct {
		const char *name;
		const OSSL_DISPATCH *fns;
	} rows[] = {
		{ "SM4-GCM", gcm_fns },
		{ "SM4-CCM", ccm_fns },
		{ "SM4-XTS", xts_fns },
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(rows); i++)
		if (!strcasecmp(name, rows[i].name))
			return rows[i].fns;
	return NULL;
}
