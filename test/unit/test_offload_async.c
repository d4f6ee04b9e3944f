/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paused jobs on the scripted device.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "offload/offload_priv.h"
#include "test/fibre.h"
#include "test/sdev.h"
#include "test/t.h"

#define W    128
#define MANY 64

static struct sdev *d;
static struct offload *o;
static struct offload_config cfg;
static uint8_t key[5 * W / 2] = { 0x11 }, in[W], out[MANY][W];
static struct fibre fibre[MANY];

/* A process that may not make threads. */
static bool no_threads;

int pthread_create(pthread_t *restrict t, const pthread_attr_t *restrict attr,
		   void *(*run)(void *), void *restrict arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
		    void *);

	if (no_threads)
		return EAGAIN;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(t, attr, run, arg);
}

static void config(void)
{
	offload_config_init(&cfg);
	memset(cfg.min_bytes, 0, sizeof(cfg.min_bytes));
	cfg.timeout_ms = 10000;
	no_threads = false;
	d = sdev_new();
	d->mode = SDEV_HOLD;
}

static void start(void)
{
	T_EQ(offload_new_on(&o, &cfg, &d->host), 0);
	for (int i = 0; i < W; i++)
		in[i] = (uint8_t)i;
	memset(out, 0, sizeof(out));
	for (int i = 0; i < MANY; i++)
		fibre_init(&fibre[i], true);
}

/* Doorbells for two, and nobody who looks but the callers. */
static void start_pairs(void)
{
	config();
	cfg.batch = 2;
	cfg.poll = OFFLOAD_POLL_NONE;
	start();
}

static void stop(void)
{
	offload_free(o);
	o = NULL;
	for (int i = 0; i < MANY; i++) {
		T_EQ(fibre[i].pins, 0);
		T_EQ(fibre[i].late, 0);
		T_OK(!fibre[i].w.job);
		fibre_free(&fibre[i]);
	}
}

static int rsa_on(struct fibre *f)
{
	struct offload_rsa op = { .kind = OFFLOAD_RSA_PRIVATE,
				  .alg = HPRE_ALG_RSA_CRT,
				  .width = W,
				  .key = key,
				  .in = in,
				  .out = f->arg };

	return offload_rsa(o, &op, &f->w);
}

static void go(int i)
{
	fibre_start(&fibre[i], rsa_on, out[i]);
}

static bool right(const uint8_t *result)
{
	for (int i = 0; i < W; i++)
		if (result[i] != (uint8_t)(i ^ 0x11 ^ 0x5a))
			return false;
	return true;
}

static void until_woken(int i, int times)
{
	for (int n = 0; n < 5000 && fibre[i].woken < times; n++)
		usleep(1000);
	T_EQ(fibre[i].woken, times);
}

static void resume_is(int i, int rc)
{
	fibre_resume(&fibre[i]);
	T_OK(fibre[i].done);
	T_EQ(fibre[i].rc, rc);
	if (!rc)
		T_OK(right(out[i]));
}

static struct offload_stats stats(void)
{
	struct offload_stats s;

	offload_stats(o, &s);
	return s;
}

static void the_poller_wakes_a_paused_job(void)
{
	config();
	start();
	go(0);
	T_OK(!fibre[0].done);
	T_EQ(sdev_complete(d, 1), 1);
	until_woken(0, 1);
	T_EQ(out[0][1], 0); /* nothing of the caller's before he resumes */
	resume_is(0, 0);
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].async, 1);
	T_OK(sdev_pools_clean(d));
	T_EQ(fibre[0].alarms, 0);
	stop();
}

static void the_poller_sleeps_again_and_again(void)
{
	config();
	start();
	for (int n = 0; n < 50; n++) {
		go(0);
		usleep(n * 40);
		T_EQ(sdev_complete(d, 1), 1);
		until_woken(0, n + 1);
		resume_is(0, 0);
	}
	stop();
}

static void an_early_resume_pauses_again(void)
{
	config();
	start();
	go(0);
	for (int n = 0; n < 5; n++) {
		fibre_resume(&fibre[0]);
		T_OK(!fibre[0].done);
	}
	sdev_complete(d, 1);
	until_woken(0, 1);
	resume_is(0, 0);
	T_EQ(fibre[0].pauses, 6);
	stop();
}

