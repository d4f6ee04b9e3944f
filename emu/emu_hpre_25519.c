/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_hpre_25519.c - the ladder of X25519 in arithmetic made for its field.
 *
 * The ladder on big numbers (emu_hpre_ec.c) takes a millisecond, some thirty
 * times what X25519 costs in software.  A server that waits for such a device
 * shows nothing but the waiting.
 *
 * A number modulo p = 2^255 - 19 is five limbs of 51 bits; limbs may exceed
 * that by a few bits between a multiplication and the next, so that sums need
 * no carries.  2^255 = 19 brings the upper half of a product back.
 */
#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_hpre.h"

#define LIMBS 5
#define BITS  51
#define MASK  ((UINT64_C(1) << BITS) - 1)
#define BYTES 32

struct fe {
	uint64_t v[LIMBS];
};

__extension__ typedef unsigned __int128 wide;

static uint64_t get_bits(const uint8_t *be, unsigned int from)
{
	uint64_t r = 0;

	for (unsigned int i = 0; i < BITS && from + i < 8 * BYTES; i++) {
		unsigned int bit = from + i;

		r |= (uint64_t)(be[BYTES - 1 - bit / 8] >> bit % 8 & 1) << i;
	}
	return r;
}

static struct fe fe_get(const uint8_t *be)
{
	struct fe r;

	for (unsigned int i = 0; i < LIMBS; i++)
		r.v[i] = get_bits(be, BITS * i);
	return r;
}

static void fe_carry(struct fe *a)
{
	for (unsigned int i = 0; i < LIMBS; i++) {
		uint64_t c = a->v[i] >> BITS;

		a->v[i] &= MASK;
		if (i + 1 < LIMBS)
			a->v[i + 1] += c;
		else
			a->v[0] += 19 * c;
	}
}

/* The one representative below p. */
static void fe_reduce(struct fe *a)
{
	uint64_t q = 19;

	fe_carry(a);
	fe_carry(a);
	/* q: does a + 19 reach 2^255? */
	for (unsigned int i = 0; i < LIMBS; i++)
		q = (a->v[i] + q) >> BITS;
	a->v[0] += 19 * q;
	for (unsigned int i = 0; i + 1 < LIMBS; i++) {
		a->v[i + 1] += a->v[i] >> BITS;
		a->v[i] &= MASK;
	}
	a->v[LIMBS - 1] &= MASK;
}

static void fe_put(uint8_t *be, struct fe a)
{
	fe_reduce(&a);
	memset(be, 0, BYTES);
	for (unsigned int bit = 0; bit < BITS * LIMBS; bit++)
		be[BYTES - 1 - bit / 8] |=
			(uint8_t)((a.v[bit / BITS] >> bit % BITS & 1)
				  << bit % 8);
}

static struct fe fe_add(const struct fe *a, const struct fe *b)
{
	struct fe r;

	for (unsigned int i = 0; i < LIMBS; i++)
		r.v[i] = a->v[i] + b->v[i];
	return r;
}

/* Plus 4p, so that no limb goes below zero. */
static struct fe fe_sub(const struct fe *a, const struct fe *b)
{
	struct fe r;

	for (unsigned int i = 0; i < LIMBS; i++)
		r.v[i] = a->v[i] + 4 * (i ? MASK : MASK - 18) - b->v[i];
	return r;
}

static struct fe fe_mul(const struct fe *a, const struct fe *b)
{
	const uint64_t *x = a->v, *y = b->v;
	uint64_t y1 = 19 * y[1], y2 = 19 * y[2], y3 = 19 * y[3], y4 = 19 * y[4];
	wide t[LIMBS] = {
		(wide)x[0] * y[0] + (wide)x[1] * y4 + (wide)x[2] * y3 +
			(wide)x[3] * y2 + (wide)x[4] * y1,
		(wide)x[0] * y[1] + (wide)x[1] * y[0] + (wide)x[2] * y4 +
			(wide)x[3] * y3 + (wide)x[4] * y2,
		(wide)x[0] * y[2] + (wide)x[1] * y[1] + (wide)x[2] * y[0] +
			(wide)x[3] * y4 + (wide)x[4] * y3,
		(wide)x[0] * y[3] + (wide)x[1] * y[2] + (wide)x[2] * y[1] +
			(wide)x[3] * y[0] + (wide)x[4] * y4,
		(wide)x[0] * y[4] + (wide)x[1] * y[3] + (wide)x[2] * y[2] +
			(wide)x[3] * y[1] + (wide)x[4] * y[0],
	};
	struct fe r;
	uint64_t c;

