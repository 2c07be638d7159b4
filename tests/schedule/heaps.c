// SPDX-License-Identifier: MIT
// Several heaps: merges, links between heaps, collections over several. heap[1] is merged into heap[0], and a is heap[1]'s.
#include "scenarios.h"

static void leave_all(int n) {
    while (n--)
        rc_heap_leave(heap[n]);
}

// Makes [n] heaps and enters them; the last is the one this thread is inside.
static void enter_new(int n, bool backwards) {
    make_heaps(n, backwards);
    for (int i = 0; i < n; i++)
        rc_heap_enter(heap[i]);
}

// a <--> b in heap[1], of which a has two handles, and a weak reference
static void make_pair(int heaps, bool backwards) {
    make_heaps(heaps, backwards);
    rc_heap_enter(heap[1]);
    a = make();
    b = make();
    rc_set(&a->x, b);
    rc_give(&b->x, rc_retain(a));
    rc_release(b);
    weak = rc_weak_new(a);
    rc_heap_leave(heap[1]);
}

static void begin_pair(void) {
    make_pair(2, false);
}

static void begin_pair_back(void) {
    make_pair(2, true);
}

static void work_in(int i) {
    rc_heap_enter(heap[i]);
    work_until_quiet();
    rc_heap_leave(heap[i]);
}

static void merge(int into, int from) {
    MUST(rc_heap_merge(heap[into], heap[from]));
    heap[from] = NULL;
    work_in(into);
}

static void merge_them(void) {
    merge(0, 1);
    rc_weak_release(weak);
}

static void drop_a(void) {
    must_live(a);
    rc_release(a);
}

static void retain_and_drop(void) {
    struct node *mine = rc_retain(a);
    rc_release(a);
    must_live(mine);
    rc_release(mine);
}

SCENARIO(merge_release, "merge-release", "the last handle is released while the object's heap is merged", begin_pair,
         {merge_them, drop_a});
SCENARIO(merge_release_back, "merge-release-back", "the same, doors locked the other way round", begin_pair_back,
         {merge_them, drop_a});
SCENARIO(merge_retain, "merge-retain", "the same with a retain before", begin_pair, {merge_them, retain_and_drop});

static void begin_one(void) {
    make_heaps(2, false);
    rc_heap_enter(heap[1]);
    a = make();
    rc_heap_leave(heap[1]);
}

static void merge_only(void) {
    merge(0, 1);
}

SCENARIO(merge_ring, "merge-ring", "the same where the bell is all that asks for a look", begin_one,
         {merge_only, drop_a});

static void begin_pair_shared(void) {
    make_pair(2, false);
    (void)rc_retain(a);
}

static void drop_and_merge(void) {
    rc_heap_enter(heap[1]);
    rc_release(a);
    rc_heap_leave(heap[1]);
    merge_them();
}

SCENARIO(merge_inbox, "merge-inbox", "a release puts the object into the inbox while the heap is merged", begin_pair_shared,
         {drop_and_merge, drop_a});

static void upgrade(void) {
    struct node *mine = rc_weak_get(weak);
    if (mine) {
        must_live(mine);
        must_live(mine->x);
        rc_release(mine);
    }
    rc_weak_release(weak);
}

static void begin_garbage(void) {
    make_pair(2, false);
    rc_heap_enter(heap[1]);
    rc_release(a);
    rc_heap_leave(heap[1]);
}

SCENARIO(merge_upgrade, "merge-upgrade", "an upgrade while the object's heap is merged and collected", begin_garbage,
         {merge_only, upgrade});

static void begin_half_collected(void) {
    begin_garbage();
    rc_heap_enter(heap[1]);
    while (rc_collect_phase() != RC_PHASE_VALIDATE)
        rc_collect_step(0);
    rc_heap_leave(heap[1]);
}

SCENARIO(merge_settle, "merge-settle", "the same in the middle of a collection of that heap", begin_half_collected,
         {merge_only, upgrade});

static void begin_both_weak(void) {
    begin_pair();
    (void)rc_weak_retain(weak);
}

static void merge_and_keep(void) {
    merge(0, 1);
    rc_weak_release(weak);
}

SCENARIO(merge_upgrade_release, "merge-upgrade-release", "an upgrade and the last release elsewhere meanwhile",
         begin_both_weak, {merge_and_keep, drop_a, upgrade});

// c of heap[2] is linked to a, and let go again
static void begin_third(void) {
    make_pair(3, false);
    rc_heap_enter(heap[2]);
    c = make();
    rc_heap_leave(heap[2]);
}

static void link_from_third(void) {
    rc_heap_enter(heap[2]);
    rc_set(&c->x, a);
    rc_release(a);
    must_live(a);
    rc_release(c);
    work_until_quiet();
    rc_heap_leave(heap[2]);
}

