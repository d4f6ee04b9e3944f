/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_hpre_sm2.c - SM2 (GB/T 32918): keys, signatures, encryption with SM3.
 *
 * Like the other curves it takes all parameters from the key block.  A
 * ciphertext whose check value is wrong is an error, and nothing is written:
 * drivers take an end without error for success.  docs/hw/hpre.md#sm2
 */
#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_hash.h"
#include "emu/emu_hpre.h"
#include "emu/emu_replay.h" /* struct emu_piece */

#define SM3_BYTES 32

/* Parts of the two key blocks. */
enum { PRIV_D = 2, PRIV_B = 3, PRIV_N = 4, PRIV_G = 5 };
enum { PUB_B = 2, PUB_N = 3, PUB_G = 4, PUB_Q = 6 };

/* A job's curve, its order and one of its points. */
struct sm2 {
	struct hpre_curve c;
	BIGNUM *n;
	EC_POINT *g;
};

static enum hpre_error sm2_open(struct sm2 *s, const struct operands *o,
				BN_CTX *ctx, unsigned int b, unsigned int n,
				unsigned int g)
{
	enum hpre_error rc;

	s->g = NULL;
	rc = hpre_curve_open(&s->c, o, ctx, b);
	if (rc)
		return rc;
	s->n = hpre_part(o, ctx, o->key, n);
	if (!s->n)
		return E_MODEL;
	if (!BN_is_odd(s->n))
		return E_NUMBER;
	return hpre_point_get(&s->g, &s->c, o, ctx, o->key, g);
}

static void sm2_close(struct sm2 *s)
{
	EC_POINT_free(s->g);
	hpre_curve_close(&s->c);
}

/* The caller's random number, or one of the device's. */
static enum hpre_error random_number(BIGNUM *k, const struct sm2 *s,
				     const struct operands *o)
{
	if (o->draw && !BN_priv_rand_range(k, s->n))
		return E_MODEL;
	return hpre_in_range(k, s->n) ? E_NONE : E_NUMBER;
}

/* Key: as for a verification; in: x | y of the generator; out: x | y | d. */
enum hpre_error hpre_sm2_gen(struct operands *o, BN_CTX *ctx)
{
	BIGNUM *d = BN_CTX_get(ctx), *x = BN_CTX_get(ctx);
	BIGNUM *y = BN_CTX_get(ctx);
	struct sm2 s;
	EC_POINT *g = NULL;
	enum hpre_error rc = sm2_open(&s, o, ctx, PUB_B, PUB_N, PUB_G);

	if (!rc && !y)
		rc = E_MODEL;
	if (!rc)
		rc = hpre_point_get(&g, &s.c, o, ctx, o->in, 0);
	if (!rc && !BN_priv_rand_range(d, s.n))
		rc = E_MODEL;
	if (!rc)
		rc = hpre_point_mul(&s.c, g, d, x, y, ctx);
	if (!rc && (!hpre_put_part(o, 0, x) || !hpre_put_part(o, 1, y) ||
		    !hpre_put_part(o, 2, d)))
		rc = E_MODEL;
	EC_POINT_free(g);
	sm2_close(&s);
	return rc;
}

/* s = (k - r d) / (1 + d) mod n */
static bool signature(BIGNUM *s, const BIGNUM *r, const BIGNUM *d,
		      const BIGNUM *k, const BIGNUM *n, BN_CTX *ctx)
{
	BIGNUM *t = BN_CTX_get(ctx);

	return t && BN_mod_mul(s, r, d, n, ctx) &&
	       BN_mod_sub(s, k, s, n, ctx) &&
	       BN_mod_add(t, d, BN_value_one(), n, ctx) &&
	       BN_mod_inverse(t, t, n, ctx) && BN_mod_mul(s, s, t, n, ctx);
}

/* Key: p | a | d | b | n | gx | gy; in: e | k; out: r | s. */
enum hpre_error hpre_sm2_sign(struct operands *o, BN_CTX *ctx)
{
	BIGNUM *d = hpre_part(o, ctx, o->key, PRIV_D);
	BIGNUM *e = hpre_part(o, ctx, o->in, 0);
	BIGNUM *k = hpre_part(o, ctx, o->in, 1);
	BIGNUM *r = BN_CTX_get(ctx), *sig = BN_CTX_get(ctx);
	struct sm2 s;
	enum hpre_error rc = sm2_open(&s, o, ctx, PRIV_B, PRIV_N, PRIV_G);

