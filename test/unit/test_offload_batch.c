/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several records with one doorbell, on the scripted device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "offload/offload_priv.h"
#include "offload/slot.h"
#include "test/fibre.h"
#include "test/sdev.h"
#include "test/t.h"

#define MOST   80u
#define RECORD 3000u  /* bytes; enough to pause */
#define LONG   70000u /* without SVA: four slots */
#define FIBRES 8

static struct sdev *d;
static struct offload *o;
static struct offload_config cfg;
static struct fibre fibre[FIBRES];
static const uint8_t key[16] = { 0x11 }, iv[12];

/* A caller's records. */
struct batch {
	struct offload_cipher op[MOST];
	int rc[MOST];
	unsigned int n;
	uint32_t len;
	uint8_t tag[MOST][16];
	uint8_t *from, *to;
};

static struct batch batch[FIBRES];

static void config(void)
{
	offload_config_init(&cfg);
	memset(cfg.min_bytes, 0, sizeof(cfg.min_bytes));
	cfg.timeout_ms = 20000;
	d = sdev_new();
}

static void start(void)
{
	T_EQ(offload_new_on(&o, &cfg, &d->host), 0);
	for (int i = 0; i < FIBRES; i++)
		fibre_init(&fibre[i], true);
}

static void stop(void)
{
	offload_free(o);
	o = NULL;
	for (int i = 0; i < FIBRES; i++) {
		T_EQ(fibre[i].pins, 0);
		T_EQ(fibre[i].late, 0);
		fibre_free(&fibre[i]);
		free(batch[i].from);
		free(batch[i].to);
		batch[i].from = batch[i].to = NULL;
	}
}

/* @n records to encrypt with GCM, each @len bytes with 13 of AAD. */
static struct batch *records(int which, unsigned int n, uint32_t len)
{
	struct batch *b = &batch[which];

	free(b->from);
	free(b->to);
	memset(b, 0, sizeof(*b));
	b->n = n;
	b->len = len;
	b->from = malloc((size_t)n * len);
	b->to = calloc(n, len);
	for (unsigned int i = 0; i < n; i++) {
		memset(b->from + (size_t)i * len, (int)i, len);
		b->rc[i] = 77;
		b->op[i] = (struct offload_cipher){
			.kind = OFFLOAD_AES_GCM,
			.alg = SEC_AES_GCM,
			.encrypt = true,
			.key = key,
			.key_len = sizeof(key),
			.iv = iv,
			.iv_len = sizeof(iv),
			.aad = (const uint8_t *)"thirteen byte",
			.aad_len = 13,
			.in = b->from + (size_t)i * len,
			.out = b->to + (size_t)i * len,
			.len = len,
			.tag = b->tag[i],
			.tag_len = 16,
		};
	}
	return b;
}

static void run(struct batch *b)
{
	offload_ciphers(o, b->op, b->n, b->rc, NULL);
}

static bool all_are(const uint8_t *p, size_t n, uint8_t value)
{
	while (n--)
		if (*p++ != value)
			return false;
	return true;
}

/* Encrypted, or untouched. */
static void is_done(const struct batch *b, unsigned int i)
{
	T_EQ(b->rc[i], 0);
	T_OK(all_are(b->op[i].out, b->len, (uint8_t)(i ^ 0x11 ^ 0x5a)));
}

static void is_not(const struct batch *b, unsigned int i, int rc)
{
	T_EQ(b->rc[i], rc);
	T_OK(all_are(b->op[i].out, b->len, 0));
}

static void all_done(const struct batch *b)
{
	for (unsigned int i = 0; i < b->n; i++)
		is_done(b, i);
}

static void all_not(const struct batch *b, int rc)
{
	for (unsigned int i = 0; i < b->n; i++)
		is_not(b, i, rc);
}

static struct offload_stats stats(void)
{
	struct offload_stats s;

	offload_stats(o, &s);
	return s;
}

static struct lane *lane(void)
{
	return atomic_load(&atomic_load(&o->proc)->lanes);
}

