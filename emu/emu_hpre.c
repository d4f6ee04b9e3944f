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
	uint8_t key_halves, in_halves, out_halves; /* in units of W/2 */
	bool in_text, out_text; /* an SM2 message is behind these */
	bool curves;		/* V3, core group 1 */
	bool draws;		/* may draw a random number: not remembered */
	/* W bytes of the input, so many halves in, are a nonce: with another
	 * one the remembered result is as right. */
	bool nonce;
	uint8_t nonce_half;
};

static size_t in_len(const struct hpre_kind *k, const struct operands *o)
{
	return k->in_halves * o->width / 2 + (k->in_text ? o->text : 0);
}

static size_t out_len(const struct hpre_kind *k, const struct operands *o)
{
	return k->out_halves * o->width / 2 + (k->out_text ? o->text : 0);
}

BIGNUM *hpre_number(BN_CTX *ctx, const uint8_t *p, uint32_t len)
{
	BIGNUM *n = BN_CTX_get(ctx);

	if (!n || !BN_bin2bn(p, (int)len, n))
		return NULL;
	BN_set_flags(n, BN_FLG_CONSTTIME);
	return n;
}

/* So short an exponent is a public one: time need not be constant, and then it
 * is a quarter. */
#define PUBLIC_EXPONENT_BITS 64

