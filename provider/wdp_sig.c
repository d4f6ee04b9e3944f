/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_sig.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/params.h>

#include "base/wd_base.h"

#define WDP_SIG_NAME_MAX 50 /* bytes of a digest's name, for libcrypto */

/* ---- the context --------------------------------------------------------- */

void *wdp_sig_new(void *provctx, const struct wdp_sig_ops *ops)
{
	struct wdp_sig *s = calloc(1, ops->size);

	if (!s)
		return NULL;
	s->ops = ops;
	s->prov = provctx;
	return s;
}

void wdp_sig_free(void *ctx)
{
	struct wdp_sig *s = ctx;

	if (!s)
		return;
	if (s->ops->fini)
		s->ops->fini(s);
	EVP_MD_CTX_free(s->along);
	EVP_MD_CTX_free(s->stream);
	EVP_MD_CTX_free(s->scratch);
	EVP_PKEY_CTX_free(s->twin);
	wdp_pkey_put(s->key);
	free(s->given);
	free(s);
}

static bool wdp_sig_dup_md(EVP_MD_CTX **to, const EVP_MD_CTX *from)
{
	if (!from)
		return true;
	*to = EVP_MD_CTX_new();
	return *to && EVP_MD_CTX_copy_ex(*to, from);
}

void *wdp_sig_dup(void *ctx)
{
	const struct wdp_sig *s = ctx;
	struct wdp_sig *copy = malloc(s->ops->size);

	if (!copy)
		return NULL;
	memcpy(copy, s, s->ops->size);
	copy->scratch = NULL;
	copy->stream = NULL;
	copy->along = NULL;
	copy->twin = NULL;
	copy->given = NULL;
	if (s->key)
		wdp_pkey_get(s->key);
	if (s->given && !(copy->given = malloc(s->given_len + 1)))
		goto free_copy;
	if (s->given)
		memcpy(copy->given, s->given, s->given_len);
	if (s->ops->copy && !s->ops->copy(copy, s))
		goto free_copy;
	if (s->twin && !(copy->twin = EVP_PKEY_CTX_dup(s->twin)))
		goto free_copy;
	if (!wdp_sig_dup_md(&copy->along, s->along) ||
	    !wdp_sig_dup_md(&copy->stream, s->stream))
		goto free_copy;
	return copy;

free_copy:
	wdp_sig_free(copy);
	return NULL;
}

EVP_MD_CTX *wdp_sig_scratch(struct wdp_sig *s)
{
	if (!s->scratch)
		s->scratch = EVP_MD_CTX_new();
	return s->scratch;
}

EVP_PKEY_CTX *wdp_sig_twin(const struct wdp_sig *s)
{
	return s->along ? EVP_MD_CTX_get_pkey_ctx(s->along) : s->twin;
}

int wdp_sig_in_software(struct wdp_sig *s, enum offload_kind kind)
{
	offload_count_software(s->prov->off, kind);
	return WDP_IN_SOFTWARE;
}

/* ---- parameters ---------------------------------------------------------- */

bool wdp_sig_known(struct wdp_sig *s)
{
	if (!s->known)
		s->known = wdp_sig_need(s) && s->ops->read(s);
	return s->known;
}

static bool wdp_sig_same_size(struct wdp_sig *s, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p;
	size_t size;

	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE);
	return !p || !s->ops->digest_size ||
	       (OSSL_PARAM_get_size_t(p, &size) && wdp_sig_known(s) && s->md &&
		size == (size_t)EVP_MD_get_size(s->md));
}

static bool wdp_sig_same_digest(struct wdp_sig *s, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p;
	const char *name;

	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
	return !p || (OSSL_PARAM_get_utf8_string_ptr(p, &name) &&
		      wdp_sig_known(s) && s->md && EVP_MD_is_a(s->md, name));
}

/* While a digest runs it may be named again, but not changed. */
static bool wdp_sig_digest_kept(struct wdp_sig *s, const OSSL_PARAM params[])
{
	if (!s->digesting ||
	    (wdp_sig_same_size(s, params) && wdp_sig_same_digest(s, params)))
		return true;
	wdp_raise(s->prov, WDP_R_DIGEST_NOT_ALLOWED,
		  "the digest of a running operation can't change");
	return false;
}

static int wdp_sig_give_params(struct wdp_sig *s, const OSSL_PARAM params[])
{
	OSSL_PARAM *made;
	int ok;

	s->known = false;
	params = wdp_pkey_params(params, &made);
	ok = params && EVP_PKEY_CTX_set_params(wdp_sig_twin(s), params) > 0;
	if (ok && s->ops->took)
		ok = s->ops->took(s, params);
	free(made);
	return ok;
}

