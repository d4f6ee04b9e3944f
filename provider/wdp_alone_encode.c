/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys to DER, PEM and text: the private context's encoders do it to the twin
 * of the key.
 */
#include "provider/wdp_alone.h"

#include <string.h>

#include <openssl/encoder.h>

struct wdp_alone_encoder {
	const char *output;    /* "DER", "PEM", "TEXT" */
	const char *structure; /* NULL: text has none */
	int selection;	       /* what it can write */
};

struct wdp_alone_enc {
	struct wdp_ctx *prov;
	const struct wdp_alone_encoder *row;
	char *cipher; /* name; NULL: do not encrypt */
	int save_parameters;
};

static void *wdp_out_new(struct wdp_ctx *p, const struct wdp_alone_encoder *row)
{
	struct wdp_alone_enc *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->prov = p;
	e->row = row;
	e->save_parameters = 1;
	return e;
}

static OSSL_FUNC_encoder_freectx_fn wdp_out_free;
static void wdp_out_free(void *ctx)
{
	struct wdp_alone_enc *e = ctx;

	if (!e)
		return;
	OPENSSL_free(e->cipher);
	free(e);
}

static OSSL_FUNC_encoder_settable_ctx_params_fn wdp_out_settable;
static const OSSL_PARAM *wdp_out_settable(void *prov)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_utf8_string(OSSL_ENCODER_PARAM_CIPHER, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ENCODER_PARAM_PROPERTIES, NULL, 0),
		OSSL_PARAM_int(OSSL_ENCODER_PARAM_SAVE_PARAMETERS, NULL),
		OSSL_PARAM_END,
	};

	(void)prov;
	return list;
}

static OSSL_FUNC_encoder_set_ctx_params_fn wdp_out_set_params;
static int wdp_out_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_enc *e = ctx;
	const OSSL_PARAM *a;
	const char *name = NULL;

	a = OSSL_PARAM_locate_const(params, OSSL_ENCODER_PARAM_SAVE_PARAMETERS);
	if (a && !OSSL_PARAM_get_int(a, &e->save_parameters))
		return 0;
	a = OSSL_PARAM_locate_const(params, OSSL_ENCODER_PARAM_CIPHER);
	if (!a)
		return 1;
	/* No name takes the encryption back. */
	if (a->data && !OSSL_PARAM_get_utf8_string_ptr(a, &name))
		return 0;
	OPENSSL_free(e->cipher);
	e->cipher = name ? OPENSSL_strdup(name) : NULL;
	return !name || e->cipher;
}

/* Does what was asked for begin with a part this encoder writes? */
static int wdp_out_selects(const struct wdp_alone_encoder *row, int selection)
{
	static const int order[] = { OSSL_KEYMGMT_SELECT_PRIVATE_KEY,
				     OSSL_KEYMGMT_SELECT_PUBLIC_KEY,
				     OSSL_KEYMGMT_SELECT_ALL_PARAMETERS };

	if (!selection)
		return 1;
	for (size_t i = 0; i < WD_ARRAY_SIZE(order); i++)
		if (selection & order[i])
			return !!(row->selection & order[i]);
	return 0;
}

static int wdp_out_write(const struct wdp_alone_enc *e, EVP_PKEY *twin,
			 int selection, BIO *out,
			 const struct wdp_alone_pass *pass)
{
	int save = e->save_parameters, ok = 0;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_ENCODER_PARAM_SAVE_PARAMETERS, &save),
		OSSL_PARAM_END,
	};
	OSSL_ENCODER_CTX *ectx;

	ectx = OSSL_ENCODER_CTX_new_for_pkey(twin, selection, e->row->output,
					     e->row->structure, NULL);
	if (!ectx || !OSSL_ENCODER_CTX_get_num_encoders(ectx))
		goto free_ctx;
	if (!save)
		OSSL_ENCODER_CTX_set_params(ectx, params);
	if (e->cipher &&
	    OSSL_ENCODER_CTX_set_cipher(ectx, e->cipher, NULL) <= 0)
		goto free_ctx;
	if (pass->cb &&
	    !OSSL_ENCODER_CTX_set_passphrase_cb(ectx, pass->cb, pass->arg))
		goto free_ctx;
	ok = OSSL_ENCODER_to_bio(ectx, out);

