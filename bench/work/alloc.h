// SPDX-License-Identifier: MIT
// Workload 2: allocate and free an object with two references, nanoseconds per object: the same memory again and again
// (alloc.hot), and n at once (alloc.bulk), with the bytes of memory an object takes then (alloc.bytes).
// The program may bring TABLE_NEW(bytes) and TABLE_FREE(p), where malloc does not give memory that keeps objects alive.

#ifndef TABLE_NEW
#define TABLE_NEW(bytes) malloc(bytes)
#define TABLE_FREE(p) free(p)
#endif

static void alloc_hot(size_t n, size_t rounds) {
    (void)rounds;
    double began = lap_begin();
    for (size_t i = 0; i < n; i++) {
        struct pair *p = make(PAIR);
        KEEP(p);
        DROP(p);
    }
    lap_say(began, "alloc.hot", 1, n);
}

static void alloc_bulk(size_t n, size_t rounds) {
    (void)rounds;
    struct pair **all = TABLE_NEW(n * sizeof *all);
    DEMAND(all);
    memset(all, 1, n * sizeof *all);
    double before = resident_bytes();
    double began = lap_begin();
    for (size_t i = 0; i < n; i++)
        all[i] = make(PAIR);
    double built = lap_end(began, "alloc.bulk", n);
    double after = resident_bytes();
    began = lap_begin();
    for (size_t i = 0; i < n; i++)
        DROP(all[i]);
    say("alloc.bulk", n, (built + lap_end(began, "alloc.bulk", n)) / (double)n, "ns");
    say("alloc.bytes", n, (after - before) / (double)n, "bytes");
    TABLE_FREE(all);
}
