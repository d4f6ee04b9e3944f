/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus.h - memory an engine can reach, for tests that call it directly.
 *
 * One arena between two inaccessible pages; its bus addresses are not its
 * pointers.  Its last quarter is read-only for the engine.  In pages mode no
 * mapping spans two pages, and pages that are neighbours on the bus are not
 * neighbours in memory.
 */
#ifndef TEST_EMU_BUS_H
#define TEST_EMU_BUS_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "emu/emu_engine.h"

#define BUS_BASE  0x7654321000000ull
#define BUS_SIZE  (1u << 20)
#define BUS_RO	  (BUS_SIZE / 4 * 3) /* from this offset on */
#define BUS_PAGE  4096u
#define BUS_PASID 9

struct bus {
	struct emu_dma dma;
	uint8_t *mem;
	size_t used; /* of bus_alloc() */
	int pages;
};

/* Offset in memory of offset @off on the bus. */
static inline size_t bus_where(const struct bus *b, size_t off)
{
	return b->pages ? off ^ BUS_PAGE : off; /* neighbours swapped */
}

static inline void *bus_map(void *ctx, uint32_t pasid, uint64_t addr,
			    size_t len, bool write)
{
	struct bus *b = ctx;
	uint64_t off = addr - BUS_BASE;

	if (pasid != BUS_PASID || addr < BUS_BASE || off >= BUS_SIZE ||
	    len > BUS_SIZE - off)
		return NULL;
	if (write && off + len > BUS_RO)
		return NULL;
	if (b->pages && off / BUS_PAGE != (off + len - 1) / BUS_PAGE)
		return NULL;
	return b->mem + bus_where(b, off);
}

static inline int bus_copy(struct bus *b, uint32_t pasid, uint64_t addr,
			   uint8_t *buf, size_t len, bool write)
{
	while (len) {
		size_t n = BUS_PAGE - addr % BUS_PAGE;
		uint8_t *p;

		n = n < len ? n : len;
		p = bus_map(b, pasid, addr, n, write);
		if (!p)
			return -EFAULT;
		memcpy(write ? p : buf, write ? buf : p, n);
		addr += n;
		buf += n;
		len -= n;
	}
	return 0;
}

static inline int bus_read(void *ctx, uint32_t pasid, uint64_t addr, void *buf,
			   size_t len)
{
	return bus_copy(ctx, pasid, addr, buf, len, false);
}

static inline int bus_write(void *ctx, uint32_t pasid, uint64_t addr,
			    const void *buf, size_t len)
{
	return bus_copy(ctx, pasid, addr, (uint8_t *)buf, len, true);
}

static inline void bus_open(struct bus *b, int pages)
{
	uint8_t *p = mmap(NULL, BUS_SIZE + 2 * BUS_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED ||
	    mprotect(p + BUS_PAGE, BUS_SIZE, PROT_READ | PROT_WRITE))
		abort();
	*b = (struct bus){
		.dma = { b, BUS_PASID, bus_map, bus_read, bus_write },
		.mem = p + BUS_PAGE,
		.pages = pages,
	};
}

static inline void bus_close(struct bus *b)
{
	munmap(b->mem - BUS_PAGE, BUS_SIZE + 2 * BUS_PAGE);
}

/* Room on the bus, @align a power of two, plus @odd bytes. */
static inline uint64_t bus_alloc(struct bus *b, size_t len, size_t align,
				 size_t odd)
{
	b->used = ((b->used + align - 1) & ~(align - 1)) + odd;
	b->used += len;
	if (b->used > BUS_RO)
		abort();
	return BUS_BASE + b->used - len;
}

static inline void bus_put(struct bus *b, uint64_t addr, const void *p,
			   size_t len)
{
	if (bus_write(b, BUS_PASID, addr, p, len))
		abort();
}

static inline void bus_get(struct bus *b, uint64_t addr, void *p, size_t len)
{
	if (bus_read(b, BUS_PASID, addr, p, len))
		abort();
}

/* Repeatable noise. */
static inline uint32_t noise(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static inline void noise_fill(uint64_t *seed, void *p, size_t len)
{
	uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		b[i] = (uint8_t)(noise(seed) >> 7);
}

#endif
