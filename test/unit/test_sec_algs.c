/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every algorithm of SEC in raw words of both descriptor types.
 */
#include <errno.h>

#include "test/unit/sec_words.h"

static const struct sec_cipher_op plain = {
	.encrypt = true,
	.len = 64,
	.key = KEY,
	.iv = IV,
	.src = SRC,
	.dst = DST,
	.tag = TAG,
};

/* Type 2 0: it has no such cipher. */
static const struct row {
	const char *name;
	enum sec_cipher_alg alg;
	uint8_t key_len;
	uint32_t bd2[2]; /* dw0, dw3 */
	uint32_t bd3[3]; /* dw0, dw1, dw14 */
	bool no_iv;
} rows[] = {
	{ "AES-128-ECB",
	  SEC_AES_ECB,
	  16,
	  { 0x00000a12, 0x00020000 },
	  { 0x00000223, 0x00200001, 0 },
	  true },
	{ "AES-128-CBC",
	  SEC_AES_CBC,
	  16,
	  { 0x00000a12, 0x00021000 },
	  { 0x00000223, 0x00210001, 0 },
	  false },
	{ "AES-256-XTS",
	  SEC_AES_XTS,
	  64,
	  { 0x00000a12, 0x00027400 },
	  { 0x00000223, 0x00274001, 0 },
	  false },
	{ "AES-128-XTS",
	  SEC_AES_XTS,
	  32,
	  { 0x00000a12, 0x00027000 },
	  { 0x00000223, 0x00270001, 0 },
	  false },
	{ "AES-128-CTR",
	  SEC_AES_CTR,
	  16,
	  { 0x00000212, 0x00024000 },
	  { 0x00000223, 0x00240001, 0x04000000 },
	  false },
	{ "AES-192-OFB",
	  SEC_AES_OFB,
	  24,
	  { 0 },
	  { 0x00000223, 0x00232001, 0 },
	  false },
	{ "AES-192-CFB",
	  SEC_AES_CFB,
	  24,
	  { 0 },
	  { 0x00000223, 0x00222001, 0 },
	  false },
	{ "AES-128-CBC-CS1",
	  SEC_AES_CBC_CS1,
	  16,
	  { 0x00000a12, 0x00029040 },
	  { 0x00000223, 0x00290401, 0 },
	  false },
	{ "AES-128-CBC-CS2",
	  SEC_AES_CBC_CS2,
	  16,
	  { 0x00000a12, 0x00029080 },
	  { 0x00000223, 0x00290801, 0 },
	  false },
	{ "AES-128-CBC-CS3",
	  SEC_AES_CBC_CS3,
	  16,
	  { 0x00000a12, 0x000290c0 },
	  { 0x00000223, 0x00290c01, 0 },
	  false },
	{ "SM4-ECB",
	  SEC_SM4_ECB,
	  16,
	  { 0x00000a12, 0x00030000 },
	  { 0x00000223, 0x00300001, 0 },
	  true },
	{ "SM4-CBC",
	  SEC_SM4_CBC,
	  16,
	  { 0x00000a12, 0x00031000 },
	  { 0x00000223, 0x00310001, 0 },
	  false },
	{ "SM4-CTR",
	  SEC_SM4_CTR,
	  16,
	  { 0x00000212, 0x00034000 },
	  { 0x00000223, 0x00340001, 0x04000000 },
	  false },
	{ "SM4-OFB",
	  SEC_SM4_OFB,
	  16,
	  { 0 },
	  { 0x00000223, 0x00330001, 0 },
	  false },
	{ "SM4-CFB",
	  SEC_SM4_CFB,
	  16,
	  { 0 },
	  { 0x00000223, 0x00320001, 0 },
	  false },
	{ "SM4-XTS, IEEE",
	  SEC_SM4_XTS,
	  32,
	  { 0x00000a12, 0x00037000 },
	  { 0x00000223, 0x00370001, 0 },
	  false },
	{ "SM4-XTS, GB",
	  SEC_SM4_XTS_GB,
	  32,
	  { 0 },
	  { 0x00000223, 0x00370001, 0x02000000 },
	  false },
	{ "3DES-CBC, three keys",
	  SEC_DES3_CBC,
	  24,
	  { 0x00000a12, 0x00011200 },
	  { 0x00000223, 0x00112001, 0 },
	  false },
	{ "3DES-CBC, two keys",
	  SEC_DES3_CBC,
	  16,
	  { 0x00000a12, 0x00011600 },
	  { 0x00000223, 0x00116001, 0 },
	  false },
	{ "3DES-ECB",
	  SEC_DES3_ECB,
	  24,
	  { 0x00000a12, 0x00010200 },
	  { 0x00000223, 0x00102001, 0 },
	  true },
};

