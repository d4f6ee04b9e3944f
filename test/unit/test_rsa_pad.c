/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA paddings against published blocks, against libcrypto's own (deprecated,
 * hence another implementation than the one the provider's callers reach), and
 * every way a block can be wrong.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "provider/wdp_rsa_pad.h"
#include "test/t.h"

#define K   128
#define MAX 512

/* ---- helpers ------------------------------------------------------------- */

/* "Random" bytes that a test knows: the next of @bytes, then 0x5a. */
struct script {
	const uint8_t *bytes;
	size_t len, used;
	int fail; /* the call that fails, from 1; 0: none */
	int calls;
};

static int script_fill(void *arg, uint8_t *p, size_t n)
{
	struct script *s = arg;

	if (++s->calls == s->fail)
		return -EIO;
	for (size_t i = 0; i < n; i++)
		p[i] = s->used < s->len ? s->bytes[s->used++] : 0x5a;
	return 0;
}

static struct wdp_rsa_random scripted(struct script *s)
{
	return (struct wdp_rsa_random){ script_fill, s };
}

static struct wdp_rsa_hash hash_of(const EVP_MD *md)
{
	static EVP_MD_CTX *ctx;

	if (!ctx)
		ctx = EVP_MD_CTX_new();
	return (struct wdp_rsa_hash){ ctx, md, md };
}

static void count_up(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i + 1);
}

/* ---- type 1, X9.31 ------------------------------------------------------- */

static void type1_is_libcryptos_and_opens_again(void)
{
	uint8_t msg[MAX], em[MAX], want[MAX];
	const uint8_t *t;
	size_t len;

	count_up(msg, sizeof(msg));
	for (size_t n = 0; n <= K - 11; n++) {
		T_EQ(wdp_rsa_pad_type1(em, K, msg, n), 0);
		T_EQ(RSA_padding_add_PKCS1_type_1(want, K, msg, (int)n), 1);
		T_MEM(em, want, K);
		T_EQ(wdp_rsa_unpad_type1(em, K, &t, &len), 0);
		T_EQ(len, n);
		T_MEM(t, msg, n);
	}
	T_EQ(wdp_rsa_pad_type1(em, K, msg, K - 10), -EINVAL);
	T_EQ(wdp_rsa_pad_type1(em, 10, msg, 0), -EINVAL);
}

static void type1_refuses_each_wrong_byte(void)
{
	uint8_t msg[20], em[K];
	const uint8_t *t;
	size_t len;

	count_up(msg, sizeof(msg));
	T_EQ(wdp_rsa_pad_type1(em, K, msg, sizeof(msg)), 0);
	for (size_t i = 0; i < K - sizeof(msg); i++) {
		em[i] ^= 0x40;
		T_EQ(wdp_rsa_unpad_type1(em, K, &t, &len), -EBADMSG);
		em[i] ^= 0x40;
	}
	/* Seven bytes of padding are one too few. */
	memset(em, 0xff, K);
	em[0] = em[9] = 0;
	em[1] = 1;
	T_EQ(wdp_rsa_unpad_type1(em, K, &t, &len), -EBADMSG);
	em[9] = 0xff;
	em[10] = 0;
	T_EQ(wdp_rsa_unpad_type1(em, K, &t, &len), 0);
	em[10] = 0xff;
	T_EQ(wdp_rsa_unpad_type1(em, K, &t, &len), -EBADMSG);
}

static void x931_is_libcryptos(void)
{
	uint8_t msg[MAX], em[MAX], want[MAX];

	count_up(msg, sizeof(msg));
	for (size_t n = 0; n <= K - 2; n++) {
		T_EQ(wdp_rsa_pad_x931(em, K, msg, n), 0);
		T_EQ(RSA_padding_add_X931(want, K, msg, (int)n), 1);
		T_MEM(em, want, K);
	}
	T_EQ(wdp_rsa_pad_x931(em, K, msg, K - 1), -EINVAL);
}

/* ---- type 2, TLS --------------------------------------------------------- */

