/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sec.h - ciphers, AEAD and digests as SEC descriptors.
 *
 * Pure functions: operation in, descriptor out, and back.  They know no queue,
 * no thread and no OpenSSL, allocate nothing and keep nothing.  Kunpeng 920
 * (QM V2) takes descriptor type 2, later parts type 3: the same operations
 * behind one ops table.  Lengths are bytes, addresses are bus addresses, keys,
 * IVs and data are byte strings in natural order.  Facts: docs/hw/sec.md.
 */
#ifndef SEC_H
#define SEC_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/sec/sec_fields.h"

enum sec_cipher_alg {
	SEC_AES_CBC,
	SEC_AES_CTR,
	SEC_AES_GCM,
	SEC_SM4_CBC,
	SEC_CIPHER_ALGS
};

enum sec_digest_alg { SEC_SHA256, SEC_SM3, SEC_DIGEST_ALGS };

struct sec_cipher_op {
	enum sec_cipher_alg alg;
	bool encrypt;
	bool src_sgl, dst_sgl; /* address is that of a struct sec_sgl */
	uint8_t key_len;       /* 16, 24, 32; SM4: 16 */
	uint8_t tag_len;       /* GCM: 8 to 16; else 0 */
	uint32_t aad_len;      /* GCM; source and destination begin with it */
	uint32_t len;	       /* payload, without AAD */
	uint64_t key;
	uint64_t iv;  /* 16 bytes; GCM: the device reads 12 */
	uint64_t src; /* AAD | payload */
	uint64_t dst; /* same offsets; equal to src: in place */
	uint64_t mac; /* GCM tag: written (encrypt) or compared (decrypt) */
	uint64_t tag; /* comes back untouched; type 2 keeps 16 bits */
};

/* Where a piece stands in a message. */
enum sec_part { SEC_ONE_SHOT, SEC_FIRST, SEC_MIDDLE, SEC_LAST };

#define SEC_DIGEST_BLOCK 64 /* bytes, SM3 and SHA-256 */
#define SEC_DIGEST_STATE 32 /* bytes the device saves between pieces */

struct sec_digest_op {
	enum sec_digest_alg alg;
	enum sec_part part;
	uint32_t len;	     /* FIRST, MIDDLE: multiple of the block, not 0 */
	uint64_t total_bits; /* LAST: the whole message, this piece included */
	uint64_t src;
	uint64_t mac; /* state (FIRST, MIDDLE) or digest out; state in as well
		       * for MIDDLE and LAST: the same 32 bytes */
	uint64_t tag;
};

struct sec_codec {
	const char *name; /* "BD2", "BD3" */
	const struct wd_field *fields;
	size_t field_count;

	/* Return 0 and a full descriptor, or -EINVAL with nothing written:
	 * unknown algorithm, key or tag length, length not a multiple of the
	 * block (CBC), 0, or above SEC_LEN_MAX, address 0. */
	int (*cipher)(struct sec_sqe *sqe, const struct sec_cipher_op *op);
	int (*digest)(struct sec_sqe *sqe, const struct sec_digest_op *op);

	/* Return 0 done and valid; -EINPROGRESS not processed; -EBADMSG tag
	 * mismatch; -EIO refused or failed. */
	int (*result)(const struct sec_sqe *sqe);

	uint64_t (*tag)(const struct sec_sqe *sqe);

	/* Zero-length one-shot digests and AEAD payloads: V3 and later. */
	bool empty_ok;
};

/* Codec of a hardware generation: qm_version 2 type 2, from 3 on type 3;
 * NULL for V1, whose descriptors differ. */
const struct sec_codec *sec_codec(unsigned int qm_version);

/* Fill a two-entry list: @first_len bytes at @first, then @second; a part of
 * no bytes gets no entry. */
void sec_sgl_fill(struct sec_sgl *sgl, uint64_t first, uint32_t first_len,
		  uint64_t second, uint32_t second_len);

#endif
