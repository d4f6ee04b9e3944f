/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ciphers that do not authenticate: blocks (ECB, CBC), streams (CTR, OFB, CFB)
 * and units (XTS, CBC with ciphertext stealing: one update, all of it).
 *
 *	update ──┬── small ──▶ twin, as it came
 *		 └── large ──▶ whole blocks: device
 *				ends: twin
 *
 * The twin gets every call that does not carry data, so it decides what is
 * refused and answers what is asked; we remember key, IV and padding beside
 * it.  A small update is the twin's altogether: partial blocks, padding, TLS
 * records.  Of what it holds back, `held` is our copy.
 *
 * For a large update the chaining value is taken out of the twin
 * (cipher_take()), the device does the whole blocks, and the first call after
 * that which is not the device's puts it back (cipher_give()): `ours` says who
 * has it.  So device and software may alternate within a message, a job that
 * fails has lost nothing, and a copy of a context is a copy of both.
 *
 * CTR-DRBG of OpenSSL 3.0 runs on our AES, under locks of libcrypto's: its
 * inputs never wait for anything, whatever the threshold (docs/design).
 */
#include "provider/wdp_sym.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/prov_ssl.h>
#include <openssl/rand.h>

#include "base/wd_base.h"
#include "provider/wdp_tlscbc.h"

#define BLOCK_MAX	   16
/* Bytes: the random generator asks for a key and a block while it is locked,
 * and for at most so many at all. */
#define DRBG_SMALL	   4096
#define DRBG_MAX	   65536
/* What libcrypto calls the parameter, from 3.2 on. */
#define PARAM_XTS_STANDARD "xts_standard"

struct cipher_ctx {
	struct wdp_ctx *prov;
	const struct wdp_cipher_spec *spec;
	const struct wdp_direct *soft;
	void *twin;   /* soft's context */
	size_t small; /* bytes: the twin's without a question */
	size_t tls_mac_size;
	unsigned int tls_version; /* 0: not a TLS record cipher */
	enum sec_cipher_alg alg;  /* changes with CTS mode and XTS standard */
	uint8_t key[WDP_KEY_MAX];
	uint8_t first_iv[BLOCK_MAX]; /* as given */
	uint8_t iv[BLOCK_MAX];	     /* chaining, while ours */
	uint8_t held[BLOCK_MAX];     /* input that waits for its block */
	uint8_t last[BLOCK_MAX];     /* input of a job, its last block */
	uint8_t first[BLOCK_MAX];    /* the held one while it is done: not on
				      * a stack that a dropped job leaves */
	uint8_t held_len;
	uint8_t tls_mac[WDP_TLSCBC_MAC_MAX];
	bool tls_mac_got;  /* the last record read had one */
	bool tls_mac_ours; /* it was read here, not by the twin */
	bool encrypt, pad, key_set, iv_set;
	bool ours;  /* iv is the truth, the twin's is old */
	bool moved; /* the twin's first IV is not the caller's */
	bool spent; /* CTS: one update a message */
};

static void *cipher_new(void *prov, const struct wdp_cipher_spec *spec)
{
	const struct wdp_direct *soft = wdp_cipher_soft(prov, spec);
	struct cipher_ctx *c;

	if (!soft)
		return NULL;
	c = OPENSSL_zalloc(sizeof(*c));
	if (!c)
		return NULL;
	c->prov = prov;
	c->spec = spec;
	c->soft = soft;
	c->alg = spec->kind == OFFLOAD_SM4_XTS ? SEC_SM4_XTS_GB : spec->alg;
	c->pad = true;
	c->small = wdp_small(prov, spec->kind);
	if ((spec->flags & WDP_DRBG) && c->small < DRBG_SMALL)
		c->small = DRBG_SMALL;
	c->twin = soft->cipher.newctx(soft->prov);
	if (c->twin)
		return c;
	OPENSSL_free(c);
	return NULL;
}

