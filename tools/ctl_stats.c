/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl.h"

#define COUNTER(field)                                                         \
	{                                                                      \
#field, offsetof(struct offload_stats, field)                  \
	}

const struct ctl_counter ctl_counters[] = {
	COUNTER(sq_bells),   COUNTER(cq_bells),	 COUNTER(bells_full),
	COUNTER(bells_idle), COUNTER(bells_age), COUNTER(polled),
	COUNTER(spun_ns),    COUNTER(copied),	 COUNTER(sleeps),
	COUNTER(wakes),	     COUNTER(abandoned), COUNTER(quarantined),
	COUNTER(resets),     COUNTER(lanes),
};
const unsigned int ctl_counter_count =
	sizeof(ctl_counters) / sizeof(ctl_counters[0]);

/* What is shown, and of how long. */
struct view {
	FILE *to;
	const struct seen *seen;
	double over; /* seconds; 0: since each was made */
	bool ended;  /* show these, too */
	bool failed; /* something could not be read, and was said */
};

static double age_s(const struct view *v, const struct seen_proc *p)
{
	return v->over > 0 ? v->over
			   : (double)(v->seen->now_ns - p->f->made_ns) / 1e9;
}

static bool is_shown(const struct view *v, const struct seen_proc *p)
{
	return p->alive || v->ended;
}

/* ---- JSON ---------------------------------------------------------------- */

static void json_text(FILE *to, const char *text)
{
	putc('"', to);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < ' ' || c > '~')
			fprintf(to, "\\u%04x", c);
		else
			putc(c, to);
	}
	putc('"', to);
}

static void json_kind(FILE *to, enum offload_kind k,
		      const struct offload_kind_stats *c)
{
	fprintf(to,
		"\"%s\":{\"jobs\":%" PRIu64 ",\"bytes\":%" PRIu64
		",\"async\":%" PRIu64 ",\"done\":%" PRIu64
		",\"errors\":%" PRIu64 ",\"timeouts\":%" PRIu64
		",\"software\":%" PRIu64 ",\"wrong\":%" PRIu64 "},",
		offload_kind_name(k), c->jobs, c->bytes, c->async, c->done,
		c->errors, c->timeouts, c->software, c->wrong);
}

static void json_counters(FILE *to, const struct offload_stats *s)
{
	for (unsigned int i = 0; i < ctl_counter_count; i++)
		fprintf(to, "%s\"%s\":%" PRIu64, i ? "," : "",
			ctl_counters[i].name,
			*(const uint64_t *)((const char *)s +
					    ctl_counters[i].offset));
}

static void json_stats(FILE *to, const struct offload_stats *s)
{
	for (int k = 0; k < OFFLOAD_KINDS; k++)
		json_kind(to, (enum offload_kind)k, &s->kind[k]);
	json_counters(to, s);
	for (int y = 0; y < OFFLOAD_WHYS; y++)
		fprintf(to, "%s\"%s\":%" PRIu64,
			y ? "," : ",\"software_why\":{",
			offload_why_name((enum offload_why)y), s->why[y]);
	putc('}', to);
}

/* Of a queue, only the kinds it has done. */
static void json_lane(FILE *to, const struct seen_proc *p, uint32_t i)
{
	const struct stats_lane *l = &p->f->lane[i];

	fprintf(to, "%s{\"lane\":%u,\"device\":", i ? ",\n" : "", i);
	json_text(to, l->device);
	fprintf(to,
		",\"class\":\"%s\",\"state\":\"%s\",\"depth\":%u,"
		"\"in_flight\":%u,",
		seen_class(l), seen_state(l), l->depth, p->lane_in_flight[i]);
	for (int k = 0; k < OFFLOAD_KINDS; k++)
		if (l->count.kind[k].jobs)
			json_kind(to, (enum offload_kind)k, &l->count.kind[k]);
	json_counters(to, &l->count);
	putc('}', to);
}

static void json_process(const struct view *v, const struct seen_proc *p)
{
	const struct stats_file *f = p->f;

	fprintf(v->to, "{\"pid\":%u,\"program\":", f->pid);
	json_text(v->to, f->program);
	fputs(",\"user\":", v->to);
	json_text(v->to, p->user);
	fputs(",\"file\":", v->to);
	json_text(v->to, p->path);
	fprintf(v->to,
		",\"alive\":%s,\"model\":%s,\"seconds\":%.3f,"
		"\"in_flight\":%u,\"depth\":%u,",
		p->alive ? "true" : "false", f->model ? "true" : "false",
		age_s(v, p), p->in_flight, p->depth);
	json_stats(v->to, &p->sum);
	fputs(",\n\"queues\":[", v->to);
	for (uint32_t i = 0; i < f->lanes; i++)
		json_lane(v->to, p, i);
	fputs("]}", v->to);
}

