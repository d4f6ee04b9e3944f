/* SPDX-License-Identifier: Apache-2.0 */
/* Digests against the default provider, any pieces, any device. */
#include <errno.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "test/provider/fake_offload.h"
#include "test/provider/sym.h"

static const char *const names[] = {
	"SM3",	  "SHA256", "MD5",	  "SHA1",	"SHA224",
	"SHA384", "SHA512", "SHA512-224", "SHA512-256",
};
#define NAMES (sizeof(names) / sizeof(*names))
static uint8_t data[SYM_MAX];

static void random_device(void)
{
	static const size_t mins[] = { 0, 64, 1000, 4096, 16384, SIZE_MAX };

	fake_reset();
	fake.min = mins[sym_random(6)];
	if (!sym_random(4))
		fake.max = 64 + sym_random(5000);
	if (!sym_random(2)) {
		fake.fail = -EIO;
		fake.fail_at = (int)sym_random(4);
		fake.fail_for = 1 + (int)sym_random(3);
	}
}

static void expected(const char *name, size_t len, uint8_t out[64])
{
	T_OK(EVP_Q_digest(NULL, name, "provider=default", data, len, out,
			  NULL));
}

static EVP_MD *fetch(const char *name)
{
	EVP_MD *md = EVP_MD_fetch(sym_wd, name, "provider=wd");

	T_OK(md);
	return md;
}

static void any_pieces_any_device(void)
{
	uint8_t got[64], want[64];

	sym_load(true);
	for (uint32_t round = 0; round < 600; round++) {
		const char *name = names[round % NAMES];
		EVP_MD *md = fetch(name);
		EVP_MD_CTX *c = EVP_MD_CTX_new();

		sym_seed(round);
		sym_bytes(data, sizeof(data));
		for (int reuse = 0; reuse < 3; reuse++) {
			size_t total = sym_length(SYM_MAX), at = 0, n;

			random_device();
			T_EQ(EVP_DigestInit_ex2(c, md, NULL), 1);
			for (; at < total; at += n) {
				n = sym_length(total - at);
				T_EQ(EVP_DigestUpdate(c, data + at, n), 1);
				if (!sym_random(5)) {
					EVP_MD_CTX *copy = EVP_MD_CTX_new();

					T_EQ(EVP_MD_CTX_copy_ex(copy, c), 1);
					/* The other goes its own way. */
					EVP_DigestUpdate(c, data, 100);
					EVP_DigestFinal_ex(c, got, NULL);
					EVP_MD_CTX_free(c);
					c = copy;
				}
			}
			T_EQ(EVP_DigestFinal_ex(c, got, NULL), 1);
			expected(name, total, want);
			T_MEM(got, want, (size_t)EVP_MD_get_size(md));
		}
		EVP_MD_CTX_free(c);
		EVP_MD_free(md);
	}
	sym_unload();
}

static void messages_of_every_small_length(void)
{
	uint8_t got[64], want[64];

	sym_load(true);
	for (int i = 0; i < (int)NAMES; i++) {
		EVP_MD *md = fetch(names[i]);

		for (int device = 0; device < 2; device++) {
			fake_reset();
			fake.min = device ? 0 : SIZE_MAX;
			for (size_t n = 0; n < 400; n++) {
				T_EQ(EVP_Digest(data, n, got, NULL, md, NULL),
				     1);
				expected(names[i], n, want);
				T_MEM(got, want, (size_t)EVP_MD_get_size(md));
			}
		}
		EVP_MD_free(md);
	}
	sym_unload();
}

static void constants_are_the_same(void)
{
	sym_load(true);
	for (int i = 0; i < (int)NAMES; i++) {
		EVP_MD *a = fetch(names[i]);
		EVP_MD *b = EVP_MD_fetch(NULL, names[i], NULL);

		T_EQ(EVP_MD_get_size(a), EVP_MD_get_size(b));
		T_EQ(EVP_MD_get_block_size(a), EVP_MD_get_block_size(b));
		T_EQ(EVP_MD_get_flags(a), EVP_MD_get_flags(b));
		T_EQ(EVP_MD_get_type(a), EVP_MD_get_type(b));
		EVP_MD_free(a);
		EVP_MD_free(b);
	}
	sym_unload();
}