static OSSL_FUNC_cipher_freectx_fn cipher_free;
static void cipher_free(void *ctx)
{
	struct cipher_ctx *c = ctx;

	if (!c)
		return;
	c->soft->cipher.freectx(c->twin);
	wd_wipe(c, sizeof(*c)); /* far cheaper than OPENSSL_cleanse() */
	OPENSSL_free(c);
}

static OSSL_FUNC_cipher_dupctx_fn cipher_dup;
static void *cipher_dup(void *ctx)
{
	const struct cipher_ctx *from = ctx;
	struct cipher_ctx *c = OPENSSL_memdup(from, sizeof(*c));

	if (!c)
		return NULL;
	c->twin = c->soft->cipher.dupctx(from->twin);
	if (c->twin)
		return c;
	wd_wipe(c, sizeof(*c));
	OPENSSL_free(c);
	return NULL;
}

/* Bytes a job works in: for streams the block of the cipher beneath. */
static size_t cipher_block(const struct cipher_ctx *c)
{
	return c->spec->block > 1 ? c->spec->block : BLOCK_MAX;
}

/* ---- between twin and device ------------------------------------------- */

static int twin_begin(struct cipher_ctx *c, const uint8_t *key, size_t key_len,
		      const uint8_t *iv, size_t iv_len,
		      const OSSL_PARAM params[])
{
	const struct wdp_direct_cipher *f = &c->soft->cipher;

	return (c->encrypt ? f->encrypt_init : f->decrypt_init)(
		c->twin, key, key_len, iv, iv_len, params);
}

/* Where the twin stands; *@num: within a block of keystream. */
static int cipher_take(struct cipher_ctx *c, unsigned int *num)
{
	/* By pointer, which it tries first: 3.5 raises an error for the miss. */
	void *iv = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_ptr(OSSL_CIPHER_PARAM_UPDATED_IV, &iv, 0),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_NUM, num),
		OSSL_PARAM_END,
	};

	if (c->ours)
		return 0;
	if (!c->soft->cipher.get_ctx_params(c->twin, params) || !iv)
		return -EPROTO;
	memcpy(c->iv, iv, c->spec->iv_len);
	c->ours = !*num || c->spec->block > 1;
	return 0;
}

static int twin_hold(struct cipher_ctx *c, const uint8_t *in, size_t len)
{
	uint8_t none[2 * BLOCK_MAX];
	size_t n;

	return !len || c->soft->cipher.update(c->twin, none, &n, sizeof(none),
					      in, len)
		       ? 0
		       : -EPROTO;
}

/* The twin takes over. */
static int cipher_give(struct cipher_ctx *c)
{
	size_t iv_len = c->spec->iv_len;

	if (!c->ours)
		return 0;
	c->ours = false;
	c->moved = true;
	if (!twin_begin(c, NULL, 0, iv_len ? c->iv : NULL, iv_len, NULL))
		return -EPROTO;
	return twin_hold(c, c->held, c->held_len);
}

/* ---- the device -------------------------------------------------------- */

static bool cipher_choose(const struct cipher_ctx *c, size_t len)
{
	return len >= c->small &&
	       offload_choose_cipher(c->prov->off, c->spec->kind, c->encrypt,
				     len);
}

static struct offload_waiter *cipher_waiter(const struct cipher_ctx *c,
					    size_t len)
{
	/* A generator that is paused would be entered again. */
	if ((c->spec->flags & WDP_DRBG) && len <= DRBG_MAX)
		return NULL;
	return wdp_waiter_get(c->prov);
}

static void count_up(uint8_t counter[BLOCK_MAX], uint64_t blocks)
{
	for (unsigned int i = BLOCK_MAX; i-- > 0 && blocks; blocks >>= 8) {
		blocks += counter[i];
		counter[i] = (uint8_t)blocks;
	}
}

