// SPDX-License-Identifier: MIT
// The object header and the heap, as the runtime and the collector see them. Not installed.
//
//     63                36 35     28 27                  0
//    +--------------------+---------+---------------------+
//    | links              | flags   | index               |  word     inside only
//    +--------------------+---------+----------+----------+
//    | shared                       | class    | handles  |  shared: atomic, any thread; both: inside only, but for INBOX
//    +------------------------------+----------+----------+
//    | the object ...
//
//   index    in the suspect buffer (SUSPECT, not GRAPH), or of the node in the graph (GRAPH)
//   shared   signed sum of what other threads did to the count of handles, above the bits QUEUED, WEAK and STUCK (inline.h).
//            The handles of an object are handles + sum(shared); inside, the sum is folded into handles when those
//            reach 0, and takes what does not fit there (0x4000 of them: spill).
//   handles  15 bits, and INBOX, which other threads set: the thread inside may lose that when it stores its handles.
//   class    (heap, type), and the lowest bit, which is set when the object dies. rc__class_heap of an odd class is NULL:
//            so the test "is this my heap?" of each fast path also finds dead objects. The number is that of the object's
//            birth, unless heaps were merged: then an object may get another while no thread but ours can look (class.c).
//   A dead object has no counts; links and handles then hold the address of the next on the dead list.
#ifndef RC_OBJECT_H
#define RC_OBJECT_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L // posix_memalign, clock_gettime
#endif
#ifndef RC_CALLS
#define RC_CALLS // here, rc_release and rc_retain are the functions
#endif
#ifndef RC_NO_ANALYZE
#define RC_NO_ANALYZE // the analyzer's model of handles is for users
#endif
#include "atomic.h" // first: RC__LOAD

#include <refcyc/refcyc.h>

#include "cc/cc.h"

#if defined(RC_SCHEDULE) && !defined(NDEBUG)
#define NDEBUG // a step of a schedule is an operation of the library, none of an assertion's
#endif
#include <assert.h>
#include <errno.h>
#include <string.h>

// Sets errno. As a value: false, and the compiler knows that.
#define rc__fails(error) (errno = (error), false)

// What a thread has of its own. A definition has to say how it is reached, too, or each access is a call in code that may
// become part of a shared library.
#define RC__THREAD __attribute__((tls_model("initial-exec"))) __thread

#define RC__INDEX_MASK ((UINT64_C(1) << 27) - 1)
#define RC__INDEX_MAX ((uint32_t)RC__INDEX_MASK)
#define RC__LED (UINT64_C(1) << 27)       // something leads to it that is not its handles: cc/suspect.c
#define RC__SUSPECT (UINT64_C(1) << 28)   // in the suspect buffer, or marked while in the graph (R5)
#define RC__GRAPH (UINT64_C(1) << 29)     // a node of the collection under way
#define RC__FINALIZED (UINT64_C(1) << 30) // its finalizer has run, or is running
#define RC__INTERNED RC__FINALIZED        // of an rc_string: its destructor has something to do
#define RC__HUSK (UINT64_C(1) << 31)      // destroyed; its memory waits for graph and inbox
#define RC__IMMORTAL (UINT64_C(1) << 32)
#define RC__BIG (UINT64_C(1) << 33)       // a block of its own, not a cell of a page
#define RC__DOOMED (UINT64_C(1) << 34)    // dead as a member of a garbage set
#define RC__OLD RC__DOOMED                // of the living: was a suspect and found alive, so suspected again it may wait
#define RC__EXTRA (UINT64_C(1) << 35)     // a key of weak maps: has a slot in the heap's table of extras (extra.c)
#define RC__LINK_ONE (UINT64_C(1) << 36)
#define RC__LINKS_MAX ((UINT64_C(1) << 28) - 1)
#define RC__LINKS_HALF (UINT64_C(1) << 63) // of a word: it has 2^27 links, or more

#define RC__SPILL 0x2000 // handles that move at once between handles and shared
#define RC__NOWHERE ((struct rc_heap *)-1)

#define RC__SMALL 16 // slots of an object that is read at once, whatever else goes on

// A row of declared slots.
struct rc__run {
    uint32_t offset, count;
};

enum { RC__NO_SLOT = -1 }; // for an offset