static void a_large_update_is_one_job_after_a_small_one(void)
{
	EVP_MD_CTX *c;
	EVP_MD *md;
	uint8_t got[64], want[64];

	sym_load(true);
	sym_bytes(data, sizeof(data));
	fake_reset();
	fake.min = 4096;
	md = fetch("SM3");
	/* The first one also asks how the device saves its state. */
	EVP_Digest(data, 5000, got, NULL, md, NULL);
	T_EQ(fake.jobs, 2);
	fake.jobs = fake.done = 0;
	c = EVP_MD_CTX_new();
	EVP_DigestInit_ex2(c, md, NULL);
	EVP_DigestUpdate(c, data, 64); /* as HMAC begins */
	T_EQ(fake.jobs, 0);
	EVP_DigestUpdate(c, data + 64, 30000);
	T_EQ(fake.jobs, 1);
	for (size_t at = 30064; at < 60064; at += 1000) /* gathered */
		EVP_DigestUpdate(c, data + at, 1000);
	T_EQ(fake.jobs, 2);
	EVP_DigestFinal_ex(c, got, NULL);
	T_EQ(fake.jobs, 3);
	T_EQ(fake.done, 3);
	expected("SM3", 60064, want);
	T_MEM(got, want, 32);
	EVP_MD_CTX_free(c);
	EVP_MD_free(md);
	sym_unload();
}

static void a_device_that_saves_another_state_is_not_used(void)
{
	uint8_t got[64], want[64];
	EVP_MD *md;

	sym_load(true);
	fake_reset();
	fake.odd_state = true;
	md = fetch("SM3");
	for (int i = 0; i < 3; i++) {
		T_EQ(EVP_Digest(data, 5000, got, NULL, md, NULL), 1);
		expected("SM3", 5000, want);
		T_MEM(got, want, 32);
	}
	T_EQ(fake.jobs, 1);
	T_EQ(fake.wrong, 1);
	EVP_MD_free(md);
	sym_unload();
}

static void a_failure_without_fallback_is_told(void)
{
	uint8_t got[64];
	EVP_MD *md;

	sym_load(false);
	fake_reset();
	fake.fail = -EIO;
	fake.fail_for = 2; /* the trial as well */
	md = fetch("SHA256");
	T_EQ(EVP_Digest(data, 1000, got, NULL, md, NULL), 0);
	fake.fail = 0;
	T_EQ(EVP_Digest(data, 1000, got, NULL, md, NULL), 1);
	EVP_MD_free(md);
	sym_unload();
}

/* ---- HMAC -------------------------------------------------------------- */

static const char *const hmacs[] = {
	"SM3",	  "SHA256", "MD5",	  "SHA1",     "SHA2-224",  "SHA384",
	"SHA512", "SHA512", "SHA512-224", "SHA3-256", "RIPEMD160",
};

struct hmac_pair {
	EVP_MAC *mac[2];
	EVP_MAC_CTX *ctx[2]; /* wd, default */
};

static void hmac_same(struct hmac_pair *p)
{
	uint8_t got[2][64];
	size_t n[2] = { 0 };

	for (int i = 0; i < 2; i++)
		T_EQ(EVP_MAC_final(p->ctx[i], got[i], &n[i], 64), 1);
	T_EQ(n[0], n[1]);
	T_MEM(got[0], got[1], n[0]);
}

