/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench_core.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <openssl/async.h>

#include "base/wd_base.h"

/* A run's warming up, and the most that checking may stretch it. */
#define WARM_NS	       30000000u
/* A chunk is not much longer than this: results are checked soon. */
#define CHUNK_NS       20000000u
#define STRETCH	       4
/* Shorter operations are timed several at once: reading the clock is 25 ns. */
#define TIMED_TOGETHER 2000u
/* Names of the model's threads begin so. */
#define MODEL_THREAD   "wd-emu"
#define EVENTS	       64

void (*bench_allocs_now)(struct bench_allocs *a);

/* ---- latencies ----------------------------------------------------------- */

static unsigned int hist_index(uint64_t ns)
{
	unsigned int octave;

	if (ns < BENCH_HIST_STEPS)
		return (unsigned int)ns;
	octave = 63u - (unsigned int)__builtin_clzll(ns);
	octave = (octave - 5) * BENCH_HIST_STEPS + BENCH_HIST_STEPS +
		 (unsigned int)(ns >> (octave - 5)) % BENCH_HIST_STEPS;
	return octave < BENCH_HIST_SIZE ? octave : BENCH_HIST_SIZE - 1;
}
_Static_assert(BENCH_HIST_STEPS == 1 << 5, "an octave's steps are five bits");

/* The middle of a step. */
static double hist_middle(unsigned int i)
{
	unsigned int octave = i / BENCH_HIST_STEPS;
	double low = i % BENCH_HIST_STEPS + BENCH_HIST_STEPS;

	if (!octave)
		return i;
	return (low + 0.5) * (double)(1ull << (octave - 1));
}

void bench_hist_add(struct bench_hist *h, uint64_t ns, uint64_t times)
{
	h->count[hist_index(ns)] += times;
}

void bench_hist_sum(struct bench_hist *sum, const struct bench_hist *more)
{
	for (unsigned int i = 0; i < BENCH_HIST_SIZE; i++)
		sum->count[i] += more->count[i];
}

double bench_hist_ns(const struct bench_hist *h, double share)
{
	uint64_t all = 0, seen = 0;

	for (unsigned int i = 0; i < BENCH_HIST_SIZE; i++)
		all += h->count[i];
	for (unsigned int i = 0; i < BENCH_HIST_SIZE; i++) {
		seen += h->count[i];
		if (seen && (double)seen >= share * (double)all)
			return hist_middle(i);
	}
	return 0;
}

/* ---- clocks --------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_now(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* The CPU clock of a thread of ours: the encoding of clock_getcpuclockid(3)
 * for threads, which takes a pthread_t and no thread number. */
static clockid_t thread_clock(int tid)
{
	return (clockid_t)(~(unsigned int)tid << 3 | 6);
}

struct cpu_sums {
	uint64_t model, others;
};

bool bench_is_model(int pid, int tid)
{
	char path[64], name[32] = "";
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, name, sizeof(name) - 1);
		close(fd);
	}
	return n > 0 && !strncmp(name, MODEL_THREAD, strlen(MODEL_THREAD));
}

/* ---- a worker ------------------------------------------------------------- */

struct bench_job {
	struct worker *worker;
	void *state;
	unsigned int slot; /* next, or the one that is running */
	uint64_t since;
	/* ASYNC */
	ASYNC_JOB *job;
	ASYNC_WAIT_CTX *wait;
	bool busy;
	atomic_bool queued; /* in the worker's list of ready ones */
	struct bench_job *next_ready;
};

struct run {
	const struct bench_work *work;
	const struct bench_plan *plan;
	pthread_mutex_t gate;
	pthread_barrier_t warm, go;
	atomic_bool stop;
	atomic_int error;
	uint64_t count; /* of one thread */
};

struct worker {
	struct run *run;
	pthread_t thread;
	int tid;
	struct bench_job *job;
	unsigned int jobs;   /* at least 1 */
	unsigned int stride; /* synchronous operations timed together */
	unsigned int slots;  /* of a job, used in a chunk */
	uint64_t quota;	     /* operations that may still be started */
	struct bench_result r;
	uint64_t excluded_wall, excluded_cpu;
	struct bench_allocs excluded_allocs;
	/* ASYNC */
	int epoll, bell;
	_Atomic(struct bench_job *) ready;
	atomic_bool asleep;
};

/* Not by name: threads inherit that. */
static bool is_worker(const struct worker *w, unsigned int n, int tid)
{
	for (unsigned int i = 0; i < n; i++)
		if (w[i].tid == tid)
			return true;
	return false;
}

