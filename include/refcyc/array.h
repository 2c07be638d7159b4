// SPDX-License-Identifier: MIT
// A growing array: elements in a row, of any sort (element.h). An ordinary object: rc_release it, put it in a slot.
//
//     struct rc_array *nodes = rc_array_new(&rc_link_element);
//     rc_array_push(nodes, a);                        // the array has a link of its own
//     struct node *first = rc_array_get(nodes, 0);    // borrowed
//
// All calls are made inside the array's heap, and the caller keeps the array alive until they return. NULL for an array, and an
// array of another heap, is a fault. (Those that are inline and only read, rc_array_get and the like, do not look whose heap it
// is.) What can fail returns false (or NULL, or RC_NOT_FOUND) with errno, and has changed nothing then:
//   ENOMEM   memory is out
//   ERANGE   an index is beyond the array
//   EBUSY    called from a comparison, a test or a copy that this array is just calling
//   EINVAL   after a fault, the fault handler having returned; or, as said below, the array's elements do not allow it
//
// Links that are removed are released when the array has its new shape, so destructors that run then may use it. Where
// many elements go at once (clear, remove_range, remove_if, resize) they go with an object of their own that dies, so
// the heap's release_limit spreads their destruction over slices.
#ifndef REFCYC_ARRAY_H
#define REFCYC_ARRAY_H

#include "element.h"

#include <errno.h>

RC_BEGIN_DECLS

// Fields are read by the inline functions below and by nobody else. A type may extend rc_array_type: see rc_array_init.
struct rc_array {
    void *data;
    size_t links, size, capacity; // links: size, if each element is one, else 0
    const struct rc_element *element;
    uint32_t version; // counts changes that give an element another index
    uint16_t busy;    // callbacks of this array that are running
    uint8_t kind;
};
enum { RC__ARRAY_LINKS = 1 }; // of kind: each element is a link

RC_API extern const struct rc_type rc_array_type;

// An empty array of [element], which must outlive it, with a handle. NULL with errno: as rc_new.
RC_API struct rc_array *rc_array_new(const struct rc_element *element) RC_RETURNS_HANDLE;
// Says what an array holds that rc_new made of a type which extends rc_array_type. Once, before any other use.
RC_API bool rc_array_init(struct rc_array *array, const struct rc_element *element);

// ---- any element

static inline size_t rc__array_count(const struct rc_array *array) {
    return array ? array->size : 0;
}
// How many elements there are. 0 for NULL. O(1).
static inline size_t rc_array_size(const struct rc_array *array) {
    return RC__FITS(array, "rc_array_size") ? rc__array_count(array) : 0;
}
RC_API void *rc__array_null(const char *call) __attribute__((cold)); // what get and at do where there is no array

static inline void *rc__array_nothing(int error) {
    // What they do where there is no element. In line, because what an array has in it could be another after a call, so
    // that a loop of rc_array_get would read size and row anew for each element. The compiler is not told what this returns:
    // it would warn of whoever uses an element without asking whether it is NULL.
    void *nothing = NULL;
    __asm__("" : "+r"(nothing));
    errno = error;
    return nothing;
}

// The element at [index], in place, until the array changes; NULL with errno = ERANGE if there is none. O(1).
static inline void *rc_array_at(const struct rc_array *array, size_t index) {
    if (__builtin_expect(!array, 0))
        return rc__array_null("rc_array_at");
    if (!RC__FITS(array, "rc_array_at"))
        return NULL;
    if (__builtin_expect(index >= array->size, 0))
        return rc__array_nothing(ERANGE);
    return (char *)array->data + index * array->element->size;
}

// The elements, in place, in a row, until the array changes; NULL if there are none, or no array. For loops that need no
// checks: `struct node **row = rc_array_data(nodes); row[i]`.
static inline void *rc_array_data(const struct rc_array *array) {
    return RC__FITS(array, "rc_array_data") && rc__array_count(array) ? array->data : NULL;
}

