/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "emu/emu_card.h"
#include "emu/emu_publish.h"

/* Each window begins at a bus address of its own, far from the next: nothing
 * runs over from one into another unseen. */
#define EMU_WINDOW_SHIFT 32
/* First page: a null pointer plus a field. */
#define EMU_VA_MIN	 4096u
/* User addresses end here on both CPUs (47 and 48 bits). */
#define EMU_VA_MAX	 (1ull << 48)

void emu_memory_init(struct emu_memory *m, bool sva)
{
	memset(m, 0, sizeof(*m));
	pthread_rwlock_init(&m->lock, NULL);
	m->sva = sva;
}

uint64_t emu_memory_set(struct emu_memory *m, unsigned int window, void *va,
			size_t size)
{
	pthread_rwlock_wrlock(&m->lock);
	m->window[window].va = va;
	m->window[window].size = size;
	pthread_rwlock_unlock(&m->lock);
	return (uint64_t)(window + 1) << EMU_WINDOW_SHIFT;
}

static void *emu_memory_window(struct emu_memory *m, uint64_t addr, size_t len)
{
	uint64_t window = (addr >> EMU_WINDOW_SHIFT) - 1;
	uint64_t off = addr & ((1ull << EMU_WINDOW_SHIFT) - 1);
	uint8_t *p = NULL;

	if (window >= EMU_WINDOWS)
		return NULL;
	pthread_rwlock_rdlock(&m->lock);
	if (off < m->window[window].size && len <= m->window[window].size - off)
		p = m->window[window].va + off;
	pthread_rwlock_unlock(&m->lock);
	return p;
}

/* Is @addr in the pool of the one queue that has this PASID? */
static bool emu_memory_own(uint32_t pasid, uint64_t addr)
{
	uint64_t window = (addr >> EMU_WINDOW_SHIFT) - 1;
	uint64_t first =
		EMU_WINDOW_QUEUE0 +
		((uint64_t)pasid - EMU_PASID_QUEUE0) * (1 + EMU_SLICES) + 1;

	return pasid >= EMU_PASID_QUEUE0 && window >= first &&
	       window < first + EMU_SLICES;
}

static void *emu_memory_map(void *ctx, uint32_t pasid, uint64_t addr,
			    size_t len, bool write)
{
	struct emu_memory *m = ctx;

	(void)write;
	if (!pasid || emu_memory_own(pasid, addr))
		return emu_memory_window(m, addr, len);
	if (!m->sva || pasid != EMU_PASID || addr < EMU_VA_MIN ||
	    addr >= EMU_VA_MAX || len > EMU_VA_MAX - addr)
		return NULL;
	return (void *)(uintptr_t)addr;
}

static int emu_memory_read(void *ctx, uint32_t pasid, uint64_t addr, void *buf,
			   size_t len)
{
	const void *p = emu_memory_map(ctx, pasid, addr, len, false);

	if (!p)
		return -EFAULT;
	memcpy(buf, p, len);
	return 0;
}

static int emu_memory_write(void *ctx, uint32_t pasid, uint64_t addr,
			    const void *buf, size_t len)
{
	uint8_t *p = emu_memory_map(ctx, pasid, addr, len, true);

	if (!p)
		return -EFAULT;
	emu_publish(p, buf, len);
	return 0;
}

struct emu_dma emu_memory_dma(struct emu_memory *m)
{
	return (struct emu_dma){
		.ctx = m,
		.map = emu_memory_map,
		.read = emu_memory_read,
		.write = emu_memory_write,
	};
}
