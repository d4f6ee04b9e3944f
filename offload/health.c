/* SPDX-License-Identifier: Apache-2.0 */
#include "offload/offload_priv.h"

#include <errno.h>

#include "base/wd_base.h"
#include "base/wd_log.h"

#define HEALTH_BACKOFF_MS     100u
#define HEALTH_BACKOFF_MAX_MS 10000u
/* One bad status may be the fault of the input, so many in a row are not. */
#define HEALTH_ERRORS_MAX     8u

#define NS_PER_MS 1000000u

bool health_usable(struct health *h)
{
	uint64_t at = atomic_load_explicit(&h->retry_at, memory_order_relaxed);

	return !at || wd_now_ns() >= at;
}

/* How long to leave it alone now, in ns; twice as long the next time. */
static uint64_t health_back_off(struct health *h)
{
	uint32_t ms = atomic_load(&h->backoff_ms), next;

	ms = ms ? ms : HEALTH_BACKOFF_MS;
	next = ms * 2 < HEALTH_BACKOFF_MAX_MS ? ms * 2 : HEALTH_BACKOFF_MAX_MS;
	atomic_store(&h->backoff_ms, next);
	return (uint64_t)ms * NS_PER_MS;
}

enum health_admit health_admit(struct health *h, uint64_t now)
{
	uint64_t at = atomic_load_explicit(&h->retry_at, memory_order_relaxed);

	if (!at)
		return HEALTH_YES;
	if (now < at)
		return HEALTH_NO;
	/* One probe a back-off: whoever moves the time is it. */
	return atomic_compare_exchange_strong(&h->retry_at, &at,
					      now + health_back_off(h))
		       ? HEALTH_PROBE
		       : HEALTH_NO;
}

void health_failed(struct health *h, uint64_t now)
{
	/* Many queues of one device fail together: that is one failure. */
	if (atomic_load(&h->retry_at) > now)
		return;
	atomic_store(&h->errors, 0);
	atomic_store(&h->retry_at, now + health_back_off(h));
}

void health_result(struct health *h, int rc, bool probe, uint64_t now)
{
	/* A tag mismatch is a job well done. */
	if (!rc || rc == -EBADMSG) {
		if (atomic_load_explicit(&h->errors, memory_order_relaxed))
			atomic_store(&h->errors, 0);
		if (probe) {
			atomic_store(&h->backoff_ms, 0);
			atomic_store(&h->retry_at, 0);
			wd_info("the device answers again");
		}
		return;
	}
	if (probe || atomic_fetch_add(&h->errors, 1) + 1 >= HEALTH_ERRORS_MAX)
		health_failed(h, now);
}
