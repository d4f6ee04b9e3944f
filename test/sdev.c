/* SPDX-License-Identifier: Apache-2.0 */
#include "test/sdev.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "hw/hpre/hpre.h"
#include "hw/qm/qm_fields.h"
#include "hw/sec/sec_fields.h"

#define BUS_BASE  0x40000000u
#define DEPTH_MAX 1024

struct sdev_queue {
	struct sdev *d;
	struct uacce_queue *u; /* valid while open */
	struct uacce_slice slice[UACCE_SLICES_MAX];
	unsigned int slices;
	bool sva, started, stopped, armed;
	uint8_t *dus, *pool;
	size_t dus_size, pool_size;
	uint16_t depth, sqe_size;
	uint16_t head, tail; /* of the SQ, device's view */
	uint16_t cq_tail;
	uint8_t phase;
	enum uacce_engine engine;
	uint64_t rung_at[DEPTH_MAX];
	int fd;
};

/* ---- the engines -------------------------------------------------------- */

static uint8_t *reach(struct sdev_queue *q, uint64_t bus, size_t len)
{
	if (q->sva)
		return (uint8_t *)(uintptr_t)bus;
	for (unsigned int i = 0; i < q->slices; i++) {
		struct uacce_slice *s = &q->slice[i];

		if (bus >= s->bus && bus + len <= s->bus + s->size)
			return s->va + (bus - s->bus);
	}
	q->d->bad_dma++;
	return NULL;
}

static uint64_t get64(const uint32_t *w, const struct wd_field *f)
{
	return wd_get64(w, f);
}

static bool run_hpre(struct sdev_queue *q, uint32_t *w)
{
	const struct wd_field *f = hpre_fields;
	struct hpre_op op = {
		.alg = (enum hpre_alg)wd_get(w, &f[HPRE_SQE_ALG]),
		.width = (wd_get(w, &f[HPRE_SQE_TASK_LEN1]) + 1) * 8,
	};
	size_t from, to;
	uint8_t *key, *in, *out;

	if (op.alg == HPRE_ALG_SM2_ENC || op.alg == HPRE_ALG_SM2_DEC)
		op.msg_len = (uint16_t)(wd_get(w, &f[HPRE_SQE_SM2_MLEN]) + 1);
	from = hpre_in_size(&op);
	to = hpre_out_size(&op);
	key = reach(q, get64(w, &f[HPRE_SQE_KEY_LO]),
		    hpre_key_size(op.alg, op.width));
	in = from ? reach(q, get64(w, &f[HPRE_SQE_IN_LO]), from) : key;
	out = reach(q, get64(w, &f[HPRE_SQE_OUT_LO]), to);
	if (!key || !in || !out)
		return false;
	for (size_t i = 0; i < to; i++)
		out[i] = in[from ? i % from : 0] ^ key[0] ^ 0x5a;
	if (!to)
		wd_put(w, &f[HPRE_SQE_OUT_LO],
		       q->d->forged ? 0 : HPRE_VERIFIED);
	return true;
}

/* Byte @at of a flat buffer or a scatter list. */
static uint8_t *sec_byte(struct sdev_queue *q, uint64_t addr, bool sgl,
			 size_t at)
{
	struct sec_sgl *l;

	if (!sgl)
		return reach(q, addr + at, 1);
	l = (void *)reach(q, addr, sizeof(*l));
	for (unsigned int i = 0; l && i < l->sum_in_sgl; i++) {
		const struct sec_sgl_entry *e;

		e = (void *)reach(q, addr + SEC_SGL_BYTES(i), sizeof(*e));
		if (!e || at < e->len)
			return e ? reach(q, e->addr + at, 1) : NULL;
		at -= e->len;
	}
	return NULL;
}

/* Bytes of what a digest leaves at its MAC address. */
static size_t sec_sum_size(const uint32_t *w)
{
	unsigned int alg = wd_get(w, &sec_bd2_fields[SEC_BD2_A_ALG]) & ~0x10u;

	return alg >= SEC_AALG_SHA384 && alg <= SEC_AALG_SHA512_256 ? 64 : 32;
}

