/* SPDX-License-Identifier: Apache-2.0 */
#include "hw/qm/qm_queue.h"

#include <errno.h>

#include "base/wd_base.h"
#include "base/wd_io.h"

/* Bytes from the end of the ring memory; docs/hw/uacce.md#stop-words */
#define QM_RX_STOP_BACK 8
#define QM_TX_STOP_BACK 4

static bool qm_bit(const uint8_t *map, uint16_t n)
{
	return map[n / 8] >> n % 8 & 1;
}

static void qm_bit_set(uint8_t *map, uint16_t n)
{
	map[n / 8] = (uint8_t)(map[n / 8] | 1u << n % 8);
}

static void qm_bit_clear(uint8_t *map, uint16_t n)
{
	map[n / 8] = (uint8_t)(map[n / 8] & ~(1u << n % 8));
}

static uint64_t qm_two_words(const uint32_t w[2])
{
	return (uint64_t)w[1] << 32 | w[0];
}

static uint64_t qm_bell_v1(uint16_t id, uint32_t cmd, uint16_t index,
			   uint16_t arm)
{
	uint32_t w[2] = { 0 };

	QM_PUT(w, QM_DB1_QUEUE, id);
	QM_PUT(w, QM_DB1_CMD, cmd);
	QM_PUT(w, QM_DB1_INDEX, index);
	QM_PUT(w, QM_DB1_PRIORITY, arm);
	return qm_two_words(w);
}

static uint64_t qm_bell_v2(uint16_t id, uint32_t cmd, uint16_t index,
			   uint16_t arm)
{
	uint32_t w[2] = { 0 };

	QM_PUT(w, QM_DB_QUEUE, id);
	QM_PUT(w, QM_DB_CMD, cmd);
	QM_PUT(w, QM_DB_INDEX, index);
	QM_PUT(w, QM_DB_PRIORITY, arm);
	return qm_two_words(w);
}

