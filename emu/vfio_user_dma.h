/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_user_dma.h - the guest's memory, as its virtual machine lends it: a
 * table of DMA address ranges, each a piece of a file that is mapped here.
 *
 *	DMA_MAP iova, size, fd, offset ─▶ range ─▶ file (mapped once, counted)
 *
 * Every address the device uses is the guest's and believed by nobody: an
 * access is looked up, split where ranges meet, and refused with -EFAULT if
 * one byte of it is outside or may not be written.  A file that its owner
 * could still shrink would turn an access into a signal, so only sealed ones
 * are mapped; ranges without a usable file are known and unreachable.
 *
 * Threads: the table changes while nobody looks at it.  The host pauses its
 * engine threads around add, remove and fini.
 */
#ifndef VFIO_USER_DMA_H
#define VFIO_USER_DMA_H

#include "emu/emu_engine.h"

#define VFIO_USER_DMA_PAGE 4096u
#define VFIO_USER_DMA_MAX  65535u /* ranges */

enum { VFIO_USER_DMA_READ = 1u << 0, VFIO_USER_DMA_WRITE = 1u << 1 };

struct vfio_user_file; /* a mapped file */

struct vfio_user_range {
	uint64_t iova, size; /* bytes, whole pages */
	uint8_t *va;	     /* NULL: unreachable */
	uint32_t access;
	struct vfio_user_file *file;
};

struct vfio_user_dma {
	struct vfio_user_range *range; /* sorted, disjoint */
	size_t count, cap;
	struct vfio_user_file *files;
};

void vfio_user_dma_init(struct vfio_user_dma *d);
void vfio_user_dma_fini(struct vfio_user_dma *d);

/**
 * vfio_user_dma_add() - a range of guest memory
 * @fd: the file, -1 for none; stays the caller's
 * @offset: of the range in the file
 *
 * Return: 0; 1: added, but not to be reached, since the file could shrink;
 * -EINVAL: not whole pages, empty, or past the end of the address
 * space or the file; -EEXIST: overlaps another; -ENOSPC: too many; -ENOMEM.
 */
int vfio_user_dma_add(struct vfio_user_dma *d, uint64_t iova, uint64_t size,
		      uint32_t access, int fd, uint64_t offset);

/**
 * vfio_user_dma_remove() - forget all ranges in @iova, @size
 * Return: how many; -EINVAL: one of them is only partly in there.
 */
int vfio_user_dma_remove(struct vfio_user_dma *d, uint64_t iova, uint64_t size);

/* For the device.  No PASIDs here: with one nothing is reachable. */
struct emu_dma vfio_user_dma_bus(struct vfio_user_dma *d);

#endif