int wdp_sig_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_sig *s = ctx;

	if (!s)
		return 0;
	if (!params)
		return 1;
	return wdp_sig_need(s) && wdp_sig_digest_kept(s, params) &&
	       wdp_sig_give_params(s, params);
}

int wdp_sig_get_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_sig *s = ctx;

	return s && wdp_sig_need(s) &&
	       EVP_PKEY_CTX_get_params(wdp_sig_twin(s), params) > 0;
}

const OSSL_PARAM *wdp_sig_gettable(struct wdp_sig *s,
				   const struct wdp_sig_ops *ops)
{
	return s && wdp_sig_need(s)
		       ? EVP_PKEY_CTX_gettable_params(wdp_sig_twin(s))
		       : ops->gettables;
}

const OSSL_PARAM *wdp_sig_settable(struct wdp_sig *s,
				   const struct wdp_sig_ops *ops)
{
	if (s && s->digesting && ops->digest_settables)
		return ops->settables + ops->digest_settables;
	return s && wdp_sig_need(s)
		       ? EVP_PKEY_CTX_settable_params(wdp_sig_twin(s))
		       : ops->settables;
}

/* Parameters of the running digest itself. */
int wdp_sig_get_md_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_sig *s = ctx;

	return s->stream && EVP_MD_CTX_get_params(s->stream, params);
}

int wdp_sig_set_md_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_sig *s = ctx;

	return s->stream && EVP_MD_CTX_set_params(s->stream, params);
}

const OSSL_PARAM *wdp_sig_gettable_md(void *ctx)
{
	struct wdp_sig *s = ctx;

	return wdp_sig_known(s) && s->md ? EVP_MD_gettable_ctx_params(s->md)
					 : NULL;
}

const OSSL_PARAM *wdp_sig_settable_md(void *ctx)
{
	struct wdp_sig *s = ctx;

	return wdp_sig_known(s) && s->md ? EVP_MD_settable_ctx_params(s->md)
					 : NULL;
}

/* ---- init ---------------------------------------------------------------- */

int wdp_sig_set_digest(struct wdp_sig *s, const char *name)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST,
						 (char *)name, 0),
		OSSL_PARAM_construct_end(),
	};

	if (!wdp_sig_need(s))
		return 0;
	s->known = false;
	return EVP_PKEY_CTX_set_params(s->twin, params) > 0;
}

static void wdp_sig_put_key(struct wdp_sig *s, struct wdp_pkey *k,
			    EVP_PKEY_CTX *twin)
{
	EVP_PKEY_CTX_free(s->twin);
	s->twin = twin;
	s->waits = NULL;
	wdp_pkey_get(k);
	wdp_pkey_put(s->key);
	s->key = k;
}

static bool wdp_sig_take_key(struct wdp_sig *s, struct wdp_pkey *k)
{
	EVP_PKEY_CTX *twin = wdp_pkey_twin_ctx(k);

	if (twin)
		wdp_sig_put_key(s, k, twin);
	return twin;
}

bool wdp_sig_need(struct wdp_sig *s)
{
	const EVP_MD *md = s->md;

	if (s->twin || !s->waits)
		return s->twin;
	s->twin = wdp_pkey_twin_ctx(s->key);
	if (s->twin && s->waits(s->twin, NULL) > 0 &&
	    (!md || wdp_sig_set_digest(s, EVP_MD_get0_name(md))))
		return true;
	EVP_PKEY_CTX_free(s->twin);
	s->twin = NULL;
	return false;
}

/* A digest libcrypto would take for any algorithm: the twin need not say. */
static bool wdp_sig_usual(const EVP_MD *md)
{
	return EVP_MD_get_size(md) > 0 &&
	       !(EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF);
}

/*
 * An init that needs no twin.  @name NULL: of a digest made elsewhere.
 * Return: false: it does, nothing has changed.
 */
static bool wdp_sig_put_off(struct wdp_sig *s, struct wdp_pkey *k,
			    const char *name, const OSSL_PARAM params[],
			    wdp_sig_twin_init *init)
{
	const EVP_MD *md = NULL;

	if (!s || !k || wdp_pkey_empty(k) || !s->ops->plain ||
	    (params && params->key))
		return false;
	if (name)
		md = *name && strlen(name) < WDP_SIG_NAME_MAX
			     ? wdp_twin_md(s->prov, name)
			     : NULL;
	if (name && (!md || !wdp_sig_usual(md)))
		return false;
	wdp_sig_put_key(s, k, NULL);
	s->waits = init;
	s->md = md;
	s->ops->plain(s);
	s->known = true;
	s->digesting = false;
	return true;
}

