/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device form of a DH key, made once, and the powers taken with it.
 *
 * The engine takes moduli of certain lengths exactly; what it does with an even
 * one, or with a base out of range, nobody says: such keys are software's, with
 * software's verdict.
 */
#include "provider/wdp_dh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "base/wd_base.h"
#include "base/wd_log.h"

#define DH_NAME_MAX 32

/* From 3.2 on libcrypto holds the range to be enough in groups of safe primes
 * it knows by name: the only other subgroup is { 1, p - 1 }. */
#define DH_RANGE_IS_ENOUGH 0x30200000UL

struct wdp_dh_dev {
	uint32_t width; /* bytes of p; 0: not for the engine */
	bool safe;	/* a group of a safe prime libcrypto knows by name */
	bool public;	/* y is there, 2 <= y <= p - 2 */
	bool private, order; /* the blocks below are there */
	uint8_t p[HPRE_WIDTH_MAX], y[HPRE_WIDTH_MAX];
	uint8_t x_block[2 * HPRE_WIDTH_MAX]; /* x|p; secret */
	uint8_t q_block[2 * HPRE_WIDTH_MAX]; /* q|p */
};

void wdp_dh_dev_free(void *dev)
{
	if (!dev)
		return;
	wd_wipe(dev, sizeof(struct wdp_dh_dev));
	free(dev);
}

/* ---- numbers --------------------------------------------------------------- */

/* Not by a branch: one of the two may be secret. */
static bool dh_less(const uint8_t *a, const uint8_t *b, size_t len)
{
	unsigned int borrow = 0;

	while (len--)
		borrow = ((unsigned int)a[len] - b[len] - borrow) >> 8 & 1;
	return borrow;
}

/* 2 <= v <= p - 2, for p odd. */
static bool dh_in_range(const uint8_t *v, const uint8_t *p, size_t len)
{
	uint8_t high = 0, differs = 0;

	for (size_t i = 0; i + 1 < len; i++) {
		high |= v[i];
		differs |= v[i] ^ p[i];
	}
	high |= v[len - 1] & 0xfe;
	differs |= (uint8_t)(v[len - 1] ^ p[len - 1] ^ 1);
	return high && differs && dh_less(v, p, len);
}

static bool dh_is_one(const uint8_t *v, size_t len)
{
	uint8_t differs = v[len - 1] ^ 1;

	while (--len)
		differs |= v[len - 1];
	return !differs;
}

static bool dh_block(uint8_t *block, uint32_t width, struct hpre_num exponent,
		     struct hpre_num modulus)
{
	const struct hpre_num numbers[HPRE_NUMBERS] = {
		[HPRE_EXPONENT] = exponent,
		[HPRE_MODULUS] = modulus,
	};

	return exponent.len && !hpre_key(block, HPRE_ALG_DH, width, numbers);
}

/* ---- marshalling ----------------------------------------------------------- */

static bool dh_group_name(const EVP_PKEY *twin, char name[DH_NAME_MAX])
{
	size_t len;

	return EVP_PKEY_get_group_name(twin, name, DH_NAME_MAX, &len) > 0 &&
	       len;
}

static bool dh_safe_prime(const char *name)
{
	return !strncmp(name, "ffdhe", 5) || !strncmp(name, "modp_", 5);
}

/* Is p, of @bits, as the engine wants it?  Its bytes then; else 0. */
static uint32_t dh_modulus(const EVP_PKEY *twin, int bits,
			   uint8_t p[HPRE_WIDTH_MAX])
{
	uint32_t width = (uint32_t)bits / 8;

	if (bits <= 0 || bits % 8 || !hpre_key_size(HPRE_ALG_DH, width) ||
	    wdp_pkey_number(twin, OSSL_PKEY_PARAM_FFC_P, p, width) != width ||
	    !(p[width - 1] & 1))
		return 0;
	return width;
}

static bool dh_number_block(uint8_t *block, const struct wdp_dh_dev *d,
			    const EVP_PKEY *twin, const char *name)
{
	uint8_t bytes[HPRE_WIDTH_MAX];
	const struct hpre_num n = { bytes, d->width }, p = { d->p, d->width };
	bool ok = wdp_pkey_number(twin, name, bytes, d->width) &&
		  dh_block(block, d->width, n, p);

	wd_wipe(bytes, d->width);
	return ok;
}

