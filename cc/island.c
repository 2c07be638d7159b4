// SPDX-License-Identifier: MIT
// Islands: small garbage, judged and freed in one go. Most garbage that a program makes in cycles is a few objects, or some
// hundred, that only hold each other: a node and its listener, a subtree that was cut out. For those the graph with its
// passes is a long way round.
//
// Between ROOTS and BUILD, what each root leads to is explored, up to MEMBERS objects. If nobody has a handle of a member,
// and all links of each member come from slots of members, they are garbage, and freed at once. Else they are left as they
// were, and the root is for BUILD.
//
// No program code runs between the first look and the last, and a member without handle and without weak reference is none
// that another thread could come by meanwhile. So the marks, which are there for that (R5 to R8), are not asked for: the
// counts are what they are now. A member may be a root itself; then it leaves the graph.
//
//   I1  The handles of a member, which has none, are its place in the list, counted from 1, until it is left or freed.
//   I2  Nothing but roots is in the graph. Nodes [0, kept) are those that are for BUILD, those from the cursor on are to be
//       looked at; between them there are none (object 0).
//
// In a large live structure an exploration comes to nothing; so what they find pays for those that find nothing.
#include "cc/graph.h"
#include "rc/block.h"

enum {
    MEMBERS = 512,
    AHEAD = 4,
    CREDIT = 2 * MEMBERS, // objects that may be explored in vain, at least, in each collection
    CREDIT_MAX = 1 << 16
};

struct island {
    struct rc_heap *heap;
    uint32_t count, edges;
    bool open;                          // some slots hold what is neither a member nor NULL
    uint32_t unexplained[MEMBERS];      // links that come from slots which were not seen yet
    struct rc__header *member[MEMBERS];
};

// The place of [h], of which the class and the handles are [both]; 0 if it is no member. It may be another heap's.
static inline unsigned place_of(const struct island *s, const struct rc__header *h, uint32_t both) {
    unsigned place = both & RC__HANDLES_MAX;
    return place - 1 < s->count && s->member[place - 1] == h ? place : 0;
}

// Makes [h] the next member. false: it cannot be one.
static inline bool admit(struct island *s, struct rc__header *h, const struct rc__class *c) {
    if (!c->plain || s->count == MEMBERS || h->handles || rc__atomic_load(&h->shared))
        return false;
    s->unexplained[s->count] = (uint32_t)rc__links(h);
    s->member[s->count++] = h;
    rc__set_handles(h, s->count); // I1
    return true;
}

// A slot of a member leads to [h]. false: this is no island.
static inline bool meet(struct island *s, struct rc__header *h) {
    uint32_t both = rc__both(h);
    unsigned place = place_of(s, h, both);
    if (!place) {
        const struct rc__class *c = &rc__classes[both >> 17];
        if (rc__class_heap[both >> 16] != s->heap || c->acyclic) {
            s->open = true;
            return !(both >> 16 & 1); // it is dead: BUILD will say so
        }
        if (!admit(s, h, c))
            return false;
        place = s->count;
    }
    s->edges++;
    return s->unexplained[place - 1]-- != 0; // else more slots than links: BUILD will say so
}

// Fetches what the members after [i] lead to.
static inline void fetch_ahead(const struct island *s, uint32_t i) {
    if (i + AHEAD >= s->count)
        return;
    struct rc__header *h = s->member[i + AHEAD];
    const struct rc__class *c = rc__class(h);
    for (const uint16_t *slot = c->slot, *end = slot + c->slot_count; slot < end; slot++)
        __builtin_prefetch((void *)((uintptr_t)rc__load((char *)rc__payload(h) + *slot) - sizeof *h), 1);
}

static bool explore(struct island *s) {
    for (uint32_t i = 0; i < s->count; i++) {
        struct rc__header *h = s->member[i];
        fetch_ahead(s, i);
        const struct rc__class *c = rc__class(h);
        for (const uint16_t *slot = c->slot, *end = slot + c->slot_count; slot < end; slot++) {
            void *target = rc__load((char *)rc__payload(h) + *slot);
            if (target && !meet(s, RC__HEADER(target)))
                return false;
        }
    }
    for (uint32_t i = 0; i < s->count; i++)
        if (s->unexplained[i])
            return false;
    return true;
}

// Releases what members hold that is no member.
static void release_outside(struct island *s) {
    for (uint32_t i = 0; i < s->count; i++) {
        const struct rc__class *c = rc__class(s->member[i]);
        for (uint32_t k = 0; k < c->slot_count; k++) {
            void *target = rc__load((char *)rc__payload(s->member[i]) + c->slot[k]);
            if (target && !place_of(s, RC__HEADER(target), rc__both(RC__HEADER(target))))
                rc__unlink(s->heap, RC__HEADER(target), "rc_collect");
        }
    }
}

// Node [n] has no object any more. The last of the nodes that are kept closes the gap, if it is one of those (I2).
static void leave_graph(struct cc *cc, uint32_t n) {
    struct cc_node *node = cc_node(cc, n);
    if (n < cc->kept) {
        struct cc_node *last = cc_node(cc, --cc->kept);
        *node = *last;
        rc__set_index(cc_object(node), n);
        node = last;
    }
    node->object = 0;
}

static void free_members(struct island *s) {
    struct rc_heap *heap = s->heap;
    if (s->open)
        release_outside(s);
    for (uint32_t i = 0; i < s->count; i++) {
        struct rc__header *h = s->member[i];
        if (h->word & RC__GRAPH)
            leave_graph(&heap->cc, rc__index(h));
        else if (h->word & RC__SUSPECT)
            cc_unsuspect(heap, h);
        cc_reclaim(heap, h);
    }
    heap->cc.island_count += s->count;
    heap->stats.nodes += s->count;
    heap->stats.edges += s->edges;
}

// Explores what [h] leads to; frees it if it is an island.
static bool is_island(struct island *s, struct rc__header *h) {
    s->count = s->edges = 0;
    s->open = false;
    if (rc__is_dead(h) || !admit(s, h, rc__class(h)))
        return false;
    if (explore(s)) {
        free_members(s);
        return true;
    }
    for (uint32_t i = 0; i < s->count; i++)
        rc__set_handles(s->member[i], 0);
    return false;
}

// Keeps node [n] for BUILD.
static void keep(struct cc *cc, uint32_t n) {
    uint32_t to = cc->kept++;
    if (to == n)
        return;
    *cc_node(cc, to) = *cc_node(cc, n);
    cc_node(cc, n)->object = 0;
    rc__set_index(cc_object(cc_node(cc, to)), to);
}

bool cc_islands(struct rc_heap *heap, struct cc_budget *budget) {
    struct cc *cc = &heap->cc;
    struct island s;
    s.heap = heap;
    if (!cc->cursor) {
        cc->kept = 0;
        cc->credit = cc->credit > CREDIT ? cc->credit : CREDIT;
    }
    for (; cc->cursor < cc->node_count; cc->cursor++) {
        struct cc_node *node = cc_node(cc, cc->cursor);
        uint32_t cost = 1;
        if (node->object && cc->credit > 0 && budget->deadline) {
            bool found = is_island(&s, cc_object(node));
            cc->credit += found ? (int32_t)s.count : -(int32_t)s.count;
            cc->credit = cc->credit < CREDIT_MAX ? cc->credit : CREDIT_MAX;
            cost += 8 * s.count;
        }
        if (node->object)
            keep(cc, cc->cursor);
        if (!cc_spend(budget, cost)) {
            cc->cursor++;
            return false;
        }
    }
    cc->node_count = cc->kept;
    return true;
}
