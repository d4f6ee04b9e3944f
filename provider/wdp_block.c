/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_block.h"

#include <string.h>

#include "base/wd_base.h"

/* Chaining words before the first block; FIPS 180-4 section 5.3, RFC 1321
 * section 3.3, GB/T 32905-2016 section 5.1. */
static const uint32_t md5_initial[] = {
	0x67452301,
	0xefcdab89,
	0x98badcfe,
	0x10325476,
};

static const uint32_t sha1_initial[] = {
	0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0,
};

static const uint32_t sha224_initial[] = {
	0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939,
	0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4,
};

static const uint32_t sha256_initial[] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint32_t sm3_initial[] = {
	0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
	0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
};

static const uint64_t sha384_initial[] = {
	0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17,
	0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511,
	0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

static const uint64_t sha512_initial[] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
	0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
	0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint64_t sha512_224_initial[] = {
	0x8c3d37c819544da2, 0x73e1996689dcd4d6, 0x1dfab7ae32ff9c82,
	0x679dd514582f9fcf, 0x0f6d2b697bd44da8, 0x77e36f7304c48942,
	0x3f9d85a86a1d36c8, 0x1112e6ad91d692a1,
};

static const uint64_t sha512_256_initial[] = {
	0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151,
	0x963877195940eabd, 0x96283ee2a88effe3, 0xbe5e1e2553863992,
	0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2,
};

/* RFC 1321 section 3.4: 2^32 times |sin| */
static const uint32_t md5_k[64] = {
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

/* FIPS 180-4 section 4.2.2 */
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

/* FIPS 180-4 section 4.2.3 */
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

static inline uint32_t rol(uint32_t x, unsigned int n)
{
	n %= 32;
	return n ? x << n | x >> (32 - n) : x;
}

static inline uint32_t ror(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static inline uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
	return (x & y) ^ (x & z) ^ (y & z);
}

static inline uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
	return (x & y) ^ (~x & z);
}

static uint32_t load_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[1] << 8 | p[0];
}

static uint64_t load_be64(const uint8_t *p)
{
	return (uint64_t)wd_load_be32(p) << 32 | wd_load_be32(p + 4);
}

static void md5_block(void *state, const uint8_t *in)
{
	/* RFC 1321 section 3.4: rotations, and which word a step takes */
	static const uint8_t turn[4][4] = { { 7, 12, 17, 22 },
					    { 5, 9, 14, 20 },
					    { 4, 11, 16, 23 },
					    { 6, 10, 15, 21 } };
	static const uint8_t step[4][2] = {
		{ 1, 0 }, { 5, 1 }, { 3, 5 }, { 7, 0 }
	};
	uint32_t x[16], s[4], *v = state;

	for (unsigned int i = 0; i < 16; i++)
		x[i] = load_le32(in + 4 * i);
	memcpy(s, v, sizeof(s));
	for (unsigned int i = 0; i < 64; i++) {
		unsigned int round = i / 16;
		uint32_t a = s[0], b = s[1], c = s[2], d = s[3], f;

		if (round == 0)
			f = choose(b, c, d);
		else if (round == 1)
			f = choose(d, b, c);
		else if (round == 2)
			f = b ^ c ^ d;
		else
			f = c ^ (b | ~d);
		a += f + md5_k[i] +
		     x[(i * step[round][0] + step[round][1]) % 16];
		s[0] = d;
		s[3] = c;
		s[2] = b;
		s[1] = b + rol(a, turn[round][i % 4]);
	}
	for (unsigned int i = 0; i < 4; i++)
		v[i] += s[i];
	wd_wipe(x, sizeof(x));
}

static void sha1_block(void *state, const uint8_t *in)
{
	/* FIPS 180-4 section 4.2.1 */
	static const uint32_t k[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc,
				       0xca62c1d6 };
	uint32_t w[80], s[5], *v = state;

	for (unsigned int i = 0; i < 16; i++)
		w[i] = wd_load_be32(in + 4 * i);
	for (unsigned int i = 16; i < 80; i++)
		w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(s, v, sizeof(s));
	for (unsigned int i = 0; i < 80; i++) {
		uint32_t b = s[1], c = s[2], d = s[3], f, t;

		if (i < 20)
			f = choose(b, c, d);
		else if (i >= 40 && i < 60)
			f = majority(b, c, d);
		else
			f = b ^ c ^ d;
		t = rol(s[0], 5) + f + s[4] + k[i / 20] + w[i];
		s[4] = d;
		s[3] = c;
		s[2] = rol(b, 30);
		s[1] = s[0];
		s[0] = t;
	}
	for (unsigned int i = 0; i < 5; i++)
		v[i] += s[i];
	wd_wipe(w, sizeof(w));
}

