// SPDX-License-Identifier: MIT
// Workload 7: a live binary tree with parents, something is done to 1,000 of its nodes, and a collection that finds nothing to
// free, in milliseconds. After tree.h.
//
//   live         a reference to each is taken and dropped
//   live.moved   the children of each change places

static double nothing_found(const char *workload) {
    double began = lap_begin();
    size_t freed = COLLECT();
    double ns = lap_end(began, workload, 1000);
    DEMAND(freed == 0);
    return ns / 1e6;
}

static void live_of(enum kind kind, const char *touched, const char *moved, size_t depth) {
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
    say(touched, n, nothing_found(touched), "ms");
    for (int i = 0; i < 1000;) {
        struct tree *t = all[random_below(&seed, (uint32_t)n)];
        if (!t->left)
            continue;
        struct tree *left = RETAIN(t->left), *right = RETAIN(t->right);
        SET(&t->left, right);
        SET(&t->right, left);
        DROP(left);
        DROP(right);
        i++;
    }
    say(moved, n, nothing_found(moved), "ms");
    DEMAND(root->left->parent == root);
    free(all);
}

static void live(size_t depth, size_t rounds) {
    (void)rounds;
    live_of(TREE, "live", "live.moved", depth);
}
