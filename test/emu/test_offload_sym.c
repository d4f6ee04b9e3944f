/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every symmetric kind of job on the device model, of both generations, with
 * and without SVA, apart, over itself and paused.  Judged by OpenSSL's default
 * provider; what OpenSSL 3.0 lacks, by published values.
 */
#include <errno.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/wd_base.h"
#include "emu/emu_host.h"
#include "offload/offload_priv.h"
#include "offload/slot.h"
#include "test/fibre.h"
#include "test/t.h"

#define DATA 20000u

static struct offload *o;
static uint8_t key[128], iv[16], aad[40], plain[DATA];

static void start(const char *options)
{
	struct offload_config cfg;
	struct uacce_host *host;

	offload_config_init(&cfg);
	memset(cfg.min_bytes, 0, sizeof(cfg.min_bytes));
	cfg.timeout_ms = 20000;
	T_EQ(wd_emu_host(&host, options), 0);
	T_EQ(offload_new_on(&o, &cfg, host), 0);
	for (size_t i = 0; i < DATA; i++)
		plain[i] = (uint8_t)(i * 5 + i / 256);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * i + 17);
	memset(iv, 0xff, sizeof(iv)); /* counters run over */
	iv[0] = 0x5c;
	memset(aad, 0xaa, sizeof(aad));
}

static void stop(void)
{
	offload_free(o);
	o = NULL;
}

static const char *const boards[] = { "kunpeng920", "kunpeng930",
				      "nosva,kunpeng920", "nosva,kunpeng930" };

static bool is_v3(void)
{
	return offload_qm_version(o, UACCE_SEC) >= 3;
}

/* ---- one job, three ways -------------------------------------------------- */

enum way { APART, OVER_ITSELF, PAUSED, WAYS };

static int run_on(struct fibre *f)
{
	return offload_cipher(o, f->arg, &f->w);
}

static int run_paused(struct offload_cipher *op)
{
	struct fibre f;

	fibre_init(&f, false);
	fibre_start(&f, run_on, op);
	while (!f.done) {
		usleep(20);
		if (f.woken)
			fibre_resume(&f);
	}
	while (atomic_load(&f.pins))
		usleep(10);
	fibre_free(&f);
	return f.rc;
}

static int run(struct offload_cipher *op, enum way way)
{
	return way == PAUSED ? run_paused(op) : offload_cipher(o, op, NULL);
}

/* ---- ciphers -------------------------------------------------------------- */

struct cipher {
	enum offload_kind kind;
	enum sec_cipher_alg alg;
	const char *name, *cts;
	uint8_t key_len, iv_len, tag_len;
	uint8_t unit; /* bytes */
	bool v3;      /* only */
};

