// SPDX-License-Identifier: MIT
// rc_list: its elements found, and in another order.
#include "list.h"

struct rc_list_pos rc_list_find_if(const struct rc_list *list, struct rc_list_pos from,
                                   bool (*test)(const void *, void *), void *arg) {
    if (!rc__usable(list, "rc_list_find_if") || !RC__GIVEN(test, "rc_list_find_if") ||
        (rc_list_is_none(from) && !list->size))
        return RC_LIST_NONE;
    uint32_t c = rc_list_is_none(from) ? rc__list_at(list, 0)->next : rc__list_cell_of(list, from);
    struct rc_list *l = rc_retain((void *)(uintptr_t)list);
    l->busy++;
    while (c && !test(rc__list_element(l, c), arg))
        c = rc__list_at(l, c)->next;
    l->busy--;
    struct rc_list_pos found = rc__list_pos_of(l, c);
    rc_release(l);
    return found;
}

struct wanted {
    const struct rc_element *element;
    const void *value;
};

static bool is_wanted(const void *element, void *arg) {
    const struct wanted *wanted = arg;
    return rc__element_equal(wanted->element, element, wanted->value);
}

struct rc_list_pos rc_list_find_value(const struct rc_list *list, struct rc_list_pos from, const void *value) {
    if (!rc__usable(list, "rc_list_find_value") || !RC__GIVEN(value, "rc_list_find_value"))
        return RC_LIST_NONE;
    return rc_list_find_if(list, from, is_wanted, &(struct wanted){list->element, value});
}

struct rc_list_pos rc_list_find(const struct rc_list *l, const void *obj) {
    if (!rc__usable(l, "rc_list_find") || !rc__list_is_of_links(l) || !l->size)
        return RC_LIST_NONE;
    uint32_t c = rc__list_at(l, 0)->next;
    while (c && rc__load(rc__list_element(l, c)) != obj)
        c = rc__list_at(l, c)->next;
    return rc__list_pos_of(l, c);
}

bool rc_list_reverse(struct rc_list *l) {
    if (!RC__MAY_CHANGE(l, "rc_list_reverse"))
        return false;
    if (!l->size)
        return true;
    uint32_t c = 0;
    do {
        struct rc__list_cell *cell = rc__list_at(l, c);
        uint32_t next = cell->next;
        cell->next = cell->prev;
        cell->prev = next;
        c = next;
    } while (c);
    return true;
}

struct sorting {
    const struct rc_list *list;
    const uint32_t *cells;
    rc__compare_with_fn *compare;
    void *arg;
};

static int compare_cells(void *context, uint32_t i, uint32_t k) {
    const struct sorting *s = context;
    assert(i < s->list->size && k < s->list->size);
    assert(s->list->busy > 0); // E2
    return s->compare(rc__list_element(s->list, s->cells[i]), rc__list_element(s->list, s->cells[k]), s->arg);
}

// Sorts [n] cells, whose numbers are to be put into [cells].
static bool arrange(struct rc_list *l, uint32_t *cells, size_t n, rc__compare_with_fn *compare, void *arg) {
    assert(n == l->size && n > 1);
    assert(cells != NULL && compare != NULL);
    uint32_t c = 0;
    for (size_t i = 0; i < n; i++)
        cells[i] = c = rc__list_at(l, c)->next;
    struct sorting sorting = {l, cells, compare, arg};
    uint32_t *order = rc__order(rc__here, n, compare_cells, &sorting);
    if (!order)
        return false;
    rc__list_at(l, 0)->next = rc__list_at(l, 0)->prev = 0;
    for (size_t i = 0; i < n; i++)
        rc__list_link(l, cells[order[i]], 0);
    rc__order_free(rc__here, order, n);
    return true;
}

static bool sort(struct rc_list *l, rc__compare_with_fn *compare, void *arg) {
    assert(compare != NULL);
    assert(rc__list_is_sound(l));
    size_t n = l->size, bytes = (n + 1) * sizeof(uint32_t);
    uint32_t *cells = rc__memory(rc__here, bytes);
    if (!cells)
        return rc__fails(ENOMEM);
    struct rc_list *held = rc_retain(l);
    l->busy++;
    bool ok = n < 2 || arrange(l, cells, n, compare, arg);
    l->busy--;
    rc_release(held);
    rc__memory_free(rc__here, cells, bytes);
    return ok || rc__fails(ENOMEM);
}

bool rc_list_sort(struct rc_list *l, rc__compare_fn *compare) {
    if (!RC__MAY_CHANGE(l, "rc_list_sort"))
        return false;
    if (!compare && !(compare = l->element->compare))
        return rc__fails(EINVAL);
    return sort(l, rc__compare_without, &compare);
}

bool rc_list_sort_with(struct rc_list *l, rc__compare_with_fn *compare, void *arg) {
    return RC__MAY_CHANGE(l, "rc_list_sort_with") && RC__GIVEN(compare, "rc_list_sort_with") &&
           sort(l, compare, arg);
}