/* Of all threads but @n workers and the main one. */
static void cpu_look(struct cpu_sums *s, const struct worker *w, unsigned int n)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *e;
	int tid;

	*s = (struct cpu_sums){ 0 };
	while (dir && (e = readdir(dir))) {
		tid = atoi(e->d_name);
		if (!tid || tid == getpid() || is_worker(w, n, tid))
			continue;
		*(bench_is_model(getpid(), tid) ? &s->model : &s->others) +=
			clock_ns(thread_clock(tid));
	}
	if (dir)
		closedir(dir);
}

static _Thread_local struct worker *this_worker;

void bench_exclude_begin(struct bench_pause *p)
{
	if (!this_worker)
		return;
	if (bench_allocs_now)
		bench_allocs_now(&p->allocs);
	p->wall = wd_now_ns();
	p->cpu = cpu_now();
}

void bench_exclude_end(const struct bench_pause *p)
{
	struct worker *w = this_worker;
	struct bench_allocs now = { 0 };

	if (!w)
		return;
	w->excluded_cpu += cpu_now() - p->cpu;
	w->excluded_wall += wd_now_ns() - p->wall;
	if (bench_allocs_now)
		bench_allocs_now(&now);
	w->excluded_allocs.all += now.all - p->allocs.all;
	w->excluded_allocs.own += now.own - p->allocs.own;
}

static void worker_fails(struct worker *w)
{
	w->r.failed++;
	atomic_store(&w->run->stop, true);
}

/* ---- synchronous ----------------------------------------------------------- */

/* Operations of the next stretch: all of one stride, or what is left. */
static unsigned int sync_next(const struct worker *w, unsigned int slot)
{
	unsigned int n = w->slots - slot;

	if (n > w->stride)
		n = w->stride;
	return n > w->quota ? (unsigned int)w->quota : n;
}

static void sync_chunk(struct worker *w)
{
	const struct bench_work *work = w->run->work;
	unsigned int slot = 0, n;
	uint64_t from, excluded;

	while ((n = sync_next(w, slot)) > 0) {
		excluded = w->excluded_wall;
		from = wd_now_ns();
		for (unsigned int i = slot; i < slot + n; i++) {
			if (work->run(w->job->state, i) <= 0)
				return worker_fails(w);
		}
		from = wd_now_ns() - from - (w->excluded_wall - excluded);
		bench_hist_add(&w->r.latency, from / n, n);
		w->r.ops += n;
		w->quota -= n;
		slot += n;
		w->job->slot = slot;
	}
}

static void sync_stride(struct worker *w)
{
	double ns = bench_hist_ns(&w->r.latency, 0.5);

	w->stride = ns > 0 && ns < TIMED_TOGETHER
			    ? 1 + (unsigned int)(TIMED_TOGETHER / ns)
			    : 1;
}

/* ---- asynchronous ----------------------------------------------------------- */

static int job_main(void *arg)
{
	struct bench_job *j = *(struct bench_job **)arg;

	return j->worker->run->work->run(j->state, j->slot);
}

/* From any thread: the job may be resumed. */
static int job_woken(void *arg)
{
	struct bench_job *j = arg;
	struct worker *w = j->worker;
	uint64_t one = 1;

	if (atomic_exchange(&j->queued, true))
		return 1;
	j->next_ready = atomic_load(&w->ready);
	while (!atomic_compare_exchange_weak(&w->ready, &j->next_ready, j))
		;
	if (atomic_exchange(&w->asleep, false) &&
	    write(w->bell, &one, sizeof(one)) < 0)
		return 0;
	return 1;
}

/* New descriptors of a job, each once in its life. */
static bool job_watch(struct worker *w, struct bench_job *j)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = j };
	OSSL_ASYNC_FD fd[8];
	size_t more = 0, less = 0;

	if (w->run->plan->callback)
		return true;
	if (!ASYNC_WAIT_CTX_get_changed_fds(j->wait, NULL, &more, NULL, &less))
		return false;
	if (!more)
		return true;
	if (more > WD_ARRAY_SIZE(fd) || less ||
	    !ASYNC_WAIT_CTX_get_changed_fds(j->wait, fd, &more, NULL, &less))
		return false;
	for (size_t i = 0; i < more; i++)
		if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd[i], &e) &&
		    errno != EEXIST)
			return false;
	return true;
}

/* Runs a job until it pauses or has filled its slots. */
static void job_go_on(struct worker *w, struct bench_job *j)
{
	int ok;

	while (!atomic_load(&w->run->stop)) {
		if (!j->job) {
			if (j->slot == w->slots || !w->quota)
				return;
			w->quota--;
			j->since = wd_now_ns();
		}
		switch (ASYNC_start_job(&j->job, j->wait, &ok, job_main, &j,
					sizeof(struct bench_job *))) {
		case ASYNC_PAUSE:
			j->busy = true;
			if (!job_watch(w, j))
				worker_fails(w);
			return;
		case ASYNC_FINISH:
			break;
		default:
			return worker_fails(w);
		}
		j->busy = false;
		if (ok <= 0)
			return worker_fails(w);
		bench_hist_add(&w->r.latency, wd_now_ns() - j->since, 1);
		w->r.ops++;
		j->slot++;
	}
}

