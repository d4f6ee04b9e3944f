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

/* Which generation has which: docs/hw/sec.md#cipher-mode. */
enum sec_cipher_alg {
	SEC_AES_CBC,
	SEC_AES_CTR,
	SEC_AES_GCM,
	SEC_SM4_CBC,
	SEC_AES_ECB,
	SEC_AES_CFB, /* of 128 bits */
	SEC_AES_OFB,
	SEC_AES_XTS,
	SEC_AES_CBC_CS1, /* ciphertext stealing */
	SEC_AES_CBC_CS2,
	SEC_AES_CBC_CS3,
	SEC_AES_CCM,
	SEC_SM4_ECB,
	SEC_SM4_CFB,
	SEC_SM4_OFB,
	SEC_SM4_CTR,
	SEC_SM4_XTS,	/* IEEE 1619 */
	SEC_SM4_XTS_GB, /* GB/T 17964 */
	SEC_SM4_GCM,
	SEC_SM4_CCM,
	SEC_DES3_ECB,
	SEC_DES3_CBC,
	SEC_CIPHER_ALGS
};

enum sec_digest_alg {
	SEC_SHA256,
	SEC_SM3,
	SEC_MD5,
	SEC_SHA1,
	SEC_SHA224,
	SEC_SHA384,
	SEC_SHA512,
	SEC_SHA512_224,
	SEC_SHA512_256,
	SEC_DIGEST_ALGS
};

enum sec_mac_alg { SEC_AES_CMAC, SEC_AES_GMAC, SEC_MAC_ALGS };

struct sec_cipher_op {
	enum sec_cipher_alg alg;
	bool encrypt;
	bool src_sgl, dst_sgl; /* addresses of a struct sec_sgl */
	uint8_t key_len;  /* AES 16, 24, 32; SM4 16; 3DES 24, 16 (two keys);
				* XTS: both halves, AES 32, 64, SM4 32 */
	uint8_t tag_len;  /* GCM: 8 to 16; CCM: 4 to 16, even; else 0 */
	uint32_t aad_len; /* AEAD; source and destination begin with it */
	uint32_t len;	  /* payload, without AAD */
	uint64_t key;
	uint64_t iv;  /* a block, 16 bytes, 3DES 8; ECB: none; GCM: the device
		      * reads 12; CCM: sec_ccm_blocks() */
	uint64_t src; /* AAD | payload */
	uint64_t dst; /* same offsets; equal to src: in place */
	uint64_t mac; /* AEAD tag: written (encrypt) or compared (decrypt) */
	uint64_t tag; /* comes back untouched; type 2 keeps 16 bits */
	uint64_t b0;  /* CCM: the MAC's first block; else not looked at */
};

/*
 * CBC, then an HMAC of AAD and ciphertext.  In @cipher, alg is AES_CBC or
 * SM4_CBC and tag_len the bytes of the MAC, a multiple of 4.
 */
struct sec_authenc_op {
	struct sec_cipher_op cipher;
	enum sec_digest_alg alg; /* SHA-1, SHA-256, SHA-512, SM3 */
	uint8_t key_len;	 /* as in struct sec_digest_op */
	uint64_t key;
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
		       * for MIDDLE and LAST: the same sec_digest_state() bytes */
	uint64_t tag;

	bool src_sgl;	 /* ONE_SHOT and LAST */
	uint8_t out_len; /* bytes of the digest, a multiple of 4; 0: all */
	uint8_t key_len; /* HMAC: a multiple of 4, at most a block, zero-filled
			  * by the caller; 0: a plain digest */
	uint64_t key;	 /* HMAC: with every piece */
};

/* One message, one descriptor. */
struct sec_mac_op {
	enum sec_mac_alg alg;
	uint8_t key_len; /* CMAC 16; GMAC 16, 24, 32 */
	uint8_t out_len; /* bytes, a multiple of 4, up to 16; 0: all */
	bool src_sgl;
	uint32_t len; /* GMAC: may be 0 */
	uint64_t key;
	uint64_t iv; /* GMAC: 16 bytes, nonce of 12 and four of 0 */
	uint64_t src;
	uint64_t mac;
	uint64_t tag;
};

