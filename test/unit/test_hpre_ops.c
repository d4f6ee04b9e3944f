/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operation of HPRE in raw words, and its buffers byte by byte.  What is
 * expected are worked values from what the public drivers fill in, not made
 * from the tables: docs/hw/hpre.md#worked.
 */
#include <errno.h>

#include "hw/hpre/hpre.h"
#include "test/t.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define KEY 0x1111111122222222
#define IN  0x3333333344444444
#define OUT 0x5555555566666666
#define TAG 0x7777777788888888

static struct hpre_op make(enum hpre_alg alg, uint32_t width)
{
	return (struct hpre_op){
		.alg = alg,
		.width = width,
		.key = KEY,
		.in = IN,
		.out = OUT,
		.tag = TAG,
	};
}

/* A field of a buffer: where it begins and which number is in it. */
struct at {
	size_t offset;
	enum hpre_number number;
};

/* Addresses other than the usual. */
enum { NO_IN = 1, OUT_IS_IN = 2 };

static const struct request {
	const char *name;
	struct hpre_op op; /* alg, width and options */
	uint32_t dw0, dw1, dw10, addresses, qm;
	int queue_type;
	size_t key_size, in_size, out_size;
	struct at key[8], in[4], out[5];
} requests[] = {
	{ "RSA-2048 key generation",
	  { .alg = HPRE_ALG_RSA_GEN, .width = 256 },
	  0x40000002,
	  0x1f,
	  0,
	  NO_IN,
	  2,
	  0,
	  512,
	  0,
	  512,
	  { { 0x000, HPRE_EXPONENT }, { 0x100, HPRE_P }, { 0x180, HPRE_Q } },
	  { { 0 } },
	  { { 0x000, HPRE_D }, { 0x100, HPRE_MODULUS } } },
	{ "RSA-2048 key generation, CRT",
	  { .alg = HPRE_ALG_RSA_GEN_CRT, .width = 256 },
	  0x40000003,
	  0x1f,
	  0,
	  NO_IN,
	  2,
	  0,
	  512,
	  0,
	  896,
	  { { 0x000, HPRE_EXPONENT }, { 0x100, HPRE_P }, { 0x180, HPRE_Q } },
	  { { 0 } },
	  { { 0x000, HPRE_D },
	    { 0x100, HPRE_MODULUS },
	    { 0x200, HPRE_QINV },
	    { 0x280, HPRE_DQ },
	    { 0x300, HPRE_DP } } },
	{ "RSA-1024, public",
	  { .alg = HPRE_ALG_MODEXP, .width = 128 },
	  0x40000000,
	  0x0f,
	  0,
	  0,
	  2,
	  0,
	  256,
	  128,
	  128,
	  { { 0x00, HPRE_EXPONENT }, { 0x80, HPRE_MODULUS } },
	  { { 0, HPRE_BASE } },
	  { { 0, HPRE_POWER } } },
	{ "DH-768",
	  { .alg = HPRE_ALG_DH, .width = 96 },
	  0x40000005,
	  0x0b,
	  0,
	  0,
	  2,
	  0,
	  192,
	  96,
	  96,
	  { { 0x00, HPRE_EXPONENT }, { 0x60, HPRE_MODULUS } },
	  { { 0, HPRE_PUBLIC } },
	  { { 0, HPRE_PUBLIC } } },
	{ "DH-1536, g = 2",
	  { .alg = HPRE_ALG_DH_G2, .width = 192 },
	  0x40000004,
	  0x17,
	  0,
	  NO_IN,
	  2,
	  0,
	  384,
	  0,
	  192,
	  { { 0x00, HPRE_EXPONENT }, { 0xc0, HPRE_MODULUS } },
	  { { 0 } },
	  { { 0, HPRE_PUBLIC } } },
	{ "ECDH P-384",
	  { .alg = HPRE_ALG_EC_MUL, .width = 48 },
	  0x4000000d,
	  0x05,
	  0,
	  0,
	  3,
	  1,
	  192,
	  96,
	  96,
	  { { 0x00, HPRE_FIELD },
	    { 0x30, HPRE_A },
	    { 0x60, HPRE_SCALAR },
	    { 0x90, HPRE_B } },
	  { { 0x00, HPRE_X }, { 0x30, HPRE_Y } },
	  { { 0x00, HPRE_X }, { 0x30, HPRE_Y } } },
	{ "ECDH P-256",
	  { .alg = HPRE_ALG_EC_MUL, .width = 32, .fast = true },
	  0x4000000d,
	  0x80000003,
	  0,
	  0,
	  3,
	  1,
	  128,
	  64,
	  64,
	  { { 0x00, HPRE_FIELD },
	    { 0x20, HPRE_A },
	    { 0x40, HPRE_SCALAR },
	    { 0x60, HPRE_B } },
	  { { 0x00, HPRE_X }, { 0x20, HPRE_Y } },
	  { { 0x00, HPRE_X }, { 0x20, HPRE_Y } } },
	{ "ECDSA P-256 signature",
	  { .alg = HPRE_ALG_ECDSA_SIGN, .width = 32 },
	  0x4000000e,
	  0x03,
	  0,
	  0,
	  3,
	  1,
	  224,
	  64,
	  64,
	  { { 0x00, HPRE_FIELD },
	    { 0x20, HPRE_A },
	    { 0x40, HPRE_SCALAR },
	    { 0x60, HPRE_B },
	    { 0x80, HPRE_ORDER },
	    { 0xa0, HPRE_GX },
	    { 0xc0, HPRE_GY } },
	  { { 0x00, HPRE_HASH }, { 0x20, HPRE_NONCE } },
	  { { 0x00, HPRE_R }, { 0x20, HPRE_S } } },
	{ "ECDSA P-256 verification",
	  { .alg = HPRE_ALG_ECDSA_VERIFY, .width = 32 },
	  0x4000000f,
	  0x03,
	  0,
	  OUT_IS_IN,
	  3,
	  1,
	  256,
	  96,
	  0,
	  { { 0x00, HPRE_FIELD },
	    { 0x20, HPRE_A },
	    { 0x40, HPRE_B },
	    { 0x60, HPRE_ORDER },
	    { 0x80, HPRE_GX },
	    { 0xa0, HPRE_GY },
	    { 0xc0, HPRE_QX },
	    { 0xe0, HPRE_QY } },
	  { { 0x00, HPRE_HASH }, { 0x20, HPRE_S }, { 0x40, HPRE_R } },
	  { { 0 } } },
	{ "ECDSA P-521 signature",
	  { .alg = HPRE_ALG_ECDSA_SIGN, .width = 72 },
	  0x4000000e,
	  0x08,
	  0,
	  0,
	  3,
	  1,
	  504,
	  144,
	  144,
	  { { 0x000, HPRE_FIELD },
	    { 0x048, HPRE_A },
	    { 0x090, HPRE_SCALAR },
	    { 0x0d8, HPRE_B },
	    { 0x120, HPRE_ORDER },
	    { 0x168, HPRE_GX },
	    { 0x1b0, HPRE_GY } },
	  { { 0x00, HPRE_HASH }, { 0x48, HPRE_NONCE } },
	  { { 0x00, HPRE_R }, { 0x48, HPRE_S } } },
	{ "X25519",
	  { .alg = HPRE_ALG_MONTGOMERY, .width = 32 },
	  0x40000010,
	  0x03,
	  0,
	  0,
	  3,
	  1,
	  96,
	  32,
	  32,
	  { { 0x00, HPRE_FIELD }, { 0x20, HPRE_A24 }, { 0x40, HPRE_SCALAR } },
	  { { 0x00, HPRE_U } },
	  { { 0x00, HPRE_U } } },
	{ "X448",
	  { .alg = HPRE_ALG_MONTGOMERY, .width = 72 },
	  0x40000010,
	  0x08,
	  0,
	  0,
	  3,
	  1,
	  216,
	  72,
	  72,
	  { { 0x00, HPRE_FIELD }, { 0x48, HPRE_A24 }, { 0x90, HPRE_SCALAR } },
	  { { 0x00, HPRE_U } },
	  { { 0x00, HPRE_U } } },
	{ "SM2 key generation",
	  { .alg = HPRE_ALG_SM2_GEN, .width = 32 },
	  0x40000011,
	  0x03,
	  0,
	  0,
	  3,
	  1,
	  256,
	  64,
	  96,
	  { { 0x00, HPRE_FIELD },
	    { 0x20, HPRE_A },
	    { 0x40, HPRE_B },
	    { 0x60, HPRE_ORDER },
	    { 0x80, HPRE_GX },
	    { 0xa0, HPRE_GY } },
	  { { 0x00, HPRE_X }, { 0x20, HPRE_Y } },
	  { { 0x00, HPRE_X }, { 0x20, HPRE_Y }, { 0x40, HPRE_SCALAR } } },
	{ "SM2 signature",
	  { .alg = HPRE_ALG_SM2_SIGN, .width = 32 },
	  0x40000012,
	  0x03,
	  0,
	  0,
	  3,
	  1,
	  224,
	  64,
	  64,
	  { { 0x00, HPRE_FIELD },
	    { 0x20, HPRE_A },
	    { 0x40, HPRE_SCALAR },
	    { 0x60, HPRE_B },
	    { 0x80, HPRE_ORDER },
	    { 0xa0, HPRE_GX },
	    { 0xc0, HPRE_GY } },
	  { { 0x00, HPRE_HASH }, { 0x20, HPRE_NONCE } },
	  { { 0x00, HPRE_R }, { 0x20, HPRE_S } } },
	{ "SM2 signature, k of the device",
	  { .alg = HPRE_ALG_SM2_SIGN, .width = 32, .device_nonce = true },
	  0x40000012,
	  0x02000003,
	  0,
	  0,
	  3,
	  1,
	  224,
	  64,
	  64,
	  { { 0x00, HPRE_FIELD },
	    { 0x20, HPRE_A },
	    { 0x40, HPRE_SCALAR },
	    { 0x60, HPRE_B },
	    { 0x80, HPRE_ORDER },
	    { 0xa0, HPRE_GX },
	    { 0xc0, HPRE_GY } },
	  { { 0x00, HPRE_HASH } },
	  { { 0x00, HPRE_R }, { 0x20, HPRE_S } } },
	{ "SM2 verification",
	  { .alg = HPRE_ALG_SM2_VERIFY, .width = 32 },
	  0x40000013,
	  0x03,
	  0,
	  OUT_IS_IN,
	  3,
	  1,
	  256,
	  96,
	  0,
	  { { 0x00, HPRE_FIELD },
	    { 0x20, HPRE_A },
	    { 0x40, HPRE_B },
	    { 0x60, HPRE_ORDER },
	    { 0x80, HPRE_GX },
	    { 0xa0, HPRE_GY },
	    { 0xc0, HPRE_QX },
	    { 0xe0, HPRE_QY } },
	  { { 0x00, HPRE_HASH }, { 0x20, HPRE_S }, { 0x40, HPRE_R } },
	  { { 0 } } },
	{ "SM2 encryption of 20 bytes, k of the device",
	  { .alg = HPRE_ALG_SM2_ENC,
	    .width = 32,
	    .msg_len = 20,
	    .device_nonce = true },
	  0x40000014,
	  0x02000003,
	  0x13,
	  0,
	  3,
	  1,
	  256,
	  52,
	  116,
	  { { 0x00, HPRE_FIELD },
	    { 0x20, HPRE_A },
	    { 0x40, HPRE_B },
	    { 0x60, HPRE_ORDER },
	    { 0x80, HPRE_GX },
	    { 0xa0, HPRE_GY },
	    { 0xc0, HPRE_QX },
	    { 0xe0, HPRE_QY } },
	  { { 0x20, HPRE_TEXT } },
	  { { 0x00, HPRE_X },
	    { 0x20, HPRE_Y },
	    { 0x40, HPRE_TEXT },
	    { 0x54, HPRE_CHECK } } },
	{ "SM2 encryption of 20 bytes",
	  { .alg = HPRE_ALG_SM2_ENC, .width = 32, .msg_len = 20 },
	  0x40000014,
	  0x03,
	  0x13,
	  0,
	  3,
	  1,
	  256,
	  52,
	  116,
	  { { 0x00, HPRE_FIELD },
	    { 0x20, HPRE_A },
	    { 0x40, HPRE_B },
	    { 0x60, HPRE_ORDER },
	    { 0x80, HPRE_GX },
	    { 0xa0, HPRE_GY },
	    { 0xc0, HPRE_QX },
	    { 0xe0, HPRE_QY } },
	  { { 0x00, HPRE_NONCE }, { 0x20, HPRE_TEXT } },
	  { { 0x00, HPRE_X },
	    { 0x20, HPRE_Y },
	    { 0x40, HPRE_TEXT },
	    { 0x54, HPRE_CHECK } } },
	{ "SM2 decryption of 20 bytes",
	  { .alg = HPRE_ALG_SM2_DEC, .width = 32, .msg_len = 20 },
	  0x40000015,
	  0x03,
	  0x13,
	  0,
	  3,
	  1,
	  224,
	  116,
	  20,
	  { { 0x00, HPRE_FIELD },
	    { 0x20, HPRE_A },
	    { 0x40, HPRE_SCALAR },
	    { 0x60, HPRE_B },
	    { 0x80, HPRE_ORDER },
	    { 0xa0, HPRE_GX },
	    { 0xc0, HPRE_GY } },
	  { { 0x00, HPRE_X },
	    { 0x20, HPRE_Y },
	    { 0x40, HPRE_TEXT },
	    { 0x54, HPRE_CHECK } },
	  { { 0x00, HPRE_TEXT } } },
};

