/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an RSA signature costs the host, on a model that answers from memory:
 * nanoseconds of the application's thread, of wd's helper thread and of the
 * model's threads, beside the default provider in the same run.  Those are
 * printed; claimed is what does not depend on the machine: allocations, system
 * calls, doorbells.
 *
 * `test_bench_host_cost` takes cases by name, as all tests; WD_BENCH_DEVICE,
 * WD_BENCH_JOBS and WD_BENCH_MS set another device, jobs in flight and time.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <openssl/async.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "test/t.h"

#define MAX 1024

/* What the providers call in place of libc's own. */
#define INSTEAD __attribute__((visibility("default")))

/* ---- allocations --------------------------------------------------------- */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);

static atomic_ulong mallocs;

INSTEAD void *malloc(size_t n)
{
	atomic_fetch_add_explicit(&mallocs, 1, memory_order_relaxed);
	return __libc_malloc(n);
}

INSTEAD void *calloc(size_t n, size_t m)
{
	atomic_fetch_add_explicit(&mallocs, 1, memory_order_relaxed);
	return __libc_calloc(n, m);
}

INSTEAD void *realloc(void *p, size_t n)
{
	atomic_fetch_add_explicit(&mallocs, 1, memory_order_relaxed);
	return __libc_realloc(p, n);
}

/* ---- system calls of this thread, but for the test's own ------------------- */

static _Thread_local unsigned long calls;

INSTEAD ssize_t read(int fd, void *p, size_t n)
{
	calls++;
	return syscall(SYS_read, fd, p, n);
}

INSTEAD ssize_t write(int fd, const void *p, size_t n)
{
	calls++;
	return syscall(SYS_write, fd, p, n);
}

/* ---- clocks ---------------------------------------------------------------- */

static uint64_t now(clockid_t c)
{
	struct timespec t;

	clock_gettime(c, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct cpu {
	uint64_t app, helper, model;
};

static uint64_t task_ns(const char *tid)
{
	char path[300];
	unsigned long long ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", tid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%llu", &ns) != 1)
			ns = 0;
		fclose(f);
	}
	return ns;
}

static bool task_is(const char *tid, const char *name)
{
	char path[300], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/comm", tid);
	f = fopen(path, "r");
	if (f) {
		if (!fgets(comm, sizeof(comm), f))
			comm[0] = 0;
		fclose(f);
	}
	return !strncmp(comm, name, strlen(name));
}

static struct cpu cpu(void)
{
	struct cpu c = { .app = now(CLOCK_THREAD_CPUTIME_ID) };
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || atoi(e->d_name) == getpid())
			continue;
		if (task_is(e->d_name, "wd-emu"))
			c.model += task_ns(e->d_name);
		else
			c.helper += task_ns(e->d_name);
	}
	if (d)
		closedir(d);
	return c;
}

/* ---- jobs -------------------------------------------------------------------- */

struct slot {
	ASYNC_WAIT_CTX *wait;
	ASYNC_JOB *job;
	EVP_PKEY_CTX *ctx;
	unsigned char sig[512];
	size_t len;
	int fd;
	bool out;
	atomic_bool ready;
};

static struct slot slot[MAX];
static unsigned char hash[32];
static int epfd, in_flight;
static bool callbacks;
static unsigned long ops;
static uint64_t until;

/* Ready ones, filled by any thread, emptied by this one. */
static atomic_uint ring_in;
static unsigned int ring_out;
static _Atomic(struct slot *) ring[MAX * 2];

static int on_ready(void *arg)
{
	unsigned int n = atomic_fetch_add(&ring_in, 1);

	atomic_store(&ring[n % (MAX * 2)], arg);
	return 1;
}

static int sign(void *arg)
{
	struct slot *s = *(struct slot **)arg;

	s->len = sizeof(s->sig);
	return EVP_PKEY_sign(s->ctx, s->sig, &s->len, hash, sizeof(hash));
}

static void watch(struct slot *s)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.ptr = s };
	OSSL_ASYNC_FD fd[4];
	size_t n = 0;

	if (callbacks || s->fd >= 0)
		return;
	ASYNC_WAIT_CTX_get_all_fds(s->wait, NULL, &n);
	if (!n || n > 4)
		return;
	ASYNC_WAIT_CTX_get_all_fds(s->wait, fd, &n);
	s->fd = fd[n - 1];
	e.events = EPOLLIN;
	epoll_ctl(epfd, EPOLL_CTL_ADD, s->fd, &e);
}

