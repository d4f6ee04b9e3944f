/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for offload/ until that lands: with `device = emu` every algorithm
 * is offered, and none is ever chosen for the device.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "offload/offload.h"

struct offload {
	bool has;
};

static const struct {
	const char *name;
	uint32_t min_bytes;
} kinds[] = {
#define OFFLOAD_KIND(id, kind, engine, min) { kind, min },
#include "offload/offload_kinds.def"
#undef OFFLOAD_KIND
};

const char *offload_kind_name(enum offload_kind kind)
{
	return kinds[kind].name;
}

void offload_config_init(struct offload_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	for (int i = 0; i < OFFLOAD_KINDS; i++)
		cfg->min_bytes[i] = kinds[i].min_bytes;
}

int offload_new(struct offload **out, const struct offload_config *cfg,
		char *why, size_t size)
{
	(void)why;
	(void)size;
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->has = cfg->device && !strncmp(cfg->device, "emu", 3);
	return 0;
}

void offload_free(struct offload *o)
{
	free(o);
}

void offload_quiesce(struct offload *o)
{
	(void)o;
}

bool offload_has(const struct offload *o, enum offload_kind kind)
{
	(void)kind;
	return o->has;
}

bool offload_is_model(const struct offload *o)
{
	return o->has;
}

unsigned int offload_qm_version(const struct offload *o,
				enum uacce_engine engine)
{
	(void)engine;
	return o->has ? 3 : 0;
}

size_t offload_max_bytes(const struct offload *o, enum offload_kind kind,
			 bool async)
{
	(void)o;
	(void)kind;
	(void)async;
	return 1 << 20;
}

bool offload_choose(struct offload *o, enum offload_kind kind, size_t bytes)
{
	(void)o;
	(void)kind;
	(void)bytes;
	return false;
}

void offload_abandon(struct offload_waiter *w)
{
	(void)w;
}

int offload_rsa(struct offload *o, const struct offload_rsa *op,
		struct offload_waiter *w)
{
	(void)o;
	(void)op;
	(void)w;
	return -ENODEV;
}

int offload_cipher(struct offload *o, const struct offload_cipher *op,
		   struct offload_waiter *w)
{
	(void)o;
	(void)op;
	(void)w;
	return -ENODEV;
}

int offload_digest(struct offload *o, const struct offload_digest *op,
		   struct offload_waiter *w)
{
	(void)o;
	(void)op;
	(void)w;
	return -ENODEV;
}

void offload_stats(const struct offload *o, struct offload_stats *out)
{
	(void)o;
	memset(out, 0, sizeof(*out));
}

void offload_count_software(struct offload *o, enum offload_kind kind)
{
	(void)o;
	(void)kind;
}

void offload_count_wrong(struct offload *o, enum offload_kind kind)
{
	(void)o;
	(void)kind;
}
