/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue pair against a scripted device: ring memory of our own, a bell
 * that writes down what was rung, and completions the test puts in itself.
 */
#include <errno.h>

#include "hw/qm/qm_queue.h"
#include "test/t.h"

#define BELLS 64

static struct script {
	/* what open reports */
	unsigned int qm_version;
	enum uacce_engine engine;
	uint16_t id, sqe_size, sq_depth, cq_depth;
	size_t dus_short; /* bytes missing at the end */
	int open_rc, start_rc, stop_rc;

	/* what happened */
	int opened, started, stopped, closed;
	unsigned int bells;
	struct {
		uint32_t off;
		uint64_t value;
	} bell[BELLS];

	/* the device's side */
	uint16_t cq_tail;
	uint8_t phase;
	_Alignas(64) uint8_t dus[4096];
} s;

static void bell(struct uacce_queue *q, uint32_t off, uint64_t value)
{
	(void)q;
	if (s.bells < BELLS) {
		s.bell[s.bells].off = off;
		s.bell[s.bells].value = value;
	}
	s.bells++;
}

static int script_open(struct uacce_host *host, const struct uacce_info *info,
		       unsigned int qc_type, size_t pool, struct uacce_queue *q)
{
	(void)info;
	(void)qc_type;
	(void)pool;
	if (s.open_rc)
		return s.open_rc;
	s.opened++;
	*q = (struct uacce_queue){
		.host = host,
		.engine = s.engine,
		.qm_version = s.qm_version,
		.id = s.id,
		.sqe_size = s.sqe_size,
		.sq_depth = s.sq_depth,
		.cq_depth = s.cq_depth,
		.dus = s.dus,
		.dus_size = sizeof(s.dus) - s.dus_short,
		.bell = bell,
		.fd = -1,
	};
	return 0;
}

static int script_start(struct uacce_queue *q)
{
	(void)q;
	s.started++;
	return s.start_rc;
}

static int script_stop(struct uacce_queue *q)
{
	(void)q;
	s.stopped++;
	return s.stop_rc;
}

static void script_close(struct uacce_queue *q)
{
	(void)q;
	s.closed++;
}

static const struct uacce_ops script_ops = {
	.open = script_open,
	.start = script_start,
	.stop = script_stop,
	.close = script_close,
};
static struct uacce_host host = { .ops = &script_ops };
static const struct uacce_info info;
static struct qm_queue q;

static void script_is(void)
{
	memset(&s, 0, sizeof(s));
	s.qm_version = 3;
	s.engine = UACCE_HPRE;
	s.id = 5;
	s.sqe_size = 64;
	s.sq_depth = 8;
	s.cq_depth = 8;
	s.phase = 1;
}

static void setup(void)
{
	script_is();
	T_EQ(qm_queue_open(&q, &host, &info, 0, 0), 0);
}

/* The device finishes @slot. */
static void complete(uint16_t slot)
{
	struct qm_cqe *cqe = &q.cq[s.cq_tail];

	cqe->w[2] = (uint32_t)s.id << 16 | slot;
	cqe->w[3] = (uint32_t)s.phase << 16;
	if (++s.cq_tail == s.cq_depth) {
		s.cq_tail = 0;
		s.phase ^= 1;
	}
}

static uint16_t submit(void)
{
	uint16_t slot = 0xffff;
	uint8_t *sqe = qm_queue_reserve(&q, &slot);

	T_OK(sqe);
	memset(sqe, 0xab, s.sqe_size);
	qm_queue_commit(&q);
	return slot;
}

static uint16_t reap_one(void)
{
	uint16_t slot = 0xffff;

	T_EQ(qm_queue_reap(&q, &slot, 1, false), 1);
	return slot;
}

static uint16_t reap_one_armed(void)
{
	uint16_t slot = 0xffff;

	T_EQ(qm_queue_reap(&q, &slot, 1, true), 1);
	return slot;
}

static void set_stop(const volatile uint32_t *word)
{
	*(volatile uint32_t *)(uintptr_t)word = 1;
}

static void rings_lie_where_the_kernel_says(void)
{
	setup();
	T_OK(q.sq == s.dus);
	T_OK((uint8_t *)q.cq == s.dus + 8 * 64);
	T_OK((const volatile uint8_t *)q.rx_stop == s.dus + 4088);
	T_OK((const volatile uint8_t *)q.tx_stop == s.dus + 4092);
	T_EQ(s.started, 1);
	qm_queue_close(&q);
	T_EQ(s.stopped, 1);
	T_EQ(s.closed, 1);
}

