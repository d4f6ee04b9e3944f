/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pk_cases.h - public keys: published values, and what one operation makes
 * another must accept.  Who runs the operations is the including test's.
 */
#ifndef PK_CASES_H
#define PK_CASES_H

#include "hw/hpre/hpre.h"
#include "test/t.h"

/* Numbers by name, from text. */
struct pk_numbers {
	uint8_t mem[HPRE_NUMBERS][HPRE_WIDTH_MAX];
	struct hpre_num n[HPRE_NUMBERS];
};

/* The test's: one operation.  @buf gets the output, HPRE_OUT_MAX bytes, and
 * @out its numbers, which point into @buf; both NULL for a verdict. */
int pk_run(struct hpre_op op, const struct pk_numbers *s, uint8_t *buf,
	   struct hpre_num *out);

void ecdsa_signs_as_rfc_6979_and_verifies(void);
void a_public_key_is_its_scalar_times_g(void);
void x25519_of_rfc_7748(void);
void dh_with_and_without_its_own_generator_agree(void);
void sm2_signs_as_the_standard_and_verifies(void);
void sm2_encrypts_as_the_standard_and_decrypts(void);
void a_new_sm2_key_signs(void);
void a_new_rsa_key_undoes_its_exponent(void);

#define PK_CASES                                                               \
	T_CASE(ecdsa_signs_as_rfc_6979_and_verifies),                          \
		T_CASE(a_public_key_is_its_scalar_times_g),                    \
		T_CASE(x25519_of_rfc_7748),                                    \
		T_CASE(dh_with_and_without_its_own_generator_agree),           \
		T_CASE(sm2_signs_as_the_standard_and_verifies),                \
		T_CASE(sm2_encrypts_as_the_standard_and_decrypts),             \
		T_CASE(a_new_sm2_key_signs),                                   \
		T_CASE(a_new_rsa_key_undoes_its_exponent)

#endif
