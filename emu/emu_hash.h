/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_hash.h - MD5, the SHA family and SM3 with their chaining state in the
 * open.
 *
 * The engine saves the state of an unfinished message to memory and takes it
 * up in a later descriptor; no library hands out that state.  Whole messages
 * do not come here (libgcrypt does them).
 */
#ifndef EMU_HASH_H
#define EMU_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMU_HASH_BLOCK_MAX 128 /* bytes */
#define EMU_HASH_STATE_MAX 64  /* bytes, words in the digest's byte order */

union emu_hash_words {
	uint32_t w[8];
	uint64_t d[8];
};

struct emu_hash_alg {
	uint8_t word;  /* bytes of one: 4 or 8 */
	uint8_t words; /* of the state */
	bool little;   /* byte order of words and length */
	void (*compress)(union emu_hash_words *state, const uint8_t *blocks,
			 size_t n);
	uint64_t initial[8];
};

extern const struct emu_hash_alg emu_md5, emu_sha1, emu_sha224, emu_sha256;
extern const struct emu_hash_alg emu_sha384, emu_sha512, emu_sha512_224;
extern const struct emu_hash_alg emu_sha512_256, emu_sm3;

static inline size_t emu_hash_block(const struct emu_hash_alg *alg)
{
	return 16u * alg->word;
}

static inline size_t emu_hash_state(const struct emu_hash_alg *alg)
{
	return (size_t)alg->words * alg->word;
}

struct emu_hash {
	const struct emu_hash_alg *alg;
	union emu_hash_words state;
	uint8_t block[EMU_HASH_BLOCK_MAX]; /* begun */
	size_t fill;
};

/* @saved: emu_hash_state() bytes from emu_hash_save(); NULL: a new message. */
void emu_hash_init(struct emu_hash *h, const struct emu_hash_alg *alg,
		   const uint8_t *saved);
void emu_hash_update(struct emu_hash *h, const uint8_t *p, size_t len);

/* Only between blocks. */
void emu_hash_save(const struct emu_hash *h, uint8_t *saved);

/* Pad for a message of @total_bits, write the whole state (of which the digest
 * is the beginning), wipe @h. */
void emu_hash_final(struct emu_hash *h, uint64_t total_bits, uint8_t *digest);

#endif
