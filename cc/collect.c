// SPDX-License-Identifier: MIT
// The state machine: one slice works through whatever is to do until its time is over.
//
//   S1  Between slices the program may do anything; all that a phase keeps until its next slice is in struct cc.
//   S2  Nothing is done to an object before the verdict is final (DESTROY), so until then a collection can be called off:
//       its objects leave the graph, and those that were suspects are suspects again.
//   S3  In a slice, nested calls return at once. Objects that die because of what callbacks do join the dead list, which comes
//       first in each slice.
#include "cc/graph.h"
#include "cc/pauses.h"

#include <time.h>

uint64_t cc_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

enum { UNITS = 512 }; // between two looks at the clock: some microseconds

void cc_budget_check(struct cc_budget *budget) {
    budget->units = UNITS;
    if (budget->deadline == UINT64_MAX)
        return;
    budget->looked = cc_now();
    budget->over = budget->looked >= budget->deadline;
}

// The clock is read after each callback of a slice, so that no more than one can carry it past its end.
void cc_called(struct rc_heap *heap, const struct rc__header *h, const char *call) {
    assert(rc__is_object(h) && call);
    struct cc_budget *budget = heap->cc.budget;
    assert(budget != NULL);
    if (budget->deadline == UINT64_MAX)
        return;
    uint64_t before = budget->looked;
    cc_budget_check(budget);
    if (!budget->over || !budget->deadline || before >= budget->deadline)
        return;
    uint64_t late = budget->looked - budget->deadline;
    if (late > (budget->deadline - heap->cc.slice_start) / 8)
        cc_pauses_late(heap, h, call, budget->looked - before);
}

static void enter_phase(struct rc_heap *heap, enum rc_phase phase) {
    assert(phase < RC_PHASE_COUNT && rc__is_mine(heap));
    struct cc *cc = &heap->cc;
    cc->phase = phase;
    cc->step = 0;
    cc->cursor = 0;
    cc->hot = cc->cold = cc->alive = cc->flood_edge = cc->source = cc->piece_node = CC_NONE;
    cc->piece_slot = 0;
}

// The phase is at its end.
static void go_on(struct rc_heap *heap, enum rc_phase phase) {
    assert(phase > heap->cc.phase); // the drawing in cc.h
    cc_check(heap);
    enter_phase(heap, phase);
}

static size_t bytes_of_graph(const struct cc *cc) {
    return cc->nodes.chunks * CC_NODE_BYTES + cc->edges.chunks * CC_EDGE_BYTES;
}

// The graph's memory, for the statistics, and back.
void cc_graph_reset(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    struct cc *cc = &heap->cc;
    size_t bytes = bytes_of_graph(cc);
    if (bytes > heap->stats.graph_bytes_max)
        heap->stats.graph_bytes_max = bytes;
    cc->node_count = cc->edge_count = 0;
    cc->white_count = 0;
}

// How many chunks are kept for the next collection: one, and in a large heap some more, by its size. The first touch of new
// memory costs more than what is done with it afterwards, and sometimes milliseconds (rc/large.c).
static size_t chunks_kept(const struct rc_heap *heap, size_t chunk_bytes) {
    return 1 + heap->bytes / 128 / chunk_bytes;
}

static bool is_shrunk(const struct rc_heap *heap) {
    return heap->cc.nodes.chunks <= chunks_kept(heap, CC_NODE_BYTES) &&
           heap->cc.edges.chunks <= chunks_kept(heap, CC_EDGE_BYTES);
}

// Gives back what is not kept, a chunk at a time, and looks at the clock.
static bool shrink(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.phase == RC_PHASE_IDLE);
    struct cc *cc = &heap->cc;
    while (!is_shrunk(heap)) {
        if (cc->nodes.chunks > chunks_kept(heap, CC_NODE_BYTES))
            cc_memory_shrink(heap, &cc->nodes, CC_NODE_BYTES);
        else
            cc_memory_shrink(heap, &cc->edges, CC_EDGE_BYTES);
        if (!cc_spend(budget, UNITS))
            return false;
    }
    return true;
}

