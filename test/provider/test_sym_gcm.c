/* SPDX-License-Identifier: Apache-2.0 */
/* GCM call by call against the default provider, with a device that computes
 * at once and fails where it is told to. */
#include <errno.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "test/provider/fake_offload.h"
#include "test/provider/sym.h"

static const char *const names[] = { "AES-128-GCM", "AES-192-GCM",
				     "AES-256-GCM" };
#define NAMES (sizeof(names) / sizeof(*names))

static const uint8_t key[32] = "a key that is thirty-two bytes.";
static const uint8_t iv[16] = "twelve bytes";
static uint8_t in[SYM_MAX + 64], out[SYM_MAX + 64];

static void random_device(void)
{
	static const size_t mins[] = { 0, 16, 1000, 8192, SIZE_MAX };

	fake_reset();
	fake.min = mins[sym_random(5)];
	if (!sym_random(4))
		fake.max = 16 + sym_random(5000);
	if (!sym_random(4)) {
		static const int rcs[] = { -EIO, -ETIMEDOUT, -EAGAIN, -ENODEV,
					   -EBADMSG };

		fake.fail = rcs[sym_random(5)];
		fake.fail_at = (int)sym_random(2);
	}
}

static void random_aad(struct sym_pair *p)
{
	static uint8_t aad[SYM_MAX];
	int n, pieces = (int)sym_random(4);

	while (pieces--) {
		size_t len = sym_random(20) ? sym_random(60) : sym_length(9000);

		sym_bytes(aad, len);
		sym_update(p, NULL, &n, aad, (int)len);
		if (!sym_random(8))
			sym_copy(p);
	}
}

static void random_data(struct sym_pair *p, size_t total)
{
	size_t at = 0;
	int n;

	while (at < total) {
		size_t len =
			sym_random(2) ? sym_length(total - at) : total - at;
		size_t shift = sym_random(4);

		if (sym_random(2)) {
			memcpy(out, in + at, len);
			sym_update(p, out, &n, out, (int)len);
		} else {
			sym_update(p, out + shift, &n, in + at, (int)len);
		}
		at += len;
		if (!sym_random(6))
			sym_copy(p);
	}
}

/* Encrypt with random pieces; the tag.  Then decrypt, sometimes with a bad
 * tag, set before or after the data. */
static void encrypt_one(struct sym_pair *p, const uint8_t *k, const uint8_t *v,
			int iv_len)
{
	uint8_t tag[16];
	int n;

	T_EQ(sym_ctrl(p, EVP_CTRL_AEAD_SET_IVLEN, iv_len, NULL), 1);
	T_EQ(sym_init(p, k, v, 1), 1);
	sym_same_ivs(p);
	random_aad(p);
	random_data(p, sym_length(SYM_MAX));
	T_EQ(sym_final(p, out, &n), 1);
	T_EQ(sym_get(p, EVP_CTRL_AEAD_GET_TAG, 1 + (int)sym_random(16), tag),
	     1);
	/* Neither goes on without a new IV. */
	T_EQ(sym_update(p, out, &n, in, 16), 0);
}

static void any_pieces_any_device(void)
{
	uint8_t k[32], v[128];

	sym_load(true);
	for (uint32_t round = 0; round < 600; round++) {
		struct sym_pair p = sym_open(names[round % NAMES]);

		sym_seed(round);
		sym_bytes(in, sizeof(in));
		for (int reuse = 0; reuse < 3; reuse++) {
			random_device();
			sym_bytes(k, sizeof(k));
			sym_bytes(v, sizeof(v));
			encrypt_one(&p, sym_random(2) || !reuse ? k : NULL, v,
				    sym_random(4) ? 12
						  : 1 + (int)sym_random(64));
		}
		sym_close(&p);
	}
	sym_unload();
}

/* A message by default alone: AAD, ciphertext, tag. */
static void make(const char *name, const uint8_t *v, size_t aad_len, size_t len,
		 uint8_t *ct, uint8_t tag[16])
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, name, "provider=default");
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	T_EQ(EVP_EncryptInit_ex(ctx, c, NULL, key, v), 1);
	if (aad_len)
		EVP_EncryptUpdate(ctx, NULL, &n, in, (int)aad_len);
	EVP_EncryptUpdate(ctx, ct, &n, in, (int)len);
	EVP_EncryptFinal_ex(ctx, ct + n, &n);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
}

