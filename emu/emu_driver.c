/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "emu/emu_card.h"

enum { EMU_IRQ_EQ = 1u << 0, EMU_IRQ_AEQ = 1u << 1, EMU_IRQ_ERROR = 1u << 3 };

/* Built in for V2, which has no capability registers; docs/hw/qm.md#errors */
#define EMU_V2_RESET_MASK 0xC77u

/* Drain of a queue on hardware without STOP_QP; docs/hw/qm.md#drain */
#define EMU_DRAIN_TRIES 1000
#define EMU_DRAIN_NS	100000

static void emu_service(struct emu_card *c);

static uint32_t emu_rd(struct emu_card *c, uint32_t off)
{
	return (uint32_t)emu_dev_read(c->dev, 2, off, 4);
}

static void emu_wr(struct emu_card *c, uint32_t off, uint32_t value)
{
	emu_dev_write(c->dev, 2, off, value, 4);
}

static bool emu_v3(const struct emu_card *c)
{
	return c->cfg.model >= EMU_KUNPENG930;
}

/* --- mailbox ------------------------------------------------------------ */

/* Caller holds c->mailbox.  The model answers within the last write. */
static int emu_mailbox(struct emu_card *c, uint32_t cmd, bool read,
		       uint32_t queue, uint64_t data)
{
	uint32_t w[4] = { 0 };

	QM_PUT(w, QM_MBX_CMD, cmd);
	QM_PUT(w, QM_MBX_BUSY, 1);
	QM_PUT(w, QM_MBX_OP, read);
	QM_PUT(w, QM_MBX_QUEUE, queue);
	wd_put64(w, &qm_fields[QM_MBX_DATA_LO], data);
	emu_dev_write(c->dev, 2, QM_REG_MAILBOX, (uint64_t)w[1] << 32 | w[0],
		      8);
	emu_dev_write(c->dev, 2, QM_REG_MAILBOX + 8,
		      (uint64_t)w[3] << 32 | w[2], 8);
	w[0] = emu_rd(c, QM_REG_MAILBOX);
	if (QM_GET(w, QM_MBX_BUSY))
		return -ETIMEDOUT;
	return QM_GET(w, QM_MBX_STATUS) ? -EIO : 0;
}

static void emu_mailbox_unlock(struct emu_card *c)
{
	pthread_mutex_unlock(&c->mailbox);
	/* An error that came meanwhile was left to the holder. */
	emu_service(c);
}

static int emu_context_write(struct emu_card *c, uint32_t cmd, uint32_t queue,
			     const struct qm_context *ctx)
{
	*c->context = *ctx;
	return emu_mailbox(c, cmd, false, queue, c->context_bus);
}

static int emu_context_read(struct emu_card *c, uint32_t cmd, uint32_t queue,
			    struct qm_context *ctx)
{
	int rc = emu_mailbox(c, cmd, true, queue, c->context_bus);

	*ctx = *c->context;
	return rc;
}

/* --- bring-up ----------------------------------------------------------- */

static int emu_vft_set(struct emu_card *c, uint32_t type, const uint32_t w[2])
{
	emu_wr(c, QM_REG_VFT_CFG_OP_WR, 0);
	emu_wr(c, QM_REG_VFT_CFG_TYPE, type);
	emu_wr(c, QM_REG_VFT_CFG, 0);
	emu_wr(c, QM_REG_VFT_CFG_DATA_L, w[0]);
	emu_wr(c, QM_REG_VFT_CFG_DATA_H, w[1]);
	emu_wr(c, QM_REG_VFT_CFG_RDY, 0);
	emu_wr(c, QM_REG_VFT_CFG_OP_ENABLE, 1);
	return emu_rd(c, QM_REG_VFT_CFG_RDY) & 1 ? 0 : -ETIMEDOUT;
}

