/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the codecs write, the engines run: the two sides share tables and
 * nothing else, so this is where a difference in reading them shows.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/wd_base.h"
#include "hw/hpre/hpre.h"
#include "hw/sec/sec.h"
#include "test/emu/bus.h"
#include "test/t.h"

static struct bus bus;

static int run_sec(const struct sec_codec *c, struct sec_sqe *sqe,
		   unsigned int qm)
{
	struct emu_job job = { .sqe = sqe->w,
			       .dma = &bus.dma,
			       .qm_version = qm };

	T_EQ(c->result(sqe), -EINPROGRESS);
	emu_sec.run(&job);
	return c->result(sqe);
}

static bool is_ccm(enum sec_cipher_alg alg)
{
	return alg == SEC_AES_CCM || alg == SEC_SM4_CCM;
}

static struct sec_cipher_op cipher_op(enum sec_cipher_alg alg)
{
	struct sec_cipher_op op = {
		.alg = alg,
		.encrypt = true,
		.key_len = 16,
		.len = 64,
		.key = bus_alloc(&bus, 64, 16, 0),
		.iv = bus_alloc(&bus, 16, 16, 0),
		.mac = bus_alloc(&bus, 16, 16, 0),
		.src = bus_alloc(&bus, 256, 64, 0),
		.tag = 0x4321,
	};

	op.dst = bus_alloc(&bus, 256, 64, 0);
	op.b0 = bus_alloc(&bus, 16, 16, 0);
	if (alg == SEC_AES_GCM || alg == SEC_SM4_GCM || is_ccm(alg)) {
		op.tag_len = 16;
		op.aad_len = 20;
	}
	return op;
}

/* Encrypt to dst, decrypt back over src: the text must come back. */
static void there_and_back(unsigned int qm, struct sec_cipher_op op)
{
	const struct sec_codec *c = sec_codec(qm);
	uint8_t text[256], again[256];
	struct sec_sqe sqe;
	uint64_t seed = 1, src = op.src;

	noise_fill(&seed, text, sizeof(text));
	bus_put(&bus, op.src, text, sizeof(text));
	T_EQ(c->cipher(&sqe, &op), 0);
	T_EQ(run_sec(c, &sqe, qm), 0);
	T_EQ(c->tag(&sqe), 0x4321);
	bus_put(&bus, op.dst, text, op.aad_len);
	bus_put(&bus, op.src, (uint8_t[256]){ 0 }, 256);
	op.encrypt = false;
	op.src = op.dst;
	op.dst = src;
	T_EQ(c->cipher(&sqe, &op), 0);
	T_EQ(run_sec(c, &sqe, qm), 0);
	bus_get(&bus, src + op.aad_len, again, op.len);
	T_MEM(again, text + op.aad_len, op.len);
}

/* A nonce, where the algorithm wants one in blocks of its own; halves of a
 * key that differ, where it wants two. */
static void lay_out(const struct sec_cipher_op *op)
{
	static const uint8_t nonce[12] = { 1, 2, 3 };
	uint8_t ctr[16], b0[16], key[64];
	uint64_t seed = 3;

	noise_fill(&seed, key, sizeof(key));
	bus_put(&bus, op->key, key, sizeof(key));
	if (!is_ccm(op->alg))
		return;
	T_EQ(sec_ccm_blocks(ctr, b0, op, nonce, sizeof(nonce)), 0);
	bus_put(&bus, op->iv, ctr, sizeof(ctr));
	bus_put(&bus, op->b0, b0, sizeof(b0));
}

static unsigned int every_key(unsigned int qm, enum sec_cipher_alg alg,
			      uint32_t len)
{
	static const uint8_t keys[] = { 16, 24, 32, 64 };
	unsigned int ran = 0;

	for (size_t i = 0; i < sizeof(keys); i++) {
		struct sec_cipher_op op;
		struct sec_sqe sqe;

		bus_open(&bus, 0);
		op = cipher_op(alg);
		op.len = len;
		op.key_len = keys[i];
		if (!sec_codec(qm)->cipher(&sqe, &op)) {
			lay_out(&op);
			there_and_back(qm, op);
			ran++;
		}
		bus_close(&bus);
	}
	return ran;
}

