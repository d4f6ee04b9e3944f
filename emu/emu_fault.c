/* SPDX-License-Identifier: Apache-2.0 */
#include "emu/emu_qm.h"

static bool emu_fault_hits(const struct emu_fault *f, uint64_t job)
{
	if (!f->nth || job < f->nth)
		return false;
	if (job == f->nth)
		return true;
	return f->every && (job - f->nth) % f->every == 0;
}

void emu_mishap(const struct emu_config *cfg, uint64_t job,
		struct emu_mishap *out)
{
	*out = (struct emu_mishap){ 0 };
	for (unsigned int i = 0; i < cfg->fault_count; i++) {
		const struct emu_fault *f = &cfg->faults[i];

		if (!emu_fault_hits(f, job))
			continue;
		switch (f->kind) {
		case EMU_FAULT_DELAY:
			out->delay_us += f->arg;
			break;
		case EMU_FAULT_DROP:
			out->drop = true;
			break;
		case EMU_FAULT_STATUS:
			out->fail = true;
			break;
		case EMU_FAULT_WRONG:
			out->corrupt = true;
			break;
		case EMU_FAULT_STOP:
			out->stop = true;
			break;
		case EMU_FAULT_RESET:
			out->reset = true;
			break;
		case EMU_FAULT_GONE:
			out->gone = true;
			break;
		case EMU_FAULT_ERROR:
			out->errors |= 1u << f->arg;
			break;
		case EMU_FAULT_KINDS:
			break;
		}
	}
}
