/* SPDX-License-Identifier: Apache-2.0 */
#include "test/provider/exch.h"

#include <pthread.h>

#include <openssl/err.h>
#include <openssl/params.h>

#include "test/t.h"

int exch_check(const struct side *s, EVP_PKEY *key, int (*what)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *ctx = side_ctx(s, key);
	int ok = what(ctx);

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok > 0;
}

static int set_way(EVP_PKEY_CTX *ctx, const struct way *w)
{
	OSSL_PARAM params[8], *a = params;
	unsigned int pad = w->pad;
	size_t len = w->kdf_len;

	if (pad)
		*a++ = OSSL_PARAM_construct_uint("pad", &pad);
	if (w->kdf) {
		*a++ = OSSL_PARAM_construct_utf8_string("kdf-type",
							(char *)w->kdf, 0);
		*a++ = OSSL_PARAM_construct_utf8_string("kdf-digest",
							(char *)w->md, 0);
		*a++ = OSSL_PARAM_construct_size_t("kdf-outlen", &len);
		*a++ = OSSL_PARAM_construct_utf8_string("cekalg",
							(char *)w->cek, 0);
		if (w->ukm)
			*a++ = OSSL_PARAM_construct_octet_string(
				"kdf-ukm", (void *)w->ukm, w->ukm_len);
	}
	*a = OSSL_PARAM_construct_end();
	/* X25519 takes none, not even none at all. */
	return a == params || EVP_PKEY_CTX_set_params(ctx, params) > 0;
}

static int exchange_step(EVP_PKEY_CTX *ctx, EVP_PKEY *peer, const struct way *w,
			 struct secret *z)
{
	if (EVP_PKEY_derive_init(ctx) <= 0)
		return 1;
	if (set_way(ctx, w) <= 0)
		return 2;
	if (peer &&
	    EVP_PKEY_derive_set_peer_ex(ctx, peer, !w->no_validation) <= 0)
		return 3;
	if (EVP_PKEY_derive(ctx, NULL, &z->asked) <= 0)
		return 4;
	z->len = w->room ? w->room : z->asked;
	if (EVP_PKEY_derive(ctx, z->bytes, &z->len) <= 0)
		return 5;
	return 0;
}

void exchange(const struct side *s, EVP_PKEY *key, EVP_PKEY *peer,
	      const struct way *w, struct secret *z)
{
	EVP_PKEY_CTX *ctx = side_ctx(s, key);

	memset(z, 0, sizeof(*z));
	z->step = exchange_step(ctx, peer, w, z);
	if (z->step)
		z->len = 0;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
}

void same_exchange(const struct side *judge, const struct side *s,
		   EVP_PKEY *key, EVP_PKEY *peer, const struct way *w)
{
	EVP_PKEY *mine = side_take(s, key, EVP_PKEY_KEYPAIR),
		 *other = peer ? side_take(s, peer, EVP_PKEY_PUBLIC_KEY) : NULL;
	struct secret want, got;

	T_OK(mine);
	exchange(judge, key, peer, w, &want);
	exchange(s, mine, other, w, &got);
	T_EQ(got.step, want.step);
	T_EQ(got.len, want.len);
	T_EQ(got.asked, want.asked);
	T_MEM(got.bytes, want.bytes, want.step ? 0 : want.len);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(other);
}

#define THREADS 4
#define TIMES	20 /* exchanges of each */

struct exch_thread {
	pthread_t id;
	const struct side *s;
	EVP_PKEY *key, *peer;
	const struct secret *want;
};

static void *exch_thread(void *arg)
{
	const struct exch_thread *t = arg;
	const struct way padded = { .pad = EVP_PKEY_is_a(t->key, "DH") };
	struct secret z;

	for (int i = 0; i < TIMES; i++) {
		exchange(t->s, t->key, t->peer, &padded, &z);
		T_EQ(z.step, 0);
		T_EQ(z.len, t->want->len);
		T_MEM(z.bytes, t->want->bytes, z.len);
	}
	return NULL;
}

void exchange_in_threads(const struct side *s, EVP_PKEY *key, EVP_PKEY *peer,
			 const struct secret *want)
{
	struct exch_thread t[THREADS];

	for (int i = 0; i < THREADS; i++) {
		t[i] = (struct exch_thread){ 0, s, key, peer, want };
		T_EQ(pthread_create(&t[i].id, NULL, exch_thread, &t[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i].id, NULL);
}
