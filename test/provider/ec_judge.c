/* SPDX-License-Identifier: Apache-2.0 */
#include "test/provider/ec_judge.h"

#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

struct judge judge_at(const struct judge *j, const struct side *s)
{
	struct judge there = *j;

	there.side = s;
	there.key = side_take(s, j->key, EVP_PKEY_KEYPAIR);
	T_OK(there.key);
	return there;
}

void judge_free(struct judge *j)
{
	EVP_PKEY_free(j->key);
	j->key = NULL;
}

/* ---- one operation --------------------------------------------------------- */

static int raw_signs(const struct judge *j, const uint8_t *m, size_t len,
		     uint8_t *sig, size_t *sig_len)
{
	EVP_PKEY_CTX *ctx = side_ctx(j->side, j->key);
	int ok = EVP_PKEY_sign_init(ctx) > 0 &&
		 EVP_PKEY_sign(ctx, sig, sig_len, m, len) > 0;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static int raw_says(const struct judge *j, const uint8_t *sig, size_t sig_len,
		    const uint8_t *m, size_t len)
{
	EVP_PKEY_CTX *ctx = side_ctx(j->side, j->key);
	int ok = EVP_PKEY_verify_init(ctx) > 0 &&
		 EVP_PKEY_verify(ctx, sig, sig_len, m, len) > 0;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static int set_id(const struct judge *j, EVP_PKEY_CTX *ctx)
{
	return !j->id || EVP_PKEY_CTX_set1_id(ctx, j->id, strlen(j->id)) > 0;
}

int judge_signs(const struct judge *j, const uint8_t *m, size_t len,
		uint8_t *sig, size_t *sig_len)
{
	EVP_MD_CTX *ctx;
	EVP_PKEY_CTX *pctx;
	int ok;

	*sig_len = EC_SIG_MAX;
	if (!j->md)
		return raw_signs(j, m, len, sig, sig_len);
	ctx = EVP_MD_CTX_new();
	ok = EVP_DigestSignInit_ex(ctx, &pctx, j->md, j->side->lib, j->side->q,
				   j->key, NULL) > 0 &&
	     set_id(j, pctx) && EVP_DigestSign(ctx, sig, sig_len, m, len) > 0;
	EVP_MD_CTX_free(ctx);
	return ok;
}

int judge_says(const struct judge *j, const uint8_t *sig, size_t sig_len,
	       const uint8_t *m, size_t len)
{
	EVP_MD_CTX *ctx;
	EVP_PKEY_CTX *pctx;
	int ok;

	if (!j->md)
		return raw_says(j, sig, sig_len, m, len);
	ctx = EVP_MD_CTX_new();
	ok = EVP_DigestVerifyInit_ex(ctx, &pctx, j->md, j->side->lib,
				     j->side->q, j->key, NULL) > 0 &&
	     set_id(j, pctx) && EVP_DigestVerify(ctx, sig, sig_len, m, len) > 0;
	EVP_MD_CTX_free(ctx);
	return ok;
}

BIGNUM *ec_order(const EVP_PKEY *key)
{
	BIGNUM *n = NULL;

	T_EQ(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_ORDER, &n), 1);
	return n;
}

/* ---- all that can be wrong ------------------------------------------------- */

struct trial {
	const struct judge *a, *b;
	const uint8_t *m;
	size_t len;
	unsigned int n;
	const char *what;
};

static void try(struct trial *t, const uint8_t *sig, size_t len)
{
	/* Exactly as long: who reads further is told by the sanitizers. */
	uint8_t *copy = malloc(len ? len : 1);
	int a, b;

	memcpy(copy, sig, len);
	a = judge_says(t->a, copy, len, t->m, t->len);
	b = judge_says(t->b, copy, len, t->m, t->len);
	free(copy);
	if (a != b)
		t_fail(__FILE__, __LINE__, "%s, %zu bytes: %d here, %d there",
		       t->what, len, a, b);
	t->n++;
	ERR_clear_error();
}

/* @form bytes of length beside the first; @pad zero bytes before. */
static size_t element(uint8_t *out, uint8_t tag, int form, size_t pad,
		      const uint8_t *p, size_t n)
{
	uint8_t *to = out;

	*to++ = tag;
	*to++ = form ? (uint8_t)(0x80 | form) : (uint8_t)(n + pad);
	while (form--)
		*to++ = (uint8_t)(form < 4 ? (n + pad) >> 8 * form : 0);
	memset(to, 0, pad);
	memcpy(to + pad, p, n);
	return (size_t)(to - out) + pad + n;
}

static size_t fit(size_t n)
{
	return n < 0x80 ? 0 : n < 0x100 ? 1 : 2;
}

/* Of any sign: i2d_ECDSA_SIG() takes no negative ones. */
static size_t number(uint8_t *out, const BIGNUM *n)
{
	ASN1_INTEGER *i = BN_to_ASN1_INTEGER(n, NULL);
	int len = i2d_ASN1_INTEGER(i, &out);

	T_OK(len > 0);
	ASN1_INTEGER_free(i);
	return (size_t)len;
}

static void try_numbers(struct trial *t, const BIGNUM *r, const BIGNUM *s)
{
	uint8_t in[2 * EC_SIG_MAX], der[2 * EC_SIG_MAX + 4];
	size_t n = number(in, r);

	n += number(in + n, s);
	try(t, der, element(der, 0x30, (int)fit(n), 0, in, n));
}

/* Each of these numbers with each. */
static void out_of_range(struct trial *t, const BIGNUM *r, const BIGNUM *s,
			 const BIGNUM *n)
{
	BIGNUM *v[14];

	for (size_t i = 0; i < ARRAY(v); i++)
		v[i] = BN_new();
	BN_copy(v[0], r);
	BN_copy(v[1], s);
	BN_zero(v[2]);
	BN_one(v[3]);
	BN_copy(v[4], n);
	BN_sub(v[5], n, BN_value_one());
	BN_add(v[6], n, BN_value_one());
	BN_sub(v[7], n, s);
	BN_sub(v[8], n, r);
	BN_add(v[9], n, r);
	BN_add(v[10], n, s);
	BN_lshift(v[11], n, 64);
	BN_copy(v[12], r);
	BN_set_negative(v[12], 1);
	BN_copy(v[13], s);
	BN_set_negative(v[13], 1);
	t->what = "numbers";
	for (size_t i = 0; i < ARRAY(v); i++)
		for (size_t j = 0; j < ARRAY(v); j++)
			try_numbers(t, v[i], v[j]);
	for (size_t i = 0; i < ARRAY(v); i++)
		BN_free(v[i]);
}

static void encodings(struct trial *t, const BIGNUM *r, const BIGNUM *s)
{
	static const struct {
		uint8_t outer, first;		/* tags */
		int form_outer, form_r, form_s; /* -1: as it must be */
		size_t pad_r, pad_s;
	} rows[] = {
		{ 0x30, 2, -1, -1, -1, 0, 0 },
		{ 0x30, 2, 1, -1, -1, 0, 0 },
		{ 0x30, 2, 2, -1, -1, 0, 0 },
		{ 0x30, 2, 3, -1, -1, 0, 0 },
		{ 0x30, 2, 4, -1, -1, 0, 0 },
		{ 0x30, 2, 8, -1, -1, 0, 0 },
		{ 0x30, 2, -1, 1, -1, 0, 0 },
		{ 0x30, 2, -1, 2, -1, 0, 0 },
		{ 0x30, 2, -1, -1, 1, 0, 0 },
		{ 0x30, 2, -1, -1, 2, 0, 0 },
		{ 0x30, 2, -1, -1, -1, 1, 0 },
		{ 0x30, 2, -1, -1, -1, 0, 1 },
		{ 0x30, 2, -1, -1, -1, 2, 2 },
		{ 0x31, 2, -1, -1, -1, 0, 0 },
		{ 0x10, 2, -1, -1, -1, 0, 0 },
		{ 0x70, 2, -1, -1, -1, 0, 0 },
		{ 0x30, 4, -1, -1, -1, 0, 0 },
		{ 0x30, 10, -1, -1, -1, 0, 0 },
		{ 0x30, 0x22, -1, -1, -1, 0, 0 },
	};
	uint8_t a[EC_SIG_MAX], b[EC_SIG_MAX], in[2 * EC_SIG_MAX],
		out[3 * EC_SIG_MAX];
	/* With the zero byte that keeps a number positive. */
	size_t na = (size_t)BN_num_bytes(r) + (BN_num_bits(r) % 8 == 0),
	       nb = (size_t)BN_num_bytes(s) + (BN_num_bits(s) % 8 == 0);

	BN_bn2binpad(r, a, (int)na);
	BN_bn2binpad(s, b, (int)nb);
	t->what = "encoding";
	for (size_t i = 0; i < ARRAY(rows); i++) {
		int fr = rows[i].form_r, fs = rows[i].form_s,
		    fo = rows[i].form_outer;
		size_t n;

		n = element(in, rows[i].first, fr < 0 ? (int)fit(na) : fr,
			    rows[i].pad_r, a, na);
		n += element(in + n, 2, fs < 0 ? (int)fit(nb) : fs,
			     rows[i].pad_s, b, nb);
		n = element(out, rows[i].outer, fo < 0 ? (int)fit(n) : fo, 0,
			    in, n);
		try(t, out, n);
	}
	/* The sign byte left out. */
	t->what = "negative";
	in[0] = 0;
	if (!a[0]) {
		size_t n = element(in, 2, 0, 0, a + 1, na - 1);

		n += element(in + n, 2, 0, 0, b, nb);
		try(t, out, element(out, 0x30, (int)fit(n), 0, in, n));
	}
}

static void lengths(struct trial *t, const uint8_t *sig, size_t len)
{
	static const uint8_t few[][8] = {
		{ 0x30, 0 },
		{ 0x30, 0x80, 0, 0 },
		{ 0x30, 4, 2, 0, 2, 0 },
		{ 0x30, 6, 2, 1, 1, 2, 1, 1 },
		{ 0x30, 3, 2, 1, 1 },
		{ 0x30, 0x84, 0xff, 0xff, 0xff, 0xff },
		{ 0xff, 0xff, 0xff, 0xff },
	};
	uint8_t more[EC_SIG_MAX + 4];

	t->what = "one and more bytes short";
	for (size_t n = 0; n < len; n++)
		try(t, sig, n);
	t->what = "bytes too many";
	memcpy(more, sig, len);
	memset(more + len, 0, 4);
	for (size_t n = 1; n <= 4; n++)
		try(t, more, len + n);
	/* Inside the sequence. */
	if (len < 0x7f) {
		more[1]++;
		try(t, more, len + 1);
	}
	t->what = "hardly anything";
	for (size_t i = 0; i < ARRAY(few); i++)
		for (size_t n = 0; n <= sizeof(few[i]); n++)
			try(t, few[i], n);
}

static void changes(struct trial *t, const uint8_t *sig, size_t len)
{
	uint8_t copy[EC_SIG_MAX];

	t->what = "one bit";
	for (size_t i = 0; i < len; i++) {
		memcpy(copy, sig, len);
		copy[i] ^= (uint8_t)(1 << i % 8);
		try(t, copy, len);
	}
}

unsigned int judges_agree(const struct judge *a, const struct judge *b,
			  const uint8_t *sig, size_t sig_len, const uint8_t *m,
			  size_t len)
{
	struct trial t = { .a = a, .b = b, .m = m, .len = len, .what = "good" };
	const uint8_t *p = sig;
	ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &p, (long)sig_len);
	BIGNUM *n = ec_order(a->key);
	const BIGNUM *r, *s;

	T_OK(rs);
	ECDSA_SIG_get0(rs, &r, &s);
	T_EQ(judge_says(a, sig, sig_len, m, len), 1);
	try(&t, sig, sig_len);
	out_of_range(&t, r, s, n);
	encodings(&t, r, s);
	lengths(&t, sig, sig_len);
	changes(&t, sig, sig_len);
	BN_free(n);
	ECDSA_SIG_free(rs);
	return t.n;
}
