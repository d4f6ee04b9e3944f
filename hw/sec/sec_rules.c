/* SPDX-License-Identifier: Apache-2.0 */
#include "hw/sec/sec_rules.h"

#include <errno.h>

#include "base/wd_base.h"

#define SEC_CCM_AAD_MAX 65279u

/* clang-format off */
#define AES SEC_CALG_AES
#define SM4 SEC_CALG_SM4
#define DES3 SEC_CALG_3DES
#define GCM .unit = 1, .tag_min = 8, .tag_step = 1, .aad_max = SEC_AAD_MAX
#define CCM .unit = 1, .tag_min = 4, .tag_step = 2, .aad_max = SEC_CCM_AAD_MAX
/* Stealing needs more than a block: exactly one is plain CBC, ask for that. */
#define CS(n) .unit = 1, .min = 17, .width = (n)

/* docs/hw/sec.md#cipher-mode */
static const struct sec_mode sec_modes[SEC_CIPHER_ALGS] = {
	[SEC_AES_ECB] = { AES, SEC_CMODE_ECB, SEC_KEYS_AES, true, true, 16 },
	[SEC_AES_CBC] = { AES, SEC_CMODE_CBC, SEC_KEYS_AES, true, .unit = 16 },
	[SEC_AES_CFB] = { AES, SEC_CMODE_CFB, SEC_KEYS_AES, false, .unit = 1 },
	[SEC_AES_OFB] = { AES, SEC_CMODE_OFB, SEC_KEYS_AES, false, .unit = 1 },
	[SEC_AES_CTR] = { AES, SEC_CMODE_CTR, SEC_KEYS_AES, true, .unit = 1,
		.ctr = SEC_CTR_128 },
	[SEC_AES_XTS] = { AES, SEC_CMODE_XTS, SEC_KEYS_AES_XTS, true,
		.unit = 1, .min = 16 },
	[SEC_AES_CBC_CS1] = { AES, SEC_CMODE_CBC_CS, SEC_KEYS_AES, true, CS(1) },
	[SEC_AES_CBC_CS2] = { AES, SEC_CMODE_CBC_CS, SEC_KEYS_AES, true, CS(2) },
	[SEC_AES_CBC_CS3] = { AES, SEC_CMODE_CBC_CS, SEC_KEYS_AES, true, CS(3) },
	[SEC_AES_GCM] = { AES, SEC_CMODE_GCM, SEC_KEYS_AES, true, GCM },
	[SEC_AES_CCM] = { AES, SEC_CMODE_CCM, SEC_KEYS_AES, true, CCM },
	[SEC_SM4_ECB] = { SM4, SEC_CMODE_ECB, SEC_KEYS_SM4, true, true, 16 },
	[SEC_SM4_CBC] = { SM4, SEC_CMODE_CBC, SEC_KEYS_SM4, true, .unit = 16 },
	[SEC_SM4_CFB] = { SM4, SEC_CMODE_CFB, SEC_KEYS_SM4, false, .unit = 1 },
	[SEC_SM4_OFB] = { SM4, SEC_CMODE_OFB, SEC_KEYS_SM4, false, .unit = 1 },
	[SEC_SM4_CTR] = { SM4, SEC_CMODE_CTR, SEC_KEYS_SM4, true, .unit = 1,
		.ctr = SEC_CTR_128 },
	[SEC_SM4_XTS] = { SM4, SEC_CMODE_XTS, SEC_KEYS_SM4_XTS, true,
		.unit = 1, .min = 16 },
	[SEC_SM4_XTS_GB] = { SM4, SEC_CMODE_XTS, SEC_KEYS_SM4_XTS, false,
		.unit = 1, .min = 16, .ctr = SEC_XTS_GB },
	[SEC_SM4_GCM] = { SM4, SEC_CMODE_GCM, SEC_KEYS_SM4, false, GCM },
	[SEC_SM4_CCM] = { SM4, SEC_CMODE_CCM, SEC_KEYS_SM4, false, CCM },
	[SEC_DES3_ECB] = { DES3, SEC_CMODE_ECB, SEC_KEYS_DES3, true, true, 8 },
	[SEC_DES3_CBC] = { DES3, SEC_CMODE_CBC, SEC_KEYS_DES3, true, .unit = 8 },
};

