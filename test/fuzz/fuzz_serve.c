/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_serve - the clients of a model daemon: packets, descriptors attached to
 * them, and what they write into the memory they share with it.
 *
 * One daemon lives through all inputs, and so does one honest client, whose
 * memory is looked at after each: nothing of it may have changed, and its queue
 * runs on.  A thread serves and others compute, so an input does not quite the
 * same each time.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "emu/emu_serve.h"
#include "test/fuzz/fuzz.h"
#include "uacce/uacce_unix_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGE	4096u
#define CLIENTS 4
#define POOL	(4 * PAGE)
#define PATTERN 0x77
#define STEPS	64 /* an input */

static const char *const names[] = { "hisi_hpre-0", "hisi_sec2-1", "nobody" };

struct client {
	int sock;
	struct uacce_unix_queue q; /* size 0: none */
	uint8_t *map;
	size_t size;
};

static char path[64];
static struct client honest;

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

/* --- the daemon ---------------------------------------------------------- */

static void *serve(void *arg)
{
	emu_serve(arg);
	abort(); /* nobody asks it to end */
}

static void client_connect(struct client *c)
{
	const struct timeval limit = { .tv_sec = 10 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, path, sizeof(path));
	*c = (struct client){
		.sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)
	};
	must(!connect(c->sock, (struct sockaddr *)&a, sizeof(a)));
	setsockopt(c->sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

static void client_close(struct client *c)
{
	if (c->sock >= 0)
		close(c->sock);
	if (c->map)
		munmap(c->map, c->size);
	*c = (struct client){ .sock = -1 };
}

/* Send, with @nfds descriptors beside it. */
static bool client_send(const struct client *c, const void *p, size_t len,
			unsigned int nfds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
	int fds[2] = { fuzz_spare_memory(), fuzz_eventfd() };
	struct iovec v = { (void *)p, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct cmsghdr *head;

	memset(control, 0, sizeof(control));
	if (nfds) {
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		head = CMSG_FIRSTHDR(&m);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(head), fds, nfds * sizeof(int));
	}
	return sendmsg(c->sock, &m, MSG_NOSIGNAL) >= 0;
}

static void take_memory(struct client *c, int memory)
{
	c->size = PAGE + c->q.dus_size + c->q.pool_size;
	c->map = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED, memory,
		      0);
	must(c->map != MAP_FAILED);
}

/* The answer, and the memory that comes with it.  Return: false at the end. */
static bool client_hear(struct client *c)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
	struct uacce_unix_list l;
	struct iovec v = { &l, sizeof(l) };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(c->sock, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *head = CMSG_FIRSTHDR(&m);
	int fds[2];

	if (n <= 0)
		return false;
	must(n >= (ssize_t)sizeof(l.answer) &&
	     l.answer.magic == UACCE_UNIX_MAGIC);
	if (!head)
		return true;
	must(head->cmsg_len == CMSG_LEN(sizeof(fds)));
	memcpy(fds, CMSG_DATA(head), sizeof(fds));
	c->q = l.answer.queue;
	if (!c->map)
		take_memory(c, fds[0]);
	close(fds[0]);
	close(fds[1]);
	return true;
}

static bool client_ask(struct client *c, const void *p, size_t len,
		       unsigned int nfds)
{
	return client_send(c, p, len, nfds) && client_hear(c);
}

static bool ask(struct client *c, uint32_t op, const char *name)
{
	struct uacce_unix_request r = { .magic = UACCE_UNIX_MAGIC,
					.op = op,
					.pool = POOL };

	snprintf(r.name, sizeof(r.name), "%s", name);
	return client_ask(c, &r, sizeof(r), 0);
}

static void end(void)
{
	unlink(path);
}

static void begin(void)
{
	static struct emu_serve s = { .stop = -1, .report = -1 };
	struct emu_host_options o;
	pthread_t thread;
	int never[2];
	char why[256];

	signal(SIGPIPE, SIG_IGN);
	must(!emu_host_parse(&o, "queues=8,threads=2", why, sizeof(why)));
	o.nosva = o.shared = true;
	must(!emu_host_new(&s.host, &o));
	snprintf(path, sizeof(path), "/tmp/wd-fuzz-%d", (int)getpid());
	s.listener = emu_serve_listen(path, 0600);
	must(s.listener >= 0 && !pipe(never));
	s.stop = never[0];
	must(!pthread_create(&thread, NULL, serve, &s));
	client_connect(&honest);
	must(ask(&honest, UACCE_UNIX_OPEN, names[1]) && honest.map);
	must(ask(&honest, UACCE_UNIX_START, ""));
	memset(honest.map + PAGE + honest.q.dus_size, PATTERN,
	       honest.q.pool_size);
	atexit(end);
}