// What a heap knows of a type. Class numbers are even and reused when their heap is gone; an entry is found at half the
// number.
// The first cache line of it is what is read and written all the time.
struct rc__class {
    struct rc_heap *heap;
    size_t live;     // objects
    uint32_t cell;   // bytes of an object of that type, without a tail, and its header, if it lies in a page; else 0
    bool plain;      // closed, without a finalizer, and not both; or rc__string_type, see string.c
    uint8_t slot_count;           // of a small object: one without tail and trace, and with few slots;
    uint16_t slot[RC__SMALL + 1]; // and their offsets
    uint16_t first;  // of a duplicate: the class of the same type that new objects get; 0: this one
    bool acyclic;
    int32_t owner;   // offset of the owner slot

    const struct rc_type *type, *known_as; // the latter: for users
    struct rc__run *runs; // strong slots of the type and its bases, but for tails and traces
    struct rc__run *weak; // weak slots
    uint32_t run_count, weak_count;
    bool (*destroy_some)(void *obj, size_t from, size_t to);
    size_t beyond;   // of the bytes of its objects those beyond [cell] each, modulo the range
    int32_t hint;    // offset of the slot that led the collector to something alive, or RC__NO_SLOT
    uint16_t next;   // in its bucket of the heap's classes, or among the heap's duplicates
    bool has_trace : 1, has_tail : 1, has_finalize : 1, has_destroy : 1, has_free_slots : 1;
    bool small : 1;
    bool closed : 1; // small, and without anything that is to be released or called but those slots
    bool keyed : 1;  // some object of it was a key of a weak map: neither small nor acyclic any more
    bool both : 1;   // of entries of weak maps, which live only if all that links to them does (CC_BOTH)
};

extern struct rc__class rc__classes[1 << 15];

// What other threads may touch of a heap, in memory that outlives it: a foreign release looks here after it has given up
// its handle, when the heap may be gone.
struct rc__door {
    pthread_mutex_t lock;    // the inbox, the weak blocks of the heap, wake
    AO_t linked;             // a slot of another heap has, or had, a link to an object of this one
    struct rc_heap *heap;    // NULL: the door is free
    void (*wake)(void *arg);
    void *wake_arg;
    struct cc_chunks inbox;  // objects with QUEUED
    size_t inbox_count;
};

// Objects that are blocks of their own are on a list, with its pointers complemented so that a leak checker does not
// take the list for a reason to be alive.
struct rc__big {
    uintptr_t not_next, not_prev;
    size_t size; // of the whole block
    size_t unused;
};

#define RC__CELL_MAX 512 // bytes, header included: larger objects are blocks of their own
#define RC__CELL_SIZES (RC__CELL_MAX / 16 + 1)

struct rc__page;
struct rc__region;

struct rc__blocks {
    bool paged;
    struct rc__page *room[RC__CELL_SIZES]; // pages with a free cell, by size
    struct rc__page *empty, *bare;         // pages without a size: that had one, and of which no more than the head is there
    struct rc__region *regions, *idle;     // idle: without a page in use
    size_t pages;                          // of all regions
    struct rc__big big; // head of the list
};

// What there is to know of a type to make an object of it.
struct rc__recent {
    const struct rc_type *type;
    struct rc__class *c;
    struct rc__page **room; // pages with a free cell for it
    uint32_t both;          // class, and one handle
    uint32_t cell;
};

#define RC__CLASS_BUCKETS 64

struct rc__weak_table {
    struct rc_weak **entry;
    size_t mask, count; // mask + 1 places, or none
};

struct rc_heap {
    const char *name;
    struct rc_allocator allocator;
    AO_t limit;    // of memory; SIZE_MAX: none. Any thread sets it
    size_t memory;      // that counts for it (memory.c),
    AO_t weak_memory;   // and of weak references (weak.c)
    size_t release_limit;
    struct rc__door *door;
    pthread_mutex_t inside;
    AO_t owner;    // the thread inside: its pthread_self
    AO_t wanted;   // threads that wait for it and need others, too (H4)
    bool held;     // by that thread, without an entry on its stack (H3)
    struct rc_heap *next_held;
    size_t rouse_at;   // with so much pending, another thread than the sleeper wakes it when it leaves; 0: nobody sleeps
    pthread_t sleeper; // last asked when to come again
    struct rc__blocks blocks;
    struct rc__header *newest; // the cell that an object was made in last,
    size_t newest_size;        // and how many bytes it has; 0: it may not be one any more
    size_t objects;  // alive, or dead and not destroyed
    size_t husks;    // destroyed, but their memory waits
    size_t bytes;
    size_t reserved; // objects for which there is room in suspects and inbox

    uint16_t bucket[RC__CLASS_BUCKETS]; // classes by type
    struct rc__recent recent[16]; // types that were asked for lately; NULL: none. Of a heap that ends, none
    uint16_t duplicates; // classes of types that have one already, from heaps that were merged into this
    size_t duplicate_count;
    bool outward; // a slot of an object has, or had, a link to another heap's