static void wait_for_fds(struct worker *w)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(w->epoll, e, EVENTS, -1);

	for (int i = 0; i < n; i++)
		job_go_on(w, e[i].data.ptr);
}

/* The oldest first: the list has the newest at its head. */
static struct bench_job *reverse(struct bench_job *j)
{
	struct bench_job *out = NULL, *next;

	for (; j; j = next) {
		next = j->next_ready;
		j->next_ready = out;
		out = j;
	}
	return out;
}

static void wait_for_callbacks(struct worker *w)
{
	struct bench_job *j, *next;
	uint64_t n;

	atomic_store(&w->asleep, true);
	if (!atomic_load(&w->ready) || !atomic_exchange(&w->asleep, false)) {
		/* Either nothing is there, or the bell is being rung. */
		if (read(w->bell, &n, sizeof(n)) < 0 && errno != EINTR)
			worker_fails(w);
	}
	for (j = reverse(atomic_exchange(&w->ready, NULL)); j; j = next) {
		next = j->next_ready;
		atomic_store(&j->queued, false);
		job_go_on(w, j);
	}
}

static bool any_busy(const struct worker *w)
{
	for (unsigned int i = 0; i < w->jobs; i++)
		if (w->job[i].busy)
			return true;
	return false;
}

static void async_chunk(struct worker *w)
{
	for (unsigned int i = 0; i < w->jobs; i++)
		job_go_on(w, &w->job[i]);
	while (!atomic_load(&w->run->stop) && any_busy(w)) {
		if (w->run->plan->callback)
			wait_for_callbacks(w);
		else
			wait_for_fds(w);
	}
}

/* ---- both ------------------------------------------------------------------- */

static void check_chunk(struct worker *w)
{
	const struct bench_work *work = w->run->work;

	if (!work->check || atomic_load(&w->run->stop))
		return;
	for (unsigned int i = 0; i < w->jobs; i++) {
		for (unsigned int s = 0; s < w->job[i].slot; s++) {
			if (work->check(w->job[i].state, s) > 0)
				continue;
			w->r.wrong++;
			atomic_store(&w->run->stop, true);
		}
	}
}

/* One chunk with its clocks; the checks are outside of them. */
static void chunk(struct worker *w)
{
	struct bench_allocs before = { 0 }, after = { 0 };
	uint64_t wall, cpu;

	for (unsigned int i = 0; i < w->jobs; i++)
		w->job[i].slot = 0;
	w->excluded_cpu = w->excluded_wall = 0;
	w->excluded_allocs = (struct bench_allocs){ 0 };
	if (bench_allocs_now)
		bench_allocs_now(&before);
	wall = wd_now_ns();
	cpu = cpu_now();
	if (w->run->plan->jobs)
		async_chunk(w);
	else
		sync_chunk(w);
	w->r.app_ns += cpu_now() - cpu - w->excluded_cpu;
	w->r.wall_ns += wd_now_ns() - wall - w->excluded_wall;
	if (bench_allocs_now)
		bench_allocs_now(&after);
	w->r.allocs.all += after.all - before.all - w->excluded_allocs.all;
	w->r.allocs.own += after.own - before.own - w->excluded_allocs.own;
	check_chunk(w);
}

/* Until @ns are measured or @count is reached; checks may stretch it. */
static void chunks(struct worker *w, uint64_t ns, uint64_t count)
{
	uint64_t end = wd_now_ns() + ns * STRETCH, from;

	w->quota = count ? count : UINT64_MAX;
	while (w->quota && !atomic_load(&w->run->stop)) {
		from = w->r.wall_ns;
		chunk(w);
		from = w->r.wall_ns - from;
		if (!count && (w->r.wall_ns >= ns || wd_now_ns() >= end))
			return;
		if (from < CHUNK_NS / 2 && w->slots < w->run->work->slots)
			w->slots *= 2;
		if (w->slots > w->run->work->slots)
			w->slots = w->run->work->slots;
	}
}

static bool job_open(struct worker *w, struct bench_job *j)
{
	const struct run *run = w->run;

	j->worker = w;
	j->state = run->work->open(run->work->arg);
	if (!j->state)
		return false;
	if (!run->plan->jobs)
		return true;
	j->wait = ASYNC_WAIT_CTX_new();
	return j->wait && (!run->plan->callback ||
			   ASYNC_WAIT_CTX_set_callback(j->wait, job_woken, j));
}

