/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "emu/vfio_user.h"

/* docs/hw/vfio-user.md#header */
struct header {
	uint16_t id, command;
	uint32_t size; /* with this header */
	uint32_t flags;
	uint32_t error;
};
_Static_assert(sizeof(struct header) == VFIO_USER_HEADER, "on the wire");

enum {
	FLAG_TYPE = 0xf, /* 0 command, 1 reply */
	FLAG_REPLY = 1u << 0,
	FLAG_NO_REPLY = 1u << 4,
	FLAG_ERROR = 1u << 5,
};

/* docs/hw/vfio-user.md#commands */
enum command {
	CMD_VERSION = 1,
	CMD_DMA_MAP = 2,
	CMD_DMA_UNMAP = 3,
	CMD_DEVICE_INFO = 4,
	CMD_REGION_INFO = 5,
	CMD_IRQ_INFO = 7,
	CMD_SET_IRQS = 8,
	CMD_REGION_READ = 9,
	CMD_REGION_WRITE = 10,
	CMD_DEVICE_RESET = 13,
	CMD_WRITE_MULTI = 15,
};

enum { REGIONS = 9, IRQ_KINDS = 5, IRQ_MSI = 1 };

struct version {
	uint16_t major, minor;
};

struct dma_map {
	uint32_t argsz, flags;
	uint64_t offset, iova, size;
};

struct dma_unmap {
	uint32_t argsz, flags;
	uint64_t iova, size;
};
enum { UNMAP_ALL = 1u << 1 };

struct device_info {
	uint32_t argsz, flags, regions, irqs;
};
enum { DEVICE_RESETS = 1u << 0, DEVICE_PCI = 1u << 1 };

struct region_info {
	uint32_t argsz, flags, index, cap_offset;
	uint64_t size, offset;
};
enum { REGION_READABLE = 1u << 0, REGION_WRITABLE = 1u << 1 };

struct irq_info {
	uint32_t argsz, flags, index, count;
};
enum { IRQ_EVENTFD = 1u << 0 };

struct set_irqs {
	uint32_t argsz, flags, index, start, count;
};
enum {
	IRQ_DATA_NONE = 1u << 0,
	IRQ_DATA_BOOL = 1u << 1,
	IRQ_DATA_EVENTFD = 1u << 2,
	IRQ_DATA = 7u,
	IRQ_ACTION_TRIGGER = 1u << 5,
	IRQ_ACTION = 7u << 3,
};

struct region_access {
	uint64_t off;
	uint32_t region, count;
};

struct posted_write {
	struct region_access at;
	uint8_t data[8];
};
_Static_assert(sizeof(struct posted_write) == 24, "on the wire");

/* One message on its way through here. */
struct exchange {
	struct vfio_user *u;
	struct vfio_user_message *m;
	const uint8_t *in; /* payload */
	size_t in_len;
	uint8_t *out; /* payload of the reply */
	size_t out_len;
};

/* The fixed part of the payload.  Return: 0, -EINVAL if it is not all there. */
static int take(const struct exchange *x, void *fixed, size_t len)
{
	if (x->in_len < len)
		return -EINVAL;
	memcpy(fixed, x->in, len);
	return 0;
}

static void give(struct exchange *x, const void *p, size_t len)
{
	memcpy(x->out + x->out_len, p, len);
	x->out_len += len;
}

/* --- VERSION ------------------------------------------------------------- */

static const char capabilities[] =
	"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":4096,"
	"\"max_dma_maps\":65535,\"pgsizes\":4096%s}}";

/* Was this capability, a boolean, proposed? */
static bool proposed(const char *json, const char *name)
{
	const char *at = strstr(json, name);

	if (!at)
		return false;
	at += strlen(name);
	at += strspn(at, " \t\r\n");
	if (*at++ != ':')
		return false;
	at += strspn(at, " \t\r\n");
	return !strncmp(at, "true", 4);
}

