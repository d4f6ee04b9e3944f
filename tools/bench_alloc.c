/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench_alloc.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

/* Where wd.so was loaded. */
static uintptr_t wd_from, wd_to;
static _Thread_local struct bench_allocs counted;

void bench_alloc_get(struct bench_allocs *a)
{
	*a = counted;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int is_wd(struct dl_phdr_info *info, size_t size, void *arg)
{
	const ElfW(Phdr) *p = info->dlpi_phdr;

	(void)size;
	(void)arg;
	if (strcmp(base_name(info->dlpi_name), "wd.so"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (p[i].p_type != PT_LOAD || !(p[i].p_flags & PF_X))
			continue;
		wd_from = info->dlpi_addr + p[i].p_vaddr;
		wd_to = wd_from + p[i].p_memsz;
	}
	return 1;
}

void bench_alloc_find_wd(void)
{
	dl_iterate_phdr(is_wd, NULL);
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                    \
	!defined(__SANITIZE_THREAD__)

/* glibc's own, under the names it exports for such as us. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

#define EXPORTED __attribute__((visibility("default")))
#define CALLER	 ((uintptr_t)__builtin_return_address(0))

static void count(uintptr_t caller)
{
	counted.all++;
	counted.own += caller >= wd_from && caller < wd_to;
}

EXPORTED void *malloc(size_t size)
{
	count(CALLER);
	return __libc_malloc(size);
}

EXPORTED void *calloc(size_t n, size_t size)
{
	count(CALLER);
	return __libc_calloc(n, size);
}

EXPORTED void *realloc(void *p, size_t size)
{
	count(CALLER);
	return __libc_realloc(p, size);
}

EXPORTED void *memalign(size_t align, size_t size)
{
	count(CALLER);
	return __libc_memalign(align, size);
}

EXPORTED void *aligned_alloc(size_t align, size_t size)
{
	count(CALLER);
	return __libc_memalign(align, size);
}

EXPORTED int posix_memalign(void **out, size_t align, size_t size)
{
	count(CALLER);
	*out = __libc_memalign(align, size);
	return *out ? 0 : ENOMEM;
}

/* Files of the provider are named so; libcrypto's are not. */
static void count_file(const char *file)
{
	counted.own += file && !strncmp(base_name(file), "wdp_", 4);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
	(void)line;
	count_file(file);
	return malloc(size);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line)
{
	(void)line;
	count_file(file);
	return realloc(p, size);
}

static void crypto_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

bool bench_alloc_init(void)
{
	return CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc,
					crypto_free);
}

#else

bool bench_alloc_init(void)
{
	return false;
}

#endif
