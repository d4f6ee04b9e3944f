/* SPDX-License-Identifier: Apache-2.0 */
#include "test/provider/rsa_side.h"

#include <openssl/bn.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "test/t.h"

struct side *side_default(void)
{
	struct side *s = calloc(1, sizeof(*s));

	s->lib = OSSL_LIB_CTX_new();
	s->provider = OSSL_PROVIDER_load(s->lib, "default");
	s->q = "provider=default";
	return s;
}

struct side *side_wd(const char *device, const char *fallback, bool alone)
{
	struct side *s = calloc(1, sizeof(*s));

	setenv("WD_DEVICE", device, 1);
	if (fallback)
		setenv("WD_FALLBACK", fallback, 1);
	else
		unsetenv("WD_FALLBACK");
	s->lib = OSSL_LIB_CTX_new();
	if (!alone)
		s->beside = OSSL_PROVIDER_load(s->lib, "default");
	s->provider = OSSL_PROVIDER_load(s->lib, "wd");
	if (!s->provider)
		t_skip("wd.so could not be loaded");
	s->q = "provider=wd";
	return s;
}

void side_free(struct side *s)
{
	OSSL_PROVIDER_unload(s->provider);
	if (s->beside)
		OSSL_PROVIDER_unload(s->beside);
	OSSL_LIB_CTX_free(s->lib);
	free(s);
}

long side_count(const struct side *s, const char *kind, const char *counter)
{
	char word[64], *at, copy[8192];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("wd-stats", copy,
						 sizeof(copy)),
		OSSL_PARAM_construct_end(),
	};

	if (!OSSL_PROVIDER_get_params(s->provider, params))
		return -1;
	snprintf(word, sizeof(word), "\"%s\":{", kind);
	at = strstr(copy, word);
	snprintf(word, sizeof(word), "\"%s\":", counter);
	at = at ? strstr(at, word) : NULL;
	return at ? strtol(at + strlen(word), NULL, 10) : -1;
}

EVP_PKEY_CTX *side_ctx(const struct side *s, EVP_PKEY *key)
{
	return EVP_PKEY_CTX_new_from_pkey(s->lib, key, s->q);
}

EVP_PKEY *side_take(const struct side *s, const EVP_PKEY *key, int selection)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *mine = NULL;
	OSSL_PARAM *params = NULL;

	ctx = EVP_PKEY_CTX_new_from_name(s->lib, EVP_PKEY_get0_type_name(key),
					 s->q);
	if (!ctx || EVP_PKEY_todata(key, selection, &params) <= 0 ||
	    EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &mine, selection, params) <= 0)
		mine = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return mine;
}

static int side_make_word(EVP_PKEY_CTX *ctx, const char *word)
{
	const char *value = strchr(word, '=') + 1;
	size_t name = (size_t)(value - word - 1);
	BIGNUM *e = NULL;
	int ok;

	if (!strncmp(word, "bits", name))
		return EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, atoi(value));
	if (!strncmp(word, "primes", name))
		return EVP_PKEY_CTX_set_rsa_keygen_primes(ctx, atoi(value));
	if (!strncmp(word, "digest", name))
		return EVP_PKEY_CTX_set_rsa_pss_keygen_md_name(ctx, value,
							       NULL);
	if (!strncmp(word, "mgf1", name))
		return EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md_name(ctx, value);
	if (!strncmp(word, "saltlen", name))
		return EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx,
							       atoi(value));
	BN_hex2bn(&e, value);
	ok = EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e);
	BN_free(e);
	return ok;
}

EVP_PKEY *side_make(const struct side *s, const char *type, const char *words)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, type, s->q);
	char copy[256], *save = NULL;
	EVP_PKEY *key = NULL;
	int ok = ctx && EVP_PKEY_keygen_init(ctx) > 0;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &save); ok && w;
	     w = strtok_r(NULL, " ", &save))
		ok = side_make_word(ctx, w) > 0;
	if (ok && EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}
