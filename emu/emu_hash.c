/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_hash.c - the compression functions of FIPS 180-4 (SHA-256) and
 * GB/T 32905 (SM3), written from the standards, and the padding that all
 * share.
 */
#include "emu/emu_hash.h"

#include <string.h>

#include "base/wd_base.h"

static inline uint32_t rol(uint32_t x, unsigned int n)
{
	return n % 32 ? x << n % 32 | x >> (32 - n % 32) : x;
}

static inline uint32_t ror(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

/* First 32 bits of the fractions of the cube roots of the first 64 primes. */
/* clang-format off */
static const uint32_t sha256_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
/* clang-format on */

static void sha256_schedule(uint32_t w[64], const uint8_t *block)
{
	for (unsigned int i = 0; i < 16; i++)
		w[i] = wd_load_be32(block + 4 * i);
	for (unsigned int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		a = ror(a, 7) ^ ror(a, 18) ^ a >> 3;
		b = ror(b, 17) ^ ror(b, 19) ^ b >> 10;
		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
}

/* One round; only d and h change, the caller renames all eight. */
static inline void sha256_round(uint32_t a, uint32_t b, uint32_t c, uint32_t *d,
				uint32_t e, uint32_t f, uint32_t g, uint32_t *h,
				uint32_t kw)
{
	uint32_t t = *h + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
		     (g ^ (e & (f ^ g))) + kw;

	*d += t;
	*h = t + (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +
	     ((a & b) | (c & (a | b)));
}

static void sha256_block(uint32_t s[8], const uint8_t *block)
{
	uint32_t a = s[0], b = s[1], c = s[2], d = s[3];
	uint32_t e = s[4], f = s[5], g = s[6], h = s[7], w[64];

	sha256_schedule(w, block);
	for (unsigned int i = 0; i < 64; i += 8) {
		const uint32_t *k = sha256_k + i, *x = w + i;

		sha256_round(a, b, c, &d, e, f, g, &h, k[0] + x[0]);
		sha256_round(h, a, b, &c, d, e, f, &g, k[1] + x[1]);
		sha256_round(g, h, a, &b, c, d, e, &f, k[2] + x[2]);
		sha256_round(f, g, h, &a, b, c, d, &e, k[3] + x[3]);
		sha256_round(e, f, g, &h, a, b, c, &d, k[4] + x[4]);
		sha256_round(d, e, f, &g, h, a, b, &c, k[5] + x[5]);
		sha256_round(c, d, e, &f, g, h, a, &b, k[6] + x[6]);
		sha256_round(b, c, d, &e, f, g, h, &a, k[7] + x[7]);
	}
	s[0] += a;
	s[1] += b;
	s[2] += c;
	s[3] += d;
	s[4] += e;
	s[5] += f;
	s[6] += g;
	s[7] += h;
	wd_wipe(w, sizeof(w));
}

static void sha256_compress(union emu_hash_words *s, const uint8_t *blocks,
			    size_t n)
{
	for (; n; n--, blocks += 64)
		sha256_block(s->w, blocks);
}

static uint32_t sm3_p1(uint32_t x)
{
	return x ^ rol(x, 15) ^ rol(x, 23);
}

static void sm3_schedule(uint32_t w[68], const uint8_t *block)
{
	for (unsigned int i = 0; i < 16; i++)
		w[i] = wd_load_be32(block + 4 * i);
	for (unsigned int i = 16; i < 68; i++)
		w[i] = sm3_p1(w[i - 16] ^ w[i - 9] ^ rol(w[i - 3], 15)) ^
		       rol(w[i - 13], 7) ^ w[i - 6];
}

/* One round on a..h; the caller renames them. */
static inline void sm3_round(uint32_t v[8], unsigned int i, uint32_t w,
			     uint32_t w4)
{
	uint32_t a = v[0], b = v[1], c = v[2], e = v[4], f = v[5], g = v[6];
	uint32_t t = i < 16 ? 0x79cc4519 : 0x7a879d8a;
	uint32_t ff = i < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
	uint32_t gg = i < 16 ? e ^ f ^ g : (e & f) | (~e & g);
	uint32_t ss1 = rol(rol(a, 12) + e + rol(t, i), 7);
	uint32_t tt1 = ff + v[3] + (ss1 ^ rol(a, 12)) + (w ^ w4);
	uint32_t tt2 = gg + v[7] + ss1 + w;

	v[3] = c;
	v[2] = rol(b, 9);
	v[1] = a;
	v[0] = tt1;
	v[7] = g;
	v[6] = rol(f, 19);
	v[5] = e;
	v[4] = tt2 ^ rol(tt2, 9) ^ rol(tt2, 17);
}

static void sm3_block(uint32_t s[8], const uint8_t *block)
{
	uint32_t w[68], v[8];

	sm3_schedule(w, block);
	memcpy(v, s, sizeof(v));
	for (unsigned int i = 0; i < 64; i++)
		sm3_round(v, i, w[i], w[i + 4]);
	for (unsigned int i = 0; i < 8; i++)
		s[i] ^= v[i];
	wd_wipe(w, sizeof(w));
}

static void sm3_compress(union emu_hash_words *s, const uint8_t *blocks,
			 size_t n)
{
	for (; n; n--, blocks += 64)
		sm3_block(s->w, blocks);
}

/* clang-format off */
const struct emu_hash_alg emu_sha256 = {
	.word = 4, .words = 8, .compress = sha256_compress,
	.initial = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
		     0x9b05688c, 0x1f83d9ab, 0x5be0cd19 },
};

const struct emu_hash_alg emu_sha224 = {
	.word = 4, .words = 8, .compress = sha256_compress,
	.initial = { 0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31,
		     0x68581511, 0x64f98fa7, 0xbefa4fa4 },
};

const struct emu_hash_alg emu_sm3 = {
	.word = 4, .words = 8, .compress = sm3_compress,
	.initial = { 0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc,
		     0x163138aa, 0xe38dee4d, 0xb0fb0e4e },
};
/* clang-format on */

static void store_word(const struct emu_hash_alg *alg, uint8_t *p, uint64_t v)
{
	for (unsigned int i = 0; i < alg->word; i++)
		p[alg->little ? i : alg->word - 1u - i] = (uint8_t)(v >> 8 * i);
}

static uint64_t load_word(const struct emu_hash_alg *alg, const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < alg->word; i++)
		v |= (uint64_t)p[alg->little ? i : alg->word - 1u - i] << 8 * i;
	return v;
}

void emu_hash_init(struct emu_hash *h, const struct emu_hash_alg *alg,
		   const uint8_t *saved)
{
	h->alg = alg;
	h->fill = 0;
	for (unsigned int i = 0; i < alg->words; i++) {
		uint64_t v = saved ? load_word(alg, saved + i * alg->word)
				   : alg->initial[i];

		if (alg->word == 8)
			h->state.d[i] = v;
		else
			h->state.w[i] = (uint32_t)v;
	}
}

/* Bytes towards a begun block; returns how many were taken. */
static size_t fill_block(struct emu_hash *h, const uint8_t *p, size_t len)
{
	size_t block = emu_hash_block(h->alg), n = block - h->fill;

	n = n < len ? n : len;
	memcpy(h->block + h->fill, p, n);
	h->fill += n;
	if (h->fill == block) {
		h->alg->compress(&h->state, h->block, 1);
		h->fill = 0;
	}
	return n;
}

void emu_hash_update(struct emu_hash *h, const uint8_t *p, size_t len)
{
	size_t block = emu_hash_block(h->alg);
	size_t n = h->fill ? fill_block(h, p, len) : 0;
	size_t whole = (len - n) / block;

	if (whole) {
		h->alg->compress(&h->state, p + n, whole);
		n += whole * block;
	}
	if (len > n)
		fill_block(h, p + n, len - n);
}

void emu_hash_save(const struct emu_hash *h, uint8_t *saved)
{
	const struct emu_hash_alg *alg = h->alg;

	for (unsigned int i = 0; i < alg->words; i++)
		store_word(alg, saved + i * alg->word,
			   alg->word == 8 ? h->state.d[i] : h->state.w[i]);
}

void emu_hash_final(struct emu_hash *h, uint64_t total_bits, uint8_t *digest)
{
	static const uint8_t zero[EMU_HASH_BLOCK_MAX];
	static const uint8_t one = 0x80;
	size_t block = emu_hash_block(h->alg);
	/* the length takes two words, of which one is enough for us */
	size_t field = h->alg->word == 8 ? 16 : 8;
	uint8_t bits[8];

	for (unsigned int i = 0; i < 8; i++)
		bits[h->alg->little ? i : 7 - i] =
			(uint8_t)(total_bits >> 8 * i);
	emu_hash_update(h, &one, 1);
	emu_hash_update(h, zero, (2 * block - field - h->fill) % block);
	emu_hash_update(h, zero, field - sizeof(bits));
	emu_hash_update(h, bits, sizeof(bits));
	emu_hash_save(h, digest);
	wd_wipe(h, sizeof(*h));
}
