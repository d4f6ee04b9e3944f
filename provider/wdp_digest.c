/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MD5, SHA-1, SHA-2 and SM3.
 *
 *	update ──┬── small ──▶ twin; the first bytes are kept as well
 *		 └── large ──▶ a stream (wdp_stream.c), if nothing but
 *			       these bytes came before
 *
 * libcrypto neither gives nor takes a digest's inner state, so a message is
 * the twin's or ours from some point on.  The first DIGEST_HOLD bytes go to
 * the twin and to `held`: enough for what comes before the bulk (SM2's Z, the
 * header of a record).  An update the device is worth choosing for takes the
 * message over while they are all there is.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/wd_base.h"
#include "provider/wdp_stream.h"
#include "provider/wdp_sym.h"

#define DIGEST_HOLD 128 /* bytes */

struct wdp_digest_spec {
	const char *twin;
	enum wdp_direct_row row;
	enum offload_kind kind;
	enum sec_digest_alg alg;
	bool algid_absent; /* AlgorithmIdentifier without NULL parameter */
	uint8_t size, block;
};

struct wdp_digest {
	struct wdp_ctx *prov;
	const struct wdp_digest_spec *spec;
	const struct wdp_direct *soft;
	void *twin;		   /* soft's context */
	struct wdp_stream *stream; /* the message is its; NULL: the twin's */
	uint64_t total;		   /* bytes the twin has seen */
	size_t small;		   /* bytes: the twin's without a question */
	uint8_t held[DIGEST_HOLD];
};

/* ---- life -------------------------------------------------------------- */

static void stream_free(struct wdp_ctx *p, struct wdp_stream *s)
{
	_Atomic(struct wdp_stream *) *idle =
		&p->digest_idle[wd_stripe()].stream;

	if (!s)
		return;
	wdp_stream_wipe(s);
	wdp_stream_free(atomic_exchange(idle, s));
}

static struct wdp_stream *stream_new(struct wdp_ctx *p)
{
	struct wdp_stream *s;

	s = atomic_exchange(&p->digest_idle[wd_stripe()].stream, NULL);
	return s ? s : wdp_stream_new(p);
}

static void digest_unstream(struct wdp_digest *d)
{
	stream_free(d->prov, d->stream);
	d->stream = NULL;
}

static _Atomic(struct wdp_digest *) *
digest_idle(struct wdp_ctx *p, const struct wdp_digest_spec *spec)
{
	return &p->digest_idle[wd_stripe()].digest[spec->alg];
}

static struct wdp_digest *digest_make(struct wdp_ctx *p,
				      const struct wdp_digest_spec *spec)
{
	const struct wdp_direct *soft =
		wdp_direct_row(p, spec->row, OSSL_OP_DIGEST, spec->twin);
	struct wdp_digest *d;

	if (!soft)
		return NULL;
	d = OPENSSL_zalloc(sizeof(*d));
	if (!d)
		return NULL;
	d->prov = p;
	d->spec = spec;
	d->soft = soft;
	d->small = wdp_small(p, spec->kind);
	d->twin = soft->digest.newctx(soft->prov);
	if (d->twin)
		return d;
	OPENSSL_free(d);
	return NULL;
}

static void *digest_new(void *prov, const struct wdp_digest_spec *spec)
{
	_Atomic(struct wdp_digest *) *idle = digest_idle(prov, spec);
	struct wdp_digest *d = NULL;

	if (atomic_load_explicit(idle, memory_order_relaxed))
		d = atomic_exchange(idle, NULL);
	return d ? d : digest_make(prov, spec);
}

static void digest_destroy(struct wdp_digest *d)
{
	if (d->twin)
		d->soft->digest.freectx(d->twin);
	OPENSSL_free(d);
}

/* Nothing of a message that is over stays, in the twin neither: its words are
 * set anew, and the block it held is written over. */
static bool digest_twin_wipe(struct wdp_digest *d)
{
	static const uint8_t zeroes[WDP_BLOCK_MAX];
	const struct wdp_direct_digest *f = &d->soft->digest;

	return d->twin && f->init(d->twin, NULL) &&
	       f->update(d->twin, zeroes, d->spec->block - 1u);
}

static OSSL_FUNC_digest_freectx_fn digest_free;
static void digest_free(void *ctx)
{
	struct wdp_digest *d = ctx;
	_Atomic(struct wdp_digest *) *idle;

	if (!d)
		return;
	idle = digest_idle(d->prov, d->spec);
	digest_unstream(d);
	wd_wipe(d->held, d->total < DIGEST_HOLD ? d->total : DIGEST_HOLD);
	d->total = 0;
	if (!atomic_load_explicit(idle, memory_order_relaxed) &&
	    digest_twin_wipe(d))
		d = atomic_exchange(idle, d);
	if (d)
		digest_destroy(d);
}