static uint32_t qm_stop_word(const volatile uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/*
 * The device can't have more completions outstanding than descriptors, so a
 * completion ring at least as deep as the other never overflows.
 */
static bool qm_rings_ok(const struct uacce_queue *u)
{
	size_t sqe_size = u->engine == UACCE_HPRE ? 64 : 128;
	size_t need = u->sq_depth * sqe_size +
		      u->cq_depth * sizeof(struct qm_cqe) + QM_RX_STOP_BACK;

	return u->dus && u->sqe_size == sqe_size && u->sq_depth >= 2 &&
	       u->sq_depth <= QM_DEPTH_MAX && u->cq_depth >= u->sq_depth &&
	       u->dus_size >= need &&
	       (u->qm_version == 1 ||
		u->id <= wd_field_max(&qm_fields[QM_DB_QUEUE]));
}

static void qm_attach(struct qm_queue *q)
{
	struct uacce_queue *u = &q->u;
	uint8_t *end = u->dus + u->dus_size;

	q->sq = u->dus;
	q->cq = (void *)(u->dus + (size_t)u->sq_depth * u->sqe_size);
	q->rx_stop = (void *)(end - QM_RX_STOP_BACK);
	q->tx_stop = (void *)(end - QM_TX_STOP_BACK);
	q->cq_phase = 1;
	q->bell_value = u->qm_version == 1 ? qm_bell_v1 : qm_bell_v2;
	q->bell_off = u->qm_version == 1 ? QM_REG_DB_V1 : QM_REG_DB_SQ_CQ;
}

int qm_queue_open(struct qm_queue *q, struct uacce_host *host,
		  const struct uacce_info *info, unsigned int qc_type,
		  size_t pool)
{
	int rc;

	*q = (struct qm_queue){ 0 };
	rc = host->ops->open(host, info, qc_type, pool, &q->u);
	if (rc)
		return rc;
	rc = -EPROTO;
	if (!qm_rings_ok(&q->u))
		goto close_queue;
	qm_attach(q);
	rc = host->ops->start(&q->u);
	if (rc)
		goto close_queue;
	return 0;

close_queue:
	host->ops->close(&q->u);
	return rc;
}

/*
 * The kernel may hand this ring memory to another process as it is.  A queue
 * that could not be stopped is left alone: its mapping may be gone.
 */
int qm_queue_stop(struct qm_queue *q)
{
	int rc = q->u.host->ops->stop(&q->u);

	if (!rc)
		wd_wipe(q->sq, (size_t)q->u.sq_depth * q->u.sqe_size);
	q->stopped = true;
	q->halted = true;
	return rc;
}

void qm_queue_close(struct qm_queue *q)
{
	if (!q->halted)
		(void)qm_queue_stop(q);
	q->u.host->ops->close(&q->u);
}

void *qm_queue_sqe(const struct qm_queue *q, uint16_t slot)
{
	return q->sq + (size_t)slot * q->u.sqe_size;
}

static uint16_t qm_next(uint16_t index, uint16_t depth)
{
	return (uint16_t)(index + 1 == depth ? 0 : index + 1);
}

void *qm_queue_reserve(struct qm_queue *q, uint16_t *slot)
{
	if (q->stopped || q->in_use + 1 >= q->u.sq_depth ||
	    qm_bit(q->busy, q->sq_tail) || qm_stop_word(q->tx_stop))
		return NULL;
	qm_bit_set(q->busy, q->sq_tail);
	q->in_use++;
	*slot = q->sq_tail;
	return qm_queue_sqe(q, q->sq_tail);
}

void qm_queue_unreserve(struct qm_queue *q)
{
	qm_queue_release(q, q->sq_tail);
}

void qm_queue_commit(struct qm_queue *q)
{
	q->sq_tail = qm_next(q->sq_tail, q->u.sq_depth);
	q->committed++;
}

/* The committed slots are the last ones before the tail. */
static void qm_take_off(struct qm_queue *q)
{
	uint16_t depth = q->u.sq_depth;
	uint16_t slot = (uint16_t)((q->sq_tail + depth - q->committed) % depth);

	for (; slot != q->sq_tail; slot = qm_next(slot, depth))
		qm_bit_set(q->flight, slot);
	q->committed = 0;
}

int qm_queue_ring(struct qm_queue *q)
{
	int n = q->committed;

	if (q->stopped || qm_stop_word(q->tx_stop))
		return -EIO;
	if (!n)
		return 0;
	qm_take_off(q);
	/*
	 * The device fetches descriptors as soon as it sees the new tail:
	 * every byte of them must be visible before the doorbell store.
	 */
	wd_io_wmb();
	q->u.bell(&q->u, q->bell_off,
		  q->bell_value(q->u.id, QM_BELL_SQ, q->sq_tail, 0));
	q->sq_bells++;
	return n;
}

bool qm_queue_ready(const struct qm_queue *q)
{
	/* Acquire: what the device wrote before the phase bit is read after. */
	uint32_t w = __atomic_load_n(&q->cq[q->cq_head].w[3], __ATOMIC_ACQUIRE);
	uint32_t words[4] = { 0, 0, 0, w };

	return QM_GET(words, QM_CQE_PHASE) == q->cq_phase;
}

/* The slot of the next completion, or -EIO if that can't have been ours. */
static int qm_land(struct qm_queue *q)
{
	uint16_t slot = (uint16_t)QM_GET(q->cq[q->cq_head].w, QM_CQE_SQ_HEAD);

	if (slot >= q->u.sq_depth || !qm_bit(q->flight, slot))
		return -EIO;
	qm_bit_clear(q->flight, slot);
	q->cq_head = qm_next(q->cq_head, q->u.cq_depth);
	if (!q->cq_head)
		q->cq_phase ^= 1;
	return slot;
}

static bool qm_cq_is_due(const struct qm_queue *q)
{
	return q->unsaid && q->unsaid + q->in_use >= q->u.cq_depth / 2;
}

static void qm_bell_cq(struct qm_queue *q, bool arm)
{
	/* The device may reuse what was read as soon as it sees the head. */
	wd_io_rmb();
	q->u.bell(&q->u, q->bell_off,
		  q->bell_value(q->u.id, QM_BELL_CQ, q->cq_head, arm));
	q->cq_bells++;
	q->armed = arm;
	q->unsaid = 0;
}

int qm_queue_reap(struct qm_queue *q, uint16_t *slots, unsigned int max,
		  bool arm)
{
	/*
	 * Read before the ring: once set, every completion there will ever be
	 * is in the ring already, and is handed out before the error.
	 */
	bool over = __atomic_load_n(q->rx_stop, __ATOMIC_ACQUIRE) != 0;
	unsigned int n = 0;

	while (n < max && qm_queue_ready(q)) {
		int slot;

		/* The device wrote descriptor and slot before the phase. */
		wd_io_rmb();
		slot = qm_land(q);
		if (slot < 0) {
			q->stopped = true;
			break;
		}
		slots[n++] = (uint16_t)slot;
	}
	if (over && n < max)
		q->stopped = true;
	q->unsaid = (uint16_t)(q->unsaid + n);
	/* Nobody says whether a doorbell without it takes an arming back. */
	if (!over && !q->stopped && (arm || qm_cq_is_due(q)))
		qm_bell_cq(q, arm || q->armed);
	return n || !q->stopped ? (int)n : -EIO;
}

void qm_queue_release(struct qm_queue *q, uint16_t slot)
{
	wd_wipe(qm_queue_sqe(q, slot), q->u.sqe_size);
	qm_bit_clear(q->busy, slot);
	q->in_use--;
}
