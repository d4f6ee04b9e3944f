/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exch.h - key exchange between two sides (rsa_side.h), step by step: secrets
 * and verdicts of one are held against those of the other.
 */
#ifndef TEST_EXCH_H
#define TEST_EXCH_H

#include "test/provider/rsa_side.h"

#define EXCH_MAX 1024 /* bytes of ffdhe8192 */

struct secret {
	int step; /* 0 done; else the step that failed, from 1 */
	size_t len, asked;
	uint8_t bytes[EXCH_MAX];
};

/* How it is done; zeros: plainly. */
struct way {
	unsigned int pad;
	int no_validation;
	size_t room; /* 0: as much as asked for */
	const char *kdf, *md, *cek;
	size_t kdf_len;
	const uint8_t *ukm;
	size_t ukm_len;
};

void exchange(const struct side *s, EVP_PKEY *key, EVP_PKEY *peer,
	      const struct way *w, struct secret *z);

/* @key and @peer of @judge, peer NULL: none, taken to @s: the same there? */
void same_exchange(const struct side *judge, const struct side *s,
		   EVP_PKEY *key, EVP_PKEY *peer, const struct way *w);

/* Threads that use @key at once, from its first use on, all with @peer. */
void exchange_in_threads(const struct side *s, EVP_PKEY *key, EVP_PKEY *peer,
			 const struct secret *want);

/* EVP_PKEY_public_check() and its kin on a side; leaves no errors. */
int exch_check(const struct side *s, EVP_PKEY *key,
	       int (*what)(EVP_PKEY_CTX *));

#endif