/* What the codec offers, the engine does: whole blocks, then 61 bytes. */
static void every_cipher_goes_there_and_back(void)
{
	for (unsigned int qm = 2; qm <= 3; qm++)
		for (unsigned int a = 0; a < SEC_CIPHER_ALGS; a++) {
			bool offers = sec_offers_cipher(sec_codec(qm), a);

			T_EQ(every_key(qm, a, 64) > 0, offers);
			every_key(qm, a, 61);
		}
}

static const struct named {
	enum sec_cipher_alg alg;
	uint8_t key_len;
	const char *name, *cts;
	uint32_t len; /* bytes */
} named[] = {
	{ SEC_AES_ECB, 16, "AES-128-ECB", NULL, 64 },
	{ SEC_AES_CBC, 24, "AES-192-CBC", NULL, 64 },
	{ SEC_AES_CFB, 32, "AES-256-CFB", NULL, 61 },
	{ SEC_AES_OFB, 16, "AES-128-OFB", NULL, 61 },
	{ SEC_AES_CTR, 32, "AES-256-CTR", NULL, 61 },
	{ SEC_AES_XTS, 32, "AES-128-XTS", NULL, 61 },
	{ SEC_AES_XTS, 64, "AES-256-XTS", NULL, 64 },
	{ SEC_AES_CBC_CS1, 16, "AES-128-CBC-CTS", "CS1", 61 },
	{ SEC_AES_CBC_CS2, 24, "AES-192-CBC-CTS", "CS2", 61 },
	{ SEC_AES_CBC_CS2, 24, "AES-192-CBC-CTS", "CS2", 64 },
	{ SEC_AES_CBC_CS3, 32, "AES-256-CBC-CTS", "CS3", 61 },
	{ SEC_AES_CBC_CS3, 32, "AES-256-CBC-CTS", "CS3", 64 },
	{ SEC_SM4_ECB, 16, "SM4-ECB", NULL, 64 },
	{ SEC_SM4_CBC, 16, "SM4-CBC", NULL, 64 },
	{ SEC_SM4_CFB, 16, "SM4-CFB", NULL, 61 },
	{ SEC_SM4_OFB, 16, "SM4-OFB", NULL, 61 },
	{ SEC_SM4_CTR, 16, "SM4-CTR", NULL, 61 },
	{ SEC_DES3_ECB, 24, "DES-EDE3-ECB", NULL, 64 },
	{ SEC_DES3_CBC, 24, "DES-EDE3-CBC", NULL, 56 },
	{ SEC_DES3_CBC, 16, "DES-EDE-CBC", NULL, 56 },
};

static void expected(const struct named *n, const uint8_t *key,
		     const uint8_t *iv, const uint8_t *in, uint8_t *out)
{
	char cts[4] = "";
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_CIPHER_PARAM_CTS_MODE,
						 cts, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, n->name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;

	if (n->cts)
		memcpy(cts, n->cts, 4);
	T_EQ(EVP_EncryptInit_ex2(ctx, c, key, iv, n->cts ? p : NULL), 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	T_EQ(EVP_EncryptUpdate(ctx, out, &len, in, (int)n->len), 1);
	T_EQ(len, n->len);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
}

static void ciphers_are_what_their_names_say(void)
{
	for (unsigned int qm = 2; qm <= 3; qm++)
		for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
			const struct named *n = &named[i];
			const struct sec_codec *c = sec_codec(qm);
			uint8_t key[64], iv[16], in[64], want[80], got[64];
			uint64_t seed = 4;
			struct sec_cipher_op op;
			struct sec_sqe sqe;

			if (!sec_offers_cipher(c, n->alg))
				continue;
			bus_open(&bus, 0);
			op = cipher_op(n->alg);
			op.key_len = n->key_len;
			op.len = n->len;
			noise_fill(&seed, key, sizeof(key));
			noise_fill(&seed, iv, sizeof(iv));
			noise_fill(&seed, in, sizeof(in));
			bus_put(&bus, op.key, key, sizeof(key));
			bus_put(&bus, op.iv, iv, sizeof(iv));
			bus_put(&bus, op.src, in, sizeof(in));
			T_EQ(c->cipher(&sqe, &op), 0);
			T_EQ(run_sec(c, &sqe, qm), 0);
			bus_get(&bus, op.dst, got, n->len);
			expected(n, key, iv, in, want);
			if (memcmp(got, want, n->len))
				t_fail(__FILE__, __LINE__, "%s %s, V%u",
				       n->name, n->cts ? n->cts : "", qm);
			bus_close(&bus);
		}
}

