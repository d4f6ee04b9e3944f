/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_exch.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/wd_base.h"

void *wdp_exch_new(void *provctx)
{
	struct wdp_exch *x = calloc(1, sizeof(*x));

	if (x)
		x->prov = provctx;
	return x;
}

void wdp_exch_free(void *ctx)
{
	struct wdp_exch *x = ctx;

	if (!x)
		return;
	EVP_PKEY_CTX_free(x->twin);
	wdp_pkey_put(x->key);
	wdp_pkey_put(x->peer);
	free(x);
}

void *wdp_exch_dup(void *ctx)
{
	const struct wdp_exch *from = ctx;
	struct wdp_exch *x = malloc(sizeof(*x));

	if (!x)
		return NULL;
	*x = *from;
	x->twin = NULL;
	if (x->key)
		wdp_pkey_get(x->key);
	if (x->peer)
		wdp_pkey_get(x->peer);
	if (from->twin && !(x->twin = EVP_PKEY_CTX_dup(from->twin))) {
		wdp_exch_free(x);
		return NULL;
	}
	return x;
}

/* A KDF in this dress has no key, only its name. */
static EVP_PKEY_CTX *exch_twin_ctx(struct wdp_exch *x)
{
	OSSL_LIB_CTX *libctx;

	if (x->key->spec->priv_param)
		return wdp_pkey_twin_ctx(x->key);
	libctx = wdp_twin(x->prov);
	return libctx ? EVP_PKEY_CTX_new_from_name(libctx, x->key->spec->type,
						   NULL)
		      : NULL;
}

/* Its peer's key is checked by the application's libcrypto, if it is to be. */
static bool exch_tell_peer(struct wdp_exch *x)
{
	EVP_PKEY *peer;

	if (!x->peer || x->twin_knows_peer)
		return true;
	peer = wdp_pkey_twin(x->peer);
	x->twin_knows_peer =
		peer && EVP_PKEY_derive_set_peer_ex(x->twin, peer, 0) > 0;
	return x->twin_knows_peer;
}

EVP_PKEY_CTX *wdp_exch_twin(struct wdp_exch *x)
{
	if (!x->key)
		return NULL;
	if (!x->twin) {
		x->twin_knows_peer = false;
		x->twin = exch_twin_ctx(x);
		if (!x->twin || EVP_PKEY_derive_init(x->twin) <= 0) {
			EVP_PKEY_CTX_free(x->twin);
			x->twin = NULL;
			return NULL;
		}
	}
	return exch_tell_peer(x) ? x->twin : NULL;
}

int wdp_exch_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	struct wdp_exch *x = ctx;

	if (!x || !key)
		return 0;
	EVP_PKEY_CTX_free(x->twin);
	x->twin = NULL;
	wdp_pkey_put(x->peer);
	x->peer = NULL;
	wdp_pkey_put(x->key);
	x->key = wdp_pkey_get(key);
	return wdp_exch_set_params(x, params);
}

void wdp_exch_take_peer(struct wdp_exch *x, struct wdp_pkey *peer)
{
	wdp_pkey_get(peer);
	wdp_pkey_put(x->peer);
	x->peer = peer;
	x->twin_knows_peer = false;
}

int wdp_exch_set_peer(void *ctx, void *key)
{
	struct wdp_exch *x = ctx;
	struct wdp_pkey *old;

	if (!x || !x->key || !key)
		return 0;
	old = x->peer ? wdp_pkey_get(x->peer) : NULL;
	wdp_exch_take_peer(x, key);
	if (wdp_exch_twin(x)) {
		wdp_pkey_put(old);
		return 1;
	}
	wdp_pkey_put(x->peer);
	x->peer = old;
	return 0;
}

int wdp_exch_derive(void *ctx, unsigned char *secret, size_t *len, size_t size)
{
	struct wdp_exch *x = ctx;
	EVP_PKEY_CTX *twin = wdp_exch_twin(x);

	*len = size;
	return twin && EVP_PKEY_derive(twin, secret, len) > 0;
}

