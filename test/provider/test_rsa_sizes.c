/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA signatures published by others, judged and made on the device; and keys of
 * every size libcrypto takes, most of them in software, with the default
 * provider's results.
 */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "test/provider/rsa_side.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define MAX	 2048 /* bytes of RSA-16384 */

static struct side *def, *wd;

static void sides(void)
{
	if (def)
		return;
	def = side_default();
	wd = side_wd("emu", "no", false);
}

/* ---- operations ---------------------------------------------------------- */

static EVP_MD_CTX *begin(const struct side *s, EVP_PKEY *key, int pad, int salt,
			 const char *md, bool sign)
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;

	T_EQ((sign ? EVP_DigestSignInit_ex : EVP_DigestVerifyInit_ex)(
		     m, &ctx, md, s->lib, s->q, key, NULL),
	     1);
	T_EQ(EVP_PKEY_CTX_set_rsa_padding(ctx, pad), 1);
	if (pad == RSA_PKCS1_PSS_PADDING)
		T_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt), 1);
	return m;
}

static size_t sign(const struct side *s, EVP_PKEY *key, int pad,
		   const uint8_t *in, size_t len, uint8_t *sig)
{
	EVP_MD_CTX *m =
		begin(s, key, pad, RSA_PSS_SALTLEN_AUTO, "SHA256", true);
	size_t n = MAX;

	if (EVP_DigestSign(m, sig, &n, in, len) != 1)
		n = 0;
	EVP_MD_CTX_free(m);
	return n;
}

static int verify(const struct side *s, EVP_PKEY *key, int pad, int salt,
		  const char *md, const uint8_t *in, size_t len,
		  const uint8_t *sig, size_t n)
{
	EVP_MD_CTX *m = begin(s, key, pad, salt, md, false);
	int ok = EVP_DigestVerify(m, sig, n, in, len) == 1;

	EVP_MD_CTX_free(m);
	ERR_clear_error();
	return ok;
}

/* ---- published signatures ------------------------------------------------ */

static EVP_PKEY *key_of(const struct side *s, const char *n, const char *e,
			const char *d)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N,
					     OSSL_PKEY_PARAM_RSA_E,
					     OSSL_PKEY_PARAM_RSA_D };
	const char *const hex[] = { n, e, d };
	size_t parts = *d == '-' ? 2 : 3;
	BIGNUM *bn[3] = { NULL };
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, "RSA", s->q);
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	for (size_t i = 0; i < parts; i++) {
		BN_hex2bn(&bn[i], hex[i]);
		OSSL_PARAM_BLD_push_BN(b, names[i], bn[i]);
	}
	params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_fromdata_init(ctx);
	T_EQ(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	for (size_t i = 0; i < parts; i++)
		BN_clear_free(bn[i]);
	return key;
}

static size_t octets(const char *hex, uint8_t *out)
{
	BIGNUM *bn = NULL;
	size_t len = strlen(hex) / 2;

	BN_hex2bn(&bn, hex);
	BN_bn2binpad(bn, out, (int)len);
	BN_free(bn);
	return len;
}

/* PKCS#1 v1.5 has one signature only. */
static void signs_the_same(EVP_PKEY *key, const char *md, const uint8_t *in,
			   size_t len, const uint8_t *sig, size_t n)
{
	EVP_MD_CTX *m = begin(wd, key, RSA_PKCS1_PADDING, 0, md, true);
	uint8_t mine[MAX];
	size_t k = sizeof(mine);

	T_EQ(EVP_DigestSign(m, mine, &k, in, len), 1);
	T_EQ(k, n);
	T_MEM(mine, sig, n);
	EVP_MD_CTX_free(m);
}

