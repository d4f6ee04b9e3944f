/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdbench_report.c - `wdbench report`: a few scenarios, measured one after the
 * other, and one HTML page of them that needs nothing from outside.
 */
#include "tools/wdbench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/wd_base.h"
#include "tools/bench_svg.h"

enum axis { X_JOBS, X_THREADS, X_PROCESSES, X_BYTES, X_ROW, X_SHARE };
enum metric { Y_NONE, Y_RATE, Y_CPU, Y_BYTES, Y_LATENCY };

struct line {
	const char *name, *provider;
	unsigned int jobs; /* with X_JOBS: the place's */
	bool callback;
};

struct scenario {
	const char *title, *text;
	const char *device; /* unless the user chose one */
	const char *rows;   /* separated by a space */
	const char *what;   /* X_ROW: title of the chart */
	struct line line[SVG_SERIES];
	enum axis x;
	enum metric y[2];
	unsigned int places[SVG_PLACES]; /* X_ROW, X_SHARE: none */
	bool linear;
};

#define SLOW "emu:replay,latency_us=50"

static const struct scenario scenarios[] = {
	{ .title = "Rate against jobs in flight",
	  .text = "Each operation is an ASYNC job; so many are in flight in "
		  "one "
		  "thread. The model answers after at least 50 us, as a "
		  "device with a pipeline would: one job at a time waits for "
		  "it, many keep it busy.",
	  .device = SLOW,
	  .x = X_JOBS,
	  .places = { 1, 2, 4, 8, 16, 32, 64, 128, 256 },
	  .rows = "rsa2048-sign ecdhp256",
	  .line = { { "default", "default", 0, false },
		    { "wd, eventfd", "wd", 0, false },
		    { "wd, callback", "wd", 0, true } },
	  .y = { Y_RATE, Y_CPU } },
	{ .title = "CPU of the application for an operation",
	  .text = "64 jobs in flight; the model repeats results at the speed "
		  "of a look-up, in threads of its own that are not counted. "
		  "Ciphers and digests are not repeated but computed.",
	  .device = "emu:replay",
	  .x = X_ROW,
	  .rows = "rsa2048-sign rsa4096-sign ecdsap256-sign ecdsap256-verify "
		  "ecdhp256 ecdhp384 x25519 ffdhe2048 sm2-sign "
		  "aes-256-gcm:16384 sm4-cbc:16384 sm3:16384",
	  .line = { { "default, synchronous", "default", 0, false },
		    { "wd, 64 jobs, callback", "wd", 64, true } },
	  .y = { Y_CPU, Y_NONE },
	  .what = "one operation" },
	{ .title = "Latency",
	  .text = "From the start of an operation to its end. With 64 jobs in "
		  "flight an operation waits for those before it.",
	  .device = SLOW,
	  .x = X_SHARE,
	  .rows = "rsa2048-sign ecdhp256",
	  .line = { { "default", "default", 0, false },
		    { "wd", "wd", 0, false },
		    { "wd, 64 jobs", "wd", 64, false } },
	  .y = { Y_LATENCY, Y_NONE } },
	{ .title = "Scaling with threads",
	  .text = "Each thread has queues of its own and 16 jobs in flight.",
	  .device = SLOW,
	  .x = X_THREADS,
	  .places = { 1, 2, 4, 8, 16 },
	  .rows = "rsa2048-sign",
	  .line = { { "default, synchronous", "default", 0, false },
		    { "wd, 16 jobs", "wd", 16, true } },
	  .y = { Y_RATE, Y_CPU } },
	{ .title = "Scaling with processes",
	  .text = "As servers with worker processes do. Each has a model of "
		  "its own.",
	  .device = SLOW,
	  .x = X_PROCESSES,
	  .places = { 1, 2, 4, 8 },
	  .rows = "rsa2048-sign",
	  .line = { { "default, synchronous", "default", 0, false },
		    { "wd, 16 jobs", "wd", 16, true } },
	  .y = { Y_RATE, Y_CPU } },
	{ .title = "Payload",
	  .text = "Synchronous. Below a threshold wd leaves a message to "
		  "software; above it the model computes on this machine's "
		  "CPU, without the instructions software uses.",
	  .device = "emu",
	  .x = X_BYTES,
	  .places = { 16, 64, 256, 1024, 4096, 16384, 65536 },
	  .rows = "aes-256-gcm sm3",
	  .line = { { "default", "default", 0, false },
		    { "wd", "wd", 0, false } },
	  .y = { Y_BYTES, Y_CPU } },
	{ .title = "TLS handshakes: CPU of the server",
	  .text = "In memory; the client's part is left out. The model has to "
		  "compute: no handshake is like another. A synchronous "
		  "server spins and sleeps for it, one with jobs does not.",
	  .device = "emu",
	  .x = X_ROW,
	  .rows = "tls12-rsa2048-x25519 tls12-rsa2048-x25519-resumed "
		  "tls12-ecdsap256-p256 tls13-rsa2048-x25519 "
		  "tls13-rsa2048-x25519-resumed tls13-rsa2048-p256 "
		  "tls13-ecdsap256-p256 tls13-ecdsap256-p256-resumed",
	  .line = { { "default", "default", 0, false },
		    { "wd", "wd", 0, false },
		    { "wd, 16 jobs", "wd", 16, true } },
	  .y = { Y_CPU, Y_NONE },
	  .what = "one handshake",
	  .linear = true },
};

