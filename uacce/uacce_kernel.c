/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uacce_kernel.c - the devices Linux offers.
 *
 * Devices are reached through two directory handles taken when the host is
 * made, so that a queue can be opened later from inside a chroot.  Programs
 * that turn into daemons like to close every descriptor; a handle that went
 * that way is taken again by its path.
 *
 * Facts: docs/hw/uacce.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dirent.h>

#include "base/wd_base.h"
#include "base/wd_io.h"
#include "base/wd_log.h"
#include "uacce/uacce_dir.h"
#include "uacce/uacce_kernel.h"

/* Depth of rings where the kernel can't tell; docs/hw/uacce.md#ioctl-qm */
#define UACCE_OLD_DEPTH 1024

#define UACCE_CQE_SIZE 16 /* bytes */

/* One past the highest doorbell a program rings; docs/hw/qm.md#doorbells */
#define UACCE_BELL_END	  0x1008u
#define UACCE_BELL_END_V1 0x348u

/* fd of a queue's record: free for the next queue, or a parent's for ever */
enum { UACCE_FD_FREE = -1, UACCE_FD_PARENT = -2 };

/*
 * One record per queue, never freed before the host: a forked child walks the
 * list whatever other threads of its parent were doing to it.
 */
struct uacce_kernel_queue {
	struct uacce_kernel_queue *next;
	struct uacce_file file;
	const struct uacce_abi *abi;
	uint16_t qc_type;
	bool stopped;
	_Atomic bool gone; /* zombie: ring and pool mappings are dead */
};

struct uacce_kernel {
	struct uacce_host host;
	const struct uacce_sys *sys;
	struct uacce_dir dev, class;
	_Atomic(struct uacce_kernel_queue *) queues;
};

static const struct uacce_abi uacce_mainline = UACCE_ABI_MAINLINE;
static const struct uacce_abi uacce_4_19 = UACCE_ABI_4_19;

static int libc_openat(int dir, const char *name, int flags)
{
	return openat(dir, name, flags);
}

static int libc_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

static void *libc_mmap(size_t size, int prot, int flags, int fd, off_t off)
{
	return mmap(NULL, size, prot, flags, fd, off);
}

static int libc_ppoll(struct pollfd *p, nfds_t n, const struct timespec *t)
{
	return ppoll(p, n, t, NULL);
}

static const struct uacce_sys uacce_libc = {
	.openat = libc_openat,
	.ioctl = libc_ioctl,
	.mmap = libc_mmap,
	.munmap = munmap,
	.ppoll = libc_ppoll,
	.close = close,
};

static struct uacce_kernel *kernel_of(struct uacce_host *host)
{
	return (struct uacce_kernel *)host; /* its first member */
}

/* openat() below a handle; takes the handle again when it was closed. */
static int uacce_openat(const struct uacce_sys *sys, struct uacce_dir *d,
			const char *name, int flags)
{
	int fd = sys->openat(uacce_dir_fd(d), name, flags);

	if (fd < 0 && (errno == EBADF || errno == ENOTDIR)) {
		uacce_dir_take(d);
		fd = sys->openat(uacce_dir_fd(d), name, flags);
		if (fd < 0 && errno == EBADF)
			errno = ENOENT;
	}
	return fd;
}

/* "hisi_sec2-10" behind "hisi_sec2-9": their numbers are unique. */
static long uacce_number_of(const char *name)
{
	return strtol(strrchr(name, '-') + 1, NULL, 10);
}

static void uacce_list_add(struct uacce_info *out, unsigned int n,
			   const struct uacce_info *info)
{
	unsigned int i = n;

	while (i &&
	       uacce_number_of(out[i - 1].name) > uacce_number_of(info->name)) {
		out[i] = out[i - 1];
		i--;
	}
	out[i] = *info;
}

static int uacce_list_names(struct uacce_kernel *k, const char *names,
			    size_t bytes, struct uacce_info *out,
			    unsigned int max, int found)
{
	for (size_t at = 0; at < bytes;) {
		const struct dirent64 *d = (const void *)(names + at);
		struct uacce_info info;

		at += d->d_reclen;
		if (uacce_sysfs_read(uacce_dir_fd(&k->class), d->d_name, &info))
			continue;
		if ((unsigned int)found < max)
			uacce_list_add(out, (unsigned int)found, &info);
		found++;
	}
	return found;
}

