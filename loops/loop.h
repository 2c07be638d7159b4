// SPDX-License-Identifier: MIT
// What the adapters share: pacing a heap that this thread may not be inside yet. Not installed.
//
// A loop that never idles may make more garbage in each turn than one slice takes away. So while it is urgent the collector
// gets as much of a turn as the program took for itself, in slices; and if that is not enough, and the heap becomes so many
// times as large, so many times as much. Then it is not urgent for long, or the heap stops growing. What the program took is
// the processor's time, less the slices of all heaps: when it sleeps it takes none.
#ifndef LOOPS_LOOP_H
#define LOOPS_LOOP_H

#include <refcyc/collect.h>
#include <refcyc/heap.h>
#include <refcyc/pace.h>
#include <time.h>

#define LOOP_RETRY UINT64_C(10000000) // while another thread is inside the heap

struct loop {
    struct rc_heap *heap;
    uint64_t worked; // by the program, when it took the last urgent slices; 0: the last look found nothing urgent
    size_t bytes;    // loop_bytes, when it became urgent
};

// As rc_pace_next and rc_pace_is_urgent.
static inline uint64_t loop_next(struct loop *loop, bool *urgent) {
    *urgent = false;
    uint64_t next = LOOP_RETRY;
    if (rc_heap_try_enter(loop->heap)) {
        next = rc_pace_next();
        *urgent = next == 0 && rc_pace_is_urgent();
        rc_heap_leave(loop->heap);
    }
    if (!*urgent)
        loop->worked = 0;
    return next;
}

// As rc_pace_step.
static inline void loop_step(struct rc_heap *heap, uint64_t idle_ns) {
    if (rc_heap_try_enter(heap)) {
        rc_pace_step(idle_ns);
        rc_heap_leave(heap);
    }
}

static __thread uint64_t loop_sliced; // the processor's time for urgent slices of this thread, in ns

static inline uint64_t loop_worked(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec - loop_sliced;
}

// As the pacing tells growth: half of it objects, half of it all memory, of which containers may have nearly everything.
static inline size_t loop_bytes(void) {
    struct rc_stats stats;
    rc_stats(&stats);
    return stats.bytes / 2 + stats.memory / 2 + 1;
}

// So much of the processor's time this turn may go to urgent slices, [worked] being the program's so far. 0: one slice.
static inline double loop_share(struct loop *loop, uint64_t worked) {
    size_t bytes = loop_bytes();
    if (!loop->worked) {
        loop->worked = worked;
        loop->bytes = bytes;
    }
    double share = (double)(worked - loop->worked) * (double)bytes / (double)loop->bytes;
    loop->worked = worked;
    return share;
}

// Takes the slices of a turn in which they are urgent. A destructor may free [loop]: detach the adapter.
static inline void loop_catch_up(struct loop *loop) {
    struct rc_heap *heap = loop->heap;
    if (!rc_heap_try_enter(heap))
        return;
    uint64_t worked = loop_worked(), took;
    double share = loop_share(loop, worked);
    do {
        rc_pace_step(UINT64_MAX);
        took = loop_worked() - worked;
    } while ((double)took < share && rc_pace_is_urgent());
    loop_sliced += took;
    rc_heap_leave(heap);
}

// In units of [unit_ns], rounded up, so that nobody comes too early and has to come again.
static inline uint64_t loop_round(uint64_t ns, uint64_t unit_ns) {
    return ns / unit_ns + (ns % unit_ns != 0);
}

#endif
