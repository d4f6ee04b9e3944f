/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything symmetric that wd offers, against the default provider, message by
 * message at random: lengths of 0 to 1 MiB, pieces, alignments, in place and
 * not, new keys and old, copies in mid-message, right tags and wrong ones.  What
 * OpenSSL 3.0 does not have is judged by libgcrypt.
 *
 * The offer is asked of the provider, so a new row is under test at once.
 * WD_SEED chooses other messages, WD_MESSAGES how many.
 */
#include <gcrypt.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "test/provider/sym.h"

#define LONGEST (1u << 20) /* bytes */
#define SLACK	128
#define OFFER	"wd.offload=yes"
#define ALGS	128

static uint8_t *in, *out, *mid; /* LONGEST and slack */
static uint8_t key[256], iv[64], aad[512], tag[16];
static unsigned long messages;
static char what[256];

/* ---- chance -------------------------------------------------------------- */

static unsigned int chance(unsigned int below)
{
	return sym_random(below);
}

static size_t length(size_t max)
{
	static const uint32_t below[] = { 100,	100,  100,   100,   1000,
					  1000, 5000, 20000, 20000, 150000 };
	size_t n =
		chance(100) ? chance(below[chance(10)]) : chance(LONGEST + 1);

	return n < max ? n : max;
}

/* Of what is left, this piece. */
static size_t piece(size_t left)
{
	return chance(3) ? left : length(left);
}

static void start(const char *device, const char *min_bytes)
{
	const char *seed = getenv("WD_SEED");

	setenv("WD_DEVICE", device, 1);
	if (min_bytes)
		setenv("WD_MIN_BYTES", min_bytes, 1);
	else
		unsetenv("WD_MIN_BYTES");
	sym_load(true);
	sym_seed(seed ? (uint32_t)strtoul(seed, NULL, 0) : 5);
	in = malloc(LONGEST + SLACK);
	out = malloc(LONGEST + SLACK);
	mid = malloc(LONGEST + SLACK);
	for (size_t i = 0; i < LONGEST + SLACK; i++)
		in[i] = (uint8_t)(i * 167 + (i >> 8) * 13);
}

static void stop(void)
{
	free(in);
	free(out);
	free(mid);
	sym_unload();
}

static void fresh(uint8_t *p, size_t n)
{
	sym_bytes(p, n);
	p[0] ^= (uint8_t)messages;
}

/* Runs @one; a failing claim says in which message. */
static void message(void (*one)(const void *), const void *arg)
{
	jmp_buf here, *outer = t_unwind;

	if (setjmp(here)) {
		fprintf(stderr, "  in message %lu: %s\n", messages, what);
		t_unwind = outer;
		longjmp(*outer, 1);
	}
	t_unwind = &here;
	one(arg);
	t_unwind = outer;
	messages++;
}

static unsigned long rounds(unsigned long usual)
{
	const char *n = getenv("WD_MESSAGES");

	return n ? strtoul(n, NULL, 0) : usual;
}

/* ---- ciphers both have --------------------------------------------------- */

struct cipher {
	char name[40];
	struct sym_pair pair;
	int mode, block;
	bool cts, aead, copies;
	uint8_t key[64];
	int keyed; /* for this direction; -1: not yet */
};

static struct cipher ciphers[ALGS];
static size_t n_ciphers;

/* Can the default provider's context be copied?  Not all of 3.0's can. */
static bool can_copy(const struct cipher *c)
{
	EVP_CIPHER_CTX *copy = EVP_CIPHER_CTX_new();
	bool ok = EVP_CIPHER_CTX_copy(copy, c->pair.ctx[1]) == 1;

	EVP_CIPHER_CTX_free(copy);
	return ok;
}

