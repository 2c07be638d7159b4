// SPDX-License-Identifier: MIT
// Objects, and the two sorts of counted references to them:
//
//   a handle is held by C code: a variable, a struct that the runtime does not manage, another thread;
//   a link   is stored in a slot, a declared field of another object.
//
// An object with a handle is alive. One without lives only through links, and can therefore be part of a garbage cycle.
//
//   call                  handles  links
//   rc_new(type)             1       0
//   rc_retain(p)            +1
//   rc_release(p)           -1
//   rc_set(&slot, p)               +1      the slot gets a link of its own; the caller keeps its handle
//   rc_give(&slot, p)       -1     +1      the caller's handle moves into the slot
//   rc_take(&slot)          +1     -1      the slot's link moves to the caller
//   rc_move, rc_swap, rc_clear             between slots
//
// What a slot held before is unlinked, and dies with that if it was the last reference. All calls accept NULL for an
// object and check the types of slot and object at compile time: in C they have to be the same (or `void *`).
//
// Threads: a thread that is not inside the object's heap may retain and release an object of which it has a handle, and
// nothing else; slots are read and changed inside only. Its other fields are the program's own: what is written once, before
// the object is handed over, any thread with a handle may read. No call may be made from a signal handler. See heap.h.
//
// A borrowed pointer (read from a slot, no handle taken) is good as long as the program keeps a handle that leads to it, and
// never across a slice of collection. For what C code keeps for later, the argument of a callback, say, take a handle or a weak
// reference (weak.h). It is not enough that the object's destructor withdraws the pointer: between two slices the object may be
// garbage whose destructor is yet to run.
#ifndef REFCYC_OBJECT_H
#define REFCYC_OBJECT_H

#include "type.h"

RC_BEGIN_DECLS

// Gives up the caller's handle. NULL: does nothing. If it was the last reference of any sort, the object dies: its
// finalizer and destructor run, its slots are cleared, and what only they held dies with it, parent before child, without
// recursion at any depth. Outside the object's heap, or while another object is just being destroyed, that happens later,
// inside the heap. Never fails. A release too many is a fault. O(1) where nothing dies.
RC_API void rc_release(void *obj);

// A new object of [type], zeroed, at a multiple of 16 bytes, in the heap this thread is inside (the default heap if it is
// inside none), with one handle, the caller's. NULL with errno = ENOMEM if memory is out (or the heap at its limit, see
// rc_heap_set_limit; or if this type is new to the heap and there are 32,767 pairs of a heap and a type, see rc_type_forget),
// with nothing changed; NULL with errno = EINVAL if the fault handler returned from a fault in the type's table (see type.h) or
// from a call outside of any heap; NULL with errno = ECANCELED in a destructor that rc_heap_free runs.
RC_API void *rc_new(const struct rc_type *type) RC_RETURNS_HANDLE;

// The same with [extra] bytes more than the type's size, zeroed: room for a trailing array.
RC_API void *rc_new_sized(const struct rc_type *type, size_t extra) RC_RETURNS_HANDLE;

// Another handle of [obj], for the caller to release. Returns [obj]; NULL for NULL. Never fails. O(1). Counts saturate:
// an object with 2^27 handles, or 2^28 links, becomes immortal, and a fault of the kind RC_FAULT_SATURATED reports it.
RC_API void *rc_retain(void *obj) RC_RETURNS_HANDLE;

// [slot] gets a link to [obj], the caller keeps its handle. Inside the heap of the object that [slot] lies in. Here and in the
// calls below it is a fault, and nothing is changed, if [slot] is NULL, or a field of NULL (`&node->next` where node is NULL).
RC_API void rc_set_slot(void *slot, void *obj);
// [slot] gets a link to [obj] in exchange for the caller's handle.
RC_API void rc_give_slot(void *slot, void *obj);
// Empties [slot] and returns what it held, with a handle for the caller. NULL if it held nothing.
RC_API void *rc_take_slot(void *slot) RC_RETURNS_HANDLE;
// What [from] held moves to [to]; [from] is NULL afterwards. The same slot twice: does nothing.
RC_API void rc_move_slot(void *to, void *from);
// The slots exchange what they hold.
RC_API void rc_swap_slots(void *a, void *b);

