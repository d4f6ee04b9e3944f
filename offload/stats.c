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
#include <time.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"

/* Files of one process: as many providers may be loaded in it. */
#define STATS_FILES_MAX 16

/* So many lanes more at a time: of most processes it is all they need. */
#define STATS_LANES_STEP 4u

/* ---- handles ------------------------------------------------------------ */

static void handle_take(struct stats_handle *h, int fd)
{
	struct stat st;

	h->fd = fd;
	if (fd >= 0 && fstat(fd, &st)) {
		close(fd);
		h->fd = -1;
	}
	if (h->fd >= 0) {
		h->dev = st.st_dev;
		h->ino = st.st_ino;
	}
}

static bool handle_is_ours(const struct stats_handle *h)
{
	struct stat st;

	return h->fd >= 0 && !fstat(h->fd, &st) && st.st_dev == h->dev &&
	       st.st_ino == h->ino;
}

static void handle_drop(struct stats_handle *h)
{
	if (handle_is_ours(h))
		close(h->fd);
	h->fd = -1;
}

void stats_dir_open(struct stats_handle *d, const char *path)
{
	d->fd = -1;
	if (!path || !*path)
		return;
	handle_take(d, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (d->fd < 0)
		wd_warn("stats: %s: %s; make the directory, or set stats to "
			"another one",
			path, strerror(errno));
}

void stats_dir_close(struct stats_handle *d)
{
	handle_drop(d);
}

/* ---- the file ----------------------------------------------------------- */

/* Readable for the owner, root, and the group: of a directory with the
 * set-group-id bit, that of whoever watches. */
static int stats_file_create(int dir)
{
	char name[32];
	int fd = -1;

	for (int i = 0; fd < 0 && i < STATS_FILES_MAX; i++) {
		snprintf(name, sizeof(name), i ? "wd.%d.%d" : "wd.%d",
			 (int)getpid(), i);
		fd = openat(dir, name,
			    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0640);
		if (fd < 0 && errno != EEXIST)
			return -1;
	}
	return fd;
}

/* Growing a file beyond the limit is a deadly signal, not an error; a store
 * into a hole of a full disk is, too, so that there are none. */
static bool stats_file_grow(int fd, size_t size)
{
	struct rlimit limit;

	return !getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur >= size &&
	       !posix_fallocate(fd, 0, (off_t)size);
}

static size_t stats_size(uint32_t lanes)
{
	return offsetof(struct stats_file, lane) +
	       lanes * sizeof(struct stats_lane);
}

static struct stats_file *stats_file_map(struct stats_handle *h,
					 const struct stats_handle *dir)
{
	struct stats_file *f = MAP_FAILED;

	if (!handle_is_ours(dir))
		return NULL;
	handle_take(h, stats_file_create(dir->fd));
	if (h->fd < 0)
		return NULL;
	/* Mapped once, also what the file does not have yet. */
	if (stats_file_grow(h->fd, stats_size(STATS_LANES_STEP)))
		f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED,
			 h->fd, 0);
	if (f != MAP_FAILED)
		return f;
	handle_drop(h);
	return NULL;
}

static uint64_t boot_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void stats_file_head(struct stats_file *f, const struct offload *o)
{
	f->version = STATS_FILE_VERSION;
	f->size = sizeof(*f);
	f->pid = (uint32_t)getpid();
	f->kinds = OFFLOAD_KINDS;
	f->model = o->host->model;
	f->made_ns = boot_ns();
	memcpy(f->program, o->program, sizeof(f->program));
	for (int k = 0; k < OFFLOAD_KINDS; k++)
		snprintf(f->kind[k], sizeof(f->kind[k]), "%s", kinds[k].name);
	for (int y = 0; y < OFFLOAD_WHYS; y++)
		snprintf(f->why[y], sizeof(f->why[y]), "%s",
			 offload_why_name((enum offload_why)y));
	/* Last: a file with the magic is a whole one. */
	__atomic_store_n(&f->magic, STATS_FILE_MAGIC, __ATOMIC_RELEASE);
}

/* What was counted before goes along; a count that comes meanwhile stays
 * behind, in memory only. */
static void stats_move_stripes(struct proc *p, struct stats_file *f)
{
	atomic_store(&p->stripes, f->stripe);
	for (int s = 0; s < STATS_STRIPES; s++) {
		_Atomic uint64_t *from = (_Atomic uint64_t *)&p->own[s];
		_Atomic uint64_t *to = (_Atomic uint64_t *)&f->stripe[s];

		for (size_t i = 0; i < sizeof(p->own[s]) / sizeof(*to); i++)
			atomic_fetch_add(&to[i], atomic_exchange(&from[i], 0));
	}
}

