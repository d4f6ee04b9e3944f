/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every public-key operation as a job on the device model, wherever its
 * operands may lie: in place, over its own input, in lane memory, paused.
 */
#include <errno.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "emu/emu_host.h"
#include "offload/offload_priv.h"
#include "test/emu/pk_cases.h"
#include "test/fibre.h"

static struct offload *o;
static bool over_itself, paused;

static enum offload_kind kind_of(enum hpre_alg alg)
{
	static const uint8_t kind[] = {
		[HPRE_ALG_MODEXP] = OFFLOAD_RSA_PUBLIC,
		[HPRE_ALG_RSA_CRT] = OFFLOAD_RSA_PRIVATE,
		[HPRE_ALG_RSA_GEN] = OFFLOAD_RSA_PRIVATE,
		[HPRE_ALG_RSA_GEN_CRT] = OFFLOAD_RSA_PRIVATE,
		[HPRE_ALG_DH_G2] = OFFLOAD_DH,
		[HPRE_ALG_DH] = OFFLOAD_DH,
		[HPRE_ALG_EC_MUL] = OFFLOAD_ECDH,
		[HPRE_ALG_ECDSA_SIGN] = OFFLOAD_ECDSA_SIGN,
		[HPRE_ALG_ECDSA_VERIFY] = OFFLOAD_ECDSA_VERIFY,
		[HPRE_ALG_MONTGOMERY] = OFFLOAD_X25519,
		[HPRE_ALG_SM2_GEN] = OFFLOAD_SM2_SIGN,
		[HPRE_ALG_SM2_SIGN] = OFFLOAD_SM2_SIGN,
		[HPRE_ALG_SM2_VERIFY] = OFFLOAD_SM2_VERIFY,
		[HPRE_ALG_SM2_ENC] = OFFLOAD_SM2_ENCRYPT,
		[HPRE_ALG_SM2_DEC] = OFFLOAD_SM2_DECRYPT,
	};

	return (enum offload_kind)kind[alg];
}

static int on_fibre(struct fibre *f)
{
	return offload_hpre(o, f->arg, &f->w);
}

static int run_paused(struct offload_hpre *op)
{
	struct fibre f;
	int rc;

	fibre_init(&f, false);
	fibre_start(&f, on_fibre, op);
	while (!f.done) {
		while (!atomic_load(&f.woken))
			usleep(50);
		fibre_resume(&f);
	}
	while (atomic_load(&f.pins))
		usleep(10);
	rc = f.rc;
	fibre_free(&f);
	return rc;
}

int pk_run(struct hpre_op op, const struct pk_numbers *s, uint8_t *buf,
	   struct hpre_num *out)
{
	uint8_t key[HPRE_KEY_MAX], in[HPRE_OUT_MAX], result[HPRE_OUT_MAX];
	struct offload_hpre job = {
		.kind = kind_of(op.alg),
		.alg = op.alg,
		.width = op.width,
		.msg_len = op.msg_len,
		.device_nonce = op.device_nonce,
		.fast = op.fast,
		.key = key,
		.in = in,
		.out = over_itself ? in : result,
	};
	int rc;

	T_OK(offload_has_hpre(o, job.kind, op.alg, op.width));
	T_EQ(hpre_key(key, op.alg, op.width, s->n), 0);
	if (hpre_in_size(&op))
		T_EQ(hpre_in(in, &op, key, s->n), 0);
	rc = paused ? run_paused(&job) : offload_hpre(o, &job, NULL);
	if (!rc && buf) {
		memcpy(buf, job.out, hpre_out_size(&op));
		T_EQ(hpre_out(out, &op, buf), 0);
	}
	return rc;
}

static void all(const char *options)
{
	const struct t_case cases[] = { PK_CASES };
	struct offload_config cfg;
	struct uacce_host *host;
	struct offload_stats s;
	uint64_t pauses = 0;

	offload_config_init(&cfg);
	cfg.timeout_ms = 20000;
	T_EQ(wd_emu_host(&host, options), 0);
	T_EQ(offload_new_on(&o, &cfg, host), 0);
	for (size_t i = 0; i < WD_ARRAY_SIZE(cases); i++)
		cases[i].run();
	offload_stats(o, &s);
	T_OK(s.kind[OFFLOAD_ECDSA_VERIFY].done);
	/* refusals of points, not of the device */
	T_EQ(s.kind[OFFLOAD_ECDSA_VERIFY].errors, 0);
	T_EQ(s.quarantined, 0);
	T_OK(!atomic_load(&o->engine[UACCE_HPRE].device[0].health.retry_at));
	for (int k = 0; k < OFFLOAD_KINDS; k++)
		pauses += s.kind[k].async;
	T_EQ(pauses != 0, paused);
	offload_free(o);
	over_itself = paused = false;
}

static void in_place(void)
{
	all("kunpeng930");
}

static void over_their_own_input(void)
{
	over_itself = true;
	all("kunpeng930");
}

static void in_lane_memory(void)
{
	all("kunpeng930,nosva");
}

static void while_paused(void)
{
	paused = true;
	all("kunpeng930,latency_us=2000");
}

static void kunpeng920_has_no_curves(void)
{
	struct offload_config cfg;
	struct uacce_host *host;

	offload_config_init(&cfg);
	T_EQ(wd_emu_host(&host, "kunpeng920"), 0);
	T_EQ(offload_new_on(&o, &cfg, host), 0);
	T_OK(offload_has_hpre(o, OFFLOAD_DH, HPRE_ALG_DH, 256));
	T_OK(!offload_has_hpre(o, OFFLOAD_ECDH, HPRE_ALG_EC_MUL, 32));
	T_OK(!offload_has_hpre(o, OFFLOAD_X25519, HPRE_ALG_MONTGOMERY, 32));
	dh_with_and_without_its_own_generator_agree();
	offload_free(o);
}

static void a_curve_job_meets(const char *fault, int want)
{
	uint8_t key[HPRE_KEY_MAX] = { 0 }, in[HPRE_IN_MAX] = { 0 };
	struct offload_hpre op = { .kind = OFFLOAD_ECDSA_VERIFY,
				   .alg = HPRE_ALG_ECDSA_VERIFY,
				   .width = 32,
				   .key = key,
				   .in = in };
	struct offload_config cfg;
	struct uacce_host *host;
	struct offload_stats s;

	offload_config_init(&cfg);
	cfg.timeout_ms = want == -ETIMEDOUT ? 50 : 20000;
	T_EQ(wd_emu_host(&host, fault), 0);
	T_EQ(offload_new_on(&o, &cfg, host), 0);
	T_EQ(offload_hpre(o, &op, NULL), want);
	offload_stats(o, &s);
	T_EQ(s.quarantined, 1);
	T_EQ(s.kind[OFFLOAD_ECDSA_VERIFY].timeouts, want == -ETIMEDOUT);
	T_OK(atomic_load(&o->engine[UACCE_HPRE].device[0].health.retry_at));
	offload_free(o);
}

static void curve_jobs_survive_their_queue(void)
{
	a_curve_job_meets("fault=drop@1", -ETIMEDOUT);
	a_curve_job_meets("fault=stop@1", -EIO);
	a_curve_job_meets("fault=reset@1", -EIO);
}

T_MAIN(T_CASE(in_place), T_CASE(over_their_own_input), T_CASE(in_lane_memory),
       T_CASE(while_paused), T_CASE(kunpeng920_has_no_curves),
       T_CASE(curve_jobs_survive_their_queue))
