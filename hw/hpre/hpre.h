/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hpre.h - public-key operations as HPRE descriptors.
 *
 * Pure functions: operation in, descriptor out, and back.  They know no queue,
 * no thread and no OpenSSL, allocate nothing and keep nothing.
 *
 *	numbers ─ hpre_key() ─▶ key block ─┐
 *	numbers ─ hpre_in() ──▶ input ─────┤─ hpre_encode() ─▶ descriptor
 *	numbers ◀─ hpre_out() ── output ◀──┘◀─ hpre_result() ◀─┘
 *
 * What lies in the three buffers, and in which order, is a row of a table; a
 * caller only names its numbers.  In the buffers a number is a big-endian byte
 * string of the full width W, zero-filled on the left; W, like every length
 * here, is in bytes.  Facts: docs/hw/hpre.md.
 */
#ifndef HPRE_H
#define HPRE_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/hpre/hpre_fields.h"

#define HPRE_WIDTH_MAX	 512 /* 4096 bits */
#define HPRE_SM2_MSG_MAX 512

/* Most bytes of any operation's buffers. */
#define HPRE_KEY_MAX (HPRE_WIDTH_MAX / 2 * 5)	 /* RSA, CRT */
#define HPRE_IN_MAX  (3 * 32 + HPRE_SM2_MSG_MAX) /* SM2 decryption */
#define HPRE_OUT_MAX (HPRE_WIDTH_MAX / 2 * 7)	 /* RSA key generation */

struct hpre_op {
	enum hpre_alg alg;
	uint32_t width; /* W: docs/hw/hpre.md#width */
	uint64_t key;	/* bus addresses */
	uint64_t in;	/* not read where there is no input */
	uint64_t out;	/* the same, of output */
	uint64_t tag;	/* comes back untouched */

	uint16_t msg_len;  /* SM2 encryption, decryption: 1 to 512; else 0 */
	bool device_nonce; /* SM2 signature, encryption: the device draws k */
	bool fast;	   /* EC_MUL: hpre_fast_curve() says so */
};

/**
 * hpre_encode() - descriptor for one operation
 * @sqe: written in full, but only on success
 * @op:	 operation
 *
 * Return: 0; -EINVAL: width the engine does not do for this algorithm, an
 *	   address it needs is 0, or an option of another algorithm is set.
 */
int hpre_encode(struct hpre_sqe *sqe, const struct hpre_op *op);

/**
 * hpre_result() - what the device said
 * Return: 0 done and valid; -EINPROGRESS not processed; -EIO refused or
 *	   failed (either error field non-zero); -EBADMSG a verification is
 *	   done and the signature is not good.
 */
int hpre_result(const struct hpre_sqe *sqe);

/* Does HPRE do RSA of this modulus length?  1024, 2048, 3072, 4096 bits. */
bool hpre_rsa_bits_ok(unsigned int bits);

/* Does a device of this generation do @alg at width @width?  V1 does nothing
 * here, V2 RSA and DH, V3 all. */
bool hpre_offers(unsigned int qm_version, enum hpre_alg alg, uint32_t width);

/* Type of the queue that takes @alg: 0 RSA and DH, 1 curves; -EINVAL: not an
 * algorithm here. */
int hpre_queue_type(enum hpre_alg alg);

/* Bytes of the key block of @alg at width @width; 0: not an algorithm here. */
size_t hpre_key_size(enum hpre_alg alg, uint32_t width);

/* Bytes of input and output; 0: there is none, or hpre_encode() would refuse
 * the operation (addresses are not looked at). */
size_t hpre_in_size(const struct hpre_op *op);
size_t hpre_out_size(const struct hpre_op *op);

/* A number as the caller has it: big-endian, any length, leading zeros
 * allowed. */
struct hpre_num {
	const uint8_t *p;
	size_t len;
};

/* Names of the numbers in the buffers; docs/hw/hpre.md#numbers */
enum hpre_number {
	HPRE_END,
	HPRE_UNUSED, /* place of a number the operation has no need of */

