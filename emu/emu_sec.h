/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_sec.h - one job of the symmetric engine, between the files that run it.
 *
 *	emu_sec.c         fields, addresses, dispatch, completion
 *	  ├─ emu_sec_cipher.c   ciphers: every mode of AES, SM4, DES
 *	  ├─ emu_sec_aead.c     GCM, CCM, CBC with HMAC
 *	  ├─ emu_sec_auth.c     digests and MACs
 *	  └─ emu_sec_replay.c   results remembered
 *
 * Each kind checks its descriptor, resolves all addresses, computes, and only
 * then writes.  Facts: docs/hw/sec.md.
 */
#ifndef EMU_SEC_H
#define EMU_SEC_H

#include <gcrypt.h>

#include "emu/emu_engine.h"
#include "emu/emu_sgl.h"
#include "hw/sec/sec_fields.h"

/* The fields the engine acts on: they have the same meaning in both types. */
/* clang-format off */
#define SEC_FIELDS_USED(X) \
	X(CIPHER) X(AUTH) X(SEQ) X(DE) X(SCENE) X(SRC_TYPE) X(DST_TYPE) \
	X(INVALID) X(AI_GEN) X(A_PAD) X(MAC_LEN) X(A_KEY_LEN) X(A_ALG) \
	X(C_ICV_LEN) X(C_WIDTH) X(C_KEY_LEN) X(C_MODE) X(C_ALG) X(A_LEN) \
	X(C_LEN) X(A_OFFSET) X(C_OFFSET) X(LONG_A_LEN_LO) X(LONG_A_LEN_HI) \
	X(A_IVIN_LO) X(A_IVIN_HI) X(A_KEY_LO) X(A_KEY_HI) X(MAC_LO) X(MAC_HI) \
	X(C_IVIN_LO) X(C_IVIN_HI) X(C_KEY_LO) X(C_KEY_HI) X(SRC_LO) X(SRC_HI) \
	X(DST_LO) X(DST_HI)
/* clang-format on */

enum sec_used {
#define X(name) F_##name,
	SEC_FIELDS_USED(X)
#undef X
		F_COUNT
};

#define SEC_KEY_MAX   64 /* bytes: two keys of AES-256-XTS */
#define SEC_BLOCK     16 /* bytes, the largest */
#define SEC_TAG_BYTES 16
#define SEC_MAC_MAX   64 /* bytes: SHA-512 */

/* The codes of silicon are not public: these are the model's, any non-zero
 * value is a failure to every driver. */
enum sec_error {
	E_NONE,
	E_TYPE,	   /* not a descriptor type of this generation */
	E_FIELD,   /* a field that must be zero is not */
	E_KIND,	   /* no such combination of cipher and auth */
	E_ALG,	   /* unknown algorithm, mode, key length, scene */
	E_LENGTH,  /* of data, tag, MAC or message */
	E_OFFSET,  /* offsets do not fit the lengths */
	E_ADDR,	   /* address 0 or not reachable, buffers that overlap */
	E_LIST,	   /* scatter list malformed or too short */
	E_FAULT,   /* asked for by a test */
	E_LIBRARY, /* the model's library failed, or memory ran out */
};

struct sec_type; /* where the fields lie */

/* One job on its way through. */
struct sec_run {
	const struct emu_job *job;
	const struct emu_dma *dma;
	const struct sec_type *type;
	uint32_t flag, icv; /* for a good completion */
	struct emu_span src, dst;
	uint8_t key[SEC_KEY_MAX];
	uint8_t iv[SEC_BLOCK];
};

/* ---- emu_sec.c ---- */

uint32_t sec_get(const struct sec_run *r, enum sec_used f);
uint64_t sec_get64(const struct sec_run *r, enum sec_used lo);
bool sec_all_zero(const struct sec_run *r, const uint8_t *fields, size_t n);
bool sec_is_v3(const struct sec_run *r);
static inline bool sec_encrypts(const struct sec_run *r)
{
	return sec_get(r, F_CIPHER) == SEC_CIPHER_ENC;
}

