// SPDX-License-Identifier: MIT
// Islands: small garbage, judged and freed in one go. Most garbage in cycles is a few objects, or some hundred, that hold only
// each other: a node and its listener, a subtree that was cut out. For these, the graph with its passes is a long way round.
//
// When ROOTS has taken a suspect, what it leads to is explored, up to MEMBERS objects. If nobody has a handle of a member, and
// all links of each member come from slots of members, they are garbage, and are freed at once. Otherwise they are left as they
// were, and the suspect is left for BUILD.
//
// Whatever members link to may be left out: it loses those links when the members are freed, and is looked at again, as a
// suspect. What is left out is what can be no member (because it is of another heap, acyclic, or held), and objects from which
// a way up leads to something held: by owners, or by the slots that led up in BUILD (hints). Such a way is looked for only from
// objects that are neither below a member nor above it, and from some dozen at once, since each step may be a cache miss.
//
// No program code runs between the first look and the last, and another thread cannot get hold of a member meanwhile, since
// that has neither a handle nor a weak reference. So the marks, which are there for that (R5 to R8), need not be looked at: the
// counts are what they are now. A member may be a root itself; then it leaves the graph.
//
// A leaf is a member whose only slot leads back to where it was met: a listener, an attribute. It needs no look of its own.
// Those that do are more alike then, which helps the processor to guess how many slots come next.
//
//   I1  A member has no handles, and until it is left or freed the field `handles` has its place, counted from 1. From the
//       first place up there are the members whose slots are to be read, from the last one down the leaves.
//   I2  Only roots are in the graph. Nodes [0, kept) are for BUILD, those from the cursor on are yet to be looked at; those in
//       between have no object (object 0).
//
// In a large live structure explorations come to nothing. So there is an account: objects found pay for objects explored in
// vain.
#include "cc/node.h"
#include "cc/reclaim.h"

enum {
    MEMBERS = 512,
    OUTSIDE = 4 * MEMBERS, // links that lead out
    DOUBTFUL = 32,         // objects whose ways up are climbed side by side
    CLIMB = 64,            // steps
    AHEAD = 4,
    COST = 8,              // units, of a member
    PART = 32,             // members that are explored between two looks at the time
    CREDIT = 2 * MEMBERS, // objects that may be explored in vain, at least, in each collection
    CREDIT_MAX = 1 << 16
};

struct doubtful {
    struct rc__header *target; // of a link from a member
    struct rc__header *at;     // how far up its way it has come
};

struct island {
    struct rc_heap *heap;
    uint32_t count, leaves, edges, outside_count, doubtful_count;
    uint32_t spent; // units that are accounted for
    uint64_t links;                     // of all members
    uint32_t unexplained[MEMBERS];      // links that come from slots which were not seen yet
    struct rc__header *member[MEMBERS];
    struct rc__header *outside[OUTSIDE];
    struct doubtful doubtful[DOUBTFUL];
};

static inline uint32_t members(const struct island *s) {
    assert(s->count + s->leaves <= MEMBERS);
    return s->count + s->leaves;
}

// One of them all, from the last leaf on.
static inline struct rc__header *member(const struct island *s, uint32_t i) {
    assert(i < members(s));
    return s->member[(i - s->leaves) % MEMBERS];
}

// The place of [h], of which the class and the handles are [both]; 0 if it is no member. It may be another heap's.
static inline unsigned place_of(const struct island *s, const struct rc__header *h, uint32_t both) {
    unsigned i = (both - 1) % MEMBERS;
    return (i + s->leaves) % MEMBERS < members(s) && s->member[i] == h ? i + 1 : 0;
}

static inline bool can_be_member(const struct island *s, struct rc__header *h, const struct rc__class *c) {
    assert(rc__is_object(h) && c == rc__class(h));
    return c->plain && members(s) < MEMBERS && !rc__atomic_load(&h->shared);
}

