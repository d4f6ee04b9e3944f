/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wd-emu - the device model as PCI functions of virtual machines, over the
 * vfio-user protocol, or for the programs of this machine, over a socket of
 * its own.  docs/man/wd-emu.1.md says what it is for.
 *
 *	main ─┬─ thread: function 1 ─ vfio_user_serve()
 *	      ├─ thread: function 2
 *	      └─ waits for the end of all, or a signal
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "emu/emu_host.h"
#include "emu/emu_serve.h"
#include "emu/vfio_user.h"

#define FUNCTIONS_MAX 16
#define OPTIONS_MAX   512
#define AWAKE_US_MAX  1000000u

/* What one function shall be, and what became of it. */
struct function {
	const char *socket, *trace;
	const struct emu_engine *engine;
	char options[OPTIONS_MAX]; /* as emu_host_parse() reads them */
	bool queues_given;
	unsigned int vf;

	struct emu_config config;
	unsigned int threads;
	FILE *trace_file;
	struct vfio_user *u;
	int listener, stop, done; /* the last two are everybody's */
	pthread_t thread;
	int rc;
};

struct program {
	struct function common; /* options before the first function */
	struct function fn[FUNCTIONS_MAX];
	unsigned int count, running;
	const char *listen;
	unsigned int mode; /* of that socket */
	uint64_t awake_ns; /* as struct emu_serve has it */
	const char *stats;
	FILE *stats_file;
	int stop, done;	     /* eventfds */
	int signals, report; /* signalfds: to end; SIGUSR1 and SIGUSR2 */
};

static const char usage[] =
	"usage: wd-emu --vfio-user SOCKET --device ENGINE [OPTION]...\n"
	"       wd-emu --listen SOCKET [OPTION]...\n"
	"Serve a modelled accelerator as a PCI function to a virtual machine, "
	"or modelled\n"
	"accelerators to programs with WD_DEVICE=unix:SOCKET.\n"
	"\n"
	"  --listen SOCKET       for programs: listen here\n"
	"  --mode OCTAL          access rights of that socket (default 600)\n"
	"  --awake-us N          look at doorbells for so long after the last "
	"(default 50)\n"
	"  --vfio-user SOCKET    listen here; begins a function, may be "
	"repeated\n"
	"  --device ENGINE       hpre, sec or zip\n"
	"  --model GENERATION    kunpeng930 (default) or kunpeng920\n"
	"  --vf N                virtual function N, 1 to 63, instead of the "
	"physical one\n"
	"  --queues N            queues of the function, 1 to 1024 (default "
	"1024; VF 64)\n"
	"  --threads N           engine threads, 1 to 16 (default 1)\n"
	"  --latency-us N        a job takes at least N microseconds\n"
	"  --rate N              at most N jobs a second\n"
	"  --fault KIND@N[:ARG]  the N-th job goes wrong (KIND/N: every N-th): "
	"delay, drop,\n"
	"                        status, wrong, stop, reset, gone, error\n"
	"  --trace FILE          write what happens, a line each\n"
	"  --stats FILE          write counts as JSON at the end; with "
	"--listen on SIGUSR1,\n"
	"                        too\n"
	"  --help, --version\n"
	"\n"
	"Options before the first --vfio-user hold for all functions, later "
	"ones for the\n"
	"function they follow.  It ends when the last virtual machine is gone, "
	"or on\n"
	"SIGTERM.  With --listen, SIGUSR2 breaks and resets the devices.  "
	"wd-emu(1) has\n"
	"more.\n";

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
	va_list ap;

	fputs("wd-emu: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* --- arguments ----------------------------------------------------------- */

enum option_id {
	O_VFIO_USER = 256,
	O_LISTEN,
	O_MODE,
	O_AWAKE,
	O_DEVICE,
	O_MODEL,
	O_VF,
	O_QUEUES,
	O_THREADS,
	O_LATENCY,
	O_RATE,
	O_FAULT,
	O_TRACE,
	O_STATS,
	O_HELP,
	O_VERSION,
};

static const struct option long_options[] = {
	{ "vfio-user", required_argument, NULL, O_VFIO_USER },
	{ "listen", required_argument, NULL, O_LISTEN },
	{ "mode", required_argument, NULL, O_MODE },
	{ "awake-us", required_argument, NULL, O_AWAKE },
	{ "device", required_argument, NULL, O_DEVICE },
	{ "model", required_argument, NULL, O_MODEL },
	{ "vf", required_argument, NULL, O_VF },
	{ "queues", required_argument, NULL, O_QUEUES },
	{ "threads", required_argument, NULL, O_THREADS },
	{ "latency-us", required_argument, NULL, O_LATENCY },
	{ "rate", required_argument, NULL, O_RATE },
	{ "fault", required_argument, NULL, O_FAULT },
	{ "trace", required_argument, NULL, O_TRACE },
	{ "stats", required_argument, NULL, O_STATS },
	{ "help", no_argument, NULL, O_HELP },
	{ "version", no_argument, NULL, O_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int begin_function(struct program *p, const char *socket)
{
	if (p->count == FUNCTIONS_MAX) {
		say("at most %u functions in one process", FUNCTIONS_MAX);
		return -EINVAL;
	}
	p->fn[p->count] = p->common;
	p->fn[p->count++].socket = socket;
	return 0;
}

static int set_device(struct function *f, const char *name)
{
	char known[64] = "";
	size_t n = 0;

	for (unsigned int i = 0; i < UACCE_ENGINES; i++) {
		const struct emu_engine *e = emu_engines[i];

		if (!e)
			continue;
		if (!strcmp(e->name, name)) {
			f->engine = e;
			return 0;
		}
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s",
				      n ? ", " : "", e->name);
	}
	say("--device %s: there are %s", name, known);
	return -EINVAL;
}

static int set_vf(struct function *f, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < 1 || n > 63) {
		say("--vf %s: a number from 1 to 63", text);
		return -EINVAL;
	}
	f->vf = (unsigned int)n;
	return 0;
}

static int set_mode(struct program *p, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 8);

	if (*text < '0' || *text > '7' || *end || n > 0777) {
		say("--mode %s: octal, 0 to 777", text);
		return -EINVAL;
	}
	p->mode = (unsigned int)n;
	return 0;
}

