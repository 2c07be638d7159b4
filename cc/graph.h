// SPDX-License-Identifier: MIT
// The collector's private graph: 16 bytes a node, 4 an edge, no hash table, since an object's node number stands in its
// header. Not installed; for cc/ only.
//
//     node:  | object, and in its lowest bits the flags | ext | edge |
//     edge:  | first | node number |      the edges of a node stand in a row, the first one marked
//
//   G1  An object has GRAPH set if and only if a node names it; its index is then the node's number.
//   G2  ext is the number of links at discovery, less the edges recorded into the node: what is left comes from outside the
//       graph. In a node that is ALIVE it means nothing, and threads the stack of these. In a node that is BOTH
//       (rc/extra.c) it is CC_HELD, less the edges into it whose sources are not known to be ALIVE: the node is alive when
//       there are none of these, which is not known before all edges are recorded.
//   G3  The edges of a node are recorded without another node's in between; they end where those of another node begin, or with
//       the last edge.
//   G4  A node whose object has been taken out (retired) has object 0.
#ifndef CC_GRAPH_H
#define CC_GRAPH_H

#include "rc/object.h"

// An object's address leaves 4 bits free at the bottom and 16 at the top.
#define CC_ALIVE UINT64_C(1)         // held: by a handle, an external count, or what is ALIVE
#define CC_LATE UINT64_C(2)          // R7: marked after tracing began
#define CC_ROOT UINT64_C(4)          // was a suspect: is one again if the collection is called off
#define CC_WHITE UINT64_C(8)         // garbage, as far as the scan can tell
#define CC_TRACED (UINT64_C(1) << 48) // its slots have been read; until then `edge` threads a stack
#define CC_PROBED (UINT64_C(1) << 49) // ALIVE, and what it holds was told so
#define CC_OPEN (UINT64_C(1) << 50)   // may hold links that are no edges
#define CC_WANTED (UINT64_C(1) << 51) // a hint led to it
#define CC_BOTH (UINT64_C(1) << 52)   // alive only if all that links to it is
#define CC_EDGE_ONE (UINT64_C(1) << 53) // the number of its edges, as far as that fits
#define CC_OBJECT UINT64_C(0x0000FFFFFFFFFFF0)

struct cc_node {
    uint64_t object; // and flags
    uint32_t ext;
    uint32_t edge; // the first, or CC_NONE
};

#define CC_HELD (UINT32_C(1) << 30) // ext of a node that is to be found alive: more than edges can take off
#define CC_EDGE_FIRST (UINT32_C(1) << 31)

enum { CC_AHEAD = 12 }; // how many nodes ahead of the one that is worked on objects are fetched from memory

#define CC_NODES 4096  // a chunk, which has room for CC_AHEAD more: what is fetched ahead may lie beyond its end
#define CC_NODE_BYTES ((CC_NODES + CC_AHEAD) * sizeof(struct cc_node))
#define CC_EDGES 16384 // a chunk
#define CC_EDGE_BYTES (CC_EDGES * sizeof(uint32_t))

