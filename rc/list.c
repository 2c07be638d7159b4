// SPDX-License-Identifier: MIT
// rc_list: cells in an array, linked by number.
//
//     cell:   | next | prev | stamp | - | element |        16 bytes before each element
//
//   L1  Cell 0 holds no element. Its next is the first cell, its prev the last; an empty list links it to itself.
//   L2  A cell in the list has a stamp, of which a heap gives each out once (in 2^32 insertions). A position is good if
//       its cell has its stamp. A free cell has stamp 0, all zero bytes in its element, and in next the next free one.
//   L3  Cells that remove_if has taken out and not dropped yet are on a list of their own (doomed), by next. They have
//       stamp 0 as well, so no position finds them, but DOOMED in prev, so that the list's destructor does.
//
// An element stays in its cell, whatever happens to the list, but for shrink. So the collector, which reads the cells
// in a row, need not be told of sorting, reversing and moving (R9), and new cells come at the end.
#include "element.h"

#include <refcyc/list.h>

#define DOOMED UINT32_MAX

#ifndef NDEBUG
// For assertions: L1 and L2, as far as the numbers go.
static bool is_sound(const struct rc_list *l) {
    // LCOV_EXCL_BR_START: an assertion's
    return l->used <= l->capacity && (l->capacity > 0) == (l->cells != NULL) && (l->used > 0) == (l->cells != NULL) &&
           l->size + l->doomed_count + !!l->used <= l->used && (!l->free || l->free < l->used) &&
           !l->doomed == !l->doomed_count;
    // LCOV_EXCL_BR_STOP: and no more
}
#endif

static struct rc__list_cell *cell_at(const struct rc_list *l, uint32_t c) {
    assert(l->cells && c < l->capacity);
    return (struct rc__list_cell *)(void *)(l->cells + c * l->stride);
}
static void *element_at(const struct rc_list *l, uint32_t c) {
    assert((size_t)(c + 1) * l->stride <= (size_t)l->capacity * l->stride);
    return cell_at(l, c) + 1;
}
static struct rc_list_pos pos_of(const struct rc_list *l, uint32_t c) {
    assert(c < (l->used ? l->used : 1));
    return c ? (struct rc_list_pos){c, cell_at(l, c)->stamp} : RC_LIST_NONE;
}

static void list_trace(void *obj, struct rc_visitor *visitor) {
    struct rc_list *l = obj;
    if (l->cells)
        rc__element_visit(l->element, l->kind, visitor, element_at(l, 0), l->used, l->stride);
}

static bool list_destroy_some(void *obj, size_t from, size_t to) {
    assert(from <= to);
    struct rc_list *l = obj;
    assert(is_sound(l));
    if (!(l->kind & (RC__E_DESTROY | RC__E_WEAK)))
        return false;
    for (size_t i = from ? from : 1; i < to && i < l->used; i++) {
        uint32_t c = (uint32_t)i;
        if (cell_at(l, c)->stamp || cell_at(l, c)->prev == DOOMED)
            rc__element_end(l->element, l->kind, element_at(l, c));
    }
    return to < l->used;
}

static void free_cells(struct rc_heap *heap, struct rc_list *l) {
    assert(l->busy == 0 || !l->cells);
    if (l->cells)
        rc__memory_later(heap, l->cells, l->capacity * l->stride);
    l->cells = NULL;
    l->size = l->used = l->capacity = l->free = l->doomed = l->doomed_count = 0;
}

static void list_free_slots(void *obj) {
    free_cells(rc__home(obj), obj);
}

const struct rc_type rc_list_type = {.name = "rc_list",
                                     .size = sizeof(struct rc_list),
                                     .trace = list_trace,
                                     .free_slots = list_free_slots,
                                     .destroy_some = list_destroy_some};
const struct rc_type rc__leaf_list_type = {
    .name = "rc_list", .size = sizeof(struct rc_list), .base = &rc_list_type, .acyclic = true};

