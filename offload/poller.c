/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poller.c - the helper thread: reaps for paused jobs.
 *
 * One a process, made at the first pause, asleep whenever nothing needs it.
 * It sleeps on its eventfd and on the queues of lanes with asynchronous jobs,
 * each armed and looked at once more before; under load it lets lanes be for a
 * while instead.  A submitter wakes it only if it sleeps for long: nobody needs
 * it sooner than its short sleep ends.
 *
 *	submitter: publish the job; work++; asleep for long? kick
 *	poller:	   read work; look at all lanes; say until when it sleeps;
 *		   work changed? again
 *
 * Both orders are sequentially consistent, so one of the two sees the other.
 */
#include "offload/offload_priv.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"

#define NEVER UINT64_MAX

/* Shorter than that no sleep is; longer, nobody should be kept waiting. */
#define HOLD_MIN_NS  20000u
#define HOLD_MAX_NS  1000000u
/* Completions a look found by callers that show them at work. */
#define HOLD_CALLERS 8u

/* Without memory for the list of queues: look this often instead. */
#define BLIND_NS 1000000u

struct round {
	struct pollfd *fd;  /* [0]: the kick */
	struct lane **lane; /* whose */
	unsigned int room, n;
	uint64_t until; /* sleep no longer than this */
	bool blind;
};

static void round_until(struct round *r, uint64_t when)
{
	if (when < r->until)
		r->until = when;
}

static void round_add(struct round *r, struct lane *l)
{
	if (r->n == r->room) {
		r->blind = true;
		return;
	}
	r->lane[r->n] = l;
	r->fd[r->n++] = (struct pollfd){ .fd = l->q.u.fd, .events = POLLIN };
}

/* Ring what has waited long enough for company; lane held. */
static int age(struct lane *l, struct round *r, uint64_t now)
{
	if (!l->q.committed || lane_is_fed(l))
		return 0;
	if (now - l->unrung_since >= POLLER_AGE_NS) {
		l->stats->bells_age++;
		return lane_ring(l);
	}
	round_until(r, l->unrung_since + POLLER_AGE_NS);
	return 0;
}

/*
 * Who has paused jobs out is watched, and for one sleep longer, so that a thread
 * with one job in flight at a time need not kick for each.
 */
static bool keeps_watch(struct lane *l)
{
	bool out = atomic_load(&l->async_out);
	bool keeps = out || !l->lingers;

	l->lingers = !out && keeps;
	return keeps;
}

/*
 * Every event costs a sleep and a wake-up, so where completions come by the
 * dozen the lane is let be for a while, unarmed: for a sixteenth of what a job
 * takes there anyway, or when callers find so many that there is nothing to
 * do here.
 */
uint64_t poller_hold_ns(uint64_t latency_ns, unsigned int callers,
			unsigned int mine)
{
	uint64_t ns = latency_ns / 16;

	if (ns < HOLD_MIN_NS || !(callers || mine))
		ns = 0;
	if (callers >= HOLD_CALLERS && ns < POLLER_AGE_NS)
		ns = POLLER_AGE_NS;
	return ns < HOLD_MAX_NS ? ns : HOLD_MAX_NS;
}

/* Nobody is let wait in place. */
static bool waits_in_place(struct lane *l)
{
	return l->flying > atomic_load(&l->async_out);
}

/* Reap, and listen unless @hold says how long not to; lane held. */
static int reap_or_hold(struct lane *l, struct wakes *wakes, uint64_t *hold)
{
	unsigned int callers = l->found, mine;
	int rc = lane_reap(l, false, wakes);

	if (rc < 0)
		return rc;
	mine = l->found - callers;
	*hold = waits_in_place(l)
			? 0
			: poller_hold_ns(l->latency_ns, callers, mine);
	if (!*hold)
		rc = lane_reap_armed(l, wakes);
	l->stats->polled += l->found - callers;
	l->found = 0;
	return rc < 0 ? rc : 0;
}

