/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC and SM2 keys of wd against the default provider's: every parameter, every
 * part, every form of a point, good and bad.  Both are asked the same and must
 * answer the same; a lean key (one of a named curve) and one that went through
 * the twin must not differ either.
 */
#include <pthread.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include "test/provider/ec_side.h"
#include "test/t.h"

#define ARRAY(a)  (sizeof(a) / sizeof((a)[0]))
#define POINT_MAX 200

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

/* ---- the same answers --------------------------------------------------------- */

/* In order: a list may have a name twice. */
static void same_params(const char *what, const OSSL_PARAM *a,
			const OSSL_PARAM *b)
{
	for (; a->key && b->key; a++, b++)
		if (strcmp(a->key, b->key) || a->data_size != b->data_size ||
		    memcmp(a->data, b->data, a->data_size))
			t_fail(__FILE__, __LINE__, "%s: %s, %s differ", what,
			       a->key, b->key);
	if (a->key || b->key)
		t_fail(__FILE__, __LINE__, "%s: %s is too many", what,
		       a->key ? a->key : b->key);
}

static void same_export(const char *what, EVP_PKEY *a, EVP_PKEY *b, int parts)
{
	OSSL_PARAM *p = NULL, *q = NULL;

	T_EQ(EVP_PKEY_todata(a, parts, &p), 1);
	T_EQ(EVP_PKEY_todata(b, parts, &q), 1);
	if (p && q)
		same_params(what, p, q);
	OSSL_PARAM_free(p);
	OSSL_PARAM_free(q);
}

/* One getter, both keys; @raw: as octets or text. */
static void same_getter(const char *what, const EVP_PKEY *a, const EVP_PKEY *b,
			const OSSL_PARAM *g)
{
	unsigned char x[2][4096];
	OSSL_PARAM p[2][2];
	int ok[2];

	memset(x, 0, sizeof(x));
	for (int i = 0; i < 2; i++) {
		p[i][0] = *g;
		p[i][0].data = x[i];
		p[i][0].data_size = sizeof(x[i]);
		if (g->data_type == OSSL_PARAM_INTEGER)
			p[i][0].data_size = sizeof(int);
		p[i][0].return_size = OSSL_PARAM_UNMODIFIED;
		p[i][1] = OSSL_PARAM_construct_end();
		ok[i] = EVP_PKEY_get_params(i ? b : a, p[i]);
	}
	if (ok[0] != ok[1] || p[0][0].return_size != p[1][0].return_size ||
	    memcmp(x[0], x[1], sizeof(x[0])))
		t_fail(__FILE__, __LINE__, "%s: %s: %d, %zu bytes; %d, %zu",
		       what, g->key, ok[0], p[0][0].return_size, ok[1],
		       p[1][0].return_size);
	ERR_clear_error();
}

static void same_getters(const char *what, const EVP_PKEY *a, const EVP_PKEY *b)
{
	const OSSL_PARAM *list = EVP_PKEY_gettable_params(b);

	T_OK(list && EVP_PKEY_gettable_params(a));
	for (; list && list->key; list++)
		same_getter(what, a, b, list);
}

static void same_facts(const char *what, const EVP_PKEY *a, const EVP_PKEY *b)
{
	char x[80] = "?", y[80] = "?";

	T_EQ(EVP_PKEY_get_bits(a), EVP_PKEY_get_bits(b));
	T_EQ(EVP_PKEY_get_security_bits(a), EVP_PKEY_get_security_bits(b));
	T_EQ(EVP_PKEY_get_size(a), EVP_PKEY_get_size(b));
	T_EQ(EVP_PKEY_get_default_digest_name((EVP_PKEY *)a, x, sizeof(x)),
	     EVP_PKEY_get_default_digest_name((EVP_PKEY *)b, y, sizeof(y)));
	T_STR(x, y);
	same_getters(what, a, b);
}

/* ---- every curve ---------------------------------------------------------------- */

