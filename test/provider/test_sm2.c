/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM2 through EVP: signatures with and without a distinguishing id, and
 * encryption; wd on the model against the default provider, in both directions,
 * on everything that can be wrong, and on devices that fail.
 */
#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "test/provider/ec_judge.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT_MAX 1024
#define CT_MAX	 (TEXT_MAX + 160)
#define ID	 "1234567812345678"

static struct side *def, *wd;
static struct judge theirs, ours;

static struct side *device(const char *name, const char *fallback)
{
	setenv("WD_TIMEOUT_MS", strstr(name, "drop") ? "300" : "20000", 1);
	return side_wd(name, fallback, false);
}

/* A key of the default provider's, and the same on wd. */
static void sides(void)
{
	theirs.md = ours.md = "SM3";
	theirs.id = ours.id = ID;
	if (def)
		return;
	def = side_default();
	wd = device("emu", NULL);
	theirs.side = def;
	theirs.key = ec_make(def, "SM2", NULL);
	T_OK(theirs.key);
	ours = judge_at(&theirs, wd);
}

/* ---- signatures -------------------------------------------------------------- */

static void signed_with_any_id_in_both_directions(void)
{
	static char long_id[8191];
	static const char *const ids[] = { NULL, "", "a", ID, long_id };
	uint8_t m[300] = { 1 }, sig[EC_SIG_MAX];
	size_t n;

	sides();
	memset(long_id, 'x',
	       sizeof(long_id) - 2); /* 8189: the longest is 8190 */
	for (size_t i = 0; i < ARRAY(ids); i++) {
		long done = side_count(wd, "sm2-sign", "done");

		theirs.id = ours.id = ids[i];
		for (size_t len = 0; len <= sizeof(m); len += 60) {
			T_EQ(judge_signs(&ours, m, len, sig, &n), 1);
			T_EQ(judge_says(&theirs, sig, n, m, len), 1);
			T_EQ(judge_says(&ours, sig, n, m, len), 1);
			T_EQ(judge_signs(&theirs, m, len, sig, &n), 1);
			T_EQ(judge_says(&ours, sig, n, m, len), 1);
			ours.id = "another";
			T_EQ(judge_says(&ours, sig, n, m, len), 0);
			ours.id = ids[i];
		}
		T_EQ(side_count(wd, "sm2-sign", "done") - done, 6);
	}
	ERR_clear_error();
}

static void too_long_an_id_is_refused(void)
{
	static char id[8192];
	uint8_t sig[EC_SIG_MAX];
	size_t n;

	sides();
	memset(id, 'x', sizeof(id) - 1);
	theirs.id = ours.id = id;
	T_EQ(judge_signs(&theirs, (uint8_t *)"m", 1, sig, &n), 0);
	T_EQ(judge_signs(&ours, (uint8_t *)"m", 1, sig, &n), 0);
	ERR_clear_error();
}

static void a_digest_made_elsewhere_in_both_directions(void)
{
	uint8_t m[33], sig[EC_SIG_MAX];
	size_t n;

	sides();
	theirs.md = ours.md = NULL;
	for (int i = 0; i < 8; i++) {
		/* 0, and above the order */
		memset(m, i == 6 ? 0 : i == 7 ? 0xff : i + 1, sizeof(m));
		T_EQ(judge_signs(&ours, m, 32, sig, &n), 1);
		T_EQ(judge_says(&theirs, sig, n, m, 32), 1);
		T_EQ(judge_says(&ours, sig, n, m, 32), 1);
		T_EQ(judge_signs(&theirs, m, 32, sig, &n), 1);
		T_EQ(judge_says(&ours, sig, n, m, 32), 1);
	}
	for (size_t len = 0; len <= 33; len += 31) {
		T_EQ(judge_signs(&ours, m, len, sig, &n),
		     judge_signs(&theirs, m, len, sig, &n));
		T_EQ(judge_says(&ours, sig, n, m, len), 0);
	}
	ERR_clear_error();
}

