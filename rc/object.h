// SPDX-License-Identifier: MIT
// What the files of rc/ have for each other and for the collector, file by file. Not installed.
#ifndef RC_OBJECT_H
#define RC_OBJECT_H

#include "heap.h"

// counting.c. [call] names the public function, for a fault.
bool rc__fold(struct rc__header *h, const char *call);
void rc__unlink(struct rc_heap *heap, struct rc__header *h, const char *call);
void rc__lost(struct rc_heap *heap, struct rc__header *h);
void rc__handle_to_link(struct rc_heap *heap, struct rc__header *h, const char *call);

// extra.c
extern const struct rc_type rc__entry_type;
// The slot that [h], which is EXTRA, has in the heap's table, valid until that changes.
void *rc__extra_slot(const struct rc__header *h);
// [h] has no such slot any more. What it held is the caller's affair.
void rc__extra_forget(struct rc_heap *heap, struct rc__header *h);
void rc__extras_free(struct rc_heap *heap);
// For a merge of heaps: room for those of [from] in [into]; false with errno. Then they go there.
bool rc__extras_reserve(struct rc_heap *into, const struct rc_heap *from);
void rc__extras_merge(struct rc_heap *into, struct rc_heap *from);

// The types that containers and strings are really of. They differ from those that users know, so that rc_new can refuse the
// latter (type.c); arrays do not need that. A container whose elements have no links is of a leaf type, which is acyclic. Users
// need not know of any of these.
extern const struct rc_type rc__list_type, rc__map_type, rc__set_type, rc__box_type, rc__weak_map_type, rc__string_type;
extern const struct rc_type rc__leaf_array_type, rc__leaf_list_type, rc__leaf_map_type, rc__leaf_set_type, rc__leaf_box_type;

// type.c
static inline bool rc__extends(const struct rc_type *type, const struct rc_type *base) {
    while (type && type != base)
        type = type->base;
    return type;
}
// The type that users know [type] as.
const struct rc_type *rc__known_as(const struct rc_type *type);
// The law that [type] breaks; or that [slot] breaks, which is no tail, in something of [size] bytes. NULL: none.
const char *rc__type_defect(const struct rc_type *type);
const char *rc__slot_defect(const struct rc_slot *slot, size_t size);
bool rc__slots_overlap(const struct rc_slot *a, const struct rc_slot *b);
uint64_t rc__type_sum(const struct rc_type *type); // in checked builds

// class.c
// [h] is to be a key of a weak map.
void rc__class_keyed(struct rc_heap *heap, const struct rc__header *h);
uint16_t rc__class_find(struct rc_heap *heap, const struct rc_type *type);
#define RC__RECENT(type) (((uintptr_t)(type) >> 4) % 16)
// The class number for [type] in [heap]; 0 with errno set if there is none to be had.
static inline uint16_t rc__class_of(struct rc_heap *heap, const struct rc_type *type) {
    size_t place = RC__RECENT(type);
    return heap->recent[place].type == type ? (uint16_t)(heap->recent[place].both >> 16) : rc__class_find(heap, type);
}
// In checked builds, whether the table of [type] is what class [cls] was made from; a fault if not, with errno.
#ifdef RC_CHECK
bool rc__class_is_of(uint16_t cls, const struct rc_type *type);
#else
#define rc__class_is_of(cls, type) ((void)(cls), (void)(type), true)
#endif
void rc__classes_free(struct rc_heap *heap);
void rc__classes_door(struct rc_heap *heap, const struct rc__door *door);
void rc__classes_merge(struct rc_heap *into, struct rc_heap *from);
void rc__classes_switch(struct rc_heap *into, const struct rc_heap *from);
void rc__classes_trim(struct rc_heap *heap);
void rc__class_rejoin(struct rc_heap *heap, struct rc__header *h);

// block.c
void rc__blocks_init(struct rc_heap *heap);
void rc__blocks_free(struct rc_heap *heap);
// Calls [each] with every block that holds an object, husks included; [each] neither makes nor frees one.
void rc__each_object(struct rc_heap *heap, void (*each)(struct rc__header *h, void *arg), void *arg);
size_t rc__block_size(const struct rc__header *h);
void rc__blocks_merge(struct rc_heap *into, struct rc_heap *from);
void rc__pages_unkeep(struct rc_heap *heap);
// Gives back about [most] bytes of memory in which no object lies. Returns how many; less than [most]: that was all.
size_t rc__blocks_trim(struct rc_heap *heap, size_t most);

