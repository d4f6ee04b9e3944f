/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_sec.c - the symmetric engine: AES-CBC, AES-CTR, AES-GCM, SM4-CBC, SM3
 * and SHA-256 on libgcrypt, from descriptors of type 2 and type 3.
 *
 *	sqe ─ kind ─ fields legal? ─▶ spans reachable? ─▶ compute ─▶ dw28
 *	        both types through      nothing written
 *	        one list of fields      before this point
 *
 * A job works on direct pointers to the buffers, wherever the pieces of a
 * scatter list allow it; only blocks that straddle two pieces are copied.
 * Results are not remembered for replay: looking up 16 KiB costs what
 * computing it does.  Facts: docs/hw/sec.md.
 */
#include <errno.h>
#include <gcrypt.h>
#include <pthread.h>
#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_engine.h"
#include "emu/emu_hash.h"
#include "emu/emu_sgl.h"
#include "hw/sec/sec_fields.h"

/* The fields the engine acts on: they have the same meaning in both types. */
/* clang-format off */
#define SEC_FIELDS_USED(X) \
	X(CIPHER) X(AUTH) X(SEQ) X(DE) X(SCENE) X(SRC_TYPE) X(DST_TYPE) \
	X(INVALID) X(AI_GEN) X(A_PAD) X(MAC_LEN) X(A_KEY_LEN) X(A_ALG) \
	X(C_ICV_LEN) X(C_KEY_LEN) X(C_MODE) X(C_ALG) X(A_LEN) X(C_LEN) \
	X(A_OFFSET) X(C_OFFSET) X(LONG_A_LEN_LO) X(LONG_A_LEN_HI) \
	X(A_IVIN_LO) X(A_IVIN_HI) X(A_KEY_LO) X(A_KEY_HI) X(MAC_LO) X(MAC_HI) \
	X(C_IVIN_LO) X(C_IVIN_HI) X(C_KEY_LO) X(C_KEY_HI) X(SRC_LO) X(SRC_HI) \
	X(DST_LO) X(DST_HI)
/* clang-format on */

enum used_field {
#define X(name) F_##name,
	SEC_FIELDS_USED(X)
#undef X
		F_COUNT
};

static const uint8_t bd2_at[F_COUNT] = {
#define X(name) [F_##name] = SEC_BD2_##name,
	SEC_FIELDS_USED(X)
#undef X
};
static const uint8_t bd3_at[F_COUNT] = {
#define X(name) [F_##name] = SEC_BD3_##name,
	SEC_FIELDS_USED(X)
#undef X
};

/* Fields a driver may set; all others are features that are not here. */
static const bool bd2_known[SEC_BD2_FIELDS] = {
#define X(name) [SEC_BD2_##name] = true,
	SEC_FIELDS_USED(X)
#undef X
		[SEC_BD2_TYPE] = true,
	[SEC_BD2_TAG] = true,
};
static const bool bd3_known[SEC_BD3_FIELDS] = {
#define X(name) [SEC_BD3_##name] = true,
	SEC_FIELDS_USED(X)
#undef X
		[SEC_BD3_TYPE] = true,
	[SEC_BD3_TAG_LO] = true,
	[SEC_BD3_TAG_HI] = true,
	[SEC_BD3_CTR_MODE] = true,     /* checked by itself */
	[SEC_BD3_SVA_PREFETCH] = true, /* a hint */
};

struct sec_type {
	const struct wd_field *fields;
	size_t count;
	const uint8_t *at;
	const bool *known;
};
static const struct sec_type type2 = { sec_bd2_fields, SEC_BD2_FIELDS, bd2_at,
				       bd2_known };
static const struct sec_type type3 = { sec_bd3_fields, SEC_BD3_FIELDS, bd3_at,
				       bd3_known };

#define FIRST_WRITE_BACK_WORD 28
#define KEY_MAX		      32
#define IV_BYTES	      16
#define TAG_BYTES	      16
#define BLOCK		      16
#define GCM_IV_BYTES	      12

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

