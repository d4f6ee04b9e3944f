/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wd_field.h"
#include "test/t.h"

enum { X_LOW, X_HIGH, X_ALL, X_ADDR_LO, X_ADDR_HI, X_FIELDS };

static const struct wd_field fields[X_FIELDS] = {
	[X_LOW] = { "LOW", 0, 0, 5 },
	[X_HIGH] = { "HIGH", 0, 30, 2 },
	[X_ALL] = { "ALL", 1, 0, 32 },
	[X_ADDR_LO] = { "ADDR_LO", 2, 0, 32 },
	[X_ADDR_HI] = { "ADDR_HI", 3, 0, 32 },
};

static void put_changes_only_its_bits(void)
{
	uint32_t w[4] = { 0xffffffff, 0, 0, 0 };

	wd_put(w, &fields[X_LOW], 0x12);
	T_EQ(w[0], 0xfffffff2);
	wd_put(w, &fields[X_HIGH], 1);
	T_EQ(w[0], 0x7ffffff2);
	T_EQ(wd_get(w, &fields[X_LOW]), 0x12);
	T_EQ(wd_get(w, &fields[X_HIGH]), 1);
}

static void a_value_too_wide_stays_inside_its_field(void)
{
	uint32_t w[4] = { 0 };

	wd_put(w, &fields[X_LOW], 0xff);
	T_EQ(w[0], 0x1f);
}

static void whole_words_and_addresses(void)
{
	uint32_t w[4] = { 0 };

	wd_put(w, &fields[X_ALL], 0xdeadbeef);
	T_EQ(w[1], 0xdeadbeef);
	wd_put64(w, &fields[X_ADDR_LO], 0x1122334455667788);
	T_EQ(w[2], 0x55667788);
	T_EQ(w[3], 0x11223344);
	T_EQ(wd_get64(w, &fields[X_ADDR_LO]), 0x1122334455667788);
}

static void dump_names_what_is_set(void)
{
	uint32_t w[4] = { 0x40000003, 0, 0x10, 0 };
	char text[64], small[8];

	T_EQ(wd_fields_dump(text, sizeof(text), w, fields, X_FIELDS),
	     strlen("LOW=0x3 HIGH=0x1 ADDR_LO=0x10 "));
	T_STR(text, "LOW=0x3 HIGH=0x1 ADDR_LO=0x10 ");
	T_EQ(wd_fields_dump(small, sizeof(small), w, fields, X_FIELDS),
	     strlen(text));
	T_STR(small, "LOW=0x3");
}

static void overlap_is_found(void)
{
	struct wd_field bad[] = { fields[X_LOW], { "ON_TOP", 0, 4, 2 } };
	struct wd_field beyond[] = { { "BEYOND", 4, 0, 1 } };
	struct wd_field wide[] = { { "WIDE", 0, 8, 25 } };

	T_EQ(wd_fields_overlap(fields, X_FIELDS, 4), -1);
	T_EQ(wd_fields_overlap(bad, 2, 4), 1);
	T_EQ(wd_fields_overlap(beyond, 1, 4), 0);
	T_EQ(wd_fields_overlap(wide, 1, 4), 0);
}

T_MAIN(T_CASE(put_changes_only_its_bits),
       T_CASE(a_value_too_wide_stays_inside_its_field),
       T_CASE(whole_words_and_addresses), T_CASE(dump_names_what_is_set),
       T_CASE(overlap_is_found))