// death.c
void rc__die(struct rc_heap *heap, struct rc__header *h);
// The same for an object of class [c] that lies in a cell, has neither links nor marks, and that no other thread has counted.
// It may still count one handle, its last.
void rc__die_unmarked(struct rc_heap *heap, struct rc__header *h, struct rc__class *c);
static inline bool rc__is_unmarked(const struct rc__header *h) {
    return h->word == 0 && !rc__atomic_load(&h->shared);
}
// Destroys up to [limit] dead objects; a piece of a large one counts as one. Returns how many of [limit] are left.
size_t rc__reap(struct rc_heap *heap, size_t limit);
void rc__bury(struct rc_heap *heap, struct rc__header *h);
void rc__dead_merge(struct rc_heap *into, struct rc_heap *from);
void rc__call_finalize(const struct rc__header *h);
// Whether something is to be called when an object of class [c] is destroyed: destroy of its type or of a base, or
// destroy_some.
static inline bool rc__has_destructor(const struct rc__class *c) {
    return c->has_destroy || c->destroy_some;
}
void rc__call_destroy(const struct rc__header *h);
// The callback [call] of [h]'s type has run.
static inline void rc__called(struct rc_heap *heap, const struct rc__header *h, const char *call) {
    if (heap->cc.budget)
        cc_called(heap, h, call);
}
// Destroys some parts of [h], from number *at on, and moves *at behind them. Returns whether there are more.
bool rc__destroy_some(const struct rc__header *h, size_t *at);
void rc__call_free_slots(const struct rc__header *h);
void rc__release_weak_slots(struct rc_heap *heap, struct rc__header *h);

// A cell of a list, and which element it is; cell 0: none.
struct rc__list_place {
    uint32_t cell;
    size_t index;
};

// trace.c: every pass over an object's slots goes through here. The slots have numbers, in the order in which they are
// reported; a visitor is shown those from [from] up to [to].
struct rc_visitor {
    void (*slots)(struct rc_visitor *visitor, char *first, size_t n);
    void (*row)(struct rc_visitor *visitor, char *first, char *end, size_t stride); // slots apart; NULL: shown one by one
    struct rc_heap *heap; // for those two; nobody else looks at it
    size_t at, from, to;
    // While slots of structs in a row are shown: what these declare, the first one, and how far it is to the next.
    const struct rc_slot *fields;
    const char *structs;
    size_t stride;
    struct rc__list_place near; // for names of slots
};
// Whether this thread is in a trace function, or in a has_links that one calls: these may call nothing else of the library. The
// visitor, to which a trace function shows its slots, is not part of it.
extern RC__THREAD bool rc__tracing;
// As rc_visit_structs, but it passes over structs of which [has_links], if given, says that they have no links.
void rc__visit_structs(struct rc_visitor *visitor, void *first, size_t n, size_t stride, const struct rc_slot *slots,
                       bool (*has_links)(const void *element));
#define RC__ALL_SLOTS SIZE_MAX
// Whoever is shown a slot usually looks at the object in it next. So a loop over slots that are [stride] bytes apart, up to
// [end], fetches the object of a slot that comes later. Fetching what nobody needs does no harm.
static inline void rc__read_ahead(const char *slot, const char *end, size_t stride) {
    enum { AHEAD = 8 };
    if (AHEAD * stride < (size_t)(end - slot))
        __builtin_prefetch((const void *)((uintptr_t)rc__load(slot + AHEAD * stride) - sizeof(struct rc__header)), 1);
}
#define RC__PIECE 256  // slots of one object that are visited at once
#define RC__PARTS 16   // and parts that are destroyed
// Returns whether there are slots beyond [to].
bool rc__trace(struct rc__header *h, struct rc_visitor *visitor, size_t from, size_t to);

