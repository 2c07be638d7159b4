// SPDX-License-Identifier: MIT
// Handles and links, from inside the heap: plain integers. What another thread does to an object is in foreign.c.
//
//   C1  handles + sum(shared) + links = references to the object; at 0 it dies, at the call that took the last.
//   C2  Every path that takes a reference away ends in lost(), which is where R1 is kept; but for the last handle of what
//       has no mark and no link, which dies at once, or is LED, which R1 leaves out (rc__release_here).
//   C3  A link made to an object in the graph marks it SUSPECT (R5). So does a move, which changes no count.
//   C4  A count at its limit makes the object immortal; none ever wraps.
#include "object.h"

// Puts [h] beyond counting.
static void make_immortal(struct rc__header *h) {
    assert(rc__is_mine(rc__heap(h)));
    assert(!rc__is_dead(h));
    h->word |= RC__IMMORTAL;
    rc__atomic_set_bits(&h->shared, RC__STUCK);
    rc__set_both(h, RC__HANDLES_MAX, rc__cls(h)); // F5: no INBOX, after STUCK
}

// Moves what other threads did to the count of handles into [h]'s own; a part that does not fit stays. After this,
// handles is 0 only if nobody holds one. false after a fault: more releases than retains.
//
// A release by another thread that comes between the two looks at the sum has seen a larger sum than is left in the end, and so
// may not have rung (foreign.c). Therefore what it did is moved, too.
//
// A sum that has been at its limit counts fewer handles than there are. That is seen here, before [h] is found to have none.
bool rc__fold(struct rc__header *h, const char *call) {
    assert(!rc__is_dead(h) || h->word & RC__DOOMED);
    for (;;) {
        uint32_t shared = rc__atomic_load(&h->shared);
        if (shared & RC__STUCK && !rc__is_dead(h))
            make_immortal(h); // C4
        int32_t sum = rc__sum(shared);
        if (!sum || h->word & RC__IMMORTAL)
            return true;
        int64_t total = (int64_t)rc__handles(h) + sum;
        int64_t fits = total > RC__SPILL ? RC__SPILL : total;
        int32_t before = rc__sum(rc__atomic_add(&h->shared, (uint32_t)(fits - rc__handles(h)) * -RC__SHARED_ONE));
        if (total < 0) {
            rc__set_handles(h, 0);
            rc__fault(RC_FAULT_RELEASE, call, h, "was released more often than retained");
            return false;
        }
        rc__set_handles(h, (unsigned)fits);
        if (before >= sum)
            return true;
    }
}

// Returns how many are left.
static inline unsigned less_handle(struct rc__header *h) {
    assert(rc__handles(h) > 0 && !(h->word & RC__IMMORTAL)); // C4
    rc__set_handles(h, rc__handles(h) - 1u);
    return rc__handles(h);
}

// C2: [h] has lost a reference, and counts no handle. Where nothing else is to be done about that, as is usual, it becomes a
// suspect, by cc_suspect or cc_let_go.
typedef void suspect_fn(struct rc_heap *heap, struct rc__header *h);

static __attribute__((noinline)) void lost_special(struct rc_heap *heap, struct rc__header *h, suspect_fn *suspect) {
    uint32_t shared = rc__atomic_load(&h->shared);
    if (shared & ~RC__WEAK) {
        rc__fold(h, "rc_release");
        if (rc__handles(h))
            return;
        if (shared & RC__QUEUED)
            rc__bell_strike(heap); // it is to leave the inbox, and nobody else will ask for that
    }
    if (h->word < RC__LINK_ONE) {
        rc__die(heap, h);
        return;
    }
    if (rc__class(h)->first)
        rc__class_rejoin(heap, h);
    if (!(h->word & RC__SUSPECT))
        suspect(heap, h);
}

// Most objects that come here have no mark, and die: for these there is no stack frame.
static __attribute__((noinline)) void lost_or_dead(struct rc_heap *heap, struct rc__header *h, suspect_fn *suspect) {
    if (rc__is_unmarked(h))
        rc__die_unmarked(heap, h, rc__class(h));
    else
        lost_special(heap, h, suspect);
}

