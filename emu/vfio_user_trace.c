/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>

#include "base/wd_base.h"
#include "emu/vfio_user.h"

#define NS_PER_US 1000u
#define US_PER_S  1000000u

void vfio_user_trace_init(struct vfio_user_trace *t, FILE *file)
{
	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	t->file = file;
	t->start = wd_now_ns();
}

/* Polling loops would drown the rest. */
static void trace_flush(struct vfio_user_trace *t, uint64_t us)
{
	if (t->repeated)
		fprintf(t->file,
			"%2llu.%06llu     (last access repeated %u more "
			"times)\n",
			(unsigned long long)(us / US_PER_S),
			(unsigned long long)(us % US_PER_S), t->repeated);
	t->repeated = 0;
}

void vfio_user_say(struct vfio_user_trace *t, const char *fmt, ...)
{
	char line[sizeof(t->last)];
	va_list ap;
	uint64_t us;

	if (!t->file)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&t->lock);
	us = (wd_now_ns() - t->start) / NS_PER_US;
	if (!strcmp(line, t->last)) {
		t->repeated++;
	} else {
		trace_flush(t, us);
		fprintf(t->file, "%2llu.%06llu %s\n",
			(unsigned long long)(us / US_PER_S),
			(unsigned long long)(us % US_PER_S), line);
		memcpy(t->last, line, sizeof(line));
	}
	pthread_mutex_unlock(&t->lock);
}

void vfio_user_trace_fini(struct vfio_user_trace *t)
{
	if (t->file) {
		trace_flush(t, (wd_now_ns() - t->start) / NS_PER_US);
		fflush(t->file);
	}
	pthread_mutex_destroy(&t->lock);
}
