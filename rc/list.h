// SPDX-License-Identifier: MIT
// rc_list: cells in an array, linked by number. Between list.c, list_range.c and list_order.c. Not installed.
//
//     cell:   | next | prev | stamp | - | element |        16 bytes before each element
//
//   L1  Cell 0 holds no element. Its next is the first cell, its prev the last; an empty list links it to itself.
//   L2  A cell in the list has a stamp; a heap gives out each stamp once (in 2^32 insertions). A position is good if its cell
//       has its stamp. A free cell has stamp 0, an element of zero bytes, and in next the next free one.
//   L3  Cells that remove_if has taken out and not dropped yet are on a list of their own (doomed), by next. They have stamp 0,
//       too, so no position finds them; but prev is RC__DOOMED_CELL, by which the list's destructor finds them.
//
// An element stays in its cell, whatever happens to the list, but for shrink. So the collector, which reads the cells
// in a row, need not be told of sorting, reversing and moving (R9), and new cells come at the end.
#ifndef RC_LIST_H
#define RC_LIST_H

#include "element.h"

#include <refcyc/list.h>

#define RC__DOOMED_CELL UINT32_MAX

// For assertions: L1 and L2, as far as the numbers go.
static inline bool rc__list_is_sound(const struct rc_list *l) {
    // LCOV_EXCL_BR_START: an assertion's
    return l->used <= l->capacity && (l->capacity > 0) == (l->cells != NULL) && (l->used > 0) == (l->cells != NULL) &&
           l->size + l->doomed_count + !!l->used <= l->used && (!l->free || l->free < l->used) &&
           !l->doomed == !l->doomed_count;
    // LCOV_EXCL_BR_STOP: and no more
}

static inline struct rc__list_cell *rc__list_at(const struct rc_list *l, uint32_t c) {
    assert(l->cells && c < l->capacity);
    return (struct rc__list_cell *)(void *)(l->cells + c * l->stride);
}
static inline void *rc__list_element(const struct rc_list *l, uint32_t c) {
    assert((size_t)(c + 1) * l->stride <= (size_t)l->capacity * l->stride);
    return rc__list_at(l, c) + 1;
}
static inline struct rc_list_pos rc__list_pos_of(const struct rc_list *l, uint32_t c) {
    assert(c < (l->used ? l->used : 1));
    return c ? (struct rc_list_pos){c, rc__list_at(l, c)->stamp} : RC_LIST_NONE;
}

static inline bool rc__list_has_room(const struct rc_list *l) {
    return l->free || l->used < l->capacity;
}

// Cell [c], which is in no list, comes before [before].
static inline void rc__list_link(struct rc_list *l, uint32_t c, uint32_t before) {
    assert(c && c < l->used && before < l->used);
    assert(c != before);
    assert(rc__list_at(l, rc__list_at(l, before)->prev)->next == before); // L1
    struct rc__list_cell *cell = rc__list_at(l, c), *next = rc__list_at(l, before);
    cell->next = before;
    cell->prev = next->prev;
    rc__list_at(l, next->prev)->next = c;
    next->prev = c;
}

static inline void rc__list_unlink(struct rc_list *l, uint32_t c) {
    assert(c && rc__list_at(l, rc__list_at(l, c)->prev)->next == c && rc__list_at(l, rc__list_at(l, c)->next)->prev == c);
    struct rc__list_cell *cell = rc__list_at(l, c);
    rc__list_at(l, cell->prev)->next = cell->next;
    rc__list_at(l, cell->next)->prev = cell->prev;
}

// How far it is from one cell to the next where elements are links. Where that is known, below, no cell is cleared by a call.
enum { RC__LIST_LINK = sizeof(struct rc__list_cell) + sizeof(void *) };

// A new cell before [before], all zero, for which there is room, in a list of this stride.
static inline uint32_t rc__list_new_cell_of(struct rc_list *l, uint32_t before, size_t stride) {
    assert(rc__list_has_room(l) && stride == l->stride);
    uint32_t c = l->free;
    if (c) {
        l->free = rc__list_at(l, c)->next;
        assert(rc__list_at(l, c)->stamp == 0 && c < l->used);
    } else {
        c = l->used++;
        memset(rc__list_at(l, c), 0, stride);
    }
    if (++rc__here->stamp == 0)
        rc__here->stamp = 1;
    rc__list_at(l, c)->stamp = rc__here->stamp;
    rc__list_link(l, c, before);
    l->size++;
    return c;
}
static inline uint32_t rc__list_new_cell(struct rc_list *l, uint32_t before) {
    return rc__list_new_cell_of(l, before, l->stride);
}

static inline void rc__list_free_cell(struct rc_list *l, uint32_t c, size_t stride) {
    assert(rc__list_at(l, c)->next < l->used && l->free != c);
    assert(c && c < l->used && stride == l->stride);
    struct rc__list_cell *cell = rc__list_at(l, c);
    memset(cell, 0, stride);
    cell->next = l->free;
    l->free = c;
}

// The cell of [pos], or 0 with errno.
static inline uint32_t rc__list_cell_of(const struct rc_list *l, struct rc_list_pos pos) {
    assert(rc__list_is_sound(l));
    if (pos.cell && pos.cell < l->used && pos.stamp && rc__list_at(l, pos.cell)->stamp == pos.stamp)
        return pos.cell;
    errno = ESTALE;
    return 0;
}

// The cell to insert before; false with errno.
static inline bool rc__list_place_of(const struct rc_list *l, struct rc_list_pos before, uint32_t *c) {
    assert(c != NULL);
    *c = rc_list_is_none(before) ? 0 : rc__list_cell_of(l, before);
    return *c || rc_list_is_none(before);
}

static inline bool rc__list_is_of_links(const struct rc_list *l) {
    return l->kind & RC__E_LINK || rc__fails(EINVAL);
}

// Takes cell [c] out of the list, of this stride, and makes it a free one. Its element is somewhere else by now.
static inline void rc__list_take_out_of(struct rc_list *l, uint32_t c, size_t stride) {
    assert(c && c < l->used);
    assert(rc__list_is_sound(l));
    assert(l->size > 0 && rc__list_at(l, c)->stamp);
    rc__list_unlink(l, c);
    rc__list_free_cell(l, c, stride);
    l->size--;
}
static inline void rc__list_take_out(struct rc_list *l, uint32_t c) {
    rc__list_take_out_of(l, c, l->stride);
}

// A new list like [l], or NULL with errno.
struct rc_list *rc__list_like(const struct rc_list *l);

#endif
