/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.c - a queue pair with its job slots, and which thread uses which.
 */
#include "offload/offload_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "base/wd_base.h"
#include "base/wd_io.h"
#include "base/wd_log.h"
#include "offload/slot.h"

/* A device whose queues are all taken is asked again after this. */
#define BUSY_NS 100000000u

/* Tries before a thread sleeps for a lane; it is held for well under 1 us. */
#define ENTER_SPINS 200

/* A queue and its slots: those in flight at once, each with memory of its own.
 */
static const struct class
{
	enum uacce_engine engine;
	unsigned int queue_type; /* docs/hw/qm.md#sqc-type */
	unsigned int jobs;
	size_t stride; /* bytes */
} classes[LANE_CLASSES] = {
	[LANE_HPRE_MODULAR] = { UACCE_HPRE, 0, LANE_JOBS_MAX,
				sizeof(struct hpre_slot) },
	[LANE_HPRE_CURVE] = { UACCE_HPRE, 1, LANE_JOBS_MAX,
			      sizeof(struct hpre_slot) },
	[LANE_SEC] = { UACCE_SEC, 0, LANE_JOBS_MAX / 2,
		       sizeof(struct sec_slot) },
};

enum lane_class lane_class(enum uacce_engine engine, unsigned int queue_type)
{
	if (engine == UACCE_SEC)
		return LANE_SEC;
	return queue_type ? LANE_HPRE_CURVE : LANE_HPRE_MODULAR;
}

/* Device memory may be scarce (no SVA): this many are enough to go on. */
#define LANE_JOBS_MIN 8u

/* ---- the word ----------------------------------------------------------- */

bool lane_try_enter(struct lane *l)
{
	uint32_t none = 0;

	return !atomic_load_explicit(&l->lock, memory_order_relaxed) &&
	       atomic_compare_exchange_strong_explicit(&l->lock, &none, 1,
						       memory_order_acquire,
						       memory_order_relaxed);
}

void lane_enter(struct lane *l)
{
	for (int i = 0; i < ENTER_SPINS; i++) {
		if (lane_try_enter(l))
			return;
		wd_cpu_relax();
	}
	while (atomic_exchange_explicit(&l->lock, 2, memory_order_acquire))
		wait_word(&l->lock, 2, -1);
}

static void lane_unlock(struct lane *l)
{
	if (atomic_exchange_explicit(&l->lock, 0, memory_order_release) == 2)
		wake_word(&l->lock, 1);
}

static void lane_set(struct lane *l, enum lane_state state)
{
	atomic_store_explicit(&l->state, (int)state, memory_order_release);
	stats_lane_is(l, state);
}

/* Nobody can reach the queue any more: no lock needed. */
static void lane_close(struct lane *l)
{
	qm_queue_close(&l->q);
	l->sq_bells += l->q.sq_bells;
	l->cq_bells += l->q.cq_bells;
	lane_set(l, LANE_EMPTY);
}

void lane_leave(struct lane *l)
{
	bool close = atomic_load_explicit(&l->state, memory_order_relaxed) ==
			     LANE_DEAD &&
		     !l->live;

	if (close)
		lane_set(l, LANE_CLOSING);
	lane_unlock(l);
	if (close)
		lane_close(l);
}

/* ---- opening ------------------------------------------------------------ */

