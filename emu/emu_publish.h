/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_publish.h - the last step of a DMA write into memory that somebody else
 * polls.
 */
#ifndef EMU_PUBLISH_H
#define EMU_PUBLISH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Completions and events end in the word with the phase bit, which a reader
 * polls: it appears last, after everything written before.
 */
static inline void emu_publish(uint8_t *p, const void *buf, size_t len)
{
	uint32_t last;

	if (len < sizeof(last) || ((uintptr_t)p + len) % sizeof(last)) {
		memcpy(p, buf, len);
		return;
	}
	len -= sizeof(last);
	memcpy(p, buf, len);
	memcpy(&last, (const uint8_t *)buf + len, sizeof(last));
	atomic_store_explicit((_Atomic uint32_t *)(void *)(p + len), last,
			      memory_order_release);
}

#endif
