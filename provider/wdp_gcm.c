/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-GCM and SM4-GCM.
 *
 * The device takes a message in one descriptor: AAD, payload and tag together.
 * EVP hands a message over in pieces and never says which is the last, except
 * for a TLS 1.2 record.  So:
 *
 *	AAD		   collected until the payload begins
 *	first data update  if large enough, done on the device as if it were the
 *			   whole message; its tag is kept
 *	final		   the tag is there already
 *	more data	   the device's tag gives GHASH's state away, the twin
 *			   is set to go on from it (gcm_resume()), and this
 *			   context stops guessing: its next messages begin in
 *			   the twin
 *
 *	      first update             more data
 *	FRESH ───────────▶ DEVICE ───────────────▶ RESUMED
 *	  └──────────────────────────▶ TWIN
 *
 * Streaming every piece through the device would take a descriptor a piece,
 * a GHASH pass for the AAD and an end in software anyway on most parts.
 *
 * Decryption compares the tag on the device, so it has to be known before the
 * data (TLS 1.3 does that) and be 16 bytes long.  A mismatch there proves
 * nothing while more data may come: then the device has written nothing, and
 * the twin does the piece again.  It also settles a mismatch that a faulty
 * device made up.
 *
 * IVs are tracked as the default provider does, so that none is used twice:
 * after the final call a new one is required.
 *
 * Pipes (wdp_pipe.h): several messages at once, each in a context like this.
 * Their first data updates are one batch of jobs.
 */
#include "provider/wdp_sym.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/wd_base.h"
#include "provider/wdp_aead.h"
#include "provider/wdp_gf128.h"
#include "provider/wdp_pipe.h"

#define GCM_BLOCK    16
#define GCM_TAG	     16
#define GCM_NONCE    12	 /* the only IV length the device takes */
#define GCM_IV_MAX   128 /* bytes, libcrypto's bound */
#define GCM_TAG_NONE SIZE_MAX
/* SP 800-38D 5.2.1.1: 2^39 - 256 bits */
#define GCM_LEN_MAX  (((uint64_t)1 << 36) - 32)

enum gcm_iv_state {
	GCM_IV_NONE,
	GCM_IV_GIVEN, /* not yet used */
	GCM_IV_TAKEN, /* a message is under way */
	GCM_IV_SPENT,
};

/* Handing a tag over costs a search through all the twin's parameters: only
 * when somebody asks, and as it comes. */
enum gcm_tag_at {
	GCM_TAG_HERE, /* in gcm_ctx.tag */
	GCM_TAG_MADE, /* it is the twin's, and not yet here */
	GCM_TAG_TOLD, /* the twin expects what is here */
};

enum gcm_stage { GCM_FRESH, GCM_TWIN, GCM_DEVICE, GCM_RESUMED };

/* What the device left behind: enough to go on without it. */
struct gcm_prefix {
	uint64_t len;		     /* payload bytes */
	uint8_t tag[GCM_TAG];	     /* of AAD and these */
	uint8_t last_in[GCM_BLOCK];  /* input after the last whole block */
	uint8_t last_out[GCM_BLOCK]; /* the same, encrypted */
	/* Once resumed: */
	struct wdp_gf128 h;
	uint8_t fix[GCM_TAG]; /* twin's tag to ours, but for the lengths */
};

struct gcm_ctx {
	struct wdp_ctx *prov;
	const struct wdp_cipher_spec *spec;
	const struct wdp_direct *soft;
	void *twin;   /* soft's context; NULL until software is needed */
	size_t small; /* bytes: the twin's without a question */
	size_t iv_len;
	size_t tag_len; /* GCM_TAG_NONE: no tag set or made yet */
	size_t tls_pad; /* what tlsaadpad answers */
	uint64_t tls_records;
	uint64_t len; /* payload bytes of this message */
	struct wdp_aad aad;
	enum gcm_iv_state iv_state;
	enum gcm_stage stage;
	enum gcm_tag_at tag_at;
	uint8_t key[WDP_KEY_MAX];
	uint8_t nonce[GCM_BLOCK]; /* of this message when it is 12 bytes */
	uint8_t tag[GCM_TAG];
	uint8_t tls_aad[WDP_TLS_AAD];
	bool encrypt, key_set, twin_keyed;
	bool twin_tls; /* the twin counts IVs up, twin_iv is its next */
	uint8_t twin_iv[GCM_NONCE];
	bool tls_aad_set; /* the next update is a record */
	bool iv_gen;	  /* IVs are counted up */
	bool streams;	  /* data came in pieces before */
	struct gcm_prefix prefix;
	struct wdp_pipes *pipes; /* NULL: never asked for */
	uint8_t iv[GCM_IV_MAX];
};

static void *gcm_new(void *prov, const struct wdp_cipher_spec *spec)
{
	struct gcm_ctx *c = OPENSSL_zalloc(sizeof(*c));

	if (!c)
		return NULL;
	c->prov = prov;
	c->spec = spec;
	c->small = wdp_small(prov, spec->kind);
	c->iv_len = GCM_NONCE;
	c->tag_len = GCM_TAG_NONE;
	return c;
}

static OSSL_FUNC_cipher_freectx_fn gcm_free;
static void gcm_free(void *ctx)
{
	struct gcm_ctx *c = ctx;

	if (!c)
		return;
	if (c->twin)
		c->soft->cipher.freectx(c->twin);
	wdp_pipes_free(c->pipes);
	wdp_aad_free(&c->aad);
	wd_wipe(c, sizeof(*c)); /* far cheaper than OPENSSL_cleanse() */
	OPENSSL_free(c);
}

static bool gcm_in_twin(const struct gcm_ctx *c)
{
	return c->iv_state == GCM_IV_TAKEN &&
	       (c->stage == GCM_TWIN || c->stage == GCM_RESUMED);
}