static int lane_open(struct lane *l, struct device *d)
{
	const struct class *c = &classes[l->class];
	unsigned int jobs = c->jobs;
	int rc;

	do {
		rc = qm_queue_open(&l->q, l->proc->o->host, &d->info,
				   c->queue_type, jobs * c->stride);
	} while (rc == -ENOMEM && (jobs /= 2) >= LANE_JOBS_MIN);
	if (rc)
		return rc;

	l->codec = sec_codec(l->q.u.qm_version);
	if (l->q.u.sq_depth <= jobs)
		jobs = l->q.u.sq_depth - 1u;
	l->device = d;
	l->jobs = jobs;
	l->stride = c->stride;
	l->fresh = 0;
	l->free = LANE_JOBS_MAX;
	l->flying = l->live = l->woken = l->found = 0;
	l->vain = l->vain_second = 0;
	l->first = l->last = NULL;
	l->watcher = false;
	atomic_store(&l->watched, false);
	atomic_store(&l->async_out, 0);
	stats_lane_opened(l);
	lane_set(l, LANE_OPEN);
	wd_info("%s: queue %u of %u descriptors, %s%s", d->info.name, l->q.u.id,
		l->q.u.sq_depth, l->q.u.sva ? "SVA" : "bounce memory",
		l->proc->o->host->model ? ", model" : "");
	return 0;
}

/* May this error be gone the next time? */
static bool open_may_recover(int rc)
{
	return rc == -EBUSY || rc == -EMFILE || rc == -ENFILE ||
	       rc == -ENOMEM || rc == -EINTR || rc == -EAGAIN;
}

static void device_open_failed(struct device *d, int rc, uint64_t now)
{
	if (open_may_recover(rc))
		atomic_store(&d->busy_until, now + BUSY_NS);
	else if (d->opened)
		health_failed(&d->health, now); /* a reset under way? */
	else
		atomic_store(&d->refused, true);
	wd_info("%s: no queue: %s", d->info.name, strerror(-rc));
}

static bool device_may_open(struct device *d, uint64_t now)
{
	return !atomic_load(&d->refused) && health_usable(&d->health) &&
	       now >= atomic_load(&d->busy_until);
}

/* The device with fewest queues of ours that may be asked now. */
static struct device *device_pick(struct engine *e, enum lane_class class,
				  uint64_t now)
{
	struct device *best = NULL;

	for (unsigned int i = 0; i < e->count; i++) {
		struct device *d = &e->device[i];

		if (device_may_open(d, now) &&
		    (!best || d->lanes[class] < best->lanes[class]))
			best = d;
	}
	return best;
}

static unsigned int engine_lanes(const struct engine *e, enum lane_class class)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < e->count; i++)
		n += e->device[i].lanes[class];
	return n;
}

static int proc_host_ready(struct proc *p)
{
	struct uacce_host *host = p->o->host;
	int rc = 0;

	if (!p->host_ready && p->stale)
		rc = host->ops->forked(host);
	p->host_ready = true;
	return rc;
}

/* A closed lane nobody uses, or a new one. */
static struct lane *lane_blank(struct proc *p, enum lane_class class)
{
	struct lane *l;

	for (l = atomic_load(&p->lanes); l; l = l->next)
		if (l->class == class && !l->users &&
		    atomic_load(&l->state) == LANE_EMPTY)
			return l;
	l = aligned_alloc(_Alignof(struct lane), sizeof(*l));
	if (!l)
		return NULL;
	/* Tables behind it are used from the front: leave them untouched. */
	memset(l, 0, offsetof(struct lane, by_ring_slot));
	l->proc = p;
	l->engine = classes[class].engine;
	l->class = class;
	stats_lane_new(l);
	return l;
}

static void lane_publish(struct lane *l)
{
	struct proc *p = l->proc;

	for (struct lane *k = atomic_load(&p->lanes); k; k = k->next)
		if (k == l)
			return;
	l->next = atomic_load(&p->lanes);
	atomic_store(&p->lanes, l);
	atomic_fetch_add(&p->lane_count, 1);
}

static bool lane_is_new(const struct lane *l)
{
	return !l->device;
}

/* proc->lock held. */
static struct lane *lane_new(struct proc *p, enum lane_class class, int *why)
{
	struct engine *e = &p->o->engine[classes[class].engine];
	uint64_t now = wd_now_ns();
	struct lane *l;
	struct device *d;

