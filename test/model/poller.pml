/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who wakes whom: a submitter with two jobs, the poller with its three ways to
 * sleep (listening for long, letting the lane be for a while, a short sleep),
 * the device with its arming, as offload/poller.c and lane.c have it.
 *
 * Claim: every job is woken; nobody sleeps for ever while something is to be
 * done (an end state that is no end state).  Sleeps by timer end, sooner or
 * later; a long one is taken to end only by an event or a kick, and the
 * submitter never comes back without a wake-up.
 *
 * -DBUG=n: one rule is left out, which must be noticed: 1 the poller looks
 *	    whether work came before it sleeps, 2 a submitter whose lane is not
 *	    watched kicks, 3 the first that is held back kicks, 4 work is counted
 *	    before it is read until when the poller sleeps.
 */
#ifndef BUG
#define BUG 0
#endif

#define JOBS 2

#define AWAKE 0
#define SHORT 1 /* ends by itself, soon enough for everybody */
#define LONG  2

bool lock;
bool watched;		/* the poller has the lane in its set */
byte unrung, rung;	/* descriptors the device does not, does know */
byte done;		/* completions in the ring */
byte woken;		/* jobs whose callers were called */
byte out;		/* jobs in flight */

bool armed, event;	/* the device's arming; the descriptor is readable */

byte until;		/* AWAKE, SHORT, LONG */
byte work;
bool kick;

#define ENTER atomic { !lock -> lock = true }
#define LEAVE lock = false

inline take()
{
	atomic {
		woken = woken + done;
		out = out - done;
		done = 0
	}
}

inline ring()
{
	atomic { rung = rung + unrung; unrung = 0 }
}

active proctype device()
{
end:
	do
	:: atomic {
		rung > 0 ->
			rung--;
			done++;
			if
			:: armed -> armed = false; event = true
			:: else
			fi
	}
	od
}

/* poller_nudge() */
inline nudge()
{
#if BUG != 4
	work++;
#endif
	seen = until;
	if
	:: seen == LONG ->
		if
		:: atomic { until == seen -> until = AWAKE; won = true }
		:: else -> won = false
		fi;
		if
		:: won -> kick = true
		:: else
		fi
	:: else
	fi
#if BUG == 4
	; work++
#endif
}

active proctype submitter()
{
	byte n, seen;
	bool won, want;

	do
	:: n < JOBS ->
		n++;
		ENTER;
		/* job_get(): what is there is taken, nothing is armed */
		if
		:: take()
		:: true /* another job's turn; the same without */
		fi;
		unrung++;
		out++;
		want = !watched;
#if BUG == 2
		want = false;
#endif
		/* lane_bell(): any policy is right, if who is held back kicks */
		if
		:: ring()
		:: true ->
#if BUG != 3
			want = want || unrung == 1
#else
			skip
#endif
		fi;
		LEAVE;
		if
		:: want -> nudge()
		:: else
		fi;
		/* paused; others' jobs may be taken by the next submission */
		if
		:: woken >= n
		:: n < JOBS
		fi
	:: else -> break
	od;
	woken == JOBS
}

active proctype poller()
{
	byte work0;
	bool again, hold, lingers;

	do
	:: true ->
end:
		work0 = work;
		hold = false;
		again = false;
		if
		:: out || watched ->
			ENTER;
			watched = true;
			/* age() */
			if
			:: unrung -> if :: ring() :: again = true fi
			:: else
			fi;
			take();
			if
			:: hold = true
			:: hold = false
			fi;
			if
			:: !hold ->
				/* the doorbell: what waits is told at once */
				atomic {
					armed = true;
					if
					:: done -> armed = false; event = true
					:: else
					fi
				};
				take()
			:: else
			fi;
			if
			:: out -> lingers = false
			:: !out && !lingers -> lingers = true
			:: !out && lingers -> lingers = false; watched = false
			fi;
			LEAVE
		:: else
		fi;
		if
		:: again || (hold && watched) -> until = SHORT
		:: else -> until = LONG
		fi;
		if
#if BUG != 1
		:: work != work0
#endif
		:: work == work0 ->
			if
			:: again || (hold && watched) /* a timer */
			:: else ->
end_sleep:
				if
				:: kick
				:: event && watched
				fi
			fi
		fi;
		if
		:: watched -> event = false
		:: else
		fi;
		if
		:: atomic { until == AWAKE -> kick = false }
		:: atomic { until != AWAKE -> until = AWAKE }
		fi
	od
}
