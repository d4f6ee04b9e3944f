/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA through EVP: wd on the model against the default provider, on keys of
 * every kind, in both directions, successes and refusals.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <pthread.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "test/provider/rsa_side.h"
#include "test/t.h"

/* Around what leaks in libcrypto. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define leaks_begin() __lsan_disable()
#define leaks_end()   __lsan_enable()
#else
#define leaks_begin() ((void)0)
#define leaks_end()   ((void)0)
#endif

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define MAX	 2048 /* bytes of a 16384-bit modulus */

static struct side *def, *wd;

static void sides(void)
{
	if (def)
		return;
	def = side_default();
	/* A busy machine is no failing device. */
	setenv("WD_TIMEOUT_MS", "20000", 1);
	wd = side_wd("emu", NULL, false);
}

/* ---- keys ---------------------------------------------------------------- */

static const struct kind {
	const char *name, *type, *words; /* words NULL: a file */
	bool device;			 /* the engine does this one */
} kinds[] = {
	{ "1024", "RSA", "bits=1024", true },
	{ "2048", "RSA", "bits=2048", true },
	{ "3072", "RSA", "bits=3072", true },
	{ "4096", "RSA", "bits=4096", true },
	{ "1023", "RSA", "bits=1023", false },
	{ "1536", "RSA", "bits=1536", false },
	{ "2047", "RSA", "bits=2047", false },
	{ "512", "RSA", "bits=512", false },
	{ "8192", "RSA", NULL, false },
	{ "e=3", "RSA", "bits=2048 rsa_e=3", true },
	{ "e=2^64+13", "RSA", "bits=2048 rsa_e=1000000000000000D", true },
	{ "3 primes", "RSA", "bits=2048 primes=3", true },
	{ "5 primes", "RSA", "bits=8192 primes=5", false },
	{ "PSS", "RSA-PSS", "bits=2048", true },
	{ "PSS sha256", "RSA-PSS",
	  "bits=2048 digest=SHA256 mgf1=SHA256 saltlen=32", true },
	{ "PSS odd", "RSA-PSS", "bits=1025 digest=SHA384 mgf1=SHA1 saltlen=11",
	  false },
};

static EVP_PKEY *key_from_file(void)
{
	BIO *bio = BIO_new_file(TEST_VECTORS "/rsa-8192.pem", "r");
	EVP_PKEY *key;

	key = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, def->lib, NULL);
	BIO_free(bio);
	return key;
}

/* Made once, by the default provider; not the caller's. */
static EVP_PKEY *key_of(const struct kind *k)
{
	static EVP_PKEY *made[ARRAY(kinds)];
	EVP_PKEY **key = &made[k - kinds];

	sides();
	if (!*key)
		*key = k->words ? side_make(def, k->type, k->words)
				: key_from_file();
	T_OK(*key);
	return *key;
}

static EVP_PKEY *key_named(const char *name)
{
	for (size_t i = 0; i < ARRAY(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return key_of(&kinds[i]);
	return NULL;
}

/* n, e and d alone, on @s. */
static EVP_PKEY *key_without_crt(const struct side *s, const EVP_PKEY *key)
{
	OSSL_PARAM *params, three[4], *p = three;
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *mine = NULL;

	EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params);
	for (OSSL_PARAM *q = params; q->key; q++)
		if (!q->key[1])
			*p++ = *q;
	*p = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(s->lib, "RSA", s->q);
	EVP_PKEY_fromdata_init(ctx);
	EVP_PKEY_fromdata(ctx, &mine, EVP_PKEY_KEYPAIR, three);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return mine;
}

/* ---- comparing ----------------------------------------------------------- */

static void same_params(const OSSL_PARAM *a, const OSSL_PARAM *b)
{
	size_t n = 0, m = 0;

	for (const OSSL_PARAM *p = a; p->key; p++, n++) {
		const OSSL_PARAM *q = OSSL_PARAM_locate_const(b, p->key);

		T_OK(q);
		T_EQ(p->data_type, q->data_type);
		T_EQ(p->data_size, q->data_size);
		T_MEM(p->data, q->data, p->data_size);
	}
	while (b[m].key)
		m++;
	T_EQ(n, m);
}

static void same_data(const EVP_PKEY *a, const EVP_PKEY *b, int selection)
{
	OSSL_PARAM *pa, *pb;

	T_EQ(EVP_PKEY_todata(a, selection, &pa), 1);
	T_EQ(EVP_PKEY_todata(b, selection, &pb), 1);
	same_params(pa, pb);
	OSSL_PARAM_free(pa);
	OSSL_PARAM_free(pb);
}

typedef int print_fn(BIO *out, const EVP_PKEY *key, int indent, ASN1_PCTX *c);

static void same_text(const EVP_PKEY *a, const EVP_PKEY *b, print_fn *print)
{
	BIO *ta = BIO_new(BIO_s_mem()), *tb = BIO_new(BIO_s_mem());
	char *pa, *pb;
	long na, nb;

	T_EQ(print(ta, a, 0, NULL), 1);
	T_EQ(print(tb, b, 0, NULL), 1);
	na = BIO_get_mem_data(ta, &pa);
	nb = BIO_get_mem_data(tb, &pb);
	T_OK(na > 0);
	T_EQ(na, nb);
	T_MEM(pa, pb, (size_t)na);
	BIO_free(ta);
	BIO_free(tb);
}

static void same_der(const EVP_PKEY *a, const EVP_PKEY *b, bool private)
{
	unsigned char *da = NULL, *db = NULL;
	int na = private ? i2d_PrivateKey(a, &da) : i2d_PUBKEY(a, &da);
	int nb = private ? i2d_PrivateKey(b, &db) : i2d_PUBKEY(b, &db);

	T_OK(na > 0);
	T_EQ(na, nb);
	T_MEM(da, db, (size_t)na);
	OPENSSL_free(da);
	OPENSSL_free(db);
}

static void same_key(EVP_PKEY *a, EVP_PKEY *b, bool private)
{
	T_OK(a && b);
	T_EQ(EVP_PKEY_get_bits(a), EVP_PKEY_get_bits(b));
	T_EQ(EVP_PKEY_get_size(a), EVP_PKEY_get_size(b));
	T_EQ(EVP_PKEY_get_security_bits(a), EVP_PKEY_get_security_bits(b));
	same_data(a, b, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
	same_text(a, b,
		  private ? EVP_PKEY_print_private : EVP_PKEY_print_public);
	same_der(a, b, private);
	T_EQ(EVP_PKEY_eq(a, b), 1);
	T_EQ(EVP_PKEY_eq(b, a), 1);
}

/* ---- key stories --------------------------------------------------------- */

/* 3.5 turns the order of a key's third and later primes round at each import:
 * of more than three it keeps neither order nor text. */
static bool default_keeps(const EVP_PKEY *key)
{
	EVP_PKEY *copy = side_take(def, key, EVP_PKEY_KEYPAIR);
	BIGNUM *a = NULL, *b = NULL;
	bool keeps;

	EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR3, &a);
	EVP_PKEY_get_bn_param(copy, OSSL_PKEY_PARAM_RSA_FACTOR3, &b);
	keeps = !a || (b && !BN_cmp(a, b));
	BN_free(a);
	BN_free(b);
	EVP_PKEY_free(copy);
	return keeps;
}

static void keys_of_every_kind_are_the_same_on_both_sides(void)
{
	for (size_t i = 0; i < ARRAY(kinds); i++) {
		EVP_PKEY *key = key_of(&kinds[i]), *mine, *back;

		if (!default_keeps(key))
			continue;
		mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
		same_key(key, mine, true);
		back = side_take(def, mine, EVP_PKEY_KEYPAIR);
		same_key(key, back, true);
		EVP_PKEY_free(back);
		EVP_PKEY_free(mine);

		mine = side_take(wd, key, EVP_PKEY_PUBLIC_KEY);
		same_key(key, mine, false);
		EVP_PKEY_free(mine);
	}
}

static void keys_without_crt_parts_are_the_same_on_both_sides(void)
{
	static const char *const names[] = { "1023", "1536", "2048", "4096" };

	for (size_t i = 0; i < ARRAY(names); i++) {
		EVP_PKEY *key = key_named(names[i]);
		EVP_PKEY *a = key_without_crt(def, key);
		EVP_PKEY *b = key_without_crt(wd, key);

		T_OK(a && b);
		same_data(a, b, EVP_PKEY_KEYPAIR);
		T_EQ(EVP_PKEY_eq(key, b), 1);
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
	}
}

static void public_key_imports_with_the_private_selection(void)
{
	EVP_PKEY *key = key_named("2048"), *public, *mine;
	EVP_PKEY_CTX *ctx;
	OSSL_PARAM *params;

	public = side_take(def, key, EVP_PKEY_PUBLIC_KEY);
	EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, &params);
	ctx = EVP_PKEY_CTX_new_from_name(wd->lib, "RSA", wd->q);
	mine = NULL;
	T_EQ(EVP_PKEY_fromdata_init(ctx), 1);
	T_EQ(EVP_PKEY_fromdata(ctx, &mine, EVP_PKEY_KEYPAIR, params), 1);
	same_key(public, mine, false);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(public);
}

