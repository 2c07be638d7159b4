// SPDX-License-Identifier: MIT
// Two clocks, in nanoseconds. Whoever includes this defines _POSIX_C_SOURCE first.
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock) {
    struct timespec t = {0};
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static inline uint64_t wall_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}
static inline uint64_t processor_ns(void) {
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

#endif
