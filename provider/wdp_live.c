/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives an instance of the provider: the hook at exit and the count of
 * forks.
 *
 * Teardown may never come, or come when libcrypto is half gone, so threads are
 * stopped from OPENSSL_atexit() too; that hook takes no argument, hence a list
 * of the instances alive.  Its nodes are reused and never freed, so that it can
 * be read without a lock, which a forked child might find held.
 */
#include "provider/wdp.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>

struct wdp_live {
	struct wdp_live *next;
	_Atomic(struct wdp_ctx *) ctx; /* NULL: free */
};

static struct {
	_Atomic(struct wdp_live *) head;
	_Atomic uint32_t forks;
	pthread_once_t once;
	int rc; /* of the hooks */
} wdp_process = { .once = PTHREAD_ONCE_INIT };

static void wdp_at_exit(void)
{
	struct wdp_live *l = atomic_load(&wdp_process.head);
	struct wdp_ctx *p;

	for (; l; l = l->next) {
		p = atomic_load(&l->ctx);
		if (p)
			offload_quiesce(p->off);
	}
}

static void wdp_forked(void)
{
	atomic_fetch_add(&wdp_process.forks, 1);
}

/* Not every build of libcrypto keeps the module mapped for its handler, so it
 * is linked with -z nodelete. */
static void wdp_hook(void)
{
	wdp_process.rc = -pthread_atfork(NULL, NULL, wdp_forked);
	if (!wdp_process.rc && !OPENSSL_atexit(wdp_at_exit))
		wdp_process.rc = -ENOMEM;
}

uint32_t wdp_forks(void)
{
	return atomic_load_explicit(&wdp_process.forks, memory_order_relaxed);
}

static bool wdp_live_reuse(struct wdp_ctx *p)
{
	struct wdp_live *l = atomic_load(&wdp_process.head);
	struct wdp_ctx *none;

	for (; l; l = l->next) {
		none = NULL;
		if (atomic_compare_exchange_strong(&l->ctx, &none, p))
			return true;
	}
	return false;
}

int wdp_live_add(struct wdp_ctx *p)
{
	struct wdp_live *l;

	pthread_once(&wdp_process.once, wdp_hook);
	if (wdp_process.rc)
		return wdp_process.rc;
	if (wdp_live_reuse(p))
		return 0;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	atomic_store(&l->ctx, p);
	l->next = atomic_load(&wdp_process.head);
	while (!atomic_compare_exchange_weak(&wdp_process.head, &l->next, l))
		;
	return 0;
}

void wdp_live_del(struct wdp_ctx *p)
{
	struct wdp_live *l = atomic_load(&wdp_process.head);
	struct wdp_ctx *seen;

	for (; l; l = l->next) {
		seen = p;
		if (atomic_compare_exchange_strong(&l->ctx, &seen, NULL))
			return;
	}
}
