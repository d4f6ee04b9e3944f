/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model daemon and its processes: as many as there are queues and one more,
 * forked, in a chroot without /proc, as another user; the daemon killed under
 * load, and clients.  Every signature is compared with the default provider's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>

#include "test/stress/evp_async.h"
#include "test/t.h"
#include "uacce/uacce_unix_wire.h"

T_FIBRE_LEAKS

#define QUEUES	    1024
#define JOBS	    16
#define NOBODY	    65534
#define PATIENCE_MS 30000

/* --- the daemon ---------------------------------------------------------- */

struct daemon {
	pid_t pid;
	char dir[64], path[80], device[96];
	const char *args[8];
};

static int daemon_connect(const struct daemon *d)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, d->path, sizeof(d->path));
	if (!connect(s, (struct sockaddr *)&a, sizeof(a)))
		return s;
	close(s);
	return -1;
}

/* Free queues of its first device; -1: it does not answer. */
static int daemon_free(const struct daemon *d)
{
	const struct uacce_unix_request ask = { .magic = UACCE_UNIX_MAGIC,
						.op = UACCE_UNIX_LIST };
	struct uacce_unix_list l;
	int s = daemon_connect(d), n = -1;

	if (s < 0)
		return -1;
	if (send(s, &ask, sizeof(ask), MSG_NOSIGNAL) > 0 &&
	    recv(s, &l, sizeof(l), 0) > (ssize_t)sizeof(l.answer))
		n = l.device[0].available;
	close(s);
	return n;
}

/* Until so many are free. */
static void daemon_await(const struct daemon *d, int n)
{
	for (int i = 0; i < PATIENCE_MS && daemon_free(d) != n; i++)
		usleep(1000);
	T_EQ(daemon_free(d), n);
}

static void daemon_run(struct daemon *d)
{
	const char *argv[16] = { WD_EMU,     "--listen", d->path,
				 "--device", "hpre",	 "--mode",
				 "666",	     "--stats",	 "/dev/null" };

	for (int i = 0; i < 6 && d->args[i]; i++)
		argv[9 + i] = d->args[i];
	d->pid = fork();
	if (!d->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(argv[0], (char **)argv);
		_exit(127);
	}
	for (int i = 0; i < PATIENCE_MS && daemon_free(d) < 0; i++)
		usleep(1000);
	T_OK(daemon_free(d) > 0);
}

static void daemon_start(struct daemon *d)
{
	strcpy(d->dir, "/tmp/wd-daemon-XXXXXX");
	T_OK(mkdtemp(d->dir));
	T_EQ(chmod(d->dir, 0711), 0);
	snprintf(d->path, sizeof(d->path), "%s/s", d->dir);
	snprintf(d->device, sizeof(d->device), "unix:%s", d->path);
	daemon_run(d);
}

static void daemon_kill(struct daemon *d)
{
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
}

static void daemon_end(struct daemon *d)
{
	int status;

	T_EQ(kill(d->pid, SIGTERM), 0);
	T_EQ(waitpid(d->pid, &status, 0), d->pid);
	T_EQ(status, 0);
	unlink(d->path);
	rmdir(d->dir);
}

/* How often a line of the daemon's /proc/PID/@file has @word in it. */
static unsigned int daemon_lines(const struct daemon *d, const char *file,
				 const char *word)
{
	char path[64], line[512];
	unsigned int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)d->pid, file);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, word) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* Queues whose memory the daemon has. */
static unsigned int daemon_memories(const struct daemon *d)
{
	return daemon_lines(d, "maps", "wd-emu-queue");
}

/* --- children ------------------------------------------------------------ */

