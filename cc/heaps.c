// SPDX-License-Identifier: MIT
// rc_collect_heaps: the cycles that span heaps. To each heap alone, a link from another is a handle, and what it leads to is
// alive. To all of them together it is a link like any other.
//
// This is a collection in one go. No program code runs between its first look and its verdict, apart from that of threads
// which are inside none of the heaps; so none of the marks are needed (R4 to R7), and no edges: slots can be read again.
//
//   COUNT    Every object of every heap is a node of one graph. Its external count is all its references (links, handles
//            and what other threads did to those) less the slots that lead to it, of whichever heap.
//   SCAN     Nodes with an external count are alive, and so is what they reach. The rest is white.
//   COMMIT   Under the locks of all doors: no weak reference to a white object has been upgraded since it was counted, and
//            none can be from here on (R8). Those that were: alive, with what they reach, and once more.
//   FINALIZE But if some white object awaits its finalizer, nothing is final, all those are called, and everything begins again.
//            One that somebody gets hold of meanwhile is spared its own; not so what that leads to.
//   RECLAIM  Destructors of all, then the links that leave the set, then memory.
//
// That other threads change the counts of handles meanwhile does no harm: they can do it to what they hold, which is alive.
// One that got hold of a white object through a weak reference and released it again has left nothing behind but QUEUED. It
// is the counts at the commit that decide, and white objects leave the inbox then (F2).
//
// tests/model has all that: its rules ALL_* are what this leans on, and FINAL_JUDGE.
//
//   A1  Callbacks run inside the heap of their object. All heaps are busy and reaping meanwhile, so what dies then waits,
//       and collections and merges that they ask for do nothing.
//   A2  An object in one of the heaps has GRAPH, and its index is its node's number, from COUNT on until it is retired.
//   A3  An object that loses a handle and has a link from another heap still has a handle to its own, and is no suspect
//       (R1); if it is in a cycle that spans heaps, nothing tells that this is garbage now. So after callbacks everything is
//       looked at once more, as soon as some slot has had a link to another heap.
#include "cc/graph.h"
#include "cc/pauses.h"
#include "cc/reclaim.h"

enum {
    ROUNDS = 64,    // of callbacks that make more garbage
    RING = 32,      // a power of two: slots that were read and whose targets are on their way from memory
    NODE_AHEAD = 12 // of these, so many have their nodes fetched, too
};

#define WATCHED CC_OPEN // has weak references or is QUEUED; the white ones of these are a list, threaded through ext
#define UPGRADED CC_LATE

struct all {
    struct rc_visitor visitor;
    struct rc_heap *heaps; // those that are held
    struct rc_heap *heap;  // of them, the one whose objects are gone through
    struct cc *cc;         // of the first; the graph is there
    void (*meet)(struct all *all, struct rc__header *target);
    struct rc__header *ring[RING]; // entries [first, end), counted without end
    size_t first, end;
    uint32_t watched;
    bool any_finalize, any_destroy;
    uint8_t at_door[sizeof rc__doors / sizeof *rc__doors]; // the heap with that door is one of them
};

#define EACH_HEAP(all, heap) for (struct rc_heap *heap = (all)->heaps; heap; heap = heap->next_held)
#define EACH_NODE(heap, n) for (uint32_t n = (heap)->cc.share; n < (heap)->cc.share_end; n++)

static bool is_member(const struct all *all, const struct rc__header *h) {
    return rc__heap(h) && all->at_door[rc__door_of(rc__cls(h) >> 1) - rc__doors];
}

static struct cc_node *node_of(const struct all *all, const struct rc__header *h) {
    assert(rc__index(h) < all->cc->node_count); // A2
    assert(h->word & RC__GRAPH); // A2
    return cc_node(all->cc, rc__index(h));
}

// ---- COUNT

// Handles, as counted by everybody, or -1 if they are beyond counting. [shared] is what was read of that.
static int64_t handles_of(const struct rc__header *h, uint32_t shared) {
    assert(rc__is_object(h));
    int64_t handles = rc__handles(h) + (int64_t)rc__sum(shared);
    return h->word & RC__IMMORTAL || shared & RC__STUCK || handles < 0 ? -1 : handles;
}