static const double shares[] = { 0.5, 0.9, 0.99, 0.999 };
static const char *const share_names[] = { "p50", "p90", "p99", "p99.9" };

struct report {
	struct ask ask;
	struct bench_side ref;
	FILE *page, *numbers; /* the table at the end, kept aside */
	const char *device;   /* chosen by the user, or NULL */
	char found[64];
	bool model;
	unsigned int done, all;
};

/* ---- measuring ---------------------------------------------------------------- */

static double metric(enum metric m, const struct bench_op *op,
		     const struct outcome *o)
{
	double ops = (double)o->r.ops;

	switch (m) {
	case Y_RATE:
		return o->r.rate;
	case Y_BYTES:
		return o->r.rate * op->bytes;
	case Y_CPU:
		return ops > 0 ? (double)o->r.app_ns / ops / 1e3 : -1;
	default:
		return -1;
	}
}

static void row_of_numbers(struct report *r, const struct scenario *s,
			   const struct cell *c, const struct line *l,
			   const struct outcome *o)
{
	fprintf(r->numbers, "<tr><td>");
	svg_text(r->numbers, s->title);
	fprintf(r->numbers,
		"</td><td>%s</td><td>%s</td><td>%u</td><td>%u</td><td>%u</td>"
		"<td>%.0f</td><td>%.2f</td><td>%.2f</td><td>%.1f</td>"
		"<td>%.1f</td><td>%.2f</td><td>%.2f</td></tr>\n",
		c->op->name, l->name, c->jobs, c->threads, c->processes,
		o->r.rate, (double)o->r.app_ns / 1e3 / (double)o->r.ops,
		(double)o->r.model_ns / 1e3 / (double)o->r.ops,
		bench_hist_ns(&o->r.latency, 0.5) / 1e3,
		bench_hist_ns(&o->r.latency, 0.99) / 1e3,
		(double)o->descriptors / (double)o->r.ops,
		(double)o->bells / (double)o->r.ops);
}

/* The median of the repetitions into @o[0]. */
static int measure(struct report *r, const struct scenario *s,
		   const struct line *l, const struct bench_op *op,
		   unsigned int place, struct outcome *o)
{
	struct cell c = { .op = op,
			  .provider = l->provider,
			  .jobs = l->jobs,
			  .threads = 1,
			  .processes = 1 };
	struct outcome *mid;

	if (s->x == X_JOBS)
		c.jobs = place;
	if (s->x == X_THREADS)
		c.threads = place;
	if (s->x == X_PROCESSES)
		c.processes = place;
	r->ask.callback = l->callback;
	fprintf(stderr, "wdbench: %u of %u: %s, %s, %s\n", ++r->done, r->all,
		s->title, op->name, l->name);
	setenv("WD_DEVICE", r->device ? r->device : s->device, 1);
	for (unsigned int i = 0; i < r->ask.repeat; i++)
		if (wdbench_run(&r->ask, &c, &o[i]))
			return -1;
	mid = wdbench_median(o, r->ask.repeat, 1);
	memmove(o, mid, sizeof(*o));
	if (o->device[0])
		memcpy(r->found, o->device, sizeof(r->found));
	r->model |= o->model;
	row_of_numbers(r, s, &c, l, o);
	return 0;
}

