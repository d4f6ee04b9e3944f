/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_sgl.c - flat addresses and scatter lists to direct pointers.
 *
 * Only what the list says is believed, never its software fields: a block has
 * sum_in_sgl entries, then comes the next block.  Lists come from drivers and
 * fuzzers alike, so every count is bounded (docs/hw/sec.md#sgl).
 */
#include "emu/emu_sgl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/sec/sec_fields.h"

#define SGL_ALIGN      64
#define SGL_ENTRIES    255	  /* of a block */
#define SGL_BLOCKS     256	  /* of a chain */
#define SGL_ENTRY_MAX  (8u << 20) /* bytes */
#define DMA_PAGE_BYTES 4096	  /* mappings never end within one */

void emu_span_init(struct emu_span *s)
{
	s->seg = s->few;
	s->n = 0;
	s->cap = EMU_SPAN_INLINE;
}

void emu_span_fini(struct emu_span *s)
{
	if (s->seg != s->few)
		free(s->seg);
	emu_span_init(s);
}

static int span_grow(struct emu_span *s)
{
	size_t cap = s->cap * 2;
	struct emu_seg *seg;

	if (s->seg == s->few) {
		seg = malloc(cap * sizeof(*seg));
		if (seg)
			memcpy(seg, s->few, sizeof(s->few));
	} else {
		seg = realloc(s->seg, cap * sizeof(*seg));
	}
	if (!seg)
		return -ENOMEM;
	s->seg = seg;
	s->cap = cap;
	return 0;
}

static int span_add(struct emu_span *s, uint8_t *p, size_t len)
{
	int rc;

	if (s->n && s->seg[s->n - 1].p + s->seg[s->n - 1].len == p) {
		s->seg[s->n - 1].len += len;
		return 0;
	}
	rc = s->n == s->cap ? span_grow(s) : 0;
	if (!rc)
		s->seg[s->n++] = (struct emu_seg){ p, len };
	return rc;
}

/* A direct pointer to as much of the range as is contiguous: all of it, or
 * up to the end of the page. */
static uint8_t *map_some(const struct emu_dma *dma, uint64_t addr, size_t *len,
			 bool write)
{
	size_t page = DMA_PAGE_BYTES - addr % DMA_PAGE_BYTES;
	uint8_t *p = dma->map(dma->ctx, dma->pasid, addr, *len, write);

	if (p || *len <= page)
		return p;
	*len = page;
	return dma->map(dma->ctx, dma->pasid, addr, page, write);
}

/* @s NULL: only ask. */
static int walk_range(struct emu_span *s, const struct emu_dma *dma,
		      uint64_t addr, size_t len, bool write)
{
	while (len) {
		size_t n = len;
		uint8_t *p;
		int rc;

		if (!addr || addr + (len - 1) < addr)
			return -EFAULT;
		p = map_some(dma, addr, &n, write);
		if (!p)
			return -EFAULT;
		rc = s ? span_add(s, p, n) : 0;
		if (rc)
			return rc;
		addr += n;
		len -= n;
	}
	return 0;
}

int emu_span_flat(struct emu_span *s, const struct emu_dma *dma, uint64_t addr,
		  size_t len, bool write)
{
	return walk_range(s, dma, addr, len, write);
}

bool emu_reach(const struct emu_dma *dma, uint64_t addr, size_t len, bool write)
{
	return !walk_range(NULL, dma, addr, len, write);
}

/* The part of a list that is still wanted. */
struct want {
	size_t skip, len;
	bool write;
};

static int add_entry(struct emu_span *s, const struct emu_dma *dma,
		     const struct sec_sgl_entry *e, struct want *w)
{
	size_t skip = e->len < w->skip ? e->len : w->skip;
	size_t n = e->len - skip;
	int rc;

	if (e->len > SGL_ENTRY_MAX)
		return -EINVAL;
	if (e->len && (!e->addr || e->addr + e->len < e->addr))
		return -EFAULT;
	if (n > w->len)
		n = w->len;
	rc = walk_range(s, dma, e->addr + skip, n, w->write);
	w->skip -= skip;
	w->len -= n;
	return rc;
}

static int add_block(struct emu_span *s, const struct emu_dma *dma,
		     uint64_t addr, const struct sec_sgl *head, struct want *w)
{
	struct sec_sgl_entry e;
	int rc = 0;

	if (head->sum_in_sgl > SGL_ENTRIES ||
	    head->sum_in_sgl > head->length_in_sgl)
		return -EINVAL;
	addr += offsetof(struct sec_sgl, entry);
	for (unsigned int i = 0; i < head->sum_in_sgl && w->len && !rc; i++) {
		rc = dma->read(dma->ctx, dma->pasid, addr + i * sizeof(e), &e,
			       sizeof(e));
		if (!rc)
			rc = add_entry(s, dma, &e, w);
	}
	return rc;
}

int emu_span_list(struct emu_span *s, const struct emu_dma *dma, uint64_t addr,
		  size_t skip, size_t len, bool write)
{
	struct want w = { skip, len, write };
	struct sec_sgl head;
	int rc;

	for (unsigned int i = 0; i < SGL_BLOCKS && w.len; i++) {
		if (!addr)
			return i ? -EINVAL : -EFAULT;
		if (addr % SGL_ALIGN)
			return -EINVAL;
		rc = dma->read(dma->ctx, dma->pasid, addr, &head,
			       offsetof(struct sec_sgl, entry));
		if (rc)
			return -EFAULT;
		rc = add_block(s, dma, addr, &head, &w);
		if (rc)
			return rc;
		addr = head.next;
	}
	return w.len ? -EINVAL : 0;
}

void emu_cursor_read(struct emu_cursor *c, uint8_t *to, size_t n)
{
	while (n) {
		size_t run = emu_cursor_run(c);

		run = run < n ? run : n;
		memcpy(to, emu_cursor_at(c), run);
		emu_cursor_step(c, run);
		to += run;
		n -= run;
	}
}

void emu_cursor_write(struct emu_cursor *c, const uint8_t *from, size_t n)
{
	while (n) {
		size_t run = emu_cursor_run(c);

		run = run < n ? run : n;
		memcpy(emu_cursor_at(c), from, run);
		emu_cursor_step(c, run);
		from += run;
		n -= run;
	}
}
