// SPDX-License-Identifier: MIT
// The collector's private graph: 16 bytes a node, 4 an edge, no hash table, since an object's node number stands in its
// header. Not installed; for cc/ only.
//
//     node:  | object, and in its lowest bits the flags | ext | edge |
//     edge:  | last | node number |       the edges of a node stand in a row, the last one marked
//
//   G1  An object has GRAPH set if and only if a node names it; its index is then the node's number.
//   G2  ext counts the links recorded at discovery less the edges recorded into the node: what is left is held from
//       outside the graph. It is meaningless for a node that is ALIVE, WHITE or being flooded, and serves as a thread then.
//   G3  A node whose object has been taken out (retired) has object NULL.
#ifndef CC_GRAPH_H
#define CC_GRAPH_H

#include "rc/object.h"

enum {
    CC_ALIVE = 1,  // proved alive: by an owner chain, an external count, or what reaches it
    CC_LATE = 2,   // R7: marked after tracing began
    CC_ROOT = 4,   // was a suspect: is one again if the collection is called off
    CC_WHITE = 8,  // garbage, as far as the scan can tell
    CC_FLAGS = 15
};

struct cc_node {
    uintptr_t object; // and flags
    uint32_t ext;
    uint32_t edge; // first edge, or CC_NONE. BUILD: the next node to be traced, until it is
};

#define CC_HELD (UINT32_C(1) << 30) // ext of a node that is to be found alive: beyond what links can take off
#define CC_EDGE_LAST (UINT32_C(1) << 31)

#define CC_NODES 4096  // a chunk
#define CC_EDGES 16384 // a chunk

static inline struct cc_node *cc_node(const struct cc *cc, uint32_t n) {
    return (struct cc_node *)cc->nodes.chunk[n / CC_NODES] + n % CC_NODES;
}
static inline uint32_t *cc_edge(const struct cc *cc, uint32_t e) {
    return (uint32_t *)cc->edges.chunk[e / CC_EDGES] + e % CC_EDGES;
}
static inline struct rc__header *cc_object(const struct cc_node *node) {
    return (struct rc__header *)(node->object & ~(uintptr_t)CC_FLAGS);
}

// A slice's time. `units` of work are done between two looks at the clock.
struct cc_budget {
    uint64_t deadline; // 0: one unit; UINT64_MAX: no end
    uint32_t units;    // left until the clock is read
    bool over;
};

uint64_t cc_now(void);
void cc_budget_check(struct cc_budget *budget, uint32_t cost);

// Accounts for [cost] units. Returns whether the slice goes on.
static inline bool cc_spend(struct cc_budget *budget, uint32_t cost) {
    if (budget->units > cost && budget->deadline)
        budget->units -= cost;
    else
        cc_budget_check(budget, cost);
    return !budget->over;
}

// Each does a part of its phase and returns whether that is finished; false: the slice is over (or, out_of_memory).
bool cc_roots(struct rc_heap *heap, struct cc_budget *budget);
bool cc_build(struct rc_heap *heap, struct cc_budget *budget);
bool cc_scan(struct rc_heap *heap, struct cc_budget *budget);
bool cc_validate(struct rc_heap *heap, struct cc_budget *budget);
bool cc_finalize(struct rc_heap *heap, struct cc_budget *budget);
bool cc_destroy(struct rc_heap *heap, struct cc_budget *budget);
bool cc_free(struct rc_heap *heap, struct cc_budget *budget);
bool cc_take_pardons(struct rc_heap *heap);
bool cc_retire_all(struct rc_heap *heap, struct cc_budget *budget);

bool cc_flood(struct cc *cc, struct cc_budget *budget, uintptr_t flag, uintptr_t not);

// The node's object leaves the graph alive (or is buried, if it is a husk); as a suspect if it is marked, if it was LATE,
// or if [suspect].
void cc_retire(struct rc_heap *heap, struct cc_node *node, bool suspect);
void cc_graph_reset(struct rc_heap *heap);

// Marks a node and pushes it on the stack of nodes to be flooded from.
static inline void cc_push(struct cc *cc, uint32_t n) {
    cc_node(cc, n)->ext = cc->work;
    cc->work = n;
}

#endif
