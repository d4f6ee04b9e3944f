/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_dev.h - one accelerator function at register level: BAR2 (and BAR4 on
 * V3), mailbox, contexts, VFT, doorbells, rings, EQ and AEQ, errors and reset.
 * Three hosts use it through bus callbacks: a thread in this process, a daemon
 * on a unix socket, a PCI function in QEMU.
 *
 *	host ──bar_write──▶ emu_dev ──kick──▶ host's engine threads
 *	host ◀──irq──────── emu_dev ◀──work── (emu_dev_work)
 *	host ◀──dma────────
 *
 * Threads: bar_read, bar_write and work may be called from any threads at
 * once; the device locks itself.  Descriptors of one queue start in order and,
 * as on V2 silicon, complete in order.  Callbacks are made without the
 * device's lock held, except dma.
 */
#ifndef EMU_DEV_H
#define EMU_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emu/emu_engine.h"

/* Bytes of BAR2, and of BAR4 a queue (V3). */
#define EMU_BAR2_PF	0x400000u
#define EMU_BAR2_VF	0x10000u
#define EMU_BELL_WINDOW 0x10000u

enum emu_model { EMU_KUNPENG920 = 2, EMU_KUNPENG930 = 3 }; /* = QM version */

struct emu_bus {
	struct emu_dma dma;
	void (*irq)(void *ctx, unsigned int vector); /* MSI 0..3 */
	void (*kick)(void *ctx); /* there is work: call emu_dev_work() */
	void *ctx;		 /* for irq and kick */
};

/* Faults are data: "the n-th job does X". */
enum emu_fault_kind {
	EMU_FAULT_DELAY,  /* complete @arg microseconds late */
	EMU_FAULT_DROP,	  /* do the work, never complete it */
	EMU_FAULT_STATUS, /* error status, nothing written */
	EMU_FAULT_WRONG,  /* a wrong result with good status */
	EMU_FAULT_STOP,	  /* the queue stops (stop words set) */
	EMU_FAULT_RESET,  /* function-level reset under way */
	EMU_FAULT_GONE,	  /* device removed: all queues zombie */
	EMU_FAULT_ERROR,  /* the job is fine; error bit @arg is raised */
	EMU_FAULT_KINDS
};

struct emu_fault {
	enum emu_fault_kind kind;
	uint64_t nth;	/* job number of the device, from 1; 0: none */
	uint64_t every; /* 0: once; else again every so many jobs */
	uint64_t arg;
};
#define EMU_FAULTS_MAX 16

struct emu_config {
	const struct emu_engine *engine;
	enum emu_model model;
	unsigned int vf;	 /* 0: physical function; n: VF n */
	unsigned int queues;	 /* of the function, 1..1024 */
	unsigned int latency_us; /* a job completes no sooner than this */
	unsigned int rate;	 /* jobs per second at most, 0: unlimited */
	bool replay;
	struct emu_fault faults[EMU_FAULTS_MAX];
	unsigned int fault_count;
	/* A line for each register access and what it sets off, NULL: none.
	 * Called with the device's lock held. */
	void (*trace)(void *ctx, const char *line);
	void *trace_ctx;
};

struct emu_dev;

int emu_dev_new(struct emu_dev **out, const struct emu_config *cfg,
		const struct emu_bus *bus);
void emu_dev_free(struct emu_dev *d);

/* @size 4 or 8 bytes, naturally aligned; anything else reads as 0 and is not
 * written.  Unknown offsets are storage. */
uint64_t emu_dev_read(struct emu_dev *d, unsigned int bar, uint64_t off,
		      unsigned int size);
void emu_dev_write(struct emu_dev *d, unsigned int bar, uint64_t off,
		   uint64_t value, unsigned int size);

/* Function-level reset: registers, contexts, VFT, pending events. */
void emu_dev_reset(struct emu_dev *d);

/* A fatal error, as EMU_FAULT_RESET without a job: nothing works and the error
 * interrupt is raised, until whoever drives the device resets it. */
void emu_dev_fail(struct emu_dev *d);

/* PCI command register bit 2; without it every DMA fails. */
void emu_dev_bus_master(struct emu_dev *d, bool on);

/**
 * emu_dev_work() - run at most one descriptor
 * @wait_ns: when nothing can run now but something is being delayed, how long
 *	     until it may; else UINT64_MAX
 * Return: true if something was done; call again.
 */
bool emu_dev_work(struct emu_dev *d, uint64_t *wait_ns);

/* The same for one queue: a host that runs jobs inside the doorbell call
 * does only the caller's. */
bool emu_dev_work_queue(struct emu_dev *d, uint16_t queue, uint64_t *wait_ns);

/* What a test or a report wants to know. */
#define EMU_ALGS_MAX 64
struct emu_stats {
	uint64_t descriptors; /* run */
	struct {
		uint32_t key; /* for emu_alg_name() */
		uint64_t count;
	} alg[EMU_ALGS_MAX]; /* what they were, in order of appearance */
	size_t alg_count;
	uint64_t errors; /* completed with an error status */
	uint64_t sq_bells, cq_bells, eq_bells, irqs;
	uint64_t replayed;
};
void emu_dev_stats(struct emu_dev *d, struct emu_stats *out);

/* One queue, since its context was written. */
struct emu_queue_stats {
	uint64_t descriptors; /* run */
	uint32_t waiting;     /* rung, and neither completed nor dropped */
};
void emu_dev_queue_stats(struct emu_dev *d, uint16_t queue,
			 struct emu_queue_stats *out);

/* "aes-cbc+hmac-sha256" */
void emu_alg_name(const struct emu_engine *e, uint32_t key, char *buf,
		  size_t size);

#endif
