/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM3 and SHA-256.
 *
 *	HELD ──┬──▶ TWIN	small pieces: libcrypto's code, all of it
 *	       └──▶ BLOCKS	a large piece: the device, state here
 *
 * libcrypto neither gives nor takes a digest's inner state, so a message is
 * the twin's or ours from some point on.  Up to DIGEST_HOLD bytes are kept
 * until that is decided: enough for what comes before the bulk (HMAC's padded
 * key, SM2's Z).  The first update the device is worth choosing for decides.
 *
 * From then on the state is ours, and whole blocks go through the device in
 * place with it (first, middle), a job an update.  Odd bytes around them, the
 * padding, and everything when the device fails are digested by wdp_block.c,
 * from the same state.  Small updates after a large one are gathered, since
 * that code is slower than the twin's.
 *
 * How the device lays the saved state out is known from one source only, so
 * the first large digest of a process begins with a block whose state is known.
 * Another state: the device's is of no use, and digests are the twin's.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/wd_base.h"
#include "provider/wdp_block.h"
#include "provider/wdp_sym.h"

#define DIGEST_HOLD   (2 * SEC_DIGEST_BLOCK)
#define DIGEST_GATHER 16384 /* bytes; allocated when first needed */
#define DIGEST_SIZE   32

struct wdp_digest_spec {
	const char *twin;
	enum offload_kind kind;
	enum sec_digest_alg alg;
	bool algid_absent; /* AlgorithmIdentifier without NULL parameter */
};

enum digest_trust { DIGEST_UNTRIED, DIGEST_TRUSTED, DIGEST_DISTRUSTED };

enum digest_stage { DIGEST_HELD, DIGEST_TWIN, DIGEST_BLOCKS };

struct digest_ctx {
	struct wdp_ctx *prov;
	const struct wdp_digest_spec *spec;
	const struct wdp_direct *soft;
	void *twin;	 /* soft's context; NULL until needed, then kept */
	uint8_t *gather; /* NULL until needed, then kept */
	uint64_t total;
	uint32_t held_len;
	enum digest_stage stage;
	bool begun;	/* state is not the initial one */
	bool gathering; /* gather takes the place of held */
	uint8_t state[SEC_DIGEST_STATE];
	uint8_t held[DIGEST_HOLD];
};

static void *digest_new(void *prov, const struct wdp_digest_spec *spec)
{
	struct digest_ctx *d = OPENSSL_zalloc(sizeof(*d));

	if (!d)
		return NULL;
	d->prov = prov;
	d->spec = spec;
	return d;
}

static void digest_fini(struct digest_ctx *d)
{
	if (d->twin)
		d->soft->digest.freectx(d->twin);
	OPENSSL_clear_free(d->gather, DIGEST_GATHER);
}

static OSSL_FUNC_digest_freectx_fn digest_free;
static void digest_free(void *ctx)
{
	struct digest_ctx *d = ctx;

	if (!d)
		return;
	digest_fini(d);
	wd_wipe(d, sizeof(*d)); /* far cheaper than OPENSSL_cleanse() */
	OPENSSL_free(d);
}

static OSSL_FUNC_digest_dupctx_fn digest_dup;
static void *digest_dup(void *ctx)
{
	const struct digest_ctx *from = ctx;
	struct digest_ctx *d = OPENSSL_memdup(from, sizeof(*d));

	if (!d)
		return NULL;
	d->twin = NULL;
	d->gather = NULL;
	if (from->gathering) {
		d->gather = OPENSSL_memdup(from->gather, DIGEST_GATHER);
		if (!d->gather)
			goto free_ctx;
	}
	if (from->stage == DIGEST_TWIN) {
		d->twin = d->soft->digest.dupctx(from->twin);
		if (!d->twin)
			goto free_ctx;
	}
	return d;

free_ctx:
	digest_free(d);
	return NULL;
}

static OSSL_FUNC_digest_init_fn digest_init;
static int digest_init(void *ctx, const OSSL_PARAM params[])
{
	struct digest_ctx *d = ctx;

	(void)params;
	d->gathering = false;
	d->stage = DIGEST_HELD;
	d->held_len = 0;
	d->total = 0;
	return 1;
}

/* ---- the twin ---------------------------------------------------------- */

static int digest_twin_new(struct digest_ctx *d)
{
	if (d->twin)
		return 0;
	d->soft = wdp_direct(d->prov, OSSL_OP_DIGEST, d->spec->twin);
	if (!d->soft)
		return -EPROTO;
	d->twin = d->soft->digest.newctx(d->soft->prov);
	return d->twin ? 0 : -ENOMEM;
}

static int digest_twin_update(struct digest_ctx *d, const uint8_t *in,
			      size_t len)
{
	return d->soft->digest.update(d->twin, in, len) ? 0 : -EPROTO;
}

static int digest_twin_take(struct digest_ctx *d)
{
	int rc = digest_twin_new(d);

	if (rc)
		return rc;
	if (!d->soft->digest.init(d->twin, NULL))
		return -EPROTO;
	d->stage = DIGEST_TWIN;
	return d->held_len ? digest_twin_update(d, d->held, d->held_len) : 0;
}

/* ---- blocks ------------------------------------------------------------ */

static int digest_job(struct digest_ctx *d, enum sec_part part,
		      const uint8_t *in, size_t len, struct offload_waiter *w)
{
	const struct offload_digest op = {
		.kind = d->spec->kind,
		.alg = d->spec->alg,
		.part = part,
		.in = in,
		.len = (uint32_t)len,
		.total_bits = d->total * 8,
		.state = d->state,
	};

	return offload_digest(d->prov->off, &op, w);
}

/* Let the device save the state after a block of zeroes, and look at it.  A job
 * that fails proves nothing. */
static enum digest_trust digest_try(struct digest_ctx *d)
{
	static const uint8_t zeroes[SEC_DIGEST_BLOCK];
	struct digest_ctx one = { .prov = d->prov, .spec = d->spec };
	struct offload_waiter *w = wdp_waiter_get(d->prov);
	uint8_t want[SEC_DIGEST_STATE];
	int rc;

	rc = digest_job(&one, SEC_FIRST, zeroes, sizeof(zeroes), w);
	wdp_waiter_release(w);
	if (rc)
		return DIGEST_UNTRIED;
	wdp_block_init(d->spec->alg, want);
	wdp_block_run(d->spec->alg, want, zeroes, 1);
	if (!memcmp(one.state, want, sizeof(want)))
		return DIGEST_TRUSTED;
	offload_count_wrong(d->prov->off, d->spec->kind);
	return DIGEST_DISTRUSTED;
}

static bool digest_trusted(struct digest_ctx *d)
{
	_Atomic uint8_t *trust = &d->prov->digest_trust[d->spec->alg];
	uint8_t t = atomic_load_explicit(trust, memory_order_relaxed);

	if (t == DIGEST_UNTRIED) {
		t = digest_try(d);
		atomic_store_explicit(trust, t, memory_order_relaxed);
	}
	return t != DIGEST_DISTRUSTED;
}

/* *@done counts what the device did, also when it failed after that. */
static int digest_device(struct digest_ctx *d, const uint8_t *in, size_t len,
			 size_t *done)
{
	struct offload_waiter *w = wdp_waiter_get(d->prov);
	size_t max = offload_max_bytes(d->prov->off, d->spec->kind, w != NULL) /
		     SEC_DIGEST_BLOCK * SEC_DIGEST_BLOCK;
	int rc = max ? 0 : -EMSGSIZE;

	while (!rc && *done < len) {
		size_t n = len - *done < max ? len - *done : max;

		rc = digest_job(d, d->begun ? SEC_MIDDLE : SEC_FIRST,
				in + *done, n, w);
		if (!rc) {
			*done += n;
			d->begun = true;
		}
	}
	wdp_waiter_release(w);
	return rc;
}

/* @len: a multiple of the block. */
static int digest_blocks(struct digest_ctx *d, const uint8_t *in, size_t len)
{
	size_t done = 0;
	int rc;

	if (!len)
		return 0;
	if (offload_choose(d->prov->off, d->spec->kind, len)) {
		rc = digest_device(d, in, len, &done);
		if (!rc)
			return 0;
		if (!wdp_software_may(d->prov, d->spec->kind, rc))
			return rc;
	}
	wdp_block_run(d->spec->alg, d->state, in + done,
		      (len - done) / SEC_DIGEST_BLOCK);
	d->begun = true;
	return 0;
}

static uint8_t *digest_held(struct digest_ctx *d)
{
	return d->gathering ? d->gather : d->held;
}

static int digest_large(struct digest_ctx *d, const uint8_t *in, size_t len)
{
	uint8_t *held = digest_held(d);
	size_t fill = -d->held_len % SEC_DIGEST_BLOCK, n;
	int rc;

	memcpy(held + d->held_len, in, fill);
	rc = digest_blocks(d, held, d->held_len + fill);
	if (rc)
		return rc;
	in += fill;
	len -= fill;
	n = len - len % SEC_DIGEST_BLOCK;
	rc = digest_blocks(d, in, n);
	if (rc)
		return rc;
	d->held_len = (uint32_t)(len - n);
	memcpy(held, in + n, d->held_len);
	return 0;
}

static int digest_small(struct digest_ctx *d, const uint8_t *in, size_t len)
{
	size_t cap = d->gathering ? DIGEST_GATHER : DIGEST_HOLD;
	int rc;

	if (len > cap - d->held_len && !d->gathering) {
		if (!d->gather)
			d->gather = OPENSSL_malloc(DIGEST_GATHER);
		if (!d->gather)
			return -ENOMEM;
		d->gathering = true;
		memcpy(d->gather, d->held, d->held_len);
		cap = DIGEST_GATHER;
	}
	while (len) {
		size_t n = cap - d->held_len < len ? cap - d->held_len : len;

		memcpy(digest_held(d) + d->held_len, in, n);
		d->held_len += (uint32_t)n;
		in += n;
		len -= n;
		if (d->held_len < cap)
			break;
		rc = digest_blocks(d, digest_held(d), cap);
		if (rc)
			return rc;
		d->held_len = 0;
	}
	return 0;
}

/* ---- the digest -------------------------------------------------------- */

static int digest_step(struct digest_ctx *d, const uint8_t *in, size_t len)
{
	bool device = d->stage != DIGEST_TWIN && len >= SEC_DIGEST_BLOCK &&
		      offload_choose(d->prov->off, d->spec->kind, len) &&
		      digest_trusted(d);
	int rc;

	d->total += len;
	if (d->stage == DIGEST_HELD && device) {
		wdp_block_init(d->spec->alg, d->state);
		d->begun = false;
		d->stage = DIGEST_BLOCKS;
	}
	if (d->stage == DIGEST_BLOCKS)
		return device ? digest_large(d, in, len)
			      : digest_small(d, in, len);
	if (d->stage == DIGEST_HELD && len <= DIGEST_HOLD - d->held_len) {
		memcpy(d->held + d->held_len, in, len);
		d->held_len += (uint32_t)len;
		return 0;
	}
	if (d->stage == DIGEST_HELD) {
		rc = digest_twin_take(d);
		if (rc)
			return rc;
	}
	return digest_twin_update(d, in, len);
}

/* The end of a message of blocks: by the device only if much was gathered. */
static int digest_end(struct digest_ctx *d)
{
	struct offload_waiter *w;
	int rc;

	if (d->held_len >= SEC_DIGEST_BLOCK && d->begun &&
	    offload_choose(d->prov->off, d->spec->kind, d->held_len)) {
		w = wdp_waiter_get(d->prov);
		rc = digest_job(d, SEC_LAST, digest_held(d), d->held_len, w);
		wdp_waiter_release(w);
		if (!rc)
			return 0;
		if (!wdp_software_may(d->prov, d->spec->kind, rc))
			return rc;
	}
	wdp_block_final(d->spec->alg, d->state, digest_held(d), d->held_len,
			d->total);
	return 0;
}

static int digest_finish(struct digest_ctx *d, uint8_t *out)
{
	size_t n;
	int rc;

	if (d->stage == DIGEST_BLOCKS) {
		rc = digest_end(d);
		if (!rc)
			memcpy(out, d->state, DIGEST_SIZE);
		wd_wipe(d->state, sizeof(d->state));
		return rc;
	}
	if (d->stage == DIGEST_HELD) {
		rc = digest_twin_take(d);
		if (rc)
			return rc;
	}
	return d->soft->digest.final(d->twin, out, &n, DIGEST_SIZE) ? 0
								    : -EPROTO;
}

/* ---- dispatch ---------------------------------------------------------- */

static OSSL_FUNC_digest_update_fn digest_update;
static int digest_update(void *ctx, const unsigned char *in, size_t len)
{
	struct digest_ctx *d = ctx;

	return !len || wdp_ok(d->prov, digest_step(d, in, len));
}

static OSSL_FUNC_digest_final_fn digest_final;
static int digest_final(void *ctx, unsigned char *out, size_t *out_len,
			size_t out_size)
{
	struct digest_ctx *d = ctx;

	if (out_size < DIGEST_SIZE)
		return wdp_ok(d->prov, -ENOBUFS);
	*out_len = DIGEST_SIZE;
	return wdp_ok(d->prov, digest_finish(d, out));
}

/* Everything at hand: one job without a saved state, if one can carry it. */
static int digest_one_shot(struct digest_ctx *d, uint8_t *out,
			   const uint8_t *in, size_t len)
{
	struct offload_waiter *w;
	int rc = -EMSGSIZE;

	if (len && offload_choose(d->prov->off, d->spec->kind, len)) {
		w = wdp_waiter_get(d->prov);
		if (len <=
		    offload_max_bytes(d->prov->off, d->spec->kind, w != NULL))
			rc = digest_job(d, SEC_ONE_SHOT, in, len, w);
		wdp_waiter_release(w);
		if (!rc) {
			memcpy(out, d->state, DIGEST_SIZE);
			return 0;
		}
	}
	rc = len ? digest_step(d, in, len) : 0;
	return rc ? rc : digest_finish(d, out);
}

static int digest_at_once(struct wdp_ctx *prov,
			  const struct wdp_digest_spec *spec,
			  const unsigned char *in, size_t len,
			  unsigned char *out, size_t *out_len, size_t out_size)
{
	struct digest_ctx d = { .prov = prov, .spec = spec };
	int ok;

	if (out_size < DIGEST_SIZE)
		return wdp_ok(prov, -ENOBUFS);
	*out_len = DIGEST_SIZE;
	ok = wdp_ok(prov, digest_one_shot(&d, out, in, len));
	digest_fini(&d);
	wd_wipe(&d, sizeof(d));
	return ok;
}

static const OSSL_PARAM digest_gettable_params[] = {
	OSSL_PARAM_size_t(OSSL_DIGEST_PARAM_BLOCK_SIZE, NULL),
	OSSL_PARAM_size_t(OSSL_DIGEST_PARAM_SIZE, NULL),
	OSSL_PARAM_int(OSSL_DIGEST_PARAM_XOF, NULL),
	OSSL_PARAM_int(OSSL_DIGEST_PARAM_ALGID_ABSENT, NULL),
	OSSL_PARAM_END,
};

static OSSL_FUNC_digest_gettable_params_fn digest_gettable;
static const OSSL_PARAM *digest_gettable(void *prov)
{
	(void)prov;
	return digest_gettable_params;
}

static int digest_get_params(OSSL_PARAM params[],
			     const struct wdp_digest_spec *spec)
{
	return wdp_give_size(params, OSSL_DIGEST_PARAM_BLOCK_SIZE,
			     SEC_DIGEST_BLOCK) &&
	       wdp_give_size(params, OSSL_DIGEST_PARAM_SIZE, DIGEST_SIZE) &&
	       wdp_give_int(params, OSSL_DIGEST_PARAM_XOF, 0) &&
	       wdp_give_int(params, OSSL_DIGEST_PARAM_ALGID_ABSENT,
			    spec->algid_absent);
}

/* Binds one row of constants; holds no logic. */
#define WDP_DIGEST(id, ...)                                                    \
	static const struct wdp_digest_spec id##_spec = { __VA_ARGS__ };       \
	static OSSL_FUNC_digest_newctx_fn id##_new;                            \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return digest_new(prov, &id##_spec);                           \
	}                                                                      \
	static OSSL_FUNC_digest_digest_fn id##_digest;                         \
	static int id##_digest(void *prov, const unsigned char *in,            \
			       size_t len, unsigned char *out,                 \
			       size_t *out_len, size_t out_size)               \
	{                                                                      \
		return digest_at_once(prov, &id##_spec, in, len, out, out_len, \
				      out_size);                               \
	}                                                                      \
	static OSSL_FUNC_digest_get_params_fn id##_get_params;                 \
	static int id##_get_params(OSSL_PARAM params[])                        \
	{                                                                      \
		return digest_get_params(params, &id##_spec);                  \
	}                                                                      \
	const OSSL_DISPATCH wdp_##id##_fns[] = {                               \
		{ WDP_FN(DIGEST_NEWCTX, id##_new) },                           \
		{ WDP_FN(DIGEST_FREECTX, digest_free) },                       \
		{ WDP_FN(DIGEST_DUPCTX, digest_dup) },                         \
		{ WDP_FN(DIGEST_INIT, digest_init) },                          \
		{ WDP_FN(DIGEST_UPDATE, digest_update) },                      \
		{ WDP_FN(DIGEST_FINAL, digest_final) },                        \
		{ WDP_FN(DIGEST_DIGEST, id##_digest) },                        \
		{ WDP_FN(DIGEST_GET_PARAMS, id##_get_params) },                \
		{ WDP_FN(DIGEST_GETTABLE_PARAMS, digest_gettable) },           \
		{ 0, NULL },                                                   \
	}

WDP_DIGEST(sm3, .twin = "SM3", .kind = OFFLOAD_SM3, .alg = SEC_SM3);
WDP_DIGEST(sha256, .twin = "SHA2-256", .kind = OFFLOAD_SHA256,
	   .alg = SEC_SHA256, .algid_absent = true);