static int ended(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

static void leave(void)
{
	_exit(atomic_load(&t_failures) ? 1 : 0);
}

static long jobs_done(const struct wd_env *e)
{
	return wd_env_stat(e, "rsa-private", "jobs");
}

static long in_software(const struct wd_env *e)
{
	return wd_env_stat(e, "rsa-private", "software");
}

/* --- more processes than queues ------------------------------------------ */

/* One signature on a queue of its own, and then it keeps the queue. */
static void hold(struct wd_env *e, int say, int until)
{
	char c = 'n';

	if (wd_sign_sync(e) && jobs_done(e) == 1 && !in_software(e))
		c = 'y';
	if (write(say, &c, 1) == 1)
		while (read(until, &c, 1) < 0)
			;
	_exit(0);
}

static void gets_software(struct wd_env *e)
{
	pid_t pid = fork();

	if (!pid) {
		t_unwind = NULL;
		T_OK(wd_sign_sync(e));
		T_EQ(jobs_done(e), 0);
		T_EQ(in_software(e), 1);
		leave();
	}
	T_EQ(ended(pid), 0);
}

static bool sign_fails(struct wd_env *e)
{
	struct wd_sign s;
	int rc;

	ERR_clear_error();
	wd_sign_new(&s, e, false);
	rc = EVP_PKEY_sign(s.op, s.sig, &s.sig_len, e->digest, 32);
	wd_sign_drop(&s);
	return rc != 1;
}

static void gets_an_error(struct wd_env *strict)
{
	pid_t pid = fork();
	char text[512] = "";

	if (!pid) {
		t_unwind = NULL;
		T_OK(sign_fails(strict));
		ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
		T_OK(strstr(text, "no queue of the accelerator is free"));
		T_EQ(in_software(strict), 0);
		leave();
	}
	T_EQ(ended(pid), 0);
}

static void a_thousand_processes_and_one_more(void)
{
	struct daemon d = { 0 };
	struct wd_env e, strict;
	struct rlimit r;
	int say[2], until[2];
	unsigned int right = 0;
	static pid_t pid[QUEUES];
	char c;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_max < 4096) {
		puts("left out: "
		     "the daemon needs 4096 descriptors");
		return;
	}
	daemon_start(&d);
	wd_env_open(&e, d.device);
	setenv("WD_FALLBACK", "no", 1);
	wd_env_open(&strict, d.device);
	unsetenv("WD_FALLBACK");
	T_EQ(daemon_free(&d), QUEUES);
	T_EQ(pipe(say) | pipe(until), 0);
	for (int i = 0; i < QUEUES; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			t_unwind = NULL;
			close(until[1]);
			hold(&e, say[1], until[0]);
		}
		T_OK(pid[i] > 0);
	}
	for (int i = 0; i < QUEUES; i++) {
		T_EQ(read(say[0], &c, 1), 1);
		right += c == 'y';
	}
	T_EQ(right, QUEUES);
	T_EQ(daemon_free(&d), 0);
	T_EQ(daemon_memories(&d), QUEUES);
	gets_software(&e);
	gets_an_error(&strict);
	/* One goes, and the next has a queue again. */
	kill(pid[0], SIGKILL);
	ended(pid[0]);
	daemon_await(&d, 1);
	pid[0] = fork();
	if (!pid[0]) {
		close(until[1]);
		hold(&strict, say[1], until[0]);
	}
	T_EQ(read(say[0], &c, 1), 1);
	T_EQ(c, 'y');
	close(until[1]);
	for (int i = 0; i < QUEUES; i++)
		T_EQ(ended(pid[i]), 0);
	daemon_await(&d, QUEUES);
	T_EQ(daemon_memories(&d), 0);
	wd_env_close(&strict);
	wd_env_close(&e);
	daemon_end(&d);
}

/* --- asynchronous jobs, and forks ---------------------------------------- */

static void async_jobs_by_callback_and_descriptor(void)
{
	struct daemon d = { 0 };
	struct wd_sign s[2][JOBS];
	struct wd_env e;

	daemon_start(&d);
	wd_env_open(&e, d.device);
	for (int round = 0; round < 4; round++) {
		wd_signs_start(s[0], JOBS, &e, false);
		wd_signs_start(s[1], JOBS, &e, true);
		wd_signs_finish(s[1], JOBS);
		wd_signs_finish(s[0], JOBS);
	}
	T_EQ(jobs_done(&e), 4 * 2 * JOBS);
	T_EQ(in_software(&e), 0);
	wd_env_close(&e);
	daemon_end(&d);
}

