/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calibrate.c - break-even sizes of this machine, as lines of configuration.
 *
 * The same message goes to the default provider and to wd with all thresholds
 * 0, one at a time on one core, from 64 bytes to 1 MiB, each way.  The
 * threshold is where the device begins to be faster for good, found on a line
 * between two sizes.  Results are compared: a device that computes wrongly is
 * not recommended at any size.
 *
 * One job in flight: with many, in ASYNC jobs or threads, the device is worth
 * it earlier.  What is measured is time; a core that waits is free for others.
 */
#include "tools/calibrate.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "base/wd_base.h"

#define OFFER	 "wd.offload=yes"
#define SMALLEST 64u
#define SIZES	 15 /* 64 bytes to 1 MiB */
#define LARGEST	 (SMALLEST << (SIZES - 1))
#define RUNS	 3 /* the best of them counts */
#define TAG	 16
#define NEVER	 UINT32_MAX
#define BAR	 32 /* characters */

enum family { CIPHER, AEAD, DIGEST, HMAC, CMAC, GMAC };

static const struct algo {
	const char *kind, *name;
	enum family family;
	size_t key_len; /* of a MAC */
} algos[] = {
	{ "aes-gcm", "AES-256-GCM", AEAD, 0 },
	{ "aes-ccm", "AES-256-CCM", AEAD, 0 },
	{ "aes-cbc", "AES-256-CBC", CIPHER, 0 },
	{ "aes-cts", "AES-256-CBC-CTS", CIPHER, 0 },
	{ "aes-ctr", "AES-256-CTR", CIPHER, 0 },
	{ "aes-ecb", "AES-256-ECB", CIPHER, 0 },
	{ "aes-cfb", "AES-256-CFB", CIPHER, 0 },
	{ "aes-ofb", "AES-256-OFB", CIPHER, 0 },
	{ "aes-xts", "AES-256-XTS", CIPHER, 0 },
	{ "sm4-gcm", "SM4-GCM", AEAD, 0 },
	{ "sm4-ccm", "SM4-CCM", AEAD, 0 },
	{ "sm4-cbc", "SM4-CBC", CIPHER, 0 },
	{ "sm4-ctr", "SM4-CTR", CIPHER, 0 },
	{ "sm4-ecb", "SM4-ECB", CIPHER, 0 },
	{ "sm4-cfb", "SM4-CFB", CIPHER, 0 },
	{ "sm4-ofb", "SM4-OFB", CIPHER, 0 },
	{ "sm4-xts", "SM4-XTS", CIPHER, 0 },
	{ "3des", "DES-EDE3-CBC", CIPHER, 0 },
	{ "sm3", "SM3", DIGEST, 0 },
	{ "sha256", "SHA2-256", DIGEST, 0 },
	{ "sha512", "SHA2-512", DIGEST, 0 },
	{ "sha1", "SHA1", DIGEST, 0 },
	{ "md5", "MD5", DIGEST, 0 },
	{ "hmac", "SHA2-256", HMAC, 32 },
	{ "aes-cmac", "AES-128-CBC", CMAC, 16 },
	{ "aes-gmac", "AES-256-GCM", GMAC, 32 },
};

/* ---- one message ----------------------------------------------------------- */

struct side {
	OSSL_LIB_CTX *lib;
	const char *props;
	const struct algo *algo;
	bool encrypt;
	EVP_CIPHER_CTX *cipher;
	EVP_MD *md;
	EVP_MD_CTX *digest;
	EVP_MAC_CTX *mac;
	uint8_t *out; /* LARGEST and a block */
	uint8_t tag[64];
};

static uint8_t key[64], iv[16];

static bool is_ccm(const struct algo *a)
{
	return strstr(a->name, "CCM");
}

static bool cipher_open(struct side *s)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(s->lib, s->algo->name, s->props);
	bool ok;

	s->cipher = EVP_CIPHER_CTX_new();
	ok = c && s->cipher &&
	     EVP_CipherInit_ex2(s->cipher, c, NULL, NULL, s->encrypt, NULL) > 0;
	if (ok && is_ccm(s->algo))
		ok = EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_SET_TAG, TAG,
					 s->encrypt ? NULL : s->tag) > 0;
	ok = ok &&
	     EVP_CipherInit_ex2(s->cipher, NULL, key, iv, s->encrypt, NULL) > 0;
	EVP_CIPHER_free(c);
	return ok;
}

