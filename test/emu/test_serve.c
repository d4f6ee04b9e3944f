/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's side of a shared model, in this process: clients that are slow,
 * greedy or hostile, and what the others notice of them.  The engine inverts
 * bytes and takes as long as the descriptor says.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "emu/emu_serve.h"
#include "hw/qm/qm_fields.h"
#include "test/emu/emu_test_engine.h"
#include "test/t.h"
#include "uacce/uacce_kernel.h"
#include "uacce/uacce_unix_wire.h"

#define PAGE	 4096u
#define POOL	 (4 * PAGE) /* two slices of half that */
#define MAX_WAIT 20000000000ll
#define QUEUES	 8

static const char *const generations[] = { "kunpeng930", "kunpeng920" };

/* --- a daemon ------------------------------------------------------------ */

struct daemon {
	struct uacce_host *client;
	struct emu_serve serve;
	int rc;
	char path[64];
	pthread_t thread;
};

static void *daemon_thread(void *arg)
{
	struct daemon *d = arg;

	d->rc = emu_serve(&d->serve);
	return NULL;
}

static void daemon_start(struct daemon *d, const char *generation)
{
	struct emu_host_options o;
	static atomic_uint count;
	char why[256], text[64];

	signal(SIGPIPE, SIG_IGN); /* as wd-emu does */
	snprintf(text, sizeof(text), "%s,queues=%u", generation, QUEUES);
	T_EQ(emu_host_parse(&o, text, why, sizeof(why)), 0);
	o.nosva = o.shared = true;
	T_EQ(emu_host_new(&d->serve.host, &o), 0);
	snprintf(d->path, sizeof(d->path), "/tmp/wd-serve-%d-%u", (int)getpid(),
		 atomic_fetch_add(&count, 1));
	d->serve.listener = emu_serve_listen(d->path, 0600);
	T_OK(d->serve.listener >= 0);
	d->serve.stop = eventfd(0, EFD_CLOEXEC);
	d->serve.report = -1;
	T_EQ(pthread_create(&d->thread, NULL, daemon_thread, d), 0);
	T_EQ(uacce_unix_host(&d->client, d->path), 0);
}

static void daemon_end(struct daemon *d)
{
	const uint64_t one = 1;

	d->client->ops->free(d->client);
	T_EQ(write(d->serve.stop, &one, sizeof(one)), sizeof(one));
	pthread_join(d->thread, NULL);
	T_EQ(d->rc, 0);
	close(d->serve.stop);
	close(d->serve.listener);
	unlink(d->path);
	d->serve.host->ops->free(d->serve.host);
}

/* Free queues of the device, as any client learns it. */
static int daemon_free_queues(struct daemon *d, struct uacce_info *info)
{
	struct uacce_info list[UACCE_UNIX_DEVICES_MAX];
	int n = d->client->ops->list(d->client, list, WD_ARRAY_SIZE(list));

	for (int i = 0; i < n; i++) {
		if (list[i].engine != UACCE_HPRE)
			continue;
		if (info)
			*info = list[i];
		return list[i].available;
	}
	return -1;
}

static uint64_t daemon_ran(struct daemon *d)
{
	struct emu_stats s;

	emu_dev_stats(emu_host_dev(d->serve.host, "hisi_hpre-0"), &s);
	return s.descriptors;
}

/* --- a client ------------------------------------------------------------ */

struct user {
	struct daemon *d;
	struct uacce_queue q;
	uint16_t tail, head;
	uint32_t phase;
};

static void user_open(struct user *u, struct daemon *d)
{
	struct uacce_info info;

	*u = (struct user){ .d = d, .phase = 1 };
	T_OK(daemon_free_queues(d, &info) > 0);
	T_EQ(d->client->ops->open(d->client, &info, 0, POOL, &u->q), 0);
	T_EQ(d->client->ops->start(&u->q), 0);
	T_EQ(u->q.slices, 2);
}

static void user_close(struct user *u)
{
	u->d->client->ops->close(&u->q);
}

static uint32_t *slot(struct user *u, unsigned int i)
{
	return (uint32_t *)(void *)(u->q.dus + i * u->q.sqe_size);
}

