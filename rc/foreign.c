// SPDX-License-Identifier: MIT
// Handles from outside the heap: one atomic word, and an inbox.
//
// A thread that is not inside adds to and takes from `shared`. Before it gives up a handle it makes sure that the object
// is QUEUED, in the heap's inbox, and it does that while the handle still keeps the object alive (R3). The heap's thread
// looks through the inbox, folds shared into handles, and takes an object out only when it has no handle of any sort:
// then no other thread can touch it (but through a weak reference, which counts under the door's lock). So
//
//   F1  QUEUED, once seen by a thread that holds a handle, stays set until that handle is gone: so retain and release are one
//       plain atomic addition each, without compare-and-swap, and nothing is touched after the release;
//   F2  the memory of a QUEUED object stays;
//   F3  an object with handles stays in the inbox and is looked at again with each collection. That is the price of F1: all
//       objects that other threads have released once, and that are still held, are a list to walk.
//
// A release that leaves sum(shared) <= 0 may have been the last: it rings the bell at the heap's door. (One that leaves more,
// while the thread inside is folding that sum, does not ring; but then it is folded with the rest.) The door outlives the heap,
// which may be gone by then. The thread inside silences the bell before it looks at any sum, the others look at the bell after
// they have changed a sum, all in full order: so no release is missed.
//
//   F4  A merge gives classes another door, under the locks of both doors. So whoever has locked a door looks once more whether
//       it still is that of the class; and whoever has rung a bell at a door that no longer is rings at the new one, too. A
//       bell that was found rung was rung by somebody who does the same, since the merge writes the new doors before it
//       silences the old bell.
//
//   F5  INBOX, beside the class, says that the object is QUEUED. Whoever releases has to read the class anyway, but need not
//       read `shared` then, which takes long right after somebody has added to it. Other threads set INBOX while they hold a
//       handle and the object is QUEUED; the thread inside clears it before it clears QUEUED. It may be lost when the thread
//       inside stores handles: then it is set again. An object that is STUCK has no INBOX. The thread inside clears it after
//       it has set STUCK; another thread, which sets INBOX and then releases, sees from the value before its addition whether
//       it has to clear it. Both change `shared`, so the later one of the two knows of all that the earlier one did before,
//       in whatever order the processor does things.
#include "object.h"

struct rc__door rc__doors[1 << 14];
AO_t rc__bells[1 << 14];
uint16_t rc__class_door[1 << 15];

// C4: [h] got one handle too many. That is taken back once everybody can see that it is not needed (STUCK).
static void retained_too_often(struct rc__header *h, const char *call) {
    assert(rc__is_object(h) && call);
    bool known = rc__atomic_load(&h->shared) & RC__STUCK;
    if (!known)
        rc__atomic_set_bits(&h->shared, RC__STUCK);
    rc__atomic_add(&h->shared, -RC__SHARED_ONE);
    if (!known)
        rc__fault(RC_FAULT_SATURATED, call, h, "has too many handles and is immortal from here on");
}

void rc__retained_too_often(void *obj) {
    retained_too_often(RC__HEADER(obj), "rc_retain");
}

void rc__foreign_retain(struct rc__header *h, const char *call) {
    assert(call != NULL);
    assert(rc__heap(h) && !rc__is_inside(h));
    if (rc__sum(rc__atomic_add(&h->shared, RC__SHARED_ONE)) >= RC__SHARED_LIMIT)
        retained_too_often(h, call);
}

struct rc__door *rc__door_lock(const struct rc__header *h) { // F4
    for (;;) {
        assert(rc__is_object(h));
        struct rc__door *door = rc__door_of(rc__cls(h) >> 1);
        rc__lock(&door->lock);
        if (rc__door_of(rc__cls(h) >> 1) == door)
            return door;
        rc__unlock(&door->lock);
    }
}

// Puts [h], of which the caller holds a handle, into the inbox.
void rc__queue(struct rc__header *h) {
    assert(!rc__is_dead(h));
    assert(rc__heap(h));
    struct rc__door *door = rc__door_lock(h);
    if (!(rc__atomic_load(&h->shared) & RC__QUEUED)) {
        assert(door->inbox_count < door->inbox.chunks * RC__CHUNK_POINTERS); // R3
        rc__atomic_set_bits(&h->shared, RC__QUEUED);
        *rc__pointer_at(&door->inbox, door->inbox_count++) = h;
        assert(door->heap != NULL);
    }
    rc__unlock(&door->lock);
}

void rc__rouse(struct rc__door *door) {
    rc__lock(&door->lock);
    if (door->heap && door->wake)
        door->wake(door->wake_arg);
    rc__unlock(&door->lock);
}

void rc__ring(uint16_t n) {
    assert(n && n < 1 << 15);
    struct rc__door *door, *now = rc__door_of(n);
    do {
        door = now;
        if (!rc__word_load(rc__bell_at(door)) && rc__word_change(rc__bell_at(door), 0, 1))
            rc__rouse(door);
        now = rc__door_of(n);
    } while (now != door); // F4
}

