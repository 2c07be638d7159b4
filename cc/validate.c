// SPDX-License-Identifier: MIT
// VALIDATE: each object that the scan did not find alive is white, and is looked at once more (R6). Let t be the moment at
// which this phase begins. A white object that bears no mark when it is checked had, at t, exactly the references that were
// recorded when it was discovered (R5), and each recorded edge into it is one of them (R4; and a reference gets from one
// slot to another only by a move that leaves a mark). For a set all of whose members pass, that means: at t, no reference
// led in from outside. Garbage stays garbage; only weak references can reach in, which R8 is for. Hence the checks may
// be spread over slices.
//
// If the program has not run since the first node was made, and nobody else can have changed an object (cc_is_calm in graph.h),
// there is nothing to look for, and no object is touched: what the scan found white is garbage.
//
// Pass CHECK:  living objects leave the graph; white ones are checked, and condemned if they have weak references.
// Pass SPREAD: if some were pardoned, what they reach is, too. What is left is still closed: a reference into it from a
//              pardoned object would have pardoned it.
// Pass RELIST: the pardoned leave the graph as well, and become suspects: an entry of a weak map is pardoned, and what it leads
//              to, as soon as one of the two that lead to it is (SPREAD), and so may keep something in vain (X3, rc/extra.c).
//              After this pass, the objects with GRAPH are exactly the white ones.
// COMMIT:      upgrades since the check are pardons: back to SPREAD. Small sets are looked at once more (recheck.c).
//
// If all slots of a white object were recorded as edges, and it has as many edges as slots that are not NULL, then it holds
// nothing but those edges: each of them leads to an unmarked object, so it is still there. If all nodes are white, the object
// has no link that leaves the set, and FREE need not look at its slots again.
#include "cc/graph.h"

enum { CHECK, SPREAD, RELIST, COMMIT };

// R6. Death by count is a mark, too: what a dead object reached was within reach of the program.
static bool is_unmarked(struct rc_heap *heap, struct rc__header *h) {
    assert(heap->cc.phase == RC_PHASE_VALIDATE && rc__is_mine(heap));
    assert(h->word & RC__GRAPH);
    if (rc__is_dead(h) || h->word & RC__SUSPECT || rc__handles(h))
        return false;
    uint32_t shared = rc__atomic_load(&h->shared);
    if (shared & ~RC__WEAK)
        return false;
    return !(shared & RC__WEAK) || rc__weak_condemn(heap, h);
}

// A pardoned node loses WHITE.
static void pardon(struct cc *cc, struct cc_node *node) {
    assert(cc->phase == RC_PHASE_VALIDATE || cc->phase == RC_PHASE_FINALIZE);
    assert(node->object & CC_OBJECT);
    node->object &= ~CC_WHITE;
    cc->pardoned = true;
}

// Whether [node] holds nothing but its edges, so that nothing has to be released one by one. (Not if it has a destructor, which
// may put something else into its slots.)
static inline bool is_closed(const struct cc_node *node, const struct rc__header *h, const struct rc__class *c) {
    assert(cc_object(node) == h && rc__class(h) == c);
    if (!c->closed || node->object & CC_OPEN || rc__atomic_load(&h->shared))
        return false;
    uint64_t slots = 0;
    for (uint32_t i = 0; i < c->slot_count; i++)
        slots += rc__load((const char *)(h + 1) + c->slot[i]) != NULL;
    return slots == node->object / CC_EDGE_ONE;
}

// A white object that dies by count is pardoned: somebody got hold of it, by a weak reference, and let go; or it is an entry of
// a weak map, and its key or map, which was alive, has died.
void cc_died(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap) && rc__is_in(heap, h));
    assert(h->word & RC__GRAPH);
    struct cc *cc = &heap->cc;
    if (cc->phase == RC_PHASE_VALIDATE && cc_node(cc, rc__index(h))->object & CC_WHITE)
        pardon(cc, cc_node(cc, rc__index(h)));
}

// What is to be done for a member of the set.
static inline void note(struct cc *cc, struct cc_node *node, const struct rc__header *h) {
    assert(cc_object(node) == h && cc->white_count < cc->node_count);
    assert(node->object & CC_WHITE && !(node->object & CC_ALIVE));
    const struct rc__class *c = rc__class(h);
    cc->white_count++;
    if (!is_closed(node, h, c)) {
        cc->any_open = true;
        cc->any_destroy |= rc__has_destructor(c);
    }
    if (c->has_finalize)
        cc->any_finalize |= !(h->word & RC__FINALIZED);
}

