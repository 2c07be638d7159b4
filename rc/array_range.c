// SPDX-License-Identifier: MIT
// rc_array, many elements at once.
//
// Where many elements go, they go into an array of their own, the remains, whose last handle is released then. So the
// array has its new shape before the first destructor runs, and the heap's release_limit spreads the rest over slices.
//
// Their references move to the remains without a mark, though R5 asks for one where a reference gets from one object to
// another. Here is why that is sound. When it happens, the program has the array within reach, so the verdict of a
// collection that had discovered it before finds it alive; and with it, by the edges recorded from it, each element
// that such an edge leads to. An element without such an edge has a reference more than were recorded, and is alive,
// too. The remains are never entered: they have a handle, then they are dead. And each element is marked, or dies by
// count, when the remains give up their link to it.
#include "array.h"

static bool range_of(const struct rc_array *a, size_t from, size_t *n) {
    if (from > a->size || (*n != SIZE_MAX && *n > a->size - from))
        return rc__fails(ERANGE);
    if (*n == SIZE_MAX)
        *n = a->size - from;
    return true;
}

static void hand_over(struct rc_array *a, struct rc_array *remains) {
    assert(!remains->data && remains->element == a->element && remains->kind == a->kind);
    rc__moving(a);
    remains->data = a->data;
    remains->size = a->size;
    remains->capacity = a->capacity;
    a->data = NULL;
    a->size = a->capacity = 0;
    a->version++;
}

void rc_array_clear(struct rc_array *a) {
    if (!RC__MAY_CHANGE(a, "rc_array_clear") || !a->data)
        return;
    struct rc_array *remains = rc__array_like(a);
    if (remains) {
        hand_over(a, remains);
        rc_release(remains);
        return;
    }
    for (size_t n = a->size; n && a->size; n--) // no memory: one by one
        rc_array_remove(a, a->size - 1);
    rc_array_shrink(a);
    a->version++;
}

bool rc_array_remove_range(struct rc_array *a, size_t from, size_t n) {
    if (!RC__MAY_CHANGE(a, "rc_array_remove_range") || !range_of(a, from, &n))
        return false;
    if (n == 0)
        return true;
    struct rc_array *remains = rc__array_like(a);
    if (!remains)
        return false;
    if (!rc__array_room(remains, n)) {
        rc_release(remains);
        return rc__fails(ENOMEM);
    }
    memcpy(remains->data, rc__array_place(a, from), n * a->element->size);
    remains->size = n;
    rc__array_close(a, from, n);
    rc_release(remains);
    return true;
}

// Asks about each element; bit i of [gone] says that it has to go. Returns how many have.
static size_t ask(const struct rc_array *array, bool (*test)(const void *, void *), void *arg, unsigned char *gone) {
    struct rc_array *a = rc__array_begin(array);
    size_t n = 0;
    for (size_t i = 0; i < a->size; i++)
        if (test(rc__array_place(a, i), arg)) {
            gone[i / 8] |= (unsigned char)(1 << i % 8);
            n++;
        }
    rc__array_end(a);
    return n;
}

static void part(struct rc_array *a, struct rc_array *remains, const unsigned char *gone) {
    assert(remains->size == 0 && a->kind == remains->kind);
    size_t kept = 0, size = a->element->size;
    rc__moving(a);
    for (size_t i = 0; i < a->size; i++) {
        struct rc_array *to = gone[i / 8] & 1 << i % 8 ? remains : a;
        size_t *at = to == a ? &kept : &remains->size;
        memmove(rc__array_place(to, *at), rc__array_place(a, i), size);
        ++*at;
    }
    a->size = kept;
    assert(kept <= a->size && remains->size <= remains->capacity);
    a->version++;
}

bool rc_array_remove_if(struct rc_array *a, bool (*test)(const void *, void *), void *arg, size_t *removed) {
    if (!RC__MAY_CHANGE(a, "rc_array_remove_if") || !rc__usable(test ? a : NULL, "rc_array_remove_if"))
        return false;
    struct rc_heap *heap = rc__here;
    size_t bytes = a->size / 8 + 1, n = 0;
    unsigned char *gone = rc__memory(heap, bytes);
    struct rc_array *remains = gone ? rc__array_like(a) : NULL, *held = rc_retain(a);
    bool ok = remains != NULL;
    if (ok) {
        n = ask(a, test, arg, memset(gone, 0, bytes));
        ok = n == 0 || rc__array_room(remains, n);
    }
    if (ok && n)
        part(a, remains, gone);
    rc__memory_free(heap, gone, bytes);
    rc_release(remains);
    rc_release(held);
    if (ok && removed)
        *removed = n;
    return ok || rc__fails(ENOMEM);
}

bool rc_array_resize(struct rc_array *a, size_t size) {
    if (!RC__MAY_CHANGE(a, "rc_array_resize"))
        return false;
    if (size <= a->size)
        return rc_array_remove_range(a, size, SIZE_MAX);
    if (a->kind & RC__E_DESTROY)
        return rc__fails(EINVAL);
    if (!rc__array_room(a, size - a->size))
        return false;
    memset(rc__array_place(a, a->size), 0, (size - a->size) * a->element->size);
    a->size = size;
    return true;
}

