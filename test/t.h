/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t.h - a test is a list of claims.  Each case is a void function named after
 * what must hold; the program exits 0 (all hold), 1 (some do not) or 77
 * (skipped, reason printed).
 *
 *	static void a_full_ring_refuses(void) { ... T_EQ(x, y); ... }
 *	T_MAIN(T_CASE(a_full_ring_refuses), T_CASE(...))
 *
 * A failing check ends its case only.  Threads of a case may use T_EQ too: a
 * failure there is counted but does not unwind.
 * `test_x NAME` runs the cases whose name contains NAME.
 */
#ifndef WD_T_H
#define WD_T_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct t_case {
	const char *name;
	void (*run)(void);
};

extern atomic_int t_failures;
extern _Thread_local jmp_buf *t_unwind;

void t_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int t_main(const struct t_case *cases, size_t n, int argc, char **argv);

/* Skip the whole program. */
void t_skip(const char *why) __attribute__((noreturn));

/*
 * For programs that drop ASYNC jobs: libcrypto leaks their fibres, and what
 * hangs on them.  Its frames have no names, so the leak checker keeps the whole
 * stack, up to the exported function.
 */
#define T_FIBRE_LEAKS                                                          \
	__attribute__((visibility("default"))) const char *                    \
	__lsan_default_suppressions(void);                                     \
	const char *__lsan_default_suppressions(void)                          \
	{                                                                      \
		return "leak:ASYNC_start_job\n";                               \
	}                                                                      \
	__attribute__((visibility("default"))) const char *                    \
	__asan_default_options(void);                                          \
	const char *__asan_default_options(void)                               \
	{                                                                      \
		return "fast_unwind_on_malloc=0";                              \
	}

#define T_CASE(fn)                                                             \
	{                                                                      \
#fn, fn                                                        \
	}
#define T_OK(cond)                                                             \
	do {                                                                   \
		if (!(cond))                                                   \
			t_fail(__FILE__, __LINE__, "%s", #cond);               \
	} while (0)
#define T_EQ(a, b)                                                             \
	do {                                                                   \
		long long t_a = (long long)(a), t_b = (long long)(b);          \
		if (t_a != t_b)                                                \
			t_fail(__FILE__, __LINE__,                             \
			       "%s is %lld (0x%llx), expected %s %lld "        \
			       "(0x%llx)",                                     \
			       #a, t_a, t_a, #b, t_b, t_b);                    \
	} while (0)
#define T_STR(a, b)                                                            \
	do {                                                                   \
		const char *t_a = (a), *t_b = (b);                             \
		if (strcmp(t_a, t_b))                                          \
			t_fail(__FILE__, __LINE__,                             \
			       "%s is\n  \"%s\"\nexpected\n  \"%s\"", #a, t_a, \
			       t_b);                                           \
	} while (0)
#define T_MEM(a, b, n)                                                         \
	do {                                                                   \
		const unsigned char *t_a = (const void *)(a),                  \
				    *t_b = (const void *)(b);                  \
		size_t t_i = 0, t_n = (n);                                     \
		while (t_i < t_n && t_a[t_i] == t_b[t_i])                      \
			t_i++;                                                 \
		if (t_i < t_n)                                                 \
			t_fail(__FILE__, __LINE__,                             \
			       "%s and %s differ at byte %zu of %zu", #a, #b,  \
			       t_i, t_n);                                      \
	} while (0)

#define T_MAIN(...)                                                            \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		static const struct t_case cases[] = { __VA_ARGS__ };          \
		return t_main(cases, sizeof(cases) / sizeof(cases[0]), argc,   \
			      argv);                                           \
	}

/* "00ff.." to bytes; returns how many. */
size_t t_hex(unsigned char *out, size_t size, const char *hex);

#endif
