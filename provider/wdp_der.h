/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_der.h - the two things of elliptic curves that travel in DER, to and from
 * the numbers codecs take.
 *
 *	ECDSA, SM2 signature	SEQUENCE { INTEGER r, INTEGER s }
 *	SM2 ciphertext		SEQUENCE { INTEGER x, INTEGER y,
 *					   OCTET STRING C3, OCTET STRING C2 }
 *
 * Pure functions; nothing is allocated.  Reading is strict, X.690 section 10:
 * one encoding of each value and not a byte more.  Whoever takes other
 * encodings asks libcrypto about what is refused here.
 */
#ifndef WDP_DER_H
#define WDP_DER_H

#include "hw/hpre/hpre.h"

struct wdp_der_sig {
	struct hpre_num r, s;
};

struct wdp_der_sm2 {
	struct hpre_num x, y, check, text;
};

/**
 * wdp_der_get_sig() - take a signature apart
 * @out: points into @der; numbers without leading zeros, but 0 is one byte
 *
 * Return: 0; -EINVAL: not exactly one, or a number is negative.
 */
int wdp_der_get_sig(struct wdp_der_sig *out, const uint8_t *der, size_t len);
int wdp_der_get_sm2(struct wdp_der_sm2 *out, const uint8_t *der, size_t len);

/**
 * wdp_der_put_sig() - put a signature together
 * @sig: numbers of at least one byte, with leading zeros or without
 *
 * Return: bytes written; 0: more than @size, nothing is written.
 */
size_t wdp_der_put_sig(uint8_t *der, size_t size,
		       const struct wdp_der_sig *sig);
size_t wdp_der_put_sm2(uint8_t *der, size_t size,
		       const struct wdp_der_sm2 *text);

/* Bytes libcrypto says an SM2 ciphertext of @len bytes has at most, with
 * numbers of @width bytes and check values of @check. */
size_t wdp_der_sm2_max(size_t width, size_t check, size_t len);

#endif
