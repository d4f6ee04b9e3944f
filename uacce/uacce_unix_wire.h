/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uacce_unix_wire.h - what a program and a model daemon say to each other, and
 * the memory they share.  docs/design/daemon.md has the picture.
 *
 * One connection (SOCK_SEQPACKET) is one queue: it lives from OPEN to the end
 * of the connection, however that comes.  The client sends a request and gets
 * one answer.  A packet of one byte is a kick and has no answer.
 *
 * OPEN's answer carries two descriptors: a sealed memfd, of which
 *
 *	page 0			struct uacce_unix_bells
 *	dus_size bytes		SQ, CQ, stop words
 *	pool_size bytes		pool
 *
 * and the reading end of a pipe that becomes readable with a completion and
 * hangs up with the daemon.
 *
 * Both ends run on one machine: numbers are in its byte order.
 */
#ifndef UACCE_UNIX_WIRE_H
#define UACCE_UNIX_WIRE_H

#include <stdatomic.h>
#include <stdint.h>

#include "uacce/uacce.h"

#define UACCE_UNIX_MAGIC       0x57444d31u /* "WDM1": this protocol */
#define UACCE_UNIX_NAME	       64
#define UACCE_UNIX_DEVICES_MAX 16
#define UACCE_UNIX_POOL_MAX    (64u << 20) /* bytes a queue */
#define UACCE_UNIX_DUS_MAX     (4u << 20)

enum uacce_unix_op {
	UACCE_UNIX_LIST = 1,
	UACCE_UNIX_OPEN,
	UACCE_UNIX_START,
	UACCE_UNIX_STOP,
};

struct uacce_unix_request {
	uint32_t magic, op;
	uint32_t qc_type;
	uint32_t zero;
	uint64_t pool; /* bytes */
	char name[UACCE_UNIX_NAME];
};

struct uacce_unix_device {
	char name[UACCE_UNIX_NAME];
	uint32_t engine, qm_version, flags;
	int32_t available, isolated;
	uint32_t zero;
	uint64_t dus_size;
	char algorithms[256];
};

struct uacce_unix_slice {
	uint64_t bus, size;
};

struct uacce_unix_queue {
	uint32_t engine, qm_version;
	uint16_t id, sqe_size, sq_depth, cq_depth;
	uint64_t dus_size, pool_size;
	uint32_t slices, zero;
	struct uacce_unix_slice slice[4];
};

/* Answer to every request.  LIST is followed by @result devices. */
struct uacce_unix_answer {
	uint32_t magic, op;
	int32_t result; /* 0 or more; or a negative errno */
	uint32_t zero;
	struct uacce_unix_queue queue; /* OPEN */
};

struct uacce_unix_list {
	struct uacce_unix_answer answer;
	struct uacce_unix_device device[UACCE_UNIX_DEVICES_MAX];
};

/*
 * Doorbells: the last one of each kind is all that counts, as the values are
 * positions, not steps.  The random bits of a doorbell (docs/hw/qm.md#doorbells)
 * hold a count here, so that one and the same value twice is still two.
 * Who rings stores the word and then looks at @asleep; the daemon sets @asleep
 * and then looks at the words: one of them sees the other.
 */
#define UACCE_UNIX_BELLS      2
#define UACCE_UNIX_BELL_COUNT 0xffff0000ull /* bits of the count */

struct uacce_unix_bells {
	_Atomic uint64_t bell[UACCE_UNIX_BELLS]; /* SQ, CQ */
	_Atomic uint32_t asleep; /* 1: a kick is needed; who clears it kicks */
};

/* Bit 12 of a doorbell tells SQ from CQ. */
static inline unsigned int uacce_unix_bell_kind(uint64_t value)
{
	return value >> 12 & 1;
}

#endif
