// SPDX-License-Identifier: MIT
// The suspect buffer: objects that may be garbage in a cycle, because a reference to them went and no handle is left (R1).
// An object in it knows its place, so that one which dies leaves at once; the last one takes the place. There is room for
// each live object from its birth (R3).
#include "cc/graph.h"

void cc_suspect(struct rc_heap *heap, struct rc__header *h) {
    assert(!(h->word & RC__SUSPECT) && !rc__is_dead(h));
    if (rc__class(h)->acyclic)
        return;
    h->word |= RC__SUSPECT;
    if (h->word & RC__GRAPH)
        return; // a mark (R5); it enters the buffer when it leaves the graph
    *rc__pointer_at(&heap->suspects, heap->suspect_count) = h;
    rc__set_index(h, (uint32_t)heap->suspect_count++);
}

void cc_unsuspect(struct rc_heap *heap, struct rc__header *h) {
    assert(h->word & RC__SUSPECT && !(h->word & RC__GRAPH));
    struct rc__header *last = *rc__pointer_at(&heap->suspects, --heap->suspect_count);
    *rc__pointer_at(&heap->suspects, rc__index(h)) = last;
    rc__set_index(last, rc__index(h));
    h->word &= ~(RC__SUSPECT | RC__INDEX_MASK);
}
