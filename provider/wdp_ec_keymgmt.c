/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC and SM2 as key types.  What a key of a named curve and default settings
 * needs between generation and the end of a handshake is answered from its
 * numbers; every other question, parameter, curve, encoding and odd value is
 * the twin's (wdp_pkey.c), so that its verdict is libcrypto's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

#include "base/wd_base.h"
#include "provider/wdp_ec.h"
#include "provider/wdp_keymgmt.h"

#define EC_POINT_MAX (1 + 2 * WDP_EC_WIDTH_MAX)

static EVP_PKEY *ec_materialise(const struct wdp_pkey *k);

#define EC_SPEC                                                                \
	.has_params = true, WDP_PUB_PRIV, .dev_free = wdp_ec_free,             \
	.materialise = ec_materialise

WDP_KEYMGMT_BIND(ec, wdp_ec_types, .type = "EC", .sig_name = "ECDSA",
		 .exch_name = "ECDH", EC_SPEC)
WDP_KEYMGMT_BIND(sm2, wdp_ec_types, .type = "SM2", .sig_name = "SM2",
		 .cipher_name = "SM2", EC_SPEC)

/* ---- lean keys ------------------------------------------------------------ */

/* The form of a lean key; NULL: it is another. */
static struct wdp_ec *ec_lean(const struct wdp_pkey *k)
{
	struct wdp_ec *e = atomic_load_explicit(&k->dev, memory_order_acquire);

	return e && e->lean ? e : NULL;
}

static bool ec_curve_lean(const struct wdp_curve *c,
			  const struct wdp_pkey_spec *spec)
{
	return c && c->name && c->device && c->sm2 == (spec == &wdp_sm2_spec);
}

/* Takes over @e. */
static void ec_set_lean(struct wdp_pkey *k, struct wdp_ec *e)
{
	e->lean = true;
	wdp_pkey_set_lean(k, e);
	k->bits = e->curve->order_bits;
	k->size = e->curve->sig_max;
	k->has_pub = e->has_pub;
	k->has_priv = e->has_priv;
}

/* The point uncompressed, as everybody takes it; bytes of it. */
static size_t ec_octets(const struct wdp_ec *e, uint8_t out[EC_POINT_MAX])
{
	size_t len = e->curve->field_len, skip = e->curve->width - len;

	out[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(out + 1, e->x + skip, len);
	memcpy(out + 1 + len, e->y + skip, len);
	return 1 + 2 * len;
}

/* Compressed and hybrid forms are libcrypto's to open. */
static bool ec_point_other(struct wdp_ec *e, const uint8_t *p, size_t n)
{
	const struct wdp_curve *c = e->curve;
	EC_POINT *point = EC_POINT_new(c->group);
	BIGNUM *x = BN_new(), *y = BN_new();
	int width = (int)c->width;
	bool ok;

	ERR_set_mark();
	ok = point && x && y &&
	     EC_POINT_oct2point(c->group, point, p, n, NULL) &&
	     EC_POINT_get_affine_coordinates(c->group, point, x, y, NULL) &&
	     BN_bn2binpad(x, e->x, width) == width &&
	     BN_bn2binpad(y, e->y, width) == width &&
	     wdp_curve_has(c, e->x, e->y);
	ERR_pop_to_mark();
	BN_free(x);
	BN_free(y);
	EC_POINT_free(point);
	return ok;
}

/* False: not a point of the curve, or infinity; @e is then spoilt. */
static bool ec_point(struct wdp_ec *e, const uint8_t *p, size_t n)
{
	size_t len = e->curve->field_len, skip = e->curve->width - len;

	if (!n || p[0] != POINT_CONVERSION_UNCOMPRESSED) {
		e->has_pub = ec_point_other(e, p, n);
	} else if (n == 1 + 2 * len) {
		memset(e->x, 0, skip);
		memset(e->y, 0, skip);
		memcpy(e->x + skip, p + 1, len);
		memcpy(e->y + skip, p + 1 + len, len);
		e->has_pub = wdp_curve_has(e->curve, e->x, e->y);
	} else {
		e->has_pub = false;
	}
	return e->has_pub;
}

/* ---- the twin of a lean key ------------------------------------------------ */

static EVP_PKEY *ec_fromdata(const struct wdp_pkey *k, int selection,
			     OSSL_PARAM *params)
{
	OSSL_LIB_CTX *libctx = wdp_twin(k->prov);
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *twin = NULL;

	if (libctx)
		ctx = EVP_PKEY_CTX_new_from_name(libctx, k->spec->type, NULL);
	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &twin, selection, params) <= 0) {
		EVP_PKEY_free(twin);
		twin = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return twin;
}