static int set_awake(struct program *p, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n > AWAKE_US_MAX) {
		say("--awake-us %s: a number up to %u", text, AWAKE_US_MAX);
		return -EINVAL;
	}
	p->awake_ns = n * 1000;
	return 0;
}

/* One word of the model's own options: checked at once, so that the message
 * names what is wrong. */
static int add_option(struct function *f, const char *name, const char *value)
{
	size_t len = strlen(f->options);
	struct emu_host_options o;
	char word[OPTIONS_MAX], why[256];
	int n = snprintf(word, sizeof(word), "%s%s%s", name, *name ? "=" : "",
			 value);

	if (strchr(value, ',') || n < 0 ||
	    len + (size_t)n + 2 > sizeof(f->options)) {
		say("%s: not understood", value);
		return -EINVAL;
	}
	if (emu_host_parse(&o, word, why, sizeof(why))) {
		say("%s", why);
		return -EINVAL;
	}
	if (len)
		f->options[len++] = ',';
	memcpy(f->options + len, word, (size_t)n + 1);
	return 0;
}

static int set_model(struct function *f, const char *name)
{
	if (!strcmp(name, "kunpeng920") || !strcmp(name, "kunpeng930"))
		return add_option(f, "", name);
	say("--model %s: there are kunpeng920 and kunpeng930", name);
	return -EINVAL;
}

