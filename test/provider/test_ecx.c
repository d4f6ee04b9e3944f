/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X25519 and X448 of wd against RFC 7748 and the default provider: keys cross
 * both ways, secrets and verdicts are the same, and the counters tell who did
 * the work.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "test/provider/exch.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define MAX	 56

static struct side *def;

static const struct curve {
	const char *name, *counter;
	size_t len;
	uint8_t low, high_and, high_or;
} curves[] = {
	{ "X25519", "x25519", 32, 0xf8, 0x7f, 0x40 },
	{ "X448", "x448", 56, 0xfc, 0xff, 0x80 },
};

static const struct way plain;

static void start(void)
{
	if (!def)
		def = side_default();
}

/* ---- keys ---------------------------------------------------------------- */

/* NULL parts are left out. */
static EVP_PKEY *octet_key(const struct side *s, const char *type,
			   const uint8_t *pub, size_t pub_len,
			   const uint8_t *priv, size_t priv_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, type, s->q);
	OSSL_PARAM params[3], *a = params;
	EVP_PKEY *key = NULL;

	if (pub)
		*a++ = OSSL_PARAM_construct_octet_string("pub", (void *)pub,
							 pub_len);
	if (priv)
		*a++ = OSSL_PARAM_construct_octet_string("priv", (void *)priv,
							 priv_len);
	*a = OSSL_PARAM_construct_end();
	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

static EVP_PKEY *new_key(const struct side *s, const struct curve *c)
{
	return EVP_PKEY_Q_keygen(s->lib, s->q, c->name);
}

static size_t part(EVP_PKEY *key, const char *name, uint8_t out[MAX])
{
	size_t len = 0;

	if (!EVP_PKEY_get_octet_string_param(key, name, out, MAX, &len))
		len = 0;
	ERR_clear_error();
	return len;
}

static void same_part(EVP_PKEY *a, EVP_PKEY *b, const char *name)
{
	uint8_t x[MAX], y[MAX];
	size_t n = part(a, name, x);

	T_EQ(part(b, name, y), n);
	T_MEM(x, y, n);
}

/* ---- published values ------------------------------------------------------ */

static void mul(const struct side *s, const char *curve, const uint8_t *k,
		const uint8_t *u, size_t n, uint8_t *out)
{
	uint8_t any[MAX] = { 1 };
	EVP_PKEY *key = octet_key(s, curve, any, n, k, n),
		 *peer = octet_key(s, curve, u, n, NULL, 0);
	struct secret z;

	T_OK(key && peer);
	exchange(s, key, peer, &plain, &z);
	T_EQ(z.step, 0);
	T_EQ(z.len, n);
	memcpy(out, z.bytes, n);
	EVP_PKEY_free(key);
	EVP_PKEY_free(peer);
}

static void iterate(const struct side *s, const char *curve, int times,
		    const uint8_t *want)
{
	bool small = !strcmp(curve, "X25519");
	size_t n = small ? 32 : 56;
	uint8_t k[MAX] = { small ? 9 : 5 }, u[MAX] = { small ? 9 : 5 }, r[MAX];

	while (times--) {
		mul(s, curve, k, u, n, r);
		memcpy(u, k, n);
		memcpy(k, r, n);
	}
	T_MEM(k, want, n);
}

static void pair(const struct side *s, const char *curve, uint8_t v[5][MAX],
		 size_t n)
{
	for (int i = 0; i < 4; i += 2) {
		EVP_PKEY *key = octet_key(s, curve, NULL, 0, v[i], n);
		uint8_t pub[MAX], z[MAX];

		T_OK(key);
		T_EQ(part(key, "pub", pub), n);
		T_MEM(pub, v[i + 1], n);
		mul(s, curve, v[i], v[3 - i], n, z);
		T_MEM(z, v[4], n);
		EVP_PKEY_free(key);
	}
}

