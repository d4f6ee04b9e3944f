/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public-key jobs of every kind on the scripted device: where the operands
 * go, which queue takes them, what is left behind.
 */
#include <errno.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "offload/offload_priv.h"
#include "test/fibre.h"
#include "test/sdev.h"
#include "test/t.h"

static const struct row {
	enum offload_kind kind;
	enum hpre_alg alg;
	uint32_t width;
	uint16_t msg_len;
} rows[] = {
	{ OFFLOAD_RSA_PUBLIC, HPRE_ALG_MODEXP, 512, 0 },
	{ OFFLOAD_RSA_PRIVATE, HPRE_ALG_RSA_CRT, 512, 0 },
	{ OFFLOAD_RSA_PRIVATE, HPRE_ALG_RSA_GEN, 512, 0 },
	{ OFFLOAD_RSA_PRIVATE, HPRE_ALG_RSA_GEN_CRT, 512, 0 },
	{ OFFLOAD_DH, HPRE_ALG_DH_G2, 512, 0 },
	{ OFFLOAD_DH, HPRE_ALG_DH, 96, 0 },
	{ OFFLOAD_ECDH, HPRE_ALG_EC_MUL, 72, 0 },
	{ OFFLOAD_ECDSA_SIGN, HPRE_ALG_ECDSA_SIGN, 72, 0 },
	{ OFFLOAD_ECDSA_VERIFY, HPRE_ALG_ECDSA_VERIFY, 48, 0 },
	{ OFFLOAD_X25519, HPRE_ALG_MONTGOMERY, 32, 0 },
	{ OFFLOAD_SM2_SIGN, HPRE_ALG_SM2_GEN, 32, 0 },
	{ OFFLOAD_SM2_SIGN, HPRE_ALG_SM2_SIGN, 32, 0 },
	{ OFFLOAD_SM2_VERIFY, HPRE_ALG_SM2_VERIFY, 32, 0 },
	{ OFFLOAD_SM2_ENCRYPT, HPRE_ALG_SM2_ENC, 32, HPRE_SM2_MSG_MAX },
	{ OFFLOAD_SM2_DECRYPT, HPRE_ALG_SM2_DEC, 32, 1 },
};

static struct sdev *d;
static struct offload *o;
static struct offload_config cfg;
static uint8_t key[HPRE_KEY_MAX], in[HPRE_OUT_MAX], out[HPRE_OUT_MAX + 1];

static void config(void)
{
	offload_config_init(&cfg);
	cfg.timeout_ms = 20000;
	d = sdev_new();
	d->qm_version = 3;
}

static void start(void)
{
	T_EQ(offload_new_on(&o, &cfg, &d->host), 0);
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7);
	memset(key, 0x33, sizeof(key));
	memset(out, 0, sizeof(out));
}

static void stop(void)
{
	offload_free(o);
	o = NULL;
}

static struct offload_hpre op_of(const struct row *r)
{
	return (struct offload_hpre){
		.kind = r->kind,
		.alg = r->alg,
		.width = r->width,
		.msg_len = r->msg_len,
		.key = key,
		.in = in,
		.out = out,
	};
}

static size_t out_size(const struct row *r)
{
	const struct hpre_op op = { .alg = r->alg,
				    .width = r->width,
				    .msg_len = r->msg_len };

	return hpre_out_size(&op);
}

static size_t in_size(const struct row *r)
{
	const struct hpre_op op = { .alg = r->alg,
				    .width = r->width,
				    .msg_len = r->msg_len };

	return hpre_in_size(&op);
}

/* What the scripted device makes of the first inputs, and nothing behind. */
static bool right(const struct row *r, const uint8_t *got, const uint8_t *from)
{
	size_t n = out_size(r), m = in_size(r);

	for (size_t i = 0; i < n; i++)
		if (got[i] != ((m ? from[i % m] : 0x33) ^ 0x33 ^ 0x5a))
			return false;
	return true;
}

static struct offload_stats stats(void)
{
	struct offload_stats s;

	offload_stats(o, &s);
	return s;
}

static bool healthy(void)
{
	struct health *h = &o->engine[UACCE_HPRE].device[0].health;

	return !atomic_load(&h->retry_at) && !atomic_load(&h->errors);
}

