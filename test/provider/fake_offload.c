/* SPDX-License-Identifier: Apache-2.0 */
#include "test/provider/fake_offload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/params.h>

#include "provider/wdp_block.h"

struct offload {
	int unused;
};

struct fake fake;

static const struct {
	const char *name;
} kinds[] = {
#define OFFLOAD_KIND(id, kind, ...) { kind },
#include "offload/offload_kinds.def"
#undef OFFLOAD_KIND
};

void fake_reset(void)
{
	fake = (struct fake){ .max = SEC_LEN_MAX, .fail_for = 1 };
}

const char *offload_kind_name(enum offload_kind kind)
{
	return kinds[kind].name;
}

void offload_config_init(struct offload_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	for (int i = 0; i < OFFLOAD_KINDS; i++)
		cfg->min_bytes[i] = cfg->min_decrypt[i] = OFFLOAD_MIN_DEFAULT;
}

int offload_new(struct offload **out, const struct offload_config *cfg,
		char *why, size_t size)
{
	(void)cfg;
	(void)why;
	(void)size;
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void offload_free(struct offload *o)
{
	free(o);
}

void offload_quiesce(struct offload *o)
{
	(void)o;
}

bool offload_has(const struct offload *o, enum offload_kind kind)
{
	(void)o;
	(void)kind;
	return true;
}

bool offload_has_hpre(const struct offload *o, enum offload_kind kind,
		      enum hpre_alg alg, uint32_t width)
{
	(void)o;
	(void)kind;
	(void)alg;
	(void)width;
	return true;
}

bool offload_has_cipher(const struct offload *o, enum offload_kind kind,
			enum sec_cipher_alg alg)
{
	(void)o;
	(void)kind;
	(void)alg;
	return true;
}

bool offload_has_mac(const struct offload *o, enum offload_kind kind,
		     enum sec_mac_alg alg)
{
	(void)o;
	(void)kind;
	(void)alg;
	return true;
}

bool offload_is_model(const struct offload *o)
{
	(void)o;
	return true;
}

unsigned int offload_qm_version(const struct offload *o,
				enum uacce_engine engine)
{
	(void)o;
	(void)engine;
	return 2;
}

size_t offload_max_bytes(const struct offload *o, enum offload_kind kind,
			 bool async)
{
	(void)o;
	(void)kind;
	(void)async;
	return fake.max;
}

bool offload_choose_cipher(struct offload *o, enum offload_kind kind,
			   bool encrypt, size_t bytes)
{
	(void)encrypt;
	return offload_choose(o, kind, bytes);
}

size_t offload_least(const struct offload *o, enum offload_kind kind)
{
	/* contexts remember it, and tests change fake.min under them */
	return offload_has(o, kind) ? 0 : SIZE_MAX;
}

bool offload_choose(struct offload *o, enum offload_kind kind, size_t bytes)
{
	(void)o;
	(void)kind;
	return bytes >= fake.min;
}

void offload_abandon(struct offload_waiter *w)
{
	(void)w;
}

int offload_rsa(struct offload *o, const struct offload_rsa *op,
		struct offload_waiter *w)
{
	(void)o;
	(void)op;
	(void)w;
	return -ENODEV;
}

int offload_hpre(struct offload *o, const struct offload_hpre *op,
		 struct offload_waiter *w)
{
	(void)o;
	(void)op;
	(void)w;
	return -ENODEV;
}

static int fake_job(void)
{
	int n = fake.jobs++;

	if (fake.fail && n >= fake.fail_at && n < fake.fail_at + fake.fail_for)
		return fake.fail;
	fake.done++;
	return 0;
}

/* The default provider's name, and what its jobs must be. */
static const struct {
	const char *name; /* AES: after the key's length */
	bool sm4;
	uint8_t unit; /* bytes */
	const char *cts;
} fake_modes[SEC_CIPHER_ALGS] = {
	[SEC_AES_ECB] = { "ECB", false, 16, NULL },
	[SEC_AES_CBC] = { "CBC", false, 16, NULL },
	[SEC_AES_CTR] = { "CTR", false, 1, NULL },
	[SEC_AES_OFB] = { "OFB", false, 1, NULL },
	[SEC_AES_CFB] = { "CFB", false, 1, NULL },
	[SEC_AES_XTS] = { "XTS", false, 1, NULL },
	[SEC_AES_CBC_CS1] = { "CBC-CTS", false, 1, "CS1" },
	[SEC_AES_CBC_CS2] = { "CBC-CTS", false, 1, "CS2" },
	[SEC_AES_CBC_CS3] = { "CBC-CTS", false, 1, "CS3" },
	[SEC_AES_GCM] = { "GCM", false, 1, NULL },
	[SEC_SM4_ECB] = { "SM4-ECB", true, 16, NULL },
	[SEC_SM4_CBC] = { "SM4-CBC", true, 16, NULL },
	[SEC_SM4_CTR] = { "SM4-CTR", true, 1, NULL },
	[SEC_SM4_OFB] = { "SM4-OFB", true, 1, NULL },
	[SEC_SM4_CFB] = { "SM4-CFB", true, 1, NULL },
	[SEC_DES3_ECB] = { "DES-EDE3-ECB", true, 8, NULL },
	[SEC_DES3_CBC] = { "DES-EDE3-CBC", true, 8, NULL },
};

static const char *fake_name(const struct offload_cipher *op, char name[32])
{
	unsigned int bits = op->key_len * 8u;

	if (fake_modes[op->alg].sm4)
		return fake_modes[op->alg].name;
	snprintf(name, 32, "AES-%u-%s",
		 op->alg == SEC_AES_XTS ? bits / 2 : bits,
		 fake_modes[op->alg].name);
	return name;
}

/* What the descriptor codecs refuse. */
static int fake_check(const struct offload_cipher *op)
{
	uintptr_t in = (uintptr_t)op->in, out = (uintptr_t)op->out;

	if (in != out && in < out + op->len && out < in + op->len)
		return -EINVAL;
	if (!op->len || op->len + op->aad_len > fake.max)
		return -EMSGSIZE;
	if (op->alg == SEC_AES_GCM)
		return op->tag_len < 8 || op->aad_len > SEC_AAD_MAX ? -EINVAL
								    : 0;
	if (fake_modes[op->alg].cts && op->len <= 16)
		return -EINVAL;
	return op->len % fake_modes[op->alg].unit ? -EINVAL : 0;
}

static int fake_run(const struct offload_cipher *op, EVP_CIPHER_CTX *c,
		    EVP_CIPHER *cipher, uint8_t *tmp)
{
	char *cts = (char *)fake_modes[op->alg].cts;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string("cts_mode", cts, 0),
		OSSL_PARAM_END,
	};
	bool gcm = op->alg == SEC_AES_GCM;
	int n;

	if (!EVP_CipherInit_ex2(c, cipher, op->key, op->iv, op->encrypt,
				cts ? params : NULL) ||
	    !EVP_CIPHER_CTX_set_padding(c, 0) ||
	    (gcm &&
	     !EVP_CipherUpdate(c, NULL, &n, op->aad, (int)op->aad_len)) ||
	    !EVP_CipherUpdate(c, tmp, &n, op->in, (int)op->len))
		return -EIO;
	if (gcm && !op->encrypt)
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, op->tag_len,
				    op->tag);
	if (!EVP_CipherFinal_ex(c, tmp + op->len, &n))
		return -EBADMSG;
	memcpy(op->out, tmp, op->len);
	if (gcm && op->encrypt)
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, op->tag_len,
				    op->tag);
	return 0;
}

