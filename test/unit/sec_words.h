/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sec_words.h - descriptors of SEC as words: the expected ones are worked values
 * from what the public drivers fill in, not made from the tables
 * (docs/hw/sec.md#worked).
 */
#ifndef TEST_SEC_WORDS_H
#define TEST_SEC_WORDS_H

#include "hw/sec/sec.h"
#include "test/t.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* Every address differs in both halves. */
#define KEY  0x0000c001c0000001
#define IV   0x0000c002c0000002
#define SRC  0x0000c003c0000003
#define DST  0x0000c004c0000004
#define MAC  0x0000c005c0000005
#define AKEY 0x0000c006c0000006
#define B0   0x0000c007c0000007
#define TAG  0x1234567890abcdef

struct word {
	unsigned int at;
	uint32_t value;
};

#define ADDR(at, a)                                                            \
	{ (at), (uint32_t)(a) },                                               \
	{                                                                      \
		(at) + 1, (uint32_t)((a) >> 32)                                \
	}

/* Exactly these words, all others 0. */
static inline void words_are(const char *what, const struct sec_sqe *sqe,
			     const struct word *w, size_t n)
{
	struct sec_sqe expect = { { 0 } };

	for (size_t i = 0; i < n; i++)
		expect.w[w[i].at] = w[i].value;
	for (unsigned int i = 0; i < SEC_SQE_WORDS; i++)
		if (sqe->w[i] != expect.w[i])
			t_fail(__FILE__, __LINE__,
			       "%s: dw%u is %08x, expected %08x", what, i,
			       sqe->w[i], expect.w[i]);
}

#endif
