/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every key of the section and of the environment, every kind of mistake.  The
 * core is played by a list of names and values.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/params.h>

#include "base/wd_base.h"
#include "provider/wdp.h"
#include "test/t.h"

struct pair {
	const char *key, *value;
};

static const struct pair *section;
static char raised[4096]; /* all errors, one a line */

static int core_get_params(const OSSL_CORE_HANDLE *h, OSSL_PARAM params[])
{
	(void)h;
	for (const struct pair *s = section; s && s->key; s++) {
		OSSL_PARAM *p = OSSL_PARAM_locate(params, s->key);

		if (p)
			OSSL_PARAM_set_utf8_ptr(p, s->value);
	}
	return 1;
}

static void core_new_error(const OSSL_CORE_HANDLE *h)
{
	(void)h;
}

static void core_vset_error(const OSSL_CORE_HANDLE *h, uint32_t reason,
			    const char *fmt, va_list ap)
{
	size_t n = strlen(raised);

	(void)h;
	if (reason != WDP_R_BAD_CONFIG || !fmt)
		return;
	vsnprintf(raised + n, sizeof(raised) - n, fmt, ap);
	strncat(raised, "\n", sizeof(raised) - strlen(raised) - 1);
}

static struct wdp_ctx p;

static void read_both(const struct pair *from_section, const char *const env[])
{
	wdp_config_free(&p);
	p = (struct wdp_ctx){
		.core = { .get_params = core_get_params,
			  .new_error = core_new_error,
			  .vset_error = core_vset_error },
	};
	section = from_section;
	raised[0] = '\0';
	T_EQ(wdp_config_read_from(&p, env), 0);
}

#define SECTION(...) ((const struct pair[]){ __VA_ARGS__, { NULL, NULL } })
#define ENV(...)     ((const char *const[]){ __VA_ARGS__, NULL })

static void defaults_without_any_key(void)
{
	struct offload_config d;

	offload_config_init(&d);
	read_both(NULL, NULL);
	T_STR(p.cfg.device, "auto");
	T_OK(!p.cfg.algorithms && !p.cfg.stats && !p.cfg.log);
	T_OK(p.cfg.fallback && p.cfg.rsa_crt_check);
	T_OK(!p.cfg.ec_sign_check && !p.cfg.device_nonce);
	T_EQ(p.cfg.poll, OFFLOAD_POLL_AUTO);
	T_MEM(p.cfg.min_bytes, d.min_bytes, sizeof(d.min_bytes));
	T_MEM(p.cfg.min_decrypt, d.min_decrypt, sizeof(d.min_decrypt));
	T_STR(raised, "");
	T_OK(!p.complaints);
}

static void every_key_is_read_from_the_section(void)
{
	read_both(SECTION({ "device", "emu:kunpeng930" },
			  { "algorithms", "RSA,AES-256-GCM" },
			  { "fallback", "no" }, { "min_bytes", "2k" },
			  { "queues", "7" }, { "batch", "64" },
			  { "poll", "none" }, { "timeout_ms", "250" },
			  { "rsa_crt_check", "off" },
			  { "ec_sign_check", "yes" }, { "device_nonce", "1" },
			  { "stats", "/tmp" }, { "log", "none" },
			  { "min_bytes.aes-cbc.decrypt", "5" },
			  { "min_bytes.aes-cbc", "6" },
			  { "min_bytes.sm3", "99" }),
		  NULL);
	T_EQ(p.cfg.min_bytes[OFFLOAD_AES_CBC], 6);
	T_EQ(p.cfg.min_decrypt[OFFLOAD_AES_CBC], 5);
	T_EQ(p.cfg.min_decrypt[OFFLOAD_AES_GCM], 2048);
	T_EQ(p.cfg.min_decrypt[OFFLOAD_DES3], 2048);
	T_STR(p.cfg.device, "emu:kunpeng930");
	T_STR(p.cfg.algorithms, "RSA,AES-256-GCM");
	T_OK(!p.cfg.fallback && !p.cfg.rsa_crt_check);
	T_OK(p.cfg.ec_sign_check && p.cfg.device_nonce);
	T_EQ(p.cfg.min_bytes[OFFLOAD_AES_GCM], 2048);
	T_EQ(p.cfg.min_bytes[OFFLOAD_SM3], 99);
	T_EQ(p.cfg.queues, 7);
	T_EQ(p.cfg.batch, 64);
	T_EQ(p.cfg.poll, OFFLOAD_POLL_NONE);
	T_EQ(p.cfg.timeout_ms, 250);
	T_STR(p.cfg.stats, "/tmp");
	T_STR(p.cfg.log, "none");
	T_STR(raised, "");
}