/* What both sides make of a set of parameters with one taken out. */
static int imports_without(const struct side *s, const EVP_PKEY *key,
			   const char *missing)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, "RSA", s->q);
	OSSL_PARAM *params;
	EVP_PKEY *mine = NULL;
	int ok;

	EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params);
	for (OSSL_PARAM *p = params; p->key; p++)
		if (!strcmp(p->key, missing))
			p->key = "not-a-parameter";
	EVP_PKEY_fromdata_init(ctx);
	/* libcrypto 3.0 loses some numbers of a key it refuses, on either
	 * side. */
	leaks_begin();
	ok = EVP_PKEY_fromdata(ctx, &mine, EVP_PKEY_KEYPAIR, params) > 0;
	leaks_end();
	OSSL_PARAM_free(params);
	EVP_PKEY_free(mine);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

static void incomplete_imports_end_alike(void)
{
	EVP_PKEY *key = key_named("2048");
	const OSSL_PARAM *p;
	OSSL_PARAM *params;

	EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params);
	for (p = params; p->key; p++)
		T_EQ(imports_without(wd, key, p->key),
		     imports_without(def, key, p->key));
	OSSL_PARAM_free(params);
}

static void the_types_of_parameters_are_the_same(void)
{
	static const char *const types[] = { "RSA", "RSA-PSS" };

	sides();
	for (size_t t = 0; t < ARRAY(types); t++) {
		EVP_KEYMGMT *a = EVP_KEYMGMT_fetch(def->lib, types[t], def->q);
		EVP_KEYMGMT *b = EVP_KEYMGMT_fetch(wd->lib, types[t], wd->q);
		const OSSL_PARAM *lists[][2] = {
			{ EVP_KEYMGMT_gettable_params(a),
			  EVP_KEYMGMT_gettable_params(b) },
			{ EVP_KEYMGMT_gen_settable_params(a),
			  EVP_KEYMGMT_gen_settable_params(b) },
			{ EVP_KEYMGMT_settable_params(a),
			  EVP_KEYMGMT_settable_params(b) },
		};

		for (size_t l = 0; l < ARRAY(lists); l++) {
			const OSSL_PARAM *p = lists[l][0];

			T_EQ(!p, !lists[l][1]);
			for (; p && p->key; p++)
				T_OK(OSSL_PARAM_locate_const(lists[l][1],
							     p->key));
		}
		EVP_KEYMGMT_free(a);
		EVP_KEYMGMT_free(b);
	}
}

static void a_copy_has_what_was_selected(void)
{
	EVP_PKEY *key = side_take(wd, key_named("2048"), EVP_PKEY_KEYPAIR);
	EVP_PKEY *copy = EVP_PKEY_dup(key), *empty = EVP_PKEY_new();

	same_key(key, copy, true);
	/* RSA has no domain parameters: nothing to copy, as libcrypto says. */
	T_EQ(EVP_PKEY_copy_parameters(empty, key) > 0, 0);
	EVP_PKEY_free(empty);
	EVP_PKEY_free(copy);
	EVP_PKEY_free(key);
	ERR_clear_error();
}

static void different_keys_differ(void)
{
	EVP_PKEY *a = side_take(wd, key_named("2048"), EVP_PKEY_KEYPAIR);
	EVP_PKEY *b = side_take(wd, key_named("3 primes"), EVP_PKEY_KEYPAIR);
	EVP_PKEY *p = side_take(wd, key_named("2048"), EVP_PKEY_PUBLIC_KEY);
	EVP_PKEY *c = side_take(wd, key_named("e=3"), EVP_PKEY_PUBLIC_KEY);

	T_EQ(EVP_PKEY_eq(a, b), 0);
	T_EQ(EVP_PKEY_eq(a, p), 1);
	T_EQ(EVP_PKEY_eq(p, c), 0);
	T_EQ(EVP_PKEY_parameters_eq(a, b), 1);
	T_EQ(EVP_PKEY_parameters_eq(a, c), 0);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(p);
	EVP_PKEY_free(c);
}

typedef int check_fn(EVP_PKEY_CTX *ctx);

static check_fn *const checks[] = {
	EVP_PKEY_check,
	EVP_PKEY_public_check,
	EVP_PKEY_private_check,
	EVP_PKEY_pairwise_check,
	EVP_PKEY_public_check_quick,
	EVP_PKEY_param_check,
};

static void same_checks(EVP_PKEY *key, EVP_PKEY *mine)
{
	for (size_t i = 0; i < ARRAY(checks); i++) {
		EVP_PKEY_CTX *a = side_ctx(def, key), *b = side_ctx(wd, mine);

		T_EQ(checks[i](b) > 0, checks[i](a) > 0);
		EVP_PKEY_CTX_free(a);
		EVP_PKEY_CTX_free(b);
	}
	ERR_clear_error();
}

/* A key whose private exponent is one too large. */
static EVP_PKEY *key_spoilt(const struct side *s, const EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, "RSA", s->q);
	OSSL_PARAM *params, *d;
	EVP_PKEY *mine = NULL;

	EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params);
	d = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_RSA_D);
	((unsigned char *)d->data)[0] ^= 2;
	EVP_PKEY_fromdata_init(ctx);
	EVP_PKEY_fromdata(ctx, &mine, EVP_PKEY_KEYPAIR, params);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return mine;
}