static void dh_marshal(struct wdp_dh_dev *d, const EVP_PKEY *twin, int bits)
{
	char name[DH_NAME_MAX];

	d->width = dh_modulus(twin, bits, d->p);
	if (!d->width)
		return;
	d->safe = dh_group_name(twin, name) && dh_safe_prime(name);
	d->public = wdp_pkey_number(twin, OSSL_PKEY_PARAM_PUB_KEY, d->y,
				    d->width) &&
		    dh_in_range(d->y, d->p, d->width);
	d->order = dh_number_block(d->q_block, d, twin, OSSL_PKEY_PARAM_FFC_Q);
	d->private =
		dh_number_block(d->x_block, d, twin, OSSL_PKEY_PARAM_PRIV_KEY);
}

static void *dh_dev_new(const struct wdp_pkey *k)
{
	struct wdp_dh_dev *d = calloc(1, sizeof(*d));
	EVP_PKEY *twin = wdp_pkey_twin(k);

	if (d && twin)
		dh_marshal(d, twin, (int)k->bits);
	return d;
}

static const struct wdp_dh_dev *dh_dev(struct wdp_pkey *k)
{
	return wdp_pkey_empty(k) ? NULL : wdp_pkey_dev(k, dh_dev_new);
}

/* ---- powers ---------------------------------------------------------------- */

static bool dh_chosen(struct wdp_ctx *p, uint32_t width)
{
	return width && offload_choose(p->off, OFFLOAD_DH, width);
}

static int dh_software(struct wdp_ctx *p)
{
	offload_count_software(p->off, OFFLOAD_DH);
	return WDP_IN_SOFTWARE;
}

static int dh_fall_back(struct wdp_ctx *p, int rc)
{
	return wdp_software_may(p, OFFLOAD_DH, rc) ? WDP_IN_SOFTWARE : rc;
}

/* base^x mod p; a result not below p is no result.  @base NULL: 2 */
static int dh_power(struct wdp_ctx *p, uint32_t width, const uint8_t *block,
		    const uint8_t *base, uint8_t *out, struct offload_waiter *w)
{
	const struct offload_hpre op = {
		.kind = OFFLOAD_DH,
		.alg = base ? HPRE_ALG_DH : HPRE_ALG_DH_G2,
		.width = width,
		.key = block,
		.in = base,
		.out = out,
	};
	int rc = offload_hpre(p->off, &op, w);

	if (rc || dh_less(out, block + width, width))
		return rc;
	wd_err("%s: the device computed a wrong result",
	       offload_kind_name(OFFLOAD_DH));
	offload_count_wrong(p->off, OFFLOAD_DH);
	return -EILSEQ;
}

int wdp_dh_derive(struct wdp_pkey *key, struct wdp_pkey *peer, uint8_t *z)
{
	const struct wdp_dh_dev *d = dh_dev(key), *other = dh_dev(peer);
	struct wdp_ctx *p = key->prov;
	struct offload_waiter *w;
	int rc;

	if (!d || !d->private || !other || !other->public ||
	    other->width != d->width || !dh_chosen(p, d->width))
		return dh_software(p);
	w = wdp_waiter_get(p);
	rc = dh_power(p, d->width, d->x_block, other->y, z, w);
	wdp_waiter_release(w);
	if (!rc && !dh_in_range(z, d->p, d->width))
		rc = -EINVAL;
	return rc ? dh_fall_back(p, rc) : 0;
}

int wdp_dh_in_subgroup(struct wdp_pkey *key)
{
	const struct wdp_dh_dev *d = dh_dev(key);
	struct wdp_ctx *p = key->prov;
	uint8_t power[HPRE_WIDTH_MAX];
	struct offload_waiter *w;
	int rc;

	if (!d || !d->public || !d->order ||
	    (d->safe && OpenSSL_version_num() >= DH_RANGE_IS_ENOUGH))
		return WDP_IN_SOFTWARE;
	if (!dh_chosen(p, d->width))
		return dh_software(p);
	w = wdp_waiter_get(p);
	rc = dh_power(p, d->width, d->q_block, d->y, power, w);
	wdp_waiter_release(w);
	if (!rc && !dh_is_one(power, d->width))
		rc = -EINVAL;
	return rc ? dh_fall_back(p, rc) : 0;
}

/* ---- generation -------------------------------------------------------------- */

