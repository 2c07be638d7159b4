// SPDX-License-Identifier: MIT
// rc_list: many elements at once. They are removed by a test, moved to another list, and copied.
#include "list.h"

// Takes the cells of which [test] says so out of the list, onto [doomed].
static size_t doom(struct rc_list *l, bool (*test)(const void *, void *), void *arg) {
    assert(test != NULL);
    assert(rc__list_is_sound(l));
    assert(l->used > l->size);
    size_t n = 0;
    l->busy++;
    for (uint32_t next, c = rc__list_at(l, 0)->next; c; c = next) {
        next = rc__list_at(l, c)->next;
        if (!test(rc__list_element(l, c), arg))
            continue;
        rc__list_unlink(l, c);
        *rc__list_at(l, c) = (struct rc__list_cell){.next = l->doomed, .prev = RC__DOOMED_CELL};
        l->doomed = c;
        l->doomed_count++;
        l->size--;
        n++;
    }
    l->busy--;
    return n;
}

bool rc_list_remove_if(struct rc_list *l, bool (*test)(const void *, void *), void *arg, size_t *removed) {
    _Alignas(16) char old[RC_ELEMENT_MAX];
    if (!RC__MAY_CHANGE(l, "rc_list_remove_if") || !RC__GIVEN(test, "rc_list_remove_if"))
        return false;
    struct rc_list *held = rc_retain(l);
    size_t n = l->size ? doom(l, test, arg) : 0;
    while (l->doomed) {
        uint32_t c = l->doomed;
        l->doomed = rc__list_at(l, c)->next;
        l->doomed_count--;
        memcpy(old, rc__list_element(l, c), l->element->size);
        rc__list_free_cell(l, c, l->stride);
        rc__element_drop(l->element, l->kind, old);
    }
    rc_release(held);
    if (removed)
        *removed = n;
    return true;
}

static bool are_alike(const struct rc_list *a, const struct rc_list *b, const char *call) {
    if (a->element == b->element)
        return true;
    rc__fault(RC_FAULT_TYPE, call, NULL, "the lists are of different elements");
    return rc__fails(EINVAL);
}

// How many cells there are from [first] to [last]; 0 with errno if [last] does not come after [first].
static size_t count_range(const struct rc_list *l, uint32_t first, uint32_t last) {
    assert(first && last);
    assert(first < l->used && last < l->used);
    size_t n = 1;
    for (uint32_t c = first; c != last; c = rc__list_at(l, c)->next, n++)
        if (!c) {
            errno = ESTALE;
            return 0;
        }
    return n;
}

bool rc_list_splice(struct rc_list *l, struct rc_list_pos before, struct rc_list *source, struct rc_list_pos first,
                    struct rc_list_pos last) {
    const char *call = "rc_list_splice";
    uint32_t at;
    if (!RC__MAY_CHANGE(l, call) || !RC__MAY_CHANGE(source, call) || !are_alike(l, source, call) ||
        !rc__list_place_of(l, before, &at))
        return false;
    if (l == source)
        return rc__fails(EINVAL);
    if (!source->size)
        return rc_list_is_none(first) && rc_list_is_none(last) ? true : rc__fails(ESTALE);
    uint32_t c = rc_list_is_none(first) ? rc__list_at(source, 0)->next : rc__list_cell_of(source, first);
    uint32_t end = rc_list_is_none(last) ? rc__list_at(source, 0)->prev : rc__list_cell_of(source, last);
    size_t n = c && end ? count_range(source, c, end) : 0;
    if (!n || !rc_list_reserve(l, l->size + n))
        return false;
    for (uint32_t next; n; n--, c = next) {
        next = rc__list_at(source, c)->next;
        rc__element_move(l->element, l->kind, rc__list_element(l, rc__list_new_cell(l, at)), rc__list_element(source, c));
        rc__list_take_out(source, c);
    }
    return true;
}

struct rc_list *rc_list_copy(const struct rc_list *list) {
    if (!rc__usable(list, "rc_list_copy") || !rc__element_copies(list->element, list->kind, "rc_list_copy"))
        return NULL;
    struct rc_list *copy = rc__list_like(list);
    if (!copy)
        return NULL;
    struct rc_list *l = rc_retain((void *)(uintptr_t)list);
    l->busy++;
    bool ok = !l->size || rc_list_reserve(copy, l->size);
    for (uint32_t c = ok && l->size ? rc__list_at(l, 0)->next : 0; ok && c; c = rc__list_at(l, c)->next)
        ok = !rc_list_is_none(rc_list_insert_value(copy, RC_LIST_NONE, rc__list_element(l, c)));
    int error = errno;
    l->busy--;
    rc_release(l);
    if (ok)
        return copy;
    errno = error;
    return rc__discard(copy);
}