/* Until it pauses or the time is over. */
static void go(struct slot *s)
{
	struct slot *arg = s;

	for (;;) {
		int ret = 0;

		switch (ASYNC_start_job(&s->job, s->wait, &ret, sign, &arg,
					sizeof(arg))) {
		case ASYNC_PAUSE:
			s->out = true;
			watch(s);
			return;
		case ASYNC_FINISH:
			s->out = false;
			if (ret <= 0)
				abort();
			ops++;
			if (now(CLOCK_MONOTONIC) >= until)
				return;
			break;
		default:
			abort();
		}
	}
}

static bool step_callback(void)
{
	bool any = false;
	struct slot *s;

	while ((s = atomic_exchange(&ring[ring_out % (MAX * 2)], NULL))) {
		ring_out++;
		go(s);
		any = true;
	}
	return any;
}

static void step_eventfd(void)
{
	struct epoll_event e[MAX];
	int n = epoll_wait(epfd, e, MAX, 100);

	for (int i = 0; i < n; i++)
		go(e[i].data.ptr);
}

static void run_async(void)
{
	int left = in_flight;

	for (int i = 0; i < in_flight; i++)
		go(&slot[i]);
	while (left) {
		if (!callbacks)
			step_eventfd();
		else if (!step_callback())
			nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
		left = 0;
		if (now(CLOCK_MONOTONIC) < until)
			left = 1;
		for (int i = 0; !left && i < in_flight; i++)
			left += slot[i].out;
	}
}

static void run_sync(void)
{
	struct slot *s = &slot[0];

	while (now(CLOCK_MONOTONIC) < until) {
		for (int i = 0; i < 8; i++, ops++)
			if (sign(&s) <= 0)
				abort();
	}
}

/* ---- the rest ------------------------------------------------------------------ */

static void set_up(EVP_PKEY *key, OSSL_LIB_CTX *lib, const char *props)
{
	for (int i = 0; i < in_flight; i++) {
		struct slot *s = &slot[i];

		s->wait = ASYNC_WAIT_CTX_new();
		s->fd = -1;
		if (callbacks)
			ASYNC_WAIT_CTX_set_callback(s->wait, on_ready, s);
		s->ctx = EVP_PKEY_CTX_new_from_pkey(lib, key, props);
		if (EVP_PKEY_sign_init(s->ctx) <= 0 ||
		    EVP_PKEY_CTX_set_rsa_padding(s->ctx, RSA_PKCS1_PADDING) <=
			    0 ||
		    EVP_PKEY_CTX_set_signature_md(s->ctx, EVP_sha256()) <= 0)
			abort();
	}
}

static unsigned long counter(OSSL_PROVIDER *p, const char *name)
{
	static char json[65536];
	char *at, quoted[64];
	OSSL_PARAM q[2] = { OSSL_PARAM_construct_utf8_string("wd-stats", json,
							     sizeof(json)),
			    OSSL_PARAM_construct_end() };

	json[0] = 0;
	if (!OSSL_PROVIDER_get_params(p, q))
		return 0;
	snprintf(quoted, sizeof(quoted), "\"%s\":", name);
	at = strstr(json, quoted);
	return at ? strtoul(at + strlen(quoted), NULL, 10) : 0;
}

static unsigned int setting(const char *name, unsigned int usual)
{
	const char *s = getenv(name);

	return s ? (unsigned int)atoi(s) : usual;
}

static const char *const counted[] = { "sq_bells",   "cq_bells",  "bells_full",
				       "bells_idle", "bells_age", "polled" };
#define COUNTED (sizeof(counted) / sizeof(counted[0]))

struct cost {
	double n, seconds, mallocs, calls, count[COUNTED];
	struct cpu cpu;
};

static void measure(OSSL_PROVIDER *p, void (*run)(void), unsigned int ms,
		    struct cost *c)
{
	unsigned long before[COUNTED], ops0 = ops, m0, calls0;
	struct cpu a = cpu(), b;
	uint64_t t0 = now(CLOCK_MONOTONIC);