/* A group, and a key being made in it; the private key is elsewhere. */
struct dh_new {
	struct wdp_ctx *prov;
	const struct wdp_pkey_spec *spec;
	EVP_PKEY *params;
	OSSL_PARAM *group; /* the same, taken apart */
	uint32_t width;
	size_t g_len;
	char name[DH_NAME_MAX]; /* "": not one libcrypto knows */
	uint8_t p[HPRE_WIDTH_MAX], g[HPRE_WIDTH_MAX], y[HPRE_WIDTH_MAX];
	/* y and x as libcrypto has them, for dh_assemble(). */
	uint8_t native_y[HPRE_WIDTH_MAX], native_x[HPRE_WIDTH_MAX];
	BIGNUM *q; /* NULL: none */
};

/* Bits of x in named groups: RFC 7919's, and twice the strength in RFC 5114's;
 * as libcrypto has them. */
static const struct {
	const char *name;
	int bits;
} dh_lengths[] = {
	{ "ffdhe2048", 225 },	{ "ffdhe3072", 275 },	{ "ffdhe4096", 325 },
	{ "modp_1536", 200 },	{ "modp_2048", 225 },	{ "modp_3072", 275 },
	{ "modp_4096", 325 },	{ "dh_1024_160", 160 }, { "dh_2048_224", 224 },
	{ "dh_2048_256", 224 },
};

/* 0: not a group of ours. */
static int dh_length(const char *name)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(dh_lengths); i++)
		if (!strcmp(dh_lengths[i].name, name))
			return dh_lengths[i].bits;
	return 0;
}

/* SP 800-56A 5.6.1.1.4: 1 <= x < min(2^n, q).  False: not by us. */
static bool dh_draw_named(const struct dh_new *d, int priv_len, BIGNUM *x,
			  BN_CTX *ctx)
{
	const int least = dh_length(d->name), n = priv_len ? priv_len : least;
	BIGNUM *top = BN_new(), *bound;
	bool ok = least && n >= least && d->q && n <= BN_num_bits(d->q) &&
		  top && BN_set_bit(top, n);

	bound = ok && BN_cmp(top, d->q) > 0 ? d->q : top;
	while (ok) {
		ok = BN_priv_rand_range_ex(x, top, 0, ctx) && BN_add_word(x, 1);
		if (BN_cmp(x, bound) < 0)
			break;
	}
	BN_free(top);
	return ok;
}

/* Of a group nobody knows the order of. */
static bool dh_draw_free(const struct dh_new *d, int priv_len, BIGNUM *x,
			 BN_CTX *ctx)
{
	const int bits = (int)d->width * 8;
	int n = bits - 2;

	if (priv_len >= bits)
		return false;
	if (priv_len && priv_len < n)
		n = priv_len;
	if (!BN_priv_rand_ex(x, n, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY, 0, ctx))
		return false;
	/* p = 3 mod 8: 2 is no square, and the lowest bit would be told. */
	if (d->g_len == 1 && d->g[d->width - 1] == 2 &&
	    !(d->p[d->width - 1] & 4))
		BN_clear_bit(x, 0);
	return true;
}

/* x into the key block @block, which holds x|p then. */
static int dh_draw(const struct dh_new *d, int priv_len, uint8_t *block)
{
	BN_CTX *ctx = BN_CTX_secure_new_ex(wdp_twin(d->prov));
	BIGNUM *x = BN_secure_new();
	struct hpre_num n = { block, d->width };
	int rc = -EINVAL;

	if (!ctx || !x)
		goto free_x;
	/* The order of a group without a name would have to be looked at. */
	if (*d->name ? !dh_draw_named(d, priv_len, x, ctx)
		     : d->q || !dh_draw_free(d, priv_len, x, ctx))
		goto free_x;
	if (BN_bn2binpad(x, block, (int)d->width) < 0 ||
	    hpre_num_put(block + d->width, d->width,
			 (struct hpre_num){ d->p, d->width }))
		goto free_x;
	rc = dh_block(block, d->width, n, (struct hpre_num){ d->p, d->width })
		     ? 0
		     : -EINVAL;

free_x:
	BN_clear_free(x);
	BN_CTX_free(ctx);
	return rc;
}