void wdp_digest_fini(struct wdp_ctx *p)
{
	for (int i = 0; i < WD_STRIPES; i++) {
		struct wdp_digest_idle *idle = &p->digest_idle[i];

		wdp_stream_free(atomic_exchange(&idle->stream, NULL));
		for (int alg = 0; alg < SEC_DIGEST_ALGS; alg++) {
			struct wdp_digest *d;

			d = atomic_exchange(&idle->digest[alg], NULL);
			if (d)
				digest_destroy(d);
		}
	}
}

static OSSL_FUNC_digest_dupctx_fn digest_dup;
static void *digest_dup(void *ctx)
{
	const struct wdp_digest *from = ctx;
	struct wdp_digest *d = OPENSSL_memdup(from, sizeof(*d));

	if (!d)
		return NULL;
	d->stream = NULL;
	d->twin = d->soft->digest.dupctx(from->twin);
	if (d->twin && from->stream)
		d->stream = wdp_stream_dup(from->stream);
	if (d->twin && !d->stream == !from->stream)
		return d;
	digest_free(d);
	return NULL;
}

static OSSL_FUNC_digest_init_fn digest_init;
static int digest_init(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_digest *d = ctx;

	digest_unstream(d);
	d->total = 0;
	return d->soft->digest.init(d->twin, params);
}

/* ---- the message ------------------------------------------------------- */

static bool digest_worth(const struct wdp_digest *d, size_t len)
{
	return len >= d->small && d->total <= DIGEST_HOLD &&
	       offload_choose(d->prov->off, d->spec->kind, len) &&
	       wdp_stream_able(d->prov, d->spec->kind, d->spec->alg, len);
}

/* From the twin to a stream: what came before is here. */
static int digest_take(struct wdp_digest *d)
{
	d->stream = stream_new(d->prov);
	if (!d->stream)
		return -ENOMEM;
	wdp_stream_begin(d->stream, d->spec->kind, d->spec->alg, NULL, 0);
	return wdp_stream_update(d->stream, d->held, (size_t)d->total);
}

static OSSL_FUNC_digest_update_fn digest_update;
static int digest_update(void *ctx, const unsigned char *in, size_t len)
{
	struct wdp_digest *d = ctx;
	int rc = 0;

	if (!d->stream && digest_worth(d, len))
		rc = digest_take(d);
	if (!rc && d->stream)
		return wdp_ok(d->prov, wdp_stream_update(d->stream, in, len));
	if (rc)
		return wdp_ok(d->prov, rc);
	if (len && len <= DIGEST_HOLD && d->total <= DIGEST_HOLD - len)
		memcpy(d->held + d->total, in, len);
	d->total += len;
	return d->soft->digest.update(d->twin, in, len);
}

static OSSL_FUNC_digest_final_fn digest_final;
static int digest_final(void *ctx, unsigned char *out, size_t *out_len,
			size_t out_size)
{
	struct wdp_digest *d = ctx;
	int rc;

	if (!d->stream)
		return d->soft->digest.final(d->twin, out, out_len, out_size);
	if (out_size < d->spec->size)
		return wdp_ok(d->prov, -ENOBUFS);
	*out_len = d->spec->size;
	rc = wdp_stream_final(d->stream, out);
	digest_unstream(d);
	return wdp_ok(d->prov, rc);
}

/* Everything at hand: one job without a saved state, if one can carry it. */
static int digest_job(struct wdp_ctx *prov, const struct wdp_digest_spec *spec,
		      uint8_t *out, const uint8_t *in, size_t len)
{
	struct offload_waiter *w = wdp_waiter_get(prov);
	const struct offload_digest op = {
		.kind = spec->kind,
		.alg = spec->alg,
		.part = SEC_ONE_SHOT,
		.in = in,
		.len = (uint32_t)len,
		.state = out,
	};
	int rc = -EMSGSIZE;

	if (len <= offload_max_bytes(prov->off, spec->kind, w != NULL))
		rc = offload_digest(prov->off, &op, w);
	wdp_waiter_release(w);
	return rc;
}

static int digest_at_once(struct wdp_ctx *prov,
			  const struct wdp_digest_spec *spec,
			  const unsigned char *in, size_t len,
			  unsigned char *out, size_t *out_len, size_t out_size)
{
	struct wdp_digest *d;
	int ok;

	if (out_size < spec->size)
		return wdp_ok(prov, -ENOBUFS);
	*out_len = spec->size;
	if (len && offload_choose(prov->off, spec->kind, len) &&
	    !digest_job(prov, spec, out, in, len))
		return 1;
	d = digest_new(prov, spec);
	ok = d && digest_init(d, NULL) && digest_update(d, in, len) &&
	     digest_final(d, out, out_len, out_size);
	digest_free(d);
	return ok;
}