static bool total_of(const struct view *v, struct offload_stats *sum)
{
	bool model = false;

	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < v->seen->n; i++) {
		if (!is_shown(v, &v->seen->proc[i]))
			continue;
		seen_add(sum, &v->seen->proc[i].sum);
		model |= v->seen->proc[i].f->model;
	}
	return model;
}

static void json_all(const struct view *v)
{
	const char *comma = "";
	struct offload_stats sum;
	bool model = total_of(v, &sum);

	fputs("{\"processes\":[", v->to);
	for (size_t i = 0; i < v->seen->n; i++) {
		if (!is_shown(v, &v->seen->proc[i]))
			continue;
		fputs(comma, v->to);
		json_process(v, &v->seen->proc[i]);
		comma = ",\n";
	}
	fprintf(v->to, "],\n\"total\":{\"model\":%s,",
		model ? "true" : "false");
	json_stats(v->to, &sum);
	fputs("}}\n", v->to);
}

/* ---- text ---------------------------------------------------------------- */

static const char *duration(char *to, size_t size, double s)
{
	if (s < 120)
		snprintf(to, size, "%.1f s", s);
	else if (s < 2.0 * 3600)
		snprintf(to, size, "%.0f min", s / 60);
	else if (s < 2.0 * 86400)
		snprintf(to, size, "%.1f h", s / 3600);
	else
		snprintf(to, size, "%.1f days", s / 86400);
	return to;
}

/* @seconds: 0: no rate can be told. */
static void text_kinds(FILE *to, const struct offload_stats *s, double seconds)
{
	fprintf(to, "  %-12s %10s %10s %14s %10s %8s %8s %8s %10s\n", "",
		"jobs", "per s", "bytes", "async", "errors", "timeout", "wrong",
		"software");
	for (int k = 0; k < OFFLOAD_KINDS; k++) {
		const struct offload_kind_stats *c = &s->kind[k];
		char rate[32] = "-";

		if (!c->jobs && !c->software)
			continue;
		if (seconds > 0)
			snprintf(rate, sizeof(rate), "%.1f",
				 (double)c->jobs / seconds);
		fprintf(to,
			"  %-12s %10" PRIu64 " %10s %14" PRIu64 " %10" PRIu64
			" %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %10" PRIu64
			"\n",
			offload_kind_name((enum offload_kind)k), c->jobs, rate,
			c->bytes, c->async, c->errors, c->timeouts, c->wrong,
			c->software);
	}
}

static void text_whys(FILE *to, const struct offload_stats *s)
{
	const char *before = "  software because of: ";

	for (int y = 0; y < OFFLOAD_WHYS; y++) {
		if (!s->why[y])
			continue;
		fprintf(to, "%s%s %" PRIu64, before,
			offload_why_name((enum offload_why)y), s->why[y]);
		before = ", ";
	}
	if (*before == ',')
		putc('\n', to);
}

static void text_stats(FILE *to, const struct offload_stats *s, double seconds)
{
	uint64_t jobs = seen_all_kinds(s).jobs;

	text_kinds(to, s, seconds);
	text_whys(to, s);
	fprintf(to,
		"  doorbells %" PRIu64 " down (%.1f jobs each), %" PRIu64
		" up; %" PRIu64 " bytes copied; %" PRIu64 " sleeps; %" PRIu64
		" wake-ups; %" PRIu64 " jobs dropped\n"
		"  %" PRIu64 " of %" PRIu64 " queues quarantined, %" PRIu64
		" of these stopped by the device\n"
		"  batches rung: %" PRIu64 " full, %" PRIu64 " idle, %" PRIu64
		" aged; %" PRIu64 " completions polled; %" PRIu64 " us spun\n",
		s->sq_bells,
		s->sq_bells ? (double)jobs / (double)s->sq_bells : 0,
		s->cq_bells, s->copied, s->sleeps, s->wakes, s->abandoned,
		s->quarantined, s->lanes, s->resets, s->bells_full,
		s->bells_idle, s->bells_age, s->polled, s->spun_ns / 1000);
}

static void text_lane(FILE *to, const struct seen_proc *p, uint32_t i,
		      double seconds)
{
	const struct stats_lane *l = &p->f->lane[i];
	struct offload_kind_stats c = seen_all_kinds(&l->count);
	const struct offload_stats *s = &l->count;

	fprintf(to,
		"  %4u %-16s %-10s %-9s %4u/%-4u %10" PRIu64
		" %10.1f %14" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64
		" %10" PRIu64 "\n",
		i, l->device, seen_class(l), seen_state(l),
		p->lane_in_flight[i], l->depth, c.jobs,
		seconds > 0 ? (double)c.jobs / seconds : 0, c.bytes,
		s->sq_bells, s->sleeps, c.errors + c.timeouts, s->quarantined);
}

