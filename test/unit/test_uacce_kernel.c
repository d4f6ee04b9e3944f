/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel host against a scripted kernel, which keeps the rules of the real
 * one: INIT, STARTED, ZOMBIE; each region once, at its exact size; requests by
 * their numbers.  Its memory is a memfd, so that mappings are real ones.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wd_log.h"
#include "test/t.h"
#include "uacce/uacce_kernel.h"

#define DEPTH  1024
#define MMIO   0x10000
#define DUS    151552 /* 128-byte descriptors, 4 KiB pages */
#define SLICES 80
#define STEPS  64

enum state { ZOMBIE, INIT, STARTED };

/* The numbers as the kernel's headers have them, not as ours do. */
enum {
	START_Q = 0x5700,
	PUT_Q = 0x5701,
	OLD_START_Q = 0x5701,
	OLD_PUT_Q = 0x5703,
};
#define GET_SS_DMA  0x80085703ul
#define SET_QP_CTX  0xC004480Aul
#define SET_QP_INFO 0xC010480Bul

static struct {
	enum state state;
	int fd; /* of the one queue */
	int open_errno, start_errno, ctx_errno, info_errno, ss_errno;
	int mmap_errno[3], anon_errno;
	bool put_zombie; /* PUT releases for good */
	bool old;	 /* numbering of 4.19 */
	bool no_ss;
	uint32_t sqe_size;
	uint16_t sq_depth, cq_depth;
	uint16_t id, qc_type;
	size_t mmio_size, dus_size;
	void *map[3];
	size_t map_size[3];
	void *anon;
	size_t anon_size;
	unsigned long slice[SLICES];
	int slices;
	int poll_result;
	short poll_events;
	int poll_errno;
	struct timespec poll_timeout;
	bool poll_forever;

	/* one letter a call: o open, c ctx, i info, 0 1 2 a map, u unmap,
	 * S start, P put, d slice, p poll, x close */
	char trace[STEPS];
	unsigned int steps;
} k;

static void step(char c)
{
	if (k.steps < STEPS - 1)
		k.trace[k.steps++] = c;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

static int k_openat(int dir, const char *name, int flags)
{
	step('o');
	(void)dir;
	T_STR(name, "hisi_sec2-0");
	T_EQ(flags, O_RDWR | O_CLOEXEC);
	if (k.open_errno)
		return fail(k.open_errno);
	T_EQ(k.fd, -1);
	k.fd = memfd_create("queue", MFD_CLOEXEC);
	T_OK(k.fd >= 0);
	T_EQ(ftruncate(k.fd, 1 << 24), 0);
	k.state = INIT;
	return k.fd;
}

static int k_ctx(struct uacce_qp_ctx *ctx)
{
	step('c');
	if (k.ctx_errno)
		return fail(k.ctx_errno);
	if (ctx->qc_type > 2)
		return fail(EINVAL);
	k.qc_type = ctx->qc_type;
	ctx->id = k.id;
	return 0;
}

static int k_info(struct uacce_qp_info *info)
{
	step('i');
	if (k.info_errno)
		return fail(k.info_errno);
	*info = (struct uacce_qp_info){ k.sqe_size, k.sq_depth, k.cq_depth, 0 };
	return 0;
}

static int k_start(void)
{
	step('S');
	if (k.start_errno)
		return fail(k.start_errno);
	if (k.state != INIT)
		return fail(EINVAL);
	k.state = STARTED;
	return 0;
}

static int k_put(void)
{
	step('P');
	k.state = k.put_zombie ? ZOMBIE : INIT;
	return 0;
}

static int k_slice(unsigned long *value)
{
	int left;

	step('d');
	if (k.ss_errno)
		return fail(k.ss_errno);
	if (*value >= (unsigned long)k.slices || !k.map[UACCE_REGION_SS])
		return fail(EINVAL);
	left = k.slices - 1 - (int)*value;
	*value = k.slice[*value];
	return left;
}

static int k_ioctl(int fd, unsigned long request, void *arg)
{
	T_EQ(fd, k.fd);
	if (k.state == ZOMBIE)
		return fail(ENXIO);
	if (request == SET_QP_CTX)
		return k_ctx(arg);
	if (request == SET_QP_INFO)
		return k_info(arg);
	if (request == (k.old ? OLD_START_Q : START_Q))
		return k_start();
	if (request == (k.old ? OLD_PUT_Q : PUT_Q))
		return k_put();
	if (request == GET_SS_DMA && !k.no_ss)
		return k_slice(arg);
	return fail(EINVAL);
}

static void *k_region(size_t size, int fd, unsigned int region)
{
	static const char letter[] = "012";
	size_t exact[] = { k.mmio_size, k.dus_size, size };

	step(letter[region]);
	T_EQ(fd, k.fd);
	if (k.state == ZOMBIE)
		return fail(ENXIO), MAP_FAILED;
	if (k.mmap_errno[region])
		return fail(k.mmap_errno[region]), MAP_FAILED;
	if (region == UACCE_REGION_SS && k.no_ss)
		return fail(EINVAL), MAP_FAILED;
	if (size != exact[region])
		return fail(EINVAL), MAP_FAILED;
	if (k.map[region])
		return fail(EEXIST), MAP_FAILED;
	k.map[region] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			     (off_t)region << 20);
	k.map_size[region] = size;
	return k.map[region];
}

