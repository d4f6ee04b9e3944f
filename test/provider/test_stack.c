/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of an ASYNC job's stack an operation uses.  libcrypto's fibres have
 * 32 KiB, for the application's frames and all below.
 *
 * The job paints the stack below its own frame, calls EVP, and looks how far
 * down the paint is gone: from the application's call on, libcrypto's frames
 * included, above wd (the way from EVP to it) and below (its random generator,
 * digests).  How much of that is the way there is found in a run of its own:
 * wd asks libcrypto for the current job, and this program's
 * ASYNC_get_current_job() walks back to the first frame that isn't wd's.
 *
 * Each operation is done in the first job there is with this device, in a later
 * one, and the same in another thread.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <unwind.h>

#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "base/wd_base.h"
#include "test/t.h"

#define STACK_MAY 4096
/* Painted below the job's first frame; 32 KiB are all there is. */
#define PAINTED	  24576
#define PAINT	  0x5a
#define INPUT	  16384

struct work;

struct row {
	const char *name, *type;
	bool (*set_up)(struct work *w);
	bool (*run)(struct work *w);
};

struct work {
	const struct row *row;
	OSSL_LIB_CTX *lib;
	EVP_PKEY *key;
	EVP_PKEY_CTX *ctx;
	EVP_CIPHER_CTX *cipher;
	EVP_MD_CTX *md;
	EVP_MAC_CTX *mac;
	unsigned char *in, *out, *sig; /* INPUT each, and some */
	size_t in_len, sig_len;
	bool find_way, ok;
	size_t used, first, later, way;
};

/* ---- the way to wd --------------------------------------------------------- */

static _Thread_local const char *job_top, *wd_top;
static _Thread_local bool find_way;

struct walk {
	bool in_wd;
	const char *caller; /* its stack pointer when it called wd */
};

static _Unwind_Reason_Code one_frame(struct _Unwind_Context *c, void *arg)
{
	struct walk *w = arg;
	Dl_info at;

	if (!dladdr((void *)_Unwind_GetIP(c), &at) || !at.dli_fname)
		return _URC_END_OF_STACK;
	if (strstr(at.dli_fname, "/wd.so")) {
		w->in_wd = true;
		return _URC_NO_REASON;
	}
	if (!w->in_wd)
		return _URC_NO_REASON;
	w->caller = (const char *)_Unwind_GetCFA(c);
	return _URC_END_OF_STACK;
}

/* In place of libcrypto's, for wd too. */
__attribute__((visibility("default"))) ASYNC_JOB *ASYNC_get_current_job(void)
{
	static ASYNC_JOB *(*real)(void);
	struct walk w = { false, NULL };

	if (!real)
		real = (ASYNC_JOB * (*)(void))
			dlsym(RTLD_NEXT, "ASYNC_get_current_job");
	if (find_way && job_top) {
		_Unwind_Backtrace(one_frame, &w);
		if (w.caller > wd_top)
			wd_top = w.caller;
	}
	return real();
}

/* ---- operations ------------------------------------------------------------ */

static bool pkey(struct work *w)
{
	w->ctx = EVP_PKEY_CTX_new_from_pkey(w->lib, w->key, "provider=wd");
	return w->ctx;
}

static bool sign(struct work *w)
{
	w->sig_len = INPUT;
	return EVP_PKEY_sign(w->ctx, w->sig, &w->sig_len, w->in, 32) > 0;
}

static bool of_a_digest(struct work *w)
{
	const EVP_MD *md =
		strcmp(w->row->type, "SM2") ? EVP_sha256() : EVP_sm3();

	return EVP_PKEY_CTX_set_signature_md(w->ctx, md) > 0;
}

static bool to_sign(struct work *w)
{
	return pkey(w) && EVP_PKEY_sign_init(w->ctx) > 0 && of_a_digest(w);
}

static bool to_sign_pss(struct work *w)
{
	return to_sign(w) &&
	       EVP_PKEY_CTX_set_rsa_padding(w->ctx, RSA_PKCS1_PSS_PADDING) > 0;
}

