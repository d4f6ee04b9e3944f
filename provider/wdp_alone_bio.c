/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BIOs of the application come as OSSL_CORE_BIO, to be used through upcalls
 * only.  This wraps one into a BIO of our own, for libcrypto functions that
 * take a BIO.
 */
#include "provider/wdp_alone.h"

struct wdp_core_bio {
	const struct wdp_core *core;
	OSSL_CORE_BIO *bio;
};

static int wdp_bio_read(BIO *b, char *data, size_t size, size_t *got)
{
	struct wdp_core_bio *c = BIO_get_data(b);

	return c->core->bio_read_ex(c->bio, data, size, got);
}

static int wdp_bio_write(BIO *b, const char *data, size_t size, size_t *put)
{
	struct wdp_core_bio *c = BIO_get_data(b);

	return c->core->bio_write_ex(c->bio, data, size, put);
}

static int wdp_bio_gets(BIO *b, char *line, int size)
{
	struct wdp_core_bio *c = BIO_get_data(b);

	return c->core->bio_gets(c->bio, line, size);
}

static int wdp_bio_puts(BIO *b, const char *text)
{
	struct wdp_core_bio *c = BIO_get_data(b);

	return c->core->bio_puts(c->bio, text);
}

static long wdp_bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	struct wdp_core_bio *c = BIO_get_data(b);

	return c->core->bio_ctrl(c->bio, cmd, num, ptr);
}

static int wdp_bio_destroy(BIO *b)
{
	struct wdp_core_bio *c = BIO_get_data(b);

	if (c) {
		c->core->bio_free(c->bio);
		free(c);
	}
	return 1;
}

static BIO_METHOD *wdp_bio_method_make(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_CORE_TO_PROV, "wd to core");

	if (m && BIO_meth_set_read_ex(m, wdp_bio_read) &&
	    BIO_meth_set_write_ex(m, wdp_bio_write) &&
	    BIO_meth_set_gets(m, wdp_bio_gets) &&
	    BIO_meth_set_puts(m, wdp_bio_puts) &&
	    BIO_meth_set_ctrl(m, wdp_bio_ctrl) &&
	    BIO_meth_set_destroy(m, wdp_bio_destroy))
		return m;
	BIO_meth_free(m);
	return NULL;
}

static const BIO_METHOD *wdp_bio_method(struct wdp_ctx *p)
{
	BIO_METHOD *m = atomic_load(&p->bio_method), *seen = NULL;

	if (m)
		return m;
	m = wdp_bio_method_make();
	if (!m || atomic_compare_exchange_strong(&p->bio_method, &seen, m))
		return m;
	BIO_meth_free(m);
	return seen;
}

BIO *wdp_alone_bio(struct wdp_ctx *p, OSSL_CORE_BIO *core)
{
	const BIO_METHOD *method = wdp_bio_method(p);
	struct wdp_core_bio *c;
	BIO *b;

	if (!method || !p->core.bio_up_ref)
		return NULL;
	c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	b = BIO_new(method);
	if (!b)
		goto free_data;
	if (!p->core.bio_up_ref(core))
		goto free_bio;
	*c = (struct wdp_core_bio){ .core = &p->core, .bio = core };
	BIO_set_data(b, c);
	BIO_set_init(b, 1);
	return b;

free_bio:
	BIO_free(b);
free_data:
	free(c);
	return NULL;
}

int wdp_alone_pass_cb(char *buf, int size, int rwflag, void *pass)
{
	const OSSL_PARAM nothing[] = { OSSL_PARAM_END };
	const struct wdp_alone_pass *w = pass;
	size_t len;

	(void)rwflag;
	if (!w->cb || size < 0 ||
	    !w->cb(buf, (size_t)size, &len, nothing, w->arg))
		return -1;
	return (int)len;
}