static void checks_say_the_same_of_good_public_and_spoilt_keys(void)
{
	EVP_PKEY *key = key_named("2048"), *a, *b;

	a = side_take(wd, key, EVP_PKEY_KEYPAIR);
	same_checks(key, a);
	EVP_PKEY_free(a);

	a = side_take(def, key, EVP_PKEY_PUBLIC_KEY);
	b = side_take(wd, key, EVP_PKEY_PUBLIC_KEY);
	same_checks(a, b);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);

	a = key_spoilt(def, key);
	b = key_spoilt(wd, key);
	same_checks(a, b);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
}

/* ---- generation ---------------------------------------------------------- */

static int progress_calls;
static int progress(EVP_PKEY_CTX *ctx)
{
	T_OK(EVP_PKEY_CTX_get_keygen_info(ctx, -1) == 2);
	progress_calls++;
	return 1;
}

static int progress_stop(EVP_PKEY_CTX *ctx)
{
	(void)ctx;
	return 0;
}

static void generated_keys_are_as_asked_and_report_progress(void)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key = NULL, *theirs;
	BIGNUM *e = NULL;

	sides();
	ctx = EVP_PKEY_CTX_new_from_name(wd->lib, "RSA", wd->q);
	T_EQ(EVP_PKEY_keygen_init(ctx), 1);
	EVP_PKEY_CTX_set_cb(ctx, progress);
	T_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024), 1);
	T_EQ(EVP_PKEY_generate(ctx, &key), 1);
	T_OK(progress_calls > 2);
	T_EQ(EVP_PKEY_get_bits(key), 1024);
	T_EQ(EVP_PKEY_get_bn_param(key, "e", &e), 1);
	T_EQ(BN_get_word(e), 65537);
	theirs = side_take(def, key, EVP_PKEY_KEYPAIR);
	same_key(key, theirs, true);
	same_checks(theirs, key);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(key);
	BN_free(e);

	key = NULL;
	EVP_PKEY_CTX_set_cb(ctx, progress_stop);
	T_OK(EVP_PKEY_generate(ctx, &key) <= 0);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
}

static void generation_takes_and_refuses_what_default_does(void)
{
	static const struct {
		const char *type, *words;
	} asked[] = {
		{ "RSA", "bits=511" },
		{ "RSA", "bits=512" },
		{ "RSA", "bits=1024 primes=3" },
		{ "RSA", "bits=1024 primes=6" },
		{ "RSA", "bits=1024 rsa_e=3" },
		{ "RSA", "bits=1024 rsa_e=4" },
		{ "RSA-PSS", "bits=1024 digest=SHA256" },
		{ "RSA-PSS", "bits=1024 digest=NONE" },
		{ "RSA-PSS", "bits=1024 mgf1=SHA512 saltlen=3" },
		{ "RSA", "bits=1024 digest=SHA256" },
	};

	sides();
	for (size_t i = 0; i < ARRAY(asked); i++) {
		EVP_PKEY *a = side_make(def, asked[i].type, asked[i].words);
		EVP_PKEY *b = side_make(wd, asked[i].type, asked[i].words);

		T_EQ(!b, !a);
		if (a)
			T_EQ(EVP_PKEY_get_bits(a), EVP_PKEY_get_bits(b));
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
	}
	ERR_clear_error();
}

/* ---- legacy -------------------------------------------------------------- */

static void keys_of_the_old_interface_go_in_and_out(void)
{
	EVP_PKEY *key = key_named("2048"), *old = EVP_PKEY_new(), *mine;
	static const uint8_t digest[32] = { 1 };
	uint8_t sig[256];
	size_t len = sizeof(sig);
	const BIGNUM *n;
	EVP_PKEY_CTX *ctx;
	RSA *rsa;

	T_EQ(EVP_PKEY_assign_RSA(old, EVP_PKEY_get1_RSA(key)), 1);
	ctx = side_ctx(wd, old);
	T_EQ(EVP_PKEY_sign_init(ctx), 1);
	T_EQ(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
	T_EQ(EVP_PKEY_sign(ctx, sig, &len, digest, sizeof(digest)), 1);
	T_EQ(RSA_verify(NID_sha256, digest, sizeof(digest), sig,
			(unsigned int)len, (RSA *)EVP_PKEY_get0_RSA(old)),
	     1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(old);

	mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	rsa = (RSA *)EVP_PKEY_get0_RSA(mine);
	T_OK(rsa);
	RSA_get0_key(rsa, &n, NULL, NULL);
	T_EQ(BN_num_bits(n), 2048);
	T_EQ(RSA_check_key(rsa), 1);
	EVP_PKEY_free(mine);
}

/* ---- signatures ---------------------------------------------------------- */

static const char *const digests[] = {
	"SHA1",		"SHA2-224",	"SHA2-256", "SHA2-384",	 "SHA2-512",
	"SHA2-512/224", "SHA2-512/256", "SHA3-224", "SHA3-256",	 "SHA3-384",
	"SHA3-512",	"MD5",		"MD5-SHA1", "RIPEMD160", "SM3",
};

struct how {
	int pad;
	const char *digest, *mgf1; /* NULL: not set */
	int salt;
	bool salt_set;
};

static int how_set(EVP_PKEY_CTX *ctx, const struct how *h)
{
	int ok = 1;

	if (h->pad)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, h->pad) > 0;
	if (ok && h->mgf1)
		ok = EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, h->mgf1, NULL) > 0;
	if (ok && h->salt_set)
		ok = EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, h->salt) > 0;
	return ok;
}

/* Signature of @data by @s, streamed in three pieces; 0: refused. */
static size_t sign(const struct side *s, EVP_PKEY *key, const struct how *h,
		   const uint8_t *data, size_t len, uint8_t *sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	size_t n = MAX;

	if (EVP_DigestSignInit_ex(ctx, &pctx, h->digest, s->lib, s->q, key,
				  NULL) <= 0 ||
	    !how_set(pctx, h) || EVP_DigestSignUpdate(ctx, data, 1) <= 0 ||
	    EVP_DigestSignUpdate(ctx, data + 1, 0) <= 0 ||
	    EVP_DigestSignUpdate(ctx, data + 1, len - 1) <= 0 ||
	    EVP_DigestSignFinal(ctx, sig, &n) <= 0)
		n = 0;
	EVP_MD_CTX_free(ctx);
	return n;
}

static int verify(const struct side *s, EVP_PKEY *key, const struct how *h,
		  const uint8_t *data, size_t len, const uint8_t *sig, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	int ok;

	ok = EVP_DigestVerifyInit_ex(ctx, &pctx, h->digest, s->lib, s->q, key,
				     NULL) > 0 &&
	     how_set(pctx, h) && EVP_DigestVerify(ctx, sig, n, data, len) > 0;
	EVP_MD_CTX_free(ctx);
	return ok;
}

static const uint8_t message[] = "the quick brown fox and the lazy dog";

