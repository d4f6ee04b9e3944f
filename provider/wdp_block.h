/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_block.h - the compression functions of MD5, SHA-1, SHA-2 and SM3.
 *
 * libcrypto's public API can neither take nor give a digest's inner state, so
 * a message whose beginning the device digested can only go on in software if
 * the compression function is our own.  Used for the few bytes before and
 * after what the device does, and when it fails in mid-message.  No table
 * lookup or branch depends on the data.
 *
 * A state is the chaining words as bytes in the order of the digest, as the
 * device saves it: sec_digest_state() bytes.  Pure functions.  Sources: RFC
 * 1321; FIPS 180-4; GB/T 32905-2016.
 */
#ifndef WDP_BLOCK_H
#define WDP_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "hw/sec/sec.h"

#define WDP_BLOCK_STATE 64  /* bytes, the largest */
#define WDP_BLOCK_MAX	128 /* bytes, the largest block */

/* The state before the first block. */
void wdp_block_init(enum sec_digest_alg alg, uint8_t state[WDP_BLOCK_STATE]);

/* Digest @n blocks of sec_digest_block() bytes. */
void wdp_block_run(enum sec_digest_alg alg, uint8_t state[WDP_BLOCK_STATE],
		   const uint8_t *in, size_t n);

/**
 * wdp_block_final() - the last bytes, padding and length
 * @state: in: state; out: the digest
 * @in:    what is left, @len bytes, any number of them
 * @total: bytes of the whole message, these included
 */
void wdp_block_final(enum sec_digest_alg alg, uint8_t state[WDP_BLOCK_STATE],
		     const uint8_t *in, size_t len, uint64_t total);

#endif