static struct rc_list *list_new(const struct rc_element *element, uint8_t kind) {
    assert(element && element->size > 0);
    assert(element->size <= RC_ELEMENT_MAX);
    struct rc_list *l = rc_new(kind & RC__E_LINKS ? &rc_list_type : &rc__leaf_list_type);
    if (!l)
        return NULL;
    l->element = element;
    l->kind = kind;
    l->stride = sizeof(struct rc__list_cell) + (element->size + 3) / 4 * 4;
    return l;
}

struct rc_list *rc_list_new(const struct rc_element *element) {
    uint8_t kind;
    return rc__element_check(element, &kind, "rc_list_new") ? list_new(element, kind) : NULL;
}

size_t rc_list_size(const struct rc_list *l) {
    return l ? l->size : 0;
}

size_t rc__list_index(const void *list, uint32_t cell, struct rc__list_place *near) {
    assert(cell && cell < ((const struct rc_list *)list)->used);
    const struct rc_list *l = list;
    size_t i = 0;
    if (near->cell && cell_at(l, cell)->prev == near->cell)
        i = near->index + 1;
    else if (near->cell && cell_at(l, cell)->next == near->cell)
        i = near->index - 1;
    else
        for (uint32_t c = cell_at(l, 0)->next; c && c != cell; c = cell_at(l, c)->next)
            i++;
    *near = (struct rc__list_place){cell, i};
    return i;
}

// ---- cells

static bool set_capacity(struct rc_list *l, size_t capacity) {
    assert(is_sound(l));
    assert(capacity > l->used);
    if (capacity > DOOMED)
        return rc__fails(ENOMEM);
    char *cells =
        rc__memory_grow(rc__here, l->cells, l->capacity * l->stride, l->used * l->stride, capacity * l->stride);
    if (!cells)
        return rc__fails(ENOMEM);
    l->cells = cells;
    l->capacity = (uint32_t)capacity;
    assert(l->capacity > l->used);
    if (!l->used) { // L1
        memset(cells, 0, l->stride);
        l->used = 1;
    }
    return true;
}

static bool room(struct rc_list *l) {
    assert(is_sound(l));
    if (l->free || l->used < l->capacity)
        return true;
    return set_capacity(l, l->capacity < 4 ? 5 : 2 * (size_t)l->capacity);
}

static void link_before(struct rc_list *l, uint32_t c, uint32_t before) {
    assert(c && c < l->used && before < l->used);
    assert(c != before);
    assert(cell_at(l, cell_at(l, before)->prev)->next == before); // L1
    struct rc__list_cell *cell = cell_at(l, c), *next = cell_at(l, before);
    cell->next = before;
    cell->prev = next->prev;
    cell_at(l, next->prev)->next = c;
    next->prev = c;
}

static void unlink_cell(struct rc_list *l, uint32_t c) {
    assert(c && cell_at(l, cell_at(l, c)->prev)->next == c && cell_at(l, cell_at(l, c)->next)->prev == c);
    struct rc__list_cell *cell = cell_at(l, c);
    cell_at(l, cell->prev)->next = cell->next;
    cell_at(l, cell->next)->prev = cell->prev;
}

// A new cell before [before], all zero, for which there is room.
static uint32_t cell_new(struct rc_list *l, uint32_t before) {
    assert(l->free || l->used < l->capacity);
    uint32_t c = l->free;
    if (c) {
        l->free = cell_at(l, c)->next;
        assert(cell_at(l, c)->stamp == 0 && c < l->used);
    } else {
        c = l->used++;
        memset(cell_at(l, c), 0, l->stride);
    }
    if (++rc__here->stamp == 0)
        rc__here->stamp = 1;
    cell_at(l, c)->stamp = rc__here->stamp;
    link_before(l, c, before);
    l->size++;
    return c;
}