static int gcm_twin_tag(struct gcm_ctx *c, uint8_t *tag)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag,
					GCM_TAG),
		OSSL_PARAM_END,
	};

	return c->soft->cipher.get_ctx_params(c->twin, params) ? 0 : -EPROTO;
}

/* See that the tag is here, and here only. */
static int gcm_tag_here(struct gcm_ctx *c)
{
	int rc = 0;

	if (c->tag_at == GCM_TAG_MADE)
		rc = gcm_twin_tag(c, c->tag);
	c->tag_at = GCM_TAG_HERE;
	return rc;
}

static OSSL_FUNC_cipher_dupctx_fn gcm_dup;
static void *gcm_dup(void *ctx)
{
	struct gcm_ctx *from = ctx, *c;

	if (gcm_tag_here(from))
		return NULL;
	c = OPENSSL_memdup(from, sizeof(*c));
	if (!c)
		return NULL;
	c->twin = NULL;
	c->pipes = NULL;
	if (wdp_aad_own(&c->aad) || wdp_pipes_dup(from->pipes, &c->pipes))
		goto free_ctx;
	if (!gcm_in_twin(from)) {
		c->twin_keyed = c->twin_tls = false;
		return c;
	}
	c->twin = c->soft->cipher.dupctx(from->twin);
	if (!c->twin)
		goto free_ctx;
	return c;

free_ctx:
	gcm_free(c);
	return NULL;
}

/* ---- the twin ---------------------------------------------------------- */

static int gcm_twin_new(struct gcm_ctx *c)
{
	if (c->twin)
		return 0;
	c->soft = wdp_direct(c->prov, OSSL_OP_CIPHER, c->spec->twin);
	if (!c->soft)
		return -EPROTO;
	c->twin = c->soft->cipher.newctx(c->soft->prov);
	return c->twin ? 0 : -ENOMEM;
}

/* Begin a message in the twin. */
static int gcm_twin_begin(struct gcm_ctx *c, const uint8_t *iv, size_t len)
{
	const uint8_t *key = c->twin_keyed ? NULL : c->key;
	const struct wdp_direct_cipher *f;
	int rc = gcm_twin_new(c);

	if (rc)
		return rc;
	f = &c->soft->cipher;
	if (!(c->encrypt ? f->encrypt_init : f->decrypt_init)(
		    c->twin, key, key ? c->spec->key_len : 0, iv, len, NULL))
		return -EPROTO;
	c->twin_keyed = true;
	if (iv)
		c->twin_tls = false;
	return 0;
}

static int gcm_twin_update(struct gcm_ctx *c, uint8_t *out, const uint8_t *in,
			   size_t len)
{
	return wdp_direct_update(c->soft, c->twin, out, in, len);
}

/* FRESH to TWIN: what was collected goes there. */
static int gcm_twin_take(struct gcm_ctx *c)
{
	int rc = gcm_twin_begin(c, c->nonce, GCM_NONCE);

	if (!rc)
		rc = gcm_twin_update(c, NULL, wdp_aad_bytes(&c->aad),
				     c->aad.len);
	if (!rc)
		c->stage = GCM_TWIN;
	return rc;
}

static int gcm_twin_bytes(struct gcm_ctx *c, const char *name, uint8_t *v,
			  size_t len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(name, v, len),
		OSSL_PARAM_END,
	};

	return c->soft->cipher.set_ctx_params(c->twin, params) ? 0 : -EPROTO;
}

/* To decrypt, the twin has been told the tag. */
static int gcm_twin_final(struct gcm_ctx *c)
{
	uint8_t none[GCM_BLOCK];
	size_t n;

	if (c->soft->cipher.final(c->twin, none, &n, sizeof(none)))
		return 0;
	return c->encrypt ? -EPROTO : -EBADMSG;
}

/* ---- going on in software after the device ----------------------------- */

/* GHASH's last block: lengths in bits. */
static struct wdp_gf128 gcm_lengths(uint64_t aad, uint64_t payload)
{
	return (struct wdp_gf128){ aad * 8, payload * 8 };
}

static const struct wdp_direct *gcm_ecb(struct gcm_ctx *c)
{
	static const struct {
		enum wdp_direct_row row;
		const char *name;
	} ecb[] = {
		{ WDP_DIRECT_aes128ecb, "AES-128-ECB" },
		{ WDP_DIRECT_aes192ecb, "AES-192-ECB" },
		{ WDP_DIRECT_aes256ecb, "AES-256-ECB" },
		{ WDP_DIRECT_sm4ecb, "SM4-ECB" },
	};
	int i = c->spec->kind == OFFLOAD_SM4_GCM ? 3 : c->spec->key_len / 8 - 2;

	return wdp_direct_row(c->prov, ecb[i].row, OSSL_OP_CIPHER, ecb[i].name);
}

/* The cipher itself, on @n blocks in place. */
static int gcm_blocks(struct gcm_ctx *c, uint8_t *blocks, unsigned int n)
{
	const struct wdp_direct *ecb;
	int rc = -EPROTO;
	void *e;

	ecb = gcm_ecb(c);
	if (!ecb)
		return -EPROTO;
	e = ecb->cipher.newctx(ecb->prov);
	if (!e)
		return -ENOMEM;
	if (ecb->cipher.encrypt_init(e, c->key, c->spec->key_len, NULL, 0,
				     NULL))
		rc = wdp_direct_update(ecb, e, blocks, blocks, n * GCM_BLOCK);
	ecb->cipher.freectx(e);
	return rc;
}

/*
 * The state of GHASH after the whole blocks of the prefix, undone from its tag:
 *
 *	tag = ((S * H + last) * H + lengths) * H + E(J0)
 *
 * with `last` the padded rest, absent when there is none.
 */
