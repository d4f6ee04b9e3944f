/* SPDX-License-Identifier: Apache-2.0 */
#include "emu/vfio_user.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wd_base.h"

enum { REGION_BARS = 6, REGION_CONFIG = 7 };

/* --- interrupts ---------------------------------------------------------- */

bool vfio_user_irq_send(struct vfio_user *u, unsigned int vector)
{
	uint64_t one = 1;
	bool connected;

	pthread_mutex_lock(&u->irq_lock);
	connected = u->irq[vector] >= 0;
	if (connected) {
		vfio_user_say(&u->trace, "    IRQ index=1 vec=%u fired",
			      vector);
		/* A full counter has been signalled often enough. */
		if (write(u->irq[vector], &one, sizeof(one)) < 0 &&
		    errno != EAGAIN)
			connected = false;
	}
	pthread_mutex_unlock(&u->irq_lock);
	return connected;
}

void vfio_user_irq_set(struct vfio_user *u, unsigned int vector, int fd)
{
	pthread_mutex_lock(&u->irq_lock);
	if (u->irq[vector] >= 0)
		close(u->irq[vector]);
	u->irq[vector] = fd;
	pthread_mutex_unlock(&u->irq_lock);
}

static bool on_message(void *ctx, unsigned int vector)
{
	return vfio_user_irq_send(ctx, vector);
}

/* --- callbacks of the device and its configuration space ----------------- */

static void on_reset(void *ctx)
{
	struct vfio_user *u = ctx;

	vfio_user_say(&u->trace, "FLR");
	emu_dev_reset(u->dev);
}

static void on_bus_master(void *ctx, bool on)
{
	struct vfio_user *u = ctx;

	emu_dev_bus_master(u->dev, on);
}

static const struct pci_config_ops config_ops = {
	.reset = on_reset,
	.bus_master = on_bus_master,
	.message = on_message,
};

static void on_irq(void *ctx, unsigned int vector)
{
	struct vfio_user *u = ctx;

	pci_config_interrupt(&u->pci, vector);
}

static void on_kick(void *ctx)
{
	struct vfio_user *u = ctx;

	emu_workers_kick(&u->workers);
}

static void on_trace(void *ctx, const char *line)
{
	struct vfio_user *u = ctx;

	vfio_user_say(&u->trace, "%s", line);
}

/* --- regions ------------------------------------------------------------- */

uint64_t vfio_user_region_size(const struct vfio_user *u, uint32_t index)
{
	if (index < REGION_BARS)
		return u->pci.id.bar[index];
	return index == REGION_CONFIG ? PCI_CONFIG_SIZE : 0;
}

static bool region_holds(const struct vfio_user *u, uint32_t index,
			 uint64_t off, size_t len)
{
	uint64_t size = vfio_user_region_size(u, index);

	return len && off < size && len <= size - off;
}

static bool bar_access_valid(uint64_t off, size_t len)
{
	return (len == 1 || len == 2 || len == 4 || len == 8) && off % len == 0;
}

/* Little-endian on the wire, as everything in PCI. */
static int bar_read(struct vfio_user *u, uint32_t bar, uint64_t off,
		    uint8_t *buf, size_t len)
{
	uint64_t v = UINT64_MAX;

	if (!bar_access_valid(off, len))
		return -EINVAL;
	if (pci_config_memory(&u->pci))
		v = emu_dev_read(u->dev, bar, off, (unsigned int)len);
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(v >> 8 * i);
	return 0;
}

static int bar_write(struct vfio_user *u, uint32_t bar, uint64_t off,
		     const uint8_t *buf, size_t len)
{
	uint64_t v = 0;

	if (!bar_access_valid(off, len))
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)buf[i] << 8 * i;
	if (pci_config_memory(&u->pci))
		emu_dev_write(u->dev, bar, off, v, (unsigned int)len);
	return 0;
}

int vfio_user_region_read(struct vfio_user *u, uint32_t index, uint64_t off,
			  uint8_t *buf, size_t len)
{
	if (!region_holds(u, index, off, len))
		return -EINVAL;
	if (index < REGION_BARS)
		return bar_read(u, index, off, buf, len);
	pci_config_read(&u->pci, off, buf, len);
	return 0;
}

static void trace_config_write(struct vfio_user *u, uint64_t off,
			       const uint8_t *buf, size_t len)
{
	char hex[2 * 8 + 1] = "";

	/* As a number: the last byte first. */
	for (size_t i = 0; i < len && i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", buf[len - 1 - i]);
	vfio_user_say(&u->trace, "CFG W 0x%03llx len %zu = %s%s",
		      (unsigned long long)off, len, hex, len > 8 ? ".." : "");
}

int vfio_user_region_write(struct vfio_user *u, uint32_t index, uint64_t off,
			   const uint8_t *buf, size_t len)
{
	if (!region_holds(u, index, off, len))
		return -EINVAL;
	if (index < REGION_BARS)
		return bar_write(u, index, off, buf, len);
	trace_config_write(u, off, buf, len);
	pci_config_write(&u->pci, off, buf, len);
	return 0;
}

/* --- life ---------------------------------------------------------------- */

void vfio_user_reset(struct vfio_user *u)
{
	pci_config_reset(&u->pci);
	emu_dev_reset(u->dev);
}

int vfio_user_new(struct vfio_user **out, const struct emu_config *cfg,
		  unsigned int threads, FILE *trace)
{
	struct vfio_user *u = calloc(1, sizeof(*u));
	struct emu_config c = *cfg;
	struct emu_bus bus = { .irq = on_irq, .kick = on_kick, .ctx = u };
	struct pci_identity id;
	int rc;

	if (!u)
		return -ENOMEM;
	if (trace) {
		c.trace = on_trace;
		c.trace_ctx = u;
	}
	vfio_user_dma_init(&u->dma);
	bus.dma = vfio_user_dma_bus(&u->dma);
	rc = emu_dev_new(&u->dev, &c, &bus);
	if (rc)
		goto free_function;
	vfio_user_trace_init(&u->trace, trace);
	emu_workers_init(&u->workers);
	pthread_mutex_init(&u->irq_lock, NULL);
	for (unsigned int v = 0; v < PCI_MSI_MAX; v++)
		u->irq[v] = -1;
	emu_dev_bus_master(u->dev, false);
	pci_identity(&id, cfg);
	pci_config_init(&u->pci, &id, &config_ops, u);
	rc = emu_workers_start(&u->workers, u->dev, cfg->engine->name, threads);
	if (rc)
		goto free_dev;
	*out = u;
	return 0;

free_dev:
	emu_dev_free(u->dev);
free_function:
	free(u);
	return rc;
}

void vfio_user_free(struct vfio_user *u)
{
	if (!u)
		return;
	emu_workers_stop(&u->workers);
	emu_dev_free(u->dev);
	for (unsigned int v = 0; v < PCI_MSI_MAX; v++)
		vfio_user_irq_set(u, v, -1);
	pci_config_fini(&u->pci);
	vfio_user_dma_fini(&u->dma);
	vfio_user_trace_fini(&u->trace);
	pthread_mutex_destroy(&u->irq_lock);
	free(u);
}