/* ---- one chart of places, or of rows --------------------------------------------- */

static void describe(struct svg_chart *c, const struct scenario *s,
		     enum metric m, const char *what)
{
	static const char *const x_titles[] = {
		[X_JOBS] = "jobs in flight",	   [X_THREADS] = "threads",
		[X_PROCESSES] = "processes",	   [X_BYTES] = "bytes",
		[X_SHARE] = "share of operations", [X_ROW] = "",
	};
	static const char *const units[] = { [Y_RATE] = "operations/s",
					     [Y_CPU] = "us CPU/operation",
					     [Y_BYTES] = "bytes/s",
					     [Y_LATENCY] = "us" };

	memset(c, 0, sizeof(*c));
	c->title = what;
	c->x_title = x_titles[s->x];
	c->unit = units[m];
	c->log = !s->linear && (m == Y_CPU || m == Y_LATENCY || m == Y_BYTES);
	while (c->series < SVG_SERIES && s->line[c->series].name) {
		c->s[c->series].name = s->line[c->series].name;
		c->series++;
	}
}

static int op_of(struct report *r, const char *name, struct bench_op *op)
{
	char why[256];

	if (bench_op_find(op, name, why, sizeof(why))) {
		fprintf(stderr, "wdbench: %s\n", why);
		return -1;
	}
	if (bench_op_keys(op, &r->ref))
		return 0;
	bench_errors(name);
	return -1;
}

/* Over the scenario's places: a chart for each metric. */
static int chart_places(struct report *r, const struct scenario *s,
			const char *row, struct outcome *o)
{
	struct svg_chart c[2];
	char name[BENCH_NAME_MAX];
	struct bench_op op;

	describe(&c[0], s, s->y[0], row);
	describe(&c[1], s, s->y[1], row);
	for (unsigned int p = 0; s->places[p]; p++) {
		c[0].places = c[1].places = p + 1;
		snprintf(c[0].place[p], sizeof(c[0].place[p]), "%u",
			 s->places[p]);
		memcpy(c[1].place[p], c[0].place[p], sizeof(c[1].place[p]));
		snprintf(name, sizeof(name),
			 s->x == X_BYTES ? "%.40s:%u" : "%.40s", row,
			 s->places[p]);
		if (op_of(r, name, &op))
			return -1;
		for (unsigned int l = 0; l < c[0].series; l++) {
			if (measure(r, s, &s->line[l], &op, s->places[p], o))
				return -1;
			c[0].s[l].y[p] = metric(s->y[0], &op, o);
			c[1].s[l].y[p] = metric(s->y[1], &op, o);
		}
	}
	svg_lines(r->page, &c[0]);
	svg_lines(r->page, &c[1]);
	return 0;
}

/* Latencies: one run has all its shares. */
static int chart_shares(struct report *r, const struct scenario *s,
			const char *row, struct outcome *o)
{
	struct svg_chart c;
	struct bench_op op;

	describe(&c, s, s->y[0], row);
	if (op_of(r, row, &op))
		return -1;
	c.places = WD_ARRAY_SIZE(shares);
	for (unsigned int l = 0; l < c.series; l++) {
		if (measure(r, s, &s->line[l], &op, 0, o))
			return -1;
		for (unsigned int p = 0; p < c.places; p++) {
			snprintf(c.place[p], sizeof(c.place[p]), "%s",
				 share_names[p]);
			c.s[l].y[p] =
				bench_hist_ns(&o->r.latency, shares[p]) / 1e3;
		}
	}
	svg_lines(r->page, &c);
	return 0;
}

/* All rows in one chart of bars. */
static int chart_rows(struct report *r, const struct scenario *s,
		      struct outcome *o)
{
	struct svg_chart c;
	char row[BENCH_NAME_MAX];
	struct bench_op op;
	int n;

	describe(&c, s, s->y[0], s->what);
	for (const char *at = s->rows; sscanf(at, "%39s%n", row, &n) == 1;
	     at += n) {
		unsigned int p = c.places++;

		snprintf(c.place[p], sizeof(c.place[p]), "%.39s", row);
		if (op_of(r, row, &op))
			return -1;
		for (unsigned int l = 0; l < c.series; l++) {
			if (measure(r, s, &s->line[l], &op, 0, o))
				return -1;
			c.s[l].y[p] = metric(s->y[0], &op, o);
		}
	}
	svg_bars(r->page, &c, 0, (c.places + 1) / 2);
	svg_bars(r->page, &c, (c.places + 1) / 2, c.places);
	return 0;
}