static struct wdp_gf128 gcm_state(const struct gcm_ctx *c, struct wdp_gf128 ej0,
				  struct wdp_gf128 h_inv)
{
	const struct gcm_prefix *p = &c->prefix;
	struct wdp_gf128 s = wdp_gf128_add(wdp_gf128_load(p->tag), ej0);
	uint8_t last[GCM_BLOCK] = { 0 };

	s = wdp_gf128_mul(s, h_inv);
	s = wdp_gf128_add(s, gcm_lengths(c->aad.len, p->len));
	if (p->len % GCM_BLOCK) {
		memcpy(last, p->last_out, p->len % GCM_BLOCK);
		s = wdp_gf128_mul(s, h_inv);
		s = wdp_gf128_add(s, wdp_gf128_load(last));
	}
	return s;
}

/*
 * DEVICE to RESUMED.  The twin can't be given a state, but it can be led
 * there: as AAD it gets the one block whose GHASH is S, and as IV the one of
 * 16 bytes whose J0 is the counter block before the next.  Its keystream and
 * GHASH are then ours from here on.  Only its lengths and E(J0) are not, and
 * these are corrected in the tag (gcm_fix()).
 */
static int gcm_resume(struct gcm_ctx *c)
{
	struct gcm_prefix *p = &c->prefix;
	uint8_t b[3][GCM_BLOCK] = { { 0 } }, iv[GCM_BLOCK], scratch[GCM_BLOCK];
	struct wdp_gf128 h_inv, s, j0;
	int rc;

	/* Blocks for H, E(J0) and E(J0 of the twin). */
	memcpy(b[1], c->nonce, GCM_NONCE);
	memcpy(b[2], c->nonce, GCM_NONCE);
	wd_store_be32(b[1] + GCM_NONCE, 1);
	wd_store_be32(b[2] + GCM_NONCE, (uint32_t)(1 + p->len / GCM_BLOCK));
	j0 = wdp_gf128_load(b[2]);
	rc = gcm_blocks(c, b[0], 3);
	if (rc)
		goto wipe;

	p->h = wdp_gf128_load(b[0]);
	h_inv = wdp_gf128_inv(p->h);
	for (unsigned int i = 0; i < GCM_TAG; i++)
		p->fix[i] = b[1][i] ^ b[2][i];

	/* GHASH of a 16-byte IV is (IV * H + lengths) * H. */
	j0 = wdp_gf128_mul(j0, h_inv);
	j0 = wdp_gf128_add(j0, gcm_lengths(0, GCM_BLOCK));
	wdp_gf128_store(iv, wdp_gf128_mul(j0, h_inv));
	rc = gcm_twin_begin(c, iv, GCM_BLOCK);
	if (rc)
		goto wipe;

	s = gcm_state(c, wdp_gf128_load(b[1]), h_inv);
	wdp_gf128_store(b[0], wdp_gf128_mul(s, h_inv));
	rc = gcm_twin_update(c, NULL, b[0], GCM_BLOCK);
	if (!rc)
		rc = gcm_twin_update(c, scratch, p->last_in,
				     p->len % GCM_BLOCK);
	if (!rc)
		c->stage = GCM_RESUMED;
wipe:
	wd_wipe(b, sizeof(b));
	wd_wipe(scratch, sizeof(scratch));
	wd_wipe(&h_inv, sizeof(h_inv));
	wd_wipe(&s, sizeof(s));
	return rc;
}

/* Turn the resumed twin's tag into the message's, or back: it is its own
 * inverse. */
static void gcm_fix(const struct gcm_ctx *c, uint8_t *to, const uint8_t *from,
		    size_t len)
{
	const struct gcm_prefix *p = &c->prefix;
	uint64_t seen = c->len - p->len / GCM_BLOCK * GCM_BLOCK;
	struct wdp_gf128 d;
	uint8_t fix[GCM_TAG];

	d = wdp_gf128_add(gcm_lengths(c->aad.len, c->len),
			  gcm_lengths(GCM_BLOCK, seen));
	wdp_gf128_store(fix, wdp_gf128_mul(d, p->h));
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] ^ fix[i] ^ p->fix[i];
	wd_wipe(fix, sizeof(fix));
}

/* ---- the device -------------------------------------------------------- */

/* AAD and @len bytes as one job.  @tag: out, or expected. */
static struct offload_cipher gcm_op(const struct gcm_ctx *c, uint8_t *out,
				    const uint8_t *in, size_t len, uint8_t *tag)
{
	return (struct offload_cipher){
		.kind = c->spec->kind,
		.alg = c->spec->alg,
		.encrypt = c->encrypt,
		.key = c->key,
		.key_len = c->spec->key_len,
		.iv = c->nonce,
		.iv_len = GCM_NONCE,
		.aad = wdp_aad_bytes(&c->aad),
		.aad_len = c->aad.len,
		.in = in,
		.out = out,
		.len = (uint32_t)len,
		.tag = tag,
		.tag_len = GCM_TAG,
	};
}

static int gcm_job(struct gcm_ctx *c, uint8_t *out, const uint8_t *in,
		   size_t len, uint8_t tag[GCM_TAG])
{
	struct offload_waiter *w = wdp_waiter_get(c->prov);
	const struct offload_cipher op = gcm_op(c, out, in, len, tag);
	int rc = -EMSGSIZE;

	if (len + c->aad.len <=
	    offload_max_bytes(c->prov->off, c->spec->kind, w != NULL))
		rc = offload_cipher(c->prov->off, &op, w);
	wdp_waiter_release(w);
	return rc;
}