static void put(struct user *u, uint64_t src, uint64_t dst, uint32_t len,
		uint32_t ms)
{
	uint32_t *w = slot(u, u->tail);

	memset(w, 0, u->q.sqe_size);
	w[TE_LEN] = len;
	w[TE_MS] = ms;
	memcpy(&w[TE_SRC], &src, sizeof(src));
	memcpy(&w[TE_DST], &dst, sizeof(dst));
	u->tail = (uint16_t)((u->tail + 1) % u->q.sq_depth);
}

static void sq_bell(struct user *u)
{
	u->q.bell(&u->q, QM_REG_DB_SQ_CQ, (uint64_t)u->tail << 32 | u->q.id);
}

static void cq_bell(struct user *u, bool arm)
{
	u->q.bell(&u->q, QM_REG_DB_SQ_CQ,
		  (uint64_t)arm << 48 | (uint64_t)u->head << 32 |
			  QM_BELL_CQ << 12 | u->q.id);
}

static bool stopped(const struct user *u)
{
	const uint8_t *end = u->q.dus + u->q.dus_size;

	return __atomic_load_n((const uint32_t *)(const void *)(end - 8),
			       __ATOMIC_ACQUIRE);
}

/* Return: slot completed, or -1 when there is none yet. */
static int reap(struct user *u)
{
	uint32_t *cqe =
		(uint32_t *)(void *)(u->q.dus + u->q.sq_depth * u->q.sqe_size) +
		u->head * 4u;
	uint32_t last = __atomic_load_n(&cqe[3], __ATOMIC_ACQUIRE);

	if ((last >> 16 & 1) != u->phase)
		return -1;
	u->head = (uint16_t)((u->head + 1) % u->q.cq_depth);
	if (!u->head)
		u->phase ^= 1;
	return (int)(cqe[2] & 0xffff);
}

/* Return: slot completed, or -1: the queue has stopped. */
static int reap_wait(struct user *u)
{
	int done;

	while ((done = reap(u)) < 0) {
		if (stopped(u))
			return -1;
		cq_bell(u, true);
		done = reap(u);
		if (done >= 0)
			break;
		T_EQ(u->d->client->ops->wait(&u->q, MAX_WAIT), 1);
	}
	return done;
}

/* One job with @src and @dst.  Return: its status word. */
static uint32_t job(struct user *u, uint64_t src, uint64_t dst, uint32_t len)
{
	unsigned int at = u->tail;

	put(u, src, dst, len, 0);
	sq_bell(u);
	T_EQ(reap_wait(u), at);
	return slot(u, at)[TE_STATUS];
}

static void job_works(struct user *u)
{
	memset(u->q.slice[0].va, 0x5a, 32);
	T_EQ(job(u, u->q.slice[0].bus, u->q.slice[1].bus, 32), TE_DONE);
	for (int i = 0; i < 32; i++)
		T_EQ(((uint8_t *)u->q.slice[1].va)[i], 0xa5);
}

/* So many jobs of so many ms, rung at once. */
static void fill(struct user *u, unsigned int n, uint32_t ms)
{
	for (unsigned int i = 0; i < n; i++)
		put(u, u->q.slice[0].bus, u->q.slice[1].bus, 16, ms);
	sq_bell(u);
}

static void for_both(void (*story)(struct daemon *d))
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(generations); i++) {
		struct daemon d = { 0 };

		daemon_start(&d, generations[i]);
		story(&d);
		daemon_end(&d);
	}
}

/* --- hostile clients ----------------------------------------------------- */

static void ring_nonsense(struct daemon *d)
{
	static const uint64_t nonsense[] = {
		5000ull << 32,
		0xffffull << 32,
		1024ull << 32,
		5000ull << 32 | QM_BELL_CQ << 12,
		0xffffull << 32 | QM_BELL_CQ << 12,
		~0ull,
		0xffffffff00000fffull,
		0x0123456789abcdefull,
	};
	struct user bad, good;

	user_open(&bad, d);
	user_open(&good, d);
	for (size_t i = 0; i < WD_ARRAY_SIZE(nonsense); i++) {
		bad.q.bell(&bad.q, QM_REG_DB_SQ_CQ, nonsense[i]);
		job_works(&good);
	}
	T_OK(!stopped(&good));
	user_close(&bad);
	job_works(&good);
	T_OK(!stopped(&good));
	user_close(&good);
}

static void doorbells_of_nonsense_reset_nobodys_device(void)
{
	for_both(ring_nonsense);
}

/* Everything that is not the own pool: other clients' pools and rings, the
 * own rings, the device's event rings and contexts, this process. */