static void vector_line(const struct side *s, char *line)
{
	char *save = NULL, *what = strtok_r(line, " \n", &save),
	     *curve = strtok_r(NULL, " \n", &save), *word;
	uint8_t v[5][MAX], out[MAX];
	size_t n = 0, words = 0;
	int times = 0;

	if (!strcmp(what, "iterate"))
		times = atoi(strtok_r(NULL, " \n", &save));
	while ((word = strtok_r(NULL, " \n", &save)) && words < 5)
		n = t_hex(v[words++], MAX, word);
	if (!strcmp(what, "iterate")) {
		iterate(s, curve, times, v[0]);
	} else if (!strcmp(what, "mul")) {
		mul(s, curve, v[0], v[1], n, out);
		T_MEM(out, v[2], n);
	} else {
		pair(s, curve, v, n);
	}
}

static void rfc_7748_vectors_hold(void)
{
	FILE *f = fopen(TEST_VECTORS "/rfc7748.txt", "r");
	struct side *s;
	char line[1024];
	int lines = 0;

	T_OK(f);
	s = side_wd("emu:inline", "no", false);
	while (fgets(line, sizeof(line), f))
		if (*line != '#' && *line != '\n') {
			vector_line(s, line);
			lines++;
		}
	fclose(f);
	T_EQ(lines, 10);
	T_EQ(side_count(s, "x25519", "software"), 0);
	T_EQ(side_count(s, "x448", "software"), 0);
	T_OK(side_count(s, "x25519", "done") > 1000);
	T_OK(side_count(s, "x448", "done") > 1000);
	side_free(s);
}

/* ---- exchange ---------------------------------------------------------------- */

static void both_ways(const struct side *s, const struct curve *c)
{
	EVP_PKEY *theirs = new_key(def, c), *mine = new_key(s, c), *judged;

	T_OK(theirs && mine);
	judged = side_take(def, mine, EVP_PKEY_KEYPAIR);
	T_EQ(exch_check(def, judged, EVP_PKEY_pairwise_check), 1);
	same_exchange(def, s, theirs, judged, &plain);
	same_exchange(def, s, judged, theirs, &plain);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(judged);
}

static void every_device_agrees_with_the_default_provider(void)
{
	static const char *const devices[] = { "emu", "emu:nosva", "emu:inline",
					       "emu:nosva,threads=2" };

	start();
	for (size_t i = 0; i < ARRAY(devices); i++) {
		struct side *s = side_wd(devices[i], "no", false);

		for (size_t j = 0; j < ARRAY(curves); j++) {
			for (int n = 0; n < 10; n++)
				both_ways(s, &curves[j]);
			T_EQ(side_count(s, curves[j].counter, "done"), 30);
			T_EQ(side_count(s, curves[j].counter, "software"), 0);
		}
		side_free(s);
	}
}

static void new_keys_are_clamped_and_never_the_same(void)
{
	struct side *s;

	s = side_wd("emu", NULL, false);
	for (size_t i = 0; i < ARRAY(curves); i++) {
		const struct curve *c = &curves[i];
		uint8_t seen[8][MAX];

		for (int n = 0; n < 8; n++) {
			EVP_PKEY *key = new_key(s, c);
			uint8_t *k = seen[n];

			T_EQ(part(key, "priv", k), c->len);
			T_EQ(k[0] & ~c->low & 0xff, 0);
			T_EQ(k[c->len - 1] & ~c->high_and & 0xff, 0);
			T_EQ(k[c->len - 1] & c->high_or, c->high_or);
			for (int m = 0; m < n; m++)
				T_OK(memcmp(seen[m], k, c->len) != 0);
			EVP_PKEY_free(key);
		}
	}
	side_free(s);
}

/* Octets are octets: clamped or not, on the curve or on its twist. */
static void random_octets_agree(void)
{
	static const int times[] = { 2000, 500 };
	struct side *s;

	start();
	s = side_wd("emu:inline", "no", false);
	for (size_t i = 0; i < ARRAY(curves); i++) {
		const struct curve *c = &curves[i];

		for (int n = 0; n < times[i]; n++) {
			uint8_t k[MAX], u[MAX];
			EVP_PKEY *key, *peer;

			RAND_bytes(k, MAX);
			RAND_bytes(u, MAX);
			key = octet_key(def, c->name, NULL, 0, k, c->len);
			peer = octet_key(def, c->name, u, c->len, NULL, 0);
			T_OK(key && peer);
			same_exchange(def, s, key, peer, &plain);
			EVP_PKEY_free(key);
			EVP_PKEY_free(peer);
		}
		T_EQ(side_count(s, c->counter, "done"), times[i]);
	}
	side_free(s);
}

