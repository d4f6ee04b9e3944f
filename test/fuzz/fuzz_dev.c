/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_dev - descriptors and scatter lists for a device that is up. */
#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A scatter list somewhere, its entries brought near guest memory. */
static void put_list(struct vfio_user *u, struct fuzz_input *in)
{
	uint64_t list[8 + 4 * 8]; /* head of 64 bytes, entries of 32 */
	uint64_t off = fuzz_take(in, 3) % FUZZ_SIZE;
	uint8_t fix = (uint8_t)fuzz_take(in, 1);

	if (fix & 1)
		off = FUZZ_LIST;
	fuzz_bytes(in, list, sizeof(list));
	if (fix & 2)
		list[0] = FUZZ_BASE + list[0] % FUZZ_SIZE / 64 * 64;
	for (size_t i = 0; i < 16; i++)
		if (fix & 4)
			list[8 + 2 * i] = FUZZ_BASE +
					  list[8 + 2 * i] % (FUZZ_SIZE + 4096u);
	fuzz_poke(u, off, list, sizeof(list));
}

static void put_data(struct vfio_user *u, struct fuzz_input *in)
{
	uint8_t data[256];
	uint64_t off = fuzz_take(in, 3) % FUZZ_SIZE;

	fuzz_poke(u, off, data, fuzz_bytes(in, data, fuzz_take(in, 1) + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct vfio_user *u = fuzz_open(&in);

	fuzz_start(u);
	while (in.left) {
		switch (fuzz_take(&in, 1) % 4) {
		case 0:
			put_list(u, &in);
			break;
		case 1:
			put_data(u, &in);
			break;
		default:
			fuzz_descriptor(u, &in);
			fuzz_work(u);
		}
	}
	fuzz_close(u);
	return 0;
}
