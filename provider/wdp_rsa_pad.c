/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_rsa_pad.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/wd_base.h"
#include "provider/wdp_ct.h"

/* 0x00, type, at least 8 bytes of padding, 0x00 */
#define TYPE12_OVERHEAD 11

/* Move p[by..n) to the front without telling @by: one pass a bit of it. */
static void ct_shift_left(uint8_t *p, size_t n, uint32_t by)
{
	for (uint32_t step = 1; step < n; step <<= 1) {
		uint32_t mask = ~ct_zero(by & step);

		for (size_t i = 0; i + step < n; i++)
			p[i] = ct_pick8(mask, p[i + step], p[i]);
	}
}

/* ---- digests ------------------------------------------------------------- */

/* One piece, or two: the whole digest of @a then @b. */
static int rsa_hash2(const struct wdp_rsa_hash *h, const EVP_MD *md,
		     const uint8_t *a, size_t a_len, const uint8_t *b,
		     size_t b_len, uint8_t *out)
{
	if (EVP_DigestInit_ex2(h->ctx, md, NULL) <= 0 ||
	    EVP_DigestUpdate(h->ctx, a, a_len) <= 0 ||
	    EVP_DigestUpdate(h->ctx, b, b_len) <= 0 ||
	    EVP_DigestFinal_ex(h->ctx, out, NULL) <= 0)
		return -EIO;
	return 0;
}

/* @to ^= MGF1(@seed), RFC 8017 B.2.1 */
static int rsa_mgf1_xor(const struct wdp_rsa_hash *h, uint8_t *to, size_t n,
			const uint8_t *seed, size_t seed_len)
{
	size_t len = (size_t)EVP_MD_get_size(h->mgf1);
	uint8_t mask[EVP_MAX_MD_SIZE], counter[4];
	int rc = 0;

	for (uint32_t block = 0; n; block++) {
		size_t now = n < len ? n : len;

		wd_store_be32(counter, block);
		rc = rsa_hash2(h, h->mgf1, seed, seed_len, counter,
			       sizeof(counter), mask);
		if (rc)
			break;
		for (size_t i = 0; i < now; i++)
			to[i] ^= mask[i];
		to += now;
		n -= now;
	}
	wd_wipe(mask, sizeof(mask));
	return rc;
}

static size_t rsa_hash_len(const struct wdp_rsa_hash *h)
{
	return (size_t)EVP_MD_get_size(h->md);
}

/* clang-format off */
#define NIST_HASH(last, len)                                                   \
	{ 0x30, 17 + (len), 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,    \
	  0x65, 0x03, 0x04, 0x02, (last), 0x05, 0x00, 0x04, (len) }

/*
 * Digests without a row are signed by the twin: MDC2, which has two forms, SM3,
 * which 3.4's libcrypto writes with the identifier of RSA with SM3, and whatever
 * a newer libcrypto knows.
 */
static const struct wdp_rsa_digestinfo rsa_digestinfos[] = {
	/* name	      digest DER X9.31 */
	{ "SHA2-256",	  32, 19, 0x34, NIST_HASH(0x01, 32) },
	{ "SHA2-384",	  48, 19, 0x36, NIST_HASH(0x02, 48) },
	{ "SHA2-512",	  64, 19, 0x35, NIST_HASH(0x03, 64) },
	{ "SHA2-224",	  28, 19, 0,	NIST_HASH(0x04, 28) },
	{ "SHA2-512/224", 28, 19, 0,	NIST_HASH(0x05, 28) },
	{ "SHA2-512/256", 32, 19, 0,	NIST_HASH(0x06, 32) },
	{ "SHA3-224",	  28, 19, 0,	NIST_HASH(0x07, 28) },
	{ "SHA3-256",	  32, 19, 0,	NIST_HASH(0x08, 32) },
	{ "SHA3-384",	  48, 19, 0,	NIST_HASH(0x09, 48) },
	{ "SHA3-512",	  64, 19, 0,	NIST_HASH(0x0a, 64) },
	/* 1.3.14.3.2.26 */
	{ "SHA1",	  20, 15, 0x33,
	  { 0x30, 33, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a,
	    0x05, 0x00, 0x04, 20 } },
	/* 1.2.840.113549.2.5 */
	{ "MD5",	  16, 18, 0,
	  { 0x30, 32, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7,
	    0x0d, 0x02, 0x05, 0x05, 0x00, 0x04, 16 } },
	/* 1.3.36.3.2.1 */
	{ "RIPEMD160",	  20, 15, 0,
	  { 0x30, 33, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x24, 0x03, 0x02, 0x01,
	    0x05, 0x00, 0x04, 20 } },
	/* TLS 1.0 and 1.1 sign both digests bare. */
	{ "MD5-SHA1",	  36, 0, 0, { 0 } },
};
/* clang-format on */