/* In the order of bytes OSSL_PARAM has integers in. */
static bool ec_native(uint8_t *to, const uint8_t *number, size_t width)
{
	BIGNUM *bn = BN_bin2bn(number, (int)width, NULL);
	bool ok = bn && BN_bn2nativepad(bn, to, (int)width) == (int)width;

	BN_clear_free(bn);
	return ok;
}

static EVP_PKEY *ec_materialise(const struct wdp_pkey *k)
{
	const struct wdp_ec *e = k->dev;
	const struct wdp_curve *c = e->curve;
	uint8_t pub[EC_POINT_MAX], priv[WDP_EC_WIDTH_MAX];
	int selection = EVP_PKEY_KEY_PARAMETERS;
	EVP_PKEY *twin = NULL;
	OSSL_PARAM params[4];
	size_t n = 0;

	params[n++] = OSSL_PARAM_construct_utf8_string(
		OSSL_PKEY_PARAM_GROUP_NAME, (char *)c->name, 0);
	if (e->has_pub) {
		selection = EVP_PKEY_PUBLIC_KEY;
		params[n++] = OSSL_PARAM_construct_octet_string(
			OSSL_PKEY_PARAM_PUB_KEY, pub, ec_octets(e, pub));
	}
	if (e->has_priv) {
		selection = EVP_PKEY_KEYPAIR;
		if (!ec_native(priv, e->d, c->width))
			goto wipe;
		params[n++] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY,
						      priv, c->width);
	}
	params[n] = OSSL_PARAM_construct_end();
	twin = ec_fromdata(k, selection, params);
wipe:
	wd_wipe(priv, sizeof(priv));
	return twin;
}

/* ---- in -------------------------------------------------------------------- */

static bool ec_text_is(const OSSL_PARAM params[], const char *key,
		       const char *value)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, key);
	const char *text;

	return !p || (OSSL_PARAM_get_utf8_string_ptr(p, &text) &&
		      !strcasecmp(text, value));
}

static bool ec_int_is(const OSSL_PARAM params[], const char *key, int value)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, key);
	int n;

	return !p || (OSSL_PARAM_get_int(p, &n) && n == value);
}

/* Nothing is said of the key that a lean one could not say. */
static bool ec_settings_default(const OSSL_PARAM params[])
{
	return ec_text_is(params, OSSL_PKEY_PARAM_EC_ENCODING,
			  OSSL_PKEY_EC_ENCODING_GROUP) &&
	       ec_text_is(params, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
			  OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) &&
	       ec_int_is(params, OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, 1) &&
	       ec_int_is(params, OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, 0) &&
	       ec_int_is(params,
			 OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, 0);
}

static bool ec_in_public(struct wdp_ec *e, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p =
		OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);

	return p && p->data_type == OSSL_PARAM_OCTET_STRING && p->data &&
	       ec_point(e, p->data, p->data_size);
}

/* Without the parameter there is no private part, which is fine. */
static bool ec_in_private(struct wdp_ec *e, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p =
		OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY);
	int width = (int)e->curve->width;
	BIGNUM *bn = NULL;

	if (!p)
		return true;
	e->has_priv = OSSL_PARAM_get_BN(p, &bn) &&
		      BN_bn2binpad(bn, e->d, width) == width &&
		      wdp_curve_scalar_ok(e->curve, e->d);
	BN_clear_free(bn);
	return e->has_priv;
}

