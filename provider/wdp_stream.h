/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_stream.h - a message digested by the device in pieces, and by
 * wdp_block.c where it can't be.
 *
 *	update ──┬── large ──▶ fill a block, whole blocks: a job; rest held
 *		 └── small ──▶ gathered
 *	final  ────▶ rest, padding, length: software
 *
 * The state is ours at any time, so a failed job has lost nothing, a stream
 * may begin at a state (HMAC's), and a copy is a copy.
 *
 * How the device lays the saved state out is known from one source only, so
 * the first stream of an algorithm begins with a block whose state is known.
 * Another state: the device's is of no use (wdp_stream_able()).
 */
#ifndef WDP_STREAM_H
#define WDP_STREAM_H

#include "provider/wdp.h"
#include "provider/wdp_block.h"

#define WDP_STREAM_GATHER 16384 /* bytes; allocated when first needed */

struct wdp_stream {
	struct wdp_ctx *prov;
	enum offload_kind kind; /* of its jobs */
	enum sec_digest_alg alg;
	uint64_t total;
	uint8_t *gather; /* NULL until needed, then kept */
	uint32_t held_len;
	bool begun;	/* state is not the initial one */
	bool gathering; /* gather takes the place of held */
	uint8_t state[WDP_BLOCK_STATE];
	uint8_t held[WDP_BLOCK_MAX];
};

/* Is the device worth @len more bytes now, and does it save states as we have
 * them? */
bool wdp_stream_able(struct wdp_ctx *p, enum offload_kind kind,
		     enum sec_digest_alg alg, size_t len);

struct wdp_stream *wdp_stream_new(struct wdp_ctx *p);
/* Between two messages: nothing of the last one stays. */
void wdp_stream_wipe(struct wdp_stream *s);
struct wdp_stream *wdp_stream_dup(const struct wdp_stream *s);
void wdp_stream_free(struct wdp_stream *s);

/* A message begins.  @state NULL: an ordinary one; else its first @total
 * bytes, whole blocks, have led there. */
void wdp_stream_begin(struct wdp_stream *s, enum offload_kind kind,
		      enum sec_digest_alg alg, const uint8_t *state,
		      uint64_t total);

/* Return: 0; -errno: the device failed and software may not, or no memory. */
int wdp_stream_update(struct wdp_stream *s, const uint8_t *in, size_t len);

/* @out: sec_digest_size() bytes.  The state is wiped. */
int wdp_stream_final(struct wdp_stream *s, uint8_t *out);

#endif
