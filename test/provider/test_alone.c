/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wd as the only provider of a library context, through the API.  Judge: the
 * default provider in another context, with the same input.
 */
#include <pthread.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include "provider/wdp.h"
#include "test/t.h"

/* The entry of wd.so, linked in. */
OSSL_provider_init_fn OSSL_provider_init;

static OSSL_LIB_CTX *wd, *judge;
static OSSL_PROVIDER *wd_provider, *judge_provider;

static unsigned char text[300], key[64], iv[16];

static OSSL_LIB_CTX *wd_context(OSSL_PROVIDER **provider)
{
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();

	OSSL_PROVIDER_add_builtin(ctx, "wd", OSSL_provider_init);
	*provider = OSSL_PROVIDER_load(ctx, "wd");
	return ctx;
}

static void set_up(void)
{
	if (wd)
		return;
	wd = wd_context(&wd_provider);
	judge = OSSL_LIB_CTX_new();
	judge_provider = OSSL_PROVIDER_load(judge, "default");
	T_OK(wd_provider && judge_provider);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i * 7 + 1);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)(i * 3 + 5);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (unsigned char)(0xa0 + i);
}

/* ---- digests -------------------------------------------------------------- */

static size_t hash(EVP_MD *md, bool copy, unsigned char *out)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned int n = 0;

	T_OK(EVP_DigestInit_ex2(c, md, NULL));
	T_OK(EVP_DigestUpdate(c, text, 100));
	if (copy) {
		EVP_MD_CTX *d = EVP_MD_CTX_new();

		T_OK(EVP_MD_CTX_copy_ex(d, c));
		T_OK(EVP_DigestUpdate(c, "astray", 6));
		EVP_MD_CTX_free(c);
		c = d;
	}
	T_OK(EVP_DigestUpdate(c, text + 100, sizeof(text) - 100));
	if (EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF)
		T_OK(EVP_DigestFinalXOF(c, out, n = EVP_MAX_MD_SIZE));
	else
		T_OK(EVP_DigestFinal_ex(c, out, &n));
	EVP_MD_CTX_free(c);
	return n;
}

/* What 3.0 has is served alone; a later default has more. */
static bool later_than_3_0(const char *name)
{
	static const char *const later[] = {
		"KECCAK-224",	   "KECCAK-256",      "KECCAK-384",
		"KECCAK-512",	   "SHA2-256/192",    "AES-128-GCM-SIV",
		"AES-192-GCM-SIV", "AES-256-GCM-SIV", "SM4-GCM",
		"SM4-CCM",	   "SM4-XTS",
	};

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (!strcmp(name, later[i]))
			return true;
	return false;
}

static void same_names(const char *name, void *ctx)
{
	EVP_MD *md = EVP_MD_fetch(ctx, name, NULL);

	if (!md)
		t_fail(__FILE__, __LINE__, "digest %s", name);
	EVP_MD_free(md);
}

static void check_digest(EVP_MD *want, void *count)
{
	unsigned char a[EVP_MAX_MD_SIZE], b[EVP_MAX_MD_SIZE];
	EVP_MD *md = EVP_MD_fetch(wd, EVP_MD_get0_name(want), NULL);
	size_t n;

	if (later_than_3_0(EVP_MD_get0_name(want)))
		return;
	EVP_MD_names_do_all(want, same_names, wd);
	T_EQ(EVP_MD_get_size(md), EVP_MD_get_size(want));
	T_EQ(EVP_MD_get_block_size(md), EVP_MD_get_block_size(want));
	T_EQ(EVP_MD_get_flags(md), EVP_MD_get_flags(want));
	n = hash(want, false, a);
	T_EQ(hash(md, false, b), n);
	T_MEM(b, a, n);
	T_EQ(hash(md, true, b), n);
	T_MEM(b, a, n);
	EVP_MD_free(md);
	(*(int *)count)++;
}

static void every_digest_of_default_is_there_and_the_same(void)
{
	int n = 0;

	set_up();
	EVP_MD_do_all_provided(judge, check_digest, &n);
	T_OK(n > 15);
}

static void shake_gives_any_length(void)
{
	unsigned char a[200], b[200];
	OSSL_LIB_CTX *ctxs[] = { judge, wd };
	unsigned char *outs[] = { a, b };

	set_up();
	ctxs[0] = judge, ctxs[1] = wd;
	for (int i = 0; i < 2; i++) {
		EVP_MD *md = EVP_MD_fetch(ctxs[i], "SHAKE256", NULL);
		EVP_MD_CTX *c = EVP_MD_CTX_new();

		T_OK(EVP_DigestInit_ex2(c, md, NULL));
		T_OK(EVP_DigestUpdate(c, text, sizeof(text)));
		T_OK(EVP_DigestFinalXOF(c, outs[i], sizeof(a)));
		EVP_MD_CTX_free(c);
		EVP_MD_free(md);
	}
	T_MEM(b, a, sizeof(a));
}

/* ---- ciphers -------------------------------------------------------------- */

struct sealed {
	unsigned char data[512], tag[16];
	size_t len;
	bool ok;
};

/* What a mode wants beside key and IV. */
static bool prepare(EVP_CIPHER_CTX *c, int mode, int enc,
		    const unsigned char *tag, size_t len)
{
	int n;

	if (mode == EVP_CIPH_CCM_MODE &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16,
				(void *)(enc ? NULL : tag)) <= 0)
		return false;
	if (!EVP_CipherInit_ex2(c, NULL, key, iv, enc, NULL))
		return false;
	if (mode == EVP_CIPH_CCM_MODE &&
	    !EVP_CipherUpdate(c, NULL, &n, NULL, (int)len))
		return false;
	return true;
}

