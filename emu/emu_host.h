/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emu_host.h - the model in this process: devices, engine threads, and the
 * part the kernel driver plays (bring-up through registers, queue contexts
 * through the mailbox, events to file descriptors), behind uacce.h's table.
 *
 * Options, comma separated (the part behind "emu:" of WD_DEVICE):
 *
 *	kunpeng920 | kunpeng930	 generation (default kunpeng930)
 *	threads=N	engine threads a device, 1..16 (default 1)
 *	inline		run descriptors inside the doorbell call
 *	latency_us=N	service time a job
 *	rate=N		jobs a second at most
 *	replay		remember results
 *	nosva		bus addresses come from the pool only
 *	queues=N	queues a device, 1..1024 (default 256)
 *	hpre=N, sec=N	devices of that engine, 0..4 (default 1)
 *	zip=N		the same (default 0)
 *	fault=KIND@N[:ARG]	the N-th job: delay, drop, status, wrong,
 *				stop, reset, gone, error (ARG: which bit)
 *	fault=KIND/N[:ARG]	every N-th job; `fault` may be repeated; prefix
 *				KIND with "hpre.", "sec." or "zip." for one
 *				engine
 */
#ifndef EMU_HOST_H
#define EMU_HOST_H

#include <stddef.h>

#include "emu/emu_dev.h"

struct emu_host_options {
	struct emu_config
		config; /* for each device; engine is filled per device */
	unsigned int threads;
	bool run_inline;
	bool nosva;
	bool shared; /* by processes that don't trust each other: the data of
		      * a queue's jobs lies in its own pool, or nowhere */
	unsigned int queues;
	unsigned int devices[UACCE_ENGINES];
	/* Which engine a fault of config.faults is for; UACCE_ENGINES: all. */
	enum uacce_engine fault_engine[EMU_FAULTS_MAX];
};

/**
 * emu_host_parse() - options from text
 * @why: gets a sentence naming the bad word and what is allowed
 * Return: 0 or -EINVAL.
 */
int emu_host_parse(struct emu_host_options *o, const char *text, char *why,
		   size_t size);

int emu_host_new(struct uacce_host **out, const struct emu_host_options *o);

/* Memory and event descriptor of a queue that the caller owns: rings, and
 * pool behind them.  They must outlive the queue. */
struct emu_loan {
	uint8_t *memory; /* info->dus_size + pool bytes, zero */
	int event;	 /* written to at a completion; never blocks */
};

/* uacce_ops.open with the memory of the caller's choice. */
int emu_host_open(struct uacce_host *host, const struct uacce_info *info,
		  unsigned int qc_type, size_t pool,
		  const struct emu_loan *loan, struct uacce_queue *q);

/* uacce_ops.stop without the wait for what was rung: what the engine has in
 * hand ends, the rest is dropped.  emu_host_queue_stats() tells when nothing
 * would be. */
int emu_host_stop_now(struct uacce_queue *q);
void emu_host_queue_stats(const struct uacce_queue *q,
			  struct emu_queue_stats *out);

/* The same and uacce_ops.close, with the engine at rest: whoever has the other
 * half of the memory may have left it in any state.  One caller at a time. */
void emu_host_close_quietly(struct uacce_queue *q);

/* The modelled device behind an entry of list(), for tests and reports. */
struct emu_dev *emu_host_dev(struct uacce_host *host, const char *name);

/* The module's one exported function (uacce.h).  Return: 0, -EINVAL (bad
 * options, logged), -ENOMEM. */
__attribute__((visibility("default"))) int wd_emu_host(struct uacce_host **out,
						       const char *options);

#endif