static void cell_free(struct rc_list *l, uint32_t c) {
    assert(cell_at(l, c)->next < l->used && l->free != c);
    assert(c && c < l->used);
    struct rc__list_cell *cell = cell_at(l, c);
    memset(cell, 0, l->stride);
    cell->next = l->free;
    l->free = c;
}

// The cell of [pos], or 0 with errno.
static uint32_t cell_of(const struct rc_list *l, struct rc_list_pos pos) {
    assert(is_sound(l));
    if (pos.cell && pos.cell < l->used && pos.stamp && cell_at(l, pos.cell)->stamp == pos.stamp)
        return pos.cell;
    errno = ESTALE;
    return 0;
}

// The cell to insert before; false with errno.
static bool place_of(const struct rc_list *l, struct rc_list_pos before, uint32_t *c) {
    assert(c != NULL);
    *c = rc_list_is_none(before) ? 0 : cell_of(l, before);
    return *c || rc_list_is_none(before);
}

// ---- positions

struct rc_list_pos rc_list_first(const struct rc_list *l) {
    return rc__usable(l, "rc_list_first") && l->size ? pos_of(l, cell_at(l, 0)->next) : RC_LIST_NONE;
}

struct rc_list_pos rc_list_last(const struct rc_list *l) {
    return rc__usable(l, "rc_list_last") && l->size ? pos_of(l, cell_at(l, 0)->prev) : RC_LIST_NONE;
}

struct rc_list_pos rc_list_next(const struct rc_list *l, struct rc_list_pos pos) {
    uint32_t c = rc__usable(l, "rc_list_next") ? cell_of(l, pos) : 0;
    return c ? pos_of(l, cell_at(l, c)->next) : RC_LIST_NONE;
}

struct rc_list_pos rc_list_prev(const struct rc_list *l, struct rc_list_pos pos) {
    uint32_t c = rc__usable(l, "rc_list_prev") ? cell_of(l, pos) : 0;
    return c ? pos_of(l, cell_at(l, c)->prev) : RC_LIST_NONE;
}

bool rc_list_has(const struct rc_list *l, struct rc_list_pos pos) {
    int error = errno;
    bool has = rc__usable(l, "rc_list_has") && cell_of(l, pos);
    errno = error;
    return has;
}

void *rc_list_gone(const struct rc_list *l) {
    if (rc__usable(l, "rc_list_at"))
        errno = ESTALE;
    return NULL;
}

// ---- any element

struct rc_list_pos rc_list_insert_value(struct rc_list *l, struct rc_list_pos before, const void *value) {
    _Alignas(16) char made[RC_ELEMENT_MAX];
    const char *call = "rc_list_insert_value";
    uint32_t at;
    if (!RC__MAY_CHANGE(l, call) || !rc__usable(value ? l : NULL, call) ||
        !rc__element_copies(l->element, l->kind, call) || !place_of(l, before, &at) ||
        !rc__element_copy(l->element, l->kind, made, value))
        return RC_LIST_NONE;
    if (!place_of(l, before, &at) || !room(l)) { // the user's copy may have removed it
        int error = errno;
        rc__element_drop(l->element, l->kind, made);
        errno = error;
        return RC_LIST_NONE;
    }
    uint32_t c = cell_new(l, at);
    memcpy(element_at(l, c), made, l->element->size);
    return pos_of(l, c);
}

struct rc_list_pos rc_list_insert_give(struct rc_list *l, struct rc_list_pos before, void *value) {
    const char *call = "rc_list_insert_give";
    uint32_t at;
    if (!RC__MAY_CHANGE(l, call) || !rc__usable(value ? l : NULL, call) || !place_of(l, before, &at) || !room(l))
        return RC_LIST_NONE;
    uint32_t c = cell_new(l, at);
    rc__element_give(l->element, l->kind, element_at(l, c), value);
    return pos_of(l, c);
}