/* @split: bytes of the first update, 0 for one update only. */
static void crypt_it(EVP_CIPHER *cipher, int enc, const unsigned char *in,
		     size_t len, size_t split, bool copy, struct sealed *s)
{
	bool aead = EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER;
	int mode = EVP_CIPHER_get_mode(cipher), n = 0;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	s->ok = false;
	s->len = 0;
	EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (!EVP_CipherInit_ex2(c, cipher, NULL, NULL, enc, NULL) ||
	    !prepare(c, mode, enc, s->tag, len))
		goto out;
	if (aead && !EVP_CipherUpdate(c, NULL, &n, text, 13))
		goto out;
	if (aead && !enc && mode != EVP_CIPH_CCM_MODE &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, s->tag) <= 0)
		goto out;
	if (split) {
		if (!EVP_CipherUpdate(c, s->data, &n, in, (int)split))
			goto out;
		s->len = (size_t)n;
	}
	if (copy) {
		EVP_CIPHER_CTX *d = EVP_CIPHER_CTX_new();

		if (!EVP_CIPHER_CTX_copy(d, c)) {
			EVP_CIPHER_CTX_free(d);
			goto out;
		}
		EVP_CIPHER_CTX_free(c);
		c = d;
	}
	if (!EVP_CipherUpdate(c, s->data + s->len, &n, in + split,
			      (int)(len - split)))
		goto out;
	s->len += (size_t)n;
	if (!EVP_CipherFinal_ex(c, s->data + s->len, &n))
		goto out;
	s->len += (size_t)n;
	s->ok = !aead || !enc ||
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, s->tag) > 0;
out:
	EVP_CIPHER_CTX_free(c);
}

static void same_cipher_names(const char *name, void *ctx)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(ctx, name, NULL);

	if (!c)
		t_fail(__FILE__, __LINE__, "cipher %s", name);
	EVP_CIPHER_free(c);
}

static void check_cipher(EVP_CIPHER *want, void *count)
{
	const char *name = EVP_CIPHER_get0_name(want);
	struct sealed a = { .ok = false }, b = a, back;
	EVP_CIPHER *c;
	bool once, copies;
	int mode;

	/* The ones stitched together for TLS are left out. */
	if (strstr(name, "CBC-HMAC") || later_than_3_0(name))
		return;
	EVP_CIPHER_names_do_all(want, same_cipher_names, wd);
	c = EVP_CIPHER_fetch(wd, name, NULL);
	mode = EVP_CIPHER_get_mode(want);
	T_EQ(EVP_CIPHER_get_key_length(c), EVP_CIPHER_get_key_length(want));
	T_EQ(EVP_CIPHER_get_iv_length(c), EVP_CIPHER_get_iv_length(want));
	T_EQ(EVP_CIPHER_get_block_size(c), EVP_CIPHER_get_block_size(want));
	T_EQ(EVP_CIPHER_get_mode(c), mode);
	/* Custom: EVP_Cipher() has a function of its own, key wraps too here. */
	T_EQ(EVP_CIPHER_get_flags(c) | EVP_CIPH_FLAG_CUSTOM_CIPHER,
	     EVP_CIPHER_get_flags(want) | EVP_CIPH_FLAG_CUSTOM_CIPHER);
	once = mode == EVP_CIPH_WRAP_MODE || mode == EVP_CIPH_CCM_MODE ||
	       mode == EVP_CIPH_SIV_MODE || mode == EVP_CIPH_XTS_MODE ||
	       strstr(name, "CTS");
	crypt_it(want, 1, text, 160, 0, true, &a);
	copies = a.ok;
	crypt_it(want, 1, text, 160, 0, false, &a);
	T_OK(a.ok);
	crypt_it(c, 1, text, 160, once ? 0 : 50, copies, &b);
	if (!b.ok)
		t_fail(__FILE__, __LINE__, "%s does not encrypt", name);
	T_EQ(b.len, a.len);
	/* 3DES key wrap draws its own IV. */
	if (!strstr(name, "DES3-WRAP")) {
		T_MEM(b.data, a.data, a.len);
		T_MEM(b.tag, a.tag, sizeof(a.tag));
	}
	memcpy(back.tag, b.tag, sizeof(b.tag));
	crypt_it(c, 0, b.data, b.len, once ? 0 : 33, false, &back);
	T_OK(back.ok);
	T_EQ(back.len, 160);
	T_MEM(back.data, text, 160);
	EVP_CIPHER_free(c);
	(*(int *)count)++;
}

static void every_cipher_of_default_is_there_and_the_same(void)
{
	int n = 0;

	set_up();
	EVP_CIPHER_do_all_provided(judge, check_cipher, &n);
	T_OK(n > 100);
}

static void a_wrong_tag_is_refused(void)
{
	static const char *const names[] = { "AES-128-CCM", "AES-256-OCB",
					     "ChaCha20-Poly1305",
					     "ARIA-128-GCM" };

	set_up();
	for (size_t i = 0; i < 4; i++) {
		EVP_CIPHER *c = EVP_CIPHER_fetch(wd, names[i], NULL);
		struct sealed a, b;

		crypt_it(c, 1, text, 64, 0, false, &a);
		T_OK(a.ok);
		memcpy(b.tag, a.tag, sizeof(a.tag));
		b.tag[0] ^= 1;
		crypt_it(c, 0, a.data, a.len, 0, false, &b);
		T_OK(!b.ok);
		EVP_CIPHER_free(c);
	}
}

/* ---- MACs and KDFs --------------------------------------------------------- */

struct mac_case {
	const char *name, *sub; /* digest or cipher */
	size_t key, iv;
};

static size_t mac_it(OSSL_LIB_CTX *ctx, const struct mac_case *m, bool dup,
		     unsigned char *out, size_t size)
{
	EVP_MAC *mac = EVP_MAC_fetch(ctx, m->name, NULL);
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac), *d;
	OSSL_PARAM params[4], *a = params;
	size_t n = 0;

	if (m->sub)
		*a++ = OSSL_PARAM_construct_utf8_string(
			strcmp(m->name, "HMAC") ? OSSL_MAC_PARAM_CIPHER
						: OSSL_MAC_PARAM_DIGEST,
			(char *)m->sub, 0);
	if (m->iv)
		*a++ = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, iv,
							 m->iv);
	/* An application's query must not stop the private context. */
	if (ctx == wd && m->sub)
		*a++ = OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_PROPERTIES, (char *)"provider=wd", 0);
	*a = OSSL_PARAM_construct_end();
	T_OK(c && EVP_MAC_init(c, key, m->key, params));
	T_OK(EVP_MAC_update(c, text, 77));
	if (dup) {
		d = EVP_MAC_CTX_dup(c);
		T_OK(d);
		EVP_MAC_CTX_free(c);
		c = d;
	}
	T_OK(EVP_MAC_update(c, text + 77, sizeof(text) - 77));
	T_OK(EVP_MAC_final(c, NULL, &n, 0));
	T_EQ(n, EVP_MAC_CTX_get_mac_size(c));
	T_OK(EVP_MAC_final(c, out, &n, size));
	EVP_MAC_CTX_free(c);
	EVP_MAC_free(mac);
	return n;
}

