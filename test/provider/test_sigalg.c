/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures whose name says the digest.  Before 3.4 nobody is offered them;
 * from then on each crosses to the default provider and back, in one piece and
 * in many, and what may not follow ends as it does there.
 */
#include <dlfcn.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "test/provider/rsa_side.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define MAX	 1024

/* Functions of 3.4, which the headers may not have. */
typedef int init_fn(EVP_PKEY_CTX *ctx, EVP_SIGNATURE *alg, const OSSL_PARAM *p);
typedef int update_fn(EVP_PKEY_CTX *ctx, const uint8_t *in, size_t len);
typedef int sign_final_fn(EVP_PKEY_CTX *ctx, uint8_t *sig, size_t *len);
typedef int verify_final_fn(EVP_PKEY_CTX *ctx);

static init_fn *sign_init, *verify_init, *recover_init;
static init_fn *sign_message_init, *verify_message_init;
static update_fn *sign_update, *verify_update;
static sign_final_fn *sign_final;
static verify_final_fn *verify_final;

static struct side *def, *wd;

struct alg {
	const char *name, *alias, *key, *digest;
};

static const struct alg algs[] = {
	{ "RSA-RIPEMD160", "1.3.36.3.3.1.2", "RSA", "RIPEMD-160" },
	{ "RSA-SHA1", "sha1WithRSAEncryption", "RSA", "SHA1" },
	{ "RSA-SHA2-224", "1.2.840.113549.1.1.14", "RSA", "SHA2-224" },
	{ "RSA-SHA2-256", "RSA-SHA256", "RSA", "SHA2-256" },
	{ "RSA-SHA2-384", "1.2.840.113549.1.1.12", "RSA", "SHA2-384" },
	{ "RSA-SHA2-512", "sha512WithRSAEncryption", "RSA", "SHA2-512" },
	{ "RSA-SHA2-512/224", "RSA-SHA512-224", "RSA", "SHA2-512/224" },
	{ "RSA-SHA2-512/256", "1.2.840.113549.1.1.16", "RSA", "SHA2-512/256" },
	{ "RSA-SHA3-224", "2.16.840.1.101.3.4.3.13", "RSA", "SHA3-224" },
	{ "RSA-SHA3-256", "2.16.840.1.101.3.4.3.14", "RSA", "SHA3-256" },
	{ "RSA-SHA3-384", "2.16.840.1.101.3.4.3.15", "RSA", "SHA3-384" },
	{ "RSA-SHA3-512", "id-rsassa-pkcs1-v1_5-with-sha3-512", "RSA",
	  "SHA3-512" },
	{ "RSA-SM3", "sm3WithRSAEncryption", "RSA", "SM3" },
	{ "ECDSA-SHA1", "ecdsa-with-SHA1", "EC", "SHA1" },
	{ "ECDSA-SHA2-224", "1.2.840.10045.4.3.1", "EC", "SHA2-224" },
	{ "ECDSA-SHA2-256", "ecdsa-with-SHA256", "EC", "SHA2-256" },
	{ "ECDSA-SHA2-384", "ECDSA-SHA384", "EC", "SHA2-384" },
	{ "ECDSA-SHA2-512", "1.2.840.10045.4.3.4", "EC", "SHA2-512" },
	{ "ECDSA-SHA3-224", "id-ecdsa-with-sha3-224", "EC", "SHA3-224" },
	{ "ECDSA-SHA3-256", "2.16.840.1.101.3.4.3.10", "EC", "SHA3-256" },
	{ "ECDSA-SHA3-384", "ecdsa_with_SHA3-384", "EC", "SHA3-384" },
	{ "ECDSA-SHA3-512", "2.16.840.1.101.3.4.3.12", "EC", "SHA3-512" },
};

static void *function(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}

/* False: this libcrypto has not heard of them. */
static bool sides(void)
{
	if (!def) {
		def = side_default();
		wd = side_wd("emu", "no", false);
		sign_init = (init_fn *)function("EVP_PKEY_sign_init_ex2");
		verify_init = (init_fn *)function("EVP_PKEY_verify_init_ex2");
		recover_init =
			(init_fn *)function("EVP_PKEY_verify_recover_init_ex2");
		sign_message_init =
			(init_fn *)function("EVP_PKEY_sign_message_init");
		verify_message_init =
			(init_fn *)function("EVP_PKEY_verify_message_init");
		sign_update =
			(update_fn *)function("EVP_PKEY_sign_message_update");
		verify_update =
			(update_fn *)function("EVP_PKEY_verify_message_update");
		sign_final = (sign_final_fn *)function(
			"EVP_PKEY_sign_message_final");
		verify_final = (verify_final_fn *)function(
			"EVP_PKEY_verify_message_final");
	}
	return sign_init != NULL;
}

