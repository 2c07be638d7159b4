// SPDX-License-Identifier: MIT
// Workload 9: GCBench, by John Ellis and Pete Kovac, Hans Boehm's version: short-lived binary trees of many depths,
// built top down and bottom up, beside a long-lived tree and a long-lived array. Seconds for all of it.

enum { STRETCH_DEPTH = 18, LONG_LIVED_DEPTH = 16, ARRAY_SIZE = 500000, MIN_DEPTH = 4, MAX_DEPTH = 16 };

static size_t cells_in(int depth) {
    return ((size_t)1 << (depth + 1)) - 1;
}

static void cells_top_down(enum kind kind, int depth, struct cell *cell) {
    if (depth <= 0)
        return;
    struct cell *left = make(kind), *right = make(kind);
    GIVE(&cell->left, left);
    GIVE(&cell->right, right);
    cells_top_down(kind, depth - 1, left);
    cells_top_down(kind, depth - 1, right);
}

static struct cell *cells_bottom_up(enum kind kind, int depth) {
    struct cell *left = depth > 0 ? cells_bottom_up(kind, depth - 1) : NULL;
    struct cell *right = depth > 0 ? cells_bottom_up(kind, depth - 1) : NULL;
    struct cell *cell = make(kind);
    if (depth > 0) {
        GIVE(&cell->left, left);
        GIVE(&cell->right, right);
    }
    return cell;
}

static void gcbench_of(enum kind kind, const char *workload) {
    double began = lap_begin();
    struct cell *stretch = cells_bottom_up(kind, STRETCH_DEPTH);
    KEEP(stretch);
    DROP_CELLS(stretch);
    struct cell *long_lived = make(kind);
    cells_top_down(kind, LONG_LIVED_DEPTH, long_lived);
    double *array = malloc(ARRAY_SIZE * sizeof *array);
    DEMAND(array);
    for (int i = 0; i < ARRAY_SIZE; i++)
        array[i] = 1.0 / (i + 1);
    for (int depth = MIN_DEPTH; depth <= MAX_DEPTH; depth += 2) {
        size_t times = 2 * cells_in(STRETCH_DEPTH) / cells_in(depth);
        for (size_t i = 0; i < times; i++) {
            struct cell *t = make(kind);
            cells_top_down(kind, depth, t);
            DROP_CELLS(t);
        }
        TURN();
        for (size_t i = 0; i < times; i++) {
            struct cell *t = cells_bottom_up(kind, depth);
            KEEP(t);
            DROP_CELLS(t);
        }
        TURN();
    }
    DEMAND(long_lived->left && array[1000] == 1.0 / 1001);
    say(workload, 1, lap_end(began, workload, 1) / 1e9, "s");
    DROP_CELLS(long_lived);
    free(array);
}

static void gcbench(size_t n, size_t rounds) {
    (void)n, (void)rounds;
    gcbench_of(CELL, "gcbench");
}
