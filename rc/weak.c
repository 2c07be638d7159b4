// SPDX-License-Identifier: MIT
// Weak references. An object that has one has the bit WEAK and a block, found by a small hash table of its heap; all weak
// references to the object are references to that block.
//
//     object (WEAK) <- - - block.object        block.references = rc_weak handles and slots + 1 for the table
//
//   W1  block->object and the table change under the door's lock; and, except that any thread may add a block, they are changed
//       by the thread inside only. An upgrade holds the lock.
//   W2  An upgrade counts the new handle before it gives up the lock; death looks at the count under the lock.
//   W3  (R8) A block condemned in the collection under way pardons its object when it is upgraded, until the commit, which
//       is one assignment under the lock; after it, upgrades give NULL.
//   W4  Notices stay with the block until its object dies, and keep it until they are called.
//   W5  heap->weak_memory is the memory of the table and of the blocks in it; written under the door's lock. A block whose
//       object is dead belongs to no heap: it stays as long as somebody has a reference, perhaps longer than the heap.
//   W6  Such blocks are counted (left). Where its object is forgotten a block either is freed, if the table's reference was the
//       last, or it is counted; whoever gives up the last reference takes it off the count, perhaps a moment before that.
#include "object.h"

#include <stdlib.h>

struct notice {
    struct notice *next;
    void (*notify)(void *arg);
    void *arg;
};

struct rc_weak {
    AO_t references;
    struct rc__header *object; // NULL: dead
    AO_t door;                 // a struct rc__door *; a merge changes it under both locks (F4)
    uint32_t condemned;        // the round of the collection that did, or 0
    bool dying;                // counted dead, and the finalizer yet to run: upgrades give NULL
    bool pardoned;             // on the list of those
    struct rc_weak *next_pardon, *next_notice;
    struct notice *notices;
};

enum { FEW = 16 }; // places, of the first table

static AO_t left; // W6