static struct sec_cipher_op of(const struct row *r)
{
	struct sec_cipher_op op = plain;

	op.alg = r->alg;
	op.key_len = r->key_len;
	if (r->no_iv)
		op.iv = 0;
	return op;
}

static void refuse(unsigned int v, const struct sec_cipher_op *op)
{
	struct sec_sqe sqe, before;

	memset(&sqe, 0xa5, sizeof(sqe));
	before = sqe;
	T_EQ(sec_codec(v)->cipher(&sqe, op), -EINVAL);
	T_MEM(&sqe, &before, sizeof(sqe));
}

static struct sec_sqe cipher(unsigned int v, const struct sec_cipher_op *op)
{
	struct sec_sqe sqe;

	memset(&sqe, 0xff, sizeof(sqe));
	T_EQ(sec_codec(v)->cipher(&sqe, op), 0);
	return sqe;
}

static void bd2_ciphers(void)
{
	for (size_t i = 0; i < N(rows); i++) {
		const struct row *r = &rows[i];
		struct sec_cipher_op op = of(r);
		const struct word w[] = {
			{ 0, r->bd2[0] }, { 3, r->bd2[1] }, { 5, 64 },
			{ 10, 0xcdef },	  ADDR(20, op.iv),  ADDR(22, KEY),
			ADDR(24, SRC),	  ADDR(26, DST),
		};
		struct sec_sqe sqe;

		T_EQ(sec_offers_cipher(sec_codec(2), r->alg), !!r->bd2[0]);
		if (!r->bd2[0]) {
			refuse(2, &op);
			continue;
		}
		sqe = cipher(2, &op);
		words_are(r->name, &sqe, w, N(w));
		op.encrypt = false;
		T_EQ(cipher(2, &op).w[0], r->bd2[0] + 0x10);
	}
}

static void bd3_ciphers(void)
{
	for (size_t i = 0; i < N(rows); i++) {
		const struct row *r = &rows[i];
		struct sec_cipher_op op = of(r);
		const struct word w[] = {
			{ 0, r->bd3[0] }, { 1, r->bd3[1] }, { 14, r->bd3[2] },
			ADDR(2, TAG),	  ADDR(4, SRC),	    ADDR(12, KEY),
			{ 18, 64 },	  ADDR(19, DST),    ADDR(23, op.iv),
		};
		struct sec_sqe sqe = cipher(3, &op);

		T_OK(sec_offers_cipher(sec_codec(3), r->alg));
		words_are(r->name, &sqe, w, N(w));
		op.encrypt = false;
		T_EQ(cipher(3, &op).w[1], r->bd3[1] + 1);
	}
}

static const struct sec_cipher_op ccm = {
	.alg = SEC_AES_CCM,
	.encrypt = true,
	.key_len = 16,
	.tag_len = 8,
	.aad_len = 8,
	.len = 32,
	.key = KEY,
	.iv = IV,
	.src = SRC,
	.dst = DST,
	.mac = MAC,
	.tag = TAG,
	.b0 = B0,
};

static void aes128_ccm(void)
{
	static const struct word w2[] = {
		{ 0, 0x00000a12 }, { 3, 0x00025008 }, { 4, 8 },
		{ 5, 32 },	   { 6, 0x00080000 }, { 10, 0xcdef },
		ADDR(14, B0),	   ADDR(16, KEY),     ADDR(18, MAC),
		ADDR(20, IV),	   ADDR(22, KEY),     ADDR(24, SRC),
		ADDR(26, DST),
	};
	static const struct word w3[] = {
		{ 0, 0x00000223 }, { 1, 0x00250081 },  ADDR(2, TAG),
		ADDR(4, SRC),	   ADDR(6, KEY),       ADDR(8, B0),
		ADDR(12, KEY),	   { 16, 0x00080000 }, { 17, 8 },
		{ 18, 32 },	   ADDR(19, DST),      ADDR(21, MAC),
		ADDR(23, IV),
	};
	struct sec_cipher_op op = ccm;
	struct sec_sqe bd2 = cipher(2, &op), bd3 = cipher(3, &op);

	words_are("type 2", &bd2, w2, N(w2));
	words_are("type 3", &bd3, w3, N(w3));
	op.encrypt = false;
	T_EQ(cipher(2, &op).w[0], 0x00000b22);
	T_EQ(cipher(3, &op).w[1], 0x40250082);
}

