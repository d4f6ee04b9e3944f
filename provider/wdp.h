/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp.h - what the files of the provider share: its context, its software
 * twin, its errors, and the way into and out of an ASYNC job.
 *
 *	wdp_main.c    entry, teardown
 *	wdp_params.c  what the provider says of itself
 *	wdp_table.c   every algorithm wd offers, one row each
 *	wdp_live.c    what outlives an instance: exit hook, fork count
 *	wdp_config.c  keys of the configuration section, WD_<KEY> overrides
 *	wdp_peers.c   which other providers are active
 *	wdp_err.c     0/-errno inside, 1/0 and a raised reason at the edge
 *	wdp_twin.c    the private library context software runs in
 *	wdp_direct.c  its functions for ciphers and digests, past EVP
 *	wdp_async.c   ASYNC jobs as struct offload_waiter
 *	wdp_room.c    memory for what must outlive a pause
 *	wdp_keymgmt.c key types as rows
 *	wdp_exch.c    key exchange, any type	wdp_dh*.c   DH, DHX
 *	wdp_ecx*.c    X25519, X448
 *	wdp_pkey.c    key objects		wdp_rsa*.c  RSA
 *	wdp_sig.c     what all signatures share; wdp_sigalg.c  names that say
 *		      the digest too, for 3.4 and later
 *	wdp_asym.c    what encryption and encapsulation share
 *	wdp_ecdsa.c, wdp_sm2*.c  on curves; wdp_ec_sig.c, wdp_der.c for both
 *	wdp_ec*.c     EC and SM2 keys, ECDH
 *	wdp_cipher.c, wdp_gcm.c, wdp_ccm.c, wdp_digest.c, wdp_hmac.c,
 *	wdp_cmac.c    ciphers, digests and MACs
 *	wdp_stream.c  a message digested by the device in pieces
 *	wdp_alone*.c  what is served only while no other provider has it
 *
 * Rules (docs/design/provider.md): public API of libcrypto only; nothing is
 * fetched at load or on the hot path; other providers' functions are never
 * called with our contexts.
 */
#ifndef WDP_H
#define WDP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/bio.h>
#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/types.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "offload/offload.h"

#define WDP_NAME       "wd"
#define WDP_PROPERTIES "provider=wd,wd.offload=yes"

/* Everything the section or the environment can say; provider-wd(7). */
struct wdp_config {
	char *device, *algorithms, *stats, *log;
	bool fallback;	    /* software when the device fails; default yes */
	bool rsa_crt_check; /* default yes */
	bool ec_sign_check; /* default no */
	bool device_nonce;  /* the device draws nonces of SM2; default no */
	unsigned int queues, batch, timeout_ms;
	enum offload_poll poll;
	uint32_t min_bytes[OFFLOAD_KINDS]; /* as in struct offload_config */
	uint32_t min_decrypt[OFFLOAD_KINDS];
};

/* What libcrypto offers us; NULL where this version has it not. */
struct wdp_core {
	OSSL_FUNC_core_get_params_fn *get_params;
	OSSL_FUNC_core_new_error_fn *new_error;
	OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
	OSSL_FUNC_core_vset_error_fn *vset_error;
	OSSL_FUNC_provider_register_child_cb_fn *register_child_cb;
	OSSL_FUNC_provider_deregister_child_cb_fn *deregister_child_cb;
	OSSL_FUNC_provider_name_fn *provider_name;
	OSSL_FUNC_BIO_read_ex_fn *bio_read_ex;
	OSSL_FUNC_BIO_write_ex_fn *bio_write_ex;
	OSSL_FUNC_BIO_gets_fn *bio_gets;
	OSSL_FUNC_BIO_puts_fn *bio_puts;
	OSSL_FUNC_BIO_ctrl_fn *bio_ctrl;
	OSSL_FUNC_BIO_up_ref_fn *bio_up_ref;
	OSSL_FUNC_BIO_free_fn *bio_free;
};

#define WDP_OPERATIONS (OSSL_OP__HIGHEST + 1)

#define WDP_ROWS_MAX 64

struct wdp_twin;
struct wdp_curve;
struct wdp_direct;
struct wdp_method;
struct wdp_digest;
struct wdp_stream;

/* A mistake in the configuration, told once at load; newest first. */
struct wdp_complaint {
	struct wdp_complaint *next;
	char text[];
};

/* Contexts of digests between two messages, by stripe of threads: libcrypto
 * before 3.2 frees one and makes another for each.  wdp_digest.c */