/* Without a key it is the last one's again, and so is the digest. */
static int wdp_sig_begin(struct wdp_sig *s, struct wdp_pkey *k,
			 wdp_sig_twin_init *init)
{
	const EVP_MD *again = NULL;

	if (!s)
		return 0;
	if (!k && !s->key) {
		wdp_raise(s->prov, WDP_R_NO_KEY, NULL);
		return 0;
	}
	s->digesting = false;
	if (k ? !wdp_sig_take_key(s, k) : !wdp_sig_need(s))
		return 0;
	if (!k && !s->ops->digests_along && wdp_sig_known(s))
		again = s->md;
	s->known = false;
	return init(s->twin, NULL) > 0 &&
	       (!again || wdp_sig_set_digest(s, EVP_MD_get0_name(again)));
}

static void wdp_sig_drop_along(struct wdp_sig *s)
{
	EVP_MD_CTX_free(s->along);
	s->along = NULL;
}

int wdp_sig_init(struct wdp_sig *s, struct wdp_pkey *k,
		 const OSSL_PARAM params[], wdp_sig_twin_init *init)
{
	if (wdp_sig_put_off(s, k, NULL, params, init))
		return 1;
	if (!wdp_sig_begin(s, k, init))
		return 0;
	wdp_sig_drop_along(s);
	return !params || wdp_sig_give_params(s, params);
}

int wdp_sig_sign_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return wdp_sig_init(ctx, key, params, EVP_PKEY_sign_init_ex);
}

int wdp_sig_verify_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return wdp_sig_init(ctx, key, params, EVP_PKEY_verify_init_ex);
}

/* The two ways a digest operation begins. */
struct wdp_sig_way {
	wdp_sig_twin_init *raw;
	int (*along)(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const char *md,
		     OSSL_LIB_CTX *libctx, const char *properties,
		     EVP_PKEY *key, const OSSL_PARAM params[]);
};

static const struct wdp_sig_way wdp_sig_signs = { EVP_PKEY_sign_init_ex,
						  EVP_DigestSignInit_ex };
static const struct wdp_sig_way wdp_sig_verifies = { EVP_PKEY_verify_init_ex,
						     EVP_DigestVerifyInit_ex };

/* Name and parameters to a twin that signs digests only raw. */
static bool wdp_sig_name_digest(struct wdp_sig *s, const char *name,
				const OSSL_PARAM params[])
{
	if ((params && !wdp_sig_give_params(s, params)) || !wdp_sig_known(s))
		return false;
	return !name || (*name && s->md && EVP_MD_is_a(s->md, name)) ||
	       wdp_sig_set_digest(s, name);
}

/* The same to one that goes along.  With a new key it is a new one, too. */
static bool wdp_sig_begin_along(struct wdp_sig *s, const char *name,
				struct wdp_pkey *k, const OSSL_PARAM params[],
				const struct wdp_sig_way *way)
{
	EVP_PKEY *again = k || !s->along ? wdp_pkey_twin(s->key) : NULL;
	OSSL_PARAM *made = NULL;
	bool ok;

	if (again) {
		wdp_sig_drop_along(s);
		s->along = EVP_MD_CTX_new();
	}
	if (params)
		params = wdp_pkey_params(params, &made);
	ok = s->along && way->along(s->along, NULL, name, wdp_twin(s->prov),
				    NULL, again, params) > 0;
	if (ok && params && s->ops->took)
		ok = s->ops->took(s, params);
	free(made);
	return ok;
}

/* The twin, or what it would say; then there is a key and a digest. */
static bool wdp_sig_digest_begin(struct wdp_sig *s, const char *name,
				 struct wdp_pkey *key,
				 const OSSL_PARAM params[],
				 const struct wdp_sig_way *way)
{
	if (name && wdp_sig_put_off(s, key, name, params, way->raw))
		return true;
	if (!wdp_sig_begin(s, key, way->raw))
		return false;
	return (s->ops->digests_along
			? wdp_sig_begin_along(s, name, key, params, way)
			: wdp_sig_name_digest(s, name, params)) &&
	       wdp_sig_known(s);
}

static int wdp_sig_digest_init(struct wdp_sig *s, const char *name,
			       struct wdp_pkey *key, const OSSL_PARAM params[],
			       const struct wdp_sig_way *way)
{
	if (!wdp_sig_digest_begin(s, name, key, params, way))
		return 0;
	s->digesting = true;
	s->prefixed = false;
	if (!s->stream)
		s->stream = EVP_MD_CTX_new();
	if (s->stream && EVP_DigestInit_ex2(s->stream, s->md, params))
		return 1;
	EVP_MD_CTX_free(s->stream);
	s->stream = NULL;
	return 0;
}

