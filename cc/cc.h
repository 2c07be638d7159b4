// SPDX-License-Identifier: MIT
// The collector's door: all that rc/ knows of cc/.
//
// A collection is a state machine (struct cc, one in each heap):
//
//     IDLE -> INBOX -> ROOTS -> BUILD -> SCAN -> VALIDATE -> DESTROY -> FREE -> IDLE
//                                                   |
//                                                   +-> FINALIZE -> IDLE, with the white set suspect once more
//
// collect.c drives it, roots.c does ROOTS, island.c what can be done at once in it, build.c and hints.c BUILD, scan.c SCAN,
// validate.c VALIDATE, reclaim.c the rest; graph.h says what the graph is. What makes it sound (R: rules that each file
// names where it keeps them):
//
//   R1  Whatever takes a reference away from an object and leaves it alive without a handle makes it a suspect. (The exception
//       is an object not in the graph that loses its last handle while something else is known to lead to it: suspect.c. What
//       led to it before it got the handle still does, unless it has lost a link since then, or the handle was what proved
//       something else alive. LED says so.)
//   R2  A suspect that has a handle when it is looked at is dropped, and is no longer LED: so the handle's release will make it
//       a suspect again.
//   R3  A release never fails: room for each object in the suspect buffer and in the inbox is there from its birth. A
//       foreign thread puts an object into the inbox while it still holds its handle; the object's memory stays as long
//       as it is in the inbox or in the graph.
//   R4  An object's links are recorded, and its SUSPECT mark cleared, once a collection: when it is discovered, before the
//       first edge into it is recorded.
//   R5  From its discovery on, every change of the references to an object leaves a mark on it: SUSPECT (a link made, a
//       reference lost or moved), or a handle that can be seen (handles, shared), or QUEUED.
//   R6  A white object without a mark is garbage. One with a mark is pardoned with all that it reaches.
//   R7  A mark that is cleared when an edge leads to its object (R4) was made after tracing began, so a verdict may rest on
//       edges that are older than the mark: such an object (LATE) becomes a suspect again when it is found alive.
//   R8  An upgrade of a weak reference to a condemned (validated white) object pardons it; from the commit on, which is one
//       step under the lock that upgrades take, upgrades give NULL.
//   R9  A container that changes while it is traced in pieces is marked, and no more of it is traced.
#ifndef CC_CC_H
#define CC_CC_H

#include "cc/pace.h"
#include "rc/chunks.h"

#include <refcyc/collect.h>

struct rc_heap;
struct rc_weak;
struct rc__header;

#define CC_NONE UINT32_MAX

struct cc {
    enum rc_phase phase;
    bool busy;                 // a slice is running: nested calls return at once
    bool out_of_memory;        // the graph could not grow
    bool in_doubt;             // slots and links were found to disagree: so nothing is LED because of this collection
    bool called_off;           // its objects are leaving the graph, and that is all
    struct rc__chunks nodes, edges;
    uint32_t node_count, edge_count;
    size_t node_room, edge_room; // for how many there is memory
    uint32_t roots, root;      // nodes [root, roots) are suspects to be traced
    uint32_t hot, cold;        // BUILD: stacks of nodes to be traced, the promising ones and the others
    uint32_t alive;            // stack of nodes found alive, from which that is to spread
    uint32_t flood_edge;       // the edge at which spreading goes on; CC_NONE: it goes on with the next node
    struct rc__header *flood_from; // whose edge that is
    uint32_t source;           // BUILD: the node whose edges were recorded last, or CC_NONE
    uint32_t cursor;           // the node or inbox entry where a pass goes on
    uint32_t piece_node;       // BUILD: the node that is traced in pieces, or CC_NONE
    size_t piece_slot;         // and how many slots of the object that is treated in pieces are done
    uint32_t white_count;
    uint32_t kept;             // ROOTS: the first so many nodes have been explored and are for BUILD
    int32_t credit;            // objects that may still be explored in vain
    uint32_t island_count;     // objects that this collection has freed as islands
    uint32_t climbed;          // steps up owner chains that are yet to be accounted for
    unsigned hints;            // BUILD: how often this collection may still learn (hints.c)
    int step;                  // within a phase: which pass
    bool undisturbed;          // no program code has run since the first node was made: no object has changed
    bool plain;                // all objects are of plain classes and without weak references: see cc_is_calm (graph.h)
    bool any_alive;            // some node is, or was, ALIVE
    bool all_white;            // all nodes are WHITE, though they do not say so
    uint64_t outside;          // sum of all nodes' ext, as long as none is ALIVE or BOTH
    bool pardoned;             // VALIDATE: some white object was pardoned
    bool any_finalize, any_destroy, any_open; // white objects that await a finalizer, have a destructor, or may lead outside
    size_t roots_left;         // ROOTS: suspects still to be looked at
    // Weak references: `round` names this collection in the blocks it condemned. The rest is under the door's lock.
    uint32_t round;
    bool committed;
    struct rc_weak *pardons;   // condemned and upgraded since
    bool inbox_only;           // INBOX: the inbox is all that is looked at
    bool young_only;           // ROOTS: old suspects stay where they are
    uint64_t slice_start;      // of the slice under way
    size_t slice_bytes, gave;  // as growth is told: when it began; and so much less by the slices before, modulo the range
    struct cc_budget *budget;  // of the slice under way, or NULL
    uint64_t reclaimed_before, pardoned_before; // of the statistics, when this collection began
    uint32_t share, share_end; // rc_collect_heaps: nodes [share, share_end) of all heaps' graph are this one's objects
    struct cc_pace pace;
    struct cc_pauses *pauses;  // NULL: nothing is recorded
};