struct wdp_digest_idle {
	_Atomic(struct wdp_digest *) digest[SEC_DIGEST_ALGS];
	_Atomic(struct wdp_stream *) stream;
};

struct wdp_ctx {
	const OSSL_CORE_HANDLE *handle;
	struct wdp_core core;
	struct wdp_config cfg;
	struct wdp_complaint *complaints;
	struct offload *off; /* never NULL after init */

	/* Other activated providers; wdp_peers.c. */
	_Atomic int peers_with_rand, peers_with_keys;

	/* Answers to query_operation: what the device does, made at init;
	 * everything, made at the first question while alone. */
	OSSL_ALGORITHM *offer[WDP_OPERATIONS];
	_Atomic(OSSL_ALGORITHM *) alone[WDP_OPERATIONS];

	/* Software: a private context with its own default provider, made at
	 * first use and kept, and what was fetched from it.  No lock: who
	 * loses the race frees its own, and a fork finds nothing held. */
	_Atomic(struct wdp_twin *) twin;
	_Atomic(struct wdp_method *) methods;
	_Atomic(struct wdp_direct *) direct;
	_Atomic(struct wdp_curve *) curves; /* wdp_ec.h */
	_Atomic(const struct wdp_direct *) rows[WDP_ROWS_MAX];

	/* Does the device save a digest's state as wdp_block.c has it?
	 * enum trust of wdp_stream.c, found out at the first large digest. */
	_Atomic uint8_t digest_trust[SEC_DIGEST_ALGS];

	/* Blocks not in use; wdp_room.c. */
	_Atomic(struct wdp_room *) rooms[8];
	struct wdp_digest_idle digest_idle[WD_STRIPES];

	/* How to read and write the application's BIOs; wdp_alone_bio.c. */
	_Atomic(BIO_METHOD *) bio_method;
};

/* ---- software twin ---------------------------------------------------- */

/* The private context.  NULL: could not be made, error raised. */
OSSL_LIB_CTX *wdp_twin(struct wdp_ctx *p);

/* Its default provider, for wdp_direct.h.  NULL as above. */
OSSL_PROVIDER *wdp_twin_default(struct wdp_ctx *p);

/*
 * Algorithms of the twin, fetched at first use and kept for the life of the
 * provider: free nothing.  Lookup after the first use takes no lock.
 * NULL: the twin has no such algorithm; error raised.
 */
const EVP_CIPHER *wdp_twin_cipher(struct wdp_ctx *p, const char *name);
const EVP_MD *wdp_twin_md(struct wdp_ctx *p, const char *name);

/* Frees the context and everything fetched from it. */
void wdp_twin_free(struct wdp_ctx *p);

/* Frees what is idle; before the twin. */
void wdp_digest_fini(struct wdp_ctx *p);

/* ---- who else is there ------------------------------------------------- */

/* Starts watching the application's providers.  Return: 0 or -errno. */
int wdp_peers_watch(struct wdp_ctx *p);
void wdp_peers_unwatch(struct wdp_ctx *p);

/* No other provider that could serve the application is active now. */
bool wdp_alone(const struct wdp_ctx *p);

/* The same for reading and writing keys (DECODER, ENCODER, STORE), which also
 * `base` can do. */
bool wdp_alone_for_keys(const struct wdp_ctx *p);

/* ---- what is offered --------------------------------------------------- */

/* Makes p->offer from the table, the device and the key `algorithms`.
 * Return: 0 or -ENOMEM. */
int wdp_table_init(struct wdp_ctx *p);
void wdp_table_fini(struct wdp_ctx *p);

/* OSSL_FUNC_PROVIDER_QUERY_OPERATION */
const OSSL_ALGORITHM *wdp_table_query(void *provctx, int operation_id,
				      int *no_cache);

/* OSSL_FUNC_PROVIDER_GET_CAPABILITIES */
int wdp_table_capabilities(void *provctx, const char *capability,
			   OSSL_CALLBACK *cb, void *arg);

/* Does @name belong to any row?  For checking the key `algorithms`. */
bool wdp_table_knows(const char *name, size_t len);

/* ---- errors ------------------------------------------------------------ */

