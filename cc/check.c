// SPDX-License-Identifier: MIT
// What the rules say of a heap. cc_check_state looks at the collector's own variables, where a phase begins or goes on, if
// assertions are on. cc_check looks at everything, in one go, at the end of each phase, in checked builds only (RC_CHECK):
//
//   always     each suspect is at its place in its part of the buffer, which has room for all objects (R3)
//   ROOTS      each node was a suspect, and nothing is recorded of it but its links (R4)
//   BUILD      each node has its object (G1), and has been read if it is not ALIVE; its edges stand in a row (G3); and
//              what is unmarked still has the links that it had at discovery: ext, and the edges recorded since (R4, R5, G2)
//   SCAN       ALIVE has spread over all edges, and what is not ALIVE has no external count
//   VALIDATE   the nodes that have an object are white, and unmarked (R6; if finalizers are to run, the next collection
//              decides about marks)
//
// What cc_check finds wrong is printed with its type, counts, colour and phase, and the program aborts.
#include "cc/graph.h"

#ifndef NDEBUG
void cc_check_state(const struct rc_heap *heap) {
    const struct cc *cc = &heap->cc;
    assert(rc__is_mine(heap));
    assert(heap->old_count <= heap->suspect_count);
    assert(heap->suspect_count <= heap->reserved); // R3
    assert(heap->objects + heap->husks <= heap->reserved);
    assert(heap->suspects.chunks * RC__CHUNK_POINTERS >= heap->reserved);
    assert(cc->node_count <= cc->node_room && cc->edge_count <= cc->edge_room);
    assert(cc->node_room <= cc->nodes.chunks * (size_t)CC_NODES);
    assert(cc->edge_room <= cc->edges.chunks * (size_t)CC_EDGES);
    assert(cc->white_count <= cc->node_count);
    assert(cc->round > 0);                                    // W3: 0 condemns nobody
    assert(!cc->committed || cc->phase >= RC_PHASE_VALIDATE); // R8
    switch (cc->phase) {
    case RC_PHASE_INBOX:
        assert(cc->node_count == 0 && cc->edge_count == 0);
        assert(!cc->out_of_memory);
        assert(!cc->any_alive && !cc->all_white && !cc->pardoned);
        assert(cc->outside == 0);
        break;
    case RC_PHASE_ROOTS:
        assert(cc->edge_count == 0 && cc->white_count == 0); // R4
        assert(cc->hot == CC_NONE && cc->cold == CC_NONE);
        assert(cc->alive == CC_NONE && !cc->any_alive);
        assert(cc->cursor <= cc->node_count);
        break;
    case RC_PHASE_BUILD:
        assert(cc->white_count == 0 && !cc->pardoned);
        assert(cc->roots <= cc->node_count);
        assert(cc->root <= cc->roots);
        assert(cc_is_number(cc, cc->hot) && cc_is_number(cc, cc->cold));
        assert(cc_is_number(cc, cc->alive) && cc_is_number(cc, cc->source));
        assert(cc_is_number(cc, cc->piece_node));
        assert(cc->piece_node != CC_NONE || cc->piece_slot == 0); // R9
        assert(cc->flood_edge == CC_NONE || cc->flood_edge < cc->edge_count);
        break;
    case RC_PHASE_SCAN:
        assert(cc->hot == CC_NONE && cc->cold == CC_NONE);
        assert(cc->piece_node == CC_NONE && cc->piece_slot == 0);
        assert(cc->white_count == 0 && !cc->pardoned);
        assert(cc_is_number(cc, cc->alive) && cc->cursor <= cc->node_count);
        assert(cc->flood_edge == CC_NONE || cc->flood_edge < cc->edge_count);
        break;
    case RC_PHASE_VALIDATE:
        assert(!cc->committed);
        assert(cc->hot == CC_NONE && cc->cold == CC_NONE);
        assert(cc_is_number(cc, cc->alive) && cc->cursor <= cc->node_count);
        assert(cc->flood_edge == CC_NONE || cc->flood_edge < cc->edge_count);
        break;
    case RC_PHASE_FINALIZE:
        assert(!cc->committed && cc->cursor <= cc->node_count);
        assert(cc->called_off || cc->any_finalize);
        assert(cc->step >= 0 && cc->step <= 1);
        break;
    default: // RC_PHASE_DESTROY, RC_PHASE_FREE
        assert(cc->phase == RC_PHASE_DESTROY || cc->phase == RC_PHASE_FREE);
        assert(cc->committed && !cc->called_off);        // S2
        assert(!cc->any_finalize);                       // that is another collection's
        assert(cc->alive == CC_NONE && !cc->pardoned);   // R6, R8
        assert(cc->step >= 0 && cc->step <= 1);
        assert(cc->cursor <= cc->node_count);
    }
}
#endif

#ifdef RC_CHECK

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void fail(const struct rc_heap *heap, const struct rc__header *h, uint64_t flags, const char *what) {
    const char *colour = flags & CC_ALIVE ? "alive" : flags & CC_WHITE ? "white" : "grey";
    fprintf(stderr, "cc_check: after %s: %s %p (%zu handles, %zu links, word %#" PRIx64 ", %s): %s\n",
            rc_phase_name(heap->cc.phase), h ? rc__class(h)->type->name : "no object", (const void *)(h + !!h),
            h ? rc_handles(h + 1) : 0, h ? rc_links(h + 1) : 0, h ? h->word : 0, colour, what);
    abort();
}