int wdp_sig_digest_sign_init(void *ctx, const char *name, void *key,
			     const OSSL_PARAM params[])
{
	return wdp_sig_digest_init(ctx, name, key, params, &wdp_sig_signs);
}

int wdp_sig_digest_verify_init(void *ctx, const char *name, void *key,
			       const OSSL_PARAM params[])
{
	return wdp_sig_digest_init(ctx, name, key, params, &wdp_sig_verifies);
}

/* ---- a digest made elsewhere --------------------------------------------- */

int wdp_sig_sign(void *ctx, uint8_t *sig, size_t *sig_len, size_t size,
		 const uint8_t *tbs, size_t len)
{
	struct wdp_sig *s = ctx;
	int rc = WDP_IN_SOFTWARE;

	if (!s->key)
		return 0;
	if (!sig) {
		*sig_len = s->key->size;
		return 1;
	}
	if (size >= s->key->size && wdp_sig_known(s))
		rc = s->ops->sign(s, sig, sig_len, tbs, len);
	if (rc != WDP_IN_SOFTWARE)
		return !rc;
	*sig_len = size;
	return wdp_sig_need(s) &&
	       EVP_PKEY_sign(s->twin, sig, sig_len, tbs, len) > 0;
}

int wdp_sig_verify(void *ctx, const uint8_t *sig, size_t sig_len,
		   const uint8_t *tbs, size_t len)
{
	struct wdp_sig *s = ctx;
	int rc = WDP_IN_SOFTWARE;

	if (!s->key)
		return 0;
	if (wdp_sig_known(s))
		rc = s->ops->verify(s, sig, sig_len, tbs, len);
	if (rc != WDP_IN_SOFTWARE)
		return !rc;
	return wdp_sig_need(s) &&
	       EVP_PKEY_verify(s->twin, sig, sig_len, tbs, len) > 0;
}

/* ---- a digest made here -------------------------------------------------- */

static bool wdp_sig_prefix(struct wdp_sig *s)
{
	if (s->prefixed || !s->ops->prefix)
		return true;
	s->prefixed = true;
	return s->ops->prefix(s);
}

int wdp_sig_digest_update(void *ctx, const uint8_t *data, size_t len)
{
	struct wdp_sig *s = ctx;

	return s && s->stream && wdp_sig_prefix(s) &&
	       EVP_DigestUpdate(s->stream, data, len);
}

static bool wdp_sig_digest_final(struct wdp_sig *s, uint8_t *digest,
				 unsigned int *len)
{
	return wdp_sig_prefix(s) && EVP_DigestFinal_ex(s->stream, digest, len);
}

int wdp_sig_digest_sign_final(void *ctx, uint8_t *sig, size_t *sig_len,
			      size_t size)
{
	struct wdp_sig *s = ctx;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	s->digesting = false;
	if (!s->stream || (sig && !wdp_sig_digest_final(s, digest, &len)))
		return 0;
	return wdp_sig_sign(s, sig, sig_len, size, digest, len);
}

int wdp_sig_digest_verify_final(void *ctx, const uint8_t *sig, size_t sig_len)
{
	struct wdp_sig *s = ctx;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	s->digesting = false;
	return s->stream && wdp_sig_digest_final(s, digest, &len) &&
	       wdp_sig_verify(s, sig, sig_len, digest, len);
}

/*
 * One-shot: libcrypto's own way, update and final on a copy of the context,
 * leaves the data in the stream.  The same here with a copy of the stream
 * alone, which saves the copy of everything else.
 */
static bool wdp_sig_digest_once(struct wdp_sig *s, const uint8_t *data,
				size_t data_len, uint8_t *digest,
				unsigned int *len)
{
	return wdp_sig_digest_update(s, data, data_len) && wdp_sig_scratch(s) &&
	       EVP_MD_CTX_copy_ex(s->scratch, s->stream) &&
	       EVP_DigestFinal_ex(s->scratch, digest, len);
}

int wdp_sig_digest_sign(void *ctx, uint8_t *sig, size_t *sig_len, size_t size,
			const uint8_t *data, size_t data_len)
{
	struct wdp_sig *s = ctx;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (sig && !wdp_sig_digest_once(s, data, data_len, digest, &len))
		return 0;
	return wdp_sig_sign(s, sig, sig_len, size, digest, len);
}

int wdp_sig_digest_verify(void *ctx, const uint8_t *sig, size_t sig_len,
			  const uint8_t *data, size_t data_len)
{
	struct wdp_sig *s = ctx;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	return wdp_sig_digest_once(s, data, data_len, digest, &len) &&
	       wdp_sig_verify(s, sig, sig_len, digest, len);
}