/* One job on its way through. */
struct sec_run {
	const struct emu_job *job;
	const struct emu_dma *dma;
	const struct sec_type *type;
	uint32_t flag, icv; /* for a good completion */
	struct emu_span src, dst;
	uint8_t key[KEY_MAX];
	uint8_t iv[IV_BYTES];
};

static uint32_t get(const struct sec_run *r, enum used_field f)
{
	return wd_get(r->job->sqe, &r->type->fields[r->type->at[f]]);
}

static uint64_t get64(const struct sec_run *r, enum used_field lo)
{
	return wd_get64(r->job->sqe, &r->type->fields[r->type->at[lo]]);
}

/* libgcrypt wants to be set up once per process and may have been, by the
 * program we live in. */
static bool library_ok;

static void library_init(void)
{
	if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
		if (!gcry_check_version(GCRYPT_VERSION))
			return;
		gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
		gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	}
	library_ok = true;
}

static bool library(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	return !pthread_once(&once, library_init) && library_ok;
}

/* ---- what every job must obey ---- */

/* Nothing is set that the engine would have to ignore. */
static bool unknown_bits_zero(const struct sec_run *r)
{
	const struct sec_type *t = r->type;
	uint32_t rest[SEC_SQE_WORDS], any = 0;

	memcpy(rest, r->job->sqe, sizeof(rest));
	for (size_t i = 0; i < t->count; i++)
		if (t->known[i])
			wd_put(rest, &t->fields[i], 0);
	for (size_t i = 0; i < FIRST_WRITE_BACK_WORD; i++)
		any |= rest[i];
	return !any;
}

static bool all_zero(const struct sec_run *r, const uint8_t *fields, size_t n)
{
	uint32_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= get(r, fields[i]);
	return !any;
}

/* 0: as hardware counts anyway; 2: 128-bit rollover.  Others belong to modes
 * that are not here. */
static bool counter_mode_ok(const struct sec_run *r)
{
	uint32_t mode;

	if (r->type != &type3)
		return true;
	mode = wd_get(r->job->sqe, &sec_bd3_fields[SEC_BD3_CTR_MODE]);
	return mode == 0 || mode == 2;
}

static bool addr_types_ok(const struct sec_run *r)
{
	return get(r, F_SRC_TYPE) <= SEC_ADDR_SGL && get(r, F_DE) <= 1 &&
	       (!get(r, F_DE) || get(r, F_DST_TYPE) <= SEC_ADDR_SGL);
}

static enum sec_error from_errno(int rc)
{
	switch (rc) {
	case 0:
		return E_NONE;
	case -EFAULT:
		return E_ADDR;
	case -EINVAL:
		return E_LIST;
	default:
		return E_LIBRARY;
	}
}

static enum sec_error span(const struct sec_run *r, struct emu_span *s,
			   bool sgl, uint64_t addr, size_t skip, size_t len,
			   bool write)
{
	if (sgl)
		return from_errno(
			emu_span_list(s, r->dma, addr, skip, len, write));
	if (len && (!addr || addr + skip < addr))
		return E_ADDR;
	return from_errno(emu_span_flat(s, r->dma, addr + skip, len, write));
}

static enum sec_error fetch(const struct sec_run *r, uint64_t addr, void *to,
			    size_t len)
{
	if (!addr || r->dma->read(r->dma->ctx, r->dma->pasid, addr, to, len))
		return E_ADDR;
	return E_NONE;
}

static enum sec_error store(const struct sec_run *r, uint64_t addr,
			    const void *from, size_t len)
{
	if (r->dma->write(r->dma->ctx, r->dma->pasid, addr, from, len))
		return E_ADDR;
	return E_NONE;
}

/* ---- ciphers ---- */

