/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_dh.h - DH and DHX: raw operations on the device.
 *
 *	g^x	key generation			 HPRE_ALG_DH_G2 where g is 2
 *	y^x	shared secret			 HPRE_ALG_DH
 *	y^q	is the peer's value of order q?	 HPRE_ALG_DH
 *
 * Results: 0; WDP_IN_SOFTWARE: nothing was written, the twin is to do it (and
 * is counted where the device might have); -errno, error raised: the device
 * failed and fallback is off.
 */
#ifndef WDP_DH_H
#define WDP_DH_H

#include "provider/wdp_pkey.h"

/* Free the device form; spec.dev_free.  NULL is fine. */
void wdp_dh_dev_free(void *dev);

/**
 * wdp_dh_derive() - the shared secret of @key and @peer, of the same group
 * @z: key->size bytes, leading zeros and all; secret
 *
 * A secret that libcrypto refuses (0, 1, p - 1) is left to it to refuse.
 */
int wdp_dh_derive(struct wdp_pkey *key, struct wdp_pkey *peer, uint8_t *z);

/**
 * wdp_dh_in_subgroup() - 2 <= y <= p - 2 and y^q = 1
 * 0 is a yes; a no is the twin's to say.  Where libcrypto holds the range to
 * be enough the question is the twin's, too, and costs nothing there.
 */
int wdp_dh_in_subgroup(struct wdp_pkey *key);

/**
 * wdp_dh_generate() - a key pair of the group of @params
 * @params:   a key of the private context with parameters
 * @priv_len: bits of x the caller asked for; 0: as the library has it
 * @twin:     the new key of the private context
 */
int wdp_dh_generate(struct wdp_ctx *p, const struct wdp_pkey_spec *spec,
		    EVP_PKEY *params, int priv_len, EVP_PKEY **twin);

#endif