/* Lane held.  Return: 0, or why the queue has to be given up. */
static int look_at(struct lane *l, struct round *r, struct wakes *wakes)
{
	uint64_t now = wd_now_ns(), hold;

	if (age(l, r, now) < 0)
		return -EIO;
	if (l->watcher) { /* reaps for all, and calls when it goes */
		if (l->first)
			round_until(r, l->first->deadline);
		return 0;
	}
	atomic_store(&l->watched, true);
	if (reap_or_hold(l, wakes, &hold) < 0)
		return -EIO;
	if (l->first && now >= l->first->deadline)
		return -ETIMEDOUT;
	if (wakes->n == WAKES_MAX)
		round_until(r, 0); /* there may be more */
	else if (wakes->n > 1)	   /* who comes back first need not kick */
		round_until(r, now + 2 * POLLER_AGE_NS);
	if (l->first)
		round_until(r, l->first->deadline);
	if (!keeps_watch(l))
		atomic_store(&l->watched, false);
	else if (hold)
		round_until(r, now + hold);
	else
		round_add(r, l);
	return 0;
}

static void visit(struct lane *l, struct round *r)
{
	struct wakes wakes = { 0 };
	bool watched;
	int rc = 0;

	if (!atomic_load(&l->async_out) && !atomic_load(&l->watched))
		return;
	lane_enter(l);
	watched = atomic_load(&l->watched);
	if (lane_is_open(l))
		rc = look_at(l, r, &wakes);
	if (watched && !atomic_load(&l->watched)) {
		wait_hand_over(l, &wakes);
	} else {
		lane_leave(l);
		wakes_run(&wakes);
	}
	if (rc)
		lane_quarantine(l, rc);
}

/* The poller ends: whoever relied on it listens himself. */
static void let_go(struct proc *p)
{
	for (struct lane *l = atomic_load(&p->lanes); l; l = l->next) {
		struct wakes none = { 0 };

		lane_enter(l);
		if (atomic_exchange(&l->watched, false))
			wait_hand_over(l, &none);
		else
			lane_leave(l);
	}
}

static void round_free(struct round *r)
{
	free(r->fd);
	free(r->lane);
	r->fd = NULL;
	r->lane = NULL;
	r->room = 0;
}

static void round_grow(struct round *r, unsigned int lanes)
{
	unsigned int room = 2 * lanes + 16;

	if (r->room > lanes)
		return;
	round_free(r);
	r->fd = calloc(room, sizeof(*r->fd));
	r->lane = calloc(room, sizeof(struct lane *));
	if (r->fd && r->lane)
		r->room = room;
	else
		round_free(r);
}

static void look_at_all(struct proc *p, struct round *r)
{
	struct pollfd kick = { .fd = p->poller.kick, .events = POLLIN };

	round_grow(r, atomic_load(&p->lane_count));
	r->n = 0;
	r->until = NEVER;
	r->blind = !r->room;
	if (r->room)
		r->fd[r->n++] = kick;
	for (struct lane *l = atomic_load(&p->lanes); l; l = l->next)
		visit(l, r);
	if (r->blind)
		round_until(r, wd_now_ns() + BLIND_NS);
}

static void round_sleep(struct round *r)
{
	uint64_t now = wd_now_ns(), ns = 0;
	struct timespec ts;

	if (r->until > now)
		ns = r->until - now;
	ts.tv_sec = (time_t)(ns / 1000000000u);
	ts.tv_nsec = (long)(ns % 1000000000u);
	ppoll(r->fd, r->n, r->until == NEVER ? NULL : &ts, NULL);
}

/*
 * What the descriptor said has been heard.  The kernel forgets it when asked,
 * other hosts when waited for; the lane can't be closed meanwhile.
 */