static void one_job_from_slot_to_slot(void)
{
	uint16_t slot;

	setup();
	T_EQ(qm_queue_ring(&q), 0);
	T_EQ(s.bells, 0);
	slot = submit();
	T_EQ(slot, 0);
	T_EQ(s.bells, 0);
	T_EQ(qm_queue_ring(&q), 1);
	T_EQ(s.bells, 1);
	T_EQ(s.bell[0].off, 0x1000);
	T_EQ(s.bell[0].value, 0x0000000100000005);
	T_OK(!qm_queue_ready(&q));
	T_EQ(qm_queue_reap(&q, &slot, 1, false), 0);
	T_EQ(s.bells, 1);
	complete(0);
	T_OK(qm_queue_ready(&q));
	T_EQ(reap_one_armed(), 0);
	T_EQ(s.bells, 2);
	T_EQ(s.bell[1].off, 0x1000);
	T_EQ(s.bell[1].value, 0x0001000100001005);
	T_EQ(qm_queue_sqe(&q, 0) == s.dus, 1);
	qm_queue_release(&q, 0);
	T_EQ(q.in_use, 0);
	T_EQ(q.sq_bells, 1);
	T_EQ(q.cq_bells, 1);
}

static void v1_rings_at_its_own_place(void)
{
	script_is();
	s.qm_version = 1;
	T_EQ(qm_queue_open(&q, &host, &info, 0, 0), 0);
	submit();
	T_EQ(qm_queue_ring(&q), 1);
	T_EQ(s.bell[0].off, 0x340);
	T_EQ(s.bell[0].value, 0x0000000100000005);
	complete(0);
	T_EQ(qm_queue_reap(&q, (uint16_t[1]){ 0 }, 1, true), 1);
	T_EQ(s.bell[1].off, 0x340);
	T_EQ(s.bell[1].value, 0x0001000100010005);
}

static void a_batch_is_one_bell_each_way(void)
{
	uint16_t slots[8];

	setup();
	for (int i = 0; i < 5; i++)
		submit();
	T_EQ(qm_queue_ring(&q), 5);
	T_EQ(s.bells, 1);
	T_EQ(s.bell[0].value >> 32, 5);
	T_EQ(qm_queue_ring(&q), 0);
	T_EQ(s.bells, 1);
	for (uint16_t i = 0; i < 5; i++)
		complete(i);
	T_EQ(qm_queue_reap(&q, slots, 8, false), 5);
	for (int i = 0; i < 5; i++)
		T_EQ(slots[i], i);
	T_EQ(s.bells, 2);
	T_EQ(s.bell[1].value >> 32, 5);
}

static void a_short_list_leaves_the_rest_for_later(void)
{
	uint16_t slots[8];

	setup();
	for (int i = 0; i < 5; i++)
		submit();
	qm_queue_ring(&q);
	for (uint16_t i = 0; i < 5; i++)
		complete(i);
	T_EQ(qm_queue_reap(&q, slots, 2, false), 2);
	T_EQ(s.bell[1].value >> 32, 2);
	T_EQ(qm_queue_reap(&q, slots, 8, false), 3);
	T_EQ(slots[0], 2);
	T_EQ(s.bell[2].value >> 32, 5);
}

/* Half of 8 entries: told when they and what is in use come to 4. */
static void the_device_is_told_before_it_runs_out(void)
{
	uint16_t slot;

	setup();
	for (int i = 0; i < 3; i++) {
		slot = submit();
		T_EQ(qm_queue_ring(&q), 1);
		complete(slot);
		s.bells = 0;
		T_EQ(reap_one(), slot);
		T_EQ(s.bells, i == 2);
		qm_queue_release(&q, slot);
	}
	T_EQ(s.bell[0].value, 0x0000000300001005);
	T_EQ(q.cq_bells, 1);
}

static void an_arming_is_not_taken_back(void)
{
	uint16_t slots[8];

	setup();
	for (int i = 0; i < 4; i++)
		submit();
	qm_queue_ring(&q);
	T_EQ(qm_queue_reap(&q, slots, 1, true), 0);
	for (uint16_t i = 0; i < 4; i++)
		complete(i);
	T_EQ(qm_queue_reap(&q, slots, 8, false), 4);
	T_EQ(s.bells, 3);
	T_EQ(s.bell[2].value, 0x0001000400001005);
}