static void decrypt_one(struct sym_pair *p, const char *name)
{
	static uint8_t ct[SYM_MAX + 64];
	uint8_t tag[16], v[12];
	size_t aad = sym_random(3) ? sym_random(40) : 0, at;
	size_t len = sym_length(SYM_MAX);
	int tag_len = sym_random(3) ? 16 : 1 + (int)sym_random(16);
	bool early = sym_random(3), bad = !sym_random(4);
	int n;

	sym_bytes(v, 12);
	make(name, v, aad, len, ct, tag);
	if (bad)
		tag[sym_random((uint32_t)tag_len)] ^= 0x10;
	T_EQ(sym_init(p, key, v, 0), 1);
	if (early)
		T_EQ(sym_ctrl(p, EVP_CTRL_AEAD_SET_TAG, tag_len, tag), 1);
	if (aad)
		T_EQ(sym_update(p, NULL, &n, in, (int)aad), 1);
	if (!sym_random(4))
		sym_copy(p);
	for (at = 0; at < len; at += (size_t)n) {
		size_t piece = sym_random(2) ? len - at : sym_length(len - at);

		memcpy(out, ct + at, piece);
		n = 0;
		if (!piece)
			continue;
		T_EQ(sym_update(p, out, &n, out, (int)piece), 1);
		T_MEM(out, in + at, piece);
		if (!sym_random(6))
			sym_copy(p);
	}
	if (!early)
		T_EQ(sym_ctrl(p, EVP_CTRL_AEAD_SET_TAG, tag_len, tag), 1);
	T_EQ(sym_final(p, out, &n), bad ? 0 : 1);
}

static void decryption_in_any_pieces_tag_before_or_after(void)
{
	sym_load(true);
	for (uint32_t round = 0; round < 600; round++) {
		struct sym_pair p = sym_open(names[round % NAMES]);

		sym_seed(round);
		sym_bytes(in, sizeof(in));
		for (int reuse = 0; reuse < 3; reuse++) {
			random_device();
			decrypt_one(&p, names[round % NAMES]);
		}
		sym_close(&p);
	}
	sym_unload();
}

/* The same beginning length for every remainder, then more. */
static void a_message_goes_on_after_the_device_took_it_for_whole(void)
{
	uint8_t tag[16];
	int n;

	sym_load(true);
	sym_seed(3);
	sym_bytes(in, sizeof(in));
	for (int first = 1; first < 70; first++) {
		for (int aad = 0; aad < 40; aad += 13) {
			struct sym_pair p = sym_open(names[first % NAMES]);

			fake_reset();
			T_EQ(sym_init(&p, key, iv, 1), 1);
			sym_update(&p, NULL, &n, in, aad);
			T_EQ(sym_update(&p, out, &n, in, first), 1);
			T_EQ(fake.jobs, 1);
			T_EQ(sym_update(&p, out, &n, in + first, 1000), 1);
			T_EQ(sym_update(&p, out, &n, in, 1), 1);
			T_EQ(sym_final(&p, out, &n), 1);
			sym_get(&p, EVP_CTRL_AEAD_GET_TAG, 16, tag);
			T_EQ(fake.jobs, 1);
			sym_close(&p);
		}
	}
	sym_unload();
}

/* The tag of the beginning is set first, the right one of all at the end. */
static void decryption_goes_on_after_a_tag_that_fitted_so_far(void)
{
	uint8_t ct[600], part[16], whole[16];
	int n;

	sym_load(true);
	sym_seed(4);
	sym_bytes(in, sizeof(in));
	for (size_t first = 1; first < 50; first++) {
		struct sym_pair p = sym_open("AES-256-GCM");

		fake_reset();
		make("AES-256-GCM", iv, 7, first, ct, part);
		make("AES-256-GCM", iv, 7, 500, ct, whole);
		T_EQ(sym_init(&p, key, iv, 0), 1);
		sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, 16, part);
		sym_update(&p, NULL, &n, in, 7);
		T_EQ(sym_update(&p, out, &n, ct, (int)first), 1);
		T_EQ(fake.done, 1);
		T_EQ(sym_update(&p, out + first, &n, ct + first,
				500 - (int)first),
		     1);
		T_MEM(out, in, 500);
		if (first % 3)
			sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, 16, whole);
		T_EQ(sym_final(&p, out, &n), first % 3 ? 1 : 0);
		sym_close(&p);
	}
	sym_unload();
}

