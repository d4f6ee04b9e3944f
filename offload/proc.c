/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.c - what belongs to one process.
 *
 * Fork copies our memory, locks in any state included, but none of the threads
 * that could unlock them; queues stay the parent's.  So a child touches
 * nothing: the atfork handler counts, and whoever comes first in the child
 * sees the count and makes a struct proc of its own.
 */
#include "offload/offload_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/wd_base.h"

/* The process's generation: unavoidably global, fork is. */
static _Atomic uint32_t proc_generation = 1;

static void proc_forked(void)
{
	atomic_fetch_add_explicit(&proc_generation, 1, memory_order_relaxed);
}

static uint32_t proc_now(void)
{
	return atomic_load_explicit(&proc_generation, memory_order_relaxed);
}

static void proc_watch_fork(void)
{
	pthread_atfork(NULL, NULL, proc_forked);
}

bool proc_is_stale(const struct proc *p)
{
	return p->generation != proc_now();
}

int proc_new(struct offload *o, struct proc **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct proc *p = aligned_alloc(64, wd_align_up(sizeof(*p), 64));

	if (!p)
		return -ENOMEM;
	pthread_once(&once, proc_watch_fork);
	memset(p, 0, sizeof(*p));
	p->o = o;
	p->generation = proc_now();
	p->poller.kick = -1;
	pthread_mutex_init(&p->lock, NULL);
	stats_proc_new(p);
	*out = p;
	return 0;
}

void proc_free(struct proc *p)
{
	struct lane *l, *next_lane;
	struct thread *t, *next;

	if (!p)
		return;
	if (!proc_is_stale(p))
		poller_stop(p);
	for (l = atomic_load(&p->lanes); l; l = next_lane) {
		next_lane = l->next;
		lane_free(l);
	}
	for (t = p->threads; t; t = next) {
		next = t->next;
		free(t);
	}
	stats_proc_free(p);
	proc_free(p->stale);
	free(p);
}

/* What a device refused the parent, it may grant the child. */
static void devices_forget(struct offload *o)
{
	for (int e = 0; e < UACCE_ENGINES; e++) {
		for (unsigned int i = 0; i < o->engine[e].count; i++) {
			struct device *d = &o->engine[e].device[i];

			atomic_store(&d->refused, false);
			atomic_store(&d->busy_until, 0);
			memset(d->lanes, 0, sizeof(d->lanes));
			d->opened = false;
		}
	}
}

static struct proc *proc_renew(struct offload *o)
{
	uint32_t now = proc_now(), was = atomic_load(&o->renewing);
	const struct timespec moment = { .tv_nsec = 50000 };
	struct proc *p, *old;

	while (proc_is_stale(old = atomic_load(&o->proc))) {
		if (was == now ||
		    !atomic_compare_exchange_strong(&o->renewing, &was, now)) {
			nanosleep(&moment, NULL); /* another thread makes it */
			was = atomic_load(&o->renewing);
			continue;
		}
		if (proc_new(o, &p)) {
			atomic_store(&o->renewing, 0);
			return NULL;
		}
		p->stale = old;
		devices_forget(o);
		atomic_store(&o->proc, p);
		return p;
	}
	return old;
}

struct proc *proc_get(struct offload *o)
{
	struct proc *p = atomic_load_explicit(&o->proc, memory_order_acquire);

	return proc_is_stale(p) ? proc_renew(o) : p;
}

static struct thread *thread_new(struct offload *o)
{
	struct proc *p = proc_get(o);
	struct thread *t;

	if (!p)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	if (pthread_setspecific(o->key, t)) {
		free(t);
		return NULL;
	}
	t->proc = p;
	pthread_mutex_lock(&p->lock);
	t->next = p->threads;
	if (t->next)
		t->next->prev = t;
	p->threads = t;
	pthread_mutex_unlock(&p->lock);
	return t;
}

struct thread *thread_get(struct offload *o)
{
	struct thread *t = pthread_getspecific(o->key);

	return t && !proc_is_stale(t->proc) ? t : thread_new(o);
}

void thread_exit(void *thread)
{
	struct thread *t = thread;
	struct proc *p = t->proc;

	if (proc_is_stale(p))
		return; /* in the parent's list; goes with it */
	pthread_mutex_lock(&p->lock);
	for (int c = 0; c < LANE_CLASSES; c++)
		lane_put(t, (enum lane_class)c);
	if (t->prev)
		t->prev->next = t->next;
	else
		p->threads = t->next;
	if (t->next)
		t->next->prev = t->prev;
	pthread_mutex_unlock(&p->lock);
	free(t);
}