/* Nothing of it was read for others, written or stopped. */
static void look(void)
{
	const uint8_t *pool = honest.map + PAGE + honest.q.dus_size;
	uint32_t stop;

	must(ask(&honest, UACCE_UNIX_LIST, ""));
	for (size_t i = 0; i < honest.q.pool_size; i++)
		must(pool[i] == PATTERN);
	memcpy(&stop, pool - 8, sizeof(stop));
	must(!stop);
}

/* --- what an input does -------------------------------------------------- */

static void open_queue(struct client *c, struct fuzz_input *in)
{
	uint8_t how = (uint8_t)fuzz_take(in, 1);
	struct uacce_unix_request r = { .magic = UACCE_UNIX_MAGIC,
					.op = UACCE_UNIX_OPEN,
					.qc_type = how >> 2 & 3 };

	r.pool = how & 0x80 ? fuzz_take(in, 8) : POOL;
	snprintf(r.name, sizeof(r.name), "%s", names[(how & 3) % 3]);
	if (client_ask(c, &r, sizeof(r), how >> 4 & 1))
		ask(c, UACCE_UNIX_START, "");
}

static void any_packet(struct client *c, struct fuzz_input *in)
{
	uint8_t how = (uint8_t)fuzz_take(in, 1), packet[256];
	const uint32_t magic = UACCE_UNIX_MAGIC;
	size_t len = fuzz_take(in, 1);

	if (how & 1)
		len = sizeof(struct uacce_unix_request);
	fuzz_bytes(in, packet, len);
	if (how & 2)
		memcpy(packet, &magic, sizeof(magic));
	if (how & 4)
		packet[4] %= 6;
	if (len > 1)
		client_ask(c, packet, len, (how >> 4 & 3) % 3);
	else if (len)
		client_send(c, packet, len, how >> 4 & 1);
}

/* Where a pointer of a descriptor may lead. */
static uint64_t address(const struct client *c, struct fuzz_input *in)
{
	uint8_t how = (uint8_t)fuzz_take(in, 1);
	uint64_t off = how & 0x80 ? fuzz_take(in, 2) : 0;

	switch (how & 7) {
	case 0:
		return honest.q.slice[how >> 3 & 1].bus + off;
	case 1: /* event rings, contexts, others' rings and pools */
		return ((uint64_t)(how >> 3 & 15) << 32) + off;
	case 2:
		return (uintptr_t)honest.map + off;
	case 3:
		return c->q.slice[0].bus + c->q.slice[0].size - 1 - off % 64;
	case 4:
		return fuzz_take(in, 8);
	default:
		return c->q.slice[how >> 3 & 1].bus + off;
	}
}

static void descriptor(struct client *c, struct fuzz_input *in)
{
	unsigned int slot = fuzz_take(in, 1) % 8, n = fuzz_take(in, 1) % 8;
	uint8_t sqe[128];

	fuzz_bytes(in, sqe, c->q.sqe_size);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t at = fuzz_take(in, 1) % (c->q.sqe_size / 8u);
		uint64_t to = address(c, in);

		memcpy(sqe + 8 * at, &to, sizeof(to));
	}
	memcpy(c->map + PAGE + (size_t)slot * c->q.sqe_size, sqe,
	       c->q.sqe_size);
	fuzz_bytes(in, c->map + PAGE + c->q.dus_size, fuzz_take(in, 1));
}

static void ring(struct client *c, struct fuzz_input *in)
{
	struct uacce_unix_bells *b = (void *)c->map;
	uint8_t how = (uint8_t)fuzz_take(in, 1);
	uint64_t word =
		how & 1 ? fuzz_take(in, 8) : (fuzz_take(in, 1) % 10) << 32;

	atomic_store(&b->bell[how >> 1 & 1], word);
	if (how & 4)
		atomic_store(&b->asleep, (uint32_t)fuzz_take(in, 1));
	client_send(c, "", 1, 0);
	if (how & 8)
		memset(c->map + PAGE + how, how, 64); /* meanwhile */
}

static void step(struct client *c, struct fuzz_input *in)
{
	uint8_t what = (uint8_t)fuzz_take(in, 1) % 8;

	if (what == 0)
		ask(c, (uint32_t)fuzz_take(in, 1) % 5, "");
	else if (what == 1)
		any_packet(c, in);
	else if (!c->map)
		open_queue(c, in);
	else if (what < 5)
		descriptor(c, in);
	else
		ring(c, in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct client c[CLIENTS];

	if (!honest.map)
		begin();
	for (int i = 0; i < CLIENTS; i++)
		c[i] = (struct client){ .sock = -1 };
	for (int i = 0; i < STEPS && in.left; i++) {
		struct client *k = &c[fuzz_take(&in, 1) % CLIENTS];

		if (k->sock < 0)
			client_connect(k);
		step(k, &in);
	}
	for (int i = 0; i < CLIENTS; i++)
		client_close(&c[i]);
	look();
	return 0;
}