static void *k_mmap(size_t size, int prot, int flags, int fd, off_t off)
{
	long page = sysconf(_SC_PAGESIZE);

	T_EQ(prot, PROT_READ | PROT_WRITE);
	if (flags & MAP_ANONYMOUS) {
		step('a');
		if (k.anon_errno)
			return fail(k.anon_errno), MAP_FAILED;
		k.anon = mmap(NULL, size, prot, flags, -1, 0);
		k.anon_size = size;
		return k.anon;
	}
	T_EQ(flags, MAP_SHARED);
	T_EQ(off % page, 0);
	if (off / page > UACCE_REGION_SS)
		return fail(EINVAL), MAP_FAILED;
	return k_region(size, fd, (unsigned int)(off / page));
}

static int k_munmap(void *p, size_t size)
{
	step('u');
	for (int i = 0; i < 3; i++)
		if (p == k.map[i]) {
			T_EQ(size, k.map_size[i]);
			k.map[i] = NULL;
		}
	if (p == k.anon) {
		T_EQ(size, k.anon_size);
		k.anon = NULL;
	}
	return munmap(p, size);
}

static int k_ppoll(struct pollfd *p, nfds_t n, const struct timespec *t)
{
	step('p');
	T_EQ(n, 1);
	T_EQ(p->fd, k.fd);
	T_EQ(p->events, POLLIN);
	k.poll_forever = !t;
	if (t)
		k.poll_timeout = *t;
	if (k.poll_errno)
		return fail(k.poll_errno);
	p->revents = k.poll_events;
	return k.poll_result;
}

static int k_close(int fd)
{
	step('x');
	T_EQ(fd, k.fd);
	k.fd = -1;
	return close(fd);
}

static const struct uacce_sys scripted = {
	k_openat, k_ioctl, k_mmap, k_munmap, k_ppoll, k_close,
};

static struct uacce_host *host;
static struct uacce_queue q;
static int log_pipe[2];
static char root[64];

static const struct uacce_info sva = {
	.name = "hisi_sec2-0",
	.engine = UACCE_SEC,
	.qm_version = 3,
	.flags = UACCE_FLAG_SVA,
	.available = 1,
	.mmio_size = MMIO,
	.dus_size = DUS,
};

static struct uacce_info without_sva(uint32_t flags)
{
	struct uacce_info info = sva;

	info.flags = flags;
	return info;
}

static void teardown(void)
{
	if (host)
		host->ops->free(host);
	host = NULL;
	if (k.fd > 0)
		close(k.fd);
}

