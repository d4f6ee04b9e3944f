/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables against themselves (no two fields of a structure share a bit) and
 * against worked values that were not made from them.
 */
#include "hw/hpre/hpre_fields.h"
#include "hw/qm/qm_fields.h"
#include "hw/sec/sec_fields.h"
#include "test/t.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	uint32_t offset;
} regs[] = {
#define QM_REG(name, offset, reset) { #name, (offset) },
#include "hw/qm/qm_regs.def"
#undef QM_REG
};

static const char *const qm_prefixes[] = {
#define WD_FIELD(prefix, field, word, lo, width) #prefix,
#include "hw/qm/qm_fields.def"
#undef WD_FIELD
};

static void fields_of_one_structure_never_overlap(void)
{
	for (size_t i = 0; i < N(qm_layouts); i++) {
		const struct qm_layout *l = &qm_layouts[i];
		int bad = wd_fields_overlap(&qm_fields[l->first],
					    l->last - l->first + 1, l->words);

		if (bad >= 0)
			t_fail(__FILE__, __LINE__, "QM %s: %s overlaps",
			       l->name, qm_fields[l->first + bad].name);
	}
	T_EQ(wd_fields_overlap(hpre_fields, HPRE_FIELDS, HPRE_SQE_WORDS), -1);
	T_EQ(wd_fields_overlap(sec_bd2_fields, SEC_BD2_FIELDS, SEC_SQE_WORDS),
	     -1);
	T_EQ(wd_fields_overlap(sec_bd3_fields, SEC_BD3_FIELDS, SEC_SQE_WORDS),
	     -1);
}

static void layouts_cover_the_table_without_gaps(void)
{
	unsigned int next = 0;
	char prefix[32];

	for (size_t i = 0; i < N(qm_layouts); i++) {
		const struct qm_layout *l = &qm_layouts[i];

		T_EQ(l->first, next);
		snprintf(prefix, sizeof(prefix), "QM_%s", l->name);
		for (next = l->first; next <= l->last; next++)
			T_STR(qm_prefixes[next], prefix);
	}
	T_EQ(next, QM_FIELDS);
}

static void both_halves_of_a_long_value_are_neighbours(void)
{
	static const struct {
		const struct wd_field *f;
		size_t n;
	} tables[] = {
		{ qm_fields, QM_FIELDS },
		{ hpre_fields, HPRE_FIELDS },
		{ sec_bd2_fields, SEC_BD2_FIELDS },
		{ sec_bd3_fields, SEC_BD3_FIELDS },
	};

	for (size_t t = 0; t < N(tables); t++) {
		const struct wd_field *f = tables[t].f;

		for (size_t i = 0; i < tables[t].n; i++) {
			size_t len = strlen(f[i].name);

			if (len < 4 || strcmp(f[i].name + len - 3, "_LO"))
				continue;
			T_OK(i + 1 < tables[t].n);
			T_OK(!strncmp(f[i].name, f[i + 1].name, len - 2));
			T_STR(f[i + 1].name + len - 2, "HI");
			T_EQ(f[i + 1].word, f[i].word + 1);
		}
	}
}

static void no_two_registers_share_an_offset(void)
{
	for (size_t i = 0; i < N(regs); i++) {
		T_EQ(regs[i].offset % 4, 0);
		for (size_t j = 0; j < i; j++)
			T_OK(regs[i].offset != regs[j].offset);
	}
}

static uint64_t db(uint32_t queue, uint32_t cmd, uint32_t index, uint32_t arm)
{
	uint32_t w[2] = { 0 };

	QM_PUT(w, QM_DB_QUEUE, queue);
	QM_PUT(w, QM_DB_CMD, cmd);
	QM_PUT(w, QM_DB_INDEX, index);
	QM_PUT(w, QM_DB_PRIORITY, arm);
	return (uint64_t)w[1] << 32 | w[0];
}

static void worked_doorbells(void)
{
	uint32_t w[2] = { 0 };

	T_EQ(db(5, QM_BELL_SQ, 1, 0), 0x0000000100000005);
	T_EQ(db(5, QM_BELL_CQ, 1, 1), 0x0001000100001005);
	T_EQ(db(0, QM_BELL_EQ, 1, 0), 0x0000000100002000);
	T_EQ(db(0, QM_BELL_AEQ, 0, 0), 0x0000000000003000);
	QM_PUT(w, QM_DB1_QUEUE, 5);
	QM_PUT(w, QM_DB1_CMD, QM_BELL_CQ);
	QM_PUT(w, QM_DB1_INDEX, 1);
	QM_PUT(w, QM_DB1_PRIORITY, 1);
	T_EQ(w[0], 0x00010005);
	T_EQ(w[1], 0x00010001);
	T_EQ(QM_REG_DB_V1, 0x340);
	T_EQ(QM_REG_DB_SQ_CQ, 0x1000);
	T_EQ(QM_REG_DB_EQ_AEQ, 0x2000);
}

static uint32_t mailbox(uint32_t cmd, uint32_t op, uint32_t queue)
{
	uint32_t w[4] = { 0 };

	QM_PUT(w, QM_MBX_CMD, cmd);
	QM_PUT(w, QM_MBX_OP, op);
	QM_PUT(w, QM_MBX_BUSY, 1);
	QM_PUT(w, QM_MBX_QUEUE, queue);
	return w[0];
}

