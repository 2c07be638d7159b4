// SPDX-License-Identifier: MIT
// The suspect buffer: objects that may be garbage in a cycle, because a reference to them went and no handle is left (R1).
// An object in it knows its place, so that one which dies leaves at once; another one takes the place. There is room for
// each live object from its birth (R3).
//
// What R1 is for: from a suspect, or from something held, a way leads to everything that is not freed yet. So an object
// that is not in the graph, and whose last handle goes, need not be a suspect itself if there is such a way all the same:
//
//   - it is LED;
//   - it holds no link. It is alive, so something has a link to it; there is a way to that, and not through this object;
//   - the handle goes into a slot of an object that is held. That of the object made last is known to be one: a tree that is
//     built from its leaves up;
//   - its owner is held, or a young suspect: a tree that is built from its root down, with parents.
//
// LED says that there is a way which does not begin at the object itself. Any object without a handle has one. It stays when
// the object is taken up: who walks about in a structure and holds what he looks at for the moment leaves all as it was, and
// nothing to be looked at. So an object is LED from when its last handle goes, and is no longer
//
//   - if it loses a link, or one of its links moves: that may have been the way;
//   - if something else is taken to be alive because it is held: of that, it may be the only way (cc_rely_on). All that gets
//     a node counts as such until it leaves the graph, alive and without a handle of anybody.
//
// "Held" above means held and not LED, therefore, and whoever relies on that makes it so.
//
// Not while objects are traced, in BUILD: one that was traced may have got a link to the object, or to what this leads to,
// which is recorded nowhere; so something may be found alive for a link that garbage has. What is let go then is a suspect,
// and asks for another look (R7).
//
// What takes the way away later leaves a suspect that leads to the object. An owner that does not lead to it (the promise of
// RC_OWNER, broken) does no harm for as long as the handle of something that is not LED does, by whatever way. One that loses
// a link is a suspect whatever it says of its owner, which may be the one that is letting it go at this moment.
//
//     | old suspects | young suspects | room ...
//                    old_count        suspect_count
//
// A suspect that a collection found alive, and that nobody had touched meanwhile, is OLD from then on. Suspected again, it
// goes to the front part, which paced collections look at less often: the root of a large live structure, taken up and let
// go all the time, need not have all that it leads to traced with each collection. That delays what it leads to and loses
// nothing: a collection looks at any suspects it likes (it takes no more than there are when it begins, anyway), and one
// that was not looked at stays in the buffer. Garbage that a young suspect leads to is found whatever else is old in it.
#include "cc/graph.h"

static void put(struct rc_heap *heap, struct rc__header *h, size_t i) {
    assert(!(h->word & RC__GRAPH) && h->word & RC__SUSPECT);
    assert(i < heap->reserved); // R3
    *rc__pointer_at(&heap->suspects, i) = h;
    rc__set_index(h, (uint32_t)i);
}

static void move(struct rc_heap *heap, size_t from, size_t to) {
    assert(from < heap->reserved && to < heap->reserved);
    if (from != to) // else there may be nothing, or what has moved away
        put(heap, *rc__pointer_at(&heap->suspects, from), to);
}

// [h], of class [c], may be garbage.
static inline void suspect(struct rc_heap *heap, struct rc__header *h, const struct rc__class *c) {
    assert(heap->old_count <= heap->suspect_count);
    assert(rc__is_mine(heap) && rc__is_in(heap, h) && c == rc__class(h));
    assert(!(h->word & RC__SUSPECT) && !rc__is_dead(h));
    if (c->acyclic)
        return;
    h->word |= RC__SUSPECT;
    if (h->word & RC__GRAPH)
        return; // a mark (R5); it enters the buffer when it leaves the graph
    h->word |= RC__LED;
    assert(heap->suspect_count < heap->reserved);
    size_t i = heap->suspect_count++;
    if (h->word & RC__OLD) { // the first young one, if there is any, makes room
        size_t first = heap->old_count++;
        move(heap, first, i);
        i = first;
    }
    put(heap, h, i);
}

void cc_suspect(struct rc_heap *heap, struct rc__header *h) {
    suspect(heap, h, rc__class(h));
}

// Whether [owner] is held, which is relied on then, or a young suspect. Its own owners are not asked: a suspect with another
// one above it costs little (roots.c).
static inline bool stands_in(const struct rc_heap *heap, struct rc__header *owner) {
    assert(rc__is_object(owner));
    if (rc__heap(owner) != heap || owner->word & RC__GRAPH)
        return false;
    if (!rc__handles(owner))
        return cc_is_young_suspect(owner);
    cc_rely_on(owner);
    return true;
}

// Whether [h] is known to hold no link.
static inline bool holds_nothing(const struct rc__header *h, const struct rc__class *c) {
    assert(rc__is_object(h) && !rc__is_dead(h) && c == rc__class(h));
    if (!c->small || c->both)
        return false;
    for (const uint16_t *slot = c->slot, *end = slot + c->slot_count; slot < end; slot++)
        if (rc__load((const char *)(h + 1) + *slot))
            return false;
    return true;
}

void cc_let_go(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__handles(h) == 0 && rc__is_in(heap, h));
    assert(!(h->word & RC__SUSPECT));
    if (h->word & RC__LED && heap->cc.phase != RC_PHASE_BUILD)
        return;
    const struct rc__class *c = rc__class(h);
    if (h->word & RC__GRAPH) {
        suspect(heap, h, c);
        return;
    }
    struct rc__header *owner = cc_owner(h, c);
    if (!(owner ? stands_in(heap, owner) : holds_nothing(h, c)))
        suspect(heap, h, c);
    h->word |= RC__LED;
}

void cc_unsuspect(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap));
    assert(h->word & RC__SUSPECT && !(h->word & RC__GRAPH));
    size_t i = rc__index(h);
    assert(i < heap->suspect_count && *rc__pointer_at(&heap->suspects, i) == h);
    assert((i < heap->old_count) == !!(h->word & RC__OLD));
    if (i < heap->old_count) { // the last old one closes the gap
        size_t last = --heap->old_count;
        move(heap, last, i);
        i = last;
    }
    move(heap, --heap->suspect_count, i);
    h->word &= ~(RC__SUSPECT | RC__INDEX_MASK);
}