/* Both ways, and no signature of another message. */
static void crosses(EVP_PKEY *theirs, EVP_PKEY *mine, const struct how *h)
{
	uint8_t a[MAX], b[MAX], other[sizeof(message)];
	size_t na, nb;
	int good;

	na = sign(def, theirs, h, message, sizeof(message), a);
	nb = sign(wd, mine, h, message, sizeof(message), b);
	T_EQ(nb, na);
	if (!na)
		return;
	if (h->pad != RSA_PKCS1_PSS_PADDING)
		T_MEM(a, b, na);
	/* Of a restricted key default itself does not verify each salt. */
	good = verify(def, theirs, h, message, sizeof(message), a, na);
	T_OK(good || h->salt_set);
	T_EQ(verify(def, theirs, h, message, sizeof(message), b, nb), good);
	T_EQ(verify(wd, mine, h, message, sizeof(message), a, na), good);
	T_EQ(verify(wd, mine, h, message, sizeof(message), b, nb), good);
	memcpy(other, message, sizeof(other));
	other[0] ^= 1;
	T_EQ(verify(wd, mine, h, other, sizeof(other), a, na), 0);
	a[na / 2] ^= 1;
	T_EQ(verify(wd, mine, h, message, sizeof(message), a, na), 0);
	T_EQ(verify(wd, mine, h, message, sizeof(message), b, nb - 1), 0);
	ERR_clear_error();
}

static void signatures_of_every_digest_and_padding_cross(void)
{
	static const int pads[] = { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING,
				    RSA_X931_PADDING };
	EVP_PKEY *key = key_named("1024");
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);

	for (size_t d = 0; d < ARRAY(digests); d++)
		for (size_t p = 0; p < ARRAY(pads); p++) {
			const struct how h = { .pad = pads[p],
					       .digest = digests[d] };

			crosses(key, mine, &h);
		}
	EVP_PKEY_free(mine);
}

static void signatures_of_every_kind_of_key_cross(void)
{
	static const int pads[] = { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING,
				    RSA_X931_PADDING };

	for (size_t i = 0; i < ARRAY(kinds); i++) {
		EVP_PKEY *key = key_of(&kinds[i]);
		EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
		long jobs = side_count(wd, "rsa-private", "jobs");

		for (size_t p = 0; p < ARRAY(pads); p++) {
			const struct how h = { .pad = pads[p],
					       .digest = "SHA2-256" };

			crosses(key, mine, &h);
		}
		T_EQ(side_count(wd, "rsa-private", "jobs") > jobs,
		     kinds[i].device);
		EVP_PKEY_free(mine);
	}
	/* Each in the form of key it has: nothing had to be done again. */
	T_EQ(side_count(wd, "rsa-private", "wrong"), 0);
	T_EQ(side_count(wd, "rsa-private", "errors"), 0);
}

static void signatures_without_crt_parts_cross(void)
{
	static const char *const names[] = { "1023", "1536", "2048" };
	const struct how h = { .pad = RSA_PKCS1_PADDING, .digest = "SHA2-384" };

	for (size_t i = 0; i < ARRAY(names); i++) {
		EVP_PKEY *key = key_named(names[i]);
		EVP_PKEY *mine = key_without_crt(wd, key);

		crosses(key, mine, &h);
		EVP_PKEY_free(mine);
	}
}

static void pss_salts_of_every_length_cross(void)
{
	static const int salts[] = { -4, -3, -2, -1, 0,	 1,   20,
				     32, 62, 63, 94, 95, 1000 };
	EVP_PKEY *key = key_named("1024"), *pss = key_named("PSS sha256");
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	EVP_PKEY *mine_pss = side_take(wd, pss, EVP_PKEY_KEYPAIR);

	for (size_t i = 0; i < ARRAY(salts); i++) {
		struct how h = { .pad = RSA_PKCS1_PSS_PADDING,
				 .digest = "SHA2-256",
				 .mgf1 = "SHA1",
				 .salt = salts[i],
				 .salt_set = true };

		crosses(key, mine, &h);
		h.mgf1 = NULL;
		crosses(pss, mine_pss, &h);
	}
	EVP_PKEY_free(mine);
	EVP_PKEY_free(mine_pss);
	ERR_clear_error();
}

static void a_restricted_key_keeps_its_restrictions(void)
{
	EVP_PKEY *key = key_named("PSS sha256");
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	static const struct how hows[] = {
		{ .digest = "SHA2-256" },
		{ .digest = "SHA2-384" },
		{ .digest = "SHA2-256", .mgf1 = "SHA1" },
		{ .digest = "SHA2-256", .pad = RSA_PKCS1_PADDING },
		{ .digest = "SHA2-256", .salt = 31, .salt_set = true },
		{ .digest = "SHA2-256", .salt = 40, .salt_set = true },
		{ .digest = NULL },
	};

	for (size_t i = 0; i < ARRAY(hows); i++) {
		uint8_t sig[MAX];

		T_EQ(sign(wd, mine, &hows[i], message, sizeof(message), sig),
		     sign(def, key, &hows[i], message, sizeof(message), sig));
	}
	EVP_PKEY_free(mine);
	ERR_clear_error();
}

/* ---- raw signatures, recover --------------------------------------------- */

