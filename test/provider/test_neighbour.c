/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A good neighbour: who serves what, for each order of loading, with and
 * without a preference for wd, with a provider that comes late, and with and
 * without a device.  Randomness and key loading are never captured.
 *
 * Every row has a library context of its own and runs with the device named in
 * the environment (the model) and again with none.
 */
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/store.h>

#include "base/wd_base.h"
#include "test/t.h"

#define PREFER "?wd.offload=yes"

static char device[64]; /* the one to use where a row says so */
static const char *no_device = "none";

struct world {
	OSSL_LIB_CTX *ctx;
	OSSL_PROVIDER *prov[4];
	size_t n;
};

static void load(struct world *w, const char *name)
{
	OSSL_PROVIDER *p = OSSL_PROVIDER_load(w->ctx, name);

	if (!p) {
		ERR_print_errors_fp(stderr);
		t_fail(__FILE__, __LINE__, "can't load %s", name);
		return;
	}
	w->prov[w->n++] = p;
}

/* @names: provider names in order of loading, separated by blanks. */
static void begin(struct world *w, const char *names, const char *query,
		  bool with_device)
{
	char buf[64], *save = NULL;

	ERR_clear_error();
	setenv("WD_DEVICE", with_device ? device : no_device, 1);
	*w = (struct world){ .ctx = OSSL_LIB_CTX_new() };
	snprintf(buf, sizeof(buf), "%s", names);
	for (char *s = strtok_r(buf, " ", &save); s;
	     s = strtok_r(NULL, " ", &save))
		load(w, s);
	if (query)
		T_EQ(EVP_set_default_properties(w->ctx, query), 1);
}

static void end(struct world *w)
{
	while (w->n)
		OSSL_PROVIDER_unload(w->prov[--w->n]);
	OSSL_LIB_CTX_free(w->ctx);
}

static const char *name_of(const OSSL_PROVIDER *p)
{
	return p ? OSSL_PROVIDER_get0_name(p) : "nobody";
}

static const char *who_rand(struct world *w)
{
	unsigned char buf[8];
	EVP_RAND_CTX *r;

	if (RAND_bytes_ex(w->ctx, buf, sizeof(buf), 0) != 1)
		return "nobody";
	r = RAND_get0_public(w->ctx);
	return r ? name_of(EVP_RAND_get0_provider(EVP_RAND_CTX_get0_rand(r)))
		 : "nobody";
}

static const char *who_cipher(struct world *w, const char *name)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(w->ctx, name, NULL);
	const char *who = name_of(c ? EVP_CIPHER_get0_provider(c) : NULL);

	EVP_CIPHER_free(c);
	return who;
}

static const char *who_digest(struct world *w, const char *name)
{
	EVP_MD *md = EVP_MD_fetch(w->ctx, name, NULL);
	const char *who = name_of(md ? EVP_MD_get0_provider(md) : NULL);

	EVP_MD_free(md);
	return who;
}

static const char *who_keymgmt(struct world *w, const char *name)
{
	EVP_KEYMGMT *k = EVP_KEYMGMT_fetch(w->ctx, name, NULL);
	const char *who = name_of(k ? EVP_KEYMGMT_get0_provider(k) : NULL);

	EVP_KEYMGMT_free(k);
	return who;
}

static const char *who_signature(struct world *w, const char *name)
{
	EVP_SIGNATURE *s = EVP_SIGNATURE_fetch(w->ctx, name, NULL);
	const char *who = name_of(s ? EVP_SIGNATURE_get0_provider(s) : NULL);

	EVP_SIGNATURE_free(s);
	return who;
}

static const char *who_kdf(struct world *w, const char *name)
{
	EVP_KDF *k = EVP_KDF_fetch(w->ctx, name, NULL);
	const char *who = name_of(k ? EVP_KDF_get0_provider(k) : NULL);

	EVP_KDF_free(k);
	return who;
}

static const char *who_store(struct world *w, const char *scheme)
{
	OSSL_STORE_LOADER *l = OSSL_STORE_LOADER_fetch(w->ctx, scheme, NULL);
	const char *who =
		name_of(l ? OSSL_STORE_LOADER_get0_provider(l) : NULL);

	OSSL_STORE_LOADER_free(l);
	return who;
}

static char rsa_pem[4096]; /* made by the default provider */

static void make_pem(void)
{
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
	EVP_PKEY *key = EVP_PKEY_Q_keygen(ctx, NULL, "RSA", (size_t)1024);
	BIO *out = BIO_new(BIO_s_mem());

	PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
	BIO_read(out, rsa_pem, sizeof(rsa_pem) - 1);
	BIO_free(out);
	EVP_PKEY_free(key);
	OSSL_LIB_CTX_free(ctx);
}

