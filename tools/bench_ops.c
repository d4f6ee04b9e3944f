/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench_ops.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include "base/wd_base.h"

#define SLOTS_BYTES 65536u
#define SLOTS_MAX   256u
#define KEYS_MAX    64

/* ---- rows ------------------------------------------------------------------- */

#define RSA(n)                                                                 \
	{ .name = "rsa" #n "-sign", &bench_sign, "RSA", .bits = n },           \
		{ .name = "rsa" #n "-pss-sign",                                \
		  &bench_sign,                                                 \
		  "RSA",                                                       \
		  .bits = n,                                                   \
		  .pss = true },                                               \
		{ .name = "rsa" #n "-verify",                                  \
		  &bench_verify,                                               \
		  "RSA",                                                       \
		  .bits = n },                                                 \
		{ .name = "rsa" #n "-encrypt",                                 \
		  &bench_encrypt,                                              \
		  "RSA",                                                       \
		  .bits = n },                                                 \
	{                                                                      \
		.name = "rsa" #n "-decrypt", &bench_decrypt, "RSA", .bits = n  \
	}
#define EC(n, group)                                                           \
	{ .name = "ecdsa" n "-sign", &bench_sign, "EC", group },               \
		{ .name = "ecdsa" n "-verify", &bench_verify, "EC", group },   \
		{ .name = "ecdh" n, &bench_derive, "EC", group },              \
	{                                                                      \
		.name = "ecdh" n "-keygen", &bench_keygen, "EC", group         \
	}
#define EXCHANGE(n, alg, group)                                                \
	{ .name = n, &bench_derive, alg, group },                              \
	{                                                                      \
		.name = n "-keygen", &bench_keygen, alg, group                 \
	}
#define TLS(n, ver, cert, g, tg)                                               \
	{ .name = n, &bench_tls, cert, g, 2048, .tls = ver, .tls_group = tg }, \
	{                                                                      \
		.name = n "-resumed", &bench_tls, cert, g, 2048, .tls = ver,   \
		.tls_group = tg, .resume = true                                \
	}
#define CIPHER(n)                                                              \
	{ .name = n, &bench_cipher, n },                                       \
	{                                                                      \
		.name = n "-dec", &bench_cipher, n                             \
	}
#define PIPE(n, alg, pipes)                                                    \
	{                                                                      \
		.name = n "-pipe" #pipes, &bench_pipe, alg, .bits = pipes      \
	}
#define DIGEST(n)                                                              \
	{                                                                      \
		.name = n, &bench_digest, n                                    \
	}
#define MAC(n, alg, group)                                                     \
	{                                                                      \
		.name = n, &bench_mac, alg, group                              \
	}

/* Ciphers, digests and MACs not listed here can be named all the same. */
const struct bench_row bench_rows[] = {
	RSA(1024),
	RSA(2048),
	RSA(3072),
	RSA(4096),
	{ .name = "rsa2048-keygen", &bench_keygen, "RSA", .bits = 2048 },
	EC("p224", "P-224"),
	EC("p256", "P-256"),
	EC("p384", "P-384"),
	EC("p521", "P-521"),
	EC("bp256", "brainpoolP256r1"),
	EC("bp384", "brainpoolP384r1"),
	EXCHANGE("x25519", "X25519", NULL),
	EXCHANGE("x448", "X448", NULL),
	EXCHANGE("ffdhe2048", "DH", "ffdhe2048"),
	EXCHANGE("ffdhe3072", "DH", "ffdhe3072"),
	EXCHANGE("ffdhe4096", "DH", "ffdhe4096"),
	{ .name = "sm2-sign", &bench_sign, "SM2", "SM2" },
	{ .name = "sm2-verify", &bench_verify, "SM2", "SM2" },
	{ .name = "sm2-encrypt", &bench_encrypt, "SM2", "SM2" },
	{ .name = "sm2-decrypt", &bench_decrypt, "SM2", "SM2" },
	{ .name = "sm2-keygen", &bench_keygen, "SM2", "SM2" },
	TLS("tls12-rsa2048-x25519", TLS1_2_VERSION, "RSA", NULL, "X25519"),
	TLS("tls12-rsa2048-p256", TLS1_2_VERSION, "RSA", NULL, "prime256v1"),
	TLS("tls12-ecdsap256-x25519", TLS1_2_VERSION, "EC", "P-256",
	    "X25519:P-256"),
	TLS("tls12-ecdsap256-p256", TLS1_2_VERSION, "EC", "P-256",
	    "prime256v1"),
	TLS("tls13-rsa2048-x25519", TLS1_3_VERSION, "RSA", NULL, "X25519"),
	TLS("tls13-rsa2048-p256", TLS1_3_VERSION, "RSA", NULL, "prime256v1"),
	TLS("tls13-ecdsap256-x25519", TLS1_3_VERSION, "EC", "P-256",
	    "X25519:P-256"),
	TLS("tls13-ecdsap256-p256", TLS1_3_VERSION, "EC", "P-256",
	    "prime256v1"),
	TLS("tls13-ecdsap384-p384", TLS1_3_VERSION, "EC", "P-384", "secp384r1"),
	CIPHER("aes-128-gcm"),
	CIPHER("aes-256-gcm"),
	PIPE("aes-256-gcm", "AES-256-GCM", 4),
	PIPE("aes-256-gcm", "AES-256-GCM", 16),
	PIPE("aes-256-gcm", "AES-256-GCM", 32),
	CIPHER("aes-128-ccm"),
	CIPHER("aes-128-cbc"),
	CIPHER("aes-256-cbc"),
	CIPHER("aes-128-ctr"),
	CIPHER("aes-128-ecb"),
	CIPHER("aes-128-cfb"),
	CIPHER("aes-128-ofb"),
	CIPHER("aes-128-xts"),
	CIPHER("aes-128-cbc-cts"),
	CIPHER("sm4-cbc"),
	CIPHER("sm4-ctr"),
	CIPHER("sm4-ecb"),
	CIPHER("des-ede3-cbc"),
	DIGEST("sm3"),
	DIGEST("sha256"),
	DIGEST("sha512"),
	DIGEST("sha1"),
	DIGEST("md5"),
	MAC("hmac-sha256", "HMAC", "SHA256"),
	MAC("hmac-sm3", "HMAC", "SM3"),
	MAC("cmac-aes-128-cbc", "CMAC", "AES-128-CBC"),
	MAC("gmac-aes-128-gcm", "GMAC", "AES-128-GCM"),
};
const size_t bench_rows_count = WD_ARRAY_SIZE(bench_rows);

const struct bench_set bench_sets[] = {
	{ "default", "rsa2048-sign rsa2048-verify ecdsap256-sign "
		     "ecdsap256-verify ecdhp256 x25519 sm2-sign "
		     "aes-256-gcm:16384 sm4-cbc:16384 sm3:16384" },
	{ "pkey", "rsa1024-sign rsa2048-sign rsa3072-sign rsa4096-sign "
		  "rsa2048-pss-sign rsa2048-verify rsa2048-encrypt "
		  "rsa2048-decrypt ecdsap256-sign ecdsap256-verify "
		  "ecdsap384-sign ecdsap384-verify ecdsap521-sign "
		  "ecdsap521-verify ecdhp256 ecdhp256-keygen ecdhp384 "
		  "ecdhp521 x25519 x25519-keygen x448 x448-keygen ffdhe2048 "
		  "ffdhe2048-keygen ffdhe3072 ffdhe4096 sm2-sign sm2-verify "
		  "sm2-encrypt sm2-decrypt" },
	{ "sym", "aes-128-gcm:16384 aes-256-gcm:16384 aes-256-gcm-dec:16384 "
		 "aes-128-ccm:16384 aes-128-cbc:16384 aes-256-cbc:16384 "
		 "aes-128-ctr:16384 aes-128-xts:16384 sm4-cbc:16384 "
		 "sm4-ctr:16384 des-ede3-cbc:16384 sm3:16384 sha256:16384 "
		 "sha512:16384 hmac-sha256:16384 cmac-aes-128-cbc:16384" },
	{ "tls", "tls12-rsa2048-x25519 tls12-rsa2048-x25519-resumed "
		 "tls12-ecdsap256-p256 tls12-ecdsap256-p256-resumed "
		 "tls13-rsa2048-x25519 tls13-rsa2048-x25519-resumed "
		 "tls13-ecdsap256-p256 tls13-ecdsap256-p256-resumed" },
	{ "small", "aes-128-gcm:16 aes-128-gcm:1024 aes-128-ccm:16 "
		   "aes-128-ccm:1024 aes-256-cbc:16 "
		   "aes-256-cbc:1024 sm4-cbc:16 sm4-cbc:1024 sm3:16 sm3:1024 "
		   "sha256:16 sha256:1024" },
	{ NULL, NULL },
};

static bool split_size(struct bench_op *op, const char *name, char *base,
		       size_t base_size)
{
	const char *colon = strchr(name, ':');
	size_t len = colon ? (size_t)(colon - name) : strlen(name);
	char *end;
	unsigned long n;

	if (!len || len >= base_size)
		return false;
	memcpy(base, name, len);
	base[len] = '\0';
	op->bytes = BENCH_BYTES_DEFAULT;
	if (!colon)
		return true;
	n = strtoul(colon + 1, &end, 10);
	if (*end == 'k' || *end == 'K') {
		n *= 1024;
		end++;
	}
	op->bytes = (uint32_t)n;
	return colon[1] >= '0' && colon[1] <= '9' && !*end && n &&
	       n <= BENCH_BYTES_MAX;
}

static bool ends_with_dec(const char *s)
{
	size_t n = strlen(s);

	return n > 4 && !strcmp(s + n - 4, "-dec");
}

static bool sized(const struct bench_family *f)
{
	return f == &bench_cipher || f == &bench_digest || f == &bench_mac ||
	       f == &bench_pipe;
}

/* A cipher, digest or MAC that the table does not have, by libcrypto's name. */
static bool find_unlisted(struct bench_op *op, const char *base)
{
	static const char *const macs[][2] = { { "hmac-", "HMAC" },
					       { "cmac-", "CMAC" },
					       { "gmac-", "GMAC" } };
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, op->alg, NULL);
	EVP_MD *md = EVP_MD_fetch(NULL, base, NULL);

	op->row = (struct bench_row){ .alg = op->alg };
	if (cipher)
		op->row.family = &bench_cipher;
	else if (md)
		op->row.family = &bench_digest;
	for (size_t i = 0; !op->row.family && i < WD_ARRAY_SIZE(macs); i++) {
		if (strncmp(base, macs[i][0], 5))
			continue;
		op->row.family = &bench_mac;
		op->row.alg = macs[i][1];
		snprintf(op->group, sizeof(op->group), "%.60s", base + 5);
		op->row.group = op->group;
	}
	EVP_CIPHER_free(cipher);
	EVP_MD_free(md);
	ERR_clear_error();
	return op->row.family;
}

