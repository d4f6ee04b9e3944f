/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/wd_base.h"
#include "emu/emu_card.h"

#define EMU_WORD_MAX 64 /* longest option */

static const char *const emu_fault_names[EMU_FAULT_KINDS] = {
	[EMU_FAULT_DELAY] = "delay",   [EMU_FAULT_DROP] = "drop",
	[EMU_FAULT_STATUS] = "status", [EMU_FAULT_WRONG] = "wrong",
	[EMU_FAULT_STOP] = "stop",     [EMU_FAULT_RESET] = "reset",
	[EMU_FAULT_GONE] = "gone",     [EMU_FAULT_ERROR] = "error",
};

/* Error bits that the queue manager has; the one that harms nothing. */
#define EMU_ERROR_BITS	    15
#define EMU_ERROR_CORRECTED 3

/* A decimal number and nothing else; 18 digits can't overflow. */
static bool emu_number(const char *s, size_t len, uint64_t *out)
{
	uint64_t n = 0;

	if (!len || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s[i] - '0');
	}
	*out = n;
	return true;
}

static void emu_opt_920(struct emu_host_options *o, uint64_t n)
{
	(void)n;
	o->config.model = EMU_KUNPENG920;
}

static void emu_opt_930(struct emu_host_options *o, uint64_t n)
{
	(void)n;
	o->config.model = EMU_KUNPENG930;
}

static void emu_opt_threads(struct emu_host_options *o, uint64_t n)
{
	o->threads = (unsigned int)n;
}

static void emu_opt_inline(struct emu_host_options *o, uint64_t n)
{
	(void)n;
	o->run_inline = true;
}

static void emu_opt_latency(struct emu_host_options *o, uint64_t n)
{
	o->config.latency_us = (unsigned int)n;
}

static void emu_opt_rate(struct emu_host_options *o, uint64_t n)
{
	o->config.rate = (unsigned int)n;
}

static void emu_opt_replay(struct emu_host_options *o, uint64_t n)
{
	(void)n;
	o->config.replay = true;
}

static void emu_opt_nosva(struct emu_host_options *o, uint64_t n)
{
	(void)n;
	o->nosva = true;
}

static void emu_opt_queues(struct emu_host_options *o, uint64_t n)
{
	o->queues = (unsigned int)n;
	o->config.queues = (unsigned int)n;
}

static void emu_opt_hpre(struct emu_host_options *o, uint64_t n)
{
	o->devices[UACCE_HPRE] = (unsigned int)n;
}

static void emu_opt_sec(struct emu_host_options *o, uint64_t n)
{
	o->devices[UACCE_SEC] = (unsigned int)n;
}

static void emu_opt_zip(struct emu_host_options *o, uint64_t n)
{
	o->devices[UACCE_ZIP] = (unsigned int)n;
}

static const struct emu_option {
	const char *name;
	bool number; /* NAME=N, @min to @max; else the bare word */
	uint64_t min, max;
	void (*set)(struct emu_host_options *o, uint64_t n);
} emu_options[] = {
	{ "kunpeng920", false, 0, 0, emu_opt_920 },
	{ "kunpeng930", false, 0, 0, emu_opt_930 },
	{ "threads", true, 1, EMU_THREADS_MAX, emu_opt_threads },
	{ "inline", false, 0, 0, emu_opt_inline },
	{ "latency_us", true, 0, 10000000, emu_opt_latency },
	{ "rate", true, 0, 1000000000, emu_opt_rate },
	{ "replay", false, 0, 0, emu_opt_replay },
	{ "nosva", false, 0, 0, emu_opt_nosva },
	{ "queues", true, 1, EMU_CARD_QUEUES_MAX, emu_opt_queues },
	{ "hpre", true, 0, EMU_DEVICES_MAX, emu_opt_hpre },
	{ "sec", true, 0, EMU_DEVICES_MAX, emu_opt_sec },
	{ "zip", true, 0, EMU_DEVICES_MAX, emu_opt_zip },
};

/* --- fault=[ENGINE.]KIND@N[:ARG] or KIND/N[:ARG] ------------------------- */

static const char *emu_fault_engine(const char *s, enum uacce_engine *engine)
{
	*engine = UACCE_ENGINES;
	if (!strncmp(s, "hpre.", 5)) {
		*engine = UACCE_HPRE;
		return s + 5;
	}
	if (!strncmp(s, "zip.", 4)) {
		*engine = UACCE_ZIP;
		return s + 4;
	}
	if (!strncmp(s, "sec.", 4)) {
		*engine = UACCE_SEC;
		return s + 4;
	}
	return s;
}

static bool emu_fault_kind(const char *s, size_t len, enum emu_fault_kind *kind)
{
	for (unsigned int k = 0; k < EMU_FAULT_KINDS; k++) {
		if (strlen(emu_fault_names[k]) != len ||
		    memcmp(emu_fault_names[k], s, len) != 0)
			continue;
		*kind = (enum emu_fault_kind)k;
		return true;
	}
	return false;
}

