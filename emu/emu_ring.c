/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_qm.h"

#define NS_PER_US 1000u
#define NS_PER_S  1000000000u

/* log2 of the bytes of one completion; CQC field CQE_SHIFT */
#define EMU_CQE_SHIFT 4

struct emu_queue *emu_queue(struct emu_dev *d, uint32_t number)
{
	return number < emu_queue_count(d) ? &d->queues[number] : NULL;
}

/* --- tasks ------------------------------------------------------------- */

static struct emu_task *emu_task_get(struct emu_dev *d)
{
	struct emu_task *t = STAILQ_FIRST(&d->spare);

	if (!t)
		return malloc(sizeof(*t));
	STAILQ_REMOVE_HEAD(&d->spare, next);
	return t;
}

static void emu_task_put(struct emu_dev *d, struct emu_task *t)
{
	/* Descriptors of SEC carry an IV and point at keys. */
	wd_wipe(t->sqe, sizeof(t->sqe));
	STAILQ_INSERT_HEAD(&d->spare, t, next);
}

static void emu_tasks_drop(struct emu_dev *d, struct emu_queue *q)
{
	struct emu_task *t;

	while ((t = STAILQ_FIRST(&q->sq.tasks))) {
		STAILQ_REMOVE_HEAD(&q->sq.tasks, next);
		emu_task_put(d, t);
	}
}

/* --- the list of queues with work --------------------------------------- */

static bool emu_may_start(const struct emu_dev *d, const struct emu_queue *q)
{
	const struct emu_sq *sq = &q->sq;

	return sq->valid && !sq->halted && !sq->closing &&
	       sq->head != sq->tail && !d->resetting && emu_dma_open(d) &&
	       d->queues[sq->cq].cq.valid;
}

static void emu_activate(struct emu_dev *d, struct emu_queue *q)
{
	if (q->active)
		return;
	q->active = true;
	TAILQ_INSERT_TAIL(&d->active, q, next);
}

static void emu_settle(struct emu_dev *d, struct emu_queue *q)
{
	const struct emu_sq *sq = &q->sq;

	if (!q->active || !STAILQ_EMPTY(&sq->tasks) ||
	    (sq->head != sq->tail && !sq->halted))
		return;
	q->active = false;
	TAILQ_REMOVE(&d->active, q, next);
}

/* No more work for the queue.  Tasks the engine has in hand stay on the list
 * until it returns them. */
static void emu_halt(struct emu_dev *d, struct emu_queue *q)
{
	q->sq.halted = true;
	if (!q->sq.running)
		emu_tasks_drop(d, q);
	emu_settle(d, q);
	pthread_cond_broadcast(&d->idle);
}

/* Sleep until a task returns, one falls due, or the device changes. */
static void emu_idle_wait(struct emu_dev *d, uint64_t wait_ns)
{
	uint64_t until = wd_now_ns() + wait_ns;
	struct timespec ts = {
		.tv_sec = (time_t)(until / NS_PER_S),
		.tv_nsec = (long)(until % NS_PER_S),
	};

	/* Whoever lets go of the lock delivers what is due. */
	if (d->raise || d->kick) {
		emu_unlock(d);
		emu_lock(d);
		return;
	}
	if (wait_ns == UINT64_MAX)
		pthread_cond_wait(&d->idle, &d->lock);
	else
		pthread_cond_timedwait(&d->idle, &d->lock, &ts);
}

/* --- contexts ----------------------------------------------------------- */

/* Wait until the engine has none of the queue's tasks, then forget them. */
static int emu_sq_quiesce(struct emu_dev *d, struct emu_queue *q)
{
	uint64_t resets = d->resets;

	q->sq.closing = true;
	while (q->sq.running && d->resets == resets)
		emu_idle_wait(d, UINT64_MAX);
	if (d->resets != resets)
		return -ECANCELED;
	emu_tasks_drop(d, q);
	q->sq.head = q->sq.tail;
	q->sq.closing = false;
	emu_settle(d, q);
	return 0;
}

