/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - counters: a lane's are plain numbers written under its word; what
 * was done in software is counted in a few stripes that threads share.  Both
 * live in the process's own memory, or, with a directory configured, from the
 * first queue on in a file that others can read (stats_file.h).  A file that
 * can't be had is no error: nobody's job fails for a statistic.
 */
#include "offload/offload_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"

/* Files of one process: as many providers may be loaded in it. */
#define STATS_FILES_MAX 16

/* ---- the file ----------------------------------------------------------- */

void stats_dir_open(struct stats_dir *d, const char *path)
{
	struct stat st;

	d->fd = -1;
	if (!path || !*path)
		return;
	d->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0 || fstat(d->fd, &st)) {
		wd_warn("stats: %s: %s; make the directory, or set stats to "
			"another one",
			path, strerror(errno));
		return;
	}
	d->dev = st.st_dev;
	d->ino = st.st_ino;
}

static bool stats_dir_is_ours(const struct stats_dir *d)
{
	struct stat st;

	return d->fd >= 0 && !fstat(d->fd, &st) && st.st_dev == d->dev &&
	       st.st_ino == d->ino;
}

void stats_dir_close(struct stats_dir *d)
{
	if (stats_dir_is_ours(d))
		close(d->fd);
}

static int stats_file_create(int dir)
{
	char name[32];
	int fd = -1;

	for (int i = 0; fd < 0 && i < STATS_FILES_MAX; i++) {
		snprintf(name, sizeof(name), i ? "wd.%d.%d" : "wd.%d",
			 (int)getpid(), i);
		fd = openat(dir, name,
			    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0644);
		if (fd < 0 && errno != EEXIST)
			return -errno;
	}
	return fd < 0 ? -EEXIST : fd;
}

/* Growing a file beyond the limit is a deadly signal, not an error. */
static bool stats_file_fits(void)
{
	struct rlimit limit;

	return !getrlimit(RLIMIT_FSIZE, &limit) &&
	       limit.rlim_cur >= sizeof(struct stats_file);
}

static struct stats_file *stats_file_map(const struct stats_dir *dir)
{
	struct stats_file *f = MAP_FAILED;
	int fd;

	if (!stats_dir_is_ours(dir) || !stats_file_fits())
		return NULL;
	fd = stats_file_create(dir->fd);
	if (fd < 0)
		return NULL;
	/* Really there: a store into a hole of a full disk is deadly too. */
	if (!posix_fallocate(fd, 0, sizeof(*f)))
		f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);
	close(fd);
	return f == MAP_FAILED ? NULL : f;
}

static void stats_file_head(struct stats_file *f, const struct offload *o)
{
	f->version = STATS_FILE_VERSION;
	f->size = sizeof(*f);
	f->pid = (uint32_t)getpid();
	f->kinds = OFFLOAD_KINDS;
	f->model = o->host->model;
	memcpy(f->program, o->program, sizeof(f->program));
	for (int k = 0; k < OFFLOAD_KINDS; k++)
		snprintf(f->kind[k], sizeof(f->kind[k]), "%s", kinds[k].name);
	/* Last: a file with the magic is a whole one. */
	__atomic_store_n(&f->magic, STATS_FILE_MAGIC, __ATOMIC_RELEASE);
}

/* What was counted before goes along; a count that comes meanwhile stays
 * behind, in memory only. */
static void stats_move_stripes(struct proc *p, struct stats_file *f)
{
	atomic_store(&p->stripes, f->stripe);
	for (int s = 0; s < STATS_STRIPES; s++) {
		for (int k = 0; k < OFFLOAD_KINDS; k++) {
			atomic_fetch_add(
				&f->stripe[s].software[k],
				atomic_exchange(&p->own[s].software[k], 0));
			atomic_fetch_add(
				&f->stripe[s].wrong[k],
				atomic_exchange(&p->own[s].wrong[k], 0));
		}
	}
}

/* With p->lock held, as all opening. */
static struct stats_file *stats_file_of(struct proc *p)
{
	if (!p->file && !p->file_tried) {
		p->file_tried = true;
		p->file = stats_file_map(&p->o->stats_dir);
		if (p->file) {
			stats_file_head(p->file, p->o);
			stats_move_stripes(p, p->file);
		}
	}
	return p->file;
}

void stats_lane_opened(struct lane *l)
{
	struct stats_file *f = stats_file_of(l->proc);
	uint32_t n;

	if (f && l->stats == &l->counted) {
		n = atomic_load(&f->lanes);
		if (n < STATS_FILE_LANES) {
			f->lane[n] = l->counted;
			l->stats = &f->lane[n];
			atomic_store(&f->lanes, n + 1);
		}
	}
	l->stats->lanes++;
}

void stats_proc_free(struct proc *p)
{
	if (p->file)
		munmap(p->file, sizeof(*p->file));
}

/* ---- counting ----------------------------------------------------------- */

static struct stats_stripe *stripe(struct offload *o)
{
	struct proc *p = proc_get(o);
	uint64_t self = (uint64_t)pthread_self();

	/* Thread handles are addresses, pages apart. */
	return p ? &atomic_load_explicit(&p->stripes, memory_order_acquire)
			       [(self >> 12) * 0x9e3779b97f4a7c15u >> 60]
		 : NULL;
}
_Static_assert(STATS_STRIPES == 16, "the top four bits choose one");

void offload_count_software(struct offload *o, enum offload_kind kind)
{
	struct stats_stripe *s = stripe(o);

	if (s)
		atomic_fetch_add_explicit(&s->software[kind], 1,
					  memory_order_relaxed);
}

void offload_count_wrong(struct offload *o, enum offload_kind kind)
{
	struct stats_stripe *s = stripe(o);

	if (s)
		atomic_fetch_add_explicit(&s->wrong[kind], 1,
					  memory_order_relaxed);
}

/* A struct of counters is an array of counters. */
static void add(struct offload_stats *sum, const struct offload_stats *more)
{
	uint64_t *a = (uint64_t *)sum;
	const uint64_t *b = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*a); i++)
		a[i] += b[i];
}
_Static_assert(sizeof(struct offload_stats) % sizeof(uint64_t) == 0,
	       "counters and nothing else");

static void add_stripes(struct offload_stats *sum,
			const struct stats_stripe *stripe)
{
	for (int s = 0; s < STATS_STRIPES; s++) {
		for (int k = 0; k < OFFLOAD_KINDS; k++) {
			sum->kind[k].software += stripe[s].software[k];
			sum->kind[k].wrong += stripe[s].wrong[k];
		}
	}
}

void stats_file_sum(const struct stats_file *f, struct offload_stats *out)
{
	uint32_t lanes = f->lanes;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < lanes && i < STATS_FILE_LANES; i++)
		add(out, &f->lane[i]);
	add_stripes(out, f->stripe);
}

void offload_stats(const struct offload *o, struct offload_stats *out)
{
	struct proc *p = atomic_load(&o->proc);

	memset(out, 0, sizeof(*out));
	if (proc_is_stale(p))
		return; /* this process has done nothing yet */
	for (struct lane *l = atomic_load(&p->lanes); l; l = l->next) {
		lane_enter(l);
		add(out, l->stats);
		lane_leave(l);
	}
	add_stripes(out, p->own);
	if (p->file)
		add_stripes(out, p->file->stripe);
}
