/* SPDX-License-Identifier: Apache-2.0 */
#include "hw/hpre/hpre_rows.h"

#include <errno.h>

#include "base/wd_base.h"

enum hpre_widths {
	W_RSA = 1,
	W_DH = 2,
	W_CURVE = 4,
	W_MONTGOMERY = 8,
	W_SM2 = 16,
};

/* Operand widths in bytes, and who may have them; docs/hw/hpre.md#width */
static const struct {
	uint16_t bytes;
	uint8_t sets;
} hpre_widths[] = {
	{ 32, W_CURVE | W_MONTGOMERY | W_SM2 },
	{ 48, W_CURVE },
	{ 72, W_CURVE | W_MONTGOMERY },
	{ 96, W_DH },
	{ 128, W_DH | W_RSA },
	{ 192, W_DH },
	{ 256, W_DH | W_RSA },
	{ 384, W_DH | W_RSA },
	{ 512, W_DH | W_RSA },
};

/* docs/hw/hpre.md#numbers */
const struct hpre_rule hpre_rules[HPRE_NUMBERS] = {
	[HPRE_UNUSED] = { .zero_ok = true },
	[HPRE_MODULUS] = { .odd = true },
	[HPRE_P] = { .unit = HPRE_HALF, .odd = true },
	[HPRE_Q] = { .unit = HPRE_HALF, .odd = true },
	[HPRE_DP] = { .unit = HPRE_HALF },
	[HPRE_DQ] = { .unit = HPRE_HALF },
	[HPRE_QINV] = { .unit = HPRE_HALF },
	[HPRE_BASE] = { .zero_ok = true, .below = HPRE_MODULUS },
	[HPRE_POWER] = { .zero_ok = true },
	[HPRE_PUBLIC] = { .below = HPRE_MODULUS },
	[HPRE_FIELD] = { .odd = true },
	[HPRE_A] = { .zero_ok = true, .below = HPRE_FIELD },
	[HPRE_B] = { .zero_ok = true, .below = HPRE_FIELD },
	[HPRE_ORDER] = { .odd = true },
	[HPRE_GX] = { .zero_ok = true, .below = HPRE_FIELD },
	[HPRE_GY] = { .below = HPRE_FIELD },
	[HPRE_QX] = { .zero_ok = true, .below = HPRE_FIELD },
	[HPRE_QY] = { .below = HPRE_FIELD },
	[HPRE_X] = { .zero_ok = true, .below = HPRE_FIELD },
	[HPRE_Y] = { .below = HPRE_FIELD },
	[HPRE_SCALAR] = { .below = HPRE_ORDER },
	[HPRE_NONCE] = { .below = HPRE_ORDER },
	[HPRE_R] = { .below = HPRE_ORDER },
	[HPRE_S] = { .below = HPRE_ORDER },
	[HPRE_A24] = { .below = HPRE_FIELD },
	[HPRE_U] = { .below = HPRE_FIELD },
	[HPRE_TEXT] = { .unit = HPRE_LENGTH, .zero_ok = true, .string = true },
	[HPRE_CHECK] = { .zero_ok = true, .string = true },
};

/* clang-format off */
#define CURVE	 HPRE_FIELD, HPRE_A, HPRE_B, HPRE_ORDER, HPRE_GX, HPRE_GY
#define KEY_PUB	 { CURVE, HPRE_QX, HPRE_QY }
#define KEY_PRIV { HPRE_FIELD, HPRE_A, HPRE_SCALAR, HPRE_B, HPRE_ORDER,        \
		   HPRE_GX, HPRE_GY }

