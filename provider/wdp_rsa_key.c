/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device form of an RSA key, and the raw operations on it.
 *
 *	twin ── numbers ──▶ key blocks, once a key ──▶ offload_rsa()
 *
 * Made at the first operation the device is wanted for, so that keys which are
 * only looked at, and every EVP init, cost nothing.  A key the engine does not
 * do gets a form too, an empty one: the question is not asked twice.
 */
#include "provider/wdp_pkey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "provider/wdp_rsa_pad.h"

/* Above SMALL bits of modulus libcrypto takes only exponents this short; its
 * names for the limits are deprecated, the limits are not. */
#define RSA_SMALL_MODULUS_BITS 3072
#define RSA_MAX_EXPONENT_BYTES 8

struct wdp_rsa_dev {
	uint32_t width;	      /* bytes of n */
	bool private, public; /* the blocks below are there */
	bool verifies;	      /* libcrypto does public operations with e */
	bool hashed;	      /* @key_hash is there */
	enum hpre_alg alg;    /* of the private block */
	uint8_t n[HPRE_WIDTH_MAX];
	uint8_t key_hash[WDP_RSA_KEY_HASH];
	/* e|n, and dq|dp|q|p|qinv or d|n */
	uint8_t public_block[2 * HPRE_WIDTH_MAX];
	uint8_t private_block[5 * HPRE_WIDTH_MAX / 2];
};

void wdp_rsa_dev_free(void *dev)
{
	if (!dev)
		return;
	wd_wipe(dev, sizeof(struct wdp_rsa_dev));
	free(dev);
}

/* ---- marshalling --------------------------------------------------------- */

enum rsa_part {
	RSA_N,
	RSA_E,
	RSA_D,
	RSA_P,
	RSA_Q,
	RSA_DP,
	RSA_DQ,
	RSA_QINV,
	RSA_PARTS
};

/* The numbers of a key, as codecs take them; secret. */
struct rsa_numbers {
	struct hpre_num num[RSA_PARTS]; /* p NULL: not in this key */
	uint8_t bytes[RSA_PARTS][HPRE_WIDTH_MAX];
};

