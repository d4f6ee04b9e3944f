/* SPDX-License-Identifier: Apache-2.0 */
#include "emu/pci_config.h"

#include <string.h>

#include "base/wd_base.h"

#define PCI_VENDOR_HUAWEI 0x19e5u
#define PCI_BAR_FLAGS	  0xcu /* memory, 64-bit, prefetchable */

#define MSI_MASKABLE 0x180u /* control: 64-bit, mask bit for each message */
#define PM_STATE     0x3u
#define PM_NO_RESET  0x8u /* registers survive D3hot */

/* Registers after reset, and the bits a write changes; docs/hw/pci.md#capabilities */
static const struct pci_reg {
	uint16_t off;
	uint8_t bytes;
	uint32_t value, writable;
} pci_regs[] = {
	{ PCI_COMMAND, 2, 0, 0x0546 }, /* no I/O space, no legacy interrupt */
	{ PCI_STATUS, 2, 0x0010, 0 },  /* has capabilities */
	{ PCI_CAPABILITIES, 1, PCI_EXP, 0 },
	{ PCI_INT_LINE, 1, 0, 0xff },
	/* version 2, endpoint */
	{ PCI_EXP, 4, 0x00020010 | PCI_MSI << 8, 0 },
	/* function-level reset, role-based errors, payload of 256 bytes */
	{ PCI_EXP_DEVCAP, 4, 0x10008001, 0 },
	{ PCI_EXP_DEVCTL, 2, 0x2810, 0x7fff },
	{ PCI_EXP_LNKCAP, 4, 0x00000103, 0 }, /* 8 GT/s, 16 lanes */
	{ PCI_EXP_LNKCTL, 2, 0, 0x01c3 },
	{ PCI_EXP_LNKCTL + 2, 2, 0x0103, 0 },
	{ PCI_EXP_DEVCAP2, 4, 0x10, 0 }, /* completion timeout disable */
	{ PCI_EXP_DEVCTL2, 2, 0, 0x1f },
	{ PCI_MSI, 2, 0x0005 | PCI_PM << 8, 0 },
	{ PCI_MSI_CONTROL, 2, MSI_MASKABLE, 0x0071 },
	{ PCI_MSI_ADDRESS, 4, 0, 0xfffffffc },
	{ PCI_MSI_ADDRESS + 4, 4, 0, 0xffffffff },
	{ PCI_MSI_DATA, 2, 0, 0xffff },
	{ PCI_PM, 4, 0x00030001, 0 }, /* version 3, D0 and D3 */
	{ PCI_PM_CONTROL, 2, PM_NO_RESET, PM_STATE },
};

static uint32_t pci_get(const struct pci_config *c, unsigned int off,
			unsigned int bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | c->value[off + bytes];
	return v;
}

static void pci_put(uint8_t *space, unsigned int off, unsigned int bytes,
		    uint32_t v)
{
	for (unsigned int i = 0; i < bytes; i++)
		space[off + i] = (uint8_t)(v >> 8 * i);
}

static void pci_define(struct pci_config *c, unsigned int off,
		       unsigned int bytes, uint32_t value, uint32_t writable)
{
	pci_put(c->value, off, bytes, value);
	pci_put(c->writable, off, bytes, writable);
}

static unsigned int pci_log2(uint64_t n)
{
	return n < 2 ? 0 : 63 - (unsigned int)__builtin_clzll(n);
}

/* Sizing needs no code: bits below the size can't be written. */
static void pci_define_bars(struct pci_config *c)
{
	for (unsigned int i = 0; i < PCI_BARS; i += 2) {
		uint64_t mask = ~(c->id.bar[i] - 1);
		unsigned int off = PCI_BAR0 + 4 * i;

		if (!c->id.bar[i])
			continue;
		pci_define(c, off, 4, PCI_BAR_FLAGS, (uint32_t)mask);
		pci_define(c, off + 4, 4, 0, (uint32_t)(mask >> 32));
	}
}

static void pci_define_all(struct pci_config *c)
{
	const struct pci_identity *id = &c->id;

	memset(c->value, 0, sizeof(c->value));
	memset(c->writable, 0, sizeof(c->writable));
	for (size_t i = 0; i < WD_ARRAY_SIZE(pci_regs); i++)
		pci_define(c, pci_regs[i].off, pci_regs[i].bytes,
			   pci_regs[i].value, pci_regs[i].writable);
	pci_define(c, PCI_VENDOR, 2, id->vendor, 0);
	pci_define(c, PCI_DEVICE, 2, id->device, 0);
	pci_define(c, PCI_REVISION, 1, id->revision, 0);
	pci_define(c, PCI_CLASS, 3, id->class_code, 0);
	pci_define(c, PCI_SUBSYSTEM, 2, id->vendor, 0);
	pci_define_bars(c);
	c->value[PCI_MSI_CONTROL] |= (uint8_t)(pci_log2(id->msi) << 1);
	pci_define(c, PCI_MSI_MASK, 4, 0, (1u << id->msi) - 1);
	c->pending = 0;
}

/* docs/hw/pci.md#ids, docs/hw/pci.md#bars, docs/hw/pci.md#msi */
void pci_identity(struct pci_identity *id, const struct emu_config *cfg)
{
	const struct emu_engine *e = cfg->engine;
	bool v3 = cfg->model >= EMU_KUNPENG930;
	uint64_t bells = 1ull << pci_log2(2 * (uint64_t)cfg->queues - 1);

	*id = (struct pci_identity){
		.vendor = PCI_VENDOR_HUAWEI,
		.device = cfg->vf ? e->vf_id : e->pf_id,
		.revision = v3 ? 0x30 : 0x21,
		/* Processing accelerator; network encryption. */
		.class_code = e->id == UACCE_ZIP ? 0x120000 : 0x100000,
		.msi = cfg->vf && !v3 ? 2 : 4,
		.bar[2] = cfg->vf ? EMU_BAR2_VF : EMU_BAR2_PF,
		.bar[4] = v3 ? bells * EMU_BELL_WINDOW : 0,
	};
}

