// SPDX-License-Identifier: MIT
// When to collect. A program hands over its idle time; this decides whether a slice is worth taking, and says when to come
// again, so that a program which has nothing to do sleeps. For a frame loop:
//
//     while (running) {
//         run_frame();
//         int64_t left = frame_end - now();   // nanoseconds until the next frame is due; less than 0: this one is late
//         rc_pace_step(left > 0 ? left : rc_pace_is_urgent() ? 1000000 : 0);
//         sleep_until(frame_end);
//     }
//
// and for a program that waits for events (examples/poll.c is the whole of it; uv.h, glib.h and sdevent.h have it ready for
// those loops):
//
//     uint64_t next = rc_pace_next();
//     int n = poll(fds, count, next == RC_PACE_NEVER ? -1 : (int)((next + 999999) / 1000000));
//     if (n == 0)
//         rc_pace_step(UINT64_MAX);
//
// What it weighs: how many suspects there are and since when, by how much the heap, its containers included, has grown beyond
// what it had lately that was not garbage (so what comes and goes by counting is no reason to collect when it comes again),
// what collections found lately (much: come sooner; nothing: back off, so that in the long run fruitless ones take half a
// percent of the time), and the goals below. A collection under way is finished, as fast as the share of time allows.
// Objects that are suspected again and again and were found alive age: they wait apart, and are looked at less often, until
// that finds garbage again. (rc_collect and rc_collect_step look at all.)
//
// What it does not do: give the memory of what has gone back to the system. How much the program will need again it knows
// better; rc_trim (collect.h) is for when it has closed something large.
//
// All calls are about the heap this thread is inside (the default heap if it is inside none). Called from a finalizer or
// destructor there is nothing to do (RC_PACE_NEVER), and nothing urgent; pressure and goals are noted.
#ifndef REFCYC_PACE_H
#define REFCYC_PACE_H

#include "base.h"

RC_BEGIN_DECLS

// What the program wants of the collector; 0 is the default of each. Where they cannot be met together the pause comes
// first, then the garbage, then the time.
struct rc_pace_goals {
    uint64_t longest_pause_ns; // of one slice, at most a minute. 0: 2 ms
    double time_share;         // of the time, at most, for collecting: 0 to 1. 0: 0.25
    double garbage_share;      // garbage, at most, as a share of the live objects (of 40,960 where there are less). 0: 0.1
};

// Sets the goals of the heap; NULL: the defaults.
RC_API void rc_pace_set(const struct rc_pace_goals *goals);
// The goals as they are now, with the defaults filled in; all zero where rc_stats has only zeros.
RC_API void rc_pace_get(struct rc_pace_goals *goals);

#define RC_PACE_NEVER UINT64_MAX

// How many nanoseconds from now a slice is worth taking. 0: now. RC_PACE_NEVER: when something has happened, in the program
// or in another thread, which calls the heap's wake function then (see rc_heap_set_wake); it does so, too, when it has left
// much more to do than there is now. O(1).
RC_API uint64_t rc_pace_next(void);

// Offers [idle_ns] nanoseconds of idle time. If a slice is worth taking now, takes one, of that length or of the longest
// pause, whichever is less. Returns what rc_pace_next returns after it.
RC_API uint64_t rc_pace_step(uint64_t idle_ns);

// Whether waiting for idle time any longer would break a goal: there is too much garbage, or the heap has grown by so much
// that there may be, the program is under pressure, or a slice has been due for a second (for that alone, the collector gets no
// more than its share of the time). An event loop then gives the collector a turn although it is busy. One slice may be less
// than the program makes in a turn: a loop whose turns are long, and that may never idle, takes several while it is urgent, as
// long in all as its own turn took, say (the loops' libraries do); else the heap grows until memory is out, or to its limit.
// O(1).
RC_API bool rc_pace_is_urgent(void);

// Memory is short: from now on, until all that is suspect now has been looked at, collecting is urgent and takes whatever
// share of the time it is offered.
RC_API void rc_pace_pressure(void);

RC_END_DECLS

#endif