static EVP_PKEY *key_of(const char *type)
{
	static EVP_PKEY *rsa, *ec;

	if (!strcmp(type, "RSA")) {
		if (!rsa)
			rsa = side_make(def, "RSA", "bits=2048");
		return rsa;
	}
	if (!ec)
		ec = EVP_PKEY_Q_keygen(def->lib, def->q, "EC", "P-256");
	return ec;
}

static EVP_SIGNATURE *fetch(const struct side *s, const char *name)
{
	return EVP_SIGNATURE_fetch(s->lib, name, s->q);
}

/* An operation begun on one side. */
struct run {
	EVP_PKEY *key;
	EVP_PKEY_CTX *ctx;
	EVP_SIGNATURE *alg;
};

static int begin(struct run *r, const struct side *s, const struct alg *a,
		 init_fn *init)
{
	r->key = side_take(s, key_of(a->key), EVP_PKEY_KEYPAIR);
	r->ctx = side_ctx(s, r->key);
	r->alg = fetch(s, a->name);
	T_OK(r->ctx && r->alg);
	return init(r->ctx, r->alg, NULL);
}

static void end(struct run *r)
{
	EVP_PKEY_CTX_free(r->ctx);
	EVP_SIGNATURE_free(r->alg);
	EVP_PKEY_free(r->key);
	ERR_clear_error();
}

static int set_signature(EVP_PKEY_CTX *ctx, uint8_t *sig, size_t len)
{
	OSSL_PARAM p[] = { OSSL_PARAM_construct_octet_string("signature", sig,
							     len),
			   OSSL_PARAM_construct_end() };

	return EVP_PKEY_CTX_set_params(ctx, p);
}

/* @message in pieces of @piece bytes; 0: one-shot. */
static size_t sign(const struct side *s, const struct alg *a,
		   const uint8_t *message, size_t len, size_t piece,
		   uint8_t *sig)
{
	struct run r;
	size_t n = 0;

	T_EQ(begin(&r, s, a, sign_message_init), 1);
	for (size_t at = 0; piece && at < len; at += piece)
		T_EQ(sign_update(r.ctx, message + at,
				 len - at < piece ? len - at : piece),
		     1);
	if (piece) {
		T_EQ(sign_final(r.ctx, NULL, &n), 1);
		T_EQ(sign_final(r.ctx, sig, &n), 1);
	} else {
		T_EQ(EVP_PKEY_sign(r.ctx, NULL, &n, message, len), 1);
		T_EQ(EVP_PKEY_sign(r.ctx, sig, &n, message, len), 1);
	}
	end(&r);
	return n;
}

static int verify(const struct side *s, const struct alg *a,
		  const uint8_t *message, size_t len, size_t piece,
		  uint8_t *sig, size_t sig_len)
{
	struct run r;
	int ok;

	T_EQ(begin(&r, s, a, verify_message_init), 1);
	if (!piece) {
		ok = EVP_PKEY_verify(r.ctx, sig, sig_len, message, len);
		end(&r);
		return ok;
	}
	T_EQ(set_signature(r.ctx, sig, sig_len), 1);
	for (size_t at = 0; at < len; at += piece)
		T_EQ(verify_update(r.ctx, message + at,
				   len - at < piece ? len - at : piece),
		     1);
	ok = verify_final(r.ctx);
	end(&r);
	return ok;
}

static void crosses(const struct alg *a, const uint8_t *message, size_t len,
		    size_t piece)
{
	uint8_t mine[MAX], theirs[MAX];
	size_t n = sign(wd, a, message, len, piece, mine);
	size_t m = sign(def, a, message, len, piece, theirs);

	if (!strcmp(a->key, "RSA")) {
		T_EQ(n, m);
		T_MEM(mine, theirs, n);
	}
	T_EQ(verify(def, a, message, len, piece, mine, n), 1);
	T_EQ(verify(wd, a, message, len, piece, theirs, m), 1);
	T_EQ(verify(wd, a, message, len, piece, theirs, m - 1) > 0, 0);
	theirs[m / 2] ^= 1;
	T_EQ(verify(wd, a, message, len, piece, theirs, m) > 0, 0);
}

