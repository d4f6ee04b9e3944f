/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Synchronous jobs on the scripted device.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "offload/offload_priv.h"
#include "offload/slot.h"
#include "test/sdev.h"
#include "test/t.h"

#define W 256

static struct sdev *d;
static struct offload *o;
static struct offload_config cfg;
static uint8_t key[5 * W / 2], in[W], out[W];

static void config(void)
{
	offload_config_init(&cfg);
	memset(cfg.min_bytes, 0, sizeof(cfg.min_bytes));
	cfg.timeout_ms = 20000;
	d = sdev_new();
}

static void start(void)
{
	T_EQ(offload_new_on(&o, &cfg, &d->host), 0);
	key[0] = 0x11;
	for (int i = 0; i < W; i++)
		in[i] = (uint8_t)i;
	memset(out, 0, sizeof(out));
}

static void stop(void)
{
	offload_free(o);
	o = NULL;
}

static struct offload_rsa rsa(void)
{
	return (struct offload_rsa){ .kind = OFFLOAD_RSA_PRIVATE,
				     .alg = HPRE_ALG_RSA_CRT,
				     .width = W,
				     .key = key,
				     .in = in,
				     .out = out };
}

static int run_rsa(void)
{
	struct offload_rsa op = rsa();

	return offload_rsa(o, &op, NULL);
}

static bool rsa_is_right(const uint8_t *result)
{
	for (int i = 0; i < W; i++)
		if (result[i] != (uint8_t)(i ^ 0x11 ^ 0x5a))
			return false;
	return true;
}

static struct offload_stats stats(void)
{
	struct offload_stats s;

	offload_stats(o, &s);
	return s;
}

static struct device *hpre(void)
{
	return &o->engine[UACCE_HPRE].device[0];
}

/* The device has failed and is left alone; no clock decides how long. */
static void rests(void)
{
	T_OK(atomic_load(&hpre()->health.retry_at));
	atomic_store(&hpre()->health.retry_at, UINT64_MAX);
	T_OK(!offload_choose(o, OFFLOAD_RSA_PRIVATE, W));
	T_EQ(run_rsa(), -ENODEV);
}

static void rest_is_over(void)
{
	atomic_store(&hpre()->health.retry_at, 1);
	T_OK(offload_choose(o, OFFLOAD_RSA_PRIVATE, W));
}

static void loading_opens_nothing(void)
{
	config();
	start();
	T_EQ(d->opened, 0);
	T_OK(offload_has(o, OFFLOAD_RSA_PRIVATE));
	T_OK(offload_has(o, OFFLOAD_AES_GCM));
	T_OK(offload_is_model(o));
	T_EQ(offload_qm_version(o, UACCE_SEC), 2);
	T_EQ(offload_qm_version(o, UACCE_ZIP), 0);
	stop();
}

static void a_job_comes_back(void)
{
	config();
	start();
	T_EQ(run_rsa(), 0);
	T_OK(rsa_is_right(out));
	T_EQ(d->opened, 1);
	T_EQ(d->sq_bells, 1);
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].done, 1);
	T_EQ(stats().copied, W); /* of a private key: by way of the slot */
	stop();
}

static void in_place_over_itself_is_bounced_and_wiped(void)
{
	struct offload_rsa op;

	config();
	start();
	op = rsa();
	op.out = in;
	T_EQ(offload_rsa(o, &op, NULL), 0);
	T_OK(rsa_is_right(in));
	T_OK(sdev_pools_clean(d));
	stop();
}

static void without_sva_everything_goes_through_the_pool(void)
{
	config();
	d->sva = false;
	d->pool_slices = 7;
	start();
	for (int i = 0; i < 600; i++) {
		memset(out, 0, sizeof(out));
		T_EQ(run_rsa(), 0);
		T_OK(rsa_is_right(out));
	}
	T_EQ(d->bad_dma, 0);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void a_failed_job_leaves_its_input(void)
{
	struct offload_rsa op;
	uint8_t before[W];

	config();
	d->bad = 1;
	start();
	memcpy(before, in, W);
	op = rsa();
	op.out = in;
	T_EQ(offload_rsa(o, &op, NULL), -EIO);
	T_MEM(in, before, W);
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].errors, 1);
	T_EQ(run_rsa(), 0);
	stop();
}

