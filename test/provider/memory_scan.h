/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_scan.h - is a secret anywhere in this process?
 *
 * A needle is kept inverted, so that looking for it does not find itself.  Looks
 * at all writable memory: heap (fibres of ASYNC jobs lie there), stacks, rings
 * and pools, the model's memory too.
 */
#ifndef TEST_MEMORY_SCAN_H
#define TEST_MEMORY_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEEDLE 16 /* bytes */

struct needle {
	uint64_t inverted[NEEDLE / 8];
};

void needle_take(struct needle *n, const uint8_t secret[NEEDLE]);

/* Places that hold it now. */
unsigned int needle_count(const struct needle *n);

/* Is it gone, or does it go within a few seconds? */
bool needle_goes(const struct needle *n);

#endif