static void published_signatures_are_judged_and_made(void)
{
	FILE *f = fopen(TEST_VECTORS "/rsa-cavp.txt", "r");
	static char line[2048], a[8], b[520], c[8], d[520], e[520];
	unsigned int judged = 0, made = 0;
	EVP_PKEY *key = NULL;
	bool private = false;
	long public;

	sides();
	T_OK(f);
	public = side_count(wd, "rsa-public", "jobs");
	while (fgets(line, sizeof(line), f)) {
		uint8_t message[300], sig[300];
		size_t len, n;
		int pad;

		if (*line == '#')
			continue;
		if (sscanf(line, "key %519s %519s %519s", b, d, e) == 3) {
			EVP_PKEY_free(key);
			key = key_of(wd, b, d, e);
			private = *e != '-';
			continue;
		}
		T_EQ(sscanf(line, "%7s %519s %7s %519s %519s", a, b, c, d, e),
		     5);
		len = octets(d, message);
		n = octets(e, sig);
		pad = strcmp(a, "pss") ? RSA_PKCS1_PADDING
				       : RSA_PKCS1_PSS_PADDING;
		if (verify(wd, key, pad, 0, b, message, len, sig, n) !=
		    (*c == 'P'))
			t_fail(__FILE__, __LINE__, "%s", line);
		judged++;
		if (private && *c == 'P') {
			signs_the_same(key, b, message, len, sig, n);
			made++;
		}
	}
	fclose(f);
	EVP_PKEY_free(key);
	T_EQ(judged, 13);
	T_EQ(made, 2);
	T_OK(side_count(wd, "rsa-public", "jobs") - public >= judged);
}

/* ---- sizes --------------------------------------------------------------- */

static void opens(const struct side *from, const struct side *to,
		  EVP_PKEY *seal, EVP_PKEY *open, int pad)
{
	EVP_PKEY_CTX *a = side_ctx(from, seal), *b = side_ctx(to, open);
	uint8_t in[16], sealed[MAX], out[MAX];
	size_t n = sizeof(sealed), m = sizeof(out);

	memset(in, 0x42, sizeof(in));
	T_EQ(EVP_PKEY_encrypt_init(a), 1);
	T_EQ(EVP_PKEY_decrypt_init(b), 1);
	T_EQ(EVP_PKEY_CTX_set_rsa_padding(a, pad), 1);
	T_EQ(EVP_PKEY_CTX_set_rsa_padding(b, pad), 1);
	T_EQ(EVP_PKEY_encrypt(a, sealed, &n, in, sizeof(in)), 1);
	T_EQ(EVP_PKEY_decrypt(b, out, &m, sealed, n), 1);
	T_EQ(m, sizeof(in));
	T_MEM(out, in, sizeof(in));
	EVP_PKEY_CTX_free(a);
	EVP_PKEY_CTX_free(b);
}

static void crosses(EVP_PKEY *key)
{
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	static const int pads[] = { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING };
	const uint8_t *text = (const uint8_t *)"a message";
	static uint8_t a[MAX], b[MAX];

	T_OK(mine);
	T_EQ(EVP_PKEY_get_size(mine), EVP_PKEY_get_size(key));
	T_EQ(EVP_PKEY_get_bits(mine), EVP_PKEY_get_bits(key));
	T_EQ(EVP_PKEY_get_security_bits(mine), EVP_PKEY_get_security_bits(key));
	for (size_t i = 0; i < ARRAY(pads); i++) {
		size_t n = sign(wd, mine, pads[i], text, 9, a);
		size_t m = sign(def, key, pads[i], text, 9, b);

		T_EQ(n, EVP_PKEY_get_size(key));
		T_EQ(m, n);
		if (pads[i] == RSA_PKCS1_PADDING)
			T_MEM(a, b, n);
		T_EQ(verify(def, key, pads[i], RSA_PSS_SALTLEN_AUTO, "SHA256",
			    text, 9, a, n),
		     1);
		T_EQ(verify(wd, mine, pads[i], RSA_PSS_SALTLEN_AUTO, "SHA256",
			    text, 9, b, n),
		     1);
		b[n - 1] ^= 1;
		T_EQ(verify(wd, mine, pads[i], RSA_PSS_SALTLEN_AUTO, "SHA256",
			    text, 9, b, n),
		     0);
	}
	opens(wd, def, mine, key, RSA_PKCS1_PADDING);
	opens(def, wd, key, mine, RSA_PKCS1_PADDING);
	opens(wd, wd, mine, mine, RSA_PKCS1_OAEP_PADDING);
	EVP_PKEY_free(mine);
}

