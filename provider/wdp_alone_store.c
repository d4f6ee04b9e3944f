/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of scheme "file": the private context's own store reads and
 * decodes, and its objects are handed over - keys by reference, certificates
 * and CRLs as DER.
 */
#include "provider/wdp_alone.h"

#include <string.h>

#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/x509.h>

struct wdp_alone_store {
	struct wdp_ctx *prov;
	OSSL_STORE_CTX *twin;	    /* NULL: not yet open (again) */
	char *uri;		    /* or */
	BIO *bio;		    /* attached to */
	char *input_type;	    /* "DER", "PEM"; NULL: find out */
	int expect;		    /* OSSL_STORE_INFO_; 0: anything */
	UI_METHOD *ui;		    /* asks @pass */
	struct wdp_alone_pass pass; /* only during load */
};

static OSSL_FUNC_store_close_fn wdp_store_close;
static int wdp_store_close(void *ctx)
{
	struct wdp_alone_store *s = ctx;

	if (!s)
		return 1;
	OSSL_STORE_close(s->twin);
	BIO_free(s->bio);
	UI_destroy_method(s->ui);
	OPENSSL_free(s->input_type);
	OPENSSL_free(s->uri);
	free(s);
	return 1;
}

static struct wdp_alone_store *wdp_store_new(struct wdp_ctx *p)
{
	struct wdp_alone_store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->prov = p;
	s->ui = UI_UTIL_wrap_read_pem_callback(wdp_alone_pass_cb, 0);
	if (s->ui)
		return s;
	free(s);
	return NULL;
}

/* Opens the twin if it is not; what was said before is said again. */
static bool wdp_store_ready(struct wdp_alone_store *s)
{
	OSSL_LIB_CTX *libctx = wdp_twin(s->prov);
	OSSL_PARAM params[2], *a = params;

	if (s->twin)
		return true;
	if (!libctx)
		return false;
	if (s->input_type)
		*a++ = OSSL_PARAM_construct_utf8_string(
			OSSL_STORE_PARAM_INPUT_TYPE, s->input_type, 0);
	*a = OSSL_PARAM_construct_end();
	if (s->bio)
		s->twin = OSSL_STORE_attach(s->bio, "file", libctx, NULL, s->ui,
					    &s->pass, params, NULL, NULL);
	else
		s->twin = OSSL_STORE_open_ex(s->uri, libctx, NULL, s->ui,
					     &s->pass, params, NULL, NULL);
	return s->twin &&
	       (!s->expect || OSSL_STORE_expect(s->twin, s->expect) > 0);
}

static OSSL_FUNC_store_open_fn wdp_store_open;
static void *wdp_store_open(void *prov, const char *uri)
{
	struct wdp_alone_store *s = wdp_store_new(prov);

	if (!s)
		return NULL;
	s->uri = OPENSSL_strdup(uri);
	if (s->uri && wdp_store_ready(s))
		return s;
	wdp_store_close(s);
	return NULL;
}

static OSSL_FUNC_store_attach_fn wdp_store_attach;
static void *wdp_store_attach(void *prov, OSSL_CORE_BIO *in)
{
	struct wdp_alone_store *s = wdp_store_new(prov);

	if (!s)
		return NULL;
	s->bio = wdp_alone_bio(prov, in);
	if (s->bio)
		return s;
	wdp_store_close(s);
	return NULL;
}

/* ---- parameters ---------------------------------------------------------- */

static OSSL_FUNC_store_settable_ctx_params_fn wdp_store_settable;
static const OSSL_PARAM *wdp_store_settable(void *prov)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_PROPERTIES, NULL, 0),
		OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
		OSSL_PARAM_octet_string(OSSL_STORE_PARAM_SUBJECT, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_INPUT_TYPE, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)prov;
	return list;
}

/* The type is told at opening only, so open again; nothing was read yet. */
static int wdp_store_set_type(struct wdp_alone_store *s, const OSSL_PARAM *a)
{
	const char *type;

	if (!a)
		return 1;
	if (!OSSL_PARAM_get_utf8_string_ptr(a, &type))
		return 0;
	OPENSSL_free(s->input_type);
	s->input_type = OPENSSL_strdup(type);
	if (!s->input_type)
		return 0;
	if (!s->twin)
		return 1;
	OSSL_STORE_close(s->twin);
	s->twin = NULL;
	return wdp_store_ready(s);
}

static int wdp_store_set_expect(struct wdp_alone_store *s, const OSSL_PARAM *a)
{
	if (!a)
		return 1;
	return OSSL_PARAM_get_int(a, &s->expect) &&
	       (!s->twin || OSSL_STORE_expect(s->twin, s->expect) > 0);
}

static int wdp_store_set_subject(struct wdp_alone_store *s, const OSSL_PARAM *a)
{
	OSSL_STORE_SEARCH *search = NULL;
	const unsigned char *der;
	X509_NAME *name;
	size_t len;
	int ok = 0;

	if (!a)
		return 1;
	if (!OSSL_PARAM_get_octet_string_ptr(a, (const void **)&der, &len))
		return 0;
	name = d2i_X509_NAME(NULL, &der, (long)len);
	if (name)
		search = OSSL_STORE_SEARCH_by_name(name);
	if (search && wdp_store_ready(s))
		ok = OSSL_STORE_find(s->twin, search) > 0;
	OSSL_STORE_SEARCH_free(search);
	X509_NAME_free(name);
	return ok;
}

