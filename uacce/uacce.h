/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uacce.h - devices, and queues that are handed to this process.
 *
 *	      struct uacce_host            where devices come from
 *	     /                 \
 *	kernel: /dev/hisi_*-N    emu: the device model in this process
 *	     \                 /
 *	      struct uacce_queue           one open queue, mapped, startable
 *
 * Both hosts fill the same ops table, so nothing above knows which it has.
 * A queue moves INIT -> STARTED -> (stopped) -> closed; the kernel may turn it
 * into a ZOMBIE at any time (driver removed, device reset): then start, stop
 * and wait return -ENXIO, the stop words in the ring memory read 1, and only
 * close is left to do.
 *
 * Threads: a host may be used by any number of threads.  A queue belongs to
 * one thread at a time; wait() alone may run beside its owner.
 * Facts and their sources: docs/hw/uacce.md.
 */
#ifndef UACCE_H
#define UACCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum uacce_engine { UACCE_HPRE, UACCE_SEC, UACCE_ZIP, UACCE_ENGINES };

/* sysfs attribute `flags` */
#define UACCE_FLAG_SVA	   0x01u /* the device follows this process's pointers */
#define UACCE_FLAG_NOIOMMU 0x02u /* bus address = physical address */
#define UACCE_FLAG_IOMMU   0x80u /* translated, but not our page tables */

/* A device as found: a value, holds no resource. */
struct uacce_info {
	char name[64]; /* node below /dev, e.g. "hisi_sec2-1" */
	enum uacce_engine engine;
	unsigned int qm_version; /* 1..5, from `api` */
	uint32_t flags;		 /* UACCE_FLAG_* */
	int available;		 /* free queues when read; 0: busy */
	int isolated;		 /* 1: too many errors, kernel refuses opens */
	int numa_node;		 /* -1: none */
	size_t mmio_size;	 /* bytes to map for region 0 */
	size_t dus_size;	 /* bytes to map for region 1 */
	char algorithms[256];	 /* one a line, as the kernel prints them */
};

struct uacce_host;
struct uacce_queue;

struct uacce_ops {
	/* Devices now present.  Return: how many were found (may exceed @max,
	 * of which @max are stored), or -errno.  Allocates nothing. */
	int (*list)(struct uacce_host *host, struct uacce_info *out,
		    unsigned int max);

	/* Open a queue of @info's device and map its regions, in INIT.
	 * @pool bytes of memory the device can reach are attached as
	 * q->pool (0: none).  @qc_type selects the core group: HPRE 0 = RSA
	 * and DH, 1 = ECC; SEC 0; ZIP 0 = compress, 1 = decompress.
	 * First system call: openat() of the node.
	 * Return: 0, -ENOENT, -EACCES, -EBUSY (no queue free), -EPERM (device
	 * stopped or isolated), -ENODEV, -ENOMEM, -EINVAL, -EAGAIN (a model
	 * daemon is not there now). */
	int (*open)(struct uacce_host *host, const struct uacce_info *info,
		    unsigned int qc_type, size_t pool, struct uacce_queue *q);

	/* INIT -> STARTED, completion ring and stop words cleared. */
	int (*start)(struct uacce_queue *q);

	/* Stop the hardware queue; on return the device no longer touches any
	 * memory for it.  Not restartable (some kernels release it here); a
	 * second stop does nothing. */
	int (*stop)(struct uacce_queue *q);

	/* Unmap and close; also after a failed stop.  @q is dead after it. */
	void (*close)(struct uacce_queue *q);

	/* Sleep until the device signals a completion, @timeout_ns passes
	 * (-1: for ever) or a signal arrives.  Spurious returns are legal:
	 * always look at the ring.
	 * Return: 1 look now, 0 timeout, -EINTR, -ENXIO (zombie). */
	int (*wait)(struct uacce_queue *q, int64_t timeout_ns);

	/* Called once, by the one thread that will use the host first in a
	 * forked child.  Queues opened before belong to the parent and stay
	 * untouched.  Return: 0 or -errno. */
	int (*forked)(struct uacce_host *host);

	/* All queues must be closed, except after fork in the child. */
	void (*free)(struct uacce_host *host);
};

struct uacce_host {
	const struct uacce_ops *ops;
	bool model; /* the device model: every figure must say so */
};

