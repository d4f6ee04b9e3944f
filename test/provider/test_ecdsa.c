/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDSA through EVP: wd on the model against the default provider, in both
 * directions, verdicts on everything that can be wrong with a signature, and
 * what a failing device may not do.
 */
#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "test/provider/ec_judge.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static struct side *def, *wd;

static struct side *device(const char *name, const char *fallback)
{
	setenv("WD_TIMEOUT_MS", strstr(name, "drop") ? "300" : "20000", 1);
	return side_wd(name, fallback, false);
}

static void sides(void)
{
	if (def)
		return;
	def = side_default();
	wd = device("emu", NULL);
}

static const struct curve {
	const char *name;
	bool device;
} curves[] = {
	{ "P-192", true },	     { "P-224", true },
	{ "P-256", true },	     { "P-384", true },
	{ "P-521", true },	     { "secp256k1", true },
	{ "brainpoolP192r1", true }, { "brainpoolP224r1", true },
	{ "brainpoolP256r1", true }, { "brainpoolP256t1", true },
	{ "brainpoolP320r1", true }, { "brainpoolP384r1", true },
	{ "brainpoolP512r1", true }, { "sect233k1", false },
	{ "sect571r1", false },
};

static const char *const digests[] = { NULL,	   "SHA1",     "SHA2-224",
				       "SHA2-256", "SHA2-384", "SHA2-512",
				       "SHA3-256", "SM3",      "RIPEMD160" };

/* One of the default provider's and the same on @s. */
static void pair(const struct side *s, const char *curve, const char *md,
		 struct judge *theirs, struct judge *ours)
{
	*theirs = (struct judge){ def, ec_make(def, "EC", curve), md, NULL };
	if (!theirs->key)
		t_fail(__FILE__, __LINE__, "no key on %s", curve);
	*ours = judge_at(theirs, s);
}

static void unpair(struct judge *theirs, struct judge *ours)
{
	judge_free(theirs);
	judge_free(ours);
}

static void both_directions(struct judge *theirs, struct judge *ours,
			    const uint8_t *m, size_t len)
{
	uint8_t sig[EC_SIG_MAX];
	size_t n;

	T_EQ(judge_signs(ours, m, len, sig, &n), 1);
	T_EQ(judge_says(theirs, sig, n, m, len), 1);
	T_EQ(judge_says(ours, sig, n, m, len), 1);
	T_EQ(judge_signs(theirs, m, len, sig, &n), 1);
	T_EQ(judge_says(ours, sig, n, m, len), 1);
}

static void every_curve_and_digest_in_both_directions(void)
{
	uint8_t m[100];

	sides();
	for (size_t i = 0; i < sizeof(m); i++)
		m[i] = (uint8_t)(i * 37 + 11);
	for (size_t c = 0; c < ARRAY(curves); c++) {
		long jobs = side_count(wd, "ecdsa-sign", "done");
		struct judge theirs, ours;

		pair(wd, curves[c].name, NULL, &theirs, &ours);
		for (size_t d = 0; d < ARRAY(digests); d++) {
			theirs.md = ours.md = digests[d];
			both_directions(&theirs, &ours, m, 32);
		}
		T_EQ(side_count(wd, "ecdsa-sign", "done") - jobs,
		     curves[c].device ? (long)ARRAY(digests) : 0);
		unpair(&theirs, &ours);
	}
	ERR_clear_error();
}

/* Shorter and longer than the order, and orders that are no whole bytes. */
static void every_length_of_a_digest(void)
{
	uint8_t m[100];

	sides();
	memset(m, 0xff, sizeof(m));
	for (size_t c = 0; c < ARRAY(curves); c++) {
		struct judge theirs, ours;

		if (!curves[c].device)
			continue;
		pair(wd, curves[c].name, NULL, &theirs, &ours);
		for (size_t len = 1; len <= sizeof(m); len += len == 20	 ? 8
							      : len < 70 ? 3
									 : 9)
			both_directions(&theirs, &ours, m, len);
		unpair(&theirs, &ours);
	}
}

