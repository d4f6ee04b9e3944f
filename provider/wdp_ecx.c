/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of X25519 and X448 keys, and multiplication by the device.
 *
 *	octets of RFC 7748, low byte first	numbers of HPRE, high byte first
 *	private: clamped ───── reversed ─────▶	scalar, in the key block
 *	public:	 bit 255 off ── reversed ────▶	u
 *
 * The engine wants 0 < u < p.  The twenty-odd other values a peer can send are
 * software's, which reduces them; so are results of zero, which it refuses.
 */
#include "provider/wdp_ecx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "provider/wdp_keymgmt.h"

#define FF4  0xff, 0xff, 0xff, 0xff
#define FF12 FF4, FF4, FF4
#define FF24 FF12, FF12
#define FF28 FF24, FF4

/* RFC 7748 4.1, 4.2, 5; a24 of docs/hw/hpre.md#curves */
static const struct wdp_ecx_curve ecx_25519 = {
	.kind = OFFLOAD_X25519,
	.len = 32,
	.width = 32,
	.bits = 253,
	.security_bits = 128,
	.base = 9,
	.low = 0xf8,
	.high_and = 0x7f,
	.high_or = 0x40,
	.u_mask = 0x7f,
	.a24 = { 0x01, 0xdb, 0x41 }, /* 121665 */
	.p = { 0x7f, 0xff, 0xff, FF28, 0xed },
};

static const struct wdp_ecx_curve ecx_448 = {
	.kind = OFFLOAD_X448,
	.len = 56,
	.width = 72,
	.bits = 448,
	.security_bits = 224,
	.base = 5,
	.low = 0xfc,
	.high_and = 0xff,
	.high_or = 0x80,
	.u_mask = 0xff,
	.a24 = { 0x00, 0x98, 0xa9 }, /* 39081 */
	.p = { [16] = 0xff, 0xff, 0xff, FF24, 0xfe, FF28 },
};

const struct wdp_ecx_curve *wdp_ecx_curve(const struct wdp_pkey_spec *spec)
{
	return spec == &wdp_x448_spec ? &ecx_448 : &ecx_25519;
}

/* ---- octets and numbers ---------------------------------------------------- */

static void ecx_reverse(uint8_t *to, size_t room, const uint8_t *from,
			size_t len)
{
	memset(to, 0, room - len);
	for (size_t i = 0; i < len; i++)
		to[room - 1 - i] = from[i];
}

static void ecx_octets(const struct wdp_ecx_curve *c, uint8_t *to,
		       const uint8_t *number)
{
	for (size_t i = 0; i < c->len; i++)
		to[i] = number[c->width - 1 - i];
}

/* In constant time: a result is a secret. */
static bool ecx_is_zero(const struct wdp_ecx_curve *c, const uint8_t *v)
{
	uint8_t any = 0;

	for (size_t i = 0; i < c->width; i++)
		any |= v[i];
	return !any;
}

static bool ecx_below_p(const struct wdp_ecx_curve *c, const uint8_t *v)
{
	unsigned int borrow = 0;

	for (size_t i = c->width; i--;)
		borrow = ((unsigned int)v[i] - c->p[i] - borrow) >> 8 & 1;
	return borrow;
}

/* The key block of @priv, clamped. */
static bool ecx_block(const struct wdp_ecx_curve *c, uint8_t *block,
		      const uint8_t *priv)
{
	uint8_t scalar[WDP_ECX_WIDTH_MAX];
	const struct hpre_num numbers[HPRE_NUMBERS] = {
		[HPRE_FIELD] = { c->p, c->width },
		[HPRE_A24] = { c->a24, sizeof(c->a24) },
		[HPRE_SCALAR] = { scalar, c->width },
	};
	bool ok;

	ecx_reverse(scalar, c->width, priv, c->len);
	scalar[c->width - 1] &= c->low;
	scalar[c->width - c->len] &= c->high_and;
	scalar[c->width - c->len] |= c->high_or;
	ok = !hpre_key(block, HPRE_ALG_MONTGOMERY, c->width, numbers);
	wd_wipe(scalar, sizeof(scalar));
	return ok;
}

/* ---- the form --------------------------------------------------------------- */

void wdp_ecx_free(void *form)
{
	if (!form)
		return;
	wd_wipe(form, sizeof(struct wdp_ecx));
	free(form);
}

