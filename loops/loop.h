// SPDX-License-Identifier: MIT
// What the adapters share: pacing a heap that this thread may not be inside yet. Not installed.
#ifndef LOOPS_LOOP_H
#define LOOPS_LOOP_H

#include <refcyc/heap.h>
#include <refcyc/pace.h>

#define LOOP_RETRY UINT64_C(10000000) // while another thread is inside the heap

// As rc_pace_next and rc_pace_is_urgent.
static inline uint64_t loop_next(struct rc_heap *heap, bool *urgent) {
    *urgent = false;
    if (!rc_heap_try_enter(heap))
        return LOOP_RETRY;
    uint64_t next = rc_pace_next();
    *urgent = next == 0 && rc_pace_is_urgent();
    rc_heap_leave(heap);
    return next;
}

// As rc_pace_step.
static inline void loop_step(struct rc_heap *heap, uint64_t idle_ns) {
    if (rc_heap_try_enter(heap)) {
        rc_pace_step(idle_ns);
        rc_heap_leave(heap);
    }
}

// In units of [unit_ns], rounded up, so that nobody comes too early and has to come again.
static inline uint64_t loop_round(uint64_t ns, uint64_t unit_ns) {
    return ns / unit_ns + (ns % unit_ns != 0);
}

#endif
