/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cipher pipelines (OpenSSL 3.5) on the model, each pipe against a message of
 * its own by the default provider: every size and number of pipes, tags that
 * are wrong, pieces, copies, devices that fail; and that N records are N
 * descriptors and one doorbell.
 */
#include <dlfcn.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "test/provider/job_drop.h"
#include "test/provider/sym.h"

T_FIBRE_LEAKS

#define PIPES 32u    /* EVP_MAX_PIPES */
#define MAX   20000u /* bytes a record */
#define TAG   16u

/* <openssl/evp.h> of 3.5; the headers may not have them. */
typedef int can_fn(const EVP_CIPHER *c, int encrypt);
typedef int init_fn(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *c,
		    const uint8_t *key, size_t key_len, size_t n,
		    const uint8_t **iv, size_t iv_len);
typedef int update_fn(EVP_CIPHER_CTX *ctx, uint8_t **out, size_t *out_len,
		      const size_t *out_size, const uint8_t **in,
		      const size_t *in_len);
typedef int final_fn(EVP_CIPHER_CTX *ctx, uint8_t **out, size_t *out_len,
		     const size_t *out_size);

static can_fn *can;
static init_fn *init[2]; /* decrypt, encrypt */
static update_fn *update;
static final_fn *final;

static const struct {
	const char *name, *kind;
	size_t key_len;
} algs[] = {
	{ "AES-128-GCM", "aes-gcm", 16 },
	{ "AES-192-GCM", "aes-gcm", 24 },
	{ "AES-256-GCM", "aes-gcm", 32 },
	{ "SM4-GCM", "sm4-gcm", 16 },
};
#define ALGS (sizeof(algs) / sizeof(*algs))

/* What every pipe has to make of what. */
static struct records {
	size_t alg, n;
	uint8_t key[32];
	uint8_t iv[PIPES][12];
	uint8_t aad[PIPES][64];
	size_t aad_len[PIPES], len[PIPES];
	uint8_t plain[PIPES][MAX], coded[PIPES][MAX], tag[PIPES][TAG];
} r;

/* A run of it. */
static struct run {
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx;
	bool encrypt, in_place;
	size_t at[PIPES]; /* bytes through */
	uint8_t out[PIPES][MAX + 16], tag[PIPES][TAG];
} run;

static void functions(void)
{
	can = (can_fn *)dlsym(RTLD_DEFAULT, "EVP_CIPHER_can_pipeline");
	init[0] =
		(init_fn *)dlsym(RTLD_DEFAULT, "EVP_CipherPipelineDecryptInit");
	init[1] =
		(init_fn *)dlsym(RTLD_DEFAULT, "EVP_CipherPipelineEncryptInit");
	update = (update_fn *)dlsym(RTLD_DEFAULT, "EVP_CipherPipelineUpdate");
	final = (final_fn *)dlsym(RTLD_DEFAULT, "EVP_CipherPipelineFinal");
	if (!can)
		t_skip("no cipher pipelines in this libcrypto (before 3.5)");
}

static void load(const char *device, const char *min_bytes)
{
	functions();
	setenv("WD_DEVICE", device, 1);
	if (min_bytes)
		setenv("WD_MIN_BYTES", min_bytes, 1);
	else
		unsetenv("WD_MIN_BYTES");
	sym_load(true);
}

/* ---- what is right ------------------------------------------------------ */

static void by_default(EVP_CIPHER *c, size_t i)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	T_EQ(EVP_EncryptInit_ex2(ctx, c, r.key, r.iv[i], NULL), 1);
	T_EQ(EVP_EncryptUpdate(ctx, NULL, &n, r.aad[i], (int)r.aad_len[i]), 1);
	T_EQ(EVP_EncryptUpdate(ctx, r.coded[i], &n, r.plain[i], (int)r.len[i]),
	     1);
	T_EQ(EVP_EncryptFinal_ex(ctx, r.coded[i] + n, &n), 1);
	T_EQ(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, r.tag[i]), 1);
	EVP_CIPHER_CTX_free(ctx);
}

static void code(void)
{
	EVP_CIPHER *c =
		EVP_CIPHER_fetch(NULL, algs[r.alg].name, "provider=default");

	T_OK(c);
	for (size_t i = 0; i < r.n; i++)
		by_default(c, i);
	EVP_CIPHER_free(c);
}