static void cipher_add(EVP_CIPHER *e, void *arg)
{
	const char *name = EVP_CIPHER_get0_name(e);
	EVP_CIPHER *ours = EVP_CIPHER_fetch(sym_wd, name, OFFER);
	EVP_CIPHER *theirs = EVP_CIPHER_fetch(NULL, name, "provider=default");
	struct cipher *c = &ciphers[n_ciphers];

	(void)arg;
	if (ours && theirs && n_ciphers < ALGS) {
		*c = (struct cipher){
			.pair = sym_open(name),
			.mode = EVP_CIPHER_get_mode(e),
			.block = EVP_CIPHER_get_block_size(e),
			.keyed = -1,
		};
		snprintf(c->name, sizeof(c->name), "%s", name);
		c->cts = strstr(name, "CTS");
		c->aead = c->mode == EVP_CIPH_GCM_MODE ||
			  c->mode == EVP_CIPH_CCM_MODE;
		c->copies = can_copy(c);
		n_ciphers++;
	}
	EVP_CIPHER_free(ours);
	EVP_CIPHER_free(theirs);
}

static void ciphers_open(void)
{
	n_ciphers = 0;
	EVP_CIPHER_do_all_provided(sym_wd, cipher_add, NULL);
	T_OK(n_ciphers > 0);
}

static void ciphers_close(void)
{
	for (size_t i = 0; i < n_ciphers; i++)
		sym_close(&ciphers[i].pair);
}

/* One update is one unit: a second one would be another message. */
static bool is_unit(const struct cipher *c)
{
	return c->cts || c->mode == EVP_CIPH_XTS_MODE ||
	       c->mode == EVP_CIPH_CCM_MODE;
}

static size_t message_length(const struct cipher *c)
{
	size_t n = length(LONGEST);

	if (c->mode == EVP_CIPH_CCM_MODE && n > 60000)
		n = 60000; /* any nonce will do */
	if ((c->cts || c->mode == EVP_CIPH_XTS_MODE) && n < 16)
		n += 16;
	if (c->block > 1 && !c->cts && chance(2))
		n -= n % (unsigned int)c->block;
	return n;
}

/* CCM wants to know. */
static void say_length(struct cipher *c, size_t len)
{
	int n;

	if (c->mode != EVP_CIPH_CCM_MODE)
		return;
	for (int i = 0; i < 2; i++)
		T_EQ(EVP_CipherUpdate(c->pair.ctx[i], NULL, &n, NULL, (int)len),
		     1);
}

static void say_aad(struct cipher *c, size_t len)
{
	size_t at = 0, n;
	int got;

	if (c->mode == EVP_CIPH_CCM_MODE) {
		if (len)
			sym_update(&c->pair, NULL, &got, aad, (int)len);
		return;
	}
	for (; at < len; at += n) {
		n = piece(len - at);
		n += !n;
		sym_update(&c->pair, NULL, &got, aad + at, (int)n);
	}
}

static void one_shot(struct cipher *c, uint8_t *to, const uint8_t *from,
		     size_t len)
{
	uint8_t *theirs = malloc(len + 32);
	int rc[2];

	rc[0] = EVP_Cipher(c->pair.ctx[0], to, from, (unsigned int)len);
	rc[1] = EVP_Cipher(c->pair.ctx[1], theirs, from, (unsigned int)len);
	T_EQ(rc[0], rc[1]);
	if (rc[0] > 0)
		T_MEM(to, theirs, len);
	free(theirs);
}

/* @from to @to in pieces.  In place only when libcrypto holds nothing. */
static size_t data(struct cipher *c, uint8_t *to, const uint8_t *from,
		   size_t total)
{
	bool in_place = !chance(3) && (c->block == 1 || is_unit(c));
	size_t at = 0, put = 0, len;
	int n;

	if (in_place && total)
		memcpy(to, from, total);
	if (in_place)
		from = to;
	/* Whether final() does an empty message differs by version. */
	if (c->mode == EVP_CIPH_CCM_MODE && !total)
		sym_update(&c->pair, to, &n, from, 0);
	for (; at < total; at += len) {
		len = is_unit(c) ? total : piece(total - at);
		if (c->copies && !chance(6))
			sym_copy(&c->pair);
		if (sym_update(&c->pair, to + put, &n, from + at, (int)len) !=
		    1)
			break;
		put += (size_t)n;
	}
	return put;
}

