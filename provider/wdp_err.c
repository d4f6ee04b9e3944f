/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp.h"

#include <errno.h>
#include <stdarg.h>

#include "base/wd_base.h"

/* OSSL_ITEM has a plain pointer; nobody writes through it. */
#define WDP_REASON(reason, text)                                               \
	{                                                                      \
		reason, (void *)(text)                                         \
	}

/* clang-format off */
const OSSL_ITEM wdp_reasons[] = {
	WDP_REASON(WDP_R_NO_DEVICE, "no accelerator can be used"),
	WDP_REASON(WDP_R_DEVICE_ERROR, "the accelerator reported an error"),
	WDP_REASON(WDP_R_TIMEOUT, "the accelerator did not answer in time"),
	WDP_REASON(WDP_R_BUSY, "the accelerator has no room"),
	WDP_REASON(WDP_R_WRONG_RESULT, "the accelerator computed a wrong result"),
	WDP_REASON(WDP_R_BAD_CONFIG, "bad configuration"),
	WDP_REASON(WDP_R_NO_TWIN, "software implementation not available"),
	WDP_REASON(WDP_R_NO_KEY, "no key, or a part of the key is missing"),
	WDP_REASON(WDP_R_BAD_KEY, "bad key"),
	WDP_REASON(WDP_R_BAD_LENGTH, "bad length"),
	WDP_REASON(WDP_R_BAD_PARAMETER, "bad parameter"),
	WDP_REASON(WDP_R_BAD_PADDING, "bad padding"),
	WDP_REASON(WDP_R_BAD_SIGNATURE, "bad signature"),
	WDP_REASON(WDP_R_BAD_TAG, "bad tag"),
	WDP_REASON(WDP_R_BUFFER_TOO_SMALL, "output buffer too small"),
	WDP_REASON(WDP_R_DIGEST_NOT_ALLOWED, "digest not allowed"),
	WDP_REASON(WDP_R_UNSUPPORTED, "not supported"),
	WDP_REASON(WDP_R_NOT_INITIALISED, "operation not initialised"),
	WDP_REASON(WDP_R_OUT_OF_MEMORY, "out of memory"),
	WDP_REASON(WDP_R_CONFLICT, "parameters contradict each other"),
	WDP_REASON(WDP_R_INTERNAL, "internal error"),
	WDP_REASON(WDP_R_NO_QUEUE, "no queue of the accelerator is free"),
	{ 0, NULL },
};
/* clang-format on */

void wdp_raise_at(const struct wdp_ctx *p, enum wdp_reason reason,
		  const char *file, int line, const char *func, const char *fmt,
		  ...)
{
	va_list ap;

	if (!p->core.new_error || !p->core.vset_error)
		return;
	p->core.new_error(p->handle);
	if (p->core.set_error_debug)
		p->core.set_error_debug(p->handle, file, line, func);
	va_start(ap, fmt);
	p->core.vset_error(p->handle, (uint32_t)reason, fmt, ap);
	va_end(ap);
}

/* What an internal result means to an administrator. */
static const struct {
	int rc;
	enum wdp_reason reason;
} wdp_errnos[] = {
	{ -ENODEV, WDP_R_NO_DEVICE },
	{ -EIO, WDP_R_DEVICE_ERROR },
	{ -ETIMEDOUT, WDP_R_TIMEOUT },
	{ -EAGAIN, WDP_R_BUSY },
	{ -EBUSY, WDP_R_NO_QUEUE },
	{ -EILSEQ, WDP_R_WRONG_RESULT },
	{ -ENOKEY, WDP_R_NO_KEY },
	{ -EKEYREJECTED, WDP_R_BAD_KEY },
	{ -EMSGSIZE, WDP_R_BAD_LENGTH },
	{ -ERANGE, WDP_R_BAD_LENGTH },
	{ -EINVAL, WDP_R_BAD_PARAMETER },
	{ -EBADMSG, WDP_R_BAD_TAG },
	{ -ENOBUFS, WDP_R_BUFFER_TOO_SMALL },
	{ -EOPNOTSUPP, WDP_R_UNSUPPORTED },
	{ -ENOMEM, WDP_R_OUT_OF_MEMORY },
};

static enum wdp_reason wdp_reason_of(int rc)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(wdp_errnos); i++)
		if (wdp_errnos[i].rc == rc)
			return wdp_errnos[i].reason;
	return WDP_R_INTERNAL;
}

int wdp_ok(const struct wdp_ctx *p, int rc)
{
	if (rc >= 0)
		return 1;
	wdp_raise(p, wdp_reason_of(rc), NULL);
	return 0;
}

bool wdp_software_may(struct wdp_ctx *p, enum offload_kind kind, int rc)
{
	bool device_failed = rc != -EINVAL && rc != -EMSGSIZE && rc != -EAGAIN;

	if (device_failed && !p->cfg.fallback) {
		wdp_raise(p, wdp_reason_of(rc), "%s, fallback is off",
			  offload_kind_name(kind));
		return false;
	}
	offload_count_fallback(p->off, kind, rc);
	return true;
}
