/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads, forks, dropped jobs and dying queues, on the scripted device with
 * an engine thread of its own.  Whatever happens, a good return means a right
 * result and a dropped job is never heard of again.
 *
 * WD_STORM: how many jobs the storm of mixed jobs has.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "offload/offload_priv.h"
#include "test/fibre.h"
#include "test/sdev.h"
#include "test/t.h"

#define W	128
#define THREADS 4
#define FIBRES	32

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOWER 4
#else
#define SLOWER 1
#endif

static atomic_bool enough;
static struct sdev *d;
static struct offload *o;
static struct offload_config cfg;
/* The longest key is an ECDSA signature's: seven numbers of 48 bytes. */
static uint8_t key[3 * W] = { 0x11 }, in[W];

static void config(unsigned int queues, unsigned int delay_us)
{
	enough = false;
	offload_config_init(&cfg);
	memset(cfg.min_bytes, 0, sizeof(cfg.min_bytes));
	cfg.timeout_ms = 20000;
	d = sdev_new();
	d->mode = SDEV_THREAD;
	d->queues = queues;
	d->delay_us = delay_us;
	for (int i = 0; i < W; i++)
		in[i] = (uint8_t)i;
}

static void start(void)
{
	T_EQ(offload_new_on(&o, &cfg, &d->host), 0);
}

static bool right(const uint8_t *result)
{
	for (int i = 0; i < W; i++)
		if (result[i] != (uint8_t)(i ^ 0x11 ^ 0x5a))
			return false;
	return true;
}

static int rsa(uint8_t *out, struct offload_waiter *w)
{
	struct offload_rsa op = { .kind = OFFLOAD_RSA_PRIVATE,
				  .alg = HPRE_ALG_RSA_CRT,
				  .width = W,
				  .key = key,
				  .in = in,
				  .out = out };

	return offload_rsa(o, &op, w);
}

/* ---- a thread's fibres ---------------------------------------------------- */

#define DATA	3072
#define LONGEST 49152 /* more than a slot has room for: a list of some */

enum what {
	RSA,
	RSA_CHECKED,
	CURVE,
	CBC,
	GCM,
	DIGEST,
	MAC,
	RECORDS,
	LIST,
	WHAT_COUNT
};

struct task {
	struct fibre f; /* first */
	uint8_t small[DATA], *out;
	uint8_t tag[16];
	int seen; /* wakes answered */
	enum what what;
};

struct crew {
	pthread_t thread;
	unsigned int seed;
	int jobs;  /* to start in all */
	int drops; /* at least, however many jobs that takes */
	bool mixed;
	bool may_fail;	  /* queues are being stopped */
	int drop_percent; /* of the paused ones */
	int early_percent;
	int good, bad, busy, away;
	struct task *task[FIBRES];
};

static unsigned int chance(struct crew *c)
{
	c->seed = c->seed * 1103515245u + 12345u;
	return c->seed >> 16 & 127;
}

/* e|n whose first byte is the key's: the scripted device's inverse */
static uint8_t public[2 * W] = { 0x11 };
static uint8_t data[LONGEST];

static int hpre(struct task *t, struct offload_waiter *w)
{
	bool curve = t->what == CURVE;
	struct offload_hpre op = {
		.kind = curve ? OFFLOAD_ECDSA_SIGN : OFFLOAD_RSA_PRIVATE,
		.alg = curve ? HPRE_ALG_ECDSA_SIGN : HPRE_ALG_RSA_CRT,
		.width = curve ? W / 4 + 16 : W, /* 48: two numbers */
		.key = key,
		.in = in,
		.out = t->out,
		.check = curve ? NULL : public,
	};

	return offload_hpre(o, &op, w);
}

static int cipher(struct task *t, struct offload_waiter *w)
{
	bool gcm = t->what == GCM;
	struct offload_cipher op = {
		.kind = gcm ? OFFLOAD_AES_GCM : OFFLOAD_AES_CBC,
		.alg = gcm ? SEC_AES_GCM : SEC_AES_CBC,
		.encrypt = true,
		.key = key,
		.key_len = 16,
		.iv = in,
		.iv_len = gcm ? 12 : 16,
		.in = data,
		.out = t->out,
		.len = t->what == LIST ? LONGEST : DATA,
		.tag = gcm ? t->tag : NULL,
		.tag_len = gcm ? 16 : 0,
	};

	return offload_cipher(o, &op, w);
}

