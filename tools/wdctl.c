/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdctl - what an operator asks wd: which devices are there, what did the
 * processes do with them, from which size on are they worth it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/wd_log.h"
#include "emu/emu_host.h"
#include "offload/stats_file.h"
#include "tools/calibrate.h"
#include "uacce/uacce.h"

/* Devices one machine can show: 4 chips with 3 functions and 63 VFs each. */
#define DEVICES_MAX 1024

static const char usage_text[] =
	"usage: wdctl list [--device emu[:OPTIONS]]\n"
	"       wdctl stats [-j|--json] DIR|FILE...\n"
	"       wdctl calibrate [--device DEVICE] [-o FILE] [--ms N]\n"
	"\n"
	"list    devices of this machine (or of the model), free queues, and "
	"why\n"
	"        a device can't be used\n"
	"stats   counters of the processes that use wd: DIR is what the key\n"
	"        `stats` of the provider names, FILE one wd.PID in it\n"
	"calibrate\n"
	"        measure from how many bytes on the device is faster than one\n"
	"        core, and write that as lines of configuration\n"
	"\n"
	"  -o, --output FILE  for the lines, instead of standard output\n"
	"  --ms N          spend N ms on each figure, three times; default 5\n"
	"  -j, --json      machine-readable\n"
	"  -h, --help      this text\n"
	"  -V, --version   version\n";

static int usage(FILE *to, int rc)
{
	fputs(usage_text, to);
	return rc;
}

/* ---- list ---------------------------------------------------------------- */

static int host_open(struct uacce_host **host, const char *device)
{
	char why[256];
	struct emu_host_options options;
	int rc;

	if (!device)
		return uacce_kernel_host(host, "/dev", "/sys/class/uacce");
	if (!strncmp(device, "unix:", 5) && !uacce_unix_host(host, device + 5))
		return 0;
	if (strncmp(device, "emu", 3) || (device[3] && device[3] != ':')) {
		fprintf(stderr,
			"wdctl: --device %s: emu, emu:OPTIONS or unix:PATH\n",
			device);
		return -EINVAL;
	}
	rc = emu_host_parse(&options, device[3] ? device + 4 : "", why,
			    sizeof(why));
	if (rc) {
		fprintf(stderr, "wdctl: --device: %s\n", why);
		return rc;
	}
	return emu_host_new(host, &options);
}

static void list_one(const struct uacce_info *info, bool model)
{
	char why[256] = "usable";
	char algorithms[sizeof(info->algorithms)];

	snprintf(algorithms, sizeof(algorithms), "%s", info->algorithms);
	for (char *c = algorithms; *c; c++)
		if (*c == '\n')
			*c = c[1] ? ' ' : '\0';
	uacce_usable(info, why, sizeof(why));
	printf("%-16s %-5s qm v%u %-6s %5d free  numa %-3d %s: %s\n",
	       info->name, uacce_engine_name(info->engine), info->qm_version,
	       info->flags & UACCE_FLAG_SVA ? "sva" : "no sva", info->available,
	       info->numa_node, model ? "MODEL" : "device", why);
	printf("%16s %s\n", "", algorithms);
}

static int list(const char *device)
{
	struct uacce_host *host;
	struct uacce_info *info = calloc(DEVICES_MAX, sizeof(*info));
	int n, rc;

	if (!info)
		return 1;
	rc = host_open(&host, device);
	if (rc) {
		free(info);
		return 1;
	}
	n = host->ops->list(host, info, DEVICES_MAX);
	for (int i = 0; i < n && i < DEVICES_MAX; i++)
		list_one(&info[i], host->model);
	if (n < 0)
		fprintf(stderr, "wdctl: devices can't be listed: %s\n",
			strerror(-n));
	else if (!n)
		puts("no accelerators: /sys/class/uacce has no hisi_* device "
		     "(drivers loaded with uacce_mode=1?)");
	host->ops->free(host);
	free(info);
	return n < 0;
}

/* ---- stats ---------------------------------------------------------------- */