static const char *who_gets_pem(struct world *w)
{
	BIO *in = BIO_new_mem_buf(rsa_pem, -1);
	EVP_PKEY *key =
		PEM_read_bio_PrivateKey_ex(in, NULL, NULL, NULL, w->ctx, NULL);
	const char *who = name_of(key ? EVP_PKEY_get0_provider(key) : NULL);

	EVP_PKEY_free(key);
	BIO_free(in);
	return who;
}

/* What one row of the table claims; NULL: not asked. */
struct row {
	const char *load, *query;
	const char *late; /* loaded after wd has been used */
	const char *rand, *pem;
	const char *sm3, *rsa; /* digest; key management and signature */
	const char *sha3;      /* nobody's to offload */
};

static void check(const char *what, const struct row *r, bool with_device,
		  const char *got, const char *want)
{
	if (want && strcmp(got, want))
		t_fail(__FILE__, __LINE__,
		       "[%s]%s%s%s%s, %s device: %s by %s, expected %s",
		       r->load, r->query ? " " : "", r->query ? r->query : "",
		       r->late ? " then " : "", r->late ? r->late : "",
		       with_device ? "with" : "no", what, got, want);
}

static void ask(struct world *w, const struct row *r, bool with_device)
{
	const char *by;

	/* RAND and PEM last: in 3.5 a DRBG takes its digest and a decoder its
	 * keys from their own provider, whose digests and keys then stand
	 * before those of the one that was loaded first. */
	check("SM3", r, with_device, who_digest(w, "SM3"), r->sm3);
	check("SHA3-512", r, with_device, who_digest(w, "SHA3-512"), r->sha3);
	check("RSA keys", r, with_device, who_keymgmt(w, "RSA"), r->rsa);
	by = who_signature(w, "RSA");
	check("RSA signatures", r, with_device, by, r->rsa);
	check("RAND", r, with_device, who_rand(w), r->rand);
	check("PEM", r, with_device, who_gets_pem(w), r->pem);
}

static void run(const struct row *rows, size_t n, bool with_device)
{
	for (size_t i = 0; i < n; i++) {
		struct world w;

		begin(&w, rows[i].load, rows[i].query, with_device);
		if (rows[i].late) {
			who_rand(&w);
			who_gets_pem(&w);
			who_digest(&w, "SM3");
			who_digest(&w, "SHA3-512");
			who_keymgmt(&w, "RSA");
			who_signature(&w, "RSA");
			load(&w, rows[i].late);
			/* A DRBG made before stays; the next one is asked
			 * for anew. */
		}
		ask(&w, &rows[i], with_device);
		end(&w);
	}
}

/* clang-format off */
static const struct row without_device[] = {
	/* load		  query	   late		 RAND	    PEM	       SM3	  RSA	     SHA3-512 */
	{ "wd",		  NULL,	   NULL,	 "wd",	    "wd",      "wd",	  "wd",	     "wd" },
	{ "wd",		  PREFER,  NULL,	 "wd",	    "wd",      "wd",	  "wd",	     "wd" },
	{ "default wd",	  NULL,	   NULL,	 "default", "default", "default", "default", "default" },
	{ "wd default",	  NULL,	   NULL,	 "default", "default", "default", "default", "default" },
	{ "default wd",	  PREFER,  NULL,	 "default", "default", "default", "default", "default" },
	{ "wd default",	  PREFER,  NULL,	 "default", "default", "default", "default", "default" },
	{ "wd",		  NULL,	   "default",	 NULL,	    "default", "default", "default", "default" },
	{ "wd base",	  NULL,	   NULL,	 "wd",	    "wd",      "wd",	  "wd",	     "wd" },
	{ "null wd",	  NULL,	   NULL,	 "wd",	    "wd",      "wd",	  "wd",	     "wd" },
};

static const struct row with_device[] = {
	{ "wd",		  NULL,	   NULL,	 "wd",	    "wd",      "wd",	  "wd",	     "wd" },
	{ "default wd",	  NULL,	   NULL,	 "default", "default", "default", "default", "default" },
	{ "wd default",	  NULL,	   NULL,	 "default", "default", "wd",	  "wd",	     "default" },
	{ "default wd",	  PREFER,  NULL,	 "default", "default", "wd",	  "wd",	     "default" },
	{ "wd default",	  PREFER,  NULL,	 "default", "default", "wd",	  "wd",	     "default" },
	{ "wd",		  NULL,	   "default",	 NULL,	    "default", "wd",	  "wd",	     "default" },
	{ "wd base",	  NULL,	   NULL,	 "wd",	    "wd",      "wd",	  "wd",	     "wd" },
};
/* clang-format on */