static void keys_of_every_curve_answer_like_the_default_providers(void)
{
	start();
	for (const char *const *c = ec_curves(); *c; c++) {
		EVP_PKEY *key = ec_make(def, "EC", *c), *mine, *gen;

		mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
		gen = ec_make(wd, "EC", *c);
		if (!mine || !gen) {
			t_fail(__FILE__, __LINE__, "%s: refused", *c);
			continue;
		}
		same_facts(*c, mine, key);
		same_export(*c, mine, key, EVP_PKEY_KEYPAIR);
		same_export(*c, mine, key, EVP_PKEY_PUBLIC_KEY);
		same_export(*c, mine, key, EVP_PKEY_KEY_PARAMETERS);
		same_export(*c, gen, key, EVP_PKEY_KEY_PARAMETERS);
		EVP_PKEY_free(mine);
		EVP_PKEY_free(gen);
		EVP_PKEY_free(key);
	}
}

static int check(const struct side *s, EVP_PKEY *key,
		 int (*what)(EVP_PKEY_CTX *ctx))
{
	EVP_PKEY_CTX *ctx = side_ctx(s, key);
	int ok = ctx ? what(ctx) : -3;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

static int (*const checks[])(EVP_PKEY_CTX *ctx) = {
	EVP_PKEY_check,
	EVP_PKEY_public_check,
	EVP_PKEY_param_check,
	EVP_PKEY_private_check,
	EVP_PKEY_public_check_quick,
	EVP_PKEY_pairwise_check,
	EVP_PKEY_param_check_quick,
};

static void generated_keys_of_every_curve_are_valid(void)
{
	start();
	for (const char *const *c = ec_curves(); *c; c++) {
		EVP_PKEY *key = ec_make(wd, "EC", *c), *theirs;

		theirs = side_take(def, key, EVP_PKEY_KEYPAIR);
		for (size_t i = 0; i < ARRAY(checks); i++)
			if (check(def, theirs, checks[i]) !=
			    check(wd, key, checks[i]))
				t_fail(__FILE__, __LINE__, "%s: check %zu", *c,
				       i);
		T_EQ(check(def, theirs, EVP_PKEY_check), 1);
		EVP_PKEY_free(key);
		EVP_PKEY_free(theirs);
	}
}

static void two_keys_are_never_the_same(void)
{
	EVP_PKEY *a, *b;

	start();
	a = ec_make(wd, "EC", "P-256");
	b = ec_make(wd, "EC", "P-256");
	T_EQ(EVP_PKEY_eq(a, b), 0);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
}

/* ---- generation ------------------------------------------------------------------- */

static EVP_PKEY *generate(const struct side *s, const char *type,
			  const OSSL_PARAM *params, EVP_PKEY *templ)
{
	EVP_PKEY_CTX *ctx =
		templ ? side_ctx(s, templ)
		      : EVP_PKEY_CTX_new_from_name(s->lib, type, s->q);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 ||
	    (params && EVP_PKEY_CTX_set_params(ctx, params) <= 0) ||
	    EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

static const struct {
	const char *type, *group, *encoding, *format;
	int cofactor; /* 9: not set */
	bool good, device;
} generations[] = {
	{ "EC", "P-256", NULL, NULL, 9, true, true },
	{ "EC", "prime256v1", NULL, NULL, 9, true, true },
	{ "EC", "PRIME256V1", NULL, NULL, 9, true, true },
	{ "EC", "p-256", NULL, NULL, 9, true, false },
	{ "EC", "P-256", "named_curve", NULL, 9, true, true },
	{ "EC", "P-256", "explicit", NULL, 9, true, false },
	{ "EC", "P-256", "nonsense", NULL, 9, false, false },
	{ "EC", "P-256", NULL, "compressed", 9, true, false },
	{ "EC", "P-256", NULL, NULL, 0, true, false },
	{ "EC", "P-256", NULL, NULL, 1, true, false },
	{ "EC", "secp256r1", NULL, NULL, 9, false, false },
	{ "EC", "nonsense", NULL, NULL, 9, false, false },
	{ "EC", "", NULL, NULL, 9, false, false },
	{ "EC", NULL, NULL, NULL, 9, false, false },
	{ "EC", "B-163", NULL, NULL, 9, true, false },
	{ "EC", "SM2", NULL, NULL, 9, true, false },
	{ "SM2", NULL, NULL, NULL, 9, true, true },
	{ "SM2", "SM2", NULL, NULL, 9, true, true },
	{ "SM2", "P-256", NULL, NULL, 9, true, false },
};

static OSSL_PARAM *put_name(OSSL_PARAM *p, const char *what, const char *name)
{
	if (name)
		*p++ = OSSL_PARAM_construct_utf8_string(what, (char *)name, 0);
	return p;
}

static void generation_takes_what_the_default_provider_takes(void)
{
	start();
	for (size_t i = 0; i < ARRAY(generations); i++) {
		OSSL_PARAM params[5], *p = params;
		int cofactor = generations[i].cofactor;
		EVP_PKEY *mine, *key;
		long before = jobs();

		p = put_name(p, "group", generations[i].group);
		p = put_name(p, "encoding", generations[i].encoding);
		p = put_name(p, "point-format", generations[i].format);
		if (cofactor != 9)
			*p++ = OSSL_PARAM_construct_int("use-cofactor-flag",
							&cofactor);
		*p = OSSL_PARAM_construct_end();
		printf("case %zu\n", i);
		mine = generate(wd, generations[i].type, params, NULL);
		key = generate(def, generations[i].type, params, NULL);
		if (!mine != !key)
			t_fail(__FILE__, __LINE__, "case %zu: %s", i,
			       mine ? "made" : "refused");
		/* Which names a version knows is its own affair. */
		if (jobs() - before != (mine && generations[i].device ? 1 : 0))
			t_fail(__FILE__, __LINE__, "case %zu: %ld jobs", i,
			       jobs() - before);
		if (mine && key)
			same_export(generations[i].group ? generations[i].group
							 : generations[i].type,
				    mine, key, EVP_PKEY_KEY_PARAMETERS);
		EVP_PKEY_free(mine);
		EVP_PKEY_free(key);
	}
}

static void a_template_gives_its_curve(void)
{
	static const char *const curves[] = { "P-256", "secp521r1", "B-233",
					      "brainpoolP320t1" };

	start();
	for (size_t i = 0; i < ARRAY(curves); i++) {
		EVP_PKEY *params = ec_make_params(wd, curves[i]),
			 *templ = ec_make(wd, "EC", curves[i]), *a, *b;

		T_OK(params && templ);
		a = generate(wd, NULL, NULL, params);
		b = generate(wd, NULL, NULL, templ);
		T_OK(a && b);
		T_EQ(EVP_PKEY_parameters_eq(a, templ), 1);
		T_EQ(EVP_PKEY_parameters_eq(b, params), 1);
		T_EQ(EVP_PKEY_eq(b, templ), 0);
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
		EVP_PKEY_free(params);
		EVP_PKEY_free(templ);
	}
}

/* ---- points ------------------------------------------------------------------------- */

struct point {
	const char *name;
	uint8_t p[POINT_MAX];
	size_t n;
};

static EC_GROUP *group(const char *curve)
{
	int nid = EC_curve_nist2nid(curve);

	return EC_GROUP_new_by_curve_name(nid ? nid : OBJ_sn2nid(curve));
}

static size_t some_point(const EC_GROUP *g, point_conversion_form_t form,
			 uint8_t *out)
{
	EC_POINT *p = EC_POINT_new(g);
	BIGNUM *k = BN_new();
	size_t n;

	BN_set_word(k, 0x1234567);
	EC_POINT_mul(g, p, k, NULL, NULL, NULL);
	n = EC_POINT_point2oct(g, p, form, out, POINT_MAX, NULL);
	BN_free(k);
	EC_POINT_free(p);
	return n;
}

/* x + p, where it fits into the field's bytes, else the largest value. */
static void beyond(const EC_GROUP *g, uint8_t *x, size_t len)
{
	BIGNUM *p = BN_new(), *v = BN_bin2bn(x, (int)len, NULL);

	EC_GROUP_get_curve(g, p, NULL, NULL, NULL);
	BN_add(v, v, p);
	if (BN_bn2binpad(v, x, (int)len) < 0)
		memset(x, 0xff, len);
	BN_free(p);
	BN_free(v);
}

/* A point of the twist: x without a y. */
static void of_the_twist(const EC_GROUP *g, uint8_t *p, size_t n)
{
	EC_POINT *pt = EC_POINT_new(g);

	while (EC_POINT_oct2point(g, pt, p, n, NULL))
		p[n - 1]++;
	EC_POINT_free(pt);
	ERR_clear_error();
}

#define POINTS 20

static size_t points_of(const char *curve, struct point list[POINTS])
{
	EC_GROUP *g = group(curve);
	size_t len = ((size_t)EC_GROUP_get_degree(g) + 7) / 8, n = 0;
	struct point good = { .name = "good" };

	good.n = some_point(g, POINT_CONVERSION_UNCOMPRESSED, good.p);
	list[n++] = good;
	list[n] = (struct point){ .name = "compressed" };
	list[n].n = some_point(g, POINT_CONVERSION_COMPRESSED, list[n].p);
	n++;
	list[n] = list[n - 1];
	list[n].name = "the other y, compressed";
	list[n++].p[0] ^= 1;
	list[n] = list[n - 1];
	list[n].name = "no y for this x";
	of_the_twist(g, list[n].p, list[n].n);
	n++;
	list[n] = (struct point){ .name = "hybrid" };
	list[n].n = some_point(g, POINT_CONVERSION_HYBRID, list[n].p);
	n++;
	list[n] = list[n - 1];
	list[n].name = "hybrid with the wrong parity";
	list[n++].p[0] ^= 1;
	list[n++] = (struct point){ .name = "infinity", .n = 1 };
	list[n++] = (struct point){ .name = "nothing" };
	list[n] = good;
	list[n].name = "off the curve";
	list[n++].p[2 * len] ^= 1;
	list[n] = good;
	list[n].name = "x beyond p";
	beyond(g, list[n++].p + 1, len);
	list[n] = good;
	list[n].name = "y beyond p";
	beyond(g, list[n++].p + 1 + len, len);
	list[n] = good;
	list[n].name = "zeros";
	memset(list[n++].p + 1, 0, 2 * len);
	list[n] = good;
	list[n].name = "a byte short";
	list[n++].n--;
	list[n] = good;
	list[n].name = "a byte long";
	list[n++].n++;
	list[n] = good;
	list[n].name = "of an unknown form";
	list[n++].p[0] = 5;
	list[n] = good;
	list[n].name = "of form 0 and long";
	list[n++].p[0] = 0;
	list[n] = good;
	list[n].name = "compressed and too long";
	list[n++].p[0] = 2;
	EC_GROUP_free(g);
	return n;
}

static const char *const point_curves[] = { "P-256",	  "secp521r1",
					    "secp256k1",  "secp112r1",
					    "secp128r2",  "brainpoolP384t1",
					    "prime192v3", "K-233" };

/* What both say of a key made of @pt: taken, found valid, good to agree with. */
struct verdict {
	uint8_t taken, shared, checks[ARRAY(checks)], secret[EC_SECRET_MAX];
};

static void judge(const struct side *s, EVP_PKEY *key, EVP_PKEY *peer,
		  struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	v->taken = peer != NULL;
	for (size_t i = 0; peer && i < ARRAY(checks); i++)
		v->checks[i] = check(s, peer, checks[i]) > 0;
	v->shared = peer && ec_agree(s, key, peer, v->secret);
	ERR_clear_error();
}

static EVP_PKEY *peer_by_import(const struct side *s, EVP_PKEY *key,
				const char *curve, const struct point *pt)
{
	(void)key;
	return ec_from(s, "EC", curve, pt->p, pt->n, NULL, EVP_PKEY_PUBLIC_KEY);
}

/* As TLS does it. */
static EVP_PKEY *peer_by_share(const struct side *s, EVP_PKEY *key,
			       const char *curve, const struct point *pt)
{
	EVP_PKEY *peer = EVP_PKEY_new();

	(void)s;
	(void)curve;
	T_EQ(EVP_PKEY_copy_parameters(peer, key), 1);
	if (EVP_PKEY_set1_encoded_public_key(peer, pt->p, pt->n) > 0)
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

static void same_verdicts(EVP_PKEY *(*make)(const struct side *s, EVP_PKEY *key,
					    const char *curve,
					    const struct point *pt))
{
	struct point list[POINTS];

	start();
	for (size_t c = 0; c < ARRAY(point_curves); c++) {
		EVP_PKEY *theirs = ec_make(def, "EC", point_curves[c]),
			 *mine = side_take(wd, theirs, EVP_PKEY_KEYPAIR);
		size_t n = points_of(point_curves[c], list);

		for (size_t i = 0; i < n; i++) {
			EVP_PKEY *a = make(def, theirs, point_curves[c],
					   &list[i]),
				 *b = make(wd, mine, point_curves[c], &list[i]);
			struct verdict want, got;

			judge(def, theirs, a, &want);
			judge(wd, mine, b, &got);
			if (memcmp(&want, &got, sizeof(want)))
				t_fail(__FILE__, __LINE__,
				       "%s, %s: %d/%d, default %d/%d",
				       point_curves[c], list[i].name, got.taken,
				       got.shared, want.taken, want.shared);
			if (i == 0)
				T_OK(got.shared);
			if (a && b)
				same_facts(list[i].name, b, a);
			EVP_PKEY_free(a);
			EVP_PKEY_free(b);
		}
		EVP_PKEY_free(mine);
		EVP_PKEY_free(theirs);
	}
}

static void imported_points_get_the_default_providers_verdict(void)
{
	same_verdicts(peer_by_import);
}

static void key_shares_get_the_default_providers_verdict(void)
{
	same_verdicts(peer_by_share);
}

static void a_bad_key_share_leaves_the_old_one(void)
{
	struct point list[POINTS];
	EVP_PKEY *key, *copy;
	size_t n;

	start();
	key = ec_make(wd, "EC", "P-256");
	copy = side_take(wd, key, EVP_PKEY_PUBLIC_KEY);
	n = points_of("P-256", list);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].name, "off the curve"))
			T_OK(EVP_PKEY_set1_encoded_public_key(copy, list[i].p,
							      list[i].n) <= 0);
	T_EQ(EVP_PKEY_eq(copy, key), 1);
	EVP_PKEY_free(copy);
	EVP_PKEY_free(key);
	ERR_clear_error();
}