static int uacce_kernel_list(struct uacce_host *host, struct uacce_info *out,
			     unsigned int max)
{
	struct uacce_kernel *k = kernel_of(host);
	_Alignas(struct dirent64) char names[2048];
	int found = 0;
	ssize_t n;
	int fd = uacce_openat(&uacce_libc, &k->class, ".",
			      O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while ((n = getdents64(fd, names, sizeof(names))) > 0)
		found = uacce_list_names(k, names, (size_t)n, out, max, found);
	if (n < 0)
		found = -errno;
	close(fd);
	return found;
}

/* What an administrator can do about it. */
static const struct {
	int error;
	const char *cure;
} uacce_cures[] = {
	{ ENOENT, "the node is missing: is its driver loaded, and /dev "
		  "visible here?" },
	{ ENXIO, "the device is gone or being removed" },
	{ EACCES, "give this user access to the node, for example with the "
		  "udev rule SUBSYSTEM==\"uacce\", GROUP=\"wd\", "
		  "MODE=\"0660\"" },
	{ EBUSY, "all its queues are in use: end a program that holds some, "
		 "or give the function more (pf_q_num)" },
	{ EPERM, "the device is stopped, in a reset or isolated: see the "
		 "kernel log" },
	{ ENODEV, "the kernel can't share this process's memory with it: it "
		  "needs an IOMMU with SVA and uacce_mode=1, or a driver for "
		  "operation without SVA" },
	{ ENOMEM, "the kernel is short of contiguous memory" },
	{ EMFILE, "too many open files in this process: raise ulimit -n" },
};

static void uacce_complain(const struct uacce_info *info, const char *step,
			   int error)
{
	const char *cure = "see the kernel log";

	for (size_t i = 0; i < WD_ARRAY_SIZE(uacce_cures); i++)
		if (uacce_cures[i].error == error)
			cure = uacce_cures[i].cure;
	wd_warn("%s: %s: %s; %s", info->name, step, strerror(error), cure);
}

/* A record for a new queue: one that is free, or a new one. */
static struct uacce_kernel_queue *uacce_record_get(struct uacce_kernel *k,
						   int fd)
{
	struct uacce_kernel_queue *r = atomic_load(&k->queues);

	for (; r; r = r->next) {
		int none = UACCE_FD_FREE;

		if (atomic_compare_exchange_strong(&r->file.fd, &none, fd))
			break;
	}
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return NULL;
		atomic_store(&r->file.fd, fd);
		r->next = atomic_load(&k->queues);
		while (!atomic_compare_exchange_weak(&k->queues, &r->next, r))
			;
	}
	uacce_file_note(&r->file, fd);
	r->stopped = false;
	atomic_store(&r->gone, false);
	return r;
}

static void uacce_record_put(struct uacce_kernel_queue *r)
{
	atomic_store(&r->file.fd, UACCE_FD_FREE);
}

static void uacce_kernel_bell(struct uacce_queue *q, uint32_t off,
			      uint64_t value)
{
	wd_io_write64(q->mmio + off, value);
}

/* Old kernels can't tell the rings' shape: it was fixed then. */
static int uacce_ask_rings(struct uacce_queue *q, const struct uacce_sys *sys)
{
	struct uacce_qp_info rings = { 0 };

	if (sys->ioctl(q->fd, UACCE_SET_QP_INFO, &rings)) {
		if (errno != EINVAL && errno != ENOTTY)
			return -errno;
		rings.sqe_size = q->engine == UACCE_HPRE ? 64 : 128;
		rings.sq_depth = UACCE_OLD_DEPTH;
		rings.cq_depth = UACCE_OLD_DEPTH;
	}
	if (rings.sqe_size > UINT16_MAX ||
	    q->dus_size < (size_t)rings.sqe_size * rings.sq_depth +
				  UACCE_CQE_SIZE * (size_t)rings.cq_depth +
				  UACCE_STOP_BYTES)
		return -EINVAL;
	q->sqe_size = (uint16_t)rings.sqe_size;
	q->sq_depth = rings.sq_depth;
	q->cq_depth = rings.cq_depth;
	return 0;
}

static int uacce_ask_queue(struct uacce_queue *q, const struct uacce_sys *sys)
{
	const struct uacce_kernel_queue *r = q->priv;
	struct uacce_qp_ctx ctx = { .qc_type = r->qc_type };

	if (sys->ioctl(q->fd, UACCE_SET_QP_CTX, &ctx))
		return -errno;
	q->id = ctx.id;
	return uacce_ask_rings(q, sys);
}

