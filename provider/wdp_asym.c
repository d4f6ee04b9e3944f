/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_asym.h"

#include <stdlib.h>
#include <string.h>

/* ---- the context --------------------------------------------------------- */

void *wdp_asym_new(void *provctx, const struct wdp_asym_ops *ops)
{
	struct wdp_asym *a = calloc(1, ops->size);

	if (!a)
		return NULL;
	a->ops = ops;
	a->prov = provctx;
	return a;
}

void wdp_asym_free(void *ctx)
{
	struct wdp_asym *a = ctx;

	if (!a)
		return;
	EVP_MD_CTX_free(a->scratch);
	EVP_PKEY_CTX_free(a->twin);
	wdp_pkey_put(a->key);
	free(a);
}

void *wdp_asym_dup(void *ctx)
{
	const struct wdp_asym *a = ctx;
	struct wdp_asym *copy = malloc(a->ops->size);

	if (!copy)
		return NULL;
	memcpy(copy, a, a->ops->size);
	copy->scratch = NULL;
	copy->twin = NULL;
	copy->known = false; /* what was read may be the other twin's memory */
	if (a->key)
		wdp_pkey_get(a->key);
	if (a->twin && !(copy->twin = EVP_PKEY_CTX_dup(a->twin))) {
		wdp_asym_free(copy);
		return NULL;
	}
	return copy;
}

EVP_MD_CTX *wdp_asym_scratch(struct wdp_asym *a)
{
	if (!a->scratch)
		a->scratch = EVP_MD_CTX_new();
	return a->scratch;
}

/* ---- parameters ---------------------------------------------------------- */

bool wdp_asym_known(struct wdp_asym *a)
{
	if (!a->known)
		a->known = a->twin && a->ops->read(a);
	return a->known;
}

int wdp_asym_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_asym *a = ctx;
	OSSL_PARAM *made;
	int ok;

	if (!a)
		return 0;
	if (!params)
		return 1;
	if (!a->twin)
		return 0;
	a->known = false;
	params = wdp_pkey_params(params, &made);
	ok = params && EVP_PKEY_CTX_set_params(a->twin, params) > 0;
	free(made);
	return ok;
}

int wdp_asym_get_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_asym *a = ctx;

	return a && a->twin && EVP_PKEY_CTX_get_params(a->twin, params) > 0;
}

const OSSL_PARAM *wdp_asym_gettable(const struct wdp_asym *a,
				    const struct wdp_asym_ops *ops)
{
	return a && a->twin ? EVP_PKEY_CTX_gettable_params(a->twin)
			    : ops->gettables;
}

const OSSL_PARAM *wdp_asym_settable(const struct wdp_asym *a,
				    const struct wdp_asym_ops *ops)
{
	return a && a->twin ? EVP_PKEY_CTX_settable_params(a->twin)
			    : ops->settables;
}

/* ---- init ---------------------------------------------------------------- */

int wdp_asym_init(struct wdp_asym *a, struct wdp_pkey *k,
		  const OSSL_PARAM params[],
		  int (*init)(EVP_PKEY_CTX *ctx, const OSSL_PARAM params[]))
{
	EVP_PKEY_CTX *twin;

	if (!a || !k)
		return 0;
	twin = wdp_pkey_twin_ctx(k);
	if (!twin)
		return 0;
	EVP_PKEY_CTX_free(a->twin);
	a->twin = twin;
	wdp_pkey_get(k);
	wdp_pkey_put(a->key);
	a->key = k;
	a->known = false;
	return init(a->twin, NULL) > 0 && wdp_asym_set_params(a, params);
}
