/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_sec_cipher.c - ECB, CBC, CFB, OFB, CTR, XTS and CBC with ciphertext
 * stealing, of AES, SM4 and DES, on libgcrypt.
 *
 * Modes that go on block by block work on direct pointers, wherever the pieces
 * of a scatter list allow it; only blocks that straddle two pieces are copied.
 * Modes that need the whole message at once (XTS, ciphertext stealing) get it
 * in one buffer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_sec.h"

/* ---- what there is ---- */

#define KEY_CODES 4

/* By c_key_len; bytes 0: no such key.  docs/hw/sec.md#cipher-key-length */
static const struct sec_block_cipher {
	uint8_t block; /* bytes */
	struct {
		uint8_t bytes;
		int gcry_alg;
	} keys[KEY_CODES];
} ciphers[] = {
	[SEC_CALG_DES] = { 8, { [1] = { 8, GCRY_CIPHER_DES } } },
	[SEC_CALG_3DES] = { 8,
			    { [1] = { 24, GCRY_CIPHER_3DES },
			      [3] = { 16, GCRY_CIPHER_3DES } } },
	[SEC_CALG_AES] = { 16,
			   { [0] = { 16, GCRY_CIPHER_AES128 },
			     [1] = { 24, GCRY_CIPHER_AES192 },
			     [2] = { 32, GCRY_CIPHER_AES256 } } },
	[SEC_CALG_SM4] = { 16, { [0] = { 16, GCRY_CIPHER_SM4 } } },
};

typedef enum sec_error (*sec_whole_fn)(const struct sec_run *r, uint8_t *p,
				       size_t len);
static enum sec_error xts(const struct sec_run *r, uint8_t *p, size_t len);
static enum sec_error steal(const struct sec_run *r, uint8_t *p, size_t len);

#define DES_	  BIT_(DES)
#define DE3_	  BIT_(3DES)
#define AES_	  BIT_(AES)
#define SM4_	  BIT_(SM4)
#define BIT_(alg) (1u << SEC_CALG_##alg)

/* docs/hw/sec.md#cipher-mode */
/* clang-format off */
static const struct sec_mode {
	uint8_t cmode;
	uint8_t v2, v3; /* bit 1 << c_alg: what each generation has */
	bool blocks;	/* lengths are multiples of the block */
	bool widths;	/* c_width 1 to 3 tells variants apart, else 0 */
	uint8_t min;	/* bytes */
	bool iv;	/* of one block */
	int gcry_mode;	/* of a mode that goes on block by block */
	sec_whole_fn whole; /* of one that does not */
} modes[] = {
	{ SEC_CMODE_ECB, DES_ | DE3_ | AES_ | SM4_, DES_ | DE3_ | AES_ | SM4_,
	  .blocks = true, .gcry_mode = GCRY_CIPHER_MODE_ECB },
	{ SEC_CMODE_CBC, DES_ | DE3_ | AES_ | SM4_, DES_ | DE3_ | AES_ | SM4_,
	  .blocks = true, .iv = true, .gcry_mode = GCRY_CIPHER_MODE_CBC },
	{ SEC_CMODE_CFB, 0, AES_ | SM4_,
	  .iv = true, .gcry_mode = GCRY_CIPHER_MODE_CFB },
	{ SEC_CMODE_OFB, 0, AES_ | SM4_,
	  .iv = true, .gcry_mode = GCRY_CIPHER_MODE_OFB },
	{ SEC_CMODE_CTR, AES_ | SM4_, AES_ | SM4_,
	  .iv = true, .gcry_mode = GCRY_CIPHER_MODE_CTR },
	{ SEC_CMODE_CCM, AES_, AES_ | SM4_, .iv = true }, /* emu_sec_aead.c */
	{ SEC_CMODE_GCM, AES_, AES_ | SM4_, .iv = true },
	{ SEC_CMODE_XTS, AES_ | SM4_, AES_ | SM4_,
	  .min = SEC_BLOCK, .iv = true, .whole = xts },
	{ SEC_CMODE_CBC_CS, AES_, AES_ | SM4_,
	  .min = SEC_BLOCK, .widths = true, .iv = true, .whole = steal },
};
/* clang-format on */

static size_t key_bytes(const struct sec_run *r)
{
	size_t n = ciphers[sec_get(r, F_C_ALG)]
			   .keys[sec_get(r, F_C_KEY_LEN)]
			   .bytes;

	return sec_get(r, F_C_MODE) == SEC_CMODE_XTS ? 2 * n : n;
}