static void text_process(const struct view *v, const struct seen_proc *p)
{
	const struct stats_file *f = p->f;
	double s = p->alive || v->over > 0 ? age_s(v, p) : 0;
	char buf[32];

	fprintf(v->to, "%u %s, %s%s%s", f->pid, f->program, p->user,
		p->alive ? "" : " (ended)", f->model ? ", model" : "");
	if (s > 0)
		fprintf(v->to, ", %s %s", v->over > 0 ? "in" : "for",
			duration(buf, sizeof(buf), s));
	putc('\n', v->to);
	text_stats(v->to, &p->sum, s);
	if (f->lanes)
		fprintf(v->to,
			"  %4s %-16s %-10s %-9s %9s %10s %10s %14s %10s %8s "
			"%8s %10s\n",
			"lane", "device", "for", "queue", "in flight", "jobs",
			"per s", "bytes", "bells", "sleeps", "failed",
			"given up");
	for (uint32_t i = 0; i < f->lanes; i++)
		text_lane(v->to, p, i, s);
}

static void text_hidden(const struct view *v)
{
	if (v->seen->hidden)
		fprintf(v->to, "%u of other users are not shown\n",
			v->seen->hidden);
}

static void text_full(const struct view *v)
{
	struct offload_stats sum;
	bool model = total_of(v, &sum);
	size_t n = 0;

	for (size_t i = 0; i < v->seen->n; i++) {
		if (!is_shown(v, &v->seen->proc[i]))
			continue;
		text_process(v, &v->seen->proc[i]);
		n++;
	}
	if (!n && !v->failed) {
		fputs("no process has opened a queue\n", v->to);
	} else if (n > 1) {
		fprintf(v->to, "total of %zu%s\n", n,
			model ? ", on the model" : "");
		text_stats(v->to, &sum, v->over);
	}
	text_hidden(v);
}

static void text_list(const struct view *v)
{
	size_t shown = 0, ended = 0;
	char buf[32];

	for (size_t i = 0; i < v->seen->n; i++) {
		const struct seen_proc *p = &v->seen->proc[i];
		struct offload_kind_stats c = seen_all_kinds(&p->sum);

		ended += !p->alive;
		if (!is_shown(v, p))
			continue;
		if (!shown++)
			fprintf(v->to,
				"%7s %-12s %-16s %5s %9s %12s %10s %8s %10s\n",
				"PID", "USER", "PROGRAM", "LANES", "IN FLIGHT",
				"JOBS", "SOFTWARE", "FAILED", "FOR");
		fprintf(v->to,
			"%7u %-12.12s %-16.16s %5u %4u/%-4u %12" PRIu64
			" %10" PRIu64 " %8" PRIu64 " %10s%s\n",
			p->f->pid, p->user, p->f->program, p->f->lanes,
			p->in_flight, p->depth, c.jobs, c.software,
			c.errors + c.timeouts,
			p->alive ? duration(buf, sizeof(buf), age_s(v, p))
				 : "ended",
			p->f->model ? " model" : "");
	}
	if (!shown)
		fputs("no process that uses wd was found (is the provider's "
		      "key `stats` set?)\n",
		      v->to);
	if (ended && !v->ended)
		fprintf(v->to,
			"%zu have ended: --all shows them, `wdctl "
			"clean` removes their files\n",
			ended);
	text_hidden(v);
}

/* ---- which --------------------------------------------------------------- */

int ctl_find(struct seen *s, const char *dir)
{
	int rc;

	if (!dir)
		dir = getenv("WD_STATS");
	if (dir && *dir == '/')
		return seen_dir(s, dir);
	rc = access(SEEN_DIR, F_OK) ? 0 : seen_dir(s, SEEN_DIR);
	(void)seen_mapped(s, 0);
	return rc;
}

/* Those of @all that are @pid's, once more.  Return: how many. */
static unsigned int take_pid(struct seen *s, const struct seen *all,
			     uint32_t pid)
{
	unsigned int n = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (all->proc[i].f->pid != pid)
			continue;
		(void)seen_file(s, all->proc[i].path);
		n++;
	}
	return n;
}

/* From where they usually are, else from what the process has mapped. */
static int find_pid(struct seen *s, uint32_t pid, const char *dir)
{
	struct seen all = { .quiet = true };
	unsigned int hidden;
	bool found;

	seen_start(&all);
	if (dir || getenv("WD_STATS"))
		(void)ctl_find(&all, dir);
	else
		(void)seen_dir(&all, SEEN_DIR);
	hidden = all.hidden;
	found = take_pid(s, &all, pid) || seen_mapped(s, pid);
	seen_free(&all);
	if (found)
		return 0;
	fprintf(stderr, "wdctl: %u: %s\n", pid,
		hidden ? "has no statistics that you may read"
		       : "no process that uses wd with the key `stats` set");
	return -ESRCH;
}