static void setup_at(const char *class_root)
{
	teardown();
	memset(&k, 0, sizeof(k));
	k.fd = -1;
	k.id = 9;
	k.sqe_size = 128;
	k.sq_depth = k.cq_depth = DEPTH;
	k.mmio_size = MMIO;
	k.dus_size = DUS;
	if (log_pipe[0])
		close(log_pipe[0]), close(log_pipe[1]);
	T_EQ(pipe2(log_pipe, O_NONBLOCK | O_CLOEXEC), 0);
	wd_log_to(log_pipe[1], WD_LOG_WARN);
	T_EQ(uacce_kernel_host_sys(&host, "/", class_root, &scripted), 0);
}

static void setup(void)
{
	setup_at("/nonexistent");
}

static const char *logged(void)
{
	static char text[4096];
	ssize_t n = read(log_pipe[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int open_it(const struct uacce_info *info, size_t pool)
{
	return host->ops->open(host, info, 0, pool, &q);
}

static void all_is_given_back(void)
{
	for (int i = 0; i < 3; i++)
		T_OK(!k.map[i]);
	T_OK(!k.anon);
	T_EQ(k.fd, -1);
}

static void a_queue_from_open_to_close(void)
{
	setup();
	T_EQ(host->ops->open(host, &sva, 1, 8192, &q), 0);
	T_OK(q.host == host);
	T_EQ(q.engine, UACCE_SEC);
	T_EQ(q.qm_version, 3);
	T_OK(q.sva);
	T_EQ(q.id, 9);
	T_EQ(k.qc_type, 1);
	T_EQ(q.sqe_size, 128);
	T_EQ(q.sq_depth, DEPTH);
	T_EQ(q.cq_depth, DEPTH);
	T_OK(q.dus == k.map[UACCE_REGION_DUS]);
	T_OK(q.mmio == k.map[UACCE_REGION_MMIO]);
	T_EQ(q.dus_size, DUS);
	T_EQ(q.fd, k.fd);
	T_EQ(k.state, INIT);
	host->ops->close(&q);
	all_is_given_back();
}

static void requests_come_in_the_kernels_order(void)
{
	setup();
	T_EQ(open_it(&sva, 8192), 0);
	T_EQ(host->ops->start(&q), 0);
	T_EQ(k.state, STARTED);
	T_EQ(host->ops->stop(&q), 0);
	host->ops->close(&q);
	T_STR(k.trace, "oci10aSPuuux");
	all_is_given_back();
	T_EQ(q.fd, -1);
}

static void a_bell_is_one_store_at_its_place(void)
{
	setup();
	T_EQ(open_it(&sva, 0), 0);
	q.bell(&q, 0x1000, 0x0123456789abcdef);
	T_MEM(q.mmio + 0x1000, "\xef\xcd\xab\x89\x67\x45\x23\x01", 8);
	host->ops->close(&q);
}

static void start_clears_completions_and_stop_words(void)
{
	static const uint8_t clean[DEPTH * 16];

	setup();
	T_EQ(open_it(&sva, 0), 0);
	memset(q.dus, 0xff, DUS);
	T_EQ(host->ops->start(&q), 0);
	T_MEM(q.dus + DEPTH * 128, clean, sizeof(clean));
	T_MEM(q.dus + DUS - 8, clean, 8);
	T_EQ(q.dus[DEPTH * 128 - 1], 0xff);
	T_EQ(q.dus[DUS - 9], 0xff);
	host->ops->close(&q);
}

static void old_kernels_have_rings_of_one_shape(void)
{
	static const int errors[] = { EINVAL, ENOTTY };

	for (int i = 0; i < 2; i++) {
		setup();
		k.info_errno = errors[i];
		T_EQ(open_it(&sva, 0), 0);
		T_EQ(q.sqe_size, 128);
		T_EQ(q.sq_depth, 1024);
		T_EQ(q.cq_depth, 1024);
		host->ops->close(&q);
	}
}

static void hpre_descriptors_are_half_as_long_there(void)
{
	struct uacce_info info = sva;

	setup();
	info.engine = UACCE_HPRE;
	info.dus_size = k.dus_size = 86016;
	k.info_errno = EINVAL;
	T_EQ(open_it(&info, 0), 0);
	T_EQ(q.sqe_size, 64);
	host->ops->close(&q);
}

static void the_oldest_kernel_has_numbers_of_its_own(void)
{
	char path[128];

	strcpy(root, "/tmp/wd-uacce-XXXXXX");
	T_OK(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/hisi_sec2-0", root);
	T_EQ(mkdir(path, 0700), 0);
	strcat(path, "/attrs");
	T_EQ(mkdir(path, 0700), 0);
	setup_at(root);
	k.old = true;
	k.info_errno = EINVAL;
	T_EQ(open_it(&sva, 0), 0);
	T_EQ(host->ops->start(&q), 0);
	T_EQ(k.state, STARTED);
	T_EQ(host->ops->stop(&q), 0);
	T_EQ(k.state, INIT);
	host->ops->close(&q);
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(root);
}

static void refused(int error, int rc, const char *cure)
{
	const char *text;

	setup();
	k.open_errno = error;
	T_EQ(open_it(&sva, 0), rc);
	text = logged();
	T_OK(strstr(text, "hisi_sec2-0: opening: "));
	if (!strstr(text, cure))
		t_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", text,
		       cure);
	all_is_given_back();
}

static void an_open_that_fails_names_the_cure(void)
{
	refused(EACCES, -EACCES, "udev rule SUBSYSTEM==\"uacce\"");
	refused(EBUSY, -EBUSY, "all its queues are in use");
	refused(EPERM, -EPERM, "stopped, in a reset or isolated");
	refused(ENODEV, -ENODEV, "uacce_mode=1");
	refused(ENOENT, -ENOENT, "is its driver loaded");
	refused(ENXIO, -ENODEV, "gone or being removed");
	refused(ENOMEM, -ENOMEM, "short of contiguous memory");
	refused(EMFILE, -EMFILE, "ulimit -n");
	refused(EIO, -EIO, "see the kernel log");
}

static void failed(int rc, const char *where)
{
	const char *text;

	T_EQ(open_it(&sva, 4096), rc);
	text = logged();
	if (!strstr(text, where))
		t_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", text,
		       where);
	all_is_given_back();
}

static void every_failed_step_gives_all_back(void)
{
#define FAIL(field, value, rc, where)                                          \
	do {                                                                   \
		setup();                                                       \
		k.field = (value);                                             \
		failed((rc), (where));                                         \
	} while (0)
	FAIL(ctx_errno, EINVAL, -EINVAL, "asking for the queue");
	FAIL(ctx_errno, ENXIO, -ENODEV, "asking for the queue");
	FAIL(info_errno, EFAULT, -EFAULT, "asking for the queue");
	FAIL(mmap_errno[UACCE_REGION_DUS], ENOMEM, -ENOMEM,
	     "mapping the rings");
	FAIL(mmap_errno[UACCE_REGION_DUS], EEXIST, -EEXIST,
	     "mapping the rings");
	FAIL(dus_size, DUS + 4096, -EINVAL, "mapping the rings");
	FAIL(mmap_errno[UACCE_REGION_MMIO], EINVAL, -EINVAL,
	     "mapping the doorbells");
	FAIL(mmio_size, 8192, -EINVAL, "mapping the doorbells");
	FAIL(anon_errno, ENOMEM, -ENOMEM, "memory the device can reach");
	/* rings that do not fit what sysfs says */
	FAIL(sq_depth, 2048, -EINVAL, "asking for the queue");
	FAIL(cq_depth, 4096, -EINVAL, "asking for the queue");
	FAIL(sqe_size, 65536, -EINVAL, "asking for the queue");
	FAIL(sqe_size, UINT32_MAX, -EINVAL, "asking for the queue");
#undef FAIL
}

static void a_region_without_the_doorbell_is_refused(void)
{
	struct uacce_info info = sva;

	setup();
	info.mmio_size = 4096;
	T_EQ(open_it(&info, 0), -EINVAL);
	T_OK(strstr(logged(), "doorbell region"));
	all_is_given_back();
	info.qm_version = 1; /* whose doorbell is in the first page */
	k.mmio_size = 4096;
	T_EQ(open_it(&info, 0), 0);
	host->ops->close(&q);
}

static void errors_of_start_come_through(void)
{
	setup();
	T_EQ(open_it(&sva, 0), 0);
	k.start_errno = EPERM;
	T_EQ(host->ops->start(&q), -EPERM);
	k.start_errno = EBUSY;
	T_EQ(host->ops->start(&q), -EBUSY);
	host->ops->close(&q);
	all_is_given_back();
}

static void starting_twice_is_an_error(void)
{
	setup();
	T_EQ(open_it(&sva, 0), 0);
	T_EQ(host->ops->start(&q), 0);
	T_EQ(host->ops->start(&q), -EINVAL);
	host->ops->close(&q);
}

static void some_kernels_release_at_stop(void)
{
	setup();
	k.put_zombie = true;
	T_EQ(open_it(&sva, 0), 0);
	T_EQ(host->ops->start(&q), 0);
	T_EQ(host->ops->stop(&q), 0);
	T_EQ(host->ops->stop(&q), 0);
	T_EQ(host->ops->start(&q), -ENXIO);
	host->ops->close(&q);
	all_is_given_back();
}

static void a_zombie_answers_nothing_and_can_be_closed(void)
{
	setup();
	T_EQ(open_it(&sva, 4096), 0);
	T_EQ(host->ops->start(&q), 0);
	k.state = ZOMBIE;
	T_EQ(host->ops->wait(&q, 1000), -ENXIO);
	T_EQ(host->ops->stop(&q), -ENXIO);
	host->ops->close(&q);
	all_is_given_back();
}

static void waiting_has_four_ends(void)
{
	setup();
	T_EQ(open_it(&sva, 0), 0);
	k.poll_result = 1;
	k.poll_events = POLLIN;
	T_EQ(host->ops->wait(&q, 2500000000), 1);
	T_OK(!k.poll_forever);
	T_EQ(k.poll_timeout.tv_sec, 2);
	T_EQ(k.poll_timeout.tv_nsec, 500000000);
	T_EQ(host->ops->wait(&q, -1), 1);
	T_OK(k.poll_forever);
	k.poll_result = 0;
	k.poll_events = 0;
	T_EQ(host->ops->wait(&q, 0), 0);
	T_EQ(k.poll_timeout.tv_sec, 0);
	T_EQ(k.poll_timeout.tv_nsec, 0);
	k.poll_errno = EINTR;
	T_EQ(host->ops->wait(&q, 1), -EINTR);
	k.poll_errno = 0;
	k.poll_result = 1;
	k.poll_events = POLLERR;
	T_EQ(host->ops->wait(&q, 1), -ENXIO);
	host->ops->close(&q);
}

static void a_pool_under_sva_is_memory_of_our_own(void)
{
	static const uint8_t clean[8192];

	setup();
	T_EQ(open_it(&sva, 5000), 0);
	T_OK(q.pool == k.anon);
	T_EQ(q.pool_size % (size_t)sysconf(_SC_PAGESIZE), 0);
	T_OK(q.pool_size >= 5000);
	T_MEM(q.pool, clean, 5000);
	T_EQ(q.slices, 1);
	T_OK(uacce_addr(&q, q.pool + 7, 3) == (uintptr_t)q.pool + 7);
	T_OK(uacce_addr(&q, &host, 8) == (uintptr_t)&host);
	host->ops->close(&q);
	all_is_given_back();
}

static void no_pool_was_asked_for(void)
{
	struct uacce_info info = without_sva(UACCE_FLAG_IOMMU);

	setup();
	T_EQ(open_it(&info, 0), 0);
	T_OK(!q.pool && !q.slices && !k.map[UACCE_REGION_SS]);
	T_EQ(uacce_addr(&q, &host, 1), UACCE_NO_ADDR);
	host->ops->close(&q);
}

static void behind_an_iommu_the_pool_is_one_slice(void)
{
	struct uacce_info info = without_sva(UACCE_FLAG_IOMMU);

	setup();
	k.slices = 1;
	k.slice[0] = 0xfedc000000 | 0x001; /* the count is not to be used */
	T_EQ(open_it(&info, 0x30000), 0);
	T_OK(!q.sva);
	T_EQ(q.pool_size, 0x30000);
	T_EQ(q.slices, 1);
	T_EQ(q.slice[0].bus, 0xfedc000000);
	T_EQ(q.slice[0].size, 0x30000);
	T_EQ(uacce_addr(&q, q.pool + 0x2ffff, 1), 0xfedc02ffff);
	T_EQ(uacce_addr(&q, &host, 1), UACCE_NO_ADDR);
	host->ops->close(&q);
	all_is_given_back();
}

static void physical_slices_are_told_one_by_one(void)
{
	struct uacce_info info = without_sva(UACCE_FLAG_NOIOMMU);

	setup();
	k.slices = 3;
	k.slice[0] = 0x10000000 | 1;
	k.slice[1] = 0x10010000 | 1; /* goes on where the first ended */
	k.slice[2] = 0x40000000 | 2;
	T_EQ(open_it(&info, 0x3fff0), 0);
	T_EQ(q.pool_size, 0x40000);
	T_EQ(q.slices, 2);
	T_EQ(q.slice[0].size, 0x20000);
	T_EQ(uacce_addr(&q, q.pool, 0x20000), 0x10000000);
	T_EQ(uacce_addr(&q, q.pool + 0x20000, 0x20000), 0x40000000);
	T_EQ(uacce_addr(&q, q.pool + 0x1ffff, 2), UACCE_NO_ADDR);
	T_STR(k.trace, "oci102ddd");
	host->ops->close(&q);
	all_is_given_back();
}

static void no_pool(const struct uacce_info *info, int rc)
{
	T_EQ(open_it(info, 0x60000), rc);
	T_OK(strstr(logged(), "memory the device can reach"));
	all_is_given_back();
}

static void a_pool_that_can_t_be_had_closes_the_queue(void)
{
	struct uacce_info info = without_sva(UACCE_FLAG_NOIOMMU);

	setup();
	k.no_ss = true;
	no_pool(&info, -EINVAL);
	setup();
	k.mmap_errno[UACCE_REGION_SS] = ENOMEM;
	no_pool(&info, -ENOMEM);
	setup();
	k.slices = 1;
	k.ss_errno = ENODEV;
	no_pool(&info, -ENODEV);
	setup(); /* less than was mapped */
	k.slices = 2;
	k.slice[0] = 0x10000000 | 1;
	k.slice[1] = 0x20000000 | 1;
	no_pool(&info, -EINVAL);
	setup(); /* a slice of nothing */
	k.slices = 2;
	k.slice[0] = 0x10000000;
	k.slice[1] = 0x20000000 | 6;
	no_pool(&info, -EINVAL);
	setup(); /* nowhere */
	k.slices = 1;
	k.slice[0] = 6;
	no_pool(&info, -EINVAL);
}

static void more_slices_than_we_keep_are_refused(void)
{
	struct uacce_info info = without_sva(UACCE_FLAG_NOIOMMU);

	setup();
	k.slices = UACCE_SLICES_MAX + 1;
	for (int i = 0; i < k.slices; i++)
		k.slice[i] = (0x10000000ul + 0x100000ul * (unsigned int)i) | 1;
	T_EQ(open_it(&info, 0x10000 * (UACCE_SLICES_MAX + 1)), -ENOMEM);
	all_is_given_back();
	setup();
	k.slices = UACCE_SLICES_MAX;
	for (int i = 0; i < k.slices; i++)
		k.slice[i] = (0x10000000ul + 0x100000ul * (unsigned int)i) | 1;
	T_EQ(open_it(&info, 0x10000 * UACCE_SLICES_MAX), 0);
	T_EQ(q.slices, UACCE_SLICES_MAX);
	host->ops->close(&q);
}

static void a_pool_is_wiped(bool put_zombie)
{
	struct uacce_info info = without_sva(UACCE_FLAG_IOMMU);
	uint8_t after[16] = { 0xff };
	int dup_fd;

	setup();
	k.put_zombie = put_zombie;
	k.slices = 1;
	k.slice[0] = 0x10000000;
	T_EQ(open_it(&info, 0x10000), 0);
	memset(q.pool, 0x5e, 0x10000);
	dup_fd = dup(k.fd);
	T_EQ(host->ops->stop(&q), 0);
	T_EQ(host->ops->stop(&q), 0);
	host->ops->close(&q);
	T_EQ(pread(dup_fd, after, 16, UACCE_REGION_SS << 20), 16);
	T_MEM(after, (uint8_t[16]){ 0 }, 16);
	close(dup_fd);
}

static void a_pool_is_wiped_before_it_goes_back(void)
{
	a_pool_is_wiped(false);
	a_pool_is_wiped(true);
}

static void a_pool_the_kernel_took_back_is_not_touched(void)
{
	struct uacce_info info = without_sva(UACCE_FLAG_IOMMU);
	uint8_t after[16];
	int dup_fd;

	setup();
	k.slices = 1;
	k.slice[0] = 0x10000000;
	T_EQ(open_it(&info, 0x10000), 0);
	memset(q.pool, 0x5e, 0x10000);
	dup_fd = dup(k.fd);
	k.state = ZOMBIE;
	T_EQ(host->ops->stop(&q), -ENXIO);
	host->ops->close(&q);
	T_EQ(pread(dup_fd, after, 16, UACCE_REGION_SS << 20), 16);
	T_EQ(after[0], 0x5e);
	close(dup_fd);
}

static void records_are_used_again(void)
{
	setup();
	for (int i = 0; i < 100; i++) {
		k.steps = 0;
		T_EQ(open_it(&sva, 4096), 0);
		T_EQ(host->ops->start(&q), 0);
		T_EQ(host->ops->stop(&q), 0);
		host->ops->close(&q);
	}
	all_is_given_back();
}

/* The child lets go of the parent's queue, but not of what took its number. */
static void a_child_lets_go_of_its_parents_queue(void)
{
	int status, fd;
	pid_t pid;

	setup();
	T_EQ(open_it(&sva, 0), 0);
	fd = q.fd;
	pid = fork();
	T_OK(pid >= 0);
	if (!pid) {
		bool ok = !host->ops->forked(host) && fcntl(fd, F_GETFD) < 0 &&
			  errno == EBADF && !host->ops->forked(host);

		_exit(ok ? 0 : 1);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	T_OK(fcntl(fd, F_GETFD) >= 0);

	pid = fork();
	T_OK(pid >= 0);
	if (!pid) {
		int other = open("/dev/null", O_RDONLY);
		bool ok = dup2(other, fd) == fd && !host->ops->forked(host) &&
			  fcntl(fd, F_GETFD) >= 0;

		_exit(ok ? 0 : 1);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	T_EQ(host->ops->start(&q), 0);
	host->ops->close(&q);
}

static int dir_of_open = -1;

static int below_the_handle(int dir, const char *name, int flags)
{
	struct stat st;

	(void)name;
	(void)flags;
	dir_of_open = dir;
	return fail(fstat(dir, &st) ? EBADF : ENOENT);
}

/* As in programs that turn into daemons and close all they find open. */
static void a_handle_that_was_closed_is_taken_again(void)
{
	struct uacce_sys sys = scripted;
	struct uacce_info info;
	int first;

	setup();
	host->ops->free(host);
	sys.openat = below_the_handle;
	T_EQ(uacce_kernel_host_sys(&host, "/dev", "/", &sys), 0);
	T_EQ(host->ops->open(host, &sva, 0, 0, &q), -ENOENT);
	first = dir_of_open;
	T_EQ(close(first), 0);
	T_EQ(host->ops->open(host, &sva, 0, 0, &q), -ENOENT);
	T_OK(dir_of_open >= 0);
	T_OK(fcntl(dir_of_open, F_GETFD) >= 0);
	T_EQ(host->ops->list(host, &info, 1), 0);
}

static int node_errno;

static int the_real_node(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags);

	node_errno = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return fail(ENODEV); /* a plain file: there is no going on */
}

/* Exit status: which expectation failed. */
static int jailed(struct uacce_host *jail, const char *node)
{
	if (chmod(node, 0666) || chroot("/proc") || chdir("/") ||
	    setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		return 77;
	if (!access(node, F_OK))
		return 1;
	node_errno = -1;
	jail->ops->open(jail, &sva, 0, 0, &q);
	return node_errno ? 2 : 0;
}

static int jailed_without_rights(struct uacce_host *jail, const char *node)
{
	int rc = chmod(node, 0600) ? 77 : 0;

	if (rc || chroot("/proc") || setresuid(65534, 65534, 65534))
		return 77;
	jail->ops->open(jail, &sva, 0, 0, &q);
	return node_errno != EACCES;
}

/* As Debian's HAProxy: root when the provider is loaded, at the first
 * signature in a chroot and a user of its own. */
static void a_chroot_does_not_hide_the_nodes(void)
{
	int (*const stories[])(struct uacce_host *,
			       const char *) = { jailed,
						 jailed_without_rights };
	char dir[] = "/tmp/wd-nodes-XXXXXX", node[64];
	struct uacce_sys sys = scripted;
	int status;
	pid_t pid;

	setup();
	host->ops->free(host);
	T_OK(mkdtemp(dir));
	T_EQ(chmod(dir, 0755), 0);
	snprintf(node, sizeof(node), "%s/hisi_sec2-0", dir);
	close(open(node, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	sys.openat = the_real_node;
	T_EQ(uacce_kernel_host_sys(&host, dir, "/", &sys), 0);
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		pid = fork();
		if (!pid)
			_exit(stories[i](host, node));
		T_EQ(waitpid(pid, &status, 0), pid);
		/* 77: this is not root. */
		T_OK(!status || WEXITSTATUS(status) == 77);
	}
	unlink(node);
	rmdir(dir);
}

/* What now has the number is not ours to close. */
static void a_number_somebody_else_has_is_left_alone(void)
{
	struct uacce_sys sys = scripted;
	int other = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setup();
	host->ops->free(host);
	sys.openat = below_the_handle;
	T_EQ(uacce_kernel_host_sys(&host, "/dev", "/", &sys), 0);
	T_EQ(host->ops->open(host, &sva, 0, 0, &q), -ENOENT);
	T_EQ(dup2(other, dir_of_open), dir_of_open);
	host->ops->free(host);
	host = NULL;
	T_OK(fcntl(dir_of_open, F_GETFD) >= 0);
	close(dir_of_open);
	close(other);
}

T_MAIN(T_CASE(a_queue_from_open_to_close),
       T_CASE(requests_come_in_the_kernels_order),
       T_CASE(a_bell_is_one_store_at_its_place),
       T_CASE(start_clears_completions_and_stop_words),
       T_CASE(old_kernels_have_rings_of_one_shape),
       T_CASE(hpre_descriptors_are_half_as_long_there),
       T_CASE(the_oldest_kernel_has_numbers_of_its_own),
       T_CASE(an_open_that_fails_names_the_cure),
       T_CASE(every_failed_step_gives_all_back),
       T_CASE(a_region_without_the_doorbell_is_refused),
       T_CASE(errors_of_start_come_through), T_CASE(starting_twice_is_an_error),
       T_CASE(some_kernels_release_at_stop),
       T_CASE(a_zombie_answers_nothing_and_can_be_closed),
       T_CASE(waiting_has_four_ends),
       T_CASE(a_pool_under_sva_is_memory_of_our_own),
       T_CASE(no_pool_was_asked_for),
       T_CASE(behind_an_iommu_the_pool_is_one_slice),
       T_CASE(physical_slices_are_told_one_by_one),
       T_CASE(a_pool_that_can_t_be_had_closes_the_queue),
       T_CASE(more_slices_than_we_keep_are_refused),
       T_CASE(a_pool_is_wiped_before_it_goes_back),
       T_CASE(a_pool_the_kernel_took_back_is_not_touched),
       T_CASE(records_are_used_again),
       T_CASE(a_child_lets_go_of_its_parents_queue),
       T_CASE(a_chroot_does_not_hide_the_nodes),
       T_CASE(a_handle_that_was_closed_is_taken_again),
       T_CASE(a_number_somebody_else_has_is_left_alone))
