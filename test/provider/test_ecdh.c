/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDH through wd, on the model, against the default provider: the same
 * secrets, the same refusals, and the counters say who computed.
 */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>

#include "test/provider/ec_side.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static struct side *def, *wd;

static void start(void)
{
	if (def)
		return;
	setenv("WD_TIMEOUT_MS", "20000", 1);
	def = side_default();
	wd = side_wd("emu", NULL, false);
}

static long jobs(void)
{
	return side_count(wd, "ecdh", "jobs");
}

/* ---- who agrees with whom ---------------------------------------------------- */

/* Keys of both sides, each taken over by the other: four secrets, one value. */
static void all_agree(const char *name, EVP_PKEY *a, EVP_PKEY *b)
{
	EVP_PKEY *a_def = side_take(def, a, EVP_PKEY_KEYPAIR),
		 *b_def = side_take(def, b, EVP_PKEY_KEYPAIR),
		 *a_wd = side_take(wd, a, EVP_PKEY_KEYPAIR),
		 *b_wd = side_take(wd, b, EVP_PKEY_PUBLIC_KEY);
	uint8_t want[EC_SECRET_MAX], got[EC_SECRET_MAX];
	size_t n;

	if (!a_def || !b_def || !a_wd || !b_wd) {
		t_fail(__FILE__, __LINE__, "%s: a key is refused", name);
		goto free_keys;
	}
	n = ec_agree(def, a_def, b_def, want);
	T_OK(n);
	if (ec_agree(def, b_def, a_def, got) != n || memcmp(got, want, n))
		t_fail(__FILE__, __LINE__, "%s: default disagrees", name);
	if (ec_agree(wd, a_wd, b_wd, got) != n || memcmp(got, want, n))
		t_fail(__FILE__, __LINE__, "%s: wd disagrees", name);

free_keys:
	EVP_PKEY_free(a_def);
	EVP_PKEY_free(b_def);
	EVP_PKEY_free(a_wd);
	EVP_PKEY_free(b_wd);
}

static void every_curve_agrees_with_the_default_provider(void)
{
	int device = 0, software = 0;

	start();
	for (const char *const *c = ec_curves(); *c; c++) {
		long before = jobs();
		EVP_PKEY *a = ec_make(wd, "EC", *c),
			 *b = ec_make(def, "EC", *c);

		if (!a || !b)
			t_fail(__FILE__, __LINE__, "%s: no key", *c);
		all_agree(*c, a, b);
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
		/* One for the key, one for the secret. */
		if (jobs() - before != (ec_on_device(*c) ? 2 : 0))
			t_fail(__FILE__, __LINE__, "%s: %ld jobs", *c,
			       jobs() - before);
		ec_on_device(*c) ? device++ : software++;
	}
	printf("# %d curves on the device, %d in software\n", device, software);
	T_OK(device >= 25 && software >= 10);
}

static void a_leading_zero_of_the_secret_stays(void)
{
	uint8_t want[EC_SECRET_MAX], got[EC_SECRET_MAX];
	int zeros = 0;

	start();
	/* One in 256 starts with a zero. */
	for (int i = 0; i < 3000 && zeros < 3; i++) {
		EVP_PKEY *a = ec_make(wd, "EC", "P-256"),
			 *b = ec_make(wd, "EC", "P-256");
		size_t n = ec_agree(wd, a, b, got);

		T_EQ(n, 32);
		if (!got[0]) {
			EVP_PKEY *x = side_take(def, a, EVP_PKEY_KEYPAIR),
				 *y = side_take(def, b, EVP_PKEY_PUBLIC_KEY);

			zeros++;
			T_EQ(ec_agree(def, x, y, want), n);
			T_MEM(got, want, n);
			EVP_PKEY_free(x);
			EVP_PKEY_free(y);
		}
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
	}
	T_OK(zeros);
}

/* ---- explicit parameters ------------------------------------------------------- */

