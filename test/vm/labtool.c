/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labtool - puts the kernel's crypto to work inside a guest of the lab, where
 * there is no user space but busybox.  It prints what went in and what came
 * out; test/vm/check judges that on the host, with other implementations.
 *
 *	cipher NAME KEYLEN IVLEN LEN	AF_ALG: "cipher NAME key iv in out"
 *	dh LEN				keyctl: "dh p g x result"
 *	dmcrypt CIPHER KEYLEN FILE	a volume on FILE: written, read back
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/if_alg.h>
#include <linux/keyctl.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#define LEN_MAX	  4096
#define SECTOR	  512
#define BLOCK	  (1 << 20)
#define DM_SECTOR 4096

static _Noreturn void die(const char *what)
{
	printf("labtool: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put_hex(const void *p, size_t n)
{
	const unsigned char *b = p;

	putchar(' ');
	for (size_t i = 0; i < n; i++)
		printf("%02x", b[i]);
}

static size_t number(const char *text)
{
	size_t n = strtoul(text, NULL, 10);

	if (n > LEN_MAX) {
		errno = E2BIG;
		die(text);
	}
	return n;
}

static void random_bytes(void *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		die("getrandom");
}

/* --- AF_ALG -------------------------------------------------------------- */

static int alg_open(const char *name, const void *key, size_t key_len)
{
	struct sockaddr_alg sa = { .salg_family = AF_ALG,
				   .salg_type = "skcipher" };
	int fd = socket(AF_ALG, SOCK_SEQPACKET, 0), op;

	snprintf((char *)sa.salg_name, sizeof(sa.salg_name), "%s", name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		die(name);
	if (setsockopt(fd, SOL_ALG, ALG_SET_KEY, key, (socklen_t)key_len))
		die("key");
	op = accept(fd, NULL, 0);
	if (op < 0)
		die("accept");
	close(fd);
	return op;
}

static void add_control(struct msghdr *m, struct cmsghdr **c, int type,
			const void *data, size_t len)
{
	*c = *c ? CMSG_NXTHDR(m, *c) : CMSG_FIRSTHDR(m);
	(*c)->cmsg_level = SOL_ALG;
	(*c)->cmsg_type = type;
	(*c)->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(*c), data, len);
}

static void alg_crypt(int fd, unsigned int direction, const void *iv,
		      size_t iv_len, const void *in, void *out, size_t len)
{
	union {
		struct cmsghdr align;
		char bytes[256];
	} control = { 0 };
	struct iovec io = { (void *)(uintptr_t)in, len };
	struct msghdr m = { .msg_iov = &io,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = CMSG_SPACE(sizeof(direction)) };
	struct cmsghdr *c = NULL;
	struct {
		uint32_t len;
		unsigned char bytes[32];
	} v = { .len = (uint32_t)iv_len };

	if (iv_len > sizeof(v.bytes))
		die("IV");
	if (iv_len)
		m.msg_controllen += CMSG_SPACE(sizeof(v.len) + iv_len);
	add_control(&m, &c, ALG_SET_OP, &direction, sizeof(direction));
	memcpy(v.bytes, iv, iv_len);
	if (iv_len)
		add_control(&m, &c, ALG_SET_IV, &v, sizeof(v.len) + iv_len);
	if (sendmsg(fd, &m, 0) != (ssize_t)len)
		die("send");
	if (read(fd, out, len) != (ssize_t)len)
		die("read");
}

static int do_cipher(char **arg)
{
	unsigned char key[64], iv[32], in[LEN_MAX], out[LEN_MAX], back[LEN_MAX];
	size_t key_len = number(arg[1]), iv_len = number(arg[2]);
	size_t len = number(arg[3]);
	int fd;

	if (key_len > sizeof(key) || iv_len > sizeof(iv))
		die("too long");
	random_bytes(key, key_len);
	random_bytes(iv, iv_len);
	random_bytes(in, len);
	fd = alg_open(arg[0], key, key_len);
	alg_crypt(fd, ALG_OP_ENCRYPT, iv, iv_len, in, out, len);
	alg_crypt(fd, ALG_OP_DECRYPT, iv, iv_len, out, back, len);
	close(fd);
	if (memcmp(in, back, len)) {
		errno = EBADMSG;
		die("decrypted");
	}
	printf("cipher %s", arg[0]);
	put_hex(key, key_len);
	put_hex(iv, iv_len);
	put_hex(in, len);
	put_hex(out, len);
	putchar('\n');
	return 0;
}

/* --- Diffie-Hellman ------------------------------------------------------ */

static int32_t user_key(const char *name, const void *p, size_t n)
{
	long id = syscall(SYS_add_key, "user", name, p, n,
			  KEY_SPEC_PROCESS_KEYRING);

	if (id < 0)
		die("add_key");
	return (int32_t)id;
}

static int do_dh(char **arg)
{
	unsigned char p[512], g[512], x[512], r[512];
	struct keyctl_dh_params params;
	size_t n = number(arg[0]);
	long got;

	if (n > sizeof(p) || n < 2)
		die("length");
	random_bytes(p, n);
	random_bytes(g, n);
	random_bytes(x, n);
	p[0] |= 0xc0; /* full length, and above the others */
	p[n - 1] |= 1;
	g[0] &= 0x3f;
	x[0] &= 0x3f;
	params.prime = user_key("p", p, n);
	params.base = user_key("g", g, n);
	params.priv = user_key("x", x, n);
	got = syscall(SYS_keyctl, KEYCTL_DH_COMPUTE, &params, r, n, NULL);
	if (got < 0)
		die("KEYCTL_DH_COMPUTE");
	/* keyctl looks at no error but that of a finished job: one that the
	 * driver refused gives zeros. */
	if (r[0] == 0 && !memcmp(r, r + 1, (size_t)got - 1)) {
		errno = EIO;
		die("KEYCTL_DH_COMPUTE");
	}
	printf("dh");
	put_hex(p, n);
	put_hex(g, n);
	put_hex(x, n);
	put_hex(r, (size_t)got);
	putchar('\n');
	return 0;
}

/* --- dm-crypt ------------------------------------------------------------ */

/* One request: the header, a target and its words. */
struct dm_request {
	struct dm_ioctl h;
	struct dm_target_spec target;
	char words[1024];
};

static void dm_call(int fd, unsigned long cmd, struct dm_request *r,
		    const char *what)
{
	r->h.version[0] = DM_VERSION_MAJOR;
	r->h.data_size = sizeof(*r);
	r->h.data_start = sizeof(r->h);
	snprintf(r->h.name, sizeof(r->h.name), "lab");
	if (ioctl(fd, cmd, r))
		die(what);
}

static void loop_over(const char *file)
{
	int fd = open(file, O_RDWR), loop = open("/dev/loop0", O_RDWR);

	if (fd < 0 || loop < 0 || ioctl(loop, LOOP_SET_FD, fd))
		die("loop");
	close(fd);
	close(loop);
}

/* Maps the file's space as an encrypted volume; returns its device. */
static dev_t dm_create(const char *cipher, const char *key_hex, off_t size)
{
	int fd = open("/dev/mapper/control", O_RDWR);
	struct dm_request r = { 0 };
	dev_t dev;

	if (fd < 0)
		die("device mapper");
	dm_call(fd, DM_DEV_CREATE, &r, "create");
	dev = (dev_t)r.h.dev;
	r = (struct dm_request){ .h.target_count = 1 };
	r.target.length = (uint64_t)size / SECTOR;
	strcpy(r.target.target_type, "crypt");
	snprintf(r.words, sizeof(r.words),
		 "%s %s 0 /dev/loop0 0 2 sector_size:%d iv_large_sectors",
		 cipher, key_hex, DM_SECTOR);
	dm_call(fd, DM_TABLE_LOAD, &r, "table");
	r = (struct dm_request){ 0 }; /* no suspend flag: resume */
	dm_call(fd, DM_DEV_SUSPEND, &r, "resume");
	close(fd);
	return dev;
}

/* The block that belongs at a place of the volume. */
static void pattern(unsigned char *p, size_t n, uint64_t place)
{
	uint64_t state = place * 0x9e3779b97f4a7c15 + 1;

	for (size_t i = 0; i < n; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		p[i] = (unsigned char)(state >> 32);
	}
}

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	if (fd < 0 || write(fd, "3", 1) != 1)
		die("drop_caches");
	close(fd);
}

static void fill_volume(const char *node, off_t size)
{
	static unsigned char b[BLOCK];
	int fd = open(node, O_WRONLY);

	for (off_t at = 0; at < size; at += BLOCK) {
		pattern(b, BLOCK, (uint64_t)at);
		if (write(fd, b, BLOCK) != BLOCK)
			die("write to the volume");
	}
	if (fsync(fd))
		die("fsync");
	close(fd);
}

static void compare_volume(const char *node, off_t size)
{
	static unsigned char b[BLOCK], want[BLOCK];
	int fd = open(node, O_RDONLY);

	for (off_t at = 0; at < size; at += BLOCK) {
		pattern(want, BLOCK, (uint64_t)at);
		if (read(fd, b, BLOCK) != BLOCK)
			die("read from the volume");
		if (memcmp(b, want, BLOCK)) {
			errno = EBADMSG;
			die("what the volume gave back");
		}
	}
	close(fd);
}

static int do_dmcrypt(char **arg)
{
	unsigned char key[64], sector[DM_SECTOR], plain[DM_SECTOR];
	size_t key_len = number(arg[1]);
	char hex[2 * sizeof(key) + 1];
	struct stat st;
	dev_t dev;
	int fd;

	if (key_len > sizeof(key) || stat(arg[2], &st))
		die(arg[2]);
	random_bytes(key, key_len);
	for (size_t i = 0; i < key_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", key[i]);
	loop_over(arg[2]);
	dev = dm_create(arg[0], hex, st.st_size);
	unlink("/dev/lab");
	if (mknod("/dev/lab", S_IFBLK | 0600, dev))
		die("mknod");
	fill_volume("/dev/lab", st.st_size);
	drop_caches();
	compare_volume("/dev/lab", st.st_size);
	fd = open(arg[2], O_RDONLY);
	if (pread(fd, sector, sizeof(sector), 0) != (ssize_t)sizeof(sector))
		die("the file below");
	pattern(plain, sizeof(plain), 0);
	printf("dmcrypt %s %lld", arg[0], (long long)st.st_size);
	put_hex(key, key_len);
	put_hex(plain, sizeof(plain));
	put_hex(sector, sizeof(sector));
	putchar('\n');
	return 0;
}

static const struct {
	const char *name;
	int words;
	int (*run)(char **arg);
} commands[] = {
	{ "cipher", 4, do_cipher },
	{ "dh", 1, do_dh },
	{ "dmcrypt", 3, do_dmcrypt },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc > 1 && !strcmp(argv[1], commands[i].name) &&
		    argc == commands[i].words + 2)
			return commands[i].run(argv + 2);
	puts("labtool: cipher NAME KEYLEN IVLEN LEN | dh LEN | "
	     "dmcrypt CIPHER KEYLEN FILE");
	return 2;
}
