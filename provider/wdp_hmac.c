/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC of any digest.
 *
 *	update ──┬── small ──▶ twin; the first bytes are kept as well
 *		 └── large ──▶ a stream that begins behind the inner key
 *	final  ──── of a stream: the outer digest in software, two blocks
 *
 * The twin gets everything but the bulk: key, parameters, records of TLS that
 * are MACed in constant time, digests the device has not.  A large update
 * takes the message over while only `held` came before it, as wdp_digest.c
 * does; a record's header is such.  The key never goes to the device, the
 * state after it does: so pieces, failures and copies are those of any digest.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/params.h>

#include "base/wd_base.h"
#include "provider/wdp_alone.h"
#include "provider/wdp_stream.h"
#include "provider/wdp_sym.h"

#define HMAC_HOLD     64 /* bytes */
#define HMAC_NAME_MAX 32
#define HMAC_NO_ALG   SEC_DIGEST_ALGS

struct hmac_ctx {
	struct wdp_ctx *prov;
	const struct wdp_direct *soft;
	void *twin;		   /* soft's context */
	struct wdp_stream *stream; /* NULL until needed, then kept */
	uint8_t *long_key;	   /* NULL: it fits */
	size_t key_len;
	uint64_t total; /* bytes the twin has seen */
	size_t small;	/* bytes: the twin's without a question */
	bool key_set, streaming;
	bool tls; /* the twin's: in constant time */
	bool alg_known;
	enum sec_digest_alg alg;
	char digest[HMAC_NAME_MAX]; /* as the caller calls it */
	uint8_t key[WDP_BLOCK_MAX];
	uint8_t held[HMAC_HOLD];
};

static OSSL_FUNC_mac_newctx_fn hmac_new;
static void *hmac_new(void *prov)
{
	const struct wdp_direct *soft =
		wdp_direct_row(prov, WDP_DIRECT_hmac, OSSL_OP_MAC, "HMAC");
	struct hmac_ctx *h;

	if (!soft)
		return NULL;
	h = OPENSSL_zalloc(sizeof(*h));
	if (!h)
		return NULL;
	h->prov = prov;
	h->soft = soft;
	h->small = wdp_small(prov, OFFLOAD_HMAC);
	h->twin = soft->mac.newctx(soft->prov);
	if (h->twin)
		return h;
	OPENSSL_free(h);
	return NULL;
}

static OSSL_FUNC_mac_freectx_fn hmac_free;
static void hmac_free(void *ctx)
{
	struct hmac_ctx *h = ctx;

	if (!h)
		return;
	if (h->twin)
		h->soft->mac.freectx(h->twin);
	wdp_stream_free(h->stream);
	OPENSSL_clear_free(h->long_key, h->key_len);
	wd_wipe(h, sizeof(*h));
	OPENSSL_free(h);
}

static OSSL_FUNC_mac_dupctx_fn hmac_dup;
static void *hmac_dup(void *ctx)
{
	const struct hmac_ctx *from = ctx;
	struct hmac_ctx *h = OPENSSL_memdup(from, sizeof(*h));
	bool ok;

	if (!h)
		return NULL;
	h->stream = NULL;
	h->long_key = NULL;
	h->twin = h->soft->mac.dupctx(from->twin);
	ok = h->twin != NULL;
	if (ok && from->streaming) {
		h->stream = wdp_stream_dup(from->stream);
		ok = h->stream != NULL;
	}
	if (ok && from->long_key) {
		h->long_key = OPENSSL_memdup(from->long_key, h->key_len);
		ok = h->long_key != NULL;
	}
	if (ok)
		return h;
	hmac_free(h);
	return NULL;
}

/* ---- key and parameters ------------------------------------------------ */

static int hmac_take_key(struct hmac_ctx *h, const uint8_t *key, size_t len)
{
	OPENSSL_clear_free(h->long_key, h->key_len);
	h->long_key = NULL;
	h->key_set = false;
	h->key_len = len;
	if (len > sizeof(h->key)) {
		h->long_key = OPENSSL_memdup(key, len);
		if (!h->long_key)
			return -ENOMEM;
	} else if (len) {
		memcpy(h->key, key, len);
	}
	h->key_set = true;
	return 0;
}

