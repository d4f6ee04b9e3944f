/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_pkey.h - a key object: the twin's EVP_PKEY keeps the key, wd keeps what
 * the device needs beside it.
 *
 *	EVP_PKEY of the application
 *	   └─ keydata = struct wdp_pkey
 *		├─ EVP_PKEY in the private context  every parameter, every export
 *		└─ device key blocks, made once	    secret, wiped at free
 *
 * So names, parameters, encodings and checks are libcrypto's own; nothing of
 * key semantics is written twice.  Reference counted; any thread may use a key
 * at once, as libcrypto demands.
 *
 * A lean key is the other way round: the device form comes first and is all
 * there is, and spec.materialise makes the twin of it when something is asked
 * that only libcrypto answers.  An ephemeral key never is.
 */
#ifndef WDP_PKEY_H
#define WDP_PKEY_H

#include "provider/wdp.h"

struct wdp_pkey;

/* Constants of a key type: one row each. */
struct wdp_pkey_spec {
	const char *type;     /* name in the twin, "RSA", "RSA-PSS", "X25519" */
	const char *sig_name; /* what query_operation_name answers, or NULL */
	const char *exch_name;
	const char *cipher_name;
	const char *priv_param; /* present exactly in private keys: "d" */
	const char
		*pub_param; /* present in all keys: "n"; NULL: no such part */
	bool has_params;    /* keys of domain parameters only exist */
	/* What wd made of the key for the device: wiped and freed here. */
	void (*dev_free)(void *dev);
	/* The twin of a lean key; NULL: the type has none, or no memory. */
	EVP_PKEY *(*materialise)(const struct wdp_pkey *k);
};

struct wdp_pkey {
	_Atomic uint32_t refs;
	struct wdp_ctx *prov;
	const struct wdp_pkey_spec *spec;
	/* To be had from wdp_pkey_twin(); NULL: not made yet, or the key is
	 * empty, as keymgmt new makes it. */
	_Atomic(EVP_PKEY *) twin;
	/* Facts of the key, read when it was put here. */
	size_t size; /* bytes of a result; 0: an empty key */
	unsigned int bits;
	bool has_pub, has_priv;
	pthread_mutex_t
		dev_lock;    /* to make the forms of the key from another */
	_Atomic(void *) dev; /* the type's device form; NULL: not yet */
};

struct wdp_pkey *wdp_pkey_get(struct wdp_pkey *k); /* one more reference */
void wdp_pkey_put(struct wdp_pkey *k);		   /* NULL is fine */

/* Wrap a key of the private context; takes over @twin. */
struct wdp_pkey *wdp_pkey_wrap(struct wdp_ctx *p,
			       const struct wdp_pkey_spec *spec,
			       EVP_PKEY *twin);

/* Nothing is in it yet. */
bool wdp_pkey_empty(const struct wdp_pkey *k);

/**
 * wdp_pkey_twin() - the key in the private context
 * Of a lean key made at the first call, under the key's lock, without any lock
 * later.  The key's own.  Return: NULL: the key is empty, or no memory.
 */
EVP_PKEY *wdp_pkey_twin(const struct wdp_pkey *k);

/* Make @k a lean key of @dev, which is taken over; the facts are the caller's
 * to set.  What was there before goes. */
void wdp_pkey_set_lean(struct wdp_pkey *k, void *dev);

/* What decoders and stores hand over: their memory; load() takes the key. */
struct wdp_pkey_reference {
	struct wdp_pkey *key;
};

/**
 * wdp_pkey_dev() - the device form, made at the first call
 * @make: from the twin's numbers; a key the engine does not do gets a form too,
 *	  one that says so, and the question is not asked twice
 *
 * Under the key's lock the first time, without any lock later.
 * Return: the form, the key's own; NULL: no memory.
 */
void *wdp_pkey_dev(struct wdp_pkey *k, void *(*make)(const struct wdp_pkey *k));

/* Has the key this part, as a number or as octets? */
bool wdp_pkey_part(const EVP_PKEY *twin, const char *name);

/* A number of the key into all of @to, big-endian; a secret is the caller's to
 * wipe.  Return: its bytes, at the right end; 0: none, zero, or more than @size:
 * @to is anything then. */
#define WDP_NUMBER_MAX HPRE_WIDTH_MAX /* bytes; most that it can be asked for */
size_t wdp_pkey_number(const EVP_PKEY *twin, const char *name, uint8_t *to,
		       size_t size);

/* @len bytes from big-endian to the machine's order, which is OSSL_PARAM's, or
 * back; not in place. */
