// SPDX-License-Identifier: MIT
// Hints: the ways up that BUILD learns. Where children name their parent, but not as an owner, the shortest proof that an
// object is alive is often to go from parent to parent until one is held. So when an object is found alive because of another,
// and one of its slots leads back to that, its class remembers the slot: its hint. build.c has what a hint leads to traced
// before other nodes, and island.c goes up by hints.
//
// A hint is a guess. It decides what is looked at first, never what is alive.
#include "cc/graph.h"

void cc_learn(struct rc_heap *heap, const struct rc__header *from, struct rc__header *to) {
    assert(heap->cc.phase == RC_PHASE_BUILD);
    assert(heap->cc.hints > 0 && from != NULL && to != NULL);
    struct rc__class *c = rc__class(to);
    heap->cc.hints--;
    if (rc__is_dead(to)) // K2: of a husk, the class may be gone
        return;
    for (uint32_t i = 0; i < c->run_count; i++)
        for (uint32_t k = 0; k < c->runs[i].count; k++) {
            uint32_t offset = c->runs[i].offset + k * (uint32_t)sizeof(void *);
            if (rc__load((char *)(to + 1) + offset) == from + 1)
                c->hint = (int32_t)offset;
        }
}

void cc_tell(struct rc_heap *heap, const struct cc_node *node) {
    assert(rc__is_mine(heap) && heap->cc.phase == RC_PHASE_BUILD);
    assert(node->object & CC_ALIVE && !(node->object & CC_TRACED));
    struct cc *cc = &heap->cc;
    const struct rc__header *h = cc_object(node);
    const struct rc__class *c = rc__class(h);
    if (rc__is_dead(h) || !c->small)
        return;
    for (uint32_t i = 0; i < c->slot_count; i++) {
        void *obj = rc__load((const char *)(h + 1) + c->slot[i]);
        const struct rc__header *t = obj ? RC__HEADER(obj) : NULL;
        if (t && rc__heap(t) == heap && t->word & RC__GRAPH && !(cc_node(cc, rc__index(t))->object & CC_ALIVE))
            cc_set_alive(cc, rc__index(t));
    }
}