/* ---- private parts -------------------------------------------------------------------- */

static void private_keys_out_of_range_get_the_default_providers_verdict(void)
{
	static const struct {
		const char *curve, *type;
	} kinds[] = { { "P-256", "EC" },
		      { "secp521r1", "EC" },
		      { "SM2", "SM2" } };

	start();
	for (size_t c = 0; c < ARRAY(kinds); c++) {
		EC_GROUP *g = group(kinds[c].curve);
		uint8_t pub[POINT_MAX];
		size_t n = some_point(g, POINT_CONVERSION_UNCOMPRESSED, pub);

		for (int off = -3; off <= 3; off++) {
			BIGNUM *d = BN_dup(EC_GROUP_get0_order(g));
			EVP_PKEY *a, *b;

			if (off == 3)
				BN_zero(d);
			else if (off < 0)
				BN_sub_word(d, (BN_ULONG)-off);
			else
				BN_add_word(d, (BN_ULONG)off);
			for (int bare = 0; bare < 2; bare++) {
				a = ec_from(def, kinds[c].type, kinds[c].curve,
					    bare ? NULL : pub, n, d,
					    EVP_PKEY_KEYPAIR);
				b = ec_from(wd, kinds[c].type, kinds[c].curve,
					    bare ? NULL : pub, n, d,
					    EVP_PKEY_KEYPAIR);
				if (!a != !b)
					t_fail(__FILE__, __LINE__,
					       "%s: n%+d: %s", kinds[c].curve,
					       off, b ? "taken" : "refused");
				for (size_t i = 0; a && b && i < ARRAY(checks);
				     i++)
					if ((check(def, a, checks[i]) > 0) !=
					    (check(wd, b, checks[i]) > 0))
						t_fail(__FILE__, __LINE__,
						       "%s: n%+d: check %zu",
						       kinds[c].curve, off, i);
				EVP_PKEY_free(a);
				EVP_PKEY_free(b);
			}
			BN_free(d);
		}
		EC_GROUP_free(g);
	}
	ERR_clear_error();
}

