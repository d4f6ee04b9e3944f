/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_sec_auth.c - digests and HMACs, whole or in pieces; CMAC, XCBC and GMAC.
 */
#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_hash.h"
#include "emu/emu_sec.h"

#define MAC_KEY_MAX 128 /* bytes, the largest block */

/* docs/hw/sec.md#auth-algorithm */
/* clang-format off */
static const struct sec_digest digests[] = {
#define D(name, words, block, authenc, v2, gcry, state)                        \
	{ SEC_AALG_##name, SEC_AALG_HMAC_##name, words, block, authenc, v2,    \
	  GCRY_MD_##gcry, &emu_##state }
	D(SHA1, 5, 64, true, true, SHA1, sha1),
	D(SHA256, 8, 64, true, true, SHA256, sha256),
	D(MD5, 4, 64, false, true, MD5, md5),
	D(SHA224, 7, 64, false, true, SHA224, sha224),
	D(SHA384, 12, 128, false, true, SHA384, sha384),
	D(SHA512, 16, 128, true, true, SHA512, sha512),
	D(SHA512_224, 7, 128, false, true, SHA512_224, sha512_224),
	D(SHA512_256, 8, 128, false, true, SHA512_256, sha512_256),
	D(SM3, 8, 64, true, false, SM3, sm3),
#undef D
};
/* clang-format on */

const struct sec_digest *sec_find_hmac(const struct sec_run *r)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(digests); i++)
		if (digests[i].hmac == sec_get(r, F_A_ALG))
			return &digests[i];
	return NULL;
}

/* At most a block; the callers have checked. */
static enum sec_error fetch_mac_key(const struct sec_run *r,
				    uint8_t key[MAC_KEY_MAX], size_t *len)
{
	*len = (size_t)sec_get(r, F_A_KEY_LEN) * 4;
	memset(key, 0, MAC_KEY_MAX);
	return *len ? sec_fetch(r, sec_get64(r, F_A_KEY_LO), key, *len)
		    : E_NONE;
}

enum sec_error sec_open_hmac(gcry_md_hd_t *h, const struct sec_run *r,
			     const struct sec_digest *d)
{
	uint8_t key[MAC_KEY_MAX];
	size_t len;
	enum sec_error rc = fetch_mac_key(r, key, &len);

	if (rc)
		return rc;
	if (!sec_library() || gcry_md_open(h, d->gcry_alg, GCRY_MD_FLAG_HMAC))
		return E_LIBRARY;
	if (gcry_md_setkey(*h, key, len)) {
		gcry_md_close(*h);
		rc = E_LIBRARY;
	}
	wd_wipe(key, sizeof(key));
	return rc;
}

static const struct sec_digest *find_digest(uint32_t aalg)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(digests); i++)
		if (digests[i].aalg == aalg || digests[i].hmac == aalg)
			return &digests[i];
	return NULL;
}

static bool is_hmac(const struct sec_run *r, const struct sec_digest *d)
{
	return sec_get(r, F_A_ALG) == d->hmac;
}

/* Where the piece stands: docs/hw/sec.md#digest-parts */
struct part {
	bool resume; /* state from a_ivin */
	bool pad;    /* the end of the message */
};

static enum sec_error check_whole(const struct sec_run *r)
{
	if (sec_get64(r, F_LONG_A_LEN_LO))
		return E_FIELD;
	return sec_get(r, F_A_LEN) || sec_is_v3(r) ? E_NONE : E_LENGTH;
}

/* The message length covers this piece and whole blocks before it. */
static enum sec_error check_last(const struct sec_run *r,
				 const struct sec_digest *d)
{
	uint64_t bits = sec_get64(r, F_LONG_A_LEN_LO);
	uint32_t len = sec_get(r, F_A_LEN);

	if (bits % 8 || bits / 8 <= len)
		return E_LENGTH;
	return (bits / 8 - len) % d->block ? E_LENGTH : E_NONE;
}

/* Software fills mac_len of unpadded pieces with 0, 1 or the digest's. */
static enum sec_error check_unpadded(const struct sec_run *r,
				     const struct sec_digest *d)
{
	uint32_t len = sec_get(r, F_A_LEN), words = sec_get(r, F_MAC_LEN);

	if (sec_get64(r, F_LONG_A_LEN_LO) || sec_get(r, F_SRC_TYPE))
		return E_FIELD;
	if (words > 1 && words != d->words)
		return E_LENGTH;
	return !len || len % d->block ? E_LENGTH : E_NONE;
}