static bool emu_sqc_valid(struct emu_dev *d, const struct qm_context *ctx)
{
	uint64_t base = wd_get64(ctx->w, &qm_fields[QM_SQC_BASE_LO]);

	if (QM_GET(ctx->w, QM_SQC_CLOSE))
		return true;
	return base && QM_GET(ctx->w, QM_SQC_DEPTH) &&
	       1u << QM_GET(ctx->w, QM_SQC_SQE_SHIFT) ==
		       d->cfg.engine->sqe_size &&
	       emu_queue(d, QM_GET(ctx->w, QM_SQC_CQ));
}

/*
 * Which address space the engine reads data in.  V3 says so per queue; V2 has
 * one switch for all queues in the engine; docs/hw/qm.md#pasid.
 */
static uint32_t emu_data_pasid(struct emu_dev *d, const struct qm_context *ctx)
{
	static const struct {
		uint32_t reg, bits;
	} v2[UACCE_ENGINES] = {
		[UACCE_HPRE] = { 0x30103c, 1u << 9 },
		[UACCE_SEC] = { 0x301224, 1u << 24 | 1u << 16 | 1u << 8 | 1 },
		[UACCE_ZIP] = { 0x301128, 1 },
	};
	uint32_t pasid = QM_GET(ctx->w, QM_SQC_PASID);
	unsigned int id = d->cfg.engine->id;

	if (d->cfg.model >= EMU_KUNPENG930)
		return QM_GET(ctx->w, QM_SQC_PASID_EN) ? pasid : 0;
	/* A VF can't see the switch, which is in its PF. */
	if (d->cfg.vf || id >= UACCE_ENGINES)
		return pasid;
	return *emu_reg(d, v2[id].reg) & v2[id].bits ? pasid : 0;
}

int emu_sq_load(struct emu_dev *d, struct emu_queue *q,
		const struct qm_context *ctx)
{
	if (!emu_sqc_valid(d, ctx))
		return -EINVAL;
	if (emu_sq_quiesce(d, q))
		return -ECANCELED;
	q->sq = (struct emu_sq){
		.valid = true,
		.halted = QM_GET(ctx->w, QM_SQC_CLOSE),
		.ctx = *ctx,
		.base = wd_get64(ctx->w, &qm_fields[QM_SQC_BASE_LO]),
		.depth = QM_GET(ctx->w, QM_SQC_DEPTH) + 1,
		.pasid = emu_data_pasid(d, ctx),
		.random = QM_GET(ctx->w, QM_SQC_RANDOM),
		.cq = (uint16_t)QM_GET(ctx->w, QM_SQC_CQ),
		.type = (uint8_t)QM_GET(ctx->w, QM_SQC_TYPE),
		.bell_phase = QM_GET(ctx->w, QM_SQC_TAIL_PHASE),
	};
	STAILQ_INIT(&q->sq.tasks);
	return 0;
}

void emu_sq_store(const struct emu_queue *q, struct qm_context *ctx)
{
	*ctx = q->sq.ctx;
	QM_PUT(ctx->w, QM_SQC_HEAD, q->sq.head);
	QM_PUT(ctx->w, QM_SQC_TAIL, q->sq.tail);
	QM_PUT(ctx->w, QM_SQC_TAIL_PHASE, q->sq.bell_phase);
}

int emu_cq_load(struct emu_dev *d, struct emu_queue *q,
		const struct qm_context *ctx)
{
	uint64_t base = wd_get64(ctx->w, &qm_fields[QM_CQC_BASE_LO]);
	uint32_t depth = QM_GET(ctx->w, QM_CQC_DEPTH) + 1;

	if (!base || depth < 2 ||
	    QM_GET(ctx->w, QM_CQC_CQE_SHIFT) != EMU_CQE_SHIFT)
		return -EINVAL;
	q->cq = (struct emu_cq){
		.valid = true,
		.armed = QM_GET(ctx->w, QM_CQC_C_FLAG),
		.phase = QM_GET(ctx->w, QM_CQC_PHASE),
		.tail_flag = QM_GET(ctx->w, QM_CQC_TAIL_PHASE),
		.ctx = *ctx,
		.base = base,
		.depth = depth,
		.random = QM_GET(ctx->w, QM_CQC_RANDOM),
	};
	d->kick = true;
	return 0;
}

