/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DH and DHX of wd against the default provider: keys cross both ways, secrets
 * and verdicts are the same, and the counters tell who did the work.
 */
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "test/provider/exch.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static struct side *def;

static void start(void)
{
	if (!def)
		def = side_default();
}

/* ---- keys ---------------------------------------------------------------- */

static EVP_PKEY *group_key(const struct side *s, const char *type,
			   const char *group, int priv_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, type, s->q);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("group", (char *)group, 0),
		OSSL_PARAM_construct_int("priv_len", &priv_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;

	if (!priv_len)
		params[1] = OSSL_PARAM_construct_end();
	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_params(ctx, params) <= 0 ||
	    EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* From numbers; NULL ones are left out. */
static EVP_PKEY *number_key(const struct side *s, const char *type,
			    const BIGNUM *p, const BIGNUM *q, const BIGNUM *g,
			    const BIGNUM *pub, const BIGNUM *priv)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, type, s->q);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;

	OSSL_PARAM_BLD_push_BN(bld, "p", p);
	if (q)
		OSSL_PARAM_BLD_push_BN(bld, "q", q);
	OSSL_PARAM_BLD_push_BN(bld, "g", g);
	if (pub)
		OSSL_PARAM_BLD_push_BN(bld, "pub", pub);
	if (priv)
		OSSL_PARAM_BLD_push_BN(bld, "priv", priv);
	params = OSSL_PARAM_BLD_to_param(bld);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *template_key(const struct side *s, EVP_PKEY *params)
{
	EVP_PKEY_CTX *ctx = side_ctx(s, params);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 ||
	    EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static BIGNUM *number(EVP_PKEY *key, const char *name)
{
	BIGNUM *n = NULL;

	EVP_PKEY_get_bn_param(key, name, &n);
	return n;
}

/* ---- groups -------------------------------------------------------------- */

static const struct group {
	const char *type, *name;
	int priv_bits; /* as libcrypto draws x */
	bool device;
} groups[] = {
	{ "DH", "ffdhe2048", 225, true },
	{ "DH", "ffdhe3072", 275, true },
	{ "DH", "ffdhe4096", 325, true },
	{ "DH", "ffdhe6144", 375, false },
	{ "DH", "ffdhe8192", 400, false },
	{ "DH", "modp_1536", 200, true },
	{ "DH", "modp_2048", 225, true },
	{ "DH", "modp_3072", 275, true },
	{ "DH", "modp_4096", 325, true },
	{ "DH", "modp_6144", 375, false },
	{ "DHX", "dh_1024_160", 160, true },
	{ "DHX", "dh_2048_224", 224, true },
	{ "DHX", "dh_2048_256", 224, true },
};

/* 1 <= x < min(2^bits, q) */
static void private_key_fits(EVP_PKEY *key, int bits)
{
	BIGNUM *x = number(key, "priv"), *q = number(key, "q");

	T_OK(x && q);
	T_OK(!BN_is_zero(x) && BN_cmp(x, q) < 0);
	T_OK(BN_num_bits(x) <= bits);
	/* And uses that room: 2^-64 is never. */
	T_OK(BN_num_bits(x) > bits - 64);
	BN_free(x);
	BN_free(q);
}

static void one_group(const struct side *s, const struct group *g)
{
	EVP_PKEY *theirs = group_key(def, g->type, g->name, 0),
		 *mine = group_key(s, g->type, g->name, 0), *judged;
	struct way ways[] = { { .pad = 0 }, { .pad = 1 } };
	char name[32];
	size_t len;

	T_OK(theirs && mine);
	private_key_fits(mine, g->priv_bits);
	T_EQ(EVP_PKEY_get_group_name(mine, name, sizeof(name), &len), 1);
	T_STR(name, g->name);
	judged = side_take(def, mine, EVP_PKEY_KEYPAIR);
	T_EQ(exch_check(def, judged, EVP_PKEY_pairwise_check), 1);
	T_EQ(exch_check(def, judged, EVP_PKEY_public_check), 1);
	for (size_t i = 0; i < ARRAY(ways); i++) {
		same_exchange(def, s, theirs, judged, &ways[i]);
		same_exchange(def, s, judged, theirs, &ways[i]);
	}
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(judged);
}

static void every_named_group_works_both_ways(void)
{
	start();
	for (size_t i = 0; i < ARRAY(groups); i++) {
		struct side *s = side_wd("emu", NULL, false);

		one_group(s, &groups[i]);
		if (groups[i].device) {
			/* One key, four exchanges; in 3.0 four checks. */
			T_OK(side_count(s, "dh", "done") >= 5);
			T_EQ(side_count(s, "dh", "software"), 0);
		} else {
			T_EQ(side_count(s, "dh", "jobs"), 0);
			T_OK(side_count(s, "dh", "software") >= 5);
		}
		T_EQ(side_count(s, "dh", "wrong"), 0);
		side_free(s);
	}
}

static void every_device_does_it(void)
{
	static const char *const devices[] = { "emu:kunpeng920",
					       "emu:kunpeng920,nosva",
					       "emu:nosva", "emu:inline" };

	start();
	for (size_t i = 0; i < ARRAY(devices); i++) {
		struct side *s = side_wd(devices[i], "no", false);

		one_group(s, &groups[0]);
		one_group(s, &groups[12]);
		T_OK(side_count(s, "dh", "done") >= 10);
		T_EQ(side_count(s, "dh", "software"), 0);
		side_free(s);
	}
}

static void private_lengths_are_obeyed(void)
{
	struct side *s;
	static const int lens[] = { 225, 256, 2047 };
	EVP_PKEY *key;

	start();
	s = side_wd("emu", NULL, false);
	for (size_t i = 0; i < ARRAY(lens); i++) {
		int len = 0;

		key = group_key(s, "DH", "ffdhe2048", lens[i]);
		T_OK(key);
		private_key_fits(key, lens[i]);
		T_EQ(EVP_PKEY_get_int_param(key, "priv_len", &len), 1);
		T_EQ(len, lens[i]);
		EVP_PKEY_free(key);
	}
	T_EQ(side_count(s, "dh", "done"), 3);
	/* Too short for the group, and too long: refused as by default. */
	T_OK(!group_key(def, "DH", "ffdhe2048", 100));
	T_OK(!group_key(s, "DH", "ffdhe2048", 100));
	T_OK(!group_key(def, "DH", "ffdhe2048", 4000));
	T_OK(!group_key(s, "DH", "ffdhe2048", 4000));
	ERR_clear_error();
	side_free(s);
}

/* ---- explicit parameters --------------------------------------------------- */

/* Safe primes without a name in libcrypto: RFC 2409; and no primes at all, for
 * who takes part in such an exchange gets its numbers all the same. */
static void explicit_group(const struct side *s, const BIGNUM *p,
			   const BIGNUM *g, bool device)
{
	EVP_PKEY *params = number_key(def, "DH", p, NULL, g, NULL, NULL),
		 *mine_params = side_take(s, params, EVP_PKEY_KEY_PARAMETERS),
		 *theirs, *mine, *judged;
	long done = side_count(s, "dh", "done");
	struct way plain = { .pad = 0 }, padded = { .pad = 1 };

	T_OK(params && mine_params);
	theirs = template_key(def, params);
	mine = template_key(s, mine_params);
	T_EQ(!mine, !theirs);
	if (theirs) {
		judged = side_take(def, mine, EVP_PKEY_KEYPAIR);
		T_EQ(exch_check(def, judged, EVP_PKEY_private_check),
		     exch_check(def, theirs, EVP_PKEY_private_check));
		same_exchange(def, s, theirs, judged, &plain);
		same_exchange(def, s, judged, theirs, &padded);
		EVP_PKEY_free(judged);
	}
	T_EQ(side_count(s, "dh", "done") > done, device);
	EVP_PKEY_free(params);
	EVP_PKEY_free(mine_params);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(mine);
	ERR_clear_error();
}

static void explicit_parameters_work(void)
{
	struct side *s;
	BIGNUM *p768 = BN_get_rfc2409_prime_768(NULL),
	       *p1024 = BN_get_rfc2409_prime_1024(NULL), *g = BN_new(),
	       *odd = BN_new();
	static const struct {
		int bits;
		bool device;
	} sizes[] = {
		{ 512, false },	 { 520, false }, { 767, false },
		{ 768, true },	 { 769, false }, { 1000, false },
		{ 1024, true },	 { 1536, true }, { 1535, false },
		{ 2047, false }, { 2048, true }, { 2049, false },
		{ 3072, true },	 { 4096, true }, { 256, false },
	};

	start();
	s = side_wd("emu", NULL, false);
	BN_set_word(g, 2);
	explicit_group(s, p768, g, true);
	explicit_group(s, p1024, g, true);
	BN_set_word(g, 5);
	explicit_group(s, p1024, g, true);
	BN_copy(g, p1024);
	BN_sub_word(g, 3);
	explicit_group(s, p1024, g, true);
	for (size_t i = 0; i < ARRAY(sizes); i++) {
		BN_rand(odd, sizes[i].bits, BN_RAND_TOP_ONE,
			BN_RAND_BOTTOM_ODD);
		BN_set_word(g, 2);
		explicit_group(s, odd, g, sizes[i].device);
	}
	/* Bases and moduli nobody should use have the default's verdict. */
	explicit_group(s, p1024, p1024, false);
	BN_set_word(g, 1);
	explicit_group(s, p1024, g, false);
	BN_zero(g);
	explicit_group(s, p1024, g, false);
	BN_free(p768);
	BN_free(p1024);
	BN_free(odd);
	BN_free(g);
	side_free(s);
}

/* Of the parameters only the twin knows how to make. */
static void generated_parameters_work(void)
{
	struct side *s;
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *params = NULL, *mine, *theirs, *judged;
	size_t pbits = 1024, qbits = 160;
	OSSL_PARAM words[] = {
		OSSL_PARAM_construct_utf8_string("type", (char *)"fips186_2",
						 0),
		OSSL_PARAM_construct_size_t("pbits", &pbits),
		OSSL_PARAM_construct_size_t("qbits", &qbits),
		OSSL_PARAM_construct_end(),
	};
	struct way plain = { .pad = 1 };

	start();
	s = side_wd("emu", NULL, false);
	ctx = EVP_PKEY_CTX_new_from_name(s->lib, "DHX", s->q);
	T_EQ(EVP_PKEY_paramgen_init(ctx), 1);
	T_EQ(EVP_PKEY_CTX_set_params(ctx, words), 1);
	T_EQ(EVP_PKEY_generate(ctx, &params), 1);
	EVP_PKEY_CTX_free(ctx);
	T_EQ(exch_check(s, params, EVP_PKEY_param_check), 1);
	mine = template_key(s, params);
	T_OK(mine);
	judged = side_take(def, mine, EVP_PKEY_KEYPAIR);
	T_EQ(exch_check(def, judged, EVP_PKEY_pairwise_check), 1);
	theirs = template_key(def, judged);
	same_exchange(def, s, theirs, judged, &plain);
	same_exchange(def, s, judged, theirs, &plain);
	T_OK(side_count(s, "dh", "done") >= 4);
	EVP_PKEY_free(params);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(judged);
	side_free(s);
}

/* ---- peers that lie -------------------------------------------------------- */

static void verdicts_on(const struct side *s, const char *type, EVP_PKEY *key,
			const BIGNUM *y)
{
	BIGNUM *p = number(key, "p"), *q = number(key, "q"),
	       *g = number(key, "g");
	EVP_PKEY *peer = number_key(def, type, p, q, g, y, NULL),
		 *mine = number_key(s, type, p, q, g, y, NULL);
	struct way trusting = { .no_validation = 1, .pad = 1 },
		   wary = { .pad = 1 };

	T_EQ(!peer, !mine);
	if (peer) {
		T_EQ(exch_check(s, mine, EVP_PKEY_public_check),
		     exch_check(def, peer, EVP_PKEY_public_check));
		T_EQ(exch_check(s, mine, EVP_PKEY_public_check_quick),
		     exch_check(def, peer, EVP_PKEY_public_check_quick));
		same_exchange(def, s, key, peer, &wary);
		same_exchange(def, s, key, peer, &trusting);
	}
	EVP_PKEY_free(peer);
	EVP_PKEY_free(mine);
	BN_free(p);
	BN_free(q);
	BN_free(g);
	ERR_clear_error();
}

static void bad_values(const struct side *s, const char *type,
		       const char *group)
{
	EVP_PKEY *key = group_key(def, type, group, 0);
	BIGNUM *p = number(key, "p"), *y = BN_new();
	static const int near_p[] = { -3, -2, -1, 0, 1, 2 };

	for (unsigned int i = 0; i < 6; i++) {
		BN_set_word(y, i);
		verdicts_on(s, type, key, y);
	}
	for (size_t i = 0; i < ARRAY(near_p); i++) {
		BN_copy(y, p);
		if (near_p[i] < 0)
			BN_sub_word(y, (BN_ULONG)-near_p[i]);
		else
			BN_add_word(y, (BN_ULONG)near_p[i]);
		verdicts_on(s, type, key, y);
	}
	/* Longer than the modulus by bytes. */
	BN_lshift(y, p, 20);
	verdicts_on(s, type, key, y);
	/* In the group, but of what order? */
	for (int i = 0; i < 6; i++) {
		BN_rand_range(y, p);
		verdicts_on(s, type, key, y);
	}
	BN_free(p);
	BN_free(y);
	EVP_PKEY_free(key);
}

static void bad_peers_get_the_default_providers_verdict(void)
{
	struct side *s;

	start();
	s = side_wd("emu", NULL, false);
	bad_values(s, "DH", "ffdhe2048");
	bad_values(s, "DH", "modp_1536");
	bad_values(s, "DHX", "dh_1024_160");
	bad_values(s, "DHX", "dh_2048_256");
	T_OK(side_count(s, "dh", "done") > 0);
	T_EQ(side_count(s, "dh", "wrong"), 0);
	side_free(s);
}

/* y = h^((p-1)/small): of a tiny order, which a private key would show in. */
static void a_small_subgroup_is_found(void)
{
	struct side *s;
	EVP_PKEY *key;
	BIGNUM *p, *q, *cofactor, *y = BN_new(), *h = BN_new();
	BN_CTX *ctx = BN_CTX_new();

	start();
	s = side_wd("emu", NULL, false);
	key = group_key(def, "DHX", "dh_1024_160", 0);
	p = number(key, "p");
	q = number(key, "q");
	cofactor = BN_new();
	BN_copy(y, p);
	BN_sub_word(y, 1);
	BN_div(cofactor, NULL, y, q, ctx);
	for (unsigned int i = 2; i < 6; i++) {
		/* Of order dividing the cofactor: not in the subgroup of q. */
		BN_set_word(h, i);
		BN_mod_exp(y, h, q, p, ctx);
		verdicts_on(s, "DHX", key, y);
		/* In it. */
		BN_mod_exp(y, h, cofactor, p, ctx);
		verdicts_on(s, "DHX", key, y);
	}
	EVP_PKEY_free(key);
	BN_free(p);
	BN_free(q);
	BN_free(y);
	BN_free(h);
	BN_free(cofactor);
	BN_CTX_free(ctx);
	side_free(s);
}

static void keys_that_do_not_fit_are_refused_alike(void)
{
	struct side *s;
	EVP_PKEY *a, *b, *c, *public;
	struct way plain = { .pad = 0 }, tight = { .room = 255 },
		   roomy = { .room = EXCH_MAX };

	start();
	s = side_wd("emu", NULL, false);
	a = group_key(def, "DH", "ffdhe2048", 0);
	b = group_key(def, "DH", "modp_2048", 0);
	c = group_key(def, "DH", "ffdhe3072", 0);
	same_exchange(def, s, a, b, &plain);
	same_exchange(def, s, a, c, &plain);
	same_exchange(def, s, a, NULL, &plain);
	same_exchange(def, s, a, a, &plain);
	same_exchange(def, s, a, a, &tight);
	same_exchange(def, s, a, a, &roomy);
	public = side_take(def, a, EVP_PKEY_PUBLIC_KEY);
	same_exchange(def, s, public, a, &plain);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(c);
	EVP_PKEY_free(public);
	side_free(s);
}

/* ---- the KDF and padding --------------------------------------------------- */

static void the_kdf_of_x942_gives_the_same(void)
{
	struct side *s;
	static const uint8_t ukm[64] = { 1, 2, 3, 4, 5 };
	const struct way ways[] = {
		{ .kdf = "X942KDF-ASN1",
		  .md = "SHA1",
		  .kdf_len = 24,
		  .cek = "id-smime-alg-CMS3DESwrap" },
		{ .kdf = "X942KDF-ASN1",
		  .md = "SHA256",
		  .kdf_len = 16,
		  .cek = "id-aes128-wrap",
		  .ukm = ukm,
		  .ukm_len = 64 },
		{ .kdf = "X942KDF-ASN1",
		  .md = "SHA512",
		  .kdf_len = 32,
		  .cek = "id-aes256-wrap",
		  .ukm = ukm,
		  .ukm_len = 5 },
		{ .kdf = "X942KDF-ASN1",
		  .md = "SHA256",
		  .kdf_len = 16,
		  .cek = "id-aes128-wrap",
		  .room = 15 },
		{ .kdf = "X942KDF-ASN1",
		  .md = "SHA256",
		  .kdf_len = 16,
		  .cek = "no-such-cipher" },
		{ .kdf = "X942KDF-ASN1",
		  .md = "no-such-digest",
		  .kdf_len = 16,
		  .cek = "id-aes128-wrap" },
		{ .kdf = "no-such-kdf",
		  .md = "SHA256",
		  .kdf_len = 16,
		  .cek = "id-aes128-wrap" },
	};
	EVP_PKEY *a, *b;

	start();
	s = side_wd("emu", NULL, false);
	a = group_key(def, "DHX", "dh_2048_224", 0);
	b = group_key(def, "DHX", "dh_2048_224", 0);
	for (size_t i = 0; i < ARRAY(ways); i++)
		same_exchange(def, s, a, b, &ways[i]);
	T_OK(side_count(s, "dh", "done") >= 5);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	side_free(s);
}

/* One in 256 starts with a zero byte: with pad it stays, without it goes. */
static void leading_zeros_stay_or_go(void)
{
	struct side *s;
	BIGNUM *p, *g = BN_new();
	EVP_PKEY *params, *a, *mine;
	struct way plain = { .pad = 0 }, padded = { .pad = 1 };
	int short_ones = 0;

	start();
	s = side_wd("emu:inline", NULL, false);
	p = BN_get_rfc2409_prime_768(NULL);
	BN_set_word(g, 2);
	params = number_key(def, "DH", p, NULL, g, NULL, NULL);
	a = template_key(def, params);
	mine = side_take(s, a, EVP_PKEY_KEYPAIR);
	for (int i = 0; i < 4000 && short_ones < 2; i++) {
		EVP_PKEY *peer = template_key(def, params), *other;
		struct secret want, got;

		exchange(def, a, peer, &plain, &want);
		if (want.len < 96) {
			short_ones++;
			other = side_take(s, peer, EVP_PKEY_PUBLIC_KEY);
			exchange(s, mine, other, &plain, &got);
			T_EQ(got.len, want.len);
			T_MEM(got.bytes, want.bytes, want.len);
			exchange(s, mine, other, &padded, &got);
			T_EQ(got.len, 96);
			T_EQ(got.bytes[0], 0);
			T_MEM(got.bytes + 96 - want.len, want.bytes, want.len);
			EVP_PKEY_free(other);
		}
		EVP_PKEY_free(peer);
	}
	T_EQ(short_ones, 2);
	EVP_PKEY_free(params);
	EVP_PKEY_free(a);
	EVP_PKEY_free(mine);
	BN_free(p);
	BN_free(g);
	side_free(s);
}

/* Any exponent, any base, moduli of any kind: what is of no use to anybody has
 * a result, too. */
static void random_exchanges_agree(void)
{
	static const struct {
		int bits, times;
	} sizes[] = {
		{ 768, 3000 }, { 1024, 500 }, { 1536, 60 },
		{ 2048, 30 },  { 3072, 10 },  { 4096, 5 },
	};
	struct side *s;
	BIGNUM *p = BN_new(), *g = BN_new(), *x = BN_new(), *y = BN_new();
	int total = 0;

	start();
	s = side_wd("emu:inline", "no", false);
	BN_set_word(g, 2);
	for (size_t i = 0; i < ARRAY(sizes); i++) {
		BN_rand(p, sizes[i].bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
		for (int n = 0; n < sizes[i].times; n++, total++) {
			struct way w = { .no_validation = 1, .pad = n & 1 };
			EVP_PKEY *key, *peer;

			BN_rand(x, 1 + (n * 37) % sizes[i].bits,
				BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY);
			BN_rand_range(y, p);
			key = number_key(def, "DH", p, NULL, g, y, x);
			peer = number_key(def, "DH", p, NULL, g, y, NULL);
			same_exchange(def, s, key, peer, &w);
			EVP_PKEY_free(key);
			EVP_PKEY_free(peer);
		}
	}
	T_OK(side_count(s, "dh", "done") > total - 20);
	BN_free(p);
	BN_free(g);
	BN_free(x);
	BN_free(y);
	side_free(s);
}

/* ---- published values ------------------------------------------------------ */

static BIGNUM *vector(FILE *f, const char *name)
{
	char line[1024], want[16];
	BIGNUM *n = NULL;

	T_OK(fgets(line, sizeof(line), f));
	snprintf(want, sizeof(want), "%s ", name);
	T_EQ(strncmp(line, want, strlen(want)), 0);
	line[strcspn(line, "\n")] = 0;
	BN_hex2bn(&n, line + strlen(want));
	return n;
}

static void vector_exchange(const struct side *s, const char *type,
			    EVP_PKEY *group, const BIGNUM *x, const BIGNUM *own,
			    const BIGNUM *peer, const BIGNUM *z)
{
	BIGNUM *p = number(group, "p"), *q = number(group, "q"),
	       *g = number(group, "g");
	EVP_PKEY *key = number_key(s, type, p, q, g, own, x),
		 *other = number_key(s, type, p, q, g, peer, NULL);
	struct way padded = { .pad = 1 };
	uint8_t want[EXCH_MAX];
	struct secret got;

	exchange(s, key, other, &padded, &got);
	T_EQ(got.step, 0);
	BN_bn2binpad(z, want, (int)got.len);
	T_MEM(got.bytes, want, got.len);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	BN_free(p);
	BN_free(q);
	BN_free(g);
}

static void vectors_of(const char *file, const char *type, int expected)
{
	static const char *const names[] = { "xA", "yA", "xB", "yB", "Z" };
	struct side *s = side_wd("emu", "no", false);
	char line[1024];
	int seen = 0;
	FILE *f;

	snprintf(line, sizeof(line), "%s/%s", TEST_VECTORS, file);
	f = fopen(line, "r");
	T_OK(f);
	while (fgets(line, sizeof(line), f)) {
		BIGNUM *n[ARRAY(names)];
		EVP_PKEY *group;

		if (strncmp(line, "group ", 6) != 0)
			continue;
		line[strcspn(line, "\n")] = 0;
		group = group_key(s, type, line + 6, 0);
		for (size_t i = 0; i < ARRAY(names); i++)
			n[i] = vector(f, names[i]);
		vector_exchange(s, type, group, n[0], n[1], n[3], n[4]);
		vector_exchange(s, type, group, n[2], n[3], n[1], n[4]);
		for (size_t i = 0; i < ARRAY(names); i++)
			BN_free(n[i]);
		EVP_PKEY_free(group);
		seen++;
	}
	fclose(f);
	T_EQ(seen, expected);
	T_EQ(side_count(s, "dh", "software"), 0);
	side_free(s);
}

static void rfc_5114_vectors_hold(void)
{
	vectors_of("rfc5114-dh.txt", "DHX", 3);
}

static void acvp_vectors_hold(void)
{
	vectors_of("acvp-kas-ffc.txt", "DH", 2);
}

/* ---- devices that fail ------------------------------------------------------ */

static void any_failure_is_made_good_in_software(void)
{
	static const char *const faults[] = {
		"emu:fault=hpre.status/1",
		"emu:fault=hpre.status/2",
		"emu:fault=hpre.drop@3",
		"emu:fault=hpre.stop@3",
		"emu:fault=hpre.reset@3",
		"emu:fault=hpre.gone@3",
		"emu:kunpeng920,nosva,fault=hpre.status/2",
	};

	start();
	for (size_t i = 0; i < ARRAY(faults); i++) {
		struct side *s;

		setenv("WD_TIMEOUT_MS",
		       strstr(faults[i], "drop") ? "300" : "20000", 1);
		s = side_wd(faults[i], NULL, false);
		one_group(s, &groups[0]);
		T_OK(side_count(s, "dh", "software") > 0);
		side_free(s);
	}
	setenv("WD_TIMEOUT_MS", "20000", 1);
}

static void without_fallback_nothing_leaves(void)
{
	static const char *const faults[] = {
		"emu:fault=hpre.status/1",
		"emu:fault=hpre.stop/1",
		"emu:nosva,fault=hpre.status/1",
		"emu:fault=hpre.gone@1",
	};
	EVP_PKEY *a, *b;

	start();
	a = group_key(def, "DH", "ffdhe2048", 0);
	b = group_key(def, "DH", "ffdhe2048", 0);
	for (size_t i = 0; i < ARRAY(faults); i++) {
		struct side *s = side_wd(faults[i], "no", false);
		EVP_PKEY *mine = side_take(s, a, EVP_PKEY_KEYPAIR),
			 *peer = side_take(s, b, EVP_PKEY_PUBLIC_KEY);
		struct way trusting = { .pad = 1, .no_validation = 1 };
		struct secret z;

		exchange(s, mine, peer, &trusting, &z);
		T_EQ(z.step, 5);
		for (size_t j = 0; j < 256; j++)
			T_EQ(z.bytes[j], 0);
		T_OK(!group_key(s, "DH", "ffdhe2048", 0));
		T_OK(ERR_peek_last_error());
		ERR_clear_error();
		T_EQ(side_count(s, "dh", "software"), 0);
		EVP_PKEY_free(mine);
		EVP_PKEY_free(peer);
		side_free(s);
	}
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
}

static void alone_without_a_device_it_is_software(void)
{
	struct side *s;

	start();
	s = side_wd("none", NULL, true);
	one_group(s, &groups[0]);
	one_group(s, &groups[10]);
	T_EQ(side_count(s, "dh", "jobs"), 0);
	side_free(s);
}

/* ---- what hangs on a key ---------------------------------------------------- */

/* As TLS does: parameters copied to an empty key, then the peer's octets. */
static void an_encoded_peer_is_taken(void)
{
	struct side *s;
	EVP_PKEY *mine, *theirs, *peer = EVP_PKEY_new();
	struct way padded = { .pad = 1 };
	struct secret a, b;
	unsigned char *octets = NULL;
	size_t len;

	start();
	s = side_wd("emu", NULL, false);
	mine = group_key(s, "DH", "ffdhe2048", 0);
	theirs = group_key(def, "DH", "ffdhe2048", 0);
	len = EVP_PKEY_get1_encoded_public_key(theirs, &octets);
	T_EQ(len, 256);
	T_EQ(EVP_PKEY_copy_parameters(peer, mine), 1);
	T_EQ(EVP_PKEY_set1_encoded_public_key(peer, octets, len), 1);
	exchange(s, mine, peer, &padded, &a);
	T_EQ(a.step, 0);
	OPENSSL_free(octets);
	/* Another value in the same key: what was made of the first is gone. */
	len = EVP_PKEY_get1_encoded_public_key(mine, &octets);
	T_EQ(EVP_PKEY_set1_encoded_public_key(peer, octets, len), 1);
	exchange(s, mine, peer, &padded, &b);
	T_EQ(b.step, 0);
	T_OK(memcmp(a.bytes, b.bytes, 256) != 0);
	OPENSSL_free(octets);
	/* Refused: 1, and p. */
	T_EQ(EVP_PKEY_set1_encoded_public_key(peer, (uint8_t *)"\1", 1), 0);
	ERR_clear_error();
	EVP_PKEY_free(mine);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(peer);
	side_free(s);
}

static void one_key_serves_many_threads(void)
{
	const struct way padded = { .pad = 1 };
	struct side *s;
	EVP_PKEY *a, *b, *mine, *peer;
	struct secret want;

	start();
	s = side_wd("emu", NULL, false);
	a = group_key(def, "DH", "ffdhe2048", 0);
	b = group_key(def, "DH", "ffdhe2048", 0);
	mine = side_take(s, a, EVP_PKEY_KEYPAIR);
	peer = side_take(s, b, EVP_PKEY_PUBLIC_KEY);
	exchange(def, a, b, &padded, &want);
	exchange_in_threads(s, mine, peer, &want);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(peer);
	side_free(s);
}

static void copies_of_a_context_go_on(void)
{
	struct side *s;
	EVP_PKEY *a, *b, *mine, *peer;
	EVP_PKEY_CTX *ctx, *copy;
	uint8_t one[256], two[256];
	size_t n = sizeof(one);

	start();
	s = side_wd("emu", NULL, false);
	a = group_key(def, "DH", "ffdhe2048", 0);
	b = group_key(def, "DH", "ffdhe2048", 0);
	mine = side_take(s, a, EVP_PKEY_KEYPAIR);
	peer = side_take(s, b, EVP_PKEY_PUBLIC_KEY);
	ctx = side_ctx(s, mine);
	T_EQ(EVP_PKEY_derive_init(ctx), 1);
	T_EQ(EVP_PKEY_CTX_set_dh_pad(ctx, 1), 1);
	T_EQ(EVP_PKEY_derive_set_peer(ctx, peer), 1);
	copy = EVP_PKEY_CTX_dup(ctx);
	T_OK(copy);
	T_EQ(EVP_PKEY_derive(ctx, one, &n), 1);
	EVP_PKEY_CTX_free(ctx);
	n = sizeof(two);
	T_EQ(EVP_PKEY_derive(copy, two, &n), 1);
	T_MEM(one, two, sizeof(one));
	EVP_PKEY_CTX_free(copy);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(peer);
	side_free(s);
}

T_MAIN(T_CASE(every_named_group_works_both_ways), T_CASE(every_device_does_it),
       T_CASE(private_lengths_are_obeyed), T_CASE(explicit_parameters_work),
       T_CASE(generated_parameters_work),
       T_CASE(bad_peers_get_the_default_providers_verdict),
       T_CASE(a_small_subgroup_is_found),
       T_CASE(keys_that_do_not_fit_are_refused_alike),
       T_CASE(the_kdf_of_x942_gives_the_same), T_CASE(leading_zeros_stay_or_go),
       T_CASE(random_exchanges_agree), T_CASE(rfc_5114_vectors_hold),
       T_CASE(acvp_vectors_hold), T_CASE(any_failure_is_made_good_in_software),
       T_CASE(without_fallback_nothing_leaves),
       T_CASE(alone_without_a_device_it_is_software),
       T_CASE(an_encoded_peer_is_taken), T_CASE(copies_of_a_context_go_on),
       T_CASE(one_key_serves_many_threads))
