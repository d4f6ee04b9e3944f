/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the queue layer alone costs: descriptors through a device that
 * completes them within the doorbell.  Prints nanoseconds a descriptor; claims
 * only what does not depend on the machine.
 */
#include "base/wd_base.h"
#include "hw/hpre/hpre_fields.h"
#include "hw/qm/qm_queue.h"
#include "test/t.h"

#define DEPTH	1024
#define BATCH	32
#define ROUNDS	200000
#define REPEATS 5

static struct {
	_Alignas(64) uint8_t dus[DEPTH * 80 + 4096];
	uint16_t head, cq_tail;
	uint8_t phase;
	uint64_t bells;
} dev;

static const struct uacce_info info;
static struct qm_queue q;

/* Everything up to the new tail is done at once. */
static void bell(struct uacce_queue *u, uint32_t off, uint64_t value)
{
	struct qm_cqe *cq = (void *)(dev.dus + DEPTH * 64);
	uint16_t tail = (uint16_t)(value >> 32);

	(void)u;
	(void)off;
	dev.bells++;
	if ((value >> 12 & 15) != QM_BELL_SQ)
		return;
	for (; dev.head != tail;
	     dev.head = (uint16_t)((dev.head + 1) % DEPTH)) {
		cq[dev.cq_tail].w[2] = dev.head;
		__atomic_store_n(&cq[dev.cq_tail].w[3],
				 (uint32_t)dev.phase << 16, __ATOMIC_RELEASE);
		if (++dev.cq_tail == DEPTH) {
			dev.cq_tail = 0;
			dev.phase ^= 1;
		}
	}
}

static int dev_open(struct uacce_host *host, const struct uacce_info *i,
		    unsigned int qc_type, size_t pool, struct uacce_queue *u)
{
	(void)i;
	(void)qc_type;
	(void)pool;
	*u = (struct uacce_queue){
		.host = host,
		.engine = UACCE_HPRE,
		.qm_version = 3,
		.sva = true,
		.sqe_size = 64,
		.sq_depth = DEPTH,
		.cq_depth = DEPTH,
		.dus = dev.dus,
		.dus_size = sizeof(dev.dus),
		.bell = bell,
		.fd = -1,
	};
	return 0;
}

static int dev_start(struct uacce_queue *u)
{
	(void)u;
	return 0;
}

static void dev_close(struct uacce_queue *u)
{
	(void)u;
}

static const struct uacce_ops ops = {
	.open = dev_open,
	.start = dev_start,
	.stop = dev_start,
	.close = dev_close,
};
static struct uacce_host host = { .ops = &ops };

static void round_of(unsigned int n)
{
	uint16_t slots[BATCH], slot;

	for (unsigned int i = 0; i < n; i++) {
		struct hpre_sqe *sqe = qm_queue_reserve(&q, &slot);

		*sqe = (struct hpre_sqe){ .w = { i } };
		qm_queue_commit(&q);
	}
	qm_queue_ring(&q);
	if (qm_queue_reap(&q, slots, n, false) != (int)n)
		t_fail(__FILE__, __LINE__, "lost");
	for (unsigned int i = 0; i < n; i++)
		qm_queue_release(&q, slots[i]);
}

/* Best of several, in tenths of a nanosecond a descriptor. */
static uint64_t cost(unsigned int n)
{
	uint64_t best = UINT64_MAX;

	for (int r = 0; r < REPEATS; r++) {
		uint64_t t = wd_now_ns();

		for (unsigned int i = 0; i < ROUNDS; i += n)
			round_of(n);
		t = (wd_now_ns() - t) * 10 / ROUNDS;
		best = t < best ? t : best;
	}
	return best;
}

static void a_batch_is_one_doorbell_down_and_hardly_one_up(void)
{
	uint64_t alone, batch, bells;

	dev.phase = 1;
	T_EQ(qm_queue_open(&q, &host, &info, 0, 0), 0);
	alone = cost(1);
	bells = dev.bells;
	batch = cost(BATCH);
	printf("a descriptor down and up: %.1f ns alone, %.1f ns in batches of "
	       "%d\n",
	       (double)alone / 10, (double)batch / 10, BATCH);
	/* one down a batch; one up when half a ring may be taken */
	T_OK(dev.bells - bells <=
	     REPEATS * ROUNDS / BATCH + 3 * REPEATS * ROUNDS / DEPTH);
	qm_queue_close(&q);
}

T_MAIN(T_CASE(a_batch_is_one_doorbell_down_and_hardly_one_up))