void rc__door_merge(struct rc_heap *into, struct rc_heap *from) {
    assert(rc__is_mine(into) && rc__is_mine(from));
    assert(into != from && into->door != from->door);
    assert(into->door->inbox_count + from->door->inbox_count <= into->reserved);
    struct rc__door *to = into->door, *old = from->door;
    assert(to->heap == into && old->heap == from);
    rc__must_hold(&to->lock);
    rc__must_hold(&old->lock);
    for (size_t i = 0; i < old->inbox_count; i++)
        *rc__pointer_at(&to->inbox, to->inbox_count++) = *rc__pointer_at(&old->inbox, i);
    old->inbox_count = 0;
    assert(to->inbox_count <= to->inbox.chunks * RC__CHUNK_POINTERS); // R3
    // Read-modify-write operations: whoever finds the old bell rung, or the old door linked, after them, finds the new doors,
    // too.
    if (rc__word_add(&old->linked, 0))
        rc__word_store(&to->linked, 1);
    if (rc__word_add(rc__bell_at(old), 0) && rc__word_change(rc__bell_at(to), 0, 1) && to->wake)
        to->wake(to->wake_arg);
}

// [h] is not in the inbox any more, and nobody holds a handle of it. Under the door's lock.
void rc__unqueue(struct rc__header *h) {
    assert(rc__is_object(h));
    if (rc__both(h) & RC__INBOX && !rc__is_dead(h))
        rc__set_both(h, rc__handles(h), rc__cls(h)); // F5
    rc__atomic_clear_bits(&h->shared, RC__QUEUED);
}

void rc__foreign_release(struct rc__header *h, const char *call) {
    assert(call != NULL);
    if (rc__is_dead(h) && h->word & RC__DOOMED) {
        if (rc__handles(h) == 0)
            rc__fold(h, call);
        if (rc__handles(h)) {
            rc__set_handles(h, rc__handles(h) - 1u); // a destructor gives up a handle of what dies with it
            return;
        }
    }
    if (!rc__heap(h)) {
        rc__fault_dead(call, h);
        return;
    }
    uint16_t n = rc__cls(h) >> 1;
    uint32_t now = rc__atomic_load(&h->shared);
    if (now & RC__STUCK)
        return;
    if (!(now & RC__QUEUED))
        rc__queue(h);
    if (!(rc__both(h) & RC__INBOX))
        rc__atomic_set_bits(&h->both, RC__INBOX); // F5
    uint32_t before = rc__atomic_add_full(&h->shared, -RC__SHARED_ONE);
    if (before & RC__STUCK) // LCOV_EXCL_BR_LINE: as below
        rc__atomic_clear_bits(&h->both, RC__INBOX); // what is STUCK stays. LCOV_EXCL_LINE: tests/schedule, two threads at once
    else if (rc__sum(before) <= 1) // [h] may be gone by now
        rc__ring(n);
}

// Looks at the inbox's entry [i] under the lock. true: [h] has left the inbox.
static bool leaves_inbox(struct rc__header *h) {
    assert(rc__is_object(h));
    assert(rc__atomic_load(&h->shared) & RC__QUEUED);
    if (!rc__is_dead(h)) {
        if (h->word & RC__IMMORTAL || !rc__fold(h, "rc_release") || rc__handles(h))
            return false;
    }
    rc__unqueue(h);
    return true;
}

bool rc__drain(struct rc_heap *heap, uint32_t *at, size_t limit) {
    assert(rc__is_mine(heap) && heap->door->heap == heap);
    assert(limit > 0);
    enum { BATCH = 32 };
    struct rc__header *left[BATCH];
    struct rc__door *door = heap->door;
    bool reaping = heap->reaping;
    bool more = true;
    heap->reaping = true; // so that one that dies now does not take another one of the batch with it
    assert(heap->cc.phase == RC_PHASE_INBOX || heap->cc.phase == RC_PHASE_IDLE);
    while (more && limit) {
        size_t n = 0;
        rc__lock(&door->lock);
        for (size_t i = 0; i < BATCH && limit && *at < door->inbox_count; i++, limit--) {
            struct rc__header **entry = rc__pointer_at(&door->inbox, *at);
            if (leaves_inbox(*entry)) {
                left[n++] = *entry;
                *entry = *rc__pointer_at(&door->inbox, --door->inbox_count);
            } else {
                ++*at;
            }
        }
        more = *at < door->inbox_count;
        assert(*at <= door->inbox_count && n <= BATCH);
        rc__unlock(&door->lock);
        for (size_t i = 0; i < n; i++) {
            if (!rc__is_dead(left[i]))
                rc__lost(heap, left[i]);
            else if (left[i]->word & RC__HUSK && !(left[i]->word & RC__GRAPH))
                rc__bury(heap, left[i]);
        }
    }
    heap->reaping = reaping;
    return more;
}

void rc_heap_set_wake(struct rc_heap *heap, void (*wake)(void *arg), void *arg) {
    assert(!heap || heap->door);
    if (!heap) {
        rc__fault(RC_FAULT_NULL, "rc_heap_set_wake", NULL, "the heap is NULL");
        return;
    }
    rc__lock(&heap->door->lock);
    heap->door->wake = wake;
    heap->door->wake_arg = arg;
    rc__unlock(&heap->door->lock);
}

// Before the inbox is looked through: work that is left from here on rings anew.
void rc__bell_silence(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    (void)rc__word_change(rc__bell_at(heap->door), 1, 0);
}

// The thread inside has made work for the inbox itself: nobody needs to be woken.
void rc__bell_strike(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    rc__word_store(rc__bell_at(heap->door), 1);
}

bool rc__bell(const struct rc_heap *heap) {
    return rc__word_load(rc__bell_at(heap->door));
}

size_t rc__inbox_count(struct rc_heap *heap) {
    assert(heap->door && heap->door->heap == heap);
    rc__lock(&heap->door->lock);
    size_t n = heap->door->inbox_count;
    rc__unlock(&heap->door->lock);
    return n;
}