static void a_fork_with_jobs_in_flight_disturbs_nobody(void)
{
	struct daemon d = { .args = { "--latency-us", "20000" } };
	struct wd_sign s[JOBS];
	struct wd_env e;
	pid_t pid;

	daemon_start(&d);
	wd_env_open(&e, d.device);
	wd_signs_start(s, JOBS, &e, false);
	T_EQ(daemon_free(&d), QUEUES - 1);
	pid = fork();
	if (!pid) {
		long before = jobs_done(&e);
		struct wd_sign own[JOBS];

		t_unwind = NULL;
		wd_signs_start(own, JOBS, &e, false);
		T_EQ(daemon_free(&d), QUEUES - 2);
		wd_signs_finish(own, JOBS);
		T_EQ(jobs_done(&e) - before, JOBS);
		wd_signs_finish(s, JOBS); /* the parent's: in software, here */
		leave();
	}
	wd_signs_finish(s, JOBS);
	T_EQ(jobs_done(&e), JOBS);
	T_EQ(in_software(&e), 0);
	T_EQ(ended(pid), 0);
	daemon_await(&d, QUEUES - 1);
	wd_signs_start(s, JOBS, &e, true);
	wd_signs_finish(s, JOBS);
	T_EQ(jobs_done(&e), 2 * JOBS);
	T_EQ(in_software(&e), 0);
	wd_env_close(&e);
	daemon_await(&d, QUEUES);
	daemon_end(&d);
}

/* --- as servers start ---------------------------------------------------- */

/* As HAProxy: loaded by root, then locked in an empty directory, as nobody,
 * without /proc, new threads or processes. */
static void lock_in(const struct daemon *d)
{
	const struct rlimit none = { 0, 0 };
	char cell[96];

	snprintf(cell, sizeof(cell), "%s/cell", d->dir);
	T_EQ(mkdir(cell, 0755), 0);
	T_EQ(chroot(cell), 0);
	T_EQ(chdir("/"), 0);
	T_EQ(setgid(NOBODY) | setuid(NOBODY), 0);
	T_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
}

static void remove_cell(const struct daemon *d)
{
	char cell[96];

	snprintf(cell, sizeof(cell), "%s/cell", d->dir);
	rmdir(cell);
}

static void in_a_chroot_without_proc_as_nobody(void)
{
	struct daemon d = { 0 };
	struct wd_sign s[JOBS];
	struct wd_env e;
	pid_t pid;

	if (getuid()) {
		puts("left out: "
		     "chroot() is root's");
		return;
	}
	daemon_start(&d);
	wd_env_open(&e, d.device);
	pid = fork();
	if (!pid) {
		t_unwind = NULL;
		lock_in(&d);
		T_OK(wd_sign_sync(&e));
		for (int i = 0; i < 2; i++) {
			wd_signs_start(s, JOBS, &e, i);
			wd_signs_finish(s, JOBS);
		}
		T_EQ(jobs_done(&e), 1 + 2 * JOBS);
		T_EQ(in_software(&e), 0);
		/* Where it was, and not where the socket is. */
		T_EQ(access("s", F_OK), -1);
		leave();
	}
	T_EQ(ended(pid), 0);
	wd_env_close(&e);
	remove_cell(&d);
	daemon_end(&d);
}

static void a_socket_of_roots_is_not_for_nobody(void)
{
	struct daemon d = { .args = { "--mode", "600" } };
	struct wd_env e;
	pid_t pid;

	if (getuid()) {
		puts("left out: "
		     "setuid() is root's");
		return;
	}
	daemon_start(&d);
	wd_env_open(&e, d.device);
	for (int locked = 0; locked < 2; locked++) {
		pid = fork();
		if (!pid) {
			t_unwind = NULL;
			if (locked)
				lock_in(&d);
			else
				T_EQ(setuid(NOBODY), 0);
			T_OK(wd_sign_sync(&e));
			T_EQ(jobs_done(&e), 0);
			T_EQ(in_software(&e), 1);
			leave();
		}
		T_EQ(ended(pid), 0);
	}
	T_OK(wd_sign_sync(&e)); /* root itself */
	T_EQ(jobs_done(&e), 1);
	wd_env_close(&e);
	remove_cell(&d);
	daemon_end(&d);
}