static OSSL_FUNC_store_set_ctx_params_fn wdp_store_set_params;
static int wdp_store_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct wdp_alone_store *s = ctx;

	if (!params)
		return 1;
	return wdp_store_set_type(
		       s, OSSL_PARAM_locate_const(
				  params, OSSL_STORE_PARAM_INPUT_TYPE)) &&
	       wdp_store_set_expect(
		       s, OSSL_PARAM_locate_const(params,
						  OSSL_STORE_PARAM_EXPECT)) &&
	       wdp_store_set_subject(
		       s, OSSL_PARAM_locate_const(params,
						  OSSL_STORE_PARAM_SUBJECT));
}

/* ---- objects ------------------------------------------------------------- */

static int wdp_store_give_name(const OSSL_STORE_INFO *info, OSSL_CALLBACK *cb,
			       void *arg)
{
	const char *name = OSSL_STORE_INFO_get0_NAME(info);
	const char *desc = OSSL_STORE_INFO_get0_NAME_description(info);
	int object = OSSL_OBJECT_NAME;
	OSSL_PARAM params[4], *a = params;

	*a++ = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &object);
	*a++ = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA,
						(char *)name, 0);
	if (desc)
		*a++ = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DESC,
							(char *)desc, 0);
	*a = OSSL_PARAM_construct_end();
	return cb(params, arg);
}

static int wdp_store_give_der(int object, unsigned char *der, int len,
			      OSSL_CALLBACK *cb, void *arg)
{
	OSSL_PARAM params[3];
	int ok;

	if (len <= 0)
		return 0;
	params[0] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &object);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA,
						      der, (size_t)len);
	params[2] = OSSL_PARAM_construct_end();
	ok = cb(params, arg);
	OPENSSL_free(der);
	return ok;
}

static int wdp_store_give(struct wdp_ctx *p, const OSSL_STORE_INFO *info,
			  OSSL_CALLBACK *cb, void *arg)
{
	unsigned char *der = NULL;
	int len;

	switch (OSSL_STORE_INFO_get_type(info)) {
	case OSSL_STORE_INFO_NAME:
		return wdp_store_give_name(info, cb, arg);
	case OSSL_STORE_INFO_PARAMS:
		return wdp_alone_give_key(p, OSSL_STORE_INFO_get1_PARAMS(info),
					  cb, arg);
	case OSSL_STORE_INFO_PUBKEY:
		return wdp_alone_give_key(p, OSSL_STORE_INFO_get1_PUBKEY(info),
					  cb, arg);
	case OSSL_STORE_INFO_PKEY:
		return wdp_alone_give_key(p, OSSL_STORE_INFO_get1_PKEY(info),
					  cb, arg);
	case OSSL_STORE_INFO_CERT:
		len = i2d_X509_AUX(OSSL_STORE_INFO_get0_CERT(info), &der);
		return wdp_store_give_der(OSSL_OBJECT_CERT, der, len, cb, arg);
	case OSSL_STORE_INFO_CRL:
		len = i2d_X509_CRL(OSSL_STORE_INFO_get0_CRL(info), &der);
		return wdp_store_give_der(OSSL_OBJECT_CRL, der, len, cb, arg);
	default:
		return 0;
	}
}

static OSSL_FUNC_store_load_fn wdp_store_load;
static int wdp_store_load(void *ctx, OSSL_CALLBACK *cb, void *arg,
			  OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
	struct wdp_alone_store *s = ctx;
	OSSL_STORE_INFO *info;
	int ok;

	if (!wdp_store_ready(s))
		return 0;
	s->pass = (struct wdp_alone_pass){ pw_cb, pw_arg };
	info = OSSL_STORE_load(s->twin);
	s->pass = (struct wdp_alone_pass){ NULL, NULL };
	if (!info)
		return 0;
	ok = wdp_store_give(s->prov, info, cb, arg);
	OSSL_STORE_INFO_free(info);
	return ok;
}

static OSSL_FUNC_store_eof_fn wdp_store_eof;
static int wdp_store_eof(void *ctx)
{
	struct wdp_alone_store *s = ctx;

	return !wdp_store_ready(s) || OSSL_STORE_eof(s->twin);
}

static const OSSL_DISPATCH wdp_store_fns[] = {
	{ WDP_FN(STORE_OPEN, wdp_store_open) },
	{ WDP_FN(STORE_ATTACH, wdp_store_attach) },
	{ WDP_FN(STORE_SETTABLE_CTX_PARAMS, wdp_store_settable) },
	{ WDP_FN(STORE_SET_CTX_PARAMS, wdp_store_set_params) },
	{ WDP_FN(STORE_LOAD, wdp_store_load) },
	{ WDP_FN(STORE_EOF, wdp_store_eof) },
	{ WDP_FN(STORE_CLOSE, wdp_store_close) },
	{ WDP_FN(STORE_EXPORT_OBJECT, wdp_alone_export_object) },
	{ 0, NULL },
};

const OSSL_ALGORITHM wdp_alone_stores[] = {
	WDP_ALONE_ROW("file", wdp_store_fns),
	{ NULL, NULL, NULL, NULL },
};
