/* SPDX-License-Identifier: Apache-2.0 */
#include "offload/offload_priv.h"

#include <errno.h>
#include <stddef.h>

#include "base/wd_base.h"
#include "offload/slot.h"

static bool rsa_overlaps(const struct offload_rsa *op)
{
	return op->out < op->in + op->width && op->in < op->out + op->width;
}

/* Bytes of the slot used: the wipe reaches no further. */
static void rsa_uses(struct offload_job *j, size_t end)
{
	if (j->used < end)
		j->used = (uint32_t)end;
}

static int rsa_place(struct offload_job *j, const void *opaque, void *hw)
{
	const struct uacce_queue *q = &j->lane->q.u;
	const struct offload_rsa *op = opaque;
	struct hpre_slot *slot = (void *)j->mem;
	size_t key_size = hpre_key_size(op->alg, op->width);
	const struct place_in in = {
		.sva = q->sva,
		.async = j->async,
		.overlap = rsa_overlaps(op),
		.bytes = op->width,
		.slot = HPRE_WIDTH_MAX,
	};
	const uint8_t *key = op->key, *from = op->in;
	enum place src, dst;
	uint8_t *to = op->out;
	int rc;

	if (!key_size || key_size > sizeof(slot->key))
		return -EINVAL;
	rc = place_data(&in, &src, &dst);
	if (rc)
		return rc;
	if (dst == PLACE_SLOT) {
		to = slot->out;
		rsa_uses(j, offsetof(struct hpre_slot, out) + op->width);
		j->bounced = true;
	}
	if (src == PLACE_SLOT) {
		memcpy(slot->in, op->in, op->width);
		memcpy(slot->key, op->key, key_size);
		j->copied += op->width;
		from = slot->in;
		key = slot->key;
		rsa_uses(j, offsetof(struct hpre_slot, key) + key_size);
	}
	*(struct hpre_op *)hw = (struct hpre_op){
		.alg = op->alg,
		.width = op->width,
		.key = uacce_addr(q, key, key_size),
		.in = uacce_addr(q, from, op->width),
		.out = uacce_addr(q, to, op->width),
	};
	return 0;
}

static int rsa_encode(const struct offload_job *j, void *sqe, const void *hw)
{
	(void)j;
	return hpre_encode(sqe, hw);
}

static void rsa_finish(struct offload_job *j, const void *opaque)
{
	const struct offload_rsa *op = opaque;
	const struct hpre_slot *slot = (const void *)j->mem;

	if (!j->bounced)
		return;
	memcpy(op->out, slot->out, op->width);
	j->copied += op->width;
}

int offload_rsa(struct offload *o, const struct offload_rsa *op,
		struct offload_waiter *w)
{
	const struct work work = {
		.kind = op->kind,
		.op = op,
		.bytes = op->width,
		.place = rsa_place,
		.encode = rsa_encode,
		.finish = rsa_finish,
	};

	if (op->kind != OFFLOAD_RSA_PRIVATE && op->kind != OFFLOAD_RSA_PUBLIC)
		return -EINVAL;
	return job_run(o, &work, w);
}
