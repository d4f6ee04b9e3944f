/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_sec.c - the symmetric engine, from descriptors of type 2 and type 3.
 *
 *	sqe ─ kind ─ fields legal? ─▶ spans reachable? ─▶ compute ─▶ dw28
 *	        both types through      nothing written
 *	        one list of fields      before this point
 *
 * Here: fields, addresses, dispatch, completion.
 * Facts: docs/hw/sec.md.
 */
#include "emu/emu_sec.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/wd_base.h"

static const uint8_t bd2_at[F_COUNT] = {
#define X(name) [F_##name] = SEC_BD2_##name,
	SEC_FIELDS_USED(X)
#undef X
};
static const uint8_t bd3_at[F_COUNT] = {
#define X(name) [F_##name] = SEC_BD3_##name,
	SEC_FIELDS_USED(X)
#undef X
};

/* Fields a driver may set; all others are features that are not here. */
static const bool bd2_known[SEC_BD2_FIELDS] = {
#define X(name) [SEC_BD2_##name] = true,
	SEC_FIELDS_USED(X)
#undef X
		[SEC_BD2_TYPE] = true,
	[SEC_BD2_TAG] = true,
};
static const bool bd3_known[SEC_BD3_FIELDS] = {
#define X(name) [SEC_BD3_##name] = true,
	SEC_FIELDS_USED(X)
#undef X
		[SEC_BD3_TYPE] = true,
	[SEC_BD3_TAG_LO] = true,
	[SEC_BD3_TAG_HI] = true,
	[SEC_BD3_CTR_MODE] = true,     /* checked by itself */
	[SEC_BD3_SVA_PREFETCH] = true, /* a hint */
};

struct sec_type {
	const struct wd_field *fields;
	size_t count;
	const uint8_t *at;
	const bool *known;
};
static const struct sec_type type2 = { sec_bd2_fields, SEC_BD2_FIELDS, bd2_at,
				       bd2_known };
static const struct sec_type type3 = { sec_bd3_fields, SEC_BD3_FIELDS, bd3_at,
				       bd3_known };

#define FIRST_WRITE_BACK_WORD 28

uint32_t sec_get(const struct sec_run *r, enum sec_used f)
{
	return wd_get(r->job->sqe, &r->type->fields[r->type->at[f]]);
}

uint64_t sec_get64(const struct sec_run *r, enum sec_used lo)
{
	return wd_get64(r->job->sqe, &r->type->fields[r->type->at[lo]]);
}

/* libgcrypt wants to be set up once per process and may have been, by the
 * program we live in. */
static bool library_ok;

static void library_init(void)
{
	if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
		if (!gcry_check_version(GCRYPT_VERSION))
			return;
		gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
		gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	}
	library_ok = true;
}

bool sec_is_v3(const struct sec_run *r)
{
	return r->job->qm_version >= 3;
}

bool sec_library(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	return !pthread_once(&once, library_init) && library_ok;
}

/* ---- what every job must obey ---- */

/* Nothing is set that the engine would have to ignore. */
static bool unknown_bits_zero(const struct sec_run *r)
{
	const struct sec_type *t = r->type;
	uint32_t rest[SEC_SQE_WORDS], any = 0;

	memcpy(rest, r->job->sqe, sizeof(rest));
	for (size_t i = 0; i < t->count; i++)
		if (t->known[i])
			wd_put(rest, &t->fields[i], 0);
	for (size_t i = 0; i < FIRST_WRITE_BACK_WORD; i++)
		any |= rest[i];
	return !any;
}

bool sec_all_zero(const struct sec_run *r, const uint8_t *fields, size_t n)
{
	uint32_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= sec_get(r, fields[i]);
	return !any;
}

uint32_t sec_counter_mode(const struct sec_run *r)
{
	if (r->type != &type3)
		return 0;
	return wd_get(r->job->sqe, &sec_bd3_fields[SEC_BD3_CTR_MODE]);
}

/* 0: as hardware counts anyway; 2: 128-bit rollover; 1 belongs to SM4-XTS and
 * has another meaning there. */
static bool counter_mode_ok(const struct sec_run *r)
{
	uint32_t mode = sec_counter_mode(r);

	if (mode == 1)
		return sec_get(r, F_C_ALG) == SEC_CALG_SM4 &&
		       sec_get(r, F_C_MODE) == SEC_CMODE_XTS;
	return mode != 3;
}

