/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/seen.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAD_SIZE offsetof(struct stats_file, lane)

/* ---- alive? -------------------------------------------------------------- */

static FILE *proc_open(uint32_t pid, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, what);
	return fopen(path, "re");
}

/* Return: ns since boot; 0: not known. */
static uint64_t started_ns(uint32_t pid)
{
	unsigned long long ticks = 0;
	char line[1024] = "", *after;
	FILE *f = proc_open(pid, "stat");

	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	/* The name stands in brackets and may have any in itself; the time is
	 * the 20th word after it. */
	after = strrchr(line, ')');
	for (int i = 0; after && i < 20; i++)
		after = strchr(after + 1, ' ');
	if (after)
		ticks = strtoull(after, NULL, 10);
	return ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* Is @uid one of the users this process is?  Not known: yes. */
static bool belongs_to(uint32_t pid, uid_t uid)
{
	FILE *f = proc_open(pid, "status");
	char line[256];
	unsigned int id[4];
	bool yes = true;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Uid: %u %u %u %u", &id[0], &id[1], &id[2],
			   &id[3]) != 4)
			continue;
		yes = uid == id[0] || uid == id[1] || uid == id[2] ||
		      uid == id[3];
		break;
	}
	if (f)
		fclose(f);
	return yes;
}

/* Ticks are coarse: a file is as old as its process, for one. */
#define TICK_NS 10000000u

static bool is_alive(const struct stats_file *f, uid_t owner, uint64_t now)
{
	if (kill((pid_t)f->pid, 0) && errno != EPERM)
		return false;
	if (f->made_ns > now) /* it was made before the machine was booted */
		return false;
	if (started_ns(f->pid) > f->made_ns + TICK_NS)
		return false;
	return !owner || belongs_to(f->pid, owner);
}

/* ---- a file -------------------------------------------------------------- */

static void make_printable(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static bool same_names(const struct stats_file *f)
{
	for (int k = 0; k < OFFLOAD_KINDS; k++)
		if (strncmp(f->kind[k], offload_kind_name((enum offload_kind)k),
			    sizeof(f->kind[k])) != 0)
			return false;
	for (int y = 0; y < OFFLOAD_WHYS; y++)
		if (strncmp(f->why[y], offload_why_name((enum offload_why)y),
			    sizeof(f->why[y])) != 0)
			return false;
	return true;
}

/* NULL, or what is wrong with @size bytes at @f. */
static const char *head_wrong(const struct stats_file *f, size_t size)
{
	if (!size)
		return "empty";
	if (size < offsetof(struct stats_file, pid))
		return "too short to be a statistics file";
	if (!f->magic)
		return "not a statistics file, or not finished";
	if (f->magic != STATS_FILE_MAGIC)
		return "not a statistics file";
	if (f->version != STATS_FILE_VERSION)
		return "of another version of wd";
	if (size < HEAD_SIZE)
		return "cut short";
	if (f->size != sizeof(*f) || f->kinds != OFFLOAD_KINDS ||
	    !same_names(f))
		return "of another build of wd";
	if (f->lanes > STATS_FILE_LANES || !f->pid || f->pid > INT32_MAX)
		return "damaged";
	if (size < HEAD_SIZE + f->lanes * sizeof(f->lane[0]))
		return "cut short";
	return NULL;
}

static size_t read_all(int fd, void *to, size_t size)
{
	size_t done = 0;
	ssize_t n = 1;

	while (done < size && n > 0) {
		n = pread(fd, (char *)to + done, size - done, (off_t)done);
		if (n > 0)
			done += (size_t)n;
	}
	return done;
}

/* The file at @fd as memory.  Return: NULL, and *@wrong says why. */
static struct stats_file *file_read(int fd, struct stat *st, const char **wrong)
{
	struct stats_file *f;
	size_t got;

	if (fstat(fd, st) || !S_ISREG(st->st_mode)) {
		*wrong = "not a regular file";
		return NULL;
	}
	f = calloc(1, sizeof(*f)); /* what is not read is not touched */
	if (!f) {
		*wrong = strerror(ENOMEM);
		return NULL;
	}
	got = (uint64_t)st->st_size < sizeof(*f) ? (size_t)st->st_size
						 : sizeof(*f);
	*wrong = head_wrong(f, read_all(fd, f, got));
	if (*wrong) {
		free(f);
		return NULL;
	}
	return f;
}

/* ---- what is in flight --------------------------------------------------- */

void seen_add(struct offload_stats *sum, const struct offload_stats *more)
{
	uint64_t *a = (uint64_t *)sum;
	const uint64_t *b = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*a); i++)
		a[i] += b[i];
}

