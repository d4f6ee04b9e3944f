/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures and SM2 ciphertexts in DER, against libcrypto's own encoder and
 * decoder.
 */
#include <errno.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "base/wd_base.h"
#include "provider/wdp_der.h"
#include "test/t.h"

#define NUM 72 /* bytes, P-521's width */
#define DER 800

static uint64_t seed = 0x243f6a8885a308d3u;

static unsigned int any(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed >> 33) % below;
}

/* Of a random length, with leading zeros up to @width. */
static struct hpre_num number(uint8_t *p, size_t width)
{
	size_t from = any((unsigned int)width);

	memset(p, 0, width);
	for (size_t i = from; i < width; i++)
		p[i] = (uint8_t)any(256);
	return (struct hpre_num){ p, width };
}

static size_t theirs(uint8_t *der, const struct wdp_der_sig *sig)
{
	ECDSA_SIG *rs = ECDSA_SIG_new();
	uint8_t *to = der;
	int len;

	ECDSA_SIG_set0(rs, BN_bin2bn(sig->r.p, (int)sig->r.len, NULL),
		       BN_bin2bn(sig->s.p, (int)sig->s.len, NULL));
	len = i2d_ECDSA_SIG(rs, &to);
	ECDSA_SIG_free(rs);
	return (size_t)len;
}

static bool same_number(struct hpre_num a, struct hpre_num b)
{
	BIGNUM *x = BN_bin2bn(a.p, (int)a.len, NULL);
	BIGNUM *y = BN_bin2bn(b.p, (int)b.len, NULL);
	bool same = !BN_cmp(x, y);

	BN_free(x);
	BN_free(y);
	return same;
}

static void written_as_libcrypto_writes_it(void)
{
	uint8_t r[NUM], s[NUM], mine[DER], want[DER];

	for (int i = 0; i < 5000; i++) {
		size_t width = 1 + any(NUM);
		const struct wdp_der_sig sig = { number(r, width),
						 number(s, width) };
		size_t n = wdp_der_put_sig(mine, sizeof(mine), &sig);
		struct wdp_der_sig back;

		T_EQ(n, theirs(want, &sig));
		T_MEM(mine, want, n);
		T_EQ(wdp_der_get_sig(&back, mine, n), 0);
		T_OK(same_number(back.r, sig.r) && same_number(back.s, sig.s));
	}
}

static void too_little_room_and_nothing_is_written(void)
{
	uint8_t r[NUM], mine[DER], before[DER];
	const struct wdp_der_sig sig = { number(r, NUM), { r, NUM } };
	size_t n = wdp_der_put_sig(mine, sizeof(mine), &sig);

	memset(mine, 0xee, sizeof(mine));
	memset(before, 0xee, sizeof(before));
	for (size_t size = 0; size < n; size++)
		T_EQ(wdp_der_put_sig(mine, size, &sig), 0);
	T_MEM(mine, before, sizeof(mine));
	T_EQ(wdp_der_put_sig(mine, n, &sig), n);
	T_MEM(mine + n, before, sizeof(mine) - n);
}

/* As its verification does: decoded, encoded again, the same bytes. */
static bool libcrypto_takes(const uint8_t *der, size_t len)
{
	const uint8_t *p = der;
	ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &p, (long)len);
	uint8_t *again = NULL;
	int n = rs ? i2d_ECDSA_SIG(rs, &again) : -1;
	bool same = n > 0 && (size_t)n == len && !memcmp(again, der, len);

	OPENSSL_free(again);
	ECDSA_SIG_free(rs);
	ERR_clear_error();
	return same;
}

static void taken_exactly_when_libcrypto_takes_it(void)
{
	uint8_t r[NUM], s[NUM], der[DER];
	int taken = 0;

	for (int i = 0; i < 40000; i++) {
		size_t width = 1 + any(i % 2 ? 4 : NUM);
		const struct wdp_der_sig sig = { number(r, width),
						 number(s, width) };
		size_t n = wdp_der_put_sig(der, sizeof(der), &sig), at;
		struct wdp_der_sig back;
		uint8_t *copy;
		bool ok;

		/* Headers are near the start. */
		for (unsigned int k = any(3); k--;) {
			at = any(2) ? any((unsigned int)n) : any(8) % n;
			der[at] = (uint8_t)(any(2) ? any(256)
						   : der[at] ^ 1u << any(8));
		}
		if (!any(8))
			n = any((unsigned int)n + 3);
		copy = malloc(n ? n : 1);
		memcpy(copy, der, n);
		ok = !wdp_der_get_sig(&back, copy, n);
		if (ok != libcrypto_takes(copy, n))
			t_fail(__FILE__, __LINE__, "%zu bytes: %d here", n, ok);
		taken += ok;
		free(copy);
	}
	T_OK(taken > 1000 && taken < 39000);
}

static void refused_and_nothing_is_set(void)
{
	static const char *const bad[] = {
		"",
		"30",
		"3000",
		"30060200020101",
		"3006020101020181",
		"3006028101020101",
		"300702020001020101",
		"300602010102010100",
		"308106020101020101",
		"30820006020101020101",
		"30800201010201010000",
		"3006020101040101",
		"30050201010201",
		"3009020101020101020101",
		"3006020101",
		"3106020101020101",
	};
	struct wdp_der_sig sig = { .r = { NULL, 77 } };
	uint8_t der[40];

	for (size_t i = 0; i < WD_ARRAY_SIZE(bad); i++) {
		size_t n = t_hex(der, sizeof(der), bad[i]);

		if (wdp_der_get_sig(&sig, der, n) != -EINVAL)
			t_fail(__FILE__, __LINE__, "%s was taken", bad[i]);
		T_EQ(sig.r.len, 77);
	}
}

static void ciphertexts_there_and_back(void)
{
	uint8_t x[32], y[32], check[32], text[600], der[DER];

	for (int i = 0; i < 2000; i++) {
		size_t len = any(sizeof(text));
		const struct wdp_der_sm2 ct = { number(x, 32),
						number(y, 32),
						number(check, 32),
						{ text, len } };
		struct wdp_der_sm2 back;
		size_t n;

		number(text, sizeof(text));
		n = wdp_der_put_sm2(der, sizeof(der), &ct);
		T_OK(n && n <= wdp_der_sm2_max(32, 32, len));
		T_EQ(wdp_der_put_sm2(der, n - 1, &ct), 0);
		T_EQ(wdp_der_get_sm2(&back, der, n), 0);
		T_OK(same_number(back.x, ct.x) && same_number(back.y, ct.y));
		T_EQ(back.check.len, 32);
		T_MEM(back.check.p, check, 32);
		T_EQ(back.text.len, len);
		T_MEM(back.text.p, text, len);
		for (size_t k = 0; k < n; k += 1 + any(40))
			T_EQ(wdp_der_get_sm2(&back, der, k), -EINVAL);
		T_EQ(wdp_der_get_sm2(&back, der, n + 1), -EINVAL);
	}
}

T_MAIN(T_CASE(written_as_libcrypto_writes_it),
       T_CASE(too_little_room_and_nothing_is_written),
       T_CASE(taken_exactly_when_libcrypto_takes_it),
       T_CASE(refused_and_nothing_is_set), T_CASE(ciphertexts_there_and_back))