/* clang-format off */
static const struct cipher ciphers[] = {
	{ OFFLOAD_AES_ECB, SEC_AES_ECB, "AES-192-ECB", NULL, 24, 0, 0, 16, false },
	{ OFFLOAD_AES_CBC, SEC_AES_CBC, "AES-128-CBC", NULL, 16, 16, 0, 16, false },
	{ OFFLOAD_AES_CBC, SEC_AES_CBC, "AES-192-CBC", NULL, 24, 16, 0, 16, false },
	{ OFFLOAD_AES_CBC, SEC_AES_CBC, "AES-256-CBC", NULL, 32, 16, 0, 16, false },
	{ OFFLOAD_AES_CTR, SEC_AES_CTR, "AES-256-CTR", NULL, 32, 16, 0, 1, false },
	{ OFFLOAD_AES_CFB, SEC_AES_CFB, "AES-128-CFB", NULL, 16, 16, 0, 1, true },
	{ OFFLOAD_AES_OFB, SEC_AES_OFB, "AES-192-OFB", NULL, 24, 16, 0, 1, true },
	{ OFFLOAD_AES_XTS, SEC_AES_XTS, "AES-128-XTS", NULL, 32, 16, 0, 1, false },
	{ OFFLOAD_AES_XTS, SEC_AES_XTS, "AES-256-XTS", NULL, 64, 16, 0, 1, false },
	{ OFFLOAD_AES_CTS, SEC_AES_CBC_CS1, "AES-128-CBC-CTS", "CS1", 16, 16, 0, 1, false },
	{ OFFLOAD_AES_CTS, SEC_AES_CBC_CS2, "AES-192-CBC-CTS", "CS2", 24, 16, 0, 1, false },
	{ OFFLOAD_AES_CTS, SEC_AES_CBC_CS3, "AES-256-CBC-CTS", "CS3", 32, 16, 0, 1, false },
	{ OFFLOAD_AES_GCM, SEC_AES_GCM, "AES-128-GCM", NULL, 16, 12, 16, 1, false },
	{ OFFLOAD_AES_GCM, SEC_AES_GCM, "AES-192-GCM", NULL, 24, 12, 12, 1, false },
	{ OFFLOAD_AES_GCM, SEC_AES_GCM, "AES-256-GCM", NULL, 32, 12, 8, 1, false },
	{ OFFLOAD_AES_CCM, SEC_AES_CCM, "AES-128-CCM", NULL, 16, 12, 16, 1, false },
	{ OFFLOAD_AES_CCM, SEC_AES_CCM, "AES-192-CCM", NULL, 24, 7, 4, 1, false },
	{ OFFLOAD_AES_CCM, SEC_AES_CCM, "AES-256-CCM", NULL, 32, 13, 8, 1, false },
	{ OFFLOAD_SM4_ECB, SEC_SM4_ECB, "SM4-ECB", NULL, 16, 0, 0, 16, false },
	{ OFFLOAD_SM4_CBC, SEC_SM4_CBC, "SM4-CBC", NULL, 16, 16, 0, 16, false },
	{ OFFLOAD_SM4_CTR, SEC_SM4_CTR, "SM4-CTR", NULL, 16, 16, 0, 1, false },
	{ OFFLOAD_SM4_CFB, SEC_SM4_CFB, "SM4-CFB", NULL, 16, 16, 0, 1, true },
	{ OFFLOAD_SM4_OFB, SEC_SM4_OFB, "SM4-OFB", NULL, 16, 16, 0, 1, true },
	{ OFFLOAD_DES3, SEC_DES3_ECB, "DES-EDE3-ECB", NULL, 24, 0, 0, 8, false },
	{ OFFLOAD_DES3, SEC_DES3_CBC, "DES-EDE3-CBC", NULL, 24, 8, 0, 8, false },
	{ OFFLOAD_DES3, SEC_DES3_CBC, "DES-EDE-CBC", NULL, 16, 8, 0, 8, false },
};
/* clang-format on */

static bool is_ccm(const struct cipher *c)
{
	return c->kind == OFFLOAD_AES_CCM;
}

static void software(const struct cipher *c, const uint8_t *text, size_t len,
		     uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER *e = EVP_CIPHER_fetch(NULL, c->name, "provider=default");
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	char cts[4] = "";
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_CIPHER_PARAM_CTS_MODE,
						 cts, 0),
		OSSL_PARAM_construct_end(),
	};
	int n;

	if (c->cts)
		memcpy(cts, c->cts, sizeof(cts));
	T_OK(EVP_EncryptInit_ex2(x, e, NULL, NULL, c->cts ? p : NULL));
	if (c->tag_len)
		T_OK(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_IVLEN, c->iv_len,
					 NULL) > 0);
	if (is_ccm(c))
		T_OK(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, c->tag_len,
					 NULL) > 0);
	T_OK(EVP_EncryptInit_ex2(x, NULL, key, iv, NULL));
	EVP_CIPHER_CTX_set_padding(x, 0);
	if (is_ccm(c))
		T_OK(EVP_EncryptUpdate(x, NULL, &n, NULL, (int)len));
	if (c->tag_len)
		T_OK(EVP_EncryptUpdate(x, NULL, &n, aad, sizeof(aad)));
	T_OK(EVP_EncryptUpdate(x, out, &n, text, (int)len));
	T_EQ(n, (int)len);
	T_OK(EVP_EncryptFinal_ex(x, out + n, &n));
	if (c->tag_len)
		T_OK(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, c->tag_len,
					 tag) > 0);
	EVP_CIPHER_CTX_free(x);
	EVP_CIPHER_free(e);
}