    struct cc_chunks suspects;
    size_t suspect_count;
    size_t old_count; // of them, the first so many are OLD

    struct rc__header *dead; // counted dead, to be destroyed
    size_t dead_count;
    struct rc__header *clearing; // the one whose slots are being cleared, in pieces
    size_t cleared;
    bool clearing_parts;         // not its slots yet, but its parts (destroy_some)
    bool reaping; // the dead list is being worked on: what dies now only joins it
    bool ending;  // in rc_heap_free
    struct rc__rubbish *rubbish; // large blocks that go back to the system (rubbish.c)
    struct rc_weak *notices; // whose objects died: callbacks to be called
    struct rc__weak_table weak;
    struct rc__table *interns; // strings by text (intern.c), or NULL
    struct rc__table *extras;  // of keys of weak maps (extra.c), or NULL
    uint32_t stamp;            // of the last cell of a list (list.c)

    struct cc cc;
    struct rc_stats stats;
};

extern struct rc__door rc__doors[1 << 14];

static inline void *rc__payload(struct rc__header *h) {
    return h + 1;
}
static inline uint64_t rc__links(const struct rc__header *h) {
    return h->word >> 36;
}
static inline uint32_t rc__index(const struct rc__header *h) {
    return (uint32_t)(h->word & RC__INDEX_MASK);
}
static inline void rc__set_index(struct rc__header *h, uint32_t index) {
    h->word = (h->word & ~RC__INDEX_MASK) | index;
}
// The class is read by other threads, while the thread inside stores it together with the handles.
static inline uint16_t rc__cls(const struct rc__header *h) {
    return (uint16_t)(rc__both(h) >> 16);
}
static inline uint32_t rc__make_both(unsigned low, uint16_t cls) {
    assert(low <= UINT16_MAX);
    return low | (uint32_t)cls << 16;
}
static inline void rc__set_both(struct rc__header *h, unsigned low, uint16_t cls) {
    RC__STORE(h->both, rc__make_both(low, cls));
}
static inline unsigned rc__handles(const struct rc__header *h) {
    return rc__both(h) & RC__HANDLES;
}
static inline void rc__set_handles(struct rc__header *h, unsigned handles) {
    assert(handles <= RC__HANDLES_MAX);
    RC__STORE(h->both, (rc__both(h) & ~RC__HANDLES) | handles);
}
static inline void rc__set_dead(struct rc__header *h) {
    RC__STORE(h->both, rc__both(h) | RC__DEAD);
}
static inline struct rc__class *rc__class(const struct rc__header *h) {
    return &rc__classes[rc__both(h) >> 17];
}
// [c] has one object of [size] bytes more; [n] of together [bytes] less.
static inline void rc__class_add(struct rc__class *c, size_t size) {
    c->live++;
    if (size != c->cell)
        c->beyond += size - c->cell;
}
static inline void rc__class_remove(struct rc__class *c, size_t n, size_t bytes) {
    c->live -= n;
    if (bytes != n * c->cell)
        c->beyond -= bytes - n * c->cell;
}
static inline size_t rc__class_bytes(const struct rc__class *c) {
    return c->live * c->cell + c->beyond;
}
static inline bool rc__is_dead(const struct rc__header *h) {
    return rc__both(h) & RC__DEAD;
}
static inline struct rc_heap *rc__heap(const struct rc__header *h) {
    return RC__LOAD(rc__class_heap[rc__cls(h)]);
}
// For assertions: whether [h] is an object's header, alive or dead; alive and of [heap]; whether this thread is inside
// [heap] (H1, inside.c).
static inline bool rc__is_object(const struct rc__header *h) {
    // LCOV_EXCL_BR_START: an assertion's
    return h && (uintptr_t)h % 16 == 0 && rc__cls(h) > 1;
    // LCOV_EXCL_BR_STOP: and no more
}
static inline bool rc__is_in(const struct rc_heap *heap, const struct rc__header *h) {
    return rc__heap(h) == heap;
}
static inline bool rc__is_mine(const struct rc_heap *heap) {
    return rc__word_load(&heap->owner) == (AO_t)pthread_self();
}
// The heap of [h], also when that is dead.
static inline struct rc_heap *rc__heap_ever(const struct rc__header *h) {
    return RC__LOAD(rc__class_heap[rc__cls(h) & ~1]);
}
static inline AO_t *rc__bell_at(const struct rc__door *door) {
    return &rc__bells[door - rc__doors];
}
// The door of the heap of class entry [n]. A merge gives it another; whoever needs it to stay locks it and looks again.
static inline struct rc__door *rc__door_of(uint16_t n) {
    return &rc__doors[rc__atomic_load_short(&rc__class_door[n])];
}
static inline int32_t rc__sum(uint32_t shared) {
    return (int32_t)shared >> 3;
}
// A slot may have any pointer type, so it is read and written as bytes.
static inline void *rc__load(const void *slot) {
    void *p;
    memcpy(&p, slot, sizeof p);
    return p;
}
static inline void rc__store(void *slot, const void *p) {
    memcpy(slot, &p, sizeof p);
}
// Whether a slot is to be at an address where none can be: NULL, or what is read as a field of NULL.
static inline bool rc__is_in_null(const void *slot) {
    return (uintptr_t)slot < 4096; // the first page, which is never mapped
}

