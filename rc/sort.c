// SPDX-License-Identifier: MIT
// Sorting by order numbers. What is sorted stays where it is while comparisons run, so these may look at it, collect,
// or lie, and nothing is lost: an order is a permutation whatever they say. The caller then moves its elements to that
// order, without calling anybody.
//
// Merge sort, from the bottom up, on runs that insertion has sorted: stable, n log n comparisons.
#include "element.h"

enum { RUN = 8 };

struct sorter {
    uint32_t *order, *left;
    int (*compare)(void *context, uint32_t a, uint32_t b);
    void *context;
};

static void insertion(const struct sorter *s, size_t from, size_t to) {
    assert(s->order && s->compare);
    assert(from < to && to - from <= RUN);
    for (size_t i = from + 1; i < to; i++) {
        uint32_t moving = s->order[i];
        size_t k = i;
        for (; k > from && s->compare(s->context, s->order[k - 1], moving) > 0; k--)
            s->order[k] = s->order[k - 1];
        s->order[k] = moving;
    }
}

// Merges order[from..middle) and order[middle..to). The left run is set aside first.
static void merge(const struct sorter *s, size_t from, size_t middle, size_t to) {
    assert(s->left != s->order && to - from <= 2 * (middle - from));
    assert(from < middle && middle < to);
    if (s->compare(s->context, s->order[middle - 1], s->order[middle]) <= 0)
        return;
    size_t n = middle - from;
    memcpy(s->left, s->order + from, n * sizeof *s->left);
    size_t i = 0, k = middle, at = from;
    while (i < n && k < to) {
        bool right = s->compare(s->context, s->left[i], s->order[k]) > 0;
        s->order[at++] = right ? s->order[k++] : s->left[i++];
    }
    memcpy(s->order + at, s->left + i, (n - i) * sizeof *s->left);
    assert(at + (n - i) == k || i == n);
}

uint32_t *rc__order(struct rc_heap *heap, size_t n, int (*compare)(void *, uint32_t, uint32_t), void *context) {
    uint32_t *order = NULL;
    if (n <= UINT32_MAX) // LCOV_EXCL_BR_LINE: 2^32 elements do not fit into a test
        order = rc__memory(heap, (2 * n + 1) * sizeof *order);
    if (!order) {
        errno = ENOMEM;
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    struct sorter s = {order, order + n, compare, context};
    for (size_t from = 0; from < n; from += RUN)
        insertion(&s, from, from + RUN < n ? from + RUN : n);
    for (size_t width = RUN; width < n; width *= 2)
        for (size_t from = 0; from + width < n; from += 2 * width)
            merge(&s, from, from + width, from + 2 * width < n ? from + 2 * width : n);
    return order;
}

void rc__order_free(struct rc_heap *heap, uint32_t *order, size_t n) {
    rc__memory_free(heap, order, (2 * n + 1) * sizeof *order);
}

int rc__compare_without(const void *a, const void *b, void *arg) {
    return (*(rc__compare_fn **)arg)(a, b);
}