static bool addr_types_ok(const struct sec_run *r)
{
	return sec_get(r, F_SRC_TYPE) <= SEC_ADDR_SGL &&
	       sec_get(r, F_DE) <= 1 &&
	       (!sec_get(r, F_DE) || sec_get(r, F_DST_TYPE) <= SEC_ADDR_SGL);
}

static enum sec_error from_errno(int rc)
{
	switch (rc) {
	case 0:
		return E_NONE;
	case -EFAULT:
		return E_ADDR;
	case -EINVAL:
		return E_LIST;
	default:
		return E_LIBRARY;
	}
}

enum sec_error sec_span(const struct sec_run *r, struct emu_span *s, bool sgl,
			uint64_t addr, size_t skip, size_t len, bool write)
{
	if (sgl)
		return from_errno(
			emu_span_list(s, r->dma, addr, skip, len, write));
	if (len && (!addr || addr + skip < addr))
		return E_ADDR;
	return from_errno(emu_span_flat(s, r->dma, addr + skip, len, write));
}

enum sec_error sec_fetch(const struct sec_run *r, uint64_t addr, void *to,
			 size_t len)
{
	if (!addr || r->dma->read(r->dma->ctx, r->dma->pasid, addr, to, len))
		return E_ADDR;
	return E_NONE;
}

enum sec_error sec_store(const struct sec_run *r, uint64_t addr,
			 const void *from, size_t len)
{
	if (r->dma->write(r->dma->ctx, r->dma->pasid, addr, from, len))
		return E_ADDR;
	return E_NONE;
}

/* ---- data ---- */

/* Two flat ranges that overlap without being the same. */
static bool straddle(uint64_t a, uint64_t b, uint32_t len)
{
	return a != b && (a < b ? b - a : a - b) < len;
}

/* Source (AAD and payload) and destination (payload). */
enum sec_error sec_map_data(struct sec_run *r, uint32_t aad)
{
	uint32_t len = sec_get(r, F_C_LEN);
	bool de = sec_get(r, F_DE),
	     src_sgl = sec_get(r, F_SRC_TYPE) == SEC_ADDR_SGL;
	bool dst_sgl = de ? sec_get(r, F_DST_TYPE) == SEC_ADDR_SGL : src_sgl;
	uint64_t src = sec_get64(r, F_SRC_LO);
	uint64_t dst = de ? sec_get64(r, F_DST_LO) : src;
	enum sec_error rc;

	if (!src_sgl && !dst_sgl && straddle(src, dst, aad + len))
		return E_ADDR;
	/* Whether silicon copies the AAD is not known: there must be room. */
	if (!dst_sgl && !emu_reach(r->dma, dst, aad, true))
		return E_ADDR;
	rc = sec_span(r, &r->src, src_sgl, src, 0, aad + len, false);
	if (!rc)
		rc = sec_span(r, &r->dst, dst_sgl, dst, aad, len, true);
	return rc;
}

/* Fault: a bit of the payload flips on its way out. */
void sec_corrupt_data(const struct sec_run *r)
{
	if (r->job->corrupt && r->dst.n)
		r->dst.seg[0].p[0] ^= 0x55;
}

/* ---- dispatch and completion ---- */

static enum sec_error run_cipher_mode(struct sec_run *r, bool auth)
{
	if (auth)
		return sec_run_authenc(r);
	switch (sec_get(r, F_C_MODE)) {
	case SEC_CMODE_GCM:
		return sec_run_gcm(r);
	case SEC_CMODE_CCM:
		return sec_run_ccm(r);
	default:
		return sec_run_cipher(r);
	}
}

static enum sec_error run_kind(struct sec_run *r)
{
	uint32_t auth = sec_get(r, F_AUTH);

	if (!unknown_bits_zero(r) || !addr_types_ok(r) || !counter_mode_ok(r))
		return E_FIELD;
	switch (sec_get(r, F_CIPHER)) {
	case SEC_CIPHER_NONE:
		return auth == 1 ? sec_run_auth(r) : E_KIND;
	case SEC_CIPHER_ENC:
		return auth <= 1 ? run_cipher_mode(r, auth) : E_KIND;
	case SEC_CIPHER_DEC:
		return auth != 1 && auth <= 2 ? run_cipher_mode(r, auth)
					      : E_KIND;
	default:
		return E_KIND;
	}
}

