/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key objects.  What a key is, which parameters it takes and gives, and what
 * makes it valid is asked of the twin; by hand is only what lies between two
 * objects (references, copies of a part, comparison) and the empty key, which
 * libcrypto makes before every import.
 */
#include "provider/wdp_pkey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "base/wd_base.h"

/* ---- the object ---------------------------------------------------------- */

void *wdp_pkey_new(void *provctx, const struct wdp_pkey_spec *spec)
{
	struct wdp_pkey *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->refs = 1;
	k->prov = provctx;
	k->spec = spec;
	pthread_mutex_init(&k->dev_lock, NULL);
	return k;
}

struct wdp_pkey *wdp_pkey_get(struct wdp_pkey *k)
{
	atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

static void wdp_pkey_drop_dev(struct wdp_pkey *k)
{
	void *dev = atomic_exchange(&k->dev, NULL);

	if (dev)
		k->spec->dev_free(dev);
}

void wdp_pkey_put(struct wdp_pkey *k)
{
	if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	wdp_pkey_drop_dev(k);
	EVP_PKEY_free(k->twin);
	pthread_mutex_destroy(&k->dev_lock);
	free(k);
}

void wdp_pkey_free(void *keydata)
{
	wdp_pkey_put(keydata);
}

static bool wdp_pkey_answers(const EVP_PKEY *twin, OSSL_PARAM question)
{
	OSSL_PARAM params[] = { question, OSSL_PARAM_construct_end() };

	return EVP_PKEY_get_params(twin, params) &&
	       OSSL_PARAM_modified(&params[0]) && params[0].return_size;
}

/* Asks for the size, so that no secret is copied; EC tells a private key only to
 * who brings room for it. */
bool wdp_pkey_part(const EVP_PKEY *twin, const char *name)
{
	unsigned char room[128]; /* 72 is the most, with curve B-571 */
	bool there;

	ERR_set_mark();
	there = wdp_pkey_answers(twin,
				 OSSL_PARAM_construct_BN(name, NULL, 0)) ||
		wdp_pkey_answers(twin, OSSL_PARAM_construct_octet_string(
					       name, NULL, 0)) ||
		wdp_pkey_answers(twin, OSSL_PARAM_construct_BN(name, room,
							       sizeof(room)));
	ERR_pop_to_mark();
	OPENSSL_cleanse(room, sizeof(room));
	return there;
}

static void wdp_pkey_facts(struct wdp_pkey *k)
{
	/* Keys of MACs have neither, of which 3.5 complains. */
	ERR_set_mark();
	k->bits = (unsigned int)EVP_PKEY_get_bits(k->twin);
	k->size = (size_t)EVP_PKEY_get_size(k->twin);
	ERR_pop_to_mark();
	k->has_priv = wdp_pkey_part(k->twin, k->spec->priv_param);
	k->has_pub = k->spec->pub_param
			     ? wdp_pkey_part(k->twin, k->spec->pub_param)
			     : k->has_priv;
}

/* Takes over @twin; what was made of an earlier one goes. */
static void wdp_pkey_adopt(struct wdp_pkey *k, EVP_PKEY *twin)
{
	wdp_pkey_drop_dev(k);
	EVP_PKEY_free(atomic_exchange(&k->twin, twin));
	wdp_pkey_facts(k);
}

void wdp_pkey_set_lean(struct wdp_pkey *k, void *dev)
{
	wdp_pkey_drop_dev(k);
	EVP_PKEY_free(atomic_exchange(&k->twin, NULL));
	atomic_store_explicit(&k->dev, dev, memory_order_release);
}

bool wdp_pkey_empty(const struct wdp_pkey *k)
{
	return !atomic_load_explicit(&k->twin, memory_order_acquire) &&
	       !atomic_load_explicit(&k->dev, memory_order_acquire);
}

EVP_PKEY *wdp_pkey_twin(const struct wdp_pkey *key)
{
	struct wdp_pkey *k = (struct wdp_pkey *)key;
	EVP_PKEY *twin = atomic_load_explicit(&k->twin, memory_order_acquire);

	if (twin || !k->spec->materialise || wdp_pkey_empty(k))
		return twin;
	pthread_mutex_lock(&k->dev_lock);
	twin = atomic_load_explicit(&k->twin, memory_order_relaxed);
	if (!twin) {
		twin = k->spec->materialise(k);
		atomic_store_explicit(&k->twin, twin, memory_order_release);
	}
	pthread_mutex_unlock(&k->dev_lock);
	return twin;
}

void *wdp_pkey_dev(struct wdp_pkey *k, void *(*make)(const struct wdp_pkey *k))
{
	void *dev = atomic_load_explicit(&k->dev, memory_order_acquire);

	if (dev)
		return dev;
	pthread_mutex_lock(&k->dev_lock);
	dev = atomic_load_explicit(&k->dev, memory_order_relaxed);
	if (!dev) {
		dev = make(k);
		atomic_store_explicit(&k->dev, dev, memory_order_release);
	}
	pthread_mutex_unlock(&k->dev_lock);
	return dev;
}

void wdp_pkey_native(uint8_t *to, const uint8_t *from, size_t len)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (size_t i = 0; i < len; i++)
		to[i] = from[len - 1 - i];
#else
	memcpy(to, from, len);
#endif
}

