/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "emu/emu_qm.h"

enum { EMU_VECTOR_EQ = 0, EMU_VECTOR_AEQ = 1, EMU_VECTOR_ERROR = 3 };

static void emu_raise(struct emu_dev *d, unsigned int vector)
{
	d->raise |= 1u << vector;
	d->stats.irqs++;
}

/* One interrupt per doorbell, and none is lost: entries written while not
 * armed are announced by the doorbell that leaves them behind. */
static void emu_eq_announce(struct emu_dev *d, struct emu_eq *e)
{
	bool async = e == &d->aeq;
	uint32_t mask = async ? QM_REG_AEQ_INT_MASK : QM_REG_EQ_INT_MASK;

	if (!e->valid || !e->armed || e->head == e->tail ||
	    *emu_reg(d, mask) & 1)
		return;
	e->armed = false;
	emu_raise(d, async ? EMU_VECTOR_AEQ : EMU_VECTOR_EQ);
}

/* The driver of Linux 6.1 asks the source register before it looks at the ring. */
bool emu_eq_waiting(const struct emu_eq *e)
{
	return e->valid && e->head != e->tail;
}

void emu_eq_unmasked(struct emu_dev *d)
{
	emu_eq_announce(d, &d->eq);
	emu_eq_announce(d, &d->aeq);
}

int emu_eq_load(struct emu_eq *e, const struct qm_context *ctx)
{
	uint32_t depth = QM_GET(ctx->w, QM_EQC_DEPTH) + 1;
	uint64_t base = wd_get64(ctx->w, &qm_fields[QM_EQC_BASE_LO]);

	if (depth < 2 || !base || base % 32)
		return -EINVAL;
	*e = (struct emu_eq){
		.valid = true,
		.phase = QM_GET(ctx->w, QM_EQC_PHASE),
		.ctx = *ctx,
		.base = base,
		.depth = depth,
	};
	return 0;
}

void emu_eq_store(const struct emu_eq *e, struct qm_context *ctx)
{
	*ctx = e->ctx;
	QM_PUT(ctx->w, QM_EQC_HEAD, e->head);
	QM_PUT(ctx->w, QM_EQC_TAIL, e->tail);
	QM_PUT(ctx->w, QM_EQC_PHASE, e->phase);
}

void emu_eq_bell(struct emu_dev *d, struct emu_eq *e, uint32_t index)
{
	d->stats.eq_bells++;
	if (!e->valid)
		return;
	if (index >= e->depth) {
		emu_error(d, EMU_ERR_BELL);
		return;
	}
	e->head = (uint16_t)index;
	e->armed = true;
	emu_eq_announce(d, e);
}

static bool emu_eq_full(const struct emu_eq *e)
{
	return (e->tail + 1u) % e->depth == e->head;
}

static void emu_eq_put(struct emu_dev *d, struct emu_eq *e, uint32_t entry)
{
	if (emu_dma_write(d, e->base + e->tail * sizeof(entry), &entry,
			  sizeof(entry)))
		return;
	if (++e->tail == e->depth) {
		e->tail = 0;
		e->phase = !e->phase;
	}
	emu_eq_announce(d, e);
}

void emu_async_event(struct emu_dev *d, uint16_t queue, enum emu_aeqe_type type)
{
	uint32_t entry = 0;

	if (!d->aeq.valid || emu_eq_full(&d->aeq))
		return;
	QM_PUT(&entry, QM_AEQE_QUEUE, queue);
	QM_PUT(&entry, QM_AEQE_PHASE, d->aeq.phase);
	QM_PUT(&entry, QM_AEQE_TYPE, type);
	emu_eq_put(d, &d->aeq, entry);
}

/* At most one event per completion queue until software arms it again. */
void emu_event(struct emu_dev *d, struct emu_queue *q)
{
	uint32_t entry = 0;

	if (!q->cq.armed || !d->eq.valid)
		return;
	if (emu_eq_full(&d->eq)) {
		emu_async_event(d, 0, EMU_AEQE_EQ_FULL);
		return;
	}
	q->cq.armed = false;
	QM_PUT(&entry, QM_EQE_CQ, q->id);
	QM_PUT(&entry, QM_EQE_PHASE, d->eq.phase);
	emu_eq_put(d, &d->eq, entry);
}

void emu_error(struct emu_dev *d, uint32_t bits)
{
	if (d->cfg.vf || d->gone)
		return;
	*emu_reg(d, QM_REG_ABNORMAL_INT_SOURCE) |= bits;
	if (bits & ~*emu_reg(d, QM_REG_ABNORMAL_INT_MASK))
		emu_raise(d, EMU_VECTOR_ERROR);
}