static int emu_vft_up(struct emu_card *c)
{
	uint32_t sq[2] = { 0 }, cq[2] = { 0 };
	int rc;

	QM_PUT(sq, QM_VFT_VALID, 1);
	QM_PUT(sq, QM_VFT_NUMBER, c->cfg.queues - 1);
	QM_PUT(cq, QM_VFT_CQC_VALID, 1);
	rc = emu_vft_set(c, 0, sq);
	return rc ? rc : emu_vft_set(c, 1, cq);
}

static int emu_memory_up(struct emu_card *c)
{
	emu_wr(c, QM_REG_MEM_START_INIT, 1);
	return emu_rd(c, QM_REG_MEM_INIT_DONE) & 1 ? 0 : -ETIMEDOUT;
}

static int emu_engine_up(struct emu_card *c)
{
	for (size_t i = 0; i < c->engine->handshake_count; i++) {
		const struct emu_handshake *h = &c->engine->handshakes[i];

		if (h->mask_from)
			emu_wr(c, h->mask_from, 0xf); /* four cores */
		emu_wr(c, h->start, 1);
		if (!emu_rd(c, h->done))
			return -ETIMEDOUT;
	}
	return 0;
}

/* V2 reads data through the PASID for all queues or for none; the switch is
 * in the engine; docs/hw/qm.md#pasid. */
static void emu_pasid_up(struct emu_card *c)
{
	if (emu_v3(c) || !(c->sva || c->shared))
		return;
	if (c->engine->id == UACCE_HPRE) {
		emu_wr(c, 0x30103c, 1u << 9);
		emu_wr(c, 0x301040, 1u << 9);
	} else if (c->engine->id == UACCE_SEC) {
		emu_wr(c, 0x301224, 0x81818181);
	}
}

static uint32_t emu_reset_mask(struct emu_card *c)
{
	uint32_t mask = emu_v3(c) ? emu_rd(c, QM_REG_CAP_QM_RESET_MASK) : 0;

	return mask ? mask : EMU_V2_RESET_MASK;
}

static void emu_errors_up(struct emu_card *c)
{
	emu_wr(c, QM_REG_ABNORMAL_INT_SOURCE, UINT32_MAX);
	emu_wr(c, QM_REG_OOO_SHUTDOWN_SEL, emu_reset_mask(c));
	emu_wr(c, QM_REG_ABNORMAL_INT_MASK, 0);
}

static int emu_events_up(struct emu_card *c)
{
	struct qm_context eq = { { 0 } }, aeq = { { 0 } };
	int rc;

	wd_put64(eq.w, &qm_fields[QM_EQC_BASE_LO],
		 emu_memory_set(&c->memory, EMU_WINDOW_EQ, c->eq,
				EMU_EQ_DEPTH * sizeof(*c->eq)));
	QM_PUT(eq.w, QM_EQC_DEPTH, EMU_EQ_DEPTH - 1);
	QM_PUT(eq.w, QM_EQC_PHASE, 1);
	wd_put64(aeq.w, &qm_fields[QM_EQC_BASE_LO],
		 emu_memory_set(&c->memory, EMU_WINDOW_AEQ, c->aeq,
				EMU_AEQ_DEPTH * sizeof(*c->aeq)));
	QM_PUT(aeq.w, QM_EQC_DEPTH, EMU_AEQ_DEPTH - 1);
	QM_PUT(aeq.w, QM_EQC_PHASE, 1);
	rc = emu_context_write(c, QM_MB_EQC, 0, &eq);
	return rc ? rc : emu_context_write(c, QM_MB_AEQC, 0, &aeq);
}

static void emu_event_bell(struct emu_card *c, uint32_t cmd, uint16_t head)
{
	uint32_t w[2] = { 0 };

	QM_PUT(w, QM_DB_CMD, cmd);
	QM_PUT(w, QM_DB_INDEX, head);
	emu_dev_write(c->dev, 2, QM_REG_DB_EQ_AEQ, (uint64_t)w[1] << 32 | w[0],
		      8);
}

/* Rings empty, first lap expected. */
static void emu_events_clear(struct emu_card *c)
{
	memset(c->eq, 0, EMU_EQ_DEPTH * sizeof(*c->eq));
	memset(c->aeq, 0, EMU_AEQ_DEPTH * sizeof(*c->aeq));
	c->eq_head = c->aeq_head = 0;
	c->eq_phase = c->aeq_phase = true;
}