static void sm4_aead_is_for_type_3(void)
{
	struct sec_cipher_op op = ccm;

	op.alg = SEC_SM4_CCM;
	refuse(2, &op);
	T_EQ(cipher(3, &op).w[1], 0x00350081);
	op.alg = SEC_SM4_GCM;
	op.tag_len = 16;
	op.b0 = 0;
	refuse(2, &op);
	T_EQ(cipher(3, &op).w[1], 0x00360101);
	T_EQ(cipher(3, &op).w[8], (uint32_t)IV);
}

/* 13-byte nonce, 8 bytes of AAD, 32 of payload, 8 of tag */
static void ccm_blocks_as_sp_800_38c_has_them(void)
{
	static const uint8_t nonce[13] = { 0xa1, 0xa2, 0xa3, 0xa4, 0xa5,
					   0xa6, 0xa7, 0xa8, 0xa9, 0xaa,
					   0xab, 0xac, 0xad };
	struct sec_cipher_op op = ccm;
	uint8_t ctr[16], b0[16], want[16];

	T_EQ(sec_ccm_blocks(ctr, b0, &op, nonce, 13), 0);
	t_hex(want, 16, "01a1a2a3a4a5a6a7a8a9aaabacad0001");
	T_MEM(ctr, want, 16);
	t_hex(want, 16, "59a1a2a3a4a5a6a7a8a9aaabacad0020");
	T_MEM(b0, want, 16);

	op.aad_len = 0;
	op.tag_len = 16;
	op.len = 0x123456;
	T_EQ(sec_ccm_blocks(ctr, b0, &op, nonce, 7), 0);
	t_hex(want, 16, "07a1a2a3a4a5a6a70000000000000001");
	T_MEM(ctr, want, 16);
	t_hex(want, 16, "3fa1a2a3a4a5a6a70000000000123456");
	T_MEM(b0, want, 16);
	T_EQ(sec_ccm_blocks(ctr, b0, &op, nonce, 12), 0);
	T_EQ(b0[13], 0x12);
	T_EQ(b0[15], 0x56);
}

static void ccm_blocks_refused_are_not_written(void)
{
	static const uint8_t nonce[16];
	struct sec_cipher_op op = ccm;
	uint8_t ctr[16], b0[16], before[16];

	memset(before, 0xa5, 16);
	memset(ctr, 0xa5, 16);
	memset(b0, 0xa5, 16);
	T_EQ(sec_ccm_blocks(ctr, b0, &op, nonce, 6), -EINVAL);
	T_EQ(sec_ccm_blocks(ctr, b0, &op, nonce, 14), -EINVAL);
	T_EQ(sec_ccm_blocks(ctr, b0, &op, nonce, 16), -EINVAL);
	op.len = 65536;
	T_EQ(sec_ccm_blocks(ctr, b0, &op, nonce, 13), -EINVAL);
	op = ccm;
	op.tag_len = 7;
	T_EQ(sec_ccm_blocks(ctr, b0, &op, nonce, 13), -EINVAL);
	op.tag_len = 2;
	T_EQ(sec_ccm_blocks(ctr, b0, &op, nonce, 13), -EINVAL);
	T_MEM(ctr, before, 16);
	T_MEM(b0, before, 16);
	op = ccm;
	op.len = 65535;
	T_EQ(sec_ccm_blocks(ctr, b0, &op, nonce, 13), 0);
}

#define WITH(base, field, value)                                               \
	do {                                                                   \
		for (unsigned int v = 2; v <= 3; v++) {                        \
			op = (base);                                           \
			op.field = (value);                                    \
			refuse(v, &op);                                        \
		}                                                              \
	} while (0)