#define RECORDS_N 6

/* As one message in records of their own.  The first that failed tells. */
static int records(struct task *t, struct offload_waiter *w)
{
	struct offload_cipher op[RECORDS_N];
	int rc[RECORDS_N], bad = 0;

	for (int i = 0; i < RECORDS_N; i++)
		op[i] = (struct offload_cipher){
			.kind = OFFLOAD_AES_CTR,
			.alg = SEC_AES_CTR,
			.encrypt = true,
			.key = key,
			.key_len = 16,
			.iv = in,
			.iv_len = 16,
			.in = data + i * (DATA / RECORDS_N),
			.out = t->out + i * (DATA / RECORDS_N),
			.len = DATA / RECORDS_N,
		};
	offload_ciphers(o, op, RECORDS_N, rc, w);
	for (int i = 0; i < RECORDS_N && !bad; i++)
		bad = rc[i];
	return bad;
}

static int digest(struct task *t, struct offload_waiter *w)
{
	bool hmac = t->what == MAC;
	struct offload_digest op = {
		.kind = hmac ? OFFLOAD_HMAC : OFFLOAD_SM3,
		.alg = SEC_SM3,
		.part = SEC_ONE_SHOT,
		.in = data,
		.len = DATA,
		.state = t->out,
		.key = hmac ? key : NULL,
		.key_len = hmac ? 16 : 0,
	};

	return offload_digest(o, &op, w);
}

static int task_do(struct task *t, struct offload_waiter *w)
{
	memset(t->small, 0, sizeof(t->small));
	switch (t->what) {
	case RSA:
		return rsa(t->out, w);
	case CBC:
	case GCM:
	case LIST:
		return cipher(t, w);
	case RECORDS:
		return records(t, w);
	case DIGEST:
	case MAC:
		return digest(t, w);
	default:
		return hpre(t, w);
	}
}

static int task_run(struct fibre *f)
{
	return task_do((struct task *)f, &f->w);
}

static bool ciphered(const struct task *t, const uint8_t *from, int len)
{
	for (int i = 0; i < len; i++)
		if (t->out[i] != (from[i] ^ 0x11 ^ 0x5a))
			return false;
	return true;
}

static uint8_t summed(uint8_t sum, const uint8_t *from)
{
	for (int i = 0; i < DATA; i++)
		sum = (uint8_t)(sum * 3 + from[i]);
	return sum;
}

/* Of the scripted device: see sdev.h. */
static bool task_is_right(const struct task *t)
{
	switch (t->what) {
	case CURVE:
		return ciphered(t, in, 96);
	case CBC:
	case RECORDS:
		return ciphered(t, data, DATA);
	case LIST:
		return ciphered(t, data, LONGEST);
	case GCM:
		return ciphered(t, data, DATA) &&
		       t->tag[15] == summed(0, t->out);
	case DIGEST:
		return t->out[0] == summed(0, data);
	case MAC:
		return t->out[0] == summed(key[0], data);
	default:
		return right(t->out);
	}
}

/* One in 64 is large: those take the scripted device long. */
static void task_choose(struct task *t, unsigned int dice)
{
	t->out = t->small;
	t->what = (enum what)(dice % LIST);
	if (dice < 2) {
		t->what = LIST;
		t->out = malloc(LONGEST);
	}
}

/* Memory of a task outlives the offload's pins, as a provider's would. */
static void task_free(struct task *t)
{
	while (atomic_load(&t->f.pins))
		usleep(10);
	T_EQ(atomic_load(&t->f.late), 0);
	fibre_free(&t->f);
	if (t->out != t->small)
		free(t->out);
	free(t);
}

static void task_drop(struct crew *c, int i)
{
	struct task *t = c->task[i];

	offload_abandon(&t->f.w);
	atomic_store(&t->f.dropped, 1);
	task_free(t);
	c->task[i] = NULL;
	c->drops--;
}

/* No queue to be had now, or the device is resting. */
static bool is_away(int rc)
{
	return rc == -EAGAIN || rc == -ENODEV;
}

