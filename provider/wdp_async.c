/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASYNC jobs as struct offload_waiter.
 *
 * One waiter per wait context, kept as the custom data of an fd entry under a
 * static key, for as long as the wait context lives (an SSL connection):
 *
 *	ASYNC_WAIT_CTX ── entry { key, fd, waiter, cleanup } ──▶ struct waiter
 *						offload pins it ──▶  (refs)
 *
 * Entry and fd are made at the first pause: an eventfd where another thread reaps, a
 * timerfd where the job's own wait must end by itself.  It is never shared and
 * never closed before the cleanup: servers keep it in their tables until the
 * connection closes.  Where the application set a callback the entry holds no
 * fd, but is still there: its cleanup is the only notice that a paused job was
 * dropped.
 *
 * The lock of a waiter orders three parties: the job (pause), whoever reaps
 * (wake), and whoever frees the wait context (cleanup).  It is held while the
 * application's callback runs, so that the callback's argument cannot be freed
 * meanwhile; it is recursive because the callback itself may free it.  It is
 * never held while the job is paused or offload_abandon() runs, nor while an
 * eventfd is written: a server on the same processor runs then, and would only
 * find the lock held.
 *
 * A wake that comes before the pause notifies nobody: the pause just does not
 * happen.  So the application hears only of jobs it knows to be paused, but
 * for the moment between our unlock and the switch of stacks.
 */
#include "provider/wdp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <openssl/async.h>

#include "base/wd_base.h"

/*
 * Returns of ASYNC_pause_job() without a wake, in a row, after which the job
 * waits synchronously: pausing is blocked (then it returns at once, and there
 * is no way to ask), or the application resumes whatever it has.
 */
#define WAITER_VAIN_MAX 16

#define FD_GONE 0x80000000u

struct waiter {
	struct offload_waiter w;
	_Atomic uint32_t refs; /* the job's, the entry's, offload's */
	uint32_t forks;	       /* wdp_forks() when the lock was made */
	pthread_mutex_t lock;
	/* Under the lock: */
	ASYNC_WAIT_CTX *ctx; /* NULL after cleanup */
	ASYNC_callback_fn callback;
	void *callback_arg;
	int fd;	    /* -1: none yet, or callback mode */
	bool timer; /* fd is a timerfd */
	bool armed; /* fd is or will be readable */
	bool entered;
	bool taken; /* a job holds it */
	bool waiting, woken;
	unsigned int vain;
	/* Who is about to write fd, without the lock; FD_GONE: the cleanup has
	 * been here, the last of them closes it. */
	_Atomic uint32_t writers;
	void *secret; /* of the job, or NULL */
	size_t secret_size;
};

static const char waiter_key;

static struct waiter *waiter_of(struct offload_waiter *w)
{
	return (struct waiter *)((char *)w - offsetof(struct waiter, w));
}

