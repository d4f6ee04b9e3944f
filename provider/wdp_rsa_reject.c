/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Implicit rejection: instead of an error, which is an oracle, a decryption
 * whose block is wrong yields a message of random length and content, the same
 * each time for the same key and ciphertext.
 *
 *	key hash	SHA-256(d, as long as the modulus)
 *	kdk		HMAC(key hash, ciphertext)
 *	block		prf(kdk, "message"), as long as the modulus
 *	length		the last of 128 candidates, prf(kdk, "length"), that
 *			fits a block; each masked to the bits such a length has
 *	prf		HMAC(kdk, i | label | bits of all) for i = 0, 1, ...
 *
 * The algorithm and its constants are those of draft-irtf-cfrg-rsa-guidance-04,
 * 7.1 to 7.3, so every implementation answers alike, the default provider too:
 * which of them decrypted can't be told.  Blocks are made for every decryption,
 * right or wrong.
 */
#include "provider/wdp_rsa_pad.h"

#include <errno.h>
#include <string.h>

#include "base/wd_base.h"
#include "provider/wdp_ct.h"

#define REJECT_HASH	  WDP_RSA_KEY_HASH
#define REJECT_HASH_BLOCK 64
#define REJECT_TRIES	  128
#define REJECT_OVERHEAD	  10 /* 0, 2 and eight bytes of padding */

int wdp_rsa_key_hash(const EVP_MD *sha256, const uint8_t *d, size_t k,
		     uint8_t hash[WDP_RSA_KEY_HASH])
{
	return EVP_Digest(d, k, hash, NULL, sha256, NULL) > 0 ? 0 : -EIO;
}

static int reject_digest(const struct wdp_rsa_hash *h, const uint8_t *pad,
			 const uint8_t *in, size_t len, uint8_t *out)
{
	if (EVP_DigestInit_ex2(h->ctx, h->md, NULL) <= 0 ||
	    EVP_DigestUpdate(h->ctx, pad, REJECT_HASH_BLOCK) <= 0 ||
	    EVP_DigestUpdate(h->ctx, in, len) <= 0 ||
	    EVP_DigestFinal_ex(h->ctx, out, NULL) <= 0)
		return -EIO;
	return 0;
}

/* RFC 2104 with a key as long as the digest; @out may be @key. */
static int reject_hmac(const struct wdp_rsa_hash *h,
		       const uint8_t key[REJECT_HASH], const uint8_t *in,
		       size_t len, uint8_t out[REJECT_HASH])
{
	uint8_t inner[REJECT_HASH_BLOCK], outer[REJECT_HASH_BLOCK];
	uint8_t digest[REJECT_HASH];
	int rc;

	memset(inner, 0x36, sizeof(inner));
	memset(outer, 0x5c, sizeof(outer));
	for (size_t i = 0; i < REJECT_HASH; i++) {
		inner[i] ^= key[i];
		outer[i] ^= key[i];
	}
	rc = reject_digest(h, inner, in, len, digest);
	if (!rc)
		rc = reject_digest(h, outer, digest, sizeof(digest), out);
	wd_wipe(inner, sizeof(inner));
	wd_wipe(outer, sizeof(outer));
	wd_wipe(digest, sizeof(digest));
	return rc;
}

struct reject_label {
	uint8_t len, text[8];
};

static const struct reject_label reject_message = { 7, "message" };
static const struct reject_label reject_lengths = { 6, "length" };

static int reject_prf(const struct wdp_rsa_hash *h,
		      const uint8_t kdk[REJECT_HASH],
		      const struct reject_label *label, uint8_t *out, size_t n)
{
	uint8_t in[2 + sizeof(label->text) + 2] = { 0 }, mac[REJECT_HASH];
	size_t bits = n * 8;
	int rc = 0;

	memcpy(in + 2, label->text, label->len);
	in[2 + label->len] = (uint8_t)(bits >> 8);
	in[3 + label->len] = (uint8_t)bits;
	for (; n && !rc; in[1]++) {
		size_t now = n < sizeof(mac) ? n : sizeof(mac);

		rc = reject_hmac(h, kdk, in, label->len + 4u, mac);
		memcpy(out, mac, now);
		out += now;
		n -= now;
	}
	wd_wipe(mac, sizeof(mac));
	return rc;
}

static uint32_t reject_mask(uint32_t below)
{
	for (int i = 1; i < 32; i <<= 1)
		below |= below >> i;
	return below;
}

static int reject_length(const struct wdp_rsa_hash *h,
			 const uint8_t kdk[REJECT_HASH], size_t k,
			 uint32_t *len)
{
	uint32_t most = (uint32_t)k - REJECT_OVERHEAD, n = 0;
	uint8_t tries[2 * REJECT_TRIES];
	int rc = reject_prf(h, kdk, &reject_lengths, tries, sizeof(tries));

	for (size_t i = 0; !rc && i < sizeof(tries); i += 2) {
		uint32_t one = (uint32_t)tries[i] << 8 | tries[i + 1];

		one &= reject_mask(most);
		n = ct_pick(ct_less(one, most), one, n);
	}
	*len = n;
	wd_wipe(tries, sizeof(tries));
	return rc;
}

int wdp_rsa_substitute(struct wdp_rsa_substitute *sub,
		       const struct wdp_rsa_hash *h,
		       const uint8_t hash[WDP_RSA_KEY_HASH], const uint8_t *in,
		       size_t k)
{
	uint8_t kdk[REJECT_HASH];
	int rc;

	rc = reject_hmac(h, hash, in, k, kdk);
	if (!rc)
		rc = reject_prf(h, kdk, &reject_message, sub->block, k);
	if (!rc)
		rc = reject_length(h, kdk, k, &sub->len);
	wd_wipe(kdk, sizeof(kdk));
	return rc;
}