int bench_op_find(struct bench_op *op, const char *name, char *why, size_t size)
{
	char base[BENCH_NAME_MAX];

	*op = (struct bench_op){ 0 };
	snprintf(op->name, sizeof(op->name), "%s", name);
	if (!split_size(op, name, base, sizeof(base))) {
		snprintf(why, size,
			 "\"%.80s\": a row, or a row and a size: sm3:1024, "
			 "aes-128-gcm:16k, at most 16384k",
			 name);
		return -EINVAL;
	}
	op->decrypt = ends_with_dec(base);
	snprintf(op->alg, sizeof(op->alg), "%.*s",
		 (int)(strlen(base) - (op->decrypt ? 4 : 0)), base);
	for (size_t i = 0; i < bench_rows_count; i++)
		if (!strcmp(bench_rows[i].name, base))
			op->row = bench_rows[i];
	if (!op->row.family && !find_unlisted(op, base)) {
		snprintf(why, size,
			 "\"%.80s\" is no row, cipher, digest or MAC; "
			 "wdbench --list shows the rows",
			 base);
		return -EINVAL;
	}
	if (strchr(name, ':') && !sized(op->row.family)) {
		snprintf(why, size, "\"%.80s\": %s takes no size", name, base);
		return -EINVAL;
	}
	if (sized(op->row.family))
		snprintf(op->name, sizeof(op->name), "%.50s:%u", base,
			 op->bytes);
	return 0;
}