static void refused_ciphers_are_not_written(void)
{
	struct sec_cipher_op op, xts, cs, des, ecb, sm4;

	xts = cs = des = ecb = sm4 = plain;
	xts.alg = SEC_AES_XTS;
	xts.key_len = 32;
	cs.alg = SEC_AES_CBC_CS3;
	cs.key_len = 16;
	des.alg = SEC_DES3_CBC;
	des.key_len = 24;
	ecb.alg = SEC_AES_ECB;
	ecb.key_len = 16;
	sm4.alg = SEC_SM4_XTS;
	sm4.key_len = 32;
	WITH(xts, key_len, 48); /* halves of 192 bits */
	WITH(xts, key_len, 16);
	WITH(xts, key_len, 0);
	WITH(xts, len, 15);
	WITH(xts, iv, 0);
	WITH(sm4, key_len, 64);
	WITH(sm4, key_len, 16);
	WITH(cs, len, 16);
	WITH(cs, key_len, 64);
	WITH(des, key_len, 8);
	WITH(des, key_len, 32);
	WITH(des, len, 12);
	WITH(ecb, len, 24);
	WITH(ecb, tag_len, 16);
	WITH(ecb, aad_len, 1);
	WITH(ecb, len, 0);
	WITH(ccm, tag_len, 2);
	WITH(ccm, tag_len, 9);
	WITH(ccm, tag_len, 18);
	WITH(ccm, aad_len, 65280);
	WITH(ccm, b0, 0);
	WITH(ccm, mac, 0);
	WITH(ccm, iv, 0);
	op = ccm;
	op.len = 0;
	refuse(2, &op);
	T_EQ(cipher(3, &op).w[18], 0);
	op.aad_len = 65279;
	T_EQ(cipher(3, &op).w[17], 65279);
	op = cs;
	op.len = 17;
	T_EQ(cipher(2, &op).w[5], 17);
	op = xts;
	op.len = 16;
	T_EQ(cipher(2, &op).w[5], 16);
	op.len = 4097;
	T_EQ(cipher(3, &op).w[18], 4097);
	op = des;
	op.len = 8;
	T_EQ(cipher(2, &op).w[5], 8);
}

/* ---- digests and MACs ---- */

static const struct sec_digest_op one_shot = {
	.part = SEC_ONE_SHOT,
	.len = 64,
	.src = SRC,
	.mac = MAC,
	.tag = TAG,
};

/* dw2 of type 2, dw14 of type 3: one shot, first and middle piece */
static const struct digest_row {
	enum sec_digest_alg alg;
	uint8_t key_len;
	uint32_t block, state, size;
	uint32_t bd2, bd3;
	uint32_t part2, first3, middle3;
} digests[] = {
	{ SEC_MD5, 0, 64, 16, 16, 0x00001004, 0x00010041, 0x00001000,
	  0x00010001, 0x00010005 },
	{ SEC_SHA1, 0, 64, 20, 20, 0x00000005, 0x00000051, 0x00000000,
	  0x00000001, 0x00000005 },
	{ SEC_SHA224, 0, 64, 32, 28, 0x00001807, 0x00018071, 0x00001800,
	  0x00018001, 0x00018005 },
	{ SEC_SHA256, 0, 64, 32, 32, 0x00000808, 0x00008081, 0x00000800,
	  0x00008001, 0x00008005 },
	{ SEC_SHA384, 0, 128, 64, 48, 0x0000200c, 0x000200c1, 0x00002000,
	  0x00020001, 0x00020005 },
	{ SEC_SHA512, 0, 128, 64, 64, 0x00002810, 0x00028101, 0x00002800,
	  0x00028001, 0x00028005 },
	{ SEC_SHA512_224, 0, 128, 64, 28, 0x00003007, 0x00030071, 0x00003000,
	  0x00030001, 0x00030005 },
	{ SEC_SHA512_256, 0, 128, 64, 32, 0x00003808, 0x00038081, 0x00003800,
	  0x00038001, 0x00038005 },
	{ SEC_SM3, 0, 64, 32, 32, 0x00012808, 0x00128081, 0x00012808,
	  0x00128081, 0x00128085 },
	{ SEC_SHA256, 32, 64, 32, 32, 0x00008908, 0x00089081, 0x00008908,
	  0x00089081, 0x00089085 },
	{ SEC_SHA512, 128, 128, 64, 64, 0x0000ac10, 0x000ac101, 0x0000ac10,
	  0x000ac101, 0x000ac105 },
	{ SEC_SM3, 32, 64, 32, 32, 0x00013108, 0x00131081, 0x00013108,
	  0x00131081, 0x00131085 },
	{ SEC_SHA224, 64, 64, 32, 28, 0x00009a07, 0x0009a071, 0x00009a07,
	  0x0009a071, 0x0009a075 },
	{ SEC_SHA1, 4, 64, 20, 20, 0x00008025, 0x00080251, 0x00008025,
	  0x00080251, 0x00080255 },
};

