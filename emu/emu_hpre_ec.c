/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_hpre_ec.c - elliptic curves: point multiplication and ECDSA over any
 * short Weierstrass curve, X25519 and X448 by their ladder.
 *
 * The curve is the key block's, never a table's.  A point off the curve, a
 * scalar of zero and a result at infinity are errors; so is every number that
 * is not below its modulus.  docs/hw/hpre.md#curves
 */
#include <openssl/ec.h>
#include <string.h>

#include "emu/emu_hpre.h"

/* Part @i of a block whose parts are @o->width bytes. */
BIGNUM *hpre_part(const struct operands *o, BN_CTX *ctx, const uint8_t *block,
		  unsigned int i)
{
	return hpre_number(ctx, block + i * o->width, o->width);
}

bool hpre_put_part(struct operands *o, unsigned int i, const BIGNUM *n)
{
	return BN_bn2binpad(n, o->out + i * o->width, (int)o->width) >= 0;
}

bool hpre_in_range(const BIGNUM *n, const BIGNUM *modulus)
{
	return !BN_is_zero(n) && BN_ucmp(n, modulus) < 0;
}

/* ---- curves and points ---- */

/* Parameters @a and @b are parts of the key block. */
enum hpre_error hpre_curve_open(struct hpre_curve *c, const struct operands *o,
				BN_CTX *ctx, unsigned int b_at)
{
	BIGNUM *a = hpre_part(o, ctx, o->key, 1),
	       *b = hpre_part(o, ctx, o->key, b_at);

	c->group = NULL;
	c->p = hpre_part(o, ctx, o->key, 0);
	if (!c->p || !a || !b)
		return E_MODEL;
	if (!BN_is_odd(c->p) || BN_num_bits(c->p) < 64 ||
	    BN_ucmp(a, c->p) >= 0 || BN_ucmp(b, c->p) >= 0)
		return E_NUMBER;
	c->group = EC_GROUP_new_curve_GFp(c->p, a, b, ctx);
	if (!c->group)
		return E_MODEL;
	return EC_GROUP_check_discriminant(c->group, ctx) == 1 ? E_NONE
							       : E_NUMBER;
}

void hpre_curve_close(struct hpre_curve *c)
{
	EC_GROUP_free(c->group);
}

/* Parts @at and the next of @block, a point of the curve. */
enum hpre_error hpre_point_get(EC_POINT **q, const struct hpre_curve *c,
			       const struct operands *o, BN_CTX *ctx,
			       const uint8_t *block, unsigned int at)
{
	BIGNUM *x = hpre_part(o, ctx, block, at),
	       *y = hpre_part(o, ctx, block, at + 1);

	*q = EC_POINT_new(c->group);
	if (!*q || !x || !y)
		return E_MODEL;
	if (BN_ucmp(x, c->p) >= 0 || BN_ucmp(y, c->p) >= 0)
		return E_NUMBER;
	return EC_POINT_set_affine_coordinates(c->group, *q, x, y, ctx) == 1
		       ? E_NONE
		       : E_NUMBER;
}

/* k * q, affine; y may be NULL. */
enum hpre_error hpre_point_mul(const struct hpre_curve *c, const EC_POINT *q,
			       const BIGNUM *k, BIGNUM *x, BIGNUM *y,
			       BN_CTX *ctx)
{
	EC_POINT *r = EC_POINT_new(c->group);
	enum hpre_error rc = E_MODEL;

	if (!r || EC_POINT_mul(c->group, r, NULL, q, k, ctx) != 1)
		goto out;
	rc = E_NUMBER;
	if (EC_POINT_is_at_infinity(c->group, r))
		goto out;
	if (EC_POINT_get_affine_coordinates(c->group, r, x, y, ctx) == 1)
		rc = E_NONE;
out:
	EC_POINT_clear_free(r);
	return rc;
}

/* Key: p | a | k | b; in: x | y; out: x | y. */
enum hpre_error hpre_ec_mul(struct operands *o, BN_CTX *ctx)
{
	BIGNUM *k = hpre_part(o, ctx, o->key, 2), *x = BN_CTX_get(ctx);
	BIGNUM *y = BN_CTX_get(ctx);
	struct hpre_curve c = { .group = NULL };
	EC_POINT *q = NULL;
	enum hpre_error rc = y && k ? hpre_curve_open(&c, o, ctx, 3) : E_MODEL;

	if (!rc && BN_is_zero(k))
		rc = E_NUMBER;
	if (!rc)
		rc = hpre_point_get(&q, &c, o, ctx, o->in, 0);
	if (!rc)
		rc = hpre_point_mul(&c, q, k, x, y, ctx);
	if (!rc && (!hpre_put_part(o, 0, x) || !hpre_put_part(o, 1, y)))
		rc = E_MODEL;
	EC_POINT_clear_free(q);
	hpre_curve_close(&c);
	return rc;
}

/* ---- ECDSA (FIPS 186-5, 6.4) ---- */

