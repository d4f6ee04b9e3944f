/* SPDX-License-Identifier: Apache-2.0 */
/* The in-process host, with an engine that inverts bytes. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "emu/emu_host.h"
#include "hw/qm/qm_fields.h"
#include "test/emu/emu_test_engine.h"
#include "test/t.h"

#define SECOND 1000000000ll

/* A driver of the plainest kind: one job after another, and its own view of
 * the rings. */
struct user {
	struct uacce_host *host;
	struct uacce_queue q;
	uint16_t tail, head;
	uint32_t phase;
};

static struct uacce_host *host_of(const char *options)
{
	struct uacce_host *host = NULL;

	T_EQ(wd_emu_host(&host, options), 0);
	return host;
}

static void find(struct uacce_host *host, enum uacce_engine engine,
		 struct uacce_info *out)
{
	struct uacce_info info[8];
	int n = host->ops->list(host, info, 8);

	for (int i = 0; i < n; i++)
		if (info[i].engine == engine) {
			*out = info[i];
			return;
		}
	t_fail(__FILE__, __LINE__, "no such device");
}

static int user_open(struct user *u, struct uacce_host *host, size_t pool)
{
	struct uacce_info info;
	int rc;

	*u = (struct user){ .host = host, .phase = 1 };
	find(host, UACCE_HPRE, &info);
	rc = host->ops->open(host, &info, 0, pool, &u->q);
	if (!rc)
		rc = host->ops->start(&u->q);
	return rc;
}

static void user_close(struct user *u)
{
	u->host->ops->close(&u->q);
}

static struct user user_of(const char *options)
{
	struct user u;

	T_EQ(user_open(&u, host_of(options), 0), 0);
	return u;
}

static void user_end(struct user *u)
{
	user_close(u);
	u->host->ops->free(u->host);
}

static uint32_t *slot(struct user *u, unsigned int i)
{
	return (uint32_t *)(u->q.dus + i * u->q.sqe_size);
}

static uint32_t stop_word(struct user *u, size_t from_end)
{
	return __atomic_load_n(
		(uint32_t *)(u->q.dus + u->q.dus_size - from_end),
		__ATOMIC_ACQUIRE);
}

static void submit_bus(struct user *u, uint64_t src, uint64_t dst, uint32_t len,
		       uint32_t ms)
{
	uint32_t *w = slot(u, u->tail);

	memset(w, 0, u->q.sqe_size);
	w[TE_LEN] = len;
	w[TE_MS] = ms;
	w[TE_TAG] = 0x1000u + u->tail;
	memcpy(&w[TE_SRC], &src, sizeof(src));
	memcpy(&w[TE_DST], &dst, sizeof(dst));
	u->tail = (uint16_t)((u->tail + 1) % u->q.sq_depth);
	u->q.bell(&u->q, QM_REG_DB_SQ_CQ, (uint64_t)u->tail << 32 | u->q.id);
}

static void submit(struct user *u, const void *src, void *dst, uint32_t len)
{
	submit_bus(u, (uintptr_t)src, (uintptr_t)dst, len, 0);
}

static void cq_bell(struct user *u, bool arm)
{
	u->q.bell(&u->q, QM_REG_DB_SQ_CQ,
		  (uint64_t)arm << 48 | (uint64_t)u->head << 32 |
			  QM_BELL_CQ << 12 | u->q.id);
}

/* Return: slot completed, or -1 when there is none yet. */
static int reap(struct user *u)
{
	uint32_t *cqe = (uint32_t *)(u->q.dus + u->q.sq_depth * u->q.sqe_size) +
			u->head * 4u;
	uint32_t last = __atomic_load_n(&cqe[3], __ATOMIC_ACQUIRE);

	if ((last >> 16 & 1) != u->phase)
		return -1;
	T_EQ(cqe[2] >> 16, u->q.id);
	u->head = (uint16_t)((u->head + 1) % u->q.cq_depth);
	if (!u->head)
		u->phase ^= 1;
	return (int)(cqe[2] & 0xffff);
}