static void sha256_block(void *state, const uint8_t *in)
{
	uint32_t w[64], s[8], *v = state;

	for (unsigned int i = 0; i < 16; i++)
		w[i] = wd_load_be32(in + 4 * i);
	for (unsigned int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) +
		       w[i - 7] + (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
	}

	memcpy(s, v, sizeof(s));
	for (unsigned int i = 0; i < 64; i++) {
		uint32_t a = s[0], e = s[4];
		uint32_t t1 = s[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
			      choose(e, s[5], s[6]) + sha256_k[i] + w[i];
		uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +
			      majority(a, s[1], s[2]);

		s[7] = s[6];
		s[6] = s[5];
		s[5] = e;
		s[4] = s[3] + t1;
		s[3] = s[2];
		s[2] = s[1];
		s[1] = a;
		s[0] = t1 + t2;
	}
	for (unsigned int i = 0; i < 8; i++)
		v[i] += s[i];
	wd_wipe(w, sizeof(w));
}

static inline uint64_t ror64(uint64_t x, unsigned int n)
{
	return x >> n | x << (64 - n);
}

static void sha512_block(void *state, const uint8_t *in)
{
	uint64_t w[80], s[8], *v = state;

	for (unsigned int i = 0; i < 16; i++)
		w[i] = load_be64(in + 8 * i);
	for (unsigned int i = 16; i < 80; i++) {
		uint64_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + (ror64(a, 1) ^ ror64(a, 8) ^ a >> 7) +
		       w[i - 7] + (ror64(b, 19) ^ ror64(b, 61) ^ b >> 6);
	}

	memcpy(s, v, sizeof(s));
	for (unsigned int i = 0; i < 80; i++) {
		uint64_t a = s[0], e = s[4];
		uint64_t t1 = s[7] +
			      (ror64(e, 14) ^ ror64(e, 18) ^ ror64(e, 41)) +
			      ((e & s[5]) ^ (~e & s[6])) + sha512_k[i] + w[i];
		uint64_t t2 = (ror64(a, 28) ^ ror64(a, 34) ^ ror64(a, 39)) +
			      ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));

		s[7] = s[6];
		s[6] = s[5];
		s[5] = e;
		s[4] = s[3] + t1;
		s[3] = s[2];
		s[2] = s[1];
		s[1] = a;
		s[0] = t1 + t2;
	}
	for (unsigned int i = 0; i < 8; i++)
		v[i] += s[i];
	wd_wipe(w, sizeof(w));
}

static inline uint32_t sm3_p0(uint32_t x)
{
	return x ^ rol(x, 9) ^ rol(x, 17);
}

static inline uint32_t sm3_p1(uint32_t x)
{
	return x ^ rol(x, 15) ^ rol(x, 23);
}

static void sm3_block(void *state, const uint8_t *in)
{
	uint32_t w[68], s[8], *v = state;

	for (unsigned int i = 0; i < 16; i++)
		w[i] = wd_load_be32(in + 4 * i);
	for (unsigned int i = 16; i < 68; i++)
		w[i] = sm3_p1(w[i - 16] ^ w[i - 9] ^ rol(w[i - 3], 15)) ^
		       rol(w[i - 13], 7) ^ w[i - 6];

	memcpy(s, v, sizeof(s));
	for (unsigned int i = 0; i < 64; i++) {
		uint32_t t = i < 16 ? 0x79cc4519 : 0x7a879d8a;
		uint32_t a12 = rol(s[0], 12);
		uint32_t ss1 = rol(a12 + s[4] + rol(t, i), 7);
		uint32_t ss2 = ss1 ^ a12;
		uint32_t ff = i < 16 ? s[0] ^ s[1] ^ s[2]
				     : majority(s[0], s[1], s[2]);
		uint32_t gg =
			i < 16 ? s[4] ^ s[5] ^ s[6] : choose(s[4], s[5], s[6]);
		uint32_t tt1 = ff + s[3] + ss2 + (w[i] ^ w[i + 4]);
		uint32_t tt2 = gg + s[7] + ss1 + w[i];

		s[3] = s[2];
		s[2] = rol(s[1], 9);
		s[1] = s[0];
		s[0] = tt1;
		s[7] = s[6];
		s[6] = rol(s[5], 19);
		s[5] = s[4];
		s[4] = sm3_p0(tt2);
	}
	for (unsigned int i = 0; i < 8; i++)
		v[i] ^= s[i];
	wd_wipe(w, sizeof(w));
}

