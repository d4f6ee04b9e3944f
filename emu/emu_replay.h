/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_replay.h - results remembered, so that the host side can be driven at
 * hardware speed on a small machine (option `replay`).
 *
 * A bounded table from (operation, key bytes, input bytes) to output bytes.
 * Inputs are compared in full, never by hash alone: a replayed result is a
 * right result.  Any thread may look up and store.
 */
#ifndef EMU_REPLAY_H
#define EMU_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct emu_replay;

struct emu_piece {
	const void *p;
	size_t len;
};

struct emu_replay *emu_replay_new(size_t entries);
void emu_replay_free(struct emu_replay *r);

/* Copy the remembered output of exactly these pieces to @out.
 * Return: true if it was there with @out_len bytes. */
bool emu_replay_get(struct emu_replay *r, const struct emu_piece *in,
		    unsigned int n, void *out, size_t out_len);
void emu_replay_put(struct emu_replay *r, const struct emu_piece *in,
		    unsigned int n, const void *out, size_t out_len);

/* The same with the output in pieces. */
struct emu_room {
	void *p;
	size_t len;
};
bool emu_replay_get_to(struct emu_replay *r, const struct emu_piece *in,
		       unsigned int n, const struct emu_room *out,
		       unsigned int out_n);
void emu_replay_put_from(struct emu_replay *r, const struct emu_piece *in,
			 unsigned int n, const struct emu_room *out,
			 unsigned int out_n);

/* How often emu_replay_get() was true. */
uint64_t emu_replay_hits(struct emu_replay *r);

#endif
