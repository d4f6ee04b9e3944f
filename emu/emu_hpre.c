/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_hpre.c - the public-key engine: modular exponentiation, RSA with the
 * Chinese remainder theorem, Diffie-Hellman, on libcrypto's big numbers; and
 * what is common with elliptic curves (emu_hpre_ec.c).
 *
 *	sqe ─ refuse? ─▶ key, input by DMA ─ numbers sane? ─▶ BN ─▶ output
 *
 * It knows only what the descriptor and the key block say: a wrong block gives
 * a wrong result, as on silicon, so that the driver's own check of CRT results
 * has something to find.  Exponents and primes see constant-time functions
 * only.  Facts: docs/hw/hpre.md.
 */
#include "emu/emu_hpre.h"

#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_engine.h"
#include "emu/emu_replay.h"
#include "emu/emu_sgl.h"
#include "hw/hpre/hpre_fields.h"

#define GET(sqe, field)	  wd_get((sqe), &hpre_fields[HPRE_SQE_##field])
#define GET64(sqe, field) wd_get64((sqe), &hpre_fields[HPRE_SQE_##field##_LO])
#define PUT(sqe, field, value)                                                 \
	wd_put((sqe), &hpre_fields[HPRE_SQE_##field], (value))

#define RESULT_WORD 6 /* of a verify: the answer replaces it */
#define RESULT_GOOD 2u

struct hpre_kind {
	enum hpre_error (*compute)(struct operands *o, BN_CTX *ctx);
	const uint16_t *widths; /* bytes, ends with 0 */
	enum hpre_alg alg;
	uint8_t key_halves; /* key block in units of W/2 */
	uint8_t in, out;    /* in units of W; in 0: it is the number 2 */
	bool curves;	    /* V3, core group 1 */
};

BIGNUM *hpre_number(BN_CTX *ctx, const uint8_t *p, uint32_t len)
{
	BIGNUM *n = BN_CTX_get(ctx);

	if (!n || !BN_bin2bn(p, (int)len, n))
		return NULL;
	BN_set_flags(n, BN_FLG_CONSTTIME);
	return n;
}

static enum hpre_error modexp(struct operands *o, BN_CTX *ctx)
{
	BIGNUM *e = hpre_number(ctx, o->key, o->width);
	BIGNUM *m = hpre_number(ctx, o->key + o->width, o->width);
	BIGNUM *a = hpre_number(ctx, o->in, o->width);
	BIGNUM *r = BN_CTX_get(ctx);

	if (!e || !m || !a || !r)
		return E_MODEL;
	if (!BN_is_odd(m) || BN_ucmp(a, m) >= 0)
		return E_NUMBER;
	if (!BN_mod_exp_mont_consttime(r, a, e, m, ctx, NULL) ||
	    BN_bn2binpad(r, o->out, (int)o->width) < 0)
		return E_MODEL;
	return E_NONE;
}

/* Numbers of a CRT job. */
struct crt {
	BIGNUM *dq, *dp, *q, *p, *qinv, *in, *n;
	BIGNUM *in_p, *in_q, *m1, *m2;
};

static bool crt_load(struct crt *c, const struct operands *o, BN_CTX *ctx)
{
	uint32_t half = o->width / 2;

	c->dq = hpre_number(ctx, o->key, half);
	c->dp = hpre_number(ctx, o->key + half, half);
	c->q = hpre_number(ctx, o->key + 2 * half, half);
	c->p = hpre_number(ctx, o->key + 3 * half, half);
	c->qinv = hpre_number(ctx, o->key + 4 * half, half);
	c->in = hpre_number(ctx, o->in, o->width);
	c->n = BN_CTX_get(ctx);
	c->in_p = BN_CTX_get(ctx);
	c->in_q = BN_CTX_get(ctx);
	c->m1 = BN_CTX_get(ctx);
	c->m2 = BN_CTX_get(ctx);
	return c->dq && c->dp && c->q && c->p && c->qinv && c->in && c->m2 &&
	       BN_mul(c->n, c->p, c->q, ctx);
}

/* m1 = in^dp mod p, m2 = in^dq mod q, out = m2 + q * (qinv * (m1 - m2) mod p)
 * (RFC 8017, 5.1.2). */
static bool crt_recombine(struct crt *c, BN_CTX *ctx)
{
	BIGNUM *h = c->in_p; /* no longer needed */

	if (!BN_mod(c->in_p, c->in, c->p, ctx) ||
	    !BN_mod(c->in_q, c->in, c->q, ctx) ||
	    !BN_mod_exp_mont_consttime_x2(c->m1, c->in_p, c->dp, c->p, NULL,
					  c->m2, c->in_q, c->dq, c->q, NULL,
					  ctx))
		return false;
	BN_set_flags(c->m1, BN_FLG_CONSTTIME);
	BN_set_flags(c->m2, BN_FLG_CONSTTIME);
	BN_set_flags(h, BN_FLG_CONSTTIME);
	return BN_mod_sub(h, c->m1, c->m2, c->p, ctx) &&
	       BN_mod_mul(h, h, c->qinv, c->p, ctx) &&
	       BN_mul(c->m1, h, c->q, ctx) && BN_add(c->m1, c->m1, c->m2);
}

static enum hpre_error rsa_crt(struct operands *o, BN_CTX *ctx)
{
	struct crt c;

	if (!crt_load(&c, o, ctx))
		return E_MODEL;
	if (!BN_is_odd(c.p) || !BN_is_odd(c.q) || BN_ucmp(c.in, c.n) >= 0)
		return E_NUMBER;
	if (!crt_recombine(&c, ctx) ||
	    BN_bn2binpad(c.m1, o->out, (int)o->width) < 0)
		return E_MODEL;
	return E_NONE;
}

static const uint16_t rsa_widths[] = { 128, 256, 384, 512, 0 };
static const uint16_t dh_widths[] = { 96, 128, 192, 256, 384, 512, 0 };
static const uint16_t ec_widths[] = { 32, 48, 72, 0 };
static const uint16_t x_widths[] = { 32, 72, 0 };

/* docs/hw/hpre.md#algorithms, #width */
static const struct hpre_kind kinds[] = {
	{ modexp, rsa_widths, HPRE_ALG_MODEXP, 4, 1, 1, false },
	{ rsa_crt, rsa_widths, HPRE_ALG_RSA_CRT, 5, 1, 1, false },
	{ modexp, dh_widths, HPRE_ALG_DH_G2, 4, 0, 1, false },
	{ modexp, dh_widths, HPRE_ALG_DH, 4, 1, 1, false },
	{ hpre_ec_mul, ec_widths, HPRE_ALG_EC_MUL, 8, 2, 2, true },
	{ hpre_ecdsa_sign, ec_widths, HPRE_ALG_ECDSA_SIGN, 14, 2, 2, true },
	{ hpre_ecdsa_verify, ec_widths, HPRE_ALG_ECDSA_VERIFY, 16, 3, 0, true },
	{ hpre_montgomery, x_widths, HPRE_ALG_MONTGOMERY, 6, 1, 1, true },
};

static const struct hpre_kind *find_kind(uint32_t alg)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(kinds); i++)
		if (kinds[i].alg == alg)
			return &kinds[i];
	return NULL;
}

