/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What wd costs a program: the time to load it, as a multiple of loading the
 * default provider (printed, not judged), and the stack its operations use,
 * which inside an ASYNC job is short.
 */
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "base/wd_base.h"
#include "test/t.h"

/* A job's stack in libcrypto is 32 KiB.  What an operation may use of it, from
 * the application's call down, libcrypto's own frames included. */
#define STACK_MAY   (8 * 1024)
/* The measuring thread's, painted. */
#define STACK_SIZE  (256 * 1024)
#define STACK_PAINT 0x5a

static char device[64];

/* ---- time to load ---------------------------------------------------------- */

static double load_once(const char *name)
{
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
	uint64_t from = wd_now_ns();
	OSSL_PROVIDER *p = OSSL_PROVIDER_load(ctx, name);
	uint64_t took = wd_now_ns() - from;

	T_OK(p);
	OSSL_PROVIDER_unload(p);
	OSSL_LIB_CTX_free(ctx);
	return (double)took / 1000;
}

static double load_best(const char *name)
{
	double best = load_once(name);

	for (int i = 0; i < 20; i++) {
		double us = load_once(name);

		best = us < best ? us : best;
	}
	return best;
}

static void loading_is_cheap(void)
{
	double first, none, found, dflt = load_best("default");

	setenv("WD_DEVICE", "auto", 1);
	first = load_once("wd");
	none = load_best("wd");
	setenv("WD_DEVICE", device, 1);
	found = load_best("wd");
	printf("load: default %.0f us; wd with auto %.0f us (%.1f x), the very "
	       "first with dlopen %.0f us; with %s %.0f us\n",
	       dflt, none, none / dflt, first, device, found);
}

/* ---- stack ------------------------------------------------------------------- */

struct work {
	const char *name;
	int (*run)(struct work *w);
	OSSL_LIB_CTX *ctx;
	EVP_PKEY *key;
	unsigned char *buf; /* 64 KiB */
	int ok;
};

static int run_sign(struct work *w)
{
	EVP_PKEY_CTX *c =
		EVP_PKEY_CTX_new_from_pkey(w->ctx, w->key, "provider=wd");
	size_t n = 512;
	int ok;

	ok = EVP_PKEY_sign_init(c) > 0 &&
	     EVP_PKEY_sign(c, w->buf, &n, w->buf + 1024, 32) > 0;
	EVP_PKEY_CTX_free(c);
	return ok;
}

static int run_gcm(struct work *w)
{
	EVP_CIPHER *gcm =
		EVP_CIPHER_fetch(w->ctx, "AES-256-GCM", "provider=wd");
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n, ok;

	ok = EVP_EncryptInit_ex2(c, gcm, w->buf, w->buf, NULL) &&
	     EVP_EncryptUpdate(c, w->buf, &n, w->buf, 65536 - 64) &&
	     EVP_EncryptFinal_ex(c, w->buf, &n);
	EVP_CIPHER_CTX_free(c);
	EVP_CIPHER_free(gcm);
	return ok;
}

static int run_cbc(struct work *w)
{
	EVP_CIPHER *cbc = EVP_CIPHER_fetch(w->ctx, "SM4-CBC", "provider=wd");
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n, ok;

	ok = EVP_EncryptInit_ex2(c, cbc, w->buf, w->buf, NULL) &&
	     EVP_EncryptUpdate(c, w->buf, &n, w->buf, 65536 - 64);
	EVP_CIPHER_CTX_free(c);
	EVP_CIPHER_free(cbc);
	return ok;
}

static int run_digest(struct work *w)
{
	unsigned char md[64];
	size_t n;

	return EVP_Q_digest(w->ctx, "SM3", "provider=wd", w->buf, 65536, md,
			    &n);
}

