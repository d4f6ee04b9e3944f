/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_replay.c - a set-associative table of whole jobs under one mutex.
 *
 * The hash samples a few bytes of each piece, since hashing two kilobytes of
 * key would cost more than all else a replayed job does; entries are compared
 * in full, so a poor hash costs a miss and nothing else.
 */
#include "emu/emu_replay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/wd_base.h"

#define WAYS 4

struct entry {
	uint64_t hash;
	size_t in_len, out_len; /* in_len with the piece lengths, below */
	uint8_t *bytes;		/* in_len, then out_len; NULL: free */
};

struct emu_replay {
	pthread_mutex_t lock;
	size_t sets;   /* power of two */
	uint8_t *next; /* per set: the way to be replaced */
	struct entry *entries;
	uint64_t hits;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9E3779B97F4A7C15u;
	return h ^ h >> 29;
}

static uint64_t load(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	memcpy(&v, p, len < sizeof(v) ? len : sizeof(v));
	return v;
}

/* Length and the first, middle and last eight bytes. */
static uint64_t sample(uint64_t h, const struct emu_piece *in)
{
	const uint8_t *p = in->p;

	h = mix(h, in->len);
	if (!in->len)
		return h;
	h = mix(h, load(p, in->len));
	if (in->len <= 8)
		return h;
	h = mix(h, load(p + (in->len - 8) / 2, 8));
	return mix(h, load(p + in->len - 8, 8));
}

static uint64_t hash_of(const struct emu_piece *in, unsigned int n)
{
	uint64_t h = n;

	for (unsigned int i = 0; i < n; i++)
		h = sample(h, &in[i]);
	return h ^ h >> 32;
}

/* A piece is remembered as its length and its bytes, so that pieces which
 * only concatenate to the same bytes stay different. */
static size_t packed_len(const struct emu_piece *in, unsigned int n)
{
	size_t len = 0;

	for (unsigned int i = 0; i < n; i++)
		len += sizeof(in[i].len) + in[i].len;
	return len;
}

static uint8_t *pack(uint8_t *to, const struct emu_piece *in, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		memcpy(to, &in[i].len, sizeof(in[i].len));
		to += sizeof(in[i].len);
		if (in[i].len)
			memcpy(to, in[i].p, in[i].len);
		to += in[i].len;
	}
	return to;
}

static bool same(const uint8_t *packed, const struct emu_piece *in,
		 unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (memcmp(packed, &in[i].len, sizeof(in[i].len)) != 0)
			return false;
		packed += sizeof(in[i].len);
		if (in[i].len && memcmp(packed, in[i].p, in[i].len) != 0)
			return false;
		packed += in[i].len;
	}
	return true;
}

struct emu_replay *emu_replay_new(size_t entries)
{
	struct emu_replay *r;
	size_t sets = 1;

	while (sets * WAYS < entries)
		sets *= 2;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->sets = sets;
	r->next = calloc(sets, 1);
	r->entries = calloc(sets * WAYS, sizeof(*r->entries));
	if (!r->next || !r->entries || pthread_mutex_init(&r->lock, NULL)) {
		free(r->entries);
		free(r->next);
		free(r);
		return NULL;
	}
	return r;
}

/* Remembered operands are keys. */
static void forget(struct entry *e)
{
	wd_wipe(e->bytes, e->in_len + e->out_len);
	free(e->bytes);
	*e = (struct entry){ 0 };
}

void emu_replay_free(struct emu_replay *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->sets * WAYS; i++)
		forget(&r->entries[i]);
	pthread_mutex_destroy(&r->lock);
	free(r->entries);
	free(r->next);
	free(r);
}

/* With the lock held. */
static struct entry *find(struct emu_replay *r, uint64_t hash, size_t in_len,
			  const struct emu_piece *in, unsigned int n)
{
	struct entry *e = &r->entries[(hash & (r->sets - 1)) * WAYS];

	for (unsigned int way = 0; way < WAYS; way++, e++)
		if (e->bytes && e->hash == hash && e->in_len == in_len &&
		    same(e->bytes, in, n))
			return e;
	return NULL;
}

static size_t room_len(const struct emu_room *out, unsigned int n)
{
	size_t len = 0;

	while (n--)
		len += out[n].len;
	return len;
}

bool emu_replay_get_to(struct emu_replay *r, const struct emu_piece *in,
		       unsigned int n, const struct emu_room *out,
		       unsigned int out_n)
{
	uint64_t hash = hash_of(in, n);
	const struct entry *e;
	const uint8_t *from;
	bool hit;

	pthread_mutex_lock(&r->lock);
	e = find(r, hash, packed_len(in, n), in, n);
	hit = e && e->out_len == room_len(out, out_n);
	from = hit ? e->bytes + e->in_len : NULL;
	for (unsigned int i = 0; hit && i < out_n; i++) {
		if (out[i].len)
			memcpy(out[i].p, from, out[i].len);
		from += out[i].len;
	}
	r->hits += hit;
	pthread_mutex_unlock(&r->lock);
	return hit;
}

bool emu_replay_get(struct emu_replay *r, const struct emu_piece *in,
		    unsigned int n, void *out, size_t out_len)
{
	return emu_replay_get_to(r, in, n, &(struct emu_room){ out, out_len },
				 1);
}

uint64_t emu_replay_hits(struct emu_replay *r)
{
	uint64_t hits;

	pthread_mutex_lock(&r->lock);
	hits = r->hits;
	pthread_mutex_unlock(&r->lock);
	return hits;
}

/* With the lock held: the entry of the same input, a free one, or the set's
 * next in turn. */
static struct entry *place(struct emu_replay *r, const struct entry *like,
			   const struct emu_piece *in, unsigned int n)
{
	size_t set = like->hash & (r->sets - 1);
	struct entry *e = find(r, like->hash, like->in_len, in, n);

	if (e)
		return e;
	for (unsigned int way = 0; way < WAYS; way++)
		if (!r->entries[set * WAYS + way].bytes)
			return &r->entries[set * WAYS + way];
	e = &r->entries[set * WAYS + r->next[set]];
	r->next[set] = (uint8_t)((r->next[set] + 1) % WAYS);
	return e;
}

void emu_replay_put_from(struct emu_replay *r, const struct emu_piece *in,
			 unsigned int n, const struct emu_room *out,
			 unsigned int out_n)
{
	struct entry made = {
		.hash = hash_of(in, n),
		.in_len = packed_len(in, n),
		.out_len = room_len(out, out_n),
	};
	struct entry *e;
	uint8_t *to;

	made.bytes = malloc(made.in_len + made.out_len + 1);
	if (!made.bytes)
		return; /* not remembered, computed again next time */
	to = pack(made.bytes, in, n);
	for (unsigned int i = 0; i < out_n; i++) {
		if (out[i].len)
			memcpy(to, out[i].p, out[i].len);
		to += out[i].len;
	}

	pthread_mutex_lock(&r->lock);
	e = place(r, &made, in, n);
	forget(e);
	*e = made;
	pthread_mutex_unlock(&r->lock);
}

void emu_replay_put(struct emu_replay *r, const struct emu_piece *in,
		    unsigned int n, const void *out, size_t out_len)
{
	struct emu_room from = { (void *)(uintptr_t)out, out_len };

	emu_replay_put_from(r, in, n, &from, 1);
}