static void each(bool bounced)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(rows); i++) {
		struct offload_hpre op = op_of(&rows[i]);
		size_t n = out_size(&rows[i]);

		memset(out, 0xee, sizeof(out));
		T_EQ(offload_hpre(o, &op, NULL), 0);
		T_OK(right(&rows[i], out, in));
		T_EQ(out[n], 0xee);
		T_OK(sdev_pools_clean(d));
	}
	/* but for the results of RSA private keys */
	T_EQ(stats().copied > 8 * 512, bounced);
	T_EQ(d->bad_dma, 0);
}

static void every_operation_in_place(void)
{
	config();
	start();
	each(false);
	stop();
}

static void every_operation_in_lane_memory(void)
{
	config();
	d->sva = false;
	d->pool_slices = 5;
	start();
	for (int n = 0; n < 20; n++)
		each(true);
	stop();
}

static void every_operation_over_its_input(void)
{
	uint8_t both[HPRE_OUT_MAX];

	config();
	start();
	for (size_t i = 0; i < WD_ARRAY_SIZE(rows); i++) {
		struct offload_hpre op = op_of(&rows[i]);

		memcpy(both, in, sizeof(both));
		op.in = op.out = both;
		T_EQ(offload_hpre(o, &op, NULL), 0);
		T_OK(right(&rows[i], both, in));
		T_OK(sdev_pools_clean(d));
	}
	stop();
}

static void a_failed_job_leaves_its_input(void)
{
	uint8_t both[HPRE_OUT_MAX];

	config();
	start();
	for (size_t i = 0; i < WD_ARRAY_SIZE(rows); i++) {
		struct offload_hpre op = op_of(&rows[i]);

		memcpy(both, in, sizeof(both));
		op.in = op.out = both;
		d->bad = 1;
		T_EQ(offload_hpre(o, &op, NULL), -EIO);
		T_MEM(both, in, sizeof(both));
		T_OK(sdev_pools_clean(d));
		T_EQ(offload_hpre(o, &op, NULL), 0);
	}
	T_OK(healthy());
	stop();
}

static void a_forged_signature_is_a_verdict_not_an_error(void)
{
	struct offload_hpre op = op_of(&rows[8]);

	config();
	d->forged = true;
	start();
	for (int i = 0; i < 20; i++)
		T_EQ(offload_hpre(o, &op, NULL), -EBADMSG);
	T_EQ(stats().kind[OFFLOAD_ECDSA_VERIFY].done, 20);
	T_EQ(stats().kind[OFFLOAD_ECDSA_VERIFY].errors, 0);
	T_OK(healthy());
	T_EQ(out[0], 0);
	stop();
}

/* Errors of other jobs in a row mean that the device is ill. */
static void wrong_ciphertexts_say_nothing_of_the_device(void)
{
	struct offload_hpre dec = op_of(&rows[14]), ec = op_of(&rows[6]);

	config();
	start();
	d->bad = 20;
	for (int i = 0; i < 20; i++)
		T_EQ(offload_hpre(o, &dec, NULL), -EIO);
	T_EQ(stats().kind[OFFLOAD_SM2_DECRYPT].errors, 20);
	T_OK(healthy());
	T_EQ(offload_hpre(o, &ec, NULL), 0);
	d->bad = 20;
	for (int i = 0; i < 8; i++)
		T_EQ(offload_hpre(o, &ec, NULL), -EIO);
	T_EQ(offload_hpre(o, &dec, NULL), -ENODEV);
	stop();
}

static void each_core_group_has_its_queue(void)
{
	struct offload_hpre rsa = op_of(&rows[0]), ec = op_of(&rows[6]);

	config();
	cfg.queues = 1; /* of each */
	start();
	for (int i = 0; i < 3; i++) {
		T_EQ(offload_hpre(o, &rsa, NULL), 0);
		T_EQ(offload_hpre(o, &ec, NULL), 0);
	}
	T_EQ(d->of_type[0], 1);
	T_EQ(d->of_type[1], 1);
	T_EQ(stats().lanes, 2);
	stop();
}

static void a_dead_curve_queue_leaves_the_other_alone(void)
{
	struct offload_hpre rsa = op_of(&rows[0]), ec = op_of(&rows[6]);

	config();
	cfg.timeout_ms = 20;
	start();
	T_EQ(offload_hpre(o, &rsa, NULL), 0);
	d->mode = SDEV_HOLD;
	T_EQ(offload_hpre(o, &ec, NULL), -ETIMEDOUT);
	d->mode = SDEV_INLINE;
	T_EQ(d->closed, 1);
	atomic_store(&o->engine[UACCE_HPRE].device[0].health.retry_at, 1);
	T_EQ(offload_hpre(o, &ec, NULL), 0);
	T_EQ(offload_hpre(o, &rsa, NULL), 0);
	T_EQ(d->of_type[0], 1);
	T_EQ(d->of_type[1], 2);
	stop();
}

