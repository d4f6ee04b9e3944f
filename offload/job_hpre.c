/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_hpre.c - public-key operations: where the operands go.
 *
 *	in place    key, in and out where the caller has them
 *	overlap	    key and in as above, out in the slot
 *	bounced	    slot: out | in | key, each from a cache line on
 *	with check  slot: out | back | in | key | e|n
 *
 * What an RSA private key gives is in the slot until it is known to be good.
 */
#include "offload/offload_priv.h"

#include <errno.h>

#include "base/wd_base.h"
#include "offload/slot.h"

#define LINE 64u

/* The buffers of one operation, and where they lie in a slot. */
struct hpre_shape {
	size_t key, in, out, check; /* bytes */
	size_t back_at, in_at, key_at, check_at, end;
};

static struct hpre_shape hpre_shape(const struct hpre_op *hw, bool checked)
{
	struct hpre_shape s = {
		.key = hpre_key_size(hw->alg, hw->width),
		.in = hpre_in_size(hw),
		.out = hpre_out_size(hw),
	};

	s.back_at = wd_align_up(s.out, LINE);
	s.in_at = s.back_at;
	if (checked) {
		s.check = hpre_key_size(HPRE_ALG_MODEXP, hw->width);
		s.in_at += wd_align_up(s.in, LINE);
	}
	s.key_at = s.in_at + wd_align_up(s.in, LINE);
	s.check_at = s.key_at + wd_align_up(s.key, LINE);
	s.end = s.check_at + s.check;
	return s;
}

static bool hpre_overlaps(const struct offload_hpre *op,
			  const struct hpre_shape *s)
{
	return s->in && s->out && op->out < op->in + s->in &&
	       op->in < op->out + s->out;
}

static uint64_t at(const struct offload_job *j, const void *p, size_t len)
{
	return len ? uacce_addr(&j->lane->q.u, p, len) : 0;
}

/* Bytes of the slot used: the wipe reaches no further. */
static void uses(struct offload_job *j, size_t end)
{
	if (j->used < end)
		j->used = (uint32_t)end;
}

/* Into the slot; @to is where in it. */
static uint64_t put(struct offload_job *j, size_t to, const uint8_t *from,
		    size_t len)
{
	if (len)
		memcpy(j->mem + to, from, len);
	return at(j, j->mem + to, len);
}

/* The second descriptor: the first one's output, to e, must be its input. */
static void hpre_then(struct offload_job *j, const struct offload_hpre *op,
		      const struct hpre_shape *s, const struct hpre_op *hw,
		      bool bounced)
{
	j->chained = true;
	j->then.hpre = (struct hpre_op){
		.alg = HPRE_ALG_MODEXP,
		.width = hw->width,
		.key = bounced ? put(j, s->check_at, op->check, s->check)
			       : at(j, op->check, s->check),
		.in = hw->out,
		.out = at(j, j->mem + s->back_at, s->in),
	};
	uses(j, s->back_at + s->in);
}

static struct hpre_op hpre_of(const struct offload_hpre *op)
{
	return (struct hpre_op){
		.alg = op->alg,
		.width = op->width,
		.msg_len = op->msg_len,
		.device_nonce = op->device_nonce,
		.fast = op->fast,
	};
}

static int hpre_place(struct offload_job *j, const void *opaque, void *hw_op)
{
	const struct uacce_queue *q = &j->lane->q.u;
	const struct offload_hpre *op = opaque;
	struct hpre_op hw = hpre_of(op);
	const struct hpre_shape s = hpre_shape(&hw, op->check);
	const struct place_in in = {
		.sva = q->sva,
		.async = j->async,
		/* Half a private result must not get out either. */
		.overlap = op->kind == OFFLOAD_RSA_PRIVATE ||
			   hpre_overlaps(op, &s),
		.bytes = s.end,
		.slot = sizeof(struct hpre_slot),
	};
	enum place src, dst;
	int rc;

	if (!hpre_offers(q->qm_version, op->alg, op->width))
		return -EINVAL;
	rc = place_data(&in, &src, &dst);
	if (rc)
		return rc;
	hw.key = at(j, op->key, s.key);
	hw.in = at(j, op->in, s.in);
	hw.out = at(j, op->out, s.out);
	if (dst == PLACE_SLOT && s.out) {
		j->bounced = true;
		uses(j, s.out);
		hw.out = at(j, j->mem, s.out);
	}
	if (src == PLACE_SLOT) {
		hw.in = put(j, s.in_at, op->in, s.in);
		hw.key = put(j, s.key_at, op->key, s.key);
		j->copied += s.in;
		uses(j, s.end);
	}
	if (op->check)
		hpre_then(j, op, &s, &hw, src == PLACE_SLOT);
	*(struct hpre_op *)hw_op = hw;
	return 0;
}

/* What came back from the second descriptor is the input again. */
static int hpre_judge(const struct offload_job *j, const void *opaque)
{
	const struct offload_hpre *op = opaque;
	const struct hpre_op hw = hpre_of(op);
	const struct hpre_shape s = hpre_shape(&hw, true);

	return wd_equal_ct(j->mem + s.back_at, op->in, s.in) ? 0 : -EILSEQ;
}

static int hpre_fill(const struct offload_job *j, void *sqe, const void *hw)
{
	(void)j;
	return hpre_encode(sqe, hw);
}

/* A verdict has no output: nothing was bounced. */
static void hpre_finish(struct offload_job *j, const void *opaque)
{
	const struct offload_hpre *op = opaque;
	const struct hpre_op hw = hpre_of(op);
	size_t size = j->bounced ? hpre_out_size(&hw) : 0;

	if (!size)
		return;
	memcpy(op->out, j->mem, size);
	j->copied += size;
}

int offload_hpre(struct offload *o, const struct offload_hpre *op,
		 struct offload_waiter *w)
{
	const int queue_type = hpre_queue_type(op->alg);
	const struct work work = {
		.kind = op->kind,
		.op = op,
		.bytes = op->msg_len ? op->msg_len : op->width,
		.queue_type = (unsigned int)queue_type,
		.place = hpre_place,
		.encode = hpre_fill,
		.finish = hpre_finish,
		.judge = op->check ? hpre_judge : NULL,
	};
	bool rsa = op->alg == HPRE_ALG_MODEXP || op->alg == HPRE_ALG_RSA_CRT;

	if (queue_type < 0 || (op->check && !rsa) ||
	    kinds[op->kind].engine != UACCE_HPRE)
		return -EINVAL;
	return job_run(o, &work, w);
}

int offload_rsa(struct offload *o, const struct offload_rsa *op,
		struct offload_waiter *w)
{
	const struct offload_hpre hpre = {
		.kind = op->kind,
		.alg = op->alg,
		.width = op->width,
		.key = op->key,
		.in = op->in,
		.out = op->out,
		.check = op->check,
	};

	if (op->kind != OFFLOAD_RSA_PRIVATE && op->kind != OFFLOAD_RSA_PUBLIC)
		return -EINVAL;
	return offload_hpre(o, &hpre, w);
}
