/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys from files, in the steps libcrypto knows:
 *
 *	pem ──▶ der ──▶ (EncryptedPrivateKeyInfo ──▶ PrivateKeyInfo) ──▶ key
 *
 * The last step is the private context's: it decodes, wd wraps.  A decoder
 * that does not know its input answers 1 without calling back, so that the
 * next one is tried.
 */
#include "provider/wdp_alone.h"

#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/core_object.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

struct wdp_alone_decoder {
	const char *type;      /* of the key */
	const char *structure; /* around it */
};

struct wdp_alone_dec {
	struct wdp_ctx *prov;
	const struct wdp_alone_decoder *row;
};

static void *wdp_dec_new(struct wdp_ctx *p, const struct wdp_alone_decoder *row)
{
	struct wdp_alone_dec *d = malloc(sizeof(*d));

	if (d)
		*d = (struct wdp_alone_dec){ .prov = p, .row = row };
	return d;
}

static OSSL_FUNC_decoder_freectx_fn wdp_dec_free;
static void wdp_dec_free(void *ctx)
{
	free(ctx);
}

/* Calls back with an object that is still bytes; @type may be NULL. */
static int wdp_dec_give(int object, const char *type, const char *structure,
			const unsigned char *der, size_t len, OSSL_CALLBACK *cb,
			void *arg)
{
	OSSL_PARAM params[5], *a = params;

	*a++ = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &object);
	if (type)
		*a++ = OSSL_PARAM_construct_utf8_string(
			OSSL_OBJECT_PARAM_DATA_TYPE, (char *)type, 0);
	*a++ = OSSL_PARAM_construct_utf8_string(
		OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)structure, 0);
	*a++ = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA,
						 (void *)der, len);
	*a = OSSL_PARAM_construct_end();
	return cb(params, arg);
}

/* ---- PEM ----------------------------------------------------------------- */

static const struct wdp_pem {
	const char *name;
	int object;
	const char *type, *structure;
} wdp_pems[] = {
	{ PEM_STRING_PKCS8INF, OSSL_OBJECT_PKEY, NULL, "PrivateKeyInfo" },
	{ PEM_STRING_PKCS8, OSSL_OBJECT_PKEY, NULL, "EncryptedPrivateKeyInfo" },
	{ PEM_STRING_PUBLIC, OSSL_OBJECT_PKEY, NULL, "SubjectPublicKeyInfo" },
	{ PEM_STRING_RSA, OSSL_OBJECT_PKEY, "RSA", "type-specific" },
	{ PEM_STRING_RSA_PUBLIC, OSSL_OBJECT_PKEY, "RSA", "type-specific" },
	{ PEM_STRING_ECPRIVATEKEY, OSSL_OBJECT_PKEY, "EC", "type-specific" },
	{ PEM_STRING_ECPARAMETERS, OSSL_OBJECT_PKEY, "EC", "type-specific" },
	{ "SM2 PRIVATE KEY", OSSL_OBJECT_PKEY, "SM2", "type-specific" },
	{ "SM2 PARAMETERS", OSSL_OBJECT_PKEY, "SM2", "type-specific" },
	{ PEM_STRING_DHPARAMS, OSSL_OBJECT_PKEY, "DH", "type-specific" },
	{ PEM_STRING_DHXPARAMS, OSSL_OBJECT_PKEY, "DHX", "type-specific" },
	{ PEM_STRING_DSA, OSSL_OBJECT_PKEY, "DSA", "type-specific" },
	{ PEM_STRING_DSA_PUBLIC, OSSL_OBJECT_PKEY, "DSA", "type-specific" },
	{ PEM_STRING_DSAPARAMS, OSSL_OBJECT_PKEY, "DSA", "type-specific" },
	{ PEM_STRING_X509, OSSL_OBJECT_CERT, NULL, "Certificate" },
	{ PEM_STRING_X509_OLD, OSSL_OBJECT_CERT, NULL, "Certificate" },
	{ PEM_STRING_X509_TRUSTED, OSSL_OBJECT_CERT, NULL, "Certificate" },
	{ PEM_STRING_X509_CRL, OSSL_OBJECT_CRL, NULL, "CertificateList" },
};

/* "Proc-Type:" alone has 10 characters; less is no encryption header. */
#define WDP_PEM_HEADER_MIN 10

/*
 * Undo the old encryption of PEM itself.  Its cipher is looked up in the
 * application's default context: libcrypto has no call that takes another.
 */