static void done_before_the_pause_needs_no_pause(void)
{
	config();
	d->mode = SDEV_INLINE;
	start();
	go(0);
	if (!fibre[0].done)
		resume_is(0, 0);
	T_OK(right(out[0]));
	stop();
}

static void a_pause_that_fails_waits_in_place(void)
{
	config();
	d->mode = SDEV_THREAD;
	d->delay_us = 2000;
	start();
	fibre[0].pause_rc = -EMFILE;
	go(0);
	T_OK(fibre[0].done);
	T_EQ(fibre[0].rc, 0);
	T_OK(right(out[0]));
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].async, 0);
	stop();
}

static void the_device_has_a_batch_to_do_before_jobs_are_held_back(void)
{
	config();
	cfg.batch = 8;
	cfg.poll = OFFLOAD_POLL_NONE;
	start();
	for (int i = 0; i < 8; i++)
		go(i);
	T_EQ(d->sq_bells, 8);
	T_EQ(sdev_pending(d), 8);
	for (int i = 8; i < 15; i++)
		go(i);
	T_EQ(d->sq_bells, 8);
	go(15);
	T_EQ(d->sq_bells, 9);
	T_EQ(d->largest_bell, 8);
	T_EQ(sdev_pending(d), 16);
	go(16);
	T_EQ(sdev_pending(d), 16);
	T_EQ(stats().bells_full, 1);
	T_EQ(stats().bells_idle, 8);
	/* Whoever is resumed first rings for the others. */
	fibre_resume(&fibre[0]);
	T_EQ(d->sq_bells, 10);
	T_EQ(sdev_complete(d, 100), 17);
	for (int i = 0; i < 17; i++)
		resume_is(i, 0);
	T_OK(fibre[16].alarms >= 1);
	stop();
}

/* Two are woken, one comes back and brings a new job: it may be held back for
 * the other, who does not come. */
static void company_that_does_not_come_is_not_waited_for(void)
{
	config();
	start();
	for (int n = 0; n < 200 && !stats().bells_age; n++) {
		go(0);
		go(1);
		T_EQ(sdev_complete(d, 2), 2);
		until_woken(0, 2 * n + 1);
		until_woken(1, n + 1);
		resume_is(0, 0);
		go(0);
		for (int i = 0; i < 5000 && !sdev_pending(d); i++)
			usleep(1000);
		T_EQ(sdev_complete(d, 1), 1);
		until_woken(0, 2 * n + 2);
		resume_is(0, 0);
		resume_is(1, 0);
	}
	stop();
}

static void the_last_of_those_who_were_woken_rings(void)
{
	config();
	cfg.poll = OFFLOAD_POLL_NONE;
	start();
	go(0);
	go(1);
	T_EQ(sdev_complete(d, 2), 2);
	resume_is(0, 0);
	go(2);
	resume_is(1, 0);
	T_EQ(sdev_complete(d, 1), 1);
	resume_is(2, 0);
	stop();
}

