/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_block.h"

#include <string.h>

#include "base/wd_base.h"

static const uint32_t initial[WDP_BLOCK_ALGS][8] = {
	[SEC_SHA256] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 },
	[SEC_SM3] = { 0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
		      0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e },
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

static void sha256_block(uint32_t v[8], const uint8_t *in)
{
	uint32_t w[64], s[8];

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

static inline uint32_t sm3_p0(uint32_t x)
{
	return x ^ rol(x, 9) ^ rol(x, 17);
}

static inline uint32_t sm3_p1(uint32_t x)
{
	return x ^ rol(x, 15) ^ rol(x, 23);
}

static void sm3_block(uint32_t v[8], const uint8_t *in)
{
	uint32_t w[68], s[8];

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

void wdp_block_init(enum sec_digest_alg alg, uint8_t state[SEC_DIGEST_STATE])
{
	for (unsigned int i = 0; i < 8; i++)
		wd_store_be32(state + 4 * i, initial[alg][i]);
}

void wdp_block_run(enum sec_digest_alg alg, uint8_t state[SEC_DIGEST_STATE],
		   const uint8_t *in, size_t n)
{
	uint32_t v[8];

	for (unsigned int i = 0; i < 8; i++)
		v[i] = wd_load_be32(state + 4 * i);
	for (; n; n--, in += SEC_DIGEST_BLOCK) {
		if (alg == SEC_SM3)
			sm3_block(v, in);
		else
			sha256_block(v, in);
	}
	for (unsigned int i = 0; i < 8; i++)
		wd_store_be32(state + 4 * i, v[i]);
}

void wdp_block_final(enum sec_digest_alg alg, uint8_t state[SEC_DIGEST_STATE],
		     const uint8_t *in, size_t len, uint64_t total)
{
	uint8_t last[2 * SEC_DIGEST_BLOCK] = { 0 };
	size_t whole = len / SEC_DIGEST_BLOCK, rest = len % SEC_DIGEST_BLOCK;
	size_t blocks = rest + 9 <= SEC_DIGEST_BLOCK ? 1 : 2;

	wdp_block_run(alg, state, in, whole);
	if (rest)
		memcpy(last, in + whole * SEC_DIGEST_BLOCK, rest);
	last[rest] = 0x80;
	wd_store_be64(last + blocks * SEC_DIGEST_BLOCK - 8, total * 8);
	wdp_block_run(alg, state, last, blocks);
	wd_wipe(last, sizeof(last));
}
