// SPDX-License-Identifier: MIT
// Where things end: a heap that is freed while somebody upgrades a weak reference of its objects, and a count of handles
// that is full and spills into the word of the other threads; or that word's sum, which is full when it is added to.
#include "scenarios.h"

// ---- rc_heap_free. Handles are void then, so whoever gets one does not touch it again; but it was given, and is counted.

static struct node *given;
static size_t held;

static void make_garbage(struct node *(*make_one)(void)) {
    make_heaps(1, false);
    given = NULL;
    rc_heap_enter(heap[0]);
    a = make_one();
    b = make_one();
    rc_set(&a->x, b);
    rc_set(&b->x, a);
    weak = rc_weak_new(a);
    rc_release(a);
    rc_release(b);
    rc_heap_leave(heap[0]);
}

static void begin_garbage(void) {
    make_garbage(make);
}

static void begin_garbage_final(void) {
    make_garbage(make_with_finalizer);
}

static void begin_half_collected(void) {
    begin_garbage();
    rc_heap_enter(heap[0]);
    while (rc_collect_phase() != RC_PHASE_VALIDATE)
        rc_collect_step(0);
    rc_collect_step(0);
    rc_heap_leave(heap[0]);
}

static void free_heap(void) {
    held = rc_heap_free(heap[0]);
    heap[0] = NULL;
}

static void upgrade_only(void) {
    given = rc_weak_get(weak);
}

static void end_freed(void) {
    MUST(held == (given != NULL));
    MUST(!rc_weak_get(weak));
    rc_weak_release(weak);
    end_all();
}

SCENARIO_WITH(free_upgrade, end_freed, "free-upgrade", "an upgrade while the heap is freed", begin_garbage,
              {free_heap, upgrade_only});
SCENARIO_WITH(free_upgrade_final, end_freed, "free-upgrade-final", "the same with finalizers", begin_garbage_final,
              {free_heap, upgrade_only});
SCENARIO_WITH(free_upgrade_half, end_freed, "free-upgrade-half", "the same in the middle of a collection",
              begin_half_collected, {free_heap, upgrade_only});

static void collect_and_free(void) {
    rc_heap_enter(heap[0]);
    rc_collect();
    held = rc_heap_free(heap[0]); // this thread is inside, and leaves with it
    heap[0] = NULL;
}

SCENARIO_WITH(free_upgrade_collect, end_freed, "free-upgrade-collect", "the same with a collection before", begin_garbage,
              {collect_and_free, upgrade_only});

// ---- counts that spill. MANY handles of a come and go at once: so many calls would be too many orders to try.

enum { MANY = RC__HANDLES_MAX - 2 };

static void begin_full(void) {
    make_heaps(1, false);
    rc_heap_enter(heap[0]);
    a = make();
    rc_give(&a->x, make());
    (void)rc_retain(a); // the other thread's
    rc__set_handles(RC__HEADER(a), rc__handles(RC__HEADER(a)) + MANY);
    rc_heap_leave(heap[0]);
}

static void give_up_many(void) {
    struct rc__header *h = RC__HEADER(a);
    unsigned here = rc__handles(h) > MANY ? MANY : rc__handles(h);
    rc__set_handles(h, rc__handles(h) - here);
    rc__atomic_add(&h->shared, (uint32_t)(MANY - here) * -RC__SHARED_ONE);
}