static bool verify(struct work *w)
{
	return EVP_PKEY_verify(w->ctx, w->sig, w->sig_len, w->in, 32) > 0;
}

static bool to_verify(struct work *w)
{
	bool ok = to_sign(w) && sign(w);

	EVP_PKEY_CTX_free(w->ctx);
	return ok && pkey(w) && EVP_PKEY_verify_init(w->ctx) > 0 &&
	       of_a_digest(w);
}

static bool encrypt(struct work *w)
{
	w->sig_len = INPUT;
	return EVP_PKEY_encrypt(w->ctx, w->sig, &w->sig_len, w->in, 32) > 0;
}

static bool to_encrypt(struct work *w)
{
	return pkey(w) && EVP_PKEY_encrypt_init(w->ctx) > 0;
}

static bool decrypt(struct work *w)
{
	size_t len = INPUT;

	return EVP_PKEY_decrypt(w->ctx, w->out, &len, w->sig, w->sig_len) > 0;
}

static bool to_decrypt(struct work *w)
{
	bool ok = to_encrypt(w) && encrypt(w);

	EVP_PKEY_CTX_free(w->ctx);
	return ok && pkey(w) && EVP_PKEY_decrypt_init(w->ctx) > 0;
}

static bool derive(struct work *w)
{
	size_t len = INPUT;

	return EVP_PKEY_derive(w->ctx, w->out, &len) > 0;
}

static bool to_derive(struct work *w)
{
	return pkey(w) && EVP_PKEY_derive_init(w->ctx) > 0 &&
	       EVP_PKEY_derive_set_peer(w->ctx, w->key) > 0;
}

static bool generate(struct work *w)
{
	EVP_PKEY *key = NULL;
	bool ok = EVP_PKEY_generate(w->ctx, &key) > 0;

	EVP_PKEY_free(key);
	return ok;
}

static bool to_generate(struct work *w)
{
	return pkey(w) && EVP_PKEY_keygen_init(w->ctx) > 0;
}

static bool seal(struct work *w)
{
	unsigned char tag[16];
	int n;

	return EVP_EncryptInit_ex2(w->cipher, NULL, NULL, w->in, NULL) > 0 &&
	       EVP_EncryptUpdate(w->cipher, w->out, &n, w->in, INPUT) > 0 &&
	       EVP_EncryptFinal_ex(w->cipher, w->out, &n) > 0 &&
	       EVP_CIPHER_CTX_ctrl(w->cipher, EVP_CTRL_AEAD_GET_TAG, 16, tag) >
		       0;
}

static bool seal_ccm(struct work *w)
{
	int n;

	return EVP_EncryptInit_ex2(w->cipher, NULL, NULL, w->in, NULL) > 0 &&
	       EVP_EncryptUpdate(w->cipher, NULL, &n, NULL, INPUT) > 0 &&
	       EVP_EncryptUpdate(w->cipher, w->out, &n, w->in, INPUT) > 0;
}

static bool encipher(struct work *w)
{
	int n;

	return EVP_EncryptInit_ex2(w->cipher, NULL, NULL, w->in, NULL) > 0 &&
	       EVP_EncryptUpdate(w->cipher, w->out, &n, w->in, INPUT) > 0;
}

static bool to_encipher(struct work *w)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(w->lib, w->row->type, "provider=wd");
	bool ok;

	w->cipher = EVP_CIPHER_CTX_new();
	ok = c && EVP_EncryptInit_ex2(w->cipher, c, w->in, w->in, NULL) > 0;
	EVP_CIPHER_free(c);
	return ok;
}

/* ---- pipelines: functions of 3.5, which the headers may not have */

#define PIPES 32

typedef int pipe_init_fn(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *c,
			 const unsigned char *key, size_t key_len, size_t n,
			 const unsigned char **iv, size_t iv_len);
typedef int pipe_update_fn(EVP_CIPHER_CTX *ctx, unsigned char **out,
			   size_t *out_len, const size_t *out_size,
			   const unsigned char **in, const size_t *in_len);