void emu_cq_store(const struct emu_queue *q, struct qm_context *ctx)
{
	*ctx = q->cq.ctx;
	QM_PUT(ctx->w, QM_CQC_HEAD, q->cq.head);
	QM_PUT(ctx->w, QM_CQC_TAIL, q->cq.tail);
	QM_PUT(ctx->w, QM_CQC_TAIL_PHASE, q->cq.tail_flag);
	QM_PUT(ctx->w, QM_CQC_PHASE, q->cq.phase);
	QM_PUT(ctx->w, QM_CQC_C_FLAG, q->cq.armed);
}

/* The caller has made sure that the engine has no task. */
void emu_queues_reset(struct emu_dev *d)
{
	for (unsigned int i = 0; i < d->cfg.queues; i++) {
		struct emu_queue *q = &d->queues[i];

		emu_tasks_drop(d, q);
		*q = (struct emu_queue){ .id = q->id };
		STAILQ_INIT(&q->sq.tasks);
	}
	TAILQ_INIT(&d->active);
	d->eq = d->aeq = (struct emu_eq){ 0 };
}

/* --- doorbells ---------------------------------------------------------- */

static void emu_sq_bell(struct emu_dev *d, struct emu_queue *q,
			const uint32_t bell[2])
{
	struct emu_sq *sq = &q->sq;
	uint16_t index = (uint16_t)QM_GET(bell, QM_DB_INDEX);

	d->stats.sq_bells++;
	/* Late doorbells are normal; docs/hw/qm.md#late-doorbells */
	if (!sq->valid || sq->halted)
		return;
	if (QM_GET(bell, QM_DB_RANDOM) != sq->random) {
		emu_error(d, EMU_ERR_BELL_RANDOM);
		return;
	}
	if (index >= sq->depth) {
		emu_error(d, EMU_ERR_BELL);
		return;
	}
	if (index < sq->tail)
		sq->bell_phase = !sq->bell_phase;
	sq->tail = index;
	if (sq->head == sq->tail)
		return;
	emu_activate(d, q);
	d->kick = true;
}

static void emu_cq_bell(struct emu_dev *d, struct emu_queue *q,
			const uint32_t bell[2])
{
	struct emu_cq *cq = &q->cq;
	uint16_t index = (uint16_t)QM_GET(bell, QM_DB_INDEX);

	d->stats.cq_bells++;
	if (!cq->valid)
		return;
	if (QM_GET(bell, QM_DB_RANDOM) != cq->random) {
		emu_error(d, EMU_ERR_BELL_RANDOM);
		return;
	}
	if (index >= cq->depth) {
		emu_error(d, EMU_ERR_BELL);
		return;
	}
	/* Equal indexes mean full or empty: only progress tells which. */
	if (index != cq->head)
		cq->used = (cq->tail + cq->depth - index) % cq->depth;
	cq->head = index;
	if (!(QM_GET(bell, QM_DB_PRIORITY) & 1))
		return;
	/* What arrived before the arming would otherwise never be told. */
	cq->armed = true;
	if (cq->used)
		emu_event(d, q);
}

void emu_bell(struct emu_dev *d, const uint32_t bell[2])
{
	uint32_t number = QM_GET(bell, QM_DB_QUEUE);
	uint32_t cmd = QM_GET(bell, QM_DB_CMD);
	struct emu_queue *q;

	emu_trace_bell(d, bell);
	if (cmd == QM_BELL_EQ || cmd == QM_BELL_AEQ) {
		emu_eq_bell(d, cmd == QM_BELL_EQ ? &d->eq : &d->aeq,
			    QM_GET(bell, QM_DB_INDEX));
		return;
	}
	if (cmd > QM_BELL_AEQ) {
		emu_error(d, EMU_ERR_BELL);
		return;
	}
	if (!emu_queue_count(d)) /* stopped: late */
		return;
	q = emu_queue(d, number);
	if (!q)
		emu_error(d, cmd == QM_BELL_SQ ? EMU_ERR_SQ_FUNCTION
					       : EMU_ERR_CQ_FUNCTION);
	else if (cmd == QM_BELL_SQ)
		emu_sq_bell(d, q, bell);
	else
		emu_cq_bell(d, q, bell);
}

/* --- completion --------------------------------------------------------- */