static int scenario(struct report *r, const struct scenario *s,
		    struct outcome *o)
{
	char row[BENCH_NAME_MAX];
	int n, rc = 0;

	fprintf(r->page, "<section id='s%td'><h2>%s</h2><p>%s", s - scenarios,
		s->title, s->text);
	if (!r->device)
		fprintf(r->page, " <code>WD_DEVICE=%s</code>", s->device);
	fprintf(r->page, "</p><div class='charts'>\n");
	if (s->x == X_ROW)
		rc = chart_rows(r, s, o);
	for (const char *at = s->rows;
	     s->x != X_ROW && !rc && sscanf(at, "%63s%n", row, &n) == 1;
	     at += n)
		rc = s->x == X_SHARE ? chart_shares(r, s, row, o)
				     : chart_places(r, s, row, o);
	fprintf(r->page, "</div></section>\n");
	return rc;
}

/* ---- the page -------------------------------------------------------------------- */

static const char head[] =
	"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\n"
	"<meta name='viewport' content='width=device-width'>\n"
	"<meta name='color-scheme' content='light dark'>\n"
	"<title>wdbench report</title>\n<style>\n"
	":root{--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--dim:#667085;"
	"--grid:#e4e7ec;--c0:#98a2b3;--c1:#0e7490;--c2:#d9622b;--c3:#6941c6}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b212a;"
	"--ink:#e6e9ee;--dim:#98a2b3;--grid:#303947;--c0:#7d8899;"
	"--c1:#22b8cf;--c2:#ff922b;--c3:#b197fc}}\n"
	"*{box-sizing:border-box}body{margin:0;background:var(--bg);"
	"color:var(--ink);font:15px/1.5 system-ui,'DejaVu Sans',sans-serif}\n"
	"main{max-width:1240px;margin:0 auto;padding:28px 20px 60px}"
	"h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:0 0 2px}\n"
	"section{background:var(--card);border:1px solid var(--grid);"
	"border-radius:10px;padding:20px 22px;margin:18px 0}"
	"p{margin:2px 0 14px;color:var(--dim);max-width:80ch}\n"
	".facts{color:var(--dim)}.model{border-left:5px solid var(--c2);"
	"padding:10px 16px;background:var(--card);border-radius:6px}\n"
	".charts{display:grid;grid-template-columns:repeat(auto-fit,"
	"minmax(min(460px,100%),1fr));gap:22px 30px}svg{width:100%;height:auto;"
	"max-width:700px}\n"
	"svg text{font:12px system-ui,'DejaVu Sans',sans-serif;"
	"fill:var(--dim)}svg .title{font-size:14px;font-weight:600;"
	"fill:var(--ink)}svg .name,svg .legend{fill:var(--ink)}\n"
	".grid{stroke:var(--grid)}polyline{fill:none;stroke-width:2.2;"
	"stroke-linejoin:round}.value{font-weight:600!important}\n"
	".c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}"
	".c3{fill:var(--c3)}.l0{stroke:var(--c0)}.l1{stroke:var(--c1)}"
	".l2{stroke:var(--c2)}.l3{stroke:var(--c3)}\n"
	"svg .t0{fill:var(--dim)}svg .t1{fill:var(--c1)}svg .t2{fill:var(--c2)}"
	"svg .t3{fill:var(--c3)}\n"
	"details{margin-top:18px}.wide{overflow-x:auto}table{"
	"border-collapse:collapse;font-size:13px;width:100%}"
	"td,th{padding:3px 9px;text-align:right;border-bottom:1px solid "
	"var(--grid);white-space:nowrap}td:nth-child(-n+3),th:nth-child(-n+3)"
	"{text-align:left}\n</style></head><body><main>\n";

static void cpu_name(FILE *f)
{
	char line[256];
	FILE *info = fopen("/proc/cpuinfo", "re");

	while (info && fgets(line, sizeof(line), info)) {
		char *colon = strchr(line, ':');

		if (!colon || strncmp(line, "model name", 10))
			continue;
		line[strcspn(line, "\n")] = '\0';
		svg_text(f, colon + 1);
		fputs(", ", f);
		break;
	}
	if (info)
		fclose(info);
}

