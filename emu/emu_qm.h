/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_qm.h - inside the modelled queue manager: what its files share.
 *
 *	emu_dev.c	life, locking, access dispatch
 *	emu_regs.c	register file: reset values, handshakes, W1C, VFT
 *	emu_mailbox.c	commands and contexts
 *	emu_ring.c	doorbells, fetch, run, complete in order
 *	emu_event.c	EQ, AEQ, error bits, interrupts
 *	emu_fault.c	what goes wrong with which job
 *	emu_stats.c	what was run
 *	emu_trace.c	lines about it
 *
 * One lock guards everything here except while the engine runs a descriptor.
 * Interrupts and kicks are collected under the lock and delivered by
 * emu_unlock(), so a callback may enter the device again.
 * Behaviour and its sources: docs/hw/qm.md.
 */
#ifndef EMU_QM_H
#define EMU_QM_H

#include <pthread.h>
#include <sys/queue.h>

#include "emu/emu_dev.h"
#include "hw/qm/qm_fields.h"

#define EMU_SQE_WORDS_MAX 32
#define EMU_FUNCTIONS	  64 /* PF and 63 VFs */
#define EMU_QUEUES_MAX	  1024

/* What goes wrong with one job; emu_fault.c */
struct emu_mishap {
	uint64_t delay_us;
	bool drop, fail, corrupt, stop, reset, gone;
	uint32_t errors; /* enum emu_error */
};

/* A descriptor taken from a ring and not yet completed. */
struct emu_task {
	STAILQ_ENTRY(emu_task) next;
	uint32_t sqe[EMU_SQE_WORDS_MAX];
	uint16_t slot;
	bool ran;     /* the engine is through with it */
	bool dropped; /* and nobody will hear of it */
	uint64_t due; /* completes no sooner; wd_now_ns() */
};
STAILQ_HEAD(emu_tasks, emu_task);

struct emu_sq {
	bool valid;
	bool halted;	 /* stopped, closed or failed: ignores doorbells */
	bool closing;	 /* context being replaced: start nothing */
	bool bell_phase; /* of tail; toggles when it wraps */
	struct qm_context ctx;
	uint64_t base;
	uint32_t depth, pasid, random;
	uint16_t cq;
	uint8_t type;	     /* core group */
	uint16_t head, tail; /* next to fetch; one past the last valid */
	unsigned int running;
	uint64_t ran;		/* descriptors */
	struct emu_tasks tasks; /* in ring order */
};

struct emu_cq {
	bool valid;
	bool armed;	/* c_flag: the next completion makes an event */
	bool phase;	/* written with the next completion */
	bool tail_flag; /* context bit "tail phase"; toggles at wrap */
	struct qm_context ctx;
	uint64_t base;
	uint32_t depth, random;
	uint16_t head, tail;
	uint32_t used; /* written and not yet acknowledged */
};

struct emu_queue {
	uint16_t id;
	bool active; /* on the device's list of queues with work */
	struct emu_sq sq;
	struct emu_cq cq;
	TAILQ_ENTRY(emu_queue) next;
};
TAILQ_HEAD(emu_queues, emu_queue);

/* Event queue or asynchronous event queue. */
struct emu_eq {
	bool valid;
	bool armed; /* may interrupt; set by its doorbell */
	bool phase;
	struct qm_context ctx;
	uint64_t base;
	uint32_t depth;
	uint16_t head, tail;
};

struct emu_dev {
	struct emu_config cfg;
	struct emu_bus bus;
	pthread_mutex_t lock;
	pthread_cond_t idle; /* a task ran, or the device changed state */

	uint32_t *regs; /* BAR2 */
	size_t bar2;	/* bytes */
	bool bus_master;
	bool gone;	/* surprise removal: reads all-ones */
	bool broken;	/* fatal error: nothing runs until reset */
	bool resetting; /* waiting for the engine: start nothing */
	bool mailbox_busy;
	uint64_t resets; /* so that a waiter notices one */

	uint64_t vft[2][EMU_FUNCTIONS];	   /* SQC, CQC */
	uint32_t shaper[4][EMU_FUNCTIONS]; /* by core group */
	uint64_t message[EMU_FUNCTIONS];   /* mailbox SRC to DST */
	uint64_t sqc_table, cqc_table;

	struct emu_queue *queues; /* cfg.queues of them */
	struct emu_queues active;
	struct emu_eq eq, aeq;
	struct emu_tasks spare; /* tasks to use again */
	unsigned int running;
	uint64_t job;	    /* number of the last descriptor started */
	uint64_t next_slot; /* rate: when the next job may complete, ns */