static struct offload_cipher cipher_op(const struct cipher *c, size_t len)
{
	return (struct offload_cipher){
		.kind = c->kind,
		.alg = c->alg,
		.encrypt = true,
		.key = key,
		.key_len = c->key_len,
		.iv = c->iv_len ? iv : NULL,
		.iv_len = c->iv_len,
		.aad = c->tag_len ? aad : NULL,
		.aad_len = c->tag_len ? sizeof(aad) : 0,
		.len = (uint32_t)len,
		.tag_len = c->tag_len,
	};
}

static void bad_tag(struct offload_cipher op, enum way way)
{
	op.tag[op.tag_len - 1] ^= 0x80;
	T_EQ(run(&op, way), -EBADMSG);
}

static void there_and_back(const struct cipher *c, size_t len, enum way way)
{
	static uint8_t a[DATA], b[DATA], want[DATA + 16];
	struct offload_cipher op = cipher_op(c, len);
	uint8_t want_tag[16], tag[16] = { 0 };

	if (c->v3 && !is_v3()) {
		T_OK(!offload_has_cipher(o, c->kind, c->alg));
		return;
	}
	T_OK(offload_has_cipher(o, c->kind, c->alg));
	software(c, plain, len, want, want_tag);
	memcpy(a, plain, len);
	op.in = a;
	op.out = way == OVER_ITSELF ? a : b;
	op.tag = c->tag_len ? tag : NULL;
	T_EQ(run(&op, way), 0);
	if (memcmp(op.out, want, len) || memcmp(tag, want_tag, c->tag_len))
		t_fail(__FILE__, __LINE__, "%s, %zu bytes, way %d", c->name,
		       len, way);
	op.in = op.out;
	op.out = way == APART ? a : b;
	op.encrypt = false;
	T_EQ(run(&op, way), 0);
	T_MEM(op.out, plain, len);
	if (c->tag_len)
		bad_tag(op, way);
}

static void every_cipher_on(const char *options)
{
	static const uint32_t sizes[] = { 17, 48, 16384 };

	start(options);
	for (size_t i = 0; i < WD_ARRAY_SIZE(ciphers); i++)
		for (size_t k = 0; k < WD_ARRAY_SIZE(sizes); k++)
			for (int w = 0; w < WAYS; w++)
				there_and_back(&ciphers[i],
					       sizes[k] / ciphers[i].unit *
						       ciphers[i].unit,
					       w);
	stop();
}

static void every_cipher_is_right(void)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(boards); i++)
		every_cipher_on(boards[i]);
}

/* ---- SM4 modes OpenSSL 3.0 does not have ---------------------------------- */

#define SM4_KEY                                                                \
	"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10"
#define SM4_NONCE "\x00\x00\x12\x34\x56\x78\x00\x00\x00\x00\xab\xcd"
#define SM4_AAD                                                                \
	"\xfe\xed\xfa\xce\xde\xad\xbe\xef\xfe\xed\xfa\xce\xde\xad\xbe\xef\xab" \
	"\xad\xda\xd2"
#define XTS_KEY                                                                \
	"\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c\x00" \
	"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
#define XTS_TWEAK                                                              \
	"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff"

