// SPDX-License-Identifier: MIT
// rc_weak_map: an entry lives as long as its key and its map, and keeps neither of them alive, whatever its value leads to;
// and is safe at every moment of a collection. At the end: random graphs with maps, against a search that knows what an
// ephemeron is.
#include "tests/faults.h"
#include "tests/harness.h"
#include "tests/items.h"
#include "tests/scarce.h"
#include "tests/steps.h"
#include <refcyc/array.h>
#include <refcyc/list.h>
#include <refcyc/map.h>
#include <refcyc/string.h>
#include <refcyc/weak_map.h>

static struct rc_weak_map *map_new(void) {
    struct rc_weak_map *map = rc_weak_map_new();
    REQUIRE(map);
    return map;
}

TEST(entry_goes_with_its_key) {
    struct rc_weak_map *map = map_new();
    struct item *key = item_new(1), *value = item_new(2);
    EXPECT(rc_weak_map_put(map, key, value));
    EXPECT_EQ(0, rc_links(map));
    EXPECT_EQ(1, rc_links(value));
    EXPECT_PTR(value, rc_weak_map_get(map, key));
    EXPECT_PTR(NULL, rc_weak_map_get(map, value));
    EXPECT(rc_weak_map_has(map, key));
    EXPECT_EQ(1, rc_weak_map_size(map));
    EXPECT_EQ(5, stats().objects); // the entry, and what leads from the key to its entries
    rc_release(value);
    EXPECT_EQ(2, items_alive);
    rc_release(key);
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, rc_weak_map_size(map));
    EXPECT_EQ(1, stats().objects);
    rc_release(map);
}

TEST(entry_goes_with_its_map) {
    struct rc_weak_map *map = map_new();
    struct item *key = item_new(1), *value = item_new(2);
    EXPECT(rc_weak_map_put(map, key, value));
    rc_release(value);
    rc_release(map);
    EXPECT_EQ(1, items_alive);
    EXPECT_EQ(1, stats().objects); // nothing of it is left at the key
    rc_release(key);
}

TEST(entry_is_replaced_and_removed) {
    struct rc_weak_map *map = map_new();
    struct item *key = item_new(1), *a = item_new(2), *b = item_new(3);
    EXPECT(rc_weak_map_put(map, key, a));
    EXPECT(rc_weak_map_put(map, key, b));
    EXPECT_EQ(0, rc_links(a));
    EXPECT_EQ(1, rc_weak_map_size(map));
    EXPECT(rc_weak_map_put(map, key, NULL));
    EXPECT(rc_weak_map_has(map, key));
    EXPECT_PTR(NULL, rc_weak_map_get(map, key));
    EXPECT(rc_weak_map_remove(map, key));
    EXPECT(!rc_weak_map_remove(map, key));
    EXPECT(!rc_weak_map_has(map, key));
    EXPECT_EQ(4, stats().objects);
    EXPECT(rc_weak_map_put(map, key, key)); // its own value
    rc_release(key);
    EXPECT_EQ(3, items_alive);
    rc_collect();
    EXPECT_EQ(2, items_alive);
    rc_release(a);
    rc_release(b);
    rc_release(map);
}

TEST(one_key_in_many_maps_and_many_keys_in_one) {
    enum { N = 200 };
    struct rc_weak_map *map[N];
    struct item *key[N], *value = item_new(0);
    for (int i = 0; i < N; i++) {
        map[i] = map_new();
        key[i] = item_new(i);
    }
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            EXPECT(rc_weak_map_put(map[i], key[k], value));
    EXPECT_EQ(N * N, rc_links(value));
    for (int i = 0; i < N; i += 2)
        rc_release(key[i]);
    EXPECT_EQ(N / 2, rc_weak_map_size(map[3]));
    EXPECT_EQ(N * N / 2, rc_links(value));
    for (int i = 0; i < N; i += 2)
        rc_release(map[i]);
    EXPECT_EQ(N * N / 4, rc_links(value));
    for (int i = 1; i < N; i += 2)
        EXPECT_PTR(value, rc_weak_map_get(map[i], key[i]));
    rc_weak_map_clear(map[1]);
    EXPECT_EQ(0, rc_weak_map_size(map[1]));
    EXPECT_EQ(N * N / 4 - N / 2, rc_links(value));
    for (int i = 1; i < N; i += 2) {
        rc_release(map[i]);
        rc_release(key[i]);
    }
    EXPECT_EQ(0, rc_links(value));
    rc_release(value);
    EXPECT_EQ(0, items_alive);
}

// ---- what an ephemeron is

//   map (held) . key --> value --> key
TEST(value_that_leads_to_its_key_does_not_keep_it) {
    struct rc_weak_map *map = map_new();
    struct item *key = item_new(1), *value = item_new(2);
    EXPECT(rc_weak_map_put(map, key, value));
    rc_give(&value->back, rc_retain((void *)key));
    rc_release(value);
    rc_release(key);
    EXPECT_EQ(2, items_alive);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, rc_weak_map_size(map));
    EXPECT_EQ(1, stats().objects);
    rc_release(map);
}