/* ---- parts ----------------------------------------------------------------------------- */

static void parts_compare_as_with_the_default_provider(void)
{
	static const int parts[] = { EVP_PKEY_KEY_PARAMETERS,
				     EVP_PKEY_PUBLIC_KEY, EVP_PKEY_KEYPAIR };
	EVP_PKEY *k[2][3], *x[2][2];

	start();
	/* Two keys of one curve and one of another, in all parts. */
	k[0][0] = ec_make(def, "EC", "P-256");
	k[0][1] = ec_make(def, "EC", "P-256");
	k[0][2] = ec_make(def, "EC", "P-384");
	for (int i = 0; i < 3; i++)
		k[1][i] = side_take(wd, k[0][i], EVP_PKEY_KEYPAIR);
	for (int i = 0; i < 27; i++) {
		for (int s = 0; s < 2; s++) {
			const struct side *side = s ? wd : def;

			x[s][0] = side_take(side, k[s][i % 3 ? 0 : 1],
					    parts[i / 3 % 3]);
			x[s][1] = side_take(side, k[s][i % 3], parts[i / 9]);
		}
		if (EVP_PKEY_eq(x[0][0], x[0][1]) !=
		    EVP_PKEY_eq(x[1][0], x[1][1]))
			t_fail(__FILE__, __LINE__, "case %d: eq", i);
		if (EVP_PKEY_parameters_eq(x[0][0], x[0][1]) !=
		    EVP_PKEY_parameters_eq(x[1][0], x[1][1]))
			t_fail(__FILE__, __LINE__, "case %d: parameters", i);
		for (size_t c = 0; c < ARRAY(checks); c++)
			if ((check(def, x[0][1], checks[c]) > 0) !=
			    (check(wd, x[1][1], checks[c]) > 0))
				t_fail(__FILE__, __LINE__, "case %d: check %zu",
				       i, c);
		for (int s = 0; s < 4; s++)
			EVP_PKEY_free(x[s / 2][s % 2]);
	}
	for (int i = 0; i < 6; i++)
		EVP_PKEY_free(k[i / 3][i % 3]);
	ERR_clear_error();
}

