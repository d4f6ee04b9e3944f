/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl_top.c - the live view: a frame every few seconds, made as text and then
 * cut to the window.  On a terminal everything that can end or stop us comes as
 * an event of the loop, so that the terminal is given back as it was.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl.h"

#define PIDS_MAX 64

/* One process, and what it counted lately. */
struct row {
	const struct seen_proc *p, *before;
	double seconds; /* since @before, or all its life */
	struct offload_kind_stats all;
	double jobs, bytes, software, failed; /* a second */
};

enum key { BY_JOBS, BY_BYTES, BY_FLIGHT, BY_SOFTWARE, BY_ERRORS, BY_PID, KEYS };

static const char *const key_names[KEYS] = {
	"jobs", "bytes", "flight", "software", "errors", "pid",
};

struct top {
	double delay;
	unsigned long rounds;
	enum key key;
	bool lanes, tty;
	const char *dir;
	uint32_t pid[PIDS_MAX];
	unsigned int pids;
	struct seen now, before;
	struct row *row;
	size_t rows;
	unsigned int width, height; /* of the window; 0: endless */
	int signals;		    /* signalfd */
	struct termios was;
};

/* ---- numbers ------------------------------------------------------------- */

static double a_second(uint64_t now, uint64_t before, double seconds)
{
	return now > before && seconds > 0 ? (double)(now - before) / seconds
					   : 0;
}

static uint64_t sum_failed(const struct offload_kind_stats *c)
{
	return c->errors + c->timeouts;
}

static void row_make(struct row *r, const struct top *t,
		     const struct seen_proc *p)
{
	struct offload_kind_stats was = { 0 };

	r->p = p;
	r->before = seen_same(&t->before, p);
	r->seconds = (double)(t->now.now_ns -
			      (r->before ? t->before.now_ns : p->f->made_ns)) /
		     1e9;
	r->all = seen_all_kinds(&p->sum);
	if (r->before)
		was = seen_all_kinds(&r->before->sum);
	r->jobs = a_second(r->all.jobs, was.jobs, r->seconds);
	r->bytes = a_second(r->all.bytes, was.bytes, r->seconds);
	r->software = a_second(r->all.software, was.software, r->seconds);
	r->failed = a_second(sum_failed(&r->all), sum_failed(&was), r->seconds);
}

static bool is_wanted(const struct top *t, const struct seen_proc *p)
{
	for (unsigned int i = 0; i < t->pids; i++)
		if (t->pid[i] == p->f->pid)
			return p->alive;
	return p->alive && !t->pids;
}

static double key_of(const struct row *r, enum key key)
{
	switch (key) {
	case BY_BYTES:
		return r->bytes;
	case BY_FLIGHT:
		return r->p->in_flight;
	case BY_SOFTWARE:
		return r->software;
	case BY_ERRORS:
		return r->failed;
	case BY_PID:
		return -(double)r->p->f->pid;
	default:
		return r->jobs;
	}
}

static int by_key(const void *a, const void *b, void *key)
{
	const struct row *p = a, *q = b;
	double x = key_of(p, *(enum key *)key), y = key_of(q, *(enum key *)key);

	if (x != y)
		return x > y ? -1 : 1;
	return p->p->f->pid < q->p->f->pid ? -1 : 1;
}

/* Return: 0, -ENOMEM. */
static int look(struct top *t)
{
	free(t->row);
	seen_free(&t->before);
	t->before = t->now;
	t->now = (struct seen){ .quiet = true };
	seen_start(&t->now);
	(void)ctl_find(&t->now, t->dir);
	t->rows = 0;
	t->row = calloc(t->now.n + 1, sizeof(*t->row));
	if (!t->row)
		return -ENOMEM;
	for (size_t i = 0; i < t->now.n; i++)
		if (is_wanted(t, &t->now.proc[i]))
			row_make(&t->row[t->rows++], t, &t->now.proc[i]);
	qsort_r(t->row, t->rows, sizeof(*t->row), by_key, &t->key);
	return 0;
}

/* ---- a frame ------------------------------------------------------------- */

