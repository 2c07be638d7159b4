// SPDX-License-Identifier: MIT
// When a slice is worth taking: the policy, a pure function of what is known (struct cc_pace), what is (struct cc_pace_view)
// and the goals. It reads no clock and no heap. Not installed.
#ifndef CC_PACE_H
#define CC_PACE_H

#include <refcyc/pace.h>

// What is known: the past, as far as it matters. All times in nanoseconds of one clock, which does not stand at 0.
struct cc_pace {
    struct rc_pace_goals goals; // with the defaults filled in
    uint64_t appeared;  // when suspects were first seen that no collection has begun to look at; 0: there are none
    uint64_t rung;      // when it was first seen that another thread has left work; 0: it has not
    uint64_t due;       // since when a slice has been worth taking; 0: it is not
    uint64_t wait;      // so long suspects may wait, if nothing speaks for haste
    uint64_t hold;      // no collection begins before: the last one was called off
    bool again;         // finalizers have run: what they ran for is due at once
    double yield;       // objects found to be garbage for each suspect that was looked at, lately
    size_t base;        // growth is what the heap has beyond this: what it needed when the last collection began, or before
    size_t peak;        // the most bytes seen since then
    double growth;      // by this share it may grow before that is a reason to collect
    int64_t credit;     // nanoseconds that may be taken now; less than 0: time that was taken in advance
    uint64_t credit_at; // when that was reckoned
    bool pressed;       // there is pressure, and no collection has begun since it was reported
    uint64_t since;     // no suspect in the buffer was garbage before
    struct {            // the same of old suspects, and of collections that looked at them
        uint64_t appeared, wait, since;
        size_t base, peak; // peak: the most that was needed since
        double growth;
    } old;
    // The collection under way.
    size_t roots;       // suspects that it began with
    uint64_t roots_since; // none of them was garbage before
    uint64_t took;      // time that its slices took so far
    size_t had;         // the most bytes seen before it began, since the one before did
    bool pressing;      // it began under pressure
    bool second;        // it looks at what finalizers ran for
    bool with_old;      // some of them are old
    bool all;           // there were no others
};

// What is.
struct cc_pace_view {
    uint64_t now;
    size_t suspects; // young ones
    size_t old;
    size_t dead;    // counted dead, not destroyed yet
    size_t objects; // live ones and garbage
    size_t bytes;   // by which growth is told (cc_pace_bytes)
    bool busy;      // a collection is under way, or there is something else to finish
    bool inbox;     // another thread has left work
};

// What to do.
struct cc_pace_plan {
    uint64_t delay; // from now on until a slice is worth taking, or RC_PACE_NEVER
    bool begin;     // it may begin a collection: suspects are due
    bool all;       // of old suspects, too
    bool urgent;
    size_t many; // so many suspects more are due at once, about
};

// What a collection came to.
struct cc_pace_result {
    uint64_t now;
    size_t nodes, garbage; // objects looked at, and those of them that were found to be garbage
    size_t bytes;          // the same, after it
    size_t gave;           // so many less of them are there by its own doing
    bool called_off;
    bool finalized;        // finalizers ran for the garbage, which is still there
    bool pardoned;         // the program had touched some of what looked like garbage
};

void cc_pace_init(struct cc_pace *p, uint64_t now);
void cc_pace_goals(struct cc_pace *p, const struct rc_pace_goals *goals);
struct cc_pace_plan cc_pace_plan(const struct cc_pace *p, const struct cc_pace_view *v);
// The program (or the end of a slice) asked for [plan], made from [v].
void cc_pace_seen(struct cc_pace *p, const struct cc_pace_view *v, const struct cc_pace_plan *plan);
// The program reports pressure.
void cc_pace_pressed(struct cc_pace *p, const struct cc_pace_view *v);
// A collection began, in a heap of so many bytes, which looks at [suspects], of which [old] are old; [left] old ones wait for
// another one.
void cc_pace_began(struct cc_pace *p, uint64_t now, size_t bytes, size_t suspects, size_t old, size_t left);
void cc_pace_sliced(struct cc_pace *p, uint64_t start, uint64_t end);
// No collection is to begin now: the last one was called off.
void cc_pace_hold(struct cc_pace *p, uint64_t now);
void cc_pace_ended(struct cc_pace *p, const struct cc_pace_result *r);

#endif
