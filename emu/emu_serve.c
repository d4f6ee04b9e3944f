/* SPDX-License-Identifier: Apache-2.0 */
#include "emu/emu_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "emu/emu_listen.h"
#include "hw/qm/qm_fields.h"
#include "uacce/uacce_unix_wire.h"

/* Looks at the doorbells between two at the sockets, and the longest that may
 * take: each look gives the core away once. */
#define LOOKS	64
#define LOOK_NS 100000u

/* A stopped queue has so long to finish what was rung, and so long for each
 * descriptor of it (docs/hw/qm.md#drain), and is looked at so often. */
#define DRAIN_NS      1000000000u
#define DRAIN_ONE_NS  100000000u
#define DRAIN_LOOK_MS 1

#define EVENTS	      32
#define BACKLOG	      1024
#define FDS_OF_CLIENT 3 /* connection, event pipe, and one in passing */
#define CLIENTS_MAX   4096

struct client {
	TAILQ_ENTRY(client) all;
	TAILQ_ENTRY(client) next; /* of the hot ones, or of the stopping */
	int fd;
	int event[2]; /* pipe: ours to write, the other's to read */
	struct uacce_queue q;
	struct uacce_unix_bells *bells; /* NULL: no queue */
	size_t size;			/* of the mapping there */
	uint64_t seen[UACCE_UNIX_BELLS];
	uint64_t last_ns; /* doorbell */
	uint64_t kicks, bells_rung;
	uint64_t give_up_ns; /* stopping: then at the latest */
	uint64_t moved_ns;   /* and it was then that fewer were waiting */
	uint32_t waiting;    /* than these */
	bool hot, stopping;
};

TAILQ_HEAD(clients, client);