static const struct wdp_curve *ec_in_curve(const struct wdp_pkey *k,
					   const OSSL_PARAM params[])
{
	const OSSL_PARAM *p =
		OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
	const struct wdp_curve *c;
	const char *name;

	if (!p || !OSSL_PARAM_get_utf8_string_ptr(p, &name))
		return NULL;
	c = wdp_curve_named(k->prov, name);
	return ec_curve_lean(c, k->spec) ? c : NULL;
}

/* NULL: not plainly good, the twin judges. */
static struct wdp_ec *ec_in(const struct wdp_pkey *k, int selection,
			    const OSSL_PARAM params[])
{
	const struct wdp_curve *c = NULL;
	struct wdp_ec *e;

	if (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS &&
	    ec_settings_default(params))
		c = ec_in_curve(k, params);
	e = c ? wdp_ec_new(c) : NULL;
	if (!e || !(selection & OSSL_KEYMGMT_SELECT_KEYPAIR))
		return e;
	if (ec_in_public(e, params) &&
	    (!(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) ||
	     ec_in_private(e, params)))
		return e;
	wdp_ec_free(e);
	return NULL;
}

static OSSL_FUNC_keymgmt_import_fn ec_import;
static int ec_import(void *keydata, int selection, const OSSL_PARAM params[])
{
	struct wdp_pkey *k = keydata;
	struct wdp_ec *e = NULL;

	if (wdp_pkey_empty(k))
		e = ec_in(k, selection, params);
	if (!e)
		return wdp_pkey_import(k, selection, params);
	ec_set_lean(k, e);
	return 1;
}

static OSSL_FUNC_keymgmt_dup_fn ec_dup;
static void *ec_dup(const void *keydata, int selection)
{
	const struct wdp_pkey *k = keydata;
	const struct wdp_ec *from = ec_lean(k);
	struct wdp_pkey *copy;
	struct wdp_ec *e;

	if (!from)
		return wdp_pkey_dup(k, selection);
	copy = wdp_pkey_new(k->prov, k->spec);
	e = wdp_ec_new(from->curve);
	if (!copy || !e) {
		wdp_pkey_put(copy);
		wdp_ec_free(e);
		return NULL;
	}
	if (selection & OSSL_KEYMGMT_SELECT_KEYPAIR && from->has_pub) {
		e->has_pub = true;
		memcpy(e->x, from->x, sizeof(e->x));
		memcpy(e->y, from->y, sizeof(e->y));
	}
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY && from->has_priv) {
		e->has_priv = true;
		memcpy(e->d, from->d, sizeof(e->d));
	}
	ec_set_lean(copy, e);
	return copy;
}

/* ---- parameters -------------------------------------------------------------- */

static int ec_tell_bits(const struct wdp_ec *e, OSSL_PARAM *p)
{
	return OSSL_PARAM_set_int(p, (int)e->curve->order_bits);
}

static int ec_tell_security_bits(const struct wdp_ec *e, OSSL_PARAM *p)
{
	return OSSL_PARAM_set_int(p, (int)e->curve->security_bits);
}

static int ec_tell_size(const struct wdp_ec *e, OSSL_PARAM *p)
{
	return OSSL_PARAM_set_int(p, (int)e->curve->sig_max);
}

static int ec_tell_group(const struct wdp_ec *e, OSSL_PARAM *p)
{
	return OSSL_PARAM_set_utf8_string(p, e->curve->name);
}

static int ec_tell_point(const struct wdp_ec *e, OSSL_PARAM *p)
{
	uint8_t pub[EC_POINT_MAX];

	return OSSL_PARAM_set_octet_string(p, pub, ec_octets(e, pub));
}

static int ec_tell_digest(const struct wdp_ec *e, OSSL_PARAM *p)
{
	return OSSL_PARAM_set_utf8_string(p, e->curve->sm2 ? "SM3" : "SHA256");
}

/* To answer would be to say that there is one. */
static int ec_tell_nothing(const struct wdp_ec *e, OSSL_PARAM *p)
{
	(void)e;
	(void)p;
	return 1;
}

