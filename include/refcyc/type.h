// SPDX-License-Identifier: MIT
// Types: one constant table says what an object holds. The collector traces, verifies and clears from that table, so no
// pair of functions has to agree with another.
//
//     struct node { struct node *parent, *first, *next; char *text; };
//
//     static void node_destroy(void *obj) { free(((struct node *)obj)->text); }
//
//     RC_TYPE(node, struct node,
//             .slots = RC_SLOTS(RC_OWNER(struct node, parent), RC_LINK(struct node, first), RC_LINK(struct node, next)),
//             .destroy = node_destroy);
//
// defines `const struct rc_type node_type`. It has to stand at file scope: inside a function, the compiler refuses the slots, or
// the table is gone when the function returns. In C++ the slots are an array of their own, since RC_SLOTS is C; the rest is the
// same, with the members in any order (examples/scene.cpp):
//
//     const rc_slot node_slots[] = {RC_OWNER(node, parent), RC_LINK(node, first), RC_LINK(node, next), RC_END};
//     RC_TYPE(node, node, .slots = node_slots, .destroy = node_destroy);
//
// Laws of a table (a table that breaks the first two is refused with a fault when its first object is made):
//   1. every slot lies inside the object and is aligned as a pointer;
//   2. no slot is declared twice, neither in one table nor again in a table that extends it;
//   3. a slot is only ever changed through rc_set, rc_give, rc_take, rc_move, rc_swap and rc_clear;
//   4. trace reports every slot that the table does not declare exactly once, and allocates, retains and releases nothing;
//   5. it stays as it is while there are objects of it;
//   6. none of its functions is left by longjmp or a C++ exception: the heap would wait for its return for ever, collect
//      nothing, and not be freed. (The same holds for the functions of an element's table, for tests, comparisons and notices.)
#ifndef REFCYC_TYPE_H
#define REFCYC_TYPE_H

#include "base.h"

RC_BEGIN_DECLS

struct rc_type;
struct rc_visitor;
struct rc_weak;

// How a slot holds what it points to.
enum rc_slot_kind {
    RC_SLOT_END = 0, // ends an array of slots
    RC_SLOT_LINK,    // a counted link
    RC_SLOT_OWNER,   // a counted link to an object that leads to this one for as long as this slot is set
    RC_SLOT_WEAK,    // a `struct rc_weak *` that this object owns
    RC_SLOT_TAIL     // the trailing array of an object made by rc_new_sized, all links
};

// One declared slot, or an inline array of them. Write it with the macros below.
struct rc_slot {
    enum rc_slot_kind kind;
    size_t offset;                // of the first slot, from the start of the object
    size_t count;                 // how many slots stand there in a row; for a tail: where the size_t with their number is
    const char *name;             // the field's name, for reports
    const struct rc_type *target; // what it may point to (that type or one that extends it), or NULL: anything
};

