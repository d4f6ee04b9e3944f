/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What curves leave behind in memory: no nonce, no plaintext and no private
 * key, after an operation and after an ASYNC job that was dropped at any of its
 * pauses.
 *
 * The provider is linked into this program, so that each nonce can be noted as
 * it is drawn.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "provider/wdp_ec.h"
#include "test/provider/ec_judge.h"
#include "test/provider/job_drop.h"
#include "test/provider/memory_scan.h"
#include "test/provider/side_inside.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT	 200 /* bytes */

static const char *const devices[] = {
	"emu:latency_us=2000",
	"emu:nosva,latency_us=2000",
};

/* Of the last nonce, and how many there were. */
static struct needle nonce;
static unsigned int drawn;

int __real_wdp_ec_draw(struct wdp_ctx *p, const struct wdp_curve *c,
		       uint8_t *d);
int __wrap_wdp_ec_draw(struct wdp_ctx *p, const struct wdp_curve *c,
		       uint8_t *d);
int __wrap_wdp_ec_draw(struct wdp_ctx *p, const struct wdp_curve *c, uint8_t *d)
{
	int rc = __real_wdp_ec_draw(p, c, d);

	needle_take(&nonce, d + c->width - c->order_len + 8);
	drawn++;
	return rc;
}

static struct side *def;
static EVP_PKEY *keys[2]; /* for all cases but that of its end */
static const char *const types[] = { "EC", "SM2" };
static const char *const groups[] = { "P-256", NULL };

static void start(void)
{
	if (def)
		return;
	def = side_default();
	for (size_t i = 0; i < ARRAY(keys); i++) {
		keys[i] = ec_make(def, types[i], groups[i]);
		T_OK(keys[i]);
	}
}

/* ---- operations ---------------------------------------------------------- */

static struct task {
	EVP_PKEY_CTX *ctx; /* as made before the job, to be freed after it */
	int (*run)(EVP_PKEY_CTX *ctx, uint8_t *out, size_t *out_len,
		   const uint8_t *in, size_t len);
	/* The application's own: it wipes them itself. */
	uint8_t in[TEXT + 200], out[TEXT + 200];
	size_t in_len, out_len;
} task;

static int run(void *arg)
{
	struct task *t = arg;

	t->out_len = sizeof(t->out);
	return t->run(t->ctx, t->out, &t->out_len, t->in, t->in_len) > 0;
}

static void
begin(const struct side *s, EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *),
      int (*what)(EVP_PKEY_CTX *, uint8_t *, size_t *, const uint8_t *, size_t))
{
	task.ctx = side_ctx(s, key);
	task.run = what;
	T_OK(init(task.ctx) > 0);
}

static void end(void)
{
	EVP_PKEY_CTX_free(task.ctx);
	OPENSSL_cleanse(&task, sizeof(task));
}

/* @drop_at -1: no job, 0: one that is not dropped. */
static void run_to(int drop_at)
{
	if (drop_at < 0)
		T_EQ(run(&task), 1);
	else
		T_OK(job_paused(run, &task, drop_at, NULL) >=
		     (drop_at ? drop_at : 1));
}

/* ---- claims -------------------------------------------------------------- */

static void gone(const struct needle *n, const char *what, const char *device,
		 size_t key, int drop_at)
{
	if (!needle_goes(n))
		t_fail(__FILE__, __LINE__, "%s, %s, %s, dropped at %d: %u",
		       what, types[key], device, drop_at, needle_count(n));
}

static void signature(const char *device, size_t key, int drop_at)
{
	struct side *s = side_inside(device);
	EVP_PKEY *mine = side_take(s, keys[key], EVP_PKEY_KEYPAIR);
	unsigned int before = drawn;

	memset(task.in, 5, 32);
	task.in_len = 32;
	begin(s, mine, EVP_PKEY_sign_init, EVP_PKEY_sign);
	run_to(drop_at);
	T_EQ(drawn, before + 1);
	end();
	gone(&nonce, "nonce", device, key, drop_at);
	EVP_PKEY_free(mine);
	side_free(s);
}

static void each_signature(int drop_at)
{
	start();
	for (size_t d = 0; d < ARRAY(devices); d++)
		for (size_t k = 0; k < ARRAY(keys); k++)
			signature(devices[d], k, drop_at);
}

static void a_signature_leaves_no_nonce(void)
{
	each_signature(-1);
	each_signature(0);
}

static void one_dropped_at_the_device_leaves_no_nonce(void)
{
	each_signature(1);
}

static void one_dropped_during_the_check_leaves_no_nonce(void)
{
	setenv("WD_EC_SIGN_CHECK", "yes", 1);
	each_signature(2);
	unsetenv("WD_EC_SIGN_CHECK");
}

static unsigned int held;

static void count_nonce(void)
{
	held = needle_count(&nonce);
}

