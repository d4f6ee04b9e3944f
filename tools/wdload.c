/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdload - full TLS handshakes against a server, and what each costs it.
 *
 * Why another load tool: those at hand resume sessions without saying so, and
 * on one machine a rate tells more of the client than of the server.  This one
 * says what was negotiated, and reckons in CPU time of the server.
 */
#include "tools/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

static const char usage_text[] =
	"usage: wdload [options] HOST:PORT\n"
	"\n"
	"TLS handshakes from many clients at once; each connection is a full\n"
	"handshake unless --resume is given.\n"
	"\n"
	"  -c, --clients N      threads with a connection at a time each [16]\n"
	"  -t, --seconds N      how long [5, with -n no limit]\n"
	"  -n, --count N        stop after N connections\n"
	"  -R, --rate N         at most N connections a second\n"
	"  -w, --warmup N       connections of each client before, not counted "
	"[0]\n"
	"  -v, --tls 12|13      version of TLS [what the server prefers]\n"
	"  -C, --suite LIST     cipher suites, as openssl ciphers takes them\n"
	"  -g, --groups LIST    groups, e.g. X25519:P-256\n"
	"  -s, --sigalgs LIST   signature algorithms\n"
	"  -A, --cafile FILE    verify the server's certificate with FILE\n"
	"  -G, --get PATH       fetch PATH and require status 200\n"
	"  -r, --resume         resume the session of the connection before\n"
	"  -d, --drop MS        close connections whose handshake is not done\n"
	"                       when the server was silent for MS "
	"milliseconds\n"
	"  -P, --pid PID        a server's process, children included: report "
	"its\n"
	"                       CPU time per handshake (may be repeated)\n"
	"      --json           machine-readable\n"
	"  -h, --help           this text\n"
	"  -V, --version        version\n"
	"\n"
	"Exit status: 0 no handshake failed, 1 one did or none was done, 2 "
	"usage.\n";

#define SECONDS	    5
#define SECONDS_MAX 86400

enum { OPT_JSON = 256 };

