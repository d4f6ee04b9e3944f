/* SPDX-License-Identifier: Apache-2.0 */
/* Fork, thread exit and process exit with jobs in flight: both sides go on. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/provider.h>

#include "test/stress/evp_async.h"
#include "test/t.h"

#define JOBS	    8
#define GENERATIONS 4

/* Status of a child that must end with 0; a signal shows as 1000 + number. */
static int ended(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

static void generation(struct wd_env *e, int left)
{
	struct wd_sign jobs[JOBS];
	pid_t pid;

	wd_signs_start(jobs, JOBS, e, false);
	pid = fork();
	if (!pid) {
		t_unwind = NULL;
		/* The jobs inherited in the pause, then jobs of its own. */
		wd_signs_finish(jobs, JOBS);
		T_OK(wd_sign_sync(e));
		if (left > 1)
			generation(e, left - 1);
		exit(atomic_load(&t_failures) ? 1 : 0);
	}
	wd_signs_finish(jobs, JOBS);
	T_OK(wd_sign_sync(e));
	T_EQ(ended(pid), 0);
}

static void four_generations_with_jobs_in_flight(void)
{
	struct wd_env e;

	wd_env_open(&e, "emu:latency_us=3000");
	generation(&e, GENERATIONS);
	T_OK(wd_env_stat(&e, "rsa-private", "jobs") > 0);
	wd_env_close(&e);
}

static void *leave_with_jobs(void *arg)
{
	struct wd_sign *jobs = calloc(JOBS, sizeof(*jobs));

	ASYNC_init_thread(0, 0);
	wd_signs_start(jobs, JOBS, arg, false);
	for (int i = 0; i < JOBS; i++)
		wd_sign_drop(&jobs[i]);
	free(jobs);
	return NULL;
}

static void a_thread_ends_with_jobs_in_flight(void)
{
	struct wd_env e;

	wd_env_open(&e, "emu:latency_us=2000,queues=8");
	for (int round = 0; round < 8; round++) {
		pthread_t thread[4];

		for (int i = 0; i < 4; i++)
			T_EQ(pthread_create(&thread[i], NULL, leave_with_jobs,
					    &e),
			     0);
		for (int i = 0; i < 4; i++)
			pthread_join(thread[i], NULL);
		T_OK(wd_sign_sync(&e));
	}
	wd_env_close(&e);
}

/* Leave in the given way with jobs paused; the parent looks at the status. */
static void leave(void (*how)(struct wd_env *e))
{
	pid_t pid = fork();

	if (!pid) {
		struct wd_env e;
		struct wd_sign *jobs = calloc(JOBS, sizeof(*jobs));

		t_unwind = NULL;
		wd_env_open(&e, "emu:latency_us=50000");
		wd_signs_start(jobs, JOBS, &e, false);
		how(&e);
		exit(atomic_load(&t_failures) ? 1 : 0);
	}
	T_EQ(ended(pid), 0);
}

static void by_exit(struct wd_env *e)
{
	(void)e;
}

static void by_cleanup(struct wd_env *e)
{
	(void)e;
	OPENSSL_cleanup();
}

static void by_unload(struct wd_env *e)
{
	OSSL_PROVIDER_unload(e->wd);
	e->wd = NULL;
}

static void by_freeing_the_context(struct wd_env *e)
{
	wd_env_close(e);
}

static void exit_with_jobs_in_flight(void)
{
	leave(by_exit);
}

static void openssl_cleanup_with_jobs_in_flight(void)
{
	leave(by_cleanup);
}

static void unload_with_jobs_in_flight(void)
{
	leave(by_unload);
	leave(by_freeing_the_context);
}

/* Processes end here in the middle of things: what they still held is no leak,
 * and test_drop.c looks at dropped jobs. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

T_MAIN(T_CASE(four_generations_with_jobs_in_flight),
       T_CASE(a_thread_ends_with_jobs_in_flight),
       T_CASE(exit_with_jobs_in_flight),
       T_CASE(openssl_cleanup_with_jobs_in_flight),
       T_CASE(unload_with_jobs_in_flight))
