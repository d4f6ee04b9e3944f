/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_hpre.h - one job of the public-key engine, between the files that
 * compute it.
 */
#ifndef EMU_HPRE_H
#define EMU_HPRE_H

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <stdbool.h>
#include <stdint.h>

#define HPRE_WIDTH_MAX 512 /* bytes: 4096 bits */
#define HPRE_KEY_MAX   (5 * HPRE_WIDTH_MAX / 2)
#define HPRE_TEXT_MAX  512 /* bytes of an SM2 message */
#define HPRE_IN_MAX    (96 + HPRE_TEXT_MAX)
#define HPRE_OUT_MAX   (7 * HPRE_WIDTH_MAX / 2)

/* The codes of silicon are not public: these are the model's, any non-zero
 * value is a failure to every driver. */
enum hpre_error {
	E_NONE,
	E_STATE,  /* not marked as submitted, or error fields not zero */
	E_FIELD,  /* a field that must be zero is not */
	E_ALG,	  /* not an algorithm here, or not of this core group */
	E_WIDTH,  /* not a width of this algorithm */
	E_ADDR,	  /* address 0 or not reachable */
	E_NUMBER, /* modulus even or zero, input not below it, no such point */
	E_FAULT,  /* asked for by a test */
	E_MODEL,  /* the model is out of memory */
};

/* Operands as they came over the bus. */
struct operands {
	uint32_t width;
	uint32_t text; /* bytes of an SM2 message, else 0 */
	bool draw;     /* the device draws SM2's random number */
	uint8_t key[HPRE_KEY_MAX];
	uint8_t in[HPRE_IN_MAX];
	uint8_t out[HPRE_OUT_MAX];
};

/* @len bytes, big-endian, as a number of @ctx; NULL: out of memory. */
BIGNUM *hpre_number(BN_CTX *ctx, const uint8_t *p, uint32_t len);

/* Part @i of a block whose parts are @o->width bytes, and of o->out. */
BIGNUM *hpre_part(const struct operands *o, BN_CTX *ctx, const uint8_t *block,
		  unsigned int i);
bool hpre_put_part(struct operands *o, unsigned int i, const BIGNUM *n);

/* 0 < n < modulus */
bool hpre_in_range(const BIGNUM *n, const BIGNUM *modulus);

struct hpre_curve {
	EC_GROUP *group;
	BIGNUM *p;
};

/* The curve of parts 0, 1 and @b_at of the key block.  Close it always. */
enum hpre_error hpre_curve_open(struct hpre_curve *c, const struct operands *o,
				BN_CTX *ctx, unsigned int b_at);
void hpre_curve_close(struct hpre_curve *c);

/* Parts @at and the next of @block, a point of the curve; the caller frees
 * *@q, also after an error. */
enum hpre_error hpre_point_get(EC_POINT **q, const struct hpre_curve *c,
			       const struct operands *o, BN_CTX *ctx,
			       const uint8_t *block, unsigned int at);

/* k * q, affine; @y may be NULL. */
enum hpre_error hpre_point_mul(const struct hpre_curve *c, const EC_POINT *q,
			       const BIGNUM *k, BIGNUM *x, BIGNUM *y,
			       BN_CTX *ctx);

/* ---- emu_hpre_ec.c: numbers from @o, the result to o->out ---- */

enum hpre_error hpre_ec_mul(struct operands *o, BN_CTX *ctx);
enum hpre_error hpre_montgomery(struct operands *o, BN_CTX *ctx);
enum hpre_error hpre_ecdsa_sign(struct operands *o, BN_CTX *ctx);
/* o->out[0]: 1 the signature is good, 0 it is not. */
enum hpre_error hpre_ecdsa_verify(struct operands *o, BN_CTX *ctx);

/* As hpre_montgomery(), any curve; o->out has the result. */
enum hpre_error hpre_ladder(struct operands *o, BN_CTX *ctx);

/* ---- emu_hpre_25519.c ---- */

/* Field and curve of the key block are X25519's. */
bool hpre_is_25519(const struct operands *o);

/* 32 bytes each, big-endian; @u below the prime, @k any, not clamped here. */
void hpre_x25519(uint8_t *out, const uint8_t *k, const uint8_t *u);

/* ---- emu_hpre_sm2.c ---- */

enum hpre_error hpre_sm2_gen(struct operands *o, BN_CTX *ctx);
enum hpre_error hpre_sm2_sign(struct operands *o, BN_CTX *ctx);
enum hpre_error hpre_sm2_verify(struct operands *o, BN_CTX *ctx);
enum hpre_error hpre_sm2_encrypt(struct operands *o, BN_CTX *ctx);
enum hpre_error hpre_sm2_decrypt(struct operands *o, BN_CTX *ctx);

#endif