static void reach_out(struct daemon *d)
{
	static uint8_t secret[64];
	struct user bad, good;
	uint64_t own, foreign[24];
	unsigned int n = 0;

	user_open(&good, d);
	user_open(&bad, d);
	own = bad.q.slice[0].bus;
	memset(secret, 0x77, sizeof(secret));
	memset(good.q.pool, 0x77, good.q.pool_size);
	memset(bad.q.pool, 0x11, bad.q.pool_size);
	foreign[n++] = 0;
	foreign[n++] = UINT64_MAX;
	foreign[n++] = UINT64_MAX - 15;
	foreign[n++] = (uintptr_t)secret;
	foreign[n++] = (uintptr_t)good.q.pool;
	foreign[n++] = (uintptr_t)bad.q.pool;
	foreign[n++] = good.q.slice[0].bus;
	foreign[n++] = good.q.slice[1].bus;
	foreign[n++] = own + bad.q.slice[0].size;
	foreign[n++] = own + bad.q.slice[0].size - 8; /* 16 bytes: across */
	foreign[n++] = own - 8;
	for (uint64_t window = 0; window < 6; window++)
		foreign[n++] = (window + 1) << 32;
	foreign[n++] = good.q.slice[0].bus - (1ull << 32); /* its rings */
	foreign[n++] = own - (1ull << 32);		   /* our own */
	for (unsigned int i = 0; i < n; i++) {
		if (foreign[i] >= own && foreign[i] < own + 16)
			continue;
		T_EQ(job(&bad, foreign[i], own, 16), TE_FAILED);
		T_EQ(job(&bad, own, foreign[i], 16), TE_FAILED);
	}
	for (size_t i = 0; i < bad.q.pool_size; i++)
		T_EQ(((uint8_t *)bad.q.pool)[i], 0x11);
	for (size_t i = 0; i < good.q.pool_size; i++)
		T_EQ(((uint8_t *)good.q.pool)[i], 0x77);
	for (size_t i = 0; i < sizeof(secret); i++)
		T_EQ(secret[i], 0x77);
	T_OK(!stopped(&bad));
	job_works(&good);
	user_close(&bad);
	user_close(&good);
}

static void addresses_outside_the_own_pool_are_errors(void)
{
	for_both(reach_out);
}

static int raw_connect(const struct daemon *d)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, d->path, sizeof(d->path));
	T_EQ(connect(s, (struct sockaddr *)&a, sizeof(a)), 0);
	return s;
}

static const struct uacce_unix_request ask_list = {
	.magic = UACCE_UNIX_MAGIC,
	.op = UACCE_UNIX_LIST,
};

/* As many descriptors as are open: opening one tells the lowest free. */
static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void send_descriptors(struct daemon *d)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec v = { (void *)&ask_list, sizeof(ask_list) };
	int s = raw_connect(d), free_before = 0, fds[4] = { 0, 1, 2, s };
	char answer[8192];
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *head;

	memset(control, 0, sizeof(control));
	head = CMSG_FIRSTHDR(&m);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(head), fds, sizeof(fds));
	for (int i = 0; i < 100; i++) {
		T_OK(sendmsg(s, &m, 0) > 0);
		T_OK(recv(s, answer, sizeof(answer), 0) > 0);
		if (!i)
			free_before = lowest_free();
	}
	T_EQ(lowest_free(), free_before);
	close(s);
}

static void descriptors_sent_with_a_request_are_not_kept(void)
{
	for_both(send_descriptors);
}

static void never_read(struct daemon *d)
{
	int s = raw_connect(d);
	ssize_t n = 0;
	struct user u;

	while (n >= 0)
		n = send(s, &ask_list, sizeof(ask_list), MSG_NOSIGNAL);
	T_OK(errno == EPIPE || errno == ECONNRESET);
	user_open(&u, d);
	job_works(&u);
	user_close(&u);
	close(s);
}

static void a_client_that_reads_no_answers_is_cut_off(void)
{
	for_both(never_read);
}

/* --- slow and greedy clients --------------------------------------------- */

struct stopper {
	struct user *u;
	atomic_bool done;
};

static void *stop_thread(void *arg)
{
	struct stopper *s = arg;

	s->u->d->client->ops->stop(&s->u->q);
	atomic_store(&s->done, true);
	return NULL;
}

