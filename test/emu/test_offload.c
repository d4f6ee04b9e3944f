/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs on the device model, judged by OpenSSL's default provider.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/wd_base.h"
#include "emu/emu_host.h"
#include "offload/offload_priv.h"
#include "offload/slot.h"
#include "test/fibre.h"
#include "test/t.h"

#define W    256 /* bytes: RSA-2048 */
#define DATA 20000

static struct offload *o;
static struct offload_config cfg;
static EVP_PKEY *pkey;
static uint8_t crt[5 * W / 2], pub[2 * W];
static uint8_t in[W], expected[W];

static void bn(const char *name, uint8_t *to, size_t len)
{
	BIGNUM *n = NULL;

	T_OK(EVP_PKEY_get_bn_param(pkey, name, &n));
	T_EQ(BN_bn2binpad(n, to, (int)len), (long)len);
	BN_free(n);
}

/* A key, and in^d by the default provider. */
static void make_key(void)
{
	uint8_t p[W / 2], q[W / 2], dp[W / 2], dq[W / 2], qi[W / 2], n[W], e[W];
	const struct hpre_rsa_crt parts = {
		{ p, sizeof(p) },   { q, sizeof(q) },	{ dp, sizeof(dp) },
		{ dq, sizeof(dq) }, { qi, sizeof(qi) },
	};
	size_t len = W;
	EVP_PKEY_CTX *c;

	if (pkey)
		return;
	pkey = EVP_RSA_gen(W * 8);
	T_OK(pkey);
	bn(OSSL_PKEY_PARAM_RSA_FACTOR1, p, sizeof(p));
	bn(OSSL_PKEY_PARAM_RSA_FACTOR2, q, sizeof(q));
	bn(OSSL_PKEY_PARAM_RSA_EXPONENT1, dp, sizeof(dp));
	bn(OSSL_PKEY_PARAM_RSA_EXPONENT2, dq, sizeof(dq));
	bn(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qi, sizeof(qi));
	bn(OSSL_PKEY_PARAM_RSA_N, n, sizeof(n));
	bn(OSSL_PKEY_PARAM_RSA_E, e, sizeof(e));
	T_EQ(hpre_key_rsa_crt(crt, W, &parts), 0);
	T_EQ(hpre_key_modexp(pub, W, (struct hpre_num){ e, sizeof(e) },
			     (struct hpre_num){ n, sizeof(n) }),
	     0);
	for (int i = 1; i < W; i++)
		in[i] = (uint8_t)(i * 11);
	c = EVP_PKEY_CTX_new(pkey, NULL);
	T_OK(EVP_PKEY_sign_init(c) > 0);
	T_OK(EVP_PKEY_CTX_set_rsa_padding(c, RSA_NO_PADDING) > 0);
	T_OK(EVP_PKEY_sign(c, expected, &len, in, W) > 0);
	EVP_PKEY_CTX_free(c);
}

static void start(const char *options)
{
	struct uacce_host *host;

	make_key();
	T_EQ(wd_emu_host(&host, options), 0);
	T_EQ(offload_new_on(&o, &cfg, host), 0);
}

static void config(void)
{
	offload_config_init(&cfg);
	memset(cfg.min_bytes, 0, sizeof(cfg.min_bytes));
	cfg.timeout_ms = 20000;
}

static void stop(void)
{
	offload_free(o);
	o = NULL;
}

static int sign(uint8_t *out, struct offload_waiter *w)
{
	struct offload_rsa op = { .kind = OFFLOAD_RSA_PRIVATE,
				  .alg = HPRE_ALG_RSA_CRT,
				  .width = W,
				  .key = crt,
				  .in = in,
				  .out = out };

	return offload_rsa(o, &op, w);
}

static int verify(const uint8_t *sig, uint8_t *out)
{
	struct offload_rsa op = { .kind = OFFLOAD_RSA_PUBLIC,
				  .alg = HPRE_ALG_MODEXP,
				  .width = W,
				  .key = pub,
				  .in = sig,
				  .out = out };

	return offload_rsa(o, &op, NULL);
}

static void rsa_is_right(void)
{
	uint8_t out[W];

	T_EQ(sign(out, NULL), 0);
	T_MEM(out, expected, W);
	T_EQ(verify(out, out), 0); /* over itself */
	T_MEM(out, in, W);
}

/* ---- symmetric ------------------------------------------------------------ */

