/* SPDX-License-Identifier: Apache-2.0 */
/* bench_pkey.c - rows of wdbench: signatures, encryption, key exchange. */
#include "tools/bench_ops.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#define SLOTS	    16
#define DIGEST_LEN  32
#define MESSAGE_LEN 32

typedef int init_fn(EVP_PKEY_CTX *c);

static EVP_PKEY_CTX *pkey_new(struct bench_op *op, struct bench_side *side,
			      EVP_PKEY *key, init_fn *init)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(side->ctx, key, NULL);
	bool rsa = !strcmp(op->row.alg, "RSA");
	bool sign = init == EVP_PKEY_sign_init || init == EVP_PKEY_verify_init;
	int ok = c && init(c) > 0;

	if (ok && rsa && sign)
		ok = EVP_PKEY_CTX_set_rsa_padding(
			     c, op->row.pss ? RSA_PKCS1_PSS_PADDING
					    : RSA_PKCS1_PADDING) > 0 &&
		     EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) > 0;
	else if (ok && rsa)
		ok = EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) >
		     0;
	if (ok && side == op->side)
		bench_served(op, EVP_PKEY_CTX_get0_provider(c));
	if (ok)
		return c;
	EVP_PKEY_CTX_free(c);
	return NULL;
}

/* Room for any result, and the message that is signed or encrypted. */
static bool buffers(struct bench_op *op)
{
	int size = EVP_PKEY_get_size(op->ref_key);

	op->out_size = (size > 0 ? (size_t)size : 0) + 256;
	op->in = calloc(1, op->out_size);
	op->want = calloc(1, op->out_size);
	op->aid = malloc(MESSAGE_LEN);
	for (int i = 0; op->aid && i < MESSAGE_LEN; i++)
		op->aid[i] = (uint8_t)(i + 1);
	return op->in && op->want && op->aid;
}

/* ---- signatures ----------------------------------------------------------------- */

static int sign(EVP_PKEY_CTX *c, const struct bench_op *op, uint8_t *out,
		size_t *len)
{
	*len = op->out_size;
	return EVP_PKEY_sign(c, out, len, op->aid, DIGEST_LEN);
}

static int sign_prepare(struct bench_op *op)
{
	return buffers(op);
}

static int sign_open(struct bench_state *s)
{
	struct bench_op *op = s->op;

	s->pkey = pkey_new(op, op->side, op->key, EVP_PKEY_sign_init);
	s->judge = pkey_new(op, op->ref, op->ref_key, EVP_PKEY_verify_init);
	s->more = calloc(1, op->out_size + sizeof(size_t));
	return s->pkey && s->judge && s->more;
}

static void sign_close(struct bench_state *s)
{
	free(s->more);
}

static int sign_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;

	return sign(s->pkey, s->op, bench_slot(s, slot), &s->out_len[slot]);
}

/* Bytes the reference has already found good need not be asked for again. */
static int sign_check(void *state, unsigned int slot)
{
	struct bench_state *s = state;
	uint8_t *out = bench_slot(s, slot), *last = s->more;
	size_t n = s->out_len[slot], last_n;
	int ok;

	memcpy(&last_n, last + s->op->out_size, sizeof(last_n));
	ok = n == last_n && !memcmp(out, last, n);
	if (!ok && n <= s->op->out_size)
		ok = EVP_PKEY_verify(s->judge, out, n, s->op->aid, DIGEST_LEN) >
		     0;
	if (ok) {
		memcpy(last, out, n);
		memcpy(last + s->op->out_size, &n, sizeof(n));
	}
	memset(out, 0, s->op->out_size);
	return ok;
}

const struct bench_family bench_sign = {
	.slots = SLOTS,
	.prepare = sign_prepare,
	.open = sign_open,
	.run = sign_run,
	.check = sign_check,
	.close = sign_close,
};