static int raw_op(const struct side *s, EVP_PKEY *key, int pad,
		  const char *digest, int (*init)(EVP_PKEY_CTX *),
		  EVP_PKEY_CTX **ctx)
{
	*ctx = side_ctx(s, key);
	return init(*ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(*ctx, pad) > 0 &&
	       (!digest || EVP_PKEY_CTX_set_signature_md(
				   *ctx, EVP_get_digestbyname(digest)) > 0);
}

static size_t raw_sign(const struct side *s, EVP_PKEY *key, int pad,
		       const char *digest, const uint8_t *in, size_t len,
		       uint8_t *out)
{
	EVP_PKEY_CTX *ctx;
	size_t n = MAX;

	if (!raw_op(s, key, pad, digest, EVP_PKEY_sign_init, &ctx) ||
	    EVP_PKEY_sign(ctx, out, &n, in, len) <= 0)
		n = 0;
	EVP_PKEY_CTX_free(ctx);
	return n;
}

static size_t raw_recover(const struct side *s, EVP_PKEY *key, int pad,
			  const char *digest, const uint8_t *sig, size_t len,
			  uint8_t *out)
{
	EVP_PKEY_CTX *ctx;
	size_t n = MAX;

	if (!raw_op(s, key, pad, digest, EVP_PKEY_verify_recover_init, &ctx) ||
	    EVP_PKEY_verify_recover(ctx, out, &n, sig, len) <= 0)
		n = 0;
	EVP_PKEY_CTX_free(ctx);
	return n;
}

static int raw_verify(const struct side *s, EVP_PKEY *key, int pad,
		      const char *digest, const uint8_t *in, size_t len,
		      const uint8_t *sig, size_t n)
{
	EVP_PKEY_CTX *ctx;
	int ok;

	ok = raw_op(s, key, pad, digest, EVP_PKEY_verify_init, &ctx) &&
	     EVP_PKEY_verify(ctx, sig, n, in, len) > 0;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static void raw_crosses(EVP_PKEY *key, EVP_PKEY *mine, int pad,
			const char *digest, const uint8_t *in, size_t len)
{
	uint8_t a[MAX], b[MAX], ra[MAX], rb[MAX];
	size_t n = raw_sign(def, key, pad, digest, in, len, a), ma, mb;

	T_EQ(raw_sign(wd, mine, pad, digest, in, len, b), n);
	if (!n)
		return;
	T_MEM(a, b, n);
	T_EQ(raw_verify(wd, mine, pad, digest, in, len, a, n), 1);
	ma = raw_recover(def, key, pad, digest, a, n, ra);
	mb = raw_recover(wd, mine, pad, digest, b, n, rb);
	T_EQ(mb, ma);
	T_MEM(ra, rb, ma);
	b[n - 1] ^= 1;
	T_EQ(raw_verify(wd, mine, pad, digest, in, len, b, n), 0);
	T_EQ(raw_recover(wd, mine, pad, digest, b, n, rb),
	     raw_recover(def, key, pad, digest, b, n, ra));
	ERR_clear_error();
}

static void raw_signatures_of_every_length_cross(void)
{
	static const int pads[] = { RSA_PKCS1_PADDING, RSA_NO_PADDING,
				    RSA_X931_PADDING };
	static const size_t lens[] = { 1,   20,	 36,  100, 117,
				       118, 126, 127, 128, 129 };
	EVP_PKEY *key = key_named("1024");
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	uint8_t in[MAX];

	memset(in, 0x35, sizeof(in));
	for (size_t p = 0; p < ARRAY(pads); p++)
		for (size_t l = 0; l < ARRAY(lens); l++) {
			raw_crosses(key, mine, pads[p], NULL, in, lens[l]);
			raw_crosses(key, mine, pads[p], "SHA1", in, lens[l]);
		}
	/* As large as the modulus and larger: refused by both. */
	memset(in, 0xff, 128);
	raw_crosses(key, mine, RSA_NO_PADDING, NULL, in, 128);
	memset(in, 0, 128);
	raw_crosses(key, mine, RSA_NO_PADDING, NULL, in, 128);
	EVP_PKEY_free(mine);
}

/* ---- parameters of a signature context ------------------------------------ */

static void said_the_same(EVP_PKEY_CTX *a, EVP_PKEY_CTX *b)
{
	static const char *const names[] = { "pad-mode", "digest",
					     "mgf1-digest", "saltlen" };
	char ta[64], tb[64];
	int na = -9, nb = -9;

	for (size_t i = 0; i < ARRAY(names); i++) {
		OSSL_PARAM pa[2] = { OSSL_PARAM_construct_utf8_string(
					     names[i], ta, sizeof(ta)),
				     OSSL_PARAM_construct_end() };
		OSSL_PARAM pb[2] = { OSSL_PARAM_construct_utf8_string(
					     names[i], tb, sizeof(tb)),
				     OSSL_PARAM_construct_end() };

		memset(ta, 0, sizeof(ta));
		memset(tb, 0, sizeof(tb));
		T_EQ(EVP_PKEY_CTX_get_params(b, pb),
		     EVP_PKEY_CTX_get_params(a, pa));
		T_STR(tb, ta);
	}
	T_EQ(EVP_PKEY_CTX_get_rsa_padding(b, &nb),
	     EVP_PKEY_CTX_get_rsa_padding(a, &na));
	T_EQ(nb, na);
}

static void same_algorithm_id(EVP_PKEY_CTX *a, EVP_PKEY_CTX *b)
{
	uint8_t da[128], db[128];
	OSSL_PARAM pa[2] = { OSSL_PARAM_construct_octet_string("algorithm-id",
							       da, sizeof(da)),
			     OSSL_PARAM_construct_end() };
	OSSL_PARAM pb[2] = { OSSL_PARAM_construct_octet_string("algorithm-id",
							       db, sizeof(db)),
			     OSSL_PARAM_construct_end() };

	T_EQ(EVP_PKEY_CTX_get_params(b, pb), EVP_PKEY_CTX_get_params(a, pa));
	T_EQ(pb[0].return_size, pa[0].return_size);
	if (pa[0].return_size <= sizeof(da))
		T_MEM(da, db, pa[0].return_size);
}

static void parameters_read_back_and_name_the_algorithm(void)
{
	static const struct how hows[] = {
		{ .pad = RSA_PKCS1_PADDING, .digest = "SHA2-256" },
		{ .pad = RSA_PKCS1_PADDING, .digest = "SHA1" },
		{ .pad = RSA_PKCS1_PADDING, .digest = "SHA3-512" },
		{ .pad = RSA_X931_PADDING, .digest = "SHA2-256" },
		{ .pad = RSA_PKCS1_PSS_PADDING, .digest = "SHA2-512" },
		{ .pad = RSA_PKCS1_PSS_PADDING,
		  .digest = "SHA2-256",
		  .mgf1 = "SHA1",
		  .salt = 7,
		  .salt_set = true },
		{ .pad = RSA_PKCS1_PSS_PADDING,
		  .digest = "SHA1",
		  .salt = RSA_PSS_SALTLEN_DIGEST,
		  .salt_set = true },
	};
	EVP_PKEY *key = key_named("2048");
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);

	for (size_t i = 0; i < ARRAY(hows); i++) {
		EVP_MD_CTX *ma = EVP_MD_CTX_new(), *mb = EVP_MD_CTX_new();
		EVP_PKEY_CTX *a, *b;

		T_EQ(EVP_DigestSignInit_ex(ma, &a, hows[i].digest, def->lib,
					   def->q, key, NULL),
		     1);
		T_EQ(EVP_DigestSignInit_ex(mb, &b, hows[i].digest, wd->lib,
					   wd->q, mine, NULL),
		     1);
		T_EQ(how_set(b, &hows[i]), how_set(a, &hows[i]));
		said_the_same(a, b);
		same_algorithm_id(a, b);
		EVP_MD_CTX_free(ma);
		EVP_MD_CTX_free(mb);
	}
	EVP_PKEY_free(mine);
	ERR_clear_error();
}

/* One parameter after the other on both sides; "a=b" text, "a#1" a number. */
static void same_answers(int (*init)(EVP_PKEY_CTX *), const char *key_name,
			 const char *script)
{
	EVP_PKEY *key = key_named(key_name);
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	EVP_PKEY_CTX *a = side_ctx(def, key), *b = side_ctx(wd, mine);
	char copy[256], *save = NULL;

	T_EQ(init(b), init(a));
	snprintf(copy, sizeof(copy), "%s", script);
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save)) {
		char *at = strpbrk(w, "=#"), how = *at;
		int number = atoi(at + 1);
		OSSL_PARAM params[2] = {
			how == '='
				? OSSL_PARAM_construct_utf8_string(w, at + 1, 0)
				: OSSL_PARAM_construct_int(w, &number),
			OSSL_PARAM_construct_end()
		};
		*at = 0;
		T_EQ(EVP_PKEY_CTX_set_params(b, params),
		     EVP_PKEY_CTX_set_params(a, params));
		said_the_same(a, b);
	}
	EVP_PKEY_CTX_free(a);
	EVP_PKEY_CTX_free(b);
	EVP_PKEY_free(mine);
	ERR_clear_error();
}

