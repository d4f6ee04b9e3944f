/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.c - several records, one doorbell.
 *
 *	record  record  record ...   each placed in a slot of its own
 *	   └───────┴───────┴──▶ ring, all under one hold of the lane ──▶ bell
 *	result  result  result ◀── one wait, over when the last is final
 *
 * A part is what slots could be had for at once.  It never waits for slots
 * while it holds some: the rest follows when the part has given its back.
 */
#include "offload/offload_priv.h"

#include <errno.h>

#include "base/wd_base.h"

struct part {
	const struct offload_cipher *ops;
	int *rc;
	unsigned int n;				      /* records in it */
	struct offload_job *job[OFFLOAD_RECORDS_MAX]; /* NULL: never went */
};

static void part_set(struct part *p, unsigned int from, unsigned int to, int rc)
{
	while (from < to)
		p->rc[from++] = rc;
}

static size_t bytes_of(const struct offload_cipher *ops, unsigned int n)
{
	size_t bytes = 0;

	while (n--)
		bytes += ops[n].len;
	return bytes;
}

/* ---- before the wait ---------------------------------------------------- */

/* A slot with the record in it; -EAGAIN: no room. */
static int record_place(struct part *p, unsigned int i, struct lane *l,
			bool async)
{
	const struct work work = cipher_work(&p->ops[i]);
	int rc = cipher_check(&p->ops[i]);

	p->job[i] = NULL;
	if (work.kind != p->ops->kind)
		rc = -EINVAL;
	if (!rc)
		rc = job_open(l, &work, async, &p->job[i]);
	if (rc)
		return rc;
	rc = work.place(p->job[i], work.op, &p->job[i]->then);
	if (rc) {
		job_end(p->job[i]);
		p->job[i] = NULL;
	}
	return rc;
}

/*
 * As many of @n records as there is room for.  A record that has no room goes
 * with the next part, unless this one would be empty: then others have it all.
 * Return: 0; -EAGAIN: that.
 */
static int part_place(struct part *p, struct lane *l, unsigned int n,
		      bool async)
{
	unsigned int placed = 0;

	for (p->n = 0; p->n < n && p->n < OFFLOAD_RECORDS_MAX; p->n++) {
		int rc = record_place(p, p->n, l, async);

		if (rc == -EAGAIN)
			return placed ? 0 : rc;
		p->rc[p->n] = rc;
		placed += !rc;
	}
	return 0;
}

/*
 * Those that can go, in a row behind the first.  Lane held.
 * Return: how many.
 */
static unsigned int part_fill_ring(struct part *p, struct lane *l,
				   struct offload_job **lead, bool *stopped)
{
	struct offload_job **next = lead;
	unsigned int out = 0;

	for (unsigned int i = 0; i < p->n; i++) {
		const struct work work = cipher_work(&p->ops[i]);
		struct offload_job *j = p->job[i];

		if (j)
			p->rc[i] =
				job_put_on_ring(l, j, &work, &j->then, stopped);
		if (!j || p->rc[i])
			continue;
		*next = j;
		j->lead = *lead;
		next = &j->peer;
		out++;
	}
	if (out)
		(*lead)->left = out;
	return out;
}

/* Who pauses may never come back to do it. */
static void part_drop_unsent(struct part *p)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (!p->job[i] || !p->rc[i])
			continue;
		job_end(p->job[i]);
		p->job[i] = NULL;
	}
}

/* Return: the first of those that went, or NULL. */
static struct offload_job *part_submit(struct part *p, struct lane *l,
				       struct offload_waiter *w)
{
	struct offload_job *lead = NULL;
	bool nudge = false, stopped = false;
	unsigned int out;
	uint64_t now = 0;

	lane_enter(l);
	out = part_fill_ring(p, l, &lead, &stopped);
	if (out) {
		lead->waiter = w;
		if (w)
			w->job = lead;
		now = l->stirred = lead->started;
		stopped |= lane_ring_due(l, now) < 0;
		nudge = lane_wants_poller(l, lead, out);
	}
	lane_leave(l);
	if (stopped)
		lane_quarantine(l, -EIO);
	if (nudge)
		poller_nudge(l->proc, now);
	part_drop_unsent(p);
	return lead;
}

/* ---- after it ----------------------------------------------------------- */

static int part_wait(struct offload_job *lead, struct offload_waiter *w)
{
	int rc = 0;

	if (w) {
		rc = wait_paused(lead, w);
		w->job = NULL;
		return rc;
	}
	for (; lead; lead = lead->peer)
		wait_sync(lead);
	return 0;
}

static void part_finish(struct part *p)
{
	for (unsigned int i = 0; i < p->n; i++) {
		const struct work work = cipher_work(&p->ops[i]);

		if (p->job[i])
			p->rc[i] = job_take_result(p->job[i], &work);
	}
}

/* Return: records that have their result. */
static unsigned int part_run(struct offload *o,
			     const struct offload_cipher *ops, unsigned int n,
			     int *rc, struct offload_waiter *w)
{
	const struct work first = cipher_work(ops);
	struct part p;
	struct offload_job *lead;
	struct lane *l;
	int bad = job_lane(o, &first, bytes_of(ops, n), &w, &l);

	p.ops = ops;
	p.rc = rc;
	p.n = 0;
	if (!bad)
		bad = part_place(&p, l, n, w);
	if (bad) {
		part_set(&p, p.n, n, bad);
		return n;
	}
	lead = part_submit(&p, l, w);
	if (lead && part_wait(lead, w)) /* a forked child: not its slots */
		part_set(&p, 0, p.n, -EIO);
	else
		part_finish(&p);
	return p.n;
}

void offload_ciphers(struct offload *o, const struct offload_cipher *ops,
		     unsigned int n, int *rc, struct offload_waiter *w)
{
	while (n) {
		unsigned int done = part_run(o, ops, n, rc, w);

		ops += done;
		rc += done;
		n -= done;
	}
}
