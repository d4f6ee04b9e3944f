/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wd_base.h - the few small helpers every layer uses: wiping, byte order,
 * clock, rounding.  All are pure or nearly so; any thread may call them.
 */
#ifndef WD_BASE_H
#define WD_BASE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define WD_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Secrets are wiped where they lived; the compiler may not drop this. */
static inline void wd_wipe(void *p, size_t len)
{
	if (p && len)
		explicit_bzero(p, len);
}

#define WD_STRIPES 16

/* Which of a few copies of something this thread is to use, so that threads
 * are not in each other's way.  Handles are addresses, pages apart. */
static inline unsigned int wd_stripe(void)
{
	uint64_t self = (uint64_t)pthread_self();

	return (unsigned int)((self >> 12) * 0x9e3779b97f4a7c15u >> 60);
}
_Static_assert(WD_STRIPES == 16, "the top four bits choose one");

/* Equal or not in time that depends on @len alone. */
static inline int wd_equal_ct(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= (uint8_t)(x[i] ^ y[i]);
	return diff == 0;
}

static inline uint64_t wd_align_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static inline uint32_t wd_load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static inline void wd_store_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline void wd_store_be64(uint8_t *p, uint64_t v)
{
	wd_store_be32(p, (uint32_t)(v >> 32));
	wd_store_be32(p + 4, (uint32_t)v);
}

/* Monotonic nanoseconds; a vDSO call, no system call. */
static inline uint64_t wd_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
