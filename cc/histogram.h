// SPDX-License-Identifier: MIT
// A log-linear histogram: sixteen buckets to each power of two, exact below sixteen. Values of 2^37 and more (137 seconds in
// nanoseconds) share the last bucket; the largest value is kept beside, exactly. Adding is a count of leading zeros, a
// shift and an increment. Not installed.
#ifndef CC_HISTOGRAM_H
#define CC_HISTOGRAM_H

#include <stdint.h>

enum { CC_SUB = 16, CC_OCTAVES = 33, CC_BUCKETS = CC_SUB * (CC_OCTAVES + 1) };

struct cc_histogram {
    uint64_t max;
    uint32_t bucket[CC_BUCKETS]; // each stays at its limit
};

struct rc_quantiles;

void cc_histogram_add(struct cc_histogram *h, uint64_t value, uint32_t times);
// Adds all that is in [from].
void cc_histogram_merge(struct cc_histogram *h, const struct cc_histogram *from);
void cc_histogram_quantiles(const struct cc_histogram *h, struct rc_quantiles *q);
// The smallest value that falls into bucket [i]; of CC_BUCKETS: the end of the last.
uint64_t cc_histogram_from(unsigned i);

#endif
