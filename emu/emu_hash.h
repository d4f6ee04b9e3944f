/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_hash.h - SHA-256 and SM3 with their chaining state in the open.
 *
 * The engine saves the state of an unfinished message to memory and takes it
 * up in a later descriptor; no library hands out that state.  Whole messages
 * do not come here (libgcrypt does them).
 */
#ifndef EMU_HASH_H
#define EMU_HASH_H

#include <stddef.h>
#include <stdint.h>

#define EMU_HASH_BLOCK 64 /* bytes */
#define EMU_HASH_STATE 32 /* bytes, big-endian words as in the digest */

struct emu_hash_alg {
	uint32_t initial[8];
	void (*compress)(uint32_t state[8], const uint8_t *blocks, size_t n);
};

extern const struct emu_hash_alg emu_sha256, emu_sm3;

struct emu_hash {
	const struct emu_hash_alg *alg;
	uint32_t state[8];
	uint8_t block[EMU_HASH_BLOCK]; /* begun */
	size_t fill;
};

/* @saved: EMU_HASH_STATE bytes from emu_hash_save(); NULL: a new message. */
void emu_hash_init(struct emu_hash *h, const struct emu_hash_alg *alg,
		   const uint8_t *saved);
void emu_hash_update(struct emu_hash *h, const uint8_t *p, size_t len);

/* Only between blocks. */
void emu_hash_save(const struct emu_hash *h, uint8_t *saved);

/* Pad for a message of @total_bits, write the digest, wipe @h. */
void emu_hash_final(struct emu_hash *h, uint64_t total_bits, uint8_t *digest);

#endif
