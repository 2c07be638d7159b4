// SPDX-License-Identifier: MIT
// VALIDATE: each white object is looked at once more (R6). Let t be the moment at which this phase begins. An object that
// bears no mark when it is checked had, at t, exactly the references that were recorded when it was discovered (R5), and
// each recorded edge into it is one of them (R4, and a reference gets from one slot to another only by a marked move). For
// a set of which every member passes, that means: at t, no reference from outside led in. Garbage stays garbage; only weak
// references can reach in, which R8 is for. Hence the checks may be spread over slices.
//
// Pass 0: the white objects are checked; those with weak references are condemned.
// Pass 1: if some were pardoned, what they reach is, too. What is left is still closed: a reference into it from a
//         pardoned object would have pardoned it.
// Pass 2: the pardoned leave the graph, the others are put on the list anew.
// Pass 3: the commit. Upgrades since the check are pardons: back to pass 1.
#include "cc/graph.h"

enum { CHECK, SPREAD, RELIST, COMMIT };

// R6.
static bool is_unmarked(struct rc_heap *heap, struct rc__header *h) {
    if (h->word & RC__SUSPECT || h->handles || rc__is_dead(h))
        return false;
    uint32_t shared = rc__atomic_load(&h->shared);
    if (shared & ~RC__WEAK)
        return false;
    return !(shared & RC__WEAK) || rc__weak_condemn(heap, h);
}

// A pardoned node loses WHITE.
static void pardon(struct cc *cc, struct cc_node *node) {
    node->object &= ~(uintptr_t)CC_WHITE;
    cc->pardoned = true;
}

// What is to be called for the members of the set.
static void note_callbacks(struct cc *cc, const struct rc__header *h) {
    const struct rc__class *c = rc__class(h);
    cc->any_finalize |= c->has_finalize && !(h->word & RC__FINALIZED);
    cc->any_destroy |= c->has_destroy;
}

static bool check(struct rc_heap *heap, struct cc *cc, struct cc_budget *budget) {
    while (cc->cursor != CC_NONE) {
        struct cc_node *node = cc_node(cc, cc->cursor);
        struct rc__header *h = cc_object(node);
        cc->cursor = node->ext;
        if (is_unmarked(heap, h))
            note_callbacks(cc, h);
        else
            pardon(cc, node);
        if (!cc_spend(budget, 1))
            return false;
    }
    return true;
}

// From the pardoned, ALIVE spreads over what is still WHITE.
static bool spread(struct cc *cc, struct cc_budget *budget) {
    while (cc_flood(cc, budget, CC_ALIVE, 0)) {
        if (cc->cursor == cc->node_count)
            return true;
        struct cc_node *node = cc_node(cc, cc->cursor);
        if (node->object && !(node->object & (CC_WHITE | CC_ALIVE))) {
            node->object |= CC_ALIVE;
            cc_push(cc, cc->cursor);
        }
        cc->cursor++;
        if (!cc_spend(budget, 1))
            break;
    }
    return false;
}

static bool relist(struct rc_heap *heap, struct cc *cc, struct cc_budget *budget) {
    while (cc->cursor < cc->node_count) {
        uint32_t n = cc->cursor++;
        struct cc_node *node = cc_node(cc, n);
        if (node->object & CC_ALIVE) {
            heap->stats.pardoned++;
            cc_retire(heap, node, true);
        } else if (node->object) {
            note_callbacks(cc, cc_object(node));
            node->ext = CC_NONE;
            if (cc->white == CC_NONE)
                cc->white = n;
            else
                cc_node(cc, cc->white_tail)->ext = n;
            cc->white_tail = n;
            cc->white_count++;
        }
        if (!cc_spend(budget, 1))
            return false;
    }
    return true;
}

// The objects whose condemned weak references were upgraded are pardoned. Returns whether there were any.
bool cc_take_pardons(struct rc_heap *heap) {
    struct cc *cc = &heap->cc;
    struct rc__header *h;
    while ((h = rc__weak_next_pardon(heap)))
        if (h->word & RC__GRAPH)
            pardon(cc, cc_node(cc, rc__index(h)));
    return cc->pardoned;
}

bool cc_validate(struct rc_heap *heap, struct cc_budget *budget) {
    struct cc *cc = &heap->cc;
    for (;;) {
        switch (cc->step) {
        case CHECK:
            if (!check(heap, cc, budget))
                return false;
            cc->step = COMMIT;
            break;
        case SPREAD:
            if (!spread(cc, budget))
                return false;
            cc->cursor = 0;
            cc->white = cc->white_tail = CC_NONE;
            cc->white_count = 0;
            cc->any_finalize = cc->any_destroy = false;
            cc->step = RELIST;
            break;
        case RELIST:
            if (!relist(heap, cc, budget))
                return false;
            cc->step = COMMIT;
            break;
        case COMMIT:
            // Objects that await their finalizer are not reclaimed in this collection: nothing to commit yet.
            if (!cc_take_pardons(heap) && (cc->any_finalize || rc__weak_commit(heap)))
                return true;
            if (cc->pardoned) {
                cc->pardoned = false;
                cc->cursor = 0;
                cc->step = SPREAD;
            }
            break;
        }
    }
}
