/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CMAC and GMAC.
 *
 *	      first update		more data
 *	FRESH ───────────▶ DEVICE ───────────────▶ RESUMED
 *	  └──────────────────────────▶ TWIN
 *
 * The engine takes a message in one descriptor, and nobody says which update
 * is the last.  So, as GCM does it (wdp_gcm.c), the first one is done as if it
 * were the message, if it is large; usually final follows.  If more follows,
 * the state is taken out of the MAC and the twin led there:
 *
 *	CMAC	T = E(S + M + K1), or K2 and padding for a part of a block.  So
 *		D(T) gives S, and a first block of D(S) leads there
 *	GMAC	as GCM's: divided by H, with the lengths put right at the end
 *
 * and this context stops guessing.  Everything else is the twin's: other
 * ciphers, other keys, small messages, which calls are refused.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/params.h>

#include "base/wd_base.h"
#include "provider/wdp_alone.h"
#include "provider/wdp_gf128.h"
#include "provider/wdp_sym.h"

#define CMAC_BLOCK 16
#define CMAC_NONCE 12
#define CMAC_NAME  32

struct cmac_spec {
	const char *twin;
	enum wdp_direct_row row;
	enum offload_kind kind;
	enum sec_mac_alg alg;
};

enum cmac_stage { CMAC_FRESH, CMAC_TWIN, CMAC_DEVICE, CMAC_RESUMED };

struct cmac_ctx {
	struct wdp_ctx *prov;
	const struct cmac_spec *spec;
	const struct wdp_direct *soft;
	void *twin;   /* soft's context */
	size_t small; /* bytes: the twin's without a question */
	enum cmac_stage stage;
	uint64_t total;	  /* bytes, from the device's on */
	uint64_t at_once; /* of these, by the device */
	bool streams;	  /* data came in pieces before */
	bool key_set, iv_set;
	uint8_t key_len;
	uint8_t key[WDP_KEY_MAX / 2];
	uint8_t iv[CMAC_NONCE];
	uint8_t mac[CMAC_BLOCK];  /* the device's */
	uint8_t rest[CMAC_BLOCK]; /* input after the last whole block */
	struct wdp_gf128 h;	  /* GMAC, once resumed */
	char cipher[CMAC_NAME];	  /* as the caller calls it */
};

static const struct cmac_spec cmac_spec = {
	.twin = "CMAC",
	.row = WDP_DIRECT_cmac,
	.kind = OFFLOAD_AES_CMAC,
	.alg = SEC_AES_CMAC,
};

static const struct cmac_spec gmac_spec = {
	.twin = "GMAC",
	.row = WDP_DIRECT_gmac,
	.kind = OFFLOAD_AES_GMAC,
	.alg = SEC_AES_GMAC,
};

static bool is_gmac(const struct cmac_ctx *m)
{
	return m->spec->alg == SEC_AES_GMAC;
}

static const struct wdp_direct *cmac_soft(struct wdp_ctx *p,
					  const struct cmac_spec *spec)
{
	return wdp_direct_row(p, spec->row, OSSL_OP_MAC, spec->twin);
}

static void *cmac_make(struct wdp_ctx *p, const struct cmac_spec *spec)
{
	const struct wdp_direct *soft = cmac_soft(p, spec);
	struct cmac_ctx *m = soft ? OPENSSL_zalloc(sizeof(*m)) : NULL;

	if (!m)
		return NULL;
	m->prov = p;
	m->spec = spec;
	m->soft = soft;
	m->small = wdp_small(p, spec->kind);
	m->twin = soft->mac.newctx(soft->prov);
	if (m->twin)
		return m;
	OPENSSL_free(m);
	return NULL;
}

static OSSL_FUNC_mac_newctx_fn cmac_new;
static void *cmac_new(void *prov)
{
	return cmac_make(prov, &cmac_spec);
}

static OSSL_FUNC_mac_newctx_fn gmac_new;
static void *gmac_new(void *prov)
{
	return cmac_make(prov, &gmac_spec);
}

