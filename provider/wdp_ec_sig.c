/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_ec_sig.h"

#include <errno.h>
#include <string.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "provider/wdp_der.h"

/* What an operation needs; @in holds the nonce. */
struct ec_room {
	uint8_t in[2 * WDP_EC_WIDTH_MAX];  /* e | k */
	uint8_t out[2 * WDP_EC_WIDTH_MAX]; /* r | s */
	uint8_t check[3 * WDP_EC_WIDTH_MAX];
	uint8_t nonce[WDP_EC_WIDTH_MAX];
};

static const struct ec_verb {
	enum hpre_alg alg;
	enum offload_kind check; /* of a signature */
} ec_verbs[OFFLOAD_KINDS] = {
	[OFFLOAD_ECDSA_SIGN] = { HPRE_ALG_ECDSA_SIGN, OFFLOAD_ECDSA_VERIFY },
	[OFFLOAD_ECDSA_VERIFY] = { .alg = HPRE_ALG_ECDSA_VERIFY },
	[OFFLOAD_SM2_SIGN] = { HPRE_ALG_SM2_SIGN, OFFLOAD_SM2_VERIFY },
	[OFFLOAD_SM2_VERIFY] = { .alg = HPRE_ALG_SM2_VERIFY },
};

static const struct wdp_curve *ec_curve(const struct wdp_pkey *k)
{
	const struct wdp_ec *e;

	e = atomic_load_explicit(&k->dev, memory_order_acquire);
	return e->curve;
}

/* ---- numbers ------------------------------------------------------------- */

/* @e -= n.  Nothing here is secret: what is signed is told to everybody. */
static void ec_minus_order(const struct wdp_curve *c, uint8_t *e)
{
	unsigned int borrow = 0;

	for (size_t i = c->width; i-- > 0;) {
		unsigned int v = 0x100u + e[i] - c->n[i] - borrow;

		e[i] = (uint8_t)v;
		borrow = v < 0x100;
	}
}

static void ec_shift_right(uint8_t *p, size_t len, unsigned int bits)
{
	for (size_t i = len; bits && i-- > 0;) {
		unsigned int above = i ? p[i - 1] : 0;

		p[i] = (uint8_t)((above << 8 | p[i]) >> bits);
	}
}

/* As many bits as the order has are less than twice the order. */
void wdp_ec_e(const struct wdp_curve *c, uint8_t *e, const uint8_t *tbs,
	      size_t len)
{
	size_t n = len < c->order_len ? len : c->order_len;

	memset(e, 0, c->width);
	if (n)
		memcpy(e + c->width - n, tbs, n);
	if (n == c->order_len)
		ec_shift_right(e + c->width - n, n,
			       8 * c->order_len - c->order_bits);
	if (memcmp(e, c->n, c->width) >= 0)
		ec_minus_order(c, e);
}

static bool ec_below_order(const struct wdp_curve *c, struct hpre_num n)
{
	return memcmp(n.p, c->n, c->width) < 0;
}

/* ---- verify -------------------------------------------------------------- */

/* @in: room for e | s | r. */
static int ec_verify_job(struct wdp_pkey *k, enum offload_kind kind,
			 uint8_t *in, const uint8_t *e,
			 const struct wdp_der_sig *sig,
			 struct offload_waiter *w)
{
	const struct wdp_curve *c = ec_curve(k);
	const uint8_t *key = wdp_ec_block(k, kind);
	const struct hpre_op hw = { .alg = ec_verbs[kind].alg,
				    .width = c->width };
	const struct hpre_num numbers[HPRE_NUMBERS] = {
		[HPRE_HASH] = wdp_curve_num(c, e),
		[HPRE_R] = sig->r,
		[HPRE_S] = sig->s,
	};
	const struct offload_hpre op = {
		.kind = kind,
		.alg = hw.alg,
		.width = hw.width,
		.key = key,
		.in = in,
	};

	if (hpre_in(in, &hw, key, numbers))
		return -EINVAL;
	return offload_hpre(k->prov->off, &op, w);
}

int wdp_ec_verify(struct wdp_pkey *k, enum offload_kind kind,
		  const uint8_t *sig, size_t sig_len, const uint8_t *tbs,
		  size_t len)
{
	uint8_t e[WDP_EC_WIDTH_MAX], in[3 * WDP_EC_WIDTH_MAX];
	struct offload_waiter *w;
	struct wdp_der_sig rs;
	int rc;

	if (!wdp_ec_offloads(k, kind))
		return WDP_IN_SOFTWARE;
	if (wdp_der_get_sig(&rs, sig, sig_len))
		goto software;
	wdp_ec_e(ec_curve(k), e, tbs, len);
	w = wdp_waiter_get(k->prov);
	rc = ec_verify_job(k, kind, in, e, &rs, w);
	wdp_waiter_release(w);
	if (!rc)
		return 0;
	/* What the device finds wrong is for the twin to judge. */
	if (rc == -EBADMSG)
		goto software;
	return wdp_software_may(k->prov, kind, rc) ? WDP_IN_SOFTWARE : rc;

software:
	offload_count_software(k->prov->off, kind);
	return WDP_IN_SOFTWARE;
}

