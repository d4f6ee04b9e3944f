/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an ASYNC job waits and is woken, dropped, or refused a wait: the waiter
 * alone, with this test in the role of offload/ and of the application.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/async.h>

#include "provider/wdp.h"
#include "test/t.h"

/* offload_abandon() is replaced by this count. */
static atomic_int abandoned;
void __wrap_offload_abandon(struct offload_waiter *w);
void __wrap_offload_abandon(struct offload_waiter *w)
{
	(void)w;
	atomic_fetch_add(&abandoned, 1);
}

/* What the job of a test is to do, and what came out. */
struct story {
	struct offload_waiter *w;
	int pauses;	   /* wanted */
	bool wake_before;  /* the first pause */
	bool blocked;	   /* within ASYNC_block_pause() */
	uint64_t alarm_ns; /* before the first pause */
	int rc;		   /* of the last pause or alarm */
	int done;	   /* pauses that returned 0 */
	bool none;	   /* no waiter was to be had */
};

static struct story *story;

static int job(void *arg)
{
	struct story *s = *(struct story **)arg;

	s->w = wdp_waiter_get(NULL);
	if (!s->w) {
		s->none = true;
		return 1;
	}
	if (s->blocked)
		ASYNC_block_pause();
	if (s->wake_before)
		s->w->wake(s->w);
	if (s->alarm_ns && s->w->alarm)
		s->rc = s->w->alarm(s->w, s->alarm_ns);
	for (int i = 0; i < s->pauses && !s->rc; i++) {
		s->rc = s->w->pause(s->w);
		s->done += !s->rc;
	}
	if (s->blocked)
		ASYNC_unblock_pause();
	wdp_waiter_release(s->w);
	return 1;
}

/* The application's part: start or resume. */
static int run(ASYNC_JOB **j, ASYNC_WAIT_CTX *ctx)
{
	int ret;

	return ASYNC_start_job(j, ctx, &ret, job, &story, sizeof(story));
}

static size_t fds(ASYNC_WAIT_CTX *ctx, int *fd)
{
	OSSL_ASYNC_FD all[8];
	size_t n = 0;

	T_EQ(ASYNC_WAIT_CTX_get_all_fds(ctx, NULL, &n), 1);
	if (n <= 8)
		ASYNC_WAIT_CTX_get_all_fds(ctx, all, &n);
	*fd = n ? all[0] : -1;
	return n;
}

static bool readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static int nothing(void *arg)
{
	(void)arg;
	return 1;
}

static void outside_a_job_nobody_pauses(void)
{
	T_OK(!wdp_waiter_get(NULL));
}

static void a_wake_makes_the_descriptor_readable_and_resuming_drains_it(void)
{
	struct story s = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	int fd;

	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	T_EQ(fds(ctx, &fd), 1);
	T_OK(!readable(fd, 0));
	s.w->wake(s.w);
	T_OK(readable(fd, 0));
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	T_EQ(s.done, 1);
	T_OK(!readable(fd, 0));
	ASYNC_WAIT_CTX_free(ctx);
}

/* Whom a write wakes does not wait for the writer, nor find the lock held. */
static void a_wake_with_a_descriptor_may_be_late_one_with_a_callback_not(void)
{
	struct story s = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;

	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	T_OK(s.w->late);
	s.w->wake(s.w);
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	ASYNC_WAIT_CTX_free(ctx);

	s = (struct story){ .pauses = 1 };
	ctx = ASYNC_WAIT_CTX_new();
	ASYNC_WAIT_CTX_set_callback(ctx, nothing, NULL);
	j = NULL;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	T_OK(!s.w->late);
	s.w->wake(s.w);
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	ASYNC_WAIT_CTX_free(ctx);
}