/* Memory the device can reach without SVA: one run of user addresses over
 * one or more slices of bus addresses. */
#define UACCE_SLICES_MAX 64
struct uacce_slice {
	uint8_t *va;
	uint64_t bus;
	size_t size;
};

struct uacce_queue {
	struct uacce_host *host;
	enum uacce_engine engine;
	unsigned int qm_version;
	bool sva; /* any pointer of this process is a bus address */

	uint16_t id;	   /* number used in doorbells */
	uint16_t sqe_size; /* bytes: 64 HPRE, 128 SEC and ZIP */
	uint16_t sq_depth; /* descriptors */
	uint16_t cq_depth; /* completions */
	uint8_t *dus; /* SQ, directly behind it CQ, stop words at the end */
	size_t dus_size;

	/* Ring: one 64-bit doorbell store at byte @off of the MMIO region.
	 * Ordering against ring memory is the caller's (wd_io.h). */
	void (*bell)(struct uacce_queue *q, uint32_t off, uint64_t value);
	uint8_t *mmio; /* kernel host only; the model has none */
	size_t mmio_size;

	int fd; /* for poll(); readable means: look at the ring.  Owned by the
		 * queue; dup() it to watch longer than the queue lives */

	uint8_t *pool; /* page aligned, zeroed, wiped on close */
	size_t pool_size;
	unsigned int slices;
	struct uacce_slice slice[UACCE_SLICES_MAX]; /* ascending va */

	void *priv; /* the host's */
};

/* Not a bus address the engines accept for data. */
#define UACCE_NO_ADDR 0

/**
 * uacce_addr() - the bus address of memory of this process
 * @q:   open queue
 * @p:   start
 * @len: bytes, 1 or more
 *
 * Return: the address; UACCE_NO_ADDR when the device can't reach all @len
 *         bytes as one contiguous range (no SVA and outside the pool, or
 *         across two slices): use bounce memory.
 */
uint64_t uacce_addr(const struct uacce_queue *q, const void *p, size_t len);

/**
 * uacce_parse_engine() - which engine a node name belongs to
 * Return: engine, or UACCE_ENGINES when it is none of ours.
 */
enum uacce_engine uacce_parse_engine(const char *name);

/* "hpre", "sec", "zip" */
const char *uacce_engine_name(enum uacce_engine engine);

/**
 * uacce_has_algorithm() - is @alg a whole line of info->algorithms?
 */
bool uacce_has_algorithm(const struct uacce_info *info, const char *alg);

/**
 * uacce_usable() - may a queue be opened on this device?
 * @info: device as listed
 * @why:  if not NULL, gets a sentence for the administrator when the answer is
 *        no (isolated: how to clear it; busy: how many queues; ...)
 * @size: bytes at @why
 */
bool uacce_usable(const struct uacce_info *info, char *why, size_t size);

/**
 * uacce_kernel_host() - the devices Linux offers
 * @dev_root:	directory of the nodes, "/dev"
 * @class_root: "/sys/class/uacce"; a test passes a tree of its own
 *
 * Takes O_PATH|O_CLOEXEC handles on both, so that a queue can be opened later
 * from inside a chroot and after privileges were dropped; opens no device.  A
 * missing class directory is a host without devices.
 *
 * Return: 0 and *@out, or -ENOMEM.
 */
int uacce_kernel_host(struct uacce_host **out, const char *dev_root,
		      const char *class_root);

/**
 * uacce_unix_host() - the devices of a model daemon, wd-emu --listen
 * @path: its socket
 *
 * Takes an O_PATH|O_CLOEXEC handle on the socket's directory; connects for
 * each list() and open().  A daemon that does not answer is a host without
 * devices; once listed, its queues end with it as in a device reset, and
 * open() returns -EAGAIN until it is back.
 *
 * Return: 0 and *@out, -EINVAL (path too long), or -ENOMEM.
 */
int uacce_unix_host(struct uacce_host **out, const char *path);

/* Name under which the model's module exports its one function:
 * int wd_emu_host(struct uacce_host **out, const char *options) */
#define UACCE_EMU_SYMBOL "wd_emu_host"
#define UACCE_EMU_MODULE "wd_emu.so"

#endif
