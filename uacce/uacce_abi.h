/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uacce_abi.h - what the kernel's character device understands: request
 * numbers, their arguments, regions.  Written from docs/hw/uacce.md#ioctls.
 */
#ifndef UACCE_ABI_H
#define UACCE_ABI_H

#include <stdint.h>
#include <sys/ioctl.h>

/* Regions: the offset given to mmap() is the number times the page size. */
enum uacce_region { UACCE_REGION_MMIO, UACCE_REGION_DUS, UACCE_REGION_SS };

/* Requests of the queue manager's driver; docs/hw/uacce.md#ioctl-qm */
struct uacce_qp_ctx {
	uint16_t id;	  /* out: number used in doorbells */
	uint16_t qc_type; /* in */
};

struct uacce_qp_info {
	uint32_t sqe_size; /* out, bytes */
	uint16_t sq_depth;
	uint16_t cq_depth;
	uint64_t reserved;
};

#define UACCE_SET_QP_CTX  _IOWR('H', 10, struct uacce_qp_ctx)
#define UACCE_SET_QP_INFO _IOWR('H', 11, struct uacce_qp_info)

_Static_assert(UACCE_SET_QP_CTX == 0xC004480A, "as the kernel numbers it");
_Static_assert(UACCE_SET_QP_INFO == 0xC010480B, "as the kernel numbers it");

/*
 * Requests of the uacce core, in two numberings: every kernel since 5.7, and
 * openEuler's 4.19, known by its attrs/ directory.
 */
struct uacce_abi {
	unsigned long start, put, get_ss_dma;
};

#define UACCE_ABI_MAINLINE                                                     \
	{                                                                      \
		_IO('W', 0), _IO('W', 1), _IOR('W', 3, unsigned long)          \
	}
#define UACCE_ABI_4_19                                                         \
	{                                                                      \
		_IO('W', 1), _IO('W', 3), _IOR('W', 2, unsigned long)          \
	}

/* GET_SS_DMA answers address | size / 64 KiB; docs/hw/uacce.md#ss */
#define UACCE_SS_COUNT	 0xfffu
#define UACCE_SS_GRANULE 0x10000u /* bytes */

/* From the end of the DUS region; docs/hw/uacce.md#stop-words */
#define UACCE_STOP_BYTES 8

#endif