static int on_version(struct exchange *x)
{
	const char *json = (const char *)x->in + sizeof(struct version);
	size_t len = x->in_len - sizeof(struct version);
	char reply[sizeof(capabilities) + 32];
	struct version v;

	if (x->u->agreed || take(x, &v, sizeof(v)))
		return -EINVAL;
	if (len && (json[0] != '{' || json[len - 1]))
		return -EINVAL;
	if (v.major)
		return -ENOTSUP;
	vfio_user_say(&x->u->trace, "VERSION %u.%u %s", v.major, v.minor,
		      len ? json : "");
	x->u->agreed = true;
	v.minor = 0;
	give(x, &v, sizeof(v));
	if (len) {
		snprintf(reply, sizeof(reply), capabilities,
			 proposed(json, "\"write_multiple\"")
				 ? ",\"write_multiple\":true"
				 : "");
		give(x, reply, strlen(reply) + 1);
	}
	return 0;
}

/* --- DMA ----------------------------------------------------------------- */

static void warn_unsealed(struct vfio_user *u)
{
	if (u->warned)
		return;
	u->warned = true;
	wd_warn("guest memory that could shrink is not used: give the machine "
		"a memory-backend-memfd with share=on");
}

static int on_dma_map(struct exchange *x)
{
	struct vfio_user *u = x->u;
	struct dma_map d;
	int rc;

	if (take(x, &d, sizeof(d)) || d.argsz < sizeof(d) || x->m->nfds > 1 ||
	    d.flags & ~(uint32_t)(VFIO_USER_DMA_READ | VFIO_USER_DMA_WRITE))
		return -EINVAL;
	vfio_user_say(&u->trace,
		      "DMA_MAP iova=0x%llx size=0x%llx off=0x%llx flags=0x%x "
		      "fd=%s",
		      (unsigned long long)d.iova, (unsigned long long)d.size,
		      (unsigned long long)d.offset, d.flags,
		      x->m->nfds ? "True" : "False");
	emu_workers_pause(&u->workers);
	rc = vfio_user_dma_add(&u->dma, d.iova, d.size, d.flags,
			       x->m->nfds ? x->m->fds[0] : -1, d.offset);
	emu_workers_resume(&u->workers);
	if (rc == 1)
		warn_unsealed(u);
	return rc < 0 ? rc : 0;
}

static int on_dma_unmap(struct exchange *x)
{
	struct vfio_user *u = x->u;
	struct dma_unmap d;
	int rc = 0;

	if (take(x, &d, sizeof(d)) || d.argsz < sizeof(d) ||
	    d.flags & ~(uint32_t)UNMAP_ALL)
		return -EINVAL;
	if (d.flags & UNMAP_ALL && (d.iova || d.size))
		return -EINVAL;
	emu_workers_pause(&u->workers);
	if (d.flags & UNMAP_ALL)
		vfio_user_dma_fini(&u->dma);
	else
		rc = vfio_user_dma_remove(&u->dma, d.iova, d.size);
	emu_workers_resume(&u->workers);
	vfio_user_say(&u->trace,
		      "DMA_UNMAP iova=0x%llx size=0x%llx flags=0x%x removed=%d",
		      (unsigned long long)d.iova, (unsigned long long)d.size,
		      d.flags, rc);
	if (rc < 0)
		return rc;
	give(x, &d, sizeof(d));
	return 0;
}

/* --- information --------------------------------------------------------- */

static int on_device_info(struct exchange *x)
{
	struct device_info i;

	if (take(x, &i, sizeof(i)) || i.argsz < sizeof(i))
		return -EINVAL;
	i = (struct device_info){
		.argsz = sizeof(i),
		.flags = DEVICE_RESETS | DEVICE_PCI,
		.regions = REGIONS,
		.irqs = IRQ_KINDS,
	};
	give(x, &i, sizeof(i));
	return 0;
}

static int on_region_info(struct exchange *x)
{
	struct region_info i;

	if (take(x, &i, sizeof(i)) || i.argsz < sizeof(i) || i.index >= REGIONS)
		return -EINVAL;
	i = (struct region_info){
		.argsz = sizeof(i),
		.index = i.index,
		.size = vfio_user_region_size(x->u, i.index),
	};
	if (i.size)
		i.flags = REGION_READABLE | REGION_WRITABLE;
	give(x, &i, sizeof(i));
	return 0;
}