//   key (held) . map --> value --> map
TEST(value_that_leads_to_its_map_does_not_keep_that) {
    struct rc_weak_map *map = map_new();
    struct item *key = item_new(1), *value = item_new(2);
    EXPECT(rc_weak_map_put(map, key, value));
    rc_set(&value->back, (void *)map);
    rc_release(value);
    rc_release(map);
    EXPECT_EQ(2, items_alive);
    rc_collect();
    EXPECT_EQ(1, items_alive);
    EXPECT_EQ(1, stats().objects);
    rc_release(key);
}

//   k1 --> v1 --> k2 --> v2 --> k1, in two maps that are held
TEST(ring_of_entries_is_collected) {
    enum { N = 10 };
    struct rc_weak_map *map[] = {map_new(), map_new()};
    struct item *key[N];
    for (int i = 0; i < N; i++)
        key[i] = item_new(i);
    for (int i = 0; i < N; i++)
        EXPECT(rc_weak_map_put(map[i % 2], key[i], key[(i + 1) % N]));
    struct item *kept = rc_retain(key[3]);
    items_release(key, N);
    rc_collect();
    EXPECT_EQ(N, items_alive);
    rc_release(kept);
    EXPECT_EQ(N, items_alive);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, rc_weak_map_size(map[0]) + rc_weak_map_size(map[1]));
    rc_release(map[0]);
    rc_release(map[1]);
}

//   held --> map, whose entry hangs on key and leads to it; key --> held
//   The map is traced first, and found alive through held, which key leads to, before the key's side of the entry is seen.
struct owner_of_map { struct rc_weak_map *map; }; // of a type of its own: one that has keys is not read ahead
static RC_TYPE(owner_of_map, struct owner_of_map, .slots = RC_SLOTS(RC_LINK(struct owner_of_map, map)));

TEST(map_that_is_found_alive_while_its_key_is_yet_to_be_traced_does_not_keep_that) {
    for (int by_units = 0; by_units < 2; by_units++) {
        struct owner_of_map *held = rc_new(&owner_of_map_type);
        struct item *key = item_new(1);
        struct rc_weak_map *map = map_new();
        EXPECT(rc_weak_map_put(map, key, key));
        rc_set(&key->back, (void *)held);
        rc_release(key);
        rc_give(&held->map, map);
        while (by_units && rc_collect_step(0) == RC_STEP_MORE)
            continue;
        rc_collect();
        EXPECT_EQ(0, items_alive);
        EXPECT_EQ(0, rc_weak_map_size(map));
        rc_release(held);
    }
}

TEST(key_that_is_alive_keeps_its_value_through_collections) {
    struct rc_weak_map *map = map_new();
    struct item *key = item_new(1), *value = item_new(2);
    EXPECT(rc_weak_map_put(map, key, value));
    rc_set(&value->back, (void *)map);
    rc_set(&key->back, value);
    rc_release(value);
    rc_clear(&key->back); // the value is a suspect
    for (int i = 0; i < 3; i++) {
        rc_collect();
        EXPECT_PTR(value, rc_weak_map_get(map, key));
        touch_object(value);
    }
    rc_release(map);
    rc_collect();
    EXPECT_EQ(1, items_alive);
    rc_release(key);
}

static const struct rc_type leaf_type = {"leaf", 8, .acyclic = true};
struct to_leaf { void *leaf; };
static const struct rc_type to_leaf_type = {"to leaf", sizeof(struct to_leaf),
                                            .slots = RC_SLOTS(RC_LINK_TO(struct to_leaf, leaf, leaf_type))};

// The leaf has no slots, and what can only lead to leaves was inferred to be in no cycle.
TEST(key_of_an_acyclic_type_can_be_in_a_cycle) {
    struct rc_weak_map *map = map_new();
    struct to_leaf *early = rc_new(&to_leaf_type);
    void *leaf = rc_new(&leaf_type);
    rc_set(&early->leaf, leaf);
    EXPECT(rc_weak_map_put(map, leaf, early)); // leaf . early --> leaf
    struct to_leaf *late = rc_new(&to_leaf_type);
    void *other = rc_new(&leaf_type);
    rc_give(&late->leaf, other);
    EXPECT(rc_weak_map_put(map, other, late));
    rc_release(early);
    rc_release(leaf);
    rc_release(late);
    EXPECT(stats().objects > 5);
    rc_collect();
    EXPECT_EQ(1, stats().objects);
    rc_release(map);
}

TEST(strings_are_refused) {
    struct rc_weak_map *map = map_new();
    struct rc_string *s = rc_string_new("key");
    errno = 0;
    EXPECT(!rc_weak_map_put(map, s, map));
    EXPECT_EQ(EINVAL, errno);
    EXPECT(rc_weak_map_put(map, map, s)); // as values they are welcome
    rc_release(s);
    rc_release(map);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
}