static void a_sleeper_is_woken(void)
{
	config();
	d->mode = SDEV_THREAD;
	d->delay_us = 3000;
	start();
	for (int i = 0; i < 5; i++)
		T_EQ(run_rsa(), 0);
	T_OK(rsa_is_right(out));
	T_OK(stats().sleeps >= 1);
	T_OK(d->waits >= 1);
	stop();
}

static void a_deadline_gives_the_queue_up(void)
{
	config();
	d->mode = SDEV_HOLD;
	cfg.timeout_ms = 20;
	start();
	T_EQ(run_rsa(), -ETIMEDOUT);
	T_EQ(d->stopped >= 1, 1);
	T_EQ(d->closed, 1);
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].timeouts, 1);
	T_EQ(stats().quarantined, 1);
	T_EQ(stats().resets, 0); /* it was slow, not stopped */
	/* The device rests, then is probed, on a queue of its own. */
	rests();
	d->mode = SDEV_INLINE;
	rest_is_over();
	T_EQ(run_rsa(), 0);
	T_EQ(d->opened, 2);
	T_EQ(run_rsa(), 0);
	T_EQ(d->opened, 2);
	stop();
}

static void a_stopped_queue_is_replaced(void)
{
	config();
	start();
	T_EQ(run_rsa(), 0);
	sdev_stop_queues(d);
	T_EQ(run_rsa(), -EIO);
	rests();
	offload_count_software(o, OFFLOAD_RSA_PRIVATE);
	T_EQ(stats().why[OFFLOAD_WHY_DOWN], 1);
	rest_is_over();
	offload_count_software(o, OFFLOAD_RSA_PRIVATE);
	T_EQ(stats().why[OFFLOAD_WHY_CHOICE], 1);
	T_EQ(run_rsa(), 0);
	T_EQ(d->opened, 2);
	T_EQ(stats().quarantined, 1);
	T_EQ(stats().resets, 1);
	stop();
}

static void eight_bad_results_in_a_row_make_a_bad_device(void)
{
	config();
	d->bad = 8;
	start();
	for (int i = 0; i < 8; i++) {
		T_OK(offload_choose(o, OFFLOAD_RSA_PRIVATE, W));
		T_EQ(run_rsa(), -EIO);
	}
	rests();
	rest_is_over();
	T_EQ(run_rsa(), 0);
	T_EQ(atomic_load(&hpre()->health.retry_at), 0);
	T_OK(offload_choose(o, OFFLOAD_RSA_PRIVATE, W));
	stop();
}

static void refusal_of_the_node_is_for_good_and_asked_once(void)
{
	config();
	d->open_rc = -EACCES;
	start();
	T_OK(offload_choose(o, OFFLOAD_RSA_PRIVATE, W));
	T_EQ(run_rsa(), -ENODEV);
	T_OK(!offload_choose(o, OFFLOAD_RSA_PRIVATE, W));
	d->open_rc = 0;
	T_EQ(run_rsa(), -ENODEV);
	T_EQ(d->opened, 0);
	stop();
}

static void no_descriptors_left_is_not_for_good(void)
{
	config();
	d->open_rc_once = -EMFILE;
	start();
	T_EQ(run_rsa(), -EBUSY);
	atomic_store(&hpre()->busy_until, UINT64_MAX);
	T_EQ(run_rsa(), -EBUSY);
	T_EQ(d->opened, 0);
	atomic_store(&hpre()->busy_until, 0);
	T_EQ(run_rsa(), 0);
	stop();
}

static struct offload_cipher gcm(uint8_t *from, uint8_t *to, uint32_t len,
				 uint8_t *tag)
{
	static const uint8_t iv[12];

	return (struct offload_cipher){
		.kind = OFFLOAD_AES_GCM,
		.alg = SEC_AES_GCM,
		.encrypt = true,
		.key = key,
		.key_len = 16,
		.iv = iv,
		.iv_len = sizeof(iv),
		.aad = (const uint8_t *)"thirteen byte",
		.aad_len = 13,
		.in = from,
		.out = to,
		.len = len,
		.tag = tag,
		.tag_len = 16,
	};
}