struct sym {
	enum offload_kind kind;
	enum sec_cipher_alg alg;
	const char *name;
	uint8_t key_len;
};

static const struct sym syms[] = {
	{ OFFLOAD_AES_CBC, SEC_AES_CBC, "AES-128-CBC", 16 },
	{ OFFLOAD_AES_CBC, SEC_AES_CBC, "AES-192-CBC", 24 },
	{ OFFLOAD_AES_CBC, SEC_AES_CBC, "AES-256-CBC", 32 },
	{ OFFLOAD_SM4_CBC, SEC_SM4_CBC, "SM4-CBC", 16 },
	{ OFFLOAD_AES_GCM, SEC_AES_GCM, "AES-128-GCM", 16 },
	{ OFFLOAD_AES_GCM, SEC_AES_GCM, "AES-256-GCM", 32 },
};

static const uint8_t key[32] = "an encryption key of 32 bytes..";
static const uint8_t iv[16] = "sixteen byte iv";
static const uint8_t aad[13] = "TLS 1.2's aad";
static uint8_t plain[DATA], cipher[DATA], tag[16];

static void software(const struct sym *s, uint32_t len)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, s->name, NULL);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	bool gcm = s->alg == SEC_AES_GCM;
	int n, m;

	for (int i = 0; i < DATA; i++)
		plain[i] = (uint8_t)(i * 5);
	T_OK(EVP_EncryptInit_ex2(x, c, key, iv, NULL));
	EVP_CIPHER_CTX_set_padding(x, 0);
	if (gcm)
		T_OK(EVP_EncryptUpdate(x, NULL, &n, aad, sizeof(aad)));
	T_OK(EVP_EncryptUpdate(x, cipher, &n, plain, (int)len));
	T_OK(EVP_EncryptFinal_ex(x, cipher + n, &m));
	if (gcm)
		T_OK(EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_GET_TAG, 16, tag));
	EVP_CIPHER_CTX_free(x);
	EVP_CIPHER_free(c);
}

static struct offload_cipher op_of(const struct sym *s, uint32_t len)
{
	struct offload_cipher op = { .kind = s->kind,
				     .alg = s->alg,
				     .encrypt = true,
				     .key = key,
				     .key_len = s->key_len,
				     .iv = iv,
				     .iv_len = s->alg == SEC_AES_GCM ? 12 : 16,
				     .len = len };

	if (s->alg == SEC_AES_GCM) {
		op.aad = aad;
		op.aad_len = sizeof(aad);
		op.tag_len = 16;
	}
	return op;
}

static void sym_round(const struct sym *s, uint32_t len, bool over_itself)
{
	static uint8_t a[DATA], b[DATA];
	uint8_t mine[16] = { 0 };
	struct offload_cipher op = op_of(s, len);

	software(s, len);
	memcpy(a, plain, len);
	op.in = a;
	op.out = over_itself ? a : b;
	op.tag = mine;
	T_EQ(offload_cipher(o, &op, NULL), 0);
	T_MEM(op.out, cipher, len);
	if (op.tag_len)
		T_MEM(mine, tag, 16);
	op.in = op.out;
	op.encrypt = false;
	T_EQ(offload_cipher(o, &op, NULL), 0);
	T_MEM(op.out, plain, len);
	if (!op.tag_len)
		return;
	mine[15] ^= 1;
	op.in = over_itself ? a : b;
	T_EQ(offload_cipher(o, &op, NULL), -EBADMSG);
}

static void sym_is_right(void)
{
	static const uint32_t sizes[] = { 16, 512, 16384 };

	for (size_t i = 0; i < WD_ARRAY_SIZE(syms); i++)
		for (size_t k = 0; k < WD_ARRAY_SIZE(sizes); k++) {
			sym_round(&syms[i], sizes[k], false);
			sym_round(&syms[i], sizes[k], true);
		}
}

static void digest_is_right(enum offload_kind kind, enum sec_digest_alg alg,
			    const char *name)
{
	uint8_t state[SEC_DIGEST_STATE], want[32];
	struct offload_digest op = { .kind = kind, .alg = alg, .state = state };
	static const struct {
		enum sec_part part;
		uint32_t from, len;
	} piece[] = { { SEC_FIRST, 0, 6400 },
		      { SEC_MIDDLE, 6400, 64 },
		      { SEC_LAST, 6464, 3001 } };

	T_OK(EVP_Q_digest(NULL, name, NULL, plain, 9465, want, NULL));
	op.part = SEC_ONE_SHOT;
	op.in = plain;
	op.len = 9465;
	T_EQ(offload_digest(o, &op, NULL), 0);
	T_MEM(state, want, 32);
	for (int i = 0; i < 3; i++) {
		op.part = piece[i].part;
		op.in = plain + piece[i].from;
		op.len = piece[i].len;
		op.total_bits = 9465 * 8;
		T_EQ(offload_digest(o, &op, NULL), 0);
	}
	T_MEM(state, want, 32);
}

