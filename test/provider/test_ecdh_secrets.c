/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ECDH leaves behind in memory: neither the shared secret nor the private
 * key, also when the ASYNC job was dropped in the middle.
 *
 * The provider is linked into this program, so that each private key can be
 * noted as it is drawn.
 */
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "provider/wdp_ec.h"
#include "test/provider/ec_side.h"
#include "test/provider/job_drop.h"
#include "test/provider/memory_scan.h"
#include "test/provider/side_inside.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static const char *const devices[] = {
	"emu:latency_us=2000",
	"emu:nosva,latency_us=2000",
};

static const char *const curves[] = { "P-256", "secp521r1" };

/* Of the last private key. */
static struct needle drawn;

int __real_wdp_ec_draw(struct wdp_ctx *p, const struct wdp_curve *c,
		       uint8_t *d);
int __wrap_wdp_ec_draw(struct wdp_ctx *p, const struct wdp_curve *c,
		       uint8_t *d);
int __wrap_wdp_ec_draw(struct wdp_ctx *p, const struct wdp_curve *c, uint8_t *d)
{
	int rc = __real_wdp_ec_draw(p, c, d);

	needle_take(&drawn, d + c->width - 24);
	return rc;
}

struct task {
	EVP_PKEY_CTX *ctx;
	uint8_t secret[EC_SECRET_MAX]; /* the application's */
	EVP_PKEY *made;
};

static int derive(void *arg)
{
	struct task *t = arg;
	size_t n = sizeof(t->secret);

	return EVP_PKEY_derive(t->ctx, t->secret, &n);
}

static int generate(void *arg)
{
	struct task *t = arg;

	return EVP_PKEY_generate(t->ctx, &t->made);
}

/* Bytes from the middle, as the device has them. */
static void take_scalar(const EVP_PKEY *key, struct needle *n)
{
	uint8_t bytes[72];
	BIGNUM *d = NULL;

	T_EQ(EVP_PKEY_get_bn_param(key, "priv", &d), 1);
	BN_bn2binpad(d, bytes, sizeof(bytes));
	needle_take(n, bytes + sizeof(bytes) - 24);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	BN_clear_free(d);
}

static void take_secret(const struct side *s, EVP_PKEY *a, EVP_PKEY *b,
			struct needle *n)
{
	uint8_t secret[EC_SECRET_MAX];

	T_OK(ec_agree(s, a, b, secret));
	needle_take(n, secret + 8);
	OPENSSL_cleanse(secret, sizeof(secret));
}

/* @drop_at -1: no job; 0: not dropped. */
static void agree_once(const char *device, const char *curve, int drop_at)
{
	struct side *def = side_default(), *s = side_inside(device);
	EVP_PKEY *a = ec_make(def, "EC", curve), *b = ec_make(def, "EC", curve),
		 *mine, *peer;
	struct needle z, d;
	struct task t = { 0 };

	take_secret(def, a, b, &z);
	take_scalar(a, &d);
	T_EQ(needle_count(&z), 0);
	mine = side_take(s, a, EVP_PKEY_KEYPAIR);
	peer = side_take(s, b, EVP_PKEY_PUBLIC_KEY);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	side_free(def);

	t.ctx = side_ctx(s, mine);
	T_OK(EVP_PKEY_derive_init(t.ctx) > 0);
	T_OK(EVP_PKEY_derive_set_peer(t.ctx, peer) > 0);
	if (drop_at < 0)
		T_EQ(derive(&t), 1);
	else
		T_EQ(job_paused(derive, &t, drop_at, NULL), 1);
	/* Else nothing is proved. */
	T_OK(needle_count(&d) > 0);
	if (drop_at <= 0)
		T_OK(needle_count(&z) > 0);
	EVP_PKEY_CTX_free(t.ctx);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(peer);
	OPENSSL_cleanse(t.secret, sizeof(t.secret));
	if (!needle_goes(&z) || !needle_goes(&d))
		t_fail(__FILE__, __LINE__,
		       "%s, %s, dropped at %d: secret %u, key %u", device,
		       curve, drop_at, needle_count(&z), needle_count(&d));
	side_free(s);
}

static void each_agreement(int drop_at)
{
	for (size_t i = 0; i < ARRAY(devices); i++)
		for (size_t c = 0; c < ARRAY(curves); c++)
			agree_once(devices[i], curves[c], drop_at);
}

static void an_agreement_leaves_no_secret(void)
{
	each_agreement(-1);
	each_agreement(0);
}

static void a_dropped_agreement_leaves_no_secret(void)
{
	each_agreement(1);
}

static EVP_PKEY_CTX *generating(const struct side *s, const char *curve)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, "EC", s->q);

	T_OK(ctx && EVP_PKEY_keygen_init(ctx) > 0);
	T_OK(EVP_PKEY_CTX_set_group_name(ctx, curve) > 0);
	return ctx;
}

static void a_generated_key_is_gone_when_it_is_freed(void)
{
	for (size_t i = 0; i < ARRAY(devices); i++) {
		struct side *s = side_inside(devices[i]);

		for (int async = 0; async < 2; async++) {
			struct task t = { generating(s, "P-256"), { 0 }, NULL };
			struct needle d;

			if (async)
				T_EQ(job_paused(generate, &t, 0, NULL), 1);
			else
				T_EQ(generate(&t), 1);
			take_scalar(t.made, &d);
			T_MEM(&d, &drawn, sizeof(d));
			T_OK(needle_count(&drawn) > 0);
			EVP_PKEY_CTX_free(t.ctx);
			EVP_PKEY_free(t.made);
			if (!needle_goes(&drawn))
				t_fail(__FILE__, __LINE__, "%s, async %d: %u",
				       devices[i], async, needle_count(&drawn));
		}
		side_free(s);
	}
}

static void a_dropped_generation_leaves_no_key(void)
{
	for (size_t i = 0; i < ARRAY(devices); i++) {
		struct side *s = side_inside(devices[i]);
		struct task t = { generating(s, "P-384"), { 0 }, NULL };

		T_EQ(job_paused(generate, &t, 1, NULL), 1);
		/* libcrypto's, with nothing in it yet. */
		EVP_PKEY_free(t.made);
		t.made = NULL;
		EVP_PKEY_CTX_free(t.ctx);
		if (!needle_goes(&drawn))
			t_fail(__FILE__, __LINE__, "%s: %u", devices[i],
			       needle_count(&drawn));
		t.ctx = generating(s, "P-384");
		T_EQ(generate(&t), 1);
		EVP_PKEY_free(t.made);
		EVP_PKEY_CTX_free(t.ctx);
		side_free(s);
	}
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(an_agreement_leaves_no_secret),
		T_CASE(a_dropped_agreement_leaves_no_secret),
		T_CASE(a_generated_key_is_gone_when_it_is_freed),
		T_CASE(a_dropped_generation_leaves_no_key),
	};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	t_skip("sanitizers map more memory than can be looked through");
#endif
	return t_main(cases, ARRAY(cases), argc, argv);
}
