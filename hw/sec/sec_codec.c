/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sec_codec.c - one encoder for both descriptor types.
 *
 * They say the same things in different places: a format maps the names both
 * have to the rows of its own table, and holds the few values that differ.
 * The shared functions are inlined into one instance per format, where every
 * row is a constant and a put costs an instruction or two.
 */
#include <errno.h>

#include "hw/sec/sec_rules.h"

#define SEC_FOLD static inline __attribute__((always_inline))

/* Fields that both types have, by the name both give them. */
#define SEC_COMMON(X)                                                          \
	X(TYPE)                                                                \
	X(SCENE)                                                               \
	X(CIPHER)                                                              \
	X(AUTH)                                                                \
	X(SEQ)                                                                 \
	X(DE)                                                                  \
	X(SRC_TYPE)                                                            \
	X(DST_TYPE)                                                            \
	X(AI_GEN)                                                              \
	X(A_PAD)                                                               \
	X(A_ALG)                                                               \
	X(MAC_LEN)                                                             \
	X(A_KEY_LEN)                                                           \
	X(C_ALG)                                                               \
	X(C_MODE)                                                              \
	X(C_KEY_LEN)                                                           \
	X(C_ICV_LEN)                                                           \
	X(C_WIDTH)                                                             \
	X(A_LEN)                                                               \
	X(C_LEN)                                                               \
	X(C_OFFSET)                                                            \
	X(LONG_A_LEN_LO)                                                       \
	X(A_IVIN_LO)                                                           \
	X(A_KEY_LO)                                                            \
	X(MAC_LO)                                                              \
	X(C_IVIN_LO)                                                           \
	X(C_KEY_LO)                                                            \
	X(SRC_LO)                                                              \
	X(DST_LO)                                                              \
	X(DONE)                                                                \
	X(ICV)                                                                 \
	X(ERROR_TYPE)

#define SEC_COMMON_NAME(name) SEC_F_##name,
#define SEC_COMMON_BD2(name)  [SEC_F_##name] = SEC_BD2_##name,
#define SEC_COMMON_BD3(name)  [SEC_F_##name] = SEC_BD3_##name,

enum sec_common { SEC_COMMON(SEC_COMMON_NAME) SEC_F_COUNT };

struct sec_format {
	const struct wd_field *fields;
	uint8_t row[SEC_F_COUNT];
	uint8_t type;
	uint8_t ctr_scene, digest_scene;
};

/* CTR of type 2 is built by OP-TEE alone, without a scene. */
static const struct sec_format sec_bd2 = {
	.fields = sec_bd2_fields,
	.row = { SEC_COMMON(SEC_COMMON_BD2) },
	.type = 2,
	.ctr_scene = SEC_SCENE_NONE,
	.digest_scene = SEC_SCENE_IPSEC,
};

static const struct sec_format sec_bd3 = {
	.fields = sec_bd3_fields,
	.row = { SEC_COMMON(SEC_COMMON_BD3) },
	.type = 3,
	.ctr_scene = SEC_SCENE_IPSEC,
	.digest_scene = SEC_SCENE_STREAM,
};

SEC_FOLD const struct wd_field *row(const struct sec_format *f,
				    enum sec_common name)
{
	return &f->fields[f->row[name]];
}

SEC_FOLD void put(struct sec_sqe *sqe, const struct sec_format *f,
		  enum sec_common name, uint32_t value)
{
	wd_put(sqe->w, row(f, name), value);
}

SEC_FOLD void put64(struct sec_sqe *sqe, const struct sec_format *f,
		    enum sec_common lo, uint64_t value)
{
	wd_put64(sqe->w, row(f, lo), value);
}

SEC_FOLD uint32_t get(const struct sec_sqe *sqe, const struct sec_format *f,
		      enum sec_common name)
{
	return wd_get(sqe->w, row(f, name));
}

