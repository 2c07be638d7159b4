// SPDX-License-Identifier: MIT
// What workloads 12 to 14, the containers, have in common: a row of n references to n new objects. C++ brings its own:
//
//   ref                                 a reference that counts
//   refs_new(n), refs_free(refs, n)     the row, and its end
#ifndef __cplusplus
typedef struct pair *ref;

static ref *refs_new(size_t n) {
    ref *refs = malloc(n * sizeof *refs);
    DEMAND(refs);
    for (size_t i = 0; i < n; i++)
        refs[i] = make(PAIR);
    return refs;
}

static void refs_free(ref *refs, size_t n) {
    for (size_t i = 0; i < n; i++)
        DROP(refs[i]);
    free(refs);
}
#endif

// How often [n] elements are read in one lap, so that [reads] are, about: a clock does not tell much of a tenth of a
// millisecond. Callgrind counts the same each time.
static size_t passes(size_t n, size_t reads) {
    return n < reads && !RUNNING_ON_VALGRIND ? reads / n : 1;
}

// The numbers below [n], in an order of their own.
static uint32_t *shuffled(size_t n) {
    uint32_t *order = (uint32_t *)malloc(n * sizeof *order), seed = 1;
    DEMAND(order);
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = (uint32_t)n; i > 1; i--) {
        uint32_t k = random_below(&seed, i), held = order[i - 1];
        order[i - 1] = order[k];
        order[k] = held;
    }
    return order;
}
