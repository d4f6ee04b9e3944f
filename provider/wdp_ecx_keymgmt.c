/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X25519 and X448 as key types.  Their keys are octets and nothing else, so
 * what is asked of them is answered here, without the twin.
 */
#include "provider/wdp_ecx.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/params.h>

#include "base/wd_base.h"
#include "provider/wdp_keymgmt.h"

/* ---- the object -------------------------------------------------------------- */

/* Empty, and yet with a size and a strength, as libcrypto's own. */
static struct wdp_pkey *ecx_key(struct wdp_ctx *p,
				const struct wdp_pkey_spec *spec)
{
	struct wdp_pkey *k = wdp_pkey_new(p, spec);

	if (!k || !wdp_ecx_set(k, NULL, NULL))
		return k;
	wdp_pkey_put(k);
	return NULL;
}

static OSSL_FUNC_keymgmt_has_fn ecx_has;
static int ecx_has(const void *keydata, int selection)
{
	const struct wdp_pkey *k = keydata;

	if (!k)
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY && !k->has_pub)
		return 0;
	return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || k->has_priv;
}

static OSSL_FUNC_keymgmt_match_fn ecx_match;
static int ecx_match(const void *a, const void *b, int selection)
{
	const struct wdp_pkey *x = a, *y = b;
	const struct wdp_ecx *ex = wdp_ecx(x), *ey = wdp_ecx(y);

	if (!ex || !ey || ex->curve != ey->curve)
		return 0;
	if (!(selection & OSSL_KEYMGMT_SELECT_KEYPAIR))
		return 1;
	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY && ex->has_pub &&
	    ey->has_pub)
		return wd_equal_ct(ex->pub, ey->pub, ex->curve->len);
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY && ex->has_priv &&
	    ey->has_priv)
		return wd_equal_ct(ex->priv, ey->priv, ex->curve->len);
	return 0;
}

/* That the parts belong together the twin says. */
static OSSL_FUNC_keymgmt_validate_fn ecx_validate;
static int ecx_validate(const void *keydata, int selection, int checktype)
{
	const int pair = selection & OSSL_KEYMGMT_SELECT_KEYPAIR;

	if (!ecx_has(keydata, pair))
		return 0;
	if (pair == OSSL_KEYMGMT_SELECT_KEYPAIR)
		return wdp_pkey_validate(keydata, pair, checktype);
	return 1;
}

static OSSL_FUNC_keymgmt_dup_fn ecx_dup;
static void *ecx_dup(const void *keydata, int selection)
{
	const struct wdp_pkey *from = keydata;
	const struct wdp_ecx *e = wdp_ecx(from);
	struct wdp_pkey *k = e ? wdp_pkey_new(from->prov, from->spec) : NULL;
	bool pub = selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY,
	     priv = selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY;

	if (!k || !wdp_ecx_set(k, pub && e->has_pub ? e->pub : NULL,
			       priv && e->has_priv ? e->priv : NULL))
		return k;
	wdp_pkey_put(k);
	return NULL;
}

/* ---- in and out ---------------------------------------------------------------- */

/* Octets of exactly @len bytes; NULL: none, *@bad: there are others. */
static const uint8_t *ecx_octets(const OSSL_PARAM params[], const char *name,
				 size_t len, bool *bad)
{
	const OSSL_PARAM *a = OSSL_PARAM_locate_const(params, name);
	const void *octets;
	size_t got;

	if (!a)
		return NULL;
	if (OSSL_PARAM_get_octet_string_ptr(a, &octets, &got) && got == len)
		return octets;
	*bad = true;
	return NULL;
}

