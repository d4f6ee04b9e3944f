/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness while wd's AES is preferred to everybody's.  OpenSSL 3.0's CTR-DRBG
 * takes AES-256-CTR and AES-256-ECB from the application's context, and enters
 * them with locks held: first use of wd, in a new process, inside of these.
 * Thresholds are 0: it is the sizes that keep it off the device.
 *
 * Each case runs in a process of its own, where nothing has been used yet, and
 * has to be over in time.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/async.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include "base/wd_base.h"
#include "test/t.h"

#define SECONDS 40
#define THREADS 8

static OSSL_LIB_CTX *ctx;
static OSSL_PROVIDER *wd;

static void begin(const char *device)
{
	EVP_CIPHER *c;

	alarm(SECONDS);
	setenv("WD_DEVICE", device, 1);
	setenv("WD_MIN_BYTES", "0", 1);
	ctx = OSSL_LIB_CTX_new();
	T_OK(OSSL_PROVIDER_load(ctx, "default"));
	wd = OSSL_PROVIDER_load(ctx, "wd");
	T_OK(wd);
	T_EQ(EVP_set_default_properties(ctx, "?provider=wd"), 1);
	/* so a DRBG that asks the context gets ours */
	c = EVP_CIPHER_fetch(ctx, "AES-256-CTR", NULL);
	T_OK(c);
	T_STR(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(c)), "wd");
	EVP_CIPHER_free(c);
}

static uint64_t jobs(const char *kind)
{
	char json[16384] = "", want[32];
	OSSL_PARAM p[] = {
		OSSL_PARAM_utf8_string("wd-stats", json, sizeof(json)),
		OSSL_PARAM_END,
	};
	const char *at;

	T_EQ(OSSL_PROVIDER_get_params(wd, p), 1);
	snprintf(want, sizeof(want), "\"%s\":{\"jobs\":", kind);
	at = strstr(json, want);
	T_OK(at);
	return strtoull(at + strlen(want), NULL, 10);
}

/* @one in a process where nothing was used before. */
static void apart(void (*one)(void))
{
	pid_t pid = fork();
	int status;

	T_OK(pid >= 0);
	if (!pid) {
		jmp_buf here;

		t_unwind = &here;
		if (setjmp(here))
			_exit(1);
		one();
		_exit(0);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
}

static void draw(size_t n)
{
	uint8_t *a = calloc(1, n), *b = calloc(1, n);

	T_EQ(RAND_bytes_ex(ctx, a, n, 0), 1);
	T_EQ(RAND_priv_bytes_ex(ctx, b, n, 0), 1);
	T_OK(n < 8 || memcmp(a, b, n));
	free(a);
	free(b);
}

/* ---- small: never the device -------------------------------------------- */

static void small_in_a_new_process(void)
{
	begin("emu");
	for (size_t n = 1; n < 4096; n += 97)
		draw(n);
	T_EQ(jobs("aes-ctr"), 0);
	T_EQ(jobs("aes-ecb"), 0);
}

static void small_requests_stay_in_software(void)
{
	apart(small_in_a_new_process);
}

/* A device that answers nothing would be waited for. */
static void small_with_a_silent_device(void)
{
	uint64_t from;

	begin("emu:fault=sec.drop/1");
	from = wd_now_ns();
	for (int i = 0; i < 200; i++)
		draw(32);
	T_OK(wd_now_ns() - from < 20 * 1000000000ull);
	T_EQ(jobs("aes-ctr"), 0);
}

static void a_silent_device_keeps_nobody_waiting(void)
{
	apart(small_with_a_silent_device);
}

/* ---- large -------------------------------------------------------------- */

static void any_size_in_a_new_process(void)
{
	begin("emu");
	draw(1 << 20);
	draw(65536);
	draw(65537);
	printf("AES-CTR jobs for randomness: %llu\n",
	       (unsigned long long)jobs("aes-ctr"));
	fflush(stdout);
	draw(16);
}

static void large_requests_are_served(void)
{
	apart(any_size_in_a_new_process);
}

/* Paused half way through, the generator would be entered by the next job. */
static int draw_in_job(void *arg)
{
	uint8_t *buf = *(uint8_t **)arg;

	return RAND_bytes_ex(ctx, buf, 65536, 0);
}

static void in_async_jobs(void)
{
	uint8_t *buf[2] = { calloc(1, 65536), calloc(1, 65536) };
	ASYNC_WAIT_CTX *w = ASYNC_WAIT_CTX_new();

	begin("emu:latency_us=2000");
	T_EQ(ASYNC_init_thread(2, 2), 1);
	for (int i = 0; i < 2; i++) {
		ASYNC_JOB *job = NULL;
		int ret = 0;

		T_EQ(ASYNC_start_job(&job, w, &ret, draw_in_job, &buf[i],
				     sizeof(buf[i])),
		     ASYNC_FINISH);
		T_EQ(ret, 1);
	}
	T_OK(memcmp(buf[0], buf[1], 65536));
	ASYNC_WAIT_CTX_free(w);
	ASYNC_cleanup_thread();
	free(buf[0]);
	free(buf[1]);
}

static void a_generator_is_not_paused(void)
{
	apart(in_async_jobs);
}

/* ---- processes and threads ---------------------------------------------- */

__attribute__((unused)) static void parent_and_child(void)
{
	uint8_t mine[64], theirs[64];
	int fds[2], status;
	pid_t pid;

	begin("emu");
	draw(5000);
	T_EQ(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		alarm(SECONDS);
		if (RAND_bytes_ex(ctx, mine, sizeof(mine), 0) != 1 ||
		    write(fds[1], mine, sizeof(mine)) != sizeof(mine))
			_exit(1);
		draw(100);
		draw(70000);
		_exit(0);
	}
	T_EQ(RAND_bytes_ex(ctx, mine, sizeof(mine), 0), 1);
	T_EQ(read(fds[0], theirs, sizeof(theirs)), sizeof(theirs));
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	T_OK(memcmp(mine, theirs, sizeof(mine)));
}

static void a_child_draws_its_own(void)
{
#ifdef __SANITIZE_THREAD__
	puts("the thread sanitizer can't follow threads of a forked child");
#else
	apart(parent_and_child);
#endif
}

static void *draw_much(void *arg)
{
	(void)arg;
	for (size_t n = 1; n < 20000; n = n * 3 + 7)
		draw(n);
	return NULL;
}

static void first_use_by_threads(void)
{
	pthread_t t[THREADS];

	begin("emu");
	for (int i = 0; i < THREADS; i++)
		T_EQ(pthread_create(&t[i], NULL, draw_much, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void threads_may_all_be_the_first(void)
{
	apart(first_use_by_threads);
}

T_MAIN(T_CASE(small_requests_stay_in_software),
       T_CASE(a_silent_device_keeps_nobody_waiting),
       T_CASE(large_requests_are_served), T_CASE(a_generator_is_not_paused),
       T_CASE(a_child_draws_its_own), T_CASE(threads_may_all_be_the_first))