static void a_dropped_job_that_was_held_back_is_sent(void)
{
	start_pairs();
	go(0);
	go(1);
	go(2);
	T_EQ(sdev_pending(d), 2);
	offload_abandon(&fibre[2].w);
	T_EQ(sdev_pending(d), 3);
	T_EQ(sdev_complete(d, 3), 3);
	resume_is(0, 0);
	resume_is(1, 0);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void a_pause_that_fails_sends_what_was_held_back(void)
{
	start_pairs();
	go(0);
	go(1);
	d->mode = SDEV_INLINE;
	fibre[2].pause_rc = -EMFILE;
	go(2);
	T_OK(fibre[2].done);
	T_EQ(fibre[2].rc, 0);
	resume_is(0, 0);
	resume_is(1, 0);
	stop();
}

static void reaping_rings_what_waits(void)
{
	start_pairs();
	go(0);
	go(1);
	go(2);
	T_EQ(sdev_pending(d), 2);
	sdev_complete(d, 1);
	resume_is(0, 0);
	T_EQ(sdev_pending(d), 2);
	sdev_complete(d, 2);
	resume_is(1, 0);
	resume_is(2, 0);
	stop();
}

static int rsa_sync(int i)
{
	struct offload_rsa op = { .kind = OFFLOAD_RSA_PRIVATE,
				  .alg = HPRE_ALG_RSA_CRT,
				  .width = W,
				  .key = key,
				  .in = in,
				  .out = out[i] };

	return offload_rsa(o, &op, NULL);
}

static void a_synchronous_job_takes_the_batch_with_it(void)
{
	start_pairs();
	go(0);
	go(1);
	go(2);
	d->mode = SDEV_INLINE;
	T_EQ(rsa_sync(3), 0);
	T_OK(right(out[3]));
	T_EQ(d->sq_bells, 3);
	T_EQ(d->largest_bell, 2);
	for (int i = 0; i < 3; i++) {
		T_EQ(fibre[i].woken, 1);
		resume_is(i, 0);
	}
	stop();
}

static void a_full_lane_says_try_later(void)
{
	config();
	d->sq_depth = 16;
	start();
	for (int i = 0; i < 15; i++)
		go(i);
	go(15);
	T_OK(fibre[15].done);
	T_EQ(fibre[15].rc, -EAGAIN);
	for (int n = 0; n < 5000 && sdev_pending(d) < 15; n++)
		usleep(1000);
	sdev_complete(d, 15);
	for (int i = 0; i < 15; i++) {
		until_woken(i, 1);
		resume_is(i, 0);
	}
	go(15);
	sdev_complete(d, 1);
	until_woken(15, 1);
	resume_is(15, 0);
	stop();
}

static void small_symmetric_jobs_never_pause(void)
{
	uint8_t data[64], iv[16] = { 0 };
	struct offload_cipher op = { .kind = OFFLOAD_AES_CBC,
				     .alg = SEC_AES_CBC,
				     .encrypt = true,
				     .key = key,
				     .key_len = 16,
				     .iv = iv,
				     .iv_len = sizeof(iv),
				     .in = data,
				     .out = data,
				     .len = sizeof(data) };

	config();
	d->mode = SDEV_INLINE;
	start();
	T_EQ(offload_cipher(o, &op, &fibre[0].w), 0);
	T_EQ(fibre[0].pauses, 0);
	T_EQ(fibre[0].woken, 0);
	stop();
}

static int cipher_on(struct fibre *f)
{
	static uint8_t data[16384], iv[16];
	struct offload_cipher op = { .kind = OFFLOAD_AES_CBC,
				     .alg = SEC_AES_CBC,
				     .encrypt = true,
				     .key = key,
				     .key_len = 16,
				     .iv = iv,
				     .iv_len = sizeof(iv),
				     .in = data,
				     .out = data,
				     .len = sizeof(data) };
	int rc;

	memset(data, 7, sizeof(data));
	rc = offload_cipher(o, &op, &f->w);
	for (size_t i = 0; !rc && i < sizeof(data); i++)
		T_EQ(data[i], 7 ^ 0x11 ^ 0x5a);
	return rc;
}

static void a_paused_record_lives_in_lane_memory(void)
{
	config();
	start();
	fibre_start(&fibre[0], cipher_on, NULL);
	sdev_complete(d, 1);
	until_woken(0, 1);
	fibre_resume(&fibre[0]);
	T_OK(fibre[0].done);
	T_EQ(fibre[0].rc, 0);
	T_OK(sdev_pools_clean(d));
	T_EQ(stats().copied, 2 * 16384);
	stop();
}

/* ---- abandoned ---------------------------------------------------------- */

static void drop(int i)
{
	offload_abandon(&fibre[i].w);
	fibre[i].dropped = 1;
	fibre_free(&fibre[i]);
}

static void dropped_in_flight_is_freed_when_it_completes(void)
{
	config();
	start();
	go(0);
	drop(0);
	T_OK(!sdev_pools_clean(d)); /* the device still reads it */
	sdev_complete(d, 1);
	for (int n = 0; n < 5000 && !sdev_pools_clean(d); n++)
		usleep(1000);
	T_OK(sdev_pools_clean(d));
	T_EQ(fibre[0].woken, 0);
	T_EQ(stats().abandoned, 1);
	stop();
}

static void dropped_when_done_is_freed_at_once(void)
{
	config();
	start();
	go(0);
	sdev_complete(d, 1);
	until_woken(0, 1);
	drop(0);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void dropped_twice_or_without_a_job_is_nothing(void)
{
	config();
	start();
	offload_abandon(&fibre[0].w);
	go(0);
	drop(0);
	offload_abandon(&fibre[0].w);
	sdev_complete(d, 1);
	T_EQ(stats().abandoned, 1);
	stop();
}

static void abandon_in_wake(struct fibre *f)
{
	offload_abandon(&f->w);
}

static void dropped_inside_its_own_wake(void)
{
	config();
	cfg.poll = OFFLOAD_POLL_NONE;
	start();
	fibre[0].on_wake = abandon_in_wake;
	go(0);
	sdev_complete(d, 1);
	d->mode = SDEV_INLINE;
	T_EQ(rsa_sync(1), 0); /* reaps and wakes in this thread */
	T_EQ(fibre[0].woken, 1);
	T_OK(sdev_pools_clean(d));
	/* The slot came back: a lane's worth of jobs still fits. */
	for (int i = 0; i < 600; i++)
		T_EQ(rsa_sync(1), 0);
	stop();
}

static atomic_int in_wake, leave_wake;

static void linger_in_wake(struct fibre *f)
{
	(void)f;
	in_wake = 1;
	while (!leave_wake)
		usleep(100);
}

static void *let_go(void *arg)
{
	(void)arg;
	usleep(30000);
	leave_wake = 1;
	return NULL;
}

static void abandon_waits_for_a_wake_on_its_way(void)
{
	pthread_t t;

	config();
	start();
	in_wake = leave_wake = 0;
	fibre[0].on_wake = linger_in_wake;
	go(0);
	sdev_complete(d, 1);
	while (!in_wake)
		usleep(100);
	T_EQ(pthread_create(&t, NULL, let_go, NULL), 0);
	offload_abandon(&fibre[0].w);
	T_EQ(leave_wake, 1);
	fibre[0].dropped = 1;
	pthread_join(t, NULL);
	stop();
}

/* The slot is the waker's until he comes back, and nobody else's. */
static void a_wake_that_may_be_late_is_not_waited_for(void)
{
	struct fibre *f = &fibre[0];

	config();
	start();
	in_wake = leave_wake = 0;
	f->on_wake = linger_in_wake;
	f->w.late = true;
	go(0);
	sdev_complete(d, 1);
	while (!in_wake)
		usleep(100);
	fibre_resume(f);
	T_OK(f->done);
	T_EQ(f->rc, 0);
	T_OK(right(out[0]));
	T_OK(!f->w.job);
	T_EQ(f->pins, 1);
	T_OK(sdev_pools_clean(d));
	/* Others come and go meanwhile. */
	go(1);
	T_EQ(sdev_complete(d, 1), 1);
	for (int i = 0; i < 5000 && !fibre[1].done; i++) {
		fibre_resume(&fibre[1]);
		usleep(1000);
	}
	T_OK(fibre[1].done && right(out[1]));
	leave_wake = 1;
	for (int i = 0; i < 5000 && f->pins; i++)
		usleep(1000);
	T_EQ(f->pins, 0);
	/* All slots are there again. */
	for (int i = 0; i < MANY; i++) {
		fibre[i].on_wake = NULL;
		fibre[i].done = false;
		go(i);
	}
	for (int i = 0; i < MANY; i++) {
		sdev_complete(d, MANY);
		for (int n = 0; n < 5000 && !fibre[i].done; n++) {
			fibre_resume(&fibre[i]);
			if (!fibre[i].done)
				usleep(1000);
		}
		T_OK(fibre[i].done && !fibre[i].rc);
	}
	stop();
}

static void a_dropped_job_still_has_a_deadline(void)
{
	config();
	cfg.timeout_ms = 30;
	start();
	go(0);
	drop(0);
	for (int n = 0; n < 5000 && !d->closed; n++)
		usleep(1000);
	T_EQ(d->closed, 1);
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].timeouts, 1);
	stop();
}

