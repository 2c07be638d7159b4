// SPDX-License-Identifier: MIT
// A doubly linked list of elements of any sort (element.h). An ordinary object: rc_release it, put it in a slot.
//
//     struct rc_list *listeners = rc_list_new(&rc_link_element);
//     struct rc_list_pos mine = rc_list_push_back(listeners, a);
//     ...
//     rc_list_remove(listeners, mine);                            // O(1), wherever it is
//
// Why linked, and no deque: what a deque is good for, an rc_array does (rc_array_push, rc_array_get) or this does (both
// ends in O(1)); what neither an array nor a deque can do is keep a place for you. A position names its element for as
// long as that is in the list, whatever is inserted, removed, moved or sorted around it; and a position whose element
// has gone is found out (until 2^32 elements more have come into lists of the heap), as is one of another list that was
// made in the same heap. That is what lists of listeners, waiters and least recently used entries are for. The cells
// lie in one array and are linked by number, so a list costs one block of memory, 16 bytes an element beside the
// element, and is read by the collector in a row.
//
// All calls are made inside the list's heap, and the caller keeps the list alive until they return. NULL for a list, and a list
// of another heap, is a fault. (rc_list_size does not look whose heap it is.) What can fail returns false (NULL, or
// RC_LIST_NONE) with errno, and has changed nothing then:
//   ENOMEM   memory is out, or it would grow beyond 5 * 2^29 elements
//   ESTALE   a position whose element is not in this list any more, or none where one is needed
//   EBUSY    called from a callback that this list is just calling
//   EINVAL   after a fault, the fault handler having returned; or the list's elements do not allow it
//
// Links that are removed are released when the list has its new shape, so destructors that run then may use it.
#ifndef REFCYC_LIST_H
#define REFCYC_LIST_H

#include "element.h"

RC_BEGIN_DECLS

// A cell has an element behind it; fields of cells and lists are read by the inline functions below and by nobody else.
struct rc__list_cell {
    uint32_t next, prev, stamp, unused;
};
struct rc_list {
    char *cells;
    const struct rc_element *element;
    size_t stride;                 // from one cell to the next
    uint32_t size, used, capacity; // elements; cells that were ever used, cell 0 included; cells
    uint32_t free, doomed;         // first of each, or 0
    uint32_t doomed_count;
    uint16_t busy;
    uint8_t kind;
};

RC_API extern const struct rc_type rc_list_type;

// The place of an element. To be copied and kept at will; owns nothing. All zero: none.
struct rc_list_pos {
    uint32_t cell, stamp;
};
#ifdef __cplusplus
#define RC_LIST_NONE (rc_list_pos{0, 0})
#else
#define RC_LIST_NONE ((struct rc_list_pos){0, 0})
#endif

// Whether it is RC_LIST_NONE; whether both are positions of the same element.
static inline bool rc_list_is_none(struct rc_list_pos pos) {
    return pos.cell == 0;
}
static inline bool rc_list_same(struct rc_list_pos a, struct rc_list_pos b) {
    return a.cell == b.cell && a.stamp == b.stamp;
}

// An empty list of [element], which must outlive it, with a handle. NULL with errno: as rc_new.
RC_API struct rc_list *rc_list_new(const struct rc_element *element) RC_RETURNS_HANDLE;
// How many elements there are. 0 for NULL. O(1).
RC_API size_t rc_list_size(const struct rc_list *list);

// ---- positions. O(1). RC_LIST_NONE at either end, and, with errno = ESTALE, for a position that is stale

// Of the first element, of the last one, of the one behind [pos], and of the one before it.
RC_API struct rc_list_pos rc_list_first(const struct rc_list *list);
RC_API struct rc_list_pos rc_list_last(const struct rc_list *list);
RC_API struct rc_list_pos rc_list_next(const struct rc_list *list, struct rc_list_pos pos);
RC_API struct rc_list_pos rc_list_prev(const struct rc_list *list, struct rc_list_pos pos);
// Whether the element of [pos] is still in the list.
RC_API bool rc_list_has(const struct rc_list *list, struct rc_list_pos pos);
// What at and get do where there is nothing.
RC_API void *rc_list_gone(const struct rc_list *list);
RC_API void *rc_list_missing(const struct rc_list *list);
static inline const struct rc__list_cell *rc__list_cell_at(const struct rc_list *list, uint32_t cell) {
    return (const struct rc__list_cell *)(const void *)(list->cells + cell * list->stride);
}
// The cell of [pos], or NULL.
static inline const struct rc__list_cell *rc__list_find(const struct rc_list *list, struct rc_list_pos pos) {
    if (__builtin_expect(!list || pos.cell >= list->used || !pos.stamp, 0))
        return NULL;
    const struct rc__list_cell *cell = rc__list_cell_at(list, pos.cell);
    return __builtin_expect(cell->stamp == pos.stamp, 1) ? cell : NULL;
}
static inline bool rc__list_is_here(const struct rc_list *list) {
    return __builtin_expect(list && rc__is_inside(RC__HEADER((void *)(uintptr_t)list)), 1);
}