static void check_suspects(const struct rc_heap *heap) {
    if (heap->suspect_count > heap->reserved || heap->old_count > heap->suspect_count)
        fail(heap, NULL, 0, "R3: there are more suspects than there is room for");
    for (size_t i = 0; i < heap->suspect_count; i++) {
        const struct rc__header *h = *rc__pointer_at(&heap->suspects, i);
        if (rc__heap(h) != heap || (h->word & (RC__SUSPECT | RC__GRAPH)) != RC__SUSPECT || rc__index(h) != i)
            fail(heap, h, 0, "is in the buffer of suspects, but at another place, or none");
        if ((i < heap->old_count) != !!(h->word & RC__OLD))
            fail(heap, h, 0, "is in the wrong part of the buffer");
    }
}

static void check_roots(const struct rc_heap *heap, const struct cc_node *node) {
    if (!(node->object & CC_ROOT) || node->object & (CC_ALIVE | CC_TRACED | CC_LATE) || node->edge != CC_NONE)
        fail(heap, cc_object(node), node->object, "R4: is more than discovered");
    if (!cc_is_marked(cc_object(node)) && !(node->object & CC_BOTH) && node->ext != rc__links(cc_object(node)))
        fail(heap, cc_object(node), node->object, "R4: was recorded with other links");
}

// Counts the edges into each node. Returns how many [n] has.
static uint32_t count_edges(const struct rc_heap *heap, uint32_t n, uint32_t *into) {
    const struct cc *cc = &heap->cc;
    const struct cc_node *node = cc_node(cc, n);
    uint32_t count = 0;
    for (uint32_t e = cc_first_edge(node); e != CC_NONE; e = cc_next_edge(cc, e), count++)
        into[cc_target(cc, e)]++;
    if (count % (1 << 11) != node->object / CC_EDGE_ONE)
        fail(heap, cc_object(node), node->object, "G3: has not so many edges as were recorded");
    return count;
}

static void check_build(const struct rc_heap *heap, const struct cc_node *node, uint32_t into) {
    const struct rc__header *h = cc_object(node);
    if (node->object & CC_ALIVE)
        return;
    if (!(node->object & CC_TRACED))
        fail(heap, h, node->object, "has not been read");
    if (!cc_is_marked(h) && !(node->object & CC_BOTH) && node->ext < CC_HELD / 2 && rc__links(h) != node->ext + into)
        fail(heap, h, node->object, "R5: has other links than were recorded, and no mark");
}

static void check_scan(const struct rc_heap *heap, uint32_t n) {
    const struct cc *cc = &heap->cc;
    const struct cc_node *node = cc_node(cc, n);
    if (!(node->object & CC_ALIVE)) {
        if (node->object & CC_BOTH ? node->ext >= CC_HELD : node->ext)
            fail(heap, cc_object(node), node->object, "is held from outside, and not alive");
        return;
    }
    for (uint32_t e = cc_first_edge(node); e != CC_NONE; e = cc_next_edge(cc, e)) {
        const struct cc_node *target = cc_node(cc, cc_target(cc, e));
        if (!(target->object & (CC_ALIVE | CC_BOTH)))
            fail(heap, cc_object(target), target->object, "something alive leads to it");
    }
}

static uint32_t check_white(const struct rc_heap *heap, const struct cc_node *node) {
    if (!node->object)
        return 0;
    if (!heap->cc.all_white && (node->object & (CC_WHITE | CC_ALIVE)) != CC_WHITE)
        fail(heap, cc_object(node), node->object, "is in the graph, and not white");
    if (!heap->cc.any_finalize && cc_is_marked(cc_object(node)))
        fail(heap, cc_object(node), node->object, "R6: is to be collected, and has a mark");
    return 1;
}

static void check_graph(const struct rc_heap *heap, uint32_t *into) {
    const struct cc *cc = &heap->cc;
    uint32_t edges = 0, white = 0;
    for (uint32_t n = 0; n < cc->node_count; n++) {
        const struct rc__header *h = cc_object(cc_node(cc, n));
        if (h ? !(h->word & RC__GRAPH) || rc__index(h) != n : cc->phase != RC_PHASE_VALIDATE)
            fail(heap, h, cc_node(cc, n)->object, "G1: a node and its object do not know each other");
        if (h && h->word & RC__LED)
            fail(heap, h, cc_node(cc, n)->object, "R1: is in the graph, and taken to be led to");
        if (cc->phase == RC_PHASE_BUILD)
            edges += count_edges(heap, n, into);
    }
    if (edges != (cc->phase == RC_PHASE_BUILD ? cc->edge_count : 0))
        fail(heap, NULL, 0, "G3: an edge belongs to no node, or to two");
    for (uint32_t n = 0; n < cc->node_count; n++)
        switch (cc->phase) {
        case RC_PHASE_ROOTS:
            check_roots(heap, cc_node(cc, n));
            break;
        case RC_PHASE_BUILD:
            check_build(heap, cc_node(cc, n), into[n]);
            break;
        case RC_PHASE_SCAN:
            check_scan(heap, n);
            break;
        default:
            white += check_white(heap, cc_node(cc, n));
        }
    if (cc->phase == RC_PHASE_VALIDATE && white != cc->white_count)
        fail(heap, NULL, 0, "there are not so many white objects as were counted");
}

void cc_check(const struct rc_heap *heap) {
    check_suspects(heap);
    if (heap->cc.phase < RC_PHASE_ROOTS || heap->cc.phase > RC_PHASE_VALIDATE || !heap->cc.node_count)
        return;
    uint32_t *into = calloc(heap->cc.node_count, sizeof *into);
    if (into) // else memory is out, as it is in some tests
        check_graph(heap, into);
    free(into);
}

#endif