static void task_end(struct crew *c, int i)
{
	struct task *t = c->task[i];

	if (!t->f.rc) {
		T_OK(task_is_right(t));
		c->good++;
	} else if (c->may_fail && is_away(t->f.rc)) {
		c->away++; /* counts as none, so that a storm stays one */
		c->jobs++;
		usleep(200);
	} else if (t->f.rc == -EAGAIN) {
		c->busy++;
	} else {
		T_OK(c->may_fail);
		c->bad++;
	}
	task_free(t);
	c->task[i] = NULL;
}

static void task_begin(struct crew *c, int i)
{
	struct task *t = calloc(1, sizeof(*t));

	fibre_init(&t->f, true);
	c->task[i] = t;
	c->jobs--;
	t->out = t->small;
	if (c->mixed)
		task_choose(t, chance(c));
	fibre_start(&t->f, task_run, NULL);
	if (t->f.done)
		task_end(c, i);
}

static bool crew_has_more(const struct crew *c)
{
	return c->jobs > 0 || c->drops > 0;
}

/* One look at every fibre.  Return: how many are out. */
static int crew_step(struct crew *c)
{
	int out = 0;

	for (int i = 0; i < FIBRES; i++) {
		struct task *t = c->task[i];
		bool woken;

		if (!t) {
			if (crew_has_more(c))
				task_begin(c, i);
			out += c->task[i] != NULL;
			continue;
		}
		out++;
		woken = atomic_load(&t->f.woken) != t->seen;
		if ((int)chance(c) < c->drop_percent) {
			task_drop(c, i);
		} else if (woken || (int)chance(c) < c->early_percent) {
			t->seen = atomic_load(&t->f.woken);
			fibre_resume(&t->f);
			if (t->f.done)
				task_end(c, i);
		}
	}
	return out;
}

static void *crew_main(void *arg)
{
	struct crew *c = arg;

	while (crew_step(c) || crew_has_more(c)) {
		if (enough)
			c->jobs = c->drops = 0;
		if (!(chance(c) & 7))
			usleep(20);
	}
	return NULL;
}

static inline void crews(struct crew *c, int n)
{
	for (int i = 0; i < n; i++) {
		c[i].seed = (unsigned int)i + 1;
		T_EQ(pthread_create(&c[i].thread, NULL, crew_main, &c[i]), 0);
	}
}

static inline void crews_join(struct crew *c, int n)
{
	for (int i = 0; i < n; i++)
		pthread_join(c[i].thread, NULL);
}

static inline void until_clean(void)
{
	for (int n = 0; n < 10000 && !sdev_pools_clean(d); n++)
		usleep(1000);
	T_OK(sdev_pools_clean(d));
}

#ifndef STORIES_OF_FORK
/* ---- stories -------------------------------------------------------------- */

static void an_asynchronous_storm(void)
{
	struct crew c[THREADS] = { 0 };
	int good = 0;

	config(64, 50);
	start();
	for (int i = 0; i < THREADS; i++)
		c[i].jobs = 8000 / SLOWER;
	crews(c, THREADS);
	crews_join(c, THREADS);
	for (int i = 0; i < THREADS; i++) {
		good += c[i].good;
		T_EQ(c[i].busy, 0);
	}
	T_EQ(good, THREADS * (8000 / SLOWER));
	until_clean();
	offload_free(o);
}

/* Waits in place, whatever the job. */
static void *mixed_main(void *arg)
{
	struct crew *c = arg;

	while (c->jobs > 0) {
		struct task t = { .what = RSA };
		int rc;

		task_choose(&t, chance(c));
		rc = task_do(&t, NULL);
		if (!rc)
			T_OK(task_is_right(&t));
		c->good += !rc;
		if (is_away(rc))
			usleep(200);
		else
			c->jobs--;
		if (t.out != t.small)
			free(t.out);
	}
	return NULL;
}

static void device_mode(enum sdev_mode mode)
{
	pthread_mutex_lock(&d->lock);
	d->mode = mode;
	pthread_mutex_unlock(&d->lock);
	sem_post(&d->rung);
}

/* Error statuses, a stopped device, and one that does nothing until its jobs'
 * deadlines have passed, in turns: each as soon as so many jobs are done. */
