/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_alone.h"

#include "provider/wdp_exch.h"

static const OSSL_DISPATCH wdp_alone_exch_fns[] = {
	{ WDP_FN(KEYEXCH_DERIVE, wdp_exch_derive) },
	WDP_EXCH_FNS,
};

/* The key says which it is, so all names share one table. */
const OSSL_ALGORITHM wdp_alone_exchanges[] = {
	WDP_ALONE_ROW("HKDF", wdp_alone_exch_fns),
	WDP_ALONE_ROW("TLS1-PRF", wdp_alone_exch_fns),
	WDP_ALONE_ROW(WDP_SCRYPT_NAMES, wdp_alone_exch_fns),
	{ NULL, NULL, NULL, NULL },
};
