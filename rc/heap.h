// SPDX-License-Identifier: MIT
// A heap, and its door. Not installed.
#ifndef RC_HEAP_H
#define RC_HEAP_H

#include "header.h"

#include "cc/cc.h"

// What other threads may touch of a heap, in memory that outlives it: a foreign release looks here after it has given up
// its handle, when the heap may be gone.
struct rc__door {
    pthread_mutex_t lock;    // the inbox, the weak blocks of the heap, wake
    AO_t linked;             // a slot of another heap has, or had, a link to an object of this heap
    struct rc_heap *heap;    // NULL: the door is free
    void (*wake)(void *arg);
    void *wake_arg;
    struct rc__chunks inbox;  // objects with QUEUED
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
    struct rc__page *empty, *bare;         // pages without a size: that had one; that have no more than a head
    struct rc__region *regions, *idle;     // idle: without a page in use
    size_t pages;                          // of all regions
    struct rc__big big; // head of the list
};

// What has to be known of a type to make an object of it.
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
    AO_t limit;    // of memory; SIZE_MAX: none. Any thread may set it
    size_t memory;      // that counts for the limit (memory.c),
    AO_t weak_memory;   // and that of weak references (weak.c), which counts, too
    size_t release_limit;
    struct rc__door *door;
    pthread_mutex_t inside;
    AO_t owner;    // the thread inside: its pthread_self
    AO_t wanted;   // threads that wait for it and need others, too (H4)
    bool held;     // by that thread, without an entry on its stack (H3)
    struct rc_heap *next_held;
    size_t rouse_at;   // whoever leaves with so much pending wakes the sleeper, unless that is itself; 0: nobody sleeps
    pthread_t sleeper; // the thread that last asked when to come again
    struct rc__blocks blocks;
    struct rc__header *newest; // the cell that an object was made in last,
    size_t newest_size;        // and how many bytes it has; 0: it may not be one any more
    size_t objects;  // alive, or dead and not destroyed
    size_t husks;    // destroyed, but their memory waits
    size_t bytes;
    size_t reserved; // objects for which there is room in suspects and inbox

    uint16_t bucket[RC__CLASS_BUCKETS]; // classes by type
    struct rc__recent recent[16]; // types that were asked for lately; type NULL: none. All are none while the heap ends
    uint16_t duplicates; // classes of types that have one already, from heaps that were merged into this
    size_t duplicate_count;
    bool outward; // a slot of an object has, or had, a link to an object of another heap

    struct rc__chunks suspects;
    size_t suspect_count;
    size_t old_count; // of them, the first so many are OLD

    struct rc__header *dead; // counted dead, to be destroyed
    size_t dead_count;
    struct rc__header *clearing; // the one whose slots are being cleared, in pieces
    size_t cleared;
    bool clearing_parts;         // its parts (destroy_some), not its slots yet
    bool reaping; // the dead list is being worked on: what dies now only joins it
    bool ending;  // in rc_heap_free
    struct rc__rubbish *rubbish; // large blocks that go back to the system (rubbish.c)
    struct rc_weak *notices; // weak references to objects that died, with callbacks yet to be called
    struct rc__weak_table weak;
    struct rc__table *interns; // strings by text (intern.c), or NULL
    struct rc__table *extras;  // of keys of weak maps (extra.c), or NULL
    uint32_t stamp;            // of the last cell of a list (list.c)

    struct cc cc;
    struct rc_stats stats;
};

extern struct rc__door rc__doors[1 << 14];

// Whether this thread is inside [heap] (H1, inside.c).
static inline bool rc__is_mine(const struct rc_heap *heap) {
    return rc__word_load(&heap->owner) == (AO_t)pthread_self();
}
static inline AO_t *rc__bell_at(const struct rc__door *door) {
    return &rc__bells[door - rc__doors];
}
// The door of the heap of class entry [n]. A merge gives it another; whoever needs it to stay locks it and looks again.
static inline struct rc__door *rc__door_of(uint16_t n) {
    return &rc__doors[rc__atomic_load_short(&rc__class_door[n])];
}
// Whether [h] need not be suspected when its last handle goes: something leads to it that is not its handles (cc/suspect.c).
static inline bool rc__is_led(const struct rc_heap *heap, const struct rc__header *h) {
    return h->word & RC__LED && heap->cc.phase != RC_PHASE_BUILD;
}
// Whether [slot] lies in the object that was made last, and that is alive and held, and not in the graph.
static inline bool rc__is_in_newest(const struct rc_heap *heap, const void *slot) {
    const struct rc__header *h = heap->newest;
    if ((uintptr_t)slot - (uintptr_t)h >= heap->newest_size)
        return false;
    uint32_t both = rc__both(h);
    return both & RC__HANDLES && !(both & RC__DEAD) && !(h->word & (RC__GRAPH | RC__LED));
}

#endif