/* Return: 0; 1: the program is over; negative errno. */
static int take_option(struct program *p, int id, const char *arg)
{
	struct function *f = p->count ? &p->fn[p->count - 1] : &p->common;

	switch (id) {
	case O_VFIO_USER:
		return begin_function(p, arg);
	case O_LISTEN:
		p->listen = arg;
		return 0;
	case O_MODE:
		return set_mode(p, arg);
	case O_AWAKE:
		return set_awake(p, arg);
	case O_DEVICE:
		return set_device(f, arg);
	case O_MODEL:
		return set_model(f, arg);
	case O_VF:
		return set_vf(f, arg);
	case O_QUEUES:
		f->queues_given = true;
		return add_option(f, "queues", arg);
	case O_THREADS:
		return add_option(f, "threads", arg);
	case O_LATENCY:
		return add_option(f, "latency_us", arg);
	case O_RATE:
		return add_option(f, "rate", arg);
	case O_FAULT:
		return add_option(f, "fault", arg);
	case O_TRACE:
		f->trace = arg;
		return 0;
	case O_STATS:
		p->stats = arg;
		return 0;
	case O_HELP:
		fputs(usage, stdout);
		return 1;
	case O_VERSION:
		puts("wd-emu " WD_VERSION);
		return 1;
	default: /* getopt_long() has said what is wrong */
		fputs("wd-emu --help shows the options\n", stderr);
		return -EINVAL;
	}
}

/* Faults named for another engine are not this function's. */
static void keep_faults(struct function *f, const struct emu_host_options *o)
{
	f->config.fault_count = 0;
	for (unsigned int i = 0; i < o->config.fault_count; i++)
		if (o->fault_engine[i] == UACCE_ENGINES ||
		    o->fault_engine[i] == f->engine->id)
			f->config.faults[f->config.fault_count++] =
				o->config.faults[i];
}

static int finish_function(struct function *f)
{
	struct emu_host_options o;
	char why[256];

	if (!f->engine) {
		say("%s: which device?  Add --device", f->socket);
		return -EINVAL;
	}
	if (emu_host_parse(&o, f->options, why, sizeof(why))) {
		say("%s: %s", f->socket, why);
		return -EINVAL;
	}
	f->config = o.config;
	keep_faults(f, &o);
	f->config.engine = f->engine;
	f->config.vf = f->vf;
	f->threads = o.threads;
	if (!f->queues_given)
		f->config.queues = f->vf ? 64 : 1024;
	return 0;
}

static int finish_arguments(struct program *p)
{
	if (p->listen && p->count) {
		say("--listen and --vfio-user are for processes of their own");
		return -EINVAL;
	}
	if (p->listen && (p->common.vf || p->common.trace)) {
		say("--listen: there is no --vf and no --trace with it");
		return -EINVAL;
	}
	if (p->listen)
		return 0;
	if (!p->count) {
		say("nothing to serve: give --vfio-user SOCKET --device "
		    "ENGINE, or --listen SOCKET");
		return -EINVAL;
	}
	if (p->common.trace && p->count > 1) {
		say("--trace %s: several functions would write it; put one "
		    "after each --vfio-user",
		    p->common.trace);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < p->count; i++)
		if (finish_function(&p->fn[i]))
			return -EINVAL;
	return 0;
}

static int parse_arguments(struct program *p, int argc, char **argv)
{
	int id, rc;

	while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		rc = take_option(p, id, optarg);
		if (rc)
			return rc;
	}
	if (optind < argc) {
		say("%s: not an option; wd-emu --help shows them",
		    argv[optind]);
		return -EINVAL;
	}
	return finish_arguments(p);
}

/* --- functions ----------------------------------------------------------- */

static int function_open(struct function *f, const struct program *p)
{
	int rc;

	f->stop = p->stop;
	f->done = p->done;
	if (f->trace) {
		f->trace_file = fopen(f->trace, "we");
		if (!f->trace_file) {
			say("%s: %s", f->trace, strerror(errno));
			return -errno;
		}
	}
	if (f->trace_file)
		setvbuf(f->trace_file, NULL, _IOLBF, BUFSIZ);
	rc = vfio_user_new(&f->u, &f->config, f->threads, f->trace_file);
	if (rc) {
		say("%s: %s", f->socket, strerror(-rc));
		return rc;
	}
	f->listener = vfio_user_listen(f->socket);
	if (f->listener < 0) {
		say("%s: %s", f->socket, strerror(-f->listener));
		return f->listener;
	}
	return 0;
}