static OSSL_PARAM *written_out(const EC_GROUP *g)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *p = BN_new(), *a = BN_new(), *b = BN_new();
	OSSL_PARAM *params;
	uint8_t generator[65];

	EC_GROUP_get_curve(g, p, a, b, NULL);
	EC_POINT_point2oct(g, EC_GROUP_get0_generator(g),
			   POINT_CONVERSION_UNCOMPRESSED, generator,
			   sizeof(generator), NULL);
	OSSL_PARAM_BLD_push_utf8_string(bld, "field-type", "prime-field", 0);
	OSSL_PARAM_BLD_push_utf8_string(bld, "encoding", "explicit", 0);
	OSSL_PARAM_BLD_push_BN(bld, "p", p);
	OSSL_PARAM_BLD_push_BN(bld, "a", a);
	OSSL_PARAM_BLD_push_BN(bld, "b", b);
	OSSL_PARAM_BLD_push_octet_string(bld, "generator", generator,
					 sizeof(generator));
	OSSL_PARAM_BLD_push_BN(bld, "order", EC_GROUP_get0_order(g));
	OSSL_PARAM_BLD_push_BN(bld, "cofactor", EC_GROUP_get0_cofactor(g));
	params = OSSL_PARAM_BLD_to_param(bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(p);
	BN_free(a);
	BN_free(b);
	return params;
}

/* A new key, or NULL, of a curve by its numbers. */
static EVP_PKEY *explicit_key(const struct side *s, const EC_GROUP *g)
{
	EVP_PKEY *domain = NULL, *key = NULL;
	OSSL_PARAM *params = written_out(g);
	EVP_PKEY_CTX *ctx;

	ctx = EVP_PKEY_CTX_new_from_name(s->lib, "EC", s->q);
	EVP_PKEY_fromdata_init(ctx);
	T_EQ(EVP_PKEY_fromdata(ctx, &domain, EVP_PKEY_KEY_PARAMETERS, params),
	     1);
	EVP_PKEY_CTX_free(ctx);
	ctx = side_ctx(s, domain);
	EVP_PKEY_keygen_init(ctx);
	T_EQ(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(domain);
	OSSL_PARAM_free(params);
	return key;
}

/* P-256 with another generator: libcrypto has no name for it. */
static EVP_PKEY *nameless(const struct side *s)
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *twice = EC_POINT_new(g);
	EVP_PKEY *key;

	EC_POINT_dbl(g, twice, EC_GROUP_get0_generator(g), NULL);
	T_EQ(EC_GROUP_set_generator(g, twice, EC_GROUP_get0_order(g),
				    EC_GROUP_get0_cofactor(g)),
	     1);
	key = explicit_key(s, g);
	EC_POINT_free(twice);
	EC_GROUP_free(g);
	return key;
}

/*
 * P-256 but for b, or with one bit of the order changed: a curve on which the
 * generator does not have the order that is claimed.
 */
static EVP_PKEY *no_curve(const struct side *s, bool order)
{
	EC_GROUP *named = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), *g;
	BIGNUM *p = BN_new(), *a = BN_new(), *b = BN_new(), *n;
	BIGNUM *x = BN_new(), *y = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	EC_POINT *point;
	EVP_PKEY *key;

	n = BN_dup(EC_GROUP_get0_order(named));
	EC_GROUP_get_curve(named, p, a, b, ctx);
	if (order)
		BN_sub_word(n, 2);
	else
		BN_add_word(b, 1);
	g = EC_GROUP_new_curve_GFp(p, a, b, ctx);
	point = EC_POINT_new(g);
	if (order)
		EC_POINT_get_affine_coordinates(
			named, EC_GROUP_get0_generator(named), x, y, ctx);
	else
		while (BN_add_word(x, 1) &&
		       !EC_POINT_set_compressed_coordinates(g, point, x, 0,
							    ctx))
			;
	if (order)
		EC_POINT_set_affine_coordinates(g, point, x, y, ctx);
	T_EQ(EC_GROUP_set_generator(g, point, n, BN_value_one()), 1);
	key = explicit_key(s, g);
	EC_POINT_free(point);
	EC_GROUP_free(g);
	EC_GROUP_free(named);
	BN_free(p);
	BN_free(a);
	BN_free(b);
	BN_free(n);
	BN_free(x);
	BN_free(y);
	BN_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

static void parameters_that_are_no_group_never_reach_the_device(void)
{
	uint8_t want[EC_SECRET_MAX], got[EC_SECRET_MAX];

	start();
	for (int order = 0; order < 2; order++) {
		EVP_PKEY *a = no_curve(def, order), *mine;
		EVP_PKEY_CTX *ctx;
		long before = jobs();

		mine = side_take(wd, a, EVP_PKEY_KEYPAIR);
		T_OK(mine);
		T_EQ(ec_agree(wd, mine, mine, got), ec_agree(def, a, a, want));
		T_MEM(got, want, EC_SECRET_MAX);
		/* As an application that does not look. */
		ctx = side_ctx(wd, mine);
		EVP_PKEY_derive_init(ctx);
		T_OK(EVP_PKEY_derive_set_peer_ex(ctx, mine, 0) > 0);
		EVP_PKEY_derive(ctx, got, &(size_t){ EC_SECRET_MAX });
		EVP_PKEY_CTX_free(ctx);
		T_EQ(jobs(), before);
		EVP_PKEY_free(mine);
		EVP_PKEY_free(a);
	}
	ERR_clear_error();
}

