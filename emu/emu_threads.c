/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/wd_base.h"
#include "emu/emu_card.h"

#define NS_PER_S 1000000000u

static struct timespec emu_in_ns(uint64_t ns)
{
	uint64_t until = wd_now_ns() + ns;

	return (struct timespec){
		.tv_sec = (time_t)(until / NS_PER_S),
		.tv_nsec = (long)(until % NS_PER_S),
	};
}

void emu_threads_kick(void *card)
{
	struct emu_card *c = card;

	if (c->run_inline)
		return;
	pthread_mutex_lock(&c->work_lock);
	c->kicks++;
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->work_lock);
}

/* Until a kick not yet @seen, or @wait_ns.  Return: false to end. */
static bool emu_thread_sleep(struct emu_card *c, uint64_t *seen,
			     uint64_t wait_ns)
{
	struct timespec until = { 0 };
	bool timed = wait_ns != UINT64_MAX, stop;
	int rc = 0;

	if (timed)
		until = emu_in_ns(wait_ns);
	pthread_mutex_lock(&c->work_lock);
	while (!c->stop && c->kicks == *seen && !rc)
		rc = timed ? pthread_cond_timedwait(&c->work, &c->work_lock,
						    &until)
			   : pthread_cond_wait(&c->work, &c->work_lock);
	*seen = c->kicks;
	stop = c->stop;
	pthread_mutex_unlock(&c->work_lock);
	return !stop;
}

static void *emu_thread(void *card)
{
	struct emu_card *c = card;
	uint64_t seen = 0, wait_ns = UINT64_MAX;

	while (emu_thread_sleep(c, &seen, wait_ns))
		while (emu_dev_work(c->dev, &wait_ns))
			;
	return NULL;
}

int emu_threads_start(struct emu_card *c)
{
	sigset_t all, old;
	char name[16]; /* the kernel's limit */
	int rc = 0;

	/* Signals are for the application's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (!c->run_inline && !rc && c->running < c->thread_count) {
		rc = pthread_create(&c->thread[c->running], NULL, emu_thread,
				    c);
		if (rc)
			break;
		snprintf(name, sizeof(name), "wd-emu-%s-%u", c->engine->name,
			 c->running);
		pthread_setname_np(c->thread[c->running++], name);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		emu_threads_stop(c);
	return -rc;
}

void emu_threads_stop(struct emu_card *c)
{
	pthread_mutex_lock(&c->work_lock);
	c->stop = true;
	pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->work_lock);
	while (c->running)
		pthread_join(c->thread[--c->running], NULL);
	c->stop = false;
}

/* The engine in the caller's thread, until the queue has nothing more. */
void emu_run_inline(struct emu_handle *h)
{
	uint64_t wait_ns;

	for (;;) {
		if (emu_dev_work_queue(h->card->dev, h->id, &wait_ns))
			continue;
		if (wait_ns == UINT64_MAX)
			return;
		struct timespec until = emu_in_ns(wait_ns);

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	}
}