enum wdp_reason {
	WDP_R_NO_DEVICE = 1,
	WDP_R_DEVICE_ERROR,
	WDP_R_TIMEOUT,
	WDP_R_BUSY,
	WDP_R_WRONG_RESULT,
	WDP_R_BAD_CONFIG,
	WDP_R_NO_TWIN,
	WDP_R_NO_KEY,
	WDP_R_BAD_KEY,
	WDP_R_BAD_LENGTH,
	WDP_R_BAD_PARAMETER,
	WDP_R_BAD_PADDING,
	WDP_R_BAD_SIGNATURE,
	WDP_R_BAD_TAG,
	WDP_R_BUFFER_TOO_SMALL,
	WDP_R_DIGEST_NOT_ALLOWED,
	WDP_R_UNSUPPORTED,
	WDP_R_NOT_INITIALISED,
	WDP_R_OUT_OF_MEMORY,
	WDP_R_CONFLICT,
	WDP_R_INTERNAL,
	WDP_R_NO_QUEUE,
};

/* Raise @reason on the application's error queue; then a format with detail,
 * or NULL. */
#define wdp_raise(p, reason, ...)                                              \
	wdp_raise_at(p, reason, __FILE__, __LINE__, __func__, __VA_ARGS__)
void wdp_raise_at(const struct wdp_ctx *p, enum wdp_reason reason,
		  const char *file, int line, const char *func, const char *fmt,
		  ...) __attribute__((format(printf, 6, 7)));

/* The one translator: 0 -> 1; -errno -> 0 with a raised reason. */
int wdp_ok(const struct wdp_ctx *p, int rc);

/* Reason strings for the core (OSSL_FUNC_PROVIDER_GET_REASON_STRINGS). */
extern const OSSL_ITEM wdp_reasons[];

/**
 * wdp_software_may() - the device answered @rc: may software do it?
 * Counts the software run when the answer is yes.  With fallback off, a device
 * that failed raises its reason and the answer is no; an input the engine
 * can't do (-EINVAL, -EMSGSIZE) and one it has no room for (-EAGAIN) always go
 * to software.
 */
bool wdp_software_may(struct wdp_ctx *p, enum offload_kind kind, int rc);

/* ---- ASYNC jobs -------------------------------------------------------- */

/*
 * How the caller of this operation waits: NULL outside an ASYNC job, when
 * another operation waits on the same wait context, or without memory: then
 * wait synchronously.  What to watch is made at the first pause, which fails
 * when nothing can be had (EMFILE) or pausing is blocked.  Valid until the
 * operation returns; release it.
 */
struct offload_waiter *wdp_waiter_get(struct wdp_ctx *p);
void wdp_waiter_release(struct offload_waiter *w);

/* When the job is dropped wipe and free @mem, of @size bytes; from malloc().  One
 * at a time; NULL: none from here on. */
void wdp_waiter_keep(struct offload_waiter *w, void *mem, size_t size);

/*
 * @size bytes for what an operation must keep over a pause and nobody may find,
 * and *@w, how to wait.  Not the stack's: a job's is short, and leaked as it is
 * when the job is dropped; this is wiped then.  From malloc(), but kept for the
 * next.  NULL: no memory, and *@w is NULL.  Put both back together; wipes.
 */
void *wdp_room_get(struct wdp_ctx *p, size_t size, struct offload_waiter **w);
void wdp_room_put(struct wdp_ctx *p, void *room, size_t size,
		  struct offload_waiter *w);
void wdp_rooms_free(struct wdp_ctx *p);

/* ---- parameters of the provider itself ---------------------------------- */

/* Beside libcrypto's name, version, buildinfo and status: */
#define WDP_PARAM_DEVICE   "wd-device"	 /* utf8, what was found */
#define WDP_PARAM_MODEL	   "wd-model"	 /* int, 1: the device is a model */
#define WDP_PARAM_STATS	   "wd-stats"	 /* utf8, counters, one line of JSON */
#define WDP_PARAM_MISTAKES "wd-mistakes" /* utf8, in the configuration */

/* OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, _GET_PARAMS */
const OSSL_PARAM *wdp_gettable_params(void *provctx);
int wdp_get_params(void *provctx, OSSL_PARAM params[]);

/* ---- the process ------------------------------------------------------- */

/* Instances alive, for the hook at exit.  Return: 0 or -errno. */
int wdp_live_add(struct wdp_ctx *p);
void wdp_live_del(struct wdp_ctx *p);

/* How many fork()s lie between the load and this process. */
uint32_t wdp_forks(void);

/* ---- configuration ----------------------------------------------------- */

