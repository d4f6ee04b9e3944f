/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first use of a device inside sshd's sandbox: no descriptors, no threads,
 * no file growth, and death for any system call off the list.  Opening the node
 * is refused there, and that must be all wd tries.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wd_base.h"
#include "offload/offload_priv.h"
#include "test/fibre.h"
#include "test/t.h"

#define W 128

static char root[64];
static uint8_t key[5 * W / 2], in[W], out[W];

static int unlink_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void tree_gone(void)
{
	nftw(root, unlink_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void attr(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/hisi_hpre-0", root);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/hisi_hpre-0/%s", root, name);
	f = fopen(path, "w");
	T_OK(f);
	fputs(text, f);
	fclose(f);
}

/* A device in sysfs, and its node where nothing can be opened. */
static struct offload *offload_here(void)
{
	struct offload_config cfg;
	struct uacce_host *host;
	struct offload *o;

	strcpy(root, "/tmp/wd-sandbox-XXXXXX");
	T_OK(mkdtemp(root));
	attr("api", "hisi_qm_v3\n");
	attr("flags", "1\n");
	attr("available_instances", "256\n");
	attr("algorithms", "rsa\ndh\n");
	attr("region_mmio_size", "65536\n");
	attr("region_dus_size", "151552\n");
	T_EQ(uacce_kernel_host(&host, root, root), 0);
	offload_config_init(&cfg);
	T_EQ(offload_new_on(&o, &cfg, host), 0);
	T_OK(offload_has(o, OFFLOAD_RSA_PRIVATE));
	return o;
}

#define ALLOW(name)                                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                 \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

#define REFUSE(name)                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                 \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES)

static bool sandbox(void)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		REFUSE(openat),
		REFUSE(newfstatat),
		REFUSE(fstat),
		ALLOW(read),
		ALLOW(write),
		ALLOW(mmap),
		ALLOW(munmap),
		ALLOW(mprotect),
		ALLOW(madvise),
		ALLOW(brk),
		ALLOW(close),
		ALLOW(futex),
		ALLOW(clock_nanosleep),
		ALLOW(clock_gettime),
		ALLOW(getpid),
		ALLOW(gettid),
		ALLOW(getuid),
		ALLOW(geteuid),
		ALLOW(rt_sigprocmask),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog prog = { WD_ARRAY_SIZE(filter), filter };
	const struct rlimit one = { 1, 1 }, none = { 0, 0 };

	return !setrlimit(RLIMIT_NOFILE, &one) &&
	       !setrlimit(RLIMIT_FSIZE, &none) &&
	       !setrlimit(RLIMIT_NPROC, &none) &&
	       !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int use(struct offload *o, struct offload_waiter *w)
{
	const struct offload_rsa op = { .kind = OFFLOAD_RSA_PRIVATE,
					.alg = HPRE_ALG_RSA_CRT,
					.width = W,
					.key = key,
					.in = in,
					.out = out };

	return offload_rsa(o, &op, w);
}

/* Exit status of the sandboxed child: which expectation failed. */
static int story(struct offload *o)
{
	struct fibre f;

	fibre_init(&f, true);
	if (!sandbox())
		return 77;
	if (!offload_choose(o, OFFLOAD_RSA_PRIVATE, W))
		return 1;
	if (use(o, &f.w) != -ENODEV)
		return 2;
	/* For good: the node is not asked a second time. */
	if (offload_choose(o, OFFLOAD_RSA_PRIVATE, W))
		return 3;
	if (use(o, NULL) != -ENODEV)
		return 4;
	offload_count_software(o, OFFLOAD_RSA_PRIVATE);
	offload_quiesce(o);
	offload_free(o);
	return 0;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static void a_refused_node_is_the_only_thing_tried(void)
{
	struct offload *o;
	int status;
	pid_t pid;

	if (SANITIZED)
		t_skip("the sanitizers' own system calls are off the list");
	o = offload_here();
	pid = fork();
	if (!pid)
		_exit(story(o));
	T_EQ(waitpid(pid, &status, 0), pid);
	offload_free(o);
	tree_gone();
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		t_skip("this kernel has no seccomp filters");
	T_EQ(status, 0);
}

T_MAIN(T_CASE(a_refused_node_is_the_only_thing_tried))
