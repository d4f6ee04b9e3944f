/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the provider says of itself: OSSL_PROVIDER_get_params().  The counters
 * come this way too, so that an application, a test or a tool in the same
 * process can see what went through the queues without any file or socket.
 */
#include "provider/wdp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/params.h>

#include "base/wd_base.h"

/* Text that grows; once out of memory it stays empty. */
struct wdp_text {
	char *at;
	size_t len, size;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void
wdp_text_add(struct wdp_text *t, const char *fmt, ...)
{
	va_list ap;
	char *at;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (t->failed || n < 0)
		return;
	if (t->len + (size_t)n + 1 > t->size) {
		t->size = 2 * t->size + (size_t)n + 1;
		at = realloc(t->at, t->size);
		t->failed = !at;
		if (!at)
			return;
		t->at = at;
	}
	va_start(ap, fmt);
	vsnprintf(t->at + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	t->len += (size_t)n;
}

/* "kunpeng930 (model): hpre sec", "none" */
static void wdp_say_device(struct wdp_ctx *p, struct wdp_text *t)
{
	unsigned int hpre = offload_qm_version(p->off, UACCE_HPRE);
	unsigned int sec = offload_qm_version(p->off, UACCE_SEC);
	unsigned int version = hpre > sec ? hpre : sec;

	if (!version) {
		wdp_text_add(t, "none");
		return;
	}
	wdp_text_add(t, "%s%s:%s%s", version >= 3 ? "kunpeng930" : "kunpeng920",
		     offload_is_model(p->off) ? " (model)" : "",
		     hpre ? " hpre" : "", sec ? " sec" : "");
}

static void wdp_say_kind(struct wdp_text *t, enum offload_kind kind,
			 const struct offload_kind_stats *s)
{
	wdp_text_add(t,
		     "\"%s\":{\"jobs\":%" PRIu64 ",\"bytes\":%" PRIu64
		     ",\"async\":%" PRIu64 ",\"done\":%" PRIu64
		     ",\"errors\":%" PRIu64 ",\"timeouts\":%" PRIu64
		     ",\"software\":%" PRIu64 ",\"wrong\":%" PRIu64 "},",
		     offload_kind_name(kind), s->jobs, s->bytes, s->async,
		     s->done, s->errors, s->timeouts, s->software, s->wrong);
}

static void wdp_say_whys(struct wdp_text *t, const struct offload_stats *s)
{
	for (int why = 0; why < OFFLOAD_WHYS; why++)
		wdp_text_add(t, "%s\"%s\":%" PRIu64,
			     why ? "," : ",\"software_why\":{",
			     offload_why_name((enum offload_why)why),
			     s->why[why]);
	wdp_text_add(t, "}");
}

static void wdp_say_stats(struct wdp_ctx *p, struct wdp_text *t)
{
	struct offload_stats s;

	offload_stats(p->off, &s);
	wdp_text_add(t, "{\"model\":%s,",
		     offload_is_model(p->off) ? "true" : "false");
	for (int kind = 0; kind < OFFLOAD_KINDS; kind++)
		wdp_say_kind(t, (enum offload_kind)kind, &s.kind[kind]);
	wdp_text_add(t,
		     "\"sq_bells\":%" PRIu64 ",\"cq_bells\":%" PRIu64
		     ",\"bells_full\":%" PRIu64 ",\"bells_idle\":%" PRIu64
		     ",\"bells_age\":%" PRIu64 ",\"polled\":%" PRIu64
		     ",\"spun_ns\":%" PRIu64 ",\"copied\":%" PRIu64
		     ",\"sleeps\":%" PRIu64 ",\"wakes\":%" PRIu64
		     ",\"abandoned\":%" PRIu64 ",\"quarantined\":%" PRIu64
		     ",\"resets\":%" PRIu64 ",\"lanes\":%" PRIu64,
		     s.sq_bells, s.cq_bells, s.bells_full, s.bells_idle,
		     s.bells_age, s.polled, s.spun_ns, s.copied, s.sleeps,
		     s.wakes, s.abandoned, s.quarantined, s.resets, s.lanes);
	wdp_say_whys(t, &s);
	wdp_text_add(t, "}");
}

static void wdp_say_mistakes(struct wdp_ctx *p, struct wdp_text *t)
{
	wdp_text_add(t, "%s", "");
	for (const struct wdp_complaint *c = p->complaints; c; c = c->next)
		wdp_text_add(t, "%s%s", t->len ? "\n" : "", c->text);
}

static int wdp_set_said(struct wdp_ctx *p, OSSL_PARAM *a,
			void (*say)(struct wdp_ctx *p, struct wdp_text *t))
{
	struct wdp_text t = { 0 };
	int ok;

	say(p, &t);
	ok = t.at && !t.failed && OSSL_PARAM_set_utf8_string(a, t.at);
	free(t.at);
	return ok;
}

static const struct {
	const char *key;
	void (*say)(struct wdp_ctx *p, struct wdp_text *t);
} wdp_sayings[] = {
	{ WDP_PARAM_DEVICE, wdp_say_device },
	{ WDP_PARAM_STATS, wdp_say_stats },
	{ WDP_PARAM_MISTAKES, wdp_say_mistakes },
};

static const struct {
	const char *key, *value;
} wdp_constants[] = {
	{ OSSL_PROV_PARAM_NAME, "wd Kunpeng offload provider" },
	{ OSSL_PROV_PARAM_VERSION, WD_VERSION },
	{ OSSL_PROV_PARAM_BUILDINFO, WD_BUILDINFO },
};

const OSSL_PARAM *wdp_gettable_params(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
		OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
		OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, NULL, 0),
		OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL),
		OSSL_PARAM_utf8_string(WDP_PARAM_DEVICE, NULL, 0),
		OSSL_PARAM_int(WDP_PARAM_MODEL, NULL),
		OSSL_PARAM_utf8_string(WDP_PARAM_STATS, NULL, 0),
		OSSL_PARAM_utf8_string(WDP_PARAM_MISTAKES, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
}

int wdp_get_params(void *provctx, OSSL_PARAM params[])
{
	struct wdp_ctx *p = provctx;
	OSSL_PARAM *a;

	for (size_t i = 0; i < WD_ARRAY_SIZE(wdp_constants); i++) {
		a = OSSL_PARAM_locate(params, wdp_constants[i].key);
		if (a && !OSSL_PARAM_set_utf8_ptr(a, wdp_constants[i].value))
			return 0;
	}
	for (size_t i = 0; i < WD_ARRAY_SIZE(wdp_sayings); i++) {
		a = OSSL_PARAM_locate(params, wdp_sayings[i].key);
		if (a && !wdp_set_said(p, a, wdp_sayings[i].say))
			return 0;
	}
	a = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
	if (a && !OSSL_PARAM_set_int(a, 1))
		return 0;
	a = OSSL_PARAM_locate(params, WDP_PARAM_MODEL);
	return !a || OSSL_PARAM_set_int(a, offload_is_model(p->off));
}
