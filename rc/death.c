// SPDX-License-Identifier: MIT
// Death by count: without recursion and without allocation, at any depth and shape.
//
// An object whose last reference goes is put on the heap's dead list, which is threaded through the dead objects' counts:
// they have none any more. One loop takes them off: finalizer, destructor, slots (which puts what dies of that on the
// list), memory. A release inside a callback only adds to the list. So a parent dies before its children.
//
// An object of a plain type (nothing but a few slots) that bears no mark is bare: only the objects that it holds can notice its
// death. It goes at once, and so do the bare ones that die with it, without coming to the list.
//
//   D1  On the list: class odd, neither SUSPECT nor LED; handles and links hold the next. In the graph it keeps its node
//       number.
//   D2  A destroyed object that is in the graph or in the inbox stays as a HUSK until it has left both (R3).
//   D3  While its finalizer runs an object is alive, held by one handle of ours. (tests/model: FINAL_DEATH)
#include "block.h"

enum {
    WAITING = 64, // objects that bare ones held, and that have not been looked at yet
    AHEAD = 8     // so many of these are on their way from memory
};

// [h] is dead, and the next one is [next]: an address of 48 bits, a multiple of 16, is 44 bits, 28 in links, 16 beside the
// class.
static void set_next_dead(struct rc__header *h, struct rc__header *next) {
    assert((uintptr_t)next % 16 == 0 && (uintptr_t)next >> 48 == 0);
    uint64_t address = (uint64_t)(uintptr_t)next >> 4;
    assert(!(h->word & RC__LED));
    h->word = (h->word & (RC__LINK_ONE - 1)) | (address >> 16) << 36;
    rc__set_both(h, (uint16_t)address, rc__cls(h) | 1);
}

static struct rc__header *next_dead(const struct rc__header *h) {
    assert(rc__is_dead(h) && !(h->word & RC__HUSK));
    return (struct rc__header *)(uintptr_t)((rc__links(h) << 16 | (rc__both(h) & 0xFFFF)) << 4);
}

void rc__call_finalize(const struct rc__header *h) {
    assert(!rc__is_dead(h) && h->word & RC__FINALIZED);
    assert(rc__handles(h));
    for (const struct rc_type *t = rc__class(h)->type; t; t = t->base)
        if (t->finalize)
            t->finalize((void *)(uintptr_t)(h + 1));
}

void rc__call_destroy(const struct rc__header *h) {
    assert(rc__is_dead(h) && !(h->word & RC__HUSK));
    for (const struct rc_type *t = rc__class(h)->type; t; t = t->base)
        if (t->destroy)
            t->destroy((void *)(uintptr_t)(h + 1));
}

bool rc__destroy_some(const struct rc__header *h, size_t *at) {
    assert(rc__is_dead(h));
    const struct rc__class *c = rc__class(h);
    size_t from = *at;
    *at = from + RC__PARTS;
    bool more = c->destroy_some && c->destroy_some((void *)(uintptr_t)(h + 1), from, *at);
    if (c->destroy_some)
        rc__called(c->heap, h, "destroy_some");
    if (more)
        return true;
    *at = 0;
    return false;
}

void rc__call_free_slots(const struct rc__header *h) {
    assert(rc__is_dead(h) || h->word & RC__GRAPH);
    for (const struct rc_type *t = rc__class(h)->type; t; t = t->base)
        if (t->free_slots)
            t->free_slots((void *)(uintptr_t)(h + 1));
}

void rc__release_weak_slots(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap) && (rc__is_dead(h) || h->word & RC__GRAPH));
    (void)heap;
    const struct rc__class *c = rc__class(h);
    for (uint32_t i = 0; i < c->weak_count; i++) {
        char *slot = (char *)rc__payload(h) + c->weak[i].offset;
        for (uint32_t k = 0; k < c->weak[i].count; k++, slot += sizeof(void *)) {
            rc_weak_release(rc__load(slot));
            rc__store(slot, NULL);
        }
    }
}

static inline void clear_slot(struct rc_heap *heap, char *slot) {
    void *obj = rc__load(slot);
    if (!obj)
        return;
    rc__store(slot, NULL);
    if (!rc__drop_link_of_held(heap, obj))
        rc__unlink(heap, RC__HEADER(obj), "rc_release");
}

