/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS between a side with wd and a plain one, in memory, both ways round: every
 * key exchange group and every kind of certificate, client certificates,
 * resumption, renegotiation.  What two plain sides can do must work, and the
 * counters must show that wd's side gave its part to the device.  Certificates
 * of SM2 are left out: libssl has no such handshake, neither 3.0's nor 3.5's.
 */
#include <poll.h>
#include <stdbool.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "test/provider/rsa_side.h"
#include "test/t.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define ROUNDS	 100 /* of a handshake; more is a loop without end */

static struct side *def;

/* ---- identities ------------------------------------------------------------ */

/* A self-signed certificate, in the encoding both sides load. */
static struct id {
	const char *name, *type, *arg, *md;
	/* Jobs of who signs with it and of who verifies; NULL: software's. */
	const char *signs, *verifies;
	bool tls12_only;
	uint8_t key[8192], cert[8192];
	int key_len, cert_len;
} ids[] = {
	{ .name = "RSA",
	  .type = "RSA",
	  .md = "SHA256",
	  .signs = "rsa-private",
	  .verifies = "rsa-public" },
	{ .name = "RSA-PSS",
	  .type = "RSA-PSS",
	  .md = "SHA256",
	  .signs = "rsa-private",
	  .verifies = "rsa-public" },
	{ .name = "P-256",
	  .type = "EC",
	  .arg = "P-256",
	  .md = "SHA256",
	  .signs = "ecdsa-sign",
	  .verifies = "ecdsa-verify" },
	{ .name = "P-384",
	  .type = "EC",
	  .arg = "P-384",
	  .md = "SHA384",
	  .signs = "ecdsa-sign",
	  .verifies = "ecdsa-verify" },
	{ .name = "P-521",
	  .type = "EC",
	  .arg = "P-521",
	  .md = "SHA512",
	  .signs = "ecdsa-sign",
	  .verifies = "ecdsa-verify" },
	{ .name = "brainpoolP256r1",
	  .type = "EC",
	  .arg = "brainpoolP256r1",
	  .md = "SHA256",
	  .signs = "ecdsa-sign",
	  .verifies = "ecdsa-verify",
	  .tls12_only = true },
	{ .name = "brainpoolP384r1",
	  .type = "EC",
	  .arg = "brainpoolP384r1",
	  .md = "SHA384",
	  .signs = "ecdsa-sign",
	  .verifies = "ecdsa-verify",
	  .tls12_only = true },
	{ .name = "brainpoolP512r1",
	  .type = "EC",
	  .arg = "brainpoolP512r1",
	  .md = "SHA512",
	  .signs = "ecdsa-sign",
	  .verifies = "ecdsa-verify",
	  .tls12_only = true },
	{ .name = "Ed25519", .type = "ED25519" },
	{ .name = "Ed448", .type = "ED448" },
};

static EVP_PKEY *id_key(const struct id *id)
{
	if (!strncmp(id->type, "RSA", 3)) {
		EVP_PKEY_CTX *ctx =
			EVP_PKEY_CTX_new_from_name(def->lib, id->type, def->q);
		EVP_PKEY *key = NULL;

		T_EQ(EVP_PKEY_keygen_init(ctx), 1);
		T_EQ(EVP_PKEY_generate(ctx, &key), 1);
		EVP_PKEY_CTX_free(ctx);
		return key;
	}
	return id->arg ? EVP_PKEY_Q_keygen(def->lib, def->q, id->type, id->arg)
		       : EVP_PKEY_Q_keygen(def->lib, def->q, id->type);
}

static void id_make(struct id *id)
{
	EVP_PKEY *key = id_key(id);
	X509 *cert = X509_new_ex(def->lib, def->q);
	EVP_MD *md = id->md ? EVP_MD_fetch(def->lib, id->md, NULL) : NULL;
	X509_NAME *name = X509_get_subject_name(cert);
	uint8_t *p;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 36000);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const uint8_t *)id->name, -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	T_OK(X509_sign(cert, key, md) > 0);
	p = id->cert;
	id->cert_len = i2d_X509(cert, &p);
	p = id->key;
	id->key_len = i2d_PrivateKey(key, &p);
	T_OK(id->cert_len > 0 && id->key_len > 0);
	EVP_MD_free(md);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static const struct id *id_named(const char *name)
{
	for (size_t i = 0; i < ARRAY(ids); i++)
		if (!strcmp(ids[i].name, name))
			return &ids[i];
	return NULL;
}

