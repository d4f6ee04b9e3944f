/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "base/wd_base.h"
#include "emu/emu_qm.h"

#define LINE_MAX_BYTES 400 /* a descriptor of 128 bytes in hexadecimal */

static const struct {
	uint32_t offset;
	const char *name;
} emu_reg_names[] = {
#define QM_REG(name, offset, reset) { offset, #name },
#include "hw/qm/qm_regs.def"
#undef QM_REG
};

static const char *const emu_mailbox_names[] = {
	[QM_MB_SQC] = "SQC",	       [QM_MB_CQC] = "CQC",
	[QM_MB_EQC] = "EQC",	       [QM_MB_AEQC] = "AEQC",
	[QM_MB_SQC_BT] = "SQC_BT",     [QM_MB_CQC_BT] = "CQC_BT",
	[QM_MB_SQC_VFT] = "SQC_VFT",   [QM_MB_STOP_QP] = "STOP_QP",
	[QM_MB_FLUSH_QM] = "FLUSH_QM", [QM_MB_SRC] = "SRC",
	[QM_MB_DST] = "DST",	       [QM_MB_PAUSE_QM] = "PAUSE_QM",
};

static void emu_line(struct emu_dev *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void emu_line(struct emu_dev *d, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	d->cfg.trace(d->cfg.trace_ctx, line);
}

/* As they lie in memory, four bytes together. */
static void emu_line_bytes(struct emu_dev *d, const char *what, const void *p,
			   size_t len)
{
	const uint8_t *b = p;
	char hex[LINE_MAX_BYTES - 32];
	size_t n = 0;

	for (size_t i = 0; i < len && n + 4 < sizeof(hex); i++)
		n += (size_t)snprintf(hex + n, sizeof(hex) - n, "%s%02x",
				      i % 4 ? "" : " ", b[i]);
	emu_line(d, "      %s%s", what, hex);
}

static const char *emu_reg_name(unsigned int bar, uint64_t off)
{
	for (size_t i = 0; bar == 2 && i < WD_ARRAY_SIZE(emu_reg_names); i++)
		if (emu_reg_names[i].offset == off)
			return emu_reg_names[i].name;
	return "?";
}

void emu_trace_access(struct emu_dev *d, char way, unsigned int bar,
		      uint64_t off, uint64_t value, unsigned int size)
{
	const char *name;

	if (!d->cfg.trace)
		return;
	name = emu_reg_name(bar, off);
	if (bar == 4)
		emu_line(d, "%c bar4 0x%06llx/%u %s 0x%llx  DB[q%llu]+0x%llx",
			 way, (unsigned long long)off, size,
			 way == 'R' ? "->" : "<-", (unsigned long long)value,
			 (unsigned long long)(off / EMU_BELL_WINDOW),
			 (unsigned long long)(off % EMU_BELL_WINDOW));
	else
		emu_line(d, "%c bar%u 0x%06llx/%u %s 0x%llx  %s%s", way, bar,
			 (unsigned long long)off, size,
			 way == 'R' ? "->" : "<-", (unsigned long long)value,
			 *name == '?' ? "" : "QM_", name);
}

void emu_trace_mailbox(struct emu_dev *d, const uint32_t *w)
{
	uint32_t code = QM_GET(w, QM_MBX_CMD);
	const char *name = NULL;

	if (!d->cfg.trace)
		return;
	if (code < WD_ARRAY_SIZE(emu_mailbox_names))
		name = emu_mailbox_names[code];
	emu_line(d, "    MAILBOX %s op=%s q=%u addr=0x%llx", name ? name : "?",
		 QM_GET(w, QM_MBX_OP) ? "get" : "set", QM_GET(w, QM_MBX_QUEUE),
		 (unsigned long long)wd_get64(w, &qm_fields[QM_MBX_DATA_LO]));
}

void emu_trace_context(struct emu_dev *d, const struct qm_context *ctx)
{
	if (d->cfg.trace)
		emu_line_bytes(d, "ctx =", ctx, sizeof(*ctx));
}

void emu_trace_bell(struct emu_dev *d, const uint32_t bell[2])
{
	static const char *const names[] = { "SQ", "CQ", "EQ", "AEQ" };
	uint32_t cmd = QM_GET(bell, QM_DB_CMD);

	if (d->cfg.trace)
		emu_line(d, "    DOORBELL %s q=%u index=%u prio=%u",
			 cmd < WD_ARRAY_SIZE(names) ? names[cmd] : "?",
			 QM_GET(bell, QM_DB_QUEUE), QM_GET(bell, QM_DB_INDEX),
			 QM_GET(bell, QM_DB_PRIORITY));
}

void emu_trace_vft(struct emu_dev *d, uint32_t type, uint32_t function,
		   uint64_t value)
{
	if (d->cfg.trace)
		emu_line(d, "    VFT[type=%u fun=%u] = 0x%llx", type, function,
			 (unsigned long long)value);
}

void emu_trace_sqe(struct emu_dev *d, const char *what, const uint32_t *sqe)
{
	if (d->cfg.trace)
		emu_line_bytes(d, what, sqe, d->cfg.engine->sqe_size);
}
