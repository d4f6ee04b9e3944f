/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wd_log.h - what wd has to tell an administrator.
 *
 * A library inside somebody else's process: it never calls openlog(), never
 * writes to stdout, and is silent unless asked.  The configuration key `log`
 * says where lines go and from which level on; it is read once, at load.
 * Lines never hold keys, plaintext or addresses of either.
 *
 * Any thread may log.  A line is one write(2) of at most 512 bytes, so lines
 * of several threads and processes do not mix.
 */
#ifndef WD_LOG_H
#define WD_LOG_H

enum wd_log_level {
	WD_LOG_NONE,
	WD_LOG_ERR,  /* something was lost or refused */
	WD_LOG_WARN, /* served, but not as configured */
	WD_LOG_INFO, /* devices found, queues opened */
	WD_LOG_DEBUG,
};

/* Lines above @level are dropped.  @fd stays the caller's; -1 drops all. */
void wd_log_to(int fd, enum wd_log_level level);

enum wd_log_level wd_log_level(void);

void wd_log(enum wd_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define wd_err(...)   wd_log(WD_LOG_ERR, __VA_ARGS__)
#define wd_warn(...)  wd_log(WD_LOG_WARN, __VA_ARGS__)
#define wd_info(...)  wd_log(WD_LOG_INFO, __VA_ARGS__)
#define wd_debug(...) wd_log(WD_LOG_DEBUG, __VA_ARGS__)

#endif
