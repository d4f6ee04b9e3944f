/* SPDX-License-Identifier: Apache-2.0 */
#include "test/t.h"

#include <stdarg.h>

atomic_int t_failures;
_Thread_local jmp_buf *t_unwind;

void t_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s:%d: ", file, line);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	atomic_fetch_add(&t_failures, 1);
	if (t_unwind)
		longjmp(*t_unwind, 1);
}

void t_skip(const char *why)
{
	printf("SKIP: %s\n", why);
	exit(77);
}

int t_main(const struct t_case *cases, size_t n, int argc, char **argv)
{
	volatile int ran = 0, bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (volatile size_t i = 0; i < n; i++) {
		const int before = atomic_load(&t_failures);
		jmp_buf unwind;

		if (argc > 1 && !strstr(cases[i].name, argv[1]))
			continue;
		ran++;
		if (!setjmp(unwind)) {
			t_unwind = &unwind;
			cases[i].run();
		}
		t_unwind = NULL;
		if (atomic_load(&t_failures) != before) {
			bad++;
			printf("FAIL %s\n", cases[i].name);
		} else {
			printf("ok   %s\n", cases[i].name);
		}
	}
	printf("%d cases, %d failed\n", ran, bad);
	return bad || !ran;
}

static int t_nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

size_t t_hex(unsigned char *out, size_t size, const char *hex)
{
	size_t n = 0;

	for (; hex[0] && hex[1]; hex += 2, n++) {
		if (hex[0] == ' ') {
			hex--, n--;
			continue;
		}
		if (n >= size || t_nibble(hex[0]) < 0 || t_nibble(hex[1]) < 0) {
			fprintf(stderr, "bad hex: %s\n", hex);
			abort();
		}
		out[n] = (unsigned char)(t_nibble(hex[0]) << 4 |
					 t_nibble(hex[1]));
	}
	return n;
}