/* At most 7 characters. */
static const char *short_number(char *to, size_t size, double x)
{
	static const char units[] = " kMGTPE";
	int u = 0;

	while (x >= 9999.5 && units[u + 1]) {
		x /= 1000;
		u++;
	}
	if (u)
		snprintf(to, size, "%.*f%c", x < 99.95, x, units[u]);
	else
		snprintf(to, size, "%.*f", x < 999.95, x);
	return to;
}

static unsigned int percent(uint32_t part, uint32_t all)
{
	return all ? (unsigned int)((uint64_t)part * 100 / all) : 0;
}

static void say_rate(FILE *to, double x)
{
	char buf[32];

	fprintf(to, " %8s", short_number(buf, sizeof(buf), x));
}

static void say_head(FILE *to, const struct top *t)
{
	double jobs = 0, bytes = 0, software = 0, failed = 0;
	uint32_t flight = 0, depth = 0;
	char when[16] = "", n[4][32];
	time_t now = time(NULL);
	bool model = false;
	struct tm tm;

	for (size_t i = 0; i < t->rows; i++) {
		const struct row *r = &t->row[i];

		jobs += r->jobs;
		bytes += r->bytes;
		software += r->software;
		failed += r->failed;
		flight += r->p->in_flight;
		depth += r->p->depth;
		model |= r->p->f->model;
	}
	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	fprintf(to, "wdctl top - %s, %zu process%s, every %.3g s, by %s%s",
		when, t->rows, t->rows == 1 ? "" : "es", t->delay,
		key_names[t->key], model ? ", MODEL" : "");
	if (t->now.broken)
		fprintf(to, ", %u broken files", t->now.broken);
	if (t->now.hidden)
		fprintf(to, ", %u of others", t->now.hidden);
	fprintf(to,
		"\n%s jobs/s, %s bytes/s, %u in flight of %u (%u %%), "
		"software %s/s, failed %s/s\n\n",
		short_number(n[0], sizeof(n[0]), jobs),
		short_number(n[1], sizeof(n[1]), bytes), flight, depth,
		percent(flight, depth),
		short_number(n[2], sizeof(n[2]), software),
		short_number(n[3], sizeof(n[3]), failed));
	fprintf(to, "%7s %-8s %-15s %9s %4s %8s %8s %8s %8s %6s %8s %8s\n",
		"PID", "USER", "PROGRAM", "IN FLIGHT", "USE", "JOBS/s",
		"BYTES/s", "SOFT/s", "FAIL/s", "J/BELL", "SLEEP/s", "WAKE/s");
}

static void say_row(FILE *to, const struct row *r)
{
	const struct offload_stats none = { 0 };
	const struct offload_stats *s = &r->p->sum;
	const struct offload_stats *b = r->before ? &r->before->sum : &none;
	double bells = a_second(s->sq_bells, b->sq_bells, r->seconds);

	fprintf(to, "%7u %-8.8s %-15.15s %4u/%-4u %3u%%", r->p->f->pid,
		r->p->user, r->p->f->program, r->p->in_flight, r->p->depth,
		percent(r->p->in_flight, r->p->depth));
	say_rate(to, r->jobs);
	say_rate(to, r->bytes);
	say_rate(to, r->software);
	say_rate(to, r->failed);
	fprintf(to, " %6.1f", bells > 0 ? r->jobs / bells : 0);
	say_rate(to, a_second(s->sleeps, b->sleeps, r->seconds));
	say_rate(to, a_second(s->wakes, b->wakes, r->seconds));
	putc('\n', to);
}

#define BAR 10u

