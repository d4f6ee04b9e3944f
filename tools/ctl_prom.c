/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl_prom.c - text exposition format 0.0.4, as Prometheus and node_exporter's
 * textfile collector read it.  All samples of a metric stand together, so the
 * loops go metric, process, queue, kind.  Of kinds, those the process has met.
 */
#include <inttypes.h>

#include "tools/ctl.h"

/* In quotes: backslash, quote and line feed have a meaning. */
static void label(FILE *to, const char *name, const char *value)
{
	fprintf(to, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", to);
		else if (*value == '"' || *value == '\\')
			fprintf(to, "\\%c", *value);
		else
			putc(*value, to);
	}
	putc('"', to);
}

static void head(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Left open: the value follows, or another label. */
static void sample(FILE *to, const char *name, const struct seen_proc *p)
{
	const char *slash = p->path;

	for (const char *c = p->path; *c; c++)
		if (*c == '/')
			slash = c + 1;
	fprintf(to, "%s{pid=\"%u\",", name, p->f->pid);
	label(to, "comm", p->f->program);
	/* A process may have several providers. */
	fputs(",", to);
	label(to, "file", slash);
}

static void lane_labels(FILE *to, const struct stats_file *f, uint32_t i)
{
	fputs(",", to);
	label(to, "device", f->lane[i].device);
	fprintf(to, ",lane=\"%u\"", i);
}

#define OF_KIND(field) offsetof(struct offload_kind_stats, field)

static uint64_t word_at(const void *s, size_t offset)
{
	return *(const uint64_t *)((const char *)s + offset);
}

/* ---- by queue and kind --------------------------------------------------- */

static const struct {
	const char *name, *help;
	size_t offset;
} by_kind[] = {
	{ "wd_jobs_total", "Jobs given to the device.", OF_KIND(jobs) },
	{ "wd_bytes_total", "Payload of the jobs given to the device.",
	  OF_KIND(bytes) },
	{ "wd_async_jobs_total", "Jobs that paused inside an ASYNC job.",
	  OF_KIND(async) },
	{ "wd_done_total", "Jobs that ended well.", OF_KIND(done) },
	{ "wd_errors_total",
	  "Jobs that ended with an error status or a stopped queue.",
	  OF_KIND(errors) },
	{ "wd_timeouts_total", "Jobs whose deadline passed.",
	  OF_KIND(timeouts) },
};

static void kinds_of_lane(FILE *to, size_t metric, const struct seen_proc *p,
			  uint32_t i)
{
	for (int k = 0; k < OFFLOAD_KINDS; k++) {
		const struct offload_kind_stats *c =
			&p->f->lane[i].count.kind[k];

		if (!c->jobs)
			continue;
		sample(to, by_kind[metric].name, p);
		lane_labels(to, p->f, i);
		fprintf(to, ",kind=\"%s\"} %" PRIu64 "\n",
			offload_kind_name((enum offload_kind)k),
			word_at(c, by_kind[metric].offset));
	}
}

/* ---- by queue ------------------------------------------------------------ */

#define OF_LANE(field) offsetof(struct offload_stats, field)

static const struct {
	const char *name, *help; /* NULL: as the one before */
	const char *more;	 /* label */
	size_t offset;
} by_lane[] = {
	{ "wd_doorbells_total",
	  "Doorbells rung: descriptors down, completions up.",
	  "direction=\"down\"", OF_LANE(sq_bells) },
	{ "wd_doorbells_total", NULL, "direction=\"up\"", OF_LANE(cq_bells) },
	{ "wd_batches_total",
	  "Doorbells rung for paused jobs, by the reason to ring then.",
	  "reason=\"full\"", OF_LANE(bells_full) },
	{ "wd_batches_total", NULL, "reason=\"idle\"", OF_LANE(bells_idle) },
	{ "wd_batches_total", NULL, "reason=\"age\"", OF_LANE(bells_age) },
	{ "wd_polled_total", "Completions found by the helper thread.", NULL,
	  OF_LANE(polled) },
	{ "wd_sleeps_total", "Synchronous waits that went to sleep.", NULL,
	  OF_LANE(sleeps) },
	{ "wd_wakes_total", "Paused callers that were woken.", NULL,
	  OF_LANE(wakes) },
	{ "wd_copied_bytes_total", "Payload copied by the CPU.", NULL,
	  OF_LANE(copied) },
	{ "wd_abandoned_total", "Jobs dropped by their application.", NULL,
	  OF_LANE(abandoned) },
	{ "wd_quarantined_total", "Queues given up.", NULL,
	  OF_LANE(quarantined) },
	{ "wd_resets_total", "Queues given up because the device stopped them.",
	  NULL, OF_LANE(resets) },
	{ "wd_queues_opened_total", "Queues opened.", NULL, OF_LANE(lanes) },
};

/* Of every lane of @p: @more is a label or NULL. */
static void lane_sample(FILE *to, const char *name, const struct seen_proc *p,
			uint32_t i, const char *more)
{
	sample(to, name, p);
	lane_labels(to, p->f, i);
	if (more)
		fprintf(to, ",%s", more);
	fputs("} ", to);
}

static void lane_seconds(FILE *to, const struct seen_proc *p)
{
	for (uint32_t i = 0; i < p->f->lanes; i++) {
		lane_sample(to, "wd_spun_seconds_total", p, i, NULL);
		fprintf(to, "%.9g\n",
			(double)p->f->lane[i].count.spun_ns / 1e9);
	}
}

static void lane_in_flight(FILE *to, const struct seen_proc *p)
{
	for (uint32_t i = 0; i < p->f->lanes; i++) {
		lane_sample(to, "wd_in_flight", p, i, NULL);
		fprintf(to, "%u\n", p->lane_in_flight[i]);
	}
}

static void lane_depth(FILE *to, const struct seen_proc *p)
{
	for (uint32_t i = 0; i < p->f->lanes; i++) {
		const struct stats_lane *l = &p->f->lane[i];

		lane_sample(to, "wd_depth", p, i, NULL);
		fprintf(to, "%u\n", l->state == STATS_LANE_OPEN ? l->depth : 0);
	}
}

/* ---- by process ---------------------------------------------------------- */

static void software(FILE *to, const struct seen_proc *p)
{
	for (int k = 0; k < OFFLOAD_KINDS; k++) {
		for (int y = 0; y < OFFLOAD_WHYS; y++) {
			uint64_t n = 0;

			for (int s = 0; s < STATS_STRIPES; s++)
				n += p->f->stripe[s].software[k][y];
			if (!n)
				continue;
			sample(to, "wd_software_total", p);
			fprintf(to, ",kind=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
				offload_kind_name((enum offload_kind)k),
				offload_why_name((enum offload_why)y), n);
		}
	}
}

static void wrong(FILE *to, const struct seen_proc *p)
{
	for (int k = 0; k < OFFLOAD_KINDS; k++) {
		const struct offload_kind_stats *c = &p->sum.kind[k];

		if (!c->jobs && !c->wrong)
			continue;
		sample(to, "wd_wrong_total", p);
		fprintf(to, ",kind=\"%s\"} %" PRIu64 "\n",
			offload_kind_name((enum offload_kind)k), c->wrong);
	}
}

static void model(FILE *to, const struct seen_proc *p)
{
	sample(to, "wd_model", p);
	fprintf(to, "} %d\n", p->f->model ? 1 : 0);
}

static const struct {
	const char *name, *type, *help;
	void (*say)(FILE *to, const struct seen_proc *p);
} by_process[] = {
	{ "wd_spun_seconds_total", "counter",
	  "Time synchronous waits were awake.", lane_seconds },
	{ "wd_in_flight", "gauge", "Jobs the device has.", lane_in_flight },
	{ "wd_depth", "gauge", "Most jobs a queue can have in flight.",
	  lane_depth },
	{ "wd_software_total", "counter",
	  "Jobs done in software instead, by reason.", software },
	{ "wd_wrong_total", "counter",
	  "Results that a check of our own refused.", wrong },
	{ "wd_model", "gauge", "1: the device is a model, not silicon.",
	  model },
};

/* ---- all ----------------------------------------------------------------- */

static void all_by_kind(FILE *to, const struct seen *s)
{
	for (size_t m = 0; m < sizeof(by_kind) / sizeof(by_kind[0]); m++) {
		head(to, by_kind[m].name, "counter", by_kind[m].help);
		for (size_t n = 0; n < s->n; n++)
			for (uint32_t i = 0; i < s->proc[n].f->lanes; i++)
				if (s->proc[n].alive)
					kinds_of_lane(to, m, &s->proc[n], i);
	}
}

static void lanes_of(FILE *to, size_t metric, const struct seen_proc *p)
{
	for (uint32_t i = 0; i < p->f->lanes; i++) {
		lane_sample(to, by_lane[metric].name, p, i,
			    by_lane[metric].more);
		fprintf(to, "%" PRIu64 "\n",
			word_at(&p->f->lane[i].count, by_lane[metric].offset));
	}
}

static void all_by_lane(FILE *to, const struct seen *s)
{
	for (size_t m = 0; m < sizeof(by_lane) / sizeof(by_lane[0]); m++) {
		if (by_lane[m].help)
			head(to, by_lane[m].name, "counter", by_lane[m].help);
		for (size_t n = 0; n < s->n; n++)
			if (s->proc[n].alive)
				lanes_of(to, m, &s->proc[n]);
	}
}

static void all_by_process(FILE *to, const struct seen *s)
{
	for (size_t m = 0; m < sizeof(by_process) / sizeof(by_process[0]);
	     m++) {
		head(to, by_process[m].name, by_process[m].type,
		     by_process[m].help);
		for (size_t n = 0; n < s->n; n++)
			if (s->proc[n].alive)
				by_process[m].say(to, &s->proc[n]);
	}
}

void ctl_prometheus(FILE *to, const struct seen *s)
{
	size_t alive = 0;

	for (size_t n = 0; n < s->n; n++)
		alive += s->proc[n].alive;
	head(to, "wd_processes", "gauge", "Processes with queues open or had.");
	fprintf(to, "wd_processes %zu\n", alive);
	head(to, "wd_broken_files", "gauge",
	     "Files among the statistics that could not be understood.");
	fprintf(to, "wd_broken_files %u\n", s->broken);
	all_by_kind(to, s);
	all_by_lane(to, s);
	all_by_process(to, s);
}
