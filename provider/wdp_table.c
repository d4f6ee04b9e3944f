/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything wd offers, one row each, and who is offered what:
 *
 *			 another provider active   alone
 *	device does it	 row, remembered	   row
 *	device can't	 nothing		   row, in software
 *	RAND, KDF, ...	 nothing		   wdp_alone.c
 *
 * Whatever depends on being alone is answered with no_cache, so that
 * libcrypto asks again at the next fetch.  A non-empty no_cache answer goes
 * before everybody else's, an empty one is harmless: hence "alone" answers are
 * given only when there is nobody to go before.
 */
#include "provider/wdp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/wd_base.h"

struct wdp_row {
	int operation;
	enum offload_kind kind;
	const char *names;
	const OSSL_DISPATCH *fns;
	const char *what;
};

static const char wdp_composite[] = "wd signatures of one digest";

#define SIGALG(family, id, ...) extern const OSSL_DISPATCH wdp_##id##_fns[];
#include "provider/wdp_sigalg.def"
#undef SIGALG

#define DECLARE(id, ...) extern const OSSL_DISPATCH wdp_##id##_fns[];
#define BLOCK		 DECLARE
#define STREAM		 DECLARE
#define UNIT		 DECLARE
#define GCM		 DECLARE
#define CCM		 DECLARE
#include "provider/wdp_cipher.def"
#undef DECLARE
#define DIGEST(id, ...) extern const OSSL_DISPATCH wdp_##id##_fns[];
#include "provider/wdp_digest.def"

/* clang-format off */
static const struct wdp_row wdp_rows[] = {
	{ OSSL_OP_KEYMGMT, OFFLOAD_RSA_PRIVATE, WDP_RSA_NAMES,
	  wdp_rsa_keymgmt_fns, "wd RSA keys" },
	{ OSSL_OP_KEYMGMT, OFFLOAD_RSA_PRIVATE, WDP_RSAPSS_NAMES,
	  wdp_rsapss_keymgmt_fns, "wd RSA-PSS keys" },
	{ OSSL_OP_SIGNATURE, OFFLOAD_RSA_PRIVATE, WDP_RSA_NAMES,
	  wdp_rsa_signature_fns, "wd RSA signatures" },
#define SIGALG_RSA OFFLOAD_RSA_PRIVATE
#define SIGALG_EC OFFLOAD_ECDSA_SIGN
#define SIGALG(family, id, names, ...)                                         \
	{ OSSL_OP_SIGNATURE, SIGALG_##family, names, wdp_##id##_fns,           \
	  wdp_composite },
#include "provider/wdp_sigalg.def"
#undef SIGALG
	{ OSSL_OP_ASYM_CIPHER, OFFLOAD_RSA_PRIVATE, WDP_RSA_NAMES,
	  wdp_rsa_asym_cipher_fns, "wd RSA encryption" },
	{ OSSL_OP_KEM, OFFLOAD_RSA_PRIVATE, WDP_RSA_NAMES, wdp_rsa_kem_fns,
	  "wd RSA key encapsulation" },

	{ OSSL_OP_KEYMGMT, OFFLOAD_DH, WDP_DH_NAMES,
	  wdp_dh_keymgmt_fns, "wd DH keys" },
	{ OSSL_OP_KEYMGMT, OFFLOAD_DH, WDP_DHX_NAMES,
	  wdp_dhx_keymgmt_fns, "wd X9.42 DH keys" },
	{ OSSL_OP_KEYEXCH, OFFLOAD_DH, WDP_DH_NAMES,
	  wdp_dh_exchange_fns, "wd DH key exchange" },
	{ OSSL_OP_KEYMGMT, OFFLOAD_ECDH, WDP_EC_NAMES,
	  wdp_ec_keymgmt_fns, "wd EC keys" },
	{ OSSL_OP_KEYMGMT, OFFLOAD_ECDSA_SIGN, WDP_EC_NAMES,
	  wdp_ec_keymgmt_fns, "wd EC keys" },
	{ OSSL_OP_KEYMGMT, OFFLOAD_SM2_SIGN, WDP_SM2_NAMES,
	  wdp_sm2_keymgmt_fns, "wd SM2 keys" },
	{ OSSL_OP_KEYEXCH, OFFLOAD_ECDH, "ECDH",
	  wdp_ecdh_keyexch_fns, "wd ECDH" },
	{ OSSL_OP_KEYMGMT, OFFLOAD_X25519, WDP_X25519_NAMES,
	  wdp_x25519_keymgmt_fns, "wd X25519 keys" },
	{ OSSL_OP_KEYEXCH, OFFLOAD_X25519, WDP_X25519_NAMES,
	  wdp_ecx_exchange_fns, "wd X25519 key exchange" },
	{ OSSL_OP_KEYMGMT, OFFLOAD_X448, WDP_X448_NAMES,
	  wdp_x448_keymgmt_fns, "wd X448 keys" },
	{ OSSL_OP_KEYEXCH, OFFLOAD_X448, WDP_X448_NAMES,
	  wdp_ecx_exchange_fns, "wd X448 key exchange" },
	{ OSSL_OP_SIGNATURE, OFFLOAD_ECDSA_SIGN, "ECDSA",
	  wdp_ecdsa_signature_fns, "wd ECDSA signatures" },
	{ OSSL_OP_SIGNATURE, OFFLOAD_SM2_SIGN, WDP_SM2_NAMES,
	  wdp_sm2_signature_fns, "wd SM2 signatures" },
	{ OSSL_OP_ASYM_CIPHER, OFFLOAD_SM2_DECRYPT, WDP_SM2_NAMES,
	  wdp_sm2_asym_cipher_fns, "wd SM2 encryption" },

#define CIPHER(id, first, more, k, a, ...)                                     \
	{ OSSL_OP_CIPHER, OFFLOAD_##k, first more, wdp_##id##_fns,             \
	  "wd " first },
#define BLOCK CIPHER
#define STREAM CIPHER
#define UNIT CIPHER
#define GCM CIPHER
#define CCM CIPHER
#include "provider/wdp_cipher.def"
#undef CIPHER

#define DIGEST(id, first, more, k, ...)                                        \
	{ OSSL_OP_DIGEST, OFFLOAD_##k, first more, wdp_##id##_fns,             \
	  "wd " first },
#include "provider/wdp_digest.def"
	{ OSSL_OP_MAC, OFFLOAD_HMAC, "HMAC", wdp_hmac_fns, "wd HMAC" },
	{ OSSL_OP_MAC, OFFLOAD_AES_CMAC, "CMAC", wdp_cmac_fns, "wd CMAC" },
	{ OSSL_OP_MAC, OFFLOAD_AES_GMAC, "GMAC:1.0.9797.3.4", wdp_gmac_fns,
	  "wd GMAC" },
};
/* clang-format on */