static inline bool is_special_loss(struct rc__header *h) {
    return rc__atomic_load(&h->shared) & ~RC__WEAK || h->word < RC__LINK_ONE || rc__class(h)->first;
}

static inline void lost(struct rc_heap *heap, struct rc__header *h, suspect_fn *suspect) {
    if (is_special_loss(h))
        lost_or_dead(heap, h, suspect);
    else if (!(h->word & RC__SUSPECT))
        suspect(heap, h);
}

static void lost_last_handle(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap) && rc__is_in(heap, h));
    assert(rc__handles(h) == 0);
    assert(!(h->word & RC__IMMORTAL));
    lost(heap, h, cc_let_go);
}

static void lost_link(struct rc_heap *heap, struct rc__header *h) {
    lost(heap, h, cc_suspect);
}

void rc__lost(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap) && rc__is_in(heap, h));
    if (!rc__handles(h))
        lost_link(heap, h);
}

// The handles of [obj], of this heap, are at their limit: a part of them moves to shared.
static __attribute__((noinline)) void *retain_many(void *obj) {
    struct rc__header *h = RC__HEADER(obj);
    assert(rc__is_inside(h) && rc__handles(h) == RC__HANDLES_MAX);
    if (h->word & RC__IMMORTAL)
        return obj;
    if (rc__sum(rc__atomic_load(&h->shared)) > RC__SHARED_LIMIT) { // C4
        make_immortal(h);
        rc__fault(RC_FAULT_SATURATED, "rc_retain", h, "has too many handles and is immortal from here on");
        return obj;
    }
    rc__atomic_add(&h->shared, RC__SPILL * RC__SHARED_ONE);
    rc__set_handles(h, rc__handles(h) - RC__SPILL + 1u);
    return obj;
}

static __attribute__((noinline)) void *retain_dead(void *obj) {
    rc__fault_dead("rc_retain", RC__HEADER(obj));
    return obj;
}

// The usual cases come first in these two, and save no registers.
void *(rc_retain)(void *obj) {
    if (!obj)
        return NULL;
    struct rc__header *h = RC__HEADER(obj);
    struct rc_heap *heap = rc__heap(h);
    if (!heap)
        return retain_dead(obj);
    rc__note_taken(h);
    if (heap != rc__here) {
        rc__retain_elsewhere(h);
        return obj;
    }
    if (rc__handles(h) == RC__HANDLES_MAX)
        return retain_many(obj);
    rc__set_handles(h, rc__handles(h) + 1u);
    return obj;
}

static __attribute__((noinline)) void release_special(struct rc__header *h) {
    assert(rc__is_inside(h));
    if (rc__handles(h) == 0) {
        if (!rc__fold(h, "rc_release"))
            return;
        if (rc__handles(h) == 0) {
            rc__fault(RC_FAULT_RELEASE, "rc_release", h, "has no handle left to release");
            return;
        }
    }
    if (h->word & RC__IMMORTAL)
        return;
    if (less_handle(h) == 0)
        lost_last_handle(rc__here, h);
}

void rc__release_here(void *obj, uint32_t both) {
    struct rc__header *h = RC__HEADER(obj);
    bool last = (both & RC__HANDLES) == 1;
    if (last && rc__is_unmarked(h))
        rc__die_unmarked(rc__here, h, &rc__classes[both >> 17]);
    else if (last && rc__is_led(rc__here, h) && !is_special_loss(h))
        RC__STORE(h->both, both - 1); // what was taken up from a slot and is let go: no frame for that either
    else
        release_special(h);
}

void rc_release(void *obj) {
    if (!obj)
        return;
    struct rc__header *h = RC__HEADER(obj);
    uint32_t both = rc__both(h);
    struct rc_heap *heap = RC__LOAD(rc__class_heap[both >> 16]);
    if (heap)
        rc__note_given(h);
    if (heap == rc__here)
        rc__release_here(obj, both);
    else if (!heap || !rc__release_elsewhere(h, both))
        rc__foreign_release(h, "rc_release");
}

