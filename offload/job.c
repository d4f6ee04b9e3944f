/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - the life of a job.
 *
 *	FREE ─get─▶ FILLING ─submit─▶ OUT ─reap, stop─▶ DONE ─end─▶ FREE
 *					│		  ▲
 *					└─abandon: reap frees it
 *
 * A job changes hands under its lane's word, but FILLING and DONE ones belong
 * to their caller alone, who copies in and out of the slot without it.
 */
#include "offload/offload_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "base/wd_base.h"
#include "base/wd_io.h"

/* Symmetric inputs below this never pause: OpenSSL 3.0's DRBG may be the
 * caller, under libcrypto's locks. */
#define ASYNC_MIN_BYTES 2048u

/* ---- slots (lane held) -------------------------------------------------- */

static void job_set(struct offload_job *j, enum job_word word)
{
	atomic_store_explicit(&j->word, (uint32_t)word, memory_order_release);
}

/* A slot never used before: skip those the device can't reach as one run. */
static struct offload_job *job_fresh(struct lane *l)
{
	while (l->fresh < l->jobs) {
		struct offload_job *j = &l->job[l->fresh];
		uint8_t *mem = l->q.u.pool + l->fresh * l->stride;

		memset(j, 0, sizeof(*j));
		l->fresh++;
		j->lane = l;
		j->mem = mem;
		if (uacce_addr(&l->q.u, mem, l->stride) != UACCE_NO_ADDR)
			return j;
	}
	return NULL;
}

static struct offload_job *job_take(struct lane *l)
{
	struct offload_job *j;

	if (l->free < LANE_JOBS_MAX) {
		j = &l->job[l->free];
		l->free = j->next_free;
	} else {
		j = job_fresh(l);
		if (!j)
			return NULL;
	}
	j->used = 0;
	j->copied = 0;
	j->rc = 0;
	j->async = j->abandoned = j->sleeping = j->probe = false;
	j->paused = j->bounced = j->chained = j->vain = false;
	j->second = j->spun_second = j->vain_second = false;
	j->spun_ns = 0;
	j->more = NULL;
	j->lead = j;
	j->peer = NULL;
	j->left = 1;
	l->live++;
	job_set(j, JOB_FILLING);
	return j;
}

/* Secrets go where they lived; on a stopped queue close wipes the pool. */
static void job_wipe(struct offload_job *j)
{
	for (; j; j = j->more) {
		wd_wipe(j->mem, j->used);
		j->used = 0;
	}
}

static void slot_free(struct lane *l, struct offload_job *j)
{
	l->stats->copied += j->copied;
	j->waiter = NULL;
	j->next_free = l->free;
	l->free = (uint16_t)(j - l->job);
	l->live--;
	job_set(j, JOB_FREE);
}

void job_free(struct offload_job *j)
{
	struct lane *l = j->lane;
	struct offload_job *more;

	job_wipe(j);
	if (!j->async) {
		l->stats->spun_ns += j->spun_ns;
		l->vain = j->vain ? l->vain + 1 : 0;
		if (j->spun_second)
			l->vain_second =
				j->vain_second ? l->vain_second + 1 : 0;
	}
	if (j->woken)
		l->woken--;
	j->woken = false;
	for (; j; j = more) {
		more = j->more;
		slot_free(l, j);
	}
}

int job_borrow(struct offload_job *j, unsigned int n)
{
	while (n--) {
		struct offload_job *more = job_take(j->lane);

		if (!more)
			return -EAGAIN;
		more->more = j->more;
		j->more = more;
	}
	return 0;
}

static void job_link(struct lane *l, struct offload_job *j)
{
	j->next = NULL;
	j->prev = l->last;
	if (l->last)
		l->last->next = j;
	else
		l->first = j;
	l->last = j;
	l->flying++;
	if (j->async)
		atomic_fetch_add_explicit(&l->async_out, 1,
					  memory_order_relaxed);
}

static void job_unlink(struct lane *l, struct offload_job *j)
{
	if (j->prev)
		j->prev->next = j->next;
	else
		l->first = j->next;
	if (j->next)
		j->next->prev = j->prev;
	else
		l->last = j->prev;
	l->flying--;
	if (j->async)
		atomic_fetch_sub_explicit(&l->async_out, 1,
					  memory_order_relaxed);
}

/* ---- done --------------------------------------------------------------- */