static int64_t handles_now(const struct rc__header *h) {
    return handles_of(h, rc__atomic_load(&h->shared));
}

// The node of [h], for which there is room. Its edge is the number of its references. `shared` is read once: if another
// thread's release is in it, so is the mark that it left before.
static void discover(struct rc__header *h, void *arg) {
    assert(!(h->word & RC__GRAPH));
    struct all *all = arg;
    assert(rc__is_object(h) && rc__is_mine(all->heap));
    assert(all->cc->node_count < all->cc->node_room);
    if (rc__is_dead(h))
        return;
    uint32_t shared = rc__atomic_load(&h->shared);
    int64_t handles = handles_of(h, shared);
    if (h->word & RC__SUSPECT)
        cc_unsuspect(all->heap, h);
    uint32_t n = all->cc->node_count++;
    struct cc_node *node = cc_node(all->cc, n);
    node->object = (uintptr_t)h | (shared & (RC__WEAK | RC__QUEUED) ? WATCHED : 0) | (rc__class(h)->both ? CC_BOTH : 0);
    node->ext = node->edge = handles < 0 ? CC_HELD : (uint32_t)(rc__links(h) + (uint64_t)handles);
    h->word = (h->word & ~(RC__INDEX_MASK | RC__LED)) | n | RC__GRAPH;
}

static bool discover_all(struct all *all) {
    assert(all->cc == &all->heaps->cc);
    size_t objects = 0;
    EACH_HEAP(all, heap)
        objects += heap->objects;
    if (objects >= RC__INDEX_MAX) // LCOV_EXCL_BR_LINE: 2^27 objects do not fit into a test
        return false;             // LCOV_EXCL_LINE: they do not
    all->cc->node_count = 0;
    all->cc->node_room = all->cc->nodes.chunks * (size_t)CC_NODES;
    while (all->cc->node_room <= objects)
        if (!cc_more_nodes(all->heaps))
            return false;
    EACH_HEAP(all, heap) {
        all->heap = heap;
        heap->cc.share = all->cc->node_count;
        rc__each_object(heap, discover, all);
        heap->cc.share_end = all->cc->node_count;
        heap->stats.nodes += heap->cc.share_end - heap->cc.share;
    }
    return true;
}

static void meet_oldest(struct all *all) {
    assert(all->end != all->first && all->end - all->first <= RING);
    if (all->end - all->first > NODE_AHEAD) {
        const struct rc__header *h = all->ring[(all->first + NODE_AHEAD) % RING];
        if (is_member(all, h) && h->word & RC__GRAPH) // in RECLAIM, what is alive has left the graph
            __builtin_prefetch(node_of(all, h), 1);
    }
    all->meet(all, all->ring[all->first++ % RING]);
}

static void meet_all(struct all *all) {
    while (all->first != all->end)
        meet_oldest(all);
}

static void read_slots(struct rc_visitor *visitor, char *first, size_t n) {
    assert(first || !n);
    struct all *all = (struct all *)visitor;
    for (; n; n--, first += sizeof(void *)) {
        void *target = rc__load(first);
        if (!target)
            continue;
        __builtin_prefetch(RC__HEADER(target), 1);
        all->ring[all->end++ % RING] = RC__HEADER(target);
        if (all->end - all->first == RING)
            meet_oldest(all);
    }
}

static void read_object(struct all *all, struct rc__header *h) {
    assert(rc__is_object(h));
    const struct rc__class *c = rc__class(h);
    if (c->small)
        for (uint32_t i = 0; i < c->slot_count; i++)
            read_slots(&all->visitor, (char *)rc__payload(h) + c->slot[i], 1);
    else
        rc__trace(h, &all->visitor, 0, RC__ALL_SLOTS);
}