static void copies_are_equal_and_apart(void)
{
	static const int parts[] = { EVP_PKEY_KEY_PARAMETERS,
				     EVP_PKEY_PUBLIC_KEY, EVP_PKEY_KEYPAIR };
	struct point list[POINTS];

	start();
	points_of("P-256", list);
	for (size_t i = 0; i < ARRAY(parts); i++) {
		EVP_PKEY *key = ec_make(wd, "EC", "P-256"),
			 *part = side_take(wd, key, parts[i]),
			 *copy = EVP_PKEY_dup(part);

		T_OK(copy);
		same_export("a copy", copy, part, parts[i]);
		T_EQ(EVP_PKEY_set1_encoded_public_key(copy, list[0].p,
						      list[0].n),
		     1);
		T_OK(EVP_PKEY_eq(copy, part) != 1);
		EVP_PKEY_free(part);
		T_EQ(check(wd, copy, EVP_PKEY_public_check), 1);
		EVP_PKEY_free(copy);
		EVP_PKEY_free(key);
	}
}

/* Each setting, and then all answers again. */
static void settings_are_taken_as_by_the_default_provider(void)
{
	static const struct {
		const char *key, *text;
		int number;
	} settings[] = {
		{ "point-format", "compressed", 0 },
		{ "point-format", "nonsense", 0 },
		{ "encoding", "explicit", 0 },
		{ "encoding", "nonsense", 0 },
		{ "include-public", NULL, 0 },
		{ "use-cofactor-flag", NULL, 1 },
		{ "use-cofactor-flag", NULL, 2 },
		{ "no-such-setting", "x", 0 },
	};

	start();
	for (size_t i = 0; i < ARRAY(settings); i++) {
		EVP_PKEY *a = ec_make(def, "EC", "P-256"),
			 *b = side_take(wd, a, EVP_PKEY_KEYPAIR);
		int number = settings[i].number, ok[2];
		OSSL_PARAM params[2] = { { 0 } };

		if (settings[i].text)
			params[0] = OSSL_PARAM_construct_utf8_string(
				settings[i].key, (char *)settings[i].text, 0);
		else
			params[0] = OSSL_PARAM_construct_int(settings[i].key,
							     &number);
		ok[0] = EVP_PKEY_set_params(a, params);
		ok[1] = EVP_PKEY_set_params(b, params);
		if (ok[0] != ok[1])
			t_fail(__FILE__, __LINE__, "%s: %d, default %d",
			       settings[i].key, ok[1], ok[0]);
		same_facts(settings[i].key, b, a);
		same_export(settings[i].key, b, a, EVP_PKEY_KEYPAIR);
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
	}
	ERR_clear_error();
}