/*
 * How the message is set up; @tag_len and @iv_len of an AEAD.  What is opened
 * was sealed with the key there is.  Without a key for the other direction
 * default goes on with the one for this, so always give one then.
 */
static void begin(struct cipher *c, int encrypt, int iv_len, int tag_len)
{
	const uint8_t *k = c->keyed != encrypt || chance(3) ? c->key : NULL;

	if (k && (encrypt || !c->aead))
		fresh(c->key, sizeof(c->key));
	c->keyed = encrypt;
	if (c->mode == EVP_CIPH_CCM_MODE) { /* before the key */
		sym_init(&c->pair, NULL, NULL, encrypt);
		sym_ctrl(&c->pair, EVP_CTRL_AEAD_SET_IVLEN, iv_len, NULL);
		sym_ctrl(&c->pair, EVP_CTRL_AEAD_SET_TAG, tag_len,
			 encrypt ? NULL : tag);
		sym_init(&c->pair, c->key, iv, encrypt);
		return;
	}
	if (c->mode == EVP_CIPH_GCM_MODE) {
		sym_init(&c->pair, k, NULL, encrypt);
		sym_ctrl(&c->pair, EVP_CTRL_AEAD_SET_IVLEN, iv_len, NULL);
		sym_init(&c->pair, NULL, iv, encrypt);
		return;
	}
	sym_init(&c->pair, k, iv, encrypt);
}

static void cts_mode(struct cipher *c)
{
	static char modes[3][4] = { "CS1", "CS2", "CS3" };
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_CIPHER_PARAM_CTS_MODE,
						 modes[chance(3)], 0),
		OSSL_PARAM_construct_end(),
	};

	for (int i = 0; i < 2; i++)
		T_EQ(EVP_CIPHER_CTX_set_params(c->pair.ctx[i], p), 1);
}

static void plain_message(const void *arg)
{
	struct cipher *c = (struct cipher *)(uintptr_t)arg;
	size_t total = message_length(c), put;
	uint8_t *to = out + chance(16);
	const uint8_t *from = in + chance(64);
	int encrypt = (int)chance(2), pad = (int)chance(2), n;

	snprintf(what, sizeof(what), "%s, %zu bytes, encrypt %d, padding %d",
		 c->name, total, encrypt, pad);
	fresh(iv, 16);
	begin(c, encrypt, 0, 0);
	if (c->cts)
		cts_mode(c);
	for (int i = 0; i < 2; i++)
		EVP_CIPHER_CTX_set_padding(c->pair.ctx[i], pad);
	if (!pad && !is_unit(c) && !chance(8)) {
		one_shot(c, to, from, total - total % (size_t)c->block);
		return;
	}
	put = data(c, to, from, total);
	sym_final(&c->pair, to + put, &n);
	sym_same_ivs(&c->pair);
}

/* There and back; the tag is right or not. */
static void aead_message(const void *arg)
{
	struct cipher *c = (struct cipher *)(uintptr_t)arg;
	bool ccm = c->mode == EVP_CIPH_CCM_MODE, bad = !chance(4);
	size_t total = message_length(c), extra = length(sizeof(aad));
	int iv_len = ccm	 ? (int)(7 + chance(7))
		     : chance(4) ? 12
				 : (int)(1 + chance(64));
	int tag_len = ccm ? (int)(4 + 2 * chance(7)) : (int)(8 + chance(9)), n;
	uint8_t *to = out + chance(16), *back = mid + chance(16);

	snprintf(what, sizeof(what),
		 "%s, %zu bytes, IV %d, AAD %zu, tag %d, %s", c->name, total,
		 iv_len, extra, tag_len, bad ? "wrong" : "right");
	if (ccm && iv_len == 13 && total > 65535)
		total = 65535;
	fresh(iv, sizeof(iv));
	begin(c, 1, iv_len, tag_len);
	say_length(c, total);
	say_aad(c, extra);
	data(c, to, in + chance(64), total);
	T_EQ(sym_final(&c->pair, to + total, &n), 1);
	sym_get(&c->pair, EVP_CTRL_AEAD_GET_TAG, tag_len, tag);
	sym_same_ivs(&c->pair);

	tag[chance((unsigned int)tag_len)] ^= (uint8_t)bad;
	begin(c, 0, iv_len, tag_len);
	if (!ccm && chance(2))
		sym_ctrl(&c->pair, EVP_CTRL_AEAD_SET_TAG, tag_len, tag);
	say_length(c, total);
	say_aad(c, extra);
	data(c, back, to, total);
	if (!ccm)
		sym_ctrl(&c->pair, EVP_CTRL_AEAD_SET_TAG, tag_len, tag);
	if (!ccm)
		T_EQ(sym_final(&c->pair, back + total, &n), !bad);
	sym_same_ivs(&c->pair);
}