static void other_digests_are_refused_as_default_does(void)
{
	static const char *const mds[] = { "SHA256", "SHA512", "SM3",
					   "NO-SUCH" };

	sides();
	for (size_t i = 0; i < ARRAY(mds); i++) {
		uint8_t sig[EC_SIG_MAX];
		size_t n;
		int ok[2];

		theirs.md = ours.md = mds[i];
		ok[0] = judge_signs(&theirs, (uint8_t *)"m", 1, sig, &n);
		ok[1] = judge_signs(&ours, (uint8_t *)"m", 1, sig, &n);
		T_EQ(ok[0], !strcmp(mds[i], "SM3"));
		T_EQ(ok[1], ok[0]);
	}
	ERR_clear_error();
}

static void verdicts_are_the_default_providers(void)
{
	const uint8_t m[32] = { 4, 2 };
	uint8_t sig[EC_SIG_MAX];
	unsigned int compared = 0;
	size_t n;

	sides();
	for (int raw = 0; raw < 2; raw++) {
		theirs.md = ours.md = raw ? NULL : "SM3";
		T_EQ(judge_signs(&theirs, m, sizeof(m), sig, &n), 1);
		compared += judges_agree(&theirs, &ours, sig, n, m, sizeof(m));
	}
	printf("%u signatures compared\n", compared);
	T_OK(compared > 700);
}

/* What a test of @step gives on either side. */
static int id_at(const struct judge *j, int step)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_DIST_ID,
						  (void *)"id", 2),
		OSSL_PARAM_construct_end(),
	};
	int ok;

	ok = EVP_DigestSignInit_ex(ctx, &pctx, "SM3", j->side->lib, j->side->q,
				   j->key, step == 0 ? params : NULL) > 0;
	if (step == 0)
		goto out;
	T_EQ(ok, 1);
	if (step == 2)
		T_EQ(EVP_DigestSignUpdate(ctx, "m", 1), 1);
	if (step == 3)
		T_EQ(EVP_DigestSignUpdate(ctx, "", 0), 1);
	ok = EVP_PKEY_CTX_set_params(pctx, params) > 0;
out:
	EVP_MD_CTX_free(ctx);
	return ok;
}

static void an_id_may_come_when_default_takes_it(void)
{
	EVP_PKEY_CTX *a, *b;

	sides();
	for (int step = 0; step < 4; step++)
		T_EQ(id_at(&ours, step), id_at(&theirs, step));
	a = side_ctx(def, theirs.key);
	b = side_ctx(wd, ours.key);
	T_EQ(EVP_PKEY_sign_init(a), 1);
	T_EQ(EVP_PKEY_sign_init(b), 1);
	T_EQ(EVP_PKEY_CTX_set1_id(b, ID, 16) > 0,
	     EVP_PKEY_CTX_set1_id(a, ID, 16) > 0);
	EVP_PKEY_CTX_free(a);
	EVP_PKEY_CTX_free(b);
	ERR_clear_error();
}

static void parameters_are_the_default_providers(void)
{
	uint8_t id[2][64];
	size_t id_len[2];

	sides();
	for (int i = 0; i < 2; i++) {
		const struct judge *j = i ? &ours : &theirs;
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		EVP_PKEY_CTX *pctx;
		size_t size = 0;
		char md[30] = "";
		OSSL_PARAM get[] = {
			OSSL_PARAM_construct_octet_string("algorithm-id", id[i],
							  sizeof(id[i])),
			OSSL_PARAM_construct_size_t("digest-size", &size),
			OSSL_PARAM_construct_utf8_string("digest", md,
							 sizeof(md)),
			OSSL_PARAM_construct_end(),
		};

		T_EQ(EVP_DigestSignInit_ex(ctx, &pctx, NULL, j->side->lib,
					   j->side->q, j->key, NULL),
		     1);
		T_EQ(EVP_PKEY_CTX_get_params(pctx, get), 1);
		id_len[i] = get[0].return_size;
		T_EQ(size, 32);
		T_STR(md, "SM3");
		EVP_MD_CTX_free(ctx);
	}
	T_EQ(id_len[0], id_len[1]);
	T_OK(id_len[0] > 8);
	T_MEM(id[0], id[1], id_len[0]);
}

