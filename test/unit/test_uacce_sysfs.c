/* SPDX-License-Identifier: Apache-2.0 */
/* Discovery on trees made for the purpose; the log is read back from a pipe. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/wd_log.h"
#include "test/t.h"
#include "uacce/uacce.h"

static char root[64];
static int log_pipe[2];

static int unlink_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void tree_gone(void)
{
	nftw(root, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void tree(void)
{
	if (root[0])
		tree_gone();
	else
		atexit(tree_gone);
	strcpy(root, "/tmp/wd-sysfs-XXXXXX");
	T_OK(mkdtemp(root));
	if (log_pipe[0])
		close(log_pipe[0]), close(log_pipe[1]);
	T_EQ(pipe2(log_pipe, O_NONBLOCK | O_CLOEXEC), 0);
	wd_log_to(log_pipe[1], WD_LOG_WARN);
}

static const char *logged(void)
{
	static char text[4096];
	ssize_t n = read(log_pipe[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* Parents are made; text NULL removes. */
static void attr(const char *dev, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", root, dev, name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	if (!text) {
		unlink(path);
		return;
	}
	f = fopen(path, "w");
	T_OK(f);
	fputs(text, f);
	fclose(f);
}

static void sec2(const char *dev)
{
	attr(dev, "api", "hisi_qm_v3\n");
	attr(dev, "flags", "1\n");
	attr(dev, "available_instances", "256\n");
	attr(dev, "algorithms", "cipher\ndigest\naead\n");
	attr(dev, "region_mmio_size", "65536\n");
	attr(dev, "region_dus_size", "151552\n");
	attr(dev, "isolate", "0\n");
	attr(dev, "isolate_strategy", "0\n");
	attr(dev, "device/numa_node", "1\n");
}

static int list(struct uacce_info *out, unsigned int max)
{
	struct uacce_host *host;
	int n;

	T_EQ(uacce_kernel_host(&host, "/dev", root), 0);
	n = host->ops->list(host, out, max);
	host->ops->free(host);
	return n;
}

static void a_device_with_everything(void)
{
	struct uacce_info i;

	tree();
	sec2("hisi_sec2-1");
	T_EQ(list(&i, 1), 1);
	T_STR(i.name, "hisi_sec2-1");
	T_EQ(i.engine, UACCE_SEC);
	T_EQ(i.qm_version, 3);
	T_EQ(i.flags, UACCE_FLAG_SVA);
	T_EQ(i.available, 256);
	T_EQ(i.isolated, 0);
	T_EQ(i.numa_node, 1);
	T_EQ(i.mmio_size, 65536);
	T_EQ(i.dus_size, 151552);
	T_STR(i.algorithms, "cipher\ndigest\naead");
	T_STR(logged(), "");
}

static void no_class_directory_is_no_device(void)
{
	struct uacce_host *host;
	struct uacce_info i;

	T_EQ(uacce_kernel_host(&host, "/nonexistent", "/nonexistent/x"), 0);
	T_OK(!host->model);
	T_EQ(host->ops->list(host, &i, 1), 0);
	host->ops->free(host);
}

static void a_class_that_appears_later_is_found(void)
{
	struct uacce_host *host;
	struct uacce_info i;
	char path[128];

	tree();
	snprintf(path, sizeof(path), "%s/class", root);
	T_EQ(uacce_kernel_host(&host, "/dev", path), 0);
	T_EQ(host->ops->list(host, &i, 1), 0);
	sec2("class/hisi_sec2-0");
	T_EQ(host->ops->list(host, &i, 1), 1);
	host->ops->free(host);
}

static void other_classes_of_names_are_passed_over_in_silence(void)
{
	struct uacce_info i[4];

	tree();
	sec2("hisi_rde-0");
	sec2("idxd-1");
	attr(".", "README", "a file");
	T_EQ(list(i, 4), 0);
	T_STR(logged(), "");
}

static void devices_come_sorted_by_their_number(void)
{
	struct uacce_info i[4];

	tree();
	sec2("hisi_sec2-10");
	sec2("hisi_sec2-9");
	sec2("hisi_zip-2");
	T_EQ(list(i, 4), 3);
	T_STR(i[0].name, "hisi_zip-2");
	T_STR(i[1].name, "hisi_sec2-9");
	T_STR(i[2].name, "hisi_sec2-10");
}

static void more_than_fit_are_counted(void)
{
	struct uacce_info i[2];

	memset(i, 0, sizeof(i));
	tree();
	sec2("hisi_sec2-0");
	sec2("hisi_sec2-1");
	sec2("hisi_sec2-2");
	T_EQ(list(i, 1), 3);
	T_OK(i[0].name[0]);
	T_OK(!i[1].name[0]);
	T_EQ(list(NULL, 0), 3);
}

