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

/**
 * emu_serve() - until @stop is readable
 * @host: made with nosva and shared; ends without queues
 * Return: 0 or -errno.
 */
int emu_serve(struct uacce_host *host, int listener, int stop,
	      struct emu_serve_counts *counts);

#endif
