// SPDX-License-Identifier: MIT
// ROOTS: the suspects are taken out of their buffer, a row at a time. One that is held is dropped (R2), and is no longer LED.
// The others get nodes, unless a chain of owners leads up from them to something that is held, or to another suspect, in the
// buffer or with a node: that leads to them, so the verdict on it is theirs, too. (An old suspect in the buffer does not count,
// as this collection may not look at it.)
//
// An object with such a chain gets no node, and neither does the chain: if that proof were kept, something would have to tell
// when it ends. So each chain is climbed anew, and whatever breaks it afterwards leaves a suspect that leads to the object. A
// step up is often a cache miss, and little else; so some dozen chains are climbed side by side. Within a slice, in which no
// proof can end, a memo of where other climbers have been would be sound, but costs more than the steps that it saves
// (bench/NOTES.md).
#include "cc/node.h"

enum {
    OWNER_STEPS = 256, // of a chain that are looked at; the rest is left to tracing
    CLIMBERS = 48      // chains that are climbed side by side
};

// Some suspects are climbed from side by side, so that what is above them is fetched from memory at the same time.
struct climber {
    struct rc__header *suspect;
    struct rc__header *at; // how far up its chain it has come
};

enum { CLIMBING, PROVED, LOST };

// One step up. Of the next object nothing is read yet, since it is on its way from memory: not even whether it is ours. A
// chain that comes to a node of the graph proves what it began at if that node is ALIVE. If it began at [suspect], which is not
// NULL then, any node does, and any young suspect but itself: all nodes are those of suspects at that time.
static inline int climb_on(struct rc_heap *heap, struct rc__header **at, const struct rc__header *suspect) {
    struct rc__header *h = *at;
    uint32_t both = rc__both(h), cls = both >> 16;
    if (RC__LOAD(rc__class_heap[cls]) != heap)
        return LOST;
    if (h->word & RC__GRAPH)
        return suspect || cc_node(&heap->cc, rc__index(h))->object & CC_ALIVE ? PROVED : LOST;
    if (suspect && cc_is_young_suspect(h))
        return h != suspect ? PROVED : LOST;
    if (both & RC__HANDLES || (rc__atomic_load(&h->shared) & ~RC__WEAK && cc_is_held(h))) {
        cc_rely_on(h);
        return PROVED;
    }
    const struct rc__class *c = &rc__classes[cls >> 1];
    *at = cc_owner(h, c);
    if (!*at)
        return LOST;
    __builtin_prefetch(*at);
    __builtin_prefetch((const char *)(*at + 1) + c->owner); // of one class, as a rule, whose owner slot may be a line further
    return CLIMBING;
}

bool cc_has_held_owner(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_in(heap, h) && !(h->word & RC__GRAPH));
    int state = rc__class(h)->owner == RC__NO_SLOT ? LOST : CLIMBING;
    uint32_t steps = 0;
    while (state == CLIMBING && steps < OWNER_STEPS && (state = climb_on(heap, &h, NULL)) == CLIMBING)
        steps++;
    heap->cc.climbed += steps;
    return state == PROVED;
}

// [h] was taken out of the buffer and is held: R2.
static void drop(struct rc__header *h) {
    assert(h->word & RC__SUSPECT && !(h->word & RC__GRAPH));
    h->word &= ~(RC__SUSPECT | RC__INDEX_MASK);
}

// Drops the suspects that are proved alive and makes nodes of the others, for which there is room.
static void judge(struct rc_heap *heap, struct climber *climber, size_t n) {
    assert(n <= CLIMBERS && heap->cc.phase == RC_PHASE_ROOTS);
    assert(heap->cc.node_count + n <= heap->cc.node_room);
    size_t climbing = n, climbed = 0;
    for (int steps = 0; climbing && steps < OWNER_STEPS; steps++, climbed += climbing)
        for (size_t i = climbing; i-- > 0;) {
            int state = climb_on(heap, &climber[i].at, climber[i].suspect);
            if (state == CLIMBING)
                continue;
            if (state == PROVED)
                drop(climber[i].suspect);
            else
                cc_node_new(&heap->cc, climber[i].suspect, CC_ROOT);
            climber[i] = climber[--climbing];
        }
    heap->cc.climbed += (uint32_t)climbed;
    while (climbing)
        cc_node_new(&heap->cc, climber[--climbing].suspect, CC_ROOT);
}

