// SPDX-License-Identifier: MIT
// Between array.c and array_range.c. Not installed.
#ifndef RC_ARRAY_H
#define RC_ARRAY_H

#include "element.h"

#include <refcyc/array.h>

// For assertions.
static inline bool rc__array_is_sound(const struct rc_array *a) {
    // LCOV_EXCL_BR_START: an assertion's
    return a->size <= a->capacity && (a->capacity > 0) == (a->data != NULL) && (a->element || !a->capacity);
    // LCOV_EXCL_BR_STOP: and no more
}

static inline char *rc__array_place(const struct rc_array *a, size_t i) {
    assert(a->element && i <= a->capacity);
    return (char *)a->data + i * a->element->size;
}

// Each change of the size is made here.
static inline void rc__array_resized(struct rc_array *a, size_t size) {
    assert(size <= a->capacity);
    a->size = size;
    a->links = a->kind & RC__E_LINK ? size : 0;
}

// Room for [n] elements more. false with errno.
bool rc__array_room(struct rc_array *a, size_t n);
// Makes a gap of [n] elements, for which there is room, at [i]. Its bytes mean nothing, and are overwritten at once.
char *rc__array_open(struct rc_array *a, size_t i, size_t n);
// Closes over [n] elements at [i], which are somewhere else by now.
void rc__array_close(struct rc_array *a, size_t i, size_t n);
// A new array like [a], or NULL with errno.
struct rc_array *rc__array_like(const struct rc_array *a);

// E2: around a callback. The array lives, and does not change.
static inline struct rc_array *rc__array_begin(const struct rc_array *array) {
    assert(rc__array_is_sound(array));
    assert(array->busy < UINT16_MAX);
    struct rc_array *a = rc_retain((void *)(uintptr_t)array);
    a->busy++;
    return a;
}
static inline void rc__array_end(struct rc_array *a) {
    assert(rc__array_is_sound(a));
    assert(a->busy > 0);
    a->busy--;
    rc_release(a);
}

#endif