static unsigned int held(size_t field)
{
	struct lane *l = lane();
	unsigned int n;

	lane_enter(l);
	n = *(unsigned int *)((uint8_t *)l + field);
	lane_leave(l);
	return n;
}

/* Whoever reaps does it in its own time. */
static void becomes(size_t field, unsigned int want)
{
	for (int i = 0; i < 5000 && held(field) != want; i++)
		usleep(1000);
	T_EQ(held(field), want);
}

#define BECOMES(field, want) becomes(offsetof(struct lane, field), want)

/* ---- in place ----------------------------------------------------------- */

static void as_many_descriptors_as_records_and_one_doorbell(void)
{
	config();
	start();
	for (unsigned int n = 1; n <= OFFLOAD_RECORDS_MAX; n++) {
		struct batch *b = records(0, n, RECORD);
		struct offload_stats was = stats(), is;

		run(b);
		all_done(b);
		is = stats();
		T_EQ(is.sq_bells - was.sq_bells, 1);
		T_EQ(d->largest_bell, n);
		T_EQ(is.kind[OFFLOAD_AES_GCM].jobs -
			     was.kind[OFFLOAD_AES_GCM].jobs,
		     n);
		T_EQ(is.kind[OFFLOAD_AES_GCM].done -
			     was.kind[OFFLOAD_AES_GCM].done,
		     n);
		T_EQ(is.kind[OFFLOAD_AES_GCM].bytes -
			     was.kind[OFFLOAD_AES_GCM].bytes,
		     n * RECORD);
		T_EQ(is.copied, 0);
	}
	T_OK(sdev_pools_clean(d));
	stop();
}

static void no_records_are_done_at_once(void)
{
	config();
	start();
	offload_ciphers(o, NULL, 0, NULL, NULL);
	T_EQ(d->opened, 0);
	stop();
}

static void more_records_than_a_part_holds(void)
{
	struct batch *b;

	config();
	start();
	b = records(0, 70, RECORD);
	run(b);
	all_done(b);
	T_EQ(stats().sq_bells, 3);
	T_EQ(d->largest_bell, OFFLOAD_RECORDS_MAX);
	stop();
}

static void fewer_slots_than_records_make_parts(void)
{
	struct batch *b;

	config();
	d->sq_depth = 8;
	start();
	b = records(0, 20, RECORD);
	run(b);
	all_done(b);
	T_EQ(stats().sq_bells, 3);
	T_EQ(d->largest_bell, 7);
	BECOMES(live, 0);
	stop();
}