/* ---- sides -------------------------------------------------------------------- */

void bench_errors(const char *what)
{
	char text[256];
	const char *data;
	unsigned long e;
	int flags;

	fprintf(stderr, "wdbench: %s%s\n", what,
		ERR_peek_error() ? ":"
				 : ": failed, and libcrypto says no reason");
	while ((e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags))) {
		ERR_error_string_n(e, text, sizeof(text));
		fprintf(stderr, "wdbench:   %s %s\n", text,
			flags & ERR_TXT_STRING ? data : "");
	}
}

int bench_side_open(struct bench_side *s, const char *name)
{
	char what[128];

	*s = (struct bench_side){ .ctx = OSSL_LIB_CTX_new() };
	if (!s->ctx)
		return -ENOMEM;
	s->provider = OSSL_PROVIDER_load(s->ctx, name);
	if (s->provider && strcmp(name, "default")) {
		s->beside = OSSL_PROVIDER_load(s->ctx, "default");
		snprintf(s->propq, sizeof(s->propq), "?provider=%.40s", name);
		EVP_set_default_properties(s->ctx, s->propq);
	}
	if (s->provider && (s->beside || !s->propq[0]))
		return 0;
	snprintf(what, sizeof(what),
		 "provider %.40s can't be loaded (OPENSSL_MODULES?)", name);
	bench_errors(what);
	bench_side_close(s);
	return -ENOENT;
}

