/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_ecx.h - X25519 and X448 keys, and multiplication on their curves.
 *
 * A key here is always lean (wdp_pkey.h): octets as RFC 7748 has them, and what
 * the device takes beside them.  The twin is made only for what the device does
 * not do, and for encoders.  A form is never changed once its key has it.
 */
#ifndef WDP_ECX_H
#define WDP_ECX_H

#include "provider/wdp_pkey.h"

#define WDP_ECX_LEN_MAX	  56 /* bytes of X448 */
#define WDP_ECX_WIDTH_MAX 72 /* the same in the engine */

struct wdp_ecx_curve {
	enum offload_kind kind;
	size_t len;	   /* bytes of a key */
	uint32_t width;	   /* of a number in the engine */
	unsigned int bits; /* as libcrypto tells them */
	int security_bits;
	uint8_t base;			/* u of the base point */
	uint8_t low, high_and, high_or; /* masks of the scalar's ends */
	uint8_t u_mask;			/* of the last byte of a received u */
	uint8_t a24[3];
	uint8_t p[WDP_ECX_WIDTH_MAX]; /* @width bytes, big-endian */
};

struct wdp_ecx {
	const struct wdp_ecx_curve *curve;
	bool has_pub, has_priv;
	bool u_ok;     /* 0 < u < p: for the device */
	bool block_ok; /* so is the block */
	uint8_t pub[WDP_ECX_LEN_MAX], priv[WDP_ECX_LEN_MAX];
	uint8_t u[WDP_ECX_WIDTH_MAX]; /* of pub */
	uint8_t block[3 * WDP_ECX_WIDTH_MAX];
};

/* The curve of keys of @spec. */
const struct wdp_ecx_curve *wdp_ecx_curve(const struct wdp_pkey_spec *spec);

/* The form of a key, made of the twin's where a decoder brought one.  NULL: no
 * memory. */
const struct wdp_ecx *wdp_ecx(const struct wdp_pkey *k);

/* Give @k these parts, NULL: none; what it had goes.  Return: 0 or -ENOMEM. */
int wdp_ecx_set(struct wdp_pkey *k, const uint8_t *pub, const uint8_t *priv);

/* spec.dev_free and spec.materialise */
void wdp_ecx_free(void *form);
EVP_PKEY *wdp_ecx_materialise(const struct wdp_pkey *k);

/*
 * Results: 0; WDP_IN_SOFTWARE: nothing was written, software may (and is
 * counted); -errno, error raised.
 */

/**
 * wdp_ecx_derive() - the shared secret, curve->len bytes; secret
 * A peer's value not in (0, p), and an all-zero result, are software's to judge.
 */
int wdp_ecx_derive(struct wdp_pkey *key, struct wdp_pkey *peer, uint8_t *out);

/* A new pair into the empty key @k. */
int wdp_ecx_generate(struct wdp_pkey *k);

/* The pair of the private key @priv into @k. */
int wdp_ecx_complete(struct wdp_pkey *k, const uint8_t *priv);

#endif