const struct wdp_rsa_digestinfo *wdp_rsa_digestinfo(const EVP_MD *md)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(rsa_digestinfos); i++)
		if (EVP_MD_is_a(md, rsa_digestinfos[i].name))
			return &rsa_digestinfos[i];
	return NULL;
}

/* ---- PKCS#1 type 1, X9.31 ------------------------------------------------ */

int wdp_rsa_pad_type1(uint8_t *em, size_t k, const uint8_t *t, size_t len)
{
	if (k < TYPE12_OVERHEAD || len > k - TYPE12_OVERHEAD)
		return -EINVAL;
	em[0] = 0;
	em[1] = 1;
	memset(em + 2, 0xff, k - len - 3);
	em[k - len - 1] = 0;
	if (len)
		memcpy(em + k - len, t, len);
	return 0;
}

int wdp_rsa_unpad_type1(const uint8_t *em, size_t k, const uint8_t **t,
			size_t *len)
{
	size_t i = 2;

	if (k < TYPE12_OVERHEAD || em[0] != 0 || em[1] != 1)
		return -EBADMSG;
	while (i < k && em[i] == 0xff)
		i++;
	if (i < TYPE12_OVERHEAD - 1 || i == k || em[i] != 0)
		return -EBADMSG;
	*t = em + i + 1;
	*len = k - i - 1;
	return 0;
}

/* 6B BB .. BA, or 6A alone, before the message; CC after it. */
int wdp_rsa_pad_x931(uint8_t *em, size_t k, const uint8_t *t, size_t len)
{
	size_t head;

	if (k < 2 || len > k - 2)
		return -EINVAL;
	head = k - len - 1;
	if (head == 1) {
		em[0] = 0x6a;
	} else {
		memset(em, 0xbb, head);
		em[0] = 0x6b;
		em[head - 1] = 0xba;
	}
	if (len)
		memcpy(em + head, t, len);
	em[k - 1] = 0xcc;
	return 0;
}

/* ---- PSS ----------------------------------------------------------------- */

/*
 * The encoded message has one bit less than the modulus; where that makes a
 * byte of nothing, it is 0 and stands before it.
 */
static size_t rsa_pss_len(unsigned int bits)
{
	return (bits - 1 + 7) / 8;
}

static uint8_t rsa_pss_top(unsigned int bits)
{
	unsigned int spare = (unsigned int)rsa_pss_len(bits) * 8 - (bits - 1);

	return (uint8_t)(0xff >> spare);
}

int wdp_rsa_salt_max(unsigned int bits, size_t digest_len)
{
	return (int)rsa_pss_len(bits) - (int)digest_len - 2;
}

/* H = Hash(eight zero bytes, digest, salt) */
static int rsa_pss_h(const struct wdp_rsa_hash *h, const uint8_t *digest,
		     const uint8_t *salt, size_t salt_len, uint8_t *out)
{
	uint8_t m[8 + EVP_MAX_MD_SIZE] = { 0 };
	size_t len = rsa_hash_len(h);

	memcpy(m + 8, digest, len);
	return rsa_hash2(h, h->md, m, 8 + len, salt, salt_len, out);
}

int wdp_rsa_pad_pss(uint8_t *em, unsigned int bits,
		    const struct wdp_rsa_hash *h, const uint8_t *digest,
		    size_t salt_len, const struct wdp_rsa_random *rnd)
{
	size_t len = rsa_pss_len(bits), k = (bits + 7) / 8;
	size_t h_len = rsa_hash_len(h), db_len;
	int rc, max = wdp_rsa_salt_max(bits, h_len);
	uint8_t *salt;

	if (max < 0 || salt_len > (size_t)max)
		return -EINVAL;
	if (k > len)
		*em++ = 0;
	db_len = len - h_len - 1;
	salt = em + db_len - salt_len;
	memset(em, 0, db_len - salt_len);
	salt[-1] = 1;
	rc = salt_len ? rnd->fill(rnd->arg, salt, salt_len) : 0;
	if (rc)
		return rc;
	rc = rsa_pss_h(h, digest, salt, salt_len, em + db_len);
	if (rc)
		return rc;
	rc = rsa_mgf1_xor(h, em, db_len, em + db_len, h_len);
	if (rc)
		return rc;
	em[0] &= rsa_pss_top(bits);
	em[len - 1] = 0xbc;
	return 0;
}

