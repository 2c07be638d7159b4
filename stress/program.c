// SPDX-License-Identifier: MIT
// The interpreter. An operation is
//
//     | code | units | hand | path | hand | path | slot | extra |
//
// and an operation that the rules forbid at that point does nothing. After it, up to seven units of collection are
// done: that is what puts the collector's every step between any two operations. (They are the lowest bits of `units`, if the
// highest is set; bit 6 says in which order an owner loses an object.)
#include "program.h"

#include "calls.h"
#include "checked.h"
#include "containers.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUEL = 16, LATE = 64 };

struct op {
    uint8_t code, units, hand, path, hand2, path2, slot, extra;
};

// A slot of [id], or -1 if it has none.
static int slot_of(uint32_t id, unsigned which) {
    int links = id && !shadow(id)->hollow ? kind_of(id)->links : 0;
    return links ? (int)which % links : -1;
}

static unsigned free_hand(unsigned which) {
    int hand = hand_free(which);
    if (hand < HANDS)
        return (unsigned)hand;
    call_release(which % HANDS); // room for it
    hand = hand_free(which);
    return hand < HANDS ? (unsigned)hand : which % HANDS;
}

static void to_phase(enum rc_phase phase) {
    for (int i = 0; i < 20000 && rc_collect_phase() != phase; i++)
        if (call_step(0) != RC_STEP_MORE)
            break;
}

static void release_all(void) {
    for (unsigned i = 0; i < HANDS; i++)
        if (w.hand[i])
            call_release(i);
}

// One round of collecting in each heap. Returns whether memory was there for it.
static bool collect_everywhere(bool by_units) {
    bool whole = !w.across || call_collect_heaps(by_units);
    for (int heap = w.heaps - 1; heap >= 0; heap--) {
        call_switch(heap);
        if (!by_units)
            whole &= call_collect();
        enum rc_step step = by_units ? RC_STEP_MORE : RC_STEP_IDLE;
        for (uint64_t i = 0; step == RC_STEP_MORE; i++) {
            step = call_step(i & 1 ? 0 : 1);
            if (i == 10000000)
                fail("quiet", "no end of steps");
        }
        whole &= step != RC_STEP_OUT_OF_MEMORY;
    }
    return whole;
}

static size_t pending_everywhere(void) {
    size_t pending = 0;
    for (int heap = 0; heap < w.heaps; heap++) {
        call_switch(heap);
        pending += rc_collect_pending();
    }
    return pending;
}

// Collects until nothing is pending anywhere, and looks whether that is true.
static void quiet(bool by_units) {
    int here = w.here;
    bool whole;
    int round = 0;
    do {
        whole = collect_everywhere(by_units);
        if (++round == 1000)
            fail("quiet", "still not quiet after 1000 collections");
    } while (whole && pending_everywhere());
    call_switch(here);
    if (!whole)
        return;
    say("nothing is pending");
    check_quiet();
}

// rc_collect promises that all garbage is gone when it returns.
static void collect_and_check(void) {
    if (!call_collect() || w.broken || w.heaps > 1)
        return;
    if (!rc_collect_pending())
        check_quiet();
}

// So does rc_collect_heaps, of all heaps together.
static void collect_heaps_and_check(bool from_outside) {
    if (!call_collect_heaps(from_outside) || w.broken)
        return;
    int here = w.here;
    bool is_quiet = !pending_everywhere();
    call_switch(here);
    if (is_quiet)
        check_quiet();
}

// [n] objects in a ring, with a link across now and then; one hand holds them.
static void ring(const struct op *op) {
    uint64_t random = op->extra;
    unsigned n = (2 + op->slot % 6) * (w.limit >= 1000 ? 40 : 1), first = free_hand(op->hand);
    if (!call_new(first, op->path % w.kinds, op->path2))
        return;
    struct name start = name_of(w.hand[first]), last = start;
    for (unsigned i = 1; i < n; i++) {
        unsigned hand = free_hand(op->hand2);
        if (w.hand[hand] || !is_alive(last) || !is_reachable(last.id) || !is_alive(start))
            return;
        if (!call_new(hand, (op->path + i * op->hand2) % w.kinds, op->path2))
            break;
        struct name made = name_of(w.hand[hand]);
        bool linked =
            kind_of(last.id)->links && call_set(last.id, slot_of(last.id, random_below(&random, 64)), made.id);
        if (linked && kind_of(made.id)->links && is_alive(last) && is_alive(start))
            call_set(made.id, slot_of(made.id, random_below(&random, 64)),
                     random_below(&random, 3) ? last.id : start.id);
        call_release(hand);
        if (!linked || !is_alive(made) || !is_reachable(made.id) || !kind_of(made.id)->links)
            break;
        last = made;
    }
    if (w.hand[first] == start.id && is_alive(start) && is_alive(last) && is_reachable(last.id) &&
        kind_of(last.id)->links)
        call_set(last.id, slot_of(last.id, random_below(&random, 64)), start.id);
}

