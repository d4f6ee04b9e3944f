/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/wdbench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/wd_base.h"
#include "tools/bench_alloc.h"
#include "tools/bench_trace.h"

/* Operations of a run under ptrace, and what any run may take beyond its
 * time. */
#define TRACED	   512
#define GRACE_SECS 120
#define STATS_MAX  32768

/* A measuring process. */
struct child {
	pid_t pid;
	int report; /* it tells: ready, then the outcome */
	int start;  /* it is told to go */
};

struct measured {
	struct bench_op op;
	struct bench_side side;
	struct outcome out;
	int report, start;
	bool traced;
};

/* ---- in the child ------------------------------------------------------------ */

/* Sum of the numbers behind each "@key": in @json. */
static uint64_t sum_of(const char *json, const char *key)
{
	uint64_t n = 0;

	while ((json = strstr(json, key))) {
		json += strlen(key);
		n += strtoull(json, NULL, 10);
	}
	return n;
}

/* Adds (@end) or takes off what the provider has counted so far. */
static void counters(struct measured *m, bool end)
{
	char *json = calloc(1, STATS_MAX);
	int model = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string("wd-stats", json, STATS_MAX - 1),
		OSSL_PARAM_utf8_string("wd-device", m->out.device,
				       sizeof(m->out.device) - 1),
		OSSL_PARAM_int("wd-model", &model),
		OSSL_PARAM_END,
	};
	uint64_t sign = end ? 1 : (uint64_t)-1;

	if (json && OSSL_PROVIDER_get_params(m->side.provider, params)) {
		m->out.descriptors += sign * sum_of(json, "\"jobs\":");
		m->out.checks +=
			sign * sum_of(json, "\"rsa-public\":{\"jobs\":");
		m->out.software += sign * sum_of(json, "\"software\":");
		m->out.bells += sign * sum_of(json, "\"sq_bells\":");
		m->out.model = model;
	}
	free(json);
}

static void mark(void *arg, bool end)
{
	struct bench_op *op = arg;
	struct measured *m = op->owner;
	char c = 'r';

	if (!end) {
		if (write(m->report, &c, 1) != 1 || read(m->start, &c, 1) != 1)
			_exit(1);
	}
	counters(m, end);
	if (m->traced)
		bench_trace_mark(end);
}

static int measure(const struct ask *ask, const struct cell *cell,
		   struct measured *m)
{
	struct bench_plan plan = {
		.threads = cell->threads,
		.jobs = cell->jobs,
		.callback = ask->callback,
		.seconds = ask->seconds,
		.count = m->traced ? TRACED
				   : (ask->count + cell->processes - 1) /
					     cell->processes,
	};
	struct bench_work work;
	int rc = bench_side_open(&m->side, cell->provider);

	if (rc)
		return rc;
	bench_alloc_find_wd();
	if (!bench_op_prepare(&m->op, &m->side)) {
		bench_errors(m->op.name);
		return -EINVAL;
	}
	m->op.owner = m;
	bench_op_work(&m->op, &work);
	work.mark = mark;
	rc = bench_run(&work, &plan, &m->out.r);
	if (m->out.r.failed)
		bench_errors(m->op.name);
	m->out.context_bytes = -1;
	if (ask->contexts && !m->traced && !rc)
		m->out.context_bytes =
			bench_op_context_bytes(&m->op, ask->contexts);
	memcpy(m->out.served, m->op.served, sizeof(m->out.served));
	return rc;
}

static void write_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t did = write(fd, at, n);

		if (did <= 0)
			_exit(1);
		at += did;
		n -= (size_t)did;
	}
}

/* The process ends without cleaning up but for the provider's own teardown:
 * what a broken provider leaves must not hide what it did. */
static _Noreturn void child_main(const struct ask *ask, const struct cell *cell,
				 int report, int start, bool traced)
{
	struct measured *m = calloc(1, sizeof(*m));

	if (!m || (traced && !bench_trace_me()))
		_exit(1);
	alarm((unsigned int)ask->seconds * 8 + GRACE_SECS);
	m->op = *cell->op;
	m->report = report;
	m->start = start;
	m->traced = traced;
	m->out.rc = measure(ask, cell, m);
	write_all(report, m->out.rc ? "x" : "o", 1);
	write_all(report, &m->out, sizeof(m->out));
	if (!m->out.rc && !m->out.r.failed) {
		bench_op_free(&m->op);
		bench_side_close(&m->side);
	}
	exit(0);
}

/* ---- in the parent ----------------------------------------------------------- */

static int child_start(const struct ask *ask, const struct cell *cell,
		       bool traced, struct child *c)
{
	int report[2], start[2];

	if (pipe(report) || pipe(start))
		return -errno;
	fflush(stdout);
	c->pid = fork();
	if (c->pid < 0)
		return -errno;
	if (!c->pid) {
		close(report[0]);
		close(start[1]);
		child_main(ask, cell, report[1], start[0], traced);
	}
	close(report[1]);
	close(start[0]);
	c->report = report[0];
	c->start = start[1];
	return 0;
}

static bool read_all(int fd, void *p, size_t n)
{
	char *at = p;

	while (n) {
		ssize_t did = read(fd, at, n);

		if (did <= 0)
			return false;
		at += did;
		n -= (size_t)did;
	}
	return true;
}