static void every_hmac_guards_cbc(void)
{
	for (unsigned int qm = 2; qm <= 3; qm++)
		for (unsigned int d = 0; d < SEC_DIGEST_ALGS; d++) {
			const struct sec_codec *c = sec_codec(qm);
			struct sec_authenc_op op = { .alg = d, .key_len = 32 };
			struct sec_sqe sqe;

			if (!sec_offers_authenc(c, SEC_AES_CBC, d))
				continue;
			bus_open(&bus, 0);
			op.cipher = cipher_op(SEC_AES_CBC);
			op.cipher.aad_len = 13;
			op.cipher.tag_len = 20;
			op.cipher.mac = bus_alloc(&bus, 64, 16, 0);
			op.key = bus_alloc(&bus, 64, 16, 0);
			T_EQ(c->authenc(&sqe, &op), 0);
			T_EQ(run_sec(c, &sqe, qm), 0);
			op.cipher.encrypt = false;
			op.cipher.src = op.cipher.dst;
			T_EQ(c->authenc(&sqe, &op), 0);
			T_EQ(run_sec(c, &sqe, qm), 0);
			bus_put(&bus, op.cipher.mac, "spoilt", 6);
			T_EQ(c->authenc(&sqe, &op), 0);
			T_EQ(run_sec(c, &sqe, qm), -EBADMSG);
			bus_close(&bus);
		}
}

/* AAD and payload apart, as a TLS record has them. */
static void a_two_entry_list_carries_a_record(void)
{
	for (unsigned int qm = 2; qm <= 3; qm++) {
		const struct sec_codec *c = sec_codec(qm);
		struct sec_cipher_op flat, listed;
		struct sec_sqe sqe;
		struct sec_sgl sgl;
		uint8_t want[80], got[80];
		uint64_t aad, text, out;

		bus_open(&bus, 1);
		flat = listed = cipher_op(SEC_AES_GCM);
		flat.aad_len = listed.aad_len = 13;
		flat.len = listed.len = 61;
		T_EQ(c->cipher(&sqe, &flat), 0);
		T_EQ(run_sec(c, &sqe, qm), 0);
		bus_get(&bus, flat.mac, want, 16);
		bus_get(&bus, flat.dst + 13, want + 16, 61);

		aad = bus_alloc(&bus, 13, 64, 3);
		text = bus_alloc(&bus, 61, 64, 7);
		out = bus_alloc(&bus, 61, 64, 9);
		listed.src = bus_alloc(&bus, sizeof(sgl), 64, 0);
		listed.dst = bus_alloc(&bus, sizeof(sgl), 64, 0);
		listed.src_sgl = listed.dst_sgl = true;
		bus_get(&bus, flat.src, got, 74);
		bus_put(&bus, aad, got, 13);
		bus_put(&bus, text, got + 13, 61);
		sec_sgl_init(&sgl, 2);
		T_EQ(sec_sgl_add(&sgl, aad, 13), 0);
		T_EQ(sec_sgl_add(&sgl, text, 61), 0);
		bus_put(&bus, listed.src, &sgl, sizeof(sgl));
		sec_sgl_init(&sgl, 2);
		T_EQ(sec_sgl_add(&sgl, aad, 13), 0);
		T_EQ(sec_sgl_add(&sgl, out, 61), 0);
		bus_put(&bus, listed.dst, &sgl, sizeof(sgl));
		T_EQ(c->cipher(&sqe, &listed), 0);
		T_EQ(run_sec(c, &sqe, qm), 0);
		bus_get(&bus, listed.mac, got, 16);
		bus_get(&bus, out, got + 16, 61);
		T_MEM(got, want, 77);
		bus_close(&bus);
	}
}

