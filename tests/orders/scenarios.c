// SPDX-License-Identifier: MIT
// What GenMC explores: main runs the scenario that -DRUN names.
#include "world.h"

#define SCENARIO(name) static void name(void)

static struct object *a;

// ---- the last handle goes elsewhere

static void *work(void *arg) {
    rc_heap_enter(&heap[0]);
    answer_if_rung(&heap[0]);
    rc_heap_leave(&heap[0]);
    return NULL;
}

static void *drop(void *arg) {
    use(a);
    rc_release(P(a));
    return NULL;
}

SCENARIO(drop_last) {
    a = make(0, 1, 0);
    run(work, drop, NULL);
    finish(&heap[0], 1);
}

// The bell was rung, and is answered.
SCENARIO(drop_rung) {
    a = make_queued(0, 1, 0);
    ring(0);
    run(work, drop, NULL);
    finish(&heap[0], 1);
}

SCENARIO(drop_rung_outside) {
    a = make_queued(0, 0, 1);
    ring(0);
    run(work, drop, NULL);
    finish(&heap[0], 1);
}

// The same of the first release elsewhere, which calls.
SCENARIO(drop_rung_first) {
    a = make(0, 1, 0);
    ring(0);
    run(work, drop, NULL);
    finish(&heap[0], 1);
}

// ---- one inside and one elsewhere

static void *drop_inside(void *arg) {
    rc_heap_enter(&heap[0]);
    use(a);
    rc_release(P(a));
    answer_if_rung(&heap[0]);
    rc_heap_leave(&heap[0]);
    return NULL;
}

static void *retain_and_drop(void *arg) {
    rc_retain(P(a));
    rc_release(P(a));
    rc_release(P(a));
    return NULL;
}

static void *drop_quietly(void *arg) {
    rc_release(P(a));
    return NULL;
}

static void *drop_quietly_inside(void *arg) {
    rc_heap_enter(&heap[0]);
    rc_release(P(a));
    answer_if_rung(&heap[0]);
    rc_heap_leave(&heap[0]);
    return NULL;
}

SCENARIO(drop_both) {
    a = make(0, 1, 1);
    run(drop_quietly_inside, drop_quietly, NULL);
    finish(&heap[0], 1);
}

SCENARIO(drop_both_queued) {
    a = make_queued(0, 1, 1);
    run(drop_quietly_inside, drop_quietly, NULL);
    finish(&heap[0], 1);
}

SCENARIO(drop_retained) {
    a = make_queued(0, 0, 1);
    ring(0);
    run(work, retain_and_drop, NULL);
    finish(&heap[0], 1);
}

// ---- two elsewhere

SCENARIO(drop_two) {
    a = make_queued(0, 1, 1);
    ring(0);
    run(work, drop_quietly, drop_quietly);
    finish(&heap[0], 1);
}

// ---- immortal (F5)

static void *immortal(void *arg) {
    rc_heap_enter(&heap[0]);
    rc_immortal(P(a));
    rc_heap_leave(&heap[0]);
    return NULL;
}

SCENARIO(immortal_released) {
    a = make(0, 1, 1);
    run(immortal, drop_quietly, NULL);
    CHECK(a->header.shared & RC__STUCK && !(a->header.both & RC__INBOX));
    finish(&heap[0], 0);
}

// ---- a heap goes from thread to thread: plain counts

static void *count_inside(void *arg) {
    rc_heap_enter(&heap[0]);
    use(a);
    rc_retain(P(a));
    rc_heap_leave(&heap[0]);
    return NULL;
}

SCENARIO(hand_over) {
    a = make(0, 1, 0);
    run(count_inside, count_inside, NULL);
    CHECK(rc__handles(&a->header) == 3);
}

// ---- the default heap is made by whoever asks for it first

struct rc_heap *rc_heap_new(const struct rc_heap_options *options) {
    heap[0].name = options->name;
    return &heap[0];
}

static void *ask(void *arg) {
    CHECK(rc_heap_default()->name);
    return NULL;
}

SCENARIO(default_once) {
    run(ask, ask, NULL);
}

// ---- weak references

static struct rc_weak *weak;

static void make_weak(void) {
    weak = rc_weak_new(P(a));
}

static void *get(void *arg) {
    void *o = rc_weak_get(weak);
    if (o) {
        use(a);
        rc_release(o);
    }
    return NULL;
}