static OSSL_FUNC_mac_freectx_fn cmac_free;
static void cmac_free(void *ctx)
{
	struct cmac_ctx *m = ctx;

	if (!m)
		return;
	if (m->twin)
		m->soft->mac.freectx(m->twin);
	wd_wipe(m, sizeof(*m));
	OPENSSL_free(m);
}

static OSSL_FUNC_mac_dupctx_fn cmac_dup;
static void *cmac_dup(void *ctx)
{
	const struct cmac_ctx *from = ctx;
	struct cmac_ctx *m = OPENSSL_memdup(from, sizeof(*m));

	if (!m)
		return NULL;
	m->twin = m->soft->mac.dupctx(from->twin);
	if (m->twin)
		return m;
	cmac_free(m);
	return NULL;
}

/* ---- key and parameters ------------------------------------------------ */

static void cmac_take_key(struct cmac_ctx *m, const uint8_t *key, size_t len)
{
	m->key_set = len <= sizeof(m->key);
	if (!m->key_set)
		return;
	memcpy(m->key, key, len);
	m->key_len = (uint8_t)len;
}

static void cmac_take_iv(struct cmac_ctx *m, const uint8_t *iv, size_t len)
{
	m->iv_set = len == sizeof(m->iv);
	if (m->iv_set)
		memcpy(m->iv, iv, len);
}

/* Remember of parameters the twin has accepted what jobs need. */
static void cmac_remember(struct cmac_ctx *m, const OSSL_PARAM *p)
{
	for (; p && p->key; p++) {
		if (wdp_param_is(p, OSSL_MAC_PARAM_CIPHER)) {
			m->cipher[0] = 0;
			if (p->data_type == OSSL_PARAM_UTF8_STRING &&
			    strnlen(p->data, CMAC_NAME) < CMAC_NAME)
				strcpy(m->cipher, p->data);
		} else if (wdp_param_is(p, OSSL_MAC_PARAM_KEY)) {
			cmac_take_key(m, p->data, p->data_size);
		} else if (wdp_param_is(p, OSSL_MAC_PARAM_IV)) {
			cmac_take_iv(m, p->data, p->data_size);
		}
	}
}

static OSSL_FUNC_mac_init_fn cmac_init;
static int cmac_init(void *ctx, const unsigned char *key, size_t len,
		     const OSSL_PARAM params[])
{
	struct wdp_alone_params buf;
	struct cmac_ctx *m = ctx;

	params = wdp_alone_params(params, &buf);
	if (!m->soft->mac.init(m->twin, key, len, params))
		return 0;
	cmac_remember(m, params);
	if (key)
		cmac_take_key(m, key, len);
	m->stage = CMAC_FRESH;
	m->total = 0;
	return 1;
}

static OSSL_FUNC_mac_set_ctx_params_fn cmac_set_ctx_params;
static int cmac_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_params buf;
	struct cmac_ctx *m = ctx;

	params = wdp_alone_params(params, &buf);
	if (!m->soft->mac.set_ctx_params(m->twin, params))
		return 0;
	cmac_remember(m, params);
	return 1;
}

static OSSL_FUNC_mac_get_ctx_params_fn cmac_get_ctx_params;
static int cmac_get_ctx_params(void *ctx, OSSL_PARAM params[])
{
	struct cmac_ctx *m = ctx;

	return m->soft->mac.get_ctx_params(m->twin, params);
}

static OSSL_FUNC_mac_settable_ctx_params_fn cmac_settable;
static const OSSL_PARAM *cmac_settable(void *ctx, void *prov)
{
	const struct wdp_direct *soft = cmac_soft(prov, &cmac_spec);

	(void)ctx;
	return soft ? soft->mac.settable_ctx_params(NULL, soft->prov) : NULL;
}

static OSSL_FUNC_mac_settable_ctx_params_fn gmac_settable;
static const OSSL_PARAM *gmac_settable(void *ctx, void *prov)
{
	const struct wdp_direct *soft = cmac_soft(prov, &gmac_spec);

	(void)ctx;
	return soft ? soft->mac.settable_ctx_params(NULL, soft->prov) : NULL;
}