/* RFC 8998, A.1 and A.2; XTS: docs/hw/sec.md#worked. */
static const struct vector {
	enum offload_kind kind;
	enum sec_cipher_alg alg;
	bool v3;
	uint8_t len;
	const char *out, *tag;
} vectors[] = {
	{ OFFLOAD_SM4_GCM, SEC_SM4_GCM, true, 64,
	  "\x17\xf3\x99\xf0\x8c\x67\xd5\xee\x19\xd0\xdc\x99\x69\xc4\xbb\x7d"
	  "\x5f\xd4\x6f\xd3\x75\x64\x89\x06\x91\x57\xb2\x82\xbb\x20\x07\x35"
	  "\xd8\x27\x10\xca\x5c\x22\xf0\xcc\xfa\x7c\xbf\x93\xd4\x96\xac\x15"
	  "\xa5\x68\x34\xcb\xcf\x98\xc3\x97\xb4\x02\x4a\x26\x91\x23\x3b\x8d",
	  "\x83\xde\x35\x41\xe4\xc2\xb5\x81\x77\xe0\x65\xa9\xbf\x7b\x62\xec" },
	{ OFFLOAD_SM4_CCM, SEC_SM4_CCM, true, 64,
	  "\x48\xaf\x93\x50\x1f\xa6\x2a\xdb\xcd\x41\x4c\xce\x60\x34\xd8\x95"
	  "\xdd\xa1\xbf\x8f\x13\x2f\x04\x20\x98\x66\x15\x72\xe7\x48\x30\x94"
	  "\xfd\x12\xe5\x18\xce\x06\x2c\x98\xac\xee\x28\xd9\x5d\xf4\x41\x6b"
	  "\xed\x31\xa2\xf0\x44\x76\xc1\x8b\xb4\x0c\x84\xa7\x4b\x97\xdc\x5b",
	  "\x16\x84\x2d\x4f\xa1\x86\xf5\x6a\xb3\x32\x56\x97\x1f\xa1\x10\xf4" },
	{ OFFLOAD_SM4_XTS, SEC_SM4_XTS, false, 48,
	  "\xe9\x53\x82\x51\xc7\x1d\x7b\x80\xbb\xe4\x48\x3f\xef\x49\x7b\xd1"
	  "\xb3\xdb\x1a\x3e\x60\x40\x8c\x57\x5d\x63\xff\x7d\xb3\x9f\x83\x26"
	  "\x27\xd1\x6c\x0d\xb6\xd2\xcf\xc7\x41\x31\x46\x42\xed\x88\x07\x9d",
	  NULL },
	{ OFFLOAD_SM4_XTS, SEC_SM4_XTS_GB, true, 48,
	  "\xe9\x53\x82\x51\xc7\x1d\x7b\x80\xbb\xe4\x48\x3f\xef\x49\x7b\xd1"
	  "\x2c\x5c\x58\x1b\xd6\x24\x2f\xc5\x1e\x08\x96\x4f\xb4\xf6\x0f\xdb"
	  "\x90\x3b\xe7\xf9\x3a\x1b\x34\x79\xd0\x4f\xec\xcf\xb8\x20\x30\x2c",
	  NULL },
};

/* Four times sixteen aa, bb, ... of the RFC; the tweaked text. */
static void vector_in(const struct vector *v, uint8_t *in)
{
	static const uint8_t pairs[] = { 0xaa, 0xbb, 0xcc, 0xdd,
					 0xee, 0xff, 0xee, 0xaa };
	static const uint8_t text[48] =
		"\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17"
		"\x2a\xae\x2d\x8a\x57\x1e\x03\xac\x9c\x9e\xb7\x6f\xac\x45\xaf"
		"\x8e\x51\x30\xc8\x1c\x46\xa3\x5c\xe4\x11\xe5\xfb\xc1\x19\x1a"
		"\x0a\x52\xef";

	for (unsigned int i = 0; v->tag && i < sizeof(pairs); i++)
		memset(in + i * 8ul, pairs[i], 8);
	if (!v->tag)
		memcpy(in, text, sizeof(text));
}

