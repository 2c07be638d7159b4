// SPDX-License-Identifier: MIT
// What becomes of the white set. Each pass goes over the nodes, in the order of their discovery.
//
// FINALIZE, if some member awaits its finalizer: all finalizers that are due are called, with the set intact, and each member
// held during its own. Finalizers may do what they like with the set, so the verdict on it is void afterwards: all members
// become suspects, and the next collection, in which none awaits a finalizer, decides again. Once somebody has got hold of a
// member by a weak reference, no more are called, since what that member reaches has come back to life: their turn is in the
// next collection.
// (tests/model: FINAL_WAIT, FINAL_AGAIN, FINAL_KEPT, FINAL_HELD, FINAL_STOP.)
//
// DESTROY, after the commit, if some member has a destructor. DOOM: the members are dead (class odd), so that a destructor
// which makes a new reference to one is caught at the call. DESTRUCT: destructors.
//
// FREE. UNLINK, if some member is OPEN: links that leave the set are released; those inside it are not counted down.
// RELEASE: memory.
//
// Nobody can reach the set from the commit on, so all of this may be spread over slices.
#include "cc/reclaim.h"

enum { DOOM, DESTRUCT };
enum { UNLINK, RELEASE };

enum { CALLBACK = 16 }; // the cost of a member with a callback, after which the slice may be over

// Calls [each] with the white nodes, from the cursor on. If it returns false it is called with the same node again.
static inline bool each_white(struct rc_heap *heap, struct cc_budget *budget,
                              bool (*each)(struct rc_heap *heap, struct cc_node *node, struct rc__header *h),
                              uint32_t cost) {
    assert(heap->cc.phase >= RC_PHASE_FINALIZE && rc__is_mine(heap));
    struct cc *cc = &heap->cc;
    struct cc_node *node;
    for (uint32_t n, spent; (n = cc_batch(cc, budget, &node));) {
        for (spent = 0; n && spent < 64 && (cost < CALLBACK || !budget->over); n--, node++, cc->cursor++) {
            cc_prefetch(node);
            bool white = cc_is_white(cc, node);
            spent += white ? cost : 1;
            if (white && !each(heap, node, cc_object(node))) {
                spent += RC__PIECE;
                break;
            }
        }
        if (!cc_spend(budget, spent))
            return false;
    }
    return true;
}

static bool finalize(struct rc_heap *heap, struct cc_node *node, struct rc__header *h) {
    assert(heap->cc.phase == RC_PHASE_FINALIZE);
    assert((node->object & CC_WHITE || heap->cc.all_white) && h->word & RC__GRAPH);
    (void)node;
    if (rc__is_dead(h) || !rc__class(h)->has_finalize || h->word & RC__FINALIZED || rc__handles(h) ||
        rc__sum(rc__atomic_load(&h->shared)) || cc_take_pardons(heap))
        return true;
    h->word |= RC__FINALIZED;
    rc_retain(rc__payload(h));
    rc__call_finalize(h);
    rc__called(heap, h, "finalize");
    rc_release(rc__payload(h));
    return true;
}

bool cc_finalize(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.phase == RC_PHASE_FINALIZE && !heap->cc.committed);
    assert(heap->cc.any_finalize);
    return each_white(heap, budget, finalize, CALLBACK);
}

bool cc_retire_all(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.cursor <= heap->cc.node_count && !heap->cc.committed); // S2
    struct cc *cc = &heap->cc;
    while (cc->cursor < cc->node_count) {
        struct cc_node *node = cc_node(cc, cc->cursor++);
        cc_prefetch(node);
        if (node->object)
            cc_retire(heap, node, node->object & (CC_ROOT | CC_WHITE));
        if (!cc_spend(budget, 2))
            return false;
    }
    return true;
}

static bool doom(struct rc_heap *heap, struct cc_node *node, struct rc__header *h) {
    assert(heap->cc.committed && rc__is_in(heap, h));
    assert((node->object & CC_WHITE || heap->cc.all_white) && !rc__is_dead(h));
    assert(!rc__handles(h) && !(h->word & RC__SUSPECT)); // R6
    (void)heap;
    (void)node;
    h->word |= RC__DOOMED;
    rc__set_dead(h);
    return true;
}

