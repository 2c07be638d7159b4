// SPDX-License-Identifier: MIT
// rc_list: its cells, and one element at a time.
#include "list.h"

static void list_trace(void *obj, struct rc_visitor *visitor) {
    struct rc_list *l = obj;
    if (l->cells)
        rc__element_visit(l->element, l->kind, visitor, rc__list_element(l, 0), l->used, l->stride);
}

static bool list_destroy_some(void *obj, size_t from, size_t to) {
    assert(from <= to);
    struct rc_list *l = obj;
    assert(rc__list_is_sound(l));
    if (!(l->kind & (RC__E_DESTROY | RC__E_WEAK)))
        return false;
    for (size_t i = from ? from : 1; i < to && i < l->used; i++) {
        uint32_t c = (uint32_t)i;
        if (rc__list_at(l, c)->stamp || rc__list_at(l, c)->prev == RC__DOOMED_CELL)
            rc__element_end(l->element, l->kind, rc__list_element(l, c));
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
// What lists are really of (object.h): the first type if the elements have links, the second, acyclic one if not.
const struct rc_type rc__list_type = {.name = "rc_list", .size = sizeof(struct rc_list), .base = &rc_list_type};
const struct rc_type rc__leaf_list_type = {
    .name = "rc_list", .size = sizeof(struct rc_list), .base = &rc_list_type, .acyclic = true};

static struct rc_list *list_new(const struct rc_element *element, uint8_t kind) {
    assert(element && element->size > 0);
    assert(element->size <= RC_ELEMENT_MAX);
    struct rc_list *l = rc_new(kind & RC__E_LINKS ? &rc__list_type : &rc__leaf_list_type);
    if (!l)
        return NULL;
    l->element = element;
    l->kind = kind;
    l->stride = sizeof(struct rc__list_cell) + (element->size + 3) / 4 * 4;
    return l;
}

struct rc_list *rc__list_like(const struct rc_list *l) {
    assert(rc__list_is_sound(l));
    return list_new(l->element, l->kind);
}

struct rc_list *rc_list_new(const struct rc_element *element) {
    uint8_t kind;
    return rc__element_check(element, &kind, "rc_list_new") ? list_new(element, kind) : NULL;
}

size_t rc_list_size(const struct rc_list *l) {
    return l && RC__FITS(l, "rc_list_size") ? l->size : 0;
}

size_t rc__list_index(const void *list, uint32_t cell, struct rc__list_place *near) {
    assert(cell && cell < ((const struct rc_list *)list)->used);
    const struct rc_list *l = list;
    size_t i = 0;
    if (near->cell && rc__list_at(l, cell)->prev == near->cell)
        i = near->index + 1;
    else if (near->cell && rc__list_at(l, cell)->next == near->cell)
        i = near->index - 1;
    else
        for (uint32_t c = rc__list_at(l, 0)->next; c && c != cell; c = rc__list_at(l, c)->next)
            i++;
    *near = (struct rc__list_place){cell, i};
    return i;
}

// ---- cells

static bool set_capacity(struct rc_list *l, size_t capacity) {
    assert(rc__list_is_sound(l));
    assert(capacity > l->used);
    if (capacity > RC__DOOMED_CELL)
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
    assert(rc__list_is_sound(l));
    if (rc__list_has_room(l))
        return true;
    return set_capacity(l, l->capacity < 4 ? 5 : 2 * (size_t)l->capacity);
}

// ---- positions

struct rc_list_pos rc_list_first(const struct rc_list *l) {
    return rc__usable(l, "rc_list_first") && l->size ? rc__list_pos_of(l, rc__list_at(l, 0)->next) : RC_LIST_NONE;
}

struct rc_list_pos rc_list_last(const struct rc_list *l) {
    return rc__usable(l, "rc_list_last") && l->size ? rc__list_pos_of(l, rc__list_at(l, 0)->prev) : RC_LIST_NONE;
}

struct rc_list_pos rc_list_next(const struct rc_list *l, struct rc_list_pos pos) {
    uint32_t c = rc__usable(l, "rc_list_next") ? rc__list_cell_of(l, pos) : 0;
    return c ? rc__list_pos_of(l, rc__list_at(l, c)->next) : RC_LIST_NONE;
}

struct rc_list_pos rc_list_prev(const struct rc_list *l, struct rc_list_pos pos) {
    uint32_t c = rc__usable(l, "rc_list_prev") ? rc__list_cell_of(l, pos) : 0;
    return c ? rc__list_pos_of(l, rc__list_at(l, c)->prev) : RC_LIST_NONE;
}

bool rc_list_has(const struct rc_list *l, struct rc_list_pos pos) {
    int error = errno;
    bool has = rc__usable(l, "rc_list_has") && rc__list_cell_of(l, pos);
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
    if (!RC__MAY_CHANGE(l, call) || !RC__GIVEN(value, call) ||
        !rc__element_copies(l->element, l->kind, call) || !rc__list_place_of(l, before, &at) ||
        !rc__element_copy_for(&l->busy, l->element, l->kind, made, value))
        return RC_LIST_NONE;
    if (!room(l)) {
        rc__element_discard(l->element, l->kind, made);
        return RC_LIST_NONE;
    }
    uint32_t c = rc__list_new_cell(l, at);
    memcpy(rc__list_element(l, c), made, l->element->size);
    return rc__list_pos_of(l, c);
}

struct rc_list_pos rc_list_insert_give(struct rc_list *l, struct rc_list_pos before, void *value) {
    const char *call = "rc_list_insert_give";
    uint32_t at;
    if (!RC__MAY_CHANGE(l, call) || !RC__GIVEN(value, call) || !rc__list_place_of(l, before, &at) || !room(l))
        return RC_LIST_NONE;
    uint32_t c = rc__list_new_cell(l, at);
    rc__element_give(l->element, l->kind, rc__list_element(l, c), value);
    return rc__list_pos_of(l, c);
}

bool rc_list_set_value(struct rc_list *l, struct rc_list_pos pos, const void *value) {
    _Alignas(16) char made[RC_ELEMENT_MAX], old[RC_ELEMENT_MAX];
    const char *call = "rc_list_set_value";
    uint32_t c;
    if (!RC__MAY_CHANGE(l, call) || !RC__GIVEN(value, call) ||
        !rc__element_copies(l->element, l->kind, call) || !(c = rc__list_cell_of(l, pos)) ||
        !rc__element_copy_for(&l->busy, l->element, l->kind, made, value))
        return false;
    memcpy(old, rc__list_element(l, c), l->element->size);
    memcpy(rc__list_element(l, c), made, l->element->size);
    rc__element_drop(l->element, l->kind, old);
    return true;
}

bool rc_list_take_value(struct rc_list *l, struct rc_list_pos pos, void *value) {
    const char *call = "rc_list_take_value";
    uint32_t c = RC__MAY_CHANGE(l, call) && RC__GIVEN(value, call) ? rc__list_cell_of(l, pos) : 0;
    if (!c)
        return false;
    rc__element_take(l->element, l->kind, value, rc__list_element(l, c));
    rc__list_take_out(l, c);
    return true;
}

static __attribute__((noinline)) bool remove_value(struct rc_list *l, uint32_t c) {
    _Alignas(16) char old[RC_ELEMENT_MAX];
    memcpy(old, rc__list_element(l, c), l->element->size);
    rc__list_take_out(l, c);
    rc__element_drop(l->element, l->kind, old);
    return true;
}

// Returns true.
static bool remove_cell(struct rc_list *l, uint32_t c) {
    assert(rc__list_at(l, c)->stamp); // L2
    if (!(l->kind & RC__E_LINK))
        return remove_value(l, c);
    void *obj = rc__load(rc__list_element(l, c));
    rc__list_take_out_of(l, c, RC__LIST_LINK);
    return rc__drop_link_of_held(rc__here, obj) || rc__dropped_link(obj);
}

bool rc_list_remove(struct rc_list *l, struct rc_list_pos pos) {
    uint32_t c = RC__MAY_CHANGE(l, "rc_list_remove") ? rc__list_cell_of(l, pos) : 0;
    return c && remove_cell(l, c);
}

bool rc_list_move(struct rc_list *l, struct rc_list_pos pos, struct rc_list_pos before) {
    uint32_t at, c = RC__MAY_CHANGE(l, "rc_list_move") ? rc__list_cell_of(l, pos) : 0;
    if (!c || !rc__list_place_of(l, before, &at))
        return false;
    if (c != at) {
        rc__list_unlink(l, c);
        rc__list_link(l, c, at);
    }
    return true;
}

// ---- elements that are links

static __attribute__((noinline)) struct rc_list_pos insert_special(struct rc_list *l, uint32_t at, void *obj) {
    assert(l->kind & RC__E_LINK);
    assert(at < l->used || !at);
    if (!room(l))
        return RC_LIST_NONE;
    uint32_t c = rc__list_new_cell(l, at);
    rc_set_slot(rc__list_element(l, c), obj);
    if (rc__load(rc__list_element(l, c)) == obj)
        return rc__list_pos_of(l, c);
    rc__list_take_out(l, c);
    errno = EINVAL;
    return RC_LIST_NONE;
}

// The usual case is without a call.
static struct rc_list_pos insert(struct rc_list *l, uint32_t at, void *obj) {
    if (!rc__list_has_room(l) || !rc__add_link(obj))
        return insert_special(l, at, obj);
    uint32_t c = rc__list_new_cell_of(l, at, RC__LIST_LINK);
    rc__store(rc__list_element(l, c), obj);
    return (struct rc_list_pos){c, rc__here->stamp};
}

struct rc_list_pos rc_list_insert(struct rc_list *l, struct rc_list_pos before, void *obj) {
    uint32_t at;
    if (!RC__MAY_CHANGE(l, "rc_list_insert") || !rc__list_is_of_links(l) || !rc__list_place_of(l, before, &at))
        return RC_LIST_NONE;
    return insert(l, at, obj);
}

struct rc_list_pos rc_list_push_back(struct rc_list *l, void *obj) {
    return RC__MAY_CHANGE(l, "rc_list_push_back") && rc__list_is_of_links(l) ? insert(l, 0, obj) : RC_LIST_NONE;
}

struct rc_list_pos rc_list_push_front(struct rc_list *l, void *obj) {
    if (!RC__MAY_CHANGE(l, "rc_list_push_front") || !rc__list_is_of_links(l))
        return RC_LIST_NONE;
    return insert(l, l->size ? rc__list_at(l, 0)->next : 0, obj);
}

void *rc_list_missing(const struct rc_list *l) {
    if (rc__usable(l, "rc_list_get") && rc__list_is_of_links(l))
        errno = ESTALE;
    return NULL;
}

bool rc_list_set(struct rc_list *l, struct rc_list_pos pos, void *obj) {
    uint32_t c = RC__MAY_CHANGE(l, "rc_list_set") && rc__list_is_of_links(l) ? rc__list_cell_of(l, pos) : 0;
    if (!c || !rc__linkable(obj, "rc_list_set"))
        return false;
    rc_set_slot(rc__list_element(l, c), obj);
    return true;
}

static void *take(struct rc_list *l, uint32_t c) {
    assert(l->kind & RC__E_LINK);
    assert(rc__list_at(l, c)->stamp); // L2
    void *obj = rc__take_link(rc__list_element(l, c));
    rc__list_take_out_of(l, c, RC__LIST_LINK);
    return obj;
}

void *rc_list_take(struct rc_list *l, struct rc_list_pos pos) {
    uint32_t c = RC__MAY_CHANGE(l, "rc_list_take") && rc__list_is_of_links(l) ? rc__list_cell_of(l, pos) : 0;
    return c ? take(l, c) : NULL;
}

static bool may_pop(struct rc_list *l, const char *call) {
    return RC__MAY_CHANGE(l, call) && rc__list_is_of_links(l) && (l->size || rc__fails(ESTALE));
}

void *rc_list_pop_back(struct rc_list *l) {
    return may_pop(l, "rc_list_pop_back") ? take(l, rc__list_at(l, 0)->prev) : NULL;
}

void *rc_list_pop_front(struct rc_list *l) {
    return may_pop(l, "rc_list_pop_front") ? take(l, rc__list_at(l, 0)->next) : NULL;
}

// ---- the whole

bool rc_list_reserve(struct rc_list *l, size_t n) {
    if (!RC__MAY_CHANGE(l, "rc_list_reserve"))
        return false;
    n = n < RC__DOOMED_CELL ? n + l->doomed_count : RC__DOOMED_CELL;
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
    for (uint32_t c = l->size ? rc__list_at(l, 0)->next : 0; c; c = rc__list_at(l, c)->next)
        memcpy(rc__list_element(&small, rc__list_new_cell(&small, 0)), rc__list_element(l, c), l->element->size);
    free_cells(rc__here, l);
    *l = small;
    return true;
}

// As in array_range.c: the elements go with an object that nobody can reach.
void rc_list_clear(struct rc_list *l) {
    if (!RC__MAY_CHANGE(l, "rc_list_clear") || !l->cells)
        return;
    struct rc_list *remains = rc__list_like(l);
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
        remove_cell(l, rc__list_at(l, 0)->prev);
    if (!l->size && !l->doomed)
        free_cells(rc__here, l);
    rc_release(held);
}

// ---- iteration

struct rc_list_pos rc_list_begin(const struct rc_list *l, struct rc_list_pos pos, bool between, enum rc_iter *is) {
    *is = RC_ITER_END;
    if (!l || !rc__usable(l, "rc_list_step") || (rc_list_is_none(pos) && !between))
        return pos;
    if (!rc_list_is_none(pos) && !rc_list_has(l, pos)) {
        *is = RC_ITER_CHANGED;
        return pos;
    }
    pos = rc_list_is_none(pos) ? rc_list_first(l) : rc_list_next(l, pos);
    if (!rc_list_is_none(pos))
        *is = RC_ITER_ITEM;
    return pos;
}

bool rc_list_iter_remove(struct rc_list_iter *it) {
    struct rc_list *l = it->list;
    uint32_t c = RC__MAY_CHANGE(l, "rc_list_iter_remove") && !it->between ? rc__list_cell_of(l, it->pos) : 0;
    if (!c)
        return it->between ? rc__fails(ESTALE) : false;
    it->pos = rc__list_pos_of(l, rc__list_at(l, c)->prev);
    it->heap = rc_list_is_none(it->pos) ? NULL : rc__here;
    it->between = true;
    it->element = NULL;
    return remove_cell(l, c);
}
