/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_rsa_pad.h - what stands around the message in an RSA block.
 *
 *	sign	  type 1, PSS, X9.31		verify: made again and compared,
 *						PSS: opened
 *	encrypt	  type 2, OAEP			decrypt: opened in constant time
 *	TLS	  type 2 around 48 bytes	never fails, see below
 *
 * Pure functions over blocks of @k bytes, the length of the modulus (RFC 8017,
 * X9.31, RFC 5246 7.4.7.1).  Randomness comes from the caller, so that a test
 * can know the block.  Nothing is raised here.
 *
 * The three that open a decrypted block (type 2, OAEP, TLS) neither branch on
 * nor index by its contents until the verdict is known; type 2 and TLS not
 * even then, for callers that hide the verdict of their own callers.
 *
 * Return, where nothing else is said: 0; -EINVAL: does not fit the modulus;
 * -EBADMSG: opened and found wrong; -EIO: the digest or the randomness failed.
 */
#ifndef WDP_RSA_PAD_H
#define WDP_RSA_PAD_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#define WDP_RSA_TLS_SECRET 48 /* bytes of a TLS premaster secret */
#define WDP_RSA_SALT_ANY   (-1)
#define WDP_RSA_BLOCK_MAX  512 /* bytes of a substitute: RSA-4096 */

/* Fill @n bytes at @p.  Return: 0 or -EIO. */
struct wdp_rsa_random {
	int (*fill)(void *arg, uint8_t *p, size_t n);
	void *arg;
};

/* The digest of the message and the one of MGF1, and a context to run them. */
struct wdp_rsa_hash {
	EVP_MD_CTX *ctx;
	const EVP_MD *md, *mgf1;
};

int wdp_rsa_pad_type1(uint8_t *em, size_t k, const uint8_t *t, size_t len);
/* @t points into @em; public data. */
int wdp_rsa_unpad_type1(const uint8_t *em, size_t k, const uint8_t **t,
			size_t *len);

int wdp_rsa_pad_x931(uint8_t *em, size_t k, const uint8_t *t, size_t len);

/* @bits: of the modulus; @salt_len bytes of salt are drawn from @rnd. */
int wdp_rsa_pad_pss(uint8_t *em, unsigned int bits,
		    const struct wdp_rsa_hash *h, const uint8_t *digest,
		    size_t salt_len, const struct wdp_rsa_random *rnd);
/* Destroys @em.  @salt_len: bytes, or WDP_RSA_SALT_ANY. */
int wdp_rsa_check_pss(uint8_t *em, unsigned int bits,
		      const struct wdp_rsa_hash *h, const uint8_t *digest,
		      int salt_len);

/* Most salt that fits; negative: the digest alone does not. */
int wdp_rsa_salt_max(unsigned int bits, size_t digest_len);

int wdp_rsa_pad_type2(uint8_t *em, size_t k, const uint8_t *msg, size_t len,
		      const struct wdp_rsa_random *rnd);
/* Destroys @em.  @out has room for @size bytes, all of which are touched in
 * the same way whatever @em holds, and keep their values on -EBADMSG. */
int wdp_rsa_unpad_type2(uint8_t *out, size_t size, size_t *len, uint8_t *em,
			size_t k);

/*
 * Implicit rejection: what a wrong block is answered with (wdp_rsa_reject.c).
 * The message is the end of @block; the length says nothing, it is as random
 * as the rest.
 */
struct wdp_rsa_substitute {
	uint8_t block[WDP_RSA_BLOCK_MAX];
	uint32_t len;
};

#define WDP_RSA_KEY_HASH 32 /* bytes */

/* What the substitutes of a private key are derived from; secret.  @d:
 * big-endian, k bytes, the length of the modulus. */
int wdp_rsa_key_hash(const EVP_MD *sha256, const uint8_t *d, size_t k,
		     uint8_t hash[WDP_RSA_KEY_HASH]);

/* Of the ciphertext @in, k bytes; @h->md is SHA-256. */
int wdp_rsa_substitute(struct wdp_rsa_substitute *sub,
		       const struct wdp_rsa_hash *h,
		       const uint8_t hash[WDP_RSA_KEY_HASH], const uint8_t *in,
		       size_t k);

/* As wdp_rsa_unpad_type2(), but the message is @sub's where @em is wrong: it
 * never fails.  @k is at least the 16 bytes of the smallest substitute. */
void wdp_rsa_unpad_or_substitute(uint8_t *out, size_t size, size_t *len,
				 uint8_t *em, size_t k,
				 const struct wdp_rsa_substitute *sub);

/* @out: 48 bytes, filled with random bytes by the caller; they stay when @em
 * is not a good block of a secret of version @client (or @alt, unless 0). */
void wdp_rsa_unpad_tls(uint8_t *out, const uint8_t *em, size_t k,
		       unsigned int client, unsigned int alt);

struct wdp_rsa_label {
	const uint8_t *p;
	size_t len;
};

int wdp_rsa_pad_oaep(uint8_t *em, size_t k, const struct wdp_rsa_hash *h,
		     struct wdp_rsa_label label, const uint8_t *msg, size_t len,
		     const struct wdp_rsa_random *rnd);
/* Destroys @em. */
int wdp_rsa_unpad_oaep(uint8_t *out, size_t size, size_t *len, uint8_t *em,
		       size_t k, const struct wdp_rsa_hash *h,
		       struct wdp_rsa_label label);

/* DER of DigestInfo up to the digest itself (RFC 8017 9.2 note 1). */
struct wdp_rsa_digestinfo {
	const char *name;
	uint8_t digest_len, len; /* bytes; of the digest, of @der */
	uint8_t x931;		 /* trailer byte; 0: X9.31 has none */
	uint8_t der[19];
};

/* NULL: not a digest of the table. */
const struct wdp_rsa_digestinfo *wdp_rsa_digestinfo(const EVP_MD *md);

#endif
