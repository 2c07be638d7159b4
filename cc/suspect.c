// SPDX-License-Identifier: MIT
// The suspect buffer: objects that may be garbage in a cycle, because a reference to them went and no handle is left (R1).
// An object in it knows its place, so one that dies leaves at once, and another one takes its place. There is room for each
// live object from its birth (R3).
//
// The purpose of R1 is that a way leads to everything that is not freed yet, from a suspect or from something held. So an
// object that is not in the graph, and whose last handle goes, need not become a suspect if there is such a way in any case:
//
//   - it is LED;
//   - it holds no link. It is alive, so something has a link to it, and there is a way to that which does not go through this
//     object;
//   - the handle goes into a slot of an object that is held. Of slots of the object made last it is known that they are such
//     slots: so it is where a tree is built from its leaves up;
//   - its owner is held, or is a young suspect: so it is where a tree with parents is built from its root down.
//
// LED says that there is a way which does not begin at the object itself. For any object without a handle there is one. It is
// still there after somebody has taken the object up and let it go: a program that walks about in a structure, and holds what
// it looks at for the moment, leaves everything as it was, and nothing to be looked at. So an object becomes LED when its last
// handle goes, and ceases to be
//
//   - when it loses a link, or one of its links moves: that may have been the way;
//   - when something else is taken to be alive because this object is held: to that, it may be the only way (cc_rely_on). This
//     holds for everything that gets a node, until it leaves the graph alive and without a handle.
//
// Therefore "held" means held and not LED, above; and whoever relies on an object's being held makes sure that it is not LED.
//
// None of this holds while objects are traced, in BUILD: an object that was traced already may have got a link to this one, or
// to what this one leads to, which is recorded nowhere; so something may be found alive because of a link that garbage has.
// What is let go then becomes a suspect, to be looked at once more (R7).
//
// Whatever takes the way away later leaves a suspect that leads to the object. An owner that does not lead to it (a broken
// promise of RC_OWNER) does no harm as long as the handle of something that is not LED leads to it, by whatever way. An object
// that loses a link becomes a suspect, whatever its owner is: it may be the owner that is just letting it go.
//
//     | old suspects | young suspects | room ...
//                    old_count        suspect_count
//
// A suspect that a collection found alive, and that nobody had touched meanwhile, is OLD from then on. When it is suspected
// again it goes to the front part, which paced collections look at less often: if the root of a large live structure is taken
// up and let go all the time, not every collection has to trace all that it leads to. That delays what old suspects lead to,
// and loses nothing: a collection may look at any of the suspects (it never takes more than there are when it begins), and one
// that was not looked at stays in the buffer. Garbage that a young suspect leads to is found even if there are old ones in it.
#include "cc/graph.h"

static void put(struct rc_heap *heap, struct rc__header *h, size_t i) {
    assert(!(h->word & RC__GRAPH) && h->word & RC__SUSPECT);
    assert(i < heap->reserved); // R3
    *rc__pointer_at(&heap->suspects, i) = h;
    rc__set_index(h, (uint32_t)i);
}

static void move(struct rc_heap *heap, size_t from, size_t to) {
    assert(from < heap->reserved && to < heap->reserved);
    if (from != to) // else there may be nothing at that place, or something that has moved on
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

// Whether [owner] is held, which is then relied on, or a young suspect. Its own owners are not asked: a suspect that has
// another one above it costs little (roots.c).
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
    if (rc__is_led(heap, h))
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