static void vector_is_right(const struct vector *v, enum way way)
{
	uint8_t in[64], out[64], tag[16];
	struct offload_cipher op = {
		.kind = v->kind,
		.alg = v->alg,
		.encrypt = true,
		.key = (const uint8_t *)(v->tag ? SM4_KEY : XTS_KEY),
		.key_len = v->tag ? 16 : 32,
		.iv = (const uint8_t *)(v->tag ? SM4_NONCE : XTS_TWEAK),
		.iv_len = v->tag ? 12 : 16,
		.aad = (const uint8_t *)SM4_AAD,
		.aad_len = v->tag ? 20 : 0,
		.in = in,
		.out = way == OVER_ITSELF ? in : out,
		.len = v->len,
		.tag = tag,
		.tag_len = v->tag ? 16 : 0,
	};

	T_EQ(offload_has_cipher(o, v->kind, v->alg), !v->v3 || is_v3());
	if (v->v3 && !is_v3())
		return;
	vector_in(v, in);
	T_EQ(run(&op, way), 0);
	T_MEM(op.out, v->out, v->len);
	if (v->tag)
		T_MEM(tag, v->tag, 16);
}

static void sm4_modes_are_the_standards(void)
{
	for (size_t b = 0; b < WD_ARRAY_SIZE(boards); b++) {
		start(boards[b]);
		for (size_t i = 0; i < WD_ARRAY_SIZE(vectors); i++)
			for (int w = 0; w < WAYS; w++)
				vector_is_right(&vectors[i], w);
		stop();
	}
}

/* ---- digests and MACs ----------------------------------------------------- */

static const struct {
	enum offload_kind kind;
	enum sec_digest_alg alg;
	const char *name;
} digests[] = {
	{ OFFLOAD_SM3, SEC_SM3, "SM3" },
	{ OFFLOAD_MD5, SEC_MD5, "MD5" },
	{ OFFLOAD_SHA1, SEC_SHA1, "SHA1" },
	{ OFFLOAD_SHA256, SEC_SHA224, "SHA224" },
	{ OFFLOAD_SHA256, SEC_SHA256, "SHA256" },
	{ OFFLOAD_SHA512, SEC_SHA384, "SHA384" },
	{ OFFLOAD_SHA512, SEC_SHA512, "SHA512" },
	{ OFFLOAD_SHA512, SEC_SHA512_224, "SHA512-224" },
	{ OFFLOAD_SHA512, SEC_SHA512_256, "SHA512-256" },
};

#define MESSAGE (6400u + 128 + 3001)

static void pieces_are(struct offload_digest op, const uint8_t *want)
{
	static const struct {
		enum sec_part part;
		uint32_t from, len;
	} piece[] = { { SEC_FIRST, 0, 6400 },
		      { SEC_MIDDLE, 6400, 128 },
		      { SEC_LAST, 6528, 3001 } };

	for (size_t i = 0; i < WD_ARRAY_SIZE(piece); i++) {
		op.part = piece[i].part;
		op.in = plain + piece[i].from;
		op.len = piece[i].len;
		op.total_bits = MESSAGE * 8ull;
		T_EQ(offload_digest(o, &op, NULL), 0);
	}
	T_MEM(op.state, want, sec_digest_size(op.alg));
}

static void digest_is_right(size_t i, size_t key_len)
{
	uint8_t state[64], want[64];
	struct offload_digest op = {
		.kind = key_len ? OFFLOAD_HMAC : digests[i].kind,
		.alg = digests[i].alg,
		.part = SEC_ONE_SHOT,
		.in = plain,
		.len = MESSAGE,
		.state = state,
		.key = key_len ? key : NULL,
		.key_len = (uint8_t)key_len,
	};

	if (key_len)
		T_OK(EVP_Q_mac(NULL, "HMAC", NULL, digests[i].name, NULL, key,
			       key_len, plain, MESSAGE, want, sizeof(want),
			       NULL));
	else
		T_OK(EVP_Q_digest(NULL, digests[i].name, NULL, plain, MESSAGE,
				  want, NULL));
	T_EQ(offload_digest(o, &op, NULL), 0);
	T_MEM(state, want, sec_digest_size(op.alg));
	pieces_are(op, want);
}