static bool key_ok(const struct sec_run *r)
{
	uint32_t alg = sec_get(r, F_C_ALG), code = sec_get(r, F_C_KEY_LEN);

	if (alg >= WD_ARRAY_SIZE(ciphers) || code >= KEY_CODES)
		return false;
	if (sec_get(r, F_C_MODE) == SEC_CMODE_XTS && code == 1)
		return false; /* halves of 192 bits: no such standard */
	return ciphers[alg].keys[code].bytes;
}

const struct sec_mode *sec_find_mode(const struct sec_run *r)
{
	uint32_t cmode = sec_get(r, F_C_MODE);
	const struct sec_mode *m = modes;
	unsigned int algs;

	while (m < modes + WD_ARRAY_SIZE(modes) && m->cmode != cmode)
		m++;
	if (m == modes + WD_ARRAY_SIZE(modes) || !key_ok(r))
		return NULL;
	algs = sec_is_v3(r) ? m->v3 : m->v2;
	return algs >> sec_get(r, F_C_ALG) & 1 ? m : NULL;
}

/* ---- keys and contexts ---- */

enum sec_error sec_fetch_key(struct sec_run *r, size_t iv_bytes)
{
	size_t n = key_bytes(r);
	enum sec_error rc = sec_fetch(r, sec_get64(r, F_C_KEY_LO), r->key, n);

	/* two keys: the first is also the third */
	if (n == 16 && sec_get(r, F_C_ALG) == SEC_CALG_3DES)
		memcpy(r->key + 16, r->key, 8);
	if (rc || !iv_bytes)
		return rc;
	return sec_fetch(r, sec_get64(r, F_C_IVIN_LO), r->iv, iv_bytes);
}

static gcry_error_t set_key(gcry_cipher_hd_t h, const struct sec_run *r,
			    int gcry_mode)
{
	uint32_t alg = sec_get(r, F_C_ALG), code = sec_get(r, F_C_KEY_LEN);
	size_t n = ciphers[alg].keys[code].bytes;
	gcry_error_t err;

	if (gcry_mode == GCRY_CIPHER_MODE_XTS)
		n *= 2;
	if (alg == SEC_CALG_3DES)
		n = 24;
	/* The engine knows no weak keys; the library sets them and complains. */
	err = gcry_cipher_setkey(h, r->key, n);
	return gcry_err_code(err) == GPG_ERR_WEAK_KEY ? 0 : err;
}

enum sec_error sec_open(gcry_cipher_hd_t *h, const struct sec_run *r,
			int gcry_mode, unsigned int flags)
{
	uint32_t alg = sec_get(r, F_C_ALG), code = sec_get(r, F_C_KEY_LEN);

	if (!sec_library() ||
	    gcry_cipher_open(h, ciphers[alg].keys[code].gcry_alg, gcry_mode,
			     flags))
		return E_LIBRARY;
	gcry_cipher_ctl(*h, GCRYCTL_SET_ALLOW_WEAK_KEY, NULL, 1);
	if (!set_key(*h, r, gcry_mode))
		return E_NONE;
	gcry_cipher_close(*h);
	return E_LIBRARY;
}

static enum sec_error open_iv(gcry_cipher_hd_t *h, const struct sec_run *r,
			      int gcry_mode, unsigned int flags)
{
	size_t block = ciphers[sec_get(r, F_C_ALG)].block;
	enum sec_error rc = sec_open(h, r, gcry_mode, flags);
	gcry_error_t err = 0;

	if (rc)
		return rc;
	if (gcry_mode == GCRY_CIPHER_MODE_CTR)
		err = gcry_cipher_setctr(*h, r->iv, block);
	else if (gcry_mode != GCRY_CIPHER_MODE_ECB)
		err = gcry_cipher_setiv(*h, r->iv, block);
	if (!err)
		return E_NONE;
	gcry_cipher_close(*h);
	return E_LIBRARY;
}

/* ---- block by block ---- */

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
	uint8_t block[SEC_BLOCK];
	gcry_error_t err;

	emu_cursor_read(src, block, n);
	err = crypt_some(h, encrypt, block, block, n);
	emu_cursor_write(dst, block, n);
	wd_wipe(block, sizeof(block));
	return err;
}

enum sec_error sec_crypt_all(gcry_cipher_hd_t h, bool encrypt,
			     struct emu_cursor dst, struct emu_cursor src,
			     size_t left)
{
	gcry_error_t err = 0;

	while (left && !err) {
		size_t a = emu_cursor_run(&src), b = emu_cursor_run(&dst);
		size_t n = a < b ? a : b;

		n = n < left ? n - n % SEC_BLOCK : left;
		if (n) {
			err = crypt_some(h, encrypt, emu_cursor_at(&dst),
					 emu_cursor_at(&src), n);
			emu_cursor_step(&src, n);
			emu_cursor_step(&dst, n);
		} else {
			n = left < SEC_BLOCK ? left : SEC_BLOCK;
			err = crypt_straddling(h, encrypt, &dst, &src, n);
		}
		left -= n;
	}
	return err ? E_LIBRARY : E_NONE;
}