static void numbers_the_engine_refuses_are_signed_in_software(void)
{
	uint8_t zero[32] = { 0 }, order[32], more[32];
	struct judge theirs, ours;
	BIGNUM *n;

	sides();
	pair(wd, "P-256", NULL, &theirs, &ours);
	n = ec_order(theirs.key);
	BN_bn2binpad(n, order, sizeof(order));
	BN_add_word(n, 5);
	BN_bn2binpad(n, more, sizeof(more));
	for (int i = 0; i < 2; i++) {
		long jobs = side_count(wd, "ecdsa-sign", "jobs");
		long soft = side_count(wd, "ecdsa-sign", "software");

		both_directions(&theirs, &ours, i ? order : zero, 32);
		T_EQ(side_count(wd, "ecdsa-sign", "jobs"), jobs);
		T_EQ(side_count(wd, "ecdsa-sign", "software"), soft + 1);
	}
	both_directions(&theirs, &ours, more, 32);
	both_directions(&theirs, &ours, zero, 0);
	BN_free(n);
	unpair(&theirs, &ours);
}

static void verdicts_are_the_default_providers(void)
{
	static const char *const names[] = { "P-192", "P-256", "P-521",
					     "brainpoolP320r1", "sect233k1" };
	const uint8_t m[32] = { 1, 2, 3 };
	unsigned int compared = 0;

	sides();
	for (size_t i = 0; i < ARRAY(names); i++) {
		struct judge theirs, ours;
		uint8_t sig[EC_SIG_MAX];
		size_t n;

		pair(wd, names[i], NULL, &theirs, &ours);
		T_EQ(judge_signs(&theirs, m, sizeof(m), sig, &n), 1);
		compared += judges_agree(&theirs, &ours, sig, n, m, sizeof(m));
		theirs.md = ours.md = "SHA2-256";
		T_EQ(judge_signs(&ours, m, sizeof(m), sig, &n), 1);
		compared += judges_agree(&theirs, &ours, sig, n, m, sizeof(m));
		unpair(&theirs, &ours);
	}
	printf("%u signatures compared\n", compared);
	T_OK(compared > 3000);
}

static void another_key_or_message_is_refused(void)
{
	uint8_t m[32] = { 9 }, sig[EC_SIG_MAX];
	struct judge theirs, ours, other, ours_too;
	long wrong;
	size_t n;

	sides();
	pair(wd, "P-256", "SHA2-256", &theirs, &ours);
	pair(wd, "P-256", "SHA2-256", &other, &ours_too);
	T_EQ(judge_signs(&theirs, m, sizeof(m), sig, &n), 1);
	wrong = side_count(wd, "ecdsa-verify", "software");
	T_EQ(judge_says(&ours_too, sig, n, m, sizeof(m)), 0);
	m[31] ^= 1;
	T_EQ(judge_says(&ours, sig, n, m, sizeof(m)), 0);
	m[31] ^= 1;
	T_EQ(judge_says(&ours, sig, n, m, sizeof(m) - 1), 0);
	T_EQ(judge_says(&ours, sig, n, m, sizeof(m)), 1);
	/* Whoever is refused by the device was judged again. */
	T_EQ(side_count(wd, "ecdsa-verify", "software") - wrong, 3);
	unpair(&theirs, &ours);
	unpair(&other, &ours_too);
	ERR_clear_error();
}

/* ---- parameters and contexts ------------------------------------------------ */