static void begin(struct rc_heap *heap) {
    assert(heap->suspect_count <= heap->reserved);
    assert(heap->cc.phase == RC_PHASE_IDLE && rc__is_mine(heap));
    struct cc *cc = &heap->cc;
    cc_graph_reset(heap);
    cc->node_room = cc->nodes.chunks * (size_t)CC_NODES;
    cc->edge_room = cc->edges.chunks * (size_t)CC_EDGES;
    cc->out_of_memory = cc->called_off = cc->pardoned = cc->any_finalize = cc->any_destroy = cc->any_open = false;
    cc->any_alive = cc->all_white = cc->in_doubt = false;
    cc->outside = 0;
    cc->undisturbed = cc->plain = true;
    cc->island_count = 0;
    cc->inbox_only = false;
    cc->reclaimed_before = heap->stats.reclaimed_collect;
    cc->pardoned_before = heap->stats.pardoned;
    rc__weak_round(heap);
    rc__bell_silence(heap);
    enter_phase(heap, RC_PHASE_INBOX);
}

static void begin_inbox(struct rc_heap *heap) {
    assert(rc__bell(heap));
    begin(heap);
    heap->cc.inbox_only = true;
}

// The collection is over, and its graph is still there: pacing and statistics learn from it.
static void report(struct rc_heap *heap) {
    assert(heap->cc.phase != RC_PHASE_IDLE);
    struct cc *cc = &heap->cc;
    size_t reclaimed = (size_t)(heap->stats.reclaimed_collect - cc->reclaimed_before);
    bool finalized = cc->phase == RC_PHASE_FINALIZE && !cc->called_off;
    size_t bytes = cc_pace_bytes(heap);
    ptrdiff_t gave = (ptrdiff_t)(cc->gave + cc->slice_bytes - bytes);
    struct cc_pace_result result = {.now = cc_now(),
                                    .nodes = cc->node_count + cc->island_count,
                                    .garbage = finalized ? cc->white_count : reclaimed,
                                    .bytes = bytes,
                                    .gave = gave > 0 ? (size_t)gave : 0,
                                    .called_off = cc->called_off,
                                    .finalized = finalized,
                                    .pardoned = heap->stats.pardoned != cc->pardoned_before};
    cc_pauses_garbage(heap, (uint32_t)reclaimed, cc->pace.roots_since, result.now);
    cc_pace_ended(&cc->pace, &result);
}

static void end(struct rc_heap *heap) {
    assert(heap->cc.inbox_only || heap->cc.called_off || heap->cc.phase >= RC_PHASE_FINALIZE);
    if (!heap->cc.inbox_only)
        report(heap);
    cc_graph_reset(heap);
    enter_phase(heap, RC_PHASE_IDLE);
    if (heap->cc.inbox_only)
        return;
    if (heap->cc.called_off)
        heap->stats.called_off++;
    else
        heap->stats.collections++;
}

// S2: all that the collection has to do from now on is to take the graph down. It has silenced the bell, and perhaps not looked
// through all of the inbox yet.
static void call_off(struct rc_heap *heap) {
    assert(!heap->cc.called_off && !heap->cc.committed);
    assert(heap->cc.phase != RC_PHASE_IDLE && heap->cc.phase < RC_PHASE_DESTROY); // S2
    if (heap->cc.phase == RC_PHASE_INBOX)
        rc__bell_strike(heap);
    enter_phase(heap, heap->cc.phase);
    heap->cc.called_off = true;
}