static void sm2_keys_answer_like_the_default_providers(void)
{
	EVP_PKEY *key, *mine, *gen;

	start();
	key = ec_make(def, "SM2", NULL);
	mine = side_take(wd, key, EVP_PKEY_KEYPAIR);
	gen = ec_make(wd, "SM2", NULL);
	T_OK(key && mine && gen);
	same_facts("SM2", mine, key);
	same_export("SM2", mine, key, EVP_PKEY_KEYPAIR);
	same_export("SM2", gen, key, EVP_PKEY_KEY_PARAMETERS);
	T_EQ(check(wd, gen, EVP_PKEY_check), 1);
	EVP_PKEY_free(gen);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(key);
}

static void the_lists_of_parameters_are_the_default_providers(void)
{
	static const char *const types[] = { "EC", "SM2" };
	static const OSSL_PARAM *(*const lists[])(const EVP_KEYMGMT *) = {
		EVP_KEYMGMT_gettable_params,
		EVP_KEYMGMT_settable_params,
		EVP_KEYMGMT_gen_settable_params,
	};

	start();
	for (size_t i = 0; i < ARRAY(types); i++) {
		EVP_KEYMGMT *a = EVP_KEYMGMT_fetch(wd->lib, types[i], wd->q),
			    *b = EVP_KEYMGMT_fetch(def->lib, types[i], def->q);

		T_OK(a && b);
		for (size_t l = 0; l < ARRAY(lists); l++) {
			const OSSL_PARAM *p = lists[l](a), *q = lists[l](b);

			for (; q->key; q++, p++)
				T_STR(p->key ? p->key : "", q->key);
			T_OK(!p->key);
		}
		EVP_KEYMGMT_free(a);
		EVP_KEYMGMT_free(b);
	}
}

