/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_direct.h - the functions of the twin's default provider, without EVP in
 * between.
 *
 *	application ──▶ EVP ──▶ wd ──▶ default		not ──▶ EVP ──▶ default
 *
 * A small update is the twin's, and costs hardly more than if wd were not
 * there only if EVP is gone through once: a second time is two thirds of the
 * price of 16 bytes.  libcrypto hands a provider's functions out to anybody
 * (OSSL_PROVIDER_query_operation()), and their contract is the one wd itself
 * fulfils (provider-cipher(7), provider-digest(7)).
 *
 * Rule: these functions see contexts made by their own newctx, never ours.
 * Contexts die before the provider does, since each holds it.
 */
#ifndef WDP_DIRECT_H
#define WDP_DIRECT_H

#include "provider/wdp.h"

/* Algorithms with a row of their own are found without a search. */
enum wdp_direct_row {
#define BLOCK(id, ...)	WDP_DIRECT_##id,
#define STREAM(id, ...) WDP_DIRECT_##id,
#define UNIT(id, ...)	WDP_DIRECT_##id,
#define GCM(id, ...)	WDP_DIRECT_##id,
#define CCM(id, ...)	WDP_DIRECT_##id,
#include "provider/wdp_cipher.def"
#define DIGEST(id, ...) WDP_DIRECT_##id,
#include "provider/wdp_digest.def"
	WDP_DIRECT_hmac,
	WDP_DIRECT_cmac,
	WDP_DIRECT_gmac,
	WDP_DIRECT_ROWS
};
_Static_assert(WDP_DIRECT_ROWS <= WDP_ROWS_MAX, "room in struct wdp_ctx");

struct wdp_direct_cipher {
	OSSL_FUNC_cipher_newctx_fn *newctx;
	OSSL_FUNC_cipher_freectx_fn *freectx;
	OSSL_FUNC_cipher_dupctx_fn *dupctx;
	OSSL_FUNC_cipher_encrypt_init_fn *encrypt_init;
	OSSL_FUNC_cipher_decrypt_init_fn *decrypt_init;
	OSSL_FUNC_cipher_update_fn *update;
	OSSL_FUNC_cipher_final_fn *final;
	OSSL_FUNC_cipher_cipher_fn *cipher;
	OSSL_FUNC_cipher_get_ctx_params_fn *get_ctx_params;
	OSSL_FUNC_cipher_set_ctx_params_fn *set_ctx_params;
	OSSL_FUNC_cipher_gettable_ctx_params_fn *gettable_ctx_params;
	OSSL_FUNC_cipher_settable_ctx_params_fn *settable_ctx_params;
};

struct wdp_direct_digest {
	OSSL_FUNC_digest_newctx_fn *newctx;
	OSSL_FUNC_digest_freectx_fn *freectx;
	OSSL_FUNC_digest_dupctx_fn *dupctx;
	OSSL_FUNC_digest_init_fn *init;
	OSSL_FUNC_digest_update_fn *update;
	OSSL_FUNC_digest_final_fn *final;
	OSSL_FUNC_digest_set_ctx_params_fn *set_ctx_params; /* or NULL */
};

struct wdp_direct_mac {
	OSSL_FUNC_mac_newctx_fn *newctx;
	OSSL_FUNC_mac_freectx_fn *freectx;
	OSSL_FUNC_mac_dupctx_fn *dupctx;
	OSSL_FUNC_mac_init_fn *init;
	OSSL_FUNC_mac_update_fn *update;
	OSSL_FUNC_mac_final_fn *final;
	OSSL_FUNC_mac_set_ctx_params_fn *set_ctx_params;
	OSSL_FUNC_mac_settable_ctx_params_fn *settable_ctx_params;
	OSSL_FUNC_mac_get_params_fn *get_params;	 /* or NULL */
	OSSL_FUNC_mac_get_ctx_params_fn *get_ctx_params; /* or NULL */
};

/* One algorithm: all functions are there but those that may be NULL. */
struct wdp_direct {
	struct wdp_direct *next;
	const char *name;
	int operation;
	void *prov; /* what newctx takes */
	union {
		struct wdp_direct_cipher cipher;
		struct wdp_direct_digest digest;
		struct wdp_direct_mac mac;
	};
};

/**
 * wdp_direct() - an algorithm of the twin
 * @operation: OSSL_OP_CIPHER, OSSL_OP_DIGEST or OSSL_OP_MAC
 * @name:      a literal: later calls find it by its address
 *
 * Looked up at first use and kept for the life of the provider; no lock.
 * NULL: no twin, or it has no such algorithm; error raised.
 */
const struct wdp_direct *wdp_direct(struct wdp_ctx *p, int operation,
				    const char *name);
void wdp_direct_free(struct wdp_ctx *p);

/* The same for row @row, whose name is always the same. */
const struct wdp_direct *wdp_direct_find_row(struct wdp_ctx *p,
					     enum wdp_direct_row row,
					     int operation, const char *name);

static inline const struct wdp_direct *wdp_direct_row(struct wdp_ctx *p,
						      enum wdp_direct_row row,
						      int operation,
						      const char *name)
{
	const struct wdp_direct *d;

	d = atomic_load_explicit(&p->rows[row], memory_order_acquire);
	return d ? d : wdp_direct_find_row(p, row, operation, name);
}

/* Is @name one of the colon-separated @names, whatever the case? */
bool wdp_names_have(const char *names, const char *name);

/**
 * wdp_direct_update() - as much out as in
 * @twin: padding off or a stream mode
 * @out:  NULL: @in is AAD
 * Return: 0; -EPROTO: refused, the twin's error is raised.
 */
int wdp_direct_update(const struct wdp_direct *d, void *twin, uint8_t *out,
		      const uint8_t *in, size_t len);

#endif
