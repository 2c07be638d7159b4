// SPDX-License-Identifier: MIT
// A weak map: side data for objects that are not yours. Each entry hangs on its key: it keeps its value alive for as
// long as the key and the map live, and neither of these two. So the entry goes with its key, unasked; and with the
// map.
//
//     struct rc_weak_map *notes = rc_weak_map_new();
//     rc_weak_map_put(notes, element, note);                      // note may link to element, and to notes
//     struct note *n = rc_weak_map_get(notes, element);           // borrowed
//
// Such entries are ephemerons: a value that leads back to its own key does not keep that alive, nor does one that leads
// back to its map keep the map, over however many entries and maps they lead there. What holds an entry is its key and
// its map together; where either of them is garbage without it, the entry is, and so is what only it holds. (A map from
// weak references to links would leak each key that its value leads to; a map from links, every key.)
//
// In figures and reports each entry counts as an object, and so does, for each key, what leads from it to its entries.
//
// Keys are objects of the map's heap, told apart by identity. An rc_string is refused, because strings have none that
// matters (one of a type that extends it is a key). An object that was used as a key makes its type one that can be in cycles,
// whatever that promised or the
// library had inferred. A value of a type that is declared acyclic and yet leads to its key breaks that promise, and
// leaks.
//
// All calls are for the thread inside the map's heap. NULL for a map or a key, and one of another heap, is a fault.
// What can fail returns false with errno, and has changed nothing then: ENOMEM if memory is out, EINVAL after a fault
// or for a string. There is no iteration: an entry whose key nobody holds is not to be seen.
#ifndef REFCYC_WEAK_MAP_H
#define REFCYC_WEAK_MAP_H

#include "object.h"

RC_BEGIN_DECLS

struct rc_weak_map;
RC_API extern const struct rc_type rc_weak_map_type;

// An empty map, with a handle. NULL with errno: as rc_new.
RC_API struct rc_weak_map *rc_weak_map_new(void) RC_RETURNS_HANDLE;
// Entries whose key is alive, or garbage that was not found yet. 0 for NULL. O(1).
RC_API size_t rc_weak_map_size(const struct rc_weak_map *map);

// The value of [key], borrowed; NULL if there is none, or it is NULL. In a destructor of [key] it may be there or gone. O(1).
RC_API void *rc_weak_map_get(const struct rc_weak_map *map, const void *key);
// Whether there is an entry of [key]. O(1).
RC_API bool rc_weak_map_has(const struct rc_weak_map *map, const void *key);
// The entry of [key], made if there is none, has a link to [value], which may be NULL, from now on; what it had before is
// released. The caller keeps its handles of both. O(1), amortized.
RC_API bool rc_weak_map_put(struct rc_weak_map *map, void *key, void *value);
// Removes the entry of [key]; its link to the value is released. false if there is none (errno is left alone). O(1).
RC_API bool rc_weak_map_remove(struct rc_weak_map *map, const void *key);
// Room for [n] entries in the map; their keys still need memory.
RC_API bool rc_weak_map_reserve(struct rc_weak_map *map, size_t n);
// Removes all entries. Never fails. They go with an object of their own that dies, so the heap's release_limit spreads
// their destruction over slices.
RC_API void rc_weak_map_clear(struct rc_weak_map *map);

RC_END_DECLS

#endif
