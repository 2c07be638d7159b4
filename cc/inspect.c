// SPDX-License-Identifier: MIT
// What inspection (rc/inspect.h) asks of the collector. Nothing is changed.
#include "cc/graph.h"

bool cc_is_garbage(const struct rc_heap *heap, const struct rc__header *h) {
    assert(rc__is_object(h));
    return h->word & RC__GRAPH && heap->cc.phase >= RC_PHASE_DESTROY;
}

static bool has_node(const struct cc *cc, const struct rc__header *h) {
    assert(cc->phase != RC_PHASE_IDLE);
    uint32_t n = rc__index(h);
    return n < cc->node_count && cc_object(cc_node(cc, n)) == h;
}

static bool has_place(const struct rc_heap *heap, const struct rc__header *h) {
    assert(heap->suspect_count <= heap->reserved);
    uint32_t i = rc__index(h);
    return i < heap->suspect_count && *rc__pointer_at(&heap->suspects, i) == h;
}

const char *cc_defect(const struct rc_heap *heap, const struct rc__header *h) {
    assert(rc__is_object(h));
    const struct cc *cc = &heap->cc;
    if (h->word & RC__GRAPH) {
        if (cc->phase == RC_PHASE_IDLE) // rc_collect_heaps has a graph of its own, and callbacks in the middle of it
            return cc->busy ? NULL : "is marked as a node, but there is no collection";
        return has_node(cc, h) ? NULL : "is marked as a node, but no node is its own";
    }
    if (!(h->word & RC__SUSPECT))
        return NULL;
    if (!has_place(heap, h))
        return "is marked as a suspect, but is not at its place in the buffer";
    // Old ones that came from a merged heap are in the young part, and looked at sooner than they need be.
    bool waits = rc__index(h) < heap->old_count && !(h->word & RC__OLD);
    return waits ? "is among the old suspects, and is none" : NULL;
}
