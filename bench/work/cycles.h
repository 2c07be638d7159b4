// SPDX-License-Identifier: MIT
// Workloads 3 to 6: n objects in cycles, dropped, then one collection that frees them all, nanoseconds per object. What
// building and dropping cost is on a line of its own (pairs.build ...). After tree.h, which has the tree.

static double cycles_began;

static void cycles_built(const char *workload, size_t n) {
    lap_say(cycles_began, workload, n, n);
}

static void cycles_collect(const char *workload, size_t n) {
    double began = lap_begin();
    size_t freed = COLLECT();
    lap_say(began, workload, n, n);
    DEMAND(freed >= n);
}

// 3:  a <-> b, n / 2 times
static void pairs(size_t n, size_t rounds) {
    (void)rounds;
    QUIET();
    cycles_began = lap_begin();
    for (size_t i = 0; i < n / 2; i++) {
        struct pair *a = make(PAIR), *b = make(PAIR);
        SET(&a->a, b);
        GIVE(&b->a, a);
        DROP(b);
    }
    cycles_built("pairs.build", n);
    cycles_collect("pairs", n / 2 * 2);
}

// A list of n objects, with or without links back; the caller has a reference of the first.
static struct pair *chain(size_t n, bool back, struct pair **last) {
    struct pair *first = make(PAIR);
    *last = first;
    for (size_t i = 1; i < n; i++) {
        struct pair *p = make(PAIR);
        if (back)
            SET(&p->b, *last);
        GIVE(&(*last)->a, p);
        *last = p;
    }
    return first;
}

// 4:  first -> ... -> last -> first
static void ring(size_t n, size_t rounds) {
    (void)rounds;
    QUIET();
    cycles_began = lap_begin();
    struct pair *last, *first = chain(n, false, &last);
    GIVE(&last->a, first);
    cycles_built("ring.build", n);
    cycles_collect("ring", n);
}

// 5:  first <-> ... <-> last; and another one that a collection has found alive before it was dropped
static void dlist(size_t n, size_t rounds) {
    (void)rounds;
    QUIET();
    cycles_began = lap_begin();
    struct pair *last, *first = chain(n, true, &last);
    DROP(first);
    cycles_built("dlist.build", n);
    cycles_collect("dlist", n);
    first = chain(n, true, &last);
    COLLECT();
    DROP(first);
    cycles_collect("dlist.old", n);
}

// 5:  a binary tree of the given depth, with parents; and another as above
static void tree(size_t depth, size_t rounds) {
    (void)rounds;
    size_t n = ((size_t)1 << depth) - 1;
    QUIET();
    cycles_began = lap_begin();
    struct tree *root = grow(TREE, (int)depth, NULL, NULL);
    DROP(root);
    cycles_built("tree.build", n);
    cycles_collect("tree", n);
    root = grow(TREE, (int)depth, NULL, NULL);
    COLLECT();
    DROP(root);
    cycles_collect("tree.old", n);
}

// 6:  n objects with three references each to objects chosen at random
static void graph(size_t n, size_t rounds) {
    (void)rounds;
    uint32_t seed = 1;
    struct tree **all = malloc(n * sizeof *all);
    DEMAND(all);
    QUIET();
    cycles_began = lap_begin();
    for (size_t i = 0; i < n; i++)
        all[i] = make(TREE);
    for (size_t i = 0; i < n; i++) {
        SET(&all[i]->left, all[random_below(&seed, (uint32_t)n)]);
        SET(&all[i]->right, all[random_below(&seed, (uint32_t)n)]);
        SET(&all[i]->parent, all[random_below(&seed, (uint32_t)n)]);
    }
    for (size_t i = 0; i < n; i++)
        DROP(all[i]);
    cycles_built("graph.build", n);
    // About one in twenty has no reference to it and has died by count; the rest is for the collector.
    double began = lap_begin();
    size_t freed = COLLECT();
    lap_say(began, "graph", n, n);
    DEMAND(freed > n / 2);
    free(all);
}
