// SPDX-License-Identifier: MIT
// See vector.h.
#include "tests/vector.h"
#include "tests/harness.h"

static void vector_trace(void *obj, struct rc_visitor *visitor) {
    struct vector *vector = obj;
    rc_visit_slots(visitor, vector->slots, vector->n);
}

static void vector_free_slots(void *obj) {
    free(((struct vector *)obj)->slots);
}

RC_TYPE(vector, struct vector, .trace = vector_trace, .free_slots = vector_free_slots);

struct vector *vector_new(size_t n) {
    struct vector *vector = rc_new(&vector_type);
    REQUIRE(vector);
    vector_resize(vector, n);
    return vector;
}

void vector_resize(struct vector *vector, size_t n) {
    for (size_t i = n; i < vector->n; i++)
        rc_clear(&vector->slots[i]);
    size_t kept = n < vector->n ? n : vector->n;
    void **slots = calloc(n + 1, sizeof *slots);
    REQUIRE(slots);
    rc_changed(vector);
    if (kept > 0)
        memcpy(slots, vector->slots, kept * sizeof *slots);
    free(vector->slots);
    vector->slots = slots;
    vector->n = n;
}

void vector_shift(struct vector *vector, size_t by) {
    for (size_t i = vector->n - by; i < vector->n; i++)
        REQUIRE(!vector->slots[i]);
    rc_changed(vector);
    memmove(vector->slots + by, vector->slots, (vector->n - by) * sizeof *vector->slots);
    memset(vector->slots, 0, by * sizeof *vector->slots);
}