SCENARIO(merge_link, "merge-link", "a link from a third heap is made and unmade while the heap is merged", begin_third,
         {merge_them, link_from_third});

static void link_and_keep(void) {
    rc_heap_enter(heap[2]);
    rc_give(&c->x, a);
    rc_heap_leave(heap[2]);
}

// The third heap knows that what it links to is heap[0]'s now, or the link would be taken for a handle there.
static void merge_the_third(void) {
    merge(0, 2);
    rc_heap_enter(heap[0]);
    MUST(rc_handles(a) == 0);
    rc_release(c);
    rc_heap_leave(heap[0]);
    end_all();
}

SCENARIO_WITH(merge_link_merge, merge_the_third, "merge-link-merge", "the same, and the third is merged, too", begin_third,
              {merge_them, link_and_keep});

// c of heap[0] links to a of heap[1], and is let go while they are merged
static void begin_linked(void) {
    begin_pair();
    rc_heap_enter(heap[0]);
    c = make();
    rc_give(&c->x, a);
    rc_heap_leave(heap[0]);
}

static void drop_c(void) {
    must_live(c);
    rc_release(c);
}

SCENARIO(merge_linked, "merge-linked", "what links from one heap to the other is released elsewhere meanwhile", begin_linked,
         {merge_them, drop_c});

static void merge_third(void) {
    rc_heap_enter(heap[2]);
    rc_release(c);
    rc_heap_leave(heap[2]);
    MUST(rc_heap_merge(heap[0], heap[2]));
    heap[2] = NULL;
    work_in(0);
}

SCENARIO(merge_two, "merge-two", "two heaps are merged into a third at once, and an object is released", begin_third,
         {merge_them, merge_third, drop_a});

static void work_in_first(void) {
    work_in(0);
}

SCENARIO(merge_enter, "merge-enter", "a thread works in the heap that another is merged into", begin_pair,
         {merge_them, work_in_first, drop_a});

// ---- links between heaps: a of heap[0] and b of heap[1]

static void begin_bridge(void) {
    enter_new(2, false);
    b = make();
    rc_heap_enter(heap[0]);
    a = make();
    rc_set(&a->x, b);
    rc_heap_leave(heap[0]);
    leave_all(2);
}

static void cut_bridge(void) {
    rc_heap_enter(heap[0]);
    rc_clear(&a->x);
    rc_release(a);
    rc_heap_leave(heap[0]);
}

static void drop_b_inside(void) {
    rc_heap_enter(heap[1]);
    must_live(b);
    rc_release(b);
    work_until_quiet();
    rc_heap_leave(heap[1]);
}

SCENARIO(bridge, "bridge", "a link from another heap goes while the last handle is released", begin_bridge,
         {drop_b_inside, cut_bridge});

// a <--> b over two heaps, and a weak reference to a
static void make_span(bool backwards) {
    enter_new(2, backwards);
    b = make();
    rc_heap_enter(heap[0]);
    a = make();
    rc_set(&a->x, b);
    weak = rc_weak_new(a);
    rc_heap_leave(heap[0]);
    rc_set(&b->x, a);
    rc_release(b);
    leave_all(2);
}

static void begin_span(void) {
    make_span(false);
}

static void begin_span_back(void) {
    make_span(true);
}

static void begin_span_garbage(void) {
    make_span(false);
    rc_heap_enter(heap[0]);
    rc_release(a);
    rc_heap_leave(heap[0]);
}

static void collect_both(void) {
    rc_collect_heaps(heap, 2);
}

static void collect_and_end(void) {
    collect_both(); // nobody is woken for garbage that spans heaps
    end_all();
}

static void collect_and_drop_weak(void) {
    collect_both();
    rc_weak_release(weak);
}

SCENARIO_WITH(span_upgrade, collect_and_end, "span-upgrade", "an upgrade of garbage that spans heaps", begin_span_garbage,
         {collect_both, upgrade});
SCENARIO_WITH(span_release, collect_and_end, "span-release", "the last handle goes while both are collected", begin_span,
         {collect_and_drop_weak, drop_a});

static void nest(void) {
    rc_heap_enter(heap[1]);
    rc_heap_enter(heap[0]);
    must_live(a);
    rc_release(a);
    rc_heap_leave(heap[0]);
    rc_heap_leave(heap[1]);
}

SCENARIO_WITH(span_nest, collect_and_end, "span-nest", "another thread enters both heaps, one in the other", begin_span,
         {collect_and_drop_weak, nest});
SCENARIO_WITH(span_nest_back, collect_and_end, "span-nest-back", "the same, in the order of their doors", begin_span_back,
         {collect_and_drop_weak, nest});
