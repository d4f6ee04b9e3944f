/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEC descriptors in raw words: how operations differ.
 */
#include <errno.h>

#include "test/unit/sec_words.h"

static const struct sec_cipher_op cbc = {
	.alg = SEC_AES_CBC,
	.encrypt = true,
	.key_len = 16,
	.len = 64,
	.key = KEY,
	.iv = IV,
	.src = SRC,
	.dst = DST,
	.tag = TAG,
};

static const struct sec_cipher_op gcm = {
	.alg = SEC_AES_GCM,
	.encrypt = true,
	.key_len = 32,
	.tag_len = 16,
	.aad_len = 20,
	.len = 60,
	.key = KEY,
	.iv = IV,
	.src = SRC,
	.dst = DST,
	.mac = MAC,
	.tag = TAG,
};

static const struct sec_digest_op sm3 = {
	.alg = SEC_SM3,
	.part = SEC_ONE_SHOT,
	.len = 64,
	.src = SRC,
	.mac = MAC,
	.tag = TAG,
};

static struct sec_sqe cipher(unsigned int v, struct sec_cipher_op op)
{
	struct sec_sqe sqe;

	memset(&sqe, 0xff, sizeof(sqe));
	T_EQ(sec_codec(v)->cipher(&sqe, &op), 0);
	return sqe;
}

static struct sec_sqe digest(unsigned int v, struct sec_digest_op op)
{
	struct sec_sqe sqe;

	memset(&sqe, 0xff, sizeof(sqe));
	T_EQ(sec_codec(v)->digest(&sqe, &op), 0);
	return sqe;
}

static void bd2_aes128_cbc(void)
{
	struct sec_sqe sqe = cipher(2, cbc);
	static const struct word w[] = {
		{ 0, 0x00000a12 }, { 3, 0x00021000 }, { 5, 64 },
		{ 10, 0xcdef },	   ADDR(20, IV),      ADDR(22, KEY),
		ADDR(24, SRC),	   ADDR(26, DST),
	};

	words_are(__func__, &sqe, w, N(w));
}

static void bd3_aes128_cbc(void)
{
	struct sec_sqe sqe = cipher(3, cbc);
	static const struct word w[] = {
		{ 0, 0x00000223 }, { 1, 0x00210001 }, ADDR(2, TAG),
		ADDR(4, SRC),	   ADDR(12, KEY),     { 18, 64 },
		ADDR(19, DST),	   ADDR(23, IV),
	};

	words_are(__func__, &sqe, w, N(w));
}

static void decryption_changes_the_direction_alone(void)
{
	struct sec_cipher_op op = cbc;
	struct sec_sqe sqe;

	op.encrypt = false;
	sqe = cipher(2, op);
	T_EQ(sqe.w[0], 0x00000a22);
	T_EQ(sqe.w[3], 0x00021000);
	sqe = cipher(3, op);
	T_EQ(sqe.w[0], 0x00000223);
	T_EQ(sqe.w[1], 0x00210002);
}

static void bd2_and_bd3_ciphers_and_key_lengths(void)
{
	static const struct {
		enum sec_cipher_alg alg;
		uint8_t key_len;
		uint32_t bd2[2], bd3[3]; /* dw0, dw3; dw0, dw1, dw14 */
	} rows[] = {
		{ SEC_AES_CBC,
		  24,
		  { 0x00000a12, 0x00021200 },
		  { 0x00000223, 0x00212001, 0 } },
		{ SEC_AES_CBC,
		  32,
		  { 0x00000a12, 0x00021400 },
		  { 0x00000223, 0x00214001, 0 } },
		{ SEC_AES_CTR,
		  16,
		  { 0x00000212, 0x00024000 },
		  { 0x00000223, 0x00240001, 0x04000000 } },
		{ SEC_SM4_CBC,
		  16,
		  { 0x00000a12, 0x00031000 },
		  { 0x00000223, 0x00310001, 0 } },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct sec_cipher_op op = cbc;
		struct sec_sqe sqe;

		op.alg = rows[i].alg;
		op.key_len = rows[i].key_len;
		sqe = cipher(2, op);
		T_EQ(sqe.w[0], rows[i].bd2[0]);
		T_EQ(sqe.w[3], rows[i].bd2[1]);
		sqe = cipher(3, op);
		T_EQ(sqe.w[0], rows[i].bd3[0]);
		T_EQ(sqe.w[1], rows[i].bd3[1]);
		T_EQ(sqe.w[14], rows[i].bd3[2]);
	}
}