/* s = (e + r d) / k mod n */
static bool signature(BIGNUM *s, const BIGNUM *e, const BIGNUM *r,
		      const BIGNUM *d, const BIGNUM *k, const BIGNUM *n,
		      BN_CTX *ctx)
{
	BIGNUM *inverse = BN_CTX_get(ctx);

	return inverse && BN_mod_mul(s, r, d, n, ctx) &&
	       BN_mod_add(s, s, e, n, ctx) &&
	       BN_mod_inverse(inverse, k, n, ctx) &&
	       BN_mod_mul(s, s, inverse, n, ctx);
}

/* Key: p | a | d | b | n | gx | gy; in: e | k; out: r | s. */
enum hpre_error hpre_ecdsa_sign(struct operands *o, BN_CTX *ctx)
{
	BIGNUM *d = hpre_part(o, ctx, o->key, 2),
	       *n = hpre_part(o, ctx, o->key, 4);
	BIGNUM *e = hpre_part(o, ctx, o->in, 0),
	       *k = hpre_part(o, ctx, o->in, 1);
	BIGNUM *r = BN_CTX_get(ctx), *s = BN_CTX_get(ctx);
	struct hpre_curve c = { .group = NULL };
	EC_POINT *g = NULL;
	enum hpre_error rc = E_MODEL;

	if (d && n && e && k && s)
		rc = hpre_curve_open(&c, o, ctx, 3);
	if (!rc && (!BN_is_odd(n) || !hpre_in_range(d, n) ||
		    !hpre_in_range(k, n) || BN_is_zero(e)))
		rc = E_NUMBER;
	if (!rc)
		rc = hpre_point_get(&g, &c, o, ctx, o->key, 5);
	if (!rc)
		rc = hpre_point_mul(&c, g, k, r, NULL, ctx);
	if (!rc && (!BN_nnmod(r, r, n, ctx) || BN_is_zero(r) ||
		    !signature(s, e, r, d, k, n, ctx) || BN_is_zero(s)))
		rc = E_NUMBER;
	if (!rc && (!hpre_put_part(o, 0, r) || !hpre_put_part(o, 1, s)))
		rc = E_MODEL;
	EC_POINT_clear_free(g);
	hpre_curve_close(&c);
	return rc;
}

/* x of (e/s) g + (r/s) q, modulo n; -1: infinity. */
static int verify_x(BIGNUM *x, const struct hpre_curve *c, const EC_POINT *g,
		    const EC_POINT *q, const BIGNUM *sig[3], const BIGNUM *n,
		    BN_CTX *ctx)
{
	BIGNUM *w = BN_CTX_get(ctx), *u1 = BN_CTX_get(ctx);
	BIGNUM *u2 = BN_CTX_get(ctx);
	EC_POINT *a = EC_POINT_new(c->group), *b = EC_POINT_new(c->group);
	int ok = u2 && a && b && BN_mod_inverse(w, sig[1], n, ctx) &&
		 BN_mod_mul(u1, sig[0], w, n, ctx) &&
		 BN_mod_mul(u2, sig[2], w, n, ctx) &&
		 EC_POINT_mul(c->group, a, NULL, g, u1, ctx) &&
		 EC_POINT_mul(c->group, b, NULL, q, u2, ctx) &&
		 EC_POINT_add(c->group, a, a, b, ctx);

	if (ok && EC_POINT_is_at_infinity(c->group, a))
		ok = -1;
	if (ok == 1)
		ok = EC_POINT_get_affine_coordinates(c->group, a, x, NULL,
						     ctx) &&
		     BN_nnmod(x, x, n, ctx);
	EC_POINT_free(b);
	EC_POINT_free(a);
	return ok;
}

/* Key: p | a | b | n | gx | gy | qx | qy; in: e | s | r. */
enum hpre_error hpre_ecdsa_verify(struct operands *o, BN_CTX *ctx)
{
	BIGNUM *n = hpre_part(o, ctx, o->key, 3), *x = BN_CTX_get(ctx);
	const BIGNUM *sig[] = { hpre_part(o, ctx, o->in, 0),
				hpre_part(o, ctx, o->in, 1),
				hpre_part(o, ctx, o->in, 2) };
	struct hpre_curve c = { .group = NULL };
	EC_POINT *g = NULL, *q = NULL;
	enum hpre_error rc = E_MODEL;
	int ok = 0;

	if (n && x && sig[0] && sig[1] && sig[2])
		rc = hpre_curve_open(&c, o, ctx, 2);
	if (!rc && (!BN_is_odd(n) || BN_is_zero(sig[0])))
		rc = E_NUMBER;
	if (!rc)
		rc = hpre_point_get(&g, &c, o, ctx, o->key, 4);
	if (!rc)
		rc = hpre_point_get(&q, &c, o, ctx, o->key, 6);
	if (!rc && hpre_in_range(sig[1], n) && hpre_in_range(sig[2], n)) {
		ok = verify_x(x, &c, g, q, sig, n, ctx);
		rc = ok ? E_NONE : E_NUMBER;
	}
	o->out[0] = ok == 1 && !BN_cmp(x, sig[2]);
	EC_POINT_free(q);
	EC_POINT_free(g);
	hpre_curve_close(&c);
	return rc;
}

