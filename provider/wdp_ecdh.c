/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDH.  The device multiplies; what it gave is held against the curve before
 * anything of it leaves.  A key, a length or a mode that is not plainly for the
 * device goes to the twin as a whole, with the parameters kept here.
 *
 * Cofactor Diffie-Hellman and the plain one are the same on every curve the
 * engine does, since their cofactor is 1.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/wd_base.h"
#include "provider/wdp_ec.h"

#define ECDH_NAME_MAX 80 /* bytes of a name, as libcrypto takes them */

struct wdp_ecdh {
	struct wdp_ctx *prov;
	struct wdp_pkey *key, *peer;
	int cofactor; /* 0, 1; -1: as the key says */
	bool kdf;     /* X9.63, else none */
	const EVP_MD *md;
	size_t kdf_len, ukm_len;
	uint8_t *ukm;
};

static OSSL_FUNC_keyexch_newctx_fn ecdh_new;
static OSSL_FUNC_keyexch_freectx_fn ecdh_free;
static OSSL_FUNC_keyexch_dupctx_fn ecdh_dup;
static OSSL_FUNC_keyexch_init_fn ecdh_init;
static OSSL_FUNC_keyexch_set_peer_fn ecdh_set_peer;
static OSSL_FUNC_keyexch_derive_fn ecdh_derive;
static OSSL_FUNC_keyexch_get_ctx_params_fn ecdh_get_params;
static OSSL_FUNC_keyexch_gettable_ctx_params_fn ecdh_gettable;
static OSSL_FUNC_keyexch_set_ctx_params_fn ecdh_set_params;
static OSSL_FUNC_keyexch_settable_ctx_params_fn ecdh_settable;

/* ---- the context ------------------------------------------------------------ */

static void *ecdh_new(void *provctx)
{
	struct wdp_ecdh *x = calloc(1, sizeof(*x));

	if (x) {
		x->prov = provctx;
		x->cofactor = -1;
	}
	return x;
}

static void ecdh_drop_ukm(struct wdp_ecdh *x)
{
	if (x->ukm)
		wd_wipe(x->ukm, x->ukm_len);
	free(x->ukm);
	x->ukm = NULL;
	x->ukm_len = 0;
}

static void ecdh_free(void *ctx)
{
	struct wdp_ecdh *x = ctx;

	if (!x)
		return;
	wdp_pkey_put(x->key);
	wdp_pkey_put(x->peer);
	ecdh_drop_ukm(x);
	free(x);
}

static void *ecdh_dup(void *ctx)
{
	const struct wdp_ecdh *x = ctx;
	struct wdp_ecdh *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *x;
	copy->ukm = NULL;
	if (x->key)
		wdp_pkey_get(x->key);
	if (x->peer)
		wdp_pkey_get(x->peer);
	if (!x->ukm)
		return copy;
	copy->ukm = malloc(x->ukm_len);
	if (!copy->ukm) {
		ecdh_free(copy);
		return NULL;
	}
	memcpy(copy->ukm, x->ukm, x->ukm_len);
	return copy;
}

static int ecdh_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	struct wdp_ecdh *x = ctx;

	if (!x || !key)
		return 0;
	wdp_pkey_get(key);
	wdp_pkey_put(x->key);
	x->key = key;
	x->cofactor = -1;
	x->kdf = false;
	return ecdh_set_params(x, params);
}

/* ---- parameters ---------------------------------------------------------------- */

static bool ecdh_set_cofactor(struct wdp_ecdh *x, const OSSL_PARAM *p)
{
	int mode;

	if (!OSSL_PARAM_get_int(p, &mode) || mode < -1 || mode > 1)
		return false;
	x->cofactor = mode;
	return true;
}

static bool ecdh_set_kdf(struct wdp_ecdh *x, const OSSL_PARAM *p)
{
	char text[ECDH_NAME_MAX] = "", *name = text;

	if (!OSSL_PARAM_get_utf8_string(p, &name, sizeof(text)) ||
	    (*name && strcmp(name, OSSL_KDF_NAME_X963KDF)))
		return false;
	x->kdf = *name;
	return true;
}