struct sec_mode {
	uint8_t calg, cmode;
	uint8_t key_codes; /* c_key_len 0 to this, less one: 16 + 8 n bytes */
	uint8_t unit;	   /* bytes; lengths are multiples of it */
	int gcry_mode;
	int gcry_algs[3]; /* by c_key_len */
};

#define GCRY_AES_ALL GCRY_CIPHER_AES128, GCRY_CIPHER_AES192, GCRY_CIPHER_AES256

/* docs/hw/sec.md#cipher-mode */
static const struct sec_mode modes[] = {
	{ SEC_CALG_AES,
	  SEC_CMODE_CBC,
	  3,
	  BLOCK,
	  GCRY_CIPHER_MODE_CBC,
	  { GCRY_AES_ALL } },
	{ SEC_CALG_AES,
	  SEC_CMODE_CTR,
	  3,
	  1,
	  GCRY_CIPHER_MODE_CTR,
	  { GCRY_AES_ALL } },
	{ SEC_CALG_AES,
	  SEC_CMODE_GCM,
	  3,
	  1,
	  GCRY_CIPHER_MODE_GCM,
	  { GCRY_AES_ALL } },
	{ SEC_CALG_SM4,
	  SEC_CMODE_CBC,
	  1,
	  BLOCK,
	  GCRY_CIPHER_MODE_CBC,
	  { GCRY_CIPHER_SM4 } },
};

static const struct sec_mode *find_mode(const struct sec_run *r)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(modes); i++)
		if (modes[i].calg == get(r, F_C_ALG) &&
		    modes[i].cmode == get(r, F_C_MODE) &&
		    get(r, F_C_KEY_LEN) < modes[i].key_codes)
			return &modes[i];
	return NULL;
}

static enum sec_error check_cipher(const struct sec_run *r,
				   const struct sec_mode *m)
{
	static const uint8_t zero[] = {
		F_SEQ,	     F_AI_GEN, F_A_PAD,		F_MAC_LEN,
		F_A_KEY_LEN, F_A_ALG,  F_LONG_A_LEN_LO, F_LONG_A_LEN_HI,
		F_C_ICV_LEN, F_A_LEN,
	};
	uint32_t len = get(r, F_C_LEN), scene = get(r, F_SCENE);

	if (scene > 1 && scene != 7)
		return E_ALG;
	if (!all_zero(r, zero, sizeof(zero)))
		return E_FIELD;
	if (get(r, F_A_OFFSET) || get(r, F_C_OFFSET))
		return E_OFFSET;
	if (!len || len > SEC_LEN_MAX || len % m->unit)
		return E_LENGTH;
	return E_NONE;
}

static enum sec_error check_gcm(const struct sec_run *r)
{
	static const uint8_t zero[] = {
		F_AI_GEN, F_A_PAD,	   F_MAC_LEN,	    F_A_KEY_LEN,
		F_A_ALG,  F_LONG_A_LEN_LO, F_LONG_A_LEN_HI,
	};
	uint32_t aad = get(r, F_A_LEN), len = get(r, F_C_LEN);
	uint32_t tag = get(r, F_C_ICV_LEN);

	if (get(r, F_SCENE) > 1) /* 7: parts of a stream, not here */
		return E_ALG;
	if (!all_zero(r, zero, sizeof(zero)))
		return E_FIELD;
	if (get(r, F_SEQ) != (get(r, F_CIPHER) == SEC_CIPHER_DEC))
		return E_FIELD;
	if (get(r, F_A_OFFSET) || get(r, F_C_OFFSET) != aad)
		return aad > SEC_AAD_MAX ? E_LENGTH : E_OFFSET;
	if (tag < 4 || tag > TAG_BYTES || aad + len > SEC_LEN_MAX)
		return E_LENGTH;
	if (!len && r->job->qm_version < 3)
		return E_LENGTH;
	return E_NONE;
}

/* Two flat ranges that overlap without being the same. */
static bool straddle(uint64_t a, uint64_t b, uint32_t len)
{
	return a != b && (a < b ? b - a : a - b) < len;
}

