/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM2 encryption (GB/T 32918.4), ciphertexts as libcrypto writes them:
 * SEQUENCE { x, y, C3, C2 }.  The engine has C1 | C2 | C3 and SM3 only.  As in
 * wdp_rsa_enc.c a context of the twin goes along, takes the parameters and does
 * what the device does not.
 *
 * The engine reports a wrong C3 as it reports any failure, so what it does not
 * decrypt is judged by the twin.  That says whose fault it was, and to the
 * device's health such an error says nothing (offload/job.c): else a few wrong
 * ciphertexts would take the accelerator away from everybody.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/params.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "provider/wdp_asym.h"
#include "provider/wdp_der.h"
#include "provider/wdp_ec.h"

#define SM2_W	     32 /* bytes of a number, and of C3 */
#define SM2_NAME_MAX 50 /* bytes of a digest's name */

/*
 * The mask of a message of n bytes is all zero once in 2^(8n) times; then a new
 * nonce has to be drawn, or the ciphertext is not good.  Shorter messages are
 * left to software, longer ones never meet it.
 */
#define SM2_TEXT_MIN 8

struct sm2_enc {
	struct wdp_asym a;
	bool sm3;
};

struct sm2_room {
	uint8_t in[HPRE_IN_MAX];
	uint8_t out[2 * SM2_W + HPRE_SM2_MSG_MAX + SM2_W];
	uint8_t nonce[SM2_W];
};

static OSSL_FUNC_asym_cipher_encrypt_init_fn sm2_encrypt_init;
static OSSL_FUNC_asym_cipher_encrypt_fn sm2_encrypt;
static OSSL_FUNC_asym_cipher_decrypt_init_fn sm2_decrypt_init;
static OSSL_FUNC_asym_cipher_decrypt_fn sm2_decrypt;
/* ---- parameters ---------------------------------------------------------- */

/* No digest named: SM3. */
static bool sm2_enc_read(struct wdp_asym *a)
{
	char md[SM2_NAME_MAX] = "";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_DIGEST,
						 md, sizeof(md)),
		OSSL_PARAM_construct_end(),
	};
	const EVP_MD *named;

	if (EVP_PKEY_CTX_get_params(a->twin, params) <= 0)
		return false;
	named = *md ? wdp_twin_md(a->prov, md) : NULL;
	((struct sm2_enc *)a)->sm3 =
		!*md || (named && EVP_MD_is_a(named, "SM3"));
	return true;
}

static bool sm2_enc_uses_sm3(struct wdp_asym *a)
{
	return wdp_asym_known(a) && ((const struct sm2_enc *)a)->sm3;
}

/* clang-format off */
static const OSSL_PARAM sm2_enc_gettables[] = {
	OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_END,
};

static const OSSL_PARAM sm2_enc_settables[] = {
	OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PROPERTIES, NULL, 0),
	OSSL_PARAM_END,
};
/* clang-format on */

static const struct wdp_asym_ops sm2_enc_ops = {
	.size = sizeof(struct sm2_enc),
	.read = sm2_enc_read,
	.gettables = sm2_enc_gettables,
	.settables = sm2_enc_settables,
};

WDP_ASYM_BIND(sm2_enc, &sm2_enc_ops)

static int sm2_encrypt_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return wdp_asym_init(ctx, key, params, EVP_PKEY_encrypt_init_ex);
}

static int sm2_decrypt_init(void *ctx, void *key, const OSSL_PARAM params[])
{
	return wdp_asym_init(ctx, key, params, EVP_PKEY_decrypt_init_ex);
}

/* ---- the device ---------------------------------------------------------- */

static bool sm2_enc_offloads(struct wdp_asym *c, enum offload_kind kind,
			     size_t len)
{
	if (sm2_enc_uses_sm3(c) && len >= SM2_TEXT_MIN &&
	    len <= HPRE_SM2_MSG_MAX)
		return wdp_ec_offloads(c->key, kind);
	offload_count_software(c->prov->off, kind);
	return false;
}

/* @numbers in, and those of the output back. */
static int sm2_enc_job(struct wdp_asym *c, enum offload_kind kind,
		       const struct hpre_op *hw, struct sm2_room *room,
		       struct hpre_num numbers[HPRE_NUMBERS],
		       struct offload_waiter *w)
{
	const struct offload_hpre op = {
		.kind = kind,
		.alg = hw->alg,
		.width = hw->width,
		.msg_len = hw->msg_len,
		.device_nonce = hw->device_nonce,
		.key = wdp_ec_block(c->key, kind),
		.in = room->in,
		.out = room->out,
	};
	int rc = hpre_in(room->in, hw, op.key, numbers);

