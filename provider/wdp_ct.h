/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_ct.h - choosing without branching, for what opens decrypted blocks.
 * Masks are all ones or all zeros.
 */
#ifndef WDP_CT_H
#define WDP_CT_H

#include <stdint.h>

/* The compiler may not look through. */
static inline uint32_t ct_hide(uint32_t x)
{
	__asm__("" : "+r"(x));
	return x;
}

static inline uint32_t ct_zero(uint32_t x)
{
	return 0 - ct_hide((~x & (x - 1)) >> 31);
}

static inline uint32_t ct_eq(uint32_t a, uint32_t b)
{
	return ct_zero(a ^ b);
}

/* Both below 2^31. */
static inline uint32_t ct_less(uint32_t a, uint32_t b)
{
	return 0 - ct_hide((a - b) >> 31);
}

static inline uint32_t ct_pick(uint32_t mask, uint32_t yes, uint32_t no)
{
	return (mask & yes) | (~mask & no);
}

static inline uint8_t ct_pick8(uint32_t mask, uint8_t yes, uint8_t no)
{
	return (uint8_t)ct_pick(mask, yes, no);
}

#endif