// Of an object with many parts, a piece.
static bool destruct(struct rc_heap *heap, struct cc_node *node, struct rc__header *h) {
    assert(heap->cc.phase == RC_PHASE_DESTROY);
    assert(rc__is_dead(h) && h->word & RC__DOOMED);
    (void)node;
    size_t *part = &heap->cc.piece_slot;
    if (!rc__has_destructor(rc__class(h)))
        return true;
    if (*part == 0) {
        rc__call_destroy(h);
        rc__called(heap, h, "destroy");
    }
    return !rc__destroy_some(h, part);
}

bool cc_destroy(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.phase == RC_PHASE_DESTROY && !heap->cc.any_finalize);
    assert(heap->cc.committed);
    struct cc *cc = &heap->cc;
    if (!cc->any_destroy)
        return true;
    if (cc->step == DOOM) {
        if (!each_white(heap, budget, doom, 2))
            return false;
        cc->cursor = 0;
        cc->step = DESTRUCT;
    }
    return each_white(heap, budget, destruct, CALLBACK);
}

// Releases the links that leave the set. What is in the set has GRAPH, and nothing else has.
static void leave_set(struct rc_visitor *visitor, char *first, size_t n) {
    struct rc_heap *heap = visitor->heap;
    assert(heap->cc.phase == RC_PHASE_FREE);
    for (; n; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        if (!obj)
            continue;
        struct rc__header *h = RC__HEADER(obj);
        if (rc__heap_ever(h) == heap && h->word & RC__GRAPH)
            continue;
        rc__store(first, NULL);
        rc__unlink(heap, h, "rc_collect");
    }
}

// Of a long object, a piece.
static bool unlink_outside(struct rc_heap *heap, struct cc_node *node, struct rc__header *h) {
    assert(heap->cc.phase == RC_PHASE_FREE && h->word & RC__GRAPH);
    assert(node->object & CC_WHITE || heap->cc.all_white);
    (void)node;
    struct cc *cc = &heap->cc;
    struct rc_visitor leave = {.slots = leave_set, .heap = heap};
    if (rc__trace(h, &leave, cc->piece_slot, cc->piece_slot + RC__PIECE)) {
        cc->piece_slot += RC__PIECE;
        return false;
    }
    cc->piece_slot = 0;
    if (rc__atomic_load(&h->shared) & RC__WEAK)
        rc__weak_dead(heap, h);
    rc__release_weak_slots(heap, h);
    if (h->word & RC__EXTRA)
        rc__extra_forget(heap, h);
    if (rc__class(h)->has_free_slots)
        rc__call_free_slots(h);
    return true;
}

// Frees the white ones of [n] nodes in a row.
static void release(struct rc_heap *heap, const struct cc_node *node, uint32_t n) {
    assert(heap->cc.phase == RC_PHASE_FREE);
    struct cc_reclaimed r = {.n = 0};
    for (const struct cc_node *end = node + n; node < end; node++) {
        cc_prefetch(node);
        if (cc_is_white(&heap->cc, node))
            cc_reclaim(heap, &r, cc_object(node));
    }
    cc_account(heap, &r);
}

static bool release_all(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.cursor <= heap->cc.node_count);
    struct cc *cc = &heap->cc;
    struct cc_node *node;
    for (uint32_t n; (n = cc_batch(cc, budget, &node));) {
        release(heap, node, n);
        cc->cursor += n;
        if (!cc_spend(budget, 2 * n))
            return false;
    }
    return true;
}

bool cc_free(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.phase == RC_PHASE_FREE);
    assert(heap->cc.committed);
    struct cc *cc = &heap->cc;
    if (cc->step == UNLINK) {
        if (cc->any_open && !each_white(heap, budget, unlink_outside, 4))
            return false;
        cc->cursor = 0;
        cc->step = RELEASE;
    }
    return release_all(heap, budget);
}

bool cc_is_cleared(const struct rc_heap *heap, const struct rc__header *h) {
    assert(rc__is_object(h));
    const struct cc *cc = &heap->cc;
    return h->word & RC__GRAPH && cc->phase == RC_PHASE_FREE && (cc->step != UNLINK || rc__index(h) < cc->cursor);
}
