// SPDX-License-Identifier: MIT
// SCAN: which nodes are alive, on the compact graph alone: those with an external count, and all that they reach. If none was
// found alive before, and the sum of all external counts is 0, there is none, and no node is looked at.
#include "cc/graph.h"

bool cc_flood(struct rc_heap *heap, struct cc_budget *budget) {
    assert(rc__is_mine(heap) && cc_is_number(&heap->cc, heap->cc.alive));
    assert(heap->cc.flood_edge == CC_NONE || heap->cc.flood_edge < heap->cc.edge_count);
    struct cc *cc = &heap->cc;
    while (cc->flood_edge != CC_NONE || cc->alive != CC_NONE) {
        if (cc->flood_edge == CC_NONE) {
            struct cc_node *node = cc_node(cc, cc->alive);
            cc->alive = node->ext;
            assert(cc_is_number(cc, cc->alive));
            cc->flood_from = cc_object(node);
            cc->flood_edge = cc_first_edge(node);
            if (!(node->object & CC_TRACED) && node->object & CC_WANTED && cc->phase == RC_PHASE_BUILD)
                cc_tell(heap, node);
        } else {
            uint32_t n = cc_target(cc, cc->flood_edge);
            assert(n < cc->node_count);
            cc->flood_edge = cc_next_edge(cc, cc->flood_edge);
            uint64_t target = cc_node(cc, n)->object;
            if (target & CC_BOTH && !(target & CC_ALIVE) && cc->phase != RC_PHASE_VALIDATE &&
                (++cc_node(cc, n)->ext < CC_HELD || cc->phase == RC_PHASE_BUILD)) {
                // G2: something else that links to it is not known to be alive; in BUILD, that may be yet to be traced
            } else if (target && !(target & CC_ALIVE)) {
                cc_set_alive(cc, n);
                if (cc->hints && cc->phase == RC_PHASE_BUILD)
                    cc_learn(heap, cc->flood_from, cc_object(cc_node(cc, n)));
            }
        }
        if (!cc_spend(budget, 1))
            return false;
    }
    return true;
}

bool cc_scan(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.cursor <= heap->cc.node_count && heap->cc.hot == CC_NONE && heap->cc.cold == CC_NONE);
    assert(heap->cc.phase == RC_PHASE_SCAN);
    struct cc *cc = &heap->cc;
    struct cc_node *node;
    uint64_t white = cc_is_calm(cc) ? CC_WHITE : 0; // those that are not ALIVE: if it stays calm, they need no other check
    uint32_t n;
    if (white && !cc->any_alive && !cc->outside) {
        cc->all_white = true;
        return true;
    }
    for (;;) {
        if ((cc->alive != CC_NONE || cc->flood_edge != CC_NONE) && !cc_flood(heap, budget))
            return false;
        if (!(n = cc_batch(cc, budget, &node)))
            return true;
        for (uint32_t i = 0; i < n; i++) {
            node[i].object |= white;
            if (node[i].ext && !(node[i].object & CC_ALIVE) && (node[i].ext >= CC_HELD || !(node[i].object & CC_BOTH)))
                cc_set_alive(cc, cc->cursor + i);
        }
        cc->cursor += n;
        if (!cc_spend(budget, n))
            return false;
    }
}

void cc_retire(struct rc_heap *heap, struct cc_node *node, bool suspect) {
    assert(rc__is_mine(heap) && rc__is_object(cc_object(node)));
    assert(cc_object(node) && cc_object(node)->word & RC__GRAPH);
    assert(heap->cc.phase == RC_PHASE_IDLE || cc_node(&heap->cc, rc__index(cc_object(node))) == node);
    struct rc__header *h = cc_object(node);
    suspect |= (h->word & RC__SUSPECT) || (node->object & CC_LATE); // R7
    node->object = 0;                                               // G4
    h->word &= ~(RC__GRAPH | RC__SUSPECT | RC__INDEX_MASK);
    if (rc__is_dead(h)) {
        if (h->word & RC__HUSK && !(rc__atomic_load(&h->shared) & RC__QUEUED))
            rc__bury(heap, h);
    } else if (!rc__handles(h)) {
        if (suspect)
            cc_suspect(heap, h);
        else if (!(rc__atomic_load(&h->shared) & ~RC__WEAK) && !heap->cc.in_doubt)
            h->word |= RC__LED;
    }
}
