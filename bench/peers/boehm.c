// SPDX-License-Identifier: MIT
// The Boehm collector: a tracing collector, which counts nothing and collects when it sees fit. It frees lazily, at
// later allocations, so workloads 3 to 6 (one collection, timed) would compare nothing and are left out.
#include "../harness.h"

#define HEAD
#include <gc.h>

#define ONE_THREAD_ONLY
#include "../work/model.h"

static const size_t size_of[] = {sizeof(struct pair), sizeof(struct tree), sizeof(struct tree),
                                 sizeof(struct cell), sizeof(struct node), sizeof(struct listener)};

static inline void *make(enum kind kind) {
    void *obj = GC_MALLOC(size_of[kind]);
    DEMAND(obj);
    return obj;
}

#define TABLE_NEW(bytes) GC_MALLOC_UNCOLLECTABLE(bytes)
#define TABLE_FREE(p) GC_FREE(p)
#define RETAIN(p) (p)
#define DROP(p) ((p) = NULL)
#define DROP_CELLS(p) ((p) = NULL)
#define DROP_NODES(p) ((p) = NULL)
#define DROP_LIST(p) ((p) = NULL)
#define SET(slot, p) (*(slot) = (p))
#define GIVE(slot, p) (*(slot) = (p))
#define QUIET() GC_disable()
#define TURN() ((void)0)

static size_t whole_collection(void) {
    GC_enable();
    GC_gcollect();
    GC_disable();
    return 0;
}
#define COLLECT() whole_collection()

#include "../work/alloc.h"
#include "../work/tree.h"
#include "../work/live.h"
#include "../work/dom.h"
#include "../work/gcbench.h"

int main(int argc, char **argv) {
    static const struct workload all[] = {{"alloc.hot", alloc_hot}, {"alloc.bulk", alloc_bulk}, {"live", live},
                                          {"dom", dom},             {"gcbench", gcbench},       {NULL, NULL}};
    GC_INIT();
    return run_workload(argc, argv, all);
}