/* docs/hw/sec.md#cipher-key-length */
static const struct {
	uint8_t bytes, code;
} sec_key_codes[][3] = {
	[SEC_KEYS_AES] = { { 16, 0 }, { 24, 1 }, { 32, 2 } },
	[SEC_KEYS_AES_XTS] = { { 32, 0 }, { 64, 2 } },
	[SEC_KEYS_SM4] = { { 16, 0 } },
	[SEC_KEYS_SM4_XTS] = { { 32, 0 } },
	[SEC_KEYS_DES3] = { { 24, 1 }, { 16, 3 } },
};

/* part_words of plain digests: as UADK writes them; docs/hw/sec.md#mac-length */
static const struct sec_hash sec_hashes[SEC_DIGEST_ALGS] = {
	[SEC_MD5] = { SEC_AALG_MD5, SEC_AALG_HMAC_MD5, 4, 0, 4, 64, 0 },
	[SEC_SHA1] = { SEC_AALG_SHA1, SEC_AALG_HMAC_SHA1, 5, 0, 5, 64, 2 },
	[SEC_SHA224] = { SEC_AALG_SHA224, SEC_AALG_HMAC_SHA224, 7, 0, 8, 64, 0 },
	[SEC_SHA256] = { SEC_AALG_SHA256, SEC_AALG_HMAC_SHA256, 8, 0, 8, 64, 2 },
	[SEC_SHA384] = { SEC_AALG_SHA384, SEC_AALG_HMAC_SHA384, 12, 0, 16, 128, 0 },
	[SEC_SHA512] = { SEC_AALG_SHA512, SEC_AALG_HMAC_SHA512, 16, 0, 16, 128, 2 },
	[SEC_SHA512_224] = { SEC_AALG_SHA512_224, SEC_AALG_HMAC_SHA512_224, 7, 0, 16,
		128, 0 },
	[SEC_SHA512_256] = { SEC_AALG_SHA512_256, SEC_AALG_HMAC_SHA512_256, 8, 0, 16,
		128, 0 },
	[SEC_SM3] = { SEC_AALG_SM3, SEC_AALG_HMAC_SM3, 8, 8, 8, 64, 3 },
};

/* docs/hw/sec.md#macs */
static const struct sec_mac sec_macs[SEC_MAC_ALGS] = {
	[SEC_AES_CMAC] = { SEC_AALG_CMAC, SEC_SCENE_STREAM, SEC_AI_GEN_INNER,
		.key_max = 16 },
	[SEC_AES_GMAC] = { SEC_AALG_GMAC, SEC_SCENE_IPSEC, SEC_AI_GEN_ADDR,
		.key_max = 32, .empty_ok = true },
};
/* clang-format on */

static const struct sec_place sec_places[] = {
	[SEC_ONE_SHOT] = { SEC_AI_GEN_INNER, SEC_PADDED, false, false },
	[SEC_FIRST] = { SEC_AI_GEN_INNER, SEC_UNPADDED, true, false },
	[SEC_MIDDLE] = { SEC_AI_GEN_ADDR, SEC_UNPADDED, true, false },
	[SEC_LAST] = { SEC_AI_GEN_ADDR, SEC_PADDED, false, true },
};

#define SEC_NO_KEY UINT32_MAX

uint32_t sec_key_code(const struct sec_mode *m, uint8_t key_len)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(sec_key_codes[0]); i++)
		if (key_len && sec_key_codes[m->keys][i].bytes == key_len)
			return sec_key_codes[m->keys][i].code;
	return SEC_NO_KEY;
}

/* Empty messages of what authenticates: V3 and later. */
static bool sec_empty_ok(uint8_t type)
{
	return type >= 3;
}

static bool sec_tag_ok(const struct sec_mode *m, const struct sec_cipher_op *op)
{
	if (!m->tag_min)
		return !op->tag_len && !op->aad_len;
	if (op->tag_len % m->tag_step || op->aad_len > m->aad_max)
		return false;
	return op->tag_len >= m->tag_min && op->tag_len <= SEC_TAG_MAX;
}

static bool sec_len_ok(const struct sec_mode *m, const struct sec_cipher_op *op,
		       uint8_t type)
{
	if (!op->len && !(m->tag_min && sec_empty_ok(type)))
		return false;
	return op->len % m->unit == 0 && op->len >= m->min &&
	       op->len <= SEC_LEN_MAX - op->aad_len;
}

static bool sec_addresses_ok(const struct sec_mode *m,
			     const struct sec_cipher_op *op)
{
	if (!op->key || !op->src || !op->dst || (!op->iv && !m->no_iv))
		return false;
	return (op->mac || !m->tag_min) &&
	       (op->b0 || m->cmode != SEC_CMODE_CCM);
}

