// SPDX-License-Identifier: MIT
// The cycle collector: trial deletion in the manner of Bacon and Rajan ("Concurrent Cycle Collection in Reference Counted
// Systems", ECOOP 2001), on a private compact graph, in slices. All calls are about the heap this thread is inside (the
// default heap if it is inside none), and never fail: a collection that finds no memory for its graph is called off, with
// everything as it was.
//
// Called from a finalizer, a destructor, a notice (weak.h) or a trace function, those that collect, call off or give memory
// back return at once (0, RC_STEP_IDLE), having done nothing; those that tell something tell it.
#ifndef REFCYC_COLLECT_H
#define REFCYC_COLLECT_H

#include "base.h"

RC_BEGIN_DECLS

struct rc_heap;
struct rc_type;

// Where a collection stands. Each phase stops at the slice's end and goes on in the next slice.
enum rc_phase {
    RC_PHASE_IDLE = 0,
    RC_PHASE_INBOX,    // what other threads released is looked at
    RC_PHASE_ROOTS,    // suspects become nodes of the graph; garbage of up to some hundred objects is freed at once
    RC_PHASE_BUILD,    // objects are traced: nodes and edges are recorded
    RC_PHASE_SCAN,     // what is referred to from outside, and all it reaches, is alive; the rest is white
    RC_PHASE_VALIDATE, // each white object is looked at again
    RC_PHASE_FINALIZE, // finalizers run; if any did, what they ran for is built and scanned once more
    RC_PHASE_DESTROY,  // destructors run
    RC_PHASE_FREE,     // links that leave the garbage are released, memory goes
    RC_PHASE_COUNT
};

// What a step of collection has to say.
enum rc_step {
    RC_STEP_OUT_OF_MEMORY = -1, // the collection was called off; its suspects are kept for the next
    RC_STEP_IDLE = 0,           // nothing is left to do
    RC_STEP_MORE = 1            // there is more to do
};

// Collects until nothing is left to do: finishes the collection under way, then looks at every suspect. All that no
// handle leads to is destroyed when it returns. Returns how many objects were destroyed. If memory for the graph was out:
// errno = ENOMEM, and what was not looked at stays suspect. (Otherwise errno is what it was, or what callbacks make of it;
// rc_stats.called_off tells, too.) Finalizers and destructors that keep making garbage are followed for 64 rounds. Cost:
// proportional to what the suspects reach, not to the heap.
RC_API size_t rc_collect(void);

// One slice: works for about [budget_ns] nanoseconds, then returns. Every phase, the destruction of what counting found
// dead included, stops there; what can exceed the budget is one user callback. 0 does the smallest unit of work, which is
// for tests. Starts a collection if none is under way and there are suspects.
RC_API enum rc_step rc_collect_step(uint64_t budget_ns);

// Collects [heaps] together, all [n] of them, so that cycles which span them go, too: links from one to another are links
// here. Every object that no handle leads to is destroyed when it returns. Returns how many objects were destroyed. Entries
// that are NULL or name a heap twice are passed over; no heap at all: does nothing, returns 0. If memory for the graph was
// out: errno = ENOMEM, and what is left is left as it was.
//
// All in one go, not in slices; collections of these heaps that are under way are called off, or finished first if their
// verdict is final. Finalizers, destructors and notices run inside the heap of their object, with the rules of rc_collect:
// all finalizers of what is garbage, in whichever heap, before any destructor of it. What they make of it is followed for
// 64 rounds. (An object that another thread gets hold of by a weak reference while they run is spared its finalizer, if that is
// still to come, but what it leads to is not: that is finalized, and lives on. A heap's own collection spares that, too.)
// A link into a heap that is not among them counts as a link, one out of such a heap as a handle.
//
// This thread may be inside any of the heaps, or none, and is so afterwards. The call waits while other threads are inside,
// and while it waits for more than some milliseconds this thread is inside none of [heaps]: so it deadlocks with nobody who is
// inside one of them, whatever they wait for. A loop that leaves its heap and enters it again at once lets this call go first,
// so it gets its turn under any load, but no sooner than each of the loops has left its heap. (A heap that this thread is
// inside and that is not among [heaps] it keeps: there the rule for nested entries holds, see heap.h.) Other threads may
// retain, release and upgrade objects of all heaps meanwhile. Called from a finalizer, a destructor or the like it returns 0
// at once, having done nothing.
//
// Cost: proportional to all objects of the heaps and their slots, whatever is suspect; 16 bytes an object while it lasts. Where
// that is too long to wait, what may form cycles belongs into one heap, to begin with or by rc_heap_merge.
RC_API size_t rc_collect_heaps(struct rc_heap *const *heaps, size_t n);

