// SPDX-License-Identifier: MIT
// Elements: one constant table says what a container holds, so that the same array, list or map serves links, weak
// references, plain bytes and whole structs, and nobody writes the loop that frees them.
//
//     struct watch { struct node *from, *to; int fd; };
//
//     static bool watch_copy(void *to, const void *from) { ... dup ... }
//     static void watch_destroy(void *element) { close(((struct watch *)element)->fd); }
//
//     RC_ELEMENT(watch, struct watch, .slots = RC_SLOTS(RC_LINK(struct watch, from), RC_LINK(struct watch, to)),
//                .copy = watch_copy, .destroy = watch_destroy);
//
// defines `const struct rc_element watch_element`. A value gets into a container in one of two ways, and out in two:
//
//   copied   (..._value)  the container's element has links and weak references of its own, and what `copy` made
//   given    (..._give)   the caller's value moves: its handles become links, its weak references and the rest go along
//   taken    (..._take)   the other way: links become handles, and the caller owns the value
//   removed               `destroy` is called, then weak references and links are released
//
// A value that is an object or a number, as an interpreter has it:
//
//     struct value { enum { NUMBER, OBJECT } is; union { double number; void *object; } as; };
//     static bool value_has_links(const void *element) { return ((const struct value *)element)->is == OBJECT; }
//     RC_ELEMENT(value, struct value, .slots = RC_SLOTS(RC_LINK(struct value, as.object)), .has_links = value_has_links);
//
//     v->as.object = NULL, v->is = OBJECT, rc_set(&v->as.object, p);        // where a number was
//     rc_clear(&v->as.object), v->is = NUMBER, v->as.number = 1.5;          // where an object was
//
// In one word, too, if that is the pointer itself where it is an object (addresses are below 2^48), NULL one of the values, and a
// number is moved out of the way: its bits, and 2^49 more.
//
//     union word { void *object; uint64_t bits; };
//     static bool word_has_links(const void *element) { return ((const union word *)element)->bits >> 48 == 0; }
//
// The types of containers (rc_map_type and so on) are there to be asked for by rc_is_a: objects of them are made by rc_map_new
// and its like, not by rc_new, for which they and types that extend them are a fault. But a type may extend rc_array_type (what
// rc_new makes of it is empty, and takes nothing in until rc_array_init says what it holds), or rc_string_type (string.h).
//
// Laws of a table (one that breaks them is refused with a fault when a container is made with it):
//   1. it has a name, and a size of 1 to RC_ELEMENT_MAX; it is aligned as its C type has it, to 16 bytes at most;
//   2. slots are links or weak references, lie inside the element, are aligned as pointers, and none is declared twice;
//      the size is then a multiple of a pointer's;
//   3. slots of an element in a container are changed through rc_set and its like only; plain fields as you like, but
//      for the key of a map or set, which stays as it is;
//   4. copy, hash, equal and compare may call anything but what changes the container they are called for (of a copy, that
//      which it comes from, and that which it is for): that says no, with errno = EBUSY.
#ifndef REFCYC_ELEMENT_H
#define REFCYC_ELEMENT_H

#include "object.h"

RC_BEGIN_DECLS

#define RC_ELEMENT_MAX 4096 // bytes; what is larger is better an object of its own

struct rc_element {
    const char *name;            // for reports; required
    size_t size;                 // of an element
    const struct rc_slot *slots; // RC_LINK and RC_WEAK, up to RC_END; NULL: none
    // [to] is a bytewise copy of [from] that has links and weak references of its own already: makes it own the rest,
    // too (a file descriptor, a buffer). false if that fails; the operation then fails with nothing changed, and with the
    // errno that this has set, or ENOMEM. NULL: bytes, links and weak references are all there is; or, if there is a
    // destroy, elements of this sort are given, never copied.
    bool (*copy)(void *to, const void *from);
    // Releases what is not managed. What the links point to may be read, as in the destructor of an object. Not called
    // for a value that was taken. NULL: nothing to do.
    void (*destroy)(void *element);
    // For keys of maps and sets. NULL: over the bytes, padding included. Equal elements have equal hashes. A pair that
    // breaks this makes look-ups miss or find the wrong entry, and nothing worse.
    uint64_t (*hash)(const void *element);
    bool (*equal)(const void *a, const void *b);
    // Less than 0, 0, more than 0: the order for sorting and searching. NULL: there is none.
    int (*compare)(const void *a, const void *b);
    // For elements that have their links at times only, as a tagged union: whether what [slots] declares to be links of
    // this element are links now, or NULL. If not, they are bytes like others. (Weak slots always are what they are declared to
    // be.) The collector asks at any time, so it looks at the element and nowhere else. The answer changes only while those
    // slots are NULL, and not in destroy; of an element that is all zero, either is good. NULL: always.
    bool (*has_links)(const void *element);
};

// Defines `const struct rc_element NAME_element`. Needs at least one more member.
#define RC_ELEMENT(name, T, ...) RC__TABLE(struct rc_element, name##_element, #name, T, __VA_ARGS__)

RC_API extern const struct rc_element rc_link_element;    // void *: a link, or NULL; equal: the same object; ordered by address
RC_API extern const struct rc_element rc_weak_element;    // struct rc_weak *; equal: of the same object
RC_API extern const struct rc_element rc_pointer_element; // void * that is not counted
RC_API extern const struct rc_element rc_byte_element;    // unsigned char
RC_API extern const struct rc_element rc_int_element;     // int
RC_API extern const struct rc_element rc_int64_element;   // int64_t
RC_API extern const struct rc_element rc_double_element;  // double; ordered with NaN first; equal: the same bits
// rc_string_element is in string.h.

#define RC_NOT_FOUND SIZE_MAX // instead of an index

// What a step of an iteration has to say. Each container says which changes an iteration survives; after any other, the
// next step is RC_ITER_CHANGED, which is the end of it.
enum rc_iter {
    RC_ITER_CHANGED = -1, // the container was changed in a way that leaves no next element
    RC_ITER_END = 0,
    RC_ITER_ITEM = 1
};

// Whether [container] is what [call] is for, dead or alive; a fault if not, with errno. Calls that are in line ask where the
// program, too, is compiled with -DRC_CHECK. NULL, which they know, is none of its business.
RC_API bool rc__fits(const void *container, const char *call) __attribute__((cold));
#ifdef RC_CHECK
#define RC__FITS(container, call) (!(container) || rc__fits((container), (call)))
#else
#define RC__FITS(container, call) ((void)(container), true)
#endif

RC_END_DECLS

#endif