bool rc_list_set_value(struct rc_list *l, struct rc_list_pos pos, const void *value) {
    _Alignas(16) char made[RC_ELEMENT_MAX], old[RC_ELEMENT_MAX];
    const char *call = "rc_list_set_value";
    if (!RC__MAY_CHANGE(l, call) || !rc__usable(value ? l : NULL, call) ||
        !rc__element_copies(l->element, l->kind, call) || !cell_of(l, pos) ||
        !rc__element_copy(l->element, l->kind, made, value))
        return false;
    uint32_t c = cell_of(l, pos);
    if (!c) {
        rc__element_drop(l->element, l->kind, made);
        return rc__fails(ESTALE);
    }
    memcpy(old, element_at(l, c), l->element->size);
    memcpy(element_at(l, c), made, l->element->size);
    rc__element_drop(l->element, l->kind, old);
    return true;
}

static void take_out(struct rc_list *l, uint32_t c) {
    assert(c && c < l->used);
    assert(is_sound(l));
    assert(l->size > 0 && cell_at(l, c)->stamp);
    unlink_cell(l, c);
    cell_free(l, c);
    l->size--;
}

bool rc_list_take_value(struct rc_list *l, struct rc_list_pos pos, void *value) {
    const char *call = "rc_list_take_value";
    uint32_t c = RC__MAY_CHANGE(l, call) && rc__usable(value ? l : NULL, call) ? cell_of(l, pos) : 0;
    if (!c)
        return false;
    rc__element_take(l->element, l->kind, value, element_at(l, c));
    take_out(l, c);
    return true;
}

static void remove_cell(struct rc_list *l, uint32_t c) {
    assert(cell_at(l, c)->stamp); // L2
    _Alignas(16) char old[RC_ELEMENT_MAX];
    memcpy(old, element_at(l, c), l->element->size);
    take_out(l, c);
    rc__element_drop(l->element, l->kind, old);
}

bool rc_list_remove(struct rc_list *l, struct rc_list_pos pos) {
    uint32_t c = RC__MAY_CHANGE(l, "rc_list_remove") ? cell_of(l, pos) : 0;
    if (!c)
        return false;
    remove_cell(l, c);
    return true;
}

bool rc_list_move(struct rc_list *l, struct rc_list_pos pos, struct rc_list_pos before) {
    uint32_t at, c = RC__MAY_CHANGE(l, "rc_list_move") ? cell_of(l, pos) : 0;
    if (!c || !place_of(l, before, &at))
        return false;
    if (c != at) {
        unlink_cell(l, c);
        link_before(l, c, at);
    }
    return true;
}

struct rc_list_pos rc_list_find_if(const struct rc_list *list, struct rc_list_pos from,
                                   bool (*test)(const void *, void *), void *arg) {
    if (!rc__usable(test ? list : NULL, "rc_list_find_if") || !list->size)
        return RC_LIST_NONE;
    uint32_t c = rc_list_is_none(from) ? cell_at(list, 0)->next : cell_of(list, from);
    struct rc_list *l = rc_retain((void *)(uintptr_t)list);
    l->busy++;
    while (c && !test(element_at(l, c), arg))
        c = cell_at(l, c)->next;
    l->busy--;
    struct rc_list_pos found = pos_of(l, c);
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
    if (!rc__usable(value ? list : NULL, "rc_list_find_value"))
        return RC_LIST_NONE;
    return rc_list_find_if(list, from, is_wanted, &(struct wanted){list->element, value});
}

// ---- elements that are links

static bool is_of_links(const struct rc_list *l) {
    return l->kind & RC__E_LINK || rc__fails(EINVAL);
}

static struct rc_list_pos insert(struct rc_list *l, uint32_t at, void *obj) {
    assert(l->kind & RC__E_LINK);
    assert(at < l->used || !at);
    if (!room(l))
        return RC_LIST_NONE;
    uint32_t c = cell_new(l, at);
    rc_set_slot(element_at(l, c), obj);
    if (rc__load(element_at(l, c)) == obj)
        return pos_of(l, c);
    take_out(l, c);
    errno = EINVAL;
    return RC_LIST_NONE;
}