static void type2_padding_never_has_a_zero(void)
{
	const uint8_t bytes[] = { 1, 0, 2, 0, 0, 3, 4, 0, 9 };
	struct script s = { bytes, sizeof(bytes), 0, 0, 0 };
	const struct wdp_rsa_random rnd = scripted(&s);
	uint8_t em[K], msg[4] = { 7, 0, 0, 7 };

	T_EQ(wdp_rsa_pad_type2(em, K, msg, sizeof(msg), &rnd), 0);
	T_EQ(em[0], 0);
	T_EQ(em[1], 2);
	for (size_t i = 2; i < K - 5; i++)
		T_OK(em[i] != 0);
	T_EQ(em[K - 5], 0);
	T_MEM(em + K - 4, msg, 4);
	T_EQ(wdp_rsa_pad_type2(em, K, em, K - 10, &rnd), -EINVAL);
}

static void type2_says_when_there_is_no_randomness(void)
{
	const uint8_t zeros[K] = { 0 };
	struct script s = { zeros, sizeof(zeros), 0, 1, 0 };
	const struct wdp_rsa_random rnd = scripted(&s);
	uint8_t em[K];

	T_EQ(wdp_rsa_pad_type2(em, K, NULL, 0, &rnd), -EIO);
	s = (struct script){ zeros, sizeof(zeros), 0, 2, 0 };
	T_EQ(wdp_rsa_pad_type2(em, K, NULL, 0, &rnd), -EIO);
}

static void type2_opens_what_libcrypto_made(void)
{
	uint8_t msg[MAX], em[MAX], out[MAX];
	size_t len;

	count_up(msg, sizeof(msg));
	for (size_t n = 0; n <= K - 11; n++) {
		T_EQ(RSA_padding_add_PKCS1_type_2(em, K, msg, (int)n), 1);
		memset(out, 0xee, sizeof(out));
		len = 999;
		T_EQ(wdp_rsa_unpad_type2(out, K, &len, em, K), 0);
		T_EQ(len, n);
		T_MEM(out, msg, n);
		for (size_t i = n; i < sizeof(out); i++)
			T_EQ(out[i], 0xee);
	}
}

/* A wrong block leaves length and output as they were. */
static void type2_refused(uint8_t *block, size_t size)
{
	uint8_t em[K], out[K], before[K];
	size_t len = 999;

	memcpy(em, block, K);
	memset(out, 0xee, sizeof(out));
	memset(before, 0xee, sizeof(before));
	T_EQ(wdp_rsa_unpad_type2(out, size, &len, em, K), -EBADMSG);
	T_EQ(len, 999);
	T_MEM(out, before, K);
}

static void type2_refuses_every_fault_and_writes_nothing(void)
{
	uint8_t em[K];

	memset(em, 0x11, K);
	em[0] = 0;
	em[1] = 2;
	type2_refused(em, K); /* no zero at all */
	em[9] = 0;
	type2_refused(em, K); /* seven bytes of padding */
	em[9] = 0x11;
	em[40] = 0;
	type2_refused(em, K - 42); /* one byte too little room */
	em[0] = 1;
	type2_refused(em, K);
	em[0] = 0;
	em[1] = 1;
	type2_refused(em, K);
	em[1] = 2;
	em[2] = 0;
	type2_refused(em, K); /* a zero at once */
}

static void type2_agrees_with_libcrypto_on_any_block(void)
{
	uint8_t em[K], copy[K], out[K], want[K];
	uint32_t x = 12345;

	for (int round = 0; round < 3000; round++) {
		size_t len = 0;
		int n, rc;

		for (size_t i = 0; i < K; i++) {
			x = x * 1664525 + 1013904223;
			em[i] = (uint8_t)(x >> 24);
		}
		em[0] = (uint8_t)(round % 7 == 0);
		em[1] = (uint8_t)(2 + (round % 11 == 0));
		if (round % 3)
			em[2 + x % (K - 2)] = 0;
		memcpy(copy, em, K);
		n = RSA_padding_check_PKCS1_type_2(want, K, em, K, K);
		rc = wdp_rsa_unpad_type2(out, K, &len, copy, K);
		T_EQ(rc, n < 0 ? -EBADMSG : 0);
		if (n >= 0) {
			T_EQ(len, n);
			T_MEM(out, want, len);
		}
	}
}

static void tls_block(uint8_t *em, uint8_t *secret, unsigned int version)
{
	count_up(secret, WDP_RSA_TLS_SECRET);
	secret[0] = (uint8_t)(version >> 8);
	secret[1] = (uint8_t)version;
	memset(em, 0x33, K);
	em[0] = 0;
	em[1] = 2;
	em[K - WDP_RSA_TLS_SECRET - 1] = 0;
	memcpy(em + K - WDP_RSA_TLS_SECRET, secret, WDP_RSA_TLS_SECRET);
}

