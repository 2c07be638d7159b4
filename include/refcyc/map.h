// SPDX-License-Identifier: MIT
// A hash map. Keys and values are elements of any sort (element.h): numbers, objects, strings, structs. An ordinary
// object: rc_release it, put it in a slot.
//
//     struct rc_map *by_name = rc_map_new(&rc_string_element, &rc_link_element);
//     rc_map_set_text(by_name, "first", a);
//     struct node *first = rc_map_get_text(by_name, "first");         // borrowed
//
//     struct rc_map *by_place = rc_map_new(&point_element, &rc_link_element);
//     rc_map_set(by_place, &(struct point){3, 4}, a);
//
// Where a key or value is given by address, that is a pointer to an element: for a string, a `struct rc_string **`
// (rc_map_get(by_name, &string)), never a text; for texts there are the calls that end in _text. The compiler sees only a
// `const void *`. Where keys are strings, anything but the address of a pointer to an rc_string is a fault: found always in
// checked builds, and nearly always in others.
//
// Keys are compared by their element's equal and hash: rc_link_element and rc_pointer_element by identity,
// rc_string_element by text, numbers by value (but rc_double_element by its bits: 0.0 is not -0.0). A key stays as it is for as
// long as it is in the map. A link that is NULL, to an object or a string, is no key: it can be asked for, and is not found; to
// put it is a fault.
//
// All calls are made inside the map's heap, and the caller keeps the map alive until they return. NULL for a map or the address
// of a key, and a map of another heap, is a fault. (rc_map_size and the steps of an iteration do not look whose heap it is.)
// What can fail returns false with errno, and has changed nothing then:
//   ENOMEM   memory is out, or there would be more than 9 * 2^26 entries
//   EBUSY    called from a callback that this map is just calling
//   EINVAL   after a fault, the fault handler having returned; or the map's elements do not allow it
//
// What is removed is released when the map has its new shape, so destructors that run then may use it.
#ifndef REFCYC_MAP_H
#define REFCYC_MAP_H

#include "element.h"

RC_BEGIN_DECLS

struct rc_array;
struct rc_map;
RC_API extern const struct rc_type rc_map_type;

// An empty map, with a handle. The tables must outlive it. NULL with errno: as rc_new.
RC_API struct rc_map *rc_map_new(const struct rc_element *key, const struct rc_element *value) RC_RETURNS_HANDLE;
// A map of copies of all entries, with a handle. NULL with errno.
RC_API struct rc_map *rc_map_copy(const struct rc_map *map) RC_RETURNS_HANDLE;
// How many entries there are. 0 for NULL.
RC_API size_t rc_map_size(const struct rc_map *map);

// ---- any element: keys and values by address

// The value of [key], in place, until the map changes; NULL if there is none. O(1).
RC_API void *rc_map_find(const struct rc_map *map, const void *key);
// Whether there is an entry of [key]. O(1).
RC_API bool rc_map_has(const struct rc_map *map, const void *key);
// The key in the map that is equal to [key], in place, until the map changes; NULL if there is none.
RC_API const void *rc_map_find_key(const struct rc_map *map, const void *key);
// The value of [key], in place, until the map changes; a new one, all zero (links: NULL), if there is none: for what is
// counted or collected in the value, with one look-up. NULL with errno (EINVAL if values have a destructor). O(1),
// amortized.
RC_API void *rc_map_ensure(struct rc_map *map, const void *key);
// Copies [key] and [value], which may lie in the map, into it. If an equal key is there it stays, and its value is replaced,
// the old one destroyed. O(1), amortized.
RC_API bool rc_map_put(struct rc_map *map, const void *key, const void *value);
// The same with what the caller owns, which it does no more on success: what the map does not need of it is released. On
// failure both are still the caller's.
RC_API bool rc_map_put_give(struct rc_map *map, void *key, void *value);
// Removes the entry of [key]; its key and value are destroyed. false if there is none (errno is left alone). O(1).
RC_API bool rc_map_remove(struct rc_map *map, const void *key);
// The same, and its value goes to [value], which is the caller's then, links in it handles; or both its key and its value do.
// If there is none, they are left alone.
RC_API bool rc_map_take(struct rc_map *map, const void *key, void *value);
RC_API bool rc_map_take_entry(struct rc_map *map, const void *key, void *taken_key, void *value);