/* ---- failures ------------------------------------------------------------ */

static void the_poller_keeps_deadlines(void)
{
	config();
	cfg.timeout_ms = 30;
	start();
	go(0);
	go(1);
	until_woken(0, 1);
	until_woken(1, 1);
	resume_is(0, -ETIMEDOUT);
	T_EQ(d->closed, 0); /* 1 still has its slot */
	resume_is(1, -ETIMEDOUT);
	T_EQ(d->closed, 1);
	T_EQ(stats().quarantined, 1);
	stop();
}

/* A late answer must not land in memory that is its owner's again. */
static void after_a_deadline_the_device_writes_no_more(void)
{
	static const uint8_t none[W];

	config();
	cfg.timeout_ms = 30;
	cfg.poll = OFFLOAD_POLL_NONE;
	start();
	go(0); /* its slot keeps the queue from being closed */
	T_EQ(rsa_sync(1), -ETIMEDOUT);
	T_EQ(d->closed, 0);
	T_EQ(d->stopped, 1);
	T_EQ(sdev_complete(d, 2), 0);
	T_MEM(out[1], none, W);
	resume_is(0, -ETIMEDOUT);
	T_EQ(d->closed, 1);
	stop();
}

static void without_poller_the_resumed_job_keeps_its_deadline(void)
{
	config();
	cfg.timeout_ms = 20;
	cfg.poll = OFFLOAD_POLL_NONE;
	start();
	go(0);
	usleep(25000);
	resume_is(0, -ETIMEDOUT);
	T_EQ(d->closed, 1);
	stop();
}

