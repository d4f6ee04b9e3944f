/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wd_io.h - ordering between memory the device reads and the doorbell that
 * tells it so.  The only file in the tree that names a CPU.
 *
 *	store descriptor ── wd_io_wmb() ──▶ store doorbell	(submit)
 *	load phase bit   ── wd_io_rmb() ──▶ load descriptor	(reap)
 *
 * x86-64 keeps stores in order and loads in order even against uncached
 * memory, so only the compiler has to be told.  AArch64 keeps neither; the
 * doorbell is device memory, hence the full-system (SY) variants - the
 * inner-shareable ones do not order against a PCIe device.
 */
#ifndef WD_IO_H
#define WD_IO_H

#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "rings and registers are little-endian and used in place");

#if defined(__x86_64__)
#define wd_io_wmb()    __asm__ volatile("" ::: "memory")
#define wd_io_rmb()    __asm__ volatile("" ::: "memory")
#define wd_io_mb()     __asm__ volatile("mfence" ::: "memory")
#define wd_cpu_relax() __asm__ volatile("pause" ::: "memory")
#elif defined(__aarch64__)
#define wd_io_wmb()    __asm__ volatile("dsb st" ::: "memory")
#define wd_io_rmb()    __asm__ volatile("dsb ld" ::: "memory")
#define wd_io_mb()     __asm__ volatile("dsb sy" ::: "memory")
#define wd_cpu_relax() __asm__ volatile("yield" ::: "memory")
#else
#error "wd runs on x86-64 and AArch64"
#endif

/* A doorbell is one 64-bit store; a split one would ring half a number. */
static inline void wd_io_write64(volatile void *reg, uint64_t value)
{
	*(volatile uint64_t *)reg = value;
}

static inline uint32_t wd_io_read32(const volatile void *reg)
{
	return *(const volatile uint32_t *)reg;
}

#endif
