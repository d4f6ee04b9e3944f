/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASYNC jobs through EVP, the provider, its queues and the model: many in
 * flight, dropped while paused, woken by descriptor and by callback.  RSA
 * signatures are deterministic (PKCS#1), so every result is compared with the
 * one of the default provider.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "base/wd_base.h"
#include "test/t.h"

#define JOBS	64
#define DROPS	200
#define THREADS 8
#define ROUNDS	16
#define STORM	2000 /* jobs */
#define FEW	64   /* descriptors */
#define DIGEST	32
#define SIG	256

static OSSL_LIB_CTX *ctx;
static OSSL_PROVIDER *wd;
static EVP_PKEY *key; /* the default provider's */

/* One job: what it signs, what came out, and how it is told to go on. */
struct sign {
	ASYNC_JOB *job;
	ASYNC_WAIT_CTX *wait;
	unsigned char md[DIGEST], sig[SIG];
	int ret;
	bool done;
	atomic_int called;
};

static int sign_with(EVP_PKEY *with, OSSL_LIB_CTX *in, const char *query,
		     const unsigned char *md, unsigned char *sig)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(in, with, query);
	size_t n = SIG;
	int ok;

	ok = c && EVP_PKEY_sign_init(c) > 0 &&
	     EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) > 0 &&
	     EVP_PKEY_sign(c, sig, &n, md, DIGEST) > 0 && n == SIG;
	EVP_PKEY_CTX_free(c);
	return ok;
}

static int sign(OSSL_LIB_CTX *in, const char *query, const unsigned char *md,
		unsigned char *sig)
{
	return sign_with(key, in, query, md, sig);
}

static int sign_job(void *arg)
{
	struct sign *s = *(struct sign **)arg;

	return sign(ctx, "?wd.offload=yes", s->md, s->sig);
}

static uint64_t counter(const char *section, const char *name)
{
	char json[8192] = "", want[64];
	OSSL_PARAM p[] = {
		OSSL_PARAM_utf8_string("wd-stats", json, sizeof(json)),
		OSSL_PARAM_END,
	};
	const char *at = json;

	T_EQ(OSSL_PROVIDER_get_params(wd, p), 1);
	if (section) {
		snprintf(want, sizeof(want), "\"%s\":{", section);
		at = strstr(at, want);
	}
	snprintf(want, sizeof(want), "\"%s\":", name);
	at = at ? strstr(at, want) : NULL;
	if (!at) {
		t_fail(__FILE__, __LINE__, "no %s in %s", want, json);
		return 0;
	}
	return strtoull(at + strlen(want), NULL, 10);
}

/* A signature is a private operation and a public one that checks it. */
static uint64_t paused_at_least_once(void)
{
	return counter("rsa-private", "async") + counter("rsa-public", "async");
}

static int note_call(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return 1;
}

static void sign_new(struct sign *s, unsigned int i, bool callback)
{
	*s = (struct sign){ .wait = ASYNC_WAIT_CTX_new() };
	memset(s->md, (int)i, DIGEST);
	if (callback)
		ASYNC_WAIT_CTX_set_callback(s->wait, note_call, &s->called);
}

/* Start or go on.  True: finished. */
static bool sign_step(struct sign *s)
{
	switch (ASYNC_start_job(&s->job, s->wait, &s->ret, sign_job, &s,
				sizeof(s))) {
	case ASYNC_FINISH:
		s->done = true;
		return true;
	case ASYNC_PAUSE:
		return false;
	default:
		t_fail(__FILE__, __LINE__, "the job could not be started");
		return true;
	}
}

static bool sign_ready(struct sign *s, bool callback)
{
	struct pollfd p = { .events = POLLIN };
	size_t n = 1;

	if (callback)
		return atomic_exchange(&s->called, 0);
	if (!ASYNC_WAIT_CTX_get_all_fds(s->wait, &p.fd, &n) || n != 1)
		t_fail(__FILE__, __LINE__, "%zu descriptors", n);
	return poll(&p, 1, 0) == 1;
}

static void check(struct sign *s)
{
	unsigned char want[SIG];

	T_EQ(s->ret, 1);
	T_EQ(sign(NULL, "provider=default", s->md, want), 1);
	T_MEM(s->sig, want, SIG);
}

