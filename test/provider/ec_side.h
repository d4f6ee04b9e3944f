/* SPDX-License-Identifier: Apache-2.0 */
/* ec_side.h - keys on curves, and agreeing on secrets, for the EC stories. */
#ifndef EC_SIDE_H
#define EC_SIDE_H

#include <openssl/ec.h>

#include "test/provider/rsa_side.h"

#define EC_SECRET_MAX 80

/* Every curve of libcrypto that has keys, by its name; NULL ends the list. */
const char *const *ec_curves(void);

/* Does the engine do it: over a prime field, with cofactor 1? */
bool ec_on_device(const char *curve);

/* A new key, or (params) the curve alone; @encoding NULL: as it comes.  NULL:
 * refused. */
EVP_PKEY *ec_make(const struct side *s, const char *type, const char *curve);
EVP_PKEY *ec_make_params(const struct side *s, const char *curve);

/* A key on @s from parts: @pub may be NULL (n 0), @priv too. */
EVP_PKEY *ec_from(const struct side *s, const char *type, const char *curve,
		  const uint8_t *pub, size_t n, const BIGNUM *priv,
		  int selection);

/* Bytes of the secret, 0: refused anywhere. */
size_t ec_agree(const struct side *s, EVP_PKEY *key, EVP_PKEY *peer,
		uint8_t secret[EC_SECRET_MAX]);

#endif