static void both_copies_of_a_context_go_on(void)
{
	uint8_t m[64] = { 3 }, sig[EC_SIG_MAX];
	EVP_MD_CTX *a = EVP_MD_CTX_new(), *b = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	size_t n;

	sides();
	T_EQ(EVP_DigestSignInit_ex(a, &pctx, "SM3", wd->lib, wd->q, ours.key,
				   NULL),
	     1);
	T_OK(EVP_PKEY_CTX_set1_id(pctx, ID, 16) > 0);
	/* Before Z and after it. */
	T_EQ(EVP_MD_CTX_copy_ex(b, a), 1);
	n = sizeof(sig);
	T_EQ(EVP_DigestSign(b, sig, &n, m, 40), 1);
	T_EQ(judge_says(&theirs, sig, n, m, 40), 1);
	EVP_MD_CTX_reset(b);
	T_EQ(EVP_DigestSignUpdate(a, m, 10), 1);
	T_EQ(EVP_MD_CTX_copy_ex(b, a), 1);
	T_EQ(EVP_DigestSignUpdate(a, m + 10, 10), 1);
	n = sizeof(sig);
	T_EQ(EVP_DigestSignFinal(a, sig, &n), 1);
	T_EQ(judge_says(&theirs, sig, n, m, 20), 1);
	T_EQ(EVP_DigestSignUpdate(b, m + 10, 40), 1);
	n = sizeof(sig);
	T_EQ(EVP_DigestSignFinal(b, sig, &n), 1);
	T_EQ(judge_says(&theirs, sig, n, m, 50), 1);
	EVP_MD_CTX_free(a);
	EVP_MD_CTX_free(b);
}

/* The id stays with a key that stays, and goes with one that comes. */
static int again(const struct judge *j, EVP_PKEY *key, uint8_t *sig, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	int ok;

	ok = EVP_DigestSignInit_ex(ctx, &pctx, "SM3", j->side->lib, j->side->q,
				   j->key, NULL) > 0 &&
	     EVP_PKEY_CTX_set1_id(pctx, ID, 16) > 0 &&
	     EVP_DigestSign(ctx, sig, n, (uint8_t *)"x", 1) > 0 &&
	     EVP_DigestSignInit_ex(ctx, NULL, key ? "SM3" : NULL, j->side->lib,
				   j->side->q, key, NULL) > 0;
	*n = EC_SIG_MAX;
	ok = ok && EVP_DigestSign(ctx, sig, n, (uint8_t *)"m", 1) > 0;
	EVP_MD_CTX_free(ctx);
	return ok;
}

static void initialised_again_it_is_as_in_default(void)
{
	uint8_t sig[EC_SIG_MAX];

	sides();
	for (int with_key = 0; with_key < 2; with_key++) {
		size_t n[2] = { EC_SIG_MAX, EC_SIG_MAX };
		int good[2][2], ok[2];

		for (int i = 0; i < 2; i++) {
			const struct judge *j = i ? &ours : &theirs;

			ok[i] = again(j, with_key ? j->key : NULL, sig, &n[i]);
			theirs.id = ID;
			good[i][0] = judge_says(&theirs, sig, n[i],
						(uint8_t *)"m", 1);
			theirs.id = NULL;
			good[i][1] = judge_says(&theirs, sig, n[i],
						(uint8_t *)"m", 1);
			theirs.id = ID;
		}
		T_EQ(ok[0], ok[1]);
		T_EQ(good[0][0], good[1][0]);
		T_EQ(good[0][1], good[1][1]);
		T_OK(good[1][0] || good[1][1]);
	}
	ERR_clear_error();
}

/* ---- encryption -------------------------------------------------------------- */