static void everything_is_right(void)
{
	rsa_is_right();
	sym_is_right();
	digest_is_right(OFFLOAD_SM3, SEC_SM3, "SM3");
	digest_is_right(OFFLOAD_SHA256, SEC_SHA256, "SHA256");
}

static void right_on(const char *options)
{
	config();
	start(options);
	everything_is_right();
	stop();
}

static void kunpeng920(void)
{
	right_on("kunpeng920");
}

static void kunpeng930(void)
{
	right_on("kunpeng930");
}

static void in_line(void)
{
	right_on("inline");
}

static void without_sva(void)
{
	right_on("nosva,kunpeng920");
	right_on("nosva,kunpeng930");
}

static void three_devices_of_each(void)
{
	right_on("hpre=3,sec=3,threads=2");
}

/* AES-256-GCM of 16 KiB and back: one descriptor and one doorbell each way,
 * and this many bytes copied. */
static void record_costs(const char *options, bool insist, bool over_itself,
			 uint64_t sealing, uint64_t opening)
{
	struct offload_stats s;
	struct offload_cipher op = op_of(&syms[5], 16384);
	static uint8_t in_out[DATA], out[DATA];
	uint8_t mine[16];

	config();
	cfg.insist = insist;
	start(options);
	software(&syms[5], 16384);
	memcpy(in_out, plain, 16384);
	op.in = in_out;
	op.out = over_itself ? in_out : out;
	op.tag = mine;
	T_EQ(offload_cipher(o, &op, NULL), 0);
	T_MEM(op.out, cipher, 16384);
	T_MEM(mine, tag, 16);
	offload_stats(o, &s);
	T_EQ(s.kind[OFFLOAD_AES_GCM].jobs, 1);
	T_EQ(s.sq_bells, 1);
	T_EQ(s.copied, sealing);
	op.in = op.out;
	op.out = in_out;
	op.encrypt = false;
	T_EQ(offload_cipher(o, &op, NULL), 0);
	T_MEM(in_out, plain, 16384);
	offload_stats(o, &s);
	T_EQ(s.kind[OFFLOAD_AES_GCM].jobs, 2);
	T_EQ(s.sq_bells, 2);
	T_EQ(s.copied, sealing + opening);
	stop();
}

static void a_record_costs_one_descriptor_and_no_copy(void)
{
	record_costs("inline", false, false, 0, 0);
	record_costs("inline,kunpeng920", false, false, 0, 0);
}

static void a_record_over_itself_is_copied_once(void)
{
	record_costs("inline", false, true, 16384, 16384);
	record_costs("inline", true, true, 0, 16384); /* the tag may be wrong */
}

static void a_record_without_sva_is_copied_in_and_out(void)
{
	record_costs("inline,nosva", false, false, 32768, 32768);
	record_costs("inline,nosva", true, true, 32768, 32768);
}

/* ---- threads --------------------------------------------------------------- */

#define THREADS 6

static void *signer(void *arg)
{
	uint8_t out[W];

	for (int i = 0; i < 10; i++) {
		memset(out, 0, W);
		T_EQ(sign(out, NULL), 0);
		T_MEM(out, expected, W);
	}
	return arg;
}

static void threads_beyond_the_queues(void)
{
	pthread_t t[THREADS];
	struct offload_stats s;

	config();
	start("queues=2,threads=2");
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, signer, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	offload_stats(o, &s);
	T_EQ(s.kind[OFFLOAD_RSA_PRIVATE].done, THREADS * 10);
	T_OK(s.lanes <= 2);
	stop();
}

/* ---- paused ---------------------------------------------------------------- */

#define MANY 64
static struct fibre fibre[MANY];
static uint8_t result[MANY][W];

static int sign_on(struct fibre *f)
{
	return sign(f->arg, &f->w);
}