// The element, in place, for as long as it is in the list, and until something is inserted or the list is given other room
// (reserve, shrink); NULL with errno = ESTALE.
static inline void *rc_list_at(const struct rc_list *list, struct rc_list_pos pos) {
    if (!RC__FITS(list, "rc_list_at"))
        return NULL;
    const struct rc__list_cell *cell = rc__list_is_here(list) ? rc__list_find(list, pos) : NULL;
    return cell ? (void *)(uintptr_t)(cell + 1) : rc_list_gone(list);
}

// ---- any element. [before] is where: RC_LIST_NONE is the end. O(1), insertions amortized.

// Inserts a copy of [value], which may be an element of the list; or the caller's value, which moves in, and is still the
// caller's on failure. Its position.
RC_API struct rc_list_pos rc_list_insert_value(struct rc_list *list, struct rc_list_pos before, const void *value);
RC_API struct rc_list_pos rc_list_insert_give(struct rc_list *list, struct rc_list_pos before, void *value);
// Replaces the element at [pos] by a copy of [value]; the old one is destroyed, the position stays.
RC_API bool rc_list_set_value(struct rc_list *list, struct rc_list_pos pos, const void *value);
// Takes the element out, to [value], which is the caller's then: links in it are handles, to be released.
RC_API bool rc_list_take_value(struct rc_list *list, struct rc_list_pos pos, void *value);
// Removes the element, which is destroyed, its links released. [pos] is stale then; all others stay good.
RC_API bool rc_list_remove(struct rc_list *list, struct rc_list_pos pos);
// Moves the element at [pos] to before [before]; its position stays. Before itself: where it is.
RC_API bool rc_list_move(struct rc_list *list, struct rc_list_pos pos, struct rc_list_pos before);
// The first element, from [from] on (RC_LIST_NONE: from the first), that is equal to [value]; RC_LIST_NONE with errno
// left alone if there is none. O(n).
RC_API struct rc_list_pos rc_list_find_value(const struct rc_list *list, struct rc_list_pos from, const void *value);
// The same of an element for which [test] says true. That may not change the list.
RC_API struct rc_list_pos rc_list_find_if(const struct rc_list *list, struct rc_list_pos from,
                                          bool (*test)(const void *element, void *arg), void *arg);

// ---- elements that are links. EINVAL for others.

// Inserts [obj], of which the list gets a link of its own; the caller keeps its handle. NULL is an element like any other. Its
// position.
RC_API struct rc_list_pos rc_list_insert(struct rc_list *list, struct rc_list_pos before, void *obj);
RC_API struct rc_list_pos rc_list_push_back(struct rc_list *list, void *obj);
RC_API struct rc_list_pos rc_list_push_front(struct rc_list *list, void *obj);
// The object, borrowed; NULL with errno = ESTALE.
static inline void *rc_list_get(const struct rc_list *list, struct rc_list_pos pos) {
    if (!RC__FITS(list, "rc_list_get"))
        return NULL;
    const struct rc__list_cell *cell = rc__list_is_here(list) ? rc__list_find(list, pos) : NULL;
    if (__builtin_expect(!cell || !(list->kind & 1), 0))
        return rc_list_missing(list);
    return *(void *const *)(const void *)(cell + 1);
}
// Replaces the object at [pos], whose link is released; the position stays.
RC_API bool rc_list_set(struct rc_list *list, struct rc_list_pos pos, void *obj);
// Takes the element (the last, the first one) out; a handle for the caller. NULL if it is NULL, or with errno = ESTALE if
// there is none.
RC_API void *rc_list_take(struct rc_list *list, struct rc_list_pos pos) RC_RETURNS_HANDLE;
RC_API void *rc_list_pop_back(struct rc_list *list) RC_RETURNS_HANDLE;
RC_API void *rc_list_pop_front(struct rc_list *list) RC_RETURNS_HANDLE;
// The first element that is [obj]. O(n).
RC_API struct rc_list_pos rc_list_find(const struct rc_list *list, const void *obj);

// ---- the whole

// Moves the elements of [source], another list of the same heap with the same element table, from [first] to [last], both
// included, to before [before], in their order. RC_LIST_NONE for [first] or [last]: that end. They get new positions.
// O(their number). ESTALE if [last] does not come after [first].
RC_API bool rc_list_splice(struct rc_list *list, struct rc_list_pos before, struct rc_list *source,
                           struct rc_list_pos first, struct rc_list_pos last);