static void many_devices_need_many_reads(void)
{
	static struct uacce_info i[100];
	char name[32];

	tree();
	for (int n = 0; n < 100; n++) {
		snprintf(name, sizeof(name), "hisi_hpre-%d", n);
		sec2(name);
	}
	T_EQ(list(i, 100), 100);
	for (int n = 0; n < 100; n++) {
		snprintf(name, sizeof(name), "hisi_hpre-%d", n);
		T_STR(i[n].name, name);
	}
}

static void api(const char *text, unsigned int version)
{
	struct uacce_info i;

	tree();
	sec2("hisi_sec2-0");
	attr("hisi_sec2-0", "api", text);
	T_EQ(list(&i, 1), version ? 1 : 0);
	if (version)
		T_EQ(i.qm_version, version);
	else
		T_OK(strstr(logged(), "hisi_sec2-0: attribute api is"));
}

static void api_names_the_hardware_generation(void)
{
	api("hisi_qm_v1\n", 1);
	api("hisi_qm_v2\n", 2);
	api("hisi_qm_v2_noiommu\n", 2);
	api("hisi_qm_v3\n", 3);
	api("hisi_qm_v5", 5);
	api("hisi_qm_v\n", 0);
	api("hisi_qm_v0\n", 0);
	api("hisi_qm_v6\n", 0);
	api("hisi_qm_v30\n", 0);
	api("idxd_v1\n", 0);
}

static void flags_say_how_memory_is_reached(void)
{
	static const struct {
		const char *text;
		uint32_t flags;
	} rows[] = { { "1\n", 0x01 },
		     { "2\n", 0x02 },
		     { "128\n", 0x80 },
		     { "129\n", 0x81 } };
	struct uacce_info i;

	for (size_t n = 0; n < 4; n++) {
		tree();
		sec2("hisi_sec2-0");
		attr("hisi_sec2-0", "flags", rows[n].text);
		T_EQ(list(&i, 1), 1);
		T_EQ(i.flags, rows[n].flags);
	}
}

static void what_is_needed_and_missing_skips_the_device(void)
{
	static const char *const needed[] = {
		"api",
		"flags",
		"available_instances",
		"algorithms",
		"region_mmio_size",
		"region_dus_size",
	};
	struct uacce_info i;

	for (size_t n = 0; n < 6; n++) {
		const char *text;

		tree();
		sec2("hisi_sec2-0");
		sec2("hisi_sec2-1");
		attr("hisi_sec2-0", needed[n], NULL);
		T_EQ(list(&i, 1), 1);
		T_STR(i.name, "hisi_sec2-1");
		text = logged();
		T_OK(strstr(text, "hisi_sec2-0"));
		T_OK(strstr(text, needed[n]));
		T_OK(strstr(text, "device skipped; "));
	}
}

static void garbled(const char *name, const char *text)
{
	struct uacce_info i;

	tree();
	sec2("hisi_sec2-0");
	attr("hisi_sec2-0", name, text);
	T_EQ(list(&i, 1), 0);
	text = logged();
	T_OK(strstr(text, name));
	T_OK(strstr(text, "device skipped; "));
}

