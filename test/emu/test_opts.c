/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the model: what each sets, and what a wrong one is told. */
#include <errno.h>

#include "base/wd_base.h"
#include "emu/emu_host.h"
#include "test/t.h"

static struct emu_host_options parsed(const char *text)
{
	struct emu_host_options o;
	char why[256] = "";

	T_EQ(emu_host_parse(&o, text, why, sizeof(why)), 0);
	T_STR(why, "");
	return o;
}

static void nothing_said_is_the_default(void)
{
	struct emu_host_options o = parsed("");

	T_EQ(o.config.model, EMU_KUNPENG930);
	T_EQ(o.threads, 1);
	T_EQ(o.run_inline, false);
	T_EQ(o.nosva, false);
	T_EQ(o.config.replay, false);
	T_EQ(o.config.latency_us, 0);
	T_EQ(o.config.rate, 0);
	T_EQ(o.queues, 256);
	T_EQ(o.devices[UACCE_HPRE], 1);
	T_EQ(o.devices[UACCE_SEC], 1);
	T_EQ(o.devices[UACCE_ZIP], 0);
	T_EQ(o.config.fault_count, 0);
}

static void every_option_sets_its_field(void)
{
	struct emu_host_options o =
		parsed("kunpeng920,threads=16,inline,latency_us=5,rate=7,"
		       "replay,nosva,queues=1024,hpre=0,sec=4,"
		       "zip=2");

	T_EQ(o.config.model, EMU_KUNPENG920);
	T_EQ(o.threads, 16);
	T_EQ(o.run_inline, true);
	T_EQ(o.config.latency_us, 5);
	T_EQ(o.config.rate, 7);
	T_EQ(o.config.replay, true);
	T_EQ(o.nosva, true);
	T_EQ(o.queues, 1024);
	T_EQ(o.devices[UACCE_HPRE], 0);
	T_EQ(o.devices[UACCE_SEC], 4);
	T_EQ(o.devices[UACCE_ZIP], 2);
	T_EQ(parsed("kunpeng930").config.model, EMU_KUNPENG930);
}

static void empty_words_mean_nothing(void)
{
	T_EQ(parsed(",,threads=2,").threads, 2);
}

static void faults_are_a_list(void)
{
	struct emu_host_options o =
		parsed("fault=delay@3:250,fault=hpre.drop@1,"
		       "fault=sec.wrong/10,fault=status@2,fault=stop@4,"
		       "fault=reset@5,fault=gone@6");
	const struct emu_fault *f = o.config.faults;

	T_EQ(o.config.fault_count, 7);
	T_EQ(f[0].kind, EMU_FAULT_DELAY);
	T_EQ(f[0].nth, 3);
	T_EQ(f[0].every, 0);
	T_EQ(f[0].arg, 250);
	T_EQ(o.fault_engine[0], UACCE_ENGINES);
	T_EQ(f[1].kind, EMU_FAULT_DROP);
	T_EQ(o.fault_engine[1], UACCE_HPRE);
	T_EQ(f[2].kind, EMU_FAULT_WRONG);
	T_EQ(f[2].nth, 10);
	T_EQ(f[2].every, 10);
	T_EQ(o.fault_engine[2], UACCE_SEC);
	T_EQ(f[3].kind, EMU_FAULT_STATUS);
	T_EQ(f[4].kind, EMU_FAULT_STOP);
	T_EQ(f[5].kind, EMU_FAULT_RESET);
	T_EQ(f[6].kind, EMU_FAULT_GONE);
}

