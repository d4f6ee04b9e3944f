/* SPDX-License-Identifier: Apache-2.0 */
/* Ciphers that do not authenticate, call by call against the default provider,
 * with a device that computes at once and fails where it is told to. */
#include <errno.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/prov_ssl.h>

#include "test/provider/fake_offload.h"
#include "test/provider/sym.h"

static const char *const names[] = {
	"AES-128-CBC", "AES-192-CBC", "AES-256-CBC",  "SM4-CBC",
	"AES-128-ECB", "SM4-ECB",     "DES-EDE3-CBC", "DES-EDE3-ECB",
	"AES-128-CTR", "AES-256-CTR", "SM4-CTR",      "AES-192-OFB",
	"SM4-OFB",     "AES-256-CFB", "SM4-CFB",      "AES-192-ECB",
};
#define NAMES (sizeof(names) / sizeof(*names))

static const uint8_t key[64] = "a key that is thirty-two bytes.";
static const uint8_t iv[16] = "sixteen bytes..";
static uint8_t in[SYM_MAX + 64], out[SYM_MAX + 64];

static const size_t mins[] = { 0, 16, 1000, 8192, SIZE_MAX };

static void random_device(void)
{
	fake_reset();
	fake.min = mins[sym_random(5)];
	if (!sym_random(4))
		fake.max = 16 + sym_random(5000);
	if (!sym_random(3)) {
		static const int rcs[] = { -EIO, -ETIMEDOUT, -EAGAIN, -ENODEV };

		fake.fail = rcs[sym_random(4)];
		fake.fail_at = (int)sym_random(4);
		fake.fail_for = 1 + (int)sym_random(3);
	}
}

/* One message in random pieces; true when the calls succeeded. */
static void message(struct sym_pair *p, size_t total, bool whole_blocks)
{
	size_t at = 0;
	int n;

	while (at < total) {
		size_t len = sym_length(total - at);
		size_t shift = sym_random(4);
		bool in_place = sym_random(2) && whole_blocks;

		if (whole_blocks)
			len -= len % 16;
		if (!len && sym_random(3))
			continue;
		if (in_place) {
			memcpy(out, in + at, len);
			sym_update(p, out, &n, out, (int)len);
		} else {
			sym_update(p, out + shift, &n, in + at, (int)len);
		}
		at += len;
		if (whole_blocks && total - at < 16)
			break;
		if (!sym_random(8))
			sym_copy(p);
		if (!sym_random(4))
			sym_same_ivs(p);
	}
	sym_final(p, out, &n);
	sym_same_ivs(p);
}

static void any_pieces_any_device(void)
{
	uint8_t k[32], v[16];

	sym_load(true);
	for (uint32_t round = 0; round < 400; round++) {
		struct sym_pair p = sym_open(names[round % NAMES]);
		int pad = 1;

		sym_seed(round);
		sym_bytes(in, sizeof(in));
		for (int reuse = 0; reuse < 3; reuse++) {
			int encrypt = (int)sym_random(2);

			random_device();
			sym_bytes(k, sizeof(k));
			sym_bytes(v, sizeof(v));
			pad = sym_random(3) != 0;
			sym_init(&p, k, v, encrypt);
			for (int i = 0; i < 2; i++)
				EVP_CIPHER_CTX_set_padding(p.ctx[i], pad);
			message(&p, sym_length(SYM_MAX), !pad);
		}
		sym_close(&p);
	}
	sym_unload();
}

static void decryption_gives_back_what_was_encrypted(void)
{
	int n, m, more;

	sym_load(true);
	for (uint32_t round = 0; round < 100; round++) {
		struct sym_pair p = sym_open(names[round % NAMES]);
		size_t total;

		sym_seed(round);
		random_device();
		total = sym_length(SYM_MAX);
		sym_bytes(in, total);
		sym_init(&p, key, iv, 1);
		T_EQ(sym_update(&p, out, &n, in, (int)total), 1);
		T_EQ(sym_final(&p, out + n, &m), 1);
		random_device();
		sym_init(&p, NULL, iv, 1);
		sym_init(&p, key, iv, 0);
		/* In place, as one piece. */
		T_EQ(sym_update(&p, out, &n, out, n + m), 1);
		T_EQ(sym_final(&p, out + n, &more), 1);
		T_EQ(n + more, total);
		T_MEM(out, in, total);
		sym_close(&p);
	}
	sym_unload();
}