/* The application's, and not what is measured. */
static struct {
	const unsigned char *in[PIPES];
	unsigned char *out[PIPES];
	size_t len[PIPES], out_len[PIPES];
} pipes;

/* With the cipher NULL: once more. */
static bool pipes_init(struct work *w, const EVP_CIPHER *c)
{
	pipe_init_fn *init;

	*(void **)&init = dlsym(RTLD_DEFAULT, "EVP_CipherPipelineEncryptInit");
	return init && init(w->cipher, c, w->in, 32, PIPES, pipes.in, 12) > 0;
}

static bool seal_pipes(struct work *w)
{
	pipe_update_fn *update;

	*(void **)&update = dlsym(RTLD_DEFAULT, "EVP_CipherPipelineUpdate");
	if (!update) /* before 3.5: one message */
		return seal(w);
	return pipes_init(w, NULL) &&
	       update(w->cipher, pipes.out, pipes.out_len, pipes.len, pipes.in,
		      pipes.len) > 0;
}

static bool to_seal_pipes(struct work *w)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(w->lib, w->row->type, "provider=wd");
	bool ok;

	for (size_t i = 0; i < PIPES; i++) {
		pipes.len[i] = INPUT / PIPES;
		pipes.in[i] = w->in + i * (INPUT / PIPES);
		pipes.out[i] = w->out + i * (INPUT / PIPES);
	}
	w->cipher = EVP_CIPHER_CTX_new();
	ok = c && pipes_init(w, c);
	EVP_CIPHER_free(c);
	if (ok)
		return true;
	EVP_CIPHER_CTX_free(w->cipher);
	return to_encipher(w);
}

static bool digest(struct work *w)
{
	unsigned int n;

	return EVP_DigestInit_ex2(w->md, NULL, NULL) > 0 &&
	       EVP_DigestUpdate(w->md, w->in, INPUT) > 0 &&
	       EVP_DigestFinal_ex(w->md, w->out, &n) > 0;
}

static bool to_digest(struct work *w)
{
	EVP_MD *m = EVP_MD_fetch(w->lib, w->row->type, "provider=wd");
	bool ok;

	w->md = EVP_MD_CTX_new();
	ok = m && EVP_DigestInit_ex2(w->md, m, NULL) > 0;
	EVP_MD_free(m);
	return ok;
}

static bool mac(struct work *w)
{
	size_t n;

	return EVP_MAC_init(w->mac, NULL, 0, NULL) > 0 &&
	       EVP_MAC_update(w->mac, w->in, INPUT) > 0 &&
	       EVP_MAC_final(w->mac, w->out, &n, INPUT) > 0;
}

static bool to_mac(struct work *w)
{
	bool hmac = !strcmp(w->row->type, "HMAC");
	EVP_MAC *m = EVP_MAC_fetch(w->lib, w->row->type, "provider=wd");
	OSSL_PARAM how[] = {
		OSSL_PARAM_construct_utf8_string(
			hmac ? OSSL_MAC_PARAM_DIGEST : OSSL_MAC_PARAM_CIPHER,
			hmac ? (char[]){ "SHA256" } : (char[]){ "AES-128-CBC" },
			0),
		OSSL_PARAM_construct_end(),
	};
	bool ok;

	w->mac = EVP_MAC_CTX_new(m);
	ok = w->mac && EVP_MAC_init(w->mac, w->in, 16, how) > 0;
	EVP_MAC_free(m);
	return ok;
}

