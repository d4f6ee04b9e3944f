/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_run.c - the clients of wdload.
 *
 * A client reads to the end of the connection, so that a handshake counts when
 * the server has finished with it too, and resets instead of closing: no
 * TIME_WAIT is left to pile up.
 */
#include "tools/load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>

#define PATIENCE_S 30 /* a server that says nothing for so long has failed */

struct run {
	const struct load_ask *ask;
	_Atomic uint64_t begun;
	uint64_t deadline_ns;
	pthread_barrier_t warm; /* all have warmed up; the measuring begins */
	struct load_cpu before;
	bool cpu_known;
	uint64_t start_ns;
};

struct client {
	struct run *run;
	OSSL_LIB_CTX *lib;
	SSL_CTX *ctx;
	SSL_SESSION *session;
	struct load_result r;
	pthread_t thread;
	unsigned int left; /* of the warm-up */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- what came of it ------------------------------------------------------- */

static void note_failure(struct client *c, const char *where)
{
	unsigned long code = ERR_peek_error();
	char text[120];

	c->r.failed++;
	if (!c->r.why[0]) {
		if (code)
			ERR_error_string_n(code, text, sizeof(text));
		else
			snprintf(text, sizeof(text), "%s",
				 errno ? strerror(errno) : "closed");
		snprintf(c->r.why, sizeof(c->r.why), "%s: %s", where, text);
	}
	ERR_clear_error();
}

static void add_kind(struct load_result *r, const char *what, uint64_t n)
{
	struct load_kind *k = r->kind;

	/* The last takes what there was no room for. */
	while (k < r->kind + LOAD_KINDS - 1 && k->n && strcmp(k->what, what))
		k++;
	if (!k->n)
		snprintf(k->what, sizeof(k->what), "%s", what);
	k->n += n;
}

static int add_time(struct load_result *r, uint64_t ns)
{
	uint64_t room = r->room ? 2 * r->room : 1024;
	uint32_t *us;

	if (r->nus == r->room) {
		us = realloc(r->us, room * sizeof(*us));
		if (!us)
			return -ENOMEM;
		r->us = us;
		r->room = room;
	}
	r->us[r->nus++] = (uint32_t)(ns / 1000);
	return 0;
}

static void describe(SSL *ssl, char *what, size_t size)
{
	int digest = NID_undef, type = NID_undef;
	const char *group = NULL;

	if (!SSL_session_reused(ssl)) {
		SSL_get_peer_signature_nid(ssl, &digest);
		SSL_get_peer_signature_type_nid(ssl, &type);
	}
	if (SSL_version(ssl) == TLS1_3_VERSION || type)
		group = SSL_group_to_name(ssl,
					  (int)SSL_get_negotiated_group(ssl));
	snprintf(what, size, "%s %s %s %s+%s", SSL_get_version(ssl),
		 SSL_get_cipher_name(ssl), group ? group : "-",
		 type ? OBJ_nid2sn(type) : "-",
		 digest ? OBJ_nid2sn(digest) : "-");
}

static int note_success(struct client *c, SSL *ssl, uint64_t ns)
{
	char what[sizeof(c->r.kind[0].what)];

	describe(ssl, what, sizeof(what));
	add_kind(&c->r, what, 1);
	c->r.done++;
	if (SSL_session_reused(ssl))
		c->r.resumed++;
	return add_time(&c->r, ns);
}

/* ---- one connection -------------------------------------------------------- */

static int dial(const struct load_ask *ask)
{
	const struct linger reset = { .l_onoff = 1 };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (ask->drop_ms >= 0) {
		patience.tv_sec = ask->drop_ms / 1000;
		/* 0 would be for ever */
		patience.tv_usec =
			ask->drop_ms ? ask->drop_ms % 1000 * 1000 : 1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&ask->to, sizeof(ask->to))) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

static bool fetch(struct client *c, SSL *ssl)
{
	const char *path = c->run->ask->get;
	char buf[16384];
	bool good;
	int n;

	n = snprintf(buf, sizeof(buf),
		     "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
	if (n < 0 || n >= (int)sizeof(buf) || SSL_write(ssl, buf, n) != n)
		return false;
	n = SSL_read(ssl, buf, sizeof(buf));
	good = n > 12 && !memcmp(buf, "HTTP/1.", 7) &&
	       !memcmp(buf + 8, " 200", 4);
	for (; n > 0; n = SSL_read(ssl, buf, sizeof(buf)))
		c->r.bytes += (uint64_t)n;
	return good && SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
}

/* Until the server closes: it has finished, and its tickets have come. */
static void part(SSL *ssl, int fd)
{
	char buf[256];
	int n;

	SSL_shutdown(ssl);
	do
		n = SSL_read(ssl, buf, sizeof(buf));
	while (n > 0);
	shutdown(fd, SHUT_WR);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	ERR_clear_error();
}

static bool was_dropped(const struct client *c, SSL *ssl, int rc)
{
	return c->run->ask->drop_ms >= 0 &&
	       SSL_get_error(ssl, rc) == SSL_ERROR_WANT_READ;
}

static int talk(struct client *c, SSL *ssl, int fd)
{
	const struct load_ask *ask = c->run->ask;
	uint64_t begin = now_ns();
	int rc;

	if (!SSL_set_fd(ssl, fd))
		return -ENOMEM;
	if (c->session)
		SSL_set_session(ssl, c->session);
	errno = 0;
	ERR_clear_error();
	rc = SSL_connect(ssl);
	if (rc == 1) {
		rc = note_success(c, ssl, now_ns() - begin);
		if (!rc && ask->get && !fetch(c, ssl))
			note_failure(c, "GET");
		part(ssl, fd);
		return rc;
	}
	if (was_dropped(c, ssl, rc))
		c->r.dropped++;
	else
		note_failure(c, "handshake");
	return 0;
}

static int once(struct client *c)
{
	int fd = dial(c->run->ask), rc;
	SSL *ssl;

	if (fd < 0) {
		errno = -fd;
		note_failure(c, "connect");
		return 0;
	}
	ssl = SSL_new(c->ctx);
	if (ssl && c->run->ask->host)
		SSL_set_tlsext_host_name(ssl, c->run->ask->host);
	rc = ssl ? talk(c, ssl, fd) : -ENOMEM;
	SSL_free(ssl);
	close(fd);
	return rc;
}

/* ---- a client -------------------------------------------------------------- */

static int keep_session(SSL *ssl, SSL_SESSION *s)
{
	struct client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(c->session);
	c->session = s;
	return 1;
}

static int suites_set(SSL_CTX *ctx, const struct load_ask *ask)
{
	if (!ask->suites)
		return 1;
	return strncmp(ask->suites, "TLS_", 4)
		       ? SSL_CTX_set_cipher_list(ctx, ask->suites)
		       : SSL_CTX_set_ciphersuites(ctx, ask->suites);
}

static const char *client_configure(struct client *c)
{
	const struct load_ask *ask = c->run->ask;
	SSL_CTX *ctx = c->ctx;

	SSL_CTX_set_app_data(ctx, c);
	SSL_CTX_set_security_level(ctx, 0);
	if (ask->resume) {
		SSL_CTX_set_session_cache_mode(
			ctx, SSL_SESS_CACHE_CLIENT |
				     SSL_SESS_CACHE_NO_INTERNAL_STORE);
		SSL_CTX_sess_set_new_cb(ctx, keep_session);
	} else {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	}
	if (!SSL_CTX_set_min_proto_version(ctx, ask->version) ||
	    !SSL_CTX_set_max_proto_version(ctx, ask->version))
		return "version";
	if (!suites_set(ctx, ask))
		return "suite";
	if (ask->groups && !SSL_CTX_set1_groups_list(ctx, ask->groups))
		return "groups";
	if (ask->sigalgs && !SSL_CTX_set1_sigalgs_list(ctx, ask->sigalgs))
		return "sigalgs";
	if (!ask->cafile)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return SSL_CTX_load_verify_file(ctx, ask->cafile) ? NULL : "cafile";
}

static int client_init(struct client *c, struct run *run)
{
	const char *bad;

	c->run = run;
	c->left = run->ask->warmup;
	c->lib = OSSL_LIB_CTX_new();
	c->ctx = c->lib ? SSL_CTX_new_ex(c->lib, NULL, TLS_client_method())
			: NULL;
	if (!c->ctx)
		return -ENOMEM;
	bad = client_configure(c);
	if (!bad)
		return 0;
	fprintf(stderr, "wdload: --%s: libssl does not take it\n", bad);
	return -EINVAL;
}

static void client_free(struct client *c)
{
	SSL_SESSION_free(c->session);
	SSL_CTX_free(c->ctx);
	OSSL_LIB_CTX_free(c->lib);
	load_result_free(&c->r);
}

/* One client reads the server's CPU time while all others stand still. */
static void begin_measuring(struct client *c)
{
	struct run *run = c->run;
	const struct load_ask *ask = run->ask;

	int turn;

	load_result_free(&c->r);
	turn = pthread_barrier_wait(&run->warm);
	if (turn == PTHREAD_BARRIER_SERIAL_THREAD) {
		run->cpu_known =
			ask->npids &&
			!load_cpu_read(ask->pids, ask->npids, &run->before);
		run->start_ns = now_ns();
		run->deadline_ns =
			run->start_ns + (uint64_t)ask->seconds * 1000000000;
	}
	pthread_barrier_wait(&run->warm);
}

static void sleep_until(uint64_t ns)
{
	const struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
				    .tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) ==
	       EINTR)
		;
}

