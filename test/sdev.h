/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdev.h - a scripted device behind uacce.h's table, for tests of what drives
 * queues.  It computes nothing worth having: HPRE gives in ^ key[0] ^ 0x5a,
 * over and over as far as its output goes, and a verdict the test has set;
 * ciphers the same over the payload, a tag and a digest are sums.  What it
 * does well is to finish exactly when and how the test says.
 *
 * A test must not hold a struct sdev across sdev_free(); the host inside is
 * freed through its own ops, as the layer above does.
 */
#ifndef TEST_SDEV_H
#define TEST_SDEV_H

#include <pthread.h>
#include <semaphore.h>

#include "uacce/uacce.h"

enum sdev_mode {
	SDEV_INLINE, /* finish inside the doorbell */
	SDEV_HOLD,   /* when sdev_complete() says so */
	SDEV_THREAD, /* a thread finishes them, delay_us after the bell */
};

#define SDEV_QUEUES 64

struct sdev_queue;

struct sdev {
	struct uacce_host host; /* first */
	pthread_mutex_t lock;

	/* What the test sets, any time. */
	enum sdev_mode mode;
	bool sva;
	unsigned int qm_version, sq_depth, queues;
	unsigned int sec_version; /* it runs descriptors of V2 only */
	unsigned int delay_us;
	int open_rc;		/* of the next opens */
	int open_rc_once;	/* of the next one */
	unsigned int bad;	/* so many next jobs end with an error status */
	unsigned int bad_after; /* but so many before them are good */
	bool forged;		/* verifications say no */
	unsigned int pool_slices; /* no SVA: pieces the pool is cut in */

	/* What happened. */
	_Atomic unsigned int opened, stopped, closed, forked, bad_dma;
	_Atomic unsigned int of_type[2]; /* queues opened, by qc_type */
	_Atomic unsigned int sq_bells, cq_bells, done, waits, armed;
	_Atomic unsigned int
		largest_bell; /* most descriptors in one doorbell */

	struct sdev_queue *queue[SDEV_QUEUES];
	pthread_t thread;
	bool thread_runs, thread_stop;
	sem_t rung;
};

struct sdev *sdev_new(void); /* SVA, V2, inline; V3 has curves, too;
				 * SEC stays V2 */

/* Finish up to @n jobs that were rung, oldest first, over all queues.
 * Return: how many. */
unsigned int sdev_complete(struct sdev *d, unsigned int n);

/* Rung and not finished. */
unsigned int sdev_pending(struct sdev *d);

/* The device stops every open queue: stop words set, nothing finishes. */
void sdev_stop_queues(struct sdev *d);

/* Is any byte of open queues' pools other than zero? */
bool sdev_pools_clean(struct sdev *d);

#endif
