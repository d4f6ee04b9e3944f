/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hpre.h - public-key operations as HPRE descriptors.
 *
 * Pure functions: operation in, descriptor out, and back.  They know no queue,
 * no thread and no OpenSSL, allocate nothing and keep nothing.  All operands
 * are big-endian byte strings of the full width W, zero-filled on the left;
 * W, like every length here, is in bytes.  Facts: docs/hw/hpre.md.
 */
#ifndef HPRE_H
#define HPRE_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/hpre/hpre_fields.h"

#define HPRE_WIDTH_MAX 512 /* 4096 bits */

struct hpre_op {
	enum hpre_alg alg;
	uint32_t width; /* W: RSA 128, 256, 384 or 512 */
	uint64_t key;	/* bus addresses */
	uint64_t in;	/* W bytes, as a number below the modulus */
	uint64_t out;	/* W bytes */
	uint64_t tag;	/* comes back untouched */
};

/**
 * hpre_encode() - descriptor for one operation
 * @sqe: written in full, but only on success
 * @op:	 operation
 *
 * Return: 0; -EINVAL: width the engine does not do for this algorithm, or an
 *	   address is 0.
 */
int hpre_encode(struct hpre_sqe *sqe, const struct hpre_op *op);

/**
 * hpre_result() - what the device said
 * Return: 0 done and valid; -EINPROGRESS not processed; -EIO refused or
 *	   failed (either error field non-zero).
 */
int hpre_result(const struct hpre_sqe *sqe);

/* Does HPRE do RSA of this modulus length?  1024, 2048, 3072, 4096 bits. */
bool hpre_rsa_bits_ok(unsigned int bits);

/* Bytes of the key block of @alg at width @width; 0: not an algorithm here. */
size_t hpre_key_size(enum hpre_alg alg, uint32_t width);

/* A number as the caller has it: big-endian, any length, leading zeros
 * allowed. */
struct hpre_num {
	const uint8_t *p;
	size_t len;
};

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