static void clear_slots(struct rc_visitor *visitor, char *first, size_t n) {
    for (; n; n--, first += sizeof(void *))
        clear_slot(visitor->heap, first);
}

static void clear_row(struct rc_visitor *visitor, char *first, char *end, size_t stride) {
    for (; first < end; first += stride) {
        rc__read_ahead(first, end, stride);
        clear_slot(visitor->heap, first);
    }
}

// The memory of a destroyed object that nothing refers to any more.
void rc__bury(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_dead(h) && !(h->word & RC__GRAPH));
    assert(!(rc__atomic_load(&h->shared) & (RC__QUEUED | RC__WEAK))); // R3, D2
    if (h->word & RC__HUSK)
        heap->husks--;
    rc__block_free(heap, h);
}

static inline void end(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_dead(h) && !(h->word & (RC__SUSPECT | RC__EXTRA | RC__HUSK)));
    assert(!(rc__atomic_load(&h->shared) & RC__WEAK));
    assert(heap->objects > 0 && rc__class(h)->live > 0);
    struct rc__class *c = rc__class(h);
    size_t size;
    if (h->word & RC__GRAPH || rc__atomic_load(&h->shared) & RC__QUEUED) { // D2
        h->word |= RC__HUSK;
        heap->husks++;
        size = rc__block_size(h);
    } else {
        size = rc__block_free(heap, h);
    }
    rc__class_remove(c, 1, size);
    heap->objects--;
    heap->bytes -= size;
    heap->stats.reclaimed_count++;
}

// D1
static inline void join_dead(struct rc_heap *heap, struct rc__header *h) {
    set_next_dead(h, heap->dead);
    heap->dead = h;
    heap->dead_count++;
}

// Bare objects on their way out; and the objects that they held, which wait to lose a link. The header of each of these is
// fetched from memory when it begins to wait, and looked at after some others.
struct bare {
    struct rc_heap *heap;
    struct rc__class *c; // of the objects that are gone and not accounted for yet: since - left of them
    size_t since;
    size_t left;         // so many more may be destroyed
    struct rc__header *waiting[WAITING + RC__SMALL];
};

static inline void account(struct bare *b) {
    size_t n = b->since - b->left;
    b->since = b->left;
    b->c->live -= n;
    b->heap->objects -= n;
    b->heap->bytes -= n * b->c->cell;
    b->heap->stats.reclaimed_count += n;
}

// Takes from [h] the link that a slot of a dead object had. Returns whether [h] is dead now, and bare: then nothing else was
// done.
static __attribute__((noinline)) bool let_go(struct bare *b, struct rc__header *h) {
    uint32_t both = rc__both(h);
    if (RC__LOAD(rc__class_heap[both >> 16]) == b->heap && !(both & RC__HANDLES) &&
        (h->word & ~(RC__SUSPECT | RC__INDEX_MASK | RC__LED)) == RC__LINK_ONE && rc__classes[both >> 17].plain &&
        !rc__atomic_load(&h->shared)) {
        if (h->word & RC__SUSPECT)
            cc_unsuspect(b->heap, h);
        h->word = 0;
        return true;
    }
    account(b); // for a fault handler
    rc__unlink(b->heap, h, "rc_release");
    return false;
}

// The same. Most often [h] is of the same class as what held it: then [both] is its class, and that it has no handles.
static inline bool let_go_of_one(struct bare *b, struct rc__header *h, uint32_t both) {
    if (rc__both(h) != both || (h->word & ~RC__LED) != RC__LINK_ONE || rc__atomic_load(&h->shared))
        return let_go(b, h);
    h->word = 0;
    return true;
}

static __attribute__((noinline)) void other_cell(struct bare *b, size_t cell) {
    b->c->beyond -= cell - b->c->cell;
    b->heap->bytes -= cell - b->c->cell;
}

static __attribute__((noinline)) void other_class(struct bare *b, struct rc__class *c) {
    account(b);
    b->c = c;
}

// Those that wait, but for the first [left], lose their link; what dies of that joins the dead list.
static __attribute__((noinline)) size_t let_go_of_last(struct bare *b, size_t n, size_t left) {
    for (; n > left; n--)
        if (let_go(b, b->waiting[n - 1]))
            join_dead(b->heap, b->waiting[n - 1]);
    return n;
}