static const struct sec_mode *sec_mode_row(enum sec_cipher_alg alg,
					   uint8_t type)
{
	const struct sec_mode *m;

	if ((unsigned int)alg >= SEC_CIPHER_ALGS)
		return NULL;
	m = &sec_modes[alg];
	return type >= 3 || m->bd2 ? m : NULL;
}

const struct sec_mode *sec_mode(const struct sec_cipher_op *op, uint8_t type)
{
	const struct sec_mode *m = sec_mode_row(op->alg, type);

	if (!m || sec_key_code(m, op->key_len) == SEC_NO_KEY ||
	    !sec_tag_ok(m, op) || !sec_len_ok(m, op, type))
		return NULL;
	return sec_addresses_ok(m, op) ? m : NULL;
}

const struct sec_hash *sec_hash_row(enum sec_digest_alg alg)
{
	return (unsigned int)alg < SEC_DIGEST_ALGS ? &sec_hashes[alg] : NULL;
}

/* A MAC key of @len bytes, in words. */
static bool sec_words_ok(unsigned int len, unsigned int max)
{
	return len && len <= max && len % 4 == 0;
}

static bool sec_authenc_row_ok(enum sec_cipher_alg cipher,
			       const struct sec_hash *h, uint8_t type)
{
	if (!h || !h->authenc || type < h->authenc)
		return false;
	return cipher == SEC_AES_CBC || (cipher == SEC_SM4_CBC && type >= 3);
}

const struct sec_mode *sec_authenc_mode(const struct sec_authenc_op *op,
					uint8_t type)
{
	const struct sec_hash *h = sec_hash_row(op->alg);
	struct sec_cipher_op cbc = op->cipher;

	if (!sec_authenc_row_ok(cbc.alg, h, type) || !op->key || !cbc.mac ||
	    !sec_words_ok(op->key_len, h->block) ||
	    !sec_words_ok(cbc.tag_len, h->words * 4u) ||
	    cbc.aad_len > SEC_AAD_MAX || cbc.len > SEC_LEN_MAX - cbc.aad_len)
		return NULL;
	cbc.tag_len = 0;
	cbc.aad_len = 0;
	return sec_mode(&cbc, type);
}

/* Pieces before this one were whole blocks, and at least one. */
static bool sec_total_ok(const struct sec_digest_op *op, unsigned int block)
{
	const uint64_t bytes = op->total_bits / 8;

	return op->total_bits % 8 == 0 && bytes > op->len &&
	       (bytes - op->len) % block == 0;
}

static bool sec_piece_ok(const struct sec_digest_op *op,
			 const struct sec_hash *h, uint8_t type)
{
	const struct sec_place *at = &sec_places[op->part];

	if (op->len > SEC_LEN_MAX || (op->len && !op->src))
		return false;
	if (at->blocks)
		return op->len && op->len % h->block == 0 && !op->src_sgl;
	if (at->total)
		return sec_total_ok(op, h->block);
	return op->len || sec_empty_ok(type);
}

const struct sec_hash *sec_hash(const struct sec_digest_op *op, uint8_t type)
{
	const struct sec_hash *h = sec_hash_row(op->alg);

	if (!h || (unsigned int)op->part > SEC_LAST || !op->mac ||
	    (op->out_len && !sec_words_ok(op->out_len, h->words * 4u)) ||
	    (op->key_len && (!op->key || !sec_words_ok(op->key_len, h->block))))
		return NULL;
	return sec_piece_ok(op, h, type) ? h : NULL;
}

const struct sec_mac *sec_mac(const struct sec_mac_op *op, uint8_t type)
{
	const struct sec_mac *m;

	if ((unsigned int)op->alg >= SEC_MAC_ALGS)
		return NULL;
	m = &sec_macs[op->alg];
	if (type < 3 && !m->bd2)
		return NULL;
	if (op->key_len < 16 || op->key_len > m->key_max || op->key_len % 8 ||
	    (op->out_len && !sec_words_ok(op->out_len, SEC_TAG_MAX)))
		return NULL;
	if (op->len > SEC_LEN_MAX || (op->len ? !op->src : !m->empty_ok))
		return NULL;
	return op->key && op->mac && (op->iv || m->ai_gen != SEC_AI_GEN_ADDR)
		       ? m
		       : NULL;
}