/* What no digest or MAC has. */
static enum sec_error check_common(const struct sec_run *r)
{
	static const uint8_t zero[] = {
		F_SEQ,	  F_DE,	       F_C_ICV_LEN, F_C_WIDTH,
		F_C_MODE, F_C_KEY_LEN, F_C_ALG,	    F_C_LEN,
	};
	uint32_t scene = sec_get(r, F_SCENE);

	if (scene > 1 && scene != 7)
		return E_ALG;
	if (sec_get(r, F_AI_GEN) > 1 || sec_get(r, F_A_PAD) > 1 ||
	    !sec_all_zero(r, zero, sizeof(zero)))
		return E_FIELD;
	if (sec_get(r, F_A_OFFSET) || sec_get(r, F_C_OFFSET))
		return E_OFFSET;
	return sec_get(r, F_A_LEN) > SEC_LEN_MAX ? E_LENGTH : E_NONE;
}

static enum sec_error check_digest(const struct sec_run *r,
				   const struct sec_digest *d, struct part p)
{
	uint32_t words = sec_get(r, F_MAC_LEN);
	enum sec_error rc = check_common(r);

	if (rc)
		return rc;
	if (sec_get(r, F_A_KEY_LEN) * 4 > (is_hmac(r, d) ? d->block : 0u))
		return E_LENGTH;
	if (!p.pad)
		return check_unpadded(r, d);
	if (!words || words > d->words)
		return E_LENGTH;
	return p.resume ? check_last(r, d) : check_whole(r);
}

static enum sec_error hash_whole(const struct sec_run *r,
				 const struct sec_digest *d, uint8_t *out)
{
	gcry_md_hd_t h;
	enum sec_error rc = E_NONE;

	if (is_hmac(r, d))
		rc = sec_open_hmac(&h, r, d);
	else if (!sec_library() || gcry_md_open(&h, d->gcry_alg, 0))
		rc = E_LIBRARY;
	if (rc)
		return rc;
	for (size_t i = 0; i < r->src.n; i++)
		gcry_md_write(h, r->src.seg[i].p, r->src.seg[i].len);
	memcpy(out, gcry_md_read(h, d->gcry_alg), (size_t)d->words * 4);
	gcry_md_close(h);
	return E_NONE;
}

/* The block an HMAC's inner (0x36) or outer (0x5c) hash begins with. */
static enum sec_error begin_pad(struct emu_hash *h, const struct sec_run *r,
				const struct sec_digest *d, uint8_t byte)
{
	uint8_t key[MAC_KEY_MAX];
	size_t len;
	enum sec_error rc = fetch_mac_key(r, key, &len);

	if (rc)
		return rc;
	for (size_t i = 0; i < d->block; i++)
		key[i] ^= byte;
	emu_hash_init(h, d->state_alg, NULL);
	emu_hash_update(h, key, d->block);
	wd_wipe(key, sizeof(key));
	return E_NONE;
}

/* The state at a_ivin, or where a message begins. */
static enum sec_error begin_part(struct emu_hash *h, const struct sec_run *r,
				 const struct sec_digest *d, struct part p)
{
	uint8_t saved[EMU_HASH_STATE_MAX];
	enum sec_error rc;

	if (!p.resume && is_hmac(r, d))
		return begin_pad(h, r, d, 0x36);
	if (!p.resume) {
		emu_hash_init(h, d->state_alg, NULL);
		return E_NONE;
	}
	rc = sec_fetch(r, sec_get64(r, F_A_IVIN_LO), saved,
		       emu_hash_state(d->state_alg));
	if (!rc)
		emu_hash_init(h, d->state_alg, saved);
	wd_wipe(saved, sizeof(saved));
	return rc;
}

/* Lengths count the message alone: an HMAC's inner block is the engine's to
 * add.  docs/hw/sec.md#long-length */
static enum sec_error end_hmac(struct emu_hash *h, const struct sec_run *r,
			       const struct sec_digest *d, uint8_t *out)
{
	size_t n = (size_t)d->words * 4;
	enum sec_error rc;

	emu_hash_final(h, sec_get64(r, F_LONG_A_LEN_LO) + d->block * 8u, out);
	rc = begin_pad(h, r, d, 0x5c);
	if (rc)
		return rc;
	emu_hash_update(h, out, n);
	emu_hash_final(h, (d->block + n) * 8, out);
	return E_NONE;
}