// Gives [h], of which the class and the (no) handles are [both], the place after [i], and returns that.
static inline unsigned put(struct island *s, struct rc__header *h, uint32_t both, uint32_t i) {
    assert(i < MEMBERS && !(both & RC__HANDLES));
    uint32_t links = (uint32_t)rc__links(h);
    s->links += links;
    s->unexplained[i] = links;
    s->member[i] = h;
    rc__set_both(h, i + 1, (uint16_t)(both >> 16)); // I1
    return i + 1;
}

static inline unsigned admit(struct island *s, struct rc__header *h, uint32_t both) {
    return put(s, h, both, s->count++);
}

static inline unsigned admit_leaf(struct island *s, struct rc__header *h, uint32_t both) {
    return put(s, h, both, MEMBERS - ++s->leaves);
}

// A slot of a member leads to the member at [place]. false: there are more slots than links, which BUILD will report.
static inline bool explain(struct island *s, unsigned place) {
    assert(place > 0 && place <= MEMBERS);
    s->edges++;
    return s->unexplained[place - 1]-- != 0;
}

static inline bool leave_out(struct island *s, struct rc__header *h) {
    assert(s->outside_count <= OUTSIDE);
    if (s->outside_count == OUTSIDE)
        return false;
    s->outside[s->outside_count++] = h;
    return true;
}

// What is above [h], of class [c]: its owner, or what its class's hint leads to; or NULL.
static inline struct rc__header *above(const struct rc__header *h, const struct rc__class *c) {
    assert(c == rc__class(h));
    int32_t offset = c->owner != RC__NO_SLOT ? c->owner : c->hint;
    void *up = offset == RC__NO_SLOT ? NULL : rc__load((const char *)(h + 1) + offset);
    return up ? RC__HEADER(up) : NULL;
}

enum { CLIMBING, HELD, LOST };

// One step up from [at].
static inline int climb_on(struct island *s, struct rc__header **at) {
    struct rc__header *h = *at;
    uint32_t both = rc__both(h);
    if (RC__LOAD(rc__class_heap[both >> 16]) != s->heap)
        return LOST;
    if (both & RC__HANDLES || rc__atomic_load(&h->shared) & ~RC__WEAK)
        return place_of(s, h, both) ? LOST : HELD;
    *at = above(h, &rc__classes[both >> 17]);
    if (!*at)
        return LOST;
    __builtin_prefetch(*at);
    return CLIMBING;
}

// [h] was in doubt, and no way up leads from it to something held: it becomes a member, if it can. false: this is no island.
static bool take_in(struct island *s, struct rc__header *h) {
    uint32_t both = rc__both(h);
    unsigned place = place_of(s, h, both);
    if (!place) {
        if (both & RC__HANDLES || !can_be_member(s, h, rc__class(h)))
            return false;
        place = admit(s, h, both);
    }
    return explain(s, place);
}

// Decides about what is in doubt. false: this is no island.
static bool settle_doubts(struct island *s) {
    assert(s->doubtful_count > 0 && s->doubtful_count <= DOUBTFUL);
    size_t climbing = s->doubtful_count, climbed = 0;
    struct doubtful *d = s->doubtful;
    s->doubtful_count = 0;
    for (int steps = 0; climbing; steps++, climbed += climbing)
        for (size_t i = climbing; i-- > 0;) {
            int state = steps < CLIMB ? climb_on(s, &d[i].at) : LOST;
            if (state == CLIMBING)
                continue;
            if (!(state == HELD ? leave_out(s, d[i].target) : take_in(s, d[i].target)))
                return false;
            d[i] = d[--climbing];
        }
    s->heap->cc.climbed += (uint32_t)climbed;
    return true;
}