static void parameters_are_the_default_providers(void)
{
	const uint8_t m[3] = "abc";
	struct judge j[2];

	sides();
	pair(wd, "P-384", "SHA2-384", &j[0], &j[1]);
	for (size_t i = 0; i < 2; i++) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		EVP_PKEY_CTX *pctx;
		static uint8_t id[2][64];
		static size_t id_len[2];
		size_t size = 0, bad = 20;
		char md[30] = "";
		OSSL_PARAM get[] = {
			OSSL_PARAM_construct_octet_string("algorithm-id", id[i],
							  sizeof(id[i])),
			OSSL_PARAM_construct_size_t("digest-size", &size),
			OSSL_PARAM_construct_utf8_string("digest", md,
							 sizeof(md)),
			OSSL_PARAM_construct_end(),
		};
		OSSL_PARAM same[] = {
			OSSL_PARAM_construct_utf8_string("digest",
							 (char *)"SHA384", 0),
			OSSL_PARAM_construct_end(),
		};
		OSSL_PARAM other[] = {
			OSSL_PARAM_construct_utf8_string("digest",
							 (char *)"SHA256", 0),
			OSSL_PARAM_construct_end(),
		};
		OSSL_PARAM other_size[] = {
			OSSL_PARAM_construct_size_t("digest-size", &bad),
			OSSL_PARAM_construct_end(),
		};

		T_EQ(EVP_DigestSignInit_ex(ctx, &pctx, NULL, j[i].side->lib,
					   j[i].side->q, j[i].key, NULL),
		     1);
		T_EQ(EVP_DigestSignInit_ex(ctx, &pctx, j[i].md, j[i].side->lib,
					   j[i].side->q, j[i].key, NULL),
		     1);
		T_EQ(EVP_PKEY_CTX_get_params(pctx, get), 1);
		id_len[i] = get[0].return_size;
		T_EQ(size, 48);
		T_STR(md, "SHA2-384");
		T_EQ(EVP_DigestSignUpdate(ctx, m, 3), 1);
		T_EQ(EVP_PKEY_CTX_set_params(pctx, same), 1);
		T_EQ(EVP_PKEY_CTX_set_params(pctx, other) > 0, 0);
		T_EQ(EVP_PKEY_CTX_set_params(pctx, other_size) > 0, 0);
		T_OK(EVP_PKEY_CTX_gettable_params(pctx));
		T_OK(EVP_PKEY_CTX_settable_params(pctx));
		if (i) {
			T_EQ(id_len[0], id_len[1]);
			T_OK(id_len[0] > 8);
			T_MEM(id[0], id[1], id_len[0]);
		}
		EVP_MD_CTX_free(ctx);
	}
	unpair(&j[0], &j[1]);
	ERR_clear_error();
}

static void digests_are_taken_and_refused_as_default_does(void)
{
	static const char *const names[] = {
		"MD5",
		"MD5-SHA1",
		"SHA1",
		"SHA512-256",
		"SHAKE128",
		"SHAKE256",
		"BLAKE2b512",
		"NO-SUCH",
		"",
		"UNDEF",
		"a name that is longer than any digest has, and then some more",
	};
	struct judge theirs, ours;
	int taken = 0;

	sides();
	pair(wd, "P-256", NULL, &theirs, &ours);
	for (size_t i = 0; i < ARRAY(names); i++) {
		uint8_t sig[EC_SIG_MAX];
		size_t n;
		int ok;

		theirs.md = ours.md = names[i];
		ok = judge_signs(&theirs, (uint8_t *)"m", 1, sig, &n);
		if (judge_signs(&ours, (uint8_t *)"m", 1, sig, &n) != ok)
			t_fail(__FILE__, __LINE__, "%s: default says %d",
			       names[i], ok);
		if (ok)
			T_EQ(judge_says(&theirs, sig, n, (uint8_t *)"m", 1), 1);
		taken += ok;
	}
	T_OK(taken >= 4 && taken < (int)ARRAY(names));
	unpair(&theirs, &ours);
	ERR_clear_error();
}

/* What is signed on the device needs nothing of libcrypto's but the digest:
 * parameters that come later find a twin all the same. */
static void parameters_may_come_at_any_time(void)
{
	const uint8_t m[] = "later";
	uint8_t sig[EC_SIG_MAX], id[64];
	struct judge theirs, ours;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	OSSL_PARAM get[] = {
		OSSL_PARAM_construct_octet_string("algorithm-id", id,
						  sizeof(id)),
		OSSL_PARAM_construct_end(),
	};
	OSSL_PARAM none[] = { OSSL_PARAM_construct_end() };
	size_t n = sizeof(sig);

	sides();
	pair(wd, "P-256", "SHA2-256", &theirs, &ours);
	T_EQ(EVP_DigestSignInit_ex(ctx, &pctx, "SHA256", wd->lib, wd->q,
				   ours.key, none),
	     1);
	T_EQ(EVP_DigestSignUpdate(ctx, m, 2), 1);
	T_EQ(EVP_MD_CTX_copy_ex(copy, ctx), 1);
	T_EQ(EVP_PKEY_CTX_get_params(pctx, get), 1);
	T_OK(get[0].return_size > 8);
	T_EQ(EVP_DigestSignUpdate(ctx, m + 2, 3), 1);
	T_EQ(EVP_DigestSignFinal(ctx, sig, &n), 1);
	T_EQ(judge_says(&theirs, sig, n, m, 5), 1);
	T_EQ(EVP_DigestSignUpdate(copy, m + 2, 2), 1);
	n = sizeof(sig);
	T_EQ(EVP_DigestSignFinal(copy, sig, &n), 1);
	T_EQ(judge_says(&theirs, sig, n, m, 4), 1);
	EVP_MD_CTX_free(ctx);
	EVP_MD_CTX_free(copy);
	unpair(&theirs, &ours);
}