static bool mac_open(struct side *s, const char *what)
{
	static const char *const names[] = { [HMAC] = OSSL_MAC_PARAM_DIGEST,
					     [CMAC] = OSSL_MAC_PARAM_CIPHER,
					     [GMAC] = OSSL_MAC_PARAM_CIPHER };
	EVP_MAC *m = EVP_MAC_fetch(s->lib, what, s->props);
	OSSL_PARAM p[3] = {
		OSSL_PARAM_construct_utf8_string(
			names[s->algo->family],
			(char *)(uintptr_t)s->algo->name, 0),
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, iv, 12),
		OSSL_PARAM_construct_end(),
	};

	if (s->algo->family != GMAC)
		p[1] = p[2];
	s->mac = m ? EVP_MAC_CTX_new(m) : NULL;
	EVP_MAC_free(m);
	return s->mac && EVP_MAC_init(s->mac, key, s->algo->key_len, p) > 0;
}

static bool side_open(struct side *s, const struct algo *a, bool encrypt)
{
	s->algo = a;
	s->encrypt = encrypt;
	switch (a->family) {
	case CIPHER:
	case AEAD:
		return cipher_open(s);
	case DIGEST:
		s->md = EVP_MD_fetch(s->lib, a->name, s->props);
		s->digest = EVP_MD_CTX_new();
		return s->md && s->digest;
	case HMAC:
		return mac_open(s, "HMAC");
	case CMAC:
		return mac_open(s, "CMAC");
	case GMAC:
		return mac_open(s, "GMAC");
	}
	return false;
}

static void side_close(struct side *s)
{
	EVP_CIPHER_CTX_free(s->cipher);
	EVP_MD_CTX_free(s->digest);
	EVP_MD_free(s->md);
	EVP_MAC_CTX_free(s->mac);
	s->cipher = NULL;
	s->digest = NULL;
	s->md = NULL;
	s->mac = NULL;
}

static bool cipher_run(struct side *s, const uint8_t *in, size_t len)
{
	bool aead = s->algo->family == AEAD, ccm = is_ccm(s->algo);
	int n;

	if (EVP_CipherInit_ex2(s->cipher, NULL, NULL, iv, s->encrypt, NULL) <=
	    0)
		return false;
	EVP_CIPHER_CTX_set_padding(s->cipher, 0);
	if (aead && !s->encrypt &&
	    EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_SET_TAG, TAG,
				s->tag) <= 0)
		return false;
	if (ccm && EVP_CipherUpdate(s->cipher, NULL, &n, NULL, (int)len) <= 0)
		return false;
	if (EVP_CipherUpdate(s->cipher, s->out, &n, in, (int)len) <= 0)
		return false;
	if (!(ccm && !s->encrypt) &&
	    EVP_CipherFinal_ex(s->cipher, s->out + n, &n) <= 0)
		return false;
	return !aead || !s->encrypt ||
	       EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_GET_TAG, TAG,
				   s->tag) > 0;
}

/* GMAC wants its nonce again. */
static bool mac_run(struct side *s, const uint8_t *in, size_t len)
{
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, iv, 12),
		OSSL_PARAM_construct_end(),
	};
	bool gmac = s->algo->family == GMAC;
	size_t n;

	return EVP_MAC_init(s->mac, gmac ? key : NULL,
			    gmac ? s->algo->key_len : 0, gmac ? p : NULL) > 0 &&
	       EVP_MAC_update(s->mac, in, len) > 0 &&
	       EVP_MAC_final(s->mac, s->out, &n, 64) > 0;
}

static bool side_run(struct side *s, const uint8_t *in, size_t len)
{
	if (s->algo->family == CIPHER || s->algo->family == AEAD)
		return cipher_run(s, in, len);
	if (s->algo->family == DIGEST)
		return EVP_DigestInit_ex2(s->digest, s->md, NULL) > 0 &&
		       EVP_DigestUpdate(s->digest, in, len) > 0 &&
		       EVP_DigestFinal_ex(s->digest, s->out, NULL) > 0;
	return mac_run(s, in, len);
}

/* ---- time ------------------------------------------------------------------- */