static void *weather_main(void *arg)
{
	const unsigned int each = *(unsigned int *)arg;

	for (unsigned int n = 1; !enough; usleep(1000)) {
		if (d->done < n * each)
			continue;
		switch (n++ % 4) {
		case 1:
			pthread_mutex_lock(&d->lock);
			d->bad = 3;
			pthread_mutex_unlock(&d->lock);
			break;
		case 2:
			sdev_stop_queues(d);
			break;
		case 3:
			device_mode(SDEV_HOLD);
			usleep(2 * cfg.timeout_ms * 1000);
			device_mode(SDEV_THREAD);
			break;
		default:
			break;
		}
	}
	return NULL;
}

static void storm_was_one(const struct offload_stats *s)
{
	static const enum offload_kind kinds_done[] = {
		OFFLOAD_RSA_PRIVATE, OFFLOAD_RSA_PUBLIC, OFFLOAD_ECDSA_SIGN,
		OFFLOAD_AES_CBC,     OFFLOAD_AES_GCM,	 OFFLOAD_SM3,
		OFFLOAD_HMAC,	     OFFLOAD_AES_CTR,
	};
	uint64_t timeouts = 0, errors = 0;

	for (size_t i = 0; i < WD_ARRAY_SIZE(kinds_done); i++)
		T_OK(s->kind[kinds_done[i]].done);
	for (int k = 0; k < OFFLOAD_KINDS; k++) {
		timeouts += s->kind[k].timeouts;
		errors += s->kind[k].errors;
	}
	T_OK(timeouts);
	T_OK(errors);
	T_OK(s->quarantined);
	T_OK(s->abandoned);
}

static void a_storm_of_mixed_jobs(void)
{
	const char *text = getenv("WD_STORM");
	int jobs = text ? atoi(text) : 100000 / SLOWER;
	int good = 0, away = 0;
	unsigned int each = (unsigned int)jobs / 16;
	struct crew c[THREADS] = { 0 }, s[THREADS / 2] = { 0 };
	struct offload_stats st;
	pthread_t weather;

	config(2, 30); /* of each class */
	d->qm_version = 3;
	cfg.batch = 8;
	cfg.timeout_ms = 500;
	start();
	for (int i = 0; i < LONGEST; i++)
		data[i] = (uint8_t)(i * 13 + i / 256);
	for (int i = 0; i < THREADS; i++) {
		c[i].jobs = jobs / THREADS;
		c[i].mixed = c[i].may_fail = true;
		c[i].early_percent = 3;
		c[i].drop_percent = 1;
	}
	crews(c, THREADS);
	for (int i = 0; i < THREADS / 2; i++) {
		s[i].seed = (unsigned int)(100 + i);
		s[i].jobs = jobs / 64;
		T_EQ(pthread_create(&s[i].thread, NULL, mixed_main, &s[i]), 0);
	}
	T_EQ(pthread_create(&weather, NULL, weather_main, &each), 0);
	crews_join(c, THREADS);
	crews_join(s, THREADS / 2);
	enough = true;
	pthread_join(weather, NULL);
	for (int i = 0; i < THREADS; i++) {
		good += c[i].good;
		away += c[i].away;
	}
	printf("%d good, %d tried in vain while the device rested\n", good,
	       away);
	/* Each look at a paused job may drop it, and a slow machine looks more. */
	T_OK(good > jobs / 10);
	until_clean();
	offload_stats(o, &st);
	storm_was_one(&st);
	offload_free(o);
}

static void ten_thousand_dropped_jobs(void)
{
	struct crew c[THREADS] = { 0 };
	struct offload_stats s;

	config(64, 20);
	start();
	for (int i = 0; i < THREADS; i++) {
		c[i].drops = 10000 / THREADS;
		c[i].drop_percent = 80;
		c[i].early_percent = 5;
	}
	crews(c, THREADS);
	crews_join(c, THREADS);
	until_clean();
	offload_stats(o, &s);
	T_OK(s.abandoned >= 10000);
	T_EQ(s.kind[OFFLOAD_RSA_PRIVATE].done +
		     s.kind[OFFLOAD_RSA_PRIVATE].errors,
	     s.kind[OFFLOAD_RSA_PRIVATE].jobs);
	offload_free(o);
}

