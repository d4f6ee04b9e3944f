/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_workers.h - threads that run the descriptors of one modelled device.
 *
 *	emu_dev ──kick──▶ emu_workers ──emu_dev_work()──▶ emu_dev
 *
 * Every host of a device has a set; a host that runs descriptors itself starts
 * none.  A host that takes memory away under the engine stops them first with
 * emu_workers_pause(), and only then may unmap.
 */
#ifndef EMU_WORKERS_H
#define EMU_WORKERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "emu/emu_dev.h"

#define EMU_THREADS_MAX 16

struct emu_workers {
	struct emu_dev *dev;
	const char *name;
	pthread_t thread[EMU_THREADS_MAX];
	unsigned int count; /* wanted; 0 makes a kick free */
	unsigned int running;

	pthread_mutex_t lock; /* all below */
	pthread_cond_t work;  /* a kick, the end of a pause, or stop */
	pthread_cond_t quiet; /* the last one came out of the device */
	uint64_t kicks;
	unsigned int named;
	unsigned int busy; /* threads inside the device */
	bool stop;
	atomic_bool paused; /* read without the lock between descriptors */
};

void emu_workers_init(struct emu_workers *w);

/**
 * emu_workers_start() - @count threads for @dev, named after @name, which stays
 * @count: 0 to EMU_THREADS_MAX
 * Return: 0 or a negative errno, then none runs.
 */
int emu_workers_start(struct emu_workers *w, struct emu_dev *dev,
		      const char *name, unsigned int count);
void emu_workers_stop(struct emu_workers *w);

/* There is work.  Any thread. */
void emu_workers_kick(struct emu_workers *w);

/* None is inside the device from the return of the one to the call of the
 * other.  Not from a callback of the device; one caller at a time. */
void emu_workers_pause(struct emu_workers *w);
void emu_workers_resume(struct emu_workers *w);

/* Sleep for @ns of the monotonic clock. */
void emu_sleep(uint64_t ns);

#endif
