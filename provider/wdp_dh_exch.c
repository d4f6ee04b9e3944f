/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DH key exchange: the raw secret on the device, bare or through the KDF of
 * X9.42, which runs in the private context.
 */
#include "provider/wdp_dh.h"

#include <string.h>

#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/wd_base.h"
#include "provider/wdp_exch.h"

static OSSL_FUNC_keyexch_set_ctx_params_fn dh_set_params;
static int dh_set_params(void *ctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *a;
	struct wdp_exch *x = ctx;
	unsigned int pad;

	if (!wdp_exch_set_params(ctx, params))
		return 0;
	a = params ? OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_PAD)
		   : NULL;
	if (a && OSSL_PARAM_get_uint(a, &pad))
		x->pad = pad;
	return 1;
}

static OSSL_FUNC_keyexch_init_fn dh_init;
static int dh_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return wdp_exch_init(ctx, key, NULL) && dh_set_params(ctx, params);
}

/* The whole of it is looked at, for whoever measures time. */
static size_t dh_strip(uint8_t *to, const uint8_t *z, size_t len)
{
	size_t zeros = 0, leading = 1;

	for (size_t i = 0; i < len; i++) {
		leading &= !z[i];
		zeros += leading;
	}
	memcpy(to, z + zeros, len - zeros);
	memset(to + len - zeros, 0, zeros);
	return len - zeros;
}

static int dh_finish(struct wdp_exch *x, const struct wdp_exch_kdf *kdf,
		     const uint8_t *z, uint8_t *secret, size_t *len)
{
	if (*kdf->type) {
		*len = kdf->len;
		return wdp_exch_kdf_run(x->prov, kdf, z, x->key->size, secret);
	}
	*len = x->key->size;
	if (x->pad)
		memcpy(secret, z, *len);
	else
		*len = dh_strip(secret, z, *len);
	return 1;
}

static OSSL_FUNC_keyexch_derive_fn dh_derive;
static int dh_derive(void *ctx, unsigned char *secret, size_t *len, size_t size)
{
	struct wdp_exch *x = ctx;
	uint8_t z[HPRE_WIDTH_MAX];
	struct wdp_exch_kdf kdf;
	int rc, ok;

	/* Lengths, and what is missing, are the twin's to complain of. */
	if (!secret || !x->key || !x->peer || !wdp_exch_kdf_read(x, &kdf) ||
	    size < (*kdf.type ? kdf.len : x->key->size))
		return wdp_exch_derive(ctx, secret, len, size);
	rc = wdp_dh_derive(x->key, x->peer, z);
	if (rc == WDP_IN_SOFTWARE)
		return wdp_exch_derive(ctx, secret, len, size);
	if (rc)
		return 0;
	ok = dh_finish(x, &kdf, z, secret, len);
	wd_wipe(z, sizeof(z));
	return ok;
}

/* clang-format off */
static const OSSL_PARAM dh_settables[] = {
	OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_PAD, NULL),
	OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS, NULL, 0),
	OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
	OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_CEK_ALG, NULL, 0),
	OSSL_PARAM_END,
};

static const OSSL_PARAM dh_gettables[] = {
	OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
	OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
	OSSL_PARAM_DEFN(OSSL_EXCHANGE_PARAM_KDF_UKM, OSSL_PARAM_OCTET_PTR,
			NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_CEK_ALG, NULL, 0),
	OSSL_PARAM_END,
};
/* clang-format on */

static OSSL_FUNC_keyexch_settable_ctx_params_fn dh_settable;
static const OSSL_PARAM *dh_settable(void *ctx, void *provctx)
{
	(void)ctx;
	(void)provctx;
	return dh_settables;
}

static OSSL_FUNC_keyexch_gettable_ctx_params_fn dh_gettable;
static const OSSL_PARAM *dh_gettable(void *ctx, void *provctx)
{
	(void)ctx;
	(void)provctx;
	return dh_gettables;
}

const OSSL_DISPATCH wdp_dh_exchange_fns[] = {
	{ WDP_FN(KEYEXCH_INIT, dh_init) },
	{ WDP_FN(KEYEXCH_DERIVE, dh_derive) },
	{ WDP_FN(KEYEXCH_SET_CTX_PARAMS, dh_set_params) },
	{ WDP_FN(KEYEXCH_SETTABLE_CTX_PARAMS, dh_settable) },
	{ WDP_FN(KEYEXCH_GETTABLE_CTX_PARAMS, dh_gettable) },
	WDP_EXCH_FNS,
};