// A slot of the member [from], which has [over] above it, leads to [h]. false: this is no island.
static inline bool meet(struct island *s, const struct rc__header *from, const struct rc__header *over, struct rc__header *h) {
    uint32_t both = rc__both(h);
    unsigned place = place_of(s, h, both);
    if (!place) {
        const struct rc__class *c = &rc__classes[both >> 17];
        if (rc__class_heap[both >> 16] != s->heap || c->acyclic)
            return !(both & RC__DEAD) && leave_out(s, h); // dead: BUILD will say so
        const struct rc__header *up = above(h, c);
        if (up && up != from && up != over && h != over && !place_of(s, up, rc__both(up))) {
            s->doubtful[s->doubtful_count++] = (struct doubtful){h, h};
            __builtin_prefetch(up);
            return s->doubtful_count < DOUBTFUL || settle_doubts(s);
        }
        if (both & RC__HANDLES)
            return !up && h != over && leave_out(s, h);
        if (!can_be_member(s, h, c))
            return false;
        if (up == from && c->slot_count == 1) {
            place = admit_leaf(s, h, both);
            return explain(s, place) && explain(s, rc__handles(from));
        }
        place = admit(s, h, both);
    }
    return explain(s, place);
}

// Fetches what the members after [i] lead to.
static inline void fetch_ahead(const struct island *s, uint32_t i) {
    assert(i < s->count);
    if (i + AHEAD >= s->count)
        return;
    struct rc__header *h = s->member[i + AHEAD];
    const struct rc__class *c = rc__class(h);
    for (const uint16_t *slot = c->slot, *end = slot + c->slot_count; slot < end; slot++)
        __builtin_prefetch((void *)((uintptr_t)rc__load((char *)rc__payload(h) + *slot) - sizeof *h), 1);
}

// false: the slice is over. Then BUILD has to do it.
static bool spend_part(struct island *s) {
    assert(s->heap->cc.budget);
    s->spent += PART * COST;
    return cc_spend(s->heap->cc.budget, PART * COST);
}

static bool explore(struct island *s) {
    assert(s->count == 1); // the root
    for (uint32_t i = 0; i < s->count || s->doubtful_count; i++) {
        if (i == s->count && !settle_doubts(s))
            return false;
        if (i == s->count)
            break;
        if (i % PART == PART - 1 && !spend_part(s))
            return false;
        struct rc__header *h = s->member[i];
        fetch_ahead(s, i);
        const struct rc__class *c = rc__class(h);
        const struct rc__header *over = above(h, c);
        for (const uint16_t *slot = c->slot, *end = slot + c->slot_count; slot < end; slot++) {
            void *target = rc__load((char *)rc__payload(h) + *slot);
            if (target && !meet(s, h, over, RC__HEADER(target)))
                return false;
        }
    }
    return s->edges == s->links;
}

// Node [n] has no object any more. The last of the nodes that are kept closes the gap, if it is one of those (I2).
static void leave_graph(struct cc *cc, uint32_t n) {
    assert(n < cc->node_count);
    struct cc_node *node = cc_node(cc, n);
    cc->outside -= node->ext;
    if (n < cc->kept) {
        struct cc_node *last = cc_node(cc, --cc->kept);
        *node = *last;
        rc__set_index(cc_object(node), n);
        node = last;
    }
    node->object = 0;
}

static void free_members(struct island *s) {
    assert(s->count > 0 && members(s) <= MEMBERS);
    assert(s->outside_count <= OUTSIDE && s->doubtful_count == 0);
    struct rc_heap *heap = s->heap;
    struct cc_reclaimed r = {.n = 0};
    for (uint32_t i = 0; i < members(s); i++) {
        struct rc__header *h = member(s, i);
        if (h->word & RC__GRAPH)
            leave_graph(&heap->cc, rc__index(h));
        else if (h->word & RC__SUSPECT)
            cc_unsuspect(heap, h);
        cc_reclaim(heap, &r, h);
    }
    cc_account(heap, &r);
    for (uint32_t i = 0; i < s->outside_count; i++)
        rc__unlink(heap, s->outside[i], "rc_collect");
    heap->cc.island_count += members(s);
    heap->stats.nodes += members(s);
    heap->stats.edges += s->edges;
}