static void every_mac_is_the_same_and_can_be_copied(void)
{
	static const struct mac_case macs[] = {
		{ "HMAC", "SHA256", 20, 0 },
		{ "HMAC", "SHA3-512", 32, 0 },
		{ "CMAC", "AES-128-CBC", 16, 0 },
		{ "GMAC", "AES-256-GCM", 32, 12 },
		{ "KMAC-128", NULL, 16, 0 },
		{ "KMAC-256", NULL, 32, 0 },
		{ "SIPHASH", NULL, 16, 0 },
		{ "POLY1305", NULL, 32, 0 },
		{ "BLAKE2BMAC", NULL, 32, 0 },
		{ "BLAKE2SMAC", NULL, 32, 0 },
	};
	unsigned char a[128], b[128];

	set_up();
	for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++) {
		size_t n = mac_it(judge, &macs[i], false, a, sizeof(a));

		T_EQ(mac_it(wd, &macs[i], false, b, sizeof(b)), n);
		T_MEM(b, a, n);
		T_EQ(mac_it(wd, &macs[i], true, b, sizeof(b)), n);
		T_MEM(b, a, n);
	}
}

static void derive(OSSL_LIB_CTX *ctx, const char *name, unsigned char *out,
		   size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(ctx, name, NULL);
	EVP_KDF_CTX *c = EVP_KDF_CTX_new(kdf), *d;
	unsigned int iter = 1000;
	uint64_t n = 16, r = 8, p = 1;
	int mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND, id = 1, quick = 1;
	char type[] = "A";
	/* Enough for each of them; unknown ones are ignored. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string("digest", (char *)"SHA256", 6),
		OSSL_PARAM_octet_string("key", key, 32),
		OSSL_PARAM_octet_string("secret", key, 32),
		OSSL_PARAM_octet_string("pass", key, 10),
		OSSL_PARAM_octet_string("salt", text, 16),
		OSSL_PARAM_octet_string("seed", text, 48),
		OSSL_PARAM_octet_string("info", text, 9),
		OSSL_PARAM_octet_string("xcghash", text, 32),
		OSSL_PARAM_octet_string("session_id", text, 32),
		OSSL_PARAM_utf8_string("type", type, 1),
		OSSL_PARAM_uint("iter", &iter),
		OSSL_PARAM_uint64("n", &n),
		OSSL_PARAM_uint64("r", &r),
		OSSL_PARAM_uint64("p", &p),
		OSSL_PARAM_int("id", &id),
		OSSL_PARAM_int("pkcs5", &quick),
		OSSL_PARAM_int("mode", &mode),
		OSSL_PARAM_utf8_string("properties", (char *)"provider=wd", 11),
		OSSL_PARAM_END,
	};

	if (!strcmp(name, "PKCS12KDF"))
		params[9].key = "ignored"; /* the type of SSHKDF */
	if (ctx != wd)
		params[17].key = "ignored";
	T_OK(c && EVP_KDF_CTX_set_params(c, params));
	d = EVP_KDF_CTX_dup(c);
	if (d) {
		EVP_KDF_CTX_free(c);
		c = d;
	}
	if (EVP_KDF_derive(c, out, len, NULL) <= 0)
		t_fail(__FILE__, __LINE__, "%s does not derive", name);
	EVP_KDF_CTX_reset(c);
	EVP_KDF_CTX_free(c);
	EVP_KDF_free(kdf);
}

static void every_kdf_is_the_same(void)
{
	static const char *const names[] = { "HKDF",	  "TLS1-PRF", "PBKDF2",
					     "SSHKDF",	  "SSKDF",    "X963KDF",
					     "PKCS12KDF", "SCRYPT" };
	unsigned char a[48], b[48];

	set_up();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		derive(judge, names[i], a, sizeof(a));
		derive(wd, names[i], b, sizeof(b));
		T_MEM(b, a, sizeof(a));
	}
}

/* ---- randomness ------------------------------------------------------------ */

static void random_bytes_come_and_differ(void)
{
	unsigned char a[48], b[48];

	set_up();
	T_EQ(RAND_bytes_ex(wd, a, sizeof(a), 0), 1);
	T_EQ(RAND_bytes_ex(wd, b, sizeof(b), 0), 1);
	T_OK(memcmp(a, b, sizeof(a)));
	T_EQ(RAND_priv_bytes_ex(wd, b, sizeof(b), 0), 1);
}

static void a_drbg_is_made_asked_and_reseeded(void)
{
	EVP_RAND *rand;
	EVP_RAND_CTX *c;
	unsigned char a[32], b[32];
	unsigned int reseeds = 7;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string("cipher", (char *)"AES-256-CTR", 11),
		OSSL_PARAM_utf8_string("properties", (char *)"provider=wd", 11),
		OSSL_PARAM_uint("reseed_requests", &reseeds),
		OSSL_PARAM_END,
	};

	set_up();
	rand = EVP_RAND_fetch(wd, "CTR-DRBG", NULL);
	c = EVP_RAND_CTX_new(rand, NULL);
	T_OK(c);
	T_EQ(EVP_RAND_get_state(c), EVP_RAND_STATE_UNINITIALISED);
	T_OK(EVP_RAND_instantiate(c, 256, 0, NULL, 0, params));
	T_EQ(EVP_RAND_get_state(c), EVP_RAND_STATE_READY);
	T_EQ(EVP_RAND_get_strength(c), 256);
	T_OK(EVP_RAND_enable_locking(c));
	T_OK(EVP_RAND_generate(c, a, sizeof(a), 256, 1, text, 10));
	T_OK(EVP_RAND_reseed(c, 0, NULL, 0, text, 20));
	T_OK(EVP_RAND_nonce(c, b, sizeof(b)));
	T_OK(memcmp(a, b, sizeof(a)));
	T_OK(EVP_RAND_uninstantiate(c));
	T_OK(EVP_RAND_verify_zeroization(c));
	EVP_RAND_CTX_free(c);
	EVP_RAND_free(rand);
}

