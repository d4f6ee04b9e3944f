/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/wdp_tlscbc.h"

#include <errno.h>
#include <string.h>

#include "base/wd_base.h"

/* Padding and its length byte: at most this many bytes of a TLS record. */
#define PAD_MAX 256

/* All ones or all zeroes, without a branch.  The empty asm keeps the compiler
 * from seeing that it is one of two values and making a branch of it. */
static size_t mask_of_msb(size_t x)
{
	size_t mask = 0 - (x >> (sizeof(x) * 8 - 1));

	__asm__("" : "+r"(mask));
	return mask;
}

static size_t mask_lt(size_t a, size_t b)
{
	return mask_of_msb(a ^ ((a ^ b) | ((a - b) ^ a)));
}

static size_t mask_ge(size_t a, size_t b)
{
	return ~mask_lt(a, b);
}

static size_t mask_eq(size_t a, size_t b)
{
	size_t diff = a ^ b;

	return mask_of_msb(~diff & (diff - 1));
}

/* All ones if the padding that the last byte announces is good. */
static size_t padding_good(const uint8_t *rec, size_t len, size_t block,
			   bool ssl3, size_t mac_size)
{
	size_t pad = rec[len - 1];
	size_t good = mask_ge(len, pad + 1 + mac_size);
	size_t look = len < PAD_MAX ? len : PAD_MAX;
	size_t wrong = 0;

	if (ssl3)
		return good & mask_lt(pad, block);
	for (size_t i = 0; i < look; i++) {
		/* Or the compiler counts in pad - i, and addresses bytes by a
		 * secret and its opposite. */
		__asm__("" : "+r"(pad));
		wrong |= mask_ge(pad, i) & (pad ^ rec[len - 1 - i]);
	}
	return good & mask_eq(wrong, 0);
}

/*
 * Copy the @size bytes that begin at the secret offset @start.  Every byte the
 * MAC could lie in is read once, in order, into a ring of @size bytes; then the
 * ring is turned by reading all of it for each byte.
 */
static void copy_mac(uint8_t *mac, size_t size, const uint8_t *rec, size_t len,
		     size_t start)
{
	uint8_t ring[WDP_TLSCBC_MAC_MAX] = { 0 };
	size_t from = len > size + PAD_MAX ? len - size - PAD_MAX : 0;
	size_t turn = 0;

	for (size_t i = from, j = 0; i < len;
	     i++, j = j + 1 == size ? 0 : j + 1) {
		size_t in = mask_ge(i, start) & mask_lt(i, start + size);

		ring[j] |= (uint8_t)(rec[i] & in);
		turn |= j & mask_eq(i, start);
	}
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = 0;

		for (size_t j = 0; j < size; j++)
			byte |= (uint8_t)(ring[j] & mask_eq(j, turn));
		mac[i] = byte;
		turn++;
		turn &= mask_lt(turn, size);
	}
	wd_wipe(ring, sizeof(ring));
}

int wdp_tlscbc_remove(const uint8_t *rec, size_t *len, size_t block, bool ssl3,
		      const uint8_t *random, uint8_t *mac, size_t mac_size)
{
	size_t good, end;

	if (mac_size > WDP_TLSCBC_MAC_MAX || *len < mac_size + 1)
		return -EINVAL;

	good = padding_good(rec, *len, block, ssl3, mac_size);
	end = *len - (good & ((size_t)rec[*len - 1] + 1));
	if (!mac_size) {
		if (!good)
			return -EBADMSG;
		*len = end;
		return 0;
	}

	copy_mac(mac, mac_size, rec, *len, end - mac_size);
	for (size_t i = 0; i < mac_size; i++)
		mac[i] = (uint8_t)((mac[i] & good) | (random[i] & ~good));
	*len = end - mac_size;
	return 0;
}

size_t wdp_tlscbc_pad(uint8_t *rec, size_t len, size_t block, bool ssl3)
{
	size_t pad = block - len % block;

	memset(rec + len, ssl3 ? 0 : (int)(pad - 1), pad - 1);
	rec[len + pad - 1] = (uint8_t)(pad - 1);
	return len + pad;
}