struct sums {
	struct offload_stats all;
	unsigned int processes;
	bool json, model;
};

static void sums_add(struct offload_stats *sum,
		     const struct offload_stats *more)
{
	uint64_t *a = (uint64_t *)sum;
	const uint64_t *b = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*a); i++)
		a[i] += b[i];
}

static void json_stats(const struct offload_stats *s)
{
	for (int k = 0; k < OFFLOAD_KINDS; k++) {
		const struct offload_kind_stats *c = &s->kind[k];

		printf("\"%s\":{\"jobs\":%" PRIu64 ",\"bytes\":%" PRIu64
		       ",\"async\":%" PRIu64 ",\"done\":%" PRIu64
		       ",\"errors\":%" PRIu64 ",\"timeouts\":%" PRIu64
		       ",\"software\":%" PRIu64 ",\"wrong\":%" PRIu64 "},",
		       offload_kind_name((enum offload_kind)k), c->jobs,
		       c->bytes, c->async, c->done, c->errors, c->timeouts,
		       c->software, c->wrong);
	}
	printf("\"sq_bells\":%" PRIu64 ",\"cq_bells\":%" PRIu64
	       ",\"bells_full\":%" PRIu64 ",\"bells_idle\":%" PRIu64
	       ",\"bells_age\":%" PRIu64 ",\"polled\":%" PRIu64
	       ",\"spun_ns\":%" PRIu64 ",\"copied\":%" PRIu64
	       ",\"sleeps\":%" PRIu64 ",\"abandoned\":%" PRIu64
	       ",\"quarantined\":%" PRIu64 ",\"lanes\":%" PRIu64,
	       s->sq_bells, s->cq_bells, s->bells_full, s->bells_idle,
	       s->bells_age, s->polled, s->spun_ns, s->copied, s->sleeps,
	       s->abandoned, s->quarantined, s->lanes);
}

static void text_stats(const struct offload_stats *s)
{
	printf("  %-12s %10s %14s %10s %8s %8s %8s %10s\n", "", "jobs", "bytes",
	       "async", "errors", "timeout", "wrong", "software");
	for (int k = 0; k < OFFLOAD_KINDS; k++) {
		const struct offload_kind_stats *c = &s->kind[k];

		if (!c->jobs && !c->software)
			continue;
		printf("  %-12s %10" PRIu64 " %14" PRIu64 " %10" PRIu64
		       " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %10" PRIu64
		       "\n",
		       offload_kind_name((enum offload_kind)k), c->jobs,
		       c->bytes, c->async, c->errors, c->timeouts, c->wrong,
		       c->software);
	}
	printf("  doorbells %" PRIu64 " down, %" PRIu64 " up; %" PRIu64
	       " bytes copied; %" PRIu64 " sleeps; %" PRIu64
	       " jobs dropped; %" PRIu64 " of %" PRIu64 " queues quarantined\n"
	       "  batches rung: %" PRIu64 " full, %" PRIu64 " idle, %" PRIu64
	       " aged; %" PRIu64 " completions polled; %" PRIu64 " us spun\n",
	       s->sq_bells, s->cq_bells, s->copied, s->sleeps, s->abandoned,
	       s->quarantined, s->lanes, s->bells_full, s->bells_idle,
	       s->bells_age, s->polled, s->spun_ns / 1000);
}

static void one_process(struct sums *sums, const struct stats_file *f)
{
	struct offload_stats s;
	bool alive = !kill((pid_t)f->pid, 0) || errno == EPERM;

	stats_file_sum(f, &s);
	sums_add(&sums->all, &s);
	sums->model |= f->model;
	if (sums->json) {
		printf("%s{\"pid\":%u,\"program\":\"%.31s\",\"alive\":%s,"
		       "\"model\":%s,",
		       sums->processes ? ",\n" : "", f->pid, f->program,
		       alive ? "true" : "false", f->model ? "true" : "false");
		json_stats(&s);
		putchar('}');
	} else {
		printf("%u %.31s%s%s\n", f->pid, f->program,
		       alive ? "" : " (ended)", f->model ? ", model" : "");
		text_stats(&s);
	}
	sums->processes++;
}