static bool has_width(const struct hpre_kind *k, uint32_t width)
{
	const uint16_t *w = k->widths;

	while (*w && *w != width)
		w++;
	return *w;
}

/* Every bit that is not one of these is zero; but point multiplications may
 * ask for the fast core, and carry UADK's mark where SM2 has a length. */
static bool other_bits_zero(const uint32_t *sqe, const struct hpre_kind *k)
{
	static const uint8_t used[] = {
		HPRE_SQE_ALG,	    HPRE_SQE_ETYPE,  HPRE_SQE_ETYPE1,
		HPRE_SQE_DONE,	    HPRE_SQE_KEY_LO, HPRE_SQE_KEY_HI,
		HPRE_SQE_IN_LO,	    HPRE_SQE_IN_HI,  HPRE_SQE_OUT_LO,
		HPRE_SQE_OUT_HI,    HPRE_SQE_TAG_LO, HPRE_SQE_TAG_HI,
		HPRE_SQE_TASK_LEN1,
	};
	uint32_t rest[HPRE_SQE_WORDS], any = 0;

	memcpy(rest, sqe, sizeof(rest));
	for (size_t i = 0; i < sizeof(used); i++)
		wd_put(rest, &hpre_fields[used[i]], 0);
	if (k->alg == HPRE_ALG_EC_MUL) {
		PUT(rest, HPCORE, 0);
		PUT(rest, SM2_MLEN, 0);
	}
	for (size_t i = 0; i < HPRE_SQE_WORDS; i++)
		any |= rest[i];
	return !any;
}

