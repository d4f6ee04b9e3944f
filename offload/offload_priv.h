/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offload_priv.h - what the files of this layer share.
 *
 *	offload.c   new and free, which devices	    choose.c  yes or no, pure
 *	proc.c	    what a process has, fork	    place.c   in place or bounced
 *	room.c	    lane memory for data
 *	lane.c	    queue pairs and who uses them   health.c  of a device
 *	job.c	    the life of a job, reaping	    job_*.c   the three front ends
 *	batch.c	    several jobs, one doorbell
 *	wait.c	    synchronous and paused waiting  poller.c  the helper thread
 *	stats.c	    counters
 *
 *	struct offload ── what the configuration says, the devices; immutable
 *	   │		  but for device health; survives fork
 *	   └─ struct proc ── all that belongs to one process: a forked child
 *		  │	     makes a new one and never looks at the old
 *		  ├─ struct thread ── which lanes this thread uses, per class
 *		  └─ struct lane ── queue pair, job slots, counters
 *			 └─ struct offload_job ── a slot
 *
 * Locks, in order: proc->lock (opening, attaching; never on the hot path),
 * then a lane's word.  A lane's word is held for a few hundred instructions:
 * never across a wait, a pause, a wake or a system call.  Lanes and jobs are
 * never freed before offload_free(), so a stale pointer to one is harmless.
 */
#ifndef OFFLOAD_PRIV_H
#define OFFLOAD_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "hw/qm/qm_queue.h"
#include "offload/offload.h"
#include "offload/stats_file.h"

/* ---- choose.c ----------------------------------------------------------- */

struct choose_in {
	bool has;	    /* a device for it was found */
	bool usable;	    /* and is healthy, or due for a probe */
	uint32_t min_bytes; /* threshold of the kind */
	size_t bytes;
};
bool choose_device(const struct choose_in *in);

/* Why software was chosen without asking, and why after @rc. */
enum offload_why choose_why(struct offload *o, enum offload_kind kind);
enum offload_why choose_why_not(struct offload *o, enum offload_kind kind,
				int rc);

/* ---- place.c ------------------------------------------------------------ */

enum place {
	PLACE_CALLER, /* the caller's own buffer */
	PLACE_SLOT,   /* memory of the job's slot, and of others it borrows */
	PLACE_BIG,    /* ordinary memory of the lane */
};

struct place_in {
	bool sva, async;
	bool overlap;	 /* source and destination share bytes */
	size_t bytes;	 /* AAD and payload */
	size_t slot;	 /* bytes the slot has for them */
	size_t borrowed; /* with others' memory; 0: one slot only */
};

/* Return: 0; -EMSGSIZE: must be bounced and does not fit. */
int place_data(const struct place_in *in, enum place *src, enum place *dst);

/* ---- health.c ----------------------------------------------------------- */

/*
 * Of a device, shared by all threads.  A failed device is left alone for a
 * back-off that doubles from 100 ms to 10 s, then one job at a time is let
 * through as a probe; only a probe that succeeds makes it healthy.
 */
struct health {
	_Atomic uint64_t retry_at;   /* ns; 0: healthy */
	_Atomic uint32_t backoff_ms; /* next one */
	_Atomic uint32_t errors;     /* error statuses in a row */
};

bool health_usable(struct health *h); /* healthy, or a probe is due */
enum health_admit { HEALTH_NO, HEALTH_YES, HEALTH_PROBE };
enum health_admit health_admit(struct health *h, uint64_t now);
void health_result(struct health *h, int rc, bool probe, uint64_t now);
void health_failed(struct health *h, uint64_t now); /* stop, timeout */

/* ---- devices ------------------------------------------------------------ */

/* Queues of one kind take one kind of jobs: those of HPRE are made for one of
 * its core groups. */
enum lane_class { LANE_HPRE_MODULAR, LANE_HPRE_CURVE, LANE_SEC, LANE_CLASSES };

enum lane_class lane_class(enum uacce_engine engine, unsigned int queue_type);

#define DEVICES_MAX 16 /* of one engine; a server has 4 sockets of each */

struct device {
	struct uacce_info info;
	struct health health;
	_Atomic bool refused;		  /* not for this process, for good */
	_Atomic uint64_t busy_until;	  /* ns; all queues were taken */
	unsigned int lanes[LANE_CLASSES]; /* open ones; proc->lock */
	bool opened;			  /* at least once; proc->lock */
};