static bool cipher_is_right(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != (uint8_t)((uint8_t)(i * 7) ^ 0x11 ^ 0x5a))
			return false;
	return true;
}

static void fill(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 7);
}

/* Encrypts @len bytes, apart or over itself, then back, then a wrong tag. */
static void gcm_round(uint32_t len, bool in_place)
{
	uint8_t *a = malloc(len + 1), *b = in_place ? a : malloc(len + 1);
	uint8_t tag[16];
	struct offload_cipher op = gcm(a, b, len, tag);

	fill(a, len);
	T_EQ(offload_cipher(o, &op, NULL), 0);
	T_OK(cipher_is_right(b, len));
	op.encrypt = false;
	op.in = b;
	op.out = a;
	T_EQ(offload_cipher(o, &op, NULL), 0);
	for (uint32_t i = 0; i < len; i++)
		T_EQ(a[i], (uint8_t)(i * 7));
	if (!in_place) {
		tag[0] ^= 1;
		T_EQ(offload_cipher(o, &op, NULL), -EBADMSG);
		free(b);
	}
	free(a);
}

static void gcm_of_all_sizes_both_ways(void)
{
	static const uint32_t sizes[] = { 1,	 16, 1000, 16384, SEC_SLOT_DATA,
					  100000 };

	config();
	start();
	for (size_t i = 0; i < WD_ARRAY_SIZE(sizes); i++) {
		gcm_round(sizes[i], false);
		T_EQ(stats().copied, 0);
	}
	for (size_t i = 0; i < WD_ARRAY_SIZE(sizes); i++)
		gcm_round(sizes[i], true);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void gcm_without_sva_in_one_slot_and_in_many(void)
{
	const uint32_t most = (uint32_t)SEC_ROOM(SEC_ROOM_SLOTS);
	uint8_t tag[16], *p = calloc(1, most);
	struct offload_cipher op;

	config();
	d->sva = false;
	d->pool_slices = 3;
	start();
	T_EQ(offload_max_bytes(o, OFFLOAD_AES_GCM, false), most);
	T_EQ(offload_max_bytes(o, OFFLOAD_AES_GCM, true), most);
	T_EQ(offload_max_bytes(o, OFFLOAD_AES_CBC, false),
	     SEC_ROOM(SEC_ROOM_SLOTS_SPLIT));
	T_EQ(offload_max_bytes(o, OFFLOAD_SHA512, false), SEC_SLOT_DATA);
	gcm_round(16384, false);
	gcm_round(16384, true);
	gcm_round(SEC_SLOT_DATA - 13, true);
	T_EQ(stats().copied, 9 * 16384 + 4 * (SEC_SLOT_DATA - 13));
	gcm_round(SEC_SLOT_DATA - 12, true);
	gcm_round(SEC_SLOT_DATA - 12 + sizeof(struct sec_slot), false);
	gcm_round(200000, false);
	gcm_round(most - 13, true);
	op = gcm(p, p, most - 12, tag);
	T_EQ(offload_cipher(o, &op, NULL), -EMSGSIZE);
	T_EQ(d->bad_dma, 0);
	T_OK(sdev_pools_clean(d));
	stop();
	free(p);
}

static void partial_overlap_is_refused(void)
{
	uint8_t buf[64], tag[16];
	struct offload_cipher op = gcm(buf, buf + 1, 32, tag);

	config();
	start();
	T_EQ(offload_cipher(o, &op, NULL), -EINVAL);
	op = gcm(buf + 1, buf, 32, tag);
	T_EQ(offload_cipher(o, &op, NULL), -EINVAL);
	op = gcm(buf, buf + 32, 32, tag);
	T_EQ(offload_cipher(o, &op, NULL), 0);
	stop();
}

static void what_the_codec_refuses_costs_no_slot(void)
{
	uint8_t buf[32] = { 0 }, iv[16] = { 0 };
	struct offload_cipher op = { .kind = OFFLOAD_AES_CBC,
				     .alg = SEC_AES_CBC,
				     .key = key,
				     .key_len = 16,
				     .iv = iv,
				     .iv_len = sizeof(iv),
				     .in = buf,
				     .out = buf,
				     .len = 17 };

	config();
	start();
	for (int i = 0; i < 2000; i++)
		T_EQ(offload_cipher(o, &op, NULL), -EINVAL);
	op.len = 32;
	T_EQ(offload_cipher(o, &op, NULL), 0);
	T_EQ(stats().kind[OFFLOAD_AES_CBC].jobs, 1);
	stop();
}

/* ---- every mode ---------------------------------------------------------- */

#define MODE_LEN 64u

static const struct mode {
	enum offload_kind kind;
	enum sec_cipher_alg alg;
	uint8_t key_len, iv_len, tag_len;
	bool v2; /* the scripted device is one */
} modes[] = {
	{ OFFLOAD_AES_ECB, SEC_AES_ECB, 24, 0, 0, true },
	{ OFFLOAD_AES_CBC, SEC_AES_CBC, 16, 16, 0, true },
	{ OFFLOAD_AES_CTR, SEC_AES_CTR, 32, 16, 0, true },
	{ OFFLOAD_AES_XTS, SEC_AES_XTS, 64, 16, 0, true },
	{ OFFLOAD_AES_CTS, SEC_AES_CBC_CS1, 16, 16, 0, true },
	{ OFFLOAD_AES_CTS, SEC_AES_CBC_CS2, 16, 16, 0, true },
	{ OFFLOAD_AES_CTS, SEC_AES_CBC_CS3, 16, 16, 0, true },
	{ OFFLOAD_AES_GCM, SEC_AES_GCM, 32, 12, 16, true },
	{ OFFLOAD_AES_CCM, SEC_AES_CCM, 16, 7, 4, true },
	{ OFFLOAD_AES_CCM, SEC_AES_CCM, 32, 13, 16, true },
	{ OFFLOAD_SM4_ECB, SEC_SM4_ECB, 16, 0, 0, true },
	{ OFFLOAD_SM4_CBC, SEC_SM4_CBC, 16, 16, 0, true },
	{ OFFLOAD_SM4_CTR, SEC_SM4_CTR, 16, 16, 0, true },
	{ OFFLOAD_SM4_XTS, SEC_SM4_XTS, 32, 16, 0, true },
	{ OFFLOAD_DES3, SEC_DES3_ECB, 24, 0, 0, true },
	{ OFFLOAD_DES3, SEC_DES3_CBC, 16, 8, 0, true },
	{ OFFLOAD_AES_CFB, SEC_AES_CFB, 16, 16, 0, false },
	{ OFFLOAD_AES_OFB, SEC_AES_OFB, 16, 16, 0, false },
	{ OFFLOAD_SM4_CFB, SEC_SM4_CFB, 16, 16, 0, false },
	{ OFFLOAD_SM4_OFB, SEC_SM4_OFB, 16, 16, 0, false },
	{ OFFLOAD_SM4_XTS, SEC_SM4_XTS_GB, 32, 16, 0, false },
	{ OFFLOAD_SM4_GCM, SEC_SM4_GCM, 16, 12, 16, false },
	{ OFFLOAD_SM4_CCM, SEC_SM4_CCM, 16, 12, 16, false },
};

/* Lies at the end of its page, so that not a byte more may be read. */
static const uint8_t *only(size_t len, uint8_t first)
{
	static uint8_t *wall;

	if (!wall) {
		wall = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(wall + 4096, 4096, PROT_NONE);
	}
	memset(wall + 4096 - len, first, len);
	return len ? wall + 4096 - len : NULL;
}

static struct offload_cipher mode_op(const struct mode *m, uint8_t *from,
				     uint8_t *to, uint8_t *tag)
{
	return (struct offload_cipher){
		.kind = m->kind,
		.alg = m->alg,
		.encrypt = true,
		.key = key,
		.key_len = m->key_len,
		.iv = only(m->iv_len, 3),
		.iv_len = m->iv_len,
		.in = from,
		.out = to,
		.len = MODE_LEN,
		.tag = m->tag_len ? tag : NULL,
		.tag_len = m->tag_len,
	};
}

static void mode_round(const struct mode *m)
{
	uint8_t a[MODE_LEN], b[MODE_LEN], tag[16];
	struct offload_cipher op = mode_op(m, a, b, tag);

	fill(a, sizeof(a));
	T_EQ(offload_has_cipher(o, m->kind, m->alg), m->v2);
	if (!m->v2) {
		T_EQ(offload_cipher(o, &op, NULL), -EINVAL);
		return;
	}
	T_EQ(offload_cipher(o, &op, NULL), 0);
	T_OK(cipher_is_right(b, sizeof(b)));
	op.encrypt = false;
	op.in = op.out;
	T_EQ(offload_cipher(o, &op, NULL), 0);
	fill(a, sizeof(a));
	T_MEM(b, a, sizeof(b));
	op.iv_len = 5;
	T_EQ(offload_cipher(o, &op, NULL), -EINVAL);
}

static void every_mode(bool sva)
{
	config();
	d->sva = sva;
	start();
	for (size_t i = 0; i < WD_ARRAY_SIZE(modes); i++)
		mode_round(&modes[i]);
	T_EQ(d->bad_dma, 0);
	T_OK(sdev_pools_clean(d));
	stop();
}

static void every_mode_in_place_and_bounced(void)
{
	every_mode(true);
	every_mode(false);
}

static void a_kind_of_another_engine_has_no_ciphers(void)
{
	config();
	start();
	T_OK(!offload_has_cipher(o, OFFLOAD_RSA_PRIVATE, SEC_AES_CBC));
	T_OK(!offload_has_cipher(o, OFFLOAD_KINDS, SEC_AES_CBC));
	T_OK(!offload_has_cipher(o, OFFLOAD_AES_CBC, SEC_CIPHER_ALGS));
	T_OK(!offload_has_mac(o, OFFLOAD_AES_CMAC, SEC_AES_CMAC));
	T_OK(!offload_has_mac(o, OFFLOAD_AES_GMAC, SEC_AES_GMAC));
	stop();
}

/* The first generation has no empty AEAD message, digest or HMAC. */
static void empty_messages_are_refused_by_v2(void)
{
	uint8_t tag[16], state[64];
	struct offload_cipher op;
	struct offload_digest dg = { .kind = OFFLOAD_SHA512,
				     .alg = SEC_SHA512,
				     .state = state };

	config();
	start();
	op = gcm(NULL, NULL, 0, tag);
	T_EQ(offload_cipher(o, &op, NULL), -EINVAL);
	op.alg = SEC_AES_CCM;
	op.kind = OFFLOAD_AES_CCM;
	T_EQ(offload_cipher(o, &op, NULL), -EINVAL);
	T_EQ(offload_digest(o, &dg, NULL), -EINVAL);
	dg.kind = OFFLOAD_HMAC;
	dg.key = key;
	dg.key_len = 20;
	T_EQ(offload_digest(o, &dg, NULL), -EINVAL);
	T_EQ(d->done, 0);
	T_OK(sdev_pools_clean(d));
	stop();
}

/* A nonce of 13 bytes leaves two for the length. */
static void ccm_refuses_what_its_length_field_cant_say(void)
{
	uint8_t tag[16], *p = calloc(1, 65536);
	struct offload_cipher op;

	config();
	start();
	op = mode_op(&modes[9], p, p, tag);
	op.len = 65535;
	T_EQ(offload_cipher(o, &op, NULL), 0);
	op.len = 65536;
	T_EQ(offload_cipher(o, &op, NULL), -EINVAL);
	op.len = 16;
	op.tag_len = 5;
	T_EQ(offload_cipher(o, &op, NULL), -EINVAL);
	T_OK(sdev_pools_clean(d));
	stop();
	free(p);
}

static void digest_round(enum sec_digest_alg alg, const uint8_t *mac_key,
			 uint8_t key_len)
{
	size_t size = sec_digest_size(alg), saved = sec_digest_state(alg);
	uint8_t data[256], state[80];
	struct offload_digest op = {
		.kind = key_len ? OFFLOAD_HMAC : OFFLOAD_SHA512,
		.alg = alg,
		.part = SEC_FIRST,
		.in = data,
		.len = sizeof(data),
		.total_bits = 2 * sizeof(data) * 8,
		.state = state,
		.key = mac_key,
		.key_len = key_len,
	};

	memset(data, 9, sizeof(data));
	memset(state, 0xee, sizeof(state));
	T_EQ(offload_digest(o, &op, NULL), 0);
	for (size_t i = saved; i < sizeof(state); i++)
		T_EQ(state[i], 0xee);
	T_OK(state[saved - 1] == state[0]);
	op.part = SEC_LAST;
	memset(state, 0xee, sizeof(state));
	T_EQ(offload_digest(o, &op, NULL), 0);
	T_OK(state[size - 1] == state[0]);
	for (size_t i = size; i < sizeof(state); i++)
		T_EQ(state[i], 0xee);
}

static void digests_write_their_state_and_no_more(void)
{
	for (int sva = 0; sva < 2; sva++) {
		config();
		d->sva = sva;
		start();
		for (unsigned int a = 0; a < SEC_DIGEST_ALGS; a++) {
			digest_round(a, NULL, 0);
			digest_round(a, key, (uint8_t)sec_digest_block(a));
		}
		T_EQ(d->bad_dma, 0);
		T_OK(sdev_pools_clean(d));
		stop();
	}
}

static void bad_digests_and_macs_are_refused(void)
{
	uint8_t data[64] = { 0 }, state[64];
	struct offload_digest op = { .kind = OFFLOAD_HMAC,
				     .alg = SEC_SHA256,
				     .in = data,
				     .len = sizeof(data),
				     .state = state,
				     .key = key,
				     .key_len = 68 };
	struct offload_mac mac = { .kind = OFFLOAD_AES_CMAC,
				   .alg = SEC_AES_CMAC,
				   .key = key,
				   .key_len = 16,
				   .in = data,
				   .len = sizeof(data),
				   .mac = state };

	config();
	start();
	T_EQ(offload_digest(o, &op, NULL), -EINVAL); /* above a block */
	op.key_len = 30;
	T_EQ(offload_digest(o, &op, NULL), -EINVAL); /* not in words */
	op.key_len = 32;
	op.key = NULL;
	T_EQ(offload_digest(o, &op, NULL), -EINVAL);
	op.key_len = 0;
	op.alg = SEC_DIGEST_ALGS;
	T_EQ(offload_digest(o, &op, NULL), -EINVAL);
	op.alg = SEC_SHA256;
	op.len = SEC_LEN_MAX + 1;
	T_EQ(offload_digest(o, &op, NULL), -EMSGSIZE);
	op.kind = OFFLOAD_RSA_PRIVATE;
	T_EQ(offload_digest(o, &op, NULL), -EINVAL);
	T_EQ(offload_mac(o, &mac, NULL), -EINVAL); /* V3 only */
	mac.key_len = 65;
	T_EQ(offload_mac(o, &mac, NULL), -EINVAL);
	mac.key_len = 16;
	mac.len = SEC_LEN_MAX + 1;
	T_EQ(offload_mac(o, &mac, NULL), -EMSGSIZE);
	T_EQ(d->done, 0);
	stop();
}

static void digest_state_survives_failure(void)
{
	uint8_t data[64], state[SEC_DIGEST_STATE], before[SEC_DIGEST_STATE];
	struct offload_digest op = { .kind = OFFLOAD_SM3,
				     .alg = SEC_SM3,
				     .part = SEC_FIRST,
				     .in = data,
				     .len = 64,
				     .state = state };

	config();
	start();
	memset(data, 3, sizeof(data));
	T_EQ(offload_digest(o, &op, NULL), 0);
	memcpy(before, state, sizeof(state));
	d->bad = 1;
	op.part = SEC_MIDDLE;
	T_EQ(offload_digest(o, &op, NULL), -EIO);
	T_MEM(state, before, sizeof(state));
	stop();
}

/* ---- threads ------------------------------------------------------------ */

#define THREADS 8

static void *run_many(void *arg)
{
	uint8_t mine[W];
	struct offload_rsa op = rsa();

	op.out = mine;
	for (int i = 0; i < *(int *)arg; i++) {
		memset(mine, 0, W);
		T_EQ(offload_rsa(o, &op, NULL), 0);
		T_OK(rsa_is_right(mine));
	}
	return NULL;
}

static void run_threads(int jobs)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, run_many, &jobs);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void each_thread_has_a_queue_and_leaves_it_to_the_next(void)
{
	config();
	d->mode = SDEV_THREAD;
	start();
	run_threads(50);
	T_OK(d->opened <= THREADS);
	run_threads(5);
	T_OK(d->opened <= THREADS);
	stop();
}

