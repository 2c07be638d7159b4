// SPDX-License-Identifier: MIT
// rc_map: a table (table.h) that is an object, with keys and values.
#include "table.h"

#include <refcyc/map.h>
#include <refcyc/string.h>

struct rc_map {
    struct rc__table table;
};

const struct rc_type rc_map_type = {.name = "rc_map",
                                    .size = sizeof(struct rc_map),
                                    .trace = rc__table_trace,
                                    .free_slots = rc__table_free_slots,
                                    .destroy_some = rc__table_destroy_some};
// What maps are really of (object.h): the first type if keys or values have links, the second, acyclic one if not.
const struct rc_type rc__map_type = {.name = "rc_map", .size = sizeof(struct rc_map), .base = &rc_map_type};
const struct rc_type rc__leaf_map_type = {
    .name = "rc_map", .size = sizeof(struct rc_map), .base = &rc_map_type, .acyclic = true};

// [map] may be NULL.
static struct rc__table *table_of(const struct rc_map *map) {
    return (struct rc__table *)(uintptr_t)map;
}

static struct rc_map *map_new(const struct rc__table *like) {
    assert(like->value);
    struct rc_map *map = rc_new(rc__table_has_links(like) ? &rc__map_type : &rc__leaf_map_type);
    if (map)
        rc__table_like(table_of(map), like);
    return map;
}

struct rc_map *rc_map_new(const struct rc_element *key, const struct rc_element *value) {
    struct rc__table like = {0};
    if (!value) {
        rc__fault(RC_FAULT_NULL, "rc_map_new", NULL, "the element table is NULL");
        errno = EINVAL;
        return NULL;
    }
    return rc__table_init(&like, key, value, "rc_map_new") ? map_new(&like) : NULL;
}

struct rc_map *rc_map_copy(const struct rc_map *map) {
    if (!rc__usable(map, "rc_map_copy"))
        return NULL;
    struct rc_map *copy = map_new(table_of(map));
    return copy && !rc__keyed_copy(table_of(copy), table_of(map), "rc_map_copy") ? rc__discard(copy) : copy;
}

size_t rc_map_size(const struct rc_map *map) {
    return map && RC__FITS(map, "rc_map_size") ? map->table.count : 0;
}

// The address of entry [e]'s value.
static void *value_at(const struct rc_map *map, uint32_t e) {
    assert(e == RC__NO_ENTRY || rc__table_lives(table_of(map), e));
    return e == RC__NO_ENTRY ? NULL : rc__table_value(table_of(map), e);
}

void *rc_map_find(const struct rc_map *map, const void *key) {
    return value_at(map, rc__keyed_find(table_of(map), key, "rc_map_find"));
}

bool rc_map_has(const struct rc_map *map, const void *key) {
    return rc__keyed_find(table_of(map), key, "rc_map_has") != RC__NO_ENTRY;
}

const void *rc_map_find_key(const struct rc_map *map, const void *key) {
    uint32_t e = rc__keyed_find(table_of(map), key, "rc_map_find_key");
    return e == RC__NO_ENTRY ? NULL : rc__table_key(table_of(map), e);
}

void *rc_map_ensure(struct rc_map *map, const void *key) {
    return value_at(map, rc__keyed_ensure(table_of(map), key, "rc_map_ensure"));
}

bool rc_map_put(struct rc_map *map, const void *key, const void *value) {
    return rc__keyed_put(table_of(map), key, value, "rc_map_put");
}

bool rc_map_put_give(struct rc_map *map, void *key, void *value) {
    return rc__keyed_put_give(table_of(map), key, value, "rc_map_put_give");
}

// What is moved out goes to the caller where there is somewhere to put it.
static bool remove_entry(struct rc_map *map, const void *key, void *taken_key, void *value, const char *call) {
    if (!RC__MAY_CHANGE(table_of(map), call))
        return false;
    uint32_t e = rc__keyed_find(table_of(map), key, call);
    if (e == RC__NO_ENTRY)
        return false;
    rc__keyed_remove(table_of(map), e, taken_key, value);
    return true;
}

bool rc_map_remove(struct rc_map *map, const void *key) {
    return remove_entry(map, key, NULL, NULL, "rc_map_remove");
}

bool rc_map_take(struct rc_map *map, const void *key, void *value) {
    return rc__usable(map, "rc_map_take") && RC__GIVEN(value, "rc_map_take") &&
           remove_entry(map, key, NULL, value, "rc_map_take");
}

bool rc_map_take_entry(struct rc_map *map, const void *key, void *taken_key, void *value) {
    return rc__usable(map, "rc_map_take_entry") && RC__GIVEN(taken_key && value, "rc_map_take_entry") &&
           remove_entry(map, key, taken_key, value, "rc_map_take_entry");
}

// ---- values that are links

static bool has_objects(const struct rc_map *map) {
    assert(map != NULL);
    return map->table.value_kind & RC__E_LINK || rc__fails(EINVAL);
}