static void paused_jobs_hear_of_a_stopped_queue(void)
{
	config();
	start();
	go(0);
	sdev_stop_queues(d);
	until_woken(0, 1);
	resume_is(0, -EIO);
	T_EQ(d->closed, 1);
	stop();
}

static void no_thread_means_alarms(void)
{
	config();
	no_threads = true;
	start();
	go(0);
	T_EQ(fibre[0].alarms, 1);
	fibre_resume(&fibre[0]);
	T_OK(!fibre[0].done);
	T_EQ(fibre[0].alarms, 2);
	sdev_complete(d, 1);
	resume_is(0, 0);
	no_threads = false;
	stop();
}

static void no_thread_and_no_alarm_means_waiting_in_place(void)
{
	config();
	no_threads = true;
	d->mode = SDEV_INLINE;
	start();
	fibre_init(&fibre[0], false);
	go(0);
	T_OK(fibre[0].done);
	T_EQ(fibre[0].rc, 0);
	T_EQ(fibre[0].pauses, 0);
	no_threads = false;
	stop();
}

static void no_descriptor_for_the_poller_is_survived(void)
{
	struct rlimit was, none;

	config();
	d->mode = SDEV_INLINE;
	start();
	T_EQ(rsa_sync(0), 0);
	getrlimit(RLIMIT_NOFILE, &was);
	none = was;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	fibre_init(&fibre[0], false);
	go(0);
	setrlimit(RLIMIT_NOFILE, &was);
	T_OK(fibre[0].done);
	T_EQ(fibre[0].rc, 0);
	T_EQ(fibre[0].pauses, 0);
	stop();
}

/* ---- ends ----------------------------------------------------------------- */

static void freed_with_jobs_in_flight(void)
{
	config();
	start();
	for (int i = 0; i < 10; i++)
		go(i);
	sdev_complete(d, 1);
	stop();
}

static void quiesced_twice_and_still_of_use(void)
{
	config();
	start();
	go(0);
	offload_quiesce(o);
	offload_quiesce(o);
	sdev_complete(d, 1);
	resume_is(0, 0);
	d->mode = SDEV_INLINE;
	T_EQ(rsa_sync(1), 0);
	stop();
}

static void *go_and_leave(void *arg)
{
	int first = *(int *)arg;

	for (int i = first; i < first + 4; i++)
		go(i);
	return NULL;
}