static void outside(const struct op *op) {
    call_leave();
    say("outside of the heap:");
    unsigned hand = free_hand(op->hand);
    switch (op->slot % 3) {
    case 0: {
        int from = hand_used(op->hand2);
        if (from < HANDS && !w.hand[hand])
            call_retain(hand, w.hand[from]);
        break;
    }
    case 1: {
        int from = hand_used(op->hand2);
        if (from < HANDS)
            call_release((unsigned)from);
        break;
    }
    default:
        call_weak_get(op->extra % WEAKS, hand);
        break;
    }
    w.lazy = true;
    call_enter();
    say("inside of it again");
}

static void rare(const struct op *op) {
    switch (op->extra % 64) {
    case 0:
        call_spill(walk(op->hand, op->path));
        break;
    case 1:
        call_immortal(walk_here(op->hand, op->path));
        break;
    case 2:
        quiet(true);
        break;
    default: { // all, or some
        size_t most = op->extra % 4 ? SIZE_MAX : op->extra * 1024u;
        say("rc_trim(%zu)", most);
        rc_trim(most);
        break;
    }
    }
}

static void weak_op(const struct op *op) {
    unsigned hand = free_hand(op->hand2);
    uint32_t id = walk_here(op->hand, op->path);
    int slot = id && kind_of(id)->weak_count ? op->slot % kind_of(id)->weak_count : 0;
    switch (op->code) {
    case OP_WEAK_NEW:
        call_weak_release(op->extra % WEAKS);
        call_weak_new(op->extra % WEAKS, walk(op->hand, op->path));
        break;
    case OP_WEAK_GET:
        call_weak_get(op->extra % WEAKS, hand);
        break;
    case OP_WEAK_RELEASE:
        call_weak_release(op->extra % WEAKS);
        break;
    case OP_WEAK_SET:
        call_weak_set(id, slot, op->extra & 1 ? 0 : walk(op->hand2, op->path2));
        break;
    case OP_WEAK_SLOT:
        call_weak_slot_get(id, slot, hand);
        break;
    default:
        call_notify(op->extra % WEAKS);
        break;
    }
}

static void slot_op(const struct op *op) {
    uint32_t a = walk_here(op->hand, op->path), b = walk_here(op->hand2, op->path2);
    int i = slot_of(a, op->slot), j = slot_of(b, op->extra);
    if (i < 0)
        return;
    switch (op->code) {
    case OP_SET:
        call_set(a, i, walk(op->hand2, op->path2));
        break;
    case OP_CLEAR:
        call_set(a, i, 0);
        break;
    case OP_GIVE: {
        int hand = hand_used(op->hand2);
        if (hand < HANDS)
            call_give(a, i, (unsigned)hand);
        break;
    }
    case OP_TAKE: {
        struct name name = name_of(a);
        unsigned hand = free_hand(op->hand2);
        if (is_alive(name) && is_reachable(a))
            call_take(a, i, hand);
        break;
    }
    case OP_MOVE:
        if (j >= 0)
            call_move(a, i, b, j);
        break;
    case OP_SWAP:
        if (j >= 0)
            call_swap(a, i, b, j);
        break;
    case OP_OWN:
        call_own(a, i, b);
        break;
    default:
        break;
    }
}

// As walk_here, but to a container, a weak map or not, if any hand leads to one.
static uint32_t walk_to_container(const struct op *op, bool weak) {
    for (unsigned i = 0; i < HANDS; i++) {
        uint32_t id = walk(op->hand + i, op->path);
        enum container container = id && is_here(id) ? kind_of(id)->container : NO_CONTAINER;
        if (container && weak == (container == WEAK_MAP))
            return id;
    }
    return 0;
}

static void container_op(const struct op *op) {
    unsigned hand = free_hand(op->hand2 / 2u);
    uint32_t id = walk_to_container(op, op->code == OP_ENTRY), other = walk_here(op->hand2, op->path2);
    if (op->code == OP_ENTRY)
        call_entry(id, other, walk_here(op->slot, op->path), hand, op->extra);
    else
        call_element(id, op->slot, other, op->slot / ROW, hand, op->extra);
}