int wdp_rsa_check_pss(uint8_t *em, unsigned int bits,
		      const struct wdp_rsa_hash *h, const uint8_t *digest,
		      int salt_len)
{
	size_t len = rsa_pss_len(bits), k = (bits + 7) / 8, i = 0;
	size_t h_len = rsa_hash_len(h), db_len;
	uint8_t want[EVP_MAX_MD_SIZE];

	if (wdp_rsa_salt_max(bits, h_len) < 0)
		return -EINVAL;
	if (k > len && *em++ != 0)
		return -EBADMSG;
	if (em[0] & ~rsa_pss_top(bits) || em[len - 1] != 0xbc)
		return -EBADMSG;
	db_len = len - h_len - 1;
	if (rsa_mgf1_xor(h, em, db_len, em + db_len, h_len))
		return -EIO;
	em[0] &= rsa_pss_top(bits);
	while (i < db_len && !em[i])
		i++;
	if (i == db_len || em[i++] != 1)
		return -EBADMSG;
	if (salt_len != WDP_RSA_SALT_ANY && db_len - i != (size_t)salt_len)
		return -EBADMSG;
	if (rsa_pss_h(h, digest, em + i, db_len - i, want))
		return -EIO;
	return memcmp(want, em + db_len, h_len) ? -EBADMSG : 0;
}

/* ---- PKCS#1 type 2, TLS -------------------------------------------------- */

int wdp_rsa_pad_type2(uint8_t *em, size_t k, const uint8_t *msg, size_t len,
		      const struct wdp_rsa_random *rnd)
{
	size_t pad = k - len - 3;
	int rc;

	if (k < TYPE12_OVERHEAD || len > k - TYPE12_OVERHEAD)
		return -EINVAL;
	em[0] = 0;
	em[1] = 2;
	rc = rnd->fill(rnd->arg, em + 2, pad);
	for (size_t i = 2; !rc && i < pad + 2; i++)
		while (!rc && !em[i])
			rc = rnd->fill(rnd->arg, em + i, 1);
	if (rc)
		return rc;
	em[pad + 2] = 0;
	if (len)
		memcpy(em + pad + 3, msg, len);
	return 0;
}

struct type2_message {
	uint32_t good, len; /* @len is nonsense unless @good */
};

static struct type2_message rsa_type2_find(const uint8_t *em, size_t k,
					   size_t size)
{
	uint32_t good, found = 0, zero_at = 0, n;

	good = ct_zero(em[0]) & ct_eq(em[1], 2);
	for (uint32_t i = 2; i < k; i++) {
		uint32_t zero = ct_zero(em[i]);

		zero_at = ct_pick(zero & ~found, i, zero_at);
		found |= zero;
	}
	/* Eight bytes of padding; not found is 0 and fails the same way. */
	good &= ~ct_less(zero_at, TYPE12_OVERHEAD - 1);
	n = (uint32_t)k - 1 - zero_at;
	good &= ~ct_less((uint32_t)(size < k ? size : k), n);
	return (struct type2_message){ good, n };
}

/* The last @n bytes of @em to @out, or nothing and the same touched. */
static void rsa_type2_take(uint8_t *out, size_t size, uint8_t *em, size_t k,
			   uint32_t good, uint32_t n)
{
	uint32_t room = (uint32_t)k - TYPE12_OVERHEAD;

	/* To a fixed place, then as much of it as is there. */
	ct_shift_left(em + TYPE12_OVERHEAD, room, room - n);
	if (room > size)
		room = (uint32_t)size;
	for (uint32_t i = 0; i < room; i++)
		out[i] = ct_pick8(good & ct_less(i, n), em[TYPE12_OVERHEAD + i],
				  out[i]);
}

int wdp_rsa_unpad_type2(uint8_t *out, size_t size, size_t *len, uint8_t *em,
			size_t k)
{
	struct type2_message m;
	uint32_t n;

	if (k < TYPE12_OVERHEAD)
		return -EBADMSG;
	m = rsa_type2_find(em, k, size);
	n = ct_pick(m.good, m.len, 0);
	rsa_type2_take(out, size, em, k, m.good, n);
	*len = ct_pick(m.good, n, (uint32_t)*len);
	return (int)ct_pick(m.good, 0, (uint32_t)-EBADMSG);
}