free_ctx:
	OSSL_ENCODER_CTX_free(ectx);
	return ok;
}

/* Only keys of our own: while alone there are no others. */
static OSSL_FUNC_encoder_encode_fn wdp_out_encode;
static int wdp_out_encode(void *ctx, OSSL_CORE_BIO *core, const void *key,
			  const OSSL_PARAM abstract[], int selection,
			  OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
	struct wdp_alone_pass pass = { pw_cb, pw_arg };
	const struct wdp_alone_enc *e = ctx;
	EVP_PKEY *twin = key ? wdp_pkey_twin(key) : NULL;
	BIO *out;
	int ok;

	if (!twin || abstract) {
		wdp_raise(e->prov, WDP_R_NO_KEY, NULL);
		return 0;
	}
	out = wdp_alone_bio(e->prov, core);
	if (!out)
		return 0;
	ok = wdp_out_write(e, twin, selection, out, &pass);
	BIO_free(out);
	return ok;
}

/* ---- rows ---------------------------------------------------------------- */

/* Binds a row's constants to the functions above. */
#define WDP_ENCODER(id, out, in_structure, writes)                             \
	static const struct wdp_alone_encoder id##_row = {                     \
		.output = (out),                                               \
		.structure = (in_structure),                                   \
		.selection = (writes),                                         \
	};                                                                     \
	static OSSL_FUNC_encoder_newctx_fn id##_new;                           \
	static void *id##_new(void *prov)                                      \
	{                                                                      \
		return wdp_out_new(prov, &id##_row);                           \
	}                                                                      \
	static OSSL_FUNC_encoder_does_selection_fn id##_selects;               \
	static int id##_selects(void *prov, int selection)                     \
	{                                                                      \
		(void)prov;                                                    \
		return wdp_out_selects(&id##_row, selection);                  \
	}                                                                      \
	static const OSSL_DISPATCH id##_fns[] = {                              \
		{ WDP_FN(ENCODER_NEWCTX, id##_new) },                          \
		{ WDP_FN(ENCODER_FREECTX, wdp_out_free) },                     \
		{ WDP_FN(ENCODER_SETTABLE_CTX_PARAMS, wdp_out_settable) },     \
		{ WDP_FN(ENCODER_SET_CTX_PARAMS, wdp_out_set_params) },        \
		{ WDP_FN(ENCODER_DOES_SELECTION, id##_selects) },              \
		{ WDP_FN(ENCODER_ENCODE, wdp_out_encode) },                    \
		{ 0, NULL },                                                   \
	}

#define PRIVATE OSSL_KEYMGMT_SELECT_PRIVATE_KEY
#define PUBLIC	OSSL_KEYMGMT_SELECT_PUBLIC_KEY
#define PARAMS	OSSL_KEYMGMT_SELECT_ALL_PARAMETERS

/* The structure is a string of its own, the key says which type it is: so
 * these serve all types. */
WDP_ENCODER(text, "TEXT", NULL, PRIVATE | PUBLIC | PARAMS);
WDP_ENCODER(pki_der, "DER", "PrivateKeyInfo", PRIVATE);
WDP_ENCODER(pki_pem, "PEM", "PrivateKeyInfo", PRIVATE);
WDP_ENCODER(epki_der, "DER", "EncryptedPrivateKeyInfo", PRIVATE);
WDP_ENCODER(epki_pem, "PEM", "EncryptedPrivateKeyInfo", PRIVATE);
WDP_ENCODER(spki_der, "DER", "SubjectPublicKeyInfo", PUBLIC);
WDP_ENCODER(spki_pem, "PEM", "SubjectPublicKeyInfo", PUBLIC);
/* RSA's own has no parameters; EC's and SM2's no public key alone. */
WDP_ENCODER(rsa_der, "DER", "type-specific", PRIVATE | PUBLIC);
WDP_ENCODER(rsa_pem, "PEM", "type-specific", PRIVATE | PUBLIC);
WDP_ENCODER(ec_der, "DER", "type-specific", PRIVATE | PARAMS);
WDP_ENCODER(ec_pem, "PEM", "type-specific", PRIVATE | PARAMS);
WDP_ENCODER(dsa_der, "DER", "type-specific", PRIVATE | PUBLIC | PARAMS);
WDP_ENCODER(dsa_pem, "PEM", "type-specific", PRIVATE | PUBLIC | PARAMS);
WDP_ENCODER(dh_der, "DER", "type-specific", PARAMS);
WDP_ENCODER(dh_pem, "PEM", "type-specific", PARAMS);

#define ROW(names, out, id)                                                    \
	{                                                                      \
		.algorithm_names = (names),                                    \
		.property_definition = WDP_ALONE_PROPERTIES ",output=" out,    \
		.implementation = id##_fns,                                    \
	}
/* What every key type can be written as. */
#define ROWS_KEY(names)                                                        \
	ROW(names, "text", text),                                              \
		ROW(names, "der,structure=PrivateKeyInfo", pki_der),           \
		ROW(names, "pem,structure=PrivateKeyInfo", pki_pem),           \
		ROW(names, "der,structure=EncryptedPrivateKeyInfo", epki_der), \
		ROW(names, "pem,structure=EncryptedPrivateKeyInfo", epki_pem), \
		ROW(names, "der,structure=SubjectPublicKeyInfo", spki_der),    \
		ROW(names, "pem,structure=SubjectPublicKeyInfo", spki_pem)
/* And those with a format of their own, under each of its names. */
#define ROWS_OWN(names, id, structure)                                         \
	ROW(names, "der,structure=" structure, id##_der),                      \
		ROW(names, "pem,structure=" structure, id##_pem)

const OSSL_ALGORITHM wdp_alone_encoders[] = {
	ROWS_KEY(WDP_RSA_NAMES),
	ROWS_OWN(WDP_RSA_NAMES, rsa, "type-specific"),
	ROWS_OWN(WDP_RSA_NAMES, rsa, "rsa"),
	ROWS_OWN(WDP_RSA_NAMES, rsa, "pkcs1"),
	ROWS_KEY(WDP_RSAPSS_NAMES),
	ROWS_KEY(WDP_EC_NAMES),
	ROWS_OWN(WDP_EC_NAMES, ec, "type-specific"),
	ROWS_OWN(WDP_EC_NAMES, ec, "ec"),
	ROWS_OWN(WDP_EC_NAMES, ec, "X9.62"),
	ROWS_KEY(WDP_SM2_NAMES),
	ROWS_OWN(WDP_SM2_NAMES, ec, "type-specific"),
	ROWS_KEY(WDP_X25519_NAMES),
	ROWS_KEY(WDP_X448_NAMES),
	ROWS_KEY(WDP_ED25519_NAMES),
	ROWS_KEY(WDP_ED448_NAMES),
	ROWS_KEY(WDP_DH_NAMES),
	ROWS_OWN(WDP_DH_NAMES, dh, "type-specific"),
	ROWS_OWN(WDP_DH_NAMES, dh, "dh"),
	ROWS_OWN(WDP_DH_NAMES, dh, "pkcs3"),
	ROWS_KEY(WDP_DHX_NAMES),
	ROWS_OWN(WDP_DHX_NAMES, dh, "type-specific"),
	ROWS_OWN(WDP_DHX_NAMES, dh, "dhx"),
	ROWS_OWN(WDP_DHX_NAMES, dh, "X9.42"),
	ROWS_KEY(WDP_DSA_NAMES),
	ROWS_OWN(WDP_DSA_NAMES, dsa, "type-specific"),
	ROWS_OWN(WDP_DSA_NAMES, dsa, "dsa"),
	{ NULL, NULL, NULL, NULL },
};
