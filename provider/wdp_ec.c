/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_ec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/wd_base.h"
#include "base/wd_log.h"

/* What each kind of job works with. */
static const struct wdp_ec_kind {
	enum hpre_alg alg;
	enum wdp_ec_block_kind block;
	bool private, sm2; /* what the key must be */
} ec_kinds[OFFLOAD_KINDS] = {
	[OFFLOAD_ECDH] = { HPRE_ALG_EC_MUL, WDP_EC_MUL, true },
	[OFFLOAD_ECDSA_SIGN] = { HPRE_ALG_ECDSA_SIGN, WDP_EC_PRIVATE, true },
	[OFFLOAD_ECDSA_VERIFY] = { HPRE_ALG_ECDSA_VERIFY, WDP_EC_PUBLIC },
	[OFFLOAD_SM2_SIGN] = { HPRE_ALG_SM2_SIGN, WDP_EC_PRIVATE, true, true },
	[OFFLOAD_SM2_VERIFY] = { HPRE_ALG_SM2_VERIFY, WDP_EC_PUBLIC, false,
				 true },
	[OFFLOAD_SM2_ENCRYPT] = { HPRE_ALG_SM2_ENC, WDP_EC_PUBLIC, false,
				  true },
	[OFFLOAD_SM2_DECRYPT] = { HPRE_ALG_SM2_DEC, WDP_EC_PRIVATE, true,
				  true },
};

static const enum hpre_alg ec_block_alg[WDP_EC_BLOCKS] = {
	[WDP_EC_MUL] = HPRE_ALG_EC_MUL,
	[WDP_EC_PRIVATE] = HPRE_ALG_ECDSA_SIGN,
	[WDP_EC_PUBLIC] = HPRE_ALG_ECDSA_VERIFY,
};

/* ---- the form of a key ---------------------------------------------------- */

struct wdp_ec *wdp_ec_new(const struct wdp_curve *c)
{
	struct wdp_ec *e = calloc(1, sizeof(*e));

	if (e)
		e->curve = c;
	return e;
}

static size_t ec_block_size(const struct wdp_ec *e, enum wdp_ec_block_kind b)
{
	return hpre_key_size(ec_block_alg[b], e->curve->width);
}

void wdp_ec_free(void *ec)
{
	struct wdp_ec *e = ec;

	if (!e)
		return;
	for (int b = 0; b < WDP_EC_BLOCKS; b++) {
		if (!e->block[b])
			continue;
		wd_wipe(e->block[b],
			ec_block_size(e, (enum wdp_ec_block_kind)b));
		free(e->block[b]);
	}
	wdp_curve_free(e->own);
	wd_wipe(e, sizeof(*e));
	free(e);
}

/* ---- from the twin ---------------------------------------------------------- */

static struct wdp_curve *ec_twin_explicit(OSSL_LIB_CTX *libctx,
					  const EVP_PKEY *twin)
{
	OSSL_PARAM *params = NULL;
	EC_GROUP *group;

	if (EVP_PKEY_todata(twin, EVP_PKEY_KEY_PARAMETERS, &params) <= 0)
		return NULL;
	group = EC_GROUP_new_from_params(params, libctx, NULL);
	OSSL_PARAM_free(params);
	return group ? wdp_curve_explicit(group) : NULL;
}

static void ec_twin_curve(struct wdp_ec *e, const struct wdp_pkey *k,
			  const EVP_PKEY *twin)
{
	char name[64];
	size_t len;

	if (EVP_PKEY_get_group_name(twin, name, sizeof(name), &len)) {
		e->curve = wdp_curve_named(k->prov, name);
	} else {
		e->own = ec_twin_explicit(wdp_twin(k->prov), twin);
		e->curve = e->own;
	}
	if (e->curve && !e->curve->device)
		e->curve = NULL;
}

static bool ec_twin_number(const struct wdp_ec *e, const EVP_PKEY *twin,
			   const char *name, uint8_t *to)
{
	int width = (int)e->curve->width;
	BIGNUM *bn = NULL;
	bool ok;

	ok = EVP_PKEY_get_bn_param(twin, name, &bn) &&
	     BN_bn2binpad(bn, to, width) == width;
	BN_clear_free(bn);
	return ok;
}

static void ec_from_twin(struct wdp_ec *e, const struct wdp_pkey *k)
{
	const EVP_PKEY *twin = k->twin;

	ec_twin_curve(e, k, twin);
	if (!e->curve)
		return;
	e->has_pub = k->has_pub &&
		     ec_twin_number(e, twin, OSSL_PKEY_PARAM_EC_PUB_X, e->x) &&
		     ec_twin_number(e, twin, OSSL_PKEY_PARAM_EC_PUB_Y, e->y) &&
		     wdp_curve_has(e->curve, e->x, e->y);
	e->has_priv = k->has_priv &&
		      ec_twin_number(e, twin, OSSL_PKEY_PARAM_PRIV_KEY, e->d) &&
		      wdp_curve_scalar_ok(e->curve, e->d);
}

static void *ec_dev_new(const struct wdp_pkey *k)
{
	struct wdp_ec *e = wdp_ec_new(NULL);

	if (!e || !k->twin)
		return e;
	/* A part that is missing or odd is for software: no error yet. */
	ERR_set_mark();
	ec_from_twin(e, k);
	ERR_pop_to_mark();
	return e;
}

