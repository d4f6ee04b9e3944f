/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/mman.h>

#include "base/wd_base.h"
#include "emu/emu_qm.h"

#define EMU_CAP_FIRST QM_REG_CAP
#define EMU_CAP_LAST  QM_REG_CAP_CORE10

static const struct {
	uint32_t offset, reset;
} emu_reg_resets[] = {
#define QM_REG(name, offset, reset) { offset, reset },
#include "hw/qm/qm_regs.def"
#undef QM_REG
};

/* Writes here change nothing. */
static const uint32_t emu_constant_regs[] = {
	QM_REG_DB_ISOLATION,	 QM_REG_SUB_VERSION,
	QM_REG_IFC_INT_STATUS,	 QM_REG_ABNORMAL_INT_STATUS,
	QM_REG_REVISION,	 QM_REG_PEH_DFX_INFO0,
	QM_REG_PEH_DFX_INFO1,	 QM_REG_QP_NUM_CAP,
	QM_REG_IN_IDLE_ST,	 QM_REG_AM_CURR_TRANS_RETURN,
	QM_REG_IFC_READY_STATUS, QM_REG_IFC_READY_STATUS + 4,
	QM_REG_ABNORMAL_INF00,	 QM_REG_ABNORMAL_INF01,
	QM_REG_ABNORMAL_INF02,
};

/* Write 1 to clear. */
static const uint32_t emu_w1c_regs[] = {
	QM_REG_IFC_INT_SOURCE_V,
	QM_REG_ABNORMAL_INT_SOURCE,
	QM_REG_IFC_INT_SOURCE_P,
	QM_REG_IFC_INT_SOURCE_P + 4,
};

static bool emu_listed(const uint32_t *list, size_t n, uint32_t off)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == off)
			return true;
	return false;
}

uint32_t *emu_reg(struct emu_dev *d, uint32_t off)
{
	return &d->regs[off / sizeof(*d->regs)];
}

static bool emu_reg_exists(const struct emu_dev *d, uint32_t off)
{
	return off + sizeof(uint32_t) <= d->bar2;
}

static void emu_reg_init(struct emu_dev *d, uint32_t off, uint32_t value)
{
	if (emu_reg_exists(d, off))
		*emu_reg(d, off) = value;
}

static bool emu_is_cap(uint32_t off)
{
	return off >= EMU_CAP_FIRST && off <= EMU_CAP_LAST;
}

void emu_regs_reset(struct emu_dev *d)
{
	const struct emu_engine *e = d->cfg.engine;
	bool v3 = d->cfg.model >= EMU_KUNPENG930;

	/* Private anonymous pages read as zero again after this. */
	madvise(d->regs, d->bar2, MADV_DONTNEED);
	for (size_t i = 0; i < WD_ARRAY_SIZE(emu_reg_resets); i++)
		if (v3 || !emu_is_cap(emu_reg_resets[i].offset))
			emu_reg_init(d, emu_reg_resets[i].offset,
				     emu_reg_resets[i].reset);
	emu_reg_init(d, QM_REG_REVISION, v3 ? 0x30 : 0x21);
	emu_reg_init(d, QM_REG_DB_ISOLATION, v3);
	emu_reg_init(d, QM_REG_QP_NUM_CAP,
		     v3 ? d->cfg.queues | d->cfg.queues << 11 : 0);
	for (size_t i = 0; i < e->reg_count; i++)
		emu_reg_init(d, e->regs[i].offset,
			     v3 ? e->regs[i].v3 : e->regs[i].v2);
	memset(d->vft, 0, sizeof(d->vft));
	memset(d->shaper, 0, sizeof(d->shaper));
	memset(d->message, 0, sizeof(d->message));
	d->sqc_table = d->cqc_table = 0;
}

