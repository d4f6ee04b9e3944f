/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_offload.h - offload.h without queues: jobs are computed at once with
 * the default provider, and fail when a test says so.  Lets a test put the
 * failure at an exact job and see how many there were, which a device with its
 * own clock does not.
 */
#ifndef FAKE_OFFLOAD_H
#define FAKE_OFFLOAD_H

#include "offload/offload.h"

struct fake {
	size_t min;	/* smaller is not chosen */
	size_t max;	/* offload_max_bytes() */
	int fail;	/* what a failing job returns; 0: none fails */
	int fail_at;	/* jobs that succeed before */
	int fail_for;	/* jobs that fail then */
	bool odd_state; /* digests are saved with words swapped */
	int jobs;	/* given, since fake_reset() */
	int done;	/* good results */
	int software;	/* counted by the provider */
	int wrong;	/* the same */
};

extern struct fake fake;

/* Everything is chosen, nothing fails. */
void fake_reset(void);

#endif
