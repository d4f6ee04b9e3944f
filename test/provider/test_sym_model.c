/* SPDX-License-Identifier: Apache-2.0 */
/* Ciphers and digests through queues and the model, both generations, with and
 * without shared addressing, with faults, and in ASYNC jobs.  Every result is
 * the default provider's. */
#include <poll.h>
#include <pthread.h>

#include <openssl/async.h>
#include <openssl/err.h>

#include "test/provider/sym.h"

static const char *const ciphers[] = { "AES-128-CBC", "AES-192-CBC",
				       "AES-256-CBC", "SM4-CBC",
				       "AES-128-GCM", "AES-192-GCM",
				       "AES-256-GCM" };
static const char *const kinds[] = { "aes-cbc", "sm4-cbc", "aes-gcm", "sm3",
				     "sha256" };
static const char *const digests[] = { "SM3", "SHA256" };

static const uint8_t key[32] = "a key that is thirty-two bytes.";
static uint8_t in[SYM_MAX + 64], out[SYM_MAX + 64];

static void load_with(const char *device, bool fallback)
{
	setenv("WD_DEVICE", device, 1);
	setenv("WD_MIN_BYTES", "0", 1);
	sym_load(fallback);
	sym_bytes(in, sizeof(in));
}

static void load(const char *device)
{
	load_with(device, true);
}

/* Random pieces both ways; GCM: AAD, tag. */
static void cipher_message(const char *name, int encrypt)
{
	bool gcm = strstr(name, "GCM");
	struct sym_pair p = sym_open(name);
	size_t total = sym_length(SYM_MAX), at = 0, len;
	uint8_t iv[16], tag[16];
	int n;

	sym_bytes(iv, 16);
	sym_init(&p, key, iv, encrypt);
	if (gcm)
		sym_update(&p, NULL, &n, in, (int)sym_random(100));
	for (; at < total; at += len) {
		len = sym_random(3) ? total - at : sym_length(total - at);
		/* In place only where nothing is held: libcrypto's rule. */
		if (sym_random(2) || (at && !gcm)) {
			sym_update(&p, out + sym_random(4), &n, in + at,
				   (int)len);
			continue;
		}
		memcpy(out, in + at, len);
		sym_update(&p, out, &n, out, (int)len);
	}
	sym_final(&p, out, &n);
	if (gcm && encrypt)
		sym_get(&p, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	sym_same_ivs(&p);
	sym_close(&p);
}

/* What one encrypts, both decrypt, tag known before. */
static void gcm_read(void)
{
	static uint8_t ct[SYM_MAX];
	struct sym_pair p = sym_open("AES-256-GCM");
	size_t len = 1 + sym_length(SYM_MAX - 1);
	uint8_t iv[16], tag[16];
	int n;

	sym_bytes(iv, 16);
	sym_init(&p, key, iv, 1);
	sym_update(&p, NULL, &n, in, 13);
	sym_update(&p, out, &n, in, (int)len);
	sym_final(&p, out + len, &n);
	sym_get(&p, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	memcpy(ct, out, len);
	for (int bad = 0; bad < 2; bad++) {
		tag[0] ^= (uint8_t)bad;
		sym_init(&p, NULL, iv, 0);
		sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, 16, tag);
		sym_update(&p, NULL, &n, in, 13);
		sym_update(&p, out, &n, bad ? ct : out, (int)len);
		T_EQ(sym_final(&p, out + len, &n), !bad);
	}
	sym_close(&p);
}

static void digest_message(const char *name)
{
	EVP_MD *md = EVP_MD_fetch(sym_wd, name, "provider=wd");
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t total = sym_length(SYM_MAX), at = 0, len;
	uint8_t got[32], want[32];

	T_EQ(EVP_DigestInit_ex2(c, md, NULL), 1);
	for (; at < total; at += len) {
		len = sym_random(3) ? total - at : sym_length(total - at);
		T_EQ(EVP_DigestUpdate(c, in + at, len), 1);
	}
	T_EQ(EVP_DigestFinal_ex(c, got, NULL), 1);
	T_OK(EVP_Q_digest(NULL, name, "provider=default", in, total, want,
			  NULL));
	T_MEM(got, want, 32);
	EVP_MD_CTX_free(c);
	EVP_MD_free(md);
}

static void everything(unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		for (size_t k = 0; k < sizeof(ciphers) / sizeof(*ciphers); k++)
			cipher_message(ciphers[k], sym_random(2));
		gcm_read();
		digest_message(digests[i % 2]);
	}
}

static void on(const char *device, unsigned int rounds)
{
	sym_seed(11);
	load(device);
	everything(rounds);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		T_OK(sym_counter(kinds[k], "done") > 0);
	sym_unload();
}

