// SPDX-License-Identifier: MIT
// The second line of defence. Just before a white set is committed it is looked at once more, as it is now and in one go: all
// links of each member must come from slots of members, and no member may have a handle. If the rules hold, that cannot fail.
// Where it does (because a slot was written by hand, a trace forgets or invents a slot, or there is a defect here), the set is
// kept, as a leak.
//
// Small sets are always looked at, larger ones in checked builds only. RC_NO_RECHECK leaves it out, for the tests that prove
// what the rules are worth without it.
#include "cc/graph.h"

#ifdef RC_CHECK
enum { WHITE_MAX = INT32_MAX, NODES_MAX = INT32_MAX };
#else
enum { WHITE_MAX = 64, NODES_MAX = 1024 };
#endif

static void recount_slots(struct rc_visitor *visitor, char *first, size_t n) {
    assert(first || !n);
    struct rc_heap *heap = visitor->heap;
    for (; n; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        if (obj && rc__heap(RC__HEADER(obj)) == heap && RC__HEADER(obj)->word & RC__GRAPH)
            cc_node(&heap->cc, rc__index(RC__HEADER(obj)))->ext++;
    }
}

// The white object that has other references than those from white objects, or NULL. The nodes' ext is free for this.
static const struct rc__header *find_doubtful(struct rc_heap *heap) {
    assert(heap->cc.alive == CC_NONE);
    struct cc *cc = &heap->cc;
    struct rc_visitor recount = {.slots = recount_slots, .heap = heap};
    for (uint32_t n = 0; n < cc->node_count; n++)
        cc_node(cc, n)->ext = 0;
    for (uint32_t n = 0; n < cc->node_count; n++)
        if (cc_is_white(cc, cc_node(cc, n)))
            rc__trace(cc_object(cc_node(cc, n)), &recount, 0, RC__ALL_SLOTS);
    for (uint32_t n = 0; n < cc->node_count; n++) {
        const struct cc_node *node = cc_node(cc, n);
        const struct rc__header *h = cc_object(node);
        if (!cc_is_white(cc, node))
            continue;
        bool explained = rc__links(h) == node->ext || (node->object & CC_BOTH && node->ext);
        if (!explained || rc__handles(h))
            return h;
    }
    return NULL;
}

void cc_recheck(struct rc_heap *heap) {
    assert(heap->cc.white_count <= heap->cc.node_count && !heap->cc.any_finalize);
    assert(heap->cc.phase == RC_PHASE_VALIDATE && !heap->cc.pardoned);
    struct cc *cc = &heap->cc;
#ifdef RC_NO_RECHECK
    return;
#endif
    if (cc->white_count > WHITE_MAX || cc->node_count > NODES_MAX)
        return;
    const struct rc__header *h = find_doubtful(heap);
    if (!h)
        return;
    cc->in_doubt = true;
    rc__fault(RC_FAULT_TRACE, "rc_collect", h,
              "was about to be collected, but is held by more or less than the slots of what goes with it: that is kept");
    for (uint32_t n = 0; n < cc->node_count; n++)
        if (cc_is_white(cc, cc_node(cc, n))) {
            rc__weak_pardon(heap, cc_object(cc_node(cc, n)));
            cc_retire(heap, cc_node(cc, n), false);
        }
    cc->white_count = 0;
    cc->all_white = false;
}
