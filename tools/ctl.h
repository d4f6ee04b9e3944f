/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl.h - the commands of wdctl(1) that look at running processes.
 *
 *	seen.c	    who there is, read from files	ctl_stats.c  text and JSON
 *	ctl_prom.c  text for Prometheus			ctl_top.c    the live view
 */
#ifndef TOOLS_CTL_H
#define TOOLS_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/seen.h"

struct ctl_options {
	bool json, prometheus, all;
	const char *output; /* NULL: standard output */
	const char *dir;    /* NULL: where they usually are */
	double over;	    /* seconds; 0: since the start */
	/* top */
	bool batch, lanes;
	double delay;	      /* seconds */
	unsigned long rounds; /* 0: for ever */
	const char *sort, *pids;
};

/* Each returns an exit status: 0; 1 something could not be read; 2 usage. */
int ctl_stats(char **what, const struct ctl_options *o);
int ctl_top(const struct ctl_options *o);
int ctl_clean(const struct ctl_options *o);

/* Read all where they usually are.  Return: 0; -errno: some directory said so,
 * and it was said. */
int ctl_find(struct seen *s, const char *dir);

/* Counters of a lane or process that have no kind, by name. */
struct ctl_counter {
	const char *name;
	size_t offset; /* in struct offload_stats */
};
extern const struct ctl_counter ctl_counters[];
extern const unsigned int ctl_counter_count;

void ctl_prometheus(FILE *to, const struct seen *s);

#endif