static void empty_is_right(size_t i)
{
	uint8_t state[64], want[64];
	struct offload_digest op = { .kind = digests[i].kind,
				     .alg = digests[i].alg,
				     .part = SEC_ONE_SHOT,
				     .state = state };

	T_OK(EVP_Q_digest(NULL, digests[i].name, NULL, "", 0, want, NULL));
	T_EQ(offload_digest(o, &op, NULL), is_v3() ? 0 : -EINVAL);
	if (is_v3())
		T_MEM(state, want, sec_digest_size(op.alg));
}

static void every_digest_and_hmac_is_right(void)
{
	for (size_t b = 0; b < WD_ARRAY_SIZE(boards); b++) {
		start(boards[b]);
		for (size_t i = 0; i < WD_ARRAY_SIZE(digests); i++) {
			digest_is_right(i, 0);
			digest_is_right(i, 20);
			digest_is_right(i, sec_digest_block(digests[i].alg));
			empty_is_right(i);
		}
		stop();
	}
}

static void mac_is_right(enum offload_kind kind, enum sec_mac_alg alg,
			 size_t key_len, uint32_t len)
{
	static const char *const gcm[] = { "AES-128-GCM", "AES-192-GCM",
					   "AES-256-GCM" };
	uint8_t want[16], got[16];
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_CIPHER,
			(char *)(uintptr_t)gcm[key_len / 8 - 2], 0),
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, iv, 12),
		OSSL_PARAM_construct_end(),
	};
	bool gmac = alg == SEC_AES_GMAC;
	struct offload_mac op = { .kind = kind,
				  .alg = alg,
				  .key = key,
				  .key_len = (uint8_t)key_len,
				  .iv = gmac ? iv : NULL,
				  .in = plain,
				  .len = len,
				  .mac = got };

	T_EQ(offload_has_mac(o, kind, alg), is_v3());
	if (!is_v3()) {
		T_EQ(offload_mac(o, &op, NULL), -EINVAL);
		return;
	}
	T_OK(EVP_Q_mac(NULL, gmac ? "GMAC" : "CMAC", NULL,
		       gmac ? NULL : "AES-128-CBC", gmac ? p : NULL, key,
		       key_len, plain, len, want, sizeof(want), NULL));
	T_EQ(offload_mac(o, &op, NULL), 0);
	T_MEM(got, want, sizeof(want));
}

static void every_mac_is_right(void)
{
	static const uint32_t sizes[] = { 1, 16, 77, 16384 };

	for (size_t b = 0; b < WD_ARRAY_SIZE(boards); b++) {
		start(boards[b]);
		mac_is_right(OFFLOAD_AES_GMAC, SEC_AES_GMAC, 16, 0);
		for (size_t i = 0; i < WD_ARRAY_SIZE(sizes); i++) {
			mac_is_right(OFFLOAD_AES_CMAC, SEC_AES_CMAC, 16,
				     sizes[i]);
			for (size_t k = 16; k <= 32; k += 8)
				mac_is_right(OFFLOAD_AES_GMAC, SEC_AES_GMAC, k,
					     sizes[i]);
		}
		stop();
	}
}

/* V3 alone: the tag of a message that is nothing but AAD, or nothing. */
static void empty_payloads_have_a_tag_on_v3(void)
{
	static const size_t at[] = { 12, 15 }; /* GCM, CCM */

	for (size_t b = 0; b < WD_ARRAY_SIZE(boards); b++) {
		start(boards[b]);
		for (size_t i = 0; i < WD_ARRAY_SIZE(at); i++) {
			struct offload_cipher op =
				cipher_op(&ciphers[at[i]], 0);
			uint8_t want[16], tag[16], none[16];

			op.tag = tag;
			T_EQ(run(&op, APART), is_v3() ? 0 : -EINVAL);
			if (!is_v3())
				continue;
			software(&ciphers[at[i]], plain, 0, none, want);
			T_MEM(tag, want, 16);
			op.encrypt = false;
			T_EQ(run(&op, PAUSED), 0);
			op.aad_len = 0;
			T_EQ(run(&op, APART), -EBADMSG);
		}
		stop();
	}
}