static const char *const rsa_part_names[RSA_PARTS] = {
	[RSA_N] = OSSL_PKEY_PARAM_RSA_N,
	[RSA_E] = OSSL_PKEY_PARAM_RSA_E,
	[RSA_D] = OSSL_PKEY_PARAM_RSA_D,
	[RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
	[RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
	[RSA_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
	[RSA_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
	[RSA_QINV] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

static void rsa_number_read(struct rsa_numbers *r, enum rsa_part part,
			    const EVP_PKEY *twin)
{
	uint8_t *bytes = r->bytes[part];
	size_t len;

	/* A part that is missing or too wide is simply not there. */
	len = wdp_pkey_number(twin, rsa_part_names[part], bytes,
			      sizeof(r->bytes[part]));
	if (!len)
		return;
	r->num[part].p = bytes + sizeof(r->bytes[part]) - len;
	r->num[part].len = len;
}

/* More than two primes: the engine's CRT form has no room for them. */
static bool rsa_multi_prime(const EVP_PKEY *twin)
{
	return wdp_pkey_part(twin, OSSL_PKEY_PARAM_RSA_FACTOR3);
}

static bool rsa_marshal_crt(struct wdp_rsa_dev *d, const struct rsa_numbers *r)
{
	const struct hpre_rsa_crt crt = {
		.p = r->num[RSA_P],
		.q = r->num[RSA_Q],
		.dp = r->num[RSA_DP],
		.dq = r->num[RSA_DQ],
		.qinv = r->num[RSA_QINV],
	};

	for (int part = RSA_P; part <= RSA_QINV; part++)
		if (!r->num[part].p)
			return false;
	return !hpre_key_rsa_crt(d->private_block, d->width, &crt);
}

static bool rsa_marshal_private(struct wdp_rsa_dev *d,
				const struct rsa_numbers *r, bool multi)
{
	d->alg = HPRE_ALG_RSA_CRT;
	if (!multi && rsa_marshal_crt(d, r))
		return true;
	d->alg = HPRE_ALG_MODEXP;
	return r->num[RSA_D].p &&
	       !hpre_key_modexp(d->private_block, d->width, r->num[RSA_D],
				r->num[RSA_N]);
}

/* What libcrypto refuses must not work here; the twin says why. */
static bool rsa_exponent_ok(const struct rsa_numbers *r, unsigned int bits)
{
	const struct hpre_num *n = &r->num[RSA_N], *e = &r->num[RSA_E];
	bool small = bits <= RSA_SMALL_MODULUS_BITS ||
		     e->len <= RSA_MAX_EXPONENT_BYTES;

	return small && e->len <= n->len &&
	       (e->len < n->len || memcmp(e->p, n->p, e->len) < 0);
}

/* For implicit rejection. */
static bool rsa_hash_key(struct wdp_rsa_dev *d, const struct wdp_pkey *k,
			 const struct hpre_num *num)
{
	const EVP_MD *sha256 = wdp_twin_md(k->prov, "SHA2-256");
	uint8_t padded[HPRE_WIDTH_MAX] = { 0 };
	bool ok;

	if (!sha256 || !num->p || num->len > d->width)
		return false;
	memcpy(padded + d->width - num->len, num->p, num->len);
	ok = !wdp_rsa_key_hash(sha256, padded, d->width, d->key_hash);
	wd_wipe(padded, sizeof(padded));
	return ok;
}

static void rsa_marshal(struct wdp_rsa_dev *d, const struct wdp_pkey *k,
			struct rsa_numbers *r)
{
	for (int part = 0; part < RSA_PARTS; part++)
		rsa_number_read(r, (enum rsa_part)part, k->twin);
	if (r->num[RSA_N].len != d->width || !r->num[RSA_E].p)
		return;
	memcpy(d->n, r->num[RSA_N].p, d->width);
	d->public = !hpre_key_modexp(d->public_block, d->width, r->num[RSA_E],
				     r->num[RSA_N]);
	d->verifies = d->public && rsa_exponent_ok(r, k->bits);
	/* Without a public block no result could be checked. */
	d->private = d->public &&
		     rsa_marshal_private(d, r, rsa_multi_prime(k->twin));
	d->hashed = d->private && rsa_hash_key(d, k, &r->num[RSA_D]);
}

static void *rsa_dev_new(const struct wdp_pkey *k)
{
	struct wdp_rsa_dev *d = calloc(1, sizeof(*d));
	struct rsa_numbers *r = calloc(1, sizeof(*r));

	if (!d || !r) {
		free(d);
		free(r);
		return NULL;
	}
	d->width = k->bits / 8;
	rsa_marshal(d, k, r);
	wd_wipe(r, sizeof(*r));
	free(r);
	return d;
}

static struct wdp_rsa_dev *rsa_dev(struct wdp_pkey *k)
{
	return wdp_pkey_dev(k, rsa_dev_new);
}

/* ---- operations ---------------------------------------------------------- */

static bool rsa_can(struct wdp_pkey *k, enum offload_kind kind)
{
	const struct wdp_rsa_dev *d;

	if (!hpre_rsa_bits_ok(k->bits) ||
	    !offload_choose(k->prov->off, kind, k->size))
		return false;
	d = rsa_dev(k);
	if (!d)
		return false;
	return kind == OFFLOAD_RSA_PRIVATE ? d->private : d->verifies;
}

bool wdp_rsa_offloads(struct wdp_pkey *k, enum offload_kind kind)
{
	if (rsa_can(k, kind))
		return true;
	offload_count_software(k->prov->off, kind);
	return false;
}

const uint8_t *wdp_rsa_modulus(const struct wdp_pkey *k)
{
	const struct wdp_rsa_dev *d;

	d = atomic_load_explicit(&k->dev, memory_order_acquire);
	return d->n;
}

const uint8_t *wdp_rsa_hash_of_key(const struct wdp_pkey *k)
{
	const struct wdp_rsa_dev *d;

	d = atomic_load_explicit(&k->dev, memory_order_acquire);
	return d->hashed ? d->key_hash : NULL;
}

static int rsa_run(struct wdp_pkey *k, enum offload_kind kind,
		   const uint8_t *in, uint8_t *out, struct offload_waiter *w)
{
	const struct wdp_rsa_dev *d = k->dev;
	bool private = kind == OFFLOAD_RSA_PRIVATE;
	bool check = private && k->prov->cfg.rsa_crt_check;
	const struct offload_rsa op = {
		.kind = kind,
		.alg = private ? d->alg : HPRE_ALG_MODEXP,
		.width = d->width,
		.key = private ? d->private_block : d->public_block,
		.in = in,
		.out = out,
		.check = check ? d->public_block : NULL,
	};

	return offload_rsa(k->prov->off, &op, w);
}

static int rsa_fall_back(struct wdp_pkey *k, enum offload_kind kind, int rc)
{
	return wdp_software_may(k->prov, kind, rc) ? WDP_IN_SOFTWARE : rc;
}

static bool rsa_below_modulus(const struct wdp_pkey *k, const uint8_t *in)
{
	return memcmp(in, wdp_rsa_modulus(k), k->size) < 0;
}

/*
 * Half a wrong CRT result gives the factors of the key away (Boneh, DeMillo,
 * Lipton 1997).  A check that can't be made counts as failed.
 */
int wdp_rsa_private(struct wdp_pkey *k, const uint8_t *in, uint8_t *out)
{
	struct offload_waiter *w;
	int rc;

	if (!rsa_below_modulus(k, in))
		return rsa_fall_back(k, OFFLOAD_RSA_PRIVATE, -EINVAL);
	w = wdp_waiter_get(k->prov);
	rc = rsa_run(k, OFFLOAD_RSA_PRIVATE, in, out, w);
	wdp_waiter_release(w);
	if (rc == -EILSEQ) {
		wd_err("%s: the device computed a wrong result",
		       offload_kind_name(OFFLOAD_RSA_PRIVATE));
		offload_count_wrong(k->prov->off, OFFLOAD_RSA_PRIVATE);
	}
	return rc ? rsa_fall_back(k, OFFLOAD_RSA_PRIVATE, rc) : 0;
}

int wdp_rsa_public(struct wdp_pkey *k, const uint8_t *in, uint8_t *out)
{
	struct offload_waiter *w;
	int rc;

	if (!rsa_below_modulus(k, in))
		return rsa_fall_back(k, OFFLOAD_RSA_PUBLIC, -EINVAL);
	w = wdp_waiter_get(k->prov);
	rc = rsa_run(k, OFFLOAD_RSA_PUBLIC, in, out, w);
	wdp_waiter_release(w);
	return rc ? rsa_fall_back(k, OFFLOAD_RSA_PUBLIC, rc) : 0;
}

int wdp_rsa_seal(struct wdp_pkey *k, uint8_t *em, uint8_t *out)
{
	struct offload_waiter *w;
	uint8_t *secret;
	int rc;

	if (!rsa_below_modulus(k, em))
		return rsa_fall_back(k, OFFLOAD_RSA_PUBLIC, -EINVAL);
	secret = wdp_room_get(k->prov, k->size, &w);
	if (!secret)
		return rsa_fall_back(k, OFFLOAD_RSA_PUBLIC, -ENOMEM);
	memcpy(secret, em, k->size);
	wd_wipe(em, k->size);
	rc = rsa_run(k, OFFLOAD_RSA_PUBLIC, secret, out, w);
	wdp_room_put(k->prov, secret, k->size, w);
	return rc ? rsa_fall_back(k, OFFLOAD_RSA_PUBLIC, rc) : 0;
}