static void arming_rings_even_when_nothing_came(void)
{
	uint16_t slot;

	setup();
	submit();
	qm_queue_ring(&q);
	T_EQ(qm_queue_reap(&q, &slot, 1, true), 0);
	T_EQ(s.bells, 2);
	T_EQ(s.bell[1].value, 0x0001000000001005);
	complete(0);
	T_EQ(qm_queue_reap(&q, &slot, 1, true), 1);
	T_EQ(s.bell[2].value, 0x0001000100001005);
}

static void one_slot_stays_free(void)
{
	uint16_t slot = 77;

	setup();
	for (int i = 0; i < 7; i++)
		submit();
	T_OK(!qm_queue_reserve(&q, &slot));
	T_EQ(slot, 77);
	T_EQ(qm_queue_ring(&q), 7);
	complete(0);
	T_EQ(reap_one(), 0);
	T_OK(!qm_queue_reserve(&q, &slot));
	qm_queue_release(&q, 0);
	T_EQ(submit(), 7);
	T_OK(!qm_queue_reserve(&q, &slot));
}

static void many_laps_in_step(void)
{
	setup();
	for (int i = 0; i < 100; i++) {
		uint16_t slot = submit();

		T_EQ(slot, i % 8);
		T_EQ(qm_queue_ring(&q), 1);
		T_EQ(s.bell[0].value >> 32, (i + 1) % 8);
		T_OK(!qm_queue_ready(&q));
		complete(slot);
		T_EQ(reap_one_armed(), slot);
		T_EQ((uint16_t)(s.bell[1].value >> 32), (i + 1) % 8);
		qm_queue_release(&q, slot);
		T_EQ(q.cq_phase, (i + 1) / 8 % 2 ? 0 : 1);
		s.bells = 0;
	}
}

static void batches_that_do_not_divide_the_ring(void)
{
	uint16_t slots[8];

	setup();
	for (int lap = 0; lap < 40; lap++) {
		uint16_t sent[5];

		for (int i = 0; i < 5; i++)
			sent[i] = submit();
		T_EQ(qm_queue_ring(&q), 5);
		for (int i = 0; i < 5; i++)
			complete(sent[i]);
		T_EQ(qm_queue_reap(&q, slots, 8, false), 5);
		T_MEM(slots, sent, sizeof(sent));
		for (int i = 0; i < 5; i++)
			qm_queue_release(&q, slots[i]);
	}
	T_EQ(q.in_use, 0);
	T_EQ(q.sq_bells, 40);
	/* of 5 at a time, 8 deep, each is due */
	T_EQ(q.cq_bells, 40);
}

static void a_deeper_completion_ring_has_its_own_wrap(void)
{
	script_is();
	s.cq_depth = 12;
	T_EQ(qm_queue_open(&q, &host, &info, 0, 0), 0);
	for (int i = 0; i < 60; i++) {
		uint16_t slot = submit();

		qm_queue_ring(&q);
		complete(slot);
		T_EQ(reap_one_armed(), i % 8);
		T_EQ((uint16_t)(s.bell[1].value >> 32), (i + 1) % 12);
		qm_queue_release(&q, slot);
		s.bells = 0;
	}
}

static void completions_out_of_order_name_their_slots(void)
{
	uint16_t slots[4];

	setup();
	for (int i = 0; i < 4; i++)
		submit();
	qm_queue_ring(&q);
	complete(2);
	complete(0);
	complete(3);
	T_EQ(qm_queue_reap(&q, slots, 4, false), 3);
	T_EQ(slots[0], 2);
	T_EQ(slots[1], 0);
	T_EQ(slots[2], 3);
	complete(1);
	T_EQ(qm_queue_reap(&q, slots + 3, 1, false), 1);
	T_EQ(slots[3], 1);
}

static void a_slot_not_released_is_not_overtaken(void)
{
	uint16_t slot;

	setup();
	for (int i = 0; i < 7; i++)
		submit();
	qm_queue_ring(&q);
	for (uint16_t i = 0; i < 7; i++) {
		complete(i);
		T_EQ(reap_one(), i);
		if (i != 1)
			qm_queue_release(&q, i);
	}
	T_EQ(submit(), 7);
	T_EQ(submit(), 0);
	T_OK(!qm_queue_reserve(&q, &slot));
	qm_queue_release(&q, 1);
	T_EQ(submit(), 1);
}