/* The Linux driver's words; it sets no scene, and the counter mode always. */
static void scatter_lists_as_the_kernel_names_them(void)
{
	struct sec_cipher_op op = cbc;
	struct sec_sqe sqe;

	op.src_sgl = op.dst_sgl = true;
	sqe = cipher(2, op);
	T_EQ(sqe.w[0] & ~(0xfu << 11), 0x00048212);
	sqe = cipher(3, op);
	T_EQ(sqe.w[0] & ~(0xfu << 5), 0x00004a03);
	op.dst_sgl = false;
	sqe = cipher(2, op);
	T_EQ(sqe.w[0] & ~(0xfu << 11), 0x00008212);
	sqe = cipher(3, op);
	T_EQ(sqe.w[0] & ~(0xfu << 5), 0x00000a03);
}

static void bd2_aes256_gcm(void)
{
	struct sec_cipher_op op = gcm;
	struct sec_sqe sqe = cipher(2, op);
	static const struct word w[] = {
		{ 0, 0x00000a12 }, { 3, 0x00026410 }, { 4, 20 },
		{ 5, 60 },	   { 6, 0x00140000 }, { 10, 0xcdef },
		ADDR(14, IV),	   ADDR(16, KEY),     ADDR(18, MAC),
		ADDR(20, IV),	   ADDR(22, KEY),     ADDR(24, SRC),
		ADDR(26, DST),
	};

	words_are(__func__, &sqe, w, N(w));
	op.encrypt = false;
	T_EQ(cipher(2, op).w[0], 0x00000b22);
}

static void bd3_aes256_gcm(void)
{
	struct sec_cipher_op op = gcm;
	struct sec_sqe sqe = cipher(3, op);
	static const struct word w[] = {
		{ 0, 0x00000223 }, { 1, 0x00264101 },  ADDR(2, TAG),
		ADDR(4, SRC),	   ADDR(6, KEY),       ADDR(8, IV),
		ADDR(12, KEY),	   { 16, 0x00140000 }, { 17, 20 },
		{ 18, 60 },	   ADDR(19, DST),      ADDR(21, MAC),
		ADDR(23, IV),
	};

	words_are(__func__, &sqe, w, N(w));
	op.encrypt = false;
	T_EQ(cipher(3, op).w[1], 0x40264102);
}

static void one_shot_digests(void)
{
	struct sec_digest_op op = sm3;
	struct sec_sqe bd2 = digest(2, op), bd3 = digest(3, op);
	static const struct word w2[] = {
		{ 0, 0x00000842 }, { 2, 0x00012808 }, { 4, 64 },
		{ 10, 0xcdef },	   ADDR(18, MAC),     ADDR(24, SRC),
	};
	static const struct word w3[] = {
		{ 0, 0x000000e3 },  ADDR(2, TAG), ADDR(4, SRC),
		{ 14, 0x00128081 }, { 17, 64 },	  ADDR(21, MAC),
	};

	words_are(__func__, &bd2, w2, N(w2));
	words_are(__func__, &bd3, w3, N(w3));
	op.alg = SEC_SHA256;
	T_EQ(digest(2, op).w[2], 0x00000808);
	T_EQ(digest(3, op).w[14], 0x00008081);
}