/* Orders of key and IV, also on used contexts. */
static void every_order_of_key_and_iv(void)
{
	uint8_t key2[32], iv2[16];
	int n;

	sym_load(true);
	sym_seed(5);
	sym_bytes(in, 4096);
	sym_bytes(key2, 32);
	sym_bytes(iv2, 16);
	for (size_t i = 0; i < NAMES * 2; i++) {
		struct sym_pair p = sym_open(names[i % NAMES]);

		fake_reset();
		fake.min = i < NAMES ? 0 : 1000;
		T_EQ(sym_update(&p, out, &n, in, 64), 0); /* no key */
		T_EQ(sym_init(&p, NULL, iv, 1), 1);
		T_EQ(sym_update(&p, out, &n, in, 64), 0);
		T_EQ(sym_init(&p, key, NULL, 1), 1);
		T_EQ(sym_update(&p, out, &n, in, 1100), 1);
		T_EQ(sym_init(&p, NULL, NULL, 1), 1); /* the same again */
		T_EQ(sym_update(&p, out, &n, in, 99), 1);
		T_EQ(sym_init(&p, NULL, iv2, 1), 1);
		T_EQ(sym_update(&p, out, &n, in, 2000), 1);
		T_EQ(sym_init(&p, key2, NULL, 1), 1);
		T_EQ(sym_update(&p, out, &n, in, 2000), 1);
		T_EQ(sym_init(&p, key, iv, -1), 1);
		T_EQ(sym_update(&p, out, &n, in, 1), 1);
		T_EQ(sym_init(&p, key2, NULL, -1), 1);
		T_EQ(sym_update(&p, out, &n, in, 1600), 1);
		T_EQ(sym_final(&p, out, &n), 1);
		sym_close(&p);
	}
	sym_unload();
}

/* XTS, and CBC with ciphertext stealing: an update is a message. */
static void units_of_any_length(void)
{
	static const char *const units[] = { "AES-128-XTS", "AES-256-XTS",
					     "AES-128-CBC-CTS",
					     "AES-192-CBC-CTS",
					     "AES-256-CBC-CTS" };
	static char modes[3][4] = { "CS1", "CS2", "CS3" };
	uint8_t k[64], v[16];
	int n, m;

	sym_load(true);
	for (uint32_t round = 0; round < 1500; round++) {
		struct sym_pair p = sym_open(units[round % 5]);
		int encrypt = (int)(round / 5 % 2);
		size_t len;

		sym_seed(round);
		random_device();
		len = sym_length(SYM_MAX);
		sym_bytes(in, len);
		sym_bytes(k, sizeof(k));
		sym_bytes(v, sizeof(v));
		sym_init(&p, k, v, encrypt);
		for (int i = 0; i < 2 && round % 5 >= 2; i++) {
			OSSL_PARAM params[] = {
				OSSL_PARAM_utf8_string("cts_mode",
						       modes[round % 3], 0),
				OSSL_PARAM_END,
			};

			T_EQ(EVP_CIPHER_CTX_set_params(p.ctx[i], params), 1);
		}
		if (round % 4)
			sym_update(&p, out, &n, in, (int)len);
		else
			sym_update(&p, in, &n, in, (int)len);
		sym_same_ivs(&p);
		if (round % 7 == 0)
			sym_copy(&p);
		sym_update(&p, out, &n, in, (int)len); /* CTS: refused */
		sym_final(&p, out, &m);
		sym_init(&p, round % 3 ? k : NULL, round % 2 ? v : NULL,
			 round % 3 ? !encrypt : encrypt);
		random_device();
		sym_update(&p, out, &n, in, (int)len);
		sym_close(&p);
	}
	sym_unload();
}

static void bad_padding_and_odd_lengths_fail_at_the_same_call(void)
{
	int n;

	sym_load(true);
	sym_seed(6);
	for (size_t i = 0; i < NAMES * 100; i++) {
		struct sym_pair p = sym_open(names[i % NAMES]);

		fake_reset();
		sym_bytes(in, 64);
		sym_init(&p, key, iv, 0);
		sym_update(&p, out, &n, in, (int)(16 + sym_random(40)));
		sym_final(&p, out, &n);
		sym_init(&p, key, iv, 1);
		for (int k = 0; k < 2; k++)
			EVP_CIPHER_CTX_set_padding(p.ctx[k], 0);
		sym_update(&p, out, &n, in, (int)(16 + sym_random(40)));
		sym_final(&p, out, &n);
		sym_close(&p);
	}
	sym_unload();
}

static void constants_and_parameters_are_the_same(void)
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
		T_EQ(EVP_CIPHER_CTX_set_key_length(p.ctx[0], 17),
		     EVP_CIPHER_CTX_set_key_length(p.ctx[1], 17));
		for (int num = 0; num < 16; num += 5) {
			T_EQ(EVP_CIPHER_CTX_set_num(p.ctx[0], num),
			     EVP_CIPHER_CTX_set_num(p.ctx[1], num));
			T_EQ(EVP_CIPHER_CTX_get_num(p.ctx[0]),
			     EVP_CIPHER_CTX_get_num(p.ctx[1]));
		}
		sym_close(&p);
	}
	sym_unload();
}

