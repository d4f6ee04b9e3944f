/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_aead.h - what GCM and CCM have in common: additional data that is kept
 * until the payload comes, and the header of a TLS 1.2 record.
 */
#ifndef WDP_AEAD_H
#define WDP_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WDP_TLS_AAD	 13
#define WDP_TLS_EXPLICIT 8 /* part of the IV that travels in the record */
#define WDP_TLS_FIXED	 4 /* the rest of it */

struct wdp_aad {
	uint8_t *heap; /* NULL while room is enough */
	uint32_t len, cap;
	uint8_t room[32]; /* TLS 1.2: 13 bytes, 1.3: 5 */
};

static inline const uint8_t *wdp_aad_bytes(const struct wdp_aad *a)
{
	return a->heap ? a->heap : a->room;
}

int wdp_aad_add_large(struct wdp_aad *a, const uint8_t *in, size_t len);

/* All zeroes is an empty one.  Return: 0 or -ENOMEM. */
static inline int wdp_aad_add(struct wdp_aad *a, const uint8_t *in, size_t len)
{
	if (a->heap || len > sizeof(a->room) - a->len)
		return wdp_aad_add_large(a, in, len);
	if (len)
		memcpy(a->room + a->len, in, len);
	a->len += (uint32_t)len;
	return 0;
}

/* After the struct was copied: memory of its own.  Return: 0 or -ENOMEM with
 * none. */
int wdp_aad_own(struct wdp_aad *a);
void wdp_aad_free(struct wdp_aad *a);

/*
 * The length in a record's header covers explicit IV and, on read, the tag;
 * the one that is authenticated does not.  Return: 0 or -EINVAL.
 */
int wdp_tls_aad(uint8_t to[WDP_TLS_AAD], const uint8_t *aad, size_t aad_len,
		bool encrypt, size_t tag_len);

#endif