// Of an object, of which the class and the handles are [both]: it is ours, has less than half the links that it can have, and
// bears none of [marks]. So a slot can just get it. (Half: that is one bit, the sign.)
static inline bool rc__is_usual(const struct rc__header *h, uint32_t both, uint64_t marks) {
    return rc__is_here(both) && !(h->word & (marks | RC__LINKS_HALF));
}
// Of one of ours (another's word is not to be read): it has some links, and less than half of what it can have.
static inline bool rc__has_some_links(const struct rc__header *h) {
    return (int64_t)h->word >= (int64_t)RC__LINK_ONE;
}

// One of them goes. What led to it may have been that.
static inline void rc__less_link(struct rc__header *h) {
    assert(h->word >= RC__LINK_ONE);
    h->word = (h->word - RC__LINK_ONE) & ~RC__LED;
}

// [obj] loses a link and has a handle left, in [heap]. false, with nothing done, where it is not as simple as that.
static inline bool rc__drop_link_of_held(const struct rc_heap *heap, void *obj) {
    uint32_t both = obj ? rc__both(RC__HEADER(obj)) : 0;
    if (!(both & RC__HANDLES) || RC__LOAD(rc__class_heap[both >> 16]) != heap || !rc__has_some_links(RC__HEADER(obj)))
        return false;
    rc__less_link(RC__HEADER(obj));
    return true;
}

// Whether [slot] lies in the object that was made last, and that is alive and held, and not in the graph.
static inline bool rc__is_in_newest(const struct rc_heap *heap, const void *slot) {
    const struct rc__header *h = heap->newest;
    if ((uintptr_t)slot - (uintptr_t)h >= heap->newest_size)
        return false;
    uint32_t both = rc__both(h);
    return both & RC__HANDLES && !(both & RC__DEAD) && !(h->word & (RC__GRAPH | RC__LED));
}

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

// Containers and strings are of types of their own, so that rc_new can refuse those which users know (class.c): but for arrays.
// And if no element has a link, of one that can be part of no cycle. Users need not know.
extern const struct rc_type rc__list_type, rc__map_type, rc__set_type, rc__box_type, rc__weak_map_type, rc__string_type;
extern const struct rc_type rc__leaf_array_type, rc__leaf_list_type, rc__leaf_map_type, rc__leaf_set_type, rc__leaf_box_type;

// type.c
static inline bool rc__extends(const struct rc_type *type, const struct rc_type *base) {
    while (type && type != base)
        type = type->base;
    return type;
}
// What users know [type] as.
const struct rc_type *rc__known_as(const struct rc_type *type);
// Which law [type] breaks; a slot that is no tail, of something of [size] bytes. NULL: none.
const char *rc__type_defect(const struct rc_type *type);
const char *rc__slot_defect(const struct rc_slot *slot, size_t size);
bool rc__slots_overlap(const struct rc_slot *a, const struct rc_slot *b);
#ifdef RC_CHECK
uint64_t rc__type_sum(const struct rc_type *type);
#endif

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
// Gives back about [most] bytes of what no object lies in. Returns how many; less: that was all.
size_t rc__blocks_trim(struct rc_heap *heap, size_t most);