static int ec_tell_zero(const struct wdp_ec *e, OSSL_PARAM *p)
{
	(void)e;
	return OSSL_PARAM_set_int(p, 0);
}

static int ec_tell_field(const struct wdp_ec *e, OSSL_PARAM *p)
{
	(void)e;
	return OSSL_PARAM_set_utf8_string(p, SN_X9_62_prime_field);
}

static int ec_tell_encoding(const struct wdp_ec *e, OSSL_PARAM *p)
{
	(void)e;
	return OSSL_PARAM_set_utf8_string(p, OSSL_PKEY_EC_ENCODING_GROUP);
}

static int ec_tell_format(const struct wdp_ec *e, OSSL_PARAM *p)
{
	(void)e;
	return OSSL_PARAM_set_utf8_string(
		p, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
}

/* What of a lean key needs no twin: all that TLS asks. */
static const struct ec_answer {
	const char *key;
	int (*tell)(const struct wdp_ec *e, OSSL_PARAM *p);
	bool of_public; /* only keys with a public part have it */
} ec_answers[] = {
	{ OSSL_PKEY_PARAM_BITS, ec_tell_bits, false },
	{ OSSL_PKEY_PARAM_SECURITY_BITS, ec_tell_security_bits, false },
	{ OSSL_PKEY_PARAM_MAX_SIZE, ec_tell_size, false },
	{ OSSL_PKEY_PARAM_GROUP_NAME, ec_tell_group, false },
	{ OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, ec_tell_point, true },
	{ OSSL_PKEY_PARAM_DEFAULT_DIGEST, ec_tell_digest, false },
	{ OSSL_PKEY_PARAM_MANDATORY_DIGEST, ec_tell_nothing, false },
	{ OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, ec_tell_zero,
	  false },
	{ OSSL_PKEY_PARAM_EC_FIELD_TYPE, ec_tell_field, false },
	{ OSSL_PKEY_PARAM_EC_ENCODING, ec_tell_encoding, false },
	{ OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, ec_tell_format, false },
};

static const struct ec_answer *ec_answer(const struct wdp_ec *e,
					 const char *key)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(ec_answers); i++)
		if (!strcmp(ec_answers[i].key, key))
			return ec_answers[i].of_public && !e->has_pub
				       ? NULL
				       : &ec_answers[i];
	return NULL;
}

static OSSL_FUNC_keymgmt_get_params_fn ec_get_params;
static int ec_get_params(void *keydata, OSSL_PARAM params[])
{
	const struct wdp_ec *e = ec_lean(keydata);

	for (OSSL_PARAM *p = params; e && p->key; p++)
		if (!ec_answer(e, p->key))
			return wdp_pkey_get_params(keydata, params);
	if (!e)
		return wdp_pkey_get_params(keydata, params);
	for (OSSL_PARAM *p = params; p->key; p++)
		if (!ec_answer(e, p->key)->tell(e, p))
			return 0;
	return 1;
}

/*
 * A peer's key share as protocols have it: one parameter, and only that.  The
 * form of the point becomes the key's own, and a lean key has but one.
 */
static bool ec_is_share(const OSSL_PARAM params[])
{
	return params && params[0].key && !params[1].key &&
	       !strcmp(params[0].key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) &&
	       params[0].data_type == OSSL_PARAM_OCTET_STRING &&
	       params[0].data && params[0].data_size &&
	       *(const uint8_t *)params[0].data ==
		       POINT_CONVERSION_UNCOMPRESSED;
}

static bool ec_lean_set(struct wdp_pkey *k, const OSSL_PARAM params[])
{
	const struct wdp_ec *from = ec_lean(k);
	struct wdp_ec *e;

	if (!from || !ec_is_share(params))
		return false;
	e = wdp_ec_new(from->curve);
	if (!e || !ec_point(e, params[0].data, params[0].data_size)) {
		wdp_ec_free(e);
		return false;
	}
	e->has_priv = from->has_priv;
	memcpy(e->d, from->d, sizeof(e->d));
	ec_set_lean(k, e);
	return true;
}