/* Both messages end where their blocks end, so a block is picked whole. */
void wdp_rsa_unpad_or_substitute(uint8_t *out, size_t size, size_t *len,
				 uint8_t *em, size_t k,
				 const struct wdp_rsa_substitute *sub)
{
	struct type2_message m = rsa_type2_find(em, k, size);
	uint32_t n = ct_pick(m.good, m.len, sub->len);

	for (size_t i = 0; i < k; i++)
		em[i] = ct_pick8(m.good, em[i], sub->block[i]);
	rsa_type2_take(out, size, em, k, ~0u, n);
	*len = n;
}

static uint32_t rsa_tls_version(const uint8_t *secret, unsigned int version)
{
	return ct_eq(secret[0], version >> 8 & 0xff) &
	       ct_eq(secret[1], version & 0xff);
}

void wdp_rsa_unpad_tls(uint8_t *out, const uint8_t *em, size_t k,
		       unsigned int client, unsigned int alt)
{
	const uint8_t *secret = em + k - WDP_RSA_TLS_SECRET;
	uint32_t good, version;

	good = ct_zero(em[0]) & ct_eq(em[1], 2) & ct_zero(secret[-1]);
	for (const uint8_t *p = em + 2; p < secret - 1; p++)
		good &= ~ct_zero(*p);
	version = rsa_tls_version(secret, client);
	if (alt)
		version |= rsa_tls_version(secret, alt);
	good &= version;
	for (size_t i = 0; i < WDP_RSA_TLS_SECRET; i++)
		out[i] = ct_pick8(good, secret[i], out[i]);
}

/* ---- OAEP ---------------------------------------------------------------- */

/* 00 | seed | hash of the label, 00 .., 01, message: the last two masked */
int wdp_rsa_pad_oaep(uint8_t *em, size_t k, const struct wdp_rsa_hash *h,
		     struct wdp_rsa_label label, const uint8_t *msg, size_t len,
		     const struct wdp_rsa_random *rnd)
{
	size_t h_len = rsa_hash_len(h), db_len;
	uint8_t *seed = em + 1, *db = em + 1 + h_len;
	int rc;

	if (k < 2 * h_len + 2 || len > k - 2 * h_len - 2)
		return -EINVAL;
	db_len = k - h_len - 1;
	em[0] = 0;
	rc = rsa_hash2(h, h->md, label.p, label.len, NULL, 0, db);
	if (rc)
		return rc;
	memset(db + h_len, 0, db_len - h_len - len - 1);
	db[db_len - len - 1] = 1;
	if (len)
		memcpy(db + db_len - len, msg, len);
	rc = rnd->fill(rnd->arg, seed, h_len);
	if (rc)
		return rc;
	rc = rsa_mgf1_xor(h, db, db_len, seed, h_len);
	if (rc)
		return rc;
	return rsa_mgf1_xor(h, seed, h_len, db, db_len);
}

/* Zeros, a one, the message: where is the one?  0: nowhere. */
static uint32_t rsa_oaep_one(const uint8_t *db, size_t from, size_t to)
{
	uint32_t good = ~0u, found = 0, at = 0;

	for (size_t i = from; i < to; i++) {
		uint32_t one = ct_eq(db[i], 1);

		at = ct_pick(one & ~found, (uint32_t)i, at);
		found |= one;
		good &= found | ct_zero(db[i]);
	}
	return at & good & found;
}

int wdp_rsa_unpad_oaep(uint8_t *out, size_t size, size_t *len, uint8_t *em,
		       size_t k, const struct wdp_rsa_hash *h,
		       struct wdp_rsa_label label)
{
	uint8_t want[EVP_MAX_MD_SIZE];
	size_t h_len = rsa_hash_len(h), db_len, n;
	uint8_t *seed = em + 1, *db = em + 1 + h_len;
	uint32_t good, one;

	if (k < 2 * h_len + 2)
		return -EBADMSG;
	db_len = k - h_len - 1;
	if (rsa_mgf1_xor(h, seed, h_len, db, db_len) ||
	    rsa_mgf1_xor(h, db, db_len, seed, h_len) ||
	    rsa_hash2(h, h->md, label.p, label.len, NULL, 0, want))
		return -EIO;
	good = ct_zero(em[0]);
	good &= ~ct_zero((uint32_t)wd_equal_ct(db, want, h_len));
	one = rsa_oaep_one(db, h_len, db_len);
	good &= ~ct_zero(one);

	/*
	 * One verdict for every fault (CRYPTO 2001, p. 230).  A good block can only
	 * come from somebody who knew the message, so from here on its length
	 * is no secret.
	 */
	if (!good)
		return -EBADMSG;
	n = db_len - one - 1;
	if (n > size)
		return -EBADMSG;
	memcpy(out, db + one + 1, n);
	*len = n;
	return 0;
}