static enum sec_error run_blocks(const struct sec_run *r,
				 const struct sec_mode *m)
{
	gcry_cipher_hd_t h;
	enum sec_error rc = open_iv(&h, r, m->gcry_mode, 0);

	if (rc)
		return rc;
	rc = sec_crypt_all(h, sec_encrypts(r), emu_cursor(&r->dst),
			   emu_cursor(&r->src), sec_get(r, F_C_LEN));
	gcry_cipher_close(h);
	return rc;
}

/* ---- all at once ---- */

static enum sec_error crypt_whole(const struct sec_run *r, int gcry_mode,
				  unsigned int flags, uint8_t *p, size_t len)
{
	gcry_cipher_hd_t h;
	enum sec_error rc = open_iv(&h, r, gcry_mode, flags);

	if (rc)
		return rc;
	if (crypt_some(h, sec_encrypts(r), p, p, len))
		rc = E_LIBRARY;
	gcry_cipher_close(h);
	return rc;
}

/* GB/T 17964: the tweak's bits are reflected, as in GCM. */
static void gb_double(uint8_t t[SEC_BLOCK])
{
	uint8_t out = t[SEC_BLOCK - 1] & 1;

	for (size_t i = SEC_BLOCK - 1; i; i--)
		t[i] = (uint8_t)(t[i] >> 1 | t[i - 1] << 7);
	t[0] >>= 1;
	if (out)
		t[0] ^= 0xe1;
}

static gcry_error_t gb_block(gcry_cipher_hd_t h, bool encrypt,
			     const uint8_t tweak[SEC_BLOCK],
			     uint8_t p[SEC_BLOCK])
{
	gcry_error_t err;

	for (size_t i = 0; i < SEC_BLOCK; i++)
		p[i] ^= tweak[i];
	err = crypt_some(h, encrypt, p, p, SEC_BLOCK);
	for (size_t i = 0; i < SEC_BLOCK; i++)
		p[i] ^= tweak[i];
	return err;
}

/* The last whole block, at @p, and @part bytes behind it (IEEE 1619, 5.3.2 and
 * 5.4.2). */
static gcry_error_t gb_steal(gcry_cipher_hd_t h, bool encrypt,
			     uint8_t tweak[SEC_BLOCK], uint8_t *p, size_t part)
{
	uint8_t next[SEC_BLOCK];
	gcry_error_t err;

	memcpy(next, tweak, SEC_BLOCK);
	gb_double(next);
	err = gb_block(h, encrypt, encrypt ? tweak : next, p);
	for (size_t i = 0; i < part; i++) {
		uint8_t c = p[i];

		p[i] = p[SEC_BLOCK + i];
		p[SEC_BLOCK + i] = c;
	}
	return err ? err : gb_block(h, encrypt, encrypt ? next : tweak, p);
}

static gcry_error_t gb_all(gcry_cipher_hd_t h, bool encrypt,
			   uint8_t tweak[SEC_BLOCK], uint8_t *p, size_t len)
{
	gcry_error_t err = 0;

	for (; len >= 2 * SEC_BLOCK || len == SEC_BLOCK; len -= SEC_BLOCK) {
		err |= gb_block(h, encrypt, tweak, p);
		gb_double(tweak);
		p += SEC_BLOCK;
	}
	return len ? err | gb_steal(h, encrypt, tweak, p, len - SEC_BLOCK)
		   : err;
}

static enum sec_error xts_gb(const struct sec_run *r, uint8_t *p, size_t len)
{
	gcry_cipher_hd_t data, tweak_key;
	uint8_t tweak[SEC_BLOCK];
	enum sec_error rc = sec_open(&data, r, GCRY_CIPHER_MODE_ECB, 0);

	if (rc)
		return rc;
	rc = sec_open(&tweak_key, r, GCRY_CIPHER_MODE_ECB, 0);
	if (rc)
		goto close_data;
	memcpy(tweak, r->iv, SEC_BLOCK);
	if (gcry_cipher_setkey(tweak_key, r->key + 16, 16) ||
	    crypt_some(tweak_key, true, tweak, tweak, SEC_BLOCK) ||
	    gb_all(data, sec_encrypts(r), tweak, p, len))
		rc = E_LIBRARY;
	gcry_cipher_close(tweak_key);
close_data:
	gcry_cipher_close(data);
	return rc;
}

