/* SPDX-License-Identifier: Apache-2.0 */
/* side_inside.h - wd linked into the program, so that its functions can be
 * wrapped; the rest as in rsa_side.h. */
#ifndef SIDE_INSIDE_H
#define SIDE_INSIDE_H

#include "test/provider/rsa_side.h"

/* On @device, without fallback, beside the default provider. */
struct side *side_inside(const char *device);

#endif
