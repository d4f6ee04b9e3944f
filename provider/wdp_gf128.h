/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_gf128.h - arithmetic in the field GHASH works in.
 *
 * Needed only where a GCM message that began on the device goes on in software
 * (wdp_gcm.c), a few dozen multiplications once, and for SM4-GCM where
 * libcrypto has none (wdp_sm4.c).  So the code is the plain definition and
 * takes the same time for all values: they are secrets.
 * Pure functions; NIST SP 800-38D section 6.3 is the source.
 */
#ifndef WDP_GF128_H
#define WDP_GF128_H

#include <stdint.h>

/* A block as GHASH sees it: the first bit of @hi is the coefficient of 1. */
struct wdp_gf128 {
	uint64_t hi, lo;
};

struct wdp_gf128 wdp_gf128_load(const uint8_t block[16]);
void wdp_gf128_store(uint8_t block[16], struct wdp_gf128 x);

static inline struct wdp_gf128 wdp_gf128_add(struct wdp_gf128 x,
					     struct wdp_gf128 y)
{
	return (struct wdp_gf128){ x.hi ^ y.hi, x.lo ^ y.lo };
}

/* Times the indeterminate. */
struct wdp_gf128 wdp_gf128_double(struct wdp_gf128 x);

struct wdp_gf128 wdp_gf128_mul(struct wdp_gf128 x, struct wdp_gf128 y);

/* The inverse; that of 0 is given as 0. */
struct wdp_gf128 wdp_gf128_inv(struct wdp_gf128 x);

#endif
