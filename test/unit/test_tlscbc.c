/* SPDX-License-Identifier: Apache-2.0 */
/* Records are built here byte by byte, as RFC 5246 6.2.3.2 and RFC 6101
 * 5.2.3.2 say, and taken apart again. */
#include "provider/wdp_tlscbc.h"

#include <errno.h>

#include "test/t.h"

#define REC_MAX 1024

static const size_t mac_sizes[] = { 16, 20, 32, 48, 64 };
static const uint8_t noise[64] = "not the MAC but what is given out instead";
static uint8_t rec[REC_MAX], mac_in[64], mac_out[64];

/* payload | MAC | pad bytes | pad */
static size_t build(size_t payload, size_t mac_size, size_t pad, bool ssl3)
{
	size_t n = 0;

	for (size_t i = 0; i < 64; i++)
		mac_in[i] = (uint8_t)(0xa0 + i);
	for (size_t i = 0; i < payload; i++)
		rec[n++] = (uint8_t)(i * 7 + pad);
	memcpy(rec + n, mac_in, mac_size);
	n += mac_size;
	for (size_t i = 0; i < pad; i++)
		rec[n++] = ssl3 ? (uint8_t)(i * 31) : (uint8_t)pad;
	rec[n++] = (uint8_t)pad;
	return n;
}

static int take(size_t *len, bool ssl3, size_t mac_size)
{
	memset(mac_out, 0x55, sizeof(mac_out));
	return wdp_tlscbc_remove(rec, len, 16, ssl3, noise, mac_out, mac_size);
}

#define FOR_MAC_SIZES(m)                                                       \
	for (size_t m##_i = 0, m;                                              \
	     m##_i < sizeof(mac_sizes) / sizeof(*mac_sizes) &&                 \
	     (m = mac_sizes[m##_i], true);                                     \
	     m##_i++)

static void every_padding_and_mac_size(void)
{
	FOR_MAC_SIZES(m)
	{
		for (size_t payload = 0; payload < 600; payload += 37) {
			for (size_t pad = 0; pad < 256; pad++) {
				size_t len = build(payload, m, pad, false);

				T_EQ(take(&len, false, m), 0);
				T_EQ(len, payload);
				T_MEM(mac_out, mac_in, m);
			}
		}
	}
}

static void a_wrong_padding_byte_gives_noise(void)
{
	FOR_MAC_SIZES(m)
	{
		for (size_t pad = 1; pad < 256; pad += 14) {
			for (size_t at = 1; at <= pad; at++) {
				size_t len = build(40, m, pad, false);
				size_t all = len;

				rec[len - 1 - at] ^= 1;
				T_EQ(take(&len, false, m), 0);
				T_EQ(len, all - m);
				T_MEM(mac_out, noise, m);
			}
		}
	}
}

static void padding_longer_than_the_record_gives_noise(void)
{
	FOR_MAC_SIZES(m)
	{
		size_t len = build(0, m, 15, false), all = len;

		/* All bytes agree, but there is no room for a MAC. */
		memset(rec, (int)(all - m), all);
		T_EQ(take(&len, false, m), 0);
		T_EQ(len, all - m);
		T_MEM(mac_out, noise, m);
		/* The largest that fits is good. */
		memset(rec, (int)(all - m - 1), all);
		len = all;
		T_EQ(take(&len, false, m), 0);
		T_EQ(len, 0);
		T_EQ(mac_out[0], all - m - 1);
	}
}

static void without_mac_bad_padding_is_told(void)
{
	size_t len;

	for (size_t pad = 0; pad < 256; pad++) {
		len = build(32, 0, pad, false);
		T_EQ(take(&len, false, 0), 0);
		T_EQ(len, 32);
	}
	len = build(32, 0, 7, false);
	rec[len - 3] ^= 0x80;
	T_EQ(take(&len, false, 0), -EBADMSG);
	T_EQ(len, 40);
}

static void ssl3_padding_is_any_bytes_below_a_block(void)
{
	FOR_MAC_SIZES(m)
	{
		for (size_t pad = 0; pad < 256; pad++) {
			size_t len = build(33, m, pad, true), all = len;

			T_EQ(take(&len, true, m), 0);
			T_EQ(len, pad < 16 ? 33 : all - m);
			T_MEM(mac_out, pad < 16 ? mac_in : noise, m);
		}
	}
}

static void too_short_is_refused(void)
{
	FOR_MAC_SIZES(m)
	{
		size_t len = m;

		memset(rec, 0, sizeof(rec));
		T_EQ(take(&len, false, m), -EINVAL);
		T_EQ(len, m);
		len = m + 1;
		T_EQ(take(&len, false, m), 0);
		T_EQ(len, 0);
	}
}

static void a_mac_size_no_digest_has_is_refused(void)
{
	size_t len = 256;

	T_EQ(take(&len, false, 65), -EINVAL);
}

static void what_is_padded_can_be_taken_apart(void)
{
	for (int ssl3 = 0; ssl3 < 2; ssl3++) {
		for (size_t payload = 0; payload < 64; payload++) {
			size_t len = build(payload, 20, 0, false) - 1, padded;

			padded = wdp_tlscbc_pad(rec, len, 16, ssl3);
			T_EQ(padded, (len / 16 + 1) * 16);
			T_EQ(take(&padded, ssl3, 20), 0);
			T_EQ(padded, payload);
			T_MEM(mac_out, mac_in, 20);
		}
	}
}

T_MAIN(T_CASE(every_padding_and_mac_size),
       T_CASE(a_wrong_padding_byte_gives_noise),
       T_CASE(padding_longer_than_the_record_gives_noise),
       T_CASE(without_mac_bad_padding_is_told),
       T_CASE(ssl3_padding_is_any_bytes_below_a_block),
       T_CASE(too_short_is_refused),
       T_CASE(a_mac_size_no_digest_has_is_refused),
       T_CASE(what_is_padded_can_be_taken_apart))