static bool dh_new_group(struct dh_new *d)
{
	const OSSL_PARAM *q;

	d->width = dh_modulus(d->params, EVP_PKEY_get_bits(d->params), d->p);
	if (!d->width ||
	    EVP_PKEY_todata(d->params, EVP_PKEY_KEY_PARAMETERS, &d->group) <= 0)
		return false;
	if (!dh_group_name(d->params, d->name))
		d->name[0] = 0;
	d->g_len = wdp_pkey_number(d->params, OSSL_PKEY_PARAM_FFC_G, d->g,
				   d->width);
	q = OSSL_PARAM_locate_const(d->group, OSSL_PKEY_PARAM_FFC_Q);
	if (q && !OSSL_PARAM_get_BN(q, &d->q))
		return false;
	return d->g_len && dh_in_range(d->g, d->p, d->width);
}

/* A length is an order for one generation and does not go on to its key. */
static void dh_drop_length(OSSL_PARAM *params)
{
	OSSL_PARAM *at = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_DH_PRIV_LEN);

	for (; at && at->key; at++)
		*at = at[1];
}

static EVP_PKEY *dh_make(const struct dh_new *d, OSSL_PARAM params[])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(wdp_twin(d->prov),
						       d->spec->type, NULL);
	EVP_PKEY *twin = NULL;

	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &twin, EVP_PKEY_KEYPAIR, params) <= 0) {
		EVP_PKEY_free(twin);
		twin = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return twin;
}

/* Not OSSL_PARAM_merge(), which takes more than 2 KiB of a job's stack. */
static OSSL_PARAM *dh_joined(const OSSL_PARAM *group, const OSSL_PARAM *more)
{
	size_t n = 0, m = 0;
	OSSL_PARAM *all;

	while (group[n].key)
		n++;
	while (more[m].key)
		m++;
	all = calloc(n + m + 1, sizeof(*all));
	if (!all)
		return NULL;
	memcpy(all, group, n * sizeof(*all));
	memcpy(all + n, more, (m + 1) * sizeof(*all));
	return all;
}

static EVP_PKEY *dh_assemble(struct dh_new *d, const uint8_t *x, int priv_len)
{
	OSSL_PARAM more[] = {
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PUB_KEY, d->native_y,
					d->width),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, d->native_x,
					d->width),
		OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_DH_PRIV_LEN,
					 &priv_len),
		OSSL_PARAM_construct_end(),
	};
	OSSL_PARAM *all;
	EVP_PKEY *twin = NULL;

	if (priv_len <= 0)
		more[2] = OSSL_PARAM_construct_end();
	dh_drop_length(d->group);
	wdp_pkey_native(d->native_y, d->y, d->width);
	wdp_pkey_native(d->native_x, x, d->width);
	all = dh_joined(d->group, more);
	if (all)
		twin = dh_make(d, all);
	wd_wipe(d->native_x, sizeof(d->native_x));
	free(all);
	return twin;
}

/* @block: room for x|p, the secret of this generation. */
static int dh_pair(struct dh_new *d, int priv_len, uint8_t *block,
		   struct offload_waiter *w, EVP_PKEY **twin)
{
	bool two = d->g_len == 1 && d->g[d->width - 1] == 2;
	int rc;

	rc = dh_draw(d, priv_len, block);
	if (rc)
		return rc;
	rc = dh_power(d->prov, d->width, block, two ? NULL : d->g, d->y, w);
	if (rc)
		return rc;
	if (!dh_in_range(d->y, d->p, d->width))
		return -EINVAL;
	*twin = dh_assemble(d, block, priv_len);
	return *twin ? 0 : -EINVAL;
}

static int dh_generate(struct dh_new *d, int priv_len, EVP_PKEY **twin)
{
	const size_t size = 2 * (size_t)d->width;
	struct offload_waiter *w;
	uint8_t *block;
	int rc;

	block = wdp_room_get(d->prov, size, &w);
	if (!block)
		return dh_fall_back(d->prov, -ENOMEM);
	rc = dh_pair(d, priv_len, block, w, twin);
	wdp_room_put(d->prov, block, size, w);
	return rc ? dh_fall_back(d->prov, rc) : 0;
}

int wdp_dh_generate(struct wdp_ctx *p, const struct wdp_pkey_spec *spec,
		    EVP_PKEY *params, int priv_len, EVP_PKEY **twin)
{
	struct dh_new *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	d->prov = p;
	d->spec = spec;
	d->params = params;
	if (priv_len >= 0 && dh_new_group(d) && dh_chosen(p, d->width))
		rc = dh_generate(d, priv_len, twin);
	else
		rc = dh_software(p);
	OSSL_PARAM_free(d->group);
	BN_free(d->q);
	free(d);
	return rc;
}