static void start(void)
{
	if (def)
		return;
	def = side_default();
	for (size_t i = 0; i < ARRAY(ids); i++)
		id_make(&ids[i]);
}

/* ---- a connection ------------------------------------------------------------- */

#define ALL_GROUPS                                                             \
	"X25519:P-256:X448:P-384:P-521:brainpoolP256r1:brainpoolP384r1:"       \
	"brainpoolP512r1"

/* What is to happen; NULL: as libssl likes it. */
struct story {
	int version;
	const char *server, *client; /* identities; client NULL: none */
	const char *groups, *suite;
	const char *server_groups; /* NULL: @groups */
	const char *dh; /* of TLS 1.2: group, or "1024": without a name */
	bool ticketless, async;
};

static const char *query(const struct side *s)
{
	return s == def ? NULL : "?wd.offload=yes";
}

static void use_id(SSL_CTX *c, const struct side *s, const struct id *id)
{
	const uint8_t *p = id->cert, *k = id->key;
	X509 *cert = X509_new_ex(s->lib, query(s));
	EVP_PKEY *key =
		d2i_AutoPrivateKey_ex(NULL, &k, id->key_len, s->lib, query(s));

	T_OK(d2i_X509(&cert, &p, id->cert_len));
	T_OK(key);
	T_EQ(SSL_CTX_use_certificate(c, cert), 1);
	T_EQ(SSL_CTX_use_PrivateKey(c, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void trust(SSL_CTX *c, const struct side *s, const struct id *id)
{
	const uint8_t *p = id->cert;
	X509 *cert = X509_new_ex(s->lib, query(s));

	T_OK(d2i_X509(&cert, &p, id->cert_len));
	T_EQ(X509_STORE_add_cert(SSL_CTX_get_cert_store(c), cert), 1);
	X509_free(cert);
}

static EVP_PKEY *dh_params(const struct side *s, const char *name)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(s->lib, "DH", query(s));
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *p = BN_get_rfc2409_prime_1024(NULL), *g = BN_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	BN_set_word(g, 2);
	if (!strcmp(name, "1024")) {
		OSSL_PARAM_BLD_push_BN(bld, "p", p);
		OSSL_PARAM_BLD_push_BN(bld, "g", g);
	} else {
		OSSL_PARAM_BLD_push_utf8_string(bld, "group", name, 0);
	}
	params = OSSL_PARAM_BLD_to_param(bld);
	T_EQ(EVP_PKEY_fromdata_init(ctx), 1);
	T_EQ(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	BN_free(p);
	BN_free(g);
	return key;
}

static SSL_CTX *make(const struct side *s, bool server, const struct story *t)
{
	SSL_CTX *c = SSL_CTX_new_ex(s->lib, query(s),
				    server ? TLS_server_method()
					   : TLS_client_method());
	const char *own = server ? t->server : t->client,
		   *peer = server ? t->client : t->server,
		   *list = t->groups ? t->groups : ALL_GROUPS;

	T_OK(c);
	SSL_CTX_set_security_level(c, 0);
	SSL_CTX_set_min_proto_version(c, t->version);
	SSL_CTX_set_max_proto_version(c, t->version);
	SSL_CTX_set_session_id_context(c, (const uint8_t *)"t", 1);
	/* Renegotiations that are whole handshakes, by either side. */
	SSL_CTX_set_options(
		c, SSL_OP_ALLOW_CLIENT_RENEGOTIATION |
			   SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
	if (server && t->server_groups)
		list = t->server_groups;
	T_EQ(SSL_CTX_set1_groups_list(c, list), 1);
	if (t->suite)
		T_EQ(SSL_CTX_set_cipher_list(c, t->suite), 1);
	if (t->ticketless)
		SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
	if (server && t->dh)
		T_EQ(SSL_CTX_set0_tmp_dh_pkey(c, dh_params(s, t->dh)), 1);
	if (own)
		use_id(c, s, id_named(own));
	if (peer) {
		trust(c, s, id_named(peer));
		SSL_CTX_set_verify(
			c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			NULL);
	}
	if (t->async && s != def)
		SSL_CTX_set_mode(c, SSL_MODE_ASYNC);
	return c;
}

struct link {
	SSL_CTX *client_ctx, *server_ctx;
	SSL *client, *server;
	unsigned int pauses;
};

/* One step; a paused one is waited for. */
static int step(struct link *l, SSL *ssl, int (*what)(SSL *))
{
	int rc;

	while ((rc = what(ssl)) <= 0 &&
	       SSL_get_error(ssl, rc) == SSL_ERROR_WANT_ASYNC) {
		struct pollfd p = { .events = POLLIN };
		size_t n = 1;

		l->pauses++;
		if (SSL_get_all_async_fds(ssl, NULL, &n) && n == 1 &&
		    SSL_get_all_async_fds(ssl, &p.fd, &n))
			poll(&p, 1, 20000);
	}
	return rc;
}

static bool fatal(SSL *ssl, int rc)
{
	return rc <= 0 && SSL_get_error(ssl, rc) != SSL_ERROR_WANT_READ;
}

static bool shake(struct link *l)
{
	int c = 0, s = 0;

	for (int i = 0; i < ROUNDS && (c != 1 || s != 1); i++) {
		c = step(l, l->client, SSL_do_handshake);
		s = step(l, l->server, SSL_do_handshake);
		if (fatal(l->client, c) || fatal(l->server, s))
			return false;
	}
	return c == 1 && s == 1;
}

static int read_some(SSL *ssl)
{
	char buf[64];
	int n = SSL_read(ssl, buf, sizeof(buf));

	return n > 0 ? !memcmp(buf, "hello", 5) : n;
}

static int write_some(SSL *ssl)
{
	return SSL_write(ssl, "hello", 5) == 5 ? 1 : -1;
}

/* Data both ways; what a renegotiation needs goes along. */
static bool talk(struct link *l)
{
	int c = 0, s = 0;

	if (step(l, l->client, write_some) != 1 ||
	    step(l, l->server, write_some) != 1)
		return false;
	for (int i = 0; i < ROUNDS && (c != 1 || s != 1); i++) {
		if (s != 1)
			s = step(l, l->server, read_some);
		if (c != 1)
			c = step(l, l->client, read_some);
		if (fatal(l->client, c) || fatal(l->server, s))
			return false;
	}
	return c == 1 && s == 1;
}

static bool open_link(struct link *l, SSL_SESSION *session)
{
	BIO *a, *b;

	l->client = SSL_new(l->client_ctx);
	l->server = SSL_new(l->server_ctx);
	T_EQ(BIO_new_bio_pair(&a, 70000, &b, 70000), 1);
	SSL_set_bio(l->client, a, a);
	SSL_set_bio(l->server, b, b);
	SSL_set_connect_state(l->client);
	SSL_set_accept_state(l->server);
	if (session)
		SSL_set_session(l->client, session);
	return shake(l) && talk(l);
}

static void close_link(struct link *l)
{
	SSL_shutdown(l->client);
	SSL_shutdown(l->server);
	SSL_free(l->client);
	SSL_free(l->server);
}

static void begin(struct link *l, const struct side *client,
		  const struct side *server, const struct story *t)
{
	*l = (struct link){
		.client_ctx = make(client, false, t),
		.server_ctx = make(server, true, t),
	};
}

static void end(struct link *l)
{
	SSL_CTX_free(l->client_ctx);
	SSL_CTX_free(l->server_ctx);
	ERR_clear_error();
}

static bool connects(const struct side *client, const struct side *server,
		     const struct story *t)
{
	struct link l;
	bool ok;

	begin(&l, client, server, t);
	ok = open_link(&l, NULL);
	close_link(&l);
	end(&l);
	return ok;
}

static void must_connect(const struct side *client, const struct side *server,
			 const struct story *t, const char *what)
{
	if (connects(client, server, t))
		return;
	t_fail(__FILE__, __LINE__, "%s, TLS %x, %s is the server", what,
	       (unsigned int)t->version,
	       server == def ? "the plain side" : "wd");
}

/* ---- what the counters say ------------------------------------------------------ */

static void grew(const struct side *s, const char *kind, long before, long by,
		 const char *what)
{
	long now = kind ? side_count(s, kind, "done") : 0;

	if (kind && now < before + by)
		t_fail(__FILE__, __LINE__, "%s: %s grew from %ld to %ld", what,
		       kind, before, now);
}

/* ---- groups --------------------------------------------------------------------- */

static const struct group {
	const char *name, *kind; /* NULL: software's */
	bool tls13;		 /* TLS 1.3 has it too */
} groups[] = {
	{ "X25519", "x25519", true },
	{ "X448", "x448", true },
	{ "P-256", "ecdh", true },
	{ "P-384", "ecdh", true },
	{ "P-521", "ecdh", true },
	{ "P-224", "ecdh", false },
	{ "P-192", "ecdh", false },
	{ "secp256k1", "ecdh", false },
	{ "brainpoolP256r1", "ecdh", false },
	{ "brainpoolP384r1", "ecdh", false },
	{ "brainpoolP512r1", "ecdh", false },
	{ "sect283k1", NULL, false },
};

static void one_group(const struct side *s, int version, const struct group *g)
{
	const struct story t = {
		.version = version,
		.server = "RSA",
		.groups = g->name,
		.suite = version == TLS1_2_VERSION ? "ECDHE" : NULL,
	};
	long before = g->kind ? side_count(s, g->kind, "done") : 0;

	must_connect(def, def, &t, g->name);
	/* A key pair and a shared secret each time. */
	must_connect(s, def, &t, g->name);
	grew(s, g->kind, before, 2, g->name);
	must_connect(def, s, &t, g->name);
	grew(s, g->kind, before, 4, g->name);
}

static void every_group_of_curves(void)
{
	struct side *s;

	start();
	s = side_wd("emu", "no", false);
	for (size_t i = 0; i < ARRAY(groups); i++) {
		one_group(s, TLS1_2_VERSION, &groups[i]);
		if (groups[i].tls13)
			one_group(s, TLS1_3_VERSION, &groups[i]);
	}
	side_free(s);
}

static void every_group_of_integers_in_tls_13(void)
{
	static const struct group ffdhe[] = {
		{ "ffdhe2048", "dh", true }, { "ffdhe3072", "dh", true },
		{ "ffdhe4096", "dh", true }, { "ffdhe6144", NULL, true },
		{ "ffdhe8192", NULL, true },
	};
	struct side *s;

	start();
	s = side_wd("emu", "no", false);
	for (size_t i = 0; i < ARRAY(ffdhe); i++)
		one_group(s, TLS1_3_VERSION, &ffdhe[i]);
	side_free(s);
}

static void every_group_of_integers_in_tls_12(void)
{
	static const struct group dhe[] = {
		{ "ffdhe2048", "dh", false }, { "ffdhe3072", "dh", false },
		{ "ffdhe4096", "dh", false }, { "modp_1536", "dh", false },
		{ "modp_2048", "dh", false }, { "modp_4096", "dh", false },
		{ "1024", "dh", false },      { "ffdhe6144", NULL, false },
	};
	struct side *s;

	start();
	s = side_wd("emu", "no", false);
	for (size_t i = 0; i < ARRAY(dhe); i++) {
		const struct group *g = &dhe[i];
		const struct story t = { .version = TLS1_2_VERSION,
					 .server = "RSA",
					 .suite = "DHE",
					 .dh = g->name };
		long before = side_count(s, "dh", "done");

		must_connect(def, def, &t, g->name);
		must_connect(s, def, &t, g->name);
		grew(s, g->kind, before, 2, g->name);
		must_connect(def, s, &t, g->name);
		grew(s, g->kind, before, 4, g->name);
	}
	side_free(s);
}

/* The client's first share is of no use: HelloRetryRequest. */
static void a_second_share_is_made(void)
{
	static const char *const wanted[] = { "P-384", "X448", "ffdhe3072" };
	static const char *const kinds[] = { "ecdh", "x448", "dh" };
	struct side *s;

	start();
	s = side_wd("emu", "no", false);
	for (size_t i = 0; i < ARRAY(wanted); i++) {
		struct story t = { .version = TLS1_3_VERSION,
				   .server = "P-256",
				   .groups = "X25519:P-384:X448:ffdhe3072",
				   .server_groups = wanted[i] };
		long first = side_count(s, "x25519", "done"),
		     second = side_count(s, kinds[i], "done");

		must_connect(s, def, &t, wanted[i]);
		grew(s, "x25519", first, 1, "first share");
		grew(s, kinds[i], second, 2, wanted[i]);
		must_connect(def, s, &t, wanted[i]);
		grew(s, kinds[i], second, 4, wanted[i]);
		/* wd on both sides. */
		must_connect(s, s, &t, wanted[i]);
		grew(s, kinds[i], second, 8, wanted[i]);
	}
	side_free(s);
}

/* 3.5's hybrids make their X25519 and ECDH keys in the application's context,
 * which may be ours. */
static void hybrid_groups_work_where_there_are_any(void)
{
	static const struct group hybrids[] = {
		{ "X25519MLKEM768", "x25519", true },
		{ "SecP256r1MLKEM768", "ecdh", true },
		{ "SecP384r1MLKEM1024", "ecdh", true },
	};
	struct side *s;

	if (OpenSSL_version_num() < 0x30500000UL)
		return;
	start();
	s = side_wd("emu", "no", false);
	/* They ask with what the context prefers, not with the SSL_CTX's. */
	EVP_set_default_properties(s->lib, query(s));
	for (size_t i = 0; i < ARRAY(hybrids); i++)
		one_group(s, TLS1_3_VERSION, &hybrids[i]);
	side_free(s);
}

static void rsa_key_transport(void)
{
	const struct story t = { .version = TLS1_2_VERSION,
				 .server = "RSA",
				 .suite = "kRSA" };
	struct side *s;
	long before;

	start();
	s = side_wd("emu", "no", false);
	before = side_count(s, "rsa-public", "done");
	must_connect(s, def, &t, "kRSA");
	grew(s, "rsa-public", before, 1, "secret");
	before = side_count(s, "rsa-private", "done");
	must_connect(def, s, &t, "kRSA");
	grew(s, "rsa-private", before, 1, "secret");
	side_free(s);
}

/* ---- certificates ----------------------------------------------------------------- */

static void one_certificate(const struct side *s, int version,
			    const struct id *id, bool both)
{
	const struct story t = {
		.version = version,
		.server = id->name,
		.client = both ? id->name : NULL,
		.suite = version == TLS1_2_VERSION ? "ECDHE" : NULL,
	};
	long signs = id->signs ? side_count(s, id->signs, "done") : 0,
	     verifies = id->verifies ? side_count(s, id->verifies, "done") : 0;

	must_connect(def, def, &t, id->name);
	must_connect(def, s, &t, id->name);
	grew(s, id->signs, signs, 1, id->name);
	must_connect(s, def, &t, id->name);
	grew(s, id->verifies, verifies, 1, id->name);
	if (both) {
		grew(s, id->signs, signs, 2, id->name);
		grew(s, id->verifies, verifies, 2, id->name);
	}
}

static void certificates(bool both)
{
	struct side *s;

	start();
	s = side_wd("emu", "no", false);
	for (size_t i = 0; i < ARRAY(ids); i++) {
		one_certificate(s, TLS1_2_VERSION, &ids[i], both);
		if (!ids[i].tls12_only)
			one_certificate(s, TLS1_3_VERSION, &ids[i], both);
	}
	side_free(s);
}

static void every_certificate(void)
{
	certificates(false);
}

static void every_client_certificate(void)
{
	certificates(true);
}

/* ---- again ------------------------------------------------------------------------- */

static void resume(const struct side *client, const struct side *server,
		   const struct story *t)
{
	struct link l;
	SSL_SESSION *session;

	begin(&l, client, server, t);
	T_OK(open_link(&l, NULL));
	T_EQ(SSL_session_reused(l.client), 0);
	session = SSL_get1_session(l.client);
	close_link(&l);
	for (int i = 0; i < 2; i++) {
		T_OK(open_link(&l, session));
		T_EQ(SSL_session_reused(l.client), 1);
		T_EQ(SSL_session_reused(l.server), 1);
		if (t->version == TLS1_3_VERSION) {
			SSL_SESSION_free(session);
			session = SSL_get1_session(l.client);
		}
		close_link(&l);
	}
	SSL_SESSION_free(session);
	end(&l);
}

static void sessions_resume(void)
{
	static const struct story stories[] = {
		{ .version = TLS1_2_VERSION, .server = "RSA" },
		{ .version = TLS1_2_VERSION,
		  .server = "P-256",
		  .ticketless = true },
		{ .version = TLS1_3_VERSION, .server = "P-256" },
		{ .version = TLS1_3_VERSION,
		  .server = "RSA",
		  .client = "P-384",
		  .ticketless = true },
		{ .version = TLS1_3_VERSION,
		  .server = "RSA",
		  .groups = "ffdhe2048" },
	};
	struct side *s;

	start();
	s = side_wd("emu", "no", false);
	for (size_t i = 0; i < ARRAY(stories); i++) {
		resume(s, def, &stories[i]);
		resume(def, s, &stories[i]);
	}
	side_free(s);
}

/* A handshake within a connection; @by the one that asks. */
static void again(const struct side *client, const struct side *server,
		  const struct story *t, bool by_server)
{
	struct link l;

	begin(&l, client, server, t);
	T_OK(open_link(&l, NULL));
	for (int i = 0; i < 2; i++) {
		SSL *asks = by_server ? l.server : l.client;
		long before = SSL_num_renegotiations(asks);

		T_EQ(SSL_renegotiate(asks), 1);
		T_OK(step(&l, asks, SSL_do_handshake) == 1 || !by_server);
		for (int n = 0; n < 6; n++) {
			step(&l, l.client, read_some);
			step(&l, l.server, read_some);
		}
		T_EQ(SSL_renegotiate_pending(asks), 0);
		T_EQ(SSL_num_renegotiations(asks), before + 1);
		T_OK(talk(&l));
	}
	close_link(&l);
	end(&l);
}

static void connections_renegotiate(void)
{
	static const struct story stories[] = {
		{ .version = TLS1_2_VERSION, .server = "RSA" },
		{ .version = TLS1_2_VERSION,
		  .server = "P-256",
		  .client = "RSA" },
		{ .version = TLS1_2_VERSION,
		  .server = "RSA",
		  .suite = "DHE",
		  .dh = "ffdhe2048" },
	};
	struct side *s;
	long before;

	start();
	s = side_wd("emu", "no", false);
	for (size_t i = 0; i < ARRAY(stories); i++)
		for (int by_server = 0; by_server < 2; by_server++) {
			again(def, def, &stories[i], by_server);
			before = side_count(s, "dh", "done") +
				 side_count(s, "x25519", "done");
			again(s, def, &stories[i], by_server);
			again(def, s, &stories[i], by_server);
			/* Two sides, three handshakes each. */
			T_OK(side_count(s, "dh", "done") +
				     side_count(s, "x25519", "done") >=
			     before + 12);
		}
	side_free(s);
}

/* ---- other ways to run it ------------------------------------------------------------ */

static const struct story mixed[] = {
	{ .version = TLS1_3_VERSION, .server = "RSA", .groups = "X25519" },
	{ .version = TLS1_3_VERSION,
	  .server = "P-256",
	  .client = "P-384",
	  .groups = "X448" },
	{ .version = TLS1_3_VERSION,
	  .server = "RSA-PSS",
	  .groups = "ffdhe2048" },
	{ .version = TLS1_2_VERSION,
	  .server = "RSA",
	  .suite = "DHE",
	  .dh = "ffdhe3072" },
	{ .version = TLS1_2_VERSION,
	  .server = "P-521",
	  .groups = ALL_GROUPS,
	  .client = "RSA" },
	{ .version = TLS1_2_VERSION, .server = "RSA", .suite = "kRSA" },
};

static void both_ways(const struct side *s)
{
	for (size_t i = 0; i < ARRAY(mixed); i++) {
		must_connect(s, def, &mixed[i], mixed[i].server);
		must_connect(def, s, &mixed[i], mixed[i].server);
	}
}

static void paused_handshakes_come_to_an_end(void)
{
	struct side *s;
	unsigned int pauses = 0;

	start();
	s = side_wd("emu:latency_us=300", "no", false);
	for (size_t i = 0; i < ARRAY(mixed); i++)
		for (int server = 0; server < 2; server++) {
			struct story t = mixed[i];
			struct link l;

			t.async = true;
			begin(&l, server ? def : s, server ? s : def, &t);
			T_OK(open_link(&l, NULL));
			pauses += l.pauses;
			close_link(&l);
			end(&l);
		}
	T_OK(pauses > 20);
	T_EQ(side_count(s, "dh", "software"), 0);
	T_EQ(side_count(s, "x25519", "software"), 0);
	side_free(s);
}

static void failing_devices_do_not_show(void)
{
	static const char *const faults[] = {
		"emu:fault=hpre.status/2",	 "emu:fault=hpre.status/1",
		"emu:fault=hpre.stop@4",	 "emu:fault=hpre.gone@4",
		"emu:nosva,fault=hpre.status/3",
	};

	start();
	for (size_t i = 0; i < ARRAY(faults); i++) {
		struct side *s = side_wd(faults[i], NULL, false);

		both_ways(s);
		side_free(s);
	}
}

/* With fallback off the handshake fails, and that is all. */
static void without_fallback_handshakes_fail(void)
{
	static const char *const faults[] = {
		"emu:fault=hpre.status/1",
		"emu:fault=hpre.stop/1",
		"emu:nosva,fault=hpre.status/1",
	};

	start();
	for (size_t i = 0; i < ARRAY(faults); i++) {
		struct side *s = side_wd(faults[i], "no", false);

		for (size_t j = 0; j < ARRAY(mixed); j++) {
			T_EQ(connects(s, def, &mixed[j]), 0);
			T_EQ(connects(def, s, &mixed[j]), 0);
		}
		side_free(s);
	}
}

/* Its RSA and DH are offloaded, the rest is the default provider's. */
static void kunpeng_920_does_what_it_can(void)
{
	struct side *s;

	start();
	s = side_wd("emu:kunpeng920", "no", false);
	both_ways(s);
	T_OK(side_count(s, "rsa-private", "done") > 0);
	T_OK(side_count(s, "dh", "done") > 0);
	T_EQ(side_count(s, "x25519", "jobs"), 0);
	side_free(s);
}

static void wd_alone_is_enough(void)
{
	struct side *s;

	start();
	s = side_wd("emu", "no", true);
	both_ways(s);
	T_OK(side_count(s, "x25519", "done") > 0);
	T_OK(side_count(s, "dh", "done") > 0);
	side_free(s);
	s = side_wd("none", NULL, true);
	both_ways(s);
	side_free(s);
}

int main(int argc, char **argv)
{
	static const struct t_case cases[] = {
		T_CASE(every_group_of_curves),
		T_CASE(every_group_of_integers_in_tls_13),
		T_CASE(every_group_of_integers_in_tls_12),
		T_CASE(a_second_share_is_made),
		T_CASE(hybrid_groups_work_where_there_are_any),
		T_CASE(rsa_key_transport),
		T_CASE(every_certificate),
		T_CASE(every_client_certificate),
		T_CASE(sessions_resume),
		T_CASE(connections_renegotiate),
		T_CASE(paused_handshakes_come_to_an_end),
		T_CASE(failing_devices_do_not_show),
		T_CASE(without_fallback_handshakes_fail),
		T_CASE(kunpeng_920_does_what_it_can),
		T_CASE(wd_alone_is_enough),
	};

	return t_main(cases, ARRAY(cases), argc, argv);
}