/* An AEAD leaves the auth field 0: the mode itself says it authenticates. */
SEC_FOLD void put_aead(struct sec_sqe *sqe, const struct sec_format *f,
		       const struct sec_mode *m, const struct sec_cipher_op *op)
{
	put(sqe, f, SEC_F_SEQ, op->encrypt ? 0 : 1);
	put(sqe, f, SEC_F_C_ICV_LEN, op->tag_len);
	put(sqe, f, SEC_F_A_LEN, op->aad_len);
	put(sqe, f, SEC_F_C_OFFSET, op->aad_len);
	put64(sqe, f, SEC_F_A_KEY_LO, op->key);
	put64(sqe, f, SEC_F_A_IVIN_LO,
	      m->cmode == SEC_CMODE_CCM ? op->b0 : op->iv);
	put64(sqe, f, SEC_F_MAC_LO, op->mac);
}

SEC_FOLD void put_data(struct sec_sqe *sqe, const struct sec_format *f,
		       const struct sec_cipher_op *op)
{
	put(sqe, f, SEC_F_SRC_TYPE, op->src_sgl ? SEC_ADDR_SGL : SEC_ADDR_FLAT);
	put(sqe, f, SEC_F_DST_TYPE, op->dst_sgl ? SEC_ADDR_SGL : SEC_ADDR_FLAT);
	put(sqe, f, SEC_F_DE, SEC_DE_DST);
	put64(sqe, f, SEC_F_SRC_LO, op->src);
	put64(sqe, f, SEC_F_DST_LO, op->dst);
}

SEC_FOLD void put_cipher(struct sec_sqe *sqe, const struct sec_format *f,
			 const struct sec_mode *m,
			 const struct sec_cipher_op *op)
{
	*sqe = (struct sec_sqe){ 0 };
	put(sqe, f, SEC_F_TYPE, f->type);
	put(sqe, f, SEC_F_SCENE,
	    m->cmode == SEC_CMODE_CTR ? f->ctr_scene : SEC_SCENE_IPSEC);
	put(sqe, f, SEC_F_CIPHER,
	    op->encrypt ? SEC_CIPHER_ENC : SEC_CIPHER_DEC);
	put(sqe, f, SEC_F_C_ALG, m->calg);
	put(sqe, f, SEC_F_C_MODE, m->cmode);
	put(sqe, f, SEC_F_C_WIDTH, m->width);
	put(sqe, f, SEC_F_C_KEY_LEN, sec_key_code(m, op->key_len));
	put(sqe, f, SEC_F_C_LEN, op->len);
	put64(sqe, f, SEC_F_C_KEY_LO, op->key);
	put64(sqe, f, SEC_F_C_IVIN_LO, m->no_iv ? 0 : op->iv);
	put_data(sqe, f, op);
	if (m->tag_min)
		put_aead(sqe, f, m, op);
}

SEC_FOLD int put_authenc(struct sec_sqe *sqe, const struct sec_format *f,
			 const struct sec_authenc_op *op)
{
	const struct sec_mode *m = sec_authenc_mode(op, f->type);
	const struct sec_cipher_op *c = &op->cipher;

	if (!m)
		return -EINVAL;

	put_cipher(sqe, f, m, c);
	put(sqe, f, SEC_F_SEQ, c->encrypt ? 0 : 1);
	put(sqe, f, SEC_F_AUTH, c->encrypt ? SEC_AUTH_MAC : SEC_AUTH_COMPARE);
	put(sqe, f, SEC_F_A_ALG, sec_hash_row(op->alg)->hmac);
	put(sqe, f, SEC_F_MAC_LEN, c->tag_len / 4);
	put(sqe, f, SEC_F_A_KEY_LEN, op->key_len / 4);
	put(sqe, f, SEC_F_A_LEN, c->aad_len + c->len);
	put(sqe, f, SEC_F_C_OFFSET, c->aad_len);
	put64(sqe, f, SEC_F_A_KEY_LO, op->key);
	put64(sqe, f, SEC_F_MAC_LO, c->mac);
	return 0;
}

/* What digests and MACs have in common.  With nothing to read, any address the
 * device may read will do. */