static void *object_at(const struct rc_map *map, uint32_t e) {
    assert(map->table.value_kind & RC__E_LINK);
    assert(e == RC__NO_ENTRY || rc__table_lives(table_of(map), e));
    return e == RC__NO_ENTRY ? NULL : rc__load(rc__table_value(table_of(map), e));
}

void *rc_map_get(const struct rc_map *map, const void *key) {
    if (!rc__usable(map, "rc_map_get") || !has_objects(map))
        return NULL;
    return object_at(map, rc__keyed_find(table_of(map), key, "rc_map_get"));
}

bool rc_map_set(struct rc_map *map, const void *key, void *obj) {
    return rc__usable(map, "rc_map_set") && has_objects(map) && rc__keyed_put(table_of(map), key, &obj, "rc_map_set");
}

static bool has_words(const struct rc_map *map) {
    assert(map != NULL);
    return map->table.sort == RC__KEY_WORD || rc__fails(EINVAL);
}

// What the functions below do with a map that they are not for: errno, or a fault, says what is wrong. Not in line, so that
// they need no stack frame.
__attribute__((noinline)) static void *no_words(const struct rc_map *map, const char *call) {
    assert(call != NULL);
    if (rc__usable(map, call))
        errno = map->table.busy && map->table.words ? EBUSY : EINVAL;
    return NULL;
}

static inline __attribute__((always_inline)) bool is_of_words(const struct rc_map *map) {
    return __builtin_expect(map && RC__IS_FOR(map, "rc_map_") && map->table.words &&
                                rc__is_inside(RC__HEADER((void *)(uintptr_t)map)), 1);
}

void *rc_map_get_int(const struct rc_map *map, int64_t key) {
    if (!is_of_words(map))
        return no_words(map, "rc_map_get_int");
    void **slot = rc__table_slot_of_word(table_of(map), (uint64_t)key);
    return slot ? *slot : NULL;
}

bool rc_map_set_int(struct rc_map *map, int64_t key, void *obj) {
    if (!is_of_words(map) || map->table.busy)
        return no_words(map, "rc_map_set_int");
    if (!rc__linkable(obj, "rc_map_set_int"))
        return false;
    void **slot = rc__table_slot_of_word(table_of(map), (uint64_t)key);
    if (!slot)
        return rc__keyed_add_word(table_of(map), (uint64_t)key, obj, "rc_map_set_int");
    rc_set_slot(slot, obj);
    return true;
}

bool rc_map_has_int(const struct rc_map *map, int64_t key) {
    uint64_t word = (uint64_t)key;
    return rc__usable(map, "rc_map_has_int") && has_words(map) &&
           rc__table_find_word(table_of(map), rc__table_mix(word), word) != RC__NO_ENTRY;
}

// For a map with keys of 8 bytes whose keys hold something, or whose values are no objects; and for any other map.
__attribute__((noinline)) static bool remove_word(struct rc_map *map, uint64_t word) {
    struct rc__table *t = table_of(map);
    return RC__MAY_CHANGE(t, "rc_map_remove_int") && has_words(map) &&
           rc__keyed_remove_at(t, rc__table_place_of_word(t, rc__table_mix(word), word));
}

bool rc_map_remove_int(struct rc_map *map, int64_t key) {
    if (!is_of_words(map) || map->table.busy || map->table.key_kind)
        return remove_word(map, (uint64_t)key);
    struct rc__table *t = table_of(map);
    uint32_t *place = rc__table_place_of_word(t, rc__table_mix((uint64_t)key), (uint64_t)key);
    if (!place)
        return false;
    void *value = rc__table_word(t, *place)->value;
    __builtin_prefetch((const void *)((uintptr_t)value - sizeof(struct rc__header)), 1);
    rc__table_remove_at(t, place);
    return rc__drop_link_of_held(rc__here, value) || rc__dropped_link(value);
}

static bool has_texts(const struct rc_map *map, const char *key, const char *call) {
    assert(map && call);
    if (!key) {
        rc__fault(RC_FAULT_NULL, call, NULL, "the key is NULL");
        return rc__fails(EINVAL);
    }
    return map->table.sort == RC__KEY_STRING || rc__fails(EINVAL);
}

// As no_words: has errno or a fault say what is wrong.
__attribute__((noinline)) static void *no_texts(const struct rc_map *map, const char *key, const char *call) {
    assert(call != NULL);
    if (rc__usable(map, call) && has_objects(map))
        has_texts(map, key, call);
    return NULL;
}

static inline __attribute__((always_inline)) bool is_of_texts(const struct rc_map *map, const char *key) {
    return __builtin_expect(map && RC__IS_FOR(map, "rc_map_") && key && map->table.texts &&
                                rc__is_inside(RC__HEADER((void *)(uintptr_t)map)), 1);
}

void *rc_map_get_text(const struct rc_map *map, const char *key) {
    if (!is_of_texts(map, key))
        return no_texts(map, key, "rc_map_get_text");
    size_t length = strlen(key);
    void **slot = rc__table_slot_of_text(table_of(map), rc__text_hash(key, length), key, length);
    return slot ? *slot : NULL;
}