static void ecx_take_pub(struct wdp_ecx *e, const uint8_t *pub)
{
	const struct wdp_ecx_curve *c = e->curve;

	memcpy(e->pub, pub, c->len);
	e->has_pub = true;
	ecx_reverse(e->u, c->width, pub, c->len);
	e->u[c->width - c->len] &= c->u_mask;
	e->u_ok = !ecx_is_zero(c, e->u) && ecx_below_p(c, e->u);
}

/* @block: NULL: to be made */
static struct wdp_ecx *ecx_new(const struct wdp_ecx_curve *c,
			       const uint8_t *pub, const uint8_t *priv,
			       const uint8_t *block)
{
	struct wdp_ecx *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->curve = c;
	if (pub)
		ecx_take_pub(e, pub);
	if (!priv)
		return e;
	memcpy(e->priv, priv, c->len);
	e->has_priv = true;
	e->block_ok = true;
	if (block)
		memcpy(e->block, block, 3 * c->width);
	else
		e->block_ok = ecx_block(c, e->block, priv);
	return e;
}

static int ecx_put(struct wdp_pkey *k, struct wdp_ecx *e)
{
	if (!e)
		return -ENOMEM;
	wdp_pkey_set_lean(k, e);
	k->size = e->curve->len;
	k->bits = e->curve->bits;
	k->has_pub = e->has_pub;
	k->has_priv = e->has_priv;
	return 0;
}

int wdp_ecx_set(struct wdp_pkey *k, const uint8_t *pub, const uint8_t *priv)
{
	return ecx_put(k, ecx_new(wdp_ecx_curve(k->spec), pub, priv, NULL));
}

static bool ecx_part(const EVP_PKEY *twin, const char *name, uint8_t *to,
		     size_t len)
{
	size_t got = 0;

	return EVP_PKEY_get_octet_string_param(twin, name, to, len, &got) > 0 &&
	       got == len;
}

/* Of a key that a decoder brought. */
static void *ecx_of_twin(const struct wdp_pkey *k)
{
	const struct wdp_ecx_curve *c = wdp_ecx_curve(k->spec);
	uint8_t pub[WDP_ECX_LEN_MAX], priv[WDP_ECX_LEN_MAX];
	EVP_PKEY *twin = k->twin;
	struct wdp_ecx *e;
	bool has_pub = twin && k->has_pub &&
		       ecx_part(twin, OSSL_PKEY_PARAM_PUB_KEY, pub, c->len);
	bool has_priv = twin && k->has_priv &&
			ecx_part(twin, OSSL_PKEY_PARAM_PRIV_KEY, priv, c->len);

	e = ecx_new(c, has_pub ? pub : NULL, has_priv ? priv : NULL, NULL);
	wd_wipe(priv, sizeof(priv));
	return e;
}

const struct wdp_ecx *wdp_ecx(const struct wdp_pkey *k)
{
	return wdp_pkey_dev((struct wdp_pkey *)k, ecx_of_twin);
}

EVP_PKEY *wdp_ecx_materialise(const struct wdp_pkey *k)
{
	const struct wdp_ecx *e = k->dev;
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *twin = NULL;
	OSSL_PARAM params[3], *a = params;

	if (!e->has_pub && !e->has_priv)
		return NULL;
	if (e->has_pub)
		*a++ = OSSL_PARAM_construct_octet_string(
			OSSL_PKEY_PARAM_PUB_KEY, (void *)e->pub, e->curve->len);
	if (e->has_priv)
		*a++ = OSSL_PARAM_construct_octet_string(
			OSSL_PKEY_PARAM_PRIV_KEY, (void *)e->priv,
			e->curve->len);
	*a = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(wdp_twin(k->prov), k->spec->type,
					 NULL);
	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &twin, EVP_PKEY_KEYPAIR, params) <= 0)
		twin = NULL;
	EVP_PKEY_CTX_free(ctx);
	return twin;
}

/* ---- multiplication ----------------------------------------------------------- */

static int ecx_software(struct wdp_ctx *p, const struct wdp_ecx_curve *c)
{
	offload_count_software(p->off, c->kind);
	return WDP_IN_SOFTWARE;
}

static int ecx_fall_back(struct wdp_ctx *p, const struct wdp_ecx_curve *c,
			 int rc)
{
	return wdp_software_may(p, c->kind, rc) ? WDP_IN_SOFTWARE : rc;
}

