// SPDX-License-Identifier: MIT
// How long the slices of collection took, by the processor's clock and by that on the wall. On a machine that has other
// things to do, the two differ by what it did meanwhile (a slice of 1 ms, put aside for 4 ms, takes 5 on the wall);
// what a budget can promise is the time on the processor, and of that a histogram is kept.
#ifndef SLICES_H
#define SLICES_H

#include <stddef.h>
#include <stdint.h>

// Bucket b counts what takes less than slices_bound(b), and not less than the bound before: four buckets to a doubling,
// so that a bound is at most a quarter more than what it bounds.
enum { SLICES_BUCKETS = 4 * 44 };

struct slices {
    uint64_t n[SLICES_BUCKETS];
    uint64_t count, longest_ns, longest_wall_ns;
};

static inline uint64_t slices_bound(size_t bucket) {
    return (4 + (uint64_t)(bucket % 4) + 1) << (bucket / 4);
}

static inline void slices_add(struct slices *slices, uint64_t ns, uint64_t wall_ns) {
    size_t b = 0;
    while (b < SLICES_BUCKETS - 1 && slices_bound(b) <= ns) b++;
    slices->n[b]++;
    slices->count++;
    if (ns > slices->longest_ns) slices->longest_ns = ns;
    if (wall_ns > slices->longest_wall_ns) slices->longest_wall_ns = wall_ns;
}

// No more than [per_million] of a million slices took longer than this.
static inline uint64_t slices_quantile(const struct slices *slices, uint64_t per_million) {
    uint64_t longer = 0, allowed = slices->count * per_million / 1000000;
    size_t b = SLICES_BUCKETS;
    while (b > 1 && longer + slices->n[b - 1] <= allowed) longer += slices->n[--b];
    uint64_t bound = slices_bound(b - 1);
    return bound < slices->longest_ns ? bound : slices->longest_ns;
}

#endif
