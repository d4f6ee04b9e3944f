/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who listens to a queue: threads that wait in place on a shared lane, as
 * offload/wait.c has it.  Looking at the queue's descriptor consumes the event,
 * so one listens, the watcher, and hands the watch on when it goes; the others
 * sleep on the words of their own jobs.  Besides them a submitter that passes by
 * and takes what it finds without listening, and the poller, which listens in
 * place of a watcher while paused jobs are out, and lets go.
 *
 * Claim: every job ends and its thread comes back (an end state that is no end
 * state); never do two listen, and where a thread watches nobody else reaps.
 * Deadlines are taken never to pass: whoever was saved by one was forgotten.
 *
 * -DALONE: without the last two; -DJOBS=n: threads that wait.
 * -DBUG=n: one rule is left out, which must be noticed: 1 a watcher that leaves
 *	    hands over, 2 who was handed the watch when it was done passes it on,
 *	    3 a watcher arms before it sleeps, 4 the poller that lets go hands
 *	    over, 5 a sleeper looks at its word once more as it falls asleep,
 *	    6 where the poller listens nobody watches, 7 who was handed the watch
 *	    takes it before it leaves the lane.
 */
#ifndef BUG
#define BUG 0
#endif

#ifndef JOBS
#define JOBS 2
#endif

#define NONE 0 /* not submitted */
#define OUT  1
#define WATCH 2
#define DONE 3

#define NOBODY 255

bool lock;
byte word[JOBS];
bool sleeping[JOBS];	/* as the lane knows */
bool asleep[JOBS];	/* as the kernel knows */
bool wake[JOBS];	/* whom to wake: each reaper looks at its own */
bool watcher, watched;

bool rung[JOBS], done[JOBS]; /* the device's */
bool armed, event;

byte back; /* threads that have come back */

#define ENTER atomic { !lock -> lock = true }
#define LEAVE lock = false

inline finish(i)
{
	d_step {
		rung[i] = false;
		done[i] = true;
		if
		:: armed -> armed = false; event = true
		:: else
		fi
	}
}

active proctype device()
{
end:
	do
	:: rung[0] -> finish(0)
	:: rung[1] -> finish(1)
#if JOBS > 2
	:: rung[2] -> finish(2)
#endif
	od
}

/* lane_reap(); lane held.  Who was asleep is in @calls, a set. */
inline reap(arm)
{
	d_step {
		k = 0;
		do
		:: k < JOBS ->
			if
			:: done[k] ->
				done[k] = false;
				word[k] = DONE;
				if
				:: sleeping[k] -> calls = calls | (1 << k)
				:: else
				fi
			:: else
			fi;
			k++
		:: else -> break
		od;
		if
		:: arm -> armed = true
		:: else
		fi;
		k = 0
	}
}

inline wake_all()
{
	d_step {
		k = 0;
		do
		:: k < JOBS ->
			if
			:: calls & (1 << k) -> asleep[k] = false
			:: else
			fi;
			k++
		:: else -> break
		od;
		calls = 0;
		k = 0
	}
}

/* wait_hand_over(): lane held, and left here */
inline hand_over()
{
	d_step {
		next = NOBODY;
		k = 0;
		do
		:: k < JOBS ->
			/* done ones are no longer in the lane's list */
			if
			:: sleeping[k] && word[k] != DONE && next == NOBODY ->
				next = k
			:: else
			fi;
			k++
		:: else -> break
		od;
		k = 0;
		watcher = false;
		if
		:: next != NOBODY -> word[next] = WATCH
		:: else
		fi
	}
	LEAVE;
	wake_all();
	if
	:: next != NOBODY -> asleep[next] = false
	:: else
	fi;
	next = NOBODY
}

inline hand_over_unless(bug)
{
	if
	:: BUG == bug -> watcher = false; LEAVE; wake_all()
	:: else -> hand_over()
	fi
}

/* watch(); lane held, and left here */
inline watch_queue(me)
{
	reap(BUG != 3);
	if
	:: calls || word[me] == DONE -> hand_over()
	:: else ->
		assert(!watcher);
#if BUG != 6
		assert(!watched);
#endif
		watcher = true;
		LEAVE;
		atomic { event -> event = false };
		ENTER;
		reap(false);
		hand_over_unless(1)
	fi
}

/* doze(); the same */
inline doze(me)
{
	sleeping[me] = true;
	LEAVE;
#if BUG == 5
	if
	:: word[me] == OUT -> asleep[me] = true
	:: else
	fi;
#else
	/* FUTEX_WAIT compares under the kernel's lock */
	atomic {
		if
		:: word[me] == OUT -> asleep[me] = true
		:: else
		fi
	};
#endif
	!asleep[me];
	ENTER;
	sleeping[me] = false;
	handed = (word[me] == WATCH);
	if
	:: handed -> word[me] = OUT
	:: else
	fi;
	if
	:: watcher || watched -> LEAVE
	:: else ->
		if
		:: word[me] == DONE -> hand_over_unless(2)
		:: word[me] != DONE && handed && BUG != 7 -> watch_queue(me)
		:: else -> LEAVE
		fi
	fi
}

active [JOBS] proctype caller()
{
	byte me = _pid - 1, calls, k, next = NOBODY;
	bool handed;

	ENTER;
	word[me] = OUT;
	rung[me] = true;
	LEAVE;
	/* the spin: what is there is taken, if nobody watches */
	if
	:: true ->
		ENTER;
		if
		:: !watcher -> reap(false)
		:: else
		fi;
		LEAVE;
		wake_all()
	:: true
	fi;
	do
	:: word[me] == DONE -> break
	:: else ->
		ENTER;
		if
		:: word[me] == DONE -> LEAVE; break
		:: word[me] != DONE && (watcher || (watched && BUG != 6)) ->
			doze(me)
		:: else -> watch_queue(me)
		fi
	od;
	back++
}

#ifndef ALONE
/* job_get() of somebody else */
active proctype passer()
{
	byte calls, k;

	do
	:: true ->
		ENTER;
		if
		:: !watcher -> reap(false)
		:: else
		fi;
		LEAVE;
		wake_all()
	:: break
	od
}

active proctype poller()
{
	byte calls, k, next = NOBODY, rounds;

	do
	:: rounds < 1 ->
		rounds++;
		ENTER;
		if
		:: watcher -> LEAVE /* reaps for all, and calls when it goes */
		:: else ->
			watched = true;
			reap(true);
			LEAVE;
			wake_all();
			/* asleep on the descriptor, or on something else */
			if
			:: event -> event = false /* hear() */
			:: true
			fi;
			ENTER;
			reap(true);
			/* nothing of its own is out any more: it lets go */
			watched = false;
			hand_over_unless(4)
		fi
	:: break
	od
}
#endif
