/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio_user.h - the device model as a PCI function of somebody else's virtual
 * machine: the server's side of the vfio-user protocol.
 *
 *	QEMU ─socket─▶ vfio_user_serve() ─▶ vfio_user_message()
 *	                                        │ config  │ BARs   │ DMA maps
 *	                                   pci_config   emu_dev   vfio_user_dma
 *	QEMU ◀─eventfd── messages ◀─────────────┘         │ descriptors
 *	                                             emu_workers
 *
 * One function, one connection, one thread that handles its messages, and the
 * engine's threads.  The peer is not trusted: what is malformed is answered
 * with an error, a stream that can't be followed any more is closed, and no
 * message makes the model touch memory that was not lent to it.
 *
 *	vfio_user.c		life, interrupts, configuration and BARs
 *	vfio_user_message.c	messages to actions and replies
 *	vfio_user_socket.c	bytes and file descriptors to messages
 *	vfio_user_dma.c		the guest's memory
 *	vfio_user_trace.c	what happened, a line each
 *
 * Protocol: docs/hw/vfio-user.md.
 */
#ifndef VFIO_USER_H
#define VFIO_USER_H

#include <stdio.h>

#include "emu/emu_dev.h"
#include "emu/emu_workers.h"
#include "emu/pci_config.h"
#include "emu/vfio_user_dma.h"

/* Bytes of a message with its header, both ways.  The largest is 200 posted
 * writes in one. */
#define VFIO_USER_MESSAGE_MAX 8192u
#define VFIO_USER_HEADER      16u
#define VFIO_USER_FDS_MAX     16u

struct vfio_user_trace {
	FILE *file; /* NULL: nothing is written */
	pthread_mutex_t lock;
	uint64_t start; /* wd_now_ns() */
	char last[512];
	unsigned int repeated;
};

struct vfio_user {
	struct emu_dev *dev;
	struct emu_workers workers;
	struct pci_config pci;
	struct vfio_user_dma dma;
	struct vfio_user_trace trace;

	pthread_mutex_t irq_lock;
	int irq[PCI_MSI_MAX]; /* eventfds; -1: none */

	bool agreed; /* on a version */
	bool warned; /* of memory that can't be used */
	uint64_t messages;
};

/* One message in, and what goes back.  The buffers are the caller's. */
struct vfio_user_message {
	const uint8_t *data; /* header and payload, contiguous */
	size_t len;
	int fds[VFIO_USER_FDS_MAX]; /* what is used is replaced by -1 */
	unsigned int nfds;
	bool fds_lost;	  /* more came than fit */
	uint8_t *reply;	  /* VFIO_USER_MESSAGE_MAX bytes */
	size_t reply_len; /* 0: none is due */
};

/* vfio_user.c */

/**
 * vfio_user_new() - a function in its state after power on
 * @cfg: the device; its trace is used by @trace, not given by the caller
 * @threads: of the engine; 0: who has the function calls emu_dev_work()
 * @trace: open file or NULL; stays the caller's
 * Return: 0 or a negative errno.
 */
int vfio_user_new(struct vfio_user **out, const struct emu_config *cfg,
		  unsigned int threads, FILE *trace);
void vfio_user_free(struct vfio_user *u);

/* Bytes of region @index (0-5 BARs, 6 ROM, 7 configuration, 8 VGA). */
uint64_t vfio_user_region_size(const struct vfio_user *u, uint32_t index);

/* Return: 0 or -EINVAL; @buf has @len bytes. */
int vfio_user_region_read(struct vfio_user *u, uint32_t index, uint64_t off,
			  uint8_t *buf, size_t len);
int vfio_user_region_write(struct vfio_user *u, uint32_t index, uint64_t off,
			   const uint8_t *buf, size_t len);

void vfio_user_reset(struct vfio_user *u);

/* Message @vector goes to eventfd @fd, which is the function's from now on;
 * -1: to nobody. */
void vfio_user_irq_set(struct vfio_user *u, unsigned int vector, int fd);
bool vfio_user_irq_send(struct vfio_user *u, unsigned int vector);

/* vfio_user_message.c */

/**
 * vfio_user_message() - act on one message
 * Return: 0: answered, go on; -EPROTO: the peer and we don't understand each
 * other, send the reply, if any, and close.
 */
int vfio_user_message(struct vfio_user *u, struct vfio_user_message *m);

/* vfio_user_socket.c */

/* Return: a listening socket, or a negative errno.  A socket file that nobody
 * listens on is replaced. */
int vfio_user_listen(const char *path);

/**
 * vfio_user_serve() - wait for a client on @listener and serve it to its end
 * @stop: a file descriptor that becomes readable when it is time to end
 * Return: 0: the client went, or @stop; -EPROTO: it was sent away; other
 * negative errno.
 */
int vfio_user_serve(struct vfio_user *u, int listener, int stop);

/* vfio_user_trace.c */

void vfio_user_trace_init(struct vfio_user_trace *t, FILE *file);
void vfio_user_trace_fini(struct vfio_user_trace *t);
void vfio_user_say(struct vfio_user_trace *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