static int waiter_lock_init(struct waiter *wt)
{
	pthread_mutexattr_t attr;
	int rc;

	wt->forks = wdp_forks();
	rc = pthread_mutexattr_init(&attr);
	if (rc)
		return -rc;
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	rc = pthread_mutex_init(&wt->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return -rc;
}

/*
 * After fork() the child has its own copy, whose lock a thread of the parent
 * may have held, and whose job is the parent's.
 */
static bool waiter_after_fork(struct waiter *wt)
{
	if (wt->forks == wdp_forks())
		return false;
	waiter_lock_init(wt);
	atomic_store(&wt->writers, 0);
	return true;
}

static void waiter_forget(struct waiter *wt)
{
	wd_wipe(wt->secret, wt->secret_size);
	free(wt->secret);
	wt->secret = NULL;
	wt->secret_size = 0;
}

static void waiter_get(struct offload_waiter *w)
{
	atomic_fetch_add(&waiter_of(w)->refs, 1);
}

static void waiter_drop(struct waiter *wt, uint32_t refs)
{
	if (atomic_fetch_sub(&wt->refs, refs) != refs)
		return;
	pthread_mutex_destroy(&wt->lock);
	free(wt);
}

static void waiter_put(struct offload_waiter *w)
{
	waiter_drop(waiter_of(w), 1);
}

/* ---- making oneself heard ------------------------------------------------ */

static void waiter_fire_in(struct waiter *wt, uint64_t ns)
{
	struct itimerspec in = {
		.it_value.tv_sec = (time_t)(ns / 1000000000u),
		.it_value.tv_nsec = (long)(ns % 1000000000u),
	};

	wt->armed = true;
	timerfd_settime(wt->fd, 0, &in, NULL);
}

/* Under the lock.  Return: write to this eventfd when the lock is free: whom
 * it wakes comes for the lock at once.  -1: nothing is left to do. */
static int waiter_notify(struct waiter *wt)
{
	if (wt->callback)
		wt->callback(wt->callback_arg);
	else if (wt->timer)
		waiter_fire_in(wt, 1);
	else
		wt->armed = true;
	return wt->callback || wt->timer ? -1 : wt->fd;
}

static void waiter_wake(struct offload_waiter *w)
{
	static const uint64_t one = 1;
	struct waiter *wt = waiter_of(w);
	int fd = -1;

	pthread_mutex_lock(&wt->lock);
	if (wt->ctx && !wt->woken) {
		wt->woken = true;
		if (wt->waiting)
			fd = waiter_notify(wt);
	}
	if (fd >= 0)
		atomic_fetch_add(&wt->writers, 1);
	pthread_mutex_unlock(&wt->lock);
	if (fd < 0)
		return;
	if (write(fd, &one, sizeof(one)) < 0)
		wd_debug("async: eventfd: %d", errno);
	if (atomic_fetch_sub(&wt->writers, 1) == (FD_GONE | 1))
		close(fd);
}

/* A leftover would make the application resume in a busy loop.  True: it had
 * fired. */
static bool waiter_drain(struct waiter *wt)
{
	static const struct itimerspec never;
	uint64_t count;
	bool fired;

	if (!wt->armed)
		return false;
	fired = read(wt->fd, &count, sizeof(count)) > 0;
	if (wt->timer)
		timerfd_settime(wt->fd, 0, &never, NULL);
	/* Not yet written: the next look is for it. */
	wt->armed = !wt->timer && !fired;
	return fired;
}

/* ---- the entry in the wait context ---------------------------------------- */

/*
 * The wait context goes, and with it the only way back into the job.  From
 * here on neither it nor the callback's argument may be touched.
 */
static void waiter_cleanup(ASYNC_WAIT_CTX *ctx, const void *key,
			   OSSL_ASYNC_FD fd, void *custom)
{
	struct waiter *wt = custom;
	bool dropped;

	(void)ctx;
	(void)key;
	waiter_after_fork(wt);
	pthread_mutex_lock(&wt->lock);
	wt->ctx = NULL;
	wt->callback = NULL;
	dropped = wt->waiting;
	pthread_mutex_unlock(&wt->lock);
	offload_abandon(&wt->w);
	if (fd >= 0 && !atomic_fetch_or(&wt->writers, FD_GONE))
		close(fd);
	if (dropped)
		waiter_forget(wt);
	/* A job that never returns never gives its own reference back. */
	waiter_drop(wt, dropped ? 2 : 1);
}

/* Put the waiter into the wait context, or give its entry a descriptor: -1 in
 * callback mode.  Under the lock. */
static int waiter_enter(struct waiter *wt, int fd)
{
	void *custom;
	int old;

	if (ASYNC_WAIT_CTX_get_fd(wt->ctx, &waiter_key, &old, &custom)) {
		if (custom != wt)
			return -EBUSY; /* two jobs on one wait context */
		/* Told to the application as removed, unless it was set in
		 * this job; does not run the cleanup. */
		ASYNC_WAIT_CTX_clear_fd(wt->ctx, &waiter_key);
	}
	if (!ASYNC_WAIT_CTX_set_wait_fd(wt->ctx, &waiter_key, fd, wt,
					waiter_cleanup))
		return -ENOMEM;
	if (!wt->entered)
		waiter_get(&wt->w);
	wt->entered = true;
	return 0;
}

/* Make the descriptor the application will watch.  Under the lock. */
static int waiter_open(struct waiter *wt, bool timer)
{
	int fd, rc;

	if (timer)
		fd = timerfd_create(CLOCK_MONOTONIC,
				    TFD_CLOEXEC | TFD_NONBLOCK);
	else
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	rc = waiter_enter(wt, fd);
	if (rc) {
		close(fd);
		return rc;
	}
	wt->fd = fd;
	wt->timer = timer;
	return 0;
}

/* ---- what offload calls ----------------------------------------------------- */

static int waiter_alarm(struct offload_waiter *w, uint64_t ns)
{
	struct waiter *wt = waiter_of(w);
	int rc = 0;

	pthread_mutex_lock(&wt->lock);
	if (wt->fd < 0)
		rc = waiter_open(wt, true);
	if (!rc && !wt->timer)
		rc = -EOPNOTSUPP; /* an eventfd, which must not be replaced */
	if (!rc)
		waiter_fire_in(wt, ns ? ns : 1);
	pthread_mutex_unlock(&wt->lock);
	return rc;
}

/* Under the lock.  0: pause; 1: no need to; -errno: can't. */
static int waiter_prepare(struct waiter *wt)
{
	int rc = 0;

	if (wt->woken) {
		wt->woken = false;
		waiter_drain(wt);
		return 1;
	}
	if (wt->vain >= WAITER_VAIN_MAX)
		return -EBUSY;
	if (!wt->callback && wt->fd < 0)
		rc = waiter_open(wt, false);
	else if (!wt->entered)
		rc = waiter_enter(wt, -1);
	wt->waiting = !rc;
	return rc;
}

static int waiter_pause(struct offload_waiter *w)
{
	struct waiter *wt = waiter_of(w);
	int rc, paused;

	pthread_mutex_lock(&wt->lock);
	rc = waiter_prepare(wt);
	pthread_mutex_unlock(&wt->lock);
	if (rc)
		return rc < 0 ? rc : 0;

	paused = ASYNC_pause_job();

	pthread_mutex_lock(&wt->lock);
	wt->waiting = false;
	/* For no reason?  Perhaps for a wake-up of before, written late. */
	if (!wt->woken && wt->fd >= 0)
		wt->armed = true;
	if (waiter_drain(wt) || wt->woken)
		wt->vain = 0;
	else
		wt->vain++;
	wt->woken = false;
	pthread_mutex_unlock(&wt->lock);
	return paused ? 0 : -EIO;
}

/* ---- what the provider calls -------------------------------------------------- */

static struct waiter *waiter_new(ASYNC_WAIT_CTX *ctx)
{
	struct waiter *wt = calloc(1, sizeof(*wt));

	if (!wt)
		return NULL;
	wt->w = (struct offload_waiter){
		.pause = waiter_pause,
		.wake = waiter_wake,
		.get = waiter_get,
		.put = waiter_put,
	};
	wt->refs = 1;
	wt->fd = -1;
	wt->ctx = ctx;
	if (waiter_lock_init(wt)) {
		free(wt);
		return NULL;
	}
	return wt;
}

/* The wait context's own waiter; a new one until it has paused once.  The
 * caller gets a reference. */
static struct waiter *waiter_find(ASYNC_WAIT_CTX *ctx)
{
	struct waiter *wt;
	void *custom;
	int fd;

	if (!ASYNC_WAIT_CTX_get_fd(ctx, &waiter_key, &fd, &custom))
		return waiter_new(ctx);
	wt = custom;
	waiter_get(&wt->w);
	return wt;
}

/* False: another job of the same wait context is out. */
static bool waiter_take(struct waiter *wt)
{
	bool taken;

	if (waiter_after_fork(wt))
		wt->taken = wt->waiting = false;
	pthread_mutex_lock(&wt->lock);
	taken = wt->taken;
	if (!taken) {
		wt->taken = true;
		wt->woken = false;
		wt->vain = 0;
		/* Set before the wait context's first job, if at all. */
		if (!ASYNC_WAIT_CTX_get_callback(wt->ctx, &wt->callback,
						 &wt->callback_arg))
			wt->callback = NULL;
		/* Nobody looks at descriptors in callback mode. */
		wt->w.alarm = wt->callback ? NULL : waiter_alarm;
		/* A callback's argument goes with the wait context. */
		wt->w.late = !wt->callback;
	}
	pthread_mutex_unlock(&wt->lock);
	return !taken;
}

struct offload_waiter *wdp_waiter_get(struct wdp_ctx *p)
{
	ASYNC_JOB *job = ASYNC_get_current_job();
	ASYNC_WAIT_CTX *ctx = job ? ASYNC_get_wait_ctx(job) : NULL;
	struct waiter *wt;

	(void)p;
	if (!ctx)
		return NULL;
	wt = waiter_find(ctx);
	if (!wt)
		return NULL;
	if (!waiter_take(wt)) {
		waiter_put(&wt->w);
		return NULL;
	}
	ASYNC_WAIT_CTX_set_status(ctx, ASYNC_STATUS_OK);
	return &wt->w;
}

void wdp_waiter_release(struct offload_waiter *w)
{
	struct waiter *wt;

	if (!w)
		return;
	wt = waiter_of(w);
	pthread_mutex_lock(&wt->lock);
	waiter_drain(wt);
	wt->taken = false;
	pthread_mutex_unlock(&wt->lock);
	waiter_put(w);
}

void wdp_waiter_keep(struct offload_waiter *w, void *mem, size_t size)
{
	struct waiter *wt = waiter_of(w);

	wt->secret = mem;
	wt->secret_size = size;
}
