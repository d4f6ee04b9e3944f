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
#define SEC_SLOT_DATA 19968u

struct sec_slot {
	_Alignas(64) uint8_t mac[64]; /* tag, digest or digest state */
	uint8_t iv[16];
	uint8_t b0[16]; /* CCM */
	uint8_t reserved[32];
	uint8_t key[128]; /* HMAC: up to a block */
	_Alignas(64) struct sec_sgl src, dst;
	uint8_t data[SEC_SLOT_DATA]; /* AAD | payload */
};
_Static_assert(sizeof(struct sec_slot) <= 20480, "20 KiB a slot");

#endif
