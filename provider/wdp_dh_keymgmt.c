/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DH and DHX as key types.  Parameters are the twin's to make; a key of known
 * parameters, of a template or of a group by name, is made on the device.
 */
#include "provider/wdp_dh.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/params.h>

#include "provider/wdp_keymgmt.h"

/* ---- generation -------------------------------------------------------------- */

struct dh_gen {
	struct wdp_ctx *prov;
	const struct wdp_pkey_spec *spec;
	void *twin;		/* the twin's generation, told everything */
	bool pair;		/* a key pair is asked for */
	bool special;		/* something only the twin knows was set */
	struct wdp_pkey *templ; /* NULL: none */
	char group[32];		/* "": none */
	int priv_len;		/* 0: none */
};

static OSSL_FUNC_keymgmt_gen_cleanup_fn dh_gen_cleanup;
static void dh_gen_cleanup(void *genctx)
{
	struct dh_gen *g = genctx;

	if (!g)
		return;
	wdp_pkey_gen_cleanup(g->twin);
	wdp_pkey_put(g->templ);
	free(g);
}

static bool dh_gen_note(struct dh_gen *g, const OSSL_PARAM *a)
{
	char *group = g->group;

	if (!strcmp(a->key, OSSL_PKEY_PARAM_GROUP_NAME))
		return OSSL_PARAM_get_utf8_string(a, &group, sizeof(g->group));
	if (!strcmp(a->key, OSSL_PKEY_PARAM_DH_PRIV_LEN))
		return OSSL_PARAM_get_int(a, &g->priv_len);
	return false;
}

static OSSL_FUNC_keymgmt_gen_set_params_fn dh_gen_set_params;
static int dh_gen_set_params(void *genctx, const OSSL_PARAM params[])
{
	struct dh_gen *g = genctx;

	if (!wdp_pkey_gen_set_params(g->twin, params))
		return 0;
	for (; params && params->key; params++)
		if (!dh_gen_note(g, params))
			g->special = true;
	return 1;
}

static OSSL_FUNC_keymgmt_gen_set_template_fn dh_gen_set_template;
static int dh_gen_set_template(void *genctx, void *templ)
{
	struct dh_gen *g = genctx;

	if (!wdp_pkey_gen_set_template(g->twin, templ))
		return 0;
	wdp_pkey_get(templ);
	wdp_pkey_put(g->templ);
	g->templ = templ;
	return 1;
}

static void *dh_gen_new(struct wdp_ctx *p, int selection,
			const OSSL_PARAM params[],
			const struct wdp_pkey_spec *spec)
{
	struct dh_gen *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->prov = p;
	g->spec = spec;
	g->pair = selection & OSSL_KEYMGMT_SELECT_KEYPAIR;
	g->twin = wdp_pkey_gen_init(p, selection, NULL, spec);
	if (g->twin && dh_gen_set_params(g, params))
		return g;
	dh_gen_cleanup(g);
	return NULL;
}

static OSSL_FUNC_keymgmt_gen_init_fn dh_own_gen_init;
static void *dh_own_gen_init(void *provctx, int selection,
			     const OSSL_PARAM params[])
{
	return dh_gen_new(provctx, selection, params, &wdp_dh_spec);
}

static OSSL_FUNC_keymgmt_gen_init_fn dhx_own_gen_init;
static void *dhx_own_gen_init(void *provctx, int selection,
			      const OSSL_PARAM params[])
{
	return dh_gen_new(provctx, selection, params, &wdp_dhx_spec);
}

/* Parameters of the group by name, in the private context. */
static EVP_PKEY *dh_gen_group(struct dh_gen *g)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 g->group, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(wdp_twin(g->prov),
						       g->spec->type, NULL);
	EVP_PKEY *key = NULL;

	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS,
			      (OSSL_PARAM *)params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static int dh_gen_pair(struct dh_gen *g, EVP_PKEY **twin)
{
	EVP_PKEY *group;
	int rc;

	if (!g->pair || g->special || (!g->templ && !*g->group))
		return WDP_IN_SOFTWARE;
	if (g->templ)
		return wdp_dh_generate(g->prov, g->spec,
				       wdp_pkey_twin(g->templ), g->priv_len,
				       twin);
	group = dh_gen_group(g);
	if (!group)
		return WDP_IN_SOFTWARE;
	rc = wdp_dh_generate(g->prov, g->spec, group, g->priv_len, twin);
	EVP_PKEY_free(group);
	return rc;
}

static OSSL_FUNC_keymgmt_gen_fn dh_gen;
static void *dh_gen(void *genctx, OSSL_CALLBACK *cb, void *arg)
{
	struct dh_gen *g = genctx;
	EVP_PKEY *twin = NULL;
	struct wdp_pkey *k;
	int rc;

	rc = dh_gen_pair(g, &twin);
	if (rc == WDP_IN_SOFTWARE)
		return wdp_pkey_gen(g->twin, cb, arg);
	if (rc)
		return NULL;
	k = wdp_pkey_wrap(g->prov, g->spec, twin);
	if (!k)
		EVP_PKEY_free(twin);
	return k;
}

/* ---- checks -------------------------------------------------------------------- */

/*
 * libssl has every value of a peer's checked in full: in libcrypto 3.0 that is
 * a longer exponentiation than the key exchange itself.
 */
static OSSL_FUNC_keymgmt_validate_fn dh_validate;
static int dh_validate(const void *keydata, int selection, int checktype)
{
	int rc = WDP_IN_SOFTWARE;

	if ((selection & OSSL_KEYMGMT_SELECT_ALL) ==
		    OSSL_KEYMGMT_SELECT_PUBLIC_KEY &&
	    checktype == OSSL_KEYMGMT_VALIDATE_FULL_CHECK)
		rc = wdp_dh_in_subgroup((struct wdp_pkey *)keydata);
	if (rc == WDP_IN_SOFTWARE)
		return wdp_pkey_validate(keydata, selection, checktype);
	return !rc;
}

/* ---- rows ---------------------------------------------------------------------- */

#define DH_OWN(id)                                                             \
	{ WDP_FN(KEYMGMT_GEN_INIT, id##_own_gen_init) },                       \
		{ WDP_FN(KEYMGMT_GEN_SET_TEMPLATE, dh_gen_set_template) },     \
		{ WDP_FN(KEYMGMT_GEN_SET_PARAMS, dh_gen_set_params) },         \
		{ WDP_FN(KEYMGMT_GEN, dh_gen) },                               \
		{ WDP_FN(KEYMGMT_GEN_CLEANUP, dh_gen_cleanup) },               \
	{                                                                      \
		WDP_FN(KEYMGMT_VALIDATE, dh_validate)                          \
	}

WDP_KEYMGMT_BIND(dh, wdp_ffc_types, .type = "DH", .exch_name = "DH",
		 .has_params = true, .dev_free = wdp_dh_dev_free, WDP_PUB_PRIV)
WDP_KEYMGMT_BIND(dhx, wdp_ffc_types, .type = "DHX", .exch_name = "DH",
		 .has_params = true, .dev_free = wdp_dh_dev_free, WDP_PUB_PRIV)

const OSSL_DISPATCH wdp_dh_keymgmt_fns[] = {
	DH_OWN(dh),
	WDP_KEYMGMT_FNS(dh),
	{ 0, NULL },
};

const OSSL_DISPATCH wdp_dhx_keymgmt_fns[] = {
	DH_OWN(dhx),
	WDP_KEYMGMT_FNS(dhx),
	{ 0, NULL },
};
