// SPDX-License-Identifier: MIT
// How the memory of garbage is freed: one object after the other, of any class, and the heap's sums at the end.
#ifndef CC_RECLAIM_H
#define CC_RECLAIM_H

#include "cc/graph.h"
#include "rc/block.h"

// What was freed, and is yet to be taken from the heap's sums.
struct cc_reclaimed {
    size_t n, bytes;
};

// The end of [h], a member of a garbage set: its memory goes.
static inline void cc_reclaim(struct rc_heap *heap, struct cc_reclaimed *r, struct rc__header *h) {
    assert(rc__is_mine(heap) && rc__heap_ever(h) == heap);
    assert(heap->objects > r->n && rc__class(h)->live > 0);
    assert(!(rc__atomic_load(&h->shared) & (RC__QUEUED | RC__WEAK)));
    struct rc__class *c = rc__class(h);
    size_t bytes = rc__block_free(heap, h);
    rc__class_remove(c, 1, bytes);
    r->n++;
    r->bytes += bytes;
}

static inline void cc_account(struct rc_heap *heap, const struct cc_reclaimed *r) {
    assert(heap->objects >= r->n);
    heap->objects -= r->n;
    heap->bytes -= r->bytes;
    heap->stats.reclaimed_collect += r->n;
}

#endif