// Inserts a copy of [value] at [index], which is at most the array's size; the elements from there on move up by one. [value]
// may be an element of the array. O(1) at the end, amortized; else proportional to what moves.
RC_API bool rc_array_insert_value(struct rc_array *array, size_t index, const void *value);
// The same with the caller's value, which moves in: what it owned is the array's on success; on failure it is still the
// caller's.
RC_API bool rc_array_insert_give(struct rc_array *array, size_t index, void *value);
// Both at the end: appends. O(1), amortized.
static inline bool rc_array_push_value(struct rc_array *array, const void *value) {
    return RC__FITS(array, "rc_array_push_value") && rc_array_insert_value(array, rc__array_count(array), value);
}
static inline bool rc_array_push_give(struct rc_array *array, void *value) {
    return RC__FITS(array, "rc_array_push_give") && rc_array_insert_give(array, rc__array_count(array), value);
}
// Replaces the element at [index] by a copy of [value]; the old one is destroyed. O(1).
RC_API bool rc_array_set_value(struct rc_array *array, size_t index, const void *value);
// Takes the element at [index] out, to [value], which is the caller's then: links in it are handles, to be released. Those
// behind it move down one. O(1) at the end; else proportional to what moves.
RC_API bool rc_array_take_value(struct rc_array *array, size_t index, void *value);
// The same of the last one. false with errno = ERANGE if the array is empty. O(1).
static inline bool rc_array_pop_value(struct rc_array *array, void *value) {
    return RC__FITS(array, "rc_array_pop_value") && rc_array_take_value(array, rc__array_count(array) - 1, value);
}
// Removes the element at [index], which is destroyed, its links released; those behind it move down one. Costs the same.
RC_API bool rc_array_remove(struct rc_array *array, size_t index);
// Removes the element at [index]; the last one takes its place, so the order changes. O(1).
RC_API bool rc_array_remove_fast(struct rc_array *array, size_t index);
// The lowest index, from [from] on, of an element equal to [value], as its table's equal says, or else byte by byte; or
// RC_NOT_FOUND (errno is left alone). O(size).
RC_API size_t rc_array_find_value(const struct rc_array *array, size_t from, const void *value);
// The same of an element for which [test] says true. That may not change the array.
RC_API size_t rc_array_find_if(const struct rc_array *array, size_t from,
                               bool (*test)(const void *element, void *arg), void *arg);

// ---- elements that are links: rc_link_element, rc_string_element, and any whose one field is a link. EINVAL for
// others.

// The object at [index], borrowed; NULL with errno = ERANGE if there is no such index. O(1).
static inline void *rc_array_get(const struct rc_array *array, size_t index) {
    if (__builtin_expect(!array, 0))
        return rc__array_null("rc_array_get");
    if (!RC__FITS(array, "rc_array_get"))
        return NULL;
    void **row = (void **)array->data; // in any case, so that it can be read once for a whole loop
    if (__builtin_expect(index >= array->links, 0))
        return rc__array_nothing(array->kind & RC__ARRAY_LINKS ? ERANGE : EINVAL);
    return row[index];
}
// The last one, borrowed; NULL with errno = ERANGE if the array is empty. O(1).
static inline void *rc_array_last(const struct rc_array *array) {
    if (__builtin_expect(!array, 0))
        return rc__array_null("rc_array_last");
    if (!RC__FITS(array, "rc_array_last"))
        return NULL;
    return rc_array_get(array, array->size - 1);
}
// Appends [obj], of which the array gets a link of its own; the caller keeps its handle. NULL is an element like any other.
// O(1), amortized.
RC_API bool rc_array_push(struct rc_array *array, void *obj);
// The same at [index], at most the array's size; those from there on move up one.
RC_API bool rc_array_insert(struct rc_array *array, size_t index, void *obj);
// Replaces the object at [index], whose link is released. O(1).
RC_API bool rc_array_set(struct rc_array *array, size_t index, void *obj);
// Takes the last element out; a handle for the caller. NULL if it is NULL, or with errno = ERANGE if the array is empty. O(1).
RC_API void *rc_array_pop(struct rc_array *array) RC_RETURNS_HANDLE;
// The same of the element at [index]; those behind it move down one, which is what it costs.
RC_API void *rc_array_take(struct rc_array *array, size_t index) RC_RETURNS_HANDLE;
// The lowest index of [obj], or RC_NOT_FOUND (errno is left alone). O(size).
RC_API size_t rc_array_find(const struct rc_array *array, const void *obj);

// ---- ranges: [n] elements from [from] on; SIZE_MAX for [n]: all from there

// Removes a range; what is behind it moves down.
RC_API bool rc_array_remove_range(struct rc_array *array, size_t from, size_t n);
// A new array, with a handle, of copies of a range. NULL with errno.
RC_API struct rc_array *rc_array_slice(const struct rc_array *array, size_t from, size_t n) RC_RETURNS_HANDLE;
// Inserts copies of a range of [source], an array with the same element table, perhaps the same array, at [index].
RC_API bool rc_array_insert_range(struct rc_array *array, size_t index, const struct rc_array *source, size_t from,
                                  size_t n);
