/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_ec.h - curves, and EC keys in the form the device takes.
 *
 *	struct wdp_curve  a curve: once a provider (named) or a key (explicit)
 *	struct wdp_ec	  a key on it: numbers, and key blocks made of them once
 *
 *	  key block of	 is			serves
 *	  WDP_EC_MUL	 p|a|d|b		ECDH, key generation
 *	  WDP_EC_PRIVATE p|a|d|b|n|gx|gy	ECDSA and SM2 sign, SM2 decrypt
 *	  WDP_EC_PUBLIC	 p|a|b|n|gx|gy|qx|qy	ECDSA and SM2 verify, SM2 encrypt
 *
 * A number here is big-endian, of the curve's width, zero-filled on the left.
 * The form is the k->dev of EC and SM2 keys.  Of a lean key (wdp_pkey.h) it is
 * all there is: a named curve, the numbers, and nothing said about encodings.
 *
 *	wdp_ec_curve.c	 curves, and which point lies on them
 *	wdp_ec.c	 the form of a key, blocks, scalars, multiplication
 *	wdp_ec_keymgmt.c EC and SM2 as key types
 *	wdp_ecdh.c	 key exchange
 *
 * docs/design/ec.md
 */
#ifndef WDP_EC_H
#define WDP_EC_H

#include <openssl/ec.h>

#include "provider/wdp_pkey.h"

#define WDP_EC_WIDTH_MAX 72 /* bytes: P-521 */

struct wdp_curve {
	struct wdp_curve *next; /* in the provider's list, which only grows */
	const char *name;	/* as libcrypto has it; NULL: explicit */
	int nid;		/* 0: explicit */
	bool device; /* the engine can do it; without, what follows is unset */
	bool sm2;
	bool fast;		       /* EC_MUL has cores of its own for it */
	uint32_t width;		       /* W of HPRE: 32, 48 or 72 */
	uint32_t field_len, order_len; /* bytes, without any filling */
	uint32_t field_bits, order_bits;
	uint32_t security_bits;
	uint32_t sig_max;      /* bytes of the longest DER signature */
	const EC_GROUP *group; /* the curve's own */
	uint8_t p[WDP_EC_WIDTH_MAX], a[WDP_EC_WIDTH_MAX], b[WDP_EC_WIDTH_MAX],
		n[WDP_EC_WIDTH_MAX], gx[WDP_EC_WIDTH_MAX], gy[WDP_EC_WIDTH_MAX];
	/* Montgomery arithmetic modulo p, least word first. */
	struct wdp_field {
		uint64_t p[WDP_EC_WIDTH_MAX / 8], rr[WDP_EC_WIDTH_MAX / 8];
		uint64_t a[WDP_EC_WIDTH_MAX / 8], b[WDP_EC_WIDTH_MAX / 8];
		uint64_t n0;
	} field;
};

enum wdp_ec_block_kind {
	WDP_EC_MUL,
	WDP_EC_PRIVATE,
	WDP_EC_PUBLIC,
	WDP_EC_BLOCKS
};

struct wdp_ec {
	const struct wdp_curve *curve; /* NULL: software does it all */
	struct wdp_curve *own;	       /* an explicit one's memory */
	bool lean;		       /* there may be no twin */
	bool has_pub, has_priv;
	uint8_t x[WDP_EC_WIDTH_MAX], y[WDP_EC_WIDTH_MAX], d[WDP_EC_WIDTH_MAX];
	_Atomic(uint8_t *) block[WDP_EC_BLOCKS]; /* NULL: not made yet */
};

static inline struct hpre_num wdp_curve_num(const struct wdp_curve *c,
					    const uint8_t *number)
{
	return (struct hpre_num){ number, c->width };
}

/* ---- curves -------------------------------------------------------------- */

/*
 * The curve libcrypto calls @name ("P-256", "prime256v1"); looked up without a
 * lock once it has been used.  The provider's own.
 * NULL: unknown by this spelling (ask the twin), or no memory.
 */
const struct wdp_curve *wdp_curve_named(struct wdp_ctx *p, const char *name);

/* A curve of explicit parameters, checked with all that can be checked; takes
 * over @group.  NULL: not for the device. */
struct wdp_curve *wdp_curve_explicit(EC_GROUP *group);
void wdp_curve_free(struct wdp_curve *c);

/* Frees the provider's list; at teardown. */
void wdp_curves_free(struct wdp_ctx *p);

/* Is (@x, @y) a point of @c?  Coordinates not below p are not.  In constant
 * time, without memory. */
bool wdp_curve_has(const struct wdp_curve *c, const uint8_t *x,
		   const uint8_t *y);

/* Is @d in [1, n-1], for keys of SM2 in [1, n-2]?  In constant time. */
bool wdp_curve_scalar_ok(const struct wdp_curve *c, const uint8_t *d);

/* ---- keys ---------------------------------------------------------------- */

/* NULL: no memory. */
struct wdp_ec *wdp_ec_new(const struct wdp_curve *c);
void wdp_ec_free(void *ec); /* spec.dev_free; wipes */

/* The device form of a key, made at first use.  NULL: no memory or no key; its
 * curve is NULL where the engine does not do it. */
const struct wdp_ec *wdp_ec_dev(struct wdp_pkey *k);

/**
 * wdp_ec_offloads() - is this one for the device?
 * @kind: ECDH (needs the private part), ECDSA_SIGN, ECDSA_VERIFY, SM2_*
 *
 * Says no, and counts the software run, for curves the device does not do, keys
 * without the part the operation needs, by policy and without a device.  After
 * a yes wdp_ec_dev() and wdp_ec_block() are there.
 */
bool wdp_ec_offloads(struct wdp_pkey *k, enum offload_kind kind);

/* The key block of this kind of job; only after wdp_ec_offloads() said yes. */
const uint8_t *wdp_ec_block(const struct wdp_pkey *k, enum offload_kind kind);

/* ---- operations ---------------------------------------------------------- */

/**
 * wdp_ec_draw() - a secret scalar: private key or nonce
 * @d: uniform in [1, n-1], of the curve's width, from the private DRBG of the
 *     twin's context; the caller wipes it
 *
 * Return: 0; -EIO: no randomness, error raised.
 */
int wdp_ec_draw(struct wdp_ctx *p, const struct wdp_curve *c, uint8_t *d);

/* Bytes of an EC_MUL key block. */
static inline size_t wdp_ec_mul_size(const struct wdp_curve *c)
{
	return 4 * (size_t)c->width;
}

/* The key block that multiplies by @d.  Return: 0 or -EINVAL. */
int wdp_ec_mul_block(uint8_t *block, const struct wdp_curve *c,
		     const uint8_t *d);

/**
 * wdp_ec_mul() - a point times the scalar of @block, counted as OFFLOAD_ECDH
 * @in:	 x|y, a point of the curve
 * @out: the same; while the job is paused it is the device's, a secret in
 *	 wdp_room_get() memory
 * @w:	 NULL, or how to wait
 *
 * Return: 0: @out is a point of the curve; -EILSEQ: it was not, counted as
 *	   wrong; else as offload_hpre().  Ask wdp_software_may() what then.
 */
int wdp_ec_mul(struct wdp_ctx *p, const struct wdp_curve *c,
	       const uint8_t *block, const uint8_t *in, uint8_t *out,
	       struct offload_waiter *w);

#endif