/* ---- keys ------------------------------------------------------------------- */

static EVP_PKEY *generate(OSSL_LIB_CTX *ctx, const char *type,
			  const char *group)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(ctx, type, NULL);
	EVP_PKEY *k = NULL;

	T_OK(c && EVP_PKEY_keygen_init(c) > 0);
	if (group)
		T_OK(EVP_PKEY_CTX_set_group_name(c, group) > 0);
	T_OK(EVP_PKEY_generate(c, &k) > 0);
	EVP_PKEY_CTX_free(c);
	return k;
}

static size_t agree(OSSL_LIB_CTX *ctx, EVP_PKEY *own, EVP_PKEY *peer,
		    unsigned char *out, size_t size)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(ctx, own, NULL), *d;
	size_t n = 0;

	T_OK(EVP_PKEY_derive_init(c) > 0);
	T_OK(EVP_PKEY_derive_set_peer(c, peer) > 0);
	d = EVP_PKEY_CTX_dup(c);
	T_OK(d);
	EVP_PKEY_CTX_free(c);
	T_OK(EVP_PKEY_derive(d, NULL, &n) > 0);
	T_OK(n && n <= size);
	T_OK(EVP_PKEY_derive(d, out, &n) > 0);
	EVP_PKEY_CTX_free(d);
	return n;
}

/* As TLS does: parameters copied, then the peer's public key as octets. */
static EVP_PKEY *peer_of(EVP_PKEY *own, EVP_PKEY *other)
{
	EVP_PKEY *peer = EVP_PKEY_new();
	unsigned char *octets = NULL;
	size_t n = EVP_PKEY_get1_encoded_public_key(other, &octets);

	T_OK(n);
	T_OK(EVP_PKEY_copy_parameters(peer, own) > 0);
	T_OK(EVP_PKEY_set1_encoded_public_key(peer, octets, n) > 0);
	OPENSSL_free(octets);
	return peer;
}

static void both_sides_agree_on_a_secret(void)
{
	static const struct {
		const char *type, *group;
	} kinds[] = { { "EC", "P-256" },
		      { "EC", "P-521" },
		      { "X25519", NULL },
		      { "X448", NULL },
		      { "DH", "ffdhe2048" } };
	unsigned char x[256], y[256];

	set_up();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		EVP_PKEY *a = generate(wd, kinds[i].type, kinds[i].group);
		EVP_PKEY *b = generate(judge, kinds[i].type, kinds[i].group);
		EVP_PKEY *pa = peer_of(b, a), *pb = peer_of(a, b);
		size_t n = agree(wd, a, pb, x, sizeof(x));

		T_EQ(agree(judge, b, pa, y, sizeof(y)), n);
		T_MEM(x, y, n);
		T_OK(EVP_PKEY_parameters_eq(a, pb) == 1);
		T_OK(EVP_PKEY_eq(a, pb) == 0);
		T_OK(EVP_PKEY_eq(b, pb) == 1);
		EVP_PKEY_free(pb);
		EVP_PKEY_free(pa);
		EVP_PKEY_free(b);
		EVP_PKEY_free(a);
	}
}

static void hkdf_as_a_key_agreement_is_hkdf(void)
{
	OSSL_LIB_CTX *ctxs[2];
	unsigned char out[2][40];

	set_up();
	ctxs[0] = judge;
	ctxs[1] = wd;
	for (int i = 0; i < 2; i++) {
		EVP_PKEY_CTX *c =
			EVP_PKEY_CTX_new_from_name(ctxs[i], "HKDF", NULL);
		EVP_MD *md = EVP_MD_fetch(ctxs[i], "SHA384", NULL);
		size_t n = sizeof(out[i]);

		T_OK(c && EVP_PKEY_derive_init(c) > 0);
		T_OK(EVP_PKEY_CTX_set_hkdf_md(c, md) > 0);
		T_OK(EVP_PKEY_CTX_set1_hkdf_salt(c, text, 16) > 0);
		T_OK(EVP_PKEY_CTX_set1_hkdf_key(c, key, 32) > 0);
		T_OK(EVP_PKEY_CTX_add1_hkdf_info(c, text, 9) > 0);
		T_OK(EVP_PKEY_derive(c, out[i], &n) > 0);
		T_EQ(n, sizeof(out[i]));
		EVP_MD_free(md);
		EVP_PKEY_CTX_free(c);
	}
	T_MEM(out[1], out[0], sizeof(out[0]));
}

static EVP_PKEY *reread(OSSL_LIB_CTX *ctx, EVP_PKEY *k)
{
	unsigned char *der = NULL;
	const unsigned char *at;
	int n = i2d_PUBKEY(k, &der);
	EVP_PKEY *pub;

	T_OK(n > 0);
	at = der;
	pub = d2i_PUBKEY_ex(NULL, &at, n, ctx, NULL);
	T_OK(pub);
	OPENSSL_free(der);
	return pub;
}

