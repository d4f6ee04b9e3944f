/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation costs the host, on a model that answers from memory:
 * nanoseconds of the application's thread, of wd's helper thread and of the
 * model's threads, beside the default provider in the same run.  Those are
 * printed; claimed is what does not depend on the machine: allocations, system
 * calls, doorbells.
 *
 * Counted are calls of libc that become system calls, by where they come from:
 * wd, on whatever thread, or libcrypto on wd's behalf.  The model and this
 * program make theirs from elsewhere.
 *
 * `test_bench_host_cost` takes cases by name, as all tests; WD_BENCH_DEVICE,
 * WD_BENCH_JOBS and WD_BENCH_MS set another device, jobs in flight and time.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <openssl/async.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "base/wd_base.h"
#include "test/t.h"

#define MAX 1024

/* What the providers call in place of libc's own. */
#define INSTEAD __attribute__((visibility("default")))

/* ---- who calls -------------------------------------------------------------- */

static struct module {
	const char *file;
	uintptr_t low, high;
	atomic_ulong calls;
} modules[] = { { .file = "/wd.so" }, { .file = "/libcrypto.so" } };

static int module_seen(struct dl_phdr_info *i, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (size_t m = 0; m < 2; m++) {
		if (!strstr(i->dlpi_name, modules[m].file))
			continue;
		for (int k = 0; k < i->dlpi_phnum; k++)
			if (i->dlpi_phdr[k].p_flags & PF_X) {
				modules[m].low =
					i->dlpi_addr + i->dlpi_phdr[k].p_vaddr;
				modules[m].high = modules[m].low +
						  i->dlpi_phdr[k].p_memsz;
			}
	}
	return 0;
}

static bool is_from(const struct module *m, const void *where)
{
	return (uintptr_t)where >= m->low && (uintptr_t)where < m->high;
}

/* ---- allocations --------------------------------------------------------- */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);

/* This thread's, whosesoever, and wd's on any; not the model's own. */
static atomic_ulong mallocs;
static _Thread_local bool measuring;

static void allocated(const void *where)
{
	if (measuring || is_from(&modules[0], where))
		mallocs++;
}

INSTEAD void *malloc(size_t n)
{
	allocated(__builtin_return_address(0));
	return __libc_malloc(n);
}

INSTEAD void *calloc(size_t n, size_t m)
{
	allocated(__builtin_return_address(0));
	return __libc_calloc(n, m);
}

INSTEAD void *realloc(void *p, size_t n)
{
	allocated(__builtin_return_address(0));
	return __libc_realloc(p, n);
}

/* ---- system calls ------------------------------------------------------------ */

static void called_from(const void *where)
{
	for (size_t m = 0; m < 2; m++)
		if (is_from(&modules[m], where))
			modules[m].calls++;
}

#define CALLED called_from(__builtin_return_address(0))

/* libc's own syscall(): that name is taken below. */
static long raw(long nr, long a, long b, long c, long d, long e, long f)
{
	static _Atomic(void *) libc;
	void *at = atomic_load(&libc);

	if (!at) {
		at = dlsym(RTLD_NEXT, "syscall");
		atomic_store(&libc, at);
	}
	return ((long (*)(long, ...))at)(nr, a, b, c, d, e, f);
}

INSTEAD ssize_t read(int fd, void *p, size_t n)
{
	CALLED;
	return raw(SYS_read, fd, (long)p, (long)n, 0, 0, 0);
}

INSTEAD ssize_t write(int fd, const void *p, size_t n)
{
	CALLED;
	return raw(SYS_write, fd, (long)p, (long)n, 0, 0, 0);
}

INSTEAD int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *wait,
		  const sigset_t *mask)
{
	struct timespec left = wait ? *wait : (struct timespec){ 0 };

	CALLED;
	return (int)raw(SYS_ppoll, (long)fds, (long)n, wait ? (long)&left : 0,
			(long)mask, 8, 0);
}

INSTEAD int timerfd_settime(int fd, int flags, const struct itimerspec *in,
			    struct itimerspec *old)
{
	CALLED;
	return (int)raw(SYS_timerfd_settime, fd, flags, (long)in, (long)old, 0,
			0);
}