void wdp_pkey_native(uint8_t *to, const uint8_t *from, size_t len);

/* Keymgmt functions that serve every spec; @provctx is struct wdp_ctx. */
void *wdp_pkey_new(void *provctx, const struct wdp_pkey_spec *spec);
void wdp_pkey_free(void *keydata);
int wdp_pkey_has(const void *keydata, int selection);
int wdp_pkey_match(const void *a, const void *b, int selection);
int wdp_pkey_validate(const void *keydata, int selection, int checktype);
int wdp_pkey_import(void *keydata, int selection, const OSSL_PARAM params[]);
int wdp_pkey_export(void *keydata, int selection, OSSL_CALLBACK *cb, void *arg);
void *wdp_pkey_dup(const void *keydata, int selection);
/* NULL, and the reference untouched, when it is of another type. */
void *wdp_pkey_load(const void *reference, size_t size,
		    const struct wdp_pkey_spec *spec);
int wdp_pkey_get_params(void *keydata, OSSL_PARAM params[]);
/* libcrypto lets nobody use the key meanwhile. */
int wdp_pkey_set_params(void *keydata, const OSSL_PARAM params[]);
void *wdp_pkey_gen_init(void *provctx, int selection, const OSSL_PARAM params[],
			const struct wdp_pkey_spec *spec);
int wdp_pkey_gen_set_params(void *genctx, const OSSL_PARAM params[]);
int wdp_pkey_gen_set_template(void *genctx, void *templ);
void *wdp_pkey_gen(void *genctx, OSSL_CALLBACK *cb, void *arg);
void wdp_pkey_gen_cleanup(void *genctx);

extern const struct wdp_pkey_spec wdp_rsa_spec, wdp_rsapss_spec;

/*
 * Parameters for the twin: digest properties speak of providers of the
 * application's context, which the private one has not, and are emptied.
 * Return: @params itself, or a copy in *@made for free(); NULL: no memory.
 */
const OSSL_PARAM *wdp_pkey_params(const OSSL_PARAM params[], OSSL_PARAM **made);

/* A context of the twin for this key; NULL: no key, error raised. */
EVP_PKEY_CTX *wdp_pkey_twin_ctx(struct wdp_pkey *k);

/* ---- RSA: raw operations on the device ---------------------------------- */

/* The whole operation goes to the twin: not a failure, and counted. */
#define WDP_IN_SOFTWARE 1

/**
 * wdp_rsa_offloads() - is this one for the device?
 * @kind: OFFLOAD_RSA_PRIVATE or OFFLOAD_RSA_PUBLIC
 *
 * Says no, and counts the software run, for sizes and keys the engine does not
 * do, exponents libcrypto refuses, by policy and without a device.  The first
 * yes of a key marshals it, under the key's lock; nothing else does.
 */
bool wdp_rsa_offloads(struct wdp_pkey *k, enum offload_kind kind);

/* n, big-endian, k->size bytes; only after wdp_rsa_offloads() said yes. */
const uint8_t *wdp_rsa_modulus(const struct wdp_pkey *k);

/* What implicit rejection derives its messages from, wdp_rsa_pad.h; after a yes
 * for a private operation.  NULL: not made. */
const uint8_t *wdp_rsa_hash_of_key(const struct wdp_pkey *k);

/**
 * wdp_rsa_private() - in^d mod n, CRT where the key has it
 * wdp_rsa_public()  - in^e mod n
 * wdp_rsa_seal()    - the same of a secret, wiped by the caller in the end: it
 *		       is moved out of the stack before a pause
 * @in, @out: k->size bytes each, big-endian; @out may be @in
 *
 * Call after wdp_rsa_offloads() said yes.  A private result is raised to the
 * public exponent before it leaves (rsa_crt_check).  Pauses the ASYNC job
 * where there is one.
 *
 * Return: 0; WDP_IN_SOFTWARE: @out is untouched, @in is not below the modulus
 *	   or the device did not do it, or did it wrong; -errno, error raised:
 *	   the same with fallback off.
 */
int wdp_rsa_private(struct wdp_pkey *k, const uint8_t *in, uint8_t *out);
int wdp_rsa_public(struct wdp_pkey *k, const uint8_t *in, uint8_t *out);
int wdp_rsa_seal(struct wdp_pkey *k, uint8_t *em, uint8_t *out);

/* Free the device form; spec.dev_free.  NULL is fine. */
void wdp_rsa_dev_free(void *dev);

#endif