static bool worker_open(struct worker *w)
{
	w->jobs = w->run->plan->jobs ? w->run->plan->jobs : 1;
	w->stride = 1;
	w->slots = 1;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->bell = eventfd(0, EFD_CLOEXEC);
	w->job = calloc(w->jobs, sizeof(*w->job));
	if (!w->job || w->epoll < 0 || w->bell < 0)
		return false;
	if (w->run->plan->jobs && !ASYNC_init_thread(w->jobs, w->jobs))
		return false;
	for (unsigned int i = 0; i < w->jobs; i++)
		if (!job_open(w, &w->job[i]))
			return false;
	return true;
}

static void worker_close(struct worker *w)
{
	for (unsigned int i = 0; w->job && i < w->jobs; i++) {
		ASYNC_WAIT_CTX_free(w->job[i].wait);
		/* What a job that was left paused uses must stay. */
		if (w->job[i].state && !w->job[i].busy)
			w->run->work->close(w->job[i].state);
	}
	if (w->epoll >= 0)
		close(w->epoll);
	if (w->bell >= 0)
		close(w->bell);
	if (w->run->plan->jobs)
		ASYNC_cleanup_thread();
	free(w->job);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	this_worker = w;
	w->tid = gettid();
	/* Until all threads are there. */
	pthread_mutex_lock(&w->run->gate);
	pthread_mutex_unlock(&w->run->gate);
	if (!worker_open(w)) {
		atomic_store(&w->run->error, ENOMEM);
		atomic_store(&w->run->stop, true);
	}
	chunks(w, WARM_NS, 0);
	if (!w->run->plan->jobs)
		sync_stride(w);
	pthread_barrier_wait(&w->run->warm);
	pthread_barrier_wait(&w->run->go);
	if (!atomic_load(&w->run->stop)) {
		memset(&w->r, 0, sizeof(w->r));
		chunks(w, (uint64_t)(w->run->plan->seconds * 1e9),
		       w->run->count);
	}
	pthread_barrier_wait(&w->run->warm);
	worker_close(w);
	return NULL;
}

static void add_worker(struct bench_result *sum, const struct bench_result *r)
{
	sum->ops += r->ops;
	sum->failed += r->failed;
	sum->wrong += r->wrong;
	sum->wall_ns += r->wall_ns;
	sum->rate += r->wall_ns ? (double)r->ops * 1e9 / (double)r->wall_ns : 0;
	sum->app_ns += r->app_ns;
	sum->allocs.all += r->allocs.all;
	sum->allocs.own += r->allocs.own;
	bench_hist_sum(&sum->latency, &r->latency);
}

static void meet(struct run *run, const struct worker *w, unsigned int n,
		 struct bench_result *result)
{
	struct cpu_sums before, after;

	pthread_barrier_wait(&run->warm);
	if (run->work->mark)
		run->work->mark(run->work->arg, false);
	cpu_look(&before, w, n);
	pthread_barrier_wait(&run->go);
	pthread_barrier_wait(&run->warm);
	cpu_look(&after, w, n);
	if (run->work->mark)
		run->work->mark(run->work->arg, true);
	result->model_ns = after.model - before.model;
	result->helper_ns = after.others - before.others;
	result->app_ns = result->helper_ns;
}

/* Return: how many could be started. */
static unsigned int start(struct run *run, struct worker *w)
{
	unsigned int n;

	pthread_mutex_lock(&run->gate);
	for (n = 0; n < run->plan->threads; n++) {
		w[n].run = run;
		w[n].epoll = w[n].bell = -1;
		if (pthread_create(&w[n].thread, NULL, worker_main, &w[n]))
			break;
	}
	if (n < run->plan->threads) {
		atomic_store(&run->error, EAGAIN);
		atomic_store(&run->stop, true);
	}
	pthread_barrier_init(&run->warm, NULL, n + 1);
	pthread_barrier_init(&run->go, NULL, n + 1);
	pthread_mutex_unlock(&run->gate);
	return n;
}

int bench_run(const struct bench_work *work, const struct bench_plan *plan,
	      struct bench_result *result)
{
	struct run run = { .work = work,
			   .plan = plan,
			   .gate = PTHREAD_MUTEX_INITIALIZER };
	struct worker *w = calloc(plan->threads, sizeof(*w));
	unsigned int n;

	if (!w)
		return -ENOMEM;
	memset(result, 0, sizeof(*result));
	run.count = (plan->count + plan->threads - 1) / plan->threads;
	n = start(&run, w);
	meet(&run, w, n, result);
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(w[i].thread, NULL);
		add_worker(result, &w[i].r);
	}
	result->wall_ns /= plan->threads;
	pthread_barrier_destroy(&run.warm);
	pthread_barrier_destroy(&run.go);
	free(w);
	return -atomic_load(&run.error);
}