// Inserts copies of [n] values that stand in a row at [values], perhaps in the same array, at [index]; or appends them.
RC_API bool rc_array_insert_values(struct rc_array *array, size_t index, const void *values, size_t n);
static inline bool rc_array_push_values(struct rc_array *array, const void *values, size_t n) {
    return RC__FITS(array, "rc_array_push_values") && rc_array_insert_values(array, rc__array_count(array), values, n);
}
// Moves a range of [source], another array of the same heap with the same element table, to [index]; what was behind it in
// [source] moves down. EINVAL for the same array.
RC_API bool rc_array_move_range(struct rc_array *array, size_t index, struct rc_array *source, size_t from, size_t n);
// Makes the array [size] long: removes from the end, or appends zeroed elements, NULL if they are links. EINVAL if it is to
// grow and elements have a destructor.
RC_API bool rc_array_resize(struct rc_array *array, size_t size);
// Removes all elements, and keeps no memory for them. Never fails. O(1) but for what dies.
RC_API void rc_array_clear(struct rc_array *array);

// ---- the whole

// Room for [capacity] elements in all; no failure of a push up to there. Memory never shrinks but by clear and shrink.
RC_API bool rc_array_reserve(struct rc_array *array, size_t capacity);
// Gives back room that is not used. No element gets another index, but another place.
RC_API bool rc_array_shrink(struct rc_array *array);
// The elements at [a] and [b] change places; all of them stand in the opposite order.
RC_API bool rc_array_swap(struct rc_array *array, size_t a, size_t b);
RC_API bool rc_array_reverse(struct rc_array *array);
// Sorts by [compare], which gets the addresses of two elements, or by the element's own if that is NULL (EINVAL if it
// has none, too). Stable. A comparison that lies gives some order, and loses nothing. O(n log n); takes 8 bytes an
// element meanwhile.
RC_API bool rc_array_sort(struct rc_array *array, int (*compare)(const void *a, const void *b));
// The same, by a comparison that gets [arg], too.
RC_API bool rc_array_sort_with(struct rc_array *array, int (*compare)(const void *a, const void *b, void *arg), void *arg);
// In an array that is sorted by [compare] (NULL: by the element's own): whether there is an element equal to [value]. The
// lowest index whose element is not less goes to *index, if that is not NULL: where it is, or is to be inserted. [compare] gets
// the address of an element, and then [value], which may be anything that it knows to compare with an element. O(log n).
RC_API bool rc_array_search(const struct rc_array *array, const void *value,
                            int (*compare)(const void *a, const void *b), size_t *index);
// Removes the elements for which [test] says true; *removed, if that is not NULL, is how many. [test] may not change the array.
// The others keep their order. O(size), once for all of them.
RC_API bool rc_array_remove_if(struct rc_array *array, bool (*test)(const void *element, void *arg), void *arg,
                               size_t *removed);

// ---- iteration
//
//     struct rc_array_iter it = rc_array_iter(nodes);
//     while (rc_array_next(&it) == RC_ITER_ITEM)
//         use(rc_array_get(nodes, it.index));
//
// It survives all that leaves each element at its index: elements set in place, push, pop, growing; elements pushed are
// met, too. So it does with rc_array_iter_remove. After any other change the next step is RC_ITER_CHANGED.

struct rc_array_iter {
    struct rc_array *array;
    size_t index;     // of the element it stands on
    uint32_t version;
    bool between;     // it stands on none: index is that of the one before
};

// An iteration that stands before the first element; and its next step, which says where it stands then.
static inline struct rc_array_iter rc_array_iter(struct rc_array *array) {
    bool fits = array && RC__FITS(array, "rc_array_iter");
    struct rc_array_iter it = {fits ? array : NULL, SIZE_MAX, fits ? array->version : 0, true};
    return it;
}
static inline enum rc_iter rc_array_next(struct rc_array_iter *it) {
    if (!it->array || !RC__FITS(it->array, "rc_array_next"))
        return RC_ITER_END;
    if (it->version != it->array->version)
        return RC_ITER_CHANGED;
    it->between = it->index + 1 >= it->array->size;
    if (it->between)
        return RC_ITER_END;
    it->index++;
    return RC_ITER_ITEM;
}
// Removes the element that [it] stands on; the next step goes to the one behind it. As rc_array_remove. ERANGE if it stands on
// none (any more), ESTALE after a change that ends the iteration.
RC_API bool rc_array_iter_remove(struct rc_array_iter *it);

RC_END_DECLS

#endif
