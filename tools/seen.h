/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seen.h - the processes that use wd, as their statistics files show them.
 *
 * A file is read in one go into memory of ours: what another user does to it
 * meanwhile (makes it shorter, say) changes nothing here, and the process that
 * counts notices nothing.  All text of a file is made printable ASCII.
 *
 * Whose file is it?  The process of its name has ended, as far as we are
 * concerned, when there is none of that number, when that one has started after
 * the file was made, or when it belongs to somebody else who isn't root: in a
 * directory that everybody may write to, anybody can make a file.
 */
#ifndef TOOLS_SEEN_H
#define TOOLS_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "offload/stats_file.h"

/* Where servers keep theirs, by the examples. */
#define SEEN_DIR "/run/wd"

struct seen_proc {
	struct stats_file *f; /* a copy; its lane[] has f->lanes */
	char *path;
	char user[32]; /* who made the file */
	bool alive;
	struct offload_stats sum; /* of the whole file */
	uint32_t depth, in_flight;
	uint32_t lane_in_flight[STATS_FILE_LANES];
};

struct seen {
	struct seen_proc *proc;
	size_t n, room;
	uint64_t now_ns;     /* CLOCK_BOOTTIME, when they were read */
	unsigned int broken; /* files that are none of wd, or damaged */
	unsigned int hidden; /* files that we may not read */
	bool quiet;	     /* count those, but say nothing */
};

/* From one file, following links.  Return: 0; -errno, and said why. */
int seen_file(struct seen *s, const char *path);

/* All of a directory, following none.  Return: 0; -errno, and said why. */
int seen_dir(struct seen *s, const char *path);

/* What maps statistics files, wherever they are: of @pid, or of all with 0.
 * Root finds everything, others their own.  Return: how many files. */
int seen_mapped(struct seen *s, uint32_t pid);

/* Begin anew, and when it is. */
void seen_start(struct seen *s);
void seen_free(struct seen *s);

/* By PID, and by file where one has several. */
void seen_sort(struct seen *s);

/* The same process in @s, or NULL. */
const struct seen_proc *seen_same(const struct seen *s,
				  const struct seen_proc *p);

/* What was counted since @before; NULL: since the start. */
void seen_since(struct seen_proc *p, const struct seen_proc *before);

/* Sum of the counters of @more on top. */
void seen_add(struct offload_stats *sum, const struct offload_stats *more);

/* Jobs of all kinds. */
struct offload_kind_stats seen_all_kinds(const struct offload_stats *s);

/* What a lane is for. */
const char *seen_class(const struct stats_lane *l);
const char *seen_state(const struct stats_lane *l);

#endif