TEST(types_that_extend_strings_are_keys) {
    static const struct rc_type name_type = {"name", sizeof(struct rc_string) + 8, .base = &rc_string_type};
    struct rc_weak_map *map = map_new();
    struct rc_string *name = rc_new(&name_type);
    EXPECT(rc_weak_map_put(map, name, map));
    EXPECT_PTR(map, rc_weak_map_get(map, name));
    rc_release(name);
    EXPECT_EQ(0, rc_weak_map_size(map));
    rc_release(map);
}

TEST(containers_are_keys) {
    struct rc_weak_map *map = map_new();
    struct rc_array *array = rc_array_new(&rc_link_element);
    struct rc_list *list = rc_list_new(&rc_link_element);
    struct rc_map *other = rc_map_new(&rc_link_element, &rc_link_element);
    EXPECT(rc_weak_map_put(map, array, list));
    EXPECT(rc_weak_map_put(map, list, other));
    EXPECT(rc_weak_map_put(map, other, array));
    EXPECT(rc_weak_map_put(map, map, array));
    for (int i = 0; i < 3000; i++)
        EXPECT(rc_array_push(array, other));
    rc_release(array);
    rc_release(list);
    rc_release(other);
    rc_collect();
    EXPECT_EQ(4, rc_weak_map_size(map));
    EXPECT(rc_weak_map_remove(map, map));
    rc_collect();
    EXPECT_EQ(0, rc_weak_map_size(map));
    EXPECT_EQ(1, stats().objects);
    rc_release(map);
}

// ---- destructors, finalizers, weak references

static struct rc_weak_map *watched;
static void *watched_value;

static void look_up(struct item *x) {
    if (x->id == 1)
        EXPECT_PTR(watched_value, rc_weak_map_get(watched, x));
}

TEST(value_is_there_in_the_destructor_of_a_key_that_dies_by_count) {
    watched = map_new();
    struct item *key = item_new(1), *value = item_new(2);
    watched_value = value;
    EXPECT(rc_weak_map_put(watched, key, value));
    rc_release(value);
    on_item_destroy = look_up;
    rc_release(key);
    EXPECT_EQ(0, items_alive);
    rc_release(watched);
}

static struct rc_weak_map *refusing;
static struct item *fresh_key;
static void put_itself(void *obj) {
    EXPECT(!rc_weak_map_put(refusing, fresh_key, obj));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_weak_map_put");
}
struct mortal { char c; };
RC_TYPE(mortal, struct mortal, .slots = NULL, .destroy = put_itself);

TEST(dead_value_is_refused_and_leaves_nothing_at_its_key) {
    items_new(&fresh_key, 1, NULL);
    refusing = rc_weak_map_new();
    size_t objects = stats().objects;
    faults_begin();
    rc_release(rc_new(&mortal_type));
    EXPECT_EQ(0, rc_weak_map_size(refusing));
    EXPECT_EQ(objects, stats().objects);
    EXPECT(rc_weak_map_put(refusing, fresh_key, fresh_key));
    EXPECT_EQ(1, rc_weak_map_size(refusing));
    items_release(&fresh_key, 1);
    rc_release(refusing);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

// The next object at the address of a dead key has nothing to do with its entries, though these wait to be destroyed.
TEST(entry_of_a_dead_key_is_not_found_by_the_next_object_at_its_address) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    struct rc_weak_map *map = map_new();
    unsigned reused = 0;
    for (int round = 0; round < 50; round++) {
        struct item *key = item_new(1), *value = item_new(2);
        EXPECT(rc_weak_map_put(map, key, value));
        rc_release(value);
        uintptr_t was = (uintptr_t)key;
        rc_release(key);
        struct item *next[4];
        for (int i = 0; i < 4; i++) {
            next[i] = item_new(3);
            if ((uintptr_t)next[i] != was)
                continue;
            reused++;
            EXPECT_PTR(NULL, rc_weak_map_get(map, next[i]));
            EXPECT(!rc_weak_map_remove(map, next[i]));
            if (round % 2)
                EXPECT(rc_weak_map_put(map, next[i], next[0]));
        }
        for (int steps = round % 5; steps; steps--)
            rc_collect_step(0);
        for (int i = 0; i < 4; i++)
            rc_release(next[i]);
    }
    if (!is_slow_build())
        EXPECT(reused > 0);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, rc_weak_map_size(map));
    rc_release(map);
    rc_heap_leave(heap);
    free_heap(heap);
}

struct ghost { void *other; };
static void *saved;
static void ghost_finalize(void *obj) {
    saved = rc_retain(obj);
}
static const struct rc_type ghost_type = {"ghost", sizeof(struct ghost),
                                          .slots = RC_SLOTS(RC_LINK(struct ghost, other)), .finalize = ghost_finalize};

