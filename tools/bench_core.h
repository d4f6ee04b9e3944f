/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_core.h - the timing core of wdbench: run one operation many times, in
 * threads and in ASYNC jobs, and say what it cost.
 *
 *	warm up ─▶ barrier ─▶ [ chunk: clocks on, run, clocks off, check ]* ─▶ sum
 *
 * A chunk is as many operations as a job has slots to keep results in.  The
 * clocks stand still while the results of a chunk are checked, so checking
 * every result costs time of the run but none of the figures.
 *
 * CPU time.  A thread's own clock, over its chunks; and, from one end of the
 * run to the other, the clocks of every other thread of the process: those
 * named after the device model count as the model's, the rest (a provider's
 * poller) as the application's.
 *
 * Knows libcrypto only by its ASYNC jobs.  One run at a time in a process.
 */
#ifndef BENCH_CORE_H
#define BENCH_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is thread @tid of process @pid one of the model's?  By its name. */
bool bench_is_model(int pid, int tid);

/* Latencies by size: 32 steps an octave, so a step is about 3 %. */
#define BENCH_HIST_STEPS 32
#define BENCH_HIST_SIZE	 (BENCH_HIST_STEPS * 40)

struct bench_hist {
	uint64_t count[BENCH_HIST_SIZE];
};

void bench_hist_add(struct bench_hist *h, uint64_t ns, uint64_t times);
void bench_hist_sum(struct bench_hist *sum, const struct bench_hist *more);
/* The latency that @share (0 to 1) of all operations did not exceed. */
double bench_hist_ns(const struct bench_hist *h, double share);

/* Counters of the calling thread; see bench_alloc.h. */
struct bench_allocs {
	uint64_t all, own; /* own: asked for by wd itself */
};

struct bench_job;

/* What is measured.  Return of run and check: 1 good, 0 failed or wrong. */
struct bench_work {
	void *arg;
	unsigned int slots; /* results a job keeps until they are checked */
	/* Once per job; NULL: failed. */
	void *(*open)(void *arg);
	void (*close)(void *state);
	int (*run)(void *state, unsigned int slot);
	/* May be NULL.  Also makes the slot ready for the next run. */
	int (*check)(void *state, unsigned int slot);
	/* Called once all threads are warm, and when all have ended: the time
	 * to read counters.  May be NULL. */
	void (*mark)(void *arg, bool end);
};

struct bench_plan {
	unsigned int threads; /* from 1 */
	unsigned int jobs;    /* ASYNC jobs a thread; 0: synchronous */
	bool callback;	      /* how jobs wake: callback, not descriptors */
	double seconds;	      /* of measured time, if @count is 0 */
	uint64_t count;	      /* operations of all threads */
};

struct bench_result {
	uint64_t ops, failed, wrong;
	uint64_t wall_ns;   /* measured time, mean of the threads */
	double rate;	    /* operations per second, sum of the threads */
	uint64_t app_ns;    /* CPU of the application, helpers included */
	uint64_t helper_ns; /* of these, threads that others than us made */
	uint64_t model_ns;
	struct bench_allocs allocs;
	struct bench_hist latency;
};

/*
 * Within run(): what lies between is another's work (the peer of a handshake),
 * and counts neither as CPU of the application, nor as time, nor as its
 * allocations.  Outside of a run it does nothing.
 */
struct bench_pause {
	uint64_t wall, cpu;
	struct bench_allocs allocs;
};
void bench_exclude_begin(struct bench_pause *p);
void bench_exclude_end(const struct bench_pause *p);

/* Set before the first run to have allocations counted. */
extern void (*bench_allocs_now)(struct bench_allocs *a);

/**
 * bench_run() - measure @work as @plan says
 * Ends early at the first failed or wrong operation.
 *
 * Return: 0, also when operations failed or were wrong; -errno: could not be
 * measured at all.
 */
int bench_run(const struct bench_work *work, const struct bench_plan *plan,
	      struct bench_result *result);

#endif