/* The first payload of a message, as if it were all of it: for the device? */
static bool gcm_choose(struct gcm_ctx *c, const uint8_t *in, size_t len)
{
	struct gcm_prefix *p = &c->prefix;
	size_t rest = len % GCM_BLOCK;

	if (c->streams || (!c->encrypt && c->tag_len != GCM_TAG) ||
	    !offload_choose_cipher(c->prov->off, c->spec->kind, c->encrypt,
				   len + c->aad.len))
		return false;
	memcpy(p->last_in, in + len - rest, rest);
	memcpy(p->tag, c->tag, GCM_TAG);
	return true;
}

/* The job of it, chosen, has ended with @rc.
 * Return: 0; 1: software does it; -errno. */
static int gcm_settle(struct gcm_ctx *c, const uint8_t *out, size_t len, int rc)
{
	struct gcm_prefix *p = &c->prefix;
	size_t rest = len % GCM_BLOCK;

	if (rc == -EBADMSG)
		c->streams = true; /* more will follow, or it is forged */
	if (rc == -EBADMSG ||
	    (rc && wdp_software_may(c->prov, c->spec->kind, rc)))
		return 1;
	if (rc)
		return rc;
	memcpy(p->last_out, (c->encrypt ? out + len - rest : p->last_in), rest);
	p->len = len;
	c->stage = GCM_DEVICE;
	return 0;
}

static int gcm_device(struct gcm_ctx *c, uint8_t *out, const uint8_t *in,
		      size_t len)
{
	if (!gcm_choose(c, in, len))
		return 1;
	return gcm_settle(c, out, len, gcm_job(c, out, in, len, c->prefix.tag));
}

/* ---- a message --------------------------------------------------------- */

/* Take the IV: a message begins. */
static int gcm_begin(struct gcm_ctx *c)
{
	int rc = 0;

	c->stage = GCM_FRESH;
	c->aad.len = 0;
	c->len = 0;
	if (c->iv_len == GCM_NONCE) {
		memcpy(c->nonce, c->iv, GCM_NONCE);
	} else {
		rc = gcm_twin_begin(c, c->iv, c->iv_len);
		c->stage = GCM_TWIN;
	}
	if (!rc)
		c->iv_state = GCM_IV_TAKEN;
	return rc;
}

static int gcm_random(struct gcm_ctx *c, uint8_t *p, size_t n)
{
	OSSL_LIB_CTX *libctx = wdp_twin(c->prov);

	return libctx && RAND_bytes_ex(libctx, p, n, 0) > 0 ? 0 : -EPROTO;
}

/* See that a message is under way; encryption without an IV makes one. */
static int gcm_ready(struct gcm_ctx *c)
{
	int rc;

	if (!c->key_set)
		return -ENOKEY;
	if (c->iv_state == GCM_IV_SPENT)
		return -EINVAL;
	if (c->iv_state == GCM_IV_NONE) {
		if (!c->encrypt || c->iv_len < GCM_NONCE)
			return -EINVAL;
		rc = gcm_random(c, c->iv, c->iv_len);
		if (rc)
			return rc;
		c->iv_state = GCM_IV_GIVEN;
	}
	return c->iv_state == GCM_IV_GIVEN ? gcm_begin(c) : 0;
}

static int gcm_aad_update(struct gcm_ctx *c, const uint8_t *in, size_t len)
{
	int rc;

	if (c->stage == GCM_DEVICE || c->stage == GCM_RESUMED)
		return -EINVAL; /* the payload has begun */
	if (c->stage == GCM_FRESH && len > SEC_AAD_MAX - c->aad.len) {
		rc = gcm_twin_take(c);
		if (rc)
			return rc;
	}
	if (c->stage == GCM_TWIN)
		return gcm_twin_update(c, NULL, in, len);
	return wdp_aad_add(&c->aad, in, len);
}

static int gcm_data_update(struct gcm_ctx *c, uint8_t *out, const uint8_t *in,
			   size_t len)
{
	int rc = 0;

	if (!len)
		return 0;
	if (len > GCM_LEN_MAX - c->len)
		return -EMSGSIZE;
	if (c->stage == GCM_FRESH) {
		rc = len + c->aad.len < c->small ? 1
						 : gcm_device(c, out, in, len);
		if (rc > 0)
			rc = gcm_twin_take(c);
	} else if (c->stage == GCM_DEVICE) {
		c->streams = true;
		rc = gcm_resume(c);
	}
	if (!rc && c->stage != GCM_DEVICE)
		rc = gcm_twin_update(c, out, in, len);
	if (!rc)
		c->len += len;
	return rc;
}

/* A message is judged once, and an IV used once.  @at: the tag, if it was
 * made. */
static void gcm_over(struct gcm_ctx *c, enum gcm_tag_at at)
{
	if (c->encrypt)
		c->tag_len = GCM_TAG;
	c->tag_at = c->encrypt ? at : GCM_TAG_HERE;
	c->iv_state = GCM_IV_SPENT;
}

static int gcm_encrypt_final(struct gcm_ctx *c)
{
	int rc = 0;

	if (c->stage == GCM_DEVICE)
		memcpy(c->tag, c->prefix.tag, GCM_TAG);
	else
		rc = gcm_twin_final(c);
	if (rc)
		return rc;
	gcm_over(c, c->stage == GCM_DEVICE ? GCM_TAG_HERE : GCM_TAG_MADE);
	if (c->stage != GCM_RESUMED)
		return 0;
	rc = gcm_tag_here(c);
	gcm_fix(c, c->tag, c->tag, GCM_TAG);
	return rc;
}