static void count_slot(struct all *all, struct rc__header *target) {
    if (!rc__heap(target)) {
        rc__fault(RC_FAULT_SLOT, "rc_collect_heaps", target, "is dead but in a slot (written by hand?)");
    } else if (is_member(all, target)) {
        struct cc_node *node = node_of(all, target);
        if (node->ext == 0) {
            rc__fault(RC_FAULT_TRACE, "rc_collect_heaps", target,
                      "is reported by more slots than it has links (a slot reported twice, or written by hand?)");
            node->ext = CC_HELD;
            rc__class(target)->heap->cc.in_doubt = true;
        }
        node->ext -= !(node->ext & CC_HELD);
    }
}

static void count_all(struct all *all) {
    assert(all->first == all->end);
    all->meet = count_slot;
    EACH_HEAP(all, heap) {
        size_t before = all->end;
        EACH_NODE(heap, n) {
            struct cc_node *node = cc_node(all->cc, n);
            cc_prefetch(node);
            read_object(all, cc_object(node));
        }
        heap->stats.edges += all->end - before;
    }
    meet_all(all);
}

// ---- SCAN

// To one that is BOTH, what comes from something alive is external again; when all is, it is alive.
static void reach(struct all *all, struct rc__header *target) {
    assert(all->cc->node_count > 0);
    if (!is_member(all, target))
        return;
    struct cc_node *node = node_of(all, target);
    if (node->object & CC_ALIVE || (node->object & CC_BOTH && ++node->ext < node->edge))
        return;
    cc_set_alive(all->cc, rc__index(target));
}

static void flood(struct all *all) {
    assert(cc_is_number(all->cc, all->cc->alive));
    struct cc *cc = all->cc;
    while (cc->alive != CC_NONE || all->first != all->end) {
        if (cc->alive == CC_NONE) {
            meet_oldest(all);
            continue;
        }
        struct cc_node *node = cc_node(cc, cc->alive);
        cc->alive = node->ext;
        read_object(all, cc_object(node));
    }
}

static void scan(struct all *all) {
    assert(all->first == all->end);
    all->meet = reach;
    all->cc->alive = CC_NONE;
    for (uint32_t n = 0; n < all->cc->node_count; n++) {
        struct cc_node *node = cc_node(all->cc, n);
        bool held = node->object & CC_BOTH ? node->ext >= node->edge : node->ext;
        if (held && !(node->object & CC_ALIVE)) {
            cc_set_alive(all->cc, n);
            flood(all);
        }
    }
}

// What is to be done for the white objects. Returns how many there are.
static size_t note_white(struct all *all) {
    assert(all->first == all->end);
    size_t white = 0;
    all->any_finalize = all->any_destroy = false;
    all->watched = CC_NONE;
    for (uint32_t n = 0; n < all->cc->node_count; n++) {
        struct cc_node *node = cc_node(all->cc, n);
        if (node->object & CC_ALIVE)
            continue;
        const struct rc__header *h = cc_object(node);
        const struct rc__class *c = rc__class(h);
        node->object |= CC_WHITE;
        all->any_finalize |= c->has_finalize && !(h->word & RC__FINALIZED);
        all->any_destroy |= rc__has_destructor(c);
        if (node->object & WATCHED) {
            node->ext = all->watched;
            all->watched = n;
        }
        white++;
        assert(white <= all->cc->node_count);
    }
    return white;
}

// ---- FINALIZE

// Calls [each] with the objects of white nodes that are not ALIVE, inside their heaps.
static void each_white(struct all *all, void (*each)(struct all *all, struct cc_node *node, struct rc__header *h)) {
    assert(each != NULL);
    EACH_HEAP(all, heap) {
        rc__enter_held(heap); // A1
        EACH_NODE(heap, n) {
            struct cc_node *node = cc_node(all->cc, n);
            cc_prefetch(node);
            if ((node->object & (CC_WHITE | CC_ALIVE)) == CC_WHITE)
                each(all, node, cc_object(node));
        }
        meet_all(all);
        rc__leave_held(heap);
    }
}

static bool awaits_finalizer(const struct rc__header *h) {
    assert(rc__is_object(h));
    return !rc__is_dead(h) && rc__class(h)->has_finalize && !(h->word & RC__FINALIZED);
}

