// SPDX-License-Identifier: MIT
// What the containers share: how an element gets in and out, and the checks that each call begins with. Not installed.
//
//   E1  References in an element change by rc_set_slot and its like. Bytes of an element move without these only inside one
//       container, or together with all that it has (array.c and array_range.c say why that is sound).
//   E2  A callback of the user's runs while the container is whole: each reference that it counts is in it once. `busy` is
//       not 0 while a callback runs that must not change the container.
//   E3  Links are released after the container has got its new shape, since destructors may use it.
#ifndef RC_ELEMENT_H
#define RC_ELEMENT_H

#include "object.h"

#include <refcyc/element.h>

enum {
    RC__E_LINK = 1,    // one link and nothing else: the short ways
    RC__E_LINKS = 2,   // has links
    RC__E_WEAK = 4,    // has weak references
    RC__E_DESTROY = 8, // has a destructor
    RC__E_COPY = 16,   // has a copy function
    RC__E_UNSURE = 32  // a copy may fail, or call anything: has a copy function, or links beside others, which may be dead
};

// Checks the table [e] and says in *kind what there is to do for its elements. false with errno after a fault.
bool rc__element_check(const struct rc_element *e, uint8_t *kind, const char *call);
// Whether elements can be copied; a fault and errno if not.
bool rc__element_copies(const struct rc_element *e, unsigned kind, const char *call);

// Makes [to] a copy of [from]. false with errno if the user's copy fails; [to] then owns nothing.
bool rc__element_copy(const struct rc_element *e, unsigned kind, void *to, const void *from);
// The same for a container whose `busy` that is: it does not change meanwhile (E2).
static inline bool rc__element_copy_for(uint16_t *busy, const struct rc_element *e, unsigned kind, void *to, const void *from) {
    ++*busy;
    bool ok = rc__element_copy(e, kind, to, from);
    --*busy;
    return ok;
}
// Moves the caller's value into [to]: handles become links.
void rc__element_give(const struct rc_element *e, unsigned kind, void *to, const void *from);
// Moves the element at [from] to the caller: links become handles. What is left at [from] is no element any more.
void rc__element_take(const struct rc_element *e, unsigned kind, void *to, void *from);
// Removes an element that is in no container any more, and of which something has to be released.
void rc__element_drop_all(const struct rc_element *e, unsigned kind, void *element);
// The same of one that was made for nothing: errno stays as it is. Returns false.
bool rc__element_discard(const struct rc_element *e, unsigned kind, void *element);
// Calls the destructor of an element and releases its weak references; the links stay.
void rc__element_end(const struct rc_element *e, unsigned kind, void *element);
// Between containers: [to] gets what [from] has, and the collector is told (R5).
void rc__element_move(const struct rc_element *e, unsigned kind, void *to, void *from);
// Reports the links of [n] elements, [stride] bytes from one to the next.
void rc__element_visit(const struct rc_element *e, unsigned kind, struct rc_visitor *visitor, void *first, size_t n,
                       size_t stride);

// One link was taken out of a container.
static inline void rc__drop_link(void *obj) {
    assert(rc__here != RC__NOWHERE);
    if (obj)
        rc__unlink(rc__here, RC__HEADER(obj), "rc_release");
}
// The same; returns true, so that a call can end with it.
bool rc__dropped_link(void *obj);
// The usual cases, in line: [obj] gets a link; a link to [obj] becomes a handle. false, with nothing done, where it is not as
// simple as that.
static inline bool rc__add_link(void *obj) {
    if (!obj || !rc__is_usual(RC__HEADER(obj), rc__both(RC__HEADER(obj)), RC__GRAPH))
        return false;
    RC__HEADER(obj)->word += RC__LINK_ONE;
    return true;
}
static inline bool rc__link_to_handle(void *obj) {
    uint32_t both = obj ? rc__both(RC__HEADER(obj)) : RC__HANDLES_MAX;
    if (both & RC__HANDLES_MAX || !rc__is_here(both))
        return false;
    struct rc__header *h = RC__HEADER(obj);
    if (!rc__has_some_links(h) || h->word & RC__GRAPH)
        return false;
    rc__less_link(h);
    rc__note_taken(h);
    RC__STORE(h->both, both + 1);
    return true;
}
// The object that the link in [slot] holds, with a handle instead. What is left in [slot] means nothing.
static inline void *rc__take_link(void *slot) {
    void *obj = rc__load(slot);
    return rc__link_to_handle(obj) ? obj : rc_take_slot(slot);
}
// Removes an element that is in no container any more.
static inline void rc__element_drop(const struct rc_element *e, unsigned kind, void *element) {
    assert(e && element);
    assert(!(kind & RC__E_LINK) || kind == (RC__E_LINK | RC__E_LINKS));
    if (kind & RC__E_LINK)
        rc__drop_link(rc__load(element));
    else if (kind)
        rc__element_drop_all(e, kind, element);
}

