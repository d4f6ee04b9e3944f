/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fibre.h - what libcrypto's ASYNC jobs do, for tests of what runs in them: a
 * function on a stack of its own that pauses, is resumed, or is dropped.
 * A fibre waits as a struct offload_waiter; whoever wakes it only sets `woken`.
 */
#ifndef TEST_FIBRE_H
#define TEST_FIBRE_H

#include <stdatomic.h>
#include <ucontext.h>

#include "offload/offload.h"

#define FIBRE_STACK 65536

struct fibre {
	struct offload_waiter w; /* first */
	ucontext_t here, caller;
	int (*run)(struct fibre *f);
	void *arg;
	int rc;
	bool done;
	atomic_int woken;   /* calls of wake */
	atomic_int pins;    /* get minus put */
	atomic_int dropped; /* wake is an error from here on */
	atomic_int late;    /* wakes after that */
	unsigned int pauses, alarms;
	int pause_rc; /* what the next pause returns at once, if not 0 */
	void (*on_wake)(struct fibre *f);
	void *tsan, *tsan_caller;
	char *stack;
};

/* Starts @run; returns at its first pause or end. */
void fibre_start(struct fibre *f, int (*run)(struct fibre *), void *arg);
void fibre_resume(struct fibre *f);

/* Frees the stack; the fibre is done or dropped for good. */
void fibre_free(struct fibre *f);

/* Without alarm: pausing needs a poller. */
void fibre_init(struct fibre *f, bool alarm);

#endif
