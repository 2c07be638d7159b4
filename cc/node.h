// SPDX-License-Identifier: MIT
// How an object gets its node: for roots.c, island.c and build.c.
#ifndef CC_NODE_H
#define CC_NODE_H

#include "cc/graph.h"

// Room for [n] more nodes, far fewer than a chunk has. false if memory is out.
static inline bool cc_has_room(struct rc_heap *heap, size_t n) {
    assert(n <= CC_NODES);
    return heap->cc.node_count + n <= heap->cc.node_room || cc_more_nodes(heap);
}

// R4. A node for [h], for which there is room, and its links are its external count. Returns its number.
static inline uint32_t cc_node_new(struct cc *cc, struct rc__header *h, uint64_t flags) {
    assert(rc__is_object(h));
    assert(!(h->word & RC__GRAPH) && !rc__is_dead(h) && cc->node_count < cc->node_room);
    assert(((uintptr_t)h & ~CC_OBJECT) == 0);
    uint32_t n = cc->node_count++;
    struct cc_node *node = cc_node(cc, n);
    const struct rc__class *c = rc__class(h);
    bool both = c->both;
    if (!c->plain || rc__atomic_load(&h->shared) & RC__WEAK)
        cc->plain = false;
    node->object = (uintptr_t)h | flags | (both ? CC_BOTH : 0);
    node->ext = both ? CC_HELD : (uint32_t)rc__links(h); // G2
    cc->outside += node->ext;
    node->edge = CC_NONE;
    h->word = (h->word & ~(RC__INDEX_MASK | RC__SUSPECT | RC__LED)) | n | RC__GRAPH;
    assert(rc__index(h) == n && h->word & RC__GRAPH && !(h->word & RC__SUSPECT)); // G1, R4
    return n;
}

// Whether a handle can be seen on [h]: then it is alive (R2). So is one in the inbox: when it leaves that without a
// handle, it becomes a suspect.
static inline bool cc_is_held(struct rc__header *h) {
    assert(rc__is_object(h));
    if (rc__handles(h))
        return true;
    uint32_t shared = rc__atomic_load(&h->shared);
    if (shared & ~RC__WEAK) {
        if (shared & (RC__QUEUED | RC__STUCK))
            return true;
        rc__fold(h, "rc_collect");
    }
    return rc__handles(h) != 0;
}

// Whether a chain of owners leads from [h], which has no node, to something held.
bool cc_has_held_owner(struct rc_heap *heap, struct rc__header *h);

// How many steps up owner chains were made since this was last asked: each may be a cache miss.
static inline uint32_t cc_climbed(struct rc_heap *heap) {
    uint32_t n = heap->cc.climbed;
    heap->cc.climbed = 0;
    heap->stats.climbed += n;
    return n;
}

#endif