static void job_count(struct offload_job *j, int rc)
{
	struct offload_kind_stats *s = &j->lane->stats->kind[j->kind];

	if (!rc || rc == -EBADMSG)
		s->done++;
	else if (rc == -ETIMEDOUT)
		s->timeouts++;
	else
		s->errors++;
}

/*
 * Does the result say how the device is?  A ciphertext of SM2 comes from
 * anybody, and a wrong one ends in an error status like a failure: whoever
 * sends wrong ones must not take the device away from all others.
 */
static bool job_tells(const struct offload_job *j, int rc)
{
	return j->kind != OFFLOAD_SM2_DECRYPT || rc != -EIO;
}

/* An eighth of the difference: settles in some ten jobs. */
static void average(uint64_t *usual, uint64_t took)
{
	*usual = *usual ? *usual - *usual / 8 + took / 8 : took;
}

static void job_learn(struct offload_job *j, uint64_t now)
{
	average(&j->lane->usual_ns[j->kind], now - j->since);
}

static void wakes_add(struct wakes *wakes, struct offload_job *j,
		      unsigned int how)
{
	wakes->lane = j->lane;
	wakes->at[wakes->n++] = (uint16_t)((j - j->lane->job) | how);
}

void job_finish(struct offload_job *j, int rc, uint64_t now,
		struct wakes *wakes)
{
	struct lane *l = j->lane;
	struct offload_job *lead = j->lead;
	struct offload_waiter *w;

	job_unlink(l, j);
	job_count(j, rc);
	if (lane_is_open(l)) {
		if (job_tells(j, rc))
			health_result(&l->device->health, rc, j->probe, now);
		job_learn(j, now);
		if (j->async)
			average(&l->latency_ns, now - j->started);
	}
	if (j->abandoned) {
		job_free(j);
		return;
	}
	j->rc = rc;
	j->ended = now;
	w = --lead->left ? NULL : lead->waiter;
	if (w) {
		lead->woken = true;
		l->woken++;
		l->stats->wakes++;
		w->get(w);
		lead->waker = pthread_self();
		lead->calls = w;
		atomic_store(&lead->waking, JOB_WAKING);
	}
	if (w)
		wakes_add(wakes, lead, 0);
	else if (j->sleeping)
		wakes_add(wakes, j, WAKES_SLEEPER);
	job_set(j, JOB_DONE);
}

/* The last of those who were woken brings no more: what he has, goes. */
static void job_give_back(struct offload_job *j)
{
	struct lane *l = j->lane;
	int rc = 0;

	lane_enter(l);
	job_free(j);
	if (lane_is_open(l) && l->q.committed && !l->woken)
		rc = lane_ring_due(l, 0);
	lane_leave(l);
	if (rc)
		lane_quarantine(l, -EIO);
}

static void job_woken(struct offload_job *j)
{
	if (atomic_exchange(&j->waking, 0) & JOB_LINGERS)
		job_give_back(j);
}

void wakes_run(struct wakes *wakes)
{
	for (unsigned int i = 0; i < wakes->n; i++) {
		unsigned int at = wakes->at[i];
		struct offload_job *j = &wakes->lane->job[at & ~WAKES_SLEEPER];
		struct offload_waiter *w;

		if (at & WAKES_SLEEPER) {
			wake_word(&j->word, 1);
			continue;
		}
		w = j->calls;
		w->wake(w);
		job_woken(j);
		w->put(w);
	}
	wakes->n = 0;
}

/* The one who is inside w->wake frees the slot when he comes back. */
static bool job_leave_to_waker(struct offload_job *j)
{
	uint32_t waking = JOB_WAKING;

	if (!(j->waiter && j->waiter->late) &&
	    !pthread_equal(j->waker, pthread_self()))
		return false;
	return atomic_compare_exchange_strong(&j->waking, &waking,
					      JOB_WAKING | JOB_LINGERS);
}

/*
 * Nobody may be left calling w->wake when the job's slot or the waiter goes.
 * Where that is harmless the slot is left to the waker: whoever is woken is
 * often back before him, on the same processor even.
 * Return: true: free the slot; false: the waker does, be it this thread.
 */
static bool job_wake_is_over(struct offload_job *j)
{
	const struct timespec moment = { .tv_nsec = 20000 };

	for (int i = 0; atomic_load(&j->waking); i++) {
		if (job_leave_to_waker(j))
			return false;
		if (i < 100)
			wd_cpu_relax();
		else
			nanosleep(&moment, NULL);
	}
	return true;
}