static void a_tag_changed_after_the_device_agreed_decides(void)
{
	struct sym_pair p;
	uint8_t ct[100], tag[16];
	int n;

	sym_load(true);
	fake_reset();
	make("AES-128-GCM", iv, 0, 100, ct, tag);
	p = sym_open("AES-128-GCM");
	sym_init(&p, key, iv, 0);
	sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, 16, tag);
	sym_update(&p, out, &n, ct, 100);
	T_EQ(fake.done, 1);
	tag[3] ^= 1;
	sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, 16, tag);
	T_EQ(sym_final(&p, out, &n), 0);
	tag[3] ^= 1;
	T_EQ(sym_init(&p, NULL, iv, 0), 1);
	sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, 16, tag);
	sym_update(&p, out, &n, ct, 100);
	sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, 4, tag);
	T_EQ(sym_final(&p, out, &n), 1);
	sym_close(&p);
	sym_unload();
}

static void a_context_that_streams_stops_guessing(void)
{
	struct sym_pair p;
	int n;

	sym_load(true);
	fake_reset();
	p = sym_open("AES-128-GCM");
	for (int i = 0; i < 4; i++) {
		sym_init(&p, key, iv, 1);
		sym_update(&p, out, &n, in, 5000);
		sym_update(&p, out, &n, in, 5000);
		sym_final(&p, out, &n);
		T_EQ(fake.jobs, 1);
	}
	sym_close(&p);
	sym_unload();
}

static void aad_of_every_size_class(void)
{
	static uint8_t aad[200000];
	static const int sizes[] = { 1, 31, 32, 33, 64, 65535, 65536, 200000 };
	uint8_t tag[16];
	int n;

	sym_load(true);
	sym_seed(8);
	sym_bytes(aad, sizeof(aad));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct sym_pair p = sym_open("AES-128-GCM");

		for (int pieces = 1; pieces < 5; pieces++) {
			fake_reset();
			sym_init(&p, key, iv, 1);
			for (int k = 0; k < pieces; k++)
				sym_update(&p, NULL, &n, aad,
					   sizes[i] / pieces);
			T_EQ(sym_update(&p, out, &n, in, 500), 1);
			T_EQ(fake.jobs, sizes[i] / pieces * pieces < 65536);
			/* Too late for more. */
			T_EQ(sym_update(&p, NULL, &n, aad, 5), 0);
			T_EQ(sym_final(&p, out, &n), 1);
			sym_get(&p, EVP_CTRL_AEAD_GET_TAG, 16, tag);
		}
		sym_close(&p);
	}
	sym_unload();
}

/* What is refused, and at which call. */
static void orders_that_default_refuses_are_refused(void)
{
	uint8_t tag[32] = { 0 };
	struct sym_pair p;
	int n;

	sym_load(true);
	fake_reset();
	p = sym_open("AES-256-GCM");
	sym_update(&p, out, &n, in, 16);  /* no key */
	sym_update(&p, NULL, &n, in, 16); /* no key */
	sym_init(&p, NULL, iv, 1);
	sym_update(&p, out, &n, in, 16);
	sym_get(&p, EVP_CTRL_AEAD_GET_TAG, 16, tag);  /* none yet */
	sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, 16, tag); /* while encrypting */
	sym_init(&p, key, NULL, 1);
	T_EQ(sym_update(&p, out, &n, in, 16), 1);
	sym_get(&p, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	T_EQ(sym_final(&p, out, &n), 1);
	T_EQ(sym_get(&p, EVP_CTRL_AEAD_GET_TAG, 17, tag), 0);
	T_EQ(sym_get(&p, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
	T_EQ(sym_update(&p, out, &n, in, 16), 0); /* IV spent */
	T_EQ(sym_update(&p, NULL, &n, in, 16), 0);
	T_EQ(sym_final(&p, out, &n), 0);
	T_EQ(sym_init(&p, key, NULL, 1), 1);
	T_EQ(sym_update(&p, out, &n, in, 16), 0);
	for (int len = 0; len < 140; len += 20)
		sym_ctrl(&p, EVP_CTRL_AEAD_SET_IVLEN, len, NULL);
	T_EQ(sym_ctrl(&p, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL), 1);
	T_EQ(sym_init(&p, NULL, iv, 1), 1);
	T_EQ(sym_ctrl(&p, EVP_CTRL_AEAD_SET_IVLEN, 13, NULL), 1);
	T_EQ(sym_update(&p, out, &n, in, 16), 0); /* not an IV any more */
	T_EQ(sym_ctrl(&p, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL), 1);
	sym_close(&p);

	p = sym_open("AES-256-GCM");
	sym_init(&p, key, iv, 0);
	for (int len = 0; len < 20; len++)
		sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, len, tag);
	sym_close(&p);
	p = sym_open("AES-256-GCM");
	sym_init(&p, key, iv, 0);
	T_EQ(sym_update(&p, out, &n, in, 16), 1);
	T_EQ(sym_final(&p, out, &n), 0); /* no tag to compare */
	T_EQ(sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, 16, tag), 1);
	T_EQ(sym_final(&p, out, &n), 0); /* a wrong one */
	T_EQ(sym_final(&p, out, &n), 0);
	sym_close(&p);
	p = sym_open("AES-256-GCM"); /* decryption makes no IV up */
	sym_init(&p, key, NULL, 0);
	T_EQ(sym_update(&p, out, &n, in, 16), 0);
	sym_close(&p);
	sym_unload();
}