static bool ecdh_set_md(struct wdp_ecdh *x, const OSSL_PARAM *p)
{
	char text[ECDH_NAME_MAX] = "", *name = text;

	if (!OSSL_PARAM_get_utf8_string(p, &name, sizeof(text)))
		return false;
	x->md = wdp_twin_md(x->prov, name);
	return x->md;
}

static bool ecdh_set_kdf_len(struct wdp_ecdh *x, const OSSL_PARAM *p)
{
	return OSSL_PARAM_get_size_t(p, &x->kdf_len);
}

static bool ecdh_set_ukm(struct wdp_ecdh *x, const OSSL_PARAM *p)
{
	if (p->data_type != OSSL_PARAM_OCTET_STRING)
		return false;
	ecdh_drop_ukm(x);
	if (!p->data || !p->data_size)
		return true;
	x->ukm = malloc(p->data_size);
	if (!x->ukm)
		return false;
	memcpy(x->ukm, p->data, p->data_size);
	x->ukm_len = p->data_size;
	return true;
}

static const struct {
	const char *key;
	bool (*set)(struct wdp_ecdh *x, const OSSL_PARAM *p);
} ecdh_setters[] = {
	{ OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, ecdh_set_cofactor },
	{ OSSL_EXCHANGE_PARAM_KDF_TYPE, ecdh_set_kdf },
	{ OSSL_EXCHANGE_PARAM_KDF_DIGEST, ecdh_set_md },
	{ OSSL_EXCHANGE_PARAM_KDF_OUTLEN, ecdh_set_kdf_len },
	{ OSSL_EXCHANGE_PARAM_KDF_UKM, ecdh_set_ukm },
};

static int ecdh_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_ecdh *x = ctx;

	for (size_t i = 0; params && i < WD_ARRAY_SIZE(ecdh_setters); i++) {
		const OSSL_PARAM *p =
			OSSL_PARAM_locate_const(params, ecdh_setters[i].key);

		if (p && !ecdh_setters[i].set(x, p))
			return 0;
	}
	return 1;
}

/* What the key says of it, where the context says nothing. */
static int ecdh_cofactor(const struct wdp_ecdh *x)
{
	EVP_PKEY *twin;
	int mode = 0;

	if (x->cofactor != -1 || !x->key)
		return x->cofactor == -1 ? 0 : x->cofactor;
	twin = wdp_pkey_twin(x->key);
	if (twin)
		EVP_PKEY_get_int_param(twin, OSSL_PKEY_PARAM_USE_COFACTOR_ECDH,
				       &mode);
	return mode;
}

static int ecdh_get_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_ecdh *x = ctx;
	OSSL_PARAM *p;

	if (!x)
		return 0;
	p = OSSL_PARAM_locate(params,
			      OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE);
	if (p && !OSSL_PARAM_set_int(p, ecdh_cofactor(x)))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
	if (p &&
	    !OSSL_PARAM_set_utf8_string(p, x->kdf ? OSSL_KDF_NAME_X963KDF : ""))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
	if (p && !OSSL_PARAM_set_utf8_string(p, x->md ? EVP_MD_get0_name(x->md)
						      : ""))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
	if (p && !OSSL_PARAM_set_size_t(p, x->kdf_len))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
	return !p || OSSL_PARAM_set_octet_ptr(p, x->ukm, x->ukm_len);
}

/* clang-format off */
#define ECDH_PARAMS                                                            \
	OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),       \
	OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),         \
	OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),       \
	OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL)

static const OSSL_PARAM ecdh_gettables[] = {
	ECDH_PARAMS,
	OSSL_PARAM_DEFN(OSSL_EXCHANGE_PARAM_KDF_UKM, OSSL_PARAM_OCTET_PTR,
			NULL, 0),
	OSSL_PARAM_END,
};

static const OSSL_PARAM ecdh_settables[] = {
	ECDH_PARAMS,
	OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS, NULL, 0),
	OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
	OSSL_PARAM_END,
};
/* clang-format on */

static const OSSL_PARAM *ecdh_gettable(void *ctx, void *provctx)
{
	(void)ctx;
	(void)provctx;
	return ecdh_gettables;
}

