/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - until a job is final.
 *
 * Synchronous: spin for as long as such a job usually takes, then sleep.  Of
 * several sleepers on one lane the first is its watcher: it alone sleeps on the
 * queue's descriptor and it alone reaps, because looking at the descriptor
 * consumes the event; the others sleep on their own job's word.  A watcher that
 * has its answer hands the watch to the next sleeper.  Where the poller listens
 * already, all sleep on their own words.
 */
#include "offload/offload_priv.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_io.h"

/* Jobs that usually take longer are not worth spinning for: going to sleep
 * and being woken costs some 5 us. */
#define SPIN_MAX_NS   50000u
/* An answer that is there already, or nearly, needs no clock. */
#define SPIN_MIN_NS   2000u
/* Spins in vain that make the next one shorter. */
#define SPIN_VAIN_MAX 8u
/* Looks between two readings of the clock. */
#define SPIN_LOOKS    16

/* A paused job without a poller looks again after this. */
#define ALARM_MIN_NS 20000u
#define ALARM_MAX_NS 1000000u

void wait_word(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns)
{
	struct timespec ts = { .tv_sec = timeout_ns / 1000000000,
			       .tv_nsec = timeout_ns % 1000000000 };

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value,
		timeout_ns < 0 ? NULL : &ts, NULL, 0);
}

void wake_word(_Atomic uint32_t *word, int how_many)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, how_many, NULL, NULL, 0);
}

/* Spins that end in sleep cost twice: each in a row is half the one before. */
uint64_t wait_spin_ns(uint64_t usual_ns, unsigned int vain)
{
	uint64_t spin = usual_ns + usual_ns / 4;

	if (spin > SPIN_MAX_NS)
		return SPIN_MIN_NS;
	spin >>= vain < SPIN_VAIN_MAX ? vain : SPIN_VAIN_MAX;
	return spin < SPIN_MIN_NS ? SPIN_MIN_NS : spin;
}

static int64_t left_ns(const struct offload_job *j)
{
	int64_t left = (int64_t)(j->deadline - wd_now_ns());

	return left > 0 ? left : 0;
}

/* One look if nobody else is at it.  Return: is the job final? */
static bool look(struct offload_job *j)
{
	struct lane *l = j->lane;
	struct wakes wakes = { 0 };
	int rc = 0;

	if (job_is_done(j))
		return true;
	if (!lane_try_enter(l))
		return false;
	if (lane_is_open(l) && !l->watcher)
		rc = lane_reap(l, false, &wakes);
	lane_leave(l);
	wakes_run(&wakes);
	if (rc < 0)
		lane_quarantine(l, -EIO);
	return job_is_done(j);
}

/* For @budget from @since on.  Return: is the job final? */
static bool spin(struct offload_job *j, uint64_t since, uint64_t budget)
{
	uint64_t spun;

	do {
		for (int i = 0; i < SPIN_LOOKS; i++) {
			if (look(j)) {
				if (j->ended > since)
					j->spun_ns += j->ended - since;
				return true;
			}
			wd_cpu_relax();
		}
		spun = wd_now_ns() - since;
	} while (spun < budget);
	j->spun_ns += spun;
	return false;
}

/*
 * While it slept for the first descriptor the second has gone, which is short
 * where the first is long: a check of RSA takes a fiftieth of a signature.
 */
static bool spin_second(struct offload_job *j, uint64_t budget)
{
	j->spun_second = true;
	j->vain_second = !spin(j, wd_now_ns(), budget);
	return !j->vain_second;
}

/* Somebody who sleeps on his own word takes over; lane held. */
static struct offload_job *next_watcher(struct lane *l)
{
	for (struct offload_job *j = l->first; j; j = j->next)
		if (j->sleeping)
			return j;
	return NULL;
}

void wait_hand_over(struct lane *l, struct wakes *wakes)
{
	struct offload_job *next = next_watcher(l);
	bool nudge = !next && atomic_load(&l->async_out);

	l->watcher = false;
	if (next)
		atomic_store(&next->word, JOB_WATCH);
	lane_leave(l);
	wakes_run(wakes);
	if (next)
		wake_word(&next->word, 1);
	if (nudge)
		poller_nudge(l->proc, wd_now_ns());
}

/*
 * Watch the queue until this job is final, something arrives or the deadline
 * passes; lane held on entry, left on return.
 */
