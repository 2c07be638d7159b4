// SPDX-License-Identifier: MIT
// Weak maps: a of heap[0] is a key, b its value. The map holds b as long as it and a are alive, and b leads back to a.
#include "scenarios.h"

static struct rc_weak_map *map;

static void begin_in(int heaps, int home) {
    make_heaps(heaps, false);
    rc_heap_enter(heap[home]);
    a = make();
    b = make();
    rc_set(&b->x, a);
    map = rc_weak_map_new();
    MUST(rc_weak_map_put(map, a, b));
    name_weak_map(map, a);
    rc_release(b);
    rc_heap_leave(heap[home]);
}

static void begin_key(void) {
    begin_in(1, 0);
}

static void drop_a(void) {
    must_live(a);
    MUST(b->magic == a->magic); // as long as somebody holds the map
    rc_release(a);
}

static void work_inside(void) {
    rc_heap_enter(heap[0]);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

static void drop_the_map(void) {
    rc_heap_enter(heap[0]);
    rc_release(map);
    rc_heap_leave(heap[0]);
    end_all();
}

SCENARIO_WITH(weak_map_key, drop_the_map, "weak-map-key", "the last handle of a key is released elsewhere", begin_key,
              {work_inside, drop_a});

static void drop_map(void) {
    rc_release(map);
}

static void drop_a_inside(void) {
    rc_heap_enter(heap[0]);
    must_live(a);
    rc_release(a);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

SCENARIO(weak_map_map, "weak-map-map", "the map's last handle is released elsewhere, the key's inside", begin_key,
         {drop_a_inside, drop_map});

static void begin_key_shared(void) {
    begin_key();
    rc_heap_enter(heap[0]);
    (void)rc_retain(a);
    rc_heap_leave(heap[0]);
}

static void drop_a_only(void) {
    must_live(a);
    rc_release(a);
}

static void take_out_and_put_back(void) {
    rc_heap_enter(heap[0]);
    struct node *value = rc_retain(b);
    MUST(rc_weak_map_remove(map, a));
    rc_collect_step(0);
    MUST(rc_weak_map_put(map, a, value));
    rc_release(value);
    MUST(rc_weak_map_get(map, a) == b);
    rc_release(a);
    work_until_quiet();
    rc_heap_leave(heap[0]);
}

SCENARIO_WITH(weak_map_put, drop_the_map, "weak-map-put", "an entry goes and comes while the key is released elsewhere",
              begin_key_shared, {take_out_and_put_back, drop_a_only});

// ---- the key is garbage, but for a weak reference

static void begin_garbage_in(int heaps, int home, bool of_value) {
    begin_in(heaps, home);
    rc_heap_enter(heap[home]);
    weak = rc_weak_new(of_value ? b : a);
    rc_release(a);
    rc_heap_leave(heap[home]);
}

static void begin_garbage(void) {
    begin_garbage_in(1, 0, false);
}

static void begin_garbage_value(void) {
    begin_garbage_in(1, 0, true);
}

static void collect_inside(void) {
    rc_heap_enter(heap[0]);
    rc_collect();
    rc_heap_leave(heap[0]);
}

// Whichever of the two it gives: key and value are alive then.
static void upgrade(void) {
    struct node *mine = rc_weak_get(weak);
    if (mine) {
        must_live(a);
        must_live(b);
        rc_release(mine);
    }
    rc_weak_release(weak);
}

SCENARIO_WITH(weak_map_upgrade, drop_the_map, "weak-map-upgrade", "an upgrade of a key that is being collected",
              begin_garbage, {collect_inside, upgrade});
SCENARIO_WITH(weak_map_upgrade_steps, drop_the_map, "weak-map-upgrade-steps", "the same, collected in steps", begin_garbage,
              {work_inside, upgrade});
SCENARIO_WITH(weak_map_upgrade_value, drop_the_map, "weak-map-upgrade-value", "the same of the value", begin_garbage_value,
              {collect_inside, upgrade});

static void begin_garbage_of_two(void) {
    begin_garbage_in(2, 1, false);
}

static void merge(void) {
    MUST(rc_heap_merge(heap[0], heap[1]));
    heap[1] = NULL;
    work_inside();
}

SCENARIO_WITH(weak_map_merge, drop_the_map, "weak-map-merge", "the same while the heap is merged, and collected",
              begin_garbage_of_two, {merge, upgrade});