/* Parts of 64, 64 and 3 bytes. */
static const struct {
	enum sec_part part;
	uint32_t len, bits;
	struct word w2[9], w3[9];
} sm3_parts[] = {
	{ SEC_FIRST,
	  64,
	  0,
	  { { 0, 0x00000842 },
	    { 1, 0x00000400 },
	    { 2, 0x00012808 },
	    { 4, 0x40 },
	    { 10, 0xcdef },
	    ADDR(18, MAC),
	    ADDR(24, SRC) },
	  { { 0, 0x000000e3 },
	    { 14, 0x00128081 },
	    { 17, 0x40 },
	    { 27, 1 },
	    { 2, 0x90abcdef },
	    ADDR(21, MAC),
	    ADDR(4, SRC) } },
	{ SEC_MIDDLE,
	  64,
	  0,
	  { { 1, 0x00000500 },
	    { 2, 0x00012808 },
	    { 4, 0x40 },
	    ADDR(14, MAC),
	    ADDR(18, MAC),
	    { 0, 0x00000842 },
	    { 12, 0 } },
	  { { 14, 0x00128085 },
	    { 17, 0x40 },
	    { 27, 1 },
	    ADDR(8, MAC),
	    ADDR(21, MAC),
	    { 0, 0x000000e3 },
	    { 25, 0 } } },
	{ SEC_LAST,
	  3,
	  0x418,
	  { { 1, 0x00000100 },
	    { 2, 0x00012808 },
	    { 4, 3 },
	    { 12, 0x418 },
	    ADDR(14, MAC),
	    ADDR(18, MAC),
	    { 0, 0x00000842 } },
	  { { 14, 0x00128085 },
	    { 17, 3 },
	    { 27, 0 },
	    { 25, 0x418 },
	    ADDR(8, MAC),
	    ADDR(21, MAC),
	    { 0, 0x000000e3 } } },
};

static void an_sm3_stream(void)
{
	for (size_t i = 0; i < N(sm3_parts); i++) {
		struct sec_digest_op op = sm3;
		struct sec_sqe bd2, bd3;

		op.part = sm3_parts[i].part;
		op.len = sm3_parts[i].len;
		op.total_bits = sm3_parts[i].bits;
		bd2 = digest(2, op);
		bd3 = digest(3, op);
		for (size_t j = 0; j < 9; j++) {
			T_EQ(bd2.w[sm3_parts[i].w2[j].at],
			     sm3_parts[i].w2[j].value);
			T_EQ(bd3.w[sm3_parts[i].w3[j].at],
			     sm3_parts[i].w3[j].value);
		}
	}
}

static void a_sha256_stream(void)
{
	struct sec_digest_op op = sm3;

	op.alg = SEC_SHA256;
	op.part = SEC_FIRST;
	T_EQ(digest(3, op).w[14], 0x00008001);
	op.part = SEC_MIDDLE;
	T_EQ(digest(3, op).w[14], 0x00008005);
	op.part = SEC_LAST;
	op.total_bits = 0x1234567800;
	T_EQ(digest(3, op).w[14], 0x00008085);
	T_EQ(digest(3, op).w[25], 0x34567800);
	T_EQ(digest(3, op).w[26], 0x12);
	T_EQ(digest(2, op).w[13], 0x12);
}

static void refuse_cipher(unsigned int v, const struct sec_cipher_op *op)
{
	struct sec_sqe sqe, before;

	memset(&sqe, 0xa5, sizeof(sqe));
	before = sqe;
	T_EQ(sec_codec(v)->cipher(&sqe, op), -EINVAL);
	T_MEM(&sqe, &before, sizeof(sqe));
}

static void refuse_digest(unsigned int v, const struct sec_digest_op *op)
{
	struct sec_sqe sqe, before;

	memset(&sqe, 0xa5, sizeof(sqe));
	before = sqe;
	T_EQ(sec_codec(v)->digest(&sqe, op), -EINVAL);
	T_MEM(&sqe, &before, sizeof(sqe));
}

