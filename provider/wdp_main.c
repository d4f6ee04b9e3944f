/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where libcrypto enters and leaves.
 *
 *	core ──▶ OSSL_provider_init ── configuration ── devices ── table
 *							 │
 *	peers' comings and goings, exit hook ◀───────────┘
 *
 * Load touches no device and fetches nothing; it must not fail for want of a
 * device or for a mistake in the configuration.  Teardown frees what is ours
 * and nothing else: by then libcrypto may be half gone.
 */
#include "provider/wdp_direct.h"
#include "provider/wdp_ec.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wd_log.h"

static void wdp_core_find(struct wdp_core *core, const OSSL_DISPATCH *in)
{
	for (; in->function_id; in++) {
		switch (in->function_id) {
		case OSSL_FUNC_CORE_GET_PARAMS:
			core->get_params = OSSL_FUNC_core_get_params(in);
			break;
		case OSSL_FUNC_CORE_NEW_ERROR:
			core->new_error = OSSL_FUNC_core_new_error(in);
			break;
		case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
			core->set_error_debug =
				OSSL_FUNC_core_set_error_debug(in);
			break;
		case OSSL_FUNC_CORE_VSET_ERROR:
			core->vset_error = OSSL_FUNC_core_vset_error(in);
			break;
		case OSSL_FUNC_PROVIDER_REGISTER_CHILD_CB:
			core->register_child_cb =
				OSSL_FUNC_provider_register_child_cb(in);
			break;
		case OSSL_FUNC_PROVIDER_DEREGISTER_CHILD_CB:
			core->deregister_child_cb =
				OSSL_FUNC_provider_deregister_child_cb(in);
			break;
		case OSSL_FUNC_PROVIDER_NAME:
			core->provider_name = OSSL_FUNC_provider_name(in);
			break;
		case OSSL_FUNC_BIO_READ_EX:
			core->bio_read_ex = OSSL_FUNC_BIO_read_ex(in);
			break;
		case OSSL_FUNC_BIO_WRITE_EX:
			core->bio_write_ex = OSSL_FUNC_BIO_write_ex(in);
			break;
		case OSSL_FUNC_BIO_GETS:
			core->bio_gets = OSSL_FUNC_BIO_gets(in);
			break;
		case OSSL_FUNC_BIO_PUTS:
			core->bio_puts = OSSL_FUNC_BIO_puts(in);
			break;
		case OSSL_FUNC_BIO_CTRL:
			core->bio_ctrl = OSSL_FUNC_BIO_ctrl(in);
			break;
		case OSSL_FUNC_BIO_UP_REF:
			core->bio_up_ref = OSSL_FUNC_BIO_up_ref(in);
			break;
		case OSSL_FUNC_BIO_FREE:
			core->bio_free = OSSL_FUNC_BIO_free(in);
			break;
		}
	}
}

/* Directory of this very module, where wd_emu.so lies too. */
static int wdp_module_dir(char *dir, size_t size)
{
	static const char here;
	Dl_info info;
	char *slash;

	if (!dladdr(&here, &info) || !info.dli_fname)
		return -ENOENT;
	if (snprintf(dir, size, "%s", info.dli_fname) >= (int)size)
		return -ENAMETOOLONG;
	slash = strrchr(dir, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	return 0;
}

static int wdp_offload_open(struct wdp_ctx *p)
{
	struct offload_config cfg;
	char dir[PATH_MAX], why[256] = "";
	int rc;

	offload_config_init(&cfg);
	cfg.device = p->cfg.device;
	cfg.module_dir = wdp_module_dir(dir, sizeof(dir)) ? NULL : dir;
	cfg.queues = p->cfg.queues;
	cfg.batch = p->cfg.batch;
	cfg.poll = p->cfg.poll;
	cfg.timeout_ms = p->cfg.timeout_ms;
	cfg.insist = !p->cfg.fallback;
	cfg.stats = p->cfg.stats;
	memcpy(cfg.min_bytes, p->cfg.min_bytes, sizeof(cfg.min_bytes));
	memcpy(cfg.min_decrypt, p->cfg.min_decrypt, sizeof(cfg.min_decrypt));
	rc = offload_new(&p->off, &cfg, why, sizeof(why));
	if (rc != -EINVAL)
		return rc;
	wdp_raise(p, WDP_R_BAD_CONFIG, "device = %s: %s", cfg.device, why);
	wd_err("device = %s: %s; nothing is offloaded", cfg.device, why);
	cfg.device = "none";
	return offload_new(&p->off, &cfg, why, sizeof(why));
}

static const OSSL_ITEM *wdp_get_reasons(void *provctx)
{
	(void)provctx;
	return wdp_reasons;
}

static void wdp_teardown(void *provctx)
{
	struct wdp_ctx *p = provctx;

	wdp_peers_unwatch(p);
	wdp_live_del(p);
	offload_free(p->off);
	wdp_table_fini(p);
	wdp_alone_fini(p);
	wdp_digest_fini(p);
	wdp_direct_free(p);
	wdp_curves_free(p);
	wdp_twin_free(p);
	wdp_rooms_free(p);
	wdp_config_free(p);
	free(p);
}

static const OSSL_DISPATCH wdp_functions[] = {
	{ WDP_FN(PROVIDER_TEARDOWN, wdp_teardown) },
	{ WDP_FN(PROVIDER_GETTABLE_PARAMS, wdp_gettable_params) },
	{ WDP_FN(PROVIDER_GET_PARAMS, wdp_get_params) },
	{ WDP_FN(PROVIDER_QUERY_OPERATION, wdp_table_query) },
	{ WDP_FN(PROVIDER_GET_CAPABILITIES, wdp_table_capabilities) },
	{ WDP_FN(PROVIDER_GET_REASON_STRINGS, wdp_get_reasons) },
	{ 0, NULL },
};

OSSL_provider_init_fn OSSL_provider_init;
__attribute__((visibility("default"))) int
OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		   const OSSL_DISPATCH **out, void **provctx)
{
	struct wdp_ctx *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return 0;
	p->handle = handle;
	wdp_core_find(&p->core, in);
	rc = wdp_config_read(p);
	if (rc)
		goto free_ctx;
	rc = wdp_offload_open(p);
	if (rc)
		goto free_config;
	rc = wdp_table_init(p);
	if (rc)
		goto free_offload;
	rc = wdp_peers_watch(p);
	if (rc)
		goto free_table;
	rc = wdp_live_add(p);
	if (rc)
		goto unwatch_peers;
	*out = wdp_functions;
	*provctx = p;
	return 1;

unwatch_peers:
	wdp_peers_unwatch(p);
free_table:
	wdp_table_fini(p);
free_offload:
	offload_free(p->off);
free_config:
	wdp_config_free(p);
free_ctx:
	wdp_ok(p, rc);
	free(p);
	return 0;
}