	if (!rc && (!d || !e || !k || !sig))
		rc = E_MODEL;
	if (!rc && !hpre_in_range(d, s.n))
		rc = E_NUMBER;
	if (!rc)
		rc = random_number(k, &s, o);
	if (!rc)
		rc = hpre_point_mul(&s.c, s.g, k, r, NULL, ctx);
	if (!rc && (!BN_mod_add(r, r, e, s.n, ctx) || BN_is_zero(r) ||
		    !signature(sig, r, d, k, s.n, ctx) || BN_is_zero(sig)))
		rc = E_NUMBER;
	if (!rc && (!hpre_put_part(o, 0, r) || !hpre_put_part(o, 1, sig)))
		rc = E_MODEL;
	sm2_close(&s);
	return rc;
}

/* x of sig g + (r + sig) q, plus e; 1 good, 0 infinity or r + sig = 0. */
static int verify_r(BIGNUM *x, const struct sm2 *s, const EC_POINT *q,
		    const BIGNUM *e, const BIGNUM *sig, const BIGNUM *r,
		    BN_CTX *ctx)
{
	BIGNUM *t = BN_CTX_get(ctx);
	EC_POINT *a = EC_POINT_new(s->c.group), *b = EC_POINT_new(s->c.group);
	int ok = t && a && b && BN_mod_add(t, r, sig, s->n, ctx) &&
		 !BN_is_zero(t) &&
		 EC_POINT_mul(s->c.group, a, NULL, s->g, sig, ctx) &&
		 EC_POINT_mul(s->c.group, b, NULL, q, t, ctx) &&
		 EC_POINT_add(s->c.group, a, a, b, ctx) &&
		 !EC_POINT_is_at_infinity(s->c.group, a) &&
		 EC_POINT_get_affine_coordinates(s->c.group, a, x, NULL, ctx) &&
		 BN_mod_add(x, x, e, s->n, ctx);

	EC_POINT_free(b);
	EC_POINT_free(a);
	return ok;
}

/* Key: p | a | b | n | gx | gy | qx | qy; in: e | s | r. */
enum hpre_error hpre_sm2_verify(struct operands *o, BN_CTX *ctx)
{
	BIGNUM *e = hpre_part(o, ctx, o->in, 0);
	BIGNUM *sig = hpre_part(o, ctx, o->in, 1);
	BIGNUM *r = hpre_part(o, ctx, o->in, 2), *x = BN_CTX_get(ctx);
	struct sm2 s;
	EC_POINT *q = NULL;
	enum hpre_error rc = sm2_open(&s, o, ctx, PUB_B, PUB_N, PUB_G);

	if (!rc && (!e || !sig || !r || !x))
		rc = E_MODEL;
	if (!rc)
		rc = hpre_point_get(&q, &s.c, o, ctx, o->key, PUB_Q);
	o->out[0] = !rc && hpre_in_range(sig, s.n) && hpre_in_range(r, s.n) &&
		    verify_r(x, &s, q, e, sig, r, ctx) && !BN_cmp(x, r);
	EC_POINT_free(q);
	sm2_close(&s);
	return rc;
}

/* ---- encryption (part 4) ---- */

/* What both sides know: x2 | y2. */
struct shared {
	uint8_t xy[2 * SM3_BYTES];
};

static void sm3(const struct emu_piece *in, size_t n, uint8_t *out)
{
	struct emu_hash h;
	uint64_t bits = 0;

	emu_hash_init(&h, &emu_sm3, NULL);
	for (size_t i = 0; i < n; i++) {
		emu_hash_update(&h, in[i].p, in[i].len);
		bits += in[i].len * 8;
	}
	emu_hash_final(&h, bits, out);
}

/* @text ^= KDF(x2 | y2).  Return: false when the stream is all zero. */
static bool mask(const struct shared *z, uint8_t *text, size_t len)
{
	uint8_t stream[SM3_BYTES], counter[4], any = 0;

	for (uint32_t i = 1; len; i++) {
		struct emu_piece in[] = { { z->xy, sizeof(z->xy) },
					  { counter, sizeof(counter) } };
		size_t n = len < SM3_BYTES ? len : SM3_BYTES;

		wd_store_be32(counter, i);
		sm3(in, 2, stream);
		for (size_t b = 0; b < n; b++) {
			any |= stream[b];
			text[b] ^= stream[b];
		}
		text += n;
		len -= n;
	}
	wd_wipe(stream, sizeof(stream));
	return any;
}