/* Counter mode of type 3; 0 in type 2, which has no such field. */
uint32_t sec_counter_mode(const struct sec_run *r);

/* libgcrypt is set up.  Any thread. */
bool sec_library(void);

enum sec_error sec_span(const struct sec_run *r, struct emu_span *s, bool sgl,
			uint64_t addr, size_t skip, size_t len, bool write);
enum sec_error sec_fetch(const struct sec_run *r, uint64_t addr, void *to,
			 size_t len);
enum sec_error sec_store(const struct sec_run *r, uint64_t addr,
			 const void *from, size_t len);

/* Source (@aad bytes and payload) and destination (payload) to spans. */
enum sec_error sec_map_data(struct sec_run *r, uint32_t aad);

/* Fault: a bit of the payload flips on its way out. */
void sec_corrupt_data(const struct sec_run *r);

/* ---- emu_sec_cipher.c ---- */

struct sec_mode;

/* A cipher and mode that this generation has in this type, or NULL. */
const struct sec_mode *sec_find_mode(const struct sec_run *r);

/* Key and, of @iv_bytes, IV to the job. */
enum sec_error sec_fetch_key(struct sec_run *r, size_t iv_bytes);

/* The job's block cipher with the job's key in @gcry_mode, without an IV. */
enum sec_error sec_open(gcry_cipher_hd_t *h, const struct sec_run *r,
			int gcry_mode, unsigned int flags);

/* @left bytes through a mode that goes on where it stopped. */
enum sec_error sec_crypt_all(gcry_cipher_hd_t h, bool encrypt,
			     struct emu_cursor dst, struct emu_cursor src,
			     size_t left);

enum sec_error sec_run_cipher(struct sec_run *r);

/* ---- emu_sec_aead.c ---- */

enum sec_error sec_run_gcm(struct sec_run *r);
enum sec_error sec_run_ccm(struct sec_run *r);
enum sec_error sec_run_authenc(struct sec_run *r);

/* ---- emu_sec_replay.c ---- */

#define SEC_MEMO_FIELDS 19
#define SEC_MEMO_KEY	128 /* bytes */

/* What a job's result depends on, beside the job itself. */
struct sec_memo {
	uint32_t fields[SEC_MEMO_FIELDS + 1];
	uint8_t auth[SEC_MEMO_KEY + 64]; /* key, then state or first block */
	uint8_t *src; /* as it was; NULL: not to be remembered */
};

/*
 * Has this job been done before?  Then payload and @tag are there.  All
 * addresses are resolved, key and IV fetched; @state: bytes that matter at
 * a_ivin.  If not: sec_remember() must follow, @good or not.
 */
bool sec_recall(const struct sec_run *r, struct sec_memo *m, size_t state,
		uint8_t *tag, size_t tag_len);
void sec_remember(const struct sec_run *r, struct sec_memo *m, uint8_t *tag,
		  size_t tag_len, bool good);

/* ---- emu_sec_auth.c ---- */

struct emu_hash_alg;

struct sec_digest {
	uint8_t aalg, hmac; /* codes */
	uint8_t words;	    /* of the digest */
	uint8_t block;	    /* bytes */
	bool authenc;	    /* also in one job with CBC */
	bool authenc_v2;    /* on V2 too */
	int gcry_alg;
	const struct emu_hash_alg *state_alg; /* for messages in pieces */
};

/* Whose HMAC the job asks for, or NULL. */
const struct sec_digest *sec_find_hmac(const struct sec_run *r);

/* @d as HMAC with the job's key. */
enum sec_error sec_open_hmac(gcry_md_hd_t *h, const struct sec_run *r,
			     const struct sec_digest *d);

enum sec_error sec_run_auth(struct sec_run *r);

#endif