/* A signature that is not one must be refused, before speed means anything. */
static int refuses_forgery(struct bench_op *op)
{
	EVP_PKEY_CTX *c = pkey_new(op, op->side, op->key, EVP_PKEY_verify_init);
	int ok;

	op->aid[0] ^= 1;
	ok = c &&
	     EVP_PKEY_verify(c, op->in, op->in_len, op->aid, DIGEST_LEN) <= 0;
	op->aid[0] ^= 1;
	EVP_PKEY_CTX_free(c);
	ERR_clear_error();
	return ok;
}

static int verify_prepare(struct bench_op *op)
{
	EVP_PKEY_CTX *c = NULL;
	int ok = buffers(op);

	if (ok)
		c = pkey_new(op, op->ref, op->ref_key, EVP_PKEY_sign_init);
	ok = c && sign(c, op, op->in, &op->in_len) > 0 && refuses_forgery(op);
	EVP_PKEY_CTX_free(c);
	return ok;
}

static int verify_open(struct bench_state *s)
{
	s->pkey =
		pkey_new(s->op, s->op->side, s->op->key, EVP_PKEY_verify_init);
	return s->pkey != NULL;
}

static int verify_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;
	const struct bench_op *op = s->op;

	bench_slot(s, slot)[0] = EVP_PKEY_verify(s->pkey, op->in, op->in_len,
						 op->aid, DIGEST_LEN) == 1;
	return 1;
}

static int verify_check(void *state, unsigned int slot)
{
	return bench_slot(state, slot)[0];
}

const struct bench_family bench_verify = {
	.slots = SLOTS,
	.prepare = verify_prepare,
	.open = verify_open,
	.run = verify_run,
	.check = verify_check,
};

/* ---- encryption ------------------------------------------------------------------- */

static int encrypt_open(struct bench_state *s)
{
	struct bench_op *op = s->op;

	s->pkey = pkey_new(op, op->side, op->key, EVP_PKEY_encrypt_init);
	s->judge = pkey_new(op, op->ref, op->ref_key, EVP_PKEY_decrypt_init);
	return s->pkey && s->judge;
}

static int encrypt_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;

	s->out_len[slot] = s->op->out_size;
	return EVP_PKEY_encrypt(s->pkey, bench_slot(s, slot), &s->out_len[slot],
				s->op->aid, MESSAGE_LEN);
}

static int encrypt_check(void *state, unsigned int slot)
{
	struct bench_state *s = state;
	uint8_t text[4096];
	size_t n = sizeof(text);

	return EVP_PKEY_decrypt(s->judge, text, &n, bench_slot(s, slot),
				s->out_len[slot]) > 0 &&
	       n == MESSAGE_LEN && !memcmp(text, s->op->aid, n);
}

const struct bench_family bench_encrypt = {
	.slots = SLOTS,
	.prepare = sign_prepare,
	.open = encrypt_open,
	.run = encrypt_run,
	.check = encrypt_check,
};

static int decrypt_prepare(struct bench_op *op)
{
	EVP_PKEY_CTX *c = NULL;
	int ok = buffers(op);

	if (ok)
		c = pkey_new(op, op->ref, op->ref_key, EVP_PKEY_encrypt_init);
	op->in_len = op->out_size;
	ok = c &&
	     EVP_PKEY_encrypt(c, op->in, &op->in_len, op->aid, MESSAGE_LEN) > 0;
	if (ok)
		memcpy(op->want, op->aid, MESSAGE_LEN);
	op->want_len = MESSAGE_LEN;
	EVP_PKEY_CTX_free(c);
	return ok;
}

static int decrypt_open(struct bench_state *s)
{
	s->pkey =
		pkey_new(s->op, s->op->side, s->op->key, EVP_PKEY_decrypt_init);
	return s->pkey != NULL;
}

static int decrypt_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;

	s->out_len[slot] = s->op->out_size;
	return EVP_PKEY_decrypt(s->pkey, bench_slot(s, slot), &s->out_len[slot],
				s->op->in, s->op->in_len);
}