static void the_environment_overrides_the_section(void)
{
	read_both(SECTION({ "device", "none" }, { "queues", "1" },
			  { "min_bytes.aes-gcm", "1" }),
		  ENV("HOME=/", "WD_DEVICE=auto", "WD_QUEUES=2",
		      "WD_MIN_BYTES_AES_GCM=3", "WD_MIN_BYTES=4",
		      "WD_MIN_BYTES_3DES_DECRYPT=5", "WD_FALLBACK=false",
		      "WD_RSA_CRT_CHECK=0", "WD_EC_SIGN_CHECK=true",
		      "WD_DEVICE_NONCE=on"));
	T_STR(p.cfg.device, "auto");
	T_EQ(p.cfg.queues, 2);
	T_EQ(p.cfg.min_bytes[OFFLOAD_AES_GCM], 3);
	T_EQ(p.cfg.min_bytes[OFFLOAD_SM3], 4);
	T_EQ(p.cfg.min_decrypt[OFFLOAD_AES_GCM], 3);
	T_EQ(p.cfg.min_bytes[OFFLOAD_DES3], 4);
	T_EQ(p.cfg.min_decrypt[OFFLOAD_DES3], 5);
	T_OK(!p.cfg.fallback && !p.cfg.rsa_crt_check);
	T_OK(p.cfg.ec_sign_check && p.cfg.device_nonce);
	T_STR(raised, "");
}

static void a_set_uid_process_has_no_environment(void)
{
	read_both(SECTION({ "device", "none" }), NULL);
	T_STR(p.cfg.device, "none");
}

static void each_bad_value_is_told_and_the_default_stays(void)
{
	static const struct pair bad[] = {
		{ "device", "" },
		{ "algorithms", "RSA,ROT13" },
		{ "fallback", "maybe" },
		{ "min_bytes", "-1" },
		{ "min_bytes", "1g" },
		{ "min_bytes", "4294967296" },
		{ "min_bytes", "4194304k" },
		{ "min_bytes.sm3", "many" },
		{ "queues", "1025" },
		{ "queues", "2x" },
		{ "queues", "" },
		{ "queues", " 2" },
		{ "batch", "0" },
		{ "batch", "65" },
		{ "poll", "sometimes" },
		{ "timeout_ms", "0" },
		{ "timeout_ms", "60001" },
		{ "rsa_crt_check", "2" },
		{ "ec_sign_check", "perhaps" },
		{ "device_nonce", "" },
		{ "stats", "relative/path" },
		{ "log", "loud" },
		{ "log", "debug:relative" },
		{ "log", "" },
	};
	struct wdp_config want;
	char say[200];

	read_both(NULL, NULL);
	want = p.cfg;
	for (size_t i = 0; i < WD_ARRAY_SIZE(bad); i++) {
		read_both(SECTION(bad[i]), NULL);
		snprintf(say, sizeof(say),
			 "%s = %s is not allowed; allowed: ", bad[i].key,
			 bad[i].value);
		if (strncmp(raised, say, strlen(say)))
			t_fail(__FILE__, __LINE__, "%s = %s gave: %s",
			       bad[i].key, bad[i].value, raised);
		T_OK(strlen(raised) > strlen(say) + 5);
		T_OK(p.complaints && !p.complaints->next);
		T_STR(p.cfg.device, "auto");
		T_OK(!p.cfg.algorithms && !p.cfg.stats && !p.cfg.log);
		T_EQ(p.cfg.fallback, true);
		T_EQ(p.cfg.rsa_crt_check, true);
		T_OK(!p.cfg.ec_sign_check && !p.cfg.device_nonce);
		T_EQ(p.cfg.queues, want.queues);
		T_EQ(p.cfg.batch, want.batch);
		T_EQ(p.cfg.poll, want.poll);
		T_EQ(p.cfg.timeout_ms, want.timeout_ms);
		T_MEM(p.cfg.min_bytes, want.min_bytes, sizeof(want.min_bytes));
	}
}

static void a_bad_variable_is_named_as_the_variable(void)
{
	read_both(NULL, ENV("WD_BATCH=lots"));
	T_STR(raised, "WD_BATCH = lots is not allowed; allowed: 1 to 64\n");
}

static void a_variable_nobody_reads_is_told(void)
{
	read_both(NULL, ENV("WD_DEVICES=emu", "WDX=1", "WD_DEVICE=none"));
	T_STR(raised, "WD_DEVICES is not a key of wd, see provider-wd(7)\n");
}

/* Runs with a configuration file of its own: OPENSSL_CONF. */
static void write_conf(char *path, const char *text)
{
	int fd = mkstemp(path);

	T_OK(fd >= 0);
	T_EQ(write(fd, text, strlen(text)), (long)strlen(text));
	close(fd);
	setenv("OPENSSL_CONF", path, 1);
}