static void hmac_message(struct hmac_pair *p)
{
	size_t total = sym_length(SYM_MAX), at = 0, n;

	for (; at < total; at += n) {
		n = at || sym_random(2) ? sym_length(total - at)
					: (total < 13 ? total : 13);
		for (int i = 0; i < 2; i++)
			T_EQ(EVP_MAC_update(p->ctx[i], data + at, n), 1);
		if (sym_random(5))
			continue;
		for (int i = 0; i < 2; i++) {
			EVP_MAC_CTX *copy = EVP_MAC_CTX_dup(p->ctx[i]);

			T_EQ(EVP_MAC_update(p->ctx[i], data, 5000), 1);
			EVP_MAC_CTX_free(p->ctx[i]);
			p->ctx[i] = copy;
		}
	}
	hmac_same(p);
}

static void hmac_of_any_digest_pieces_and_device(void)
{
	uint8_t key[300];

	sym_load(true);
	for (uint32_t round = 0; round < 800; round++) {
		const char *name = hmacs[round % 11];
		struct hmac_pair p;
		OSSL_PARAM params[] = {
			OSSL_PARAM_utf8_string("digest", (char *)name, 0),
			OSSL_PARAM_utf8_string("properties",
					       (char *)"provider=none-such", 0),
			OSSL_PARAM_END,
		};

		sym_seed(round);
		sym_bytes(data, sizeof(data));
		sym_bytes(key, sizeof(key));
		p.mac[0] = EVP_MAC_fetch(sym_wd, "HMAC", "provider=wd");
		p.mac[1] = EVP_MAC_fetch(NULL, "HMAC", "provider=default");
		for (int i = 0; i < 2; i++)
			p.ctx[i] = EVP_MAC_CTX_new(p.mac[i]);
		for (int reuse = 0; reuse < 3; reuse++) {
			size_t len = sym_random(300);
			bool again = reuse && !sym_random(3);

			random_device();
			for (int i = 0; i < 2; i++) {
				if (i) /* means default's own */
					params[1] = OSSL_PARAM_construct_end();
				T_EQ(EVP_MAC_init(p.ctx[i], again ? NULL : key,
						  len, again ? NULL : params),
				     1);
			}
			T_EQ(EVP_MAC_CTX_get_mac_size(p.ctx[0]),
			     EVP_MAC_CTX_get_mac_size(p.ctx[1]));
			T_EQ(EVP_MAC_CTX_get_block_size(p.ctx[0]),
			     EVP_MAC_CTX_get_block_size(p.ctx[1]));
			hmac_message(&p);
		}
		for (int i = 0; i < 2; i++) {
			EVP_MAC_CTX_free(p.ctx[i]);
			EVP_MAC_free(p.mac[i]);
		}
	}
	sym_unload();
}

static void a_large_hmac_goes_to_the_device_behind_a_header(void)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string("digest", (char *)"SHA2-256", 0),
		OSSL_PARAM_END,
	};
	EVP_MAC_CTX *c;
	EVP_MAC *mac;

	sym_load(true);
	fake_reset();
	fake.min = 4096;
	mac = EVP_MAC_fetch(sym_wd, "HMAC", "provider=wd");
	c = EVP_MAC_CTX_new(mac);
	for (int i = 0; i < 2; i++) {
		T_EQ(EVP_MAC_init(c, data, 32, params), 1);
		T_EQ(EVP_MAC_update(c, data, 13), 1);
		T_EQ(EVP_MAC_update(c, data, 16384), 1);
		T_EQ(fake.jobs, 2 + i); /* the first asked for the state */
	}
	EVP_MAC_CTX_free(c);
	EVP_MAC_free(mac);
	sym_unload();
}

T_MAIN(T_CASE(any_pieces_any_device), T_CASE(messages_of_every_small_length),
       T_CASE(constants_are_the_same),
       T_CASE(a_large_update_is_one_job_after_a_small_one),
       T_CASE(a_device_that_saves_another_state_is_not_used),
       T_CASE(a_failure_without_fallback_is_told),
       T_CASE(hmac_of_any_digest_pieces_and_device),
       T_CASE(a_large_hmac_goes_to_the_device_behind_a_header))
