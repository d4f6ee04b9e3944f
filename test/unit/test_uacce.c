/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of uacce that ask nobody: names, lists, addresses. */
#include "test/t.h"
#include "uacce/uacce.h"

static void names_tell_the_engine(void)
{
	T_EQ(uacce_parse_engine("hisi_hpre-0"), UACCE_HPRE);
	T_EQ(uacce_parse_engine("hisi_sec2-1"), UACCE_SEC);
	T_EQ(uacce_parse_engine("hisi_zip-12"), UACCE_ZIP);
	T_STR(uacce_engine_name(UACCE_HPRE), "hpre");
	T_STR(uacce_engine_name(UACCE_SEC), "sec");
	T_STR(uacce_engine_name(UACCE_ZIP), "zip");
	T_STR(uacce_engine_name(UACCE_ENGINES), "unknown");
}

static void other_names_are_none_of_ours(void)
{
	static const char *const names[] = {
		"",
		"-",
		"hisi_hpre",
		"hisi_hpre-",
		"hisi_sec-0",
		"hisi_sec2-x",
		"hisi_sec2-1a",
		"hisi_rde-0",
		"hisi_zip-0-",
		"xhisi_zip-0",
		"hisi_hpre-1/",
		"..",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		T_EQ(uacce_parse_engine(names[i]), UACCE_ENGINES);
}

static void an_algorithm_is_a_whole_line(void)
{
	struct uacce_info info = { .algorithms = "rsa\ndh\necdh\n" };

	T_OK(uacce_has_algorithm(&info, "rsa"));
	T_OK(uacce_has_algorithm(&info, "dh"));
	T_OK(uacce_has_algorithm(&info, "ecdh"));
	T_OK(!uacce_has_algorithm(&info, "rs"));
	T_OK(!uacce_has_algorithm(&info, "ec"));
	T_OK(!uacce_has_algorithm(&info, "rsa\ndh"));
	T_OK(!uacce_has_algorithm(&info, ""));
	info = (struct uacce_info){ .algorithms = "cipher" };
	T_OK(uacce_has_algorithm(&info, "cipher"));
	info.algorithms[0] = '\0';
	T_OK(!uacce_has_algorithm(&info, "cipher"));
}

static void what_is_not_usable_says_why(void)
{
	struct uacce_info info = { .name = "hisi_sec2-1", .available = 3 };
	char why[256] = "untouched";

	T_OK(uacce_usable(&info, why, sizeof(why)));
	T_STR(why, "untouched");
	info.available = 0;
	T_OK(!uacce_usable(&info, why, sizeof(why)));
	T_OK(!strncmp(why, "hisi_sec2-1: none of its queues is free", 39));
	info.available = 3;
	info.isolated = 1;
	T_OK(!uacce_usable(&info, why, sizeof(why)));
	T_OK(strstr(why, "isolated"));
	T_OK(strstr(why, "unbind"));
	T_OK(!uacce_usable(&info, NULL, 0));
	T_OK(!uacce_usable(&info, why, 8));
	T_STR(why, "hisi_se");
}

static void under_sva_every_pointer_is_an_address(void)
{
	static char here;
	struct uacce_queue q = { .sva = true };

	T_OK(uacce_addr(&q, &here, 1) == (uintptr_t)&here);
	T_EQ(uacce_addr(&q, NULL, 1), UACCE_NO_ADDR);
	T_EQ(uacce_addr(&q, &here, 0), UACCE_NO_ADDR);
}

static void without_sva_only_the_pool_has_addresses(void)
{
	static uint8_t mem[4096];
	struct uacce_queue q = {
		.pool = mem,
		.pool_size = 3072,
		.slices = 2,
		.slice = { { mem, 0x10000000, 1024 },
			   { mem + 1024, 0x70000000, 2048 } },
	};

	T_EQ(uacce_addr(&q, mem, 1024), 0x10000000);
	T_EQ(uacce_addr(&q, mem + 1000, 24), 0x10000000 + 1000);
	T_EQ(uacce_addr(&q, mem + 1024, 1), 0x70000000);
	T_EQ(uacce_addr(&q, mem + 3071, 1), 0x70000000 + 2047);
	T_EQ(uacce_addr(&q, mem + 1000, 25), UACCE_NO_ADDR); /* across */
	T_EQ(uacce_addr(&q, mem + 3071, 2), UACCE_NO_ADDR);
	T_EQ(uacce_addr(&q, mem + 3072, 1), UACCE_NO_ADDR);
	T_EQ(uacce_addr(&q, mem, SIZE_MAX), UACCE_NO_ADDR);
	T_EQ(uacce_addr(&q, &q, 1), UACCE_NO_ADDR);
}

T_MAIN(T_CASE(names_tell_the_engine), T_CASE(other_names_are_none_of_ours),
       T_CASE(an_algorithm_is_a_whole_line),
       T_CASE(what_is_not_usable_says_why),
       T_CASE(under_sva_every_pointer_is_an_address),
       T_CASE(without_sva_only_the_pool_has_addresses))