static size_t place_of(const struct rc__weak_table *t, const struct rc__header *h) {
    assert((t->mask & (t->mask + 1)) == 0);
    return ((uintptr_t)h >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20 & t->mask;
}

// The place of [h] in the table, or the free one where it would be.
static size_t table_find(const struct rc__weak_table *t, const struct rc__header *h) {
    assert(2 * (t->mask + 1) > t->count + t->mask); // some place is free
    assert(t->entry && t->count <= t->mask);
    size_t i = place_of(t, h);
    while (t->entry[i] && t->entry[i]->object != h)
        i = (i + 1) & t->mask;
    return i;
}

static size_t places_of(const struct rc__weak_table *t) {
    return t->entry ? t->mask + 1 : 0;
}

static bool table_has_room(const struct rc__weak_table *t) {
    return t->entry && 2 * t->count <= t->mask;
}

// W5
static size_t memory_of(const struct rc__weak_table *t) {
    return t->count * sizeof(struct rc_weak) + places_of(t) * sizeof *t->entry;
}

static void count_memory(struct rc_heap *heap) {
    rc__must_hold(&heap->door->lock);
    rc__word_store(&heap->weak_memory, memory_of(&heap->weak));
}

// Whether one more block fits under the limit, and a larger table if it takes that. Only the thread inside knows what else
// counts.
static bool fits(struct rc_heap *heap) {
    const struct rc__weak_table *t = &heap->weak;
    assert(heap->weak_memory == memory_of(t)); // W5
    size_t more = table_has_room(t) ? 0 : t->entry ? places_of(t) : FEW;
    return !rc__is_mine(heap) || rc__memory_fits(heap, sizeof(struct rc_weak) + more * sizeof *t->entry);
}

static bool table_grow(struct rc_heap *heap) {
    struct rc__weak_table *t = &heap->weak;
    assert(!t->entry || (t->mask & (t->mask + 1)) == 0);
    size_t places = t->entry ? 2 * (t->mask + 1) : FEW;
    struct rc__weak_table bigger = {calloc(places, sizeof *bigger.entry), places - 1, t->count};
    if (!bigger.entry)
        return false;
    for (size_t i = 0; t->entry && i <= t->mask; i++)
        if (t->entry[i])
            bigger.entry[table_find(&bigger, t->entry[i]->object)] = t->entry[i];
    free(t->entry);
    *t = bigger;
    count_memory(heap);
    assert(2 * t->count <= t->mask);
    return true;
}

// Takes the entry at [i] out and closes the gap (Knuth, vol. 3, 6.4, algorithm R).
static void table_remove(struct rc__weak_table *t, size_t i) {
    assert(place_of(t, t->entry[i]->object) <= t->mask);
    assert(t->count > 0 && i <= t->mask && t->entry[i]);
    for (size_t k = (i + 1) & t->mask; t->entry[k]; k = (k + 1) & t->mask) {
        size_t home = place_of(t, t->entry[k]->object);
        if (((k - home) & t->mask) >= ((k - i) & t->mask)) {
            t->entry[i] = t->entry[k];
            i = k;
        }
    }
    t->entry[i] = NULL;
    t->count--;
}

static struct rc_weak *block_new(struct rc__header *h, struct rc__door *door) {
    assert(door->heap);
    assert(!(rc__atomic_load(&h->shared) & RC__WEAK));
    struct rc_weak *weak = calloc(1, sizeof *weak);
    if (weak) {
        weak->references = 2;
        weak->object = h;
        weak->door = (AO_t)door;
    }
    return weak;
}

struct rc_weak *rc_weak_new(void *obj) {
    if (!obj)
        return NULL;
    struct rc__header *h = RC__HEADER(obj);
    if (!rc__heap(h)) {
        rc__fault(RC_FAULT_DEAD, "rc_weak_new", h, "is dead");
        errno = EINVAL;
        return NULL;
    }
    struct rc__door *door = rc__door_lock(h);
    struct rc_weak *weak = NULL;
    struct rc__weak_table *t = &door->heap->weak;
    if (rc__atomic_load(&h->shared) & RC__WEAK) {
        weak = rc_weak_retain(t->entry[table_find(t, h)]);
    } else if (fits(door->heap) && (table_has_room(t) || table_grow(door->heap)) && (weak = block_new(h, door))) {
        size_t i = table_find(t, h);
        assert(!t->entry[i]);
        t->entry[i] = weak;
        t->count++;
        count_memory(door->heap);
        rc__atomic_set_bits(&h->shared, RC__WEAK);
    }
    rc__unlock(&door->lock);
    if (!weak)
        errno = ENOMEM;
    return weak;
}

struct rc_weak *rc_weak_retain(struct rc_weak *weak) {
    assert(!weak || rc__word_load(&weak->references) > 0);
    if (weak)
        rc__word_more(&weak->references);
    return weak;
}

void rc_weak_release(struct rc_weak *weak) {
    assert(!weak || rc__word_load(&weak->references) > 0);
    if (!weak || !rc__word_less(&weak->references))
        return;
    if (weak->object) { // the reference given up was the table's
        rc__word_more(&weak->references);
        rc__fault(RC_FAULT_RELEASE, "rc_weak_release", weak->object, "has a weak reference that is released once too often");
        return;
    }
    assert(!weak->notices); // W4
    rc__word_add(&left, (AO_t)-1); // W6
    free(weak);
}

size_t rc_weak_left(void) {
    AO_t n = rc__word_load(&left);
    return n <= SIZE_MAX / 2 ? n : 0;
}

// W3, under the lock: whether the object can still be had. If it was condemned it can until the commit, and is pardoned.
static bool may_upgrade(struct rc_weak *weak, struct rc_heap *heap) {
    struct cc *cc = &heap->cc;
    rc__must_hold(&heap->door->lock);
    assert(weak->object);
    if (weak->dying)
        return false;
    if (weak->condemned != cc->round || !cc->round)
        return true;
    if (cc->committed)
        return false;
    if (!weak->pardoned) {
        weak->pardoned = true;
        weak->next_pardon = cc->pardons;
        cc->pardons = rc_weak_retain(weak);
    }
    return true;
}

static struct rc__door *door_lock(const struct rc_weak *weak) { // F4
    for (;;) {
        assert(rc__word_load(&weak->references) > 0);
        struct rc__door *door = (struct rc__door *)rc__word_load(&weak->door);
        rc__lock(&door->lock);
        if ((struct rc__door *)rc__word_load(&weak->door) == door)
            return door;
        rc__unlock(&door->lock);
    }
}

void *rc_weak_get(struct rc_weak *weak) {
    if (!weak)
        return NULL;
    void *obj = NULL;
    struct rc__door *door = door_lock(weak);
    if (weak->object && may_upgrade(weak, door->heap)) {
        obj = rc__payload(weak->object);
        rc_retain(obj); // W2
    }
    rc__unlock(&door->lock);
    return obj;
}

bool rc_weak_set(struct rc_weak **slot, void *obj) {
    if (rc__is_in_null(slot)) {
        rc__fault(RC_FAULT_NULL, "rc_weak_set", NULL, "the slot is NULL, or a field of NULL");
        return rc__fails(EINVAL);
    }
    if (!rc__slot_is_here(slot, "rc_weak_set"))
        return rc__fails(EINVAL);
    struct rc_weak *weak = rc_weak_new(obj);
    if (obj && !weak)
        return false;
    rc_weak_release(*slot);
    *slot = weak;
    return true;
}

static void enlist(struct rc_heap *heap, struct rc_weak *weak) {
    assert(rc__is_mine(heap));
    assert(!weak->object && weak->notices);
    rc_weak_retain(weak);
    weak->next_notice = heap->notices;
    heap->notices = weak;
}

// Whether the object of [weak] is dead, or of the heap that this thread is inside.
static bool is_ours(struct rc_weak *weak, const char *call) {
    struct rc__door *door = door_lock(weak);
    bool ours = !weak->object || door->heap == rc__here;
    rc__unlock(&door->lock);
    if (ours)
        return true;
    void *obj = rc_weak_get(weak);
    rc__fault(RC_FAULT_OUTSIDE, call, obj ? RC__HEADER(obj) : NULL, "is not in the heap this thread is inside");
    rc_release(obj);
    return rc__fails(EINVAL);
}

bool rc_weak_notify(struct rc_weak *weak, void (*notify)(void *arg), void *arg) {
    if (!weak || !notify) {
        rc__fault(RC_FAULT_NULL, "rc_weak_notify", NULL, "the weak reference or the function is NULL");
        return rc__fails(EINVAL);
    }
    if (!is_ours(weak, "rc_weak_notify"))
        return false;
    if (!weak->object) {
        notify(arg);
        return true;
    }
    struct notice *notice = malloc(sizeof *notice);
    if (!notice)
        return rc__fails(ENOMEM);
    *notice = (struct notice){weak->notices, notify, arg};
    weak->notices = notice;
    return true;
}

// Calls the notices of one dead object; there is one with notices.
void rc__weak_notices(struct rc_heap *heap) {
    struct rc_weak *weak = heap->notices;
    assert(rc__is_mine(heap));
    assert(weak && !weak->object && weak->notices); // W4
    heap->notices = weak->next_notice;
    struct notice *notice = weak->notices;
    weak->notices = NULL;
    while (notice) {
        struct notice *next = notice->next;
        notice->notify(notice->arg);
        free(notice);
        notice = next;
    }
    rc_weak_release(weak);
}

// Under the lock.
static struct rc_weak *block_of(struct rc_heap *heap, struct rc__header *h) {
    assert(heap->weak.count > 0);
    rc__must_hold(&heap->door->lock);
    return heap->weak.entry[table_find(&heap->weak, h)];
}

// [h] counts no reference. false: another thread has upgraded a weak reference meanwhile, so it lives.
bool rc__weak_dying(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap) && rc__links(h) == 0);
    assert(rc__atomic_load(&h->shared) & RC__WEAK && rc__handles(h) == 0);
    rc__lock(&heap->door->lock);
    bool dies = rc__sum(rc__atomic_load(&h->shared)) == 0;
    if (dies)
        block_of(heap, h)->dying = true;
    rc__unlock(&heap->door->lock);
    return dies;
}

