/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_pipe.h"

#include <errno.h>

#include <openssl/crypto.h>

#include "base/wd_base.h"

/* libcrypto's bound, too. */
#define PIPES_MAX OFFLOAD_RECORDS_MAX

/* Of a call: the buffers of all pipes, and the jobs made of them.  Not on the
 * stack, which an ASYNC job has little of. */
struct flight {
	unsigned char **out;
	const size_t *out_size;
	const unsigned char **in;
	const size_t *len;
	unsigned int n;
	uint8_t pipe[PIPES_MAX];
	int rc[PIPES_MAX];
	struct offload_cipher op[PIPES_MAX];
};

struct wdp_pipes {
	const struct wdp_pipe_ops *ops;
	struct wdp_ctx *prov;
	const struct wdp_cipher_spec *spec;
	size_t n;
	struct flight flight;
	void *ctx[];
};

static struct wdp_pipes *pipes_new(const struct wdp_pipe_ops *ops,
				   struct wdp_ctx *prov,
				   const struct wdp_cipher_spec *spec, size_t n)
{
	struct wdp_pipes *p =
		OPENSSL_zalloc(sizeof(*p) + n * sizeof(p->ctx[0]));

	if (!p)
		return NULL;
	p->ops = ops;
	p->prov = prov;
	p->spec = spec;
	p->n = n;
	return p;
}

void wdp_pipes_free(struct wdp_pipes *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		p->ops->free(p->ctx[i]);
	OPENSSL_free(p);
}

int wdp_pipes_dup(const struct wdp_pipes *from, struct wdp_pipes **to)
{
	struct wdp_pipes *p;

	*to = NULL;
	if (!from)
		return 0;
	p = pipes_new(from->ops, from->prov, from->spec, from->n);
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++) {
		p->ctx[i] = p->ops->dup(from->ctx[i]);
		if (!p->ctx[i])
			goto free_pipes;
	}
	*to = p;
	return 0;

free_pipes:
	wdp_pipes_free(p);
	return -ENOMEM;
}

bool wdp_pipes_are(const struct wdp_pipes *p, size_t n)
{
	return p && p->n == n;
}

int wdp_pipes_open(struct wdp_pipes **at, const struct wdp_pipe_ops *ops,
		   struct wdp_ctx *prov, const struct wdp_cipher_spec *spec,
		   size_t n)
{
	struct wdp_pipes *p;

	if (wdp_pipes_are(*at, n))
		return 1;
	wdp_pipes_free(*at);
	*at = NULL;
	if (!n || n > PIPES_MAX)
		return wdp_ok(prov, -EINVAL);
	p = pipes_new(ops, prov, spec, n);
	if (!p)
		return wdp_ok(prov, -ENOMEM);
	for (size_t i = 0; i < n; i++) {
		p->ctx[i] = ops->make(prov, spec);
		if (!p->ctx[i])
			goto free_pipes;
	}
	*at = p;
	return 1;

free_pipes:
	wdp_pipes_free(p);
	return wdp_ok(prov, -ENOMEM);
}

int wdp_pipes_init(struct wdp_pipes *p, bool encrypt, const uint8_t *key,
		   size_t key_len, const unsigned char **iv, size_t iv_len,
		   const OSSL_PARAM params[])
{
	OSSL_FUNC_cipher_encrypt_init_fn *init =
		encrypt ? p->ops->encrypt_init : p->ops->decrypt_init;
	int ok = 1;

	for (size_t i = 0; i < p->n && ok; i++)
		ok = init(p->ctx[i], key, key_len, iv ? iv[i] : NULL, iv_len,
			  params);
	return ok;
}

/* ---- data --------------------------------------------------------------- */

static bool pipe_offers(struct wdp_pipes *p, struct flight *f, size_t i,
			size_t max)
{
	struct offload_cipher *op = &f->op[f->n];
	size_t len = f->len[i];

	return len && len <= f->out_size[i] && len <= max &&
	       p->ops->offer(p->ctx[i], op, f->out[i], f->in[i], len) &&
	       op->aad_len <= max - len;
}