SEC_FOLD void put_message(struct sec_sqe *sqe, const struct sec_format *f,
			  bool sgl, uint64_t src, uint32_t len, uint64_t mac)
{
	put(sqe, f, SEC_F_TYPE, f->type);
	put(sqe, f, SEC_F_AUTH, SEC_AUTH_MAC);
	put(sqe, f, SEC_F_SRC_TYPE, sgl && len ? SEC_ADDR_SGL : SEC_ADDR_FLAT);
	put(sqe, f, SEC_F_A_LEN, len);
	put64(sqe, f, SEC_F_SRC_LO, src ? src : mac);
	put64(sqe, f, SEC_F_MAC_LO, mac);
}

/* Words of the MAC: before the last piece they have no meaning. */
SEC_FOLD uint32_t mac_words(const struct sec_hash *h,
			    const struct sec_digest_op *op)
{
	if (sec_place(op)->pad != SEC_PADDED)
		return op->key_len ? h->words : h->part_words;
	return op->out_len ? op->out_len / 4u : h->words;
}

SEC_FOLD int put_digest(struct sec_sqe *sqe, const struct sec_format *f,
			const struct sec_digest_op *op)
{
	const struct sec_hash *h = sec_hash(op, f->type);
	const struct sec_place *at;

	if (!h)
		return -EINVAL;

	at = sec_place(op);
	*sqe = (struct sec_sqe){ 0 };
	put_message(sqe, f, op->src_sgl, op->src, op->len, op->mac);
	put(sqe, f, SEC_F_SCENE, f->digest_scene);
	put(sqe, f, SEC_F_AI_GEN, at->ai_gen);
	put(sqe, f, SEC_F_A_PAD, at->pad);
	put(sqe, f, SEC_F_A_ALG, op->key_len ? h->hmac : h->aalg);
	put(sqe, f, SEC_F_MAC_LEN, mac_words(h, op));
	put(sqe, f, SEC_F_A_KEY_LEN, op->key_len / 4);
	if (op->key_len)
		put64(sqe, f, SEC_F_A_KEY_LO, op->key);
	if (at->ai_gen == SEC_AI_GEN_ADDR)
		put64(sqe, f, SEC_F_A_IVIN_LO, op->mac);
	if (at->total)
		put64(sqe, f, SEC_F_LONG_A_LEN_LO, op->total_bits);
	return 0;
}

SEC_FOLD int put_mac(struct sec_sqe *sqe, const struct sec_format *f,
		     const struct sec_mac_op *op)
{
	const struct sec_mac *m = sec_mac(op, f->type);

	if (!m)
		return -EINVAL;

	*sqe = (struct sec_sqe){ 0 };
	put_message(sqe, f, op->src_sgl, op->src, op->len, op->mac);
	put(sqe, f, SEC_F_SCENE, m->scene);
	put(sqe, f, SEC_F_AI_GEN, m->ai_gen);
	put(sqe, f, SEC_F_A_ALG, m->aalg);
	put(sqe, f, SEC_F_MAC_LEN, op->out_len ? op->out_len / 4u : 4);
	put(sqe, f, SEC_F_A_KEY_LEN, op->key_len / 4);
	put64(sqe, f, SEC_F_A_KEY_LO, op->key);
	if (m->ai_gen == SEC_AI_GEN_ADDR)
		put64(sqe, f, SEC_F_A_IVIN_LO, op->iv);
	return 0;
}

SEC_FOLD int read_result(const struct sec_sqe *sqe, const struct sec_format *f)
{
	return sec_outcome(get(sqe, f, SEC_F_DONE), get(sqe, f, SEC_F_ICV),
			   get(sqe, f, SEC_F_ERROR_TYPE));
}

static void sec_bd2_put_tag(struct sec_sqe *sqe, uint64_t tag)
{
	wd_put(sqe->w, &sec_bd2_fields[SEC_BD2_TAG], (uint32_t)tag);
}

static int sec_bd2_cipher(struct sec_sqe *sqe, const struct sec_cipher_op *op)
{
	const struct sec_mode *m = sec_mode(op, sec_bd2.type);

	if (!m)
		return -EINVAL;
	put_cipher(sqe, &sec_bd2, m, op);
	sec_bd2_put_tag(sqe, op->tag);
	return 0;
}

