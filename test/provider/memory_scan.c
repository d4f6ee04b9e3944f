/* SPDX-License-Identifier: Apache-2.0 */
#include "test/provider/memory_scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRIES 300

void needle_take(struct needle *n, const uint8_t secret[NEEDLE])
{
	for (int i = 0; i < NEEDLE; i++)
		((uint8_t *)n->inverted)[i] = (uint8_t)~secret[i];
}

static unsigned int count_in(const struct needle *n, const uint8_t *p,
			     const uint8_t *end)
{
	const uint8_t first = (uint8_t) ~((const uint8_t *)n->inverted)[0];
	unsigned int found = 0;
	uint64_t w[NEEDLE / 8];

	for (; end - p >= NEEDLE; p++) {
		p = memchr(p, first, (size_t)(end - p) - (NEEDLE - 1));
		if (!p)
			break;
		/* Only pieces of it ever lie here, inverted. */
		for (int i = 0; i < NEEDLE / 8; i++) {
			memcpy(&w[i], p + 8 * i, 8);
			w[i] ^= n->inverted[i];
		}
		found += !~w[0] && !~w[1];
	}
	return found;
}

/* Line by line, into a buffer of our own: stdio's would move the heap. */
static bool next_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, &line[n], 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	return n > 0;
}

unsigned int needle_count(const struct needle *n)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	unsigned int found = 0;
	unsigned long from, to;
	char line[512], mode[5];

	while (next_line(fd, line, sizeof(line)))
		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) == 3 &&
		    !strncmp(mode, "rw", 2))
			found += count_in(n, (const uint8_t *)from,
					  (const uint8_t *)to);
	close(fd);
	return found;
}

bool needle_goes(const struct needle *n)
{
	const struct timespec moment = { .tv_nsec = 10000000 };

	for (int i = 0; i < TRIES; i++) {
		if (!needle_count(n))
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}