static void a_reserved_slot_can_be_given_back(void)
{
	static const uint8_t clean[64];
	uint16_t slot, again;
	void *sqe;

	setup();
	sqe = qm_queue_reserve(&q, &slot);
	memset(sqe, 0xcd, 64);
	T_OK(!qm_queue_reserve(&q, &again));
	qm_queue_unreserve(&q);
	T_MEM(sqe, clean, 64);
	T_EQ(q.in_use, 0);
	T_EQ(qm_queue_ring(&q), 0);
	T_OK(qm_queue_reserve(&q, &again) == sqe);
	T_EQ(again, slot);
}

static void a_reserved_slot_is_not_rung(void)
{
	uint16_t slot;

	setup();
	submit();
	T_OK(qm_queue_reserve(&q, &slot));
	T_EQ(qm_queue_ring(&q), 1);
	T_EQ(s.bell[0].value >> 32, 1);
	qm_queue_commit(&q);
	T_EQ(qm_queue_ring(&q), 1);
	T_EQ(s.bell[1].value >> 32, 2);
}

static void a_released_descriptor_is_wiped(void)
{
	static const uint8_t clean[64];
	uint16_t slot;

	setup();
	slot = submit();
	qm_queue_ring(&q);
	complete(slot);
	reap_one();
	T_EQ(s.dus[0], 0xab);
	qm_queue_release(&q, slot);
	T_MEM(s.dus, clean, 64);
}

static void closing_wipes_what_was_in_flight(void)
{
	static const uint8_t clean[512];

	setup();
	submit();
	submit();
	qm_queue_ring(&q);
	qm_queue_close(&q);
	T_MEM(s.dus, clean, 512);
	T_EQ(s.closed, 1);
}

static void stopping_wipes_and_leaves_only_close(void)
{
	static const uint8_t clean[512];
	uint16_t slot;

	setup();
	submit();
	T_EQ(qm_queue_stop(&q), 0);
	T_MEM(s.dus, clean, 512);
	T_EQ(s.closed, 0);
	T_EQ(qm_queue_ring(&q), -EIO);
	T_OK(!qm_queue_reserve(&q, &slot));
	T_EQ(qm_queue_reap(&q, &slot, 1, true), -EIO);
	T_EQ(s.bells, 0);
	qm_queue_close(&q);
	T_EQ(s.stopped, 1);
	T_EQ(s.closed, 1);
}

static void a_queue_that_would_not_stop_is_not_touched(void)
{
	setup();
	submit();
	s.stop_rc = -ENXIO;
	T_EQ(qm_queue_stop(&q), -ENXIO);
	qm_queue_close(&q);
	T_EQ(s.dus[0], 0xab);
	T_EQ(s.closed, 1);
}

static void tx_stop_is_seen_before_the_bell(void)
{
	uint16_t slot;

	setup();
	submit();
	set_stop(q.tx_stop);
	T_EQ(qm_queue_ring(&q), -EIO);
	T_EQ(s.bells, 0);
	T_OK(!qm_queue_reserve(&q, &slot));
}

static void tx_stop_alone_lets_completions_come(void)
{
	uint16_t slot;

	setup();
	submit();
	qm_queue_ring(&q);
	set_stop(q.tx_stop);
	T_EQ(qm_queue_reap(&q, &slot, 1, false), 0);
	complete(0);
	T_EQ(qm_queue_reap(&q, &slot, 1, false), 1);
	T_OK(!q.stopped);
}

static void rx_stop_comes_after_what_is_in_the_ring(void)
{
	uint16_t slots[8];

	setup();
	for (int i = 0; i < 4; i++)
		submit();
	qm_queue_ring(&q);
	complete(0);
	complete(1);
	complete(2);
	set_stop(q.rx_stop);
	T_EQ(qm_queue_reap(&q, slots, 2, false), 2);
	T_EQ(slots[1], 1);
	T_OK(!q.stopped);
	T_EQ(qm_queue_reap(&q, slots, 2, false), 1);
	T_EQ(slots[0], 2);
	T_EQ(qm_queue_reap(&q, slots, 2, true), -EIO);
	T_OK(q.stopped);
	T_EQ(qm_queue_ring(&q), -EIO);
	T_OK(!qm_queue_reserve(&q, slots));
	T_EQ(s.bells, 1); /* none for completions after the stop */
}

static void bogus(uint16_t slot)
{
	uint16_t out[4];

	complete(slot);
	T_EQ(qm_queue_reap(&q, out, 4, true), -EIO);
	T_EQ(s.bells, 1);
	T_OK(q.stopped);
	T_EQ(qm_queue_reap(&q, out, 4, false), -EIO);
	T_EQ(qm_queue_ring(&q), -EIO);
	T_OK(!qm_queue_reserve(&q, out));
}

