/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What handles secrets neither branches on them nor uses them as an address.
 * Runs under valgrind: the secrets are memory nobody has written, so that any
 * such use is an error there.  Says nothing when run without.
 */
#include "provider/wdp_block.h"
#include "provider/wdp_gf128.h"
#include "provider/wdp_rsa_pad.h"
#include "provider/wdp_tlscbc.h"
#include "test/t.h"

#define RECORD 512

static uint8_t *unwritten(size_t n)
{
	uint8_t *p = malloc(n);

	T_OK(p);
	return p;
}

static void padding_and_mac(void)
{
	uint8_t *rec = unwritten(RECORD), mac[64], random[64] = { 0 };

	for (size_t mac_size = 16; mac_size <= 64; mac_size += 4) {
		for (int ssl3 = 0; ssl3 < 2; ssl3++) {
			size_t len = RECORD;

			T_EQ(wdp_tlscbc_remove(rec, &len, 16, ssl3, random, mac,
					       mac_size),
			     0);
		}
	}
	free(rec);
}

static void field_of_ghash(void)
{
	uint8_t *block = unwritten(32);
	struct wdp_gf128 x = wdp_gf128_load(block);

	x = wdp_gf128_mul(x, wdp_gf128_load(block + 16));
	wdp_gf128_store(block, wdp_gf128_inv(x));
	free(block);
}

static void blocks_of_a_digest(void)
{
	uint8_t *data = unwritten(700), state[WDP_BLOCK_STATE];

	for (int alg = 0; alg < SEC_DIGEST_ALGS; alg++) {
		wdp_block_init(alg, state);
		wdp_block_final(alg, state, data, 700, 700);
	}
	free(data);
}

static void decrypted_rsa_blocks(void)
{
	uint8_t *em = unwritten(256), out[256] = { 0 };
	struct wdp_rsa_substitute *sub = malloc(sizeof(*sub));
	size_t len = sizeof(out);

	wdp_rsa_unpad_tls(out, em, 256, 0x303, 0x302);
	wdp_rsa_unpad_type2(out, sizeof(out), &len, em, 256);
	wdp_rsa_unpad_or_substitute(out, sizeof(out), &len, em, 256, sub);
	free(sub);
	free(em);
}

T_MAIN(T_CASE(padding_and_mac), T_CASE(decrypted_rsa_blocks),
       T_CASE(field_of_ghash), T_CASE(blocks_of_a_digest))