INSTEAD pid_t getpid(void)
{
	CALLED;
	return (pid_t)raw(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

INSTEAD long syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	CALLED;
	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return raw(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
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
	EVP_CIPHER_CTX *cipher;
	unsigned char *result; /* RECORD bytes */
	size_t len;
	int fd;
	bool out;
	atomic_bool ready;
};

#define RECORD 16384

/* What is done. */
struct op {
	const char *name, *type, *group;
	bool (*set_up)(struct slot *s, EVP_PKEY *key, OSSL_LIB_CTX *lib,
		       const char *props);
	int (*run)(struct slot *s);
	unsigned int pids; /* system calls of libcrypto's random generator */
};

static struct slot slot[MAX];
static const struct op *doing;
static unsigned char hash[32] = { 1 }, record[RECORD];
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

static int sign(struct slot *s)
{
	s->len = RECORD;
	return EVP_PKEY_sign(s->ctx, s->result, &s->len, hash, sizeof(hash));
}

static bool to_sign(struct slot *s, EVP_PKEY *key, OSSL_LIB_CTX *lib,
		    const char *props)
{
	s->ctx = EVP_PKEY_CTX_new_from_pkey(lib, key, props);
	return EVP_PKEY_sign_init(s->ctx) > 0 &&
	       EVP_PKEY_CTX_set_signature_md(s->ctx, EVP_sha256()) > 0;
}

static int derive(struct slot *s)
{
	s->len = RECORD;
	return EVP_PKEY_derive(s->ctx, s->result, &s->len);
}

static bool to_derive(struct slot *s, EVP_PKEY *key, OSSL_LIB_CTX *lib,
		      const char *props)
{
	s->ctx = EVP_PKEY_CTX_new_from_pkey(lib, key, props);
	return EVP_PKEY_derive_init(s->ctx) > 0 &&
	       EVP_PKEY_derive_set_peer(s->ctx, key) > 0;
}

static int seal(struct slot *s)
{
	int n;

	return EVP_EncryptInit_ex2(s->cipher, NULL, NULL, hash, NULL) > 0 &&
	       EVP_EncryptUpdate(s->cipher, s->result, &n, record, RECORD) >
		       0 &&
	       EVP_EncryptFinal_ex(s->cipher, s->result, &n) > 0;
}

static bool to_seal(struct slot *s, EVP_PKEY *key, OSSL_LIB_CTX *lib,
		    const char *props)
{
	EVP_CIPHER *gcm = EVP_CIPHER_fetch(lib, "AES-128-GCM", props);
	bool ok;

	(void)key;
	s->cipher = EVP_CIPHER_CTX_new();
	ok = EVP_EncryptInit_ex2(s->cipher, gcm, hash, hash, NULL) > 0;
	EVP_CIPHER_free(gcm);
	return ok;
}

static const struct op operations[] = {
	{ "rsa2048-sign", "RSA", NULL, to_sign, sign, 0 },
	{ "ecdsap256-sign", "EC", "P-256", to_sign, sign, 1 },
	{ "ecdhp256", "EC", "P-256", to_derive, derive, 0 },
	{ "x25519", "X25519", NULL, to_derive, derive, 0 },
	{ "aes-128-gcm:16384", NULL, NULL, to_seal, seal, 0 },
};

static int job(void *arg)
{
	return doing->run(*(struct slot **)arg);
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

		switch (ASYNC_start_job(&s->job, s->wait, &ret, job, &arg,
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
			if (doing->run(s) <= 0)
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
		s->result = malloc(RECORD);
		if (!doing->set_up(s, key, lib, props))
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
	double n, seconds, mallocs, calls, pids, count[COUNTED];
	struct cpu cpu;
};

static void measure(OSSL_PROVIDER *p, void (*run)(void), unsigned int ms,
		    struct cost *c)
{
	unsigned long before[COUNTED], ops0 = ops, m0, calls0, pids0;
	struct cpu a = cpu(), b;
	uint64_t t0 = now(CLOCK_MONOTONIC);

	for (size_t i = 0; i < COUNTED; i++)
		before[i] = counter(p, counted[i]);
	until = t0 + ms * UINT64_C(1000000);
	calls0 = modules[0].calls;
	pids0 = modules[1].calls;
	m0 = mallocs;
	measuring = true;
	run();
	measuring = false;
	c->mallocs = (double)(mallocs - m0);
	c->calls = (double)(modules[0].calls - calls0);
	c->pids = (double)(modules[1].calls - pids0);
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
	printf("%s %s: %.0f /s; ns: app %.0f helper %.0f model %.0f; "
	       "each: malloc %.2f system calls of wd %.2f of libcrypto %.2f",
	       what, doing->name, c->n / c->seconds, (double)c->cpu.app / c->n,
	       (double)c->cpu.helper / c->n, (double)c->cpu.model / c->n,
	       c->mallocs / c->n, c->calls / c->n, c->pids / c->n);
	for (size_t i = 0; i < COUNTED; i++)
		printf(" %s %.3f", counted[i], c->count[i] / c->n);
	putchar('\n');
}

static void tear_down(void)
{
	for (int i = 0; i < in_flight; i++) {
		EVP_PKEY_CTX_free(slot[i].ctx);
		EVP_CIPHER_CTX_free(slot[i].cipher);
		free(slot[i].result);
		slot[i].ctx = NULL;
		slot[i].cipher = NULL;
		ASYNC_WAIT_CTX_free(slot[i].wait);
	}
	ASYNC_cleanup_thread();
	close(epfd);
}

static EVP_PKEY *key_of(OSSL_LIB_CTX *lib, const char *props)
{
	if (!doing->type)
		return NULL;
	if (!strcmp(doing->type, "RSA"))
		return EVP_PKEY_Q_keygen(lib, props, "RSA", (size_t)2048);
	return EVP_PKEY_Q_keygen(lib, props, doing->type, doing->group);
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
	dl_iterate_phdr(module_seen, NULL);
	in_flight = sync ? 1 : (int)setting("WD_BENCH_JOBS", 64);
	T_OK(in_flight > 0 && in_flight <= MAX);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	key = key_of(lib, device ? "provider=wd" : NULL);
	T_OK(key || !doing->type);
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

	doing = &operations[0];
	cost_of("software", NULL, true, &c);
}

static void in_place_nothing_is_allocated_and_nothing_called(void)
{
	struct cost c;

	callbacks = false;
	doing = &operations[0];
	cost_of("sync", "emu:inline,replay", true, &c);
	T_OK(c.mallocs / c.n < 0.01);
	T_OK(c.calls / c.n < 0.01);
}

/* libcrypto copies the arguments of a job. */
static void paused_is_cheap(const struct cost *c)
{
	T_OK(c->mallocs / c->n < 1.01);
	T_OK(c->count[0] / c->n <= 0.125);
	T_OK(c->pids / c->n < doing->pids + 0.01);
}

static void paused_with_a_callback_nothing_is_allocated_and_nothing_called(void)
{
	struct cost c;

	callbacks = true;
	for (size_t i = 0; i < WD_ARRAY_SIZE(operations); i++) {
		doing = &operations[i];
		cost_of("callback", "emu:replay", false, &c);
		paused_is_cheap(&c);
		/* but for the helper, once for many */
		T_OK(c.calls / c.n < 0.3);
	}
}

static void paused_with_a_descriptor_is_two_calls(void)
{
	struct cost c;

	callbacks = false;
	for (size_t i = 0; i < WD_ARRAY_SIZE(operations); i++) {
		doing = &operations[i];
		cost_of("eventfd", "emu:replay", false, &c);
		paused_is_cheap(&c);
		T_OK(c.calls / c.n < 2.3);
	}
}

T_MAIN(T_CASE(software),
       T_CASE(in_place_nothing_is_allocated_and_nothing_called),
       T_CASE(paused_with_a_callback_nothing_is_allocated_and_nothing_called),
       T_CASE(paused_with_a_descriptor_is_two_calls))