static struct sec_sqe digest(unsigned int v, const struct sec_digest_op *op)
{
	struct sec_sqe sqe;

	memset(&sqe, 0xff, sizeof(sqe));
	T_EQ(sec_codec(v)->digest(&sqe, op), 0);
	return sqe;
}

static struct sec_digest_op digest_of(const struct digest_row *r)
{
	struct sec_digest_op op = one_shot;

	op.alg = r->alg;
	op.key_len = r->key_len;
	op.key = r->key_len ? AKEY : 0;
	op.len = r->block;
	return op;
}

static void one_shot_digests_and_hmacs(void)
{
	for (size_t i = 0; i < N(digests); i++) {
		const struct digest_row *r = &digests[i];
		struct sec_digest_op op = digest_of(r);
		struct sec_sqe bd2 = digest(2, &op), bd3 = digest(3, &op);
		const struct word w2[] = {
			{ 0, 0x00000842 }, { 2, r->bd2 },    { 4, r->block },
			{ 10, 0xcdef },	   ADDR(16, op.key), ADDR(18, MAC),
			ADDR(24, SRC),
		};
		const struct word w3[] = {
			{ 0, 0x000000e3 }, ADDR(2, TAG),   ADDR(4, SRC),
			ADDR(6, op.key),   { 14, r->bd3 }, { 17, r->block },
			ADDR(21, MAC),
		};

		words_are("type 2", &bd2, w2, N(w2));
		words_are("type 3", &bd3, w3, N(w3));
		T_EQ(sec_digest_size(r->alg), r->size);
		T_EQ(sec_digest_block(r->alg), r->block);
		T_EQ(sec_digest_state(r->alg), r->state);
	}
	T_EQ(sec_digest_size(SEC_DIGEST_ALGS), 0);
	T_EQ(sec_digest_block(SEC_DIGEST_ALGS), 0);
	T_EQ(sec_digest_state(SEC_DIGEST_ALGS), 0);
}

static void digests_and_hmacs_in_pieces(void)
{
	for (size_t i = 0; i < N(digests); i++) {
		const struct digest_row *r = &digests[i];
		struct sec_digest_op op = digest_of(r);
		struct sec_sqe bd2, bd3;

		op.part = SEC_FIRST;
		bd2 = digest(2, &op);
		bd3 = digest(3, &op);
		T_EQ(bd2.w[1], 0x400);
		T_EQ(bd2.w[2], r->part2);
		T_EQ(bd2.w[14], 0);
		T_EQ(bd2.w[16], (uint32_t)op.key);
		T_EQ(bd3.w[14], r->first3);
		T_EQ(bd3.w[8], 0);
		T_EQ(bd3.w[27], 1);
		op.part = SEC_MIDDLE;
		bd2 = digest(2, &op);
		bd3 = digest(3, &op);
		T_EQ(bd2.w[1], 0x500);
		T_EQ(bd2.w[2], r->part2);
		T_EQ(bd2.w[14], (uint32_t)MAC);
		T_EQ(bd3.w[14], r->middle3);
		T_EQ(bd3.w[8], (uint32_t)MAC);
		T_EQ(bd3.w[6], (uint32_t)op.key);
		op.part = SEC_LAST;
		op.len = 3;
		op.total_bits = (2 * r->block + 3) * 8;
		bd2 = digest(2, &op);
		bd3 = digest(3, &op);
		T_EQ(bd2.w[1], 0x100);
		T_EQ(bd2.w[2], r->bd2);
		T_EQ(bd2.w[12], op.total_bits);
		T_EQ(bd3.w[14], r->bd3 | 4);
		T_EQ(bd3.w[25], op.total_bits);
		T_EQ(bd3.w[27], 0);
		T_EQ(bd3.w[6], (uint32_t)op.key);
	}
}

