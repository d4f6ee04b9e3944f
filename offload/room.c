/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room.c - lane memory for the data of SEC jobs.
 *
 * What the device must reach lies in slots: a job larger than one borrows
 * others and tells the device so in a scatter list.  No slot crosses two
 * slices of the pool, so no entry of a list does.
 *
 *	own	  mac, iv, key, lists | data ..........
 *	borrowed  list | data .........................
 *	borrowed  data ................................
 *
 * With SVA the result of a synchronous job over its own input goes to ordinary
 * memory if it is larger than a slot.  The lane keeps some of it, so that a
 * stream of large messages allocates nothing.  Why: docs/design/zero-copy.md.
 */
#include "offload/offload_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "base/wd_base.h"
#include "offload/slot.h"

/* ---- slots -------------------------------------------------------------- */

struct room room_of(struct offload_job *j)
{
	struct sec_slot *slot = (void *)j->mem;

	return (struct room){ j, slot->data, sizeof(slot->data), false };
}

/* The list lies in the first borrowed slot. */
static void room_next(struct room *r)
{
	size_t head = r->borrowed ? 0 : SEC_ROOM_LIST;

	r->slot = r->slot->more;
	r->at = r->slot->mem + head;
	r->left = sizeof(struct sec_slot) - head;
	r->borrowed = true;
}

/* The next run of at most @len bytes in one slot, passed by. */
static uint8_t *room_run(struct room *r, size_t len, size_t *n)
{
	uint8_t *run;

	if (!r->left)
		room_next(r);
	run = r->at;
	*n = len < r->left ? len : r->left;
	r->at += *n;
	r->left -= *n;
	return run;
}

void room_put(struct room *r, const uint8_t *from, size_t len)
{
	while (len) {
		size_t n;
		uint8_t *to = room_run(r, len, &n);

		memcpy(to, from, n);
		from += n;
		len -= n;
	}
}

void room_get(struct room *r, uint8_t *to, size_t len)
{
	while (len) {
		size_t n;
		const uint8_t *from = room_run(r, len, &n);

		if (to) {
			memcpy(to, from, n);
			to += n;
		}
		len -= n;
	}
}

static uint64_t room_list(struct offload_job *j, size_t bytes)
{
	struct uacce_queue *u = &j->lane->q.u;
	struct sec_sgl *list = (void *)j->more->mem;
	struct room r = room_of(j);

	sec_sgl_init(list, SEC_ROOM_SLOTS);
	job_uses(j->more, SEC_ROOM_LIST);
	while (bytes) {
		size_t n;
		uint8_t *run = room_run(&r, bytes, &n);

		/* can't be full: an entry a slot */
		(void)sec_sgl_add(list, uacce_addr(u, run, n), (uint32_t)n);
		job_uses(r.slot, (size_t)(run + n - r.slot->mem));
		bytes -= n;
	}
	return uacce_addr(u, list, SEC_SGL_BYTES(SEC_ROOM_SLOTS));
}

int room_make(struct offload_job *j, size_t bytes, uint64_t *addr, bool *sgl)
{
	struct sec_slot *slot = (void *)j->mem;
	struct lane *l = j->lane;
	size_t over;
	int rc;

	*sgl = bytes > sizeof(slot->data);
	if (!*sgl) {
		job_uses(j, offsetof(struct sec_slot, data) + bytes);
		*addr = uacce_addr(&l->q.u, slot->data, bytes ? bytes : 1);
		return 0;
	}
	over = bytes - sizeof(slot->data) + SEC_ROOM_LIST;
	lane_enter(l);
	rc = job_borrow(
		j, (unsigned int)((over + sizeof(*slot) - 1) / sizeof(*slot)));
	lane_leave(l);
	if (!rc)
		*addr = room_list(j, bytes);
	return rc;
}

/* ---- ordinary memory ---------------------------------------------------- */

#define AREA_LEAST (64u << 10) /* bytes; a power of two */
#define AREA_KEPT  (2u << 20)  /* larger ones are not kept */
#define AREAS_KEPT 4u	       /* a lane; it is one unless lanes are shared */

struct area {
	struct area *next;
	size_t size;
	_Alignas(64) uint8_t data[];
};

static struct area *area_new(size_t bytes)
{
	size_t size = AREA_LEAST;
	struct area *a;

	while (size < bytes && size < AREA_KEPT)
		size *= 2;
	if (size < bytes)
		size = wd_align_up(bytes, 64);
	a = aligned_alloc(64, sizeof(*a) + size);
	if (a)
		a->size = size;
	return a;
}

/* The last one given back; a lane's messages are mostly of one size, so one
 * that does not fit makes place for one that does. */
static struct area *area_pop(struct lane *l)
{
	struct area *a;

	lane_enter(l);
	a = l->areas;
	if (a) {
		l->areas = a->next;
		l->area_count--;
	}
	lane_leave(l);
	return a;
}

uint8_t *area_take(struct offload_job *j, size_t bytes)
{
	struct area *a = area_pop(j->lane);

	if (a && a->size < bytes) {
		free(a);
		a = NULL;
	}
	j->area = a ? a : area_new(bytes);
	if (!j->area)
		return NULL;
	j->area_used = bytes;
	return j->area->data;
}

uint8_t *area_data(const struct offload_job *j)
{
	return j->area->data;
}

void area_give(struct offload_job *j)
{
	struct lane *l = j->lane;
	struct area *a = j->area;

	if (!a)
		return;
	j->area = NULL;
	wd_wipe(a->data, j->area_used);
	lane_enter(l);
	if (a->size <= AREA_KEPT && l->area_count < AREAS_KEPT) {
		a->next = l->areas;
		l->areas = a;
		l->area_count++;
		a = NULL;
	}
	lane_leave(l);
	free(a);
}

void areas_free(struct lane *l)
{
	while (l->areas) {
		struct area *a = l->areas;

		l->areas = a->next;
		free(a);
	}
}
