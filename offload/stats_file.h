/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats_file.h - counters that can be read from outside: one file a process,
 * mapped shared, so that counting stays a plain store.
 *
 *	<dir>/wd.<pid>, and wd.<pid>.1 ... where a process has several providers
 *
 * Written by offload/stats.c when a process opens its first queue, read by
 * wdctl(1).  It stays after the process has gone.  All numbers are in the
 * machine's byte order; a reader refuses another magic, version or size.
 * Readers may see a job counted and its bytes not yet.
 */
#ifndef OFFLOAD_STATS_FILE_H
#define OFFLOAD_STATS_FILE_H

#include "offload/offload.h"

#define STATS_FILE_MAGIC   0x7374617473647777u /* "wwdstats" in memory */
#define STATS_FILE_VERSION 2u
/* Lanes beyond these are counted in memory only. */
#define STATS_FILE_LANES   256
#define STATS_STRIPES	   16

/* Software counts are not a lane's: threads share a few stripes. */
struct stats_stripe {
	_Alignas(64) _Atomic uint64_t software[OFFLOAD_KINDS];
	_Atomic uint64_t wrong[OFFLOAD_KINDS];
};

struct stats_file {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* of this struct */
	uint32_t pid;
	uint32_t kinds;		/* OFFLOAD_KINDS of the writer */
	uint32_t model;		/* 1: the device is a model */
	_Atomic uint32_t lanes; /* entries of lane[] in use */
	char program[32];	/* short name, terminated */
	char kind[OFFLOAD_KINDS][16];
	struct stats_stripe stripe[STATS_STRIPES];
	struct offload_stats lane[STATS_FILE_LANES];
};

/* Sum of everything in the file. */
void stats_file_sum(const struct stats_file *f, struct offload_stats *out);

#endif
