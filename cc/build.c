// SPDX-License-Identifier: MIT
// ROOTS and BUILD: from the suspects to the graph.
//
// Discovery gives an object its node, with its links as the external count (R4). Tracing records an edge for each of its
// slots, and takes one off the target's external count. What need not be entered is not:
//
//   - an object with a handle, or with a mark of another thread on it: it is alive, and so is what it reaches. No node, no
//     edge; what it reaches keeps an external count.
//   - an object of an acyclic type: it is in no cycle, and dies by count when what holds it does.
//   - an object of another heap: to us a handle.
//   - an object with a chain of owners up to a handle: ALIVE, with all the chain, so that each chain is walked once.
//
// Nodes to be traced are a stack, so an object is traced while it is still in the cache from its discovery. An object with
// more slots than a piece is traced in pieces, across slices if need be (R9).
#include "cc/graph.h"

enum { OWNER_STEPS = 256 }; // of a chain that are looked at in one go; the rest is left to tracing

// The graph has room for one node more.
static bool room_for_node(struct rc_heap *heap, struct cc *cc) {
    if (cc->node_count < cc->nodes.chunks * CC_NODES)
        return true;
    if (cc->node_count >= RC__INDEX_MAX)
        return false;
    return rc__chunks_reserve(heap, &cc->nodes, cc->nodes.chunks + 1, CC_NODES * sizeof(struct cc_node));
}

static bool room_for_edge(struct rc_heap *heap, struct cc *cc) {
    if (cc->edge_count < cc->edges.chunks * (size_t)CC_EDGES)
        return true;
    if (cc->edges.chunks * (size_t)CC_EDGES >= CC_NONE - CC_EDGES)
        return false;
    return rc__chunks_reserve(heap, &cc->edges, cc->edges.chunks + 1, CC_EDGES * sizeof(uint32_t));
}

// R4. Returns the new node's number, or CC_NONE if memory is out, with nothing changed.
static uint32_t discover(struct rc_heap *heap, struct rc__header *h, uintptr_t flags) {
    struct cc *cc = &heap->cc;
    if (!room_for_node(heap, cc)) {
        cc->out_of_memory = true;
        return CC_NONE;
    }
    if (h->word & RC__SUSPECT) {
        cc_unsuspect(heap, h);
        flags |= CC_ROOT;
        if (cc->phase == RC_PHASE_BUILD)
            flags |= CC_LATE; // R7
    }
    uint32_t n = cc->node_count++;
    struct cc_node *node = cc_node(cc, n);
    node->object = (uintptr_t)h | flags;
    node->ext = (uint32_t)rc__links(h);
    node->edge = CC_NONE;
    rc__set_index(h, n);
    h->word |= RC__GRAPH;
    heap->stats.nodes++;
    if (!(flags & CC_ALIVE)) {
        node->edge = cc->work;
        cc->work = n;
    }
    return n;
}

// Whether a handle can be seen on [h]: then it is alive and not entered (R2). So is one in the inbox: when it leaves that
// without a handle, it becomes a suspect.
static bool is_held(struct rc__header *h) {
    if (h->handles)
        return true;
    uint32_t shared = rc__atomic_load(&h->shared);
    if (shared & ~RC__WEAK) {
        if (shared & (RC__QUEUED | RC__STUCK))
            return true;
        rc__fold(h, "rc_collect");
    }
    return h->handles != 0;
}

static struct rc__header *owner_of(const struct rc_heap *heap, struct rc__header *h) {
    const struct rc__class *c = rc__class(h);
    if (c->owner == RC__NO_OWNER)
        return NULL;
    void *owner = rc__load((char *)rc__payload(h) + c->owner);
    return owner && rc__heap(RC__HEADER(owner)) == heap ? RC__HEADER(owner) : NULL;
}

// Walks up from [h], which has no node, over owners that have none. Returns whether that led to a handle; *steps is how
// many objects, [h] included, were passed on the way.
static bool climb(struct rc_heap *heap, struct rc__header *h, int *steps) {
    for (*steps = 0; h && *steps < OWNER_STEPS; ++*steps, h = owner_of(heap, h)) {
        if (h->word & RC__GRAPH)
            return cc_node(&heap->cc, rc__index(h))->object & CC_ALIVE;
        if (is_held(h))
            return true;
    }
    return false;
}

// Discovers [h] and, if it has an owner, the chain above it as far as that was climbed: all are ALIVE, or none is.
static uint32_t discover_with_owners(struct rc_heap *heap, struct rc__header *h) {
    if (rc__class(h)->owner == RC__NO_OWNER)
        return discover(heap, h, 0);
    int steps;
    uintptr_t alive = climb(heap, h, &steps) ? CC_ALIVE : 0;
    uint32_t first = CC_NONE;
    for (int i = 0; i < steps && !(h->word & RC__GRAPH); i++, h = owner_of(heap, h)) {
        uint32_t n = discover(heap, h, alive);
        if (n == CC_NONE)
            return CC_NONE;
        if (i == 0)
            first = n;
    }
    return first;
}

