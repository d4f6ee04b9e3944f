/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curves.  Named ones are looked up in libcrypto's own table once a provider
 * and kept; which of them the engine does follows from their numbers.  The
 * check of a point is written here, on words: it is made of every value that
 * comes in or leaves, of secret ones too, and must cost neither time that
 * tells nor memory.
 */
#include "provider/wdp_ec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/wd_base.h"

#define FIELD_WORDS (WDP_EC_WIDTH_MAX / 8)

/* ---- arithmetic modulo p -------------------------------------------------- */

__extension__ typedef unsigned __int128 wide; /* a product of two words */

static void words_load(uint64_t *to, const uint8_t *from, size_t words)
{
	for (size_t i = 0; i < words; i++) {
		const uint8_t *p = from + 8 * (words - 1 - i);

		to[i] = (uint64_t)wd_load_be32(p) << 32 | wd_load_be32(p + 4);
	}
}

/* to = a - b; the borrow. */
static uint64_t words_sub(uint64_t *to, const uint64_t *a, const uint64_t *b,
			  size_t words)
{
	uint64_t borrow = 0;

	for (size_t i = 0; i < words; i++) {
		wide d = (wide)a[i] - b[i] - borrow;

		to[i] = (uint64_t)d;
		borrow = (uint64_t)(d >> 64) & 1;
	}
	return borrow;
}

/* Bring @t, of one word more and below 2p, below p. */
static void field_reduce(uint64_t *to, const uint64_t *t, const uint64_t *p,
			 size_t words)
{
	uint64_t less[FIELD_WORDS], keep;

	/* All ones where t < p. */
	keep = 0 - (words_sub(less, t, p, words) & (t[words] ^ 1));
	for (size_t i = 0; i < words; i++)
		to[i] = (t[i] & keep) | (less[i] & ~keep);
}

static void field_add(uint64_t *to, const uint64_t *a, const uint64_t *b,
		      const uint64_t *p, size_t words)
{
	uint64_t t[FIELD_WORDS + 1];
	wide sum = 0;

	for (size_t i = 0; i < words; i++) {
		sum += (wide)a[i] + b[i];
		t[i] = (uint64_t)sum;
		sum >>= 64;
	}
	t[words] = (uint64_t)sum;
	field_reduce(to, t, p, words);
}

/*
 * to = a * b / 2^(64 * words) mod p (Montgomery 1985): a row of the product,
 * and the multiple of p that makes its lowest word 0, in turn.  The result may
 * be one of the factors.
 */
static inline __attribute__((always_inline)) void
field_mul_words(uint64_t *to, const uint64_t *a, const uint64_t *b,
		const struct wdp_field *f, size_t words)
{
	uint64_t t[FIELD_WORDS + 1] = { 0 };

	for (size_t i = 0; i < words; i++) {
		wide row = 0, reduced;
		uint64_t m, top;

		for (size_t j = 0; j < words; j++) {
			row = (wide)a[j] * b[i] + t[j] + (uint64_t)(row >> 64);
			t[j] = (uint64_t)row;
		}
		row = (wide)t[words] + (uint64_t)(row >> 64);
		top = (uint64_t)(row >> 64);
		m = t[0] * f->n0;
		reduced = (wide)m * f->p[0] + t[0];
		for (size_t j = 1; j < words; j++) {
			reduced = (wide)m * f->p[j] + t[j] +
				  (uint64_t)(reduced >> 64);
			t[j - 1] = (uint64_t)reduced;
		}
		reduced = (wide)(uint64_t)row + (uint64_t)(reduced >> 64);
		t[words - 1] = (uint64_t)reduced;
		t[words] = top + (uint64_t)(reduced >> 64);
	}
	field_reduce(to, t, f->p, words);
}

/* A copy for each width, since the loops are all there is to it. */
static void field_mul(uint64_t *to, const uint64_t *a, const uint64_t *b,
		      const struct wdp_field *f, size_t words)
{
	if (words == 4)
		field_mul_words(to, a, b, f, 4);
	else if (words == 6)
		field_mul_words(to, a, b, f, 6);
	else
		field_mul_words(to, a, b, f, 9);
}

/* ---- what is on a curve --------------------------------------------------- */

bool wdp_curve_has(const struct wdp_curve *c, const uint8_t *x_bytes,
		   const uint8_t *y_bytes)
{
	uint64_t x[FIELD_WORDS], y[FIELD_WORDS], t[FIELD_WORDS];
	const struct wdp_field *f = &c->field;
	size_t words = c->width / 8;
	uint64_t below, wrong = 0;

	words_load(x, x_bytes, words);
	words_load(y, y_bytes, words);
	below = words_sub(t, x, f->p, words) & words_sub(t, y, f->p, words);
	field_mul(x, x, f->rr, f, words);
	field_mul(y, y, f->rr, f, words);
	/* y^2 = (x^2 + a) x + b */
	field_mul(t, x, x, f, words);
	field_add(t, t, f->a, f->p, words);
	field_mul(t, t, x, f, words);
	field_add(t, t, f->b, f->p, words);
	field_mul(y, y, y, f, words);
	for (size_t i = 0; i < words; i++)
		wrong |= t[i] ^ y[i];
	wd_wipe(x, sizeof(x));
	wd_wipe(y, sizeof(y));
	wd_wipe(t, sizeof(t));
	return below && !wrong;
}