const struct bench_family bench_decrypt = {
	.slots = SLOTS,
	.prepare = decrypt_prepare,
	.open = decrypt_open,
	.run = decrypt_run,
	.check = bench_same,
};

/* ---- key exchange ----------------------------------------------------------------- */

static int derive(struct bench_side *side, EVP_PKEY *key, EVP_PKEY *peer,
		  uint8_t *out, size_t *len)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(side->ctx, key, NULL);
	int ok = c && EVP_PKEY_derive_init(c) > 0 &&
		 EVP_PKEY_derive_set_peer(c, peer) > 0 &&
		 EVP_PKEY_derive(c, out, len) > 0;

	EVP_PKEY_CTX_free(c);
	return ok;
}

static int derive_prepare(struct bench_op *op)
{
	if (!buffers(op))
		return 0;
	op->want_len = op->out_size;
	return derive(op->ref, op->ref_key, op->ref_peer, op->want,
		      &op->want_len);
}

static int derive_open(struct bench_state *s)
{
	struct bench_op *op = s->op;

	s->pkey = pkey_new(op, op->side, op->key, EVP_PKEY_derive_init);
	return s->pkey && EVP_PKEY_derive_set_peer(s->pkey, op->peer) > 0;
}

static int derive_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;

	s->out_len[slot] = s->op->out_size;
	return EVP_PKEY_derive(s->pkey, bench_slot(s, slot), &s->out_len[slot]);
}

const struct bench_family bench_derive = {
	.slots = SLOTS,
	.prepare = derive_prepare,
	.open = derive_open,
	.run = derive_run,
	.check = bench_same,
};

/* ---- fresh keys ------------------------------------------------------------------- */

static int keygen_open(struct bench_state *s)
{
	struct bench_op *op = s->op;
	const struct bench_row *r = &op->row;

	s->pkey = EVP_PKEY_CTX_new_from_name(op->side->ctx, r->alg, NULL);
	if (!s->pkey || EVP_PKEY_keygen_init(s->pkey) <= 0)
		return 0;
	bench_served(op, EVP_PKEY_CTX_get0_provider(s->pkey));
	if (r->bits)
		return EVP_PKEY_CTX_set_rsa_keygen_bits(s->pkey, (int)r->bits) >
		       0;
	return !r->group || !strcmp(r->alg, "SM2") ||
	       EVP_PKEY_CTX_set_group_name(s->pkey, r->group) > 0;
}

static int keygen_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;

	return EVP_PKEY_generate(s->pkey, &s->made[slot]);
}

/* A pair that agrees with another's from both ends belongs together. */
static int agrees(struct bench_op *op, EVP_PKEY *made)
{
	uint8_t a[1024], b[1024];
	size_t a_len = sizeof(a), b_len = sizeof(b);

	return derive(op->ref, made, op->ref_peer, a, &a_len) &&
	       derive(op->ref, op->ref_peer, made, b, &b_len) &&
	       a_len == b_len && !memcmp(a, b, a_len);
}

static int pair(struct bench_op *op, EVP_PKEY *made)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(op->ref->ctx, made, NULL);
	int ok = c && EVP_PKEY_pairwise_check(c) > 0;

	EVP_PKEY_CTX_free(c);
	return ok;
}

static int keygen_check(void *state, unsigned int slot)
{
	struct bench_state *s = state;
	struct bench_op *op = s->op;
	EVP_PKEY *made = bench_key_copy(s->made[slot], op->ref);
	bool exchange =
		strcmp(op->row.alg, "RSA") && strcmp(op->row.alg, "SM2");
	int ok = made && (exchange ? agrees(op, made) : pair(op, made));

	EVP_PKEY_free(made);
	EVP_PKEY_free(s->made[slot]);
	s->made[slot] = NULL;
	return ok;
}

const struct bench_family bench_keygen = {
	.slots = SLOTS,
	.prepare = sign_prepare,
	.open = keygen_open,
	.run = keygen_run,
	.check = keygen_check,
};