static OSSL_ALGORITHM wdp_row_algorithm(const struct wdp_row *r)
{
	return (OSSL_ALGORITHM){
		.algorithm_names = r->names,
		.property_definition = WDP_PROPERTIES,
		.implementation = r->fns,
		.algorithm_description = r->what,
	};
}

/* Of the modes of a kind an engine may do some only. */
static const struct {
	const OSSL_DISPATCH *fns;
	enum sec_cipher_alg alg;
} wdp_modes[] = {
#define MODE(id, first, more, kind, a, ...) { wdp_##id##_fns, SEC_##a },
#define BLOCK				    MODE
#define STREAM				    MODE
#define UNIT				    MODE
#define GCM				    MODE
#define CCM				    MODE
#include "provider/wdp_cipher.def"
#undef MODE
};

static bool wdp_row_done(const struct wdp_ctx *p, const struct wdp_row *r)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(wdp_modes); i++)
		if (wdp_modes[i].fns == r->fns)
			return offload_has_cipher(p->off, r->kind,
						  wdp_modes[i].alg);
	if (r->fns == wdp_cmac_fns)
		return offload_has_mac(p->off, r->kind, SEC_AES_CMAC);
	if (r->fns == wdp_gmac_fns)
		return offload_has_mac(p->off, r->kind, SEC_AES_GMAC);
	return offload_has(p->off, r->kind);
}

/* Names that say the digest mean nothing to libcrypto before 3.4. */
static bool wdp_row_asked_for(const struct wdp_row *r)
{
	return r->what != wdp_composite || wdp_libcrypto_since(3, 4);
}