static inline struct cc_node *cc_node(const struct cc *cc, uint32_t n) {
    assert(n < cc->node_count);
    return (struct cc_node *)cc->nodes.chunk[n / CC_NODES] + n % CC_NODES;
}
// For assertions: a node, or none.
static inline bool cc_is_number(const struct cc *cc, uint32_t n) {
    // LCOV_EXCL_BR_START: an assertion's
    return n < cc->node_count || n == CC_NONE;
    // LCOV_EXCL_BR_STOP: and no more
}
static inline uint32_t *cc_edge(const struct cc *cc, uint32_t e) {
    assert(e / CC_EDGES < cc->edges.chunks);
    return (uint32_t *)cc->edges.chunk[e / CC_EDGES] + e % CC_EDGES;
}
// G3: the first edge of [node], and the one after [e] of the same node, or CC_NONE; the node that [e] leads to.
static inline uint32_t cc_first_edge(const struct cc_node *node) {
    return node->object & CC_TRACED ? node->edge : CC_NONE;
}
static inline uint32_t cc_next_edge(const struct cc *cc, uint32_t e) {
    assert(e < cc->edge_count && cc->edge_count <= cc->edge_room);
    return e + 1 == cc->edge_count || *cc_edge(cc, e + 1) & CC_EDGE_FIRST ? CC_NONE : e + 1;
}
static inline uint32_t cc_target(const struct cc *cc, uint32_t e) {
    return *cc_edge(cc, e) & ~CC_EDGE_FIRST;
}
// What the owner slot of [h], which is of class [c], leads to; or NULL.
static inline struct rc__header *cc_owner(const struct rc__header *h, const struct rc__class *c) {
    assert(c == rc__class(h));
    void *owner = c->owner == RC__NO_SLOT ? NULL : rc__load((const char *)(h + 1) + c->owner);
    return owner ? RC__HEADER(owner) : NULL;
}
// Something else is taken to be alive because [h] is held: when [h] no longer is, that has to be asked anew, so it is not LED.
static inline void cc_rely_on(struct rc__header *h) {
    if (h->word & RC__LED)
        h->word &= ~RC__LED;
}
// In the buffer, where each collection looks. (An old one it may leave for later: suspect.c.)
static inline bool cc_is_young_suspect(const struct rc__header *h) {
    return (h->word & (RC__SUSPECT | RC__OLD)) == RC__SUSPECT;
}
// R5, R6: what is to be seen on an object whose references have changed since its discovery. Death by count is a mark, too.
static inline bool cc_is_marked(const struct rc__header *h) {
    return rc__is_dead(h) || h->word & RC__SUSPECT || rc__handles(h) || rc__atomic_load(&h->shared) & ~RC__WEAK;
}
static inline struct rc__header *cc_object(const struct cc_node *node) {
    return (struct rc__header *)(uintptr_t)(node->object & CC_OBJECT);
}

// A slice's time. `units` of work are done between two looks at the clock.
struct cc_budget {
    uint64_t deadline; // 0: one unit; UINT64_MAX: no end
    uint64_t looked;   // when the clock was read last
    uint32_t units;    // left until it is read again
    bool over;
};

uint64_t cc_now(void);
// The size by which pacing tells growth: half of it is that of objects, which may fill pages that are there already, and half
// is all memory, since containers may have nearly all of that.
size_t cc_pace_bytes(const struct rc_heap *heap);
void cc_budget_check(struct cc_budget *budget);

// Accounts for [cost] units. Returns whether the slice goes on.
static inline bool cc_spend(struct cc_budget *budget, uint32_t cost) {
    assert(cost < UINT32_MAX / 2);
    if (budget->units > cost && budget->deadline)
        budget->units -= cost;
    else
        cc_budget_check(budget);
    return !budget->over;
}

// The suspects that this collection is to look at.
static inline size_t cc_roots_waiting(const struct rc_heap *heap) {
    assert(heap->old_count <= heap->suspect_count);
    return heap->suspect_count - (heap->cc.young_only ? heap->old_count : 0);
}

// Each does a part of its phase and returns whether that is finished; false: the slice is over (or, out_of_memory).
bool cc_roots(struct rc_heap *heap, struct cc_budget *budget);
void cc_islands_begin(struct cc *cc);
// Explores the roots from the cursor on. Those that are no islands are left for BUILD.
bool cc_islands(struct rc_heap *heap, struct cc_budget *budget);
// Explores from [h], which was a suspect until now; if it is no island it gets a node, for which there is room. All roots
// before it have been explored. Adds to [cost].
void cc_explore(struct rc_heap *heap, struct rc__header *h, uint32_t *cost);
bool cc_build(struct rc_heap *heap, struct cc_budget *budget);
bool cc_scan(struct rc_heap *heap, struct cc_budget *budget);
bool cc_validate(struct rc_heap *heap, struct cc_budget *budget);
bool cc_finalize(struct rc_heap *heap, struct cc_budget *budget);
bool cc_destroy(struct rc_heap *heap, struct cc_budget *budget);
bool cc_free(struct rc_heap *heap, struct cc_budget *budget);
bool cc_take_pardons(struct rc_heap *heap);
bool cc_more_nodes(struct rc_heap *heap);
bool cc_more_edges(struct rc_heap *heap);
void cc_memory_shrink(struct rc_heap *heap, struct rc__chunks *c, size_t chunk_bytes);
bool cc_retire_all(struct rc_heap *heap, struct cc_budget *budget);