static void a_thread_may_end_with_jobs_in_flight(void)
{
	int first = 0, second = 4;
	pthread_t t;

	config();
	start();
	pthread_create(&t, NULL, go_and_leave, &first);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, go_and_leave, &second);
	pthread_join(t, NULL);
	T_EQ(d->opened, 1); /* the lane went to the next */
	for (int i = 0; i < 6; i++)
		drop(i);
	for (int n = 0; n < 5000 && sdev_pending(d) < 8; n++)
		usleep(1000);
	T_EQ(sdev_complete(d, 100), 8);
	until_woken(6, 1);
	until_woken(7, 1);
	drop(6);
	drop(7);
	for (int n = 0; n < 5000 && !sdev_pools_clean(d); n++)
		usleep(1000);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void a_child_does_not_touch_the_parents_paused_job(void)
{
	int status;
	pid_t pid;

#ifdef __SANITIZE_THREAD__
	/* Its runtime can't start threads in a forked child. */
	printf("skipped under the thread sanitizer: ");
	return;
#endif
	config();
	start();
	go(0);
	go(1);
	pid = fork();
	if (!pid) {
		bool ok;

		/* One resumed in the child, one dropped there. */
		fibre_resume(&fibre[0]);
		ok = fibre[0].done && fibre[0].rc == -EIO;
		offload_abandon(&fibre[1].w);
		d->mode = SDEV_INLINE;
		ok = ok && !rsa_sync(2) && right(out[2]) && d->forked == 1;
		fibre_init(&fibre[3], true);
		go(3);
		if (!fibre[3].done) {
			until_woken(3, 1);
			fibre_resume(&fibre[3]);
		}
		ok = ok && fibre[3].done && !fibre[3].rc;
		offload_free(o);
		_exit(!ok);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	for (int n = 0; n < 5000 && sdev_pending(d) < 2; n++)
		usleep(1000);
	sdev_complete(d, 2);
	until_woken(0, 1);
	until_woken(1, 1);
	resume_is(0, 0);
	resume_is(1, 0);
	stop();
}

T_MAIN(T_CASE(the_poller_wakes_a_paused_job),
       T_CASE(the_poller_sleeps_again_and_again),
       T_CASE(an_early_resume_pauses_again),
       T_CASE(done_before_the_pause_needs_no_pause),
       T_CASE(a_pause_that_fails_waits_in_place),
       T_CASE(the_device_has_a_batch_to_do_before_jobs_are_held_back),
       T_CASE(company_that_does_not_come_is_not_waited_for),
       T_CASE(the_last_of_those_who_were_woken_rings),
       T_CASE(a_dropped_job_that_was_held_back_is_sent),
       T_CASE(a_pause_that_fails_sends_what_was_held_back),
       T_CASE(reaping_rings_what_waits),
       T_CASE(a_synchronous_job_takes_the_batch_with_it),
       T_CASE(a_full_lane_says_try_later),
       T_CASE(small_symmetric_jobs_never_pause),
       T_CASE(a_paused_record_lives_in_lane_memory),
       T_CASE(dropped_in_flight_is_freed_when_it_completes),
       T_CASE(dropped_when_done_is_freed_at_once),
       T_CASE(dropped_twice_or_without_a_job_is_nothing),
       T_CASE(dropped_inside_its_own_wake),
       T_CASE(abandon_waits_for_a_wake_on_its_way),
       T_CASE(a_wake_that_may_be_late_is_not_waited_for),
       T_CASE(a_dropped_job_still_has_a_deadline),
       T_CASE(the_poller_keeps_deadlines),
       T_CASE(after_a_deadline_the_device_writes_no_more),
       T_CASE(without_poller_the_resumed_job_keeps_its_deadline),
       T_CASE(paused_jobs_hear_of_a_stopped_queue),
       T_CASE(no_thread_means_alarms),
       T_CASE(no_thread_and_no_alarm_means_waiting_in_place),
       T_CASE(no_descriptor_for_the_poller_is_survived),
       T_CASE(freed_with_jobs_in_flight),
       T_CASE(quiesced_twice_and_still_of_use),
       T_CASE(a_thread_may_end_with_jobs_in_flight),
       T_CASE(a_child_does_not_touch_the_parents_paused_job))
