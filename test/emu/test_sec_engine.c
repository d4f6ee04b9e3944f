/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The symmetric engine, called directly: published and worked values, every
 * mode against libcrypto, every refusal, and noise.
 */
#include <gcrypt.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#include "base/wd_base.h"
#include "emu/emu_hash.h"
#include "emu/emu_replay.h"
#include "hw/sec/sec_fields.h"
#include "test/emu/bus.h"
#include "test/t.h"

#define BD2(sqe, field, value)                                                 \
	wd_put((sqe)->w, &sec_bd2_fields[SEC_BD2_##field], (value))
#define BD3(sqe, field, value)                                                 \
	wd_put((sqe)->w, &sec_bd3_fields[SEC_BD3_##field], (value))
#define BD2_64(sqe, field, value)                                              \
	wd_put64((sqe)->w, &sec_bd2_fields[SEC_BD2_##field##_LO], (value))
#define BD3_64(sqe, field, value)                                              \
	wd_put64((sqe)->w, &sec_bd3_fields[SEC_BD3_##field##_LO], (value))

/* Raw completion words: docs/hw/sec.md#completion */
#define DONE_CIPHER   0x00000101u
#define DONE_AEAD     0x00000181u
#define DONE_MISMATCH 0x00000185u

static struct emu_replay *replay; /* NULL: compute always */

static void run_on(const struct bus *b, struct sec_sqe *sqe, unsigned int qm)
{
	struct emu_job job = {
		.sqe = sqe->w,
		.dma = &b->dma,
		.replay = replay,
		.qm_version = qm,
	};

	emu_sec.run(&job);
}

static unsigned int error_of(const struct sec_sqe *sqe)
{
	return sqe->w[28] >> 16 & 0xff;
}

/* Done, no error. */
static int good(const struct sec_sqe *sqe)
{
	return (sqe->w[28] & 1) && !error_of(sqe);
}

/* ---- a request of either type ---- */

struct req {
	unsigned int type; /* 2 or 3 */
	unsigned int qm;
	unsigned int calg, cmode, key_len;
	int encrypt;
	uint32_t aad, len, tag_len;
	uint64_t key, iv, src, dst, mac;
	unsigned int src_sgl, dst_sgl, in_place;
	uint32_t scene, width, ctr_mode;
	unsigned int ccm_l; /* bytes of CCM's length field */
	uint64_t b0;
	unsigned int hmac, hmac_key_len; /* code, 0: none; bytes */
	uint64_t hmac_key;
};

static unsigned int key_code(const struct req *q)
{
	if (q->calg == SEC_CALG_3DES)
		return q->key_len == 24 ? 1 : 3;
	return (q->cmode == SEC_CMODE_XTS ? q->key_len / 2 : q->key_len) / 8 -
	       2;
}

static unsigned int block_of(const struct req *q)
{
	return q->calg == SEC_CALG_3DES ? 8 : 16;
}

static int own_tag(const struct req *q)
{
	return q->cmode == SEC_CMODE_GCM || q->cmode == SEC_CMODE_CCM;
}

static unsigned int auth_of(const struct req *q)
{
	return !q->hmac ? 0 : q->encrypt ? 1 : 2;
}

static void make_bd2(struct sec_sqe *s, const struct req *q)
{
	BD2(s, TYPE, 2);
	BD2(s, CIPHER, q->encrypt ? 1 : 2);
	BD2(s, AUTH, auth_of(q));
	BD2(s, SEQ, q->tag_len && !q->encrypt);
	BD2(s, DE, !q->in_place);
	BD2(s, SCENE, q->scene);
	BD2(s, SRC_TYPE, q->src_sgl);
	BD2(s, DST_TYPE, q->dst_sgl);
	BD2(s, C_ICV_LEN, q->hmac ? 0 : q->tag_len);
	BD2(s, MAC_LEN, q->hmac ? q->tag_len / 4 : 0);
	BD2(s, A_ALG, q->hmac);
	BD2(s, A_KEY_LEN, q->hmac_key_len / 4);
	BD2(s, C_WIDTH, q->width);
	BD2(s, C_KEY_LEN, key_code(q));
	BD2(s, C_MODE, q->cmode);
	BD2(s, C_ALG, q->calg);
	BD2(s, A_LEN, q->hmac ? q->aad + q->len : q->aad);
	BD2(s, C_LEN, q->len);
	BD2(s, C_OFFSET, q->aad);
	BD2(s, TAG, 0xbeef);
	BD2_64(s, MAC, q->mac);
	BD2_64(s, C_IVIN, q->iv);
	BD2_64(s, A_IVIN, q->b0);
	BD2_64(s, A_KEY, q->hmac_key);
	BD2_64(s, C_KEY, q->key);
	BD2_64(s, SRC, q->src);
	BD2_64(s, DST, q->dst);
}

static void make_bd3(struct sec_sqe *s, const struct req *q)
{
	BD3(s, TYPE, 3);
	BD3(s, CIPHER, q->encrypt ? 1 : 2);
	BD3(s, AUTH, auth_of(q));
	BD3(s, SEQ, q->tag_len && !q->encrypt);
	BD3(s, DE, !q->in_place);
	BD3(s, SCENE, q->scene);
	BD3(s, SRC_TYPE, q->src_sgl);
	BD3(s, DST_TYPE, q->dst_sgl);
	BD3(s, C_ICV_LEN, q->hmac ? 0 : q->tag_len);
	BD3(s, MAC_LEN, q->hmac ? q->tag_len / 4 : 0);
	BD3(s, A_ALG, q->hmac);
	BD3(s, A_KEY_LEN, q->hmac_key_len / 4);
	BD3(s, C_WIDTH, q->width);
	BD3(s, C_KEY_LEN, key_code(q));
	BD3(s, C_MODE, q->cmode);
	BD3(s, C_ALG, q->calg);
	BD3(s, A_LEN, q->hmac ? q->aad + q->len : q->aad);
	BD3(s, C_LEN, q->len);
	BD3(s, C_OFFSET, q->aad);
	BD3(s, CTR_MODE, q->ctr_mode);
	BD3_64(s, TAG, 0x1122334455667788u);
	BD3_64(s, MAC, q->mac);
	BD3_64(s, C_IVIN, q->iv);
	BD3_64(s, A_IVIN, q->b0);
	BD3_64(s, A_KEY, q->hmac_key);
	BD3_64(s, C_KEY, q->key);
	BD3_64(s, SRC, q->src);
	BD3_64(s, DST, q->dst);
}

static struct sec_sqe make(const struct req *q)
{
	struct sec_sqe s = { 0 };

	if (q->type == 2)
		make_bd2(&s, q);
	else
		make_bd3(&s, q);
	return s;
}

static void put_hex(struct bus *b, uint64_t addr, const char *hex)
{
	uint8_t bytes[256];

	bus_put(b, addr, bytes, t_hex(bytes, sizeof(bytes), hex));
}

static void t_bus_hex(struct bus *b, uint64_t addr, const char *hex)
{
	uint8_t want[256], got[256];
	size_t n = t_hex(want, sizeof(want), hex);

	bus_get(b, addr, got, n);
	T_MEM(got, want, n);
}

/* ---- worked values ---- */

#define KEY_2B "2b7e151628aed2a6abf7158809cf4f3c"

static void ctr_rolls_over_all_128_bits(void)
{
	struct bus b;
	struct sec_sqe s = { 0 };
	uint64_t key, iv, data;

	bus_open(&b, 0);
	key = bus_alloc(&b, 16, 16, 0);
	iv = bus_alloc(&b, 16, 16, 0);
	data = bus_alloc(&b, 32, 64, 0);
	put_hex(&b, key, KEY_2B);
	put_hex(&b, iv, "ffffffffffffffffffffffffffffffff");
	/* raw words of docs/hw/sec.md#worked */
	s.w[0] = 0x00000223;
	s.w[1] = 0x00240001;
	s.w[14] = 0x04000000;
	s.w[18] = 32;
	BD3_64(&s, C_KEY, key);
	BD3_64(&s, C_IVIN, iv);
	BD3_64(&s, SRC, data);
	BD3_64(&s, DST, data);
	run_on(&b, &s, 3);
	T_EQ(s.w[28], DONE_CIPHER);
	t_bus_hex(&b, data,
		  "8af2860142f786f409307c1a3f7eaaac"
		  "7df76b0c1ab899b33e42f047b91b546f");
	bus_close(&b);
}

/* Worked words in either type, key, IV, data: in place. */
struct golden {
	uint32_t w0, w1, w3, w14;
	unsigned int type;
	const char *key, *iv, *in, *out;
};

static struct sec_sqe golden_sqe(const struct golden *g, uint32_t len,
				 uint64_t key, uint64_t iv, uint64_t data)
{
	struct sec_sqe s = { .w = { g->w0, g->w1, 0, g->w3 } };

	if (g->type == 2) {
		s.w[5] = len;
		BD2_64(&s, C_KEY, key);
		BD2_64(&s, C_IVIN, iv);
		BD2_64(&s, SRC, data);
		BD2_64(&s, DST, data);
	} else {
		s.w[14] = g->w14;
		s.w[18] = len;
		BD3_64(&s, C_KEY, key);
		BD3_64(&s, C_IVIN, iv);
		BD3_64(&s, SRC, data);
		BD3_64(&s, DST, data);
	}
	return s;
}

static void t_golden(const struct golden *g)
{
	uint64_t key, iv, data;
	uint8_t bytes[256];
	struct sec_sqe s;
	struct bus b;

	bus_open(&b, 0);
	key = bus_alloc(&b, 64, 16, 0);
	iv = bus_alloc(&b, 16, 16, 0);
	data = bus_alloc(&b, 256, 64, 3);
	put_hex(&b, key, g->key);
	put_hex(&b, iv, g->iv);
	put_hex(&b, data, g->in);
	s = golden_sqe(g, (uint32_t)t_hex(bytes, sizeof(bytes), g->in), key, iv,
		       data);
	run_on(&b, &s, g->type);
	T_EQ(s.w[28], DONE_CIPHER);
	t_bus_hex(&b, data, g->out);

	/* and back: the direction is 2 instead of 1 */
	s.w[g->type == 2 ? 0 : 1] += g->type == 2 ? 0x10 : 1;
	run_on(&b, &s, g->type);
	T_EQ(s.w[28], DONE_CIPHER);
	t_bus_hex(&b, data, g->in);
	bus_close(&b);
}

#define IV_0  "00000000000000000000000000000000"
#define CS_32 "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
#define CS_IN CS_32 "30c81c46a35ce411"
#define CS_1  "3ad77bb40d7a3660a89ecaf32466ef97"
#define CS_2  "b148c17f309ee692287ae57cf12add49"

/* docs/hw/sec.md#worked: the three orders, a partial and a whole last block */
static void stealing_gives_the_worked_blocks(void)
{
	static const uint32_t w1[] = { 0x00290401, 0x00290801, 0x00290C01 };
	static const uint32_t w3[] = { 0x00029040, 0x00029080, 0x000290C0 };
	static const char *const part[] = {
		CS_1 "b148c17f309ee692"
		     "07d192e3e6f099edcc39fde6d09c762d",
		CS_1 "07d192e3e6f099edcc39fde6d09c762db148c17f309ee692",
		CS_1 "07d192e3e6f099edcc39fde6d09c762db148c17f309ee692",
	};
	static const char *const whole[] = { CS_1 CS_2, CS_1 CS_2, CS_2 CS_1 };

	for (size_t i = 0; i < 3; i++)
		for (unsigned int type = 2; type <= 3; type++) {
			struct golden g = { .type = type,
					    .key = KEY_2B,
					    .iv = IV_0 };

			g.w0 = type == 2 ? 0xA12 : 0x223;
			g.w1 = type == 2 ? 0 : w1[i];
			g.w3 = type == 2 ? w3[i] : 0;
			g.in = CS_IN;
			g.out = part[i];
			t_golden(&g);
			g.in = CS_32;
			g.out = whole[i];
			t_golden(&g);
		}
}

#define XTS_KEY KEY_2B "000102030405060708090a0b0c0d0e0f"
#define XTS_IV	"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define XTS_IN	CS_IN "e5fbc1191a0a52ef"
#define XTS_1	"e9538251c71d7b80bbe4483fef497bd1"

/* Only the doubling of the tweak differs: docs/hw/sec.md#counter-mode.  Linux
 * sets 2 for every cipher. */
static void xts_of_sm4_comes_in_two_standards(void)
{
	static const char ieee[] = XTS_1 "b3db1a3e60408c575d63ff7db39f8326"
					 "27d16c0db6d2cfc741314642ed88079d";
	static const char gb[] = XTS_1 "2c5c581bd6242fc51e08964fb4f60fdb"
				       "903be7f93a1b3479d04feccfb820302c";
	static const struct golden all[] = {
		{ 0xA12, 0, 0x00037000, 0, 2, XTS_KEY, XTS_IV, XTS_IN, ieee },
		{ 0x223, 0x00370001, 0, 0, 3, XTS_KEY, XTS_IV, XTS_IN, ieee },
		{ 0x223, 0x00370001, 0, 0x04000000, 3, XTS_KEY, XTS_IV, XTS_IN,
		  ieee },
		{ 0x223, 0x00370001, 0, 0x02000000, 3, XTS_KEY, XTS_IV, XTS_IN,
		  gb },
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(all); i++)
		t_golden(&all[i]);
}

#define DES3_KEY "0123456789abcdef23456789abcdef01456789abcdef0123"
#define DES3_IV	 "f69f2445df4f9b17"
#define DES3_OUT                                                               \
	"2079c3d53aa763e193b79e2569ab5262516570481f25b50f73c0bda85c8e0da7"
#define DES2_OUT                                                               \
	"7401ce1eab6d003caff84bf47b36cc2154f0238f9ffecd8f6acf118392b45581"

/* The words of both types; results from libcrypto's command line:
 * "openssl enc -des-ede3-cbc -nopad" and "-des-ede-cbc". */
static void triple_des_takes_two_keys_or_three(void)
{
	static const struct golden all[] = {
		{ 0xA12, 0, 0x00011200, 0, 2, DES3_KEY, DES3_IV, CS_32,
		  DES3_OUT },
		{ 0x223, 0x00112001, 0, 0, 3, DES3_KEY, DES3_IV, CS_32,
		  DES3_OUT },
		{ 0xA12, 0, 0x00011600, 0, 2, DES3_KEY, DES3_IV, CS_32,
		  DES2_OUT },
		{ 0x223, 0x00116001, 0, 0, 3, DES3_KEY, DES3_IV, CS_32,
		  DES2_OUT },
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(all); i++)
		t_golden(&all[i]);
}

/* SP 800-38A F.2.1, first two blocks; worked words of both types. */
static void cbc_worked_words_give_the_published_blocks(void)
{
	static const struct {
		uint32_t w0, w1, w3, len_word;
	} forms[] = { { 0x00000A12, 0, 0x00021000, 5 },
		      { 0x00000223, 0x00210001, 0, 18 } };

	for (size_t i = 0; i < 2; i++) {
		struct sec_sqe s = { .w = { forms[i].w0, forms[i].w1 } };
		struct bus b;
		uint64_t key, iv, src, dst;

		bus_open(&b, 0);
		key = bus_alloc(&b, 16, 16, 0);
		iv = bus_alloc(&b, 16, 16, 0);
		src = bus_alloc(&b, 32, 64, 3);
		dst = bus_alloc(&b, 32, 64, 5);
		put_hex(&b, key, KEY_2B);
		put_hex(&b, iv, "000102030405060708090a0b0c0d0e0f");
		put_hex(&b, src,
			"6bc1bee22e409f96e93d7e117393172a"
			"ae2d8a571e03ac9c9eb76fac45af8e51");
		if (i == 0) {
			s.w[3] = forms[i].w3;
			BD2_64(&s, C_KEY, key);
			BD2_64(&s, C_IVIN, iv);
			BD2_64(&s, SRC, src);
			BD2_64(&s, DST, dst);
		} else {
			BD3_64(&s, C_KEY, key);
			BD3_64(&s, C_IVIN, iv);
			BD3_64(&s, SRC, src);
			BD3_64(&s, DST, dst);
		}
		s.w[forms[i].len_word] = 32;
		run_on(&b, &s, i == 0 ? 2 : 3);
		T_EQ(s.w[28], DONE_CIPHER);
		t_bus_hex(&b, dst,
			  "7649abac8119b246cee98e9b12e9197d"
			  "5086cb9b507219ee95db113a917678b2");
		bus_close(&b);
	}
}

#define GCM_KEY                                                                \
	"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define GCM_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define GCM_PT                                                                 \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"     \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_CT                                                                 \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"     \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
#define GCM_TAG "76fc6ece0f4e1768cddf8853bb2d551b"

/* McGrew and Viega, test case 16, with the worked words of both types. */
static void gcm_case_16(unsigned int type, int encrypt, int spoil)
{
	struct sec_sqe s = { 0 };
	struct bus b;
	uint64_t key, iv, src, dst, mac;

	bus_open(&b, 0);
	key = bus_alloc(&b, 32, 16, 0);
	iv = bus_alloc(&b, 12, 16, 0);
	src = bus_alloc(&b, 80, 64, 1);
	dst = bus_alloc(&b, 80, 64, 2);
	mac = bus_alloc(&b, 16, 16, 0);
	put_hex(&b, key, GCM_KEY);
	put_hex(&b, iv, "cafebabefacedbaddecaf888");
	put_hex(&b, src, GCM_AAD);
	put_hex(&b, src + 20, encrypt ? GCM_PT : GCM_CT);
	if (!encrypt)
		put_hex(&b, mac, spoil ? "00" GCM_TAG : GCM_TAG);
	if (type == 2) {
		s.w[0] = encrypt ? 0x00000A12 : 0x00000B22;
		s.w[3] = 0x00026410;
		s.w[4] = 20;
		s.w[5] = 60;
		s.w[6] = 0x00140000;
		BD2_64(&s, C_KEY, key);
		BD2_64(&s, C_IVIN, iv);
		BD2_64(&s, SRC, src);
		BD2_64(&s, DST, dst);
		BD2_64(&s, MAC, mac);
	} else {
		s.w[0] = 0x00000223;
		s.w[1] = encrypt ? 0x00264101 : 0x40264102;
		s.w[16] = 0x00140000;
		s.w[17] = 20;
		s.w[18] = 60;
		BD3_64(&s, C_KEY, key);
		BD3_64(&s, C_IVIN, iv);
		BD3_64(&s, SRC, src);
		BD3_64(&s, DST, dst);
		BD3_64(&s, MAC, mac);
	}
	run_on(&b, &s, type);
	T_EQ(s.w[28], spoil ? DONE_MISMATCH : DONE_AEAD);
	t_bus_hex(&b, dst + 20, encrypt ? GCM_CT : GCM_PT);
	if (encrypt)
		t_bus_hex(&b, mac, GCM_TAG);
	bus_close(&b);
}

static void gcm_worked_words_give_case_16(void)
{
	gcm_case_16(2, 1, 0);
	gcm_case_16(3, 1, 0);
	gcm_case_16(2, 0, 0);
	gcm_case_16(3, 0, 0);
}

static void a_wrong_tag_completes_with_icv_2(void)
{
	gcm_case_16(2, 0, 1);
	gcm_case_16(3, 0, 1);
}

/* docs/hw/sec.md#worked: 00 01 .. 3f twice, then "abc" */
static void sm3_stream_saves_the_worked_states(void)
{
	static const struct {
		uint32_t dw14, dw27, len;
		const char *mac;
	} parts[] = {
		{ 0x00128081, 1, 64,
		  "96a60ec71e7ec7a7890a07dcbef2aea6"
		  "9cf8936bd3f6d07f47597d3097db3ccb" },
		{ 0x00128085, 1, 64,
		  "f5ca517475066d02cc9e5384459acae9"
		  "ef42b34d7eacae8ecd3ca1fc8f327922" },
		{ 0x00128085, 0, 3,
		  "6a7e9f1f3bd25b3598c82aec287fa6df"
		  "0d78a5adfd8873a2f02b888aca1eccf7" },
	};
	struct bus b;
	uint64_t src, mac;
	uint8_t msg[64];

	bus_open(&b, 0);
	src = bus_alloc(&b, 64, 64, 7);
	mac = bus_alloc(&b, 32, 16, 0);
	for (unsigned int i = 0; i < 64; i++)
		msg[i] = (uint8_t)i;
	for (size_t i = 0; i < 3; i++) {
		struct sec_sqe s = { 0 };

		s.w[0] = 0xE3;
		s.w[14] = parts[i].dw14;
		s.w[17] = parts[i].len;
		s.w[27] = parts[i].dw27;
		s.w[25] = i == 2 ? 0x418 : 0;
		bus_put(&b, src, i == 2 ? (void *)"abc" : msg, parts[i].len);
		BD3_64(&s, SRC, src);
		BD3_64(&s, MAC, mac);
		if (i)
			BD3_64(&s, A_IVIN, mac);
		run_on(&b, &s, 3);
		T_EQ(s.w[28] & 0xff0001, 1);
		t_bus_hex(&b, mac, parts[i].mac);
	}
	bus_close(&b);
}

static void sm3_stream_of_type_2_ends_the_same(void)
{
	static const uint32_t dw1[] = { 0x400, 0x500, 0x100 };
	struct bus b;
	uint64_t src, mac;
	uint8_t msg[64];

	bus_open(&b, 0);
	src = bus_alloc(&b, 64, 64, 0);
	mac = bus_alloc(&b, 32, 16, 0);
	for (unsigned int i = 0; i < 64; i++)
		msg[i] = (uint8_t)i;
	for (size_t i = 0; i < 3; i++) {
		struct sec_sqe s = { 0 };

		s.w[0] = 0x842;
		s.w[1] = dw1[i];
		s.w[2] = 0x12808;
		s.w[4] = i == 2 ? 3 : 64;
		s.w[12] = i == 2 ? 0x418 : 0;
		bus_put(&b, src, i == 2 ? (void *)"abc" : msg, s.w[4]);
		BD2_64(&s, SRC, src);
		BD2_64(&s, MAC, mac);
		if (i)
			BD2_64(&s, A_IVIN, mac);
		run_on(&b, &s, 2);
		T_OK(good(&s));
	}
	t_bus_hex(&b, mac,
		  "6a7e9f1f3bd25b3598c82aec287fa6df"
		  "0d78a5adfd8873a2f02b888aca1eccf7");
	bus_close(&b);
}

/* ---- libcrypto judges ---- */

static EVP_CIPHER *evp_of(const struct req *q)
{
	static const char *const modes_of[] = { "ECB", "CBC",	 "CFB", "OFB",
						"CTR", "CCM",	 "GCM", "XTS",
						"",    "CBC-CTS" };
	unsigned int bits = q->key_len * 8;
	char name[32];
	EVP_CIPHER *c;

	if (q->cmode == SEC_CMODE_XTS)
		bits /= 2;
	if (q->calg == SEC_CALG_SM4)
		snprintf(name, sizeof(name), "SM4-%s", modes_of[q->cmode]);
	else if (q->calg == SEC_CALG_3DES)
		snprintf(name, sizeof(name), "DES-EDE%s%s%s",
			 q->key_len == 24 ? "3" : "",
			 q->cmode || q->key_len == 24 ? "-" : "",
			 q->cmode || q->key_len == 24 ? modes_of[q->cmode]
						      : "");
	else
		snprintf(name, sizeof(name), "AES-%u-%s", bits,
			 modes_of[q->cmode]);
	c = EVP_CIPHER_fetch(NULL, name, "provider=default");
	if (!c)
		t_fail(__FILE__, __LINE__, "libcrypto has no %s", name);
	return c;
}

/* What libcrypto wants to know about the mode before it gets the key. */
static int judge_init(const struct req *q, EVP_CIPHER_CTX *c,
		      const uint8_t *key, const uint8_t *iv, uint8_t *tag)
{
	static const char *const cts[] = { "CS1", "CS2", "CS3" };
	char mode[4];
	OSSL_PARAM params[] = { OSSL_PARAM_END, OSSL_PARAM_END };
	EVP_CIPHER *cipher = evp_of(q);
	int ok = EVP_CipherInit_ex(c, cipher, NULL, NULL, NULL, q->encrypt);

	if (q->width) {
		memcpy(mode, cts[q->width - 1], sizeof(mode));
		params[0] = OSSL_PARAM_construct_utf8_string(
			OSSL_CIPHER_PARAM_CTS_MODE, mode, 0);
		ok &= EVP_CIPHER_CTX_set_params(c, params);
	}
	if (own_tag(q)) {
		int iv_len =
			q->cmode == SEC_CMODE_CCM ? 15 - (int)q->ccm_l : 12;

		ok &= EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, iv_len,
					  NULL);
		if (!q->encrypt || q->cmode == SEC_CMODE_CCM)
			ok &= EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG,
						  (int)q->tag_len,
						  q->encrypt ? NULL : tag);
	}
	ok &= EVP_CipherInit_ex(c, NULL, NULL, key, iv, q->encrypt);
	EVP_CIPHER_free(cipher);
	return ok & EVP_CIPHER_CTX_set_padding(c, 0);
}

/* @out gets the payload, @tag the tag. */
static void judge(const struct req *q, const uint8_t *key, const uint8_t *iv,
		  const uint8_t *in, uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0, end = 0, ok = judge_init(q, c, key, iv, tag);
	int ccm = q->cmode == SEC_CMODE_CCM;

	if (ccm)
		ok &= EVP_CipherUpdate(c, NULL, &n, NULL, (int)q->len);
	if (q->aad && own_tag(q))
		ok &= EVP_CipherUpdate(c, NULL, &n, in, (int)q->aad);
	n = 0;
	if (q->len || ccm)
		ok &= EVP_CipherUpdate(c, out, &n, in + q->aad, (int)q->len);
	if (!ccm)
		ok &= EVP_CipherFinal_ex(c, out + n, &end);
	if (own_tag(q) && q->encrypt)
		ok &= EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG,
					  (int)q->tag_len, tag);
	EVP_CIPHER_CTX_free(c);
	T_EQ(ok, 1);
	T_EQ(n + end, q->len);
}

static const EVP_MD *hmac_md(unsigned int hmac)
{
	return hmac == SEC_AALG_HMAC_SHA1     ? EVP_sha1()
	       : hmac == SEC_AALG_HMAC_SHA256 ? EVP_sha256()
	       : hmac == SEC_AALG_HMAC_SHA512 ? EVP_sha512()
					      : EVP_sm3();
}

/* Encrypt, then MAC of AAD and ciphertext. */
static void judge_hmac(const struct req *q, const uint8_t *key,
		       const uint8_t *aad, const uint8_t *ciphertext,
		       uint8_t *tag)
{
	uint8_t *all = malloc(q->aad + q->len + 1), mac[64];

	memcpy(all, aad, q->aad);
	memcpy(all + q->aad, ciphertext, q->len);
	T_OK(HMAC(hmac_md(q->hmac), key, (int)q->hmac_key_len, all,
		  q->aad + q->len, mac, NULL));
	memcpy(tag, mac, q->tag_len);
	free(all);
}

/* A scatter list over [addr, addr + len) in pieces of odd sizes, empty ones
 * and several blocks; describes a little more than needed. */
static uint64_t scatter(struct bus *b, uint64_t addr, uint32_t len,
			uint64_t *seed)
{
	uint64_t head = 0, prev = 0;

	do {
		unsigned int n = noise(seed) % 9, size = 64 + 32 * 9;
		uint64_t at = bus_alloc(b, size, 64, 0);
		struct sec_sgl sgl = { .sum_in_sgl = (uint16_t)n,
				       .length_in_sgl = 9,
				       .sum_in_chain = 255 };

		bus_put(b, at, &sgl, 64);
		for (unsigned int i = 0; i < n; i++) {
			struct sec_sgl_entry e = { 0 };

			e.len = noise(seed) % 4 ? noise(seed) % 97
						: noise(seed) % 4096;
			if (!(noise(seed) % 5))
				e.len = 0;
			e.len = e.len < len ? e.len : len;
			e.addr = e.len ? addr : 0;
			addr += e.len;
			len -= e.len;
			bus_put(b, at + 64 + 32 * i, &e, sizeof(e));
		}
		if (prev)
			bus_put(b, prev, &at, sizeof(at));
		else
			head = at;
		prev = at;
	} while (len);
	return head;
}

struct mode {
	unsigned int calg, cmode, unit, v2;
	unsigned int hmac; /* code, when CBC goes with an HMAC */
};
static const struct mode modes[] = {
	{ SEC_CALG_AES, SEC_CMODE_CBC, 16, 1, 0 },
	{ SEC_CALG_AES, SEC_CMODE_CTR, 1, 1, 0 },
	{ SEC_CALG_AES, SEC_CMODE_GCM, 1, 1, 0 },
	{ SEC_CALG_SM4, SEC_CMODE_CBC, 16, 1, 0 },
	{ SEC_CALG_AES, SEC_CMODE_ECB, 16, 1, 0 },
	{ SEC_CALG_AES, SEC_CMODE_XTS, 1, 1, 0 },
	{ SEC_CALG_AES, SEC_CMODE_CFB, 1, 0, 0 },
	{ SEC_CALG_AES, SEC_CMODE_OFB, 1, 0, 0 },
	{ SEC_CALG_AES, SEC_CMODE_CBC_CS, 1, 1, 0 },
	{ SEC_CALG_SM4, SEC_CMODE_ECB, 16, 1, 0 },
	{ SEC_CALG_SM4, SEC_CMODE_CTR, 1, 1, 0 },
	{ SEC_CALG_SM4, SEC_CMODE_CFB, 1, 0, 0 },
	{ SEC_CALG_SM4, SEC_CMODE_OFB, 1, 0, 0 },
	{ SEC_CALG_3DES, SEC_CMODE_ECB, 8, 1, 0 },
	{ SEC_CALG_3DES, SEC_CMODE_CBC, 8, 1, 0 },
	{ SEC_CALG_AES, SEC_CMODE_CCM, 1, 1, 0 },
	{ SEC_CALG_AES, SEC_CMODE_CBC, 16, 1, SEC_AALG_HMAC_SHA1 },
	{ SEC_CALG_AES, SEC_CMODE_CBC, 16, 1, SEC_AALG_HMAC_SHA256 },
	{ SEC_CALG_AES, SEC_CMODE_CBC, 16, 1, SEC_AALG_HMAC_SHA512 },
	{ SEC_CALG_AES, SEC_CMODE_CBC, 16, 0, SEC_AALG_HMAC_SM3 },
	{ SEC_CALG_SM4, SEC_CMODE_CBC, 16, 0, SEC_AALG_HMAC_SHA256 },
};

static int is_aead(const struct mode *m)
{
	return m->cmode == SEC_CMODE_GCM || m->cmode == SEC_CMODE_CCM ||
	       m->hmac;
}

static uint32_t random_key_len(const struct mode *m, uint64_t *seed)
{
	uint32_t n = noise(seed) % 3;

	if (m->calg == SEC_CALG_SM4)
		return 16;
	if (m->calg == SEC_CALG_3DES)
		return n ? 24 : 16;
	if (m->cmode == SEC_CMODE_XTS)
		return n ? 64 : 32;
	return 16 + 8 * n;
}

static void random_aead(struct req *q, const struct mode *m, uint64_t *seed)
{
	q->aad = noise(seed) % 3 ? noise(seed) % 70 : 0;
	if (q->qm == 3 && noise(seed) % 10 == 0)
		q->len = 0;
	if (m->hmac) {
		uint32_t size = (uint32_t)EVP_MD_get_size(hmac_md(m->hmac));

		q->tag_len = noise(seed) % 2 ? size : 12;
		q->hmac_key_len = 4 * (1 + noise(seed) % 16);
	} else {
		q->tag_len = m->cmode == SEC_CMODE_CCM
				     ? 4 + 2 * (noise(seed) % 7)
				     : 12 + noise(seed) % 5;
		q->ccm_l = 3 + noise(seed) % 6;
	}
}

static struct req random_req(const struct mode *m, uint64_t *seed)
{
	static const uint32_t tops[] = { 17, 70, 600, 5000, 40000 };
	struct req q = {
		.type = 2 + noise(seed) % 2,
		.qm = 3,
		.calg = m->calg,
		.cmode = m->cmode,
		.hmac = m->hmac,
		.key_len = random_key_len(m, seed),
		.encrypt = noise(seed) % 2,
		.src_sgl = noise(seed) % 2,
		.in_place = noise(seed) % 3 == 0,
		.scene = noise(seed) % 2,
		.ctr_mode = 2 * (noise(seed) % 2),
	};

	if (q.type == 2 && m->v2)
		q.qm = 2 + noise(seed) % 2;
	q.dst_sgl = q.in_place ? q.src_sgl : noise(seed) % 2;
	q.len = 1 + noise(seed) % tops[noise(seed) % 5];
	q.len = (q.len + m->unit - 1) / m->unit * m->unit;
	if (m->cmode == SEC_CMODE_CBC_CS)
		q.width = 1 + noise(seed) % 3;
	if ((m->cmode == SEC_CMODE_XTS || q.width) && q.len < 17)
		q.len = 17; /* libcrypto steals from whole blocks only above */
	if (is_aead(m))
		random_aead(&q, m, seed);
	return q;
}

static uint8_t data_in[80000], data_out[80000], data_got[80000];

/* The cipher's IV block and, for CCM, the MAC's first, as drivers make them. */
static void put_iv(struct bus *b, const struct req *q, const uint8_t *iv)
{
	uint8_t block[16] = { (uint8_t)(q->ccm_l - 1) };
	uint32_t len = q->len;

	if (q->cmode != SEC_CMODE_CCM) {
		bus_put(b, q->iv, iv,
			q->cmode == SEC_CMODE_GCM ? 12 : block_of(q));
		return;
	}
	memcpy(block + 1, iv, 15 - q->ccm_l);
	block[15] = 1;
	bus_put(b, q->iv, block, 16);
	block[0] |= (uint8_t)((q->aad ? 0x40 : 0) | (q->tag_len - 2) / 2 << 3);
	for (unsigned int i = 15; i > 15 - q->ccm_l; i--, len >>= 8)
		block[i] = (uint8_t)len;
	bus_put(b, q->b0, block, 16);
}

/* What libcrypto makes of the job; data_in becomes a good message first, if it
 * is one to open. */
static void judge_job(struct req *q, const uint8_t *key, const uint8_t *iv,
		      const uint8_t *hmac_key, uint8_t *tag)
{
	int decrypt = !q->encrypt;

	if (q->tag_len && decrypt) {
		q->encrypt = 1;
		judge(q, key, iv, data_in, data_out, tag);
		memcpy(data_in + q->aad, data_out, q->len);
		q->encrypt = 0;
	}
	judge(q, key, iv, data_in, data_out, tag);
	if (q->hmac)
		judge_hmac(q, hmac_key, data_in,
			   decrypt ? data_in + q->aad : data_out, tag);
}

static void against_libcrypto(const struct mode *m, int pages, uint64_t *seed)
{
	struct req q = random_req(m, seed);
	uint8_t key[64], iv[16], tag[64] = { 0 }, got_tag[64], hmac_key[64];
	uint32_t all = q.aad + q.len;
	uint64_t src, dst;
	struct sec_sqe s;
	struct bus b;

	bus_open(&b, pages);
	noise_fill(seed, key, sizeof(key));
	noise_fill(seed, iv, sizeof(iv));
	noise_fill(seed, hmac_key, sizeof(hmac_key));
	noise_fill(seed, data_in, all);
	judge_job(&q, key, iv, hmac_key, tag);

	q.key = bus_alloc(&b, 64, 16, 0);
	q.iv = bus_alloc(&b, 16, 16, 0);
	q.b0 = bus_alloc(&b, 16, 16, 0);
	q.hmac_key = bus_alloc(&b, 64, 16, 0);
	q.mac = bus_alloc(&b, 64, 16, noise(seed) % 16);
	src = bus_alloc(&b, all, 64, noise(seed) % 64);
	dst = q.in_place ? src : bus_alloc(&b, all, 64, noise(seed) % 64);
	bus_put(&b, q.key, key, q.key_len);
	bus_put(&b, q.hmac_key, hmac_key, sizeof(hmac_key));
	put_iv(&b, &q, iv);
	bus_put(&b, src, data_in, all);
	if (q.tag_len && !q.encrypt)
		bus_put(&b, q.mac, tag, q.tag_len);
	q.src = q.src_sgl ? scatter(&b, src, all, seed) : src;
	q.dst = dst;
	if (q.dst_sgl)
		q.dst = q.in_place ? q.src : scatter(&b, dst, all, seed);

	s = make(&q);
	run_on(&b, &s, q.qm);
	T_EQ(s.w[28], q.tag_len ? DONE_AEAD : DONE_CIPHER);
	bus_get(&b, dst + q.aad, data_got, q.len);
	T_MEM(data_got, data_out, q.len);
	if (q.tag_len && q.encrypt) {
		bus_get(&b, q.mac, got_tag, q.tag_len);
		T_MEM(got_tag, tag, q.tag_len);
	}
	bus_close(&b);
}

static void every_mode_agrees_with_libcrypto(void)
{
	uint64_t seed = 1;

	for (size_t m = 0; m < WD_ARRAY_SIZE(modes); m++)
		for (int i = 0; i < 200; i++)
			against_libcrypto(&modes[m], i % 2, &seed);
}

/* ---- digests ---- */

static struct sec_sqe digest_sqe(unsigned int type, unsigned int aalg,
				 uint32_t len, uint64_t src, uint64_t mac)
{
	struct sec_sqe s = { 0 };

	if (type == 2) {
		BD2(&s, TYPE, 2);
		BD2(&s, AUTH, 1);
		BD2(&s, SCENE, 1);
		BD2(&s, A_ALG, aalg);
		BD2(&s, MAC_LEN, 8);
		BD2(&s, A_LEN, len);
		BD2_64(&s, SRC, src);
		BD2_64(&s, MAC, mac);
	} else {
		BD3(&s, TYPE, 3);
		BD3(&s, SCENE, 7);
		BD3(&s, AUTH, 1);
		BD3(&s, A_ALG, aalg);
		BD3(&s, MAC_LEN, 8);
		BD3(&s, A_LEN, len);
		BD3_64(&s, SRC, src);
		BD3_64(&s, MAC, mac);
	}
	return s;
}

/* @ai_gen, @nopad and, when padded after a state, the message length. */
static void set_part(struct sec_sqe *s, unsigned int type, int resume,
		     int nopad, uint64_t bits, uint64_t state)
{
	if (type == 2) {
		BD2(s, AI_GEN, resume);
		BD2(s, A_PAD, nopad);
		BD2_64(s, LONG_A_LEN, bits);
		BD2_64(s, A_IVIN, state);
	} else {
		BD3(s, AI_GEN, resume);
		BD3(s, A_PAD, nopad);
		BD3_64(s, LONG_A_LEN, bits);
		BD3_64(s, A_IVIN, state);
	}
}

static const EVP_MD *md_of(unsigned int aalg)
{
	return aalg == SEC_AALG_SM3 ? EVP_sm3() : EVP_sha256();
}

static void digest_case(unsigned int aalg, int pages, uint64_t *seed)
{
	unsigned int type = 2 + noise(seed) % 2, sgl = noise(seed) % 2;
	uint32_t len = 1 + noise(seed) % (noise(seed) % 2 ? 200 : 20000);
	uint8_t want[32], got[32];
	struct sec_sqe s;
	struct bus b;
	uint64_t src, mac;

	bus_open(&b, pages);
	src = bus_alloc(&b, len, 64, noise(seed) % 64);
	mac = bus_alloc(&b, 32, 16, noise(seed) % 16);
	noise_fill(seed, data_in, len);
	bus_put(&b, src, data_in, len);
	T_OK(EVP_Digest(data_in, len, want, NULL, md_of(aalg), NULL));
	s = digest_sqe(type, aalg, len, sgl ? scatter(&b, src, len, seed) : src,
		       mac);
	if (type == 2)
		BD2(&s, SRC_TYPE, sgl);
	else
		BD3(&s, SRC_TYPE, sgl);
	run_on(&b, &s, 3);
	T_OK(good(&s));
	bus_get(&b, mac, got, 32);
	T_MEM(got, want, 32);
	bus_close(&b);
}

static void one_shot_digests_agree_with_libcrypto(void)
{
	uint64_t seed = 2;

	for (int i = 0; i < 300; i++) {
		digest_case(SEC_AALG_SHA256, i % 2, &seed);
		digest_case(SEC_AALG_SM3, i % 2, &seed);
	}
}

/* The engine's own compression functions, cut at any byte. */
static void open_state_hashes_agree_with_libgcrypt(void)
{
	static const struct {
		const struct emu_hash_alg *ours;
		int theirs;
	} pairs[] = {
		{ &emu_sha256, GCRY_MD_SHA256 },
		{ &emu_sm3, GCRY_MD_SM3 },
		{ &emu_md5, GCRY_MD_MD5 },
		{ &emu_sha1, GCRY_MD_SHA1 },
		{ &emu_sha224, GCRY_MD_SHA224 },
		{ &emu_sha384, GCRY_MD_SHA384 },
		{ &emu_sha512, GCRY_MD_SHA512 },
		{ &emu_sha512_224, GCRY_MD_SHA512_224 },
		{ &emu_sha512_256, GCRY_MD_SHA512_256 },
	};
	uint64_t seed = 6;
	uint8_t want[64], ours[64];
	struct emu_hash h;

	noise_fill(&seed, data_in, 400);
	for (size_t i = 0; i < WD_ARRAY_SIZE(pairs); i++)
		for (uint32_t len = 0; len < 400; len++) {
			uint32_t cut = noise(&seed) % (len + 1);

			gcry_md_hash_buffer(pairs[i].theirs, want, data_in,
					    len);
			emu_hash_init(&h, pairs[i].ours, NULL);
			emu_hash_update(&h, data_in, cut);
			emu_hash_update(&h, data_in + cut, len - cut);
			emu_hash_final(&h, (uint64_t)len * 8, ours);
			T_MEM(ours, want,
			      gcry_md_get_algo_dlen(pairs[i].theirs));
		}
}

static void stream_case(unsigned int aalg, int pages, uint64_t *seed)
{
	unsigned int type = 2 + noise(seed) % 2;
	unsigned int parts = 1 + noise(seed) % 4;
	uint32_t total = 0;
	uint8_t want[32], got[32];
	struct bus b;
	uint64_t src, mac;

	bus_open(&b, pages);
	src = bus_alloc(&b, 40000, 64, noise(seed) % 64);
	mac = bus_alloc(&b, 32, 16, 0);
	noise_fill(seed, data_in, 40000);
	bus_put(&b, src, data_in, 40000);
	for (unsigned int i = 0; i <= parts; i++) {
		int last = i == parts;
		uint32_t len =
			last ? noise(seed) % 200 : 64 * (1 + noise(seed) % 100);
		struct sec_sqe s =
			digest_sqe(type, aalg, len, src + total, mac);

		total += len;
		set_part(&s, type, i > 0, !last, last ? (uint64_t)total * 8 : 0,
			 i ? mac : 0);
		run_on(&b, &s, 3);
		T_OK(good(&s));
	}
	T_OK(EVP_Digest(data_in, total, want, NULL, md_of(aalg), NULL));
	bus_get(&b, mac, got, 32);
	T_MEM(got, want, 32);
	bus_close(&b);
}

static void streamed_digests_agree_with_libcrypto(void)
{
	uint64_t seed = 3;

	for (int i = 0; i < 200; i++) {
		stream_case(SEC_AALG_SHA256, i % 2, &seed);
		stream_case(SEC_AALG_SM3, i % 2, &seed);
	}
}

/* ---- what is refused ---- */

/* A good request to spoil, with everything it points at. */
struct fixture {
	struct bus b;
	struct req q;
	uint8_t before[BUS_SIZE];
};

static struct fixture fix;

static void fixture(const struct mode *m, unsigned int type)
{
	struct req q = { .type = type,
			 .qm = m->v2 ? type : 3,
			 .calg = m->calg,
			 .cmode = m->cmode,
			 .key_len = m->cmode == SEC_CMODE_XTS ? 32 : 16,
			 .encrypt = 1,
			 .len = 64,
			 .width = m->cmode == SEC_CMODE_CBC_CS,
			 .hmac = m->hmac,
			 .hmac_key_len = m->hmac ? 20 : 0,
			 .ccm_l = 4,
			 .scene = 1 };
	uint64_t seed = 4;

	bus_open(&fix.b, 0);
	noise_fill(&seed, fix.b.mem, BUS_SIZE);
	if (is_aead(m)) {
		q.aad = 20;
		q.tag_len = 16;
	}
	q.key = bus_alloc(&fix.b, 64, 16, 0);
	q.iv = bus_alloc(&fix.b, 16, 16, 0);
	q.b0 = bus_alloc(&fix.b, 16, 16, 0);
	q.hmac_key = bus_alloc(&fix.b, 64, 16, 0);
	q.mac = bus_alloc(&fix.b, 64, 16, 0);
	q.src = bus_alloc(&fix.b, 256, 64, 0);
	q.dst = bus_alloc(&fix.b, 256, 64, 0);
	put_iv(&fix.b, &q, (const uint8_t *)"an IV of 16 bytes");
	fix.q = q;
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
}

static void t_refused(const char *what, struct sec_sqe s, unsigned int qm)
{
	struct sec_sqe asked = s;

	run_on(&fix.b, &s, qm);
	if (!(s.w[28] & 1) || !error_of(&s))
		t_fail(__FILE__, __LINE__, "%s was not refused: %08x", what,
		       s.w[28]);
	T_MEM(s.w, asked.w, 28 * 4);
	if (memcmp(fix.before, fix.b.mem, BUS_SIZE) != 0)
		t_fail(__FILE__, __LINE__, "%s: memory was written", what);
}

static void t_accepted(const char *what, struct sec_sqe s, unsigned int qm)
{
	run_on(&fix.b, &s, qm);
	if (!good(&s))
		t_fail(__FILE__, __LINE__, "%s was refused: %08x", what,
		       s.w[28]);
	memcpy(fix.b.mem, fix.before, BUS_SIZE);
}

#define SPOIL2(field, value)                                                   \
	do {                                                                   \
		struct sec_sqe s_ = make(&fix.q);                              \
		BD2(&s_, field, value);                                        \
		t_refused("type 2 with " #field " = " #value, s_, fix.q.qm);   \
	} while (0)
#define SPOIL3(field, value)                                                   \
	do {                                                                   \
		struct sec_sqe s_ = make(&fix.q);                              \
		BD3(&s_, field, value);                                        \
		t_refused("type 3 with " #field " = " #value, s_, fix.q.qm);   \
	} while (0)
#define SPOIL(field, value)                                                    \
	do {                                                                   \
		if (fix.q.type == 2)                                           \
			SPOIL2(field, value);                                  \
		else                                                           \
			SPOIL3(field, value);                                  \
	} while (0)

static void for_each_mode(void (*claim)(void))
{
	for (size_t m = 0; m < WD_ARRAY_SIZE(modes); m++)
		for (unsigned int type = 2; type <= 3; type++) {
			fixture(&modes[m], type);
			t_accepted("the unspoilt request", make(&fix.q),
				   fix.q.qm);
			claim();
			bus_close(&fix.b);
		}
}

static void spoil_codes(void)
{
	SPOIL(TYPE, 0);
	SPOIL(TYPE, 1);
	SPOIL(TYPE, 4);
	SPOIL(CIPHER, 0);
	SPOIL(CIPHER, 3);
	if (!fix.q.hmac)
		SPOIL(AUTH, 1);
	SPOIL(AUTH, 2);
	SPOIL(AUTH, 3);
	SPOIL(SCENE, 3);
	SPOIL(SCENE, 8);
	SPOIL(C_ALG, 0);
	SPOIL(C_ALG, 15);
	SPOIL(C_MODE, 8);
	SPOIL(C_MODE, 15);
	if (fix.q.calg != SEC_CALG_3DES)
		SPOIL(C_KEY_LEN, 3);
	SPOIL(C_KEY_LEN, 7);
	SPOIL(C_WIDTH, 4);
	SPOIL(C_WIDTH, !fix.q.width);
	SPOIL(CI_GEN, 1);
	SPOIL(AI_GEN, 1);
	SPOIL(A_PAD, 1);
	SPOIL(MAC_LEN, 17);
	SPOIL(A_KEY_LEN, 33);
	SPOIL(A_ALG, 1);
	SPOIL(A_ALG, 0x3f);
	SPOIL(NONCE_LEN, 1);
	SPOIL(HUK, 1);
	SPOIL(SRC_TYPE, 2);
	SPOIL(DST_TYPE, 2);
	SPOIL(MAC_TYPE, 1);
	SPOIL(DE, 2);
	SPOIL(LONG_A_LEN_LO, 8);
	SPOIL(SALT, 1);
	if (fix.q.type == 3) {
		SPOIL3(CTR_MODE, 1);
		SPOIL3(CTR_MODE, 3);
	}
}

static void unknown_codes_are_refused(void)
{
	for_each_mode(spoil_codes);
}

static void spoil_tag_lengths(void)
{
	if (fix.q.hmac) {
		SPOIL(MAC_LEN, 0);
		SPOIL(A_LEN, 63);
		SPOIL(A_LEN, 85);
	} else {
		SPOIL(C_ICV_LEN, 0);
		SPOIL(C_ICV_LEN, 3);
		SPOIL(C_ICV_LEN, 17);
		SPOIL(A_LEN, 21);
		SPOIL(A_LEN, 65536 + 20);
	}
	SPOIL(A_LEN, SEC_LEN_MAX + 1);
}

static void spoil_lengths(void)
{
	unsigned int cmode = fix.q.cmode;

	SPOIL(C_LEN, SEC_LEN_MAX + 16);
	SPOIL(C_LEN, 0xffffff);
	if (cmode == SEC_CMODE_CBC || cmode == SEC_CMODE_ECB)
		SPOIL(C_LEN, 63);
	if (cmode == SEC_CMODE_XTS || cmode == SEC_CMODE_CBC_CS)
		SPOIL(C_LEN, 15);
	if (!fix.q.tag_len || fix.q.qm == 2)
		SPOIL(C_LEN, 0);
	if (fix.q.tag_len) {
		spoil_tag_lengths();
	} else {
		SPOIL(C_ICV_LEN, 16);
		SPOIL(A_LEN, 16);
	}
	SPOIL(SEQ, 1);
	SPOIL(A_OFFSET, 1);
	SPOIL(C_OFFSET, 1);
	SPOIL(C_OFFSET, 21);
}

static void inconsistent_lengths_and_offsets_are_refused(void)
{
	for_each_mode(spoil_lengths);
}

/* One of the addresses replaced by @bad. */
static void spoil_address(uint64_t bad, const char *what, int writable)
{
	int aead = fix.q.tag_len != 0, ccm = fix.q.cmode == SEC_CMODE_CCM;
	int iv = fix.q.cmode != SEC_CMODE_ECB;
	struct req good_req = fix.q;
	struct {
		uint64_t *slot;
		int used, written;
	} all[] = {
		{ &fix.q.key, 1, 0 },
		{ &fix.q.iv, iv, 0 },
		{ &fix.q.b0, ccm, 0 },
		{ &fix.q.hmac_key, fix.q.hmac != 0, 0 },
		{ &fix.q.src, 1, 0 },
		{ &fix.q.dst, 1, 1 },
		{ &fix.q.mac, aead, 1 },
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(all); i++) {
		if (!all[i].used || (!all[i].written && !writable))
			continue;
		*all[i].slot = bad;
		t_refused(what, make(&fix.q), fix.q.qm);
		fix.q = good_req;
	}
}

static void spoil_addresses(void)
{
	spoil_address(0, "address 0", 1);
	spoil_address(BUS_BASE - 1, "an address below memory", 1);
	spoil_address(BUS_BASE + BUS_SIZE - 3, "a range beyond memory", 1);
	spoil_address(UINT64_MAX - 3, "a range that wraps", 1);
	spoil_address(BUS_BASE + BUS_RO - 3, "a range not all writable", 0);
}

static void unreachable_addresses_are_refused(void)
{
	for_each_mode(spoil_addresses);
}

static void spoil_overlap(void)
{
	fix.q.dst = fix.q.src + 8;
	t_refused("a destination inside the source", make(&fix.q), fix.q.qm);
}

static void buffers_that_half_overlap_are_refused(void)
{
	for_each_mode(spoil_overlap);
}

static void spoil_reserved_bits(void)
{
	const struct wd_field *f =
		fix.q.type == 2 ? sec_bd2_fields : sec_bd3_fields;
	size_t n = fix.q.type == 2 ? SEC_BD2_FIELDS : SEC_BD3_FIELDS;
	uint32_t named[SEC_SQE_WORDS] = { 0 };

	for (size_t i = 0; i < n; i++)
		wd_put(named, &f[i], UINT32_MAX);
	for (unsigned int bit = 0; bit < 28 * 32; bit++) {
		struct sec_sqe s = make(&fix.q);

		if (named[bit / 32] >> bit % 32 & 1)
			continue;
		s.w[bit / 32] |= 1u << bit % 32;
		t_refused("a reserved bit", s, fix.q.qm);
	}
}

static void reserved_bits_are_refused(void)
{
	for_each_mode(spoil_reserved_bits);
}

static void generations_differ(void)
{
	struct sec_sqe s;

	fixture(&modes[2], 3);
	t_refused("type 3 on V2", make(&fix.q), 2);
	fix.q.len = 0;
	t_accepted("an empty payload on V3", make(&fix.q), 3);
	fix.q.type = 2;
	t_accepted("type 2 on V3", make(&fix.q), 3);
	t_refused("an empty payload on V2", make(&fix.q), 2);
	s = digest_sqe(2, SEC_AALG_SM3, 0, 0, fix.q.mac);
	t_refused("an empty digest on V2", s, 2);
	t_accepted("an empty digest on V3", s, 3);
	bus_close(&fix.b);
}

/* Digest of 64 bytes, spoilt in one field. */
#define SPOIL_D(type, resume, nopad, bits, field, value)                       \
	do {                                                                   \
		struct sec_sqe s_ = digest_sqe(type, SEC_AALG_SM3, 64,         \
					       fix.q.src, fix.q.mac);          \
		set_part(&s_, type, resume, nopad, bits,                       \
			 resume ? fix.q.mac : 0);                              \
		if ((type) == 2)                                               \
			BD2(&s_, field, value);                                \
		else                                                           \
			BD3(&s_, field, value);                                \
		t_refused("digest with " #field " = " #value, s_, 3);          \
	} while (0)

static void malformed_digests_are_refused(void)
{
	fixture(&modes[0], 3);
	for (unsigned int type = 2; type <= 3; type++) {
		SPOIL_D(type, 0, 0, 0, A_ALG, 0x35);
		SPOIL_D(type, 0, 0, 0, MAC_LEN, 0);
		SPOIL_D(type, 0, 0, 0, MAC_LEN, 9);
		SPOIL_D(type, 0, 0, 0, AUTH, 2);
		SPOIL_D(type, 0, 0, 0, CIPHER, 1);
		SPOIL_D(type, 0, 0, 0, DE, 1);
		SPOIL_D(type, 0, 0, 0, SCENE, 8);
		SPOIL_D(type, 0, 0, 0, AI_GEN, 2);
		SPOIL_D(type, 0, 0, 0, A_PAD, 2);
		SPOIL_D(type, 0, 0, 0, A_KEY_LEN, 4);
		SPOIL_D(type, 0, 0, 0, C_LEN, 64);
		SPOIL_D(type, 0, 0, 0, A_OFFSET, 4);
		SPOIL_D(type, 0, 0, 0, A_LEN, SEC_LEN_MAX + 1);
		SPOIL_D(type, 0, 0, 0, LONG_A_LEN_LO, 512);
		SPOIL_D(type, 0, 0, 0, MAC_LO, 0);
		SPOIL_D(type, 0, 0, 0, SRC_HI, 0);
		SPOIL_D(type, 0, 1, 0, A_LEN, 0);
		SPOIL_D(type, 0, 1, 0, A_LEN, 65);
		SPOIL_D(type, 1, 1, 0, A_LEN, 63);
		SPOIL_D(type, 1, 1, 0, MAC_LEN, 5);
		SPOIL_D(type, 1, 1, 0, SRC_TYPE, 1);
		SPOIL_D(type, 1, 1, 0, A_IVIN_HI, 0);
		SPOIL_D(type, 1, 0, 0, A_IVIN_HI, 0);
		SPOIL_D(type, 1, 0, 1024, LONG_A_LEN_LO, 512);
		SPOIL_D(type, 1, 0, 1024, LONG_A_LEN_LO, 1025);
		SPOIL_D(type, 1, 0, 1024, LONG_A_LEN_LO, 1032);
		SPOIL_D(type, 1, 0, 1024, MAC_LEN, 0);
	}
	bus_close(&fix.b);
}

/* ---- AEADs beside libcrypto's ---- */

#define RFC_KEY "0123456789abcdeffedcba9876543210"
#define RFC_IV	"00001234567800000000abcd"
#define RFC_AAD GCM_AAD
#define RFC_PT                                                                 \
	"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"     \
	"eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"

/* RFC 8998, A.1 and A.2: libcrypto 3.0 has neither. */
static const struct {
	unsigned int cmode;
	const char *iv, *b0, *out, *tag;
} rfc8998[] = {
	{ SEC_CMODE_GCM, RFC_IV, "00",
	  "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
	  "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
	  "83de3541e4c2b58177e065a9bf7b62ec" },
	{ SEC_CMODE_CCM, "02" RFC_IV "000001", "7a" RFC_IV "000040",
	  "48af93501fa62adbcd414cce6034d895dda1bf8f132f042098661572e7483094"
	  "fd12e518ce062c98acee28d95df4416bed31a2f04476c18bb40c84a74b97dc5b",
	  "16842d4fa186f56ab33256971fa110f4" },
};

static void sm4_aeads_give_the_published_messages(void)
{
	for (size_t i = 0; i < 2 * WD_ARRAY_SIZE(rfc8998); i++) {
		struct req q = { .type = 2 + i % 2,
				 .qm = 3,
				 .calg = SEC_CALG_SM4,
				 .cmode = rfc8998[i / 2].cmode,
				 .key_len = 16,
				 .encrypt = 1,
				 .aad = 20,
				 .len = 64,
				 .tag_len = 16,
				 .in_place = 1 };
		struct sec_sqe s;
		struct bus b;

		bus_open(&b, 0);
		q.key = bus_alloc(&b, 16, 16, 0);
		q.iv = bus_alloc(&b, 16, 16, 0);
		q.b0 = bus_alloc(&b, 16, 16, 0);
		q.mac = bus_alloc(&b, 16, 16, 0);
		q.src = bus_alloc(&b, 84, 64, 3);
		put_hex(&b, q.key, RFC_KEY);
		put_hex(&b, q.iv, rfc8998[i / 2].iv);
		put_hex(&b, q.b0, rfc8998[i / 2].b0);
		put_hex(&b, q.src, RFC_AAD RFC_PT);
		s = make(&q);
		run_on(&b, &s, 3);
		T_EQ(s.w[28], DONE_AEAD);
		t_bus_hex(&b, q.src + 20, rfc8998[i / 2].out);
		t_bus_hex(&b, q.mac, rfc8998[i / 2].tag);

		q.encrypt = 0;
		s = make(&q);
		run_on(&b, &s, 3);
		T_EQ(s.w[28], DONE_AEAD);
		t_bus_hex(&b, q.src + 20, RFC_PT);
		bus_close(&b);
	}
}

/* docs/hw/sec.md#worked: the words of CCM and of CBC with HMAC say what
 * make() says, which libcrypto has judged. */
static void aead_worked_words_are_what_was_judged(void)
{
	struct req ccm = { .qm = 3,
			   .calg = SEC_CALG_AES,
			   .cmode = SEC_CMODE_CCM,
			   .key_len = 16,
			   .aad = 8,
			   .len = 32,
			   .tag_len = 8,
			   .scene = 1 };
	struct req cbc = { .qm = 3,
			   .calg = SEC_CALG_AES,
			   .cmode = SEC_CMODE_CBC,
			   .key_len = 16,
			   .aad = 16,
			   .len = 64,
			   .tag_len = 32,
			   .hmac = SEC_AALG_HMAC_SHA256,
			   .hmac_key_len = 32,
			   .scene = 1 };
	struct sec_sqe s;

	for (int encrypt = 0; encrypt < 2; encrypt++) {
		ccm.encrypt = cbc.encrypt = encrypt;
		ccm.type = cbc.type = 2;
		s = make(&ccm);
		T_EQ(s.w[0], encrypt ? 0x00000A12 : 0x00000B22);
		T_EQ(s.w[3], 0x00025008);
		T_EQ(s.w[4], 8);
		T_EQ(s.w[5], 32);
		T_EQ(s.w[6], 0x00080000);
		s = make(&cbc);
		T_EQ(s.w[0], encrypt ? 0x00000A52 : 0x00000BA2);
		T_EQ(s.w[2], 0x00008908);
		T_EQ(s.w[3], 0x00021000);
		T_EQ(s.w[4], 80);
		T_EQ(s.w[5], 64);
		T_EQ(s.w[6], 0x00100000);
		ccm.type = cbc.type = 3;
		s = make(&ccm);
		T_EQ(s.w[1], encrypt ? 0x00250081 : 0x40250082);
		T_EQ(s.w[16], 0x00080000);
		T_EQ(s.w[17], 8);
		T_EQ(s.w[18], 32);
		s = make(&cbc);
		T_EQ(s.w[1], encrypt ? 0x00210001 : 0x40210002);
		T_EQ(s.w[14], encrypt ? 0x00089081 : 0x00089082);
		T_EQ(s.w[16], 0x00100000);
		T_EQ(s.w[17], 80);
		T_EQ(s.w[18], 64);
	}
}

/* Encrypted here, then opened as it is and with one bit turned, at each place
 * that the tag covers. */
static void a_turned_bit_is_a_mismatch_and_no_error(void)
{
	for (size_t m = 0; m < WD_ARRAY_SIZE(modes); m++) {
		struct sec_sqe s;
		uint8_t byte;

		if (!is_aead(&modes[m]))
			continue;
		for (unsigned int place = 0; place < 4; place++) {
			fixture(&modes[m], 3);
			fix.q.in_place = 1;
			s = make(&fix.q);
			run_on(&fix.b, &s, 3);
			T_EQ(s.w[28], DONE_AEAD);
			fix.q.encrypt = 0;
			if (place) {
				uint64_t at[] = { 0, fix.q.src, fix.q.src + 83,
						  fix.q.mac };

				bus_get(&fix.b, at[place], &byte, 1);
				byte ^= 0x20;
				bus_put(&fix.b, at[place], &byte, 1);
			}
			s = make(&fix.q);
			run_on(&fix.b, &s, 3);
			T_EQ(s.w[28], place ? DONE_MISMATCH : DONE_AEAD);
			bus_close(&fix.b);
		}
	}
}

static void spoil_ccm_block(uint64_t addr, unsigned int byte, uint8_t flip,
			    const char *what)
{
	uint8_t was, now;

	bus_get(&fix.b, addr + byte, &was, 1);
	now = was ^ flip;
	bus_put(&fix.b, addr + byte, &now, 1);
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	t_refused(what, make(&fix.q), fix.q.qm);
	bus_put(&fix.b, addr + byte, &was, 1);
}

static void ccm_blocks_that_disagree_are_refused(void)
{
	static const struct mode ccm = { SEC_CALG_AES, SEC_CMODE_CCM, 1, 1, 0 };

	fixture(&ccm, 3);
	spoil_ccm_block(fix.q.iv, 0, 3 ^ 8, "L above 8");
	spoil_ccm_block(fix.q.iv, 0, 3, "L of 1");
	spoil_ccm_block(fix.q.iv, 0, 1, "L of the other block");
	spoil_ccm_block(fix.q.iv, 5, 1, "another nonce");
	spoil_ccm_block(fix.q.iv, 13, 1, "a counter above 1");
	spoil_ccm_block(fix.q.iv, 15, 1, "counter 0");
	spoil_ccm_block(fix.q.b0, 0, 0x40, "flags without AAD");
	spoil_ccm_block(fix.q.b0, 0, 0x08, "flags of another tag length");
	spoil_ccm_block(fix.q.b0, 11, 1, "another nonce in the first block");
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	fix.q.tag_len = 7;
	t_refused("an odd tag length", make(&fix.q), 3);
	bus_close(&fix.b);
}

/* What no driver sends to V2. */
static void v2_does_not_have_what_v3_has(void)
{
	for (size_t m = 0; m < WD_ARRAY_SIZE(modes); m++) {
		if (modes[m].v2)
			continue;
		fixture(&modes[m], 2);
		t_accepted("on V3", make(&fix.q), 3);
		t_refused("on V2", make(&fix.q), 2);
		bus_close(&fix.b);
	}
}

/* ---- every digest and MAC, whole and in pieces ---- */

static const struct hash {
	unsigned int aalg, words, state, block; /* words of 4, bytes, bytes */
	const char *name;
} hashes[] = {
	{ 0x0, 5, 20, 64, "SHA1" },	   { 0x1, 8, 32, 64, "SHA256" },
	{ 0x2, 4, 16, 64, "MD5" },	   { 0x3, 7, 32, 64, "SHA224" },
	{ 0x4, 12, 64, 128, "SHA384" },	   { 0x5, 16, 64, 128, "SHA512" },
	{ 0x6, 7, 64, 128, "SHA512-224" }, { 0x7, 8, 64, 128, "SHA512-256" },
	{ 0x25, 8, 32, 64, "SM3" },
};

/* What libcrypto says; @key_len 0: the plain digest. */
static void judge_digest(const struct hash *a, const uint8_t *key,
			 uint32_t key_len, const uint8_t *in, size_t len,
			 uint8_t *out)
{
	EVP_MD *md = EVP_MD_fetch(NULL, a->name, NULL);

	T_OK(md != NULL);
	if (key_len)
		T_OK(HMAC(md, key, (int)key_len, in, len, out, NULL));
	else
		T_OK(EVP_Digest(in, len, out, NULL, md, NULL));
	EVP_MD_free(md);
}

static struct sec_sqe auth_sqe(unsigned int type, unsigned int aalg,
			       unsigned int words, uint32_t key_len,
			       uint64_t key, uint32_t len, uint64_t src,
			       uint64_t mac)
{
	struct sec_sqe s = digest_sqe(type, aalg, len, src, mac);

	if (type == 2) {
		BD2(&s, MAC_LEN, words);
		BD2(&s, A_KEY_LEN, key_len / 4);
		BD2_64(&s, A_KEY, key);
	} else {
		BD3(&s, MAC_LEN, words);
		BD3(&s, A_KEY_LEN, key_len / 4);
		BD3_64(&s, A_KEY, key);
	}
	return s;
}

/* @parts whole-block pieces and a last one; 0: one shot.  What mac_len says
 * before the last piece differs between drivers and has no meaning. */
static void auth_case(const struct hash *a, int hmac, unsigned int parts,
		      int pages, uint64_t *seed)
{
	uint32_t key_len = hmac ? 4 + noise(seed) % a->block / 4 * 4 : 0;
	unsigned int aalg = !hmac	      ? a->aalg
			    : a->aalg == 0x25 ? 0x26
					      : a->aalg + 0x10;
	unsigned int type = 2 + noise(seed) % 2, qm = type == 2 ? 2 : 3;
	uint8_t want[64], out[64], guard[64], key[128];
	uint64_t src, mac, at_key;
	uint32_t total = 0;
	struct bus b;

	bus_open(&b, pages);
	src = bus_alloc(&b, 40000, 64, noise(seed) % 64);
	mac = bus_alloc(&b, 64, 64, 0);
	at_key = bus_alloc(&b, 128, 16, 0);
	noise_fill(seed, data_in, 40000);
	noise_fill(seed, key, sizeof(key));
	memset(guard, 0xa5, sizeof(guard));
	bus_put(&b, src, data_in, 40000);
	bus_put(&b, at_key, key, key_len);
	bus_put(&b, mac, guard, sizeof(guard));
	for (unsigned int i = 0; i <= parts; i++) {
		static const unsigned int begun[] = { 0, 1, 0 };
		int last = i == parts;
		uint32_t len = last ? !parts + noise(seed) % 500
				    : a->block * (1 + noise(seed) % 20);
		unsigned int words = begun[noise(seed) % 3];
		struct sec_sqe s = auth_sqe(
			type, aalg, last || noise(seed) % 2 ? a->words : words,
			key_len, at_key, len, src + total, mac);

		total += len;
		set_part(&s, type, i > 0, !last,
			 last && parts ? (uint64_t)total * 8 : 0, i ? mac : 0);
		run_on(&b, &s, qm);
		T_EQ(s.w[28], 0x81);
		if (!last && !i) { /* exactly the state is written */
			bus_get(&b, mac, out, 64);
			T_MEM(out + a->state, guard, 64 - a->state);
		}
	}
	judge_digest(a, key, key_len, data_in, total, want);
	bus_get(&b, mac, out, 64);
	T_MEM(out, want, a->words * 4);
	bus_close(&b);
}

static void digests_and_hmacs_agree_with_libcrypto(void)
{
	uint64_t seed = 41;

	for (size_t a = 0; a < WD_ARRAY_SIZE(hashes); a++)
		for (int i = 0; i < 60; i++)
			auth_case(&hashes[a], i % 2, i / 2 % 4, i / 8 % 2,
				  &seed);
}

/* docs/hw/sec.md#worked: the words of one-shot jobs. */
static void hmac_worked_words_give_the_mac(void)
{
	static const struct {
		uint32_t dw2, dw14, key_len;
		const struct hash *a;
	} all[] = { { 0x00008908, 0x00089081, 32, &hashes[1] },
		    { 0x0000AC10, 0x000AC101, 128, &hashes[5] },
		    { 0x00013108, 0x00131081, 32, &hashes[8] },
		    { 0x00002810, 0x00028101, 0, &hashes[5] } };
	uint64_t seed = 42, src, mac, at_key;
	uint8_t key[128], want[64], out[64];
	struct bus b;

	noise_fill(&seed, key, sizeof(key));
	noise_fill(&seed, data_in, 100);
	for (size_t i = 0; i < 2 * WD_ARRAY_SIZE(all); i++) {
		unsigned int type = 2 + i % 2;
		struct sec_sqe s = { 0 };

		bus_open(&b, 0);
		src = bus_alloc(&b, 100, 64, 1);
		mac = bus_alloc(&b, 64, 16, 0);
		at_key = bus_alloc(&b, 128, 16, 0);
		bus_put(&b, src, data_in, 100);
		bus_put(&b, at_key, key, sizeof(key));
		s.w[0] = type == 2 ? 0x842 : 0xE3;
		s.w[type == 2 ? 2 : 14] =
			type == 2 ? all[i / 2].dw2 : all[i / 2].dw14;
		s.w[type == 2 ? 4 : 17] = 100;
		if (type == 2) {
			BD2_64(&s, SRC, src);
			BD2_64(&s, MAC, mac);
			BD2_64(&s, A_KEY, at_key);
		} else {
			BD3_64(&s, SRC, src);
			BD3_64(&s, MAC, mac);
			BD3_64(&s, A_KEY, at_key);
		}
		run_on(&b, &s, type);
		T_OK(good(&s));
		judge_digest(all[i / 2].a, key, all[i / 2].key_len, data_in,
			     100, want);
		bus_get(&b, mac, out, 64);
		T_MEM(out, want, all[i / 2].a->words * 4);
		bus_close(&b);
	}
}

static void hmac_keys_above_a_block_are_refused(void)
{
	for (size_t a = 0; a < WD_ARRAY_SIZE(hashes); a++) {
		unsigned int aalg =
			hashes[a].aalg == 0x25 ? 0x26 : hashes[a].aalg + 0x10;
		struct sec_sqe s;

		fixture(&modes[0], 3);
		s = auth_sqe(3, aalg, 4, hashes[a].block + 4, fix.q.key, 64,
			     fix.q.src, fix.q.mac);
		t_refused("an HMAC key above a block", s, 3);
		s = auth_sqe(3, aalg, 4, 16, 0, 64, fix.q.src, fix.q.mac);
		t_refused("an HMAC key at address 0", s, 3);
		s = auth_sqe(3, aalg, hashes[a].words + 1, 16, fix.q.key, 64,
			     fix.q.src, fix.q.mac);
		t_refused("a MAC above the digest", s, 3);
		s = auth_sqe(3, hashes[a].aalg, 4, 16, fix.q.key, 64, fix.q.src,
			     fix.q.mac);
		t_refused("a key for a plain digest", s, 3);
		bus_close(&fix.b);
	}
}

/* libcrypto's @name ("CMAC", "GMAC") with AES. */
static void judge_mac(const char *name, const uint8_t *key, size_t key_len,
		      const uint8_t *iv, const uint8_t *in, size_t len,
		      uint8_t *out)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
	char cipher[16];
	OSSL_PARAM params[] = { OSSL_PARAM_END, OSSL_PARAM_END,
				OSSL_PARAM_END };
	size_t n;

	snprintf(cipher, sizeof(cipher), "AES-%zu-%s", key_len * 8,
		 iv ? "GCM" : "CBC");
	params[0] = OSSL_PARAM_construct_utf8_string("cipher", cipher, 0);
	if (iv)
		params[1] = OSSL_PARAM_construct_octet_string(
			"iv", (void *)(uintptr_t)iv, 12);
	T_OK(EVP_MAC_init(c, key, key_len, params));
	T_OK(EVP_MAC_update(c, in, len));
	T_OK(EVP_MAC_final(c, out, &n, 16));
	EVP_MAC_CTX_free(c);
	EVP_MAC_free(mac);
}

static void mac_case(int gmac, int pages, uint64_t *seed)
{
	uint32_t len = noise(seed) % (noise(seed) % 2 ? 40 : 20000) + !gmac;
	uint32_t key_len = gmac ? 16 + 8 * (noise(seed) % 3) : 16;
	unsigned int sgl = noise(seed) % 2;
	uint8_t key[32], iv[16], want[16], out[16];
	uint64_t src, mac, at_key, at_iv;
	struct sec_sqe s;
	struct bus b;

	bus_open(&b, pages);
	src = bus_alloc(&b, len + 1, 64, noise(seed) % 64);
	mac = bus_alloc(&b, 16, 16, 0);
	at_key = bus_alloc(&b, 32, 16, 0);
	at_iv = bus_alloc(&b, 16, 16, 0);
	noise_fill(seed, data_in, len);
	noise_fill(seed, key, sizeof(key));
	noise_fill(seed, iv, sizeof(iv));
	bus_put(&b, src, data_in, len);
	bus_put(&b, at_key, key, sizeof(key));
	bus_put(&b, at_iv, iv, sizeof(iv));
	s = auth_sqe(3, gmac ? 0x22 : 0x21, 4, key_len, at_key, len,
		     sgl ? scatter(&b, src, len, seed) : src, mac);
	BD3(&s, SRC_TYPE, sgl);
	BD3(&s, SCENE, gmac ? 1 : 7);
	BD3(&s, AI_GEN, gmac);
	BD3_64(&s, A_IVIN, gmac ? at_iv : 0);
	run_on(&b, &s, 3);
	T_EQ(s.w[28], 0x81);
	judge_mac(gmac ? "GMAC" : "CMAC", key, key_len, gmac ? iv : NULL,
		  data_in, len, want);
	bus_get(&b, mac, out, 16);
	T_MEM(out, want, 16);
	bus_close(&b);
}

static void cmac_and_gmac_agree_with_libcrypto(void)
{
	uint64_t seed = 43;

	for (int i = 0; i < 100; i++) {
		mac_case(0, i % 2, &seed);
		mac_case(1, i % 2, &seed);
	}
}

/* RFC 3566, 4.6 and RFC 4434: test cases 2, 4, 5. */
static void xcbc_gives_the_published_macs(void)
{
	static const struct {
		uint32_t len, dw14;
		const char *mac;
	} all[] = {
		{ 3, 0x00100831, "5b376580ae2f19afe7219cee" },
		{ 16, 0x00100841, "d2a246fa349b68a79998a4394ff7a263" },
		{ 20, 0x00100841, "47f51b4564966215b8985c63055ed308" },
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(all); i++) {
		struct sec_sqe s = { 0 };
		uint64_t src, mac, key;
		uint8_t byte;
		struct bus b;

		bus_open(&b, 0);
		src = bus_alloc(&b, 32, 64, 0);
		mac = bus_alloc(&b, 16, 16, 0);
		key = bus_alloc(&b, 16, 16, 0);
		for (byte = 0; byte < 32; byte++)
			bus_put(&b, src + byte, &byte, 1);
		for (byte = 0; byte < 16; byte++)
			bus_put(&b, key + byte, &byte, 1);
		s.w[0] = 0xE3;
		s.w[14] = all[i].dw14;
		s.w[17] = all[i].len;
		BD3_64(&s, SRC, src);
		BD3_64(&s, MAC, mac);
		BD3_64(&s, A_KEY, key);
		run_on(&b, &s, 3);
		T_OK(good(&s));
		t_bus_hex(&b, mac, all[i].mac);
		bus_close(&b);
	}
}

static void malformed_macs_are_refused(void)
{
	static const unsigned int codes[] = { 0x20, 0x21, 0x22 };

	for (size_t i = 0; i < 3; i++) {
		struct sec_sqe ok, s;

		fixture(&modes[0], 3);
		ok = auth_sqe(3, codes[i], 4, 16, fix.q.key, 64, fix.q.src,
			      fix.q.mac);
		BD3(&ok, AI_GEN, codes[i] == 0x22);
		BD3_64(&ok, A_IVIN, fix.q.iv);
		t_accepted("the unspoilt MAC", ok, 3);
		t_refused("a MAC of V3 on V2", ok, 2);
		s = ok;
		BD3(&s, AI_GEN, codes[i] != 0x22);
		t_refused("a MAC with the other IV", s, 3);
		s = ok;
		BD3(&s, A_PAD, 1);
		t_refused("a MAC in pieces", s, 3);
		s = ok;
		BD3(&s, MAC_LEN, 5);
		t_refused("a MAC above a block", s, 3);
		s = ok;
		BD3(&s, A_KEY_LEN, 5);
		t_refused("a key of 20 bytes", s, 3);
		s = ok;
		BD3_64(&s, A_KEY, 0);
		t_refused("a key at address 0", s, 3);
		s = ok;
		BD3(&s, A_LEN, 0);
		if (codes[i] != 0x22)
			t_refused("a MAC of nothing", s, 3);
		else
			t_accepted("a GMAC of nothing", s, 3);
		bus_close(&fix.b);
	}
}

static void t_list_refused(const char *what, const struct sec_sgl *sgl)
{
	uint64_t at = bus_alloc(&fix.b, sizeof(*sgl), 64, 0);

	bus_put(&fix.b, at, sgl, sizeof(*sgl));
	memcpy(fix.before, fix.b.mem, BUS_SIZE);
	fix.q.src_sgl = 1;
	fix.q.src = at;
	t_refused(what, make(&fix.q), fix.q.qm);
	fix.q.in_place = 1;
	t_refused(what, make(&fix.q), fix.q.qm);
	fix.q.in_place = 0;
}

static void malformed_lists_are_refused(void)
{
	struct sec_sgl ok, bad;

	fixture(&modes[1], 3);
	ok = (struct sec_sgl){ .sum_in_sgl = 2, .length_in_sgl = 2 };
	ok.entry[0].addr = fix.q.src;
	ok.entry[0].len = 30;
	ok.entry[1].addr = fix.q.src + 40;
	ok.entry[1].len = 34;

	bad = ok;
	bad.entry[1].len = 33;
	t_list_refused("a list one byte short", &bad);
	bad = ok;
	bad.sum_in_sgl = 1;
	t_list_refused("a list with an entry not counted", &bad);
	bad = ok;
	bad.length_in_sgl = 1;
	t_list_refused("more entries than capacity", &bad);
	bad = ok;
	bad.sum_in_sgl = bad.length_in_sgl = 256;
	t_list_refused("more than 255 entries", &bad);
	bad = ok;
	bad.entry[0].addr = 0;
	t_list_refused("an entry at address 0", &bad);
	bad = ok;
	bad.entry[1].addr = BUS_BASE + BUS_SIZE - 4;
	t_list_refused("an entry out of reach", &bad);
	bad = ok;
	bad.entry[0].len = (8u << 20) + 1;
	t_list_refused("an entry above 8 MiB", &bad);
	bad = ok;
	bad.entry[1].len = 10;
	bad.next = BUS_BASE + BUS_SIZE;
	t_list_refused("a next block out of reach", &bad);
	bad.next = fix.q.src + 4;
	t_list_refused("a next block not aligned", &bad);
	bad.entry[0].len = bad.entry[1].len = 0;
	bad.next = BUS_BASE + fix.b.used / 64 * 64 + (fix.b.used % 64 ? 64 : 0);
	t_list_refused("a chain that comes back to itself", &bad);

	fix.q.src += 4;
	t_refused("a list not aligned", make(&fix.q), 3);
	bus_close(&fix.b);
}

static void an_invalid_descriptor_only_completes(void)
{
	struct sec_sqe s;

	for (unsigned int type = 2; type <= 3; type++) {
		fixture(&modes[2], type);
		s = make(&fix.q);
		if (type == 2)
			BD2(&s, INVALID, 1);
		else
			BD3(&s, INVALID, 1);
		run_on(&fix.b, &s, 3);
		T_EQ(s.w[28], 1);
		T_MEM(fix.before, fix.b.mem, BUS_SIZE);
		bus_close(&fix.b);
	}
}

static void a_fault_writes_nothing_or_something_wrong(void)
{
	for (size_t m = 0; m < WD_ARRAY_SIZE(modes); m++) {
		struct sec_sqe right, wrong;
		struct emu_job job = { .dma = &fix.b.dma, .qm_version = 3 };
		uint8_t a[64], b[64];

		fixture(&modes[m], 3);
		right = wrong = make(&fix.q);
		job.sqe = wrong.w;
		job.fail = true;
		emu_sec.run(&job);
		T_OK(error_of(&wrong));
		T_MEM(fix.before, fix.b.mem, BUS_SIZE);

		run_on(&fix.b, &right, 3);
		bus_get(&fix.b, fix.q.dst + fix.q.aad, a, 64);
		job.fail = false;
		job.corrupt = true;
		emu_sec.run(&job);
		T_EQ(wrong.w[28], right.w[28]);
		bus_get(&fix.b, fix.q.dst + fix.q.aad, b, 64);
		T_OK(memcmp(a, b, 64) != 0);
		bus_close(&fix.b);
	}
}

/* ---- noise ---- */

/* Descriptors that are nearly right: a good one with a few bits flipped or
 * words replaced, so that noise gets past the first checks. */
static struct sec_sqe noisy(uint64_t *seed)
{
	struct sec_sqe s = make(&fix.q);
	unsigned int spoilt = noise(seed) % 4;

	for (unsigned int i = 0; i < spoilt; i++) {
		unsigned int word = noise(seed) % 28;

		if (noise(seed) % 3)
			s.w[word] ^= 1u << noise(seed) % 32;
		else
			s.w[word] = noise(seed) ^ noise(seed) << 31;
	}
	if (noise(seed) % 50 == 0)
		noise_fill(seed, &s, sizeof(s));
	return s;
}

/* Lists of noise whose entries mostly lie in memory. */
static void noisy_lists(uint64_t *seed)
{
	for (unsigned int i = 0; i < 16; i++) {
		struct sec_sgl sgl = { 0 };
		uint64_t at = BUS_BASE + 64 * (noise(seed) % 4096);

		sgl.next = noise(seed) % 3
				   ? BUS_BASE + 64 * (noise(seed) % 4096)
				   : noise(seed) % 2;
		sgl.sum_in_sgl = (uint16_t)(noise(seed) % 5);
		sgl.length_in_sgl = (uint16_t)(noise(seed) % 300);
		for (unsigned int e = 0; e < 2; e++) {
			sgl.entry[e].addr =
				BUS_BASE + noise(seed) % (BUS_SIZE + 99);
			sgl.entry[e].len = noise(seed) % 3 ? noise(seed) % 200
							   : noise(seed);
		}
		bus_put(&fix.b, at, &sgl, sizeof(sgl));
		fix.q.src = at;
	}
}

/* The arena lies between inaccessible pages, its tail may not be written. */
static void noise_never_leaves_what_dma_allows(void)
{
	uint64_t seed = 5;
	static uint8_t tail[BUS_SIZE - BUS_RO];
	unsigned int ran = 0;

	for (size_t m = 0; m < 2 * WD_ARRAY_SIZE(modes); m++) {
		fixture(&modes[m / 2], 2 + m % 2);
		fix.b.pages = m / 2 % 2;
		memcpy(tail, fix.b.mem + BUS_RO, sizeof(tail));
		for (unsigned int i = 0; i < 5000; i++) {
			struct sec_sqe s, asked;

			if (i % 500 == 0)
				noisy_lists(&seed);
			fix.q.src_sgl = noise(&seed) % 2;
			fix.q.dst_sgl = noise(&seed) % 4 == 0;
			fix.q.in_place = noise(&seed) % 4 == 0;
			s = asked = noisy(&seed);
			run_on(&fix.b, &s, 2 + noise(&seed) % 2);
			T_EQ(s.w[28] & 1, 1);
			T_MEM(s.w, asked.w, 28 * 4);
			ran += good(&s);
		}
		T_MEM(fix.b.mem + BUS_RO, tail, sizeof(tail));
		bus_close(&fix.b);
	}
	T_OK(ran > 1000); /* the noise was not all refused */
}

/* ---- threads ---- */

static void *encrypt_many(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	for (int i = 0; i < 200; i++)
		gcm_case_16(2 + noise(&seed) % 2, noise(&seed) % 2, 0);
	return NULL;
}

static void several_threads_run_jobs_at_once(void)
{
	pthread_t t[4];

	for (uintptr_t i = 0; i < 4; i++)
		T_EQ(pthread_create(&t[i], NULL, encrypt_many, (void *)i), 0);
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

/* The second time each job is one that has been done; its result is judged as
 * the first's was. */
static void a_remembered_result_is_the_result(void)
{
	static void (*const judged[])(void) = {
		every_mode_agrees_with_libcrypto,
		one_shot_digests_agree_with_libcrypto,
		streamed_digests_agree_with_libcrypto,
		digests_and_hmacs_agree_with_libcrypto,
		cmac_and_gmac_agree_with_libcrypto,
		sm4_aeads_give_the_published_messages,
		xcbc_gives_the_published_macs,
		a_turned_bit_is_a_mismatch_and_no_error,
		a_fault_writes_nothing_or_something_wrong,
		malformed_lists_are_refused,
	};
	uint64_t hits;

	for (size_t i = 0; i < sizeof(judged) / sizeof(*judged); i++) {
		replay = emu_replay_new(1 << 16);
		judged[i]();
		hits = emu_replay_hits(replay);
		judged[i]();
		/* all that is refused never gets there */
		T_OK(i > 6 || emu_replay_hits(replay) > hits);
		emu_replay_free(replay);
		replay = NULL;
	}
}

T_MAIN(T_CASE(ctr_rolls_over_all_128_bits),
       T_CASE(cbc_worked_words_give_the_published_blocks),
       T_CASE(stealing_gives_the_worked_blocks),
       T_CASE(xts_of_sm4_comes_in_two_standards),
       T_CASE(triple_des_takes_two_keys_or_three),
       T_CASE(gcm_worked_words_give_case_16),
       T_CASE(a_wrong_tag_completes_with_icv_2),
       T_CASE(sm3_stream_saves_the_worked_states),
       T_CASE(sm3_stream_of_type_2_ends_the_same),
       T_CASE(every_mode_agrees_with_libcrypto),
       T_CASE(one_shot_digests_agree_with_libcrypto),
       T_CASE(open_state_hashes_agree_with_libgcrypt),
       T_CASE(streamed_digests_agree_with_libcrypto),
       T_CASE(sm4_aeads_give_the_published_messages),
       T_CASE(aead_worked_words_are_what_was_judged),
       T_CASE(a_turned_bit_is_a_mismatch_and_no_error),
       T_CASE(ccm_blocks_that_disagree_are_refused),
       T_CASE(v2_does_not_have_what_v3_has),
       T_CASE(digests_and_hmacs_agree_with_libcrypto),
       T_CASE(hmac_worked_words_give_the_mac),
       T_CASE(hmac_keys_above_a_block_are_refused),
       T_CASE(cmac_and_gmac_agree_with_libcrypto),
       T_CASE(xcbc_gives_the_published_macs),
       T_CASE(malformed_macs_are_refused), T_CASE(unknown_codes_are_refused),
       T_CASE(inconsistent_lengths_and_offsets_are_refused),
       T_CASE(unreachable_addresses_are_refused),
       T_CASE(buffers_that_half_overlap_are_refused),
       T_CASE(reserved_bits_are_refused), T_CASE(generations_differ),
       T_CASE(malformed_digests_are_refused),
       T_CASE(malformed_lists_are_refused),
       T_CASE(an_invalid_descriptor_only_completes),
       T_CASE(a_fault_writes_nothing_or_something_wrong),
       T_CASE(noise_never_leaves_what_dma_allows),
       T_CASE(a_remembered_result_is_the_result),
       T_CASE(several_threads_run_jobs_at_once))
