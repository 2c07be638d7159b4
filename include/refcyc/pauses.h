// SPDX-License-Identifier: MIT
// How long the collector kept the program waiting, for how much of the time, and how long garbage waited for the
// collector. All about the heap this thread is inside (the default heap if it is inside none).
//
//     rc_pauses_record(true);       // from here on: two additions a slice, and 26 KB
//     ...
//     rc_pauses_print(stdout);
//
// Kept in histograms with sixteen buckets to each power of two: a quantile read from one is never too small, and at most a
// sixteenth too large.
#ifndef REFCYC_PAUSES_H
#define REFCYC_PAUSES_H

#include "base.h"
#include "collect.h"

#include <stdio.h>

RC_BEGIN_DECLS

struct rc_type;

// Half, 99 and 99.9 of 100 values recorded are at most so large. `max` is exact. All 0 if there is none.
struct rc_quantiles {
    uint64_t count, p50, p99, p999, max;
};

struct rc_pauses {
    uint64_t recorded_ns; // since recording began
    uint64_t busy_ns;     // of these, in slices and whole collections
    // Lengths in nanoseconds of the slices that ended in each phase; IDLE: of those that finished what there was to do.
    struct rc_quantiles phase[RC_PHASE_COUNT];
    struct rc_quantiles slices; // of all slices
    struct rc_quantiles whole;  // of the calls of rc_collect
    // Lengths of slices in thousandths of their budgets: 1000 is a slice that ended on time, 1500 one that took half as
    // much again. Slices with the budget 0 are left out.
    struct rc_quantiles use;
    uint64_t use_max[RC_PHASE_COUNT];
    // For each object that the collector reclaimed: nanoseconds from the moment at which it may have become garbage to its
    // end. Nobody sees an object become garbage, so this is reckoned from the last moment at which there was nothing to
    // look at, or at which the collection before began: the true age is less. (It may be more for what only a suspect that
    // had aged led to, see pace.h, if something else led there in the end.)
    struct rc_quantiles garbage_age;
    // Finalizers and destructors that carried a slice past its end by more than an eighth of its budget; and the one that
    // took longest: what it was ("finalize", "destroy"), of which type, how long.
    uint64_t late_callbacks;
    const char *latest_callback; // NULL: there was none, or its type is forgotten
    const struct rc_type *latest_type;
    uint64_t latest_ns;
};

// true: forgets what was recorded, if anything was, and records from now on; returns false with errno = ENOMEM, and nothing
// has changed, if memory is out. false: ends recording and gives its memory back; returns true.
RC_API bool rc_pauses_record(bool on);
// The figures. All zero if nothing is being recorded, or where rc_stats has only zeros.
RC_API void rc_pauses(struct rc_pauses *pauses);
// Writes the figures to [out], as a table for people.
RC_API void rc_pauses_print(FILE *out);
// Writes the lengths of all slices to [out], for gnuplot: one line for each bucket that is not empty, `phase from to count`
// with [from] and [to] in microseconds. tools/plot-pauses turns that into an SVG picture.
RC_API void rc_pauses_dump(FILE *out);

RC_END_DECLS

#endif