static void messages_cross_in_one_piece_and_in_many(void)
{
	uint8_t message[300];

	if (!sides())
		return;
	memset(message, 0x6b, sizeof(message));
	for (size_t i = 0; i < ARRAY(algs); i++) {
		crosses(&algs[i], message, 300, 0);
		crosses(&algs[i], message, 300, 300);
		crosses(&algs[i], message, 300, 7);
		crosses(&algs[i], message, 0, 1);
	}
	/* RSA with SM3 is software. */
	T_EQ(side_count(wd, "rsa-private", "jobs"), 12 * 4);
	T_OK(side_count(wd, "rsa-public", "jobs") >= 12 * 4);
	T_EQ(side_count(wd, "ecdsa-sign", "jobs"), 9 * 4);
	T_OK(side_count(wd, "ecdsa-verify", "jobs") >= 9 * 4);
}

static void digests_cross(void)
{
	if (!sides())
		return;
	for (size_t i = 0; i < ARRAY(algs); i++) {
		const struct alg *a = &algs[i];
		uint8_t tbs[EVP_MAX_MD_SIZE], sig[MAX];
		const struct side *both[] = { wd, def };
		EVP_MD *md = EVP_MD_fetch(def->lib, a->digest, def->q);
		size_t len = (size_t)EVP_MD_get_size(md);

		EVP_MD_free(md);
		memset(tbs, 0x3a, sizeof(tbs));
		for (int s = 0; s < 2; s++) {
			struct run from, to;
			size_t n = sizeof(sig);

			T_EQ(begin(&from, both[s], a, sign_init), 1);
			T_EQ(begin(&to, both[!s], a, verify_init), 1);
			T_EQ(EVP_PKEY_sign(from.ctx, sig, &n, tbs, len), 1);
			T_EQ(EVP_PKEY_verify(to.ctx, sig, n, tbs, len), 1);
			tbs[0]++;
			T_OK(EVP_PKEY_verify(to.ctx, sig, n, tbs, len) <= 0);
			/* A digest of another length is none. */
			if (!strcmp(a->key, "RSA")) {
				n = sizeof(sig);
				T_OK(EVP_PKEY_sign(from.ctx, sig, &n, tbs,
						   len - 1) <= 0);
			}
			end(&from);
			end(&to);
		}
	}
}

static void a_digest_is_recovered(void)
{
	uint8_t tbs[32], sig[MAX], out[2][MAX];
	size_t n = sizeof(sig), len[2];
	const struct alg *a = &algs[3];
	struct run r;

	if (!sides())
		return;
	memset(tbs, 9, sizeof(tbs));
	T_EQ(begin(&r, wd, a, sign_init), 1);
	T_EQ(EVP_PKEY_sign(r.ctx, sig, &n, tbs, sizeof(tbs)), 1);
	end(&r);
	for (int s = 0; s < 2; s++) {
		T_EQ(begin(&r, s ? wd : def, a, recover_init), 1);
		len[s] = MAX;
		T_EQ(EVP_PKEY_verify_recover(r.ctx, out[s], &len[s], sig, n),
		     1);
		end(&r);
	}
	T_EQ(len[0], len[1]);
	T_MEM(out[1], out[0], len[0]);
	T_MEM(out[1], tbs, sizeof(tbs));
}

/* The same steps on both sides, the answers noted. */
static void steps(const struct side *s, const struct alg *a, int *got)
{
	uint8_t sig[MAX] = { 0 };
	size_t n = MAX;
	struct run r;

	got[0] = begin(&r, s, a, sign_message_init);
	got[1] = sign_update(r.ctx, sig, 3);
	n = MAX;
	got[2] = EVP_PKEY_sign(r.ctx, sig, &n, sig, 3) > 0;
	n = MAX;
	got[3] = sign_final(r.ctx, sig, &n);
	n = MAX;
	got[4] = sign_final(r.ctx, sig, &n);
	got[5] = sign_update(r.ctx, sig, 3);
	/* Begun for a digest: no message. */
	got[6] = sign_init(r.ctx, r.alg, NULL);
	got[7] = sign_update(r.ctx, sig, 3) > 0;
	got[8] = verify_message_init(r.ctx, r.alg, NULL);
	got[9] = verify_update(r.ctx, sig, 3);
	got[10] = verify_final(r.ctx) > 0; /* of no signature */
	got[11] = set_signature(r.ctx, sig, 5) > 0;
	got[12] =
		EVP_PKEY_CTX_set_rsa_padding(r.ctx, RSA_PKCS1_PSS_PADDING) > 0;
	got[13] = EVP_PKEY_CTX_set_signature_md(r.ctx, EVP_sha1()) > 0;
	end(&r);
}