static void hear(struct lane *l)
{
	bool open;

	lane_enter(l);
	open = lane_is_open(l) && atomic_load(&l->watched);
	if (open)
		l->live++;
	lane_leave(l);
	if (!open)
		return;
	l->q.u.host->ops->wait(&l->q.u, 0);
	lane_enter(l);
	l->live--;
	lane_leave(l);
}

static void hear_all(struct round *r)
{
	for (unsigned int i = 1; i < r->n; i++)
		if (r->fd[i].revents)
			hear(r->lane[i]);
}

static void drain(int kick)
{
	uint64_t n;

	if (read(kick, &n, sizeof(n)) < 0)
		return; /* nothing there: it is non-blocking */
}

static void *poller_main(void *arg)
{
	struct proc *p = arg;
	struct poller *me = &p->poller;
	struct round r = { 0 };

	while (!atomic_load(&me->stop)) {
		uint32_t work = atomic_load(&me->work);

		look_at_all(p, &r);
		atomic_store(&me->until, r.until);
		if (atomic_load(&me->work) == work && !atomic_load(&me->stop))
			round_sleep(&r);
		hear_all(&r);
		/* Whoever clears it has the kick to write: none is left over
		 * unless somebody else did. */
		if (!atomic_exchange(&me->until, 0) && r.until)
			drain(me->kick);
	}
	round_free(&r);
	let_go(p);
	return NULL;
}

void poller_nudge(struct proc *p, uint64_t now)
{
	struct poller *me = &p->poller;
	const uint64_t one = 1;
	uint64_t until;

	if (atomic_load_explicit(&me->state, memory_order_relaxed) !=
	    POLLER_RUNNING)
		return;
	atomic_fetch_add(&me->work, 1);
	until = atomic_load(&me->until);
	/* A short sleep is left alone: it ends in time. */
	if (until > now + 2 * POLLER_AGE_NS &&
	    atomic_compare_exchange_strong(&me->until, &until, 0) &&
	    write(me->kick, &one, sizeof(one)) < 0)
		wd_debug("poller: kick: %s", strerror(errno));
}

/* All signals stay with the application's threads. */
static int poller_spawn(struct proc *p)
{
	sigset_t all, before;
	int rc;

	p->poller.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->poller.kick < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&p->poller.thread, NULL, poller_main, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc) {
		close(p->poller.kick);
		p->poller.kick = -1;
	}
	return -rc;
}

static void poller_start(struct proc *p)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	if (atomic_load(&p->poller.state) == POLLER_UNTRIED) {
		rc = poller_spawn(p);
		if (rc && p->o->cfg.poll == OFFLOAD_POLL_THREAD)
			wd_warn("poll: no helper thread: %s", strerror(-rc));
		atomic_store(&p->poller.state,
			     rc ? POLLER_NONE : POLLER_RUNNING);
	}
	pthread_mutex_unlock(&p->lock);
}

bool poller_can(struct proc *p)
{
	int state =
		atomic_load_explicit(&p->poller.state, memory_order_acquire);

	if (state == POLLER_UNTRIED && p->o->cfg.poll != OFFLOAD_POLL_NONE) {
		poller_start(p);
		state = atomic_load(&p->poller.state);
	}
	return state == POLLER_RUNNING;
}

void poller_stop(struct proc *p)
{
	struct poller *me = &p->poller;
	const uint64_t one = 1;

	if (atomic_exchange(&me->state, POLLER_NONE) != POLLER_RUNNING)
		return;
	atomic_store(&me->stop, true);
	if (write(me->kick, &one, sizeof(one)) < 0)
		wd_debug("poller: stop: %s", strerror(errno));
	/* exit() may be called from a wake-up: then it is this thread's own. */
	if (pthread_equal(me->thread, pthread_self()))
		pthread_detach(me->thread);
	else
		pthread_join(me->thread, NULL);
	close(me->kick);
	me->kick = -1;
}

void offload_quiesce(struct offload *o)
{
	struct proc *p = atomic_load(&o->proc);

	if (!proc_is_stale(p))
		poller_stop(p);
}