static void ciphers_are_the_same(unsigned long times)
{
	ciphers_open();
	for (unsigned long i = 0; i < times; i++) {
		struct cipher *c = &ciphers[i % n_ciphers];

		message(c->aead ? aead_message : plain_message, c);
	}
	ciphers_close();
}

/* ---- ciphers default does not have --------------------------------------- */

static const struct other {
	const char *name;
	int mode;
	size_t key_len;
} others[] = {
	{ "SM4-GCM", GCRY_CIPHER_MODE_GCM, 16 },
	{ "SM4-CCM", GCRY_CIPHER_MODE_CCM, 16 },
	{ "SM4-XTS", GCRY_CIPHER_MODE_XTS, 32 },
};

static void gcrypt_says(const struct other *x, const uint8_t *from, size_t len,
			size_t extra, size_t iv_len, size_t tag_len,
			uint8_t *to, uint8_t *want_tag)
{
	uint64_t ccm[3] = { len, extra, tag_len };
	gcry_cipher_hd_t h;

	T_EQ(gcry_cipher_open(&h, GCRY_CIPHER_SM4, x->mode, 0), 0);
	T_EQ(gcry_cipher_setkey(h, key, x->key_len), 0);
	T_EQ(gcry_cipher_setiv(h, iv, iv_len), 0);
	if (x->mode == GCRY_CIPHER_MODE_CCM)
		T_EQ(gcry_cipher_ctl(h, GCRYCTL_SET_CCM_LENGTHS, ccm,
				     sizeof(ccm)),
		     0);
	if (tag_len && extra)
		T_EQ(gcry_cipher_authenticate(h, aad, extra), 0);
	T_EQ(gcry_cipher_encrypt(h, to, len, from, len), 0);
	if (tag_len)
		T_EQ(gcry_cipher_gettag(h, want_tag, tag_len), 0);
	gcry_cipher_close(h);
}

static void other_data(EVP_CIPHER_CTX *x, bool whole, uint8_t *to,
		       const uint8_t *from, size_t total)
{
	size_t at = 0, len;
	int n;

	for (; at < total; at += len) {
		len = whole ? total : piece(total - at);
		T_EQ(EVP_CipherUpdate(x, to + at, &n, from + at, (int)len), 1);
		T_EQ(n, len);
	}
}

static void other_begin(EVP_CIPHER_CTX *x, const struct other *o, int encrypt,
			size_t len, size_t extra, size_t iv_len, size_t tag_len)
{
	char ieee[] = "IEEE";
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string("xts_standard", ieee, 0),
		OSSL_PARAM_construct_end(),
	};
	int n;

	T_EQ(EVP_CipherInit_ex2(x, NULL, NULL, NULL, encrypt,
				tag_len ? NULL : p),
	     1);
	if (tag_len) {
		T_EQ(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_IVLEN,
					 (int)iv_len, NULL),
		     1);
		if (!encrypt || o->mode == GCRY_CIPHER_MODE_CCM)
			T_EQ(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG,
						 (int)tag_len,
						 encrypt ? NULL : tag),
			     1);
	}
	T_EQ(EVP_CipherInit_ex2(x, NULL, key, iv, encrypt, NULL), 1);
	if (o->mode == GCRY_CIPHER_MODE_CCM)
		T_EQ(EVP_CipherUpdate(x, NULL, &n, NULL, (int)len), 1);
	if (tag_len && extra)
		T_EQ(EVP_CipherUpdate(x, NULL, &n, aad, (int)extra), 1);
}