static void evp_cipher_takes_whole_blocks(void)
{
	sym_load(true);
	for (size_t i = 0; i < NAMES; i++) {
		struct sym_pair p = sym_open(names[i]);
		uint8_t a[4096], b[4096];

		fake_reset();
		sym_seed((uint32_t)i);
		sym_bytes(in, sizeof(a));
		sym_init(&p, key, iv, 1);
		for (int len = 0; len <= 4096; len = len * 2 + 16) {
			T_EQ(EVP_Cipher(p.ctx[0], a, in, (unsigned int)len),
			     EVP_Cipher(p.ctx[1], b, in, (unsigned int)len));
			T_MEM(a, b, (size_t)len);
		}
		if (EVP_CIPHER_get_block_size(p.cipher[0]) > 1)
			T_OK(EVP_Cipher(p.ctx[0], a, in, 17) <= 0);
		sym_same_ivs(&p);
		sym_close(&p);
	}
	sym_unload();
}

/* ---- TLS records ------------------------------------------------------- */

static void tls_params(struct sym_pair *p, unsigned int version, size_t mac)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_TLS_VERSION, &version),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_TLS_MAC_SIZE, &mac),
		OSSL_PARAM_END,
	};

	for (int i = 0; i < 2; i++)
		T_EQ(EVP_CIPHER_CTX_set_params(p->ctx[i], params), 1);
}

static const uint8_t *tls_mac(EVP_CIPHER_CTX *c, size_t *len)
{
	void *mac = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_ptr(OSSL_CIPHER_PARAM_TLS_MAC, &mac, 0),
		OSSL_PARAM_END,
	};

	T_EQ(EVP_CIPHER_CTX_get_params(c, params), 1);
	*len = params[0].return_size;
	return mac;
}

static const unsigned int versions[] = {
	TLS1_VERSION,  TLS1_1_VERSION,	TLS1_2_VERSION, SSL3_VERSION,
	DTLS1_VERSION, DTLS1_2_VERSION, DTLS1_BAD_VER,
};
static const size_t macs[] = { 0, 20, 32, 48 };

/* Write one record with both, read it with both; damage as told. */
static void tls_record(struct sym_pair *w, struct sym_pair *r, size_t len,
		       size_t mac, bool damage)
{
	static uint8_t a[SYM_MAX], b[SYM_MAX];
	const uint8_t *m[2];
	size_t mac_len[2];
	int n[2], rc[2], all;

	sym_bytes(a, len);
	memcpy(in, a, len);
	memcpy(b, a, len);
	for (int i = 0; i < 2; i++)
		T_EQ(EVP_CipherUpdate(w->ctx[i], i ? b : a, &n[i], i ? b : a,
				      (int)len),
		     1);
	T_EQ(n[0], n[1]);
	T_EQ(n[0], (len / 16 + 1) * 16);
	T_MEM(a, b, (size_t)n[0]);

	if (damage)
		a[n[0] - 20] ^= 1;
	all = n[0];
	memcpy(b, a, (size_t)all);
	for (int i = 0; i < 2; i++)
		rc[i] = EVP_CipherUpdate(r->ctx[i], i ? b : a, &n[i], i ? b : a,
					 all);
	T_EQ(rc[0], rc[1]);
	if (!rc[0])
		return;
	T_EQ(n[0], n[1]);
	m[0] = tls_mac(r->ctx[0], &mac_len[0]);
	m[1] = tls_mac(r->ctx[1], &mac_len[1]);
	T_EQ(mac_len[0], mac);
	T_EQ(mac_len[1], mac);
	T_EQ(m[0] == NULL, mac == 0);
	if (!damage && mac)
		T_MEM(m[0], m[1], mac);
	if (!damage)
		T_MEM(a, b, (size_t)n[0]);
}

static void records_of_every_version_and_mac_size(void)
{
	sym_load(true);
	sym_seed(9);
	for (size_t v = 0; v < sizeof(versions) / sizeof(*versions); v++) {
		for (size_t k = 0; k < 4; k++) {
			struct sym_pair w = sym_open("AES-128-CBC");
			struct sym_pair r = sym_open("AES-128-CBC");

			random_device();
			sym_init(&w, key, iv, 1);
			sym_init(&r, key, iv, 0);
			tls_params(&w, versions[v], macs[k]);
			tls_params(&r, versions[v], macs[k]);
			for (int i = 0; i < 40; i++)
				tls_record(&w, &r,
					   16 + macs[k] + sym_length(16384),
					   macs[k], false);
			tls_record(&w, &r, 16 + macs[k] + 300, macs[k], true);
			sym_close(&w);
			sym_close(&r);
		}
	}
	sym_unload();
}