static bool is_pid(const char *text, uint32_t *pid)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*pid = (uint32_t)n;
	return isdigit((unsigned char)*text) && !*end && n && n <= INT32_MAX;
}

static int take_all(struct seen *s, char **what, const struct ctl_options *o)
{
	uint32_t pid;
	int rc = 0, one;

	seen_start(s);
	if (!*what)
		return ctl_find(s, o->dir);
	for (; *what; what++) {
		if (is_pid(*what, &pid)) {
			one = find_pid(s, pid, o->dir);
		} else {
			one = seen_dir(s, *what);
			if (one == -ENOTDIR)
				one = seen_file(s, *what);
		}
		if (one)
			rc = one;
	}
	return rc;
}

static int64_t now_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* What is counted while we wait.  Return: as take_all(). */
static int take_over(struct seen *s, char **what, struct view *v,
		     const struct ctl_options *o)
{
	const struct timespec ts = {
		.tv_sec = (time_t)o->over,
		.tv_nsec = (long)((o->over - (double)(time_t)o->over) * 1e9),
	};
	struct seen before = { .quiet = true };
	int64_t start = now_ns();
	int rc;

	(void)take_all(&before, what, o);
	nanosleep(&ts, NULL);
	rc = take_all(s, what, o);
	v->over = (double)(now_ns() - start) / 1e9;
	for (size_t i = 0; i < s->n; i++)
		seen_since(&s->proc[i], seen_same(&before, &s->proc[i]));
	seen_free(&before);
	return rc;
}

/* ---- where to ------------------------------------------------------------ */

/* Beside @path, under a name that no collector reads. */
static FILE *output_open(char *temp, size_t size, const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash + 1 - path) : 0, fd;

	if (snprintf(temp, size, "%.*s.%s.XXXXXX", dir, path, path + dir) >=
	    (int)size) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = mkstemp(temp);
	return fd < 0 || fchmod(fd, 0644) ? NULL : fdopen(fd, "w");
}

static void show(const struct view *v, bool full, const struct ctl_options *o)
{
	if (o->json)
		json_all(v);
	else if (o->prometheus)
		ctl_prometheus(v->to, v->seen);
	else if (full)
		text_full(v);
	else
		text_list(v);
}

/* Return: false: it could not be written; said why. */
static bool show_in_file(struct view *v, bool full, const struct ctl_options *o)
{
	char temp[4096];
	bool ok;

	v->to = output_open(temp, sizeof(temp), o->output);
	ok = v->to;
	if (ok) {
		show(v, full, o);
		ok = !fflush(v->to) && !ferror(v->to);
		ok = !fclose(v->to) && ok && !rename(temp, o->output);
	}
	if (!ok) {
		fprintf(stderr, "wdctl: %s: %s\n", o->output, strerror(errno));
		unlink(temp);
	}
	return ok;
}

int ctl_stats(char **what, const struct ctl_options *o)
{
	struct seen s = { 0 };
	struct view v = { .to = stdout, .seen = &s, .ended = o->all || *what };
	int rc;

	if (o->json && o->prometheus) {
		fputs("wdctl: stats: --json or --prometheus?\n", stderr);
		return 2;
	}
	if (o->prometheus && o->over > 0) {
		fputs("wdctl: stats: --prometheus counts from the start, it "
		      "is Prometheus that makes rates\n",
		      stderr);
		return 2;
	}
	rc = o->over > 0 ? take_over(&s, what, &v, o) : take_all(&s, what, o);
	v.failed = rc;
	seen_sort(&s);
	if (o->output)
		rc |= !show_in_file(&v, *what, o);
	else
		show(&v, *what, o);
	seen_free(&s);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "wdctl: %s\n", strerror(errno));
		return 1;
	}
	return rc ? 1 : 0;
}

int ctl_clean(const struct ctl_options *o)
{
	struct seen s = { 0 };
	unsigned int removed = 0;
	int rc;

	seen_start(&s);
	rc = ctl_find(&s, o->dir);
	for (size_t i = 0; i < s.n; i++) {
		if (s.proc[i].alive)
			continue;
		if (unlink(s.proc[i].path)) {
			fprintf(stderr, "wdctl: %s: %s\n", s.proc[i].path,
				strerror(errno));
			rc = -errno;
		} else {
			removed++;
		}
	}
	printf("%u removed, %zu kept\n", removed, s.n - removed);
	seen_free(&s);
	return rc ? 1 : 0;
}