/* Source (AAD and payload) and destination (payload). */
static enum sec_error map_data(struct sec_run *r)
{
	uint32_t aad = get(r, F_A_LEN), len = get(r, F_C_LEN);
	bool de = get(r, F_DE), src_sgl = get(r, F_SRC_TYPE) == SEC_ADDR_SGL;
	bool dst_sgl = de ? get(r, F_DST_TYPE) == SEC_ADDR_SGL : src_sgl;
	uint64_t src = get64(r, F_SRC_LO);
	uint64_t dst = de ? get64(r, F_DST_LO) : src;
	enum sec_error rc;

	if (!src_sgl && !dst_sgl && straddle(src, dst, aad + len))
		return E_ADDR;
	/* Whether silicon copies the AAD is not known: there must be room. */
	if (!dst_sgl && !emu_reach(r->dma, dst, aad, true))
		return E_ADDR;
	rc = span(r, &r->src, src_sgl, src, 0, aad + len, false);
	if (!rc)
		rc = span(r, &r->dst, dst_sgl, dst, aad, len, true);
	return rc;
}

static enum sec_error fetch_key(struct sec_run *r, size_t iv_bytes)
{
	size_t key_bytes = 16 + 8 * get(r, F_C_KEY_LEN);
	enum sec_error rc = fetch(r, get64(r, F_C_KEY_LO), r->key, key_bytes);

	return rc ? rc : fetch(r, get64(r, F_C_IVIN_LO), r->iv, iv_bytes);
}

static enum sec_error cipher_open(gcry_cipher_hd_t *h, const struct sec_run *r,
				  const struct sec_mode *m)
{
	uint32_t code = get(r, F_C_KEY_LEN);
	gcry_error_t err;

	if (!library())
		return E_LIBRARY;
	if (gcry_cipher_open(h, m->gcry_algs[code], m->gcry_mode, 0))
		return E_LIBRARY;
	err = gcry_cipher_setkey(*h, r->key, 16 + 8 * code);
	if (!err && m->gcry_mode == GCRY_CIPHER_MODE_CTR)
		err = gcry_cipher_setctr(*h, r->iv, IV_BYTES);
	else if (!err && m->gcry_mode == GCRY_CIPHER_MODE_GCM)
		err = gcry_cipher_setiv(*h, r->iv, GCM_IV_BYTES);
	else if (!err)
		err = gcry_cipher_setiv(*h, r->iv, IV_BYTES);
	if (!err)
		return E_NONE;
	gcry_cipher_close(*h);
	return E_LIBRARY;
}

static gcry_error_t crypt_some(gcry_cipher_hd_t h, bool encrypt, uint8_t *dst,
			       uint8_t *src, size_t n)
{
	const uint8_t *in = dst == src ? NULL : src; /* NULL: in place */
	size_t in_len = in ? n : 0;

	return encrypt ? gcry_cipher_encrypt(h, dst, n, in, in_len)
		       : gcry_cipher_decrypt(h, dst, n, in, in_len);
}

/* A block whose source or destination lies in two or more segments. */
static gcry_error_t crypt_straddling(gcry_cipher_hd_t h, bool encrypt,
				     struct emu_cursor *dst,
				     struct emu_cursor *src, size_t n)
{
	uint8_t block[BLOCK];
	gcry_error_t err;

	emu_cursor_read(src, block, n);
	err = crypt_some(h, encrypt, block, block, n);
	emu_cursor_write(dst, block, n);
	wd_wipe(block, sizeof(block));
	return err;
}