void bench_side_close(struct bench_side *s)
{
	OSSL_PROVIDER_unload(s->provider);
	OSSL_PROVIDER_unload(s->beside);
	OSSL_LIB_CTX_free(s->ctx);
	*s = (struct bench_side){ 0 };
}

void bench_served(struct bench_op *op, const OSSL_PROVIDER *p)
{
	snprintf(op->served, sizeof(op->served), "%s",
		 p ? OSSL_PROVIDER_get0_name(p) : "?");
}

/* ---- keys ----------------------------------------------------------------------- */

static struct {
	char name[BENCH_NAME_MAX];
	EVP_PKEY *key;
} keys[KEYS_MAX];

static EVP_PKEY *key_make(const struct bench_op *op, struct bench_side *ref)
{
	const struct bench_row *r = &op->row;

	if (!strcmp(r->alg, "RSA"))
		return EVP_PKEY_Q_keygen(ref->ctx, NULL, "RSA",
					 (size_t)r->bits);
	if (!strcmp(r->alg, "EC"))
		return EVP_PKEY_Q_keygen(ref->ctx, NULL, "EC", r->group);
	if (!strcmp(r->alg, "DH")) {
		EVP_PKEY_CTX *c =
			EVP_PKEY_CTX_new_from_name(ref->ctx, "DH", NULL);
		EVP_PKEY *key = NULL;

		if (c && EVP_PKEY_keygen_init(c) > 0 &&
		    EVP_PKEY_CTX_set_group_name(c, r->group) > 0)
			EVP_PKEY_generate(c, &key);
		EVP_PKEY_CTX_free(c);
		return key;
	}
	return EVP_PKEY_Q_keygen(ref->ctx, NULL, r->alg);
}

/* @which: two keys of a kind, for an exchange. */
static EVP_PKEY *key_get(const struct bench_op *op, struct bench_side *ref,
			 int which)
{
	char name[BENCH_NAME_MAX];
	size_t i;

	snprintf(name, sizeof(name), "%s %s %u %d", op->row.alg,
		 op->row.group ? op->row.group : "", op->row.bits, which);
	for (i = 0; i < KEYS_MAX && keys[i].key; i++)
		if (!strcmp(keys[i].name, name))
			return keys[i].key;
	if (i == KEYS_MAX)
		return NULL;
	keys[i].key = key_make(op, ref);
	snprintf(keys[i].name, sizeof(keys[i].name), "%s", name);
	return keys[i].key;
}

bool bench_op_keys(struct bench_op *op, struct bench_side *ref)
{
	op->ref = ref;
	if (sized(op->row.family))
		return true;
	op->ref_key = key_get(op, ref, 0);
	if (op->row.family == &bench_derive || op->row.family == &bench_keygen)
		op->ref_peer = key_get(op, ref, 1);
	else
		return op->ref_key;
	return op->ref_key && op->ref_peer;
}

EVP_PKEY *bench_key_copy(EVP_PKEY *key, struct bench_side *to)
{
	OSSL_PARAM *params = NULL;
	EVP_PKEY *out = NULL;
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(
		to->ctx, EVP_PKEY_get0_type_name(key), NULL);

	if (!c || !EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params) ||
	    EVP_PKEY_fromdata_init(c) <= 0 ||
	    EVP_PKEY_fromdata(c, &out, EVP_PKEY_KEYPAIR, params) <= 0)
		out = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(c);
	return out;
}

/* ---- one operation ---------------------------------------------------------------- */

