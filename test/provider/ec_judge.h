/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ec_judge.h - whoever signs and verifies: a side, a key on it, and how.  Two
 * judges of one key must agree on every signature there is.
 */
#ifndef EC_JUDGE_H
#define EC_JUDGE_H

#include <openssl/bn.h>

#include "test/provider/ec_side.h"

#define EC_SIG_MAX 256 /* bytes */

struct judge {
	const struct side *side;
	EVP_PKEY *key;
	const char *md; /* NULL: what is given is a digest already */
	const char *id; /* SM2: distinguishing id, or NULL */
};

/* The same key elsewhere. */
struct judge judge_at(const struct judge *j, const struct side *s);
void judge_free(struct judge *j); /* its key */

/* Return: 1 or 0. */
int judge_signs(const struct judge *j, const uint8_t *m, size_t len,
		uint8_t *sig, size_t *sig_len);
int judge_says(const struct judge *j, const uint8_t *sig, size_t sig_len,
	       const uint8_t *m, size_t len);

/* Order of the key's group. */
BIGNUM *ec_order(const EVP_PKEY *key);

/*
 * Everything that can be wrong with a signature, beginning with the good one
 * @sig of @m: numbers out of range, other encodings, bytes missing, too many
 * and changed.  Return: how many were compared; failures are t_fail()s.
 */
unsigned int judges_agree(const struct judge *a, const struct judge *b,
			  const uint8_t *sig, size_t sig_len, const uint8_t *m,
			  size_t len);

#endif
