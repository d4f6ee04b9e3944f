/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_sec.c - ciphers, AEAD, digests and MACs: where the operands go.
 *
 *	in place, no AAD    src = in		   dst = out
 *	in place, AAD	    src = {aad, in}	   dst = {slot, out}
 *	overlap		    src as above	   dst = slot or area; with
 *						   @insist as above
 *	bounced		    src = dst = slots: AAD | payload
 *
 * Tag, digest state and IV are always in the slot; a key is used where it
 * lies when the input is.
 */
#include "offload/offload_priv.h"

#include <errno.h>

#include "base/wd_base.h"
#include "offload/slot.h"

#define DATA_AT ((uint32_t)offsetof(struct sec_slot, data))

static bool overlaps(const uint8_t *a, const uint8_t *b, size_t len)
{
	return len && a < b + len && b < a + len;
}

static uint64_t at(const struct offload_job *j, const void *p, size_t len)
{
	return uacce_addr(&j->lane->q.u, p, len ? len : 1);
}

/*
 * May the device write over its own input?  Half way through it may fail, and
 * then the input is gone: only for who would not do it in software anyway.  A
 * tag that is wrong is a verdict, and is heard with the input as it was.
 */
static bool may_write_over(const struct offload_job *j,
			   const struct offload_cipher *op)
{
	return j->lane->proc->o->cfg.insist && (op->encrypt || !op->tag_len);
}

/* A key is used where it lies, if what it works on is. */
static uint64_t key_at(struct offload_job *j, enum place src,
		       const uint8_t *key, size_t len)
{
	struct sec_slot *slot = (void *)j->mem;

	if (src == PLACE_CALLER)
		return at(j, key, len);
	job_uses(j, offsetof(struct sec_slot, key) + len);
	memcpy(slot->key, key, len);
	return at(j, slot->key, len);
}

/* ---- cipher ------------------------------------------------------------- */

/* AAD and payload where they lie: an entry, and two at most. */
static uint64_t list_of(struct offload_job *j, struct sec_list *list,
			const uint8_t *aad, uint32_t aad_len,
			const uint8_t *data, uint32_t len)
{
	job_uses(j, DATA_AT);
	sec_sgl_init(&list->sgl, SEC_LIST_ENTRIES);
	(void)sec_sgl_add(&list->sgl, at(j, aad, aad_len), aad_len);
	(void)sec_sgl_add(&list->sgl, at(j, data, len), len);
	return at(j, list, sizeof(*list));
}

/* AAD | payload of the source, without a copy. */
static void cipher_src(struct offload_job *j, const struct offload_cipher *op,
		       struct sec_cipher_op *hw)
{
	struct sec_slot *slot = (void *)j->mem;

	if (op->aad_len && op->len) {
		hw->src_sgl = true;
		hw->src = list_of(j, &slot->src, op->aad, op->aad_len, op->in,
				  op->len);
	} else if (op->aad_len) {
		hw->src = at(j, op->aad, op->aad_len);
	} else {
		hw->src = at(j, op->len ? op->in : slot->data, op->len);
	}
}

/*
 * The device passes the AAD on to the destination: let it land in @aad, since
 * the caller's may be constant.
 */
static void cipher_dst(struct offload_job *j, const struct offload_cipher *op,
		       uint8_t *aad, struct sec_cipher_op *hw)
{
	struct sec_slot *slot = (void *)j->mem;

	if (op->aad_len && op->len) {
		hw->dst_sgl = true;
		hw->dst = list_of(j, &slot->dst, aad, op->aad_len, op->out,
				  op->len);
	} else if (op->aad_len) {
		hw->dst = at(j, aad, op->aad_len);
	} else {
		hw->dst = at(j, op->len ? op->out : aad, op->len);
	}
}

static int cipher_in_place(struct offload_job *j,
			   const struct offload_cipher *op, enum place dst,
			   struct sec_cipher_op *hw)
{
	struct sec_slot *slot = (void *)j->mem;
	size_t total = (size_t)op->aad_len + op->len;
	size_t bytes = dst == PLACE_CALLER ? op->aad_len : total;
	bool fits = bytes <= sizeof(slot->data);
	uint8_t *own = fits ? slot->data : area_take(j, bytes);

	if (!own)
		return -ENOMEM;
	if (fits)
		job_uses(j, DATA_AT + bytes);
	cipher_src(j, op, hw);
	if (dst == PLACE_CALLER) {
		cipher_dst(j, op, own, hw);
		return 0;
	}
	j->bounced = true;
	hw->dst = at(j, own, total);
	return 0;
}

static int cipher_bounced(struct offload_job *j,
			  const struct offload_cipher *op,
			  struct sec_cipher_op *hw)
{
	size_t total = (size_t)op->aad_len + op->len;
	struct room r = room_of(j);
	int rc = room_make(j, total, &hw->src, &hw->src_sgl);