static int uacce_map(const struct uacce_sys *sys, int fd,
		     enum uacce_region region, size_t size, uint8_t **out)
{
	off_t off = (off_t)region * (off_t)sysconf(_SC_PAGESIZE);
	void *p = sys->mmap(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, off);

	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

/* From an open node to a mapped queue; *@step names what failed. */
static int uacce_set_up(struct uacce_queue *q, const struct uacce_sys *sys,
			const struct uacce_info *info, size_t pool,
			const char **step)
{
	const struct uacce_kernel_queue *r = q->priv;
	int rc;

	*step = "asking for the queue";
	rc = uacce_ask_queue(q, sys);
	if (rc)
		return rc;
	*step = "mapping the rings";
	rc = uacce_map(sys, q->fd, UACCE_REGION_DUS, q->dus_size, &q->dus);
	if (rc)
		return rc;
	*step = "mapping the doorbells";
	rc = uacce_map(sys, q->fd, UACCE_REGION_MMIO, q->mmio_size, &q->mmio);
	if (rc)
		goto unmap_dus;
	*step = "getting memory the device can reach";
	rc = uacce_pool_open(q, sys, r->abi, info->flags, pool);
	if (rc)
		goto unmap_mmio;
	return 0;

unmap_mmio:
	sys->munmap(q->mmio, q->mmio_size);
unmap_dus:
	sys->munmap(q->dus, q->dus_size);
	return rc;
}

static bool uacce_bells_fit(const struct uacce_info *info)
{
	return info->mmio_size >=
	       (info->qm_version == 1 ? UACCE_BELL_END_V1 : UACCE_BELL_END);
}

static int uacce_kernel_open(struct uacce_host *host,
			     const struct uacce_info *info,
			     unsigned int qc_type, size_t pool,
			     struct uacce_queue *q)
{
	struct uacce_kernel *k = kernel_of(host);
	struct uacce_kernel_queue *r;
	const char *step = "opening";
	int fd, rc;