static bool wdp_row_offered(const struct wdp_ctx *p, const struct wdp_row *r,
			    int operation, bool alone)
{
	return r->operation == operation && r->fns && wdp_row_asked_for(r) &&
	       wdp_config_allows(&p->cfg, r->names) &&
	       (alone || wdp_row_done(p, r));
}

static size_t wdp_algorithms(const OSSL_ALGORITHM *a)
{
	size_t n = 0;

	while (a && a[n].algorithm_names)
		n++;
	return n;
}

/* A key type has a row for each kind of job that wants it. */
static bool wdp_offered_before(const OSSL_ALGORITHM *a, size_t n,
			       const struct wdp_row *r)
{
	return n && a[n - 1].implementation == r->fns &&
	       !strcmp(a[n - 1].algorithm_names, r->names);
}

/* The rows of an operation, then @more; NULL-terminated, malloc'ed. */
static OSSL_ALGORITHM *wdp_table_make(struct wdp_ctx *p, int operation,
				      bool alone, const OSSL_ALGORITHM *more)
{
	size_t n = 0, more_n = wdp_algorithms(more);
	OSSL_ALGORITHM *a;

	a = calloc(WD_ARRAY_SIZE(wdp_rows) + more_n + 1, sizeof(*a));
	if (!a)
		return NULL;
	for (size_t i = 0; i < WD_ARRAY_SIZE(wdp_rows); i++)
		if (wdp_row_offered(p, &wdp_rows[i], operation, alone) &&
		    !wdp_offered_before(a, n, &wdp_rows[i]))
			a[n++] = wdp_row_algorithm(&wdp_rows[i]);
	if (more_n)
		memcpy(a + n, more, more_n * sizeof(*a));
	return a;
}

int wdp_table_init(struct wdp_ctx *p)
{
	for (int op = 0; op < WDP_OPERATIONS; op++) {
		p->offer[op] = wdp_table_make(p, op, false, NULL);
		if (!p->offer[op]) {
			wdp_table_fini(p);
			return -ENOMEM;
		}
	}
	return 0;
}

void wdp_table_fini(struct wdp_ctx *p)
{
	for (int op = 0; op < WDP_OPERATIONS; op++) {
		free(p->offer[op]);
		p->offer[op] = NULL;
		free(atomic_exchange(&p->alone[op], NULL));
	}
}

static const OSSL_ALGORITHM *wdp_table_alone(struct wdp_ctx *p, int operation)
{
	OSSL_ALGORITHM *a = atomic_load(&p->alone[operation]), *seen = NULL;

	if (a)
		return a;
	a = wdp_table_make(p, operation, true, wdp_alone_query(p, operation));
	if (!a ||
	    atomic_compare_exchange_strong(&p->alone[operation], &seen, a))
		return a;
	free(a);
	return seen;
}

static bool wdp_alone_in(const struct wdp_ctx *p, int operation)
{
	switch (operation) {
	case OSSL_OP_DECODER:
	case OSSL_OP_ENCODER:
	case OSSL_OP_STORE:
		return wdp_alone_for_keys(p);
	default:
		return wdp_alone(p);
	}
}

const OSSL_ALGORITHM *wdp_table_query(void *provctx, int operation_id,
				      int *no_cache)
{
	struct wdp_ctx *p = provctx;
	const OSSL_ALGORITHM *a;

	*no_cache = 1;
	if (operation_id < 0 || operation_id >= WDP_OPERATIONS)
		return NULL;
	if (wdp_alone_in(p, operation_id))
		return wdp_table_alone(p, operation_id);
	a = p->offer[operation_id];
	if (!a->algorithm_names)
		return NULL;
	*no_cache = 0;
	return a;
}

/*
 * libssl takes 0 as a fatal error for "TLS-GROUP" and ignores it elsewhere:
 * having nothing to announce is a success.
 */
int wdp_table_capabilities(void *provctx, const char *capability,
			   OSSL_CALLBACK *cb, void *arg)
{
	struct wdp_ctx *p = provctx;

	if (!wdp_alone(p) && !p->offer[OSSL_OP_KEYMGMT]->algorithm_names)
		return 1;
	return wdp_groups_announce(p, capability, cb, arg);
}

bool wdp_table_knows(const char *name, size_t len)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(wdp_rows); i++)
		if (wdp_names_match(wdp_rows[i].names, name, len))
			return true;
	return false;
}
