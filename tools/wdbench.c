/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/wdbench.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/wd_base.h"
#include "tools/bench_alloc.h"

#define MOST_JOBS      4096
#define MOST_THREADS   256
#define MOST_PROCESSES 64
#define MOST_CONTEXTS  1000000

static const char usage_text[] =
	"usage: wdbench [OPTION]... [ROW|SET]...\n"
	"       wdbench report [-o FILE] [-d DEVICE] [-s S] [-r N]\n"
	"\n"
	"Measures operations of OpenSSL providers beside each other and checks "
	"every\n"
	"result.  ROW is a name from --list, with a size where it has one: "
	"rsa2048-sign,\n"
	"aes-256-gcm:16384, sm3:4k; or a pattern: 'rsa*-sign'.  SET: default, "
	"pkey,\n"
	"tls, sym, small.\n"
	"\n"
	"  -p, --provider NAME    may be repeated; default: default, then wd\n"
	"  -d, --device DEVICE    as WD_DEVICE: emu[:OPTIONS], auto, none, "
	"names\n"
	"  -j, --jobs N[,N...]    ASYNC jobs in flight in each thread; 0: "
	"synchronous\n"
	"  -c, --callback         jobs wake by callback, not by eventfd\n"
	"  -t, --threads N[,N...]\n"
	"  -P, --processes N[,N...]\n"
	"  -s, --seconds S        measured time of each run; default 1\n"
	"  -n, --count N          operations of each run, instead of a time\n"
	"  -r, --repeat N         runs of each, in turns; the median counts\n"
	"      --syscalls         count system calls, in runs of their own\n"
	"      --contexts N       heap of N contexts, of ciphers, digests, "
	"MACs\n"
	"  -o, --output FILE      of report; default: report.html\n"
	"      --json             machine-readable\n"
	"  -l, --list             rows and sets\n"
	"  -h, --help             this text\n"
	"  -V, --version          version\n";

static int usage(FILE *to, int rc)
{
	fputs(usage_text, to);
	return rc;
}

static int list(void)
{
	for (size_t i = 0; i < bench_rows_count; i++)
		puts(bench_rows[i].name);
	for (const struct bench_set *s = bench_sets; s->name; s++)
		printf("set %s: %s\n", s->name, s->rows);
	return 0;
}

/* ---- what is asked ------------------------------------------------------------ */

static int number(const char *what, const char *s, unsigned long min,
		  unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(s, &end, 10);
	if (*s >= '0' && *s <= '9' && !*end && !errno && *out >= min &&
	    *out <= max)
		return 0;
	fprintf(stderr, "wdbench: %s: \"%s\" is no number from %lu to %lu\n",
		what, s, min, max);
	return -EINVAL;
}