/* Written late, found by the pause after: once, and no busy loop. */
static void a_leftover_of_an_earlier_wake_ends_one_pause(void)
{
	struct story s = { .pauses = 2 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	uint64_t one = 1;
	int fd;

	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	T_EQ(fds(ctx, &fd), 1);
	T_EQ(write(fd, &one, sizeof(one)), sizeof(one));
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	T_OK(!readable(fd, 0));
	s.w->wake(s.w);
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	ASYNC_WAIT_CTX_free(ctx);
}

static void one_descriptor_serves_the_wait_context_for_life(void)
{
	struct story s = { .pauses = 2 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	size_t added, removed;
	int fd, again;

	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	T_EQ(fds(ctx, &fd), 1);
	ASYNC_WAIT_CTX_get_changed_fds(ctx, NULL, &added, NULL, &removed);
	T_EQ(added, 1);
	s.w->wake(s.w);
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	ASYNC_WAIT_CTX_get_changed_fds(ctx, NULL, &added, NULL, &removed);
	T_EQ(added, 0);
	T_EQ(removed, 0);
	s.w->wake(s.w);
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	j = NULL;
	s = (struct story){ .pauses = 1 };
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	T_EQ(fds(ctx, &again), 1);
	T_EQ(again, fd);
	s.w->wake(s.w);
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	ASYNC_WAIT_CTX_free(ctx);
}

static void a_wake_before_the_pause_leaves_no_trace(void)
{
	struct story s = { .pauses = 1, .wake_before = true };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	int fd;

	story = &s;
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	T_EQ(s.done, 1);
	T_EQ(fds(ctx, &fd), 0);
	ASYNC_WAIT_CTX_free(ctx);
}

static void a_dropped_job_is_abandoned_once_and_its_descriptor_closed(void)
{
	struct story s = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	int fd, before;

	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	T_EQ(fds(ctx, &fd), 1);
	s.w->get(s.w); /* as offload does while its wake is under way */
	before = atomic_load(&abandoned);
	ASYNC_WAIT_CTX_free(ctx);
	T_EQ(atomic_load(&abandoned), before + 1);
	T_EQ(fcntl(fd, F_GETFD), -1);
	s.w->wake(s.w); /* too late: must touch nothing */
	s.w->put(s.w);
}

static atomic_int called;
static int count_call(void *arg)
{
	T_OK(arg == &called);
	atomic_fetch_add(&called, 1);
	return 1;
}

static void a_callback_is_called_and_no_descriptor_is_made(void)
{
	struct story s = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	int fd, before;

	atomic_store(&called, 0);
	ASYNC_WAIT_CTX_set_callback(ctx, count_call, &called);
	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	T_OK(!s.w->alarm);
	fds(ctx, &fd);
	T_EQ(fd, -1);
	s.w->wake(s.w);
	s.w->wake(s.w);
	T_EQ(atomic_load(&called), 1);
	T_EQ(ASYNC_WAIT_CTX_get_status(ctx), ASYNC_STATUS_OK);
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	before = atomic_load(&abandoned);
	ASYNC_WAIT_CTX_free(ctx);
	T_EQ(atomic_load(&abandoned), before + 1);
}

static void a_dropped_job_is_noticed_in_callback_mode_too(void)
{
	struct story s = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	int before;

	atomic_store(&called, 0);
	ASYNC_WAIT_CTX_set_callback(ctx, count_call, &called);
	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	before = atomic_load(&abandoned);
	s.w->get(s.w);
	ASYNC_WAIT_CTX_free(ctx);
	T_EQ(atomic_load(&abandoned), before + 1);
	s.w->wake(s.w);
	T_EQ(atomic_load(&called), 0);
	s.w->put(s.w);
}

static int free_in_callback(void *arg)
{
	ASYNC_WAIT_CTX **ctx = arg;

	ASYNC_WAIT_CTX_free(*ctx);
	*ctx = NULL;
	return 1;
}

static void the_callback_may_free_the_wait_context(void)
{
	struct story s = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;

	ASYNC_WAIT_CTX_set_callback(ctx, free_in_callback, &ctx);
	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	s.w->get(s.w);
	s.w->wake(s.w);
	T_OK(!ctx);
	s.w->put(s.w);
}

/* A callback that takes its time: 1 entered, 2 may leave, 3 left. */
static atomic_int slow;
static int slow_callback(void *arg)
{
	(void)arg;
	atomic_store(&slow, 1);
	while (atomic_load(&slow) != 2)
		usleep(100);
	usleep(20000);
	atomic_store(&slow, 3);
	return 1;
}

static void *wake_thread(void *arg)
{
	struct offload_waiter *w = arg;

	w->wake(w);
	w->put(w);
	return NULL;
}

static void the_wait_context_is_not_freed_under_a_running_callback(void)
{
	struct story s = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	pthread_t t;

	atomic_store(&slow, 0);
	ASYNC_WAIT_CTX_set_callback(ctx, slow_callback, NULL);
	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	s.w->get(s.w);
	T_EQ(pthread_create(&t, NULL, wake_thread, s.w), 0);
	while (atomic_load(&slow) != 1)
		usleep(100);
	atomic_store(&slow, 2);
	ASYNC_WAIT_CTX_free(ctx);
	T_EQ(atomic_load(&slow), 3);
	pthread_join(t, NULL);
}

static void without_descriptors_the_pause_is_refused(void)
{
	struct story s = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	struct rlimit was, none;

	getrlimit(RLIMIT_NOFILE, &was);
	none = was;
	none.rlim_cur = 0;
	story = &s;
	setrlimit(RLIMIT_NOFILE, &none);
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	setrlimit(RLIMIT_NOFILE, &was);
	T_EQ(s.rc, -EMFILE);
	ASYNC_WAIT_CTX_free(ctx);
}

static void where_pausing_is_blocked_the_job_is_told_soon(void)
{
	struct story s = { .pauses = 1000, .blocked = true };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;

	story = &s;
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	T_EQ(s.rc, -EBUSY);
	T_OK(s.done < 100);
	ASYNC_WAIT_CTX_free(ctx);
}

static void an_alarm_ends_the_wait_by_itself(void)
{
	struct story s = { .pauses = 1, .alarm_ns = 1000000 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	int fd;

	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	T_EQ(fds(ctx, &fd), 1);
	T_OK(readable(fd, 10000));
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	T_EQ(s.done, 1);
	T_OK(!readable(fd, 0));
	ASYNC_WAIT_CTX_free(ctx);
}

static void a_wake_comes_before_a_far_alarm(void)
{
	struct story s = { .pauses = 1, .alarm_ns = 3600000000000u };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	int fd;

	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	fds(ctx, &fd);
	T_OK(!readable(fd, 0));
	s.w->wake(s.w);
	T_OK(readable(fd, 10000));
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	T_OK(!readable(fd, 0));
	ASYNC_WAIT_CTX_free(ctx);
}

static void an_eventfd_is_never_replaced_by_an_alarm(void)
{
	struct story s = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	int fd, again;

	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	fds(ctx, &fd);
	s.w->wake(s.w);
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	j = NULL;
	s = (struct story){ .pauses = 1, .alarm_ns = 1000 };
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	T_EQ(s.rc, -EOPNOTSUPP);
	T_EQ(fds(ctx, &again), 1);
	T_EQ(again, fd);
	ASYNC_WAIT_CTX_free(ctx);
}

static void two_jobs_do_not_share_a_waiter(void)
{
	struct story first = { .pauses = 1 }, second = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL, *k = NULL;

	story = &first;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	story = &second;
	T_EQ(run(&k, ctx), ASYNC_FINISH);
	T_OK(second.none);
	first.w->wake(first.w);
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	ASYNC_WAIT_CTX_free(ctx);
}

/* The parent's poller may hold the waiter's lock at the moment of fork(). */
static void a_forked_child_can_free_what_it_inherited(void)
{
	struct story s = { .pauses = 1 };
	ASYNC_WAIT_CTX *ctx = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	pthread_t t;
	pid_t pid;
	int status;

	T_EQ(wdp_live_add((struct wdp_ctx *)&s), 0); /* the hooks */
	wdp_live_del((struct wdp_ctx *)&s);
	atomic_store(&slow, 0);
	ASYNC_WAIT_CTX_set_callback(ctx, slow_callback, NULL);
	story = &s;
	T_EQ(run(&j, ctx), ASYNC_PAUSE);
	s.w->get(s.w);
	T_EQ(pthread_create(&t, NULL, wake_thread, s.w), 0);
	while (atomic_load(&slow) != 1)
		usleep(100);
	pid = fork();
	if (!pid) {
		alarm(20);
		ASYNC_WAIT_CTX_free(ctx);
		_exit(0);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	atomic_store(&slow, 2);
	pthread_join(t, NULL);
	T_EQ(run(&j, ctx), ASYNC_FINISH);
	ASYNC_WAIT_CTX_free(ctx);
}

T_FIBRE_LEAKS

T_MAIN(T_CASE(outside_a_job_nobody_pauses),
       T_CASE(a_wake_makes_the_descriptor_readable_and_resuming_drains_it),
       T_CASE(a_wake_with_a_descriptor_may_be_late_one_with_a_callback_not),
       T_CASE(a_leftover_of_an_earlier_wake_ends_one_pause),
       T_CASE(one_descriptor_serves_the_wait_context_for_life),
       T_CASE(a_wake_before_the_pause_leaves_no_trace),
       T_CASE(a_dropped_job_is_abandoned_once_and_its_descriptor_closed),
       T_CASE(a_callback_is_called_and_no_descriptor_is_made),
       T_CASE(a_dropped_job_is_noticed_in_callback_mode_too),
       T_CASE(the_callback_may_free_the_wait_context),
       T_CASE(the_wait_context_is_not_freed_under_a_running_callback),
       T_CASE(without_descriptors_the_pause_is_refused),
       T_CASE(where_pausing_is_blocked_the_job_is_told_soon),
       T_CASE(an_alarm_ends_the_wait_by_itself),
       T_CASE(a_wake_comes_before_a_far_alarm),
       T_CASE(an_eventfd_is_never_replaced_by_an_alarm),
       T_CASE(two_jobs_do_not_share_a_waiter),
       T_CASE(a_forked_child_can_free_what_it_inherited))