/* A number not below p is no result; zero is one that software has to see. */
static int ecx_mul(struct wdp_ctx *p, const struct wdp_ecx_curve *c,
		   const uint8_t *block, const uint8_t *u, uint8_t *out,
		   struct offload_waiter *w)
{
	const struct offload_hpre op = {
		.kind = c->kind,
		.alg = HPRE_ALG_MONTGOMERY,
		.width = c->width,
		.key = block,
		.in = u,
		.out = out,
	};
	int rc = offload_hpre(p->off, &op, w);

	if (rc)
		return rc;
	if (ecx_is_zero(c, out))
		return -EINVAL;
	if (ecx_below_p(c, out))
		return 0;
	wd_err("%s: the device computed a wrong result",
	       offload_kind_name(c->kind));
	offload_count_wrong(p->off, c->kind);
	return -EILSEQ;
}

int wdp_ecx_derive(struct wdp_pkey *key, struct wdp_pkey *peer, uint8_t *out)
{
	const struct wdp_ecx *e = wdp_ecx(key), *other = wdp_ecx(peer);
	const struct wdp_ecx_curve *c = wdp_ecx_curve(key->spec);
	uint8_t u[WDP_ECX_WIDTH_MAX];
	struct wdp_ctx *p = key->prov;
	struct offload_waiter *w;
	int rc;

	if (!e || !e->block_ok || !other || !other->u_ok ||
	    !offload_choose(p->off, c->kind, c->len))
		return ecx_software(p, c);
	w = wdp_waiter_get(p);
	rc = ecx_mul(p, c, e->block, other->u, u, w);
	wdp_waiter_release(w);
	if (!rc)
		ecx_octets(c, out, u);
	wd_wipe(u, sizeof(u));
	return rc ? ecx_fall_back(p, c, rc) : 0;
}

/* @block: key block of @k's new private key, a secret. */
static int ecx_pair(struct wdp_pkey *k, const struct wdp_ecx_curve *c,
		    const uint8_t *block, struct offload_waiter *w)
{
	uint8_t base[WDP_ECX_WIDTH_MAX] = { 0 }, u[WDP_ECX_WIDTH_MAX];
	uint8_t pub[WDP_ECX_LEN_MAX], priv[WDP_ECX_LEN_MAX];
	int rc;

	base[c->width - 1] = c->base;
	rc = ecx_mul(k->prov, c, block, base, u, w);
	if (rc)
		return rc;
	ecx_octets(c, pub, u);
	ecx_octets(c, priv, block + 2 * c->width);
	rc = ecx_put(k, ecx_new(c, pub, priv, block));
	wd_wipe(priv, sizeof(priv));
	return rc;
}

int wdp_ecx_generate(struct wdp_pkey *k)
{
	const struct wdp_ecx_curve *c = wdp_ecx_curve(k->spec);
	uint8_t priv[WDP_ECX_LEN_MAX], *block;
	const size_t size = 3 * c->width;
	struct wdp_ctx *p = k->prov;
	struct offload_waiter *w;
	int rc = -EINVAL;

	if (!offload_choose(p->off, c->kind, c->len))
		return ecx_software(p, c);
	block = wdp_room_get(p, size, &w);
	if (!block)
		return ecx_fall_back(p, c, -ENOMEM);
	if (RAND_priv_bytes_ex(wdp_twin(p), priv, c->len, 0) > 0 &&
	    ecx_block(c, block, priv))
		rc = 0;
	wd_wipe(priv, sizeof(priv));
	if (!rc)
		rc = ecx_pair(k, c, block, w);
	wdp_room_put(p, block, size, w);
	return rc ? ecx_fall_back(p, c, rc) : 0;
}

int wdp_ecx_complete(struct wdp_pkey *k, const uint8_t *priv)
{
	const struct wdp_ecx_curve *c = wdp_ecx_curve(k->spec);
	uint8_t own[WDP_ECX_LEN_MAX], *block;
	const size_t size = 3 * c->width;
	struct wdp_ctx *p = k->prov;
	struct offload_waiter *w;
	int rc = -EINVAL;

	if (!offload_choose(p->off, c->kind, c->len))
		return ecx_software(p, c);
	block = wdp_room_get(p, size, &w);
	if (!block)
		return ecx_fall_back(p, c, -ENOMEM);
	if (ecx_block(c, block, priv))
		rc = ecx_pair(k, c, block, w);
	/* The octets stay as they came, clamped or not. */
	if (!rc) {
		memcpy(own, wdp_ecx(k)->pub, c->len);
		rc = wdp_ecx_set(k, own, priv);
	}
	wdp_room_put(p, block, size, w);
	return rc ? ecx_fall_back(p, c, rc) : 0;
}