	for (unsigned int i = 0; i + 1 < LIMBS; i++) {
		r.v[i] = (uint64_t)t[i] & MASK;
		t[i + 1] += t[i] >> BITS;
	}
	r.v[4] = (uint64_t)t[4] & MASK;
	t[0] = (wide)r.v[0] + 19 * (t[4] >> BITS);
	r.v[0] = (uint64_t)t[0] & MASK;
	c = (uint64_t)(t[0] >> BITS);
	r.v[1] += c;
	return r;
}

static struct fe fe_square(const struct fe *a)
{
	return fe_mul(a, a);
}

/* a^(p - 2): all 255 bits of the exponent are ones but the second and the
 * fourth.  0 gives 0. */
static struct fe fe_invert(const struct fe *a)
{
	struct fe r = *a;

	for (int bit = 253; bit >= 0; bit--) {
		r = fe_square(&r);
		if (bit != 4 && bit != 2)
			r = fe_mul(&r, a);
	}
	return r;
}

static void fe_swap(struct fe *a, struct fe *b, unsigned int yes)
{
	uint64_t mask = 0 - (uint64_t)yes;

	for (unsigned int i = 0; i < LIMBS; i++) {
		uint64_t t = (a->v[i] ^ b->v[i]) & mask;

		a->v[i] ^= t;
		b->v[i] ^= t;
	}
}

/* Names are those of RFC 7748, 5. */
struct state {
	struct fe x1, x2, z2, x3, z3;
};

static void step(struct state *s)
{
	static const struct fe a24 = { { 121665 } };
	struct fe a = fe_add(&s->x2, &s->z2), b = fe_sub(&s->x2, &s->z2);
	struct fe c = fe_add(&s->x3, &s->z3), d = fe_sub(&s->x3, &s->z3);
	struct fe da = fe_mul(&d, &a), cb = fe_mul(&c, &b);
	struct fe aa = fe_square(&a), bb = fe_square(&b);
	struct fe e = fe_sub(&aa, &bb), t;

	t = fe_add(&da, &cb);
	s->x3 = fe_square(&t);
	t = fe_sub(&da, &cb);
	t = fe_square(&t);
	s->z3 = fe_mul(&t, &s->x1);
	s->x2 = fe_mul(&aa, &bb);
	t = fe_mul(&a24, &e);
	t = fe_add(&t, &aa);
	s->z2 = fe_mul(&e, &t);
}

void hpre_x25519(uint8_t *out, const uint8_t *k, const uint8_t *u)
{
	struct state s = { .x1 = fe_get(u), .x2 = { { 1 } }, .z3 = { { 1 } } };
	unsigned int bit, last = 0;
	struct fe z;

	s.x3 = s.x1;
	for (int i = 8 * BYTES - 1; i >= 0; i--) {
		bit = k[BYTES - 1 - i / 8] >> i % 8 & 1;
		fe_swap(&s.x2, &s.x3, bit ^ last);
		fe_swap(&s.z2, &s.z3, bit ^ last);
		step(&s);
		last = bit;
	}
	fe_swap(&s.x2, &s.x3, last);
	fe_swap(&s.z2, &s.z3, last);
	z = fe_invert(&s.z2);
	z = fe_mul(&s.x2, &z);
	fe_put(out, z);
	wd_wipe(&s, sizeof(s));
	wd_wipe(&z, sizeof(z));
}

bool hpre_is_25519(const struct operands *o)
{
	static const uint8_t a24[BYTES] = {
		[29] = 1, [30] = 0xdb, [31] = 0x41
	};
	const uint8_t *p = o->key;

	if (o->width != BYTES || p[0] != 0x7f || p[BYTES - 1] != 0xed)
		return false;
	for (unsigned int i = 1; i < BYTES - 1; i++)
		if (p[i] != 0xff)
			return false;
	return !memcmp(o->key + BYTES, a24, BYTES);
}