/* ---- X25519 and X448 (RFC 7748, 5) ---- */

/* Names are the RFC's. */
struct ladder {
	BIGNUM *x1, *x2, *z2, *x3, *z3, *a, *b, *c, *d, *t, *p, *a24;
};

static bool ladder_get(struct ladder *l, BN_CTX *ctx)
{
	BIGNUM **all[] = { &l->x2, &l->z2, &l->x3, &l->z3, &l->a,
			   &l->b,  &l->c,  &l->d,  &l->t };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		*all[i] = BN_CTX_get(ctx);
		if (!*all[i])
			return false;
	}
	return l->p && l->a24 && l->x1 && BN_one(l->x2) &&
	       BN_copy(l->x3, l->x1) && BN_one(l->z3);
}

static bool ladder_step(struct ladder *l, BN_CTX *ctx)
{
	const BIGNUM *p = l->p;

	return BN_mod_add(l->a, l->x2, l->z2, p, ctx) &&
	       BN_mod_sub(l->b, l->x2, l->z2, p, ctx) &&
	       BN_mod_add(l->c, l->x3, l->z3, p, ctx) &&
	       BN_mod_sub(l->d, l->x3, l->z3, p, ctx) &&
	       BN_mod_mul(l->d, l->d, l->a, p, ctx) && /* DA */
	       BN_mod_mul(l->c, l->c, l->b, p, ctx) && /* CB */
	       BN_mod_add(l->x3, l->d, l->c, p, ctx) &&
	       BN_mod_sqr(l->x3, l->x3, p, ctx) &&
	       BN_mod_sub(l->z3, l->d, l->c, p, ctx) &&
	       BN_mod_sqr(l->z3, l->z3, p, ctx) &&
	       BN_mod_mul(l->z3, l->z3, l->x1, p, ctx) &&
	       BN_mod_sqr(l->a, l->a, p, ctx) && /* AA */
	       BN_mod_sqr(l->b, l->b, p, ctx) && /* BB */
	       BN_mod_mul(l->x2, l->a, l->b, p, ctx) &&
	       BN_mod_sub(l->t, l->a, l->b, p, ctx) && /* E */
	       BN_mod_mul(l->z2, l->a24, l->t, p, ctx) &&
	       BN_mod_add(l->z2, l->z2, l->a, p, ctx) &&
	       BN_mod_mul(l->z2, l->z2, l->t, p, ctx);
}

static void ladder_swap(struct ladder *l)
{
	BN_swap(l->x2, l->x3);
	BN_swap(l->z2, l->z3);
}

/* x2 / z2 to @out; a point at infinity gives 0, as in the RFC. */
static bool ladder_end(struct ladder *l, BIGNUM *out, BN_CTX *ctx)
{
	if (BN_is_zero(l->z2)) {
		BN_zero(out);
		return true;
	}
	return BN_mod_inverse(l->t, l->z2, l->p, ctx) &&
	       BN_mod_mul(out, l->x2, l->t, l->p, ctx);
}

enum hpre_error hpre_ladder(struct operands *o, BN_CTX *ctx)
{
	struct ladder l = { .p = hpre_part(o, ctx, o->key, 0),
			    .a24 = hpre_part(o, ctx, o->key, 1),
			    .x1 = hpre_part(o, ctx, o->in, 0) };
	BIGNUM *k = hpre_part(o, ctx, o->key, 2);

	if (!k || !ladder_get(&l, ctx))
		return E_MODEL;
	for (int i = BN_num_bits(k); i-- > 0;) {
		int bit = BN_is_bit_set(k, i);

		if (bit)
			ladder_swap(&l);
		if (!ladder_step(&l, ctx))
			return E_MODEL;
		if (bit)
			ladder_swap(&l);
	}
	if (!ladder_end(&l, k, ctx))
		return E_NUMBER;
	return hpre_put_part(o, 0, k) ? E_NONE : E_MODEL;
}

/* Key: p | a24 | k; in: u; out: u.  The scalar comes clamped. */
enum hpre_error hpre_montgomery(struct operands *o, BN_CTX *ctx)
{
	const BIGNUM *p = hpre_part(o, ctx, o->key, 0);
	const BIGNUM *a24 = hpre_part(o, ctx, o->key, 1);
	const BIGNUM *k = hpre_part(o, ctx, o->key, 2);
	const BIGNUM *u = hpre_part(o, ctx, o->in, 0);

	if (!p || !a24 || !k || !u)
		return E_MODEL;
	if (!BN_is_odd(p) || BN_num_bits(p) < 64 || BN_is_zero(k) ||
	    BN_ucmp(u, p) >= 0 || BN_ucmp(a24, p) >= 0)
		return E_NUMBER;
	if (!hpre_is_25519(o))
		return hpre_ladder(o, ctx);
	hpre_x25519(o->out, o->key + (size_t)2 * o->width, o->in);
	return E_NONE;
}