static void default_verifies_what_wd_signs_and_the_other_way(void)
{
	static const struct {
		const char *type, *group, *md;
	} kinds[] = {
		{ "EC", "P-256", "SHA256" }, { "EC", "P-384", "SHA3-384" },
		{ "ED25519", NULL, NULL },   { "ED448", NULL, NULL },
		{ "RSA", NULL, "SHA512" },   { "SM2", NULL, "SM3" }
	};

	set_up();
	for (size_t i = 0; i < 2 * sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *type = kinds[i / 2].type, *md = kinds[i / 2].md;
		OSSL_LIB_CTX *signer = i % 2 ? judge : wd;
		OSSL_LIB_CTX *reader = i % 2 ? wd : judge;
		EVP_PKEY *k = generate(signer, type, kinds[i / 2].group);
		EVP_PKEY *pub = reread(reader, k);
		EVP_MD_CTX *c = EVP_MD_CTX_new();
		unsigned char sig[512];
		size_t n = 0;

		T_OK(EVP_DigestSignInit_ex(c, NULL, md, signer, NULL, k, NULL) >
		     0);
		T_OK(EVP_DigestSign(c, NULL, &n, text, 100) > 0);
		T_OK(n && n <= sizeof(sig));
		T_OK(EVP_DigestSign(c, sig, &n, text, 100) > 0);
		EVP_MD_CTX_reset(c);
		T_OK(EVP_DigestVerifyInit_ex(c, NULL, md, reader, NULL, pub,
					     NULL) > 0);
		T_EQ(EVP_DigestVerify(c, sig, n, text, 100), 1);
		EVP_MD_CTX_reset(c);
		T_OK(EVP_DigestVerifyInit_ex(c, NULL, md, reader, NULL, pub,
					     NULL) > 0);
		T_OK(EVP_DigestVerify(c, sig, n, text, 99) != 1);
		EVP_MD_CTX_free(c);
		EVP_PKEY_free(pub);
		EVP_PKEY_free(k);
	}
	ERR_clear_error();
}

/* The record layer of TLS 1.2 makes its HMAC this way. */
static void hmac_as_a_signature_is_hmac(void)
{
	unsigned char a[64], b[64];
	const struct mac_case hmac = { "HMAC", "SHA384", 24, 0 };
	size_t n = sizeof(b), want;
	EVP_MD_CTX *c = EVP_MD_CTX_new(), *d = EVP_MD_CTX_new();
	EVP_PKEY *k;

	set_up();
	want = mac_it(judge, &hmac, false, a, sizeof(a));
	k = EVP_PKEY_new_raw_private_key_ex(wd, "HMAC", NULL, key, 24);
	T_OK(k);
	T_OK(EVP_DigestSignInit_ex(c, NULL, "SHA384", wd, NULL, k, NULL) > 0);
	T_OK(EVP_DigestSignUpdate(c, text, 50) > 0);
	T_OK(EVP_MD_CTX_copy(d, c) > 0);
	T_OK(EVP_DigestSignUpdate(d, text + 50, sizeof(text) - 50) > 0);
	T_OK(EVP_DigestSignFinal(d, b, &n) > 0);
	T_EQ(n, want);
	T_MEM(b, a, n);
	EVP_MD_CTX_free(c);
	EVP_MD_CTX_free(d);
	EVP_PKEY_free(k);
}

/* ---- keys in and out --------------------------------------------------------- */

static const char *const types[] = { "RSA",    "RSA-PSS", "EC",
				     "X25519", "X448",	  "ED25519",
				     "ED448",  "SM2",	  "DH" };
#define TYPES (sizeof(types) / sizeof(types[0]))

static EVP_PKEY *generate_type(OSSL_LIB_CTX *ctx, const char *type)
{
	if (!strcmp(type, "EC"))
		return generate(ctx, type, "P-256");
	if (!strcmp(type, "DH"))
		return generate(ctx, type, "ffdhe2048");
	return generate(ctx, type, NULL);
}

static BIO *written(EVP_PKEY *k, int selection, const char *output,
		    const char *structure, const char *pass)
{
	OSSL_ENCODER_CTX *c = OSSL_ENCODER_CTX_new_for_pkey(
		k, selection, output, structure, NULL);
	BIO *out = BIO_new(BIO_s_mem());

	T_OK(c && OSSL_ENCODER_CTX_get_num_encoders(c));
	if (pass) {
		T_OK(OSSL_ENCODER_CTX_set_cipher(c, "AES-256-CBC", NULL));
		T_OK(OSSL_ENCODER_CTX_set_passphrase(
			c, (const unsigned char *)pass, strlen(pass)));
	}
	if (!OSSL_ENCODER_to_bio(c, out))
		t_fail(__FILE__, __LINE__, "%s %s not written", output,
		       structure);
	OSSL_ENCODER_CTX_free(c);
	return out;
}

static EVP_PKEY *read_back(OSSL_LIB_CTX *ctx, BIO *in, const char *input,
			   const char *pass)
{
	EVP_PKEY *k = NULL;
	OSSL_DECODER_CTX *c = OSSL_DECODER_CTX_new_for_pkey(&k, input, NULL,
							    NULL, 0, ctx, NULL);

	T_OK(c && OSSL_DECODER_CTX_get_num_decoders(c));
	if (pass)
		T_OK(OSSL_DECODER_CTX_set_passphrase(
			c, (const unsigned char *)pass, strlen(pass)));
	OSSL_DECODER_from_bio(c, in);
	OSSL_DECODER_CTX_free(c);
	return k;
}

static void same_bytes(BIO *a, BIO *b)
{
	char *x, *y;
	long n = BIO_get_mem_data(a, &x);

	T_OK(n > 0);
	T_EQ(BIO_get_mem_data(b, &y), n);
	T_MEM(x, y, (size_t)n);
}

