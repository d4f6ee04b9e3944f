/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA on a device that fails: whatever it does, the caller gets what the
 * default provider would have said, or, with fallback off, an error and
 * nothing else.  The counters tell which.
 */
#include <errno.h>

#include <unistd.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "test/provider/rsa_side.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define SIZE	 256
#define ROUNDS	 12

static struct side *def;
static EVP_PKEY *key;

static void start(void)
{
	if (def)
		return;
	def = side_default();
	key = side_make(def, "RSA", "bits=2048");
}

/* Long, so that a busy machine is no failing device; short only where a job is
 * lost and nothing but the deadline can tell. */
static struct side *device(const char *name, const char *fallback)
{
	setenv("WD_TIMEOUT_MS", strstr(name, "drop") ? "300" : "20000", 1);
	return side_wd(name, fallback, false);
}

/* Raw PKCS#1: the same bytes from everybody. */
static int sign(const struct side *s, EVP_PKEY *k, const uint8_t *in,
		uint8_t *sig)
{
	EVP_PKEY_CTX *ctx = side_ctx(s, k);
	size_t n = SIZE;
	int ok;

	ok = EVP_PKEY_sign_init(ctx) > 0 &&
	     EVP_PKEY_sign(ctx, sig, &n, in, 32) > 0 && n == SIZE;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static int verify(const struct side *s, EVP_PKEY *k, const uint8_t *in,
		  const uint8_t *sig)
{
	EVP_PKEY_CTX *ctx = side_ctx(s, k);
	int ok;

	ok = EVP_PKEY_verify_init(ctx) > 0 &&
	     EVP_PKEY_verify(ctx, sig, SIZE, in, 32) > 0;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static int oaep(const struct side *s, EVP_PKEY *k, int encrypt,
		const uint8_t *in, size_t len, uint8_t *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = side_ctx(s, k);
	int ok;

	*n = SIZE;
	if (encrypt)
		ok = EVP_PKEY_encrypt_init(ctx) > 0 &&
		     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) >
			     0 &&
		     EVP_PKEY_encrypt(ctx, out, n, in, len) > 0;
	else
		ok = EVP_PKEY_decrypt_init(ctx) > 0 &&
		     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) >
			     0 &&
		     EVP_PKEY_decrypt(ctx, out, n, in, len) > 0;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* Every operation, ROUNDS times, each judged by the default provider. */
static void right_all_the_same(const struct side *s)
{
	EVP_PKEY *mine = side_take(s, key, EVP_PKEY_KEYPAIR);
	uint8_t in[32], want[SIZE], got[SIZE], sealed[SIZE];
	size_t n;

	T_OK(mine);
	for (int i = 0; i < ROUNDS; i++) {
		memset(in, i + 1, sizeof(in));
		T_EQ(sign(def, key, in, want), 1);
		T_EQ(sign(s, mine, in, got), 1);
		T_MEM(got, want, SIZE);
		T_EQ(verify(s, mine, in, want), 1);
		want[9] ^= 1;
		T_EQ(verify(s, mine, in, want), 0);
		T_EQ(oaep(def, key, 1, in, sizeof(in), sealed, &n), 1);
		T_EQ(oaep(s, mine, 0, sealed, SIZE, got, &n), 1);
		T_EQ(n, sizeof(in));
		T_MEM(got, in, sizeof(in));
	}
	EVP_PKEY_free(mine);
	ERR_clear_error();
}

static void any_failure_of_the_device_is_made_good_in_software(void)
{
	static const struct {
		const char *name, *counter; /* of rsa-private; NULL: any */
	} faults[] = {
		{ "emu:fault=hpre.wrong/2", "wrong" },
		{ "emu:fault=hpre.wrong/1", "wrong" },
		{ "emu:fault=hpre.wrong/5", "done" },
		{ "emu:fault=hpre.status/1", "errors" },
		{ "emu:fault=hpre.drop@5", NULL },
		{ "emu:fault=hpre.stop@5", "done" },
		{ "emu:fault=hpre.reset@5", "done" },
		{ "emu:fault=hpre.gone@5", "done" },
		{ "emu:kunpeng920,fault=hpre.wrong/2", "wrong" },
		{ "emu:nosva,fault=hpre.wrong/3", "done" },
	};

	start();
	for (size_t i = 0; i < ARRAY(faults); i++) {
		struct side *s = device(faults[i].name, NULL);

		right_all_the_same(s);
		if (faults[i].counter &&
		    side_count(s, "rsa-private", faults[i].counter) <= 0)
			t_fail(__FILE__, __LINE__, "%s: no %s", faults[i].name,
			       faults[i].counter);
		T_OK(side_count(s, "rsa-private", "software") +
			     side_count(s, "rsa-public", "software") >
		     0);
		side_free(s);
	}
}

/* The reason among those of this thread; 3.5 puts its own on top. */
static bool said(const char *reason)
{
	unsigned long e;
	bool found = false;

	while ((e = ERR_get_error()) != 0) {
		const char *text = ERR_reason_error_string(e);

		found |= text && !strcmp(text, reason);
	}
	return found;
}

/* With fallback off: an error that says why, and not one byte of a result. */
static void refused(const char *name, const char *reason)
{
	struct side *s = device(name, "no");
	EVP_PKEY *mine = side_take(s, key, EVP_PKEY_KEYPAIR);
	uint8_t in[32] = { 7 }, got[SIZE], before[SIZE];

	memset(got, 0xee, sizeof(got));
	memset(before, 0xee, sizeof(before));
	ERR_clear_error();
	T_EQ(sign(s, mine, in, got), 0);
	if (!said(reason))
		t_fail(__FILE__, __LINE__, "%s: not a word of \"%s\"", name,
		       reason);
	T_MEM(got, before, SIZE);
	EVP_PKEY_free(mine);
	ERR_clear_error();
	side_free(s);
}

static void without_fallback_nothing_wrong_leaves(void)
{
	start();
	refused("emu:fault=hpre.wrong/1",
		"the accelerator computed a wrong result");
	refused("emu:fault=hpre.wrong@1",
		"the accelerator computed a wrong result");
	/* Only the check fails: still no result. */
	refused("emu:fault=hpre.wrong@2",
		"the accelerator computed a wrong result");
	refused("emu:fault=hpre.status/1", "the accelerator reported an error");
	refused("emu:fault=hpre.drop/1",
		"the accelerator did not answer in time");
	refused("emu:fault=hpre.stop/1", "the accelerator reported an error");
	refused("emu:fault=hpre.reset/1", "the accelerator reported an error");
	refused("emu:fault=hpre.gone@1", "the accelerator reported an error");
	refused("emu:nosva,fault=hpre.status/1",
		"the accelerator reported an error");
	refused("emu:kunpeng920,fault=hpre.stop/1",
		"the accelerator reported an error");
}

/* What failed rests for a while; then it is an error too, not software. */
static void without_fallback_a_device_at_rest_is_an_error(void)
{
	struct side *s;
	EVP_PKEY *mine;
	uint8_t in[32] = { 7 }, got[SIZE] = { 1 };

	start();
	s = device("emu:fault=hpre.gone@1", "no");
	mine = side_take(s, key, EVP_PKEY_KEYPAIR);
	for (int i = 0; i < ROUNDS; i++) {
		ERR_clear_error();
		T_EQ(sign(s, mine, in, got), 0);
		T_OK(ERR_peek_last_error());
		T_EQ(verify(s, mine, in, got), 0);
	}
	T_OK(said("no accelerator can be used"));
	T_EQ(side_count(s, "rsa-private", "software"), 0);
	T_EQ(side_count(s, "rsa-public", "software"), 0);
	EVP_PKEY_free(mine);
	ERR_clear_error();
	side_free(s);
}

static void without_fallback_a_device_that_comes_back_is_used(void)
{
	struct side *s;
	EVP_PKEY *mine;
	uint8_t in[32] = { 7 }, got[SIZE], want[SIZE];
	int failed = 0;

	start();
	s = device("emu:fault=hpre.stop@1", "no");
	mine = side_take(s, key, EVP_PKEY_KEYPAIR);
	T_EQ(sign(def, key, in, want), 1);
	while (!sign(s, mine, in, got) && failed < 2000) {
		failed++;
		usleep(10000);
	}
	T_OK(failed > 0);
	T_MEM(got, want, SIZE);
	T_EQ(side_count(s, "rsa-private", "software"), 0);
	EVP_PKEY_free(mine);
	ERR_clear_error();
	side_free(s);
}

/* The check may be switched off; then what the device says is believed. */
static void the_check_is_what_catches_it(void)
{
	struct side *s;
	EVP_PKEY *mine;
	uint8_t in[32] = { 7 }, want[SIZE], got[SIZE];

	start();
	setenv("WD_RSA_CRT_CHECK", "no", 1);
	s = device("emu:fault=hpre.wrong@1", NULL);
	unsetenv("WD_RSA_CRT_CHECK");
	mine = side_take(s, key, EVP_PKEY_KEYPAIR);
	T_EQ(sign(def, key, in, want), 1);
	T_EQ(sign(s, mine, in, got), 1);
	T_OK(memcmp(got, want, SIZE) != 0);
	T_EQ(side_count(s, "rsa-private", "wrong"), 0);
	T_EQ(side_count(s, "rsa-public", "jobs"), 0);
	EVP_PKEY_free(mine);
	side_free(s);
}

static void sound(const char *name)
{
	struct side *s = device(name, NULL);
	EVP_PKEY *mine;
	uint8_t in[32] = { 7 }, want[SIZE], got[SIZE];

	mine = side_take(s, key, EVP_PKEY_KEYPAIR);
	for (int i = 0; i < ROUNDS; i++) {
		in[1] = (uint8_t)i;
		T_EQ(sign(def, key, in, want), 1);
		T_EQ(sign(s, mine, in, got), 1);
		T_MEM(got, want, SIZE);
		T_EQ(verify(s, mine, in, got), 1);
	}
	T_EQ(side_count(s, "rsa-private", "done"), ROUNDS);
	/* The check of each, and each verification. */
	T_EQ(side_count(s, "rsa-public", "done"), 2 * ROUNDS);
	T_EQ(side_count(s, "rsa-private", "software"), 0);
	T_EQ(side_count(s, "rsa-public", "software"), 0);
	T_EQ(side_count(s, "rsa-private", "wrong"), 0);
	EVP_PKEY_free(mine);
	side_free(s);
}

static void a_sound_device_needs_no_software(void)
{
	start();
	sound("emu:kunpeng930");
	sound("emu:kunpeng920");
	sound("emu:kunpeng930,nosva");
	sound("emu:kunpeng920,nosva");
	sound("emu:inline");
}

static void initialisation_and_size_queries_touch_no_device(void)
{
	struct side *s;
	EVP_PKEY *mine;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 0;

	start();
	s = device("emu", NULL);
	mine = side_take(s, key, EVP_PKEY_KEYPAIR);
	T_EQ(EVP_DigestSignInit_ex(ctx, NULL, "SHA2-256", s->lib, s->q, mine,
				   NULL),
	     1);
	T_EQ(EVP_DigestSign(ctx, NULL, &n, (const uint8_t *)"a", 1), 1);
	T_EQ(n, SIZE);
	T_EQ(side_count(s, "rsa-private", "jobs"), 0);
	T_EQ(side_count(s, "rsa-private", "software"), 0);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(mine);
	side_free(s);
}

static void alone_without_a_device_it_is_software(void)
{
	struct side *s;
	EVP_PKEY *mine;
	uint8_t in[32] = { 7 }, want[SIZE], got[SIZE];

	start();
	s = side_wd("none", NULL, true);
	mine = side_take(s, key, EVP_PKEY_KEYPAIR);
	T_OK(mine);
	T_EQ(sign(def, key, in, want), 1);
	T_EQ(sign(s, mine, in, got), 1);
	T_MEM(got, want, SIZE);
	T_EQ(verify(s, mine, in, want), 1);
	EVP_PKEY_free(mine);
	mine = side_make(s, "RSA", "bits=1024");
	T_OK(mine);
	EVP_PKEY_free(mine);
	side_free(s);
}

T_MAIN(T_CASE(any_failure_of_the_device_is_made_good_in_software),
       T_CASE(without_fallback_nothing_wrong_leaves),
       T_CASE(without_fallback_a_device_at_rest_is_an_error),
       T_CASE(without_fallback_a_device_that_comes_back_is_used),
       T_CASE(the_check_is_what_catches_it),
       T_CASE(a_sound_device_needs_no_software),
       T_CASE(initialisation_and_size_queries_touch_no_device),
       T_CASE(alone_without_a_device_it_is_software))
