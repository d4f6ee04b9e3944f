/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_serve.h - the model as a daemon: many processes share its devices over
 * a unix socket.
 *
 *	client ── connection ──┐	one a queue; its end closes the queue
 *	client ── connection ──┼── emu_serve() ── emu_host (in process)
 *	client ── connection ──┘	one thread: requests, doorbells
 *
 * Nothing a client sends or writes into the memory it shares is believed: a
 * hostile one gets wrong results, and reaches nobody else's memory.
 * Protocol: uacce/uacce_unix_wire.h; why it is so: docs/design/daemon.md.
 */
#ifndef EMU_SERVE_H
#define EMU_SERVE_H

#include <sys/types.h>

#include "emu/emu_host.h"
#include "uacce/uacce.h"

/* What became of the clients, for a report. */
struct emu_serve_counts {
	uint64_t connections, queues; /* ever */
	uint64_t full;		      /* refused: no queue free */
	uint64_t thrown;	      /* out, for breaking the protocol */
	uint64_t kicks, bells;
	uint64_t most; /* queues at a time */
};

/**
 * emu_serve_listen() - a socket at @path with these access rights
 * A socket file that nobody listens on is replaced.
 * Return: descriptor, or -errno (-EADDRINUSE: somebody listens).
 */
int emu_serve_listen(const char *path, unsigned int mode);

/* One connection, as it is now. */
struct emu_serve_client {
	pid_t pid; /* who connected, as the kernel says */
	uid_t uid;
	bool open; /* has a queue; all below is 0 without */
	enum uacce_engine engine;
	uint16_t queue;
	size_t pool;	       /* bytes */
	uint64_t kicks, bells; /* since it was opened */
	uint64_t descriptors;  /* run since it was started */
	uint32_t waiting;      /* rung and not completed */
};

/* Longer than the pause between two jobs of a busy client. */
#define EMU_SERVE_AWAKE_NS 50000u

struct emu_serve {
	struct uacce_host *host; /* made with nosva and shared */
	int listener;
	int stop; /* ends when this is readable */
	/* Doorbells of a queue are looked at without being asked for so long
	 * after its last one; then the client pays for a wake-up. */
	uint64_t awake_ns;
	int report; /* and calls @tell when this is; -1: never */
	/* Reads from @report what made it readable.  May break devices. */
	void (*tell)(void *ctx, const struct emu_serve_counts *counts,
		     const struct emu_serve_client *client, unsigned int n);
	void *ctx;
	struct emu_serve_counts counts;
};

/**
 * emu_serve() - until asked to stop; the host ends without queues
 * Return: 0 or -errno.
 */
int emu_serve(struct emu_serve *serve);

#endif
