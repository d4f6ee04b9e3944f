/* SPDX-License-Identifier: Apache-2.0 */
/* bench_sym.c - rows of wdbench: ciphers, digests, MACs. */
#include "tools/bench_ops.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>

#include "base/wd_base.h"

#define TAG_LEN	  16
#define AAD_LEN	  13
#define NONCE_LEN 12

/* Key, nonce and data are counters: nothing here is secret. */
static const uint8_t bytes[64] = {
	1,  2,	3,  4,	5,  6,	7,  8,	9,  10, 11, 12, 13, 14, 15, 16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
	33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
	49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64,
};

/* Buffers of @op->bytes in, @want out. */
static bool buffers(struct bench_op *op, size_t want)
{
	op->in_len = op->bytes;
	op->out_size = want + EVP_MAX_BLOCK_LENGTH;
	op->in = malloc(op->bytes);
	op->want = malloc(op->out_size);
	op->aid = calloc(1, TAG_LEN);
	if (!op->in || !op->want || !op->aid)
		return false;
	for (uint32_t i = 0; i < op->bytes; i++)
		op->in[i] = (uint8_t)(i * 31 + (i >> 8));
	return true;
}

/* ---- ciphers ------------------------------------------------------------------ */

static bool has_tag(const EVP_CIPHER_CTX *c)
{
	int mode = EVP_CIPHER_CTX_get_mode(c);

	return mode == EVP_CIPH_GCM_MODE || mode == EVP_CIPH_CCM_MODE;
}

static EVP_CIPHER_CTX *cipher_new(struct bench_op *op, struct bench_side *side,
				  bool encrypt)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(side->ctx, op->alg, NULL);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int ok = cipher && c &&
		 EVP_CipherInit_ex2(c, cipher, NULL, NULL, encrypt, NULL);

	if (ok && EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CCM_MODE)
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, NONCE_LEN,
					 NULL) > 0 &&
		     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
					 encrypt ? NULL : op->aid) > 0;
	if (ok && EVP_CIPHER_get_iv_length(cipher) > 0)
		ok = EVP_CipherInit_ex2(c, NULL, bytes, bytes, -1, NULL);
	else if (ok)
		ok = EVP_CipherInit_ex2(c, NULL, bytes, NULL, -1, NULL);
	if (ok && side == op->side)
		bench_served(op, EVP_CIPHER_get0_provider(cipher));
	EVP_CIPHER_free(cipher);
	if (ok && EVP_CIPHER_CTX_set_padding(c, 0))
		return c;
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

/* One message: a record of TLS, where the mode has a tag. */
static int message(EVP_CIPHER_CTX *c, const struct bench_op *op, uint8_t *out,
		   size_t *out_len)
{
	int mode = EVP_CIPHER_CTX_get_mode(c);
	int enc = EVP_CIPHER_CTX_is_encrypting(c), n = 0, last = 0, ok;

	ok = EVP_CipherInit_ex2(c, NULL, NULL,
				mode == EVP_CIPH_ECB_MODE ? NULL : bytes, -1,
				NULL);
	if (ok && has_tag(c) && !enc)
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
					 op->aid) > 0;
	if (ok && mode == EVP_CIPH_CCM_MODE)
		ok = EVP_CipherUpdate(c, NULL, &n, NULL, (int)op->in_len);
	if (ok && has_tag(c))
		ok = EVP_CipherUpdate(c, NULL, &n, bytes, AAD_LEN);
	ok = ok && EVP_CipherUpdate(c, out, &n, op->in, (int)op->in_len);
	/* Decrypted CCM has been final. */
	if (ok && (mode != EVP_CIPH_CCM_MODE || enc))
		ok = EVP_CipherFinal_ex(c, out + n, &last);
	*out_len = (size_t)n + (size_t)last;
	if (ok && has_tag(c) && enc) {
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
					 out + *out_len) > 0;
		*out_len += TAG_LEN;
	}
	return ok;
}

/* What has been encrypted becomes the input, and the input what is wanted. */
static void turn_round(struct bench_op *op, bool tag)
{
	uint8_t *in = op->in;
	size_t len = op->in_len;

	if (tag) {
		op->want_len -= TAG_LEN;
		memcpy(op->aid, op->want + op->want_len, TAG_LEN);
	}
	op->in = op->want;
	op->in_len = op->want_len;
	op->want = in;
	op->want_len = len;
}

static int cipher_prepare(struct bench_op *op)
{
	EVP_CIPHER_CTX *c;
	int ok;

	if (!buffers(op, op->bytes + TAG_LEN))
		return 0;
	c = cipher_new(op, op->ref, true);
	ok = c && message(c, op, op->want, &op->want_len);
	if (ok && op->decrypt)
		turn_round(op, has_tag(c));
	EVP_CIPHER_CTX_free(c);
	return ok;
}

