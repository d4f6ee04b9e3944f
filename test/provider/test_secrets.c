/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What wd leaves behind in memory: nothing.  After an operation, and after an
 * ASYNC job that was dropped at any of its pauses, no plaintext and no key is
 * found anywhere in the process.
 *
 * A dropped job's fibre is leaked by libcrypto with all that is on its stack,
 * for good; so nothing secret may lie there during a pause.
 */
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "test/provider/job_drop.h"
#include "test/provider/memory_scan.h"
#include "test/provider/rsa_side.h"
#include "test/t.h"

#define SIZE	 256
#define MESSAGE	 16384
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static const char *const devices[] = {
	"emu:latency_us=2000",
	"emu:nosva,latency_us=2000",
	"emu:kunpeng920,latency_us=2000",
};

struct task {
	const struct side *side;
	EVP_PKEY *key;
	int pad; /* of RSA */
	const char *cipher;
	bool encrypt;
	/* The application's own: it wipes them itself. */
	uint8_t in[MESSAGE], out[MESSAGE + 64], secret[32];
	size_t in_len, out_len;
	uint8_t tag[16];
};

static uint64_t seed = 0x9e3779b97f4a7c15u;

static void noise(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		p[i] = (uint8_t)(seed >> 32);
	}
}

static void forget(struct task *t)
{
	OPENSSL_cleanse(t->in, sizeof(t->in));
	OPENSSL_cleanse(t->out, sizeof(t->out));
	OPENSSL_cleanse(t->secret, sizeof(t->secret));
}

/* ---- operations ---------------------------------------------------------- */

/* As made before the job, so that it can be freed when the job is dropped. */
static EVP_PKEY_CTX *rsa_ctx;
static EVP_CIPHER_CTX *cipher_ctx;

static int rsa_run(void *arg)
{
	struct task *t = arg;

	t->out_len = SIZE;
	return (t->encrypt ? EVP_PKEY_encrypt : EVP_PKEY_decrypt)(
		rsa_ctx, t->out, &t->out_len, t->in, t->in_len);
}

static void rsa_begin(struct task *t, const struct side *s)
{
	rsa_ctx = side_ctx(s, t->key);
	T_OK((t->encrypt ? EVP_PKEY_encrypt_init
			 : EVP_PKEY_decrypt_init)(rsa_ctx) > 0);
	T_OK(EVP_PKEY_CTX_set_rsa_padding(rsa_ctx, t->pad) > 0);
}

static int cipher_run(void *arg)
{
	struct task *t = arg;
	int n;

	return EVP_CipherUpdate(cipher_ctx, t->out, &n, t->in, MESSAGE);
}

static void cipher_begin(struct task *t, const struct side *s)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(s->lib, t->cipher, s->q);
	static const uint8_t iv[16] = { 3 };

	T_OK(c);
	cipher_ctx = EVP_CIPHER_CTX_new();
	T_EQ(EVP_CipherInit_ex2(cipher_ctx, c, t->secret, iv, t->encrypt, NULL),
	     1);
	EVP_CIPHER_CTX_set_padding(cipher_ctx, 0);
	EVP_CIPHER_free(c);
}

static void end(void)
{
	EVP_PKEY_CTX_free(rsa_ctx);
	EVP_CIPHER_CTX_free(cipher_ctx);
	rsa_ctx = NULL;
	cipher_ctx = NULL;
}

/* Drop only when the device has the second descriptor of the job, the check. */
static struct side *until_check;

static void check_is_out(void)
{
	while (until_check && !side_count(until_check, "rsa-public", "jobs"))
		usleep(100);
}

static int paused(int (*run)(void *arg), struct task *t, int drop_at)
{
	return job_paused(run, t, drop_at, check_is_out);
}

/* ---- RSA ----------------------------------------------------------------- */

static const struct side *def;
static EVP_PKEY *keys; /* for all cases but that of its end */

static void start(void)
{
	if (def)
		return;
	def = side_default();
	keys = side_make(def, "RSA", "bits=2048");
	T_OK(keys);
}

/* The default provider seals 48 bytes, as TLS does; they are then forgotten. */
static void rsa_sealed(struct task *t, int pad, struct needle *n)
{
	uint8_t plain[SIZE] = { 0 };
	size_t len = pad == RSA_NO_PADDING ? SIZE : 48;

	noise(plain + 1, SIZE - 1);
	needle_take(n, plain + 16);
	t->pad = pad;
	t->encrypt = true;
	rsa_begin(t, def);
	t->in_len = SIZE;
	T_OK(EVP_PKEY_encrypt(rsa_ctx, t->in, &t->in_len, plain, len) > 0);
	t->encrypt = false;
	end();
	OPENSSL_cleanse(plain, sizeof(plain));
}