static void a_digest_of_the_wrong_size_is_refused(void)
{
	uint8_t m[64] = { 5 }, sig[EC_SIG_MAX];
	struct judge theirs, ours;

	sides();
	pair(wd, "P-256", NULL, &theirs, &ours);
	for (size_t len = 19; len <= 33; len++) {
		int ok[2];

		for (int i = 0; i < 2; i++) {
			const struct judge *j = i ? &ours : &theirs;
			EVP_PKEY_CTX *ctx = side_ctx(j->side, j->key);
			size_t n = sizeof(sig);
			EVP_MD *md = EVP_MD_fetch(def->lib, "SHA256", NULL);

			T_EQ(EVP_PKEY_sign_init(ctx), 1);
			T_EQ(EVP_PKEY_CTX_set_signature_md(ctx, md), 1);
			ok[i] = EVP_PKEY_sign(ctx, sig, &n, m, len) > 0;
			EVP_PKEY_CTX_free(ctx);
			EVP_MD_free(md);
		}
		T_EQ(ok[0], len == 32);
		T_EQ(ok[1], ok[0]);
	}
	unpair(&theirs, &ours);
	ERR_clear_error();
}

static void both_copies_of_a_context_go_on(void)
{
	uint8_t m[64] = { 3 }, sig[EC_SIG_MAX];
	struct judge theirs, ours;
	EVP_MD_CTX *a = EVP_MD_CTX_new(), *b = EVP_MD_CTX_new();
	size_t n;

	sides();
	pair(wd, "P-256", "SHA2-256", &theirs, &ours);
	T_EQ(EVP_DigestSignInit_ex(a, NULL, "SHA256", wd->lib, wd->q, ours.key,
				   NULL),
	     1);
	T_EQ(EVP_DigestSignUpdate(a, m, 10), 1);
	T_EQ(EVP_MD_CTX_copy_ex(b, a), 1);
	T_EQ(EVP_DigestSignUpdate(a, m + 10, 10), 1);
	T_EQ(EVP_DigestSignUpdate(b, m + 20, 30), 1);
	n = sizeof(sig);
	T_EQ(EVP_DigestSignFinal(a, sig, &n), 1);
	T_EQ(judge_says(&theirs, sig, n, m, 20), 1);
	EVP_MD_CTX_free(a);
	memmove(m + 10, m + 20, 30);
	n = sizeof(sig);
	T_EQ(EVP_DigestSignFinal(b, sig, &n), 1);
	T_EQ(judge_says(&theirs, sig, n, m, 40), 1);
	EVP_MD_CTX_free(b);
	unpair(&theirs, &ours);
}

static void initialised_again_without_a_key_it_is_the_last_one(void)
{
	const uint8_t m[] = "again";
	uint8_t sig[EC_SIG_MAX];
	struct judge theirs, ours;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	sides();
	pair(wd, "P-256", "SHA2-256", &theirs, &ours);
	T_EQ(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", wd->lib, wd->q,
				   ours.key, NULL),
	     1);
	for (int i = 0; i < 3; i++) {
		size_t n = sizeof(sig);

		T_EQ(EVP_DigestSign(ctx, sig, &n, m, sizeof(m)), 1);
		T_EQ(judge_says(&theirs, sig, n, m, sizeof(m)), 1);
		T_EQ(EVP_DigestSignInit(ctx, NULL, NULL, NULL, NULL), 1);
	}
	EVP_MD_CTX_free(ctx);
	unpair(&theirs, &ours);
}

