/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_sec_replay.c - results of symmetric jobs remembered (option `replay`).
 *
 *	addresses resolved ─▶ sec_recall() ─▶ there: output written
 *	                          └─▶ not: compute ─▶ sec_remember()
 *
 * All that a result depends on is compared: the fields that are no addresses,
 * the keys, the IVs, a saved state, and the source byte by byte.  That costs
 * a small part of what computing costs, SM4 or SHA-256 most of all.
 *
 * Not remembered: what lies in many pieces of memory, and what is larger than
 * RECALL_MAX, so that the memory this takes stays bounded.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_replay.h"
#include "emu/emu_sec.h"

#define RECALL_MAX (64 * 1024) /* bytes of source */
#define PIECES	   (4 + EMU_SPAN_INLINE)
#define ROOMS	   (1 + EMU_SPAN_INLINE)

static const uint8_t constants[SEC_MEMO_FIELDS] = {
	F_CIPHER,	 F_AUTH,      F_DE,
	F_AI_GEN,	 F_A_PAD,     F_MAC_LEN,
	F_A_KEY_LEN,	 F_A_ALG,     F_C_ICV_LEN,
	F_C_WIDTH,	 F_C_KEY_LEN, F_C_MODE,
	F_C_ALG,	 F_A_LEN,     F_C_LEN,
	F_A_OFFSET,	 F_C_OFFSET,  F_LONG_A_LEN_LO,
	F_LONG_A_LEN_HI,
};

/* Key and state of the authentication, where the job has them. */
static enum sec_error fetch_auth(const struct sec_run *r, struct sec_memo *m,
				 size_t state)
{
	size_t key = (size_t)sec_get(r, F_A_KEY_LEN) * 4;
	enum sec_error rc = E_NONE;

	memset(m->auth, 0, sizeof(m->auth));
	if (key > SEC_MEMO_KEY || state > sizeof(m->auth) - SEC_MEMO_KEY)
		return E_LENGTH;
	if (key)
		rc = sec_fetch(r, sec_get64(r, F_A_KEY_LO), m->auth, key);
	if (!rc && state)
		rc = sec_fetch(r, sec_get64(r, F_A_IVIN_LO),
			       m->auth + SEC_MEMO_KEY, state);
	return rc;
}

static size_t span_len(const struct emu_span *s)
{
	size_t len = 0;

	for (size_t i = 0; i < s->n; i++)
		len += s->seg[i].len;
	return len;
}

static bool worth(const struct sec_run *r)
{
	return r->job->replay && r->src.n <= EMU_SPAN_INLINE &&
	       r->dst.n <= EMU_SPAN_INLINE && span_len(&r->src) <= RECALL_MAX;
}

static unsigned int rooms(const struct sec_run *r, uint8_t *tag, size_t tag_len,
			  struct emu_room room[ROOMS])
{
	room[0] = (struct emu_room){ tag, tag_len };
	for (size_t i = 0; i < r->dst.n; i++)
		room[1 + i] =
			(struct emu_room){ r->dst.seg[i].p, r->dst.seg[i].len };
	return 1 + (unsigned int)r->dst.n;
}

/* @src: the source's bytes one after the other; NULL: where they lie. */
static unsigned int pieces(const struct sec_run *r, const struct sec_memo *m,
			   const uint8_t *src, struct emu_piece in[PIECES])
{
	unsigned int n = 0;

	in[n++] = (struct emu_piece){ m->fields, sizeof(m->fields) };
	in[n++] = (struct emu_piece){ r->key, sizeof(r->key) };
	in[n++] = (struct emu_piece){ r->iv, sizeof(r->iv) };
	in[n++] = (struct emu_piece){ m->auth, sizeof(m->auth) };
	for (size_t i = 0; i < r->src.n; i++) {
		const struct emu_seg *s = &r->src.seg[i];

		in[n++] = (struct emu_piece){ src ? src : s->p, s->len };
		src = src ? src + s->len : NULL;
	}
	return n;
}

/* Computing may be in place: the source is kept. */
static uint8_t *source(const struct sec_run *r)
{
	size_t len = span_len(&r->src);
	struct emu_cursor from = emu_cursor(&r->src);
	uint8_t *to = malloc(len + 1);

	if (to && len)
		emu_cursor_read(&from, to, len);
	return to;
}

bool sec_recall(const struct sec_run *r, struct sec_memo *m, size_t state,
		uint8_t *tag, size_t tag_len)
{
	struct emu_piece in[PIECES];
	struct emu_room out[ROOMS];
	unsigned int n;

	m->src = NULL;
	if (!worth(r) || fetch_auth(r, m, state))
		return false;
	for (size_t i = 0; i < SEC_MEMO_FIELDS; i++)
		m->fields[i] = sec_get(r, constants[i]);
	m->fields[SEC_MEMO_FIELDS] = sec_counter_mode(r);
	n = pieces(r, m, NULL, in);
	if (emu_replay_get_to(r->job->replay, in, n, out,
			      rooms(r, tag, tag_len, out))) {
		wd_wipe(m->auth, sizeof(m->auth));
		return true;
	}
	m->src = source(r);
	return false;
}

void sec_remember(const struct sec_run *r, struct sec_memo *m, uint8_t *tag,
		  size_t tag_len, bool good)
{
	struct emu_piece in[PIECES];
	struct emu_room out[ROOMS];
	unsigned int n;

	if (!m->src)
		return;
	n = pieces(r, m, m->src, in);
	if (good)
		emu_replay_put_from(r->job->replay, in, n, out,
				    rooms(r, tag, tag_len, out));
	wd_wipe(m->src, span_len(&r->src));
	free(m->src);
	wd_wipe(m->auth, sizeof(m->auth));
}
