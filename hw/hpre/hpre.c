/* SPDX-License-Identifier: Apache-2.0 */
#include "hw/hpre/hpre.h"

#include <errno.h>

#include "base/wd_base.h"

enum hpre_width_set { HPRE_WIDTHS_RSA = 1, HPRE_WIDTHS_DH = 2 };

/* Operand widths in bytes, and who may have them; docs/hw/hpre.md#width */
static const struct {
	uint16_t bytes;
	uint8_t sets;
} hpre_widths[] = {
	{ 96, HPRE_WIDTHS_DH },
	{ 128, HPRE_WIDTHS_DH | HPRE_WIDTHS_RSA },
	{ 192, HPRE_WIDTHS_DH },
	{ 256, HPRE_WIDTHS_DH | HPRE_WIDTHS_RSA },
	{ 384, HPRE_WIDTHS_DH | HPRE_WIDTHS_RSA },
	{ 512, HPRE_WIDTHS_DH | HPRE_WIDTHS_RSA },
};

/* docs/hw/hpre.md#algorithms; no row, no operation */
static const struct hpre_kind {
	uint8_t widths;	    /* which set */
	uint8_t key_halves; /* size of the key block in units of W/2 */
	bool no_input;	    /* the base is in the algorithm */
} hpre_kinds[] = {
	[HPRE_ALG_MODEXP] = { HPRE_WIDTHS_RSA, 4, false },
	[HPRE_ALG_RSA_CRT] = { HPRE_WIDTHS_RSA, 5, false },
	[HPRE_ALG_DH_G2] = { HPRE_WIDTHS_DH, 4, true },
	[HPRE_ALG_DH] = { HPRE_WIDTHS_DH, 4, false },
};

static bool hpre_width_ok(uint8_t set, uint32_t width)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(hpre_widths); i++)
		if (hpre_widths[i].bytes == width)
			return hpre_widths[i].sets & set;
	return false;
}

static const struct hpre_kind *hpre_kind(enum hpre_alg alg, uint32_t width)
{
	const struct hpre_kind *k;

	if ((size_t)alg >= WD_ARRAY_SIZE(hpre_kinds))
		return NULL;
	k = &hpre_kinds[alg];
	return hpre_width_ok(k->widths, width) ? k : NULL;
}

static void put(struct hpre_sqe *sqe, enum hpre_field field, uint32_t value)
{
	wd_put(sqe->w, &hpre_fields[field], value);
}

static void put64(struct hpre_sqe *sqe, enum hpre_field lo, uint64_t value)
{
	wd_put64(sqe->w, &hpre_fields[lo], value);
}

static uint32_t get(const struct hpre_sqe *sqe, enum hpre_field field)
{
	return wd_get(sqe->w, &hpre_fields[field]);
}

int hpre_encode(struct hpre_sqe *sqe, const struct hpre_op *op)
{
	const struct hpre_kind *k = hpre_kind(op->alg, op->width);

	if (!k || !op->key || !op->out || (!op->in && !k->no_input))
		return -EINVAL;

	*sqe = (struct hpre_sqe){ 0 };
	put(sqe, HPRE_SQE_ALG, op->alg);
	put(sqe, HPRE_SQE_DONE, HPRE_DONE_SUBMITTED);
	put(sqe, HPRE_SQE_TASK_LEN1, op->width / 8 - 1);
	put64(sqe, HPRE_SQE_KEY_LO, op->key);
	put64(sqe, HPRE_SQE_IN_LO, k->no_input ? 0 : op->in);
	put64(sqe, HPRE_SQE_OUT_LO, op->out);
	put64(sqe, HPRE_SQE_TAG_LO, op->tag);
	return 0;
}

int hpre_result(const struct hpre_sqe *sqe)
{
	if (get(sqe, HPRE_SQE_ETYPE) || get(sqe, HPRE_SQE_ETYPE1))
		return -EIO;
	return get(sqe, HPRE_SQE_DONE) == HPRE_DONE_FINISHED ? 0 : -EINPROGRESS;
}

bool hpre_rsa_bits_ok(unsigned int bits)
{
	return bits % 8 == 0 && hpre_width_ok(HPRE_WIDTHS_RSA, bits / 8);
}

size_t hpre_key_size(enum hpre_alg alg, uint32_t width)
{
	const struct hpre_kind *k = hpre_kind(alg, width);

	return k ? k->key_halves * (size_t)(width / 2) : 0;
}

/*
 * Numbers here are secret: how long a check takes depends on lengths alone,
 * never on where the first non-zero byte is.
 */
static uint8_t hpre_any(const uint8_t *p, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any;
}

struct hpre_part {
	struct hpre_num num;
	bool odd; /* a modulus or prime */
};

static bool hpre_part_ok(const struct hpre_part *part, size_t width)
{
	const struct hpre_num *n = &part->num;
	size_t over = n->len > width ? n->len - width : 0;

	if (!n->p || !n->len)
		return false;
	return !hpre_any(n->p, over) && hpre_any(n->p + over, n->len - over) &&
	       (!part->odd || n->p[n->len - 1] & 1);
}

static void hpre_part_put(uint8_t *out, size_t width, const struct hpre_num *n)
{
	size_t len = n->len > width ? width : n->len;

	memset(out, 0, width - len);
	memcpy(out + width - len, n->p + n->len - len, len);
}

/* Lay @n parts of @width bytes each behind one another, all or none. */
static int hpre_key_put(uint8_t *block, size_t width,
			const struct hpre_part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!hpre_part_ok(&parts[i], width))
			return -EINVAL;
	for (size_t i = 0; i < n; i++)
		hpre_part_put(block + i * width, width, &parts[i].num);
	return 0;
}

int hpre_key_modexp(uint8_t *block, uint32_t width, struct hpre_num exponent,
		    struct hpre_num modulus)
{
	const struct hpre_part parts[] = {
		{ exponent, false },
		{ modulus, true },
	};

	if (!hpre_key_size(HPRE_ALG_MODEXP, width))
		return -EINVAL;
	return hpre_key_put(block, width, parts, WD_ARRAY_SIZE(parts));
}

int hpre_key_rsa_crt(uint8_t *block, uint32_t width,
		     const struct hpre_rsa_crt *crt)
{
	const struct hpre_part parts[] = {
		{ crt->dq, false }, { crt->dp, false },	  { crt->q, true },
		{ crt->p, true },   { crt->qinv, false },
	};

	if (!hpre_key_size(HPRE_ALG_RSA_CRT, width))
		return -EINVAL;
	return hpre_key_put(block, width / 2, parts, WD_ARRAY_SIZE(parts));
}
