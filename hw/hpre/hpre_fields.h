/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hpre_fields.h - the HPRE descriptor and its algorithm codes.  Tables only:
 * shared by codec and device model, holds no logic.
 */
#ifndef HPRE_FIELDS_H
#define HPRE_FIELDS_H

#include "base/wd_field.h"

#define HPRE_SQE_WORDS 16

struct hpre_sqe {
	uint32_t w[HPRE_SQE_WORDS];
};
_Static_assert(sizeof(struct hpre_sqe) == 64,
	       "HPRE descriptors are 64 bytes on the ring");

#define WD_FIELD WD_FIELD_ENUM
enum hpre_field {
#include "hw/hpre/hpre_sqe.def"
	HPRE_FIELDS
};
#undef WD_FIELD
#define WD_FIELD WD_FIELD_ROW
static const struct wd_field hpre_fields[HPRE_FIELDS] = {
#include "hw/hpre/hpre_sqe.def"
};
#undef WD_FIELD

/* Field ALG; docs/hw/hpre.md#algorithms */
enum hpre_alg {
	HPRE_ALG_MODEXP = 0x0,	/* key: exponent | modulus, W each */
	HPRE_ALG_RSA_CRT = 0x1, /* key: dq | dp | q | p | qinv, W/2 each */
	HPRE_ALG_RSA_GEN = 0x2,
	HPRE_ALG_RSA_GEN_CRT = 0x3,
	HPRE_ALG_DH_G2 = 0x4,
	HPRE_ALG_DH = 0x5,
	HPRE_ALG_EC_MUL = 0xd,	     /* key: p | a | k | b, W each */
	HPRE_ALG_ECDSA_SIGN = 0xe,   /* p | a | d | b | n | gx | gy */
	HPRE_ALG_ECDSA_VERIFY = 0xf, /* p | a | b | n | gx | gy | qx | qy */
	HPRE_ALG_MONTGOMERY = 0x10,  /* X25519, X448: p | a24 | k */
	HPRE_ALG_SM2_GEN = 0x11,
	HPRE_ALG_SM2_SIGN = 0x12,
	HPRE_ALG_SM2_VERIFY = 0x13,
	HPRE_ALG_SM2_ENC = 0x14,
	HPRE_ALG_SM2_DEC = 0x15,
};

/* Field DONE */
enum hpre_done { HPRE_DONE_SUBMITTED = 1, HPRE_DONE_FINISHED = 3 };

/* What a finished verification leaves in word 6, the address's lower half: the
 * signature is good.  docs/hw/hpre.md#verify */
#define HPRE_VERIFIED 2u

#endif