static int wdp_pem_decrypt(char *header, unsigned char *der, long *len,
			   struct wdp_alone_pass *pass)
{
	EVP_CIPHER_INFO info;

	if (strlen(header) <= WDP_PEM_HEADER_MIN)
		return 1;
	return PEM_get_EVP_CIPHER_INFO(header, &info) &&
	       PEM_do_header(&info, der, len, wdp_alone_pass_cb, pass);
}

static int wdp_pem_give(const char *name, const unsigned char *der, size_t len,
			OSSL_CALLBACK *cb, void *arg)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(wdp_pems); i++) {
		const struct wdp_pem *row = &wdp_pems[i];

		if (!strcmp(row->name, name))
			return wdp_dec_give(row->object, row->type,
					    row->structure, der, len, cb, arg);
	}
	return 1;
}

static OSSL_FUNC_decoder_decode_fn wdp_dec_pem;
static int wdp_dec_pem(void *ctx, OSSL_CORE_BIO *core, int selection,
		       OSSL_CALLBACK *cb, void *arg,
		       OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
	struct wdp_alone_pass pass = { pw_cb, pw_arg };
	struct wdp_alone_dec *d = ctx;
	BIO *in = wdp_alone_bio(d->prov, core);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len = 0;
	int ok;

	(void)selection;
	if (!in)
		return 0;
	ERR_set_mark();
	ok = PEM_read_bio(in, &name, &header, &der, &len);
	ERR_pop_to_mark();
	BIO_free(in);
	if (!ok)
		return 1;
	ok = wdp_pem_decrypt(header, der, &len, &pass) &&
	     wdp_pem_give(name, der, (size_t)len, cb, arg);
	OPENSSL_clear_free(der, (size_t)len);
	OPENSSL_free(header);
	OPENSSL_free(name);
	return ok;
}

/* ---- DER ----------------------------------------------------------------- */

/* One DER object from @core, no byte more; NULL: it starts with none. */
static unsigned char *wdp_der_read(struct wdp_ctx *p, OSSL_CORE_BIO *core,
				   size_t *len)
{
	BIO *in = wdp_alone_bio(p, core);
	ASN1_TYPE *any = NULL;
	unsigned char *der = NULL;
	int n = -1;

	if (!in)
		return NULL;
	ERR_set_mark();
	any = ASN1_item_d2i_bio(ASN1_ITEM_rptr(ASN1_ANY), in, NULL);
	if (any)
		n = i2d_ASN1_TYPE(any, &der);
	ERR_pop_to_mark();
	if (any && any->type == V_ASN1_SEQUENCE)
		OPENSSL_cleanse(any->value.sequence->data,
				(size_t)any->value.sequence->length);
	ASN1_TYPE_free(any);
	BIO_free(in);
	*len = n > 0 ? (size_t)n : 0;
	return n > 0 ? der : NULL;
}

/* Plain PrivateKeyInfo out of @der, with the application's passphrase. */
static int wdp_epki_decrypt(struct wdp_ctx *p, const X509_SIG *sig,
			    unsigned char **plain, int *plain_len,
			    struct wdp_alone_pass *pass)
{
	const ASN1_OCTET_STRING *data;
	const X509_ALGOR *alg;
	char secret[1024]; /* PEM_BUFSIZE, libcrypto's own bound */
	OSSL_LIB_CTX *libctx = wdp_twin(p);
	int len, ok;

	if (!libctx)
		return 0;
	len = wdp_alone_pass_cb(secret, sizeof(secret), 0, pass);
	if (len < 0) {
		wdp_raise(p, WDP_R_NO_KEY, "no passphrase was given");
		return 0;
	}
	X509_SIG_get0(sig, &alg, &data);
	ok = PKCS12_pbe_crypt_ex(alg, secret, len, data->data, data->length,
				 plain, plain_len, 0, libctx, NULL) != NULL;
	OPENSSL_cleanse(secret, sizeof(secret));
	return ok;
}

