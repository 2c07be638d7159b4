// SPDX-License-Identifier: MIT
// The shadow graph: what the program under test has done, kept apart from the library, and the plain searches that say
// what the library may and must do.
//
//   reachable   from a handle that the program holds, an immortal object or one whose finalizer is running, over links,
//               and over the entries of weak maps, from their map and key together to their value
//   may die     whatever is not reachable
//   must be dead   after a quiet collection: whatever is not reachable
//
// A shadow outlives its object until nothing in the shadow graph names it. `world` is everything of one program.
#ifndef STRESS_SHADOW_H
#define STRESS_SHADOW_H

#include "kinds.h"

#include <stdarg.h>

enum {
    IDS = 1 << 16,
    HANDS = 12, // handles that the program holds in variables
    WEAKS = 6,  // weak references likewise
    NOTICES = 32,
    HEAPS = 2,
    ENTRIES = 24 // of weak maps
};

enum state { ABSENT, ALIVE, DESTROYED };

// Names an object for ever: ids are used again, serial numbers are not.
struct name {
    uint32_t id, serial;
};

struct shadow {
    void *object;
    struct body *body; // of [object]; NULL: it has none
    struct rc_list_pos pos[ROW]; // of a list's elements
    uint32_t serial;
    uint32_t handles;     // that the program holds, in variables and in objects
    uint32_t links;       // from objects of the same heap that are not destroyed
    uint32_t outer_links; // from those of another heap: handles, to the library
    uint32_t extra;       // of the handles: taken by `spill`
    uint32_t keep;        // id of what its field `keep` holds
    uint32_t to[SLOTS];
    struct name weak[WEAK_SLOTS];
    uint32_t mark;  // the last search that reached it
    uint32_t place; // in the list of those that are not ABSENT
    uint8_t state, kind, heap, layout, script;
    uint8_t finalized, destroyed; // callbacks so far
    bool immortal, pinned;
    bool hollow; // a container that has lost elements, for a moment or because memory was out: not to be used
};

struct notice {
    struct name of;
    bool used, called;
    int weak; // the reference through which it was asked for, as long as that is held; or -1
};

struct figures {
    uint64_t programs, ops, units, slices, searches;
    uint64_t made, by_count, by_collector, finalized, resurrected, upgraded, refused;
    uint64_t merges, both;
    uint64_t collections, called_off, pardoned, husks, relayouts, elements, entries;
    uint64_t touched[RC_PHASE_COUNT]; // changes to objects in the collector's graph, by phase
    uint64_t faults;
};

struct world {
    struct rc_heap *heap[HEAPS];
    struct rc_heap_options options; // of each
    int heaps, here;                // how many; which one the thread is inside
    struct kind kind[KINDS];
    int kinds;
    struct shadow *shadow; // IDS of them
    uint32_t *list;        // ids that are not ABSENT
    uint32_t listed, unused;
    uint32_t *spare;
    uint32_t alive, limit, serial;
    uint32_t checks; // in this program, so that it is verified at the same moments when it is run again
    uint32_t search;
    bool searched; // nothing has changed since the last search
    uint32_t hand[HANDS];
    struct {
        struct rc_weak *ref;
        struct name of;
    } weak[WEAKS];
    struct notice notice[NOTICES];
    struct entry { // of a weak map; gone when the shadow of its key or of its map is
        struct name map, key;
        uint32_t value;
        bool used;
    } entry[ENTRIES];
    int depth;    // of callbacks
    int fuel;     // objects that callbacks may still make, or they would go on for ever
    bool contained; // some kinds are containers
    bool lazy;    // releases leave work for slices, or other threads have released: death may come late
    bool watched; // all kinds have a destructor, so that each death is seen
    bool silent;  // none has
    bool across;  // links go from each heap to the other, so that cycles may span them
    bool merging; // rc_heap_merge is running
    bool late;    // what is let go gives its owner up after that, not before
    bool broken;  // owners may lie: what is garbage may stay
    bool timed;   // slices are measured in time
    bool starved; // memory has been short
    bool meddled[HEAPS]; // a callback of the collection under way in that heap has changed something
    size_t held;  // objects with a handle when the first one went with its heap; SIZE_MAX: none has yet
    bool ending;  // rc_heap_free has been called
    bool checked; // memory comes from the checked allocator
    bool loud;    // print each operation
    struct figures figures;
};

extern struct world w;

// Ends the program with a message. [what] is one word that names the sort of failure.
void fail(const char *what, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
extern void (*fail_hook)(const char *what);
// A line of the script, if the program is loud.
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
// The same for steps of collection, which are gathered in one line. NULL: they are over.
void say_steps(uint64_t budget, const char *phase);

void world_init(void);
uint32_t shadow_new(void); // 0: no room
void shadow_destroyed(uint32_t id);
void shadow_forget(uint32_t id);
static inline struct shadow *shadow(uint32_t id) {
    return &w.shadow[id];
}
static inline struct name name_of(uint32_t id) {
    return (struct name){id, id ? w.shadow[id].serial : 0};
}
static inline bool is_same(struct name name) {
    return name.id && w.shadow[name.id].serial == name.serial && w.shadow[name.id].state != ABSENT;
}
static inline bool is_alive(struct name name) {
    return is_same(name) && w.shadow[name.id].state == ALIVE;
}

// Changes to the shadow graph.
void shadow_link(uint32_t from, int slot, uint32_t to);
void shadow_handle(uint32_t id, int change);
// An entry of a weak map gets another value. It is there already.
void shadow_entry(struct entry *entry, uint32_t value);
// The entry of [key] in [map]; NULL if there is none.
struct entry *entry_of(uint32_t map, uint32_t key);
// All objects are in heap [into] from now on.
void shadow_merge(int into);
static inline void shadow_changed(void) {
    w.searched = false;
}

bool is_reachable(uint32_t id);
// Nothing that [id] reaches is destroyed.
void check_whole(uint32_t id);
// Whether one of [from]'s slots, its owner aside, holds [to].
bool holds(uint32_t from, uint32_t to);
static inline struct kind *kind_of(uint32_t id) {
    return &w.kind[w.shadow[id].kind];
}
static inline void *address(uint32_t id, int slot) {
    const struct shadow *s = &w.shadow[id];
    return slot_address(kind_of(id), s->object, slot, s->layout, s->pos);
}
// The object behind [id] is what it should be.
void check_body(uint32_t id);
// All that is reachable is as the shadow graph has it, and nothing reachable is dead.
void check_reachable(void);
// After a quiet collection: nothing else is there, and all counts agree.
void check_quiet(void);

#endif