/* Sleep on the queue until a completion is there; -1 after a second. */
static int reap_wait(struct user *u)
{
	int done;

	while ((done = reap(u)) < 0) {
		cq_bell(u, true);
		if (u->host->ops->wait(&u->q, SECOND) != 1)
			return reap(u);
		if (stop_word(u, 8))
			return reap(u);
	}
	cq_bell(u, false);
	return done;
}

static void job_works(struct user *u)
{
	uint8_t in[32], out[32] = { 0 };
	uint32_t *w = slot(u, u->tail);
	int expected = u->tail;

	memset(in, 0x5a, sizeof(in));
	submit(u, in, out, sizeof(in));
	T_EQ(reap_wait(u), expected);
	T_EQ(w[TE_STATUS], TE_DONE);
	for (size_t i = 0; i < sizeof(out); i++)
		T_EQ(out[i], 0xa5);
}

/* --- the ordinary life of a queue ---------------------------------------- */

static void a_job_completes(void)
{
	static const char *const options[] = {
		"",
		"kunpeng920",
		"inline",
		"kunpeng920,inline",
		"threads=3",
		"latency_us=500",
		"inline,latency_us=500",
		"rate=1000",
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(options); i++) {
		struct user u = user_of(options[i]);

		job_works(&u);
		job_works(&u);
		user_end(&u);
	}
}

static void inline_is_done_when_the_bell_returns(void)
{
	struct user u = user_of("inline");
	uint8_t in[4] = { 0 }, out[4] = { 0 };

	submit(&u, in, out, sizeof(in));
	T_EQ(reap(&u), 0);
	T_EQ(out[3], 0xff);
	user_end(&u);
}

static void rings_wrap_and_phases_toggle(void)
{
	struct user u = user_of("threads=2");
	uint8_t in[16] = { 1 }, out[16];

	for (int i = 0; i < 5000; i++) {
		submit(&u, in, out, sizeof(in));
		T_EQ(reap_wait(&u), i % u.q.sq_depth);
	}
	user_end(&u);
}

static void completions_come_in_ring_order(void)
{
	struct user u = user_of("threads=4");
	uint8_t in[16] = { 1 }, out[64][16];

	/* The first takes longest. */
	for (uint32_t i = 0; i < 64; i++)
		submit_bus(&u, (uintptr_t)in, (uintptr_t)out[i], 16,
			   i ? 0 : 20);
	for (int i = 0; i < 64; i++)
		T_EQ(reap_wait(&u), i);
	user_end(&u);
}

static void list_tells_what_a_driver_needs(void)
{
	struct uacce_host *host = host_of("queues=8,hpre=2,sec=1,kunpeng920");
	struct uacce_info info[8];
	struct uacce_queue q;

	T_EQ(host->ops->list(host, info, 0), 3);
	T_EQ(host->ops->list(host, info, 8), 3);
	T_STR(info[0].name, "hisi_hpre-0");
	T_STR(info[2].name, "hisi_sec2-2");
	T_EQ(info[0].qm_version, 2);
	T_EQ(info[0].flags, UACCE_FLAG_SVA);
	T_EQ(info[0].available, 8);
	T_EQ(info[0].isolated, 0);
	T_EQ(info[0].dus_size, 86016);
	T_EQ(info[0].mmio_size, 8192);
	T_EQ(info[2].dus_size, 151552);
	T_STR(info[0].algorithms, "rsa\n");
	T_EQ(host->ops->open(host, &info[1], 0, 0, &q), 0);
	T_EQ(q.sqe_size, 64);
	T_EQ(host->ops->list(host, info, 8), 3);
	T_EQ(info[0].available, 8);
	T_EQ(info[1].available, 7);
	host->ops->close(&q);
	T_EQ(host->ops->list(host, info, 8), 3);
	T_EQ(info[1].available, 8);
	host->ops->free(host);
}

T_MAIN(T_CASE(a_job_completes), T_CASE(inline_is_done_when_the_bell_returns),
       T_CASE(rings_wrap_and_phases_toggle),
       T_CASE(completions_come_in_ring_order),
       T_CASE(list_tells_what_a_driver_needs))