static void spill_inside(void) {
    rc_heap_enter(heap[0]);
    must_live(a);
    struct node *mine = rc_retain(a); // spills
    give_up_many();
    rc_release(mine);
    must_live(a);
    rc_release(a);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

static void drop_a(void) {
    must_live(a);
    rc_release(a);
}

static void retain_and_drop_a(void) {
    struct node *mine = rc_retain(a);
    rc_release(a);
    must_live(mine);
    rc_release(mine);
}

SCENARIO(spill, "spill", "handles spill while one is released elsewhere", begin_full, {spill_inside, drop_a});
SCENARIO(spill_retain, "spill-retain", "the same with a retain before", begin_full, {spill_inside, retain_and_drop_a});

// a <--> a->x, so that a's last handle leaves a suspect
static void begin_full_cycle(void) {
    begin_full();
    rc_heap_enter(heap[0]);
    rc_set(&a->x->x, a);
    rc_heap_leave(heap[0]);
}

SCENARIO(spill_cycle, "spill-cycle", "the same of an object in a cycle", begin_full_cycle, {spill_inside, drop_a});

static void begin_full_weak(void) {
    begin_full();
    rc_heap_enter(heap[0]);
    weak = rc_weak_new(a);
    rc_heap_leave(heap[0]);
}

static void upgrade(void) {
    struct node *mine = rc_weak_get(weak);
    if (mine) {
        must_live(mine);
        rc_release(mine);
    }
    rc_weak_release(weak);
}

static void drop_and_upgrade(void) {
    drop_a();
    upgrade();
}

SCENARIO(spill_upgrade, "spill-upgrade", "the same, and an upgrade afterwards", begin_full_weak,
         {spill_inside, drop_and_upgrade});

// What other threads have of it is more than fits when it is folded.
static void begin_full_elsewhere(void) {
    begin_full();
    struct rc__header *h = RC__HEADER(a);
    rc__atomic_add(&h->shared, MANY * RC__SHARED_ONE);
    rc__set_handles(h, rc__handles(h) - MANY);
}

static void fold_inside(void) {
    rc_heap_enter(heap[0]);
    must_live(a);
    rc_release(a); // its own; what is left is folded when the count is at 0
    work_until_quiet();
    must_live(a->x);
    rc_heap_leave(heap[0]);
}

static void give_up_elsewhere(void) {
    must_live(a);
    rc_release(a);
    rc__foreign_retain(RC__HEADER(a), "");
    rc__foreign_release(RC__HEADER(a), "");
}

static void end_full(void) {
    rc_heap_enter(heap[0]);
    MUST(rc_handles(a) == MANY);
    give_up_many();
    (void)rc_retain(a);
    rc_release(a);
    rc_heap_leave(heap[0]);
    end_all();
}

SCENARIO_WITH(spill_fold, end_full, "spill-fold", "more is folded than fits while one is released elsewhere",
              begin_full_elsewhere, {fold_inside, give_up_elsewhere});

// ---- an object that is made immortal

static void begin_lent(void) {
    make_heaps(1, false);
    rc_heap_enter(heap[0]);
    a = make();
    rc_give(&a->x, make());
    (void)rc_retain(a); // the other thread's
    (void)rc_retain(a);
    rc_heap_leave(heap[0]);
}

static void immortalize_inside(void) {
    rc_heap_enter(heap[0]);
    rc_immortal(a);
    rc_release(a);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

static void drop_two(void) {
    drop_a();
    drop_a();
}

// C4, F5: then it is made mortal again.
static void make_mortal(void) {
    struct rc__header *h = RC__HEADER(a);
    rc_heap_enter(heap[0]);
    must_live(a);
    MUST(!(rc__both(h) & RC__INBOX));
    rc__atomic_clear_bits(&h->shared, RC__STUCK);
    rc__atomic_add(&h->shared, (uint32_t)rc__sum(rc__atomic_load(&h->shared)) * -RC__SHARED_ONE);
    h->word &= ~RC__IMMORTAL;
    rc__set_handles(h, 1);
    rc_release(a);
    rc_heap_leave(heap[0]);
}

static void end_immortal(void) {
    make_mortal();
    end_all();
}

SCENARIO_WITH(immortal, end_immortal, "immortal", "an object is made immortal while it is released elsewhere", begin_lent,
              {immortalize_inside, drop_two});

// ---- a sum that is at its limit while another thread adds to it: MANY_MORE handles of a, which the first thread gives up at
// once, besides the one that each of both has.

enum { MANY_MORE = RC__SHARED_LIMIT };

static rc_fault_fn *other_faults;
static bool is_immortal;

static void on_saturation(const struct rc_fault *fault) {
    if (fault->kind != RC_FAULT_SATURATED)
        other_faults(fault);
    is_immortal = true;
}

static void begin_at_the_limit(void) {
    make_heaps(1, false);
    is_immortal = false;
    other_faults = rc_set_fault_handler(on_saturation);
    rc_heap_enter(heap[0]);
    a = make();
    rc_give(&a->x, make());
    (void)rc_retain(a); // the other thread's
    rc_heap_leave(heap[0]);
    rc__atomic_add(&RC__HEADER(a)->shared, MANY_MORE * RC__SHARED_ONE);
}

static void give_up_more_inside(void) {
    rc_heap_enter(heap[0]);
    must_live(a);
    rc__atomic_add(&RC__HEADER(a)->shared, MANY_MORE * -RC__SHARED_ONE);
    rc_release(a);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

static void retain_and_drop_inside(void) {
    struct node *mine = rc_retain(a);
    rc_heap_enter(heap[0]);
    rc_release(a);
    must_live(mine);
    rc_release(mine);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

static void end_at_the_limit(void) {
    if (is_immortal)
        make_mortal();
    end_all();
}

SCENARIO_WITH(limit, end_at_the_limit, "limit", "a retain finds the sum at its limit while that is given up inside",
              begin_at_the_limit, {give_up_more_inside, retain_and_drop_inside});
SCENARIO_WITH(limit_drop, end_at_the_limit, "limit-drop", "the same, and what was retained is released elsewhere",
              begin_at_the_limit, {give_up_more_inside, retain_and_drop_a});