static void without_a_device_wd_serves_only_while_alone(void)
{
	run(without_device, WD_ARRAY_SIZE(without_device), false);
	if (access("/sys/class/uacce", F_OK)) {
		/* Looked for and not found is the same as not wanted. */
		no_device = "auto";
		run(without_device, WD_ARRAY_SIZE(without_device), false);
		no_device = "none";
	}
}

static void with_a_device_wd_serves_its_own_and_nothing_else(void)
{
	run(with_device, WD_ARRAY_SIZE(with_device), true);
}

static void what_only_a_lone_wd_serves_is_nobodys_once_it_is_not(void)
{
	static const char *const orders[] = { "default wd", "wd default" };

	for (size_t i = 0; i < 2; i++) {
		for (int dev = 0; dev < 2; dev++) {
			struct world w;

			begin(&w, orders[i], PREFER, dev);
			T_STR(who_cipher(&w, "ARIA-128-CTR"), "default");
			T_STR(who_digest(&w, "SHA3-256"), "default");
			T_STR(who_keymgmt(&w, "ED25519"), "default");
			T_STR(who_keymgmt(&w, "HMAC"), "default");
			T_STR(who_signature(&w, "HMAC"), "default");
			T_STR(who_kdf(&w, "TLS1-PRF"), "default");
			T_STR(who_store(&w, "file"), "default");
			end(&w);
		}
	}
}

static void keys_are_read_by_base_where_base_is(void)
{
	struct world w;

	begin(&w, "wd base", NULL, false);
	T_STR(who_store(&w, "file"), "base");
	T_STR(who_rand(&w), "wd");
	end(&w);
}

static void a_draw_after_default_came_is_defaults_in_a_new_context(void)
{
	struct world w;

	/* Nothing was drawn while wd was alone: nothing is remembered. */
	begin(&w, "wd", NULL, true);
	T_STR(who_digest(&w, "SM3"), "wd");
	load(&w, "default");
	T_STR(who_rand(&w), "default");
	end(&w);
}

static void *ask_rand(void *arg)
{
	return (void *)who_rand(arg);
}

/* A DRBG made before default came stays for the life of its thread. */
static void a_new_thread_draws_from_the_default_that_came(void)
{
	struct world w;
	pthread_t t;
	void *who;

	begin(&w, "wd", NULL, true);
	T_STR(who_rand(&w), "wd");
	load(&w, "default");
	T_EQ(pthread_create(&t, NULL, ask_rand, &w), 0);
	pthread_join(t, &who);
	T_STR(who, "default");
	end(&w);
}

static void when_default_goes_wd_is_alone_again(void)
{
	struct world w;

	begin(&w, "default wd", NULL, false);
	T_STR(who_digest(&w, "SM3"), "default");
	OSSL_PROVIDER_unload(w.prov[0]);
	w.prov[0] = w.prov[--w.n];
	T_STR(who_digest(&w, "SM3"), "wd");
	end(&w);
}

static void wd_comes_and_goes_many_times(void)
{
	for (int i = 0; i < 50; i++) {
		struct world w;

		begin(&w, i % 2 ? "wd default" : "wd", NULL, i % 3);
		who_digest(&w, "SM3");
		if (i % 5 == 0) {
			OSSL_PROVIDER_unload(w.prov[0]);
			w.prov[0] = OSSL_PROVIDER_load(w.ctx, "wd");
			T_OK(w.prov[0]);
			who_digest(&w, "SM3");
		}
		end(&w);
	}
}

static void several_contexts_have_their_own_wd(void)
{
	struct world a, b, c;

	begin(&a, "wd", NULL, false);
	begin(&b, "wd default", NULL, false);
	begin(&c, "default wd", PREFER, true);
	T_STR(who_digest(&a, "SM3"), "wd");
	T_STR(who_digest(&b, "SM3"), "default");
	T_STR(who_digest(&c, "SM3"), "wd");
	end(&b);
	T_STR(who_digest(&a, "SM3"), "wd");
	end(&a);
	T_STR(who_digest(&c, "SM3"), "wd");
	end(&c);
}