bool rc_map_has_text(const struct rc_map *map, const char *key) {
    if (!rc__usable(map, "rc_map_has_text") || !has_texts(map, key, "rc_map_has_text"))
        return false;
    size_t length = strlen(key);
    return rc__table_find_text(table_of(map), rc__text_hash(key, length), key, length) != RC__NO_ENTRY;
}

bool rc_map_set_text(struct rc_map *map, const char *key, void *obj) {
    if (!RC__MAY_CHANGE(table_of(map), "rc_map_set_text"))
        return false;
    if (!is_of_texts(map, key))
        return no_texts(map, key, "rc_map_set_text");
    if (!rc__linkable(obj, "rc_map_set_text"))
        return false;
    size_t length = strlen(key);
    uint32_t hash = rc__text_hash(key, length);
    void **slot = rc__table_slot_of_text(table_of(map), hash, key, length);
    if (slot) {
        rc_set_slot(slot, obj);
        return true;
    }
    struct rc_string *string = rc_string_new_bytes(key, length);
    if (string && rc__keyed_add_text(table_of(map), hash, string, obj))
        return true;
    rc_release(string);
    return rc__fails(ENOMEM);
}

bool rc_map_remove_text(struct rc_map *map, const char *key) {
    if (!RC__MAY_CHANGE(table_of(map), "rc_map_remove_text") || !has_texts(map, key, "rc_map_remove_text"))
        return false;
    size_t length = strlen(key);
    uint32_t hash = rc__text_hash(key, length);
    return rc__keyed_remove_at(table_of(map), rc__table_place_of_text(table_of(map), hash, key, length));
}

// ---- the whole

// The copies are a map of their own first, so that a failure has changed nothing.
bool rc_map_put_all(struct rc_map *map, const struct rc_map *other) {
    const char *call = "rc_map_put_all";
    if (!RC__MAY_CHANGE(table_of(map), call) || !rc__usable(other, call))
        return false;
    struct rc__table *t = table_of(map);
    if (t->key != other->table.key || t->value != other->table.value) {
        rc__fault(RC_FAULT_TYPE, call, NULL, "the maps are of different elements");
        return rc__fails(EINVAL);
    }
    struct rc_map *fresh = map_new(t), *held = rc_retain(map);
    t->busy++;
    bool ok = fresh && rc__keyed_copy(table_of(fresh), table_of(other), call);
    t->busy--;
    ok = ok && rc__table_reserve(rc__here, t, (size_t)t->count + fresh->table.count);
    int error = errno;
    if (ok)
        rc__keyed_absorb(t, table_of(fresh));
    rc_release(fresh);
    rc_release(held);
    return ok || rc__fails(error);
}

struct rc_array *rc_map_keys(const struct rc_map *map) {
    return rc__keyed_row(table_of(map), false, "rc_map_keys");
}

struct rc_array *rc_map_values(const struct rc_map *map) {
    return rc__keyed_row(table_of(map), true, "rc_map_values");
}

bool rc_map_reserve(struct rc_map *map, size_t n) {
    return rc__keyed_reserve(table_of(map), n, "rc_map_reserve");
}

bool rc_map_shrink(struct rc_map *map) {
    return rc__keyed_shrink(table_of(map), "rc_map_shrink");
}

void rc_map_clear(struct rc_map *map) {
    if (!RC__MAY_CHANGE(table_of(map), "rc_map_clear") || !map->table.memory)
        return;
    struct rc_map *remains = map_new(table_of(map));
    rc__keyed_clear(table_of(map), table_of(remains));
    rc_release(remains);
}

bool rc_map_remove_if(struct rc_map *map, bool (*test)(const void *, const void *, void *), void *arg,
                      size_t *removed) {
    return rc__keyed_remove_if(table_of(map), test, arg, removed, "rc_map_remove_if");
}

// ---- iteration

struct rc_map_iter rc_map_iter(struct rc_map *map) {
    bool fits = map && RC__FITS(map, "rc_map_iter");
    return (struct rc_map_iter){.map = fits ? map : NULL, .version = fits ? map->table.version : 0};
}

enum rc_iter rc_map_next(struct rc_map_iter *it) {
    if (!it->map || !RC__FITS(it->map, "rc_map_next"))
        return RC_ITER_END;
    const struct rc__table *t = table_of(it->map);
    enum rc_iter is = rc__keyed_next(t, it->version, &it->next);
    bool item = is == RC_ITER_ITEM;
    it->key = item ? rc__table_key(t, it->next - 1) : NULL;
    it->value = item ? rc__table_value(t, it->next - 1) : NULL;
    it->hash = item ? t->state[it->next - 1] : 0;
    return is;
}

bool rc_map_iter_remove(struct rc_map_iter *it) {
    uint32_t hash = it->hash;
    it->hash = 0;
    it->key = it->value = NULL;
    return rc__keyed_iter_remove(table_of(it->map), it->version, it->next - 1, hash, "rc_map_iter_remove");
}