struct engine {
	unsigned int count;
	bool sva; /* every device has it */
	struct device device[DEVICES_MAX];
};

/* A handle on the directory of statistics files, or on one of them.  Daemons
 * close descriptors they do not know, and numbers are used again: dev and ino
 * tell. */
struct stats_handle {
	int fd; /* -1: none */
	dev_t dev;
	ino_t ino;
};

struct offload {
	struct offload_config cfg; /* strings inside are not kept */
	struct uacce_host *host;   /* NULL: nothing is offloaded */
	void *module;
	struct engine engine[UACCE_ENGINES];
	bool has[OFFLOAD_KINDS];
	pthread_key_t key; /* struct thread */
	_Atomic(struct proc *) proc;
	_Atomic uint32_t renewing;     /* generation that makes its proc now */
	struct stats_handle stats_dir; /* O_PATH */
	char program[32]; /* at load: servers write over their argv later */
};

/* Row of a kind: engine, name, and the kernel's word for what it needs. */
struct kind {
	const char *name;
	enum uacce_engine engine;
	uint32_t min_bytes[4]; /* V2, V3; encryption, decryption */
	const char *algorithm;
};
extern const struct kind kinds[OFFLOAD_KINDS];

/* As offload_new(), on a host that is already there; takes it over. */
int offload_new_on(struct offload **out, const struct offload_config *cfg,
		   struct uacce_host *host);

/* ---- proc.c ------------------------------------------------------------- */

struct lane;

struct thread {
	struct proc *proc;
	struct thread *prev, *next;
	struct lane *lane[LANE_CLASSES];
};

enum poller_state { POLLER_UNTRIED, POLLER_RUNNING, POLLER_NONE };

struct poller {
	_Atomic int state; /* enum poller_state */
	pthread_t thread;
	int kick; /* eventfd */
	_Atomic bool stop;
	_Atomic uint64_t until; /* ns; asleep till then; 0: awake or kicked */
	_Atomic uint32_t work;	/* counts calls of poller_nudge() */
};

struct proc {
	struct offload *o;
	struct proc *stale; /* the parent's, kept reachable, never used */
	uint32_t generation;
	pthread_mutex_t lock;
	bool host_ready; /* the host knows of the fork */
	struct thread *threads;
	_Atomic(struct lane *) lanes; /* grows only */
	_Atomic unsigned int lane_count;
	struct poller poller;
	struct stats_file *file; /* NULL: none, or none could be had */
	bool file_tried;
	struct stats_handle file_at;		/* of it, to make it longer */
	_Atomic(struct stats_stripe *) stripes; /* STATS_STRIPES of them */
	struct stats_stripe own[STATS_STRIPES];
};

int proc_new(struct offload *o, struct proc **out);
void proc_free(struct proc *p); /* with everything in it */
bool proc_is_stale(const struct proc *p);

/* This process's; made anew after fork.  NULL: no memory. */
struct proc *proc_get(struct offload *o);

/* This thread's record.  NULL: no memory. */
struct thread *thread_get(struct offload *o);
void thread_exit(void *thread); /* destructor of the key */

/* ---- lane.c ------------------------------------------------------------- */

/* Most jobs a lane has in flight; fewer than any ring is deep. */
#define LANE_JOBS_MAX 256

enum lane_state {
	LANE_EMPTY, /* no queue */
	LANE_OPEN,
	LANE_STOPPING, /* quarantined, the device may still write */
	LANE_DEAD,     /* stopped; closed when the last job has left */
	LANE_CLOSING,
};

enum job_word { JOB_FREE, JOB_FILLING, JOB_OUT, JOB_WATCH, JOB_DONE };

/* Room for any codec's operation. */
union hw_op {
	struct hpre_op hpre;
	struct sec_cipher_op cipher;
	struct sec_digest_op digest;
	struct sec_mac_op mac;
};

