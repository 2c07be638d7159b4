// SPDX-License-Identifier: MIT
// rc_array: its elements in another order; and found, in a row or in an order.
#include "array.h"

bool rc_array_swap(struct rc_array *a, size_t i, size_t k) {
    char held[RC_ELEMENT_MAX];
    if (!RC__MAY_CHANGE(a, "rc_array_swap"))
        return false;
    if (i >= a->size || k >= a->size)
        return rc__fails(ERANGE);
    if (i == k)
        return true;
    rc__moving(a);
    memcpy(held, rc__array_place(a, i), a->element->size);
    memcpy(rc__array_place(a, i), rc__array_place(a, k), a->element->size);
    memcpy(rc__array_place(a, k), held, a->element->size);
    a->version++;
    return true;
}

bool rc_array_reverse(struct rc_array *a) {
    if (!RC__MAY_CHANGE(a, "rc_array_reverse"))
        return false;
    for (size_t i = 0; i < a->size / 2; i++)
        rc_array_swap(a, i, a->size - 1 - i);
    return true;
}

struct sorting {
    const struct rc_array *array;
    rc__compare_with_fn *compare;
    void *arg;
};

static int compare_places(void *context, uint32_t i, uint32_t k) {
    const struct sorting *s = context;
    assert(i < s->array->size && k < s->array->size);
    assert(s->array->busy > 0); // E2
    return s->compare(rc__array_place(s->array, i), rc__array_place(s->array, k), s->arg);
}

// Moves each element to its place in [order], cycle by cycle.
static void arrange(struct rc_array *a, uint32_t *order) {
    assert(order != NULL);
    assert(a->size <= UINT32_MAX);
    char held[RC_ELEMENT_MAX];
    size_t size = a->element->size;
    rc__moving(a);
    for (uint32_t i = 0; i < a->size; i++) {
        assert(order[i] < a->size);
        if (order[i] == i)
            continue;
        memcpy(held, rc__array_place(a, i), size);
        uint32_t at = i;
        for (uint32_t next = order[i]; next != i; next = order[at]) {
            memcpy(rc__array_place(a, at), rc__array_place(a, next), size);
            order[at] = at;
            at = next;
        }
        memcpy(rc__array_place(a, at), held, size);
        order[at] = at;
    }
    a->version++;
}

static rc__compare_fn *order_of(const struct rc_array *a, rc__compare_fn *compare) {
    if (!compare && a->element)
        compare = a->element->compare;
    if (!compare)
        errno = EINVAL;
    return compare;
}

static bool sort(struct rc_array *array, rc__compare_with_fn *compare, void *arg) {
    assert(compare != NULL);
    assert(rc__array_is_sound(array));
    if (array->size < 2)
        return true;
    struct rc_array *a = rc__array_begin(array);
    struct sorting sorting = {a, compare, arg};
    uint32_t *order = rc__order(rc__here, a->size, compare_places, &sorting);
    if (order)
        arrange(a, order);
    rc__order_free(rc__here, order, a->size);
    rc__array_end(a);
    return order != NULL;
}

bool rc_array_sort(struct rc_array *a, rc__compare_fn *compare) {
    return RC__MAY_CHANGE(a, "rc_array_sort") && (compare = order_of(a, compare)) && sort(a, rc__compare_without, &compare);
}

bool rc_array_sort_with(struct rc_array *a, rc__compare_with_fn *compare, void *arg) {
    return RC__MAY_CHANGE(a, "rc_array_sort_with") && RC__GIVEN(compare, "rc_array_sort_with") &&
           sort(a, compare, arg);
}

bool rc_array_search(const struct rc_array *array, const void *value, rc__compare_fn *compare, size_t *index) {
    if (!rc__usable(array, "rc_array_search") || !RC__GIVEN(value, "rc_array_search") ||
        !(compare = order_of(array, compare)))
        return false;
    struct rc_array *a = rc__array_begin(array);
    size_t low = 0, high = a->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(rc__array_place(a, middle), value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < a->size && compare(rc__array_place(a, low), value) == 0;
    rc__array_end(a);
    if (index)
        *index = low;
    return found;
}

size_t rc_array_find_value(const struct rc_array *array, size_t from, const void *value) {
    if (!rc__usable(array, "rc_array_find_value") || !RC__GIVEN(value, "rc_array_find_value"))
        return RC_NOT_FOUND;
    struct rc_array *a = rc__array_begin(array);
    size_t i = from;
    while (i < a->size && !rc__element_equal(a->element, rc__array_place(a, i), value))
        i++;
    i = i < a->size ? i : RC_NOT_FOUND;
    rc__array_end(a);
    return i;
}

size_t rc_array_find_if(const struct rc_array *array, size_t from, bool (*test)(const void *, void *), void *arg) {
    if (!rc__usable(array, "rc_array_find_if") || !RC__GIVEN(test, "rc_array_find_if"))
        return RC_NOT_FOUND;
    struct rc_array *a = rc__array_begin(array);
    size_t i = from;
    while (i < a->size && !test(rc__array_place(a, i), arg))
        i++;
    i = i < a->size ? i : RC_NOT_FOUND;
    rc__array_end(a);
    return i;
}