/* The chaining value after @len bytes whose last input is in c->last. */
static void cipher_advance(struct cipher_ctx *c, const uint8_t *out, size_t len)
{
	size_t block = cipher_block(c);

	switch (c->spec->mode) {
	case EVP_CIPH_CTR_MODE:
		count_up(c->iv, len / block);
		break;
	case EVP_CIPH_OFB_MODE:
		for (size_t i = 0; i < block; i++)
			c->iv[i] = c->last[i] ^ out[len - block + i];
		break;
	case EVP_CIPH_CBC_MODE:
	case EVP_CIPH_CFB_MODE:
		memcpy(c->iv, c->encrypt ? out + len - block : c->last, block);
		break;
	default:
		break;
	}
}

static int cipher_job(struct cipher_ctx *c, enum sec_cipher_alg alg,
		      uint8_t *out, const uint8_t *in, size_t len,
		      struct offload_waiter *w)
{
	const struct offload_cipher op = {
		.kind = c->spec->kind,
		.alg = alg,
		.encrypt = c->encrypt,
		.key = c->key,
		.key_len = c->spec->key_len,
		.iv = c->iv,
		.iv_len = c->spec->iv_len,
		.in = in,
		.out = out,
		.len = (uint32_t)len,
	};

	return offload_cipher(c->prov->off, &op, w);
}

static size_t cipher_max(const struct cipher_ctx *c,
			 const struct offload_waiter *w)
{
	return offload_max_bytes(c->prov->off, c->spec->kind, w != NULL) &
	       ~(size_t)(BLOCK_MAX - 1);
}

/* Most bytes of the next job: no counter goes over 32 bits within one, since
 * how far an engine counts is known for the newer one only. */
static size_t cipher_piece(const struct cipher_ctx *c, size_t len, size_t max)
{
	uint64_t wrap;

	if (c->spec->mode == EVP_CIPH_CTR_MODE) {
		wrap = ((uint64_t)1 << 32) - wd_load_be32(c->iv + 12);
		if (max / BLOCK_MAX > wrap)
			max = (size_t)wrap * BLOCK_MAX;
	}
	return len < max ? len : max;
}

/* *@done counts what the device did, also when it failed after that. */
static int cipher_device(struct cipher_ctx *c, uint8_t *out, const uint8_t *in,
			 size_t len, size_t *done)
{
	struct offload_waiter *w = cipher_waiter(c, len);
	size_t max = cipher_max(c, w), block = cipher_block(c);
	int rc = max ? 0 : -EMSGSIZE;

	while (!rc && *done < len) {
		size_t n = cipher_piece(c, len - *done, max);

		memcpy(c->last, in + *done + n - block, block);
		rc = cipher_job(c, c->alg, out + *done, in + *done, n, w);
		if (rc)
			break;
		cipher_advance(c, out + *done, n);
		*done += n;
	}
	wdp_waiter_release(w);
	return rc;
}

/* ---- init and parameters ----------------------------------------------- */

static const struct {
	const char *name;
	enum sec_cipher_alg alg;
} variants[] = {
	{ "CS1", SEC_AES_CBC_CS1 }, { "CS2", SEC_AES_CBC_CS2 },
	{ "CS3", SEC_AES_CBC_CS3 }, { "GB", SEC_SM4_XTS_GB },
	{ "IEEE", SEC_SM4_XTS },
};

static void take_variant(struct cipher_ctx *c, const OSSL_PARAM params[],
			 const char *name)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
	const char *v;

	if (!p || !OSSL_PARAM_get_utf8_string_ptr(p, &v))
		return;
	for (size_t i = 0; i < WD_ARRAY_SIZE(variants); i++)
		if (!strcasecmp(v, variants[i].name))
			c->alg = variants[i].alg;
}

/* Remember of parameters the twin has accepted what jobs need. */
static void cipher_remember(struct cipher_ctx *c, const OSSL_PARAM params[])
{
	unsigned int pad = c->pad;

	if (!params || !params->key)
		return;
	wdp_take_uint(params, OSSL_CIPHER_PARAM_PADDING, &pad);
	wdp_take_uint(params, OSSL_CIPHER_PARAM_TLS_VERSION, &c->tls_version);
	wdp_take_size(params, OSSL_CIPHER_PARAM_TLS_MAC_SIZE, &c->tls_mac_size);
	c->pad = pad != 0;
	if (c->spec->flags & WDP_CTS)
		take_variant(c, params, OSSL_CIPHER_PARAM_CTS_MODE);
	if (c->spec->kind == OFFLOAD_SM4_XTS)
		take_variant(c, params, PARAM_XTS_STANDARD);
}