static int gcm_decrypt_final(struct gcm_ctx *c)
{
	uint8_t tag[GCM_TAG];
	int rc = 0;

	if (c->tag_len == GCM_TAG_NONE)
		return -EINVAL;
	if (c->stage == GCM_DEVICE) /* it may have been set anew since */
		return wd_equal_ct(c->prefix.tag, c->tag, c->tag_len)
			       ? 0
			       : -EBADMSG;
	if (c->stage == GCM_RESUMED) {
		gcm_fix(c, tag, c->tag, c->tag_len);
		rc = gcm_twin_bytes(c, OSSL_CIPHER_PARAM_AEAD_TAG, tag,
				    c->tag_len);
	} else if (c->tag_at != GCM_TAG_TOLD) {
		rc = gcm_twin_bytes(c, OSSL_CIPHER_PARAM_AEAD_TAG, c->tag,
				    c->tag_len);
	}
	c->tag_at = GCM_TAG_HERE;
	return rc ? rc : gcm_twin_final(c);
}

static int gcm_finish(struct gcm_ctx *c)
{
	int rc = c->stage == GCM_FRESH ? gcm_twin_take(c) : 0;

	if (!rc)
		rc = c->encrypt ? gcm_encrypt_final(c) : gcm_decrypt_final(c);
	if (!rc || rc == -EBADMSG) /* a message is judged once */
		c->iv_state = GCM_IV_SPENT;
	return rc;
}

/* ---- IVs made here ----------------------------------------------------- */

static void gcm_count_up(uint8_t counter[8])
{
	for (unsigned int i = 8; i-- > 0;)
		if (++counter[i])
			return;
}

/* Begin a message with the next IV; its last @len bytes to @out. */
static int gcm_iv_next(struct gcm_ctx *c, uint8_t *out, size_t len)
{
	int rc;

	if (!c->iv_gen || !c->key_set || c->iv_len < WDP_TLS_EXPLICIT)
		return -EINVAL;
	rc = gcm_begin(c);
	if (rc)
		return rc;
	if (!len || len > c->iv_len)
		len = c->iv_len;
	memcpy(out, c->iv + c->iv_len - len, len);
	gcm_count_up(c->iv + c->iv_len - 8);
	return 0;
}

/* Begin reading a message whose IV ends in @in. */
static int gcm_iv_take(struct gcm_ctx *c, const uint8_t *in, size_t len)
{
	if (!c->iv_gen || !c->key_set || c->encrypt || len > c->iv_len)
		return -EINVAL;
	memcpy(c->iv + c->iv_len - len, in, len);
	return gcm_begin(c);
}

static int gcm_iv_fixed(struct gcm_ctx *c, const uint8_t *in, size_t len)
{
	int rc;

	if (len == SIZE_MAX) { /* the whole IV again */
		memcpy(c->iv, in, c->iv_len);
	} else {
		if (len < WDP_TLS_FIXED || len > c->iv_len ||
		    c->iv_len - len < WDP_TLS_EXPLICIT)
			return -EINVAL;
		memcpy(c->iv, in, len);
		if (c->encrypt) {
			rc = gcm_random(c, c->iv + len, c->iv_len - len);
			if (rc)
				return rc;
		}
	}
	c->iv_gen = true;
	c->iv_state = GCM_IV_GIVEN;
	return 0;
}

/* ---- TLS 1.2 records --------------------------------------------------- */

static int gcm_tls_aad(struct gcm_ctx *c, const uint8_t *aad, size_t aad_len)
{
	int rc = wdp_tls_aad(c->tls_aad, aad, aad_len, c->encrypt, GCM_TAG);

	if (rc)
		return rc;
	c->tls_aad_set = true;
	c->tls_pad = GCM_TAG;
	return 0;
}

static int gcm_tls_payload(struct gcm_ctx *c, uint8_t *data, size_t len,
			   uint8_t *tag)
{
	int rc;

	rc = gcm_aad_update(c, c->tls_aad, WDP_TLS_AAD);
	if (rc)
		return rc;
	if (c->stage == GCM_FRESH && len &&
	    offload_choose_cipher(c->prov->off, c->spec->kind, c->encrypt,
				  len + WDP_TLS_AAD)) {
		rc = gcm_job(c, data, data, len, tag);
		if (!rc)
			return 0;
		if (rc != -EBADMSG &&
		    !wdp_software_may(c->prov, c->spec->kind, rc))
			return rc;
	}
	rc = c->stage == GCM_FRESH ? gcm_twin_take(c) : 0;
	if (!rc)
		rc = gcm_twin_update(c, data, data, len);
	if (!rc && !c->encrypt)
		rc = gcm_twin_bytes(c, OSSL_CIPHER_PARAM_AEAD_TAG, tag,
				    GCM_TAG);
	if (!rc)
		rc = gcm_twin_final(c);
	return rc || !c->encrypt ? rc : gcm_twin_tag(c, tag);
}

/* The twin's next IV is ours. */
static int gcm_twin_tls(struct gcm_ctx *c)
{
	int rc = 0;

	if (!c->iv_gen)
		return -EINVAL;
	if (!c->twin_keyed) {
		rc = gcm_twin_begin(c, NULL, 0);
		c->twin_tls = false;
	}
	if (rc || (c->twin_tls && !memcmp(c->twin_iv, c->iv, GCM_NONCE)))
		return rc;
	c->twin_tls = true;
	return gcm_twin_bytes(c, OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, c->iv,
			      SIZE_MAX); /* all of it */
}

/* A small record, by the twin as a whole: it is told the header as it came,
 * and we which IV it took. */
