/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uacce_kernel.h - inside the kernel host: the system calls it makes on a
 * device, as a table that a test can answer from a script, and what its files
 * say to each other.  Private to uacce/ and its tests.
 */
#ifndef UACCE_KERNEL_H
#define UACCE_KERNEL_H

#include <poll.h>
#include <sys/types.h>

#include "uacce/uacce.h"
#include "uacce/uacce_abi.h"

/* As the calls of the same names: -1 (or MAP_FAILED) and errno. */
struct uacce_sys {
	int (*openat)(int dir, const char *name, int flags);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	void *(*mmap)(size_t size, int prot, int flags, int fd, off_t off);
	int (*munmap)(void *p, size_t size);
	int (*ppoll)(struct pollfd *p, nfds_t n, const struct timespec *t);
	int (*close)(int fd);
};

/* As uacce_kernel_host(), with system calls of the caller's. */
int uacce_kernel_host_sys(struct uacce_host **out, const char *dev_root,
			  const char *class_root, const struct uacce_sys *sys);

/**
 * uacce_sysfs_read() - one device from its attributes
 * @class_dir: the class directory
 * @name:      device
 * @info:      out
 *
 * Logs what is wrong and what to do about it.
 *
 * Return: 0; -ENOENT: not one of our engines, or gone; -EINVAL: attributes
 *	   missing or garbled.
 */
int uacce_sysfs_read(int class_dir, const char *name, struct uacce_info *info);

/* Does the device speak the old numbering (attributes below attrs/)? */
bool uacce_sysfs_old(int class_dir, const char *name);

/* Attach @size bytes of pool to an open queue.  Return: 0 or -errno. */
int uacce_pool_open(struct uacce_queue *q, const struct uacce_sys *sys,
		    const struct uacce_abi *abi, uint32_t flags, size_t size);

/* Undo it; @gone: the kernel has taken the memory back already. */
void uacce_pool_close(struct uacce_queue *q, const struct uacce_sys *sys,
		      bool gone);

#endif