/* Queues of this function.  A VF has what its PF left it: all configured. */
unsigned int emu_queue_count(const struct emu_dev *d)
{
	uint32_t sq[2] = { (uint32_t)d->vft[0][0],
			   (uint32_t)(d->vft[0][0] >> 32) };
	uint32_t cq[2] = { (uint32_t)d->vft[1][0],
			   (uint32_t)(d->vft[1][0] >> 32) };
	unsigned int n;

	if (d->cfg.vf)
		return d->cfg.queues;
	if (!QM_GET(sq, QM_VFT_VALID) || !QM_GET(cq, QM_VFT_CQC_VALID))
		return 0;
	n = QM_GET(sq, QM_VFT_NUMBER) + 1;
	return n < d->cfg.queues ? n : d->cfg.queues;
}

uint64_t emu_vft_of_caller(const struct emu_dev *d)
{
	uint32_t w[2] = { 0, 0 };

	if (!d->cfg.vf)
		return d->vft[0][0];
	QM_PUT(w, QM_VFT_VALID, 1);
	QM_PUT(w, QM_VFT_NUMBER, d->cfg.queues - 1);
	return (uint64_t)w[1] << 32 | w[0];
}

enum { EMU_VFT_SQC, EMU_VFT_CQC, EMU_VFT_SHAPER };

static void emu_vft_write(struct emu_dev *d, uint32_t type, uint32_t function,
			  uint32_t group, uint64_t value)
{
	if (type == EMU_VFT_SHAPER)
		d->shaper[group][function] = (uint32_t)value;
	else if (type <= EMU_VFT_CQC)
		d->vft[type][function] = value;
}

static uint64_t emu_vft_read(struct emu_dev *d, uint32_t type,
			     uint32_t function, uint32_t group)
{
	if (type == EMU_VFT_SHAPER)
		return d->shaper[group][function];
	return type <= EMU_VFT_CQC ? d->vft[type][function] : 0;
}

/* docs/hw/qm.md#vft: function number below, core group of the shaper above */
static void emu_vft_access(struct emu_dev *d)
{
	uint32_t type = *emu_reg(d, QM_REG_VFT_CFG_TYPE);
	uint32_t which = *emu_reg(d, QM_REG_VFT_CFG);
	uint32_t function = which % EMU_FUNCTIONS;
	uint32_t group = which / EMU_FUNCTIONS % 4;
	uint32_t *lo = emu_reg(d, QM_REG_VFT_CFG_DATA_L);
	uint32_t *hi = emu_reg(d, QM_REG_VFT_CFG_DATA_H);
	uint64_t value = (uint64_t)*hi << 32 | *lo;

	if (*emu_reg(d, QM_REG_VFT_CFG_OP_WR) & 1) {
		value = emu_vft_read(d, type, function, group);
		*lo = (uint32_t)value;
		*hi = (uint32_t)(value >> 32);
	} else {
		emu_vft_write(d, type, function, group, value);
		emu_trace_vft(d, type, function, value);
	}
	*emu_reg(d, QM_REG_VFT_CFG_RDY) = 1;
}

/* Context memory cleared; also ends a stop of the bus master, since drivers
 * never clear MASTER_GLOBAL_CTRL themselves. */
static void emu_memory_init(struct emu_dev *d)
{
	emu_engine_drain(d);
	emu_queues_reset(d);
	d->resetting = false;
	memset(d->vft, 0, sizeof(d->vft));
	memset(d->shaper, 0, sizeof(d->shaper));
	*emu_reg(d, QM_REG_MASTER_GLOBAL_CTRL) = 0;
	*emu_reg(d, QM_REG_MEM_INIT_DONE) = 1;
}

static void emu_engine_handshake(struct emu_dev *d, uint32_t off)
{
	const struct emu_engine *e = d->cfg.engine;

	for (size_t i = 0; i < e->handshake_count; i++) {
		const struct emu_handshake *h = &e->handshakes[i];

		if (h->start == off && emu_reg_exists(d, h->done))
			*emu_reg(d, h->done) =
				h->value ? h->value : *emu_reg(d, h->mask_from);
	}
}