static void a_curve_without_a_name_is_done_on_the_device(void)
{
	EVP_PKEY *a, *b;
	long before;

	start();
	a = nameless(wd);
	b = nameless(def);
	before = jobs();
	all_agree("nameless", a, b);
	T_EQ(jobs() - before, 1);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
}

static void a_named_curve_written_out_is_done_on_the_device(void)
{
	static const char *const curves[] = { "P-256", "P-521",
					      "brainpoolP384r1" };

	start();
	for (size_t i = 0; i < ARRAY(curves); i++) {
		EVP_PKEY *k[2];
		long before;

		for (int j = 0; j < 2; j++) {
			EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(
				def->lib, "EC", NULL);

			k[j] = NULL;
			EVP_PKEY_keygen_init(ctx);
			EVP_PKEY_CTX_set_group_name(ctx, curves[i]);
			EVP_PKEY_CTX_set_ec_param_enc(
				ctx, OPENSSL_EC_EXPLICIT_CURVE);
			T_EQ(EVP_PKEY_generate(ctx, &k[j]), 1);
			EVP_PKEY_CTX_free(ctx);
		}
		before = jobs();
		all_agree(curves[i], k[0], k[1]);
		T_EQ(jobs() - before, 1);
		EVP_PKEY_free(k[0]);
		EVP_PKEY_free(k[1]);
	}
}

/* ---- peers that are refused ------------------------------------------------------ */

static void a_peer_of_another_curve_is_refused(void)
{
	static const char *const pairs[][2] = {
		{ "P-256", "secp256k1" },
		{ "P-256", "P-384" },
		{ "brainpoolP256r1", "brainpoolP256t1" },
		{ "P-256", "B-283" },
		{ "B-283", "K-283" },
	};
	uint8_t secret[EC_SECRET_MAX];

	start();
	for (size_t i = 0; i < ARRAY(pairs); i++) {
		EVP_PKEY *a = ec_make(wd, "EC", pairs[i][0]),
			 *b = ec_make(wd, "EC", pairs[i][1]);

		T_EQ(ec_agree(wd, a, b, secret), 0);
		T_EQ(ec_agree(wd, b, a, secret), 0);
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
	}
}

static void keys_without_the_part_they_need_are_refused(void)
{
	uint8_t secret[EC_SECRET_MAX];
	EVP_PKEY *a, *pub, *none;

	start();
	a = ec_make(wd, "EC", "P-256");
	pub = side_take(wd, a, EVP_PKEY_PUBLIC_KEY);
	none = side_take(wd, a, EVP_PKEY_KEY_PARAMETERS);
	T_OK(ec_agree(wd, a, pub, secret));
	T_EQ(ec_agree(wd, pub, a, secret), 0);
	T_EQ(ec_agree(wd, none, a, secret), 0);
	T_EQ(ec_agree(wd, a, none, secret), 0);
	EVP_PKEY_free(a);
	EVP_PKEY_free(pub);
	EVP_PKEY_free(none);
}

/* ---- the context ------------------------------------------------------------------- */

static EVP_PKEY_CTX *agreeing(const struct side *s, EVP_PKEY *a, EVP_PKEY *b)
{
	EVP_PKEY_CTX *ctx = side_ctx(s, a);

	T_OK(EVP_PKEY_derive_init(ctx) > 0);
	T_OK(EVP_PKEY_derive_set_peer(ctx, b) > 0);
	return ctx;
}

static int set_kdf(EVP_PKEY_CTX *ctx, const char *kdf, const char *md,
		   size_t len, const char *ukm)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("kdf-type", (char *)kdf, 0),
		OSSL_PARAM_construct_utf8_string("kdf-digest", (char *)md, 0),
		OSSL_PARAM_construct_size_t("kdf-outlen", &len),
		OSSL_PARAM_construct_octet_string("kdf-ukm", (void *)ukm,
						  strlen(ukm)),
		OSSL_PARAM_construct_end(),
	};

	return EVP_PKEY_CTX_set_params(ctx, params);
}