static void tls_secret_comes_out_for_either_version(void)
{
	uint8_t em[K], secret[48], out[48];

	tls_block(em, secret, 0x0303);
	memset(out, 0xee, sizeof(out));
	wdp_rsa_unpad_tls(out, em, K, 0x0303, 0);
	T_MEM(out, secret, 48);

	memset(out, 0xee, sizeof(out));
	wdp_rsa_unpad_tls(out, em, K, 0x0304, 0x0303);
	T_MEM(out, secret, 48);
}

static void tls_secret_stays_random_for_every_fault(void)
{
	uint8_t em[K], secret[48], out[48], random[48];

	memset(random, 0xee, sizeof(random));
	tls_block(em, secret, 0x0303);
	memcpy(out, random, 48);
	wdp_rsa_unpad_tls(out, em, K, 0x0302, 0);
	T_MEM(out, random, 48);
	wdp_rsa_unpad_tls(out, em, K, 0x0302, 0x0301);
	T_MEM(out, random, 48);
	for (size_t i = 0; i < K - 46; i++) {
		uint8_t was = em[i];

		/* Header and separator: flip; padding: a zero too early. */
		em[i] = was == 0x33 ? 0 : (uint8_t)(was ^ 1);
		memcpy(out, random, 48);
		wdp_rsa_unpad_tls(out, em, K, 0x0303, 0);
		T_MEM(out, random, 48);
		em[i] = was;
	}
}

/* ---- OAEP ---------------------------------------------------------------- */

/* oaep-int.txt of the PKCS #1 v2.0 test vectors */
static void oaep_is_the_published_block(void)
{
	uint8_t seed[20], msg[16], want[K], em[K], out[K];
	struct script s = { seed, sizeof(seed), 0, 0, 0 };
	const struct wdp_rsa_random rnd = scripted(&s);
	const struct wdp_rsa_hash h = hash_of(EVP_sha1());
	const struct wdp_rsa_label none = { NULL, 0 };
	size_t len;

	t_hex(seed, sizeof(seed), "aafd12f659cae63489b479e5076ddec2f06cb58f");
	t_hex(msg, sizeof(msg), "d436e99569fd32a7c8a05bbc90d32c49");
	t_hex(want, sizeof(want),
	      "00eb7a19ace9e3006350e329504b45e2ca82310b26dcd87d5c68f1eea8f55267"
	      "c31b2e8bb4251f84d7e0b2c04626f5aff93edcfb25c9c2b3ff8ae10e839a2ddb"
	      "4cdcfe4ff47728b4a1b7c1362baad29ab48d2869d5024121435811591be392f9"
	      "82fb3e87d095aeb40448db972f3ac14f7bc275195281ce32d2f1b76d4d353e2"
	      "d");
	T_EQ(wdp_rsa_pad_oaep(em, K, &h, none, msg, sizeof(msg), &rnd), 0);
	T_MEM(em, want, K);
	T_EQ(wdp_rsa_unpad_oaep(out, K, &len, em, K, &h, none), 0);
	T_EQ(len, sizeof(msg));
	T_MEM(out, msg, sizeof(msg));
}

static void oaep_opens_what_libcrypto_made_and_back(void)
{
	const struct wdp_rsa_label label = { (const uint8_t *)"wd", 2 };
	struct wdp_rsa_hash h = hash_of(EVP_sha256());
	uint8_t msg[MAX], em[MAX], out[MAX];
	struct script s = { msg, sizeof(msg), 0, 0, 0 };
	const struct wdp_rsa_random rnd = scripted(&s);
	size_t len;

	h.mgf1 = EVP_sha1();
	count_up(msg, sizeof(msg));
	for (size_t n = 0; n <= K - 66; n++) {
		T_EQ(RSA_padding_add_PKCS1_OAEP_mgf1(em, K, msg, (int)n,
						     label.p, 2, EVP_sha256(),
						     EVP_sha1()),
		     1);
		T_EQ(wdp_rsa_unpad_oaep(out, K, &len, em, K, &h, label), 0);
		T_EQ(len, n);
		T_MEM(out, msg, n);
		T_EQ(wdp_rsa_pad_oaep(em, K, &h, label, msg, n, &rnd), 0);
		T_EQ(RSA_padding_check_PKCS1_OAEP_mgf1(out, K, em, K, K,
						       label.p, 2, EVP_sha256(),
						       EVP_sha1()),
		     (int)n);
		T_MEM(out, msg, n);
	}
	T_EQ(wdp_rsa_pad_oaep(em, K, &h, label, msg, K - 65, &rnd), -EINVAL);
	T_EQ(wdp_rsa_pad_oaep(em, 65, &h, label, msg, 0, &rnd), -EINVAL);
}