static void size_queries_touch_no_device(void)
{
	struct judge theirs, ours;
	EVP_PKEY_CTX *ctx;
	uint8_t m[32] = { 1 }, sig[EC_SIG_MAX];
	size_t n = 0, want = 0;
	long jobs, soft;

	sides();
	pair(wd, "P-521", NULL, &theirs, &ours);
	ctx = side_ctx(def, theirs.key);
	T_EQ(EVP_PKEY_sign_init(ctx), 1);
	T_EQ(EVP_PKEY_sign(ctx, NULL, &want, m, sizeof(m)), 1);
	EVP_PKEY_CTX_free(ctx);
	jobs = side_count(wd, "ecdsa-sign", "jobs");
	soft = side_count(wd, "ecdsa-sign", "software");
	ctx = side_ctx(wd, ours.key);
	T_EQ(EVP_PKEY_sign_init(ctx), 1);
	T_EQ(EVP_PKEY_sign(ctx, NULL, &n, m, sizeof(m)), 1);
	T_EQ(n, want);
	T_EQ(side_count(wd, "ecdsa-sign", "jobs"), jobs);
	T_EQ(side_count(wd, "ecdsa-sign", "software"), soft);
	n--; /* too small */
	T_EQ(EVP_PKEY_sign(ctx, sig, &n, m, sizeof(m)) > 0, 0);
	EVP_PKEY_CTX_free(ctx);
	unpair(&theirs, &ours);
	ERR_clear_error();
}

static void a_public_key_does_not_sign(void)
{
	struct judge theirs, ours;
	uint8_t m[32] = { 1 }, sig[EC_SIG_MAX];
	size_t n;

	sides();
	pair(wd, "P-256", NULL, &theirs, &ours);
	EVP_PKEY_free(ours.key);
	ours.key = side_take(wd, theirs.key, EVP_PKEY_PUBLIC_KEY);
	T_OK(ours.key);
	T_EQ(judge_signs(&theirs, m, sizeof(m), sig, &n), 1);
	T_EQ(judge_says(&ours, sig, n, m, sizeof(m)), 1);
	T_EQ(judge_signs(&ours, m, sizeof(m), sig, &n), 0);
	unpair(&theirs, &ours);
	ERR_clear_error();
}

/* Where the library has it (3.2): the twin's, for the same twice. */
static void deterministic_signatures_are_the_librarys(void)
{
	const uint8_t m[] = "sample";
	uint8_t sig[2][EC_SIG_MAX];
	struct judge theirs, ours;
	unsigned int type = 1, got = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint("nonce-type", &type),
		OSSL_PARAM_construct_end(),
	};
	OSSL_PARAM get[] = {
		OSSL_PARAM_construct_uint("nonce-type", &got),
		OSSL_PARAM_construct_end(),
	};
	size_t n[2];
	long jobs;
	bool has;

	sides();
	pair(wd, "P-256", NULL, &theirs, &ours);
	jobs = side_count(wd, "ecdsa-sign", "jobs");
	for (int i = 0; i < 2; i++) {
		const struct judge *j = i ? &ours : &theirs;
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		EVP_PKEY_CTX *pctx;

		T_EQ(EVP_DigestSignInit_ex(ctx, &pctx, "SHA256", j->side->lib,
					   j->side->q, j->key, NULL),
		     1);
		has = OSSL_PARAM_locate_const(
			EVP_PKEY_CTX_settable_params(pctx), "nonce-type");
		T_EQ(has, OPENSSL_version_major() > 3 ||
				  OPENSSL_version_minor() >= 2);
		T_EQ(EVP_PKEY_CTX_set_params(pctx, params), 1);
		n[i] = EC_SIG_MAX;
		T_EQ(EVP_DigestSign(ctx, sig[i], &n[i], m, 6), 1);
		T_EQ(EVP_PKEY_CTX_get_params(pctx, get), 1);
		T_EQ(got, has);
		EVP_MD_CTX_free(ctx);
	}
	T_EQ(side_count(wd, "ecdsa-sign", "jobs") - jobs, !has);
	if (has) {
		T_EQ(n[0], n[1]);
		T_MEM(sig[0], sig[1], n[0]);
	}
	unpair(&theirs, &ours);
	ERR_clear_error();
}

/* ---- published --------------------------------------------------------------- */

