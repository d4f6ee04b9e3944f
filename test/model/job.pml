/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a paused job, as offload/job.c has it, with everybody who may
 * touch it: the caller's thread, the poller, the device, a deadline.  One slot,
 * used for two operations in a row, so that whatever is left over from the
 * first meets the second.
 *
 * Claims: the device writes only into a slot that is OUT; nobody is inside
 * w->wake, or comes to it, once the operation or offload_abandon() has
 * returned; a slot is freed once, and always; nobody waits for ever (an end
 * state that is no end state).
 *
 * -DLATE: w->wake may be under way when the operation has returned; not when
 *	    offload_abandon() has.
 * -DALARM: no poller; the caller's own wait ends by itself.
 * -DFORK:  a child resumes the job or cleans it up.
 * -DBUG=n: one rule is left out, which must be noticed: 1 the end of a job waits
 *	    for the wake-up that is under way, 2 the device is stopped before its
 *	    jobs are ended, 3 an abandoned job is freed by who reaps it, 4 who
 *	    abandons says so, 5 a
 *	    cleanup in a forked child leaves the job alone.
 */
#ifndef BUG
#define BUG 0
#endif
mtype = { FREE, FILLING, OUT, DONE, OPEN, STOPPING, DEAD };

#define NOBODY	0
#define CALLER	1
#define POLLER	2
#define WAKING	1
#define LINGERS 2

bool lock;
mtype lane = OPEN;

/* the job */
mtype word = FREE;
bool waiter, abandoned, chained;
byte waking, waker;

/* the device */
bool owns, completed, stopped;

/* the caller's side */
bool woken, over, quarantined, stale;
byte holder; /* who has the fibre; NOBODY: it is paused */
bool dropped;

/* A child has no business with the parent's lane. */
#define ENTER(self) atomic { assert(!stale || self != CALLER); !lock -> lock = true }
#define LEAVE lock = false

/* job_free(); lane held */
inline slot_free()
{
	assert(word == DONE || word == OUT || word == FILLING);
	assert(!owns);
	waiter = false;
	abandoned = false;
	word = FREE
}

/* job_finish(); lane held.  @wake: it has to be called after leaving. */
inline finish(self, wake)
{
	if
#if BUG != 3
	:: abandoned -> slot_free()
#endif
	:: else ->
		if
		:: waiter ->
			waker = self;
			waking = WAKING;
			wake = true
		:: else
		fi;
		word = DONE
	fi
}

/* lane_reap(), then what a reaper does when it has left */
inline reap(self, wake)
{
	ENTER(self);
	if
	:: lane == OPEN && completed ->
		completed = false;
		if
		:: chained && !abandoned ->
			chained = false;
			owns = true
		:: else -> finish(self, wake)
		fi
	:: else
	fi;
	LEAVE;
	wakes_run(self, wake)
}

inline wakes_run(self, wake)
{
	if
	:: wake ->
		wake = false;
#ifndef LATE
		assert(!over);
#endif
		woken = true;
		if
		:: self == POLLER ->
			/* a callback may free the wait context */
			if
			:: atomic { holder == NOBODY -> holder = POLLER };
				abandon(self);
				dropped = true
			:: true
			fi
		:: else
		fi;
		atomic { left = waking; waking = 0 };
		if
		:: left & LINGERS ->
			ENTER(self);
			slot_free();
			LEAVE
		:: else
		fi
	:: else
	fi
}

/* job_end() */
inline job_end(self)
{
	if
	:: atomic { waking && waker == self -> waking = waking | LINGERS }
#ifdef LATE
	:: atomic { waking && waker != self && waiter -> waking = waking | LINGERS }
#endif
	:: atomic { !waking || waker != self -> skip };
#if BUG != 1
		waking == 0;
#endif
		ENTER(self);
		slot_free();
		LEAVE
	fi
}

/* offload_abandon() */
inline abandon(self)
{
	if
#if BUG != 5
	:: stale && self == CALLER
#endif
	:: else ->
		ENTER(self);
		waiter = false;
		done = (word == DONE);
#if BUG != 4
		abandoned = !done;
#endif
		LEAVE;
		if
		:: done -> job_end(self)
		:: else
		fi;
		/* From inside wake it returns into it. */
		over = true
	fi
}

/* lane_quarantine() */
inline quarantine(self, wake)
{
	ENTER(self);
	if
	:: lane == OPEN ->
		lane = STOPPING;
		LEAVE;
#if BUG != 2
		atomic { stopped = true; owns = false };
#endif
		ENTER(self);
		if
		:: word == OUT -> finish(self, wake)
		:: else
		fi;
		completed = false;
		lane = DEAD;
		LEAVE;
		wakes_run(self, wake)
	:: else -> LEAVE
	fi
}

active proctype device()
{
end:
	do
	:: atomic {
		owns && !stopped ->
			/* into the slot, and then the completion */
			assert(word == OUT);
			owns = false;
			completed = true
	}
	od
}

#ifndef ALARM
active proctype poller()
{
	bool wake, done;
	byte left;

end:
	do
	:: completed && lane == OPEN -> reap(POLLER, wake)
	:: word == OUT && lane == OPEN && !quarantined ->
		quarantined = true; /* the deadline */
		quarantine(POLLER, wake)
	od
}
#endif

active proctype caller()
{
	bool wake, done;
	byte left, n;
	bool early;

	do
	:: n < 2 ->
		n++;
		/* the slot may still be out, abandoned */
#ifdef ALARM
		if
		:: word == FREE
		:: else -> break
		fi;
#else
		word == FREE;
#endif
		ENTER(CALLER);
		if
		:: lane != OPEN -> LEAVE; break
		:: else
		fi;
		word = FILLING;
		LEAVE;
		atomic {
			over = false;
			woken = false;
			dropped = false;
			holder = CALLER;
			if
			:: chained = true
			:: chained = false
			fi
		}
		ENTER(CALLER);
		if
		:: lane != OPEN ->
			LEAVE;
			job_end(CALLER);
			break
		:: else
		fi;
		waiter = true;
		word = OUT;
		owns = true;
		LEAVE;
		do
		:: word == DONE -> break
		:: else ->
			holder = NOBODY; /* paused */
			if
			:: woken -> woken = false
#ifdef ALARM
			:: true
#else
			:: dropped
			:: !early -> early = true /* without reason */
#endif
#ifdef FORK
			:: stale = true
#endif
			fi;
			if
			:: atomic { holder == NOBODY -> holder = CALLER }
			:: dropped && !stale -> goto next
			:: stale /* has a copy of its own */
			fi;
			if
			:: stale -> goto quit
			:: !stale
			:: true -> abandon(CALLER);
				if
				:: stale -> goto quit
				:: else -> goto next
				fi
			fi;
			reap(CALLER, wake);
			if
			:: word == OUT && !quarantined ->
				quarantined = true;
				quarantine(CALLER, wake)
			:: true
			fi
		od;
		job_end(CALLER);
		over = true;
next:
		early = false
	:: else -> break
	od;
	/* Nothing is lost, whoever frees it; nobody else does without poller. */
	do
	:: word == FREE -> break
#ifdef ALARM
	:: completed && lane == OPEN -> reap(CALLER, wake)
	:: word == OUT && !quarantined ->
		quarantined = true;
		quarantine(CALLER, wake)
#endif
	od;
quit:
	skip
}