// Whether a hint leads from the member [h], which has no owner slot, up to something held: then it is left for BUILD, which
// goes that way first.
static bool is_hopeless(struct island *s, struct rc__header *h) {
    assert(s->count == 1 && s->member[0] == h);
    const struct rc__class *c = rc__class(h);
    if (c->owner != RC__NO_SLOT || c->hint == RC__NO_SLOT || !(h = above(h, c)))
        return false;
    int state = CLIMBING;
    for (int steps = 0; state == CLIMBING && steps < CLIMB; steps++) {
        state = climb_on(s, &h);
        s->heap->cc.climbed++;
    }
    return state == HELD;
}

// Explores what [h] leads to; frees it if it is an island.
static bool is_island(struct island *s, struct rc__header *h) {
    assert(rc__is_mine(s->heap));
    s->count = s->leaves = s->edges = s->outside_count = s->doubtful_count = s->spent = 0;
    s->links = 0;
    uint32_t both = rc__both(h);
    if (both & RC__HANDLES || rc__is_dead(h) || !can_be_member(s, h, rc__class(h)))
        return false;
    admit(s, h, both);
    if (!is_hopeless(s, h) && explore(s)) {
        free_members(s);
        return true;
    }
    for (uint32_t i = 0; i < members(s); i++)
        rc__set_handles(member(s, i), 0);
    return false;
}

// Keeps node [n] for BUILD.
static void keep(struct cc *cc, uint32_t n) {
    assert(n < cc->node_count && cc->kept <= n); // I2
    uint32_t to = cc->kept++;
    if (to == n)
        return;
    *cc_node(cc, to) = *cc_node(cc, n);
    cc_node(cc, n)->object = 0;
    rc__set_index(cc_object(cc_node(cc, to)), to);
}

void cc_islands_begin(struct cc *cc) {
    assert(cc->phase == RC_PHASE_ROOTS && cc->node_count == 0);
    cc->kept = 0;
    cc->credit = cc->credit > CREDIT ? cc->credit : CREDIT;
}

// Explores from [h], a root, or a suspect until now; adds to [cost]. Returns whether it was an island, and so is gone.
static bool explore_from(struct rc_heap *heap, struct rc__header *h, uint32_t *cost) {
    assert(rc__is_mine(heap) && rc__is_object(h));
    struct cc *cc = &heap->cc;
    struct island s;
    s.heap = heap;
    if (cc->credit <= 0)
        return false;
    bool found = is_island(&s, h);
    uint32_t steps = cc_climbed(heap);
    cc->credit += found ? (int32_t)members(&s) : -(int32_t)(members(&s) + steps);
    cc->credit = cc->credit < CREDIT_MAX ? cc->credit : CREDIT_MAX;
    *cost += COST * members(&s) + 4 * steps - s.spent;
    return found;
}

void cc_explore(struct rc_heap *heap, struct rc__header *h, uint32_t *cost) {
    struct cc *cc = &heap->cc;
    assert(cc->cursor == cc->node_count && cc->kept == cc->node_count);
    bool found = explore_from(heap, h, cost);
    assert(cc->kept <= cc->node_count); // I2
    cc->node_count = cc->kept;
    if (!found)
        cc->kept = cc_node_new(cc, h, CC_ROOT) + 1;
    cc->cursor = cc->kept;
}

bool cc_islands(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.phase == RC_PHASE_ROOTS && rc__is_mine(heap));
    assert(heap->cc.cursor <= heap->cc.node_count);
    struct cc *cc = &heap->cc;
    if (cc->credit <= 0 && cc->kept == cc->cursor)
        cc->kept = cc->cursor = cc->node_count;
    while (cc->cursor < cc->node_count) {
        struct cc_node *node = cc_node(cc, cc->cursor);
        uint32_t cost = 1;
        if (node->object && budget->deadline)
            explore_from(heap, cc_object(node), &cost);
        if (node->object)
            keep(cc, cc->cursor);
        cc->cursor++;
        if (!cc_spend(budget, cost))
            return false;
    }
    cc->node_count = cc->cursor = cc->kept;
    return true;
}