void job_end(struct offload_job *j)
{
	job_wipe(j);
	area_give(j); /* synchronous jobs alone have one */
	if (job_wake_is_over(j))
		job_give_back(j);
}

/* Those of @lead's that are final, to be ended; the others go when the device
 * is done with them.  Lane held. */
static struct offload_job *jobs_abandon(struct offload_job *lead)
{
	struct offload_job *done = NULL, *next;

	lead->waiter = NULL;
	for (struct offload_job *j = lead; j; j = next) {
		next = j->peer;
		j->lane->stats->abandoned++;
		j->abandoned = !job_is_done(j);
		if (j->abandoned)
			continue;
		j->peer = done;
		done = j;
	}
	return done;
}

void offload_abandon(struct offload_waiter *w)
{
	struct offload_job *j = w->job, *done;
	struct lane *l;

	if (!j)
		return;
	w->job = NULL;
	l = j->lane;
	if (proc_is_stale(l->proc))
		return;
	lane_enter(l);
	done = jobs_abandon(j);
	/* Nobody may come back who would ring for it; if the queue has died
	 * the next one sees. */
	if (lane_is_open(l) && l->q.committed)
		(void)lane_ring(l);
	lane_leave(l);
	for (; done; done = j) {
		j = done->peer;
		job_end(done);
	}
}

/* ---- into the ring ------------------------------------------------------ */

static int job_get(struct lane *l, struct offload_job **out)
{
	struct wakes wakes = { 0 };
	int rc = 0;

	lane_enter(l);
	if (!lane_is_open(l)) {
		lane_leave(l);
		return -EIO;
	}
	if (!l->watcher)
		rc = lane_reap(l, false, &wakes);
	*out = rc < 0 ? NULL : job_take(l);
	lane_leave(l);
	wakes_run(&wakes);
	if (rc < 0)
		lane_quarantine(l, -EIO);
	return rc < 0 ? -EIO : *out ? 0 : -EAGAIN;
}

static void job_commit(struct offload_job *j, uint16_t slot, uint64_t now)
{
	struct lane *l = j->lane;

	qm_queue_commit(&l->q);
	l->by_ring_slot[slot] = (uint16_t)(j - l->job);
	if (l->q.committed == 1)
		l->unrung_since = now;
}

static void job_launch(struct lane *l, struct offload_job *j, uint16_t slot)
{
	struct offload_kind_stats *s = &l->stats->kind[j->kind];
	uint64_t usual;

	j->started = j->since = wd_now_ns();
	job_commit(j, slot, j->started);
	j->deadline =
		j->started + (uint64_t)l->proc->o->cfg.timeout_ms * 1000000u;
	usual = l->usual_ns[j->kind];
	if (j->chained)
		usual += l->usual_ns[OFFLOAD_RSA_PUBLIC];
	j->usual_ns = l->latency_ns;
	j->spin_ns = wait_spin_ns(usual, l->vain);
	job_set(j, JOB_OUT);
	job_link(l, j);
	s->jobs++;
	s->bytes += j->bytes;
}

/*
 * The first descriptor is done well: the second takes its place in the same
 * job.  Lane held, which is open.  False: it could not; the job ends.
 */
bool job_chain(struct offload_job *j, uint64_t now)
{
	struct lane *l = j->lane;
	struct offload_kind_stats *s = &l->stats->kind[OFFLOAD_RSA_PUBLIC];
	uint16_t slot;
	void *sqe = qm_queue_reserve(&l->q, &slot);

	if (!sqe)
		return false;
	if (hpre_encode(sqe, &j->then.hpre)) {
		qm_queue_unreserve(&l->q);
		return false;
	}
	job_count(j, 0);
	job_learn(j, now);
	job_commit(j, slot, now);
	j->chained = false;
	j->kind = OFFLOAD_RSA_PUBLIC;
	j->second = true;
	j->since = now;
	s->jobs++;
	s->bytes += j->bytes;
	return true;
}

/* The first that is held back needs it, in case that no company comes. */
bool lane_wants_poller(struct lane *l, const struct offload_job *j,
		       unsigned int n)
{
	return j->async &&
	       ((l->q.committed == n && !lane_is_fed(l)) ||
		!atomic_load_explicit(&l->watched, memory_order_relaxed));
}