// Takes the last [n] suspects, which lie from [at] on, out of the buffer; for their nodes there is room.
static void take_suspects(struct rc_heap *heap, struct rc__header **at, size_t n) {
    assert(n > 0 && n <= CLIMBERS && n <= heap->suspect_count);
    assert(*rc__pointer_at(&heap->suspects, heap->suspect_count - n) == at[0]);
    assert(heap->cc.node_count + n <= heap->cc.node_room);
    struct climber climber[CLIMBERS];
    size_t climbers = 0;
    heap->suspect_count -= n;
    heap->old_count = heap->old_count < heap->suspect_count ? heap->old_count : heap->suspect_count;
    for (size_t i = n; i-- > 0;) {
        struct rc__header *h = at[i];
        assert(h->word & RC__SUSPECT && !(h->word & RC__GRAPH));
        assert(rc__is_in(heap, h));
        struct rc__header *owner = cc_owner(h, rc__class(h));
        if (cc_is_held(h)) {
            drop(h);
            cc_rely_on(h);
        } else if (owner) {
            climber[climbers++] = (struct climber){h, owner};
            __builtin_prefetch(owner);
        } else {
            cc_node_new(&heap->cc, h, CC_ROOT);
        }
    }
    judge(heap, climber, climbers);
}

// Takes the last suspect, which has no owner slot: unless it is an island, it gets a node, for which there is room. Returns
// what that cost.
static uint32_t take_last(struct rc_heap *heap, struct rc__header **last) {
    assert(heap->suspect_count > 0 && heap->suspect_count <= heap->reserved);
    assert(rc__class(*last)->owner == RC__NO_SLOT);
    enum { FETCHED = 16 };
    struct rc__header *h = *last;
    uint32_t cost = 4;
    if (--heap->suspect_count % RC__CHUNK_POINTERS >= FETCHED)
        __builtin_prefetch(last[-FETCHED], 1);
    heap->old_count = heap->old_count < heap->suspect_count ? heap->old_count : heap->suspect_count;
    drop(h);
    if (cc_is_held(h))
        cc_rely_on(h);
    else
        cc_explore(heap, h, &cost);
    return cost;
}

// Takes some of the last suspects, [left] at most.
static uint32_t take_row(struct rc_heap *heap, size_t left) {
    assert(left > 0 && left <= heap->suspect_count);
    size_t row = (heap->suspect_count - 1) % RC__CHUNK_POINTERS + 1; // they lie in one chunk
    size_t n = left < row ? left : row;
    n = n < CLIMBERS ? n : CLIMBERS;
    n = n < heap->cc.roots_left ? n : heap->cc.roots_left;
    struct rc__header **at = rc__pointer_at(&heap->suspects, heap->suspect_count - n);
    for (size_t i = 1; i <= n && i <= row - n; i++)
        __builtin_prefetch(at[-(ptrdiff_t)i], 1);
    take_suspects(heap, at, n);
    heap->cc.roots_left -= n - 1;
    return 4 * (uint32_t)n + 4 * cc_climbed(heap);
}

// In slices of one unit, one suspect is taken at a time.
bool cc_roots(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.phase == RC_PHASE_ROOTS && rc__is_mine(heap));
    assert(heap->cc.edge_count == 0); // R4
    struct cc *cc = &heap->cc;
    for (size_t left;;) {
        if (cc->kept < cc->node_count && !cc_islands(heap, budget))
            return false;
        if (!(left = cc_roots_waiting(heap)) || !cc->roots_left)
            return true;
        if (!cc_has_room(heap, CLIMBERS))
            return false;
        struct rc__header **last = rc__pointer_at(&heap->suspects, heap->suspect_count - 1);
        bool owned = rc__class(*last)->owner != RC__NO_SLOT, one = !budget->deadline;
        uint32_t cost = owned || one || cc->credit <= 0 ? take_row(heap, one ? 1 : left) : take_last(heap, last);
        cc->roots_left--;
        if (!cc_spend(budget, cost))
            return false;
    }
}