static void parameters_are_refused_where_default_refuses_them(void)
{
	static const char *const scripts[] = {
		"digest=SHA256 pad-mode=pss saltlen=digest mgf1-digest=SHA1",
		"saltlen#3 pad-mode=pss saltlen#3 saltlen=max saltlen=auto",
		"mgf1-digest=SHA1 pad-mode=pss mgf1-digest=NONE saltlen#-9",
		"pad-mode=oaep pad-mode=oeap pad-mode#4 pad-mode#6 pad-mode#99",
		"pad-mode=none digest=SHA256 pad-mode=pkcs1 digest=SHA256",
		"pad-mode=x931 digest=SHA224 digest=SHA256 pad-mode=none",
		"digest=NOSUCH digest=SHAKE128 digest=SM3 digest=MD5-SHA1",
		"unknown=1 unknown#1 digest#1 pad-mode=nonsense saltlen=17",
		"properties=provider=wd digest=SHA256",
	};
	static int (*const inits[])(EVP_PKEY_CTX *) = {
		EVP_PKEY_sign_init,
		EVP_PKEY_verify_init,
		EVP_PKEY_verify_recover_init,
	};
	static const char *const keys[] = { "2048", "PSS", "PSS sha256" };

	for (size_t k = 0; k < ARRAY(keys); k++)
		for (size_t i = 0; i < ARRAY(inits); i++)
			for (size_t s = 0; s < ARRAY(scripts); s++)
				same_answers(inits[i], keys[k], scripts[s]);
}

static void wrong_sizes_are_refused_with_defaults_reason(void)
{
	EVP_PKEY *key = key_named("2048");
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	uint8_t sig[256], in[32] = { 0 };
	const struct side *const both[] = { def, wd };
	EVP_PKEY *const keys[] = { key, mine };
	int reason[2][3];

	for (int i = 0; i < 2; i++) {
		EVP_PKEY_CTX *ctx;
		size_t n = 255;

		T_OK(raw_op(both[i], keys[i], RSA_PKCS1_PADDING, "SHA256",
			    EVP_PKEY_sign_init, &ctx));
		ERR_clear_error();
		T_OK(EVP_PKEY_sign(ctx, sig, &n, in, 32) <= 0);
		reason[i][0] = ERR_GET_REASON(ERR_peek_last_error());
		n = 256;
		ERR_clear_error();
		T_OK(EVP_PKEY_sign(ctx, sig, &n, in, 31) <= 0);
		reason[i][1] = ERR_GET_REASON(ERR_peek_last_error());
		EVP_PKEY_CTX_free(ctx);
		T_OK(raw_op(both[i], keys[i], RSA_PKCS1_PADDING, "SHA256",
			    EVP_PKEY_verify_init, &ctx));
		memset(sig, 1, sizeof(sig));
		ERR_clear_error();
		T_OK(EVP_PKEY_verify(ctx, sig, 256, in, 32) <= 0);
		reason[i][2] = ERR_GET_REASON(ERR_peek_last_error());
		EVP_PKEY_CTX_free(ctx);
	}
	for (int i = 0; i < 3; i++)
		T_EQ(reason[1][i], reason[0][i]);
	EVP_PKEY_free(mine);
	ERR_clear_error();
}

/* ---- copies of contexts --------------------------------------------------- */

static void a_copied_stream_goes_its_own_way(void)
{
	EVP_PKEY *key = key_named("2048");
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	const struct how h = { .pad = RSA_PKCS1_PADDING, .digest = "SHA2-256" };
	EVP_MD_CTX *a = EVP_MD_CTX_new(), *b = EVP_MD_CTX_new();
	uint8_t sa[256], sb[256], want[MAX];
	size_t na = sizeof(sa), nb = sizeof(sb);

	T_EQ(EVP_DigestSignInit_ex(a, NULL, "SHA2-256", wd->lib, wd->q, mine,
				   NULL),
	     1);
	T_EQ(EVP_DigestSignUpdate(a, "ab", 2), 1);
	T_EQ(EVP_MD_CTX_copy_ex(b, a), 1);
	T_EQ(EVP_DigestSignUpdate(a, "c", 1), 1);
	T_EQ(EVP_DigestSignUpdate(b, "d", 1), 1);
	T_EQ(EVP_DigestSignFinal(a, NULL, &na), 1);
	T_EQ(na, 256);
	T_EQ(EVP_DigestSignFinal(a, sa, &na), 1);
	T_EQ(EVP_DigestSignFinal(b, sb, &nb), 1);
	sign(def, key, &h, (const uint8_t *)"abc", 3, want);
	T_MEM(sa, want, 256);
	sign(def, key, &h, (const uint8_t *)"abd", 3, want);
	T_MEM(sb, want, 256);
	EVP_MD_CTX_free(a);
	EVP_MD_CTX_free(b);
	EVP_PKEY_free(mine);
}

/* Init again with nothing but the context: same key, same digest. */
static void a_context_signs_again_and_again(void)
{
	EVP_PKEY *key = key_named("2048");
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	const struct side *const both[] = { def, wd };
	EVP_PKEY *const keys[] = { key, mine };
	uint8_t sig[2][4][256];
	int again[2];

	memset(sig, 0, sizeof(sig));
	for (int i = 0; i < 2; i++) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		size_t n = 256;

		T_EQ(EVP_DigestSignInit_ex(ctx, NULL, "SHA2-512", both[i]->lib,
					   both[i]->q, keys[i], NULL),
		     1);
		T_EQ(EVP_DigestSign(ctx, sig[i][0], &n, message, 5), 1);
		again[i] = EVP_DigestSign(ctx, sig[i][1], &n, message, 6);
		T_EQ(EVP_DigestSignInit(ctx, NULL, NULL, NULL, NULL), 1);
		T_EQ(EVP_DigestSign(ctx, sig[i][2], &n, message, 5), 1);
		T_EQ(EVP_DigestSignInit_ex(ctx, NULL, "SHA2-256", both[i]->lib,
					   both[i]->q, keys[i], NULL),
		     1);
		T_EQ(EVP_DigestSign(ctx, sig[i][3], &n, message, 5), 1);
		EVP_MD_CTX_free(ctx);
	}
	/* Without an init in between 3.5 refuses a second one, unless sign is
	 * update and final, as default's, which then signs both messages. */
	T_OK(again[1] || OPENSSL_version_minor() > 0);
	for (int i = 0; i < 4; i++)
		if (i != 1 || again[1])
			T_MEM(sig[1][i], sig[0][i], 256);
	T_MEM(sig[1][0], sig[1][2], 256);
	EVP_PKEY_free(mine);
}

