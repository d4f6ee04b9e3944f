/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offload.h - a job, from "do this" to "done".
 *
 *	front end ──▶ choose ──▶ lane ──▶ slot in the ring ──▶ bell ──▶ wait
 *	   ▲	       │no	 per	   memory bounced	 once	  spin, then
 *	   │	       ▼	 thread	   or in place		 a batch  sleep, or
 *	   └──── software (the caller's)				  pause the
 *									  ASYNC job
 *
 * Knows no OpenSSL: what pausing and waking mean comes in as a struct
 * offload_waiter.  Software is the caller's too: offload says yes, no, or what
 * went wrong, and has by then written nothing to memory of the caller's that
 * software needs.
 *
 * Memory.  A synchronous job on a device with SVA uses the caller's buffers in
 * place, unless source and destination overlap: then the device writes to lane
 * memory and the result is copied out, so that a job that fails half way has
 * lost nothing (docs/design/zero-copy.md).  Every asynchronous job, and every job without SVA, lives in
 * lane memory altogether: an application may drop a paused job, and the device
 * may still write.  Lane memory is wiped after each job.
 *
 * Threads.  Any thread may call anything; each thread has lanes (queue pairs)
 * of its own until queues run out, then lanes are shared.  After fork() the
 * child's first job opens lanes of its own and leaves the parent's alone.
 * State machine of a job and its locks: docs/concurrency.md.
 */
#ifndef OFFLOAD_H
#define OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/hpre/hpre.h"
#include "hw/sec/sec.h"
#include "uacce/uacce.h"

enum offload_kind {
#define OFFLOAD_KIND(id, ...) OFFLOAD_##id,
#include "offload/offload_kinds.def"
#undef OFFLOAD_KIND
	OFFLOAD_KINDS
};

const char *offload_kind_name(enum offload_kind kind);

/* Reasons for software, and their names in the statistics. */
#define OFFLOAD_WHY_LIST(X)                                                    \
	X(CHOICE, "choice")   /* its size or input is none for the device */   \
	X(ABSENT, "absent")   /* no device knows the algorithm */              \
	X(DOWN, "down")	      /* the devices failed and are left alone */      \
	X(BUSY, "busy")	      /* no slot, or no memory */                      \
	X(QUEUE, "no-queue")  /* others have them all */                       \
	X(UNFIT, "unfit")     /* too large, or the engine can't */             \
	X(TIMEOUT, "timeout") /* deadline passed */                            \
	X(ERROR, "error")     /* error status, or the queue was stopped */     \
	X(WRONG, "wrong")     /* the result did not stand its check */

enum offload_poll {
	OFFLOAD_POLL_AUTO,   /* a poller thread, made at the first pause; if it
			      * can't be had, wait descriptors that time out */
	OFFLOAD_POLL_THREAD, /* the same, and log when it can't be had */
	OFFLOAD_POLL_NONE,   /* never a thread */
};

struct offload_config {
	/* "auto" | "none" | "emu" | "emu:OPTIONS" | "unix:PATH" | node names
	 * separated by commas.  Copied. */
	const char *device;
	const char *module_dir; /* where wd_emu.so lies; NULL: no model */
	unsigned int queues; /* most queues an engine, of HPRE that many for RSA
				 * and DH and as many for curves; 0: no limit of
				 * ours */
	unsigned int batch;  /* jobs a doorbell, 1..64; 0: 32 */
	enum offload_poll poll;
	unsigned int timeout_ms; /* deadline of a job; 0: 1000 */
	bool insist; /* choose devices that have failed, too: the caller wants
		      * to hear of it, not to go on without; so a cipher's job
		      * over its own input may lose it when it fails */
	/* Thresholds; OFFLOAD_MIN_DEFAULT: that of the hardware generation. */
	uint32_t min_bytes[OFFLOAD_KINDS];
	uint32_t min_decrypt[OFFLOAD_KINDS]; /* of decryption */
	const char *stats; /* NULL, or directory for a statistics file */
};

#define OFFLOAD_MIN_DEFAULT 0xfffffffeu

void offload_config_init(struct offload_config *cfg);

struct offload;

/**
 * offload_new() - look devices up; opens none
 * @why: gets a sentence naming the bad value when -EINVAL is returned
 *
 * Keeps O_PATH handles (or the model's module) so that queues can be opened
 * later, by another user or inside a chroot.  No device is not an error.
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int offload_new(struct offload **out, const struct offload_config *cfg,
		char *why, size_t size);

/* Stops the poller, closes every lane of this process, frees.  No thread may
 * be inside a call.  Safe in a forked child and with jobs in flight. */
void offload_free(struct offload *o);

/* Only stop and join the poller; idempotent.  For OPENSSL_atexit. */
void offload_quiesce(struct offload *o);

/* Was a device with this algorithm found?  Decided at offload_new(). */
bool offload_has(const struct offload *o, enum offload_kind kind);

/* The same of one operation: does every device of it do it? */
bool offload_has_hpre(const struct offload *o, enum offload_kind kind,
		      enum hpre_alg alg, uint32_t width);
bool offload_has_cipher(const struct offload *o, enum offload_kind kind,
			enum sec_cipher_alg alg);
bool offload_has_mac(const struct offload *o, enum offload_kind kind,
		     enum sec_mac_alg alg);

/* Is the device a model?  Every figure must say so. */
bool offload_is_model(const struct offload *o);

/* V2 refuses empty digests and AEAD payloads, so the caller must not send
 * them.  0 when there is no such device. */
unsigned int offload_qm_version(const struct offload *o,
				enum uacce_engine engine);

/* Most payload bytes (AAD included) one job of this kind can carry now:
 * SEC_LEN_MAX with SVA; else what lane memory there is for it, about 1.2 MiB
 * for what can't be split, 20 to 80 KiB for what can. */
size_t offload_max_bytes(const struct offload *o, enum offload_kind kind,
			 bool async);

/**
 * offload_choose() - device or software?
 * Cheap, no lock, no system call.  True: worth trying on the device.
 */
bool offload_choose(struct offload *o, enum offload_kind kind, size_t bytes);
bool offload_choose_cipher(struct offload *o, enum offload_kind kind,
			   bool encrypt, size_t bytes);

/* Bytes below which neither says yes, in whatever direction. */
size_t offload_least(const struct offload *o, enum offload_kind kind);

/*
 * How an asynchronous caller waits.  The object is the caller's and outlives
 * the job, or is detached with offload_abandon() first.
 */
struct offload_job;
struct offload_waiter {
	/* Suspend the caller; may return without reason.  Called without any
	 * lock of ours.  Return: 0; -errno: could not, wait synchronously. */
	int (*pause)(struct offload_waiter *w);
	/* The job is final.  Any thread, also the one that will pause, also
	 * before it has paused.  No lock of ours is held; @w is pinned by
	 * get/put meanwhile. */
	void (*wake)(struct offload_waiter *w);
	void (*get)(struct offload_waiter *w);
	void (*put)(struct offload_waiter *w);
	/* No poller thread: make the caller's wait end by itself after
	 * @ns.  NULL: pausing is possible with a poller only. */
	int (*alarm)(struct offload_waiter *w, uint64_t ns);
	/* wake() may still be on its way back when the operation returns: it
	 * touches nothing but what get() pins.  Else it is waited for. */
	bool late;
	/* Set by offload while the job is out; the handle for abandon. */
	struct offload_job *job;
};

/**
 * offload_abandon() - the waiter will never come back
 * Called from the wait context's cleanup.  The job's slot is freed and its
 * secrets wiped as soon as the device is done with it; w->wake is not called
 * after this returns.
 */
void offload_abandon(struct offload_waiter *w);

/*
 * The calls below block (or pause, with @w not NULL) until the job is final.
 * Return: 0; -EBADMSG: tag or signature is wrong, a verdict; anything else: the device
 * did not do it, nothing of the caller's was written, software may:
 *	-ENODEV	 no (healthy) device	-EAGAIN	    no slot: back-pressure
 *	-EBUSY	 no queue to be had now, as when others use all
 *	-EINVAL	 not for this engine	-ETIMEDOUT  deadline passed
 *	-EIO	 error status, or the queue was stopped; of SM2_DECRYPT also
 *		 a wrong ciphertext: software says which
 *	-EMSGSIZE  larger than offload_max_bytes()
 *	-EILSEQ	 the result did not stand the check asked for
 */
struct offload_rsa {
	enum offload_kind kind; /* RSA_PRIVATE or RSA_PUBLIC */
	enum hpre_alg alg;
	uint32_t width; /* bytes of key class */
	const uint8_t
		*key;	   /* hpre_key_size() bytes, made once per key object */
	const uint8_t *in; /* @width bytes, below the modulus */
	uint8_t *out;	   /* @width bytes; may be @in */
	const uint8_t *check; /* as below */
};
int offload_rsa(struct offload *o, const struct offload_rsa *op,
		struct offload_waiter *w);

/*
 * Any other public-key operation.  Buffers are laid out by hpre_key() and
 * hpre_in(), the output is read with hpre_out(); their sizes are
 * hpre_key_size(), hpre_in_size() and hpre_out_size().  A verification has no
 * output; its verdict is the return value: 0 or -EBADMSG.
 */
struct offload_hpre {
	enum offload_kind kind;
	enum hpre_alg alg;
	uint32_t width;
	uint16_t msg_len;  /* SM2 encryption and decryption */
	bool device_nonce; /* as in struct hpre_op */
	bool fast;	   /* the same */
	const uint8_t *key, *in;
	uint8_t *out; /* may be @in where it is as large */
	/* RSA: key block e|n, or NULL.  A second job follows the first without
	 * waking the caller and raises its result to e: that must be @in, else
	 * -EILSEQ.  It counts as one of RSA_PUBLIC. */
	const uint8_t *check;
};
int offload_hpre(struct offload *o, const struct offload_hpre *op,
		 struct offload_waiter *w);

struct offload_cipher {
	enum offload_kind kind;
	enum sec_cipher_alg alg;
	bool encrypt;
	const uint8_t *key;
	uint8_t key_len;
	const uint8_t *iv; /* never updated */
	uint8_t iv_len;	   /* a block; ECB 0; GCM 12; CCM 7 to 13: a nonce */
	const uint8_t *aad;
	uint32_t aad_len;
	const uint8_t *in;
	uint8_t *out; /* may be @in; other overlaps are -EINVAL */
	uint32_t len;
	uint8_t *tag; /* GCM, CCM: out on encrypt, expected on decrypt */
	uint8_t tag_len;
};
int offload_cipher(struct offload *o, const struct offload_cipher *op,
		   struct offload_waiter *w);

/**
 * offload_ciphers() - several records, one doorbell
 * @ops: @n records, in any order done; none writes what another one reads
 * @rc:  @n results, each as of offload_cipher()
 *
 * As many as there are slots for, OFFLOAD_RECORDS_MAX at most, are one part:
 * a descriptor each, one doorbell, and one pause until the last is final.  What
 * is left makes further parts.  Where not one slot is to be had, all that are
 * left get -EAGAIN.  A record's failure is its own; a deadline or a stopped
 * queue ends all of the part that are not done yet.  Dropping the waiter drops
 * the part, and what was to follow is never begun.
 */
#define OFFLOAD_RECORDS_MAX 32
void offload_ciphers(struct offload *o, const struct offload_cipher *ops,
		     unsigned int n, int *rc, struct offload_waiter *w);

struct offload_digest {
	enum offload_kind kind;
	enum sec_digest_alg alg;
	enum sec_part part;
	const uint8_t *in;
	uint32_t len;
	uint64_t total_bits; /* SEC_LAST */
	/* sec_digest_state() bytes: in (MIDDLE, LAST), out; of LAST and
	 * ONE_SHOT the digest.  Untouched when the job fails. */
	uint8_t *state;
	const uint8_t *key; /* HMAC: as in struct sec_digest_op; else NULL */
	uint8_t key_len;
};
int offload_digest(struct offload *o, const struct offload_digest *op,
		   struct offload_waiter *w);

/* CMAC and GMAC: one message, one job. */
struct offload_mac {
	enum offload_kind kind;
	enum sec_mac_alg alg;
	const uint8_t *key;
	uint8_t key_len;
	const uint8_t *iv; /* GMAC: 12 bytes */
	const uint8_t *in;
	uint32_t len;
	uint8_t *mac; /* 16 bytes out; untouched when the job fails */
};
int offload_mac(struct offload *o, const struct offload_mac *op,
		struct offload_waiter *w);

/* Why software did it. */
enum offload_why {
#define OFFLOAD_WHY(id, name) OFFLOAD_WHY_##id,
	OFFLOAD_WHY_LIST(OFFLOAD_WHY)
#undef OFFLOAD_WHY
		OFFLOAD_WHYS
};

const char *offload_why_name(enum offload_why why);

/* Counters of this process, summed over its lanes; monotonic. */
struct offload_kind_stats {
	uint64_t jobs;	   /* given to the device */
	uint64_t bytes;	   /* payload of these */
	uint64_t async;	   /* of these, paused at least once */
	uint64_t done;	   /* good results */
	uint64_t errors;   /* error status, stopped queue */
	uint64_t timeouts; /* deadline passed */
	uint64_t software; /* done in software instead: choice or failure */
	uint64_t wrong;	   /* results refused by the caller's own check */
};
struct offload_stats {
	struct offload_kind_stats kind[OFFLOAD_KINDS];
	uint64_t sq_bells, cq_bells;
	/* Of the doorbells down, those for paused jobs, and why then: the batch
	 * was full, nobody was about to add to it, it had waited long enough. */
	uint64_t bells_full, bells_idle, bells_age;
	uint64_t polled;      /* completions found by the helper thread */
	uint64_t spun_ns;     /* synchronous waits, awake */
	uint64_t copied;      /* payload bytes bounced */
	uint64_t sleeps;      /* synchronous waits that went to sleep */
	uint64_t wakes;	      /* paused callers told that they may go on */
	uint64_t abandoned;   /* jobs dropped while paused */
	uint64_t quarantined; /* queues given up */
	uint64_t resets;      /* of these, stopped by the device itself */
	uint64_t lanes;	      /* queue pairs opened */
	uint64_t why[OFFLOAD_WHYS]; /* sum of kind[].software, by reason */
};
void offload_stats(const struct offload *o, struct offload_stats *out);

/* The caller did it in software without asking / because offload_*() returned
 * @rc / refused a device result. */
void offload_count_software(struct offload *o, enum offload_kind kind);
void offload_count_fallback(struct offload *o, enum offload_kind kind, int rc);
void offload_count_wrong(struct offload *o, enum offload_kind kind);

#endif