/* @s is what follows N.  Return: NULL, or what is wrong. */
static const char *emu_fault_argument(const char *s, struct emu_fault *f)
{
	bool given = *s && emu_number(s + 1, strlen(s + 1), &f->arg);

	switch (f->kind) {
	case EMU_FAULT_DELAY:
		return given ? NULL : "delay is followed by :MICROSECONDS";
	case EMU_FAULT_ERROR:
		if (!*s)
			f->arg = EMU_ERROR_CORRECTED;
		else if (!given || f->arg >= EMU_ERROR_BITS)
			return "error is followed by nothing or :BIT, 0 to 14";
		return NULL;
	default:
		return *s ? "only delay and error take an argument" : NULL;
	}
}

/* Return: NULL, or what is wrong. */
static const char *emu_fault_parse(const char *s, struct emu_fault *f,
				   enum uacce_engine *engine)
{
	size_t len;

	*f = (struct emu_fault){ 0 };
	s = emu_fault_engine(s, engine);
	len = strcspn(s, "@/");
	if (!emu_fault_kind(s, len, &f->kind))
		return "the kind is one of delay, drop, status, wrong, stop, "
		       "reset, gone, error";
	if (!s[len])
		return "KIND is followed by @N (the N-th job) or /N (every "
		       "N-th)";
	f->every = s[len] == '/';
	s += len + 1;
	len = strcspn(s, ":");
	if (!emu_number(s, len, &f->nth) || !f->nth)
		return "N is a number from 1";
	if (f->every)
		f->every = f->nth;
	return emu_fault_argument(s + len, f);
}

static int emu_fault_option(struct emu_host_options *o, const char *word,
			    const char *value, char *why, size_t size)
{
	unsigned int n = o->config.fault_count;
	const char *wrong;

	if (n == EMU_FAULTS_MAX) {
		snprintf(why, size, "\"%s\": at most %d faults", word,
			 EMU_FAULTS_MAX);
		return -EINVAL;
	}
	wrong = emu_fault_parse(value, &o->config.faults[n],
				&o->fault_engine[n]);
	if (wrong) {
		snprintf(why, size, "\"%s\": %s", word, wrong);
		return -EINVAL;
	}
	o->config.fault_count++;
	return 0;
}

/* --- words --------------------------------------------------------------- */

static int emu_option_set(struct emu_host_options *o,
			  const struct emu_option *opt, const char *word,
			  const char *value, char *why, size_t size)
{
	uint64_t n = 0;

	if (!opt->number && value) {
		snprintf(why, size, "\"%s\": %s takes no value", word,
			 opt->name);
		return -EINVAL;
	}
	if (opt->number && (!value || !emu_number(value, strlen(value), &n) ||
			    n < opt->min || n > opt->max)) {
		snprintf(why, size,
			 "\"%s\": %s=N takes a number from %llu to "
			 "%llu",
			 word, opt->name, (unsigned long long)opt->min,
			 (unsigned long long)opt->max);
		return -EINVAL;
	}
	opt->set(o, n);
	return 0;
}

static int emu_word(struct emu_host_options *o, const char *word, char *why,
		    size_t size)
{
	const char *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	const char *value = eq ? eq + 1 : NULL;
	int n;

	if (value && len == 5 && !memcmp(word, "fault", len))
		return emu_fault_option(o, word, value, why, size);
	for (size_t i = 0; i < WD_ARRAY_SIZE(emu_options); i++)
		if (strlen(emu_options[i].name) == len &&
		    !memcmp(emu_options[i].name, word, len))
			return emu_option_set(o, &emu_options[i], word, value,
					      why, size);
	n = snprintf(why, size, "\"%s\" is no option of the model; there are",
		     word);
	for (size_t i = 0; i < WD_ARRAY_SIZE(emu_options); i++)
		if (n > 0 && (size_t)n < size)
			n += snprintf(why + n, size - (size_t)n, " %s%s,",
				      emu_options[i].name,
				      emu_options[i].number ? "=N" : "");
	if (n > 0 && (size_t)n < size)
		snprintf(why + n, size - (size_t)n, " fault=KIND@N[:ARG]");
	return -EINVAL;
}

int emu_host_parse(struct emu_host_options *o, const char *text, char *why,
		   size_t size)
{
	char word[EMU_WORD_MAX];

	*o = (struct emu_host_options){
		.config = { .model = EMU_KUNPENG930, .queues = 256 },
		.threads = 1,
		.queues = 256,
		.devices = { [UACCE_HPRE] = 1, [UACCE_SEC] = 1 },
	};
	while (*text) {
		size_t len = strcspn(text, ",");
		int rc;

		if (len >= sizeof(word)) {
			snprintf(why, size, "\"%.*s...\" is too long",
				 EMU_WORD_MAX - 1, text);
			return -EINVAL;
		}
		memcpy(word, text, len);
		word[len] = '\0';
		rc = len ? emu_word(o, word, why, size) : 0;
		if (rc)
			return rc;
		text += len + (text[len] == ',');
	}
	return 0;
}