static const OSSL_PARAM *ecdh_settable(void *ctx, void *provctx)
{
	(void)ctx;
	(void)provctx;
	return ecdh_settables;
}

/* ---- the peer ---------------------------------------------------------------------- */

static bool ecdh_same_curve(struct wdp_pkey *a, struct wdp_pkey *b)
{
	const struct wdp_ec *x = wdp_ec_dev(a), *y = wdp_ec_dev(b);
	EVP_PKEY *xt, *yt;

	if (x && y && x->curve && y->curve && x->curve->nid)
		return x->curve->nid == y->curve->nid;
	xt = wdp_pkey_twin(a);
	yt = wdp_pkey_twin(b);
	return xt && yt && EVP_PKEY_parameters_eq(xt, yt) == 1;
}

/* libcrypto has validated the point, if it is to be: wdp_pkey.c. */
static int ecdh_set_peer(void *ctx, void *key)
{
	struct wdp_ecdh *x = ctx;

	if (!x || !key || !x->key)
		return 0;
	if (!ecdh_same_curve(x->key, key)) {
		wdp_raise(x->prov, WDP_R_BAD_KEY,
			  "the peer's key is of another curve");
		return 0;
	}
	wdp_pkey_get(key);
	wdp_pkey_put(x->peer);
	x->peer = key;
	return 1;
}

/* ---- in software ---------------------------------------------------------------------- */

static bool ecdh_twin_set(const struct wdp_ecdh *x, EVP_PKEY_CTX *twin)
{
	int cofactor = x->cofactor;
	size_t len = x->kdf_len, n = 0;
	OSSL_PARAM params[6];

	params[n++] = OSSL_PARAM_construct_int(
		OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, &cofactor);
	if (x->kdf)
		params[n++] = OSSL_PARAM_construct_utf8_string(
			OSSL_EXCHANGE_PARAM_KDF_TYPE,
			(char *)OSSL_KDF_NAME_X963KDF, 0);
	if (x->md)
		params[n++] = OSSL_PARAM_construct_utf8_string(
			OSSL_EXCHANGE_PARAM_KDF_DIGEST,
			(char *)EVP_MD_get0_name(x->md), 0);
	if (x->kdf)
		params[n++] = OSSL_PARAM_construct_size_t(
			OSSL_EXCHANGE_PARAM_KDF_OUTLEN, &len);
	if (x->ukm)
		params[n++] = OSSL_PARAM_construct_octet_string(
			OSSL_EXCHANGE_PARAM_KDF_UKM, x->ukm, x->ukm_len);
	params[n] = OSSL_PARAM_construct_end();
	return EVP_PKEY_CTX_set_params(twin, params) > 0;
}

static int ecdh_software(struct wdp_ecdh *x, uint8_t *secret, size_t *len,
			 size_t size)
{
	EVP_PKEY *peer = wdp_pkey_twin(x->peer);
	EVP_PKEY_CTX *twin = wdp_pkey_twin_ctx(x->key);
	int ok;

	*len = size;
	ok = twin && peer && EVP_PKEY_derive_init(twin) > 0 &&
	     ecdh_twin_set(x, twin) &&
	     EVP_PKEY_derive_set_peer_ex(twin, peer, 0) > 0 &&
	     EVP_PKEY_derive(twin, secret, len) > 0;
	EVP_PKEY_CTX_free(twin);
	return ok;
}

/* ---- on the device ------------------------------------------------------------------------ */

/* X9.63 (SEC 1, 3.6.1) of the shared secret. */
static bool ecdh_kdf(const struct wdp_ecdh *x, uint8_t *out, uint8_t *z,
		     size_t z_len)
{
	OSSL_LIB_CTX *libctx = wdp_twin(x->prov);
	EVP_KDF_CTX *ctx = NULL;
	OSSL_PARAM params[4];
	EVP_KDF *kdf;
	size_t n = 0;
	bool ok;

	kdf = libctx ? EVP_KDF_fetch(libctx, OSSL_KDF_NAME_X963KDF, NULL)
		     : NULL;
	if (kdf)
		ctx = EVP_KDF_CTX_new(kdf);
	params[n++] = OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, (char *)EVP_MD_get0_name(x->md), 0);
	params[n++] =
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, z, z_len);
	if (x->ukm)
		params[n++] = OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, x->ukm, x->ukm_len);
	params[n] = OSSL_PARAM_construct_end();
	ok = ctx && EVP_KDF_derive(ctx, out, x->kdf_len, params) > 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

