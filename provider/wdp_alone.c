/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_alone.h"

#include <string.h>
#include <strings.h>

#include <openssl/provider.h>

const OSSL_PARAM *wdp_alone_params(const OSSL_PARAM params[],
				   struct wdp_alone_params *buf)
{
	const OSSL_PARAM *a = params;
	size_t n = 0;

	if (!params ||
	    (!OSSL_PARAM_locate_const(params, OSSL_ALG_PARAM_PROPERTIES) &&
	     !OSSL_PARAM_locate_const(params, OSSL_PROV_PARAM_CORE_PROV_NAME)))
		return params;
	for (; a->key; a++) {
		if (!strcasecmp(a->key, OSSL_ALG_PARAM_PROPERTIES) ||
		    !strcasecmp(a->key, OSSL_PROV_PARAM_CORE_PROV_NAME))
			continue;
		if (n == WD_ARRAY_SIZE(buf->p) - 1)
			return params;
		buf->p[n++] = *a;
	}
	buf->p[n] = OSSL_PARAM_construct_end();
	return buf->p;
}

const OSSL_ALGORITHM *wdp_alone_query(struct wdp_ctx *p, int operation_id)
{
	static const OSSL_ALGORITHM *const tables[WDP_OPERATIONS] = {
		[OSSL_OP_DIGEST] = wdp_alone_digests,
		[OSSL_OP_CIPHER] = wdp_alone_ciphers,
		[OSSL_OP_MAC] = wdp_alone_macs,
		[OSSL_OP_KDF] = wdp_alone_kdfs,
		[OSSL_OP_RAND] = wdp_alone_rands,
		[OSSL_OP_KEYMGMT] = wdp_alone_keymgmts,
		[OSSL_OP_KEYEXCH] = wdp_alone_exchanges,
		[OSSL_OP_SIGNATURE] = wdp_alone_signatures,
		[OSSL_OP_ENCODER] = wdp_alone_encoders,
		[OSSL_OP_DECODER] = wdp_alone_decoders,
		[OSSL_OP_STORE] = wdp_alone_stores,
	};

	(void)p;
	return tables[operation_id];
}

/* ---- TLS groups ---------------------------------------------------------- */

struct wdp_groups {
	const struct wdp_ctx *p;
	OSSL_CALLBACK *cb;
	void *arg;
};

static bool wdp_alone_in_table(const OSSL_ALGORITHM *a, const char *name)
{
	size_t len = strlen(name);

	for (; a->algorithm_names; a++) {
		const char *n = a->algorithm_names;

		if (!strncasecmp(n, name, len) && (!n[len] || n[len] == ':'))
			return true;
	}
	return false;
}

static bool wdp_alone_has_keymgmt(const struct wdp_ctx *p, const char *name)
{
	if (!wdp_alone(p))
		return wdp_alone_in_table(p->offer[OSSL_OP_KEYMGMT], name);
	/* A key type of the table is offered while alone, device or not. */
	return wdp_table_knows(name, strlen(name)) ||
	       wdp_alone_in_table(wdp_alone_keymgmts, name);
}

static int wdp_alone_group(const OSSL_PARAM params[], void *arg)
{
	const struct wdp_groups *g = arg;
	const OSSL_PARAM *alg;
	const char *name;

	alg = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_ALG);
	if (!alg || !OSSL_PARAM_get_utf8_string_ptr(alg, &name) ||
	    !wdp_alone_has_keymgmt(g->p, name))
		return 1;
	return g->cb(params, g->arg);
}

/*
 * Groups of the private context's default provider, of the key types that are
 * offered: libssl drops a group whose announcer is not the provider that it
 * gets the key type from, so beside default too each must announce its own.
 * Never 0 for TLS-GROUP: SSL_CTX_new() fails then.
 */
int wdp_groups_announce(struct wdp_ctx *p, const char *capability,
			OSSL_CALLBACK *cb, void *arg)
{
	struct wdp_groups groups = { p, cb, arg };
	OSSL_PROVIDER *twin;
	OSSL_LIB_CTX *libctx;

	if (strcasecmp(capability, "TLS-GROUP") != 0)
		return 1;
	libctx = wdp_twin(p);
	twin = libctx ? OSSL_PROVIDER_load(libctx, "default") : NULL;
	if (!twin)
		return 1;
	OSSL_PROVIDER_get_capabilities(twin, capability, wdp_alone_group,
				       &groups);
	OSSL_PROVIDER_unload(twin);
	return 1;
}

void wdp_alone_fini(struct wdp_ctx *p)
{
	BIO_meth_free(atomic_exchange(&p->bio_method, NULL));
}
