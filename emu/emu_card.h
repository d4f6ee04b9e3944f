/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_card.h - inside the in-process host: one device with its engine threads
 * and the part the kernel driver plays for it.
 *
 *	emu_host.c	uacce.h's operations, queues, fork
 *	emu_driver.c	bring-up and mailbox through registers, interrupts
 *	emu_memory.c	bus addresses
 *	emu_workers.c	engine threads
 *	emu_opts.c	options
 *
 * Locks, in the order they are taken: mailbox, irq, lock.  An interrupt comes
 * in any thread that touches the device; its handler only tries the first
 * two and leaves the work to the holder when it can't have them, so nobody
 * waits for himself.
 */
#ifndef EMU_CARD_H
#define EMU_CARD_H

#include <pthread.h>
#include <stdatomic.h>

#include "emu/emu_host.h"
#include "emu/emu_workers.h"
#include "hw/qm/qm_fields.h"
#include "uacce/uacce.h"

#define EMU_DEVICES_MAX	    4 /* of one engine */
#define EMU_CARD_QUEUES_MAX 1024
#define EMU_PASID	    1 /* this process, when SVA is on */
#define EMU_PASID_QUEUE0    2 /* and on: data of that queue, when shared */
#define EMU_SLICES	    2 /* of a pool without SVA */
#define EMU_EQ_DEPTH	    2048
#define EMU_AEQ_DEPTH	    1024
#define EMU_RING_DEPTH	    1024 /* SQ and CQ; CAP_QP_DEPTH */

/* --- bus addresses of rings, events, contexts, and pools without SVA --- */

enum emu_window {
	EMU_WINDOW_EQ,
	EMU_WINDOW_AEQ,
	EMU_WINDOW_CONTEXT,
	EMU_WINDOW_QUEUE0, /* then 1 + EMU_SLICES for each queue */
	EMU_WINDOWS = EMU_WINDOW_QUEUE0 + EMU_CARD_QUEUES_MAX * (1 + EMU_SLICES)
};

struct emu_memory {
	pthread_rwlock_t lock;
	bool sva;
	struct {
		uint8_t *va;
		size_t size;
	} window[EMU_WINDOWS];
};

void emu_memory_init(struct emu_memory *m, bool sva);
/* Return: the bus address of @va.  Size 0 takes the window away. */
uint64_t emu_memory_set(struct emu_memory *m, unsigned int window, void *va,
			size_t size);
struct emu_dma emu_memory_dma(struct emu_memory *m);

/* --- queues ------------------------------------------------------------- */

enum emu_queue_state {
	EMU_Q_INIT,
	EMU_Q_STARTED,
	EMU_Q_DEAD,    /* the device stopped it: stop words are set */
	EMU_Q_STOPPED, /* the owner did */
	EMU_Q_ZOMBIE,  /* the device is gone */
};

struct emu_handle {
	struct emu_card *card;
	unsigned int generation; /* of the host, when opened */
	uint16_t id;
	uint8_t qc_type;
	_Atomic enum emu_queue_state state;
	unsigned int bell_bar;
	uint64_t bell_off;
	uint8_t *dus;
	size_t dus_size;
	uint8_t *pool;
	size_t pool_size;
	int fd;
	bool lent; /* memory and fd are somebody else's */
};

/* Offsets of the stop words from the end of the DUS; docs/hw/uacce.md#dus */
#define EMU_RX_STOP 8
#define EMU_TX_STOP 4

/* --- cards -------------------------------------------------------------- */

struct emu_card {
	struct uacce_info info;
	struct emu_config cfg;
	const struct emu_engine *engine;
	unsigned int thread_count;
	bool run_inline, sva, shared;

	pthread_mutex_t mailbox; /* the registers 0x300, bring-up, reset */
	pthread_mutex_t irq;	 /* event rings */
	pthread_mutex_t lock;	 /* everything below but the threads */
	atomic_uint pending;	 /* vectors to handle */
	struct emu_dev *dev;	 /* NULL: never opened */
	atomic_bool gone;
	atomic_bool failed; /* did not come up again after a reset */
	struct emu_handle *queue[EMU_CARD_QUEUES_MAX];
	unsigned int in_use, next;

	uint32_t *eq, *aeq; /* rings */
	struct qm_context *context;
	uint64_t context_bus;
	uint16_t eq_head, aeq_head;
	bool eq_phase, aeq_phase;
	struct emu_memory memory;

	struct emu_workers workers;
};

/* emu_driver.c.  Bring up makes the device and needs no lock but the caller's
 * promise that nobody else knows the card yet. */
int emu_card_up(struct emu_card *c);
void emu_card_down(struct emu_card *c);
int emu_queue_start(struct emu_handle *h);
/* @drain: what was rung is done first, or given up after a while (V2). */
int emu_queue_stop(struct emu_handle *h, bool drain);
void emu_handle_stop_words(struct emu_handle *h, uint32_t tx, uint32_t rx);

#endif
