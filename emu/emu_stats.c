/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/wd_base.h"
#include "emu/emu_qm.h"
#include "hw/hpre/hpre_fields.h"
#include "hw/sec/sec_fields.h"
#include "hw/zip/zip_fields.h"

/* Descriptor types, field TYPE; docs/hw/sec.md#bd-type */
enum { EMU_SEC_BD2 = 2 };

/*
 * An algorithm as a number, so that counting costs no text: for HPRE the code
 * itself, for ZIP the format, for SEC what the two halves of a descriptor do.
 */
enum {
	KEY_C_ALG = 0,	/* bits 3:0 */
	KEY_C_MODE = 4, /* 7:4 */
	KEY_A_ALG = 8,	/* 13:8 */
	KEY_CIPHER = 1u << 16,
	KEY_AUTH = 1u << 17,
};

/* A field of either type of descriptor, by the name both have it under. */
#define SEC_EITHER(bd2, sqe, field)                                            \
	((bd2) ? wd_get((sqe), &sec_bd2_fields[SEC_BD2_##field])               \
	       : wd_get((sqe), &sec_bd3_fields[SEC_BD3_##field]))

static uint32_t emu_key_sec(const uint32_t *sqe)
{
	bool bd2 = wd_get(sqe, &sec_bd2_fields[SEC_BD2_TYPE]) == EMU_SEC_BD2;
	uint32_t key = 0;

	if (SEC_EITHER(bd2, sqe, CIPHER))
		key |= KEY_CIPHER |
		       SEC_EITHER(bd2, sqe, C_ALG) % 16 << KEY_C_ALG |
		       SEC_EITHER(bd2, sqe, C_MODE) % 16 << KEY_C_MODE;
	if (SEC_EITHER(bd2, sqe, AUTH))
		key |= KEY_AUTH | SEC_EITHER(bd2, sqe, A_ALG) % 64 << KEY_A_ALG;
	return key;
}

static uint32_t emu_key(const struct emu_engine *e, const uint32_t *sqe)
{
	if (e->id == UACCE_HPRE)
		return wd_get(sqe, &hpre_fields[HPRE_SQE_ALG]);
	if (e->id == UACCE_ZIP)
		return wd_get(sqe, &zip_fields[ZIP_SQE_REQ_TYPE]);
	return e->id == UACCE_SEC ? emu_key_sec(sqe) : 0;
}

static bool emu_failed_zip(const uint32_t *sqe)
{
	uint32_t status = wd_get(sqe, &zip_fields[ZIP_SQE_STATUS]);

	return status != ZIP_OK && status != ZIP_NEGATIVE &&
	       status != ZIP_STREAM_END;
}

static bool emu_failed(const struct emu_engine *e, const uint32_t *sqe)
{
	if (e->id == UACCE_HPRE)
		return wd_get(sqe, &hpre_fields[HPRE_SQE_DONE]) !=
			       HPRE_DONE_FINISHED ||
		       wd_get(sqe, &hpre_fields[HPRE_SQE_ETYPE]);
	if (e->id == UACCE_ZIP)
		return emu_failed_zip(sqe);
	/* Completion fields are in the same place in both types. */
	return e->id == UACCE_SEC &&
	       (!wd_get(sqe, &sec_bd2_fields[SEC_BD2_DONE]) ||
		wd_get(sqe, &sec_bd2_fields[SEC_BD2_ERROR_TYPE]));
}

void emu_count(struct emu_stats *s, const struct emu_engine *e,
	       const uint32_t *sqe)
{
	uint32_t key = emu_key(e, sqe);
	size_t i = 0;

	s->descriptors++;
	s->errors += emu_failed(e, sqe);
	while (i < s->alg_count && s->alg[i].key != key)
		i++;
	/* More kinds than there are algorithms: the last one takes the rest. */
	if (i == EMU_ALGS_MAX)
		i--;
	else if (i == s->alg_count)
		s->alg[s->alg_count++].key = key;
	s->alg[i].count++;
}

/* --- names ---------------------------------------------------------------- */

static const char *const emu_hpre_names[] = {
	"modexp",
	"rsa-crt",
	"rsa-keygen",
	"rsa-crt-keygen",
	"dh-g2",
	"dh",
	[0xd] = "ecmul",
	[0xe] = "ecdsa-sign",
	[0xf] = "ecdsa-verify",
	[0x10] = "x25519",
	"sm2-keygen",
	"sm2-sign",
	"sm2-verify",
	"sm2-encrypt",
	"sm2-decrypt",
};
static const char *const emu_zip_names[] = { "?", "deflate", "zlib", "gzip",
					     "lz4" };
static const char *const emu_calg_names[] = { "des", "3des", "aes", "sm4" };
static const char *const emu_cmode_names[] = {
	"ecb", "cbc", "cfb", "ofb", "ctr", "ccm", "gcm", "xts", NULL, "cts",
};
static const char *const emu_aalg_names[] = {
	"sha1",
	"sha256",
	"md5",
	"sha224",
	"sha384",
	"sha512",
	[0x10] = "hmac-sha1",
	"hmac-sha256",
	"hmac-md5",
	"hmac-sha224",
	"hmac-sha384",
	"hmac-sha512",
	[0x20] = "xcbc",
	"cmac",
	"gmac",
	[0x25] = "sm3",
	"hmac-sm3",
};

static const char *emu_name(const char *const *names, size_t n, uint32_t i)
{
	return i < n && names[i] ? names[i] : "?";
}
#define NAME(list, i) emu_name(list, WD_ARRAY_SIZE(list), i)

static void emu_name_sec(uint32_t key, char *buf, size_t size)
{
	const char *digest = NAME(emu_aalg_names, key >> KEY_A_ALG & 63);
	const char *alg = NAME(emu_calg_names, key >> KEY_C_ALG & 15);
	const char *mode = NAME(emu_cmode_names, key >> KEY_C_MODE & 15);
	uint32_t c_mode = key >> KEY_C_MODE & 15;
	bool aead = c_mode == SEC_CMODE_GCM || c_mode == SEC_CMODE_CCM;

	if (!(key & KEY_CIPHER))
		snprintf(buf, size, "%s", key & KEY_AUTH ? digest : "none");
	else if (!(key & KEY_AUTH) || aead)
		snprintf(buf, size, "%s-%s", alg, mode);
	else
		snprintf(buf, size, "%s-%s+%s", alg, mode, digest);
}

void emu_alg_name(const struct emu_engine *e, uint32_t key, char *buf,
		  size_t size)
{
	if (e->id == UACCE_HPRE)
		snprintf(buf, size, "%s", NAME(emu_hpre_names, key));
	else if (e->id == UACCE_ZIP)
		snprintf(buf, size, "%s", NAME(emu_zip_names, key));
	else if (e->id == UACCE_SEC)
		emu_name_sec(key, buf, size);
	else
		snprintf(buf, size, "%s", e->name);
}