static void v2_has_no_curves(void)
{
	struct offload_hpre op;

	config();
	d->qm_version = 2;
	start();
	for (size_t i = 0; i < WD_ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		bool has = r->alg <= HPRE_ALG_DH;

		op = op_of(r);
		T_EQ(offload_has(o, r->kind), has);
		T_EQ(offload_has_hpre(o, r->kind, r->alg, r->width), has);
		T_EQ(offload_hpre(o, &op, NULL), has ? 0 : -ENODEV);
	}
	/* A kind it has, an operation it has not. */
	op.kind = OFFLOAD_DH;
	T_EQ(offload_hpre(o, &op, NULL), -EINVAL);
	T_EQ(stats().kind[OFFLOAD_DH].jobs, 2);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void what_is_offered_is_asked_of_kind_operation_and_width(void)
{
	config();
	start();
	T_OK(offload_has_hpre(o, OFFLOAD_ECDH, HPRE_ALG_EC_MUL, 48));
	T_OK(!offload_has_hpre(o, OFFLOAD_ECDH, HPRE_ALG_EC_MUL, 40));
	T_OK(!offload_has_hpre(o, OFFLOAD_ECDH, (enum hpre_alg)6, 32));
	T_OK(!offload_has_hpre(o, OFFLOAD_SM3, HPRE_ALG_EC_MUL, 32));
	T_OK(!offload_has_hpre(o, OFFLOAD_KINDS, HPRE_ALG_EC_MUL, 32));
	/* this device's kernel does not name it */
	T_OK(!offload_has_hpre(o, OFFLOAD_X448, HPRE_ALG_MONTGOMERY, 72));
	T_EQ(offload_max_bytes(o, OFFLOAD_SM2_DECRYPT, true), HPRE_SM2_MSG_MAX);
	T_EQ(offload_max_bytes(o, OFFLOAD_ECDH, true), HPRE_WIDTH_MAX);
	stop();
}

static void what_no_operation_is_costs_no_slot(void)
{
	struct offload_hpre op;

	config();
	start();
	op = op_of(&rows[6]);
	op.width = 40;
	T_EQ(offload_hpre(o, &op, NULL), -EINVAL);
	op = op_of(&rows[6]);
	op.alg = (enum hpre_alg)6;
	T_EQ(offload_hpre(o, &op, NULL), -EINVAL);
	op = op_of(&rows[13]);
	op.msg_len = HPRE_SM2_MSG_MAX + 1;
	T_EQ(offload_hpre(o, &op, NULL), -EINVAL);
	op = op_of(&rows[7]);
	op.device_nonce = true;
	T_EQ(offload_hpre(o, &op, NULL), -EINVAL);
	op = op_of(&rows[7]);
	op.kind = OFFLOAD_SM3;
	T_EQ(offload_hpre(o, &op, NULL), -EINVAL);
	T_EQ(stats().kind[OFFLOAD_ECDSA_SIGN].jobs, 0);
	T_OK(sdev_pools_clean(d));
	stop();
}

/* ---- checked ------------------------------------------------------------ */

static uint8_t public[2 * HPRE_WIDTH_MAX];

/* The scripted device undoes what it did with a key of the same first byte. */
static struct offload_hpre checked(uint8_t first)
{
	struct offload_hpre op = op_of(&rows[1]);

	memset(public, first, sizeof(public));
	op.check = public;
	return op;
}

static void a_checked_result_is_two_jobs(bool sva)
{
	struct offload_hpre op = checked(0x33);
	uint8_t both[512];

	config();
	d->sva = sva;
	start();
	T_EQ(offload_hpre(o, &op, NULL), 0);
	T_OK(right(&rows[1], out, in));
	memcpy(both, in, sizeof(both));
	op.in = op.out = both;
	T_EQ(offload_hpre(o, &op, NULL), 0);
	T_OK(right(&rows[1], both, in));
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].done, 2);
	T_EQ(stats().kind[OFFLOAD_RSA_PUBLIC].done, 2);
	T_EQ(d->done, 4);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void a_checked_result_is_two_jobs_in_place(void)
{
	a_checked_result_is_two_jobs(true);
}

static void a_checked_result_is_two_jobs_in_lane_memory(void)
{
	a_checked_result_is_two_jobs(false);
}