/* A private key alone: the device or, all of it, the twin completes it. */
static int ecx_complete(struct wdp_pkey *k, const uint8_t *priv)
{
	const size_t len = wdp_ecx_curve(k->spec)->len;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY,
						  (void *)priv, len),
		OSSL_PARAM_construct_end(),
	};
	uint8_t pub[WDP_ECX_LEN_MAX];
	struct wdp_pkey *soft;
	int rc = wdp_ecx_complete(k, priv);
	size_t got;

	if (rc != WDP_IN_SOFTWARE)
		return !rc;
	soft = wdp_pkey_new(k->prov, k->spec);
	rc = soft &&
	     wdp_pkey_import(soft, OSSL_KEYMGMT_SELECT_KEYPAIR, params) &&
	     EVP_PKEY_get_octet_string_param(wdp_pkey_twin(soft),
					     OSSL_PKEY_PARAM_PUB_KEY, pub, len,
					     &got) > 0 &&
	     !wdp_ecx_set(k, pub, priv);
	wdp_pkey_put(soft);
	return rc;
}

static OSSL_FUNC_keymgmt_import_fn ecx_import;
static int ecx_import(void *keydata, int selection, const OSSL_PARAM params[])
{
	struct wdp_pkey *k = keydata;
	const size_t len = wdp_ecx_curve(k->spec)->len;
	const uint8_t *pub, *priv = NULL;
	bool bad = false;

	if (!(selection & OSSL_KEYMGMT_SELECT_KEYPAIR))
		return 0;
	pub = ecx_octets(params, OSSL_PKEY_PARAM_PUB_KEY, len, &bad);
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		priv = ecx_octets(params, OSSL_PKEY_PARAM_PRIV_KEY, len, &bad);
	if (bad || (!pub && !priv))
		return 0;
	return pub ? wdp_ok(k->prov, wdp_ecx_set(k, pub, priv))
		   : ecx_complete(k, priv);
}

static OSSL_FUNC_keymgmt_export_fn ecx_export;
static int ecx_export(void *keydata, int selection, OSSL_CALLBACK *cb,
		      void *arg)
{
	const struct wdp_ecx *e = wdp_ecx(keydata);
	OSSL_PARAM params[3], *a = params;

	if (!e || !(selection & OSSL_KEYMGMT_SELECT_KEYPAIR))
		return 0;
	*a++ = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						 (void *)e->pub, e->curve->len);
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY && e->has_priv)
		*a++ = OSSL_PARAM_construct_octet_string(
			OSSL_PKEY_PARAM_PRIV_KEY, (void *)e->priv,
			e->curve->len);
	*a = OSSL_PARAM_construct_end();
	return cb(params, arg);
}

/* 1: answered; 0: could not be; -1: not one of ours. */
static int ecx_get_param(const struct wdp_ecx *e, OSSL_PARAM *a)
{
	const struct wdp_ecx_curve *c = e->curve;

	if (!strcmp(a->key, OSSL_PKEY_PARAM_BITS))
		return OSSL_PARAM_set_uint(a, c->bits);
	if (!strcmp(a->key, OSSL_PKEY_PARAM_SECURITY_BITS))
		return OSSL_PARAM_set_int(a, c->security_bits);
	if (!strcmp(a->key, OSSL_PKEY_PARAM_MAX_SIZE))
		return OSSL_PARAM_set_int(a, (int)c->len);
	if (!strcmp(a->key, OSSL_PKEY_PARAM_PUB_KEY) ||
	    !strcmp(a->key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY))
		return OSSL_PARAM_set_octet_string(a, e->pub, c->len);
	if (!strcmp(a->key, OSSL_PKEY_PARAM_PRIV_KEY))
		return !e->has_priv ||
		       OSSL_PARAM_set_octet_string(a, e->priv, c->len);
	return -1;
}

/* What a later library has added, its twin knows. */
static OSSL_FUNC_keymgmt_get_params_fn ecx_get_params;
static int ecx_get_params(void *keydata, OSSL_PARAM params[])
{
	const struct wdp_pkey *k = keydata;
	const struct wdp_ecx *e = wdp_ecx(k);
	EVP_PKEY *twin;

	for (OSSL_PARAM *a = params; e && a && a->key; a++) {
		int rc = ecx_get_param(e, a);

		if (!rc)
			return 0;
		if (rc > 0 || !(twin = wdp_pkey_twin(k)))
			continue;
		return EVP_PKEY_get_params(twin, params);
	}
	return !!e;
}