static int sec_bd2_authenc(struct sec_sqe *sqe, const struct sec_authenc_op *op)
{
	int rc = put_authenc(sqe, &sec_bd2, op);

	if (!rc)
		sec_bd2_put_tag(sqe, op->cipher.tag);
	return rc;
}

static int sec_bd2_digest(struct sec_sqe *sqe, const struct sec_digest_op *op)
{
	int rc = put_digest(sqe, &sec_bd2, op);

	if (!rc)
		sec_bd2_put_tag(sqe, op->tag);
	return rc;
}

static int sec_bd2_mac(struct sec_sqe *sqe, const struct sec_mac_op *op)
{
	int rc = put_mac(sqe, &sec_bd2, op);

	if (!rc)
		sec_bd2_put_tag(sqe, op->tag);
	return rc;
}

static int sec_bd2_result(const struct sec_sqe *sqe)
{
	return read_result(sqe, &sec_bd2);
}

static uint64_t sec_bd2_tag(const struct sec_sqe *sqe)
{
	return wd_get(sqe->w, &sec_bd2_fields[SEC_BD2_TAG]);
}

static void sec_bd3_put_tag(struct sec_sqe *sqe, uint64_t tag)
{
	wd_put64(sqe->w, &sec_bd3_fields[SEC_BD3_TAG_LO], tag);
}

static int sec_bd3_cipher(struct sec_sqe *sqe, const struct sec_cipher_op *op)
{
	const struct sec_mode *m = sec_mode(op, sec_bd3.type);

	if (!m)
		return -EINVAL;
	put_cipher(sqe, &sec_bd3, m, op);
	wd_put(sqe->w, &sec_bd3_fields[SEC_BD3_CTR_MODE], m->ctr);
	sec_bd3_put_tag(sqe, op->tag);
	return 0;
}

static int sec_bd3_authenc(struct sec_sqe *sqe, const struct sec_authenc_op *op)
{
	int rc = put_authenc(sqe, &sec_bd3, op);

	if (!rc)
		sec_bd3_put_tag(sqe, op->cipher.tag);
	return rc;
}

static int sec_bd3_digest(struct sec_sqe *sqe, const struct sec_digest_op *op)
{
	int rc = put_digest(sqe, &sec_bd3, op);

	if (!rc)
		sec_bd3_put_tag(sqe, op->tag);
	return rc;
}

static int sec_bd3_mac(struct sec_sqe *sqe, const struct sec_mac_op *op)
{
	int rc = put_mac(sqe, &sec_bd3, op);

	if (!rc)
		sec_bd3_put_tag(sqe, op->tag);
	return rc;
}

static int sec_bd3_result(const struct sec_sqe *sqe)
{
	return read_result(sqe, &sec_bd3);
}

static uint64_t sec_bd3_tag(const struct sec_sqe *sqe)
{
	return wd_get64(sqe->w, &sec_bd3_fields[SEC_BD3_TAG_LO]);
}

static const struct sec_codec sec_codecs[] = {
	{
		.name = "BD2",
		.fields = sec_bd2_fields,
		.field_count = SEC_BD2_FIELDS,
		.cipher = sec_bd2_cipher,
		.authenc = sec_bd2_authenc,
		.digest = sec_bd2_digest,
		.mac = sec_bd2_mac,
		.result = sec_bd2_result,
		.tag = sec_bd2_tag,
		.type = 2,
		.empty_ok = false,
	},
	{
		.name = "BD3",
		.fields = sec_bd3_fields,
		.field_count = SEC_BD3_FIELDS,
		.cipher = sec_bd3_cipher,
		.authenc = sec_bd3_authenc,
		.digest = sec_bd3_digest,
		.mac = sec_bd3_mac,
		.result = sec_bd3_result,
		.tag = sec_bd3_tag,
		.type = 3,
		.empty_ok = true,
	},
};

const struct sec_codec *sec_codec(unsigned int qm_version)
{
	if (qm_version < 2)
		return NULL;
	return &sec_codecs[qm_version > 2];
}
