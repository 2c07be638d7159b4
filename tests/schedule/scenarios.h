// SPDX-License-Identifier: MIT
// What the scenarios have in common: heaps and objects with names, and the oracle of the end.
#ifndef TESTS_SCHEDULE_SCENARIOS_H
#define TESTS_SCHEDULE_SCENARIOS_H

#include "scheduler.h"

#include "rc/object.h"

#include <refcyc/weak_map.h>

enum { HEAPS_MAX = 3, NODES_MAX = 8 };

struct node {
    unsigned magic;
    int id;
    struct node *x, *y;
};

extern struct rc_heap *heap[HEAPS_MAX];
extern struct node *a, *b, *c;
extern struct rc_weak *weak;

// Their doors, and so the order in which several are locked, are in this order, or backwards.
void make_heaps(int n, bool backwards);
// In the heap this thread is inside, with a handle. The next id.
struct node *make(void);
struct node *make_plain(void); // without a destructor
struct node *make_with_finalizer(void);
// Each begin that makes a weak map says so when it has put [key] into it.
void name_weak_map(struct rc_weak_map *map, struct node *key);
// Is alive, and what it holds directly.
void must_live(const struct node *node);
// Works on the heap this thread is inside until nothing is pending, as a loop does that sleeps then until it is woken.
void work_until_quiet(void);

// The end of each scenario: if there is garbage left, work is pending or somebody was woken. After a collection everything
// is destroyed, once, and what has a finalizer finalized once; no handle and no memory is left.
void end_all(void);

// Name, about, begin, threads; and the end, if it is another.
#define SCENARIO(fn, ...) SCENARIO_WITH(fn, end_all, __VA_ARGS__)
#define SCENARIO_WITH(fn, end, ...)                                                                                    \
    static struct scenario fn = {__VA_ARGS__, end, NULL};                                                              \
    __attribute__((constructor)) static void fn##_register(void) {                                                     \
        scenario_register(&fn);                                                                                        \
    }                                                                                                                  \
    _Static_assert(1, "")
void scenario_register(struct scenario *s);
extern struct scenario *scenarios;

#endif