/* What the driver's probe does, and again after a reset. */
static int emu_bring_up(struct emu_card *c)
{
	int rc = emu_memory_up(c);

	if (!rc)
		rc = emu_engine_up(c);
	if (rc)
		return rc;
	emu_pasid_up(c);
	emu_errors_up(c);
	rc = emu_vft_up(c);
	if (!rc)
		rc = emu_events_up(c);
	if (rc)
		return rc;
	emu_event_bell(c, QM_BELL_AEQ, 0);
	emu_event_bell(c, QM_BELL_EQ, 0);
	emu_wr(c, QM_REG_EQ_INT_MASK, 0);
	emu_wr(c, QM_REG_AEQ_INT_MASK, 0);
	return 0;
}

/* --- interrupts --------------------------------------------------------- */

/* An entry of the lap expected, or false. */
static bool emu_next_event(uint32_t *ring, uint32_t depth, uint16_t *head,
			   bool *phase, enum qm_field phase_field,
			   uint32_t *entry)
{
	_Atomic uint32_t *p = (_Atomic uint32_t *)&ring[*head];

	*entry = atomic_load_explicit(p, memory_order_acquire);
	if (QM_GET(entry, phase_field) != *phase)
		return false;
	if (++*head == depth) {
		*head = 0;
		*phase = !*phase;
	}
	return true;
}

static void emu_wake(struct emu_handle *h)
{
	const uint64_t one = 1;
	ssize_t n = write(h->fd, &one, sizeof(one));

	(void)n; /* the counter is full: readable already */
}

void emu_handle_stop_words(struct emu_handle *h, uint32_t tx, uint32_t rx)
{
	uint8_t *end = h->dus + h->dus_size;

	atomic_store((_Atomic uint32_t *)(void *)(end - EMU_TX_STOP), tx);
	atomic_store((_Atomic uint32_t *)(void *)(end - EMU_RX_STOP), rx);
}

/* Caller holds c->lock. */
static void emu_handle_end(struct emu_handle *h, enum emu_queue_state state)
{
	emu_handle_stop_words(h, 1, 1);
	h->state = state;
	emu_wake(h);
}

static void emu_eq_irq(struct emu_card *c)
{
	struct emu_handle *h;
	uint32_t e;

	pthread_mutex_lock(&c->lock);
	while (emu_next_event(c->eq, EMU_EQ_DEPTH, &c->eq_head, &c->eq_phase,
			      QM_EQE_PHASE, &e)) {
		h = c->queue[QM_GET(&e, QM_EQE_CQ) % EMU_CARD_QUEUES_MAX];
		if (h)
			emu_wake(h);
	}
	pthread_mutex_unlock(&c->lock);
}

static void emu_aeq_irq(struct emu_card *c)
{
	struct emu_handle *h;
	uint32_t e;

	pthread_mutex_lock(&c->lock);
	while (emu_next_event(c->aeq, EMU_AEQ_DEPTH, &c->aeq_head,
			      &c->aeq_phase, QM_AEQE_PHASE, &e)) {
		h = c->queue[QM_GET(&e, QM_AEQE_QUEUE) % EMU_CARD_QUEUES_MAX];
		wd_warn("%s: queue %u: asynchronous event %u", c->info.name,
			QM_GET(&e, QM_AEQE_QUEUE), QM_GET(&e, QM_AEQE_TYPE));
		if (h && h->state == EMU_Q_STARTED)
			emu_handle_end(h, EMU_Q_DEAD);
	}
	pthread_mutex_unlock(&c->lock);
}