static void keys_are_written_as_default_writes_them(void)
{
	static const struct {
		int selection;
		const char *output, *structure;
	} ways[] = { { EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo" },
		     { EVP_PKEY_KEYPAIR, "PEM", "PrivateKeyInfo" },
		     { EVP_PKEY_PUBLIC_KEY, "DER", "SubjectPublicKeyInfo" },
		     { EVP_PKEY_PUBLIC_KEY, "PEM", "SubjectPublicKeyInfo" },
		     { EVP_PKEY_KEYPAIR, "TEXT", NULL },
		     { EVP_PKEY_PUBLIC_KEY, "TEXT", NULL } };

	set_up();
	for (size_t i = 0; i < TYPES; i++) {
		EVP_PKEY *k = generate_type(wd, types[i]), *twin;
		BIO *der = written(k, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo",
				   NULL);

		twin = read_back(judge, der, "DER", NULL);
		T_OK(twin);
		BIO_free(der);
		for (size_t j = 0; j < sizeof(ways) / sizeof(ways[0]); j++) {
			BIO *a = written(k, ways[j].selection, ways[j].output,
					 ways[j].structure, NULL);
			BIO *b =
				written(twin, ways[j].selection, ways[j].output,
					ways[j].structure, NULL);

			same_bytes(a, b);
			BIO_free(a);
			BIO_free(b);
		}
		EVP_PKEY_free(twin);
		EVP_PKEY_free(k);
	}
}

static void traditional_forms_are_written_and_read(void)
{
	static const struct {
		const char *type, *structure;
		int selection;
	} ways[] = { { "RSA", "type-specific", EVP_PKEY_KEYPAIR },
		     { "RSA", "pkcs1", EVP_PKEY_PUBLIC_KEY },
		     { "EC", "type-specific", EVP_PKEY_KEYPAIR },
		     { "EC", "X9.62", EVP_PKEY_KEY_PARAMETERS },
		     { "DH", "type-specific", EVP_PKEY_KEY_PARAMETERS } };

	set_up();
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		EVP_PKEY *k = generate_type(judge, ways[i].type), *back, *own;
		BIO *a = written(k, ways[i].selection, "PEM", ways[i].structure,
				 NULL);
		BIO *copy, *b;
		char *p;
		long n = BIO_get_mem_data(a, &p);

		copy = BIO_new_mem_buf(p, (int)n);
		own = read_back(wd, copy, "PEM", NULL);
		T_OK(own && EVP_PKEY_is_a(own, ways[i].type));
		b = written(own, ways[i].selection, "PEM", ways[i].structure,
			    NULL);
		same_bytes(a, b);
		back = read_back(judge, b, "PEM", NULL);
		T_OK(back);
		BIO_free(copy);
		BIO_free(b);
		BIO_free(a);
		EVP_PKEY_free(back);
		EVP_PKEY_free(own);
		EVP_PKEY_free(k);
	}
}

static void encrypted_keys_are_read_with_the_passphrase_only(void)
{
	set_up();
	for (size_t i = 0; i < TYPES; i++) {
		EVP_PKEY *k = generate_type(i % 2 ? wd : judge, types[i]);
		BIO *pem = written(k, EVP_PKEY_KEYPAIR, "PEM",
				   "EncryptedPrivateKeyInfo", "secret");
		char *p;
		long n = BIO_get_mem_data(pem, &p);
		BIO *again = BIO_new_mem_buf(p, (int)n);
		BIO *none = BIO_new_mem_buf(p, (int)n);
		EVP_PKEY *good = read_back(wd, pem, "PEM", "secret");

		T_OK(good && EVP_PKEY_eq(good, k) == 1);
		T_OK(!read_back(wd, again, "PEM", "guess"));
		BIO_free(pem);
		BIO_free(again);
		BIO_free(none);
		EVP_PKEY_free(good);
		EVP_PKEY_free(k);
	}
	ERR_clear_error();
}

static void a_key_keeps_its_place_among_others_in_a_file(void)
{
	EVP_PKEY *a, *b, *k;
	BIO *file = BIO_new(BIO_s_mem());

	set_up();
	a = generate_type(judge, "EC");
	b = generate_type(judge, "ED25519");
	T_OK(PEM_write_bio_PrivateKey(file, a, NULL, NULL, 0, NULL, NULL));
	T_OK(PEM_write_bio_PUBKEY(file, b));
	T_OK(PEM_write_bio_PrivateKey(file, b, NULL, NULL, 0, NULL, NULL));
	k = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, wd, NULL);
	T_OK(k && EVP_PKEY_eq(k, a) == 1);
	EVP_PKEY_free(k);
	k = PEM_read_bio_PUBKEY_ex(file, NULL, NULL, NULL, wd, NULL);
	T_OK(k && EVP_PKEY_eq(k, b) == 1);
	EVP_PKEY_free(k);
	k = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, wd, NULL);
	T_OK(k && EVP_PKEY_eq(k, b) == 1);
	EVP_PKEY_free(k);
	k = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, wd, NULL);
	T_OK(!k);
	BIO_free(file);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	ERR_clear_error();
}

static void what_is_no_key_is_no_key(void)
{
	static const char *const junk[] = {
		"",
		"x",
		"-----BEGIN PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE "
		"KEY-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAMCAQA=\n"
		"-----END ENCRYPTED PRIVATE KEY-----\n",
		"\x30\x82\xff\xff\x02\x01",
		"\x30\x03\x02\x01\x00",
		"\x06\x03\x2b\x65\x70"
	};

	set_up();
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		for (int pem = 0; pem < 3; pem++) {
			BIO *in = BIO_new_mem_buf(junk[i], -1);

			T_OK(!read_back(wd, in,
					pem == 2 ? NULL
					: pem	 ? "PEM"
						 : "DER",
					"secret"));
			BIO_free(in);
		}
	}
	ERR_clear_error();
}

/* ---- the store ---------------------------------------------------------------- */

static X509 *certificate(EVP_PKEY *k)
{
	X509 *x = X509_new_ex(judge, NULL);

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, k);
	T_OK(X509_sign(x, k, NULL) > 0);
	return x;
}