static OSSL_FUNC_mac_get_params_fn gmac_get_params;
static int gmac_get_params(OSSL_PARAM params[])
{
	return wdp_give_size(params, OSSL_MAC_PARAM_SIZE, CMAC_BLOCK);
}

static OSSL_FUNC_mac_gettable_params_fn gmac_gettable;
static const OSSL_PARAM *gmac_gettable(void *prov)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_size_t(OSSL_MAC_PARAM_SIZE, NULL),
		OSSL_PARAM_END,
	};

	(void)prov;
	return list;
}

/* ---- the device -------------------------------------------------------- */

/* Ciphers whose MAC the engine makes, as rows of wdp_cipher.def. */
static const struct {
	const char *names;
	enum sec_cipher_alg alg;
	uint8_t key_len;
} cmac_ciphers[] = {
#define ROW(id, first, more, kind, alg, key_len, ...)                          \
	{ first more, SEC_##alg, key_len },
#define BLOCK ROW
#define GCM   ROW
#include "provider/wdp_cipher.def"
#undef ROW
};

static bool cmac_known(const struct cmac_ctx *m)
{
	enum sec_cipher_alg alg = is_gmac(m) ? SEC_AES_GCM : SEC_AES_CBC;

	/* The engine's CMAC has keys of 16 bytes only. */
	if (!m->key_set || (is_gmac(m) ? !m->iv_set : m->key_len != 16))
		return false;
	for (size_t i = 0; i < WD_ARRAY_SIZE(cmac_ciphers); i++)
		if (cmac_ciphers[i].alg == alg &&
		    cmac_ciphers[i].key_len == m->key_len &&
		    wdp_names_have(cmac_ciphers[i].names, m->cipher))
			return true;
	return false;
}

static int cmac_job(struct cmac_ctx *m, const uint8_t *in, size_t len)
{
	struct offload_waiter *w = wdp_waiter_get(m->prov);
	const struct offload_mac op = {
		.kind = m->spec->kind,
		.alg = m->spec->alg,
		.key = m->key,
		.key_len = m->key_len,
		.iv = is_gmac(m) ? m->iv : NULL,
		.in = in,
		.len = (uint32_t)len,
		.mac = m->mac,
	};
	int rc = -EMSGSIZE;

	if (len <= offload_max_bytes(m->prov->off, m->spec->kind, w != NULL))
		rc = offload_mac(m->prov->off, &op, w);
	wdp_waiter_release(w);
	return rc;
}

/* The first data of a message, as if it were all of it.
 * Return: 0; 1: software does it; -errno. */
static int cmac_device(struct cmac_ctx *m, const uint8_t *in, size_t len)
{
	size_t rest = len % CMAC_BLOCK;
	int rc;

	if (m->streams || !len || len < m->small ||
	    !offload_choose(m->prov->off, m->spec->kind, len) || !cmac_known(m))
		return 1;
	rc = cmac_job(m, in, len);
	if (rc)
		return wdp_software_may(m->prov, m->spec->kind, rc) ? 1 : rc;
	memcpy(m->rest, in + len - rest, rest);
	m->total = m->at_once = len;
	m->stage = CMAC_DEVICE;
	return 0;
}

/* ---- going on in software after the device ----------------------------- */

static int cmac_blocks(struct cmac_ctx *m, bool encrypt, uint8_t *blocks,
		       size_t n)
{
	static const struct {
		enum wdp_direct_row row;
		const char *name;
	} ecb[] = {
		{ WDP_DIRECT_aes128ecb, "AES-128-ECB" },
		{ WDP_DIRECT_aes192ecb, "AES-192-ECB" },
		{ WDP_DIRECT_aes256ecb, "AES-256-ECB" },
	};
	size_t i = m->key_len / 8 - 2, len = n * CMAC_BLOCK, out;
	const struct wdp_direct *d;
	int rc = -EPROTO;
	void *e;

	d = wdp_direct_row(m->prov, ecb[i].row, OSSL_OP_CIPHER, ecb[i].name);
	if (!d)
		return -EPROTO;
	e = d->cipher.newctx(d->prov);
	if (!e)
		return -ENOMEM;
	if ((encrypt ? d->cipher.encrypt_init : d->cipher.decrypt_init)(
		    e, m->key, m->key_len, NULL, 0, NULL) &&
	    d->cipher.cipher(e, blocks, &out, len, blocks, len))
		rc = 0;
	d->cipher.freectx(e);
	return rc;
}

static void xor_block(uint8_t to[CMAC_BLOCK], const uint8_t with[CMAC_BLOCK])
{
	for (unsigned int i = 0; i < CMAC_BLOCK; i++)
		to[i] ^= with[i];
}

/* SP 800-38B section 6.1 */
static void subkey(uint8_t k[CMAC_BLOCK])
{
	unsigned int carry = 0;

	for (unsigned int i = CMAC_BLOCK; i-- > 0;) {
		carry |= (unsigned int)k[i] << 1;
		k[i] = (uint8_t)carry;
		carry >>= 8;
	}
	k[CMAC_BLOCK - 1] ^= (uint8_t)(carry * 0x87);
}

static int twin_update(struct cmac_ctx *m, const uint8_t *in, size_t len)
{
	return !len || m->soft->mac.update(m->twin, in, len) ? 0 : -EPROTO;
}

static int cmac_lead(struct cmac_ctx *m)
{
	size_t rest = m->at_once % CMAC_BLOCK;
	uint8_t k[CMAC_BLOCK] = { 0 }, b[CMAC_BLOCK];
	int rc = cmac_blocks(m, true, k, 1);

	memcpy(b, m->mac, CMAC_BLOCK);
	if (!rc)
		rc = cmac_blocks(m, false, b, 1);
	subkey(k);
	if (rest) {
		subkey(k);
		xor_block(b, m->rest);
		b[rest] ^= 0x80;
	}
	xor_block(b, k);
	if (!rc && rest)
		rc = cmac_blocks(m, false, b, 1);
	if (!rc)
		rc = twin_update(m, b, CMAC_BLOCK);
	wd_wipe(k, sizeof(k));
	wd_wipe(b, sizeof(b));
	return rc;
}

/* GHASH's last block: length in bits. */
static struct wdp_gf128 gmac_length(uint64_t bytes)
{
	return (struct wdp_gf128){ bytes * 8, 0 };
}

static int gmac_lead(struct cmac_ctx *m)
{
	uint8_t b[2][CMAC_BLOCK] = { { 0 } }; /* for H and E(J0) */
	struct wdp_gf128 inv, s;
	int rc;

	memcpy(b[1], m->iv, CMAC_NONCE);
	b[1][CMAC_BLOCK - 1] = 1;
	rc = cmac_blocks(m, true, b[0], 2);
	m->h = wdp_gf128_load(b[0]);
	inv = wdp_gf128_inv(m->h);
	s = wdp_gf128_add(wdp_gf128_load(m->mac), wdp_gf128_load(b[1]));
	s = wdp_gf128_mul(s, inv);
	s = wdp_gf128_add(s, gmac_length(m->at_once));
	if (m->at_once % CMAC_BLOCK) {
		s = wdp_gf128_mul(s, inv);
		s = wdp_gf128_add(s, wdp_gf128_load(m->rest));
	}
	wdp_gf128_store(b[0], wdp_gf128_mul(s, inv));
	if (!rc)
		rc = twin_update(m, b[0], CMAC_BLOCK);
	wd_wipe(b, sizeof(b));
	wd_wipe(&inv, sizeof(inv));
	wd_wipe(&s, sizeof(s));
	return rc;
}

/* DEVICE to RESUMED */
static int cmac_resume(struct cmac_ctx *m)
{
	size_t rest = m->at_once % CMAC_BLOCK;
	int rc;

	m->streams = true;
	memset(m->rest + rest, 0, CMAC_BLOCK - rest);
	rc = is_gmac(m) ? gmac_lead(m) : cmac_lead(m);
	if (!rc)
		rc = twin_update(m, m->rest, rest);
	if (!rc)
		m->stage = CMAC_RESUMED;
	return rc;
}

/* The twin has counted the block it was led by, and not those before. */
static void gmac_fix(const struct cmac_ctx *m, uint8_t mac[CMAC_BLOCK])
{
	uint64_t seen = m->total - m->at_once / CMAC_BLOCK * CMAC_BLOCK;
	uint8_t fix[CMAC_BLOCK];

	wdp_gf128_store(
		fix,
		wdp_gf128_mul(wdp_gf128_add(gmac_length(m->total),
					    gmac_length(CMAC_BLOCK + seen)),
			      m->h));
	xor_block(mac, fix);
	wd_wipe(fix, sizeof(fix));
}

/* ---- the message ------------------------------------------------------- */

static OSSL_FUNC_mac_update_fn cmac_update;
static int cmac_update(void *ctx, const unsigned char *in, size_t len)
{
	struct cmac_ctx *m = ctx;
	int rc;

	if (m->stage == CMAC_FRESH) {
		rc = cmac_device(m, in, len);
		if (rc <= 0)
			return wdp_ok(m->prov, rc);
		m->stage = len ? CMAC_TWIN : CMAC_FRESH;
	} else if (m->stage == CMAC_DEVICE && len) {
		rc = cmac_resume(m);
		if (rc)
			return wdp_ok(m->prov, rc);
	}
	m->total += len;
	return m->soft->mac.update(m->twin, in, len);
}

static OSSL_FUNC_mac_final_fn cmac_final;
static int cmac_final(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size)
{
	struct cmac_ctx *m = ctx;
	uint8_t spent[CMAC_BLOCK];

	m->iv_set = false; /* one message an IV */
	if (m->stage != CMAC_DEVICE) {
		if (!m->soft->mac.final(m->twin, out, out_len, out_size))
			return 0;
		if (m->stage == CMAC_RESUMED && is_gmac(m))
			gmac_fix(m, out);
		return 1;
	}
	if (out_size < CMAC_BLOCK)
		return wdp_ok(m->prov, -ENOBUFS);
	/* for the twin too */
	if (is_gmac(m) &&
	    !m->soft->mac.final(m->twin, spent, out_len, sizeof(spent)))
		return 0;
	memcpy(out, m->mac, CMAC_BLOCK);
	*out_len = CMAC_BLOCK;
	return 1;
}

#define COMMON                                                                 \
	{ WDP_FN(MAC_FREECTX, cmac_free) }, { WDP_FN(MAC_DUPCTX, cmac_dup) },  \
		{ WDP_FN(MAC_INIT, cmac_init) },                               \
		{ WDP_FN(MAC_UPDATE, cmac_update) },                           \
		{ WDP_FN(MAC_FINAL, cmac_final) },                             \
	{                                                                      \
		WDP_FN(MAC_SET_CTX_PARAMS, cmac_set_ctx_params)                \
	}

const OSSL_DISPATCH wdp_cmac_fns[] = {
	{ WDP_FN(MAC_NEWCTX, cmac_new) },
	COMMON,
	{ WDP_FN(MAC_GET_CTX_PARAMS, cmac_get_ctx_params) },
	{ WDP_FN(MAC_GETTABLE_CTX_PARAMS, wdp_tag_gettable) },
	{ WDP_FN(MAC_SETTABLE_CTX_PARAMS, cmac_settable) },
	{ 0, NULL },
};

const OSSL_DISPATCH wdp_gmac_fns[] = {
	{ WDP_FN(MAC_NEWCTX, gmac_new) },
	COMMON,
	{ WDP_FN(MAC_GET_PARAMS, gmac_get_params) },
	{ WDP_FN(MAC_GETTABLE_PARAMS, gmac_gettable) },
	{ WDP_FN(MAC_SETTABLE_CTX_PARAMS, gmac_settable) },
	{ 0, NULL },
};
