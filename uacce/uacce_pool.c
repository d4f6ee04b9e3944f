/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uacce_pool.c - memory the device can reach.
 *
 * Under SVA any memory will do.  Without it the kernel lends static shared
 * memory (region 2): one run of user addresses over slices of bus addresses,
 * told slice by slice.  docs/hw/uacce.md#ss
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "uacce/uacce_kernel.h"

static size_t uacce_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Next slice behind those known; joined to the last if the bus goes on. */
static int uacce_slice_add(struct uacce_queue *q, size_t off, uint64_t bus,
			   size_t size)
{
	struct uacce_slice *last = q->slices ? &q->slice[q->slices - 1] : NULL;

	if (last && last->bus + last->size == bus) {
		last->size += size;
		return 0;
	}
	if (q->slices == UACCE_SLICES_MAX)
		return -ENOMEM;
	q->slice[q->slices++] =
		(struct uacce_slice){ q->pool + off, bus, size };
	return 0;
}

/* Ask for slices until the pool is covered. */
static int uacce_slices(struct uacce_queue *q, const struct uacce_sys *sys,
			unsigned long request, bool one)
{
	size_t off = 0;

	for (unsigned long i = 0; off < q->pool_size; i++) {
		unsigned long value = i;
		int more = sys->ioctl(q->fd, request, &value);
		size_t size = (value & UACCE_SS_COUNT) * UACCE_SS_GRANULE;
		int rc;

		if (more < 0)
			return -errno;
		/* Behind an IOMMU the count says nothing: it is one run. */
		if (one || size > q->pool_size - off)
			size = q->pool_size - off;
		if (!size || !(value & ~(unsigned long)UACCE_SS_COUNT))
			return -EINVAL;
		rc = uacce_slice_add(
			q, off, value & ~(unsigned long)UACCE_SS_COUNT, size);
		if (rc)
			return rc;
		off += size;
		if (!more && off < q->pool_size)
			return -EINVAL;
	}
	return 0;
}

static int uacce_map_pool(struct uacce_queue *q, const struct uacce_sys *sys,
			  int flags, int fd, off_t off, size_t size)
{
	void *p = sys->mmap(size, PROT_READ | PROT_WRITE, flags, fd, off);

	if (p == MAP_FAILED)
		return -errno;
	q->pool = p;
	q->pool_size = size;
	return 0;
}

/* A child gets no copy: its parent's device goes on writing there. */
static int uacce_pool_sva(struct uacce_queue *q, const struct uacce_sys *sys,
			  size_t size)
{
	int rc = uacce_map_pool(q, sys, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0,
				wd_align_up(size, uacce_page()));

	if (rc)
		return rc;
	(void)madvise(q->pool, q->pool_size, MADV_DONTFORK);
	q->slice[0] = (struct uacce_slice){ q->pool, (uintptr_t)q->pool,
					    q->pool_size };
	q->slices = 1;
	return 0;
}

int uacce_pool_open(struct uacce_queue *q, const struct uacce_sys *sys,
		    const struct uacce_abi *abi, uint32_t flags, size_t size)
{
	int rc;

	if (!size)
		return 0;
	if (q->sva)
		return uacce_pool_sva(q, sys, size);
	rc = uacce_map_pool(q, sys, MAP_SHARED, q->fd,
			    (off_t)(UACCE_REGION_SS * uacce_page()),
			    wd_align_up(size, UACCE_SS_GRANULE));
	if (rc)
		return rc;
	rc = uacce_slices(q, sys, abi->get_ss_dma, flags & UACCE_FLAG_IOMMU);
	if (rc) {
		uacce_pool_close(q, sys, false);
		return rc;
	}
	memset(q->pool, 0, q->pool_size);
	return 0;
}

void uacce_pool_close(struct uacce_queue *q, const struct uacce_sys *sys,
		      bool gone)
{
	if (!q->pool)
		return;
	if (!gone || q->sva)
		wd_wipe(q->pool, q->pool_size);
	sys->munmap(q->pool, q->pool_size);
	q->pool = NULL;
	q->pool_size = 0;
	q->slices = 0;
}