static enum sec_error crypt_all(gcry_cipher_hd_t h, bool encrypt,
				struct emu_cursor dst, struct emu_cursor src,
				size_t left)
{
	gcry_error_t err = 0;

	while (left && !err) {
		size_t a = emu_cursor_run(&src), b = emu_cursor_run(&dst);
		size_t n = a < b ? a : b;

		n = n < left ? n - n % BLOCK : left;
		if (n) {
			err = crypt_some(h, encrypt, emu_cursor_at(&dst),
					 emu_cursor_at(&src), n);
			emu_cursor_step(&src, n);
			emu_cursor_step(&dst, n);
		} else {
			n = left < BLOCK ? left : BLOCK;
			err = crypt_straddling(h, encrypt, &dst, &src, n);
		}
		left -= n;
	}
	return err ? E_LIBRARY : E_NONE;
}

/* Fault: a bit of the payload flips on its way out. */
static void corrupt_data(const struct sec_run *r)
{
	if (r->job->corrupt && r->dst.n)
		r->dst.seg[0].p[0] ^= 0x55;
}

static enum sec_error run_cipher(struct sec_run *r, const struct sec_mode *m)
{
	gcry_cipher_hd_t h;
	enum sec_error rc = check_cipher(r, m);

	if (!rc)
		rc = fetch_key(r, IV_BYTES);
	if (!rc)
		rc = map_data(r);
	if (!rc)
		rc = cipher_open(&h, r, m);
	if (rc)
		return rc;
	rc = crypt_all(h, get(r, F_CIPHER) == SEC_CIPHER_ENC,
		       emu_cursor(&r->dst), emu_cursor(&r->src),
		       get(r, F_C_LEN));
	gcry_cipher_close(h);
	corrupt_data(r);
	r->flag = 2;
	return rc;
}

/* ---- GCM ---- */

static enum sec_error gcm_aad(gcry_cipher_hd_t h, struct emu_cursor *src,
			      size_t left)
{
	while (left) {
		size_t n = emu_cursor_run(src);

		n = n < left ? n : left;
		if (gcry_cipher_authenticate(h, emu_cursor_at(src), n))
			return E_LIBRARY;
		emu_cursor_step(src, n);
		left -= n;
	}
	return E_NONE;
}

/* Text and full tag. */
static enum sec_error gcm_text(const struct sec_run *r,
			       const struct sec_mode *m, uint8_t *tag)
{
	struct emu_cursor src = emu_cursor(&r->src);
	gcry_cipher_hd_t h;
	enum sec_error rc = cipher_open(&h, r, m);

	if (rc)
		return rc;
	rc = gcm_aad(h, &src, get(r, F_A_LEN));
	if (!rc)
		rc = crypt_all(h, get(r, F_CIPHER) == SEC_CIPHER_ENC,
			       emu_cursor(&r->dst), src, get(r, F_C_LEN));
	if (!rc && gcry_cipher_gettag(h, tag, TAG_BYTES))
		rc = E_LIBRARY;
	gcry_cipher_close(h);
	return rc;
}

static enum sec_error gcm_encrypt(struct sec_run *r, const struct sec_mode *m)
{
	uint64_t mac = get64(r, F_MAC_LO);
	uint32_t tag_len = get(r, F_C_ICV_LEN);
	uint8_t tag[TAG_BYTES];
	enum sec_error rc;

	if (!emu_reach(r->dma, mac, tag_len, true))
		return E_ADDR;
	rc = gcm_text(r, m, tag);
	if (rc)
		return rc;
	corrupt_data(r);
	if (r->job->corrupt && !get(r, F_C_LEN))
		tag[0] ^= 0x55;
	return store(r, mac, tag, tag_len);
}

/* As on silicon the plaintext is written before the tag is known to be
 * right: the driver must not hand it on. */
static enum sec_error gcm_decrypt(struct sec_run *r, const struct sec_mode *m)
{
	uint32_t tag_len = get(r, F_C_ICV_LEN);
	uint8_t tag[TAG_BYTES], expected[TAG_BYTES];
	enum sec_error rc;

