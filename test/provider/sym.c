/* SPDX-License-Identifier: Apache-2.0 */
#include "test/provider/sym.h"

#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/provider.h>

/* In the program, or else wd.so. */
extern OSSL_provider_init_fn OSSL_provider_init;
#pragma weak OSSL_provider_init

OSSL_LIB_CTX *sym_wd;
static OSSL_PROVIDER *provider;
static uint32_t state = 1;

void sym_load(bool fallback)
{
	setenv("WD_DEVICE", getenv("WD_DEVICE") ? getenv("WD_DEVICE") : "emu",
	       1);
	setenv("WD_FALLBACK", fallback ? "yes" : "no", 1);
	sym_wd = OSSL_LIB_CTX_new();
	if (OSSL_provider_init)
		T_OK(OSSL_PROVIDER_add_builtin(sym_wd, "wd",
					       OSSL_provider_init));
	provider = OSSL_PROVIDER_load(sym_wd, "wd");
	T_OK(provider);
}

/* @kind NULL: of all kinds. */
static uint64_t counter(const char *kind, const char *name)
{
	char json[8192] = "", want[64];
	OSSL_PARAM p[] = {
		OSSL_PARAM_utf8_string("wd-stats", json, sizeof(json)),
		OSSL_PARAM_END,
	};
	const char *at;

	T_EQ(OSSL_PROVIDER_get_params(provider, p), 1);
	snprintf(want, sizeof(want), "\"%s\":{", kind ? kind : "");
	at = kind ? strstr(json, want) : json;
	T_OK(at);
	snprintf(want, sizeof(want), "\"%s\":", name);
	at = strstr(at, want);
	T_OK(at);
	return strtoull(at + strlen(want), NULL, 10);
}

uint64_t sym_counter(const char *kind, const char *name)
{
	return counter(kind, name);
}

uint64_t sym_total(const char *name)
{
	return counter(NULL, name);
}

void sym_unload(void)
{
	OSSL_PROVIDER_unload(provider);
	OSSL_LIB_CTX_free(sym_wd);
	sym_wd = NULL;
}

void sym_seed(uint32_t seed)
{
	state = seed * 2654435761u + 1;
}

uint32_t sym_random(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return below ? state % below : 0;
}

void sym_bytes(uint8_t *p, size_t n)
{
	while (n--)
		*p++ = (uint8_t)(sym_random(0x10000) >> 3);
}

size_t sym_length(size_t max)
{
	size_t n;

	switch (sym_random(4)) {
	case 0:
		n = sym_random(40);
		break;
	case 1:
		n = 16 * sym_random(40);
		break;
	case 2:
		n = 16 * sym_random(600) + sym_random(3);
		break;
	default:
		n = sym_random(SYM_MAX);
	}
	return n < max ? n : max;
}

struct sym_pair sym_open(const char *name)
{
	struct sym_pair p;

	p.cipher[0] = EVP_CIPHER_fetch(sym_wd, name, "provider=wd");
	p.cipher[1] = EVP_CIPHER_fetch(NULL, name, "provider=default");
	for (int i = 0; i < 2; i++) {
		T_OK(p.cipher[i]);
		p.ctx[i] = EVP_CIPHER_CTX_new();
		T_OK(EVP_CipherInit_ex(p.ctx[i], p.cipher[i], NULL, NULL, NULL,
				       1));
	}
	return p;
}

void sym_close(struct sym_pair *p)
{
	for (int i = 0; i < 2; i++) {
		EVP_CIPHER_CTX_free(p->ctx[i]);
		EVP_CIPHER_free(p->cipher[i]);
	}
}

void sym_copy(struct sym_pair *p)
{
	for (int i = 0; i < 2; i++) {
		EVP_CIPHER_CTX *copy = EVP_CIPHER_CTX_new();

		T_EQ(EVP_CIPHER_CTX_copy(copy, p->ctx[i]), 1);
		EVP_CIPHER_CTX_free(p->ctx[i]);
		p->ctx[i] = copy;
	}
}

int sym_init(struct sym_pair *p, const uint8_t *key, const uint8_t *iv,
	     int encrypt)
{
	int rc[2];

	for (int i = 0; i < 2; i++)
		rc[i] = EVP_CipherInit_ex(p->ctx[i], NULL, NULL, key, iv,
					  encrypt);
	T_EQ(rc[0], rc[1]);
	return rc[0];
}

int sym_ctrl(struct sym_pair *p, int type, int arg, const void *in)
{
	int rc[2];

	for (int i = 0; i < 2; i++)
		rc[i] = EVP_CIPHER_CTX_ctrl(p->ctx[i], type, arg, (void *)in);
	T_EQ(rc[0], rc[1]);
	return rc[0];
}

int sym_get(struct sym_pair *p, int type, int arg, uint8_t *out)
{
	uint8_t buf[2][256];
	int rc[2];

	memset(buf, 0x33, sizeof(buf));
	for (int i = 0; i < 2; i++)
		rc[i] = EVP_CIPHER_CTX_ctrl(p->ctx[i], type, arg, buf[i]);
	T_EQ(rc[0], rc[1]);
	T_MEM(buf[0], buf[1], sizeof(buf[0]));
	memcpy(out, buf[0], (size_t)arg);
	return rc[0];
}

/* The default provider works on copies, at the same alignment. */
int sym_update(struct sym_pair *p, uint8_t *out, int *out_len,
	       const uint8_t *in, int len)
{
	uint8_t *copy = malloc((size_t)len + 64), *to = copy;
	int rc[2], n[2] = { -1, -1 };

	memcpy(copy, in, (size_t)len);
	if (out && out != in)
		to = malloc((size_t)len + 64);
	rc[0] = EVP_CipherUpdate(p->ctx[0], out, &n[0], in, len);
	rc[1] = EVP_CipherUpdate(p->ctx[1], out ? to : NULL, &n[1], copy, len);
	T_EQ(rc[0], rc[1]);
	if (rc[0] == 1) {
		T_EQ(n[0], n[1]);
		if (out)
			T_MEM(out, to, (size_t)n[0]);
	}
	*out_len = n[0];
	if (to != copy)
		free(to);
	free(copy);
	return rc[0];
}

int sym_final(struct sym_pair *p, uint8_t *out, int *out_len)
{
	uint8_t other[64];
	int rc[2], n[2] = { -1, -1 };

	rc[0] = EVP_CipherFinal_ex(p->ctx[0], out, &n[0]);
	rc[1] = EVP_CipherFinal_ex(p->ctx[1], other, &n[1]);
	T_EQ(rc[0], rc[1]);
	if (rc[0] == 1) {
		T_EQ(n[0], n[1]);
		T_MEM(out, other, (size_t)n[0]);
	}
	*out_len = n[0];
	return rc[0];
}

void sym_same_ivs(struct sym_pair *p)
{
	uint8_t iv[2][128] = { { 0 } }, now[2][128] = { { 0 } };
	int rc[2][2];
	/* default's CCM gives as many bytes as there is room, of what
	 * happens to lie there */
	size_t n = (size_t)EVP_CIPHER_CTX_get_iv_length(p->ctx[1]);

	for (int i = 0; i < 2; i++) {
		rc[i][0] =
			EVP_CIPHER_CTX_get_original_iv(p->ctx[i], iv[i], 128);
		rc[i][1] =
			EVP_CIPHER_CTX_get_updated_iv(p->ctx[i], now[i], 128);
	}
	T_EQ(rc[0][0], rc[1][0]);
	T_EQ(rc[0][1], rc[1][1]);
	T_MEM(iv[0], iv[1], n);
	T_MEM(now[0], now[1], n);
}