// A new list, with a handle, of copies of all elements. NULL with errno.
RC_API struct rc_list *rc_list_copy(const struct rc_list *list) RC_RETURNS_HANDLE;
// Sorts by [compare], or by the element's own if that is NULL (EINVAL if it has none, too). Stable. Positions stay with
// their elements. A comparison that lies gives some order, and loses nothing. O(n log n).
RC_API bool rc_list_sort(struct rc_list *list, int (*compare)(const void *a, const void *b));
// The same, by a comparison that gets [arg], too.
RC_API bool rc_list_sort_with(struct rc_list *list, int (*compare)(const void *a, const void *b, void *arg), void *arg);
RC_API bool rc_list_reverse(struct rc_list *list);
// Room for [n] elements in all.
RC_API bool rc_list_reserve(struct rc_list *list, size_t n);
// Gives back room that is not used. All positions are stale afterwards. EBUSY from a destructor that remove_if runs,
// too.
RC_API bool rc_list_shrink(struct rc_list *list);
// Removes all elements, and keeps no memory for them. Never fails. They go with an object of their own that dies, so
// the heap's release_limit spreads their destruction over slices. O(1) but for what dies.
RC_API void rc_list_clear(struct rc_list *list);
// Removes the elements for which [test], which may not change the list, says true; *removed, if that is not NULL, is how many.
RC_API bool rc_list_remove_if(struct rc_list *list, bool (*test)(const void *element, void *arg), void *arg,
                              size_t *removed);

// ---- iteration
//
//     struct rc_list_iter it = rc_list_iter(listeners);
//     while (rc_list_step(&it) == RC_ITER_ITEM)
//         call(*(struct listener **)it.element);
//
// It survives everything but the loss of the element it stands on. What is inserted behind that is met, what is removed is not,
// and if its element is moved, or the list sorted, the iteration goes on from where the element is then. It may remove the
// element itself; until its next step it then stands right behind the one before. If anybody else removes the element that it
// stands on, or right behind, or shrinks or clears the list, the next step is RC_ITER_CHANGED.

struct rc_list_iter {
    struct rc_list *list;
    struct rc_list_pos pos; // of the element it stands on
    void *element;          // that, in place: see rc_list_at
    struct rc_heap *heap;   // that of the list, while it stands on an element
    bool between;           // the element was removed: pos is the one before
};

// A step that does not go from an element to the next, in the same heap: where the iteration stands then. The position goes by
// value, so that an iteration can live in registers.
RC_API struct rc_list_pos rc_list_begin(const struct rc_list *list, struct rc_list_pos pos, bool between, enum rc_iter *is);

// An iteration that stands before the first element; and its next step, which says where it stands then.
static inline struct rc_list_iter rc_list_iter(struct rc_list *list) {
    struct rc_list_iter it = {RC__FITS(list, "rc_list_iter") ? list : NULL, RC_LIST_NONE, NULL, NULL, true};
    return it;
}
static inline enum rc_iter rc_list_step(struct rc_list_iter *it) {
    enum rc_iter is;
    const struct rc__list_cell *cell;
    if (!RC__FITS(it->list, "rc_list_step"))
        return RC_ITER_END;
    if (__builtin_expect(it->heap == rc__here && it->pos.cell < it->list->used &&
                             (cell = rc__list_cell_at(it->list, it->pos.cell))->stamp == it->pos.stamp, 1)) {
        // Most cells are linked to the one behind them. A processor that guesses so need not wait for `next` to be read.
        uint32_t next = it->pos.cell + 1;
        if (__builtin_expect(cell->next == next, 1)) {
            cell = (const struct rc__list_cell *)(const void *)((const char *)cell + it->list->stride);
        } else {
            next = cell->next;
            cell = next ? rc__list_cell_at(it->list, next) : NULL;
        }
        if (__builtin_expect(cell != NULL, 1)) {
            __asm__("" : "+r"(next)); // hides from the compiler that this is what was read
            it->pos.cell = next;
            it->pos.stamp = cell->stamp;
            it->between = false;
            it->element = (void *)(uintptr_t)(cell + 1);
            return RC_ITER_ITEM;
        }
        it->pos = RC_LIST_NONE;
        is = RC_ITER_END;
    } else {
        it->pos = rc_list_begin(it->list, it->pos, it->between, &is);
    }
    bool item = is == RC_ITER_ITEM;
    it->between = false;
    it->heap = item ? rc__here : NULL;
    it->element = item ? (void *)(uintptr_t)(rc__list_cell_at(it->list, it->pos.cell) + 1) : NULL;
    return is;
}
// Removes the element that [it] stands on, as rc_list_remove; the next step goes to the one behind it. ESTALE if it stands on
// none.
RC_API bool rc_list_iter_remove(struct rc_list_iter *it);

RC_END_DECLS

#endif