static EVP_PKEY *public_key(const struct side *s, const char *curve,
			    const char *x, const char *y)
{
	uint8_t point[1 + 2 * 66] = { 4 };
	size_t w = strlen(x) / 2;
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, "EC", s->q);
	EVP_PKEY *key = NULL;

	t_hex(point + 1, w, x);
	t_hex(point + 1 + w, w, y);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						     (char *)curve, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						      point, 1 + 2 * w);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void published_signatures_are_good(void)
{
	FILE *f = fopen(TEST_VECTORS "/ecdsa-rfc6979.txt", "r");
	struct judge j = { .side = NULL };
	char line[512], a[140], b[140], r[140], s[140];
	unsigned int n = 0;
	long done;

	sides();
	T_OK(f);
	j.side = wd;
	done = side_count(wd, "ecdsa-verify", "done");
	while (fgets(line, sizeof(line), f)) {
		ECDSA_SIG *rs;
		BIGNUM *br = NULL, *bs = NULL;
		uint8_t *der = NULL;
		int len;

		if (*line == '#')
			continue;
		T_EQ(sscanf(line, "%139s %139s %139s %139s", a, b, r, s), 4);
		if (!strcmp(a, "key")) {
			EVP_PKEY_free(j.key);
			j.key = public_key(wd, b, r, s);
			T_OK(j.key);
			continue;
		}
		rs = ECDSA_SIG_new();
		BN_hex2bn(&br, r);
		BN_hex2bn(&bs, s);
		ECDSA_SIG_set0(rs, br, bs);
		len = i2d_ECDSA_SIG(rs, &der);
		j.md = a;
		T_EQ(judge_says(&j, der, (size_t)len, (uint8_t *)b, strlen(b)),
		     1);
		BN_add_word(br, 1);
		OPENSSL_free(der);
		der = NULL;
		len = i2d_ECDSA_SIG(rs, &der);
		T_EQ(judge_says(&j, der, (size_t)len, (uint8_t *)b, strlen(b)),
		     0);
		OPENSSL_free(der);
		ECDSA_SIG_free(rs);
		n++;
	}
	fclose(f);
	EVP_PKEY_free(j.key);
	T_EQ(n, 50);
	T_OK(side_count(wd, "ecdsa-verify", "done") - done >= 2 * 50);
	ERR_clear_error();
}

/* ---- devices that fail -------------------------------------------------------- */

#define ROUNDS 12

static void any_failure_is_made_good_in_software(void)
{
	static const struct {
		const char *name;
		bool check;
		const char *counter;
	} faults[] = {
		{ "emu:fault=hpre.wrong/2", true, "wrong" },
		{ "emu:fault=hpre.wrong/4", true, "wrong" },
		{ "emu:nosva,fault=hpre.wrong/5", true, "wrong" },
		{ "emu:fault=hpre.status/1", false, "errors" },
		{ "emu:fault=hpre.status/3", true, "errors" },
		{ "emu:fault=hpre.drop@5", false, NULL },
		{ "emu:fault=hpre.stop@5", false, "done" },
		{ "emu:fault=hpre.reset@5", false, "done" },
		{ "emu:fault=hpre.gone@5", false, "done" },
	};
	uint8_t m[32] = { 0 }, sig[EC_SIG_MAX];
	size_t n;

	sides();
	for (size_t i = 0; i < ARRAY(faults); i++) {
		struct judge theirs, ours;
		struct side *s;

		setenv("WD_EC_SIGN_CHECK", faults[i].check ? "yes" : "no", 1);
		s = device(faults[i].name, NULL);
		pair(s, "P-256", "SHA2-256", &theirs, &ours);
		for (int k = 0; k < ROUNDS; k++) {
			m[0] = (uint8_t)k;
			T_EQ(judge_signs(&ours, m, 32, sig, &n), 1);
			T_EQ(judge_says(&theirs, sig, n, m, 32), 1);
			T_EQ(judge_says(&ours, sig, n, m, 32), 1);
			/* A wrong "good" nobody can tell. */
			if (strstr(faults[i].name, "wrong"))
				continue;
			sig[n - 1] ^= 1;
			T_EQ(judge_says(&ours, sig, n, m, 32), 0);
		}
		if (faults[i].counter &&
		    side_count(s, "ecdsa-sign", faults[i].counter) <= 0)
			t_fail(__FILE__, __LINE__, "%s: no %s", faults[i].name,
			       faults[i].counter);
		T_OK(side_count(s, "ecdsa-sign", "software") +
			     side_count(s, "ecdsa-verify", "software") >
		     0);
		unpair(&theirs, &ours);
		side_free(s);
		ERR_clear_error();
	}
	unsetenv("WD_EC_SIGN_CHECK");
}