	if (rc)
		return rc;
	room_put(&r, op->aad, op->aad_len);
	room_put(&r, op->in, op->len);
	j->copied += op->len;
	hw->dst = hw->src;
	hw->dst_sgl = hw->src_sgl;
	j->bounced = true;
	return 0;
}

/* Nonce or first block, as the mode wants it; they are never the caller's: a
 * dropped job may read them after he has gone. */
static int cipher_iv(struct offload_job *j, const struct offload_cipher *op,
		     struct sec_cipher_op *hw)
{
	struct sec_slot *slot = (void *)j->mem;

	job_uses(j, offsetof(struct sec_slot, key));
	hw->iv = at(j, slot->iv, sizeof(slot->iv));
	if (sec_is_ccm(op->alg)) {
		hw->b0 = at(j, slot->b0, sizeof(slot->b0));
		return sec_ccm_blocks(slot->iv, slot->b0, hw, op->iv,
				      op->iv_len);
	}
	if (op->iv_len)
		memcpy(slot->iv, op->iv, op->iv_len);
	return 0;
}

static int cipher_place(struct offload_job *j, const void *opaque, void *hw_op)
{
	const struct offload_cipher *op = opaque;
	struct sec_slot *slot = (void *)j->mem;
	struct sec_cipher_op *hw = hw_op;
	const struct place_in in = {
		.sva = j->lane->q.u.sva,
		.async = j->async,
		.overlap = overlaps(op->in, op->out, op->len) &&
			   !may_write_over(j, op),
		.bytes = (size_t)op->aad_len + op->len,
		.slot = SEC_SLOT_DATA,
		.borrowed = SEC_ROOM(SEC_ROOM_SLOTS),
	};
	enum place src, dst;
	int rc = place_data(&in, &src, &dst);

	if (rc)
		return rc;
	*hw = (struct sec_cipher_op){
		.alg = op->alg,
		.encrypt = op->encrypt,
		.key_len = op->key_len,
		.tag_len = op->tag_len,
		.aad_len = op->aad_len,
		.len = op->len,
		.key = key_at(j, src, op->key, op->key_len),
		.mac = at(j, slot->mac, sizeof(slot->mac)),
	};
	rc = cipher_iv(j, op, hw);
	if (rc)
		return rc;
	if (op->tag_len && !op->encrypt)
		memcpy(slot->mac, op->tag, op->tag_len);
	if (src == PLACE_CALLER)
		return cipher_in_place(j, op, dst, hw);
	return cipher_bounced(j, op, hw);
}

static int cipher_encode(const struct offload_job *j, void *sqe, const void *hw)
{
	return j->lane->codec->cipher(sqe, hw);
}

static void cipher_finish(struct offload_job *j, const void *opaque)
{
	const struct offload_cipher *op = opaque;
	struct sec_slot *slot = (void *)j->mem;
	struct room r = room_of(j);

	if (j->bounced && op->len && !j->rc) {
		if (j->area) {
			memcpy(op->out, area_data(j) + op->aad_len, op->len);
		} else {
			room_get(&r, NULL, op->aad_len);
			room_get(&r, op->out, op->len);
		}
		j->copied += op->len;
	}
	if (op->tag_len && op->encrypt)
		memcpy(op->tag, slot->mac, op->tag_len);
}

int cipher_check(const struct offload_cipher *op)
{
	if (kinds[op->kind].engine != UACCE_SEC ||
	    op->key_len > SEC_CIPHER_KEY_MAX || op->tag_len > SEC_TAG_MAX ||
	    !sec_iv_ok(op->alg, op->iv_len) || (op->aad_len && !op->aad))
		return -EINVAL;
	if (op->in != op->out && overlaps(op->in, op->out, op->len))
		return -EINVAL;
	if (op->aad_len > SEC_AAD_MAX || op->len > SEC_LEN_MAX - op->aad_len)
		return -EMSGSIZE;
	return 0;
}

struct work cipher_work(const struct offload_cipher *op)
{
	return (struct work){
		.kind = op->kind,
		.op = op,
		.bytes = op->len,
		.place = cipher_place,
		.encode = cipher_encode,
		.finish = cipher_finish,
	};
}

int offload_cipher(struct offload *o, const struct offload_cipher *op,
		   struct offload_waiter *w)
{
	const struct work work = cipher_work(op);
	int rc = cipher_check(op);

	return rc ? rc : job_run(o, &work, w);
}

/* ---- digest and MAC ------------------------------------------------------ */

/* What is read only: in the caller's memory or a copy. */
struct message {
	enum place src;
	bool sgl;
	uint64_t addr;
};