static void a_store_gives_everything_in_its_order(void)
{
	static const int want[] = { OSSL_STORE_INFO_CERT, OSSL_STORE_INFO_PKEY,
				    OSSL_STORE_INFO_PUBKEY,
				    OSSL_STORE_INFO_CERT };
	BIO *file = BIO_new(BIO_s_mem());
	OSSL_STORE_CTX *s;
	EVP_PKEY *k;
	X509 *x;

	set_up();
	k = generate_type(judge, "ED25519");
	x = certificate(k);
	T_OK(PEM_write_bio_X509(file, x));
	T_OK(PEM_write_bio_PrivateKey(file, k, NULL, NULL, 0, NULL, NULL));
	T_OK(PEM_write_bio_PUBKEY(file, k));
	T_OK(PEM_write_bio_X509(file, x));
	s = OSSL_STORE_attach(file, "file", wd, NULL, NULL, NULL, NULL, NULL,
			      NULL);
	T_OK(s);
	for (size_t i = 0; i < 4; i++) {
		OSSL_STORE_INFO *info;

		T_OK(!OSSL_STORE_eof(s));
		info = OSSL_STORE_load(s);
		T_OK(info);
		T_EQ(OSSL_STORE_INFO_get_type(info), want[i]);
		if (want[i] == OSSL_STORE_INFO_CERT)
			T_EQ(X509_cmp(OSSL_STORE_INFO_get0_CERT(info), x), 0);
		if (want[i] == OSSL_STORE_INFO_PKEY)
			T_EQ(EVP_PKEY_eq(OSSL_STORE_INFO_get0_PKEY(info), k),
			     1);
		OSSL_STORE_INFO_free(info);
	}
	T_OK(!OSSL_STORE_load(s));
	T_OK(OSSL_STORE_eof(s));
	OSSL_STORE_close(s);
	BIO_free(file);
	X509_free(x);
	EVP_PKEY_free(k);
	ERR_clear_error();
}

/* How many objects, all certificates, of a key and a certificate. */
static int certificates(OSSL_LIB_CTX *ctx, EVP_PKEY *k, X509 *x)
{
	BIO *file = BIO_new(BIO_s_mem());
	OSSL_STORE_CTX *s;
	int n = 0;

	T_OK(PEM_write_bio_PrivateKey(file, k, NULL, NULL, 0, NULL, NULL));
	T_OK(PEM_write_bio_X509(file, x));
	s = OSSL_STORE_attach(file, "file", ctx, NULL, NULL, NULL, NULL, NULL,
			      NULL);
	T_OK(s && OSSL_STORE_expect(s, OSSL_STORE_INFO_CERT));
	while (!OSSL_STORE_eof(s)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(s);

		if (!info)
			continue;
		T_EQ(OSSL_STORE_INFO_get_type(info), OSSL_STORE_INFO_CERT);
		OSSL_STORE_INFO_free(info);
		n++;
	}
	OSSL_STORE_close(s);
	BIO_free(file);
	return n;
}

static void a_store_gives_only_what_is_expected(void)
{
	EVP_PKEY *k;
	X509 *x;

	set_up();
	k = generate_type(judge, "ED25519");
	x = certificate(k);
	T_EQ(certificates(judge, k, x), 1);
	T_EQ(certificates(wd, k, x), 1);
	X509_free(x);
	EVP_PKEY_free(k);
	ERR_clear_error();
}

static void a_store_of_nothing_does_not_open(void)
{
	set_up();
	T_OK(!OSSL_STORE_open_ex("/nonexistent/key.pem", wd, NULL, NULL, NULL,
				 NULL, NULL, NULL));
	ERR_clear_error();
}

/* ---- no longer alone ----------------------------------------------------------- */

static const char *digest_from(OSSL_LIB_CTX *ctx)
{
	EVP_MD *md = EVP_MD_fetch(ctx, "SHA512", NULL);
	const char *name =
		md ? OSSL_PROVIDER_get0_name(EVP_MD_get0_provider(md))
		   : "nobody";

	EVP_MD_free(md);
	return name;
}

static void who_comes_later_serves_from_then_on(void)
{
	OSSL_PROVIDER *own, *other;
	OSSL_LIB_CTX *ctx = wd_context(&own);
	unsigned char a[16];
	EVP_RAND *rand;

	set_up();
	T_STR(digest_from(ctx), "wd");
	T_EQ(RAND_bytes_ex(ctx, a, sizeof(a), 0), 1);
	other = OSSL_PROVIDER_load(ctx, "default");
	T_OK(other);
	T_STR(digest_from(ctx), "default");
	rand = EVP_RAND_fetch(ctx, "CTR-DRBG", NULL);
	T_STR(OSSL_PROVIDER_get0_name(EVP_RAND_get0_provider(rand)), "default");
	EVP_RAND_free(rand);
	T_EQ(RAND_bytes_ex(ctx, a, sizeof(a), 0), 1);
	OSSL_PROVIDER_unload(other);
	OSSL_PROVIDER_unload(own);
	OSSL_LIB_CTX_free(ctx);
}

/* Keys then go to the newcomer by export. */
static void a_store_opened_alone_gives_keys_to_who_came_later(void)
{
	BIO *file = BIO_new(BIO_s_mem());
	OSSL_PROVIDER *own, *other;
	OSSL_LIB_CTX *ctx = wd_context(&own);
	OSSL_STORE_INFO *info;
	OSSL_STORE_CTX *s;
	EVP_PKEY *k, *got;

	set_up();
	k = generate_type(judge, "EC");
	T_OK(PEM_write_bio_PrivateKey(file, k, NULL, NULL, 0, NULL, NULL));
	s = OSSL_STORE_attach(file, "file", ctx, NULL, NULL, NULL, NULL, NULL,
			      NULL);
	T_OK(s);
	other = OSSL_PROVIDER_load(ctx, "default");
	info = OSSL_STORE_load(s);
	T_OK(info);
	got = OSSL_STORE_INFO_get1_PKEY(info);
	T_OK(got && EVP_PKEY_get0_provider(got) == other);
	T_EQ(EVP_PKEY_eq(got, k), 1);
	EVP_PKEY_free(got);
	OSSL_STORE_INFO_free(info);
	OSSL_STORE_close(s);
	BIO_free(file);
	EVP_PKEY_free(k);
	OSSL_PROVIDER_unload(other);
	OSSL_PROVIDER_unload(own);
	OSSL_LIB_CTX_free(ctx);
}