static int crypt_on(const struct judge *j, bool encrypt, const char *md,
		    const uint8_t *in, size_t len, uint8_t *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = side_ctx(j->side, j->key);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_DIGEST,
						 (char *)md, 0),
		OSSL_PARAM_construct_end(),
	};
	int ok = (encrypt ? EVP_PKEY_encrypt_init
			  : EVP_PKEY_decrypt_init)(ctx) > 0 &&
		 (!md || EVP_PKEY_CTX_set_params(ctx, params) > 0) &&
		 (encrypt ? EVP_PKEY_encrypt : EVP_PKEY_decrypt)(ctx, out, n,
								 in, len) > 0;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static void crossed(const char *md, const uint8_t *m, size_t len)
{
	uint8_t ct[CT_MAX], got[CT_MAX];
	const struct judge *from[] = { &ours, &theirs, &ours };
	const struct judge *to[] = { &theirs, &ours, &ours };

	for (size_t i = 0; i < ARRAY(from); i++) {
		size_t n = sizeof(ct), back = sizeof(got);

		T_EQ(crypt_on(from[i], true, md, m, len, ct, &n), 1);
		T_EQ(crypt_on(to[i], false, md, ct, n, got, &back), 1);
		T_EQ(back, len);
		T_MEM(got, m, len);
	}
}

static void encrypted_in_both_directions(void)
{
	static const size_t lens[] = { 1,  2,	7,   8,	  9,   31,  32,	 33,
				       48, 100, 127, 128, 255, 256, 511, 512 };
	uint8_t m[TEXT_MAX];
	long enc, dec;

	sides();
	RAND_bytes(m, sizeof(m));
	enc = side_count(wd, "sm2-encrypt", "done");
	dec = side_count(wd, "sm2-decrypt", "done");
	for (size_t i = 0; i < ARRAY(lens); i++)
		crossed(NULL, m, lens[i]);
	/* Those of eight bytes and more. */
	T_EQ(side_count(wd, "sm2-encrypt", "done") - enc, 2 * 13);
	T_EQ(side_count(wd, "sm2-decrypt", "done") - dec, 2 * 13);
	crossed("SM3", m, 20);
	T_EQ(side_count(wd, "sm2-encrypt", "done") - enc, 2 * 14);
}

static void what_the_engine_has_not_is_done_in_software(void)
{
	uint8_t m[TEXT_MAX];
	long enc, soft;

	sides();
	RAND_bytes(m, sizeof(m));
	enc = side_count(wd, "sm2-encrypt", "jobs");
	soft = side_count(wd, "sm2-encrypt", "software");
	crossed(NULL, m, 513);
	crossed(NULL, m, TEXT_MAX);
	crossed("SHA256", m, 50);
	crossed("SHA512", m, 50);
	T_EQ(side_count(wd, "sm2-encrypt", "jobs"), enc);
	T_EQ(side_count(wd, "sm2-encrypt", "software") - soft, 8);
}

static void sizes_are_the_default_providers(void)
{
	static const size_t lens[] = { 1, 60, 127, 128, 300, 512, 600 };
	uint8_t m[TEXT_MAX] = { 1 }, ct[CT_MAX], got[CT_MAX];

	sides();
	for (size_t i = 0; i < ARRAY(lens); i++) {
		size_t a = 0, b = 0, n = sizeof(ct);

		T_EQ(crypt_on(&theirs, true, NULL, m, lens[i], NULL, &a), 1);
		T_EQ(crypt_on(&ours, true, NULL, m, lens[i], NULL, &b), 1);
		T_EQ(a, b);
		/* Exactly that much room is enough. */
		T_EQ(crypt_on(&ours, true, NULL, m, lens[i], ct, &b), 1);
		T_OK(b <= a);
		T_EQ(crypt_on(&theirs, true, NULL, m, lens[i], ct, &n), 1);
		T_EQ(crypt_on(&theirs, false, NULL, ct, n, NULL, &a), 1);
		T_EQ(crypt_on(&ours, false, NULL, ct, n, NULL, &b), 1);
		T_EQ(a, b);
		b = lens[i] - 1;
		T_EQ(crypt_on(&ours, false, NULL, ct, n, got, &b), 0);
		b = lens[i];
		T_EQ(crypt_on(&ours, false, NULL, ct, n, got, &b), 1);
		/* Not what the default provider of 3.0.19 says. */
		b = lens[i] + 90;
		T_EQ(crypt_on(&ours, true, NULL, m, lens[i], got, &b), 0);
	}
	ERR_clear_error();
}