/* Return: a bit for each pipe that is done. */
static uint32_t pipes_settle(struct wdp_pipes *p, const struct flight *f,
			     int *ok)
{
	uint32_t done = 0;

	for (unsigned int k = 0; k < f->n; k++) {
		int rc =
			p->ops->settle(p->ctx[f->pipe[k]], &f->op[k], f->rc[k]);

		if (rc <= 0)
			done |= (uint32_t)1 << f->pipe[k];
		if (rc < 0)
			*ok = wdp_ok(p->prov, rc);
	}
	return done;
}

static uint32_t pipes_device(struct wdp_pipes *p, struct flight *f, int *ok)
{
	struct offload_waiter *w = wdp_waiter_get(p->prov);
	size_t max = offload_max_bytes(p->prov->off, p->spec->kind, w != NULL);

	f->n = 0;
	for (size_t i = 0; i < p->n; i++)
		if (pipe_offers(p, f, i, max))
			f->pipe[f->n++] = (uint8_t)i;
	if (f->n)
		offload_ciphers(p->prov->off, f->op, f->n, f->rc, w);
	wdp_waiter_release(w);
	return pipes_settle(p, f, ok);
}

int wdp_pipes_update(struct wdp_pipes *p, unsigned char **out, size_t *out_len,
		     const size_t *out_size, const unsigned char **in,
		     const size_t *in_len)
{
	struct flight *f = &p->flight;
	uint32_t done = 0;
	int ok = 1;

	f->out = out;
	f->out_size = out_size;
	f->in = in;
	f->len = in_len;
	if (out)
		done = pipes_device(p, f, &ok);
	for (size_t i = 0; i < p->n; i++) {
		if (done >> i & 1)
			out_len[i] = in_len[i];
		else if (!p->ops->update(p->ctx[i], out ? out[i] : NULL,
					 &out_len[i],
					 out ? out_size[i] : in_len[i], in[i],
					 in_len[i]))
			ok = 0;
	}
	return ok;
}

int wdp_pipes_final(struct wdp_pipes *p, unsigned char **out, size_t *out_len,
		    const size_t *out_size)
{
	int ok = 1;

	for (size_t i = 0; i < p->n; i++)
		if (!p->ops->final(p->ctx[i], out ? out[i] : NULL, &out_len[i],
				   out && out_size ? out_size[i] : 0))
			ok = 0;
	return ok;
}

/* ---- tags --------------------------------------------------------------- */

/* Of the array behind @param, the one of pipe @i, as a parameter. */
static bool pipe_tag(const OSSL_PARAM *param, size_t i, OSSL_PARAM tag[2])
{
	const void *array;
	size_t len;

	if (!param->data || !OSSL_PARAM_get_octet_ptr(param, &array, &len) ||
	    !array)
		return false;
	tag[0] = OSSL_PARAM_construct_octet_string(
		OSSL_CIPHER_PARAM_AEAD_TAG, ((void *const *)array)[i], len);
	tag[1] = OSSL_PARAM_construct_end();
	return true;
}

bool wdp_pipes_give_tags(struct wdp_pipes *p, const OSSL_PARAM *param)
{
	OSSL_PARAM tag[2];

	if (!p)
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (!pipe_tag(param, i, tag) ||
		    !p->ops->get_params(p->ctx[i], tag))
			return false;
	return true;
}

int wdp_pipes_take_tags(struct wdp_pipes *p, const OSSL_PARAM *param)
{
	OSSL_PARAM tag[2];

	if (!p)
		return -EINVAL;
	for (size_t i = 0; i < p->n; i++)
		if (!pipe_tag(param, i, tag) ||
		    !p->ops->set_params(p->ctx[i], tag))
			return -EINVAL;
	return 0;
}
