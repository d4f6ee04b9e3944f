/* SPDX-License-Identifier: Apache-2.0 */
/* 0/-errno inside becomes 1/0 and one reason outside. */
#include <errno.h>

#include "base/wd_base.h"
#include "provider/wdp.h"
#include "test/t.h"

static uint32_t reason; /* last raised */
static int raised;
static char detail[256];

static void core_new_error(const OSSL_CORE_HANDLE *h)
{
	(void)h;
	raised++;
}

static void core_vset_error(const OSSL_CORE_HANDLE *h, uint32_t r,
			    const char *fmt, va_list ap)
{
	(void)h;
	reason = r;
	detail[0] = '\0';
	if (fmt)
		vsnprintf(detail, sizeof(detail), fmt, ap);
}

static struct wdp_ctx p = {
	.core = { .new_error = core_new_error, .vset_error = core_vset_error },
};

static uint64_t software(enum offload_kind kind)
{
	struct offload_stats s;

	offload_stats(p.off, &s);
	return s.kind[kind].software;
}

static void begin(bool fallback)
{
	struct offload_config cfg;
	char why[128];

	offload_config_init(&cfg);
	cfg.device = "none";
	T_EQ(offload_new(&p.off, &cfg, why, sizeof(why)), 0);
	p.cfg.fallback = fallback;
	raised = 0;
}

static void success_raises_nothing(void)
{
	begin(true);
	T_EQ(wdp_ok(&p, 0), 1);
	T_EQ(raised, 0);
	offload_free(p.off);
}

static void every_failure_raises_one_reason(void)
{
	static const struct {
		int rc;
		enum wdp_reason want;
	} rows[] = {
		{ -ENODEV, WDP_R_NO_DEVICE },
		{ -EIO, WDP_R_DEVICE_ERROR },
		{ -ETIMEDOUT, WDP_R_TIMEOUT },
		{ -EAGAIN, WDP_R_BUSY },
		{ -EBUSY, WDP_R_NO_QUEUE },
		{ -EBADMSG, WDP_R_BAD_TAG },
		{ -EINVAL, WDP_R_BAD_PARAMETER },
		{ -ENOMEM, WDP_R_OUT_OF_MEMORY },
		{ -EXDEV, WDP_R_INTERNAL },
	};

	begin(true);
	for (size_t i = 0; i < WD_ARRAY_SIZE(rows); i++) {
		raised = 0;
		T_EQ(wdp_ok(&p, rows[i].rc), 0);
		T_EQ(raised, 1);
		T_EQ(reason, rows[i].want);
	}
	offload_free(p.off);
}

static void every_reason_has_words_and_the_list_ends(void)
{
	int n = 0;

	for (; wdp_reasons[n].id; n++) {
		T_EQ(wdp_reasons[n].id, n + 1);
		T_OK(wdp_reasons[n].ptr && *(char *)wdp_reasons[n].ptr);
	}
	T_EQ(n, WDP_R_NO_QUEUE);
}

static void software_stands_in_for_a_failed_device_and_is_counted(void)
{
	begin(true);
	T_OK(wdp_software_may(&p, OFFLOAD_RSA_PRIVATE, -EIO));
	T_OK(wdp_software_may(&p, OFFLOAD_RSA_PRIVATE, -ETIMEDOUT));
	T_OK(wdp_software_may(&p, OFFLOAD_RSA_PRIVATE, -EINVAL));
	T_EQ(raised, 0);
	T_EQ(software(OFFLOAD_RSA_PRIVATE), 3);
	offload_free(p.off);
}

static void without_fallback_a_failed_device_is_an_error(void)
{
	static const int failures[] = { -ENODEV, -EIO, -ETIMEDOUT };

	begin(false);
	for (size_t i = 0; i < WD_ARRAY_SIZE(failures); i++)
		T_OK(!wdp_software_may(&p, OFFLOAD_AES_GCM, failures[i]));
	T_EQ(raised, 3);
	T_EQ(reason, WDP_R_TIMEOUT);
	T_STR(detail, "aes-gcm, fallback is off");
	T_EQ(software(OFFLOAD_AES_GCM), 0);
	offload_free(p.off);
}

static void what_an_engine_cannot_do_is_softwares_without_fallback_too(void)
{
	begin(false);
	T_OK(wdp_software_may(&p, OFFLOAD_SM3, -EINVAL));
	T_OK(wdp_software_may(&p, OFFLOAD_SM3, -EMSGSIZE));
	T_OK(wdp_software_may(&p, OFFLOAD_SM3, -EAGAIN));
	T_EQ(raised, 0);
	T_EQ(software(OFFLOAD_SM3), 3);
	offload_free(p.off);
}

T_MAIN(T_CASE(success_raises_nothing), T_CASE(every_failure_raises_one_reason),
       T_CASE(every_reason_has_words_and_the_list_ends),
       T_CASE(software_stands_in_for_a_failed_device_and_is_counted),
       T_CASE(without_fallback_a_failed_device_is_an_error),
       T_CASE(what_an_engine_cannot_do_is_softwares_without_fallback_too))