/* @pauses: jobs are to pause, or they wait in place. */
static void many_in_flight_that(bool callback, bool pauses)
{
	static struct sign s[JOBS];
	uint64_t async = paused_at_least_once();
	unsigned int left = 0, paused;

	for (unsigned int i = 0; i < JOBS; i++) {
		sign_new(&s[i], i, callback);
		left += !sign_step(&s[i]);
	}
	/* A job that is done before it could pause need not. */
	paused = left;
	T_OK(pauses ? paused > JOBS / 2 : !paused);
	for (unsigned int spin = 0; left && spin < 30000; spin++) {
		for (unsigned int i = 0; i < JOBS; i++)
			if (!s[i].done && sign_ready(&s[i], callback))
				left -= sign_step(&s[i]);
		usleep(1000);
	}
	T_EQ(left, 0);
	for (unsigned int i = 0; i < JOBS; i++) {
		check(&s[i]);
		ASYNC_WAIT_CTX_free(s[i].wait);
	}
	T_OK(paused_at_least_once() - async >= paused);
	T_EQ(counter("rsa-private", "wrong"), 0);
}

static void many_in_flight(bool callback)
{
	many_in_flight_that(callback, true);
}

static void many_jobs_pause_and_finish_by_descriptor(void)
{
	many_in_flight(false);
}

static void many_jobs_pause_and_finish_by_callback(void)
{
	many_in_flight(true);
}

/*
 * As SSL_free() with a paused job: the wait context goes, the fibre is never
 * resumed (libcrypto leaks it).  Every second job is dropped only after it is
 * done, which is the other side of the race.
 */
static void drop(bool callback)
{
	uint64_t before = counter(NULL, "abandoned");
	uint64_t paused = 0;

	for (unsigned int i = 0; i < DROPS; i++) {
		struct sign *s = malloc(sizeof(*s));

		sign_new(s, i, callback);
		paused += !sign_step(s);
		for (int wait = 0; i % 2 && !s->done && wait < 200; wait++) {
			if (callback ? atomic_load(&s->called)
				     : sign_ready(s, false))
				break;
			usleep(50);
		}
		ASYNC_WAIT_CTX_free(s->wait);
		/* The result must not land here any more. */
		memset(s, 0xa5, sizeof(*s));
		free(s);
	}
	T_OK(paused > DROPS / 2);
	T_EQ(counter(NULL, "abandoned") - before, paused);
	T_EQ(counter(NULL, "quarantined"), 0);
}

static void dropped_jobs_leave_no_trace_by_descriptor(void)
{
	drop(false);
	many_in_flight(false);
}

static void dropped_jobs_leave_no_trace_by_callback(void)
{
	drop(true);
	many_in_flight(true);
}

/* OPENSSL_cleanup() runs, teardown does not: nobody unloads. */
static void exit_with_jobs_in_flight(bool callback)
{
	static struct sign s[JOBS];
	int status, paused = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(30);
		for (unsigned int i = 0; i < JOBS; i++) {
			sign_new(&s[i], i, callback);
			paused += !sign_step(&s[i]);
		}
		exit(paused < JOBS / 2);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
}

static void a_process_exits_with_jobs_in_flight_by_descriptor(void)
{
	exit_with_jobs_in_flight(false);
}

static void a_process_exits_with_jobs_in_flight_by_callback(void)
{
	exit_with_jobs_in_flight(true);
}

static void *leave_paused(void *arg)
{
	struct sign *s = arg;

	for (unsigned int i = 0; i < JOBS; i++) {
		sign_new(&s[i], i, false);
		sign_step(&s[i]);
	}
	return s;
}

/* The jobs are the thread's and can never be resumed. */
static void a_thread_exits_with_jobs_in_flight(void)
{
	static struct sign s[JOBS];
	pthread_t t;
	void *all;

	T_EQ(pthread_create(&t, NULL, leave_paused, s), 0);
	pthread_join(t, &all);
	T_OK(all == s);
	for (unsigned int i = 0; i < JOBS; i++)
		ASYNC_WAIT_CTX_free(s[i].wait);
	many_in_flight(false);
}

static void setup(void);

