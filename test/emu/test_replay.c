/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remembered results: exact, bounded, shared by threads.
 */
#include <pthread.h>
#include <stdint.h>

#include "emu/emu_replay.h"
#include "test/t.h"

static struct emu_piece piece(const void *p, size_t len)
{
	return (struct emu_piece){ p, len };
}

static void what_was_put_comes_back(void)
{
	struct emu_replay *r = emu_replay_new(16);
	struct emu_piece in[] = { piece("key", 3), piece("input", 5) };
	char out[6] = "";

	T_OK(!emu_replay_get(r, in, 2, out, 6));
	emu_replay_put(r, in, 2, "hello", 6);
	T_OK(emu_replay_get(r, in, 2, out, 6));
	T_STR(out, "hello");
	emu_replay_free(r);
}

static void putting_again_replaces(void)
{
	struct emu_replay *r = emu_replay_new(16);
	struct emu_piece in = piece("key", 3);
	char out[4] = "";

	emu_replay_put(r, &in, 1, "one", 4);
	emu_replay_put(r, &in, 1, "two", 4);
	T_OK(emu_replay_get(r, &in, 1, out, 4));
	T_STR(out, "two");
	emu_replay_free(r);
}

static void another_output_length_is_another_job(void)
{
	struct emu_replay *r = emu_replay_new(16);
	struct emu_piece in = piece("key", 3);
	char out[8] = "as was";

	emu_replay_put(r, &in, 1, "one", 4);
	T_OK(!emu_replay_get(r, &in, 1, out, 3));
	T_OK(!emu_replay_get(r, &in, 1, out, 5));
	T_STR(out, "as was");
	emu_replay_free(r);
}

static void where_a_piece_ends_matters(void)
{
	struct emu_replay *r = emu_replay_new(16);
	struct emu_piece a[] = { piece("ab", 2), piece("c", 1) };
	struct emu_piece b[] = { piece("a", 1), piece("bc", 2) };
	struct emu_piece c[] = { piece("abc", 3), piece(NULL, 0) };
	char out;

	emu_replay_put(r, a, 2, "x", 1);
	T_OK(emu_replay_get(r, a, 2, &out, 1));
	T_OK(!emu_replay_get(r, b, 2, &out, 1));
	T_OK(!emu_replay_get(r, c, 2, &out, 1));
	T_OK(!emu_replay_get(r, c, 1, &out, 1));
	emu_replay_put(r, c, 2, "y", 1);
	T_OK(emu_replay_get(r, c, 2, &out, 1));
	T_EQ(out, 'y');
	emu_replay_free(r);
}

/* The hash looks at a few bytes only; the comparison at all. */
static void inputs_that_differ_in_any_byte_are_told_apart(void)
{
	struct emu_replay *r = emu_replay_new(4096);
	unsigned char in[300] = { 0 }, out[2];
	struct emu_piece p = piece(in, sizeof(in));

	emu_replay_put(r, &p, 1, "ok", 2);
	for (size_t i = 0; i < sizeof(in); i++) {
		in[i] = 1;
		T_OK(!emu_replay_get(r, &p, 1, out, 2));
		in[i] = 0;
	}
	T_OK(emu_replay_get(r, &p, 1, out, 2));
	emu_replay_free(r);
}

/* An old entry goes, what is left is right, and the newest is there. */
static void a_full_table_forgets_but_never_lies(void)
{
	struct emu_replay *r = emu_replay_new(64);
	unsigned int kept = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		struct emu_piece p = piece(&i, sizeof(i));
		uint32_t out = ~i, got = 0;

		emu_replay_put(r, &p, 1, &out, sizeof(out));
		T_OK(emu_replay_get(r, &p, 1, &got, sizeof(got)));
		T_EQ(got, ~i);
	}
	for (uint32_t i = 0; i < 10000; i++) {
		struct emu_piece p = piece(&i, sizeof(i));
		uint32_t got;

		if (!emu_replay_get(r, &p, 1, &got, sizeof(got)))
			continue;
		T_EQ(got, ~i);
		kept++;
	}
	T_OK(kept > 0 && kept <= 64);
	emu_replay_free(r);
}

static void *use(void *arg)
{
	struct emu_replay *r = arg;
	unsigned long hits = 0;

	for (uint32_t n = 0; n < 20000; n++) {
		uint32_t key = n % 97, out[8], got[8];
		struct emu_piece p = piece(&key, sizeof(key));

		for (unsigned int i = 0; i < 8; i++)
			out[i] = key * 7 + i;
		if (emu_replay_get(r, &p, 1, got, sizeof(got))) {
			T_MEM(got, out, sizeof(out));
			hits++;
		} else {
			emu_replay_put(r, &p, 1, out, sizeof(out));
		}
	}
	return (void *)hits;
}

static void threads_share_what_they_remember(void)
{
	struct emu_replay *r = emu_replay_new(32);
	pthread_t t[4];
	void *hits;

	for (unsigned int i = 0; i < 4; i++)
		T_EQ(pthread_create(&t[i], NULL, use, r), 0);
	for (unsigned int i = 0; i < 4; i++) {
		pthread_join(t[i], &hits);
		T_OK((unsigned long)hits < 20000);
	}
	emu_replay_free(r);
}

static void freeing_nothing_is_fine(void)
{
	emu_replay_free(NULL);
}

T_MAIN(T_CASE(what_was_put_comes_back), T_CASE(putting_again_replaces),
       T_CASE(another_output_length_is_another_job),
       T_CASE(where_a_piece_ends_matters),
       T_CASE(inputs_that_differ_in_any_byte_are_told_apart),
       T_CASE(a_full_table_forgets_but_never_lies),
       T_CASE(threads_share_what_they_remember),
       T_CASE(freeing_nothing_is_fine))
