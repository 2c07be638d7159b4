// SPDX-License-Identifier: MIT
// Refcyc. The collector works when it is told to: TURN is one slice of at most a millisecond (under valgrind, where all
// is fifty times slower, of a second).
#include "../harness.h"

#define HEAD
#include <refcyc/refcyc.h>

#include "../work/model.h"

static RC_TYPE(pair, struct pair, .slots = RC_SLOTS(RC_LINK(struct pair, a), RC_LINK(struct pair, b)));
static RC_TYPE(tree, struct tree,
               .slots =
                   RC_SLOTS(RC_LINK(struct tree, left), RC_LINK(struct tree, right), RC_LINK(struct tree, parent)));
static RC_TYPE(owned_tree, struct tree,
               .slots =
                   RC_SLOTS(RC_LINK(struct tree, left), RC_LINK(struct tree, right), RC_OWNER(struct tree, parent)));
static RC_TYPE(cell, struct cell, .slots = RC_SLOTS(RC_LINK(struct cell, left), RC_LINK(struct cell, right)));
static RC_TYPE(acyclic_cell, struct cell, .slots = RC_SLOTS(RC_LINK(struct cell, left), RC_LINK(struct cell, right)),
               .acyclic = true);
static RC_TYPE(node, struct node,
               .slots = RC_SLOTS(RC_OWNER(struct node, parent), RC_LINK(struct node, first), RC_LINK(struct node, last),
                                 RC_LINK(struct node, prev), RC_LINK(struct node, next),
                                 RC_LINK(struct node, listener)));
static RC_TYPE(listener, struct listener, .slots = RC_SLOTS(RC_OWNER(struct listener, target)));

enum { ACYCLIC_CELL = KINDS };
static const struct rc_type *const types[] = {&pair_type, &tree_type,     &owned_tree_type,  &cell_type,
                                              &node_type, &listener_type, &acyclic_cell_type};

static inline void *make(enum kind kind) {
    void *obj = rc_new(types[kind]);
    DEMAND(obj);
    return obj;
}

#define RETAIN(p) rc_retain(p)
#define DROP(p) rc_release(p)
#define DROP_LIST(p) rc_release(p)
#define DROP_CELLS(p) rc_release(p)
#define DROP_NODES(p) rc_release(p)
#define SET(slot, p) rc_set(slot, p)
#define GIVE(slot, p) rc_give(slot, p)
#define QUIET() ((void)0)
#define COLLECT() rc_collect()
#define TURN() rc_collect_step(RUNNING_ON_VALGRIND ? 1000000000 : 1000000)
#define THREAD_BEGIN() rc_heap_enter(rc_heap_new(NULL))
#define THREAD_END() rc_heap_free(rc_heap_current())
#define COUNTED_NEW() make(PAIR)
#define COUNT_UP(p) ((void)rc_retain(p))
#define COUNT_DOWN(p) rc_release(p)

#define ARRAY struct rc_array *
#define ARRAY_NEW() rc_array_new(&rc_link_element)
#define ARRAY_FREE(a) rc_release(a)
#define ARRAY_APPEND(a, r) DEMAND(rc_array_push(a, r))
#define ARRAY_INSERT(a, i, r) DEMAND(rc_array_insert(a, i, r))
#define ARRAY_DELETE(a, i) rc_array_remove(a, i)
#define ARRAY_POP(a) rc_array_remove(a, rc_array_size(a) - 1)
#define ROW struct pair **
#define ARRAY_ROW(a) rc_array_data(a)
#define ROW_AT(row, i) (row)[i]
#define ARRAY_GET(a, i) rc_array_get(a, i)
#define ARRAY_EACH(a, p, body)                                                                                         \
    for (struct pair **at = rc_array_data(a), **end = at + rc_array_size(a); at < end; at++) {                         \
        struct pair *p = *at;                                                                                          \
        body;                                                                                                          \
    }

#define MAP struct rc_map *
#define MAP_NEW() rc_map_new(&rc_int64_element, &rc_link_element)
#define MAP_FREE(m) rc_release(m)
#define MAP_PUT(m, k, r) DEMAND(rc_map_set_int(m, (int64_t)(k), r))
#define MAP_DELETE(m, k) rc_map_remove_int(m, (int64_t)(k))
#define MAP_GET(m, k) rc_map_get_int(m, (int64_t)(k))
#define MAP_EACH(m, k, p, body)                                                                                        \
    for (struct rc_map_iter it = rc_map_iter(m); rc_map_next(&it) == RC_ITER_ITEM;) {                                  \
        uint64_t k = *(const uint64_t *)it.key;                                                                        \
        void *p = *(void **)it.value;                                                                                  \
        body;                                                                                                          \
    }
#define TEXTS struct rc_map *
#define TEXTS_NEW() rc_map_new(&rc_string_element, &rc_link_element)
#define TEXTS_FREE(m) rc_release(m)
#define TEXTS_PUT(m, k, r) DEMAND(rc_map_set_text(m, k, r))
#define TEXTS_DELETE(m, k) rc_map_remove_text(m, k)
#define TEXTS_GET(m, k) rc_map_get_text(m, k)

#define NEW_ROW(T, n) malloc((n) * sizeof(T))
#define FREE_ROW(p) free(p)
#define QUEUE struct rc_list *
#define POS struct rc_list_pos
#define QUEUE_NEW() rc_list_new(&rc_link_element)
#define QUEUE_FREE(q) rc_release(q)
#define QUEUE_APPEND(q, r) rc_list_push_back(q, r)
#define QUEUE_INSERT(q, pos, r) rc_list_insert(q, pos, r)
#define QUEUE_DELETE(q, pos) rc_list_remove(q, pos)
#define QUEUE_SHIFT(q) rc_list_remove(q, rc_list_first(q))
#define QUEUE_EACH(q, p, body)                                                                                         \
    for (struct rc_list_iter it = rc_list_iter(q); rc_list_step(&it) == RC_ITER_ITEM;) {                               \
        void *p = *(void **)it.element;                                                                                \
        body;                                                                                                          \
    }

#include "../work/retain.h"
#include "../work/alloc.h"
#include "../work/list.h"
#include "../work/tree.h"
#include "../work/cycles.h"
#include "../work/live.h"
#include "../work/dom.h"
#include "../work/gcbench.h"
#include "../work/refs.h"
#include "../work/array.h"
#include "../work/map.h"
#include "../work/queue.h"

static void live_owner(size_t depth, size_t rounds) {
    (void)rounds;
    live_of(OWNED_TREE, "live.owner", "live.owner.moved", depth);
}

static void gcbench_acyclic(size_t n, size_t rounds) {
    (void)n, (void)rounds;
    gcbench_of((enum kind)ACYCLIC_CELL, "gcbench.acyclic");
}

int main(int argc, char **argv) {
    static const struct workload all[] = {
        {"retain", retain},   {"alloc.hot", alloc_hot}, {"alloc.bulk", alloc_bulk}, {"list", list},
        {"pairs", pairs},     {"ring", ring},           {"dlist", dlist},           {"tree", tree},
        {"graph", graph},     {"live", live},           {"live.owner", live_owner}, {"dom", dom},
        {"scaling", scaling}, {"gcbench", gcbench},     {"gcbench.acyclic", gcbench_acyclic},
        {"array", array},     {"map", map},             {"text", text},             {"queue", queue},
        {NULL, NULL}};
    return run_workload(argc, argv, all);
}