static const char *file_wrong(const struct stats_file *f, off_t size)
{
	if (size < (off_t)sizeof(*f))
		return "too short for a statistics file";
	if (f->magic != STATS_FILE_MAGIC)
		return "not a statistics file, or one just being made";
	if (f->version != STATS_FILE_VERSION || f->size != sizeof(*f) ||
	    f->kinds != OFFLOAD_KINDS)
		return "written by another version of wd";
	return NULL;
}

static int stats_file(struct sums *sums, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	const struct stats_file *f = MAP_FAILED;
	const char *wrong = NULL;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && st.st_size)
		f = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd,
			 0);
	else if (fd >= 0)
		wrong = "empty";
	if (f != MAP_FAILED)
		wrong = file_wrong(f, st.st_size);
	else if (!wrong)
		wrong = strerror(errno);
	if (wrong)
		fprintf(stderr, "wdctl: %s: %s\n", name, wrong);
	else
		one_process(sums, f);
	if (f != MAP_FAILED)
		munmap((void *)(uintptr_t)f, (size_t)st.st_size);
	if (fd >= 0)
		close(fd);
	return wrong ? 1 : 0;
}

static int stats_path(struct sums *sums, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int rc = 0;

	if (!dir && errno == ENOTDIR)
		return stats_file(sums, AT_FDCWD, path);
	if (!dir) {
		fprintf(stderr, "wdctl: %s: %s\n", path, strerror(errno));
		return 1;
	}
	while ((e = readdir(dir)))
		if (!strncmp(e->d_name, "wd.", 3) &&
		    isdigit((unsigned char)e->d_name[3]))
			rc |= stats_file(sums, dirfd(dir), e->d_name);
	closedir(dir);
	return rc;
}

static int stats(char **paths, bool json)
{
	struct sums sums = { .json = json };
	int rc = 0;

	if (!*paths) {
		fputs("wdctl: stats: which directory? (the provider's key "
		      "`stats`)\n",
		      stderr);
		return 2;
	}
	if (json)
		printf("{\"processes\":[");
	for (; *paths; paths++)
		rc |= stats_path(&sums, *paths);
	if (json) {
		printf("],\n\"total\":{\"model\":%s,",
		       sums.model ? "true" : "false");
		json_stats(&sums.all);
		puts("}}");
	} else if (!sums.processes) {
		puts("no process has opened a queue");
	} else {
		printf("total of %u%s\n", sums.processes,
		       sums.model ? ", on the model" : "");
		text_stats(&sums.all);
	}
	return rc;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "device", required_argument, NULL, 'd' },
		{ "output", required_argument, NULL, 'o' },
		{ "ms", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	const char *device = NULL, *output = NULL;
	unsigned long ms = 5;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "jd:o:hV", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'd':
			device = optarg;
			break;
		case 'o':
			output = optarg;
			break;
		case 'm':
			ms = strtoul(optarg, NULL, 10);
			if (!ms || ms > 10000)
				return usage(stderr, 2);
			break;
		case 'h':
			return usage(stdout, 0);
		case 'V':
			puts("wdctl " WD_VERSION);
			return 0;
		default:
			return usage(stderr, 2);
		}
	}
	wd_log_to(STDERR_FILENO, WD_LOG_WARN);
	if (optind < argc && !strcmp(argv[optind], "list") &&
	    optind + 1 == argc)
		return list(device);
	if (optind < argc && !strcmp(argv[optind], "calibrate") &&
	    optind + 1 == argc)
		return calibrate(device, output, (unsigned int)ms);
	if (optind < argc && !strcmp(argv[optind], "stats"))
		return stats(argv + optind + 1, json);
	if (optind < argc)
		fprintf(stderr, "wdctl: unknown command '%s'\n", argv[optind]);
	return usage(stderr, 2);
}
