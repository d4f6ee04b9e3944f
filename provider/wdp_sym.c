/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_sym.h"

#include <errno.h>

static const OSSL_PARAM gettable[] = {
	OSSL_PARAM_uint(OSSL_CIPHER_PARAM_MODE, NULL),
	OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
	OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
	OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_BLOCK_SIZE, NULL),
	OSSL_PARAM_int(OSSL_CIPHER_PARAM_AEAD, NULL),
	OSSL_PARAM_int(OSSL_CIPHER_PARAM_CUSTOM_IV, NULL),
	OSSL_PARAM_int(OSSL_CIPHER_PARAM_CTS, NULL),
	OSSL_PARAM_int(OSSL_CIPHER_PARAM_TLS1_MULTIBLOCK, NULL),
	OSSL_PARAM_int(OSSL_CIPHER_PARAM_HAS_RAND_KEY, NULL),
	OSSL_PARAM_END,
};

const OSSL_PARAM *wdp_cipher_gettable_params(void *prov)
{
	(void)prov;
	return gettable;
}

int wdp_cipher_get_params(OSSL_PARAM params[],
			  const struct wdp_cipher_spec *spec)
{
	return wdp_give_uint(params, OSSL_CIPHER_PARAM_MODE, spec->mode) &&
	       wdp_give_size(params, OSSL_CIPHER_PARAM_KEYLEN, spec->key_len) &&
	       wdp_give_size(params, OSSL_CIPHER_PARAM_IVLEN, spec->iv_len) &&
	       wdp_give_size(params, OSSL_CIPHER_PARAM_BLOCK_SIZE,
			     spec->block) &&
	       wdp_give_int(params, OSSL_CIPHER_PARAM_AEAD,
			    !!(spec->flags & WDP_AEAD)) &&
	       wdp_give_int(params, OSSL_CIPHER_PARAM_CUSTOM_IV,
			    !!(spec->flags & WDP_CUSTOM_IV)) &&
	       wdp_give_int(params, OSSL_CIPHER_PARAM_CTS,
			    !!(spec->flags & WDP_CTS)) &&
	       wdp_give_int(params, OSSL_CIPHER_PARAM_TLS1_MULTIBLOCK, 0) &&
	       wdp_give_int(params, OSSL_CIPHER_PARAM_HAS_RAND_KEY,
			    !!(spec->flags & WDP_RAND_KEY));
}

const OSSL_PARAM *wdp_cipher_gettable(struct wdp_ctx *p,
				      const struct wdp_cipher_spec *spec)
{
	const struct wdp_direct *d = wdp_cipher_soft(p, spec);

	return d ? d->cipher.gettable_ctx_params(NULL, d->prov) : NULL;
}

const OSSL_PARAM *wdp_cipher_settable(struct wdp_ctx *p,
				      const struct wdp_cipher_spec *spec)
{
	const struct wdp_direct *d = wdp_cipher_soft(p, spec);

	return d ? d->cipher.settable_ctx_params(NULL, d->prov) : NULL;
}

const OSSL_PARAM *wdp_tag_gettable(void *ctx, void *prov)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_size_t(OSSL_MAC_PARAM_SIZE, NULL),
		OSSL_PARAM_size_t(OSSL_MAC_PARAM_BLOCK_SIZE, NULL),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)prov;
	return list;
}

static bool give(const struct wdp_giver *table, size_t n, void *ctx,
		 OSSL_PARAM *p)
{
	for (size_t i = 0; i < n; i++)
		if (wdp_param_is(p, table[i].name))
			return table[i].give(ctx, p);
	return true;
}

int wdp_give_params(const struct wdp_ctx *p, const struct wdp_giver *table,
		    size_t n, void *ctx, OSSL_PARAM params[])
{
	for (; params && params->key; params++)
		if (!give(table, n, ctx, params))
			return wdp_ok(p, -EINVAL);
	return 1;
}

static int take(const struct wdp_taker *table, size_t n, void *ctx,
		const OSSL_PARAM *p)
{
	for (size_t i = 0; i < n; i++) {
		if (!wdp_param_is(p, table[i].name))
			continue;
		if (table[i].type && table[i].type != p->data_type)
			return -EINVAL;
		return table[i].take(ctx, p);
	}
	return 0;
}

int wdp_take_params(const struct wdp_ctx *p, const struct wdp_taker *table,
		    size_t n, void *ctx, const OSSL_PARAM params[])
{
	int rc = 0;

	for (; params && params->key && !rc; params++)
		rc = take(table, n, ctx, params);
	return wdp_ok(p, rc);
}