	if (!rc)
		rc = offload_hpre(c->prov->off, &op, w);
	return rc ? rc : hpre_out(numbers, hw, room->out);
}

/* ---- encrypt ------------------------------------------------------------- */

/* Return: as the codec, -EILSEQ: not a point; -EIO: no randomness, raised. */
static int sm2_seal(struct wdp_asym *c, struct sm2_room *room,
		    struct wdp_der_sm2 *ct, const uint8_t *in, size_t len,
		    struct offload_waiter *w)
{
	const struct wdp_curve *curve = wdp_ec_dev(c->key)->curve;
	const struct hpre_op hw = {
		.alg = HPRE_ALG_SM2_ENC,
		.width = SM2_W,
		.msg_len = (uint16_t)len,
		.device_nonce = c->prov->cfg.device_nonce,
	};
	struct hpre_num n[HPRE_NUMBERS] = {
		[HPRE_NONCE] = { room->nonce, SM2_W },
		[HPRE_TEXT] = { in, len },
	};
	int rc = sm2_enc_job(c, OFFLOAD_SM2_ENCRYPT, &hw, room, n, w);

	if (rc)
		return rc;
	if (!wdp_curve_has(curve, n[HPRE_X].p, n[HPRE_Y].p)) {
		wd_err("%s: the device computed a wrong result",
		       offload_kind_name(OFFLOAD_SM2_ENCRYPT));
		offload_count_wrong(c->prov->off, OFFLOAD_SM2_ENCRYPT);
		return -EILSEQ;
	}
	*ct = (struct wdp_der_sm2){ .x = n[HPRE_X],
				    .y = n[HPRE_Y],
				    .check = n[HPRE_CHECK],
				    .text = n[HPRE_TEXT] };
	return 0;
}

static int sm2_encrypt_device(struct wdp_asym *c, uint8_t *out, size_t *out_len,
			      size_t size, const uint8_t *in, size_t len)
{
	struct offload_waiter *w;
	struct sm2_room *room;
	struct wdp_der_sm2 ct;
	int rc = 0;

	if (!sm2_enc_offloads(c, OFFLOAD_SM2_ENCRYPT, len))
		return WDP_IN_SOFTWARE;
	room = wdp_room_get(c->prov, sizeof(*room), &w);
	if (!room)
		return WDP_IN_SOFTWARE;
	if (!c->prov->cfg.device_nonce)
		rc = wdp_ec_draw(c->prov, wdp_ec_dev(c->key)->curve,
				 room->nonce);
	if (rc)
		goto put_room;
	rc = sm2_seal(c, room, &ct, in, len, w);
	if (!rc)
		*out_len = wdp_der_put_sm2(out, size, &ct);
	if (rc && wdp_software_may(c->prov, OFFLOAD_SM2_ENCRYPT, rc))
		rc = WDP_IN_SOFTWARE;
put_room:
	wdp_room_put(c->prov, room, sizeof(*room), w);
	return rc;
}

/*
 * Into memory of our own where the caller's might not do: that of 3.0.19 writes
 * past its end.
 */
static int sm2_encrypt_small(struct wdp_asym *c, uint8_t *out, size_t *out_len,
			     size_t size, size_t need, const uint8_t *in,
			     size_t len)
{
	uint8_t *own = malloc(need);
	int ok;

	ok = own && EVP_PKEY_encrypt(c->twin, own, &need, in, len) > 0;
	if (ok && need > size) {
		wdp_raise(c->prov, WDP_R_BUFFER_TOO_SMALL, NULL);
		ok = 0;
	}
	if (ok) {
		memcpy(out, own, need);
		*out_len = need;
	}
	free(own);
	return ok;
}

static int sm2_encrypt_twin(struct wdp_asym *c, uint8_t *out, size_t *out_len,
			    size_t size, const uint8_t *in, size_t len)
{
	size_t need = 0;

	if (out && EVP_PKEY_encrypt(c->twin, NULL, &need, in, len) > 0 &&
	    size < need)
		return sm2_encrypt_small(c, out, out_len, size, need, in, len);
	*out_len = size;
	return EVP_PKEY_encrypt(c->twin, out, out_len, in, len) > 0;
}

static int sm2_encrypt(void *ctx, uint8_t *out, size_t *out_len, size_t size,
		       const uint8_t *in, size_t len)
{
	struct wdp_asym *c = ctx;
	int rc = WDP_IN_SOFTWARE;

	if (!c->key)
		return 0;
	if (out && size >= wdp_der_sm2_max(SM2_W, SM2_W, len))
		rc = sm2_encrypt_device(c, out, out_len, size, in, len);
	if (rc != WDP_IN_SOFTWARE)
		return !rc;
	return sm2_encrypt_twin(c, out, out_len, size, in, len);
}

