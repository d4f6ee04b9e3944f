/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_engine.h - what stands behind the modelled queue manager: one engine
 * that takes a descriptor, moves data by DMA and fills in the answer.
 *
 *	emu_qm.c   rings, phases, mailbox, interrupts: knows no algorithm
 *	   │ emu_engine.run(sqe, dma)
 *	emu_hpre.c, emu_sec.c, emu_zip.c  algorithms: know no ring
 *
 * The model shares field tables with the drivers, never code, so that their
 * logic can disagree.  It is strict: what hardware would refuse or what no
 * driver may send is refused with an error status and nothing is written.
 */
#ifndef EMU_ENGINE_H
#define EMU_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uacce/uacce.h"

struct emu_replay; /* results remembered by `replay`; emu_replay.h */

/* DMA of one function, with the queue's PASID already bound. */
struct emu_dma {
	void *ctx;
	uint32_t pasid;
	/* A direct pointer to @len contiguous bytes, or NULL when the range is
	 * not (all) reachable; the pointer is good until run() returns. */
	void *(*map)(void *ctx, uint32_t pasid, uint64_t addr, size_t len,
		     bool write);
	/* Copy; ranges may be split across mappings.  Return: 0 or -EFAULT,
	 * then nothing is promised about the destination. */
	int (*read)(void *ctx, uint32_t pasid, uint64_t addr, void *buf,
		    size_t len);
	int (*write)(void *ctx, uint32_t pasid, uint64_t addr, const void *buf,
		     size_t len);
};

/* One job, as the engine gets it. */
struct emu_job {
	uint32_t *sqe; /* private copy of the slot, written back after */
	const struct emu_dma *dma;
	unsigned int qm_version; /* 2 or 3 */
	unsigned int qc_type;	 /* core group of the queue */
	bool corrupt; /* fault: compute, then flip bits of the result */
	bool fail;    /* fault: error status, no data written */
	struct emu_replay *replay; /* NULL: compute always */
};

/* Constant of a register that a driver reads before it writes. */
struct emu_reg_init {
	uint32_t offset; /* in BAR2 */
	uint32_t v2, v3; /* reset value per generation */
};

/* Write of bit 0 to @start makes @done read back @value (or, with value 0,
 * what was last written to @mask_from). */
struct emu_handshake {
	uint32_t start, done;
	uint32_t value, mask_from;
};

struct emu_engine {
	const char *name; /* "hpre" */
	enum uacce_engine id;
	uint16_t sqe_size;
	uint16_t pf_id, vf_id;			   /* PCI device ids */
	const char *algorithms_v2, *algorithms_v3; /* sysfs list */

	const struct emu_reg_init *regs;
	size_t reg_count;
	const struct emu_handshake *handshakes;
	size_t handshake_count;
	/* Error source (write 1 to clear), status mirror and set registers. */
	uint32_t int_source, int_status, int_set;

	/* Run one descriptor.  Any thread; several jobs of one device at a
	 * time.  Errors are status fields of the descriptor, never a return. */
	void (*run)(const struct emu_job *job);
};

extern const struct emu_engine emu_hpre, emu_sec, emu_zip;

/* All there are; NULL: not modelled. */
extern const struct emu_engine *const emu_engines[UACCE_ENGINES];

#endif