struct ecdh_room {
	uint8_t q[2 * WDP_EC_WIDTH_MAX], z[2 * WDP_EC_WIDTH_MAX];
};

static int ecdh_finish(const struct wdp_ecdh *x, const struct wdp_curve *c,
		       uint8_t *secret, uint8_t *z)
{
	size_t skip = c->width - c->field_len;

	if (x->kdf)
		return ecdh_kdf(x, secret, z + skip, c->field_len) ? 0
								   : -EINVAL;
	memcpy(secret, z + skip, c->field_len);
	return 0;
}

/* Return: 0; WDP_IN_SOFTWARE; -errno, error raised. */
static int ecdh_device(struct wdp_ecdh *x, const struct wdp_ec *e,
		       const struct wdp_ec *peer, uint8_t *secret)
{
	const struct wdp_curve *c = e->curve;
	struct ecdh_room stack, *r;
	struct offload_waiter *w;
	int rc;

	r = (void *)wdp_waiter_room(x->prov, (uint8_t *)&stack, sizeof(stack),
				    &w);
	memcpy(r->q, peer->x, c->width);
	memcpy(r->q + c->width, peer->y, c->width);
	rc = wdp_ec_mul(x->prov, c, wdp_ec_block(x->key, OFFLOAD_ECDH), r->q,
			r->z, w);
	if (rc)
		rc = wdp_software_may(x->prov, OFFLOAD_ECDH, rc)
			     ? WDP_IN_SOFTWARE
			     : rc;
	else
		rc = ecdh_finish(x, c, secret, r->z);
	wd_wipe(r, sizeof(*r));
	wdp_waiter_release(w);
	return rc;
}

static int ecdh_derive(void *ctx, unsigned char *secret, size_t *len,
		       size_t size)
{
	struct wdp_ecdh *x = ctx;
	const struct wdp_ec *e, *peer;
	int rc = WDP_IN_SOFTWARE;
	size_t need;

	if (!x->key || !x->peer) {
		wdp_raise(x->prov, WDP_R_NO_KEY, NULL);
		return 0;
	}
	e = wdp_ec_dev(x->key);
	peer = wdp_ec_dev(x->peer);
	if (!e || !peer || !e->curve || !peer->curve || !peer->has_pub ||
	    (x->kdf && !x->md))
		goto software;
	need = x->kdf ? x->kdf_len : e->curve->field_len;
	if (!secret) {
		*len = need;
		return 1;
	}
	if (size < need || !wdp_ec_offloads(x->key, OFFLOAD_ECDH))
		goto software;
	rc = ecdh_device(x, e, peer, secret);
	if (rc == WDP_IN_SOFTWARE)
		goto software;
	*len = need;
	return !rc;

software:
	return ecdh_software(x, secret, len, size);
}

const OSSL_DISPATCH wdp_ecdh_keyexch_fns[] = {
	{ WDP_FN(KEYEXCH_NEWCTX, ecdh_new) },
	{ WDP_FN(KEYEXCH_FREECTX, ecdh_free) },
	{ WDP_FN(KEYEXCH_DUPCTX, ecdh_dup) },
	{ WDP_FN(KEYEXCH_INIT, ecdh_init) },
	{ WDP_FN(KEYEXCH_SET_PEER, ecdh_set_peer) },
	{ WDP_FN(KEYEXCH_DERIVE, ecdh_derive) },
	{ WDP_FN(KEYEXCH_GET_CTX_PARAMS, ecdh_get_params) },
	{ WDP_FN(KEYEXCH_GETTABLE_CTX_PARAMS, ecdh_gettable) },
	{ WDP_FN(KEYEXCH_SET_CTX_PARAMS, ecdh_set_params) },
	{ WDP_FN(KEYEXCH_SETTABLE_CTX_PARAMS, ecdh_settable) },
	{ 0, NULL },
};
