// SPDX-License-Identifier: MIT
// Workload 7: a live binary tree with parents; 1,000 of its nodes are touched (a reference taken and dropped); a
// collection that finds nothing to free, in milliseconds. After tree.h.

static void live_of(enum kind kind, const char *workload, size_t depth) {
    size_t n = ((size_t)1 << depth) - 1;
    uint32_t seed = 1;
    struct tree **all = malloc(n * sizeof *all), **end = all;
    DEMAND(all);
    QUIET();
    struct tree *root = grow(kind, (int)depth, NULL, &end);
    COLLECT();
    for (int i = 0; i < 1000; i++) {
        struct tree *t = RETAIN(all[random_below(&seed, (uint32_t)n)]);
        KEEP(t);
        DROP(t);
    }
    double began = lap_begin();
    size_t freed = COLLECT();
    say(workload, n, lap_end(began, workload, 1000) / 1e6, "ms");
    DEMAND(freed == 0 && root->left->parent == root);
    free(all);
}

static void live(size_t depth, size_t rounds) {
    (void)rounds;
    live_of(TREE, "live", depth);
}
