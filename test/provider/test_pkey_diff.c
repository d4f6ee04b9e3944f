/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything public-key that wd offers, against the default provider, operation
 * by operation at random: key types, sizes and curves, digests and paddings,
 * messages; keys made here and there; signatures, ciphertexts and public keys as
 * they are and with a bit changed.  Each operation is a claim: what one side
 * made the other takes, and both say the same of what was spoilt.
 *
 * WD_SEED chooses other operations, WD_OPERATIONS how many.
 */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "test/provider/ec_side.h"
#include "test/t.h"

#define ARRAY(a)    (sizeof(a) / sizeof((a)[0]))
#define OPERATIONS  24000 /* unless WD_OPERATIONS says otherwise */
#define MESSAGE_MAX 200
#define OUT_MAX	    2048
#define POOL	    4 /* keys of a kind at a time */

static struct side *def, *wd;
static uint64_t seed = 7;
static unsigned long done;

static unsigned int chance(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed >> 33) % below;
}

/* ---- keys ------------------------------------------------------------------ */

enum what { AGREES = 1, SIGNS = 2, ENCRYPTS = 4 };

/* weight: how often, of 1000; @bits of RSA, or the group. */
static const struct kind {
	const char *type, *group;
	int bits, weight;
	unsigned int what;
	bool fixed; /* too dear to make anew */
} kinds[] = {
	{ "EC", "P-256", 0, 200, AGREES | SIGNS, false },
	{ "EC", "P-384", 0, 60, AGREES | SIGNS, false },
	{ "EC", "P-521", 0, 30, AGREES | SIGNS, false },
	{ "EC", "P-224", 0, 40, AGREES | SIGNS, false },
	{ "EC", "P-192", 0, 20, AGREES | SIGNS, false },
	{ "EC", "secp256k1", 0, 40, AGREES | SIGNS, false },
	{ "EC", "secp160r2", 0, 20, AGREES | SIGNS, false },
	{ "EC", "secp112r1", 0, 20, AGREES | SIGNS, false },
	{ "EC", "prime239v2", 0, 20, AGREES | SIGNS, false },
	{ "EC", "brainpoolP256r1", 0, 30, AGREES | SIGNS, false },
	{ "EC", "brainpoolP320t1", 0, 20, AGREES | SIGNS, false },
	{ "EC", "brainpoolP512r1", 0, 20, AGREES | SIGNS, false },
	{ "EC", "B-283", 0, 10, AGREES | SIGNS, false },
	{ "SM2", NULL, 0, 140, SIGNS | ENCRYPTS, false },
	{ "X25519", NULL, 0, 80, AGREES, false },
	{ "X448", NULL, 0, 40, AGREES, false },
	{ "DH", "ffdhe2048", 0, 8, AGREES, false },
	{ "RSA", NULL, 1024, 130, SIGNS | ENCRYPTS, true },
	{ "RSA", NULL, 2048, 20, SIGNS | ENCRYPTS, true },
	{ "RSA-PSS", NULL, 1024, 30, SIGNS, true },
	{ "RSA", NULL, 1032, 22, SIGNS | ENCRYPTS, true },
};

/* The same key on both sides. */
struct pair {
	EVP_PKEY *on[2];
};
static struct pair pool[ARRAY(kinds)][POOL];

static const struct side *side(int i)
{
	return i ? wd : def;
}

static EVP_PKEY *make(const struct side *s, const struct kind *k)
{
	char bits[32];

	if (!k->bits)
		return ec_make(s, k->type, k->group);
	snprintf(bits, sizeof(bits), "bits=%d", k->bits);
	return side_make(s, k->type, bits);
}

static void forget(struct pair *p)
{
	EVP_PKEY_free(p->on[0]);
	EVP_PKEY_free(p->on[1]);
	p->on[0] = p->on[1] = NULL;
}

static struct pair *key(size_t kind)
{
	struct pair *p = &pool[kind][chance(POOL)];
	int maker = (int)chance(2);

	if (!kinds[kind].fixed && !chance(8))
		forget(p);
	if (p->on[0])
		return p;
	p->on[maker] = make(side(maker), &kinds[kind]);
	T_OK(p->on[maker]);
	p->on[!maker] = side_take(side(!maker), p->on[maker], EVP_PKEY_KEYPAIR);
	T_OK(p->on[!maker]);
	done++;
	return p;
}

/* ---- what differs is told once ----------------------------------------------- */

static const char *name;

static void differs(const char *what)
{
	t_fail(__FILE__, __LINE__, "operation %lu: %s: %s", done, name, what);
}

static size_t message(uint8_t *m)
{
	size_t n = chance(MESSAGE_MAX);

	for (size_t i = 0; i < n; i++)
		m[i] = (uint8_t)chance(256);
	return n;
}