static const struct row rows[] = {
	{ "RSA signature", "RSA", to_sign, sign },
	{ "RSA-PSS signature", "RSA", to_sign_pss, sign },
	{ "RSA verification", "RSA", to_verify, verify },
	{ "RSA encryption", "RSA", to_encrypt, encrypt },
	{ "RSA decryption", "RSA", to_decrypt, decrypt },
	{ "ECDSA signature", "P-384", to_sign, sign },
	{ "ECDSA verification", "P-384", to_verify, verify },
	{ "ECDH", "P-384", to_derive, derive },
	{ "EC key", "P-384", to_generate, generate },
	{ "SM2 signature", "SM2", to_sign, sign },
	{ "SM2 verification", "SM2", to_verify, verify },
	{ "SM2 encryption", "SM2", to_encrypt, encrypt },
	{ "SM2 decryption", "SM2", to_decrypt, decrypt },
	{ "X25519", "X25519", to_derive, derive },
	{ "X25519 key", "X25519", to_generate, generate },
	{ "X448", "X448", to_derive, derive },
	{ "DH", "DH", to_derive, derive },
	{ "DH key", "DH", to_generate, generate },
	{ "AES-256-GCM", "AES-256-GCM", to_encipher, seal },
	{ "GCM, 32 pipes", "AES-256-GCM", to_seal_pipes, seal_pipes },
	{ "AES-256-CCM", "AES-256-CCM", to_encipher, seal_ccm },
	{ "AES-256-CBC", "AES-256-CBC", to_encipher, encipher },
	{ "AES-256-XTS", "AES-256-XTS", to_encipher, encipher },
	{ "SM4-CBC", "SM4-CBC", to_encipher, encipher },
	{ "SM4-CTR", "SM4-CTR", to_encipher, encipher },
	{ "SHA-256", "SHA2-256", to_digest, digest },
	{ "SM3", "SM3", to_digest, digest },
	{ "HMAC", "HMAC", to_mac, mac },
	{ "CMAC", "CMAC", to_mac, mac },
};

/* ---- painting ---------------------------------------------------------------- */

/* Not memset(): its frame, and this one, would be painted over. */
__attribute__((noinline)) static void paint(volatile unsigned char *low)
{
	volatile unsigned char *high = __builtin_frame_address(0);

	for (high -= 256; low < high; low++)
		*low = PAINT;
}

static int job(void *arg)
{
	struct work *w = *(struct work **)arg;
	const char *top = __builtin_frame_address(0);
	unsigned char *low = (unsigned char *)top - PAINTED;
	size_t left = 0;
	bool ok;

	paint(low);
	find_way = w->find_way;
	job_top = top;
	wd_top = NULL;
	ok = w->row->run(w);
	while (left < PAINTED && low[left] == PAINT)
		left++;
	w->used = PAINTED - left;
	if (find_way)
		w->way = wd_top ? (size_t)(top - wd_top) : 0;
	find_way = false;
	job_top = NULL;
	return ok;
}

static bool in_a_job(struct work *w, size_t *used)
{
	ASYNC_WAIT_CTX *wait = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *j = NULL;
	int ok = 0, rc;

	do
		rc = ASYNC_start_job(&j, wait, &ok, job, &w, sizeof(w));
	while (rc == ASYNC_PAUSE);
	ASYNC_WAIT_CTX_free(wait);
	*used = w->used;
	return rc == ASYNC_FINISH && ok;
}

/* ---- a row --------------------------------------------------------------------- */

struct run {
	OSSL_LIB_CTX *lib;
	const struct row *row;
	size_t first, later, way; /* the most of all threads */
	bool ok;
};

static void most(size_t *of, size_t n)
{
	*of = *of > n ? *of : n;
}

static EVP_PKEY *key_of(OSSL_LIB_CTX *lib, const char *type)
{
	EVP_PKEY_CTX *c;
	EVP_PKEY *key = NULL;

	if (!strcmp(type, "RSA"))
		return EVP_PKEY_Q_keygen(lib, "provider=wd", "RSA",
					 (size_t)2048);
	if (!strcmp(type, "P-384"))
		return EVP_PKEY_Q_keygen(lib, "provider=wd", "EC", "P-384");
	if (strcmp(type, "DH"))
		return EVP_PKEY_Q_keygen(lib, "provider=wd", type);
	c = EVP_PKEY_CTX_new_from_name(lib, "DH", "provider=wd");
	if (EVP_PKEY_keygen_init(c) > 0 &&
	    EVP_PKEY_CTX_set_group_name(c, "ffdhe4096") > 0)
		EVP_PKEY_generate(c, &key);
	EVP_PKEY_CTX_free(c);
	return key;
}