static struct hpre_op of(const struct request *r)
{
	struct hpre_op op = make(r->op.alg, r->op.width);

	op.msg_len = r->op.msg_len;
	op.device_nonce = r->op.device_nonce;
	op.fast = r->op.fast;
	return op;
}

static void every_operation_is_these_words(void)
{
	for (size_t i = 0; i < N(requests); i++) {
		const struct request *r = &requests[i];
		const uint64_t in = r->addresses & NO_IN ? 0 : IN;
		const uint64_t out = r->addresses & OUT_IS_IN ? IN : OUT;
		uint32_t raw[HPRE_SQE_WORDS] = {
			r->dw0,	       r->dw1,
			0x22222222,    0x11111111,
			(uint32_t)in,  (uint32_t)(in >> 32),
			(uint32_t)out, (uint32_t)(out >> 32),
			0x88888888,    0x77777777,
			r->dw10,
		};
		struct hpre_op op = of(r);
		struct hpre_sqe sqe;

		memset(&sqe, 0xff, sizeof(sqe));
		T_EQ(hpre_encode(&sqe, &op), 0);
		for (size_t w = 0; w < HPRE_SQE_WORDS; w++)
			if (sqe.w[w] != raw[w])
				t_fail(__FILE__, __LINE__,
				       "%s: dw%zu is %08x, expected %08x",
				       r->name, w, sqe.w[w], raw[w]);
	}
}

