// SPDX-License-Identifier: MIT
// rc_weak_map: a table of entries, by the address of their keys. What makes them ephemerons is in extra.c.
//
// The table is a block of its own, so that clear can leave it to an object that dies, with all the entries that name
// it.
#include "extra.h"

#include <refcyc/string.h>
#include <refcyc/weak_map.h>

struct rc_weak_map {
    struct rc__table *table;
};

struct address {
    void *pointer;
};
// The values in such a table are links, while the keys are not.
static const struct rc_element entry_element = {"entry", sizeof(struct address),
                                                .slots = RC_SLOTS(RC_LINK(struct address, pointer))};

static void weak_map_trace(void *obj, struct rc_visitor *visitor) {
    assert(rc__is_object(RC__HEADER(obj)));
    struct rc_weak_map *map = obj;
    if (map->table)
        rc__table_trace(map->table, visitor);
}

static bool weak_map_destroy_some(void *obj, size_t from, size_t to) {
    assert(rc__is_dead(RC__HEADER(obj)) && from <= to);
    struct rc_weak_map *map = obj;
    return map->table && rc__entries_end(map->table, from, to);
}

static void weak_map_free_slots(void *obj) {
    assert(rc__is_dead(RC__HEADER(obj)));
    struct rc_weak_map *map = obj;
    rc__table_delete(rc__home(map), map->table);
}

const struct rc_type rc_weak_map_type = {.name = "rc_weak_map",
                                         .size = sizeof(struct rc_weak_map),
                                         .trace = weak_map_trace,
                                         .free_slots = weak_map_free_slots,
                                         .destroy_some = weak_map_destroy_some};

// What weak maps are really of (object.h).
const struct rc_type rc__weak_map_type = {
    .name = "rc_weak_map", .size = sizeof(struct rc_weak_map), .base = &rc_weak_map_type};

struct rc_weak_map *rc_weak_map_new(void) {
    struct rc_weak_map *map = rc_new(&rc__weak_map_type);
    if (!map || (map->table = rc__table_new(rc__here, &rc_pointer_element, &entry_element)))
        return map;
    return rc__discard(map);
}

size_t rc_weak_map_size(const struct rc_weak_map *map) {
    return map && RC__FITS(map, "rc_weak_map_size") ? map->table->count : 0;
}

static bool is_given(const void *key, const char *call) {
    assert(call != NULL);
    if (key)
        return true;
    rc__fault(RC_FAULT_NULL, call, NULL, "the key is NULL");
    return rc__fails(EINVAL);
}

static struct rc__entry *find(const struct rc_weak_map *map, const void *key, const char *call) {
    assert(call != NULL);
    assert(!map || map->table);
    return rc__usable(map, call) && is_given(key, call) ? rc__entry_find(map->table, key) : NULL;
}

void *rc_weak_map_get(const struct rc_weak_map *map, const void *key) {
    const struct rc__entry *entry = find(map, key, "rc_weak_map_get");
    return entry ? entry->value : NULL;
}

bool rc_weak_map_has(const struct rc_weak_map *map, const void *key) {
    return find(map, key, "rc_weak_map_has") != NULL;
}

static bool is_here(const void *key, const char *call) {
    assert(key && call);
    if (rc__is_known(key) && rc__is_inside(RC__HEADER((void *)(uintptr_t)key)))
        return true;
    rc__misused(key, call);
    return false;
}

bool rc_weak_map_put(struct rc_weak_map *map, void *key, void *value) {
    const char *call = "rc_weak_map_put";
    if (!rc__usable(map, call) || !is_given(key, call) || !is_here(key, call))
        return false;
    if (rc_type_of(key) == &rc_string_type)
        return rc__fails(EINVAL);
    if (!rc__linkable(value, call))
        return false;
    struct rc__entry *entry = rc__entry_find(map->table, key);
    if (!entry)
        return rc__entry_new(map->table, key, value);
    rc_set_slot(&entry->value, value);
    return true;
}

bool rc_weak_map_remove(struct rc_weak_map *map, const void *key) {
    struct rc__entry *entry = find(map, key, "rc_weak_map_remove");
    if (!entry)
        return false;
    rc__entry_remove(entry);
    return true;
}

bool rc_weak_map_reserve(struct rc_weak_map *map, size_t n) {
    return rc__usable(map, "rc_weak_map_reserve") && rc__table_reserve(rc__here, map->table, n);
}

// As in array_range.c: the entries go with an object that nobody can reach.
void rc_weak_map_clear(struct rc_weak_map *map) {
    if (!rc__usable(map, "rc_weak_map_clear") || !map->table->used)
        return;
    struct rc_weak_map *remains = rc_weak_map_new();
    if (remains) {
        struct rc__table *table = map->table;
        rc__moving(map);
        map->table = remains->table;
        remains->table = table;
        rc_release(remains);
        return;
    }
    struct rc_weak_map *held = rc_retain(map);
    for (size_t e = 0; e < held->table->used; e++) { // no memory: one by one
        rc__entries_end(held->table, e, e + 1);
    }
    rc_release(held);
}