// A fault if it is not; about [h], or NULL.
static inline bool is_slot(const void *slot, const struct rc__header *h, const char *call) {
    if (__builtin_expect(!rc__is_in_null(slot), 1))
        return true;
    rc__fault(RC_FAULT_NULL, call, h, "the slot is NULL, or a field of NULL");
    return false;
}

// Whether this thread may change [slot]; a fault if not. (Only checked builds know whether it may change this one; others know
// whether it is inside a heap at all.)
static bool may_change(const void *slot, const char *call) {
    if (!rc__slot_is_here(slot, call))
        return false;
    if (rc__here != RC__NOWHERE)
        return rc__slot_is_one(slot, call);
    rc__fault(RC_FAULT_OUTSIDE, call, NULL,
              "a slot is changed by a thread that is inside no heap: enter the heap of the object that it lies in");
    return false;
}

// A slot in the heap this thread is inside gets [h] of another heap. A merge will ask both heaps whether there are such slots.
static void note_outward(const struct rc__header *h) {
    assert(rc__here != RC__NOWHERE && rc__heap(h) != rc__here);
    rc__here->outward = true;
    struct rc__door *door, *now = rc__door_of(rc__cls(h) >> 1);
    do {
        door = now;
        if (!rc__word_load(&door->linked))
            rc__word_add(&door->linked, 1);
        now = rc__door_of(rc__cls(h) >> 1);
    } while (now != door); // F4
}

// [h] is of another heap, or has all the links that it can have.
static bool link_special(struct rc__header *h, const char *call) {
    assert(!rc__is_inside(h) || rc__links(h) == RC__LINKS_MAX);
    if (!rc__heap(h)) {
        rc__fault_dead(call, h);
        return false;
    }
    if (!rc__is_inside(h)) {
        rc__note_taken(h);
        rc__foreign_retain(h, call);
        note_outward(h);
    } else if (!(h->word & RC__IMMORTAL)) { // C4
        make_immortal(h);
        rc__fault(RC_FAULT_SATURATED, call, h, "has too many links and is immortal from here on");
    }
    return true;
}

static inline void add_link(struct rc__header *h) {
    assert(rc__links(h) < RC__LINKS_MAX && !rc__is_dead(h)); // C4
    h->word += RC__LINK_ONE;
    if (h->word & RC__GRAPH)
        h->word |= RC__SUSPECT; // C3
}

// [h] gets a link. A link from another heap counts as a handle there. false after a fault.
static inline bool link_to(struct rc__header *h, const char *call) {
    if (!rc__is_inside(h) || rc__links(h) == RC__LINKS_MAX)
        return link_special(h, call);
    add_link(h);
    return true;
}

// A slot that was in another heap than [h], and so has a handle of it, is in the same heap now: the handle becomes a link.
void rc__handle_to_link(struct rc_heap *heap, struct rc__header *h, const char *call) {
    assert(rc__is_in(heap, h));
    if (rc__handles(h) == 0 && !rc__fold(h, call))
        return;
    if (rc__handles(h) == 0) {
        rc__fault(RC_FAULT_SLOT, call, h, "is in a slot of another heap that does not hold a handle (written by hand?)");
        return;
    }
    if (rc__links(h) == RC__LINKS_MAX)
        return; // it keeps the handle: there is no room for one more link, and nothing with so many dies for want of one
    add_link(h);
    rc__note_given(h);
    if (h->word & RC__IMMORTAL || less_handle(h) || (rc__fold(h, call) && rc__handles(h)))
        return;
    if (!(h->word & RC__SUSPECT))
        cc_suspect(heap, h);
}

// Takes a link from [h] and leaves what follows from that to the caller. false if there is none to take.
static bool take_link(struct rc__header *h, const char *call) {
    assert(rc__heap(h));
    if (h->word < RC__LINK_ONE) {
        rc__fault(RC_FAULT_SLOT, call, h, "is in a slot that does not hold a link to it (written by hand?)");
        return false;
    }
    if (rc__links(h) != RC__LINKS_MAX)
        rc__less_link(h);
    return true;
}