void pci_config_init(struct pci_config *c, const struct pci_identity *id,
		     const struct pci_config_ops *ops, void *ctx)
{
	*c = (struct pci_config){ .id = *id, .ops = ops, .ctx = ctx };
	pthread_mutex_init(&c->lock, NULL);
	pci_define_all(c);
}

void pci_config_fini(struct pci_config *c)
{
	pthread_mutex_destroy(&c->lock);
}

static bool pci_awake(const struct pci_config *c)
{
	return !(pci_get(c, PCI_PM_CONTROL, 2) & PM_STATE);
}

bool pci_config_memory(struct pci_config *c)
{
	bool on;

	pthread_mutex_lock(&c->lock);
	on = pci_get(c, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY && pci_awake(c);
	pthread_mutex_unlock(&c->lock);
	return on;
}

static void pci_tell_master(struct pci_config *c)
{
	bool on, change;

	pthread_mutex_lock(&c->lock);
	on = pci_get(c, PCI_COMMAND, 2) & PCI_COMMAND_MASTER && pci_awake(c);
	change = on != c->master;
	c->master = on;
	pthread_mutex_unlock(&c->lock);
	if (change)
		c->ops->bus_master(c->ctx, on);
}

/* --- messages ------------------------------------------------------------ */

static bool pci_message_allowed(const struct pci_config *c, unsigned int vector)
{
	return pci_get(c, PCI_MSI_CONTROL, 2) & PCI_MSI_ENABLE &&
	       !(pci_get(c, PCI_MSI_MASK, 4) >> vector & 1);
}

/* Take the messages that may go now. */
static uint32_t pci_messages_take(struct pci_config *c)
{
	uint32_t take = 0;

	pthread_mutex_lock(&c->lock);
	for (unsigned int v = 0; v < PCI_MSI_MAX; v++)
		if (c->pending >> v & 1 && pci_message_allowed(c, v))
			take |= 1u << v;
	c->pending &= ~take;
	pthread_mutex_unlock(&c->lock);
	return take;
}

void pci_config_retry(struct pci_config *c)
{
	uint32_t take = pci_messages_take(c);

	for (unsigned int v = 0; take >> v; v++) {
		if (!(take >> v & 1) || c->ops->message(c->ctx, v))
			continue;
		pthread_mutex_lock(&c->lock);
		c->pending |= 1u << v;
		pthread_mutex_unlock(&c->lock);
	}
}

void pci_config_interrupt(struct pci_config *c, unsigned int vector)
{
	uint32_t control;

	pthread_mutex_lock(&c->lock);
	control = pci_get(c, PCI_MSI_CONTROL, 2);
	/* Without MSI there is no way to tell anyone, now or later. */
	if (control & PCI_MSI_ENABLE) {
		unsigned int enabled = 1u << (control >> 4 & 7);

		if (enabled > c->id.msi)
			enabled = c->id.msi;
		c->pending |= 1u << (vector & (enabled - 1));
	}
	pthread_mutex_unlock(&c->lock);
	pci_config_retry(c);
}

/* --- accesses ------------------------------------------------------------ */

static bool pci_inside(uint64_t off, size_t i)
{
	return off < PCI_HEADER_SIZE && i < PCI_HEADER_SIZE - off;
}

void pci_config_read(struct pci_config *c, uint64_t off, void *buf, size_t len)
{
	uint8_t *to = buf;

	pthread_mutex_lock(&c->lock);
	pci_put(c->value, PCI_MSI_PENDING, 4, c->pending);
	for (size_t i = 0; i < len; i++)
		to[i] = pci_inside(off, i) ? c->value[off + i] : 0;
	pthread_mutex_unlock(&c->lock);
}

/* Return: a function-level reset was asked for. */
static bool pci_merge(struct pci_config *c, uint64_t off, const uint8_t *from,
		      size_t len)
{
	uint8_t power = c->value[PCI_PM_CONTROL] & PM_STATE;
	bool flr = false;

	for (size_t i = 0; i < len && pci_inside(off, i); i++) {
		uint8_t *v = &c->value[off + i];
		uint8_t mask = c->writable[off + i];

		*v = (uint8_t)((*v & ~mask) | (from[i] & mask));
		/* The bit reads as 0 and is not stored. */
		if (off + i == PCI_EXP_DEVCTL + 1)
			flr = from[i] >> 7 & 1;
	}
	/* A state that the function does not have is not entered. */
	if ((c->value[PCI_PM_CONTROL] & PM_STATE) % PM_STATE)
		c->value[PCI_PM_CONTROL] =
			(uint8_t)((c->value[PCI_PM_CONTROL] & ~PM_STATE) |
				  power);
	return flr;
}

void pci_config_reset(struct pci_config *c)
{
	pthread_mutex_lock(&c->lock);
	pci_define_all(c);
	pthread_mutex_unlock(&c->lock);
	pci_tell_master(c);
}

void pci_config_write(struct pci_config *c, uint64_t off, const void *buf,
		      size_t len)
{
	bool flr;

	pthread_mutex_lock(&c->lock);
	flr = pci_merge(c, off, buf, len);
	pthread_mutex_unlock(&c->lock);
	if (flr) {
		pci_config_reset(c);
		c->ops->reset(c->ctx);
		return;
	}
	pci_tell_master(c);
	pci_config_retry(c);
}
