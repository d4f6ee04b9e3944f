/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_exch.h - key exchange: two keys, and a context of the twin that takes the
 * parameters and does what the device does not.
 *
 *	init, set_peer ──▶ struct wdp_exch ── device ──▶ raw secret
 *				  └─ twin, on demand ──▶ everything else
 *
 * The functions are those of OSSL_OP_KEYEXCH and serve every type; a type that
 * is offloaded has its own derive, and whatever else it does by itself.  A
 * context belongs to one thread at a time.
 */
#ifndef WDP_EXCH_H
#define WDP_EXCH_H

#include "provider/wdp_pkey.h"

struct wdp_exch {
	struct wdp_ctx *prov;
	struct wdp_pkey *key, *peer; /* NULL until init, set_peer */
	EVP_PKEY_CTX *twin;	     /* NULL: nothing asked of it yet */
	bool twin_knows_peer;
	bool pad; /* DH: leading zeros stay */
};

void *wdp_exch_new(void *provctx);
void wdp_exch_free(void *ctx);
void *wdp_exch_dup(void *ctx);
int wdp_exch_init(void *ctx, void *key, const OSSL_PARAM params[]);
/* The twin looks at the peer's key at once, and refuses what does not match. */
int wdp_exch_set_peer(void *ctx, void *key);
/* All of it in the twin; @size as libcrypto gives it. */
int wdp_exch_derive(void *ctx, unsigned char *secret, size_t *len, size_t size);
int wdp_exch_get_params(void *ctx, OSSL_PARAM params[]);
int wdp_exch_set_params(void *ctx, const OSSL_PARAM params[]);
const OSSL_PARAM *wdp_exch_gettable(void *ctx, void *provctx);
const OSSL_PARAM *wdp_exch_settable(void *ctx, void *provctx);

/* Take @peer without asking the twin. */
void wdp_exch_take_peer(struct wdp_exch *x, struct wdp_pkey *peer);

/* The twin's context, with keys and parameters as here.  NULL: no key, or it
 * refuses one; error raised. */
EVP_PKEY_CTX *wdp_exch_twin(struct wdp_exch *x);

/* What the twin's KDF was told; @ukm is the twin's memory. */
#define WDP_EXCH_NAME_MAX 80
struct wdp_exch_kdf {
	char type[WDP_EXCH_NAME_MAX]; /* "": there is none */
	char digest[WDP_EXCH_NAME_MAX], cek[WDP_EXCH_NAME_MAX];
	size_t len; /* bytes it makes */
	void *ukm;
	size_t ukm_len;
};

/* False: the twin refuses a key, error raised. */
bool wdp_exch_kdf_read(struct wdp_exch *x, struct wdp_exch_kdf *kdf);

/* Make kdf->len bytes of the raw secret @z.  Return: 1 or 0, error raised. */
int wdp_exch_kdf_run(struct wdp_ctx *p, const struct wdp_exch_kdf *kdf,
		     const uint8_t *z, size_t z_len, uint8_t *out);

/* clang-format off */
/* All of a type's functions but derive, which goes before them. */
#define WDP_EXCH_FNS                                                           \
	{ WDP_FN(KEYEXCH_NEWCTX, wdp_exch_new) },                              \
	{ WDP_FN(KEYEXCH_FREECTX, wdp_exch_free) },                            \
	{ WDP_FN(KEYEXCH_DUPCTX, wdp_exch_dup) },                              \
	{ WDP_FN(KEYEXCH_INIT, wdp_exch_init) },                               \
	{ WDP_FN(KEYEXCH_SET_PEER, wdp_exch_set_peer) },                       \
	{ WDP_FN(KEYEXCH_GET_CTX_PARAMS, wdp_exch_get_params) },               \
	{ WDP_FN(KEYEXCH_SET_CTX_PARAMS, wdp_exch_set_params) },               \
	{ WDP_FN(KEYEXCH_GETTABLE_CTX_PARAMS, wdp_exch_gettable) },            \
	{ WDP_FN(KEYEXCH_SETTABLE_CTX_PARAMS, wdp_exch_settable) },            \
	{ 0, NULL }
/* clang-format on */

#endif