static void a_wrong_result_is_not_handed_out(void)
{
	for (int sva = 0; sva <= 1; sva++) {
		struct offload_hpre op = checked(0x34);

		config();
		d->sva = sva;
		start();
		T_EQ(offload_hpre(o, &op, NULL), -EILSEQ);
		T_EQ(out[0] | out[511], 0);
		T_OK(sdev_pools_clean(d));
		T_OK(healthy());
		stop();
	}
}

static void either_job_of_a_checked_one_may_fail(void)
{
	struct offload_hpre op = checked(0x33);

	config();
	start();
	d->bad = 1;
	T_EQ(offload_hpre(o, &op, NULL), -EIO);
	T_EQ(d->done, 1); /* the second was not sent */
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].errors, 1);
	d->bad_after = 1;
	d->bad = 1;
	T_EQ(offload_hpre(o, &op, NULL), -EIO);
	T_EQ(stats().kind[OFFLOAD_RSA_PUBLIC].errors, 1);
	T_EQ(out[0] | out[511], 0);
	T_OK(sdev_pools_clean(d));
	T_EQ(offload_hpre(o, &op, NULL), 0);
	stop();
}

static atomic_bool over;
static atomic_uint waits_before;

/* The first when somebody sleeps for it; the second soon after it was rung. */
static void *finishes(void *arg)
{
	uint64_t until;

	(void)arg;
	while (!over) {
		if (!sdev_pending(d) || d->waits == waits_before)
			continue;
		sdev_complete(d, 1);
		while (!over && !sdev_pending(d))
			;
		until = wd_now_ns() + 5000;
		while (wd_now_ns() < until)
			;
		sdev_complete(d, 1);
	}
	return NULL;
}

/* Under the thread sanitizer a look takes longer than the spin. */
#ifdef __SANITIZE_THREAD__
#define OFTEN  0
#define TRY_NS 100000000u
#else
#define OFTEN  5
#define TRY_NS 20000000000u
#endif

/* A crowded machine may have both threads on one core for a while. */
static void one_sleep_waits_for_both(void)
{
	struct offload_hpre op = checked(0x33);
	uint64_t end = wd_now_ns() + TRY_NS;
	int once = 0;
	struct lane *l;
	pthread_t t;

	config();
	start();
	T_EQ(offload_hpre(o, &op, NULL), 0);
	l = atomic_load(&atomic_load(&o->proc)->lanes);
	d->mode = SDEV_HOLD;
	over = false;
	T_EQ(pthread_create(&t, NULL, finishes, NULL), 0);
	while (once <= OFTEN && wd_now_ns() < end) {
		l->usual_ns[OFFLOAD_RSA_PRIVATE] = 1000000;
		l->usual_ns[OFFLOAD_RSA_PUBLIC] = 40000;
		l->vain_second = 0;
		waits_before = d->waits;
		T_EQ(offload_hpre(o, &op, NULL), 0);
		once += d->waits - waits_before == 1;
	}
	over = true;
	pthread_join(t, NULL);
	T_OK(right(&rows[1], out, in));
	T_OK(once >= OFTEN || sysconf(_SC_NPROCESSORS_ONLN) < 2);
	stop();
}

static void only_rsa_can_be_checked(void)
{
	struct offload_hpre op;

	config();
	start();
	op = op_of(&rows[7]);
	op.check = public;
	T_EQ(offload_hpre(o, &op, NULL), -EINVAL);
	stop();
}

/* ---- paused ------------------------------------------------------------- */

static struct fibre fibre;

static int on_fibre(struct fibre *f)
{
	return offload_hpre(o, f->arg, &f->w);
}

static void every_operation_paused(void)
{
	config();
	d->mode = SDEV_HOLD;
	start();
	for (size_t i = 0; i < WD_ARRAY_SIZE(rows); i++) {
		struct offload_hpre op = op_of(&rows[i]);

		memset(out, 0, sizeof(out));
		fibre_init(&fibre, true);
		fibre_start(&fibre, on_fibre, &op);
		T_OK(!fibre.done);
		T_OK(!sdev_pools_clean(d));
		T_EQ(sdev_complete(d, 1), 1);
		while (!atomic_load(&fibre.woken))
			usleep(100);
		T_EQ(out[0], 0);
		fibre_resume(&fibre);
		T_OK(fibre.done);
		T_EQ(fibre.rc, 0);
		T_OK(right(&rows[i], out, in));
		T_OK(sdev_pools_clean(d));
		while (atomic_load(&fibre.pins))
			usleep(10);
		fibre_free(&fibre);
	}
	stop();
}