// Whether a slice may begin a collection.
enum cc_begin {
    CC_BEGIN_NONE,  // no; but the inbox is looked through
    CC_BEGIN_YOUNG, // one, which does not look at old suspects
    CC_BEGIN_ONE,
    CC_BEGIN_ANY    // as many as there is something to do for
};

// R1: [h] lost a link, or may have, and is alive without a handle.
void cc_suspect(struct rc_heap *heap, struct rc__header *h);
// R1: it lost its last handle.
void cc_let_go(struct rc_heap *heap, struct rc__header *h);
// A suspect dies: it leaves the buffer. [h] is SUSPECT and not in the graph.
void cc_unsuspect(struct rc_heap *heap, struct rc__header *h);
// [h], which is in the graph, has died by count.
void cc_died(struct rc_heap *heap, struct rc__header *h);
// R9: the slots of [h] are about to move.
void cc_changed(struct rc_heap *heap, struct rc__header *h);
// One slice of whatever is to do, for [budget_ns] nanoseconds (0: one unit; UINT64_MAX: no end). Returns as rc_collect_step.
enum rc_step cc_slice(struct rc_heap *heap, uint64_t budget_ns, enum cc_begin may_begin);
// A new heap's collector.
void cc_init(struct rc_heap *heap);
// Whether a slice can be run now: not from a callback, and not at a heap's end.
bool cc_is_free(const struct rc_heap *heap);
// The callback [call] of [h]'s type has run in a slice: the clock is read.
void cc_called(struct rc_heap *heap, const struct rc__header *h, const char *call);
// The table of [type], of which there is no object, goes away: pause statistics do not name it any more.
void cc_pauses_forget(struct rc_heap *heap, const struct rc_type *type);
// As rc_collect_pending.
size_t cc_pending(const struct rc_heap *heap);
// Ends the collection under way, if any: to its end if its verdict is final (destructors run then), else by calling it off.
void cc_settle(struct rc_heap *heap);
// For inspection. [h] is in a garbage set whose verdict is final: it is as good as dead, although its class may not say so yet.
bool cc_is_garbage(const struct rc_heap *heap, const struct rc__header *h);
// And its slots are not to be read any more: cleared, or leading to what is freed.
bool cc_is_cleared(const struct rc_heap *heap, const struct rc__header *h);
// Whether the marks and the place of [h] are as the collector keeps them (G1, and the buffer's order): NULL, or what is wrong.
const char *cc_defect(const struct rc_heap *heap, const struct rc__header *h);
// Gives back about [most] bytes of the graph's memory that is kept for the next collection. Returns how many.
size_t cc_trim(struct rc_heap *heap, size_t most);
// Makes the collection under way forget its graph at once. For rc_heap_free; no phase may follow that needs it.
void cc_abandon(struct rc_heap *heap);

#endif