#define WITH(base, field, value, refuse)                                       \
	do {                                                                   \
		for (unsigned int v = 2; v <= 3; v++) {                        \
			op = (base);                                           \
			op.field = (value);                                    \
			refuse(v, &op);                                        \
		}                                                              \
	} while (0)

static void refused_ciphers_are_not_written(void)
{
	struct sec_cipher_op op, sm4 = cbc;

	sm4.alg = SEC_SM4_CBC;
	WITH(cbc, alg, SEC_CIPHER_ALGS, refuse_cipher);
	WITH(cbc, alg, (enum sec_cipher_alg) - 1, refuse_cipher);
	WITH(cbc, key_len, 0, refuse_cipher);
	WITH(cbc, key_len, 8, refuse_cipher);
	WITH(cbc, key_len, 17, refuse_cipher);
	WITH(cbc, key_len, 40, refuse_cipher);
	WITH(sm4, key_len, 24, refuse_cipher);
	WITH(cbc, len, 0, refuse_cipher);
	WITH(cbc, len, 63, refuse_cipher);
	WITH(cbc, len, SEC_LEN_MAX + 16, refuse_cipher);
	WITH(cbc, tag_len, 16, refuse_cipher);
	WITH(cbc, aad_len, 1, refuse_cipher);
	WITH(cbc, key, 0, refuse_cipher);
	WITH(cbc, iv, 0, refuse_cipher);
	WITH(cbc, src, 0, refuse_cipher);
	WITH(cbc, dst, 0, refuse_cipher);
	WITH(gcm, mac, 0, refuse_cipher);
	WITH(gcm, tag_len, 7, refuse_cipher);
	WITH(gcm, tag_len, 17, refuse_cipher);
	WITH(gcm, tag_len, 0, refuse_cipher);
	WITH(gcm, aad_len, SEC_AAD_MAX + 1, refuse_cipher);
	WITH(gcm, len, SEC_LEN_MAX - 19, refuse_cipher);
	WITH(gcm, len, UINT32_MAX, refuse_cipher);
}

static void refused_digests_are_not_written(void)
{
	struct sec_digest_op op, first = sm3, middle = sm3, last = sm3;

	first.part = SEC_FIRST;
	middle.part = SEC_MIDDLE;
	last.part = SEC_LAST;
	last.total_bits = 1024;
	WITH(sm3, alg, SEC_DIGEST_ALGS, refuse_digest);
	WITH(sm3, part, (enum sec_part)4, refuse_digest);
	WITH(sm3, mac, 0, refuse_digest);
	WITH(sm3, src, 0, refuse_digest);
	WITH(sm3, len, SEC_LEN_MAX + 1, refuse_digest);
	WITH(first, len, 0, refuse_digest);
	WITH(first, len, 65, refuse_digest);
	WITH(middle, len, 0, refuse_digest);
	WITH(middle, len, 1, refuse_digest);
	WITH(last, total_bits, 511, refuse_digest);
	WITH(last, total_bits, 504, refuse_digest);
	WITH(last, total_bits, 513, refuse_digest);
}

static void the_largest_job_fits(void)
{
	struct sec_cipher_op op = cbc;
	struct sec_digest_op d = sm3;

	op.len = SEC_LEN_MAX;
	T_EQ(cipher(2, op).w[5], SEC_LEN_MAX);
	T_EQ(cipher(3, op).w[18], SEC_LEN_MAX);
	op = gcm;
	op.aad_len = SEC_AAD_MAX;
	op.len = SEC_LEN_MAX - SEC_AAD_MAX;
	T_EQ(cipher(3, op).w[16], 0xffff0000);
	d.len = SEC_LEN_MAX;
	T_EQ(digest(2, d).w[4], SEC_LEN_MAX);
}

