// SPDX-License-Identifier: MIT
// rc_array: elements in a row. This file has what concerns one element; array_range.c what concerns many.
//
// Why elements may move inside an array without a word to the collector, but for rc__moving (R9): what counts for the
// collector is how many references an object has from which object. A permutation inside one container changes none of
// these numbers.
//
//   - The array was traced, all of it: the edges recorded are still those that there are (R4).
//   - It will be traced later: it shows each reference once, wherever it is then.
//   - It is being traced in pieces: a reference could move from a part that was read to one that is still to be read, and so
//     be recorded twice without any mark. Therefore rc__moving has the array spared and read no further: each reference was
//     recorded once or not at all, and one that was not keeps its target alive.
//   - It loses no reference, so nothing becomes garbage (R1 has nothing to ask).
//
// Appending needs no such care: what lies beyond the last element has not been read yet. Nor does taking off the end: either
// that place has not been read, or what it held is marked by the loss of that link.
//
// The link of a new element lies in a variable here for a moment before it lies in the array. No collector runs in between, and
// to a collector a link that is in no object yet is like one that it has not met yet.
#include "array.h"

static void array_trace(void *obj, struct rc_visitor *visitor) {
    assert(rc__array_is_sound(obj));
    struct rc_array *a = obj;
    if (a->kind & RC__E_LINKS)
        rc__element_visit(a->element, a->kind, visitor, a->data, a->size, a->element->size);
}

static bool array_destroy_some(void *obj, size_t from, size_t to) {
    assert(from <= to);
    struct rc_array *a = obj;
    assert(a->size <= a->capacity);
    if (!(a->kind & (RC__E_DESTROY | RC__E_WEAK)))
        return false;
    for (size_t i = from; i < to && i < a->size; i++)
        rc__element_end(a->element, a->kind, rc__array_place(a, i));
    return to < a->size;
}

static void array_free_slots(void *obj) {
    assert(rc__array_is_sound(obj));
    struct rc_array *a = obj;
    if (a->data)
        rc__memory_later(rc__home(a), a->data, a->capacity * a->element->size);
}

_Static_assert((int)RC__ARRAY_LINKS == (int)RC__E_LINK, "array.h reads kind");

const struct rc_type rc_array_type = {.name = "rc_array",
                                      .size = sizeof(struct rc_array),
                                      .trace = array_trace,
                                      .free_slots = array_free_slots,
                                      .destroy_some = array_destroy_some};
// What arrays are of whose elements have no links: acyclic.
const struct rc_type rc__leaf_array_type = {
    .name = "rc_array", .size = sizeof(struct rc_array), .base = &rc_array_type, .acyclic = true};

static struct rc_array *array_new(const struct rc_element *element, uint8_t kind) {
    assert(element && element->size > 0);
    assert(element->size <= RC_ELEMENT_MAX);
    struct rc_array *a = rc_new(kind & RC__E_LINKS ? &rc_array_type : &rc__leaf_array_type);
    if (a) {
        a->element = element;
        a->kind = kind;
    }
    return a;
}

struct rc_array *rc_array_new(const struct rc_element *element) {
    uint8_t kind;
    return rc__element_check(element, &kind, "rc_array_new") ? array_new(element, kind) : NULL;
}

struct rc_array *rc__array_like(const struct rc_array *a) {
    return a->element ? array_new(a->element, a->kind) : rc_array_new(NULL);
}

bool rc_array_init(struct rc_array *a, const struct rc_element *element) {
    if (!RC__MAY_CHANGE(a, "rc_array_init"))
        return false;
    if (a->element)
        return rc__fails(EINVAL);
    if (!rc__element_check(element, &a->kind, "rc_array_init"))
        return false;
    a->element = element;
    return true;
}

void *rc__array_null(const char *call) {
    assert(call != NULL);
    rc__misused(NULL, call);
    return NULL;
}

// ---- room

