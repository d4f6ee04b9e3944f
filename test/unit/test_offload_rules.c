/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decisions of the offload layer, as tables.
 */
#include <errno.h>

#include "base/wd_base.h"
#include "offload/offload_priv.h"
#include "offload/slot.h"
#include "test/sdev.h"
#include "test/t.h"

static void choose_table(void)
{
	static const struct {
		struct choose_in in;
		bool device;
	} row[] = {
		/* has   usable least bytes */
		{ { true, true, 0, 0 }, true },
		{ { true, true, 4096, 4096 }, true },
		{ { true, true, 4096, 4095 }, false },
		{ { true, true, UINT32_MAX, 1 << 24 }, false },
		{ { true, false, 0, 65536 }, false },
		{ { false, true, 0, 65536 }, false },
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(row); i++)
		T_EQ(choose_device(&row[i].in), row[i].device);
}

static void place_table(void)
{
	const enum place C = PLACE_CALLER, S = PLACE_SLOT, B = PLACE_BIG;
	const struct {
		struct place_in in; /* sva async overlap bytes slot
		borrowed */
		int rc;
		enum place src, dst;
	} row[] = {
		{ { true, false, false, 100, 1000, 0 }, 0, C, C },
		{ { true, false, false, 9999, 1000, 0 }, 0, C, C },
		{ { true, false, true, 1000, 1000, 0 }, 0, C, S },
		{ { true, false, true, 1001, 1000, 0 }, 0, C, B },
		{ { true, true, false, 1000, 1000, 0 }, 0, S, S },
		{ { true, true, true, 1000, 1000, 0 }, 0, S, S },
		{ { true, true, false, 1001, 1000, 0 }, -EMSGSIZE, C, C },
		{ { false, false, false, 1000, 1000, 0 }, 0, S, S },
		{ { false, true, true, 1000, 1000, 0 }, 0, S, S },
		{ { false, false, true, 1001, 1000, 0 }, -EMSGSIZE, C, C },
		{ { false, false, true, 1001, 1000, 9000 }, 0, S, S },
		{ { true, true, false, 9000, 1000, 9000 }, 0, S, S },
		{ { false, true, false, 9001, 1000, 9000 }, -EMSGSIZE, C, C },
		{ { true, false, true, 1001, 1000, 9000 }, 0, C, B },
		{ { true, false, false, 9999, 1000, 9000 }, 0, C, C },
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(row); i++) {
		enum place src, dst;

		T_EQ(place_data(&row[i].in, &src, &dst), row[i].rc);
		if (row[i].rc)
			continue;
		T_EQ(src, row[i].src);
		T_EQ(dst, row[i].dst);
	}
}

static void bell_table(void)
{
	static const struct {
		struct bell_in in; /* rung, unrung, batch, sync, company */
		enum bell bell;
	} row[] = {
		{ { 0, 1, 32, false, false }, BELL_IDLE }, /* nobody else */
		{ { 9, 1, 32, false, false }, BELL_IDLE },
		{ { 0, 1, 32, false, true }, BELL_NO }, /* more will come */
		{ { 0, 31, 32, false, true }, BELL_NO },
		{ { 0, 32, 32, false, true }, BELL_FULL },
		{ { 32, 1, 32, false, false }, BELL_NO }, /* has enough to do */
		{ { 32, 32, 32, false, false }, BELL_FULL },
		{ { 1, 1, 1, false, true }, BELL_FULL }, /* no batches wanted */
		{ { 99, 1, 32, true, true }, BELL_SYNC }, /* is waited for */
		{ { 99, 0, 32, true, false }, BELL_NO },  /* nothing there */
		{ { 0, 0, 32, false, false }, BELL_NO },
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(row); i++)
		T_EQ(lane_bell(&row[i].in), row[i].bell);
}

static void a_wait_spins_as_long_as_is_usual_but_not_for_long(void)
{
	T_EQ(wait_spin_ns(0, 0), wait_spin_ns(100, 0));
	T_EQ(wait_spin_ns(16000, 0), 20000);
	T_OK(wait_spin_ns(40000, 0) <= 50000);
	/* Usually takes longer than sleeping costs: do not burn a core. */
	T_EQ(wait_spin_ns(1000000, 0), wait_spin_ns(0, 0));
}

static void spins_in_vain_get_shorter(void)
{
	T_EQ(wait_spin_ns(16000, 1), 10000);
	T_EQ(wait_spin_ns(16000, 2), 5000);
	T_EQ(wait_spin_ns(16000, 9), wait_spin_ns(0, 0));
	T_EQ(wait_spin_ns(16000, 1000000), wait_spin_ns(0, 0));
}

static void the_poller_lets_a_busy_lane_be(void)
{
	/* Nothing came: listen. */
	T_EQ(poller_hold_ns(1000000, 0, 0), 0);
	/* A sixteenth of what a job takes, if that is a sleep at all. */
	T_EQ(poller_hold_ns(100000, 0, 1), 0);
	T_EQ(poller_hold_ns(1600000, 0, 1), 100000);
	T_EQ(poller_hold_ns(1600000, 1, 0), 100000);
	T_EQ(poller_hold_ns(UINT64_C(1000000000), 0, 1), 1000000);
	/* Callers find all there is. */
	T_EQ(poller_hold_ns(0, 7, 0), 0);
	T_EQ(poller_hold_ns(0, 8, 0), POLLER_AGE_NS);
	T_EQ(poller_hold_ns(1600000, 8, 0), 100000);
}

