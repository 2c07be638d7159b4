// SPDX-License-Identifier: MIT
// A growing array of links in memory of its own, the way a user would write one: a type that needs a trace function.
#ifndef TESTS_VECTOR_H
#define TESTS_VECTOR_H

#include <refcyc/refcyc.h>

struct vector {
    void **slots;
    size_t n;
};

extern const struct rc_type vector_type;

// An empty vector with a handle, that has room for [n] slots, all NULL.
struct vector *vector_new(size_t n);
// Moves the slots to new memory, [n] of them; slots beyond are cleared before.
void vector_resize(struct vector *vector, size_t n);
// Moves what is in the slots [by] places up, in the same memory; what comes to lie beyond the end was NULL.
void vector_shift(struct vector *vector, size_t by);

#endif