bool wdp_curve_scalar_ok(const struct wdp_curve *c, const uint8_t *d)
{
	uint64_t n[FIELD_WORDS], s[FIELD_WORDS], any = 0, below;
	size_t words = c->width / 8;

	words_load(n, c->n, words);
	n[0] -= c->sm2; /* n is odd */
	words_load(s, d, words);
	for (size_t i = 0; i < words; i++)
		any |= s[i];
	below = words_sub(n, s, n, words);
	wd_wipe(s, sizeof(s));
	wd_wipe(n, sizeof(n));
	return below && any;
}

/* ---- a curve from libcrypto's group --------------------------------------- */

static bool bn_put(const BIGNUM *bn, uint8_t *to, uint32_t width)
{
	return BN_bn2binpad(bn, to, (int)width) == (int)width;
}

/* Inverse of the odd word @p, negated, modulo 2^64: each step doubles the bits
 * that are right. */
static uint64_t word_inverse(uint64_t p)
{
	uint64_t inverse = p; /* right to 3 bits */

	for (int i = 0; i < 5; i++)
		inverse *= 2 - p * inverse;
	return 0 - inverse;
}

static bool curve_field(struct wdp_curve *c, const BIGNUM *p, BIGNUM *t,
			BN_CTX *ctx)
{
	struct wdp_field *f = &c->field;
	uint8_t rr[WDP_EC_WIDTH_MAX];
	size_t words = c->width / 8;

	if (!BN_one(t) || !BN_lshift(t, t, 2 * 8 * (int)c->width) ||
	    !BN_mod(t, t, p, ctx) || !bn_put(t, rr, c->width))
		return false;
	words_load(f->p, c->p, words);
	words_load(f->rr, rr, words);
	f->n0 = word_inverse(f->p[0]);
	words_load(f->a, c->a, words);
	words_load(f->b, c->b, words);
	field_mul(f->a, f->a, f->rr, f, words);
	field_mul(f->b, f->b, f->rr, f, words);
	return true;
}

static bool curve_numbers(struct wdp_curve *c, BN_CTX *ctx)
{
	BIGNUM *p = BN_CTX_get(ctx), *a = BN_CTX_get(ctx), *b = BN_CTX_get(ctx),
	       *x = BN_CTX_get(ctx), *y = BN_CTX_get(ctx);
	const EC_POINT *g = EC_GROUP_get0_generator(c->group);

	return y && g && EC_GROUP_get_curve(c->group, p, a, b, ctx) &&
	       EC_POINT_get_affine_coordinates(c->group, g, x, y, ctx) &&
	       bn_put(p, c->p, c->width) && bn_put(a, c->a, c->width) &&
	       bn_put(b, c->b, c->width) &&
	       bn_put(EC_GROUP_get0_order(c->group), c->n, c->width) &&
	       bn_put(x, c->gx, c->width) && bn_put(y, c->gy, c->width) &&
	       BN_is_odd(p) && curve_field(c, p, x, ctx);
}

static uint32_t curve_width(uint32_t bytes)
{
	static const uint8_t widths[] = { 32, 48, 72 };

	for (size_t i = 0; i < WD_ARRAY_SIZE(widths); i++)
		if (bytes <= widths[i])
			return widths[i];
	return 0;
}

/* As libcrypto counts them (NIST SP 800-57 part 1, table 2). */
static uint32_t curve_security(uint32_t bits)
{
	static const struct {
		uint16_t order, security;
	} steps[] = { { 512, 256 },
		      { 384, 192 },
		      { 256, 128 },
		      { 224, 112 },
		      { 160, 80 } };

	for (size_t i = 0; i < WD_ARRAY_SIZE(steps); i++)
		if (bits >= steps[i].order)
			return steps[i].security;
	return bits / 2;
}

static uint32_t der_size(uint32_t content)
{
	return 1 + (content < 128 ? 1 : 2) + content;
}

/* Two integers as large as the order, which may need a zero in front. */
static uint32_t curve_sig_max(uint32_t order_bits)
{
	return der_size(2 * der_size(order_bits / 8 + 1));
}