/* The providers as a configuration file activates them. */
static void configure(struct world *w, const char *first, const char *second)
{
	char path[] = "/tmp/wd-test-XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");

	fprintf(f,
		"openssl_conf = init\n[init]\nproviders = provs\n"
		"alg_section = algs\n[algs]\n"
		"default_properties = ?provider=wd\n"
		"[provs]\n%s = on\n%s = on\n[on]\nactivate = 1\n",
		first, second);
	fclose(f);
	*w = (struct world){ .ctx = OSSL_LIB_CTX_new() };
	T_EQ(OSSL_LIB_CTX_load_config(w->ctx, path), 1);
	unlink(path);
}

static void a_configuration_file_in_either_order_is_the_same(void)
{
	for (int i = 0; i < 4; i++) {
		const struct row want = {
			"by file",
			"?provider=wd",
			NULL,
			"default",
			"default",
			i % 2 ? "wd" : "default",
			i % 2 ? "wd" : "default",
			"default",
		};
		struct world w;

		setenv("WD_DEVICE", i % 2 ? device : "none", 1);
		if (i > 1)
			configure(&w, "wd", "default");
		else
			configure(&w, "default", "wd");
		ask(&w, &want, i % 2);
		end(&w);
	}
}

static void a_method_outlives_the_unload(void)
{
	static const char text[] = "abc";
	unsigned char md[64];
	unsigned int n;
	struct world w;
	EVP_MD *sm3;

	begin(&w, "wd", NULL, false);
	sm3 = EVP_MD_fetch(w.ctx, "SM3", NULL);
	T_OK(sm3);
	OSSL_PROVIDER_unload(w.prov[--w.n]);
	T_EQ(EVP_Digest(text, 3, md, &n, sm3, NULL), 1);
	EVP_MD_free(sm3);
	end(&w);
}

static int count_group(const OSSL_PARAM params[], void *arg)
{
	(void)params;
	++*(int *)arg;
	return 1;
}

/* @groups of libssl when @query says whose keys are taken. */
static void t_groups(struct world *w, const char *query, const char *groups)
{
	SSL_CTX *c = SSL_CTX_new_ex(w->ctx, query, TLS_method());

	T_OK(c);
	if (!SSL_CTX_set1_groups_list(c, groups))
		t_fail(__FILE__, __LINE__, "%s with \"%s\"", groups, query);
	SSL_CTX_free(c);
}

static void every_group_is_there_whoever_has_its_keys(void)
{
	static const char *const groups[] = { "P-256",	  "P-384", "P-521",
					      "X25519",	  "X448",  "ffdhe2048",
					      "ffdhe4096" };
	struct world w;

	begin(&w, "default wd", NULL, true);
	for (size_t i = 0; i < WD_ARRAY_SIZE(groups); i++) {
		t_groups(&w, "", groups[i]);
		t_groups(&w, "provider=default", groups[i]);
		t_groups(&w, "?provider=wd", groups[i]);
		t_groups(&w, "?wd.offload=yes", groups[i]);
	}
	end(&w);
}

static void announcing_no_groups_is_no_error(void)
{
	struct world w;
	int n = 0;

	begin(&w, "default wd", NULL, false);
	T_EQ(OSSL_PROVIDER_get_capabilities(w.prov[1], "TLS-GROUP", count_group,
					    &n),
	     1);
	T_EQ(n, 0);
	end(&w);
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(without_a_device_wd_serves_only_while_alone),
		T_CASE(with_a_device_wd_serves_its_own_and_nothing_else),
		T_CASE(what_only_a_lone_wd_serves_is_nobodys_once_it_is_not),
		T_CASE(keys_are_read_by_base_where_base_is),
		T_CASE(a_draw_after_default_came_is_defaults_in_a_new_context),
		T_CASE(a_new_thread_draws_from_the_default_that_came),
		T_CASE(when_default_goes_wd_is_alone_again),
		T_CASE(wd_comes_and_goes_many_times),
		T_CASE(several_contexts_have_their_own_wd),
		T_CASE(a_configuration_file_in_either_order_is_the_same),
		T_CASE(a_method_outlives_the_unload),
		T_CASE(announcing_no_groups_is_no_error),
		T_CASE(every_group_is_there_whoever_has_its_keys),
	};
	const char *d = getenv("WD_DEVICE");

	/* Unrelated variables of the test runner are not keys of wd. */
	unsetenv("WD_BUILD");
	snprintf(device, sizeof(device), "%s", d && *d ? d : "emu");
	make_pem();
	return t_main(cases, WD_ARRAY_SIZE(cases), argc, argv);
}