static enum sec_error run_checked(struct sec_run *r)
{
	enum sec_error rc;

	emu_span_init(&r->src);
	emu_span_init(&r->dst);
	rc = run_kind(r);
	emu_span_fini(&r->dst);
	emu_span_fini(&r->src);
	wd_wipe(r->key, sizeof(r->key));
	return rc;
}

static const struct sec_type *find_type(const struct emu_job *job)
{
	uint32_t type =
		wd_get(job->sqe, &sec_bd2_fields[SEC_BD2_TYPE]); /* in both */

	if (type == 2)
		return &type2;
	return type == 3 && job->qm_version >= 3 ? &type3 : NULL;
}

/* The completion word lies alike in both types. */
static void complete(uint32_t *sqe, const struct sec_run *r, enum sec_error rc)
{
	const struct wd_field *f = sec_bd2_fields;

	sqe[FIRST_WRITE_BACK_WORD] = 0;
	wd_put(sqe, &f[SEC_BD2_DONE], 1);
	wd_put(sqe, &f[SEC_BD2_ERROR_TYPE], rc);
	if (rc)
		return;
	wd_put(sqe, &f[SEC_BD2_FLAG], r->flag);
	wd_put(sqe, &f[SEC_BD2_ICV], r->icv);
}

static void sec_run(const struct emu_job *job)
{
	struct sec_run r;
	enum sec_error rc = E_NONE;

	r.job = job;
	r.dma = job->dma;
	r.type = find_type(job);
	r.flag = 0;
	r.icv = 0;
	memset(r.key, 0, sizeof(r.key));
	memset(r.iv, 0, sizeof(r.iv));
	if (job->fail)
		rc = E_FAULT;
	else if (!r.type)
		rc = E_TYPE;
	else if (!sec_get(&r, F_INVALID)) /* else: done, and nothing else */
		rc = run_checked(&r);
	complete(job->sqe, &r, rc);
}

/* What V3 drivers read before they write; V2 drivers have it built in.
 * docs/hw/qm.md#capabilities */
/* clang-format off */
static const struct emu_reg_init regs[] = {
	{ 0x3124, 0, 0x7C77 },	   /* QM errors that need a reset or a report */
	{ 0x3128, 0, 0x6C77 },	   /* QM errors that reset */
	{ 0x312C, 0, 0x8 },	   /* QM errors corrected */
	{ 0x3130, 0, 0x60177 },	   /* the same three for the engine */
	{ 0x3134, 0, 0x177 },
	{ 0x3138, 0, 0xC088 },
	{ 0x313C, 0, 0x110404 },   /* 1 cluster, 1 core type, 4 cores */
	{ 0x3140, 0, 0xF },	   /* cores enabled */
	{ 0x3144, 0, 0x18670CF },  /* kernel algorithms, low and high */
	{ 0x3148, 0, 0x395C },
	{ 0x314C, 0, 0xFFFFFFFF }, /* device algorithms, low and high */
	{ 0x3150, 0, 0x3FFF },
	{ 0x3154, 0, 0xFFFFFFFF }, /* cores 1 to 4, the same */
	{ 0x3158, 0, 0x3FFF },
	{ 0x315C, 0, 0xFFFFFFFF },
	{ 0x3160, 0, 0x3FFF },
	{ 0x3164, 0, 0xFFFFFFFF },
	{ 0x3168, 0, 0x3FFF },
	{ 0x316C, 0, 0xFFFFFFFF },
	{ 0x3170, 0, 0x3FFF },
};
/* clang-format on */

/* docs/hw/sec.md#registers: the engine's memories */
static const struct emu_handshake handshakes[] = {
	{ .start = 0x301100, .done = 0x301104, .value = 1 },
};

const struct emu_engine emu_sec = {
	.name = "sec",
	.id = UACCE_SEC,
	.sqe_size = sizeof(struct sec_sqe),
	.pf_id = 0xa255,
	.vf_id = 0xa256,
	.algorithms_v2 = "cipher\ndigest\naead\n",
	.algorithms_v3 = "cipher\ndigest\naead\n",
	.regs = regs,
	.reg_count = WD_ARRAY_SIZE(regs),
	.handshakes = handshakes,
	.handshake_count = WD_ARRAY_SIZE(handshakes),
	.int_source = 0x301010,
	.int_status = 0x301008,
	.int_set = 0, /* silicon has none that is documented */
	.run = sec_run,
};