struct sec_codec {
	const char *name; /* "BD2", "BD3" */
	const struct wd_field *fields;
	size_t field_count;

	/* Return 0 and a full descriptor, or -EINVAL with nothing written:
	 * algorithm unknown or not of this generation, key or tag length,
	 * length not a multiple of the block where it must be, below the mode's
	 * least, 0, or above SEC_LEN_MAX, address 0. */
	int (*cipher)(struct sec_sqe *sqe, const struct sec_cipher_op *op);
	int (*authenc)(struct sec_sqe *sqe, const struct sec_authenc_op *op);
	int (*digest)(struct sec_sqe *sqe, const struct sec_digest_op *op);
	int (*mac)(struct sec_sqe *sqe, const struct sec_mac_op *op);

	/* Return 0 done and valid; -EINPROGRESS not processed; -EBADMSG tag
	 * mismatch; -EIO refused or failed. */
	int (*result)(const struct sec_sqe *sqe);

	uint64_t (*tag)(const struct sec_sqe *sqe);

	uint8_t type; /* 2, 3 */

	/* Zero-length one-shot digests and AEAD payloads: V3 and later. */
	bool empty_ok;
};

/* Codec of a hardware generation: qm_version 2 type 2, from 3 on type 3;
 * NULL for V1, whose descriptors differ. */
const struct sec_codec *sec_codec(unsigned int qm_version);

/* What a generation offers; digests, plain and HMAC, both do all. */
bool sec_offers_cipher(const struct sec_codec *c, enum sec_cipher_alg alg);
bool sec_offers_mac(const struct sec_codec *c, enum sec_mac_alg alg);
bool sec_offers_authenc(const struct sec_codec *c, enum sec_cipher_alg cipher,
			enum sec_digest_alg digest);

/* Most bytes of a cipher's key, of a tag; of GMAC's nonce. */
#define SEC_CIPHER_KEY_MAX 64
#define SEC_TAG_MAX	   16
#define SEC_GMAC_NONCE	   12

/* Is this a length of what the mode starts from?  A block; ECB 0; GCM 12;
 * CCM 7 to 13: a nonce for sec_ccm_blocks(). */
bool sec_iv_ok(enum sec_cipher_alg alg, size_t len);
bool sec_is_ccm(enum sec_cipher_alg alg);

/* Bytes of a digest; of what first and middle pieces are multiples of; of the
 * state saved between pieces.  0: not an algorithm here. */
size_t sec_digest_size(enum sec_digest_alg alg);
size_t sec_digest_block(enum sec_digest_alg alg);
size_t sec_digest_state(enum sec_digest_alg alg);

/**
 * sec_ccm_blocks() - what CCM wants at op.iv and op.b0
 * @ctr:   counter block 1
 * @b0:	   first block of the MAC
 * @op:	   tag_len, aad_len and len are looked at
 * @nonce: @n bytes, 7 to 13
 *
 * Return: 0; -EINVAL with nothing written: lengths CCM does not have, or a
 *	   payload whose length does not fit the 15 - @n bytes left for it.
 */
int sec_ccm_blocks(uint8_t ctr[16], uint8_t b0[16],
		   const struct sec_cipher_op *op, const uint8_t *nonce,
		   size_t n);

/* An empty list with room for @entries, SEC_SGL_BYTES() of memory, at most 255.
 */
void sec_sgl_init(struct sec_sgl *sgl, uint16_t entries);

/* Append; no bytes get no entry, very many several.
 * Return: 0; -ENOSPC with nothing appended. */
int sec_sgl_add(struct sec_sgl *sgl, uint64_t addr, uint32_t len);

#endif
