/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdbench.h - what the files of wdbench share: what is asked, what came out.
 *
 *	wdbench.c       options, the runs one after the other
 *	wdbench_run.c   one run: processes of its own, and what they report
 *	wdbench_print.c table and JSON
 *	wdbench_report.c, bench_svg.c  the page of `wdbench report`
 *	bench_core.c    timing; bench_ops.c, bench_pkey.c, bench_sym.c: rows
 *	bench_alloc.c   allocations; bench_trace.c: system calls
 *
 * Each measurement is made in a fresh process (or several), forked from one
 * that has loaded the default provider only: no measurement sees what another
 * has left in a heap, a cache of fetched algorithms, or a queue.
 */
#ifndef WDBENCH_H
#define WDBENCH_H

#include "tools/bench_ops.h"

#define LIST_MAX      16
#define PROVIDERS_MAX 8
#define ROWS_MAX      256
#define REPEAT_MAX    32

struct list {
	unsigned int at[LIST_MAX], n;
};

struct ask {
	const char *provider[PROVIDERS_MAX];
	unsigned int providers;
	struct bench_op *op;
	unsigned int ops;
	struct list jobs, threads, processes;
	bool callback, syscalls, json;
	double seconds;
	uint64_t count;
	unsigned int repeat, contexts;
	const char *device, *output; /* as asked for, or NULL */
};

/* One cell of the matrix. */
struct cell {
	const struct bench_op *op;
	const char *provider;
	unsigned int jobs, threads, processes;
};

struct outcome {
	struct bench_result r;
	char served[32], device[64];
	bool model;
	/* Over the measured time, from the provider's own counters. */
	uint64_t descriptors, bells, software;
	uint64_t checks;      /* of the descriptors, RSA results checked */
	double context_bytes; /* negative: not measured */
	double syscalls;      /* an operation; negative: not counted */
	int rc;		      /* 0 or -errno: not measured */
};

/* Measures @cell into @out: 0, or -1 with an explanation on standard error. */
int wdbench_run(const struct ask *ask, const struct cell *cell,
		struct outcome *out);

/* The outcome whose CPU for an operation, which other work on the machine
 * disturbs least, is the median of @n, every @stride-th of @out. */
struct outcome *wdbench_median(struct outcome *out, unsigned int n,
			       unsigned int stride);

/* One line; @base: the first provider's outcome, or NULL. */
void wdbench_print_head(const struct ask *ask);
void wdbench_print(const struct ask *ask, const struct cell *cell,
		   const struct outcome *out, const struct outcome *base);
void wdbench_print_end(const struct ask *ask, const struct outcome *device);

/* Measures the report's scenarios and writes the page.  Return: exit status. */
int wdbench_report(const struct ask *ask);

#endif
