/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot.h - memory of a job slot, in the queue's device-reachable pool.
 * Only what a job needs is touched, and wiped after it; the order puts what
 * every job needs first.
 */
#ifndef OFFLOAD_SLOT_H
#define OFFLOAD_SLOT_H

#include "hw/hpre/hpre.h"
#include "hw/sec/sec.h"

/* The buffers of an operation one behind the other, each from a cache line on.
 * Most has RSA with a check: out, back, in, five halves of key, and e|n. */
#define HPRE_SLOT_DATA (HPRE_WIDTH_MAX * 3 + HPRE_KEY_MAX + HPRE_WIDTH_MAX * 2)
_Static_assert(HPRE_OUT_MAX + HPRE_WIDTH_MAX * 2 <= HPRE_SLOT_DATA,
	       "RSA key generation");

struct hpre_slot {
	_Alignas(64) uint8_t data[HPRE_SLOT_DATA];
};

/* A TLS record of 16 KiB with its AAD and some room. */
#define SEC_SLOT_DATA 19840u

/* AAD and payload; 16 MiB of it take two entries. */
#define SEC_LIST_ENTRIES 4

struct sec_list {
	struct sec_sgl sgl;
	struct sec_sgl_entry more[SEC_LIST_ENTRIES - SEC_SGL_ENTRIES];
};
_Static_assert(sizeof(struct sec_list) == SEC_SGL_BYTES(SEC_LIST_ENTRIES),
	       "entries behind each other");

struct sec_slot {
	_Alignas(64) uint8_t mac[64]; /* tag, digest or digest state */
	uint8_t iv[16];
	uint8_t b0[16]; /* CCM */
	uint8_t reserved[32];
	uint8_t key[128]; /* HMAC: up to a block */
	_Alignas(64) struct sec_list src, dst;
	uint8_t data[SEC_SLOT_DATA]; /* AAD | payload */
};
_Static_assert(sizeof(struct sec_slot) <= 20480, "20 KiB a slot");

/*
 * Data that one slot has no room for lies in others, too: borrowed ones, whole
 * but for a scatter list at the start of the first.  A job that can be done in
 * pieces takes few of them, so that others find some.
 */
#define SEC_ROOM_SLOTS	     64u /* its own included */
#define SEC_ROOM_SLOTS_SPLIT 4u
#define SEC_ROOM_LIST	     SEC_SGL_BYTES(SEC_ROOM_SLOTS)
#define SEC_ROOM(slots)                                                        \
	(SEC_SLOT_DATA + ((slots)-1) * sizeof(struct sec_slot) - SEC_ROOM_LIST)

#endif