struct rc_list_pos rc_list_insert(struct rc_list *l, struct rc_list_pos before, void *obj) {
    uint32_t at;
    if (!RC__MAY_CHANGE(l, "rc_list_insert") || !is_of_links(l) || !place_of(l, before, &at))
        return RC_LIST_NONE;
    return insert(l, at, obj);
}

struct rc_list_pos rc_list_push_back(struct rc_list *l, void *obj) {
    return RC__MAY_CHANGE(l, "rc_list_push_back") && is_of_links(l) ? insert(l, 0, obj) : RC_LIST_NONE;
}

struct rc_list_pos rc_list_push_front(struct rc_list *l, void *obj) {
    if (!RC__MAY_CHANGE(l, "rc_list_push_front") || !is_of_links(l))
        return RC_LIST_NONE;
    return insert(l, l->size ? cell_at(l, 0)->next : 0, obj);
}

void *rc_list_missing(const struct rc_list *l) {
    if (rc__usable(l, "rc_list_get") && is_of_links(l))
        errno = ESTALE;
    return NULL;
}

bool rc_list_set(struct rc_list *l, struct rc_list_pos pos, void *obj) {
    uint32_t c = RC__MAY_CHANGE(l, "rc_list_set") && is_of_links(l) ? cell_of(l, pos) : 0;
    if (!c)
        return false;
    rc_set_slot(element_at(l, c), obj);
    return true;
}

static void *take(struct rc_list *l, uint32_t c) {
    assert(l->kind & RC__E_LINK);
    assert(cell_at(l, c)->stamp); // L2
    void *obj = rc_take_slot(element_at(l, c));
    take_out(l, c);
    return obj;
}

void *rc_list_take(struct rc_list *l, struct rc_list_pos pos) {
    uint32_t c = RC__MAY_CHANGE(l, "rc_list_take") && is_of_links(l) ? cell_of(l, pos) : 0;
    return c ? take(l, c) : NULL;
}

static bool may_pop(struct rc_list *l, const char *call) {
    return RC__MAY_CHANGE(l, call) && is_of_links(l) && (l->size || rc__fails(ESTALE));
}

void *rc_list_pop_back(struct rc_list *l) {
    return may_pop(l, "rc_list_pop_back") ? take(l, cell_at(l, 0)->prev) : NULL;
}

void *rc_list_pop_front(struct rc_list *l) {
    return may_pop(l, "rc_list_pop_front") ? take(l, cell_at(l, 0)->next) : NULL;
}

struct rc_list_pos rc_list_find(const struct rc_list *l, const void *obj) {
    if (!rc__usable(l, "rc_list_find") || !is_of_links(l) || !l->size)
        return RC_LIST_NONE;
    uint32_t c = cell_at(l, 0)->next;
    while (c && rc__load(element_at(l, c)) != obj)
        c = cell_at(l, c)->next;
    return pos_of(l, c);
}

// ---- the whole

bool rc_list_reserve(struct rc_list *l, size_t n) {
    if (!RC__MAY_CHANGE(l, "rc_list_reserve"))
        return false;
    n = n < DOOMED ? n + l->doomed_count : DOOMED;
    return n < l->capacity || set_capacity(l, n + 1);
}

bool rc_list_shrink(struct rc_list *l) {
    if (!RC__MAY_CHANGE(l, "rc_list_shrink"))
        return false;
    if (l->doomed)
        return rc__fails(EBUSY);
    struct rc_list small = *l;
    small.cells = NULL;
    small.size = small.used = small.capacity = small.free = 0;
    if (l->size && !set_capacity(&small, (size_t)l->size + 1))
        return false;
    rc__moving(l);
    for (uint32_t c = l->size ? cell_at(l, 0)->next : 0; c; c = cell_at(l, c)->next)
        memcpy(element_at(&small, cell_new(&small, 0)), element_at(l, c), l->element->size);
    free_cells(rc__here, l);
    *l = small;
    return true;
}