// Destroys [h], which is bare, and what dies with it, if that is bare, too; the rest joins the dead list. Destroys [limit]
// objects at most; returns what is left of that.
static size_t destroy_bare(struct rc_heap *heap, struct rc__header *h, size_t limit) {
    struct rc__class *c = rc__class(h);
    uint32_t both = rc__both(h) & ~(RC__DEAD | UINT16_MAX); // it may come from the dead list
    struct bare b;
    b.heap = heap;
    b.c = c;
    b.since = b.left = limit;
    size_t n = 0; // that wait
    for (;;) {
        for (const uint16_t *slot = c->slot, *end = slot + c->slot_count; slot < end; slot++) {
            void *obj = rc__load((char *)rc__payload(h) + *slot);
            if (obj) {
                __builtin_prefetch(RC__HEADER(obj), 1);
                b.waiting[n++] = RC__HEADER(obj);
            }
        }
        uint32_t cell = rc__cell_free(heap, h);
        b.left--;
        if (cell != c->cell)
            other_cell(&b, cell);
        do {
            if (!b.left || n == 0)
                goto done;
            size_t next = n > AHEAD ? n - AHEAD : 0;
            h = b.waiting[next];
            b.waiting[next] = b.waiting[--n];
        } while (!let_go_of_one(&b, h, both));
        if (rc__both(h) != both) {
            both = rc__both(h);
            c = rc__class(h);
            other_class(&b, c);
        }
        if (n > WAITING)
            n = let_go_of_last(&b, n, WAITING / 2);
    }
done:
    let_go_of_last(&b, n, 0);
    account(&b);
    return b.left;
}

static __attribute__((noinline)) void destroy_tree(struct rc_heap *heap, struct rc__header *h) {
    rc__set_handles(h, 0);
    heap->reaping = true;
    size_t left = destroy_bare(heap, h, heap->release_limit);
    heap->reaping = false;
    if (heap->dead || heap->notices)
        rc__reap(heap, left);
}

static inline void free_one(struct rc_heap *heap, struct rc__header *h, struct rc__class *c) {
    size_t size = rc__page_of(h)->cell;
    rc__class_remove(c, 1, size);
    heap->objects--;
    heap->bytes -= size;
    heap->stats.reclaimed_count++;
    rc__cell_free(heap, h); // last, since it may end in a call: so there is no stack frame
}

static __attribute__((noinline)) void die_in_turn(struct rc_heap *heap, struct rc__header *h) {
    rc__set_handles(h, 0);
    join_dead(heap, h);
    if (!heap->reaping)
        rc__reap(heap, heap->release_limit);
}

void rc__die_unmarked(struct rc_heap *heap, struct rc__header *h, struct rc__class *c) {
    assert(rc__is_unmarked(h) && rc__handles(h) <= 1 && c == rc__class(h));
    if (!c->plain || heap->reaping || heap->dead) {
        die_in_turn(heap, h);
        return;
    }
    for (const uint16_t *slot = c->slot, *end = slot + c->slot_count; slot < end; slot++)
        if (rc__load((char *)rc__payload(h) + *slot)) {
            destroy_tree(heap, h);
            return;
        }
    free_one(heap, h, c);
}

// An object that has nothing but a few slots.
static void destroy_closed(struct rc_heap *heap, struct rc__header *h) {
    assert(heap->reaping && rc__class(h)->closed);
    const struct rc__class *c = rc__class(h);
    if (rc__atomic_load(&h->shared) & RC__WEAK)
        rc__weak_dead(heap, h);
    for (uint32_t i = 0; i < c->slot_count; i++) {
        void *obj = rc__load((char *)rc__payload(h) + c->slot[i]);
        if (obj)
            rc__unlink(heap, RC__HEADER(obj), "rc_release");
    }
    end(heap, h);
}

void rc__die(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap) && rc__is_in(heap, h));
    assert(!(h->word & (RC__HUSK | RC__DOOMED | RC__IMMORTAL)) || h->word & RC__OLD);
    assert(rc__handles(h) == 0 && rc__links(h) == 0 && !rc__is_dead(h));
    assert((uintptr_t)h >> 48 == 0);
    if (rc__atomic_load(&h->shared) & RC__WEAK && !rc__weak_dying(heap, h)) // LCOV_EXCL_BR_LINE: as below
        return; // upgraded by another thread, just now. LCOV_EXCL_LINE: tests/schedule, two threads at once
    if (h->word & RC__SUSPECT) {
        if (!(h->word & RC__GRAPH))
            cc_unsuspect(heap, h);
        h->word &= ~RC__SUSPECT;
    }
    h->word &= ~(RC__OLD | RC__LED); // a suspect may be LED without a link: another thread held it when the last one went
    if (h->word & RC__GRAPH)
        cc_died(heap, h);
    die_in_turn(heap, h);
}