static bool set_capacity(struct rc_array *a, size_t capacity) {
    assert(rc__array_is_sound(a));
    assert(!a->busy);
    assert(capacity >= a->size);
    if (!a->element)
        return rc__element_check(NULL, &a->kind, "rc_array");
    size_t size = a->element->size;
    if (capacity > SIZE_MAX / 2 / size)
        return rc__fails(ENOMEM);
    void *data = rc__memory_grow(rc__here, a->data, a->capacity * size, a->size * size, capacity * size);
    if (!data)
        return rc__fails(ENOMEM);
    rc__moving(a);
    a->data = data;
    a->capacity = capacity;
    assert(rc__array_is_sound(a));
    return true;
}

// The capacity of the first memory that an array gets: what 64 bytes hold, so an array of eight links needs no other.
static size_t first_capacity(const struct rc_array *a) {
    size_t size = a->element ? a->element->size : 1;
    return size < 16 ? 64 / size : 4;
}

bool rc__array_room(struct rc_array *a, size_t n) {
    assert(!a->busy);
    assert(a->size <= a->capacity && (a->capacity > 0) == (a->data != NULL));
    if (n <= a->capacity - a->size)
        return true;
    if (n > SIZE_MAX / 4 - a->size)
        return rc__fails(ENOMEM);
    size_t first = first_capacity(a), capacity = a->capacity < first ? first : 2 * a->capacity;
    return set_capacity(a, capacity < a->size + n ? a->size + n : capacity);
}

bool rc_array_reserve(struct rc_array *a, size_t capacity) {
    if (!RC__MAY_CHANGE(a, "rc_array_reserve"))
        return false;
    return capacity <= a->capacity || set_capacity(a, capacity);
}

bool rc_array_shrink(struct rc_array *a) {
    if (!RC__MAY_CHANGE(a, "rc_array_shrink"))
        return false;
    if (a->size == a->capacity)
        return true;
    if (a->size)
        return set_capacity(a, a->size);
    rc__moving(a);
    rc__memory_free(rc__here, a->data, a->capacity * a->element->size);
    a->data = NULL;
    a->capacity = 0;
    return true;
}

char *rc__array_open(struct rc_array *a, size_t i, size_t n) {
    assert(n > 0);
    assert(rc__array_is_sound(a));
    assert(i <= a->size && n <= a->capacity - a->size && !a->busy);
    char *at = rc__array_place(a, i);
    if (i < a->size) {
        rc__moving(a);
        memmove(at + n * a->element->size, at, (a->size - i) * a->element->size);
        a->version++;
    }
    rc__array_resized(a, a->size + n);
    return at;
}

void rc__array_close(struct rc_array *a, size_t i, size_t n) {
    assert(n > 0);
    assert(rc__array_is_sound(a));
    assert(n <= a->size && i <= a->size - n && !a->busy);
    rc__array_resized(a, a->size - n);
    if (i < a->size) {
        rc__moving(a);
        char *at = rc__array_place(a, i);
        memmove(at, at + n * a->element->size, (a->size - i) * a->element->size);
        a->version++;
    }
}

// ---- any element

static bool has_index(const struct rc_array *a, size_t i) {
    return i < a->size || rc__fails(ERANGE);
}

// Puts the element in [made], which is in no container yet, at [i]. There is room. Returns true.
static bool put(struct rc_array *a, size_t i, const void *made) {
    assert(made != NULL && a->element);
    memcpy(rc__array_open(a, i, 1), made, a->element->size);
    return true;
}

static __attribute__((noinline)) bool insert_special(struct rc_array *a, size_t i, const void *value) {
    _Alignas(16) char made[RC_ELEMENT_MAX];
    if (!RC__MAY_CHANGE(a, "rc_array_insert_value") || !RC__GIVEN(value, "rc_array_insert_value") ||
        !rc__element_copies(a->element, a->kind, "rc_array_insert_value"))
        return false;
    if (i > a->size)
        return rc__fails(ERANGE);
    if (!a->element)
        return rc__element_check(NULL, &a->kind, "rc_array_insert_value");
    if (!rc__element_copy_for(&a->busy, a->element, a->kind, made, value))
        return false;
    return rc__array_room(a, 1) ? put(a, i, made) : rc__element_discard(a->element, a->kind, made);
}

