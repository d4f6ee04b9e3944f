/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_stream.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/wd_base.h"

enum trust { UNTRIED, TRUSTED, DISTRUSTED };

static int stream_job(struct wdp_stream *s, enum sec_part part,
		      const uint8_t *in, size_t len, struct offload_waiter *w)
{
	const struct offload_digest op = {
		.kind = s->kind,
		.alg = s->alg,
		.part = part,
		.in = in,
		.len = (uint32_t)len,
		.total_bits = s->total * 8,
		.state = s->state,
	};

	return offload_digest(s->prov->off, &op, w);
}

/* ---- trust ------------------------------------------------------------- */

/* Let the device save the state after a block of zeroes, and look at it.  A job
 * that fails proves nothing. */
static enum trust stream_try(struct wdp_ctx *p, enum offload_kind kind,
			     enum sec_digest_alg alg)
{
	static const uint8_t zeroes[WDP_BLOCK_MAX];
	struct wdp_stream one = { .prov = p, .kind = kind, .alg = alg };
	struct offload_waiter *w = wdp_waiter_get(p);
	uint8_t want[WDP_BLOCK_STATE];
	int rc;

	rc = stream_job(&one, SEC_FIRST, zeroes, sec_digest_block(alg), w);
	wdp_waiter_release(w);
	if (rc)
		return UNTRIED;
	wdp_block_init(alg, want);
	wdp_block_run(alg, want, zeroes, 1);
	if (!memcmp(one.state, want, sec_digest_state(alg)))
		return TRUSTED;
	offload_count_wrong(p->off, kind);
	return DISTRUSTED;
}

bool wdp_stream_able(struct wdp_ctx *p, enum offload_kind kind,
		     enum sec_digest_alg alg, size_t len)
{
	_Atomic uint8_t *trust = &p->digest_trust[alg];
	uint8_t t;

	if (len < sec_digest_block(alg) || !offload_choose(p->off, kind, len))
		return false;
	t = atomic_load_explicit(trust, memory_order_relaxed);
	if (t == UNTRIED) {
		t = stream_try(p, kind, alg);
		atomic_store_explicit(trust, t, memory_order_relaxed);
	}
	return t != DISTRUSTED;
}

/* ---- life -------------------------------------------------------------- */

struct wdp_stream *wdp_stream_new(struct wdp_ctx *p)
{
	struct wdp_stream *s = OPENSSL_zalloc(sizeof(*s));

	if (s)
		s->prov = p;
	return s;
}

void wdp_stream_free(struct wdp_stream *s)
{
	if (!s)
		return;
	OPENSSL_clear_free(s->gather, WDP_STREAM_GATHER);
	wd_wipe(s, sizeof(*s)); /* far cheaper than OPENSSL_cleanse() */
	OPENSSL_free(s);
}

void wdp_stream_wipe(struct wdp_stream *s)
{
	if (s->gathering)
		wd_wipe(s->gather, WDP_STREAM_GATHER);
	wd_wipe(s->state, sizeof(s->state));
	wd_wipe(s->held, sizeof(s->held));
	s->gathering = false;
	s->held_len = 0;
}

struct wdp_stream *wdp_stream_dup(const struct wdp_stream *from)
{
	struct wdp_stream *s = OPENSSL_memdup(from, sizeof(*s));

	if (!s)
		return NULL;
	s->gather = NULL;
	if (!from->gathering)
		return s;
	s->gather = OPENSSL_memdup(from->gather, WDP_STREAM_GATHER);
	if (s->gather)
		return s;
	wdp_stream_free(s);
	return NULL;
}

void wdp_stream_begin(struct wdp_stream *s, enum offload_kind kind,
		      enum sec_digest_alg alg, const uint8_t *state,
		      uint64_t total)
{
	s->kind = kind;
	s->alg = alg;
	s->total = total;
	s->held_len = 0;
	s->gathering = false;
	s->begun = state != NULL;
	if (state)
		memcpy(s->state, state, sec_digest_state(alg));
	else
		wdp_block_init(alg, s->state);
}

/* ---- blocks ------------------------------------------------------------ */