/* With p->lock held, as all opening. */
static struct stats_file *stats_file_of(struct proc *p)
{
	if (!p->file && !p->file_tried) {
		p->file_tried = true;
		p->file = stats_file_map(&p->file_at, &p->o->stats_dir);
		if (p->file) {
			stats_file_head(p->file, p->o);
			stats_move_stripes(p, p->file);
		}
	}
	return p->file;
}

/* The next entry that the file has, or can be made to have. */
static struct stats_lane *stats_lane_next(struct proc *p)
{
	struct stats_file *f = stats_file_of(p);
	uint32_t n = f ? atomic_load(&f->lanes) : STATS_FILE_LANES;

	if (n >= STATS_FILE_LANES)
		return NULL;
	if (n % STATS_LANES_STEP == 0 && n &&
	    (!handle_is_ours(&p->file_at) ||
	     !stats_file_grow(p->file_at.fd, stats_size(n + STATS_LANES_STEP))))
		return NULL;
	return &f->lane[n];
}

void stats_lane_new(struct lane *l)
{
	l->shown = &l->own;
	l->stats = &l->own.count;
}

/* Not with snprintf(), which takes 1 KiB of what may be an ASYNC job's stack. */
static void say_device(struct stats_lane *s, const char *name)
{
	size_t n = strnlen(name, sizeof(s->device) - 1);

	memset(s->device, 0, sizeof(s->device));
	memcpy(s->device, name, n);
}

/* A lane keeps its place, and takes its counts along to another device. */
void stats_lane_opened(struct lane *l)
{
	struct stats_lane *s = l->shown, *next = NULL;

	if (s == &l->own)
		next = stats_lane_next(l->proc);
	/* It has no queue yet, but somebody may be adding up. */
	lane_enter(l);
	if (next) {
		*next = *s;
		s = next;
	}
	say_device(s, l->device->info.name);
	s->class = l->class;
	s->depth = l->jobs;
	s->count.lanes++;
	if (s != l->shown) {
		l->shown = s;
		l->stats = &s->count;
		atomic_fetch_add(&l->proc->file->lanes, 1);
	}
	lane_leave(l);
}

void stats_lane_is(struct lane *l, enum lane_state state)
{
	static const enum stats_lane_state shown[] = {
		[LANE_EMPTY] = STATS_LANE_CLOSED,
		[LANE_OPEN] = STATS_LANE_OPEN,
		[LANE_STOPPING] = STATS_LANE_GIVEN_UP,
		[LANE_DEAD] = STATS_LANE_GIVEN_UP,
		[LANE_CLOSING] = STATS_LANE_CLOSED,
	};

	atomic_store_explicit(&l->shown->state, shown[state],
			      memory_order_relaxed);
}

void stats_proc_new(struct proc *p)
{
	p->file_at.fd = -1;
	atomic_store(&p->stripes, p->own);
}

void stats_proc_free(struct proc *p)
{
	uint32_t lanes = p->file ? atomic_load(&p->file->lanes) : 0;

	/* The process may live on, without this provider. */
	for (uint32_t i = 0; i < lanes && !proc_is_stale(p); i++)
		atomic_store(&p->file->lane[i].state, STATS_LANE_CLOSED);
	if (p->file)
		munmap(p->file, sizeof(*p->file));
	handle_drop(&p->file_at);
}

/* ---- counting ----------------------------------------------------------- */

static struct stats_stripe *stripe(struct offload *o)
{
	struct proc *p = proc_get(o);

	return p ? &atomic_load_explicit(&p->stripes,
					 memory_order_acquire)[wd_stripe()]
		 : NULL;
}
_Static_assert(STATS_STRIPES == WD_STRIPES, "a thread's is one of them");

static void count(struct offload *o, enum offload_kind kind,
		  enum offload_why why)
{
	struct stats_stripe *s = stripe(o);

	if (s)
		atomic_fetch_add_explicit(&s->software[kind][why], 1,
					  memory_order_relaxed);
}

void offload_count_software(struct offload *o, enum offload_kind kind)
{
	count(o, kind, choose_why(o, kind));
}

void offload_count_fallback(struct offload *o, enum offload_kind kind, int rc)
{
	count(o, kind, choose_why_not(o, kind, rc));
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

static void add_stripe(struct offload_stats *sum, const struct stats_stripe *s)
{
	for (int k = 0; k < OFFLOAD_KINDS; k++) {
		for (int y = 0; y < OFFLOAD_WHYS; y++) {
			sum->kind[k].software += s->software[k][y];
			sum->why[y] += s->software[k][y];
		}
		sum->kind[k].wrong += s->wrong[k];
	}
}

static void add_stripes(struct offload_stats *sum,
			const struct stats_stripe *stripe)
{
	for (int s = 0; s < STATS_STRIPES; s++)
		add_stripe(sum, &stripe[s]);
}

void stats_file_sum(const struct stats_file *f, struct offload_stats *out)
{
	uint32_t lanes = f->lanes;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < lanes && i < STATS_FILE_LANES; i++)
		add(out, &f->lane[i].count);
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