// ---- values that are links: EINVAL for others. Keys by address; as numbers, in maps whose key is 8 bytes without
//      functions of its own (rc_int64_element, rc_pointer_element, rc_link_element); as texts, if keys are strings

// The object, borrowed; NULL if there is none, or it is NULL (rc_map_has tells which). O(1).
RC_API void *rc_map_get(const struct rc_map *map, const void *key);
RC_API void *rc_map_get_int(const struct rc_map *map, int64_t key);
RC_API void *rc_map_get_text(const struct rc_map *map, const char *key);
// The map gets a link of its own to [obj], which may be NULL; the caller keeps its handle. What [key] had before is replaced,
// its link released. Of the key the map has a copy: a link to a string, an rc_string of its own for a text. O(1), amortized.
RC_API bool rc_map_set(struct rc_map *map, const void *key, void *obj);
RC_API bool rc_map_set_int(struct rc_map *map, int64_t key, void *obj);
RC_API bool rc_map_set_text(struct rc_map *map, const char *key, void *obj);
// As rc_map_has and rc_map_remove, with any value.
RC_API bool rc_map_has_int(const struct rc_map *map, int64_t key);
RC_API bool rc_map_has_text(const struct rc_map *map, const char *key);
RC_API bool rc_map_remove_int(struct rc_map *map, int64_t key);
RC_API bool rc_map_remove_text(struct rc_map *map, const char *key);

// ---- the whole

// Puts copies of all entries of [other], a map with the same element tables, perhaps the same map: as rc_map_put of each, but
// all or nothing.
RC_API bool rc_map_put_all(struct rc_map *map, const struct rc_map *other);
// A new array, with a handle, of copies of all keys; of all values. In the order of an iteration. NULL with errno.
RC_API struct rc_array *rc_map_keys(const struct rc_map *map) RC_RETURNS_HANDLE;
RC_API struct rc_array *rc_map_values(const struct rc_map *map) RC_RETURNS_HANDLE;
// Room for [n] entries in all; no failure of a put up to there.
RC_API bool rc_map_reserve(struct rc_map *map, size_t n);
// Gives back room that is not used.
RC_API bool rc_map_shrink(struct rc_map *map);
// Removes all entries, and keeps no memory for them. Never fails. They go with an object of their own that dies, so the
// heap's release_limit spreads their destruction over slices. O(1) but for what dies.
RC_API void rc_map_clear(struct rc_map *map);
// Removes the entries for which [test] says true. [test] may not change the map; destructors may, and [test] may be asked about
// what they add or not, and twice about others if they shrink the map. *removed, if that is not NULL, is how many were removed.
RC_API bool rc_map_remove_if(struct rc_map *map, bool (*test)(const void *key, const void *value, void *arg), void *arg,
                             size_t *removed);

// ---- iteration, in no particular order
//
//     struct rc_map_iter it = rc_map_iter(by_name);
//     while (rc_map_next(&it) == RC_ITER_ITEM)
//         use(*(struct rc_string *const *)it.key, *(struct node **)it.value);
//
// It survives putting and removing entries, its own included: what is there from its beginning to its end is met
// exactly once, what is added meanwhile perhaps. After clear, or a shrink that gives anything back, the next step is
// RC_ITER_CHANGED.

struct rc_map_iter {
    struct rc_map *map;
    const void *key; // in place, until the map changes
    void *value;
    uint32_t next, version, hash; // the iteration's own
};

// An iteration that stands before the first entry; and its next step, which says where it stands then.
RC_API struct rc_map_iter rc_map_iter(struct rc_map *map);
RC_API enum rc_iter rc_map_next(struct rc_map_iter *it);
// Removes the entry that [it] stands on. false with errno = ERANGE if it stands on none (any more), ESTALE after clear
// or shrink. (That its entry was removed and another one took its place is told by the hash of the key: one whose key has the
// same hash, as the same key put again has, is taken for it.)
RC_API bool rc_map_iter_remove(struct rc_map_iter *it);

RC_END_DECLS

#endif