/* Without an IV, a counter goes on; others begin with the last one again. */
static int cipher_old_iv(struct cipher_ctx *c, const uint8_t **iv,
			 size_t *iv_len)
{
	int rc = 0;

	if (c->spec->mode == EVP_CIPH_CTR_MODE) {
		rc = cipher_give(c);
	} else if (c->moved && c->iv_set) {
		*iv = c->first_iv;
		*iv_len = c->spec->iv_len;
	}
	return rc;
}

static int cipher_init(struct cipher_ctx *c, const uint8_t *key, size_t key_len,
		       const uint8_t *iv, size_t iv_len,
		       const OSSL_PARAM params[], bool encrypt)
{
	int rc;

	c->held_len = 0;
	if (!iv) {
		rc = cipher_old_iv(c, &iv, &iv_len);
		if (rc)
			return wdp_ok(c->prov, rc);
	}
	/* default would go on with the other direction's key schedule */
	if (!key && c->key_set && c->encrypt != encrypt) {
		key = c->key;
		key_len = c->spec->key_len;
	}
	c->encrypt = encrypt;
	c->ours = c->spent = c->tls_mac_ours = false;
	if (!twin_begin(c, key, key_len, iv, iv_len, params))
		return 0;
	if (iv && iv_len <= BLOCK_MAX) {
		memcpy(c->first_iv, iv, iv_len);
		c->iv_set = true;
		c->moved = false;
	}
	if (key && key != c->key) {
		memcpy(c->key, key, c->spec->key_len);
		c->key_set = true;
	}
	cipher_remember(c, params);
	return 1;
}

WDP_CIPHER_INITS(cipher)

static int give_tls_mac(struct cipher_ctx *c, OSSL_PARAM *p)
{
	return OSSL_PARAM_set_octet_ptr(p, c->tls_mac_got ? c->tls_mac : NULL,
					c->tls_mac_size);
}

/* EVP asks for one of these at each message: no answer of the twin's is worth
 * its search through all it knows. */
static bool cipher_constant(const struct cipher_ctx *c, OSSL_PARAM params[])
{
	if (!params || !params[0].key || params[1].key)
		return false;
	if (wdp_param_is(params, OSSL_CIPHER_PARAM_IVLEN))
		return OSSL_PARAM_set_size_t(params, c->spec->iv_len);
	if (wdp_param_is(params, OSSL_CIPHER_PARAM_KEYLEN))
		return OSSL_PARAM_set_size_t(params, c->spec->key_len);
	return false;
}

static OSSL_FUNC_cipher_get_ctx_params_fn cipher_get_ctx_params;
static int cipher_get_ctx_params(void *ctx, OSSL_PARAM params[])
{
	struct cipher_ctx *c = ctx;
	OSSL_PARAM *p = NULL;
	int rc;

	if (cipher_constant(c, params))
		return 1;
	if (c->tls_mac_ours)
		p = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_TLS_MAC);
	if (p && p == params && !params[1].key) /* asked after every record */
		return give_tls_mac(c, p);
	rc = cipher_give(c);
	if (rc)
		return wdp_ok(c->prov, rc);
	if (!c->soft->cipher.get_ctx_params(c->twin, params))
		return 0;
	return (!p || give_tls_mac(c, p)) &&
	       (!c->moved || !c->iv_set ||
		wdp_give_bytes(params, OSSL_CIPHER_PARAM_IV, c->first_iv,
			       c->spec->iv_len));
}