static int emu_cqe_put(struct emu_dev *d, struct emu_queue *q, uint16_t slot,
		       uint16_t sq)
{
	struct emu_cq *cq = &q->cq;
	struct qm_cqe e = { 0 };

	QM_PUT(e.w, QM_CQE_SQ_HEAD, slot);
	QM_PUT(e.w, QM_CQE_SQ_NUM, sq);
	QM_PUT(e.w, QM_CQE_PHASE, cq->phase);
	if (emu_dma_write(d, cq->base + cq->tail * sizeof(e), &e, sizeof(e)))
		return -EFAULT;
	cq->used++;
	if (++cq->tail == cq->depth) {
		cq->tail = 0;
		cq->phase = !cq->phase;
		cq->tail_flag = !cq->tail_flag;
	}
	return 0;
}

/* Result data is written; now descriptor, completion, event, interrupt, in
 * this order; docs/hw/qm.md#completion-order */
static void emu_complete(struct emu_dev *d, struct emu_queue *q,
			 struct emu_task *t)
{
	struct emu_queue *cq = &d->queues[q->sq.cq];
	size_t size = d->cfg.engine->sqe_size;

	if (t->dropped)
		return;
	emu_trace_sqe(d, "DONE", t->sqe);
	if (!cq->cq.valid || cq->cq.used == cq->cq.depth) {
		emu_async_event(d, cq->id, EMU_AEQE_CQ_FULL);
		emu_halt(d, q);
		return;
	}
	if (emu_dma_write(d, q->sq.base + t->slot * size, t->sqe, size) ||
	    emu_cqe_put(d, cq, t->slot, q->id)) {
		emu_async_event(d, cq->id, EMU_AEQE_CQE_ERROR);
		emu_halt(d, q);
		return;
	}
	emu_event(d, cq);
}

/* Complete what may be, oldest first.  Return: was there something? */
static bool emu_complete_ready(struct emu_dev *d, struct emu_queue *q,
			       uint64_t *wait_ns)
{
	bool any = false;
	struct emu_task *t;

	while ((t = STAILQ_FIRST(&q->sq.tasks)) && t->ran && !q->sq.halted &&
	       !q->sq.closing && !d->resetting) {
		uint64_t now = t->due ? wd_now_ns() : 0;

		if (t->due > now) {
			if (t->due - now < *wait_ns)
				*wait_ns = t->due - now;
			break;
		}
		STAILQ_REMOVE_HEAD(&q->sq.tasks, next);
		emu_complete(d, q, t);
		emu_task_put(d, t);
		any = true;
	}
	if (any) {
		emu_settle(d, q);
		pthread_cond_broadcast(&d->idle);
	}
	return any;
}

/* --- running ------------------------------------------------------------ */

static struct emu_task *emu_fetch(struct emu_dev *d, struct emu_queue *q)
{
	size_t size = d->cfg.engine->sqe_size;
	struct emu_task *t = emu_task_get(d);

	if (!t)
		return NULL;
	t->slot = q->sq.head;
	t->ran = t->dropped = false;
	if (emu_dma_read(d, q->sq.base + t->slot * size, t->sqe, size)) {
		emu_task_put(d, t);
		emu_async_event(d, q->id, EMU_AEQE_CQE_ERROR);
		emu_halt(d, q);
		return NULL;
	}
	emu_trace_sqe(d, "SQE", t->sqe);
	q->sq.head = (uint16_t)((q->sq.head + 1) % q->sq.depth);
	return t;
}

/* Published figures of real engines are a latency and a rate. */
static uint64_t emu_due(struct emu_dev *d, uint64_t delay_us)
{
	uint64_t due;

	if (!d->cfg.latency_us && !d->cfg.rate && !delay_us)
		return 0;
	due = wd_now_ns();
	if (d->cfg.rate) {
		if (d->next_slot < due)
			d->next_slot = due;
		d->next_slot += NS_PER_S / d->cfg.rate;
	}
	due += (d->cfg.latency_us + delay_us) * NS_PER_US;
	return due > d->next_slot ? due : d->next_slot;
}

/* With the lock held. */
void emu_break(struct emu_dev *d)
{
	emu_error(d, EMU_ERR_ECC);
	d->broken = true;
	pthread_cond_broadcast(&d->idle);
}

/* A fault that takes the queue or the device away.  Return: was there one? */
static bool emu_collapse(struct emu_dev *d, struct emu_queue *q,
			 const struct emu_mishap *m)
{
	if (!m->stop && !m->reset && !m->gone)
		return false;
	if (m->stop) {
		emu_async_event(d, q->id, EMU_AEQE_CQE_ERROR);
		emu_halt(d, q);
	}
	if (m->reset || m->gone) {
		emu_break(d);
		d->gone = m->gone;
	}
	return true;
}

