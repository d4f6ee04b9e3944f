/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_sec_aead.c - GCM, CCM, and CBC with an HMAC.
 *
 * As on silicon a message with a wrong tag has its plaintext written before
 * that is known, and says so with icv = 2: the driver must not hand it on.
 */
#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_sec.h"

#define GCM_IV_BYTES 12
#define CCM_AAD_MAX  65279 /* its length takes two bytes */

/* ---- what all three share ---- */

/* Text to the destination and the full tag or MAC. */
typedef enum sec_error (*text_fn)(const struct sec_run *r, uint8_t *tag);

static enum sec_error text_or_recall(const struct sec_run *r, text_fn text,
				     uint8_t tag[SEC_MAC_MAX])
{
	/* CCM's first block */
	size_t state = sec_get(r, F_C_MODE) == SEC_CMODE_CCM ? SEC_BLOCK : 0;
	struct sec_memo memo;
	enum sec_error rc;

	memset(tag, 0, SEC_MAC_MAX);
	if (sec_recall(r, &memo, state, tag, SEC_MAC_MAX))
		return E_NONE;
	rc = text(r, tag);
	sec_remember(r, &memo, tag, SEC_MAC_MAX, !rc);
	return rc;
}

static enum sec_error seal(struct sec_run *r, text_fn text, uint32_t tag_len)
{
	uint64_t mac = sec_get64(r, F_MAC_LO);
	uint8_t tag[SEC_MAC_MAX];
	enum sec_error rc;

	if (!emu_reach(r->dma, mac, tag_len, true))
		return E_ADDR;
	rc = text_or_recall(r, text, tag);
	if (rc)
		return rc;
	sec_corrupt_data(r);
	if (r->job->corrupt && !sec_get(r, F_C_LEN))
		tag[0] ^= 0x55;
	return sec_store(r, mac, tag, tag_len);
}

static enum sec_error open_sealed(struct sec_run *r, text_fn text,
				  uint32_t tag_len)
{
	uint8_t tag[SEC_MAC_MAX], expected[SEC_MAC_MAX];
	enum sec_error rc;

	rc = sec_fetch(r, sec_get64(r, F_MAC_LO), expected, tag_len);
	if (!rc)
		rc = text_or_recall(r, text, tag);
	if (rc)
		return rc;
	sec_corrupt_data(r);
	if (!wd_equal_ct(tag, expected, tag_len))
		r->icv = SEC_ICV_MISMATCH;
	wd_wipe(tag, sizeof(tag));
	return E_NONE;
}

static enum sec_error run_text(struct sec_run *r, text_fn text,
			       uint32_t tag_len)
{
	r->flag = 3;
	return sec_encrypts(r) ? seal(r, text, tag_len)
			       : open_sealed(r, text, tag_len);
}

/* Order and extent, alike for all three. */
static enum sec_error check_shape(const struct sec_run *r, uint32_t aad)
{
	uint32_t len = sec_get(r, F_C_LEN);

	if (sec_get(r, F_SCENE) > 1) /* 7: parts of a stream, not here */
		return E_ALG;
	if (sec_get(r, F_SEQ) == sec_encrypts(r))
		return E_FIELD;
	if (sec_get(r, F_A_OFFSET) || sec_get(r, F_C_OFFSET) != aad)
		return aad > SEC_AAD_MAX ? E_LENGTH : E_OFFSET;
	if (aad + len > SEC_LEN_MAX || (!len && !sec_is_v3(r)))
		return E_LENGTH;
	return E_NONE;
}

/* GCM and CCM authenticate by themselves: no auth field is set. */
static enum sec_error check_own_tag(const struct sec_run *r)
{
	static const uint8_t zero[] = {
		F_AI_GEN, F_A_PAD,	   F_MAC_LEN,	    F_A_KEY_LEN,
		F_A_ALG,  F_LONG_A_LEN_LO, F_LONG_A_LEN_HI, F_C_WIDTH,
	};
	uint32_t tag = sec_get(r, F_C_ICV_LEN);
	enum sec_error rc;

