/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lane memory of SEC jobs on the scripted device: slots that are borrowed,
 * areas that are kept, what is wiped and what is given back.
 */
#include <errno.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "offload/offload_priv.h"
#include "offload/slot.h"
#include "test/fibre.h"
#include "test/sdev.h"
#include "test/t.h"

#define MANY 8
#define LONG 300000u /* bytes; 16 slots */

static struct sdev *d;
static struct offload *o;
static struct offload_config cfg;
static struct fibre fibre[MANY];
static uint8_t *data[MANY];
static const uint8_t key[16] = { 0x11 };

static void start(bool sva)
{
	offload_config_init(&cfg);
	memset(cfg.min_bytes, 0, sizeof(cfg.min_bytes));
	cfg.timeout_ms = 20000;
	d = sdev_new();
	d->sva = sva;
	d->pool_slices = 9;
	T_EQ(offload_new_on(&o, &cfg, &d->host), 0);
	for (int i = 0; i < MANY; i++) {
		data[i] = malloc(5 * LONG);
		memset(data[i], 7, 5 * LONG);
		fibre_init(&fibre[i], true);
	}
}

static void stop(void)
{
	offload_free(o);
	o = NULL;
	for (int i = 0; i < MANY; i++) {
		free(data[i]);
		fibre_free(&fibre[i]);
	}
}

static struct lane *lane(void)
{
	return atomic_load(&atomic_load(&o->proc)->lanes);
}

static struct offload_stats stats(void)
{
	struct offload_stats s;

	offload_stats(o, &s);
	return s;
}

/* CTR over itself. */
static int job(uint8_t *p, uint32_t len, struct offload_waiter *w)
{
	static const uint8_t iv[16];
	struct offload_cipher op = { .kind = OFFLOAD_AES_CTR,
				     .alg = SEC_AES_CTR,
				     .encrypt = true,
				     .key = key,
				     .key_len = sizeof(key),
				     .iv = iv,
				     .iv_len = sizeof(iv),
				     .in = p,
				     .out = p,
				     .len = len };

	return offload_cipher(o, &op, w);
}

static bool all_are(const uint8_t *p, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != value)
			return false;
	return true;
}

#define DONE (7 ^ 0x11 ^ 0x5a)

/* ---- slots -------------------------------------------------------------- */

static unsigned int live_now(void)
{
	struct lane *l = lane();
	unsigned int n;

	lane_enter(l);
	n = l->live;
	lane_leave(l);
	return n;
}

/* The poller counts itself in while it listens. */
static void live_is(unsigned int want)
{
	for (int n = 0; n < 5000 && live_now() != want; n++)
		usleep(1000);
	T_EQ(live_now(), want);
}

static void a_long_message_is_one_descriptor(void)
{
	static const size_t more[] = {
		1,
		sizeof(struct sec_slot) - SEC_ROOM_LIST,
		sizeof(struct sec_slot) - SEC_ROOM_LIST + 1,
		2 * sizeof(struct sec_slot) - SEC_ROOM_LIST,
		2 * sizeof(struct sec_slot) - SEC_ROOM_LIST + 1,
		LONG - SEC_SLOT_DATA,
		SEC_ROOM(SEC_ROOM_SLOTS) - SEC_SLOT_DATA,
	};

	start(false);
	for (size_t i = 0; i < WD_ARRAY_SIZE(more); i++) {
		uint32_t len = (uint32_t)(SEC_SLOT_DATA + more[i]);

		memset(data[0], 7, len + 1);
		T_EQ(job(data[0], len, NULL), 0);
		T_OK(all_are(data[0], len, DONE));
		T_EQ(data[0][len], 7);
		T_EQ(stats().kind[OFFLOAD_AES_CTR].jobs, i + 1);
		live_is(0);
		T_OK(sdev_pools_clean(d));
	}
	T_EQ(job(data[0], (uint32_t)SEC_ROOM(SEC_ROOM_SLOTS) + 1, NULL),
	     -EMSGSIZE);
	T_EQ(d->bad_dma, 0);
	stop();
}

static int long_on(struct fibre *f)
{
	return job(f->arg, 4 * LONG, &f->w);
}

static void until_clean(void)
{
	for (int n = 0; n < 5000 && !sdev_pools_clean(d); n++)
		usleep(1000);
	T_OK(sdev_pools_clean(d));
}

/* Doorbells may wait for company. */
static void rung(unsigned int jobs)
{
	for (int n = 0; n < 5000 && sdev_pending(d) < jobs; n++)
		usleep(1000);
	T_EQ(sdev_pending(d), jobs);
}

/* 128 slots: two of the longest, none for a third. */
static void who_finds_no_slots_leaves_none_taken(void)
{
	unsigned int live;

	start(false);
	d->mode = SDEV_HOLD;
	fibre_start(&fibre[0], long_on, data[0]);
	fibre_start(&fibre[1], long_on, data[1]);
	live = live_now();
	T_OK(live > 100);
	fibre_start(&fibre[2], long_on, data[2]);
	T_OK(fibre[2].done);
	T_EQ(fibre[2].rc, -EAGAIN);
	T_OK(all_are(data[2], 4 * LONG, 7));
	live_is(live);
	rung(2);
	sdev_complete(d, 2);
	for (int i = 0; i < 2; i++) {
		while (!fibre[i].woken)
			usleep(100);
		fibre_resume(&fibre[i]);
		T_OK(fibre[i].done);
		T_EQ(fibre[i].rc, 0);
		T_OK(all_are(data[i], 4 * LONG, DONE));
	}
	live_is(0);
	until_clean();
	stop();
}