/* ---- long messages -------------------------------------------------------- */

static void long_message(const struct cipher *c, uint32_t len, enum way way)
{
	uint8_t *a = malloc(len), *b = malloc(len), *want = malloc(len + 16);
	struct offload_cipher op = cipher_op(c, len);
	uint8_t want_tag[16], tag[16] = { 0 };
	struct offload_stats before, after;

	for (uint32_t i = 0; i < len; i++)
		a[i] = (uint8_t)(i * 7 + i / 300);
	software(c, a, len, want, want_tag);
	op.in = a;
	op.out = way == OVER_ITSELF ? a : b;
	op.tag = c->tag_len ? tag : NULL;
	offload_stats(o, &before);
	T_EQ(run(&op, way), 0);
	offload_stats(o, &after);
	T_EQ(after.kind[c->kind].jobs, before.kind[c->kind].jobs + 1);
	if (memcmp(op.out, want, len) || memcmp(tag, want_tag, c->tag_len))
		t_fail(__FILE__, __LINE__, "%s, %u bytes, way %d", c->name, len,
		       way);
	free(a);
	free(b);
	free(want);
}

/* AES: XTS, CTS, GCM, CCM; none of them can be split. */
static void long_messages_are_one_descriptor(void)
{
	static const size_t at[] = { 8, 11, 14, 15 };

	for (size_t b = 0; b < WD_ARRAY_SIZE(boards); b++) {
		start(boards[b]);
		for (size_t i = 0; i < WD_ARRAY_SIZE(at); i++)
			for (int w = 0; w < WAYS; w++) {
				long_message(&ciphers[at[i]], 70001, w);
				long_message(&ciphers[at[i]], 1u << 20, w);
			}
		stop();
	}
}

/* No entry of a list has more than 8 MiB, and AAD makes a list. */
static void the_longest_message_is_right(void)
{
	start("kunpeng930");
	long_message(&ciphers[14], SEC_LEN_MAX - sizeof(aad), APART);
	long_message(&ciphers[14], SEC_LEN_MAX - sizeof(aad), OVER_ITSELF);
	long_message(&ciphers[4], SEC_LEN_MAX, APART);
	stop();
}

static void long_macs_and_digests_without_sva(void)
{
	uint8_t *text = calloc(1, 1u << 20), got[64], want[64];
	struct offload_digest dg = { .kind = OFFLOAD_SHA512,
				     .alg = SEC_SHA384,
				     .part = SEC_ONE_SHOT,
				     .in = text,
				     .len = 1u << 20,
				     .state = got };
	struct offload_mac mac = { .kind = OFFLOAD_AES_CMAC,
				   .alg = SEC_AES_CMAC,
				   .key = key,
				   .key_len = 16,
				   .in = text,
				   .len = 1u << 20,
				   .mac = got };

	start("nosva,kunpeng930");
	T_OK(EVP_Q_digest(NULL, "SHA384", NULL, text, dg.len, want, NULL));
	T_EQ(offload_digest(o, &dg, NULL), 0);
	T_MEM(got, want, 48);
	T_OK(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, 16, text,
		       mac.len, want, sizeof(want), NULL));
	T_EQ(offload_mac(o, &mac, NULL), 0);
	T_MEM(got, want, 16);
	stop();
	free(text);
}

T_MAIN(T_CASE(every_cipher_is_right), T_CASE(sm4_modes_are_the_standards),
       T_CASE(every_digest_and_hmac_is_right), T_CASE(every_mac_is_right),
       T_CASE(empty_payloads_have_a_tag_on_v3),
       T_CASE(long_messages_are_one_descriptor),
       T_CASE(the_longest_message_is_right),
       T_CASE(long_macs_and_digests_without_sva))