static void a_duplicate_keeps_its_parameters(void)
{
	EVP_PKEY *key = key_named("2048");
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	EVP_PKEY_CTX *a, *b;
	uint8_t in[32] = { 5 }, sig[256];
	size_t n = sizeof(sig);

	T_OK(raw_op(wd, mine, RSA_PKCS1_PSS_PADDING, "SHA256",
		    EVP_PKEY_sign_init, &a));
	T_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(a, 9), 1);
	b = EVP_PKEY_CTX_dup(a);
	T_OK(b);
	said_the_same(a, b);
	EVP_PKEY_CTX_free(a);
	T_EQ(EVP_PKEY_sign(b, sig, &n, in, sizeof(in)), 1);
	EVP_PKEY_CTX_free(b);
	T_OK(raw_op(def, key, RSA_PKCS1_PSS_PADDING, "SHA256",
		    EVP_PKEY_verify_init, &a));
	T_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(a, 9), 1);
	T_EQ(EVP_PKEY_verify(a, sig, n, in, sizeof(in)), 1);
	EVP_PKEY_CTX_free(a);
	EVP_PKEY_free(mine);
}

/* ---- encryption ----------------------------------------------------------- */

struct lock {
	int pad;
	const char *md, *mgf1, *label;
	unsigned int client, negotiated;
};

static int lock_set(EVP_PKEY_CTX *ctx, const struct lock *l)
{
	OSSL_PARAM tls[3] = {
		OSSL_PARAM_construct_uint("tls-client-version",
					  (unsigned int *)&l->client),
		OSSL_PARAM_construct_uint("tls-negotiated-version",
					  (unsigned int *)&l->negotiated),
		OSSL_PARAM_construct_end(),
	};
	int ok = EVP_PKEY_CTX_set_rsa_padding(ctx, l->pad) > 0;

	if (ok && l->md)
		ok = EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, l->md, NULL) > 0;
	if (ok && l->mgf1)
		ok = EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, l->mgf1, NULL) > 0;
	if (ok && l->label)
		ok = EVP_PKEY_CTX_set0_rsa_oaep_label(
			     ctx, OPENSSL_strdup(l->label),
			     (int)strlen(l->label)) > 0;
	if (ok && l->client)
		ok = EVP_PKEY_CTX_set_params(ctx, tls) > 0;
	return ok;
}

static size_t crypt(const struct side *s, EVP_PKEY *key, const struct lock *l,
		    bool encrypt, const uint8_t *in, size_t len, uint8_t *out,
		    size_t room)
{
	EVP_PKEY_CTX *ctx = side_ctx(s, key);
	size_t n = room;
	int ok;

	ok = (encrypt ? EVP_PKEY_encrypt_init(ctx)
		      : EVP_PKEY_decrypt_init(ctx)) > 0 &&
	     lock_set(ctx, l) > 0 &&
	     (encrypt ? EVP_PKEY_encrypt(ctx, out, &n, in, len)
		      : EVP_PKEY_decrypt(ctx, out, &n, in, len)) > 0;
	EVP_PKEY_CTX_free(ctx);
	return ok ? n : (size_t)-1;
}

static void crypt_crosses(EVP_PKEY *key, EVP_PKEY *mine, const struct lock *l,
			  const uint8_t *in, size_t len)
{
	uint8_t a[MAX], b[MAX], out[MAX];
	size_t na = crypt(def, key, l, true, in, len, a, MAX);
	size_t nb = crypt(wd, mine, l, true, in, len, b, MAX);

	T_EQ(nb, na);
	if (na == (size_t)-1)
		return;
	T_EQ(crypt(wd, mine, l, false, a, na, out, MAX), len);
	T_MEM(out, in, len);
	T_EQ(crypt(def, key, l, false, b, nb, out, MAX), len);
	T_MEM(out, in, len);
	ERR_clear_error();
}

static void encryption_of_every_padding_crosses(void)
{
	static const struct lock locks[] = {
		{ .pad = RSA_PKCS1_PADDING },
		{ .pad = RSA_NO_PADDING },
		{ .pad = RSA_X931_PADDING },
		{ .pad = RSA_PKCS1_OAEP_PADDING },
		{ .pad = RSA_PKCS1_OAEP_PADDING, .md = "SHA256" },
		{ .pad = RSA_PKCS1_OAEP_PADDING,
		  .md = "SHA256",
		  .mgf1 = "SHA512",
		  .label = "a label" },
	};
	static const size_t lens[] = {
		0, 1, 16, 62, 63, 86, 87, 117, 118, 128
	};
	static const char *const names[] = { "1024", "1023" };
	uint8_t in[128];

	memset(in, 0x21, sizeof(in));
	for (size_t k = 0; k < ARRAY(names); k++) {
		EVP_PKEY *key = key_named(names[k]);
		EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);

		for (size_t l = 0; l < ARRAY(locks); l++)
			for (size_t n = 0; n < ARRAY(lens); n++)
				crypt_crosses(key, mine, &locks[l], in,
					      lens[n]);
		EVP_PKEY_free(mine);
	}
}

/* Raw, with the modulus of @name and an exponent of its own: 0 or length. */
static size_t sealed_with(const struct side *s, const char *name,
			  const char *exponent, uint8_t out[512])
{
	EVP_PKEY *key = key_named(name), *mine = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, "RSA", s->q);
	size_t n = 512, len = (size_t)EVP_PKEY_get_size(key);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *mod = NULL, *e = NULL;
	uint8_t in[512] = { 0, 5 };
	OSSL_PARAM *params;

	EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &mod);
	BN_hex2bn(&e, exponent);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, mod);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_fromdata_init(ctx);
	T_EQ(EVP_PKEY_fromdata(ctx, &mine, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(ctx);
	ctx = side_ctx(s, mine);
	if (EVP_PKEY_encrypt_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) <= 0 ||
	    EVP_PKEY_encrypt(ctx, out, &n, in, len) <= 0)
		n = 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(mine);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(mod);
	BN_free(e);
	return n;
}

/* libcrypto takes long ones with short moduli only. */
static void exponents_are_taken_and_refused_as_default_does(void)
{
	static const char *const names[] = { "2048", "3072", "4096" };
	static const char *const exponents[] = { "10001", "FFFFFFFFFFFFFFFB",
						 "1000000000000000D" };
	int refused = 0;

	sides();
	for (size_t i = 0; i < ARRAY(names); i++) {
		for (size_t k = 0; k < ARRAY(exponents); k++) {
			uint8_t a[512], b[512];
			size_t n = sealed_with(def, names[i], exponents[k], a);

			T_EQ(sealed_with(wd, names[i], exponents[k], b), n);
			T_MEM(b, a, n);
			refused += !n;
		}
	}
	T_EQ(refused, 1);
	ERR_clear_error();
}

