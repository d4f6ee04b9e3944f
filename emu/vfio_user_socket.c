/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emu/emu_listen.h"
#include "emu/vfio_user.h"

#define STOP_EVERY 256 /* messages between looks at the stop descriptor */

struct conversation {
	struct vfio_user *u;
	int sock, stop;
	struct vfio_user_message m;
	uint8_t in[VFIO_USER_MESSAGE_MAX], out[VFIO_USER_MESSAGE_MAX];
};

/* Return: 0: @events are there; -ECANCELED: stop; negative errno. */
static int wait_for(int fd, int stop, short events)
{
	struct pollfd p[2] = { { .fd = fd, .events = events },
			       { .fd = stop, .events = POLLIN } };

	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return p[1].revents ? -ECANCELED : 0;
}

static bool try_again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* --- receiving ----------------------------------------------------------- */

static void take_fds(struct vfio_user_message *m, struct msghdr *h)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (m->nfds < VFIO_USER_FDS_MAX) {
				m->fds[m->nfds++] = fd;
			} else {
				m->fds_lost = true;
				close(fd);
			}
		}
	}
	if (h->msg_flags & MSG_CTRUNC)
		m->fds_lost = true;
}

static void close_fds(struct vfio_user_message *m)
{
	for (unsigned int i = 0; i < m->nfds; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	m->nfds = 0;
	m->fds_lost = false;
}

/* Return: bytes, 0 at the end of the stream, or a negative errno. */
static ssize_t receive_some(struct conversation *c, size_t have, size_t want)
{
	union {
		char bytes[CMSG_SPACE(VFIO_USER_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { c->in + have, want - have };
	struct msghdr h = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;
	int rc;

	while ((n = recvmsg(c->sock, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) <
	       0) {
		if (!try_again())
			return errno == ECONNRESET ? 0 : -errno;
		rc = wait_for(c->sock, c->stop, POLLIN);
		if (rc)
			return rc;
		h.msg_controllen = sizeof(control);
	}
	take_fds(&c->m, &h);
	return n;
}

/* Return: 1; 0 at the end of the stream; negative errno. */
static int receive(struct conversation *c, size_t have, size_t want)
{
	while (have < want) {
		ssize_t n = receive_some(c, have, want);

		if (n <= 0)
			return (int)n;
		have += (size_t)n;
	}
	return 1;
}

/* One message: its header says how long it is. */
static int receive_message(struct conversation *c)
{
	uint32_t size;
	int rc = receive(c, 0, VFIO_USER_HEADER);

	if (rc <= 0)
		return rc;
	memcpy(&size, c->in + 4, sizeof(size));
	c->m.len = VFIO_USER_HEADER;
	/* Where the next one begins is unknown: answered as it is. */
	if (size < VFIO_USER_HEADER || size > VFIO_USER_MESSAGE_MAX)
		return 1;
	c->m.len = size;
	return receive(c, VFIO_USER_HEADER, size);
}

/* --- sending ------------------------------------------------------------- */

static int send_reply(struct conversation *c)
{
	size_t done = 0;

	while (done < c->m.reply_len) {
		ssize_t n = send(c->sock, c->out + done, c->m.reply_len - done,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		int rc;

		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (!try_again())
			return errno == EPIPE || errno == ECONNRESET ? -EPIPE
								     : -errno;
		rc = wait_for(c->sock, c->stop, POLLOUT);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- serving ------------------------------------------------------------- */

/* A peer that never pauses must not keep us from ending. */
static bool told_to_stop(const struct conversation *c)
{
	struct pollfd p = { .fd = c->stop, .events = POLLIN };

	return c->u->messages % STOP_EVERY == 0 && poll(&p, 1, 0) > 0;
}

static int converse(struct conversation *c)
{
	int rc, sent;

	for (;;) {
		rc = -ECANCELED;
		if (told_to_stop(c))
			break;
		c->m.data = c->in;
		c->m.reply = c->out;
		rc = receive_message(c);
		if (rc <= 0)
			break;
		rc = vfio_user_message(c->u, &c->m);
		close_fds(&c->m);
		sent = send_reply(c);
		rc = rc ? rc : sent;
		if (rc)
			break;
	}
	close_fds(&c->m);
	return rc == -ECANCELED || rc == -EPIPE ? 0 : rc;
}

int vfio_user_serve(struct vfio_user *u, int listener, int stop)
{
	struct conversation c = { .u = u, .stop = stop };
	int rc;

	do {
		rc = wait_for(listener, stop, POLLIN);
		if (rc)
			return rc == -ECANCELED ? 0 : rc;
		c.sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	} while (c.sock < 0 && (try_again() || errno == ECONNABORTED));
	if (c.sock < 0)
		return -errno;
	vfio_user_say(&u->trace, "client connected");
	rc = converse(&c);
	vfio_user_say(&u->trace, "client gone, %llu messages",
		      (unsigned long long)u->messages);
	close(c.sock);
	return rc;
}

int vfio_user_listen(const char *path)
{
	return emu_listen(path, SOCK_STREAM, 1);
}
