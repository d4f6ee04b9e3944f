/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_tls.c - rows of wdbench: TLS handshakes in memory.
 *
 * The server is the measured side, the client the reference.  What the client
 * does is left out of every figure.  A handshake that both ends have finished
 * is its own check: each has verified what the other sent.
 */
#include "tools/bench_ops.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#define SLOTS	  16
#define ROUNDS	  16 /* flights a handshake can need, and more */
#define CERT_DAYS 3600 * 24

struct tls {
	SSL_CTX *server, *client;
	SSL_SESSION *session; /* to be resumed, or NULL */
};

/* ---- certificate --------------------------------------------------------- */

static X509 *cert_new(struct bench_op *op)
{
	X509 *x = X509_new_ex(op->ref->ctx, NULL);
	X509_NAME *name = X509_NAME_new();
	int ok = x && name &&
		 X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					    (const unsigned char *)"localhost",
					    -1, -1, 0) &&
		 X509_set_version(x, X509_VERSION_3) &&
		 ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
		 X509_set_subject_name(x, name) &&
		 X509_set_issuer_name(x, name) &&
		 X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
		 X509_gmtime_adj(X509_getm_notAfter(x), CERT_DAYS) &&
		 X509_set_pubkey(x, op->ref_key) &&
		 X509_sign(x, op->ref_key, EVP_sha256());

	X509_NAME_free(name);
	if (ok)
		return x;
	X509_free(x);
	return NULL;
}

/* As a server reads its files: key and certificate through DER. */
static int use_cert(struct bench_op *op, SSL_CTX *server)
{
	X509 *made = cert_new(op), *x = X509_new_ex(op->side->ctx, NULL);
	unsigned char *der = NULL, *key_der = NULL;
	const unsigned char *at;
	EVP_PKEY *key = NULL;
	int n, ok = 0;

	if (!made || !x)
		goto out;
	n = i2d_X509(made, &der);
	at = der;
	if (n <= 0 || !d2i_X509(&x, &at, n))
		goto out;
	n = i2d_PrivateKey(op->ref_key, &key_der);
	at = key_der;
	if (n > 0)
		key = d2i_AutoPrivateKey_ex(NULL, &at, n, op->side->ctx, NULL);
	ok = key && SSL_CTX_use_certificate(server, x) &&
	     SSL_CTX_use_PrivateKey(server, key);
out:
	OPENSSL_free(der);
	OPENSSL_free(key_der);
	EVP_PKEY_free(key);
	X509_free(made);
	X509_free(x);
	return ok;
}

/* ---- one handshake --------------------------------------------------------- */

struct ends {
	SSL *server, *client;
};

