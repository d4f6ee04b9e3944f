/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which other providers are active in the application's context, now.
 *
 * libcrypto tells us at each activation and deactivation (the upcall child
 * contexts are made of, provider-base(7)), so the answer is two counters and
 * costs a load to read.  The callbacks run with libcrypto's provider store
 * locked: they count and do nothing else.
 */
#include "provider/wdp.h"

#include <errno.h>
#include <string.h>

#include "base/wd_base.h"

/*
 * Providers that serve only a part.  Whoever is not listed is taken to serve
 * everything: wd then keeps its hands off randomness and key files.
 */
static const struct wdp_peer {
	const char *name;
	bool rand; /* has a DRBG and the algorithms that go with it */
	bool keys; /* has decoders, encoders and the file store */
} wdp_partial_peers[] = {
	{ "base", .rand = false, .keys = true },
	{ "legacy", .rand = false, .keys = false },
	{ "null", .rand = false, .keys = false },
};

static void wdp_peers_count(struct wdp_ctx *p, const OSSL_CORE_HANDLE *peer,
			    int step)
{
	struct wdp_peer is = { .rand = true, .keys = true };
	const char *name;

	if (peer == p->handle)
		return;
	name = p->core.provider_name(peer);
	for (size_t i = 0; i < WD_ARRAY_SIZE(wdp_partial_peers); i++)
		if (!strcmp(name, wdp_partial_peers[i].name))
			is = wdp_partial_peers[i];
	if (is.rand)
		atomic_fetch_add(&p->peers_with_rand, step);
	if (is.keys)
		atomic_fetch_add(&p->peers_with_keys, step);
}

static int wdp_peer_came(const OSSL_CORE_HANDLE *peer, void *arg)
{
	wdp_peers_count(arg, peer, 1);
	return 1;
}

static int wdp_peer_went(const OSSL_CORE_HANDLE *peer, void *arg)
{
	wdp_peers_count(arg, peer, -1);
	return 1;
}

static int wdp_peers_props(const char *props, void *arg)
{
	(void)props;
	(void)arg;
	return 1;
}

int wdp_peers_watch(struct wdp_ctx *p)
{
	if (!p->core.register_child_cb || !p->core.deregister_child_cb ||
	    !p->core.provider_name)
		return -EOPNOTSUPP;
	if (!p->core.register_child_cb(p->handle, wdp_peer_came, wdp_peer_went,
				       wdp_peers_props, p))
		return -ENOMEM;
	return 0;
}

void wdp_peers_unwatch(struct wdp_ctx *p)
{
	p->core.deregister_child_cb(p->handle);
}

bool wdp_alone(const struct wdp_ctx *p)
{
	return atomic_load(&p->peers_with_rand) == 0;
}

bool wdp_alone_for_keys(const struct wdp_ctx *p)
{
	return wdp_alone(p) && atomic_load(&p->peers_with_keys) == 0;
}
