/* SPDX-License-Identifier: Apache-2.0 */
#include "offload/offload_priv.h"

#include <errno.h>

bool choose_device(const struct choose_in *in)
{
	return in->has && in->bytes >= in->min_bytes && in->usable;
}

static bool engine_usable(struct engine *e)
{
	for (unsigned int i = 0; i < e->count; i++) {
		struct device *d = &e->device[i];

		if (!atomic_load_explicit(&d->refused, memory_order_relaxed) &&
		    health_usable(&d->health))
			return true;
	}
	return false;
}

enum offload_why choose_why(struct offload *o, enum offload_kind kind)
{
	if (!o->has[kind])
		return OFFLOAD_WHY_ABSENT;
	if (!o->cfg.insist && !engine_usable(&o->engine[kinds[kind].engine]))
		return OFFLOAD_WHY_DOWN;
	return OFFLOAD_WHY_CHOICE;
}

enum offload_why choose_why_not(struct offload *o, enum offload_kind kind,
				int rc)
{
	switch (rc) {
	case -ENODEV:
		return o->has[kind] ? OFFLOAD_WHY_DOWN : OFFLOAD_WHY_ABSENT;
	case -EAGAIN:
	case -ENOMEM:
		return OFFLOAD_WHY_BUSY;
	case -EBUSY:
		return OFFLOAD_WHY_QUEUE;
	case -EINVAL:
	case -EMSGSIZE:
		return OFFLOAD_WHY_UNFIT;
	case -ETIMEDOUT:
		return OFFLOAD_WHY_TIMEOUT;
	case -EILSEQ:
		return OFFLOAD_WHY_WRONG;
	default:
		return OFFLOAD_WHY_ERROR;
	}
}

bool offload_choose_cipher(struct offload *o, enum offload_kind kind,
			   bool encrypt, size_t bytes)
{
	struct choose_in in = {
		.has = o->has[kind],
		.min_bytes = encrypt ? o->cfg.min_bytes[kind]
				     : o->cfg.min_decrypt[kind],
		.bytes = bytes,
	};

	if (!in.has || bytes < in.min_bytes)
		return false; /* the clock below is not for small inputs */
	in.usable =
		o->cfg.insist || engine_usable(&o->engine[kinds[kind].engine]);
	return choose_device(&in);
}

bool offload_choose(struct offload *o, enum offload_kind kind, size_t bytes)
{
	return offload_choose_cipher(o, kind, true, bytes);
}

size_t offload_least(const struct offload *o, enum offload_kind kind)
{
	uint32_t a = o->cfg.min_bytes[kind], b = o->cfg.min_decrypt[kind];

	if (!o->has[kind])
		return SIZE_MAX;
	return a < b ? a : b;
}