static void digests_may_be_cut_short_and_listed(void)
{
	struct sec_digest_op op = one_shot;

	op.alg = SEC_SHA512;
	op.out_len = 20;
	op.src_sgl = true;
	T_EQ(digest(2, &op).w[2], 0x00002805);
	T_EQ(digest(2, &op).w[0], 0x00008842);
	T_EQ(digest(3, &op).w[14], 0x00028051);
	T_EQ(digest(3, &op).w[0], 0x000008e3);
	op.len = 0; /* nothing to read: no list either */
	T_EQ(digest(3, &op).w[0], 0x000000e3);
}

static void refuse_digest(unsigned int v, const struct sec_digest_op *op)
{
	struct sec_sqe sqe, before;

	memset(&sqe, 0xa5, sizeof(sqe));
	before = sqe;
	T_EQ(sec_codec(v)->digest(&sqe, op), -EINVAL);
	T_MEM(&sqe, &before, sizeof(sqe));
}

#define WITH_DIGEST(base, field, value)                                        \
	do {                                                                   \
		for (unsigned int v = 2; v <= 3; v++) {                        \
			op = (base);                                           \
			op.field = (value);                                    \
			refuse_digest(v, &op);                                 \
		}                                                              \
	} while (0)

static void refused_digests_are_not_written(void)
{
	struct sec_digest_op op, hmac = one_shot, first = one_shot, last;

	hmac.alg = SEC_SHA256;
	hmac.key_len = 32;
	hmac.key = AKEY;
	first.alg = SEC_SHA512;
	first.part = SEC_FIRST;
	first.len = 128;
	last = first;
	last.part = SEC_LAST;
	last.total_bits = 256 * 8;
	T_EQ(digest(2, &first).w[4], 128);
	T_EQ(digest(2, &last).w[4], 128);
	WITH_DIGEST(hmac, key, 0);
	WITH_DIGEST(hmac, key_len, 33);
	WITH_DIGEST(hmac, key_len, 68); /* above the block */
	WITH_DIGEST(hmac, key_len, 132);
	WITH_DIGEST(hmac, out_len, 36);
	WITH_DIGEST(hmac, out_len, 10);
	WITH_DIGEST(hmac, alg, SEC_DIGEST_ALGS);
	WITH_DIGEST(first, len, 64); /* half a block */
	WITH_DIGEST(first, len, 0);
	WITH_DIGEST(first, src_sgl, true);
	WITH_DIGEST(last, total_bits, 128 * 8);	       /* nothing before */
	WITH_DIGEST(last, total_bits, (128 + 64) * 8); /* half a block */
	WITH_DIGEST(last, total_bits, 256 * 8 + 1);
	op = hmac;
	op.key_len = 64;
	T_EQ(digest(3, &op).w[14], 0x0008a081);
	op.len = 0;
	refuse_digest(2, &op);
	T_EQ(digest(3, &op).w[17], 0);
}

static const struct sec_mac_op cmac = {
	.alg = SEC_AES_CMAC,
	.key_len = 16,
	.len = 40,
	.key = AKEY,
	.src = SRC,
	.mac = MAC,
	.tag = TAG,
};

static struct sec_sqe mac(const struct sec_mac_op *op)
{
	struct sec_sqe sqe;

	memset(&sqe, 0xff, sizeof(sqe));
	T_EQ(sec_codec(3)->mac(&sqe, op), 0);
	return sqe;
}

static void cmac_and_gmac(void)
{
	static const struct word c[] = {
		{ 0, 0x000000e3 },  ADDR(2, TAG), ADDR(4, SRC),	 ADDR(6, AKEY),
		{ 14, 0x00108841 }, { 17, 40 },	  ADDR(21, MAC),
	};
	static const struct word g[] = {
		{ 0, 0x00000023 }, ADDR(2, TAG),  ADDR(4, SRC),
		ADDR(6, AKEY),	   ADDR(8, IV),	  { 14, 0x00111045 },
		{ 17, 40 },	   ADDR(21, MAC),
	};
	struct sec_mac_op op = cmac;
	struct sec_sqe sqe = mac(&op);

	words_are("CMAC", &sqe, c, N(c));
	op.alg = SEC_AES_GMAC;
	op.key_len = 32;
	op.iv = IV;
	sqe = mac(&op);
	words_are("GMAC", &sqe, g, N(g));
	op.out_len = 12;
	op.key_len = 24;
	T_EQ(mac(&op).w[14], 0x00110c35);
	op.len = 0;
	op.src = 0;
	T_EQ(mac(&op).w[17], 0);
	T_EQ(mac(&op).w[4], (uint32_t)MAC);
}