/* @n records of @least to @most bytes. */
static void make(size_t alg, size_t n, size_t least, size_t most)
{
	r.alg = alg;
	r.n = n;
	sym_bytes(r.key, sizeof(r.key));
	for (size_t i = 0; i < n; i++) {
		sym_bytes(r.iv[i], sizeof(r.iv[i]));
		sym_bytes(r.aad[i], sizeof(r.aad[i]));
		r.aad_len[i] = sym_random(sizeof(r.aad[i]));
		r.len[i] = least + sym_random((uint32_t)(most - least + 1));
		sym_bytes(r.plain[i], r.len[i]);
	}
	code();
}

/* ---- a run -------------------------------------------------------------- */

static void begin(bool encrypt)
{
	run.cipher = EVP_CIPHER_fetch(sym_wd, algs[r.alg].name, "provider=wd");
	T_OK(run.cipher);
	run.ctx = EVP_CIPHER_CTX_new();
	run.encrypt = encrypt;
	run.in_place = sym_random(2);
	memset(run.at, 0, sizeof(run.at));
}

static void end(void)
{
	EVP_CIPHER_CTX_free(run.ctx);
	EVP_CIPHER_free(run.cipher);
}

static int do_init(bool with_key)
{
	const uint8_t *iv[PIPES];

	for (size_t i = 0; i < r.n; i++)
		iv[i] = r.iv[i];
	memset(run.at, 0, sizeof(run.at));
	/* 3.5 forgets the number of pipes when it hears the cipher again. */
	return init[run.encrypt](
		run.ctx,
		EVP_CIPHER_CTX_get0_cipher(run.ctx) ? NULL : run.cipher,
		with_key ? r.key : NULL, with_key ? algs[r.alg].key_len : 0,
		r.n, iv, 12);
}

static int do_aad(void)
{
	const uint8_t *in[PIPES];
	size_t out_len[PIPES];

	for (size_t i = 0; i < r.n; i++)
		in[i] = r.aad[i];
	return update(run.ctx, NULL, out_len, NULL, in, r.aad_len);
}

/* The next @piece bytes of each, as far as there are so many. */
static int do_update(const size_t *piece)
{
	size_t out_len[PIPES], out_size[PIPES], in_len[PIPES];
	const uint8_t *in[PIPES];
	uint8_t *out[PIPES];
	int ok;

	for (size_t i = 0; i < r.n; i++) {
		size_t left = r.len[i] - run.at[i];
		const uint8_t *from = run.encrypt ? r.plain[i] : r.coded[i];

		in_len[i] = piece && piece[i] < left ? piece[i] : left;
		out[i] = run.out[i] + run.at[i];
		out_size[i] = MAX + 16 - run.at[i];
		in[i] = from + run.at[i];
		if (run.in_place) {
			memcpy(out[i], in[i], in_len[i]);
			in[i] = out[i];
		}
	}
	ok = update(run.ctx, out, out_len, out_size, in, in_len);
	for (size_t i = 0; i < r.n && ok; i++) {
		T_EQ(out_len[i], in_len[i]);
		run.at[i] += in_len[i];
	}
	return ok;
}

static int do_final(void)
{
	size_t out_len[PIPES] = { 0 }, out_size[PIPES];
	uint8_t *out[PIPES];
	int ok;

	for (size_t i = 0; i < r.n; i++) {
		out[i] = run.out[i] + run.at[i];
		out_size[i] = 16;
	}
	ok = final(run.ctx, out, out_len, out_size);
	for (size_t i = 0; i < r.n; i++)
		T_EQ(out_len[i], 0);
	return ok;
}

static int do_tags(uint8_t tag[][TAG], size_t len, bool get)
{
	void *tags[PIPES], *array = tags;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_ptr("pipeline-tag", &array, len),
		OSSL_PARAM_END,
	};

	for (size_t i = 0; i < r.n; i++)
		tags[i] = tag[i];
	return get ? EVP_CIPHER_CTX_get_params(run.ctx, params)
		   : EVP_CIPHER_CTX_set_params(run.ctx, params);
}

static void is_right(size_t i)
{
	T_MEM(run.out[i], run.encrypt ? r.coded[i] : r.plain[i], r.len[i]);
}