static void oaep_refuses_every_flipped_bit_and_another_label(void)
{
	const struct wdp_rsa_label label = { (const uint8_t *)"wd", 2 },
				   other = { (const uint8_t *)"we", 2 };
	const struct wdp_rsa_hash h = hash_of(EVP_sha256());
	uint8_t msg[8], em[K], copy[K], out[K];
	struct script s = { NULL, 0, 0, 0, 0 };
	const struct wdp_rsa_random rnd = scripted(&s);
	size_t len;

	count_up(msg, sizeof(msg));
	T_EQ(wdp_rsa_pad_oaep(em, K, &h, label, msg, sizeof(msg), &rnd), 0);
	for (size_t bit = 0; bit < K * 8; bit++) {
		memcpy(copy, em, K);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* The last bytes are the message, masked: they may change. */
		if (bit / 8 >= K - sizeof(msg))
			continue;
		T_EQ(wdp_rsa_unpad_oaep(out, K, &len, copy, K, &h, label),
		     -EBADMSG);
	}
	memcpy(copy, em, K);
	T_EQ(wdp_rsa_unpad_oaep(out, K, &len, copy, K, &h, other), -EBADMSG);
	memcpy(copy, em, K);
	T_EQ(wdp_rsa_unpad_oaep(out, sizeof(msg) - 1, &len, copy, K, &h, label),
	     -EBADMSG);
	s.fail = s.calls + 1;
	T_EQ(wdp_rsa_pad_oaep(em, K, &h, label, msg, sizeof(msg), &rnd), -EIO);
}

/* ---- PSS ----------------------------------------------------------------- */

/* A modulus of @bits bits, for the calls that take a key. */
static RSA *key_of(unsigned int bits)
{
	RSA *rsa = RSA_new();
	BIGNUM *n = BN_new(), *e = BN_new();

	BN_set_bit(n, (int)bits - 1);
	BN_set_bit(n, 0);
	BN_set_word(e, 65537);
	RSA_set0_key(rsa, n, e, NULL);
	return rsa;
}

static void pss_at(unsigned int bits)
{
	const struct wdp_rsa_hash h = hash_of(EVP_sha256());
	size_t k = (bits + 7) / 8;
	uint8_t digest[32], em[MAX], salt[MAX];
	struct script s = { salt, sizeof(salt), 0, 0, 0 };
	const struct wdp_rsa_random rnd = scripted(&s);
	int max = wdp_rsa_salt_max(bits, 32);
	RSA *rsa = key_of(bits);

	count_up(digest, sizeof(digest));
	count_up(salt, sizeof(salt));
	for (int n = 0; n <= max; n++) {
		T_EQ(wdp_rsa_pad_pss(em, bits, &h, digest, (size_t)n, &rnd), 0);
		T_EQ(RSA_verify_PKCS1_PSS_mgf1(rsa, digest, EVP_sha256(),
					       EVP_sha256(), em, n),
		     1);
		T_EQ(RSA_padding_add_PKCS1_PSS_mgf1(
			     rsa, em, digest, EVP_sha256(), EVP_sha256(), n),
		     1);
		T_EQ(wdp_rsa_check_pss(em, bits, &h, digest, n), 0);
	}
	T_EQ(wdp_rsa_pad_pss(em, bits, &h, digest, (size_t)max + 1, &rnd),
	     -EINVAL);
	T_EQ(k, (size_t)RSA_size(rsa));
	RSA_free(rsa);
}

static void pss_is_libcryptos_at_every_top_bit(void)
{
	for (unsigned int bits = 1017; bits <= 1025; bits++)
		pss_at(bits);
}