/* ---- threads ---------------------------------------------------------------------------- */

#define THREADS 8

static EVP_PKEY *shared;

static void *ask(void *arg)
{
	char name[64] = "";
	BIGNUM *d = NULL, *x = NULL;
	uint8_t secret[EC_SECRET_MAX];
	size_t n;

	(void)arg;
	T_EQ(EVP_PKEY_get_bn_param(shared, "priv", &d), 1);
	T_EQ(EVP_PKEY_get_bn_param(shared, "qx", &x), 1);
	T_EQ(EVP_PKEY_get_group_name(shared, name, sizeof(name), &n), 1);
	T_EQ(ec_agree(wd, shared, shared, secret), 32);
	BN_clear_free(d);
	BN_free(x);
	return NULL;
}

static void a_key_may_be_asked_by_many_threads_at_once(void)
{
	pthread_t t[THREADS];

	start();
	for (int round = 0; round < 10; round++) {
		shared = ec_make(wd, "EC", "P-256");
		for (int i = 0; i < THREADS; i++)
			pthread_create(&t[i], NULL, ask, NULL);
		for (int i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		EVP_PKEY_free(shared);
	}
}

T_MAIN(T_CASE(keys_of_every_curve_answer_like_the_default_providers),
       T_CASE(generated_keys_of_every_curve_are_valid),
       T_CASE(two_keys_are_never_the_same),
       T_CASE(generation_takes_what_the_default_provider_takes),
       T_CASE(a_template_gives_its_curve),
       T_CASE(imported_points_get_the_default_providers_verdict),
       T_CASE(key_shares_get_the_default_providers_verdict),
       T_CASE(a_bad_key_share_leaves_the_old_one),
       T_CASE(private_keys_out_of_range_get_the_default_providers_verdict),
       T_CASE(parts_compare_as_with_the_default_provider),
       T_CASE(copies_are_equal_and_apart),
       T_CASE(settings_are_taken_as_by_the_default_provider),
       T_CASE(sm2_keys_answer_like_the_default_providers),
       T_CASE(the_lists_of_parameters_are_the_default_providers),
       T_CASE(a_key_may_be_asked_by_many_threads_at_once))
