/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_alloc.h - allocations counted: every malloc(), calloc(), realloc() and
 * aligned one of the process, by thread, through the program's own functions of
 * these names; and which of them wd asked for, by the code that called, or, for
 * OPENSSL_malloc(), by the file that libcrypto is told.
 */
#ifndef BENCH_ALLOC_H
#define BENCH_ALLOC_H

#include <stdbool.h>

#include "tools/bench_core.h"

/* Before anything else of libcrypto.  False: they can't be counted. */
bool bench_alloc_init(void);

/* After wd.so has been loaded: where its code lies. */
void bench_alloc_find_wd(void);

/* Of the calling thread, for bench_allocs_now. */
void bench_alloc_get(struct bench_allocs *a);

#endif