	*why = -EAGAIN;
	if (p->o->cfg.queues && engine_lanes(e, class) >= p->o->cfg.queues)
		return NULL;
	d = device_pick(e, class, now);
	if (!d)
		return NULL;
	l = lane_blank(p, class);
	*why = l ? proc_host_ready(p) : -ENOMEM;
	for (; !*why && d; d = device_pick(e, class, now)) {
		bool fresh = lane_is_new(l);
		int rc = lane_open(l, d);

		if (!rc) {
			if (fresh)
				lane_publish(l);
			d->lanes[class]++;
			d->opened = true;
			return l;
		}
		device_open_failed(d, rc, now);
	}
	if (!*why)
		*why = -EAGAIN;
	if (l && lane_is_new(l))
		free(l);
	return NULL;
}

/* ---- who uses which ----------------------------------------------------- */

static struct lane *lane_least_used(struct proc *p, enum lane_class class,
				    bool idle)
{
	struct lane *best = NULL;

	for (struct lane *l = atomic_load(&p->lanes); l; l = l->next) {
		if (l->class != class || !lane_is_open(l) ||
		    (idle && l->users) || !health_usable(&l->device->health))
			continue;
		if (!best || l->users < best->users)
			best = l;
	}
	return best;
}

void lane_put(struct thread *t, enum lane_class class)
{
	if (t->lane[class])
		t->lane[class]->users--;
	t->lane[class] = NULL;
}

static bool engine_refused(struct engine *e)
{
	for (unsigned int i = 0; i < e->count; i++)
		if (health_usable(&e->device[i].health) &&
		    !atomic_load(&e->device[i].refused))
			return false;
	return true;
}