static void *sync_main(void *arg)
{
	struct crew *c = arg;
	uint8_t out[W];

	for (; c->jobs > 0 && !enough; c->jobs--) {
		int rc;

		memset(out, 0, W);
		rc = rsa(out, NULL);
		if (!rc)
			T_OK(right(out));
		else
			T_OK(c->may_fail || rc == -EAGAIN);
		c->good += !rc;
		c->busy += rc == -EAGAIN;
		c->bad += rc && rc != -EAGAIN;
	}
	return NULL;
}

/* Sleepers, watchers, poller and droppers, all on two queues. */
static void both_kinds_on_shared_queues(void)
{
	struct crew c[THREADS] = { 0 }, s[THREADS] = { 0 };

	config(2, 100);
	start();
	for (int i = 0; i < THREADS; i++) {
		c[i].jobs = 2000 / SLOWER;
		c[i].drop_percent = 3;
		c[i].early_percent = 3;
		s[i].jobs = 1500 / SLOWER;
	}
	crews(c, THREADS);
	for (int i = 0; i < THREADS; i++)
		T_EQ(pthread_create(&s[i].thread, NULL, sync_main, &s[i]), 0);
	crews_join(c, THREADS);
	crews_join(s, THREADS);
	for (int i = 0; i < THREADS; i++) {
		T_EQ(s[i].bad, 0);
		/* What is dropped while the device's thread has no core keeps
		 * its slot: a moment there may be none. */
		T_OK(s[i].busy < s[i].good);
	}
	until_clean();
	T_EQ(d->opened, 2);
	offload_free(o);
}

static void queues_that_die_under_load(void)
{
	struct crew c[THREADS] = { 0 }, s[THREADS] = { 0 };
	struct offload_stats st;

	config(4, 50);
	start();
	for (int i = 0; i < THREADS; i++) {
		c[i].jobs = 200000;
		c[i].drop_percent = 2;
		s[i].jobs = 20000000;
		c[i].may_fail = s[i].may_fail = true;
	}
	crews(c, THREADS);
	for (int i = 0; i < THREADS; i++)
		T_EQ(pthread_create(&s[i].thread, NULL, sync_main, &s[i]), 0);
	for (int n = 0; n < 8; n++) {
		usleep(150000);
		sdev_stop_queues(d);
	}
	enough = true;
	crews_join(c, THREADS);
	crews_join(s, THREADS);
	offload_stats(o, &st);
	T_OK(st.quarantined >= 2);
	T_OK(st.kind[OFFLOAD_RSA_PRIVATE].done > 0);
	offload_free(o);
}

static void *few_jobs_and_exit(void *arg)
{
	struct crew *c = arg;

	c->jobs = 4;
	for (int i = 0; i < 4; i++)
		crew_step(c);
	return NULL; /* paused ones stay behind */
}

static void threads_that_end_with_jobs_in_flight(void)
{
	config(64, 300);
	start();
	for (int n = 0; n < 200 / SLOWER; n++) {
		struct crew c = { .seed = (unsigned int)n + 1 };

		pthread_create(&c.thread, NULL, few_jobs_and_exit, &c);
		pthread_join(c.thread, NULL);
		for (int i = 0; i < FIBRES; i++)
			if (c.task[i])
				task_drop(&c, i);
	}
	T_OK(d->opened <= 2);
	until_clean();
	offload_free(o);
}

/* Freed with everything in flight; what was paused stays so for ever. */
static void freed_under_load(void)
{
	for (int n = 0; n < 20; n++) {
		struct crew c = { .seed = (unsigned int)n + 1, .jobs = 1000 };

		config(4, 200);
		start();
		for (int i = 0; i < n; i++)
			crew_step(&c);
		offload_free(o);
		for (int i = 0; i < FIBRES; i++)
			if (c.task[i])
				task_drop(&c, i);
	}
}

T_MAIN(T_CASE(an_asynchronous_storm), T_CASE(a_storm_of_mixed_jobs),
       T_CASE(ten_thousand_dropped_jobs), T_CASE(both_kinds_on_shared_queues),
       T_CASE(queues_that_die_under_load),
       T_CASE(threads_that_end_with_jobs_in_flight), T_CASE(freed_under_load))
#endif