// foreign.c
void rc__foreign_retain(struct rc__header *h, const char *call);
void rc__foreign_release(struct rc__header *h, const char *call);
void rc__queue(struct rc__header *h);
void rc__unqueue(struct rc__header *h);
// The door of [h]'s heap, locked. Of [h] the caller has a handle, or is inside its heap.
struct rc__door *rc__door_lock(const struct rc__header *h);
// Under both locks, when no class names [from]'s door any more: what is in its inbox moves to [into]'s, where there is room; if
// it was linked, or its bell rung, so is [into]'s from now on.
void rc__door_merge(struct rc_heap *into, struct rc_heap *from);
// Calls the wake function, if there is one.
void rc__rouse(struct rc__door *door);
// Looks through the inbox from entry [*at] on, [limit] entries at most. false when it has reached the end. What dies of that
// waits to be destroyed.
bool rc__drain(struct rc_heap *heap, uint32_t *at, size_t limit);

void rc__bell_silence(struct rc_heap *heap);
void rc__bell_strike(struct rc_heap *heap);
bool rc__bell(const struct rc_heap *heap);
size_t rc__inbox_count(struct rc_heap *heap);

// weak.c
bool rc__weak_dying(struct rc_heap *heap, struct rc__header *h);
void rc__weak_alive(struct rc_heap *heap, struct rc__header *h);
void rc__weak_dead(struct rc_heap *heap, struct rc__header *h);
void rc__weak_forget(struct rc_heap *heap, struct rc__header *h);
bool rc__weak_reserve(struct rc_heap *into, const struct rc_heap *from);
void rc__weak_merge(struct rc_heap *into, struct rc_heap *from);
bool rc__weak_condemn(struct rc_heap *heap, struct rc__header *h);
void rc__weak_pardon(struct rc_heap *heap, struct rc__header *h);
struct rc__header *rc__weak_next_pardon(struct rc_heap *heap);
void rc__weak_round(struct rc_heap *heap);
bool rc__weak_commit(struct rc_heap *heap);
void rc__weak_notices(struct rc_heap *heap);
void rc__weak_heap_gone(struct rc_heap *heap);
bool rc__weak_is_known(struct rc_heap *heap, const struct rc__header *h);
bool rc__weak_at(struct rc_heap *heap, size_t i, const struct rc__header **h);

// heap.c The heap that [call] is about: the one this thread is inside, or the default one, which it then is inside. NULL with
// errno set after a fault, or if memory is out.
struct rc_heap *rc__enter_default(const char *call);
// [heap] has no object any more. This thread is inside, with one entry or none, and leaves.
void rc__heap_end(struct rc_heap *heap);

// inside.c
// As rc_heap_enter, or else as rc_heap_try_enter, for [call]. false after a fault, or if another thread is inside.
bool rc__enter(struct rc_heap *heap, bool wait, const char *call);
// How often this thread has entered [heap] and not left it.
size_t rc__entries(const struct rc_heap *heap);
// Nobody will enter [heap] any more: that is all of this thread's entries.
void rc__leave_for_good(struct rc_heap *heap);
// Whether a callback of a heap that this thread is inside is running.
bool rc__in_callback(void);
// Whether one more entry fits on the stack; a fault if not.
bool rc__can_enter(const char *call);
// Calls [visit] for each heap that this thread is inside, and for each that nobody is, which is held meanwhile.
void rc__heaps_visit(void (*visit)(struct rc_heap *heap));
// H3: holds [heaps], of which some may be NULL or the same, and returns them as a list, in the order of their doors.
struct rc_heap *rc__hold(struct rc_heap *const *heaps, size_t n);
void rc__let_go(struct rc_heap *list);
// For a while, this thread is inside [heap], which it holds, as callbacks expect it.
void rc__enter_held(struct rc_heap *heap);
void rc__leave_held(struct rc_heap *heap);