TEST(key_that_is_resurrected_has_its_value) {
    struct rc_weak_map *map = map_new();
    struct ghost *key = rc_new(&ghost_type);
    struct item *value = item_new(2);
    EXPECT(rc_weak_map_put(map, key, value));
    rc_set(&value->back, (void *)key);
    rc_release(value);
    rc_release(key);
    rc_collect();
    EXPECT_PTR(key, saved);
    EXPECT_PTR(value, rc_weak_map_get(map, saved));
    rc_release(saved);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, rc_weak_map_size(map));
    rc_release(map);
}

// ---- at every moment of a collection

static struct item *k, *v;
static struct rc_weak_map *m;

//   way_m --> m, way_k --> k: (m, k) -> v --> k, m     all suspects; garbage of its own, so that each phase is come to
static struct holder *way_m, *way_k;
static void scene(void) {
    struct item *g = item_new(9);
    rc_set(&g->back, (void *)g);
    rc_release(g);
    m = map_new();
    k = item_new(1);
    v = item_new(2);
    EXPECT(rc_weak_map_put(m, k, v));
    struct rc_array *both = rc_array_new(&rc_link_element);
    rc_array_push(both, k);
    rc_array_push(both, m);
    rc_give(&v->back, (void *)both);
    way_m = holder_of(m);
    way_k = holder_of(k);
    rc_release(v);
    stir(way_m);
    stir(way_k);
}

static void all_gone(void) {
    rc_release(way_m);
    rc_release(way_k);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, stats().objects);
}

static void stays(void) {
    scene();
    some_work();
    EXPECT_PTR(v, rc_weak_map_get(m, k));
    rc_collect();
    EXPECT_PTR(v, rc_weak_map_get(m, k));
    EXPECT_EQ(2, items_alive);
    all_gone();
}
TEST(entry_of_living_key_and_map_stays_at_any_moment) {
    EXPECT_PHASES(sweep(stays), PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE) | PHASE(DESTROY) | PHASE(FREE));
}

static void key_goes(void) {
    scene();
    some_work();
    rc_clear(&way_k->held);
    some_work();
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, rc_weak_map_size(m));
    all_gone();
}
TEST(key_goes_at_any_moment) {
    EXPECT_PHASES(sweep(key_goes), PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE) | PHASE(DESTROY) | PHASE(FREE));
}

static void map_goes(void) {
    scene();
    some_work();
    rc_clear(&way_m->held);
    some_work();
    rc_collect();
    EXPECT_EQ(1, items_alive);
    EXPECT_EQ(3, stats().objects); // the ways and the key
    all_gone();
}
TEST(map_goes_at_any_moment) {
    EXPECT_PHASES(sweep(map_goes), PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE) | PHASE(DESTROY) | PHASE(FREE));
}

static void both_go(void) {
    scene();
    some_work();
    rc_clear(&way_m->held);
    some_work();
    rc_clear(&way_k->held);
    all_gone();
}
TEST(key_and_map_go_at_any_moment, .limit = 60) {
    EXPECT_PHASES(sweep(both_go), PHASE(BUILD) | PHASE(VALIDATE));
}

// The value is got, and saved, and the rest dropped.
static void value_is_saved(void) {
    scene();
    some_work();
    struct item *saved_value = rc_retain(rc_weak_map_get(m, k));
    rc_clear(&way_k->held);
    rc_clear(&way_m->held);
    some_work();
    EXPECT_EQ(2, saved_value->id);
    EXPECT_EQ(1, rc_array_size(saved_value->back) / 2);
    EXPECT_PTR(saved_value, rc_weak_map_get(m, k)); // it leads to both
    rc_release(saved_value);
    all_gone();
}
TEST(value_that_is_got_at_any_moment_is_safe) {
    EXPECT_PHASES(sweep(value_is_saved), PHASE(BUILD) | PHASE(VALIDATE));
}

static void entry_is_changed(void) {
    scene();
    some_work();
    struct item *w = item_new(3);
    EXPECT(rc_weak_map_put(m, k, w));
    rc_give(&w->back, rc_retain((void *)m));
    rc_release(w);
    some_work();
    EXPECT_PTR(w, rc_weak_map_get(m, k));
    EXPECT(rc_weak_map_remove(m, k));
    EXPECT(rc_weak_map_put(m, k, k));
    rc_collect();
    EXPECT_PTR(k, rc_weak_map_get(m, k));
    EXPECT_EQ(1, items_alive);
    all_gone();
}
TEST(entry_that_changes_at_any_moment_is_safe) {
    EXPECT_PHASES(sweep(entry_is_changed), PHASE(BUILD) | PHASE(VALIDATE));
}