static bool work_begin(struct work *w)
{
	w->in = malloc(3 * (INPUT + 64));
	for (int i = 0; i < INPUT + 64; i++)
		w->in[i] = (unsigned char)i;
	w->out = w->in + INPUT + 64;
	w->sig = w->out + INPUT + 64;
	if (w->row->set_up != to_encipher && w->row->set_up != to_seal_pipes &&
	    w->row->set_up != to_digest && w->row->set_up != to_mac)
		w->key = key_of(w->lib, w->row->type);
	return w->row->set_up(w);
}

static void work_end(struct work *w)
{
	EVP_PKEY_CTX_free(w->ctx);
	EVP_PKEY_free(w->key);
	EVP_CIPHER_CTX_free(w->cipher);
	EVP_MD_CTX_free(w->md);
	EVP_MAC_CTX_free(w->mac);
	free(w->in);
}

static void *job_thread(void *arg)
{
	struct work *w = arg;
	size_t any;

	w->ok = in_a_job(w, &w->first) && in_a_job(w, &w->later);
	w->find_way = true;
	w->ok = w->ok && in_a_job(w, &any);
	ASYNC_cleanup_thread();
	return NULL;
}

/* Keys and contexts are made elsewhere: a thread's first job is the first wd
 * hears of it. */
static void thread_row(struct run *r)
{
	struct work w = { .row = r->row, .lib = r->lib };
	pthread_t t;

	r->ok = work_begin(&w) && r->ok;
	if (r->ok) {
		T_EQ(pthread_create(&t, NULL, job_thread, &w), 0);
		pthread_join(t, NULL);
	}
	most(&r->first, w.first);
	most(&r->later, w.later);
	most(&r->way, w.way);
	r->ok = r->ok && w.ok;
	work_end(&w);
}

/* Sum of a counter over all kinds. */
static unsigned long counted(OSSL_PROVIDER *wd, const char *name)
{
	static char json[65536];
	OSSL_PARAM q[] = { OSSL_PARAM_construct_utf8_string("wd-stats", json,
							    sizeof(json)),
			   OSSL_PARAM_construct_end() };
	unsigned long sum = 0;
	char key[32];

	snprintf(key, sizeof(key), "\"%s\":", name);
	if (!OSSL_PROVIDER_get_params(wd, q))
		return 0;
	for (char *at = strstr(json, key); at; at = strstr(at + 1, key))
		sum += strtoul(at + strlen(key), NULL, 10);
	return sum;
}

/* Return: is it little enough? */
static bool row_run(const struct row *row)
{
	OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();
	OSSL_PROVIDER *d = OSSL_PROVIDER_load(lib, "default");
	OSSL_PROVIDER *wd = OSSL_PROVIDER_load(lib, "wd");
	struct run r = { .lib = lib, .row = row, .ok = true };

	thread_row(&r);
	thread_row(&r);
	/* All of it by the device. */
	if (counted(wd, "software") || !counted(wd, "done") || !r.way)
		r.ok = false;
	printf("stack: %-20s first job %5zu later %5zu bytes, of them to wd "
	       "%5zu\n",
	       row->name, r.first, r.later, r.way);
	OSSL_PROVIDER_unload(wd);
	OSSL_PROVIDER_unload(d);
	OSSL_LIB_CTX_free(lib);
	return r.ok && r.first < STACK_MAY && r.later < STACK_MAY;
}

static void operations_leave_a_jobs_stack_to_the_application(void)
{
	bool good = true;

	for (size_t i = 0; i < WD_ARRAY_SIZE(rows); i++)
		good = row_run(&rows[i]) && good;
	T_OK(good);
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(operations_leave_a_jobs_stack_to_the_application),
	};

	setenv("WD_DEVICE", "emu", 1);
	setenv("WD_MIN_BYTES", "1", 1);
	return t_main(cases, WD_ARRAY_SIZE(cases), argc, argv);
}
