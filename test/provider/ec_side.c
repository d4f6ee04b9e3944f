/* SPDX-License-Identifier: Apache-2.0 */
#include "test/provider/ec_side.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include "test/t.h"

#define CURVES_MAX 128

const char *const *ec_curves(void)
{
	static const char *names[CURVES_MAX];
	EC_builtin_curve all[CURVES_MAX];
	size_t n, kept = 0;

	if (names[0])
		return names;
	n = EC_get_builtin_curves(all, CURVES_MAX);
	T_OK(n > 0 && n < CURVES_MAX);
	/* No names, no keys: the Oakley groups. */
	for (size_t i = 0; i < n; i++)
		if (all[i].nid != NID_sm2 && OSSL_EC_curve_nid2name(all[i].nid))
			names[kept++] = OSSL_EC_curve_nid2name(all[i].nid);
	return names;
}

bool ec_on_device(const char *curve)
{
	int nid = EC_curve_nist2nid(curve);
	EC_GROUP *g;
	bool ok;

	g = EC_GROUP_new_by_curve_name(nid ? nid : OBJ_sn2nid(curve));
	ok = g && EC_GROUP_get_field_type(g) == NID_X9_62_prime_field &&
	     BN_is_one(EC_GROUP_get0_cofactor(g));
	EC_GROUP_free(g);
	return ok;
}

static EVP_PKEY *make(EVP_PKEY_CTX *ctx, int (*init)(EVP_PKEY_CTX *),
		      const char *curve)
{
	EVP_PKEY *key = NULL;

	if (!ctx || init(ctx) <= 0 ||
	    (curve && EVP_PKEY_CTX_set_group_name(ctx, curve) <= 0) ||
	    EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

EVP_PKEY *ec_make(const struct side *s, const char *type, const char *curve)
{
	return make(EVP_PKEY_CTX_new_from_name(s->lib, type, s->q),
		    EVP_PKEY_keygen_init, curve);
}

EVP_PKEY *ec_make_params(const struct side *s, const char *curve)
{
	return make(EVP_PKEY_CTX_new_from_name(s->lib, "EC", s->q),
		    EVP_PKEY_paramgen_init, curve);
}

EVP_PKEY *ec_from(const struct side *s, const char *type, const char *curve,
		  const uint8_t *pub, size_t n, const BIGNUM *priv,
		  int selection)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, type, s->q);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;

	OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, curve,
					0);
	if (pub)
		OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY,
						 pub, n);
	if (priv)
		OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, priv);
	params = OSSL_PARAM_BLD_to_param(b);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, selection, params) <= 0)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

size_t ec_agree(const struct side *s, EVP_PKEY *key, EVP_PKEY *peer,
		uint8_t secret[EC_SECRET_MAX])
{
	EVP_PKEY_CTX *ctx = side_ctx(s, key);
	size_t need = 0, n = EC_SECRET_MAX;
	bool ok;

	memset(secret, 0, EC_SECRET_MAX);
	ok = ctx && EVP_PKEY_derive_init(ctx) > 0 &&
	     EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
	     EVP_PKEY_derive(ctx, NULL, &need) > 0 &&
	     EVP_PKEY_derive(ctx, secret, &n) > 0 && n == need;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok ? n : 0;
}
