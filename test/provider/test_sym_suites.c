/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every TLS 1.2 and 1.3 suite libssl has with AES, 3DES or SM4, between wd and
 * the default provider, in memory.  64 MiB each way in records of 16 KiB for
 * each way of protecting a record (CBC: with and without encrypt-then-MAC),
 * 256 KiB where only the key exchange differs.  WD_TLS_MIB: instead of 64.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SRP */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/srp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "test/provider/sym.h"

#define RECORD 16384
#define DATA   (1u << 20)
#define FEW    (256u << 10)

static uint8_t data[DATA + RECORD], got[RECORD];
static struct {
	EVP_PKEY *key;
	X509 *cert;
} ids[3];

/* ---- who is who ----------------------------------------------------------- */

static EVP_PKEY *dsa_key(void)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	EVP_PKEY *params = NULL, *key = NULL;

	T_OK(EVP_PKEY_paramgen_init(c) > 0);
	EVP_PKEY_CTX_set_dsa_paramgen_bits(c, 1024);
	T_OK(EVP_PKEY_paramgen(c, &params) > 0);
	EVP_PKEY_CTX_free(c);
	c = EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL);
	T_OK(EVP_PKEY_keygen_init(c) > 0 && EVP_PKEY_keygen(c, &key) > 0);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(params);
	return key;
}

static void make_ids(void)
{
	ids[0].key = EVP_RSA_gen(2048);
	ids[1].key = EVP_EC_gen("P-256");
	ids[2].key = dsa_key();
	for (int i = 0; i < 3; i++) {
		X509 *x = X509_new();

		X509_set_version(x, 2);
		ASN1_INTEGER_set(X509_get_serialNumber(x), i + 1);
		X509_gmtime_adj(X509_getm_notBefore(x), 0);
		X509_gmtime_adj(X509_getm_notAfter(x), 36000);
		X509_set_pubkey(x, ids[i].key);
		T_OK(X509_sign(x, ids[i].key, EVP_sha256()));
		ids[i].cert = x;
	}
}

static unsigned int psk_client(SSL *s, const char *hint, char *identity,
			       unsigned int identity_max, unsigned char *psk,
			       unsigned int max)
{
	(void)s;
	(void)hint;
	snprintf(identity, identity_max, "wd");
	memset(psk, 7, 32);
	return max < 32 ? 0 : 32;
}

static unsigned int psk_server(SSL *s, const char *identity, unsigned char *psk,
			       unsigned int max)
{
	(void)s;
	(void)identity;
	memset(psk, 7, 32);
	return max < 32 ? 0 : 32;
}

static char user[] = "wd", password[] = "secret", group[] = "2048";

static int srp_server(SSL *s, int *alert, void *arg)
{
	(void)arg;
	(void)alert;
	return SSL_set_srp_server_param_pw(s, user, password, group) == 1
		       ? SSL_ERROR_NONE
		       : SSL3_AL_FATAL;
}

/* ---- connections ---------------------------------------------------------- */

static SSL_CTX *make(OSSL_LIB_CTX *libctx, bool server, int version,
		     const char *suite, bool etm)
{
	SSL_CTX *c = SSL_CTX_new_ex(libctx, NULL,
				    server ? TLS_server_method()
					   : TLS_client_method());

	T_OK(c);
	SSL_CTX_set_security_level(c, 0);
	T_OK(SSL_CTX_set_min_proto_version(c, version));
	T_OK(SSL_CTX_set_max_proto_version(c, version));
	if (!(version == TLS1_3_VERSION ? SSL_CTX_set_ciphersuites(c, suite)
					: SSL_CTX_set_cipher_list(c, suite)))
		t_fail(__FILE__, __LINE__, "%s is not there", suite);
	if (!etm)
		SSL_CTX_set_options(c, SSL_OP_NO_ENCRYPT_THEN_MAC);
	if (!server) {
		SSL_CTX_set_psk_client_callback(c, psk_client);
		if (strstr(suite, "SRP")) {
			SSL_CTX_set_srp_username(c, user);
			SSL_CTX_set_srp_password(c, password);
		}
		return c;
	}
	SSL_CTX_set_psk_server_callback(c, psk_server);
	SSL_CTX_set_srp_username_callback(c, srp_server);
	SSL_CTX_set_dh_auto(c, 1);
	for (int i = 0; i < 3; i++) {
		T_OK(SSL_CTX_use_certificate(c, ids[i].cert));
		T_OK(SSL_CTX_use_PrivateKey(c, ids[i].key));
	}
	return c;
}

static bool handshake(SSL *a, SSL *b)
{
	int ra = 0, rb = 0;

	for (int i = 0; i < 20 && (ra != 1 || rb != 1); i++) {
		ra = SSL_do_handshake(a);
		rb = SSL_do_handshake(b);
	}
	if (ra != 1 || rb != 1)
		ERR_print_errors_fp(stderr);
	return ra == 1 && rb == 1;
}

static bool transfer(SSL *from, SSL *to, size_t total)
{
	for (size_t at = 0; at < total; at += RECORD) {
		const uint8_t *p = data + at % DATA + at / DATA % 61;
		int have = 0, n;

		if (SSL_write(from, p, RECORD) != RECORD)
			return false;
		for (; have < RECORD; have += n) {
			n = SSL_read(to, got + have, RECORD - have);
			if (n <= 0)
				return false;
		}
		if (memcmp(got, p, RECORD) != 0)
			return false;
	}
	return true;
}