static const char *how_it_ended(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return "it did not end: hanging";
	if (WIFSIGNALED(status))
		snprintf(buf, size, "it was killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "it ended with status %d",
			 WEXITSTATUS(status));
	return buf;
}

static void add(struct outcome *sum, const struct outcome *more)
{
	memcpy(sum->served, more->served, sizeof(sum->served));
	memcpy(sum->device, more->device, sizeof(sum->device));
	sum->model |= more->model;
	sum->context_bytes = more->context_bytes;
	sum->descriptors += more->descriptors;
	sum->bells += more->bells;
	sum->software += more->software;
	sum->checks += more->checks;
	sum->rc = sum->rc ? sum->rc : more->rc;
	sum->r.ops += more->r.ops;
	sum->r.failed += more->r.failed;
	sum->r.wrong += more->r.wrong;
	sum->r.rate += more->r.rate;
	sum->r.wall_ns += more->r.wall_ns;
	sum->r.app_ns += more->r.app_ns;
	sum->r.helper_ns += more->r.helper_ns;
	sum->r.model_ns += more->r.model_ns;
	sum->r.allocs.all += more->r.allocs.all;
	sum->r.allocs.own += more->r.allocs.own;
	bench_hist_sum(&sum->r.latency, &more->r.latency);
}

/* Lets all go once all are ready, and sums what they report. */
static int children_run(struct child *c, unsigned int n, struct outcome *out)
{
	struct outcome *one = malloc(sizeof(*one));
	char word;
	int rc = one ? 0 : -ENOMEM;

	for (unsigned int i = 0; i < n && !rc; i++)
		if (!read_all(c[i].report, &word, 1) || word != 'r')
			rc = -EIO;
	for (unsigned int i = 0; i < n; i++)
		if (rc || write(c[i].start, "g", 1) != 1)
			close(c[i].start);
	for (unsigned int i = 0; i < n && !rc; i++) {
		if (!read_all(c[i].report, &word, 1) ||
		    !read_all(c[i].report, one, sizeof(*one)))
			rc = -EIO;
		else
			add(out, one);
	}
	free(one);
	return rc;
}

/* A child that has said why is not explained again. */
static void explain(const struct cell *cell, int status)
{
	char how[128];

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	fprintf(stderr, "wdbench: %s with provider %s: not measured: %s\n",
		cell->op->name, cell->provider,
		how_it_ended(status, how, sizeof(how)));
}

static int run_plain(const struct ask *ask, const struct cell *cell,
		     struct outcome *out)
{
	struct child c[64] = { { 0 } };
	unsigned int n = 0;
	int rc = 0, status;

	memset(out, 0, sizeof(*out));
	for (; n < cell->processes && !rc; n += !rc)
		rc = child_start(ask, cell, false, &c[n]);
	if (rc)
		fprintf(stderr, "wdbench: no more processes: %s\n",
			strerror(-rc));
	else
		rc = children_run(c, n, out);
	for (unsigned int i = 0; i < n; i++) {
		close(c[i].report);
		close(c[i].start);
		waitpid(c[i].pid, &status, 0);
		if (rc)
			explain(cell, status);
	}
	return rc ? rc : out->rc;
}

static double run_traced(const struct ask *ask, const struct cell *cell)
{
	struct child c = { 0 };
	uint64_t calls = 0;
	int rc = child_start(ask, cell, true, &c);

	if (rc)
		return -1;
	/* It is not waited for: it may go when it is ready, and what it
	 * reports fits into the pipe. */
	if (write(c.start, "g", 1) != 1)
		rc = -EIO;
	rc = rc ? rc : bench_trace_count(c.pid, &calls);
	close(c.report);
	close(c.start);
	if (rc) {
		kill(c.pid, SIGKILL);
		waitpid(c.pid, NULL, 0);
		fprintf(stderr, "wdbench: system calls can't be counted: %s\n",
			strerror(-rc));
		return -1;
	}
	return (double)calls / TRACED;
}

int wdbench_run(const struct ask *ask, const struct cell *cell,
		struct outcome *out)
{
	int rc = run_plain(ask, cell, out);

	out->syscalls = -1;
	if (!rc && out->r.wrong)
		fprintf(stderr,
			"wdbench: %s with provider %s: WRONG RESULT (after "
			"%llu operations)\n",
			cell->op->name, cell->provider,
			(unsigned long long)out->r.ops);
	if (rc || out->r.wrong || out->r.failed)
		return -1;
	if (ask->syscalls)
		out->syscalls = run_traced(ask, cell);
	return 0;
}

static double cpu(const struct outcome *o)
{
	return o->r.ops ? (double)o->r.app_ns / (double)o->r.ops : 0;
}

static int by_cpu(const void *a, const void *b)
{
	double x = cpu(*(struct outcome *const *)a);
	double y = cpu(*(struct outcome *const *)b);

	return (x > y) - (x < y);
}

struct outcome *wdbench_median(struct outcome *out, unsigned int n,
			       unsigned int stride)
{
	struct outcome *sorted[REPEAT_MAX] = { out };

	for (unsigned int i = 0; i < n; i++)
		sorted[i] = &out[i * stride];
	qsort(sorted, n, sizeof(struct outcome *), by_cpu);
	return sorted[n / 2];
}
