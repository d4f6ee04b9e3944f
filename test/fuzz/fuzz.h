/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - a modelled function whose guest is the fuzzer's input.
 *
 * Guest memory is one file with three ranges: read and write, read only, read
 * and write again, with holes between.  Pages of the file that no range shows
 * are inaccessible, so one byte too far is a fault, whoever reads it.  No
 * engine threads: descriptors run when fuzz_work() is called, so an input does
 * the same each time.
 */
#ifndef WD_FUZZ_H
#define WD_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "emu/vfio_user.h"

#define FUZZ_BASE   0x40000000ull
#define FUZZ_SIZE   0x100000u
#define FUZZ_RW1    0x0u /* offsets of the ranges */
#define FUZZ_RO	    0x48000u
#define FUZZ_RW2    0x80000u
#define FUZZ_RW1_SZ 0x40000u
#define FUZZ_RO_SZ  0x8000u
#define FUZZ_RW2_SZ 0x70000u

/* Where the prologue of a started function puts things, in the first range. */
#define FUZZ_EQ	     0x0u
#define FUZZ_AEQ     0x2000u
#define FUZZ_CONTEXT 0x3000u
#define FUZZ_SQ	     0x4000u /* rings of FUZZ_DEPTH, one a queue */
#define FUZZ_CQ	     0x20000u
#define FUZZ_LIST    (FUZZ_RW2 + 0xc00u) /* a scatter list */
#define FUZZ_CURVES  (FUZZ_RW2 + 0xe00u) /* parameters and points */
#define FUZZ_DEPTH   32u
#define FUZZ_QUEUES  8u

/* The input, taken from its front; zeros when it is used up. */
struct fuzz_input {
	const uint8_t *p;
	size_t left;
};

uint64_t fuzz_take(struct fuzz_input *in, unsigned int bytes);
/* Return: how many of @len there were; the rest is zero. */
size_t fuzz_bytes(struct fuzz_input *in, void *to, size_t len);

/* A function chosen by the first byte.  Never NULL. */
struct vfio_user *fuzz_open(struct fuzz_input *in);
void fuzz_close(struct vfio_user *u);

/* Queue manager up, all queues started; engine core groups by number. */
void fuzz_start(struct vfio_user *u);

/* Into guest memory at @off, as far as it can be written. */
void fuzz_poke(struct vfio_user *u, uint64_t off, const void *p, size_t len);
void fuzz_config(struct vfio_user *u, uint64_t off, uint64_t v, size_t len);
void fuzz_bar(struct vfio_user *u, unsigned int bar, uint64_t off, uint64_t v,
	      size_t len);
void fuzz_mailbox(struct vfio_user *u, uint32_t w0, uint64_t data);

/* A job that would work, changed by the input, and its doorbell. */
void fuzz_descriptor(struct vfio_user *u, struct fuzz_input *in);
void fuzz_work(struct vfio_user *u);

/* More guest memory and an eventfd, to be passed with messages. */
int fuzz_spare_memory(void);
int fuzz_eventfd(void);

#endif