static bool talk(OSSL_LIB_CTX *client, OSSL_LIB_CTX *server, int version,
		 const char *suite, bool etm, size_t total)
{
	SSL_CTX *cc = make(client, false, version, suite, etm);
	SSL_CTX *sc = make(server, true, version, suite, etm);
	SSL *c = SSL_new(cc), *s = SSL_new(sc);
	BIO *a, *b;
	bool ok;

	T_OK(BIO_new_bio_pair(&a, 40000, &b, 40000));
	SSL_set_bio(c, a, a);
	SSL_set_bio(s, b, b);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	ok = handshake(c, s) && !strcmp(SSL_get_cipher(c), suite) &&
	     transfer(c, s, total) && transfer(s, c, total);
	SSL_free(c);
	SSL_free(s);
	SSL_CTX_free(cc);
	SSL_CTX_free(sc);
	return ok;
}

/* ---- suites --------------------------------------------------------------- */

static bool is_ours(const SSL_CIPHER *c)
{
	const char *name = SSL_CIPHER_get_name(c);

	return strstr(name, "AES") || strstr(name, "SM4") ||
	       strstr(name, "DES");
}

/* Cipher, MAC and version, to know it by. */
static void protection(const SSL_CIPHER *c, int version, char *to, size_t size)
{
	const char *name = SSL_CIPHER_get_name(c);

	snprintf(to, size, " %d/%d/%d/%d", version,
		 SSL_CIPHER_get_cipher_nid(c), SSL_CIPHER_get_digest_nid(c),
		 strstr(name, "CCM8") || strstr(name, "CCM_8"));
}

static size_t most(void)
{
	const char *mib = getenv("WD_TLS_MIB");

	return (mib ? strtoul(mib, NULL, 0) : 64) << 20;
}

struct run {
	unsigned int suites, protections;
	char seen[4096];
};

static void suite(struct run *r, const SSL_CIPHER *c, int version)
{
	const char *name = SSL_CIPHER_get_name(c);
	size_t total = FEW;
	char known[64];

	protection(c, version, known, sizeof(known));
	if (!strstr(r->seen, known)) {
		strcat(r->seen, known);
		total = most();
		r->protections++;
	}
	for (int etm = 1; etm >= SSL_CIPHER_is_aead(c); etm--) {
		if (!talk(sym_wd, NULL, version, name, etm, total) ||
		    !talk(NULL, sym_wd, version, name, etm, FEW))
			t_fail(__FILE__, __LINE__, "%s, version %x, EtM %d",
			       name, (unsigned int)version, etm);
	}
	r->suites++;
}

static void suites(struct run *r, int version)
{
	SSL_CTX *all = SSL_CTX_new(TLS_method());
	STACK_OF(SSL_CIPHER) * list;

	SSL_CTX_set_security_level(all, 0);
	T_OK(SSL_CTX_set_cipher_list(all, "ALL:COMPLEMENTOFDEFAULT"));
	T_OK(SSL_CTX_set_ciphersuites(
		all, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
		     "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"));
	list = SSL_CTX_get_ciphers(all);
	for (int i = 0; i < sk_SSL_CIPHER_num(list); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(list, i);
		bool is_13 = !strcmp(SSL_CIPHER_get_version(c), "TLSv1.3");

		if (is_ours(c) && is_13 == (version == TLS1_3_VERSION))
			suite(r, c, version);
	}
	SSL_CTX_free(all);
}

static void everything(const char *min_bytes)
{
	static const char *const kinds[] = { "aes-gcm", "aes-ccm", "aes-cbc" };
	struct run r = { 0 };
	OSSL_PROVIDER *beside;

	if (min_bytes)
		setenv("WD_MIN_BYTES", min_bytes, 1);
	else
		unsetenv("WD_MIN_BYTES");
	sym_seed(23);
	sym_bytes(data, sizeof(data));
	sym_load(true);
	beside = OSSL_PROVIDER_load(sym_wd, "default"); /* DSA is its */
	T_OK(beside && EVP_set_default_properties(sym_wd, "?wd.offload=yes"));
	suites(&r, TLS1_2_VERSION);
	suites(&r, TLS1_3_VERSION);
	printf("%u suites, %u ways to protect a record;", r.suites,
	       r.protections);
	for (int i = 0; i < 3; i++)
		printf(" %s: %lu descriptors", kinds[i],
		       (unsigned long)sym_counter(kinds[i], "done"));
	printf("\n");
	T_OK(r.suites > 20);
	T_OK(sym_counter("aes-gcm", "done") > 0);
	T_OK(sym_counter("aes-cbc", "done") > 0);
	OSSL_PROVIDER_unload(beside);
	sym_unload();
}

static void every_suite_with_every_record_on_the_device(void)
{
	everything("0");
}

static void every_suite_with_the_usual_thresholds(void)
{
	everything(NULL);
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(every_suite_with_every_record_on_the_device),
		T_CASE(every_suite_with_the_usual_thresholds),
	};

	make_ids();
	return t_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