// One phase further, or as far as the budget goes. false: the slice is over.
static bool advance(struct rc_heap *heap, struct cc_budget *budget) {
    assert((heap->reaping || heap->cc.called_off) && rc__is_mine(heap));
    assert(heap->cc.phase != RC_PHASE_IDLE);
    cc_check_state(heap);
    struct cc *cc = &heap->cc;
    if (cc->called_off) {
        if (!cc_retire_all(heap, budget))
            return false;
        end(heap);
        return !budget->over;
    }
    switch (cc->phase) {
    case RC_PHASE_INBOX:
        while (rc__drain(heap, &cc->cursor, 32))
            if (!cc_spend(budget, 32))
                return false;
        if (cc->inbox_only) {
            end(heap);
            break;
        }
        cc->gave = 0;
        cc->slice_bytes = cc_pace_bytes(heap);
        cc_pace_began(&cc->pace, cc->slice_start, cc->slice_bytes, cc_roots_waiting(heap),
                      cc->young_only ? 0 : heap->old_count, cc->young_only ? heap->old_count : 0);
        go_on(heap, RC_PHASE_ROOTS);
        cc_islands_begin(cc);
        cc->roots_left = 2 * cc_roots_waiting(heap); // the program may add some; it cannot keep this phase busy for ever
        break;
    case RC_PHASE_ROOTS:
        if (!cc_roots(heap, budget))
            return false;
        go_on(heap, RC_PHASE_BUILD);
        cc->roots = cc->node_count;
        cc->root = 0;
        cc->hints = 32;
        break;
    case RC_PHASE_BUILD:
        if (!cc_build(heap, budget))
            return false;
        heap->stats.nodes += cc->node_count;
        go_on(heap, RC_PHASE_SCAN);
        break;
    case RC_PHASE_SCAN:
        if (!cc_scan(heap, budget))
            return false;
        go_on(heap, RC_PHASE_VALIDATE);
        break;
    case RC_PHASE_VALIDATE:
        if (!cc_validate(heap, budget))
            return false;
        go_on(heap, cc->any_finalize ? RC_PHASE_FINALIZE : RC_PHASE_DESTROY);
        break;
    case RC_PHASE_FINALIZE:
        if (cc->step == 0) {
            if (!cc_finalize(heap, budget))
                return false;
            cc->step = 1;
            cc->cursor = 0;
        }
        if (!cc_retire_all(heap, budget))
            return false;
        end(heap);
        break;
    case RC_PHASE_DESTROY:
        if (!cc_destroy(heap, budget))
            return false;
        go_on(heap, RC_PHASE_FREE);
        break;
    default: // RC_PHASE_FREE
        if (!cc_free(heap, budget))
            return false;
        end(heap);
    }
    return !budget->over;
}

static bool has_work(struct rc_heap *heap, enum cc_begin may_begin) {
    assert(heap->cc.phase == RC_PHASE_IDLE);
    return heap->suspect_count > (may_begin == CC_BEGIN_YOUNG ? heap->old_count : 0) || rc__bell(heap);
}

// Objects that counting found dead come first. false: the slice is over.
static bool reap(struct rc_heap *heap, struct cc_budget *budget) {
    assert(!heap->reaping && rc__is_mine(heap));
    while (heap->dead || heap->clearing || heap->notices || heap->rubbish) {
        if (heap->clearing || heap->notices || (heap->dead && !rc__class(heap->dead)->plain))
            heap->cc.undisturbed = false; // a callback may run: that of something an island held, say
        // A piece of a large object, or of the memory of one, costs as much as many objects.
        bool piece = heap->clearing || !heap->dead || !rc__class(heap->dead)->small;
        rc__reap(heap, 1);
        if (!cc_spend(budget, piece || heap->clearing ? UNITS : 16))
            return false;
    }
    return true;
}

// Works until the budget is spent or nothing is left to do. [whole]: begins a collection in any case, and no more than 64,
// so that finalizers which keep making garbage cannot hold it for ever. false: a collection was called off.
static bool work(struct rc_heap *heap, struct cc_budget *budget, enum cc_begin may_begin) {
    assert(rc__is_mine(heap) && budget == heap->cc.budget);
    assert(heap->cc.busy);
    enum { ROUNDS = 64 };
    struct cc *cc = &heap->cc;
    bool whole = budget->deadline == UINT64_MAX;
    int rounds = may_begin == CC_BEGIN_ANY ? ROUNDS : may_begin != CC_BEGIN_NONE;
    for (int begun = 0; reap(heap, budget);) {
        if (cc->phase == RC_PHASE_IDLE) {
            if (begun < rounds && (has_work(heap, may_begin) || (whole && begun == 0))) {
                begin(heap);
                cc->young_only = may_begin == CC_BEGIN_YOUNG;
                begun++;
            } else if (rounds < ROUNDS && rc__bell(heap)) {
                begin_inbox(heap);
            } else {
                shrink(heap, budget);
                break;
            }
        }
        heap->reaping = true; // S3
        bool goes_on = advance(heap, budget);
        heap->reaping = false;
        if (cc->out_of_memory && !cc->called_off) {
            call_off(heap);
            while (whole && cc->phase != RC_PHASE_IDLE)
                advance(heap, budget);
            return false;
        }
        if (!goes_on)
            break;
    }
    return true;
}