// [h] is back among the living, for its finalizer or for good.
void rc__weak_alive(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap));
    assert(!rc__is_dead(h));
    if (!(rc__atomic_load(&h->shared) & RC__WEAK))
        return;
    rc__lock(&heap->door->lock);
    block_of(heap, h)->dying = false;
    rc__unlock(&heap->door->lock);
}

// [h] is dead for good. Under the lock.
void rc__weak_forget(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__atomic_load(&h->shared) & RC__WEAK);
    rc__must_hold(&heap->door->lock);
    size_t i = table_find(&heap->weak, h);
    assert(heap->weak.entry[i] && heap->weak.entry[i]->object == h); // W1
    struct rc_weak *weak = heap->weak.entry[i];
    table_remove(&heap->weak, i);
    count_memory(heap);
    weak->object = NULL;
    rc__atomic_clear_bits(&h->shared, RC__WEAK);
    if (weak->notices)
        enlist(heap, weak);
    if (rc__word_less(&weak->references))
        free(weak);
    else
        rc__word_add(&left, 1); // W6
}

void rc__weak_dead(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap));
    rc__lock(&heap->door->lock);
    rc__weak_forget(heap, h);
    rc__unlock(&heap->door->lock);
}

// R8: [h] is white and has a weak reference. false: it was upgraded before.
bool rc__weak_condemn(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap) && !rc__is_dead(h));
    assert(h->word & RC__GRAPH && heap->cc.phase == RC_PHASE_VALIDATE);
    assert(!heap->cc.committed); // W3
    rc__lock(&heap->door->lock);
    bool unmarked = rc__sum(rc__atomic_load(&h->shared)) == 0 && !(rc__atomic_load(&h->shared) & RC__QUEUED);
    if (unmarked) {
        struct rc_weak *weak = block_of(heap, h);
        weak->condemned = heap->cc.round;
        weak->pardoned = false;
    }
    rc__unlock(&heap->door->lock);
    return unmarked;
}