// The usual case: at the end, where there is room, and nobody is called. The copy is made in its place.
bool rc_array_insert_value(struct rc_array *a, size_t i, const void *value) {
    if (!RC__IS_OPEN(a, "rc_array_insert_value") || !value || i != a->size || i == a->capacity ||
        a->kind & (RC__E_COPY | RC__E_DESTROY))
        return insert_special(a, i, value);
    if (!rc__element_copy(a->element, a->kind, rc__array_place(a, i), value))
        return false;
    rc__array_resized(a, i + 1);
    return true;
}

bool rc_array_insert_give(struct rc_array *a, size_t i, void *value) {
    _Alignas(16) char made[RC_ELEMENT_MAX];
    if (!RC__MAY_CHANGE(a, "rc_array_insert_give") || !RC__GIVEN(value, "rc_array_insert_give"))
        return false;
    if (i > a->size)
        return rc__fails(ERANGE);
    if (!rc__array_room(a, 1))
        return false;
    rc__element_give(a->element, a->kind, made, value);
    return put(a, i, made);
}

bool rc_array_set_value(struct rc_array *a, size_t i, const void *value) {
    _Alignas(16) char made[RC_ELEMENT_MAX], old[RC_ELEMENT_MAX];
    if (!RC__MAY_CHANGE(a, "rc_array_set_value") || !RC__GIVEN(value, "rc_array_set_value") ||
        !rc__element_copies(a->element, a->kind, "rc_array_set_value") || !has_index(a, i) ||
        !rc__element_copy_for(&a->busy, a->element, a->kind, made, value))
        return false;
    memcpy(old, rc__array_place(a, i), a->element->size);
    memcpy(rc__array_place(a, i), made, a->element->size);
    rc__element_drop(a->element, a->kind, old);
    return true;
}

bool rc_array_take_value(struct rc_array *a, size_t i, void *value) {
    if (!RC__MAY_CHANGE(a, "rc_array_take_value") || !RC__GIVEN(value, "rc_array_take_value") ||
        !has_index(a, i))
        return false;
    rc__element_take(a->element, a->kind, value, rc__array_place(a, i));
    rc__array_close(a, i, 1);
    return true;
}

static __attribute__((noinline)) bool remove_special(struct rc_array *a, size_t i) {
    _Alignas(16) char old[RC_ELEMENT_MAX];
    if (!RC__MAY_CHANGE(a, "rc_array_remove") || !has_index(a, i))
        return false;
    if (a->kind & RC__E_LINK) {
        void *obj = ((void **)a->data)[i];
        rc__array_close(a, i, 1);
        return rc__dropped_link(obj);
    }
    if (a->kind)
        memcpy(old, rc__array_place(a, i), a->element->size);
    rc__array_close(a, i, 1);
    rc__element_drop(a->element, a->kind, old);
    return true;
}

static inline bool is_last_link(const struct rc_array *a, size_t i) {
    return i < a->links && i + 1 == a->size;
}

// The usual case, without a stack frame; so it is in all functions that add or take off at the end.
bool rc_array_remove(struct rc_array *a, size_t i) {
    if (!RC__IS_OPEN(a, "rc_array_remove") || !is_last_link(a, i))
        return remove_special(a, i);
    void *obj = ((void **)a->data)[i];
    rc__array_resized(a, i);
    return rc__drop_link_of_held(rc__here, obj) || rc__dropped_link(obj);
}

bool rc_array_remove_fast(struct rc_array *a, size_t i) {
    _Alignas(16) char old[RC_ELEMENT_MAX];
    if (!RC__MAY_CHANGE(a, "rc_array_remove_fast") || !has_index(a, i))
        return false;
    size_t size = a->element->size;
    memcpy(old, rc__array_place(a, i), size);
    rc__moving(a);
    rc__array_resized(a, a->size - 1);
    if (i != a->size) {
        memcpy(rc__array_place(a, i), rc__array_place(a, a->size), size);
        a->version++;
    }
    rc__element_drop(a->element, a->kind, old);
    return true;
}