static void say_lane(FILE *to, const struct row *r, uint32_t i)
{
	const struct stats_lane *l = &r->p->f->lane[i];
	struct offload_kind_stats c = seen_all_kinds(&l->count), was = { 0 };
	uint32_t n = r->p->lane_in_flight[i];
	unsigned int use = percent(n, l->depth);
	char bar[BAR + 1];

	if (r->before && i < r->before->f->lanes)
		was = seen_all_kinds(&r->before->f->lane[i].count);
	for (unsigned int b = 0; b < BAR; b++)
		bar[b] = b * 100 < use * BAR ? '#' : '.';
	bar[BAR] = '\0';
	fprintf(to, "%7s %3u %-13.13s %-9.9s", "", i, l->device,
		l->state == STATS_LANE_OPEN ? seen_class(l) : seen_state(l));
	fprintf(to, " %3u/%-3u %3u%%", n, l->depth, use);
	say_rate(to, a_second(c.jobs, was.jobs, r->seconds));
	say_rate(to, a_second(c.bytes, was.bytes, r->seconds));
	fprintf(to, " %8s", bar);
	say_rate(to, a_second(sum_failed(&c), sum_failed(&was), r->seconds));
	putc('\n', to);
}

/* Return: the text, to be freed; NULL: no memory. */
static char *frame(const struct top *t)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	say_head(to, t);
	for (size_t i = 0; i < t->rows; i++) {
		say_row(to, &t->row[i]);
		for (uint32_t l = 0; t->lanes && l < t->row[i].p->f->lanes; l++)
			say_lane(to, &t->row[i], l);
	}
	if (fclose(to)) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- plain --------------------------------------------------------------- */

static int run_plain(struct top *t)
{
	const struct timespec ts = {
		.tv_sec = (time_t)t->delay,
		.tv_nsec = (long)((t->delay - (double)(time_t)t->delay) * 1e9),
	};

	for (unsigned long n = 0; !t->rounds || n < t->rounds; n++) {
		char *text;

		if (n) {
			putchar('\n');
			nanosleep(&ts, NULL);
		}
		text = look(t) ? NULL : frame(t);
		if (!text)
			return 1;
		fputs(text, stdout);
		free(text);
		if (fflush(stdout))
			return 1;
	}
	return 0;
}

/* ---- on a terminal ------------------------------------------------------- */

/* ECMA-48 and what every terminal since xterm knows. */
#define SCREEN_OTHER "\033[?1049h"
#define SCREEN_FIRST "\033[?1049l"
#define CURSOR_HIDE  "\033[?25l"
#define CURSOR_SHOW  "\033[?25h"
#define HOME	     "\033[H"
#define CLEAR_TO_EOL "\033[K"
#define CLEAR_TO_END "\033[J"
#define REVERSE	     "\033[7m"
#define PLAIN	     "\033[m"

static void window(struct top *t)
{
	struct winsize w = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_col || !w.ws_row)
		w = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	t->width = w.ws_col;
	t->height = w.ws_row;
}

static void terminal_take(struct top *t)
{
	struct termios raw = t->was;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(SCREEN_OTHER CURSOR_HIDE, stdout);
	fflush(stdout);
	window(t);
}

static void terminal_give_back(struct top *t)
{
	fputs(PLAIN CURSOR_SHOW SCREEN_FIRST, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &t->was);
}

/* What does not fit is left out; the last line tells how many. */
static void draw(const struct top *t, const char *text)
{
	unsigned int line = 0, more = 0;

	fputs(HOME, stdout);
	for (; *text; line++) {
		int n = (int)strcspn(text, "\n");
		bool header = line == 3;

		if (line + 1 < t->height) {
			printf("%s%.*s" CLEAR_TO_EOL "%s\r\n",
			       header ? REVERSE : "",
			       n < (int)t->width ? n : (int)t->width, text,
			       header ? PLAIN : "");
		} else {
			more++;
		}
		text += n + (text[n] == '\n');
	}
	if (more)
		printf("%.*s", (int)t->width, "... and more");
	fputs(CLEAR_TO_END, stdout);
	fflush(stdout);
}

static int redraw(struct top *t)
{
	char *text = frame(t);

	if (!text)
		return -ENOMEM;
	draw(t, text);
	free(text);
	return 0;
}

/* Return: 0 go on; 1 look anew; 2 end. */
static int press(struct top *t)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));
	int what = 0;

	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : 2;
	for (ssize_t i = 0; i < n; i++) {
		switch (keys[i]) {
		case 'q':
		case 'Q':
			return 2;
		case 's':
			t->key = (enum key)((t->key + 1) % KEYS);
			qsort_r(t->row, t->rows, sizeof(*t->row), by_key,
				&t->key);
			break;
		case 'l':
			t->lanes = !t->lanes;
			break;
		case ' ':
			what = 1;
			break;
		}
	}
	return what;
}