// Makes [obj] live for ever: no release and no collection touches it. For singletons such as an interpreter's nil.
// Returns [obj]; NULL for NULL. Inside its heap. Freeing the heap frees it.
RC_API void *rc_immortal(void *obj);

// The type that [obj] was made with; of a container, rc_array_type and so on. Any thread with a handle. NULL, or what was
// freed, is a fault, with NULL if the handler returns.
RC_API const struct rc_type *rc_type_of(const void *obj);
// Whether [obj] is of [type] or of a type that extends it. false for NULL. O(depth of extension).
RC_API bool rc_is_a(const void *obj, const struct rc_type *type);
// Handles and links of [obj], as counted now, inside its heap; for tests and reports. Handles of other threads included. 0 for
// NULL. Of an immortal object they say nothing.
RC_API size_t rc_handles(const void *obj);
RC_API size_t rc_links(const void *obj);

RC_END_DECLS

#include "inline.h"

#ifdef __cplusplus
template <class T> static inline T *rc_retain(T *p) { return static_cast<T *>(RC__RETAIN(static_cast<void *>(p))); }
template <class T, class U> static inline void rc_set(T **slot, U *p) { T *same = p; rc_set_slot(slot, same); }
template <class T> static inline void rc_set(T **slot, decltype(nullptr)) { rc_set_slot(slot, nullptr); }
template <class T, class U> static inline void rc_give(T **slot, U *p) { T *same = p; rc_give_slot(slot, same); }
template <class T> static inline T *rc_take(T **slot) { return static_cast<T *>(rc_take_slot(slot)); }
template <class T> static inline void rc_move(T **to, T **from) { rc_move_slot(to, from); }
template <class T> static inline void rc_swap(T **a, T **b) { rc_swap_slots(a, b); }
template <class T> static inline void rc_clear(T **slot) { rc_set_slot(slot, nullptr); }
#else
#define RC__COMPATIBLE(A, B)                                                                                           \
    (__builtin_types_compatible_p(A, B) || __builtin_types_compatible_p(A, void *) ||                                  \
     __builtin_types_compatible_p(B, void *))
// A compile-time error (a negative array size) where slot [slot] cannot hold a [p].
#define RC__CHECK_SLOT(slot, p)                                                                                        \
    ((void)sizeof(char[RC__COMPATIBLE(__typeof__(*(slot)), __typeof__(p)) ? 1 : -1]))
// What programs write: the calls above, with the types of slot and object checked by the compiler. rc_clear empties a slot.
#define rc_retain(p) ((__typeof__(p))RC__RETAIN(p))
#define rc_set(slot, p) (RC__CHECK_SLOT(slot, p), rc_set_slot((slot), (p)))
#define rc_give(slot, p) (RC__CHECK_SLOT(slot, p), rc_give_slot((slot), (p)))
#define rc_take(slot) ((__typeof__(*(slot)))rc_take_slot(slot))
#define rc_move(to, from) (RC__CHECK_SLOT(to, *(from)), rc_move_slot((to), (from)))
#define rc_swap(a, b) (RC__CHECK_SLOT(a, *(b)), rc_swap_slots((a), (b)))
#define rc_clear(slot) rc_set_slot((slot), NULL)
#endif

// A local variable that releases its handle when it goes out of scope: RC_AUTO struct node *n = rc_new(&node_type);
// A longjmp past it releases nothing: where that may happen, keep objects in an array instead, and cut it back to its former
// size after the jump (rc_array_resize).
#define RC_AUTO __attribute__((cleanup(rc__auto_release)))

RC_BEGIN_DECLS
static inline void rc__auto_release(void *variable) {
    rc_release(*(void *const *)variable);
}
RC_END_DECLS

#endif
