/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_sgl.h - what a descriptor's address means: bytes the engine may touch.
 *
 *	flat address ─┐
 *	              ├─▶ struct emu_span (direct pointers) ─▶ emu_cursor
 *	scatter list ─┘
 *
 * A span is resolved as a whole before the engine writes its first byte, so a
 * job that is refused has changed nothing.  Bulk data is never copied here.
 * Pointers are good until the engine's run() returns.
 */
#ifndef EMU_SGL_H
#define EMU_SGL_H

#include "emu/emu_engine.h"

struct emu_seg {
	uint8_t *p;
	size_t len; /* bytes, never 0 */
};

#define EMU_SPAN_INLINE 8 /* segments without an allocation */

struct emu_span {
	struct emu_seg *seg; /* few, or memory of ours */
	size_t n, cap;
	struct emu_seg few[EMU_SPAN_INLINE];
};

void emu_span_init(struct emu_span *s);
void emu_span_fini(struct emu_span *s);

/**
 * emu_span_flat() - @len bytes at @addr
 * emu_span_list() - @len bytes of the hardware scatter list at @addr, after
 *		     the first @skip bytes it describes
 * @s: initialised and empty
 * @write: the engine will write there (and may read)
 *
 * @len 0 touches nothing and is always reachable.
 * Return: 0; -EFAULT: address 0 or not all reachable; -EINVAL: a list no
 *	   driver may send (alignment, counts, chain length) or too short for
 *	   the job; -ENOMEM.
 */
int emu_span_flat(struct emu_span *s, const struct emu_dma *dma, uint64_t addr,
		  size_t len, bool write);
int emu_span_list(struct emu_span *s, const struct emu_dma *dma, uint64_t addr,
		  size_t skip, size_t len, bool write);

/* Could all @len bytes be read (written)? */
bool emu_reach(const struct emu_dma *dma, uint64_t addr, size_t len,
	       bool write);

/* A place within a span.  The caller never goes past the end. */
struct emu_cursor {
	const struct emu_seg *seg;
	size_t off;
};

static inline struct emu_cursor emu_cursor(const struct emu_span *s)
{
	return (struct emu_cursor){ s->seg, 0 };
}

/* Contiguous bytes from here on (never 0 before the end). */
static inline size_t emu_cursor_run(const struct emu_cursor *c)
{
	return c->seg->len - c->off;
}

static inline uint8_t *emu_cursor_at(const struct emu_cursor *c)
{
	return c->seg->p + c->off;
}

/* @n at most emu_cursor_run(). */
static inline void emu_cursor_step(struct emu_cursor *c, size_t n)
{
	c->off += n;
	if (c->off == c->seg->len) {
		c->seg++;
		c->off = 0;
	}
}

/* Copy @n bytes from (to) the place across segments, and step over them. */
void emu_cursor_read(struct emu_cursor *c, uint8_t *to, size_t n);
void emu_cursor_write(struct emu_cursor *c, const uint8_t *from, size_t n);

#endif