static void nothing_but_aad_and_nothing_at_all(void)
{
	uint8_t tag[16];
	int n;

	sym_load(true);
	for (int i = 0; i < 20; i++) {
		struct sym_pair p = sym_open(names[(size_t)i % NAMES]);

		fake_reset();
		sym_init(&p, key, iv, 1);
		sym_update(&p, NULL, &n, in, i);
		sym_update(&p, out, &n, in, 0);
		T_EQ(sym_final(&p, out, &n), 1);
		T_EQ(sym_get(&p, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
		T_EQ(fake.jobs, 0); /* V2 takes no empty payload */
		sym_init(&p, NULL, iv, 0);
		sym_ctrl(&p, EVP_CTRL_AEAD_SET_TAG, 16, tag);
		sym_update(&p, NULL, &n, in, i);
		T_EQ(sym_final(&p, out, &n), 1);
		sym_close(&p);
	}
	sym_unload();
}

/* Another key or direction in mid-message: default would go on with a counter
 * of zero; wd asks for an IV. */
static void a_message_half_done_does_not_go_on_with_another_key(void)
{
	struct sym_pair p;
	int n;

	sym_load(true);
	fake_reset();
	p = sym_open("AES-128-GCM");
	sym_init(&p, key, iv, 1);
	sym_update(&p, out, &n, in, 100);
	T_EQ(EVP_CipherInit_ex(p.ctx[0], NULL, NULL, key + 1, NULL, 1), 1);
	T_EQ(EVP_CipherUpdate(p.ctx[0], out, &n, in, 100), 0);
	ERR_clear_error();
	sym_close(&p);
	sym_unload();
}

static void constants_are_the_same(void)
{
	sym_load(true);
	for (size_t i = 0; i < NAMES; i++) {
		struct sym_pair p = sym_open(names[i]);
		const EVP_CIPHER *a = p.cipher[0], *b = p.cipher[1];

		T_EQ(EVP_CIPHER_get_block_size(a),
		     EVP_CIPHER_get_block_size(b));
		T_EQ(EVP_CIPHER_get_key_length(a),
		     EVP_CIPHER_get_key_length(b));
		T_EQ(EVP_CIPHER_get_iv_length(a), EVP_CIPHER_get_iv_length(b));
		T_EQ(EVP_CIPHER_get_mode(a), EVP_CIPHER_get_mode(b));
		T_EQ(EVP_CIPHER_get_flags(a), EVP_CIPHER_get_flags(b));
		T_EQ(EVP_CIPHER_get_nid(a), EVP_CIPHER_get_nid(b));
		T_EQ(EVP_CIPHER_CTX_get_tag_length(p.ctx[0]),
		     EVP_CIPHER_CTX_get_tag_length(p.ctx[1]));
		sym_close(&p);
	}
	sym_unload();
}

/* Whatever type, whatever value: the same answer. */
static void parameters_of_any_type_are_taken_or_refused_alike(void)
{
	static const char *const keys[] = {
		OSSL_CIPHER_PARAM_AEAD_TAG,
		OSSL_CIPHER_PARAM_AEAD_IVLEN,
		OSSL_CIPHER_PARAM_AEAD_TLS1_AAD,
		OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED,
		OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV,
		"tls-version",
	};
	size_t size = 13;
	int number = 12;
	char text[] = "12";

	sym_load(true);
	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
		for (int dir = 0; dir < 2; dir++) {
			struct sym_pair p = sym_open("AES-128-GCM");
			OSSL_PARAM params[] = {
				OSSL_PARAM_size_t(keys[k], &size),
				OSSL_PARAM_int(keys[k], &number),
				OSSL_PARAM_utf8_string(keys[k], text, 2),
				OSSL_PARAM_octet_string(keys[k], in, 8),
			};

			sym_init(&p, key, NULL, dir);
			for (int i = 0; i < 4; i++) {
				OSSL_PARAM one[] = { params[i],
						     OSSL_PARAM_END };

				T_EQ(EVP_CIPHER_CTX_set_params(p.ctx[0], one),
				     EVP_CIPHER_CTX_set_params(p.ctx[1], one));
			}
			sym_close(&p);
		}
	}
	ERR_clear_error();
	sym_unload();
}

/* ---- TLS 1.2 records --------------------------------------------------- */

static int tls_begin(struct sym_pair *p, uint64_t seq, size_t len)
{
	uint8_t aad[13] = { 0 };

	for (int i = 0; i < 8; i++)
		aad[i] = (uint8_t)(seq >> (56 - 8 * i));
	aad[8] = 23;
	aad[9] = aad[10] = 3;
	aad[11] = (uint8_t)(len >> 8);
	aad[12] = (uint8_t)len;
	return sym_ctrl(p, EVP_CTRL_AEAD_TLS1_AAD, 13, aad);
}

/* One record written and read by both; *@damage bytes of it broken. */
static void tls_record(struct sym_pair *w, struct sym_pair *r, uint64_t seq,
		       int len, int damage)
{
	uint8_t *rec = out + sym_random(4);
	int n, all = len + 24;

	sym_bytes(in, (size_t)len);
	memcpy(rec + 8, in, (size_t)len);
	T_EQ(tls_begin(w, seq, (size_t)len + 8), 16);
	T_EQ(sym_update(w, rec, &n, rec, all), 1);
	T_EQ(n, all);
	if (damage >= 0)
		rec[damage % all] ^= 4;
	T_EQ(tls_begin(r, seq, (size_t)all), 16);
	if (sym_update(r, rec, &n, rec, all)) {
		T_EQ(damage, -1);
		T_EQ(n, len);
		T_MEM(rec + 8, in, (size_t)len);
		return;
	}
	T_OK(damage >= 0);
	for (int i = 0; i < len; i++)
		T_EQ(rec[8 + i], 0);
}

static void tls_open(struct sym_pair *w, struct sym_pair *r, const char *name)
{
	*w = sym_open(name);
	*r = sym_open(name);
	T_EQ(sym_init(w, key, NULL, 1), 1);
	T_EQ(sym_init(r, key, NULL, 0), 1);
	/* -1: the whole IV, so that both write the same explicit part. */
	T_EQ(sym_ctrl(w, EVP_CTRL_GCM_SET_IV_FIXED, -1, iv), 1);
	T_EQ(sym_ctrl(r, EVP_CTRL_GCM_SET_IV_FIXED, 4, iv), 1);
}

static void records_of_any_length_on_any_device(void)
{
	struct sym_pair w, r;

	sym_load(true);
	for (uint32_t round = 0; round < 60; round++) {
		sym_seed(round);
		tls_open(&w, &r, names[round % NAMES]);
		for (uint64_t seq = 0; seq < 20; seq++) {
			random_device();
			tls_record(&w, &r, seq, (int)sym_length(16384), -1);
			sym_same_ivs(&w);
		}
		sym_close(&w);
		sym_close(&r);
	}
	sym_unload();
}

static void a_record_is_one_job(void)
{
	struct sym_pair w, r;

	sym_load(true);
	fake_reset();
	fake.min = 8192;
	tls_open(&w, &r, "AES-128-GCM");
	tls_record(&w, &r, 0, 16384, -1);
	T_EQ(fake.jobs, 2); /* written, read */
	T_EQ(fake.software, 0);
	tls_record(&w, &r, 1, 100, -1);
	T_EQ(fake.jobs, 2);
	sym_close(&w);
	sym_close(&r);
	sym_unload();
}

static void a_forged_record_is_refused_and_wiped(void)
{
	struct sym_pair w, r;

	sym_load(true);
	for (int device = 0; device < 2; device++) {
		for (int at = 0; at < 124; at += 3) {
			fake_reset();
			fake.min = device ? 0 : SIZE_MAX;
			tls_open(&w, &r, "AES-256-GCM");
			tls_record(&w, &r, 0, 100, at);
			sym_close(&w);
			sym_close(&r);
		}
	}
	sym_unload();
}

static void record_calls_that_default_refuses_are_refused(void)
{
	struct sym_pair w, r;
	uint8_t v[16];
	int n;

	sym_load(true);
	fake_reset();
	tls_open(&w, &r, "AES-128-GCM");
	for (int len = 0; len < 14; len++)
		sym_ctrl(&w, EVP_CTRL_AEAD_TLS1_AAD, len, in);
	sym_close(&w);
	sym_close(&r);
	tls_open(&w, &r, "AES-128-GCM");
	T_EQ(tls_begin(&w, 0, 7), 0);
	T_EQ(tls_begin(&r, 0, 23), 0);
	T_EQ(tls_begin(&w, 0, 8 + 10), 16);
	T_EQ(sym_update(&w, out, &n, in, 34), 0); /* not in place */
	T_EQ(tls_begin(&w, 0, 8 + 10), 16);
	T_EQ(sym_update(&w, out, &n, out, 23), 0); /* too short */
	T_EQ(sym_update(&w, out, &n, out, 34), 0); /* and no longer a record */
	for (int len = 0; len < 13; len++)
		sym_ctrl(&r, EVP_CTRL_GCM_SET_IV_FIXED, len, iv);
	/* Longer than the IV: default copies it past the end. */
	T_OK(EVP_CIPHER_CTX_ctrl(r.ctx[0], EVP_CTRL_GCM_SET_IV_FIXED, 13,
				 (void *)iv) <= 0);
	sym_ctrl(&w, EVP_CTRL_GCM_SET_IV_INV, 8, iv);
	sym_ctrl(&r, EVP_CTRL_GCM_SET_IV_INV, 8, iv);
	sym_ctrl(&w, EVP_CTRL_GCM_SET_IV_FIXED, -1, iv);
	for (int len = 1; len < 13; len++)
		sym_get(&w, EVP_CTRL_GCM_IV_GEN, len, v);
	sym_close(&w);
	sym_close(&r);
	sym_unload();
}

static void generated_ivs_count_up_and_serve_plain_messages(void)
{
	struct sym_pair p;
	uint8_t v[12], tag[16], ff[12];
	int n;

	sym_load(true);
	fake_reset();
	memset(ff, 0xff, sizeof(ff));
	p = sym_open("AES-192-GCM");
	sym_init(&p, key, NULL, 1);
	T_EQ(sym_get(&p, EVP_CTRL_GCM_IV_GEN, 8, v), 0); /* none fixed */
	T_EQ(sym_ctrl(&p, EVP_CTRL_GCM_SET_IV_FIXED, -1, ff), 1);
	for (int i = 0; i < 5; i++) {
		T_EQ(sym_get(&p, EVP_CTRL_GCM_IV_GEN, 12, v), 1);
		sym_same_ivs(&p);
		T_EQ(sym_update(&p, out, &n, in, 333), 1);
		T_EQ(sym_final(&p, out, &n), 1);
		T_EQ(sym_get(&p, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
	}
	sym_close(&p);
	sym_unload();
}

/* Fixed part given, the rest random: only the fixed part can be compared. */
static void the_explicit_part_begins_at_random(void)
{
	struct sym_pair w, r;
	uint8_t a[12], b[12];
	int n;

	sym_load(true);
	fake_reset();
	tls_open(&w, &r, "AES-128-GCM");
	T_EQ(sym_ctrl(&w, EVP_CTRL_GCM_SET_IV_FIXED, 4, iv), 1);
	EVP_CIPHER_CTX_get_updated_iv(w.ctx[0], a, 12);
	EVP_CIPHER_CTX_get_updated_iv(w.ctx[1], b, 12);
	T_MEM(a, b, 4);
	T_MEM(a, iv, 4);
	T_OK(memcmp(a + 4, b + 4, 8));
	/* What wd writes with it, default reads. */
	memset(out, 9, 200);
	T_EQ(tls_begin(&w, 7, 208), 16);
	T_EQ(EVP_CipherUpdate(w.ctx[0], out, &n, out, 224), 1);
	T_MEM(out, a + 4, 8);
	T_EQ(tls_begin(&r, 7, 224), 16);
	T_EQ(EVP_CipherUpdate(r.ctx[1], out, &n, out, 224), 1);
	T_EQ(n, 200);
	sym_close(&w);
	sym_close(&r);
	sym_unload();
}

/* An IV nobody gave: random, readable, and good for one message. */
static void encryption_without_iv_makes_one(void)
{
	EVP_CIPHER *a, *b;
	EVP_CIPHER_CTX *c;
	uint8_t v[12], tag[16], back[500];
	int n;

	sym_load(true);
	fake_reset();
	sym_bytes(in, 500);
	a = EVP_CIPHER_fetch(sym_wd, "AES-128-GCM", NULL);
	b = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	c = EVP_CIPHER_CTX_new();
	T_EQ(EVP_EncryptInit_ex(c, a, NULL, key, NULL), 1);
	T_EQ(EVP_EncryptUpdate(c, out, &n, in, 500), 1);
	T_EQ(EVP_EncryptFinal_ex(c, out, &n), 1);
	T_EQ(EVP_CIPHER_CTX_get_updated_iv(c, v, 12), 1);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	T_EQ(EVP_DecryptInit_ex(c, b, NULL, key, v), 1);
	T_EQ(EVP_DecryptUpdate(c, back, &n, out, 500), 1);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, tag);
	T_EQ(EVP_DecryptFinal_ex(c, back + n, &n), 1);
	T_MEM(back, in, 500);
	EVP_CIPHER_CTX_free(c);
	EVP_CIPHER_free(a);
	EVP_CIPHER_free(b);
	sym_unload();
}

static void a_failure_without_fallback_is_told(void)
{
	EVP_CIPHER *c;
	EVP_CIPHER_CTX *ctx;
	int n;

	sym_load(false);
	fake_reset();
	fake.fail = -EIO;
	ctx = EVP_CIPHER_CTX_new();
	c = EVP_CIPHER_fetch(sym_wd, "AES-128-GCM", NULL);
	T_EQ(EVP_CipherInit_ex(ctx, c, NULL, key, iv, 1), 1);
	ERR_clear_error();
	memset(out, 0x77, 64);
	T_EQ(EVP_CipherUpdate(ctx, out, &n, in, 64), 0);
	T_EQ(out[0], 0x77);
	T_OK(strstr(ERR_reason_error_string(ERR_peek_error()), "error"));
	ERR_clear_error();
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
	sym_unload();
}

T_MAIN(T_CASE(any_pieces_any_device),
       T_CASE(decryption_in_any_pieces_tag_before_or_after),
       T_CASE(a_message_goes_on_after_the_device_took_it_for_whole),
       T_CASE(decryption_goes_on_after_a_tag_that_fitted_so_far),
       T_CASE(a_tag_changed_after_the_device_agreed_decides),
       T_CASE(a_context_that_streams_stops_guessing),
       T_CASE(aad_of_every_size_class),
       T_CASE(orders_that_default_refuses_are_refused),
       T_CASE(nothing_but_aad_and_nothing_at_all),
       T_CASE(a_message_half_done_does_not_go_on_with_another_key),
       T_CASE(constants_are_the_same),
       T_CASE(parameters_of_any_type_are_taken_or_refused_alike),
       T_CASE(records_of_any_length_on_any_device), T_CASE(a_record_is_one_job),
       T_CASE(a_forged_record_is_refused_and_wiped),
       T_CASE(record_calls_that_default_refuses_are_refused),
       T_CASE(generated_ivs_count_up_and_serve_plain_messages),
       T_CASE(the_explicit_part_begins_at_random),
       T_CASE(encryption_without_iv_makes_one),
       T_CASE(a_failure_without_fallback_is_told))