static void hmac_take_digest(struct hmac_ctx *h, const OSSL_PARAM *p)
{
	h->alg_known = false;
	h->digest[0] = 0;
	if (p->data_type == OSSL_PARAM_UTF8_STRING && p->data &&
	    strnlen(p->data, HMAC_NAME_MAX) < HMAC_NAME_MAX)
		strcpy(h->digest, p->data);
}

/* Remember of parameters the twin has accepted what streams need. */
static int hmac_remember(struct hmac_ctx *h, const OSSL_PARAM *p)
{
	int rc = 0;

	for (; p && p->key && !rc; p++) {
		if (wdp_param_is(p, OSSL_MAC_PARAM_DIGEST)) {
			hmac_take_digest(h, p);
		} else if (wdp_param_is(p, OSSL_MAC_PARAM_KEY)) {
			rc = hmac_take_key(h, p->data, p->data_size);
			h->streaming = false;
			h->total = 0;
		} else if (wdp_param_is(p, OSSL_MAC_PARAM_TLS_DATA_SIZE)) {
			h->tls = true;
		}
	}
	return rc;
}

static OSSL_FUNC_mac_init_fn hmac_init;
static int hmac_init(void *ctx, const unsigned char *key, size_t len,
		     const OSSL_PARAM params[])
{
	struct wdp_alone_params buf;
	struct hmac_ctx *h = ctx;
	int rc;

	params = wdp_alone_params(params, &buf);
	if (!h->soft->mac.init(h->twin, key, len, params))
		return 0;
	h->streaming = false;
	h->total = 0;
	rc = hmac_remember(h, params);
	if (!rc && key)
		rc = hmac_take_key(h, key, len);
	return wdp_ok(h->prov, rc);
}

static OSSL_FUNC_mac_set_ctx_params_fn hmac_set_ctx_params;
static int hmac_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_params buf;
	struct hmac_ctx *h = ctx;

	params = wdp_alone_params(params, &buf);
	return h->soft->mac.set_ctx_params(h->twin, params) &&
	       wdp_ok(h->prov, hmac_remember(h, params));
}

static OSSL_FUNC_mac_get_ctx_params_fn hmac_get_ctx_params;
static int hmac_get_ctx_params(void *ctx, OSSL_PARAM params[])
{
	struct hmac_ctx *h = ctx;

	return h->soft->mac.get_ctx_params(h->twin, params);
}

static OSSL_FUNC_mac_settable_ctx_params_fn hmac_settable;
static const OSSL_PARAM *hmac_settable(void *ctx, void *prov)
{
	const struct wdp_direct *soft =
		wdp_direct_row(prov, WDP_DIRECT_hmac, OSSL_OP_MAC, "HMAC");

	(void)ctx;
	return soft ? soft->mac.settable_ctx_params(NULL, soft->prov) : NULL;
}

/* ---- streams ----------------------------------------------------------- */

static const struct {
	const char *names;
	enum sec_digest_alg alg;
} hmac_digests[] = {
#define DIGEST(id, first, more, kind, alg, ...) { first more, SEC_##alg },
#include "provider/wdp_digest.def"
};

static enum sec_digest_alg hmac_alg(struct hmac_ctx *h)
{
	if (h->alg_known)
		return h->alg;
	h->alg_known = true;
	h->alg = HMAC_NO_ALG;
	for (size_t i = 0; i < WD_ARRAY_SIZE(hmac_digests); i++)
		if (wdp_names_have(hmac_digests[i].names, h->digest))
			h->alg = hmac_digests[i].alg;
	return h->alg;
}

static bool hmac_worth(struct hmac_ctx *h, size_t len)
{
	return len >= h->small && h->total <= HMAC_HOLD &&
	       offload_choose(h->prov->off, OFFLOAD_HMAC, len) && !h->tls &&
	       h->key_set && hmac_alg(h) != HMAC_NO_ALG &&
	       wdp_stream_able(h->prov, OFFLOAD_HMAC, h->alg, len);
}

