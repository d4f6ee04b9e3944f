/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ours.h - how many blocks of memory does wd hold right now?
 *
 * libcrypto leaks the fibre of a dropped ASYNC job and all that hangs on it,
 * so a leak checker can't tell whose fault a leak is.  This counts live blocks
 * by who asked for them: through OPENSSL_malloc the file name says so, through
 * malloc the caller's address.  Sanitized builds see the first kind only.
 */
#ifndef WD_TEST_OURS_H
#define WD_TEST_OURS_H

/* Blocks allocated by wd.so and not freed. */
long ours_live(void);

#endif