static void page_head(FILE *f, const struct report *r)
{
	char day[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(day, sizeof(day), "%Y-%m-%d %H:%M UTC", &tm);
	fputs(head, f);
	fprintf(f,
		"<h1>wd beside the default provider</h1><p class='facts'>"
		"wdbench %s, OpenSSL %s, ",
		WD_VERSION, OpenSSL_version(OPENSSL_VERSION_STRING));
	cpu_name(f);
	fprintf(f, "%ld CPUs, %s<br>device: ", sysconf(_SC_NPROCESSORS_ONLN),
		day);
	svg_text(f, r->found[0] ? r->found : "none");
	fprintf(f,
		"; median of %u runs of %g s; every result was "
		"checked</p>\n",
		r->ask.repeat, r->ask.seconds);
	if (r->model)
		fputs("<div class='model'><b>The device is a MODEL</b> that "
		      "runs on this machine's CPU. Rates and latencies say "
		      "nothing about silicon; the application's CPU for an "
		      "operation, and how figures change from one to many "
		      "jobs, do.</div>\n",
		      f);
}

static const char table_head[] =
	"<details><summary>All numbers</summary><div class='wide'><table><tr>"
	"<th>scenario</th><th>operation</th><th>line</th><th>jobs</th>"
	"<th>threads</th><th>processes</th><th>ops/s</th><th>app us/op</th>"
	"<th>model us/op</th><th>p50 us</th><th>p99 us</th>"
	"<th>descriptors/op</th><th>doorbells/op</th></tr>\n";

static unsigned int runs(const struct scenario *s)
{
	unsigned int rows = 1, lines = 0, places = 0;

	for (const char *c = s->rows; *c; c++)
		rows += *c == ' ';
	while (lines < SVG_SERIES && s->line[lines].name)
		lines++;
	while (s->places[places])
		places++;
	return rows * lines * (places ? places : 1);
}

/* Known before minutes of measuring. */
static int page_may(const char *path)
{
	FILE *f = fopen(path, "ae");

	if (f)
		return fclose(f);
	fprintf(stderr, "wdbench: %s: %s\n", path, strerror(errno));
	return -1;
}

static int page_write(struct report *r, const char *path, char *body,
		      char *numbers)
{
	FILE *f = fopen(path, "we");
	bool bad;

	if (!f) {
		fprintf(stderr, "wdbench: %s: %s\n", path, strerror(errno));
		return -1;
	}
	page_head(f, r);
	fprintf(f, "%s%s%s</table></div></details></main></body></html>\n",
		body, table_head, numbers);
	bad = ferror(f);
	if (fclose(f) || bad) {
		fprintf(stderr, "wdbench: %s: %s\n", path, strerror(errno));
		return -1;
	}
	printf("%s\n", path);
	return 0;
}

static int measure_all(struct report *r)
{
	struct outcome *o = calloc(r->ask.repeat, sizeof(*o));
	int rc = o ? 0 : -1;

	for (size_t i = 0; i < WD_ARRAY_SIZE(scenarios); i++)
		r->all += runs(&scenarios[i]);
	for (size_t i = 0; i < WD_ARRAY_SIZE(scenarios) && !rc; i++)
		rc = scenario(r, &scenarios[i], o);
	free(o);
	return rc;
}

int wdbench_report(const struct ask *ask)
{
	struct report r = { .ask = *ask, .device = ask->device };
	const char *path = ask->output ? ask->output : "report.html";
	char *body = NULL, *numbers = NULL;
	size_t body_len, numbers_len;
	int rc = -1;

	if (page_may(path))
		return 1;
	r.page = open_memstream(&body, &body_len);
	r.numbers = open_memstream(&numbers, &numbers_len);
	if (!r.page || !r.numbers || bench_side_open(&r.ref, "default"))
		goto out;
	rc = measure_all(&r);
	bench_side_close(&r.ref);
out:
	if (r.page)
		fclose(r.page);
	if (r.numbers)
		fclose(r.numbers);
	if (!rc)
		rc = page_write(&r, path, body, numbers);
	free(body);
	free(numbers);
	return rc ? 1 : 0;
}
