/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdp_tlscbc.h - padding and MAC of a decrypted TLS CBC record.
 *
 *	| payload ... | MAC | padding ... | padding length |
 *	              ^ where this lies is a secret
 *
 * Whether padding is good, how long it is and where the MAC begins must show
 * neither in time nor in memory addresses touched, or the record layer becomes
 * a decryption oracle (Lucky Thirteen, RFC 5246 6.2.3.2).  So a bad record is
 * no error here: its MAC comes out random, and the comparison that follows in
 * libssl fails as for any forged record.  Only lengths are public.
 *
 * Pure functions: no allocation, no randomness of their own.
 */
#ifndef WDP_TLSCBC_H
#define WDP_TLSCBC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WDP_TLSCBC_MAC_MAX 64 /* bytes; SHA-512 */

/**
 * wdp_tlscbc_remove() - find the MAC, say how long the payload is
 * @rec:    decrypted record, without explicit IV
 * @len:    in: its length; out: payload length.  Unchanged on error
 * @block:  cipher's block size in bytes
 * @ssl3:   SSLv3: padding bytes are arbitrary but fewer than a block
 * @random: @mac_size random bytes, given out as MAC when the padding is bad
 * @mac:    MAC out
 * @mac_size: 0 (encrypt-then-MAC: already verified) to WDP_TLSCBC_MAC_MAX
 *
 * Time and addresses depend on *@len, @block, @ssl3 and @mac_size alone.
 *
 * Return: 0; -EINVAL: too short to be a record, or MAC size out of range;
 *	   -EBADMSG: no MAC and bad padding (nothing to hide then).
 */
int wdp_tlscbc_remove(const uint8_t *rec, size_t *len, size_t block, bool ssl3,
		      const uint8_t *random, uint8_t *mac, size_t mac_size);

/**
 * wdp_tlscbc_pad() - append padding to a record about to be encrypted
 * @rec: room for @len + @block bytes
 * Return: the new length, a multiple of @block.
 */
size_t wdp_tlscbc_pad(uint8_t *rec, size_t len, size_t block, bool ssl3);

#endif
