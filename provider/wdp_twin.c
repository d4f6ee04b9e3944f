/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private library context and what was fetched from it.  Everything is
 * published by one compare-and-swap and stays until teardown; a thread that
 * loses the race frees what it made.  So there is no lock that a fork could
 * catch held, and nothing to take on the way to a cached method.
 */
#include "provider/wdp.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/provider.h>

struct wdp_twin {
	OSSL_LIB_CTX *libctx;
	OSSL_PROVIDER *provider; /* its default */
};

/* One fetched algorithm; a list, newest first, that only grows. */
struct wdp_method {
	struct wdp_method *next;
	int operation;
	void *method;
	char name[];
};

static void wdp_twin_destroy(struct wdp_twin *t)
{
	if (!t)
		return;
	if (t->provider)
		OSSL_PROVIDER_unload(t->provider);
	OSSL_LIB_CTX_free(t->libctx);
	free(t);
}

static struct wdp_twin *wdp_twin_make(void)
{
	struct wdp_twin *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->libctx = OSSL_LIB_CTX_new();
	if (!t->libctx)
		goto destroy;
	t->provider = OSSL_PROVIDER_load(t->libctx, "default");
	if (!t->provider)
		goto destroy;
	return t;

destroy:
	wdp_twin_destroy(t);
	return NULL;
}

static const struct wdp_twin *wdp_twin_get(struct wdp_ctx *p)
{
	struct wdp_twin *t, *seen;

	t = atomic_load_explicit(&p->twin, memory_order_acquire);
	if (t)
		return t;
	t = wdp_twin_make();
	if (!t) {
		wdp_raise(p, WDP_R_NO_TWIN,
			  "the private library context could not be made");
		return NULL;
	}
	seen = NULL;
	if (atomic_compare_exchange_strong(&p->twin, &seen, t))
		return t;
	wdp_twin_destroy(t);
	return seen;
}

OSSL_LIB_CTX *wdp_twin(struct wdp_ctx *p)
{
	const struct wdp_twin *t = wdp_twin_get(p);

	return t ? t->libctx : NULL;
}

OSSL_PROVIDER *wdp_twin_default(struct wdp_ctx *p)
{
	const struct wdp_twin *t = wdp_twin_get(p);

	return t ? t->provider : NULL;
}

static void *wdp_method_find(struct wdp_ctx *p, int operation, const char *name)
{
	struct wdp_method *m;

	m = atomic_load_explicit(&p->methods, memory_order_acquire);
	for (; m; m = m->next)
		if (m->operation == operation && !strcasecmp(m->name, name))
			return m->method;
	return NULL;
}

static void wdp_method_free(struct wdp_method *m)
{
	if (m->operation == OSSL_OP_CIPHER)
		EVP_CIPHER_free(m->method);
	else
		EVP_MD_free(m->method);
	free(m);
}

/*
 * Two threads may both add the same algorithm: then it stands in the list
 * twice, which costs a few bytes and no correctness.
 */
static void *wdp_method_add(struct wdp_ctx *p, int operation, const char *name)
{
	OSSL_LIB_CTX *libctx = wdp_twin(p);
	size_t size = strlen(name) + 1;
	struct wdp_method *m;

	if (!libctx)
		return NULL;
	m = malloc(sizeof(*m) + size);
	if (!m) {
		wdp_raise(p, WDP_R_OUT_OF_MEMORY, NULL);
		return NULL;
	}
	m->operation = operation;
	memcpy(m->name, name, size);
	if (operation == OSSL_OP_CIPHER)
		m->method = EVP_CIPHER_fetch(libctx, name, NULL);
	else
		m->method = EVP_MD_fetch(libctx, name, NULL);
	if (!m->method) {
		wdp_raise(p, WDP_R_NO_TWIN, "%s", name);
		free(m);
		return NULL;
	}
	m->next = atomic_load(&p->methods);
	while (!atomic_compare_exchange_weak(&p->methods, &m->next, m))
		;
	return m->method;
}

static void *wdp_method(struct wdp_ctx *p, int operation, const char *name)
{
	void *method = wdp_method_find(p, operation, name);

	return method ? method : wdp_method_add(p, operation, name);
}

const EVP_CIPHER *wdp_twin_cipher(struct wdp_ctx *p, const char *name)
{
	return wdp_method(p, OSSL_OP_CIPHER, name);
}

const EVP_MD *wdp_twin_md(struct wdp_ctx *p, const char *name)
{
	return wdp_method(p, OSSL_OP_DIGEST, name);
}

void wdp_twin_free(struct wdp_ctx *p)
{
	struct wdp_method *m = atomic_exchange(&p->methods, NULL), *next;

	for (; m; m = next) {
		next = m->next;
		wdp_method_free(m);
	}
	wdp_twin_destroy(atomic_exchange(&p->twin, NULL));
}