/* A bit, a byte less, or a byte more. */
static void spoil(uint8_t *p, size_t *n)
{
	switch (chance(6)) {
	case 0:
		*n -= *n > 0;
		break;
	case 1:
		p[(*n)++] = (uint8_t)chance(256);
		break;
	default:
		if (*n)
			p[chance((unsigned int)*n)] ^=
				(uint8_t)(1 << chance(8));
	}
}

/* ---- agreement ------------------------------------------------------------------ */

static size_t agree(int on, EVP_PKEY *a, EVP_PKEY *b, uint8_t *out)
{
	EVP_PKEY_CTX *ctx = side_ctx(side(on), a);
	size_t n = OUT_MAX;
	bool ok;

	ok = EVP_PKEY_derive_init(ctx) > 0 &&
	     EVP_PKEY_derive_set_peer(ctx, b) > 0 &&
	     EVP_PKEY_derive(ctx, out, &n) > 0;
	EVP_PKEY_CTX_free(ctx);
	return ok ? n : 0;
}

/* The peer's share as protocols carry it, sometimes spoilt. */
static EVP_PKEY *share(EVP_PKEY *a, const uint8_t *p, size_t n)
{
	EVP_PKEY *peer = EVP_PKEY_new();

	if (EVP_PKEY_copy_parameters(peer, a) > 0 &&
	    EVP_PKEY_set1_encoded_public_key(peer, p, n) > 0)
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

static void agreement(struct pair *a, struct pair *b)
{
	uint8_t out[2][OUT_MAX], *pub = NULL, sent[OUT_MAX];
	size_t n[2], len;

	len = EVP_PKEY_get1_encoded_public_key(b->on[chance(2)], &pub);
	T_OK(len && len < OUT_MAX - 1);
	memcpy(sent, pub, len);
	OPENSSL_free(pub);
	if (!chance(4))
		spoil(sent, &len);
	for (int i = 0; i < 2; i++) {
		EVP_PKEY *peer = share(a->on[i], sent, len);

		n[i] = peer ? agree(i, a->on[i], peer, out[i]) : 0;
		EVP_PKEY_free(peer);
	}
	if (n[0] != n[1] || memcmp(out[0], out[1], n[0]))
		differs("the secrets");
	done += 2;
}

/* ---- signatures --------------------------------------------------------------------- */

struct signing {
	const char *md;
	int pad, salt; /* of RSA; 0: not set */
};

static bool sign_init(int on, EVP_PKEY *k, const struct signing *s,
		      EVP_MD_CTX *ctx, bool verify)
{
	EVP_PKEY_CTX *p = NULL;
	int ok;

	ok = (verify ? EVP_DigestVerifyInit_ex : EVP_DigestSignInit_ex)(
		ctx, &p, s->md, side(on)->lib, side(on)->q, k, NULL);
	if (ok > 0 && s->pad)
		ok = EVP_PKEY_CTX_set_rsa_padding(p, s->pad);
	if (ok > 0 && s->salt)
		ok = EVP_PKEY_CTX_set_rsa_pss_saltlen(p, s->salt);
	return ok > 0;
}

static size_t sign(int on, EVP_PKEY *k, const struct signing *s,
		   const uint8_t *m, size_t n, uint8_t *sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = OUT_MAX;
	bool ok;

	ok = sign_init(on, k, s, ctx, false) &&
	     EVP_DigestSign(ctx, sig, &len, m, n) > 0;
	EVP_MD_CTX_free(ctx);
	return ok ? len : 0;
}

static int verify(int on, EVP_PKEY *k, const struct signing *s,
		  const uint8_t *m, size_t n, const uint8_t *sig, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	ok = sign_init(on, k, s, ctx, true) &&
	     EVP_DigestVerify(ctx, sig, len, m, n) > 0;
	EVP_MD_CTX_free(ctx);
	return ok;
}

static void signature(const struct kind *kind, struct pair *k)
{
	static const char *const mds[] = { "SHA1",   "SHA224",	 "SHA256",
					   "SHA384", "SHA3-256", "SHA512" };
	struct signing s = { .md = mds[chance(ARRAY(mds))] };
	uint8_t m[MESSAGE_MAX], sig[OUT_MAX];
	size_t n = message(m), len;
	int by = (int)chance(2), said[2];
	bool bad = chance(2);

	if (!strcmp(kind->type, "SM2"))
		s.md = "SM3";
	if (!strcmp(kind->type, "RSA") && chance(2))
		s.pad = RSA_PKCS1_PSS_PADDING;
	if (s.pad || !strcmp(kind->type, "RSA-PSS"))
		s.salt = chance(2) ? RSA_PSS_SALTLEN_DIGEST : 0;
	if (kind->bits && kind->bits < 1100 && !strcmp(s.md, "SHA512"))
		s.md = "SHA256";
	len = sign(by, k->on[by], &s, m, n, sig);
	if (!len)
		differs("no signature");
	if (bad && chance(4))
		spoil(sig, &len);
	else if (bad)
		m[0] ^= n > 0;
	for (int i = 0; i < 2; i++)
		said[i] = verify(i, k->on[i], &s, m, n, sig, len);
	if (said[0] != said[1] || (!bad && !said[0]))
		differs(said[1] ? "wd finds it good" : "wd finds it bad");
	done += 2;
}

/* ---- encryption ------------------------------------------------------------------------ */

static size_t crypt(int on, EVP_PKEY *k, int pad, bool encrypt,
		    const uint8_t *in, size_t n, uint8_t *out)
{
	EVP_PKEY_CTX *ctx = side_ctx(side(on), k);
	size_t len = OUT_MAX;
	bool ok;

	ok = (encrypt ? EVP_PKEY_encrypt_init : EVP_PKEY_decrypt_init)(ctx) >
		     0 &&
	     (!pad || EVP_PKEY_CTX_set_rsa_padding(ctx, pad) > 0) &&
	     (encrypt ? EVP_PKEY_encrypt : EVP_PKEY_decrypt)(ctx, out, &len, in,
							     n) > 0;
	EVP_PKEY_CTX_free(ctx);
	return ok ? len : 0;
}

static void encryption(const struct kind *kind, struct pair *k)
{
	uint8_t m[MESSAGE_MAX], sealed[OUT_MAX], out[2][OUT_MAX];
	int pad = 0, by = (int)chance(2);
	size_t n = message(m) % 60 + 1, len, got[2];
	bool bad = !chance(3);

	if (kind->bits)
		pad = chance(2) ? RSA_PKCS1_PADDING : RSA_PKCS1_OAEP_PADDING;
	len = crypt(by, k->on[by], pad, true, m, n, sealed);
	if (!len)
		differs("no ciphertext");
	if (bad)
		spoil(sealed, &len);
	for (int i = 0; i < 2; i++)
		got[i] = crypt(i, k->on[i], pad, false, sealed, len, out[i]);
	if (got[0] != got[1] || memcmp(out[0], out[1], got[0]))
		differs("the plaintexts");
	if (!bad && (got[1] != n || memcmp(out[1], m, n)))
		differs("another plaintext");
	done += 2;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static size_t some_kind(void)
{
	int at = (int)chance(1000);
	size_t i = 0;

	while (i < ARRAY(kinds) - 1 && (at -= kinds[i].weight) >= 0)
		i++;
	return i;
}

static void one(void)
{
	size_t i = some_kind();
	const struct kind *k = &kinds[i];
	unsigned int what = 1u << chance(3);

	name = k->group ? k->group : k->type;
	if (!(k->what & what))
		return;
	if (what == AGREES)
		agreement(key(i), key(i));
	else if (what == SIGNS)
		signature(k, key(i));
	else
		encryption(k, key(i));
	ERR_clear_error();
}

static void told(const char *kind)
{
	long jobs = side_count(wd, kind, "jobs"),
	     software = side_count(wd, kind, "software");

	printf("# %-13s %7ld on the device, %5ld in software\n", kind, jobs,
	       software);
	T_OK(jobs > 0);
	T_EQ(side_count(wd, kind, "wrong"), 0);
	/* The engine calls a wrong ciphertext an error. */
	if (strcmp(kind, "sm2-decrypt"))
		T_EQ(side_count(wd, kind, "errors"), 0);
}

static void wd_and_the_default_provider_agree(void)
{
	static const char *const counted[] = {
		"rsa-private", "rsa-public",   "dh",	      "ecdh",
		"ecdsa-sign",  "ecdsa-verify", "x25519",      "x448",
		"sm2-sign",    "sm2-verify",   "sm2-encrypt", "sm2-decrypt",
	};
	const char *given = getenv("WD_SEED"), *how = getenv("WD_OPERATIONS");
	unsigned long many = how ? strtoul(how, NULL, 0) : OPERATIONS;

	if (given)
		seed = strtoull(given, NULL, 0) | 1;
	setenv("WD_TIMEOUT_MS", "20000", 1);
	def = side_default();
	wd = side_wd("emu", NULL, false);
	while (done < many)
		one();
	printf("# %lu operations\n", done);
	for (size_t i = 0; i < ARRAY(counted); i++)
		told(counted[i]);
	for (size_t i = 0; i < ARRAY(kinds); i++)
		for (size_t j = 0; j < POOL; j++)
			forget(&pool[i][j]);
	side_free(wd);
	side_free(def);
}

T_MAIN(T_CASE(wd_and_the_default_provider_agree))