/* Both refuse or both give the same bytes. */
static int same_decryption(const uint8_t *ct, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1), a[CT_MAX], b[CT_MAX];
	size_t na = sizeof(a), nb = sizeof(b);
	int ok[2];

	memcpy(copy, ct, len);
	ok[0] = crypt_on(&theirs, false, NULL, copy, len, a, &na);
	ok[1] = crypt_on(&ours, false, NULL, copy, len, b, &nb);
	free(copy);
	T_EQ(ok[1], ok[0]);
	if (ok[0]) {
		T_EQ(na, nb);
		T_MEM(a, b, na);
	}
	ERR_clear_error();
	return ok[0];
}

static void what_is_refused_is_what_default_refuses(void)
{
	static const uint8_t few[][8] = {
		{ 0x30, 0 },
		{ 0x30, 0x80, 0, 0 },
		{ 0x30, 6, 2, 1, 1, 2, 1, 1 },
		{ 0x30, 0x84, 0xff, 0xff, 0xff, 0xff },
	};
	static const size_t lens[] = { 8, 20, 140 };
	uint8_t m[TEXT_MAX] = { 7 }, ct[CT_MAX + 4], bad[CT_MAX + 4];

	sides();
	for (size_t l = 0; l < ARRAY(lens); l++) {
		size_t n = sizeof(ct);

		T_EQ(crypt_on(&theirs, true, NULL, m, lens[l], ct, &n), 1);
		T_EQ(same_decryption(ct, n), 1);
		for (size_t i = 0; i < n; i++) {
			memcpy(bad, ct, n);
			bad[i] ^= (uint8_t)(1 << i % 8);
			same_decryption(bad, n);
			same_decryption(ct, i);
		}
		memcpy(bad, ct, n);
		memset(bad + n, 0, 4);
		same_decryption(bad, n + 1);
		same_decryption(bad, n + 4);
	}
	for (size_t i = 0; i < ARRAY(few); i++)
		for (size_t n = 0; n <= sizeof(few[i]); n++)
			same_decryption(few[i], n);
}

/* Thousands of wrong ones, and the device still serves the good. */
static void wrong_ciphertexts_do_not_drive_the_device_out(void)
{
	uint8_t m[64] = { 7 }, ct[CT_MAX], got[CT_MAX], sig[EC_SIG_MAX];
	long done, soft;
	size_t n = sizeof(ct), back;

	sides();
	T_EQ(crypt_on(&theirs, true, NULL, m, sizeof(m), ct, &n), 1);
	ct[n - 1] ^= 1;
	for (int i = 0; i < 50; i++) {
		back = sizeof(got);
		T_EQ(crypt_on(&ours, false, NULL, ct, n, got, &back), 0);
	}
	ct[n - 1] ^= 1;
	done = side_count(wd, "sm2-decrypt", "done");
	soft = side_count(wd, "sm2-decrypt", "software");
	back = sizeof(got);
	T_EQ(crypt_on(&ours, false, NULL, ct, n, got, &back), 1);
	T_EQ(side_count(wd, "sm2-decrypt", "done"), done + 1);
	T_EQ(side_count(wd, "sm2-decrypt", "software"), soft);
	done = side_count(wd, "sm2-sign", "done");
	T_EQ(judge_signs(&ours, m, sizeof(m), sig, &n), 1);
	T_EQ(side_count(wd, "sm2-sign", "done"), done + 1);
	ERR_clear_error();
}

/* ---- published --------------------------------------------------------------- */

/* Value of a line of the vectors. */
static const char *published(const char *name)
{
	static char line[4][256];
	static int at;
	char *l = line[at++ % 4];
	FILE *f = fopen(TEST_VECTORS "/sm2-gmt0003.5.txt", "r");
	size_t len = strlen(name);

	T_OK(f);
	while (fgets(l, 256, f))
		if (!strncmp(l, name, len) && l[len] == ' ') {
			fclose(f);
			l[strcspn(l, "\n")] = '\0';
			return l + len + 1;
		}
	fclose(f);
	t_fail(__FILE__, __LINE__, "no %s", name);
	return NULL;
}

