/* SPDX-License-Identifier: Apache-2.0 */
#include "offload/offload_priv.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/wd_base.h"
#include "base/wd_log.h"
#include "offload/slot.h"

#define BATCH_DEFAULT	   32u
#define BATCH_MAX	   64u
#define TIMEOUT_DEFAULT_MS 1000u

/* Longest list of devices asked of a host. */
#define LIST_MAX (UACCE_ENGINES * DEVICES_MAX)

const struct kind kinds[OFFLOAD_KINDS] = {
#define OFFLOAD_KIND(id, text, of, needs, ...)                                 \
	[OFFLOAD_##id] = { .name = (text),                                     \
			   .engine = (of),                                     \
			   .min_bytes = { __VA_ARGS__ },                       \
			   .algorithm = (needs) },
#include "offload/offload_kinds.def"
#undef OFFLOAD_KIND
};

const char *offload_kind_name(enum offload_kind kind)
{
	return kind < OFFLOAD_KINDS ? kinds[kind].name : "";
}

const char *offload_why_name(enum offload_why why)
{
	static const char *const names[OFFLOAD_WHYS] = {
#define OFFLOAD_WHY(id, name) [OFFLOAD_WHY_##id] = (name),
		OFFLOAD_WHY_LIST(OFFLOAD_WHY)
#undef OFFLOAD_WHY
	};

	return why < OFFLOAD_WHYS ? names[why] : "";
}

void offload_config_init(struct offload_config *cfg)
{
	*cfg = (struct offload_config){
		.device = "auto",
		.batch = BATCH_DEFAULT,
		.timeout_ms = TIMEOUT_DEFAULT_MS,
	};
	for (int k = 0; k < OFFLOAD_KINDS; k++)
		cfg->min_bytes[k] = cfg->min_decrypt[k] = OFFLOAD_MIN_DEFAULT;
}

/* ---- which host --------------------------------------------------------- */

