// SPDX-License-Identifier: MIT
// Immutable strings as objects: bytes with a length, and a NUL behind them. Two strings with one text are two objects,
// unless they were interned: then there is one of each text in a heap for as long as anybody holds it, so that comparing
// pointers is comparing texts. Interning keeps no string alive. (Where two heaps that are merged both have one of a
// text, that of the heap which stays is the interned one, and the other is an ordinary string from then on.)
//
//     struct rc_string *name = rc_string_new("width");
//     printf("%s has %zu bytes\n", rc_string_text(name), rc_string_length(name));
//
// A string links to nothing, so it is never suspected. Reading one is for any thread that has a handle of it; the calls
// that make one are for the thread inside a heap, as rc_new, and fail like it: NULL with errno.
#ifndef REFCYC_STRING_H
#define REFCYC_STRING_H

#include "element.h"

#include <stdarg.h>

RC_BEGIN_DECLS

// Fields are read by the inline functions below and by nobody else. The text stands behind them.
struct rc_string {
    size_t length;
    uint32_t hash; // 0: not computed yet
    bool interned;
};

// A type may extend this one by a byte or more, in its size or by rc_new_sized: its text stands there, right behind the fields,
// and a NUL behind that. As rc_new makes it, it is empty: whoever makes it writes the text and `length`, once, before anybody
// else looks at it.
RC_API extern const struct rc_type rc_string_type;
// A link to a string. Equal, hashed and ordered by text; NULL is equal to NULL and comes first.
RC_API extern const struct rc_element rc_string_element;

// A new string with a handle: the text up to its NUL; [length] bytes, of any value; what printf would print. NULL for
// [text] or [format] is a fault and EINVAL ([bytes] may be NULL if [length] is 0).
RC_API struct rc_string *rc_string_new(const char *text) RC_RETURNS_HANDLE;
RC_API struct rc_string *rc_string_new_bytes(const void *bytes, size_t length) RC_RETURNS_HANDLE;
RC_API struct rc_string *rc_string_format(const char *format, ...) RC_RETURNS_HANDLE
    __attribute__((format(printf, 1, 2)));
RC_API struct rc_string *rc_string_vformat(const char *format, va_list arguments) RC_RETURNS_HANDLE
    __attribute__((format(printf, 1, 0)));
// The two texts, one after the other. NULL counts as the empty text.
RC_API struct rc_string *rc_string_join(const struct rc_string *a, const struct rc_string *b) RC_RETURNS_HANDLE;
// [length] bytes from [from] on; SIZE_MAX: all from there. NULL with errno = ERANGE if there are not as many. Here, too, and in
// rc_string_find, NULL counts as the empty text.
RC_API struct rc_string *rc_string_slice(const struct rc_string *string, size_t from, size_t length) RC_RETURNS_HANDLE;

// The one interned string of this text in the heap this thread is inside, made if there is none; with a handle.
// O(length).
RC_API struct rc_string *rc_string_intern(const char *text) RC_RETURNS_HANDLE;
RC_API struct rc_string *rc_string_intern_bytes(const void *bytes, size_t length) RC_RETURNS_HANDLE;
// The same for the text of [string], an object of this heap, which becomes the interned one if there is none. [string] keeps
// its handle; the caller gets one of what is returned. NULL with errno = ENOMEM: [string] is as it was.
RC_API struct rc_string *rc_string_interned(struct rc_string *string) RC_RETURNS_HANDLE;

// The text, valid as long as the string. "" for NULL.
static inline const char *rc_string_text(const struct rc_string *string) {
    return string && RC__FITS(string, "rc_string_text") ? (const char *)(string + 1) : "";
}
// Of the text, in bytes. 0 for NULL.
static inline size_t rc_string_length(const struct rc_string *string) {
    return string && RC__FITS(string, "rc_string_length") ? string->length : 0;
}
// Of the text; the same in each run of a program. The upper bit is set, the others vary. 0 for NULL. O(length) once.
RC_API uint32_t rc_string_hash(const struct rc_string *string);
// Whether both have the same text, or both are NULL.
RC_API bool rc_string_equal(const struct rc_string *a, const struct rc_string *b);
// By bytes, as memcmp; a beginning comes before the whole, NULL before all.
RC_API int rc_string_compare(const struct rc_string *a, const struct rc_string *b);
// The lowest place, from [from] on, at which the text of [part] stands in [string], or RC_NOT_FOUND. The empty text
// stands everywhere up to the end.
RC_API size_t rc_string_find(const struct rc_string *string, size_t from, const struct rc_string *part);

RC_END_DECLS

#endif