static void worked_mailbox_words(void)
{
	uint32_t w[4] = { 0 };

	T_EQ(mailbox(QM_MB_SQC, 0, 5), 0x00052000);
	T_EQ(mailbox(QM_MB_SQC, 1, 5), 0x00056000);
	T_EQ(mailbox(QM_MB_SQC_VFT, 1, 0), 0x00006006);
	T_EQ(mailbox(QM_MB_STOP_QP, 0, 5), 0x00052008);
	wd_put64(w, &qm_fields[QM_MBX_DATA_LO], 0x12345000);
	T_EQ(w[1], 0x12345000);
	T_EQ(w[2], 0);
	T_EQ(QM_REG_MAILBOX, 0x300);
}

static void worked_queue_contexts(void)
{
	struct qm_context c = { 0 };

	QM_PUT(c.w, QM_SQC_DEPTH, 1023);
	QM_PUT(c.w, QM_SQC_SQE_SHIFT, 6);
	T_EQ(c.w[3], 0x000063ff);
	QM_PUT(c.w, QM_SQC_SQE_SHIFT, 7);
	T_EQ(c.w[3], 0x000073ff);
	QM_PUT(c.w, QM_SQC_CQ, 5);
	QM_PUT(c.w, QM_SQC_ORDER, 1);
	T_EQ(c.w[6], 0x00100005);
	QM_PUT(c.w, QM_SQC_TYPE, 1);
	T_EQ(c.w[6], 0x01100005);
	QM_PUT(c.w, QM_SQC_PASID, 7);
	QM_PUT(c.w, QM_SQC_PASID_EN, 1);
	T_EQ(c.w[5], 0x00800007);

	c = (struct qm_context){ 0 };
	QM_PUT(c.w, QM_CQC_DEPTH, 1023);
	QM_PUT(c.w, QM_CQC_CQE_SHIFT, 4);
	QM_PUT(c.w, QM_CQC_PHASE, 1);
	QM_PUT(c.w, QM_CQC_C_FLAG, 1);
	QM_PUT(c.w, QM_CQC_PASID, 7);
	QM_PUT(c.w, QM_CQC_PASID_EN, 1);
	T_EQ(c.w[3], 0x000043ff);
	T_EQ(c.w[6], 0x00000003);
	T_EQ(c.w[5], 0x00010007);
}

static void worked_event_contexts(void)
{
	struct qm_context c = { 0 };

	QM_PUT(c.w, QM_EQC_DEPTH, 2047);
	QM_PUT(c.w, QM_EQC_PHASE, 1);
	T_EQ(c.w[6], 0x000107ff);
	QM_PUT(c.w, QM_EQC_DEPTH, 1023);
	T_EQ(c.w[6], 0x000103ff);
}

static void worked_completions_and_events(void)
{
	static const struct qm_cqe cqe = { { 0, 0, 0x00050000, 0x00010000 } };
	static const struct qm_cqe nine = { { 0, 0, 0x00050009, 0x00070000 } };
	static const uint32_t eqe[] = { 0x00010005 }, aeqe[] = { 0x00050002 };

	T_EQ(QM_GET(cqe.w, QM_CQE_SQ_HEAD), 0);
	T_EQ(QM_GET(cqe.w, QM_CQE_SQ_NUM), 5);
	T_EQ(QM_GET(cqe.w, QM_CQE_PHASE), 1);
	T_EQ(QM_GET(nine.w, QM_CQE_SQ_HEAD), 9);
	T_EQ(QM_GET(nine.w, QM_CQE_STATUS), 3);
	T_EQ(QM_GET(eqe, QM_EQE_CQ), 5);
	T_EQ(QM_GET(eqe, QM_EQE_PHASE), 1);
	T_EQ(QM_GET(aeqe, QM_AEQE_QUEUE), 2);
	T_EQ(QM_GET(aeqe, QM_AEQE_PHASE), 1);
	T_EQ(QM_GET(aeqe, QM_AEQE_TYPE), 2);
}

static uint64_t vft(uint32_t base, uint32_t number)
{
	uint32_t w[2] = { 0 };

	QM_PUT(w, QM_VFT_BASE_LO, base);
	QM_PUT(w, QM_VFT_BASE_HI, base >> 4);
	QM_PUT(w, QM_VFT_VALID, 1);
	QM_PUT(w, QM_VFT_NUMBER, number - 1);
	return (uint64_t)w[1] << 32 | w[0];
}

static void worked_function_table_entries(void)
{
	uint32_t w[2] = { 0 };

	T_EQ(vft(64, 32), 0x0003F00400000000);
	T_EQ(vft(0, 64), 0x0007F00000000000);
	T_EQ(vft(0, 256), 0x001FF00000000000);
	QM_PUT(w, QM_VFT_CQC_VALID, 1);
	T_EQ(w[0], 0x10000000);
	w[0] = 0;
	QM_PUT(w, QM_SHAPER_CIR_B, 150);
	QM_PUT(w, QM_SHAPER_CIR_U, 6);
	QM_PUT(w, QM_SHAPER_CBS_B, 1);
	QM_PUT(w, QM_SHAPER_CBS_S, 19);
	T_EQ(w[0], 0x00988696);
}

T_MAIN(T_CASE(fields_of_one_structure_never_overlap),
       T_CASE(layouts_cover_the_table_without_gaps),
       T_CASE(both_halves_of_a_long_value_are_neighbours),
       T_CASE(no_two_registers_share_an_offset), T_CASE(worked_doorbells),
       T_CASE(worked_mailbox_words), T_CASE(worked_queue_contexts),
       T_CASE(worked_event_contexts), T_CASE(worked_completions_and_events),
       T_CASE(worked_function_table_entries))