static bool check(struct rc_heap *heap, struct cc *cc, struct cc_budget *budget) {
    assert(cc->phase == RC_PHASE_VALIDATE && cc->cursor <= cc->node_count);
    struct cc_node *node;
    bool calm = cc_is_calm(cc);
    if (calm && !cc->any_alive) {
        cc->white_count = cc->node_count;
        return true;
    }
    cc->all_white = false;
    for (uint32_t n; (n = cc_batch(cc, budget, &node));) {
        for (uint32_t i = 0; i < n; i++, node++) {
            cc_prefetch(node);
            struct rc__header *h = cc_object(node);
            if (node->object & CC_ALIVE) {
                if ((node->object & (CC_ROOT | CC_LATE)) == CC_ROOT && !rc__handles(h) && !(h->word & RC__SUSPECT))
                    h->word |= RC__OLD;
                cc_retire(heap, node, false);
                cc->any_open = true; // links may lead to it
            } else if (calm) {
                cc->white_count++;
            } else if (is_unmarked(heap, h)) {
                node->object |= CC_WHITE;
                note(cc, node, h);
            } else {
                pardon(cc, node);
            }
        }
        cc->cursor += n;
        if (!cc_spend(budget, 2 * n))
            return false;
    }
    return true;
}

// From the pardoned, ALIVE spreads over what is still WHITE.
static bool spread(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.phase == RC_PHASE_VALIDATE && heap->cc.cursor <= heap->cc.node_count);
    struct cc *cc = &heap->cc;
    struct cc_node *node;
    for (uint32_t n; cc_flood(heap, budget);) {
        if (!(n = cc_batch(cc, budget, &node)))
            return true;
        for (uint32_t i = 0; i < n; i++)
            if (node[i].object && !(node[i].object & (CC_WHITE | CC_ALIVE)))
                cc_set_alive(cc, cc->cursor + i);
        cc->cursor += n;
        if (!cc_spend(budget, n))
            break;
    }
    return false;
}

static bool relist(struct rc_heap *heap, struct cc *cc, struct cc_budget *budget) {
    assert(cc->phase == RC_PHASE_VALIDATE && !cc->all_white);
    assert(cc->alive == CC_NONE && cc->flood_edge == CC_NONE);
    while (cc->cursor < cc->node_count) {
        struct cc_node *node = cc_node(cc, cc->cursor++);
        if (node->object & CC_ALIVE) {
            heap->stats.pardoned++;
            rc__weak_pardon(heap, cc_object(node));
            cc_retire(heap, node, true);
        } else if (node->object & CC_WHITE) { // or it has died since, and all of this is done once more
            note(cc, node, cc_object(node));
        }
        if (!cc_spend(budget, 1))
            return false;
    }
    cc->any_open = true;
    return true;
}

// The objects whose condemned weak references were upgraded are pardoned. Returns whether any object has been.
bool cc_take_pardons(struct rc_heap *heap) {
    assert(heap->cc.phase == RC_PHASE_VALIDATE || heap->cc.phase == RC_PHASE_FINALIZE);
    struct cc *cc = &heap->cc;
    struct rc__header *h;
    while ((h = rc__weak_next_pardon(heap)))
        if (h->word & RC__GRAPH)
            pardon(cc, cc_node(cc, rc__index(h)));
    return cc->pardoned;
}

bool cc_validate(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.step >= CHECK && heap->cc.step <= COMMIT);
    assert(heap->cc.phase == RC_PHASE_VALIDATE && !heap->cc.committed); // R8
    struct cc *cc = &heap->cc;
    for (;;) {
        switch (cc->step) {
        case CHECK:
            if (!check(heap, cc, budget))
                return false;
            cc->step = COMMIT;
            break;
        case SPREAD:
            if (!spread(heap, budget))
                return false;
            cc->cursor = cc->white_count = 0;
            cc->any_finalize = cc->any_destroy = false;
            cc->step = RELIST;
            break;
        case RELIST:
            if (!relist(heap, cc, budget))
                return false;
            cc->step = COMMIT;
            break;
        default: // COMMIT
            // Objects that await their finalizer are not reclaimed in this collection: nothing to commit yet.
            if (!cc_take_pardons(heap)) {
                if (cc->any_finalize)
                    return true;
                cc_recheck(heap);
                if (rc__weak_commit(heap))
                    return true;
            } else {
                cc->pardoned = false;
                cc->cursor = 0;
                cc->step = SPREAD;
            }
            break;
        }
    }
}