/* Every last byte a record can decrypt to, by breaking the block before. */
static void bad_record_padding_is_hidden_as_default_hides_it(void)
{
	sym_load(true);
	fake_reset();
	for (size_t k = 0; k < 4; k++) {
		for (int x = 1; x < 256; x++) {
			struct sym_pair w = sym_open("AES-256-CBC");
			struct sym_pair r = sym_open("AES-256-CBC");
			uint8_t a[2][512];
			int n[2], rc[2];

			sym_init(&w, key, iv, 1);
			sym_init(&r, key, iv, 0);
			tls_params(&w, TLS1_2_VERSION, macs[k]);
			tls_params(&r, TLS1_2_VERSION, macs[k]);
			memset(a[0], 0x11, 400);
			T_EQ(EVP_CipherUpdate(w.ctx[0], a[0], &n[0], a[0], 400),
			     1);
			a[0][n[0] - 17] ^= (uint8_t)x;
			memcpy(a[1], a[0], 512);
			for (int i = 0; i < 2; i++)
				rc[i] = EVP_CipherUpdate(r.ctx[i], a[i], &n[i],
							 a[i], 416);
			T_EQ(rc[0], rc[1]);
			if (rc[0] == 1)
				T_EQ(n[0], n[1]);
			sym_close(&w);
			sym_close(&r);
		}
	}
	sym_unload();
}

static void records_that_are_no_records_are_refused(void)
{
	struct sym_pair p;
	uint8_t rec[128] = { 0 };
	int n;

	sym_load(true);
	fake_reset();
	p = sym_open("AES-128-CBC");
	sym_init(&p, key, iv, 0);
	tls_params(&p, TLS1_2_VERSION, 20);
	for (int len = 17; len <= 48; len += 15) {
		memset(rec, 0, sizeof(rec));
		sym_update(&p, rec, &n, rec, len);
	}
	T_EQ(sym_update(&p, rec + 64, &n, rec, 48), 0); /* not in place */
	T_EQ(sym_final(&p, rec, &n), 0);
	/* Shorter than an explicit IV: default reads before its buffer. */
	T_EQ(EVP_CipherUpdate(p.ctx[0], rec, &n, rec, 0), 0);
	tls_params(&p, 0x0305, 20);
	T_EQ(sym_update(&p, rec, &n, rec, 64), 0);
	sym_close(&p);
	sym_unload();
}

/* ---- the device -------------------------------------------------------- */

static void large_messages_go_to_the_device_in_pieces_it_can_carry(void)
{
	struct sym_pair p;
	int n;

	sym_load(true);
	fake_reset();
	fake.min = 4096;
	fake.max = 10000;
	p = sym_open("AES-128-CBC");
	sym_init(&p, key, iv, 1);
	sym_update(&p, out, &n, in, 4095);
	T_EQ(fake.jobs, 0);
	sym_update(&p, out, &n, in, 50000);
	T_EQ(fake.jobs, 5); /* of 10000 bytes */
	T_EQ(fake.done, 5);
	sym_same_ivs(&p);
	sym_final(&p, out, &n);
	T_EQ(fake.jobs, 5);
	sym_close(&p);
	sym_unload();
}

static void a_failure_without_fallback_is_told(void)
{
	EVP_CIPHER *c;
	EVP_CIPHER_CTX *ctx;
	int n;

	sym_load(false);
	fake_reset();
	fake.fail = -ETIMEDOUT;
	ctx = EVP_CIPHER_CTX_new();
	c = EVP_CIPHER_fetch(sym_wd, "SM4-CBC", NULL);
	T_EQ(EVP_CipherInit_ex(ctx, c, NULL, key, iv, 1), 1);
	ERR_clear_error();
	memset(out, 0x77, 64);
	T_EQ(EVP_CipherUpdate(ctx, out, &n, in, 64), 0);
	T_EQ(out[0], 0x77);
	T_OK(strstr(ERR_reason_error_string(ERR_peek_error()), "in time"));
	ERR_clear_error();
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
	sym_unload();
}

T_MAIN(T_CASE(any_pieces_any_device),
       T_CASE(decryption_gives_back_what_was_encrypted),
       T_CASE(every_order_of_key_and_iv), T_CASE(units_of_any_length),
       T_CASE(bad_padding_and_odd_lengths_fail_at_the_same_call),
       T_CASE(constants_and_parameters_are_the_same),
       T_CASE(evp_cipher_takes_whole_blocks),
       T_CASE(records_of_every_version_and_mac_size),
       T_CASE(bad_record_padding_is_hidden_as_default_hides_it),
       T_CASE(records_that_are_no_records_are_refused),
       T_CASE(large_messages_go_to_the_device_in_pieces_it_can_carry),
       T_CASE(a_failure_without_fallback_is_told))