static const struct option options[] = {
	{ "clients", required_argument, NULL, 'c' },
	{ "seconds", required_argument, NULL, 't' },
	{ "count", required_argument, NULL, 'n' },
	{ "rate", required_argument, NULL, 'R' },
	{ "warmup", required_argument, NULL, 'w' },
	{ "tls", required_argument, NULL, 'v' },
	{ "suite", required_argument, NULL, 'C' },
	{ "groups", required_argument, NULL, 'g' },
	{ "sigalgs", required_argument, NULL, 's' },
	{ "cafile", required_argument, NULL, 'A' },
	{ "get", required_argument, NULL, 'G' },
	{ "resume", no_argument, NULL, 'r' },
	{ "drop", required_argument, NULL, 'd' },
	{ "pid", required_argument, NULL, 'P' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* ---- command line ---------------------------------------------------------- */

static const char *option_name(int c)
{
	const struct option *o = options;

	while (o->name && o->val != c)
		o++;
	return o->name ? o->name : "?";
}

static long number(int option, const char *s, long least, long most)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (!*s || *end || errno || n < least || n > most) {
		fprintf(stderr,
			"wdload: --%s %s: a number from %ld to %ld expected\n",
			option_name(option), s, least, most);
		exit(2);
	}
	return n;
}

static int version_of(const char *s)
{
	if (!strcmp(s, "12"))
		return TLS1_2_VERSION;
	if (!strcmp(s, "13"))
		return TLS1_3_VERSION;
	fprintf(stderr, "wdload: --tls %s: 12 or 13 expected\n", s);
	exit(2);
}

static void add_pid(struct load_ask *ask, const char *s)
{
	if (ask->npids == LOAD_PIDS_MAX) {
		fprintf(stderr, "wdload: --pid: at most %d\n", LOAD_PIDS_MAX);
		exit(2);
	}
	ask->pids[ask->npids++] = (int)number('P', s, 1, 1 << 22);
}

static void take(struct load_ask *ask, int c)
{
	switch (c) {
	case 'c':
		ask->clients =
			(unsigned int)number(c, optarg, 1, LOAD_CLIENTS_MAX);
		break;
	case 't':
		ask->seconds = (unsigned int)number(c, optarg, 1, SECONDS_MAX);
		break;
	case 'n':
		ask->count = (uint64_t)number(c, optarg, 1, 1L << 40);
		break;
	case 'R':
		ask->rate = (unsigned int)number(c, optarg, 1, 1000000);
		break;
	case 'w':
		ask->warmup = (unsigned int)number(c, optarg, 0, 1000000);
		break;
	case 'v':
		ask->version = version_of(optarg);
		break;
	case 'C':
		ask->suites = optarg;
		break;
	case 'g':
		ask->groups = optarg;
		break;
	case 's':
		ask->sigalgs = optarg;
		break;
	case 'A':
		ask->cafile = optarg;
		break;
	case 'G':
		ask->get = optarg;
		break;
	case 'r':
		ask->resume = true;
		break;
	case 'd':
		ask->drop_ms = (int)number(c, optarg, 0, 3600000);
		break;
	case 'P':
		add_pid(ask, optarg);
		break;
	case OPT_JSON:
		ask->json = true;
		break;
	case 'h':
		fputs(usage_text, stdout);
		exit(0);
	case 'V':
		puts("wdload " WD_VERSION);
		exit(0);
	default:
		fprintf(stderr, "wdload: --help tells the options\n");
		exit(2);
	}
}

static void resolve(struct load_ask *ask, char *target)
{
	const struct addrinfo hints = { .ai_family = AF_INET,
					.ai_socktype = SOCK_STREAM };
	char *port = strrchr(target, ':');
	struct addrinfo *found;
	struct in_addr numeric;
	int rc;

	if (!port || port == target || !port[1]) {
		fprintf(stderr, "wdload: %s: HOST:PORT expected\n", target);
		exit(2);
	}
	*port++ = '\0';
	rc = getaddrinfo(target, port, &hints, &found);
	if (rc) {
		fprintf(stderr, "wdload: %s:%s: %s\n", target, port,
			gai_strerror(rc));
		exit(2);
	}
	memcpy(&ask->to, found->ai_addr, sizeof(ask->to));
	freeaddrinfo(found);
	if (inet_pton(AF_INET, target, &numeric) != 1)
		ask->host = target;
}

static void parse(struct load_ask *ask, int argc, char **argv)
{
	struct load_cpu cpu;
	int c;

	while ((c = getopt_long(argc, argv, "c:t:n:R:w:v:C:g:s:A:G:rd:P:hV",
				options, NULL)) != -1)
		take(ask, c);
	if (optind + 1 != argc) {
		fprintf(stderr, "wdload: one HOST:PORT expected; --help tells "
				"the options\n");
		exit(2);
	}
	resolve(ask, argv[optind]);
	if (ask->npids && load_cpu_read(ask->pids, ask->npids, &cpu)) {
		fprintf(stderr, "wdload: --pid: no such process\n");
		exit(2);
	}
}

/* ---- what came of it ------------------------------------------------------- */

static uint32_t percentile(const struct load_result *r, unsigned int percent)
{
	return r->nus ? r->us[(r->nus - 1) * percent / 100] : 0;
}

static double each_us(const struct load_result *r, uint64_t ns)
{
	uint64_t n = r->done + r->dropped;

	return n ? (double)ns / 1e3 / (double)n : 0;
}

static void print_text(const struct load_result *r)
{
	unsigned int i;

	printf("%" PRIu64 " handshakes in %.1f s (%.0f/s), %" PRIu64
	       " resumed, %" PRIu64 " dropped, %" PRIu64 " failed\n",
	       r->done, r->seconds, (double)r->done / r->seconds, r->resumed,
	       r->dropped, r->failed);
	if (r->why[0])
		printf("first failure: %s\n", r->why);
	for (i = 0; i < LOAD_KINDS && r->kind[i].n; i++)
		printf("%8" PRIu64 "  %s\n", r->kind[i].n, r->kind[i].what);
	if (r->nus)
		printf("handshake: p50 %" PRIu32 " us, p99 %" PRIu32 " us\n",
		       percentile(r, 50), percentile(r, 99));
	if (r->bytes)
		printf("%" PRIu64 " bytes fetched\n", r->bytes);
	if (r->cpu_known)
		printf("server: %.1f us CPU per handshake; model: %.1f us\n",
		       each_us(r, r->cpu.host), each_us(r, r->cpu.model));
}

static void print_json(const struct load_result *r)
{
	unsigned int i;

	printf("{\"handshakes\": %" PRIu64 ", \"seconds\": %.3f, "
	       "\"resumed\": %" PRIu64 ", \"dropped\": %" PRIu64
	       ", \"failed\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"p50_us\": %" PRIu32 ", \"p99_us\": %" PRIu32,
	       r->done, r->seconds, r->resumed, r->dropped, r->failed, r->bytes,
	       percentile(r, 50), percentile(r, 99));
	if (r->cpu_known)
		printf(", \"server_us\": %.2f, \"model_us\": %.2f",
		       each_us(r, r->cpu.host), each_us(r, r->cpu.model));
	/* No name of libssl's has a character JSON would quote. */
	printf(", \"negotiated\": {");
	for (i = 0; i < LOAD_KINDS && r->kind[i].n; i++)
		printf("%s\"%s\": %" PRIu64, i ? ", " : "", r->kind[i].what,
		       r->kind[i].n);
	puts("}}");
	if (r->why[0])
		fprintf(stderr, "wdload: first failure: %s\n", r->why);
}

int main(int argc, char **argv)
{
	struct load_ask ask = { .clients = 16, .drop_ms = -1 };
	struct load_result r;
	int rc;

	parse(&ask, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (!ask.seconds)
		ask.seconds = ask.count ? SECONDS_MAX : SECONDS;
	rc = load_run(&ask, &r);
	if (rc) {
		if (rc != -EINVAL)
			fprintf(stderr, "wdload: %s\n", strerror(-rc));
		return rc == -EINVAL ? 2 : 1;
	}
	if (ask.json)
		print_json(&r);
	else
		print_text(&r);
	rc = r.failed || !(r.done + r.dropped);
	load_result_free(&r);
	return rc;
}