static const int pads[] = { RSA_NO_PADDING, RSA_PKCS1_PADDING,
			    RSA_PKCS1_OAEP_PADDING };

/* No one else's remains may be taken for ours: asked before each run. */
static void rsa_decrypts(const char *device, int pad, int drop_at,
			 bool at_check)
{
	struct side *s = side_wd(device, "no", false);
	struct task t = { .side = s, .key = keys };
	struct needle plain;

	rsa_sealed(&t, pad, &plain);
	t.key = side_take(s, keys, EVP_PKEY_KEYPAIR);
	T_EQ(needle_count(&plain), 0);

	rsa_begin(&t, s);
	until_check = at_check ? s : NULL;
	if (drop_at < 0) {
		T_EQ(rsa_run(&t), 1);
	} else {
		int pauses = paused(rsa_run, &t, drop_at);

		T_OK(pauses >= (drop_at ? drop_at : 1));
	}
	if (drop_at <= 0)
		T_OK(needle_count(&plain) > 0); /* else nothing is proved */
	until_check = NULL;
	end();
	forget(&t);
	if (!needle_goes(&plain))
		t_fail(__FILE__, __LINE__, "%s, padding %d, dropped at %d: %u",
		       device, pad, drop_at, needle_count(&plain));
	EVP_PKEY_free(t.key);
	side_free(s);
}

static void each_decryption(int drop_at, bool at_check)
{
	start();
	for (size_t d = 0; d < ARRAY(devices); d++)
		for (size_t i = 0; i < ARRAY(pads); i++)
			rsa_decrypts(devices[d], pads[i], drop_at, at_check);
}

static void a_decryption_leaves_no_plaintext(void)
{
	each_decryption(-1, false);
	each_decryption(0, false);
}

static void one_dropped_at_the_device_leaves_no_plaintext(void)
{
	each_decryption(1, false);
}

static void one_dropped_during_the_check_leaves_no_plaintext(void)
{
	each_decryption(1, true);
}

static void a_dropped_encryption_leaves_no_plaintext(void)
{
	start();
	for (size_t d = 0; d < ARRAY(devices); d++) {
		for (size_t i = 0; i < ARRAY(pads); i++) {
			struct side *s = side_wd(devices[d], "no", false);
			struct task t = { .side = s,
					  .pad = pads[i],
					  .encrypt = true,
					  .in_len = pads[i] == RSA_NO_PADDING
							    ? SIZE
							    : 48 };
			struct needle plain;

			noise(t.in + 1, SIZE - 1);
			needle_take(&plain, t.in + 16);
			t.key = side_take(s, keys, EVP_PKEY_KEYPAIR);
			rsa_begin(&t, s);
			T_EQ(paused(rsa_run, &t, 1), 1);
			T_OK(needle_count(&plain) > 0);
			end();
			forget(&t);
			if (!needle_goes(&plain))
				t_fail(__FILE__, __LINE__, "%s, padding %d: %u",
				       devices[d], pads[i],
				       needle_count(&plain));
			EVP_PKEY_free(t.key);
			side_free(s);
		}
	}
}

/* Big-endian, as the engine takes it: libcrypto's numbers are not. */
static void take_prime(const EVP_PKEY *key, struct needle *n)
{
	uint8_t bytes[SIZE];
	BIGNUM *p = NULL;

	T_EQ(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR1, &p), 1);
	BN_bn2binpad(p, bytes, SIZE / 2);
	needle_take(n, bytes + 16);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	BN_clear_free(p);
}

static void a_key_that_is_freed_is_gone(void)
{
	start();
	for (size_t d = 0; d < ARRAY(devices); d++) {
		struct side *s = side_wd(devices[d], "no", false);
		struct task t = { .side = s };
		EVP_PKEY *key = side_make(def, "RSA", "bits=2048");
		struct needle prime, plain;

		t.key = key;
		rsa_sealed(&t, RSA_NO_PADDING, &plain);
		t.key = side_take(s, key, EVP_PKEY_KEYPAIR);
		take_prime(key, &prime);
		EVP_PKEY_free(key);
		rsa_begin(&t, s);
		T_EQ(rsa_run(&t), 1);
		T_OK(paused(rsa_run, &t, 1) == 1);
		T_OK(needle_count(&prime) > 0);
		end();
		EVP_PKEY_free(t.key);
		forget(&t);
		if (!needle_goes(&prime))
			t_fail(__FILE__, __LINE__, "%s: %u", devices[d],
			       needle_count(&prime));
		side_free(s);
	}
}