/* EVP says so again at each message without padding. */
static bool cipher_padding_known(const struct cipher_ctx *c,
				 const OSSL_PARAM params[])
{
	unsigned int pad;

	if (!params || !params[0].key || params[1].key ||
	    !wdp_param_is(params, OSSL_CIPHER_PARAM_PADDING) ||
	    params[0].data_type != OSSL_PARAM_UNSIGNED_INTEGER ||
	    params[0].data_size != sizeof(pad) || !params[0].data)
		return false;
	memcpy(&pad, params[0].data, sizeof(pad));
	return (pad != 0) == c->pad;
}

static OSSL_FUNC_cipher_set_ctx_params_fn cipher_set_ctx_params;
static int cipher_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct cipher_ctx *c = ctx;
	int rc;

	if (cipher_padding_known(c, params))
		return 1;
	rc = cipher_give(c);
	if (rc)
		return wdp_ok(c->prov, rc);
	if (!c->soft->cipher.set_ctx_params(c->twin, params))
		return 0;
	cipher_remember(c, params);
	return 1;
}

/* ---- blocks ------------------------------------------------------------ */

/* Whole blocks, straight through. */
static int blocks_run(struct cipher_ctx *c, uint8_t *out, const uint8_t *in,
		      size_t len)
{
	unsigned int num = 0;
	size_t done = 0, n;
	int rc;

	if (len && cipher_choose(c, len)) {
		rc = cipher_take(c, &num);
		if (!rc)
			rc = cipher_device(c, out, in, len, &done);
		if (!rc)
			return 0;
		if (!wdp_software_may(c->prov, c->spec->kind, rc))
			return rc;
	}
	rc = cipher_give(c);
	if (rc)
		return rc;
	len -= done;
	return c->soft->cipher.cipher(c->twin, out + done, &n, len, in + done,
				      len)
		       ? 0
		       : -EPROTO;
}

/* Move up to a block of input to where it waits. */
static size_t block_hold(struct cipher_ctx *c, const uint8_t *in, size_t len)
{
	size_t n = cipher_block(c) - c->held_len;

	if (len < n)
		n = len;
	memcpy(c->held + c->held_len, in, n);
	c->held_len += (uint8_t)n;
	return n;
}

/* A last block may be all padding: decryption keeps one back. */
static bool block_keeps(const struct cipher_ctx *c)
{
	return !c->encrypt && c->pad;
}

/* The block that was waiting; *@done: bytes put out. */
static int block_first(struct cipher_ctx *c, uint8_t *out, size_t out_size,
		       size_t *done)
{
	size_t block = cipher_block(c);

	if (out_size < block)
		return -ENOBUFS;
	memcpy(c->first, c->held, block);
	c->held_len = 0;
	*done = block;
	return blocks_run(c, out, c->first, block);
}

static int block_large(struct cipher_ctx *c, uint8_t *out, size_t *out_len,
		       size_t out_size, const uint8_t *in, size_t len)
{
	size_t block = cipher_block(c), n, done = 0;
	unsigned int num = 0;
	int rc = cipher_take(c, &num);

	if (!rc && c->held_len) {
		n = block_hold(c, in, len);
		in += n;
		len -= n;
		if (c->held_len == block && (len || !block_keeps(c)))
			rc = block_first(c, out, out_size, &done);
	}
	if (rc)
		return rc;
	n = len - len % block;
	if (n && n == len && block_keeps(c))
		n -= block;
	if (n) {
		if (out_size - done < n)
			return -ENOBUFS;
		rc = blocks_run(c, out + done, in, n);
	}
	*out_len = done + n;
	if (rc || len == n)
		return rc;
	block_hold(c, in + n, len - n);
	return c->ours ? 0 : twin_hold(c, in + n, len - n);
}

/* Keep a copy of what the twin will hold back. */
static void block_follow(struct cipher_ctx *c, const uint8_t *in, size_t len)
{
	size_t block = cipher_block(c), all = c->held_len + len;
	size_t rest = all % block;

	if (!rest && all && block_keeps(c))
		rest = block;
	if (rest <= len)
		memcpy(c->held, in + len - rest, rest);
	else
		memcpy(c->held + c->held_len, in, len);
	c->held_len = (uint8_t)rest;
}

