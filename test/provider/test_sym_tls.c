/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS between wd and the default provider, in memory: every version and kind
 * of record cipher, both ways round, records large and small, with the model
 * taking all of them or only the large ones.
 */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "test/provider/sym.h"

#define DATA 100000

static uint8_t data[DATA], got[DATA];
static EVP_PKEY *key;
static X509 *cert;

static void make_cert(void)
{
	key = EVP_RSA_gen(2048);
	cert = X509_new();
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	T_OK(X509_sign(cert, key, EVP_sha256()));
}

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
	if (version == TLS1_3_VERSION)
		T_OK(SSL_CTX_set_ciphersuites(c, suite));
	else
		T_OK(SSL_CTX_set_cipher_list(c, suite));
	if (!etm)
		SSL_CTX_set_options(c, SSL_OP_NO_ENCRYPT_THEN_MAC);
	if (server) {
		T_OK(SSL_CTX_use_certificate(c, cert));
		T_OK(SSL_CTX_use_PrivateKey(c, key));
	}
	return c;
}

static void handshake(SSL *a, SSL *b)
{
	int ra = 0, rb = 0;

	for (int i = 0; i < 20 && (ra != 1 || rb != 1); i++) {
		ra = SSL_do_handshake(a);
		rb = SSL_do_handshake(b);
	}
	if (ra != 1 || rb != 1)
		ERR_print_errors_fp(stderr);
	T_EQ(ra, 1);
	T_EQ(rb, 1);
}

/* All of data, in writes of @piece bytes. */
static void transfer(SSL *from, SSL *to, int piece)
{
	int at = 0, have = 0, n;

	memset(got, 0, sizeof(got));
	while (at < DATA) {
		n = DATA - at < piece ? DATA - at : piece;
		T_EQ(SSL_write(from, data + at, n), n);
		at += n;
		while (have < at) {
			n = SSL_read(to, got + have, at - have);
			if (n <= 0)
				ERR_print_errors_fp(stderr);
			T_OK(n > 0);
			have += n;
		}
	}
	T_MEM(got, data, DATA);
}

static void connect_and_talk(OSSL_LIB_CTX *client, OSSL_LIB_CTX *server,
			     int version, const char *suite, bool etm)
{
	SSL_CTX *cc = make(client, false, version, suite, etm);
	SSL_CTX *sc = make(server, true, version, suite, etm);
	SSL *c = SSL_new(cc), *s = SSL_new(sc);
	BIO *a, *b;

	T_OK(BIO_new_bio_pair(&a, 40000, &b, 40000));
	SSL_set_bio(c, a, a);
	SSL_set_bio(s, b, b);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	handshake(c, s);
	transfer(c, s, 16384);
	transfer(s, c, 16384);
	transfer(c, s, 1000);
	transfer(s, c, 777);
	T_EQ(SSL_version(c), version);
	SSL_free(c);
	SSL_free(s);
	SSL_CTX_free(cc);
	SSL_CTX_free(sc);
}

static const struct {
	int version;
	const char *suite;
	bool etm;
	const char *kind;
} talks[] = {
	{ TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", true, "aes-gcm" },
	{ TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", true, "aes-gcm" },
	{ TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", true, "aes-gcm" },
	{ TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", true, "aes-gcm" },
	{ TLS1_2_VERSION, "AES128-GCM-SHA256", true, "aes-gcm" },
	{ TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256", true, "aes-cbc" },
	{ TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256", false, "aes-cbc" },
	{ TLS1_2_VERSION, "ECDHE-RSA-AES256-SHA384", false, "aes-cbc" },
	{ TLS1_2_VERSION, "AES256-SHA", false, "aes-cbc" },
	{ TLS1_1_VERSION, "AES128-SHA", true, "aes-cbc" },
	{ TLS1_1_VERSION, "AES128-SHA", false, "aes-cbc" },
	{ TLS1_VERSION, "AES256-SHA", true, "aes-cbc" },
	{ TLS1_VERSION, "AES256-SHA", false, "aes-cbc" },
};

/* @jobs: at least so many good ones, for a suite both ways round. */
static void talk_all(const char *min_bytes, unsigned int jobs)
{
	setenv("WD_MIN_BYTES", min_bytes, 1);
	sym_seed(21);
	sym_bytes(data, sizeof(data));
	sym_load(true);
	for (size_t i = 0; i < sizeof(talks) / sizeof(*talks); i++) {
		uint64_t before = sym_counter(talks[i].kind, "done");

		connect_and_talk(sym_wd, NULL, talks[i].version, talks[i].suite,
				 talks[i].etm);
		connect_and_talk(NULL, sym_wd, talks[i].version, talks[i].suite,
				 talks[i].etm);
		T_OK(sym_counter(talks[i].kind, "done") >= before + jobs);
	}
	sym_unload();
}

static void every_record_through_the_device(void)
{
	talk_all("0", 2 * (7 + 7 + 100 + 129));
}

static void large_records_through_the_device(void)
{
	talk_all("8192", 4 * 6);
}

static void records_while_jobs_fail(void)
{
	setenv("WD_DEVICE", "emu:fault=sec.status/2", 1);
	talk_all("4096", 0);
	setenv("WD_DEVICE", "emu", 1);
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(every_record_through_the_device),
		T_CASE(large_records_through_the_device),
		T_CASE(records_while_jobs_fail),
	};

	make_cert();
	return t_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