static void what_may_follow_is_as_with_default(void)
{
	static const size_t rows[] = { 3, 15 };
	int mine[14], theirs[14];

	if (!sides())
		return;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		steps(def, &algs[rows[i]], theirs);
		steps(wd, &algs[rows[i]], mine);
		for (size_t j = 0; j < ARRAY(mine); j++)
			if (mine[j] != theirs[j])
				t_fail(__FILE__, __LINE__,
				       "%s, step %zu: %d, expected %d",
				       algs[rows[i]].name, j, mine[j],
				       theirs[j]);
	}
}

static void a_copy_in_between_goes_its_own_way(void)
{
	uint8_t message[20] = "the beginning, and ", sig[2][MAX], want[MAX];
	size_t n[2] = { MAX, MAX };
	const struct alg *a = &algs[3];
	EVP_PKEY_CTX *copy;
	struct run r;

	if (!sides())
		return;
	T_EQ(begin(&r, wd, a, sign_message_init), 1);
	T_EQ(sign_update(r.ctx, message, 10), 1);
	copy = EVP_PKEY_CTX_dup(r.ctx);
	T_OK(copy);
	T_EQ(sign_update(r.ctx, message + 10, 5), 1);
	T_EQ(sign_update(copy, message + 10, 9), 1);
	T_EQ(sign_final(r.ctx, sig[0], &n[0]), 1);
	T_EQ(sign_final(copy, sig[1], &n[1]), 1);
	EVP_PKEY_CTX_free(copy);
	end(&r);
	T_EQ(sign(def, a, message, 15, 0, want), n[0]);
	T_MEM(sig[0], want, n[0]);
	T_EQ(sign(def, a, message, 19, 0, want), n[1]);
	T_MEM(sig[1], want, n[1]);

	/* The signature to be verified is copied, too. */
	T_EQ(begin(&r, wd, a, verify_message_init), 1);
	T_EQ(set_signature(r.ctx, sig[1], n[1]), 1);
	T_EQ(verify_update(r.ctx, message, 19), 1);
	copy = EVP_PKEY_CTX_dup(r.ctx);
	T_OK(copy);
	end(&r);
	T_EQ(verify_final(copy), 1);
	EVP_PKEY_CTX_free(copy);
}

static void a_key_of_another_type_is_refused(void)
{
	static const struct alg crossed[] = {
		{ "RSA-SHA2-256", NULL, "EC", "SHA2-256" },
		{ "ECDSA-SHA2-256", NULL, "RSA", "SHA2-256" },
	};
	struct run r;

	if (!sides())
		return;
	for (size_t i = 0; i < ARRAY(crossed); i++) {
		T_OK(begin(&r, wd, &crossed[i], sign_message_init) <= 0);
		end(&r);
		T_OK(begin(&r, wd, &crossed[i], verify_init) <= 0);
		end(&r);
	}
}

static void names_are_offered_from_3_4_on_only(void)
{
	bool later = sides();

	for (size_t i = 0; i < ARRAY(algs); i++) {
		const char *names[] = { algs[i].name, algs[i].alias };

		for (int n = 0; n < 2; n++) {
			EVP_SIGNATURE *s = fetch(wd, names[n]);

			if (later != (s != NULL))
				t_fail(__FILE__, __LINE__, "%s", names[n]);
			EVP_SIGNATURE_free(s);
		}
	}
	ERR_clear_error();
}

T_MAIN(T_CASE(names_are_offered_from_3_4_on_only),
       T_CASE(messages_cross_in_one_piece_and_in_many), T_CASE(digests_cross),
       T_CASE(a_digest_is_recovered),
       T_CASE(what_may_follow_is_as_with_default),
       T_CASE(a_copy_in_between_goes_its_own_way),
       T_CASE(a_key_of_another_type_is_refused))
