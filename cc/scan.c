// SPDX-License-Identifier: MIT
// SCAN: which nodes are alive, on the compact graph alone.
//
// Pass 0: a node with an external count is alive, and all that it reaches.
// Pass 1: living nodes leave the graph; the others are WHITE, on a list threaded through ext. After it, the objects with
// GRAPH are exactly the white ones.
#include "cc/graph.h"

// Sets [flag] on all that the nodes on the stack reach, but for what has one of [not] already.
bool cc_flood(struct cc *cc, struct cc_budget *budget, uintptr_t flag, uintptr_t not) {
    while (cc->flood_edge != CC_NONE || cc->work != CC_NONE) {
        if (cc->flood_edge == CC_NONE) {
            struct cc_node *node = cc_node(cc, cc->work);
            cc->work = node->ext;
            cc->flood_edge = node->edge;
        } else {
            uint32_t edge = *cc_edge(cc, cc->flood_edge);
            uint32_t n = edge & ~CC_EDGE_LAST;
            cc->flood_edge = edge & CC_EDGE_LAST ? CC_NONE : cc->flood_edge + 1;
            struct cc_node *target = cc_node(cc, n);
            if (!(target->object & (flag | not)) && target->object) {
                target->object |= flag;
                cc_push(cc, n);
            }
        }
        if (!cc_spend(budget, 1))
            return false;
    }
    return true;
}

static bool find_alive(struct cc *cc, struct cc_budget *budget) {
    while (cc_flood(cc, budget, CC_ALIVE, 0)) {
        if (cc->cursor == cc->node_count)
            return true;
        struct cc_node *node = cc_node(cc, cc->cursor);
        if (!(node->object & CC_ALIVE) && node->ext) {
            node->object |= CC_ALIVE;
            cc_push(cc, cc->cursor);
        }
        cc->cursor++;
        if (!cc_spend(budget, 1))
            break;
    }
    return false;
}

void cc_retire(struct rc_heap *heap, struct cc_node *node, bool suspect) {
    struct rc__header *h = cc_object(node);
    suspect |= (h->word & RC__SUSPECT) || (node->object & CC_LATE); // R7
    node->object = 0;                                               // G3
    h->word &= ~(RC__GRAPH | RC__SUSPECT | RC__INDEX_MASK);
    if (!rc__is_dead(h)) {
        if (suspect && !h->handles)
            cc_suspect(heap, h);
    } else if (h->word & RC__HUSK && !(rc__atomic_load(&h->shared) & RC__QUEUED)) {
        rc__bury(heap, h);
    }
}

static bool part(struct rc_heap *heap, struct cc *cc, struct cc_budget *budget) {
    while (cc->cursor < cc->node_count) {
        uint32_t n = cc->cursor++;
        struct cc_node *node = cc_node(cc, n);
        if (node->object & CC_ALIVE || rc__is_dead(cc_object(node))) {
            cc_retire(heap, node, false);
        } else {
            node->object |= CC_WHITE;
            node->ext = CC_NONE;
            if (cc->white == CC_NONE)
                cc->white = n;
            else
                cc_node(cc, cc->white_tail)->ext = n;
            cc->white_tail = n;
            cc->white_count++;
        }
        if (!cc_spend(budget, 1))
            return false;
    }
    return true;
}

bool cc_scan(struct rc_heap *heap, struct cc_budget *budget) {
    struct cc *cc = &heap->cc;
    if (cc->step == 0) {
        if (!find_alive(cc, budget))
            return false;
        cc->step = 1;
        cc->cursor = 0;
        cc->white = cc->white_tail = CC_NONE;
        cc->white_count = 0;
    }
    return part(heap, cc, budget);
}
