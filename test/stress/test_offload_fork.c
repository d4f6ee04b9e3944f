/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of children, each forked with jobs in flight in two threads.  A
 * program of its own: the address sanitizer's quarantine takes a lock in free()
 * that a forked child may inherit held, so it is off here.
 */
#define STORIES_OF_FORK
#include "test/stress/test_offload.c"

#include <sys/wait.h>

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=0:thread_local_quarantine_size_kb=0";
}

static void *background(void *arg)
{
	uint8_t out[W];

	while (!enough) {
		T_EQ(rsa(out, NULL), 0);
		atomic_store((atomic_bool *)arg, true);
		T_OK(right(out));
	}
	return NULL;
}

/* Jobs in flight in this and another thread; the child does the same again. */
static int generation(int depth)
{
	struct crew c = { .seed = (unsigned int)depth + 1, .jobs = 200 };
	const int before = atomic_load(&t_failures);
	atomic_bool up = false;
	pthread_t t;
	int status = 0;
	pid_t pid = 0;

	enough = false;
	T_EQ(pthread_create(&t, NULL, background, &up), 0);
	/* All threads are up and have their memory: the address sanitizer's
	 * allocator does not survive a fork in the middle of an allocation. */
	while (!c.good || !up)
		crew_step(&c);
	c.drop_percent = 2;
	if (depth < 4) {
		pid = fork();
		if (!pid) {
			/* The parent's paused jobs are dropped in the child. */
			for (int i = 0; i < FIBRES; i++)
				if (c.task[i])
					offload_abandon(&c.task[i]->f.w);
			_exit(generation(depth + 1));
		}
	}
	crew_main(&c);
	enough = true;
	pthread_join(t, NULL);
	if (pid && (waitpid(pid, &status, 0) != pid || status))
		t_fail(__FILE__, __LINE__, "generation %d: status %x",
		       depth + 1, (unsigned int)status);
	if (depth)
		offload_free(o);
	return atomic_load(&t_failures) != before;
}

static void four_generations_of_children(void)
{
#ifdef __SANITIZE_THREAD__
	/* Its runtime can't start threads in a forked child. */
	printf("skipped under the thread sanitizer: ");
	return;
#endif
	config(64, 50);
	start();
	T_EQ(generation(0), 0);
	offload_free(o);
}

T_MAIN(T_CASE(four_generations_of_children))
