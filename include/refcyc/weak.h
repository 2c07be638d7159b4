// SPDX-License-Identifier: MIT
// Weak references: they name an object without keeping it alive. A `struct rc_weak` is a small block with a count of its
// own; an object has at most one, shared by all weak references to it. The object's memory goes when it dies; only the
// block stays, for as long as somebody holds it. (One that nobody releases is memory lost: reports of objects do not show it,
// rc_weak_left counts it.)
#ifndef REFCYC_WEAK_H
#define REFCYC_WEAK_H

#include "base.h"
#include "object.h"

RC_BEGIN_DECLS

struct rc_weak;

// Gives up a reference to [weak]. NULL: does nothing. Any thread. One too many is a fault as long as the object lives.
RC_API void rc_weak_release(struct rc_weak *weak);
// The weak reference of [obj], with one reference for the caller to release. NULL for NULL; NULL with errno = ENOMEM if
// memory is out, EINVAL after a fault (the object is dead). Any thread with a handle of [obj], or inside its heap.
RC_API struct rc_weak *rc_weak_new(void *obj) __attribute__((warn_unused_result));
// Another reference to [weak]. Returns [weak]; NULL for NULL. Any thread.
RC_API struct rc_weak *rc_weak_retain(struct rc_weak *weak);
// A new handle of the object, for the caller to release, or NULL if it is dead (or [weak] is NULL). Any thread, at any
// moment of a collection, also when the object's heap is gone. An object that waits for its finalizer gives NULL until
// that runs.
RC_API void *rc_weak_get(struct rc_weak *weak) RC_RETURNS_HANDLE;
// How many blocks there are, in the whole process, whose object is dead, because C code or a weak slot has not released them
// yet: if there should be none, that is what was forgotten. Those whose object is alive do not count. Any thread. O(1).
RC_API size_t rc_weak_left(void);
// Makes the weak slot [slot] (declared with RC_WEAK) refer to [obj]; NULL empties it. false with errno = ENOMEM, and the slot
// as it was, if memory is out. Inside the heap of the object that the slot lies in. A fault, as of rc_set, if [slot] is NULL or
// a field of NULL; false with errno = EINVAL if the handler returns.
RC_API bool rc_weak_set(struct rc_weak **slot, void *obj);

// Calls [notify](arg) once, when the object of [weak] is dead and its memory gone; at once if that is so already. Inside the
// object's heap; [notify] runs inside it too and may call anything. It comes whether or not [weak] is still held then, so [arg]
// has to be there as long as the object. false with errno = ENOMEM if memory is out; or EINVAL after a fault, which NULL for
// [weak] or [notify] is, and an object in another heap than this thread is inside, whose memory is not forgotten yet.
RC_API bool rc_weak_notify(struct rc_weak *weak, void (*notify)(void *arg), void *arg);

RC_END_DECLS

#endif
