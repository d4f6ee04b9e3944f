/* SPDX-License-Identifier: Apache-2.0 */
/* HPRE descriptors in raw words, and key blocks byte by byte. */
#include <errno.h>

#include "hw/hpre/hpre.h"
#include "test/t.h"

static const struct hpre_op crt2048 = {
	.alg = HPRE_ALG_RSA_CRT,
	.width = 256,
	.key = 0x1111111122222222,
	.in = 0x3333333344444444,
	.out = 0x5555555566666666,
	.tag = 0x7777777788888888,
};

static void rsa2048_crt_is_these_words(void)
{
	static const uint32_t raw[HPRE_SQE_WORDS] = {
		0x40000001, 0x0000001f, 0x22222222, 0x11111111, 0x44444444,
		0x33333333, 0x66666666, 0x55555555, 0x88888888, 0x77777777,
	};
	struct hpre_sqe sqe;

	memset(&sqe, 0xff, sizeof(sqe));
	T_EQ(hpre_encode(&sqe, &crt2048), 0);
	T_MEM(sqe.w, raw, sizeof(raw));
}

static void every_rsa_width_has_its_length_code(void)
{
	static const struct {
		uint32_t width, dw1;
	} w[] = { { 128, 15 }, { 256, 31 }, { 384, 47 }, { 512, 63 } };

	for (size_t i = 0; i < 4; i++) {
		struct hpre_op op = crt2048;
		struct hpre_sqe sqe;

		op.width = w[i].width;
		op.alg = HPRE_ALG_MODEXP;
		T_EQ(hpre_encode(&sqe, &op), 0);
		T_EQ(sqe.w[0], 0x40000000);
		T_EQ(sqe.w[1], w[i].dw1);
		T_OK(hpre_rsa_bits_ok(w[i].width * 8));
	}
}

static void other_rsa_sizes_are_for_software(void)
{
	static const unsigned int bits[] = { 0,	   512,	 1023, 1025, 1536,
					     2047, 2056, 4095, 8192 };

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		T_OK(!hpre_rsa_bits_ok(bits[i]));
}

static void dh_has_widths_of_its_own(void)
{
	struct hpre_op op = crt2048;
	struct hpre_sqe sqe;

	op.alg = HPRE_ALG_DH;
	op.width = 96;
	T_EQ(hpre_encode(&sqe, &op), 0);
	T_EQ(sqe.w[0], 0x40000005);
	T_EQ(sqe.w[1], 11);
	op.alg = HPRE_ALG_DH_G2;
	op.width = 192;
	op.in = 0;
	T_EQ(hpre_encode(&sqe, &op), 0);
	T_EQ(sqe.w[0], 0x40000004);
	T_EQ(sqe.w[1], 23);
}

static void refuse(struct hpre_op op)
{
	struct hpre_sqe sqe, before;

	memset(&sqe, 0xa5, sizeof(sqe));
	before = sqe;
	T_EQ(hpre_encode(&sqe, &op), -EINVAL);
	T_MEM(&sqe, &before, sizeof(sqe));
}

static void what_is_refused_is_not_written(void)
{
	struct hpre_op op;

#define REFUSE(field, value)                                                   \
	do {                                                                   \
		op = crt2048;                                                  \
		op.field = (value);                                            \
		refuse(op);                                                    \
	} while (0)
	REFUSE(width, 0);
	REFUSE(width, 96);
	REFUSE(width, 255);
	REFUSE(width, 1024);
	REFUSE(key, 0);
	REFUSE(in, 0);
	REFUSE(out, 0);
	REFUSE(alg, (enum hpre_alg)6);
	REFUSE(alg, (enum hpre_alg)0x1d);
#undef REFUSE
}

static int result(uint32_t dw0)
{
	struct hpre_sqe sqe = { { dw0 } };

	return hpre_result(&sqe);
}

static void answers_are_told_apart(void)
{
	T_EQ(result(0xc0000001), 0);
	T_EQ(result(0x40000001), -EINPROGRESS);
	T_EQ(result(0x00000001), -EINPROGRESS);
	T_EQ(result(0xc0000021), -EIO); /* etype */
	T_EQ(result(0xc0008001), -EIO);
	T_EQ(result(0xc0200001), -EIO); /* etype1: prefetch */
	T_EQ(result(0xe0000001), -EIO);
	T_EQ(result(0x40000021), -EIO);
}

static void key_blocks_have_their_sizes(void)
{
	T_EQ(hpre_key_size(HPRE_ALG_MODEXP, 256), 512);
	T_EQ(hpre_key_size(HPRE_ALG_RSA_CRT, 256), 640);
	T_EQ(hpre_key_size(HPRE_ALG_RSA_CRT, 128), 320);
	T_EQ(hpre_key_size(HPRE_ALG_DH, 96), 192);
	T_EQ(hpre_key_size(HPRE_ALG_DH_G2, 512), 1024);
	T_EQ(hpre_key_size(HPRE_ALG_RSA_CRT, 96), 0);
	T_EQ(hpre_key_size((enum hpre_alg)6, 256), 0);
}

