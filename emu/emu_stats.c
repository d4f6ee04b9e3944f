/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wd_base.h"
#include "emu/emu_qm.h"
#include "hw/hpre/hpre_fields.h"
#include "hw/sec/sec_fields.h"

/* Descriptor types, field TYPE; docs/hw/sec.md#bd-type */
enum { EMU_SEC_BD2 = 2 };

static void emu_count_hpre(struct emu_stats *s, const uint32_t *sqe)
{
	s->by_alg[wd_get(sqe, &hpre_fields[HPRE_SQE_ALG])]++;
	if (wd_get(sqe, &hpre_fields[HPRE_SQE_DONE]) != HPRE_DONE_FINISHED ||
	    wd_get(sqe, &hpre_fields[HPRE_SQE_ETYPE]))
		s->errors++;
}

static void emu_count_sec(struct emu_stats *s, const uint32_t *sqe)
{
	bool bd2 = wd_get(sqe, &sec_bd2_fields[SEC_BD2_TYPE]) == EMU_SEC_BD2;
	uint32_t mode = bd2 ? wd_get(sqe, &sec_bd2_fields[SEC_BD2_C_MODE])
			    : wd_get(sqe, &sec_bd3_fields[SEC_BD3_C_MODE]);
	uint32_t auth = bd2 ? wd_get(sqe, &sec_bd2_fields[SEC_BD2_AUTH])
			    : wd_get(sqe, &sec_bd3_fields[SEC_BD3_AUTH]);

	s->by_alg[mode + 16 * auth]++;
	/* Completion fields are in the same place in both types. */
	if (!wd_get(sqe, &sec_bd2_fields[SEC_BD2_DONE]) ||
	    wd_get(sqe, &sec_bd2_fields[SEC_BD2_ERROR_TYPE]))
		s->errors++;
}

void emu_count(struct emu_stats *s, const struct emu_engine *e,
	       const uint32_t *sqe)
{
	s->descriptors++;
	if (e->id == UACCE_HPRE)
		emu_count_hpre(s, sqe);
	else if (e->id == UACCE_SEC)
		emu_count_sec(s, sqe);
}