#define MS UINT64_C(1000000)

static void health_rests_and_probes_with_doubling_back_off(void)
{
	struct health h = { 0 };
	uint64_t now = 1000 * MS;
	unsigned int ms = 100;

	T_EQ(health_admit(&h, now), HEALTH_YES);
	health_failed(&h, now);
	for (int i = 0; i < 10; i++) {
		T_EQ(health_admit(&h, now + ms * MS - 1), HEALTH_NO);
		now += ms * MS;
		T_EQ(health_admit(&h, now), HEALTH_PROBE);
		T_EQ(health_admit(&h, now), HEALTH_NO); /* one probe only */
		health_result(&h, -EIO, true, now);
		ms = ms * 2 > 10000 ? 10000 : ms * 2;
	}
	now += ms * MS;
	T_EQ(health_admit(&h, now), HEALTH_PROBE);
	health_result(&h, 0, false, now); /* an old job's success is no probe */
	T_EQ(health_admit(&h, now), HEALTH_NO);
	health_result(&h, 0, true, now);
	T_EQ(health_admit(&h, now), HEALTH_YES);
	health_failed(&h, now);
	T_EQ(health_admit(&h, now + 100 * MS), HEALTH_PROBE);
}

static void failures_at_once_are_one_failure(void)
{
	struct health h = { 0 };

	for (int i = 0; i < 8; i++)
		health_failed(&h, 1000 * MS + (uint64_t)i);
	T_EQ(health_admit(&h, 1100 * MS), HEALTH_PROBE);
}

static void errors_in_a_row_are_counted_and_a_mismatch_is_none(void)
{
	struct health h = { 0 };

	for (int i = 0; i < 7; i++)
		health_result(&h, -EIO, false, MS);
	health_result(&h, -EBADMSG, false, MS);
	for (int i = 0; i < 7; i++)
		health_result(&h, -EIO, false, MS);
	T_EQ(health_admit(&h, MS), HEALTH_YES);
	health_result(&h, -EIO, false, MS);
	T_EQ(health_admit(&h, MS), HEALTH_NO);
}

static int new_with(const char *device, char *why)
{
	struct offload_config cfg;
	struct offload *o = NULL;
	int rc;

	offload_config_init(&cfg);
	cfg.device = device;
	rc = offload_new(&o, &cfg, why, 256);
	T_EQ(o != NULL, rc == 0);
	offload_free(o);
	return rc;
}

static void a_bad_device_is_named(void)
{
	char why[256];

	T_EQ(new_with("none", why), 0);
	T_EQ(new_with("auto", why), 0);
	T_EQ(new_with("hisi_sec2-0,/dev/hisi_hpre-7", why), 0);
	T_EQ(new_with("hisi_sec2-0,carrot", why), -EINVAL);
	T_OK(strstr(why, "device") && strstr(why, "'carrot'"));
	T_EQ(new_with("unix:", why), -EINVAL);
	T_OK(strstr(why, "path of a socket"));
	T_EQ(new_with("unix:/nonexistent/wd.sock", why), 0);
	T_EQ(new_with("emu", why), -EINVAL);
	T_OK(strstr(why, "no module directory"));
}

static void without_devices_nothing_is_offered(void)
{
	struct offload_config cfg;
	struct offload *o;
	uint8_t a[128] = { 0 }, key[640] = { 0 };
	struct offload_rsa op = { .kind = OFFLOAD_RSA_PRIVATE,
				  .alg = HPRE_ALG_RSA_CRT,
				  .width = 128,
				  .key = key,
				  .in = a,
				  .out = a };

	offload_config_init(&cfg);
	cfg.device = "none";
	T_EQ(offload_new(&o, &cfg, NULL, 0), 0);
	for (int k = 0; k < OFFLOAD_KINDS; k++) {
		T_OK(!offload_has(o, (enum offload_kind)k));
		T_OK(!offload_choose(o, (enum offload_kind)k, 1 << 20));
		T_EQ(offload_max_bytes(o, (enum offload_kind)k, false), 0);
		T_EQ(offload_least(o, (enum offload_kind)k), SIZE_MAX);
	}
	T_OK(!offload_is_model(o));
	T_EQ(offload_rsa(o, &op, NULL), -ENODEV);
	offload_quiesce(o);
	offload_free(o);
	offload_free(NULL);
}

/* Chosen on a device of generation @qm, with no threshold set but CCM's. */
static struct offload *offload_of(unsigned int qm)
{
	struct offload_config cfg;
	struct sdev *d = sdev_new();
	struct offload *o;

	d->sec_version = qm;
	offload_config_init(&cfg);
	cfg.min_bytes[OFFLOAD_AES_CCM] = 7;
	cfg.min_decrypt[OFFLOAD_AES_CCM] = 9;
	T_EQ(offload_new_on(&o, &cfg, &d->host), 0);
	return o;
}