static int gcm_tls_twin(struct gcm_ctx *c, uint8_t *out, size_t *out_len,
			const uint8_t *in, size_t len)
{
	uint8_t aad[WDP_TLS_AAD], explicit[WDP_TLS_EXPLICIT];
	size_t n;
	int rc = gcm_twin_tls(c);

	n = (size_t)c->tls_aad[WDP_TLS_AAD - 2] << 8 |
	    c->tls_aad[WDP_TLS_AAD - 1];
	n += WDP_TLS_EXPLICIT + (c->encrypt ? 0 : GCM_TAG);
	memcpy(aad, c->tls_aad, WDP_TLS_AAD);
	aad[WDP_TLS_AAD - 2] = (uint8_t)(n >> 8);
	aad[WDP_TLS_AAD - 1] = (uint8_t)n;
	if (!rc)
		rc = gcm_twin_bytes(c, OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, aad,
				    WDP_TLS_AAD);
	if (rc)
		return rc;
	memcpy(explicit, in, WDP_TLS_EXPLICIT);
	if (!c->soft->cipher.update(c->twin, out, out_len, len, in, len))
		rc = c->encrypt ? -EPROTO : -EBADMSG;
	memcpy(c->iv + GCM_NONCE - WDP_TLS_EXPLICIT,
	       c->encrypt ? out : explicit, WDP_TLS_EXPLICIT);
	if (c->encrypt)
		gcm_count_up(c->iv + GCM_NONCE - WDP_TLS_EXPLICIT);
	memcpy(c->twin_iv, c->iv, GCM_NONCE);
	return rc;
}

/* explicit IV | payload | tag, in place. */
static int gcm_tls_record(struct gcm_ctx *c, uint8_t *out, size_t *out_len,
			  const uint8_t *in, size_t len)
{
	const size_t around = WDP_TLS_EXPLICIT + GCM_TAG;
	uint8_t *data = out + WDP_TLS_EXPLICIT;
	int rc;

	if (!c->key_set)
		return -ENOKEY;
	if (out != in || len < around)
		return -EINVAL;
	if (c->encrypt && !++c->tls_records)
		return -EINVAL;
	c->tag_at = GCM_TAG_HERE; /* what the twin has is the record's */
	/* SM4-GCM below 3.2 is our own, and no record cipher of libssl's */
	if (len < c->small && c->iv_len == GCM_NONCE &&
	    c->spec->kind == OFFLOAD_AES_GCM)
		return gcm_tls_twin(c, out, out_len, in, len);
	rc = c->encrypt ? gcm_iv_next(c, out, WDP_TLS_EXPLICIT)
			: gcm_iv_take(c, in, WDP_TLS_EXPLICIT);
	if (rc)
		return rc;
	rc = gcm_tls_payload(c, data, len - around, data + len - around);
	if (rc && !c->encrypt)
		OPENSSL_cleanse(data, len - around);
	if (!rc)
		*out_len = c->encrypt ? len : len - around;
	return rc;
}

/* ---- dispatch ---------------------------------------------------------- */

static OSSL_FUNC_cipher_set_ctx_params_fn gcm_set_ctx_params;

static int gcm_key_iv(struct gcm_ctx *c, const uint8_t *key, size_t key_len,
		      const uint8_t *iv, size_t iv_len, bool encrypt)
{
	int rc = 0;

	/* Neither the other direction nor another key goes on with a message
	 * half done. */
	if ((key || c->encrypt != encrypt) && c->iv_state == GCM_IV_TAKEN)
		c->iv_state = GCM_IV_SPENT;
	if (c->encrypt != encrypt) {
		rc = gcm_tag_here(c);
		c->twin_keyed = c->twin_tls = false;
	}
	c->encrypt = encrypt;
	if (rc)
		return rc;
	if (iv) {
		if (!iv_len || iv_len > GCM_IV_MAX)
			return -ERANGE;
		c->iv_len = iv_len;
		memcpy(c->iv, iv, iv_len);
		c->iv_state = GCM_IV_GIVEN;
	}
	if (key) {
		if (key_len != c->spec->key_len)
			return -EKEYREJECTED;
		memcpy(c->key, key, key_len);
		c->key_set = true;
		c->twin_keyed = false;
		if (c->tag_at == GCM_TAG_TOLD)
			c->tag_at = GCM_TAG_HERE;
		c->twin_tls = false;
		c->tls_records = 0;
	}
	return 0;
}

static int gcm_init(struct gcm_ctx *c, const uint8_t *key, size_t key_len,
		    const uint8_t *iv, size_t iv_len, const OSSL_PARAM params[],
		    bool encrypt)
{
	int rc = gcm_key_iv(c, key, key_len, iv, iv_len, encrypt);

	return wdp_ok(c->prov, rc) &&
	       (!params || gcm_set_ctx_params(c, params));
}

WDP_CIPHER_INITS(gcm)

/* @in NULL: final; @out NULL: AAD. */
static int gcm_do(struct gcm_ctx *c, uint8_t *out, size_t *out_len,
		  const uint8_t *in, size_t len)
{
	int rc;

	*out_len = 0;
	if (c->tls_aad_set) {
		rc = gcm_tls_record(c, out, out_len, in, len);
		c->iv_state = GCM_IV_SPENT;
		c->tls_aad_set = false;
		return rc;
	}
	rc = gcm_ready(c);
	if (rc)
		return rc;
	if (!in)
		return gcm_finish(c);
	rc = out ? gcm_data_update(c, out, in, len)
		 : gcm_aad_update(c, in, len);
	if (!rc)
		*out_len = len;
	return rc;
}

/* Is the message the twin's, or does @len bytes of payload make it so?  Below
 * the threshold each instruction here can be seen. */
static bool gcm_all_twin(struct gcm_ctx *c, const uint8_t *out,
			 const uint8_t *in, size_t len)
{
	if (c->iv_state != GCM_IV_TAKEN || c->tls_aad_set)
		return false;
	if (c->stage == GCM_TWIN)
		return true;
	return c->stage == GCM_FRESH && out && in && len &&
	       len + c->aad.len < c->small && !gcm_twin_take(c);
}