static void function_close(struct function *f)
{
	if (f->listener >= 0) {
		close(f->listener);
		unlink(f->socket);
	}
	vfio_user_free(f->u);
	if (f->trace_file)
		fclose(f->trace_file);
}

static void *function_thread(void *function)
{
	struct function *f = function;
	uint64_t one = 1;

	f->rc = vfio_user_serve(f->u, f->listener, f->stop);
	if (f->rc)
		say("%s: client sent away: %s", f->socket, strerror(-f->rc));
	if (write(f->done, &one, sizeof(one)) < 0)
		abort(); /* an eventfd far from full */
	return NULL;
}

static int start_all(struct program *p)
{
	int rc = 0;

	for (unsigned int i = 0; i < p->count; i++)
		p->fn[i].listener = -1;
	for (unsigned int i = 0; i < p->count && !rc; i++)
		rc = function_open(&p->fn[i], p);
	for (unsigned int i = 0; i < p->count && !rc; i++) {
		rc = -pthread_create(&p->fn[i].thread, NULL, function_thread,
				     &p->fn[i]);
		p->running += !rc;
	}
	return rc;
}

static void stop_all(const struct program *p)
{
	uint64_t one = 1;

	if (write(p->stop, &one, sizeof(one)) < 0)
		abort(); /* an eventfd far from full */
}

/* Until all functions are done.  A signal ends them. */
static void wait_all(struct program *p)
{
	struct pollfd fds[2] = { { .fd = p->done, .events = POLLIN },
				 { .fd = p->signals, .events = POLLIN } };
	uint64_t n, ended = 0;

	while (ended < p->running) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents) {
			stop_all(p);
			fds[1].fd = -1;
		}
		if (fds[0].revents && read(p->done, &n, sizeof(n)) > 0)
			ended += n;
	}
	for (unsigned int i = 0; i < p->running; i++)
		pthread_join(p->fn[i].thread, NULL);
}

/* --- report -------------------------------------------------------------- */

static void report_device(FILE *out, const struct emu_engine *engine,
			  struct emu_dev *dev)
{
	struct emu_stats s = { 0 };

	if (dev)
		emu_dev_stats(dev, &s);
	fprintf(out,
		" \"descriptors\": %llu, \"errors\": %llu,\n"
		"    \"sq_bells\": %llu, \"cq_bells\": %llu, "
		"\"eq_bells\": %llu, \"irqs\": %llu,\n"
		"    \"algorithms\": {",
		(unsigned long long)s.descriptors, (unsigned long long)s.errors,
		(unsigned long long)s.sq_bells, (unsigned long long)s.cq_bells,
		(unsigned long long)s.eq_bells, (unsigned long long)s.irqs);
	for (size_t i = 0; i < s.alg_count; i++) {
		char name[48];

		emu_alg_name(engine, s.alg[i].key, name, sizeof(name));
		fprintf(out, "%s \"%s\": %llu", i ? "," : "", name,
			(unsigned long long)s.alg[i].count);
	}
	fputs(" } }", out);
}

static const char *model_name(enum emu_model model)
{
	return model == EMU_KUNPENG930 ? "kunpeng930" : "kunpeng920";
}

static void report_function(FILE *out, const struct function *f)
{
	fprintf(out,
		"  { \"device\": \"%s\", \"model\": \"%s\", \"vf\": %u,\n"
		"    \"messages\": %llu,",
		f->engine->name, model_name(f->config.model), f->vf,
		(unsigned long long)f->u->messages);
	report_device(out, f->engine, f->u->dev);
}