struct offload_job {
	struct lane *lane;
	struct offload_job *prev, *next; /* flying, oldest first */
	uint8_t *mem;			 /* of the slot */
	struct offload_waiter *waiter;	 /* NULL: synchronous or abandoned */
	struct offload_job *more;	 /* borrowed slots, for their memory */
	/* Jobs waited for together: the first has the waiter, who is woken
	 * when the last is final.  A job alone is its own. */
	struct offload_job *lead;
	struct offload_job *peer; /* next of them */
	unsigned int left;	  /* of the lead: jobs not final */
	struct area *area;	  /* output, instead of the slot */
	size_t area_used;
	size_t bytes;  /* payload, for statistics */
	size_t copied; /* of it, into and out of lane memory */
	uint64_t started, deadline;
	uint64_t since;	   /* when this descriptor went: of the second, later */
	union hw_op then;  /* for the ring later: the second descriptor, while
			      * @chained; in a batch, this one */
	uint64_t usual_ns; /* of a paused job here, when submitted */
	uint64_t spin_ns;  /* how long to spin for it */
	uint64_t ended;	   /* valid when done */
	uint64_t spun_ns;  /* how long it was */
	pthread_t waker;   /* valid while waking */
	struct offload_waiter *calls; /* the same: whom the waker calls */
	_Atomic uint32_t word;	      /* enum job_word; a futex */
	_Atomic uint32_t waking;      /* JOB_WAKING, JOB_LINGERS */
	uint32_t used;		      /* bytes of @mem to wipe */
	int rc;			      /* valid when done */
	uint16_t next_free;
	uint8_t kind;  /* of the descriptor that is out */
	uint8_t asked; /* what the caller asked for */
	bool async, abandoned;
	bool sleeping; /* on @word */
	bool probe;
	bool paused;
	bool bounced;		       /* the result has to be copied out */
	bool woken;		       /* counted in the lane's */
	bool vain;		       /* the spin was */
	bool second;		       /* @then is out */
	bool spun_second, vain_second; /* was spun for, and in vain */
	bool chained; /* @then follows when this descriptor is done well */
};

#define JOB_WAKING  1u /* w->wake is being called */
#define JOB_LINGERS 2u /* the waker frees the slot */

struct lane {
	_Atomic uint32_t lock; /* 0 free, 1 held, 2 held and waited for */
	_Atomic int state;     /* enum lane_state; changes under the lock */
	struct lane *next;     /* in proc->lanes */
	struct proc *proc;
	struct device *device;
	enum uacce_engine engine;
	enum lane_class class;
	unsigned int users; /* threads; proc->lock */

	/* One at most listens to the queue's descriptor, since listening
	 * consumes: a thread that waits in place (it alone reaps then), or the
	 * poller. */
	bool watcher;
	_Atomic bool watched;		  /* by the poller; armed */
	bool lingers;			  /* there for one sleep more */
	_Atomic unsigned int async_out;	  /* asynchronous jobs in flight */
	struct offload_job *first, *last; /* in flight, oldest first */
	unsigned int flying;		  /* how many, rung or not */
	unsigned int live;		  /* jobs not free */
	unsigned int woken;	  /* done, whose callers are not back yet */
	unsigned int found;	  /* completions since the poller looked last */
	unsigned int vain;	  /* spins in vain, in a row */
	unsigned int vain_second; /* the same for second descriptors */
	uint64_t stirred;	  /* last submission or completion */
	uint64_t unrung_since;
	uint64_t usual_ns[OFFLOAD_KINDS]; /* service time, moving average */
	uint64_t latency_ns; /* the same of a paused job, from end to end */

	unsigned int jobs; /* slots of this queue */
	unsigned int fresh;
	uint16_t free; /* LIFO of used ones, so that few are ever touched */
	size_t stride; /* bytes of a slot */
	struct area *areas; /* not in use */
	unsigned int area_count;
	const struct sec_codec *codec;
	struct offload_stats *stats; /* in @shown */
	struct stats_lane *shown;    /* @own, or in the file */
	struct stats_lane own;
	uint64_t sq_bells, cq_bells; /* of earlier queues of this lane */

	struct qm_queue q;
	uint16_t by_ring_slot[QM_DEPTH_MAX];
	struct offload_job job[LANE_JOBS_MAX];
};

void lane_enter(struct lane *l);
bool lane_try_enter(struct lane *l);
void lane_leave(struct lane *l); /* closes the queue of a dead, empty lane */

static inline bool lane_is_open(const struct lane *l)
{
	return atomic_load_explicit(&l->state, memory_order_acquire) ==
	       LANE_OPEN;
}

