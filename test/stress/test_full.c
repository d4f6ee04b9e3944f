/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More threads than queues, and more jobs than a queue has room for: who waits
 * sleeps, and who finds no room is served in software.  CPU and sleeps of the
 * waiting threads are counted, not timed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#include "test/stress/evp_async.h"
#include "test/t.h"

#define THREADS_MAX 320
#define EACH	    5
#define MARCHERS    6
#define STEPS	    1500

struct waiter {
	pthread_t thread;
	struct wd_env *e;
	pthread_barrier_t *all;
	unsigned int right;
	double cpu, wall; /* seconds */
	long slept, pushed;
};

/* A deadline that a machine with other work keeps. */
static void env_open(struct wd_env *e, const char *device)
{
	setenv("WD_TIMEOUT_MS", "60000", 1);
	wd_env_open(e, device);
	unsetenv("WD_TIMEOUT_MS");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static void *wait_often(void *arg)
{
	struct waiter *w = arg;
	struct rusage a, b;
	double began;

	pthread_barrier_wait(w->all);
	getrusage(RUSAGE_THREAD, &a);
	began = now();
	for (int i = 0; i < EACH; i++)
		w->right += wd_sign_sync(w->e);
	w->wall = now() - began;
	getrusage(RUSAGE_THREAD, &b);
	w->cpu = seconds(&b.ru_utime) + seconds(&b.ru_stime) -
		 seconds(&a.ru_utime) - seconds(&a.ru_stime);
	w->slept = b.ru_nvcsw - a.ru_nvcsw;
	w->pushed = b.ru_nivcsw - a.ru_nivcsw;
	return NULL;
}

/* Return: the sum over all threads. */
static struct waiter wait_all(struct wd_env *e, unsigned int n)
{
	static struct waiter w[THREADS_MAX];
	struct waiter sum = { 0 };
	pthread_barrier_t all;

	pthread_barrier_init(&all, NULL, n);
	for (unsigned int i = 0; i < n; i++) {
		w[i] = (struct waiter){ .e = e, .all = &all };
		T_EQ(pthread_create(&w[i].thread, NULL, wait_often, &w[i]), 0);
	}
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(w[i].thread, NULL);
		sum.right += w[i].right;
		sum.cpu += w[i].cpu;
		sum.wall += w[i].wall;
		sum.slept += w[i].slept;
		sum.pushed += w[i].pushed;
	}
	pthread_barrier_destroy(&all);
	return sum;
}

/* A job takes 40 ms and costs its thread a few sleeps and little CPU. */
static void sleep_on(const char *device, unsigned int n)
{
	struct waiter sum;
	struct wd_env e;

	env_open(&e, device);
	T_OK(wd_sign_sync(&e)); /* how long it takes here is known now */
	sum = wait_all(&e, n);
	printf("%u threads on %s: a job costs %.0f us of CPU, sleeps %.1f "
	       "times, loses the core %.1f times, takes %.0f us\n",
	       n, device, sum.cpu / (n * EACH) * 1e6,
	       (double)sum.slept / (n * EACH), (double)sum.pushed / (n * EACH),
	       sum.wall / (n * EACH) * 1e6);
	T_EQ(sum.right, n * EACH);
	T_EQ(wd_env_stat(&e, "rsa-private", "jobs"), 1 + n * EACH);
	T_EQ(wd_env_stat(&e, "rsa-private", "software"), 0);
	T_OK(sum.cpu < sum.wall / 20);
	T_OK(sum.slept < 8l * n * EACH);
	wd_env_close(&e);
}

static void threads_beyond_the_queues_sleep(void)
{
	sleep_on("emu:queues=1,latency_us=40000", 64);
	sleep_on("emu:queues=2,latency_us=40000", 64);
	sleep_on("emu:queues=8,latency_us=40000", 64);
}

/* Nobody comes after the last to find what was overlooked: all meet between
 * two signatures.  Who is told to listen for all may find his own job done. */
static void *in_step(void *arg)
{
	struct waiter *w = arg;

	for (int i = 0; i < STEPS; i++) {
		pthread_barrier_wait(w->all);
		w->right += wd_sign_sync(w->e);
	}
	return NULL;
}

static void nobody_sleeps_on_when_all_have_come(void)
{
	static struct waiter w[MARCHERS];
	pthread_barrier_t all;
	struct wd_env e;

	env_open(&e, "emu:queues=1,replay,latency_us=150");
	pthread_barrier_init(&all, NULL, MARCHERS);
	for (int i = 0; i < MARCHERS; i++) {
		w[i] = (struct waiter){ .e = &e, .all = &all };
		T_EQ(pthread_create(&w[i].thread, NULL, in_step, &w[i]), 0);
	}
	for (int i = 0; i < MARCHERS; i++) {
		pthread_join(w[i].thread, NULL);
		T_EQ(w[i].right, STEPS);
	}
	pthread_barrier_destroy(&all);
	T_EQ(wd_env_stat(&e, "rsa-private", "timeouts"), 0);
	T_EQ(wd_env_stat(&e, "rsa-public", "timeouts"), 0);
	T_EQ(wd_env_stat(&e, "rsa-private", "software"), 0);
	wd_env_close(&e);
}

/* A queue has room for 256 jobs. */
static void threads_beyond_the_ring_are_served_in_software(void)
{
	const unsigned int n = THREADS_MAX;
	long jobs, software;
	struct waiter sum;
	struct wd_env e;

	env_open(&e, "emu:queues=1,latency_us=300000");
	sum = wait_all(&e, n);
	jobs = wd_env_stat(&e, "rsa-private", "jobs");
	software = wd_env_stat(&e, "rsa-private", "software");
	T_EQ(wd_env_stat(&e, "rsa-private", "errors"), 0);
	T_EQ(wd_env_stat(&e, "rsa-private", "timeouts"), 0);
	T_EQ(wd_env_stat(&e, "rsa-private", "wrong"), 0);
	T_EQ(wd_env_stat(&e, "rsa-public", "errors"), 0);
	T_EQ(wd_env_stat(&e, "rsa-public", "timeouts"), 0);
	T_EQ(sum.right, n * EACH);
	T_EQ(jobs + software, n * EACH);
	T_OK(software > 0 && jobs > 0);
	wd_env_close(&e);
}

/* The same of jobs that pause: nobody waits for room. */
static void jobs_beyond_the_ring_are_served_in_software(void)
{
	static struct wd_sign s[THREADS_MAX];
	struct wd_env e;

	env_open(&e, "emu:queues=1,latency_us=300000");
	for (int i = 0; i < THREADS_MAX; i++) {
		wd_sign_new(&s[i], &e, i % 2);
		wd_sign_step(&s[i]);
	}
	wd_signs_finish(s, THREADS_MAX);
	T_EQ(wd_env_stat(&e, "rsa-private", "jobs") +
		     wd_env_stat(&e, "rsa-private", "software"),
	     THREADS_MAX);
	T_OK(wd_env_stat(&e, "rsa-private", "software") > 0);
	wd_env_close(&e);
}

T_MAIN(T_CASE(threads_beyond_the_queues_sleep),
       T_CASE(nobody_sleeps_on_when_all_have_come),
       T_CASE(threads_beyond_the_ring_are_served_in_software),
       T_CASE(jobs_beyond_the_ring_are_served_in_software))
