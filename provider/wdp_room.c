/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for what an operation must keep over a pause.
 *
 * Not on the stack: that of a job is short, and leaked as it is when the job is
 * dropped.  Blocks are kept, a list for each of a few groups of threads, so
 * that a thread with as many jobs in flight as before allocates nothing:
 *
 *	p->rooms[group of this thread] ──▶ block ──▶ block ──▶ NULL
 *
 * Whoever takes or gives takes the whole list, so no other can be in the middle
 * of it.  Two threads of a group that meet there cost an allocation, not a wait.
 */
#include "provider/wdp.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/wd_base.h"

#define ROOM_BYTES 1280 /* an SM2 ciphertext's, the largest there is */
#define ROOMS_KEPT 64	/* of a group: 640 KiB in all */

struct wdp_room {
	struct wdp_room *next;
	unsigned int count; /* from here on */
};

static _Atomic(struct wdp_room *) *rooms_mine(struct wdp_ctx *p)
{
	/* Fibonacci hashing: such numbers differ in their middle bits. */
	uint64_t hash = (uint64_t)pthread_self() * UINT64_C(0x9e3779b97f4a7c15);

	return &p->rooms[(hash >> 32) % WD_ARRAY_SIZE(p->rooms)];
}

static void rooms_free(struct wdp_room *r)
{
	struct wdp_room *next;

	for (; r; r = next) {
		next = r->next;
		free(r);
	}
}

static void rooms_put(_Atomic(struct wdp_room *) *at, struct wdp_room *r)
{
	struct wdp_room *none = NULL;

	if (r && !atomic_compare_exchange_strong(at, &none, r))
		rooms_free(r);
}

static void *room_take(struct wdp_ctx *p, size_t size)
{
	_Atomic(struct wdp_room *) *at = rooms_mine(p);
	struct wdp_room *r;

	if (size > ROOM_BYTES)
		return malloc(size);
	r = atomic_exchange(at, NULL);
	if (!r)
		return malloc(ROOM_BYTES);
	rooms_put(at, r->next);
	return r;
}

static void room_give(struct wdp_ctx *p, void *room, size_t size)
{
	_Atomic(struct wdp_room *) *at = rooms_mine(p);
	struct wdp_room *r = room, *kept;

	if (size > ROOM_BYTES) {
		free(room);
		return;
	}
	kept = atomic_exchange(at, NULL);
	if (kept && kept->count >= ROOMS_KEPT) {
		free(room);
		r = kept;
	} else {
		*r = (struct wdp_room){ kept, kept ? kept->count + 1 : 1 };
	}
	rooms_put(at, r);
}

void *wdp_room_get(struct wdp_ctx *p, size_t size, struct offload_waiter **w)
{
	void *room = room_take(p, size);

	*w = room ? wdp_waiter_get(p) : NULL;
	if (*w)
		wdp_waiter_keep(*w, room, size);
	return room;
}

void wdp_room_put(struct wdp_ctx *p, void *room, size_t size,
		  struct offload_waiter *w)
{
	if (w)
		wdp_waiter_keep(w, NULL, 0);
	wdp_waiter_release(w);
	wd_wipe(room, size);
	room_give(p, room, size);
}

void wdp_rooms_free(struct wdp_ctx *p)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(p->rooms); i++)
		rooms_free(atomic_exchange(&p->rooms[i], NULL));
}