static void dropped_while_paused_is_wiped_when_done(void)
{
	config();
	d->mode = SDEV_HOLD;
	start();
	for (size_t i = 0; i < WD_ARRAY_SIZE(rows); i++) {
		struct offload_hpre op = op_of(&rows[i]);

		fibre_init(&fibre, true);
		fibre_start(&fibre, on_fibre, &op);
		T_OK(!fibre.done);
		offload_abandon(&fibre.w);
		atomic_store(&fibre.dropped, 1);
		T_OK(!sdev_pools_clean(d)); /* the device may still read it */
		T_EQ(sdev_complete(d, 1), 1);
		for (int n = 0; n < 5000 && !sdev_pools_clean(d); n++)
			usleep(1000);
		T_OK(sdev_pools_clean(d));
		T_EQ(fibre.late, 0);
		fibre_free(&fibre);
	}
	T_EQ(stats().abandoned, WD_ARRAY_SIZE(rows));
	stop();
}

static void a_checked_job_wakes_once(void)
{
	struct offload_hpre op = checked(0x33);

	config();
	d->mode = SDEV_HOLD;
	start();
	fibre_init(&fibre, true);
	fibre_start(&fibre, on_fibre, &op);
	T_EQ(sdev_complete(d, 1), 1);
	for (int n = 0; n < 5000 && !sdev_pending(d); n++)
		usleep(1000);
	T_EQ(sdev_pending(d), 1);
	T_EQ(fibre.woken, 0);
	T_EQ(sdev_complete(d, 1), 1);
	while (!atomic_load(&fibre.woken))
		usleep(100);
	fibre_resume(&fibre);
	T_OK(fibre.done);
	T_EQ(fibre.rc, 0);
	T_EQ(fibre.pauses, 1);
	T_OK(right(&rows[1], out, in));
	T_OK(sdev_pools_clean(d));
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].async, 1);
	T_EQ(stats().kind[OFFLOAD_RSA_PUBLIC].async, 0);
	while (atomic_load(&fibre.pins))
		usleep(10);
	fibre_free(&fibre);
	stop();
}

/* Dropped while the first is out: the second is not sent.  Dropped while the
 * second is out: it may still read. */
static void a_checked_job_may_be_dropped_in_either(void)
{
	config();
	d->mode = SDEV_HOLD;
	start();
	for (int second = 0; second <= 1; second++) {
		struct offload_hpre op = checked(0x33);
		unsigned int done = d->done;

		fibre_init(&fibre, true);
		fibre_start(&fibre, on_fibre, &op);
		if (second)
			T_EQ(sdev_complete(d, 1), 1);
		for (int n = 0; n < 5000 && !sdev_pending(d); n++)
			usleep(1000);
		offload_abandon(&fibre.w);
		atomic_store(&fibre.dropped, 1);
		T_OK(!sdev_pools_clean(d));
		T_EQ(sdev_complete(d, 1), 1);
		for (int n = 0; n < 5000 && !sdev_pools_clean(d); n++)
			usleep(1000);
		T_OK(sdev_pools_clean(d));
		T_EQ(d->done - done, second + 1);
		T_EQ(sdev_pending(d), 0);
		T_EQ(fibre.late, 0);
		fibre_free(&fibre);
	}
	stop();
}

T_MAIN(T_CASE(every_operation_in_place), T_CASE(every_operation_in_lane_memory),
       T_CASE(every_operation_over_its_input),
       T_CASE(a_failed_job_leaves_its_input),
       T_CASE(a_forged_signature_is_a_verdict_not_an_error),
       T_CASE(wrong_ciphertexts_say_nothing_of_the_device),
       T_CASE(each_core_group_has_its_queue),
       T_CASE(a_dead_curve_queue_leaves_the_other_alone),
       T_CASE(v2_has_no_curves),
       T_CASE(what_is_offered_is_asked_of_kind_operation_and_width),
       T_CASE(what_no_operation_is_costs_no_slot),
       T_CASE(a_checked_result_is_two_jobs_in_place),
       T_CASE(a_checked_result_is_two_jobs_in_lane_memory),
       T_CASE(a_wrong_result_is_not_handed_out),
       T_CASE(either_job_of_a_checked_one_may_fail),
       T_CASE(one_sleep_waits_for_both), T_CASE(only_rsa_can_be_checked),
       T_CASE(every_operation_paused), T_CASE(a_checked_job_wakes_once),
       T_CASE(a_checked_job_may_be_dropped_in_either),
       T_CASE(dropped_while_paused_is_wiped_when_done))
