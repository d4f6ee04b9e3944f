/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wd_field.h"

#include <stdio.h>

/* Widest descriptor on any engine: 32 words (SEC, ZIP). */
#define WD_FIELD_WORDS_MAX 32

size_t wd_fields_dump(char *buf, size_t size, const uint32_t *words,
		      const struct wd_field *fields, size_t n)
{
	size_t len = 0;

	if (size)
		buf[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		uint32_t v = wd_get(words, &fields[i]);
		size_t room = len < size ? size - len : 0;
		int k;

		if (!v)
			continue;
		k = snprintf(room ? buf + len : NULL, room, "%s=0x%x ",
			     fields[i].name, (unsigned int)v);
		if (k < 0)
			break;
		len += (size_t)k;
	}
	return len;
}

int wd_fields_overlap(const struct wd_field *fields, size_t n, size_t words)
{
	uint32_t taken[WD_FIELD_WORDS_MAX] = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct wd_field *f = &fields[i];
		uint32_t mask;

		if (f->word >= words || words > WD_FIELD_WORDS_MAX ||
		    !f->width || f->lo + f->width > 32)
			return (int)i;
		mask = wd_field_max(f) << f->lo;
		if (taken[f->word] & mask)
			return (int)i;
		taken[f->word] |= mask;
	}
	return -1;
}