/* A new key, and a secret shared with itself. */
static int run_exchange(struct work *w, const char *type, const char *group)
{
	EVP_PKEY_CTX *gen =
		EVP_PKEY_CTX_new_from_name(w->ctx, type, "provider=wd");
	EVP_PKEY_CTX *c = NULL;
	EVP_PKEY *key = NULL;
	size_t n = 65536;
	int ok;

	ok = EVP_PKEY_keygen_init(gen) > 0 &&
	     (!group || EVP_PKEY_CTX_set_group_name(gen, group) > 0) &&
	     EVP_PKEY_generate(gen, &key) > 0;
	if (ok)
		c = EVP_PKEY_CTX_new_from_pkey(w->ctx, key, "provider=wd");
	ok = ok && EVP_PKEY_derive_init(c) > 0 &&
	     EVP_PKEY_derive_set_peer(c, key) > 0 &&
	     EVP_PKEY_derive(c, w->buf, &n) > 0;
	EVP_PKEY_CTX_free(gen);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	return ok;
}

static int run_dh(struct work *w)
{
	return run_exchange(w, "DH", "ffdhe4096");
}

static int run_x448(struct work *w)
{
	return run_exchange(w, "X448", NULL);
}

static void *work_thread(void *arg)
{
	struct work *w = arg;

	w->ok = w->run(w);
	return NULL;
}

static int run_nothing(struct work *w)
{
	(void)w;
	return 1;
}

/* Bytes of a thread's stack used by @w; once before, to warm up. */
static size_t stack_of(struct work *w)
{
	unsigned char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t t;
	size_t free_bytes = 0;

	work_thread(w);
	memset(stack, STACK_PAINT, STACK_SIZE);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK_SIZE);
	T_EQ(pthread_create(&t, &attr, work_thread, w), 0);
	pthread_join(t, NULL);
	pthread_attr_destroy(&attr);
	T_EQ(w->ok, 1);
	while (free_bytes < STACK_SIZE && stack[free_bytes] == STACK_PAINT)
		free_bytes++;
	munmap(stack, STACK_SIZE);
	return STACK_SIZE - free_bytes;
}

static void operations_fit_into_a_jobs_stack(void)
{
	static const struct work rows[] = {
		{ .name = "RSA-2048 signature", .run = run_sign },
		{ .name = "ffdhe4096 key and secret", .run = run_dh },
		{ .name = "X448 key and secret", .run = run_x448 },
		{ .name = "AES-256-GCM of 64 KiB", .run = run_gcm },
		{ .name = "SM4-CBC of 64 KiB", .run = run_cbc },
		{ .name = "SM3 of 64 KiB", .run = run_digest },
	};
	struct work nothing = { .run = run_nothing };
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
	OSSL_PROVIDER *d = OSSL_PROVIDER_load(ctx, "default"), *wd;
	size_t base = stack_of(&nothing);

	setenv("WD_DEVICE", device, 1);
	wd = OSSL_PROVIDER_load(ctx, "wd");
	T_OK(d && wd);
	for (size_t i = 0; i < WD_ARRAY_SIZE(rows); i++) {
		struct work w = rows[i];
		size_t used;

		w.ctx = ctx;
		w.key = EVP_PKEY_Q_keygen(ctx, NULL, "RSA", (size_t)2048);
		w.buf = calloc(1, 65536);
		used = stack_of(&w) - base;
		printf("stack: %s %zu bytes\n", w.name, used);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		T_OK(used < STACK_MAY);
#endif
		free(w.buf);
		EVP_PKEY_free(w.key);
	}
	OSSL_PROVIDER_unload(wd);
	OSSL_PROVIDER_unload(d);
	OSSL_LIB_CTX_free(ctx);
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(loading_is_cheap),
		T_CASE(operations_fit_into_a_jobs_stack),
	};
	const char *d = getenv("WD_DEVICE");

	unsetenv("WD_BUILD");
	snprintf(device, sizeof(device), "%s", d && *d ? d : "emu");
	return t_main(cases, WD_ARRAY_SIZE(cases), argc, argv);
}
