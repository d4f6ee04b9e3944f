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

/*
 * Where each structure lies in the table, for dumps and the overlap test.
 * EQC serves the asynchronous event queue too; VFT, VFT_CQC and SHAPER are
 * three readings of the same two data registers.
 */
struct qm_layout {
	const char *name;
	enum qm_field first, last;
	unsigned int words; /* size of the structure in 32-bit words */
};

static const struct qm_layout qm_layouts[] = {
	{ "CQE", QM_CQE_CMD_ID, QM_CQE_STATUS, 4 },
	{ "DB", QM_DB_QUEUE, QM_DB_PRIORITY, 2 },
	{ "DB1", QM_DB1_QUEUE, QM_DB1_PRIORITY, 2 },
	{ "MBX", QM_MBX_CMD, QM_MBX_TOKEN, 4 },
	{ "SQC", QM_SQC_HEAD, QM_SQC_TYPE, 8 },
	{ "CQC", QM_CQC_HEAD, QM_CQC_STASH, 8 },
	{ "EQC", QM_EQC_HEAD, QM_EQC_PHASE, 8 },
	{ "EQE", QM_EQE_CQ, QM_EQE_PHASE, 1 },
	{ "AEQE", QM_AEQE_QUEUE, QM_AEQE_TYPE, 1 },
	{ "VFT", QM_VFT_BASE_LO, QM_VFT_NUMBER, 2 },
	{ "VFT_CQC", QM_VFT_CQC_VALID, QM_VFT_CQC_VALID, 2 },
	{ "SHAPER", QM_SHAPER_CIR_B, QM_SHAPER_CBS_S, 2 },
};

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