static bool goes(struct offload *o, enum offload_kind kind, bool encrypt,
		 size_t least)
{
	return offload_choose_cipher(o, kind, encrypt, least) &&
	       !offload_choose_cipher(o, kind, encrypt, least - 1);
}

static void thresholds_follow_generation_and_direction(void)
{
	struct offload *o = offload_of(2);

	T_OK(goes(o, OFFLOAD_AES_CBC, true, 8192));
	T_OK(goes(o, OFFLOAD_AES_CBC, false, 16384));
	T_EQ(offload_least(o, OFFLOAD_AES_CBC), 8192);
	T_OK(offload_choose(o, OFFLOAD_SHA256, 16384));
	T_OK(!offload_choose(o, OFFLOAD_SHA256, 16383));
	offload_free(o);
	o = offload_of(3);
	T_OK(goes(o, OFFLOAD_AES_CBC, true, 4096));
	T_OK(goes(o, OFFLOAD_AES_CBC, false, 8192));
	T_OK(goes(o, OFFLOAD_AES_CCM, true, 7));
	T_OK(goes(o, OFFLOAD_AES_CCM, false, 9));
	T_EQ(offload_least(o, OFFLOAD_AES_CCM), 7);
	offload_free(o);
}

static void software_and_wrong_are_counted(void)
{
	static const struct {
		int rc;
		enum offload_why why;
	} whys[] = {
		{ -ENODEV, OFFLOAD_WHY_ABSENT }, /* there is none */
		{ -EAGAIN, OFFLOAD_WHY_BUSY },
		{ -ENOMEM, OFFLOAD_WHY_BUSY },
		{ -EBUSY, OFFLOAD_WHY_QUEUE },
		{ -EINVAL, OFFLOAD_WHY_UNFIT },
		{ -EMSGSIZE, OFFLOAD_WHY_UNFIT },
		{ -ETIMEDOUT, OFFLOAD_WHY_TIMEOUT },
		{ -EIO, OFFLOAD_WHY_ERROR },
		{ -EILSEQ, OFFLOAD_WHY_WRONG },
	};
	struct offload_config cfg;
	struct offload_stats s;
	struct offload *o;

	offload_config_init(&cfg);
	cfg.device = "none";
	T_EQ(offload_new(&o, &cfg, NULL, 0), 0);
	for (int i = 0; i < 5; i++)
		offload_count_software(o, OFFLOAD_SM3);
	offload_count_wrong(o, OFFLOAD_RSA_PRIVATE);
	for (size_t i = 0; i < WD_ARRAY_SIZE(whys); i++)
		offload_count_fallback(o, OFFLOAD_DH, whys[i].rc);
	offload_stats(o, &s);
	T_EQ(s.kind[OFFLOAD_SM3].software, 5);
	T_EQ(s.kind[OFFLOAD_RSA_PRIVATE].wrong, 1);
	T_EQ(s.kind[OFFLOAD_RSA_PRIVATE].software, 0);
	T_EQ(s.kind[OFFLOAD_DH].software, WD_ARRAY_SIZE(whys));
	T_EQ(s.why[OFFLOAD_WHY_ABSENT], 5 + 1);
	for (size_t i = 0; i < WD_ARRAY_SIZE(whys); i++)
		T_OK(s.why[whys[i].why] > 0);
	T_EQ(s.why[OFFLOAD_WHY_BUSY], 2);
	T_EQ(s.why[OFFLOAD_WHY_CHOICE], 0);
	offload_free(o);
}

static void slots_are_small_and_aligned(void)
{
	T_EQ(sizeof(struct hpre_slot) % 64, 0);
	T_EQ(sizeof(struct sec_slot) % 64, 0);
	T_OK(sizeof(struct hpre_slot) <= 3840);
	T_EQ(offsetof(struct sec_slot, src) % 64, 0);
	T_EQ(offsetof(struct sec_slot, dst) % 64, 0);
}

static void kinds_have_names_and_engines(void)
{
	T_STR(offload_kind_name(OFFLOAD_RSA_PRIVATE), "rsa-private");
	T_STR(offload_kind_name(OFFLOAD_KINDS), "");
	for (int k = 0; k < OFFLOAD_KINDS; k++)
		T_OK(kinds[k].algorithm);
}

T_MAIN(T_CASE(choose_table), T_CASE(place_table), T_CASE(bell_table),
       T_CASE(a_wait_spins_as_long_as_is_usual_but_not_for_long),
       T_CASE(spins_in_vain_get_shorter),
       T_CASE(the_poller_lets_a_busy_lane_be),
       T_CASE(health_rests_and_probes_with_doubling_back_off),
       T_CASE(failures_at_once_are_one_failure),
       T_CASE(errors_in_a_row_are_counted_and_a_mismatch_is_none),
       T_CASE(a_bad_device_is_named),
       T_CASE(without_devices_nothing_is_offered),
       T_CASE(thresholds_follow_generation_and_direction),
       T_CASE(software_and_wrong_are_counted),
       T_CASE(slots_are_small_and_aligned),
       T_CASE(kinds_have_names_and_engines))
