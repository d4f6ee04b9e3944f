/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sec_fields.h - SEC descriptors ("BD") of type 2 and type 3, their codes and
 * the hardware scatter list.  Tables only: shared by codec and device model,
 * holds no logic.
 */
#ifndef SEC_FIELDS_H
#define SEC_FIELDS_H

#include "base/wd_field.h"

#define SEC_SQE_WORDS 32

struct sec_sqe {
	uint32_t w[SEC_SQE_WORDS];
};
_Static_assert(sizeof(struct sec_sqe) == 128,
	       "SEC descriptors are 128 bytes on the ring");

#define WD_FIELD WD_FIELD_ENUM
enum sec_bd2_field {
#include "hw/sec/sec_bd2.def"
	SEC_BD2_FIELDS
};
enum sec_bd3_field {
#include "hw/sec/sec_bd3.def"
	SEC_BD3_FIELDS
};
#undef WD_FIELD
#define WD_FIELD WD_FIELD_ROW
static const struct wd_field sec_bd2_fields[SEC_BD2_FIELDS] = {
#include "hw/sec/sec_bd2.def"
};
static const struct wd_field sec_bd3_fields[SEC_BD3_FIELDS] = {
#include "hw/sec/sec_bd3.def"
};
#undef WD_FIELD

/* c_alg; docs/hw/sec.md#cipher-algorithm */
enum sec_calg {
	SEC_CALG_DES = 0,
	SEC_CALG_3DES = 1,
	SEC_CALG_AES = 2,
	SEC_CALG_SM4 = 3,
};

/* c_mode; docs/hw/sec.md#cipher-mode */
enum sec_cmode {
	SEC_CMODE_ECB = 0,
	SEC_CMODE_CBC = 1,
	SEC_CMODE_CFB = 2,
	SEC_CMODE_OFB = 3,
	SEC_CMODE_CTR = 4,
	SEC_CMODE_CCM = 5,
	SEC_CMODE_GCM = 6,
	SEC_CMODE_XTS = 7,
	SEC_CMODE_CBC_CS = 9,
};

/* a_alg; docs/hw/sec.md#auth-algorithm */
enum sec_aalg {
	SEC_AALG_SHA1 = 0x0,
	SEC_AALG_SHA256 = 0x1,
	SEC_AALG_MD5 = 0x2,
	SEC_AALG_SHA224 = 0x3,
	SEC_AALG_SHA384 = 0x4,
	SEC_AALG_SHA512 = 0x5,
	SEC_AALG_SHA512_224 = 0x6,
	SEC_AALG_SHA512_256 = 0x7,
	SEC_AALG_HMAC_SHA1 = 0x10,
	SEC_AALG_HMAC_SHA256 = 0x11,
	SEC_AALG_HMAC_MD5 = 0x12,
	SEC_AALG_HMAC_SHA224 = 0x13,
	SEC_AALG_HMAC_SHA384 = 0x14,
	SEC_AALG_HMAC_SHA512 = 0x15,
	SEC_AALG_HMAC_SHA512_224 = 0x16,
	SEC_AALG_HMAC_SHA512_256 = 0x17,
	SEC_AALG_XCBC = 0x20,
	SEC_AALG_CMAC = 0x21,
	SEC_AALG_GMAC = 0x22,
	SEC_AALG_SM3 = 0x25,
	SEC_AALG_HMAC_SM3 = 0x26,
};

/* cipher direction field */
enum sec_cipher { SEC_CIPHER_NONE, SEC_CIPHER_ENC, SEC_CIPHER_DEC };

/* src, dst and mac address types */
enum sec_addr_type { SEC_ADDR_FLAT, SEC_ADDR_SGL };

/* icv field of the completion */
#define SEC_ICV_MISMATCH 2

/* Most bytes one descriptor carries, AAD included. */
#define SEC_LEN_MAX 0xFFFE00u
/* Most AAD bytes of a GCM descriptor: its length is also a 16-bit offset. */
#define SEC_AAD_MAX 65535u

/*
 * Hardware scatter list: one block here, 64-byte aligned, entries behind the
 * head: two, or as many more as the memory behind has room for.  Lengths of the
 * job come from the descriptor, so a list may describe more than is used.
 * docs/hw/sec.md#sgl
 */
struct sec_sgl_entry {
	uint64_t addr;
	uint64_t reserved0;
	uint32_t len; /* bytes */
	uint32_t reserved1;
	uint64_t reserved2;
};
_Static_assert(sizeof(struct sec_sgl_entry) == 32, "SGL entries are 32 bytes");

#define SEC_SGL_ENTRIES	  2
#define SEC_SGL_ENTRY_MAX (8u << 20) /* bytes */
struct sec_sgl {
	uint64_t next;		/* bus address of the next block, 0: last */
	uint16_t sum_in_chain;	/* capacity over the chain */
	uint16_t sum_in_sgl;	/* valid entries here */
	uint16_t length_in_sgl; /* capacity here */
	uint16_t reserved0;
	uint8_t reserved1[48];
	struct sec_sgl_entry entry[SEC_SGL_ENTRIES];
};
_Static_assert(sizeof(struct sec_sgl) == 128, "64-byte head and two entries");

/* Bytes of a list of @n entries. */
#define SEC_SGL_BYTES(n) (64 + 32 * (size_t)(n))

#endif
