/* SPDX-License-Identifier: Apache-2.0 */
#include "emu/vfio_user_dma.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "emu/emu_publish.h"

#define RANGES_FIRST 16 /* room at first */

/* A guest's RAM is one file and many ranges: it is mapped once. */
struct vfio_user_file {
	struct vfio_user_file *next;
	dev_t dev;
	ino_t ino;
	uint64_t size;
	bool writable;
	uint8_t *va;
	unsigned int users;
};

void vfio_user_dma_init(struct vfio_user_dma *d)
{
	*d = (struct vfio_user_dma){ 0 };
}

/* --- files --------------------------------------------------------------- */

static bool file_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && seals & F_SEAL_SHRINK;
}

static struct vfio_user_file *file_find(struct vfio_user_dma *d,
					const struct stat *st, bool writable,
					uint64_t end)
{
	struct vfio_user_file *f = d->files;

	while (f && (f->dev != st->st_dev || f->ino != st->st_ino ||
		     f->writable != writable || f->size < end))
		f = f->next;
	return f;
}

/* Return: NULL when there is no room, here or in the address space. */
static struct vfio_user_file *file_map(struct vfio_user_dma *d, int fd,
				       const struct stat *st, bool writable)
{
	struct vfio_user_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->size = (uint64_t)st->st_size;
	f->writable = writable;
	f->va = mmap(NULL, f->size, PROT_READ | (writable ? PROT_WRITE : 0),
		     MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (f->va == MAP_FAILED) {
		free(f);
		return NULL;
	}
	f->next = d->files;
	d->files = f;
	return f;
}

static void file_put(struct vfio_user_dma *d, struct vfio_user_file *f)
{
	struct vfio_user_file **at = &d->files;

	if (!f || --f->users)
		return;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	munmap(f->va, f->size);
	free(f);
}

/* Return: 0; 1: not a file to be mapped; negative errno. */
static int file_get(struct vfio_user_dma *d, int fd, bool writable,
		    uint64_t offset, uint64_t size, struct vfio_user_file **out)
{
	struct vfio_user_file *f;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || !file_sealed(fd))
		return 1;
	if (st.st_size < 0 || offset > (uint64_t)st.st_size ||
	    size > (uint64_t)st.st_size - offset)
		return -EINVAL;
	f = file_find(d, &st, writable, offset + size);
	if (!f)
		f = file_map(d, fd, &st, writable);
	if (!f)
		return -ENOMEM;
	f->users++;
	*out = f;
	return 0;
}

/* --- ranges -------------------------------------------------------------- */

