/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_ec_sig.h - a pair (r, s) on the device, for ECDSA and SM2.
 *
 *	tbs ──▶ e ──┐
 *	nonce ──────┴─▶ job ─▶ r, s ─▶ in range? ─▶ good? ─▶ DER
 *			 │failed	 │no	      │no (ec_sign_check)
 *			 └───────────────┴────────────┴──▶ software, anew
 *
 * A nonce is drawn for one job and wiped whatever becomes of it: software and
 * the next attempt have one of their own.  docs/design/ecdsa.md
 */
#ifndef WDP_EC_SIG_H
#define WDP_EC_SIG_H

#include "provider/wdp_ec.h"

/**
 * wdp_ec_e() - the number a signature is about
 * @e: of the curve's width: the first bits of @tbs, as many as the order has,
 *     modulo the order
 */
void wdp_ec_e(const struct wdp_curve *c, uint8_t *e, const uint8_t *tbs,
	      size_t len);

/**
 * wdp_ec_sign() - one signature of @tbs
 * @kind: ECDSA_SIGN or SM2_SIGN
 * @sig:  room for k->size bytes, DER; *@sig_len: bytes written
 *
 * Return: 0; WDP_IN_SOFTWARE: @sig is untouched; -errno, error raised.
 */
int wdp_ec_sign(struct wdp_pkey *k, enum offload_kind kind, uint8_t *sig,
		size_t *sig_len, const uint8_t *tbs, size_t len);

/**
 * wdp_ec_verify() - the device's verdict
 * @kind: ECDSA_VERIFY or SM2_VERIFY
 *
 * Return: 0: good; WDP_IN_SOFTWARE: the twin has to say; -errno, error raised.
 */
int wdp_ec_verify(struct wdp_pkey *k, enum offload_kind kind,
		  const uint8_t *sig, size_t sig_len, const uint8_t *tbs,
		  size_t len);

#endif