static void refused(const char *name, const char *reason)
{
	struct judge theirs, ours;
	uint8_t m[32] = { 7 }, got[EC_SIG_MAX], before[EC_SIG_MAX];
	struct side *s;
	size_t n;

	setenv("WD_EC_SIGN_CHECK", "yes", 1);
	s = device(name, "no");
	unsetenv("WD_EC_SIGN_CHECK");
	pair(s, "P-256", NULL, &theirs, &ours);
	memset(got, 0xee, sizeof(got));
	memset(before, 0xee, sizeof(before));
	ERR_clear_error();
	T_EQ(judge_signs(&ours, m, 32, got, &n), 0);
	T_STR(ERR_reason_error_string(ERR_peek_error()), reason);
	T_MEM(got, before, sizeof(got));
	T_EQ(side_count(s, "ecdsa-sign", "software"), 0);
	unpair(&theirs, &ours);
	ERR_clear_error();
	side_free(s);
}

static void without_fallback_nothing_wrong_leaves(void)
{
	sides();
	refused("emu:fault=hpre.wrong@1",
		"the accelerator computed a wrong result");
	/* Only the check fails: still no signature. */
	refused("emu:fault=hpre.wrong@2",
		"the accelerator computed a wrong result");
	refused("emu:fault=hpre.status@2", "the accelerator reported an error");
	refused("emu:fault=hpre.status/1", "the accelerator reported an error");
	refused("emu:fault=hpre.drop/1",
		"the accelerator did not answer in time");
	refused("emu:fault=hpre.gone@1", "the accelerator reported an error");
}

/* Off by default: then what the device says is believed if it is in range. */
static void the_check_is_what_catches_it(void)
{
	uint8_t m[32] = { 7 }, sig[EC_SIG_MAX];
	struct judge theirs, ours;
	struct side *s;
	size_t n;

	sides();
	unsetenv("WD_EC_SIGN_CHECK");
	s = device("emu:fault=hpre.wrong@1", "no");
	pair(s, "P-521", NULL, &theirs, &ours);
	if (judge_signs(&ours, m, 32, sig, &n))
		T_EQ(judge_says(&theirs, sig, n, m, 32), 0);
	T_EQ(side_count(s, "ecdsa-verify", "jobs"), 0);
	T_EQ(side_count(s, "ecdsa-sign", "jobs"), 1);
	unpair(&theirs, &ours);
	side_free(s);
	ERR_clear_error();
}

static void a_sound_device_needs_no_software(void)
{
	static const char *const names[] = { "emu", "emu:nosva", "emu:inline" };

	sides();
	setenv("WD_EC_SIGN_CHECK", "yes", 1);
	for (size_t i = 0; i < ARRAY(names); i++) {
		struct side *s = device(names[i], "no");
		struct judge theirs, ours;
		uint8_t m[32] = { 4 }, sig[EC_SIG_MAX];
		size_t n;

		pair(s, "P-384", "SHA2-384", &theirs, &ours);
		for (int k = 0; k < ROUNDS; k++) {
			m[1] = (uint8_t)k;
			T_EQ(judge_signs(&ours, m, 32, sig, &n), 1);
			T_EQ(judge_says(&theirs, sig, n, m, 32), 1);
			T_EQ(judge_says(&ours, sig, n, m, 32), 1);
		}
		T_EQ(side_count(s, "ecdsa-sign", "done"), ROUNDS);
		/* The check of each, and each verification. */
		T_EQ(side_count(s, "ecdsa-verify", "done"), 2 * ROUNDS);
		T_EQ(side_count(s, "ecdsa-sign", "software"), 0);
		T_EQ(side_count(s, "ecdsa-verify", "software"), 0);
		T_EQ(side_count(s, "ecdsa-sign", "wrong"), 0);
		unpair(&theirs, &ours);
		side_free(s);
	}
	unsetenv("WD_EC_SIGN_CHECK");
}

/* ---- nonces -------------------------------------------------------------------- */

static void take_r(const uint8_t *sig, size_t len, BIGNUM **r)
{
	ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &sig, (long)len);

	T_OK(rs);
	*r = BN_dup(ECDSA_SIG_get0_r(rs));
	ECDSA_SIG_free(rs);
}

/* The same message, also after jobs that failed or came out wrong: r is the
 * nonce's alone. */