void cc_recheck(struct rc_heap *heap);

// check.c: what must hold at the beginning of a phase, and of each slice that goes on with it; and at the end of a phase.
#ifndef NDEBUG
void cc_check_state(const struct rc_heap *heap);
#else
static inline void cc_check_state(const struct rc_heap *heap) {
    (void)heap;
}
#endif
#ifdef RC_CHECK
void cc_check(const struct rc_heap *heap);
#else
static inline void cc_check(const struct rc_heap *heap) {
    (void)heap;
}
#endif

// Sets ALIVE on all that the nodes on the stack `alive` reach by edges.
bool cc_flood(struct rc_heap *heap, struct cc_budget *budget);

// hints.c. [to] was found ALIVE because of [from]: if a slot of [to] leads back there, that is its class's hint.
void cc_learn(struct rc_heap *heap, const struct rc__header *from, struct rc__header *to);
// [node] is ALIVE and was not traced, but a hint led to it, as hints will from what it holds: all of that is ALIVE.
void cc_tell(struct rc_heap *heap, const struct cc_node *node);

// The node's object leaves the graph alive (or is buried, if it is a husk); as a suspect if it is marked, if it was LATE,
// or if [suspect].
void cc_retire(struct rc_heap *heap, struct cc_node *node, bool suspect);
void cc_graph_reset(struct rc_heap *heap);

// Calm: the graph's objects are still what they were when they were discovered, and nothing has to be released or called for
// them but their slots. Marks are made by the program, and by other threads on objects that they hold. The program has not run;
// and of an object that is white nobody has had a handle, nor can anybody get one without a weak reference.
static inline bool cc_is_calm(const struct cc *cc) {
    return cc->undisturbed && cc->plain;
}

static inline bool cc_is_white(const struct cc *cc, const struct cc_node *node) {
    return node->object & CC_WHITE || cc->all_white;
}

static inline void cc_set_alive(struct cc *cc, uint32_t n) {
    assert(!(cc_node(cc, n)->object & CC_ALIVE));
    assert(cc_is_number(cc, cc->alive));
    struct cc_node *node = cc_node(cc, n);
    cc->any_alive = true;
    node->object |= CC_ALIVE;
    assert(cc_object(node));
    node->ext = cc->alive;
    cc->alive = n;
}

// A pass over all nodes, in batches that lie in a row: sets *[first] to the node at the cursor and returns how many
// follow it there, itself included; one at a time where the slice is one unit. 0: the pass is over.
static inline uint32_t cc_batch(const struct cc *cc, const struct cc_budget *budget, struct cc_node **first) {
    assert(cc->cursor <= cc->node_count);
    uint32_t left = cc->node_count - cc->cursor, row = CC_NODES - cc->cursor % CC_NODES;
    uint32_t n = budget->deadline ? 32 : 1;
    *first = left ? cc_node(cc, cc->cursor) : NULL;
    return left < n ? (left < row ? left : row) : (n < row ? n : row);
}

// Fetches the object some nodes ahead.
static inline void cc_prefetch(const struct cc_node *node) {
    __builtin_prefetch((const void *)(uintptr_t)(node[CC_AHEAD].object & CC_OBJECT), 1);
}

#endif