int job_put_on_ring(struct lane *l, struct offload_job *j,
		    const struct work *work, const union hw_op *hw,
		    bool *stopped)
{
	uint16_t slot;
	void *sqe;
	int rc;

	if (!lane_is_open(l))
		return -EIO;
	sqe = qm_queue_reserve(&l->q, &slot);
	if (!sqe) {
		*stopped = lane_ring(l) < 0;
		return *stopped ? -EIO : -EAGAIN;
	}
	rc = work->encode(j, sqe, hw);
	if (rc) {
		qm_queue_unreserve(&l->q);
		return rc;
	}
	job_launch(l, j, slot);
	return 0;
}

static int job_submit(struct offload_job *j, const struct work *work,
		      const union hw_op *hw, struct offload_waiter *w)
{
	struct lane *l = j->lane;
	bool nudge = false, stopped = false;
	uint64_t now = 0;
	int rc;

	lane_enter(l);
	j->waiter = w;
	rc = job_put_on_ring(l, j, work, hw, &stopped);
	if (rc) {
		j->waiter = NULL;
	} else {
		stopped = lane_ring_due(l, j->started) < 0;
		l->stirred = j->started;
		nudge = lane_wants_poller(l, j, 1);
	}
	if (nudge)
		now = j->started;
	if (!rc && w)
		w->job = j;
	lane_leave(l);
	if (stopped)
		lane_quarantine(l, -EIO);
	if (nudge)
		poller_nudge(l->proc, now);
	return rc;
}

/* ---- a call ------------------------------------------------------------- */

static int job_wait(struct offload_job *j, struct offload_waiter *w)
{
	if (!w) {
		wait_sync(j);
		return 0;
	}
	return wait_paused(j, w);
}

static int job_do(struct offload_job *j, const struct work *work,
		  struct offload_waiter *w)
{
	union hw_op hw;
	int rc = work->place(j, work->op, &hw);

	if (!rc)
		rc = job_submit(j, work, &hw, w);
	if (rc) {
		job_end(j);
		return rc;
	}
	rc = job_wait(j, w);
	if (w)
		w->job = NULL;
	if (rc)
		return -EIO; /* in a forked child: the slot is the parent's */
	return job_take_result(j, work);
}

int job_take_result(struct offload_job *j, const struct work *work)
{
	int rc = j->rc;

	if (!rc && work->judge)
		rc = work->judge(j, work->op);
	if (!rc || rc == -EBADMSG)
		work->finish(j, work->op);
	job_end(j);
	return rc;
}

static bool may_pause(struct proc *p, const struct work *work, size_t bytes,
		      const struct offload_waiter *w)
{
	if (!w ||
	    (kinds[work->kind].engine == UACCE_SEC && bytes < ASYNC_MIN_BYTES))
		return false;
	return poller_can(p) || w->alarm;
}

int job_lane(struct offload *o, const struct work *work, size_t bytes,
	     struct offload_waiter **w, struct lane **out)
{
	struct thread *t;
	int rc;

	if (!o->has[work->kind])
		return -ENODEV;
	t = thread_get(o);
	if (!t)
		return -ENODEV;
	rc = lane_get(t, lane_class(kinds[work->kind].engine, work->queue_type),
		      out);
	if (!rc && !may_pause(t->proc, work, bytes, *w))
		*w = NULL;
	return rc;
}

int job_open(struct lane *l, const struct work *work, bool async,
	     struct offload_job **out)
{
	enum health_admit admit;
	struct offload_job *j;
	int rc = job_get(l, &j);

	if (rc)
		return rc;
	admit = health_admit(&l->device->health, wd_now_ns());
	j->probe = admit == HEALTH_PROBE;
	j->kind = j->asked = (uint8_t)work->kind;
	j->bytes = work->bytes;
	j->async = async;
	if (admit == HEALTH_NO) {
		job_end(j);
		return -ENODEV;
	}
	*out = j;
	return 0;
}

int job_run(struct offload *o, const struct work *work,
	    struct offload_waiter *w)
{
	struct offload_job *j;
	struct lane *l;
	int rc = job_lane(o, work, work->bytes, &w, &l);

	if (!rc)
		rc = job_open(l, work, w, &j);
	return rc ? rc : job_do(j, work, w);
}