static void step(const struct op *op) {
    if (w.timed && op->slot & 1) {
        call_step(op->extra * UINT64_C(200));
        return;
    }
    for (int i = op->extra % 16; i >= 0; i--)
        call_step(op->slot & 2 ? 1 : 0);
}

static void make(const struct op *op) {
    switch (op->code) {
    case OP_NEW:
        call_new(free_hand(op->hand), op->path % w.kinds, op->extra);
        break;
    case OP_RETAIN: {
        unsigned hand = free_hand(op->hand2);
        call_retain(hand, walk(op->hand, op->path));
        break;
    }
    case OP_RELEASE:
        call_release(op->hand % HANDS);
        break;
    case OP_STEP:
        step(op);
        break;
    case OP_PHASE:
        to_phase((enum rc_phase)(op->extra % RC_PHASE_COUNT));
        break;
    case OP_COLLECT:
        collect_and_check();
        break;
    case OP_CANCEL:
        say("rc_collect_cancel()");
        rc_collect_cancel();
        break;
    case OP_OUTSIDE:
        outside(op);
        break;
    case OP_SWITCH:
        call_switch(op->extra % w.heaps);
        break;
    case OP_KEEP:
        call_keep(walk_here(op->hand, op->path), op->extra % 4 ? 0 : walk_here(op->hand2, op->path2));
        break;
    case OP_RELAYOUT:
        call_relayout(walk_here(op->hand, op->path), op->extra);
        break;
    case OP_RING:
        ring(op);
        break;
    case OP_DROP:
        release_all();
        break;
    case OP_MERGE:
        call_merge(op->extra & 1, op->extra & 2);
        break;
    case OP_HEAPS:
        collect_heaps_and_check(op->extra & 1);
        break;
    case OP_CHECK:
        check_reachable();
        break;
    case OP_QUIET:
        quiet(op->extra & 1);
        break;
    case OP_RARE:
        rare(op);
        break;
    case OP_ELEMENT:
    case OP_ENTRY:
        if (w.contained)
            container_op(op);
        break;
    default:
        if (op->code >= OP_WEAK_NEW && op->code <= OP_NOTIFY)
            weak_op(op);
        else
            slot_op(op);
    }
}

static void on_fault(const struct rc_fault *fault) {
    char what[16];
    snprintf(what, sizeof what, "fault %d", fault->kind);
    fail(what, "%s", fault->message);
}

static void begin(const uint8_t *header, bool loud) {
    static const uint32_t limits[] = {4, 3, 6, 8, 12, 24, 64, 200, 1000, 8000};
    world_init();
    rc_set_fault_handler(on_fault);
    w.loud = loud;
    w.figures.programs++;
    w.limit = limits[header[0] % (sizeof limits / sizeof *limits)];
    w.heaps = header[1] & TWO_HEAPS ? 2 : 1;
    w.broken = header[1] & BROKEN_OWNERS;
    w.timed = header[1] & TIMED;
    w.lazy = header[1] & WITH_LIMIT;
    w.checked = header[1] & WITH_ALLOCATOR;
    w.starved = harness_fail_at != 0;
    w.held = SIZE_MAX;
    w.watched = w.silent = true;
    w.kinds = 1 + header[2] % KINDS;
    for (int i = 0; i < w.kinds; i++) {
        kind_make(w.kind, i, header + 8 + i * KIND_BYTES, header[1] & WIDE, header[4] & CONTAINERS);
        w.watched &= w.kind[i].destructors > 0;
        w.silent &= w.kind[i].destructors == 0;
        w.contained |= w.kind[i].container != NO_CONTAINER;
        if (loud)
            kind_print(w.kind, i);
    }
    w.across = w.heaps == 2 && header[1] & ACROSS;
    w.options = (struct rc_heap_options){.name = "stress",
                                         .allocator = w.checked ? &checked_allocator : NULL,
                                         .release_limit = header[1] & WITH_LIMIT ? 1 + header[3] % 4 : 0};
    say("options: release_limit %zu, %s memory, %d heaps%s%s", w.options.release_limit, w.checked ? "checked" : "paged",
        w.heaps, w.across ? ", with links from each to the other" : "", w.broken ? ", owners that lie" : "");
    for (int i = 0; i < w.heaps; i++)
        w.heap[i] = rc_heap_new(&w.options);
    if (!w.heap[0] || (w.heaps == 2 && !w.heap[1])) {
        for (int i = 0; i < w.heaps; i++)
            rc_heap_free(w.heap[i]);
        w.heap[0] = NULL;
        if (!w.starved)
            fail("heap", "no heap");
        return;
    }
    call_enter();
}