	rc = fetch(r, get64(r, F_MAC_LO), expected, tag_len);
	if (!rc)
		rc = gcm_text(r, m, tag);
	if (rc)
		return rc;
	corrupt_data(r);
	if (!wd_equal_ct(tag, expected, tag_len))
		r->icv = SEC_ICV_MISMATCH;
	wd_wipe(tag, sizeof(tag));
	return E_NONE;
}

static enum sec_error run_gcm(struct sec_run *r, const struct sec_mode *m)
{
	enum sec_error rc = check_gcm(r);

	if (!rc)
		rc = fetch_key(r, GCM_IV_BYTES);
	if (!rc)
		rc = map_data(r);
	if (rc)
		return rc;
	r->flag = 3;
	return get(r, F_CIPHER) == SEC_CIPHER_ENC ? gcm_encrypt(r, m)
						  : gcm_decrypt(r, m);
}

/* ---- digests ---- */

static const struct sec_digest {
	uint8_t aalg;
	uint8_t words; /* of the digest */
	int gcry_alg;
	const struct emu_hash_alg *state_alg;
} digests[] = {
	{ SEC_AALG_SHA256, 8, GCRY_MD_SHA256, &emu_sha256 },
	{ SEC_AALG_SM3, 8, GCRY_MD_SM3, &emu_sm3 },
};

static const struct sec_digest *find_digest(uint32_t aalg)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(digests); i++)
		if (digests[i].aalg == aalg)
			return &digests[i];
	return NULL;
}

/* Where the piece stands: docs/hw/sec.md#digest-parts */
struct part {
	bool resume; /* state from a_ivin */
	bool pad;    /* the end of the message */
};

static enum sec_error check_whole(const struct sec_run *r)
{
	if (get64(r, F_LONG_A_LEN_LO))
		return E_FIELD;
	return get(r, F_A_LEN) || r->job->qm_version >= 3 ? E_NONE : E_LENGTH;
}

/* The message length covers this piece and whole blocks before it. */
static enum sec_error check_last(const struct sec_run *r)
{
	uint64_t bits = get64(r, F_LONG_A_LEN_LO);
	uint32_t len = get(r, F_A_LEN);

	if (bits % 8 || bits / 8 <= len)
		return E_LENGTH;
	return (bits / 8 - len) % EMU_HASH_BLOCK ? E_LENGTH : E_NONE;
}

/* Software fills mac_len of unpadded pieces with 0, 1 or the digest's. */
static enum sec_error check_unpadded(const struct sec_run *r,
				     const struct sec_digest *d)
{
	uint32_t len = get(r, F_A_LEN), words = get(r, F_MAC_LEN);

	if (get64(r, F_LONG_A_LEN_LO) || get(r, F_SRC_TYPE))
		return E_FIELD;
	if (words > 1 && words != d->words)
		return E_LENGTH;
	return !len || len % EMU_HASH_BLOCK ? E_LENGTH : E_NONE;
}

static enum sec_error check_digest(const struct sec_run *r,
				   const struct sec_digest *d, struct part p)
{
	static const uint8_t zero[] = {
		F_SEQ,	  F_DE,	       F_A_KEY_LEN, F_C_ICV_LEN,
		F_C_MODE, F_C_KEY_LEN, F_C_ALG,	    F_C_LEN,
	};
	uint32_t scene = get(r, F_SCENE), words = get(r, F_MAC_LEN);

	if (scene > 1 && scene != 7)
		return E_ALG;
	if (get(r, F_AI_GEN) > 1 || get(r, F_A_PAD) > 1 ||
	    !all_zero(r, zero, sizeof(zero)))
		return E_FIELD;
	if (get(r, F_A_OFFSET) || get(r, F_C_OFFSET))
		return E_OFFSET;
	if (get(r, F_A_LEN) > SEC_LEN_MAX)
		return E_LENGTH;
	if (!p.pad)
		return check_unpadded(r, d);
	if (!words || words > d->words)
		return E_LENGTH;
	return p.resume ? check_last(r) : check_whole(r);
}

