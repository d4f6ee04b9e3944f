/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - wdload: TLS handshakes against a server, and what they cost it.
 *
 *	wdload.c    command line, what is printed
 *	load_run.c  the clients: a thread each, connect, handshake, close
 *	load_cpu.c  CPU time of the server, from /proc
 *
 * The clients use a library context of their own without any configuration:
 * whatever OPENSSL_CONF says to the server, they stay in software.
 */
#ifndef WD_LOAD_H
#define WD_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define LOAD_CLIENTS_MAX 1024
#define LOAD_PIDS_MAX	 64
#define LOAD_KINDS	 8 /* different outcomes told apart */

struct load_ask {
	struct sockaddr_in to;
	const char *host; /* as given; SNI, where it is a name */
	unsigned int clients;
	unsigned int seconds;
	uint64_t count;	     /* 0: until the time is over */
	unsigned int rate;   /* connections a second; 0: as fast as it goes */
	unsigned int warmup; /* handshakes of each client that don't count */
	int version;	     /* TLS1_2_VERSION, TLS1_3_VERSION; 0: any */
	const char *suites, *groups, *sigalgs;
	const char *cafile; /* NULL: the server is not verified */
	const char *get;    /* path to be fetched, or NULL */
	bool resume;
	int drop_ms; /* close if unfinished after this; -1: never */
	int pids[LOAD_PIDS_MAX];
	unsigned int npids;
	bool json;
};

/* One way in which handshakes ended: "TLSv1.3 SUITE GROUP SIGNATURE". */
struct load_kind {
	char what[128];
	uint64_t n;
};

/* CPU time in ns, of the threads of a server and of the models in it. */
struct load_cpu {
	uint64_t host, model;
};

struct load_result {
	uint64_t done, failed, dropped, resumed, bytes;
	struct load_kind kind[LOAD_KINDS];
	uint32_t *us; /* time of each handshake */
	uint64_t nus, room;
	char why[160]; /* of the first failure */
	double seconds;
	struct load_cpu cpu;
	bool cpu_known;
};

/* Return: 0; -errno. @r is load_result_free()d by the caller in any case. */
int load_run(const struct load_ask *ask, struct load_result *r);
void load_result_free(struct load_result *r);

/* The processes and their children.  Return: 0; -ESRCH: one is not there. */
int load_cpu_read(const int *pids, unsigned int n, struct load_cpu *cpu);

#endif