/* How the engine takes it, if it does. */
static bool curve_for_device(struct wdp_curve *c, BN_CTX *ctx)
{
	uint8_t block[4 * WDP_EC_WIDTH_MAX];

	if (EC_GROUP_get_field_type(c->group) != NID_X9_62_prime_field ||
	    !BN_is_one(EC_GROUP_get0_cofactor(c->group)))
		return false;
	c->width = curve_width(c->field_len > c->order_len ? c->field_len
							   : c->order_len);
	if (!c->width || !curve_numbers(c, ctx) ||
	    wdp_ec_mul_block(block, c, c->gy))
		return false;
	c->fast = hpre_fast_curve(block, c->width);
	return wdp_curve_has(c, c->gx, c->gy);
}

/* Takes over @group. */
static struct wdp_curve *curve_new(EC_GROUP *group, int nid)
{
	struct wdp_curve *c = calloc(1, sizeof(*c));
	BN_CTX *ctx = BN_CTX_new();

	if (!c || !ctx) {
		EC_GROUP_free(group);
		BN_CTX_free(ctx);
		free(c);
		return NULL;
	}
	c->group = group;
	c->nid = nid;
	c->name = nid ? OSSL_EC_curve_nid2name(nid) : NULL;
	c->sm2 = nid == NID_sm2;
	c->field_bits = (uint32_t)EC_GROUP_get_degree(group);
	c->order_bits = (uint32_t)EC_GROUP_order_bits(group);
	c->field_len = (c->field_bits + 7) / 8;
	c->order_len = (c->order_bits + 7) / 8;
	c->security_bits = curve_security(c->order_bits);
	c->sig_max = curve_sig_max(c->order_bits);
	BN_CTX_start(ctx);
	ERR_set_mark();
	c->device = curve_for_device(c, ctx);
	ERR_pop_to_mark();
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return c;
}

void wdp_curve_free(struct wdp_curve *c)
{
	if (!c)
		return;
	EC_GROUP_free((EC_GROUP *)c->group);
	free(c);
}

/* Anybody may have made these up: the engine gets a curve, or nothing. */
static bool curve_checked(const EC_GROUP *group)
{
	BN_CTX *ctx = BN_CTX_new();
	bool ok;

	ERR_set_mark();
	ok = ctx && EC_GROUP_get_degree(group) <= 8 * WDP_EC_WIDTH_MAX &&
	     EC_GROUP_get0_field(group) &&
	     BN_check_prime(EC_GROUP_get0_field(group), ctx, NULL) == 1 &&
	     BN_check_prime(EC_GROUP_get0_order(group), ctx, NULL) == 1 &&
	     EC_GROUP_check(group, ctx) == 1;
	ERR_pop_to_mark();
	BN_CTX_free(ctx);
	return ok;
}

struct wdp_curve *wdp_curve_explicit(EC_GROUP *group)
{
	struct wdp_curve *c;

	if (EC_GROUP_get_field_type(group) != NID_X9_62_prime_field ||
	    !curve_checked(group)) {
		EC_GROUP_free(group);
		return NULL;
	}
	c = curve_new(group, NID_undef);
	if (c && !c->device) {
		wdp_curve_free(c);
		c = NULL;
	}
	return c;
}

/* ---- the provider's list --------------------------------------------------- */

static const struct wdp_curve *curve_find(struct wdp_ctx *p, int nid)
{
	const struct wdp_curve *c;

	c = atomic_load_explicit(&p->curves, memory_order_acquire);
	for (; c; c = c->next)
		if (c->nid == nid)
			return c;
	return NULL;
}

/* Two threads may both add the same curve: then it stands in the list twice,
 * and only the one in front is found. */
static const struct wdp_curve *curve_add(struct wdp_ctx *p, int nid)
{
	OSSL_LIB_CTX *libctx = wdp_twin(p);
	EC_GROUP *group;
	struct wdp_curve *c;

	ERR_set_mark();
	group = libctx ? EC_GROUP_new_by_curve_name_ex(libctx, NULL, nid)
		       : NULL;
	ERR_pop_to_mark();
	c = group ? curve_new(group, nid) : NULL;
	if (!c)
		return NULL;
	c->next = atomic_load(&p->curves);
	while (!atomic_compare_exchange_weak(&p->curves, &c->next, c))
		;
	return c;
}

const struct wdp_curve *wdp_curve_named(struct wdp_ctx *p, const char *name)
{
	const struct wdp_curve *c;
	int nid;

	/* The usual answer first; names are compared as libcrypto does. */
	c = atomic_load_explicit(&p->curves, memory_order_acquire);
	for (; c; c = c->next)
		if (c->name && !strcasecmp(c->name, name))
			return c;
	nid = EC_curve_nist2nid(name);
	if (nid == NID_undef)
		nid = OBJ_sn2nid(name);
	if (nid == NID_undef)
		return NULL;
	c = curve_find(p, nid);
	return c ? c : curve_add(p, nid);
}

void wdp_curves_free(struct wdp_ctx *p)
{
	struct wdp_curve *c = atomic_exchange(&p->curves, NULL), *next;

	for (; c; c = next) {
		next = c->next;
		wdp_curve_free(c);
	}
}