int offload_cipher(struct offload *o, const struct offload_cipher *op,
		   struct offload_waiter *w)
{
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *c;
	char name[32];
	uint8_t *tmp;
	int rc = fake_check(op);

	(void)o;
	(void)w;
	if (!rc)
		rc = fake_job();
	if (rc)
		return rc;
	cipher =
		EVP_CIPHER_fetch(NULL, fake_name(op, name), "provider=default");
	c = EVP_CIPHER_CTX_new();
	tmp = malloc(op->len + 32);
	rc = fake_run(op, c, cipher, tmp);
	free(tmp);
	EVP_CIPHER_CTX_free(c);
	EVP_CIPHER_free(cipher);
	return rc;
}

void offload_ciphers(struct offload *o, const struct offload_cipher *ops,
		     unsigned int n, int *rc, struct offload_waiter *w)
{
	while (n--)
		*rc++ = offload_cipher(o, ops++, w);
}

int offload_digest(struct offload *o, const struct offload_digest *op,
		   struct offload_waiter *w)
{
	bool whole = op->part == SEC_FIRST || op->part == SEC_MIDDLE;
	size_t block = sec_digest_block(op->alg);
	uint8_t state[WDP_BLOCK_STATE];
	int rc;

	(void)o;
	(void)w;
	if (op->len > fake.max)
		return -EMSGSIZE;
	if (whole ? !op->len || op->len % block
		  : op->part == SEC_ONE_SHOT && !op->len)
		return -EINVAL;
	rc = fake_job();
	if (rc)
		return rc;
	if (op->part == SEC_FIRST || op->part == SEC_ONE_SHOT)
		wdp_block_init(op->alg, state);
	else
		memcpy(state, op->state, sec_digest_state(op->alg));
	if (whole)
		wdp_block_run(op->alg, state, op->in, op->len / block);
	else
		wdp_block_final(op->alg, state, op->in, op->len,
				op->part == SEC_LAST ? op->total_bits / 8
						     : op->len);
	memcpy(op->state, state,
	       whole ? sec_digest_state(op->alg) : sec_digest_size(op->alg));
	if (whole && fake.odd_state)
		op->state[0] ^= 1;
	return 0;
}

int offload_mac(struct offload *o, const struct offload_mac *op,
		struct offload_waiter *w)
{
	bool gmac = op->alg == SEC_AES_GMAC;
	char name[32];
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string("cipher", name, 0),
		OSSL_PARAM_octet_string("iv", (void *)op->iv, 12),
		OSSL_PARAM_END,
	};
	size_t n;
	int rc;

	(void)o;
	(void)w;
	if (op->len > fake.max)
		return -EMSGSIZE;
	rc = fake_job();
	if (rc)
		return rc;
	snprintf(name, sizeof(name), "AES-%u-%s", op->key_len * 8u,
		 gmac ? "GCM" : "CBC");
	if (!gmac)
		params[1] = OSSL_PARAM_construct_end();
	return EVP_Q_mac(NULL, gmac ? "GMAC" : "CMAC", "provider=default", NULL,
			 params, op->key, op->key_len, op->in, op->len, op->mac,
			 16, &n)
		       ? 0
		       : -EIO;
}

void offload_stats(const struct offload *o, struct offload_stats *out)
{
	(void)o;
	memset(out, 0, sizeof(*out));
}

void offload_count_software(struct offload *o, enum offload_kind kind)
{
	(void)o;
	(void)kind;
	fake.software++;
}

void offload_count_fallback(struct offload *o, enum offload_kind kind, int rc)
{
	(void)rc;
	offload_count_software(o, kind);
}

const char *offload_why_name(enum offload_why why)
{
	(void)why;
	return "";
}

void offload_count_wrong(struct offload *o, enum offload_kind kind)
{
	(void)o;
	(void)kind;
	fake.wrong++;
}