/* The prime, low byte first, plus @more. */
static void prime(uint8_t *u, const struct curve *c, int more)
{
	memset(u, 0xff, c->len);
	if (c->len == 32) {
		u[31] = 0x7f;
		u[0] = (uint8_t)(0xed + more);
	} else {
		u[28] = 0xfe;
		u[0] = (uint8_t)(0xff + more);
		if (more > 0) { /* carries up to 2^224 */
			memset(u, 0, 28);
			u[0] = (uint8_t)(more - 1);
			u[28] = 0xff;
		}
	}
}

static void verdict_on(const struct side *s, const struct curve *c,
		       const uint8_t *u)
{
	EVP_PKEY *key = new_key(def, c),
		 *peer = octet_key(def, c->name, u, c->len, NULL, 0);

	T_OK(key && peer);
	same_exchange(def, s, key, peer, &plain);
	EVP_PKEY_free(key);
	EVP_PKEY_free(peer);
}

static void strange_values_get_the_default_providers_verdict(void)
{
	/* Of order 8, and twins of such values: RFC 7748 7, cr.yp.to/ecdh */
	static const char *const low[] = {
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b8"
		"00",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11"
		"57",
	};
	struct side *s;
	uint8_t u[MAX];

	start();
	s = side_wd("emu", NULL, false);
	for (size_t i = 0; i < ARRAY(curves); i++) {
		const struct curve *c = &curves[i];

		for (int small = 0; small < 4; small++) {
			memset(u, 0, sizeof(u));
			u[0] = (uint8_t)small;
			verdict_on(s, c, u);
			u[c->len - 1] |= 0x80;
			verdict_on(s, c, u);
		}
		for (int more = -2; more < 19; more++) {
			prime(u, c, more);
			verdict_on(s, c, u);
			if (c->len == 32) {
				u[31] |= 0x80;
				verdict_on(s, c, u);
			}
		}
		memset(u, 0xff, sizeof(u));
		verdict_on(s, c, u);
	}
	for (size_t i = 0; i < ARRAY(low); i++) {
		T_EQ(t_hex(u, sizeof(u), low[i]), 32);
		verdict_on(s, &curves[0], u);
		u[31] ^= 0x80;
		verdict_on(s, &curves[0], u);
	}
	/* 0, p and of order 8 are not for the device, or zero there. */
	T_OK(side_count(s, "x25519", "software") > 0);
	T_OK(side_count(s, "x448", "software") > 0);
	T_EQ(side_count(s, "x25519", "wrong"), 0);
	side_free(s);
}

static void what_does_not_fit_is_refused_alike(void)
{
	const struct way tight = { .room = 31 }, roomy = { .room = 100 };
	struct side *s;
	EVP_PKEY *a, *b, *other, *public, *mine, *theirs;
	struct secret z;

	start();
	s = side_wd("emu", NULL, false);
	a = new_key(def, &curves[0]);
	b = new_key(def, &curves[0]);
	other = new_key(def, &curves[1]);
	public = side_take(def, a, EVP_PKEY_PUBLIC_KEY);
	same_exchange(def, s, a, b, &tight);
	same_exchange(def, s, a, b, &roomy);
	same_exchange(def, s, a, NULL, &plain);
	same_exchange(def, s, a, other, &plain);
	same_exchange(def, s, public, b, &plain);
	same_exchange(def, s, a, a, &plain);
	/* A peer without anything in it. */
	mine = side_take(s, a, EVP_PKEY_KEYPAIR);
	theirs = EVP_PKEY_new();
	T_EQ(EVP_PKEY_copy_parameters(theirs, mine), 1);
	exchange(s, mine, theirs, &plain, &z);
	T_EQ(z.step, 3);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(other);
	EVP_PKEY_free(public);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(theirs);
	side_free(s);
}

