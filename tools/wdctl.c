/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wdctl - what an operator asks wd: which devices are there, what did the
 * processes do with them, from which size on are they worth it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wd_log.h"
#include "emu/emu_host.h"
#include "tools/calibrate.h"
#include "tools/ctl.h"
#include "uacce/uacce.h"

/* Devices one machine can show: 4 chips with 3 functions and 63 VFs each. */
#define DEVICES_MAX 1024

static const char usage_text[] =
	"usage: wdctl list [--device emu[:OPTIONS]]\n"
	"       wdctl stats [-j|--prometheus] [-a] [--over S] [-o FILE]\n"
	"                   [--dir DIR] [PID|DIR|FILE...]\n"
	"       wdctl top [-d S] [-n N] [-b] [-l] [-s KEY] [-p PID,...] [--dir "
	"DIR]\n"
	"       wdctl clean [--dir DIR]\n"
	"       wdctl calibrate [--device DEVICE] [-o FILE] [--ms N]\n"
	"\n"
	"list    devices of this machine (or of the model), free queues, and "
	"why\n"
	"        a device can't be used\n"
	"stats   counters of the processes that use wd: all of them in short, "
	"or\n"
	"        in full those named, with every queue\n"
	"top     the same, live: q quits, s sorts, l shows queues\n"
	"clean   remove the files of processes that have ended\n"
	"calibrate\n"
	"        measure from how many bytes on the device is faster than one\n"
	"        core, and write that as lines of configuration\n"
	"\n"
	"  -o, --output FILE  instead of standard output; appears whole or not "
	"at all\n"
	"  --ms N          spend N ms on each figure, three times; default 5\n"
	"  -j, --json      machine-readable\n"
	"  --prometheus    the text that Prometheus and node_exporter read\n"
	"  -a, --all       also processes that have ended\n"
	"  --over S        what is counted in the next S seconds, not since "
	"the "
	"start\n"
	"  --dir DIR       what the provider's key `stats` names; default "
	"$WD_STATS,\n"
	"                  or " SEEN_DIR
	" and whatever running processes have\n"
	"  -d S, -n N      top: every S seconds (default 2), N times\n"
	"  -b              top: plain text, a frame below the other\n"
	"  -l              top: show the queues, too\n"
	"  -s KEY          top: sort by jobs, bytes, flight, software, errors "
	"or "
	"pid\n"
	"  -p PID,...      top: these only\n"
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

/* ---- main ----------------------------------------------------------------- */

struct command {
	const char *device;
	unsigned long ms;
	struct ctl_options ctl;
};

static int do_list(char **args, const struct command *c)
{
	return *args ? usage(stderr, 2) : list(c->device);
}

static int do_calibrate(char **args, const struct command *c)
{
	return *args ? usage(stderr, 2)
		     : calibrate(c->device, c->ctl.output, (unsigned int)c->ms);
}

static int do_stats(char **args, const struct command *c)
{
	return ctl_stats(args, &c->ctl);
}

static int do_top(char **args, const struct command *c)
{
	return *args ? usage(stderr, 2) : ctl_top(&c->ctl);
}

static int do_clean(char **args, const struct command *c)
{
	return *args ? usage(stderr, 2) : ctl_clean(&c->ctl);
}

static const struct {
	const char *name;
	const char *takes; /* its own options */
	int (*run)(char **args, const struct command *c);
} commands[] = {
	{ "list", "D", do_list },	 { "calibrate", "Dom", do_calibrate },
	{ "stats", "jPaOoR", do_stats }, { "top", "Rdnblsp", do_top },
	{ "clean", "R", do_clean },
};

static int run(char **args, const struct command *c, const char *given)
{
	size_t i = 0, n = sizeof(commands) / sizeof(commands[0]);

	if (!*args)
		return usage(stderr, 2);
	while (i < n && strcmp(commands[i].name, *args) != 0)
		i++;
	if (i == n) {
		fprintf(stderr, "wdctl: unknown command '%s'\n", *args);
		return usage(stderr, 2);
	}
	for (; *given; given++) {
		if (strchr(commands[i].takes, *given))
			continue;
		fprintf(stderr, "wdctl: %s: no option of this command\n",
			commands[i].name);
		return usage(stderr, 2);
	}
	return commands[i].run(args + 1, c);
}

/* Return: false: not a number from @min to @max. */
static bool number(double *out, const char *text, double min, double max)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	return !errno && end != text && !*end && *out >= min && *out <= max;
}

static bool take_option(struct command *c, int option, const char *arg)
{
	double x = 0;

	switch (option) {
	case 'j':
		c->ctl.json = true;
		return true;
	case 'P':
		c->ctl.prometheus = true;
		return true;
	case 'a':
		c->ctl.all = true;
		return true;
	case 'b':
		c->ctl.batch = true;
		return true;
	case 'l':
		c->ctl.lanes = true;
		return true;
	case 'D':
		c->device = arg;
		return true;
	case 'o':
		c->ctl.output = arg;
		return true;
	case 'R':
		c->ctl.dir = arg;
		return true;
	case 's':
		c->ctl.sort = arg;
		return true;
	case 'p':
		c->ctl.pids = arg;
		return true;
	case 'O':
		return number(&c->ctl.over, arg, 0.01, 86400);
	case 'd':
		return number(&c->ctl.delay, arg, 0.05, 86400);
	case 'n':
		if (!number(&x, arg, 1, 1e9))
			return false;
		c->ctl.rounds = (unsigned long)x;
		return true;
	case 'm':
		if (!number(&x, arg, 1, 10000))
			return false;
		c->ms = (unsigned long)x;
		return true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "prometheus", no_argument, NULL, 'P' },
		{ "all", no_argument, NULL, 'a' },
		{ "over", required_argument, NULL, 'O' },
		{ "dir", required_argument, NULL, 'R' },
		{ "delay", required_argument, NULL, 'd' },
		{ "iterations", required_argument, NULL, 'n' },
		{ "batch", no_argument, NULL, 'b' },
		{ "lanes", no_argument, NULL, 'l' },
		{ "sort", required_argument, NULL, 's' },
		{ "pid", required_argument, NULL, 'p' },
		{ "device", required_argument, NULL, 'D' },
		{ "output", required_argument, NULL, 'o' },
		{ "ms", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct command c = { .ms = 5, .ctl = { .delay = 2 } };
	char given[64] = "";
	size_t n = 0;
	int option;

	while ((option = getopt_long(argc, argv, "jad:n:bls:p:o:hV", options,
				     NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, 0);
		if (option == 'V') {
			puts("wdctl " WD_VERSION);
			return 0;
		}
		if (option == '?')
			return usage(stderr, 2);
		if (!take_option(&c, option, optarg)) {
			fprintf(stderr, "wdctl: '%s' is out of range\n",
				optarg);
			return usage(stderr, 2);
		}
		if (n < sizeof(given) - 1)
			given[n++] = (char)option;
	}
	wd_log_to(STDERR_FILENO, WD_LOG_WARN);
	return run(argv + optind, &c, given);
}
