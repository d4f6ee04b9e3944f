/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qm_fields.h - what the queue manager and its drivers read and write: the
 * completion, doorbells, mailbox, contexts, event entries, registers.  Tables
 * only: shared by driver and device model, holds no logic.
 */
#ifndef QM_FIELDS_H
#define QM_FIELDS_H

#include "base/wd_field.h"

struct qm_cqe {
	uint32_t w[4];
};
_Static_assert(sizeof(struct qm_cqe) == 16, "completions are 16 bytes");

struct qm_context { /* SQC, CQC, EQC, AEQC */
	uint32_t w[8];
};
_Static_assert(sizeof(struct qm_context) == 32, "contexts are 32 bytes");

#define WD_FIELD WD_FIELD_ENUM
enum qm_field {
#include "hw/qm/qm_fields.def"
	QM_FIELDS
};
#undef WD_FIELD
#define WD_FIELD WD_FIELD_ROW
static const struct wd_field qm_fields[QM_FIELDS] = {
#include "hw/qm/qm_fields.def"
};
#undef WD_FIELD

#define QM_GET(words, field)	    wd_get((words), &qm_fields[field])
#define QM_PUT(words, field, value) wd_put((words), &qm_fields[field], (value))

/* Register offsets in BAR2; docs/hw/qm.md#registers */
enum qm_reg {
#define QM_REG(name, offset, reset) QM_REG_##name = (offset),
#include "hw/qm/qm_regs.def"
#undef QM_REG
};

/* Commands of the SQ/CQ/EQ/AEQ doorbells; docs/hw/qm.md#doorbells */
enum qm_bell_cmd { QM_BELL_SQ, QM_BELL_CQ, QM_BELL_EQ, QM_BELL_AEQ };

/* Commands of the mailbox; docs/hw/qm.md#mailbox */
enum qm_mb_cmd {
	QM_MB_SQC = 0x0,
	QM_MB_CQC = 0x1,
	QM_MB_EQC = 0x2,
	QM_MB_AEQC = 0x3,
	QM_MB_SQC_BT = 0x4,
	QM_MB_CQC_BT = 0x5,
	QM_MB_SQC_VFT = 0x6,
	QM_MB_STOP_QP = 0x8,
	QM_MB_FLUSH_QM = 0x9,
	QM_MB_SRC = 0xc,
	QM_MB_DST = 0xd,
	QM_MB_PAUSE_QM = 0xe,
};

#endif