static void add_stats(void) {
    struct rc_stats stats;
    rc_stats(&stats);
    w.figures.slices += stats.slices;
    w.figures.by_count += stats.reclaimed_count;
    w.figures.by_collector += stats.reclaimed_collect;
    w.figures.collections += stats.collections;
    w.figures.called_off += stats.called_off;
    w.figures.pardoned += stats.pardoned;
}

static void end_heap(int heap) {
    say("rc_heap_free(heap %d)", heap);
    w.here = heap;
    w.ending = true;
    w.held = SIZE_MAX;
    size_t held = rc_heap_free(w.heap[heap]);
    for (int i = 0; i < HANDS; i++)
        if (w.hand[i] && shadow(w.hand[i])->heap == heap)
            w.hand[i] = 0; // void
    if (w.held == SIZE_MAX)
        for (uint32_t i = w.held = 0; i < w.listed; i++) {
            const struct shadow *s = shadow(w.list[i]);
            w.held += s->heap == heap && s->state == ALIVE && !s->immortal && (s->handles || s->outer_links);
        }
    if (held != w.held)
        fail("end", "rc_heap_free says that %zu objects were held, should be %zu", held, w.held);
    for (uint32_t i = 0; i < w.listed; i++) {
        const struct shadow *s = shadow(w.list[i]);
        if (s->heap == heap && s->destroyed != kind_of(w.list[i])->destructors)
            fail("end", "n%u is not destroyed with its heap", s->serial);
        if (s->heap == heap && s->state == ALIVE) {
            shadow_destroyed(w.list[i]);
            i = UINT32_MAX;
        }
    }
}

static void end_weak(void) {
    for (unsigned i = 0; i < WEAKS; i++)
        if (w.weak[i].ref && rc_weak_get(w.weak[i].ref))
            fail("weak", "a weak reference gives an object of a heap that is gone");
    for (int i = 0; i < NOTICES; i++)
        if (w.notice[i].used && !w.notice[i].called && w.notice[i].weak >= 0)
            fail("notice", "n%u is gone with its heap, and its notice was not called", w.notice[i].of.serial);
    for (unsigned i = 0; i < WEAKS; i++)
        rc_weak_release(w.weak[i].ref);
}

// A handle on an object of the first heap that one of the second keeps in a slot goes with the second, so that ends
// first.
static void end(bool at_once) {
    w.fuel = FUEL;
    harness_fail_at = 0; // memory is back
    w.starved = false;
    if (!at_once) {
        quiet(w.serial & 1);
        release_all();
        quiet(w.serial & 2);
    }
    if (w.across) // a slot of the one must not point into the other when that is gone
        call_merge(false, false);
    for (int heap = 0; heap < w.heaps; heap++) {
        call_switch(heap);
        add_stats();
    }
    call_leave();
    for (int heap = w.heaps - 1; heap >= 0; heap--)
        end_heap(heap);
    end_weak();
    if (w.checked) {
        checked_flush();
        if (checked_blocks())
            fail("memory", "%zu blocks of memory are left when all heaps are gone", checked_blocks());
    }
}

uint64_t program_run(const uint8_t *program, size_t size, bool loud) {
    if (size < HEADER_BYTES)
        return 0;
    uint64_t before = w.figures.ops;
    begin(program, loud);
    if (!w.heap[0])
        return 0;
    unsigned made = 0;
    for (size_t at = HEADER_BYTES; at + OP_BYTES <= size; at += OP_BYTES) {
        struct op op;
        memcpy(&op, program + at, sizeof op);
        op.code %= OPS;
        w.fuel = FUEL;
        w.late = op.units & LATE;
        note_phase();
        make(&op);
        for (int i = op.units >= 128 ? op.units % 8 : 0; i > 0; i--)
            call_step(0);
        if (++made % 64 == 0)
            check_reachable();
    }
    end(program[1] & END_AT_ONCE);
    return w.figures.ops - before;
}