/* A number whose bytes are all @v, but the last is 1. */
static struct hpre_num number(uint8_t *mem, size_t len, uint8_t v)
{
	memset(mem, v, len);
	mem[len - 1] = 1;
	return (struct hpre_num){ mem, len };
}

static void an_exponent_lies_right_aligned_before_the_modulus(void)
{
	static const uint8_t e[] = { 1, 0, 1 };
	uint8_t n[128], block[256], expect[256] = { 0 };

	memset(block, 0xee, sizeof(block));
	T_EQ(hpre_key_modexp(block, 128, (struct hpre_num){ e, 3 },
			     number(n, 128, 0xc3)),
	     0);
	memcpy(expect + 125, e, 3);
	memcpy(expect + 128, n, 128);
	T_MEM(block, expect, sizeof(block));
}

static void crt_parts_lie_in_the_engines_order(void)
{
	uint8_t p[65], q[64], dp[64], dq[60], qinv[64], block[320];
	uint8_t expect[320] = { 0 };
	struct hpre_rsa_crt crt = {
		.p = number(p, 65, 0x11),
		.q = number(q, 64, 0x22),
		.dp = number(dp, 64, 0x33),
		.dq = number(dq, 60, 0x44),
		.qinv = number(qinv, 64, 0x55),
	};

	p[0] = 0; /* a leading zero is no width */
	T_EQ(hpre_key_rsa_crt(block, 128, &crt), 0);
	memcpy(expect + 4, dq, 60);
	memcpy(expect + 64, dp, 64);
	memcpy(expect + 128, q, 64);
	memcpy(expect + 192, p + 1, 64);
	memcpy(expect + 256, qinv, 64);
	T_MEM(block, expect, sizeof(block));
}

static void bad_keys_are_refused_and_not_written(void)
{
	uint8_t mem[5][65], block[320], before[320];
	struct hpre_rsa_crt good = {
		.p = number(mem[0], 64, 1),
		.q = number(mem[1], 64, 2),
		.dp = number(mem[2], 64, 3),
		.dq = number(mem[3], 64, 4),
		.qinv = number(mem[4], 64, 5),
	};
	static const uint8_t wide[65] = { 1, [64] = 1 }, zero[64];
	static const uint8_t even[64] = { [63] = 2 }, one[] = { 1 };
	const struct hpre_num bad[] = {
		{ wide, 65 },
		{ zero, 64 },
		{ zero, 0 },
		{ NULL, 0 },
	};
	struct hpre_num one_num = { one, 1 }, even_num = { even, 64 };

	memset(block, 0xdd, sizeof(block));
	memcpy(before, block, sizeof(block));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hpre_num *part[] = { &good.p, &good.q, &good.dp,
					    &good.dq, &good.qinv };

		for (size_t j = 0; j < 5; j++) {
			struct hpre_num was = *part[j];

			*part[j] = bad[i];
			T_EQ(hpre_key_rsa_crt(block, 128, &good), -EINVAL);
			*part[j] = was;
		}
	}
	T_EQ(hpre_key_rsa_crt(block, 96, &good), -EINVAL);
	good.q = even_num;
	T_EQ(hpre_key_rsa_crt(block, 128, &good), -EINVAL);
	T_EQ(hpre_key_modexp(block, 128, one_num, even_num), -EINVAL);
	T_EQ(hpre_key_modexp(block, 128, bad[1], one_num), -EINVAL);
	T_EQ(hpre_key_modexp(block, 129, one_num, one_num), -EINVAL);
	T_MEM(block, before, sizeof(block));
}

static void a_dump_names_what_is_set(void)
{
	struct hpre_op op = {
		.alg = HPRE_ALG_RSA_CRT,
		.width = 256,
		.key = 1,
		.in = 2,
		.out = 3,
		.tag = 4,
	};
	struct hpre_sqe sqe;
	char text[256];

	T_EQ(hpre_encode(&sqe, &op), 0);
	wd_fields_dump(text, sizeof(text), sqe.w, hpre_fields, HPRE_FIELDS);
	T_STR(text, "ALG=0x1 DONE=0x1 TASK_LEN1=0x1f KEY_LO=0x1 IN_LO=0x2 "
		    "OUT_LO=0x3 TAG_LO=0x4 ");
}

T_MAIN(T_CASE(rsa2048_crt_is_these_words),
       T_CASE(every_rsa_width_has_its_length_code),
       T_CASE(other_rsa_sizes_are_for_software),
       T_CASE(dh_has_widths_of_its_own), T_CASE(what_is_refused_is_not_written),
       T_CASE(answers_are_told_apart), T_CASE(key_blocks_have_their_sizes),
       T_CASE(an_exponent_lies_right_aligned_before_the_modulus),
       T_CASE(crt_parts_lie_in_the_engines_order),
       T_CASE(bad_keys_are_refused_and_not_written),
       T_CASE(a_dump_names_what_is_set))
