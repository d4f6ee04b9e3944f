/* SPDX-License-Identifier: Apache-2.0 */
/* wd_emu.so as the provider loads it. */
#include <dlfcn.h>
#include <errno.h>

#include "test/t.h"
#include "uacce/uacce.h"

typedef int (*emu_host_fn)(struct uacce_host **out, const char *options);

static void *module;

static emu_host_fn loaded(void)
{
	if (!module)
		module = dlopen(EMU_MODULE, RTLD_NOW | RTLD_LOCAL);
	T_OK(module);
	return (emu_host_fn)(uintptr_t)dlsym(module, UACCE_EMU_SYMBOL);
}

static void it_exports_one_function(void)
{
	static const char *const inside[] = { "emu_host_new", "emu_dev_new",
					      "emu_hpre", "wd_log" };

	T_OK(loaded());
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		T_OK(!dlsym(module, inside[i]));
}

static void its_engines_come_up(void)
{
	static const char *const options[] = { "", "kunpeng920",
					       "inline,replay", "nosva" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct uacce_host *host = NULL;
		struct uacce_info info[4];
		struct uacce_queue q;

		T_EQ(loaded()(&host, options[i]), 0);
		T_OK(host->model);
		T_EQ(host->ops->list(host, info, 4), 2);
		for (int k = 0; k < 2; k++) {
			T_OK(info[k].algorithms[0]);
			T_EQ(host->ops->open(host, &info[k], 0, 4096, &q), 0);
			T_EQ(host->ops->start(&q), 0);
			T_EQ(host->ops->stop(&q), 0);
			host->ops->close(&q);
		}
		host->ops->free(host);
	}
}

static void bad_options_are_refused(void)
{
	struct uacce_host *host = NULL;

	T_EQ(loaded()(&host, "kunpeng=3"), -EINVAL);
	T_OK(!host);
}

T_MAIN(T_CASE(it_exports_one_function), T_CASE(its_engines_come_up),
       T_CASE(bad_options_are_refused))
