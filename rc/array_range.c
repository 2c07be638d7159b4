// SPDX-License-Identifier: MIT
// rc_array, many elements at once.
//
// Where many elements are removed, they move into an array of their own, the remains, whose only handle is then released. So
// the array has its new shape before the first destructor runs, and the heap's release_limit spreads the rest over slices.
//
// Their references move to the remains without a mark, though R5 asks for one where a reference gets from one object to
// another. Why that is sound: when it happens the program has the array within reach, so a collection that has discovered
// the array already finds it alive, and with it each element that an edge recorded from it leads to. An element without such
// an edge has more references than were recorded, and so is alive, too. The remains are never entered: at first they have a
// handle, then they are dead. And each element is marked, or dies by count, when the remains give up their link to it.
#include "array.h"

static bool range_of(const struct rc_array *a, size_t from, size_t *n) {
    assert(n != NULL);
    assert(rc__array_is_sound(a));
    if (from > a->size || (*n != SIZE_MAX && *n > a->size - from))
        return rc__fails(ERANGE);
    if (*n == SIZE_MAX)
        *n = a->size - from;
    return true;
}

static void hand_over(struct rc_array *a, struct rc_array *remains) {
    assert(rc__array_is_sound(a));
    assert(!a->busy && remains->size == 0);
    assert(!remains->data && remains->element == a->element && remains->kind == a->kind);
    rc__moving(a);
    remains->data = a->data;
    remains->capacity = a->capacity;
    rc__array_resized(remains, a->size);
    rc__array_resized(a, 0);
    a->data = NULL;
    a->capacity = 0;
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
    rc__array_resized(remains, n);
    rc__array_close(a, from, n);
    rc_release(remains);
    return true;
}

// Asks about each element; bit i of [gone] says that it has to go. Returns how many have.
static size_t ask(const struct rc_array *array, bool (*test)(const void *, void *), void *arg, unsigned char *gone) {
    assert(gone && test);
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
    assert(gone && rc__array_is_sound(a));
    assert(!a->busy && a != remains);
    assert(remains->capacity > 0);
    assert(remains->size == 0 && a->kind == remains->kind);
    size_t kept = 0, left = 0, size = a->element->size;
    rc__moving(a);
    for (size_t i = 0; i < a->size; i++) {
        bool goes = gone[i / 8] & 1 << i % 8;
        char *to = goes ? rc__array_place(remains, left++) : rc__array_place(a, kept++);
        memmove(to, rc__array_place(a, i), size);
    }
    rc__array_resized(a, kept);
    rc__array_resized(remains, left);
    a->version++;
}

bool rc_array_remove_if(struct rc_array *a, bool (*test)(const void *, void *), void *arg, size_t *removed) {
    if (!RC__MAY_CHANGE(a, "rc_array_remove_if") || !RC__GIVEN(test, "rc_array_remove_if"))
        return false;
    if (!a->size) {
        if (removed)
            *removed = 0;
        return true;
    }
    size_t bytes = a->size / 8 + 1, n = 0;
    unsigned char *gone = rc__memory(rc__here, bytes);
    struct rc_array *remains = gone ? rc__array_like(a) : NULL, *held = rc_retain(a);
    bool ok = remains != NULL;
    if (ok) {
        n = ask(a, test, arg, memset(gone, 0, bytes));
        ok = n == 0 || rc__array_room(remains, n);
    }
    if (ok && n)
        part(a, remains, gone);
    rc__memory_free(rc__here, gone, bytes); // [test] may have merged the heap
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
    rc__array_resized(a, size);
    return true;
}

// ---- copies

static bool copy_range(struct rc_array *to, const struct rc_array *from, size_t at, size_t n) {
    assert(to != from && to->element == from->element);
    assert(at <= from->size && n <= from->size - at);
    if (!rc__array_room(to, n))
        return false;
    for (; n; n--, at++, rc__array_resized(to, to->size + 1))
        if (!rc__element_copy(to->element, to->kind, rc__array_place(to, to->size), rc__array_place(from, at)))
            return false;
    return true;
}

static struct rc_array *slice(const struct rc_array *array, size_t from, size_t n, const char *call) {
    assert(call != NULL);
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
    errno = error;
    return rc__discard(copy);
}

struct rc_array *rc_array_slice(const struct rc_array *a, size_t from, size_t n) {
    return slice(a, from, n, "rc_array_slice");
}

static bool is_like(const struct rc_array *a, const struct rc_array *b, const char *call) {
    assert(a && b);
    if (a->element == b->element)
        return true;
    rc__fault(RC_FAULT_TYPE, call, NULL, "the arrays are of different elements");
    return rc__fails(EINVAL);
}

// The elements of [copy], if that was to be had, move to [i]; its handle, ours, goes. They were an array of their own first, so
// [source] may be the same array, and a failure has changed nothing. From there the references move without a mark: nobody but
// the function that made the copy has ever seen it.
static bool take_in(struct rc_array *a, size_t i, struct rc_array *copy) {
    if (!copy)
        return false;
    assert(i <= a->size && !a->busy);
    bool ok = rc__array_room(a, copy->size);
    if (ok && copy->size) {
        memcpy(rc__array_open(a, i, copy->size), copy->data, copy->size * a->element->size);
        rc__array_resized(copy, 0);
    }
    rc_release(copy);
    return ok || rc__fails(ENOMEM);
}

bool rc_array_insert_range(struct rc_array *a, size_t i, const struct rc_array *source, size_t from, size_t n) {
    const char *call = "rc_array_insert_range";
    if (!RC__MAY_CHANGE(a, call) || !rc__usable(source, call) || !is_like(a, source, call))
        return false;
    if (i > a->size)
        return rc__fails(ERANGE);
    a->busy++;
    struct rc_array *copy = slice(source, from, n, call);
    a->busy--;
    return take_in(a, i, copy);
}

// A new array like [a] of copies of [n] values.
static struct rc_array *copied(struct rc_array *a, const char *values, size_t n) {
    struct rc_array *copy = rc__array_like(a);
    bool ok = copy && rc__array_room(copy, n);
    for (size_t size = a->element->size; ok && n; n--, values += size) {
        ok = rc__element_copy_for(&a->busy, a->element, a->kind, rc__array_place(copy, copy->size), values);
        rc__array_resized(copy, copy->size + ok);
    }
    return ok ? copy : rc__discard(copy);
}

static bool lies_in(const struct rc_array *a, const void *values) {
    const char *data = a->data;
    return (uintptr_t)values - (uintptr_t)data < a->capacity * a->element->size;
}

bool rc_array_insert_values(struct rc_array *a, size_t i, const void *values, size_t n) {
    const char *call = "rc_array_insert_values";
    bool given = values || !n;
    if (!RC__MAY_CHANGE(a, call) || !RC__GIVEN(given, call))
        return false;
    if (!a->element)
        return rc__element_check(NULL, &a->kind, call);
    if (!rc__element_copies(a->element, a->kind, call))
        return false;
    if (i > a->size)
        return rc__fails(ERANGE);
    if (!n)
        return true;
    if (!a->kind && !lies_in(a, values)) { // bytes: no call of anybody, nothing to count
        if (!rc__array_room(a, n))
            return false;
        memcpy(rc__array_open(a, i, n), values, n * a->element->size);
        return true;
    }
    return take_in(a, i, copied(a, values, n));
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
