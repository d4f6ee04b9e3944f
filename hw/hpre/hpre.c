/* SPDX-License-Identifier: Apache-2.0 */
#include "hw/hpre/hpre_rows.h"

#include <errno.h>

#include "base/wd_base.h"

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

static bool hpre_addresses_ok(const struct hpre_row *row,
			      const struct hpre_op *op)
{
	return op->key && (op->in || !row->in[0]) && (op->out || !row->out[0]);
}

int hpre_encode(struct hpre_sqe *sqe, const struct hpre_op *op)
{
	const struct hpre_row *row = hpre_op_row(op);

	if (!row || !hpre_addresses_ok(row, op))
		return -EINVAL;

	*sqe = (struct hpre_sqe){ 0 };
	put(sqe, HPRE_SQE_ALG, op->alg);
	put(sqe, HPRE_SQE_DONE, HPRE_DONE_SUBMITTED);
	put(sqe, HPRE_SQE_TASK_LEN1, op->width / 8 - 1);
	put(sqe, HPRE_SQE_SM2_KSEL, op->device_nonce);
	put(sqe, HPRE_SQE_HPCORE, op->fast);
	put64(sqe, HPRE_SQE_KEY_LO, op->key);
	put64(sqe, HPRE_SQE_IN_LO, row->in[0] ? op->in : 0);
	/* A verification has no output; UADK leaves the input's address. */
	put64(sqe, HPRE_SQE_OUT_LO, row->out[0] ? op->out : op->in);
	put64(sqe, HPRE_SQE_TAG_LO, op->tag);
	if (op->msg_len)
		put(sqe, HPRE_SQE_SM2_MLEN, op->msg_len - 1);
	return 0;
}

int hpre_result(const struct hpre_sqe *sqe)
{
	const uint32_t alg = get(sqe, HPRE_SQE_ALG);

	if (get(sqe, HPRE_SQE_ETYPE) || get(sqe, HPRE_SQE_ETYPE1))
		return -EIO;
	if (get(sqe, HPRE_SQE_DONE) != HPRE_DONE_FINISHED)
		return -EINPROGRESS;
	if (alg != HPRE_ALG_ECDSA_VERIFY && alg != HPRE_ALG_SM2_VERIFY)
		return 0;
	return get(sqe, HPRE_SQE_OUT_LO) & HPRE_VERIFIED ? 0 : -EBADMSG;
}

/* Curves that have cores of their own, big-endian; docs/hw/hpre.md#hpcore */
static const struct {
	uint32_t p[8], a[8], b[8];
} hpre_fast[] = {
	/* NIST P-256 */
	{ .p = { 0xffffffff, 0x00000001, 0x00000000, 0x00000000, 0x00000000,
		 0xffffffff, 0xffffffff, 0xffffffff },
	  .a = { 0xffffffff, 0x00000001, 0x00000000, 0x00000000, 0x00000000,
		 0xffffffff, 0xffffffff, 0xfffffffc },
	  .b = { 0x5ac635d8, 0xaa3a93e7, 0xb3ebbd55, 0x769886bc, 0x651d06b0,
		 0xcc53b0f6, 0x3bce3c3e, 0x27d2604b } },
	/* SM2 */
	{ .p = { 0xfffffffe, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
		 0x00000000, 0xffffffff, 0xffffffff },
	  .a = { 0xfffffffe, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
		 0x00000000, 0xffffffff, 0xfffffffc },
	  .b = { 0x28e9fa9e, 0x9d9f5e34, 0x4d5a9e4b, 0xcf6509a7, 0xf39789f5,
		 0x15ab8f92, 0xddbcbd41, 0x4d940e93 } },
};

static bool hpre_same(const uint8_t *number, const uint32_t *words)
{
	for (size_t i = 0; i < 8; i++)
		if (wd_load_be32(number + 4 * i) != words[i])
			return false;
	return true;
}

/* The block is p | a | k | b: k is not looked at. */
bool hpre_fast_curve(const uint8_t *key, uint32_t width)
{
	if (width != 32)
		return false;
	for (size_t i = 0; i < WD_ARRAY_SIZE(hpre_fast); i++)
		if (hpre_same(key, hpre_fast[i].p) &&
		    hpre_same(key + 32, hpre_fast[i].a) &&
		    hpre_same(key + 96, hpre_fast[i].b))
			return true;
	return false;
}