static bool run_sec(struct sdev_queue *q, uint32_t *w)
{
	const struct wd_field *f = sec_bd2_fields;
	size_t len = wd_get(w, &f[SEC_BD2_C_LEN]);
	size_t skip = wd_get(w, &f[SEC_BD2_C_OFFSET]), total = skip + len;
	uint64_t src = get64(w, &f[SEC_BD2_SRC_LO]);
	uint64_t dst = get64(w, &f[SEC_BD2_DST_LO]);
	uint64_t mac = get64(w, &f[SEC_BD2_MAC_LO]);
	bool src_sgl = wd_get(w, &f[SEC_BD2_SRC_TYPE]) == SEC_ADDR_SGL;
	bool dst_sgl = wd_get(w, &f[SEC_BD2_DST_TYPE]) == SEC_ADDR_SGL;
	bool cipher = wd_get(w, &f[SEC_BD2_CIPHER]);
	bool decrypt = wd_get(w, &f[SEC_BD2_CIPHER]) == SEC_CIPHER_DEC;
	unsigned int mode = wd_get(w, &f[SEC_BD2_C_MODE]);
	bool aead = cipher && (mode == SEC_CMODE_GCM || mode == SEC_CMODE_CCM);
	uint8_t sum = 0, key = 0, *m;

	if (!cipher)
		total = wd_get(w, &f[SEC_BD2_A_LEN]);
	else
		key = *reach(q, get64(w, &f[SEC_BD2_C_KEY_LO]), 1);
	if (!cipher && wd_get(w, &f[SEC_BD2_A_KEY_LEN]))
		sum = *reach(q, get64(w, &f[SEC_BD2_A_KEY_LO]), 1);
	for (size_t i = 0; i < total; i++) {
		uint8_t *s = sec_byte(q, src, src_sgl, i), *d, in;

		if (!s)
			return false;
		in = *s;
		if (cipher) {
			d = sec_byte(q, dst, dst_sgl, i);
			if (!d)
				return false;
			*d = i < skip ? in : in ^ key ^ 0x5a;
		}
		if (cipher && i >= skip && !decrypt)
			in ^= key ^ 0x5a; /* sums are over ciphertext */
		sum = (uint8_t)(sum * 3 + in);
	}
	if (cipher && !aead)
		return true;
	m = reach(q, mac, 16);
	if (!m)
		return false;
	if (decrypt && m[0] != sum)
		wd_put(w, &f[SEC_BD2_ICV], SEC_ICV_MISMATCH);
	else if (!decrypt)
		memset(m, sum,
		       cipher ? wd_get(w, &f[SEC_BD2_C_ICV_LEN])
			      : sec_sum_size(w));
	return true;
}

static void run(struct sdev_queue *q, uint32_t *w)
{
	bool spared = q->d->bad && q->d->bad_after;
	bool good = !q->d->bad || spared;

	if (q->engine == UACCE_HPRE) {
		good = good && run_hpre(q, w);
		wd_put(w, &hpre_fields[HPRE_SQE_DONE], HPRE_DONE_FINISHED);
		wd_put(w, &hpre_fields[HPRE_SQE_ETYPE], good ? 0 : 1);
	} else {
		good = good && run_sec(q, w);
		wd_put(w, &sec_bd2_fields[SEC_BD2_DONE], 1);
		wd_put(w, &sec_bd2_fields[SEC_BD2_ERROR_TYPE], good ? 0 : 1);
	}
	if (spared)
		q->d->bad_after--;
	else if (q->d->bad)
		q->d->bad--;
}

/* ---- rings (d->lock held) ----------------------------------------------- */

static void raise_event(struct sdev_queue *q)
{
	const uint64_t one = 1;

	if (!q->armed)
		return;
	q->armed = false;
	if (write(q->fd, &one, sizeof(one)) < 0)
		abort();
}