// death.c
void rc__die(struct rc_heap *heap, struct rc__header *h);
// The same of one, of class [c], that lies in a cell and has neither link nor mark, and that no other thread has counted. It
// may have a handle, which was the last.
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
// Destroys the parts of [h] from [*at] on, a piece of them, and returns whether there are more.
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
    void (*row)(struct rc_visitor *visitor, char *first, char *end, size_t stride); // those that are apart; NULL: one by one
    size_t at, from, to;
    // While slots of structs in a row are shown: what these declare, the first one, and how far it is to the next.
    const struct rc_slot *fields;
    const char *structs;
    size_t stride;
    struct rc__list_place near; // for names of slots
};
// Whether this thread is in a trace function, or a has_links that is asked by one: where nothing else is to be done. What the
// slots are shown to is not part of it.
extern RC__THREAD bool rc__tracing;
// As rc_visit_structs, but for structs of which [has_links], if given, says that their slots are none.
void rc__visit_structs(struct rc_visitor *visitor, void *first, size_t n, size_t stride, const struct rc_slot *slots,
                       bool (*has_links)(const void *element));
#define RC__ALL_SLOTS SIZE_MAX
// What follows a slot that is shown is, as a rule, a look at the object in it. So whoever goes over slots that are [stride]
// bytes apart, up to [end], fetches the object of one that comes later. A line that is not needed does no harm.
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
// Under both locks, when no class names [from]'s door any more: what is in its inbox goes to [into]'s, where there is room;
// what was noted there (linked) is noted here, and if it rang there, it rings here.
void rc__door_merge(struct rc_heap *into, struct rc_heap *from);
// Calls the wake function, if there is one.
void rc__rouse(struct rc__door *door);
// Looks through the inbox from entry [*at] on, [limit] entries at most. false when it has reached the end.
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

// heap.c
// The heap that [call] is about: the one this thread is inside, or the default one, which it then is inside. NULL with errno set
// after a fault, or if memory is out.
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
// What counts, all in all.
size_t rc__memory_of(const struct rc_heap *heap);
// The same for what does not count: the collector's (M3).
void *rc__uncounted(struct rc_heap *heap, size_t size);
void rc__uncounted_free(struct rc_heap *heap, void *memory, size_t size);

// place.c: in checked builds, whether the object that [slot] lies in, if any, is in the heap this thread is inside; a fault
// if not; the same without a fault, for short ways that leave it to the long ones. And whether [obj] is an object, alive or
// dead, of which the memory is there; elsewhere that is taken for granted.
#ifdef RC_CHECK
void rc__place_add(const struct rc__header *h, size_t size);
void rc__place_remove(const struct rc__header *h, size_t size);
bool rc__slot_is_here(const void *slot, const char *call);
bool rc__slot_is_ours(const void *slot);
bool rc__is_known(const void *obj);
size_t rc__place_bytes(void); // that the map of objects takes, for good
#else
#define rc__slot_is_here(slot, call) ((void)(slot), (void)(call), true)
#define rc__slot_is_ours(slot) ((void)(slot), true)
#define rc__is_known(obj) ((void)(obj), true)
#define rc__place_bytes() ((size_t)0)
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
// Frees [memory]; where that is much work, it is left to rc__reap.
void rc__memory_later(struct rc_heap *heap, void *memory, size_t size);
// A piece of that work. false: there is none.
bool rc__rubbish_some(struct rc_heap *heap);
void rc__rubbish_free(struct rc_heap *heap);
void rc__rubbish_merge(struct rc_heap *into, struct rc_heap *from);

// chunks.c
bool rc__pointers_reserve(struct rc_heap *heap, struct cc_chunks *c, size_t chunks);
void rc__pointers_free(struct rc_heap *heap, struct cc_chunks *c);
size_t rc__pointers_trim(struct rc_heap *heap, struct cc_chunks *c, size_t keep, size_t most);
#define RC__CHUNKS_SINGLE 8 // so many are blocks of their own; of a heap without pages, all
// One chunk more, or as many as a large block has room for, which is to be backed by [one_page]. false if memory is out.
bool rc__chunks_grow(struct rc_heap *heap, struct cc_chunks *c, size_t chunk_bytes, bool one_page);
void rc__chunks_free(struct rc_heap *heap, struct cc_chunks *c, size_t keep, size_t chunk_bytes);

#define RC__CHUNK_POINTERS 4096
static inline struct rc__header **rc__pointer_at(const struct cc_chunks *c, size_t i) {
    return (struct rc__header **)c->chunk[i / RC__CHUNK_POINTERS] + i % RC__CHUNK_POINTERS;
}

// inspect_leaks.c, for REFCYC_LEAKS
void rc__leaks_watch(void);
void rc__leaks_heap_ends(struct rc_heap *heap);

// fault.c
void rc__fault(enum rc_fault_kind kind, const char *call, const struct rc__header *h, const char *why);
void rc__fault_dead(const char *call, const struct rc__header *h);
void rc__fault_type(const struct rc_type *type, const char *why);

#endif
