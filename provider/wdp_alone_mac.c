/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_alone.h"

#include "provider/wdp_sym.h"

struct wdp_alone_mac {
	EVP_MAC_CTX *twin;
};

static EVP_MAC *wdp_mac_fetch(struct wdp_ctx *p, const char *name)
{
	OSSL_LIB_CTX *libctx = wdp_twin(p);

	return libctx ? EVP_MAC_fetch(libctx, name, NULL) : NULL;
}

static void *wdp_mac_new(struct wdp_ctx *p, const char *name)
{
	EVP_MAC *mac = wdp_mac_fetch(p, name);
	struct wdp_alone_mac *m = NULL;

	if (!mac)
		return NULL;
	m = malloc(sizeof(*m));
	if (!m)
		goto free_mac;
	m->twin = EVP_MAC_CTX_new(mac);
	if (!m->twin) {
		free(m);
		m = NULL;
	}
free_mac:
	EVP_MAC_free(mac);
	return m;
}

static OSSL_FUNC_mac_freectx_fn wdp_mac_free;
static void wdp_mac_free(void *ctx)
{
	struct wdp_alone_mac *m = ctx;

	if (!m)
		return;
	EVP_MAC_CTX_free(m->twin);
	free(m);
}

static OSSL_FUNC_mac_dupctx_fn wdp_mac_dup;
static void *wdp_mac_dup(void *ctx)
{
	const struct wdp_alone_mac *from = ctx;
	struct wdp_alone_mac *m = malloc(sizeof(*m));

	if (!m)
		return NULL;
	m->twin = EVP_MAC_CTX_dup(from->twin);
	if (m->twin)
		return m;
	free(m);
	return NULL;
}

static OSSL_FUNC_mac_init_fn wdp_mac_init;
static int wdp_mac_init(void *ctx, const unsigned char *key, size_t len,
			const OSSL_PARAM params[])
{
	struct wdp_alone_mac *m = ctx;
	struct wdp_alone_params buf;

	return EVP_MAC_init(m->twin, key, len, wdp_alone_params(params, &buf));
}

static OSSL_FUNC_mac_update_fn wdp_mac_update;
static int wdp_mac_update(void *ctx, const unsigned char *in, size_t len)
{
	struct wdp_alone_mac *m = ctx;

	return EVP_MAC_update(m->twin, in, len);
}

static OSSL_FUNC_mac_final_fn wdp_mac_final;
static int wdp_mac_final(void *ctx, unsigned char *out, size_t *len,
			 size_t size)
{
	struct wdp_alone_mac *m = ctx;

	return EVP_MAC_final(m->twin, out, len, size);
}

static int wdp_mac_answer(OSSL_PARAM params[], const char *key, size_t value)
{
	OSSL_PARAM *a = OSSL_PARAM_locate(params, key);

	return !a || OSSL_PARAM_set_size_t(a, value);
}

/* Sizes first: some MACs answer them without a context only. */
static OSSL_FUNC_mac_get_ctx_params_fn wdp_mac_get_params;
static int wdp_mac_get_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_alone_mac *m = ctx;

	return wdp_mac_answer(params, OSSL_MAC_PARAM_SIZE,
			      EVP_MAC_CTX_get_mac_size(m->twin)) &&
	       wdp_mac_answer(params, OSSL_MAC_PARAM_BLOCK_SIZE,
			      EVP_MAC_CTX_get_block_size(m->twin)) &&
	       EVP_MAC_CTX_get_params(m->twin, params);
}

static OSSL_FUNC_mac_set_ctx_params_fn wdp_mac_set_params;
static int wdp_mac_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_mac *m = ctx;
	struct wdp_alone_params buf;

	return EVP_MAC_CTX_set_params(m->twin, wdp_alone_params(params, &buf));
}

/* The list is static in the default provider, which stays loaded. */
static const OSSL_PARAM *wdp_mac_settable(struct wdp_ctx *p, const char *name)
{
	EVP_MAC *mac = wdp_mac_fetch(p, name);
	const OSSL_PARAM *list = mac ? EVP_MAC_settable_ctx_params(mac) : NULL;

	EVP_MAC_free(mac);
	return list;
}

/* Binds a name to the functions above. */
#define WDP_MAC(id, name)                                                      \
	static OSSL_FUNC_mac_newctx_fn id##_new;                               \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return wdp_mac_new(prov, name);                                \
	}                                                                      \
	static OSSL_FUNC_mac_settable_ctx_params_fn id##_settable;             \
	static const OSSL_PARAM *id##_settable(void *ctx, void *prov)          \
	{                                                                      \
		(void)ctx;                                                     \
		return wdp_mac_settable(prov, name);                           \
	}                                                                      \
	static const OSSL_DISPATCH id##_fns[] = {                              \
		{ WDP_FN(MAC_NEWCTX, id##_new) },                              \
		{ WDP_FN(MAC_FREECTX, wdp_mac_free) },                         \
		{ WDP_FN(MAC_DUPCTX, wdp_mac_dup) },                           \
		{ WDP_FN(MAC_INIT, wdp_mac_init) },                            \
		{ WDP_FN(MAC_UPDATE, wdp_mac_update) },                        \
		{ WDP_FN(MAC_FINAL, wdp_mac_final) },                          \
		{ WDP_FN(MAC_GET_CTX_PARAMS, wdp_mac_get_params) },            \
		{ WDP_FN(MAC_SET_CTX_PARAMS, wdp_mac_set_params) },            \
		{ WDP_FN(MAC_GETTABLE_CTX_PARAMS, wdp_tag_gettable) },         \
		{ WDP_FN(MAC_SETTABLE_CTX_PARAMS, id##_settable) },            \
		{ 0, NULL },                                                   \
	}

WDP_MAC(kmac128, "KMAC-128");
WDP_MAC(kmac256, "KMAC-256");
WDP_MAC(siphash, "SIPHASH");
WDP_MAC(poly1305, "POLY1305");
WDP_MAC(blake2b, "BLAKE2BMAC");
WDP_MAC(blake2s, "BLAKE2SMAC");

const OSSL_ALGORITHM wdp_alone_macs[] = {
	WDP_ALONE_ROW("KMAC-128:KMAC128:2.16.840.1.101.3.4.2.19", kmac128_fns),
	WDP_ALONE_ROW("KMAC-256:KMAC256:2.16.840.1.101.3.4.2.20", kmac256_fns),
	WDP_ALONE_ROW("SIPHASH", siphash_fns),
	WDP_ALONE_ROW("POLY1305", poly1305_fns),
	WDP_ALONE_ROW("BLAKE2BMAC:1.3.6.1.4.1.1722.12.2.1", blake2b_fns),
	WDP_ALONE_ROW("BLAKE2SMAC:1.3.6.1.4.1.1722.12.2.2", blake2s_fns),
	{ NULL, NULL, NULL, NULL },
};
