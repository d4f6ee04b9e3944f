/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uacce_sysfs.c - a device as its attributes tell it: one row per attribute.
 * Reads with a buffer on the stack and allocates nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "uacce/uacce_kernel.h"

/* Longest attribute, as the kernel limits the algorithm list. */
#define UACCE_ATTR_SIZE 256

/* Newest queue manager; later ones may have other descriptors. */
#define UACCE_QM_NEWEST 5

/* flags as openEuler's 4.19 numbers them; docs/hw/uacce.md#flags */
#define UACCE_4_19_NOIOMMU 0x1u
#define UACCE_4_19_SVA	   0x6u /* PASID and faults from the device */

/* Text of one attribute without its last newline.  Return: 0 or -errno. */
static int uacce_attr(int dir, const char *name, char text[UACCE_ATTR_SIZE])
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t got;
	size_t n;
	int err;

	if (fd < 0)
		return -errno;
	got = read(fd, text, UACCE_ATTR_SIZE);
	err = errno;
	close(fd);
	if (got < 0)
		return -err;
	n = (size_t)got;
	if (n >= UACCE_ATTR_SIZE)
		return -E2BIG;
	if (n && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return n ? 0 : -ENODATA;
}

static int uacce_number(const char *text, long long min, long long max,
			long long *out)
{
	char *end;

	if (*text != '-' && (*text < '0' || *text > '9'))
		return -EINVAL;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno || *end || *out < min || *out > max ? -EINVAL : 0;
}

/* hisi_qm_v3, hisi_qm_v2_noiommu */
static int uacce_set_api(struct uacce_info *info, const char *text)
{
	static const char prefix[] = "hisi_qm_v";
	const char *digit = text + sizeof(prefix) - 1;

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0 || *digit < '1' ||
	    *digit > '0' + UACCE_QM_NEWEST || (digit[1] && digit[1] != '_'))
		return -EINVAL;
	info->qm_version = (unsigned int)(*digit - '0');
	return 0;
}

static int uacce_set_flags(struct uacce_info *info, const char *text)
{
	long long v;
	int rc = uacce_number(text, 0, UINT32_MAX, &v);

	if (!rc)
		info->flags = (uint32_t)v;
	return rc;
}

static int uacce_set_available(struct uacce_info *info, const char *text)
{
	long long v;
	int rc = uacce_number(text, INT_MIN, INT_MAX, &v);

	if (!rc)
		info->available = (int)v;
	return rc;
}

static int uacce_set_algorithms(struct uacce_info *info, const char *text)
{
	size_t len = strlen(text);

	if (len >= sizeof(info->algorithms))
		return -E2BIG;
	memcpy(info->algorithms, text, len + 1);
	return 0;
}

static int uacce_region_size(const char *text, size_t *out)
{
	long long v;
	int rc = uacce_number(text, 1, INT_MAX, &v);

	if (!rc)
		*out = (size_t)v;
	return rc;
}

static int uacce_set_mmio(struct uacce_info *info, const char *text)
{
	return uacce_region_size(text, &info->mmio_size);
}

static int uacce_set_dus(struct uacce_info *info, const char *text)
{
	return uacce_region_size(text, &info->dus_size);
}

static int uacce_set_isolate(struct uacce_info *info, const char *text)
{
	long long v;
	int rc = uacce_number(text, -1, 1, &v);

	if (!rc)
		info->isolated = v != 0;
	return rc;
}

static int uacce_set_node(struct uacce_info *info, const char *text)
{
	long long v;
	int rc = uacce_number(text, -1, INT_MAX, &v);

	if (!rc)
		info->numa_node = (int)v;
	return rc;
}

static int uacce_set_state(struct uacce_info *info, const char *text)
{
	long long v;
	int rc = uacce_number(text, -1, INT_MAX, &v);

	/* A stopped queue manager lends no queues, whatever it counts. */
	if (!rc && v)
		info->available = 0;
	return rc;
}