static OSSL_FUNC_keymgmt_set_params_fn ec_set_params;
static int ec_set_params(void *keydata, const OSSL_PARAM params[])
{
	return ec_lean_set(keydata, params) ||
	       wdp_pkey_set_params(keydata, params);
}

/* ---- what is in it -------------------------------------------------------------- */

static OSSL_FUNC_keymgmt_has_fn ec_has;
static int ec_has(const void *keydata, int selection)
{
	const struct wdp_pkey *k = keydata;

	if (!k)
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY && !k->has_pub)
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY && !k->has_priv)
		return 0;
	return !(selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) ||
	       !wdp_pkey_empty(k);
}

/* As libcrypto's: the public parts decide where both keys have one. */
static bool ec_same_key(const struct wdp_ec *a, const struct wdp_ec *b,
			int selection)
{
	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY && a->has_pub &&
	    b->has_pub)
		return !memcmp(a->x, b->x, a->curve->width) &&
		       !memcmp(a->y, b->y, a->curve->width);
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY && a->has_priv &&
	    b->has_priv)
		return wd_equal_ct(a->d, b->d, a->curve->width);
	return false;
}

static OSSL_FUNC_keymgmt_match_fn ec_match;
static int ec_match(const void *a, const void *b, int selection)
{
	const struct wdp_ec *x = ec_lean(a), *y = ec_lean(b);

	if (!x || !y)
		return wdp_pkey_match(a, b, selection);
	if (x->curve->nid != y->curve->nid)
		return 0;
	return !(selection & OSSL_KEYMGMT_SELECT_KEYPAIR) ||
	       ec_same_key(x, y, selection);
}

/*
 * A lean key's public part was held against its curve when it came in, and
 * with a cofactor of 1 every point of the curve is in the group: nothing is
 * left of the full check but to say so.  Whether the halves belong together is
 * for the twin.
 */
static OSSL_FUNC_keymgmt_validate_fn ec_validate;
static int ec_validate(const void *keydata, int selection, int checktype)
{
	const struct wdp_ec *e = ec_lean(keydata);

	if (!e || (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) ==
			  OSSL_KEYMGMT_SELECT_KEYPAIR)
		return wdp_pkey_validate(keydata, selection, checktype);
	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY && !e->has_pub)
		return 0;
	return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || e->has_priv;
}

/* ---- generation ------------------------------------------------------------------ */

struct wdp_ec_gen {
	struct wdp_ctx *prov;
	const struct wdp_pkey_spec *spec;
	int selection;
	const struct wdp_curve *curve; /* NULL: not named yet */
	void *twin; /* wdp_pkey_gen(); NULL: nothing asks for it */
};

static void *ec_any_gen_init(void *provctx, int selection,
			     const OSSL_PARAM params[],
			     const struct wdp_pkey_spec *spec);

static OSSL_FUNC_keymgmt_gen_init_fn ec_gen_begin, sm2_gen_begin;
static void *ec_gen_begin(void *provctx, int selection,
			  const OSSL_PARAM params[])
{
	return ec_any_gen_init(provctx, selection, params, &wdp_ec_spec);
}

static void *sm2_gen_begin(void *provctx, int selection,
			   const OSSL_PARAM params[])
{
	return ec_any_gen_init(provctx, selection, params, &wdp_sm2_spec);
}

/* From here on the twin generates. */
static bool ec_gen_to_twin(struct wdp_ec_gen *g)
{
	OSSL_PARAM params[2] = { 0 };

	if (g->twin)
		return true;
	if (g->curve)
		params[0] = OSSL_PARAM_construct_utf8_string(
			OSSL_PKEY_PARAM_GROUP_NAME, (char *)g->curve->name, 0);
	g->twin = wdp_pkey_gen_init(g->prov, g->selection, params, g->spec);
	return g->twin;
}

