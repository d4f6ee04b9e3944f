/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_alone.h - what libcrypto and libssl need beside wd's own algorithms when
 * no other provider is there, served by the default provider of the private
 * context.
 *
 *	application's context		private context
 *	EVP_MD_CTX ── wdp_alone_md ──▶	EVP_MD_CTX ── default
 *	EVP_PKEY ──── wdp_pkey ──────▶	EVP_PKEY ──── default
 *
 * One function per entry of an operation serves every algorithm of it: a row
 * binds a name and the constants libcrypto asks for without any context, and
 * each call goes on to the public EVP function of the same meaning.  Nothing
 * here knows an algorithm.
 *
 *	wdp_alone.c		the answers per operation, capabilities
 *	wdp_alone_bio.c		the application's BIOs, passphrases
 *	wdp_alone_rand.c	DRBGs
 *	wdp_alone_digest.c	digests; rows in wdp_alone_digest.def
 *	wdp_alone_cipher.c	ciphers; rows in wdp_alone_cipher.def
 *	wdp_alone_mac.c		MACs
 *	wdp_alone_kdf.c		KDFs
 *	wdp_alone_keymgmt.c	key types wd does not offload
 *	wdp_alone_exchange.c	key agreement with them
 *	wdp_alone_signature.c	signatures with them
 *	wdp_alone_store.c	the store of scheme "file"
 *	wdp_alone_decode.c	PEM and DER to keys
 *	wdp_alone_encode.c	keys to PEM, DER and text
 *
 * Contexts belong to one thread at a time, as libcrypto's own do.
 */
#ifndef WDP_ALONE_H
#define WDP_ALONE_H

#include <openssl/bio.h>
#include <openssl/params.h>
#include <openssl/ui.h>

#include "base/wd_base.h"
#include "provider/wdp.h"
#include "provider/wdp_pkey.h"

/* Served in software; the other rows say wd.offload=yes. */
#define WDP_ALONE_PROPERTIES "provider=wd,wd.offload=no"

/* Tables of an operation, ended by a row of NULLs. */
extern const OSSL_ALGORITHM wdp_alone_rands[], wdp_alone_digests[],
	wdp_alone_ciphers[], wdp_alone_macs[], wdp_alone_kdfs[],
	wdp_alone_keymgmts[], wdp_alone_exchanges[], wdp_alone_signatures[],
	wdp_alone_stores[], wdp_alone_decoders[], wdp_alone_encoders[];

#define WDP_SCRYPT_NAMES "SCRYPT:id-scrypt:1.3.6.1.4.1.11591.4.11"

#define WDP_ALONE_ROW(row_names, fns)                                          \
	{                                                                      \
		.algorithm_names = (row_names),                                \
		.property_definition = WDP_ALONE_PROPERTIES,                   \
		.implementation = (fns),                                       \
	}

/* ---- parameters --------------------------------------------------------- */

struct wdp_alone_params {
	OSSL_PARAM p[32];
};

/*
 * Parameters for the private context: @params without `properties`, for the
 * application's property query selects among the application's providers, and
 * without `provider-name`, which names us (3.5's DRBGs).
 * The answer is @params itself when there is nothing to leave out or they are
 * too many, else in @buf.
 */
const OSSL_PARAM *wdp_alone_params(const OSSL_PARAM params[],
				   struct wdp_alone_params *buf);

/* ---- BIOs and passphrases ----------------------------------------------- */

/* A BIO over @core; holds a reference to it.  NULL: error raised. */
BIO *wdp_alone_bio(struct wdp_ctx *p, OSSL_CORE_BIO *core);

/* The application's way to ask for a passphrase, during one call. */
struct wdp_alone_pass {
	OSSL_PASSPHRASE_CALLBACK *cb;
	void *arg;
};

/* A pem_password_cb; @pass is a struct wdp_alone_pass. */
int wdp_alone_pass_cb(char *buf, int size, int rwflag, void *pass);

/* ---- keys ---------------------------------------------------------------- */

/*
 * Hand a key of the private context to @cb by reference, as decoders and
 * stores do.  Takes over @twin.  Return: what @cb says; 0: no such key type.
 */
int wdp_alone_give_key(struct wdp_ctx *p, EVP_PKEY *twin, OSSL_CALLBACK *cb,
		       void *arg);

/* OSSL_FUNC_{DECODER,STORE}_EXPORT_OBJECT for keys given that way. */
int wdp_alone_export_object(void *ctx, const void *reference, size_t size,
			    OSSL_CALLBACK *cb, void *arg);

#endif
