/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_pipe.c - rows of wdbench: so many records of GCM at a time, as one
 * call of a cipher pipeline (OpenSSL 3.5).  Who can't pipeline does them one
 * after the other: that is what its caller would do.
 */
#include "tools/bench_ops.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>

#include "base/wd_base.h"

#define PIPES_MAX 32u
#define TAG_LEN	  16u
#define AAD_LEN	  13
#define NONCE_LEN 12u

/* <openssl/evp.h> of 3.5 */
typedef int can_fn(const EVP_CIPHER *c, int encrypt);
typedef int init_fn(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *c,
		    const uint8_t *key, size_t key_len, size_t n,
		    const uint8_t **iv, size_t iv_len);
typedef int update_fn(EVP_CIPHER_CTX *ctx, uint8_t **out, size_t *out_len,
		      const size_t *out_size, const uint8_t **in,
		      const size_t *in_len);
typedef int final_fn(EVP_CIPHER_CTX *ctx, uint8_t **out, size_t *out_len,
		     const size_t *out_size);

/* Nothing here is secret: the key is the first bytes, each pipe's nonce begins
 * one further on. */
static const uint8_t bytes[PIPES_MAX + 64] = { 1, 2, 3, 5, 7, 11, 13, 17, 19 };

/* A state's. */
struct pipes {
	init_fn *init; /* NULL: one record after the other */
	update_fn *update;
	final_fn *final;
	const uint8_t *iv[PIPES_MAX], *aad[PIPES_MAX], *in[PIPES_MAX];
	uint8_t *out[PIPES_MAX], *end[PIPES_MAX];
	size_t aad_len[PIPES_MAX], len[PIPES_MAX], none[PIPES_MAX];
	size_t out_len[PIPES_MAX];
};

static void *function(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}

static bool find_functions(struct pipes *p, const EVP_CIPHER *c)
{
	can_fn *can = (can_fn *)function("EVP_CIPHER_can_pipeline");

	if (!can || !can(c, 1))
		return false;
	p->init = (init_fn *)function("EVP_CipherPipelineEncryptInit");
	p->update = (update_fn *)function("EVP_CipherPipelineUpdate");
	p->final = (final_fn *)function("EVP_CipherPipelineFinal");
	return true;
}

static int start(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *c, struct pipes *p,
		 size_t n)
{
	size_t key_len = (size_t)EVP_CIPHER_get_key_length(c);

	return find_functions(p, c)
		       ? p->init(ctx, c, bytes, key_len, n, p->iv, NONCE_LEN)
		       : EVP_EncryptInit_ex2(ctx, c, bytes, p->iv[0], NULL);
}

static int pipe_open(struct bench_state *s)
{
	struct bench_op *op = s->op;
	EVP_CIPHER *c = EVP_CIPHER_fetch(op->side->ctx, op->row.alg, NULL);
	struct pipes *p = calloc(1, sizeof(*p));
	int ok;

	s->more = p;
	s->cipher = EVP_CIPHER_CTX_new();
	for (size_t i = 0; p && i < op->row.bits; i++) {
		p->iv[i] = bytes + 1 + i;
		p->aad[i] = bytes;
		p->aad_len[i] = AAD_LEN;
		p->in[i] = op->in;
		p->len[i] = op->in_len;
	}
	ok = c && p && s->cipher && start(s->cipher, c, p, op->row.bits);
	if (ok)
		bench_served(op, EVP_CIPHER_get0_provider(c));
	EVP_CIPHER_free(c);
	return ok;
}

static void pipe_close(struct bench_state *s)
{
	free(s->more);
}

static int one(EVP_CIPHER_CTX *c, struct pipes *p, size_t i)
{
	int n;

	return EVP_EncryptInit_ex2(c, NULL, NULL, p->iv[i], NULL) &&
	       EVP_EncryptUpdate(c, NULL, &n, p->aad[i], AAD_LEN) &&
	       EVP_EncryptUpdate(c, p->out[i], &n, p->in[i], (int)p->len[i]) &&
	       EVP_EncryptFinal_ex(c, p->end[i], &n) &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, (int)TAG_LEN,
				   p->end[i]) > 0;
}

static int together(EVP_CIPHER_CTX *c, struct pipes *p, size_t n)
{
	void *tags = p->end;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_ptr("pipeline-tag", &tags, TAG_LEN),
		OSSL_PARAM_construct_end(),
	};

	return p->init(c, NULL, NULL, 0, n, p->iv, NONCE_LEN) &&
	       p->update(c, NULL, p->out_len, NULL, p->aad, p->aad_len) &&
	       p->update(c, p->out, p->out_len, p->len, p->in, p->len) &&
	       p->final(c, p->end, p->out_len, p->none) &&
	       EVP_CIPHER_CTX_get_params(c, params);
}

/* Records, each with its tag behind it. */
static int records(EVP_CIPHER_CTX *c, struct pipes *p, size_t n, uint8_t *out)
{
	int ok = 1;

	for (size_t i = 0; i < n; i++) {
		p->out[i] = out;
		p->end[i] = out + p->len[i];
		out = p->end[i] + TAG_LEN;
	}
	if (p->init)
		return together(c, p, n);
	for (size_t i = 0; i < n && ok; i++)
		ok = one(c, p, i);
	return ok;
}

static int pipe_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;

	s->out_len[slot] = s->op->out_size;
	return records(s->cipher, s->more, s->op->row.bits,
		       bench_slot(s, slot));
}

static int pipe_prepare(struct bench_op *op)
{
	struct bench_op ref = *op;
	struct bench_state s = { .op = &ref };
	int ok;

	op->in_len = op->bytes;
	op->out_size = op->want_len = op->row.bits * (op->in_len + TAG_LEN);
	op->in = malloc(op->in_len);
	op->want = malloc(op->out_size);
	if (!op->in || !op->want)
		return 0;
	for (size_t i = 0; i < op->in_len; i++)
		op->in[i] = (uint8_t)(i * 31 + (i >> 8));
	ref = *op;
	ref.side = op->ref;
	ok = pipe_open(&s) && records(s.cipher, s.more, op->row.bits, op->want);
	pipe_close(&s);
	EVP_CIPHER_CTX_free(s.cipher);
	return ok;
}

const struct bench_family bench_pipe = {
	.prepare = pipe_prepare,
	.open = pipe_open,
	.run = pipe_run,
	.check = bench_same,
	.close = pipe_close,
};