/* ---- decrypt ------------------------------------------------------------- */

static int sm2_open(struct wdp_asym *c, struct sm2_room *room,
		    const struct wdp_der_sm2 *ct, uint8_t *out,
		    struct offload_waiter *w)
{
	const struct hpre_op hw = {
		.alg = HPRE_ALG_SM2_DEC,
		.width = SM2_W,
		.msg_len = (uint16_t)ct->text.len,
	};
	struct hpre_num n[HPRE_NUMBERS] = {
		[HPRE_X] = ct->x,
		[HPRE_Y] = ct->y,
		[HPRE_TEXT] = ct->text,
		[HPRE_CHECK] = ct->check,
	};
	int rc = sm2_enc_job(c, OFFLOAD_SM2_DECRYPT, &hw, room, n, w);

	if (!rc)
		memcpy(out, n[HPRE_TEXT].p, n[HPRE_TEXT].len);
	return rc;
}

/* Return: 0; -errno of the device; WDP_IN_SOFTWARE: nothing for it. */
static int sm2_decrypt_device(struct wdp_asym *c, uint8_t *out, size_t *out_len,
			      size_t size, const uint8_t *in, size_t len)
{
	struct offload_waiter *w;
	struct sm2_room *room;
	struct wdp_der_sm2 ct;
	int rc;

	if (wdp_der_get_sm2(&ct, in, len) || ct.check.len != SM2_W ||
	    ct.text.len > size) {
		offload_count_software(c->prov->off, OFFLOAD_SM2_DECRYPT);
		return WDP_IN_SOFTWARE;
	}
	if (!sm2_enc_offloads(c, OFFLOAD_SM2_DECRYPT, ct.text.len))
		return WDP_IN_SOFTWARE;
	room = wdp_room_get(c->prov, sizeof(*room), &w);
	if (!room)
		return WDP_IN_SOFTWARE;
	rc = sm2_open(c, room, &ct, out, w);
	if (!rc)
		*out_len = ct.text.len;
	wdp_room_put(c->prov, room, sizeof(*room), w);
	return rc;
}

static int sm2_decrypt_twin(struct wdp_asym *c, uint8_t *out, size_t *out_len,
			    size_t size, const uint8_t *in, size_t len)
{
	*out_len = size;
	return EVP_PKEY_decrypt(c->twin, out, out_len, in, len) > 0;
}

/* The device said -EIO: of a good ciphertext it was a failure. */
static int sm2_decrypt_doubt(struct wdp_asym *c, uint8_t *out, size_t *out_len,
			     size_t size, const uint8_t *in, size_t len)
{
	if (!sm2_decrypt_twin(c, out, out_len, size, in, len)) {
		offload_count_software(c->prov->off, OFFLOAD_SM2_DECRYPT);
		return 0;
	}
	offload_count_wrong(c->prov->off, OFFLOAD_SM2_DECRYPT);
	if (wdp_software_may(c->prov, OFFLOAD_SM2_DECRYPT, -EIO))
		return 1;
	wd_wipe(out, *out_len);
	return 0;
}

static int sm2_decrypt(void *ctx, uint8_t *out, size_t *out_len, size_t size,
		       const uint8_t *in, size_t len)
{
	struct wdp_asym *c = ctx;
	int rc = WDP_IN_SOFTWARE;

	if (!c->key)
		return 0;
	if (out)
		rc = sm2_decrypt_device(c, out, out_len, size, in, len);
	if (!rc)
		return 1;
	if (rc == -EIO)
		return sm2_decrypt_doubt(c, out, out_len, size, in, len);
	if (rc < 0 && !wdp_software_may(c->prov, OFFLOAD_SM2_DECRYPT, rc))
		return 0;
	return sm2_decrypt_twin(c, out, out_len, size, in, len);
}

const OSSL_DISPATCH wdp_sm2_asym_cipher_fns[] = {
	WDP_ASYM_ROWS(ASYM_CIPHER, sm2_enc),
	{ WDP_FN(ASYM_CIPHER_ENCRYPT_INIT, sm2_encrypt_init) },
	{ WDP_FN(ASYM_CIPHER_ENCRYPT, sm2_encrypt) },
	{ WDP_FN(ASYM_CIPHER_DECRYPT_INIT, sm2_decrypt_init) },
	{ WDP_FN(ASYM_CIPHER_DECRYPT, sm2_decrypt) },
	{ 0, NULL },
};