static void operations_have_their_generation_and_queue(void)
{
	for (size_t i = 0; i < N(requests); i++) {
		const struct request *r = &requests[i];

		for (unsigned int v = 0; v <= 5; v++)
			T_EQ(hpre_offers(v, r->op.alg, r->op.width),
			     v >= r->qm);
		T_EQ(hpre_queue_type(r->op.alg), r->queue_type);
	}
	T_OK(!hpre_offers(3, HPRE_ALG_EC_MUL, 64));
	T_OK(!hpre_offers(3, HPRE_ALG_MONTGOMERY, 48));
	T_OK(!hpre_offers(3, HPRE_ALG_SM2_SIGN, 48));
	T_OK(!hpre_offers(2, HPRE_ALG_MODEXP, 192));
	T_OK(!hpre_offers(3, (enum hpre_alg)0xb, 32));
	T_EQ(hpre_queue_type((enum hpre_alg)0xb), -EINVAL);
	T_EQ(hpre_queue_type((enum hpre_alg)0x16), -EINVAL);
}

static void operations_have_their_sizes(void)
{
	for (size_t i = 0; i < N(requests); i++) {
		const struct request *r = &requests[i];
		struct hpre_op op = of(r);

		T_EQ(hpre_key_size(op.alg, op.width), r->key_size);
		T_EQ(hpre_in_size(&op), r->in_size);
		T_EQ(hpre_out_size(&op), r->out_size);
	}
}