/* What others get done while a queue of two seconds' work is being stopped. */
static void stop_slowly(struct daemon *d)
{
	struct stopper s = { 0 };
	unsigned int lists = 0, jobs = 0;
	struct user slow, other;
	pthread_t t;

	user_open(&slow, d);
	user_open(&other, d);
	s.u = &slow;
	fill(&slow, 500, 4);
	T_EQ(pthread_create(&t, NULL, stop_thread, &s), 0);
	while (!atomic_load(&s.done)) {
		T_OK(daemon_free_queues(d, NULL) >= 0);
		lists++;
		job_works(&other);
		jobs++;
	}
	pthread_join(t, NULL);
	T_OK(lists >= 5 && jobs >= 5);
	user_close(&slow);
	user_close(&other);
}

static void a_queue_that_drains_slowly_holds_up_nobody(void)
{
	for_both(stop_slowly);
}

/* Killed, so that it takes back nothing of what it asked for. */
static void leave_work(struct daemon *d)
{
	int status = -1;
	uint64_t ran;
	struct user u;
	pid_t pid = fork();

	if (!pid) {
		t_unwind = NULL;
		d->client->ops->forked(d->client);
		user_open(&u, d);
		fill(&u, 500, 10);
		_exit(reap_wait(&u));
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	while (daemon_free_queues(d, NULL) < QUEUES)
		;
	ran = daemon_ran(d);
	T_OK(ran < 400);
	/* Nothing of it is run later either. */
	user_open(&u, d);
	job_works(&u);
	T_EQ(daemon_ran(d), ran + 1);
	user_close(&u);
}

static void what_a_client_leaves_undone_is_not_done(void)
{
	for_both(leave_work);
}

static void stop_done(struct daemon *d)
{
	struct user u;

	user_open(&u, d);
	fill(&u, 10, 1);
	T_EQ(d->client->ops->stop(&u.q), 0);
	/* All that was rung is there: nothing to wait for. */
	for (int i = 0; i < 10; i++)
		T_EQ(reap(&u), i);
	user_close(&u);
}

static void a_stopped_queue_has_finished_what_was_rung(void)
{
	for_both(stop_done);
}

struct flood {
	struct user u;
	atomic_bool end;
	atomic_uint done;
};

static void *flood_thread(void *arg)
{
	struct flood *f = arg;

	fill(&f->u, f->u.q.sq_depth - 1u, 1);
	while (!atomic_load(&f->end)) {
		if (reap_wait(&f->u) < 0)
			break;
		atomic_fetch_add(&f->done, 1);
		fill(&f->u, 1, 1);
	}
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return x < y ? -1 : x > y;
}

/* Counted in jobs of the flooder's, which don't know how busy this machine is:
 * in order of arrival there would be a thousand before each of ours. */
static void flood(struct daemon *d)
{
	unsigned int before, between[25];
	struct user other;
	struct flood f = { 0 };
	pthread_t t;

	user_open(&f.u, d);
	user_open(&other, d);
	T_EQ(pthread_create(&t, NULL, flood_thread, &f), 0);
	while (!atomic_load(&f.done))
		usleep(1000);
	for (size_t i = 0; i < WD_ARRAY_SIZE(between); i++) {
		before = atomic_load(&f.done);
		job_works(&other);
		between[i] = atomic_load(&f.done) - before;
	}
	atomic_store(&f.end, true);
	pthread_join(t, NULL);
	qsort(between, WD_ARRAY_SIZE(between), sizeof(between[0]), by_size);
	printf("others' jobs before one of ours: median %u, most %u\n",
	       between[WD_ARRAY_SIZE(between) / 2],
	       between[WD_ARRAY_SIZE(between) - 1]);
	T_OK(between[WD_ARRAY_SIZE(between) / 2] <= 8);
	user_close(&f.u);
	user_close(&other);
}

static void a_full_ring_is_in_nobody_elses_way(void)
{
	for_both(flood);
}

T_MAIN(T_CASE(doorbells_of_nonsense_reset_nobodys_device),
       T_CASE(addresses_outside_the_own_pool_are_errors),
       T_CASE(descriptors_sent_with_a_request_are_not_kept),
       T_CASE(a_client_that_reads_no_answers_is_cut_off),
       T_CASE(a_queue_that_drains_slowly_holds_up_nobody),
       T_CASE(what_a_client_leaves_undone_is_not_done),
       T_CASE(a_stopped_queue_has_finished_what_was_rung),
       T_CASE(a_full_ring_is_in_nobody_elses_way))
