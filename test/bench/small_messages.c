/* SPDX-License-Identifier: Apache-2.0 */
/*
 * small_messages COUNT: messages below the threshold, through the default
 * provider and through wd, for a tool that counts instructions.  Each line of
 * output is one call of measured(), COUNT messages: row and provider.  Run by
 * test_instructions.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/provider.h>

#define TAG  16
#define AAD  13
#define IV   12
#define ROOM 4096

enum what { ENCRYPT, DECRYPT, RECORD, PADDED, FRESH, DIGEST, HASH, MAC };

static const struct row {
	const char *alg;
	enum what what;
} rows[] = {
	{ "AES-128-GCM", ENCRYPT },  { "AES-128-GCM", DECRYPT },
	{ "AES-128-GCM", RECORD },   { "AES-128-GCM", FRESH },
	{ "AES-128-CCM", ENCRYPT },  { "AES-128-CCM", DECRYPT },
	{ "AES-256-CBC", ENCRYPT },  { "AES-256-CBC", DECRYPT },
	{ "AES-256-CBC", PADDED },   { "AES-256-CBC", FRESH },
	{ "AES-128-CTR", ENCRYPT },  { "AES-128-ECB", ENCRYPT },
	{ "AES-128-XTS", ENCRYPT },  { "SM4-CBC", ENCRYPT },
	{ "DES-EDE3-CBC", ENCRYPT }, { "SHA2-256", DIGEST },
	{ "SHA2-256", HASH },	     { "SHA2-512", DIGEST },
	{ "SM3", DIGEST },	     { "HMAC", MAC },
};

static const char *const words[] = {
	[ENCRYPT] = "encrypt", [DECRYPT] = "decrypt", [RECORD] = "record",
	[PADDED] = "padded",   [FRESH] = "fresh",     [DIGEST] = "digest",
	[HASH] = "hash",       [MAC] = "mac",
};

static const size_t sizes[] = { 16, 1024 };

struct work {
	const struct row *row;
	size_t len;
	OSSL_LIB_CTX *ctx;
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *c;
	EVP_MD *md;
	EVP_MD_CTX *m;
	EVP_MAC_CTX *mac;
	int mode;
	unsigned char key[64], in[ROOM], out[ROOM], tag[TAG];
};

static int aead(const struct work *w)
{
	return w->mode == EVP_CIPH_GCM_MODE || w->mode == EVP_CIPH_CCM_MODE;
}

/* As a record of TLS, where the mode has a tag. */
static int message(struct work *w, int enc)
{
	int n = 0, end = 0, ok;

	ok = EVP_CipherInit_ex2(w->c, NULL, NULL,
				w->mode == EVP_CIPH_ECB_MODE ? NULL : w->key,
				enc, NULL);
	if (ok && aead(w) && !enc)
		ok = EVP_CIPHER_CTX_ctrl(w->c, EVP_CTRL_AEAD_SET_TAG, TAG,
					 w->tag) > 0;
	if (ok && w->mode == EVP_CIPH_CCM_MODE)
		ok = EVP_CipherUpdate(w->c, NULL, &n, NULL, (int)w->len);
	if (ok && aead(w))
		ok = EVP_CipherUpdate(w->c, NULL, &n, w->key, AAD);
	ok = ok && EVP_CipherUpdate(w->c, w->out, &n, w->in, (int)w->len);
	if (ok && (w->mode != EVP_CIPH_CCM_MODE || enc))
		ok = EVP_CipherFinal_ex(w->c, w->out + n, &end);
	if (ok && aead(w) && enc)
		ok = EVP_CIPHER_CTX_ctrl(w->c, EVP_CTRL_AEAD_GET_TAG, TAG,
					 w->tag) > 0;
	return ok;
}

static int begin(struct work *w, int enc)
{
	int ok = EVP_CipherInit_ex2(w->c, w->cipher, NULL, NULL, enc, NULL);

	if (ok && w->mode == EVP_CIPH_CCM_MODE)
		ok = EVP_CIPHER_CTX_ctrl(w->c, EVP_CTRL_AEAD_SET_IVLEN, IV,
					 NULL) > 0 &&
		     EVP_CIPHER_CTX_ctrl(w->c, EVP_CTRL_AEAD_SET_TAG, TAG,
					 enc ? NULL : w->tag) > 0;
	return ok &&
	       EVP_CipherInit_ex2(w->c, NULL, w->key,
				  w->mode == EVP_CIPH_ECB_MODE ? NULL : w->key,
				  enc, NULL);
}

/* TLS 1.2: header, then explicit IV, payload and tag in place. */
static int record(struct work *w)
{
	unsigned char header[AAD] = { 0, 0, 0, 0, 0, 0, 0, 1, 23, 3, 3 };
	int len = (int)w->len + 8, n = 0;

	header[AAD - 2] = (unsigned char)(len >> 8);
	header[AAD - 1] = (unsigned char)len;
	return EVP_CIPHER_CTX_ctrl(w->c, EVP_CTRL_AEAD_TLS1_AAD, AAD, header) ==
		       TAG &&
	       EVP_CipherUpdate(w->c, w->in, &n, w->in, len + TAG) &&
	       n == len + TAG;
}