static void the_largest_buffers_are_known(void)
{
	struct hpre_op dec = make(HPRE_ALG_SM2_DEC, 32);
	struct hpre_op gen = make(HPRE_ALG_RSA_GEN_CRT, 512);

	dec.msg_len = 512;
	T_EQ(hpre_in_size(&dec), HPRE_IN_MAX);
	T_EQ(hpre_out_size(&gen), HPRE_OUT_MAX);
	T_EQ(hpre_key_size(HPRE_ALG_RSA_CRT, 512), HPRE_KEY_MAX);
}

/*
 * Numbers of @len bytes that a byte tells apart, the fields and orders above
 * all others, all odd.
 */
struct set {
	uint8_t mem[HPRE_NUMBERS][HPRE_WIDTH_MAX];
	struct hpre_num n[HPRE_NUMBERS];
};

static size_t length(const struct request *r, enum hpre_number number)
{
	switch (number) {
	case HPRE_P:
	case HPRE_Q:
	case HPRE_DP:
	case HPRE_DQ:
	case HPRE_QINV:
		return r->op.width / 2;
	case HPRE_TEXT:
		return r->op.msg_len;
	default:
		return r->op.width;
	}
}

static void fill(struct set *s, const struct request *r)
{
	memset(s, 0, sizeof(*s));
	for (unsigned int i = HPRE_EXPONENT; i < HPRE_NUMBERS; i++) {
		const size_t len = length(r, i);
		bool bound =
			i == HPRE_MODULUS || i == HPRE_FIELD || i == HPRE_ORDER;

		memset(s->mem[i], (int)(bound ? 0xc0 + i : 0x40 + i), len);
		if (len)
			s->mem[i][len - 1] |= 1;
		s->n[i] = (struct hpre_num){ s->mem[i], len };
	}
}

static void lay(uint8_t *to, const struct at *at, size_t n,
		const struct request *r, const struct set *s)
{
	for (size_t i = 0; i < n && at[i].number; i++)
		memcpy(to + at[i].offset, s->mem[at[i].number],
		       length(r, at[i].number));
}