/* A child of its own, where threads can be forbidden. */
static void in_a_child(void (*run)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		t_unwind = NULL;
		/* Those of earlier cases are not the child's. */
		atomic_store(&t_failures, 0);
		alarm(120);
		run();
		/* No leak checker: it can't look into a process that has
		 * changed its user. */
		_exit(atomic_load(&t_failures) ? 1 : 0);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
}

/* By descriptor the jobs pause on timers; a callback has nobody who could call
 * it, so that they wait in place. */
static void both_without_poller(void)
{
	many_in_flight_that(false, true);
	many_in_flight_that(true, false);
	T_OK(counter("rsa-private", "done") >= 2 * JOBS);
}

static void forbidden_by_key(void)
{
	setenv("WD_POLL", "none", 1);
	setup();
	both_without_poller();
}

/* As in a HAProxy worker; the model's own threads are there by then. */
static void forbidden_by_limit(void)
{
	const struct rlimit none = { 0, 0 };
	struct sign s;

	setup();
	sign_new(&s, 1, false);
	T_EQ(sign(ctx, "?wd.offload=yes", s.md, s.sig), 1);
	T_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
	if (!geteuid()) /* whom no limit binds */
		T_EQ(setreuid(65534, 65534), 0);
	both_without_poller();
}

static void poll_none_needs_no_thread(void)
{
	in_a_child(forbidden_by_key);
}

static void where_threads_are_forbidden_jobs_pause_all_the_same(void)
{
	in_a_child(forbidden_by_limit);
}

/* --- a key for the first time ------------------------------------------ */

struct first_use {
	pthread_barrier_t *together;
	EVP_PKEY *key;
	unsigned char md[DIGEST], sig[SIG];
	int ok;
};

static void *use_first(void *arg)
{
	struct first_use *u = arg;

	pthread_barrier_wait(u->together);
	u->ok = sign_with(u->key, ctx, "?wd.offload=yes", u->md, u->sig);
	return NULL;
}

/* As the threads of a server that has just started: libcrypto has wd import
 * the default provider's key at the first signature, in each of them. */
static void threads_import_one_key_at_the_same_moment(void)
{
	struct first_use u[THREADS] = { 0 };
	pthread_barrier_t together;
	pthread_t t[THREADS];
	unsigned char want[SIG];

	for (int round = 0; round < ROUNDS; round++) {
		/* One that nobody has imported yet. */
		EVP_PKEY *fresh = EVP_PKEY_dup(key);

		T_OK(fresh);
		pthread_barrier_init(&together, NULL, THREADS);
		for (int i = 0; i < THREADS; i++) {
			u[i].together = &together;
			u[i].key = fresh;
			memset(u[i].md, round, DIGEST);
			T_EQ(pthread_create(&t[i], NULL, use_first, &u[i]), 0);
		}
		for (int i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		pthread_barrier_destroy(&together);
		T_EQ(sign(NULL, "provider=default", u[0].md, want), 1);
		for (int i = 0; i < THREADS; i++) {
			T_EQ(u[i].ok, 1);
			T_MEM(u[i].sig, want, SIG);
		}
		EVP_PKEY_free(fresh);
	}
}

/* --- few descriptors --------------------------------------------------- */

static unsigned int descriptors(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < FEW; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* The judge's signature of digest @i, made once. */
static const unsigned char *judged(unsigned int i)
{
	static unsigned char want[256][SIG];
	unsigned char md[DIGEST];

	i %= 256;
	if (!want[i][0] && !want[i][1]) {
		memset(md, (int)i, DIGEST);
		T_EQ(sign(NULL, "provider=default", md, want[i]), 1);
	}
	return want[i];
}

/* Resume what can go on; the jobs that have no descriptor waited in place. */
static void finish_all(struct sign *s, unsigned int n)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < n; i++)
		left += !s[i].done;
	for (unsigned int spin = 0; left && spin < 30000; spin++) {
		for (unsigned int i = 0; i < n; i++)
			if (!s[i].done && sign_ready(&s[i], false))
				left -= sign_step(&s[i]);
		usleep(1000);
	}
	T_EQ(left, 0);
}