const struct sec_place *sec_place(const struct sec_digest_op *op)
{
	return &sec_places[op->part];
}

bool sec_offers_cipher(const struct sec_codec *c, enum sec_cipher_alg alg)
{
	return sec_mode_row(alg, c->type);
}

bool sec_offers_mac(const struct sec_codec *c, enum sec_mac_alg alg)
{
	return (unsigned int)alg < SEC_MAC_ALGS &&
	       (c->type >= 3 || sec_macs[alg].bd2);
}

bool sec_offers_authenc(const struct sec_codec *c, enum sec_cipher_alg cipher,
			enum sec_digest_alg digest)
{
	return sec_authenc_row_ok(cipher, sec_hash_row(digest), c->type);
}

bool sec_is_ccm(enum sec_cipher_alg alg)
{
	return alg == SEC_AES_CCM || alg == SEC_SM4_CCM;
}

bool sec_iv_ok(enum sec_cipher_alg alg, size_t len)
{
	const struct sec_mode *m = sec_mode_row(alg, 3);

	if (!m || m->no_iv)
		return m && !len;
	if (m->cmode == SEC_CMODE_CCM)
		return len >= 7 && len <= 13;
	if (m->cmode == SEC_CMODE_GCM)
		return len == 12;
	return len == (m->calg == SEC_CALG_3DES ? 8 : 16);
}

size_t sec_digest_size(enum sec_digest_alg alg)
{
	const struct sec_hash *h = sec_hash_row(alg);

	return h ? h->words * 4u : 0;
}

size_t sec_digest_block(enum sec_digest_alg alg)
{
	const struct sec_hash *h = sec_hash_row(alg);

	return h ? h->block : 0;
}

size_t sec_digest_state(enum sec_digest_alg alg)
{
	const struct sec_hash *h = sec_hash_row(alg);

	return h ? h->state_words * 4u : 0;
}

int sec_ccm_blocks(uint8_t ctr[16], uint8_t b0[16],
		   const struct sec_cipher_op *op, const uint8_t *nonce,
		   size_t n)
{
	const struct sec_mode *m = &sec_modes[SEC_AES_CCM];
	const size_t l = 15 - n; /* bytes of the length */

	if (n < 7 || n > 13 || !sec_tag_ok(m, op) ||
	    (l < 4 && op->len >> (8 * l)))
		return -EINVAL;

	memset(ctr, 0, 16);
	memset(b0, 0, 16);
	ctr[0] = (uint8_t)(l - 1);
	b0[0] = (uint8_t)((op->aad_len ? 0x40 : 0) |
			  (op->tag_len - 2u) / 2 << 3 | (l - 1));
	memcpy(ctr + 1, nonce, n);
	memcpy(b0 + 1, nonce, n);
	ctr[15] = 1;
	for (size_t i = 0; i < 4 && i < l; i++)
		b0[15 - i] = (uint8_t)(op->len >> (8 * i));
	return 0;
}

int sec_outcome(uint32_t done, uint32_t icv, uint32_t error_type)
{
	if (error_type)
		return -EIO;
	if (!done)
		return -EINPROGRESS;
	return icv == SEC_ICV_MISMATCH ? -EBADMSG : 0;
}

/* Entries lie behind the head, also those the struct does not count. */
static struct sec_sgl_entry *sec_sgl_entry(struct sec_sgl *sgl, unsigned int i)
{
	uint8_t *entries = (uint8_t *)sgl + offsetof(struct sec_sgl, entry);

	return (struct sec_sgl_entry *)(void *)entries + i;
}

void sec_sgl_init(struct sec_sgl *sgl, uint16_t entries)
{
	memset(sgl, 0, SEC_SGL_BYTES(entries));
	sgl->sum_in_chain = entries;
	sgl->length_in_sgl = entries;
}

int sec_sgl_add(struct sec_sgl *sgl, uint64_t addr, uint32_t len)
{
	unsigned int more = (len + SEC_SGL_ENTRY_MAX - 1) / SEC_SGL_ENTRY_MAX;

	if (sgl->sum_in_sgl + more > sgl->length_in_sgl)
		return -ENOSPC;
	while (len) {
		uint32_t n = len < SEC_SGL_ENTRY_MAX ? len : SEC_SGL_ENTRY_MAX;

		*sec_sgl_entry(sgl, sgl->sum_in_sgl++) =
			(struct sec_sgl_entry){ .addr = addr, .len = n };
		addr += n;
		len -= n;
	}
	return 0;
}
