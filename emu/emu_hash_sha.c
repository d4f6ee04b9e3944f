/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_hash_sha.c - the compression functions of RFC 1321 (MD5) and FIPS 180-4
 * (SHA-1, SHA-512), written from the standards, and the initial values of
 * their kin.
 */
#include "base/wd_base.h"
#include "emu/emu_hash.h"

static inline uint32_t rol(uint32_t x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

static inline uint64_t ror64(uint64_t x, unsigned int n)
{
	return x >> n | x << (64 - n);
}

/* ---- MD5 ---- */

/* The integer part of 2^32 |sin(i + 1)|. */
/* clang-format off */
static const uint32_t md5_t[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a,
	0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be,
	0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340,
	0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8,
	0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c,
	0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
	0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92,
	0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
	0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
/* clang-format on */

static uint32_t load_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

/* The word of the block that step @i takes, and the function it uses. */
static uint32_t md5_mix(const uint32_t v[4], unsigned int i, unsigned int *word)
{
	uint32_t b = v[1], c = v[2], d = v[3];

	switch (i / 16) {
	case 0:
		*word = i;
		return (b & c) | (~b & d);
	case 1:
		*word = (5 * i + 1) % 16;
		return (d & b) | (~d & c);
	case 2:
		*word = (3 * i + 5) % 16;
		return b ^ c ^ d;
	default:
		*word = 7 * i % 16;
		return c ^ (b | ~d);
	}
}

static void md5_block(uint32_t s[8], const uint8_t *block)
{
	static const uint8_t shift[4][4] = { { 7, 12, 17, 22 },
					     { 5, 9, 14, 20 },
					     { 4, 11, 16, 23 },
					     { 6, 10, 15, 21 } };
	uint32_t v[4] = { s[0], s[1], s[2], s[3] };

	for (unsigned int i = 0; i < 64; i++) {
		unsigned int word;
		uint32_t t = v[0] + md5_mix(v, i, &word) + md5_t[i];

		t += load_le32(block + 4 * word);
		v[0] = v[3];
		v[3] = v[2];
		v[2] = v[1];
		v[1] += rol(t, shift[i / 16][i % 4]);
	}
	for (unsigned int i = 0; i < 4; i++)
		s[i] += v[i];
}

static void md5_compress(union emu_hash_words *s, const uint8_t *blocks,
			 size_t n)
{
	for (; n; n--, blocks += 64)
		md5_block(s->w, blocks);
}

/* ---- SHA-1 ---- */

static uint32_t sha1_mix(const uint32_t v[5], unsigned int i)
{
	uint32_t b = v[1], c = v[2], d = v[3];

	switch (i / 20) {
	case 0:
		return ((b & c) | (~b & d)) + 0x5a827999;
	case 1:
		return (b ^ c ^ d) + 0x6ed9eba1;
	case 2:
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	default:
		return (b ^ c ^ d) + 0xca62c1d6;
	}
}

static void sha1_block(uint32_t s[8], const uint8_t *block)
{
	uint32_t w[80], v[5] = { s[0], s[1], s[2], s[3], s[4] };

	for (unsigned int i = 0; i < 16; i++)
		w[i] = wd_load_be32(block + 4 * i);
	for (unsigned int i = 16; i < 80; i++)
		w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (unsigned int i = 0; i < 80; i++) {
		uint32_t t = rol(v[0], 5) + sha1_mix(v, i) + v[4] + w[i];

		v[4] = v[3];
		v[3] = v[2];
		v[2] = rol(v[1], 30);
		v[1] = v[0];
		v[0] = t;
	}
	for (unsigned int i = 0; i < 5; i++)
		s[i] += v[i];
	wd_wipe(w, sizeof(w));
}

static void sha1_compress(union emu_hash_words *s, const uint8_t *blocks,
			  size_t n)
{
	for (; n; n--, blocks += 64)
		sha1_block(s->w, blocks);
}

/* ---- SHA-512 ---- */

/* First 64 bits of the fractions of the cube roots of the first 80 primes. */
/* clang-format off */
static const uint64_t sha512_k[80] = {
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f,
	0xe9b5dba58189dbbc, 0x3956c25bf348b538, 0x59f111f1b605d019,
	0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242,
	0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
	0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3,
	0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65, 0x2de92c6f592b0275,
	0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f,
	0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
	0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc,
	0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6,
	0x92722c851482353b, 0xa2bfe8a14cf10364, 0xa81a664bbc423001,
	0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
	0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99,
	0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb,
	0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc,
	0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915,
	0xc67178f2e372532b, 0xca273eceea26619c, 0xd186b8c721c0c207,
	0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba,
	0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
	0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a,
	0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};
/* clang-format on */

static void sha512_schedule(uint64_t w[80], const uint8_t *block)
{
	for (unsigned int i = 0; i < 16; i++)
		w[i] = (uint64_t)wd_load_be32(block + 8 * i) << 32 |
		       wd_load_be32(block + 8 * i + 4);
	for (unsigned int i = 16; i < 80; i++) {
		uint64_t a = w[i - 15], b = w[i - 2];

		a = ror64(a, 1) ^ ror64(a, 8) ^ a >> 7;
		b = ror64(b, 19) ^ ror64(b, 61) ^ b >> 6;
		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
}

static void sha512_round(uint64_t v[8], uint64_t kw)
{
	uint64_t a = v[0], e = v[4];
	uint64_t t = v[7] + (ror64(e, 14) ^ ror64(e, 18) ^ ror64(e, 41)) +
		     ((e & v[5]) ^ (~e & v[6])) + kw;
	uint64_t u = (ror64(a, 28) ^ ror64(a, 34) ^ ror64(a, 39)) +
		     ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

	for (unsigned int i = 7; i; i--)
		v[i] = v[i - 1];
	v[4] += t;
	v[0] = t + u;
}

static void sha512_compress(union emu_hash_words *s, const uint8_t *blocks,
			    size_t n)
{
	uint64_t w[80], v[8];

	for (; n; n--, blocks += 128) {
		sha512_schedule(w, blocks);
		for (unsigned int i = 0; i < 8; i++)
			v[i] = s->d[i];
		for (unsigned int i = 0; i < 80; i++)
			sha512_round(v, sha512_k[i] + w[i]);
		for (unsigned int i = 0; i < 8; i++)
			s->d[i] += v[i];
	}
	wd_wipe(w, sizeof(w));
}

/* ---- where each begins ---- */

/* clang-format off */
const struct emu_hash_alg emu_md5 = {
	.word = 4, .words = 4, .little = true, .compress = md5_compress,
	.initial = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 },
};

const struct emu_hash_alg emu_sha1 = {
	.word = 4, .words = 5, .compress = sha1_compress,
	.initial = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
		     0xc3d2e1f0 },
};

const struct emu_hash_alg emu_sha384 = {
	.word = 8, .words = 8, .compress = sha512_compress,
	.initial = {
		0xcbbb9d5dc1059ed8, 0x629a292a367cd507,
		0x9159015a3070dd17, 0x152fecd8f70e5939,
		0x67332667ffc00b31, 0x8eb44a8768581511,
		0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
	},
};

const struct emu_hash_alg emu_sha512 = {
	.word = 8, .words = 8, .compress = sha512_compress,
	.initial = {
		0x6a09e667f3bcc908, 0xbb67ae8584caa73b,
		0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
		0x510e527fade682d1, 0x9b05688c2b3e6c1f,
		0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
	},
};

const struct emu_hash_alg emu_sha512_224 = {
	.word = 8, .words = 8, .compress = sha512_compress,
	.initial = {
		0x8c3d37c819544da2, 0x73e1996689dcd4d6,
		0x1dfab7ae32ff9c82, 0x679dd514582f9fcf,
		0x0f6d2b697bd44da8, 0x77e36f7304c48942,
		0x3f9d85a86a1d36c8, 0x1112e6ad91d692a1,
	},
};

const struct emu_hash_alg emu_sha512_256 = {
	.word = 8, .words = 8, .compress = sha512_compress,
	.initial = {
		0x22312194fc2bf72c, 0x9f555fa3c84c64c2,
		0x2393b86b6f53b151, 0x963877195940eabd,
		0x96283ee2a88effe3, 0xbe5e1e2553863992,
		0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2,
	},
};
/* clang-format on */