// Of its references those that are handles. It has the links that it had when they were counted.
static void keep_handles(struct all *all, struct cc_node *node, struct rc__header *h) {
    assert(node->object & CC_WHITE && node->edge >= rc__links(h));
    (void)all;
    node->edge -= (uint32_t)rc__links(h);
}

// One that somebody got hold of in the meantime has come back to life, and is spared.
static void finalize(struct all *all, struct cc_node *node, struct rc__header *h) {
    assert(rc__is_mine(all->heap) || rc__here != RC__NOWHERE);
    (void)all;
    if (!awaits_finalizer(h) || handles_now(h) > (int64_t)node->edge)
        return;
    h->word |= RC__FINALIZED;
    rc_retain(rc__payload(h));
    rc__call_finalize(h);
    rc_release(rc__payload(h));
}

// ---- COMMIT

static void lock_doors(struct all *all) {
    EACH_HEAP(all, heap)
        rc__lock(&heap->door->lock);
}

static void unlock_doors(struct all *all) {
    EACH_HEAP(all, heap)
        rc__unlock(&heap->door->lock);
}

// Under the locks: the white objects with more or less references than were counted are UPGRADED. Whether there are some.
static bool find_upgraded(struct all *all) {
    assert(cc_is_number(all->cc, all->watched));
    bool found = false;
    for (uint32_t n = all->watched; n != CC_NONE; n = cc_node(all->cc, n)->ext) {
        struct cc_node *node = cc_node(all->cc, n);
        const struct rc__header *h = cc_object(node);
        if ((int64_t)rc__links(h) + handles_now(h) == (int64_t)node->edge)
            continue;
        node->object |= UPGRADED;
        found = true;
    }
    return found;
}

// What is BOTH is kept for one, too: what else led to it is not known any more.
static void reach_any(struct all *all, struct rc__header *target) {
    if (is_member(all, target) && !(node_of(all, target)->object & CC_ALIVE))
        cc_set_alive(all->cc, rc__index(target));
}

// They are alive, and what they reach.
static void pardon(struct all *all) {
    assert(all->first == all->end);
    all->meet = reach_any;
    all->cc->alive = CC_NONE;
    for (uint32_t n = 0; n < all->cc->node_count; n++) {
        struct cc_node *node = cc_node(all->cc, n);
        if (node->object & UPGRADED) {
            node->object &= ~UPGRADED;
            if (!(node->object & CC_ALIVE)) {
                cc_set_alive(all->cc, n);
                flood(all);
            }
        }
    }
}

// In an inbox there may be dead ones, too: what died in a destructor after that was looked through.
static bool is_white(const struct all *all, const struct rc__header *h) {
    return h->word & RC__GRAPH && (node_of(all, h)->object & (CC_WHITE | CC_ALIVE)) == CC_WHITE;
}

// Under the locks: white objects leave the inboxes.
static void leave_inboxes(struct all *all) {
    assert(all->watched != CC_NONE);
    EACH_HEAP(all, heap) {
        struct rc__door *door = heap->door;
        for (size_t i = 0; i < door->inbox_count;) {
            struct rc__header **entry = rc__pointer_at(&door->inbox, i);
            if (!is_white(all, *entry)) {
                i++;
                continue;
            }
            rc__unqueue(*entry);
            *entry = *rc__pointer_at(&door->inbox, --door->inbox_count);
        }
    }
}

// Under the locks: weak references to white objects give NULL from here on.
static void forget(struct all *all) {
    assert(cc_is_number(all->cc, all->watched));
    bool any_queued = false;
    for (uint32_t n = all->watched; n != CC_NONE; n = cc_node(all->cc, n)->ext) {
        struct rc__header *h = cc_object(cc_node(all->cc, n));
        uint32_t shared = rc__atomic_load(&h->shared);
        if (shared & RC__WEAK)
            rc__weak_forget(rc__heap(h), h);
        any_queued |= shared & RC__QUEUED;
    }
    if (any_queued)
        leave_inboxes(all);
}

