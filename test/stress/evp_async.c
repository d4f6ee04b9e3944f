/* SPDX-License-Identifier: Apache-2.0 */
#include "test/stress/evp_async.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "test/t.h"

static EVP_PKEY_CTX *sign_ctx(struct wd_env *e, OSSL_LIB_CTX *ctx,
			      const char *query)
{
	EVP_PKEY_CTX *op = EVP_PKEY_CTX_new_from_pkey(ctx, e->key, query);

	if (!op || EVP_PKEY_sign_init(op) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_padding(op, RSA_PKCS1_PADDING) <= 0 ||
	    EVP_PKEY_CTX_set_signature_md(op, EVP_sha256()) <= 0) {
		ERR_print_errors_fp(stderr);
		t_fail(__FILE__, __LINE__, "no signature context (%s)", query);
	}
	return op;
}

void wd_env_open(struct wd_env *e, const char *device)
{
	EVP_PKEY_CTX *op;

	memset(e, 0, sizeof(*e));
	setenv("WD_DEVICE", device, 1);
	e->ctx = OSSL_LIB_CTX_new();
	OSSL_PROVIDER_set_default_search_path(e->ctx,
					      getenv("OPENSSL_MODULES"));
	e->fallback = OSSL_PROVIDER_load(e->ctx, "default");
	e->wd = OSSL_PROVIDER_load(e->ctx, "wd");
	if (!e->wd || !e->fallback) {
		ERR_print_errors_fp(stderr);
		t_fail(__FILE__, __LINE__, "wd.so does not load");
	}
	e->key = EVP_PKEY_Q_keygen(e->ctx, "provider=default", "RSA",
				   (size_t)2048);
	T_OK(e->key);
	memset(e->digest, 0x5a, sizeof(e->digest));
	op = sign_ctx(e, e->ctx, "provider=default");
	e->want_len = sizeof(e->want);
	T_EQ(EVP_PKEY_sign(op, e->want, &e->want_len, e->digest, 32), 1);
	EVP_PKEY_CTX_free(op);
}

void wd_env_close(struct wd_env *e)
{
	EVP_PKEY_free(e->key);
	OSSL_PROVIDER_unload(e->wd);
	OSSL_PROVIDER_unload(e->fallback);
	OSSL_LIB_CTX_free(e->ctx);
}

long wd_env_stat(const struct wd_env *e, const char *kind, const char *name)
{
	char key[64], text[4096];
	OSSL_PARAM params[] = { OSSL_PARAM_utf8_string("wd-stats", text,
						       sizeof(text)),
				OSSL_PARAM_END };
	const char *at;

	if (!OSSL_PROVIDER_get_params(e->wd, params))
		return -1;
	at = text;
	if (kind) {
		snprintf(key, sizeof(key), "\"%s\":", kind);
		at = strstr(text, key);
	}
	snprintf(key, sizeof(key), "\"%s\":", name);
	at = at ? strstr(at, key) : NULL;
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

int wd_sign_callback(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return 1;
}

static atomic_int callbacks;

void wd_sign_new(struct wd_sign *s, struct wd_env *e, bool callback)
{
	memset(s, 0, sizeof(*s));
	s->env = e;
	s->wait = ASYNC_WAIT_CTX_new();
	T_OK(s->wait);
	if (callback)
		T_OK(ASYNC_WAIT_CTX_set_callback(s->wait, wd_sign_callback,
						 &callbacks));
	s->op = sign_ctx(e, e->ctx, "provider=wd");
	s->sig_len = sizeof(s->sig);
}

static int sign_job(void *arg)
{
	struct wd_sign *s = *(struct wd_sign **)arg;

	return EVP_PKEY_sign(s->op, s->sig, &s->sig_len, s->env->digest, 32);
}

int wd_sign_step(struct wd_sign *s)
{
	return ASYNC_start_job(&s->job, s->wait, &s->ret, sign_job, &s,
			       sizeof(s));
}

void wd_sign_finish(struct wd_sign *s)
{
	int rc;

	while ((rc = wd_sign_step(s)) == ASYNC_PAUSE) {
		OSSL_ASYNC_FD fds[4];
		size_t n = 0;
		struct pollfd p = { .fd = -1, .events = POLLIN };

		if (ASYNC_WAIT_CTX_get_all_fds(s->wait, NULL, &n) && n == 1 &&
		    ASYNC_WAIT_CTX_get_all_fds(s->wait, fds, &n))
			p.fd = fds[0];
		/* Bounded: a wake-up that got lost is a failure below only if
		 * the job never finishes, and the run has its time limit. */
		poll(&p, 1, p.fd < 0 ? 1 : 1000);
	}
	T_EQ(rc, ASYNC_FINISH);
	T_EQ(s->ret, 1);
}

bool wd_sign_right(const struct wd_sign *s)
{
	return s->sig_len == s->env->want_len &&
	       !memcmp(s->sig, s->env->want, s->sig_len);
}

void wd_sign_drop(struct wd_sign *s)
{
	ASYNC_WAIT_CTX_free(s->wait);
	EVP_PKEY_CTX_free(s->op);
	s->wait = NULL;
	s->op = NULL;
}

void wd_signs_start(struct wd_sign *s, int n, struct wd_env *e, bool callback)
{
	for (int i = 0; i < n; i++) {
		wd_sign_new(&s[i], e, callback);
		wd_sign_step(&s[i]);
	}
}

void wd_signs_finish(struct wd_sign *s, int n)
{
	for (int i = 0; i < n; i++) {
		if (s[i].job)
			wd_sign_finish(&s[i]);
		T_OK(wd_sign_right(&s[i]));
		wd_sign_drop(&s[i]);
	}
}

bool wd_sign_sync(struct wd_env *e)
{
	struct wd_sign s = { .env = e, .sig_len = sizeof(s.sig) };
	bool right;

	s.op = sign_ctx(e, e->ctx, "provider=wd");
	right = EVP_PKEY_sign(s.op, s.sig, &s.sig_len, e->digest, 32) == 1 &&
		wd_sign_right(&s);
	EVP_PKEY_CTX_free(s.op);
	return right;
}