/* The engine runs without the lock: several threads, several jobs. */
static void emu_run(struct emu_dev *d, struct emu_queue *q, struct emu_task *t,
		    const struct emu_mishap *m)
{
	struct emu_dma dma = d->bus.dma;
	struct emu_job job = {
		.sqe = t->sqe,
		.dma = &dma,
		.qm_version = d->cfg.model,
		.qc_type = q->sq.type,
		.corrupt = m->corrupt,
		.fail = m->fail,
		.replay = d->replay,
	};
	bool kick;

	dma.pasid = q->sq.pasid;
	t->dropped = m->drop;
	t->due = emu_due(d, m->delay_us);
	STAILQ_INSERT_TAIL(&q->sq.tasks, t, next);
	q->sq.running++;
	d->running++;
	/*
	 * Another thread may take the next descriptor meanwhile.  Interrupts
	 * wait: their handler may reset the device, which waits for this job.
	 */
	kick = d->kick || q->sq.head != q->sq.tail;
	d->kick = false;
	pthread_mutex_unlock(&d->lock);
	if (kick)
		d->bus.kick(d->bus.ctx);

	d->cfg.engine->run(&job);

	emu_lock(d);
	t->ran = true;
	q->sq.running--;
	q->sq.ran++;
	d->running--;
	emu_count(&d->stats, d->cfg.engine, t->sqe);
	if (!d->running || !q->sq.running)
		pthread_cond_broadcast(&d->idle);
}

static void emu_start(struct emu_dev *d, struct emu_queue *q)
{
	struct emu_task *t = emu_fetch(d, q);
	struct emu_mishap m;
	uint64_t wait = UINT64_MAX;

	if (!t)
		return;
	emu_mishap(&d->cfg, ++d->job, &m);
	if (m.errors)
		emu_error(d, m.errors);
	if (emu_collapse(d, q, &m)) {
		emu_task_put(d, t);
		return;
	}
	/* Round robin over the queues. */
	TAILQ_REMOVE(&d->active, q, next);
	TAILQ_INSERT_TAIL(&d->active, q, next);
	emu_run(d, q, t, &m);
	if (q->sq.halted && !q->sq.running)
		emu_halt(d, q);
	else
		emu_complete_ready(d, q, &wait);
}

/* Called with the lock, which it lets go while the engine runs. */
bool emu_work(struct emu_dev *d, struct emu_queue *only, uint64_t *wait_ns)
{
	struct emu_queue *q;

	*wait_ns = UINT64_MAX;
	if (d->gone || d->broken || d->resetting)
		return false;
	for (q = TAILQ_FIRST(&d->active); q; q = TAILQ_NEXT(q, next)) {
		if (only && q != only)
			continue;
		if (emu_complete_ready(d, q, wait_ns))
			return true;
		if (emu_may_start(d, q)) {
			emu_start(d, q);
			return true;
		}
	}
	return false;
}

uint32_t emu_sq_waiting(const struct emu_queue *q)
{
	const struct emu_sq *sq = &q->sq;
	const struct emu_task *t = STAILQ_FIRST(&sq->tasks);
	uint32_t n = 0;

	if (!sq->valid || sq->halted)
		return 0;
	for (; t; t = STAILQ_NEXT(t, next))
		n++;
	return n + (sq->tail + sq->depth - sq->head) % sq->depth;
}

/*
 * Finish what was rung, then ignore the queue.  Works in the caller's thread
 * too, so a host with one thread does not wait for itself.
 */
int emu_sq_stop(struct emu_dev *d, struct emu_queue *q)
{
	uint64_t resets = d->resets, wait_ns;

	while (q->sq.valid && !q->sq.halted && !d->broken && !d->gone &&
	       d->resets == resets &&
	       (emu_may_start(d, q) || !STAILQ_EMPTY(&q->sq.tasks))) {
		if (!emu_work(d, q, &wait_ns))
			emu_idle_wait(d, wait_ns);
	}
	if (d->broken || d->gone || d->resets != resets || emu_sq_quiesce(d, q))
		return -ECANCELED;
	emu_halt(d, q);
	return 0;
}
