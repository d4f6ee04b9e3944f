/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uacce_unix.c - the devices of a model daemon.
 *
 * One connection for each queue, made when the queue is opened; a list is a
 * connection of its own.  Nothing the daemon says is believed beyond what it
 * may decide: sizes are checked against the memory that came with them.
 *
 * Protocol: uacce_unix_wire.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "uacce/uacce_dir.h"
#include "uacce/uacce_kernel.h"
#include "uacce/uacce_unix_wire.h"

#define NS_PER_S 1000000000

/* A daemon that takes longer for an answer is stuck. */
#define UNIX_ANSWER_S 5

enum { UNIX_FREE = -1, UNIX_PARENT = -2 };

/* One record per queue, never freed before the host: a forked child walks the
 * list whatever other threads of its parent were doing to it. */
struct unix_queue {
	struct unix_queue *next;
	struct uacce_file socket, event;
	struct uacce_unix_bells *bells;
	size_t size; /* of the mapping that begins there */
	uint16_t count[UACCE_UNIX_BELLS];
};

struct unix_host {
	struct uacce_host host;
	struct uacce_dir dir;
	char *name; /* of the socket in it */
	_Atomic(struct unix_queue *) queues;
};

static struct unix_host *unix_of(struct uacce_host *host)
{
	return (struct unix_host *)host; /* its first member */
}

/* ---- connections -------------------------------------------------------- */

static int unix_connect_to(int sock, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	return connect(sock, (struct sockaddr *)&addr, sizeof(addr)) ? -errno
								     : 0;
}

static bool unix_leads_to(const char *path, int node)
{
	struct stat a, b;

	return !stat(path, &a) && !fstat(node, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/*
 * From inside the directory held, which is reached from everywhere.  The
 * working directory is the whole process's: this thread gets one of its own
 * first, and has it back the way it was.
 */
static int unix_connect_inside(struct unix_host *h, int sock)
{
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), rc;

	if (here < 0)
		return -errno;
	if (unshare(CLONE_FS) || fchdir(here) || fchdir(uacce_dir_fd(&h->dir)))
		rc = -errno;
	else
		rc = unix_connect_to(sock, h->name);
	if (fchdir(here)) /* as a moment ago */
		rc = -errno;
	close(here);
	return rc;
}

/* There is no connectat(): /proc leads from the node held to its socket, but
 * may not be mounted, or closed to who has changed his user. */
static int unix_connect_node(struct unix_host *h, int sock, int node)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int rc;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", node);
	rc = unix_connect_to(sock, path);
	if (rc != -ENOENT && rc != -EACCES)
		return rc;
	if (snprintf(path, sizeof(path), "%s/%s", h->dir.path, h->name) <
		    (int)sizeof(path) &&
	    unix_leads_to(path, node))
		return unix_connect_to(sock, path);
	return unix_connect_inside(h, sock);
}

static int unix_open_node(struct unix_host *h)
{
	const int flags = O_PATH | O_CLOEXEC;
	int node = openat(uacce_dir_fd(&h->dir), h->name, flags);

	if (node < 0 && (errno == EBADF || errno == ENOTDIR)) {
		uacce_dir_take(&h->dir);
		node = openat(uacce_dir_fd(&h->dir), h->name, flags);
		if (node < 0 && errno == EBADF)
			errno = ENOENT;
	}
	return node < 0 ? -errno : node;
}

/* Opening the node comes first: sandboxes that refuse it kill for socket(). */
static int unix_connect(struct unix_host *h)
{
	const struct timeval limit = { .tv_sec = UNIX_ANSWER_S };
	int node = unix_open_node(h), sock, rc;

	if (node < 0)
		return node;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0) {
		rc = -errno;
		goto close_node;
	}
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	rc = unix_connect_node(h, sock, node);
	if (rc)
		close(sock);
	else
		rc = sock;
close_node:
	close(node);
	return rc;
}