static void emu_reset_irq(struct emu_card *c)
{
	pthread_mutex_lock(&c->lock);
	for (unsigned int i = 0; i < c->cfg.queues; i++)
		if (c->queue[i] && c->queue[i]->state == EMU_Q_STARTED)
			emu_handle_stop_words(c->queue[i], 1, 0);
	pthread_mutex_unlock(&c->lock);

	pthread_mutex_lock(&c->irq);
	emu_dev_reset(c->dev);
	emu_events_clear(c);
	pthread_mutex_unlock(&c->irq);

	pthread_mutex_lock(&c->lock);
	for (unsigned int i = 0; i < c->cfg.queues; i++)
		if (c->queue[i] && c->queue[i]->state == EMU_Q_STARTED)
			emu_handle_end(c->queue[i], EMU_Q_DEAD);
	pthread_mutex_unlock(&c->lock);
	c->failed = emu_bring_up(c);
	wd_warn("%s: function reset%s", c->info.name,
		c->failed ? ", did not come up again" : "");
}

static void emu_gone_irq(struct emu_card *c)
{
	/* Also waits for what the engine has in hand. */
	emu_dev_reset(c->dev);
	c->gone = true;
	pthread_mutex_lock(&c->lock);
	for (unsigned int i = 0; i < c->cfg.queues; i++)
		if (c->queue[i])
			emu_handle_end(c->queue[i], EMU_Q_ZOMBIE);
	pthread_mutex_unlock(&c->lock);
	wd_warn("%s: device gone", c->info.name);
}

/* Caller holds c->mailbox. */
static void emu_error_irq(struct emu_card *c)
{
	uint32_t status = emu_rd(c, QM_REG_ABNORMAL_INT_STATUS);

	if (status == UINT32_MAX)
		emu_gone_irq(c);
	else if (status & emu_reset_mask(c))
		emu_reset_irq(c);
	else
		emu_wr(c, QM_REG_ABNORMAL_INT_SOURCE, status);
}

static void emu_service_events(struct emu_card *c)
{
	const unsigned int both = EMU_IRQ_EQ | EMU_IRQ_AEQ;
	uint16_t eq_head, aeq_head;
	unsigned int todo;

	while (atomic_load(&c->pending) & both) {
		if (pthread_mutex_trylock(&c->irq))
			return;
		todo = atomic_fetch_and(&c->pending, ~both);
		if (todo & EMU_IRQ_EQ)
			emu_eq_irq(c);
		if (todo & EMU_IRQ_AEQ)
			emu_aeq_irq(c);
		eq_head = c->eq_head;
		aeq_head = c->aeq_head;
		pthread_mutex_unlock(&c->irq);
		/* The doorbell may bring the next interrupt at once. */
		if (todo & EMU_IRQ_EQ)
			emu_event_bell(c, QM_BELL_EQ, eq_head);
		if (todo & EMU_IRQ_AEQ)
			emu_event_bell(c, QM_BELL_AEQ, aeq_head);
	}
}

static void emu_service(struct emu_card *c)
{
	emu_service_events(c);
	while (atomic_load(&c->pending) & EMU_IRQ_ERROR) {
		if (pthread_mutex_trylock(&c->mailbox))
			return;
		if (atomic_fetch_and(&c->pending, ~EMU_IRQ_ERROR) &
		    EMU_IRQ_ERROR)
			emu_error_irq(c);
		pthread_mutex_unlock(&c->mailbox);
		emu_service_events(c);
	}
}

static void emu_card_irq(void *card, unsigned int vector)
{
	struct emu_card *c = card;

	atomic_fetch_or(&c->pending, 1u << vector);
	emu_service(c);
}

static void emu_card_kick(void *card)
{
	struct emu_card *c = card;

	emu_workers_kick(&c->workers);
}

/* --- life --------------------------------------------------------------- */