static enum sec_error hash_whole(const struct sec_run *r,
				 const struct sec_digest *d, uint8_t *out)
{
	gcry_md_hd_t h;

	if (!library() || gcry_md_open(&h, d->gcry_alg, 0))
		return E_LIBRARY;
	for (size_t i = 0; i < r->src.n; i++)
		gcry_md_write(h, r->src.seg[i].p, r->src.seg[i].len);
	memcpy(out, gcry_md_read(h, d->gcry_alg), d->words * 4);
	gcry_md_close(h);
	return E_NONE;
}

static enum sec_error hash_part(const struct sec_run *r,
				const struct sec_digest *d, struct part p,
				uint8_t *out)
{
	uint8_t saved[EMU_HASH_STATE];
	struct emu_hash h;
	enum sec_error rc;

	if (p.resume) {
		rc = fetch(r, get64(r, F_A_IVIN_LO), saved, sizeof(saved));
		if (rc)
			return rc;
	}
	emu_hash_init(&h, d->state_alg, p.resume ? saved : NULL);
	for (size_t i = 0; i < r->src.n; i++)
		emu_hash_update(&h, r->src.seg[i].p, r->src.seg[i].len);
	if (p.pad)
		emu_hash_final(&h, get64(r, F_LONG_A_LEN_LO), out);
	else
		emu_hash_save(&h, out);
	wd_wipe(&h, sizeof(h));
	wd_wipe(saved, sizeof(saved));
	return E_NONE;
}

static enum sec_error run_digest(struct sec_run *r)
{
	const struct sec_digest *d = find_digest(get(r, F_A_ALG));
	struct part p = { get(r, F_AI_GEN) == 1, !get(r, F_A_PAD) };
	uint64_t mac = get64(r, F_MAC_LO);
	uint8_t out[EMU_HASH_STATE];
	enum sec_error rc;
	size_t out_len;

	if (!d)
		return E_ALG;
	rc = check_digest(r, d, p);
	if (rc)
		return rc;
	out_len = p.pad ? get(r, F_MAC_LEN) * 4 : EMU_HASH_STATE;
	if (!emu_reach(r->dma, mac, out_len, true))
		return E_ADDR;
	rc = span(r, &r->src, get(r, F_SRC_TYPE) == SEC_ADDR_SGL,
		  get64(r, F_SRC_LO), 0, get(r, F_A_LEN), false);
	if (!rc)
		rc = p.pad && !p.resume ? hash_whole(r, d, out)
					: hash_part(r, d, p, out);
	if (rc)
		return rc;
	if (r->job->corrupt)
		out[0] ^= 0x55;
	r->flag = 1;
	return store(r, mac, out, out_len);
}

/* ---- dispatch and completion ---- */

static enum sec_error run_kind(struct sec_run *r)
{
	uint32_t cipher = get(r, F_CIPHER), auth = get(r, F_AUTH);
	const struct sec_mode *m;

	if (!unknown_bits_zero(r) || !addr_types_ok(r) || !counter_mode_ok(r))
		return E_FIELD;
	if (cipher == SEC_CIPHER_NONE && auth == 1)
		return run_digest(r);
	if (auth || (cipher != SEC_CIPHER_ENC && cipher != SEC_CIPHER_DEC))
		return E_KIND;
	m = find_mode(r);
	if (!m)
		return E_ALG;
	return m->gcry_mode == GCRY_CIPHER_MODE_GCM ? run_gcm(r, m)
						    : run_cipher(r, m);
}

static enum sec_error run_checked(struct sec_run *r)
{
	enum sec_error rc;

	emu_span_init(&r->src);
	emu_span_init(&r->dst);
	rc = run_kind(r);
	emu_span_fini(&r->dst);
	emu_span_fini(&r->src);
	wd_wipe(r->key, sizeof(r->key));
	return rc;
}