struct offload_kind_stats seen_all_kinds(const struct offload_stats *s)
{
	struct offload_kind_stats sum = { 0 };
	uint64_t *a = (uint64_t *)&sum;

	for (int k = 0; k < OFFLOAD_KINDS; k++)
		for (size_t i = 0; i < sizeof(sum) / sizeof(*a); i++)
			a[i] += ((const uint64_t *)&s->kind[k])[i];
	return sum;
}

/* The numbers were read while they changed: never more than there can be. */
static uint32_t in_flight(const struct stats_lane *l)
{
	struct offload_kind_stats c = seen_all_kinds(&l->count);
	uint64_t back = c.done + c.errors + c.timeouts;
	uint64_t out = c.jobs > back ? c.jobs - back : 0;

	return (uint32_t)(out < l->depth ? out : l->depth);
}

static void look_at_lanes(struct seen_proc *p)
{
	struct stats_file *f = p->f;

	for (uint32_t i = 0; i < f->lanes; i++) {
		struct stats_lane *l = &f->lane[i];

		make_printable(l->device, sizeof(l->device));
		if (l->depth > STATS_FILE_LANES)
			l->depth = STATS_FILE_LANES;
		p->lane_in_flight[i] = p->alive ? in_flight(l) : 0;
		p->in_flight += p->lane_in_flight[i];
		if (l->state == STATS_LANE_OPEN)
			p->depth += l->depth;
	}
}

const char *seen_class(const struct stats_lane *l)
{
	static const char *const names[] = { "rsa-dh", "curves", "symmetric" };

	return l->class < sizeof(names) / sizeof(names[0]) ? names[l->class]
							   : "?";
}

const char *seen_state(const struct stats_lane *l)
{
	static const char *const names[] = {
		[STATS_LANE_CLOSED] = "closed",
		[STATS_LANE_OPEN] = "open",
		[STATS_LANE_GIVEN_UP] = "given-up",
	};
	uint32_t state = l->state;

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

/* ---- the list ------------------------------------------------------------ */

void seen_start(struct seen *s)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_BOOTTIME, &ts);
	s->now_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void seen_free(struct seen *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->proc[i].f);
		free(s->proc[i].path);
	}
	free(s->proc);
	*s = (struct seen){ .quiet = s->quiet };
}

static void user_of(char *name, size_t size, uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(name, size, "%s", pw->pw_name);
	else
		snprintf(name, size, "%u", uid);
	make_printable(name, size);
}

/* Takes @f over.  Return: 0, -ENOMEM. */
static int seen_put(struct seen *s, struct stats_file *f, const char *path,
		    uid_t owner)
{
	struct seen_proc *more, *p;

	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 16;

		more = reallocarray(s->proc, room, sizeof(*more));
		if (!more)
			goto no_memory;
		s->proc = more;
		s->room = room;
	}
	p = &s->proc[s->n];
	memset(p, 0, sizeof(*p));
	p->path = strdup(path);
	if (!p->path)
		goto no_memory;
	p->f = f;
	make_printable(f->program, sizeof(f->program));
	p->alive = is_alive(f, owner, s->now_ns);
	user_of(p->user, sizeof(p->user), owner);
	look_at_lanes(p);
	stats_file_sum(f, &p->sum);
	s->n++;
	return 0;

no_memory:
	free(f);
	return -ENOMEM;
}

static bool seen_has(const struct seen *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->proc[i].path, path))
			return true;
	return false;
}

/* Number in the name `wd.NUMBER` or `wd.NUMBER.N`; 0: it is none. */
static uint32_t pid_of_name(const char *name)
{
	unsigned long pid;
	char *end;

	if (strncmp(name, "wd.", 3) || !isdigit((unsigned char)name[3]))
		return 0;
	pid = strtoul(name + 3, &end, 10);
	if (*end == '.' && isdigit((unsigned char)end[1]))
		strtoul(end + 1, &end, 10);
	return *end || pid > INT32_MAX ? 0 : (uint32_t)pid;
}

/* A program's own messages, not a terminal's commands. */
static void complain(const char *path, const char *what)
{
	char shown[512];

	snprintf(shown, sizeof(shown), "%s", path);
	make_printable(shown, sizeof(shown));
	fprintf(stderr, "wdctl: %s: %s\n", shown, what);
}

