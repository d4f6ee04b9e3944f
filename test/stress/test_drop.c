/* SPDX-License-Identifier: Apache-2.0 */
/* ASYNC jobs dropped while paused: libcrypto leaks their fibres, wd leaks
 * nothing and never writes to what the application has freed. */
#include <stdlib.h>
#include <unistd.h>

#include "test/stress/evp_async.h"
#include "test/stress/ours.h"
#include "test/t.h"

#define DROPS  10000
#define WINDOW 64 /* jobs paused at once */

static void finish_some(struct wd_env *e, bool callback)
{
	for (int i = 0; i < 100; i++) {
		struct wd_sign s;

		wd_sign_new(&s, e, callback);
		wd_sign_finish(&s);
		T_OK(wd_sign_right(&s));
		wd_sign_drop(&s);
	}
}

static void drop_many(bool callback)
{
	struct wd_env e;
	struct wd_sign *window = calloc(WINDOW, sizeof(*window));
	long dropped = 0, before;

	wd_env_open(&e, "emu:replay,latency_us=200");
	/* Everything that is made once is made by then. */
	T_OK(wd_sign_sync(&e));
	finish_some(&e, callback);
	before = ours_live();
#ifndef __SANITIZE_ADDRESS__
	T_OK(before > 0);
#endif
	for (int i = 0; i < DROPS + WINDOW; i++) {
		struct wd_sign *s = &window[i % WINDOW];

		if (s->wait)
			wd_sign_drop(s);
		if (i >= DROPS)
			continue;
		wd_sign_new(s, &e, callback);
		switch (wd_sign_step(s)) {
		case ASYNC_PAUSE:
			dropped++;
			break;
		case ASYNC_FINISH: /* served in software: back-pressure */
			T_OK(wd_sign_right(s));
			break;
		default:
			T_OK(!"job could not be started");
		}
	}
	/* Most must really have been dropped in the pause, or this tests
	 * nothing. */
	T_OK(dropped > DROPS / 2);
	T_EQ(wd_env_stat(&e, NULL, "abandoned"), dropped);
	printf("%ld of %d jobs dropped while paused\n", dropped, DROPS);

	/* The lanes are as good as new. */
	finish_some(&e, callback);
	T_OK(wd_sign_sync(&e));
	printf("blocks of wd's: %ld before, %ld after\n", before, ours_live());
	T_OK(ours_live() <= before + WINDOW);
	free(window);
	wd_env_close(&e);
}

static void ten_thousand_with_descriptors(void)
{
	drop_many(false);
}

static void ten_thousand_with_a_callback(void)
{
	drop_many(true);
}

T_FIBRE_LEAKS

T_MAIN(T_CASE(ten_thousand_with_descriptors),
       T_CASE(ten_thousand_with_a_callback))