static int lane_attach(struct thread *t, enum lane_class class)
{
	struct proc *p = t->proc;
	struct lane *l;
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	lane_put(t, class);
	l = lane_least_used(p, class, true);
	if (!l)
		l = lane_new(p, class, &rc);
	if (!l)
		l = lane_least_used(p, class, false);
	if (l) {
		l->users++;
		t->lane[class] = l;
		rc = 0;
	} else if (engine_refused(&p->o->engine[classes[class].engine])) {
		rc = -ENODEV;
	} else if (rc == -EAGAIN) {
		rc = -EBUSY; /* not even one to share */
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static bool lane_will_do(struct lane *l)
{
	return l && lane_is_open(l) && health_usable(&l->device->health);
}

int lane_get(struct thread *t, enum lane_class class, struct lane **out)
{
	int rc;

	if (!lane_will_do(t->lane[class])) {
		if (engine_refused(&t->proc->o->engine[classes[class].engine]))
			return -ENODEV; /* without opening: sandboxes */
		rc = lane_attach(t, class);
		if (rc)
			return rc;
	}
	*out = t->lane[class];
	return 0;
}

/* ---- bell --------------------------------------------------------------- */

/*
 * A doorbell is dear, and so is a device that waits for one.  What a caller
 * waits for in place goes at once.  Of paused jobs the device always has a
 * batch to do, if there are so many; the next goes when it is full.
 */
enum bell lane_bell(const struct bell_in *in)
{
	if (!in->unrung)
		return BELL_NO;
	if (in->sync)
		return BELL_SYNC;
	if (in->unrung >= in->batch)
		return BELL_FULL;
	if (in->company || in->rung >= in->batch)
		return BELL_NO;
	return BELL_IDLE;
}

int lane_ring(struct lane *l)
{
	int rc = qm_queue_ring(&l->q);

	l->stats->sq_bells = l->sq_bells + l->q.sq_bells;
	return rc < 0 ? rc : 0;
}

/* Callers that have been woken come back one by one, and most with a new job:
 * but only if they have been coming. */
static bool lane_has_company(const struct lane *l, uint64_t now)
{
	return l->woken && now - l->stirred < POLLER_AGE_NS;
}

int lane_ring_due(struct lane *l, uint64_t now)
{
	const struct bell_in in = {
		.rung = l->flying - l->q.committed,
		.unrung = l->q.committed,
		.batch = l->proc->o->cfg.batch,
		.sync = l->flying > atomic_load_explicit(&l->async_out,
							 memory_order_relaxed),
		.company = lane_has_company(l, now),
	};
	enum bell why = lane_bell(&in);

	if (why == BELL_NO)
		return 0;
	if (why == BELL_FULL)
		l->stats->bells_full++;
	if (why == BELL_IDLE)
		l->stats->bells_idle++;
	return lane_ring(l);
}

int lane_reap(struct lane *l, bool arm, struct wakes *wakes)
{
	uint16_t slots[WAKES_MAX];
	unsigned int room = WAKES_MAX - wakes->n;
	uint64_t now;
	int n;

	if (!arm && !qm_queue_ready(&l->q))
		return 0;
	n = qm_queue_reap(&l->q, slots, room, arm);
	l->stats->cq_bells = l->cq_bells + l->q.cq_bells;
	if (n <= 0)
		return n;
	now = wd_now_ns();
	l->stirred = now;
	l->found += (unsigned int)n;
	for (int i = 0; i < n; i++) {
		struct offload_job *j = &l->job[l->by_ring_slot[slots[i]]];
		const void *sqe = qm_queue_sqe(&l->q, slots[i]);
		int rc = l->engine == UACCE_HPRE ? hpre_result(sqe)
						 : l->codec->result(sqe);

		/* Completed, but the descriptor does not say so. */
		if (rc == -EINPROGRESS)
			rc = -EIO;
		qm_queue_release(&l->q, slots[i]);
		if (!rc && j->chained && !j->abandoned) {
			if (job_chain(j, now))
				continue;
			rc = -EAGAIN;
		}
		job_finish(j, rc, now, wakes);
	}
	if (lane_ring_due(l, now))
		return -EIO;
	return n;
}

int lane_reap_armed(struct lane *l, struct wakes *wakes)
{
	int rc;

	do
		rc = lane_reap(l, true, wakes);
	while (rc >= 0 && wakes->n < WAKES_MAX && qm_queue_ready(&l->q));
	if (rc < 0 || (l->q.stopped && !qm_queue_ready(&l->q)))
		return -EIO;
	return 0;
}

/* ---- end ---------------------------------------------------------------- */

/* Everything in flight ends with @rc; lane held, the device stopped. */
static void lane_fail_jobs(struct lane *l, int rc, struct wakes *wakes)
{
	uint64_t now = wd_now_ns();

	while (l->first && wakes->n < WAKES_MAX)
		job_finish(l->first, rc, now, wakes);
}

void lane_quarantine(struct lane *l, int rc)
{
	struct wakes wakes = { 0 };
	bool more;

	lane_enter(l);
	if (!lane_is_open(l)) {
		lane_leave(l);
		return;
	}
	lane_set(l, LANE_STOPPING);
	l->stats->quarantined++;
	if (rc == -EIO)
		l->stats->resets++;
	lane_leave(l);

	health_failed(&l->device->health, wd_now_ns());
	wd_warn("%s: queue given up: %s", l->device->info.name, strerror(-rc));
	/* From here on the device writes nothing for this queue. */
	(void)qm_queue_stop(&l->q);

	pthread_mutex_lock(&l->proc->lock);
	l->device->lanes[l->class]--;
	pthread_mutex_unlock(&l->proc->lock);
	do {
		lane_enter(l);
		lane_fail_jobs(l, rc, &wakes);
		more = l->first;
		if (!more)
			lane_set(l, LANE_DEAD);
		lane_leave(l);
		wakes_run(&wakes);
	} while (more);
}

void lane_free(struct lane *l)
{
	bool mine = !proc_is_stale(l->proc);
	int state = atomic_load(&l->state);

	if (mine && state != LANE_EMPTY && state != LANE_CLOSING)
		qm_queue_close(&l->q);
	for (unsigned int i = 0; i < l->fresh; i++) {
		struct offload_job *j = &l->job[i];

		if (j->waiter)
			j->waiter->job = NULL;
	}
	areas_free(l);
	free(l);
}
