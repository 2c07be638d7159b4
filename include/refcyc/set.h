// SPDX-License-Identifier: MIT
// A set: a map (map.h) without values. Same elements as its keys, same rules, same errors, same costs.
//
//     struct rc_set *seen = rc_set_new(&rc_link_element);
//     if (!rc_set_has(seen, &node))
//         rc_set_add(seen, &node);
//
// A member is given by its address: that of an object by the address of a pointer to it, as above. NULL is no object.
//
// (`struct rc_set` is the set; the macro rc_set(slot, p) of object.h has nothing to do with it.)
#ifndef REFCYC_SET_H
#define REFCYC_SET_H

#include "element.h"

RC_BEGIN_DECLS

struct rc_array;
struct rc_set;
RC_API extern const struct rc_type rc_set_type;

// An empty set, with a handle. NULL with errno: as rc_new.
RC_API struct rc_set *rc_set_new(const struct rc_element *element) RC_RETURNS_HANDLE;
// A set of copies of all members, with a handle. NULL with errno.
RC_API struct rc_set *rc_set_copy(const struct rc_set *set) RC_RETURNS_HANDLE;
// How many members there are. 0 for NULL. O(1).
RC_API size_t rc_set_size(const struct rc_set *set);

// Whether there is a member equal to [value].
RC_API bool rc_set_has(const struct rc_set *set, const void *value);
// That member, in place, until the set changes; NULL if there is none.
RC_API const void *rc_set_find(const struct rc_set *set, const void *value);
// Copies [value] into the set, unless an equal one is there, which is no failure: rc_set_has tells before, or rc_set_size
// after. false with errno if it fails.
RC_API bool rc_set_add(struct rc_set *set, const void *value);
// The same with what the caller owns, which it does no more on success: it is released if an equal one is there.
RC_API bool rc_set_add_give(struct rc_set *set, void *value);
// Removes the member equal to [value], which is destroyed. false if there is none (errno is left alone).
RC_API bool rc_set_remove(struct rc_set *set, const void *value);
// The same, and the member goes to [taken], which is the caller's then, links in it handles.
RC_API bool rc_set_take(struct rc_set *set, const void *value, void *taken);

// Adds copies of all members of [other], or none of them if that fails; removes all members that are in [other]; removes all
// that are not. [other] is a set with the same element table, perhaps the same set.
RC_API bool rc_set_add_all(struct rc_set *set, const struct rc_set *other);
RC_API bool rc_set_remove_all(struct rc_set *set, const struct rc_set *other);
RC_API bool rc_set_keep_all(struct rc_set *set, const struct rc_set *other);
// Whether each member of [set] is in [other].
RC_API bool rc_set_is_within(const struct rc_set *set, const struct rc_set *other);

// A new array, with a handle, of copies of all members, in the order of an iteration. NULL with errno.
RC_API struct rc_array *rc_set_members(const struct rc_set *set) RC_RETURNS_HANDLE;
// As rc_map_reserve and the like.
RC_API bool rc_set_reserve(struct rc_set *set, size_t n);
RC_API bool rc_set_shrink(struct rc_set *set);
RC_API void rc_set_clear(struct rc_set *set);
RC_API bool rc_set_remove_if(struct rc_set *set, bool (*test)(const void *member, void *arg), void *arg,
                             size_t *removed);

struct rc_set_iter {
    struct rc_set *set;
    const void *member; // in place, until the set changes
    uint32_t next, version, hash; // the iteration's own
};

// As rc_map_iter, rc_map_next and rc_map_iter_remove: in no particular order, while members are added and removed.
RC_API struct rc_set_iter rc_set_iter(struct rc_set *set);
RC_API enum rc_iter rc_set_next(struct rc_set_iter *it);
RC_API bool rc_set_iter_remove(struct rc_set_iter *it);

RC_END_DECLS

#endif