	fd = uacce_openat(k->sys, &k->dev, info->name, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		rc = errno == ENXIO ? -ENODEV : -errno;
		uacce_complain(info, step, errno);
		return rc;
	}
	rc = -ENOMEM;
	r = uacce_record_get(k, fd);
	if (!r)
		goto close_fd;
	r->qc_type = (uint16_t)qc_type;
	r->abi = uacce_sysfs_old(uacce_dir_fd(&k->class), info->name)
			 ? &uacce_4_19
			 : &uacce_mainline;
	*q = (struct uacce_queue){
		.host = host,
		.engine = info->engine,
		.qm_version = info->qm_version,
		.sva = info->flags & UACCE_FLAG_SVA,
		.dus_size = info->dus_size,
		.mmio_size = info->mmio_size,
		.bell = uacce_kernel_bell,
		.fd = fd,
		.priv = r,
	};
	step = "checking the size of the doorbell region";
	rc = uacce_bells_fit(info) ? 0 : -EINVAL;
	if (!rc)
		rc = uacce_set_up(q, k->sys, info, pool, &step);
	if (rc)
		goto put_record;
	return 0;

put_record:
	uacce_complain(info, step, -rc);
	uacce_record_put(r);
close_fd:
	k->sys->close(fd);
	return rc == -ENXIO ? -ENODEV : rc;
}

/* Remembers that the kernel has taken the queue away. */
static int uacce_request(struct uacce_queue *q, unsigned long request,
			 void *arg)
{
	const struct uacce_kernel *k = kernel_of(q->host);
	struct uacce_kernel_queue *r = q->priv;
	int rc = k->sys->ioctl(q->fd, request, arg) ? -errno : 0;

	if (rc == -ENXIO)
		atomic_store(&r->gone, true);
	return rc;
}

/*
 * The hardware begins at completion 0 with phase 1, but the kernel clears the
 * ring when a queue is opened only: what an earlier user left must not look
 * like an answer.
 */
static int uacce_kernel_start(struct uacce_queue *q)
{
	const struct uacce_kernel_queue *r = q->priv;

	memset(q->dus + (size_t)q->sqe_size * q->sq_depth, 0,
	       (size_t)UACCE_CQE_SIZE * q->cq_depth);
	memset(q->dus + q->dus_size - UACCE_STOP_BYTES, 0, UACCE_STOP_BYTES);
	return uacce_request(q, r->abi->start, NULL);
}

/*
 * Kernels that release the queue here answer a second request like a zombie's,
 * though its mappings live on: so there is none.
 */
static int uacce_kernel_stop(struct uacce_queue *q)
{
	struct uacce_kernel_queue *r = q->priv;
	int rc = r->stopped ? 0 : uacce_request(q, r->abi->put, NULL);

	r->stopped = !rc;
	return rc;
}

static void uacce_kernel_close(struct uacce_queue *q)
{
	const struct uacce_sys *sys = kernel_of(q->host)->sys;
	struct uacce_kernel_queue *r = q->priv;
	int fd = q->fd;

	uacce_pool_close(q, sys, atomic_load(&r->gone));
	sys->munmap(q->mmio, q->mmio_size);
	sys->munmap(q->dus, q->dus_size);
	uacce_record_put(r);
	sys->close(fd);
	*q = (struct uacce_queue){ .fd = -1 };
}

/* A zombie reports no event for ever: ask whether it is one when time is up. */
static int uacce_still_there(struct uacce_queue *q)
{
	const struct uacce_kernel_queue *r = q->priv;
	struct uacce_qp_ctx ctx = { .qc_type = r->qc_type };

	return uacce_request(q, UACCE_SET_QP_CTX, &ctx) == -ENXIO ? -ENXIO : 0;
}

static int uacce_kernel_wait(struct uacce_queue *q, int64_t timeout_ns)
{
	const struct uacce_sys *sys = kernel_of(q->host)->sys;
	struct pollfd p = { .fd = q->fd, .events = POLLIN };
	struct timespec t = {
		.tv_sec = timeout_ns / 1000000000,
		.tv_nsec = timeout_ns % 1000000000,
	};
	int n = sys->ppoll(&p, 1, timeout_ns < 0 ? NULL : &t);

	if (n < 0)
		return -errno;
	if (n && p.revents & POLLIN)
		return 1;
	return n ? -ENXIO : uacce_still_there(q);
}

/*
 * The child's descriptors refer to the parent's queues and would keep them
 * from being given back.  The parent's mappings were not inherited.
 */
static int uacce_kernel_forked(struct uacce_host *host)
{
	struct uacce_kernel *k = kernel_of(host);
	struct uacce_kernel_queue *r = atomic_load(&k->queues);

	for (; r; r = r->next) {
		if (uacce_file_is_ours(&r->file))
			k->sys->close(atomic_load(&r->file.fd));
		if (atomic_load(&r->file.fd) != UACCE_FD_FREE)
			atomic_store(&r->file.fd, UACCE_FD_PARENT);
	}
	return 0;
}

static void uacce_kernel_free(struct uacce_host *host)
{
	struct uacce_kernel *k = kernel_of(host);
	struct uacce_kernel_queue *r = atomic_load(&k->queues), *next;

	for (; r; r = next) {
		next = r->next;
		free(r);
	}
	uacce_dir_free(&k->class);
	uacce_dir_free(&k->dev);
	free(k);
}

static const struct uacce_ops uacce_kernel_ops = {
	.list = uacce_kernel_list,
	.open = uacce_kernel_open,
	.start = uacce_kernel_start,
	.stop = uacce_kernel_stop,
	.close = uacce_kernel_close,
	.wait = uacce_kernel_wait,
	.forked = uacce_kernel_forked,
	.free = uacce_kernel_free,
};

int uacce_kernel_host_sys(struct uacce_host **out, const char *dev_root,
			  const char *class_root, const struct uacce_sys *sys)
{
	struct uacce_kernel *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return -ENOMEM;
	k->host.ops = &uacce_kernel_ops;
	k->sys = sys;
	rc = uacce_dir_new(&k->dev, dev_root);
	if (rc)
		goto free_host;
	rc = uacce_dir_new(&k->class, class_root);
	if (rc)
		goto free_dev;
	*out = &k->host;
	return 0;

free_dev:
	uacce_dir_free(&k->dev);
free_host:
	free(k);
	return rc;
}

int uacce_kernel_host(struct uacce_host **out, const char *dev_root,
		      const char *class_root)
{
	return uacce_kernel_host_sys(out, dev_root, class_root, &uacce_libc);
}
