/* SPDX-License-Identifier: Apache-2.0 */
#include "offload/offload_priv.h"

#include <errno.h>

int place_data(const struct place_in *in, enum place *src, enum place *dst)
{
	bool fits = in->bytes <= in->slot;

	/* May be dropped while the device writes, or can't be reached. */
	if (in->async || !in->sva) {
		*src = *dst = PLACE_SLOT;
		return fits ? 0 : -EMSGSIZE;
	}
	/* The input must outlive a job that fails half way. */
	*src = PLACE_CALLER;
	if (in->overlap)
		*dst = fits ? PLACE_SLOT : PLACE_BIG;
	else
		*dst = PLACE_CALLER;
	return 0;
}