/* After this fault the device may be left alone for a while. */
static void through(const char *fault, const char *counter)
{
	uint64_t counted = 0, done = 0;

	sym_seed(12);
	load(fault);
	everything(6);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
		counted += sym_counter(kinds[k], counter);
		done += sym_counter(kinds[k], "done");
	}
	T_OK(counted > 0);
	T_OK(done > 0);
	sym_unload();
}

static void kunpeng920_computes_what_default_does(void)
{
	on("emu:kunpeng920", 30);
}

static void kunpeng930_computes_what_default_does(void)
{
	on("emu:kunpeng930", 30);
}

static void so_they_do_without_shared_addressing(void)
{
	on("emu:kunpeng920,nosva", 15);
	on("emu:kunpeng930,nosva", 15);
}

static void nothing_is_lost_when_jobs_fail(void)
{
	on("emu:fault=sec.status/3", 20);
}

static void nothing_is_lost_when_a_completion_is(void)
{
	setenv("WD_TIMEOUT_MS", "500", 1);
	through("emu:fault=sec.drop@9", "timeouts");
	unsetenv("WD_TIMEOUT_MS");
}

static void nothing_is_lost_when_the_queue_stops(void)
{
	through("emu:fault=sec.stop@9", "errors");
}

static void nothing_is_lost_when_the_device_is_reset(void)
{
	through("emu:fault=sec.reset@9", "errors");
}

static void nothing_is_lost_when_the_device_goes(void)
{
	through("emu:fault=sec.gone@9", "errors");
}

/* With fallback off: the first job fails, and says why. */
static void refused(const char *fault, const char *name, const char *reason)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *c;
	int n, ok;

	load_with(fault, false);
	c = EVP_CIPHER_fetch(sym_wd, name, NULL);
	T_EQ(EVP_CipherInit_ex(ctx, c, NULL, key, in, 1), 1);
	ERR_clear_error();
	ok = EVP_CipherUpdate(ctx, out, &n, in, 4096);
	if (ok || !ERR_peek_last_error())
		t_fail(__FILE__, __LINE__, "%s, %s: no error", fault, name);
	else
		T_STR(ERR_reason_error_string(ERR_peek_last_error()), reason);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
	sym_unload();
}