void cc_init(struct rc_heap *heap) {
    heap->cc.piece_node = CC_NONE; // or each change of a container would ask whether it is the one (rc__moving)
    cc_pace_init(&heap->cc.pace, cc_now());
}

bool cc_is_free(const struct rc_heap *heap) {
    return !heap->cc.busy && !heap->reaping && !rc__tracing; // reaping: as it is at its end
}

enum rc_step cc_slice(struct rc_heap *heap, uint64_t budget_ns, enum cc_begin may_begin) {
    assert(rc__is_mine(heap));
    struct cc *cc = &heap->cc;
    if (!cc_is_free(heap))
        return RC_STEP_IDLE;
    uint64_t start = cc_now();
    uint64_t deadline = budget_ns && budget_ns < UINT64_MAX - start ? start + budget_ns : budget_ns;
    struct cc_budget budget = {.deadline = deadline, .looked = start, .units = UNITS};
    cc->slice_start = start;
    cc->slice_bytes = cc_pace_bytes(heap);
    cc->budget = &budget;
    cc->busy = true;
    bool ok = work(heap, &budget, may_begin);
    cc->busy = false;
    cc->budget = NULL;
    cc->undisturbed = false;
    cc->gave += cc->slice_bytes - cc_pace_bytes(heap);
    uint64_t end = cc_now();
    heap->stats.slices++;
    if (end - start > heap->stats.slice_ns_max[cc->phase])
        heap->stats.slice_ns_max[cc->phase] = end - start;
    cc_pauses_slice(heap, end - start, budget_ns);
    cc_pace_sliced(&cc->pace, start, end);
    if (!ok)
        return RC_STEP_OUT_OF_MEMORY;
    return cc_pending(heap) ? RC_STEP_MORE : RC_STEP_IDLE;
}

size_t cc_pending(const struct rc_heap *heap) {
    assert(heap->suspect_count <= heap->reserved);
    const struct cc *cc = &heap->cc;
    size_t n = heap->dead_count + (heap->clearing != NULL) + (heap->notices != NULL) + (heap->rubbish != NULL) +
               heap->suspect_count;
    if (cc->phase != RC_PHASE_IDLE)
        n += cc->node_count + 1;
    return n + rc__bell(heap) + !is_shrunk(heap);
}

void cc_settle(struct rc_heap *heap) {
    assert(heap->cc.busy || heap->reaping || !heap->cc.budget);
    assert(rc__is_mine(heap));
    struct cc *cc = &heap->cc;
    struct cc_budget budget = {.deadline = UINT64_MAX, .units = UNITS};
    bool reaping = heap->reaping;
    if (cc->phase != RC_PHASE_IDLE && cc->phase < RC_PHASE_DESTROY && !cc->called_off)
        call_off(heap);
    heap->reaping = true; // S3
    while (cc->phase != RC_PHASE_IDLE)
        advance(heap, &budget);
    heap->reaping = reaping;
    assert(cc->phase == RC_PHASE_IDLE);
    rc__weak_round(heap); // nothing is condemned any more
}

size_t cc_trim(struct rc_heap *heap, size_t most) {
    assert(!heap->cc.budget && rc__is_mine(heap));
    struct cc *cc = &heap->cc;
    size_t before = bytes_of_graph(cc);
    while (cc->phase == RC_PHASE_IDLE && bytes_of_graph(cc) && before - bytes_of_graph(cc) < most)
        if (cc->nodes.chunks)
            cc_memory_shrink(heap, &cc->nodes, CC_NODE_BYTES);
        else
            cc_memory_shrink(heap, &cc->edges, CC_EDGE_BYTES);
    return before - bytes_of_graph(cc);
}