static int cipher_open(struct bench_state *s)
{
	s->cipher = cipher_new(s->op, s->op->side, !s->op->decrypt);
	return s->cipher != NULL;
}

static int cipher_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;

	return message(s->cipher, s->op, bench_slot(s, slot),
		       &s->out_len[slot]);
}

const struct bench_family bench_cipher = {
	.prepare = cipher_prepare,
	.open = cipher_open,
	.run = cipher_run,
	.check = bench_same,
};

/* ---- digests ------------------------------------------------------------------ */

static EVP_MD_CTX *digest_new(struct bench_op *op, struct bench_side *side)
{
	EVP_MD *md = EVP_MD_fetch(side->ctx, op->row.alg, NULL);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int ok = md && c && EVP_DigestInit_ex2(c, md, NULL);

	if (ok && side == op->side)
		bench_served(op, EVP_MD_get0_provider(md));
	EVP_MD_free(md);
	if (ok)
		return c;
	EVP_MD_CTX_free(c);
	return NULL;
}

static int digest(EVP_MD_CTX *c, const struct bench_op *op, uint8_t *out,
		  size_t *out_len)
{
	unsigned int n = 0;
	int ok = EVP_DigestInit_ex2(c, NULL, NULL) &&
		 EVP_DigestUpdate(c, op->in, op->in_len) &&
		 EVP_DigestFinal_ex(c, out, &n);

	*out_len = n;
	return ok;
}

static int digest_prepare(struct bench_op *op)
{
	EVP_MD_CTX *c;
	int ok;

	if (!buffers(op, EVP_MAX_MD_SIZE))
		return 0;
	c = digest_new(op, op->ref);
	ok = c && digest(c, op, op->want, &op->want_len);
	EVP_MD_CTX_free(c);
	return ok;
}

static int digest_open(struct bench_state *s)
{
	s->md = digest_new(s->op, s->op->side);
	return s->md != NULL;
}

static int digest_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;

	return digest(s->md, s->op, bench_slot(s, slot), &s->out_len[slot]);
}

const struct bench_family bench_digest = {
	.prepare = digest_prepare,
	.open = digest_open,
	.run = digest_run,
	.check = bench_same,
};

/* ---- MACs --------------------------------------------------------------------- */

static EVP_MAC_CTX *mac_new(struct bench_op *op, struct bench_side *side)
{
	bool hmac = !strcmp(op->row.alg, "HMAC");
	EVP_MAC *mac = EVP_MAC_fetch(side->ctx, op->row.alg, NULL);
	EVP_MAC_CTX *c = mac ? EVP_MAC_CTX_new(mac) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			hmac ? OSSL_MAC_PARAM_DIGEST : OSSL_MAC_PARAM_CIPHER,
			(char *)(uintptr_t)op->row.group, 0),
		OSSL_PARAM_construct_end(),
	};

	if (c && side == op->side)
		bench_served(op, EVP_MAC_get0_provider(mac));
	EVP_MAC_free(mac);
	if (c && EVP_MAC_CTX_set_params(c, params))
		return c;
	EVP_MAC_CTX_free(c);
	return NULL;
}

static size_t mac_key_len(const struct bench_op *op)
{
	EVP_CIPHER *cipher;
	int n = 32;

	if (!strcmp(op->row.alg, "HMAC"))
		return (size_t)n;
	cipher = EVP_CIPHER_fetch(op->ref->ctx, op->row.group, NULL);
	if (cipher)
		n = EVP_CIPHER_get_key_length(cipher);
	EVP_CIPHER_free(cipher);
	return (size_t)n;
}

static int mac(EVP_MAC_CTX *c, const struct bench_op *op, uint8_t *out,
	       size_t *out_len)
{
	bool gmac = op->row.alg[0] == 'G';
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
			OSSL_MAC_PARAM_IV, (void *)(uintptr_t)bytes, NONCE_LEN),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_init(c, bytes, (size_t)op->aid[0],
			    gmac ? params : NULL) &&
	       EVP_MAC_update(c, op->in, op->in_len) &&
	       EVP_MAC_final(c, out, out_len, op->out_size);
}

static int mac_prepare(struct bench_op *op)
{
	EVP_MAC_CTX *c;
	int ok;

	if (!buffers(op, EVP_MAX_MD_SIZE))
		return 0;
	op->aid[0] = (uint8_t)mac_key_len(op);
	c = mac_new(op, op->ref);
	ok = c && mac(c, op, op->want, &op->want_len);
	EVP_MAC_CTX_free(c);
	return ok;
}

static int mac_open(struct bench_state *s)
{
	s->mac = mac_new(s->op, s->op->side);
	return s->mac != NULL;
}

static int mac_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;

	return mac(s->mac, s->op, bench_slot(s, slot), &s->out_len[slot]);
}

const struct bench_family bench_mac = {
	.prepare = mac_prepare,
	.open = mac_open,
	.run = mac_run,
	.check = bench_same,
};