// ---- copies

static bool copy_range(struct rc_array *to, const struct rc_array *from, size_t at, size_t n) {
    if (!rc__array_room(to, n))
        return false;
    for (; n; n--, at++, to->size++)
        if (!rc__element_copy(to->element, to->kind, rc__array_place(to, to->size), rc__array_place(from, at)))
            return false;
    return true;
}

static struct rc_array *slice(const struct rc_array *array, size_t from, size_t n, const char *call) {
    if (!rc__usable(array, call) || !range_of(array, from, &n) ||
        !rc__element_copies(array->element, array->kind, call))
        return NULL;
    struct rc_array *copy = rc__array_like(array);
    if (!copy)
        return NULL;
    struct rc_array *a = rc__array_begin(array);
    bool ok = copy_range(copy, a, from, n);
    int error = errno;
    rc__array_end(a);
    if (ok)
        return copy;
    rc_release(copy);
    errno = error;
    return NULL;
}

struct rc_array *rc_array_slice(const struct rc_array *a, size_t from, size_t n) {
    return slice(a, from, n, "rc_array_slice");
}

static bool is_like(const struct rc_array *a, const struct rc_array *b, const char *call) {
    if (a->element == b->element)
        return true;
    rc__fault(RC_FAULT_TYPE, call, NULL, "the arrays are of different elements");
    return rc__fails(EINVAL);
}

// The copy is an array of its own first, so [source] may be the same array, and a failure has changed nothing. From
// there the references move without a mark: nobody but this function has ever seen the copy.
bool rc_array_insert_range(struct rc_array *a, size_t i, const struct rc_array *source, size_t from, size_t n) {
    const char *call = "rc_array_insert_range";
    if (!RC__MAY_CHANGE(a, call) || !rc__usable(source, call) || !is_like(a, source, call))
        return false;
    if (i > a->size)
        return rc__fails(ERANGE);
    struct rc_array *copy = slice(source, from, n, call);
    if (!copy)
        return false;
    bool ok = i <= a->size && rc__array_room(a, copy->size);
    if (ok && copy->size) {
        memcpy(rc__array_open(a, i, copy->size), copy->data, copy->size * a->element->size);
        copy->size = 0;
    }
    rc_release(copy);
    return ok || rc__fails(i <= a->size ? ENOMEM : ERANGE);
}

bool rc_array_move_range(struct rc_array *a, size_t i, struct rc_array *source, size_t from, size_t n) {
    const char *call = "rc_array_move_range";
    if (!RC__MAY_CHANGE(a, call) || !RC__MAY_CHANGE(source, call) || !is_like(a, source, call) ||
        !range_of(source, from, &n))
        return false;
    if (a == source)
        return rc__fails(EINVAL);
    if (i > a->size)
        return rc__fails(ERANGE);
    if (n == 0)
        return true;
    if (!rc__array_room(a, n))
        return false;
    size_t size = a->element->size;
    char *to = rc__array_open(a, i, n);
    for (size_t k = 0; k < n; k++)
        rc__element_move(a->element, a->kind, to + k * size, rc__array_place(source, from + k));
    rc__array_close(source, from, n);
    return true;
}

// ---- order

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

typedef int compare_fn(const void *a, const void *b);

typedef int compare_with_fn(const void *a, const void *b, void *arg);

struct sorting {
    const struct rc_array *array;
    compare_with_fn *compare;
    void *arg;
};

static int compare_places(void *context, uint32_t i, uint32_t k) {
    const struct sorting *s = context;
    return s->compare(rc__array_place(s->array, i), rc__array_place(s->array, k), s->arg);
}

// Moves each element to its place in [order], cycle by cycle.
static void arrange(struct rc_array *a, uint32_t *order) {
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

static compare_fn *order_of(const struct rc_array *a, compare_fn *compare) {
    if (!compare && a->element)
        compare = a->element->compare;
    if (!compare)
        errno = EINVAL;
    return compare;
}

static bool sort(struct rc_array *array, compare_with_fn *compare, void *arg) {
    struct rc_array *a = rc__array_begin(array);
    struct sorting sorting = {a, compare, arg};
    uint32_t *order = rc__order(rc__here, a->size, compare_places, &sorting);
    if (order)
        arrange(a, order);
    rc__order_free(rc__here, order, a->size);
    rc__array_end(a);
    return order != NULL;
}

// [arg] is the address of a comparison that needs none.
static int compare_without(const void *a, const void *b, void *arg) {
    return (*(compare_fn **)arg)(a, b);
}

bool rc_array_sort(struct rc_array *a, compare_fn *compare) {
    return RC__MAY_CHANGE(a, "rc_array_sort") && (compare = order_of(a, compare)) && sort(a, compare_without, &compare);
}

bool rc_array_sort_with(struct rc_array *a, compare_with_fn *compare, void *arg) {
    return RC__MAY_CHANGE(a, "rc_array_sort_with") && rc__usable(compare ? a : NULL, "rc_array_sort_with") &&
           sort(a, compare, arg);
}

bool rc_array_search(const struct rc_array *array, const void *value, compare_fn *compare, size_t *index) {
    if (!rc__usable(value ? array : NULL, "rc_array_search") || !(compare = order_of(array, compare)))
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
