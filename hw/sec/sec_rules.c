/* SPDX-License-Identifier: Apache-2.0 */
#include "hw/sec/sec_rules.h"

#include <errno.h>

#define SEC_TAG_MAX 16 /* bytes */

static const struct sec_mode sec_modes[SEC_CIPHER_ALGS] = {
	[SEC_AES_CBC] = { SEC_CALG_AES, SEC_CMODE_CBC, 16, 32, 0 },
	[SEC_AES_CTR] = { SEC_CALG_AES, SEC_CMODE_CTR, 1, 32, 0 },
	[SEC_AES_GCM] = { SEC_CALG_AES, SEC_CMODE_GCM, 1, 32, 8 },
	[SEC_SM4_CBC] = { SEC_CALG_SM4, SEC_CMODE_CBC, 16, 16, 0 },
};

/* part_words: as UADK writes them; docs/hw/sec.md#mac-length */
static const struct sec_hash sec_hashes[SEC_DIGEST_ALGS] = {
	[SEC_SHA256] = { SEC_AALG_SHA256, 8, 0 },
	[SEC_SM3] = { SEC_AALG_SM3, 8, 8 },
};

static const struct sec_place sec_places[] = {
	[SEC_ONE_SHOT] = { SEC_AI_GEN_INNER, SEC_PADDED, false, false },
	[SEC_FIRST] = { SEC_AI_GEN_INNER, SEC_UNPADDED, true, false },
	[SEC_MIDDLE] = { SEC_AI_GEN_ADDR, SEC_UNPADDED, true, false },
	[SEC_LAST] = { SEC_AI_GEN_ADDR, SEC_PADDED, false, true },
};

static bool sec_key_ok(const struct sec_mode *m, uint8_t len)
{
	return len >= 16 && len <= m->key_max && len % 8 == 0;
}

static bool sec_tag_ok(const struct sec_mode *m, const struct sec_cipher_op *op)
{
	if (!m->tag_min)
		return !op->tag_len && !op->aad_len;
	return op->tag_len >= m->tag_min && op->tag_len <= SEC_TAG_MAX &&
	       op->aad_len <= SEC_AAD_MAX && op->mac;
}

static bool sec_len_ok(const struct sec_mode *m, const struct sec_cipher_op *op,
		       bool empty_ok)
{
	if (!op->len && !(m->tag_min && empty_ok))
		return false;
	return op->len % m->unit == 0 && op->len <= SEC_LEN_MAX - op->aad_len;
}

const struct sec_mode *sec_mode(const struct sec_cipher_op *op, bool empty_ok)
{
	const struct sec_mode *m;

	if ((unsigned int)op->alg >= SEC_CIPHER_ALGS)
		return NULL;
	m = &sec_modes[op->alg];
	if (!sec_key_ok(m, op->key_len) || !sec_tag_ok(m, op) ||
	    !sec_len_ok(m, op, empty_ok))
		return NULL;
	return op->key && op->iv && op->src && op->dst ? m : NULL;
}

static bool sec_piece_ok(const struct sec_digest_op *op, bool empty_ok)
{
	const struct sec_place *at = &sec_places[op->part];

	if (op->len > SEC_LEN_MAX || (op->len && !op->src))
		return false;
	if (at->blocks)
		return op->len && op->len % SEC_DIGEST_BLOCK == 0;
	if (at->total)
		return op->total_bits % 8 == 0 && op->total_bits / 8 >= op->len;
	return op->len || empty_ok;
}

const struct sec_hash *sec_hash(const struct sec_digest_op *op, bool empty_ok)
{
	if ((unsigned int)op->alg >= SEC_DIGEST_ALGS ||
	    (unsigned int)op->part > SEC_LAST || !op->mac ||
	    !sec_piece_ok(op, empty_ok))
		return NULL;
	return &sec_hashes[op->alg];
}

const struct sec_place *sec_place(const struct sec_digest_op *op)
{
	return &sec_places[op->part];
}

uint32_t sec_key_code(const struct sec_cipher_op *op)
{
	return op->key_len / 8u - 2;
}

int sec_outcome(uint32_t done, uint32_t icv, uint32_t error_type)
{
	if (error_type)
		return -EIO;
	if (!done)
		return -EINPROGRESS;
	return icv == SEC_ICV_MISMATCH ? -EBADMSG : 0;
}

void sec_sgl_fill(struct sec_sgl *sgl, uint64_t first, uint32_t first_len,
		  uint64_t second, uint32_t second_len)
{
	uint16_t n = 0;

	*sgl = (struct sec_sgl){ 0 };
	if (first_len)
		sgl->entry[n++] = (struct sec_sgl_entry){ .addr = first,
							  .len = first_len };
	if (second_len)
		sgl->entry[n++] = (struct sec_sgl_entry){ .addr = second,
							  .len = second_len };
	sgl->sum_in_chain = SEC_SGL_ENTRIES;
	sgl->sum_in_sgl = n;
	sgl->length_in_sgl = SEC_SGL_ENTRIES;
}
