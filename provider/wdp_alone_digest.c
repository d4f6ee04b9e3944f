/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_alone.h"

enum { XOF = 1, NO_ALGID = 2 };

struct wdp_alone_md_spec {
	const char *name;
	size_t block, size; /* bytes */
	unsigned int flags;
};

struct wdp_alone_md {
	const EVP_MD *md;
	EVP_MD_CTX *twin;
	size_t xof_len; /* 0: the digest's own size */
};

static void *wdp_md_new(struct wdp_ctx *p, const struct wdp_alone_md_spec *spec)
{
	struct wdp_alone_md *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->md = wdp_twin_md(p, spec->name);
	m->twin = m->md ? EVP_MD_CTX_new() : NULL;
	if (!m->twin) {
		free(m);
		return NULL;
	}
	return m;
}

static OSSL_FUNC_digest_freectx_fn wdp_md_free;
static void wdp_md_free(void *ctx)
{
	struct wdp_alone_md *m = ctx;

	if (!m)
		return;
	EVP_MD_CTX_free(m->twin);
	free(m);
}

static OSSL_FUNC_digest_dupctx_fn wdp_md_dup;
static void *wdp_md_dup(void *ctx)
{
	const struct wdp_alone_md *from = ctx;
	struct wdp_alone_md *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->md = from->md;
	m->xof_len = from->xof_len;
	m->twin = EVP_MD_CTX_new();
	if (!m->twin)
		goto free_ctx;
	/* A context that was never initialised has nothing to copy. */
	if (EVP_MD_CTX_get0_md(from->twin) &&
	    !EVP_MD_CTX_copy_ex(m->twin, from->twin))
		goto free_ctx;
	return m;

free_ctx:
	wdp_md_free(m);
	return NULL;
}

static int wdp_md_note(struct wdp_alone_md *m, const OSSL_PARAM params[])
{
	const OSSL_PARAM *a = NULL;

	if (params)
		a = OSSL_PARAM_locate_const(params, OSSL_DIGEST_PARAM_XOFLEN);
	return !a || OSSL_PARAM_get_size_t(a, &m->xof_len);
}

static OSSL_FUNC_digest_init_fn wdp_md_init;
static int wdp_md_init(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_md *m = ctx;

	m->xof_len = 0;
	return EVP_DigestInit_ex2(m->twin, m->md, params) &&
	       wdp_md_note(m, params);
}

static OSSL_FUNC_digest_update_fn wdp_md_update;
static int wdp_md_update(void *ctx, const unsigned char *in, size_t len)
{
	struct wdp_alone_md *m = ctx;

	return EVP_DigestUpdate(m->twin, in, len);
}

static OSSL_FUNC_digest_final_fn wdp_md_final;
static int wdp_md_final(void *ctx, unsigned char *out, size_t *len, size_t size)
{
	struct wdp_alone_md *m = ctx;
	unsigned int n;

	if (m->xof_len) {
		*len = m->xof_len;
		return size >= m->xof_len &&
		       EVP_DigestFinalXOF(m->twin, out, m->xof_len);
	}
	if (size < (size_t)EVP_MD_get_size(m->md) ||
	    !EVP_DigestFinal_ex(m->twin, out, &n))
		return 0;
	*len = n;
	return 1;
}

static OSSL_FUNC_digest_get_ctx_params_fn wdp_md_get_ctx_params;
static int wdp_md_get_ctx_params(void *ctx, OSSL_PARAM params[])
{
	struct wdp_alone_md *m = ctx;

	return EVP_MD_CTX_get_params(m->twin, params);
}

static OSSL_FUNC_digest_set_ctx_params_fn wdp_md_set_ctx_params;
static int wdp_md_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_md *m = ctx;

	return EVP_MD_CTX_set_params(m->twin, params) && wdp_md_note(m, params);
}

/* SHAKE has no length of its own since 3.4. */
static size_t wdp_md_size(const struct wdp_alone_md_spec *spec)
{
	bool shake = spec->flags == (XOF | NO_ALGID);

	return shake && wdp_libcrypto_since(3, 4) ? 0 : spec->size;
}