static int numbers(const char *what, char *s, unsigned int min,
		   unsigned int max, struct list *l)
{
	unsigned long n;
	char *save, *word;

	l->n = 0;
	for (word = strtok_r(s, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		if (l->n == LIST_MAX) {
			fprintf(stderr, "wdbench: %s: more than %d values\n",
				what, LIST_MAX);
			return -EINVAL;
		}
		if (number(what, word, min, max, &n))
			return -EINVAL;
		l->at[l->n++] = (unsigned int)n;
	}
	return l->n ? 0 : number(what, s, min, max, &n);
}

static int seconds(const char *s, double *out)
{
	char *end;

	*out = strtod(s, &end);
	if (end != s && !*end && *out >= 0.01 && *out <= 3600)
		return 0;
	fprintf(stderr,
		"wdbench: --seconds: \"%s\" is no time from 0.01 to "
		"3600\n",
		s);
	return -EINVAL;
}

static int add_row(struct ask *ask, const char *name)
{
	char why[256];

	if (ask->ops == ROWS_MAX) {
		fprintf(stderr, "wdbench: more than %d rows\n", ROWS_MAX);
		return -EINVAL;
	}
	if (bench_op_find(&ask->op[ask->ops], name, why, sizeof(why))) {
		fprintf(stderr, "wdbench: %s\n", why);
		return -EINVAL;
	}
	ask->ops++;
	return 0;
}

static int add_pattern(struct ask *ask, const char *pattern)
{
	unsigned int before = ask->ops;

	for (size_t i = 0; i < bench_rows_count; i++)
		if (!fnmatch(pattern, bench_rows[i].name, 0) &&
		    add_row(ask, bench_rows[i].name))
			return -EINVAL;
	if (ask->ops > before)
		return 0;
	fprintf(stderr, "wdbench: \"%s\" matches no row\n", pattern);
	return -EINVAL;
}

static int add_rows(struct ask *ask, const char *word)
{
	char row[BENCH_NAME_MAX];
	int n = 0;

	if (strpbrk(word, "*?["))
		return add_pattern(ask, word);
	for (const struct bench_set *s = bench_sets; s->name; s++) {
		if (strcmp(s->name, word))
			continue;
		for (const char *at = s->rows;
		     sscanf(at, "%63s%n", row, &n) == 1; at += n)
			if (add_row(ask, row))
				return -EINVAL;
		return 0;
	}
	return add_row(ask, word);
}

enum { OPT_SYSCALLS = 256, OPT_JSON, OPT_CONTEXTS };

static const struct option options[] = {
	{ "provider", required_argument, NULL, 'p' },
	{ "device", required_argument, NULL, 'd' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "callback", no_argument, NULL, 'c' },
	{ "threads", required_argument, NULL, 't' },
	{ "processes", required_argument, NULL, 'P' },
	{ "seconds", required_argument, NULL, 's' },
	{ "count", required_argument, NULL, 'n' },
	{ "repeat", required_argument, NULL, 'r' },
	{ "syscalls", no_argument, NULL, OPT_SYSCALLS },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "contexts", required_argument, NULL, OPT_CONTEXTS },
	{ "output", required_argument, NULL, 'o' },
	{ "list", no_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static int add_provider(struct ask *ask, const char *name)
{
	if (ask->providers == PROVIDERS_MAX) {
		fprintf(stderr, "wdbench: more than %d providers\n",
			PROVIDERS_MAX);
		return -EINVAL;
	}
	ask->provider[ask->providers++] = name;
	return 0;
}

static int option(struct ask *ask, int c)
{
	unsigned long n = 0;
	int rc;

	switch (c) {
	case 'p':
		return add_provider(ask, optarg);
	case 'd':
		ask->device = optarg;
		return setenv("WD_DEVICE", optarg, 1);
	case 'o':
		ask->output = optarg;
		return 0;
	case 'j':
		return numbers("--jobs", optarg, 0, MOST_JOBS, &ask->jobs);
	case 't':
		return numbers("--threads", optarg, 1, MOST_THREADS,
			       &ask->threads);
	case 'P':
		return numbers("--processes", optarg, 1, MOST_PROCESSES,
			       &ask->processes);
	case 'c':
		ask->callback = true;
		return 0;
	case 's':
		return seconds(optarg, &ask->seconds);
	case 'n':
		rc = number("--count", optarg, 1, 1000000000, &n);
		ask->count = n;
		return rc;
	case 'r':
		rc = number("--repeat", optarg, 1, REPEAT_MAX, &n);
		ask->repeat = (unsigned int)n;
		return rc;
	case OPT_CONTEXTS:
		rc = number("--contexts", optarg, 1, MOST_CONTEXTS, &n);
		ask->contexts = (unsigned int)n;
		return rc;
	case OPT_SYSCALLS:
		ask->syscalls = true;
		return 0;
	case OPT_JSON:
		ask->json = true;
		return 0;
	default:
		return -EINVAL;
	}
}

/* ---- the runs -------------------------------------------------------------------- */

static void progress(const struct cell *c, unsigned int turn)
{
	if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO))
		fprintf(stderr, "\r\033[K%s, %s, %u jobs, %u threads, run %u",
			c->op->name, c->provider, c->jobs, c->threads,
			turn + 1);
}