/* The lane this thread uses for @class, opened or shared when it has none.
 * Return: 0; -ENODEV; -EAGAIN: nothing free now; -ENOMEM. */
int lane_get(struct thread *t, enum lane_class class, struct lane **out);

/* The thread no longer uses its lane; proc->lock held. */
void lane_put(struct thread *t, enum lane_class class);

/* Give the queue up: stop it, finish all its jobs with @rc. */
void lane_quarantine(struct lane *l, int rc);

/* Stop and free, with jobs in flight if need be. */
void lane_free(struct lane *l);

int lane_ring(struct lane *l); /* lane held */

/* Ring if it is time to; the same.  Return: 0; -EIO: quarantine it. */
int lane_ring_due(struct lane *l, uint64_t now);

/* Should the bell ring now, and why? */
enum bell { BELL_NO, BELL_SYNC, BELL_FULL, BELL_IDLE };
struct bell_in {
	unsigned int rung;   /* in flight, and the device knows */
	unsigned int unrung; /* and does not know yet */
	unsigned int batch;
	bool sync;    /* somebody waits in place */
	bool company; /* more is about to come */
};
enum bell lane_bell(const struct bell_in *in);

/* The device has enough to do until something completes. */
static inline bool lane_is_fed(const struct lane *l)
{
	return l->flying - l->q.committed >= l->proc->o->cfg.batch;
}

/* ---- job.c -------------------------------------------------------------- */

/* Whom to wake once the lane has been left: small, the stack of an ASYNC job
 * is short. */
#define WAKES_MAX     32
#define WAKES_SLEEPER 0x8000u /* on the job's word; else its @calls */
struct wakes {
	struct lane *lane; /* of all of them */
	unsigned int n;
	uint16_t at[WAKES_MAX]; /* slots */
};

void wakes_run(struct wakes *wakes); /* lane not held */

/*
 * Take what the device has done, WAKES_MAX at most; lane held, and nobody else
 * watches it.  Rings what waits for company.
 * Return: how many; -EIO: the queue was stopped, quarantine it.
 */
int lane_reap(struct lane *l, bool arm, struct wakes *wakes);

/* All there is, armed for the next; -EIO also when the queue has just stopped.
 * Complete unless @wakes is full. */
int lane_reap_armed(struct lane *l, struct wakes *wakes);

void job_finish(struct offload_job *j, int rc, uint64_t now,
		struct wakes *wakes); /* lane held */
void job_free(struct offload_job *j); /* lane held; memory wiped here */
bool job_chain(struct offload_job *j, uint64_t now); /* lane held */

/* Take @n more slots for @j's data; lane held.
 * Return: 0; -EAGAIN: some may have been taken, they go with the job. */
int job_borrow(struct offload_job *j, unsigned int n);

/* One call of a front end. */
struct work {
	enum offload_kind kind;
	const void *op;
	size_t bytes;		 /* payload, for statistics */
	unsigned int queue_type; /* which of the engine's queues */
	/* Put operands where the device reaches them, describe them at @hw.
	 * Return: 0, -EINVAL, -EMSGSIZE, -ENOMEM.  Lane not held. */
	int (*place)(struct offload_job *j, const void *op, void *hw);
	int (*encode)(const struct offload_job *j, void *sqe, const void *hw);
	/* Good, or -EBADMSG: hand the caller what was bounced. */
	void (*finish)(struct offload_job *j, const void *op);
	/* NULL, or: is the good result to be believed?  Before finish. */
	int (*judge)(const struct offload_job *j, const void *op);
};

int job_run(struct offload *o, const struct work *work,
	    struct offload_waiter *w);

/* The steps of it. */

/* This thread's lane for @work.  *@w becomes NULL when a job of @bytes, or
 * several that have so many together, may not pause. */
int job_lane(struct offload *o, const struct work *work, size_t bytes,
	     struct offload_waiter **w, struct lane **out);

/* A slot on @l, @work's, if the device may be asked.
 * Return: 0; -EAGAIN: none free; -ENODEV, -EIO. */
int job_open(struct lane *l, const struct work *work, bool async,
	     struct offload_job **out);

/* Lane held.  @stopped: give the queue up, whatever became of the job.
 * Return: 0 the job is out; -errno: it never went.  The caller rings. */
int job_put_on_ring(struct lane *l, struct offload_job *j,
		    const struct work *work, const union hw_op *hw,
		    bool *stopped);