/* Each connection has its moment, whichever client is free then. */
static bool goes_on(struct run *run)
{
	const struct load_ask *ask = run->ask;
	uint64_t turn = atomic_fetch_add(&run->begun, 1), due;

	if (ask->count && turn >= ask->count)
		return false;
	if (ask->rate) {
		due = run->start_ns + turn * 1000000000 / ask->rate;
		if (due >= run->deadline_ns)
			return false;
		sleep_until(due);
	}
	return now_ns() < run->deadline_ns;
}

static void *client_main(void *arg)
{
	struct client *c = arg;
	int rc = 0;

	for (; c->left && !rc; c->left--)
		rc = once(c);
	begin_measuring(c);
	while (!rc && goes_on(c->run))
		rc = once(c);
	if (rc)
		note_failure(c, "client");
	return NULL;
}

/* ---- all of them ----------------------------------------------------------- */

static int merge(struct load_result *to, const struct load_result *from)
{
	uint64_t n = to->nus + from->nus;
	uint32_t *us = realloc(to->us, (n ? n : 1) * sizeof(*us));
	unsigned int i;

	if (!us)
		return -ENOMEM;
	to->us = us;
	if (from->nus)
		memcpy(us + to->nus, from->us, from->nus * sizeof(*us));
	to->nus = n;
	to->done += from->done;
	to->failed += from->failed;
	to->dropped += from->dropped;
	to->resumed += from->resumed;
	to->bytes += from->bytes;
	for (i = 0; i < LOAD_KINDS && from->kind[i].n; i++)
		add_kind(to, from->kind[i].what, from->kind[i].n);
	if (!to->why[0])
		memcpy(to->why, from->why, sizeof(to->why));
	return 0;
}