static void empty_jobs_are_for_the_later_engine(void)
{
	struct sec_cipher_op c = gcm;
	struct sec_digest_op d = sm3, last = sm3;

	c.len = 0;
	d.len = 0;
	refuse_cipher(2, &c);
	refuse_digest(2, &d);
	T_OK(!sec_codec(2)->empty_ok);
	T_OK(sec_codec(3)->empty_ok);
	T_EQ(cipher(3, c).w[18], 0);
	T_EQ(digest(3, d).w[17], 0);
	d.src = 0; /* nothing is read, but an address of ours is named */
	T_EQ(digest(3, d).w[4], (uint32_t)MAC);

	last.part = SEC_LAST;
	last.len = 0;
	last.total_bits = 512;
	T_EQ(digest(2, last).w[4], 0);
	T_EQ(digest(3, last).w[17], 0);
}

static int result(unsigned int v, uint32_t dw28)
{
	struct sec_sqe sqe = { { 0 } };

	sqe.w[28] = dw28;
	return sec_codec(v)->result(&sqe);
}

static void answers_are_told_apart(void)
{
	for (unsigned int v = 2; v <= 3; v++) {
		T_EQ(result(v, 0x00000101), 0); /* cipher */
		T_EQ(result(v, 0x00000181), 0); /* AEAD */
		T_EQ(result(v, 0x00000001), 0);
		T_EQ(result(v, 0x00000185), -EBADMSG);
		T_EQ(result(v, 0), -EINPROGRESS);
		T_EQ(result(v, 0x00010101), -EIO);
		T_EQ(result(v, 0x00ff0000), -EIO);
		T_EQ(result(v, 0x00010185), -EIO); /* no verdict on the tag */
		T_EQ(result(v, 0x05000101), 0);	   /* a warning */
	}
}

static void tags_come_back(void)
{
	struct sec_sqe bd2 = cipher(2, cbc), bd3 = cipher(3, cbc);

	T_EQ(sec_codec(2)->tag(&bd2), TAG & 0xffff);
	T_EQ(sec_codec(3)->tag(&bd3), TAG);
}

static void generations_have_their_types(void)
{
	T_OK(!sec_codec(0) && !sec_codec(1));
	T_STR(sec_codec(2)->name, "BD2");
	T_STR(sec_codec(3)->name, "BD3");
	T_STR(sec_codec(5)->name, "BD3");
	T_EQ(sec_codec(2)->field_count, SEC_BD2_FIELDS);
	T_EQ(sec_codec(4)->field_count, SEC_BD3_FIELDS);
}

static void list_of(struct sec_sgl *sgl, uint32_t first, uint32_t second)
{
	sec_sgl_init(sgl, 2);
	T_EQ(sec_sgl_add(sgl, SRC, first), 0);
	T_EQ(sec_sgl_add(sgl, DST, second), 0);
}

static void a_list_of_two_parts(void)
{
	struct sec_sgl sgl;
	static const uint32_t head[16] = { 0, 0, 0x00020002, 0x00000002 };
	static const uint32_t entries[16] = {
		0xc0000003, 0x0000c003, 0, 0, 13, 0, 0, 0,
		0xc0000004, 0x0000c004, 0, 0, 70, 0, 0, 0,
	};

	memset(&sgl, 0xff, sizeof(sgl));
	list_of(&sgl, 13, 70);
	T_MEM(&sgl, head, 64);
	T_MEM(sgl.entry, entries, 64);
}

static void an_empty_part_gets_no_entry(void)
{
	struct sec_sgl sgl;

	list_of(&sgl, 0, 70);
	T_EQ(sgl.sum_in_sgl, 1);
	T_EQ(sgl.entry[0].addr, DST);
	T_EQ(sgl.entry[0].len, 70);
	T_EQ(sgl.entry[1].addr, 0);
	list_of(&sgl, 13, 0);
	T_EQ(sgl.sum_in_sgl, 1);
	T_EQ(sgl.entry[0].addr, SRC);
}

static void a_full_list_takes_no_more(void)
{
	struct sec_sgl sgl, before;

	list_of(&sgl, 1, 2);
	before = sgl;
	T_EQ(sec_sgl_add(&sgl, SRC, 1), -ENOSPC);
	T_EQ(sec_sgl_add(&sgl, SRC, 0), 0);
	T_MEM(&sgl, &before, sizeof(sgl));
}