static OSSL_FUNC_cipher_update_fn gcm_update;
static int gcm_update(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size, const unsigned char *in, size_t len)
{
	struct gcm_ctx *c = ctx;

	if (gcm_all_twin(c, out, in, len))
		return c->soft->cipher.update(c->twin, out, out_len, out_size,
					      in, len);
	*out_len = 0;
	if (!len)
		return 1;
	if (out_size < len)
		return wdp_ok(c->prov, -ENOBUFS);
	return wdp_ok(c->prov, gcm_do(c, out, out_len, in, len));
}

static OSSL_FUNC_cipher_final_fn gcm_final;
static int gcm_final(void *ctx, unsigned char *out, size_t *out_len,
		     size_t out_size)
{
	struct gcm_ctx *c = ctx;
	int ok;

	if (!gcm_all_twin(c, NULL, NULL, 0) ||
	    (!c->encrypt && c->tag_at != GCM_TAG_TOLD))
		return wdp_ok(c->prov, gcm_do(c, out, out_len, NULL, 0));
	ok = c->soft->cipher.final(c->twin, out, out_len, out_size);
	if (ok || !c->encrypt)
		gcm_over(c, GCM_TAG_MADE);
	return ok;
}

/* EVP_Cipher(): an update, or the end when there is no input. */
static OSSL_FUNC_cipher_cipher_fn gcm_cipher;
static int gcm_cipher(void *ctx, unsigned char *out, size_t *out_len,
		      size_t out_size, const unsigned char *in, size_t len)
{
	struct gcm_ctx *c = ctx;

	if (out_size < len)
		return wdp_ok(c->prov, -ENOBUFS);
	if (!wdp_ok(c->prov, gcm_do(c, out, out_len, in, len)))
		return 0;
	*out_len = len;
	return 1;
}

/* ---- pipes --------------------------------------------------------------- */

static bool gcm_pipe_offer(void *ctx, struct offload_cipher *op, uint8_t *out,
			   const uint8_t *in, size_t len)
{
	struct gcm_ctx *c = ctx;

	if (gcm_ready(c) || c->stage != GCM_FRESH ||
	    len + c->aad.len < c->small || !gcm_choose(c, in, len))
		return false;
	*op = gcm_op(c, out, in, len, c->prefix.tag);
	return true;
}

static int gcm_pipe_settle(void *ctx, const struct offload_cipher *op, int rc)
{
	struct gcm_ctx *c = ctx;

	rc = gcm_settle(c, op->out, op->len, rc);
	if (!rc)
		c->len = op->len;
	if (rc <= 0)
		return rc;
	rc = gcm_twin_take(c);
	return rc ? rc : 1;
}

static OSSL_FUNC_cipher_get_ctx_params_fn gcm_get_ctx_params;

static const struct wdp_pipe_ops gcm_pipe_ops = {
	.make = gcm_new,
	.free = gcm_free,
	.dup = gcm_dup,
	.encrypt_init = gcm_encrypt_init,
	.decrypt_init = gcm_decrypt_init,
	.update = gcm_update,
	.final = gcm_final,
	.get_params = gcm_get_ctx_params,
	.set_params = gcm_set_ctx_params,
	.offer = gcm_pipe_offer,
	.settle = gcm_pipe_settle,
};

static wdp_pipe_init_fn gcm_pipe_encrypt_init;
static int gcm_pipe_encrypt_init(void *ctx, const unsigned char *key,
				 size_t key_len, size_t n,
				 const unsigned char **iv, size_t iv_len,
				 const OSSL_PARAM params[])
{
	struct gcm_ctx *c = ctx;

	return wdp_pipes_open(&c->pipes, &gcm_pipe_ops, c->prov, c->spec, n) &&
	       wdp_pipes_init(c->pipes, true, key, key_len, iv, iv_len, params);
}

static wdp_pipe_init_fn gcm_pipe_decrypt_init;
static int gcm_pipe_decrypt_init(void *ctx, const unsigned char *key,
				 size_t key_len, size_t n,
				 const unsigned char **iv, size_t iv_len,
				 const OSSL_PARAM params[])
{
	struct gcm_ctx *c = ctx;

	return wdp_pipes_open(&c->pipes, &gcm_pipe_ops, c->prov, c->spec, n) &&
	       wdp_pipes_init(c->pipes, false, key, key_len, iv, iv_len,
			      params);
}

static wdp_pipe_update_fn gcm_pipe_update;
static int gcm_pipe_update(void *ctx, size_t n, unsigned char **out,
			   size_t *out_len, const size_t *out_size,
			   const unsigned char **in, const size_t *in_len)
{
	struct gcm_ctx *c = ctx;

	if (!wdp_pipes_are(c->pipes, n) || (out && !out_size))
		return wdp_ok(c->prov, -EINVAL);
	return wdp_pipes_update(c->pipes, out, out_len, out_size, in, in_len);
}

static wdp_pipe_final_fn gcm_pipe_final;
static int gcm_pipe_final(void *ctx, size_t n, unsigned char **out,
			  size_t *out_len, const size_t *out_size)
{
	struct gcm_ctx *c = ctx;

	if (!wdp_pipes_are(c->pipes, n))
		return wdp_ok(c->prov, -EINVAL);
	return wdp_pipes_final(c->pipes, out, out_len, out_size);
}

/* ---- parameters -------------------------------------------------------- */

static bool gcm_give_iv_len(void *ctx, OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return OSSL_PARAM_set_size_t(p, c->iv_len);
}

static bool gcm_give_key_len(void *ctx, OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return OSSL_PARAM_set_size_t(p, c->spec->key_len);
}

static bool gcm_give_tag_len(void *ctx, OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return OSSL_PARAM_set_size_t(
		p, c->tag_len == GCM_TAG_NONE ? GCM_TAG : c->tag_len);
}

static bool gcm_give_iv(void *ctx, OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return c->iv_state != GCM_IV_NONE && p->data_size >= c->iv_len &&
	       wdp_give_bytes(p, p->key, c->iv, c->iv_len);
}