/* Die of it as if we had never looked. */
static void die_of(struct top *t, int signal)
{
	sigset_t one;

	terminal_give_back(t);
	sigemptyset(&one);
	sigaddset(&one, signal);
	raise(signal);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
}

static void signalled(struct top *t)
{
	struct signalfd_siginfo info;

	if (read(t->signals, &info, sizeof(info)) != sizeof(info))
		return;
	switch ((int)info.ssi_signo) {
	case SIGWINCH:
		window(t);
		break;
	case SIGTSTP:
		terminal_give_back(t);
		raise(SIGSTOP);
		terminal_take(t);
		break;
	default:
		die_of(t, (int)info.ssi_signo);
	}
}

static int64_t now_ms(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* Until the next look is due.  Return: false: end. */
static bool listen_until(struct top *t, int64_t due)
{
	int64_t left;

	while ((left = due - now_ms()) > 0) {
		struct pollfd fd[] = {
			{ .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = t->signals, .events = POLLIN },
		};
		int what = 0;

		if (poll(fd, 2, left < INT32_MAX ? (int)left : INT32_MAX) <= 0)
			continue;
		if (fd[1].revents)
			signalled(t);
		if (fd[0].revents)
			what = press(t);
		if (what == 2 || redraw(t))
			return false;
		if (what == 1)
			break;
	}
	return true;
}

static int signals_take(struct top *t)
{
	static const int all[] = { SIGINT,  SIGTERM,  SIGHUP,
				   SIGQUIT, SIGWINCH, SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sigaddset(&set, all[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return t->signals < 0 ? -errno : 0;
}

static int run_terminal(struct top *t)
{
	int rc = 0;

	if (signals_take(t)) {
		perror("wdctl: top");
		return 1;
	}
	terminal_take(t);
	for (unsigned long n = 0; !t->rounds || n < t->rounds; n++) {
		int64_t due = now_ms() + (int64_t)(t->delay * 1000);

		if (look(t) || redraw(t)) {
			rc = 1;
			break;
		}
		if (n + 1 != t->rounds && !listen_until(t, due))
			break;
	}
	terminal_give_back(t);
	close(t->signals);
	return rc;
}

/* ---- the command --------------------------------------------------------- */

/* Numbers with commas between.  Return: false: they are not. */
static bool pids_parse(struct top *t, const char *text)
{
	while (text && *text) {
		char *end;
		unsigned long pid = strtoul(text, &end, 10);

		if (!isdigit((unsigned char)*text) || !pid || pid > INT32_MAX ||
		    (*end && *end != ',') || t->pids == PIDS_MAX)
			return false;
		t->pid[t->pids++] = (uint32_t)pid;
		text = *end ? end + 1 : end;
	}
	return true;
}

static bool key_parse(struct top *t, const char *text)
{
	for (int k = 0; k < KEYS; k++) {
		t->key = (enum key)k;
		if (!text || !strcmp(text, key_names[k]))
			return true;
	}
	return false;
}

int ctl_top(const struct ctl_options *o)
{
	struct top t = { .delay = o->delay,
			 .rounds = o->rounds,
			 .lanes = o->lanes,
			 .dir = o->dir };
	int rc;

	if (!key_parse(&t, o->sort) || !pids_parse(&t, o->pids)) {
		fputs("wdctl: top: -s jobs, bytes, flight, software, errors or "
		      "pid; -p PID,PID...\n",
		      stderr);
		return 2;
	}
	if (o->dir && access(o->dir, R_OK | X_OK)) {
		fprintf(stderr, "wdctl: %s: %s\n", o->dir, strerror(errno));
		return 1;
	}
	t.tty = !o->batch && isatty(STDOUT_FILENO) &&
		!tcgetattr(STDIN_FILENO, &t.was);
	rc = t.tty ? run_terminal(&t) : run_plain(&t);
	free(t.row);
	seen_free(&t.now);
	seen_free(&t.before);
	return rc;
}
