/* SPDX-License-Identifier: Apache-2.0 */
#include "emu/emu_host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "emu/emu_card.h"

#define NS_PER_S 1000000000

/* Cards of one process; those of a parent are kept, untouched, behind. */
struct emu_cards {
	struct emu_cards *parent;
	unsigned int count;
	struct emu_card card[];
};

struct emu_host {
	struct uacce_host host; /* first: what callers hold */
	struct emu_host_options options;
	unsigned int generation; /* forks since the host was made */
	struct emu_cards *cards;
};

static struct emu_host *emu_host_of(struct uacce_host *host)
{
	return (struct emu_host *)host;
}

/* Stems of node names; docs/hw/uacce.md#names */
static const char *const emu_stems[UACCE_ENGINES] = {
	[UACCE_HPRE] = "hisi_hpre",
	[UACCE_SEC] = "hisi_sec2",
	[UACCE_ZIP] = "hisi_zip",
};

/* --- cards -------------------------------------------------------------- */

static size_t emu_dus_size(const struct emu_engine *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return wd_align_up((e->sqe_size + sizeof(struct qm_cqe)) *
				   EMU_RING_DEPTH,
			   page) +
	       page;
}

static void emu_card_faults(struct emu_card *c,
			    const struct emu_host_options *o)
{
	c->cfg.fault_count = 0;
	for (unsigned int i = 0; i < o->config.fault_count; i++)
		if (o->fault_engine[i] == UACCE_ENGINES ||
		    o->fault_engine[i] == c->engine->id)
			c->cfg.faults[c->cfg.fault_count++] =
				o->config.faults[i];
}

static void emu_card_info(struct emu_card *c, unsigned int number)
{
	bool v3 = c->cfg.model >= EMU_KUNPENG930;
	struct uacce_info *info = &c->info;

	snprintf(info->name, sizeof(info->name), "%s-%u",
		 emu_stems[c->engine->id], number);
	info->engine = c->engine->id;
	info->qm_version = c->cfg.model;
	info->flags = c->sva ? UACCE_FLAG_SVA : UACCE_FLAG_IOMMU;
	info->numa_node = -1;
	/* Own window with isolation (V3), else the shared first pages. */
	info->mmio_size =
		v3 ? 0x10000
		   : wd_align_up(0x1000 + 8, (uint64_t)sysconf(_SC_PAGESIZE));
	info->dus_size = emu_dus_size(c->engine);
	snprintf(info->algorithms, sizeof(info->algorithms), "%s",
		 v3 ? c->engine->algorithms_v3 : c->engine->algorithms_v2);
}

static void emu_card_init(struct emu_card *c, const struct emu_engine *engine,
			  const struct emu_host_options *o, unsigned int number)
{
	c->engine = engine;
	c->cfg = o->config;
	c->cfg.engine = engine;
	c->cfg.queues = o->queues;
	c->thread_count = o->threads;
	c->run_inline = o->run_inline;
	c->sva = !o->nosva;
	c->shared = o->shared;
	emu_card_faults(c, o);
	emu_card_info(c, number);
	pthread_mutex_init(&c->mailbox, NULL);
	pthread_mutex_init(&c->irq, NULL);
	pthread_mutex_init(&c->lock, NULL);
	emu_workers_init(&c->workers);
}

static struct emu_cards *emu_cards_new(const struct emu_host_options *o)
{
	struct emu_cards *cards;
	unsigned int total = 0;

	for (unsigned int e = 0; e < UACCE_ENGINES; e++)
		total += emu_engines[e] ? o->devices[e] : 0;
	cards = calloc(1, sizeof(*cards) + total * sizeof(cards->card[0]));
	if (!cards)
		return NULL;
	for (unsigned int e = 0; e < UACCE_ENGINES; e++)
		for (unsigned int i = 0; emu_engines[e] && i < o->devices[e];
		     i++, cards->count++)
			emu_card_init(&cards->card[cards->count],
				      emu_engines[e], o, cards->count);
	return cards;
}

static struct emu_card *emu_card_find(struct emu_host *h, const char *name)
{
	for (unsigned int i = 0; i < h->cards->count; i++)
		if (!strcmp(h->cards->card[i].info.name, name))
			return &h->cards->card[i];
	return NULL;
}

/* --- handles ------------------------------------------------------------ */

/* Mappings of a queue are not inherited, as with the kernel's. */
static uint8_t *emu_map(size_t size)
{
	uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_DONTFORK);
	return p;
}