/* RFC 2104: the state behind the key, filled up and masked with @pad. */
static void hmac_keyed(const struct hmac_ctx *h, uint8_t pad,
		       uint8_t state[WDP_BLOCK_STATE])
{
	size_t block = sec_digest_block(h->alg);
	const uint8_t *key = h->long_key ? h->long_key : h->key;
	uint8_t b[WDP_BLOCK_MAX] = { 0 };

	wdp_block_init(h->alg, state);
	if (h->key_len > block) {
		wdp_block_final(h->alg, state, key, h->key_len, h->key_len);
		memcpy(b, state, sec_digest_size(h->alg));
		wdp_block_init(h->alg, state);
	} else if (h->key_len) {
		memcpy(b, key, h->key_len);
	}
	for (size_t i = 0; i < block; i++)
		b[i] ^= pad;
	wdp_block_run(h->alg, state, b, 1);
	wd_wipe(b, sizeof(b));
}

static int hmac_take(struct hmac_ctx *h)
{
	uint8_t state[WDP_BLOCK_STATE];

	if (!h->stream)
		h->stream = wdp_stream_new(h->prov);
	if (!h->stream)
		return -ENOMEM;
	h->streaming = true;
	hmac_keyed(h, 0x36, state);
	wdp_stream_begin(h->stream, OFFLOAD_HMAC, h->alg, state,
			 sec_digest_block(h->alg));
	wd_wipe(state, sizeof(state));
	return wdp_stream_update(h->stream, h->held, (size_t)h->total);
}

static int hmac_finish(struct hmac_ctx *h, uint8_t *out)
{
	size_t size = sec_digest_size(h->alg);
	uint8_t inner[WDP_BLOCK_STATE], state[WDP_BLOCK_STATE];
	int rc = wdp_stream_final(h->stream, inner);

	if (rc)
		return rc;
	hmac_keyed(h, 0x5c, state);
	wdp_block_final(h->alg, state, inner, size,
			sec_digest_block(h->alg) + size);
	memcpy(out, state, size);
	wd_wipe(inner, sizeof(inner));
	wd_wipe(state, sizeof(state));
	return 0;
}

/* ---- the message ------------------------------------------------------- */

static OSSL_FUNC_mac_update_fn hmac_update;
static int hmac_update(void *ctx, const unsigned char *in, size_t len)
{
	struct hmac_ctx *h = ctx;
	int rc = 0;

	if (!h->streaming && hmac_worth(h, len))
		rc = hmac_take(h);
	if (h->streaming) {
		if (!rc)
			rc = wdp_stream_update(h->stream, in, len);
		return wdp_ok(h->prov, rc);
	}
	if (len && len <= HMAC_HOLD && h->total <= HMAC_HOLD - len)
		memcpy(h->held + h->total, in, len);
	h->total += len;
	return h->soft->mac.update(h->twin, in, len);
}

static OSSL_FUNC_mac_final_fn hmac_final;
static int hmac_final(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size)
{
	struct hmac_ctx *h = ctx;

	if (!h->streaming)
		return h->soft->mac.final(h->twin, out, out_len, out_size);
	*out_len = sec_digest_size(h->alg);
	if (out_size < *out_len)
		return wdp_ok(h->prov, -ENOBUFS);
	return wdp_ok(h->prov, hmac_finish(h, out));
}

const OSSL_DISPATCH wdp_hmac_fns[] = {
	{ WDP_FN(MAC_NEWCTX, hmac_new) },
	{ WDP_FN(MAC_FREECTX, hmac_free) },
	{ WDP_FN(MAC_DUPCTX, hmac_dup) },
	{ WDP_FN(MAC_INIT, hmac_init) },
	{ WDP_FN(MAC_UPDATE, hmac_update) },
	{ WDP_FN(MAC_FINAL, hmac_final) },
	{ WDP_FN(MAC_GET_CTX_PARAMS, hmac_get_ctx_params) },
	{ WDP_FN(MAC_GETTABLE_CTX_PARAMS, wdp_tag_gettable) },
	{ WDP_FN(MAC_SET_CTX_PARAMS, hmac_set_ctx_params) },
	{ WDP_FN(MAC_SETTABLE_CTX_PARAMS, hmac_settable) },
	{ 0, NULL },
};