static enum sec_error hash_part(const struct sec_run *r,
				const struct sec_digest *d, struct part p,
				uint8_t *out)
{
	struct emu_hash h;
	enum sec_error rc = begin_part(&h, r, d, p);

	if (rc)
		return rc;
	for (size_t i = 0; i < r->src.n; i++)
		emu_hash_update(&h, r->src.seg[i].p, r->src.seg[i].len);
	if (!p.pad)
		emu_hash_save(&h, out);
	else if (is_hmac(r, d))
		rc = end_hmac(&h, r, d, out);
	else
		emu_hash_final(&h, sec_get64(r, F_LONG_A_LEN_LO), out);
	wd_wipe(&h, sizeof(h));
	return rc;
}

/* Source to its span, room for the answer. */
static enum sec_error map_auth(struct sec_run *r, size_t out_len)
{
	if (!emu_reach(r->dma, sec_get64(r, F_MAC_LO), out_len, true))
		return E_ADDR;
	return sec_span(r, &r->src, sec_get(r, F_SRC_TYPE) == SEC_ADDR_SGL,
			sec_get64(r, F_SRC_LO), 0, sec_get(r, F_A_LEN), false);
}

static enum sec_error answer(struct sec_run *r, uint8_t *out, size_t out_len)
{
	if (r->job->corrupt)
		out[0] ^= 0x55;
	r->flag = 1;
	return sec_store(r, sec_get64(r, F_MAC_LO), out, out_len);
}

static enum sec_error run_digest(struct sec_run *r, const struct sec_digest *d)
{
	struct part p = { sec_get(r, F_AI_GEN) == 1, !sec_get(r, F_A_PAD) };
	size_t state = p.resume ? emu_hash_state(d->state_alg) : 0, out_len;
	uint8_t out[EMU_HASH_STATE_MAX] = { 0 };
	enum sec_error rc = check_digest(r, d, p);
	struct sec_memo memo;

	if (rc)
		return rc;
	out_len = p.pad ? (size_t)sec_get(r, F_MAC_LEN) * 4
			: emu_hash_state(d->state_alg);
	rc = map_auth(r, out_len);
	if (rc)
		return rc;
	if (!sec_recall(r, &memo, state, out, sizeof(out))) {
		rc = p.pad && !p.resume ? hash_whole(r, d, out)
					: hash_part(r, d, p, out);
		sec_remember(r, &memo, out, sizeof(out), !rc);
	}
	return rc ? rc : answer(r, out, out_len);
}

/* ---- MACs of block ciphers (V3) ---- */

static const struct sec_mac {
	uint8_t aalg;
	uint8_t min_words; /* of the MAC, to 4 */
	bool long_keys;	   /* 24 and 32 bytes too */
	bool iv;	   /* at a_ivin, ai_gen 1 */
	int gcry_alg;	   /* 0: libgcrypt has none */
} macs[] = {
	{ SEC_AALG_XCBC, 3, false, false, 0 },
	{ SEC_AALG_CMAC, 1, false, false, GCRY_MAC_CMAC_AES },
	{ SEC_AALG_GMAC, 1, true, true, GCRY_MAC_GMAC_AES },
};

static const struct sec_mac *find_mac(const struct sec_run *r)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(macs) && sec_is_v3(r); i++)
		if (macs[i].aalg == sec_get(r, F_A_ALG))
			return &macs[i];
	return NULL;
}

static enum sec_error check_mac(const struct sec_run *r,
				const struct sec_mac *m)
{
	uint32_t key = sec_get(r, F_A_KEY_LEN), words = sec_get(r, F_MAC_LEN);
	enum sec_error rc = check_common(r);

	if (rc)
		return rc;
	if (sec_get(r, F_AI_GEN) != m->iv || sec_get(r, F_A_PAD) ||
	    sec_get64(r, F_LONG_A_LEN_LO))
		return E_FIELD;
	if (key != 4 && !(m->long_keys && (key == 6 || key == 8)))
		return E_LENGTH;
	if (words < m->min_words || words > 4)
		return E_LENGTH;
	return sec_get(r, F_A_LEN) || m->iv ? E_NONE : E_LENGTH;
}

