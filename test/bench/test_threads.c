/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA signatures in 1 to 64 threads on 1, 2 and 8 queues of a model that
 * answers from memory.  Printed are rates; claimed is that threads beyond the
 * queues cost nothing: the total does not fall as they grow.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "test/t.h"

#define THREADS_MAX 64

/* Of the best rate with fewer threads; the machine has other work, too. */
#define LEAST 0.6

static const int threads[] = { 1, 2, 4, 8, 16, 32, 64 };
#define STEPS (sizeof(threads) / sizeof(threads[0]))

static atomic_bool over;
static EVP_PKEY *key;
static OSSL_LIB_CTX *lib;

struct signer {
	_Alignas(64) pthread_t thread;
	unsigned long n;
};

static void *sign(void *arg)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(lib, key, "provider=wd");
	static const unsigned char hash[32] = { 1 };
	struct signer *s = arg;
	unsigned char sig[256];

	T_OK(EVP_PKEY_sign_init(c) > 0);
	T_OK(EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) > 0);
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		size_t len = sizeof(sig);

		if (EVP_PKEY_sign(c, sig, &len, hash, sizeof(hash)) <= 0) {
			T_OK(!"signed");
			break;
		}
		s->n++;
	}
	EVP_PKEY_CTX_free(c);
	return NULL;
}

static double rate(int n)
{
	static struct signer s[THREADS_MAX];
	const struct timespec moment = { .tv_nsec = 250000000 };
	struct timespec a, b;
	double sum = 0;

	atomic_store(&over, false);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < n; i++) {
		s[i].n = 0;
		T_EQ(pthread_create(&s[i].thread, NULL, sign, &s[i]), 0);
	}
	nanosleep(&moment, NULL);
	atomic_store(&over, true);
	for (int i = 0; i < n; i++) {
		pthread_join(s[i].thread, NULL);
		sum += (double)s[i].n;
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	return sum / ((double)(b.tv_sec - a.tv_sec) +
		      (double)(b.tv_nsec - a.tv_nsec) / 1e9);
}

static void grow(const char *device)
{
	OSSL_PROVIDER *p, *def;
	double best = 0;

	setenv("WD_DEVICE", device, 1);
	lib = OSSL_LIB_CTX_new();
	def = OSSL_PROVIDER_load(lib, "default");
	p = OSSL_PROVIDER_load(lib, "wd");
	T_OK(p && def);
	key = EVP_PKEY_Q_keygen(lib, "provider=wd", "RSA", (size_t)2048);
	T_OK(key);
	printf("%s:", device);
	for (size_t i = 0; i < STEPS; i++) {
		double r = rate(threads[i]);

		/* Again, if something else had the cores. */
		for (int again = 0; again < 3 && r < LEAST * best; again++)
			r = rate(threads[i]);
		printf(" %d: %.0f/s", threads[i], r);
		T_OK(r >= LEAST * best);
		best = r > best ? r : best;
	}
	putchar('\n');
	EVP_PKEY_free(key);
	OSSL_PROVIDER_unload(p);
	OSSL_PROVIDER_unload(def);
	OSSL_LIB_CTX_free(lib);
}

static void threads_on_one_queue(void)
{
	grow("emu:replay,queues=1");
}

static void threads_on_two_queues(void)
{
	grow("emu:replay,queues=2");
}

static void threads_on_eight_queues(void)
{
	grow("emu:replay,queues=8");
}

T_MAIN(T_CASE(threads_on_one_queue), T_CASE(threads_on_two_queues),
       T_CASE(threads_on_eight_queues))
