/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys from the codec through the engine.
 */
#include <errno.h>

#include "test/emu/bus.h"
#include "test/emu/pk_cases.h"

static struct bus bus;

int pk_run(struct hpre_op op, const struct pk_numbers *s, uint8_t *buf,
	   struct hpre_num *out)
{
	uint8_t key[HPRE_KEY_MAX], in[HPRE_IN_MAX];
	struct hpre_sqe sqe;
	struct emu_job job = {
		.sqe = sqe.w,
		.dma = &bus.dma,
		.qm_version = 3,
		.qc_type = (unsigned int)hpre_queue_type(op.alg),
	};
	int rc;

	bus_open(&bus, 0);
	T_EQ(hpre_key(key, op.alg, op.width, s->n), 0);
	op.key = bus_alloc(&bus, hpre_key_size(op.alg, op.width), 64, 0);
	op.in = bus_alloc(&bus, hpre_in_size(&op) + 1, 64, 1);
	op.out = bus_alloc(&bus, hpre_out_size(&op) + 1, 64, 3);
	bus_put(&bus, op.key, key, hpre_key_size(op.alg, op.width));
	if (hpre_in_size(&op)) {
		T_EQ(hpre_in(in, &op, key, s->n), 0);
		bus_put(&bus, op.in, in, hpre_in_size(&op));
	}
	T_EQ(hpre_encode(&sqe, &op), 0);
	T_EQ(hpre_result(&sqe), -EINPROGRESS);
	emu_hpre.run(&job);
	rc = hpre_result(&sqe);
	if (!rc && buf) {
		bus_get(&bus, op.out, buf, hpre_out_size(&op));
		T_EQ(hpre_out(out, &op, buf), 0);
	}
	bus_close(&bus);
	return rc;
}

T_MAIN(PK_CASES)