// Returns how many white objects are left, which are garbage for good, unless some await their finalizers.
static size_t commit(struct all *all, size_t white) {
    assert(white <= all->cc->node_count);
    while (white) {
        lock_doors(all);
        bool upgraded = find_upgraded(all);
        if (!upgraded && !all->any_finalize)
            forget(all);
        unlock_doors(all);
        if (!upgraded)
            break;
        pardon(all);
        white = note_white(all);
    }
    return white;
}

// All objects leave the graph, or all but the white; those that are white, or were and have been pardoned, as suspects.
static void retire(struct all *all, bool white_too) {
    assert(all->first == all->end);
    EACH_HEAP(all, heap)
        EACH_NODE(heap, n) {
            struct cc_node *node = cc_node(all->cc, n);
            bool alive = node->object & CC_ALIVE, white = node->object & CC_WHITE;
            heap->stats.pardoned += alive && white;
            if (alive || white_too)
                cc_retire(heap, node, white);
        }
}

// ---- RECLAIM

static void doom(struct all *all, struct cc_node *node, struct rc__header *h) {
    assert(h->word & RC__GRAPH); // A2
    assert(node->object & CC_WHITE && !(node->object & CC_ALIVE) && !rc__is_dead(h));
    (void)all;
    (void)node;
    h->word |= RC__DOOMED;
    rc__set_dead(h);
}

static void destruct(struct all *all, struct cc_node *node, struct rc__header *h) {
    assert(rc__is_dead(h) && h->word & RC__DOOMED);
    (void)all;
    (void)node;
    if (!rc__has_destructor(rc__class(h)))
        return;
    rc__call_destroy(h);
    for (size_t part = 0; rc__destroy_some(h, &part);)
        continue;
}

// A link that leaves the set is released. What is in it is dead.
static void leave_set(struct all *all, struct rc__header *target) {
    (void)all;
    if (!rc__is_dead(target))
        rc__unlink(rc__here, target, "rc_collect_heaps");
}

static void leave_slots(struct rc_visitor *visitor, char *first, size_t n) {
    (void)visitor;
    for (; n; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        if (obj)
            leave_set(NULL, RC__HEADER(obj));
        rc__store(first, NULL);
    }
}

static void unlink_outside(struct all *all, struct cc_node *node, struct rc__header *h) {
    assert(node->object & CC_WHITE);
    assert(rc__is_dead(h));
    (void)node;
    const struct rc__class *c = rc__class(h);
    if (c->closed) {
        read_object(all, h);
        return;
    }
    struct rc_visitor visitor = {.slots = leave_slots};
    rc__trace(h, &visitor, 0, RC__ALL_SLOTS);
    rc__release_weak_slots(rc__here, h);
    if (h->word & RC__EXTRA)
        rc__extra_forget(rc__here, h);
    if (c->has_free_slots)
        rc__call_free_slots(h);
}

static void release(struct all *all, struct cc_node *node, struct rc__header *h) {
    assert(node->object & CC_WHITE);
    assert(rc__is_dead(h) && h->word & RC__GRAPH);
    (void)all;
    (void)node;
    struct cc_reclaimed r = {.n = 0};
    cc_reclaim(rc__here, &r, h);
    cc_account(rc__here, &r);
}

// What callbacks can have left to do that a heap sees.
static size_t left_over(struct all *all) {
    size_t n = 0;
    EACH_HEAP(all, heap)
        n += heap->suspect_count + heap->dead_count + (heap->clearing != NULL) + rc__bell(heap);
    return n;
}

// A3: whether callbacks, if there are any, can have made garbage that none does.
static bool is_linked(struct all *all) {
    EACH_HEAP(all, heap)
        if (heap->outward)
            return true;
    return false;
}

static bool has_notices(struct all *all) {
    EACH_HEAP(all, heap)
        if (heap->notices)
            return true;
    return false;
}

// Returns whether callbacks may have made more garbage, or may yet.
static bool reclaim(struct all *all) {
    assert(!all->any_finalize);
    each_white(all, doom);
    size_t before = left_over(all);
    if (all->any_destroy)
        each_white(all, destruct);
    bool more = left_over(all) != before;
    all->meet = leave_set;
    each_white(all, unlink_outside);
    each_white(all, release);
    return more || ((all->any_destroy || has_notices(all)) && is_linked(all));
}

