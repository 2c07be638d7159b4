// SPDX-License-Identifier: MIT
// Plain C: malloc, free where the programmer knows that something is dead, and no collector.
//
// For workload 1 a bare counter. -DATOMIC makes it atomic, as in any library whose objects may be shared between
// threads, and leaves out the rest.
#include "../harness.h"

#define HEAD
#include "../work/model.h"

#define THREAD_BEGIN() ((void)0)
#define THREAD_END() ((void)0)

static void *counted_new(void) {
    long *count = aligned_alloc(64, 64);
    DEMAND(count);
    *count = 1;
    return count;
}

static inline void count_up(long *count) {
#ifdef ATOMIC
    __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
#else
    ++*count;
#endif
}

static inline void count_down(long *count) {
#ifdef ATOMIC
    if (__atomic_fetch_sub(count, 1, __ATOMIC_ACQ_REL) == 1)
#else
    if (--*count == 0)
#endif
        free(count);
}

#define COUNTED_NEW() counted_new()
#define COUNT_UP(p) count_up(p)
#define COUNT_DOWN(p) count_down(p)

#ifdef ATOMIC
#include "../work/retain.h"
#else
#define ONE_THREAD_ONLY
#include "../work/retain.h"
#undef ONE_THREAD_ONLY

static const size_t size_of[] = {sizeof(struct pair), sizeof(struct tree), sizeof(struct tree),
                                 sizeof(struct cell), sizeof(struct node), sizeof(struct listener)};

static inline void *make(enum kind kind) {
    void *obj = malloc(size_of[kind]);
    DEMAND(obj);
    return memset(obj, 0, size_of[kind]);
}

static void free_list(struct pair *p) {
    while (p) {
        struct pair *next = p->a;
        free(p);
        p = next;
    }
}

static void free_cells(struct cell *c) {
    if (c) {
        free_cells(c->left);
        free_cells(c->right);
        free(c);
    }
}

static void free_nodes(struct node *n) {
    for (struct node *child = n->first; child;) {
        struct node *next = child->next;
        free_nodes(child);
        child = next;
    }
    free(n->listener);
    free(n);
}

#define RETAIN(p) (p)
#define DROP(p) free(p)
#define DROP_LIST(p) free_list(p)
#define DROP_CELLS(p) free_cells(p)
#define DROP_NODES(p) free_nodes(p)
#define SET(slot, p) (*(slot) = (p))
#define GIVE(slot, p) (*(slot) = (p))
#define TURN() ((void)0)

#include "../work/alloc.h"
#include "../work/list.h"
#include "../work/dom.h"
#include "../work/gcbench.h"
#endif

int main(int argc, char **argv) {
    static const struct workload all[] = {
        {"retain", retain},
#ifndef ATOMIC
        {"alloc.hot", alloc_hot}, {"alloc.bulk", alloc_bulk}, {"list", list},
        {"dom", dom},             {"scaling", scaling},       {"gcbench", gcbench},
#endif
        {NULL, NULL}};
    return run_workload(argc, argv, all);
}