bool cc_roots(struct rc_heap *heap, struct cc_budget *budget) {
    struct cc *cc = &heap->cc;
    while (heap->suspect_count && cc->roots_left) {
        struct rc__header *h = *rc__pointer_at(&heap->suspects, heap->suspect_count - 1);
        cc->roots_left--;
        if (is_held(h))
            cc_unsuspect(heap, h); // R2
        else if (discover_with_owners(heap, h) == CC_NONE)
            return false;
        if (!cc_spend(budget, 4))
            return false;
    }
    return true;
}

struct tracer {
    struct rc_visitor visitor;
    struct rc_heap *heap;
    struct cc *cc;
    uint32_t source;
};

// An edge into node [n] that its external count does not allow for. If the object is unmarked, its links at discovery
// were all there were since: then its slots hold more links than were ever made.
static bool is_overtraced(struct rc__header *h) {
    if (h->word & RC__SUSPECT || h->handles || rc__atomic_load(&h->shared) & ~RC__WEAK || rc__is_dead(h))
        return false;
    rc__fault(RC_FAULT_TRACE, "rc_collect", h, "is reported by more slots than it has links (a slot reported twice, or written by hand?)");
    return true;
}

static void record(struct tracer *t, struct rc__header *h) {
    struct cc *cc = t->cc;
    if (rc__heap(h) != t->heap) {
        if (!rc__heap(h))
            rc__fault(RC_FAULT_SLOT, "rc_collect", h, "is dead but in a slot (written by hand?)");
        return;
    }
    uint32_t n;
    if (h->word & RC__GRAPH) {
        n = rc__index(h);
    } else {
        if (is_held(h) || rc__class(h)->acyclic)
            return;
        n = discover_with_owners(t->heap, h);
        if (n == CC_NONE)
            return;
    }
    struct cc_node *node = cc_node(cc, n);
    if (node->object & CC_ALIVE)
        return;
    if (node->ext == 0 && is_overtraced(h)) {
        node->ext = CC_HELD;
        return;
    }
    if (!room_for_edge(t->heap, cc)) {
        cc->out_of_memory = true;
        return;
    }
    node->ext--;
    *cc_edge(cc, cc->edge_count) = n;
    struct cc_node *source = cc_node(cc, t->source);
    if (source->edge == CC_NONE)
        source->edge = cc->edge_count;
    cc->edge_count++;
}

static void record_slots(struct rc_visitor *visitor, char *first, size_t n) {
    struct tracer *t = (struct tracer *)visitor;
    t->heap->stats.edges += n;
    for (; n && !t->cc->out_of_memory; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        if (obj)
            record(t, RC__HEADER(obj));
    }
}

static void end_edges(struct cc *cc, uint32_t source) {
    if (cc_node(cc, source)->edge != CC_NONE)
        *cc_edge(cc, cc->edge_count - 1) |= CC_EDGE_LAST;
}

// Traces the next piece of node [n], which is not the one traced last unless it is in pieces.
static void trace_piece(struct rc_heap *heap, uint32_t n) {
    struct cc *cc = &heap->cc;
    struct rc__header *h = cc_object(cc_node(cc, n));
    struct tracer t = {.visitor.slots = record_slots, .heap = heap, .cc = cc, .source = n};
    size_t from = cc->piece_slot;
    if (rc__is_dead(h) || !rc__trace(h, &t.visitor, from, from + RC__PIECE)) {
        end_edges(cc, n);
        cc->piece_node = CC_NONE;
        cc->piece_slot = 0;
    } else {
        cc->piece_node = n;
        cc->piece_slot = from + RC__PIECE;
    }
}

// R9: what was read of [h] so far may be read again, at other places. Keep it, and mark it.
void cc_changed(struct rc_heap *heap, struct rc__header *h) {
    struct cc *cc = &heap->cc;
    if (heap->clearing == h)
        rc__fault(RC_FAULT_DESTROY, "rc_changed", h, "changes while it is destroyed");
    if (cc->phase != RC_PHASE_BUILD || cc->piece_node == CC_NONE || !(h->word & RC__GRAPH) ||
        rc__index(h) != cc->piece_node)
        return;
    cc_node(cc, cc->piece_node)->ext = CC_HELD;
    h->word |= RC__SUSPECT;
    end_edges(cc, cc->piece_node);
    cc->piece_node = CC_NONE;
    cc->piece_slot = 0;
}

bool cc_build(struct rc_heap *heap, struct cc_budget *budget) {
    struct cc *cc = &heap->cc;
    while (cc->piece_node != CC_NONE || cc->work != CC_NONE) {
        uint32_t n = cc->piece_node;
        uint32_t edges = cc->edge_count;
        if (n == CC_NONE) {
            n = cc->work;
            struct cc_node *node = cc_node(cc, n);
            cc->work = node->edge;
            node->edge = CC_NONE;
            if (node->object & CC_ALIVE)
                continue;
        }
        trace_piece(heap, n);
        if (cc->out_of_memory || !cc_spend(budget, 2 + cc->edge_count - edges))
            return false;
    }
    return true;
}