/* docs/hw/uacce.md#sysfs */
static const struct uacce_attr_row {
	const char *name;
	int (*set)(struct uacce_info *info, const char *text);
	bool optional;
	const char *cure;
} uacce_attrs[] = {
	{ "api", uacce_set_api, false,
	  "this version of wd knows hisi_qm_v1 to hisi_qm_v5" },
	{ "flags", uacce_set_flags, false, "update the uacce driver" },
	{ "available_instances", uacce_set_available, false,
	  "the device may be going away; reload its driver" },
	{ "algorithms", uacce_set_algorithms, false,
	  "load the engine's driver with uacce_mode=1" },
	{ "region_mmio_size", uacce_set_mmio, false,
	  "load the engine's driver with uacce_mode=1" },
	{ "region_dus_size", uacce_set_dus, false,
	  "load the engine's driver with uacce_mode=1" },
	{ "isolate", uacce_set_isolate, true, "update the uacce driver" },
	{ "node_id", uacce_set_node, true, "update the uacce driver" },
	{ "dev_state", uacce_set_state, true, "update the uacce driver" },
};

static int uacce_read_row(int dir, const struct uacce_attr_row *row,
			  struct uacce_info *info)
{
	char text[UACCE_ATTR_SIZE];
	int rc = uacce_attr(dir, row->name, text);

	if (rc == -ENOENT && row->optional)
		return 0;
	if (!rc) {
		rc = row->set(info, text);
		if (!rc)
			return 0;
		wd_warn("%s: attribute %s is \"%.64s\": device skipped; %s",
			info->name, row->name, text, row->cure);
		return -EINVAL;
	}
	wd_warn("%s: attribute %s can't be read (%s): device skipped; %s",
		info->name, row->name, strerror(-rc), row->cure);
	return -EINVAL;
}

/* Old flags in today's numbering. */
static uint32_t uacce_flags_of_4_19(uint32_t flags)
{
	if ((flags & UACCE_4_19_SVA) == UACCE_4_19_SVA)
		return UACCE_FLAG_SVA;
	return flags & UACCE_4_19_NOIOMMU ? UACCE_FLAG_NOIOMMU
					  : UACCE_FLAG_IOMMU;
}

static int uacce_open_dir(int at, const char *name)
{
	return openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int uacce_read_rows(int dir, int attrs, struct uacce_info *info)
{
	char text[UACCE_ATTR_SIZE];

	for (size_t i = 0; i < WD_ARRAY_SIZE(uacce_attrs); i++) {
		int rc = uacce_read_row(attrs, &uacce_attrs[i], info);

		if (rc)
			return rc;
	}
	/* The PCI function's own attribute wins over node_id; a model behind
	 * no PCI function has neither. */
	if (!uacce_attr(dir, "device/numa_node", text) &&
	    uacce_set_node(info, text))
		wd_warn("%s: attribute device/numa_node is \"%.64s\": taken "
			"as none",
			info->name, text);
	if (attrs != dir)
		info->flags = uacce_flags_of_4_19(info->flags);
	return 0;
}

int uacce_sysfs_read(int class_dir, const char *name, struct uacce_info *info)
{
	int dir, old, rc;

	*info = (struct uacce_info){ .numa_node = -1 };
	info->engine = uacce_parse_engine(name);
	if (info->engine == UACCE_ENGINES || strlen(name) >= sizeof(info->name))
		return -ENOENT;
	memcpy(info->name, name, strlen(name) + 1);
	dir = uacce_open_dir(class_dir, name);
	if (dir < 0)
		return -ENOENT;
	old = uacce_open_dir(dir, "attrs");
	rc = uacce_read_rows(dir, old < 0 ? dir : old, info);
	if (old >= 0)
		close(old);
	close(dir);
	return rc;
}

bool uacce_sysfs_old(int class_dir, const char *name)
{
	char path[sizeof(((struct uacce_info *)0)->name) + 8];

	snprintf(path, sizeof(path), "%s/attrs", name);
	return !faccessat(class_dir, path, F_OK, 0);
}
