/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_ops.h - what wdbench can measure: one row an operation, with the
 * results to expect of it.
 *
 * Two library contexts: the reference has the default provider alone; the
 * measured side has the provider asked for, and for what that does not offer
 * the default one.  Keys and expected results are the reference's, and what has
 * no one result (a signature with a random nonce, a ciphertext, a fresh key) is
 * handed to it to be used: no provider is its own judge.
 */
#ifndef BENCH_OPS_H
#define BENCH_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/provider.h>

#include "tools/bench_core.h"

#define BENCH_BYTES_MAX	    (16u << 20)
#define BENCH_BYTES_DEFAULT 16384u
#define BENCH_NAME_MAX	    64

struct bench_op;
struct bench_state;

struct bench_family {
	unsigned int slots; /* 0: as fit into 64 KiB */
	/* Once, after the keys: input, expected results.  1 or 0. */
	int (*prepare)(struct bench_op *op);
	void (*release)(struct bench_op *op); /* op->more; NULL */
	int (*open)(struct bench_state *s);
	int (*run)(void *state, unsigned int slot);
	int (*check)(void *state, unsigned int slot);
	void (*close)(
		struct bench_state *s); /* what others do not know; NULL */
};

struct bench_row {
	const char *name;
	const struct bench_family *family;
	const char *alg;   /* key type; algorithm to fetch */
	const char *group; /* curve or group; MAC: digest or cipher */
	unsigned int bits; /* RSA; of a pipeline: records at a time */
	bool pss;
	int tls; /* version; @alg, @group and @bits are the certificate's */
	const char *tls_group;
	bool resume;
};

struct bench_side {
	OSSL_LIB_CTX *ctx;
	OSSL_PROVIDER *provider, *beside;
	char propq[BENCH_NAME_MAX];
};

/* One operation, ready to be measured. */
struct bench_op {
	char name[BENCH_NAME_MAX]; /* as asked for, with the size */
	char served[32];	   /* name of the provider that does it */
	struct bench_row row;
	char alg[BENCH_NAME_MAX], group[BENCH_NAME_MAX];
	uint32_t bytes;
	bool decrypt;
	struct bench_side *side, *ref;
	EVP_PKEY *key, *ref_key;   /* the same on both sides */
	EVP_PKEY *peer, *ref_peer; /* of a key exchange */
	uint8_t *in, *want, *aid;  /* @aid: tag, or message of a signature */
	size_t in_len, want_len, out_size;
	void *more;  /* a family's own */
	void *owner; /* of who measures */
};

/* One job's. */
struct bench_state {
	struct bench_op *op;
	EVP_PKEY_CTX *pkey, *judge;
	EVP_CIPHER_CTX *cipher;
	EVP_MD_CTX *md;
	EVP_MAC_CTX *mac;
	uint8_t *out; /* slots of op->out_size */
	size_t *out_len;
	EVP_PKEY **made;
	void *more;
};

static inline uint8_t *bench_slot(const struct bench_state *s,
				  unsigned int slot)
{
	return s->out + slot * s->op->out_size;
}

/* ---- sides ---------------------------------------------------------------- */

/* Loads provider @name, beside default unless it is that.  -errno; an
 * explanation goes to standard error. */
int bench_side_open(struct bench_side *s, const char *name);
void bench_side_close(struct bench_side *s);

/* ---- rows ------------------------------------------------------------------ */

extern const struct bench_row bench_rows[];
extern const size_t bench_rows_count;
/* Ready-made lists, by name. */
struct bench_set {
	const char *name, *rows;
};
extern const struct bench_set bench_sets[];

/**
 * bench_op_find() - the row @name names, as ROW or ROW:BYTES
 * @op: gets row, name and size; nothing else is made
 * @why: gets a sentence when -EINVAL is returned
 */
int bench_op_find(struct bench_op *op, const char *name, char *why,
		  size_t size);

/* Keys of the reference, kept for the life of the process: made before the
 * forks, they are the same for all.  False: error on libcrypto's queue. */
bool bench_op_keys(struct bench_op *op, struct bench_side *ref);

/* The rest, in the process that measures. */
bool bench_op_prepare(struct bench_op *op, struct bench_side *side);
void bench_op_free(struct bench_op *op);

/* @op as work for bench_run(). */
void bench_op_work(struct bench_op *op, struct bench_work *work);

/* Heap that one of @n contexts takes after its first message, in bytes;
 * negative: no cipher, digest or MAC, or no memory. */
double bench_op_context_bytes(struct bench_op *op, unsigned int n);

/* libcrypto's errors, to standard error, after "wdbench: WHAT: ". */
void bench_errors(const char *what);

/* For the families. */
EVP_PKEY *bench_key_copy(EVP_PKEY *key, struct bench_side *to);
/* A check: the slot holds op->want, and is cleared for the next run. */
int bench_same(void *state, unsigned int slot);
void bench_served(struct bench_op *op, const OSSL_PROVIDER *p);
extern const struct bench_family bench_sign, bench_verify, bench_encrypt,
	bench_decrypt, bench_derive, bench_keygen, bench_cipher, bench_digest,
	bench_mac, bench_pipe, bench_tls;

#endif