/* It is there while the job is out: else nothing is proved. */
static void a_paused_signature_holds_its_nonce(void)
{
	struct side *s;
	EVP_PKEY *mine;

	start();
	s = side_inside(devices[1]);
	mine = side_take(s, keys[0], EVP_PKEY_KEYPAIR);
	task.in_len = 32;
	memset(task.in, 5, 32);
	begin(s, mine, EVP_PKEY_sign_init, EVP_PKEY_sign);
	T_EQ(job_paused(run, &task, 1, count_nonce), 1);
	T_OK(held > 0);
	end();
	gone(&nonce, "nonce", devices[1], 0, 1);
	EVP_PKEY_free(mine);
	side_free(s);
}

static void encryption(const char *device, int drop_at)
{
	struct side *s = side_inside(device);
	EVP_PKEY *mine = side_take(s, keys[1], EVP_PKEY_KEYPAIR);
	struct needle text;

	RAND_bytes(task.in, TEXT);
	needle_take(&text, task.in + 64);
	task.in_len = TEXT;
	begin(s, mine, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt);
	run_to(drop_at);
	end();
	gone(&nonce, "nonce", device, 1, drop_at);
	gone(&text, "text", device, 1, drop_at);
	EVP_PKEY_free(mine);
	side_free(s);
}

/* The default provider seals it; it is then forgotten. */
static void sealed(struct needle *text)
{
	uint8_t ct[sizeof(task.in)];
	size_t n;

	RAND_bytes(task.in, TEXT);
	needle_take(text, task.in + 64);
	task.in_len = TEXT;
	begin(def, keys[1], EVP_PKEY_encrypt_init, EVP_PKEY_encrypt);
	T_EQ(run(&task), 1);
	n = task.out_len;
	memcpy(ct, task.out, n);
	end();
	memcpy(task.in, ct, n);
	task.in_len = n;
}

static void decryption(const char *device, int drop_at)
{
	struct side *s = side_inside(device);
	EVP_PKEY *mine = side_take(s, keys[1], EVP_PKEY_KEYPAIR);
	struct needle text;

	sealed(&text);
	T_EQ(needle_count(&text), 0);
	begin(s, mine, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt);
	run_to(drop_at);
	if (drop_at <= 0)
		T_OK(needle_count(&text) > 0);
	end();
	gone(&text, "text", device, 1, drop_at);
	EVP_PKEY_free(mine);
	side_free(s);
}

static void encryption_leaves_neither_nonce_nor_text(void)
{
	start();
	for (size_t d = 0; d < ARRAY(devices); d++)
		for (int drop_at = -1; drop_at <= 1; drop_at++)
			encryption(devices[d], drop_at);
}

static void decryption_leaves_no_text(void)
{
	start();
	for (size_t d = 0; d < ARRAY(devices); d++)
		for (int drop_at = -1; drop_at <= 1; drop_at++)
			decryption(devices[d], drop_at);
}

/* Big-endian, as the engine takes it: libcrypto's numbers are not. */
static void take_private(const EVP_PKEY *key, struct needle *n)
{
	uint8_t bytes[32];
	BIGNUM *d = NULL;

	T_EQ(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
	BN_bn2binpad(d, bytes, sizeof(bytes));
	needle_take(n, bytes + 8);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	BN_clear_free(d);
}

static void a_key_that_is_freed_is_gone(void)
{
	start();
	for (size_t d = 0; d < ARRAY(devices); d++)
		for (size_t k = 0; k < ARRAY(keys); k++) {
			struct side *s = side_inside(devices[d]);
			EVP_PKEY *key = ec_make(def, types[k], groups[k]);
			EVP_PKEY *mine = side_take(s, key, EVP_PKEY_KEYPAIR);
			struct needle private;

			take_private(key, &private);
			EVP_PKEY_free(key);
			memset(task.in, 5, 32);
			task.in_len = 32;
			begin(s, mine, EVP_PKEY_sign_init, EVP_PKEY_sign);
			T_EQ(run(&task), 1);
			T_EQ(job_paused(run, &task, 1, NULL), 1);
			T_OK(needle_count(&private) > 0);
			end();
			EVP_PKEY_free(mine);
			gone(&private, "private key", devices[d], k, 1);
			side_free(s);
		}
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(a_signature_leaves_no_nonce),
		T_CASE(one_dropped_at_the_device_leaves_no_nonce),
		T_CASE(one_dropped_during_the_check_leaves_no_nonce),
		T_CASE(a_paused_signature_holds_its_nonce),
		T_CASE(encryption_leaves_neither_nonce_nor_text),
		T_CASE(decryption_leaves_no_text),
		T_CASE(a_key_that_is_freed_is_gone),
	};

	setenv("WD_TIMEOUT_MS", "20000", 1);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	t_skip("sanitizers map more memory than can be looked through");
#endif
	return t_main(cases, ARRAY(cases), argc, argv);
}
