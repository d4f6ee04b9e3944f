/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sym.h - the same EVP calls on wd and on the default provider.
 *
 * A pair of contexts gets each call; return value, output length, output and
 * the parameters one can see must agree, call by call.  The default provider
 * is that of the process's own library context; wd is built into the test and
 * lives in a context of its own, with nothing else.
 */
#ifndef SYM_H
#define SYM_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "test/t.h"

#define SYM_MAX 70000 /* bytes; messages of the random tests */

extern OSSL_LIB_CTX *sym_wd; /* context with wd alone */

/* Load wd; @fallback as in the configuration. */
void sym_load(bool fallback);
void sym_unload(void);

/* One of wd's statistics, "aes-gcm" and "jobs". */
uint64_t sym_counter(const char *kind, const char *name);
/* One that is not of a kind, "abandoned". */
uint64_t sym_total(const char *name);

/* Deterministic; the seed is printed when a case fails. */
uint32_t sym_random(uint32_t below);
void sym_seed(uint32_t seed);
void sym_bytes(uint8_t *p, size_t n);

/* A length: often small, often around a block, sometimes up to @max. */
size_t sym_length(size_t max);

struct sym_pair {
	EVP_CIPHER *cipher[2];
	EVP_CIPHER_CTX *ctx[2]; /* wd, default */
};

struct sym_pair sym_open(const char *name);
void sym_close(struct sym_pair *p);

/* Both of these go on with the copy. */
void sym_copy(struct sym_pair *p);

/* Each returns what the calls returned. */
int sym_init(struct sym_pair *p, const uint8_t *key, const uint8_t *iv,
	     int encrypt);
int sym_ctrl(struct sym_pair *p, int type, int arg, const void *in);
int sym_get(struct sym_pair *p, int type, int arg, uint8_t *out);
/* @out NULL: AAD.  Not in place unless @out == @in. */
int sym_update(struct sym_pair *p, uint8_t *out, int *out_len,
	       const uint8_t *in, int len);
int sym_final(struct sym_pair *p, uint8_t *out, int *out_len);
/* The IV as given and as it stands now. */
void sym_same_ivs(struct sym_pair *p);

#endif