enum order { BE32, LE32, BE64 }; /* of a state's words as bytes */

static const struct block_alg {
	const void *initial;
	void (*run)(void *state, const uint8_t *in);
	enum order order;
} algs[SEC_DIGEST_ALGS] = {
	[SEC_MD5] = { md5_initial, md5_block, LE32 },
	[SEC_SHA1] = { sha1_initial, sha1_block, BE32 },
	[SEC_SHA224] = { sha224_initial, sha256_block, BE32 },
	[SEC_SHA256] = { sha256_initial, sha256_block, BE32 },
	[SEC_SM3] = { sm3_initial, sm3_block, BE32 },
	[SEC_SHA384] = { sha384_initial, sha512_block, BE64 },
	[SEC_SHA512] = { sha512_initial, sha512_block, BE64 },
	[SEC_SHA512_224] = { sha512_224_initial, sha512_block, BE64 },
	[SEC_SHA512_256] = { sha512_256_initial, sha512_block, BE64 },
};

/* The words of a state, in the machine's order. */
union words {
	uint32_t w32[WDP_BLOCK_STATE / 4];
	uint64_t w64[WDP_BLOCK_STATE / 8];
};

static void words_load(enum sec_digest_alg alg, union words *v,
		       const uint8_t *state)
{
	*v = (union words){ .w64 = { 0 } };
	for (size_t i = 0; i < sec_digest_state(alg); i += 4) {
		if (algs[alg].order == LE32)
			v->w32[i / 4] = load_le32(state + i);
		else if (algs[alg].order == BE32)
			v->w32[i / 4] = wd_load_be32(state + i);
		else if (i % 8 == 0)
			v->w64[i / 8] = load_be64(state + i);
	}
}

static void words_store(enum sec_digest_alg alg, uint8_t *state,
			const union words *v)
{
	for (size_t i = 0; i < sec_digest_state(alg); i++) {
		if (algs[alg].order == LE32)
			state[i] = (uint8_t)(v->w32[i / 4] >> i % 4 * 8);
		else if (algs[alg].order == BE32)
			state[i] = (uint8_t)(v->w32[i / 4] >> (24 - i % 4 * 8));
		else
			state[i] = (uint8_t)(v->w64[i / 8] >> (56 - i % 8 * 8));
	}
}

void wdp_block_init(enum sec_digest_alg alg, uint8_t state[WDP_BLOCK_STATE])
{
	union words v = { .w64 = { 0 } };

	memcpy(&v, algs[alg].initial, sec_digest_state(alg));
	words_store(alg, state, &v);
}

void wdp_block_run(enum sec_digest_alg alg, uint8_t state[WDP_BLOCK_STATE],
		   const uint8_t *in, size_t n)
{
	size_t block = sec_digest_block(alg);
	union words v = { .w64 = { 0 } };

	words_load(alg, &v, state);
	for (; n; n--, in += block)
		algs[alg].run(&v, in);
	words_store(alg, state, &v);
	wd_wipe(&v, sizeof(v));
}

void wdp_block_final(enum sec_digest_alg alg, uint8_t state[WDP_BLOCK_STATE],
		     const uint8_t *in, size_t len, uint64_t total)
{
	uint8_t last[2 * WDP_BLOCK_MAX] = { 0 };
	size_t block = sec_digest_block(alg);
	size_t whole = len / block, rest = len % block;
	size_t blocks = rest + 1 + block / 8 <= block ? 1 : 2;
	uint8_t *bits = last + blocks * block - 8;

	wdp_block_run(alg, state, in, whole);
	if (rest)
		memcpy(last, in + whole * block, rest);
	last[rest] = 0x80;
	for (unsigned int i = 0; i < 8; i++)
		bits[algs[alg].order == LE32 ? i : 7 - i] =
			(uint8_t)(total * 8 >> 8 * i);
	wdp_block_run(alg, state, last, blocks);
	wd_wipe(last, sizeof(last));
}