// As in array_range.c: the elements go with an object that nobody can reach.
void rc_list_clear(struct rc_list *l) {
    if (!RC__MAY_CHANGE(l, "rc_list_clear") || !l->cells)
        return;
    struct rc_list *remains = list_new(l->element, l->kind);
    if (remains) {
        rc__moving(l);
        *remains = *l;
        l->cells = NULL;
        free_cells(rc__here, l);
        rc_release(remains);
        return;
    }
    struct rc_list *held = rc_retain(l);
    for (uint32_t n = l->size; n && l->size; n--) // no memory: one by one
        remove_cell(l, cell_at(l, 0)->prev);
    if (!l->size && !l->doomed)
        free_cells(rc__here, l);
    rc_release(held);
}

// Takes the cells of which [test] says so out of the list, onto [doomed].
static size_t doom(struct rc_list *l, bool (*test)(const void *, void *), void *arg) {
    assert(test != NULL);
    assert(is_sound(l));
    assert(l->used > l->size);
    size_t n = 0;
    l->busy++;
    for (uint32_t next, c = cell_at(l, 0)->next; c; c = next) {
        next = cell_at(l, c)->next;
        if (!test(element_at(l, c), arg))
            continue;
        unlink_cell(l, c);
        *cell_at(l, c) = (struct rc__list_cell){.next = l->doomed, .prev = DOOMED};
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
    if (!RC__MAY_CHANGE(l, "rc_list_remove_if") || !rc__usable(test ? l : NULL, "rc_list_remove_if"))
        return false;
    struct rc_list *held = rc_retain(l);
    size_t n = l->size ? doom(l, test, arg) : 0;
    while (l->doomed) {
        uint32_t c = l->doomed;
        l->doomed = cell_at(l, c)->next;
        l->doomed_count--;
        memcpy(old, element_at(l, c), l->element->size);
        cell_free(l, c);
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
    for (uint32_t c = first; c != last; c = cell_at(l, c)->next, n++)
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
        !place_of(l, before, &at))
        return false;
    if (l == source)
        return rc__fails(EINVAL);
    if (!source->size)
        return rc_list_is_none(first) && rc_list_is_none(last) ? true : rc__fails(ESTALE);
    uint32_t c = rc_list_is_none(first) ? cell_at(source, 0)->next : cell_of(source, first);
    uint32_t end = rc_list_is_none(last) ? cell_at(source, 0)->prev : cell_of(source, last);
    size_t n = c && end ? count_range(source, c, end) : 0;
    if (!n || !rc_list_reserve(l, l->size + n))
        return false;
    for (uint32_t next; n; n--, c = next) {
        next = cell_at(source, c)->next;
        rc__element_move(l->element, l->kind, element_at(l, cell_new(l, at)), element_at(source, c));
        take_out(source, c);
    }
    return true;
}

struct rc_list *rc_list_copy(const struct rc_list *list) {
    if (!rc__usable(list, "rc_list_copy") || !rc__element_copies(list->element, list->kind, "rc_list_copy"))
        return NULL;
    struct rc_list *copy = list_new(list->element, list->kind);
    if (!copy)
        return NULL;
    struct rc_list *l = rc_retain((void *)(uintptr_t)list);
    l->busy++;
    bool ok = !l->size || rc_list_reserve(copy, l->size);
    for (uint32_t c = ok && l->size ? cell_at(l, 0)->next : 0; ok && c; c = cell_at(l, c)->next)
        ok = !rc_list_is_none(rc_list_insert_value(copy, RC_LIST_NONE, element_at(l, c)));
    int error = errno;
    l->busy--;
    rc_release(l);
    if (ok)
        return copy;
    rc_release(copy);
    errno = error;
    return NULL;
}

bool rc_list_reverse(struct rc_list *l) {
    if (!RC__MAY_CHANGE(l, "rc_list_reverse"))
        return false;
    if (!l->size)
        return true;
    uint32_t c = 0;
    do {
        struct rc__list_cell *cell = cell_at(l, c);
        uint32_t next = cell->next;
        cell->next = cell->prev;
        cell->prev = next;
        c = next;
    } while (c);
    return true;
}

typedef int compare_fn(const void *a, const void *b);
typedef int compare_with_fn(const void *a, const void *b, void *arg);

struct sorting {
    const struct rc_list *list;
    const uint32_t *cells;
    compare_with_fn *compare;
    void *arg;
};

static int compare_cells(void *context, uint32_t i, uint32_t k) {
    const struct sorting *s = context;
    assert(i < s->list->size && k < s->list->size);
    assert(s->list->busy > 0); // E2
    return s->compare(element_at(s->list, s->cells[i]), element_at(s->list, s->cells[k]), s->arg);
}

// Sorts [n] cells, whose numbers are to be put into [cells].
static bool arrange(struct rc_list *l, uint32_t *cells, size_t n, compare_with_fn *compare, void *arg) {
    assert(n == l->size && n > 1);
    assert(cells != NULL && compare != NULL);
    uint32_t c = 0;
    for (size_t i = 0; i < n; i++)
        cells[i] = c = cell_at(l, c)->next;
    struct sorting sorting = {l, cells, compare, arg};
    uint32_t *order = rc__order(rc__here, n, compare_cells, &sorting);
    if (!order)
        return false;
    cell_at(l, 0)->next = cell_at(l, 0)->prev = 0;
    for (size_t i = 0; i < n; i++)
        link_before(l, cells[order[i]], 0);
    rc__order_free(rc__here, order, n);
    return true;
}

static bool sort(struct rc_list *l, compare_with_fn *compare, void *arg) {
    assert(compare != NULL);
    assert(is_sound(l));
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

// [arg] is the address of a comparison that needs none.
static int compare_without(const void *a, const void *b, void *arg) {
    return (*(compare_fn **)arg)(a, b);
}

bool rc_list_sort(struct rc_list *l, compare_fn *compare) {
    if (!RC__MAY_CHANGE(l, "rc_list_sort"))
        return false;
    if (!compare && !(compare = l->element->compare))
        return rc__fails(EINVAL);
    return sort(l, compare_without, &compare);
}

bool rc_list_sort_with(struct rc_list *l, compare_with_fn *compare, void *arg) {
    return RC__MAY_CHANGE(l, "rc_list_sort_with") && rc__usable(compare ? l : NULL, "rc_list_sort_with") &&
           sort(l, compare, arg);
}

// ---- iteration

struct rc__list_step rc_list_begin(const struct rc_list *l, struct rc_list_pos pos, bool between) {
    struct rc__list_step step = {pos, RC_ITER_END};
    if (!l || !rc__usable(l, "rc_list_step"))
        return step;
    if (!rc_list_is_none(pos))
        step.is = RC_ITER_CHANGED;
    else if (between && l->size)
        step = (struct rc__list_step){pos_of(l, cell_at(l, 0)->next), RC_ITER_ITEM};
    return step;
}

bool rc_list_iter_remove(struct rc_list_iter *it) {
    struct rc_list *l = it->list;
    uint32_t c = RC__MAY_CHANGE(l, "rc_list_iter_remove") && !it->between ? cell_of(l, it->pos) : 0;
    if (!c)
        return it->between ? rc__fails(ESTALE) : false;
    it->pos = pos_of(l, cell_at(l, c)->prev);
    it->between = true;
    it->element = NULL;
    remove_cell(l, c);
    return true;
}