int emu_card_up(struct emu_card *c)
{
	struct emu_bus bus = {
		.dma = emu_memory_dma(&c->memory),
		.irq = emu_card_irq,
		.kick = emu_card_kick,
		.ctx = c,
	};
	int rc = -ENOMEM;

	emu_memory_init(&c->memory, c->sva);
	c->eq = calloc(EMU_EQ_DEPTH, sizeof(*c->eq));
	c->aeq = calloc(EMU_AEQ_DEPTH, sizeof(*c->aeq));
	c->context = calloc(1, sizeof(*c->context));
	if (!c->eq || !c->aeq || !c->context)
		goto free_rings;
	c->context_bus = emu_memory_set(&c->memory, EMU_WINDOW_CONTEXT,
					c->context, sizeof(*c->context));
	emu_events_clear(c);
	rc = emu_dev_new(&c->dev, &c->cfg, &bus);
	if (rc)
		goto free_rings;
	rc = emu_bring_up(c);
	if (!rc)
		rc = emu_workers_start(&c->workers, c->dev, c->engine->name,
				       c->run_inline ? 0 : c->thread_count);
	if (rc)
		goto free_dev;
	return 0;

free_dev:
	emu_dev_free(c->dev);
	c->dev = NULL;
free_rings:
	free(c->context);
	free(c->aeq);
	free(c->eq);
	c->eq = c->aeq = NULL;
	c->context = NULL;
	return rc;
}

void emu_card_down(struct emu_card *c)
{
	emu_dev_free(c->dev);
	free(c->context);
	free(c->aeq);
	free(c->eq);
}

/* --- queues ------------------------------------------------------------- */

static uint32_t emu_log2(uint32_t n)
{
	uint32_t log = 0;

	while (n >>= 1)
		log++;
	return log;
}

static uint32_t emu_pasid(const struct emu_handle *h)
{
	if (h->card->shared)
		return EMU_PASID_QUEUE0 + h->id;
	return h->card->sva ? EMU_PASID : 0;
}

static void emu_sqc_fill(const struct emu_handle *h, uint64_t dus,
			 struct qm_context *ctx)
{
	const struct emu_card *c = h->card;

	*ctx = (struct qm_context){ { 0 } };
	wd_put64(ctx->w, &qm_fields[QM_SQC_BASE_LO], dus);
	QM_PUT(ctx->w, QM_SQC_DEPTH, EMU_RING_DEPTH - 1);
	QM_PUT(ctx->w, QM_SQC_SQE_SHIFT, emu_log2(c->engine->sqe_size));
	QM_PUT(ctx->w, QM_SQC_CQ, h->id);
	QM_PUT(ctx->w, QM_SQC_ORDER, 1);
	QM_PUT(ctx->w, QM_SQC_TYPE, h->qc_type);
	QM_PUT(ctx->w, QM_SQC_PASID, emu_pasid(h));
	QM_PUT(ctx->w, QM_SQC_PASID_EN, emu_pasid(h) && emu_v3(c));
}

static void emu_cqc_fill(const struct emu_handle *h, uint64_t dus,
			 struct qm_context *ctx)
{
	const struct emu_card *c = h->card;

	*ctx = (struct qm_context){ { 0 } };
	wd_put64(ctx->w, &qm_fields[QM_CQC_BASE_LO],
		 dus + (uint64_t)c->engine->sqe_size * EMU_RING_DEPTH);
	QM_PUT(ctx->w, QM_CQC_DEPTH, EMU_RING_DEPTH - 1);
	QM_PUT(ctx->w, QM_CQC_CQE_SHIFT, emu_log2(sizeof(struct qm_cqe)));
	QM_PUT(ctx->w, QM_CQC_PHASE, 1);
	QM_PUT(ctx->w, QM_CQC_C_FLAG, 1);
	QM_PUT(ctx->w, QM_CQC_PASID, emu_pasid(h));
	QM_PUT(ctx->w, QM_CQC_PASID_EN, emu_pasid(h) && emu_v3(c));
}

static int emu_contexts_write(struct emu_handle *h)
{
	unsigned int window = EMU_WINDOW_QUEUE0 + h->id * (1u + EMU_SLICES);
	uint64_t dus =
		emu_memory_set(&h->card->memory, window, h->dus, h->dus_size);
	struct qm_context sqc, cqc;
	int rc;

	emu_sqc_fill(h, dus, &sqc);
	emu_cqc_fill(h, dus, &cqc);
	rc = emu_context_write(h->card, QM_MB_SQC, h->id, &sqc);
	return rc ? rc : emu_context_write(h->card, QM_MB_CQC, h->id, &cqc);
}