/* @slots: most the copy may take. */
static int message_place(struct offload_job *j, const uint8_t *in, size_t len,
			 unsigned int slots, struct message *m)
{
	struct sec_slot *slot = (void *)j->mem;
	const struct place_in where = {
		.sva = j->lane->q.u.sva,
		.async = j->async,
		.bytes = len,
		.slot = SEC_SLOT_DATA,
		.borrowed = slots > 1 ? SEC_ROOM(slots) : 0,
	};
	struct room r = room_of(j);
	enum place dst;
	int rc = place_data(&where, &m->src, &dst);

	if (rc)
		return rc;
	job_uses(j, offsetof(struct sec_slot, key));
	m->sgl = false;
	if (m->src == PLACE_CALLER) {
		m->addr = at(j, len ? in : slot->data, len);
		return 0;
	}
	rc = room_make(j, len, &m->addr, &m->sgl);
	if (rc)
		return rc;
	room_put(&r, in, len);
	j->copied += len;
	return 0;
}

static int digest_place(struct offload_job *j, const void *opaque, void *hw_op)
{
	const struct offload_digest *op = opaque;
	struct sec_slot *slot = (void *)j->mem;
	struct sec_digest_op *hw = hw_op;
	/* Pieces before the last have no lists. */
	bool last = op->part == SEC_LAST || op->part == SEC_ONE_SHOT;
	struct message m;
	int rc = message_place(j, op->in, op->len, last ? SEC_ROOM_SLOTS : 1,
			       &m);

	if (rc)
		return rc;
	if (op->part == SEC_MIDDLE || op->part == SEC_LAST)
		memcpy(slot->mac, op->state, sec_digest_state(op->alg));
	*hw = (struct sec_digest_op){
		.alg = op->alg,
		.part = op->part,
		.len = op->len,
		.total_bits = op->total_bits,
		.src = m.addr,
		.src_sgl = m.sgl,
		.mac = at(j, slot->mac, sizeof(slot->mac)),
		.key_len = op->key_len,
	};
	if (op->key_len)
		hw->key = key_at(j, m.src, op->key, op->key_len);
	return 0;
}

static int digest_encode(const struct offload_job *j, void *sqe, const void *hw)
{
	return j->lane->codec->digest(sqe, hw);
}

static void digest_finish(struct offload_job *j, const void *opaque)
{
	const struct offload_digest *op = opaque;
	const struct sec_slot *slot = (const void *)j->mem;
	bool whole = op->part == SEC_LAST || op->part == SEC_ONE_SHOT;

	memcpy(op->state, slot->mac,
	       whole ? sec_digest_size(op->alg) : sec_digest_state(op->alg));
}

int offload_digest(struct offload *o, const struct offload_digest *op,
		   struct offload_waiter *w)
{
	const struct work work = {
		.kind = op->kind,
		.op = op,
		.bytes = op->len,
		.place = digest_place,
		.encode = digest_encode,
		.finish = digest_finish,
	};

	if (kinds[op->kind].engine != UACCE_SEC || !sec_digest_state(op->alg) ||
	    op->key_len > sec_digest_block(op->alg) ||
	    (op->key_len && !op->key))
		return -EINVAL;
	if (op->len > SEC_LEN_MAX)
		return -EMSGSIZE;
	return job_run(o, &work, w);
}

static int mac_place(struct offload_job *j, const void *opaque, void *hw_op)
{
	const struct offload_mac *op = opaque;
	struct sec_slot *slot = (void *)j->mem;
	struct message m;
	int rc = message_place(j, op->in, op->len, SEC_ROOM_SLOTS, &m);

	if (rc)
		return rc;
	if (op->iv) {
		memcpy(slot->iv, op->iv, SEC_GMAC_NONCE);
		memset(slot->iv + SEC_GMAC_NONCE, 0,
		       sizeof(slot->iv) - SEC_GMAC_NONCE);
	}
	*(struct sec_mac_op *)hw_op = (struct sec_mac_op){
		.alg = op->alg,
		.key_len = op->key_len,
		.len = op->len,
		.key = key_at(j, m.src, op->key, op->key_len),
		.iv = op->iv ? at(j, slot->iv, sizeof(slot->iv)) : 0,
		.src = m.addr,
		.src_sgl = m.sgl,
		.mac = at(j, slot->mac, sizeof(slot->mac)),
	};
	return 0;
}

static int mac_encode(const struct offload_job *j, void *sqe, const void *hw)
{
	return j->lane->codec->mac(sqe, hw);
}

static void mac_finish(struct offload_job *j, const void *opaque)
{
	const struct offload_mac *op = opaque;
	const struct sec_slot *slot = (const void *)j->mem;

	memcpy(op->mac, slot->mac, SEC_TAG_MAX);
}

int offload_mac(struct offload *o, const struct offload_mac *op,
		struct offload_waiter *w)
{
	const struct work work = {
		.kind = op->kind,
		.op = op,
		.bytes = op->len,
		.place = mac_place,
		.encode = mac_encode,
		.finish = mac_finish,
	};

	if (kinds[op->kind].engine != UACCE_SEC ||
	    op->key_len > SEC_CIPHER_KEY_MAX)
		return -EINVAL;
	if (op->len > SEC_LEN_MAX)
		return -EMSGSIZE;
	return job_run(o, &work, w);
}