static const struct sec_type *find_type(const struct emu_job *job)
{
	uint32_t type =
		wd_get(job->sqe, &sec_bd2_fields[SEC_BD2_TYPE]); /* in both */

	if (type == 2)
		return &type2;
	return type == 3 && job->qm_version >= 3 ? &type3 : NULL;
}

/* The completion word lies alike in both types. */
static void complete(uint32_t *sqe, const struct sec_run *r, enum sec_error rc)
{
	const struct wd_field *f = sec_bd2_fields;

	sqe[FIRST_WRITE_BACK_WORD] = 0;
	wd_put(sqe, &f[SEC_BD2_DONE], 1);
	wd_put(sqe, &f[SEC_BD2_ERROR_TYPE], rc);
	if (rc)
		return;
	wd_put(sqe, &f[SEC_BD2_FLAG], r->flag);
	wd_put(sqe, &f[SEC_BD2_ICV], r->icv);
}

static void sec_run(const struct emu_job *job)
{
	struct sec_run r;
	enum sec_error rc = E_NONE;

	r.job = job;
	r.dma = job->dma;
	r.type = find_type(job);
	r.flag = 0;
	r.icv = 0;
	if (job->fail)
		rc = E_FAULT;
	else if (!r.type)
		rc = E_TYPE;
	else if (!get(&r, F_INVALID)) /* else: done, and nothing else */
		rc = run_checked(&r);
	complete(job->sqe, &r, rc);
}

/* What V3 drivers read before they write; V2 drivers have it built in.
 * docs/hw/qm.md#capabilities */
/* clang-format off */
static const struct emu_reg_init regs[] = {
	{ 0x3124, 0, 0x7C77 },	   /* QM errors that need a reset or a report */
	{ 0x3128, 0, 0x6C77 },	   /* QM errors that reset */
	{ 0x312C, 0, 0x8 },	   /* QM errors corrected */
	{ 0x3130, 0, 0x60177 },	   /* the same three for the engine */
	{ 0x3134, 0, 0x177 },
	{ 0x3138, 0, 0xC088 },
	{ 0x313C, 0, 0x110404 },   /* 1 cluster, 1 core type, 4 cores */
	{ 0x3140, 0, 0xF },	   /* cores enabled */
	{ 0x3144, 0, 0x18670CF },  /* kernel algorithms, low and high */
	{ 0x3148, 0, 0x395C },
	{ 0x314C, 0, 0xFFFFFFFF }, /* device algorithms, low and high */
	{ 0x3150, 0, 0x3FFF },
	{ 0x3154, 0, 0xFFFFFFFF }, /* cores 1 to 4, the same */
	{ 0x3158, 0, 0x3FFF },
	{ 0x315C, 0, 0xFFFFFFFF },
	{ 0x3160, 0, 0x3FFF },
	{ 0x3164, 0, 0xFFFFFFFF },
	{ 0x3168, 0, 0x3FFF },
	{ 0x316C, 0, 0xFFFFFFFF },
	{ 0x3170, 0, 0x3FFF },
};
/* clang-format on */

/* docs/hw/sec.md#registers: the engine's memories */
static const struct emu_handshake handshakes[] = {
	{ .start = 0x301100, .done = 0x301104, .value = 1 },
};

const struct emu_engine emu_sec = {
	.name = "sec",
	.id = UACCE_SEC,
	.sqe_size = sizeof(struct sec_sqe),
	.pf_id = 0xa255,
	.vf_id = 0xa256,
	.algorithms_v2 = "cipher\ndigest\naead\n",
	.algorithms_v3 = "cipher\ndigest\naead\n",
	.regs = regs,
	.reg_count = WD_ARRAY_SIZE(regs),
	.handshakes = handshakes,
	.handshake_count = WD_ARRAY_SIZE(handshakes),
	.int_source = 0x301010,
	.int_status = 0x301008,
	.int_set = 0, /* silicon has none that is documented */
	.run = sec_run,
};
