/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_pipe.h - cipher pipelines: N messages under one key, each call with an
 * array of buffers (EVP_CipherPipelineUpdate(), OpenSSL 3.5).
 *
 *	update(in[0..N-1]) ──▶ each pipe offers a job ──▶ offload_ciphers()
 *				  │ none to offer	    │ one doorbell
 *				  ▼			    ▼
 *			      update of that pipe ◀─ fails ─ settle, each
 *
 * A pipe is a context of the cipher like any other, so that whatever is not one
 * job of the batch - AAD, small pieces, further updates, a device that fails -
 * is done as it always is.
 *
 * wd is built with the headers of 3.0, which know nothing of this; older
 * libcryptos pass over function numbers that are not theirs.
 */
#ifndef WDP_PIPE_H
#define WDP_PIPE_H

#include "provider/wdp_sym.h"

/* <openssl/core_dispatch.h> and <openssl/core_names.h> of OpenSSL 3.5 */
#define WDP_FUNC_CIPHER_PIPELINE_ENCRYPT_INIT 15
#define WDP_FUNC_CIPHER_PIPELINE_DECRYPT_INIT 16
#define WDP_FUNC_CIPHER_PIPELINE_UPDATE	      17
#define WDP_FUNC_CIPHER_PIPELINE_FINAL	      18
#define WDP_PIPE_PARAM_TAG		      "pipeline-tag"

typedef int wdp_pipe_init_fn(void *ctx, const unsigned char *key,
			     size_t key_len, size_t n, const unsigned char **iv,
			     size_t iv_len, const OSSL_PARAM params[]);
typedef int wdp_pipe_update_fn(void *ctx, size_t n, unsigned char **out,
			       size_t *out_len, const size_t *out_size,
			       const unsigned char **in, const size_t *in_len);
typedef int wdp_pipe_final_fn(void *ctx, size_t n, unsigned char **out,
			      size_t *out_len, const size_t *out_size);

/* clang-format off */
#define WDP_PIPE_ROW(id, fn)                                                   \
	{                                                                      \
		.function_id = WDP_FUNC_CIPHER_PIPELINE_##id,                  \
		.function = (void (*)(void))(fn),                              \
	},

/* Of a row's functions, for WDP_MORE_x. */
#define WDP_PIPE_ROWS(fam)                                                     \
	WDP_PIPE_ROW(ENCRYPT_INIT, fam##_pipe_encrypt_init)                    \
	WDP_PIPE_ROW(DECRYPT_INIT, fam##_pipe_decrypt_init)                    \
	WDP_PIPE_ROW(UPDATE, fam##_pipe_update)                                \
	WDP_PIPE_ROW(FINAL, fam##_pipe_final)
/* clang-format on */

/* What a family of ciphers brings: the functions of one message, and two. */
struct wdp_pipe_ops {
	void *(*make)(void *prov, const struct wdp_cipher_spec *spec);
	OSSL_FUNC_cipher_freectx_fn *free;
	OSSL_FUNC_cipher_dupctx_fn *dup;
	OSSL_FUNC_cipher_encrypt_init_fn *encrypt_init;
	OSSL_FUNC_cipher_decrypt_init_fn *decrypt_init;
	OSSL_FUNC_cipher_update_fn *update;
	OSSL_FUNC_cipher_final_fn *final;
	OSSL_FUNC_cipher_get_ctx_params_fn *get_params;
	OSSL_FUNC_cipher_set_ctx_params_fn *set_params;

	/* Is this update to be one job?  @op is it, for as long as the context
	 * is left alone.  It may yet be passed by. */
	bool (*offer)(void *ctx, struct offload_cipher *op, uint8_t *out,
		      const uint8_t *in, size_t len);
	/* It was, with this result.  Return: 0; 1: update() does it, without
	 * asking the device again; -errno. */
	int (*settle)(void *ctx, const struct offload_cipher *op, int rc);
};

struct wdp_pipes;

/* See that there are @n, new ones unless they are as many already.
 * This and what follows returns 1, or 0 with an error raised. */
int wdp_pipes_open(struct wdp_pipes **at, const struct wdp_pipe_ops *ops,
		   struct wdp_ctx *prov, const struct wdp_cipher_spec *spec,
		   size_t n);
bool wdp_pipes_are(const struct wdp_pipes *p, size_t n);
/* @key, @iv: NULL: as before. */
int wdp_pipes_init(struct wdp_pipes *p, bool encrypt, const uint8_t *key,
		   size_t key_len, const unsigned char **iv, size_t iv_len,
		   const OSSL_PARAM params[]);
/* @out NULL: AAD. */
int wdp_pipes_update(struct wdp_pipes *p, unsigned char **out, size_t *out_len,
		     const size_t *out_size, const unsigned char **in,
		     const size_t *in_len);
/* Every pipe is ended, whatever the others say. */
int wdp_pipes_final(struct wdp_pipes *p, unsigned char **out, size_t *out_len,
		    const size_t *out_size);

/* NULL has none and copies to NULL.  Return: 0 or -ENOMEM. */
int wdp_pipes_dup(const struct wdp_pipes *from, struct wdp_pipes **to);
void wdp_pipes_free(struct wdp_pipes *p);

/* A pointer to an array of buffers, one a pipe, all of the size given. */
bool wdp_pipes_give_tags(struct wdp_pipes *p, const OSSL_PARAM *param);
int wdp_pipes_take_tags(struct wdp_pipes *p, const OSSL_PARAM *param);

#endif
