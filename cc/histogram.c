// SPDX-License-Identifier: MIT
// See histogram.h. Bucket i holds, for i < 16, the value i; above, with i = 16 * o + s, the values whose leading bit is the
// one of 2^(o + 3) and whose next four bits are s:
//
//     value    0 1 ... 15 | 16 17 ... 31 | 32,33 34,35 ... | 64-67 68-71 ... |
//     bucket   0 1 ... 15 | 16 17 ... 31 | 32    33    ... | 48    49    ... |
#include "cc/histogram.h"

#include <assert.h>
#include <refcyc/pauses.h>

static unsigned bucket_of(uint64_t value) {
    if (value < CC_SUB)
        return (unsigned)value;
    unsigned e = 63 - (unsigned)__builtin_clzll(value);
    unsigned i = (e - 3) * CC_SUB + (unsigned)(value >> (e - 4)) % CC_SUB;
    assert(i >= CC_SUB);
    return i < CC_BUCKETS ? i : CC_BUCKETS - 1;
}

uint64_t cc_histogram_from(unsigned i) {
    assert(i <= CC_BUCKETS);
    if (i < CC_SUB)
        return i;
    return (uint64_t)(CC_SUB + i % CC_SUB) << (i / CC_SUB - 1);
}

static void bucket_add(uint32_t *bucket, uint32_t times) {
    assert(bucket != NULL);
    *bucket = *bucket > UINT32_MAX - times ? UINT32_MAX : *bucket + times;
}

void cc_histogram_add(struct cc_histogram *h, uint64_t value, uint32_t times) {
    assert(times > 0);
    bucket_add(&h->bucket[bucket_of(value)], times);
    if (value > h->max)
        h->max = value;
}

void cc_histogram_merge(struct cc_histogram *h, const struct cc_histogram *from) {
    assert(h != from);
    for (unsigned i = 0; i < CC_BUCKETS; i++)
        bucket_add(&h->bucket[i], from->bucket[i]);
    if (from->max > h->max)
        h->max = from->max;
}

// The largest value that the [rank]th smallest of all can have been.
static uint64_t value_at(const struct cc_histogram *h, uint64_t rank) {
    assert(rank > 0);
    uint64_t below = 0;
    for (unsigned i = 0; i < CC_BUCKETS - 1; i++) {
        below += h->bucket[i];
        if (below >= rank) {
            uint64_t last = cc_histogram_from(i + 1) - 1;
            return last < h->max ? last : h->max;
        }
    }
    return h->max;
}

void cc_histogram_quantiles(const struct cc_histogram *h, struct rc_quantiles *q) {
    assert(h && q);
    uint64_t n = 0;
    for (unsigned i = 0; i < CC_BUCKETS; i++)
        n += h->bucket[i];
    *q = (struct rc_quantiles){0};
    if (!n)
        return;
    q->count = n;
    q->p50 = value_at(h, (n + 1) / 2);
    q->p99 = value_at(h, n - n / 100);
    q->p999 = value_at(h, n - n / 1000);
    q->max = h->max;
    assert(q->p50 <= q->p99 && q->p99 <= q->p999 && q->p999 <= q->max);
}
