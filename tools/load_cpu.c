/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_cpu.c - CPU time of a server.
 *
 * schedstat's first field is the ns a thread has been on a CPU: finer than the
 * ticks of /proc/PID/stat, and by thread, so that a device model that lives in
 * the server can be told from the server.  Threads that have ended are not in
 * it; servers keep theirs.
 */
#include "tools/load.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL "wd-emu" /* how the threads of the model are called */

static int read_task(const char *task, const char *name, char *buf, int size)
{
	char path[64];
	FILE *f;
	int rc = 0;

	snprintf(path, sizeof(path), "%.40s/%s", task, name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (!fgets(buf, size, f)) {
		buf[0] = '\0';
		rc = ferror(f) ? -EIO : 0;
	}
	fclose(f);
	return rc;
}

static int add_process(int pid, struct load_cpu *cpu, bool with_children);

static void add_children(const char *task, struct load_cpu *cpu)
{
	char line[4096], *at = line, *end;
	long pid;

	if (read_task(task, "children", line, sizeof(line)))
		return;
	for (; (pid = strtol(at, &end, 10)) > 0 && end > at; at = end)
		add_process((int)pid, cpu, false);
}

static void add_task(const char *task, struct load_cpu *cpu)
{
	char comm[64], line[128];
	uint64_t ns;

	/* A thread that ends meanwhile has no time any more. */
	if (read_task(task, "comm", comm, sizeof(comm)) ||
	    read_task(task, "schedstat", line, sizeof(line)))
		return;
	if (sscanf(line, "%" SCNu64, &ns) != 1)
		return;
	if (!strncmp(comm, MODEL, strlen(MODEL)))
		cpu->model += ns;
	else
		cpu->host += ns;
}

static int add_process(int pid, struct load_cpu *cpu, bool with_children)
{
	char path[64], task[64];
	const struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return -ESRCH;
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(task, sizeof(task), "%.30s/%.12s", path, e->d_name);
		add_task(task, cpu);
		if (with_children)
			add_children(task, cpu);
	}
	closedir(dir);
	return 0;
}

int load_cpu_read(const int *pids, unsigned int n, struct load_cpu *cpu)
{
	unsigned int i;
	int rc;

	cpu->host = cpu->model = 0;
	for (i = 0; i < n; i++) {
		rc = add_process(pids[i], cpu, true);
		if (rc)
			return rc;
	}
	return 0;
}
