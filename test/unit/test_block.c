/* SPDX-License-Identifier: Apache-2.0 */
/* Oracle: libcrypto's default provider. */
#include <openssl/evp.h>

#include "provider/wdp_block.h"
#include "test/t.h"

static const char *const names[SEC_DIGEST_ALGS] = {
	[SEC_SHA256] = "SHA256",
	[SEC_SM3] = "SM3",
	[SEC_MD5] = "MD5",
	[SEC_SHA1] = "SHA1",
	[SEC_SHA224] = "SHA224",
	[SEC_SHA384] = "SHA384",
	[SEC_SHA512] = "SHA512",
	[SEC_SHA512_224] = "SHA512-224",
	[SEC_SHA512_256] = "SHA512-256",
};
static uint8_t data[1000];

static void fill(void)
{
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(data); i++) {
		x = x * 1103515245 + 12345;
		data[i] = (uint8_t)(x >> 16);
	}
}

static void expected(enum sec_digest_alg alg, size_t len, uint8_t out[64])
{
	T_OK(EVP_Q_digest(NULL, names[alg], NULL, data, len, out, NULL));
}

static void every_length(void)
{
	uint8_t state[WDP_BLOCK_STATE], want[64];

	fill();
	for (int alg = 0; alg < SEC_DIGEST_ALGS; alg++) {
		for (size_t len = 0; len <= 400; len++) {
			wdp_block_init(alg, state);
			wdp_block_final(alg, state, data, len, len);
			expected(alg, len, want);
			T_MEM(state, want, sec_digest_size(alg));
		}
	}
}

static void a_message_may_be_cut_at_any_block(void)
{
	uint8_t state[WDP_BLOCK_STATE], want[64];

	fill();
	for (int alg = 0; alg < SEC_DIGEST_ALGS; alg++) {
		size_t block = sec_digest_block(alg);

		expected(alg, sizeof(data), want);
		for (size_t n = 0; n <= sizeof(data) / block; n++) {
			wdp_block_init(alg, state);
			wdp_block_run(alg, state, data, n);
			wdp_block_final(alg, state, data + block * n,
					sizeof(data) - block * n, sizeof(data));
			T_MEM(state, want, sec_digest_size(alg));
		}
	}
}

static void nothing_left_needs_no_pointer(void)
{
	uint8_t state[WDP_BLOCK_STATE], want[64];

	fill();
	wdp_block_init(SEC_SM3, state);
	wdp_block_run(SEC_SM3, state, data, 2);
	wdp_block_final(SEC_SM3, state, NULL, 0, 128);
	expected(SEC_SM3, 128, want);
	T_MEM(state, want, 32);
}

T_MAIN(T_CASE(every_length), T_CASE(a_message_may_be_cut_at_any_block),
       T_CASE(nothing_left_needs_no_pointer))
