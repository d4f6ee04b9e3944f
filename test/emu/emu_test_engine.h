/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_test_engine.h - an engine that inverts bytes, so that rings and events
 * can be tested without any algorithm.  Its two instances stand in for the
 * real engines when a test is linked with it.
 *
 *	word 0	1 on return: done, 2: failed
 *	word 1	bytes to invert
 *	word 2	milliseconds the engine takes
 *	word 3	tag, kept
 *	word 4	source address, low and high; word 6 destination
 *	word 8	on return: core group
 */
#ifndef EMU_TEST_ENGINE_H
#define EMU_TEST_ENGINE_H

#include "emu/emu_engine.h"

enum { TE_STATUS, TE_LEN, TE_MS, TE_TAG, TE_SRC, TE_DST = 6, TE_GROUP = 8 };
enum { TE_DONE = 1, TE_FAILED = 2 };

#endif
