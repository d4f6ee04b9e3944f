/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about configuration space, as the host behind it sees them. */
#include "emu/pci_config.h"
#include "test/t.h"

/* What the host was told. */
struct told {
	struct pci_config c;
	unsigned int resets, masters;
	bool master, deaf; /* deaf: can't send */
	unsigned int sent[PCI_MSI_MAX];
	uint16_t command_at_reset;
};

static uint32_t rd(struct told *t, uint64_t off, size_t len)
{
	uint8_t b[4] = { 0 };
	uint32_t v = 0;

	pci_config_read(&t->c, off, b, len);
	while (len--)
		v = v << 8 | b[len];
	return v;
}

static void wr(struct told *t, uint64_t off, uint32_t v, size_t len)
{
	uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
			 (uint8_t)(v >> 24) };

	pci_config_write(&t->c, off, b, len);
}

static void on_reset(void *ctx)
{
	struct told *t = ctx;

	t->resets++;
	t->command_at_reset = (uint16_t)rd(t, PCI_COMMAND, 2);
}

static void on_master(void *ctx, bool on)
{
	struct told *t = ctx;

	t->masters++;
	t->master = on;
}

static bool on_message(void *ctx, unsigned int vector)
{
	struct told *t = ctx;

	if (!t->deaf)
		t->sent[vector]++;
	return !t->deaf;
}

static const struct pci_config_ops ops = { on_reset, on_master, on_message };

static struct told *open_as(const struct emu_engine *e, enum emu_model model,
			    unsigned int vf, unsigned int queues)
{
	struct emu_config cfg = {
		.engine = e, .model = model, .vf = vf, .queues = queues
	};
	struct told *t = calloc(1, sizeof(*t));
	struct pci_identity id;

	if (!t)
		abort();
	pci_identity(&id, &cfg);
	pci_config_init(&t->c, &id, &ops, t);
	return t;
}

static struct told *open_pf(void)
{
	return open_as(&emu_hpre, EMU_KUNPENG930, 0, 1024);
}

static void end(struct told *t)
{
	pci_config_fini(&t->c);
	free(t);
}