static int report_end(const struct program *p, FILE *out)
{
	if (p->stats && fclose(out)) {
		say("%s: %s", p->stats, strerror(errno));
		return -errno;
	}
	return 0;
}

static int report(struct program *p)
{
	FILE *out = p->stats ? p->stats_file : stderr;

	fputs("[\n", out);
	for (unsigned int i = 0; i < p->count; i++) {
		report_function(out, &p->fn[i]);
		fputs(i + 1 < p->count ? ",\n" : "\n", out);
	}
	fputs("]\n", out);
	return report_end(p, out);
}

/* Known at the start rather than at the end of a long run. */
static int open_report(struct program *p)
{
	if (!p->stats)
		return 0;
	p->stats_file = fopen(p->stats, "we");
	if (p->stats_file)
		return 0;
	say("%s: %s", p->stats, strerror(errno));
	return -errno;
}

/* --- main ---------------------------------------------------------------- */

static int open_signals(struct program *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p->signals = signalfd(-1, &set, SFD_CLOEXEC);
	/* Virtual machines have no report before the end. */
	if (p->listen) {
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGUSR2);
		sigprocmask(SIG_BLOCK, &set, NULL);
		p->report = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	}
	p->stop = eventfd(0, EFD_CLOEXEC);
	p->done = eventfd(0, EFD_CLOEXEC);
	if (p->signals >= 0 && p->report >= 0 && p->stop >= 0 && p->done >= 0)
		return 0;
	say("%s", strerror(errno));
	return -errno;
}

/* --- for programs -------------------------------------------------------- */

struct shared {
	struct program *p;
	struct emu_serve serve;
	enum emu_model model;
};

static void report_client(FILE *out, const struct emu_serve_client *c)
{
	fprintf(out, "  { \"pid\": %d, \"uid\": %u", (int)c->pid,
		(unsigned int)c->uid);
	if (c->open)
		fprintf(out,
			", \"device\": \"%s\", \"queue\": %u, "
			"\"pool\": %zu,\n    \"descriptors\": %llu, "
			"\"waiting\": %u, \"bells\": %llu, "
			"\"kicks\": %llu",
			emu_engines[c->engine]->name, c->queue, c->pool,
			(unsigned long long)c->descriptors, c->waiting,
			(unsigned long long)c->bells,
			(unsigned long long)c->kicks);
	fputs(" }", out);
}

static void report_text(FILE *out, const struct shared *s,
			const struct emu_serve_client *client, unsigned int n)
{
	const struct emu_serve_counts *c = &s->serve.counts;
	struct uacce_host *host = s->serve.host;
	struct uacce_info info[UACCE_ENGINES];
	int count = host->ops->list(host, info, UACCE_ENGINES);

	fprintf(out,
		"{ \"model\": \"%s\", \"connections\": %llu, "
		"\"queues\": %llu, \"most\": %llu,\n"
		"  \"full\": %llu, \"thrown\": %llu, \"kicks\": %llu, "
		"\"bells\": %llu,\n  \"devices\": [\n",
		model_name(s->model), (unsigned long long)c->connections,
		(unsigned long long)c->queues, (unsigned long long)c->most,
		(unsigned long long)c->full, (unsigned long long)c->thrown,
		(unsigned long long)c->kicks, (unsigned long long)c->bells);
	for (int i = 0; i < count && i < UACCE_ENGINES; i++) {
		fprintf(out, "%s  { \"device\": \"%s\",", i ? ",\n" : "",
			info[i].name);
		report_device(out, emu_engines[info[i].engine],
			      emu_host_dev(host, info[i].name));
	}
	fputs("\n], \"clients\": [", out);
	for (unsigned int i = 0; i < n; i++) {
		fputs(i ? ",\n" : "\n", out);
		report_client(out, &client[i]);
	}
	fputs("\n] }\n", out);
}