// While the collector destroys an entry with its map, the key dies by count; and the other way round.
static void key_dies_meanwhile(void) {
    scene();
    rc_array_remove(v->back, 0); // v leads to m only
    rc_clear(&way_m->held);
    some_work();
    rc_clear(&way_k->held);
    all_gone();
}
static void map_dies_meanwhile(void) {
    scene();
    rc_array_remove(v->back, 1); // v leads to k only
    rc_clear(&way_k->held);
    some_work();
    rc_clear(&way_m->held);
    all_gone();
}
TEST(other_half_dies_by_count_while_the_entry_is_destroyed) {
    const unsigned phases = PHASE(BUILD) | PHASE(VALIDATE) | PHASE(DESTROY) | PHASE(FREE);
    EXPECT_PHASES(sweep(key_dies_meanwhile), phases);
    EXPECT_PHASES(sweep(map_dies_meanwhile), phases);
}

struct hub { struct hub *key; struct rc_weak_map *map; };
RC_TYPE(hub, struct hub, .slots = RC_SLOTS(RC_LINK(struct hub, key), RC_LINK(struct hub, map)));

// The key has a handle when the collector looks at what it takes for garbage, and so the entry is kept, and its value, which
// nothing else leads to that is alive. No more than for that collection.
static void value_is_kept_in_vain(void) {
    struct hub *hub = rc_new(&hub_type), *key = rc_new(&hub_type);
    struct rc_weak_map *map = rc_weak_map_new();
    rc_give(&hub->map, map);
    rc_set(&hub->key, key);
    rc_give(&key->key, key);
    some_work();
    key = rc_retain(hub->key);
    EXPECT(rc_weak_map_put(hub->map, key, hub));
    rc_release(hub);
    while (rc_collect_pending())
        rc_collect_step(0);
    EXPECT_EQ(1, stats().objects);
    rc_release(key);
    rc_collect();
}
TEST(what_a_pardoned_key_has_kept_is_looked_at_again) {
    EXPECT_PHASES(sweep(value_is_kept_in_vain), PHASE(ROOTS));
}

TEST(the_same_with_destruction_in_slices, .limit = 60) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    sweep(key_dies_meanwhile);
    sweep(map_dies_meanwhile);
    sweep(key_goes);
    sweep(map_goes);
    sweep(both_go);
    rc_heap_leave(heap);
    free_heap(heap);
}

// ---- heaps

TEST(entries_go_with_their_heap) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    scene();
    rc_heap_leave(heap);
    EXPECT_EQ(2, rc_heap_free(heap));
    EXPECT_EQ(0, items_alive);
}

TEST(entries_survive_a_merge) {
    struct rc_heap *heap = rc_heap_new(NULL);
    struct rc_weak_map *own = map_new();
    struct item *own_key = item_new(5);
    EXPECT(rc_weak_map_put(own, own_key, own_key));
    rc_heap_enter(heap);
    scene();
    rc_heap_leave(heap);
    EXPECT(rc_heap_merge(rc_heap_default(), heap));
    EXPECT_PTR(v, rc_weak_map_get(m, k));
    EXPECT_PTR(own_key, rc_weak_map_get(own, own_key));
    EXPECT(rc_weak_map_put(own, k, v));
    EXPECT(rc_weak_map_put(m, own_key, k));
    rc_release(way_k);
    rc_release(own_key);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, rc_weak_map_size(m) + rc_weak_map_size(own));
    rc_release(way_m);
    rc_release(own);
    rc_collect();
}

//   here: map, key; there: value --> key
TEST(ephemeron_over_two_heaps_is_collected_with_them) {
    for (int which = 0; which < 2; which++) {
        struct rc_heap *heap = rc_heap_new(NULL);
        struct rc_weak_map *map = map_new();
        struct item *key = item_new(1);
        rc_heap_enter(heap);
        struct item *value = item_new(2);
        rc_set(&value->back, which ? (void *)map : (void *)key);
        rc_heap_leave(heap);
        EXPECT(rc_weak_map_put(map, key, value));
        rc_release(value);
        struct rc_heap *both[] = {rc_heap_default(), heap};
        rc_collect_heaps(both, 2);
        EXPECT_PTR(value, rc_weak_map_get(map, key));
        rc_release(which ? (void *)map : (void *)key);
        rc_collect();
        EXPECT_EQ(2, items_alive); // to each heap alone it is held by the other
        rc_collect_heaps(both, 2);
        EXPECT_EQ(which ? 1 : 0, items_alive);
        rc_release(which ? (void *)key : (void *)map);
        EXPECT_EQ(0, stats().objects);
        free_heap(heap);
    }
}