struct serve {
	struct emu_serve *cfg;
	struct uacce_host *host;
	int epoll;
	unsigned int count, count_max, queues;
	struct clients all, hot, stopping;
	struct emu_serve_counts *counts;
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- doorbells ---------------------------------------------------------- */

/* The number of the queue is the daemon's to say, and so are unused bits. */
static uint64_t bell_cleaned(const struct client *c, unsigned int kind,
			     uint64_t word)
{
	uint32_t w[2] = { 0, (uint32_t)(word >> 32) };

	QM_PUT(w, QM_DB_QUEUE, c->q.id);
	QM_PUT(w, QM_DB_CMD, kind ? QM_BELL_CQ : QM_BELL_SQ);
	QM_PUT(w, QM_DB_RANDOM, 0);
	return (uint64_t)w[1] << 32 | w[0];
}

/* One position too far is an error of the whole device, which would end in a
 * reset for all; docs/hw/qm.md#errors */
static bool bell_valid(const struct client *c, unsigned int kind, uint64_t word)
{
	const uint32_t w[2] = { (uint32_t)word, (uint32_t)(word >> 32) };

	return QM_GET(w, QM_DB_INDEX) < (kind ? c->q.cq_depth : c->q.sq_depth);
}

static bool bells_ring(struct serve *s, struct client *c)
{
	bool rung = false;

	for (unsigned int i = 0; i < UACCE_UNIX_BELLS; i++) {
		uint64_t word = atomic_load(&c->bells->bell[i]);

		if (word == c->seen[i])
			continue;
		c->seen[i] = word;
		s->counts->bells++;
		c->bells_rung++;
		rung = true;
		if (bell_valid(c, i, word))
			c->q.bell(&c->q, QM_REG_DB_SQ_CQ,
				  bell_cleaned(c, i, word));
	}
	return rung;
}

static void client_heat(struct serve *s, struct client *c)
{
	atomic_store(&c->bells->asleep, 0);
	c->last_ns = wd_now_ns();
	if (!c->hot)
		TAILQ_INSERT_TAIL(&s->hot, c, next);
	c->hot = true;
}

static void client_cool(struct serve *s, struct client *c)
{
	if (c->hot)
		TAILQ_REMOVE(&s->hot, c, next);
	c->hot = false;
}

/* Nobody rang for a while: from now on a kick is needed.  What was rung
 * before the client could know is found by the second look. */
static void client_look(struct serve *s, struct client *c, uint64_t now)
{
	if (bells_ring(s, c)) {
		c->last_ns = now;
		return;
	}
	if (now - c->last_ns < s->cfg->awake_ns)
		return;
	atomic_store(&c->bells->asleep, 1);
	if (bells_ring(s, c))
		client_heat(s, c);
	else
		client_cool(s, c);
}

static void hot_look(struct serve *s)
{
	uint64_t now = wd_now_ns(), end = now + LOOK_NS;
	struct client *c, *next;

	for (int i = 0; i < LOOKS && now < end && !TAILQ_EMPTY(&s->hot); i++) {
		for (c = TAILQ_FIRST(&s->hot); c; c = next) {
			next = TAILQ_NEXT(c, next);
			client_look(s, c, now);
		}
		sched_yield(); /* the engine and the clients need the core */
		now = wd_now_ns();
	}
}

/* ---- queues ------------------------------------------------------------- */

/* Return: a memfd nobody can shrink under us, or -errno.  Its pages are new
 * and go back to the kernel with the last of us: no owner sees another's. */
static int memory_new(struct client *c, size_t size)
{
	int fd = memfd_create("wd-emu-queue", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		goto close_fd;
	c->bells = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c->bells == MAP_FAILED)
		goto close_fd;
	c->size = size;
	return fd;

close_fd:
	rc = -errno;
	c->bells = NULL;
	close(fd);
	return rc;
}

static void memory_free(struct client *c)
{
	munmap(c->bells, c->size);
	c->bells = NULL;
}

static int info_find(struct serve *s, const char *name, struct uacce_info *info)
{
	struct uacce_info list[UACCE_UNIX_DEVICES_MAX];
	int n = s->host->ops->list(s->host, list, UACCE_UNIX_DEVICES_MAX);

	for (int i = 0; i < n && i < UACCE_UNIX_DEVICES_MAX; i++) {
		if (strcmp(list[i].name, name) != 0)
			continue;
		*info = list[i];
		return 0;
	}
	return -ENODEV;
}

static void queue_describe(const struct uacce_queue *q,
			   struct uacce_unix_queue *w)
{
	*w = (struct uacce_unix_queue){
		.engine = q->engine,
		.qm_version = q->qm_version,
		.id = q->id,
		.sqe_size = q->sqe_size,
		.sq_depth = q->sq_depth,
		.cq_depth = q->cq_depth,
		.dus_size = q->dus_size,
		.pool_size = q->pool_size,
		.slices = q->slices,
	};
	for (unsigned int i = 0; i < q->slices && i < WD_ARRAY_SIZE(w->slice);
	     i++)
		w->slice[i] = (struct uacce_unix_slice){ q->slice[i].bus,
							 q->slice[i].size };
}

/* Return: the memory's descriptor, or -errno. */
static int queue_open(struct serve *s, struct client *c,
		      const struct uacce_unix_request *request)
{
	size_t pool = wd_align_up(request->pool, page_size());
	struct emu_loan loan;
	struct uacce_info info;
	int memory, rc;

	rc = info_find(s, request->name, &info);
	if (rc)
		return rc;
	memory = memory_new(c, page_size() + info.dus_size + pool);
	if (memory < 0)
		return memory;
	if (pipe2(c->event, O_CLOEXEC | O_NONBLOCK)) {
		rc = -errno;
		goto free_memory;
	}
	atomic_store(&c->bells->asleep, 1);
	loan.memory = (uint8_t *)c->bells + page_size();
	loan.event = c->event[1];
	rc = emu_host_open(s->host, &info, request->qc_type, pool, &loan,
			   &c->q);
	if (!rc) {
		memset(c->seen, 0, sizeof(c->seen));
		c->kicks = c->bells_rung = 0;
		return memory;
	}
	close(c->event[0]);
	close(c->event[1]);
free_memory:
	memory_free(c);
	close(memory);
	return rc;
}

static void queue_close(struct serve *s, struct client *c)
{
	if (!c->bells)
		return;
	client_cool(s, c);
	if (c->stopping)
		TAILQ_REMOVE(&s->stopping, c, next);
	c->stopping = false;
	emu_host_close_quietly(&c->q);
	close(c->event[1]);
	memory_free(c);
	s->queues--;
}

/* ---- requests ----------------------------------------------------------- */

static int reply(const struct client *c, void *data, size_t size,
		 const int fds[2])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
	struct iovec v = { .iov_base = data, .iov_len = size };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct cmsghdr *head;

	if (fds) {
		memset(control, 0, sizeof(control));
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&m);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(head), fds, 2 * sizeof(int));
	}
	return sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int answer(const struct client *c, uint32_t op, int result)
{
	struct uacce_unix_answer a = { .magic = UACCE_UNIX_MAGIC,
				       .op = op,
				       .result = result };

	return reply(c, &a, sizeof(a), NULL);
}

static void device_describe(const struct uacce_info *info,
			    struct uacce_unix_device *d)
{
	*d = (struct uacce_unix_device){
		.engine = info->engine,
		.qm_version = info->qm_version,
		.flags = info->flags,
		.available = info->available,
		.isolated = info->isolated,
		.dus_size = info->dus_size,
	};
	memcpy(d->name, info->name, sizeof(d->name));
	memcpy(d->algorithms, info->algorithms, sizeof(d->algorithms));
}