/* Each report replaces the one before, in one step. */
static int report_write(const struct program *p, const char *text, size_t size)
{
	FILE *out = p->stats ? p->stats_file : stderr;

	if (p->stats) {
		rewind(out);
		if (ftruncate(fileno(out), 0))
			clearerr(out); /* not a file of that kind */
	}
	if (fwrite(text, 1, size, out) == size && !fflush(out))
		return 0;
	say("%s: %s", p->stats ? p->stats : "report", strerror(errno));
	return -errno;
}

static int report_shared(const struct shared *s,
			 const struct emu_serve_client *client, unsigned int n)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int rc = -ENOMEM;

	if (!out)
		return rc;
	report_text(out, s, client, n);
	if (!fclose(out) && text)
		rc = report_write(s->p, text, size);
	free(text);
	return rc;
}

static void break_devices(const struct shared *s)
{
	struct uacce_host *host = s->serve.host;
	struct uacce_info info[UACCE_ENGINES];
	int count = host->ops->list(host, info, UACCE_ENGINES);

	for (int i = 0; i < count && i < UACCE_ENGINES; i++) {
		struct emu_dev *dev = emu_host_dev(host, info[i].name);

		if (dev)
			emu_dev_fail(dev);
	}
}

/* SIGUSR1 and SIGUSR2 */
static void report_now(void *shared, const struct emu_serve_counts *counts,
		       const struct emu_serve_client *client, unsigned int n)
{
	struct shared *s = shared;
	struct signalfd_siginfo info;

	(void)counts; /* s->serve has them */
	if (read(s->p->report, &info, sizeof(info)) <= 0)
		return;
	if (info.ssi_signo == SIGUSR2)
		break_devices(s);
	else
		report_shared(s, client, n);
}

static int shared_options(const struct function *f, struct emu_host_options *o)
{
	char why[256];
	int rc = emu_host_parse(o, f->options, why, sizeof(why));

	if (rc) {
		say("%s", why);
		return rc;
	}
	o->nosva = o->shared = true;
	if (!f->queues_given)
		o->queues = 1024;
	for (int e = 0; f->engine && e < UACCE_ENGINES; e++)
		o->devices[e] = f->engine->id == (enum uacce_engine)e;
	return 0;
}

static int serve_programs(struct program *p, const char *path)
{
	struct shared s = { .p = p,
			    .serve = { .stop = p->signals,
				       .report = p->report,
				       .tell = report_now,
				       .ctx = &s } };
	struct emu_host_options o;
	int rc = shared_options(&p->common, &o);

	if (rc)
		return rc;
	s.model = o.config.model;
	s.serve.awake_ns = p->awake_ns;
	rc = emu_host_new(&s.serve.host, &o);
	if (rc)
		return rc;
	s.serve.listener = emu_serve_listen(path, p->mode);
	rc = s.serve.listener < 0 ? s.serve.listener : 0;
	if (rc)
		goto free_host;
	signal(SIGPIPE, SIG_IGN); /* of clients that are gone */
	rc = emu_serve(&s.serve);
	unlink(path);
	close(s.serve.listener);
	if (!rc)
		rc = report_shared(&s, NULL, 0);
free_host:
	s.serve.host->ops->free(s.serve.host);
	if (rc)
		say("%s: %s", path, strerror(-rc));
	return rc;
}

int main(int argc, char **argv)
{
	static struct program p = { .mode = 0600,
				    .awake_ns = EMU_SERVE_AWAKE_NS };
	int rc = parse_arguments(&p, argc, argv);

	if (rc)
		return rc == 1 ? 0 : 2;
	wd_log_to(STDERR_FILENO, WD_LOG_WARN);
	if (open_report(&p) || open_signals(&p))
		return 1;
	if (p.listen)
		return serve_programs(&p, p.listen) ? 1 : 0;
	rc = start_all(&p);
	if (rc)
		stop_all(&p);
	wait_all(&p);
	if (!rc)
		rc = report(&p);
	for (unsigned int i = 0; i < p.count; i++) {
		function_close(&p.fn[i]);
		rc = rc ? rc : p.fn[i].rc;
	}
	return rc ? 1 : 0;
}