/* A curve by name, and what says no more than a name does. */
static bool ec_gen_lean_params(struct wdp_ec_gen *g, const OSSL_PARAM params[])
{
	const struct wdp_curve *c = g->curve;
	const char *name;

	if (!ec_settings_default(params))
		return false;
	for (const OSSL_PARAM *p = params; p->key; p++) {
		if (!strcmp(p->key, OSSL_PKEY_PARAM_EC_ENCODING))
			continue;
		if (strcmp(p->key, OSSL_PKEY_PARAM_GROUP_NAME) ||
		    !OSSL_PARAM_get_utf8_string_ptr(p, &name))
			return false;
		c = wdp_curve_named(g->prov, name);
		if (!ec_curve_lean(c, g->spec))
			return false;
	}
	g->curve = c;
	return true;
}

static OSSL_FUNC_keymgmt_gen_set_params_fn ec_gen_set_params;
static int ec_gen_set_params(void *genctx, const OSSL_PARAM params[])
{
	struct wdp_ec_gen *g = genctx;

	if (!params || (!g->twin && ec_gen_lean_params(g, params)))
		return 1;
	return ec_gen_to_twin(g) && wdp_pkey_gen_set_params(g->twin, params);
}

static OSSL_FUNC_keymgmt_gen_cleanup_fn ec_gen_cleanup;
static void ec_gen_cleanup(void *genctx)
{
	struct wdp_ec_gen *g = genctx;

	if (!g)
		return;
	wdp_pkey_gen_cleanup(g->twin);
	free(g);
}

static void *ec_any_gen_init(void *provctx, int selection,
			     const OSSL_PARAM params[],
			     const struct wdp_pkey_spec *spec)
{
	struct wdp_ec_gen *g;

	if (!(selection & OSSL_KEYMGMT_SELECT_ALL))
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->prov = provctx;
	g->spec = spec;
	g->selection = selection;
	if (ec_gen_set_params(g, params))
		return g;
	ec_gen_cleanup(g);
	return NULL;
}

static OSSL_FUNC_keymgmt_gen_set_template_fn ec_gen_set_template;
static int ec_gen_set_template(void *genctx, void *templ)
{
	struct wdp_ec_gen *g = genctx;
	const struct wdp_ec *e = ec_lean(templ);

	if (e && !g->twin) {
		g->curve = e->curve;
		return 1;
	}
	return ec_gen_to_twin(g) && wdp_pkey_gen_set_template(g->twin, templ);
}

/* What must not be found on the stack of a dropped job. */
struct ec_gen_room {
	uint8_t d[WDP_EC_WIDTH_MAX], block[4 * WDP_EC_WIDTH_MAX],
		g[2 * WDP_EC_WIDTH_MAX], q[2 * WDP_EC_WIDTH_MAX];
};

static int ec_gen_multiply(struct wdp_ec_gen *g, struct ec_gen_room *r,
			   struct offload_waiter *w)
{
	const struct wdp_curve *c = g->curve;
	int rc = wdp_ec_draw(g->prov, c, r->d);

	if (!rc)
		rc = wdp_ec_mul_block(r->block, c, r->d);
	if (rc)
		return rc;
	memcpy(r->g, c->gx, c->width);
	memcpy(r->g + c->width, c->gy, c->width);
	return wdp_ec_mul(g->prov, c, r->block, r->g, r->q, w);
}

/* Private key and point of @e.  Return: 0, -errno of the device. */
static int ec_gen_numbers(struct wdp_ec_gen *g, struct wdp_ec *e)
{
	struct offload_waiter *w;
	struct ec_gen_room *r = wdp_room_get(g->prov, sizeof(*r), &w);
	int rc;

	if (!r)
		return -ENOMEM;
	rc = ec_gen_multiply(g, r, w);
	if (!rc) {
		memcpy(e->d, r->d, g->curve->width);
		memcpy(e->x, r->q, g->curve->width);
		memcpy(e->y, r->q + g->curve->width, g->curve->width);
		e->has_pub = true;
		e->has_priv = true;
	}
	wdp_room_put(g->prov, r, sizeof(*r), w);
	return rc;
}

