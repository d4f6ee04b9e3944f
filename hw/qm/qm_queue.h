/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qm_queue.h - one hardware queue pair: a ring of descriptors going down, a
 * ring of completions coming back, and a doorbell for each.
 *
 *	reserve ▶ fill ▶ commit ▶ ring ▶ device ▶ reap
 *	   slot in place   ×n      once            many, one CQ doorbell
 *
 * The device writes its answer back into the same slot, so a completion is a
 * slot number; the slot stays the caller's until qm_queue_release().
 *
 * A queue belongs to one thread at a time; the owner may hand it over, but
 * nothing here locks.  Ring memory belongs to the uacce queue.  Nothing here
 * allocates or makes a system call, except open, wait and close.
 * Layout, phase rule and doorbell: docs/hw/qm.md.
 */
#ifndef QM_QUEUE_H
#define QM_QUEUE_H

#include "hw/qm/qm_fields.h"
#include "uacce/uacce.h"

/* Deepest ring a capability register can announce here (12-bit depth field). */
#define QM_DEPTH_MAX 4096

struct qm_queue {
	struct uacce_queue u;
	uint8_t *sq;	   /* sq_depth descriptors of u.sqe_size bytes */
	struct qm_cqe *cq; /* cq_depth completions */
	const volatile uint32_t *tx_stop, *rx_stop;
	uint64_t (*bell_value)(uint16_t id, uint32_t cmd, uint16_t index,
			       uint16_t arm);
	uint32_t bell_off;
	uint16_t sq_tail;   /* next slot to reserve */
	uint16_t committed; /* slots filled but not rung */
	uint16_t cq_head;   /* next completion to look at */
	uint8_t cq_phase;   /* expected there */
	bool stopped;	    /* the device will not finish what is left */
	bool halted;	    /* qm_queue_stop() has been here */
	bool armed;	    /* the last CQ doorbell asked for an event */
	uint16_t unsaid;    /* completions taken since the last CQ doorbell */
	uint16_t in_use;    /* slots reserved and not released */
	uint64_t sq_bells;  /* doorbells rung, for statistics */
	uint64_t cq_bells;
	uint8_t busy[QM_DEPTH_MAX / 8];	  /* one bit a slot: not released */
	uint8_t flight[QM_DEPTH_MAX / 8]; /* rung and not yet reaped */
};

/**
 * qm_queue_open() - open, map and start a queue pair
 * @q:	     memory of the caller; must not move while open
 * @host:    where the device is
 * @info:    which device
 * @qc_type: core group (uacce.h)
 * @pool:    bytes of device-reachable memory wanted with it, 0 for none
 *
 * Return: 0, or what the host's open and start return; -EPROTO when the
 *	   kernel reports rings this code can't use.
 */
int qm_queue_open(struct qm_queue *q, struct uacce_host *host,
		  const struct uacce_info *info, unsigned int qc_type,
		  size_t pool);

/* Stop the hardware and wipe the descriptors: on return the device touches no
 * memory of jobs in flight.  Only close is left to do then.
 * Return: 0; what the host's stop returns - the rings may then be gone, keep
 * off them. */
int qm_queue_stop(struct qm_queue *q);

/* Stop if that was not tried, unmap, close.  Safe while jobs are in flight: on return
 * the device touches none of their memory. */
void qm_queue_close(struct qm_queue *q);

/**
 * qm_queue_reserve() - the next free descriptor, in place in the ring
 * @q:	  queue
 * @slot: gets its number, the handle of the job until release
 *
 * The descriptor's old content is undefined.  A reserved slot must be
 * committed, or given back with qm_queue_unreserve() before the next reserve.
 *
 * Return: the descriptor; NULL when the ring is full (one slot stays free so
 *	   that full differs from empty; a slot not yet released is not
 *	   overtaken even if others around it are done) or the queue stopped.
 */
void *qm_queue_reserve(struct qm_queue *q, uint16_t *slot);
void qm_queue_unreserve(struct qm_queue *q);

/* The reserved descriptor is complete; it goes out with the next ring. */
void qm_queue_commit(struct qm_queue *q);

/**
 * qm_queue_ring() - one doorbell for everything committed
 * Return: descriptors handed over (0: nothing to ring, no doorbell);
 *	   -EIO: the device was stopped - close and reopen.
 */
int qm_queue_ring(struct qm_queue *q);

/**
 * qm_queue_reap() - completed slots, many per CQ doorbell
 * @q:	   queue
 * @slots: out, slot numbers in completion order
 * @max:   room at @slots
 * @arm:   ask for an event on the next completion, before sleeping on u.fd;
 *	   look once more after an armed reap that found nothing
 *
 * Rings the CQ doorbell if @arm is set, or before the device could run out of
 * completions to write: when those taken and not told it of, and the slots in
 * use, come to half the ring.  Does not read or change descriptors.
 *
 * Return: how many (0: nothing yet); -EIO: the queue was stopped and nothing
 *	   more will come, or the device named a slot that was not in flight.
 */
int qm_queue_reap(struct qm_queue *q, uint16_t *slots, unsigned int max,
		  bool arm);

/* Is a completion waiting?  One load; for spinning. */
bool qm_queue_ready(const struct qm_queue *q);

/* The descriptor of a reserved or completed slot. */
void *qm_queue_sqe(const struct qm_queue *q, uint16_t slot);

/* Wipe the descriptor (it names key addresses) and free its slot. */
void qm_queue_release(struct qm_queue *q, uint16_t slot);

#endif
