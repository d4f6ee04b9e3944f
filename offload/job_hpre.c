/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_hpre.c - public-key operations: where the operands go.
 *
 *	in place    key, in and out where the caller has them
 *	overlap	    key and in as above, out in the slot
 *	bounced	    slot: out | in | key, each from a cache line on
 */
#include "offload/offload_priv.h"

#include <errno.h>

#include "base/wd_base.h"
#include "offload/slot.h"

#define LINE 64u

/* The buffers of one operation, and where they lie in a slot. */
struct hpre_shape {
	size_t key, in, out; /* bytes */
	size_t in_at, key_at, end;
};

static struct hpre_shape hpre_shape(const struct hpre_op *hw)
{
	struct hpre_shape s = {
		.key = hpre_key_size(hw->alg, hw->width),
		.in = hpre_in_size(hw),
		.out = hpre_out_size(hw),
	};

	s.in_at = wd_align_up(s.out, LINE);
	s.key_at = s.in_at + wd_align_up(s.in, LINE);
	s.end = s.key_at + s.key;
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

static void hpre_put(struct offload_job *j, const struct offload_hpre *op,
		     const struct hpre_shape *s, struct hpre_op *hw)
{
	memcpy(j->mem + s->key_at, op->key, s->key);
	if (s->in)
		memcpy(j->mem + s->in_at, op->in, s->in);
	j->copied += s->in;
	uses(j, s->end);
	hw->key = at(j, j->mem + s->key_at, s->key);
	hw->in = at(j, j->mem + s->in_at, s->in);
}

static int hpre_place(struct offload_job *j, const void *opaque, void *hw_op)
{
	const struct uacce_queue *q = &j->lane->q.u;
	const struct offload_hpre *op = opaque;
	struct hpre_op hw = {
		.alg = op->alg,
		.width = op->width,
		.msg_len = op->msg_len,
		.device_nonce = op->device_nonce,
		.fast = op->fast,
	};
	const struct hpre_shape s = hpre_shape(&hw);
	const struct place_in in = {
		.sva = q->sva,
		.async = j->async,
		.overlap = hpre_overlaps(op, &s),
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
	if (src == PLACE_SLOT)
		hpre_put(j, op, &s, &hw);
	if (dst == PLACE_SLOT && s.out) {
		j->bounced = true;
		uses(j, s.out);
		hw.out = at(j, j->mem, s.out);
	}
	*(struct hpre_op *)hw_op = hw;
	return 0;
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
	const struct hpre_op hw = {
		.alg = op->alg,
		.width = op->width,
		.msg_len = op->msg_len,
		.device_nonce = op->device_nonce,
		.fast = op->fast,
	};
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
	};

	if (queue_type < 0 || kinds[op->kind].engine != UACCE_HPRE)
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
	};

	if (op->kind != OFFLOAD_RSA_PRIVATE && op->kind != OFFLOAD_RSA_PUBLIC)
		return -EINVAL;
	return offload_hpre(o, &hpre, w);
}