static void key_and_input_lie_at_these_offsets(void)
{
	for (size_t i = 0; i < N(requests); i++) {
		const struct request *r = &requests[i];
		uint8_t block[HPRE_KEY_MAX], key[HPRE_KEY_MAX] = { 0 };
		uint8_t buf[HPRE_IN_MAX], in[HPRE_IN_MAX] = { 0 };
		struct hpre_op op = of(r);
		static struct set s;

		fill(&s, r);
		lay(key, r->key, N(r->key), r, &s);
		lay(in, r->in, N(r->in), r, &s);
		memset(block, 0xee, sizeof(block));
		memset(buf, 0xee, sizeof(buf));
		T_EQ(hpre_key(block, op.alg, op.width, s.n), 0);
		if (memcmp(block, key, r->key_size))
			t_fail(__FILE__, __LINE__, "%s: key", r->name);
		T_EQ(block[r->key_size < sizeof(block) ? r->key_size : 0],
		     r->key_size < sizeof(block) ? 0xee : block[0]);
		T_EQ(hpre_in(buf, &op, block, s.n), r->in_size ? 0 : -EINVAL);
		if (memcmp(buf, in, r->in_size))
			t_fail(__FILE__, __LINE__, "%s: input", r->name);
		T_EQ(buf[r->in_size], 0xee);
	}
}

static void output_is_found_at_these_offsets(void)
{
	for (size_t i = 0; i < N(requests); i++) {
		const struct request *r = &requests[i];
		uint8_t out[HPRE_OUT_MAX];
		struct hpre_num got[HPRE_NUMBERS];
		struct hpre_op op = of(r);

		memset(out, 1, sizeof(out));
		memset(got, 0, sizeof(got));
		T_EQ(hpre_out(got, &op, out), 0);
		for (size_t j = 0; j < N(r->out) && r->out[j].number; j++) {
			struct hpre_num *n = &got[r->out[j].number];

			T_EQ(n->p - out, r->out[j].offset);
			T_EQ(n->len, length(r, r->out[j].number));
			*n = (struct hpre_num){ 0 };
		}
		for (size_t j = 0; j < HPRE_NUMBERS; j++)
			T_OK(!got[j].p);
	}
}

/* RFC 6979, A.2.5: P-256, SHA-256, "sample" */
static void ecdsa_of_rfc_6979(void)
{
	static const char *const hex[HPRE_NUMBERS] = {
		[HPRE_FIELD] = "ffffffff00000001000000000000000000000000ffffff"
			       "ffffffffffffffffff",
		[HPRE_A] = "ffffffff00000001000000000000000000000000ffffffffff"
			   "fffffffffffffc",
		[HPRE_B] = "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63b"
			   "ce3c3e27d2604b",
		[HPRE_ORDER] = "ffffffff00000000ffffffffffffffffbce6faada7179e"
			       "84f3b9cac2fc632551",
		[HPRE_GX] = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f"
			    "4a13945d898c296",
		[HPRE_GY] = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ecec"
			    "bb6406837bf51f5",
		[HPRE_SCALAR] = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89"
				"b127b8a622b120f6721",
		[HPRE_HASH] = "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891"
			      "562113d8a62add1bf",
		[HPRE_NONCE] = "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0"
			       "f24d6129493d8aad60",
	};
	struct hpre_op op = make(HPRE_ALG_ECDSA_SIGN, 32);
	struct hpre_num n[HPRE_NUMBERS] = { { 0 } };
	uint8_t mem[HPRE_NUMBERS][32], key[224], in[64];

	for (size_t i = 0; i < HPRE_NUMBERS; i++)
		if (hex[i])
			n[i] = (struct hpre_num){ mem[i],
						  t_hex(mem[i], 32, hex[i]) };
	T_EQ(hpre_key(key, op.alg, 32, n), 0);
	T_EQ(hpre_in(in, &op, key, n), 0);
	T_EQ(key[0x40], 0xc9);
	T_EQ(key[0x60], 0x5a);
	T_EQ(in[0x3f], 0x60);
	/* the same curve, as a point multiplication has it */
	T_EQ(hpre_key(key, HPRE_ALG_EC_MUL, 32, n), 0);
	T_OK(hpre_fast_curve(key, 32));
	T_OK(!hpre_fast_curve(key, 48));
	key[0x7f] ^= 1;
	T_OK(!hpre_fast_curve(key, 32));
	n[HPRE_NONCE] = n[HPRE_ORDER];
	T_EQ(hpre_in(in, &op, key, n), -EINVAL);
}