/* Not as a BIGNUM: libcrypto takes a buffer of 2 KiB for those, and its time. */
size_t wdp_pkey_number(const EVP_PKEY *twin, const char *name, uint8_t *to,
		       size_t size)
{
	uint8_t native[WDP_NUMBER_MAX];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_BN(name, native, size),
		OSSL_PARAM_construct_end(),
	};
	size_t skip = 0;

	if (size > sizeof(native))
		return 0;
	ERR_set_mark();
	if (!EVP_PKEY_get_params(twin, params) ||
	    !OSSL_PARAM_modified(&params[0]))
		skip = size;
	ERR_pop_to_mark();
	if (!skip)
		wdp_pkey_native(to, native, size);
	wd_wipe(native, size);
	while (skip < size && !to[skip])
		skip++;
	return size - skip;
}

struct wdp_pkey *wdp_pkey_wrap(struct wdp_ctx *p,
			       const struct wdp_pkey_spec *spec, EVP_PKEY *twin)
{
	struct wdp_pkey *k = wdp_pkey_new(p, spec);

	if (k)
		wdp_pkey_adopt(k, twin);
	return k;
}

void *wdp_pkey_load(const void *reference, size_t size,
		    const struct wdp_pkey_spec *spec)
{
	struct wdp_pkey_reference *ref = (void *)reference;
	struct wdp_pkey *k;

	if (size != sizeof(*ref) || !ref->key || ref->key->spec != spec)
		return NULL;
	k = ref->key;
	/* The decoder frees what is left in it. */
	ref->key = NULL;
	return k;
}

/* ---- parameters ---------------------------------------------------------- */

static bool wdp_pkey_is_props(const char *key)
{
	static const char *const props[] = {
		OSSL_PKEY_PARAM_PROPERTIES,
		OSSL_PKEY_PARAM_MGF1_PROPERTIES,
		OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST_PROPS,
		OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS,
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(props); i++)
		if (!strcmp(key, props[i]))
			return true;
	return false;
}

const OSSL_PARAM *wdp_pkey_params(const OSSL_PARAM params[], OSSL_PARAM **made)
{
	size_t n = 0, props = 0;
	char *empty;

	*made = NULL;
	for (; params && params[n].key; n++)
		props += wdp_pkey_is_props(params[n].key);
	if (!props)
		return params;
	*made = calloc(n + 1, sizeof(**made));
	if (!*made)
		return NULL;
	empty = (char *)(*made + n); /* the end of the list is all zeros */
	for (size_t i = 0; i < n; i++)
		(*made)[i] = wdp_pkey_is_props(params[i].key)
				     ? OSSL_PARAM_construct_utf8_string(
					       params[i].key, empty, 0)
				     : params[i];
	return *made;
}

