/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_aead.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

static int aad_grow(struct wdp_aad *a, uint32_t need)
{
	uint32_t cap = a->heap ? a->cap : sizeof(a->room);
	uint8_t *p;

	if (need <= cap)
		return 0;
	while (cap < need)
		cap *= 2;
	p = OPENSSL_malloc(cap);
	if (!p)
		return -ENOMEM;
	memcpy(p, wdp_aad_bytes(a), a->len);
	OPENSSL_clear_free(a->heap, a->cap);
	a->heap = p;
	a->cap = cap;
	return 0;
}

int wdp_aad_add_large(struct wdp_aad *a, const uint8_t *in, size_t len)
{
	int rc;

	if (len > UINT32_MAX / 4 - a->len)
		return -ENOMEM;
	rc = aad_grow(a, a->len + (uint32_t)len);
	if (rc)
		return rc;
	memcpy((a->heap ? a->heap : a->room) + a->len, in, len);
	a->len += (uint32_t)len;
	return 0;
}

int wdp_aad_own(struct wdp_aad *a)
{
	if (!a->heap)
		return 0;
	a->heap = OPENSSL_memdup(a->heap, a->cap);
	return a->heap ? 0 : -ENOMEM;
}

void wdp_aad_free(struct wdp_aad *a)
{
	OPENSSL_clear_free(a->heap, a->cap);
	a->heap = NULL;
	a->len = 0;
}

int wdp_tls_aad(uint8_t to[WDP_TLS_AAD], const uint8_t *aad, size_t aad_len,
		bool encrypt, size_t tag_len)
{
	size_t extra = WDP_TLS_EXPLICIT + (encrypt ? 0 : tag_len);
	size_t len;

	if (aad_len != WDP_TLS_AAD)
		return -EINVAL;
	len = (size_t)aad[WDP_TLS_AAD - 2] << 8 | aad[WDP_TLS_AAD - 1];
	if (len < extra)
		return -EINVAL;
	len -= extra;
	memcpy(to, aad, WDP_TLS_AAD);
	to[WDP_TLS_AAD - 2] = (uint8_t)(len >> 8);
	to[WDP_TLS_AAD - 1] = (uint8_t)len;
	return 0;
}