static void sm2_has_cores_of_its_own(void)
{
	uint8_t key[128];

	T_EQ(t_hex(key, 128,
		   "fffffffeffffffffffffffffffffffffffffffff00000000ffffffff"
		   "fffffffffffffffeffffffffffffffffffffffffffffffff00000000"
		   "fffffffffffffffc0000000000000000000000000000000000000000"
		   "00000000000000000000000028e9fa9e9d9f5e344d5a9e4bcf6509a7"
		   "f39789f515ab8f92ddbcbd414d940e93"),
	     128);
	T_OK(hpre_fast_curve(key, 32));
	key[0x40] ^= 1; /* the scalar is no matter */
	T_OK(hpre_fast_curve(key, 32));
	key[0x20] ^= 1;
	T_OK(!hpre_fast_curve(key, 32));
}

static void short_values_are_padded(void)
{
	struct hpre_op op = make(HPRE_ALG_MONTGOMERY, 72);
	uint8_t key[216], in[72], mem[4][56], zero[16] = { 0 }, out[66];
	struct hpre_num n[HPRE_NUMBERS] = {
		[HPRE_FIELD] = { memset(mem[0], 0xff, 56), 56 },
		[HPRE_A24] = { (const uint8_t *)"\x98\xa9", 2 },
		[HPRE_SCALAR] = { memset(mem[2], 0x81, 56), 56 },
		[HPRE_U] = { memset(mem[3], 0x05, 56), 56 },
	};

	T_EQ(hpre_key(key, op.alg, 72, n), 0);
	T_EQ(hpre_in(in, &op, key, n), 0);
	for (size_t i = 0; i < 3; i++)
		T_MEM(key + 72 * i, zero, 16);
	T_MEM(key + 16, mem[0], 56);
	T_EQ(key[141], 0);
	T_EQ(key[142] << 8 | key[143], 39081);
	T_MEM(in, zero, 16);
	T_MEM(in + 16, mem[3], 56);

	T_EQ(hpre_num_put(out, 66, (struct hpre_num){ in, 72 }), 0);
	T_MEM(out, zero, 10);
	T_MEM(out + 10, mem[3], 56);
	memset(out, 0x77, sizeof(out));
	T_EQ(hpre_num_put(out, 55, (struct hpre_num){ in, 72 }), -EINVAL);
	T_EQ(hpre_num_put(out, 55, (struct hpre_num){ in, 0 }), -EINVAL);
	T_EQ(out[0], 0x77);
	T_EQ(hpre_num_put(out, 3, (struct hpre_num){ zero, 16 }), 0);
	T_EQ(out[0] | out[1] | out[2], 0);
}

/* May this number be zero in a buffer? */
static bool zero_ok(enum hpre_number number)
{
	static const enum hpre_number may[] = { HPRE_BASE, HPRE_A,    HPRE_B,
						HPRE_GX,   HPRE_QX,   HPRE_X,
						HPRE_TEXT, HPRE_CHECK };

	for (size_t i = 0; i < N(may); i++)
		if (may[i] == number)
			return true;
	return false;
}

/* What a number must be below; HPRE_END: nothing. */
static enum hpre_number bound_of(enum hpre_number number)
{
	static const struct {
		enum hpre_number number, bound;
	} bounds[] = {
		{ HPRE_BASE, HPRE_MODULUS }, { HPRE_PUBLIC, HPRE_MODULUS },
		{ HPRE_A, HPRE_FIELD },	     { HPRE_B, HPRE_FIELD },
		{ HPRE_GX, HPRE_FIELD },     { HPRE_GY, HPRE_FIELD },
		{ HPRE_QX, HPRE_FIELD },     { HPRE_QY, HPRE_FIELD },
		{ HPRE_X, HPRE_FIELD },	     { HPRE_Y, HPRE_FIELD },
		{ HPRE_A24, HPRE_FIELD },    { HPRE_U, HPRE_FIELD },
		{ HPRE_SCALAR, HPRE_ORDER }, { HPRE_NONCE, HPRE_ORDER },
		{ HPRE_R, HPRE_ORDER },	     { HPRE_S, HPRE_ORDER },
	};

	for (size_t i = 0; i < N(bounds); i++)
		if (bounds[i].number == number)
			return bounds[i].bound;
	return HPRE_END;
}

static int again(const struct request *r, const struct set *s, bool key)
{
	uint8_t buf[HPRE_KEY_MAX], before[HPRE_KEY_MAX];
	static uint8_t block[HPRE_KEY_MAX];
	struct hpre_op op = of(r);
	int rc;

	memset(buf, 0xa5, sizeof(buf));
	memcpy(before, buf, sizeof(buf));
	if (key)
		rc = hpre_key(buf, op.alg, op.width, s->n);
	else
		rc = hpre_in(buf, &op, block, s->n);
	if (rc)
		T_MEM(buf, before, sizeof(buf));
	else if (key)
		memcpy(block, buf, sizeof(buf));
	return rc;
}

