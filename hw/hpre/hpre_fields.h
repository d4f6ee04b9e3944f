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
	HPRE_ALG_DH_G2 = 0x4,
	HPRE_ALG_DH = 0x5,
};

/* Field DONE */
enum hpre_done { HPRE_DONE_SUBMITTED = 1, HPRE_DONE_FINISHED = 3 };

#endif