static int wdp_md_get_params(const struct wdp_alone_md_spec *spec,
			     OSSL_PARAM params[])
{
	const struct {
		const char *key;
		size_t value;
	} facts[] = {
		{ OSSL_DIGEST_PARAM_BLOCK_SIZE, spec->block },
		{ OSSL_DIGEST_PARAM_SIZE, wdp_md_size(spec) },
		{ OSSL_DIGEST_PARAM_XOF, !!(spec->flags & XOF) },
		{ OSSL_DIGEST_PARAM_ALGID_ABSENT, !!(spec->flags & NO_ALGID) },
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(facts); i++) {
		OSSL_PARAM *a = OSSL_PARAM_locate(params, facts[i].key);

		if (a && !OSSL_PARAM_set_size_t(a, facts[i].value))
			return 0;
	}
	return 1;
}

static OSSL_FUNC_digest_gettable_params_fn wdp_md_gettable;
static const OSSL_PARAM *wdp_md_gettable(void *prov)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_size_t(OSSL_DIGEST_PARAM_BLOCK_SIZE, NULL),
		OSSL_PARAM_size_t(OSSL_DIGEST_PARAM_SIZE, NULL),
		OSSL_PARAM_int(OSSL_DIGEST_PARAM_XOF, NULL),
		OSSL_PARAM_int(OSSL_DIGEST_PARAM_ALGID_ABSENT, NULL),
		OSSL_PARAM_END,
	};

	(void)prov;
	return list;
}

/* Binds a row's constants to the functions above. */
#define DIGEST(id, names, md_name, md_block, md_size, md_flags)                \
	static const struct wdp_alone_md_spec id##_spec = {                    \
		.name = (md_name),                                             \
		.block = (md_block),                                           \
		.size = (md_size),                                             \
		.flags = (md_flags),                                           \
	};                                                                     \
	static OSSL_FUNC_digest_newctx_fn id##_new;                            \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return wdp_md_new(prov, &id##_spec);                           \
	}                                                                      \
	static OSSL_FUNC_digest_get_params_fn id##_get_params;                 \
	static int id##_get_params(OSSL_PARAM params[])                        \
	{                                                                      \
		return wdp_md_get_params(&id##_spec, params);                  \
	}                                                                      \
	static OSSL_FUNC_digest_gettable_ctx_params_fn id##_gettable;          \
	static const OSSL_PARAM *id##_gettable(void *ctx, void *prov)          \
	{                                                                      \
		const EVP_MD *md = wdp_twin_md(prov, id##_spec.name);          \
                                                                               \
		(void)ctx;                                                     \
		return md ? EVP_MD_gettable_ctx_params(md) : NULL;             \
	}                                                                      \
	static OSSL_FUNC_digest_settable_ctx_params_fn id##_settable;          \
	static const OSSL_PARAM *id##_settable(void *ctx, void *prov)          \
	{                                                                      \
		const EVP_MD *md = wdp_twin_md(prov, id##_spec.name);          \
                                                                               \
		(void)ctx;                                                     \
		return md ? EVP_MD_settable_ctx_params(md) : NULL;             \
	}                                                                      \
	static const OSSL_DISPATCH id##_fns[] = {                              \
		{ WDP_FN(DIGEST_NEWCTX, id##_new) },                           \
		{ WDP_FN(DIGEST_FREECTX, wdp_md_free) },                       \
		{ WDP_FN(DIGEST_DUPCTX, wdp_md_dup) },                         \
		{ WDP_FN(DIGEST_INIT, wdp_md_init) },                          \
		{ WDP_FN(DIGEST_UPDATE, wdp_md_update) },                      \
		{ WDP_FN(DIGEST_FINAL, wdp_md_final) },                        \
		{ WDP_FN(DIGEST_GET_PARAMS, id##_get_params) },                \
		{ WDP_FN(DIGEST_GETTABLE_PARAMS, wdp_md_gettable) },           \
		{ WDP_FN(DIGEST_GET_CTX_PARAMS, wdp_md_get_ctx_params) },      \
		{ WDP_FN(DIGEST_SET_CTX_PARAMS, wdp_md_set_ctx_params) },      \
		{ WDP_FN(DIGEST_GETTABLE_CTX_PARAMS, id##_gettable) },         \
		{ WDP_FN(DIGEST_SETTABLE_CTX_PARAMS, id##_settable) },         \
		{ 0, NULL },                                                   \
	};
#include "provider/wdp_alone_digest.def"
#undef DIGEST

#define DIGEST(id, names, ...) WDP_ALONE_ROW(names, id##_fns),
const OSSL_ALGORITHM wdp_alone_digests[] = {
#include "provider/wdp_alone_digest.def"
	{ NULL, NULL, NULL, NULL },
};
#undef DIGEST