/* The first range that ends after @iova; d->count if there is none. */
static size_t range_at(const struct vfio_user_dma *d, uint64_t iova)
{
	size_t lo = 0, hi = d->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct vfio_user_range *r = &d->range[mid];

		if (r->iova + (r->size - 1) < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool range_valid(uint64_t iova, uint64_t size)
{
	return size && iova % VFIO_USER_DMA_PAGE == 0 &&
	       size % VFIO_USER_DMA_PAGE == 0 && iova + (size - 1) >= iova;
}

static int range_room(struct vfio_user_dma *d)
{
	size_t cap = d->cap ? d->cap * 2 : RANGES_FIRST;
	struct vfio_user_range *range;

	if (d->count < d->cap)
		return 0;
	if (d->count >= VFIO_USER_DMA_MAX)
		return -ENOSPC;
	range = realloc(d->range, cap * sizeof(*range));
	if (!range)
		return -ENOMEM;
	d->range = range;
	d->cap = cap;
	return 0;
}

int vfio_user_dma_add(struct vfio_user_dma *d, uint64_t iova, uint64_t size,
		      uint32_t access, int fd, uint64_t offset)
{
	struct vfio_user_range r = { .iova = iova,
				     .size = size,
				     .access = access };
	size_t at;
	int rc;

	if (!range_valid(iova, size) || offset % VFIO_USER_DMA_PAGE)
		return -EINVAL;
	at = range_at(d, iova);
	if (at < d->count && d->range[at].iova <= iova + (size - 1))
		return -EEXIST;
	rc = range_room(d);
	if (!rc && fd >= 0)
		rc = file_get(d, fd, access & VFIO_USER_DMA_WRITE, offset, size,
			      &r.file);
	if (rc < 0)
		return rc;
	if (r.file)
		r.va = r.file->va + offset;
	memmove(&d->range[at + 1], &d->range[at],
		(d->count - at) * sizeof(d->range[0]));
	d->range[at] = r;
	d->count++;
	return rc;
}

int vfio_user_dma_remove(struct vfio_user_dma *d, uint64_t iova, uint64_t size)
{
	size_t first, end;

	if (!size || iova + (size - 1) < iova)
		return -EINVAL;
	first = range_at(d, iova);
	for (end = first; end < d->count; end++) {
		const struct vfio_user_range *r = &d->range[end];

		if (r->iova > iova + (size - 1))
			break;
		if (r->iova < iova ||
		    r->iova + (r->size - 1) > iova + (size - 1))
			return -EINVAL;
	}
	if (first == end)
		return 0;
	for (size_t i = first; i < end; i++)
		file_put(d, d->range[i].file);
	memmove(&d->range[first], &d->range[end],
		(d->count - end) * sizeof(d->range[0]));
	d->count -= end - first;
	return (int)(end - first);
}

void vfio_user_dma_fini(struct vfio_user_dma *d)
{
	for (size_t i = 0; i < d->count; i++)
		file_put(d, d->range[i].file);
	free(d->range);
	vfio_user_dma_init(d);
}

/* --- for the device ------------------------------------------------------ */

/* A pointer to what begins at @addr; @len is cut to what is contiguous. */
static uint8_t *dma_piece(const struct vfio_user_dma *d, uint64_t addr,
			  size_t *len, uint32_t access)
{
	size_t at = range_at(d, addr);
	const struct vfio_user_range *r;
	uint64_t left;

	if (at == d->count)
		return NULL;
	r = &d->range[at];
	if (r->iova > addr || !r->va || (r->access & access) != access)
		return NULL;
	left = r->size - (addr - r->iova);
	if (*len > left)
		*len = (size_t)left;
	return r->va + (addr - r->iova);
}

static void *dma_map(void *ctx, uint32_t pasid, uint64_t addr, size_t len,
		     bool write)
{
	size_t got = len;
	uint8_t *p;

	if (pasid)
		return NULL;
	p = dma_piece(ctx, addr, &got,
		      VFIO_USER_DMA_READ | (write ? VFIO_USER_DMA_WRITE : 0));
	return got == len ? p : NULL;
}

static int dma_read(void *ctx, uint32_t pasid, uint64_t addr, void *buf,
		    size_t len)
{
	uint8_t *to = buf;

	if (pasid || (len && addr + (len - 1) < addr))
		return -EFAULT;
	while (len) {
		size_t n = len;
		uint8_t *p = dma_piece(ctx, addr, &n, VFIO_USER_DMA_READ);

		if (!p)
			return -EFAULT;
		memcpy(to, p, n);
		addr += n;
		to += n;
		len -= n;
	}
	return 0;
}

static int dma_write(void *ctx, uint32_t pasid, uint64_t addr, const void *buf,
		     size_t len)
{
	const uint8_t *from = buf;

	if (pasid || (len && addr + (len - 1) < addr))
		return -EFAULT;
	while (len) {
		size_t n = len;
		uint8_t *p = dma_piece(ctx, addr, &n, VFIO_USER_DMA_WRITE);

		if (!p)
			return -EFAULT;
		emu_publish(p, from, n);
		addr += n;
		from += n;
		len -= n;
	}
	return 0;
}

struct emu_dma vfio_user_dma_bus(struct vfio_user_dma *d)
{
	return (struct emu_dma){
		.ctx = d,
		.map = dma_map,
		.read = dma_read,
		.write = dma_write,
	};
}
