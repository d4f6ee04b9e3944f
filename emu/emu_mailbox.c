/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/wd_base.h"
#include "emu/emu_qm.h"

/* Field STATUS; hardware's codes beyond 0 are not public, these are ours. */
enum emu_mbx_status {
	EMU_MBX_OK,
	EMU_MBX_BAD_COMMAND,
	EMU_MBX_BAD_QUEUE,
	EMU_MBX_BAD_CONTEXT,
	EMU_MBX_DMA,
	EMU_MBX_BROKEN, /* device stopped by an error, or reset meanwhile */
};

struct emu_mbx {
	bool read; /* from hardware */
	uint32_t queue;
	uint64_t data; /* address or value, in and out */
};

static enum emu_mbx_status emu_context_in(struct emu_dev *d,
					  const struct emu_mbx *m,
					  struct qm_context *ctx)
{
	if (emu_dma_read(d, m->data, ctx, sizeof(*ctx)))
		return EMU_MBX_DMA;
	emu_trace_context(d, ctx);
	return EMU_MBX_OK;
}

static enum emu_mbx_status emu_context_out(struct emu_dev *d,
					   const struct emu_mbx *m,
					   const struct qm_context *ctx)
{
	if (emu_dma_write(d, m->data, ctx, sizeof(*ctx)))
		return EMU_MBX_DMA;
	emu_trace_context(d, ctx);
	return EMU_MBX_OK;
}

static enum emu_mbx_status emu_mbx_loaded(int rc)
{
	if (!rc)
		return EMU_MBX_OK;
	return rc == -ECANCELED ? EMU_MBX_BROKEN : EMU_MBX_BAD_CONTEXT;
}

static enum emu_mbx_status emu_mbx_sqc(struct emu_dev *d, struct emu_mbx *m)
{
	struct emu_queue *q = emu_queue(d, m->queue);
	struct qm_context ctx;
	enum emu_mbx_status rc;

	if (!q)
		return EMU_MBX_BAD_QUEUE;
	if (m->read) {
		emu_sq_store(q, &ctx);
		return emu_context_out(d, m, &ctx);
	}
	rc = emu_context_in(d, m, &ctx);
	return rc ? rc : emu_mbx_loaded(emu_sq_load(d, q, &ctx));
}

static enum emu_mbx_status emu_mbx_cqc(struct emu_dev *d, struct emu_mbx *m)
{
	struct emu_queue *q = emu_queue(d, m->queue);
	struct qm_context ctx;
	enum emu_mbx_status rc;

	if (!q)
		return EMU_MBX_BAD_QUEUE;
	if (m->read) {
		emu_cq_store(q, &ctx);
		return emu_context_out(d, m, &ctx);
	}
	rc = emu_context_in(d, m, &ctx);
	return rc ? rc : emu_mbx_loaded(emu_cq_load(d, q, &ctx));
}

static enum emu_mbx_status emu_mbx_events(struct emu_dev *d, struct emu_mbx *m,
					  struct emu_eq *e)
{
	struct qm_context ctx;
	enum emu_mbx_status rc;

	if (m->read) {
		emu_eq_store(e, &ctx);
		return emu_context_out(d, m, &ctx);
	}
	rc = emu_context_in(d, m, &ctx);
	return rc ? rc : emu_mbx_loaded(emu_eq_load(e, &ctx));
}

static enum emu_mbx_status emu_mbx_eqc(struct emu_dev *d, struct emu_mbx *m)
{
	return emu_mbx_events(d, m, &d->eq);
}

static enum emu_mbx_status emu_mbx_aeqc(struct emu_dev *d, struct emu_mbx *m)
{
	return emu_mbx_events(d, m, &d->aeq);
}

static enum emu_mbx_status emu_mbx_table(struct emu_mbx *m, uint64_t *base)
{
	if (m->read)
		m->data = *base;
	else
		*base = m->data;
	return EMU_MBX_OK;
}

static enum emu_mbx_status emu_mbx_sqc_bt(struct emu_dev *d, struct emu_mbx *m)
{
	return emu_mbx_table(m, &d->sqc_table);
}

static enum emu_mbx_status emu_mbx_cqc_bt(struct emu_dev *d, struct emu_mbx *m)
{
	return emu_mbx_table(m, &d->cqc_table);
}

static enum emu_mbx_status emu_mbx_vft(struct emu_dev *d, struct emu_mbx *m)
{
	m->data = emu_vft_of_caller(d);
	return EMU_MBX_OK;
}

static enum emu_mbx_status emu_mbx_stop_qp(struct emu_dev *d, struct emu_mbx *m)
{
	struct emu_queue *q = emu_queue(d, m->queue);

	if (!q)
		return EMU_MBX_BAD_QUEUE;
	return emu_sq_stop(d, q) ? EMU_MBX_BROKEN : EMU_MBX_OK;
}