static void long_records_without_sva_make_parts(void)
{
	struct batch *b;

	config();
	d->sva = false;
	start();
	b = records(0, 40, LONG);
	run(b);
	all_done(b);
	T_OK(stats().sq_bells >= 2);
	T_OK(stats().sq_bells <= 4);
	T_EQ(d->bad_dma, 0);
	BECOMES(live, 0);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void records_over_themselves(void)
{
	struct batch *b;

	config();
	start();
	b = records(0, 9, LONG);
	for (unsigned int i = 0; i < b->n; i++) {
		memset(b->op[i].out, (int)i, b->len);
		b->op[i].in = b->op[i].out;
	}
	run(b);
	all_done(b);
	T_EQ(stats().sq_bells, 1);
	stop();
}

static void each_record_has_its_own_verdict(void)
{
	struct batch *b;
	uint8_t *swap;

	config();
	start();
	b = records(0, 9, RECORD);
	run(b);
	all_done(b);
	for (unsigned int i = 0; i < b->n; i++) {
		b->op[i].encrypt = false;
		swap = b->op[i].out;
		b->op[i].out = (uint8_t *)b->op[i].in;
		b->op[i].in = swap;
	}
	b->tag[4][0] ^= 1;
	run(b);
	for (unsigned int i = 0; i < b->n; i++) {
		T_EQ(b->rc[i], i == 4 ? -EBADMSG : 0);
		if (i != 4)
			T_OK(all_are(b->op[i].out, b->len, (uint8_t)i));
	}
	T_EQ(stats().sq_bells, 2);
	T_EQ(stats().kind[OFFLOAD_AES_GCM].done, 18);
	stop();
}

static void an_error_is_of_one_record(void)
{
	struct batch *b;

	config();
	d->bad = 2;
	d->bad_after = 3;
	start();
	b = records(0, 8, RECORD);
	run(b);
	for (unsigned int i = 0; i < b->n; i++)
		if (i == 3 || i == 4)
			is_not(b, i, -EIO);
		else
			is_done(b, i);
	T_EQ(stats().kind[OFFLOAD_AES_GCM].errors, 2);
	T_EQ(stats().kind[OFFLOAD_AES_GCM].done, 6);
	stop();
}

static void what_is_refused_does_not_keep_the_others(void)
{
	struct batch *b;

	config();
	start();
	b = records(0, 7, RECORD);
	b->op[0].iv_len = 5;
	b->op[2].kind = OFFLOAD_RSA_PRIVATE;
	b->op[3].kind = OFFLOAD_AES_CCM;
	b->op[4].aad_len = SEC_AAD_MAX + 1;
	b->op[6].tag_len = 3; /* the codec's to refuse */
	run(b);
	is_not(b, 0, -EINVAL);
	is_done(b, 1);
	is_not(b, 2, -EINVAL);
	is_not(b, 3, -EINVAL);
	is_not(b, 4, -EMSGSIZE);
	is_done(b, 5);
	is_not(b, 6, -EINVAL);
	T_EQ(stats().kind[OFFLOAD_AES_GCM].jobs, 2);
	T_EQ(stats().sq_bells, 1);
	BECOMES(live, 0);

	b->op[0].kind = OFFLOAD_RSA_PRIVATE;
	run(b);
	for (unsigned int i = 0; i < b->n; i++)
		T_EQ(b->rc[i], -EINVAL);
	stop();
}

static void a_device_on_trial_gets_one_record(void)
{
	struct batch *b;

	config();
	start();
	b = records(0, 4, RECORD);
	health_failed(&o->engine[UACCE_SEC].device[0].health, 1);
	run(b);
	is_done(b, 0);
	for (unsigned int i = 1; i < b->n; i++)
		is_not(b, i, -ENODEV);
	run(b);
	all_done(b);
	stop();
}

static void without_a_device_all_are_refused(void)
{
	struct batch *b;

	config();
	d->open_rc = -EACCES;
	start();
	b = records(0, 4, RECORD);
	run(b);
	all_not(b, -ENODEV);
	stop();
}

static void a_deadline_ends_all(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_HOLD;
	cfg.timeout_ms = 20;
	start();
	b = records(0, 5, RECORD);
	run(b);
	for (unsigned int i = 0; i < b->n; i++)
		T_EQ(b->rc[i], -ETIMEDOUT);
	T_EQ(stats().kind[OFFLOAD_AES_GCM].timeouts, 5);
	T_EQ(stats().quarantined, 1);
	T_EQ(d->closed, 1);
	T_EQ(sdev_complete(d, 5), 0);
	all_not(b, -ETIMEDOUT);
	stop();
}

static void a_device_that_takes_its_time(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_THREAD;
	d->delay_us = 300;
	start();
	for (int i = 0; i < 20; i++) {
		b = records(0, 32, RECORD);
		run(b);
		all_done(b);
	}
	T_EQ(stats().sq_bells, 20);
	stop();
}

/* ---- paused ------------------------------------------------------------- */

static int batch_on(struct fibre *f)
{
	struct batch *b = f->arg;

	offload_ciphers(o, b->op, b->n, b->rc, &f->w);
	return 0;
}

static struct batch *go(int which, unsigned int n, uint32_t len)
{
	struct batch *b = records(which, n, len);

	fibre_start(&fibre[which], batch_on, b);
	return b;
}

static void until_woken(int i, int times)
{
	for (int n = 0; n < 5000 && fibre[i].woken < times; n++)
		usleep(1000);
	T_EQ(fibre[i].woken, times);
}

static void resume_ends(int i)
{
	fibre_resume(&fibre[i]);
	T_OK(fibre[i].done);
	T_OK(!fibre[i].w.job);
}

static void one_pause_and_one_wake_for_all(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_HOLD;
	start();
	b = go(0, 8, RECORD);
	T_OK(!fibre[0].done);
	T_EQ(d->sq_bells, 1);
	T_EQ(sdev_pending(d), 8);
	for (unsigned int left = 7; left; left--) {
		sdev_complete(d, 1);
		BECOMES(flying, left);
		T_EQ(fibre[0].woken, 0);
	}
	sdev_complete(d, 1);
	until_woken(0, 1);
	resume_ends(0);
	all_done(b);
	T_EQ(fibre[0].pauses, 1);
	T_EQ(stats().kind[OFFLOAD_AES_GCM].async, 8);
	T_EQ(stats().copied, 2 * 8 * RECORD);
	T_OK(sdev_pools_clean(d));
	BECOMES(live, 0);
	stop();
}

static void a_resume_without_reason_pauses_again(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_HOLD;
	start();
	b = go(0, 3, RECORD);
	fibre_resume(&fibre[0]);
	sdev_complete(d, 2);
	fibre_resume(&fibre[0]);
	T_OK(!fibre[0].done);
	sdev_complete(d, 1);
	resume_ends(0);
	all_done(b);
	T_EQ(stats().kind[OFFLOAD_AES_GCM].async, 3);
	stop();
}

static void small_records_that_are_many_pause(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_HOLD;
	start();
	b = go(0, 30, 100);
	T_OK(!fibre[0].done);
	sdev_complete(d, 30);
	until_woken(0, 1);
	resume_ends(0);
	all_done(b);
	stop();
}

static void parts_pause_one_after_the_other(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_HOLD;
	d->sq_depth = 8;
	start();
	b = go(0, 10, RECORD);
	T_EQ(sdev_complete(d, 10), 7);
	until_woken(0, 1);
	fibre_resume(&fibre[0]);
	T_OK(!fibre[0].done);
	T_EQ(sdev_complete(d, 10), 3);
	until_woken(0, 2);
	resume_ends(0);
	all_done(b);
	T_EQ(fibre[0].pauses, 2);
	stop();
}

static void what_finds_no_slot_is_given_back(void)
{
	struct batch *a, *b, *c;

	config();
	d->mode = SDEV_HOLD;
	d->sq_depth = 8;
	start();
	a = go(0, 5, RECORD);
	b = go(1, 4, RECORD); /* two of it, then two */
	T_EQ(sdev_pending(d), 7);
	c = records(2, 3, RECORD);
	run(c);
	all_not(c, -EAGAIN);
	sdev_complete(d, 7);
	until_woken(0, 1);
	until_woken(1, 1);
	resume_ends(0);
	all_done(a);
	fibre_resume(&fibre[1]);
	T_OK(!fibre[1].done);
	T_EQ(sdev_complete(d, 7), 2);
	until_woken(1, 2);
	resume_ends(1);
	all_done(b);
	BECOMES(live, 0);
	stop();
}

static void a_wait_that_cannot_pause_is_in_place(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_THREAD;
	d->delay_us = 2000;
	start();
	fibre[0].pause_rc = -EIO;
	b = go(0, 6, RECORD);
	T_OK(fibre[0].done);
	all_done(b);
	T_EQ(fibre[0].woken, 0);
	T_EQ(atomic_load(&lane()->async_out), 0);
	BECOMES(live, 0);
	stop();
}

static void without_a_thread_alarms_do(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_HOLD;
	cfg.poll = OFFLOAD_POLL_NONE;
	start();
	b = go(0, 6, RECORD);
	sdev_complete(d, 3);
	fibre_resume(&fibre[0]);
	T_OK(!fibre[0].done);
	sdev_complete(d, 3);
	resume_ends(0);
	all_done(b);
	T_OK(fibre[0].alarms >= 2);
	stop();
}

static void those_done_before_the_deadline_are_good(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_HOLD;
	cfg.timeout_ms = 300;
	start();
	b = go(0, 6, RECORD);
	sdev_complete(d, 2);
	until_woken(0, 1);
	resume_ends(0);
	for (unsigned int i = 0; i < b->n; i++)
		if (i < 2)
			is_done(b, i);
		else
			is_not(b, i, -ETIMEDOUT);
	T_EQ(d->closed, 1);
	stop();
}

static void a_stopped_queue_ends_the_rest(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_HOLD;
	start();
	b = go(0, 6, RECORD);
	sdev_complete(d, 2);
	BECOMES(flying, 4);
	sdev_stop_queues(d);
	until_woken(0, 1);
	resume_ends(0);
	for (unsigned int i = 0; i < b->n; i++)
		if (i < 2)
			is_done(b, i);
		else
			is_not(b, i, -EIO);
	T_EQ(d->closed, 1);
	stop();
}

/* ---- dropped ------------------------------------------------------------ */

static void drop(int i)
{
	offload_abandon(&fibre[i].w);
	fibre[i].dropped = 1;
	fibre_free(&fibre[i]);
}

/* Dropped when @before of 8 are done. */
static void dropped_after(unsigned int before)
{
	struct batch *b;

	config();
	d->mode = SDEV_HOLD;
	start();
	b = go(0, 8, RECORD);
	sdev_complete(d, before);
	BECOMES(flying, 8 - before);
	if (before == 8)
		until_woken(0, 1);
	drop(0);
	T_EQ(stats().abandoned, 8);
	BECOMES(live, 8 - before);
	T_EQ(sdev_complete(d, 8), 8 - before);
	BECOMES(live, 0);
	T_OK(sdev_pools_clean(d));
	T_EQ(fibre[0].woken, before == 8);
	for (unsigned int i = 0; i < b->n; i++)
		T_OK(all_are(b->op[i].out, b->len, 0));
	/* The slots are of use again. */
	d->mode = SDEV_INLINE;
	b = records(1, 32, RECORD);
	run(b);
	all_done(b);
	stop();
}

static void dropped_while_all_are_out(void)
{
	dropped_after(0);
}

static void dropped_when_the_first_are_done(void)
{
	dropped_after(3);
}

static void dropped_when_all_are_done(void)
{
	dropped_after(8);
}

static void dropped_records_that_are_refused_hold_nothing(void)
{
	struct batch *b;

	config();
	d->mode = SDEV_HOLD;
	start();
	b = records(0, 4, RECORD);
	b->op[0].tag_len = 3;
	b->op[2].iv_len = 5;
	fibre_start(&fibre[0], batch_on, b);
	T_EQ(sdev_pending(d), 2);
	BECOMES(live, 2);
	drop(0);
	T_EQ(stats().abandoned, 2);
	sdev_complete(d, 2);
	BECOMES(live, 0);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void drop_in_wake(struct fibre *f)
{
	offload_abandon(&f->w);
}

static void dropped_from_inside_the_wake(void)
{
	config();
	d->mode = SDEV_HOLD;
	start();
	fibre[0].on_wake = drop_in_wake;
	go(0, 5, RECORD);
	sdev_complete(d, 5);
	until_woken(0, 1);
	BECOMES(live, 0);
	T_OK(sdev_pools_clean(d));
	fibre_free(&fibre[0]);
	stop();
}

static void dropped_then_the_queue_dies(void)
{
	config();
	d->mode = SDEV_HOLD;
	cfg.timeout_ms = 200;
	start();
	go(0, 5, RECORD);
	sdev_complete(d, 1);
	drop(0);
	for (int n = 0; n < 5000 && !d->closed; n++)
		usleep(1000);
	T_EQ(d->closed, 1);
	T_EQ(fibre[0].woken, 0);
	stop();
}

static void freed_with_records_in_flight(void)
{
	config();
	d->mode = SDEV_HOLD;
	start();
	go(0, 5, RECORD);
	offload_free(o);
	o = NULL;
	T_OK(!fibre[0].w.job);
	fibre_free(&fibre[0]);
	config(); /* the device went with it */
	start();
	stop();
}

static void a_child_leaves_the_parents_records_alone(void)
{
	struct batch *b;
	int status;
	pid_t pid;

#ifdef __SANITIZE_THREAD__
	printf("skipped under the thread sanitizer: ");
	return;
#endif
	config();
	d->mode = SDEV_HOLD;
	start();
	b = go(0, 4, RECORD);
	pid = fork();
	if (!pid) {
		bool ok;

		fibre_resume(&fibre[0]);
		ok = fibre[0].done;
		for (unsigned int i = 0; i < b->n; i++)
			ok = ok && b->rc[i] == -EIO;
		_exit(!ok);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	sdev_complete(d, 4);
	until_woken(0, 1);
	resume_ends(0);
	all_done(b);
	stop();
}

/* ---- many at once ------------------------------------------------------- */

static void *storm(void *arg)
{
	int which = (int)(intptr_t)arg;

	for (unsigned int i = 0; i < 60; i++) {
		struct batch *b = records(which, 1 + (i * 7) % 40, RECORD);

		run(b);
		for (unsigned int k = 0; k < b->n; k++)
			if (b->rc[k] != -EAGAIN)
				is_done(b, k);
	}
	return NULL;
}

static void threads_share_a_lane(void)
{
	pthread_t t[6];

	config();
	cfg.queues = 1;
	d->mode = SDEV_THREAD;
	d->delay_us = 50;
	start();
	for (int i = 0; i < 6; i++)
		T_EQ(pthread_create(&t[i], NULL, storm, (void *)(intptr_t)i),
		     0);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	T_EQ(d->opened, 1);
	BECOMES(live, 0);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void paused_ones_share_a_lane(void)
{
	config();
	d->mode = SDEV_THREAD;
	d->delay_us = 200;
	start();
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 6; i++) {
			while (fibre[i].pins)
				usleep(100); /* a waker is about to leave */
			fibre_free(&fibre[i]);
			fibre_init(&fibre[i], true);
			go(i, 10, RECORD);
		}
		for (int i = 0; i < 6; i++) {
			if (!fibre[i].done) {
				until_woken(i, 1);
				resume_ends(i);
			}
			all_done(&batch[i]);
		}
	}
	BECOMES(live, 0);
	stop();
}

T_MAIN(T_CASE(as_many_descriptors_as_records_and_one_doorbell),
       T_CASE(no_records_are_done_at_once),
       T_CASE(more_records_than_a_part_holds),
       T_CASE(fewer_slots_than_records_make_parts),
       T_CASE(long_records_without_sva_make_parts),
       T_CASE(records_over_themselves), T_CASE(each_record_has_its_own_verdict),
       T_CASE(an_error_is_of_one_record),
       T_CASE(what_is_refused_does_not_keep_the_others),
       T_CASE(a_device_on_trial_gets_one_record),
       T_CASE(without_a_device_all_are_refused), T_CASE(a_deadline_ends_all),
       T_CASE(a_device_that_takes_its_time),
       T_CASE(one_pause_and_one_wake_for_all),
       T_CASE(a_resume_without_reason_pauses_again),
       T_CASE(small_records_that_are_many_pause),
       T_CASE(parts_pause_one_after_the_other),
       T_CASE(what_finds_no_slot_is_given_back),
       T_CASE(a_wait_that_cannot_pause_is_in_place),
       T_CASE(without_a_thread_alarms_do),
       T_CASE(those_done_before_the_deadline_are_good),
       T_CASE(a_stopped_queue_ends_the_rest), T_CASE(dropped_while_all_are_out),
       T_CASE(dropped_when_the_first_are_done),
       T_CASE(dropped_when_all_are_done),
       T_CASE(dropped_records_that_are_refused_hold_nothing),
       T_CASE(dropped_from_inside_the_wake),
       T_CASE(dropped_then_the_queue_dies),
       T_CASE(freed_with_records_in_flight),
       T_CASE(a_child_leaves_the_parents_records_alone),
       T_CASE(threads_share_a_lane), T_CASE(paused_ones_share_a_lane))
