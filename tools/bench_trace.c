/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench_trace.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "tools/bench_core.h"

/* A question for the group of a process that can't exist: harmless. */
#define MARK_CALL  SYS_getpgid
#define MARK_BEGIN 0x77640001
#define MARK_END   0x77640002

#define TASKS_MAX 256
#define OPTIONS                                                                \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)

struct trace {
	pid_t main;
	bool counting;
	uint64_t calls[TASKS_MAX];
	pid_t task[TASKS_MAX];
	unsigned int tasks;
};

bool bench_trace_me(void)
{
	return !ptrace(PTRACE_TRACEME, 0, 0, 0) && !raise(SIGSTOP);
}

void bench_trace_mark(bool end)
{
	syscall(MARK_CALL, end ? MARK_END : MARK_BEGIN);
}

static void count(struct trace *t, pid_t task)
{
	unsigned int i;

	for (i = 0; i < t->tasks && t->task[i] != task; i++)
		;
	if (i == TASKS_MAX)
		return;
	if (i == t->tasks)
		t->task[t->tasks++] = task;
	t->calls[i]++;
}

static void entered(struct trace *t, pid_t task)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	if (info.entry.nr == MARK_CALL && info.entry.args[0] == MARK_BEGIN)
		t->counting = true;
	else if (info.entry.nr == MARK_CALL && info.entry.args[0] == MARK_END)
		t->counting = false;
	else if (t->counting && task != t->main &&
		 info.entry.nr != SYS_clock_gettime)
		count(t, task);
}

/* Return: the signal to give the task on its way. */
static int stopped(struct trace *t, pid_t task, int status)
{
	int sig = WSTOPSIG(status);

	if (sig == (SIGTRAP | 0x80)) {
		entered(t, task);
		return 0;
	}
	/* SIGTRAP: a clone() has been; SIGSTOP: a new thread begins. */
	return sig == SIGTRAP || sig == SIGSTOP ? 0 : sig;
}

static uint64_t sum(const struct trace *t, const bool *model)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < t->tasks; i++)
		n += model[i] ? 0 : t->calls[i];
	return n;
}

int bench_trace_count(pid_t pid, uint64_t *calls)
{
	struct trace t = { .main = pid };
	bool model[TASKS_MAX] = { false };
	unsigned int known = 0;
	int status;
	pid_t task;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -ECHILD;
	if (ptrace(PTRACE_SETOPTIONS, pid, 0, OPTIONS) ||
	    ptrace(PTRACE_SYSCALL, pid, 0, 0))
		return -errno;
	while ((task = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			ptrace(PTRACE_SYSCALL, task, 0,
			       stopped(&t, task, status));
		else if (task == pid)
			break;
		/* Threads are named by when they first do something. */
		for (; known < t.tasks; known++)
			model[known] = bench_is_model(pid, t.task[known]);
	}
	*calls = sum(&t, model);
	return 0;
}