static void bad_ciphertexts_are_refused_and_write_nothing(void)
{
	static const struct lock locks[] = {
		{ .pad = RSA_PKCS1_PADDING },
		{ .pad = RSA_PKCS1_OAEP_PADDING },
	};
	EVP_PKEY *key = key_named("2048");
	EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	uint8_t in[256], out[256], before[256];

	for (size_t l = 0; l < ARRAY(locks); l++)
		for (int i = 0; i < 20; i++) {
			size_t a, b;

			T_EQ(RAND_bytes(in, sizeof(in)), 1);
			in[0] = 0;
			memset(out, 0xee, sizeof(out));
			memset(before, 0xee, sizeof(before));
			a = crypt(def, key, &locks[l], false, in, sizeof(in),
				  out, sizeof(out));
			memset(out, 0xee, sizeof(out));
			b = crypt(wd, mine, &locks[l], false, in, sizeof(in),
				  out, sizeof(out));
			T_EQ(b, a);
			if (b == (size_t)-1)
				T_MEM(out, before, sizeof(out));
		}
	/* Above the modulus, too long, and no room: public, refused. */
	memset(in, 0xff, sizeof(in));
	T_EQ(crypt(wd, mine, &locks[0], false, in, 256, out, 256), -1);
	T_EQ(crypt(wd, mine, &locks[0], false, in, 255, out, 256),
	     crypt(def, key, &locks[0], false, in, 255, out, 256));
	in[0] = 0;
	T_EQ(crypt(wd, mine, &locks[0], false, in, 256, out, 255), -1);
	EVP_PKEY_free(mine);
	ERR_clear_error();
}

static void tls_secrets_always_come_out(void)
{
	const struct lock plain = { .pad = RSA_PKCS1_PADDING };
	const struct lock tls = { .pad = RSA_PKCS1_WITH_TLS_PADDING,
				  .client = 0x0303 },
			  alt = { .pad = RSA_PKCS1_WITH_TLS_PADDING,
				  .client = 0x0304,
				  .negotiated = 0x0303 },
			  none = { .pad = RSA_PKCS1_WITH_TLS_PADDING };
	static const char *const names[] = { "2048", "1536" };
	uint8_t secret[48], sealed[MAX], out[48], again[48];

	memset(secret, 0x77, sizeof(secret));
	secret[0] = secret[1] = 3;
	for (size_t k = 0; k < ARRAY(names); k++) {
		EVP_PKEY *key = key_named(names[k]);
		EVP_PKEY *mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
		size_t n =
			crypt(wd, mine, &plain, true, secret, 48, sealed, MAX);

		T_EQ(crypt(wd, mine, &tls, false, sealed, n, out, 48), 48);
		T_MEM(out, secret, 48);
		T_EQ(crypt(wd, mine, &alt, false, sealed, n, out, 48), 48);
		T_MEM(out, secret, 48);
		T_EQ(crypt(wd, mine, &none, false, sealed, n, out, 48), -1);
		T_EQ(crypt(wd, mine, &tls, false, sealed, n, out, 47), -1);

		/* Wrong in any way: 48 bytes, new ones each time. */
		sealed[n - 1] ^= 1;
		T_EQ(crypt(wd, mine, &tls, false, sealed, n, out, 48), 48);
		T_EQ(crypt(wd, mine, &tls, false, sealed, n, again, 48), 48);
		T_OK(memcmp(out, secret, 48) != 0);
		T_OK(memcmp(out, again, 48) != 0);
		n = crypt(wd, mine, &plain, true, secret, 47, sealed, MAX);
		T_EQ(crypt(wd, mine, &tls, false, sealed, n, out, 48), 48);
		T_OK(memcmp(out, secret, 47) != 0);
		EVP_PKEY_free(mine);
	}
	ERR_clear_error();
}

static void a_pss_key_does_not_encrypt(void)
{
	EVP_PKEY *mine = side_take(wd, key_named("PSS"), EVP_PKEY_KEYPAIR);
	EVP_PKEY_CTX *ctx = side_ctx(wd, mine);

	T_OK(EVP_PKEY_encrypt_init(ctx) <= 0);
	T_OK(EVP_PKEY_decrypt_init(ctx) <= 0);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(mine);
	ERR_clear_error();
}

static void a_public_key_does_not_sign_or_decrypt(void)
{
	const struct how h = { .pad = RSA_PKCS1_PADDING, .digest = "SHA2-256" };
	const struct lock l = { .pad = RSA_NO_PADDING };
	EVP_PKEY *mine = side_take(wd, key_named("2048"), EVP_PKEY_PUBLIC_KEY);
	uint8_t sig[MAX] = { 0 };

	T_EQ(sign(wd, mine, &h, message, sizeof(message), sig), 0);
	T_EQ(crypt(wd, mine, &l, false, sig, 256, sig, 256), -1);
	EVP_PKEY_free(mine);
	ERR_clear_error();
}

/* ---- threads -------------------------------------------------------------- */

static void *one_of_many(void *arg)
{
	const struct how h = { .pad = RSA_PKCS1_PSS_PADDING,
			       .digest = "SHA2-256" };
	EVP_PKEY *key = arg;
	uint8_t sig[MAX];

	/* The default provider's key: every thread exports and imports it. */
	for (int i = 0; i < 20; i++) {
		size_t n = sign(wd, key, &h, message, sizeof(message), sig);

		T_EQ(n, 256);
		T_EQ(verify(wd, key, &h, message, sizeof(message), sig, n), 1);
	}
	return NULL;
}

static void threads_may_take_the_same_key_at_once(void)
{
	EVP_PKEY *key = side_take(def, key_named("2048"), EVP_PKEY_KEYPAIR);
	pthread_t threads[6];

	for (size_t i = 0; i < ARRAY(threads); i++)
		T_EQ(pthread_create(&threads[i], NULL, one_of_many, key), 0);
	for (size_t i = 0; i < ARRAY(threads); i++)
		pthread_join(threads[i], NULL);
	EVP_PKEY_free(key);
}

T_MAIN(T_CASE(keys_of_every_kind_are_the_same_on_both_sides),
       T_CASE(keys_without_crt_parts_are_the_same_on_both_sides),
       T_CASE(public_key_imports_with_the_private_selection),
       T_CASE(incomplete_imports_end_alike),
       T_CASE(the_types_of_parameters_are_the_same),
       T_CASE(a_copy_has_what_was_selected), T_CASE(different_keys_differ),
       T_CASE(checks_say_the_same_of_good_public_and_spoilt_keys),
       T_CASE(generated_keys_are_as_asked_and_report_progress),
       T_CASE(generation_takes_and_refuses_what_default_does),
       T_CASE(keys_of_the_old_interface_go_in_and_out),
       T_CASE(signatures_of_every_digest_and_padding_cross),
       T_CASE(signatures_of_every_kind_of_key_cross),
       T_CASE(signatures_without_crt_parts_cross),
       T_CASE(pss_salts_of_every_length_cross),
       T_CASE(a_restricted_key_keeps_its_restrictions),
       T_CASE(raw_signatures_of_every_length_cross),
       T_CASE(parameters_read_back_and_name_the_algorithm),
       T_CASE(parameters_are_refused_where_default_refuses_them),
       T_CASE(wrong_sizes_are_refused_with_defaults_reason),
       T_CASE(a_copied_stream_goes_its_own_way),
       T_CASE(a_context_signs_again_and_again),
       T_CASE(a_duplicate_keeps_its_parameters),
       T_CASE(encryption_of_every_padding_crosses),
       T_CASE(exponents_are_taken_and_refused_as_default_does),
       T_CASE(bad_ciphertexts_are_refused_and_write_nothing),
       T_CASE(tls_secrets_always_come_out), T_CASE(a_pss_key_does_not_encrypt),
       T_CASE(a_public_key_does_not_sign_or_decrypt),
       T_CASE(threads_may_take_the_same_key_at_once))