static void client_free(struct ends *e)
{
	struct bench_pause p;

	bench_exclude_begin(&p);
	/* Else its session would count as broken. */
	if (e->client)
		SSL_set_shutdown(e->client,
				 SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(e->client);
	bench_exclude_end(&p);
}

/* The client and the wires are the peer's; memory BIOs that say "retry" at
 * their end. */
static int client_new(struct tls *t, struct ends *e, BIO *wire[2])
{
	struct bench_pause p;
	int ok;

	bench_exclude_begin(&p);
	wire[0] = BIO_new(BIO_s_mem());
	wire[1] = BIO_new(BIO_s_mem());
	e->client = SSL_new(t->client);
	ok = wire[0] && wire[1] && e->client && BIO_up_ref(wire[0]) &&
	     BIO_up_ref(wire[1]) &&
	     (!t->session || SSL_set_session(e->client, t->session));
	if (ok) {
		SSL_set_bio(e->client, wire[0], wire[1]);
		SSL_set_connect_state(e->client);
	}
	bench_exclude_end(&p);
	return ok;
}

/* Return: 1 done, 0 waits for the peer, -1 failed. */
static int step(SSL *s)
{
	int rc = SSL_do_handshake(s);

	if (rc == 1)
		return 1;
	return SSL_get_error(s, rc) == SSL_ERROR_WANT_READ ? 0 : -1;
}

static int client_step(struct ends *e)
{
	struct bench_pause p;
	int rc;

	bench_exclude_begin(&p);
	rc = step(e->client);
	bench_exclude_end(&p);
	return rc;
}

static int handshake(struct tls *t, struct ends *e)
{
	int client = 0, server = 0;
	BIO *wire[2];

	*e = (struct ends){ 0 };
	if (!client_new(t, e, wire))
		return 0;
	e->server = SSL_new(t->server);
	if (!e->server)
		return 0;
	SSL_set_bio(e->server, wire[1], wire[0]);
	SSL_set_accept_state(e->server);
	for (int i = 0; i < ROUNDS && (client != 1 || server != 1); i++) {
		client = client_step(e);
		server = client < 0 ? -1 : step(e->server);
		if (client < 0 || server < 0)
			return 0;
	}
	return client == 1 && server == 1;
}

static void ends_free(struct ends *e)
{
	SSL_free(e->server);
	client_free(e);
}

/* ---- setting up --------------------------------------------------------------- */

static SSL_CTX *context(struct bench_op *op, struct bench_side *side,
			const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new_ex(side->ctx, NULL, method);

	if (c && SSL_CTX_set_min_proto_version(c, op->row.tls) &&
	    SSL_CTX_set_max_proto_version(c, op->row.tls) &&
	    SSL_CTX_set1_groups_list(c, op->row.tls_group))
		return c;
	SSL_CTX_free(c);
	return NULL;
}

/* A client has its session by the ticket that it reads after a handshake. */
static int session_get(struct tls *t)
{
	struct ends e;
	char c;
	int ok = handshake(t, &e);

	if (ok) {
		SSL_read(e.client, &c, 1);
		ERR_clear_error();
		t->session = SSL_get1_session(e.client);
		ok = t->session && SSL_SESSION_is_resumable(t->session);
	}
	ends_free(&e);
	return ok;
}

static int tls_prepare(struct bench_op *op)
{
	struct tls *t = calloc(1, sizeof(*t));

	op->more = t;
	op->out_size = 1;
	if (!t)
		return 0;
	t->server = context(op, op->side, TLS_server_method());
	t->client = context(op, op->ref, TLS_client_method());
	if (!t->server || !t->client || !use_cert(op, t->server))
		return 0;
	SSL_CTX_set_session_cache_mode(t->server, SSL_SESS_CACHE_OFF);
	if (op->row.resume)
		return SSL_CTX_set_session_id_context(
			       t->server, (const unsigned char *)"b", 1) &&
		       session_get(t);
	SSL_CTX_set_options(t->server, SSL_OP_NO_TICKET);
	return SSL_CTX_set_num_tickets(t->server, 0);
}

static void tls_release(struct bench_op *op)
{
	struct tls *t = op->more;

	if (!t)
		return;
	SSL_SESSION_free(t->session);
	SSL_CTX_free(t->client);
	SSL_CTX_free(t->server);
	free(t);
}

/* Who signs: the handshake itself does not tell. */
static int tls_open(struct bench_state *s)
{
	struct bench_op *op = s->op;

	s->pkey = EVP_PKEY_CTX_new_from_pkey(op->side->ctx, op->key, NULL);
	if (!s->pkey || EVP_PKEY_sign_init(s->pkey) <= 0)
		return 0;
	bench_served(op, EVP_PKEY_CTX_get0_provider(s->pkey));
	return 1;
}

static int tls_run(void *state, unsigned int slot)
{
	struct bench_state *s = state;
	struct ends e;
	int ok = handshake(s->op->more, &e);

	*bench_slot(s, slot) =
		ok && SSL_session_reused(e.server) == (int)s->op->row.resume;
	ends_free(&e);
	return ok;
}

static int tls_check(void *state, unsigned int slot)
{
	return *bench_slot(state, slot);
}

const struct bench_family bench_tls = {
	.slots = SLOTS,
	.prepare = tls_prepare,
	.release = tls_release,
	.open = tls_open,
	.run = tls_run,
	.check = tls_check,
};