#ifdef __cplusplus
#define RC__FIELD(T, field) (static_cast<T *>(nullptr)->field)
#else
#define RC__FIELD(T, field) (((T *)0)->field)
#endif
#define RC__SLOT(kind, T, field, target)                                                                               \
    { kind, offsetof(T, field), sizeof RC__FIELD(T, field) / sizeof(void *), #field, target }

// A counted link: a pointer to an object, or an inline array of such pointers. RC_LINK_TO names the type that the slot
// may point to: with it the library can find out that a type has no way back to itself, and then never suspects it.
#define RC_LINK(T, field) RC__SLOT(RC_SLOT_LINK, T, field, NULL)
#define RC_LINK_TO(T, field, type) RC__SLOT(RC_SLOT_LINK, T, field, &(type))
// A counted link to an owner (a DOM parent): a promise that the object it points to leads to this one, by links of its own
// or of what it holds, for as long as the slot is set. The collector uses it to prove an object alive by walking up. One a
// type. Where the promise is broken, the worst is a leak.
#define RC_OWNER(T, field) RC__SLOT(RC_SLOT_OWNER, T, field, NULL)
#define RC_OWNER_TO(T, field, type) RC__SLOT(RC_SLOT_OWNER, T, field, &(type))
// A weak reference (see weak.h): a `struct rc_weak *`, released with the object.
#define RC_WEAK(T, field) RC__SLOT(RC_SLOT_WEAK, T, field, NULL)
// A trailing array of links, `field[]`, whose number of elements stands in the size_t `number` of the same object.
// Set that number right after rc_new_sized; change it later only together with rc_changed.
#define RC_TAIL(T, field, number)                                                                                      \
    { RC_SLOT_TAIL, offsetof(T, field), offsetof(T, number), #field, NULL }
#define RC_END                                                                                                         \
    { RC_SLOT_END, 0, 0, NULL, NULL }
#define RC_SLOTS(...) ((const struct rc_slot[]){__VA_ARGS__, RC_END})

// Reports, through rc_visit and rc_visit_slots, the addresses of the slots of [obj] that its table does not declare.
typedef void rc_trace_fn(void *obj, struct rc_visitor *visitor);
typedef void rc_object_fn(void *obj);

struct rc_type {
    const char *name;            // for reports; required
    size_t size;                 // of the object, without a trailing array; 1 byte to 4 GiB
    const struct rc_slot *slots; // declared slots up to RC_END; NULL: none
    const struct rc_type *base;  // the type that this one extends and whose table holds for it too; NULL: none.
                                 // Its struct is the first member of this one's. Of containers, an array or a string only.
    // Reports slots that cannot be declared: those in memory outside of the object, and one in a union that holds an object
    // only at times; this is reported while it does, and becomes something else only while it is NULL (see element.h). NULL:
    // there are none. Called by the collector inside the heap, at any time.
    rc_trace_fn *trace;
    // The object is dead but its whole graph still intact: say good-bye, flush, log. Runs once in an object's life,
    // before any destructor of what died with it; may store the object somewhere, which keeps it alive (resurrects it),
    // and may call anything. Of a garbage set all finalizers are called, over several slices perhaps, and also when one of
    // them has brought the others back. NULL: nothing to do. Of a type and its base, the type's runs first, then the base's.
    rc_object_fn *finalize;
    // Releases what is not managed: a file, a socket, a buffer; and handles kept in fields that are not slots. Slots are
    // cleared by the runtime afterwards. What the slots point to may be read: it may be dead, but its memory is there. No new
    // reference to this object or to one that dies with it may be made. Where a slot leads to a container, ask rc_heap_of
    // first: if that is NULL the container is dead, too, and its calls are faults. NULL: nothing to do. Of a type and its base,
    // the type's runs first, then the base's.
    rc_object_fn *destroy;
    // Frees memory outside of the object in which its trace reports slots (a container's array). Runs last, when those
    // slots have been cleared. May touch nothing but this object. NULL: there is none.
    rc_object_fn *free_slots;
    // A promise that no object of this type can be part of a cycle; such objects are never suspected. Where the
    // promise is broken, cycles through it leak.
    bool acyclic;
    // The part of destroy that can be long: a container's many elements. Destroys parts number [from] up to [to] of [obj],
    // in a numbering of its own, and returns whether there are parts beyond. Called after destroy, from part 0 on, in
    // pieces, perhaps across slices, until it returns false; under the same rules. At most one of a type and its bases
    // has it. NULL: there is none.
    bool (*destroy_some)(void *obj, size_t from, size_t to);
};

// Defines `const struct rc_type NAME_type`. Needs at least one more member: RC_TYPE(leaf, struct leaf, .acyclic = true).
#define RC_TYPE(name, T, ...) RC__TABLE(struct rc_type, name##_type, #name, T, __VA_ARGS__)

// Forgets [type], and the types that extend it: for a table that does not last as long as the heap, as that of a plugin which
// is unloaded, or one made at run time. Each heap in which objects of it were made has to forget it before the table goes, or
// to be freed before; else another table that comes to lie there is taken for it (rc_new has a fault for that in checked
// builds). It is no mistake if the heap does not know the type; a new object makes it known again.
//
// false with errno = EBUSY, and nothing is forgotten, if there are objects of these types. Garbage is among them, so
// rc_collect first; rc_report says who holds what is left then, and for so long the plugin stays loaded. The library has no
// list of what else leads into a plugin's code, and must not outlive it: containers and boxes with a table or a function of
// its own (element.h, box.h), functions that it handed over (rc_weak_notify; wake and allocator of a heap; fault handler).
//
// About the heap this thread is inside (the default heap if it is inside none). NULL is a fault. O(types).
RC_API bool rc_type_forget(const struct rc_type *type);

// Inside a trace function: reports one slot, or [n] slots in a row. A long row may be read in pieces, later in the
// same collection: whoever changes the row itself (moves its memory, changes its length) calls rc_changed first. None may be
// reported at NULL, and none as a field of NULL: that is a fault, and nothing is reported then. The slots may hold NULL.
RC_API void rc_visit_slots(struct rc_visitor *visitor, void *slots, size_t n);
#define rc_visit(visitor, slot) rc_visit_slots((visitor), (slot), 1)
// The same of an array of [n] structs, each [stride] bytes from the one before: reports those slots of each that [slots]
// declares, with offsets from the start of the struct. Links only; weak references in structs are the container's own
// affair.
RC_API void rc_visit_structs(struct rc_visitor *visitor, void *first, size_t n, size_t stride,
                             const struct rc_slot *slots);

// Before a container moves the memory of its slots or changes how many there are: a collection that has read part of
// them reads no further, and keeps [obj] and all it reaches for this round. Inside [obj]'s heap. O(1).
RC_API void rc_changed(void *obj);

RC_END_DECLS

#endif