static EVP_PKEY *published_key(const struct side *s)
{
	uint8_t point[65] = { 4 };
	BIGNUM *d = NULL;
	uint8_t d_bytes[32];
	OSSL_PARAM params[4];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, "SM2", s->q);
	EVP_PKEY *key = NULL;

	t_hex(point + 1, 32, published("sign.x"));
	t_hex(point + 33, 32, published("sign.y"));
	BN_hex2bn(&d, published("sign.d"));
	BN_bn2nativepad(d, d_bytes, sizeof(d_bytes));
	BN_free(d);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						     (char *)"SM2", 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						      point, sizeof(point));
	params[2] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, d_bytes,
					    sizeof(d_bytes));
	params[3] = OSSL_PARAM_construct_end();
	T_OK(EVP_PKEY_fromdata_init(ctx) > 0);
	T_OK(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) > 0);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void the_published_signature_is_good(void)
{
	struct judge j = { .md = "SM3" };
	ECDSA_SIG *rs = ECDSA_SIG_new();
	BIGNUM *r = NULL, *s = NULL;
	uint8_t *der = NULL, e[32];
	const char *m;
	int len;

	sides();
	j.side = wd;
	j.key = published_key(wd);
	BN_hex2bn(&r, published("sign.r"));
	BN_hex2bn(&s, published("sign.s"));
	ECDSA_SIG_set0(rs, r, s);
	len = i2d_ECDSA_SIG(rs, &der);
	j.id = published("sign.id");
	m = published("sign.message");
	T_EQ(judge_says(&j, der, (size_t)len, (const uint8_t *)m, strlen(m)),
	     1);
	T_EQ(judge_says(&j, der, (size_t)len, (const uint8_t *)m,
			strlen(m) - 1),
	     0);
	j.md = NULL;
	t_hex(e, sizeof(e), published("sign.e"));
	T_EQ(judge_says(&j, der, (size_t)len, e, sizeof(e)), 1);
	OPENSSL_free(der);
	ECDSA_SIG_free(rs);
	judge_free(&j);
	ERR_clear_error();
}

static size_t published_part(uint8_t *to, uint8_t tag, const char *name)
{
	size_t n = t_hex(to + 2, 64, published(name));

	to[0] = tag;
	to[1] = (uint8_t)n;
	if (tag != 2 || to[2] < 0x80)
		return n + 2;
	memmove(to + 3, to + 2, n);
	to[2] = 0;
	to[1]++;
	return n + 3;
}

static void the_published_ciphertext_is_decrypted(void)
{
	struct judge j = { 0 };
	uint8_t ct[CT_MAX] = { 0x30 }, got[CT_MAX];
	size_t n = 2, back = sizeof(got);
	const char *m;
	long done;

	sides();
	j.side = wd;
	j.key = published_key(wd);
	n += published_part(ct + n, 2, "encrypt.x");
	n += published_part(ct + n, 2, "encrypt.y");
	n += published_part(ct + n, 4, "encrypt.c3");
	n += published_part(ct + n, 4, "encrypt.c2");
	ct[1] = (uint8_t)(n - 2);
	T_OK(n - 2 < 0x80);
	done = side_count(wd, "sm2-decrypt", "done");
	T_EQ(crypt_on(&j, false, NULL, ct, n, got, &back), 1);
	m = published("encrypt.message");
	T_EQ(back, strlen(m));
	T_MEM(got, m, back);
	T_EQ(side_count(wd, "sm2-decrypt", "done"), done + 1);
	judge_free(&j);
}

/* ---- devices that fail --------------------------------------------------------- */

#define ROUNDS 12

static void any_failure_is_made_good_in_software(void)
{
	static const char *const faults[] = {
		"emu:fault=hpre.status/1", "emu:fault=hpre.status/3",
		"emu:fault=hpre.drop@5",   "emu:fault=hpre.stop@5",
		"emu:fault=hpre.gone@5",
	};
	uint8_t m[40] = { 1 }, sig[EC_SIG_MAX], ct[CT_MAX], got[CT_MAX];

	sides();
	for (size_t i = 0; i < ARRAY(faults); i++) {
		struct side *s = device(faults[i], NULL);
		struct judge here = judge_at(&theirs, s);

		for (int k = 0; k < ROUNDS; k++) {
			size_t n, back = sizeof(got);

			m[1] = (uint8_t)k;
			T_EQ(judge_signs(&here, m, 40, sig, &n), 1);
			T_EQ(judge_says(&theirs, sig, n, m, 40), 1);
			T_EQ(judge_says(&here, sig, n, m, 40), 1);
			n = sizeof(ct);
			T_EQ(crypt_on(&here, true, NULL, m, 40, ct, &n), 1);
			T_EQ(crypt_on(&here, false, NULL, ct, n, got, &back),
			     1);
			T_MEM(got, m, 40);
		}
		T_OK(side_count(s, "sm2-sign", "software") +
			     side_count(s, "sm2-decrypt", "software") >
		     0);
		judge_free(&here);
		side_free(s);
		ERR_clear_error();
	}
}