uint32_t emu_reg_read(struct emu_dev *d, uint32_t off)
{
	const struct emu_engine *e = d->cfg.engine;

	if (!emu_reg_exists(d, off))
		return 0;
	if (off == QM_REG_EQ_INT_SOURCE)
		return emu_eq_waiting(&d->eq);
	if (off == QM_REG_AEQ_INT_SOURCE)
		return emu_eq_waiting(&d->aeq);
	if (d->cfg.vf)
		return *emu_reg(d, off);
	if (off == QM_REG_ABNORMAL_INT_STATUS)
		return *emu_reg(d, QM_REG_ABNORMAL_INT_SOURCE);
	if (e->int_status && off == e->int_status)
		return *emu_reg(d, e->int_source);
	return *emu_reg(d, off);
}

/* Registers where writing 1 does something at once. */
static void emu_trigger(struct emu_dev *d, uint32_t off)
{
	switch (off) {
	case QM_REG_CACHE_WB_START:
		*emu_reg(d, QM_REG_CACHE_WB_DONE) = 1;
		break;
	case QM_REG_IFC_INT_SET_V:
		/* No PF behind a lone VF: taken as acknowledged. */
		*emu_reg(d, off) = 0;
		break;
	case QM_REG_MEM_START_INIT:
		emu_memory_init(d);
		break;
	case QM_REG_VFT_CFG_OP_ENABLE:
		emu_vft_access(d);
		break;
	default:
		emu_engine_handshake(d, off);
	}
}

static bool emu_is_w1c(const struct emu_dev *d, uint32_t off)
{
	const struct emu_engine *e = d->cfg.engine;

	if (e->int_source && off == e->int_source)
		return true;
	return emu_listed(emu_w1c_regs, WD_ARRAY_SIZE(emu_w1c_regs), off);
}

static bool emu_is_constant(const struct emu_dev *d, uint32_t off)
{
	const struct emu_engine *e = d->cfg.engine;

	if (emu_is_cap(off) || (e->int_status && off == e->int_status))
		return true;
	return emu_listed(emu_constant_regs, WD_ARRAY_SIZE(emu_constant_regs),
			  off);
}

/* Error injection: bits appear in the source register. */
static bool emu_is_inject(struct emu_dev *d, uint32_t off, uint32_t value)
{
	const struct emu_engine *e = d->cfg.engine;

	if (d->cfg.vf)
		return false;
	if (off == QM_REG_ABNORMAL_INT_SET) {
		emu_error(d, value);
		return true;
	}
	if (!e->int_set || off != e->int_set)
		return false;
	*emu_reg(d, e->int_source) |= value;
	return true;
}

static void emu_reg_mailbox(struct emu_dev *d, uint32_t off, uint32_t value)
{
	/* A driver waits for busy to clear; one that does not is ignored. */
	if (d->mailbox_busy)
		return;
	*emu_reg(d, off) = value;
	if (off == QM_REG_MAILBOX + 12 &&
	    QM_GET(emu_reg(d, QM_REG_MAILBOX), QM_MBX_BUSY))
		emu_mailbox_run(d);
}

void emu_reg_write(struct emu_dev *d, uint32_t off, uint32_t value)
{
	if (!emu_reg_exists(d, off))
		return;
	if (off >= QM_REG_MAILBOX && off < QM_REG_MAILBOX + 16) {
		emu_reg_mailbox(d, off, value);
		return;
	}
	if (emu_is_inject(d, off, value) || emu_is_constant(d, off))
		return;
	if (emu_is_w1c(d, off)) {
		*emu_reg(d, off) &= ~value;
		return;
	}
	*emu_reg(d, off) = value;
	if (off == QM_REG_EQ_INT_MASK || off == QM_REG_AEQ_INT_MASK)
		emu_eq_unmasked(d);
	else if (off == QM_REG_MASTER_GLOBAL_CTRL)
		d->kick = true;
	else if (value & 1)
		emu_trigger(d, off);
}