EVP_PKEY_CTX *wdp_pkey_twin_ctx(struct wdp_pkey *k)
{
	OSSL_LIB_CTX *libctx = wdp_twin(k->prov);
	EVP_PKEY *twin = wdp_pkey_twin(k);
	EVP_PKEY_CTX *ctx;

	if (!libctx)
		return NULL;
	if (!twin) {
		wdp_raise(k->prov, WDP_R_NO_KEY, "the key is empty");
		return NULL;
	}
	ctx = EVP_PKEY_CTX_new_from_pkey(libctx, twin, NULL);
	if (!ctx)
		wdp_raise(k->prov, WDP_R_OUT_OF_MEMORY, NULL);
	return ctx;
}

int wdp_pkey_get_params(void *keydata, OSSL_PARAM params[])
{
	EVP_PKEY *twin = wdp_pkey_twin(keydata);

	if (twin)
		return EVP_PKEY_get_params(twin, params);
	return !OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_BITS) &&
	       !OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_SECURITY_BITS) &&
	       !OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_MAX_SIZE);
}

int wdp_pkey_set_params(void *keydata, const OSSL_PARAM params[])
{
	struct wdp_pkey *k = keydata;
	EVP_PKEY *twin = wdp_pkey_twin(k);

	if (!twin || !EVP_PKEY_set_params(twin, (OSSL_PARAM *)params))
		return 0;
	wdp_pkey_drop_dev(k);
	wdp_pkey_facts(k);
	return 1;
}

/* ---- what is in it ------------------------------------------------------- */

int wdp_pkey_has(const void *keydata, int selection)
{
	const struct wdp_pkey *k = keydata;

	if (!k)
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_KEYPAIR && !k->has_pub)
		return 0;
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY && !k->has_priv)
		return 0;
	/* Parameters, where a type has them, come with any key. */
	if (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS &&
	    k->spec->has_params && wdp_pkey_empty(k))
		return 0;
	return 1;
}

static bool wdp_pkey_same_private(const struct wdp_pkey *a,
				  const struct wdp_pkey *b)
{
	OSSL_PARAM *pa = NULL, *pb = NULL;
	const OSSL_PARAM *da, *db;
	bool same = false;

	if (EVP_PKEY_todata(wdp_pkey_twin(a), EVP_PKEY_KEYPAIR, &pa) <= 0 ||
	    EVP_PKEY_todata(wdp_pkey_twin(b), EVP_PKEY_KEYPAIR, &pb) <= 0)
		goto free_params;
	da = OSSL_PARAM_locate_const(pa, a->spec->priv_param);
	db = OSSL_PARAM_locate_const(pb, b->spec->priv_param);
	same = da && db && da->data_size == db->data_size &&
	       wd_equal_ct(da->data, db->data, da->data_size);

free_params:
	OSSL_PARAM_free(pa);
	OSSL_PARAM_free(pb);
	return same;
}

int wdp_pkey_match(const void *a, const void *b, int selection)
{
	const struct wdp_pkey *x = a, *y = b;
	EVP_PKEY *xt = wdp_pkey_twin(x), *yt = wdp_pkey_twin(y);
	bool public = selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY,
	     private = selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY;

	if (!xt || !yt)
		return xt == yt && !public && !private;
	if (public && x->has_pub && y->has_pub)
		return EVP_PKEY_eq(xt, yt) == 1;
	if (EVP_PKEY_parameters_eq(xt, yt) != 1)
		return 0;
	if (private && x->has_priv && y->has_priv)
		return wdp_pkey_same_private(x, y);
	return !public && !private;
}

static int wdp_pkey_check(EVP_PKEY_CTX *ctx, int selection, int checktype)
{
	bool quick = checktype == OSSL_KEYMGMT_VALIDATE_QUICK_CHECK;

	if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) ==
	    OSSL_KEYMGMT_SELECT_KEYPAIR)
		return EVP_PKEY_pairwise_check(ctx);
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return EVP_PKEY_private_check(ctx);
	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY)
		return quick ? EVP_PKEY_public_check_quick(ctx)
			     : EVP_PKEY_public_check(ctx);
	return 1;
}