static void other_message(const void *arg)
{
	const struct other *o = arg;
	EVP_CIPHER *c = EVP_CIPHER_fetch(sym_wd, o->name, OFFER);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	bool xts = o->mode == GCRY_CIPHER_MODE_XTS;
	bool ccm = o->mode == GCRY_CIPHER_MODE_CCM;
	size_t total = length(ccm ? 60000 : LONGEST), iv_len = xts ? 16 : 12;
	size_t extra = xts ? 0 : length(sizeof(aad)), tag_len = xts ? 0 : 16;
	const uint8_t *from = in + chance(64);
	uint8_t want_tag[16];
	int n;

	total += xts && total < 16 ? 16 : 0;
	snprintf(what, sizeof(what), "%s, %zu bytes, AAD %zu", o->name, total,
		 extra);
	fresh(key, 64);
	fresh(iv, 16);
	T_EQ(EVP_CipherInit_ex2(x, c, NULL, NULL, 1, NULL), 1);
	other_begin(x, o, 1, total, extra, iv_len, tag_len);
	other_data(x, xts || ccm, out, from, total);
	T_EQ(EVP_CipherFinal_ex(x, out + total, &n), 1);
	gcrypt_says(o, from, total, extra, iv_len, tag_len, mid, want_tag);
	T_MEM(out, mid, total);
	if (tag_len) {
		T_EQ(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
		T_MEM(tag, want_tag, 16);
	}
	other_begin(x, o, 0, total, extra, iv_len, tag_len);
	other_data(x, xts || ccm, mid, out, total);
	if (!ccm)
		T_EQ(EVP_CipherFinal_ex(x, mid + total, &n), 1);
	T_MEM(mid, from, total);
	EVP_CIPHER_CTX_free(x);
	EVP_CIPHER_free(c);
}

static void others_are_libgcrypts(unsigned long times)
{
	for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
		EVP_CIPHER *c = EVP_CIPHER_fetch(sym_wd, others[k].name, OFFER);

		for (unsigned long i = 0; c && i < times; i++)
			message(other_message, &others[k]);
		EVP_CIPHER_free(c);
	}
}

/* ---- digests ------------------------------------------------------------- */

static EVP_MD *digests[ALGS][2];
static size_t n_digests;

static void digest_add(EVP_MD *md, void *arg)
{
	const char *name = EVP_MD_get0_name(md);

	(void)arg;
	digests[n_digests][0] = EVP_MD_fetch(sym_wd, name, OFFER);
	digests[n_digests][1] = EVP_MD_fetch(NULL, name, "provider=default");
	if (digests[n_digests][0] && digests[n_digests][1] &&
	    n_digests < ALGS - 1) {
		n_digests++;
		return;
	}
	EVP_MD_free(digests[n_digests][0]);
	EVP_MD_free(digests[n_digests][1]);
}