static void the_kdf_gives_what_the_default_providers_gives(void)
{
	static const struct {
		const char *curve, *md, *ukm;
		size_t len;
	} cases[] = {
		{ "P-256", "SHA256", "", 32 },
		{ "P-256", "SHA1", "shared info", 7 },
		{ "P-521", "SHA512", "shared info", 200 },
		{ "B-283", "SHA256", "x", 64 },
		{ "secp128r2", "SHA224", "x", 64 },
	};

	start();
	for (size_t i = 0; i < ARRAY(cases); i++) {
		EVP_PKEY *a = ec_make(wd, "EC", cases[i].curve),
			 *b = ec_make(wd, "EC", cases[i].curve);
		uint8_t got[2][256] = { { 0 } };

		for (int j = 0; j < 2; j++) {
			const struct side *s = j ? def : wd;
			EVP_PKEY *x = side_take(s, a, EVP_PKEY_KEYPAIR),
				 *y = side_take(s, b, EVP_PKEY_PUBLIC_KEY);
			EVP_PKEY_CTX *ctx = agreeing(s, x, y), *copy;
			size_t n = 0;

			T_EQ(set_kdf(ctx, "X963KDF", cases[i].md, cases[i].len,
				     cases[i].ukm),
			     1);
			T_EQ(EVP_PKEY_derive(ctx, NULL, &n), 1);
			T_EQ(n, cases[i].len);
			n--;
			T_OK(EVP_PKEY_derive(ctx, got[j], &n) <= 0);
			copy = EVP_PKEY_CTX_dup(ctx);
			T_OK(copy);
			n = sizeof(got[j]);
			T_EQ(EVP_PKEY_derive(copy, got[j], &n), 1);
			T_EQ(n, cases[i].len);
			EVP_PKEY_CTX_free(copy);
			EVP_PKEY_CTX_free(ctx);
			EVP_PKEY_free(x);
			EVP_PKEY_free(y);
		}
		T_MEM(got[0], got[1], sizeof(got[0]));
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
		ERR_clear_error();
	}
}

static void parameters_are_taken_and_given_as_by_the_default_provider(void)
{
	static const char *const bad_kdf[] = { "HKDF", "x963kdf", "" };
	const struct side *sides[2];

	start();
	sides[0] = def;
	sides[1] = wd;
	for (int j = 0; j < 2; j++) {
		EVP_PKEY *a = ec_make(sides[j], "EC", "P-256");
		EVP_PKEY_CTX *ctx = agreeing(sides[j], a, a);
		void *ukm = NULL;
		OSSL_PARAM get[] = {
			OSSL_PARAM_construct_octet_ptr("kdf-ukm", &ukm, 0),
			OSSL_PARAM_construct_end(),
		};
		int n = 0;

		T_EQ(EVP_PKEY_CTX_get_ecdh_cofactor_mode(ctx), 0);
		T_OK(EVP_PKEY_CTX_set_ecdh_cofactor_mode(ctx, 2) <= 0);
		T_EQ(EVP_PKEY_CTX_set_ecdh_cofactor_mode(ctx, 1), 1);
		T_EQ(EVP_PKEY_CTX_get_ecdh_cofactor_mode(ctx), 1);
		T_EQ(EVP_PKEY_CTX_get_ecdh_kdf_type(ctx),
		     EVP_PKEY_ECDH_KDF_NONE);
		for (size_t i = 0; i < ARRAY(bad_kdf); i++) {
			int ok = set_kdf(ctx, bad_kdf[i], "SHA256", 9, "ab");

			T_EQ(ok > 0, !*bad_kdf[i]);
		}
		T_OK(set_kdf(ctx, "X963KDF", "NO-SUCH", 9, "ab") <= 0);
		T_EQ(set_kdf(ctx, "X963KDF", "SHA384", 9, "ab"), 1);
		T_EQ(EVP_PKEY_CTX_get_ecdh_kdf_type(ctx),
		     EVP_PKEY_ECDH_KDF_X9_63);
		T_EQ(EVP_PKEY_CTX_get_ecdh_kdf_outlen(ctx, &n), 1);
		T_EQ(n, 9);
		T_EQ(EVP_PKEY_CTX_get_params(ctx, get), 1);
		T_EQ(get[0].return_size, 2);
		T_MEM(ukm, "ab", 2);
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_free(a);
		ERR_clear_error();
	}
}