TEST(bad_input_is_a_fault) {
    struct rc_weak_map *map = map_new();
    struct item *x = item_new(1);
    faults_begin();
    EXPECT(!rc_weak_map_put(NULL, x, x));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_weak_map_put");
    EXPECT(!rc_weak_map_put(map, NULL, x));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_weak_map_put");
    EXPECT_PTR(NULL, rc_weak_map_get(NULL, x));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_weak_map_get");
    EXPECT_PTR(NULL, rc_weak_map_get(map, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_weak_map_get");
    EXPECT(!rc_weak_map_remove(map, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_weak_map_remove");
    rc_weak_map_clear(NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_weak_map_clear");
    EXPECT_EQ(0, rc_weak_map_size(NULL));
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    struct item *there = item_new(2);
    rc_heap_leave(heap);
    EXPECT(!rc_weak_map_put(map, there, x));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_weak_map_put");
    EXPECT(!rc_weak_map_has(map, there));
    EXPECT_NO_FAULT();
    rc_release(there);
    free_heap(heap);
    EXPECT_EQ(0, rc_weak_map_size(map));
    EXPECT_EQ(0, rc_links(x));
    rc_release(x);
    rc_release(map);
}

struct clearer {
    struct rc_weak_map *map; // borrowed
};
static size_t clearers_gone;

static void clearer_destroy(void *obj) {
    clearers_gone++;
    fail_allocation(0, false);
    rc_weak_map_clear(((struct clearer *)obj)->map);
}
RC_TYPE(clearer, struct clearer, .destroy = clearer_destroy);

//   Cleared one entry after the other, as there is no memory to do it at once. The first value clears the map as it dies, and
//   then there is. (What would be read of the table that is gone by then, a sanitizer sees.)
TEST(value_clears_the_map_that_is_cleared_without_memory) {
    struct rc_heap *heap = scarce_enter();
    struct rc_weak_map *map = map_new();
    struct item *key[] = {item_new(0), item_new(1)};
    for (int i = 0; i < 2; i++) {
        struct clearer *value = rc_new(&clearer_type);
        REQUIRE(value);
        value->map = map;
        EXPECT(rc_weak_map_put(map, key[i], value));
        rc_release(value);
    }
    fail_allocation(1, false);
    rc_weak_map_clear(map);
    EXPECT_EQ(2, clearers_gone);
    EXPECT_EQ(0, rc_weak_map_size(map));
    rc_release(key[0]);
    rc_release(key[1]);
    rc_release(map);
    scarce_leave(heap);
}

TEST(without_memory_nothing_changes) {
    struct rc_heap *heap = scarce_enter();
    struct rc_weak_map *map, *other = map_new();
    EACH_FAILURE_OF(map, rc_weak_map_new()) {
        EXPECT_PTR(NULL, map);
        EXPECT_EQ(ENOMEM, errno);
    }
    enum { N = 30 };
    struct item *key[N], *value = item_new(99);
    for (int i = 0; i < N; i++) {
        key[i] = item_new(i);
        struct rc_weak_map *both[] = {map, other};
        for (int w = 0; w < 2; w++) {
            size_t size = rc_weak_map_size(both[w]), links = rc_links(value), objects = stats().objects;
            EACH_FAILURE(ok, rc_weak_map_put(both[w], key[i], value)) {
                EXPECT(!ok);
                EXPECT_EQ(ENOMEM, errno);
                EXPECT_EQ(size, rc_weak_map_size(both[w]));
                EXPECT_EQ(links, rc_links(value));
                EXPECT_EQ(objects, stats().objects);
                EXPECT(!rc_weak_map_has(both[w], key[i]));
            }
            EXPECT(ok);
        }
    }
    EACH_FAILURE(cleared, (rc_weak_map_clear(map), true)) {
        EXPECT_EQ(0, rc_weak_map_size(map));
        for (int i = 0; i < N; i++)
            EXPECT(rc_weak_map_put(map, key[i], value));
    }
    EXPECT(cleared);
    EXPECT_EQ(N, rc_links(value));
    items_release(key, N);
    EXPECT_EQ(0, rc_links(value));
    rc_release(value);
    rc_release(map);
    rc_release(other);
    scarce_leave(heap);
}

TEST(many_entries_go_piece_by_piece, .limit = 60) {
    enum { PIECE = 1024, AHEAD = 64, PARTS = 16 };
    size_t n = scaled(300000);
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    struct item **key = malloc(n * sizeof *key);
    REQUIRE(key);
    for (int how = 0; how < 3; how++) {
        struct rc_weak_map *map = map_new();
        struct item *value = item_new(0);
        rc_set(&value->back, how == 0 ? (void *)map : NULL);
        for (size_t i = 0; i < n; i++) {
            key[i] = item_new((int)i);
            REQUIRE(rc_weak_map_put(map, key[i], value));
        }
        rc_release(value);
        if (how == 1)
            rc_weak_map_clear(map);
        rc_release(map); // how 0: in a cycle with the value; 2: by count
        size_t worst = 0, worst_edges = 0;
        for (bool more = true; more;) {
            size_t objects = stats().objects;
            uint64_t edges = stats().edges;
            more = rc_collect_step(0) == RC_STEP_MORE;
            size_t gone = objects - stats().objects;
            if (gone > worst)
                worst = gone;
            if (stats().edges - edges > worst_edges)
                worst_edges = stats().edges - edges;
        }
        EXPECT_AT_MOST(PIECE, worst);
        EXPECT_AT_MOST(PIECE + AHEAD, worst_edges);
        EXPECT_EQ(n, items_alive);
        EXPECT_EQ(n, stats().objects);
        for (size_t i = 0; i < n; i++)
            rc_release(key[i]);
        rc_collect();
        EXPECT_EQ(0, stats().objects);
    }
    free(key);
    rc_heap_leave(heap);
    free_heap(heap);
}

// ---- random graphs

enum { NODES = 12, MAPS = 4, SLOTS = 2 };

struct vertex {
    void *slot[SLOTS]; // to vertices and maps
    int id;
};
static struct vertex *vertex[NODES];
static struct rc_weak_map *maps[MAPS];
static bool vertex_alive[NODES], held[NODES], map_held[MAPS];
static struct { bool there; int value; } entry[MAPS][NODES]; // value -1: NULL
static uint32_t seed;
static void *at[NODES + MAPS]; // what slots have for them; NULL: out of reach
static uint32_t chance(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void vertex_destroy(void *obj) {
    vertex_alive[((struct vertex *)obj)->id] = false;
}
static RC_TYPE(vertex, struct vertex, .slots = RC_SLOTS(RC_LINK(struct vertex, slot)), .destroy = vertex_destroy);

// What can be reached, as bits: vertices first, then maps.
static unsigned reachable(void) {
    unsigned seen = 0, before;
    for (int i = 0; i < NODES; i++)
        seen |= vertex_alive[i] && held[i] ? 1u << i : 0;
    for (int i = 0; i < MAPS; i++)
        seen |= map_held[i] ? 1u << (NODES + i) : 0;
    do {
        before = seen;
        for (int i = 0; i < NODES; i++)
            for (int s = 0; s < SLOTS && seen >> i & 1; s++)
                for (int t = 0; t < NODES + MAPS; t++)
                    if (vertex[i]->slot[s] && vertex[i]->slot[s] == at[t])
                        seen |= 1u << t;
        for (int x = 0; x < MAPS; x++)
            for (int i = 0; i < NODES; i++)
                if (entry[x][i].there && entry[x][i].value >= 0 && seen >> (NODES + x) & 1 && seen >> i & 1)
                    seen |= 1u << entry[x][i].value;
    } while (seen != before);
    for (int t = 0; t < NODES + MAPS; t++)
        if (!(seen >> t & 1))
            at[t] = NULL; // once out of reach, always; and its address may be another's soon
    return seen;
}

static void expect_sound(bool quiet) {
    unsigned seen = reachable();
    for (int i = 0; i < NODES; i++) {
        if (seen >> i & 1)
            EXPECT(vertex_alive[i]);
        else if (quiet)
            EXPECT(!vertex_alive[i]);
    }
    for (int x = 0; x < MAPS; x++)
        for (int i = 0; i < NODES; i++)
            if (seen >> (NODES + x) & 1 && seen >> i & 1) {
                EXPECT_EQ(entry[x][i].there, rc_weak_map_has(maps[x], vertex[i]));
                if (entry[x][i].there && entry[x][i].value >= 0)
                    EXPECT_PTR(vertex[entry[x][i].value], rc_weak_map_get(maps[x], vertex[i]));
            }
    if (test_failures())
        test_stop();
}

// The [n]th thing that can be reached, or -1.
static int pick(unsigned seen, int from, int to) {
    int n = 0, all = __builtin_popcount(seen >> from & ((1u << (to - from)) - 1));
    int want = all ? (int)chance((uint32_t)all) : -1;
    for (int i = from; i < to; i++)
        if (seen >> i & 1 && n++ == want)
            return i;
    return -1;
}

static void new_vertex(int i) {
    vertex[i] = at[i] = rc_new(&vertex_type);
    REQUIRE(vertex[i]);
    vertex[i]->id = i;
    vertex_alive[i] = held[i] = true;
    for (int x = 0; x < MAPS; x++)
        entry[x][i].there = false;
}

static void one_change(void) {
    unsigned seen = reachable();
    int a = pick(seen, 0, NODES), b = pick(seen, 0, NODES + MAPS), c = pick(seen, 0, NODES);
    int x = pick(seen, NODES, NODES + MAPS) - NODES;
    switch (chance(12)) {
    case 0:
    case 1:
        for (int i = 0; i < NODES; i++)
            if (!vertex_alive[i] && !(seen >> i & 1)) {
                new_vertex(i);
                break;
            }
        break;
    case 2:
    case 3:
        if (a >= 0)
            rc_set_slot(&vertex[a]->slot[chance(SLOTS)], b >= 0 ? at[b] : NULL);
        break;
    case 4:
        if (a >= 0)
            rc_set_slot(&vertex[a]->slot[chance(SLOTS)], NULL);
        break;
    case 5:
    case 6:
        if (a >= 0 && held[a]) {
            held[a] = false;
            rc_release(vertex[a]);
        }
        break;
    case 7:
        if (a >= 0 && !held[a]) {
            held[a] = true;
            (void)rc_retain(vertex[a]);
        }
        break;
    case 8:
    case 9:
        if (x >= 0 && a >= 0 && c >= 0) {
            entry[x][a].there = true;
            entry[x][a].value = chance(8) ? c : -1;
            EXPECT(rc_weak_map_put(maps[x], vertex[a], entry[x][a].value < 0 ? NULL : (void *)vertex[c]));
        }
        break;
    case 10:
        if (x >= 0 && a >= 0) {
            EXPECT_EQ(entry[x][a].there, rc_weak_map_remove(maps[x], vertex[a]));
            entry[x][a].there = false;
        } else if (x >= 0 && chance(4) == 0) {
            rc_weak_map_clear(maps[x]);
            memset(entry[x], 0, sizeof entry[x]);
        }
        break;
    case 11:
        if (x >= 0 && chance(3) == 0) {
            if (map_held[x])
                rc_release(maps[x]);
            else
                (void)rc_retain(maps[x]);
            map_held[x] = !map_held[x];
        }
        break;
    }
}

static void random_graph(uint32_t with_seed, size_t release_limit) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = release_limit});
    rc_heap_enter(heap);
    seed = with_seed;
    memset(entry, 0, sizeof entry);
    memset(vertex_alive, 0, sizeof vertex_alive);
    for (int x = 0; x < MAPS; x++) {
        maps[x] = at[NODES + x] = map_new();
        map_held[x] = true;
    }
    for (int i = 0; i < NODES; i++)
        new_vertex(i);
    for (size_t n = 0; n < 400; n++) {
        test_note("seed %u, change %zu", with_seed, n);
        one_change();
        for (uint32_t units = chance(3) ? chance(4) : chance(40); units; units--)
            rc_collect_step(0);
        expect_sound(false);
        if (chance(50) == 0) {
            rc_collect();
            expect_sound(true);
        }
    }
    for (int i = 0; i < NODES; i++)
        if (vertex_alive[i] && held[i]) {
            held[i] = false;
            rc_release(vertex[i]);
        }
    rc_collect();
    expect_sound(true);
    for (int x = 0; x < MAPS; x++)
        if (map_held[x])
            rc_release(maps[x]);
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(random_graphs_with_entries, .limit = 120) {
    for (uint32_t s = 1; s <= scaled(1500); s++)
        random_graph(s, s % 3 == 0 ? 1 : 0);
}

// ---- keys of merged heaps

// Enters [heap] with a handle of an item in it: [heap] has the type then.
static struct item *item_in(struct rc_heap *heap, int id) {
    rc_heap_enter(heap);
    struct item *item = item_new(id);
    rc_heap_leave(heap);
    return item;
}

//   map entry: key --> value --> key, where the type of the key was that of keys in one of the heaps only, or in none
static void entry_keeps_no_key(struct rc_heap *heap, struct item *key) {
    rc_heap_enter(heap);
    struct rc_weak_map *map = map_new();
    struct holder *value = holder_of(rc_retain(key));
    EXPECT(rc_weak_map_put(map, key, value));
    rc_release(value);
    size_t before = items_alive;
    rc_release(key);
    rc_collect();
    EXPECT_EQ(before - 1, items_alive);
    EXPECT_EQ(0, rc_weak_map_size(map));
    rc_release(map);
    rc_heap_leave(heap);
}

TEST(types_of_keys_are_so_in_all_of_a_merged_heap) {
    for (unsigned keyed = 0; keyed < 8; keyed++) { // which of the three heaps have keys before the merges
        struct rc_heap *heaps[3];
        struct item *stays[3], *key[3];
        test_note("keys in %u", keyed);
        for (int i = 0; i < 3; i++) {
            heaps[i] = rc_heap_new(NULL);
            stays[i] = item_in(heaps[i], 10 * i);
            key[i] = item_in(heaps[i], 10 * i + 1);
            if (keyed & 1u << i)
                entry_keeps_no_key(heaps[i], item_in(heaps[i], 10 * i + 2));
        }
        REQUIRE(rc_heap_merge(heaps[0], heaps[1]));
        REQUIRE(rc_heap_merge(heaps[0], heaps[2]));
        for (int i = 2; i >= 0; i--)
            entry_keeps_no_key(heaps[0], key[i]);
        rc_heap_enter(heaps[0]);
        for (int i = 0; i < 3; i++)
            rc_release(stays[i]);
        rc_heap_leave(heaps[0]);
        free_heap(heaps[0]);
    }
    test_note("%s", "");
    EXPECT_EQ(0, items_alive);
}

TEST(room_for_entries_can_be_asked_for) {
    struct rc_weak_map *map = map_new();
    EXPECT(rc_weak_map_reserve(map, 100));
    EXPECT_EQ(0, rc_weak_map_size(map));
    rc_weak_map_clear(map); // of none
    rc_release(map);
}