bool bench_op_prepare(struct bench_op *op, struct bench_side *side)
{
	op->side = side;
	if (op->ref_key) {
		op->key = bench_key_copy(op->ref_key, side);
		if (!op->key)
			return false;
	}
	if (op->ref_peer) {
		op->peer = bench_key_copy(op->ref_peer, side);
		if (!op->peer)
			return false;
	}
	return op->row.family->prepare(op) > 0;
}

void bench_op_free(struct bench_op *op)
{
	if (op->row.family->release)
		op->row.family->release(op);
	EVP_PKEY_free(op->key);
	EVP_PKEY_free(op->peer);
	free(op->in);
	free(op->want);
	free(op->aid);
}

static unsigned int slots_of(const struct bench_op *op)
{
	unsigned int n = op->row.family->slots;

	if (n)
		return n;
	n = (unsigned int)(SLOTS_BYTES / op->out_size);
	return n < 1 ? 1 : n > SLOTS_MAX ? SLOTS_MAX : n;
}

static void state_close(void *state)
{
	struct bench_state *s = state;
	unsigned int n = slots_of(s->op);

	if (s->op->row.family->close)
		s->op->row.family->close(s);
	EVP_PKEY_CTX_free(s->pkey);
	EVP_PKEY_CTX_free(s->judge);
	EVP_CIPHER_CTX_free(s->cipher);
	EVP_MD_CTX_free(s->md);
	EVP_MAC_CTX_free(s->mac);
	for (unsigned int i = 0; s->made && i < n; i++)
		EVP_PKEY_free(s->made[i]);
	free(s->made);
	free(s->out);
	free(s->out_len);
	free(s);
}

static void *state_open(void *arg)
{
	struct bench_op *op = arg;
	struct bench_state *s = calloc(1, sizeof(*s));
	unsigned int n = slots_of(op);

	if (!s)
		return NULL;
	s->op = op;
	s->out = calloc(n, op->out_size);
	s->out_len = calloc(n, sizeof(*s->out_len));
	s->made = calloc(n, sizeof(EVP_PKEY *));
	if (s->out && s->out_len && s->made && op->row.family->open(s) > 0)
		return s;
	bench_errors(op->name);
	state_close(s);
	return NULL;
}

/* Cleared: right, and not what the last run left there. */
int bench_same(void *state, unsigned int slot)
{
	struct bench_state *s = state;
	const struct bench_op *op = s->op;
	uint8_t *out = bench_slot(s, slot);
	int ok = s->out_len[slot] == op->want_len &&
		 !memcmp(out, op->want, op->want_len);

	memset(out, 0, op->out_size);
	return ok;
}

void bench_op_work(struct bench_op *op, struct bench_work *work)
{
	*work = (struct bench_work){
		.arg = op,
		.slots = slots_of(op),
		.open = state_open,
		.close = state_close,
		.run = op->row.family->run,
		.check = op->row.family->check,
	};
}

static size_t heap_in_use(void)
{
#if __GLIBC_PREREQ(2, 33)
	struct mallinfo2 m = mallinfo2();
#else
	struct mallinfo m = mallinfo(); /* up to 2 GiB */
#endif
	return (size_t)m.uordblks + (size_t)m.hblkhd;
}

double bench_op_context_bytes(struct bench_op *op, unsigned int n)
{
	struct bench_state *s = calloc(n, sizeof(*s));
	uint8_t *out = calloc(1, op->out_size);
	size_t out_len, before = heap_in_use();
	double bytes = -1;
	bool ok = s && out && sized(op->row.family);

	for (unsigned int i = 0; ok && i < n; i++) {
		s[i] = (struct bench_state){ op, .out = out,
					     .out_len = &out_len };
		ok = op->row.family->open(&s[i]) > 0 &&
		     op->row.family->run(&s[i], 0) > 0;
	}
	/* A sanitizer's heap tells nothing. */
	if (ok && heap_in_use() > before)
		bytes = (double)(heap_in_use() - before) / n;
	for (unsigned int i = 0; s && i < n; i++) {
		if (op->row.family->close)
			op->row.family->close(&s[i]);
		EVP_CIPHER_CTX_free(s[i].cipher);
		EVP_MD_CTX_free(s[i].md);
		EVP_MAC_CTX_free(s[i].mac);
	}
	free(out);
	free(s);
	return bytes;
}
