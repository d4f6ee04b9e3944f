/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_sec_auth.c - digests, whole or in pieces.
 */
#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_hash.h"
#include "emu/emu_sec.h"

#define HMAC_KEY_MAX 128 /* bytes, the largest block */

/* docs/hw/sec.md#auth-algorithm */
static const struct sec_digest digests[] = {
	{ SEC_AALG_SHA1, SEC_AALG_HMAC_SHA1, 5, 64, true, true, GCRY_MD_SHA1,
	  NULL },
	{ SEC_AALG_SHA256, SEC_AALG_HMAC_SHA256, 8, 64, true, true,
	  GCRY_MD_SHA256, &emu_sha256 },
	{ SEC_AALG_SHA512, SEC_AALG_HMAC_SHA512, 16, 128, true, true,
	  GCRY_MD_SHA512, NULL },
	{ SEC_AALG_SM3, SEC_AALG_HMAC_SM3, 8, 64, true, false, GCRY_MD_SM3,
	  &emu_sm3 },
};

const struct sec_digest *sec_find_hmac(const struct sec_run *r)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(digests); i++)
		if (digests[i].hmac == sec_get(r, F_A_ALG))
			return digests[i].hmac_v2 || sec_is_v3(r) ? &digests[i]
								  : NULL;
	return NULL;
}

enum sec_error sec_open_hmac(gcry_md_hd_t *h, const struct sec_run *r,
			     const struct sec_digest *d)
{
	uint8_t key[HMAC_KEY_MAX];
	size_t len = (size_t)sec_get(r, F_A_KEY_LEN) * 4;
	enum sec_error rc = E_NONE;

	if (len)
		rc = sec_fetch(r, sec_get64(r, F_A_KEY_LO), key, len);
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
		if (digests[i].aalg == aalg && digests[i].state_alg)
			return &digests[i];
	return NULL;
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
static enum sec_error check_last(const struct sec_run *r)
{
	uint64_t bits = sec_get64(r, F_LONG_A_LEN_LO);
	uint32_t len = sec_get(r, F_A_LEN);

	if (bits % 8 || bits / 8 <= len)
		return E_LENGTH;
	return (bits / 8 - len) % EMU_HASH_BLOCK ? E_LENGTH : E_NONE;
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
	return !len || len % EMU_HASH_BLOCK ? E_LENGTH : E_NONE;
}

static enum sec_error check_digest(const struct sec_run *r,
				   const struct sec_digest *d, struct part p)
{
	static const uint8_t zero[] = {
		F_SEQ,	  F_DE,	       F_A_KEY_LEN, F_C_ICV_LEN, F_C_WIDTH,
		F_C_MODE, F_C_KEY_LEN, F_C_ALG,	    F_C_LEN,
	};
	uint32_t scene = sec_get(r, F_SCENE), words = sec_get(r, F_MAC_LEN);

	if (scene > 1 && scene != 7)
		return E_ALG;
	if (sec_get(r, F_AI_GEN) > 1 || sec_get(r, F_A_PAD) > 1 ||
	    !sec_all_zero(r, zero, sizeof(zero)))
		return E_FIELD;
	if (sec_get(r, F_A_OFFSET) || sec_get(r, F_C_OFFSET))
		return E_OFFSET;
	if (sec_get(r, F_A_LEN) > SEC_LEN_MAX)
		return E_LENGTH;
	if (!p.pad)
		return check_unpadded(r, d);
	if (!words || words > d->words)
		return E_LENGTH;
	return p.resume ? check_last(r) : check_whole(r);
}

static enum sec_error hash_whole(const struct sec_run *r,
				 const struct sec_digest *d, uint8_t *out)
{
	gcry_md_hd_t h;

	if (!sec_library() || gcry_md_open(&h, d->gcry_alg, 0))
		return E_LIBRARY;
	for (size_t i = 0; i < r->src.n; i++)
		gcry_md_write(h, r->src.seg[i].p, r->src.seg[i].len);
	memcpy(out, gcry_md_read(h, d->gcry_alg), d->words * 4);
	gcry_md_close(h);
	return E_NONE;
}

static enum sec_error hash_part(const struct sec_run *r,
				const struct sec_digest *d, struct part p,
				uint8_t *out)
{
	uint8_t saved[EMU_HASH_STATE];
	struct emu_hash h;
	enum sec_error rc;

	if (p.resume) {
		rc = sec_fetch(r, sec_get64(r, F_A_IVIN_LO), saved,
			       sizeof(saved));
		if (rc)
			return rc;
	}
	emu_hash_init(&h, d->state_alg, p.resume ? saved : NULL);
	for (size_t i = 0; i < r->src.n; i++)
		emu_hash_update(&h, r->src.seg[i].p, r->src.seg[i].len);
	if (p.pad)
		emu_hash_final(&h, sec_get64(r, F_LONG_A_LEN_LO), out);
	else
		emu_hash_save(&h, out);
	wd_wipe(&h, sizeof(h));
	wd_wipe(saved, sizeof(saved));
	return E_NONE;
}

enum sec_error sec_run_auth(struct sec_run *r)
{
	const struct sec_digest *d = find_digest(sec_get(r, F_A_ALG));
	struct part p = { sec_get(r, F_AI_GEN) == 1, !sec_get(r, F_A_PAD) };
	uint64_t mac = sec_get64(r, F_MAC_LO);
	uint8_t out[EMU_HASH_STATE];
	enum sec_error rc;
	size_t out_len;

	if (!d)
		return E_ALG;
	rc = check_digest(r, d, p);
	if (rc)
		return rc;
	out_len = p.pad ? sec_get(r, F_MAC_LEN) * 4 : EMU_HASH_STATE;
	if (!emu_reach(r->dma, mac, out_len, true))
		return E_ADDR;
	rc = sec_span(r, &r->src, sec_get(r, F_SRC_TYPE) == SEC_ADDR_SGL,
		      sec_get64(r, F_SRC_LO), 0, sec_get(r, F_A_LEN), false);
	if (!rc)
		rc = p.pad && !p.resume ? hash_whole(r, d, out)
					: hash_part(r, d, p, out);
	if (rc)
		return rc;
	if (r->job->corrupt)
		out[0] ^= 0x55;
	r->flag = 1;
	return sec_store(r, mac, out, out_len);
}