	if (!sec_find_mode(r))
		return E_ALG;
	if (!sec_all_zero(r, zero, sizeof(zero)))
		return E_FIELD;
	rc = check_shape(r, sec_get(r, F_A_LEN));
	if (rc)
		return rc;
	return tag < 4 || tag > SEC_TAG_BYTES ? E_LENGTH : E_NONE;
}

/* ---- GCM ---- */

static enum sec_error gcm_aad(gcry_cipher_hd_t h, struct emu_cursor *src,
			      size_t left)
{
	while (left) {
		size_t n = emu_cursor_run(src);

		n = n < left ? n : left;
		if (gcry_cipher_authenticate(h, emu_cursor_at(src), n))
			return E_LIBRARY;
		emu_cursor_step(src, n);
		left -= n;
	}
	return E_NONE;
}

static enum sec_error gcm_text(const struct sec_run *r, uint8_t *tag)
{
	struct emu_cursor src = emu_cursor(&r->src);
	gcry_cipher_hd_t h;
	enum sec_error rc = sec_open(&h, r, GCRY_CIPHER_MODE_GCM, 0);

	if (rc)
		return rc;
	if (gcry_cipher_setiv(h, r->iv, GCM_IV_BYTES))
		rc = E_LIBRARY;
	if (!rc)
		rc = gcm_aad(h, &src, sec_get(r, F_A_LEN));
	if (!rc)
		rc = sec_crypt_all(h, sec_encrypts(r), emu_cursor(&r->dst), src,
				   sec_get(r, F_C_LEN));
	if (!rc && gcry_cipher_gettag(h, tag, SEC_TAG_BYTES))
		rc = E_LIBRARY;
	gcry_cipher_close(h);
	return rc;
}

enum sec_error sec_run_gcm(struct sec_run *r)
{
	enum sec_error rc = check_own_tag(r);

	if (!rc)
		rc = sec_fetch_key(r, GCM_IV_BYTES);
	if (!rc)
		rc = sec_map_data(r, sec_get(r, F_A_LEN));
	return rc ? rc : run_text(r, gcm_text, sec_get(r, F_C_ICV_LEN));
}

/* ---- CCM (SP 800-38C) ---- */

/* CBC-MAC of pieces of any length. */
struct cbc_mac {
	gcry_cipher_hd_t h; /* ECB */
	uint8_t block[SEC_BLOCK];
	size_t fill;
	gcry_error_t err;
};

static void mac_pad(struct cbc_mac *m)
{
	if (m->fill)
		m->err |=
			gcry_cipher_encrypt(m->h, m->block, SEC_BLOCK, NULL, 0);
	m->fill = 0;
}

static void mac_update(struct cbc_mac *m, const uint8_t *p, size_t n)
{
	while (n--) {
		m->block[m->fill++] ^= *p++;
		if (m->fill == SEC_BLOCK)
			mac_pad(m);
	}
}

static void mac_update_from(struct cbc_mac *m, struct emu_cursor *c,
			    size_t left)
{
	while (left) {
		size_t n = emu_cursor_run(c);

		n = n < left ? n : left;
		mac_update(m, emu_cursor_at(c), n);
		emu_cursor_step(c, n);
		left -= n;
	}
}

static void mac_aad(struct cbc_mac *m, struct emu_cursor *src, uint32_t len)
{
	uint8_t encoded[2] = { (uint8_t)(len >> 8), (uint8_t)len };

	if (!len)
		return;
	mac_update(m, encoded, sizeof(encoded));
	mac_update_from(m, src, len);
	mac_pad(m);
}

static enum sec_error ccm_counters(const struct sec_run *r,
				   struct emu_cursor src)
{
	gcry_cipher_hd_t h;
	enum sec_error rc = sec_open(&h, r, GCRY_CIPHER_MODE_CTR, 0);