// D3. The object is alive again, at least for a moment.
static void finalize(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_dead(h) && !(h->word & RC__FINALIZED));
    assert(heap->reaping);
    h->word = (h->word & (RC__LINK_ONE - 1)) | RC__FINALIZED;
    rc__set_both(h, 1, rc__cls(h) & ~1);
    rc__note_taken(h);
    rc__weak_alive(heap, h);
    rc__call_finalize(h);
    rc__called(heap, h, "finalize");
    rc_release(rc__payload(h));
}

// The next piece of the object that is being cleared: of its parts, then of its slots; at the end its memory goes.
static void clear_piece(struct rc_heap *heap) {
    assert(heap->reaping && heap->clearing && rc__is_dead(heap->clearing));
    struct rc__header *h = heap->clearing;
    const struct rc__class *c = rc__class(h);
    if (heap->clearing_parts) {
        heap->clearing_parts = rc__destroy_some(h, &heap->cleared);
        if (heap->clearing_parts)
            return;
    }
    struct rc_visitor clear = {.slots = clear_slots, .row = clear_row, .heap = heap};
    if (rc__trace(h, &clear, heap->cleared, heap->cleared + RC__PIECE)) {
        heap->cleared += RC__PIECE;
        return;
    }
    heap->clearing = NULL;
    if (c->weak_count)
        rc__release_weak_slots(heap, h);
    if (h->word & RC__EXTRA)
        rc__extra_forget(heap, h);
    if (c->has_free_slots)
        rc__call_free_slots(h);
    end(heap, h);
}

static void destroy(struct rc_heap *heap, struct rc__header *h, const struct rc__class *c) {
    if (c->has_finalize && !(h->word & RC__FINALIZED)) {
        finalize(heap, h);
        return;
    }
    if (c->closed) {
        destroy_closed(heap, h);
        return;
    }
    if (rc__atomic_load(&h->shared) & RC__WEAK)
        rc__weak_dead(heap, h);
    if (c->has_destroy) {
        rc__call_destroy(h);
        rc__called(heap, h, "destroy");
    }
    heap->clearing = h;
    heap->cleared = 0;
    heap->clearing_parts = c->destroy_some != NULL;
    clear_piece(heap);
}

// Destroys the first on the dead list, and more if it is bare. Returns what is left of [limit].
static inline size_t reap_first(struct rc_heap *heap, size_t limit) {
    struct rc__header *h = heap->dead;
    const struct rc__class *c = rc__class(h);
    heap->dead = next_dead(h);
    heap->dead_count--;
    if (c->plain && !(h->word & (RC__LINK_ONE - 1)) && !rc__atomic_load(&h->shared))
        return destroy_bare(heap, h, limit);
    destroy(heap, h, c);
    return limit - 1;
}

// Puts the dead of [from] on the list of [into], before its own.
void rc__dead_merge(struct rc_heap *into, struct rc_heap *from) {
    assert(!from->clearing && (from->dead != NULL) == (from->dead_count > 0));
    struct rc__header *last = from->dead;
    if (!last)
        return;
    while (next_dead(last))
        last = next_dead(last);
    set_next_dead(last, into->dead);
    into->dead = from->dead;
    into->dead_count += from->dead_count;
    from->dead = NULL;
    from->dead_count = 0;
}

size_t rc__reap(struct rc_heap *heap, size_t limit) {
    assert(rc__is_mine(heap));
    assert(!heap->reaping);
    heap->reaping = true;
    while (limit) {
        if (heap->dead && !heap->clearing) {
            limit = reap_first(heap, limit);
            continue;
        }
        limit--;
        if (heap->clearing)
            clear_piece(heap);
        else if (heap->notices)
            rc__weak_notices(heap);
        else if (!rc__rubbish_some(heap))
            break;
    }
    heap->reaping = false;
    return limit;
}