static void a_slot_out_of_range_stops_the_queue(void)
{
	setup();
	submit();
	qm_queue_ring(&q);
	bogus(8);
	setup();
	submit();
	qm_queue_ring(&q);
	bogus(0xffff);
}

static void a_slot_never_sent_stops_the_queue(void)
{
	setup();
	submit();
	qm_queue_ring(&q);
	bogus(1);
}

static void a_slot_not_yet_rung_stops_the_queue(void)
{
	setup();
	submit();
	qm_queue_ring(&q);
	submit();
	bogus(1);
}

static void a_slot_completed_twice_stops_the_queue(void)
{
	uint16_t out[4];

	setup();
	submit();
	submit();
	qm_queue_ring(&q);
	complete(0);
	complete(0);
	T_EQ(qm_queue_reap(&q, out, 4, false), 1);
	T_EQ(out[0], 0);
	T_EQ(qm_queue_reap(&q, out, 4, false), -EIO);
	T_EQ(s.bells, 1);
}

static void refused(int rc)
{
	T_EQ(qm_queue_open(&q, &host, &info, 0, 0), rc);
	T_EQ(s.closed, s.opened);
}

static void rings_we_cant_use_are_refused(void)
{
#define REFUSED(field, value)                                                  \
	do {                                                                   \
		script_is();                                                   \
		s.field = (value);                                             \
		refused(-EPROTO);                                              \
		T_EQ(s.started, 0);                                            \
	} while (0)
	REFUSED(sqe_size, 128); /* HPRE's are 64 */
	REFUSED(sqe_size, 0);
	REFUSED(engine, UACCE_SEC);
	REFUSED(sq_depth, 0);
	REFUSED(sq_depth, 1);
	REFUSED(sq_depth, QM_DEPTH_MAX + 1);
	REFUSED(sq_depth, 60);
	REFUSED(cq_depth, 7);
	REFUSED(dus_short, 4096 - (8 * 64 + 8 * 16 + 7));
	REFUSED(id, 0x1000);
#undef REFUSED
}

static void the_smallest_ring_memory_will_do(void)
{
	script_is();
	s.dus_short = sizeof(s.dus) - (8 * 64 + 8 * 16 + 8);
	T_EQ(qm_queue_open(&q, &host, &info, 0, 0), 0);
}

static void errors_of_open_and_start_come_through(void)
{
	script_is();
	s.open_rc = -EBUSY;
	refused(-EBUSY);
	T_EQ(s.opened, 0);
	script_is();
	s.start_rc = -EPERM;
	refused(-EPERM);
	T_EQ(s.closed, 1);
}

T_MAIN(T_CASE(rings_lie_where_the_kernel_says),
       T_CASE(one_job_from_slot_to_slot), T_CASE(v1_rings_at_its_own_place),
       T_CASE(a_batch_is_one_bell_each_way),
       T_CASE(a_short_list_leaves_the_rest_for_later),
       T_CASE(the_device_is_told_before_it_runs_out),
       T_CASE(an_arming_is_not_taken_back),
       T_CASE(arming_rings_even_when_nothing_came), T_CASE(one_slot_stays_free),
       T_CASE(many_laps_in_step), T_CASE(batches_that_do_not_divide_the_ring),
       T_CASE(a_deeper_completion_ring_has_its_own_wrap),
       T_CASE(completions_out_of_order_name_their_slots),
       T_CASE(a_slot_not_released_is_not_overtaken),
       T_CASE(a_reserved_slot_can_be_given_back),
       T_CASE(a_reserved_slot_is_not_rung),
       T_CASE(a_released_descriptor_is_wiped),
       T_CASE(closing_wipes_what_was_in_flight),
       T_CASE(stopping_wipes_and_leaves_only_close),
       T_CASE(a_queue_that_would_not_stop_is_not_touched),
       T_CASE(tx_stop_is_seen_before_the_bell),
       T_CASE(tx_stop_alone_lets_completions_come),
       T_CASE(rx_stop_comes_after_what_is_in_the_ring),
       T_CASE(a_slot_out_of_range_stops_the_queue),
       T_CASE(a_slot_never_sent_stops_the_queue),
       T_CASE(a_slot_not_yet_rung_stops_the_queue),
       T_CASE(a_slot_completed_twice_stops_the_queue),
       T_CASE(rings_we_cant_use_are_refused),
       T_CASE(the_smallest_ring_memory_will_do),
       T_CASE(errors_of_open_and_start_come_through))