static bool power(BIGNUM *r, const BIGNUM *a, const BIGNUM *e, const BIGNUM *m,
		  BN_CTX *ctx)
{
	BIGNUM *base, *exponent, *modulus;

	if (BN_num_bits(e) > PUBLIC_EXPONENT_BITS)
		return BN_mod_exp_mont_consttime(r, a, e, m, ctx, NULL);
	/* Copies do not ask for constant time. */
	base = BN_CTX_get(ctx);
	exponent = BN_CTX_get(ctx);
	modulus = BN_CTX_get(ctx);
	return modulus && BN_copy(base, a) && BN_copy(exponent, e) &&
	       BN_copy(modulus, m) &&
	       BN_mod_exp_mont(r, base, exponent, modulus, ctx, NULL);
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
	if (!power(r, a, e, m, ctx) ||
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

/* ---- RSA keys ---- */

struct rsa_key {
	BIGNUM *e, *p, *q, *n, *d, *p1, *q1, *t, *dp, *dq, *qinv;
};

/* d = 1/e modulo lcm(p - 1, q - 1), and the parts of CRT. */
static bool rsa_key_of(struct rsa_key *k, BN_CTX *ctx)
{
	return BN_sub(k->p1, k->p, BN_value_one()) &&
	       BN_sub(k->q1, k->q, BN_value_one()) &&
	       BN_mul(k->n, k->p, k->q, ctx) &&
	       BN_gcd(k->t, k->p1, k->q1, ctx) &&
	       BN_mul(k->d, k->p1, k->q1, ctx) &&
	       BN_div(k->t, NULL, k->d, k->t, ctx) &&
	       BN_mod_inverse(k->d, k->e, k->t, ctx) &&
	       BN_mod(k->dp, k->d, k->p1, ctx) &&
	       BN_mod(k->dq, k->d, k->q1, ctx) &&
	       BN_mod_inverse(k->qinv, k->q, k->p, ctx);
}

static bool put(struct operands *o, size_t off, const BIGNUM *n, uint32_t len)
{
	return BN_bn2binpad(n, o->out + off, (int)len) >= 0;
}

/* Key: e | p | q; out: d | n, and with CRT qinv | dq | dp. */
static enum hpre_error rsa_gen(struct operands *o, BN_CTX *ctx)
{
	uint32_t w = o->width, half = w / 2;
	struct rsa_key k = { .e = hpre_number(ctx, o->key, w),
			     .p = hpre_number(ctx, o->key + w, half),
			     .q = hpre_number(ctx, o->key + w + half, half) };
	BIGNUM **rest[] = { &k.n, &k.d,	 &k.p1, &k.q1,
			    &k.t, &k.dp, &k.dq, &k.qinv };

	for (size_t i = 0; i < WD_ARRAY_SIZE(rest); i++)
		*rest[i] = BN_CTX_get(ctx);
	if (!k.e || !k.p || !k.q || !k.qinv)
		return E_MODEL;
	if (!BN_is_odd(k.e) || BN_is_one(k.e) || !BN_is_odd(k.p) ||
	    !BN_is_odd(k.q) || BN_is_one(k.p) || BN_is_one(k.q) ||
	    !rsa_key_of(&k, ctx))
		return E_NUMBER;
	return put(o, 0, k.d, w) && put(o, w, k.n, w) &&
			       put(o, 2 * w, k.qinv, half) &&
			       put(o, 2 * w + half, k.dq, half) &&
			       put(o, 3 * w, k.dp, half)
		       ? E_NONE
		       : E_MODEL;
}

/* ---- what there is ---- */

static const uint16_t rsa_widths[] = { 128, 256, 384, 512, 0 };
static const uint16_t dh_widths[] = { 96, 128, 192, 256, 384, 512, 0 };
static const uint16_t ec_widths[] = { 32, 48, 72, 0 };
static const uint16_t x_widths[] = { 32, 72, 0 };
static const uint16_t sm2_widths[] = { 32, 0 };

/* docs/hw/hpre.md#algorithms, #width */
/* clang-format off */
static const struct hpre_kind kinds[] = {
	{ modexp, rsa_widths, HPRE_ALG_MODEXP, 4, 2, 2, .curves = false },
	{ rsa_crt, rsa_widths, HPRE_ALG_RSA_CRT, 5, 2, 2, .curves = false },
	{ rsa_gen, rsa_widths, HPRE_ALG_RSA_GEN, 4, 0, 4, .curves = false },
	{ rsa_gen, rsa_widths, HPRE_ALG_RSA_GEN_CRT, 4, 0, 7, .curves = false },
	{ modexp, dh_widths, HPRE_ALG_DH_G2, 4, 0, 2, .curves = false },
	{ modexp, dh_widths, HPRE_ALG_DH, 4, 2, 2, .curves = false },
	{ hpre_ec_mul, ec_widths, HPRE_ALG_EC_MUL, 8, 4, 4, .curves = true },
	{ hpre_ecdsa_sign, ec_widths, HPRE_ALG_ECDSA_SIGN, 14, 4, 4,
	  .curves = true, .nonce = true, .nonce_half = 2 },
	{ hpre_ecdsa_verify, ec_widths, HPRE_ALG_ECDSA_VERIFY, 16, 6, 0,
	  .curves = true },
	{ hpre_montgomery, x_widths, HPRE_ALG_MONTGOMERY, 6, 2, 2,
	  .curves = true },
	{ hpre_sm2_gen, sm2_widths, HPRE_ALG_SM2_GEN, 16, 4, 6,
	  .curves = true, .draws = true },
	{ hpre_sm2_sign, sm2_widths, HPRE_ALG_SM2_SIGN, 14, 4, 4,
	  .curves = true, .nonce = true, .nonce_half = 2 },
	{ hpre_sm2_verify, sm2_widths, HPRE_ALG_SM2_VERIFY, 16, 6, 0,
	  .curves = true },
	{ hpre_sm2_encrypt, sm2_widths, HPRE_ALG_SM2_ENC, 16, 2, 6,
	  .in_text = true, .out_text = true, .curves = true, .nonce = true },
	{ hpre_sm2_decrypt, sm2_widths, HPRE_ALG_SM2_DEC, 14, 6, 0,
	  .in_text = true, .out_text = true, .curves = true },
};
/* clang-format on */

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
	if (k->alg == HPRE_ALG_EC_MUL)
		PUT(rest, HPCORE, 0);
	if (k->alg == HPRE_ALG_EC_MUL || k->in_text)
		PUT(rest, SM2_MLEN, 0);
	if (k->alg == HPRE_ALG_SM2_SIGN || k->alg == HPRE_ALG_SM2_ENC)
		PUT(rest, SM2_KSEL, 0);
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
	if (!emu_reach(dma, GET64(sqe, OUT), out_len(k, o), true))
		return E_ADDR;
	if (k->alg == HPRE_ALG_DH_G2) {
		memset(o->in, 0, o->width);
		o->in[o->width - 1] = 2;
	}
	if (!in_len(k, o)) /* the address means nothing */
		return E_NONE;
	if (!in || dma->read(dma->ctx, dma->pasid, in, o->in, in_len(k, o)))
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
	size_t before = k->nonce ? k->nonce_half * o->width / 2 : in_len(k, o);
	size_t after = before + (k->nonce ? o->width : 0);
	struct emu_piece in[] = {
		{ what, sizeof(what) },
		{ o->key, k->key_halves * o->width / 2 },
		{ o->in, before },
		{ o->in + after, in_len(k, o) - after },
	};
	size_t out = out_len(k, o) ? out_len(k, o) : 1;
	enum hpre_error rc;

	if (!job->replay || k->draws)
		return compute(k, o);
	if (emu_replay_get(job->replay, in, 4, o->out, out))
		return E_NONE;
	rc = compute(k, o);
	if (!rc)
		emu_replay_put(job->replay, in, 4, o->out, out);
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
	if (!out_len(k, o)) {
		job->sqe[RESULT_WORD] =
			o->out[0] != job->corrupt ? RESULT_GOOD : 0;
		return E_NONE;
	}
	if (job->corrupt) /* in the middle: it stays below the modulus */
		o->out[out_len(k, o) < o->width ? 0 : o->width / 2] ^= 0x55;
	if (dma->write(dma->ctx, dma->pasid, GET64(job->sqe, OUT), o->out,
		       out_len(k, o)))
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
	o.text = GET(sqe, SM2_MLEN) + 1;
	o.draw = GET(sqe, SM2_KSEL);
	rc = job->fail ? E_FAULT : check(job, k, o.width);
	if (!rc) {
		rc = run_operands(job, k, &o);
		wd_wipe(&o, sizeof(o));
	}
	PUT(sqe, ETYPE, rc);
	PUT(sqe, ETYPE1, 0);
	PUT(sqe, DONE, HPRE_DONE_FINISHED);
}

/* What V3 drivers read before they write; V2 drivers have it built in.
 * docs/hw/qm.md#capabilities */
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