/* A peer's value: with it the private key goes. */
static OSSL_FUNC_keymgmt_set_params_fn ecx_set_params;
static int ecx_set_params(void *keydata, const OSSL_PARAM params[])
{
	struct wdp_pkey *k = keydata;
	const uint8_t *pub;
	bool bad = false;

	if (!params)
		return 1;
	pub = ecx_octets(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
			 wdp_ecx_curve(k->spec)->len, &bad);
	return !bad && (!pub || wdp_ok(k->prov, wdp_ecx_set(k, pub, NULL)));
}

/* ---- generation ---------------------------------------------------------------- */

struct ecx_gen {
	struct wdp_ctx *prov;
	const struct wdp_pkey_spec *spec;
	int selection;
	void *twin; /* its generation, once something was set that only it
		     * knows: seeds of RFC 9180 */
};

static OSSL_FUNC_keymgmt_gen_cleanup_fn ecx_gen_cleanup;
static void ecx_gen_cleanup(void *genctx)
{
	struct ecx_gen *g = genctx;

	if (!g)
		return;
	wdp_pkey_gen_cleanup(g->twin);
	free(g);
}

/* The one group a type has may be named. */
static bool ecx_gen_plain(const struct ecx_gen *g, const OSSL_PARAM *a,
			  bool *bad)
{
	if (!strcmp(a->key, OSSL_PKEY_PARAM_GROUP_NAME)) {
		if (a->data_type != OSSL_PARAM_UTF8_STRING || !a->data ||
		    strcasecmp(a->data, g->spec->type) != 0)
			*bad = true;
		return true;
	}
	return !strcmp(a->key, OSSL_PKEY_PARAM_PROPERTIES);
}

static bool ecx_gen_twin(struct ecx_gen *g)
{
	if (!g->twin)
		g->twin =
			wdp_pkey_gen_init(g->prov, g->selection, NULL, g->spec);
	return g->twin;
}

static OSSL_FUNC_keymgmt_gen_set_params_fn ecx_gen_set_params;
static int ecx_gen_set_params(void *genctx, const OSSL_PARAM params[])
{
	struct ecx_gen *g = genctx;
	bool bad = false, special = false;

	for (const OSSL_PARAM *a = params; a && a->key; a++)
		if (!ecx_gen_plain(g, a, &bad))
			special = true;
	if (bad) {
		wdp_raise(g->prov, WDP_R_BAD_PARAMETER, "group");
		return 0;
	}
	return !special ||
	       (ecx_gen_twin(g) && wdp_pkey_gen_set_params(g->twin, params));
}

static void *ecx_gen_new(struct wdp_ctx *p, int selection,
			 const OSSL_PARAM params[],
			 const struct wdp_pkey_spec *spec)
{
	struct ecx_gen *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->prov = p;
	g->spec = spec;
	g->selection = selection;
	if (ecx_gen_set_params(g, params))
		return g;
	ecx_gen_cleanup(g);
	return NULL;
}

/* A template brings nothing: the type says it all. */
static OSSL_FUNC_keymgmt_gen_set_template_fn ecx_gen_set_template;
static int ecx_gen_set_template(void *genctx, void *templ)
{
	(void)templ;
	return genctx != NULL;
}

static OSSL_FUNC_keymgmt_gen_fn ecx_gen;
static void *ecx_gen(void *genctx, OSSL_CALLBACK *cb, void *arg)
{
	struct ecx_gen *g = genctx;
	struct wdp_pkey *k;
	int rc;

	if (!(g->selection & OSSL_KEYMGMT_SELECT_KEYPAIR))
		return ecx_key(g->prov, g->spec);
	if (g->twin)
		return wdp_pkey_gen(g->twin, cb, arg);
	k = wdp_pkey_new(g->prov, g->spec);
	if (!k)
		return NULL;
	rc = wdp_ecx_generate(k);
	if (!rc)
		return k;
	wdp_pkey_put(k);
	return rc == WDP_IN_SOFTWARE && ecx_gen_twin(g)
		       ? wdp_pkey_gen(g->twin, cb, arg)
		       : NULL;
}