// [h] is of another heap, dead, or has no link or all that there can be.
static void unlink_special(struct rc_heap *heap, struct rc__header *h, const char *call) {
    if (rc__heap(h) == heap) {
        if (take_link(h, call))
            rc__lost(heap, h);
    } else if (rc__heap(h)) {
        rc__note_given(h);
        rc__foreign_release(h, call);
    } else if (!(h->word & RC__DOOMED && rc__cls(h))) { // a member of a garbage set unlinks another: nothing to count
        rc__fault(RC_FAULT_SLOT, call, h, "is dead but still in a slot (written by hand?)");
    }
}

static inline void unlink_from(struct rc_heap *heap, struct rc__header *h, const char *call) {
    assert(rc__is_mine(heap));
    uint32_t both = rc__both(h);
    if (RC__LOAD(rc__class_heap[both >> 16]) == heap && rc__has_some_links(h)) {
        rc__less_link(h);
        if (!(both & RC__HANDLES))
            lost_link(heap, h);
    } else {
        unlink_special(heap, h, call);
    }
}

void rc__unlink(struct rc_heap *heap, struct rc__header *h, const char *call) {
    unlink_from(heap, h, call);
}

static __attribute__((noinline)) void set_special(void *slot, void *obj) {
    if (!is_slot(slot, NULL, "rc_set") || !may_change(slot, "rc_set"))
        return;
    void *old = rc__load(slot);
    if (old == obj || (obj && !link_to(RC__HEADER(obj), "rc_set")))
        return;
    rc__store(slot, obj);
    if (old)
        unlink_from(rc__here, RC__HEADER(old), "rc_set");
}

// [slot] has a link already, or is to be emptied. Without a stack frame, too, if all else is as usual.
static __attribute__((noinline)) void set_another(void *slot, void *obj) {
    if (rc__is_in_null(slot) ||
        (obj ? !rc__is_usual(RC__HEADER(obj), rc__both(RC__HEADER(obj)), RC__GRAPH) : rc__here == RC__NOWHERE) ||
        !rc__slot_is_ours(slot)) {
        set_special(slot, obj);
        return;
    }
    void *old = rc__load(slot);
    if (old == obj)
        return;
    assert(old != NULL); // into an empty slot, a link that is as usual has been made before
    if (obj)
        RC__HEADER(obj)->word += RC__LINK_ONE;
    rc__store(slot, obj);
    unlink_from(rc__here, RC__HEADER(old), "rc_set");
}

void rc_set_slot(void *slot, void *obj) {
    if (rc__is_in_null(slot) || !obj || rc__load(slot) ||
        !rc__is_usual(RC__HEADER(obj), rc__both(RC__HEADER(obj)), RC__GRAPH) || !rc__slot_is_ours(slot)) {
        set_another(slot, obj);
        return;
    }
    RC__HEADER(obj)->word += RC__LINK_ONE;
    rc__store(slot, obj);
}

// [obj], of our heap, has a handle less, and a link more.
static bool give_to(void *slot, void *obj) {
    struct rc__header *h = RC__HEADER(obj);
    if (rc__handles(h) == 0 && !rc__fold(h, "rc_give"))
        return false;
    if (rc__handles(h) == 0) {
        rc__fault(RC_FAULT_RELEASE, "rc_give", h, "has no handle left to give");
        return false;
    }
    link_to(h, "rc_give");
    rc__store(slot, obj);
    rc__note_given(h);
    if (!(h->word & RC__IMMORTAL) && less_handle(h) == 0)
        lost_last_handle(rc__here, h);
    return true;
}

static __attribute__((noinline)) void give_special(void *slot, void *obj) {
    if (!is_slot(slot, obj ? RC__HEADER(obj) : NULL, "rc_give"))
        return;
    if (!obj) {
        rc_set_slot(slot, NULL);
        return;
    }
    if (!may_change(slot, "rc_give"))
        return;
    struct rc__header *h = RC__HEADER(obj);
    void *old = rc__load(slot);
    if (rc__is_inside(h)) {
        if (!give_to(slot, obj))
            return;
    } else {
        if (!rc__heap(h)) {
            rc__fault_dead("rc_give", h);
            return;
        }
        rc__store(slot, obj); // a handle there, a link here: the same count
        note_outward(h);
    }
    if (old)
        unlink_from(rc__here, RC__HEADER(old), "rc_give");
}

