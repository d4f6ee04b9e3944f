/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hpre_number.c - numbers into buffers and out of them, by the table's rows.
 *
 * Numbers here are secret: how long a check takes depends on lengths alone,
 * never on where the first non-zero byte is.
 */
#include <errno.h>

#include "base/wd_base.h"
#include "hw/hpre/hpre_rows.h"

static uint8_t hpre_any(const uint8_t *p, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any;
}

/* Byte @i from the right. */
static unsigned int hpre_byte(const struct hpre_num *n, size_t i)
{
	return i < n->len ? n->p[n->len - 1 - i] : 0;
}

static bool hpre_less(const struct hpre_num *a, const struct hpre_num *b)
{
	size_t len = a->len > b->len ? a->len : b->len;
	unsigned int borrow = 0;

	for (size_t i = 0; i < len; i++)
		borrow = (hpre_byte(a, i) - hpre_byte(b, i) - borrow) >> 8 & 1;
	return borrow;
}

/* Bytes of @n that a field of @room bytes has no place for. */
static size_t hpre_over(const struct hpre_num *n, size_t room)
{
	return n->len > room ? n->len - room : 0;
}

static bool hpre_fits(const struct hpre_num *n, const struct hpre_rule *rule,
		      size_t room)
{
	if (!n->p || !n->len)
		return false;
	if (rule->string)
		return n->len == room;
	return !hpre_any(n->p, hpre_over(n, room)) &&
	       (rule->zero_ok || hpre_any(n->p, n->len)) &&
	       (!rule->odd || n->p[n->len - 1] & 1);
}

static void hpre_right(uint8_t *to, size_t room, const struct hpre_num *n)
{
	size_t over = hpre_over(n, room), len = n->len - over;

	memset(to, 0, room - len);
	if (len)
		memcpy(to + room - len, n->p + over, len);
}

int hpre_num_put(uint8_t *to, size_t len, struct hpre_num n)
{
	const struct hpre_rule any = { .zero_ok = true };

	if (!hpre_fits(&n, &any, len))
		return -EINVAL;
	hpre_right(to, len, &n);
	return 0;
}

/* A buffer to be filled: its list, and where bounds are found. */
struct hpre_buffer {
	const uint8_t *list;
	uint32_t width, msg_len;
	bool device_nonce;
	const struct hpre_num *numbers;
	const uint8_t *key_list; /* NULL: bounds are among the numbers */
	const uint8_t *key;
};

static bool hpre_left_out(const struct hpre_buffer *b, unsigned int number)
{
	return number == HPRE_UNUSED ||
	       (number == HPRE_NONCE && b->device_nonce);
}

/* No bound is known: { NULL }. */
static struct hpre_num hpre_bound(const struct hpre_buffer *b,
				  unsigned int number)
{
	const uint8_t below = hpre_rules[number].below;
	const uint8_t *at = b->key;

	if (!below)
		return (struct hpre_num){ 0 };
	if (!b->key_list)
		return b->numbers[below];
	for (size_t i = 0; i < HPRE_LIST && b->key_list[i]; i++) {
		if (b->key_list[i] == below)
			return (struct hpre_num){ at, b->width };
		at += hpre_room(b->key_list[i], b->width, 0);
	}
	return (struct hpre_num){ 0 };
}

static bool hpre_number_ok(const struct hpre_buffer *b, unsigned int number)
{
	const struct hpre_num *n = &b->numbers[number];
	const struct hpre_num bound = hpre_bound(b, number);

	if (hpre_left_out(b, number))
		return true;
	return hpre_fits(n, &hpre_rules[number],
			 hpre_room(number, b->width, b->msg_len)) &&
	       (!bound.p || hpre_less(n, &bound));
}

/* All or none. */
static int hpre_fill(uint8_t *to, const struct hpre_buffer *b)
{
	const struct hpre_num nothing = { 0 };

	for (size_t i = 0; i < HPRE_LIST && b->list[i]; i++)
		if (!hpre_number_ok(b, b->list[i]))
			return -EINVAL;
	for (size_t i = 0; i < HPRE_LIST && b->list[i]; i++) {
		const unsigned int number = b->list[i];
		size_t room = hpre_room(number, b->width, b->msg_len);

		hpre_right(to, room,
			   hpre_left_out(b, number) ? &nothing
						    : &b->numbers[number]);
		to += room;
	}
	return 0;
}

int hpre_key(uint8_t *block, enum hpre_alg alg, uint32_t width,
	     const struct hpre_num numbers[HPRE_NUMBERS])
{
	const struct hpre_row *row = hpre_row(alg, width);
	struct hpre_buffer b = { .width = width, .numbers = numbers };

	if (!row)
		return -EINVAL;
	b.list = row->key;
	return hpre_fill(block, &b);
}

int hpre_in(uint8_t *in, const struct hpre_op *op, const uint8_t *key,
	    const struct hpre_num numbers[HPRE_NUMBERS])
{
	const struct hpre_row *row = hpre_op_row(op);
	struct hpre_buffer b = {
		.width = op->width,
		.msg_len = op->msg_len,
		.device_nonce = op->device_nonce,
		.numbers = numbers,
		.key = key,
	};

	if (!row || !row->in[0])
		return -EINVAL;
	b.list = row->in;
	b.key_list = row->key;
	return hpre_fill(in, &b);
}

int hpre_out(struct hpre_num numbers[HPRE_NUMBERS], const struct hpre_op *op,
	     const uint8_t *out)
{
	const struct hpre_row *row = hpre_op_row(op);
	const uint8_t *at = out;

	if (!row)
		return -EINVAL;
	for (size_t i = 0; i < HPRE_LIST && row->out[i]; i++) {
		const unsigned int number = row->out[i];
		const struct hpre_num n = { at, hpre_room(number, op->width,
							  op->msg_len) };

		if (!hpre_fits(&n, &hpre_rules[number], n.len))
			return -EIO;
		at += n.len;
	}
	at = out;
	for (size_t i = 0; i < HPRE_LIST && row->out[i]; i++) {
		const size_t room =
			hpre_room(row->out[i], op->width, op->msg_len);

		numbers[row->out[i]] = (struct hpre_num){ at, room };
		at += room;
	}
	return 0;
}

int hpre_key_modexp(uint8_t *block, uint32_t width, struct hpre_num exponent,
		    struct hpre_num modulus)
{
	const struct hpre_num numbers[HPRE_NUMBERS] = {
		[HPRE_EXPONENT] = exponent,
		[HPRE_MODULUS] = modulus,
	};

	return hpre_key(block, HPRE_ALG_MODEXP, width, numbers);
}

int hpre_key_rsa_crt(uint8_t *block, uint32_t width,
		     const struct hpre_rsa_crt *crt)
{
	const struct hpre_num numbers[HPRE_NUMBERS] = {
		[HPRE_P] = crt->p,	 [HPRE_Q] = crt->q,
		[HPRE_DP] = crt->dp,	 [HPRE_DQ] = crt->dq,
		[HPRE_QINV] = crt->qinv,
	};

	return hpre_key(block, HPRE_ALG_RSA_CRT, width, numbers);
}