// How much there is to do: 0 means that sleeping is right. Otherwise at least 1: the objects that wait to be looked at,
// destroyed or freed. O(1).
RC_API size_t rc_collect_pending(void);

// Calls off the collection under way: its suspects become suspects again. Does nothing once its verdict is final (the
// phases DESTROY and FREE, which then go on), or if none is under way. Its memory goes in the next slices; until it
// has, rc_collect_phase says what it said.
RC_API void rc_collect_cancel(void);

// The phase that the collection under way is in.
RC_API enum rc_phase rc_collect_phase(void);
// "idle", "inbox" and so on; "unknown" for what is no phase. Static storage.
RC_API const char *rc_phase_name(enum rc_phase phase);

// Gives back to the system about [most] bytes of memory that no object uses, SIZE_MAX: all that can go; returns how many. Less:
// that was all. A heap keeps the memory of small objects that have gone for those to come, and some of the graph's for the next
// collection: right as long as it is about as large as before. So this is for when something large is closed, and collected:
//
//     close_tab(tab);
//     rc_collect();
//     rc_trim(SIZE_MAX);
//
// A page of 64 KiB goes if no object lies in it, all but 4 KiB of it if objects lie near; so a few objects in each page keep
// all of it. Objects that are made afterwards take memory anew. What containers and objects of more than 496 bytes had is the
// C library's again as soon as they are gone, or the allocator's; in the GNU C library malloc_trim gives that back.
//
// In the middle of a collection, too: what that needs stays. Cost: a tenth of a millisecond for each MiB that is given back,
// which may be up to 2 MiB more than [most]; and if it is less, a look at each page that has room. So a program that must not
// pause calls rc_trim(1 << 20) whenever it is idle, until that returns 0.
RC_API size_t rc_trim(size_t most);

// Figures of a heap since it was made.
struct rc_stats {
    size_t objects;             // alive now, or dead and not yet destroyed
    size_t bytes;               // their size, headers included
    size_t memory;              // what the heap has for them: what counts for its limit (see rc_heap_options)
    size_t limit;               // of that; 0: none
    size_t suspects;            // now
    size_t inbox;               // objects now watched because another thread released a handle of them
    size_t dead;                // counted dead, waiting to be destroyed (see rc_heap_options.release_limit)
    uint64_t allocated;         // objects ever made
    uint64_t reclaimed_count;   // destroyed because their last reference went
    uint64_t reclaimed_collect; // destroyed by the collector
    uint64_t collections;       // completed
    uint64_t called_off;        // for lack of memory, or by rc_collect_cancel
    uint64_t slices;
    uint64_t nodes;             // objects visited by collections
    uint64_t edges;             // references followed by collections
    uint64_t climbed;           // and steps up chains of owners
    uint64_t pardoned;          // white objects that the program had touched in the meantime
    size_t graph_bytes_max;     // the most that the collector ever held for its graph
    uint64_t slice_ns_max[RC_PHASE_COUNT]; // longest slice that ended in each phase
};

// The figures of the heap this thread is inside. All zero if it is inside none and cannot enter the default heap. O(1).
RC_API void rc_stats(struct rc_stats *stats);

// Live objects and bytes of each type of the heap this thread is inside: calls [each] once a type that has any. Cost:
// the square of the number of types.
RC_API void rc_census(void (*each)(const struct rc_type *type, size_t objects, size_t bytes, void *arg), void *arg);

RC_END_DECLS

#endif