static unsigned int emu_window_of(const struct emu_handle *h)
{
	return EMU_WINDOW_QUEUE0 + h->id * (1u + EMU_SLICES);
}

static void emu_handle_free(struct emu_handle *h)
{
	if (h->pool && !h->lent)
		munmap(h->pool, h->pool_size);
	if (h->dus && !h->lent)
		munmap(h->dus, h->dus_size);
	if (h->fd >= 0 && !h->lent)
		close(h->fd);
	free(h);
}

static void emu_handle_memory(struct emu_handle *h, const struct emu_loan *loan)
{
	h->lent = loan != NULL;
	if (loan) {
		h->fd = loan->event;
		h->dus = loan->memory;
		if (h->pool_size)
			h->pool = h->dus + h->dus_size;
		return;
	}
	h->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->dus = emu_map(h->dus_size);
	if (h->pool_size)
		h->pool = emu_map(h->pool_size);
}

static struct emu_handle *emu_handle_new(struct emu_card *c,
					 unsigned int qc_type, size_t pool,
					 const struct emu_loan *loan)
{
	struct emu_handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->card = c;
	h->qc_type = (uint8_t)qc_type;
	h->dus_size = c->info.dus_size;
	h->pool_size = wd_align_up(pool, (uint64_t)sysconf(_SC_PAGESIZE));
	emu_handle_memory(h, loan);
	if (h->fd < 0 || !h->dus || (pool && !h->pool)) {
		emu_handle_free(h);
		return NULL;
	}
	return h;
}

/* Queue numbers go round, so that a late doorbell of a closed queue meets no
 * new owner soon.  Caller holds c->lock. */
static int emu_handle_number(struct emu_card *c, struct emu_handle *h)
{
	for (unsigned int i = 0; i < c->cfg.queues; i++) {
		unsigned int id = (c->next + i) % c->cfg.queues;

		if (c->queue[id])
			continue;
		h->id = (uint16_t)id;
		c->queue[id] = h;
		c->next = id + 1;
		c->in_use++;
		return 0;
	}
	return -EBUSY;
}

/* The bring-up happens at the first open: a host that is only listed has
 * neither threads nor device memory. */
static int emu_handle_attach(struct emu_card *c, struct emu_handle *h)
{
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	if (c->gone)
		rc = -ENODEV;
	else if (c->failed)
		rc = -EPERM;
	else if (!c->dev)
		rc = emu_card_up(c);
	if (!rc)
		rc = emu_handle_number(c, h);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* Two slices, not adjacent on the bus: users must not take one for all. */
static void emu_pool_slices(struct emu_handle *h, struct uacce_queue *q)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t first = wd_align_up(h->pool_size / EMU_SLICES, page);
	size_t size[EMU_SLICES] = { first, h->pool_size - first };
	uint8_t *va = h->pool;

	if (!h->pool)
		return;
	if (h->card->sva) {
		q->slice[q->slices++] =
			(struct uacce_slice){ va, (uint64_t)(uintptr_t)va,
					      h->pool_size };
		return;
	}
	for (unsigned int i = 0; i < EMU_SLICES && size[i]; i++) {
		uint64_t bus =
			emu_memory_set(&h->card->memory,
				       emu_window_of(h) + 1 + i, va, size[i]);

		q->slice[q->slices++] =
			(struct uacce_slice){ va, bus, size[i] };
		va += size[i];
	}
}

/* The mapped pages go back to the kernel, which wipes them before anyone
 * gets them again. */
static void emu_handle_detach(struct emu_handle *h)
{
	struct emu_card *c = h->card;

	for (unsigned int i = 0; i < 1 + EMU_SLICES; i++)
		emu_memory_set(&c->memory, emu_window_of(h) + i, NULL, 0);
	pthread_mutex_lock(&c->lock);
	c->queue[h->id] = NULL;
	c->in_use--;
	pthread_mutex_unlock(&c->lock);
}

/* --- operations --------------------------------------------------------- */

static int emu_op_list(struct uacce_host *host, struct uacce_info *out,
		       unsigned int max)
{
	struct emu_host *h = emu_host_of(host);
	unsigned int n = 0;

	for (unsigned int i = 0; i < h->cards->count; i++) {
		struct emu_card *c = &h->cards->card[i];

		if (c->gone)
			continue;
		if (n < max) {
			pthread_mutex_lock(&c->lock);
			out[n] = c->info;
			out[n].available = (int)(c->cfg.queues - c->in_use);
			out[n].isolated = c->failed;
			pthread_mutex_unlock(&c->lock);
		}
		n++;
	}
	return (int)n;
}