/* What can be said without looking at memory. */
static enum hpre_error check(const struct emu_job *job,
			     const struct hpre_kind *k, uint32_t width)
{
	const uint32_t *sqe = job->sqe;

	if (GET(sqe, DONE) != HPRE_DONE_SUBMITTED || GET(sqe, ETYPE) ||
	    GET(sqe, ETYPE1))
		return E_STATE;
	if (!k || k->curves != job->qc_type ||
	    (k->curves && job->qm_version < 3))
		return E_ALG;
	if (!other_bits_zero(sqe, k))
		return E_FIELD;
	return has_width(k, width) ? E_NONE : E_WIDTH;
}

static enum hpre_error load(struct operands *o, const uint32_t *sqe,
			    const struct emu_dma *dma,
			    const struct hpre_kind *k)
{
	uint64_t key = GET64(sqe, KEY), in = GET64(sqe, IN);

	if (!key || dma->read(dma->ctx, dma->pasid, key, o->key,
			      k->key_halves * o->width / 2))
		return E_ADDR;
	if (!emu_reach(dma, GET64(sqe, OUT), k->out * o->width, true))
		return E_ADDR;
	if (!k->in) {
		memset(o->in, 0, o->width);
		o->in[o->width - 1] = 2;
		return E_NONE;
	}
	if (!in || dma->read(dma->ctx, dma->pasid, in, o->in, k->in * o->width))
		return E_ADDR;
	return E_NONE;
}

static enum hpre_error compute(const struct hpre_kind *k, struct operands *o)
{
	BN_CTX *ctx = BN_CTX_new();
	enum hpre_error rc = E_MODEL;

	if (!ctx)
		return rc;
	BN_CTX_start(ctx);
	rc = k->compute(o, ctx);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx); /* wipes its numbers */
	return rc;
}

static enum hpre_error recall(const struct emu_job *job,
			      const struct hpre_kind *k, struct operands *o)
{
	uint32_t what[2] = { k->alg, o->width };
	struct emu_piece in[] = {
		{ what, sizeof(what) },
		{ o->key, k->key_halves * o->width / 2 },
		{ o->in, (k->in ? k->in : 1) * o->width },
	};
	size_t out = k->out ? k->out * o->width : 1;
	enum hpre_error rc;

	if (!job->replay)
		return compute(k, o);
	if (emu_replay_get(job->replay, in, 3, o->out, out))
		return E_NONE;
	rc = compute(k, o);
	if (!rc)
		emu_replay_put(job->replay, in, 3, o->out, out);
	return rc;
}

static enum hpre_error run_operands(const struct emu_job *job,
				    const struct hpre_kind *k,
				    struct operands *o)
{
	const struct emu_dma *dma = job->dma;
	enum hpre_error rc = load(o, job->sqe, dma, k);