	HPRE_EXPONENT, /* of RSA: e or d; of DH: x */
	HPRE_MODULUS,
	HPRE_P,
	HPRE_Q,
	HPRE_DP,
	HPRE_DQ,
	HPRE_QINV,
	HPRE_D,	     /* out of RSA key generation */
	HPRE_BASE,   /* in and */
	HPRE_POWER,  /* out of RSA */
	HPRE_PUBLIC, /* DH: g or the peer's value in; public or shared out */

	HPRE_FIELD, /* p of a curve */
	HPRE_A,
	HPRE_B,
	HPRE_ORDER, /* n */
	HPRE_GX,
	HPRE_GY,
	HPRE_QX, /* public key */
	HPRE_QY,
	HPRE_SCALAR, /* private key, or what a point is multiplied by */
	HPRE_X,	     /* a point in or out: of SM2 generation G, then Q; C1 */
	HPRE_Y,
	HPRE_HASH,  /* e, of the field's width at most */
	HPRE_NONCE, /* k */
	HPRE_R,
	HPRE_S,
	HPRE_A24, /* (A - 2) / 4 of a Montgomery curve */
	HPRE_U,
	HPRE_TEXT,  /* SM2: message or C2, exactly op.msg_len bytes */
	HPRE_CHECK, /* SM2: C3, exactly 32 bytes */
	HPRE_NUMBERS
};

/**
 * hpre_key() - lay out the key block of @alg at width @width
 * @block:   hpre_key_size() bytes, written only on success; secret
 * @numbers: those that the operation has in its key block; others are not
 *	     looked at, but that a scalar is held against an order if there is
 *	     one
 *
 * Return: 0; -EINVAL: no such operation, or a number is missing, wider than
 *	   its field, zero where it may not be, even where it must be odd, not
 *	   below the modulus, field or order it belongs to.
 */
int hpre_key(uint8_t *block, enum hpre_alg alg, uint32_t width,
	     const struct hpre_num numbers[HPRE_NUMBERS]);

/**
 * hpre_in() - lay out the input
 * @in:	     hpre_in_size() bytes, written only on success; secret
 * @op:	     algorithm, width and options; addresses are not looked at
 * @key:     key block of the operation, whose numbers are the bounds
 * @numbers: those that the operation has in its input; a nonce the device
 *	     draws is left out
 *
 * Return: as hpre_key(); -EINVAL too for an operation without input.
 */
int hpre_in(uint8_t *in, const struct hpre_op *op, const uint8_t *key,
	    const struct hpre_num numbers[HPRE_NUMBERS]);

/**
 * hpre_out() - find the numbers in the output
 * @numbers: those that the operation puts out are set, on success only: they
 *	     point into @out and have their field's width
 * @op:	     as for hpre_in()
 * @out:     hpre_out_size() bytes
 *
 * Return: 0; -EINVAL no such operation; -EIO a number that can't be: 0, or
 *	   even, where hpre_key() or hpre_in() would refuse it.
 */
int hpre_out(struct hpre_num numbers[HPRE_NUMBERS], const struct hpre_op *op,
	     const uint8_t *out);

/**
 * hpre_num_put() - number into a field of @len bytes, zero-filled on the left
 * Return: 0; -EINVAL the number is wider, or empty: nothing is written.
 */
int hpre_num_put(uint8_t *to, size_t len, struct hpre_num n);

/* Is this EC_MUL key block's curve one that has cores of its own, P-256 or
 * SM2?  To be asked once a key, for hpre_op.fast; not of V2. */
bool hpre_fast_curve(const uint8_t *key, uint32_t width);

/**
 * hpre_key_modexp() - key block e|n or d|n
 * hpre_key_rsa_crt() - key block dq|dp|q|p|qinv
 * @block: hpre_key_size() bytes, written only on success; secret
 *
 * Return: 0; -EINVAL: a number wider than its field, zero or (modulus, primes)
 *	   even.
 */
int hpre_key_modexp(uint8_t *block, uint32_t width, struct hpre_num exponent,
		    struct hpre_num modulus);

struct hpre_rsa_crt {
	struct hpre_num p, q, dp, dq, qinv;
};

int hpre_key_rsa_crt(uint8_t *block, uint32_t width,
		     const struct hpre_rsa_crt *crt);

#endif