/* Caller holds c->mailbox. */
static int emu_queue_try_start(struct emu_handle *h)
{
	struct emu_card *c = h->card;
	size_t sq = (size_t)c->engine->sqe_size * EMU_RING_DEPTH;
	int rc;

	if (h->state == EMU_Q_ZOMBIE)
		return -ENXIO;
	if (c->failed)
		return -EPERM;
	if (h->state != EMU_Q_INIT)
		return -EINVAL;
	memset(h->dus + sq, 0, EMU_RING_DEPTH * sizeof(struct qm_cqe));
	emu_handle_stop_words(h, 0, 0);
	rc = emu_contexts_write(h);
	if (!rc)
		h->state = EMU_Q_STARTED;
	return rc;
}

int emu_queue_start(struct emu_handle *h)
{
	struct emu_card *c = h->card;
	int rc;

	pthread_mutex_lock(&c->mailbox);
	rc = emu_queue_try_start(h);
	if (rc == -EIO || rc == -ETIMEDOUT) {
		/* Refused because of an error whose interrupt may still be on
		 * its way. */
		emu_error_irq(c);
		rc = emu_queue_try_start(h);
	}
	emu_mailbox_unlock(c);
	return rc;
}

/* docs/hw/qm.md#drain: all that was rung has completed when the tails and
 * their laps agree. */
static void emu_drain_v2(struct emu_handle *h)
{
	const struct timespec pause = { .tv_nsec = EMU_DRAIN_NS };
	struct qm_context sqc, cqc;

	for (unsigned int i = 0; i < EMU_DRAIN_TRIES; i++) {
		if (h->state != EMU_Q_STARTED ||
		    emu_context_read(h->card, QM_MB_SQC, h->id, &sqc) ||
		    emu_context_read(h->card, QM_MB_CQC, h->id, &cqc))
			return;
		if (QM_GET(sqc.w, QM_SQC_TAIL) == QM_GET(cqc.w, QM_CQC_TAIL) &&
		    QM_GET(sqc.w, QM_SQC_TAIL_PHASE) ==
			    QM_GET(cqc.w, QM_CQC_TAIL_PHASE))
			return;
		nanosleep(&pause, NULL);
	}
	wd_warn("%s: queue %u does not drain", h->card->info.name, h->id);
}

/* V2 goes on listening to doorbells; a closed context does not. */
static int emu_close_context(struct emu_handle *h)
{
	struct qm_context sqc;

	emu_sqc_fill(h, 0, &sqc);
	QM_PUT(sqc.w, QM_SQC_CLOSE, 1);
	return emu_context_write(h->card, QM_MB_SQC, h->id, &sqc);
}

static int emu_queue_end(struct emu_handle *h, bool drain)
{
	if (drain && emu_v3(h->card))
		return emu_mailbox(h->card, QM_MB_STOP_QP, false, h->id, 0);
	if (drain)
		emu_drain_v2(h);
	return emu_close_context(h);
}

int emu_queue_stop(struct emu_handle *h, bool drain)
{
	struct emu_card *c = h->card;
	int rc = 0;

	pthread_mutex_lock(&c->mailbox);
	if (h->state == EMU_Q_STARTED || h->state == EMU_Q_DEAD)
		rc = emu_queue_end(h, drain);
	/* Refused because of an error whose interrupt may still be on its way:
	 * the reset ends the queue, and nothing else would. */
	if (rc)
		emu_error_irq(c);
	emu_mailbox_unlock(c);

	pthread_mutex_lock(&c->lock);
	if (h->state == EMU_Q_ZOMBIE)
		rc = -ENXIO;
	else if (h->state == EMU_Q_DEAD)
		rc = 0;
	if (h->state == EMU_Q_STARTED || h->state == EMU_Q_DEAD)
		h->state = EMU_Q_STOPPED;
	pthread_mutex_unlock(&c->lock);
	return rc;
}
