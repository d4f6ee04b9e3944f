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

#define DATA 3072

enum what { RSA, RSA_CHECKED, CURVE, CBC, DIGEST, WHAT_COUNT };

struct task {
	struct fibre f; /* first */
	uint8_t out[DATA];
	int seen; /* wakes answered */
	enum what what;
};

struct crew {
	pthread_t thread;
	unsigned int seed;
	int jobs; /* to start in all */
	bool mixed;
	bool may_fail;	  /* queues are being stopped */
	int drop_percent; /* of the paused ones */
	int early_percent;
	int good, bad, busy;
	struct task *task[FIBRES];
};

static unsigned int chance(struct crew *c)
{
	c->seed = c->seed * 1103515245u + 12345u;
	return c->seed >> 16 & 127;
}

/* e|n whose first byte is the key's: the scripted device's inverse */
static uint8_t public[2 * W] = { 0x11 };
static uint8_t data[DATA];

static int hpre(struct task *t)
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

	return offload_hpre(o, &op, &t->f.w);
}

static int cbc(struct task *t)
{
	struct offload_cipher op = { .kind = OFFLOAD_AES_CBC,
				     .alg = SEC_AES_CBC,
				     .encrypt = true,
				     .key = key,
				     .key_len = 16,
				     .iv = in,
				     .iv_len = 16,
				     .in = data,
				     .out = t->out,
				     .len = DATA };

	return offload_cipher(o, &op, &t->f.w);
}

static int digest(struct task *t)
{
	struct offload_digest op = { .kind = OFFLOAD_SM3,
				     .alg = SEC_SM3,
				     .part = SEC_ONE_SHOT,
				     .in = data,
				     .len = DATA,
				     .state = t->out };

	return offload_digest(o, &op, &t->f.w);
}

static int task_run(struct fibre *f)
{
	struct task *t = (struct task *)f;

	memset(t->out, 0, sizeof(t->out));
	switch (t->what) {
	case RSA:
		return rsa(t->out, &f->w);
	case CBC:
		return cbc(t);
	case DIGEST:
		return digest(t);
	default:
		return hpre(t);
	}
}

/* Of the scripted device: see sdev.h. */
static bool task_is_right(const struct task *t)
{
	uint8_t sum = 0;

	if (t->what == RSA || t->what == RSA_CHECKED)
		return right(t->out);
	for (int i = 0; t->what == CURVE && i < 96; i++)
		if (t->out[i] != (in[i] ^ 0x11 ^ 0x5a))
			return false;
	for (int i = 0; t->what == CBC && i < DATA; i++)
		if (t->out[i] != (data[i] ^ 0x11 ^ 0x5a))
			return false;
	for (int i = 0; i < DATA; i++)
		sum = (uint8_t)(sum * 3 + data[i]);
	return t->what != DIGEST || t->out[0] == sum;
}

/* Memory of a task outlives the offload's pins, as a provider's would. */
static void task_free(struct task *t)
{
	while (atomic_load(&t->f.pins))
		usleep(10);
	T_EQ(atomic_load(&t->f.late), 0);
	fibre_free(&t->f);
	free(t);
}

static void task_drop(struct crew *c, int i)
{
	struct task *t = c->task[i];

	offload_abandon(&t->f.w);
	atomic_store(&t->f.dropped, 1);
	task_free(t);
	c->task[i] = NULL;
}

static void task_end(struct crew *c, int i)
{
	struct task *t = c->task[i];

	if (!t->f.rc) {
		T_OK(task_is_right(t));
		c->good++;
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
	if (c->mixed)
		t->what = (enum what)(chance(c) % WHAT_COUNT);
	fibre_start(&t->f, task_run, NULL);
	if (t->f.done)
		task_end(c, i);
}

/* One look at every fibre.  Return: how many are out. */
static int crew_step(struct crew *c)
{
	int out = 0;

	for (int i = 0; i < FIBRES; i++) {
		struct task *t = c->task[i];
		bool woken;

		if (!t) {
			if (c->jobs > 0)
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

	while (crew_step(c) || c->jobs > 0) {
		if (enough)
			c->jobs = 0;
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

static void a_storm_of_mixed_jobs(void)
{
	const char *text = getenv("WD_STORM");
	int jobs = text ? atoi(text) : 100000 / (SLOWER * SLOWER);
	struct crew c[THREADS] = { 0 };
	struct offload_stats s;
	int good = 0;

	config(2, 30); /* of each class */
	d->qm_version = 3;
	cfg.batch = 8;
	start();
	for (int i = 0; i < DATA; i++)
		data[i] = (uint8_t)(i * 13 + i / 256);
	for (int i = 0; i < THREADS; i++) {
		c[i].jobs = jobs / THREADS;
		c[i].mixed = true;
		c[i].early_percent = 3;
		c[i].drop_percent = 1;
	}
	crews(c, THREADS);
	crews_join(c, THREADS);
	for (int i = 0; i < THREADS; i++)
		good += c[i].good;
	T_OK(good > 0);
	until_clean();
	offload_stats(o, &s);
	T_OK(s.kind[OFFLOAD_RSA_PRIVATE].done);
	T_OK(s.kind[OFFLOAD_AES_CBC].done);
	T_OK(s.kind[OFFLOAD_ECDSA_SIGN].done);
	T_OK(s.kind[OFFLOAD_SM3].done);
	T_EQ(s.quarantined, 0);
	offload_free(o);
}

static void ten_thousand_dropped_jobs(void)
{
	struct crew c[THREADS] = { 0 };
	struct offload_stats s;

	config(64, 20);
	start();
	for (int i = 0; i < THREADS; i++) {
		c[i].jobs = 5000;
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
		c->bad += rc != 0;
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
	for (int i = 0; i < THREADS; i++)
		T_EQ(s[i].bad, 0);
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
