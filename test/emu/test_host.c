/* SPDX-License-Identifier: Apache-2.0 */
/* The in-process host, with an engine that inverts bytes. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "emu/emu_host.h"
#include "hw/qm/qm_fields.h"
#include "test/emu/emu_test_engine.h"
#include "test/t.h"

/* Never waited for unless something is broken. */
#define LONG 20000000000ll

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
	if (rc)
		return rc;
	rc = host->ops->start(&u->q);
	if (rc)
		host->ops->close(&u->q);
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

/* Sleep on the queue until a completion is there; -1 when none comes. */
static int reap_wait(struct user *u)
{
	int done;

	while ((done = reap(u)) < 0) {
		cq_bell(u, true);
		if (u->host->ops->wait(&u->q, LONG) != 1)
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

/* --- sleeping ------------------------------------------------------------- */

static void wait_times_out(void)
{
	struct user u = user_of("");

	T_EQ(u.host->ops->wait(&u.q, 0), 0);
	T_EQ(u.host->ops->wait(&u.q, 2000000), 0);
	user_end(&u);
}

static void nothing(int sig)
{
	(void)sig;
}

static void a_signal_ends_the_wait(void)
{
	struct user u = user_of("");
	struct sigaction act = { .sa_handler = nothing };

	T_EQ(sigaction(SIGALRM, &act, NULL), 0);
	ualarm(20000, 0);
	T_EQ(u.host->ops->wait(&u.q, -1), -EINTR);
	user_end(&u);
}

static void the_descriptor_is_readable_when_something_completed(void)
{
	struct user u = user_of("latency_us=2000");
	struct pollfd p = { .fd = u.q.fd, .events = POLLIN };
	uint8_t in[4] = { 0 }, out[4];

	T_EQ(poll(&p, 1, 0), 0);
	submit(&u, in, out, sizeof(in));
	T_EQ(poll(&p, 1, 1000), 1);
	T_EQ(reap(&u), 0);
	user_end(&u);
}

static void unarmed_completions_make_no_event(void)
{
	struct user u = user_of("inline");
	uint8_t in[4] = { 0 }, out[4];

	submit(&u, in, out, sizeof(in));
	T_EQ(u.host->ops->wait(&u.q, 0), 1); /* armed by start */
	submit(&u, in, out, sizeof(in));
	T_EQ(u.host->ops->wait(&u.q, 0), 0);
	T_EQ(reap(&u), 0);
	cq_bell(&u, true); /* one is already there */
	T_EQ(u.host->ops->wait(&u.q, 0), 1);
	T_EQ(reap(&u), 1);
	user_end(&u);
}

/* --- service time ----------------------------------------------------------- */

static void latencies_of_several_jobs_overlap(void)
{
	struct user u = user_of("latency_us=200000");
	uint8_t in[4] = { 0 }, out[8][4];
	uint64_t from = wd_now_ns(), took;

	for (int i = 0; i < 8; i++)
		submit(&u, in, out[i], sizeof(in));
	for (int i = 0; i < 8; i++)
		T_EQ(reap_wait(&u), i);
	took = wd_now_ns() - from;
	T_OK(took >= 200000000);
	T_OK(took < 8 * 200000000ull);
	user_end(&u);
}

static void a_rate_spaces_completions(void)
{
	struct user u = user_of("rate=200");
	uint8_t in[4] = { 0 }, out[4][4];
	uint64_t from = wd_now_ns();

	for (int i = 0; i < 4; i++)
		submit(&u, in, out[i], sizeof(in));
	for (int i = 0; i < 4; i++)
		T_EQ(reap_wait(&u), i);
	T_OK(wd_now_ns() - from >= 20000000);
	user_end(&u);
}

/* --- stopping ---------------------------------------------------------------- */

static void stop_finishes_what_was_rung(void)
{
	static const char *const options[] = { "", "kunpeng920", "threads=3",
					       "latency_us=3000",
					       "kunpeng920,latency_us=3000" };

	for (size_t i = 0; i < WD_ARRAY_SIZE(options); i++) {
		struct user u = user_of(options[i]);
		uint8_t in[4] = { 0 }, out[20][4];

		for (int k = 0; k < 20; k++)
			submit_bus(&u, (uintptr_t)in, (uintptr_t)out[k], 4, 1);
		T_EQ(u.host->ops->stop(&u.q), 0);
		for (int k = 0; k < 20; k++)
			T_EQ(reap(&u), k);
		T_EQ(u.host->ops->start(&u.q), -EINVAL);
		user_end(&u);
	}
}

static void nothing_is_written_after_stop(void)
{
	static const char *const options[] = {
		"threads=2",
		"kunpeng920,threads=2",
		"fault=drop@1",
		"kunpeng920,fault=drop@1",
		"fault=stop@2,threads=2",
		"fault=reset@2,threads=2",
		"fault=gone@2,threads=2",
		"kunpeng920,fault=gone@2,threads=2"
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(options); i++) {
		struct user u = user_of(options[i]);
		uint8_t in[16] = { 0 }, out[6][16], ring[2048];

		for (int k = 0; k < 6; k++)
			submit_bus(&u, (uintptr_t)in, (uintptr_t)out[k], 16, 3);
		u.host->ops->stop(&u.q);
		memset(out, 0x77, sizeof(out));
		memcpy(ring, u.q.dus, sizeof(ring));
		/* Late doorbells are ignored too. */
		submit(&u, in, out[0], 16);
		memcpy(ring, u.q.dus, sizeof(ring));
		usleep(10000);
		for (size_t k = 0; k < sizeof(out); k++)
			T_EQ(((uint8_t *)out)[k], 0x77);
		T_MEM(u.q.dus, ring, sizeof(ring));
		user_end(&u);
	}
}

static void close_alone_stops_too(void)
{
	struct user u = user_of("threads=2");
	uint8_t in[16] = { 0 }, *out = malloc(16 * 16);

	for (int k = 0; k < 16; k++)
		submit_bus(&u, (uintptr_t)in, (uintptr_t)(out + 16 * k), 16, 2);
	user_close(&u);
	free(out);
	u.host->ops->free(u.host);
}

/* --- limits -------------------------------------------------------------------- */

static void more_queues_than_there_are_is_busy(void)
{
	struct uacce_host *host = host_of("queues=256,inline");
	struct user *u = calloc(257, sizeof(*u));

	for (int i = 0; i < 256; i++)
		T_EQ(user_open(&u[i], host, 0), 0);
	T_EQ(user_open(&u[256], host, 0), -EBUSY);
	job_works(&u[255]);
	user_close(&u[17]);
	T_EQ(user_open(&u[17], host, 0), 0);
	job_works(&u[17]);
	for (int i = 0; i < 256; i++)
		user_close(&u[i]);
	host->ops->free(host);
	free(u);
}

static void bad_opens_are_refused(void)
{
	struct uacce_host *host = host_of("");
	struct uacce_info info;
	struct uacce_queue q;

	find(host, UACCE_SEC, &info);
	T_EQ(host->ops->open(host, &info, 1, 0, &q), -EINVAL);
	find(host, UACCE_HPRE, &info);
	T_EQ(host->ops->open(host, &info, 2, 0, &q), -EINVAL);
	strcpy(info.name, "hisi_hpre-7");
	T_EQ(host->ops->open(host, &info, 0, 0, &q), -ENOENT);
	host->ops->free(host);
}

static void a_started_queue_is_not_started_again(void)
{
	struct user u = user_of("");

	T_EQ(u.host->ops->start(&u.q), -EINVAL);
	user_end(&u);
}

static void the_core_group_reaches_the_engine(void)
{
	struct uacce_host *host = host_of("inline");
	struct user u = { .host = host, .phase = 1 };
	struct uacce_info info;

	find(host, UACCE_HPRE, &info);
	T_EQ(host->ops->open(host, &info, 1, 0, &u.q), 0);
	T_EQ(host->ops->start(&u.q), 0);
	job_works(&u);
	T_EQ(slot(&u, 0)[TE_GROUP], 1);
	user_end(&u);
}

static void a_new_owner_finds_nothing_of_the_old(void)
{
	struct uacce_host *host = host_of("queues=1,nosva,inline");
	struct user u;

	for (int round = 0; round < 2; round++) {
		T_EQ(user_open(&u, host, 8192), 0);
		for (size_t i = 0; i < u.q.dus_size; i++)
			T_EQ(u.q.dus[i], 0);
		for (size_t i = 0; i < u.q.pool_size; i++)
			T_EQ(u.q.pool[i], 0);
		memset(u.q.dus, 0xee, u.q.dus_size);
		memset(u.q.pool, 0xee, u.q.pool_size);
		user_close(&u);
	}
	host->ops->free(host);
}

/* --- addresses ------------------------------------------------------------------ */

static void without_sva_only_the_pool_is_reached(void)
{
	static const char *const options[] = { "nosva,inline",
					       "nosva,inline,kunpeng920" };

	for (size_t i = 0; i < WD_ARRAY_SIZE(options); i++) {
		struct uacce_host *host = host_of(options[i]);
		struct user u;
		uint8_t in[16];
		uint32_t *w;

		T_EQ(user_open(&u, host, 65536), 0);
		w = slot(&u, 0);
		T_EQ(u.q.sva, false);
		T_EQ(u.q.slices, 2);
		T_EQ(u.q.slice[0].size + u.q.slice[1].size, 65536);
		T_OK(u.q.slice[0].va + u.q.slice[0].size == u.q.slice[1].va);
		T_OK(u.q.slice[0].bus + u.q.slice[0].size != u.q.slice[1].bus);

		submit_bus(&u, u.q.slice[0].bus, u.q.slice[1].bus + 64, 16, 0);
		T_EQ(w[TE_STATUS], TE_DONE);
		T_EQ(u.q.slice[1].va[64], 0xff);
		/* A pointer, and a range over the end of a slice. */
		w = slot(&u, 1);
		submit_bus(&u, (uintptr_t)in, u.q.slice[1].bus, 16, 0);
		T_EQ(w[TE_STATUS], TE_FAILED);
		w = slot(&u, 2);
		submit_bus(&u, u.q.slice[0].bus + u.q.slice[0].size - 8,
			   u.q.slice[1].bus, 16, 0);
		T_EQ(w[TE_STATUS], TE_FAILED);
		user_end(&u);
	}
}

static void with_sva_a_null_pointer_is_refused(void)
{
	struct user u = user_of("inline");
	uint8_t out[16];
	uint32_t *w = slot(&u, 0);

	submit_bus(&u, 0, (uintptr_t)out, 16, 0);
	T_EQ(w[TE_STATUS], TE_FAILED);
	w = slot(&u, 1);
	submit_bus(&u, 1ull << 63, (uintptr_t)out, 16, 0);
	T_EQ(w[TE_STATUS], TE_FAILED);
	user_end(&u);
}

static void with_sva_a_pool_is_plain_memory(void)
{
	struct uacce_host *host = host_of("inline");
	struct user u;

	T_EQ(user_open(&u, host, 100), 0);
	T_EQ(u.q.sva, true);
	T_OK(u.q.pool_size >= 100);
	T_EQ(u.q.slices, 1);
	T_EQ(u.q.slice[0].bus, (uintptr_t)u.q.pool);
	submit(&u, u.q.pool, u.q.pool + 32, 16);
	T_EQ(u.q.pool[32], 0xff);
	user_end(&u);
}

/* --- faults ------------------------------------------------------------------------ */

static void a_failed_job_has_an_error_status_and_no_data(void)
{
	struct user u = user_of("fault=status@2,inline");
	uint8_t in[4] = { 0 }, out[4] = { 7 };
	uint32_t *w = slot(&u, 1);

	job_works(&u);
	submit(&u, in, out, sizeof(in));
	T_EQ(reap(&u), 1);
	T_EQ(w[TE_STATUS], TE_FAILED);
	T_EQ(out[0], 7);
	job_works(&u);
	user_end(&u);
}

static void a_wrong_result_has_a_good_status(void)
{
	struct user u = user_of("fault=hpre.wrong/2,inline");
	uint8_t in[4] = { 0 }, out[4];

	for (int i = 0; i < 6; i++) {
		uint32_t *w = slot(&u, u.tail);

		submit(&u, in, out, sizeof(in));
		T_EQ(w[TE_STATUS], TE_DONE);
		T_EQ(out[0], i % 2 ? 0xfe : 0xff);
	}
	user_end(&u);
}

static void a_fault_of_the_other_engine_does_not_strike(void)
{
	struct user u = user_of("fault=sec.status/1,inline");

	job_works(&u);
	user_end(&u);
}

static void a_dropped_job_never_completes_but_later_ones_do(void)
{
	struct user u = user_of("fault=drop@1,inline");
	uint8_t in[4] = { 0 }, out[4] = { 0 };

	submit(&u, in, out, sizeof(in));
	T_EQ(out[0], 0xff); /* the work was done */
	T_EQ(reap(&u), -1);
	T_EQ(slot(&u, 0)[TE_STATUS], 0);
	submit(&u, in, out, sizeof(in));
	T_EQ(reap(&u), 1);
	user_end(&u);
}

static void a_delayed_job_is_late(void)
{
	struct user u = user_of("fault=delay@1:30000");
	uint64_t from = wd_now_ns();

	job_works(&u);
	T_OK(wd_now_ns() - from >= 30000000);
	user_end(&u);
}

static void a_stopped_queue_sets_its_stop_words_alone(void)
{
	struct uacce_host *host = host_of("fault=stop@2");
	struct user a, b;
	uint8_t in[4] = { 0 }, out[4];

	T_EQ(user_open(&a, host, 0), 0);
	T_EQ(user_open(&b, host, 0), 0);
	job_works(&a);
	submit(&a, in, out, sizeof(in));
	T_EQ(reap_wait(&a), -1);
	T_EQ(stop_word(&a, 4), 1);
	T_EQ(stop_word(&a, 8), 1);
	T_EQ(stop_word(&b, 8), 0);
	T_EQ(host->ops->wait(&a.q, -1), 1); /* does not sleep for ever */
	job_works(&b);
	T_EQ(host->ops->stop(&a.q), 0);
	user_close(&a);
	T_EQ(user_open(&a, host, 0), 0);
	job_works(&a);
	user_close(&a);
	user_close(&b);
	host->ops->free(host);
}

static void after_a_reset_a_new_queue_works(void)
{
	static const char *const options[] = {
		"fault=reset@2",
		"fault=reset@2,kunpeng920",
		"fault=reset@2,inline",
		"fault=reset@2,threads=4",
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(options); i++) {
		struct uacce_host *host = host_of(options[i]);
		struct user a, b, idle;
		struct uacce_info info;
		uint8_t in[4] = { 0 }, out[4];

		find(host, UACCE_HPRE, &info);
		idle = (struct user){ .host = host, .phase = 1 };
		T_EQ(host->ops->open(host, &info, 0, 0, &idle.q), 0);
		T_EQ(user_open(&a, host, 0), 0);
		T_EQ(user_open(&b, host, 0), 0);
		job_works(&a);
		submit(&a, in, out, sizeof(in));
		T_EQ(reap_wait(&a), -1);
		T_EQ(stop_word(&a, 4), 1);
		T_EQ(host->ops->wait(&b.q, LONG), 1);
		T_EQ(stop_word(&b, 8), 1);
		T_EQ(host->ops->stop(&a.q), 0);
		user_close(&a);
		user_close(&b);
		/* Opened before, started after: not touched by it. */
		T_EQ(host->ops->start(&idle.q), 0);
		job_works(&idle);
		T_EQ(user_open(&a, host, 0), 0);
		job_works(&a);
		user_close(&a);
		user_close(&idle);
		host->ops->free(host);
	}
}

static void a_device_gone_leaves_zombies(void)
{
	static const char *const options[] = { "fault=gone@2",
					       "fault=gone@2,inline",
					       "fault=gone@2,kunpeng920" };

	for (size_t i = 0; i < WD_ARRAY_SIZE(options); i++) {
		struct uacce_host *host = host_of(options[i]);
		struct uacce_info info[4], old;
		struct user a, b;
		uint8_t in[4] = { 0 }, out[4];
		int n;

		find(host, UACCE_HPRE, &old);
		T_EQ(user_open(&a, host, 0), 0);
		b = (struct user){ .host = host };
		T_EQ(host->ops->open(host, &old, 0, 0, &b.q), 0);
		job_works(&a);
		submit(&a, in, out, sizeof(in));
		while ((n = host->ops->wait(&a.q, LONG)) == 1)
			;
		T_EQ(n, -ENXIO);
		T_EQ(stop_word(&a, 4), 1);
		T_EQ(stop_word(&a, 8), 1);
		T_EQ(host->ops->start(&b.q), -ENXIO);
		T_EQ(host->ops->wait(&b.q, LONG), -ENXIO);
		T_EQ(host->ops->stop(&a.q), -ENXIO);
		n = host->ops->list(host, info, 4);
		T_EQ(n, 1);
		T_EQ(info[0].engine, UACCE_SEC);
		user_close(&a);
		T_EQ(host->ops->open(host, &old, 0, 0, &a.q), -ENODEV);
		user_close(&b);
		host->ops->free(host);
	}
}

/* --- fork ------------------------------------------------------------------------------ */

/* The thread sanitizer ends a forked child that starts threads. */
#ifdef __SANITIZE_THREAD__
#define FORK_OPTIONS "inline"
#else
#define FORK_OPTIONS "threads=2,latency_us=2000"
#endif

static int child_works(struct user *parents)
{
	struct uacce_host *host = parents->host;
	struct user u;
	int before = t_failures;

	T_EQ(host->ops->forked(host), 0);
	T_EQ(host->ops->wait(&parents->q, 0), -ENXIO);
	T_EQ(host->ops->stop(&parents->q), -ENXIO);
	T_EQ(user_open(&u, host, 0), 0);
	job_works(&u);
	user_close(&u);
	user_close(parents);
	host->ops->free(host);
	return t_failures != before;
}

static void a_forked_child_has_devices_of_its_own(void)
{
	struct user u = user_of(FORK_OPTIONS);
	uint8_t in[4] = { 0 }, out[8][4];
	int status = -1;
	pid_t pid;

	job_works(&u);
	for (int i = 0; i < 8; i++)
		submit(&u, in, out[i], sizeof(in));
	pid = fork();
	if (!pid)
		_exit(child_works(&u));
	for (int i = 0; i < 8; i++)
		T_EQ(reap_wait(&u), i + 1);
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	job_works(&u);
	user_end(&u);
}

static int generations(struct user *u, int left)
{
	struct uacce_host *host = u->host;
	struct user mine;
	int status = -1, bad;
	pid_t pid;

	T_EQ(host->ops->forked(host), 0);
	T_EQ(user_open(&mine, host, 0), 0);
	job_works(&mine);
	if (left) {
		pid = fork();
		if (!pid)
			_exit(generations(&mine, left - 1));
		T_EQ(waitpid(pid, &status, 0), pid);
		T_EQ(status, 0);
	}
	job_works(&mine);
	bad = t_failures;
	user_close(&mine);
	host->ops->free(host);
	return bad != 0;
}

static void fork_goes_four_deep(void)
{
	struct user u = user_of(FORK_OPTIONS);
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(generations(&u, 3));
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
	job_works(&u);
	user_end(&u);
}

/* --- threads ----------------------------------------------------------------------------- */

static void *thread_works(void *host)
{
	struct user u;

	for (int i = 0; i < 20; i++) {
		T_EQ(user_open(&u, host, 0), 0);
		for (int k = 0; k < 20; k++)
			job_works(&u);
		user_close(&u);
	}
	return NULL;
}

static void threads_share_a_host(void)
{
	static const char *const options[] = { "", "threads=3", "inline",
					       "kunpeng920" };

	for (size_t i = 0; i < WD_ARRAY_SIZE(options); i++) {
		struct uacce_host *host = host_of(options[i]);
		pthread_t t[4];

		for (int k = 0; k < 4; k++)
			T_EQ(pthread_create(&t[k], NULL, thread_works, host),
			     0);
		for (int k = 0; k < 4; k++)
			pthread_join(t[k], NULL);
		host->ops->free(host);
	}
}

/* Other queues lose their jobs to the reset, and nobody hangs. */
static void *thread_meets_resets(void *host)
{
	uint8_t in[4] = { 0 }, out[4];
	struct user u;

	for (int i = 0; i < 30; i++) {
		if (user_open(&u, host, 0))
			continue;
		for (int k = 0; k < 20 && !stop_word(&u, 8); k++) {
			submit(&u, in, out, sizeof(in));
			reap_wait(&u);
		}
		user_close(&u);
	}
	return NULL;
}

static void resets_under_load_leave_nobody_hanging(void)
{
	static const char *const options[] = {
		"threads=3,fault=reset/97",
		"inline,fault=reset/97",
		"kunpeng920,threads=2,fault=reset/97,fault=stop/31",
	};

	for (size_t i = 0; i < WD_ARRAY_SIZE(options); i++) {
		struct uacce_host *host = host_of(options[i]);
		pthread_t t[4];
		struct user u;

		for (int k = 0; k < 4; k++)
			T_EQ(pthread_create(&t[k], NULL, thread_meets_resets,
					    host),
			     0);
		for (int k = 0; k < 4; k++)
			pthread_join(t[k], NULL);
		T_EQ(user_open(&u, host, 0), 0);
		user_close(&u);
		host->ops->free(host);
	}
}

static void stats_count_what_ran(void)
{
	struct user u = user_of("inline");
	struct emu_stats s;

	job_works(&u);
	job_works(&u);
	emu_dev_stats(emu_host_dev(u.host, "hisi_hpre-0"), &s);
	T_EQ(s.descriptors, 2);
	T_EQ(s.sq_bells, 2);
	T_OK(!emu_host_dev(u.host, "hisi_sec2-1")); /* never opened */
	T_OK(!emu_host_dev(u.host, "nothing"));
	user_end(&u);
}

/* As with a node; sandboxes are sure of it. */
static void where_nothing_can_be_opened_there_is_no_queue(void)
{
	struct uacce_host *host = host_of("");
	struct rlimit usual;
	struct user u;

	getrlimit(RLIMIT_NOFILE, &usual);
	T_EQ(setrlimit(RLIMIT_NOFILE,
		       &(struct rlimit){ .rlim_max = usual.rlim_max }),
	     0);
	T_EQ(user_open(&u, host, 0), -EMFILE);
	T_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
	T_EQ(user_open(&u, host, 0), 0);
	user_end(&u);
}

T_MAIN(T_CASE(a_job_completes),
       T_CASE(where_nothing_can_be_opened_there_is_no_queue),
       T_CASE(inline_is_done_when_the_bell_returns),
       T_CASE(rings_wrap_and_phases_toggle),
       T_CASE(completions_come_in_ring_order),
       T_CASE(list_tells_what_a_driver_needs), T_CASE(wait_times_out),
       T_CASE(a_signal_ends_the_wait),
       T_CASE(the_descriptor_is_readable_when_something_completed),
       T_CASE(unarmed_completions_make_no_event),
       T_CASE(latencies_of_several_jobs_overlap),
       T_CASE(a_rate_spaces_completions), T_CASE(stop_finishes_what_was_rung),
       T_CASE(nothing_is_written_after_stop), T_CASE(close_alone_stops_too),
       T_CASE(more_queues_than_there_are_is_busy),
       T_CASE(bad_opens_are_refused),
       T_CASE(a_started_queue_is_not_started_again),
       T_CASE(the_core_group_reaches_the_engine),
       T_CASE(a_new_owner_finds_nothing_of_the_old),
       T_CASE(without_sva_only_the_pool_is_reached),
       T_CASE(with_sva_a_null_pointer_is_refused),
       T_CASE(with_sva_a_pool_is_plain_memory),
       T_CASE(a_failed_job_has_an_error_status_and_no_data),
       T_CASE(a_wrong_result_has_a_good_status),
       T_CASE(a_fault_of_the_other_engine_does_not_strike),
       T_CASE(a_dropped_job_never_completes_but_later_ones_do),
       T_CASE(a_delayed_job_is_late),
       T_CASE(a_stopped_queue_sets_its_stop_words_alone),
       T_CASE(after_a_reset_a_new_queue_works),
       T_CASE(a_device_gone_leaves_zombies),
       T_CASE(a_forked_child_has_devices_of_its_own),
       T_CASE(fork_goes_four_deep), T_CASE(threads_share_a_host),
       T_CASE(resets_under_load_leave_nobody_hanging),
       T_CASE(stats_count_what_ran))