/* No entry has more than 8 MiB. */
static void a_long_part_gets_several_entries(void)
{
	struct {
		struct sec_sgl sgl;
		struct sec_sgl_entry third, fourth;
	} l;

	memset(&l, 0xff, sizeof(l));
	sec_sgl_init(&l.sgl, 4);
	T_EQ(sec_sgl_add(&l.sgl, SRC, 13), 0);
	T_EQ(sec_sgl_add(&l.sgl, DST, SEC_LEN_MAX - 13), 0);
	T_EQ(l.sgl.sum_in_sgl, 3);
	T_EQ(l.sgl.length_in_sgl, 4);
	T_EQ(l.sgl.sum_in_chain, 4);
	T_EQ(l.sgl.entry[1].addr, DST);
	T_EQ(l.sgl.entry[1].len, 8u << 20);
	T_EQ(l.third.addr, DST + (8u << 20));
	T_EQ(l.third.len, SEC_LEN_MAX - 13 - (8u << 20));
	T_EQ(l.fourth.addr, 0);
	T_EQ(sec_sgl_add(&l.sgl, SRC, (8u << 20) + 1), -ENOSPC);
	T_EQ(l.sgl.sum_in_sgl, 3);
}

static const char *dump(unsigned int v, const struct sec_sqe *sqe)
{
	static char text[512];

	wd_fields_dump(text, sizeof(text), sqe->w, sec_codec(v)->fields,
		       sec_codec(v)->field_count);
	return text;
}

static void a_dump_names_what_is_set(void)
{
	struct sec_cipher_op op = { .alg = SEC_SM4_CBC,
				    .key_len = 16,
				    .len = 32,
				    .key = 1,
				    .iv = 2,
				    .src = 3,
				    .dst = 4,
				    .tag = 5 };
	struct sec_sqe bd2 = cipher(2, op), bd3 = cipher(3, op);

	T_STR(dump(2, &bd2),
	      "TYPE=0x2 CIPHER=0x2 DE=0x1 SCENE=0x1 C_MODE=0x1 C_ALG=0x3 "
	      "C_LEN=0x20 TAG=0x5 C_IVIN_LO=0x2 C_KEY_LO=0x1 SRC_LO=0x3 "
	      "DST_LO=0x4 ");
	T_STR(dump(3, &bd3),
	      "TYPE=0x3 SCENE=0x1 DE=0x1 CIPHER=0x2 C_MODE=0x1 C_ALG=0x3 "
	      "TAG_LO=0x5 SRC_LO=0x3 C_KEY_LO=0x1 C_LEN=0x20 DST_LO=0x4 "
	      "C_IVIN_LO=0x2 ");
}

T_MAIN(T_CASE(bd2_aes128_cbc), T_CASE(bd3_aes128_cbc),
       T_CASE(decryption_changes_the_direction_alone),
       T_CASE(bd2_and_bd3_ciphers_and_key_lengths),
       T_CASE(scatter_lists_as_the_kernel_names_them), T_CASE(bd2_aes256_gcm),
       T_CASE(bd3_aes256_gcm), T_CASE(one_shot_digests), T_CASE(an_sm3_stream),
       T_CASE(a_sha256_stream), T_CASE(refused_ciphers_are_not_written),
       T_CASE(refused_digests_are_not_written), T_CASE(the_largest_job_fits),
       T_CASE(empty_jobs_are_for_the_later_engine),
       T_CASE(answers_are_told_apart), T_CASE(tags_come_back),
       T_CASE(generations_have_their_types), T_CASE(a_list_of_two_parts),
       T_CASE(an_empty_part_gets_no_entry), T_CASE(a_full_list_takes_no_more),
       T_CASE(a_long_part_gets_several_entries),
       T_CASE(a_dump_names_what_is_set))