static void each_function_has_its_identity(void)
{
	static const struct {
		const struct emu_engine *e;
		enum emu_model model;
		unsigned int vf;
		uint16_t device;
		uint8_t revision, messages;
		uint32_t bar2, bar4; /* for 16 queues */
	} rows[] = {
		{ &emu_hpre, EMU_KUNPENG920, 0, 0xa258, 0x21, 4, 4 << 20, 0 },
		{ &emu_hpre, EMU_KUNPENG930, 0, 0xa258, 0x30, 4, 4 << 20,
		  1 << 20 },
		{ &emu_hpre, EMU_KUNPENG920, 9, 0xa259, 0x21, 2, 64 << 10, 0 },
		{ &emu_sec, EMU_KUNPENG930, 63, 0xa256, 0x30, 4, 64 << 10,
		  1 << 20 },
		{ &emu_sec, EMU_KUNPENG920, 0, 0xa255, 0x21, 4, 4 << 20, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct told *t =
			open_as(rows[i].e, rows[i].model, rows[i].vf, 16);

		T_EQ(rd(t, PCI_VENDOR, 2), 0x19e5);
		T_EQ(rd(t, PCI_DEVICE, 2), rows[i].device);
		T_EQ(rd(t, PCI_REVISION, 1), rows[i].revision);
		T_EQ(1u << (rd(t, PCI_MSI_CONTROL, 2) >> 1 & 7),
		     rows[i].messages);
		T_EQ(t->c.id.bar[2], rows[i].bar2);
		T_EQ(t->c.id.bar[4], rows[i].bar4);
		end(t);
	}
}

static void doorbells_of_any_number_of_queues_fit(void)
{
	for (unsigned int queues = 1; queues <= 1024; queues++) {
		struct told *t = open_as(&emu_sec, EMU_KUNPENG930, 0, queues);
		uint64_t size = t->c.id.bar[4];

		T_OK(size >= queues * 65536ull && size < queues * 131072ull);
		T_EQ(size & (size - 1), 0);
		end(t);
	}
}

static void bars_take_no_bit_below_their_size(void)
{
	struct told *t = open_pf();

	for (unsigned int bar = 0; bar < PCI_BARS; bar++)
		wr(t, PCI_BAR0 + 4 * bar, 0xffffffff, 4);
	T_EQ(rd(t, PCI_BAR0 + 8, 4), 0xffc0000c);
	T_EQ(rd(t, PCI_BAR0 + 12, 4), 0xffffffff);
	T_EQ(rd(t, PCI_BAR0 + 16, 4), 0xfc00000c);
	T_EQ(rd(t, PCI_BAR0, 4), 0);
	end(t);
}

static void masked_messages_wait_and_come_once(void)
{
	struct told *t = open_pf();

	wr(t, PCI_MSI_MASK, 0xf, 4);
	wr(t, PCI_MSI_CONTROL, 0x1a1, 2);
	for (unsigned int i = 0; i < 3; i++)
		pci_config_interrupt(&t->c, 2);
	pci_config_interrupt(&t->c, 0);
	T_EQ(t->sent[2], 0);
	T_EQ(rd(t, PCI_MSI_PENDING, 4), 5);
	wr(t, PCI_MSI_MASK, 0xb, 4);
	T_EQ(t->sent[2], 1);
	T_EQ(t->sent[0], 0);
	T_EQ(rd(t, PCI_MSI_PENDING, 4), 1);
	wr(t, PCI_MSI_PENDING, 0, 4); /* read only */
	T_EQ(rd(t, PCI_MSI_PENDING, 4), 1);
	end(t);
}

static void a_message_that_could_not_be_sent_is_sent_later(void)
{
	struct told *t = open_pf();

	wr(t, PCI_MSI_CONTROL, 0x1a1, 2);
	t->deaf = true;
	pci_config_interrupt(&t->c, 1);
	T_EQ(rd(t, PCI_MSI_PENDING, 4), 2);
	t->deaf = false;
	pci_config_retry(&t->c);
	T_EQ(t->sent[1], 1);
	T_EQ(rd(t, PCI_MSI_PENDING, 4), 0);
	end(t);
}

static void fewer_messages_are_shared(void)
{
	static const struct {
		uint32_t control;
		unsigned int to[PCI_MSI_MAX];
	} rows[] = {
		{ 0x181, { 0, 0, 0, 0 } },
		{ 0x191, { 0, 1, 0, 1 } },
		{ 0x1a1, { 0, 1, 2, 3 } },
		{ 0x1f1, { 0, 1, 2, 3 } }, /* more than there are */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned int v = 0; v < PCI_MSI_MAX; v++) {
			struct told *t = open_pf();

			wr(t, PCI_MSI_CONTROL, rows[i].control, 2);
			pci_config_interrupt(&t->c, v);
			T_EQ(t->sent[rows[i].to[v]], 1);
			end(t);
		}
}

static void without_msi_nothing_is_sent_then_or_later(void)
{
	struct told *t = open_pf();

	pci_config_interrupt(&t->c, 0);
	wr(t, PCI_MSI_CONTROL, 0x1a1, 2);
	T_EQ(t->sent[0], 0);
	end(t);
}

static void bus_mastering_follows_command_and_power(void)
{
	struct told *t = open_pf();

	wr(t, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	T_EQ(t->masters, 0);
	wr(t, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	wr(t, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	T_EQ(t->masters, 1);
	T_OK(t->master && pci_config_memory(&t->c));
	wr(t, PCI_PM_CONTROL, 3, 2);
	T_OK(!t->master && !pci_config_memory(&t->c));
	wr(t, PCI_PM_CONTROL, 0, 1);
	T_OK(t->master && pci_config_memory(&t->c));
	pci_config_reset(&t->c);
	T_OK(!t->master && !pci_config_memory(&t->c));
	end(t);
}

static void states_that_are_not_there_are_not_entered(void)
{
	struct told *t = open_pf();

	for (uint32_t state = 1; state <= 2; state++) {
		wr(t, PCI_PM_CONTROL, state, 2);
		T_EQ(rd(t, PCI_PM_CONTROL, 2) & 3, 0);
		wr(t, PCI_PM_CONTROL, 3, 2);
		wr(t, PCI_PM_CONTROL, state, 2);
		T_EQ(rd(t, PCI_PM_CONTROL, 2) & 3, 3);
		wr(t, PCI_PM_CONTROL, 0, 2);
	}
	end(t);
}

static void flr_resets_configuration_then_the_function(void)
{
	struct told *t = open_pf();

	wr(t, PCI_COMMAND, 6, 2);
	wr(t, PCI_MSI_CONTROL, 0x1a1, 2);
	wr(t, PCI_EXP_DEVCTL, PCI_DEVCTL_FLR | 0x2810, 2);
	T_EQ(t->resets, 1);
	T_EQ(t->command_at_reset, 0);
	T_EQ(rd(t, PCI_MSI_CONTROL, 2), 0x184);
	T_EQ(rd(t, PCI_EXP_DEVCTL, 2) & PCI_DEVCTL_FLR, 0);
	wr(t, PCI_EXP_DEVCTL + 1, 0x80, 1); /* the byte alone */
	T_EQ(t->resets, 2);
	wr(t, PCI_EXP_DEVCTL, 0x80, 1); /* another bit */
	T_EQ(t->resets, 2);
	end(t);
}

static void what_is_outside_reads_zero_and_stays(void)
{
	static const uint64_t places[] = { 0x100,	   0xfff,
					   0x1000,	   1ull << 32,
					   UINT64_MAX - 1, UINT64_MAX };
	struct told *t = open_pf();

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		wr(t, places[i], 0xffffffff, 4);
		T_EQ(rd(t, places[i], 4), 0);
	}
	T_EQ(rd(t, 0xfe, 4), 0);
	T_EQ(rd(t, PCI_VENDOR, 4), 0xa25819e5);
	T_EQ(rd(t, PCI_COMMAND, 2), 0);
	end(t);
}

T_MAIN(T_CASE(each_function_has_its_identity),
       T_CASE(doorbells_of_any_number_of_queues_fit),
       T_CASE(bars_take_no_bit_below_their_size),
       T_CASE(masked_messages_wait_and_come_once),
       T_CASE(a_message_that_could_not_be_sent_is_sent_later),
       T_CASE(fewer_messages_are_shared),
       T_CASE(without_msi_nothing_is_sent_then_or_later),
       T_CASE(bus_mastering_follows_command_and_power),
       T_CASE(states_that_are_not_there_are_not_entered),
       T_CASE(flr_resets_configuration_then_the_function),
       T_CASE(what_is_outside_reads_zero_and_stays))