static void a_key_nobody_reads_is_told(void)
{
	char path[] = "/tmp/wd-test-XXXXXX";

	write_conf(path, "openssl_conf = init\n[init]\nproviders = provs\n"
			 "[provs]\nother = o\nwd = w\n"
			 "[o]\nactivate = 1\nfoo = bar\n"
			 "[w]\nactivate = 1\ndevise = emu\nqueues = 2\n"
			 "min_bytes = sizes\n[sizes]\nsm3 = 5\nsm33 = 6\n");
	/* What the core has for us: our section, as libcrypto flattens it. */
	read_both(SECTION({ "activate", "1" }, { "devise", "emu" },
			  { "queues", "2" }, { "min_bytes.sm3", "5" },
			  { "min_bytes.sm33", "6" }),
		  NULL);
	unlink(path);
	unsetenv("OPENSSL_CONF");
	T_OK(strstr(raised, "devise is not a key of wd"));
	T_OK(strstr(raised, "min_bytes.sm33 is not a key of wd"));
	T_OK(!strstr(raised, "foo"));
	T_OK(!strstr(raised, "queues"));
	T_EQ(p.cfg.queues, 2);
	T_EQ(p.cfg.min_bytes[OFFLOAD_SM3], 5);
}

static void an_unreadable_configuration_file_is_no_mistake_of_ours(void)
{
	setenv("OPENSSL_CONF", "/nonexistent/openssl.cnf", 1);
	read_both(SECTION({ "activate", "1" }), NULL);
	unsetenv("OPENSSL_CONF");
	T_STR(raised, "");
	T_EQ(ERR_peek_error(), 0);
}

static bool allows(const char *algorithms, const char *names)
{
	read_both(SECTION({ "algorithms", algorithms }), NULL);
	T_STR(raised, "");
	return wdp_config_allows(&p.cfg, names);
}

static void algorithms_are_chosen_by_name_alias_oid_or_family(void)
{
	static const char gcm[] =
		"AES-256-GCM:id-aes256-GCM:2.16.840.1.101.3.4.1.46";
	static const char sm4[] = "SM4-CBC:SM4:1.2.156.10197.1.104.2";

	T_OK(allows("all", gcm));
	T_OK(allows("AES-256-GCM", gcm));
	T_OK(allows("aes-256-gcm", gcm));
	T_OK(allows("2.16.840.1.101.3.4.1.46", gcm));
	T_OK(allows("SM3, AES", gcm));
	T_OK(allows("AES-256", gcm));
	T_OK(!allows("AES-128", gcm));
	T_OK(!allows("SM3", gcm));
	T_OK(allows("!SM3", gcm));
	T_OK(!allows("all,!AES-256-GCM", gcm));
	T_OK(!allows("AES,!AES-256", gcm));
	T_OK(allows("SM4", sm4));
	T_OK(!allows("SM4,!SM4-CBC", sm4));
}

static void the_log_is_a_level_and_a_place(void)
{
	struct wdp_log l;

	T_EQ(wdp_log_parse(&l, "stderr"), 0);
	T_EQ(l.level, WD_LOG_WARN);
	T_OK(!l.path);
	T_EQ(wdp_log_parse(&l, "Debug"), 0);
	T_EQ(l.level, WD_LOG_DEBUG);
	T_OK(!l.path);
	T_EQ(wdp_log_parse(&l, "info:/var/log/a:b"), 0);
	T_EQ(l.level, WD_LOG_INFO);
	T_STR(l.path, "/var/log/a:b");
}

static void mistakes_reach_the_log_the_same_section_names(void)
{
	char path[] = "/tmp/wd-test-XXXXXX", log[64], text[512] = "";
	int fd = mkstemp(path);

	snprintf(log, sizeof(log), "error:%s", path);
	read_both(SECTION({ "batch", "0" }, { "log", log }), NULL);
	wd_log_to(-1, WD_LOG_NONE);
	T_OK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	unlink(path);
	T_OK(strstr(text, "batch = 0 is not allowed"));
}

static void a_log_that_cannot_be_opened_is_told(void)
{
	read_both(SECTION({ "log", "info:/nonexistent/dir/log" }), NULL);
	T_STR(raised, "log = info:/nonexistent/dir/log: "
		      "No such file or directory\n");
}

T_MAIN(T_CASE(defaults_without_any_key),
       T_CASE(every_key_is_read_from_the_section),
       T_CASE(the_environment_overrides_the_section),
       T_CASE(a_set_uid_process_has_no_environment),
       T_CASE(each_bad_value_is_told_and_the_default_stays),
       T_CASE(a_bad_variable_is_named_as_the_variable),
       T_CASE(a_variable_nobody_reads_is_told),
       T_CASE(a_key_nobody_reads_is_told),
       T_CASE(an_unreadable_configuration_file_is_no_mistake_of_ours),
       T_CASE(algorithms_are_chosen_by_name_alias_oid_or_family),
       T_CASE(the_log_is_a_level_and_a_place),
       T_CASE(mistakes_reach_the_log_the_same_section_names),
       T_CASE(a_log_that_cannot_be_opened_is_told))
