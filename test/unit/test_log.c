/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where lines of the log go, and where they must not.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/wd_log.h"
#include "test/t.h"

static char path[32];

static int log_file(void)
{
	int fd;

	strcpy(path, "/tmp/wd-log-XXXXXX");
	fd = mkstemp(path);
	T_OK(fd > STDERR_FILENO);
	unlink(path);
	wd_log_to(fd, WD_LOG_INFO);
	return fd;
}

static void a_line_names_process_and_level(void)
{
	char text[512] = "", want[64];
	int fd = log_file();

	wd_info("%d apples", 3);
	wd_debug("not asked for");
	snprintf(want, sizeof(want), "wd[%d] info: 3 apples\n", (int)getpid());
	T_OK(pread(fd, text, sizeof(text) - 1, 0) > 0);
	T_STR(text, want);
	wd_log_to(-1, WD_LOG_NONE);
	close(fd);
}

/* As a daemon does that closes all it does not know, and then accepts. */
static void a_number_used_again_is_not_written_to(void)
{
	int fd = log_file(), pair[2], said = 0;
	char c;

	close(fd);
	T_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	T_EQ(dup2(pair[0], fd), fd);
	wd_err("into somebody's connection");
	said = (int)recv(pair[1], &c, 1, MSG_DONTWAIT);
	T_EQ(said, -1);
	wd_log_to(-1, WD_LOG_NONE);
	if (fd != pair[0] && fd != pair[1])
		close(fd);
	close(pair[0]);
	close(pair[1]);
}

/* It is the application's, and moved by it: to its own log, say. */
static void standard_error_may_become_another(void)
{
	int was = dup(STDERR_FILENO), pipes[2];
	char c = 0;

	wd_log_to(STDERR_FILENO, WD_LOG_INFO);
	T_EQ(pipe(pipes), 0);
	T_EQ(dup2(pipes[1], STDERR_FILENO), STDERR_FILENO);
	wd_info("hello");
	dup2(was, STDERR_FILENO);
	wd_log_to(-1, WD_LOG_NONE);
	T_EQ(read(pipes[0], &c, 1), 1);
	T_EQ(c, 'w');
	close(was);
	close(pipes[0]);
	close(pipes[1]);
}

T_MAIN(T_CASE(a_line_names_process_and_level),
       T_CASE(a_number_used_again_is_not_written_to),
       T_CASE(standard_error_may_become_another))