static OSSL_FUNC_decoder_decode_fn wdp_dec_epki;
static int wdp_dec_epki(void *ctx, OSSL_CORE_BIO *core, int selection,
			OSSL_CALLBACK *cb, void *arg,
			OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
	struct wdp_alone_pass pass = { pw_cb, pw_arg };
	struct wdp_alone_dec *d = ctx;
	unsigned char *der, *plain = NULL;
	const unsigned char *at;
	int plain_len = 0, ok = 1;
	X509_SIG *sig;
	size_t len;

	(void)selection;
	der = wdp_der_read(d->prov, core, &len);
	if (!der)
		return 1;
	at = der;
	ERR_set_mark();
	sig = d2i_X509_SIG(NULL, &at, (long)len);
	ERR_pop_to_mark();
	if (!sig)
		goto free_der;
	ok = wdp_epki_decrypt(d->prov, sig, &plain, &plain_len, &pass) &&
	     wdp_dec_give(OSSL_OBJECT_PKEY, NULL, "PrivateKeyInfo", plain,
			  (size_t)plain_len, cb, arg);
	OPENSSL_clear_free(plain, (size_t)plain_len);
	X509_SIG_free(sig);
free_der:
	OPENSSL_clear_free(der, len);
	return ok;
}

static EVP_PKEY *wdp_der_key(struct wdp_ctx *p,
			     const struct wdp_alone_decoder *row, int selection,
			     const unsigned char *der, size_t len)
{
	OSSL_LIB_CTX *libctx = wdp_twin(p);
	EVP_PKEY *twin = NULL;
	OSSL_DECODER_CTX *dctx;

	if (!libctx)
		return NULL;
	dctx = OSSL_DECODER_CTX_new_for_pkey(&twin, "DER", row->structure,
					     row->type, selection, libctx,
					     NULL);
	if (dctx)
		OSSL_DECODER_from_data(dctx, &der, &len);
	OSSL_DECODER_CTX_free(dctx);
	return twin;
}

static OSSL_FUNC_decoder_decode_fn wdp_dec_key;
static int wdp_dec_key(void *ctx, OSSL_CORE_BIO *core, int selection,
		       OSSL_CALLBACK *cb, void *arg,
		       OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
	struct wdp_alone_dec *d = ctx;
	unsigned char *der;
	EVP_PKEY *twin;
	size_t len;

	(void)pw_cb;
	(void)pw_arg;
	der = wdp_der_read(d->prov, core, &len);
	if (!der)
		return 1;
	ERR_set_mark();
	twin = wdp_der_key(d->prov, d->row, selection, der, len);
	ERR_pop_to_mark();
	OPENSSL_clear_free(der, len);
	return twin ? wdp_alone_give_key(d->prov, twin, cb, arg) : 1;
}

/* ---- selections ---------------------------------------------------------- */

/* Each part includes those after it: private, public, parameters. */
static int wdp_dec_selects(int selection, int offered)
{
	static const int order[] = { OSSL_KEYMGMT_SELECT_PRIVATE_KEY,
				     OSSL_KEYMGMT_SELECT_PUBLIC_KEY,
				     OSSL_KEYMGMT_SELECT_ALL_PARAMETERS };

	if (!selection)
		return 1;
	for (size_t i = 0; i < WD_ARRAY_SIZE(order); i++)
		if (selection & order[i])
			return !!(offered & order[i]);
	return 0;
}

static OSSL_FUNC_decoder_does_selection_fn wdp_dec_private;
static int wdp_dec_private(void *prov, int selection)
{
	(void)prov;
	return wdp_dec_selects(selection, OSSL_KEYMGMT_SELECT_PRIVATE_KEY);
}

static OSSL_FUNC_decoder_does_selection_fn wdp_dec_public;
static int wdp_dec_public(void *prov, int selection)
{
	(void)prov;
	return wdp_dec_selects(selection, OSSL_KEYMGMT_SELECT_PUBLIC_KEY);
}

static OSSL_FUNC_decoder_does_selection_fn wdp_dec_any;
static int wdp_dec_any(void *prov, int selection)
{
	(void)prov;
	return wdp_dec_selects(selection, OSSL_KEYMGMT_SELECT_ALL);
}

/* ---- rows ---------------------------------------------------------------- */