// How often each operation comes, before a program changes that to its taste.
static const uint8_t weights[OPS] = {
    [OP_NEW] = 40,         [OP_RETAIN] = 20,  [OP_RELEASE] = 50,  [OP_SET] = 70,     [OP_CLEAR] = 30,
    [OP_GIVE] = 25,        [OP_TAKE] = 20,    [OP_MOVE] = 25,     [OP_SWAP] = 15,    [OP_STEP] = 30,
    [OP_PHASE] = 8,        [OP_COLLECT] = 1,  [OP_CANCEL] = 1,    [OP_WEAK_NEW] = 8, [OP_WEAK_GET] = 10,
    [OP_WEAK_RELEASE] = 2, [OP_WEAK_SET] = 6, [OP_WEAK_SLOT] = 6, [OP_NOTIFY] = 2,   [OP_OUTSIDE] = 10,
    [OP_SWITCH] = 6,       [OP_OWN] = 10,     [OP_KEEP] = 4,      [OP_RELAYOUT] = 8, [OP_RING] = 10,
    [OP_DROP] = 2,         [OP_MERGE] = 2,    [OP_HEAPS] = 2,     [OP_CHECK] = 2,    [OP_QUIET] = 1,
    [OP_RARE] = 2,         [OP_ELEMENT] = 90, [OP_ENTRY] = 60};

size_t program_random(uint64_t seed, uint8_t program[PROGRAM_BYTES]) {
    static const uint8_t sizes[16] = {0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7};
    uint64_t random = seed;
    for (int i = 0; i < HEADER_BYTES; i++)
        program[i] = (uint8_t)random_next(&random);
    uint32_t large = random_below(&random, 400);
    program[0] = large == 0 ? 9 : large < 8 ? 8 : sizes[program[0] % 16];
    program[1] = 0;
    static const uint8_t one_in[8] = {4, 6, 6, 16, 16, 16, 3, 2};
    for (int bit = 0; bit < 8; bit++)
        program[1] |= (uint8_t)(random_below(&random, one_in[bit]) == 0) << bit;
    for (int i = 8; program[1] & WIDE && i < HEADER_BYTES; i += KIND_BYTES)
        if (random_below(&random, 2)) { // a long row, for once
            program[i] |= random_below(&random, 2) ? 0x80 : 0xC0;
            program[i + 2] |= 0xE0;
        }
    program[4] = random_below(&random, 3) ? 0 : CONTAINERS;
    for (int i = 8 + KIND_BYTES; program[4] & CONTAINERS && i < HEADER_BYTES; i += KIND_BYTES)
        if (random_below(&random, 2))
            program[i + 3] = (uint8_t)(200 + random_below(&random, 50));
    if (!(program[1] & WIDE) && !(program[4] & CONTAINERS) && random_below(&random, 3) == 0) // few types, and simple ones
        for (int i = 8; i < HEADER_BYTES; i++)
            program[i] &= (uint8_t)random_next(&random) & (uint8_t)random_next(&random);
    if (!(program[1] & WIDE) && !(program[4] & CONTAINERS) && random_below(&random, 4) == 0) // what islands are made of
        for (int i = 8; i < HEADER_BYTES; i += KIND_BYTES) {
            static const uint8_t links[4] = {0x00, 0x07, 0x1F, 0x1F}; // two, one, and twice: one, or an owner alone
            program[i] = links[program[i] % 4];
            program[i + 1] &= 0x4F; // no weak slots, keeps no handle
            program[i + 2] = 0x1C;  // no callbacks
        }
    uint32_t weight[OPS], sum = 0;
    for (int i = 0; i < OPS; i++) { // swarm testing: each program leaves some operations out and likes others
        uint32_t mood = random_below(&random, 8);
        if (i >= OP_ELEMENT && !(program[4] & CONTAINERS))
            mood = 0;
        weight[i] = weights[i] * (mood == 0 && i > OP_SET ? 0 : mood == 1 ? 16 : 4) + (i <= OP_SET);
        sum += weight[i];
    }
    uint32_t eager = random_below(&random, 256);
    size_t ops = 32 + random_below(&random, random_below(&random, 4) ? 400 : 4096 - 32);
    for (size_t i = 0; i < ops; i++) {
        uint8_t *op = program + HEADER_BYTES + i * OP_BYTES;
        uint64_t bits = random_next(&random);
        memcpy(op, &bits, OP_BYTES);
        uint32_t at = random_below(&random, sum), code = 0;
        while (at >= weight[code])
            at -= weight[code++];
        op[0] = (uint8_t)code;
        op[1] = random_below(&random, 256) < eager ? 128 | (uint8_t)random_below(&random, 8) : 0;
        op[1] |= random_below(&random, 2) ? LATE : 0;
    }
    return HEADER_BYTES + ops * OP_BYTES;
}

// A program enters heaps in every order, one inside another. That is its right where there is one thread only (heap.h), but
// ThreadSanitizer takes it for what could become a deadlock of two.
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
    return "detect_deadlocks=0";
}