static void without_fallback_each_fault_is_told(void)
{
	static const char failed[] = "the accelerator reported an error";
	static const struct {
		const char *fault, *reason;
	} rows[] = {
		{ "emu:fault=sec.status/1", failed },
		{ "emu:fault=sec.stop/1", failed },
		{ "emu:fault=sec.reset/1", failed },
		{ "emu:fault=sec.gone@1", failed },
		{ "emu:nosva,fault=sec.status/1", failed },
		{ "emu:kunpeng920,fault=sec.stop/1", failed },
		{ "emu:fault=sec.drop/1",
		  "the accelerator did not answer in time" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		setenv("WD_TIMEOUT_MS",
		       strstr(rows[i].fault, "drop") ? "50" : "20000", 1);
		refused(rows[i].fault, "AES-128-GCM", rows[i].reason);
		refused(rows[i].fault, "AES-256-CBC", rows[i].reason);
		refused(rows[i].fault, "SM4-CBC", rows[i].reason);
	}
	unsetenv("WD_TIMEOUT_MS");
}

/* ---- threads ----------------------------------------------------------- */

#define THREADS 6

struct thread {
	pthread_t id;
	unsigned int i, good;
	uint8_t got[2][9000], md[2][32], tag[2][16];
};

/* The same on wd (0) and default (1): a digest and two ciphers. */
static int thread_one(struct thread *t, int side)
{
	OSSL_LIB_CTX *libctx = side ? NULL : sym_wd;
	EVP_CIPHER *c = EVP_CIPHER_fetch(libctx, ciphers[t->i % 7], NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *got = t->got[side];
	int n, m, k, ok;

	memset(t->tag[side], 0, 16);
	ok = EVP_CipherInit_ex(ctx, c, NULL, key, in, 1) &&
	     EVP_CipherUpdate(ctx, got, &n, in, 4000) &&
	     EVP_CipherUpdate(ctx, got + n, &m, in, 4444) &&
	     EVP_CipherFinal_ex(ctx, got + n + m, &k) &&
	     EVP_Q_digest(libctx, digests[t->i % 2], NULL, got, 8000,
			  t->md[side], NULL);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, t->tag[side]);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
	return ok;
}

static void *thread_run(void *arg)
{
	struct thread *t = arg;

	for (int round = 0; round < 30; round++, t->i++)
		t->good += thread_one(t, 0) && thread_one(t, 1) &&
			   !memcmp(t->got[0], t->got[1], 8000) &&
			   !memcmp(t->tag[0], t->tag[1], 16) &&
			   !memcmp(t->md[0], t->md[1], 32);
	return NULL;
}

static void threads_side_by_side(void)
{
	static struct thread t[THREADS];

	load("emu");
	for (unsigned int i = 0; i < THREADS; i++) {
		t[i].i = i;
		T_EQ(pthread_create(&t[i].id, NULL, thread_run, &t[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(t[i].id, NULL);
		T_EQ(t[i].good, 30);
	}
	sym_unload();
}

/* ---- ASYNC jobs -------------------------------------------------------- */

#define JOBS 24

struct job {
	ASYNC_JOB *job;
	ASYNC_WAIT_CTX *wait;
	unsigned int i;
	int ret, ok;
	bool done;
	uint8_t got[20000 + 16], tag[16], md[32];
};

static int cipher_job(void *arg)
{
	struct job *j = *(struct job **)arg;
	EVP_CIPHER *c = EVP_CIPHER_fetch(sym_wd, ciphers[j->i % 7], NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, m;

	j->ok = EVP_CipherInit_ex(ctx, c, NULL, key, in, 1) &&
		EVP_CipherUpdate(ctx, j->got, &n, in + j->i, 10000) &&
		EVP_CipherUpdate(ctx, j->got + n, &m, in + j->i, 9000) &&
		EVP_CipherFinal_ex(ctx, j->got + n + m, &n);
	if (j->i % 7 > 3)
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, j->tag);
	j->ok = j->ok && EVP_Q_digest(sym_wd, digests[j->i % 2], NULL,
				      in + j->i, 17000, j->md, NULL);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
	return j->ok;
}

static void step(struct job *j)
{
	struct job *arg = j;
	struct pollfd p = { .events = POLLIN };
	size_t n = 1;

	if (j->job && (!ASYNC_WAIT_CTX_get_all_fds(j->wait, &p.fd, &n) ||
		       poll(&p, 1, 5) != 1))
		return;
	switch (ASYNC_start_job(&j->job, j->wait, &j->ret, cipher_job, &arg,
				sizeof(arg))) {
	case ASYNC_FINISH:
		j->done = true;
		break;
	case ASYNC_PAUSE:
		break;
	default:
		T_OK(!"started");
	}
}

static void check(const struct job *j)
{
	static uint8_t want[20000 + 16];
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, ciphers[j->i % 7], NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t tag[16], md[32];
	int n, m, k;

	T_EQ(j->ok, 1);
	T_OK(EVP_CipherInit_ex(ctx, c, NULL, key, in, 1) &&
	     EVP_CipherUpdate(ctx, want, &n, in + j->i, 10000) &&
	     EVP_CipherUpdate(ctx, want + n, &m, in + j->i, 9000) &&
	     EVP_CipherFinal_ex(ctx, want + n + m, &k));
	T_MEM(j->got, want, (size_t)(n + m + k));
	if (j->i % 7 > 3) {
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag);
		T_MEM(j->tag, tag, 16);
	}
	T_EQ(EVP_Q_digest(NULL, digests[j->i % 2], NULL, in + j->i, 17000, md,
			  NULL),
	     1);
	T_MEM(j->md, md, 32);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
}

static void many_at_once_on(const char *device)
{
	static struct job job[JOBS];
	unsigned int left = JOBS;

	load(device);
	for (unsigned int i = 0; i < JOBS; i++)
		job[i] = (struct job){ .i = i, .wait = ASYNC_WAIT_CTX_new() };
	while (left) {
		for (unsigned int i = 0; i < JOBS; i++) {
			if (job[i].done)
				continue;
			step(&job[i]);
			left -= job[i].done;
		}
	}
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		T_OK(sym_counter(kinds[k], "async") > 0);
	for (unsigned int i = 0; i < JOBS; i++) {
		check(&job[i]);
		ASYNC_WAIT_CTX_free(job[i].wait);
	}
	sym_unload();
}

static void many_at_once_in_async_jobs(void)
{
	many_at_once_on("emu:kunpeng930,latency_us=300");
	many_at_once_on("emu:kunpeng920,latency_us=300");
	many_at_once_on("emu:nosva,latency_us=300");
}

/* Whatever the device still does lands in memory of wd's: what the application
 * gave is its own again. */
static void dropped_on(const char *device)
{
	unsigned int paused = 0;

	load(device);
	for (unsigned int i = 0; i < 4 * JOBS; i++) {
		struct job *j = calloc(1, sizeof(*j)), *arg = j;

		*j = (struct job){ .i = i, .wait = ASYNC_WAIT_CTX_new() };
		paused += ASYNC_start_job(&j->job, j->wait, &j->ret, cipher_job,
					  &arg, sizeof(arg)) == ASYNC_PAUSE;
		ASYNC_WAIT_CTX_free(j->wait);
		memset(j, 0xa5, sizeof(*j));
		free(j);
	}
	T_OK(paused > 2 * JOBS);
	T_EQ(sym_total("abandoned"), paused);
	T_EQ(sym_total("quarantined"), 0);
	everything(2); /* the lanes are as good as new */
	sym_unload();
}

static void dropped_jobs_write_to_nobody(void)
{
	dropped_on("emu:latency_us=300");
	dropped_on("emu:kunpeng920,nosva,latency_us=300");
}

/* The wait descriptors are timers then, and each job reaps for all. */
static void many_at_once_without_a_poller(void)
{
	setenv("WD_POLL", "none", 1);
	many_at_once_on("emu:latency_us=300");
	many_at_once_on("emu:kunpeng920,nosva,latency_us=300");
	unsetenv("WD_POLL");
}

T_FIBRE_LEAKS

/* ---- TLS 1.2 records, some on the device and some not ------------------- */

static int record(struct sym_pair *p, uint8_t *rec[2], size_t len)
{
	uint8_t aad[13] = "a header...";
	int rc[2];

	aad[11] = (uint8_t)((len - 16) >> 8);
	aad[12] = (uint8_t)(len - 16);
	if (!EVP_CIPHER_CTX_is_encrypting(p->ctx[0])) {
		aad[11] = (uint8_t)(len >> 8);
		aad[12] = (uint8_t)len;
	}
	T_EQ(sym_ctrl(p, EVP_CTRL_AEAD_TLS1_AAD, 13, aad), 16);
	for (int i = 0; i < 2; i++)
		rc[i] = EVP_Cipher(p->ctx[i], rec[i], rec[i],
				   (unsigned int)len);
	T_EQ(rc[0], rc[1]);
	if (rc[0] > 0)
		T_MEM(rec[0], rec[1], len);
	return rc[0];
}

static void mixed_records(struct sym_pair *p, struct sym_pair *q,
			  uint8_t *rec[2])
{
	unsigned int last, from = 0;

	for (int i = 0; i < 60; i++) {
		size_t len = 24 + sym_random(sym_random(2) ? 1000 : 9000);
		bool bad = !sym_random(10);

		for (int k = 0; k < 2; k++)
			memcpy(rec[k], in, len);
		T_OK(record(p, rec, len) > 0);
		last = (unsigned int)rec[0][6] << 8 | rec[0][7];
		if (i)
			T_EQ((last - from) & 0xffff, 1);
		from = last;
		for (int k = 0; k < 2; k++)
			rec[k][len - 1] ^= (uint8_t)bad;
		T_EQ(record(q, rec, len) > 0, !bad);
		if (!bad)
			T_MEM(rec[0] + 8, in + 8, len - 24);
		if (!sym_random(10))
			sym_copy(p);
		if (!sym_random(10))
			sym_copy(q);
		sym_same_ivs(p);
	}
}

/* IVs count on without a gap and none is used twice, whoever does a record. */
static void records_large_and_small_count_one_after_the_other(void)
{
	uint8_t iv[12], *rec[2] = { out, malloc(20000) };

	setenv("WD_DEVICE", "emu", 1);
	setenv("WD_MIN_BYTES", "3000", 1);
	sym_load(true);
	sym_seed(77);
	sym_bytes(in, sizeof(in));
	for (int round = 0; round < 20; round++) {
		struct sym_pair p = sym_open("AES-128-GCM");
		struct sym_pair q = sym_open("AES-128-GCM");

		sym_bytes(iv, sizeof(iv));
		sym_init(&p, key, NULL, 1);
		sym_init(&q, key, NULL, 0);
		/* all of the IV, so that both count alike */
		T_EQ(sym_ctrl(&p, EVP_CTRL_AEAD_SET_IV_FIXED, -1, iv), 1);
		T_EQ(sym_ctrl(&q, EVP_CTRL_AEAD_SET_IV_FIXED, 4, iv), 1);
		mixed_records(&p, &q, rec);
		sym_close(&p);
		sym_close(&q);
	}
	T_OK(sym_counter("aes-gcm", "done") > 100);
	sym_unload();
	free(rec[1]);
}

T_MAIN(T_CASE(kunpeng920_computes_what_default_does),
       T_CASE(kunpeng930_computes_what_default_does),
       T_CASE(so_they_do_without_shared_addressing),
       T_CASE(nothing_is_lost_when_jobs_fail),
       T_CASE(nothing_is_lost_when_a_completion_is),
       T_CASE(nothing_is_lost_when_the_queue_stops),
       T_CASE(nothing_is_lost_when_the_device_is_reset),
       T_CASE(nothing_is_lost_when_the_device_goes),
       T_CASE(without_fallback_each_fault_is_told),
       T_CASE(threads_side_by_side), T_CASE(many_at_once_in_async_jobs),
       T_CASE(many_at_once_without_a_poller),
       T_CASE(dropped_jobs_write_to_nobody),
       T_CASE(records_large_and_small_count_one_after_the_other))
