/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_trace.h - system calls counted: the measured process runs under
 * ptrace(2), and tells with a marker where the measured section begins and
 * ends.  Tracing makes everything slow, so nothing else is measured then.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* In the child, first of all: stops until the parent follows. */
bool bench_trace_me(void);

/* In the child: the section begins or ends. */
void bench_trace_mark(bool end);

/**
 * bench_trace_count() - follow child @pid to its end
 * @calls: gets the system calls of all threads in the section, the main
 *	   thread's, the model's and the reading of CPU clocks left out
 *
 * Return: 0; -errno: can't be traced here.
 */
int bench_trace_count(pid_t pid, uint64_t *calls);

#endif