static void pss_refuses_every_flipped_bit(void)
{
	const struct wdp_rsa_hash h = hash_of(EVP_sha256());
	uint8_t digest[32], em[K], copy[K];
	struct script s = { NULL, 0, 0, 0, 0 };
	const struct wdp_rsa_random rnd = scripted(&s);

	count_up(digest, sizeof(digest));
	T_EQ(wdp_rsa_pad_pss(em, 1024, &h, digest, 32, &rnd), 0);
	for (size_t bit = 0; bit < K * 8; bit++) {
		memcpy(copy, em, K);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		T_EQ(wdp_rsa_check_pss(copy, 1024, &h, digest,
				       WDP_RSA_SALT_ANY),
		     -EBADMSG);
	}
	memcpy(copy, em, K);
	T_EQ(wdp_rsa_check_pss(copy, 1024, &h, digest, 31), -EBADMSG);
	memcpy(copy, em, K);
	T_EQ(wdp_rsa_check_pss(copy, 1024, &h, digest, WDP_RSA_SALT_ANY), 0);
	digest[0] ^= 1;
	memcpy(copy, em, K);
	T_EQ(wdp_rsa_check_pss(copy, 1024, &h, digest, 32), -EBADMSG);
	T_EQ(wdp_rsa_check_pss(copy, 256, &h, digest, 0), -EINVAL);
	T_EQ(wdp_rsa_pad_pss(em, 256, &h, digest, 0, &rnd), -EINVAL);
	s.fail = s.calls + 1;
	T_EQ(wdp_rsa_pad_pss(em, 1024, &h, digest, 1, &rnd), -EIO);
}

/* ---- digests ------------------------------------------------------------- */

/* The object identifier inside each prefix is the one libcrypto knows. */
static void digest_prefixes_hold_the_digests_own_oid(void)
{
	static const char *const names[] = {
		"SHA1",	      "SHA224",	    "SHA256",	 "SHA384",   "SHA512",
		"SHA512-224", "SHA512-256", "SHA3-224",	 "SHA3-256", "SHA3-384",
		"SHA3-512",   "MD5",	    "RIPEMD160",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		EVP_MD *md = EVP_MD_fetch(NULL, names[i], NULL);
		const struct wdp_rsa_digestinfo *d;
		const ASN1_OBJECT *oid;
		size_t n;

		T_OK(md);
		d = wdp_rsa_digestinfo(md);
		T_OK(d);
		oid = OBJ_nid2obj(EVP_MD_get_type(md));
		n = OBJ_length(oid);
		T_EQ(d->digest_len, EVP_MD_get_size(md));
		T_EQ(d->len, n + 10);
		T_EQ(d->der[1], d->len + d->digest_len - 2);
		T_EQ(d->der[3], n + 4);
		T_EQ(d->der[5], n);
		T_MEM(d->der + 6, OBJ_get0_data(oid), n);
		T_EQ(d->der[d->len - 1], d->digest_len);
		T_EQ(d->x931 ? d->x931 : -1,
		     RSA_X931_hash_id(EVP_MD_get_type(md)));
		EVP_MD_free(md);
	}
	T_EQ(wdp_rsa_digestinfo(EVP_md5_sha1())->len, 0);
	T_OK(!wdp_rsa_digestinfo(EVP_sm3()));
}

T_MAIN(T_CASE(type1_is_libcryptos_and_opens_again),
       T_CASE(type1_refuses_each_wrong_byte), T_CASE(x931_is_libcryptos),
       T_CASE(type2_padding_never_has_a_zero),
       T_CASE(type2_says_when_there_is_no_randomness),
       T_CASE(type2_opens_what_libcrypto_made),
       T_CASE(type2_refuses_every_fault_and_writes_nothing),
       T_CASE(type2_agrees_with_libcrypto_on_any_block),
       T_CASE(tls_secret_comes_out_for_either_version),
       T_CASE(tls_secret_stays_random_for_every_fault),
       T_CASE(oaep_is_the_published_block),
       T_CASE(oaep_opens_what_libcrypto_made_and_back),
       T_CASE(oaep_refuses_every_flipped_bit_and_another_label),
       T_CASE(pss_is_libcryptos_at_every_top_bit),
       T_CASE(pss_refuses_every_flipped_bit),
       T_CASE(digest_prefixes_hold_the_digests_own_oid))
