/* SPDX-License-Identifier: Apache-2.0 */
#include "offload/offload_priv.h"

#include <errno.h>

int place_data(const struct place_in *in, enum place *src, enum place *dst)
{

	/* May be dropped while the device writes, or can't be reached. */
	if (in->async || !in->sva) {
		*src = *dst = PLACE_SLOT;
		return in->bytes <= in->slot || in->bytes <= in->borrowed
			       ? 0
			       : -EMSGSIZE;
	}
	/* The input must outlive a job that fails half way. */
	*src = PLACE_CALLER;
	if (in->overlap)
		*dst = in->bytes <= in->slot ? PLACE_SLOT : PLACE_BIG;
	else
		*dst = PLACE_CALLER;
	return 0;
}
