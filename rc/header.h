// SPDX-License-Identifier: MIT
// The header of an object, and the class that it names. Not installed.
//
//     63                36 35     28 27                  0
//    +--------------------+---------+---------------------+
//    | links              | flags   | index               |  word     inside only
//    +--------------------+---------+----------+----------+
//    | shared                       | class    | handles  |  shared: atomic, any thread; both: inside only, but for INBOX
//    +------------------------------+----------+----------+
//    | the object ...
//
//   index    its place in the suspect buffer (SUSPECT without GRAPH), or the number of its node in the graph (GRAPH)
//   shared   what other threads did to the count of handles: a signed sum, above the bits QUEUED, WEAK and STUCK (inline.h).
//            The object has handles + sum(shared) handles. The thread inside folds the sum into handles when these reach 0,
//            and moves a part of the handles to the sum (SPILL) when they no longer fit.
//   handles  15 bits, and above them INBOX, which other threads set. It may be lost when the thread inside stores handles.
//   class    the number of a pair (heap, type); its lowest bit is set when the object dies. For odd numbers rc__class_heap has
//            NULL, so the question that begins each fast path, "is this my heap?", finds dead objects, too. An object keeps
//            the number that it was born with; only a merge may give it another, when no other thread can be looking (class.c).
//   A dead object has no counts. Its links and handles then hold the address of the next object on the dead list.
#ifndef RC_HEADER_H
#define RC_HEADER_H

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
#define RC__NOWHERE ((struct rc_heap *)-1) // rc__here of a thread that is inside no heap

#define RC__SMALL 16 // slots at most of an object that is read at once, never in pieces

// A row of declared slots.
struct rc__run {
    uint32_t offset, count;
};

enum { RC__NO_SLOT = -1 }; // for an offset

// What a heap knows of a type. Class numbers are even, and reused when their heap is gone; the entry of a number is at half of
// it. The first cache line has what is read and written all the time.
struct rc__class {
    struct rc_heap *heap;
    size_t live;     // objects
    uint32_t cell;   // bytes of an object without extra bytes, its header included, if it lies in a cell of a page; else 0
    bool plain;      // of bare objects (death.c): closed, without a finalizer, and not both; or rc__string_type (string.c)
    uint8_t slot_count;           // of small objects, how many slots they have,
    uint16_t slot[RC__SMALL + 1]; // and where
    uint16_t first;  // of a duplicate (K1): the class that new objects of the type get; 0: this is none
    bool acyclic;
    int32_t owner;   // offset of the owner slot

    const struct rc_type *type, *known_as; // the latter: for users
    struct rc__run *runs; // strong slots of the type and its bases, but for tails and traces
    struct rc__run *weak; // weak slots
    uint32_t run_count, weak_count;
    bool (*destroy_some)(void *obj, size_t from, size_t to);
    size_t beyond;   // bytes of all objects, less [cell] for each; modulo the range
    int32_t hint;    // offset of the slot that last led the collector to something alive (cc/hints.c), or RC__NO_SLOT
    uint16_t next;   // in its bucket of the heap's classes, or among the heap's duplicates
    bool has_trace : 1, has_tail : 1, has_finalize : 1, has_destroy : 1, has_free_slots : 1;
    bool small : 1;  // no tail, no trace, and few slots
    bool closed : 1; // small, and nothing has to be released or called for an object but those slots
    bool keyed : 1;  // an object was a key of a weak map: neither small nor acyclic any more
    bool both : 1;   // of entries of weak maps, which live only if all that links to them does (CC_BOTH)
};

extern struct rc__class rc__classes[1 << 15];

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
// For assertions: whether [h] is an object's header, alive or dead; whether it is alive and of [heap].
static inline bool rc__is_object(const struct rc__header *h) {
    // LCOV_EXCL_BR_START: an assertion's
    return h && (uintptr_t)h % 16 == 0 && rc__cls(h) > 1;
    // LCOV_EXCL_BR_STOP: and no more
}
static inline bool rc__is_in(const struct rc_heap *heap, const struct rc__header *h) {
    return rc__heap(h) == heap;
}
// The heap of [h], also when that is dead.
static inline struct rc_heap *rc__heap_ever(const struct rc__header *h) {
    return RC__LOAD(rc__class_heap[rc__cls(h) & ~1]);
}
static inline int32_t rc__sum(uint32_t shared) {
    return (int32_t)shared >> 3;
}
// By whomever they are counted; less than 0 after too many releases.
static inline int64_t rc__all_handles(const struct rc__header *h) {
    return rc__handles(h) + (int64_t)rc__sum(rc__atomic_load(&h->shared));
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
// Whether [slot] is no address of a slot: NULL, or a field of NULL.
static inline bool rc__is_in_null(const void *slot) {
    return (uintptr_t)slot < 4096; // the first page, which is never mapped
}

// Whether a slot can get [h], whose class and handles are [both], without further ado: it is of the heap this thread is inside,
// has less than half the links that it can have (which one bit says, the sign), and bears none of [marks].
static inline bool rc__is_usual(const struct rc__header *h, uint32_t both, uint64_t marks) {
    return rc__is_here(both) && !(h->word & (marks | RC__LINKS_HALF));
}
// Whether [h] has some links, but less than half of what it can have. Only for objects of the heap this thread is inside: the
// word of another may not be read.
static inline bool rc__has_some_links(const struct rc__header *h) {
    return (int64_t)h->word >= (int64_t)RC__LINK_ONE;
}

// [h] loses a link. That may have been what led to it, so it is LED no more.
static inline void rc__less_link(struct rc__header *h) {
    assert(h->word >= RC__LINK_ONE);
    h->word = (h->word - RC__LINK_ONE) & ~RC__LED;
}

// [obj] loses a link, if it is of [heap] and held there, so that nothing follows from that. false: nothing was done.
static inline bool rc__drop_link_of_held(const struct rc_heap *heap, void *obj) {
    uint32_t both = obj ? rc__both(RC__HEADER(obj)) : 0;
    if (!(both & RC__HANDLES) || RC__LOAD(rc__class_heap[both >> 16]) != heap || !rc__has_some_links(RC__HEADER(obj)))
        return false;
    rc__less_link(RC__HEADER(obj));
    return true;
}

#endif