	if (rc)
		return rc;
	rc = gcry_cipher_setctr(h, r->iv, SEC_BLOCK) ? E_LIBRARY : E_NONE;
	if (!rc)
		rc = sec_crypt_all(h, sec_encrypts(r), emu_cursor(&r->dst), src,
				   sec_get(r, F_C_LEN));
	gcry_cipher_close(h);
	return rc;
}

/* The MAC is over the plaintext: before encryption, after decryption. */
static enum sec_error ccm_both(const struct sec_run *r, struct cbc_mac *m)
{
	uint32_t len = sec_get(r, F_C_LEN);
	struct emu_cursor src = emu_cursor(&r->src), dst = emu_cursor(&r->dst);
	enum sec_error rc;

	mac_aad(m, &src, sec_get(r, F_A_LEN));
	if (sec_encrypts(r)) {
		struct emu_cursor plain = src;

		mac_update_from(m, &plain, len);
	}
	rc = ccm_counters(r, src);
	if (!rc && !sec_encrypts(r))
		mac_update_from(m, &dst, len);
	mac_pad(m);
	return rc;
}

/* Counter block 0 masks the tag. */
static void ccm_mask(const struct sec_run *r, struct cbc_mac *m, uint8_t *tag)
{
	uint8_t zero[SEC_BLOCK];

	memcpy(zero, r->iv, SEC_BLOCK);
	zero[SEC_BLOCK - 1] = 0; /* it was 1 */
	m->err |= gcry_cipher_encrypt(m->h, zero, SEC_BLOCK, NULL, 0);
	for (size_t i = 0; i < SEC_BLOCK; i++)
		tag[i] = m->block[i] ^ zero[i];
	wd_wipe(zero, sizeof(zero));
}

/* The first block of the MAC is software's work, lengths included:
 * docs/hw/sec.md#ccm */
static enum sec_error ccm_text(const struct sec_run *r, uint8_t *tag)
{
	struct cbc_mac m = { .fill = 0 };
	uint8_t b0[SEC_BLOCK];
	enum sec_error rc = sec_open(&m.h, r, GCRY_CIPHER_MODE_ECB, 0);

	if (rc)
		return rc;
	rc = sec_fetch(r, sec_get64(r, F_A_IVIN_LO), b0, SEC_BLOCK);
	if (!rc) {
		mac_update(&m, b0, SEC_BLOCK);
		rc = ccm_both(r, &m);
	}
	if (!rc)
		ccm_mask(r, &m, tag);
	if (m.err)
		rc = E_LIBRARY;
	gcry_cipher_close(m.h);
	wd_wipe(&m, sizeof(m));
	return rc;
}

/* Both blocks name the same nonce, and the flags say what the job says. */
static enum sec_error check_ccm_blocks(const struct sec_run *r)
{
	uint8_t b0[SEC_BLOCK], l = r->iv[0];
	uint32_t tag = sec_get(r, F_C_ICV_LEN);
	enum sec_error rc =
		sec_fetch(r, sec_get64(r, F_A_IVIN_LO), b0, SEC_BLOCK);

	if (rc)
		return rc;
	if (l < 1 || l > 7 || memcmp(b0 + 1, r->iv + 1, 14 - l) != 0)
		return E_FIELD;
	if (b0[0] !=
	    ((sec_get(r, F_A_LEN) ? 0x40 : 0) | (tag - 2) / 2 << 3 | l))
		return E_FIELD;
	for (unsigned int i = 15u - l; i < 15; i++)
		if (r->iv[i])
			return E_FIELD;
	return r->iv[15] == 1 ? E_NONE : E_FIELD;
}

enum sec_error sec_run_ccm(struct sec_run *r)
{
	enum sec_error rc = check_own_tag(r);

