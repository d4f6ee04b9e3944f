/* SPDX-License-Identifier: Apache-2.0 */
#include "emu/emu_dev.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/wd_base.h"
#include "emu/emu_qm.h"
#include "emu/emu_replay.h"

/* Results remembered with `replay`: a benchmark repeats a handful, a server
 * under test a few hundred. */
#define EMU_REPLAY_ENTRIES 1024

void emu_lock(struct emu_dev *d)
{
	pthread_mutex_lock(&d->lock);
}

void emu_unlock(struct emu_dev *d)
{
	uint32_t raise = d->raise;
	bool kick = d->kick;

	d->raise = 0;
	d->kick = false;
	pthread_mutex_unlock(&d->lock);

	for (unsigned int v = 0; raise >> v; v++)
		if (raise >> v & 1)
			d->bus.irq(d->bus.ctx, v);
	if (kick)
		d->bus.kick(d->bus.ctx);
}

/* May the function read and write memory now? */
bool emu_dma_open(const struct emu_dev *d)
{
	return d->bus_master && !d->gone && !d->broken &&
	       (d->cfg.vf ||
		!(d->regs[QM_REG_MASTER_GLOBAL_CTRL / sizeof(*d->regs)] & 1));
}

/* Rings, contexts and events never carry a PASID; docs/hw/qm.md#pasid */
int emu_dma_read(struct emu_dev *d, uint64_t addr, void *buf, size_t len)
{
	const struct emu_dma *dma = &d->bus.dma;
	int rc = -EFAULT;

	if (emu_dma_open(d))
		rc = dma->read(dma->ctx, 0, addr, buf, len);
	if (rc)
		emu_error(d, EMU_ERR_AXI_READ);
	return rc;
}

int emu_dma_write(struct emu_dev *d, uint64_t addr, const void *buf, size_t len)
{
	const struct emu_dma *dma = &d->bus.dma;
	int rc = -EFAULT;

	if (emu_dma_open(d))
		rc = dma->write(dma->ctx, 0, addr, buf, len);
	if (rc)
		emu_error(d, EMU_ERR_AXI_WRITE);
	return rc;
}

static bool emu_config_valid(const struct emu_config *cfg)
{
	return cfg->engine && cfg->engine->run &&
	       (cfg->model == EMU_KUNPENG920 || cfg->model == EMU_KUNPENG930) &&
	       cfg->queues >= 1 && cfg->queues <= EMU_QUEUES_MAX &&
	       cfg->vf < EMU_FUNCTIONS && cfg->fault_count <= EMU_FAULTS_MAX &&
	       cfg->engine->sqe_size <= EMU_SQE_WORDS_MAX * sizeof(uint32_t);
}

int emu_dev_new(struct emu_dev **out, const struct emu_config *cfg,
		const struct emu_bus *bus)
{
	struct emu_dev *d;
	pthread_condattr_t attr;

	if (!emu_config_valid(cfg))
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->cfg = *cfg;
	d->bus = *bus;
	d->bus_master = true;
	d->bar2 = cfg->vf ? EMU_BAR2_VF : EMU_BAR2_PF;
	d->queues = calloc(cfg->queues, sizeof(*d->queues));
	if (!d->queues)
		goto free_dev;
	/* Mostly never touched: mapped, so that only used pages cost memory. */
	d->regs = mmap(NULL, d->bar2, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (d->regs == MAP_FAILED)
		goto free_queues;
	d->replay = cfg->replay ? emu_replay_new(EMU_REPLAY_ENTRIES) : NULL;
	if (cfg->replay && !d->replay)
		goto unmap_regs;

	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->idle, &attr);
	pthread_condattr_destroy(&attr);
	TAILQ_INIT(&d->active);
	STAILQ_INIT(&d->spare);
	for (unsigned int i = 0; i < cfg->queues; i++) {
		d->queues[i].id = (uint16_t)i;
		STAILQ_INIT(&d->queues[i].sq.tasks);
	}
	emu_regs_reset(d);
	*out = d;
	return 0;

unmap_regs:
	munmap(d->regs, d->bar2);
free_queues:
	free(d->queues);
free_dev:
	free(d);
	return -ENOMEM;
}

void emu_dev_free(struct emu_dev *d)
{
	struct emu_task *t;

	if (!d)
		return;
	emu_queues_reset(d);
	while ((t = STAILQ_FIRST(&d->spare))) {
		STAILQ_REMOVE_HEAD(&d->spare, next);
		wd_wipe(t, sizeof(*t));
		free(t);
	}
	emu_replay_free(d->replay);
	munmap(d->regs, d->bar2);
	free(d->queues);
	/* The lock is not destroyed: in a forked child it may be held, and its
	 * condition waited for, by threads of the parent. */
	free(d);
}

/* Nothing new starts, and the engine gives back what it has.  The caller
 * clears d->resetting when the queues are clean. */
void emu_engine_drain(struct emu_dev *d)
{
	d->resetting = true;
	d->resets++;
	pthread_cond_broadcast(&d->idle);
	while (d->running)
		pthread_cond_wait(&d->idle, &d->lock);
}

void emu_dev_fail(struct emu_dev *d)
{
	emu_lock(d);
	emu_break(d);
	emu_unlock(d);
}

void emu_dev_reset(struct emu_dev *d)
{
	emu_lock(d);
	emu_engine_drain(d);
	emu_queues_reset(d);
	emu_regs_reset(d);
	d->broken = false;
	d->raise = 0;
	d->resetting = false;
	emu_unlock(d);
}