// memory.c
extern const struct rc_allocator rc__plain_allocator;
// NULL if memory is out, or the heap's limit reached.
void *rc__memory(struct rc_heap *heap, size_t size);
void rc__memory_free(struct rc_heap *heap, void *memory, size_t size);
// Moves the first [used] of [size] bytes to [bigger] bytes of memory; [memory] may be NULL. NULL if there is no memory, with
// nothing changed.
void *rc__memory_grow(struct rc_heap *heap, void *memory, size_t size, size_t used, size_t bigger);
bool rc__memory_fits(struct rc_heap *heap, size_t size);
// All that counts, weak references included.
size_t rc__memory_of(const struct rc_heap *heap);
// As rc__memory and rc__memory_free, for what does not count (M3).
void *rc__uncounted(struct rc_heap *heap, size_t size);
void rc__uncounted_free(struct rc_heap *heap, void *memory, size_t size);

// place.c, in checked builds; in others all of it is taken for granted. Whether the object that [slot] lies in, if any, is of
// the heap this thread is inside; a fault if not. The same without a fault, for short ways, which leave that to the long ones.
// And whether [obj] is an object, alive or dead, whose memory is there.
#ifdef RC_CHECK
void rc__place_add(const struct rc__header *h, size_t size);
void rc__place_remove(const struct rc__header *h, size_t size);
bool rc__slot_is_here(const void *slot, const char *call);
bool rc__slot_is_ours(const void *slot);
bool rc__slot_is_one(const void *slot, const char *call);
bool rc__is_known(const void *obj);
size_t rc__place_bytes(void); // that the map of objects takes, for good
#else
#define rc__slot_is_here(slot, call) ((void)(slot), (void)(call), true)
#define rc__slot_is_ours(slot) ((void)(slot), true)
#define rc__slot_is_one(slot, call) ((void)(slot), (void)(call), true)
#define rc__is_known(obj) ((void)(obj), true)
#define rc__place_bytes() ((size_t)0)
#define rc__place_add(h, size) ((void)(h), (void)(size))
#define rc__place_remove(h, size) ((void)(h), (void)(size))
#endif

// object.c
size_t rc__reserve_trim(struct rc_heap *heap, size_t most);

// large.c
#define RC__LARGE ((size_t)2 << 20)
void *rc__large_new(bool one_page);
void rc__large_touch(char *from, const char *to);
void rc__large_free(void *memory, size_t bytes);
size_t rc__large_strip(char *from, char *to);
void rc__large_split(void *memory);

// rubbish.c
// Frees [memory]; where that would take long, leaves it to rc__reap.
void rc__memory_later(struct rc_heap *heap, void *memory, size_t size);
// Does a piece of what was left. false: there is none.
bool rc__rubbish_some(struct rc_heap *heap);
void rc__rubbish_free(struct rc_heap *heap);
void rc__rubbish_merge(struct rc_heap *into, struct rc_heap *from);

// history.c, for REFCYC_HISTORY. In checked builds, every change of the handles of [h] that is a reference taken or given up.
void rc__history_watch(void);
#ifdef RC_CHECK
extern int rc__history; // whether anything was asked for
enum rc__deed { RC__TAKEN, RC__GIVEN };
void rc__history_note(const struct rc__header *h, enum rc__deed deed, bool is_new);
static inline void rc__note_new(const struct rc__header *h) {
    if (RC__LOAD(rc__history))
        rc__history_note(h, RC__TAKEN, true);
}
static inline void rc__note_taken(const struct rc__header *h) {
    if (RC__LOAD(rc__history))
        rc__history_note(h, RC__TAKEN, false);
}
static inline void rc__note_given(const struct rc__header *h) {
    if (RC__LOAD(rc__history))
        rc__history_note(h, RC__GIVEN, false);
}
#else
#define rc__note_new(h) ((void)(h))
#define rc__note_taken(h) ((void)(h))
#define rc__note_given(h) ((void)(h))
#endif

// inspect_leaks.c, for REFCYC_LEAKS
void rc__leaks_watch(void);
void rc__leaks_heap_ends(struct rc_heap *heap);

// fault.c
void rc__fault(enum rc_fault_kind kind, const char *call, const struct rc__header *h, const char *why);
// Writes to [text] what [call] has to say of [h], with its type and counts; or, if that is NULL, what it has to say.
void rc__message(char *text, size_t size, const char *call, const struct rc__header *h, const char *why);
void rc__fault_dead(const char *call, const struct rc__header *h);
void rc__fault_type(const struct rc_type *type, const char *why);

#endif
