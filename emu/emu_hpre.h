/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_hpre.h - one job of the public-key engine, between the files that
 * compute it.
 */
#ifndef EMU_HPRE_H
#define EMU_HPRE_H

#include <openssl/bn.h>
#include <stdbool.h>
#include <stdint.h>

/* bytes: 4096 bits; a key block of five halves */
#define HPRE_WIDTH_MAX 512
#define HPRE_KEY_MAX   (5 * HPRE_WIDTH_MAX / 2)

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
	uint8_t key[HPRE_KEY_MAX];
	uint8_t in[HPRE_WIDTH_MAX];
	uint8_t out[HPRE_WIDTH_MAX];
};

/* @len bytes, big-endian, as a number of @ctx; NULL: out of memory. */
BIGNUM *hpre_number(BN_CTX *ctx, const uint8_t *p, uint32_t len);

/* ---- emu_hpre_ec.c: numbers from @o, the result to o->out ---- */

enum hpre_error hpre_ec_mul(struct operands *o, BN_CTX *ctx);
enum hpre_error hpre_montgomery(struct operands *o, BN_CTX *ctx);
enum hpre_error hpre_ecdsa_sign(struct operands *o, BN_CTX *ctx);
/* o->out[0]: 1 the signature is good, 0 it is not. */
enum hpre_error hpre_ecdsa_verify(struct operands *o, BN_CTX *ctx);

#endif
