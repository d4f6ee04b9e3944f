/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDH.  The device multiplies; what it gave is held against the curve before
 * anything of it leaves.  A key, a length or a mode that is not plainly for the
 * device goes to the twin as a whole (wdp_exch.h).
 *
 * Cofactor Diffie-Hellman and the plain one are the same on every curve the
 * engine does, since their cofactor is 1.
 */
#include <string.h>

#include "base/wd_base.h"
#include "provider/wdp_ec.h"
#include "provider/wdp_exch.h"

static OSSL_FUNC_keyexch_set_peer_fn ecdh_set_peer;
static OSSL_FUNC_keyexch_derive_fn ecdh_derive;
static OSSL_FUNC_keyexch_gettable_ctx_params_fn ecdh_gettable;
static OSSL_FUNC_keyexch_settable_ctx_params_fn ecdh_settable;

/* ---- parameters ------------------------------------------------------------ */

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

/* ---- the peer -------------------------------------------------------------- */

static bool ecdh_on_device(const struct wdp_ec *e)
{
	return e && e->curve;
}

static bool ecdh_same_curve(const struct wdp_ec *a, const struct wdp_ec *b)
{
	return a->curve->nid && a->curve->nid == b->curve->nid;
}

/* Equal named curves are seen here; of all else the twin is the judge.
 * libcrypto has validated the point, if it is to be. */
static int ecdh_set_peer(void *ctx, void *key)
{
	const struct wdp_ec *mine, *peer;
	struct wdp_exch *x = ctx;

	if (!x || !x->key || !key)
		return 0;
	mine = wdp_ec_dev(x->key);
	peer = wdp_ec_dev(key);
	if (!ecdh_on_device(mine) || !ecdh_on_device(peer) ||
	    !ecdh_same_curve(mine, peer))
		return wdp_exch_set_peer(x, key);
	wdp_exch_take_peer(x, key);
	return 1;
}

/* ---- the secret ------------------------------------------------------------ */

/* What must not be found on the stack of a dropped job. */
struct ecdh_room {
	uint8_t q[2 * WDP_EC_WIDTH_MAX], z[2 * WDP_EC_WIDTH_MAX];
};

static int ecdh_multiply(struct wdp_exch *x, const struct wdp_ec *e,
			 const struct wdp_ec *peer, struct ecdh_room *r,
			 struct offload_waiter *w)
{
	const struct wdp_curve *c = e->curve;
	int rc;

	memcpy(r->q, peer->x, c->width);
	memcpy(r->q + c->width, peer->y, c->width);
	rc = wdp_ec_mul(x->prov, c, wdp_ec_block(x->key, OFFLOAD_ECDH), r->q,
			r->z, w);
	if (!rc)
		return 0;
	return wdp_software_may(x->prov, OFFLOAD_ECDH, rc) ? WDP_IN_SOFTWARE
							   : rc;
}

static int ecdh_finish(const struct wdp_exch *x, const struct wdp_curve *c,
		       const struct wdp_exch_kdf *kdf, const uint8_t *z,
		       uint8_t *secret)
{
	z += c->width - c->field_len;
	if (*kdf->type)
		return wdp_exch_kdf_run(x->prov, kdf, z, c->field_len, secret);
	memcpy(secret, z, c->field_len);
	return 1;
}

/* Return: 1; 0, error raised; -1: nothing done, software is to. */
static int ecdh_device(struct wdp_exch *x, const struct wdp_ec *e,
		       const struct wdp_ec *peer,
		       const struct wdp_exch_kdf *kdf, uint8_t *secret)
{
	struct offload_waiter *w;
	struct ecdh_room *r;
	int rc, ok = 0;

	if (!wdp_ec_offloads(x->key, OFFLOAD_ECDH))
		return -1;
	r = wdp_room_get(x->prov, sizeof(*r), &w);
	if (!r)
		return -1;
	rc = ecdh_multiply(x, e, peer, r, w);
	if (!rc)
		ok = ecdh_finish(x, e->curve, kdf, r->z, secret);
	wdp_room_put(x->prov, r, sizeof(*r), w);
	return rc == WDP_IN_SOFTWARE ? -1 : ok;
}

static int ecdh_derive(void *ctx, unsigned char *secret, size_t *len,
		       size_t size)
{
	const struct wdp_ec *e = NULL, *peer = NULL;
	struct wdp_exch_kdf kdf = { .type = "" };
	struct wdp_exch *x = ctx;
	size_t need;
	int ok = -1;

	if (x->key && x->peer) {
		e = wdp_ec_dev(x->key);
		peer = wdp_ec_dev(x->peer);
	}
	/* What is missing, and lengths, are the twin's to complain of.  Without
	 * a twin nobody has set a parameter. */
	if (!ecdh_on_device(e) || !ecdh_on_device(peer) || !peer->has_pub ||
	    (x->twin && !wdp_exch_kdf_read(x, &kdf)))
		return wdp_exch_derive(x, secret, len, size);
	need = *kdf.type ? kdf.len : e->curve->field_len;
	if (secret && size >= need)
		ok = ecdh_device(x, e, peer, &kdf, secret);
	else if (!secret)
		ok = 1;
	if (ok < 0)
		return wdp_exch_derive(x, secret, len, size);
	*len = need;
	return ok;
}

const OSSL_DISPATCH wdp_ecdh_keyexch_fns[] = {
	{ WDP_FN(KEYEXCH_SET_PEER, ecdh_set_peer) },
	{ WDP_FN(KEYEXCH_DERIVE, ecdh_derive) },
	{ WDP_FN(KEYEXCH_GETTABLE_CTX_PARAMS, ecdh_gettable) },
	{ WDP_FN(KEYEXCH_SETTABLE_CTX_PARAMS, ecdh_settable) },
	WDP_EXCH_FNS,
};