static bool finish_one(struct sdev_queue *q)
{
	struct qm_cqe *cq = (void *)(q->dus + (size_t)q->depth * q->sqe_size);
	struct qm_cqe *cqe = &cq[q->cq_tail];
	uint32_t w3[4] = { 0 };

	if (!q->u || q->stopped || q->head == q->tail)
		return false;
	run(q, (void *)(q->dus + (size_t)q->head * q->sqe_size));
	QM_PUT(cqe->w, QM_CQE_SQ_HEAD, q->head);
	QM_PUT(w3, QM_CQE_PHASE, q->phase);
	__atomic_store_n(&cqe->w[3], w3[3], __ATOMIC_RELEASE);
	if (++q->cq_tail == q->depth) {
		q->cq_tail = 0;
		q->phase ^= 1;
	}
	q->head = (uint16_t)((q->head + 1) % q->depth);
	q->d->done++;
	raise_event(q);
	return true;
}

static bool has_completions(const struct sdev_queue *q, uint16_t cq_head)
{
	return cq_head != q->cq_tail;
}

static void bell(struct uacce_queue *u, uint32_t off, uint64_t value)
{
	struct sdev_queue *q = u->priv;
	uint32_t w[2] = { (uint32_t)value, (uint32_t)(value >> 32) };
	uint16_t index = (uint16_t)QM_GET(w, QM_DB_INDEX);
	struct sdev *d = q->d;
	unsigned int n;

	(void)off;
	pthread_mutex_lock(&d->lock);
	if (QM_GET(w, QM_DB_CMD) == QM_BELL_CQ) {
		d->cq_bells++;
		if (QM_GET(w, QM_DB_PRIORITY)) {
			q->armed = true;
			d->armed++;
			if (has_completions(q, index))
				raise_event(q);
		}
		pthread_mutex_unlock(&d->lock);
		return;
	}
	d->sq_bells++;
	n = (unsigned int)(index + q->depth - q->tail) % q->depth;
	if (n > d->largest_bell)
		d->largest_bell = n;
	for (; q->tail != index; q->tail = (uint16_t)((q->tail + 1) % q->depth))
		q->rung_at[q->tail] = wd_now_ns();
	while (d->mode == SDEV_INLINE && finish_one(q))
		;
	pthread_mutex_unlock(&d->lock);
	sem_post(&d->rung);
}

unsigned int sdev_complete(struct sdev *d, unsigned int n)
{
	unsigned int k = 0;

	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < SDEV_QUEUES; i++)
		while (k < n && d->queue[i] && finish_one(d->queue[i]))
			k++;
	pthread_mutex_unlock(&d->lock);
	return k;
}

unsigned int sdev_pending(struct sdev *d)
{
	unsigned int n = 0;

	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < SDEV_QUEUES; i++) {
		struct sdev_queue *q = d->queue[i];

		if (q && !q->stopped)
			n += (unsigned int)(q->tail + q->depth - q->head) %
			     q->depth;
	}
	pthread_mutex_unlock(&d->lock);
	return n;
}

void sdev_stop_queues(struct sdev *d)
{
	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < SDEV_QUEUES; i++) {
		struct sdev_queue *q = d->queue[i];
		const uint64_t one = 1;

		if (!q)
			continue;
		q->stopped = true;
		__atomic_store_n((uint32_t *)(void *)(q->dus + q->dus_size - 8),
				 1, __ATOMIC_RELEASE);
		__atomic_store_n((uint32_t *)(void *)(q->dus + q->dus_size - 4),
				 1, __ATOMIC_RELEASE);
		if (write(q->fd, &one, sizeof(one)) < 0)
			abort();
	}
	pthread_mutex_unlock(&d->lock);
}

bool sdev_pools_clean(struct sdev *d)
{
	bool clean = true;

	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < SDEV_QUEUES; i++)
		for (size_t k = 0; d->queue[i] && k < d->queue[i]->pool_size;
		     k++)
			clean &= !d->queue[i]->pool[k];
	pthread_mutex_unlock(&d->lock);
	return clean;
}

