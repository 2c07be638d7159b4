// SPDX-License-Identifier: MIT
// Time, in seconds.
#ifndef STRESS_CLOCK_H
#define STRESS_CLOCK_H

#include <time.h>

static inline double read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static inline double now(void) {
    return read_clock(CLOCK_MONOTONIC);
}

#endif
