/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "test/stress/ours.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static _Atomic long live;

long ours_live(void)
{
	return atomic_load(&live);
}

/* In front of each block of libcrypto's: whose it is. */
union tag {
	struct {
		size_t size;
		int ours;
	} is;
	max_align_t align;
};

static int named_ours(const char *file)
{
	return file &&
	       (strstr(file, "provider/wdp_") || strstr(file, "offload/"));
}

static void *tagged_malloc(size_t size, const char *file, int line)
{
	union tag *t = malloc(sizeof(*t) + size);

	(void)line;
	if (!t)
		return NULL;
	t->is.size = size;
	t->is.ours = named_ours(file);
	atomic_fetch_add(&live, t->is.ours);
	return t + 1;
}

static void tagged_free(void *p, const char *file, int line)
{
	union tag *t = p;

	(void)file;
	(void)line;
	if (!p)
		return;
	atomic_fetch_sub(&live, t[-1].is.ours);
	free(t - 1);
}

static void *tagged_realloc(void *p, size_t size, const char *file, int line)
{
	void *bigger = tagged_malloc(size, file, line);
	union tag *t = p;

	if (bigger && p) {
		memcpy(bigger, p, t[-1].is.size < size ? t[-1].is.size : size);
		tagged_free(p, file, line);
	}
	return bigger;
}

__attribute__((constructor)) static void watch(void)
{
	if (!CRYPTO_set_mem_functions(tagged_malloc, tagged_realloc,
				      tagged_free))
		abort();
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* The tree is built with hidden visibility; these must win over libc's. */
#pragma GCC visibility push(default)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);

/* Live blocks whose caller is in wd.so; open addressing, never full here. */
#define SLOTS (1u << 16)
static _Atomic uintptr_t table[SLOTS];
#define GONE 1

/* The text of wd.so, looked up once it is loaded. */
static int from_wd(const void *caller)
{
	static _Atomic uintptr_t base;
	uintptr_t at = atomic_load(&base);
	static _Thread_local int inside;
	Dl_info info;

	if (inside)
		return 0;
	inside = 1;
	if (dladdr(caller, &info) && info.dli_fname &&
	    strstr(info.dli_fname, "/wd.so")) {
		at = (uintptr_t)info.dli_fbase;
		atomic_store(&base, at);
	} else {
		at = 0;
	}
	inside = 0;
	return at != 0;
}

static void *note(void *p, const void *caller)
{
	if (p && from_wd(caller)) {
		for (uint32_t i = (uint32_t)((uintptr_t)p >> 4);; i++) {
			uintptr_t old = atomic_load(&table[i % SLOTS]);

			if (old > GONE)
				continue;
			if (atomic_compare_exchange_strong(&table[i % SLOTS],
							   &old, (uintptr_t)p))
				break;
		}
		atomic_fetch_add(&live, 1);
	}
	return p;
}

static void forget(const void *p)
{
	for (uint32_t i = (uint32_t)((uintptr_t)p >> 4);; i++) {
		uintptr_t old = atomic_load(&table[i % SLOTS]);

		if (!old)
			return;
		if (old == (uintptr_t)p) {
			atomic_store(&table[i % SLOTS], GONE);
			atomic_fetch_sub(&live, 1);
			return;
		}
	}
}

void *malloc(size_t size)
{
	return note(__libc_malloc(size), __builtin_return_address(0));
}

void *calloc(size_t n, size_t size)
{
	return note(__libc_calloc(n, size), __builtin_return_address(0));
}

void *realloc(void *p, size_t size)
{
	if (p)
		forget(p);
	return note(__libc_realloc(p, size), __builtin_return_address(0));
}

void *aligned_alloc(size_t align, size_t size)
{
	return note(__libc_memalign(align, size), __builtin_return_address(0));
}

int posix_memalign(void **out, size_t align, size_t size)
{
	*out = note(__libc_memalign(align, size), __builtin_return_address(0));
	return *out ? 0 : ENOMEM;
}

void free(void *p)
{
	if (p)
		forget(p);
	__libc_free(p);
}
#pragma GCC visibility pop
#endif