/* What befalls one number of a buffer, all others good. */
static void spoil(const struct request *r, struct set *s, enum hpre_number i,
		  bool key)
{
	static const uint8_t zero[HPRE_WIDTH_MAX],
		wide[HPRE_WIDTH_MAX + 1] = { 1, [1] = 1, [HPRE_WIDTH_MAX] = 1 };
	const struct hpre_num good = s->n[i];
	const bool string = i == HPRE_TEXT || i == HPRE_CHECK;
	uint8_t spoilt[HPRE_WIDTH_MAX];

	s->n[i] = (struct hpre_num){ NULL, 0 };
	T_EQ(again(r, s, key), -EINVAL);
	s->n[i] = (struct hpre_num){ good.p, 0 };
	T_EQ(again(r, s, key), -EINVAL);
	s->n[i] = (struct hpre_num){ wide, good.len + 1 };
	T_EQ(again(r, s, key), -EINVAL);
	s->n[i] = (struct hpre_num){ zero, good.len };
	T_EQ(again(r, s, key), zero_ok(i) ? 0 : -EINVAL);
	s->n[i] = (struct hpre_num){ good.p, good.len - 1 };
	if (string)
		T_EQ(again(r, s, key), -EINVAL);
	memcpy(spoilt, good.p, good.len);
	spoilt[good.len - 1] &= 0xfe;
	s->n[i] = (struct hpre_num){ spoilt, good.len };
	if (i == HPRE_MODULUS || i == HPRE_P || i == HPRE_Q ||
	    i == HPRE_FIELD || i == HPRE_ORDER)
		T_EQ(again(r, s, key), -EINVAL);
	s->n[i] = good;
}

static void refused_numbers_leave_all_unwritten(void)
{
	for (size_t i = 0; i < N(requests); i++) {
		const struct request *r = &requests[i];
		static struct set s;

		fill(&s, r);
		T_EQ(again(r, &s, true), 0);
		for (size_t j = 0; j < N(r->key) && r->key[j].number; j++)
			spoil(r, &s, r->key[j].number, true);
		T_EQ(again(r, &s, true), 0);
		for (size_t j = 0; j < N(r->in) && r->in[j].number; j++)
			spoil(r, &s, r->in[j].number, false);
	}
}

/* Equal is too much, one less is not. */
static void at_bound(const struct request *r, struct set *s,
		     enum hpre_number number, bool key)
{
	const struct hpre_num good = s->n[number];
	const struct hpre_num *bound = &s->n[bound_of(number)];
	uint8_t less[HPRE_WIDTH_MAX];

	if (bound_of(number) == HPRE_END)
		return;
	s->n[number] = *bound;
	T_EQ(again(r, s, key), -EINVAL);
	memcpy(less, bound->p, bound->len);
	less[bound->len - 1]--;
	s->n[number].p = less;
	T_EQ(again(r, s, key), 0);
	s->n[number] = good;
}

static void numbers_lie_below_their_bound(void)
{
	for (size_t i = 0; i < N(requests); i++) {
		const struct request *r = &requests[i];
		static struct set s;

		fill(&s, r);
		for (size_t j = 0; j < N(r->key) && r->key[j].number; j++)
			at_bound(r, &s, r->key[j].number, true);
		T_EQ(again(r, &s, true), 0);
		for (size_t j = 0; j < N(r->in) && r->in[j].number; j++)
			at_bound(r, &s, r->in[j].number, false);
	}
}

static void refuse(const struct hpre_op *op)
{
	struct hpre_sqe sqe, before;

	memset(&sqe, 0xa5, sizeof(sqe));
	before = sqe;
	T_EQ(hpre_encode(&sqe, op), -EINVAL);
	T_MEM(&sqe, &before, sizeof(sqe));
}

static void refused_requests_are_not_written(void)
{
	for (size_t i = 0; i < N(requests); i++) {
		const struct request *r = &requests[i];
		struct hpre_op op;
		struct hpre_sqe sqe;

#define REFUSE(field, value)                                                   \
	do {                                                                   \
		op = of(r);                                                    \
		op.field = (value);                                            \
		refuse(&op);                                                   \
	} while (0)
		REFUSE(key, 0);
		REFUSE(width, 0);
		REFUSE(width, 64);
		REFUSE(width, 40);
		REFUSE(width, 576);
		REFUSE(msg_len, r->op.msg_len ? 0 : 1);
		REFUSE(msg_len, 513);
		if (r->in_size)
			REFUSE(in, 0);
		if (r->out_size)
			REFUSE(out, 0);
		if (r->op.alg != HPRE_ALG_SM2_SIGN &&
		    r->op.alg != HPRE_ALG_SM2_ENC)
			REFUSE(device_nonce, true);
		if (r->op.alg != HPRE_ALG_EC_MUL || r->op.width != 32)
			REFUSE(fast, true);
#undef REFUSE
		op = of(r);
		op.in = r->in_size ? IN : 0;
		op.out = r->out_size ? OUT : 0;
		T_EQ(hpre_encode(&sqe, &op), 0);
		op.width = 40;
		T_EQ(hpre_in_size(&op), 0);
		T_EQ(hpre_out_size(&op), 0);
		T_EQ(hpre_key_size(op.alg, 40), 0);
		T_EQ(hpre_in(NULL, &op, NULL, NULL), -EINVAL);
		T_EQ(hpre_out(NULL, &op, NULL), -EINVAL);
		T_EQ(hpre_key(NULL, op.alg, 40, NULL), -EINVAL);
	}
}