static void more_threads_than_queues_share(void)
{
	config();
	d->mode = SDEV_THREAD;
	d->delay_us = 200;
	d->queues = 2;
	start();
	run_threads(50);
	T_EQ(d->opened, 2);
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].done, THREADS * 50);
	stop();
}

static void the_queue_limit_is_kept(void)
{
	config();
	cfg.queues = 3;
	d->mode = SDEV_THREAD;
	start();
	run_threads(20);
	T_OK(d->opened <= 3);
	stop();
}

static void *run_one(void *arg)
{
	uint8_t mine[W];
	struct offload_rsa op = rsa();

	(void)arg;
	op.out = mine;
	return (void *)(intptr_t)offload_rsa(o, &op, NULL);
}

static void all_sharers_of_a_dead_queue_are_told(void)
{
	pthread_t t[THREADS];

	config();
	d->mode = SDEV_HOLD;
	d->queues = 1;
	cfg.timeout_ms = 10000;
	start();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, run_one, NULL);
	while (sdev_pending(d) < THREADS)
		usleep(100);
	sdev_stop_queues(d);
	for (int i = 0; i < THREADS; i++) {
		void *rc;

		pthread_join(t[i], &rc);
		T_EQ((int)(intptr_t)rc, -EIO);
	}
	T_EQ(stats().kind[OFFLOAD_RSA_PRIVATE].errors, THREADS);
	T_EQ(d->closed, 1);
	stop();
}

