// SPDX-License-Identifier: MIT
// One heap, and threads that share its objects. What merges and other heaps add is in heaps.c.
//
// begin makes the graph; the first thread is usually the one that works in the heap.
#include "scenarios.h"

static void drop(struct node *node) {
    rc_release(node);
}

// ---- a, which both threads hold: death, wherever the last handle goes

static void begin_shared(void) {
    make_heaps(1, false);
    rc_heap_enter(heap[0]);
    a = make();
    (void)rc_retain(a);
    rc_heap_leave(heap[0]);
}

static void begin_shared_outside(void) {
    make_heaps(1, false);
    rc_heap_enter(heap[0]);
    a = make();
    rc_heap_leave(heap[0]);
    (void)rc_retain(a); // not counted with those inside
}

static void begin_shared_plain(void) {
    make_heaps(1, false);
    rc_heap_enter(heap[0]);
    a = make_plain();
    (void)rc_retain(a);
    rc_heap_leave(heap[0]);
}

static void drop_a_inside(void) {
    rc_heap_enter(heap[0]);
    must_live(a);
    drop(a);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

static void drop_a(void) {
    must_live(a);
    drop(a);
}

SCENARIO(death, "death", "a handle inside and one elsewhere are released", begin_shared, {drop_a_inside, drop_a});
SCENARIO(death_outside, "death-outside", "the same, and the one elsewhere was made elsewhere", begin_shared_outside,
         {drop_a_inside, drop_a});
SCENARIO(death_plain, "death-plain", "the same without a destructor", begin_shared_plain, {drop_a_inside, drop_a});

static void retain_and_drop_a(void) {
    struct node *mine = rc_retain(a);
    drop(a);
    must_live(mine);
    drop(mine);
}

SCENARIO(retain, "retain", "the other thread retains once more before it releases", begin_shared_outside,
         {drop_a_inside, retain_and_drop_a});

static void begin_two_brought_in(void) {
    begin_shared_outside();
    (void)rc_retain(a);
}

static void drop_two_inside(void) {
    rc_heap_enter(heap[0]);
    must_live(a);
    drop(a);
    must_live(a);
    drop(a);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

SCENARIO(brought_in, "brought-in", "two handles that were made elsewhere are released inside, and one elsewhere",
         begin_two_brought_in, {drop_two_inside, drop_a});

static void begin_elsewhere(void) {
    begin_shared();
    rc_heap_enter(heap[0]);
    b = make();
    rc_give(&b->x, make());
    rc_give(&b->x->x, b); // b <-> b->x, without a handle
    rc_heap_leave(heap[0]);
}

static void work_inside(void) {
    rc_heap_enter(heap[0]);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

SCENARIO(inbox, "inbox", "two threads release the same object while its heap drains and collects", begin_elsewhere,
         {work_inside, drop_a, drop_a});

static void begin_two_outside(void) {
    begin_shared_outside();
    (void)rc_retain(a);
    rc_heap_enter(heap[0]);
    rc_release(a);
    rc_heap_leave(heap[0]);
}

SCENARIO(queue_two, "queue-two", "two threads put the same object into the inbox", begin_two_outside, {drop_a, drop_a});

// ---- a <--> b: the cycle's last handle

static void make_cycle(struct node *(*make_one)(void)) {
    make_heaps(1, false);
    rc_heap_enter(heap[0]);
    a = make_one();
    b = make_one();
    rc_set(&a->x, b);
    rc_set(&b->x, a);
    rc_give(&b->y, make_one());
    drop(b);
    rc_heap_leave(heap[0]);
}

static void begin_cycle(void) {
    make_cycle(make);
}

SCENARIO(cycle, "cycle", "the last handle of a cycle is released elsewhere", begin_cycle, {work_inside, drop_a});

static void begin_cycle_twice(void) {
    make_cycle(make);
    rc_heap_enter(heap[0]);
    (void)rc_retain(a);
    rc_heap_leave(heap[0]);
}

SCENARIO(cycle_shared, "cycle-shared", "a handle of a cycle is released inside and one elsewhere", begin_cycle_twice,
         {drop_a_inside, drop_a});

static void relink_inside(void) {
    rc_heap_enter(heap[0]);
    must_live(b);
    rc_move(&b->y, &b->x); // a -> b -> a by another slot
    drop(a);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

SCENARIO(relink, "relink", "the same while the links are moved", begin_cycle_twice, {relink_inside, retain_and_drop_a});

// ---- three objects through the inbox

static void begin_three(void) {
    make_heaps(1, false);
    rc_heap_enter(heap[0]);
    a = make();
    b = make();
    c = make();
    rc_give(&a->x, rc_retain(b));
    rc_heap_leave(heap[0]);
}

static void drop_three(void) {
    drop(c);
    drop(b);
    drop(a);
}

static void drain_inside(void) {
    rc_heap_enter(heap[0]);
    while (rc_collect_step(0) == RC_STEP_MORE)
        continue;
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

SCENARIO(drain, "drain", "three objects are released elsewhere while the inbox is drained", begin_three,
         {drain_inside, drop_three});

// ---- a weak reference to a

static void upgrade(void) {
    struct node *mine = rc_weak_get(weak);
    if (mine) {
        must_live(mine);
        drop(mine);
    }
    rc_weak_release(weak);
}

static void begin_weak(void) {
    make_heaps(1, false);
    rc_heap_enter(heap[0]);
    a = make();
    weak = rc_weak_new(a);
    rc_heap_leave(heap[0]);
}

static void begin_weak_shared(void) {
    begin_weak();
    (void)rc_retain(a);
}

static void begin_weak_plain(void) {
    make_heaps(1, false);
    rc_heap_enter(heap[0]);
    a = make_plain();
    rc_give(&a->x, make_plain());
    weak = rc_weak_new(a);
    rc_heap_leave(heap[0]);
}

static void begin_weak_finalizer(void) {
    make_heaps(1, false);
    rc_heap_enter(heap[0]);
    a = make_with_finalizer();
    weak = rc_weak_new(a);
    rc_heap_leave(heap[0]);
}

SCENARIO(upgrade_last, "upgrade-last", "an upgrade while the last handle is released inside", begin_weak,
         {drop_a_inside, upgrade});
SCENARIO(upgrade_last_plain, "upgrade-last-plain", "the same without a destructor", begin_weak_plain,
         {drop_a_inside, upgrade});
SCENARIO(upgrade_last_final, "upgrade-last-final", "the same with a finalizer", begin_weak_finalizer,
         {drop_a_inside, upgrade});
SCENARIO(upgrade_foreign, "upgrade-foreign", "an upgrade while the last handle is released elsewhere", begin_weak,
         {work_inside, drop_a, upgrade});
SCENARIO(upgrade_shared, "upgrade-shared", "an upgrade while handles inside and elsewhere are released", begin_weak_shared,
         {drop_a_inside, drop_a, upgrade});

static void make_new_weak(void) {
    struct rc_weak *mine = rc_weak_new(a);
    drop(a);
    struct node *again = rc_weak_get(mine);
    if (again)
        must_live(again);
    drop(again);
    rc_weak_release(mine);
}

SCENARIO(weak_new, "weak-new", "a weak reference is made elsewhere, and the last handle goes there", begin_shared,
         {drop_a_inside, make_new_weak});

// ---- a <--> b, garbage, with a weak reference to a

static void make_garbage(struct node *(*make_one)(void)) {
    make_cycle(make_one);
    rc_heap_enter(heap[0]);
    weak = rc_weak_new(a);
    drop(a);
    rc_heap_leave(heap[0]);
}

static void begin_garbage(void) {
    make_garbage(make);
}

static void begin_garbage_plain(void) {
    make_garbage(make_plain);
}

static void begin_garbage_finalizer(void) {
    make_garbage(make_with_finalizer);
}

static void collect_inside(void) {
    rc_heap_enter(heap[0]);
    rc_collect();
    rc_heap_leave(heap[0]);
}

static void collect_twice(void) {
    collect_inside();
    collect_inside();
}

static void upgrade_and_look(void) {
    struct node *mine = rc_weak_get(weak);
    if (mine) {
        must_live(mine);
        must_live(mine->x);
        struct node *again = rc_weak_get(weak);
        MUST(again == mine);
        drop(mine);
        must_live(again);
        must_live(again->x);
        drop(again);
    }
    rc_weak_release(weak);
}

SCENARIO(upgrade_commit, "upgrade-commit", "an upgrade of garbage that is being collected", begin_garbage,
         {collect_inside, upgrade_and_look});
SCENARIO(upgrade_commit_plain, "upgrade-commit-plain", "the same without destructors", begin_garbage_plain,
         {collect_inside, upgrade});
SCENARIO(upgrade_commit_final, "upgrade-commit-final", "the same with finalizers", begin_garbage_finalizer,
         {collect_twice, upgrade});
SCENARIO(upgrade_steps, "upgrade-steps", "an upgrade of garbage that is collected in steps", begin_garbage,
         {work_inside, upgrade});

static void upgrade_twice_begin(void) {
    make_garbage(make);
    (void)rc_weak_retain(weak);
}

SCENARIO(upgrade_two, "upgrade-two", "two threads upgrade garbage that is being collected", upgrade_twice_begin,
         {collect_inside, upgrade, upgrade});

// ---- the heap goes from thread to thread

static void begin_hand_over(void) {
    make_cycle(make);
    rc_heap_enter(heap[0]);
    c = make();
    rc_give(&c->x, rc_retain(a));
    (void)rc_retain(c);
    (void)rc_retain(c);
    rc_heap_leave(heap[0]);
}

static void take_turn(void) {
    rc_heap_enter(heap[0]);
    must_live(c);
    rc_swap(&c->x, &c->y);
    drop(c);
    rc_collect_step(0);
    rc_heap_leave(heap[0]);
}

static void try_turn(void) {
    if (rc_heap_try_enter(heap[0])) {
        must_live(c);
        rc_collect_step(0);
        rc_heap_leave(heap[0]);
    }
    drop(c);
}

static void drop_a_and_c(void) {
    drop(a);
    drop(c);
}

SCENARIO(hand_over, "hand-over", "two threads work in a heap by turns, a third tries to, and releases", begin_hand_over,
         {take_turn, try_turn, drop_a_and_c});

static void end_heap_when_empty(void) {
    work_inside();
    rc_heap_enter(heap[0]);
    struct rc_stats stats;
    rc_stats(&stats);
    if (stats.objects == 0) {
        MUST(rc_heap_free(heap[0]) == 0); // the other thread may still be at the door
        heap[0] = NULL;
    } else {
        rc_heap_leave(heap[0]);
    }
}

SCENARIO(late_ring, "late-ring", "the heap is freed as soon as its last object is gone", begin_cycle,
         {end_heap_when_empty, drop_a});