static void paused_jobs_all_come_back(void)
{
	struct offload_stats s;
	int left = MANY;

	config();
	start("latency_us=500");
	for (int i = 0; i < MANY; i++) {
		fibre_init(&fibre[i], false);
		fibre_start(&fibre[i], sign_on, result[i]);
		left -= fibre[i].done;
	}
	while (left) {
		usleep(100);
		for (int i = 0; i < MANY; i++)
			if (!fibre[i].done && fibre[i].woken) {
				fibre_resume(&fibre[i]);
				left -= fibre[i].done;
			}
	}
	for (int i = 0; i < MANY; i++) {
		T_EQ(fibre[i].rc, 0);
		T_MEM(result[i], expected, W);
		while (atomic_load(&fibre[i].pins))
			usleep(10);
		fibre_free(&fibre[i]);
	}
	offload_stats(o, &s);
	T_OK(s.kind[OFFLOAD_RSA_PRIVATE].async > 0);
	T_OK(s.sq_bells <= MANY);
	stop();
}

/* ---- faults ------------------------------------------------------------------ */

static int sign_once(void)
{
	uint8_t out[W];
	int rc;

	memset(out, 0, W);
	rc = sign(out, NULL);
	if (!rc && memcmp(out, expected, W))
		return -EILSEQ;
	return rc;
}

static bool has_failed(void)
{
	return atomic_load(&o->engine[UACCE_HPRE].device[0].health.retry_at);
}

/* Job 3 goes wrong with @rc; the device is back after a rest and a probe. */
static void fault(const char *options, int rc, bool rests)
{
	config();
	start(options);
	T_EQ(sign_once(), 0);
	T_EQ(sign_once(), 0);
	if (rc == -ETIMEDOUT)
		o->cfg.timeout_ms = 50;
	T_EQ(sign_once(), rc);
	o->cfg.timeout_ms = cfg.timeout_ms;
	T_EQ(has_failed(), rests);
	/* A reset takes its time: several probes may be needed. */
	for (int i = 0; rests && i < 30 && sign_once(); i++)
		usleep(100000);
	T_EQ(sign_once(), 0);
	T_OK(offload_choose(o, OFFLOAD_RSA_PRIVATE, W));
	stop();
}

static void late_is_only_late(void)
{
	fault("fault=delay@3:20000", 0, false);
}

static void a_lost_completion_is_a_timeout(void)
{
	fault("fault=drop@3", -ETIMEDOUT, true);
}

static void an_error_status_is_an_error(void)
{
	fault("fault=status@3", -EIO, false);
}

static void a_wrong_result_is_for_the_caller_to_see(void)
{
	fault("fault=wrong@3", -EILSEQ, false);
}

static void a_stopped_queue_is_replaced(void)
{
	fault("fault=stop@3", -EIO, true);
}

static void a_reset_device_comes_back(void)
{
	fault("fault=reset@3", -EIO, true);
}

static void a_device_that_is_gone_is_left_alone(void)
{
	config();
	start("fault=gone@3");
	T_EQ(sign_once(), 0);
	T_EQ(sign_once(), 0);
	T_OK(sign_once() < 0);
	T_OK(has_failed());
	for (int i = 0; i < 3; i++) {
		T_OK(sign_once() < 0);
		usleep(60000);
	}
	stop();
}

static void the_other_device_takes_over(void)
{
	config();
	start("hpre=2,fault=stop@3");
	T_EQ(sign_once(), 0);
	T_EQ(sign_once(), 0);
	T_EQ(sign_once(), -EIO);
	T_OK(offload_choose(o, OFFLOAD_RSA_PRIVATE, W));
	T_EQ(sign_once(), 0);
	stop();
}

T_MAIN(T_CASE(kunpeng920), T_CASE(kunpeng930), T_CASE(in_line),
       T_CASE(without_sva), T_CASE(three_devices_of_each),
       T_CASE(a_record_costs_one_descriptor_and_no_copy),
       T_CASE(a_record_over_itself_is_copied_once),
       T_CASE(a_record_without_sva_is_copied_in_and_out),
       T_CASE(threads_beyond_the_queues), T_CASE(paused_jobs_all_come_back),
       T_CASE(late_is_only_late), T_CASE(a_lost_completion_is_a_timeout),
       T_CASE(an_error_status_is_an_error),
       T_CASE(a_wrong_result_is_for_the_caller_to_see),
       T_CASE(a_stopped_queue_is_replaced), T_CASE(a_reset_device_comes_back),
       T_CASE(a_device_that_is_gone_is_left_alone),
       T_CASE(the_other_device_takes_over))