static void wrong_signatures_are_caught_by_the_check(void)
{
	uint8_t m[40] = { 1 }, sig[EC_SIG_MAX];
	struct side *s;
	struct judge here;
	size_t n;

	sides();
	setenv("WD_EC_SIGN_CHECK", "yes", 1);
	s = device("emu:fault=hpre.wrong/3", NULL);
	unsetenv("WD_EC_SIGN_CHECK");
	here = judge_at(&theirs, s);
	for (int k = 0; k < ROUNDS; k++) {
		T_EQ(judge_signs(&here, m, 40, sig, &n), 1);
		T_EQ(judge_says(&theirs, sig, n, m, 40), 1);
	}
	T_OK(side_count(s, "sm2-sign", "wrong") > 0);
	T_OK(side_count(s, "sm2-verify", "jobs") > 0);
	judge_free(&here);
	side_free(s);
}

/* A point off the curve never leaves. */
static void a_wrong_point_is_not_sent(void)
{
	uint8_t m[40] = { 1 }, ct[CT_MAX];
	struct side *s;
	struct judge here;
	size_t n = sizeof(ct);

	sides();
	s = device("emu:fault=hpre.wrong/1", NULL);
	here = judge_at(&theirs, s);
	T_EQ(crypt_on(&here, true, NULL, m, 40, ct, &n), 1);
	T_EQ(side_count(s, "sm2-encrypt", "wrong") +
		     side_count(s, "sm2-encrypt", "done"),
	     2);
	T_EQ(side_count(s, "sm2-encrypt", "software"), 1);
	T_EQ(same_decryption(ct, n), 1);
	judge_free(&here);
	side_free(s);
}

static void without_fallback_a_failure_is_an_error(void)
{
	uint8_t m[40] = { 1 }, sig[EC_SIG_MAX], ct[CT_MAX], got[CT_MAX];
	struct side *s;
	struct judge here;
	size_t n = sizeof(ct), back = sizeof(got);

	sides();
	T_EQ(crypt_on(&theirs, true, NULL, m, 40, ct, &n), 1);
	s = device("emu:fault=hpre.status/1", "no");
	here = judge_at(&theirs, s);
	memset(got, 0, sizeof(got));
	ERR_clear_error();
	T_EQ(crypt_on(&here, false, NULL, ct, n, got, &back), 0);
	T_STR(ERR_reason_error_string(ERR_peek_last_error()),
	      "the accelerator reported an error");
	for (size_t i = 0; i < 40; i++)
		T_EQ(got[i], 0);
	T_EQ(side_count(s, "sm2-decrypt", "wrong"), 1);
	/* A wrong one is wrong all the same. */
	ct[n - 1] ^= 1;
	ERR_clear_error();
	back = sizeof(got);
	T_EQ(crypt_on(&here, false, NULL, ct, n, got, &back), 0);
	T_EQ(side_count(s, "sm2-decrypt", "wrong"), 1);
	T_EQ(judge_signs(&here, m, 40, sig, &n), 0);
	n = sizeof(ct);
	T_EQ(crypt_on(&here, true, NULL, m, 40, ct, &n), 0);
	judge_free(&here);
	side_free(s);
	ERR_clear_error();
}

/* ---- nonces -------------------------------------------------------------------- */

static void take_r(const uint8_t *sig, size_t len, uint8_t *r)
{
	ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &sig, (long)len);

	T_OK(rs);
	BN_bn2binpad(ECDSA_SIG_get0_r(rs), r, 32);
	ECDSA_SIG_free(rs);
}