int wdp_exch_get_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_exch *x = ctx;
	EVP_PKEY_CTX *twin = x ? wdp_exch_twin(x) : NULL;

	return twin && EVP_PKEY_CTX_get_params(twin, params) > 0;
}

int wdp_exch_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_exch *x = ctx;
	EVP_PKEY_CTX *twin;
	OSSL_PARAM *made;
	int ok;

	if (!x)
		return 0;
	if (!params || !params->key)
		return 1;
	twin = wdp_exch_twin(x);
	if (!twin)
		return 0;
	params = wdp_pkey_params(params, &made);
	ok = params && EVP_PKEY_CTX_set_params(twin, params) > 0;
	free(made);
	return ok;
}

/* Before init nobody knows which key exchange it will be. */
static const OSSL_PARAM exch_none[] = { OSSL_PARAM_END };

const OSSL_PARAM *wdp_exch_gettable(void *ctx, void *provctx)
{
	struct wdp_exch *x = ctx;
	EVP_PKEY_CTX *twin = x ? wdp_exch_twin(x) : NULL;

	(void)provctx;
	return twin ? EVP_PKEY_CTX_gettable_params(twin) : exch_none;
}

const OSSL_PARAM *wdp_exch_settable(void *ctx, void *provctx)
{
	struct wdp_exch *x = ctx;
	EVP_PKEY_CTX *twin = x ? wdp_exch_twin(x) : NULL;

	(void)provctx;
	return twin ? EVP_PKEY_CTX_settable_params(twin) : exch_none;
}

/* ---- key derivation ------------------------------------------------------ */

bool wdp_exch_kdf_read(struct wdp_exch *x, struct wdp_exch_kdf *kdf)
{
	/* clang-format off */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE,
						 kdf->type, sizeof(kdf->type)),
		OSSL_PARAM_construct_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST,
						 kdf->digest,
						 sizeof(kdf->digest)),
		OSSL_PARAM_construct_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN,
					    &kdf->len),
		OSSL_PARAM_construct_octet_ptr(OSSL_EXCHANGE_PARAM_KDF_UKM,
					       &kdf->ukm, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_CEK_ALG,
						 kdf->cek, sizeof(kdf->cek)),
		OSSL_PARAM_construct_end(),
	};
	/* clang-format on */
	EVP_PKEY_CTX *twin = wdp_exch_twin(x);

	memset(kdf, 0, sizeof(*kdf));
	if (!twin || EVP_PKEY_CTX_get_params(twin, params) <= 0)
		return false;
	kdf->ukm_len = kdf->ukm ? params[3].return_size : 0;
	return true;
}

/* What goes into the digest beside the secret is "ukm" to X9.42's, "info" to
 * X9.63's; each ignores the other's name for it. */
int wdp_exch_kdf_run(struct wdp_ctx *p, const struct wdp_exch_kdf *kdf,
		     const uint8_t *z, size_t z_len, uint8_t *out)
{
	OSSL_PARAM params[6], *a = params;
	EVP_KDF_CTX *ctx = NULL;
	EVP_KDF *fetched;
	int ok = 0;

	*a++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						(char *)kdf->digest, 0);
	*a++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)z,
						 z_len);
	*a++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_CEK_ALG,
						(char *)kdf->cek, 0);
	if (kdf->ukm) {
		*a++ = OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_UKM, kdf->ukm, kdf->ukm_len);
		*a++ = OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, kdf->ukm, kdf->ukm_len);
	}
	*a = OSSL_PARAM_construct_end();

	fetched = EVP_KDF_fetch(wdp_twin(p), kdf->type, NULL);
	if (fetched)
		ctx = EVP_KDF_CTX_new(fetched);
	if (ctx)
		ok = EVP_KDF_derive(ctx, out, kdf->len, params) > 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(fetched);
	return ok;
}
