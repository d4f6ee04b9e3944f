/* SPDX-License-Identifier: Apache-2.0 */
/* Oracle: the worked example of McGrew and Viega's GCM paper, test case 2. */
#include "provider/wdp_gf128.h"
#include "test/t.h"

static struct wdp_gf128 hex(const char *text)
{
	uint8_t block[16];

	t_hex(block, sizeof(block), text);
	return wdp_gf128_load(block);
}

static void equal(struct wdp_gf128 x, struct wdp_gf128 y)
{
	T_EQ(x.hi, y.hi);
	T_EQ(x.lo, y.lo);
}

static void published_products(void)
{
	struct wdp_gf128 h = hex("66e94bd4ef8a2c3b884cfa59ca342b2e");
	struct wdp_gf128 c = hex("0388dace60b6a392f328c2b971b2fe78");
	struct wdp_gf128 x = hex("5e2ec746917062882c85b0685353deb7");
	struct wdp_gf128 lengths = { 0, 128 };

	equal(wdp_gf128_mul(c, h), x);
	equal(wdp_gf128_mul(wdp_gf128_add(x, lengths), h),
	      hex("f38cbb1ad69223dcc3457ae5b6b0f885"));
}

static void one_is_neutral(void)
{
	struct wdp_gf128 one = { (uint64_t)1 << 63, 0 };
	struct wdp_gf128 x = hex("f38cbb1ad69223dcc3457ae5b6b0f885");

	equal(wdp_gf128_mul(one, x), x);
	equal(wdp_gf128_mul(x, one), x);
	equal(wdp_gf128_inv(one), one);
}

static void times_its_inverse_is_one(void)
{
	struct wdp_gf128 x = hex("66e94bd4ef8a2c3b884cfa59ca342b2e");
	struct wdp_gf128 one = { (uint64_t)1 << 63, 0 };

	for (int i = 0; i < 200; i++) {
		equal(wdp_gf128_mul(x, wdp_gf128_inv(x)), one);
		x = wdp_gf128_add(wdp_gf128_mul(x, x), one);
	}
	for (int bit = 0; bit < 128; bit++) {
		x = (struct wdp_gf128){ 0, 0 };
		*(bit < 64 ? &x.hi : &x.lo) = (uint64_t)1 << bit % 64;
		equal(wdp_gf128_mul(x, wdp_gf128_inv(x)), one);
	}
}

static void zero_stays_zero(void)
{
	struct wdp_gf128 zero = { 0, 0 };

	equal(wdp_gf128_inv(zero), zero);
}

static void bytes_go_in_and_out_unchanged(void)
{
	uint8_t in[16], out[16];

	for (int i = 0; i < 16; i++)
		in[i] = (uint8_t)(17 * i + 3);
	wdp_gf128_store(out, wdp_gf128_load(in));
	T_MEM(out, in, 16);
}

T_MAIN(T_CASE(published_products), T_CASE(one_is_neutral),
       T_CASE(times_its_inverse_is_one), T_CASE(zero_stays_zero),
       T_CASE(bytes_go_in_and_out_unchanged))