static uint32_t irq_count(const struct vfio_user *u, uint32_t index)
{
	return index == IRQ_MSI ? u->pci.id.msi : 0;
}

static int on_irq_info(struct exchange *x)
{
	struct irq_info i;

	if (take(x, &i, sizeof(i)) || i.argsz < sizeof(i) ||
	    i.index >= IRQ_KINDS)
		return -EINVAL;
	i = (struct irq_info){
		.argsz = sizeof(i),
		.index = i.index,
		.count = irq_count(x->u, i.index),
	};
	if (i.count)
		i.flags = IRQ_EVENTFD;
	give(x, &i, sizeof(i));
	return 0;
}

/* --- SET_IRQS ------------------------------------------------------------ */

/* Anything else could make a write block, or go who knows where. */
static bool is_eventfd(int fd)
{
	char path[32], name[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof(name) - 1);
	if (n < 0)
		return false;
	name[n] = '\0';
	return !strcmp(name, "anon_inode:[eventfd]");
}

static int irqs_connect(struct exchange *x, const struct set_irqs *s)
{
	struct vfio_user_message *m = x->m;

	if (m->nfds && m->nfds != s->count)
		return -EINVAL;
	for (unsigned int i = 0; i < m->nfds; i++)
		if (!is_eventfd(m->fds[i]) ||
		    fcntl(m->fds[i], F_SETFL, O_NONBLOCK))
			return -EINVAL;
	for (unsigned int i = 0; i < s->count; i++) {
		vfio_user_irq_set(x->u, s->start + i, m->nfds ? m->fds[i] : -1);
		m->fds[i] = -1;
	}
	pci_config_retry(&x->u->pci);
	return 0;
}

/* With no count: all off.  Else a test of the way to the guest. */
static int irqs_plain(struct exchange *x, const struct set_irqs *s)
{
	for (unsigned int v = 0; !s->count && v < PCI_MSI_MAX; v++)
		vfio_user_irq_set(x->u, v, -1);
	for (unsigned int i = 0; i < s->count; i++)
		vfio_user_irq_send(x->u, s->start + i);
	return 0;
}

static int irqs_chosen(struct exchange *x, const struct set_irqs *s)
{
	const uint8_t *chosen = x->in + sizeof(*s);

	if (x->in_len - sizeof(*s) < s->count)
		return -EINVAL;
	for (unsigned int i = 0; i < s->count; i++)
		if (chosen[i])
			vfio_user_irq_send(x->u, s->start + i);
	return 0;
}

static int on_set_irqs(struct exchange *x)
{
	struct set_irqs s;
	uint32_t n;

	if (take(x, &s, sizeof(s)) || s.argsz < sizeof(s) ||
	    s.index >= IRQ_KINDS)
		return -EINVAL;
	n = irq_count(x->u, s.index);
	if (s.start > n || s.count > n - s.start)
		return -EINVAL;
	vfio_user_say(&x->u->trace,
		      "SET_IRQS index=%u flags=0x%x start=%u count=%u nfds=%u",
		      s.index, s.flags, s.start, s.count, x->m->nfds);
	/* Masks are in configuration space. */
	if ((s.flags & IRQ_ACTION) != IRQ_ACTION_TRIGGER ||
	    s.flags & ~(uint32_t)(IRQ_ACTION | IRQ_DATA))
		return -EINVAL;
	if (!n)
		return 0;
	switch (s.flags & IRQ_DATA) {
	case IRQ_DATA_EVENTFD:
		return irqs_connect(x, &s);
	case IRQ_DATA_NONE:
		return irqs_plain(x, &s);
	case IRQ_DATA_BOOL:
		return irqs_chosen(x, &s);
	default:
		return -EINVAL;
	}
}

/* --- regions ------------------------------------------------------------- */