/* In a forked child the queues of the parent are dead memory. */
static bool emu_inherited(const struct uacce_queue *q)
{
	const struct emu_handle *h = q->priv;

	return h->generation != emu_host_of(q->host)->generation;
}

/* The engine in the caller's thread, until the queue has nothing more. */
static void emu_run_inline(struct emu_handle *h)
{
	uint64_t wait_ns;

	for (;;) {
		if (emu_dev_work_queue(h->card->dev, h->id, &wait_ns))
			continue;
		if (wait_ns == UINT64_MAX)
			return;
		emu_sleep(wait_ns);
	}
}

static void emu_op_bell(struct uacce_queue *q, uint32_t off, uint64_t value)
{
	struct emu_handle *h = q->priv;

	if (emu_inherited(q))
		return;
	emu_dev_write(h->card->dev, h->bell_bar, h->bell_off + off, value, 8);
	if (h->card->run_inline)
		emu_run_inline(h);
}

static void emu_queue_fill(struct uacce_queue *q, struct uacce_host *host,
			   struct emu_handle *h)
{
	const struct emu_card *c = h->card;

	*q = (struct uacce_queue){
		.host = host,
		.engine = c->engine->id,
		.qm_version = c->cfg.model,
		.sva = c->sva,
		.id = h->id,
		.sqe_size = c->engine->sqe_size,
		.sq_depth = EMU_RING_DEPTH,
		.cq_depth = EMU_RING_DEPTH,
		.dus = h->dus,
		.dus_size = h->dus_size,
		.bell = emu_op_bell,
		.fd = h->fd,
		.pool = h->pool,
		.pool_size = h->pool ? h->pool_size : 0,
		.priv = h,
	};
	emu_pool_slices(h, q);
}

/* Core groups; docs/hw/qm.md#sqc-type */
static bool emu_qc_type_valid(const struct emu_card *c, unsigned int qc_type)
{
	return qc_type <= (c->engine->id == UACCE_SEC ? 0u : 1u);
}

/* The node of a device would be opened first: where that is not allowed there
 * is no model either.  Sandboxes kill for the system calls that follow. */
static int emu_node_open(void)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int emu_host_open(struct uacce_host *host, const struct uacce_info *info,
		  unsigned int qc_type, size_t pool,
		  const struct emu_loan *loan, struct uacce_queue *q)
{
	struct emu_host *eh = emu_host_of(host);
	struct emu_card *c = emu_card_find(eh, info->name);
	struct emu_handle *h;
	int rc;

	if (!c)
		return -ENOENT;
	if (!emu_qc_type_valid(c, qc_type))
		return -EINVAL;
	rc = emu_node_open();
	if (rc)
		return rc;
	h = emu_handle_new(c, qc_type, pool, loan);
	if (!h)
		return -ENOMEM;
	h->generation = eh->generation;
	rc = emu_handle_attach(c, h);
	if (rc) {
		emu_handle_free(h);
		return rc;
	}
	h->bell_bar = c->cfg.model >= EMU_KUNPENG930 ? 4 : 2;
	h->bell_off = h->bell_bar == 4 ? (uint64_t)h->id * 0x10000 : 0;
	emu_queue_fill(q, host, h);
	return 0;
}

static int emu_op_open(struct uacce_host *host, const struct uacce_info *info,
		       unsigned int qc_type, size_t pool, struct uacce_queue *q)
{
	return emu_host_open(host, info, qc_type, pool, NULL, q);
}

static int emu_op_start(struct uacce_queue *q)
{
	return emu_inherited(q) ? -ENXIO : emu_queue_start(q->priv);
}

static int emu_op_stop(struct uacce_queue *q)
{
	return emu_inherited(q) ? -ENXIO : emu_queue_stop(q->priv, true);
}

int emu_host_stop_now(struct uacce_queue *q)
{
	return emu_inherited(q) ? -ENXIO : emu_queue_stop(q->priv, false);
}

void emu_host_queue_stats(const struct uacce_queue *q,
			  struct emu_queue_stats *out)
{
	const struct emu_handle *h = q->priv;

	emu_dev_queue_stats(h->card->dev, h->id, out);
}