static void check_value(const struct shared *z, const uint8_t *text, size_t len,
			uint8_t *out)
{
	struct emu_piece in[] = { { z->xy, SM3_BYTES },
				  { text, len },
				  { z->xy + SM3_BYTES, SM3_BYTES } };

	sm3(in, 3, out);
}

static enum hpre_error share(struct shared *z, const struct sm2 *s,
			     const EC_POINT *q, const BIGNUM *k, BN_CTX *ctx)
{
	BIGNUM *x = BN_CTX_get(ctx), *y = BN_CTX_get(ctx);
	enum hpre_error rc =
		y ? hpre_point_mul(&s->c, q, k, x, y, ctx) : E_MODEL;

	if (!rc && (BN_bn2binpad(x, z->xy, SM3_BYTES) < 0 ||
		    BN_bn2binpad(y, z->xy + SM3_BYTES, SM3_BYTES) < 0))
		rc = E_MODEL;
	return rc;
}

/* Key: as for a verification; in: k | text; out: x1 | y1 | text | check. */
enum hpre_error hpre_sm2_encrypt(struct operands *o, BN_CTX *ctx)
{
	BIGNUM *k = hpre_part(o, ctx, o->in, 0), *x = BN_CTX_get(ctx);
	BIGNUM *y = BN_CTX_get(ctx);
	uint8_t *text = o->out + (size_t)2 * o->width;
	struct shared z;
	struct sm2 s;
	EC_POINT *q = NULL;
	enum hpre_error rc = sm2_open(&s, o, ctx, PUB_B, PUB_N, PUB_G);

	if (!rc && (!k || !y))
		rc = E_MODEL;
	if (!rc)
		rc = hpre_point_get(&q, &s.c, o, ctx, o->key, PUB_Q);
	if (!rc)
		rc = random_number(k, &s, o);
	if (!rc)
		rc = hpre_point_mul(&s.c, s.g, k, x, y, ctx);
	if (!rc && (!hpre_put_part(o, 0, x) || !hpre_put_part(o, 1, y)))
		rc = E_MODEL;
	if (!rc)
		rc = share(&z, &s, q, k, ctx);
	if (!rc) {
		memcpy(text, o->in + o->width, o->text);
		check_value(&z, text, o->text, text + o->text);
		rc = mask(&z, text, o->text) ? E_NONE : E_NUMBER;
	}
	wd_wipe(&z, sizeof(z));
	EC_POINT_free(q);
	sm2_close(&s);
	return rc;
}

/* Key: as for a signature; in: x1 | y1 | text | check; out: text. */
enum hpre_error hpre_sm2_decrypt(struct operands *o, BN_CTX *ctx)
{
	BIGNUM *d = hpre_part(o, ctx, o->key, PRIV_D);
	const uint8_t *text = o->in + (size_t)2 * o->width;
	uint8_t check[SM3_BYTES];
	struct shared z;
	EC_POINT *q = NULL;
	struct hpre_curve c;
	struct sm2 s = { .g = NULL };
	enum hpre_error rc = hpre_curve_open(&c, o, ctx, PRIV_B);

	s.c = c;
	if (!rc && !d)
		rc = E_MODEL;
	if (!rc && BN_is_zero(d))
		rc = E_NUMBER;
	if (!rc)
		rc = hpre_point_get(&q, &s.c, o, ctx, o->in, 0);
	if (!rc)
		rc = share(&z, &s, q, d, ctx);
	if (!rc) {
		memcpy(o->out, text, o->text);
		rc = mask(&z, o->out, o->text) ? E_NONE : E_NUMBER;
	}
	if (!rc) {
		check_value(&z, o->out, o->text, check);
		if (!wd_equal_ct(check, text + o->text, sizeof(check)))
			rc = E_NUMBER;
	}
	wd_wipe(&z, sizeof(z));
	EC_POINT_free(q);
	sm2_close(&s);
	return rc;
}