static int say(char *why, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int say(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	if (!why || !size)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The model's module; it stays loaded, its threads may outlive us. */
static int host_emu(struct offload *o, const struct offload_config *cfg,
		    const char *options, char *why, size_t size)
{
	int (*make)(struct uacce_host **, const char *);
	char path[4096];
	int rc;

	if (!cfg->module_dir)
		return say(why, size, "device: emu: no module directory known");
	if (snprintf(path, sizeof(path), "%s/%s", cfg->module_dir,
		     UACCE_EMU_MODULE) >= (int)sizeof(path))
		return say(why, size, "device: emu: module path too long");
	o->module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!o->module)
		return say(why, size, "device: emu: %s", dlerror());
	*(void **)&make = dlsym(o->module, UACCE_EMU_SYMBOL);
	if (!make)
		return say(why, size, "device: emu: %s has no %s", path,
			   UACCE_EMU_SYMBOL);
	rc = make(&o->host, options);
	if (rc == -EINVAL)
		return say(why, size,
			   "device: emu: bad options '%s'; the log says which",
			   options);
	return rc;
}

/* Is @name one of the node names of @list? */
static bool list_has(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (*list) {
		size_t n = strcspn(list, ",");
		const char *item = list;

		list += n + (list[n] == ',');
		if (n > 5 && !memcmp(item, "/dev/", 5)) {
			item += 5;
			n -= 5;
		}
		if (n == len && !memcmp(item, name, n))
			return true;
	}
	return false;
}

static int list_check(const char *list, char *why, size_t size)
{
	char name[64];

	while (*list) {
		size_t n = strcspn(list, ",");
		const char *item = list;

		list += n + (list[n] == ',');
		if (n > 5 && !memcmp(item, "/dev/", 5)) {
			item += 5;
			n -= 5;
		}
		snprintf(name, sizeof(name), "%.*s", (int)n, item);
		if (n >= sizeof(name) ||
		    uacce_parse_engine(name) == UACCE_ENGINES)
			return say(why, size,
				   "device: '%s' is not auto, none, emu, "
				   "emu:OPTIONS, unix:PATH or node names like "
				   "hisi_sec2-0,hisi_hpre-1",
				   name);
	}
	return 0;
}

static int host_find(struct offload *o, const struct offload_config *cfg,
		     const char **only, char *why, size_t size)
{
	const char *dev = cfg->device ? cfg->device : "auto";
	int rc;

	if (!strcmp(dev, "none"))
		return 0;
	if (!strcmp(dev, "emu"))
		return host_emu(o, cfg, "", why, size);
	if (!strncmp(dev, "emu:", 4))
		return host_emu(o, cfg, dev + 4, why, size);
	if (!strncmp(dev, "unix:", 5)) {
		rc = uacce_unix_host(&o->host, dev + 5);
		if (rc == -EINVAL)
			return say(why, size,
				   "device: '%s' is not unix: and the path of "
				   "a socket, shorter than 108 bytes",
				   dev);
		return rc;
	}
	if (strcmp(dev, "auto") != 0) {
		rc = list_check(dev, why, size);
		if (rc)
			return rc;
		*only = dev;
	}
	return uacce_kernel_host(&o->host, "/dev", "/sys/class/uacce");
}

/* ---- which devices ------------------------------------------------------ */

static bool device_is_ours(const struct uacce_info *info)
{
	/* V1 has other rings; an untranslated bus is never used unasked. */
	return info->engine < UACCE_ENGINES && info->qm_version >= 2 &&
	       !(info->flags & UACCE_FLAG_NOIOMMU);
}

static void device_add(struct offload *o, const struct uacce_info *info)
{
	struct engine *e = &o->engine[info->engine];
	char why[256];

	if (e->count == DEVICES_MAX)
		return;
	if (!uacce_usable(info, why, sizeof(why)))
		wd_warn("%s: %s", info->name, why);
	if (!e->count)
		e->sva = true;
	e->sva &= (info->flags & UACCE_FLAG_SVA) != 0;
	e->device[e->count++].info = *info;
	for (int k = 0; k < OFFLOAD_KINDS; k++)
		if (kinds[k].engine == info->engine &&
		    uacce_has_algorithm(info, kinds[k].algorithm))
			o->has[k] = true;
}

static int devices_find(struct offload *o, const char *only)
{
	struct uacce_info *list;
	int n;

	if (!o->host)
		return 0;
	list = calloc(LIST_MAX, sizeof(*list));
	if (!list)
		return -ENOMEM;
	n = o->host->ops->list(o->host, list, LIST_MAX);
	for (int i = 0; i < n && i < (int)LIST_MAX; i++)
		if (device_is_ours(&list[i]) &&
		    (!only || list_has(only, list[i].name)))
			device_add(o, &list[i]);
	free(list);
	return 0;
}

/* The slowest device decides. */
static void thresholds_take(struct offload *o)
{
	for (int k = 0; k < OFFLOAD_KINDS; k++) {
		bool v3 = offload_qm_version(o, kinds[k].engine) >= 3;
		const uint32_t *of = &kinds[k].min_bytes[v3 ? 2 : 0];

		if (o->cfg.min_bytes[k] == OFFLOAD_MIN_DEFAULT)
			o->cfg.min_bytes[k] = of[0];
		if (o->cfg.min_decrypt[k] == OFFLOAD_MIN_DEFAULT)
			o->cfg.min_decrypt[k] = of[1];
	}
}

/* ---- life --------------------------------------------------------------- */

static void config_take(struct offload *o, const struct offload_config *cfg)
{
	o->cfg = *cfg;
	o->cfg.device = o->cfg.module_dir = o->cfg.stats = NULL;
	if (!o->cfg.batch)
		o->cfg.batch = BATCH_DEFAULT;
	if (o->cfg.batch > BATCH_MAX)
		o->cfg.batch = BATCH_MAX;
	if (!o->cfg.timeout_ms)
		o->cfg.timeout_ms = TIMEOUT_DEFAULT_MS;
	stats_dir_open(&o->stats_dir, cfg->stats);
	snprintf(o->program, sizeof(o->program), "%s",
		 program_invocation_short_name);
}

static int offload_make(struct offload **out, const struct offload_config *cfg,
			struct uacce_host *host, char *why, size_t size)
{
	struct offload *o = calloc(1, sizeof(*o));
	const char *only = NULL;
	struct proc *p;
	int rc;

	if (!o)
		return -ENOMEM;
	config_take(o, cfg);
	o->host = host;
	rc = host ? 0 : host_find(o, cfg, &only, why, size);
	if (rc)
		goto free_host;
	rc = devices_find(o, only);
	if (rc)
		goto free_host;
	thresholds_take(o);
	rc = proc_new(o, &p);
	if (rc)
		goto free_host;
	atomic_store(&o->proc, p);
	rc = -pthread_key_create(&o->key, thread_exit);
	if (rc)
		goto free_proc;
	*out = o;
	return 0;

free_proc:
	proc_free(p);
free_host:
	if (o->host && !host)
		o->host->ops->free(o->host);
	if (o->module)
		dlclose(o->module);
	stats_dir_close(&o->stats_dir);
	free(o);
	return rc;
}

int offload_new(struct offload **out, const struct offload_config *cfg,
		char *why, size_t size)
{
	int rc = offload_make(out, cfg, NULL, why, size);

	return rc && rc != -EINVAL ? -ENOMEM : rc;
}

int offload_new_on(struct offload **out, const struct offload_config *cfg,
		   struct uacce_host *host)
{
	return offload_make(out, cfg, host, NULL, 0);
}

void offload_free(struct offload *o)
{
	if (!o)
		return;
	pthread_key_delete(o->key);
	proc_free(atomic_load(&o->proc));
	if (o->host)
		o->host->ops->free(o->host);
	if (o->module)
		dlclose(o->module);
	stats_dir_close(&o->stats_dir);
	free(o);
}

/* ---- questions ---------------------------------------------------------- */

bool offload_has(const struct offload *o, enum offload_kind kind)
{
	return kind < OFFLOAD_KINDS && o->has[kind];
}

bool offload_has_hpre(const struct offload *o, enum offload_kind kind,
		      enum hpre_alg alg, uint32_t width)
{
	const struct engine *e = &o->engine[UACCE_HPRE];

	if (!offload_has(o, kind) || kinds[kind].engine != UACCE_HPRE)
		return false;
	/* Any of them may get the job. */
	for (unsigned int i = 0; i < e->count; i++) {
		const struct uacce_info *info = &e->device[i].info;

		if (!uacce_has_algorithm(info, kinds[kind].algorithm) ||
		    !hpre_offers(info->qm_version, alg, width))
			return false;
	}
	return true;
}

/* Is @knows true of the codec of every device that has @kind? */
static bool all_do(const struct offload *o, enum offload_kind kind,
		   bool (*knows)(const struct sec_codec *c, int alg), int alg)
{
	const struct engine *e = &o->engine[UACCE_SEC];

	if (!offload_has(o, kind) || kinds[kind].engine != UACCE_SEC)
		return false;
	for (unsigned int i = 0; i < e->count; i++) {
		const struct uacce_info *info = &e->device[i].info;

		if (uacce_has_algorithm(info, kinds[kind].algorithm) &&
		    !knows(sec_codec(info->qm_version), alg))
			return false;
	}
	return true;
}

static bool knows_cipher(const struct sec_codec *c, int alg)
{
	return sec_offers_cipher(c, alg);
}

static bool knows_mac(const struct sec_codec *c, int alg)
{
	return sec_offers_mac(c, alg);
}

bool offload_has_cipher(const struct offload *o, enum offload_kind kind,
			enum sec_cipher_alg alg)
{
	return all_do(o, kind, knows_cipher, (int)alg);
}

bool offload_has_mac(const struct offload *o, enum offload_kind kind,
		     enum sec_mac_alg alg)
{
	return all_do(o, kind, knows_mac, (int)alg);
}

bool offload_is_model(const struct offload *o)
{
	return o->host && o->host->model;
}

unsigned int offload_qm_version(const struct offload *o,
				enum uacce_engine engine)
{
	const struct engine *e = &o->engine[engine];
	unsigned int least = 0;

	for (unsigned int i = 0; i < e->count; i++)
		if (!least || e->device[i].info.qm_version < least)
			least = e->device[i].info.qm_version;
	return least;
}

/* A message that can only be done as one gets as much room as there is; one
 * that can be done in pieces, little more than it takes to keep the device
 * busy; and pieces of a digest may not lie in lists. */
static size_t bounced_max(enum offload_kind kind)
{
	switch (kind) {
	case OFFLOAD_AES_GCM:
	case OFFLOAD_AES_CCM:
	case OFFLOAD_AES_CTS:
	case OFFLOAD_AES_XTS:
	case OFFLOAD_SM4_GCM:
	case OFFLOAD_SM4_CCM:
	case OFFLOAD_SM4_XTS:
	case OFFLOAD_AES_CMAC:
	case OFFLOAD_AES_GMAC:
		return SEC_ROOM(SEC_ROOM_SLOTS);
	case OFFLOAD_SM3:
	case OFFLOAD_SHA256:
	case OFFLOAD_SHA512:
	case OFFLOAD_SHA1:
	case OFFLOAD_MD5:
	case OFFLOAD_HMAC:
		return SEC_SLOT_DATA;
	default:
		return SEC_ROOM(SEC_ROOM_SLOTS_SPLIT);
	}
}

size_t offload_max_bytes(const struct offload *o, enum offload_kind kind,
			 bool async)
{
	if (!offload_has(o, kind))
		return 0;
	if (kinds[kind].engine == UACCE_HPRE)
		return HPRE_WIDTH_MAX; /* of an SM2 message, too */
	if (!async && o->engine[UACCE_SEC].sva)
		return SEC_LEN_MAX;
	return bounced_max(kind);
}