static enum sec_error mac_whole(const struct sec_run *r,
				const struct sec_mac *m, const uint8_t *key,
				uint8_t *out)
{
	uint8_t iv[SEC_BLOCK];
	size_t n = SEC_BLOCK;
	gcry_mac_hd_t h;
	enum sec_error rc = E_NONE;

	/* 16 bytes are UADK's rule; 12 are the IV. */
	if (m->iv)
		rc = sec_fetch(r, sec_get64(r, F_A_IVIN_LO), iv, sizeof(iv));
	if (rc)
		return rc;
	if (!sec_library() || gcry_mac_open(&h, m->gcry_alg, 0, NULL))
		return E_LIBRARY;
	if (gcry_mac_setkey(h, key, (size_t)sec_get(r, F_A_KEY_LEN) * 4) ||
	    (m->iv && gcry_mac_setiv(h, iv, 12)))
		rc = E_LIBRARY;
	for (size_t i = 0; !rc && i < r->src.n; i++)
		if (gcry_mac_write(h, r->src.seg[i].p, r->src.seg[i].len))
			rc = E_LIBRARY;
	if (!rc && gcry_mac_read(h, out, &n))
		rc = E_LIBRARY;
	gcry_mac_close(h);
	return rc;
}

static bool aes_block(const uint8_t *key, uint8_t block[SEC_BLOCK])
{
	gcry_cipher_hd_t h;
	bool ok;

	if (gcry_cipher_open(&h, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0))
		return false;
	ok = !gcry_cipher_setkey(h, key, 16) &&
	     !gcry_cipher_encrypt(h, block, SEC_BLOCK, NULL, 0);
	gcry_cipher_close(h);
	return ok;
}

/* RFC 3566: K1 for the data, K2 or K3 for the last block. */
static enum sec_error xcbc(const struct sec_run *r, const uint8_t *key,
			   uint8_t *out)
{
	struct emu_cursor src = emu_cursor(&r->src);
	size_t left = sec_get(r, F_A_LEN);
	uint8_t k[3][SEC_BLOCK], block[SEC_BLOCK];
	bool ok = sec_library();

	for (unsigned int i = 0; i < 3; i++) {
		memset(k[i], (int)i + 1, SEC_BLOCK);
		ok = ok && aes_block(key, k[i]);
	}
	memset(out, 0, SEC_BLOCK);
	while (left && ok) {
		size_t n = left < SEC_BLOCK ? left : SEC_BLOCK;
		const uint8_t *last = n < SEC_BLOCK ? k[2] : k[1];

		memset(block, 0, sizeof(block));
		emu_cursor_read(&src, block, n);
		if (n < SEC_BLOCK)
			block[n] = 0x80;
		left -= n;
		for (size_t i = 0; i < SEC_BLOCK; i++)
			out[i] ^= block[i] ^ (left ? 0 : last[i]);
		ok = aes_block(k[0], out);
	}
	wd_wipe(k, sizeof(k));
	wd_wipe(block, sizeof(block));
	return ok ? E_NONE : E_LIBRARY;
}

static enum sec_error run_mac(struct sec_run *r, const struct sec_mac *m)
{
	size_t key_len, out_len = (size_t)sec_get(r, F_MAC_LEN) * 4;
	uint8_t key[MAC_KEY_MAX], out[SEC_BLOCK] = { 0 };
	enum sec_error rc = check_mac(r, m);
	struct sec_memo memo;

	if (!rc)
		rc = fetch_mac_key(r, key, &key_len);
	if (!rc)
		rc = map_auth(r, out_len);
	if (!rc &&
	    !sec_recall(r, &memo, m->iv ? SEC_BLOCK : 0, out, sizeof(out))) {
		rc = m->gcry_alg ? mac_whole(r, m, key, out)
				 : xcbc(r, key, out);
		sec_remember(r, &memo, out, sizeof(out), !rc);
	}
	wd_wipe(key, sizeof(key));
	return rc ? rc : answer(r, out, out_len);
}

enum sec_error sec_run_auth(struct sec_run *r)
{
	const struct sec_digest *d = find_digest(sec_get(r, F_A_ALG));
	const struct sec_mac *m = find_mac(r);

	if (d)
		return run_digest(r, d);
	return m ? run_mac(r, m) : E_ALG;
}