static void a_child_opens_queues_of_its_own(void)
{
	int status;
	pid_t pid;

	config();
	start();
	T_EQ(run_rsa(), 0);
	pid = fork();
	if (!pid) {
		struct offload_stats s;
		bool ok;

		offload_stats(o, &s);
		ok = !s.kind[OFFLOAD_RSA_PRIVATE].jobs && !run_rsa() &&
		     !run_rsa() && rsa_is_right(out) && d->forked == 1 &&
		     d->opened == 2 && !d->closed &&
		     stats().kind[OFFLOAD_RSA_PRIVATE].done == 2;
		offload_free(o);
		_exit(!ok);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	T_EQ(run_rsa(), 0);
	T_EQ(d->opened, 1);
	stop();
}

T_MAIN(T_CASE(loading_opens_nothing), T_CASE(a_job_comes_back),
       T_CASE(in_place_over_itself_is_bounced_and_wiped),
       T_CASE(without_sva_everything_goes_through_the_pool),
       T_CASE(a_failed_job_leaves_its_input), T_CASE(a_sleeper_is_woken),
       T_CASE(a_deadline_gives_the_queue_up),
       T_CASE(a_stopped_queue_is_replaced),
       T_CASE(eight_bad_results_in_a_row_make_a_bad_device),
       T_CASE(refusal_of_the_node_is_for_good_and_asked_once),
       T_CASE(no_descriptors_left_is_not_for_good),
       T_CASE(gcm_of_all_sizes_both_ways),
       T_CASE(gcm_without_sva_in_one_slot_and_in_many),
       T_CASE(partial_overlap_is_refused),
       T_CASE(what_the_codec_refuses_costs_no_slot),
       T_CASE(every_mode_in_place_and_bounced),
       T_CASE(a_kind_of_another_engine_has_no_ciphers),
       T_CASE(empty_messages_are_refused_by_v2),
       T_CASE(ccm_refuses_what_its_length_field_cant_say),
       T_CASE(digests_write_their_state_and_no_more),
       T_CASE(bad_digests_and_macs_are_refused),
       T_CASE(digest_state_survives_failure),
       T_CASE(each_thread_has_a_queue_and_leaves_it_to_the_next),
       T_CASE(more_threads_than_queues_share), T_CASE(the_queue_limit_is_kept),
       T_CASE(all_sharers_of_a_dead_queue_are_told),
       T_CASE(a_child_opens_queues_of_its_own))
