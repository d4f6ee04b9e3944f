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
enum sec_auth { SEC_AUTH_NONE, SEC_AUTH_MAC };

/* ai_gen field; docs/hw/sec.md#ai-gen */
enum sec_ai_gen { SEC_AI_GEN_INNER, SEC_AI_GEN_ADDR };

/* a_pad field; docs/hw/sec.md#auth-pad */
enum sec_a_pad { SEC_PADDED, SEC_UNPADDED };

/* ctr count mode: the whole block counts; docs/hw/sec.md#counter-mode */
#define SEC_CTR_128 2

/* A separate destination, even if it is the source; #destination */
#define SEC_DE_DST 1

struct sec_mode {
	uint8_t calg, cmode;
	uint8_t unit;	 /* bytes; the length is a multiple of it */
	uint8_t key_max; /* bytes; keys are 16, 24 or 32 up to this */
	uint8_t tag_min; /* bytes; 0: not an AEAD */
};

struct sec_hash {
	uint8_t aalg;
	uint8_t words;	    /* of the digest */
	uint8_t part_words; /* written before the last piece; no meaning */
};

/* One place of a piece in a message, as the fields say it. */
struct sec_place {
	uint8_t ai_gen, pad;
	bool blocks; /* whole blocks only, at least one */
	bool total;  /* the engine pads and needs the length */
};

/* The operation's row, NULL when it is refused.  @empty_ok: see sec_codec. */
const struct sec_mode *sec_mode(const struct sec_cipher_op *op, bool empty_ok);
const struct sec_hash *sec_hash(const struct sec_digest_op *op, bool empty_ok);

/* Only after sec_hash() agreed. */
const struct sec_place *sec_place(const struct sec_digest_op *op);

/* c_key_len: 0, 1, 2 for 16, 24, 32 bytes; SM4, which has one length, too. */
uint32_t sec_key_code(const struct sec_cipher_op *op);

/* The engine's answer as sec_codec.result returns it. */
int sec_outcome(uint32_t done, uint32_t icv, uint32_t error_type);

#endif