static void refuse_mac(unsigned int v, const struct sec_mac_op *op)
{
	struct sec_sqe sqe, before;

	memset(&sqe, 0xa5, sizeof(sqe));
	before = sqe;
	T_EQ(sec_codec(v)->mac(&sqe, op), -EINVAL);
	T_MEM(&sqe, &before, sizeof(sqe));
}

#define WITH_MAC(base, field, value)                                           \
	do {                                                                   \
		op = (base);                                                   \
		op.field = (value);                                            \
		refuse_mac(3, &op);                                            \
	} while (0)

static void refused_macs_are_not_written(void)
{
	struct sec_mac_op op, gmac = cmac;

	gmac.alg = SEC_AES_GMAC;
	gmac.iv = IV;
	refuse_mac(2, &cmac);
	refuse_mac(2, &gmac);
	T_OK(!sec_offers_mac(sec_codec(2), SEC_AES_CMAC));
	T_OK(!sec_offers_mac(sec_codec(2), SEC_AES_GMAC));
	T_OK(sec_offers_mac(sec_codec(3), SEC_AES_CMAC));
	T_OK(sec_offers_mac(sec_codec(3), SEC_AES_GMAC));
	T_OK(!sec_offers_mac(sec_codec(3), SEC_MAC_ALGS));
	WITH_MAC(cmac, alg, SEC_MAC_ALGS);
	WITH_MAC(cmac, key_len, 24);
	WITH_MAC(cmac, key_len, 0);
	WITH_MAC(cmac, key, 0);
	WITH_MAC(cmac, src, 0);
	WITH_MAC(cmac, mac, 0);
	WITH_MAC(cmac, len, 0);
	WITH_MAC(cmac, len, SEC_LEN_MAX + 1);
	WITH_MAC(cmac, out_len, 20);
	WITH_MAC(cmac, out_len, 7);
	WITH_MAC(gmac, iv, 0);
	WITH_MAC(gmac, key_len, 40);
	WITH_MAC(gmac, key_len, 17);
}

/* ---- CBC with HMAC ---- */

static const struct sec_authenc_op authenc = {
	.cipher = {
		.alg = SEC_AES_CBC,
		.encrypt = true,
		.key_len = 16,
		.tag_len = 32,
		.aad_len = 16,
		.len = 64,
		.key = KEY,
		.iv = IV,
		.src = SRC,
		.dst = DST,
		.mac = MAC,
		.tag = TAG,
	},
	.alg = SEC_SHA256,
	.key_len = 32,
	.key = AKEY,
};

static struct sec_sqe both(unsigned int v, const struct sec_authenc_op *op)
{
	struct sec_sqe sqe;

	memset(&sqe, 0xff, sizeof(sqe));
	T_EQ(sec_codec(v)->authenc(&sqe, op), 0);
	return sqe;
}

static void aes128_cbc_hmac_sha256(void)
{
	static const struct word w2[] = {
		{ 0, 0x00000a52 }, { 2, 0x00008908 }, { 3, 0x00021000 },
		{ 4, 80 },	   { 5, 64 },	      { 6, 0x00100000 },
		{ 10, 0xcdef },	   ADDR(16, AKEY),    ADDR(18, MAC),
		ADDR(20, IV),	   ADDR(22, KEY),     ADDR(24, SRC),
		ADDR(26, DST),
	};
	static const struct word w3[] = {
		{ 0, 0x00000223 }, { 1, 0x00210001 },  ADDR(2, TAG),
		ADDR(4, SRC),	   ADDR(6, AKEY),      ADDR(12, KEY),
		{ 17, 80 },	   { 14, 0x00089081 }, { 16, 0x00100000 },
		{ 18, 64 },	   ADDR(19, DST),      ADDR(21, MAC),
		ADDR(23, IV),
	};
	struct sec_authenc_op op = authenc;
	struct sec_sqe bd2 = both(2, &op), bd3 = both(3, &op);

	words_are("type 2", &bd2, w2, N(w2));
	words_are("type 3", &bd3, w3, N(w3));
	op.cipher.encrypt = false;
	T_EQ(both(2, &op).w[0], 0x00000ba2);
	T_EQ(both(3, &op).w[1], 0x40210002);
	T_EQ(both(3, &op).w[14], 0x00089082);
}