static void a_buffer_too_small_ends_as_with_the_default_provider(void)
{
	EVP_PKEY *a[2];
	uint8_t out[2][EC_SECRET_MAX] = { { 0 } };
	int ok[2];
	size_t n[2];

	start();
	a[0] = ec_make(wd, "EC", "P-256");
	a[1] = side_take(def, a[0], EVP_PKEY_KEYPAIR);
	for (int j = 0; j < 2; j++) {
		EVP_PKEY_CTX *ctx = agreeing(j ? def : wd, a[j], a[j]);

		n[j] = 20;
		ok[j] = EVP_PKEY_derive(ctx, out[j], &n[j]) > 0;
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_free(a[j]);
	}
	ERR_clear_error();
	T_EQ(ok[0], ok[1]);
	if (ok[0])
		T_EQ(n[0], n[1]);
	T_MEM(out[0], out[1], EC_SECRET_MAX);
}

static void asking_for_the_size_costs_the_device_nothing(void)
{
	EVP_PKEY *a;
	EVP_PKEY_CTX *ctx;
	long before;
	size_t n = 0;

	start();
	a = ec_make(wd, "EC", "P-521");
	ctx = agreeing(wd, a, a);
	before = jobs();
	T_EQ(EVP_PKEY_derive(ctx, NULL, &n), 1);
	T_EQ(n, 66);
	T_EQ(jobs(), before);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(a);
}

static void cofactor_mode_is_right_on_curves_that_have_one(void)
{
	static const char *const curves[] = { "secp112r2", "secp128r2", "B-283",
					      "K-233", "P-256" };

	start();
	for (size_t i = 0; i < ARRAY(curves); i++) {
		EVP_PKEY *a = ec_make(wd, "EC", curves[i]),
			 *b = ec_make(def, "EC", curves[i]);
		uint8_t got[2][EC_SECRET_MAX] = { { 0 } };
		size_t n[2];

		for (int j = 0; j < 2; j++) {
			const struct side *s = j ? def : wd;
			EVP_PKEY *x = side_take(s, a, EVP_PKEY_KEYPAIR),
				 *y = side_take(s, b, EVP_PKEY_PUBLIC_KEY);
			EVP_PKEY_CTX *ctx = agreeing(s, x, y);

			T_EQ(EVP_PKEY_CTX_set_ecdh_cofactor_mode(ctx, 1), 1);
			n[j] = EC_SECRET_MAX;
			T_EQ(EVP_PKEY_derive(ctx, got[j], &n[j]), 1);
			EVP_PKEY_CTX_free(ctx);
			EVP_PKEY_free(x);
			EVP_PKEY_free(y);
		}
		T_EQ(n[0], n[1]);
		T_MEM(got[0], got[1], n[0]);
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
	}
}

/* ---- devices ------------------------------------------------------------------------- */

static void a_device_without_curves_offers_none(void)
{
	struct side *v2;

	start();
	v2 = side_wd("emu:kunpeng920", NULL, false);
	T_OK(!EVP_KEYMGMT_fetch(v2->lib, "EC", v2->q));
	T_OK(!EVP_KEYMGMT_fetch(v2->lib, "SM2", v2->q));
	T_OK(!EVP_KEYEXCH_fetch(v2->lib, "ECDH", v2->q));
	side_free(v2);
	ERR_clear_error();
}

static void alone_without_a_device_all_is_there_in_software(void)
{
	uint8_t want[EC_SECRET_MAX], got[EC_SECRET_MAX];
	EVP_PKEY *a, *b, *x, *y;
	struct side *alone;
	size_t n;

	start();
	alone = side_wd("none", NULL, true);
	a = ec_make(alone, "EC", "P-384");
	b = ec_make(alone, "EC", "P-384");
	T_OK(a && b);
	n = ec_agree(alone, a, b, got);
	x = side_take(def, a, EVP_PKEY_KEYPAIR);
	y = side_take(def, b, EVP_PKEY_PUBLIC_KEY);
	T_EQ(n, 48);
	T_EQ(ec_agree(def, x, y, want), n);
	T_MEM(got, want, n);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(x);
	EVP_PKEY_free(y);
	side_free(alone);
}

#define ROUNDS 12