/* ---- keys as objects ---------------------------------------------------------- */

static void one_import(const struct side *s, const struct curve *c,
		       const uint8_t *pub, size_t pub_len, const uint8_t *priv,
		       size_t priv_len)
{
	EVP_PKEY *want = octet_key(def, c->name, pub, pub_len, priv, priv_len),
		 *got = octet_key(s, c->name, pub, pub_len, priv, priv_len);

	T_EQ(!got, !want);
	if (!got)
		return;
	same_part(got, want, "pub");
	same_part(got, want, "priv");
	same_part(got, want, "encoded-pub-key");
	T_EQ(EVP_PKEY_get_bits(got), EVP_PKEY_get_bits(want));
	T_EQ(EVP_PKEY_get_security_bits(got), EVP_PKEY_get_security_bits(want));
	T_EQ(EVP_PKEY_get_size(got), EVP_PKEY_get_size(want));
	T_EQ(exch_check(s, got, EVP_PKEY_public_check),
	     exch_check(def, want, EVP_PKEY_public_check));
	T_EQ(exch_check(s, got, EVP_PKEY_private_check),
	     exch_check(def, want, EVP_PKEY_private_check));
	T_EQ(exch_check(s, got, EVP_PKEY_pairwise_check),
	     exch_check(def, want, EVP_PKEY_pairwise_check));
	T_EQ(exch_check(s, got, EVP_PKEY_param_check),
	     exch_check(def, want, EVP_PKEY_param_check));
	T_EQ(EVP_PKEY_eq(got, want), 1);
	T_EQ(EVP_PKEY_eq(want, got), 1);
	EVP_PKEY_free(got);
	EVP_PKEY_free(want);
}

static void imports_on(const struct side *s)
{
	uint8_t priv[MAX + 1], other[MAX + 1], pub[MAX];

	memset(priv, 0x5b, sizeof(priv)); /* not clamped */
	memset(other, 0x66, sizeof(other));
	for (size_t i = 0; i < ARRAY(curves); i++) {
		const struct curve *c = &curves[i];
		EVP_PKEY *key = octet_key(def, c->name, NULL, 0, priv, c->len);

		part(key, "pub", pub);
		EVP_PKEY_free(key);
		one_import(s, c, NULL, 0, priv, c->len);
		one_import(s, c, pub, c->len, priv, c->len);
		one_import(s, c, pub, c->len, NULL, 0);
		/* A pair that is none. */
		one_import(s, c, other, c->len, priv, c->len);
		one_import(s, c, NULL, 0, NULL, 0);
		one_import(s, c, pub, c->len - 1, NULL, 0);
		one_import(s, c, other, c->len + 1, NULL, 0);
		one_import(s, c, NULL, 0, priv, c->len - 1);
		one_import(s, c, NULL, 0, priv, c->len + 1);
		one_import(s, c, pub, c->len, priv, c->len + 1);
		one_import(s, c, pub, 0, NULL, 0);
	}
}

static void keys_of_octets_are_as_by_default(void)
{
	struct side *s;

	start();
	s = side_wd("emu", NULL, false);
	imports_on(s);
	T_EQ(side_count(s, "x25519", "done"), 1);
	T_EQ(side_count(s, "x448", "done"), 1);
	side_free(s);
	/* And where the device is of no help. */
	s = side_wd("emu:fault=hpre.status/1", NULL, false);
	imports_on(s);
	T_EQ(side_count(s, "x25519", "done"), 0);
	side_free(s);
}