uint64_t rc__element_hash(const struct rc_element *e, const void *element);
bool rc__element_equal(const struct rc_element *e, const void *a, const void *b);

// The heap that the memory of container [obj] is from; also when that is dead.
static inline struct rc_heap *rc__home(const void *obj) {
    assert(rc__is_object(RC__HEADER((void *)(uintptr_t)obj)));
    return rc__class(RC__HEADER((void *)(uintptr_t)obj))->heap;
}

// A fault with errno, or EBUSY.
void rc__misused(const void *obj, const char *call);

// Whether the object [obj] is of [type], or of a type that extends it.
static inline bool rc__is_of(const void *obj, const struct rc_type *type) {
    return rc__extends(rc__class(RC__HEADER((void *)(uintptr_t)obj))->type, type);
}

// Whether the object [obj] is of the type that [call] is for, with whose name it begins. Checked builds ask that of each
// container that is given, others only when something is wrong with it.
bool rc__is_for(const void *obj, const char *call);
#ifdef RC_CHECK
#define RC__IS_FOR(obj, call) (rc__is_known(obj) && rc__is_for((obj), (call)))
#else
#define RC__IS_FOR(obj, call) ((void)(obj), (void)(call), true)
#endif

// Releases an object that was made for nothing: errno stays as it is. Returns NULL.
void *rc__discard(void *obj);

// Whether [p], which [call] cannot do without, is given. A fault, with errno, where it is NULL.
void rc__not_given(const char *call) __attribute__((cold));
#define RC__GIVEN(p, call) ((p) || (rc__not_given(call), false))

// Whether a link to [obj] can be made. A fault, with errno, where it is dead.
void rc__not_alive(const void *obj, const char *call) __attribute__((cold));
static inline bool rc__linkable(const void *obj, const char *call) {
    if (__builtin_expect(!obj || rc__heap(RC__HEADER((void *)(uintptr_t)obj)), 1))
        return true;
    rc__not_alive(obj, call);
    return false;
}

static inline bool rc__usable(const void *obj, const char *call) {
    assert(call != NULL);
    if (__builtin_expect(obj && RC__IS_FOR(obj, call) && rc__is_inside(RC__HEADER((void *)(uintptr_t)obj)), 1))
        return true;
    rc__misused(obj, call);
    return false;
}
// For a container with a field `busy`. The first one is silent: no fault, and no errno.
#define RC__IS_OPEN(c, call) rc__is_open((c), offsetof(__typeof__(*(c)), busy), (call))
#define RC__MAY_CHANGE(c, call) rc__may_change((c), offsetof(__typeof__(*(c)), busy), (call))
static inline bool rc__is_open(void *obj, size_t busy, const char *call) {
    assert(call != NULL);
    const uint16_t *count = obj && RC__IS_FOR(obj, call) ? (const uint16_t *)(const void *)((const char *)obj + busy) : NULL;
    return __builtin_expect(count && !*count && rc__is_inside(RC__HEADER(obj)), 1);
}
static inline bool rc__may_change(void *obj, size_t busy, const char *call) {
    if (rc__is_open(obj, busy, call))
        return true;
    rc__misused(obj, call);
    return false;
}

// R9: elements of [obj], which is of the heap this thread is inside, are about to change places.
static inline void rc__moving(void *obj) {
    assert(rc__is_inside(RC__HEADER(obj)));
    assert(rc__here->cc.piece_node == CC_NONE || rc__here->cc.phase == RC_PHASE_BUILD); // so this costs one comparison
    if (rc__here->cc.piece_node != CC_NONE)
        rc_changed(obj);
}

// intern.c: [string] dies. The heap's table goes with it.
void rc__uninterned(struct rc_heap *heap, struct rc_string *string);
void rc__interns_free(struct rc_heap *heap);
// For a merge of heaps: room for the strings of [from] in [into]; false with errno. Then they go there.
bool rc__interns_reserve(struct rc_heap *into, const struct rc_heap *from);
void rc__interns_merge(struct rc_heap *into, struct rc_heap *from);

// list.c: the index of the element in that cell of the list; O(1) if it is a neighbour of the one that was asked for last.
size_t rc__list_index(const void *list, uint32_t cell, struct rc__list_place *near);

// sort.c: the order in which [n] things stand when sorted, an array of [n] numbers; to be freed with rc__order_free.
// NULL with errno. [compare] gets numbers of things.
uint32_t *rc__order(struct rc_heap *heap, size_t n, int (*compare)(void *context, uint32_t a, uint32_t b),
                    void *context);
void rc__order_free(struct rc_heap *heap, uint32_t *order, size_t n);
typedef int rc__compare_fn(const void *a, const void *b);
typedef int rc__compare_with_fn(const void *a, const void *b, void *arg);
// The latter from the former, of which [arg] is the address.
int rc__compare_without(const void *a, const void *b, void *arg);

#endif