/* ---- ciphers ------------------------------------------------------------- */

struct row {
	const char *cipher;
	bool encrypt;
	int drop_at; /* -1: no ASYNC job, 0: not dropped */
};

static void cipher_leaves_nothing(const char *device, const struct row *row)
{
	struct side *s = side_wd(device, "no", false);
	struct task t = { .side = s,
			  .cipher = row->cipher,
			  .encrypt = row->encrypt };
	struct needle first, last, key;

	noise(t.in, sizeof(t.in));
	noise(t.secret, sizeof(t.secret));
	needle_take(&first, t.in + 32);
	needle_take(&last, t.in + MESSAGE - 16);
	needle_take(&key, t.secret);
	cipher_begin(&t, s);
	if (row->drop_at < 0)
		T_EQ(cipher_run(&t), 1);
	else
		T_OK(paused(cipher_run, &t, row->drop_at) > 0);
	T_OK(needle_count(&first) && needle_count(&key));
	end();
	forget(&t);
	if (!needle_goes(&first) || !needle_goes(&last) || !needle_goes(&key))
		t_fail(__FILE__, __LINE__,
		       "%s, %s, dropped at %d: first block %u, last %u, key %u",
		       device, row->cipher, row->drop_at, needle_count(&first),
		       needle_count(&last), needle_count(&key));
	side_free(s);
}

static void ciphers_leave_neither_plaintext_nor_key(void)
{
	static const struct row rows[] = {
		{ "AES-256-CBC", true, -1 }, { "AES-256-CBC", true, 0 },
		{ "AES-256-CBC", true, 1 },  { "SM4-CBC", true, 0 },
		{ "SM4-CBC", true, 1 },	     { "AES-128-GCM", true, -1 },
		{ "AES-128-GCM", true, 0 },  { "AES-128-GCM", true, 1 },
	};

	for (size_t d = 0; d < ARRAY(devices); d++)
		for (size_t i = 0; i < ARRAY(rows); i++)
			cipher_leaves_nothing(devices[d], &rows[i]);
}

/* ---- digests ------------------------------------------------------------- */

/* In pieces: what waits for its block is copied, by us or by the twin. */
static int digest_run(struct task *t)
{
	EVP_MD *md = EVP_MD_fetch(t->side->lib, t->cipher, t->side->q);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t out[EVP_MAX_MD_SIZE];
	size_t at = 0, n = t->in_len;
	int ok = EVP_DigestInit_ex2(c, md, NULL);

	for (; ok && at < n; at += 50)
		ok = EVP_DigestUpdate(c, t->in + at, n - at < 50 ? n - at : 50);
	ok = ok && EVP_DigestFinal_ex(c, out, NULL);
	EVP_MD_CTX_free(c);
	EVP_MD_free(md);
	return ok;
}

static void a_digest_that_is_kept_for_the_next_holds_nothing(void)
{
	static const char *const names[] = { "MD5", "SHA1", "SHA2-256",
					     "SHA2-512", "SM3" };

	for (size_t d = 0; d < ARRAY(devices); d++)
		for (size_t i = 0; i < ARRAY(names); i++)
			for (size_t len = 32; len <= 1120; len += 1088) {
				struct side *s =
					side_wd(devices[d], "no", false);
				struct task t = { .side = s,
						  .cipher = names[i],
						  .in_len = len };
				struct needle first, last;

				noise(t.in, sizeof(t.in));
				needle_take(&first, t.in + 2);
				needle_take(&last, t.in + len - 18);
				T_EQ(digest_run(&t), 1);
				forget(&t);
				if (!needle_goes(&first) || !needle_goes(&last))
					t_fail(__FILE__, __LINE__,
					       "%s, %s of %zu: %u, %u",
					       devices[d], names[i], len,
					       needle_count(&first),
					       needle_count(&last));
				side_free(s);
			}
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(a_decryption_leaves_no_plaintext),
		T_CASE(one_dropped_at_the_device_leaves_no_plaintext),
		T_CASE(one_dropped_during_the_check_leaves_no_plaintext),
		T_CASE(a_dropped_encryption_leaves_no_plaintext),
		T_CASE(a_key_that_is_freed_is_gone),
		T_CASE(ciphers_leave_neither_plaintext_nor_key),
		T_CASE(a_digest_that_is_kept_for_the_next_holds_nothing),
	};

	setenv("WD_MIN_BYTES", "0", 1);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	t_skip("sanitizers map more memory than can be looked through");
#endif
	return t_main(cases, ARRAY(cases), argc, argv);
}