/* Binds a row's constants to the functions above. */
#define WDP_DECODER(id, key_type, key_structure, decode, selects)              \
	static const struct wdp_alone_decoder id##_row = {                     \
		.type = (key_type),                                            \
		.structure = (key_structure),                                  \
	};                                                                     \
	static OSSL_FUNC_decoder_newctx_fn id##_new;                           \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return wdp_dec_new(prov, &id##_row);                           \
	}                                                                      \
	static const OSSL_DISPATCH id##_fns[] = {                              \
		{ WDP_FN(DECODER_NEWCTX, id##_new) },                          \
		{ WDP_FN(DECODER_FREECTX, wdp_dec_free) },                     \
		{ WDP_FN(DECODER_DOES_SELECTION, selects) },                   \
		{ WDP_FN(DECODER_DECODE, decode) },                            \
		{ WDP_FN(DECODER_EXPORT_OBJECT, wdp_alone_export_object) },    \
		{ 0, NULL },                                                   \
	}

/* What every key type can come in. */
#define WDP_DECODER_KEY(id, type)                                              \
	WDP_DECODER(id##_pki, type, "PrivateKeyInfo", wdp_dec_key,             \
		    wdp_dec_private);                                          \
	WDP_DECODER(id##_spki, type, "SubjectPublicKeyInfo", wdp_dec_key,      \
		    wdp_dec_public)

/* And those with a format of their own, under one or two names. */
#define WDP_DECODER_OWN(id, type)                                              \
	WDP_DECODER(id##_own, type, "type-specific", wdp_dec_key, wdp_dec_any)

WDP_DECODER(pem, NULL, NULL, wdp_dec_pem, wdp_dec_any);
WDP_DECODER(epki, NULL, NULL, wdp_dec_epki, wdp_dec_private);
WDP_DECODER_KEY(rsa, "RSA");
WDP_DECODER_OWN(rsa, "RSA");
WDP_DECODER_KEY(rsapss, "RSA-PSS");
WDP_DECODER_KEY(ec, "EC");
WDP_DECODER_OWN(ec, "EC");
WDP_DECODER_KEY(sm2, "SM2");
WDP_DECODER_OWN(sm2, "SM2");
WDP_DECODER_KEY(x25519, "X25519");
WDP_DECODER_KEY(x448, "X448");
WDP_DECODER_KEY(ed25519, "ED25519");
WDP_DECODER_KEY(ed448, "ED448");
WDP_DECODER_KEY(dh, "DH");
WDP_DECODER_OWN(dh, "DH");
WDP_DECODER_KEY(dhx, "DHX");
WDP_DECODER_OWN(dhx, "DHX");
WDP_DECODER_KEY(dsa, "DSA");
WDP_DECODER_OWN(dsa, "DSA");

#define WDP_DECODER_ROW(names, from, fns)                                      \
	{                                                                      \
		.algorithm_names = (names),                                    \
		.property_definition = WDP_ALONE_PROPERTIES ",input=" from,    \
		.implementation = (fns),                                       \
	}
#define ROWS_KEY(names, id)                                                    \
	WDP_DECODER_ROW(names, "der,structure=PrivateKeyInfo", id##_pki_fns),  \
		WDP_DECODER_ROW(names, "der,structure=SubjectPublicKeyInfo",   \
				id##_spki_fns)
#define ROWS_OWN(names, id, structure)                                         \
	WDP_DECODER_ROW(names, "der,structure=type-specific", id##_own_fns),   \
		WDP_DECODER_ROW(names, "der,structure=" structure,             \
				id##_own_fns)

const OSSL_ALGORITHM wdp_alone_decoders[] = {
	ROWS_KEY(WDP_RSA_NAMES, rsa),
	ROWS_OWN(WDP_RSA_NAMES, rsa, "rsa"),
	ROWS_KEY(WDP_RSAPSS_NAMES, rsapss),
	ROWS_KEY(WDP_EC_NAMES, ec),
	ROWS_OWN(WDP_EC_NAMES, ec, "ec"),
	ROWS_KEY(WDP_SM2_NAMES, sm2),
	WDP_DECODER_ROW(WDP_SM2_NAMES, "der,structure=type-specific",
			sm2_own_fns),
	ROWS_KEY(WDP_X25519_NAMES, x25519),
	ROWS_KEY(WDP_X448_NAMES, x448),
	ROWS_KEY(WDP_ED25519_NAMES, ed25519),
	ROWS_KEY(WDP_ED448_NAMES, ed448),
	ROWS_KEY(WDP_DH_NAMES, dh),
	ROWS_OWN(WDP_DH_NAMES, dh, "dh"),
	ROWS_KEY(WDP_DHX_NAMES, dhx),
	ROWS_OWN(WDP_DHX_NAMES, dhx, "dhx"),
	ROWS_KEY(WDP_DSA_NAMES, dsa),
	ROWS_OWN(WDP_DSA_NAMES, dsa, "dsa"),
	WDP_DECODER_ROW("DER", "pem", pem_fns),
	WDP_DECODER_ROW("DER", "der,structure=EncryptedPrivateKeyInfo",
			epki_fns),
	{ NULL, NULL, NULL, NULL },
};
