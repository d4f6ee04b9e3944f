/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evp_async.h - RSA signatures through wd inside ASYNC jobs, for the stress
 * programs: start many, resume, drop, and check each against the default
 * provider.
 */
#ifndef WD_TEST_EVP_ASYNC_H
#define WD_TEST_EVP_ASYNC_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/async.h>
#include <openssl/evp.h>
#include <openssl/types.h>

#define SIGNATURE_MAX 512

struct wd_env {
	OSSL_LIB_CTX *ctx;
	OSSL_PROVIDER *wd, *fallback;
	EVP_PKEY *key; /* RSA-2048, used through wd */
	unsigned char digest[32];
	unsigned char want[SIGNATURE_MAX]; /* PKCS#1: deterministic */
	size_t want_len;
};

/* Both providers in a context of its own, ?provider=wd. */
void wd_env_open(struct wd_env *e, const char *device);
void wd_env_close(struct wd_env *e);

/* One number of the provider's statistics: "rsa-private", "jobs". */
long wd_env_stat(const struct wd_env *e, const char *kind, const char *name);

/* One signature in an ASYNC job. */
struct wd_sign {
	struct wd_env *env;
	ASYNC_JOB *job;
	ASYNC_WAIT_CTX *wait;
	EVP_PKEY_CTX *op;
	int ret;
	unsigned char sig[SIGNATURE_MAX];
	size_t sig_len;
};

/* Callbacks instead of file descriptors; counts calls. */
int wd_sign_callback(void *arg);

void wd_sign_new(struct wd_sign *s, struct wd_env *e, bool callback);
/* Start or resume.  Return: ASYNC_PAUSE, ASYNC_FINISH, ASYNC_ERR, ... */
int wd_sign_step(struct wd_sign *s);
/* Until finished, sleeping on the wait descriptor between steps. */
void wd_sign_finish(struct wd_sign *s);
/* Is the signature the default provider's? */
bool wd_sign_right(const struct wd_sign *s);
/* Free everything the application would; a paused job is simply forgotten. */
void wd_sign_drop(struct wd_sign *s);

/* @n of them: started; finished, right, and forgotten. */
void wd_signs_start(struct wd_sign *s, int n, struct wd_env *e, bool callback);
void wd_signs_finish(struct wd_sign *s, int n);

/* The same signature without a job. */
bool wd_sign_sync(struct wd_env *e);

#endif
