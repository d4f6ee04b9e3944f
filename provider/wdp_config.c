/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to struct wdp_config.  Two sources say the same keys: the section
 * libcrypto read, then the environment.
 *
 * The core hands out only parameters one asks for by name, so a misspelt key
 * stays unseen.  When we were activated by a configuration file, the file is
 * parsed once more to learn the names standing in our section, and the core is
 * asked for each that we do not know: if it has it, it was meant for us.
 *
 * A mistake never keeps the provider from loading: it is told and the default
 * stays.
 */
#include "provider/wdp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "base/wd_base.h"
#include "base/wd_log.h"

#define WDP_ENV_PREFIX	     "WD_"
/* Longest key, "min_bytes.rsa-private" with room; bounds stack buffers. */
#define WDP_KEY_LEN	     48
/* min_bytes of a kind, after all other keys in wdp_key_at(). */
#define WDP_MIN_BYTES_PREFIX "min_bytes."

struct wdp_key {
	const char *name;
	/* 0; -EINVAL: not allowed; -ENOMEM.  Writes only on success. */
	int (*read)(const struct wdp_key *k, struct wdp_config *cfg,
		    const char *value);
	size_t at; /* of the member in struct wdp_config */
	uint32_t min, max;
	const char *allowed;
};

/* ---- how values are read ----------------------------------------------- */

static void *wdp_member(const struct wdp_key *k, struct wdp_config *cfg)
{
	return (char *)cfg + k->at;
}

static int wdp_read_string(const struct wdp_key *k, struct wdp_config *cfg,
			   const char *value)
{
	char **member = wdp_member(k, cfg);
	char *copy;

	if (!*value)
		return -EINVAL;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*member);
	*member = copy;
	return 0;
}

static int wdp_read_path(const struct wdp_key *k, struct wdp_config *cfg,
			 const char *value)
{
	char **member = wdp_member(k, cfg);

	if (!strcasecmp(value, "off")) {
		free(*member);
		*member = NULL;
		return 0;
	}
	return *value == '/' ? wdp_read_string(k, cfg, value) : -EINVAL;
}

static int wdp_word(const char *value, const char *const words[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(value, words[i]))
			return (int)i;
	return -EINVAL;
}

static int wdp_read_bool(const struct wdp_key *k, struct wdp_config *cfg,
			 const char *value)
{
	static const char *const words[] = { "no",    "yes",  "off", "on",
					     "false", "true", "0",   "1" };
	int i = wdp_word(value, words, WD_ARRAY_SIZE(words));

	if (i < 0)
		return i;
	*(bool *)wdp_member(k, cfg) = i % 2;
	return 0;
}

static int wdp_read_poll(const struct wdp_key *k, struct wdp_config *cfg,
			 const char *value)
{
	static const char *const words[] = {
		[OFFLOAD_POLL_AUTO] = "auto",
		[OFFLOAD_POLL_THREAD] = "thread",
		[OFFLOAD_POLL_NONE] = "none",
	};
	int i = wdp_word(value, words, WD_ARRAY_SIZE(words));

	if (i < 0)
		return i;
	*(enum offload_poll *)wdp_member(k, cfg) = (enum offload_poll)i;
	return 0;
}