// The usual case: an empty slot gets the last handle of an object that is no suspect, and that nobody else has counted.
void rc_give_slot(void *slot, void *obj) {
    if (!obj || rc__is_in_null(slot) || rc__load(slot)) {
        give_special(slot, obj);
        return;
    }
    struct rc__header *h = RC__HEADER(obj);
    uint32_t both = rc__both(h);
    if ((both & RC__HANDLES) != 1 || !rc__is_usual(h, both, RC__GRAPH | RC__SUSPECT) || rc__atomic_load(&h->shared) ||
        rc__classes[both >> 17].first || !rc__slot_is_ours(slot)) {
        give_special(slot, obj);
        return;
    }
    h->word += RC__LINK_ONE;
    rc__store(slot, obj);
    rc__note_given(h);
    RC__STORE(h->both, both - 1);
    if (rc__is_in_newest(rc__here, slot))
        h->word |= RC__LED;
    else
        cc_let_go(rc__here, h);
}

void *rc_take_slot(void *slot) {
    if (!is_slot(slot, NULL, "rc_take") || !may_change(slot, "rc_take"))
        return NULL;
    void *obj = rc__load(slot);
    if (!obj)
        return NULL;
    struct rc__header *h = RC__HEADER(obj);
    if (rc__is_inside(h)) {
        if (!take_link(h, "rc_take"))
            return NULL;
        if (h->word & RC__GRAPH)
            h->word |= RC__SUSPECT; // R5
        rc_retain(obj);
    } else if (!rc__heap(h)) {
        rc__fault_dead("rc_take", h);
        return NULL;
    }
    rc__store(slot, NULL);
    return obj;
}

// A reference to [obj] goes from one slot to another: C3, and R1 although no count changes.
static void moved(void *obj) {
    assert(rc__here != RC__NOWHERE);
    if (!obj)
        return;
    struct rc__header *h = RC__HEADER(obj);
    if (!rc__is_inside(h))
        return;
    h->word &= ~RC__LED;
    if (h->word & RC__GRAPH)
        h->word |= RC__SUSPECT;
    else if (!rc__handles(h) && !(h->word & RC__SUSPECT))
        cc_suspect(rc__here, h);
}

// Of two slots, which are not the same one.
static bool may_change_both(const void *a, const void *b, const char *call) {
    return is_slot(a, NULL, call) && is_slot(b, NULL, call) && a != b && may_change(a, call) && may_change(b, call);
}

void rc_move_slot(void *to, void *from) {
    if (!may_change_both(to, from, "rc_move"))
        return;
    void *obj = rc__load(from);
    void *old = rc__load(to);
    rc__store(from, NULL);
    rc__store(to, obj);
    moved(obj);
    if (old)
        unlink_from(rc__here, RC__HEADER(old), "rc_move");
}

void rc_swap_slots(void *a, void *b) {
    if (!may_change_both(a, b, "rc_swap"))
        return;
    void *in_a = rc__load(a);
    void *in_b = rc__load(b);
    rc__store(a, in_b);
    rc__store(b, in_a);
    moved(in_a);
    moved(in_b);
}

void *rc_immortal(void *obj) {
    if (!obj)
        return NULL;
    struct rc__header *h = RC__HEADER(obj);
    if (!rc__is_inside(h)) {
        rc__fault(rc__heap(h) ? RC_FAULT_OUTSIDE : RC_FAULT_DEAD, "rc_immortal", h, "is not in the heap this thread is inside");
        return obj;
    }
    make_immortal(h);
    return obj;
}

size_t rc_handles(const void *obj) {
    if (!obj)
        return 0;
    struct rc__header *h = RC__HEADER((void *)(uintptr_t)obj);
    return rc__is_dead(h) ? 0 : (size_t)rc__all_handles(h);
}

size_t rc_links(const void *obj) {
    if (!obj)
        return 0;
    struct rc__header *h = RC__HEADER((void *)(uintptr_t)obj);
    return rc__is_dead(h) ? 0 : rc__links(h);
}
