/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_drop.h - an operation as an ASYNC job that the application may drop: its
 * fibre is leaked by libcrypto with all that is on its stack, for good.
 */
#ifndef JOB_DROP_H
#define JOB_DROP_H

/* Runs @run(@arg) as an ASYNC job and drops it at its @drop_at-th pause,
 * counted from 1, once @ready, unless NULL, has returned; 0: never.  A job that
 * ends returns 1.  Return: pauses seen. */
int job_paused(int (*run)(void *arg), void *arg, int drop_at,
	       void (*ready)(void));

#endif
