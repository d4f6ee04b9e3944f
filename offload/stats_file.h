/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats_file.h - counters that can be read from outside: one file a process,
 * mapped shared, so that counting stays a plain store.
 *
 *	<dir>/wd.<pid>, and wd.<pid>.1 ... where a process has several providers
 *
 *	| magic, who | names of kinds | software, in stripes | lane | lane | ...
 *
 * Written by offload/stats.c from a process's first queue on, read by wdctl(1).
 * It stays when the process has gone.  All numbers are in the machine's byte
 * order; a reader refuses another magic, version or size.  It is as long as the
 * lanes need, and only grows.
 *
 * Nothing is locked: a reader may see a job counted and its bytes not yet.  A
 * counter is an aligned word and so never seen half written.  What is in flight
 * is not stored: it is what was given to the device less what came back.
 */
#ifndef OFFLOAD_STATS_FILE_H
#define OFFLOAD_STATS_FILE_H

#include "offload/offload.h"

#define STATS_FILE_MAGIC   0x7374617473647777u /* "wwdstats" in memory */
#define STATS_FILE_VERSION 3u
/* Lanes beyond these are counted in memory only. */
#define STATS_FILE_LANES   256
#define STATS_STRIPES	   16

/* Software counts are not a lane's: threads share a few stripes. */
struct stats_stripe {
	_Alignas(64) _Atomic uint64_t software[OFFLOAD_KINDS][OFFLOAD_WHYS];
	_Atomic uint64_t wrong[OFFLOAD_KINDS];
};

enum stats_lane_state {
	STATS_LANE_CLOSED, /* no queue */
	STATS_LANE_OPEN,
	STATS_LANE_GIVEN_UP, /* failed; closed when the last job has left */
};

/* Neighbours are other threads': none shares a cache line. */
struct stats_lane {
	_Alignas(64) char device[48]; /* of its latest queue, terminated */
	_Atomic uint32_t state;	      /* enum stats_lane_state */
	uint32_t class;		      /* 0 RSA and DH, 1 curves, 2 symmetric */
	uint32_t depth;		      /* most jobs in flight */
	uint32_t zero;
	struct offload_stats count;
};

struct stats_file {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* of this struct, whatever the file has */
	uint32_t pid;
	uint32_t kinds;		/* OFFLOAD_KINDS of the writer */
	uint32_t model;		/* 1: the device is a model */
	_Atomic uint32_t lanes; /* entries of lane[] in use */
	uint64_t made_ns;	/* CLOCK_BOOTTIME: later than the process */
	char program[32];	/* short name, terminated */
	char kind[OFFLOAD_KINDS][16];
	char why[OFFLOAD_WHYS][16];
	struct stats_stripe stripe[STATS_STRIPES];
	struct stats_lane lane[STATS_FILE_LANES];
};

/* Sum of everything in the file. */
void stats_file_sum(const struct stats_file *f, struct offload_stats *out);

#endif
