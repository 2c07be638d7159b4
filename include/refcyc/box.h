// SPDX-License-Identifier: MIT
// A box: one value of any sort (element.h), or one native resource, as an object. For what is to be counted, linked to
// and released with its last reference, but is no object: a number, a struct, a file, a socket, a buffer from malloc.
//
//     struct rc_box *log = rc_box_wrap(fopen("log", "w"), close_file);     // void close_file(void *f) { fclose(f); }
//     fputs("hello\n", rc_box_resource(log));
//     rc_release(log);                                                     // and the file is closed
//
//     struct rc_box *place = rc_box_new(&point_element, &(struct point){3, 4});
//     struct point *p = rc_box_value(place);
//
// Calls that make a box fail as rc_new: NULL with errno. Those that change one are for the thread inside its heap; NULL
// for a box is a fault. Reading is for any thread that has a handle of the box, as far as the value itself allows it.
#ifndef REFCYC_BOX_H
#define REFCYC_BOX_H

#include "element.h"

RC_BEGIN_DECLS

struct rc_box;
RC_API extern const struct rc_type rc_box_type;

// A box, with a handle, with a copy of [value]. [element] must outlive it.
RC_API struct rc_box *rc_box_new(const struct rc_element *element, const void *value) RC_RETURNS_HANDLE;
// The same with the caller's value, which it is still on failure: handles become links.
RC_API struct rc_box *rc_box_give(const struct rc_element *element, void *value) RC_RETURNS_HANDLE;
// A box of a native resource: [release](resource) is called once, when the box dies or is closed; not for NULL. On
// failure the resource is still the caller's. NULL for [release]: nobody is called.
RC_API struct rc_box *rc_box_wrap(void *resource, void (*release)(void *resource)) RC_RETURNS_HANDLE;

// The value, in place, until the box is emptied, to be read and changed as an element (element.h); NULL if the box is empty, or
// has a resource.
RC_API void *rc_box_value(const struct rc_box *box);
// The resource, which is still the box's; NULL if the box is empty, or has a value.
RC_API void *rc_box_resource(const struct rc_box *box);

// Destroys what is in the box, now, whoever has handles of it; it is empty then, for good. Does nothing if it is.
RC_API void rc_box_close(struct rc_box *box);
// Takes the value out, to [value], which is the caller's then, links in it handles; the box is empty. false with errno =
// ENOENT if it has none.
RC_API bool rc_box_take(struct rc_box *box, void *value);
// The same of a resource: it is not released by the box any more. NULL with errno = ENOENT if it has none.
RC_API void *rc_box_unwrap(struct rc_box *box);

RC_END_DECLS

#endif
