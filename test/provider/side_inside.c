/* SPDX-License-Identifier: Apache-2.0 */
#include "test/provider/side_inside.h"

#include <openssl/core.h>

#include "test/t.h"

extern OSSL_provider_init_fn OSSL_provider_init;

struct side *side_inside(const char *device)
{
	struct side *s = calloc(1, sizeof(*s));

	setenv("WD_DEVICE", device, 1);
	setenv("WD_FALLBACK", "no", 1);
	s->lib = OSSL_LIB_CTX_new();
	s->beside = OSSL_PROVIDER_load(s->lib, "default");
	T_EQ(OSSL_PROVIDER_add_builtin(s->lib, "wd", OSSL_provider_init), 1);
	s->provider = OSSL_PROVIDER_load(s->lib, "wd");
	T_OK(s->provider);
	s->q = "provider=wd";
	return s;
}