	if (!rc)
		rc = recall(job, k, o);
	if (rc)
		return rc;
	if (!k->out) {
		job->sqe[RESULT_WORD] =
			o->out[0] != job->corrupt ? RESULT_GOOD : 0;
		return E_NONE;
	}
	if (job->corrupt) /* in the middle: it stays below the modulus */
		o->out[o->width / 2] ^= 0x55;
	if (dma->write(dma->ctx, dma->pasid, GET64(job->sqe, OUT), o->out,
		       k->out * o->width))
		return E_ADDR;
	return E_NONE;
}

static void hpre_run(const struct emu_job *job)
{
	uint32_t *sqe = job->sqe;
	const struct hpre_kind *k = find_kind(GET(sqe, ALG));
	struct operands o;
	enum hpre_error rc;

	o.width = (GET(sqe, TASK_LEN1) + 1) * 8;
	rc = job->fail ? E_FAULT : check(job, k, o.width);
	if (!rc) {
		rc = run_operands(job, k, &o);
		wd_wipe(&o, sizeof(o));
	}
	PUT(sqe, ETYPE, rc);
	PUT(sqe, ETYPE1, 0);
	PUT(sqe, DONE, HPRE_DONE_FINISHED);
}

/* What V3 drivers read before they write; V2 drivers have it built in.  The
 * device's map (0x3148) is silicon's: SM2 is in it and not in this model, which
 * refuses it.  docs/hw/qm.md#capabilities */
/* clang-format off */
static const struct emu_reg_init regs[] = {
	{ 0x3124, 0, 0x7C37 },	  /* QM errors that need a reset or a report */
	{ 0x3128, 0, 0x6C37 },	  /* QM errors that reset */
	{ 0x312C, 0, 0x8 },	  /* QM errors corrected */
	{ 0x3130, 0, 0x1FFFC3E }, /* the same three for the engine */
	{ 0x3134, 0, 0xBFFC3E },
	{ 0x3138, 0, 0x1 },
	{ 0x313C, 0, 0x120A0A },  /* 1 cluster, 2 core types, 10 cores */
	{ 0x3140, 0, 0x3FF },	  /* cores enabled */
	{ 0x3144, 0, 0x27 },	  /* kernel: RSA, DH, ECDH, curve25519 */
	{ 0x3148, 0, 0x7F },	  /* device algorithms, as in the list */
	{ 0x314C, 0, 0x7F },	  /* cores 1 to 10 */
	{ 0x3150, 0, 0x7F },
	{ 0x3154, 0, 0x7F },
	{ 0x3158, 0, 0x7F },
	{ 0x315C, 0, 0x7F },
	{ 0x3160, 0, 0x7F },
	{ 0x3164, 0, 0x7F },
	{ 0x3168, 0, 0x7F },
	{ 0x316C, 0, 0x10 },
	{ 0x3170, 0, 0x10 },
};
/* clang-format on */

/* docs/hw/hpre.md#registers: read channel, then the clusters (V2 has four,
 * V3 one), whose status shows the cores that were enabled. */
static const struct emu_handshake handshakes[] = {
	{ .start = 0x301014, .done = 0x301a00, .value = 1 },
	{ .start = 0x302020, .done = 0x302080, .mask_from = 0x302004 },
	{ .start = 0x303020, .done = 0x303080, .mask_from = 0x303004 },
	{ .start = 0x304020, .done = 0x304080, .mask_from = 0x304004 },
	{ .start = 0x305020, .done = 0x305080, .mask_from = 0x305004 },
};

const struct emu_engine emu_hpre = {
	.name = "hpre",
	.id = UACCE_HPRE,
	.sqe_size = sizeof(struct hpre_sqe),
	.pf_id = 0xa258,
	.vf_id = 0xa259,
	.algorithms_v2 = "rsa\ndh\n",
	.algorithms_v3 = "rsa\ndh\necdh\necdsa\nsm2\nx25519\nx448\n",
	.regs = regs,
	.reg_count = WD_ARRAY_SIZE(regs),
	.handshakes = handshakes,
	.handshake_count = WD_ARRAY_SIZE(handshakes),
	.int_source = 0x301600,
	.int_status = 0x301800,
	.int_set = 0x301500,
	.run = hpre_run,
};