static void a_dropped_long_job_keeps_its_slots_until_the_device_is_done(void)
{
	start(false);
	d->mode = SDEV_HOLD;
	fibre_start(&fibre[0], long_on, data[0]);
	T_OK(live_now() > 50);
	offload_abandon(&fibre[0].w);
	fibre[0].dropped = 1;
	fibre_free(&fibre[0]);
	T_OK(live_now() > 50);
	rung(1);
	sdev_complete(d, 1);
	until_clean();
	live_is(0);
	T_OK(all_are(data[0], 4 * LONG, 7));
	d->mode = SDEV_INLINE;
	T_EQ(job(data[1], LONG, NULL), 0);
	T_OK(all_are(data[1], LONG, DONE));
	stop();
}

static void a_failed_long_job_leaves_its_input(void)
{
	for (int sva = 0; sva < 2; sva++) {
		start(sva);
		d->bad = 1;
		T_EQ(job(data[0], LONG, NULL), -EIO);
		T_OK(all_are(data[0], LONG, 7));
		T_OK(sdev_pools_clean(d));
		T_EQ(job(data[0], LONG, NULL), 0);
		T_OK(all_are(data[0], LONG, DONE));
		stop();
	}
}

static void freed_with_long_jobs_in_flight(void)
{
	start(false);
	d->mode = SDEV_HOLD;
	fibre_start(&fibre[0], long_on, data[0]);
	T_OK(!fibre[0].done);
	fibre[0].dropped = 1;
	stop();
}

static void pieces_of_a_digest_fit_a_slot(void)
{
	uint8_t state[64];
	struct offload_digest op = { .kind = OFFLOAD_SHA512,
				     .alg = SEC_SHA512,
				     .part = SEC_FIRST,
				     .len = LONG / 128 * 128,
				     .state = state };

	start(false);
	op.in = data[0];
	T_EQ(offload_digest(o, &op, NULL), -EMSGSIZE);
	op.part = SEC_ONE_SHOT;
	T_EQ(offload_digest(o, &op, NULL), 0);
	T_EQ(d->bad_dma, 0);
	T_EQ(stats().copied, op.len);
	T_OK(sdev_pools_clean(d));
	stop();
}

/* ---- areas -------------------------------------------------------------- */

static void a_stream_of_long_messages_allocates_once(void)
{
	struct area *kept;

	start(true);
	T_EQ(job(data[0], LONG, NULL), 0);
	kept = lane()->areas;
	T_OK(kept);
	T_EQ(lane()->area_count, 1);
	for (int i = 0; i < 20; i++) {
		memset(data[0], 7, LONG);
		T_EQ(job(data[0], LONG - (uint32_t)i * 1000, NULL), 0);
		T_OK(lane()->areas == kept);
	}
	T_EQ(lane()->area_count, 1);
	stop();
}

static void a_larger_message_replaces_a_small_area(void)
{
	start(true);
	T_EQ(job(data[0], SEC_SLOT_DATA + 1, NULL), 0);
	T_EQ(lane()->area_count, 1);
	T_EQ(job(data[0], 4 * LONG, NULL), 0);
	T_EQ(lane()->area_count, 1);
	T_EQ(job(data[0], SEC_SLOT_DATA + 1, NULL), 0);
	T_EQ(lane()->area_count, 1);
	stop();
}

static void a_very_large_area_is_not_kept(void)
{
	uint32_t len = 3u << 20;
	uint8_t *p = malloc(len);

	start(true);
	memset(p, 7, len);
	T_EQ(job(p, len, NULL), 0);
	T_OK(all_are(p, len, DONE));
	T_EQ(lane()->area_count, 0);
	T_OK(!lane()->areas);
	stop();
	free(p);
}

static void a_kept_area_holds_no_plaintext(void)
{
	struct offload_job j = { 0 };
	uint8_t *p;

	start(true);
	T_EQ(job(data[0], LONG, NULL), 0);
	j.lane = lane();
	p = area_take(&j, LONG);
	T_OK(p);
	T_OK(all_are(p, LONG, 0));
	area_give(&j);
	T_EQ(lane()->area_count, 1);
	stop();
}

T_MAIN(T_CASE(a_long_message_is_one_descriptor),
       T_CASE(who_finds_no_slots_leaves_none_taken),
       T_CASE(a_dropped_long_job_keeps_its_slots_until_the_device_is_done),
       T_CASE(a_failed_long_job_leaves_its_input),
       T_CASE(freed_with_long_jobs_in_flight),
       T_CASE(pieces_of_a_digest_fit_a_slot),
       T_CASE(a_stream_of_long_messages_allocates_once),
       T_CASE(a_larger_message_replaces_a_small_area),
       T_CASE(a_very_large_area_is_not_kept),
       T_CASE(a_kept_area_holds_no_plaintext))
