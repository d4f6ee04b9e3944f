/* SPDX-License-Identifier: Apache-2.0 */
#include "test/emu/pk_cases.h"

#include <errno.h>

static void set(struct pk_numbers *s, enum hpre_number number, const char *hex)
{
	s->n[number].p = s->mem[number];
	s->n[number].len = t_hex(s->mem[number], sizeof(s->mem[0]), hex);
}

/* A number of the output, kept. */
static void keep(struct pk_numbers *s, enum hpre_number number,
		 const struct hpre_num *from)
{
	memcpy(s->mem[number], from->p, from->len);
	s->n[number] = (struct hpre_num){ s->mem[number], from->len };
}

static void is(const struct hpre_num *n, const char *hex)
{
	uint8_t want[HPRE_WIDTH_MAX], got[HPRE_WIDTH_MAX];
	size_t len = t_hex(want, sizeof(want), hex);

	T_EQ(hpre_num_put(got, len, *n), 0);
	T_MEM(got, want, len);
}

static void p256(struct pk_numbers *s)
{
	memset(s, 0, sizeof(*s));
	set(s, HPRE_FIELD,
	    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
	set(s, HPRE_A,
	    "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc");
	set(s, HPRE_B,
	    "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");
	set(s, HPRE_ORDER,
	    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
	set(s, HPRE_GX,
	    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
	set(s, HPRE_GY,
	    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
	/* RFC 6979, A.2.5 */
	set(s, HPRE_SCALAR,
	    "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
	set(s, HPRE_QX,
	    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6");
	set(s, HPRE_QY,
	    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
	set(s, HPRE_HASH,
	    "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf");
	set(s, HPRE_NONCE,
	    "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60");
}

void ecdsa_signs_as_rfc_6979_and_verifies(void)
{
	static struct pk_numbers s;
	struct hpre_op op = { .alg = HPRE_ALG_ECDSA_SIGN, .width = 32 };
	struct hpre_num out[HPRE_NUMBERS] = { { 0 } };
	uint8_t buf[HPRE_OUT_MAX];

	p256(&s);
	T_EQ(pk_run(op, &s, buf, out), 0);
	is(&out[HPRE_R],
	   "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
	is(&out[HPRE_S],
	   "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
	keep(&s, HPRE_R, &out[HPRE_R]);
	keep(&s, HPRE_S, &out[HPRE_S]);
	op.alg = HPRE_ALG_ECDSA_VERIFY;
	T_EQ(pk_run(op, &s, NULL, NULL), 0);
	s.mem[HPRE_S][31] ^= 1;
	T_EQ(pk_run(op, &s, NULL, NULL), -EBADMSG);
	s.mem[HPRE_S][31] ^= 1;
	s.mem[HPRE_HASH][0] ^= 1;
	T_EQ(pk_run(op, &s, NULL, NULL), -EBADMSG);
}

void a_public_key_is_its_scalar_times_g(void)
{
	static struct pk_numbers s;
	struct hpre_op op = { .alg = HPRE_ALG_EC_MUL, .width = 32 };
	struct hpre_num out[HPRE_NUMBERS] = { { 0 } };
	uint8_t buf[HPRE_OUT_MAX];

	p256(&s);
	s.n[HPRE_X] = s.n[HPRE_GX];
	s.n[HPRE_Y] = s.n[HPRE_GY];
	for (int fast = 0; fast <= 1; fast++) {
		op.fast = fast;
		T_EQ(pk_run(op, &s, buf, out), 0);
		T_MEM(out[HPRE_X].p, s.mem[HPRE_QX], 32);
		T_MEM(out[HPRE_Y].p, s.mem[HPRE_QY], 32);
	}
	s.mem[HPRE_GY][31] ^= 1; /* off the curve */
	T_EQ(pk_run(op, &s, buf, out), -EIO);
}

/* RFC 7748, 5.2 */
void x25519_of_rfc_7748(void)
{
	static struct pk_numbers s;
	struct hpre_op op = { .alg = HPRE_ALG_MONTGOMERY, .width = 32 };
	struct hpre_num out[HPRE_NUMBERS] = { { 0 } };
	uint8_t buf[HPRE_OUT_MAX];

	set(&s, HPRE_FIELD,
	    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed");
	set(&s, HPRE_A24, "01db41");
	set(&s, HPRE_SCALAR,
	    "449a44ba44226a50185afcc10a4c1462dd5e46824b15163b9d7c52f06be346a0");
	set(&s, HPRE_U,
	    "4c1cabd0a603a9103b35b326ec2466727c5fb124a4c19435db3030586768dbe6");
	T_EQ(pk_run(op, &s, buf, out), 0);
	is(&out[HPRE_U],
	   "5285a2775507b454f7711c4903cfec324f088df24dea948e90c6e99d3755dac3");
}

/* Both generators' sides of one exchange, in a field of 2^1024 - 105. */
void dh_with_and_without_its_own_generator_agree(void)
{
	static struct pk_numbers s;
	struct hpre_op op = { .alg = HPRE_ALG_DH_G2, .width = 128 };
	struct hpre_num out[HPRE_NUMBERS] = { { 0 } };
	uint8_t buf[HPRE_OUT_MAX], first[128];

	memset(s.mem[HPRE_MODULUS], 0xff, 128);
	s.mem[HPRE_MODULUS][127] = 0x97;
	s.n[HPRE_MODULUS] = (struct hpre_num){ s.mem[HPRE_MODULUS], 128 };
	set(&s, HPRE_EXPONENT, "0123456789abcdef0123456789abcdef");
	set(&s, HPRE_PUBLIC, "02");
	T_EQ(pk_run(op, &s, buf, out), 0);
	memcpy(first, out[HPRE_PUBLIC].p, 128);
	op.alg = HPRE_ALG_DH;
	T_EQ(pk_run(op, &s, buf, out), 0);
	T_MEM(out[HPRE_PUBLIC].p, first, 128);
}

/* GM/T 0003.5, the recommended curve: a signature and an encryption */
static void sm2(struct pk_numbers *s)
{
	memset(s, 0, sizeof(*s));
	set(s, HPRE_FIELD,
	    "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff");
	set(s, HPRE_A,
	    "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc");
	set(s, HPRE_B,
	    "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93");
	set(s, HPRE_ORDER,
	    "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123");
	set(s, HPRE_GX,
	    "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7");
	set(s, HPRE_GY,
	    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0");
	set(s, HPRE_SCALAR,
	    "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8");
	set(s, HPRE_QX,
	    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020");
	set(s, HPRE_QY,
	    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13");
	set(s, HPRE_HASH,
	    "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640");
	set(s, HPRE_NONCE,
	    "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21");
	set(s, HPRE_TEXT, "656e6372797074696f6e207374616e64617264");
}

void sm2_signs_as_the_standard_and_verifies(void)
{
	static struct pk_numbers s;
	struct hpre_op op = { .alg = HPRE_ALG_SM2_SIGN, .width = 32 };
	struct hpre_num out[HPRE_NUMBERS] = { { 0 } };
	uint8_t buf[HPRE_OUT_MAX];

	sm2(&s);
	T_EQ(pk_run(op, &s, buf, out), 0);
	is(&out[HPRE_R],
	   "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3");
	is(&out[HPRE_S],
	   "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa");
	op.device_nonce = true;
	T_EQ(pk_run(op, &s, buf, out), 0);
	keep(&s, HPRE_R, &out[HPRE_R]);
	keep(&s, HPRE_S, &out[HPRE_S]);
	op.device_nonce = false;
	op.alg = HPRE_ALG_SM2_VERIFY;
	T_EQ(pk_run(op, &s, NULL, NULL), 0);
	s.mem[HPRE_R][31] ^= 1;
	T_EQ(pk_run(op, &s, NULL, NULL), -EBADMSG);
}

void sm2_encrypts_as_the_standard_and_decrypts(void)
{
	static struct pk_numbers s;
	struct hpre_op op = {
		.alg = HPRE_ALG_SM2_ENC,
		.width = 32,
		.msg_len = 19,
	};
	struct hpre_num out[HPRE_NUMBERS] = { { 0 } };
	uint8_t buf[HPRE_OUT_MAX], text[19];

	sm2(&s);
	memcpy(text, s.mem[HPRE_TEXT], sizeof(text));
	T_EQ(pk_run(op, &s, buf, out), 0);
	is(&out[HPRE_X],
	   "04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73");
	is(&out[HPRE_Y],
	   "e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0");
	is(&out[HPRE_TEXT], "21886ca989ca9c7d58087307ca93092d651efa");
	is(&out[HPRE_CHECK],
	   "59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766");
	op.device_nonce = true;
	T_EQ(pk_run(op, &s, buf, out), 0);
	keep(&s, HPRE_X, &out[HPRE_X]);
	keep(&s, HPRE_Y, &out[HPRE_Y]);
	keep(&s, HPRE_TEXT, &out[HPRE_TEXT]);
	keep(&s, HPRE_CHECK, &out[HPRE_CHECK]);
	op.device_nonce = false;
	op.alg = HPRE_ALG_SM2_DEC;
	T_EQ(pk_run(op, &s, buf, out), 0);
	T_MEM(out[HPRE_TEXT].p, text, sizeof(text));
	s.mem[HPRE_CHECK][0] ^= 1;
	T_EQ(pk_run(op, &s, buf, out), -EIO);
}

void a_new_sm2_key_signs(void)
{
	static struct pk_numbers s;
	struct hpre_op op = { .alg = HPRE_ALG_SM2_GEN, .width = 32 };
	struct hpre_num out[HPRE_NUMBERS] = { { 0 } };
	uint8_t buf[HPRE_OUT_MAX];

	sm2(&s);
	s.n[HPRE_X] = s.n[HPRE_GX];
	s.n[HPRE_Y] = s.n[HPRE_GY];
	T_EQ(pk_run(op, &s, buf, out), 0);
	keep(&s, HPRE_QX, &out[HPRE_X]);
	keep(&s, HPRE_QY, &out[HPRE_Y]);
	keep(&s, HPRE_SCALAR, &out[HPRE_SCALAR]);
	op.alg = HPRE_ALG_SM2_SIGN;
	T_EQ(pk_run(op, &s, buf, out), 0);
	keep(&s, HPRE_R, &out[HPRE_R]);
	keep(&s, HPRE_S, &out[HPRE_S]);
	op.alg = HPRE_ALG_SM2_VERIFY;
	T_EQ(pk_run(op, &s, NULL, NULL), 0);
}

/* Two primes of 512 bits: 2^512 - 569 and 2^512 - 629. */
void a_new_rsa_key_undoes_its_exponent(void)
{
	static struct pk_numbers s;
	struct hpre_op op = { .alg = HPRE_ALG_RSA_GEN_CRT, .width = 128 };
	struct hpre_num out[HPRE_NUMBERS] = { { 0 } };
	uint8_t buf[HPRE_OUT_MAX], power[128];

	memset(s.mem[HPRE_P], 0xff, 64);
	memset(s.mem[HPRE_Q], 0xff, 64);
	s.mem[HPRE_P][62] = 0xfd;
	s.mem[HPRE_P][63] = 0xc7;
	s.mem[HPRE_Q][62] = 0xfd;
	s.mem[HPRE_Q][63] = 0x8b;
	s.n[HPRE_P] = (struct hpre_num){ s.mem[HPRE_P], 64 };
	s.n[HPRE_Q] = (struct hpre_num){ s.mem[HPRE_Q], 64 };
	set(&s, HPRE_EXPONENT, "010001");
	T_EQ(pk_run(op, &s, buf, out), 0);
	keep(&s, HPRE_MODULUS, &out[HPRE_MODULUS]);
	keep(&s, HPRE_D, &out[HPRE_D]);
	keep(&s, HPRE_QINV, &out[HPRE_QINV]);
	keep(&s, HPRE_DQ, &out[HPRE_DQ]);
	keep(&s, HPRE_DP, &out[HPRE_DP]);

	op.alg = HPRE_ALG_MODEXP;
	set(&s, HPRE_BASE, "1234567890");
	T_EQ(pk_run(op, &s, buf, out), 0);
	memcpy(power, out[HPRE_POWER].p, 128);
	s.n[HPRE_BASE] = (struct hpre_num){ power, 128 };
	s.n[HPRE_EXPONENT] = s.n[HPRE_D];
	T_EQ(pk_run(op, &s, buf, out), 0);
	is(&out[HPRE_POWER], "1234567890");
	op.alg = HPRE_ALG_RSA_CRT;
	T_EQ(pk_run(op, &s, buf, out), 0);
	is(&out[HPRE_POWER], "1234567890");
}