static int tls_record(struct cipher_ctx *c, uint8_t *out, size_t *out_len,
		      size_t out_size, const uint8_t *in, size_t len);

/* A small update that leaves the twin as it found it, but for its chaining
 * value: these are to cost next to nothing. */
static bool block_plain(const struct cipher_ctx *c, size_t len)
{
	return len < c->small && !c->ours && !c->held_len &&
	       !(len & (c->spec->block - 1u)) && (c->encrypt || !c->pad) &&
	       !c->tls_mac_ours;
}

static OSSL_FUNC_cipher_update_fn block_update;
static int block_update(void *ctx, unsigned char *out, size_t *out_len,
			size_t out_size, const unsigned char *in, size_t len)
{
	struct cipher_ctx *c = ctx;
	int rc;

	if (block_plain(c, len))
		return c->soft->cipher.update(c->twin, out, out_len, out_size,
					      in, len);
	if (c->key_set && len && cipher_choose(c, len))
		return wdp_ok(c->prov,
			      (c->tls_version ? tls_record : block_large)(
				      c, out, out_len, out_size, in, len));
	rc = cipher_give(c);
	if (rc)
		return wdp_ok(c->prov, rc);
	/* default looks for padding in an empty record, outside of it */
	if (c->tls_version && !c->encrypt && !len)
		return wdp_ok(c->prov, -ERANGE);
	if (c->tls_version)
		c->tls_mac_ours = false;
	else if (c->key_set && len)
		block_follow(c, in, len);
	return c->soft->cipher.update(c->twin, out, out_len, out_size, in, len);
}

static OSSL_FUNC_cipher_final_fn block_final;
static int block_final(void *ctx, unsigned char *out, size_t *out_len,
		       size_t out_size)
{
	struct cipher_ctx *c = ctx;
	int rc = cipher_give(c);

	if (rc)
		return wdp_ok(c->prov, rc);
	if (!c->soft->cipher.final(c->twin, out, out_len, out_size))
		return 0;
	c->held_len = 0;
	return 1;
}

/* EVP_Cipher(): whole blocks, no padding, nothing held back. */
static OSSL_FUNC_cipher_cipher_fn block_cipher;
static int block_cipher(void *ctx, unsigned char *out, size_t *out_len,
			size_t out_size, const unsigned char *in, size_t len)
{
	struct cipher_ctx *c = ctx;

	if (!c->key_set)
		return wdp_ok(c->prov, -ENOKEY);
	if (out_size < len)
		return wdp_ok(c->prov, -ENOBUFS);
	if (len % cipher_block(c))
		return wdp_ok(c->prov, -ERANGE);
	*out_len = len;
	return wdp_ok(c->prov, blocks_run(c, out, in, len));
}

/* ---- TLS records ------------------------------------------------------- */