/* The last @n went on the ring: does the poller have to look sooner than it
 * would?  Lane held. */
bool lane_wants_poller(struct lane *l, const struct offload_job *j,
		       unsigned int n);

/* Of a final job: the result, with what was bounced copied out; ends it. */
int job_take_result(struct offload_job *j, const struct work *work);

/* Back to the lane; @j is DONE or FILLING and this thread's. */
void job_end(struct offload_job *j);

static inline bool job_is_done(const struct offload_job *j)
{
	return atomic_load_explicit(&j->word, memory_order_acquire) == JOB_DONE;
}

/* The first of @lead's that is not final, or NULL. */
static inline struct offload_job *job_pending(struct offload_job *lead)
{
	struct offload_job *j = lead;

	while (j && job_is_done(j))
		j = j->peer;
	return j;
}

/* ---- job_sec.c ---------------------------------------------------------- */

struct work cipher_work(const struct offload_cipher *op);
int cipher_check(const struct offload_cipher *op);

/* ---- room.c ------------------------------------------------------------- */

/* Lane memory of a SEC job from some byte on. */
struct room {
	struct offload_job *slot;
	uint8_t *at;
	size_t left;   /* in this slot */
	bool borrowed; /* not the job's own */
};

/*
 * Memory the device reaches for @bytes of data: the slot's, else with slots
 * borrowed.  @addr is flat, or of a scatter list when *@sgl.  Lane not held.
 * Return: 0; -EAGAIN: too few slots are free.
 */
int room_make(struct offload_job *j, size_t bytes, uint64_t *addr, bool *sgl);
struct room room_of(struct offload_job *j);
void room_put(struct room *r, const uint8_t *from, size_t len);
void room_get(struct room *r, uint8_t *to, size_t len); /* NULL: skip */

/* Ordinary memory for @bytes of output, wiped and given back by area_give().
 * NULL: no memory.  Lane not held. */
uint8_t *area_take(struct offload_job *j, size_t bytes);
uint8_t *area_data(const struct offload_job *j);
void area_give(struct offload_job *j);
void areas_free(struct lane *l); /* kept ones; nobody uses @l */

/* Memory of @j's slot up to @end is to be wiped. */
static inline void job_uses(struct offload_job *j, size_t end)
{
	if (j->used < end)
		j->used = (uint32_t)end;
}

/* ---- wait.c ------------------------------------------------------------- */

void wait_sync(struct offload_job *j);

/* Nobody listens to @l any more: let the next sleeper do it, or the poller.
 * Lane held, and left here; runs @wakes. */
void wait_hand_over(struct lane *l, struct wakes *wakes);

/* Until @lead and its peers are final.
 * Return: 0; -ENXIO: this is a forked child, the jobs are the parent's. */
int wait_paused(struct offload_job *lead, struct offload_waiter *w);

/* How long to spin for a job that usually takes @usual_ns, after @vain spins
 * in vain. */
uint64_t wait_spin_ns(uint64_t usual_ns, unsigned int vain);

void wait_word(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns);
void wake_word(_Atomic uint32_t *word, int how_many);

/* ---- poller.c ----------------------------------------------------------- */

bool poller_can(struct proc *p); /* runs, or could be started now */
void poller_nudge(struct proc *p, uint64_t now); /* a lane needs attention */
void poller_stop(struct proc *p);

/* A filled descriptor waits no longer for company, if anybody is there to
 * look; and who has not come back for so long is not counted on. */
#define POLLER_AGE_NS 50000u

/* Let the lane be for so long before looking again; 0: listen.  @callers: how
 * many completions they found since the last look, @mine: this one. */
uint64_t poller_hold_ns(uint64_t latency_ns, unsigned int callers,
			unsigned int mine);

/* ---- stats.c ------------------------------------------------------------ */

/* Take a handle on the directory of the files: later, in a chroot or as another
 * user, its name may mean nothing. */
void stats_dir_open(struct stats_handle *d, const char *path);
void stats_dir_close(struct stats_handle *d);
void stats_lane_new(struct lane *l);
void stats_lane_opened(struct lane *l);
void stats_lane_is(struct lane *l, enum lane_state state);
void stats_proc_new(struct proc *p);
void stats_proc_free(struct proc *p);

#endif
