/* SPDX-License-Identifier: Apache-2.0 */
/* X25519 and X448 key exchange: two keys, a secret, no parameters. */
#include "provider/wdp_ecx.h"

#include <string.h>

#include "base/wd_base.h"
#include "provider/wdp_exch.h"

static OSSL_FUNC_keyexch_set_peer_fn ecx_set_peer;
static int ecx_set_peer(void *ctx, void *key)
{
	struct wdp_exch *x = ctx;
	struct wdp_pkey *peer = key;

	if (!x || !x->key || !peer || peer->spec != x->key->spec)
		return 0;
	wdp_exch_take_peer(x, peer);
	return 1;
}

/* What is missing, and too little room, are the twin's to complain of. */
static OSSL_FUNC_keyexch_derive_fn ecx_derive;
static int ecx_derive(void *ctx, unsigned char *secret, size_t *len,
		      size_t size)
{
	struct wdp_exch *x = ctx;
	size_t n = x->key ? x->key->size : 0;
	int rc;

	if (!x->key || !x->key->has_priv || !x->peer || !x->peer->has_pub) {
		wdp_raise(x->prov, WDP_R_NO_KEY, NULL);
		return 0;
	}
	if (!secret || size < n) {
		if (secret)
			wdp_raise(x->prov, WDP_R_BUFFER_TOO_SMALL, NULL);
		*len = secret ? *len : n;
		return !secret;
	}
	rc = wdp_ecx_derive(x->key, x->peer, secret);
	if (rc == WDP_IN_SOFTWARE)
		return wdp_exch_derive(ctx, secret, len, size);
	if (!rc)
		*len = n;
	return !rc;
}

const OSSL_DISPATCH wdp_ecx_exchange_fns[] = {
	{ WDP_FN(KEYEXCH_NEWCTX, wdp_exch_new) },
	{ WDP_FN(KEYEXCH_FREECTX, wdp_exch_free) },
	{ WDP_FN(KEYEXCH_DUPCTX, wdp_exch_dup) },
	{ WDP_FN(KEYEXCH_INIT, wdp_exch_init) },
	{ WDP_FN(KEYEXCH_SET_PEER, ecx_set_peer) },
	{ WDP_FN(KEYEXCH_DERIVE, ecx_derive) },
	{ 0, NULL },
};
