/* SPDX-License-Identifier: Apache-2.0 */
#include "test/emu/emu_test_engine.h"

#include <time.h>

#include "base/wd_field.h"

static uint64_t te_addr(const uint32_t *w)
{
	return (uint64_t)w[1] << 32 | w[0];
}

static int te_invert(const struct emu_job *job)
{
	const struct emu_dma *dma = job->dma;
	uint8_t buf[4096];
	size_t len = job->sqe[TE_LEN];

	if (job->fail || len > sizeof(buf) ||
	    dma->read(dma->ctx, dma->pasid, te_addr(&job->sqe[TE_SRC]), buf,
		      len))
		return -1;
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)~buf[i];
	if (job->corrupt)
		buf[0] ^= 1;
	return dma->write(dma->ctx, dma->pasid, te_addr(&job->sqe[TE_DST]), buf,
			  len);
}

static void te_run(const struct emu_job *job)
{
	struct timespec ms = { .tv_nsec = 1000000l * job->sqe[TE_MS] };

	if (job->sqe[TE_MS])
		nanosleep(&ms, NULL);
	job->sqe[TE_GROUP] = job->qc_type;
	job->sqe[TE_STATUS] = te_invert(job) ? TE_FAILED : TE_DONE;
}

static const struct emu_reg_init te_regs[] = {
	{ 0x3124, 0, 0x7c37 },
	{ 0x3128, 0, 0x6c37 },
	{ 0x313c, 0, 0x120a0a },
};

static const struct emu_handshake te_handshakes[] = {
	{ 0x301014, 0x301a00, 1, 0 },
	{ 0x302020, 0x302080, 0, 0x302004 },
};

#define TE_ENGINE(variable, label, uid, size)                                  \
	const struct emu_engine variable = {                                   \
		.name = label,                                                 \
		.id = uid,                                                     \
		.sqe_size = size,                                              \
		.algorithms_v2 = "rsa\n",                                      \
		.algorithms_v3 = "rsa\necdh\n",                                \
		.regs = te_regs,                                               \
		.reg_count = sizeof(te_regs) / sizeof(te_regs[0]),             \
		.handshakes = te_handshakes,                                   \
		.handshake_count = 2,                                          \
		.int_source = 0x301600,                                        \
		.int_status = 0x301800,                                        \
		.int_set = 0x301500,                                           \
		.run = te_run,                                                 \
	}

TE_ENGINE(emu_hpre, "hpre", UACCE_HPRE, 64);
TE_ENGINE(emu_sec, "sec", UACCE_SEC, 128);
TE_ENGINE(emu_zip, "zip", UACCE_ZIP, 128);