/* ---- lists ---------------------------------------------------------------------- */

/* clang-format off */
#define OCTETS(name) OSSL_PARAM_octet_string(name, NULL, 0)

static const OSSL_PARAM ecx_gettables[] = {
	OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
	OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
	OCTETS(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY),
	OCTETS(OSSL_PKEY_PARAM_PUB_KEY), OCTETS(OSSL_PKEY_PARAM_PRIV_KEY),
	OSSL_PARAM_END,
};

static const OSSL_PARAM ecx_settables[] = {
	OCTETS(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY),
	OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_PROPERTIES, NULL, 0),
	OSSL_PARAM_END,
};
/* clang-format on */

static OSSL_FUNC_keymgmt_gettable_params_fn ecx_gettable;
static const OSSL_PARAM *ecx_gettable(void *provctx)
{
	(void)provctx;
	return ecx_gettables;
}

static OSSL_FUNC_keymgmt_settable_params_fn ecx_settable;
static const OSSL_PARAM *ecx_settable(void *provctx)
{
	(void)provctx;
	return ecx_settables;
}

/* X25519 has no parameters, yet TLS copies them: has_params. */
#define ECX_KEYMGMT(id, name)                                                  \
	static OSSL_FUNC_keymgmt_new_fn id##_own_new;                          \
	static void *id##_own_new(void *provctx)                               \
	{                                                                      \
		return ecx_key(provctx, &wdp_##id##_spec);                     \
	}                                                                      \
	static OSSL_FUNC_keymgmt_gen_init_fn id##_own_gen_init;                \
	static void *id##_own_gen_init(void *provctx, int selection,           \
				       const OSSL_PARAM params[])              \
	{                                                                      \
		return ecx_gen_new(provctx, selection, params,                 \
				   &wdp_##id##_spec);                          \
	}                                                                      \
	WDP_KEYMGMT_BIND(id, wdp_ecx_types, .type = (name),                    \
			 .exch_name = (name), .has_params = true,              \
			 .dev_free = wdp_ecx_free,                             \
			 .materialise = wdp_ecx_materialise, WDP_PUB_PRIV)     \
	const OSSL_DISPATCH wdp_##id##_keymgmt_fns[] = {                       \
		{ WDP_FN(KEYMGMT_NEW, id##_own_new) },                         \
		{ WDP_FN(KEYMGMT_GEN_INIT, id##_own_gen_init) },               \
		{ WDP_FN(KEYMGMT_GEN_SET_TEMPLATE, ecx_gen_set_template) },    \
		{ WDP_FN(KEYMGMT_GEN_SET_PARAMS, ecx_gen_set_params) },        \
		{ WDP_FN(KEYMGMT_GEN, ecx_gen) },                              \
		{ WDP_FN(KEYMGMT_GEN_CLEANUP, ecx_gen_cleanup) },              \
		{ WDP_FN(KEYMGMT_DUP, ecx_dup) },                              \
		{ WDP_FN(KEYMGMT_HAS, ecx_has) },                              \
		{ WDP_FN(KEYMGMT_MATCH, ecx_match) },                          \
		{ WDP_FN(KEYMGMT_VALIDATE, ecx_validate) },                    \
		{ WDP_FN(KEYMGMT_IMPORT, ecx_import) },                        \
		{ WDP_FN(KEYMGMT_EXPORT, ecx_export) },                        \
		{ WDP_FN(KEYMGMT_GET_PARAMS, ecx_get_params) },                \
		{ WDP_FN(KEYMGMT_GETTABLE_PARAMS, ecx_gettable) },             \
		{ WDP_FN(KEYMGMT_SET_PARAMS, ecx_set_params) },                \
		{ WDP_FN(KEYMGMT_SETTABLE_PARAMS, ecx_settable) },             \
		WDP_KEYMGMT_FNS(id),                                           \
		{ 0, NULL },                                                   \
	}

ECX_KEYMGMT(x25519, "X25519");
ECX_KEYMGMT(x448, "X448");
