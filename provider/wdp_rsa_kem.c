/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA as a key encapsulation mechanism: RSASVE (SP 800-56B rev. 2, 7.2.1), a
 * random number below the modulus as the secret, raised to the public exponent
 * as what is sent.
 *
 * As elsewhere a context of the twin takes the parameters, and answers for
 * sizes and mistakes.  What operation is chosen can't be read back from it;
 * that it answers a size query says that one is, and RSASVE is all there is.
 */
#include "provider/wdp_asym.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/wd_base.h"

/* At least every second number below 2^bits is below the modulus. */
#define RSA_KEM_TRIES 100

struct wdp_rsa_kem {
	struct wdp_asym a;
	bool encapsulates;
	bool sve; /* is what the twin has */
};

static OSSL_FUNC_kem_encapsulate_init_fn rsa_encapsulate_init;
static OSSL_FUNC_kem_encapsulate_fn rsa_encapsulate;
static OSSL_FUNC_kem_decapsulate_init_fn rsa_decapsulate_init;
static OSSL_FUNC_kem_decapsulate_fn rsa_decapsulate;
/* ---- parameters ---------------------------------------------------------- */

static bool rsa_kem_answers(const struct wdp_rsa_kem *c)
{
	const uint8_t in[1] = { 0 };
	size_t n = 0, m = 0;

	if (c->encapsulates)
		return EVP_PKEY_encapsulate(c->a.twin, NULL, &n, NULL, &m) > 0;
	return EVP_PKEY_decapsulate(c->a.twin, NULL, &n, in, sizeof(in)) > 0;
}

static bool rsa_kem_read(struct wdp_asym *a)
{
	struct wdp_rsa_kem *c = (struct wdp_rsa_kem *)a;

	ERR_set_mark();
	c->sve = rsa_kem_answers(c);
	ERR_pop_to_mark();
	return true;
}

static bool rsa_kem_sve(struct wdp_asym *a)
{
	return wdp_asym_known(a) && ((const struct wdp_rsa_kem *)a)->sve;
}

static const OSSL_PARAM rsa_kem_gettables[] = { OSSL_PARAM_END };
static const OSSL_PARAM rsa_kem_settables[] = {
	OSSL_PARAM_utf8_string(OSSL_KEM_PARAM_OPERATION, NULL, 0),
	OSSL_PARAM_END,
};

static const struct wdp_asym_ops rsa_kem_ops = {
	.size = sizeof(struct wdp_rsa_kem),
	.read = rsa_kem_read,
	.gettables = rsa_kem_gettables,
	.settables = rsa_kem_settables,
};

WDP_ASYM_BIND(rsa_kem, &rsa_kem_ops)

static int rsa_encapsulate_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	struct wdp_rsa_kem *c = ctx;

	c->encapsulates = true;
	return wdp_asym_init(&c->a, key, params, EVP_PKEY_encapsulate_init);
}

static int rsa_decapsulate_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	struct wdp_rsa_kem *c = ctx;

	c->encapsulates = false;
	return wdp_asym_init(&c->a, key, params, EVP_PKEY_decapsulate_init);
}

/* ---- encapsulate --------------------------------------------------------- */

/* 1 < z < n - 1; n is odd. */
static bool rsa_kem_in_range(const uint8_t *z, const uint8_t *n, size_t k)
{
	uint8_t high = 0;

	for (size_t i = 0; i + 1 < k; i++)
		high |= z[i];
	if (!high && z[k - 1] < 2)
		return false;
	return memcmp(z, n, k) < 0 &&
	       (z[k - 1] != n[k - 1] - 1 || memcmp(z, n, k - 1) != 0);
}

static int rsa_kem_secret(struct wdp_asym *c, uint8_t *z)
{
	const uint8_t *n = wdp_rsa_modulus(c->key);
	size_t k = c->key->size;

	for (int i = 0; i < RSA_KEM_TRIES; i++) {
		if (RAND_priv_bytes_ex(wdp_twin(c->prov), z, k, 0) <= 0)
			return -EIO;
		if (rsa_kem_in_range(z, n, k))
			return 0;
	}
	return -EIO;
}

static int rsa_encapsulate_device(struct wdp_asym *c, uint8_t *out,
				  uint8_t *secret)
{
	uint8_t z[HPRE_WIDTH_MAX];
	size_t k = c->key->size;
	int rc;

	if (!wdp_rsa_offloads(c->key, OFFLOAD_RSA_PUBLIC))
		return WDP_IN_SOFTWARE;
	rc = rsa_kem_secret(c, z);
	if (!rc) {
		memcpy(secret, z, k);
		rc = wdp_rsa_seal(c->key, z, out);
		if (rc)
			wd_wipe(secret, k);
	}
	wd_wipe(z, sizeof(z));
	return rc;
}

static int rsa_encapsulate(void *ctx, uint8_t *out, size_t *out_len,
			   uint8_t *secret, size_t *secret_len)
{
	struct wdp_asym *c = ctx;
	int rc = WDP_IN_SOFTWARE;
	size_t k;

	if (!c->key)
		return 0;
	k = c->key->size;
	/* A buffer too small is an error since 3.4; the twin knows. */
	if (out && secret && (!out_len || *out_len >= k) && rsa_kem_sve(c))
		rc = rsa_encapsulate_device(c, out, secret);
	if (rc == WDP_IN_SOFTWARE)
		return EVP_PKEY_encapsulate(c->twin, out, out_len, secret,
					    secret_len);
	if (rc)
		return 0;
	if (out_len)
		*out_len = k;
	if (secret_len)
		*secret_len = k;
	return 1;
}

/* ---- decapsulate --------------------------------------------------------- */

static int rsa_decapsulate(void *ctx, uint8_t *secret, size_t *secret_len,
			   const uint8_t *in, size_t len)
{
	struct wdp_asym *c = ctx;
	int rc = WDP_IN_SOFTWARE;
	size_t k;

	if (!c->key)
		return 0;
	k = c->key->size;
	if (secret && len == k && (!secret_len || *secret_len >= k) &&
	    rsa_kem_sve(c) && wdp_rsa_offloads(c->key, OFFLOAD_RSA_PRIVATE))
		rc = wdp_rsa_private(c->key, in, secret);
	if (rc == WDP_IN_SOFTWARE)
		return EVP_PKEY_decapsulate(c->twin, secret, secret_len, in,
					    len);
	if (rc)
		return 0;
	if (secret_len)
		*secret_len = k;
	return 1;
}

const OSSL_DISPATCH wdp_rsa_kem_fns[] = {
	WDP_ASYM_ROWS(KEM, rsa_kem),
	{ WDP_FN(KEM_ENCAPSULATE_INIT, rsa_encapsulate_init) },
	{ WDP_FN(KEM_ENCAPSULATE, rsa_encapsulate) },
	{ WDP_FN(KEM_DECAPSULATE_INIT, rsa_decapsulate_init) },
	{ WDP_FN(KEM_DECAPSULATE, rsa_decapsulate) },
	{ 0, NULL },
};