	for (size_t i = 0; i < COUNTED; i++)
		before[i] = counter(p, counted[i]);
	until = t0 + ms * UINT64_C(1000000);
	calls0 = calls;
	m0 = mallocs;
	run();
	c->mallocs = (double)(mallocs - m0);
	c->calls = (double)(calls - calls0);
	b = cpu();
	c->n = (double)(ops - ops0);
	c->seconds = (double)(now(CLOCK_MONOTONIC) - t0) / 1e9;
	c->cpu.app = b.app - a.app;
	c->cpu.helper = b.helper - a.helper;
	c->cpu.model = b.model - a.model;
	for (size_t i = 0; i < COUNTED; i++)
		c->count[i] = (double)(counter(p, counted[i]) - before[i]);
}

static void print(const char *what, const struct cost *c)
{
	printf("%s: %.0f /s; ns: app %.0f helper %.0f model %.0f; "
	       "each: malloc %.2f read+write %.2f",
	       what, c->n / c->seconds, (double)c->cpu.app / c->n,
	       (double)c->cpu.helper / c->n, (double)c->cpu.model / c->n,
	       c->mallocs / c->n, c->calls / c->n);
	for (size_t i = 0; i < COUNTED; i++)
		printf(" %s %.3f", counted[i], c->count[i] / c->n);
	putchar('\n');
}

static void tear_down(void)
{
	for (int i = 0; i < in_flight; i++) {
		EVP_PKEY_CTX_free(slot[i].ctx);
		ASYNC_WAIT_CTX_free(slot[i].wait);
	}
	ASYNC_cleanup_thread();
	close(epfd);
}

/* One run on @device, NULL: the default provider. */
static void cost_of(const char *what, const char *device, bool sync,
		    struct cost *c)
{
	unsigned int ms = setting("WD_BENCH_MS", 400);
	OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();
	OSSL_PROVIDER *p, *def = OSSL_PROVIDER_load(lib, "default");
	EVP_PKEY *key;

	if (getenv("WD_BENCH_DEVICE"))
		setenv("WD_DEVICE", getenv("WD_BENCH_DEVICE"), 1);
	else if (device)
		setenv("WD_DEVICE", device, 1);
	p = OSSL_PROVIDER_load(lib, device ? "wd" : "default");
	T_OK(p);
	in_flight = sync ? 1 : (int)setting("WD_BENCH_JOBS", 64);
	T_OK(in_flight > 0 && in_flight <= MAX);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	key = EVP_PKEY_Q_keygen(lib, device ? "provider=wd" : NULL, "RSA",
				(size_t)2048);
	T_OK(key);
	set_up(key, lib, device ? "provider=wd" : NULL);
	ASYNC_init_thread((size_t)in_flight, (size_t)in_flight);
	/* Once for queues, descriptors and what the model remembers. */
	measure(p, sync ? run_sync : run_async, ms / 4, c);
	measure(p, sync ? run_sync : run_async, ms, c);
	print(what, c);
	tear_down();
	EVP_PKEY_free(key);
	OSSL_PROVIDER_unload(p);
	OSSL_PROVIDER_unload(def);
	OSSL_LIB_CTX_free(lib);
}

static void software(void)
{
	struct cost c;

	cost_of("software", NULL, true, &c);
}

static void in_place_nothing_is_allocated_and_nothing_called(void)
{
	struct cost c;

	callbacks = false;
	cost_of("sync", "emu:inline,replay", true, &c);
	T_OK(c.mallocs / c.n < 0.01);
	T_OK(c.calls / c.n < 0.01);
}

/* libcrypto copies the arguments of a job. */
static void paused_is_cheap(const struct cost *c)
{
	T_OK(c->mallocs / c->n < 1.01);
	T_OK(c->count[0] / c->n <= 0.125);
}

static void paused_with_a_callback_nothing_is_allocated_and_nothing_called(void)
{
	struct cost c;

	callbacks = true;
	cost_of("callback", "emu:replay", false, &c);
	paused_is_cheap(&c);
	/* but for the helper being woken, once in a while */
	T_OK(c.calls / c.n < 0.1);
}

static void paused_with_a_descriptor_is_two_calls(void)
{
	struct cost c;

	callbacks = false;
	cost_of("eventfd", "emu:replay", false, &c);
	paused_is_cheap(&c);
	T_OK(c.calls / c.n < 2.1);
}

T_MAIN(T_CASE(software),
       T_CASE(in_place_nothing_is_allocated_and_nothing_called),
       T_CASE(paused_with_a_callback_nothing_is_allocated_and_nothing_called),
       T_CASE(paused_with_a_descriptor_is_two_calls))