/* Each is refused with a message that names the word and says this. */
static const struct {
	const char *text, *word, *says;
} bad[] = {
	{ "kunpeng940", "\"kunpeng940\"", "kunpeng930" },
	{ "threads", "\"threads\"", "from 1 to 16" },
	{ "threads=", "\"threads=\"", "from 1 to 16" },
	{ "threads=0", "\"threads=0\"", "from 1 to 16" },
	{ "threads=17", "\"threads=17\"", "from 1 to 16" },
	{ "threads=-1", "\"threads=-1\"", "from 1 to 16" },
	{ "threads=2x", "\"threads=2x\"", "from 1 to 16" },
	{ "threads=99999999999999999999", "threads=999", "from 1 to 16" },
	{ "inline=1", "\"inline=1\"", "no value" },
	{ "latency_us=never", "\"latency_us=never\"", "number" },
	{ "latency_us=10000001", "latency_us=", "10000000" },
	{ "rate=1000000001", "rate=", "1000000000" },
	{ "replay=", "\"replay=\"", "no value" },
	{ "nosva=yes", "\"nosva=yes\"", "no value" },
	{ "queues=0", "\"queues=0\"", "from 1 to 1024" },
	{ "queues=1025", "\"queues=1025\"", "from 1 to 1024" },
	{ "hpre=5", "\"hpre=5\"", "from 0 to 4" },
	{ "sec=5", "\"sec=5\"", "from 0 to 4" },
	{ "zip=5", "\"zip=5\"", "from 0 to 4" },
	{ "zap=1", "\"zap=1\"", "there are" },
	{ "thread=1", "\"thread=1\"", "threads=N" },
	{ "Inline", "\"Inline\"", "fault=KIND@N" },
	{ "inline,threads=0", "\"threads=0\"", "from 1 to 16" },
	{ " inline", "\" inline\"", "there are" },
	{ "fault", "\"fault\"", "fault=KIND@N" },
	{ "fault=", "\"fault=\"", "the kind is one of" },
	{ "fault=explode@1", "\"fault=explode@1\"", "the kind is one of" },
	{ "fault=zap.drop@1", "\"fault=zap.drop@1\"", "the kind is one of" },
	{ "fault=drop", "\"fault=drop\"", "@N" },
	{ "fault=drop@", "\"fault=drop@\"", "from 1" },
	{ "fault=drop@0", "\"fault=drop@0\"", "from 1" },
	{ "fault=drop/0", "\"fault=drop/0\"", "from 1" },
	{ "fault=drop@x", "\"fault=drop@x\"", "from 1" },
	{ "fault=drop@1:5", "\"fault=drop@1:5\"", "only delay" },
	{ "fault=delay@1", "\"fault=delay@1\"", "MICROSECONDS" },
	{ "fault=delay@1:", "\"fault=delay@1:\"", "MICROSECONDS" },
	{ "fault=delay@1:soon", "\"fault=delay@1:soon\"", "MICROSECONDS" },
	{ "fault=error@1:", "\"fault=error@1:\"", "0 to 14" },
	{ "fault=error@1:15", "\"fault=error@1:15\"", "0 to 14" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "a",
	  "\"aaaa", "too long" },
};

static void every_bad_word_is_named(void)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(bad); i++) {
		struct emu_host_options o;
		char why[256] = "";

		T_EQ(emu_host_parse(&o, bad[i].text, why, sizeof(why)),
		     -EINVAL);
		if (!strstr(why, bad[i].word) || !strstr(why, bad[i].says))
			t_fail(__FILE__, __LINE__, "%s: \"%s\"", bad[i].text,
			       why);
	}
}

static void a_seventeenth_fault_is_refused(void)
{
	char text[512] = "", why[256] = "";
	struct emu_host_options o;

	for (int i = 0; i < 16; i++)
		strcat(text, "fault=drop@1,");
	T_EQ(emu_host_parse(&o, text, why, sizeof(why)), 0);
	strcat(text, "fault=drop@1");
	T_EQ(emu_host_parse(&o, text, why, sizeof(why)), -EINVAL);
	T_OK(strstr(why, "at most 16"));
}

static void a_message_fits_whatever_room_there_is(void)
{
	struct emu_host_options o;
	char why[8];

	T_EQ(emu_host_parse(&o, "nonsense", why, sizeof(why)), -EINVAL);
	T_EQ(strlen(why), 7);
}

static void a_host_of_bad_options_is_not_made(void)
{
	struct uacce_host *host = NULL;

	T_EQ(wd_emu_host(&host, "nonsense"), -EINVAL);
	T_OK(!host);
}

T_MAIN(T_CASE(nothing_said_is_the_default), T_CASE(every_option_sets_its_field),
       T_CASE(empty_words_mean_nothing), T_CASE(faults_are_a_list),
       T_CASE(every_bad_word_is_named), T_CASE(a_seventeenth_fault_is_refused),
       T_CASE(a_message_fits_whatever_room_there_is),
       T_CASE(a_host_of_bad_options_is_not_made))