static int seen_at(struct seen *s, int dir, const char *name, const char *path,
		   int flags)
{
	uint32_t pid = dir == AT_FDCWD ? 0 : pid_of_name(name);
	const char *wrong = NULL;
	struct stats_file *f = NULL;
	int fd, rc = -EINVAL;
	struct stat st = { 0 };

	/* What blocks on opening (a pipe) is none of ours. */
	fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags);
	if (fd < 0) {
		rc = -errno;
		wrong = rc == -ELOOP ? "a symbolic link" : strerror(-rc);
	} else {
		f = file_read(fd, &st, &wrong);
		close(fd);
	}
	if (f && pid && f->pid != pid) {
		wrong = "of another process than its name says";
		free(f);
		f = NULL;
	}
	if (f)
		return seen_put(s, f, path, st.st_uid);
	/* The process may have gone, and somebody have tidied up. */
	if (rc == -ENOENT && dir != AT_FDCWD)
		return 0;
	if (rc == -EACCES && dir != AT_FDCWD) {
		s->hidden++;
		return 0;
	}
	s->broken++;
	if (!s->quiet)
		complain(path, wrong);
	return rc;
}

int seen_file(struct seen *s, const char *path)
{
	return seen_at(s, AT_FDCWD, path, path, 0);
}

int seen_dir(struct seen *s, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char full[4096 + 256];
	int rc = 0, one;

	if (!dir) {
		rc = -errno;
		if (rc != -ENOTDIR && !s->quiet)
			complain(path, strerror(-rc));
		return rc;
	}
	while ((e = readdir(dir))) {
		snprintf(full, sizeof(full), "%s/%s", path, e->d_name);
		if (!pid_of_name(e->d_name) || seen_has(s, full))
			continue;
		one = seen_at(s, dirfd(dir), e->d_name, full, O_NOFOLLOW);
		if (one)
			rc = one;
	}
	closedir(dir);
	return rc;
}

/* ---- by what is mapped --------------------------------------------------- */

/* A line of /proc/PID/maps: the path is the sixth word. */
static char *mapped_path(char *line)
{
	char *at = line, *name;

	for (int i = 0; i < 5; i++) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	at[strcspn(at, "\n")] = '\0';
	name = strrchr(at, '/');
	return *at == '/' && pid_of_name(name + 1) ? at : NULL;
}

static int seen_mapped_by(struct seen *s, uint32_t pid)
{
	FILE *maps = proc_open(pid, "maps");
	char line[4096 + 128], far[4096 + 192], *path;
	size_t before = s->n;

	while (maps && fgets(line, sizeof(line), maps)) {
		path = mapped_path(line);
		if (!path || pid_of_name(strrchr(path, '/') + 1) != pid ||
		    seen_has(s, path))
			continue;
		/* In a container, by the way through it. */
		if (access(path, F_OK)) {
			snprintf(far, sizeof(far), "/proc/%u/root%s", pid,
				 path);
			path = far;
		}
		if (!seen_has(s, path))
			(void)seen_file(s, path);
	}
	if (maps)
		fclose(maps);
	return (int)(s->n - before);
}

int seen_mapped(struct seen *s, uint32_t pid)
{
	struct dirent *e;
	DIR *proc;
	int n = 0;

	if (pid)
		return seen_mapped_by(s, pid);
	proc = opendir("/proc");
	while (proc && (e = readdir(proc)))
		if (isdigit((unsigned char)e->d_name[0]))
			n += seen_mapped_by(
				s, (uint32_t)strtoul(e->d_name, NULL, 10));
	if (proc)
		closedir(proc);
	return n;
}

/* ---- in time ------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
	const struct seen_proc *p = a, *q = b;

	if (p->f->pid != q->f->pid)
		return p->f->pid < q->f->pid ? -1 : 1;
	return strcmp(p->path, q->path);
}

void seen_sort(struct seen *s)
{
	if (s->n)
		qsort(s->proc, s->n, sizeof(s->proc[0]), by_pid);
}

const struct seen_proc *seen_same(const struct seen *s,
				  const struct seen_proc *p)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->proc[i].f->made_ns == p->f->made_ns &&
		    !strcmp(s->proc[i].path, p->path))
			return &s->proc[i];
	return NULL;
}

/* Counters only grow; whatever a broken file says, no difference is negative. */
static void words_since(void *now, const void *before, size_t size)
{
	uint64_t *a = now;
	const uint64_t *b = before;

	for (size_t i = 0; i < size / sizeof(*a); i++)
		a[i] = a[i] > b[i] ? a[i] - b[i] : 0;
}

void seen_since(struct seen_proc *p, const struct seen_proc *before)
{
	if (!before)
		return;
	words_since(p->f->stripe, before->f->stripe, sizeof(p->f->stripe));
	for (uint32_t i = 0; i < p->f->lanes && i < before->f->lanes; i++)
		words_since(&p->f->lane[i].count, &before->f->lane[i].count,
			    sizeof(struct offload_stats));
	stats_file_sum(p->f, &p->sum);
}