/* Return: how many paused. */
static unsigned int storm_of(unsigned int n)
{
	struct sign *s = calloc(n, sizeof(*s));
	unsigned int paused = 0;

	if (!s)
		return 0;
	for (unsigned int i = 0; i < n; i++) {
		sign_new(&s[i], i, false);
		paused += !sign_step(&s[i]);
	}
	finish_all(s, n);
	for (unsigned int i = 0; i < n; i++) {
		T_EQ(s[i].ret, 1);
		T_MEM(s[i].sig, judged(i), SIG);
		ASYNC_WAIT_CTX_free(s[i].wait);
	}
	free(s);
	return paused;
}

static uint64_t served(void)
{
	return counter("rsa-private", "jobs") +
	       counter("rsa-private", "software");
}

static void storm_with_few_descriptors(void)
{
	const struct rlimit few = { FEW, FEW };
	unsigned int paused, before;
	uint64_t was;

	T_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	setup();
	storm_of(4); /* now queues and poller are there */
	before = descriptors();
	was = served();
	paused = storm_of(STORM);
	T_OK(paused && paused <= FEW - before);
	T_EQ(served() - was, STORM);
	T_EQ(counter("rsa-private", "wrong"), 0);
	T_EQ(counter(NULL, "quarantined"), 0);
	T_EQ(descriptors(), before);
	/* And then as ever. */
	T_OK(storm_of(4));
	T_EQ(descriptors(), before);
}

static void with_64_descriptors_2000_jobs_are_served(void)
{
	in_a_child(storm_with_few_descriptors);
}

static void storm_without_descriptors(void)
{
	const struct rlimit few = { FEW, FEW };
	int fd[FEW], n = 0;

	T_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	setup();
	while (n < FEW && (fd[n] = dup(STDOUT_FILENO)) >= 0)
		n++;
	T_EQ(descriptors(), FEW);
	T_EQ(storm_of(STORM / 4), 0);
	T_EQ(counter("rsa-private", "jobs"), 0);
	T_EQ(counter("rsa-private", "software"), STORM / 4);
	T_EQ(counter("software_why", "no-queue"), STORM / 4);
	T_EQ(descriptors(), FEW);
	while (n)
		close(fd[--n]);
	/* A queue that could not be had is asked for again after a while. */
	for (int i = 0; i < 100 && !counter("rsa-private", "jobs"); i++) {
		usleep(50000);
		storm_of(1);
	}
	T_OK(counter("rsa-private", "jobs"));
}

static void without_a_descriptor_software_serves_until_there_is_one(void)
{
	in_a_child(storm_without_descriptors);
}

static void setup(void)
{
	OSSL_PROVIDER *d;

	ctx = OSSL_LIB_CTX_new();
	d = OSSL_PROVIDER_load(ctx, "default");
	wd = OSSL_PROVIDER_load(ctx, "wd");
	if (!d || !wd) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
}

T_FIBRE_LEAKS

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		/* First: a child must not inherit what a poller holds. */
		T_CASE(a_process_exits_with_jobs_in_flight_by_descriptor),
		T_CASE(a_process_exits_with_jobs_in_flight_by_callback),
		T_CASE(poll_none_needs_no_thread),
		T_CASE(where_threads_are_forbidden_jobs_pause_all_the_same),
		T_CASE(with_64_descriptors_2000_jobs_are_served),
		T_CASE(without_a_descriptor_software_serves_until_there_is_one),
		T_CASE(many_jobs_pause_and_finish_by_descriptor),
		T_CASE(many_jobs_pause_and_finish_by_callback),
		T_CASE(dropped_jobs_leave_no_trace_by_descriptor),
		T_CASE(dropped_jobs_leave_no_trace_by_callback),
		T_CASE(a_thread_exits_with_jobs_in_flight),
		T_CASE(threads_import_one_key_at_the_same_moment),
	};

	if (!getenv("WD_DEVICE"))
		setenv("WD_DEVICE", "emu:latency_us=300", 1);
	/* Of a neighbour that takes the processor away for long. */
	setenv("WD_TIMEOUT_MS", "30000", 0);
	unsetenv("WD_BUILD");
	setup();
	return t_main(cases, WD_ARRAY_SIZE(cases), argc, argv);
}