/* In a forked child the mappings are not there and the card's locks may be
 * held by nobody: only what the child has is let go. */
static void emu_close_inherited(struct emu_handle *h)
{
	h->card->queue[h->id] = NULL;
	h->dus = h->pool = NULL;
	emu_handle_free(h);
}

static void emu_op_close(struct uacce_queue *q)
{
	struct emu_handle *h = q->priv;

	if (emu_inherited(q)) {
		emu_close_inherited(h);
	} else {
		emu_queue_stop(h, true);
		emu_handle_detach(h);
		emu_handle_free(h);
	}
	*q = (struct uacce_queue){ .fd = -1 };
}

void emu_host_close_quietly(struct uacce_queue *q)
{
	struct emu_handle *h = q->priv;
	struct emu_card *c = h->card;

	emu_queue_stop(h, false);
	emu_workers_pause(&c->workers);
	emu_op_close(q);
	emu_workers_resume(&c->workers);
}

static int emu_op_wait(struct uacce_queue *q, int64_t timeout_ns)
{
	struct emu_handle *h = q->priv;
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	struct timespec ts = {
		.tv_sec = timeout_ns / NS_PER_S,
		.tv_nsec = timeout_ns % NS_PER_S,
	};
	uint64_t count;
	ssize_t got;
	int n;

	if (h->state == EMU_Q_ZOMBIE || emu_inherited(q))
		return -ENXIO;
	if (h->state == EMU_Q_DEAD) /* the stop words say so */
		return 1;
	n = ppoll(&p, 1, timeout_ns < 0 ? NULL : &ts, NULL);
	if (n <= 0)
		return n ? -EINTR : 0;
	got = read(h->fd, &count, sizeof(count));
	(void)got; /* taken by another waiter: spurious is legal */
	return h->state == EMU_Q_ZOMBIE ? -ENXIO : 1;
}

static int emu_op_forked(struct uacce_host *host)
{
	struct emu_host *h = emu_host_of(host);
	struct emu_cards *fresh = emu_cards_new(&h->options);

	if (!fresh)
		return -ENOMEM;
	fresh->parent = h->cards;
	h->cards = fresh;
	h->generation++;
	return 0;
}

static void emu_cards_free(struct emu_cards *cards, bool ours)
{
	for (unsigned int i = 0; i < cards->count; i++) {
		struct emu_card *c = &cards->card[i];

		if (ours)
			emu_workers_stop(&c->workers);
		for (unsigned int k = 0; !ours && k < c->cfg.queues; k++)
			if (c->queue[k])
				emu_close_inherited(c->queue[k]);
		emu_card_down(c);
	}
	free(cards);
}

static void emu_op_free(struct uacce_host *host)
{
	struct emu_host *h = emu_host_of(host);
	struct emu_cards *cards, *parent;
	bool ours = true;

	for (cards = h->cards; cards; cards = parent, ours = false) {
		parent = cards->parent;
		emu_cards_free(cards, ours);
	}
	free(h);
}

static const struct uacce_ops emu_ops = {
	.list = emu_op_list,
	.open = emu_op_open,
	.start = emu_op_start,
	.stop = emu_op_stop,
	.close = emu_op_close,
	.wait = emu_op_wait,
	.forked = emu_op_forked,
	.free = emu_op_free,
};

int emu_host_new(struct uacce_host **out, const struct emu_host_options *o)
{
	struct emu_host *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->host = (struct uacce_host){ .ops = &emu_ops, .model = true };
	h->options = *o;
	h->cards = emu_cards_new(o);
	if (!h->cards) {
		free(h);
		return -ENOMEM;
	}
	*out = &h->host;
	return 0;
}

struct emu_dev *emu_host_dev(struct uacce_host *host, const char *name)
{
	struct emu_card *c = emu_card_find(emu_host_of(host), name);

	return c ? c->dev : NULL;
}

int wd_emu_host(struct uacce_host **out, const char *options)
{
	struct emu_host_options o;
	char why[256];
	int rc = emu_host_parse(&o, options ? options : "", why, sizeof(why));

	/* As a module this is a copy of the log of its own, directed nowhere:
	 * refusals must still be seen. */
	if (wd_log_level() == WD_LOG_NONE)
		wd_log_to(STDERR_FILENO, WD_LOG_ERR);
	if (rc) {
		wd_err("emu: %s", why);
		return rc;
	}
	return emu_host_new(out, &o);
}