/* A DRBG of default's may then have ours as its parent. */
static void a_foreign_drbg_can_be_our_child(void)
{
	OSSL_PROVIDER *own, *other;
	OSSL_LIB_CTX *ctx = wd_context(&own);
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string("cipher", (char *)"AES-256-CTR", 11),
		OSSL_PARAM_END,
	};
	EVP_RAND *ours, *theirs;
	EVP_RAND_CTX *parent, *child;
	unsigned char a[16];

	set_up();
	ours = EVP_RAND_fetch(ctx, "CTR-DRBG", NULL);
	parent = EVP_RAND_CTX_new(ours, NULL);
	T_OK(EVP_RAND_instantiate(parent, 256, 0, NULL, 0, params));
	T_OK(EVP_RAND_enable_locking(parent));
	other = OSSL_PROVIDER_load(ctx, "default");
	theirs = EVP_RAND_fetch(ctx, "CTR-DRBG", NULL);
	T_OK(EVP_RAND_get0_provider(theirs) == other);
	child = EVP_RAND_CTX_new(theirs, parent);
	T_OK(child && EVP_RAND_instantiate(child, 256, 0, NULL, 0, params));
	T_OK(EVP_RAND_generate(child, a, sizeof(a), 256, 1, NULL, 0));
	EVP_RAND_CTX_free(child);
	EVP_RAND_CTX_free(parent);
	EVP_RAND_free(theirs);
	EVP_RAND_free(ours);
	OSSL_PROVIDER_unload(other);
	OSSL_PROVIDER_unload(own);
	OSSL_LIB_CTX_free(ctx);
}

static int count_row(const char *operation, const OSSL_ALGORITHM *a)
{
	int n = 0;

	(void)operation;
	for (; a && a->algorithm_names; a++)
		n++;
	return n;
}

static void beside_default_only_wds_own_algorithms_are_offered(void)
{
	static const struct {
		int id;
		const char *name;
	} none[] = {
		{ OSSL_OP_RAND, "RAND" },      { OSSL_OP_MAC, "MAC" },
		{ OSSL_OP_KDF, "KDF" },	       { OSSL_OP_KEYEXCH, "KEYEXCH" },
		{ OSSL_OP_STORE, "STORE" },    { OSSL_OP_DECODER, "DECODER" },
		{ OSSL_OP_ENCODER, "ENCODER" }
	};
	OSSL_PROVIDER *own, *other;
	OSSL_LIB_CTX *ctx = wd_context(&own);
	int no_cache;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		T_OK(count_row(none[i].name,
			       OSSL_PROVIDER_query_operation(own, none[i].id,
							     &no_cache)) > 0);
	other = OSSL_PROVIDER_load(ctx, "default");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		T_EQ(count_row(none[i].name,
			       OSSL_PROVIDER_query_operation(own, none[i].id,
							     &no_cache)),
		     0);
	OSSL_PROVIDER_unload(other);
	OSSL_PROVIDER_unload(own);
	OSSL_LIB_CTX_free(ctx);
}

/* The private context and what is fetched from it are made by the first to
 * ask: here all ask at once. */
static void *first_users(void *arg)
{
	OSSL_LIB_CTX *ctx = arg;
	unsigned char a[16];
	EVP_PKEY *k;

	T_EQ(RAND_bytes_ex(ctx, a, sizeof(a), 0), 1);
	T_STR(digest_from(ctx), "wd");
	k = EVP_PKEY_Q_keygen(ctx, NULL, "X25519");
	T_OK(k);
	EVP_PKEY_free(k);
	OPENSSL_thread_stop_ex(ctx);
	return NULL;
}

static void threads_may_all_be_the_first(void)
{
	pthread_t t[8];
	OSSL_PROVIDER *own;
	OSSL_LIB_CTX *ctx = wd_context(&own);

	for (int i = 0; i < 8; i++)
		T_EQ(pthread_create(&t[i], NULL, first_users, ctx), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	OSSL_PROVIDER_unload(own);
	OSSL_LIB_CTX_free(ctx);
}

static void many_contexts_come_and_go(void)
{
	for (int i = 0; i < 20; i++) {
		OSSL_PROVIDER *own;
		OSSL_LIB_CTX *ctx = wd_context(&own);
		unsigned char a[16];

		T_EQ(RAND_bytes_ex(ctx, a, sizeof(a), 0), 1);
		T_STR(digest_from(ctx), "wd");
		OSSL_PROVIDER_unload(own);
		OSSL_LIB_CTX_free(ctx);
	}
}

static void the_contexts_can_be_freed(void)
{
	set_up();
	OSSL_PROVIDER_unload(wd_provider);
	OSSL_LIB_CTX_free(wd);
	OSSL_PROVIDER_unload(judge_provider);
	OSSL_LIB_CTX_free(judge);
	wd = judge = NULL;
}

T_MAIN(T_CASE(every_digest_of_default_is_there_and_the_same),
       T_CASE(shake_gives_any_length),
       T_CASE(every_cipher_of_default_is_there_and_the_same),
       T_CASE(a_wrong_tag_is_refused),
       T_CASE(every_mac_is_the_same_and_can_be_copied),
       T_CASE(every_kdf_is_the_same), T_CASE(random_bytes_come_and_differ),
       T_CASE(a_drbg_is_made_asked_and_reseeded),
       T_CASE(both_sides_agree_on_a_secret),
       T_CASE(default_verifies_what_wd_signs_and_the_other_way),
       T_CASE(hkdf_as_a_key_agreement_is_hkdf),
       T_CASE(hmac_as_a_signature_is_hmac),
       T_CASE(keys_are_written_as_default_writes_them),
       T_CASE(traditional_forms_are_written_and_read),
       T_CASE(encrypted_keys_are_read_with_the_passphrase_only),
       T_CASE(a_key_keeps_its_place_among_others_in_a_file),
       T_CASE(what_is_no_key_is_no_key),
       T_CASE(a_store_gives_everything_in_its_order),
       T_CASE(a_store_gives_only_what_is_expected),
       T_CASE(a_store_of_nothing_does_not_open),
       T_CASE(who_comes_later_serves_from_then_on),
       T_CASE(a_store_opened_alone_gives_keys_to_who_came_later),
       T_CASE(a_foreign_drbg_can_be_our_child),
       T_CASE(beside_default_only_wds_own_algorithms_are_offered),
       T_CASE(threads_may_all_be_the_first), T_CASE(many_contexts_come_and_go),
       T_CASE(the_contexts_can_be_freed))
