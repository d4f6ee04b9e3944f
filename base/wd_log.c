/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wd_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest line, and small enough for one atomic write to a pipe. */
#define WD_LOG_LINE 512

/* Set once at load, read by any thread: the process's one log. */
static struct {
	_Atomic int fd;
	_Atomic int level;
	_Atomic uint64_t dev, ino; /* of a file of ours */
} wd_log_sink = { .fd = -1, .level = WD_LOG_NONE };

void wd_log_to(int fd, enum wd_log_level level)
{
	struct stat st;

	if (fd > STDERR_FILENO && !fstat(fd, &st)) {
		atomic_store(&wd_log_sink.dev, st.st_dev);
		atomic_store(&wd_log_sink.ino, st.st_ino);
	}
	atomic_store(&wd_log_sink.fd, fd);
	atomic_store(&wd_log_sink.level, (int)level);
}

enum wd_log_level wd_log_level(void)
{
	return (enum wd_log_level)atomic_load_explicit(&wd_log_sink.level,
						       memory_order_relaxed);
}

/* Daemons close descriptors they do not know, and numbers are used again: a
 * line of ours may not end up in somebody's connection.  Standard error is
 * where the application says it is now. */
static bool log_is_ours(int fd, const struct stat *st)
{
	return fd <= STDERR_FILENO ||
	       (st->st_dev == atomic_load(&wd_log_sink.dev) &&
		st->st_ino == atomic_load(&wd_log_sink.ino));
}

/*
 * Growing a file beyond the limit is a deadly signal, not an error.  sshd's
 * sandbox sets that limit to 0 and kills who asks for it, but only refuses
 * fstat(): hence the order.
 */
static bool log_fits(int fd, size_t n)
{
	struct rlimit limit;
	struct stat st;

	if (fstat(fd, &st) || !log_is_ours(fd, &st))
		return false;
	return !S_ISREG(st.st_mode) ||
	       (!getrlimit(RLIMIT_FSIZE, &limit) &&
		(rlim_t)st.st_size + n <= limit.rlim_cur);
}

void wd_log(enum wd_log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "", "error", "warning", "info",
					     "debug" };
	char line[WD_LOG_LINE];
	int fd = atomic_load_explicit(&wd_log_sink.fd, memory_order_relaxed);
	int n, k, was = errno;
	va_list ap;

	if (fd < 0 || level > wd_log_level())
		return;
	n = snprintf(line, sizeof(line), "wd[%d] %s: ", (int)getpid(),
		     names[level]);
	va_start(ap, fmt);
	k = vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	if (k < 0)
		return;
	n += k;
	if (n > (int)sizeof(line) - 1)
		n = (int)sizeof(line) - 1;
	line[n++] = '\n';
	/* A full disk or closed pipe must not disturb the application. */
	if (!log_fits(fd, (size_t)n) || write(fd, line, (size_t)n) < 0)
		errno = was;
}