// ---- elements that are links

static bool is_of_links(const struct rc_array *a) {
    return a->kind & RC__E_LINK || rc__fails(EINVAL);
}

// Appends, without asking whether that may be done. The place is not part of the array until the link is made.
static bool push(struct rc_array *a, void *obj) {
    assert(a->kind & RC__E_LINK);
    assert(rc__array_is_sound(a));
    assert(!a->busy);
    if (a->size == a->capacity && !rc__array_room(a, 1))
        return false;
    void **slot = (void **)a->data + a->size;
    *slot = NULL;
    rc_set_slot(slot, obj);
    if (*slot != obj)
        return rc__fails(EINVAL);
    rc__array_resized(a, a->size + 1);
    return true;
}

static __attribute__((noinline)) bool push_special(struct rc_array *a, void *obj) {
    return RC__MAY_CHANGE(a, "rc_array_push") && is_of_links(a) && push(a, obj);
}

bool rc_array_push(struct rc_array *a, void *obj) {
    if (!RC__IS_OPEN(a, "rc_array_push") || !(a->kind & RC__E_LINK) || a->size == a->capacity || !rc__add_link(obj))
        return push_special(a, obj);
    ((void **)a->data)[a->size] = obj;
    rc__array_resized(a, a->size + 1);
    return true;
}

bool rc_array_insert(struct rc_array *a, size_t i, void *obj) {
    if (!RC__MAY_CHANGE(a, "rc_array_insert") || !is_of_links(a))
        return false;
    if (i >= a->size)
        return i == a->size ? push(a, obj) : rc__fails(ERANGE);
    if (!rc__array_room(a, 1))
        return false;
    void *link = NULL;
    rc_set_slot(&link, obj);
    if (link != obj)
        return rc__fails(EINVAL);
    memcpy(rc__array_open(a, i, 1), &link, sizeof link);
    return true;
}

bool rc_array_set(struct rc_array *a, size_t i, void *obj) {
    if (!RC__MAY_CHANGE(a, "rc_array_set") || !is_of_links(a) || !has_index(a, i) || !rc__linkable(obj, "rc_array_set"))
        return false;
    rc_set_slot((void **)a->data + i, obj);
    return true;
}

static __attribute__((noinline)) void *take_special(struct rc_array *a, size_t i) {
    if (!RC__MAY_CHANGE(a, "rc_array_take") || !is_of_links(a) || !has_index(a, i))
        return NULL;
    void *obj = rc_take_slot((void **)a->data + i);
    rc__array_close(a, i, 1);
    return obj;
}

void *rc_array_take(struct rc_array *a, size_t i) {
    void *obj;
    if (!RC__IS_OPEN(a, "rc_array_take") || !is_last_link(a, i) || !rc__link_to_handle(obj = ((void **)a->data)[i]))
        return take_special(a, i);
    rc__array_resized(a, i);
    return obj;
}

void *rc_array_pop(struct rc_array *a) {
    return RC__FITS(a, "rc_array_pop") ? rc_array_take(a, rc__array_count(a) - 1) : NULL;
}

size_t rc_array_find(const struct rc_array *a, const void *obj) {
    if (!rc__usable(a, "rc_array_find") || !is_of_links(a))
        return RC_NOT_FOUND;
    void *const *slots = a->data;
    for (size_t i = 0; i < a->size; i++)
        if (slots[i] == obj)
            return i;
    return RC_NOT_FOUND;
}

// ---- iteration

bool rc_array_iter_remove(struct rc_array_iter *it) {
    struct rc_array *a = it ? it->array : NULL;
    if (!RC__MAY_CHANGE(a, "rc_array_iter_remove"))
        return false;
    if (it->version != a->version)
        return rc__fails(ESTALE);
    if (it->between || !has_index(a, it->index))
        return rc__fails(ERANGE);
    it->between = true;
    it->version += it->index + 1 < a->size; // what destructors do to the array makes a difference
    return rc_array_remove(a, it->index--);
}