// R8: [h] was white and is not any more.
void rc__weak_pardon(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap));
    if (!(rc__atomic_load(&h->shared) & RC__WEAK))
        return;
    rc__lock(&heap->door->lock);
    block_of(heap, h)->condemned = 0;
    rc__unlock(&heap->door->lock);
}

// Takes one of the objects whose condemned weak references were upgraded off the list; NULL if there is none.
struct rc__header *rc__weak_next_pardon(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    struct rc__header *h = NULL;
    while (!h) {
        rc__lock(&heap->door->lock);
        struct rc_weak *weak = heap->cc.pardons;
        if (weak) {
            heap->cc.pardons = weak->next_pardon;
            weak->condemned = 0;
            h = weak->object; // NULL: dead by count in the meantime
        }
        rc__unlock(&heap->door->lock);
        if (!weak)
            break;
        rc_weak_release(weak);
    }
    return h;
}

// A new round begins. What was condemned before no longer is, so from here on no upgrade of that is a pardon.
void rc__weak_round(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    rc__lock(&heap->door->lock);
    heap->cc.committed = false;
    if (++heap->cc.round == 0)
        heap->cc.round = 1;
    rc__unlock(&heap->door->lock);
    while (rc__weak_next_pardon(heap))
        continue;
}

// R8: from here on, upgrades of condemned objects give NULL. false: one was pardoned before.
bool rc__weak_commit(struct rc_heap *heap) {
    assert(rc__is_mine(heap) && !heap->cc.committed);
    assert(heap->cc.phase == RC_PHASE_VALIDATE && !heap->cc.any_finalize);
    rc__lock(&heap->door->lock);
    heap->cc.committed = !heap->cc.pardons;
    rc__unlock(&heap->door->lock);
    return heap->cc.committed;
}

// Under both locks: room in [into] for the weak references of [from]. false if memory is out.
bool rc__weak_reserve(struct rc_heap *into, const struct rc_heap *from) {
    assert(into != from);
    struct rc__weak_table *t = &into->weak;
    while (from->weak.count && (!t->entry || 2 * (t->count + from->weak.count) > t->mask))
        if (!table_grow(into))
            return false;
    return true;
}

// Under both locks, with the room reserved. Nothing of [from] is condemned.
void rc__weak_merge(struct rc_heap *into, struct rc_heap *from) {
    assert(rc__is_mine(into) && rc__is_mine(from));
    assert(from->cc.phase == RC_PHASE_IDLE && into->door != from->door);
    struct rc__weak_table *t = &into->weak, *old = &from->weak;
    rc__must_hold(&into->door->lock);
    rc__must_hold(&from->door->lock);
    for (size_t i = 0; old->entry && i <= old->mask; i++) {
        struct rc_weak *weak = old->entry[i];
        if (!weak)
            continue;
        weak->condemned = 0; // a number that was of [from]'s collections
        rc__word_store(&weak->door, (AO_t)into->door);
        t->entry[table_find(t, weak->object)] = weak;
        t->count++;
    }
    old->count = 0;
    count_memory(into);
    assert(t->count == 0 || 2 * t->count <= t->mask + 1);
    struct rc_weak **last = &into->notices;
    while (*last)
        last = &(*last)->next_notice;
    *last = from->notices;
    from->notices = NULL;
}

// For inspection: whether [h] has the bit WEAK if and only if the table has it. Other threads add to the table.
bool rc__weak_is_known(struct rc_heap *heap, const struct rc__header *h) {
    assert(rc__is_mine(heap));
    const struct rc__weak_table *t = &heap->weak;
    rc__lock(&heap->door->lock);
    bool has_entry = t->entry && t->entry[table_find(t, h)], has_bit = rc__atomic_load(&h->shared) & RC__WEAK;
    rc__unlock(&heap->door->lock);
    return has_entry == has_bit;
}

// For inspection: the object at place [i] of the table, or NULL, in *h. false: there is no such place.
bool rc__weak_at(struct rc_heap *heap, size_t i, const struct rc__header **h) {
    assert(rc__is_mine(heap) && h);
    const struct rc__weak_table *t = &heap->weak;
    rc__lock(&heap->door->lock);
    bool is_place = t->entry && i <= t->mask;
    *h = is_place && t->entry[i] ? t->entry[i]->object : NULL;
    rc__unlock(&heap->door->lock);
    return is_place;
}

void rc__weak_heap_gone(struct rc_heap *heap) {
    assert(rc__is_mine(heap) && !heap->notices);
    assert(heap->weak.count == 0);
    free(heap->weak.entry);
    heap->weak = (struct rc__weak_table){0};
}