/* Decimal digits, nothing else but one of @suffixes ("" for none). */
static int wdp_number(const struct wdp_key *k, const char *value, bool suffix,
		      uint32_t *out)
{
	unsigned long long n;
	char *end;

	if (*value < '0' || *value > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(value, &end, 10);
	if (errno || n > UINT32_MAX)
		return -EINVAL;
	if (suffix && (*end == 'k' || *end == 'K'))
		n <<= 10, end++;
	else if (suffix && (*end == 'm' || *end == 'M'))
		n <<= 20, end++;
	if (*end || n < k->min || n > k->max)
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

static int wdp_read_uint(const struct wdp_key *k, struct wdp_config *cfg,
			 const char *value)
{
	uint32_t n;
	int rc = wdp_number(k, value, false, &n);

	if (!rc)
		*(unsigned int *)wdp_member(k, cfg) = n;
	return rc;
}

/* k->at is the kind. */
static int wdp_read_min_decrypt(const struct wdp_key *k, struct wdp_config *cfg,
				const char *value)
{
	return wdp_number(k, value, true, &cfg->min_decrypt[k->at]);
}

static int wdp_read_min_bytes(const struct wdp_key *k, struct wdp_config *cfg,
			      const char *value)
{
	int rc = wdp_number(k, value, true, &cfg->min_bytes[k->at]);

	if (!rc)
		cfg->min_decrypt[k->at] = cfg->min_bytes[k->at];
	return rc;
}

static int wdp_read_all_min_bytes(const struct wdp_key *k,
				  struct wdp_config *cfg, const char *value)
{
	uint32_t n;
	int rc = wdp_number(k, value, true, &n);

	for (size_t i = 0; !rc && i < OFFLOAD_KINDS; i++)
		cfg->min_bytes[i] = cfg->min_decrypt[i] = n;
	return rc;
}

static int wdp_read_log(const struct wdp_key *k, struct wdp_config *cfg,
			const char *value)
{
	struct wdp_log log;
	int rc = wdp_log_parse(&log, value);

	return rc ? rc : wdp_read_string(k, cfg, value);
}

/* ---- the key `algorithms` ----------------------------------------------- */

bool wdp_names_match(const char *names, const char *word, size_t len)
{
	while (*names) {
		size_t n = strcspn(names, ":");

		if (n >= len && !strncasecmp(names, word, len) &&
		    (n == len || names[len] == '-'))
			return true;
		names += n + (names[n] == ':');
	}
	return false;
}

/* One word of the list; *list moves on.  False: no more. */
static bool wdp_next_word(const char **list, const char **word, size_t *len,
			  bool *without)
{
	*word = *list + strspn(*list, ", \t");
	*len = strcspn(*word, ", \t");
	*list = *word + *len;
	*without = **word == '!';
	*word += *without;
	*len -= *without;
	return *len || *without;
}

static bool wdp_word_is_all(const char *word, size_t len)
{
	return len == 3 && !strncasecmp(word, "all", 3);
}

static int wdp_read_algorithms(const struct wdp_key *k, struct wdp_config *cfg,
			       const char *value)
{
	const char *list = value, *word;
	bool without;
	size_t len;

	while (wdp_next_word(&list, &word, &len, &without))
		if (!wdp_word_is_all(word, len) && !wdp_table_knows(word, len))
			return -EINVAL;
	return wdp_read_string(k, cfg, value);
}

bool wdp_config_allows(const struct wdp_config *cfg, const char *names)
{
	const char *list = cfg->algorithms, *word;
	bool without, named = false, some = false;
	size_t len;

	if (!list)
		return true;
	while (wdp_next_word(&list, &word, &len, &without)) {
		bool match = wdp_word_is_all(word, len) ||
			     wdp_names_match(names, word, len);

		if (without && match)
			return false;
		some |= !without;
		named |= match;
	}
	return named || !some;
}

/* ---- where the log goes -------------------------------------------------- */

int wdp_log_parse(struct wdp_log *log, const char *value)
{
	static const char *const words[] = {
		[WD_LOG_NONE] = "none",	   [WD_LOG_ERR] = "error",
		[WD_LOG_WARN] = "warning", [WD_LOG_INFO] = "info",
		[WD_LOG_DEBUG] = "debug",
	};
	char level[16];
	size_t len = strcspn(value, ":");
	int i;

	*log = (struct wdp_log){ .level = WD_LOG_WARN };
	if (!strcasecmp(value, "stderr"))
		return 0;
	if (len >= sizeof(level))
		return -EINVAL;
	memcpy(level, value, len);
	level[len] = '\0';
	i = wdp_word(level, words, WD_ARRAY_SIZE(words));
	if (i < 0)
		return i;
	log->level = (enum wd_log_level)i;
	if (!value[len])
		return 0;
	log->path = value + len + 1;
	return *log->path == '/' ? 0 : -EINVAL;
}

/*
 * A log file is opened once, early, for a process that may later be chrooted
 * or confined.  All instances of the provider share it: a later one takes its
 * place behind the same descriptor, which is never closed, because any thread
 * may be writing a line.
 */
static int wdp_log_file(const char *path)
{
	static _Atomic int shared = -1;
	int fd, seen = -1;

	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
		  0640);
	if (fd < 0)
		return -errno;
	if (atomic_compare_exchange_strong(&shared, &seen, fd))
		return fd;
	if (dup3(fd, seen, O_CLOEXEC) < 0)
		seen = -errno;
	close(fd);
	return seen;
}

static void wdp_log_open(struct wdp_ctx *p, const char *value)
{
	struct wdp_log log;
	int fd = STDERR_FILENO;

	if (!value || wdp_log_parse(&log, value))
		return;
	if (log.path)
		fd = wdp_log_file(log.path);
	if (fd < 0) {
		wdp_raise(p, WDP_R_BAD_CONFIG, "log = %s: %s", value,
			  strerror(-fd));
		return;
	}
	wd_log_to(fd, log.level);
}

/* ---- the keys ------------------------------------------------------------ */

static const struct wdp_key wdp_keys[] = {
#define WDP_KEY(key, how, member, lowest, highest, what)                       \
	{                                                                      \
		key,	how,	 offsetof(struct wdp_config, member),          \
		lowest, highest, what                                          \
	},
#include "provider/wdp_keys.def"
#undef WDP_KEY
};

/* Kinds that encrypt and decrypt; those of keys have no sizes. */
#define WDP_CIPHER_FIRST OFFLOAD_AES_GCM
#define WDP_CIPHERS	 (OFFLOAD_DES3 - OFFLOAD_AES_GCM + 1)

#define WDP_KEYS (WD_ARRAY_SIZE(wdp_keys) + OFFLOAD_KINDS + WDP_CIPHERS)

/*
 * Key number @i: a row, or min_bytes of a kind, or of its decryption, whose
 * name is made in @name.  In this order: what is more special overrides.
 */
static struct wdp_key wdp_key_at(size_t i, char name[WDP_KEY_LEN])
{
	size_t kind = i - WD_ARRAY_SIZE(wdp_keys);
	bool decrypt = kind >= OFFLOAD_KINDS;

	if (i < WD_ARRAY_SIZE(wdp_keys))
		return wdp_keys[i];
	if (decrypt)
		kind += WDP_CIPHER_FIRST - OFFLOAD_KINDS;
	snprintf(name, WDP_KEY_LEN, WDP_MIN_BYTES_PREFIX "%s%s",
		 offload_kind_name((enum offload_kind)kind),
		 decrypt ? ".decrypt" : "");
	return (struct wdp_key){
		.name = name,
		.read = decrypt ? wdp_read_min_decrypt : wdp_read_min_bytes,
		.at = kind,
		.max = UINT32_MAX,
		.allowed = "a number of bytes, k and m allowed",
	};
}

static bool wdp_key_known(const char *name)
{
	/* What libcrypto itself reads in a provider's section. */
	static const char *const cores[] = { "identity", "module", "activate",
					     "soft_load" };
	char buf[WDP_KEY_LEN];

	if (wdp_word(name, cores, WD_ARRAY_SIZE(cores)) >= 0)
		return true;
	for (size_t i = 0; i < WDP_KEYS; i++)
		if (!strcmp(name, wdp_key_at(i, buf).name))
			return true;
	return false;
}

/* WD_MIN_BYTES_AES_GCM for min_bytes.aes-gcm. */
static void wdp_env_name(char out[WDP_KEY_LEN], const char *key)
{
	size_t n = strlen(WDP_ENV_PREFIX);

	memcpy(out, WDP_ENV_PREFIX, n);
	for (; *key && n < WDP_KEY_LEN - 1; key++, n++) {
		out[n] = *key == '.' || *key == '-' ? '_' : *key;
		if (out[n] >= 'a' && out[n] <= 'z')
			out[n] = (char)(out[n] - 'a' + 'A');
	}
	out[n] = '\0';
}

/* ---- telling mistakes ---------------------------------------------------- */

static void wdp_complain(struct wdp_ctx *p, const char *text)
{
	size_t size = strlen(text) + 1;
	struct wdp_complaint *c = malloc(sizeof(*c) + size);

	if (!c)
		return;
	memcpy(c->text, text, size);
	c->next = p->complaints;
	p->complaints = c;
}

__attribute__((format(printf, 2, 3))) static void
wdp_mistake(struct wdp_ctx *p, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wdp_complain(p, text);
}

/* The log is configured by what is read here: so first read, then tell. */
static void wdp_tell_mistakes(struct wdp_ctx *p)
{
	for (struct wdp_complaint *c = p->complaints; c; c = c->next) {
		wdp_raise(p, WDP_R_BAD_CONFIG, "%s", c->text);
		wd_err("configuration: %s", c->text);
	}
}

static int wdp_config_set(struct wdp_ctx *p, const struct wdp_key *k,
			  const char *where, const char *value)
{
	int rc = k->read(k, &p->cfg, value);

	if (rc == -EINVAL)
		wdp_mistake(p, "%s = %s is not allowed; allowed: %s", where,
			    value, k->allowed);
	return rc == -EINVAL ? 0 : rc;
}

/* ---- the section --------------------------------------------------------- */

static const char *wdp_core_value(const struct wdp_ctx *p, const char *key)
{
	char *value = NULL;
	OSSL_PARAM ask[] = {
		OSSL_PARAM_utf8_ptr(NULL, &value, 0),
		OSSL_PARAM_END,
	};

	ask[0].key = key;
	if (!p->core.get_params || !p->core.get_params(p->handle, ask))
		return NULL;
	return value;
}

static int wdp_config_section(struct wdp_ctx *p)
{
	char buf[WDP_KEY_LEN];
	int rc = 0;

	for (size_t i = 0; !rc && i < WDP_KEYS; i++) {
		struct wdp_key k = wdp_key_at(i, buf);
		const char *value = wdp_core_value(p, k.name);

		if (value)
			rc = wdp_config_set(p, &k, k.name, value);
	}
	return rc;
}

/* Names in @section that we do not know but the core has for us. */
static void wdp_unknown_in(struct wdp_ctx *p, const CONF *conf,
			   const char *section, const char *prefix,
			   unsigned int depth)
{
	STACK_OF(CONF_VALUE) *values = NCONF_get_section(conf, section);
	char name[2 * WDP_KEY_LEN];

	for (int i = 0; values && i < sk_CONF_VALUE_num(values); i++) {
		const CONF_VALUE *v = sk_CONF_VALUE_value(values, i);

		snprintf(name, sizeof(name), "%s%s", prefix, v->name);
		/* libcrypto takes a value that names a section as one. */
		if (depth && NCONF_get_section(conf, v->value)) {
			strncat(name, ".", sizeof(name) - strlen(name) - 1);
			wdp_unknown_in(p, conf, v->value, name, depth - 1);
			continue;
		}
		if (!wdp_key_known(name) && wdp_core_value(p, name))
			wdp_mistake(p,
				    "%s is not a key of wd, see "
				    "provider-wd(7)",
				    name);
	}
}

/* Every provider's section: those of others hold nothing the core has for
 * us, so there is no need to know which is ours. */
static void wdp_unknown_in_file(struct wdp_ctx *p, const CONF *conf)
{
	const char *init = NCONF_get_string(conf, NULL, "openssl_conf");
	const char *list =
		init ? NCONF_get_string(conf, init, "providers") : NULL;
	STACK_OF(CONF_VALUE) *providers =
		list ? NCONF_get_section(conf, list) : NULL;

	for (int i = 0; providers && i < sk_CONF_VALUE_num(providers); i++)
		wdp_unknown_in(p, conf,
			       sk_CONF_VALUE_value(providers, i)->value, "", 1);
}

static void wdp_config_unknown_keys(struct wdp_ctx *p)
{
	char *path;
	CONF *conf;

	/* Not from a configuration file: nobody could have misspelt a key. */
	if (!wdp_core_value(p, "activate"))
		return;
	ERR_set_mark();
	path = CONF_get1_default_config_file();
	conf = path ? NCONF_new(NULL) : NULL;
	if (conf && NCONF_load(conf, path, NULL) > 0)
		wdp_unknown_in_file(p, conf);
	NCONF_free(conf);
	OPENSSL_free(path);
	ERR_pop_to_mark();
}

/* ---- the environment ----------------------------------------------------- */

static int wdp_config_environment(struct wdp_ctx *p, const char *const env[])
{
	char buf[WDP_KEY_LEN], name[WDP_KEY_LEN];
	int rc = 0;

	for (size_t i = 0; !rc && i < WDP_KEYS; i++) {
		struct wdp_key k = wdp_key_at(i, buf);

		wdp_env_name(name, k.name);
		for (const char *const *e = env; !rc && *e; e++) {
			size_t n = strlen(name);

			if (!strncmp(*e, name, n) && (*e)[n] == '=')
				rc = wdp_config_set(p, &k, name, *e + n + 1);
		}
	}
	return rc;
}

static bool wdp_env_known(const char *variable, size_t len)
{
	char buf[WDP_KEY_LEN], name[WDP_KEY_LEN];

	for (size_t i = 0; i < WDP_KEYS; i++) {
		wdp_env_name(name, wdp_key_at(i, buf).name);
		if (strlen(name) == len && !strncmp(name, variable, len))
			return true;
	}
	return false;
}

static void wdp_env_unknown(struct wdp_ctx *p, const char *const env[])
{
	for (const char *const *e = env; *e; e++) {
		size_t n = strcspn(*e, "=");

		if (!strncmp(*e, WDP_ENV_PREFIX, strlen(WDP_ENV_PREFIX)) &&
		    !wdp_env_known(*e, n))
			wdp_mistake(p,
				    "%.*s is not a key of wd, see "
				    "provider-wd(7)",
				    (int)n, *e);
	}
}

/* ---- all together --------------------------------------------------------- */

static int wdp_config_defaults(struct wdp_config *cfg)
{
	struct offload_config defaults;

	offload_config_init(&defaults);
	*cfg = (struct wdp_config){
		.device = strdup("auto"),
		.fallback = true,
		.rsa_crt_check = true,
		.queues = defaults.queues,
		.batch = defaults.batch,
		.poll = defaults.poll,
		.timeout_ms = defaults.timeout_ms,
	};
	memcpy(cfg->min_bytes, defaults.min_bytes, sizeof(cfg->min_bytes));
	memcpy(cfg->min_decrypt, defaults.min_decrypt,
	       sizeof(cfg->min_decrypt));
	return cfg->device ? 0 : -ENOMEM;
}

int wdp_config_read_from(struct wdp_ctx *p, const char *const env[])
{
	int rc = wdp_config_defaults(&p->cfg);

	if (!rc)
		rc = wdp_config_section(p);
	if (!rc && env)
		rc = wdp_config_environment(p, env);
	if (rc)
		return rc;
	wdp_config_unknown_keys(p);
	if (env)
		wdp_env_unknown(p, env);
	wdp_log_open(p, p->cfg.log);
	wdp_tell_mistakes(p);
	return 0;
}

/* Someone who may not be trusted set the environment of a set-uid process. */
int wdp_config_read(struct wdp_ctx *p)
{
	return wdp_config_read_from(
		p, getauxval(AT_SECURE) ? NULL : (const char *const *)environ);
}

void wdp_config_free(struct wdp_ctx *p)
{
	struct wdp_complaint *c, *next;

	for (c = p->complaints; c; c = next) {
		next = c->next;
		free(c);
	}
	p->complaints = NULL;
	free(p->cfg.device);
	free(p->cfg.algorithms);
	free(p->cfg.stats);
	free(p->cfg.log);
	p->cfg = (struct wdp_config){ 0 };
}