	uint32_t raise; /* vectors to deliver at unlock */
	bool kick;
	struct emu_stats stats;
	struct emu_replay *replay; /* NULL: compute always */
};

/* emu_dev.c */
void emu_lock(struct emu_dev *d);
void emu_unlock(struct emu_dev *d);
int emu_dma_read(struct emu_dev *d, uint64_t addr, void *buf, size_t len);
int emu_dma_write(struct emu_dev *d, uint64_t addr, const void *buf,
		  size_t len);
void emu_engine_drain(struct emu_dev *d);
bool emu_dma_open(const struct emu_dev *d);

/* emu_regs.c */
void emu_regs_reset(struct emu_dev *d);
uint32_t emu_reg_read(struct emu_dev *d, uint32_t off);
void emu_reg_write(struct emu_dev *d, uint32_t off, uint32_t value);
uint32_t *emu_reg(struct emu_dev *d, uint32_t off);
unsigned int emu_queue_count(const struct emu_dev *d);
uint64_t emu_vft_of_caller(const struct emu_dev *d);

/* emu_mailbox.c */
void emu_mailbox_run(struct emu_dev *d);

/* emu_ring.c */
struct emu_queue *emu_queue(struct emu_dev *d, uint32_t number);
void emu_bell(struct emu_dev *d, const uint32_t bell[2]);
int emu_sq_load(struct emu_dev *d, struct emu_queue *q,
		const struct qm_context *ctx);
int emu_cq_load(struct emu_dev *d, struct emu_queue *q,
		const struct qm_context *ctx);
void emu_sq_store(const struct emu_queue *q, struct qm_context *ctx);
void emu_cq_store(const struct emu_queue *q, struct qm_context *ctx);
int emu_sq_stop(struct emu_dev *d, struct emu_queue *q);
uint32_t emu_sq_waiting(const struct emu_queue *q);
void emu_queues_reset(struct emu_dev *d);
void emu_break(struct emu_dev *d);
bool emu_work(struct emu_dev *d, struct emu_queue *only, uint64_t *wait_ns);

/* emu_event.c */
enum emu_aeqe_type { EMU_AEQE_CQ_FULL, EMU_AEQE_EQ_FULL, EMU_AEQE_CQE_ERROR };

/* Bits of ABNORMAL_INT_SOURCE; docs/hw/qm.md#errors */
enum emu_error {
	EMU_ERR_AXI_READ = 1u << 0,
	EMU_ERR_AXI_WRITE = 1u << 1,
	EMU_ERR_ECC = 1u << 2,
	EMU_ERR_ECC_CORRECTED = 1u << 3,
	EMU_ERR_CQ_FUNCTION = 1u << 8,
	EMU_ERR_SQ_FUNCTION = 1u << 9,
	EMU_ERR_BELL = 1u << 10,
	EMU_ERR_BELL_RANDOM = 1u << 12,
};

int emu_eq_load(struct emu_eq *e, const struct qm_context *ctx);
void emu_eq_store(const struct emu_eq *e, struct qm_context *ctx);
void emu_eq_bell(struct emu_dev *d, struct emu_eq *e, uint32_t index);
bool emu_eq_waiting(const struct emu_eq *e);
void emu_eq_unmasked(struct emu_dev *d);
void emu_event(struct emu_dev *d, struct emu_queue *cq);
void emu_async_event(struct emu_dev *d, uint16_t queue,
		     enum emu_aeqe_type type);
void emu_error(struct emu_dev *d, uint32_t bits);

/* emu_fault.c */
void emu_mishap(const struct emu_config *cfg, uint64_t job,
		struct emu_mishap *out);

/* emu_stats.c */
void emu_count(struct emu_stats *s, const struct emu_engine *e,
	       const uint32_t *sqe);

/* emu_trace.c; each does nothing without cfg.trace */
void emu_trace_access(struct emu_dev *d, char way, unsigned int bar,
		      uint64_t off, uint64_t value, unsigned int size);
void emu_trace_mailbox(struct emu_dev *d, const uint32_t *w);
void emu_trace_context(struct emu_dev *d, const struct qm_context *ctx);
void emu_trace_bell(struct emu_dev *d, const uint32_t bell[2]);
void emu_trace_vft(struct emu_dev *d, uint32_t type, uint32_t function,
		   uint64_t value);
void emu_trace_sqe(struct emu_dev *d, const char *what, const uint32_t *sqe);

#endif