static void what_is_garbled_skips_the_device(void)
{
	char big[300];

	garbled("flags", "-1\n");
	garbled("flags", "4294967296\n");
	garbled("flags", "0x1\n");
	garbled("flags", "1 2\n");
	garbled("flags", " 1\n");
	garbled("flags", "\n");
	garbled("flags", "");
	garbled("available_instances", "many\n");
	garbled("available_instances", "99999999999\n");
	garbled("region_mmio_size", "0\n");
	garbled("region_mmio_size", "-4096\n");
	garbled("region_dus_size", "99999999999999999999\n");
	garbled("isolate", "2\n");
	garbled("isolate", "yes\n");
	garbled("dev_state", "broken\n");
	memset(big, 'a', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	garbled("algorithms", big);
}

static void what_is_optional_may_be_missing(void)
{
	struct uacce_info i;

	tree();
	sec2("hisi_sec2-0");
	attr("hisi_sec2-0", "isolate", NULL);
	attr("hisi_sec2-0", "isolate_strategy", NULL);
	attr("hisi_sec2-0", "device/numa_node", NULL);
	T_EQ(list(&i, 1), 1);
	T_EQ(i.isolated, 0);
	T_EQ(i.numa_node, -1);
	T_STR(logged(), "");
}

static void where_it_sits(void)
{
	struct uacce_info i;

	tree();
	sec2("hisi_sec2-0");
	attr("hisi_sec2-0", "node_id", "3\n");
	T_EQ(list(&i, 1), 1);
	T_EQ(i.numa_node, 1);
	attr("hisi_sec2-0", "device/numa_node", NULL);
	T_EQ(list(&i, 1), 1);
	T_EQ(i.numa_node, 3);
	attr("hisi_sec2-0", "device/numa_node", "-1\n");
	T_EQ(list(&i, 1), 1);
	T_EQ(i.numa_node, -1);
	attr("hisi_sec2-0", "device/numa_node", "east\n");
	T_EQ(list(&i, 1), 1);
	T_OK(strstr(logged(), "numa_node"));
}

static void isolated_busy_and_stopped_devices_are_not_usable(void)
{
	struct uacce_info i;
	char why[200];

	tree();
	sec2("hisi_sec2-0");
	attr("hisi_sec2-0", "isolate", "1\n");
	T_EQ(list(&i, 1), 1);
	T_EQ(i.isolated, 1);
	T_OK(!uacce_usable(&i, why, sizeof(why)));
	attr("hisi_sec2-0", "isolate", "-1\n");
	T_EQ(list(&i, 1), 1);
	T_OK(!uacce_usable(&i, why, sizeof(why)));
	attr("hisi_sec2-0", "isolate", "0\n");
	attr("hisi_sec2-0", "available_instances", "0\n");
	T_EQ(list(&i, 1), 1);
	T_OK(!uacce_usable(&i, why, sizeof(why)));
	attr("hisi_sec2-0", "available_instances", "5\n");
	attr("hisi_sec2-0", "dev_state", "-1\n");
	T_EQ(list(&i, 1), 1);
	T_OK(!uacce_usable(&i, why, sizeof(why)));
	attr("hisi_sec2-0", "dev_state", "0\n");
	T_EQ(list(&i, 1), 1);
	T_OK(uacce_usable(&i, why, sizeof(why)));
}

static void old_device(const char *flags)
{
	tree();
	attr("hisi_sec2-0", "attrs/api", "hisi_qm_v2\n");
	attr("hisi_sec2-0", "attrs/flags", flags);
	attr("hisi_sec2-0", "attrs/available_instances", "10\n");
	attr("hisi_sec2-0", "attrs/algorithms", "cipher\n");
	attr("hisi_sec2-0", "attrs/region_mmio_size", "8192\n");
	attr("hisi_sec2-0", "attrs/region_dus_size", "151552\n");
	attr("hisi_sec2-0", "attrs/node_id", "2\n");
}

static void old_kernels_keep_attributes_a_level_deeper(void)
{
	static const struct {
		const char *text;
		uint32_t flags;
	} rows[] = { { "1\n", UACCE_FLAG_NOIOMMU },
		     { "6\n", UACCE_FLAG_SVA },
		     { "2\n", UACCE_FLAG_IOMMU },
		     { "0\n", UACCE_FLAG_IOMMU } };
	struct uacce_info i;

	for (size_t n = 0; n < 4; n++) {
		old_device(rows[n].text);
		T_EQ(list(&i, 1), 1);
		T_EQ(i.qm_version, 2);
		T_EQ(i.numa_node, 2);
		T_EQ(i.flags, rows[n].flags);
	}
}

static void links_are_followed(void)
{
	struct uacce_info i;
	char link[160];

	tree();
	sec2("devices/hisi_sec2-4");
	attr("class", "x", "");
	snprintf(link, sizeof(link), "%s/class/hisi_sec2-4", root);
	T_EQ(symlink("../devices/hisi_sec2-4", link), 0);
	snprintf(link, sizeof(link), "%s/class/hisi_sec2-5", root);
	T_EQ(symlink("../devices/gone", link), 0);
	strcat(root, "/class");
	T_EQ(list(&i, 1), 1);
	root[strlen(root) - 6] = '\0';
	T_STR(i.name, "hisi_sec2-4");
}

T_MAIN(T_CASE(a_device_with_everything),
       T_CASE(no_class_directory_is_no_device),
       T_CASE(a_class_that_appears_later_is_found),
       T_CASE(other_classes_of_names_are_passed_over_in_silence),
       T_CASE(devices_come_sorted_by_their_number),
       T_CASE(more_than_fit_are_counted), T_CASE(many_devices_need_many_reads),
       T_CASE(api_names_the_hardware_generation),
       T_CASE(flags_say_how_memory_is_reached),
       T_CASE(what_is_needed_and_missing_skips_the_device),
       T_CASE(what_is_garbled_skips_the_device),
       T_CASE(what_is_optional_may_be_missing), T_CASE(where_it_sits),
       T_CASE(isolated_busy_and_stopped_devices_are_not_usable),
       T_CASE(old_kernels_keep_attributes_a_level_deeper),
       T_CASE(links_are_followed))