/* Reads the section through the core and WD_* from the environment (ignored
 * when set-uid).  Bad keys and values are raised, logged, and leave the
 * default.  Return: 0 or -ENOMEM. */
int wdp_config_read(struct wdp_ctx *p);
/* The same with this environment; NULL: none. */
int wdp_config_read_from(struct wdp_ctx *p, const char *const env[]);
void wdp_config_free(struct wdp_ctx *p);

/* Value of the key `log`, taken apart. */
struct wdp_log {
	enum wd_log_level level;
	const char *path; /* in the value; NULL: standard error */
};
int wdp_log_parse(struct wdp_log *log, const char *value); /* or -EINVAL */

/* Is the algorithm's row enabled by the key `algorithms`? */
bool wdp_config_allows(const struct wdp_config *cfg, const char *names);

/* Is @word one of the colon-separated @names, or their part before a '-'? */
bool wdp_names_match(const char *names, const char *word, size_t len);

/* ---- versions of libcrypto ------------------------------------------------ */

/* One wd.so for 3.0 and later: is the library we run with @major.@minor or
 * newer?  For what can't be asked of the twin itself. */
static inline bool wdp_libcrypto_since(unsigned int major, unsigned int minor)
{
	unsigned int has = OPENSSL_version_major();

	return has > major ||
	       (has == major && OPENSSL_version_minor() >= minor);
}

/* ---- dispatch helpers --------------------------------------------------- */

#define WDP_FN(id, fn)                                                         \
	.function_id = OSSL_FUNC_##id, .function = (void (*)(void))(fn)

/* Names of the key types, as libcrypto's default provider registers them. */
#define WDP_RSA_NAMES	  "RSA:rsaEncryption:1.2.840.113549.1.1.1:2.5.8.1.1"
#define WDP_RSAPSS_NAMES  "RSA-PSS:RSASSA-PSS:rsassaPss:1.2.840.113549.1.1.10"
#define WDP_EC_NAMES	  "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define WDP_SM2_NAMES	  "SM2:1.2.156.10197.1.301"
#define WDP_X25519_NAMES  "X25519:1.3.101.110"
#define WDP_X448_NAMES	  "X448:1.3.101.111"
#define WDP_ED25519_NAMES "ED25519:1.3.101.112"
#define WDP_ED448_NAMES	  "ED448:1.3.101.113"
#define WDP_DH_NAMES	  "DH:dhKeyAgreement:1.2.840.113549.1.3.1"
#define WDP_DHX_NAMES	  "DHX:X9.42 DH:dhpublicnumber:1.2.840.10046.2.1"
/* Later versions know DSA-SHA1 and its aliases as signatures of their own. */
#define WDP_DSA_NAMES	  "DSA:dsaEncryption:1.2.840.10040.4.1"

/* Tables defined by the families, joined by wdp_table.c. */
extern const OSSL_DISPATCH wdp_rsa_keymgmt_fns[], wdp_rsapss_keymgmt_fns[];
extern const OSSL_DISPATCH wdp_dh_keymgmt_fns[], wdp_dhx_keymgmt_fns[],
	wdp_x25519_keymgmt_fns[], wdp_x448_keymgmt_fns[];
extern const OSSL_DISPATCH wdp_dh_exchange_fns[], wdp_ecx_exchange_fns[];
extern const OSSL_DISPATCH wdp_rsa_signature_fns[], wdp_rsa_asym_cipher_fns[],
	wdp_rsa_kem_fns[];
extern const OSSL_DISPATCH wdp_ec_keymgmt_fns[], wdp_sm2_keymgmt_fns[],
	wdp_ecdh_keyexch_fns[];
extern const OSSL_DISPATCH wdp_ecdsa_signature_fns[], wdp_sm2_signature_fns[],
	wdp_sm2_asym_cipher_fns[];
extern const OSSL_DISPATCH wdp_hmac_fns[], wdp_cmac_fns[], wdp_gmac_fns[];

/* Served only while alone (and, without a device, all of the above too):
 * wdp_alone.c answers per operation id; NULL when it has nothing. */
const OSSL_ALGORITHM *wdp_alone_query(struct wdp_ctx *p, int operation_id);
/* TLS-GROUP capabilities: groups of the key types that are offered now. */
int wdp_groups_announce(struct wdp_ctx *p, const char *capability,
			OSSL_CALLBACK *cb, void *arg);
/* Frees what standing alone needed. */
void wdp_alone_fini(struct wdp_ctx *p);

#endif