static int serve_list(const struct serve *s, const struct client *c)
{
	struct uacce_info info[UACCE_UNIX_DEVICES_MAX];
	struct uacce_unix_list l = { .answer = { .magic = UACCE_UNIX_MAGIC,
						 .op = UACCE_UNIX_LIST } };
	int n = s->host->ops->list(s->host, info, UACCE_UNIX_DEVICES_MAX);

	if (n > UACCE_UNIX_DEVICES_MAX)
		n = UACCE_UNIX_DEVICES_MAX;
	l.answer.result = n;
	for (int i = 0; i < n; i++)
		device_describe(&info[i], &l.device[i]);
	return reply(c, &l,
		     sizeof(l.answer) +
			     (size_t)(n < 0 ? 0 : n) * sizeof(l.device[0]),
		     NULL);
}

static int serve_open(struct serve *s, struct client *c,
		      const struct uacce_unix_request *request)
{
	struct uacce_unix_answer a = { .magic = UACCE_UNIX_MAGIC,
				       .op = UACCE_UNIX_OPEN };
	int fds[2], rc, memory;

	if (c->bells || request->pool > UACCE_UNIX_POOL_MAX ||
	    !memchr(request->name, '\0', sizeof(request->name)))
		return -EPROTO;
	memory = queue_open(s, c, request);
	s->counts->full += memory == -EBUSY;
	if (memory < 0)
		return answer(c, UACCE_UNIX_OPEN, memory);
	s->counts->queues++;
	s->queues++;
	if (s->queues > s->counts->most)
		s->counts->most = s->queues;
	queue_describe(&c->q, &a.queue);
	fds[0] = memory;
	fds[1] = c->event[0];
	rc = reply(c, &a, sizeof(a), fds);
	close(memory);
	close(c->event[0]);
	return rc;
}

/* What was rung before is done first, but nobody waits for it here: other
 * clients' doorbells and requests go on. */
static int serve_stop(struct serve *s, struct client *c)
{
	if (!c->bells)
		return -EPROTO;
	bells_ring(s, c);
	client_cool(s, c);
	c->stopping = true;
	c->moved_ns = wd_now_ns();
	c->give_up_ns = c->moved_ns + DRAIN_NS;
	c->waiting = 0;
	TAILQ_INSERT_TAIL(&s->stopping, c, next);
	return 0;
}

/* Return: 0 not yet, or how the connection goes on as in client_serve(). */
static int stop_finish(struct serve *s, struct client *c)
{
	uint64_t now = wd_now_ns();
	struct emu_queue_stats stats;

	emu_host_queue_stats(&c->q, &stats);
	if (stats.waiting != c->waiting)
		c->moved_ns = now;
	c->waiting = stats.waiting;
	if (stats.waiting && now < c->give_up_ns &&
	    now - c->moved_ns < DRAIN_ONE_NS)
		return 0;
	TAILQ_REMOVE(&s->stopping, c, next);
	c->stopping = false;
	return answer(c, UACCE_UNIX_STOP, emu_host_stop_now(&c->q));
}

static int serve_request(struct serve *s, struct client *c,
			 const struct uacce_unix_request *request)
{
	const struct uacce_ops *ops = s->host->ops;

	if (request->magic != UACCE_UNIX_MAGIC || c->stopping)
		return -EPROTO;
	switch (request->op) {
	case UACCE_UNIX_LIST:
		return serve_list(s, c);
	case UACCE_UNIX_OPEN:
		return serve_open(s, c, request);
	case UACCE_UNIX_START:
		return c->bells ? answer(c, request->op, ops->start(&c->q))
				: -EPROTO;
	case UACCE_UNIX_STOP:
		return serve_stop(s, c);
	default:
		return -EPROTO;
	}
}

/* Return: 0, or -errno: the connection ends. */
static int client_serve(struct serve *s, struct client *c)
{
	/* One byte more than fits shows what is too long. */
	union {
		struct uacce_unix_request request;
		char bytes[sizeof(struct uacce_unix_request) + 1];
	} u;
	ssize_t n = recv(c->fd, &u, sizeof(u.bytes), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -ECONNRESET;
	if (n == 1 && c->bells) {
		s->counts->kicks++;
		c->kicks++;
		if (c->stopping)
			return 0;
		client_heat(s, c);
		bells_ring(s, c);
		return 0;
	}
	return n == sizeof(u.request) ? serve_request(s, c, &u.request)
				      : -EPROTO;
}

/* ---- connections -------------------------------------------------------- */

static void client_end(struct serve *s, struct client *c, int rc)
{
	if (rc == -EPROTO) {
		s->counts->thrown++;
		wd_warn("client sent away: that is not this protocol");
	}
	queue_close(s, c);
	close(c->fd);
	TAILQ_REMOVE(&s->all, c, all);
	s->count--;
	free(c);
}

static void stopping_look(struct serve *s)
{
	struct client *c, *next;
	int rc;

	for (c = TAILQ_FIRST(&s->stopping); c; c = next) {
		next = TAILQ_NEXT(c, next);
		rc = stop_finish(s, c);
		if (rc)
			client_end(s, c, rc);
	}
}

static int client_new(struct serve *s, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->fd = fd;
	e.data.ptr = c;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e)) {
		free(c);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&s->all, c, all);
	s->count++;
	s->counts->connections++;
	return 0;
}