static void a_nonce_never_comes_again(void)
{
	static const char *const names[] = { "emu", "emu:fault=hpre.status/3",
					     "emu:fault=hpre.wrong/3" };
	enum { TIMES = 60 };

	sides();
	setenv("WD_EC_SIGN_CHECK", "yes", 1);
	for (size_t i = 0; i < ARRAY(names); i++) {
		struct side *s = device(names[i], NULL);
		struct judge theirs, ours;
		uint8_t m[32] = { 8 }, sig[EC_SIG_MAX];
		BIGNUM *r[TIMES];
		size_t n;

		pair(s, "P-256", NULL, &theirs, &ours);
		for (int k = 0; k < TIMES; k++) {
			T_EQ(judge_signs(&ours, m, 32, sig, &n), 1);
			take_r(sig, n, &r[k]);
			for (int l = 0; l < k; l++)
				T_OK(BN_cmp(r[k], r[l]) != 0);
		}
		for (int k = 0; k < TIMES; k++)
			BN_free(r[k]);
		unpair(&theirs, &ours);
		side_free(s);
	}
	unsetenv("WD_EC_SIGN_CHECK");
}

/* Also those that need the key as an object of libcrypto's: a parameter is
 * asked, a bad signature is judged again. */
static void *one_of_many(void *arg)
{
	const struct judge *j = arg;
	uint8_t m[32] = { 6 }, sig[EC_SIG_MAX], id[64];
	size_t n;

	for (int i = 0; i < 10; i++) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		EVP_PKEY_CTX *pctx;
		OSSL_PARAM get[] = {
			OSSL_PARAM_construct_octet_string("algorithm-id", id,
							  sizeof(id)),
			OSSL_PARAM_construct_end(),
		};

		m[1] = (uint8_t)i;
		T_EQ(judge_signs(j, m, 32, sig, &n), 1);
		T_EQ(judge_says(j, sig, n, m, 32), 1);
		m[2] ^= 1;
		T_EQ(judge_says(j, sig, n, m, 32), 0);
		T_EQ(EVP_DigestSignInit_ex(ctx, &pctx, "SHA256", j->side->lib,
					   j->side->q, j->key, NULL),
		     1);
		T_EQ(EVP_PKEY_CTX_get_params(pctx, get), 1);
		T_OK(get[0].return_size > 8);
		EVP_MD_CTX_free(ctx);
		ERR_clear_error();
	}
	return NULL;
}

static void threads_may_take_the_same_key_at_once(void)
{
	struct judge theirs, ours;
	pthread_t threads[6];

	sides();
	for (int round = 0; round < 5; round++) {
		pair(wd, "P-256", "SHA2-256", &theirs, &ours);
		for (size_t i = 0; i < ARRAY(threads); i++)
			T_EQ(pthread_create(&threads[i], NULL, one_of_many,
					    &ours),
			     0);
		for (size_t i = 0; i < ARRAY(threads); i++)
			pthread_join(threads[i], NULL);
		unpair(&theirs, &ours);
	}
}

static void alone_without_a_device_it_is_software(void)
{
	struct side *s;
	struct judge theirs, ours;
	const uint8_t m[3] = "abc";

	sides();
	s = side_wd("none", NULL, true);
	pair(s, "P-256", "SHA2-256", &theirs, &ours);
	both_directions(&theirs, &ours, m, sizeof(m));
	unpair(&theirs, &ours);
	side_free(s);
}

static void end(void)
{
	if (!def)
		return;
	side_free(wd);
	side_free(def);
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(every_curve_and_digest_in_both_directions),
		T_CASE(every_length_of_a_digest),
		T_CASE(numbers_the_engine_refuses_are_signed_in_software),
		T_CASE(verdicts_are_the_default_providers),
		T_CASE(another_key_or_message_is_refused),
		T_CASE(parameters_are_the_default_providers),
		T_CASE(digests_are_taken_and_refused_as_default_does),
		T_CASE(parameters_may_come_at_any_time),
		T_CASE(a_digest_of_the_wrong_size_is_refused),
		T_CASE(both_copies_of_a_context_go_on),
		T_CASE(initialised_again_without_a_key_it_is_the_last_one),
		T_CASE(size_queries_touch_no_device),
		T_CASE(a_public_key_does_not_sign),
		T_CASE(deterministic_signatures_are_the_librarys),
		T_CASE(published_signatures_are_good),
		T_CASE(any_failure_is_made_good_in_software),
		T_CASE(without_fallback_nothing_wrong_leaves),
		T_CASE(the_check_is_what_catches_it),
		T_CASE(a_sound_device_needs_no_software),
		T_CASE(a_nonce_never_comes_again),
		T_CASE(threads_may_take_the_same_key_at_once),
		T_CASE(alone_without_a_device_it_is_software),
	};
	int rc = t_main(cases, ARRAY(cases), argc, argv);

	end();
	return rc;
}