static void digest_message(const void *arg)
{
	EVP_MD *const *md = arg;
	EVP_MD_CTX *x = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
	uint8_t got[64] = { 0 }, again[64] = { 0 }, want[64] = { 0 };
	size_t total = length(LONGEST), at = 0, len;
	const uint8_t *from = in + chance(64);
	bool copied = false;

	snprintf(what, sizeof(what), "%s, %zu bytes", EVP_MD_get0_name(md[0]),
		 total);
	for (int used = (int)chance(2); used >= 0; used--) {
		T_EQ(EVP_DigestInit_ex2(x, md[0], NULL), 1);
		if (used) /* given up in the middle */
			T_EQ(EVP_DigestUpdate(x, in, length(5000)), 1);
	}
	for (; at < total; at += len) {
		len = piece(total - at);
		if (!copied && !chance(4)) {
			copied = true;
			T_EQ(EVP_MD_CTX_copy_ex(copy, x), 1);
			T_EQ(EVP_DigestUpdate(copy, from + at, total - at), 1);
		}
		T_EQ(EVP_DigestUpdate(x, from + at, len), 1);
	}
	T_EQ(EVP_DigestFinal_ex(x, got, NULL), 1);
	T_EQ(EVP_Digest(from, total, want, NULL, md[1], NULL), 1);
	T_MEM(got, want, sizeof(want));
	if (copied) {
		T_EQ(EVP_DigestFinal_ex(copy, again, NULL), 1);
		T_MEM(again, want, sizeof(want));
	}
	EVP_MD_CTX_free(x);
	EVP_MD_CTX_free(copy);
}

static void digests_are_the_same(unsigned long times)
{
	n_digests = 0;
	EVP_MD_do_all_provided(sym_wd, digest_add, NULL);
	T_OK(n_digests > 0);
	for (unsigned long i = 0; i < times; i++)
		message(digest_message, digests[i % n_digests]);
	for (size_t i = 0; i < n_digests; i++) {
		EVP_MD_free(digests[i][0]);
		EVP_MD_free(digests[i][1]);
	}
}

/* ---- MACs ---------------------------------------------------------------- */

static const struct mac {
	const char *name, *cipher, *digest;
	size_t key_len; /* 0: any */
} macs[] = {
	{ "HMAC", NULL, "MD5", 0 },
	{ "HMAC", NULL, "SHA1", 0 },
	{ "HMAC", NULL, "SHA2-224", 0 },
	{ "HMAC", NULL, "SHA2-256", 0 },
	{ "HMAC", NULL, "SHA2-384", 0 },
	{ "HMAC", NULL, "SHA2-512", 0 },
	{ "HMAC", NULL, "SHA2-512/224", 0 },
	{ "HMAC", NULL, "SHA2-512/256", 0 },
	{ "HMAC", NULL, "SM3", 0 },
	{ "HMAC", NULL, "SHA3-256", 0 },
	{ "CMAC", "AES-128-CBC", NULL, 16 },
	{ "CMAC", "AES-192-CBC", NULL, 24 },
	{ "CMAC", "AES-256-CBC", NULL, 32 },
	{ "CMAC", "CAMELLIA-128-CBC", NULL, 16 },
	{ "GMAC", "AES-128-GCM", NULL, 16 },
	{ "GMAC", "AES-192-GCM", NULL, 24 },
	{ "GMAC", "AES-256-GCM", NULL, 32 },
};

static size_t mac_key_length(const struct mac *m)
{
	if (m->key_len)
		return m->key_len;
	return chance(4) ? 1 + chance(64) : 1 + chance(200);
}

static EVP_MAC_CTX *mac_begin(const struct mac *m, OSSL_LIB_CTX *lib,
			      const char *props, size_t key_len, size_t iv_len)
{
	EVP_MAC *mac = EVP_MAC_fetch(lib, m->name, props);
	EVP_MAC_CTX *x = EVP_MAC_CTX_new(mac);
	OSSL_PARAM p[4], *at = p;

	EVP_MAC_free(mac);
	if (m->cipher)
		*at++ = OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_CIPHER, (char *)(uintptr_t)m->cipher, 0);
	if (m->digest)
		*at++ = OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)m->digest, 0);
	if (*m->name == 'G')
		*at++ = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, iv,
							  iv_len);
	*at = OSSL_PARAM_construct_end();
	T_EQ(EVP_MAC_init(x, key, key_len, p), 1);
	return x;
}

static void mac_is(EVP_MAC_CTX *x, const uint8_t *want, size_t size)
{
	uint8_t got[64];
	size_t n = 0;

	T_EQ(EVP_MAC_final(x, got, &n, sizeof(got)), 1);
	T_EQ(n, size);
	T_MEM(got, want, n);
}