static void right_all_the_same(const struct side *s)
{
	uint8_t want[EC_SECRET_MAX], got[EC_SECRET_MAX];

	for (int i = 0; i < ROUNDS; i++) {
		EVP_PKEY *a = ec_make(s, "EC", "P-256"),
			 *b = ec_make(s, "EC", "P-256"), *x, *y;

		T_OK(a && b);
		x = side_take(def, a, EVP_PKEY_KEYPAIR);
		y = side_take(def, b, EVP_PKEY_PUBLIC_KEY);
		T_EQ(ec_agree(s, a, b, got), 32);
		T_EQ(ec_agree(def, x, y, want), 32);
		T_MEM(got, want, 32);
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
		EVP_PKEY_free(x);
		EVP_PKEY_free(y);
	}
}

static void a_failing_device_changes_no_key_and_no_secret(void)
{
	static const struct {
		const char *device, *counter;
	} cases[] = {
		{ "emu:fault=hpre.wrong/3", "wrong" },
		{ "emu:fault=hpre.status/3", "errors" },
		{ "emu:nosva,fault=hpre.wrong/3", "wrong" },
	};

	start();
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct side *s = side_wd(cases[i].device, NULL, false);

		right_all_the_same(s);
		if (side_count(s, "ecdh", cases[i].counter) <= 0 ||
		    side_count(s, "ecdh", "software") <= 0 ||
		    side_count(s, "ecdh", "done") <= 0)
			t_fail(__FILE__, __LINE__, "%s: nothing counted",
			       cases[i].device);
		side_free(s);
	}
}

static void after_a_failure_the_next_key_is_the_devices_again(void)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key;
	struct side *s;

	start();
	s = side_wd("emu:fault=hpre.wrong@2", NULL, false);
	ctx = EVP_PKEY_CTX_new_from_name(s->lib, "EC", s->q);
	T_OK(EVP_PKEY_keygen_init(ctx) > 0);
	T_OK(EVP_PKEY_CTX_set_group_name(ctx, "P-256") > 0);
	for (int i = 0; i < 5; i++) {
		key = NULL;
		T_EQ(EVP_PKEY_generate(ctx, &key), 1);
		EVP_PKEY_free(key);
	}
	T_EQ(side_count(s, "ecdh", "jobs"), 5);
	T_EQ(side_count(s, "ecdh", "wrong"), 1);
	T_EQ(side_count(s, "ecdh", "software"), 1);
	EVP_PKEY_CTX_free(ctx);
	side_free(s);
}

static void without_fallback_a_wrong_result_is_an_error(void)
{
	uint8_t secret[EC_SECRET_MAX];
	EVP_PKEY *key, *mine;
	struct side *s;

	start();
	key = ec_make(def, "EC", "P-256");
	s = side_wd("emu:fault=hpre.wrong/1", "no", false);
	T_OK(!ec_make(s, "EC", "P-256"));
	mine = side_take(s, key, EVP_PKEY_KEYPAIR);
	T_EQ(ec_agree(s, mine, mine, secret), 0);
	T_EQ(side_count(s, "ecdh", "wrong"), 2);
	T_EQ(side_count(s, "ecdh", "software"), 0);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(key);
	side_free(s);
	ERR_clear_error();
}

T_MAIN(T_CASE(every_curve_agrees_with_the_default_provider),
       T_CASE(a_leading_zero_of_the_secret_stays),
       T_CASE(a_curve_without_a_name_is_done_on_the_device),
       T_CASE(parameters_that_are_no_group_never_reach_the_device),
       T_CASE(a_named_curve_written_out_is_done_on_the_device),
       T_CASE(a_peer_of_another_curve_is_refused),
       T_CASE(keys_without_the_part_they_need_are_refused),
       T_CASE(the_kdf_gives_what_the_default_providers_gives),
       T_CASE(parameters_are_taken_and_given_as_by_the_default_provider),
       T_CASE(a_buffer_too_small_ends_as_with_the_default_provider),
       T_CASE(asking_for_the_size_costs_the_device_nothing),
       T_CASE(cofactor_mode_is_right_on_curves_that_have_one),
       T_CASE(a_device_without_curves_offers_none),
       T_CASE(alone_without_a_device_all_is_there_in_software),
       T_CASE(a_failing_device_changes_no_key_and_no_secret),
       T_CASE(after_a_failure_the_next_key_is_the_devices_again),
       T_CASE(without_fallback_a_wrong_result_is_an_error))