static void a_spoilt_tag_is_a_bad_message(void)
{
	for (unsigned int qm = 2; qm <= 3; qm++) {
		const struct sec_codec *c = sec_codec(qm);
		struct sec_cipher_op op;
		struct sec_sqe sqe;

		bus_open(&bus, 0);
		op = cipher_op(SEC_AES_GCM);
		op.encrypt = false;
		T_EQ(c->cipher(&sqe, &op), 0);
		T_EQ(run_sec(c, &sqe, qm), -EBADMSG);
		bus_close(&bus);
	}
}

static void an_address_out_of_reach_is_an_error(void)
{
	for (unsigned int qm = 2; qm <= 3; qm++) {
		const struct sec_codec *c = sec_codec(qm);
		struct sec_cipher_op op;
		struct sec_sqe sqe;

		bus_open(&bus, 0);
		op = cipher_op(SEC_AES_CBC);
		op.dst = 0x1000;
		T_EQ(c->cipher(&sqe, &op), 0);
		T_EQ(run_sec(c, &sqe, qm), -EIO);
		bus_close(&bus);
	}
}

static const struct digest {
	enum sec_digest_alg alg;
	const char *name;
} digests[SEC_DIGEST_ALGS] = {
	{ SEC_SHA256, "SHA256" },
	{ SEC_SM3, "SM3" },
	{ SEC_MD5, "MD5" },
	{ SEC_SHA1, "SHA1" },
	{ SEC_SHA224, "SHA224" },
	{ SEC_SHA384, "SHA384" },
	{ SEC_SHA512, "SHA512" },
	{ SEC_SHA512_224, "SHA512-224" },
	{ SEC_SHA512_256, "SHA512-256" },
};

#define MESSAGE 512 /* bytes */

struct message {
	uint8_t bytes[MESSAGE], key[32];
	uint64_t src, mac, key_at;
};

static void message_put(struct message *m)
{
	uint64_t seed = 2;

	noise_fill(&seed, m->bytes, sizeof(m->bytes));
	noise_fill(&seed, m->key, sizeof(m->key));
	m->src = bus_alloc(&bus, sizeof(m->bytes), 64, 0);
	m->mac = bus_alloc(&bus, 64, 64, 0);
	m->key_at = bus_alloc(&bus, sizeof(m->key), 64, 0);
	bus_put(&bus, m->src, m->bytes, sizeof(m->bytes));
	bus_put(&bus, m->key_at, m->key, sizeof(m->key));
}

/* The message's first blocks one by one, then 77 bytes; 0 blocks: one shot. */
static void in_pieces(unsigned int qm, const struct digest *d,
		      const struct message *m, unsigned int blocks, bool hmac)
{
	const struct sec_codec *c = sec_codec(qm);
	const uint32_t block = (uint32_t)sec_digest_block(d->alg);
	const uint32_t total = blocks * block + 77;
	uint8_t want[64], got[64];
	size_t size = 0;

	for (unsigned int i = 0; i <= blocks; i++) {
		const bool last = i == blocks;
		struct sec_digest_op op = {
			.alg = d->alg,
			.part = !blocks ? SEC_ONE_SHOT
				: last	? SEC_LAST
				: i	? SEC_MIDDLE
					: SEC_FIRST,
			.len = last ? 77 : block,
			.total_bits = last && blocks ? 8ull * total : 0,
			.src = m->src + (uint64_t)i * block,
			.mac = m->mac,
			.key_len = hmac ? sizeof(m->key) : 0,
			.key = m->key_at,
		};
		struct sec_sqe sqe;

		T_EQ(c->digest(&sqe, &op), 0);
		T_EQ(run_sec(c, &sqe, qm), 0);
	}
	if (hmac)
		T_OK(EVP_Q_mac(NULL, "HMAC", NULL, d->name, NULL, m->key,
			       sizeof(m->key), m->bytes, total, want,
			       sizeof(want), &size));
	else
		T_OK(EVP_Q_digest(NULL, d->name, NULL, m->bytes, total, want,
				  &size));
	T_EQ(size, sec_digest_size(d->alg));
	bus_get(&bus, m->mac, got, size);
	if (memcmp(got, want, size))
		t_fail(__FILE__, __LINE__, "%s%s, %u blocks before, V%u",
		       hmac ? "HMAC of " : "", d->name, blocks, qm);
}