static bool gcm_give_tag(void *ctx, OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return p->data_size && p->data_size <= GCM_TAG && c->encrypt &&
	       c->tag_len != GCM_TAG_NONE && !gcm_tag_here(c) &&
	       OSSL_PARAM_set_octet_string(p, c->tag, p->data_size);
}

static bool gcm_give_tls_pad(void *ctx, OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return OSSL_PARAM_set_size_t(p, c->tls_pad);
}

static bool gcm_give_next_iv(void *ctx, OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return p->data && p->data_type == OSSL_PARAM_OCTET_STRING &&
	       !gcm_iv_next(c, p->data, p->data_size);
}

static bool gcm_give_pipe_tags(void *ctx, OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return wdp_pipes_give_tags(c->pipes, p);
}

/* The most frequent first: a record's. */
static const struct wdp_giver gcm_givers[] = {
	{ OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD, gcm_give_tls_pad },
	{ OSSL_CIPHER_PARAM_IVLEN, gcm_give_iv_len },
	{ OSSL_CIPHER_PARAM_KEYLEN, gcm_give_key_len },
	{ OSSL_CIPHER_PARAM_AEAD_TAGLEN, gcm_give_tag_len },
	{ OSSL_CIPHER_PARAM_IV, gcm_give_iv },
	{ OSSL_CIPHER_PARAM_UPDATED_IV, gcm_give_iv },
	{ OSSL_CIPHER_PARAM_AEAD_TAG, gcm_give_tag },
	{ OSSL_CIPHER_PARAM_AEAD_TLS1_GET_IV_GEN, gcm_give_next_iv },
	{ WDP_PIPE_PARAM_TAG, gcm_give_pipe_tags },
};

static int gcm_get_ctx_params(void *ctx, OSSL_PARAM params[])
{
	struct gcm_ctx *c = ctx;

	if (params && params[0].key && !params[1].key) {
		/* what EVP asks for each message */
		if (wdp_param_is(params, OSSL_CIPHER_PARAM_IVLEN))
			return OSSL_PARAM_set_size_t(params, c->iv_len);
		if (c->tag_at == GCM_TAG_MADE &&
		    wdp_param_is(params, OSSL_CIPHER_PARAM_AEAD_TAG))
			return c->soft->cipher.get_ctx_params(c->twin, params);
	}
	return wdp_give_params(c->prov, gcm_givers, WD_ARRAY_SIZE(gcm_givers),
			       c, params);
}

static int gcm_take_tag(void *ctx, const OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;
	size_t len = p->data_size;

	if (!p->data || !len || len > GCM_TAG || c->encrypt)
		return -EINVAL;
	memcpy(c->tag, p->data, len);
	c->tag_len = len;
	c->tag_at = GCM_TAG_HERE;
	/* most likely the next message will be the twin's as well */
	if (c->stage == GCM_TWIN && c->twin_keyed &&
	    !gcm_twin_bytes(c, p->key, c->tag, len))
		c->tag_at = GCM_TAG_TOLD;
	return 0;
}

static int gcm_take_iv_len(void *ctx, const OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;
	size_t len;

	if (!OSSL_PARAM_get_size_t(p, &len))
		return -EINVAL;
	if (!len || len > GCM_IV_MAX)
		return -ERANGE;
	/* An IV of another length is no IV. */
	if (c->iv_len != len && c->iv_state != GCM_IV_NONE)
		c->iv_state = GCM_IV_SPENT;
	c->iv_len = len;
	return 0;
}

static int gcm_take_tls_aad(void *ctx, const OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return p->data ? gcm_tls_aad(c, p->data, p->data_size) : -EINVAL;
}

static int gcm_take_iv_fixed(void *ctx, const OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return p->data ? gcm_iv_fixed(c, p->data, p->data_size) : -EINVAL;
}

static int gcm_take_iv_inv(void *ctx, const OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return p->data ? gcm_iv_take(c, p->data, p->data_size) : -EINVAL;
}

static int gcm_take_pipe_tags(void *ctx, const OSSL_PARAM *p)
{
	struct gcm_ctx *c = ctx;

	return wdp_pipes_take_tags(c->pipes, p);
}

static const struct wdp_taker gcm_takers[] = {
	{ OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, OSSL_PARAM_OCTET_STRING,
	  gcm_take_tls_aad },
	{ OSSL_CIPHER_PARAM_AEAD_TAG, OSSL_PARAM_OCTET_STRING, gcm_take_tag },
	{ OSSL_CIPHER_PARAM_AEAD_IVLEN, 0, gcm_take_iv_len },
	{ OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, OSSL_PARAM_OCTET_STRING,
	  gcm_take_iv_fixed },
	{ OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV, OSSL_PARAM_OCTET_STRING,
	  gcm_take_iv_inv },
	{ WDP_PIPE_PARAM_TAG, OSSL_PARAM_OCTET_PTR, gcm_take_pipe_tags },
};

static int gcm_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct gcm_ctx *c = ctx;

	/* what EVP says of each message */
	if (params && params[0].key && !params[1].key &&
	    wdp_param_is(params, OSSL_CIPHER_PARAM_AEAD_TAG) &&
	    params[0].data_type == OSSL_PARAM_OCTET_STRING)
		return wdp_ok(c->prov, gcm_take_tag(c, params));
	return wdp_take_params(c->prov, gcm_takers, WD_ARRAY_SIZE(gcm_takers),
			       c, params);
}

/* ---- rows -------------------------------------------------------------- */

#define WDP_MORE_gcm WDP_PIPE_ROWS(gcm)
#define GCM(...)     WDP_CIPHER(gcm, gcm, __VA_ARGS__)
#include "provider/wdp_cipher.def"