void emu_dev_bus_master(struct emu_dev *d, bool on)
{
	emu_lock(d);
	d->bus_master = on;
	d->kick = on && !TAILQ_EMPTY(&d->active);
	emu_unlock(d);
}

static bool emu_access_valid(uint64_t off, unsigned int size)
{
	return (size == 4 || size == 8) && off % size == 0;
}

static uint64_t emu_bar2_read(struct emu_dev *d, uint32_t off,
			      unsigned int size)
{
	uint64_t value = emu_reg_read(d, off);

	if (size == 8)
		value |= (uint64_t)emu_reg_read(d, off + 4) << 32;
	return value;
}

uint64_t emu_dev_read(struct emu_dev *d, unsigned int bar, uint64_t off,
		      unsigned int size)
{
	uint64_t value = 0;

	if (!emu_access_valid(off, size))
		return 0;
	emu_lock(d);
	if (d->gone)
		value = size == 8 ? UINT64_MAX : UINT32_MAX;
	else if (bar == 2 && off < d->bar2)
		value = emu_bar2_read(d, (uint32_t)off, size);
	emu_unlock(d);
	emu_trace_access(d, 'R', bar, off, value, size);
	return value;
}

/* A queue has a window of BAR4 for itself on V3: its number has to agree. */
static void emu_bar4_write(struct emu_dev *d, uint64_t off, uint64_t value,
			   unsigned int size)
{
	uint32_t bell[2] = { (uint32_t)value, (uint32_t)(value >> 32) };

	if (d->cfg.model < EMU_KUNPENG930 || size != 8 ||
	    off % EMU_BELL_WINDOW != QM_REG_DB_SQ_CQ)
		return;
	if (off / EMU_BELL_WINDOW != QM_GET(bell, QM_DB_QUEUE) ||
	    QM_GET(bell, QM_DB_CMD) > QM_BELL_CQ) {
		emu_error(d, EMU_ERR_SQ_FUNCTION);
		return;
	}
	emu_bell(d, bell);
}

static bool emu_is_bell(const struct emu_dev *d, uint64_t off)
{
	if (off == QM_REG_DB_EQ_AEQ)
		return true;
	return off == QM_REG_DB_SQ_CQ && d->cfg.model == EMU_KUNPENG920;
}

/* Queues and events have a register each. */
static void emu_bell2(struct emu_dev *d, uint32_t off, const uint32_t bell[2])
{
	bool event = QM_GET(bell, QM_DB_CMD) > QM_BELL_CQ;

	if (event != (off == QM_REG_DB_EQ_AEQ))
		emu_error(d, EMU_ERR_BELL);
	else
		emu_bell(d, bell);
}

static void emu_bar2_write(struct emu_dev *d, uint32_t off, uint64_t value,
			   unsigned int size)
{
	uint32_t bell[2] = { (uint32_t)value, (uint32_t)(value >> 32) };

	if (size == 8 && emu_is_bell(d, off)) {
		emu_bell2(d, off, bell);
		return;
	}
	/* A host that splits the store: the high half makes it whole. */
	if (size == 4 && emu_is_bell(d, off - 4)) {
		bell[0] = *emu_reg(d, off - 4);
		bell[1] = (uint32_t)value;
		emu_bell2(d, off - 4, bell);
		return;
	}
	emu_reg_write(d, off, (uint32_t)value);
	if (size == 8)
		emu_reg_write(d, off + 4, (uint32_t)(value >> 32));
}

void emu_dev_write(struct emu_dev *d, unsigned int bar, uint64_t off,
		   uint64_t value, unsigned int size)
{
	if (!emu_access_valid(off, size))
		return;
	emu_trace_access(d, 'W', bar, off, value, size);
	emu_lock(d);
	if (!d->gone && bar == 4)
		emu_bar4_write(d, off, value, size);
	else if (!d->gone && bar == 2 && off < d->bar2)
		emu_bar2_write(d, (uint32_t)off, value, size);
	emu_unlock(d);
}

bool emu_dev_work(struct emu_dev *d, uint64_t *wait_ns)
{
	bool did;

	emu_lock(d);
	did = emu_work(d, NULL, wait_ns);
	emu_unlock(d);
	return did;
}

bool emu_dev_work_queue(struct emu_dev *d, uint16_t queue, uint64_t *wait_ns)
{
	struct emu_queue *q;
	bool did = false;

	*wait_ns = UINT64_MAX;
	emu_lock(d);
	q = emu_queue(d, queue);
	if (q)
		did = emu_work(d, q, wait_ns);
	emu_unlock(d);
	return did;
}

void emu_dev_stats(struct emu_dev *d, struct emu_stats *out)
{
	emu_lock(d);
	*out = d->stats;
	out->replayed = d->replay ? emu_replay_hits(d->replay) : 0;
	emu_unlock(d);
}

void emu_dev_queue_stats(struct emu_dev *d, uint16_t queue,
			 struct emu_queue_stats *out)
{
	const struct emu_queue *q;

	*out = (struct emu_queue_stats){ 0 };
	emu_lock(d);
	q = emu_queue(d, queue);
	if (q) {
		out->descriptors = q->sq.ran;
		out->waiting = emu_sq_waiting(q);
	}
	emu_unlock(d);
}