static void all_right(void)
{
	for (size_t i = 0; i < r.n; i++)
		is_right(i);
	if (!run.encrypt)
		return;
	T_EQ(do_tags(run.tag, TAG, true), 1);
	for (size_t i = 0; i < r.n; i++)
		T_MEM(run.tag[i], r.tag[i], TAG);
}

/* One update. */
static void message(bool with_key)
{
	T_EQ(do_init(with_key), 1);
	if (!run.encrypt)
		T_EQ(do_tags(r.tag, TAG, false), 1);
	T_EQ(do_aad(), 1);
	T_EQ(do_update(NULL), 1);
	T_EQ(do_final(), 1);
	all_right();
}

/* ---- cases -------------------------------------------------------------- */

static void gcm_can_pipeline_and_others_can_not(void)
{
	EVP_CIPHER *c;

	load("emu", "0");
	for (size_t i = 0; i < ALGS; i++) {
		c = EVP_CIPHER_fetch(sym_wd, algs[i].name, "provider=wd");
		T_EQ(can(c, 1), 1);
		T_EQ(can(c, 0), 1);
		EVP_CIPHER_free(c);
	}
	c = EVP_CIPHER_fetch(sym_wd, "AES-128-CBC", "provider=wd");
	T_EQ(can(c, 1), 0);
	EVP_CIPHER_free(c);
	sym_unload();
}

static void n_records_are_n_descriptors_and_one_doorbell(void)
{
	load("emu", "0");
	for (size_t n = 1; n <= PIPES; n++) {
		size_t alg = n % ALGS;
		const char *kind = algs[alg].kind;

		sym_seed((uint32_t)n);
		make(alg, n, 1, n % 3 ? MAX : 500);
		for (int encrypt = 0; encrypt < 2; encrypt++) {
			uint64_t jobs = sym_counter(kind, "jobs");
			uint64_t done = sym_counter(kind, "done");
			uint64_t bells = sym_total("sq_bells");

			begin(encrypt);
			message(true);
			end();
			T_EQ(sym_counter(kind, "jobs") - jobs, n);
			T_EQ(sym_counter(kind, "done") - done, n);
			T_EQ(sym_total("sq_bells") - bells, 1);
		}
	}
	T_EQ(sym_counter("aes-gcm", "software"), 0);
	sym_unload();
}

static void any_size_on(const char *device, const char *min_bytes, int rounds)
{
	load(device, min_bytes);
	for (int round = 0; round < rounds; round++) {
		sym_seed((uint32_t)round);
		make(sym_random(ALGS), 1 + sym_random(PIPES), 0,
		     sym_random(2) ? MAX : 300);
		begin(sym_random(2));
		message(true);
		end();
	}
	sym_unload();
}

static void any_size_on_either_generation(void)
{
	any_size_on("emu:kunpeng920", "0", 25);
	any_size_on("emu:kunpeng930", "0", 25);
}

static void any_size_without_shared_addressing(void)
{
	any_size_on("emu:nosva", "0", 20);
}

static void any_size_with_default_thresholds(void)
{
	any_size_on("emu", NULL, 20);
	any_size_on("none", NULL, 5);
}

static void a_device_that_fails_costs_nothing_but_time(void)
{
	any_size_on("emu:fault=sec.status/7", "0", 15);
	any_size_on("emu:fault=sec.stop@20", "0", 5);
	any_size_on("emu:fault=sec.gone@20", "0", 5);
	setenv("WD_TIMEOUT_MS", "300", 1);
	any_size_on("emu:fault=sec.drop@20", "0", 5);
	unsetenv("WD_TIMEOUT_MS");
}

static void a_failure_is_told_when_software_may_not(void)
{
	load("emu:fault=sec.status@3", "0");
	sym_unload();
	sym_load(false);
	sym_seed(1);
	make(0, 5, 1000, 1000);
	begin(true);
	T_EQ(do_init(true), 1);
	ERR_clear_error();
	T_EQ(do_update(NULL), 0);
	T_STR(ERR_reason_error_string(ERR_peek_last_error()),
	      "the accelerator reported an error");
	end();
	sym_unload();
}

/* All of the small ones in software, all of the others in one go. */
static void records_below_the_threshold_are_left_out(void)
{
	uint64_t bells;

	load("emu", "3000");
	sym_seed(5);
	make(0, 10, 3000, 5000);
	r.len[2] = r.len[5] = 100;
	r.len[7] = 0;
	code();
	begin(true);
	bells = sym_total("sq_bells");
	message(true);
	T_EQ(sym_counter("aes-gcm", "jobs"), 7);
	T_EQ(sym_total("sq_bells") - bells, 1);
	end();
	sym_unload();
}

