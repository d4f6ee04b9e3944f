/* SPDX-License-Identifier: Apache-2.0 */
#include "emu/emu_workers.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/wd_base.h"

#define NS_PER_S 1000000000u

static struct timespec emu_in_ns(uint64_t ns)
{
	uint64_t until = wd_now_ns() + ns;

	return (struct timespec){
		.tv_sec = (time_t)(until / NS_PER_S),
		.tv_nsec = (long)(until % NS_PER_S),
	};
}

void emu_sleep(uint64_t ns)
{
	struct timespec until = emu_in_ns(ns);

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

void emu_workers_init(struct emu_workers *w)
{
	pthread_condattr_t attr;

	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->work, &attr);
	pthread_cond_init(&w->quiet, &attr);
	pthread_condattr_destroy(&attr);
}

void emu_workers_kick(struct emu_workers *w)
{
	if (!w->count)
		return;
	pthread_mutex_lock(&w->lock);
	w->kicks++;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

/* Until a kick not yet @seen, or @wait_ns.  Return: false to end. */
static bool emu_worker_sleep(struct emu_workers *w, uint64_t *seen,
			     uint64_t wait_ns)
{
	struct timespec until = { 0 };
	bool timed = wait_ns != UINT64_MAX, stop;
	int rc = 0;

	if (timed)
		until = emu_in_ns(wait_ns);
	pthread_mutex_lock(&w->lock);
	if (!--w->busy)
		pthread_cond_signal(&w->quiet);
	while (!w->stop && (w->paused || (w->kicks == *seen && !rc)))
		rc = timed && !w->paused
			     ? pthread_cond_timedwait(&w->work, &w->lock,
						      &until)
			     : pthread_cond_wait(&w->work, &w->lock);
	w->busy++;
	*seen = w->kicks;
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return !stop;
}

static void *emu_worker(void *workers)
{
	struct emu_workers *w = workers;
	uint64_t seen = 0, wait_ns = UINT64_MAX;
	char title[16]; /* the kernel's limit */

	pthread_mutex_lock(&w->lock);
	w->busy++;
	snprintf(title, sizeof(title), "wd-emu-%s-%u", w->name,
		 w->named++ % EMU_THREADS_MAX);
	pthread_mutex_unlock(&w->lock);
	/* Here, where there is stack: whoever opened the device may be in a
	 * short one. */
	pthread_setname_np(pthread_self(), title);
	while (emu_worker_sleep(w, &seen, wait_ns))
		while (!w->paused && emu_dev_work(w->dev, &wait_ns))
			;
	return NULL;
}

int emu_workers_start(struct emu_workers *w, struct emu_dev *dev,
		      const char *name, unsigned int count)
{
	sigset_t all, old;
	int rc = 0;

	w->dev = dev;
	w->name = name;
	w->count = count;
	/* Signals are for the application's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (w->running < count) {
		rc = pthread_create(&w->thread[w->running], NULL, emu_worker,
				    w);
		if (rc)
			break;
		w->running++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		emu_workers_stop(w);
	return -rc;
}

void emu_workers_stop(struct emu_workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	while (w->running)
		pthread_join(w->thread[--w->running], NULL);
	w->stop = false;
	w->busy = 0;
}

void emu_workers_pause(struct emu_workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->paused = true;
	/* Sleepers are out already; the rest come after their descriptor. */
	while (w->busy)
		pthread_cond_wait(&w->quiet, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void emu_workers_resume(struct emu_workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->paused = false;
	/* Whoever was interrupted between two descriptors goes on. */
	w->kicks++;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
}
