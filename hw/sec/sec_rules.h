/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sec_rules.h - what both descriptor types have in common: which operations
 * exist, what is refused, how an answer is read.  Private to hw/sec.
 */
#ifndef SEC_RULES_H
#define SEC_RULES_H

#include "hw/sec/sec.h"

/* scene field: all the same to one-shot jobs; docs/hw/sec.md#scene */
enum sec_scene { SEC_SCENE_NONE, SEC_SCENE_IPSEC, SEC_SCENE_STREAM = 7 };

/* auth field; docs/hw/sec.md#auth */
enum sec_auth { SEC_AUTH_NONE, SEC_AUTH_MAC, SEC_AUTH_COMPARE };

/* ai_gen field; docs/hw/sec.md#ai-gen */
enum sec_ai_gen { SEC_AI_GEN_INNER, SEC_AI_GEN_ADDR };

/* a_pad field; docs/hw/sec.md#auth-pad */
enum sec_a_pad { SEC_PADDED, SEC_UNPADDED };

/* ctr count mode: the whole block counts; docs/hw/sec.md#counter-mode */
#define SEC_CTR_128 2
/* in XTS: the tweak as GB/T 17964 has it */
#define SEC_XTS_GB  1

/* A separate destination, even if it is the source; #destination */
#define SEC_DE_DST 1

/* Key lengths and their codes; docs/hw/sec.md#cipher-key-length */
enum sec_keys {
	SEC_KEYS_AES,
	SEC_KEYS_AES_XTS,
	SEC_KEYS_SM4,
	SEC_KEYS_SM4_XTS,
	SEC_KEYS_DES3
};

struct sec_mode {
	uint8_t calg, cmode;
	uint8_t keys; /* enum sec_keys */
	bool bd2;     /* the first generation has it too */
	bool no_iv;
	uint8_t unit;	  /* bytes; the length is a multiple of it */
	uint8_t min;	  /* bytes, where not a unit */
	uint8_t tag_min;  /* bytes; 0: not an AEAD */
	uint8_t tag_step; /* tags are multiples of it */
	uint8_t width;	  /* c_width */
	uint8_t ctr;	  /* counter mode of type 3 */
	uint16_t aad_max; /* bytes */
};

struct sec_hash {
	uint8_t aalg, hmac;
	uint8_t words;	     /* of the digest */
	uint8_t part_words;  /* written before the last piece; no meaning */
	uint8_t state_words; /* saved between pieces */
	uint8_t block;	     /* bytes */
	uint8_t authenc;     /* from this type on; 0: never */
};

struct sec_mac {
	uint8_t aalg, scene, ai_gen;
	uint8_t key_max; /* bytes; 16, 24, 32 up to this */
	bool bd2;
	bool empty_ok;
};

/* One place of a piece in a message, as the fields say it. */
struct sec_place {
	uint8_t ai_gen, pad;
	bool blocks; /* whole blocks only, at least one */
	bool total;  /* the engine pads and needs the length */
};

/* The operation's row, NULL when type @type refuses it. */
const struct sec_mode *sec_mode(const struct sec_cipher_op *op, uint8_t type);
const struct sec_mode *sec_authenc_mode(const struct sec_authenc_op *op,
					uint8_t type);
const struct sec_hash *sec_hash(const struct sec_digest_op *op, uint8_t type);
const struct sec_mac *sec_mac(const struct sec_mac_op *op, uint8_t type);

/* Only after one of the above agreed. */
const struct sec_place *sec_place(const struct sec_digest_op *op);
const struct sec_hash *sec_hash_row(enum sec_digest_alg alg);
uint32_t sec_key_code(const struct sec_mode *m, uint8_t key_len);

/* The engine's answer as sec_codec.result returns it. */
int sec_outcome(uint32_t done, uint32_t icv, uint32_t error_type);

#endif