/* ---- parameters -------------------------------------------------------- */

/* SSL 3.0's master secret goes into a SHA-1 in mid-message. */
static OSSL_FUNC_digest_set_ctx_params_fn digest_set_ctx_params;
static int digest_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_digest *d = ctx;

	if (!OSSL_PARAM_locate_const(params, OSSL_DIGEST_PARAM_SSL3_MS) ||
	    !d->soft->digest.set_ctx_params)
		return 1;
	if (d->stream)
		return wdp_ok(d->prov, -EINVAL);
	d->total = DIGEST_HOLD + 1; /* the twin's from now on */
	return d->soft->digest.set_ctx_params(d->twin, params);
}

static OSSL_FUNC_digest_settable_ctx_params_fn digest_settable;
static const OSSL_PARAM *digest_settable(void *ctx, void *prov)
{
	static const OSSL_PARAM list[] = {
		{ OSSL_DIGEST_PARAM_SSL3_MS, OSSL_PARAM_OCTET_STRING, NULL, 0,
		  0 },
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)prov;
	return list;
}

static OSSL_FUNC_digest_gettable_params_fn digest_gettable;
static const OSSL_PARAM *digest_gettable(void *prov)
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

static int digest_get_params(OSSL_PARAM params[],
			     const struct wdp_digest_spec *spec)
{
	return wdp_give_size(params, OSSL_DIGEST_PARAM_BLOCK_SIZE,
			     spec->block) &&
	       wdp_give_size(params, OSSL_DIGEST_PARAM_SIZE, spec->size) &&
	       wdp_give_int(params, OSSL_DIGEST_PARAM_XOF, 0) &&
	       wdp_give_int(params, OSSL_DIGEST_PARAM_ALGID_ABSENT,
			    spec->algid_absent);
}

/* ---- rows -------------------------------------------------------------- */

/* Binds one row of constants; holds no logic. */
#define DIGEST(id, first, more, k, a, no_algid, bytes, blk)                           \
	static const struct wdp_digest_spec id##_spec = {                             \
		.twin = first,                                                        \
		.row = WDP_DIRECT_##id,                                               \
		.kind = OFFLOAD_##k,                                                  \
		.alg = SEC_##a,                                                       \
		.algid_absent = no_algid,                                             \
		.size = bytes,                                                        \
		.block = blk,                                                         \
	};                                                                            \
	static OSSL_FUNC_digest_newctx_fn id##_new;                                   \
	static void *id##_new(void *prov)                                             \
	{                                                                             \
		return digest_new(prov, &id##_spec);                                  \
	}                                                                             \
	static OSSL_FUNC_digest_digest_fn id##_digest;                                \
	static int id##_digest(void *prov, const unsigned char *in,                   \
			       size_t len, unsigned char *out,                        \
			       size_t *out_len, size_t out_size)                      \
	{                                                                             \
		return digest_at_once(prov, &id##_spec, in, len, out, out_len,        \
				      out_size);                                      \
	}                                                                             \
	static OSSL_FUNC_digest_get_params_fn id##_get_params;                        \
	static int id##_get_params(OSSL_PARAM params[])                               \
	{                                                                             \
		return digest_get_params(params, &id##_spec);                         \
	}                                                                             \
	const OSSL_DISPATCH wdp_##id##_fns[] = {                                      \
		{ WDP_FN(DIGEST_NEWCTX, id##_new) },                                  \
		{ WDP_FN(DIGEST_FREECTX, digest_free) },                              \
		{ WDP_FN(DIGEST_DUPCTX, digest_dup) },                                \
		{ WDP_FN(DIGEST_INIT, digest_init) },                                 \
		{ WDP_FN(DIGEST_UPDATE, digest_update) },                             \
		{ WDP_FN(DIGEST_FINAL, digest_final) },                               \
		{ WDP_FN(DIGEST_DIGEST, id##_digest) },                               \
		{ WDP_FN(DIGEST_GET_PARAMS, id##_get_params) },                       \
		{ WDP_FN(                                                             \
			DIGEST_GETTABLE_PARAMS,                                       \
			digest_gettable) }, /* SHA-1's; others are never given one */ \
		{ (SEC_##a) == SEC_SHA1 ? OSSL_FUNC_DIGEST_SET_CTX_PARAMS : 0,        \
		  (void (*)(void))digest_set_ctx_params },                            \
		{ (SEC_##a) == SEC_SHA1 ? OSSL_FUNC_DIGEST_SETTABLE_CTX_PARAMS        \
					: 0,                                          \
		  (void (*)(void))digest_settable },                                  \
		{ 0, NULL },                                                          \
	};
#include "provider/wdp_digest.def"