/* Drawn here, or by the device where the configuration says so; the same
 * message, also after jobs that failed. */
static void a_nonce_never_comes_again(void)
{
	static const struct {
		const char *device, *draws;
	} rows[] = {
		{ "emu", "no" },
		{ "emu", "yes" },
		{ "emu:fault=hpre.status/3", "no" },
		{ "emu:fault=hpre.status/3", "yes" },
	};
	enum { TIMES = 40 };
	static uint8_t r[TIMES][32], x[TIMES][40];
	uint8_t m[32] = { 8 }, sig[EC_SIG_MAX], ct[CT_MAX];

	sides();
	for (size_t i = 0; i < ARRAY(rows); i++) {
		struct side *s;
		struct judge here;

		setenv("WD_DEVICE_NONCE", rows[i].draws, 1);
		s = device(rows[i].device, NULL);
		here = judge_at(&theirs, s);
		for (int k = 0; k < TIMES; k++) {
			size_t n;

			T_EQ(judge_signs(&here, m, 32, sig, &n), 1);
			T_EQ(judge_says(&theirs, sig, n, m, 32), 1);
			take_r(sig, n, r[k]);
			n = sizeof(ct);
			T_EQ(crypt_on(&here, true, NULL, m, 32, ct, &n), 1);
			T_EQ(same_decryption(ct, n), 1);
			memcpy(x[k], ct, sizeof(x[k]));
			for (int l = 0; l < k; l++) {
				T_OK(memcmp(r[k], r[l], 32) != 0);
				T_OK(memcmp(x[k], x[l], sizeof(x[k])) != 0);
			}
		}
		T_OK(side_count(s, "sm2-sign", "done") >= TIMES / 2);
		judge_free(&here);
		side_free(s);
	}
	unsetenv("WD_DEVICE_NONCE");
}

static void alone_without_a_device_it_is_software(void)
{
	uint8_t m[40] = { 2 }, sig[EC_SIG_MAX], ct[CT_MAX];
	struct side *s;
	struct judge here;
	size_t n;

	sides();
	s = side_wd("none", NULL, true);
	here = judge_at(&theirs, s);
	T_EQ(judge_signs(&here, m, 40, sig, &n), 1);
	T_EQ(judge_says(&theirs, sig, n, m, 40), 1);
	T_EQ(judge_says(&here, sig, n, m, 40), 1);
	n = sizeof(ct);
	T_EQ(crypt_on(&here, true, NULL, m, 40, ct, &n), 1);
	T_EQ(same_decryption(ct, n), 1);
	judge_free(&here);
	side_free(s);
}

static void end(void)
{
	if (!def)
		return;
	judge_free(&theirs);
	judge_free(&ours);
	side_free(wd);
	side_free(def);
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(signed_with_any_id_in_both_directions),
		T_CASE(too_long_an_id_is_refused),
		T_CASE(a_digest_made_elsewhere_in_both_directions),
		T_CASE(other_digests_are_refused_as_default_does),
		T_CASE(verdicts_are_the_default_providers),
		T_CASE(an_id_may_come_when_default_takes_it),
		T_CASE(parameters_are_the_default_providers),
		T_CASE(both_copies_of_a_context_go_on),
		T_CASE(initialised_again_it_is_as_in_default),
		T_CASE(encrypted_in_both_directions),
		T_CASE(what_the_engine_has_not_is_done_in_software),
		T_CASE(sizes_are_the_default_providers),
		T_CASE(what_is_refused_is_what_default_refuses),
		T_CASE(wrong_ciphertexts_do_not_drive_the_device_out),
		T_CASE(the_published_signature_is_good),
		T_CASE(the_published_ciphertext_is_decrypted),
		T_CASE(any_failure_is_made_good_in_software),
		T_CASE(wrong_signatures_are_caught_by_the_check),
		T_CASE(a_wrong_point_is_not_sent),
		T_CASE(without_fallback_a_failure_is_an_error),
		T_CASE(a_nonce_never_comes_again),
		T_CASE(alone_without_a_device_it_is_software),
	};
	int rc = t_main(cases, ARRAY(cases), argc, argv);

	end();
	return rc;
}