/* --- ends ---------------------------------------------------------------- */

struct load {
	struct wd_env *e;
	atomic_bool end;
	atomic_long right, wrong;
};

static void *load_thread(void *arg)
{
	struct load *l = arg;

	while (!atomic_load(&l->end))
		atomic_fetch_add(wd_sign_sync(l->e) ? &l->right : &l->wrong, 1);
	return NULL;
}

/* Until @count has grown by @n. */
static void await_more(long (*count)(const struct wd_env *e),
		       const struct wd_env *e, long n)
{
	long from = count(e);

	for (int i = 0; i < PATIENCE_MS && count(e) < from + n; i++)
		usleep(1000);
	T_OK(count(e) >= from + n);
}

static void a_daemon_killed_and_restarted_under_load(void)
{
	struct daemon d = { 0 };
	struct wd_sign s[2][JOBS];
	pthread_t thread[3];
	struct load l = { 0 };
	struct wd_env e;

	daemon_start(&d);
	wd_env_open(&e, d.device);
	l.e = &e;
	for (int i = 0; i < 3; i++)
		T_EQ(pthread_create(&thread[i], NULL, load_thread, &l), 0);
	for (int round = 0; round < 2; round++) {
		await_more(jobs_done, &e, 20);
		wd_signs_start(s[0], JOBS, &e, false);
		wd_signs_start(s[1], JOBS, &e, true);
		daemon_kill(&d);
		wd_signs_finish(s[0], JOBS);
		wd_signs_finish(s[1], JOBS);
		await_more(in_software, &e, 20);
		daemon_run(&d);
		await_more(jobs_done, &e, 20);
	}
	atomic_store(&l.end, true);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	T_EQ(atomic_load(&l.wrong), 0);
	T_OK(atomic_load(&l.right) > 80);
	wd_env_close(&e);
	daemon_await(&d, QUEUES);
	daemon_end(&d);
}

/* With jobs in flight, until it is killed. */
static void work_for_ever(struct wd_env *e, int say)
{
	struct wd_sign s[JOBS];

	wd_signs_start(s, JOBS, e, false);
	if (write(say, "", 1) == 1)
		pause();
	_exit(1);
}

static void a_killed_client_is_missed_by_nobody(void)
{
	struct daemon d = { .args = { "--latency-us", "50000" } };
	struct wd_sign s[JOBS];
	struct wd_env e;
	pid_t pid[8];
	int say[2];
	char c;

	daemon_start(&d);
	wd_env_open(&e, d.device);
	wd_signs_start(s, JOBS, &e, false);
	wd_signs_finish(s, JOBS);
	T_EQ(pipe(say), 0);
	daemon_await(&d, QUEUES - 1);
	wd_signs_start(s, JOBS, &e, false);
	for (int i = 0; i < 8; i++) {
		pid[i] = fork();
		if (!pid[i])
			work_for_ever(&e, say[1]);
		T_EQ(read(say[0], &c, 1), 1);
	}
	T_EQ(daemon_memories(&d), 9);
	for (int i = 0; i < 8; i++)
		kill(pid[i], SIGKILL);
	for (int i = 0; i < 8; i++)
		ended(pid[i]);
	daemon_await(&d, QUEUES - 1);
	T_EQ(daemon_memories(&d), 1);
	wd_signs_finish(s, JOBS);
	wd_signs_start(s, JOBS, &e, true);
	wd_signs_finish(s, JOBS);
	T_EQ(jobs_done(&e), 3 * JOBS);
	T_EQ(in_software(&e), 0);
	wd_env_close(&e);
	daemon_end(&d);
}

T_MAIN(T_CASE(a_thousand_processes_and_one_more),
       T_CASE(async_jobs_by_callback_and_descriptor),
       T_CASE(a_fork_with_jobs_in_flight_disturbs_nobody),
       T_CASE(in_a_chroot_without_proc_as_nobody),
       T_CASE(a_socket_of_roots_is_not_for_nobody),
       T_CASE(a_daemon_killed_and_restarted_under_load),
       T_CASE(a_killed_client_is_missed_by_nobody))
