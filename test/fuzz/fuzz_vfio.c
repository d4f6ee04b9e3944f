/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_vfio - messages, configuration space, registers and mailbox. */
#include <string.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAYLOAD_MAX 600

static void close_fds(struct vfio_user_message *m)
{
	for (unsigned int i = 0; i < m->nfds; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
}

/* What a socket would deliver, and what came back is a reply or nothing. */
static void message(struct vfio_user *u, uint16_t command, uint32_t flags,
		    const uint8_t *payload, size_t len, unsigned int fds)
{
	uint8_t in[VFIO_USER_HEADER + PAYLOAD_MAX], out[VFIO_USER_MESSAGE_MAX];
	uint32_t size = (uint32_t)(VFIO_USER_HEADER + len);
	struct vfio_user_message m = { .data = in, .len = size, .reply = out };
	uint32_t got, reply_flags;

	memset(in, 0, VFIO_USER_HEADER);
	memcpy(in + 2, &command, 2);
	memcpy(in + 4, &size, 4);
	memcpy(in + 8, &flags, 4);
	memcpy(in + VFIO_USER_HEADER, payload, len);
	for (; m.nfds < fds % 6; m.nfds++)
		m.fds[m.nfds] =
			dup(fds & 8 ? fuzz_spare_memory() : fuzz_eventfd());
	vfio_user_message(u, &m);
	close_fds(&m);
	if (!m.reply_len)
		return;
	memcpy(&got, out + 4, 4);
	memcpy(&reply_flags, out + 8, 4);
	if (got != m.reply_len || !(reply_flags & 1))
		__builtin_trap();
}

static void any_message(struct vfio_user *u, struct fuzz_input *in)
{
	uint16_t command = (uint16_t)fuzz_take(in, 1) % 20;
	uint8_t how = (uint8_t)fuzz_take(in, 1);
	uint8_t payload[PAYLOAD_MAX];
	size_t len = fuzz_take(in, 2) % PAYLOAD_MAX;

	len = fuzz_bytes(in, payload, len);
	message(u, command, how & 0x10, payload, len, how & 0xf);
}

/* The registers where something happens. */
static const uint32_t places[] = {
	0x0,	  0x4,	    0x8,      0xc,	0x20,	  0x24,	    0x2c,
	0x204,	  0x300,    0x304,    0x308,	0x30c,	  0x1000,   0x1004,
	0x2000,	  0x2004,   0x3100,   0x100000, 0x100004, 0x10000c, 0x100040,
	0x100054, 0x100058, 0x10005c, 0x100060, 0x100064, 0x100068, 0x10006c,
	0x100130, 0x100134, 0x100138, 0x300000, 0x301014, 0x301100, 0x302020,
};

static void registers(struct vfio_user *u, struct fuzz_input *in)
{
	uint8_t how = (uint8_t)fuzz_take(in, 1);
	uint64_t off = how & 0x80 ? fuzz_take(in, 3)
				  : places[how % WD_ARRAY_SIZE(places)];
	uint64_t v = fuzz_take(in, 8);
	uint8_t back[8];

	fuzz_bar(u, 2, off, v, how & 0x40 ? 8 : 4);
	vfio_user_region_read(u, 2, off, back, how & 0x40 ? 8 : 4);
}

static void bell(struct vfio_user *u, struct fuzz_input *in)
{
	uint64_t v = fuzz_take(in, 8);

	fuzz_bar(u, 4,
		 fuzz_take(in, 1) % FUZZ_QUEUES * EMU_BELL_WINDOW + 0x1000, v,
		 8);
}

static void mailbox(struct vfio_user *u, struct fuzz_input *in)
{
	uint32_t w0 = (uint32_t)fuzz_take(in, 1) % 16 | 1u << 13;
	uint8_t how = (uint8_t)fuzz_take(in, 1);
	uint64_t addr = fuzz_take(in, how & 0x80 ? 8 : 3);
	uint8_t ctx[32];

	w0 |= (how & 1u) << 14 | (how >> 1 & 15u) << 16;
	if (!(how & 0x80))
		addr = FUZZ_BASE + addr % FUZZ_SIZE;
	if (how & 0x40) {
		fuzz_bytes(in, ctx, sizeof(ctx));
		/* A base in guest memory, or it ends there. */
		if (how & 0x20)
			memcpy(ctx + 4, "\0\0\0\x40\0\0\0", 8);
		fuzz_poke(u, addr - FUZZ_BASE, ctx, sizeof(ctx));
	}
	fuzz_mailbox(u, w0, addr);
}

static void config(struct vfio_user *u, struct fuzz_input *in)
{
	uint64_t off = fuzz_take(in, 1);
	uint8_t how = (uint8_t)fuzz_take(in, 1);

	fuzz_config(u, off, fuzz_take(in, 4), how % 4 + 1);
}

static void memory(struct vfio_user *u, struct fuzz_input *in)
{
	uint8_t data[128];
	uint64_t off = fuzz_take(in, 3) % FUZZ_SIZE;

	fuzz_bytes(in, data, sizeof(data));
	fuzz_poke(u, off, data, sizeof(data));
}

static void (*const actions[])(struct vfio_user *u, struct fuzz_input *in) = {
	any_message, registers, bell, memory, mailbox, config, fuzz_descriptor,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct vfio_user *u = fuzz_open(&in);

	message(u, 1, 0, (const uint8_t *)"\0\0\0\0", 4, 0);
	if (fuzz_take(&in, 1) & 1)
		fuzz_start(u);
	while (in.left) {
		actions[fuzz_take(&in, 1) % WD_ARRAY_SIZE(actions)](u, &in);
		fuzz_work(u);
	}
	fuzz_close(u);
	return 0;
}