static void keys_of_every_size_give_defaults_results(void)
{
	static const char *const sizes[] = {
		"bits=512",  "bits=513",  "bits=767",  "bits=1000", "bits=1023",
		"bits=1024", "bits=1025", "bits=1032", "bits=1280", "bits=1536",
		"bits=2047", "bits=2048", "bits=2056", "bits=2560", "bits=3071",
		"bits=3072", "bits=3584",
	};

	sides();
	for (size_t i = 0; i < ARRAY(sizes); i++) {
		EVP_PKEY *key = side_make(def, "RSA", sizes[i]);

		T_OK(key);
		crosses(key);
		EVP_PKEY_free(key);
	}
}

/* Mersenne primes: p = 2^2203 - 1 and the like make large keys at once. */
static EVP_PKEY *large(unsigned int a, unsigned int b)
{
	BIGNUM *p = BN_new(), *q = BN_new(), *n = BN_new(), *e = BN_new();
	BIGNUM *phi = BN_new(), *d, *one = BN_new();
	BN_CTX *c = BN_CTX_new();
	char *hn, *he, *hd;
	EVP_PKEY *key;

	BN_one(one);
	BN_set_word(e, 65537);
	BN_lshift(p, one, (int)a);
	BN_sub(p, p, one);
	BN_lshift(q, one, (int)b);
	BN_sub(q, q, one);
	BN_mul(n, p, q, c);
	BN_sub(p, p, one);
	BN_sub(q, q, one);
	BN_mul(phi, p, q, c);
	d = BN_mod_inverse(NULL, e, phi, c);
	T_OK(d);
	hn = BN_bn2hex(n);
	he = BN_bn2hex(e);
	hd = BN_bn2hex(d);
	key = key_of(def, hn, he, hd);
	OPENSSL_free(hn);
	OPENSSL_free(he);
	OPENSSL_free(hd);
	BN_free(p);
	BN_free(q);
	BN_free(n);
	BN_free(e);
	BN_free(d);
	BN_free(phi);
	BN_free(one);
	BN_CTX_free(c);
	return key;
}

static void large_keys_give_defaults_results(void)
{
	/* 4253 + 4423 = 8676, 11213 + 4423 = 15636 */
	static const unsigned int parts[][2] = { { 4253, 4423 },
						 { 11213, 4423 } };

	sides();
	for (size_t i = 0; i < ARRAY(parts); i++) {
		EVP_PKEY *key = large(parts[i][0], parts[i][1]);

		crosses(key);
		EVP_PKEY_free(key);
	}
}

/* libcrypto's limit: beyond it public operations are refused by both. */
static void too_large_keys_are_refused_alike(void)
{
	EVP_PKEY *key, *mine;
	static uint8_t sig[2 * MAX];
	const uint8_t *text = (const uint8_t *)"x";
	size_t n;

	sides();
	key = large(11213, 9689); /* 20902 bits */
	mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	T_OK(mine);
	n = (size_t)EVP_PKEY_get_size(key);
	memset(sig, 1, sizeof(sig));
	T_EQ(verify(wd, mine, RSA_PKCS1_PADDING, 0, "SHA256", text, 1, sig, n),
	     verify(def, key, RSA_PKCS1_PADDING, 0, "SHA256", text, 1, sig, n));
	EVP_PKEY_free(mine);
	EVP_PKEY_free(key);
}

T_MAIN(T_CASE(published_signatures_are_judged_and_made),
       T_CASE(keys_of_every_size_give_defaults_results),
       T_CASE(large_keys_give_defaults_results),
       T_CASE(too_large_keys_are_refused_alike))