/* Descriptors that came with a packet; more than @max are closed. */
static unsigned int unix_take_fds(struct msghdr *m, int *fds, unsigned int max)
{
	unsigned int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < bytes / sizeof(int); i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (n < max)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

/* Return: bytes of the packet, or -errno; descriptors not there are -1. */
static ssize_t unix_receive(int sock, void *buf, size_t size, int fds[2])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec v = { .iov_base = buf, .iov_len = size };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;

	fds[0] = fds[1] = -1;
	do {
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	unix_take_fds(&m, fds, 2);
	if (!n)
		return -ECONNRESET;
	return m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EPROTO : n;
}

static void unix_close_fds(const int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Return: bytes of an answer to this request, or -errno. */
static ssize_t unix_ask(int sock, const struct uacce_unix_request *request,
			void *buf, size_t size, int fds[2])
{
	const struct uacce_unix_answer *a = buf;
	ssize_t n;

	fds[0] = fds[1] = -1;
	do {
		n = send(sock, request, sizeof(*request), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	n = unix_receive(sock, buf, size, fds);
	if (n >= 0 && ((size_t)n < sizeof(*a) || a->magic != UACCE_UNIX_MAGIC ||
		       a->op != request->op))
		n = -EPROTO;
	if (n < 0) {
		unix_close_fds(fds);
		fds[0] = fds[1] = -1;
	}
	return n;
}

/* ---- list --------------------------------------------------------------- */

static bool unix_text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static int unix_info(const struct uacce_unix_device *d, struct uacce_info *info)
{
	if (!unix_text_ends(d->name, sizeof(d->name)) ||
	    !unix_text_ends(d->algorithms, sizeof(d->algorithms)) ||
	    d->engine >= UACCE_ENGINES ||
	    uacce_parse_engine(d->name) != d->engine || d->qm_version < 2 ||
	    d->qm_version > 5 || d->flags & UACCE_FLAG_SVA || !d->dus_size ||
	    d->dus_size > UACCE_UNIX_DUS_MAX)
		return -EPROTO;
	*info = (struct uacce_info){
		.engine = d->engine,
		.qm_version = d->qm_version,
		.flags = UACCE_FLAG_IOMMU,
		.available = d->available,
		.isolated = d->isolated,
		.numa_node = -1,
		.dus_size = d->dus_size,
	};
	strcpy(info->name, d->name);
	strcpy(info->algorithms, d->algorithms);
	return 0;
}

static int unix_list_take(const struct uacce_unix_list *l, size_t bytes,
			  struct uacce_info *out, unsigned int max)
{
	int n = l->answer.result;
	struct uacce_info info;

	if (n < 0)
		return n;
	if (n > UACCE_UNIX_DEVICES_MAX ||
	    bytes != sizeof(l->answer) + (size_t)n * sizeof(l->device[0]))
		return -EPROTO;
	for (int i = 0; i < n; i++) {
		if (unix_info(&l->device[i], &info))
			return -EPROTO;
		if ((unsigned int)i < max)
			out[i] = info;
	}
	return n;
}

static const char *unix_cure(int rc)
{
	switch (rc) {
	case -ENOENT:
	case -ECONNREFUSED:
		return "is the daemon (wd-emu --listen) running?";
	case -EACCES:
		return "this user may not use the socket: see wd-emu --mode";
	case -EPROTO:
	case -EPROTOTYPE:
		return "what answers there is no wd-emu of this version";
	case -ETIMEDOUT:
		return "the daemon does not answer";
	default:
		return "see the daemon's messages";
	}
}

static void unix_complain(const struct unix_host *h, const char *step, int rc)
{
	wd_warn("unix:%s/%s: %s: %s; %s", h->dir.path, h->name, step,
		strerror(-rc), unix_cure(rc));
}

static int unix_list(struct uacce_host *host, struct uacce_info *out,
		     unsigned int max)
{
	const struct uacce_unix_request request = { .magic = UACCE_UNIX_MAGIC,
						    .op = UACCE_UNIX_LIST };
	struct unix_host *h = unix_of(host);
	struct uacce_unix_list list;
	int fds[2], sock = unix_connect(h);
	ssize_t n = sock;

	if (sock >= 0) {
		n = unix_ask(sock, &request, &list, sizeof(list), fds);
		if (n >= 0) {
			unix_close_fds(fds);
			n = unix_list_take(&list, (size_t)n, out, max);
		}
		close(sock);
	}
	if (n < 0) {
		unix_complain(h, "no devices", (int)n);
		return 0;
	}
	return (int)n;
}

/* ---- queues ------------------------------------------------------------- */

static struct unix_queue *unix_record_get(struct unix_host *h, int sock)
{
	struct unix_queue *r = atomic_load(&h->queues);

	for (; r; r = r->next) {
		int none = UNIX_FREE;

		if (atomic_compare_exchange_strong(&r->socket.fd, &none, sock))
			break;
	}
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return NULL;
		atomic_store(&r->socket.fd, sock);
		r->next = atomic_load(&h->queues);
		while (!atomic_compare_exchange_weak(&h->queues, &r->next, r))
			;
	}
	atomic_store(&r->event.fd, UNIX_FREE);
	uacce_file_note(&r->socket, sock);
	memset(r->count, 0, sizeof(r->count));
	return r;
}

static void unix_bell(struct uacce_queue *q, uint32_t off, uint64_t value)
{
	struct unix_queue *r = q->priv;
	unsigned int kind = uacce_unix_bell_kind(value);
	uint64_t count = ++r->count[kind];

	(void)off; /* one window a queue, one doorbell register in it */
	atomic_store(&r->bells->bell[kind],
		     (value & ~UACCE_UNIX_BELL_COUNT) | count << 16);
	if (atomic_load(&r->bells->asleep) &&
	    atomic_exchange(&r->bells->asleep, 0) &&
	    send(atomic_load(&r->socket.fd), "", 1,
		 MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		wd_debug("unix: kick: %s", strerror(errno));
}

/* Is what came with the answer what the answer says? */
static int unix_check(const struct uacce_unix_queue *w,
		      const struct uacce_info *info, size_t pool, int memory)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int seals = fcntl(memory, F_GET_SEALS);
	uint64_t sum = 0;
	struct stat st;

	if (w->engine != info->engine || w->qm_version != info->qm_version)
		return -ENODEV; /* a daemon with other devices took over */
	if (w->slices > WD_ARRAY_SIZE(w->slice) || !w->dus_size ||
	    w->dus_size > UACCE_UNIX_DUS_MAX || w->dus_size % page ||
	    w->pool_size != wd_align_up(pool, page) ||
	    (uint64_t)w->sqe_size * w->sq_depth + 16ull * w->cq_depth +
			    UACCE_STOP_BYTES >
		    w->dus_size)
		return -EPROTO;
	for (uint32_t i = 0; i < w->slices; i++) {
		if (w->slice[i].size > w->pool_size)
			return -EPROTO;
		sum += w->slice[i].size;
	}
	if (sum != w->pool_size || seals < 0 || !(seals & F_SEAL_SHRINK) ||
	    fstat(memory, &st) ||
	    (uint64_t)st.st_size != page + w->dus_size + w->pool_size)
		return -EPROTO;
	return 0;
}

static int unix_map(struct unix_queue *r, const struct uacce_unix_queue *w,
		    int memory)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p;

	r->size = page + w->dus_size + w->pool_size;
	p = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (p == MAP_FAILED)
		return -errno;
	/* A child has queues of its own, as with the kernel's. */
	madvise(p, r->size, MADV_DONTFORK);
	r->bells = p;
	return 0;
}

static void unix_fill(struct uacce_queue *q, struct uacce_host *host,
		      struct unix_queue *r, const struct uacce_unix_queue *w)
{
	uint8_t *dus = (uint8_t *)r->bells + sysconf(_SC_PAGESIZE);
	uint8_t *va = dus + w->dus_size;

	*q = (struct uacce_queue){
		.host = host,
		.engine = w->engine,
		.qm_version = w->qm_version,
		.id = w->id,
		.sqe_size = w->sqe_size,
		.sq_depth = w->sq_depth,
		.cq_depth = w->cq_depth,
		.dus = dus,
		.dus_size = w->dus_size,
		.bell = unix_bell,
		.fd = atomic_load(&r->event.fd),
		.pool = w->pool_size ? va : NULL,
		.pool_size = w->pool_size,
		.slices = w->slices,
		.priv = r,
	};
	for (uint32_t i = 0; i < w->slices; va += w->slice[i].size, i++)
		q->slice[i] = (struct uacce_slice){ va, w->slice[i].bus,
						    w->slice[i].size };
}

static int unix_set_up(struct uacce_queue *q, struct uacce_host *host,
		       const struct uacce_info *info,
		       const struct uacce_unix_request *request,
		       struct unix_queue *r)
{
	struct uacce_unix_answer a;
	int fds[2], rc;
	ssize_t n = unix_ask(atomic_load(&r->socket.fd), request, &a, sizeof(a),
			     fds);

	if (n < 0)
		return (int)n;
	rc = a.result;
	if (rc)
		goto close_fds;
	rc = -EPROTO;
	if (fds[0] < 0 || fds[1] < 0)
		goto close_fds;
	rc = unix_check(&a.queue, info, request->pool, fds[0]);
	if (rc)
		goto close_fds;
	rc = unix_map(r, &a.queue, fds[0]);
	if (rc)
		goto close_fds;
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	uacce_file_note(&r->event, fds[1]);
	close(fds[0]);
	unix_fill(q, host, r, &a.queue);
	return 0;

close_fds:
	unix_close_fds(fds);
	return rc > 0 ? -EPROTO : rc;
}

static int unix_open(struct uacce_host *host, const struct uacce_info *info,
		     unsigned int qc_type, size_t pool, struct uacce_queue *q)
{
	struct uacce_unix_request request = { .magic = UACCE_UNIX_MAGIC,
					      .op = UACCE_UNIX_OPEN,
					      .qc_type = qc_type,
					      .pool = pool };
	struct unix_host *h = unix_of(host);
	struct unix_queue *r;
	int sock, rc;

	if (pool > UACCE_UNIX_POOL_MAX)
		return -ENOMEM;
	snprintf(request.name, sizeof(request.name), "%s", info->name);
	sock = unix_connect(h);
	rc = sock;
	if (sock < 0)
		goto complain;
	r = unix_record_get(h, sock);
	rc = r ? unix_set_up(q, host, info, &request, r) : -ENOMEM;
	if (!rc)
		return 0;
	if (r)
		atomic_store(&r->socket.fd, UNIX_FREE);
	close(sock);
complain:
	unix_complain(h, info->name, rc);
	/* A daemon was there when it was listed: it may come back. */
	if (rc == -ENOENT || rc == -ECONNREFUSED || rc == -ECONNRESET ||
	    rc == -EPIPE || rc == -ETIMEDOUT)
		rc = -EAGAIN;
	return rc;
}

/* The daemon is gone: as a device that was reset. */
static int unix_lost(struct uacce_queue *q)
{
	uint8_t *end = q->dus + q->dus_size;

	__atomic_store_n((uint32_t *)(void *)(end - UACCE_STOP_BYTES), 1,
			 __ATOMIC_RELEASE);
	__atomic_store_n((uint32_t *)(void *)(end - UACCE_STOP_BYTES + 4), 1,
			 __ATOMIC_RELEASE);
	return -ENXIO;
}

static int unix_request(struct uacce_queue *q, enum uacce_unix_op op)
{
	const struct uacce_unix_request request = { .magic = UACCE_UNIX_MAGIC,
						    .op = op };
	const struct unix_queue *r = q->priv;
	struct uacce_unix_answer a = { .result = -EPROTO };
	int fds[2];
	ssize_t n = unix_ask(atomic_load(&r->socket.fd), &request, &a,
			     sizeof(a), fds);

	if (n < 0)
		return unix_lost(q);
	unix_close_fds(fds);
	return a.result > 0 ? -EPROTO : a.result;
}

static int unix_start(struct uacce_queue *q)
{
	return unix_request(q, UACCE_UNIX_START);
}

static int unix_stop(struct uacce_queue *q)
{
	return unix_request(q, UACCE_UNIX_STOP);
}

/* The memory is shared with nobody once the daemon lets go too; what it still
 * holds then is zero. */
static void unix_close(struct uacce_queue *q)
{
	struct unix_queue *r = q->priv;
	int sock = atomic_load(&r->socket.fd),
	    event = atomic_load(&r->event.fd);

	wd_wipe(q->dus, q->dus_size);
	if (q->pool)
		wd_wipe(q->pool, q->pool_size);
	munmap(r->bells, r->size);
	r->bells = NULL;
	atomic_store(&r->event.fd, UNIX_FREE);
	close(event);
	close(sock);
	atomic_store(&r->socket.fd, UNIX_FREE);
	*q = (struct uacce_queue){ .fd = -1 };
}

static int unix_wait(struct uacce_queue *q, int64_t timeout_ns)
{
	struct pollfd p = { .fd = q->fd, .events = POLLIN };
	struct timespec t = {
		.tv_sec = timeout_ns / NS_PER_S,
		.tv_nsec = timeout_ns % NS_PER_S,
	};
	uint64_t events[64];
	int n = ppoll(&p, 1, timeout_ns < 0 ? NULL : &t, NULL);
	ssize_t got;

	if (n <= 0)
		return n ? -errno : 0;
	got = read(q->fd, events, sizeof(events));
	if (got < 0 && errno == EAGAIN) /* taken by another waiter */
		return 1;
	return got > 0 ? 1 : unix_lost(q);
}

/* The child's descriptors would keep the parent's queues from being given
 * back; the mappings were not inherited. */
static int unix_forked(struct uacce_host *host)
{
	struct unix_host *h = unix_of(host);
	struct unix_queue *r = atomic_load(&h->queues);

	for (; r; r = r->next) {
		if (atomic_load(&r->socket.fd) == UNIX_FREE)
			continue;
		if (uacce_file_is_ours(&r->event))
			close(atomic_load(&r->event.fd));
		if (uacce_file_is_ours(&r->socket))
			close(atomic_load(&r->socket.fd));
		atomic_store(&r->event.fd, UNIX_PARENT);
		atomic_store(&r->socket.fd, UNIX_PARENT);
	}
	return 0;
}

static void unix_free(struct uacce_host *host)
{
	struct unix_host *h = unix_of(host);
	struct unix_queue *r = atomic_load(&h->queues), *next;

	for (; r; r = next) {
		next = r->next;
		free(r);
	}
	uacce_dir_free(&h->dir);
	free(h->name);
	free(h);
}

static const struct uacce_ops unix_ops = {
	.list = unix_list,
	.open = unix_open,
	.start = unix_start,
	.stop = unix_stop,
	.close = unix_close,
	.wait = unix_wait,
	.forked = unix_forked,
	.free = unix_free,
};

/* "/run/wd.sock" is "wd.sock" in "/run". */
static int unix_split(struct unix_host *h, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path,
				    slash == path ? 1 : (size_t)(slash - path))
			  : strdup(".");
	int rc = -ENOMEM;

	h->name = strdup(slash ? slash + 1 : path);
	if (dir && h->name)
		rc = uacce_dir_new(&h->dir, dir);
	if (rc)
		free(h->name);
	free(dir);
	return rc;
}

int uacce_unix_host(struct uacce_host **out, const char *path)
{
	struct unix_host *h;
	int rc;

	if (!*path || path[strlen(path) - 1] == '/' ||
	    strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -EINVAL;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->host = (struct uacce_host){ .ops = &unix_ops, .model = true };
	rc = unix_split(h, path);
	if (rc) {
		free(h);
		return rc;
	}
	*out = &h->host;
	return 0;
}
