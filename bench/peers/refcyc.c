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

#include "../work/retain.h"
#include "../work/alloc.h"
#include "../work/list.h"
#include "../work/tree.h"
#include "../work/cycles.h"
#include "../work/live.h"
#include "../work/dom.h"
#include "../work/gcbench.h"

static void live_owner(size_t depth, size_t rounds) {
    (void)rounds;
    live_of(OWNED_TREE, "live.owner", depth);
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
        {NULL, NULL}};
    return run_workload(argc, argv, all);
}