	if (!rc &&
	    (sec_get(r, F_C_ICV_LEN) % 2 || sec_get(r, F_A_LEN) > CCM_AAD_MAX))
		rc = E_LENGTH;
	if (!rc)
		rc = sec_fetch_key(r, SEC_BLOCK);
	if (!rc)
		rc = check_ccm_blocks(r);
	if (!rc)
		rc = sec_map_data(r, sec_get(r, F_A_LEN));
	return rc ? rc : run_text(r, ccm_text, sec_get(r, F_C_ICV_LEN));
}

/* ---- CBC, then an HMAC of AAD and ciphertext ---- */

static void md_write(gcry_md_hd_t h, struct emu_cursor *c, size_t left)
{
	while (left) {
		size_t n = emu_cursor_run(c);

		n = n < left ? n : left;
		gcry_md_write(h, emu_cursor_at(c), n);
		emu_cursor_step(c, n);
		left -= n;
	}
}

static enum sec_error cbc_text(const struct sec_run *r, struct emu_cursor src)
{
	gcry_cipher_hd_t h;
	enum sec_error rc = sec_open(&h, r, GCRY_CIPHER_MODE_CBC, 0);

	if (rc)
		return rc;
	rc = gcry_cipher_setiv(h, r->iv, SEC_BLOCK) ? E_LIBRARY : E_NONE;
	if (!rc)
		rc = sec_crypt_all(h, sec_encrypts(r), emu_cursor(&r->dst), src,
				   sec_get(r, F_C_LEN));
	gcry_cipher_close(h);
	return rc;
}

static enum sec_error authenc_text(const struct sec_run *r, uint8_t *tag)
{
	const struct sec_digest *d = sec_find_hmac(r);
	uint32_t len = sec_get(r, F_C_LEN);
	struct emu_cursor src = emu_cursor(&r->src), dst = emu_cursor(&r->dst);
	struct emu_cursor cipher;
	gcry_md_hd_t h;
	enum sec_error rc = sec_open_hmac(&h, r, d);

	if (rc)
		return rc;
	md_write(h, &src, sec_get(r, F_A_LEN) - len);
	cipher = sec_encrypts(r) ? dst : src;
	if (sec_encrypts(r))
		rc = cbc_text(r, src);
	md_write(h, &cipher, len);
	if (!sec_encrypts(r))
		rc = cbc_text(r, src);
	memcpy(tag, gcry_md_read(h, d->gcry_alg), (size_t)d->words * 4);
	gcry_md_close(h);
	return rc;
}

static enum sec_error check_authenc(const struct sec_run *r)
{
	static const uint8_t zero[] = {
		F_AI_GEN,	 F_A_PAD,     F_LONG_A_LEN_LO,
		F_LONG_A_LEN_HI, F_C_ICV_LEN, F_C_WIDTH,
	};
	const struct sec_digest *d = sec_find_hmac(r);
	uint32_t all = sec_get(r, F_A_LEN), len = sec_get(r, F_C_LEN);
	uint32_t alg = sec_get(r, F_C_ALG), words = sec_get(r, F_MAC_LEN);

	if (!d || !d->authenc || (!d->authenc_v2 && !sec_is_v3(r)) ||
	    !sec_find_mode(r) || sec_get(r, F_C_MODE) != SEC_CMODE_CBC ||
	    (alg != SEC_CALG_AES && (alg != SEC_CALG_SM4 || !sec_is_v3(r))))
		return E_ALG;
	if (!sec_all_zero(r, zero, sizeof(zero)))
		return E_FIELD;
	if (all < len || len % SEC_BLOCK || !words || words > d->words ||
	    sec_get(r, F_A_KEY_LEN) * 4 > d->block)
		return E_LENGTH;
	return check_shape(r, all - len);
}

enum sec_error sec_run_authenc(struct sec_run *r)
{
	enum sec_error rc = check_authenc(r);

	if (!rc)
		rc = sec_fetch_key(r, SEC_BLOCK);
	if (!rc)
		rc = sec_map_data(r, sec_get(r, F_A_LEN) - sec_get(r, F_C_LEN));
	return rc ? rc : run_text(r, authenc_text, sec_get(r, F_MAC_LEN) * 4);
}
