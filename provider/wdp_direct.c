/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_direct.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/provider.h>

#include "base/wd_base.h"
#include "provider/wdp_sm4.h"

/* Where a function of the dispatch table goes. */
struct slot {
	size_t at;
	int id;
	bool optional;
};

#define SLOT(op, fn, family, member, may_lack)                                 \
	{                                                                      \
		.at = offsetof(struct wdp_direct, family.member),              \
		.id = OSSL_FUNC_##op##_##fn, .optional = may_lack,             \
	}
#define CIPHER(id, member)  SLOT(CIPHER, id, cipher, member, false)
#define DIGEST(id, member)  SLOT(DIGEST, id, digest, member, false)
#define MAC(id, member)	    SLOT(MAC, id, mac, member, false)
#define MAC_MAY(id, member) SLOT(MAC, id, mac, member, true)

/* clang-format off */
static const struct slot cipher_slots[] = {
	CIPHER(NEWCTX, newctx),
	CIPHER(FREECTX, freectx),
	CIPHER(DUPCTX, dupctx),
	CIPHER(ENCRYPT_INIT, encrypt_init),
	CIPHER(DECRYPT_INIT, decrypt_init),
	CIPHER(UPDATE, update),
	CIPHER(FINAL, final),
	CIPHER(CIPHER, cipher),
	CIPHER(GET_CTX_PARAMS, get_ctx_params),
	CIPHER(SET_CTX_PARAMS, set_ctx_params),
	CIPHER(GETTABLE_CTX_PARAMS, gettable_ctx_params),
	CIPHER(SETTABLE_CTX_PARAMS, settable_ctx_params),
};

static const struct slot digest_slots[] = {
	DIGEST(NEWCTX, newctx),
	DIGEST(FREECTX, freectx),
	DIGEST(DUPCTX, dupctx),
	DIGEST(INIT, init),
	DIGEST(UPDATE, update),
	DIGEST(FINAL, final),
	SLOT(DIGEST, SET_CTX_PARAMS, digest, set_ctx_params, true),
};

static const struct slot mac_slots[] = {
	MAC(NEWCTX, newctx),
	MAC(FREECTX, freectx),
	MAC(DUPCTX, dupctx),
	MAC(INIT, init),
	MAC(UPDATE, update),
	MAC(FINAL, final),
	MAC(SET_CTX_PARAMS, set_ctx_params),
	MAC(SETTABLE_CTX_PARAMS, settable_ctx_params),
	MAC_MAY(GET_PARAMS, get_params),
	MAC_MAY(GET_CTX_PARAMS, get_ctx_params),
};

static const struct {
	const struct slot *slots;
	size_t n;
} tables[] = {
	[OSSL_OP_CIPHER] = { cipher_slots, WD_ARRAY_SIZE(cipher_slots) },
	[OSSL_OP_DIGEST] = { digest_slots, WD_ARRAY_SIZE(digest_slots) },
	[OSSL_OP_MAC] = { mac_slots, WD_ARRAY_SIZE(mac_slots) },
};
/* clang-format on */

bool wdp_names_have(const char *names, const char *name)
{
	size_t len = strlen(name), n;

	for (;; names += n + 1) {
		n = strcspn(names, ":");
		if (n == len && !strncasecmp(names, name, len))
			return true;
		if (!names[n])
			return false;
	}
}

static const OSSL_DISPATCH *find(OSSL_PROVIDER *prov, int operation,
				 const char *name)
{
	const OSSL_DISPATCH *fns = NULL;
	const OSSL_ALGORITHM *a, *all;
	int no_cache;

	all = OSSL_PROVIDER_query_operation(prov, operation, &no_cache);
	for (a = all; a && a->algorithm_names && !fns; a++)
		if (wdp_names_have(a->algorithm_names, name))
			fns = a->implementation;
	OSSL_PROVIDER_unquery_operation(prov, operation, all);
	return fns;
}

static const OSSL_DISPATCH *function(const OSSL_DISPATCH *fns, int id)
{
	for (; fns->function_id; fns++)
		if (fns->function_id == id)
			return fns;
	return NULL;
}

/* True when every slot that must be filled is. */
static bool fill(struct wdp_direct *d, const OSSL_DISPATCH *fns, int operation)
{
	const struct slot *s = tables[operation].slots;
	const OSSL_DISPATCH *f;

	for (size_t i = 0; i < tables[operation].n; i++) {
		f = function(fns, s[i].id);
		if (f)
			memcpy((char *)d + s[i].at, &f->function,
			       sizeof(f->function));
		else if (!s[i].optional)
			return false;
	}
	return true;
}

static struct wdp_direct *make(struct wdp_ctx *p, int operation,
			       const char *name)
{
	OSSL_PROVIDER *prov = wdp_twin_default(p);
	const OSSL_DISPATCH *fns;
	struct wdp_direct *d;

	if (!prov)
		return NULL;
	d = calloc(1, sizeof(*d));
	if (!d) {
		wdp_raise(p, WDP_R_OUT_OF_MEMORY, NULL);
		return NULL;
	}
	d->name = name;
	d->operation = operation;
	d->prov = OSSL_PROVIDER_get0_provider_ctx(prov);
	fns = find(prov, operation, name);
	if (!fns && operation == OSSL_OP_CIPHER) {
		fns = wdp_sm4_find(name);
		d->prov = p;
	}
	if (!fns || !fill(d, fns, operation)) {
		wdp_raise(p, WDP_R_NO_TWIN, "%s", name);
		free(d);
		return NULL;
	}
	return d;
}

/* Two threads may both add the same: then it stands in the list twice. */
const struct wdp_direct *wdp_direct(struct wdp_ctx *p, int operation,
				    const char *name)
{
	struct wdp_direct *d;

	d = atomic_load_explicit(&p->direct, memory_order_acquire);
	for (; d; d = d->next)
		if (d->name == name && d->operation == operation)
			return d;
	d = make(p, operation, name);
	if (!d)
		return NULL;
	d->next = atomic_load(&p->direct);
	while (!atomic_compare_exchange_weak(&p->direct, &d->next, d))
		;
	return d;
}

const struct wdp_direct *wdp_direct_find_row(struct wdp_ctx *p,
					     enum wdp_direct_row row,
					     int operation, const char *name)
{
	const struct wdp_direct *d = wdp_direct(p, operation, name);

	atomic_store_explicit(&p->rows[row], d, memory_order_release);
	return d;
}

void wdp_direct_free(struct wdp_ctx *p)
{
	struct wdp_direct *d = atomic_exchange(&p->direct, NULL), *next;

	for (int i = 0; i < WDP_ROWS_MAX; i++)
		atomic_store(&p->rows[i], NULL);
	for (; d; d = next) {
		next = d->next;
		free(d);
	}
}

int wdp_direct_update(const struct wdp_direct *d, void *twin, uint8_t *out,
		      const uint8_t *in, size_t len)
{
	size_t done;

	if (!len)
		return 0;
	return d->cipher.update(twin, out, &done, len, in, len) ? 0 : -EPROTO;
}