static void *drop_weak(void *arg) {
    rc_weak_release(weak);
    return NULL;
}

static void *get_and_drop_weak(void *arg) {
    get(arg);
    return drop_weak(arg);
}

SCENARIO(weak_get) {
    a = make_queued(0, 1, 0);
    make_weak();
    run(drop_quietly_inside, get_and_drop_weak, NULL);
    finish(&heap[0], 1);
}

SCENARIO(weak_release) {
    a = make(0, 1, 0);
    make_weak();
    run(drop_inside, drop_weak, NULL);
    finish(&heap[0], 1);
}

static void *new_weak(void *arg) {
    struct rc_weak *mine = rc_weak_new(P(a));
    rc_release(P(a));
    rc_weak_release(mine);
    return NULL;
}

SCENARIO(weak_new) {
    a = make_queued(0, 1, 1);
    run(drop_quietly_inside, new_weak, NULL);
    finish(&heap[0], 1);
}

// ---- R8

static bool reclaimed, upgraded;

static void *condemn(void *arg) {
    rc_heap_enter(&heap[0]);
    a->header.word |= RC__GRAPH;
    heap[0].cc.phase = RC_PHASE_VALIDATE;
    rc__weak_round(&heap[0]);
    if (rc__weak_condemn(&heap[0], &a->header) && rc__weak_commit(&heap[0])) {
        CHECK(a->value == 1 && !rc__sum(rc__atomic_load(&a->header.shared)));
        reclaimed = true;
    }
    rc_heap_leave(&heap[0]);
    return NULL;
}

static void *upgrade(void *arg) {
    if (rc_weak_get(weak)) {
        use(a);
        upgraded = true;
    }
    return NULL;
}

SCENARIO(condemned) {
    a = make(0, 0, 0);
    a->header.word += RC__LINK_ONE;
    make_weak();
    run(condemn, upgrade, NULL);
    CHECK(!reclaimed || !upgraded);
}

// ---- a merge: heap 1 becomes a part of heap 0 (F4)

static void *merge_heaps(void *arg) {
    rc_heap_enter(&heap[0]);
    rc_heap_enter(&heap[1]);
    CHECK(change_doors(&heap[0], &heap[1]));
    heap[0].bucket[0] = 2;
    heap[1].bucket[0] = 0;
    rc__classes[2].next = 1;
    rc__classes_switch(&heap[0], &heap[1]);
    rc_heap_leave(&heap[1]);
    door_free(&rc__doors[2]);
    answer_if_rung(&heap[0]);
    rc_heap_leave(&heap[0]);
    return NULL;
}

SCENARIO(merge_release) {
    a = make(1, 1, 0);
    run(merge_heaps, drop_quietly, NULL);
    finish(&heap[0], 1);
}

SCENARIO(merge_queued) {
    a = make_queued(1, 1, 0);
    run(merge_heaps, drop_quietly, NULL);
    finish(&heap[0], 1);
}

SCENARIO(merge_rung) {
    a = make_queued(1, 1, 0);
    ring(1);
    run(merge_heaps, drop_quietly, NULL);
    finish(&heap[0], 1);
}

// The door of the heap that it goes to was another one's before, and was rung then.
static void *merge_into_another(void *arg) {
    rc__word_store(rc__bell_at(heap[0].door), 1);
    rc__word_store(rc__bell_at(heap[0].door), 0); // door_new
    return merge_heaps(arg);
}

SCENARIO(merge_reused) {
    a = make_queued(1, 1, 0);
    run(merge_into_another, drop_quietly, NULL);
    finish(&heap[0], 1);
}

SCENARIO(merge_weak) {
    a = make(1, 1, 0);
    make_weak();
    a->header.both--;
    a->header.word += RC__LINK_ONE;
    run(merge_heaps, get, NULL);
    CHECK(rc__class_heap[4] == &heap[0] && !freed);
}

// note_outward says it at the door that is, or the merge says it there.
static void *note(void *arg) {
    rc__here = &heap[0];
    note_outward(&a->header);
    rc__here = RC__NOWHERE;
    return NULL;
}

SCENARIO(merge_linked) {
    a = make(1, 1, 0);
    run(merge_heaps, note, NULL);
    CHECK(rc__doors[1].linked);
}

int main(void) {
    begin();
    RUN();
    return 0;
}
