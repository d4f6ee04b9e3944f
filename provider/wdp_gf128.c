/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_gf128.h"

#include "base/wd_base.h"

static uint64_t load64(const uint8_t *p)
{
	return (uint64_t)wd_load_be32(p) << 32 | wd_load_be32(p + 4);
}

struct wdp_gf128 wdp_gf128_load(const uint8_t block[16])
{
	return (struct wdp_gf128){ load64(block), load64(block + 8) };
}

void wdp_gf128_store(uint8_t block[16], struct wdp_gf128 x)
{
	wd_store_be64(block, x.hi);
	wd_store_be64(block + 8, x.lo);
}

/* modulo 1 + a + a^2 + a^7 + a^128 */
struct wdp_gf128 wdp_gf128_double(struct wdp_gf128 x)
{
	uint64_t carry = 0 - (x.lo & 1);

	x.lo = x.lo >> 1 | x.hi << 63;
	x.hi = x.hi >> 1 ^ (carry & 0xe100000000000000u);
	return x;
}

struct wdp_gf128 wdp_gf128_mul(struct wdp_gf128 x, struct wdp_gf128 y)
{
	struct wdp_gf128 z = { 0, 0 };

	for (unsigned int i = 0; i < 128; i++) {
		uint64_t word = i < 64 ? x.hi : x.lo;
		uint64_t mask = 0 - (word >> (63 - i % 64) & 1);

		z.hi ^= y.hi & mask;
		z.lo ^= y.lo & mask;
		y = wdp_gf128_double(y);
	}
	return z;
}

/* x^(2^128 - 2): the product of x^(2^i) for i from 1 to 127. */
struct wdp_gf128 wdp_gf128_inv(struct wdp_gf128 x)
{
	struct wdp_gf128 r = { (uint64_t)1 << 63, 0 };

	for (unsigned int i = 1; i < 128; i++) {
		x = wdp_gf128_mul(x, x);
		r = wdp_gf128_mul(r, x);
	}
	return r;
}