// ---- the whole

static void set_busy(struct all *all, bool busy, bool reaping) {
    EACH_HEAP(all, heap) {
        heap->cc.busy = busy;
        heap->reaping = reaping;
    }
}

// Collections under way end, the dead are destroyed, notices called, the inboxes looked through.
static void quiesce(struct all *all) {
    EACH_HEAP(all, heap) {
        uint32_t at = 0;
        rc__enter_held(heap);
        cc_settle(heap);
        rc__reap(heap, SIZE_MAX);
        rc__bell_silence(heap);
        rc__drain(heap, &at, SIZE_MAX);
        rc__reap(heap, SIZE_MAX);
        rc__leave_held(heap);
    }
}

enum outcome { OUT_OF_MEMORY, DONE, AGAIN };

static enum outcome collect_once(struct all *all) {
    assert(all->heaps && all->cc == &all->heaps->cc);
    assert(all->first == all->end);
    quiesce(all);
    if (!discover_all(all))
        return OUT_OF_MEMORY;
    set_busy(all, true, true);
    count_all(all);
    scan(all);
    size_t white = commit(all, note_white(all));
    bool again = all->any_finalize;
    if (again) {
        each_white(all, keep_handles);
        each_white(all, finalize);
    }
    retire(all, again);
    again = again || (white && reclaim(all));
    set_busy(all, true, false);
    EACH_HEAP(all, heap)
        heap->stats.collections++;
    return again ? AGAIN : DONE;
}

// The graph's memory goes, but for a chunk.
static void shrink(struct all *all) {
    assert(all->cc->node_room >= all->cc->node_count);
    cc_graph_reset(all->heaps);
    while (all->cc->nodes.chunks > 1)
        cc_memory_shrink(all->heaps, &all->cc->nodes, CC_NODE_BYTES);
}

// What is left to do in each heap: notices, suspects that lost a link from what was garbage. false if memory was out.
static bool finish(struct all *all) {
    assert(all->heaps && !all->heaps->cc.busy);
    bool ok = true;
    EACH_HEAP(all, heap) {
        rc__enter_held(heap);
        rc__reap(heap, SIZE_MAX);
        if (heap->suspect_count || rc__bell(heap))
            ok &= cc_slice(heap, UINT64_MAX, CC_BEGIN_ANY) != RC_STEP_OUT_OF_MEMORY;
        rc__leave_held(heap);
    }
    return ok;
}

static bool collect(struct all *all) {
    assert(all->heaps);
    uint64_t start = cc_now();
    enum outcome outcome = AGAIN;
    EACH_HEAP(all, heap)
        all->at_door[heap->door - rc__doors] = 1;
    set_busy(all, true, false);
    for (int round = 0; round < ROUNDS && outcome == AGAIN; round++)
        outcome = collect_once(all);
    set_busy(all, false, false);
    shrink(all);
    bool ok = outcome != OUT_OF_MEMORY && finish(all);
    uint64_t length = cc_now() - start;
    EACH_HEAP(all, heap)
        cc_pauses_slice(heap, length, UINT64_MAX);
    return ok;
}

static uint64_t reclaimed(struct all *all) {
    uint64_t n = 0;
    EACH_HEAP(all, heap)
        n += heap->stats.reclaimed_count + heap->stats.reclaimed_collect;
    return n;
}

size_t rc_collect_heaps(struct rc_heap *const *heaps, size_t n) {
    if (!heaps && n) {
        rc__fault(RC_FAULT_NULL, "rc_collect_heaps", NULL, "the array of heaps is NULL");
        return 0;
    }
    if (rc__in_callback() || !rc__can_enter("rc_collect_heaps"))
        return 0;
    struct all all = {.visitor.slots = read_slots, .heaps = rc__hold(heaps, n)};
    if (!all.heaps)
        return 0;
    all.cc = &all.heaps->cc;
    uint64_t before = reclaimed(&all);
    bool ok = collect(&all);
    size_t result = (size_t)(reclaimed(&all) - before);
    rc__let_go(all.heaps);
    if (!ok)
        errno = ENOMEM;
    return result;
}