static void a_wrong_tag_of_one_is_found(void)
{
	load("emu", "0");
	for (size_t bad = 0; bad < 9; bad++) {
		sym_seed((uint32_t)bad);
		make(bad % ALGS, 9, 1, 4000);
		r.tag[bad][sym_random(TAG)] ^= 0x10;
		begin(false);
		T_EQ(do_init(true), 1);
		T_EQ(do_tags(r.tag, TAG, false), 1);
		T_EQ(do_aad(), 1);
		T_EQ(do_update(NULL), 1);
		ERR_clear_error();
		T_EQ(do_final(), 0);
		for (size_t i = 0; i < r.n; i++)
			is_right(i);
		/* It is over for all of them. */
		T_EQ(do_final(), 0);
		end();
	}
	sym_unload();
}

/* Tags that come late, or are short, are no business of the device's. */
static void tags_late_and_short(void)
{
	load("emu", "0");
	for (size_t len = 4; len <= TAG; len += 4) {
		make(0, 5, 1, 4000);
		begin(false);
		T_EQ(do_init(true), 1);
		T_EQ(do_aad(), 1);
		T_EQ(do_update(NULL), 1);
		T_EQ(do_tags(r.tag, len, false), 1);
		T_EQ(do_final(), 1);
		all_right();
		r.tag[3][0] ^= 1;
		T_EQ(do_init(true), 1);
		T_EQ(do_tags(r.tag, len, false), 1);
		T_EQ(do_aad(), 1);
		T_EQ(do_update(NULL), 1);
		T_EQ(do_final(), 0);
		end();
	}
	T_EQ(sym_counter("aes-gcm", "jobs"), 5);
	sym_unload();
}

static void pieces(void)
{
	size_t piece[PIPES];
	bool more = true;

	while (more) {
		for (size_t i = 0; i < r.n; i++)
			piece[i] = sym_random(3) ? sym_length(MAX) : 0;
		T_EQ(do_update(piece), 1);
		if (!sym_random(4)) {
			EVP_CIPHER_CTX *copy = EVP_CIPHER_CTX_new();

			T_EQ(EVP_CIPHER_CTX_copy(copy, run.ctx), 1);
			EVP_CIPHER_CTX_free(run.ctx);
			run.ctx = copy;
		}
		more = false;
		for (size_t i = 0; i < r.n; i++)
			more = more || run.at[i] < r.len[i];
	}
}

static void any_pieces_with_copies_in_between(void)
{
	load("emu", "0");
	for (uint32_t round = 0; round < 40; round++) {
		sym_seed(round);
		make(sym_random(ALGS), 1 + sym_random(12), 0, MAX);
		begin(sym_random(2));
		T_EQ(do_init(true), 1);
		if (!run.encrypt)
			T_EQ(do_tags(r.tag, TAG, false), 1);
		T_EQ(do_aad(), 1);
		pieces();
		T_EQ(do_final(), 1);
		all_right();
		end();
	}
	sym_unload();
}

static void a_context_is_used_again(void)
{
	static const size_t numbers[] = { 4, 4, 9, 1, 32, 32 };

	load("emu", "0");
	make(2, 4, 1, 3000);
	begin(true);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		make(2, numbers[i], 1, 3000);
		message(true);
		/* The same key, other IVs. */
		for (size_t k = 0; k < r.n; k++)
			sym_bytes(r.iv[k], 12);
		code();
		message(false);
		run.encrypt = !run.encrypt;
		message(true);
	}
	end();
	sym_unload();
}

static void an_iv_is_used_once(void)
{
	load("emu", "0");
	make(0, 3, 100, 100);
	begin(true);
	message(true);
	memset(run.at, 0, sizeof(run.at));
	T_EQ(do_update(NULL), 0);
	T_EQ(do_final(), 0);
	end();
	sym_unload();
}