const struct wdp_ec *wdp_ec_dev(struct wdp_pkey *k)
{
	return wdp_pkey_empty(k) ? NULL : wdp_pkey_dev(k, ec_dev_new);
}

/* ---- key blocks -------------------------------------------------------------- */

static int ec_fill(uint8_t *block, const struct wdp_ec *e, enum hpre_alg alg)
{
	const struct wdp_curve *c = e->curve;
	const struct hpre_num numbers[HPRE_NUMBERS] = {
		[HPRE_FIELD] = wdp_curve_num(c, c->p),
		[HPRE_A] = wdp_curve_num(c, c->a),
		[HPRE_B] = wdp_curve_num(c, c->b),
		[HPRE_ORDER] = wdp_curve_num(c, c->n),
		[HPRE_GX] = wdp_curve_num(c, c->gx),
		[HPRE_GY] = wdp_curve_num(c, c->gy),
		[HPRE_QX] = wdp_curve_num(c, e->x),
		[HPRE_QY] = wdp_curve_num(c, e->y),
		[HPRE_SCALAR] = wdp_curve_num(c, e->d),
	};

	return hpre_key(block, alg, c->width, numbers);
}

int wdp_ec_mul_block(uint8_t *block, const struct wdp_curve *c,
		     const uint8_t *d)
{
	const struct hpre_num numbers[HPRE_NUMBERS] = {
		[HPRE_FIELD] = wdp_curve_num(c, c->p),
		[HPRE_A] = wdp_curve_num(c, c->a),
		[HPRE_B] = wdp_curve_num(c, c->b),
		[HPRE_SCALAR] = wdp_curve_num(c, d),
	};

	return hpre_key(block, HPRE_ALG_EC_MUL, c->width, numbers);
}

/* Made by whoever needs it first; who loses the race frees its own. */
static uint8_t *ec_block(struct wdp_ec *e, enum wdp_ec_block_kind b)
{
	uint8_t *block = atomic_load_explicit(&e->block[b],
					      memory_order_acquire),
		*seen = NULL;

	if (block)
		return block;
	block = malloc(ec_block_size(e, b));
	if (!block)
		return NULL;
	if (ec_fill(block, e, ec_block_alg[b])) {
		free(block);
		return NULL;
	}
	if (atomic_compare_exchange_strong(&e->block[b], &seen, block))
		return block;
	wd_wipe(block, ec_block_size(e, b));
	free(block);
	return seen;
}

static bool ec_can(struct wdp_pkey *k, enum offload_kind kind)
{
	const struct wdp_ec_kind *what = &ec_kinds[kind];
	const struct wdp_ec *e;

	if (!offload_choose(k->prov->off, kind, k->size))
		return false;
	e = wdp_ec_dev(k);
	return e && e->curve && (what->private ? e->has_priv : e->has_pub) &&
	       (!what->sm2 || e->curve->sm2) &&
	       offload_has_hpre(k->prov->off, kind, what->alg,
				e->curve->width) &&
	       ec_block((struct wdp_ec *)e, what->block);
}

bool wdp_ec_offloads(struct wdp_pkey *k, enum offload_kind kind)
{
	if (ec_can(k, kind))
		return true;
	offload_count_software(k->prov->off, kind);
	return false;
}

const uint8_t *wdp_ec_block(const struct wdp_pkey *k, enum offload_kind kind)
{
	const struct wdp_ec *e;

	e = atomic_load_explicit(&k->dev, memory_order_acquire);
	return atomic_load_explicit(&e->block[ec_kinds[kind].block],
				    memory_order_acquire);
}

/* ---- operations --------------------------------------------------------------- */

/* Candidates of the order's length until one is in range (FIPS 186-5 A.2.2):
 * one in two at worst. */
int wdp_ec_draw(struct wdp_ctx *p, const struct wdp_curve *c, uint8_t *d)
{
	OSSL_LIB_CTX *libctx = wdp_twin(p);
	uint32_t skip = c->width - c->order_len;
	uint8_t mask = (uint8_t)(0xff >> (8 * c->order_len - c->order_bits));

	memset(d, 0, skip);
	do {
		if (!libctx || RAND_priv_bytes_ex(libctx, d + skip,
						  c->order_len, 0) <= 0) {
			wdp_raise(p, WDP_R_INTERNAL, "no randomness");
			return -EIO;
		}
		d[skip] &= mask;
	} while (!wdp_curve_scalar_ok(c, d));
	return 0;
}

int wdp_ec_mul(struct wdp_ctx *p, const struct wdp_curve *c,
	       const uint8_t *block, const uint8_t *in, uint8_t *out,
	       struct offload_waiter *w)
{
	const struct offload_hpre op = {
		.kind = OFFLOAD_ECDH,
		.alg = HPRE_ALG_EC_MUL,
		.width = c->width,
		.fast = c->fast,
		.key = block,
		.in = in,
		.out = out,
	};
	int rc = offload_hpre(p->off, &op, w);

	if (rc || wdp_curve_has(c, out, out + c->width))
		return rc;
	wd_err("%s: the device computed a wrong result",
	       offload_kind_name(OFFLOAD_ECDH));
	offload_count_wrong(p->off, OFFLOAD_ECDH);
	return -EILSEQ;
}