/* docs/hw/hpre.md#algorithms; no row, no operation */
static const struct hpre_row hpre_rows[] = {
	[HPRE_ALG_MODEXP] = { 2, 0, W_RSA,
		.key = { HPRE_EXPONENT, HPRE_MODULUS },
		.in = { HPRE_BASE },
		.out = { HPRE_POWER } },
	[HPRE_ALG_RSA_CRT] = { 2, 0, W_RSA,
		.key = { HPRE_DQ, HPRE_DP, HPRE_Q, HPRE_P, HPRE_QINV },
		.in = { HPRE_BASE },
		.out = { HPRE_POWER } },
	[HPRE_ALG_RSA_GEN] = { 2, 0, W_RSA,
		.key = { HPRE_EXPONENT, HPRE_P, HPRE_Q },
		.out = { HPRE_D, HPRE_MODULUS } },
	[HPRE_ALG_RSA_GEN_CRT] = { 2, 0, W_RSA,
		.key = { HPRE_EXPONENT, HPRE_P, HPRE_Q },
		.out = { HPRE_D, HPRE_MODULUS, HPRE_QINV, HPRE_DQ, HPRE_DP } },
	[HPRE_ALG_DH_G2] = { 2, 0, W_DH,
		.key = { HPRE_EXPONENT, HPRE_MODULUS },
		.out = { HPRE_PUBLIC } },
	[HPRE_ALG_DH] = { 2, 0, W_DH,
		.key = { HPRE_EXPONENT, HPRE_MODULUS },
		.in = { HPRE_PUBLIC },
		.out = { HPRE_PUBLIC } },
	[HPRE_ALG_EC_MUL] = { 3, 1, W_CURVE,
		.key = { HPRE_FIELD, HPRE_A, HPRE_SCALAR, HPRE_B },
		.in = { HPRE_X, HPRE_Y },
		.out = { HPRE_X, HPRE_Y } },
	[HPRE_ALG_ECDSA_SIGN] = { 3, 1, W_CURVE,
		.key = KEY_PRIV,
		.in = { HPRE_HASH, HPRE_NONCE },
		.out = { HPRE_R, HPRE_S } },
	[HPRE_ALG_ECDSA_VERIFY] = { 3, 1, W_CURVE,
		.key = KEY_PUB,
		.in = { HPRE_HASH, HPRE_S, HPRE_R } },
	[HPRE_ALG_MONTGOMERY] = { 3, 1, W_MONTGOMERY,
		.key = { HPRE_FIELD, HPRE_A24, HPRE_SCALAR },
		.in = { HPRE_U },
		.out = { HPRE_U } },
	[HPRE_ALG_SM2_GEN] = { 3, 1, W_SM2,
		.key = { CURVE, HPRE_UNUSED, HPRE_UNUSED },
		.in = { HPRE_X, HPRE_Y },
		.out = { HPRE_X, HPRE_Y, HPRE_SCALAR } },
	[HPRE_ALG_SM2_SIGN] = { 3, 1, W_SM2,
		.key = KEY_PRIV,
		.in = { HPRE_HASH, HPRE_NONCE },
		.out = { HPRE_R, HPRE_S } },
	[HPRE_ALG_SM2_VERIFY] = { 3, 1, W_SM2,
		.key = KEY_PUB,
		.in = { HPRE_HASH, HPRE_S, HPRE_R } },
	[HPRE_ALG_SM2_ENC] = { 3, 1, W_SM2,
		.key = KEY_PUB,
		.in = { HPRE_NONCE, HPRE_TEXT },
		.out = { HPRE_X, HPRE_Y, HPRE_TEXT, HPRE_CHECK } },
	[HPRE_ALG_SM2_DEC] = { 3, 1, W_SM2,
		.key = KEY_PRIV,
		.in = { HPRE_X, HPRE_Y, HPRE_TEXT, HPRE_CHECK },
		.out = { HPRE_TEXT } },
};
/* clang-format on */

static bool hpre_width_ok(uint8_t set, uint32_t width)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(hpre_widths); i++)
		if (hpre_widths[i].bytes == width)
			return hpre_widths[i].sets & set;
	return false;
}

static const struct hpre_row *hpre_alg_row(enum hpre_alg alg)
{
	if ((size_t)alg >= WD_ARRAY_SIZE(hpre_rows) ||
	    !hpre_rows[alg].qm_version)
		return NULL;
	return &hpre_rows[alg];
}

const struct hpre_row *hpre_row(enum hpre_alg alg, uint32_t width)
{
	const struct hpre_row *row = hpre_alg_row(alg);

	return row && hpre_width_ok(row->widths, width) ? row : NULL;
}

static bool hpre_has(const uint8_t *list, enum hpre_number number)
{
	for (size_t i = 0; i < HPRE_LIST && list[i]; i++)
		if (list[i] == number)
			return true;
	return false;
}

const struct hpre_row *hpre_op_row(const struct hpre_op *op)
{
	const struct hpre_row *row = hpre_row(op->alg, op->width);

	if (!row)
		return NULL;
	if (hpre_has(row->in, HPRE_TEXT)
		    ? !op->msg_len || op->msg_len > HPRE_SM2_MSG_MAX
		    : op->msg_len)
		return NULL;
	if (op->device_nonce &&
	    (row->widths != W_SM2 || !hpre_has(row->in, HPRE_NONCE)))
		return NULL;
	if (op->fast && (op->alg != HPRE_ALG_EC_MUL || op->width != 32))
		return NULL;
	return row;
}

size_t hpre_room(unsigned int number, uint32_t width, uint32_t msg_len)
{
	switch (hpre_rules[number].unit) {
	case HPRE_HALF:
		return width / 2;
	case HPRE_LENGTH:
		return msg_len;
	default:
		return width;
	}
}

size_t hpre_list_size(const uint8_t *list, uint32_t width, uint32_t msg_len)
{
	size_t size = 0;

	for (size_t i = 0; i < HPRE_LIST && list[i]; i++)
		size += hpre_room(list[i], width, msg_len);
	return size;
}

bool hpre_rsa_bits_ok(unsigned int bits)
{
	return bits % 8 == 0 && hpre_width_ok(W_RSA, bits / 8);
}

bool hpre_offers(unsigned int qm_version, enum hpre_alg alg, uint32_t width)
{
	const struct hpre_row *row = hpre_row(alg, width);

	return row && qm_version >= row->qm_version;
}

int hpre_queue_type(enum hpre_alg alg)
{
	const struct hpre_row *row = hpre_alg_row(alg);

	return row ? row->queue_type : -EINVAL;
}

size_t hpre_key_size(enum hpre_alg alg, uint32_t width)
{
	const struct hpre_row *row = hpre_row(alg, width);

	return row ? hpre_list_size(row->key, width, 0) : 0;
}

size_t hpre_in_size(const struct hpre_op *op)
{
	const struct hpre_row *row = hpre_op_row(op);

	return row ? hpre_list_size(row->in, op->width, op->msg_len) : 0;
}

size_t hpre_out_size(const struct hpre_op *op)
{
	const struct hpre_row *row = hpre_op_row(op);

	return row ? hpre_list_size(row->out, op->width, op->msg_len) : 0;
}