/* Finishes what has been out for delay_us. */
static void *engine_main(void *arg)
{
	struct sdev *d = arg;
	const struct timespec nap = { .tv_nsec = 20000 };

	pthread_mutex_lock(&d->lock);
	while (!d->thread_stop) {
		uint64_t now = wd_now_ns();
		bool waiting = false;

		for (int i = 0; d->mode == SDEV_THREAD && i < SDEV_QUEUES;
		     i++) {
			struct sdev_queue *q = d->queue[i];

			while (q && !q->stopped && q->head != q->tail) {
				if (now <
				    q->rung_at[q->head] + d->delay_us * 1000u) {
					waiting = true;
					break;
				}
				finish_one(q);
			}
		}
		if (waiting) {
			pthread_mutex_unlock(&d->lock);
			nanosleep(&nap, NULL);
			pthread_mutex_lock(&d->lock);
		} else {
			pthread_mutex_unlock(&d->lock);
			while (sem_wait(&d->rung))
				;
			pthread_mutex_lock(&d->lock);
		}
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

/* ---- the ops table ------------------------------------------------------ */

static int sdev_list(struct uacce_host *host, struct uacce_info *out,
		     unsigned int max)
{
	struct sdev *d = (struct sdev *)host;

	for (unsigned int i = 0; i < 2 && i < max; i++)
		out[i] = (struct uacce_info){
			.engine = i ? UACCE_SEC : UACCE_HPRE,
			.qm_version = i ? d->sec_version : d->qm_version,
			.flags = d->sva ? UACCE_FLAG_SVA : 0,
			.available = (int)d->queues,
			.numa_node = -1,
		};
	strcpy(out[0].name, "hisi_hpre-0");
	strcpy(out[0].algorithms,
	       d->qm_version < 3 ? "rsa\ndh\n"
				 : "rsa\ndh\necdh\necdsa\nsm2\nx25519\n");
	strcpy(out[1].name, "hisi_sec2-0");
	strcpy(out[1].algorithms, "cipher\ndigest\naead\n");
	return 2;
}

static void cut_pool(struct sdev_queue *q, unsigned int pieces)
{
	size_t each = q->pool_size / pieces;

	q->slices = pieces;
	for (unsigned int i = 0; i < pieces; i++)
		/* A gap between slices: no run crosses them. */
		q->slice[i] = (struct uacce_slice){
			.va = q->pool + i * each,
			.bus = BUS_BASE + (uint64_t)i * (each + 4096),
			.size = i + 1 == pieces ? q->pool_size - i * each
						: each,
		};
}

static void start_thread(struct sdev *d)
{
	if (d->mode != SDEV_THREAD || d->thread_runs)
		return;
	d->thread_stop = false;
	d->thread_runs = !pthread_create(&d->thread, NULL, engine_main, d);
}

static int sdev_open_locked(struct sdev *d, const struct uacce_info *info,
			    size_t pool, struct uacce_queue *u)
{
	struct sdev_queue *q;
	unsigned int i, mine = 0;

	for (i = 0; i < SDEV_QUEUES; i++)
		mine += d->queue[i] && d->queue[i]->engine == info->engine;
	for (i = 0; i < SDEV_QUEUES && d->queue[i]; i++)
		;
	if (mine >= d->queues || i == SDEV_QUEUES)
		return -EBUSY;
	q = calloc(1, sizeof(*q));
	q->d = d;
	q->u = u;
	q->engine = info->engine;
	q->sva = d->sva;
	q->depth = (uint16_t)d->sq_depth;
	q->sqe_size = info->engine == UACCE_HPRE ? 64 : 128;
	q->dus_size =
		wd_align_up((size_t)q->depth * (q->sqe_size + 16u) + 8, 4096);
	q->dus = mmap(NULL, q->dus_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q->pool_size = pool;
	q->pool = mmap(NULL, pool ? pool : 1, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q->phase = 1;
	q->armed = true; /* as the kernel starts queues */
	q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	cut_pool(q, d->pool_slices);
	*u = (struct uacce_queue){
		.host = &d->host,
		.engine = info->engine,
		.qm_version = info->qm_version,
		.sva = d->sva,
		.id = (uint16_t)i,
		.sqe_size = q->sqe_size,
		.sq_depth = q->depth,
		.cq_depth = q->depth,
		.dus = q->dus,
		.dus_size = q->dus_size,
		.bell = bell,
		.fd = q->fd,
		.pool = q->pool,
		.pool_size = pool,
		.slices = d->sva ? 0 : q->slices,
		.priv = q,
	};
	memcpy(u->slice, q->slice, sizeof(u->slice));
	d->queue[i] = q;
	d->opened++;
	return 0;
}

static int sdev_open(struct uacce_host *host, const struct uacce_info *info,
		     unsigned int qc_type, size_t pool, struct uacce_queue *q)
{
	struct sdev *d = (struct sdev *)host;
	int rc;

	pthread_mutex_lock(&d->lock);
	rc = d->open_rc_once ? d->open_rc_once : d->open_rc;
	d->open_rc_once = 0;
	if (!rc)
		rc = sdev_open_locked(d, info, pool, q);
	if (!rc) {
		d->of_type[qc_type]++;
		start_thread(d);
	}
	pthread_mutex_unlock(&d->lock);
	return rc;
}

static int sdev_start(struct uacce_queue *u)
{
	struct sdev_queue *q = u->priv;

	q->started = true;
	return 0;
}

static int sdev_stop(struct uacce_queue *u)
{
	struct sdev_queue *q = u->priv;
	int rc;

	pthread_mutex_lock(&q->d->lock);
	rc = q->stopped ? -ENXIO : 0;
	q->stopped = true;
	q->d->stopped++;
	pthread_mutex_unlock(&q->d->lock);
	return rc;
}

static void sdev_close(struct uacce_queue *u)
{
	struct sdev_queue *q = u->priv;
	struct sdev *d = q->d;

	pthread_mutex_lock(&d->lock);
	d->queue[u->id] = NULL;
	d->closed++;
	pthread_mutex_unlock(&d->lock);
	munmap(q->dus, q->dus_size);
	munmap(q->pool, q->pool_size ? q->pool_size : 1);
	close(q->fd);
	free(q);
}

static int sdev_wait(struct uacce_queue *u, int64_t timeout_ns)
{
	struct sdev_queue *q = u->priv;
	struct pollfd p = { .fd = q->fd, .events = POLLIN };
	uint64_t n;
	int rc;

	q->d->waits++;
	rc = poll(&p, 1, timeout_ns < 0 ? -1 : (int)(timeout_ns / 1000000 + 1));
	if (rc < 0)
		return -errno;
	/* Looking consumes, as in the kernel. */
	if (rc > 0 && read(q->fd, &n, sizeof(n)) < 0)
		rc = 1;
	return rc > 0;
}

static int sdev_forked(struct uacce_host *host)
{
	struct sdev *d = (struct sdev *)host;

	/* The parent's queues are the parent's: forget, do not close. */
	memset(d->queue, 0, sizeof(d->queue));
	pthread_mutex_init(&d->lock, NULL);
	sem_init(&d->rung, 0, 0);
	d->thread_runs = false;
	d->forked++;
	return 0;
}

static void sdev_free(struct uacce_host *host)
{
	struct sdev *d = (struct sdev *)host;

	if (d->thread_runs) {
		pthread_mutex_lock(&d->lock);
		d->thread_stop = true;
		pthread_mutex_unlock(&d->lock);
		sem_post(&d->rung);
		pthread_join(d->thread, NULL);
	}
	free(d);
}

static const struct uacce_ops sdev_ops = {
	.list = sdev_list,
	.open = sdev_open,
	.start = sdev_start,
	.stop = sdev_stop,
	.close = sdev_close,
	.wait = sdev_wait,
	.forked = sdev_forked,
	.free = sdev_free,
};

struct sdev *sdev_new(void)
{
	struct sdev *d = calloc(1, sizeof(*d));

	d->host.ops = &sdev_ops;
	d->host.model = true;
	d->sva = true;
	d->qm_version = d->sec_version = 2;
	d->sq_depth = DEPTH_MAX;
	d->queues = SDEV_QUEUES;
	d->pool_slices = 1;
	pthread_mutex_init(&d->lock, NULL);
	sem_init(&d->rung, 0, 0);
	return d;
}