/* ---- sign ---------------------------------------------------------------- */

static bool ec_device_draws(const struct wdp_pkey *k, enum offload_kind kind)
{
	return kind == OFFLOAD_SM2_SIGN && k->prov->cfg.device_nonce;
}

/* r and s into room->out, and where they are into @sig. */
static int ec_sign_job(struct wdp_pkey *k, enum offload_kind kind,
		       struct ec_room *room, const uint8_t *e,
		       struct wdp_der_sig *sig, struct offload_waiter *w)
{
	const struct wdp_curve *c = ec_curve(k);
	const uint8_t *key = wdp_ec_block(k, kind);
	const struct hpre_op hw = {
		.alg = ec_verbs[kind].alg,
		.width = c->width,
		.device_nonce = ec_device_draws(k, kind),
	};
	struct hpre_num numbers[HPRE_NUMBERS] = {
		[HPRE_HASH] = wdp_curve_num(c, e),
		[HPRE_NONCE] = wdp_curve_num(c, room->nonce),
	};
	const struct offload_hpre op = {
		.kind = kind,
		.alg = hw.alg,
		.width = hw.width,
		.device_nonce = hw.device_nonce,
		.key = key,
		.in = room->in,
		.out = room->out,
	};
	int rc = hpre_in(room->in, &hw, key, numbers);

	wd_wipe(room->nonce, sizeof(room->nonce));
	if (!rc)
		rc = offload_hpre(k->prov->off, &op, w);
	if (rc)
		return rc;
	if (hpre_out(numbers, &hw, room->out) ||
	    !ec_below_order(c, numbers[HPRE_R]) ||
	    !ec_below_order(c, numbers[HPRE_S]))
		return -EILSEQ;
	*sig = (struct wdp_der_sig){ numbers[HPRE_R], numbers[HPRE_S] };
	return 0;
}

/* A check that can't be made counts as failed. */
static int ec_sign_checked(struct wdp_pkey *k, enum offload_kind kind,
			   struct ec_room *room, const uint8_t *e,
			   struct wdp_der_sig *sig, struct offload_waiter *w)
{
	int rc = ec_sign_job(k, kind, room, e, sig, w);

	if (!rc && k->prov->cfg.ec_sign_check)
		rc = ec_verify_job(k, ec_verbs[kind].check, room->check, e, sig,
				   w);
	if (rc != -EBADMSG && rc != -EILSEQ)
		return rc;
	wd_err("%s: the device computed a wrong result",
	       offload_kind_name(kind));
	offload_count_wrong(k->prov->off, kind);
	return -EILSEQ;
}

static bool ec_sign_offloads(struct wdp_pkey *k, enum offload_kind kind)
{
	return wdp_ec_offloads(k, kind) &&
	       (!k->prov->cfg.ec_sign_check ||
		wdp_ec_offloads(k, ec_verbs[kind].check));
}

int wdp_ec_sign(struct wdp_pkey *k, enum offload_kind kind, uint8_t *sig,
		size_t *sig_len, const uint8_t *tbs, size_t len)
{
	uint8_t e[WDP_EC_WIDTH_MAX];
	struct offload_waiter *w;
	struct ec_room *room;
	struct wdp_der_sig rs;
	int rc = 0;

	if (!ec_sign_offloads(k, kind))
		return WDP_IN_SOFTWARE;
	wdp_ec_e(ec_curve(k), e, tbs, len);
	room = wdp_room_get(k->prov, sizeof(*room), &w);
	if (!room)
		return WDP_IN_SOFTWARE;
	if (!ec_device_draws(k, kind))
		rc = wdp_ec_draw(k->prov, ec_curve(k), room->nonce);
	if (rc)
		goto put_room;
	rc = ec_sign_checked(k, kind, room, e, &rs, w);
	if (!rc)
		*sig_len = wdp_der_put_sig(sig, k->size, &rs);
	if (rc && wdp_software_may(k->prov, kind, rc))
		rc = WDP_IN_SOFTWARE;
put_room:
	wdp_room_put(k->prov, room, sizeof(*room), w);
	return rc;
}