static int on_region_read(struct exchange *x)
{
	struct region_access a;
	int rc;

	if (take(x, &a, sizeof(a)) || a.count > PCI_CONFIG_SIZE)
		return -EINVAL;
	rc = vfio_user_region_read(x->u, a.region, a.off, x->out + sizeof(a),
				   a.count);
	if (rc)
		return rc;
	give(x, &a, sizeof(a));
	x->out_len += a.count;
	return 0;
}

static int on_region_write(struct exchange *x)
{
	struct region_access a;
	int rc;

	if (take(x, &a, sizeof(a)) || a.count > x->in_len - sizeof(a))
		return -EINVAL;
	rc = vfio_user_region_write(x->u, a.region, a.off, x->in + sizeof(a),
				    a.count);
	if (!rc)
		give(x, &a, sizeof(a));
	return rc;
}

static int on_write_multi(struct exchange *x)
{
	struct posted_write w;
	uint64_t n, i;
	int rc = 0;

	if (take(x, &n, sizeof(n)) || n > (x->in_len - sizeof(n)) / sizeof(w))
		return -EINVAL;
	for (i = 0; i < n && !rc; i++) {
		memcpy(&w, x->in + sizeof(n) + i * sizeof(w), sizeof(w));
		if (w.at.count > sizeof(w.data))
			return -EINVAL;
		rc = vfio_user_region_write(x->u, w.at.region, w.at.off, w.data,
					    w.at.count);
	}
	if (!rc)
		give(x, &n, sizeof(n));
	return rc;
}

static int on_device_reset(struct exchange *x)
{
	vfio_user_say(&x->u->trace, "DEVICE_RESET");
	vfio_user_reset(x->u);
	return 0;
}

/* --- any message --------------------------------------------------------- */

static int (*const commands[])(struct exchange *x) = {
	[CMD_VERSION] = on_version,
	[CMD_DMA_MAP] = on_dma_map,
	[CMD_DMA_UNMAP] = on_dma_unmap,
	[CMD_DEVICE_INFO] = on_device_info,
	[CMD_REGION_INFO] = on_region_info,
	[CMD_IRQ_INFO] = on_irq_info,
	[CMD_SET_IRQS] = on_set_irqs,
	[CMD_REGION_READ] = on_region_read,
	[CMD_REGION_WRITE] = on_region_write,
	[CMD_DEVICE_RESET] = on_device_reset,
	[CMD_WRITE_MULTI] = on_write_multi,
};

static int dispatch(struct exchange *x, const struct header *h)
{
	if (x->m->fds_lost)
		return -EINVAL;
	if (h->command >= WD_ARRAY_SIZE(commands) || !commands[h->command])
		return -ENOSYS;
	if (!x->u->agreed && h->command != CMD_VERSION)
		return -EINVAL;
	return commands[h->command](x);
}

static void reply(struct exchange *x, struct header *h, int rc)
{
	if (h->flags & FLAG_NO_REPLY)
		return;
	h->flags = FLAG_REPLY | (rc ? FLAG_ERROR : 0);
	h->error = (uint32_t)-rc;
	h->size = VFIO_USER_HEADER + (rc ? 0 : (uint32_t)x->out_len);
	memcpy(x->m->reply, h, sizeof(*h));
	x->m->reply_len = h->size;
}

int vfio_user_message(struct vfio_user *u, struct vfio_user_message *m)
{
	struct exchange x = {
		.u = u,
		.m = m,
		.in = m->data + VFIO_USER_HEADER,
		.in_len = m->len - VFIO_USER_HEADER,
		.out = m->reply + VFIO_USER_HEADER,
	};
	struct header h;
	int rc;

	m->reply_len = 0;
	if (m->len < sizeof(h))
		return -EPROTO;
	memcpy(&h, m->data, sizeof(h));
	u->messages++;
	/* We send no commands, so there are no replies to them. */
	if (h.size != m->len || (h.flags & FLAG_TYPE)) {
		reply(&x, &h, h.size != m->len ? -EMSGSIZE : -EPROTO);
		return -EPROTO;
	}
	rc = dispatch(&x, &h);
	reply(&x, &h, rc);
	/* Who can't agree on a version can't go on. */
	return u->agreed ? 0 : -EPROTO;
}