static bool ec_gen_offloads(const struct wdp_ec_gen *g)
{
	struct offload *off = g->prov->off;

	if (offload_choose(off, OFFLOAD_ECDH, g->curve->field_len) &&
	    offload_has_hpre(off, OFFLOAD_ECDH, HPRE_ALG_EC_MUL,
			     g->curve->width))
		return true;
	offload_count_software(off, OFFLOAD_ECDH);
	return false;
}

static struct wdp_pkey *ec_gen_wrap(struct wdp_ec_gen *g, struct wdp_ec *e)
{
	struct wdp_pkey *k = wdp_pkey_new(g->prov, g->spec);

	if (k)
		ec_set_lean(k, e);
	else
		wdp_ec_free(e);
	return k;
}

/* The next key of a lean context may be the device's again. */
static void *ec_gen_software(struct wdp_ec_gen *g, OSSL_CALLBACK *cb, void *arg)
{
	bool lean = !g->twin;
	void *key = NULL;

	if (ec_gen_to_twin(g))
		key = wdp_pkey_gen(g->twin, cb, arg);
	if (lean) {
		wdp_pkey_gen_cleanup(g->twin);
		g->twin = NULL;
	}
	return key;
}

static OSSL_FUNC_keymgmt_gen_fn ec_gen;
static void *ec_gen(void *genctx, OSSL_CALLBACK *cb, void *arg)
{
	struct wdp_ec_gen *g = genctx;
	bool pair = g->selection & OSSL_KEYMGMT_SELECT_KEYPAIR;
	struct wdp_ec *e;
	int rc = 0;

	if (!g->twin && !g->curve && g->spec == &wdp_sm2_spec)
		g->curve = wdp_curve_named(g->prov, SN_sm2);
	if (g->twin || !ec_curve_lean(g->curve, g->spec) ||
	    (pair && !ec_gen_offloads(g)))
		goto software;
	e = wdp_ec_new(g->curve);
	if (!e)
		return NULL;
	if (pair)
		rc = ec_gen_numbers(g, e);
	if (!rc)
		return ec_gen_wrap(g, e);
	wdp_ec_free(e);
	if (!wdp_software_may(g->prov, OFFLOAD_ECDH, rc))
		return NULL;
software:
	return ec_gen_software(g, cb, arg);
}

/* ---- rows -------------------------------------------------------------------------- */

#define EC_OWN_FNS(id)                                                         \
	{ WDP_FN(KEYMGMT_GEN_INIT, id##_gen_begin) },                          \
		{ WDP_FN(KEYMGMT_GEN_SET_TEMPLATE, ec_gen_set_template) },     \
		{ WDP_FN(KEYMGMT_GEN_SET_PARAMS, ec_gen_set_params) },         \
		{ WDP_FN(KEYMGMT_GEN, ec_gen) },                               \
		{ WDP_FN(KEYMGMT_GEN_CLEANUP, ec_gen_cleanup) },               \
		{ WDP_FN(KEYMGMT_DUP, ec_dup) },                               \
		{ WDP_FN(KEYMGMT_HAS, ec_has) },                               \
		{ WDP_FN(KEYMGMT_MATCH, ec_match) },                           \
		{ WDP_FN(KEYMGMT_VALIDATE, ec_validate) },                     \
		{ WDP_FN(KEYMGMT_IMPORT, ec_import) },                         \
		{ WDP_FN(KEYMGMT_GET_PARAMS, ec_get_params) },                 \
	{                                                                      \
		WDP_FN(KEYMGMT_SET_PARAMS, ec_set_params)                      \
	}

const OSSL_DISPATCH wdp_ec_keymgmt_fns[] = {
	EC_OWN_FNS(ec),
	WDP_KEYMGMT_FNS(ec),
	{ 0, NULL },
};

const OSSL_DISPATCH wdp_sm2_keymgmt_fns[] = {
	EC_OWN_FNS(sm2),
	WDP_KEYMGMT_FNS(sm2),
	{ 0, NULL },
};