/* Best of some runs of @ns, in nanoseconds a message; 0: it failed. */
static double message_ns(struct side *s, const uint8_t *in, size_t len,
			 uint64_t ns)
{
	double best = 0;

	for (int run = 0; run < RUNS; run++) {
		uint64_t start = wd_now_ns(), now;
		unsigned int n = 0;
		double one;

		do {
			if (!side_run(s, in, len))
				return 0;
			n++;
			now = wd_now_ns();
		} while (now - start < ns);
		one = (double)(now - start) / n;
		if (!run || one < best)
			best = one;
	}
	return best;
}

struct curve {
	double core[SIZES], device[SIZES];
};

/* The device is faster from the answer on, up to the largest size. */
static uint32_t break_even(const struct curve *c)
{
	double before, after;
	uint32_t size;
	int i = SIZES;

	while (i && c->device[i - 1] < c->core[i - 1])
		i--;
	if (i == SIZES)
		return NEVER;
	if (!i)
		return 0;
	before = c->device[i - 1] - c->core[i - 1]; /* not negative */
	after = c->core[i] - c->device[i];	    /* positive */
	size = SMALLEST << (i - 1);
	size += (uint32_t)((double)size * before / (before + after));
	return (uint32_t)wd_align_up(size, 16);
}

/* ---- a row ------------------------------------------------------------------ */

struct calibration {
	struct side core, device;
	uint8_t *text, *sealed;
	uint64_t ns; /* for one figure */
	unsigned int step, steps;
	FILE *to;
};

