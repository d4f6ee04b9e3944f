/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rsa_side.h - the two sides of the RSA stories: a library context with the
 * default provider alone, the judge, and others with wd on a device of the
 * test's choice.  A key crosses from one side to another as parameters.
 */
#ifndef RSA_SIDE_H
#define RSA_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

struct side {
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *provider, *beside; /* the one looked at, and default */
	const char *q;			  /* properties that name it */
};

/* The default provider alone. */
struct side *side_default(void);
/* wd on @device ("emu", "emu:fault=...", "none" when @alone); @fallback: the
 * key of the configuration, NULL: as it comes.  Skips the program without wd. */
struct side *side_wd(const char *device, const char *fallback, bool alone);
void side_free(struct side *s);

/* A counter of one kind of job, "rsa-private" "wrong". */
long side_count(const struct side *s, const char *kind, const char *counter);

/* The same key on @s; @selection as EVP_PKEY_todata() has it. */
EVP_PKEY *side_take(const struct side *s, const EVP_PKEY *key, int selection);
EVP_PKEY_CTX *side_ctx(const struct side *s, EVP_PKEY *key);

/* Made by @s, @type "RSA" or "RSA-PSS", from "name=value" words:
 * bits, primes, rsa_e (hexadecimal), digest, mgf1, saltlen. */
EVP_PKEY *side_make(const struct side *s, const char *type, const char *words);

#endif