void cc_abandon(struct rc_heap *heap) {
    assert(!heap->cc.budget);
    assert(rc__is_mine(heap));
    struct cc *cc = &heap->cc;
    struct cc_budget budget = {.deadline = UINT64_MAX, .units = UNITS};
    heap->reaping = true;
    while (cc->phase == RC_PHASE_DESTROY || cc->phase == RC_PHASE_FREE)
        advance(heap, &budget); // the set is no graph any more: to the end with it
    heap->reaping = false;
    rc__reap(heap, SIZE_MAX);
    rc__weak_round(heap);
    cc_graph_reset(heap);
    enter_phase(heap, RC_PHASE_IDLE);
    cc_trim(heap, SIZE_MAX);
    rc__chunks_free(heap, &cc->nodes, 0, CC_NODE_BYTES); // the tables, if there was memory for them only
    rc__chunks_free(heap, &cc->edges, 0, CC_EDGE_BYTES);
    cc_pauses_free(heap);
}

size_t rc_collect(void) {
    struct rc_heap *heap = rc__enter_default("rc_collect");
    if (!heap)
        return 0;
    uint64_t before = heap->stats.reclaimed_count + heap->stats.reclaimed_collect;
    if (cc_slice(heap, UINT64_MAX, CC_BEGIN_ANY) == RC_STEP_OUT_OF_MEMORY)
        errno = ENOMEM;
    return (size_t)(heap->stats.reclaimed_count + heap->stats.reclaimed_collect - before);
}

enum rc_step rc_collect_step(uint64_t budget_ns) {
    struct rc_heap *heap = rc__enter_default("rc_collect_step");
    if (!heap)
        return RC_STEP_IDLE;
    return cc_slice(heap, budget_ns < UINT64_MAX ? budget_ns : UINT64_MAX - 1, CC_BEGIN_ANY);
}

size_t rc_collect_pending(void) {
    struct rc_heap *heap = rc__enter_default("rc_collect_pending");
    return heap ? cc_pending(heap) : 0;
}

void rc_collect_cancel(void) {
    struct rc_heap *heap = rc__enter_default("rc_collect_cancel");
    if (!heap || heap->cc.busy || heap->cc.phase == RC_PHASE_IDLE || heap->cc.phase >= RC_PHASE_DESTROY ||
        heap->cc.called_off || heap->cc.inbox_only)
        return;
    if (heap->cc.phase == RC_PHASE_INBOX) { // it has answered the bell: the inbox is looked through to its end
        heap->cc.inbox_only = true;
        heap->stats.called_off++;
        cc_pace_hold(&heap->cc.pace, cc_now());
    } else {
        call_off(heap);
    }
}

enum rc_phase rc_collect_phase(void) {
    struct rc_heap *heap = rc__enter_default("rc_collect_phase");
    return heap ? heap->cc.phase : RC_PHASE_IDLE;
}

const char *rc_phase_name(enum rc_phase phase) {
    static const char *const names[RC_PHASE_COUNT] = {"idle", "inbox",    "roots",   "build", "scan",
                                                      "validate", "finalize", "destroy", "free"};
    return (size_t)phase < RC_PHASE_COUNT ? names[phase] : "unknown";
}

void rc_stats(struct rc_stats *stats) {
    if (!stats) {
        rc__fault(RC_FAULT_NULL, "rc_stats", NULL, "there is nowhere to put the figures");
        return;
    }
    *stats = (struct rc_stats){0};
    struct rc_heap *heap = rc__enter_default("rc_stats");
    if (!heap)
        return;
    *stats = heap->stats;
    stats->objects = heap->objects;
    stats->bytes = heap->bytes;
    stats->memory = rc__memory_of(heap);
    size_t limit = rc__word_load(&heap->limit);
    stats->limit = limit == SIZE_MAX ? 0 : limit;
    stats->allocated = heap->objects + stats->reclaimed_count + stats->reclaimed_collect;
    stats->suspects = heap->suspect_count;
    stats->inbox = rc__inbox_count(heap);
    stats->dead = heap->dead_count + (heap->clearing != NULL);
}