static void finish(struct run *run, struct load_result *r)
{
	struct load_cpu after;

	r->seconds = (double)(now_ns() - run->start_ns) / 1e9;
	r->cpu_known = run->cpu_known &&
		       !load_cpu_read(run->ask->pids, run->ask->npids, &after);
	if (!r->cpu_known)
		return;
	r->cpu.host = after.host - run->before.host;
	r->cpu.model = after.model - run->before.model;
}

static int by_time(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int run_clients(struct run *run, struct client *clients,
		       struct load_result *r)
{
	unsigned int i, n = run->ask->clients;
	int rc = 0;

	for (i = 0; i < n; i++) {
		rc = -pthread_create(&clients[i].thread, NULL, client_main,
				     &clients[i]);
		if (rc) {
			/* Those that run wait for all: there is no going on. */
			fprintf(stderr, "wdload: thread: %s\n", strerror(-rc));
			exit(1);
		}
	}
	for (i = 0; i < n; i++)
		pthread_join(clients[i].thread, NULL);
	finish(run, r);
	for (i = 0; i < n && !rc; i++)
		rc = merge(r, &clients[i].r);
	if (!rc && r->nus)
		qsort(r->us, r->nus, sizeof(*r->us), by_time);
	return rc;
}

int load_run(const struct load_ask *ask, struct load_result *r)
{
	struct run run = { .ask = ask };
	struct client *clients;
	unsigned int i;
	int rc;

	memset(r, 0, sizeof(*r));
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	clients = calloc(ask->clients, sizeof(*clients));
	if (!clients)
		return -ENOMEM;
	rc = -pthread_barrier_init(&run.warm, NULL, ask->clients);
	if (rc)
		goto free_clients;
	for (i = 0; i < ask->clients && !rc; i++)
		rc = client_init(&clients[i], &run);
	if (!rc)
		rc = run_clients(&run, clients, r);
	for (i = 0; i < ask->clients; i++)
		client_free(&clients[i]);
	pthread_barrier_destroy(&run.warm);
free_clients:
	free(clients);
	return rc;
}

void load_result_free(struct load_result *r)
{
	free(r->us);
	memset(r, 0, sizeof(*r));
}
