/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_alone.h"

struct wdp_alone_exch {
	struct wdp_ctx *prov;
	EVP_PKEY_CTX *twin; /* NULL until init */
};

static OSSL_FUNC_keyexch_newctx_fn wdp_exch_new;
static void *wdp_exch_new(void *prov)
{
	struct wdp_alone_exch *x = calloc(1, sizeof(*x));

	if (x)
		x->prov = prov;
	return x;
}

static OSSL_FUNC_keyexch_freectx_fn wdp_exch_free;
static void wdp_exch_free(void *ctx)
{
	struct wdp_alone_exch *x = ctx;

	if (!x)
		return;
	EVP_PKEY_CTX_free(x->twin);
	free(x);
}

static OSSL_FUNC_keyexch_dupctx_fn wdp_exch_dup;
static void *wdp_exch_dup(void *ctx)
{
	const struct wdp_alone_exch *from = ctx;
	struct wdp_alone_exch *x = wdp_exch_new(from->prov);

	if (!x || !from->twin)
		return x;
	x->twin = EVP_PKEY_CTX_dup(from->twin);
	if (x->twin)
		return x;
	free(x);
	return NULL;
}

/* A KDF in this dress has no key, only its name. */
static EVP_PKEY_CTX *wdp_exch_twin(struct wdp_ctx *p, struct wdp_pkey *key)
{
	OSSL_LIB_CTX *libctx;

	if (key->spec->priv_param)
		return wdp_pkey_twin_ctx(key);
	libctx = wdp_twin(p);
	return libctx ? EVP_PKEY_CTX_new_from_name(libctx, key->spec->type,
						   NULL)
		      : NULL;
}

static OSSL_FUNC_keyexch_init_fn wdp_exch_init;
static int wdp_exch_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	struct wdp_alone_exch *x = ctx;
	struct wdp_alone_params buf;

	EVP_PKEY_CTX_free(x->twin);
	x->twin = wdp_exch_twin(x->prov, key);
	return x->twin && EVP_PKEY_derive_init_ex(
				  x->twin, wdp_alone_params(params, &buf)) > 0;
}

/* The application's libcrypto has checked the peer's key, if it is to be. */
static OSSL_FUNC_keyexch_set_peer_fn wdp_exch_set_peer;
static int wdp_exch_set_peer(void *ctx, void *key)
{
	struct wdp_alone_exch *x = ctx;
	EVP_PKEY *peer = wdp_pkey_twin(key);

	return x->twin && peer &&
	       EVP_PKEY_derive_set_peer_ex(x->twin, peer, 0) > 0;
}

static OSSL_FUNC_keyexch_derive_fn wdp_exch_derive;
static int wdp_exch_derive(void *ctx, unsigned char *secret, size_t *len,
			   size_t size)
{
	struct wdp_alone_exch *x = ctx;

	*len = size;
	return x->twin && EVP_PKEY_derive(x->twin, secret, len) > 0;
}

static OSSL_FUNC_keyexch_get_ctx_params_fn wdp_exch_get_params;
static int wdp_exch_get_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_alone_exch *x = ctx;

	return x->twin && EVP_PKEY_CTX_get_params(x->twin, params) > 0;
}

static OSSL_FUNC_keyexch_set_ctx_params_fn wdp_exch_set_params;
static int wdp_exch_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_exch *x = ctx;
	struct wdp_alone_params buf;

	return x->twin && EVP_PKEY_CTX_set_params(
				  x->twin, wdp_alone_params(params, &buf)) > 0;
}

/* Before init nobody knows which key exchange it will be. */
static const OSSL_PARAM wdp_exch_none[] = { OSSL_PARAM_END };

static OSSL_FUNC_keyexch_gettable_ctx_params_fn wdp_exch_gettable;
static const OSSL_PARAM *wdp_exch_gettable(void *ctx, void *prov)
{
	struct wdp_alone_exch *x = ctx;

	(void)prov;
	return x && x->twin ? EVP_PKEY_CTX_gettable_params(x->twin)
			    : wdp_exch_none;
}

static OSSL_FUNC_keyexch_settable_ctx_params_fn wdp_exch_settable;
static const OSSL_PARAM *wdp_exch_settable(void *ctx, void *prov)
{
	struct wdp_alone_exch *x = ctx;

	(void)prov;
	return x && x->twin ? EVP_PKEY_CTX_settable_params(x->twin)
			    : wdp_exch_none;
}

static const OSSL_DISPATCH wdp_exch_fns[] = {
	{ WDP_FN(KEYEXCH_NEWCTX, wdp_exch_new) },
	{ WDP_FN(KEYEXCH_FREECTX, wdp_exch_free) },
	{ WDP_FN(KEYEXCH_DUPCTX, wdp_exch_dup) },
	{ WDP_FN(KEYEXCH_INIT, wdp_exch_init) },
	{ WDP_FN(KEYEXCH_SET_PEER, wdp_exch_set_peer) },
	{ WDP_FN(KEYEXCH_DERIVE, wdp_exch_derive) },
	{ WDP_FN(KEYEXCH_GET_CTX_PARAMS, wdp_exch_get_params) },
	{ WDP_FN(KEYEXCH_SET_CTX_PARAMS, wdp_exch_set_params) },
	{ WDP_FN(KEYEXCH_GETTABLE_CTX_PARAMS, wdp_exch_gettable) },
	{ WDP_FN(KEYEXCH_SETTABLE_CTX_PARAMS, wdp_exch_settable) },
	{ 0, NULL },
};

/* The key says which it is, so all names share one table. */
const OSSL_ALGORITHM wdp_alone_exchanges[] = {
	WDP_ALONE_ROW("ECDH", wdp_exch_fns),
	WDP_ALONE_ROW(WDP_X25519_NAMES, wdp_exch_fns),
	WDP_ALONE_ROW(WDP_X448_NAMES, wdp_exch_fns),
	WDP_ALONE_ROW(WDP_DH_NAMES, wdp_exch_fns),
	WDP_ALONE_ROW("HKDF", wdp_exch_fns),
	WDP_ALONE_ROW("TLS1-PRF", wdp_exch_fns),
	WDP_ALONE_ROW(WDP_SCRYPT_NAMES, wdp_exch_fns),
	{ NULL, NULL, NULL, NULL },
};
