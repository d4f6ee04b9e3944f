/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_sm4.h - SM4-GCM, SM4-CCM and SM4-XTS out of SM4-ECB.
 *
 * libcrypto's default provider has them from 3.2 on.  Before, these stand in
 * for it: the same functions by the same contract (wdp_direct.h), as far as
 * wdp_gcm.c, wdp_ccm.c and wdp_cipher.c call them.  They do what is below the
 * threshold and what the device failed at, so they are plain, not fast; no
 * branch or address depends on a secret.  Sources: GB/T 32907-2016 (the
 * cipher: libcrypto's), NIST SP 800-38C and -38D, IEEE 1619, GB/T 17964-2021.
 */
#ifndef WDP_SM4_H
#define WDP_SM4_H

#include <openssl/core.h>

/* Functions of SM4-GCM, SM4-CCM or SM4-XTS, whose newctx takes the struct
 * wdp_ctx; NULL: another name. */
const OSSL_DISPATCH *wdp_sm4_find(const char *name);

#endif
