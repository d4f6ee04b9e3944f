/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/wdbench.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "base/wd_base.h"

static double per_op(const struct outcome *o, uint64_t n)
{
	return o->r.ops ? (double)n / (double)o->r.ops : 0;
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static double descriptors_per_s(const struct outcome *o)
{
	return o->r.rate * per_op(o, o->descriptors);
}

/* Public-key operations of a server's handshake: a fresh key, the shared
 * secret, a signature; a resumed one of TLS 1.3 does without the last. */
static unsigned int handshake_ops(const struct bench_row *r)
{
	if (!r->resume)
		return 3;
	return r->tls == TLS1_3_VERSION ? 2 : 0;
}

/* Share of a handshake's public-key operations that the device did; negative:
 * no handshake, or none to do. */
static double offloaded(const struct cell *c, const struct outcome *o)
{
	unsigned int n = c->op->row.tls ? handshake_ops(&c->op->row) : 0;

	return n ? per_op(o, o->descriptors - o->checks) / n : -1;
}

/* ---- JSON ------------------------------------------------------------------- */

static void json_head(const struct ask *ask)
{
	printf("{\"wdbench\":\"%s\",\"openssl\":\"%s\",\"cpus\":%ld,"
	       "\"seconds\":%g,\"wake\":\"%s\",\"results\":[",
	       WD_VERSION, OpenSSL_version(OPENSSL_VERSION_STRING),
	       sysconf(_SC_NPROCESSORS_ONLN), ask->seconds,
	       ask->callback ? "callback" : "eventfd");
}

static void json_optional(const char *name, double value)
{
	if (value < 0)
		printf(",\"%s\":null", name);
	else
		printf(",\"%s\":%.4f", name, value);
}

static void json_line(const struct ask *ask, const struct cell *c,
		      const struct outcome *o, const struct outcome *base)
{
	static bool more;

	printf("%s\n{\"row\":\"%s\",\"provider\":\"%s\",\"served_by\":\"%s\","
	       "\"jobs\":%u,\"threads\":%u,\"processes\":%u,",
	       more ? "," : "", c->op->name, c->provider, o->served, c->jobs,
	       c->threads, c->processes);
	more = true;
	printf("\"model\":%s,\"ops\":%llu,\"ops_per_s\":%.1f,"
	       "\"app_cpu_us\":%.4f,\"helper_cpu_us\":%.4f,"
	       "\"model_cpu_us\":%.4f,"
	       "\"p50_us\":%.3f,\"p90_us\":%.3f,\"p99_us\":%.3f,"
	       "\"p999_us\":%.3f",
	       o->model ? "true" : "false", (unsigned long long)o->r.ops,
	       o->r.rate, per_op(o, o->r.app_ns) / 1e3,
	       per_op(o, o->r.helper_ns) / 1e3, per_op(o, o->r.model_ns) / 1e3,
	       bench_hist_ns(&o->r.latency, 0.5) / 1e3,
	       bench_hist_ns(&o->r.latency, 0.9) / 1e3,
	       bench_hist_ns(&o->r.latency, 0.99) / 1e3,
	       bench_hist_ns(&o->r.latency, 0.999) / 1e3);
	json_optional("allocs",
		      bench_allocs_now ? per_op(o, o->r.allocs.all) : -1);
	json_optional("allocs_wd",
		      bench_allocs_now ? per_op(o, o->r.allocs.own) : -1);
	json_optional("syscalls", o->syscalls);
	json_optional("descriptors", per_op(o, o->descriptors));
	json_optional("descriptors_per_s", descriptors_per_s(o));
	json_optional("doorbells", per_op(o, o->bells));
	json_optional("software", per_op(o, o->software));
	json_optional("context_bytes", o->context_bytes);
	json_optional("offloaded", offloaded(c, o));
	json_optional("rate_ratio", base ? ratio(o->r.rate, base->r.rate) : -1);
	json_optional("cpu_ratio", base ? ratio(per_op(o, o->r.app_ns),
						per_op(base, base->r.app_ns))
					: -1);
	putchar('}');
	(void)ask;
}

/* ---- table -------------------------------------------------------------------- */

static void table_words(const char *const words[])
{
	static const int width[] = { -30, -9, -9, 10, 7, 9, 7, 8,
				     9,	  9,  6,  5,  6, 6, 5, 8 };

	for (size_t i = 0; i < WD_ARRAY_SIZE(width); i++)
		printf("%s%*s", i ? " " : "", width[i], words[i]);
	putchar('\n');
}

static void table_head(const struct ask *ask)
{
	static const char *const above[] = {
		"", "", "",	 "",   "",    "app us", "of",	"model",
		"", "", "allo-", "of", "sys", "desc-",	"door", "descr",
	};
	static const char *const below[] = {
		"operation", "provider", "way",	   "ops/s",  "ratio", "per op",
		"helper",    "us/op",	 "p50 us", "p99 us", "cs/op", "wd",
		"calls",     "rs/op",	 "bells",  "per s",
	};

	printf("wdbench %s, OpenSSL %s, %ld CPUs, %s\n\n", WD_VERSION,
	       OpenSSL_version(OPENSSL_VERSION_STRING),
	       sysconf(_SC_NPROCESSORS_ONLN),
	       ask->callback ? "jobs woken by callback"
			     : "jobs woken by eventfd");
	table_words(above);
	table_words(below);
}

static const char *way(const struct cell *c, char *buf, size_t size)
{
	int n = c->jobs ? snprintf(buf, size, "%uj", c->jobs)
			: snprintf(buf, size, "sync");

	if (c->threads > 1)
		n += snprintf(buf + n, size - (size_t)n, " %ut", c->threads);
	if (c->processes > 1)
		snprintf(buf + n, size - (size_t)n, " %up", c->processes);
	return buf;
}

/* Two decimals, dropped when there is nothing behind the point. */
static const char *number(double v, char *buf, size_t size)
{
	if (v < 0)
		return "-";
	if (v < 0.005)
		return "0";
	snprintf(buf, size, "%.2f", v);
	return buf;
}

static void table_line(const struct cell *c, const struct outcome *o,
		       const struct outcome *base)
{
	double v[] = { bench_allocs_now ? per_op(o, o->r.allocs.all) : -1,
		       bench_allocs_now ? per_op(o, o->r.allocs.own) : -1,
		       o->syscalls, per_op(o, o->descriptors),
		       per_op(o, o->bells) };
	static const int width[] = { 6, 5, 6, 6, 5 };
	char buf[32];

	printf("%-30s %-9s ", c->op->name, c->provider);
	printf("%-9s %10.0f ", way(c, buf, sizeof(buf)), o->r.rate);
	if (base)
		printf("%6.2fx ", ratio(o->r.rate, base->r.rate));
	else
		printf("%7s ", "");
	printf("%9.*f %7.2f %8.2f %9.2f %9.2f",
	       per_op(o, o->r.app_ns) < 1e3 ? 3 : 2,
	       per_op(o, o->r.app_ns) / 1e3, per_op(o, o->r.helper_ns) / 1e3,
	       per_op(o, o->r.model_ns) / 1e3,
	       bench_hist_ns(&o->r.latency, 0.5) / 1e3,
	       bench_hist_ns(&o->r.latency, 0.99) / 1e3);
	for (size_t i = 0; i < WD_ARRAY_SIZE(v); i++)
		printf(" %*s", width[i], number(v[i], buf, sizeof(buf)));
	printf(" %8.0f", descriptors_per_s(o));
	if (offloaded(c, o) > 0)
		printf("  (%.0f %% of the public-key operations offloaded)",
		       offloaded(c, o) * 100);
	else if (strcmp(o->served, c->provider))
		printf("  (done by %s)", o->served);
	else if (per_op(o, o->software) >= 0.005)
		printf("  (software %.0f %%)", per_op(o, o->software) * 100);
	if (o->context_bytes >= 0)
		printf("  (%.0f bytes a context)", o->context_bytes);
	putchar('\n');
	fflush(stdout);
}

/* ---- both ------------------------------------------------------------------------ */

void wdbench_print_head(const struct ask *ask)
{
	if (ask->json)
		json_head(ask);
	else
		table_head(ask);
}

void wdbench_print(const struct ask *ask, const struct cell *cell,
		   const struct outcome *out, const struct outcome *base)
{
	if (ask->json)
		json_line(ask, cell, out, base);
	else
		table_line(cell, out, base);
}

void wdbench_print_end(const struct ask *ask, const struct outcome *device)
{
	if (ask->json) {
		printf("\n],\"device\":\"%s\",\"model\":%s}\n",
		       device ? device->device : "",
		       device && device->model ? "true" : "false");
		return;
	}
	if (!device)
		return;
	printf("\ndevice: %s\n", device->device);
	if (device->model)
		puts("The device is a MODEL that computes on this machine's "
		     "CPU: rates and latencies\nsay nothing about silicon. "
		     "What holds there too is app us/op, the application's "
		     "CPU.");
}