/* docs/hw/sec.md#counter-mode: 1 chooses the national standard. */
static enum sec_error xts(const struct sec_run *r, uint8_t *p, size_t len)
{
	return sec_counter_mode(r) == 1
		       ? xts_gb(r, p, len)
		       : crypt_whole(r, GCRY_CIPHER_MODE_XTS, 0, p, len);
}

/* The last @tail bytes, two pieces of which @first come first, exchanged. */
static void exchange(uint8_t *p, size_t len, size_t first, size_t tail)
{
	uint8_t copy[2 * SEC_BLOCK];
	uint8_t *at = p + len - tail;

	memcpy(copy, at, tail);
	memcpy(at, copy + first, tail - first);
	memcpy(at + tail - first, copy, first);
	wd_wipe(copy, sizeof(copy));
}

/* CS1, CS2 and CS3 of SP 800-38A's addendum differ in the order of the last
 * two blocks; libgcrypt's stealing is CS3.  docs/hw/sec.md#cipher-width */
static enum sec_error steal(const struct sec_run *r, uint8_t *p, size_t len)
{
	size_t part = len % SEC_BLOCK, tail = SEC_BLOCK + part;
	bool cs3 = sec_get(r, F_C_WIDTH) == 3, cs1 = sec_get(r, F_C_WIDTH) == 1;
	enum sec_error rc;

	if (len == SEC_BLOCK || (!part && !cs3))
		return crypt_whole(r, GCRY_CIPHER_MODE_CBC, 0, p, len);
	if (cs1 && !sec_encrypts(r))
		exchange(p, len, part, tail);
	rc = crypt_whole(r, GCRY_CIPHER_MODE_CBC, GCRY_CIPHER_CBC_CTS, p, len);
	if (cs1 && sec_encrypts(r))
		exchange(p, len, SEC_BLOCK, tail);
	return rc;
}

static enum sec_error run_whole(const struct sec_run *r,
				const struct sec_mode *m)
{
	struct emu_cursor src = emu_cursor(&r->src), dst = emu_cursor(&r->dst);
	size_t len = sec_get(r, F_C_LEN);
	uint8_t *p = malloc(len);
	enum sec_error rc;

	if (!p)
		return E_LIBRARY;
	emu_cursor_read(&src, p, len);
	rc = m->whole(r, p, len);
	if (!rc)
		emu_cursor_write(&dst, p, len);
	wd_wipe(p, len);
	free(p);
	return rc;
}

/* ---- the job ---- */

static enum sec_error check_cipher(const struct sec_run *r,
				   const struct sec_mode *m)
{
	static const uint8_t zero[] = {
		F_SEQ,	     F_AI_GEN, F_A_PAD,		F_MAC_LEN,
		F_A_KEY_LEN, F_A_ALG,  F_LONG_A_LEN_LO, F_LONG_A_LEN_HI,
		F_C_ICV_LEN, F_A_LEN,
	};
	size_t unit = m->blocks ? ciphers[sec_get(r, F_C_ALG)].block : 1;
	uint32_t len = sec_get(r, F_C_LEN), scene = sec_get(r, F_SCENE);

	if (scene > 1 && scene != 7)
		return E_ALG;
	if (!sec_all_zero(r, zero, sizeof(zero)))
		return E_FIELD;
	if (m->widths ? sec_get(r, F_C_WIDTH) - 1 > 2 : sec_get(r, F_C_WIDTH))
		return E_FIELD;
	if (sec_get(r, F_A_OFFSET) || sec_get(r, F_C_OFFSET))
		return E_OFFSET;
	if (!len || len < m->min || len > SEC_LEN_MAX || len % unit)
		return E_LENGTH;
	return E_NONE;
}

static enum sec_error run_or_recall(const struct sec_run *r,
				    const struct sec_mode *m)
{
	struct sec_memo memo;
	enum sec_error rc;

	if (sec_recall(r, &memo, 0, NULL, 0))
		return E_NONE;
	rc = m->whole ? run_whole(r, m) : run_blocks(r, m);
	sec_remember(r, &memo, NULL, 0, !rc);
	return rc;
}

enum sec_error sec_run_cipher(struct sec_run *r)
{
	const struct sec_mode *m = sec_find_mode(r);
	enum sec_error rc;

	if (!m)
		return E_ALG;
	rc = check_cipher(r, m);
	if (!rc)
		rc = sec_fetch_key(r, m->iv ? ciphers[sec_get(r, F_C_ALG)].block
					    : 0);
	if (!rc)
		rc = sec_map_data(r, 0);
	if (!rc)
		rc = run_or_recall(r, m);
	if (rc)
		return rc;
	sec_corrupt_data(r);
	r->flag = 2;
	return E_NONE;
}