static void serve_accept(struct serve *s)
{
	int fd = accept4(s->cfg->listener, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (s->count == s->count_max) {
		wd_warn("%u connections: no more", s->count);
		close(fd);
	} else if (client_new(s, fd)) {
		close(fd);
	}
}

static int watch(const struct serve *s, int fd, void *what)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static void client_describe(const struct client *c, struct emu_serve_client *d)
{
	struct emu_queue_stats stats;
	socklen_t size = sizeof(struct ucred);
	struct ucred who = { 0 };

	getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
	*d = (struct emu_serve_client){ .pid = who.pid, .uid = who.uid };
	if (!c->bells)
		return;
	emu_host_queue_stats(&c->q, &stats);
	d->open = true;
	d->engine = c->q.engine;
	d->queue = c->q.id;
	d->pool = c->q.pool_size;
	d->kicks = c->kicks;
	d->bells = c->bells_rung;
	d->descriptors = stats.descriptors;
	d->waiting = stats.waiting;
}

static void serve_report(struct serve *s)
{
	struct emu_serve_client *list =
		calloc((size_t)s->count + 1, sizeof(*list));
	const struct client *c = list ? TAILQ_FIRST(&s->all) : NULL;
	unsigned int n = 0;

	for (; c; c = TAILQ_NEXT(c, all))
		client_describe(c, &list[n++]);
	s->cfg->tell(s->cfg->ctx, s->counts, list, n);
	free(list);
}

/* Return: true to end. */
static bool serve_events(struct serve *s, const struct epoll_event *e, int n)
{
	for (int i = 0; i < n; i++) {
		struct client *c = e[i].data.ptr;
		int rc;

		if (e[i].data.ptr == &s->cfg->stop)
			return true;
		if (e[i].data.ptr == &s->cfg->report) {
			serve_report(s);
			continue;
		}
		if (e[i].data.ptr == &s->cfg->listener) {
			serve_accept(s);
			continue;
		}
		rc = client_serve(s, c);
		if (rc)
			client_end(s, c, rc);
	}
	return false;
}

/* So that the descriptors never run out under us. */
static unsigned int clients_allowed(void)
{
	struct rlimit r;
	rlim_t n = CLIENTS_MAX;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return 1;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (!getrlimit(RLIMIT_NOFILE, &r) && r.rlim_cur / FDS_OF_CLIENT < n)
		n = r.rlim_cur / FDS_OF_CLIENT;
	return n > 16 ? (unsigned int)n - 8 : 8;
}

static int serve_open_epoll(struct serve *s)
{
	int rc;

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return -errno;
	rc = watch(s, s->cfg->listener, &s->cfg->listener);
	if (!rc)
		rc = watch(s, s->cfg->stop, &s->cfg->stop);
	if (!rc && s->cfg->report >= 0)
		rc = watch(s, s->cfg->report, &s->cfg->report);
	if (rc)
		close(s->epoll);
	return rc;
}

/* How long to sleep, ms. */
static int serve_patience(const struct serve *s)
{
	if (!TAILQ_EMPTY(&s->hot))
		return 0;
	return TAILQ_EMPTY(&s->stopping) ? -1 : DRAIN_LOOK_MS;
}

int emu_serve(struct emu_serve *serve)
{
	struct serve s = { .cfg = serve,
			   .host = serve->host,
			   .count_max = clients_allowed(),
			   .counts = &serve->counts };
	struct epoll_event e[EVENTS];
	bool end = false;
	int rc, n;

	serve->counts = (struct emu_serve_counts){ 0 };
	TAILQ_INIT(&s.all);
	TAILQ_INIT(&s.hot);
	TAILQ_INIT(&s.stopping);
	rc = serve_open_epoll(&s);
	if (rc)
		return rc;
	while (!end) {
		n = epoll_wait(s.epoll, e, EVENTS, serve_patience(&s));
		end = serve_events(&s, e, n);
		stopping_look(&s);
		hot_look(&s);
	}
	while (!TAILQ_EMPTY(&s.all))
		client_end(&s, TAILQ_FIRST(&s.all), 0);
	close(s.epoll);
	return 0;
}

int emu_serve_listen(const char *path, unsigned int mode)
{
	/* The rights are there from the first moment on. */
	mode_t old = umask(0777 & ~mode);
	int fd = emu_listen(path, SOCK_SEQPACKET, BACKLOG);

	umask(old);
	return fd;
}