/* FLUSH_QM and PAUSE_QM: everything started is finished, nothing is
 * fetched any more. */
static enum emu_mbx_status emu_mbx_flush(struct emu_dev *d, struct emu_mbx *m)
{
	(void)m;
	for (unsigned int i = 0; i < emu_queue_count(d); i++)
		if (d->queues[i].sq.valid && emu_sq_stop(d, &d->queues[i]))
			return EMU_MBX_BROKEN;
	return EMU_MBX_OK;
}

/* docs/hw/qm.md#mailbox: the PF may write to all functions at once */
#define EMU_MBX_ALL_FUNCTIONS 0xffffu

static enum emu_mbx_status emu_mbx_src(struct emu_dev *d, struct emu_mbx *m)
{
	bool all = m->queue == EMU_MBX_ALL_FUNCTIONS;

	if (!all && m->queue >= EMU_FUNCTIONS)
		return EMU_MBX_BAD_QUEUE;
	for (unsigned int i = 0; i < EMU_FUNCTIONS; i++)
		if (all || i == m->queue)
			d->message[i] = m->data;
	return EMU_MBX_OK;
}

static enum emu_mbx_status emu_mbx_dst(struct emu_dev *d, struct emu_mbx *m)
{
	if (m->queue >= EMU_FUNCTIONS)
		return EMU_MBX_BAD_QUEUE;
	m->data = d->message[m->queue];
	return EMU_MBX_OK;
}

enum { EMU_OP_WRITE = 1, EMU_OP_READ = 2, EMU_OP_BOTH = 3 };

static const struct emu_mbx_command {
	uint8_t code;
	uint8_t ops;
	uint8_t model; /* first generation that has it */
	enum emu_mbx_status (*run)(struct emu_dev *d, struct emu_mbx *m);
} emu_mbx_commands[] = {
	{ QM_MB_SQC, EMU_OP_BOTH, EMU_KUNPENG920, emu_mbx_sqc },
	{ QM_MB_CQC, EMU_OP_BOTH, EMU_KUNPENG920, emu_mbx_cqc },
	{ QM_MB_EQC, EMU_OP_BOTH, EMU_KUNPENG920, emu_mbx_eqc },
	{ QM_MB_AEQC, EMU_OP_BOTH, EMU_KUNPENG920, emu_mbx_aeqc },
	{ QM_MB_SQC_BT, EMU_OP_BOTH, EMU_KUNPENG920, emu_mbx_sqc_bt },
	{ QM_MB_CQC_BT, EMU_OP_BOTH, EMU_KUNPENG920, emu_mbx_cqc_bt },
	{ QM_MB_SQC_VFT, EMU_OP_READ, EMU_KUNPENG920, emu_mbx_vft },
	{ QM_MB_STOP_QP, EMU_OP_WRITE, EMU_KUNPENG930, emu_mbx_stop_qp },
	{ QM_MB_FLUSH_QM, EMU_OP_WRITE, EMU_KUNPENG930, emu_mbx_flush },
	{ QM_MB_SRC, EMU_OP_WRITE, EMU_KUNPENG930, emu_mbx_src },
	{ QM_MB_DST, EMU_OP_BOTH, EMU_KUNPENG930, emu_mbx_dst },
	{ QM_MB_PAUSE_QM, EMU_OP_WRITE, EMU_KUNPENG920, emu_mbx_flush },
};

static enum emu_mbx_status emu_mbx_execute(struct emu_dev *d, uint32_t code,
					   struct emu_mbx *m)
{
	unsigned int op = m->read ? EMU_OP_READ : EMU_OP_WRITE;

	for (size_t i = 0; i < WD_ARRAY_SIZE(emu_mbx_commands); i++) {
		const struct emu_mbx_command *c = &emu_mbx_commands[i];

		if (c->code == code && c->ops & op && d->cfg.model >= c->model)
			return c->run(d, m);
	}
	return EMU_MBX_BAD_COMMAND;
}

void emu_mailbox_run(struct emu_dev *d)
{
	uint32_t *w = emu_reg(d, QM_REG_MAILBOX);
	struct emu_mbx m = {
		.read = QM_GET(w, QM_MBX_OP),
		.queue = QM_GET(w, QM_MBX_QUEUE),
		.data = wd_get64(w, &qm_fields[QM_MBX_DATA_LO]),
	};
	uint64_t resets = d->resets;
	enum emu_mbx_status status;

	emu_trace_mailbox(d, w);
	d->mailbox_busy = true;
	status = emu_mbx_execute(d, QM_GET(w, QM_MBX_CMD), &m);
	d->mailbox_busy = false;
	if (d->resets != resets)
		return; /* the registers are no longer those of the command */
	wd_put64(w, &qm_fields[QM_MBX_DATA_LO], m.data);
	QM_PUT(w, QM_MBX_STATUS, status);
	QM_PUT(w, QM_MBX_BUSY, 0);
}