static void copies_have_the_parts_that_were_asked_for(void)
{
	struct side *s;
	EVP_PKEY *key, *copy, *blank = EVP_PKEY_new();
	EVP_PKEY_CTX *ctx;
	uint8_t octets[MAX], *encoded = NULL;

	s = side_wd("emu", NULL, false);
	key = new_key(s, &curves[0]);
	copy = EVP_PKEY_dup(key);
	same_part(copy, key, "pub");
	same_part(copy, key, "priv");
	T_EQ(EVP_PKEY_eq(copy, key), 1);
	/* TLS: parameters, of which there are none, to an empty key; then the
	 * peer's octets. */
	T_EQ(EVP_PKEY_copy_parameters(blank, key), 1);
	T_EQ(EVP_PKEY_get_bits(blank), 253);
	T_EQ(part(blank, "priv", octets), 0);
	T_EQ(EVP_PKEY_get1_encoded_public_key(key, &encoded), 32);
	T_EQ(EVP_PKEY_set1_encoded_public_key(blank, encoded, 31), 0);
	ERR_clear_error();
	T_EQ(EVP_PKEY_set1_encoded_public_key(blank, encoded, 32), 1);
	T_EQ(EVP_PKEY_eq(blank, key), 1);
	/* A key that gets a peer's value loses its private part. */
	T_EQ(EVP_PKEY_set1_encoded_public_key(copy, encoded, 32), 1);
	T_EQ(part(copy, "priv", octets), 0);
	T_EQ(part(copy, "pub", octets), 32);
	OPENSSL_free(encoded);
	EVP_PKEY_free(copy);
	EVP_PKEY_free(blank);
	/* Parameter generation: an empty key, too. */
	ctx = EVP_PKEY_CTX_new_from_name(s->lib, "X25519", s->q);
	blank = NULL;
	T_EQ(EVP_PKEY_paramgen_init(ctx), 1);
	T_EQ(EVP_PKEY_CTX_set_group_name(ctx, "x25519"), 1);
	T_EQ(EVP_PKEY_CTX_set_group_name(ctx, "x448"), 0);
	T_EQ(EVP_PKEY_paramgen(ctx, &blank), 1);
	T_EQ(EVP_PKEY_get_size(blank), 32);
	ERR_clear_error();
	EVP_PKEY_free(blank);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	side_free(s);
}

static void contexts_can_be_copied_and_used_again(void)
{
	struct side *s;
	EVP_PKEY *a, *b, *c;
	EVP_PKEY_CTX *ctx, *copy;
	uint8_t one[32], two[32], three[32];
	size_t n = 32;

	s = side_wd("emu", NULL, false);
	a = new_key(s, &curves[0]);
	b = new_key(s, &curves[0]);
	c = new_key(s, &curves[0]);
	ctx = side_ctx(s, a);
	T_EQ(EVP_PKEY_derive_init(ctx), 1);
	T_EQ(EVP_PKEY_derive_set_peer(ctx, b), 1);
	copy = EVP_PKEY_CTX_dup(ctx);
	T_OK(copy);
	T_EQ(EVP_PKEY_derive(ctx, one, &n), 1);
	/* Another peer, and back to the beginning. */
	T_EQ(EVP_PKEY_derive_set_peer(ctx, c), 1);
	T_EQ(EVP_PKEY_derive(ctx, three, &n), 1);
	T_EQ(EVP_PKEY_derive_init(ctx), 1);
	T_EQ(EVP_PKEY_derive_set_peer(ctx, b), 1);
	EVP_PKEY_CTX_free(ctx);
	T_EQ(EVP_PKEY_derive(copy, two, &n), 1);
	T_MEM(one, two, 32);
	T_OK(memcmp(one, three, 32) != 0);
	EVP_PKEY_CTX_free(copy);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(c);
	side_free(s);
}

/* A key of a decoder's, whose form is made at its first use, and a lean one. */
static void one_key_serves_many_threads(void)
{
	struct side *s;

	start();
	s = side_wd("emu", NULL, true);
	for (size_t i = 0; i < ARRAY(curves); i++) {
		EVP_PKEY *a = new_key(def, &curves[i]),
			 *b = new_key(def, &curves[i]), *lean, *read, *peer;
		uint8_t der[200], *to = der;
		const uint8_t *from = der;
		struct secret want;
		int len = i2d_PrivateKey(a, &to);

		exchange(def, a, b, &plain, &want);
		lean = side_take(s, a, EVP_PKEY_KEYPAIR);
		read = d2i_AutoPrivateKey_ex(NULL, &from, len, s->lib, NULL);
		peer = side_take(s, b, EVP_PKEY_PUBLIC_KEY);
		T_OK(lean && read && peer);
		exchange_in_threads(s, read, peer, &want);
		exchange_in_threads(s, lean, peer, &want);
		/* The other way round it is the peer that is read. */
		exchange(def, b, a, &plain, &want);
		EVP_PKEY_free(peer);
		peer = side_take(s, b, EVP_PKEY_KEYPAIR);
		exchange_in_threads(s, peer, read, &want);
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
		EVP_PKEY_free(lean);
		EVP_PKEY_free(read);
		EVP_PKEY_free(peer);
	}
	side_free(s);
}