static void mac_message(const void *arg)
{
	const struct mac *m = arg;
	size_t key_len = mac_key_length(m), iv_len = chance(4) ? 12 : 16;
	size_t total = length(LONGEST), at = 0, len, size = 0;
	const uint8_t *from = in + chance(64);
	EVP_MAC_CTX *x, *theirs, *copy = NULL;
	uint8_t want[64];

	snprintf(what, sizeof(what), "%s %s%s, %zu bytes, key of %zu", m->name,
		 m->cipher ? m->cipher : "", m->digest ? m->digest : "", total,
		 key_len);
	fresh(key, sizeof(key));
	fresh(iv, 16);
	theirs = mac_begin(m, NULL, "provider=default", key_len, iv_len);
	T_EQ(EVP_MAC_update(theirs, from, total), 1);
	T_EQ(EVP_MAC_final(theirs, want, &size, sizeof(want)), 1);
	x = mac_begin(m, sym_wd, OFFER, key_len, iv_len);
	for (; at < total; at += len) {
		len = piece(total - at);
		if (!copy && !chance(4)) {
			copy = EVP_MAC_CTX_dup(x);
			T_OK(copy);
			T_EQ(EVP_MAC_update(copy, from + at, total - at), 1);
		}
		T_EQ(EVP_MAC_update(x, from + at, len), 1);
	}
	mac_is(x, want, size);
	if (copy)
		mac_is(copy, want, size);
	if (*m->name == 'H' && chance(2)) { /* the same key again */
		T_EQ(EVP_MAC_init(x, NULL, 0, NULL), 1);
		T_EQ(EVP_MAC_update(x, from, total), 1);
		mac_is(x, want, size);
	}
	EVP_MAC_CTX_free(x);
	EVP_MAC_CTX_free(copy);
	EVP_MAC_CTX_free(theirs);
}

static void macs_are_the_same(unsigned long times)
{
	bool have[sizeof(macs) / sizeof(macs[0])];

	for (size_t i = 0; i < sizeof(have); i++) {
		EVP_MAC *m = EVP_MAC_fetch(sym_wd, macs[i].name, OFFER);

		have[i] = m;
		EVP_MAC_free(m);
	}
	for (unsigned long i = 0; i < times; i++)
		if (have[i % sizeof(have)])
			message(mac_message, &macs[i % sizeof(have)]);
}

/* ---- all ----------------------------------------------------------------- */

static void on(const char *device, const char *min_bytes, unsigned long times)
{
	times = rounds(times);
	start(device, min_bytes);
	ciphers_are_the_same(times * 4);
	others_are_libgcrypts(times / 4);
	digests_are_the_same(times * 2);
	macs_are_the_same(times * 2);
	stop();
}

static void kunpeng920_is_as_default(void)
{
	on("emu:kunpeng920,inline", "0", 4000);
}

static void kunpeng930_is_as_default(void)
{
	on("emu:kunpeng930,inline", "0", 4000);
}

static void without_shared_addressing_too(void)
{
	on("emu:kunpeng920,nosva,inline", "0", 1500);
	on("emu:kunpeng930,nosva,inline", "0", 1500);
}

static void with_the_usual_thresholds_too(void)
{
	on("emu:kunpeng920,inline", NULL, 2500);
	on("emu:kunpeng930,inline", NULL, 2500);
}

static void so_with_failing_jobs(void)
{
	on("emu:inline,fault=sec.status/5", "0", 1500);
}

static void it_was_enough_to_say_so(void)
{
	printf("%lu messages\n", messages);
	T_OK(messages >= 50000 || getenv("WD_MESSAGES"));
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(kunpeng920_is_as_default),
		T_CASE(kunpeng930_is_as_default),
		T_CASE(without_shared_addressing_too),
		T_CASE(with_the_usual_thresholds_too),
		T_CASE(so_with_failing_jobs),
		T_CASE(it_was_enough_to_say_so),
	};

	gcry_check_version(NULL);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	return t_main(cases, sizeof(cases) / sizeof(cases[0]), argc, argv);
}