static int fresh(struct work *w)
{
	int ok;

	w->c = EVP_CIPHER_CTX_new();
	ok = begin(w, 1) && message(w, 1);
	EVP_CIPHER_CTX_free(w->c);
	w->c = NULL;
	return ok;
}

static int digest(struct work *w)
{
	unsigned int n;

	return EVP_DigestInit_ex2(w->m, NULL, NULL) &&
	       EVP_DigestUpdate(w->m, w->in, w->len) &&
	       EVP_DigestFinal_ex(w->m, w->out, &n);
}

static int mac(struct work *w)
{
	size_t n;

	return EVP_MAC_init(w->mac, NULL, 0, NULL) &&
	       EVP_MAC_update(w->mac, w->in, w->len) &&
	       EVP_MAC_final(w->mac, w->out, &n, sizeof(w->out));
}

static int once(struct work *w)
{
	unsigned int n;

	switch (w->row->what) {
	case ENCRYPT:
		return message(w, 1);
	case DECRYPT:
	case PADDED:
		return message(w, 0);
	case RECORD:
		return record(w);
	case FRESH:
		return fresh(w);
	case DIGEST:
		return digest(w);
	case HASH:
		return EVP_Digest(w->in, w->len, w->out, &n, w->md, NULL);
	case MAC:
		return mac(w);
	}
	return 0;
}

/* What is counted: a function of its own, that nothing is moved out of. */
int measured(struct work *w, long count);
__attribute__((noinline, noclone)) int measured(struct work *w, long count)
{
	int ok = 1;

	while (ok && count-- > 0)
		ok = once(w);
	return ok;
}

/* Input of decryption: what encryption made. */
static int turn(struct work *w)
{
	int n = 0, end = 0, ok;

	if (aead(w)) {
		ok = begin(w, 1) && message(w, 1);
		memcpy(w->in, w->out, w->len);
		return ok && begin(w, 0);
	}
	w->len -= w->row->what == PADDED; /* so that it stays what it was */
	ok = begin(w, 1) &&
	     EVP_CIPHER_CTX_set_padding(w->c, w->row->what == PADDED) &&
	     EVP_CipherUpdate(w->c, w->out, &n, w->in, (int)w->len) &&
	     EVP_CipherFinal_ex(w->c, w->out + n, &end);
	w->len = (size_t)(n + end);
	memcpy(w->in, w->out, w->len);
	return ok && begin(w, 0);
}

static int open_cipher(struct work *w)
{
	int ok;

	w->cipher = EVP_CIPHER_fetch(w->ctx, w->row->alg, NULL);
	if (!w->cipher)
		return 0;
	w->mode = EVP_CIPHER_get_mode(w->cipher);
	if (w->row->what == FRESH)
		return 1;
	w->c = EVP_CIPHER_CTX_new();
	if (!w->c)
		return 0;
	if (w->row->what == RECORD)
		return begin(w, 1) &&
		       EVP_CIPHER_CTX_ctrl(w->c, EVP_CTRL_GCM_SET_IV_FIXED, -1,
					   w->key) > 0;
	ok = w->row->what == ENCRYPT ? begin(w, 1) : turn(w);
	return ok && (aead(w) || w->row->what == PADDED ||
		      EVP_CIPHER_CTX_set_padding(w->c, 0));
}

static int open_mac(struct work *w)
{
	EVP_MAC *hmac = EVP_MAC_fetch(w->ctx, w->row->alg, NULL);
	char sha256[] = "SHA2-256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", sha256, 0),
		OSSL_PARAM_construct_end(),
	};

	w->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	return w->mac && EVP_MAC_init(w->mac, w->key, 32, params);
}

static int open_digest(struct work *w)
{
	w->md = EVP_MD_fetch(w->ctx, w->row->alg, NULL);
	w->m = EVP_MD_CTX_new();
	return w->md && w->m && EVP_DigestInit_ex2(w->m, w->md, NULL);
}

static int run(struct work *w, long count)
{
	int ok;

	for (unsigned char i = 0; i < sizeof(w->key); i++)
		w->key[i] = i;
	ok = w->row->what == MAC      ? open_mac(w)
	     : w->row->what >= DIGEST ? open_digest(w)
				      : open_cipher(w);
	ok = ok && once(w) && once(w) && measured(w, count);
	EVP_CIPHER_CTX_free(w->c);
	EVP_CIPHER_free(w->cipher);
	EVP_MD_CTX_free(w->m);
	EVP_MD_free(w->md);
	EVP_MAC_CTX_free(w->mac);
	return ok;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "default", "wd" };
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	const char *only = argc > 2 ? argv[2] : "";
	int ok = 1;

	for (size_t s = 0; s < 2; s++)
		for (size_t p = 0; p < 2; p++) {
			OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
			OSSL_PROVIDER *prov = OSSL_PROVIDER_load(ctx, names[p]);

			for (size_t r = 0; r < sizeof(rows) / sizeof(*rows);
			     r++) {
				struct work w = { .row = &rows[r],
						  .len = sizes[s],
						  .ctx = ctx };

				if (!strstr(rows[r].alg, only))
					continue;
				ok = prov && run(&w, count) && ok;
				printf("%s-%s:%zu %s\n", rows[r].alg,
				       words[rows[r].what], sizes[s], names[p]);
			}
			OSSL_PROVIDER_unload(prov);
			OSSL_LIB_CTX_free(ctx);
		}
	return !ok;
}
