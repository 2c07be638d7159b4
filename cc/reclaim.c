// SPDX-License-Identifier: MIT
// What becomes of the white set.
//
// FINALIZE, if some member awaits its finalizer: all those are called, the set intact, each member held while it is its
// turn. Finalizers may do what they like with the set, so its verdict is void afterwards: all of it become suspects, and
// the next collection, in which nobody awaits a finalizer, decides again. A member that somebody got hold of in the
// meantime, by a weak reference, is spared, with what it reaches.
//
// DESTROY, after the commit. Pass 0: the members are dead (class odd), so that a destructor which makes a new reference to
// one is caught at the call. Pass 1: destructors.
//
// FREE. Pass 0: links that leave the set are released; those inside it are not counted down. Pass 1: memory.
//
// Nobody can reach the set from the commit on, so all of this may be spread over slices.
#include "cc/graph.h"

enum { DOOM, DESTRUCT };
enum { UNLINK, RELEASE };

static void finalize(struct rc_heap *heap, struct rc__header *h) {
    h->word |= RC__FINALIZED;
    rc_retain(rc__payload(h));
    rc__call_finalize(h);
    rc_release(rc__payload(h));
    heap->cc.finalized++;
}

bool cc_finalize(struct rc_heap *heap, struct cc_budget *budget) {
    struct cc *cc = &heap->cc;
    while (cc->cursor != CC_NONE) {
        struct rc__header *h = cc_object(cc_node(cc, cc->cursor));
        cc->cursor = cc_node(cc, cc->cursor)->ext;
        bool awaits = rc__class(h)->has_finalize && !(h->word & RC__FINALIZED);
        if (awaits && !h->handles && !rc__sum(rc__atomic_load(&h->shared)) && !rc__is_dead(h))
            finalize(heap, h);
        if (!cc_spend(budget, awaits ? 16 : 1))
            return false;
    }
    return true;
}

bool cc_retire_all(struct rc_heap *heap, struct cc_budget *budget) {
    struct cc *cc = &heap->cc;
    while (cc->cursor < cc->node_count) {
        struct cc_node *node = cc_node(cc, cc->cursor++);
        if (node->object)
            cc_retire(heap, node, node->object & (CC_ROOT | CC_WHITE));
        if (!cc_spend(budget, 1))
            return false;
    }
    return true;
}

static void doom(struct rc_heap *heap, struct rc__header *h) {
    if (rc__atomic_load(&h->shared) & RC__WEAK)
        rc__weak_dead(heap, h);
    h->word |= RC__DOOMED;
    h->cls |= 1;
}

// Calls [each] with the members of the set, from the cursor on.
static bool each_white(struct rc_heap *heap, struct cc_budget *budget, bool (*each)(struct rc_heap *, struct rc__header *),
                       uint32_t cost) {
    struct cc *cc = &heap->cc;
    while (cc->cursor != CC_NONE) {
        struct cc_node *node = cc_node(cc, cc->cursor);
        uint32_t next = node->ext;
        if (each(heap, cc_object(node)))
            cc->cursor = next;
        if (!cc_spend(budget, cost))
            return false;
    }
    return true;
}

static bool each_doom(struct rc_heap *heap, struct rc__header *h) {
    doom(heap, h);
    return true;
}

static bool each_destroy(struct rc_heap *heap, struct rc__header *h) {
    (void)heap;
    rc__call_destroy(h);
    return true;
}

bool cc_destroy(struct rc_heap *heap, struct cc_budget *budget) {
    struct cc *cc = &heap->cc;
    if (cc->step == DOOM) {
        if (!each_white(heap, budget, each_doom, 1))
            return false;
        cc->cursor = cc->white;
        cc->step = DESTRUCT;
    }
    return !cc->any_destroy || each_white(heap, budget, each_destroy, 16);
}

struct leave {
    struct rc_visitor visitor;
    struct rc_heap *heap;
};

static void leave_set(struct rc_visitor *visitor, char *first, size_t n) {
    struct rc_heap *heap = ((struct leave *)visitor)->heap;
    for (; n; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        if (obj && !(RC__HEADER(obj)->word & RC__DOOMED)) {
            rc__store(first, NULL);
            rc__unlink(heap, RC__HEADER(obj), "rc_collect");
        }
    }
}

// Releases the links of [h] that leave the set; of a long one, a piece. Returns whether it is done with it.
static bool each_unlink(struct rc_heap *heap, struct rc__header *h) {
    struct cc *cc = &heap->cc;
    struct leave leave = {.visitor.slots = leave_set, .heap = heap};
    if (rc__trace(h, &leave.visitor, cc->piece_slot, cc->piece_slot + RC__PIECE)) {
        cc->piece_slot += RC__PIECE;
        return false;
    }
    cc->piece_slot = 0;
    rc__release_weak_slots(heap, h);
    if (rc__class(h)->has_free_slots)
        rc__call_free_slots(h);
    return true;
}

static bool each_free(struct rc_heap *heap, struct rc__header *h) {
    struct rc__class *c = rc__class(h);
    size_t size = rc__block_size(h);
    c->live--;
    c->bytes -= size;
    heap->objects--;
    heap->bytes -= size;
    heap->stats.reclaimed_collect++;
    rc__block_free(heap, h);
    return true;
}

bool cc_free(struct rc_heap *heap, struct cc_budget *budget) {
    struct cc *cc = &heap->cc;
    if (cc->step == UNLINK) {
        bool reaping = heap->reaping;
        heap->reaping = true; // what dies of it waits for its turn in the slice
        bool done = each_white(heap, budget, each_unlink, 4);
        heap->reaping = reaping;
        if (!done)
            return false;
        cc->cursor = cc->white;
        cc->step = RELEASE;
    }
    return each_white(heap, budget, each_free, 2);
}
