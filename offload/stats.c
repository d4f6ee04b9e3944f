/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - counters: a lane's are plain numbers written under its word; what
 * was done in software is counted in a few stripes that threads share.
 */
#include "offload/offload_priv.h"

#include "base/wd_base.h"

void stats_lane_opened(struct lane *l)
{
	l->stats->lanes++;
}

void stats_proc_free(struct proc *p)
{
	(void)p;
}

static struct stats_stripe *stripe(struct offload *o)
{
	struct proc *p = proc_get(o);
	uint64_t self = (uint64_t)pthread_self();

	/* Thread handles are addresses, pages apart. */
	return p ? &p->own[(self >> 12) * 0x9e3779b97f4a7c15u >> 60] : NULL;
}
_Static_assert(STATS_STRIPES == 16, "the top four bits choose one");

void offload_count_software(struct offload *o, enum offload_kind kind)
{
	struct stats_stripe *s = stripe(o);

	if (s)
		atomic_fetch_add_explicit(&s->software[kind], 1,
					  memory_order_relaxed);
}

void offload_count_wrong(struct offload *o, enum offload_kind kind)
{
	struct stats_stripe *s = stripe(o);

	if (s)
		atomic_fetch_add_explicit(&s->wrong[kind], 1,
					  memory_order_relaxed);
}

/* A struct of counters is an array of counters. */
static void add(struct offload_stats *sum, const struct offload_stats *more)
{
	uint64_t *a = (uint64_t *)sum;
	const uint64_t *b = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*a); i++)
		a[i] += b[i];
}
_Static_assert(sizeof(struct offload_stats) % sizeof(uint64_t) == 0,
	       "counters and nothing else");

void offload_stats(const struct offload *o, struct offload_stats *out)
{
	struct proc *p = atomic_load(&o->proc);

	memset(out, 0, sizeof(*out));
	if (proc_is_stale(p))
		return; /* this process has done nothing yet */
	for (struct lane *l = atomic_load(&p->lanes); l; l = l->next) {
		lane_enter(l);
		add(out, l->stats);
		lane_leave(l);
	}
	for (int s = 0; s < STATS_STRIPES; s++) {
		for (int k = 0; k < OFFLOAD_KINDS; k++) {
			out->kind[k].software += p->own[s].software[k];
			out->kind[k].wrong += p->own[s].wrong[k];
		}
	}
}