static int tls_unpad(struct cipher_ctx *c, uint8_t *rec, size_t *len)
{
	size_t block = cipher_block(c);
	uint8_t random[WDP_TLSCBC_MAC_MAX];
	OSSL_LIB_CTX *libctx;
	int rc;

	switch (c->tls_version) {
	case TLS1_1_VERSION:
	case TLS1_2_VERSION:
	case DTLS1_BAD_VER:
	case DTLS1_VERSION:
	case DTLS1_2_VERSION:
		if (*len < block)
			return -ERANGE;
		rec += block; /* explicit IV */
		*len -= block;
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
	rc = wdp_tlscbc_remove(rec, len, block, c->tls_version == SSL3_VERSION,
			       random, c->tls_mac, c->tls_mac_size);
	c->tls_mac_got = !rc && c->tls_mac_size;
	return rc;
}

/* One update is one record, in place. */
static int tls_record(struct cipher_ctx *c, uint8_t *out, size_t *out_len,
		      size_t out_size, const uint8_t *in, size_t len)
{
	size_t block = cipher_block(c);
	bool ssl3 = c->tls_version == SSL3_VERSION;
	int rc;

	if (!in || in != out || out_size < len || !c->pad)
		return -EINVAL;
	if (c->encrypt) {
		if (out_size - len < block - len % block)
			return -ENOBUFS;
		len = wdp_tlscbc_pad(out, len, block, ssl3);
	}
	if (len % block)
		return -ERANGE;
	rc = blocks_run(c, out, in, len);
	if (rc)
		return rc;
	c->tls_mac_got = false;
	c->tls_mac_ours = true;
	*out_len = len;
	return c->encrypt ? 0 : tls_unpad(c, out, out_len);
}

/* ---- streams ----------------------------------------------------------- */

static int stream_twin(struct cipher_ctx *c, uint8_t *out, const uint8_t *in,
		       size_t len)
{
	int rc = cipher_give(c);

	return rc ? rc : wdp_direct_update(c->soft, c->twin, out, in, len);
}

/* What is left of the block the twin stands in; *@done: bytes of it. */
static int stream_head(struct cipher_ctx *c, uint8_t *out, const uint8_t *in,
		       size_t len, size_t *done)
{
	unsigned int num = 0;
	size_t n;
	int rc = cipher_take(c, &num);

	if (rc || !num)
		return rc;
	n = cipher_block(c) - num;
	*done = len < n ? len : n;
	return stream_twin(c, out, in, *done);
}

static int stream_large(struct cipher_ctx *c, uint8_t *out, const uint8_t *in,
			size_t len)
{
	unsigned int num = 0;
	size_t at = 0, n, done = 0;
	int rc = stream_head(c, out, in, len, &at);

	if (rc)
		return rc;
	n = (len - at) - (len - at) % cipher_block(c);
	if (n) {
		rc = cipher_take(c, &num);
		if (!rc)
			rc = cipher_device(c, out + at, in + at, n, &done);
		if (rc && !wdp_software_may(c->prov, c->spec->kind, rc))
			return rc;
		at += done;
	}
	return at < len ? stream_twin(c, out + at, in + at, len - at) : 0;
}

static OSSL_FUNC_cipher_update_fn stream_update;
static int stream_update(void *ctx, unsigned char *out, size_t *out_len,
			 size_t out_size, const unsigned char *in, size_t len)
{
	struct cipher_ctx *c = ctx;
	int rc;

	if (len < c->small && !c->ours)
		return c->soft->cipher.update(c->twin, out, out_len, out_size,
					      in, len);
	if (c->key_set && len && len <= out_size && cipher_choose(c, len)) {
		*out_len = len;
		return wdp_ok(c->prov, stream_large(c, out, in, len));
	}
	rc = cipher_give(c);
	if (rc)
		return wdp_ok(c->prov, rc);
	return c->soft->cipher.update(c->twin, out, out_len, out_size, in, len);
}

static OSSL_FUNC_cipher_final_fn stream_final;
static int stream_final(void *ctx, unsigned char *out, size_t *out_len,
			size_t out_size)
{
	struct cipher_ctx *c = ctx;

	return c->soft->cipher.final(c->twin, out, out_len, out_size);
}

#define stream_cipher stream_update

/* ---- units ------------------------------------------------------------- */

/* The whole blocks at the front of a unit that one job can't carry. */
static int unit_front(struct cipher_ctx *c, uint8_t *out, const uint8_t *in,
		      size_t len, size_t max, struct offload_waiter *w,
		      size_t *done)
{
	size_t n;
	int rc = 0;

	if (len <= max)
		return 0;
	if (!(c->spec->flags & WDP_CTS) || max < 4 * BLOCK_MAX)
		return -EMSGSIZE; /* where a tweak stands can't be said */
	while (!rc && len - *done > max) {
		n = max - 2 * BLOCK_MAX; /* leave more than a block */
		memcpy(c->last, in + *done + n - BLOCK_MAX, BLOCK_MAX);
		rc = cipher_job(c, SEC_AES_CBC, out + *done, in + *done, n, w);
		if (rc)
			break;
		cipher_advance(c, out + *done, n);
		*done += n;
	}
	return rc;
}

/* CTS: the last whole block of ciphertext is the IV that is asked for. */
static void unit_last(struct cipher_ctx *c, const uint8_t *text, size_t len)
{
	size_t rest = len % BLOCK_MAX, at = len - BLOCK_MAX;

	if (c->alg != SEC_AES_CBC_CS1 && rest)
		at = len - rest - BLOCK_MAX;
	else if (c->alg == SEC_AES_CBC_CS3 && len > BLOCK_MAX)
		at = len - 2 * BLOCK_MAX;
	memcpy(c->last, text + at, BLOCK_MAX);
}

static int unit_large(struct cipher_ctx *c, uint8_t *out, const uint8_t *in,
		      size_t len, size_t *done)
{
	struct offload_waiter *w = wdp_waiter_get(c->prov);
	int rc;

	rc = unit_front(c, out, in, len, cipher_max(c, w), w, done);
	if (!rc) {
		if (!c->encrypt && len > BLOCK_MAX)
			unit_last(c, in, len);
		rc = cipher_job(c, c->alg, out + *done, in + *done, len - *done,
				w);
	}
	wdp_waiter_release(w);
	if (rc || !(c->spec->flags & WDP_CTS))
		return rc;
	if (c->encrypt)
		unit_last(c, out, len);
	memcpy(c->iv, c->last, BLOCK_MAX);
	return 0;
}

static bool unit_good(const struct cipher_ctx *c, const uint8_t *out,
		      const uint8_t *in, size_t out_size, size_t len)
{
	return c->key_set && c->iv_set && in && out && len >= BLOCK_MAX &&
	       len <= out_size && cipher_choose(c, len);
}

/* By the twin, behind the @done bytes that are done. */
static int unit_twin(struct cipher_ctx *c, uint8_t *out, size_t out_size,
		     const uint8_t *in, size_t len, size_t done)
{
	size_t n;
	int rc;

	c->ours = done != 0;
	rc = cipher_give(c);
	if (rc)
		return rc;
	return c->soft->cipher.update(c->twin, out + done, &n, out_size - done,
				      in + done, len - done)
		       ? 0
		       : -EPROTO;
}

static OSSL_FUNC_cipher_update_fn unit_update;
static int unit_update(void *ctx, unsigned char *out, size_t *out_len,
		       size_t out_size, const unsigned char *in, size_t len)
{
	struct cipher_ctx *c = ctx;
	bool once = c->spec->flags & WDP_CTS;
	size_t done = 0;
	int rc;

	if (c->spent)
		return wdp_ok(c->prov, -EINVAL);
	if (!unit_good(c, out, in, out_size, len)) {
		if (!c->soft->cipher.update(c->twin, out, out_len, out_size, in,
					    len))
			return 0;
		c->spent = once;
		return 1;
	}
	memcpy(c->iv, c->first_iv, BLOCK_MAX);
	rc = unit_large(c, out, in, len, &done);
	if (!rc)
		c->ours = once;
	else if (wdp_software_may(c->prov, c->spec->kind, rc))
		rc = unit_twin(c, out, out_size, in, len, done);
	if (rc)
		return wdp_ok(c->prov, rc);
	c->spent = once;
	*out_len = len;
	return 1;
}

#define unit_final  stream_final
#define unit_cipher unit_update

/* ---- rows -------------------------------------------------------------- */

#define WDP_MORE_block
#define WDP_MORE_stream
#define WDP_MORE_unit
#define BLOCK(...)  WDP_CIPHER(block, cipher, __VA_ARGS__)
#define STREAM(...) WDP_CIPHER(stream, cipher, __VA_ARGS__)
#define UNIT(...)   WDP_CIPHER(unit, cipher, __VA_ARGS__)
#include "provider/wdp_cipher.def"