/* All providers' runs of one cell, in turns: what disturbs the machine for a
 * while disturbs all alike. */
static int run_cell(const struct ask *ask, struct cell cell,
		    struct outcome *out, struct outcome *device)
{
	struct outcome *first = NULL, *mid;
	unsigned int n = ask->providers;

	for (unsigned int turn = 0; turn < ask->repeat; turn++) {
		for (unsigned int p = 0; p < n; p++) {
			cell.provider = ask->provider[p];
			progress(&cell, turn);
			if (wdbench_run(ask, &cell, &out[turn * n + p]))
				return -1;
		}
	}
	for (unsigned int p = 0; p < n; p++) {
		mid = wdbench_median(&out[p], ask->repeat, n);
		cell.provider = ask->provider[p];
		wdbench_print(ask, &cell, mid, first);
		first = first ? first : mid;
		if (mid->device[0])
			*device = *mid;
	}
	return 0;
}

static int run_op(const struct ask *ask, const struct bench_op *op,
		  struct outcome *out, struct outcome *device)
{
	struct cell cell = { .op = op };
	int rc = 0;

	for (unsigned int p = 0; p < ask->processes.n; p++) {
		for (unsigned int t = 0; t < ask->threads.n; t++) {
			for (unsigned int j = 0; j < ask->jobs.n; j++) {
				cell.processes = ask->processes.at[p];
				cell.threads = ask->threads.at[t];
				cell.jobs = ask->jobs.at[j];
				rc |= run_cell(ask, cell, out, device);
			}
		}
	}
	return rc;
}

static int run_all(const struct ask *ask)
{
	struct outcome *out =
		calloc((size_t)ask->providers * ask->repeat + 1, sizeof(*out));
	struct outcome *device = out;
	struct bench_side ref;
	int rc = 0;

	if (!out || bench_side_open(&ref, "default")) {
		free(out);
		return 1;
	}
	wdbench_print_head(ask);
	for (unsigned int i = 0; i < ask->ops; i++) {
		if (!bench_op_keys(&ask->op[i], &ref)) {
			bench_errors(ask->op[i].name);
			rc = -1;
			continue;
		}
		rc |= run_op(ask, &ask->op[i], out + 1, device);
	}
	wdbench_print_end(ask, device->device[0] ? device : NULL);
	bench_side_close(&ref);
	free(out);
	return rc ? 1 : 0;
}

static void defaults(struct ask *ask)
{
	if (!ask->providers) {
		ask->provider[ask->providers++] = "default";
		ask->provider[ask->providers++] = "wd";
	}
	if (!ask->ops)
		add_rows(ask, "default");
}

static int report(const struct ask *ask, char **more)
{
	if (*more) {
		fprintf(stderr, "wdbench: report takes no \"%s\"\n", *more);
		return 2;
	}
	return wdbench_report(ask);
}

int main(int argc, char **argv)
{
	static struct bench_op ops[ROWS_MAX];
	struct ask ask = { .op = ops,
			   .jobs = { { 0 }, 1 },
			   .threads = { { 1 }, 1 },
			   .processes = { { 1 }, 1 },
			   .seconds = 1,
			   .repeat = 1 };
	int c;

	/* A child that ends early has said why. */
	signal(SIGPIPE, SIG_IGN);
	if (bench_alloc_init())
		bench_allocs_now = bench_alloc_get;
	while ((c = getopt_long(argc, argv, "p:d:j:ct:P:s:n:r:o:lhV", options,
				NULL)) != -1) {
		if (c == 'h')
			return usage(stdout, 0);
		if (c == 'l')
			return list();
		if (c == 'V')
			return puts("wdbench " WD_VERSION) < 0;
		if (c == '?')
			return usage(stderr, 2);
		if (option(&ask, c))
			return 2;
	}
	if (optind < argc && !strcmp(argv[optind], "report"))
		return report(&ask, argv + optind + 1);
	for (; optind < argc; optind++)
		if (add_rows(&ask, argv[optind]))
			return 2;
	defaults(&ask);
	return run_all(&ask);
}