static void what_is_asked_for_out_of_turn_is_refused(void)
{
	load("emu", "0");
	make(0, 3, 100, 100);
	begin(true);
	T_EQ(EVP_CipherInit_ex(run.ctx, run.cipher, NULL, r.key, r.iv[0], 1),
	     1);
	T_EQ(do_tags(run.tag, TAG, true), 0);
	T_EQ(do_tags(run.tag, TAG, false), 0);
	r.n = 0;
	T_EQ(do_init(true), 0);
	r.n = 3;
	T_EQ(do_init(true), 1);
	T_EQ(do_tags(run.tag, TAG, true), 0); /* none made yet */
	T_EQ(do_tags(run.tag, TAG, false), 0);
	T_EQ(do_tags(run.tag, 17, true), 0);
	/* As one message it has no key. */
	T_EQ(do_update(NULL), 1);
	T_EQ(do_final(), 1);
	end();

	begin(true);
	T_EQ(init[1](run.ctx, run.cipher, r.key, 16, 33, NULL, 12), 0);
	end();

	begin(true);
	T_EQ(init[1](run.ctx, run.cipher, r.key, 15, 3, NULL, 12), 0);
	T_EQ(init[1](run.ctx, NULL, NULL, 0, 3, NULL, 12), 1);
	T_EQ(do_update(NULL), 0);
	/* The cipher named again: libcrypto goes on with no pipes at all. */
	T_EQ(init[1](run.ctx, run.cipher, r.key, 16, 3, NULL, 12), 1);
	T_EQ(do_update(NULL), 0);
	T_EQ(do_final(), 0);
	end();
	sym_unload();
}

/* An IV that nobody gives is made, one for each pipe, as for one message. */
static void ivs_that_nobody_gives_differ(void)
{
	load("emu", "0");
	make(0, 3, 100, 100);
	for (size_t i = 1; i < 3; i++)
		memcpy(r.plain[i], r.plain[0], 100);
	begin(true);
	T_EQ(init[1](run.ctx, run.cipher, r.key, 16, 3, NULL, 12), 1);
	T_EQ(do_update(NULL), 1);
	T_EQ(do_final(), 1);
	T_OK(memcmp(run.out[0], run.out[1], 100));
	T_OK(memcmp(run.out[1], run.out[2], 100));
	end();
	sym_unload();
}

/* ---- ASYNC -------------------------------------------------------------- */

static int message_job(void *arg)
{
	(void)arg;
	message(true);
	return 1;
}

static void a_job_pauses_once_for_all(void)
{
	load("emu:latency_us=2000", "0");
	sym_seed(9);
	make(1, 20, 4000, 9000);
	for (int encrypt = 0; encrypt < 2; encrypt++) {
		begin(encrypt);
		T_EQ(job_paused(message_job, NULL, 0, NULL), 1);
		T_EQ(sym_counter("aes-gcm", "async"), 20 * (encrypt + 1));
		T_EQ(sym_counter("aes-gcm", "jobs"), 20 * (encrypt + 1));
		T_EQ(sym_total("sq_bells"), encrypt + 1);
		end();
	}
	sym_unload();
}

static void a_dropped_job_drops_all(void)
{
	load("emu:latency_us=20000", "0");
	make(1, 20, 4000, 9000);
	begin(true);
	T_EQ(job_paused(message_job, NULL, 1, NULL), 1);
	T_EQ(sym_total("abandoned"), 20);
	end();
	/* The lane is as good as before. */
	make(1, 32, 4000, 9000);
	begin(true);
	message(true);
	end();
	sym_unload();
}

T_MAIN(T_CASE(gcm_can_pipeline_and_others_can_not),
       T_CASE(n_records_are_n_descriptors_and_one_doorbell),
       T_CASE(any_size_on_either_generation),
       T_CASE(any_size_without_shared_addressing),
       T_CASE(any_size_with_default_thresholds),
       T_CASE(a_device_that_fails_costs_nothing_but_time),
       T_CASE(a_failure_is_told_when_software_may_not),
       T_CASE(records_below_the_threshold_are_left_out),
       T_CASE(a_wrong_tag_of_one_is_found), T_CASE(tags_late_and_short),
       T_CASE(any_pieces_with_copies_in_between),
       T_CASE(a_context_is_used_again), T_CASE(an_iv_is_used_once),
       T_CASE(what_is_asked_for_out_of_turn_is_refused),
       T_CASE(ivs_that_nobody_gives_differ), T_CASE(a_job_pauses_once_for_all),
       T_CASE(a_dropped_job_drops_all))