/* *@done counts what the device did, also when it failed after that. */
static int stream_device(struct wdp_stream *s, const uint8_t *in, size_t len,
			 size_t *done)
{
	struct offload_waiter *w = wdp_waiter_get(s->prov);
	size_t block = sec_digest_block(s->alg);
	size_t max = offload_max_bytes(s->prov->off, s->kind, w != NULL) /
		     block * block;
	int rc = max ? 0 : -EMSGSIZE;

	while (!rc && *done < len) {
		size_t n = len - *done < max ? len - *done : max;

		rc = stream_job(s, s->begun ? SEC_MIDDLE : SEC_FIRST,
				in + *done, n, w);
		if (!rc) {
			*done += n;
			s->begun = true;
		}
	}
	wdp_waiter_release(w);
	return rc;
}

/* @len: a multiple of the block. */
static int stream_blocks(struct wdp_stream *s, const uint8_t *in, size_t len)
{
	size_t done = 0;
	int rc;

	if (!len)
		return 0;
	if (offload_choose(s->prov->off, s->kind, len)) {
		rc = stream_device(s, in, len, &done);
		if (!rc)
			return 0;
		if (!wdp_software_may(s->prov, s->kind, rc))
			return rc;
	}
	wdp_block_run(s->alg, s->state, in + done,
		      (len - done) / sec_digest_block(s->alg));
	s->begun = true;
	return 0;
}

static uint8_t *stream_held(struct wdp_stream *s)
{
	return s->gathering ? s->gather : s->held;
}

static int stream_large(struct wdp_stream *s, const uint8_t *in, size_t len)
{
	size_t block = sec_digest_block(s->alg);
	size_t fill = -s->held_len % block, n;
	uint8_t *held = stream_held(s);
	int rc;

	memcpy(held + s->held_len, in, fill);
	rc = stream_blocks(s, held, s->held_len + fill);
	if (rc)
		return rc;
	in += fill;
	len -= fill;
	n = len - len % block;
	rc = stream_blocks(s, in, n);
	if (rc)
		return rc;
	s->held_len = (uint32_t)(len - n);
	memcpy(held, in + n, s->held_len);
	return 0;
}

static int stream_gather(struct wdp_stream *s)
{
	if (!s->gather)
		s->gather = OPENSSL_malloc(WDP_STREAM_GATHER);
	if (!s->gather)
		return -ENOMEM;
	s->gathering = true;
	memcpy(s->gather, s->held, s->held_len);
	return 0;
}

static int stream_small(struct wdp_stream *s, const uint8_t *in, size_t len)
{
	size_t cap = s->gathering ? WDP_STREAM_GATHER : WDP_BLOCK_MAX;
	int rc;

	if (len > cap - s->held_len && !s->gathering) {
		rc = stream_gather(s);
		if (rc)
			return rc;
		cap = WDP_STREAM_GATHER;
	}
	while (len) {
		size_t n = cap - s->held_len < len ? cap - s->held_len : len;

		memcpy(stream_held(s) + s->held_len, in, n);
		s->held_len += (uint32_t)n;
		in += n;
		len -= n;
		if (s->held_len < cap)
			break;
		rc = stream_blocks(s, stream_held(s), cap);
		if (rc)
			return rc;
		s->held_len = 0;
	}
	return 0;
}

int wdp_stream_update(struct wdp_stream *s, const uint8_t *in, size_t len)
{
	if (!len)
		return 0;
	s->total += len;
	return len >= sec_digest_block(s->alg) &&
			       offload_choose(s->prov->off, s->kind, len)
		       ? stream_large(s, in, len)
		       : stream_small(s, in, len);
}

/* By the device only if much was gathered. */
static int stream_end(struct wdp_stream *s)
{
	struct offload_waiter *w;
	int rc;

	if (s->held_len >= sec_digest_block(s->alg) && s->begun &&
	    offload_choose(s->prov->off, s->kind, s->held_len)) {
		w = wdp_waiter_get(s->prov);
		rc = stream_job(s, SEC_LAST, stream_held(s), s->held_len, w);
		wdp_waiter_release(w);
		if (!rc)
			return 0;
		if (!wdp_software_may(s->prov, s->kind, rc))
			return rc;
	}
	wdp_block_final(s->alg, s->state, stream_held(s), s->held_len,
			s->total);
	return 0;
}

int wdp_stream_final(struct wdp_stream *s, uint8_t *out)
{
	int rc = stream_end(s);

	if (!rc)
		memcpy(out, s->state, sec_digest_size(s->alg));
	wd_wipe(s->state, sizeof(s->state));
	return rc;
}