static void watch(struct offload_job *j)
{
	struct lane *l = j->lane;
	struct wakes wakes = { 0 };
	int rc = lane_reap_armed(l, &wakes);

	if (rc || wakes.n || job_is_done(j)) {
		wait_hand_over(l, &wakes);
		if (rc)
			lane_quarantine(l, -EIO);
		return;
	}
	l->watcher = true;
	l->stats->sleeps++;
	lane_leave(l);

	rc = l->q.u.host->ops->wait(&l->q.u, left_ns(j));

	lane_enter(l);
	if (lane_is_open(l) && lane_reap(l, false, &wakes) < 0)
		rc = -ENXIO;
	wait_hand_over(l, &wakes);
	if (rc == -ENXIO)
		lane_quarantine(l, -EIO);
}

static bool listened_to(const struct lane *l)
{
	return l->watcher || atomic_load(&l->watched);
}

/*
 * Another listens: sleep until it says done or hands over.  What was handed over
 * is taken before the lane is left: somebody passing by might end this job first,
 * and then nobody would listen for the others.
 */
static void doze(struct offload_job *j)
{
	struct lane *l = j->lane;
	struct wakes wakes = { 0 };
	bool handed;

	j->sleeping = true;
	l->stats->sleeps++;
	lane_leave(l);
	wait_word(&j->word, JOB_OUT, left_ns(j));
	lane_enter(l);
	j->sleeping = false;
	handed = atomic_load(&j->word) == JOB_WATCH;
	if (handed)
		atomic_store(&j->word, JOB_OUT);
	/* Done before it could take the watch up: pass it on. */
	if (job_is_done(j) && !listened_to(l))
		wait_hand_over(l, &wakes);
	else if (handed && !listened_to(l) && lane_is_open(l))
		watch(j);
	else
		lane_leave(l);
}

void wait_sync(struct offload_job *j)
{
	struct lane *l = j->lane;
	bool slept = false;

	if (spin(j, j->started, j->spin_ns))
		return;
	j->vain = true;
	while (!job_is_done(j)) {
		uint64_t budget;

		if (!left_ns(j))
			lane_quarantine(l, -ETIMEDOUT);
		lane_enter(l);
		if (job_is_done(j)) {
			lane_leave(l);
			break;
		}
		if (slept && j->second && !j->spun_second) {
			budget = wait_spin_ns(l->usual_ns[j->kind],
					      l->vain_second);
			lane_leave(l);
			if (spin_second(j, budget))
				break;
			continue;
		}
		slept = true;
		if (listened_to(l) || !lane_is_open(l))
			doze(j);
		else
			watch(j);
	}
}

/* ---- paused ------------------------------------------------------------- */

static uint64_t alarm_ns(const struct offload_job *j)
{
	uint64_t ns = j->usual_ns;

	if (ns < ALARM_MIN_NS)
		return ALARM_MIN_NS;
	return ns > ALARM_MAX_NS ? ALARM_MAX_NS : ns;
}

/* Nothing to pause on after all: from here on like any other thread. */
static void stop_pausing(struct offload_job *lead)
{
	struct lane *l = lead->lane;
	struct offload_job *j;
	int rc;

	lane_enter(l);
	if (lead->left)
		lead->waiter = NULL;
	for (j = lead; j; j = j->peer) {
		if (job_is_done(j))
			continue;
		if (j->async)
			atomic_fetch_sub(&l->async_out, 1);
		j->async = false;
	}
	rc = lane_is_open(l) ? lane_ring_due(l, 0) : 0;
	lane_leave(l);
	if (rc)
		lane_quarantine(l, -EIO);
	for (j = lead; j; j = j->peer)
		wait_sync(j);
}

static void count_paused(struct offload_job *lead)
{
	struct lane *l = lead->lane;

	lead->paused = true;
	lane_enter(l);
	for (struct offload_job *j = lead; j; j = j->peer)
		l->stats->kind[j->asked].async++;
	lane_leave(l);
}

static bool rung(struct lane *l)
{
	bool ok;

	lane_enter(l);
	ok = !lane_is_open(l) || !l->q.committed || lane_ring(l) >= 0;
	lane_leave(l);
	return ok;
}

int wait_paused(struct offload_job *lead, struct offload_waiter *w)
{
	struct lane *l = lead->lane;
	struct offload_job *j;
	int rc = 0;

	while ((j = job_pending(lead))) {
		if (!poller_can(l->proc))
			rc = w->alarm ? w->alarm(w, alarm_ns(j)) : -EOPNOTSUPP;
		if (!rc)
			rc = w->pause(w);
		if (proc_is_stale(l->proc))
			return -ENXIO;
		if (!rc && !lead->paused)
			count_paused(lead);
		if (look(j) && !job_pending(lead))
			break;
		if (rc) {
			stop_pausing(lead);
			break;
		}
		if (!rung(l))
			lane_quarantine(l, -EIO);
		if (!left_ns(j))
			lane_quarantine(l, -ETIMEDOUT);
	}
	return 0;
}