int wdp_pkey_validate(const void *keydata, int selection, int checktype)
{
	struct wdp_pkey *k = (struct wdp_pkey *)keydata;
	EVP_PKEY_CTX *ctx;
	int ok = 1;

	if (!(selection & OSSL_KEYMGMT_SELECT_ALL))
		return 1;
	ctx = wdp_pkey_twin_ctx(k);
	if (!ctx)
		return 0;
	if (k->spec->has_params &&
	    selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS)
		ok = EVP_PKEY_param_check(ctx) > 0;
	ok = ok && wdp_pkey_check(ctx, selection, checktype) > 0;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* ---- in, out, copies ----------------------------------------------------- */

static EVP_PKEY *wdp_pkey_make(const struct wdp_pkey *k, int selection,
			       const OSSL_PARAM params[])
{
	OSSL_LIB_CTX *libctx = wdp_twin(k->prov);
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *twin = NULL;
	OSSL_PARAM *made;

	if (!libctx)
		return NULL;
	params = wdp_pkey_params(params, &made);
	ctx = EVP_PKEY_CTX_new_from_name(libctx, k->spec->type, NULL);
	if (ctx && params && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &twin, selection, (OSSL_PARAM *)params) <=
		    0) {
		EVP_PKEY_free(twin);
		twin = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	free(made);
	return twin;
}

/* Into a key that has something already: what is new wins. */
static EVP_PKEY *wdp_pkey_make_more(const struct wdp_pkey *k, int selection,
				    const OSSL_PARAM params[])
{
	OSSL_PARAM *old = NULL, *both = NULL;
	EVP_PKEY *twin = NULL;

	if (EVP_PKEY_todata(wdp_pkey_twin(k), OSSL_KEYMGMT_SELECT_ALL, &old) <=
	    0)
		return NULL;
	both = OSSL_PARAM_merge(old, params);
	if (both)
		twin = wdp_pkey_make(k, selection | OSSL_KEYMGMT_SELECT_ALL,
				     both);
	OSSL_PARAM_free(both);
	OSSL_PARAM_free(old);
	return twin;
}

int wdp_pkey_import(void *keydata, int selection, const OSSL_PARAM params[])
{
	struct wdp_pkey *k = keydata;
	EVP_PKEY *twin;

	if (wdp_pkey_empty(k))
		twin = wdp_pkey_make(k, selection, params);
	else
		twin = wdp_pkey_make_more(k, selection, params);
	if (!twin)
		return 0;
	wdp_pkey_adopt(k, twin);
	return 1;
}

int wdp_pkey_export(void *keydata, int selection, OSSL_CALLBACK *cb, void *arg)
{
	EVP_PKEY *twin = wdp_pkey_twin(keydata);
	const OSSL_PARAM none = OSSL_PARAM_construct_end();

	if (!twin)
		return selection & OSSL_KEYMGMT_SELECT_ALL ? cb(&none, arg) : 0;
	return EVP_PKEY_export(twin, selection, cb, arg);
}

/* A key with the parameters of @k and nothing else. */
static EVP_PKEY *wdp_pkey_blank(const struct wdp_pkey *k)
{
	EVP_PKEY *twin = EVP_PKEY_new();

	if (twin && EVP_PKEY_copy_parameters(twin, wdp_pkey_twin(k)) > 0)
		return twin;
	EVP_PKEY_free(twin);
	return NULL;
}

static EVP_PKEY *wdp_pkey_copy(const struct wdp_pkey *k, int selection)
{
	OSSL_PARAM *params = NULL;
	EVP_PKEY *twin;

	if (!(selection & OSSL_KEYMGMT_SELECT_KEYPAIR))
		return wdp_pkey_blank(k);
	if (!k->has_priv || selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return EVP_PKEY_dup(wdp_pkey_twin(k));
	selection |= OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
	if (EVP_PKEY_todata(wdp_pkey_twin(k), selection, &params) <= 0)
		return NULL;
	twin = wdp_pkey_make(k, selection, params);
	OSSL_PARAM_free(params);
	return twin;
}

void *wdp_pkey_dup(const void *keydata, int selection)
{
	const struct wdp_pkey *k = keydata;
	struct wdp_pkey *copy;
	EVP_PKEY *twin;

	/* As libcrypto's own: copying must not make empty keys. */
	if (!(selection & OSSL_KEYMGMT_SELECT_KEYPAIR) && !k->spec->has_params)
		return NULL;
	if (wdp_pkey_empty(k))
		return wdp_pkey_new(k->prov, k->spec);
	twin = wdp_pkey_copy(k, selection);
	if (!twin)
		return NULL;
	copy = wdp_pkey_wrap(k->prov, k->spec, twin);
	if (!copy)
		EVP_PKEY_free(twin);
	return copy;
}

/* ---- generation ---------------------------------------------------------- */

struct wdp_pkey_gen {
	struct wdp_ctx *prov;
	const struct wdp_pkey_spec *spec;
	EVP_PKEY_CTX *ctx; /* of the twin */
	OSSL_CALLBACK *cb;
	void *arg;
};

void *wdp_pkey_gen_init(void *provctx, int selection, const OSSL_PARAM params[],
			const struct wdp_pkey_spec *spec)
{
	OSSL_LIB_CTX *libctx = wdp_twin(provctx);
	struct wdp_pkey_gen *g;
	int ok;

	if (!libctx ||
	    (!(selection & OSSL_KEYMGMT_SELECT_KEYPAIR) && !spec->has_params))
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->prov = provctx;
	g->spec = spec;
	g->ctx = EVP_PKEY_CTX_new_from_name(libctx, spec->type, NULL);
	if (!g->ctx)
		goto cleanup;
	ok = selection & OSSL_KEYMGMT_SELECT_KEYPAIR
		     ? EVP_PKEY_keygen_init(g->ctx)
		     : EVP_PKEY_paramgen_init(g->ctx);
	if (ok <= 0 || !wdp_pkey_gen_set_params(g, params))
		goto cleanup;
	return g;

cleanup:
	wdp_pkey_gen_cleanup(g);
	return NULL;
}

int wdp_pkey_gen_set_params(void *genctx, const OSSL_PARAM params[])
{
	struct wdp_pkey_gen *g = genctx;
	OSSL_PARAM *made;
	int ok;

	if (!params)
		return 1;
	params = wdp_pkey_params(params, &made);
	ok = params && EVP_PKEY_CTX_set_params(g->ctx, params) > 0;
	free(made);
	return ok;
}

/* What was set before belongs to the old context and is taken from @templ. */
int wdp_pkey_gen_set_template(void *genctx, void *templ)
{
	struct wdp_pkey_gen *g = genctx;
	EVP_PKEY_CTX *ctx = wdp_pkey_twin_ctx(templ);

	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0) {
		EVP_PKEY_CTX_free(ctx);
		return 0;
	}
	EVP_PKEY_CTX_free(g->ctx);
	g->ctx = ctx;
	return 1;
}

/* Progress, from the twin's form of telling it to the core's. */
static int wdp_pkey_gen_progress(EVP_PKEY_CTX *ctx)
{
	struct wdp_pkey_gen *g = EVP_PKEY_CTX_get_app_data(ctx);
	int potential = EVP_PKEY_CTX_get_keygen_info(ctx, 0);
	int iteration = EVP_PKEY_CTX_get_keygen_info(ctx, 1);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_GEN_PARAM_POTENTIAL, &potential),
		OSSL_PARAM_construct_int(OSSL_GEN_PARAM_ITERATION, &iteration),
		OSSL_PARAM_construct_end(),
	};

	return g->cb(params, g->arg);
}

void *wdp_pkey_gen(void *genctx, OSSL_CALLBACK *cb, void *arg)
{
	struct wdp_pkey_gen *g = genctx;
	struct wdp_pkey *k;
	EVP_PKEY *twin = NULL;

	g->cb = cb;
	g->arg = arg;
	EVP_PKEY_CTX_set_app_data(g->ctx, g);
	EVP_PKEY_CTX_set_cb(g->ctx, cb ? wdp_pkey_gen_progress : NULL);
	if (EVP_PKEY_generate(g->ctx, &twin) <= 0)
		return NULL;
	k = wdp_pkey_wrap(g->prov, g->spec, twin);
	if (!k)
		EVP_PKEY_free(twin);
	return k;
}

void wdp_pkey_gen_cleanup(void *genctx)
{
	struct wdp_pkey_gen *g = genctx;

	if (!g)
		return;
	EVP_PKEY_CTX_free(g->ctx);
	free(g);
}
