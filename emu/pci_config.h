/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pci_config.h - PCI configuration space of one accelerator function: what
 * the guest's PCI core sees before it ever touches a BAR.
 *
 *	0x00 header: ids, command, BAR2 (registers), BAR4 (doorbells, V3)
 *	0x40 PCI Express, with function-level reset
 *	0x80 MSI, 64-bit addresses, a mask bit for each message
 *	0xa0 power management
 *
 * Registers are bytes with a write mask; what a write sets off is found by
 * looking at the registers after it.  The host is told through three
 * callbacks, made without the lock here held.  Interrupts come from any
 * thread; reads and writes from one at a time.  Facts: docs/hw/pci.md.
 */
#ifndef PCI_CONFIG_H
#define PCI_CONFIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emu/emu_dev.h"

#define PCI_CONFIG_SIZE 4096 /* with the (empty) extended part */
#define PCI_HEADER_SIZE 256  /* where registers are */
#define PCI_BARS	6
#define PCI_MSI_MAX	4

/* Offsets that others than pci_config.c want to know. */
enum pci_offset {
	PCI_VENDOR = 0x00,
	PCI_DEVICE = 0x02,
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_REVISION = 0x08,
	PCI_CLASS = 0x09, /* three bytes */
	PCI_BAR0 = 0x10,
	PCI_SUBSYSTEM = 0x2c,
	PCI_CAPABILITIES = 0x34,
	PCI_INT_LINE = 0x3c,
	PCI_EXP = 0x40,
	PCI_EXP_DEVCAP = 0x44,
	PCI_EXP_DEVCTL = 0x48,
	PCI_EXP_LNKCAP = 0x4c,
	PCI_EXP_LNKCTL = 0x50,
	PCI_EXP_DEVCAP2 = 0x64,
	PCI_EXP_DEVCTL2 = 0x68,
	PCI_MSI = 0x80,
	PCI_MSI_CONTROL = 0x82,
	PCI_MSI_ADDRESS = 0x84,
	PCI_MSI_DATA = 0x8c,
	PCI_MSI_MASK = 0x90,
	PCI_MSI_PENDING = 0x94,
	PCI_PM = 0xa0,
	PCI_PM_CONTROL = 0xa4,
};

enum {
	PCI_COMMAND_MEMORY = 1u << 1,
	PCI_COMMAND_MASTER = 1u << 2,
	PCI_DEVCTL_FLR = 1u << 15,
	PCI_MSI_ENABLE = 1u << 0,
};

struct pci_identity {
	uint16_t vendor, device;
	uint8_t revision;
	uint32_t class_code;
	unsigned int msi;	/* messages: 1, 2 or 4 */
	uint64_t bar[PCI_BARS]; /* bytes, a power of two; 0: none.  64-bit
				 * prefetchable memory at even numbers. */
};

struct pci_config_ops {
	/* Function-level reset: configuration space is already reset. */
	void (*reset)(void *ctx);
	void (*bus_master)(void *ctx, bool on);
	/* Send message @vector.  Return: false to try again later. */
	bool (*message)(void *ctx, unsigned int vector);
};

struct pci_config {
	struct pci_identity id;
	const struct pci_config_ops *ops;
	void *ctx;
	pthread_mutex_t lock;
	uint8_t value[PCI_HEADER_SIZE], writable[PCI_HEADER_SIZE];
	uint32_t pending; /* messages raised and not sent */
	bool master;	  /* as the host was last told */
};

/* Ids, class, BARs and messages of the function that @cfg describes. */
void pci_identity(struct pci_identity *id, const struct emu_config *cfg);

void pci_config_init(struct pci_config *c, const struct pci_identity *id,
		     const struct pci_config_ops *ops, void *ctx);
void pci_config_fini(struct pci_config *c);

/* Registers as after power on; the host is told of bus mastering only. */
void pci_config_reset(struct pci_config *c);

/* Any offset and length; what lies outside reads as 0 and is not written. */
void pci_config_read(struct pci_config *c, uint64_t off, void *buf, size_t len);
void pci_config_write(struct pci_config *c, uint64_t off, const void *buf,
		      size_t len);

/* Does the function answer accesses to its BARs? */
bool pci_config_memory(struct pci_config *c);

/*
 * The device raises @vector.  With fewer messages enabled than it has, it
 * uses the low bits of the number.  A masked message, and one the host could
 * not send, is pending until the mask goes or pci_config_retry().
 */
void pci_config_interrupt(struct pci_config *c, unsigned int vector);
void pci_config_retry(struct pci_config *c);

#endif