static void every_digest_and_hmac_whole_and_in_pieces(void)
{
	for (unsigned int qm = 2; qm <= 3; qm++)
		for (size_t d = 0; d < SEC_DIGEST_ALGS; d++)
			for (unsigned int blocks = 0; blocks <= 2; blocks++) {
				static struct message m;

				bus_open(&bus, 0);
				message_put(&m);
				in_pieces(qm, &digests[d], &m, blocks, false);
				in_pieces(qm, &digests[d], &m, blocks, true);
				bus_close(&bus);
			}
}

static void mac_is(const struct sec_mac_op *op, const uint8_t *want)
{
	const struct sec_codec *c = sec_codec(3);
	struct sec_sqe sqe;
	uint8_t got[16];

	T_EQ(c->mac(&sqe, op), 0);
	T_EQ(run_sec(c, &sqe, 3), 0);
	bus_get(&bus, op->mac, got, 16);
	T_MEM(got, want, 16);
}

static void cmac_and_gmac_are_the_standards(void)
{
	static const uint8_t zero_iv[16];
	static char gcm[] = "AES-256-GCM";
	static struct message m;
	uint8_t want[16], iv[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, gcm, 0),
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, iv, 12),
		OSSL_PARAM_construct_end(),
	};
	struct sec_mac_op op;
	size_t size;

	bus_open(&bus, 0);
	message_put(&m);
	op = (struct sec_mac_op){
		.alg = SEC_AES_CMAC,
		.key_len = 16,
		.len = 77,
		.key = m.key_at,
		.iv = bus_alloc(&bus, 16, 16, 0),
		.src = m.src,
		.mac = m.mac,
	};
	T_OK(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, m.key, 16,
		       m.bytes, 77, want, sizeof(want), &size));
	mac_is(&op, want);
	op.alg = SEC_AES_GMAC;
	op.key_len = 32;
	bus_put(&bus, op.iv, zero_iv, 16);
	bus_put(&bus, op.iv, iv, 12);
	T_OK(EVP_Q_mac(NULL, "GMAC", NULL, NULL, p, m.key, 32, m.bytes, 77,
		       want, sizeof(want), &size));
	mac_is(&op, want);
	bus_close(&bus);
}

/* 2^e mod n, small enough to see: e = 5, n = 2^1023 + 1, so 32. */
static void a_modular_exponentiation_runs(void)
{
	uint8_t key[256], e = 5, n[128] = { 0x80 }, in[128] = { 0 }, out[128];
	struct hpre_num en = { &e, 1 }, nn = { n, sizeof(n) };
	struct hpre_op op = { .alg = HPRE_ALG_MODEXP, .width = 128 };
	struct hpre_sqe sqe;
	struct emu_job job = { .sqe = sqe.w, .dma = &bus.dma };

	bus_open(&bus, 0);
	n[127] = 1;
	in[127] = 2;
	T_EQ(hpre_key_modexp(key, 128, en, nn), 0);
	op.key = bus_alloc(&bus, sizeof(key), 64, 0);
	op.in = bus_alloc(&bus, 128, 64, 0);
	op.out = bus_alloc(&bus, 128, 64, 0);
	bus_put(&bus, op.key, key, sizeof(key));
	bus_put(&bus, op.in, in, sizeof(in));
	T_EQ(hpre_encode(&sqe, &op), 0);
	T_EQ(hpre_result(&sqe), -EINPROGRESS);
	emu_hpre.run(&job);
	T_EQ(hpre_result(&sqe), 0);
	bus_get(&bus, op.out, out, sizeof(out));
	in[127] = 32;
	T_MEM(out, in, sizeof(out));
	op.out = 0x1000;
	T_EQ(hpre_encode(&sqe, &op), 0);
	emu_hpre.run(&job);
	T_EQ(hpre_result(&sqe), -EIO);
	bus_close(&bus);
}

T_MAIN(T_CASE(every_cipher_goes_there_and_back),
       T_CASE(ciphers_are_what_their_names_say), T_CASE(every_hmac_guards_cbc),
       T_CASE(a_two_entry_list_carries_a_record),
       T_CASE(a_spoilt_tag_is_a_bad_message),
       T_CASE(an_address_out_of_reach_is_an_error),
       T_CASE(every_digest_and_hmac_whole_and_in_pieces),
       T_CASE(cmac_and_gmac_are_the_standards),
       T_CASE(a_modular_exponentiation_runs))