/* ---- who does it ---------------------------------------------------------------- */

/* Kunpeng 920 has no curves: while another provider does, wd has none either. */
static void without_curves_nothing_is_offered(void)
{
	struct side *s;

	start();
	s = side_wd("emu:kunpeng920", NULL, false);
	T_OK(!EVP_KEYMGMT_fetch(s->lib, "X25519", "provider=wd"));
	T_OK(!EVP_KEYEXCH_fetch(s->lib, "X448", "provider=wd"));
	ERR_clear_error();
	side_free(s);
	s = side_wd("emu:kunpeng920", NULL, true);
	both_ways(s, &curves[0]);
	both_ways(s, &curves[1]);
	T_EQ(side_count(s, "x25519", "jobs"), 0);
	T_EQ(side_count(s, "x25519", "software"), 3);
	side_free(s);
	s = side_wd("none", NULL, true);
	both_ways(s, &curves[0]);
	both_ways(s, &curves[1]);
	side_free(s);
}

static void any_failure_is_made_good_in_software(void)
{
	static const char *const faults[] = {
		"emu:fault=hpre.status/1",	 "emu:fault=hpre.status/2",
		"emu:fault=hpre.drop@3",	 "emu:fault=hpre.stop@3",
		"emu:fault=hpre.reset@3",	 "emu:fault=hpre.gone@3",
		"emu:nosva,fault=hpre.status/2",
	};

	start();
	for (size_t i = 0; i < ARRAY(faults); i++) {
		struct side *s;

		setenv("WD_TIMEOUT_MS",
		       strstr(faults[i], "drop") ? "300" : "20000", 1);
		s = side_wd(faults[i], NULL, false);
		for (int n = 0; n < 4; n++)
			both_ways(s, &curves[n & 1]);
		T_OK(side_count(s, "x25519", "software") +
			     side_count(s, "x448", "software") >
		     0);
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
	a = new_key(def, &curves[0]);
	b = new_key(def, &curves[0]);
	for (size_t i = 0; i < ARRAY(faults); i++) {
		struct side *s = side_wd(faults[i], "no", false);
		EVP_PKEY *mine = side_take(s, a, EVP_PKEY_KEYPAIR),
			 *peer = side_take(s, b, EVP_PKEY_PUBLIC_KEY);
		struct secret z;

		exchange(s, mine, peer, &plain, &z);
		T_EQ(z.step, 5);
		for (size_t j = 0; j < 32; j++)
			T_EQ(z.bytes[j], 0);
		T_OK(!new_key(s, &curves[0]));
		T_OK(ERR_peek_last_error());
		ERR_clear_error();
		T_EQ(side_count(s, "x25519", "software"), 0);
		EVP_PKEY_free(mine);
		EVP_PKEY_free(peer);
		side_free(s);
	}
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
}

T_MAIN(T_CASE(rfc_7748_vectors_hold),
       T_CASE(every_device_agrees_with_the_default_provider),
       T_CASE(new_keys_are_clamped_and_never_the_same),
       T_CASE(random_octets_agree),
       T_CASE(strange_values_get_the_default_providers_verdict),
       T_CASE(what_does_not_fit_is_refused_alike),
       T_CASE(keys_of_octets_are_as_by_default),
       T_CASE(copies_have_the_parts_that_were_asked_for),
       T_CASE(contexts_can_be_copied_and_used_again),
       T_CASE(one_key_serves_many_threads),
       T_CASE(without_curves_nothing_is_offered),
       T_CASE(any_failure_is_made_good_in_software),
       T_CASE(without_fallback_nothing_leaves))