static void progress(struct calibration *c, const struct algo *a,
		     const char *direction)
{
	unsigned int done = c->step * BAR / c->steps;

	c->step++;
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r[");
	for (unsigned int i = 0; i < BAR; i++)
		fputc(i < done ? '#' : '.', stderr);
	fprintf(stderr, "] %3u %%  %-8s %-10s", (c->step - 1) * 100 / c->steps,
		a->kind, direction);
}

/* What one side seals both sides open; they must agree. */
static const char *curve_measure(struct calibration *c, struct curve *curve)
{
	struct side *core = &c->core, *device = &c->device;
	bool cipher = core->algo->family <= AEAD;
	const uint8_t *in = c->text;

	for (int i = 0; i < SIZES; i++) {
		size_t len = SMALLEST << i, same = cipher ? len : 16;

		if (!core->encrypt) {
			struct side sealer = { .lib = core->lib,
					       .props = core->props,
					       .out = c->sealed };
			bool ok = side_open(&sealer, core->algo, true) &&
				  side_run(&sealer, c->text, len);

			memcpy(core->tag, sealer.tag, TAG);
			memcpy(device->tag, sealer.tag, TAG);
			side_close(&sealer);
			if (!ok)
				return "software failed";
			in = c->sealed;
		}
		curve->core[i] = message_ns(core, in, len, c->ns);
		curve->device[i] = message_ns(device, in, len, c->ns);
		if (curve->core[i] <= 0)
			return "software failed";
		if (curve->device[i] <= 0)
			return "the device failed";
		if (memcmp(core->out, device->out, same) != 0 ||
		    memcmp(core->tag, device->tag, TAG) != 0)
			return "the device computed wrongly";
	}
	return NULL;
}

static void row_print(struct calibration *c, const struct algo *a, bool decrypt,
		      const char *why, const struct curve *curve)
{
	const char *part = decrypt ? ".decrypt" : "";
	uint32_t least = why ? NEVER : break_even(curve);

	if (why)
		fprintf(c->to, "# %s%s: %s\n", a->kind, part, why);
	else if (least == NEVER)
		fprintf(c->to, "# %s%s: the core is faster up to 1 MiB\n",
			a->kind, part);
	else
		fprintf(c->to, "# %s%s: at 16 KiB %.1f us, the core %.1f us\n",
			a->kind, part, curve->device[8] / 1e3,
			curve->core[8] / 1e3);
	fprintf(c->to, "min_bytes.%s%s = %u\n", a->kind, part, least);
}

/* Return: there is something to measure. */
static bool row(struct calibration *c, const struct algo *a, bool encrypt)
{
	struct curve curve;
	const char *why;
	bool ours, theirs;

	progress(c, a,
		 a->family > AEAD ? ""
		 : encrypt	  ? "encryption"
				  : "decryption");
	ours = side_open(&c->device, a, encrypt);
	theirs = side_open(&c->core, a, encrypt);
	if (ours && theirs) {
		why = curve_measure(c, &curve);
		row_print(c, a, !encrypt, why, &curve);
	} else {
		fprintf(c->to, "# %s: %s %s\n", a->kind,
			ours ? "nothing to compare with:" : "no device does",
			a->name);
	}
	side_close(&c->core);
	side_close(&c->device);
	ERR_clear_error();
	return ours && theirs;
}

/* ---- all --------------------------------------------------------------------- */

static void head(FILE *to, const char *device)
{
	char when[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	fprintf(to,
		"# Written by wdctl " WD_VERSION " calibrate, %s, %s.\n"
		"# Bytes from which on the device is faster than one core, "
		"one\n"
		"# message at a time.  Put `.include` of this file into the\n"
		"# section of wd in openssl.cnf; provider-wd(7).\n",
		when, OpenSSL_version(OPENSSL_VERSION));
	if (device && !strncmp(device, "emu", 3))
		fputs("# A MODEL was measured: this says nothing of "
		      "hardware.\n",
		      to);
}

/* A library context with default in it, and wd where @device. */
static OSSL_LIB_CTX *lib_new(bool device)
{
	OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();

	if (lib && OSSL_PROVIDER_load(lib, "default") &&
	    (!device || OSSL_PROVIDER_load(lib, "wd")))
		return lib;
	fprintf(stderr,
		"wdctl: calibrate: no provider '%s'; OPENSSL_MODULES "
		"says where modules are\n",
		device ? "wd" : "default");
	OSSL_LIB_CTX_free(lib);
	return NULL;
}

static bool calibration_open(struct calibration *c)
{
	/* Everything to the device, and no software instead of it. */
	setenv("WD_MIN_BYTES", "0", 1);
	setenv("WD_FALLBACK", "no", 1);
	unsetenv("WD_ALGORITHMS");
	c->core.lib = lib_new(false);
	c->device.lib = lib_new(true);
	c->device.props = OFFER;
	c->core.out = calloc(1, LARGEST + 64);
	c->device.out = calloc(1, LARGEST + 64);
	c->text = calloc(1, LARGEST + 64);
	c->sealed = calloc(1, LARGEST + 64);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 3 + 1);
	return c->core.lib && c->device.lib && c->core.out && c->device.out &&
	       c->text && c->sealed;
}

static void calibration_close(struct calibration *c)
{
	OSSL_LIB_CTX_free(c->core.lib);
	OSSL_LIB_CTX_free(c->device.lib);
	free(c->core.out);
	free(c->device.out);
	free(c->text);
	free(c->sealed);
}

static bool nothing_to_do(struct calibration *c)
{
	for (size_t i = 0; i < WD_ARRAY_SIZE(algos); i++) {
		bool has = side_open(&c->device, &algos[i], true);

		side_close(&c->device);
		ERR_clear_error();
		if (has)
			return false;
	}
	return true;
}

int calibrate(const char *device, const char *path, unsigned int ms)
{
	struct calibration c = { .ns = ms * UINT64_C(1000000) };
	int rc = 1;

	if (device)
		setenv("WD_DEVICE", device, 1);
	if (!calibration_open(&c))
		goto close;
	if (nothing_to_do(&c)) {
		fputs("wdctl: calibrate: no device for ciphers and digests; "
		      "wdctl list says why\n",
		      stderr);
		goto close;
	}
	c.to = path ? fopen(path, "w") : stdout;
	if (!c.to) {
		perror(path);
		goto close;
	}
	head(c.to, getenv("WD_DEVICE"));
	for (size_t i = 0; i < WD_ARRAY_SIZE(algos); i++)
		c.steps += algos[i].family <= AEAD ? 2 : 1;
	for (size_t i = 0; i < WD_ARRAY_SIZE(algos); i++) {
		bool more = algos[i].family <= AEAD;

		if (row(&c, &algos[i], true) && more)
			(void)row(&c, &algos[i], false);
		else
			c.step += more;
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%*s\r", BAR + 32, "");
	rc = fflush(c.to) || ferror(c.to);
	if (rc)
		perror(path ? path : "standard output");
	if (path)
		rc |= fclose(c.to) != 0;
close:
	calibration_close(&c);
	return rc;
}