static void codes_without_a_layout_are_refused(void)
{
	static const uint32_t none[] = {
		6, 7, 8, 9, 0xa, 0xb, 0xc, 0x16, 0x1f
	};

	for (size_t i = 0; i < N(none); i++) {
		struct hpre_op op = make((enum hpre_alg)none[i], 32);

		refuse(&op);
		op.width = 256;
		refuse(&op);
	}
}

static int verdict(uint32_t dw0, uint32_t dw6)
{
	struct hpre_sqe sqe = { { dw0 } };

	sqe.w[6] = dw6;
	return hpre_result(&sqe);
}

static void a_verdict_is_bit_1_of_word_6(void)
{
	static const uint32_t alg[] = { 0xf, 0x13 };

	for (size_t i = 0; i < N(alg); i++) {
		T_EQ(verdict(0xc0000000 | alg[i], 2), 0);
		T_EQ(verdict(0xc0000000 | alg[i], 0), -EBADMSG);
		T_EQ(verdict(0xc0000000 | alg[i], 1), -EBADMSG);
		T_EQ(verdict(0xc0000000 | alg[i], 0xfffffffd), -EBADMSG);
		T_EQ(verdict(0xc0000020 | alg[i], 2), -EIO);
		T_EQ(verdict(0xc0200000 | alg[i], 2), -EIO);
		T_EQ(verdict(0x40000000 | alg[i], 2), -EINPROGRESS);
	}
	T_EQ(verdict(0xc000000e, 0), 0); /* a signature's address */
}

static void an_output_that_cannot_be_is_a_failure(void)
{
	static const struct {
		enum hpre_alg alg;
		uint32_t width;
		size_t zero, len;
		int rc;
	} rows[] = {
		{ HPRE_ALG_ECDSA_SIGN, 32, 0, 32, -EIO },
		{ HPRE_ALG_ECDSA_SIGN, 32, 32, 32, -EIO },
		{ HPRE_ALG_EC_MUL, 48, 0, 48, 0 },
		{ HPRE_ALG_EC_MUL, 48, 48, 48, -EIO },
		{ HPRE_ALG_MONTGOMERY, 32, 0, 32, -EIO },
		{ HPRE_ALG_DH, 128, 0, 128, -EIO },
		{ HPRE_ALG_MODEXP, 128, 0, 128, 0 },
		{ HPRE_ALG_SM2_GEN, 32, 64, 32, -EIO },
		{ HPRE_ALG_RSA_GEN, 128, 255, 1, -EIO }, /* even modulus */
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct hpre_op op = make(rows[i].alg, rows[i].width);
		struct hpre_num n[HPRE_NUMBERS] = { { 0 } };
		uint8_t out[HPRE_OUT_MAX];

		memset(out, 1, sizeof(out));
		memset(out + rows[i].zero, 0, rows[i].len);
		T_EQ(hpre_out(n, &op, out), rows[i].rc);
		for (size_t j = 0; rows[i].rc && j < HPRE_NUMBERS; j++)
			T_OK(!n[j].p);
	}
}

T_MAIN(T_CASE(every_operation_is_these_words),
       T_CASE(operations_have_their_generation_and_queue),
       T_CASE(operations_have_their_sizes),
       T_CASE(the_largest_buffers_are_known),
       T_CASE(key_and_input_lie_at_these_offsets),
       T_CASE(output_is_found_at_these_offsets), T_CASE(ecdsa_of_rfc_6979),
       T_CASE(sm2_has_cores_of_its_own), T_CASE(short_values_are_padded),
       T_CASE(refused_numbers_leave_all_unwritten),
       T_CASE(numbers_lie_below_their_bound),
       T_CASE(refused_requests_are_not_written),
       T_CASE(codes_without_a_layout_are_refused),
       T_CASE(a_verdict_is_bit_1_of_word_6),
       T_CASE(an_output_that_cannot_be_is_a_failure))