static void refuse_both(unsigned int v, const struct sec_authenc_op *op)
{
	struct sec_sqe sqe, before;

	memset(&sqe, 0xa5, sizeof(sqe));
	before = sqe;
	T_EQ(sec_codec(v)->authenc(&sqe, op), -EINVAL);
	T_MEM(&sqe, &before, sizeof(sqe));
}

static void authenc_has_its_generations(void)
{
	static const enum sec_digest_alg both_have[] = { SEC_SHA1, SEC_SHA256,
							 SEC_SHA512 };
	struct sec_authenc_op op = authenc;

	op.cipher.tag_len = 20;
	op.key_len = 20;
	for (size_t i = 0; i < N(both_have); i++)
		for (unsigned int v = 2; v <= 3; v++) {
			op.alg = both_have[i];
			both(v, &op);
			T_OK(sec_offers_authenc(sec_codec(v), SEC_AES_CBC,
						op.alg));
		}
	op.alg = SEC_SM3;
	refuse_both(2, &op);
	T_EQ(both(3, &op).w[14], 0x00130a51);
	op.cipher.alg = SEC_SM4_CBC;
	T_EQ(both(3, &op).w[1], 0x00310001);
	op.alg = SEC_SHA256;
	refuse_both(2, &op);
	T_OK(!sec_offers_authenc(sec_codec(2), SEC_SM4_CBC, SEC_SHA256));
	T_OK(sec_offers_authenc(sec_codec(3), SEC_SM4_CBC, SEC_SHA256));
	T_OK(!sec_offers_authenc(sec_codec(3), SEC_AES_CBC, SEC_SHA384));
	T_OK(!sec_offers_authenc(sec_codec(3), SEC_AES_CTR, SEC_SHA256));
	T_OK(!sec_offers_authenc(sec_codec(3), SEC_AES_CBC, SEC_DIGEST_ALGS));
}

#define WITH_BOTH(field, value)                                                \
	do {                                                                   \
		for (unsigned int v = 2; v <= 3; v++) {                        \
			op = authenc;                                          \
			op.field = (value);                                    \
			refuse_both(v, &op);                                   \
		}                                                              \
	} while (0)

static void refused_authenc_is_not_written(void)
{
	struct sec_authenc_op op;

	WITH_BOTH(alg, SEC_MD5);
	WITH_BOTH(alg, SEC_SHA384);
	WITH_BOTH(alg, SEC_DIGEST_ALGS);
	WITH_BOTH(key_len, 0);
	WITH_BOTH(key_len, 30);
	WITH_BOTH(key_len, 68);
	WITH_BOTH(key, 0);
	WITH_BOTH(cipher.alg, SEC_AES_CTR);
	WITH_BOTH(cipher.alg, SEC_CIPHER_ALGS);
	WITH_BOTH(cipher.tag_len, 0);
	WITH_BOTH(cipher.tag_len, 10);
	WITH_BOTH(cipher.tag_len, 36);
	WITH_BOTH(cipher.key_len, 20);
	WITH_BOTH(cipher.len, 0);
	WITH_BOTH(cipher.len, 65);
	WITH_BOTH(cipher.len, SEC_LEN_MAX);
	WITH_BOTH(cipher.len, UINT32_MAX - 15);
	WITH_BOTH(cipher.aad_len, 65536);
	WITH_BOTH(cipher.key, 0);
	WITH_BOTH(cipher.iv, 0);
	WITH_BOTH(cipher.src, 0);
	WITH_BOTH(cipher.dst, 0);
	WITH_BOTH(cipher.mac, 0);
}

T_MAIN(T_CASE(bd2_ciphers), T_CASE(bd3_ciphers), T_CASE(aes128_ccm),
       T_CASE(sm4_aead_is_for_type_3),
       T_CASE(ccm_blocks_as_sp_800_38c_has_them),
       T_CASE(ccm_blocks_refused_are_not_written),
       T_CASE(refused_ciphers_are_not_written),
       T_CASE(one_shot_digests_and_hmacs), T_CASE(digests_and_hmacs_in_pieces),
       T_CASE(digests_may_be_cut_short_and_listed),
       T_CASE(refused_digests_are_not_written), T_CASE(cmac_and_gmac),
       T_CASE(refused_macs_are_not_written), T_CASE(aes128_cbc_hmac_sha256),
       T_CASE(authenc_has_its_generations),
       T_CASE(refused_authenc_is_not_written))
