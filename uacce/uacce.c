/* SPDX-License-Identifier: Apache-2.0 */
#include "uacce/uacce.h"

#include <stdio.h>
#include <string.h>

#include "base/wd_base.h"

/* How Linux drivers call their devices; docs/hw/uacce.md#names */
static const struct {
	const char *driver, *name;
} uacce_engines[UACCE_ENGINES] = {
	[UACCE_HPRE] = { "hisi_hpre", "hpre" },
	[UACCE_SEC] = { "hisi_sec2", "sec" },
	[UACCE_ZIP] = { "hisi_zip", "zip" },
};

uint64_t uacce_addr(const struct uacce_queue *q, const void *p, size_t len)
{
	uintptr_t at = (uintptr_t)p;

	if (!p || !len)
		return UACCE_NO_ADDR;
	if (q->sva)
		return at;
	for (unsigned int i = 0; i < q->slices; i++) {
		const struct uacce_slice *s = &q->slice[i];
		uintptr_t base = (uintptr_t)s->va;

		if (at >= base && at - base < s->size)
			return len <= s->size - (at - base)
				       ? s->bus + (at - base)
				       : UACCE_NO_ADDR;
	}
	return UACCE_NO_ADDR;
}

/* "<driver>-<decimal>" */
enum uacce_engine uacce_parse_engine(const char *name)
{
	const char *dash = strrchr(name, '-');
	size_t len = dash ? (size_t)(dash - name) : 0;

	if (!dash || !dash[1] ||
	    strspn(dash + 1, "0123456789") != strlen(dash + 1))
		return UACCE_ENGINES;
	for (unsigned int e = 0; e < UACCE_ENGINES; e++)
		if (strlen(uacce_engines[e].driver) == len &&
		    !memcmp(uacce_engines[e].driver, name, len))
			return (enum uacce_engine)e;
	return UACCE_ENGINES;
}

const char *uacce_engine_name(enum uacce_engine engine)
{
	return (unsigned int)engine < UACCE_ENGINES ? uacce_engines[engine].name
						    : "unknown";
}

bool uacce_has_algorithm(const struct uacce_info *info, const char *alg)
{
	size_t len = strlen(alg);

	for (const char *p = info->algorithms; *p;) {
		size_t line = strcspn(p, "\n");

		if (len && line == len && !memcmp(p, alg, len))
			return true;
		p += line;
		p += *p == '\n';
	}
	return false;
}

bool uacce_usable(const struct uacce_info *info, char *why, size_t size)
{
	const char *what = NULL;

	if (info->isolated)
		what = "the kernel has isolated it after too many hardware "
		       "errors: see the kernel log, then unbind and bind its "
		       "driver";
	else if (info->available <= 0)
		what = "none of its queues is free: end a program that holds "
		       "some, or give the physical function more (pf_q_num)";
	if (what && why && size)
		snprintf(why, size, "%s: %s", info->name, what);
	return !what;
}
