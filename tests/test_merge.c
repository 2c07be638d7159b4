// SPDX-License-Identifier: MIT
// rc_heap_merge: two heaps become one. Each promise of its comment, each state that either heap may be in, and other threads
// that hold what moves.
#define _GNU_SOURCE
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/scarce.h"
#include "tests/vector.h"
#include <malloc.h> // mallinfo2, of glibc
#include <refcyc/array.h>
#include <refcyc/string.h>
#include <refcyc/weak_map.h>
#include <sched.h>
#include <stdatomic.h>

static void merge(struct rc_heap *into, struct rc_heap *from) {
    REQUIRE(rc_heap_merge(into, from));
}

static void *enter_and_leave(void *heap) {
    if (!rc_heap_try_enter(heap))
        return NULL;
    rc_heap_leave(heap);
    return heap;
}

// ---- what moves

//   (k) a --> b --> a, c
TEST(objects_stay_where_they_are_and_as_they_are) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(k, "ab ba ac");
    struct node *a = at('a'), *b = at('b'), *c = at('c');
    merge(h, k);
    EXPECT_PTR(NULL, rc_heap_current());
    EXPECT_PTR(h, rc_heap_of(a));
    EXPECT_PTR(h, rc_heap_of(c));
    EXPECT_PTR(b, a->x);
    EXPECT_PTR(c, a->y);
    EXPECT_PTR(&node_type, rc_type_of(a));
    rc_heap_enter(h);
    EXPECT_EQ(1, rc_handles(b));
    EXPECT_EQ(1, rc_links(b));
    EXPECT_EQ(3, stats().objects);
    EXPECT_EQ(3, stats().allocated);
    drop("c");
    rc_clear(&a->y);
    EXPECT_STR("c", gone());
    drop("ab");
    EXPECT_EQ(2, rc_collect());
    EXPECT_EQ(0, stats().objects);
    EXPECT_EQ(0, stats().bytes);
    EXPECT_EQ(3, stats().allocated);
    rc_heap_leave(h);
    free_heap(h);
}

TEST(both_heaps_objects_can_be_linked_like_any_others) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(h, "a");
    graph_in(k, "b");
    merge(h, k);
    rc_heap_enter(h);
    graph("ab ba");
    EXPECT_EQ(1, rc_links(at('b')));
    EXPECT_EQ(1, rc_handles(at('b')));
    drop("ab");
    EXPECT_EQ(2, rc_collect());
    rc_heap_leave(h);
    free_heap(h);
}

TEST(what_is_made_after_the_merge_is_like_what_was_made_before) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(k);
    struct node *big = rc_new_sized(&node_type, 5000), *small = rc_new_sized(&node_type, 200);
    rc_heap_leave(k);
    graph_in(h, "a");
    merge(h, k);
    rc_heap_enter(h);
    for (int i = 0; i < 3000; i++) { // of all sizes, beyond the pages that both heaps had
        struct node *n = rc_new_sized(&node_type, (size_t)(i * 7 % 700));
        n->name = 'n';
        rc_set(&n->x, i % 2 ? big : small);
        rc_set(&n->y, n);
        rc_release(n);
    }
    EXPECT_EQ(3000, rc_collect());
    EXPECT_EQ(0, rc_links(big));
    rc_release(big);
    rc_release(small);
    drop("a");
    EXPECT_EQ(0, stats().objects);
    EXPECT_EQ(0, stats().bytes);
    rc_heap_leave(h);
    free_heap(h);
}

static const struct rc_type pair_type = {"pair", sizeof(struct node),
                                         .slots = RC_SLOTS(RC_LINK(struct node, x), RC_LINK(struct node, y))};
static const struct rc_type types[] = {
    {"of from", sizeof(struct node), .base = &pair_type, .slots = NULL},
    {"of into", sizeof(struct node), .base = &pair_type, .slots = NULL},
    {"of both", sizeof(struct node), .base = &pair_type, .slots = NULL}};

//   ring[i] <--> other, ring[i] --> tail: of all sizes, of those types that [made] has the bit of
static void make_rings(struct node **ring, unsigned made, int n) {
    for (int i = 0; i < n; i++) {
        const struct rc_type *type = &types[i % 3];
        if (!(made & 1u << i % 3))
            continue;
        ring[i] = i % 2 ? rc_new(type) : rc_new_sized(type, (size_t)i * 7 % 700);
        struct node *other = rc_new(type);
        rc_set(&other->x, ring[i]);
        rc_give(&ring[i]->x, other);
        rc_give(&ring[i]->y, rc_new(type));
    }
}

// Heaps look into the environment when they are made. (In some builds none has pages, and this is nothing new.)
TEST(heap_with_pages_and_one_without_become_one) {
    enum { N = 600 };
    static struct node *before[N], *mine[N], *after[N];
    for (int paged = 0; paged <= 1; paged++) {
        setenv("REFCYC_MALLOC", paged ? "0" : "1", 1);
        struct rc_heap *h = new_heap();
        setenv("REFCYC_MALLOC", paged ? "1" : "0", 1);
        struct rc_heap *k = new_heap();
        unsetenv("REFCYC_MALLOC");
        rc_heap_enter(k);
        make_rings(before, 1 | 4, N);
        rc_heap_leave(k);
        rc_heap_enter(h);
        make_rings(mine, 2 | 4, N);
        merge(h, k);
        make_rings(after, 1 | 2 | 4, N);
        for (int i = 0; i < N; i++) {
            struct node **some[] = {before, mine, after};
            for (int j = 0; j < 3; j++) {
                if (i % 5 == 0 && some[j][i])
                    rc_clear(&some[j][i]->x); // it dies by count
                rc_release(some[j][i]);
                some[j][i] = NULL;
            }
            if (i % 50 == 0)
                EXPECT_EQ(0, rc_verify(NULL, NULL));
        }
        rc_collect();
        EXPECT_EQ(0, stats().objects);
        EXPECT_EQ(0, stats().bytes);
        rc_trim(SIZE_MAX);
        EXPECT(stats().memory < 65536); // no page, and no block
        rc_heap_leave(h);
        free_heap(h);
    }
}

TEST(heap_merged_into_an_empty_one_and_an_empty_one_into_it) {
    struct rc_heap *h = new_heap(), *k = new_heap(), *l = new_heap();
    merge(h, k);
    graph_in(l, "ab ba");
    merge(h, l);
    drop_in(h, "ab");
    merge(h, new_heap());
    EXPECT_EQ(2, collect_in(h));
    free_heap(h);
}

TEST(figures_are_added_up) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(h, "aa b");
    graph_in(k, "cc d e");
    drop_in(h, "a");
    drop_in(k, "cd");
    collect_in(h);
    collect_in(k);
    struct rc_stats a = stats_in(h), b = stats_in(k);
    EXPECT_EQ(1, a.reclaimed_collect);
    EXPECT_EQ(1, b.reclaimed_collect);
    EXPECT_EQ(1, b.reclaimed_count);
    merge(h, k);
    struct rc_stats both = stats_in(h);
    EXPECT_EQ(a.objects + b.objects, both.objects);
    EXPECT_EQ(a.bytes + b.bytes, both.bytes);
    EXPECT_EQ(a.allocated + b.allocated, both.allocated);
    EXPECT_EQ(2, both.reclaimed_collect);
    EXPECT_EQ(1, both.reclaimed_count);
    EXPECT_EQ(a.collections + b.collections, both.collections);
    EXPECT_EQ(a.nodes + b.nodes, both.nodes);
    EXPECT_EQ(a.edges + b.edges, both.edges);
    drop_in(h, "be");
    free_heap(h);
}

struct member {
    struct member *owner, *part;
};
RC_TYPE(member, struct member, .slots = RC_SLOTS(RC_OWNER(struct member, owner), RC_LINK(struct member, part)));

// whole <-> part <-> part of that. Has a collection climb from the last to the first, which is held. Returns that.
static struct member *climb_in(struct rc_heap *heap) {
    rc_heap_enter(heap);
    struct member *whole = rc_new(&member_type), *last = whole;
    REQUIRE(whole);
    for (int i = 0; i < 2; i++, last = last->part) {
        struct member *part = rc_new(&member_type);
        REQUIRE(part);
        rc_set(&part->owner, last);
        rc_give(&last->part, part);
    }
    rc_collect();
    touch_object(last);
    rc_collect();
    rc_heap_leave(heap);
    return whole;
}

TEST(steps_up_chains_of_owners_are_added_up) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    struct member *a = climb_in(h), *b = climb_in(k);
    uint64_t steps = stats_in(k).climbed;
    EXPECT(steps > 0 && stats_in(h).climbed == steps);
    merge(h, k);
    EXPECT_EQ(2 * steps, stats_in(h).climbed);
    rc_heap_enter(h);
    rc_release(a);
    rc_release(b);
    EXPECT_EQ(6, rc_collect());
    rc_heap_leave(h);
    free_heap(h);
}

static size_t census_objects, census_bytes, census_types;
static void count(const struct rc_type *type, size_t objects, size_t bytes, void *arg) {
    (void)arg;
    census_types++;
    if (type == &node_type) {
        census_objects += objects;
        census_bytes += bytes;
    }
}

TEST(census_names_each_type_once) {
    struct rc_heap *h = new_heap();
    graph_in(h, "a");
    for (char name = 'b'; name < 'e'; name++) {
        struct rc_heap *k = new_heap();
        graph_in(k, (const char[]){name, 0});
        merge(h, k);
    }
    struct rc_heap *k = new_heap();
    graph_in(k, "E");
    merge(h, k);
    rc_heap_enter(h);
    rc_census(count, NULL);
    EXPECT_EQ(2, census_types);
    EXPECT_EQ(4, census_objects);
    EXPECT_EQ(4 * stats().bytes / 5, census_bytes);
    drop("bcd");
    census_types = census_objects = census_bytes = 0;
    rc_census(count, NULL);
    EXPECT_EQ(2, census_types);
    EXPECT_EQ(1, census_objects);
    drop("aE");
    rc_heap_leave(h);
    free_heap(h);
}

TEST(immortal_objects_stay_immortal) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(k, "ab");
    rc_heap_enter(k);
    rc_immortal(at('b'));
    rc_heap_leave(k);
    graph_in(h, "gb"); // a link to it from the other heap
    merge(h, k);
    rc_heap_enter(h);
    for (int i = 0; i < 10; i++)
        rc_release(at('b'));
    rc_clear(&at('g')->x);
    drop("ag");
    rc_collect();
    EXPECT_STR("ag", gone_sorted());
    rc_heap_leave(h);
    EXPECT_EQ(0, rc_heap_free(h));
}

// ---- which heaps can be merged, and where the thread is afterwards

TEST(thread_is_inside_what_it_was_inside_but_not_inside_what_is_gone) {
    struct rc_heap *h = new_heap(), *k[4];
    for (int i = 0; i < 4; i++) {
        k[i] = new_heap();
        rc_heap_enter(k[i]);
        rc_release(rc_new(&vector_type));
        rc_heap_leave(k[i]);
    }
    rc_heap_enter(h); // inside [h] only
    merge(h, k[0]);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_enter(k[1]); // inside both, [from] last
    merge(h, k[1]);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_leave(h);
    EXPECT_PTR(NULL, rc_heap_current());
    rc_heap_enter(k[2]);
    rc_heap_enter(h); // inside both, [from] first
    rc_heap_enter(h);
    merge(h, k[2]);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_leave(h);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_leave(h);
    EXPECT_PTR(NULL, rc_heap_current());
    rc_heap_enter(k[3]); // inside [from] only
    merge(h, k[3]);
    EXPECT_PTR(NULL, rc_heap_current());
    EXPECT_PTR(h, elsewhere(enter_and_leave, h)); // it was left
    free_heap(h);
}

static bool merge_and_say_odd(const void *element, void *heaps) {
    struct rc_heap **h = heaps;
    if (h[1])
        merge(h[0], h[1]);
    h[1] = NULL;
    return *(const int *)element % 2;
}

// What the call had from the one heap goes back to the other one.
TEST(test_of_elements_may_merge_the_heap_of_its_array) {
    for (int chosen = 0; chosen < 2; chosen++) {
        struct rc_heap *h = new_heap(), *k = new_heap();
        rc_heap_enter(h);
        rc_heap_enter(k);
        struct rc_array *a = rc_array_new(&rc_int_element);
        EXPECT(rc_array_reserve(a, 4000));
        for (int i = 0; i < 4000; i++)
            EXPECT(rc_array_push_value(a, &(int){2 * i + chosen}));
        size_t memory = stats().memory, removed;
        EXPECT(rc_array_remove_if(a, merge_and_say_odd, (struct rc_heap *[]){h, k}, &removed));
        EXPECT_PTR(h, rc_heap_current());
        EXPECT_EQ(chosen ? 4000 : 0, removed);
        EXPECT(stats().memory < memory + 500);
        rc_release(a);
        rc_heap_leave(h);
        free_heap(h);
    }
}

TEST(heaps_that_cannot_be_merged_are_left_as_they_are) {
    struct rc_heap *h = new_heap(), *k = new_heap(), *scarce = scarce_enter();
    rc_heap_leave(scarce);
    graph_in(h, "a");
    graph_in(k, "b");
    faults_begin();
    errno = 0;
    EXPECT(!rc_heap_merge(h, h));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_NO_FAULT();
    EXPECT(!rc_heap_merge(NULL, k));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_heap_merge");
    EXPECT(!rc_heap_merge(h, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_heap_merge");
    errno = 0;
    EXPECT(!rc_heap_merge(h, scarce)); // another allocator
    EXPECT_EQ(EINVAL, errno);
    errno = 0;
    EXPECT(!rc_heap_merge(scarce, h));
    EXPECT_EQ(EINVAL, errno);
    rc_heap_enter(k);
    rc_heap_enter(h);
    rc_heap_enter(k);
    errno = 0;
    EXPECT(!rc_heap_merge(h, k)); // inside twice
    EXPECT_EQ(EINVAL, errno);
    EXPECT_PTR(k, rc_heap_current());
    rc_heap_leave(k);
    rc_heap_leave(h);
    rc_heap_leave(k);
    EXPECT_NO_FAULT();
    EXPECT_PTR(NULL, rc_heap_current());
    EXPECT_PTR(h, rc_heap_of(at('a')));
    EXPECT_PTR(k, rc_heap_of(at('b')));
    drop_in(h, "a");
    drop_in(k, "b");
    free_heap(h);
    free_heap(k);
    rc_heap_enter(scarce);
    scarce_leave(scarce);
}

static struct rc_heap *callback_h, *callback_k;
static unsigned merges_tried;
static void try_to_merge(struct node *node) {
    (void)node;
    merges_tried++;
    errno = 0;
    EXPECT(!rc_heap_merge(callback_h, callback_k));
    EXPECT_EQ(EINVAL, errno);
    EXPECT(!rc_heap_merge(callback_k, callback_h));
}

//   A <--> b: a finalizer and destructors, by count, by collection and at a heap's end
TEST(callbacks_cannot_merge) {
    callback_h = new_heap();
    callback_k = new_heap();
    on_destroy = on_finalize = try_to_merge;
    graph_in(callback_h, "A");
    drop_in(callback_h, "A");
    EXPECT_EQ(2, merges_tried);
    graph_in(callback_h, "Bc cB");
    drop_in(callback_h, "Bc");
    EXPECT_EQ(2, collect_in(callback_h));
    EXPECT_EQ(5, merges_tried);
    graph_in(callback_h, "D");
    EXPECT_EQ(1, rc_heap_free(callback_h));
    EXPECT_EQ(7, merges_tried);
    free_heap(callback_k);
}

TEST(default_heap_can_be_merged_and_made_again) {
    struct rc_heap *h = new_heap(), *before = rc_heap_default();
    graph("ab ba"); // inside the default heap, once
    EXPECT_PTR(before, rc_heap_current());
    merge(h, before);
    EXPECT_PTR(NULL, rc_heap_current());
    drop_in(h, "ab");
    EXPECT_EQ(2, collect_in(h));
    merge(rc_heap_default(), h);
    EXPECT_EQ(2, stats().reclaimed_collect);
}

static void *hand_over(void *heap) {
    struct rc_heap *mine = new_heap();
    rc_heap_enter(mine);
    graph("ab ba c");
    drop("ab");
    merge(heap, mine); // waits for the thread that is inside
    EXPECT_PTR(NULL, rc_heap_current());
    return at('c');
}

TEST(graph_built_by_a_worker_is_handed_over) {
    struct rc_heap *h = new_heap();
    void *c = elsewhere(hand_over, h);
    rc_heap_enter(h);
    EXPECT_PTR(at('c'), c);
    EXPECT_EQ(1, rc_handles(c));
    drop("c");
    EXPECT_EQ(2, rc_collect());
    rc_heap_leave(h);
    free_heap(h);
}

// Nodes that are destroyed the shortest way, and note nothing.
static const struct rc_type quiet_type = {"quiet", sizeof(struct node),
                                          .slots = RC_SLOTS(RC_LINK(struct node, x), RC_LINK(struct node, y))};

// One thread is inside [h] and merges [k] into it; the other one is inside [k], and enters [h] before it leaves.
static struct rc_heap *opposite_h, *opposite_k;
static atomic_uint inside;
static void *enter_the_other_way_round(void *arg) {
    (void)arg;
    rc_heap_enter(opposite_k);
    atomic_fetch_add(&inside, 1);
    while (atomic_load(&inside) < 2)
        sched_yield();
    rc_heap_enter(opposite_h);
    EXPECT_PTR(opposite_h, rc_heap_current());
    rc_heap_leave(opposite_h);
    rc_heap_leave(opposite_k);
    return NULL;
}

TEST(merge_deadlocks_with_nobody_who_is_inside_what_it_needs) {
    for (int round = 0; round < 100; round++) {
        opposite_h = new_heap(), opposite_k = new_heap();
        atomic_store(&inside, 0);
        pthread_t thread = start(enter_the_other_way_round, NULL);
        rc_heap_enter(opposite_h);
        atomic_fetch_add(&inside, 1);
        while (atomic_load(&inside) < 2)
            sched_yield();
        merge(opposite_h, opposite_k);
        EXPECT_PTR(opposite_h, rc_heap_current());
        rc_heap_leave(opposite_h);
        pthread_join(thread, NULL);
        free_heap(opposite_h);
    }
}

// ---- suspects, and what hangs between the heaps

//   (k) a <--> b, lost before the merge
TEST(suspects_come_along) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(h, "cd dc");
    graph_in(k, "ab ba");
    drop_in(h, "cd");
    drop_in(k, "ab");
    merge(h, k);
    EXPECT_EQ(4, stats_in(h).suspects);
    EXPECT_EQ(4, collect_in(h));
    free_heap(h);
}

TEST(thousands_of_suspects_come_along) {
    enum { N = 10000 };
    struct rc_heap *h = new_heap(), *k = new_heap();
    for (int part = 0; part < 2; part++) {
        rc_heap_enter(part ? k : h);
        for (int i = 0; i < N; i++) {
            struct node *n = rc_new(&node_type);
            n->name = 'n';
            rc_set(&n->x, n);
            rc_release(n);
        }
        rc_heap_leave(part ? k : h);
    }
    merge(h, k);
    EXPECT_EQ(2 * N, collect_in(h));
    free_heap(h);
}

// The merge makes room for what is there, and what is made after it has to have room of its own.
TEST(there_is_room_for_suspects_made_after_the_merge) {
    enum { CHUNK = 4096, N = 5 * CHUNK };
    static struct node *nodes[N + 4];
    struct rc_heap *h = new_heap(), *k = new_heap();
    for (int i = 0; i < N + 4; i++) {
        struct rc_heap *heap = i > 0 && i < N ? k : h;
        if (i == N)
            merge(h, k);
        rc_heap_enter(heap);
        nodes[i] = rc_new(&quiet_type);
        rc_set(&nodes[i]->x, nodes[i]);
        rc_heap_leave(heap);
    }
    rc_heap_enter(h);
    for (int i = 0; i < N + 4; i++)
        rc_release(nodes[i]);
    EXPECT_EQ(N + 4, stats().suspects);
    EXPECT_EQ(N + 4, rc_collect());
    rc_heap_leave(h);
    free_heap(h);
}

//   (h) a --> b (k) --> c (h)
TEST(links_between_the_heaps_are_links_afterwards) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(h, "a c");
    graph_in(k, "bc");
    graph_in(h, "ab");
    rc_heap_enter(h);
    EXPECT_EQ(2, rc_handles(at('b')));
    EXPECT_EQ(0, rc_links(at('b')));
    EXPECT_EQ(2, rc_handles(at('c')));
    merge(h, k);
    EXPECT_EQ(1, rc_handles(at('b')));
    EXPECT_EQ(1, rc_links(at('b')));
    EXPECT_EQ(1, rc_handles(at('c')));
    EXPECT_EQ(1, rc_links(at('c')));
    drop("bc");
    EXPECT_STR("", gone());
    drop("a");
    EXPECT_STR("abc", gone());
    rc_heap_leave(h);
    free_heap(h);
}

// The same with handles given to slots instead of links made, and a slot taken.
TEST(handles_given_to_the_other_heap_are_links_afterwards) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(h, "a");
    graph_in(k, "b c");
    rc_heap_enter(h);
    rc_give(&at('a')->x, at('b'));
    rc_give(&at('a')->y, at('c'));
    struct node *c = rc_take(&at('a')->y);
    EXPECT_PTR(at('c'), c);
    merge(h, k);
    EXPECT_EQ(0, rc_handles(at('b')));
    EXPECT_EQ(1, rc_links(at('b')));
    EXPECT_EQ(1, rc_handles(c));
    EXPECT_EQ(0, rc_links(c));
    rc_release(c);
    drop("a");
    EXPECT_STR("cab", gone());
    rc_heap_leave(h);
    free_heap(h);
}

//   (h) a --> c --> b (k), and a slot of a that was made to point to b by hand
TEST(slot_written_by_hand_is_reported_by_the_merge) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(h, "a");
    graph_in(k, "cb");
    graph_in(h, "ac");
    drop_in(k, "b");
    struct node *a = at('a'), *b = at('b');
    a->y = b;
    faults_begin();
    merge(h, k);
    EXPECT_FAULT(RC_FAULT_SLOT, "rc_heap_merge");
    EXPECT_EQ(1, rc_links(b));
    a->y = NULL;
    drop_in(h, "ac");
    EXPECT_STR("acb", gone());
    free_heap(h);
}

//   (h) a <--> b (k): no handle; to each heap alone it is held by the other
TEST(garbage_that_spans_the_heaps_is_found_after_the_merge) {
    for (int way = 0; way < 2; way++) {
        struct rc_heap *h = new_heap(), *k = new_heap();
        graph_in(h, "a");
        graph_in(k, "ba");
        graph_in(h, "ab");
        drop_in(h, "a");
        drop_in(k, "b");
        EXPECT_EQ(0, collect_in(h));
        EXPECT_EQ(0, collect_in(k));
        merge(way ? h : k, way ? k : h);
        EXPECT_EQ(2, collect_in(way ? h : k));
        free_heap(way ? h : k);
    }
}

// The last handle of b is the other heap's slot, and makes way for a link: that alone makes b a suspect (R1).
TEST(what_has_only_links_after_the_merge_is_a_suspect) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(k, "b");
    graph_in(h, "ab");
    drop_in(k, "b");
    EXPECT_EQ(0, stats_in(k).suspects);
    merge(h, k);
    EXPECT_EQ(1, stats_in(h).suspects);
    drop_in(h, "a");
    EXPECT_STR("ab", gone());
    free_heap(h);
}

static atomic_bool enough; // other threads are to stop
static char rest[64]; // never read: keeps the compiler from dropping loops

//   (k) b, with 70,000 links from (h)
TEST(more_links_between_the_heaps_than_handles_fit_in_the_header) {
    enum { N = 70000 };
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(k, "b");
    rc_heap_enter(h);
    struct vector *v = vector_new(N);
    for (int i = 0; i < N; i++)
        rc_set(&v->slots[i], (void *)at('b'));
    rest[0]++;
    merge(h, k);
    EXPECT_EQ(1, rc_handles(at('b')));
    EXPECT_EQ(N, rc_links(at('b')));
    drop("b");
    EXPECT_STR("", gone());
    rc_release(v);
    EXPECT_STR("b", gone());
    rc_heap_leave(h);
    free_heap(h);
}

TEST(links_in_containers_between_the_heaps_are_links_afterwards) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(k, "b c");
    rc_heap_enter(h);
    struct rc_array *array = rc_array_new(&rc_link_element);
    struct vector *v = vector_new(3);
    rc_array_push(array, at('b'));
    rc_array_push(array, at('c'));
    rc_set(&v->slots[1], (void *)at('b'));
    merge(h, k);
    EXPECT_EQ(2, rc_links(at('b')));
    EXPECT_EQ(1, rc_links(at('c')));
    drop("bc");
    rc_release(rc_array_pop(array));
    EXPECT_STR("c", gone());
    rc_release(array);
    rc_release(v);
    EXPECT_STR("cb", gone());
    rc_heap_leave(h);
    free_heap(h);
}

//   (l) c <-- b (k), a (h) --> c: merges in all orders; each makes links of what it joins, and nothing else
TEST(links_to_a_third_heap_stay_handles_until_that_is_merged) {
    for (int order = 0; order < 3; order++) {
        test_note("order %d", order);
        struct rc_heap *h = new_heap(), *k = new_heap(), *l = new_heap();
        graph_in(l, "c");
        graph_in(k, "bc");
        graph_in(h, "ac");
        drop_in(l, "c");
        struct rc_heap *last = h;
        if (order == 0) {
            merge(h, k);
            rc_heap_enter(l);
            EXPECT_EQ(2, rc_handles(at('c')));
            rc_heap_leave(l);
            merge(h, l);
        } else if (order == 1) {
            merge(k, l);
            rc_heap_enter(k);
            EXPECT_EQ(1, rc_handles(at('c')));
            EXPECT_EQ(1, rc_links(at('c')));
            rc_heap_leave(k);
            merge(h, k);
        } else {
            merge(l, h);
            merge(k, l);
            last = k;
        }
        rc_heap_enter(last);
        EXPECT_EQ(0, rc_handles(at('c')));
        EXPECT_EQ(2, rc_links(at('c')));
        drop("ab");
        EXPECT_STR("abc", gone_sorted());
        forget();
        rc_heap_leave(last);
        free_heap(last);
    }
}

static atomic_uint ready;

// A link from [h] is made to an object of [k] at every moment at which another thread may merge [k] into [l]; then [l] is
// merged into [h], which has to know that it has links into [l].
static struct rc_heap *third_h, *third_k, *third_l;
static void *merge_k_into_l(void *arg) {
    (void)arg;
    atomic_store(&ready, 1);
    merge(third_l, third_k);
    return NULL;
}

TEST(link_made_while_its_target_moves_to_another_heap_is_a_link_in_the_end, .limit = 120) {
    for (size_t round = 0; round < scaled(600); round++) {
        forget();
        third_h = new_heap(), third_k = new_heap(), third_l = new_heap();
        graph_in(third_k, "b");
        rc_heap_enter(third_h);
        graph("a");
        atomic_store(&ready, 0);
        pthread_t thread = start(merge_k_into_l, NULL);
        while (!atomic_load(&ready))
            sched_yield();
        for (size_t i = 0; i < round * 37 % 600; i++)
            rest[i % 64]++;
        rc_set(&at('a')->x, at('b'));
        pthread_join(thread, NULL);
        drop_in(third_l, "b");
        merge(third_h, third_l);
        EXPECT_EQ(1, rc_links(at('b')));
        EXPECT_EQ(0, rc_handles(at('b')));
        drop("a");
        rc_heap_leave(third_h);
        EXPECT_STR("ab", gone());
        free_heap(third_h);
    }
}

// ---- at every moment of a collection

enum { MOST_UNITS = 60 };
#define EVERY_PHASE (((1u << RC_PHASE_COUNT) - 1) & ~(1u << RC_PHASE_INBOX)) // an empty inbox takes no unit

//   (h) a <--> b --> c --> (k) d <--> e --> (h) a: one cycle through both, merged while [h] is being collected
TEST(merge_at_any_moment_of_the_collection_of_into) {
    unsigned phases = 0;
    for (int kept = 0; kept < 2; kept++)
        for (unsigned units = 0; units < MOST_UNITS; units++) {
            test_note("after %u units, kept %d", units, kept);
            struct rc_heap *h = new_heap(), *k = new_heap();
            graph_in(h, "ab ba bc");
            graph_in(k, "de ed ea");
            graph_in(h, "cd fg gf");
            if (kept)
                hold("e");
            drop_in(h, "abcfg");
            drop_in(k, "de");
            units_in(h, units);
            phases |= 1u << phase_in(h);
            merge(h, k);
            EXPECT(is_sound(false));
            collect_in(h);
            EXPECT(is_sound(true));
            if (kept)
                drop_in(h, "e");
            collect_in(h);
            EXPECT_STR("abcdefg", gone_sorted());
            forget();
            free_heap(h);
        }
    EXPECT_EQ(EVERY_PHASE & ~(1u << RC_PHASE_FINALIZE), phases);
}

// The same, with a change between, which the collection of [h] has to take into account although it comes by the merge.
TEST(graph_changed_after_the_merge_in_the_midst_of_a_collection) {
    for (unsigned units = 0; units < MOST_UNITS; units++)
        for (unsigned more = 0; more < 12; more++) {
            test_note("after %u and %u units", units, more);
            struct rc_heap *h = new_heap(), *k = new_heap();
            graph_in(h, "ab bc ca");
            graph_in(k, "gb");
            drop_in(h, "abc");
            units_in(h, units);
            merge(h, k); // b is held by g, by a link that no slice has seen
            units_in(h, more);
            rc_heap_enter(h);
            EXPECT(is_sound(false));
            rc_move(&at('g')->y, &at('g')->x);
            rc_heap_leave(h);
            collect_in(h);
            EXPECT_STR("", gone());
            drop_in(h, "g");
            collect_in(h);
            EXPECT_STR("abcg", gone_sorted());
            forget();
            free_heap(h);
        }
}

//   (k) A <--> b --> c --> (h) d: merged while [k] is being collected, finalizers included
TEST(merge_at_any_moment_of_the_collection_of_from) {
    unsigned phases = 0;
    for (int kept = 0; kept < 2; kept++)
        for (unsigned units = 0; units < MOST_UNITS; units++) {
            test_note("after %u units, kept %d", units, kept);
            struct rc_heap *h = new_heap(), *k = new_heap();
            graph_in(h, "d");
            graph_in(k, "Ab bA bc cd");
            if (kept)
                hold("c");
            drop_in(k, "Abc");
            drop_in(h, "d");
            units_in(k, units);
            phases |= 1u << phase_in(k);
            merge(h, k);
            EXPECT(is_sound(false));
            collect_in(h);
            EXPECT(is_sound(true));
            EXPECT_STR("A", finalized());
            if (kept)
                drop_in(h, "c");
            EXPECT_STR("Abcd", gone_sorted());
            forget();
            free_heap(h);
        }
    EXPECT_EQ(EVERY_PHASE, phases);
}

// An object whose slots must not be looked at any more once they are freed.
struct guarded {
    struct node *slot;
    bool freed;
};
static void guarded_trace(void *obj, struct rc_visitor *visitor) {
    EXPECT(!((struct guarded *)obj)->freed);
    rc_visit(visitor, &((struct guarded *)obj)->slot);
}
static void guarded_free_slots(void *obj) {
    ((struct guarded *)obj)->freed = true;
}
static const struct rc_type guarded_type = {"guarded", sizeof(struct guarded), .trace = guarded_trace,
                                            .free_slots = guarded_free_slots};

// u <--> guarded, in the heap this thread is inside.
static void make_guarded(void) {
    graph("u");
    struct guarded *guarded = rc_new(&guarded_type);
    rc_set(&guarded->slot, at('u'));
    rc_give((void **)&at('u')->x, (void *)guarded);
    drop("u");
}

//   (h) u <--> guarded, garbage, at any moment of its end; g --> t (k): slots are gone through for that link
TEST(slots_that_are_freed_are_not_gone_through) {
    unsigned phases = 0;
    for (unsigned units = 0; units < MOST_UNITS; units++) {
        test_note("after %u units", units);
        struct rc_heap *h = new_heap(), *k = new_heap();
        graph_in(k, "t");
        rc_heap_enter(h);
        graph("gt");
        make_guarded();
        rc_heap_leave(h);
        units_in(h, units);
        phases |= 1u << phase_in(h);
        merge(h, k);
        collect_in(h);
        rc_heap_enter(h);
        EXPECT_EQ(1, rc_links(at('t')));
        drop("tg");
        rc_heap_leave(h);
        EXPECT_STR("ugt", gone());
        forget();
        free_heap(h);
    }
    EXPECT(phases & 1u << RC_PHASE_FREE);
}

static struct rc_heap *busy_h, *busy_k;
static struct node *link_target;
static void link_from_destructor(struct node *node) {
    if (node->name != 'a')
        return;
    rc_heap_enter(busy_h);
    rc_set(&at('g')->x, link_target);
    rc_heap_leave(busy_h);
}

// [k]'s destructors run when the merge finishes its collection, and make a link from [h], the garbage of which is being freed.
TEST(destructors_run_by_the_merge_may_link_the_heaps) {
    for (unsigned units = 0; units < MOST_UNITS; units++)
        for (unsigned h_units = 0; h_units < MOST_UNITS; h_units += 3) {
            test_note("after %u and %u units", units, h_units);
            busy_h = new_heap(), busy_k = new_heap();
            on_destroy = link_from_destructor;
            graph_in(busy_h, "g");
            graph_in(busy_k, "ab ba t");
            link_target = at('t');
            rc_heap_enter(busy_h);
            make_guarded();
            rc_heap_leave(busy_h);
            drop_in(busy_k, "ab");
            units_in(busy_h, h_units);
            units_in(busy_k, units);
            merge(busy_h, busy_k);
            collect_in(busy_h);
            rc_heap_enter(busy_h);
            EXPECT_PTR(link_target, at('g')->x);
            EXPECT_EQ(1, rc_links(link_target));
            EXPECT_EQ(1, rc_handles(link_target));
            drop("tg");
            rc_heap_leave(busy_h);
            EXPECT_STR("abgtu", gone_sorted());
            forget();
            free_heap(busy_h);
        }
}

static void try_to_free_the_heaps(struct node *node) {
    (void)node;
    EXPECT_EQ(0, rc_heap_free(busy_h));
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_free");
    EXPECT_EQ(0, rc_heap_free(busy_k));
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_free");
    EXPECT_EQ(0, rc_collect());
}

TEST(destructors_run_by_the_merge_cannot_free_the_heaps) {
    for (unsigned units = 0; units < MOST_UNITS; units++) {
        faults_begin();
        busy_h = new_heap(), busy_k = new_heap();
        graph_in(busy_k, "ab ba");
        drop_in(busy_k, "ab");
        units_in(busy_k, units);
        on_destroy = try_to_free_the_heaps;
        merge(busy_h, busy_k);
        on_destroy = NULL;
        collect_in(busy_h);
        EXPECT_STR("ab", gone_sorted());
        forget();
        free_heap(busy_h);
    }
}

static void leave_too_often(struct node *node) {
    (void)node;
    rc_heap_leave(busy_k);
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_leave");
    EXPECT_PTR(busy_k, rc_heap_current());
}

TEST(destructors_run_by_the_merge_cannot_leave_the_heap) {
    for (int inside = 0; inside < 2; inside++)
        for (unsigned units = 0; units < MOST_UNITS; units++) {
            faults_begin();
            busy_h = new_heap(), busy_k = new_heap();
            graph_in(busy_k, "ab ba");
            drop_in(busy_k, "ab");
            units_in(busy_k, units);
            if (inside)
                rc_heap_enter(busy_k);
            on_destroy = phase_in(busy_k) == RC_PHASE_DESTROY ? leave_too_often : NULL;
            merge(busy_h, busy_k);
            on_destroy = NULL;
            EXPECT_NO_FAULT();
            EXPECT_PTR(NULL, rc_heap_current());
            collect_in(busy_h);
            EXPECT_STR("ab", gone_sorted());
            forget();
            free_heap(busy_h);
        }
}

// ---- the dead

//   (k) a --> b --> c --> d --> e: a dies, and the rest waits, one a slice
TEST(dead_that_wait_are_destroyed_as_by_a_release_in_into) {
    for (int limited = 0; limited < 2; limited++) {
        struct rc_heap *h = limited ? rc_heap_new(&(struct rc_heap_options){.release_limit = 1}) : new_heap();
        struct rc_heap *k = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
        graph_in(k, "ab bc cd de");
        drop_in(k, "bcdea");
        EXPECT_STR("a", gone());
        graph_in(h, "fg");
        drop_in(h, "gf");
        merge(h, k);
        if (!limited)
            EXPECT_STR("afgbcde", gone());
        collect_in(h);
        EXPECT_STR("abcdefg", gone_sorted());
        forget();
        free_heap(h);
    }
}

//   (k) a --> v, a vector of 5000, which is being cleared in pieces
TEST(object_that_is_being_cleared_is_finished) {
    enum { N = 5000 };
    for (unsigned units = 0; units < 8; units++) {
        struct rc_heap *h = new_heap(), *k = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
        graph_in(h, "z");
        rc_heap_enter(k);
        struct vector *v = vector_new(N);
        for (int i = 0; i < N; i++) {
            struct node *n = rc_new(&node_type);
            n->name = 'n';
            rc_set(&n->x, at('z'));
            rc_give(&v->slots[i], (void *)n);
        }
        rc_release(v);
        rc_heap_leave(k);
        units_in(k, units);
        merge(h, k);
        EXPECT_EQ(N + 1 - stats_in(h).objects, strlen(gone()));
        rc_heap_enter(h);
        rc_collect();
        EXPECT_EQ(1, stats().objects);
        EXPECT_EQ(0, rc_links(at('z')));
        drop("z");
        rc_heap_leave(h);
        forget();
        free_heap(h);
    }
}

TEST(finalizers_run_once_whichever_heap_they_wait_in) {
    struct rc_heap *h = new_heap(), *k = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    graph_in(k, "bA C Dd dD");
    drop_in(k, "ACDd");
    EXPECT_STR("C", finalized()); // that was all that the release could do
    EXPECT_STR("", gone());
    merge(h, k);
    EXPECT_STR("C", gone());
    collect_in(h);
    EXPECT_STR("CD", finalized());
    drop_in(h, "b");
    EXPECT_STR("CDA", finalized());
    EXPECT_STR("ACDbd", gone_sorted());
    free_heap(h);
}

// ---- weak references

TEST(weak_references_name_their_objects_as_before) {
    enum { N = 1000 };
    static struct rc_weak *weak[2][N];
    static struct node *node[2][N];
    struct rc_heap *heaps[2] = {new_heap(), new_heap()};
    for (int part = 0; part < 2; part++) {
        rc_heap_enter(heaps[part]);
        for (int i = 0; i < N; i++) {
            node[part][i] = rc_new(&node_type);
            node[part][i]->name = 'n';
            weak[part][i] = rc_weak_new(node[part][i]);
        }
        rc_heap_leave(heaps[part]);
    }
    merge(heaps[0], heaps[1]);
    rc_heap_enter(heaps[0]);
    for (int part = 0; part < 2; part++)
        for (int i = 0; i < N; i++) {
            struct node *n = rc_weak_get(weak[part][i]);
            EXPECT_PTR(node[part][i], n);
            rc_release(n);
            struct rc_weak *again = rc_weak_new(n);
            EXPECT_PTR(weak[part][i], again);
            rc_weak_release(again);
            if (i % 2)
                rc_release(n);
        }
    for (int part = 0; part < 2; part++)
        for (int i = 0; i < N; i++) {
            struct node *n = rc_weak_get(weak[part][i]);
            EXPECT_PTR(i % 2 ? NULL : node[part][i], n);
            rc_release(n);
            if (n)
                rc_release(node[part][i]);
            EXPECT_PTR(NULL, rc_weak_get(weak[part][i]));
            rc_weak_release(weak[part][i]);
        }
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(heaps[0]);
    free_heap(heaps[0]);
}

static unsigned notices;
static void notice(void *arg) {
    EXPECT_PTR(&notices, arg);
    EXPECT_PTR(busy_h, rc_heap_current());
    notices++;
}

TEST(notices_come_whenever_the_object_dies) {
    busy_h = new_heap();
    struct rc_heap *k = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    graph_in(k, "a b");
    rc_heap_enter(k);
    struct rc_weak *a = rc_weak_new(at('a')), *b = rc_weak_new(at('b'));
    rc_weak_notify(a, notice, &notices);
    rc_weak_notify(b, notice, &notices);
    drop("a"); // its notice waits, for the limit is 1
    rc_heap_leave(k);
    EXPECT_STR("a", gone());
    EXPECT_EQ(0, notices);
    merge(busy_h, k);
    EXPECT_EQ(1, notices);
    drop_in(busy_h, "b");
    EXPECT_EQ(2, notices);
    rc_weak_release(a);
    rc_weak_release(b);
    free_heap(busy_h);
}

//   (k) a <--> b, condemned or not when its collection is called off; (h) c <--> d in any state of its own: the number of
//   that collection means nothing to a
TEST(weak_reference_is_not_condemned_by_the_other_heaps_collection) {
    for (unsigned k_units = 0; k_units < 30; k_units += 2)
        for (unsigned h_units = 0; h_units < 30; h_units++) {
            test_note("after %u and %u units", k_units, h_units);
            struct rc_heap *h = new_heap(), *k = new_heap();
            graph_in(h, "cd dc");
            graph_in(k, "ab ba");
            rc_heap_enter(k);
            struct rc_weak *weak = rc_weak_new(at('a'));
            rc_heap_leave(k);
            drop_in(h, "cd");
            drop_in(k, "ab");
            units_in(k, k_units);
            units_in(h, h_units);
            merge(h, k);
            rc_heap_enter(h);
            struct node *a = rc_weak_get(weak);
            EXPECT_PTR(is_there('a') ? at('a') : NULL, a);
            rc_collect();
            EXPECT_EQ(a != NULL, is_there('a'));
            rc_release(a);
            rc_collect();
            EXPECT_STR("abcd", gone_sorted());
            EXPECT_PTR(NULL, rc_weak_get(weak));
            rc_heap_leave(h);
            rc_weak_release(weak);
            forget();
            free_heap(h);
        }
}

// ---- other threads

//   (k) a <--> b, c: handles elsewhere, before and after
TEST(handles_elsewhere_count_before_and_after) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(k, "ab ba c d");
    for (int i = 0; i < 3; i++)
        elsewhere(retain_there, at('a'));
    elsewhere(release_there, at('a')); // now in the inbox, and held
    drop_in(k, "ab");
    elsewhere(release_there, at('d')); // in the inbox, and dead when that is looked at
    struct node *a = at('a');
    merge(h, k);
    EXPECT_EQ(2, stats_in(h).inbox);
    EXPECT_EQ(1, collect_in(h));
    EXPECT_STR("d", gone());
    elsewhere(release_there, a);
    EXPECT_EQ(0, collect_in(h));
    elsewhere(release_there, a);
    elsewhere(release_there, at('c'));
    EXPECT_EQ(3, collect_in(h));
    EXPECT_EQ(0, stats_in(h).inbox);
    free_heap(h);
}

TEST(thousands_in_the_inbox_come_along) {
    enum { N = 9000 };
    static void *nodes[2 * N];
    struct rc_heap *h = new_heap(), *k = new_heap();
    for (int i = 0; i < 2 * N; i++) {
        rc_heap_enter(i % 2 ? h : k);
        struct node *n = rc_new(&node_type);
        n->name = 'n';
        nodes[i] = n;
        rc_heap_leave(i % 2 ? h : k);
    }
    for (int i = 0; i < 2 * N; i++)
        rc_release(nodes[i]); // from outside of both
    EXPECT_EQ(N, stats_in(k).inbox);
    merge(h, k);
    EXPECT_EQ(2 * N, stats_in(h).inbox);
    EXPECT_EQ(2 * N, collect_in(h));
    EXPECT_EQ(2 * N, strlen(gone()) < 16000 ? strlen(gone()) : 2 * N);
    free_heap(h);
}

// An object that died while it was in the inbox: nothing but memory that waits.
TEST(husks_come_along) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(k, "a b");
    rc_heap_enter(k);
    elsewhere(retain_there, at('a'));
    elsewhere(release_there, at('a'));
    drop("a"); // destroyed, but the inbox still names it
    EXPECT_STR("a", gone());
    EXPECT_EQ(1, stats().inbox);
    rc_heap_leave(k);
    merge(h, k);
    EXPECT_EQ(1, stats_in(h).inbox);
    collect_in(h);
    EXPECT_EQ(0, stats_in(h).inbox);
    drop_in(h, "b");
    free_heap(h);
}

//   (k) n --> t (h): n is a husk, and its slot still says so; but the link is released
TEST(slots_of_husks_are_no_links) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(h, "t");
    rc_heap_enter(k);
    struct node *n = rc_new(&quiet_type);
    rc_set(&n->x, at('t'));
    elsewhere(retain_there, n);
    elsewhere(release_there, n);
    rc_release(n);
    EXPECT_EQ(0, stats().objects);
    EXPECT_EQ(1, stats().inbox);
    rc_heap_leave(k);
    merge(h, k);
    rc_heap_enter(h);
    EXPECT_EQ(1, rc_handles(at('t')));
    EXPECT_EQ(0, rc_links(at('t')));
    drop("t");
    EXPECT_STR("t", gone());
    rc_heap_leave(h);
    free_heap(h);
}

//   (k) a <--> b --> c, with a class of their own in h, and c --> g --> a, where g is held: at any moment b and c die in the
//   graph. The last to have that class, they are there when it is given back.
TEST(husks_of_classes_that_are_gone_are_met_as_nodes_only) {
    unsigned phases = 0;
    for (unsigned units = 0; units < MOST_UNITS; units++) {
        test_note("after %u units", units);
        struct rc_heap *h = new_heap(), *k = new_heap();
        graph_in(h, "g");
        graph_in(k, "ab ba bc");
        drop_in(k, "abc");
        merge(h, k);
        graph_in(h, "ga cg");
        units_in(h, units);
        phases |= 1u << phase_in(h);
        rc_heap_enter(h);
        rc_clear(&at('a')->x);
        EXPECT_STR("bc", gone());
        rc_heap_leave(h);
        merge(h, new_heap());
        collect_in(h);
        EXPECT(is_sound(true));
        drop_in(h, "g");
        collect_in(h);
        EXPECT_STR("abcg", gone_sorted());
        forget();
        free_heap(h);
    }
    EXPECT(phases & 1u << RC_PHASE_BUILD);
}

static atomic_uint rung;
static void ring_bell(void *arg) {
    (void)arg;
    atomic_fetch_add(&rung, 1);
}

TEST(bell_that_rang_before_the_merge_rings_at_the_new_door) {
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.wake = ring_bell}), *k = new_heap();
    graph_in(k, "a b");
    elsewhere(release_there, at('a'));
    EXPECT_EQ(0, rung);
    merge(h, k);
    EXPECT_EQ(1, rung);
    rc_heap_enter(h);
    EXPECT(rc_collect_pending() > 0);
    rc_heap_leave(h);
    EXPECT_EQ(1, collect_in(h));
    elsewhere(release_there, at('b'));
    EXPECT_EQ(2, rung);
    EXPECT_EQ(1, collect_in(h));
    free_heap(h);
}

// Every last release is seen, or rings at the door where the object is by then: nobody sleeps on work.
enum { SLEEPERS = 200 };
static void *sleepers[SLEEPERS];
static atomic_bool released_all;
static void *release_all_there(void *arg) {
    for (int i = 0; i < SLEEPERS; i++)
        rc_release(sleepers[i]);
    return arg;
}

TEST(merge_amid_a_look_through_the_inbox_asks_for_another) {
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.wake = ring_bell}), *k = new_heap();
    rc_heap_enter(k);
    for (int i = 0; i < SLEEPERS; i++)
        sleepers[i] = rc_new(&vector_type);
    elsewhere(release_all_there, NULL);
    rc_collect_step(0);
    EXPECT_EQ(RC_PHASE_INBOX, rc_collect_phase());
    EXPECT(stats().objects > 0);
    rc_heap_leave(k);
    merge(h, k);
    EXPECT_EQ(1, rung);
    rc_heap_enter(h);
    while (rc_collect_pending())
        rc_collect_step(1000);
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(h);
    free_heap(h);
}

static void *release_slowly(void *arg) {
    (void)arg;
    for (int i = 0; i < SLEEPERS; i++)
        rc_release(sleepers[i]);
    atomic_store(&released_all, true);
    return NULL;
}

TEST(no_wake_up_is_lost_in_a_merge, .limit = 120) {
    for (size_t round = 0; round < scaled(600); round++) {
        struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.wake = ring_bell}), *k[4];
        for (int i = 0; i < 4; i++)
            k[i] = rc_heap_new(&(struct rc_heap_options){.wake = ring_bell});
        for (int i = 0; i < SLEEPERS; i++) {
            rc_heap_enter(k[i % 4]);
            sleepers[i] = rc_new(&vector_type);
            rc_heap_leave(k[i % 4]);
        }
        atomic_store(&released_all, false);
        pthread_t thread = start(release_slowly, NULL);
        merge(k[1], k[0]);
        merge(k[2], k[1]);
        merge(h, k[2]);
        merge(h, k[3]);
        rc_heap_enter(h);
        unsigned answered = atomic_load(&rung) - 1; // at least one look
        while (!atomic_load(&released_all) || answered != atomic_load(&rung)) {
            answered = atomic_load(&rung);
            while (rc_collect_step(1000) == RC_STEP_MORE)
                continue;
            sched_yield();
        }
        pthread_join(thread, NULL);
        while (answered != atomic_load(&rung)) {
            answered = atomic_load(&rung);
            while (rc_collect_step(1000) == RC_STEP_MORE)
                continue;
        }
        EXPECT_EQ(0, stats().objects);
        rc_heap_leave(h);
        free_heap(h);
    }
}

// The same in a closer race: one object, one release, one merge, over and over.
static struct node *raced;
static struct rc_heap *raced_k;
static atomic_uint race, raced_by;
static void *release_in_a_race(void *arg) {
    (void)arg;
    for (unsigned round = 1; !atomic_load(&enough); round++) {
        for (unsigned spins = 0; atomic_load(&race) < round; spins++)
            if (atomic_load(&enough))
                return NULL;
            else if (spins > 1000)
                sched_yield();
        rc_release(raced);
        atomic_store(&raced_by, round);
    }
    return NULL;
}

TEST(release_that_races_a_merge_rings, .limit = 120) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    pthread_t thread = start(release_in_a_race, NULL);
    unsigned rounds = (unsigned)scaled(6000);
    for (unsigned round = 1; round <= rounds; round++) {
        raced_k = new_heap();
        rc_heap_enter(raced_k);
        raced = rc_new(&quiet_type);
        rc_heap_leave(raced_k);
        atomic_store(&race, round);
        for (unsigned i = 0; i < round % 64; i++)
            rest[i]++;
        merge(h, raced_k);
        for (unsigned spins = 0; atomic_load(&raced_by) < round; spins++)
            if (spins > 1000)
                sched_yield();
        if (!EXPECT(rc_collect_pending() > 0))
            break;
        rc_collect();
        EXPECT_EQ(0, stats().objects);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    rc_heap_leave(h);
    free_heap(h);
}

// Threads that hold, upgrade and let go while the objects change heaps.
enum { MOVERS = 16, THREADS = 3 };
static struct node *movers[MOVERS];
static struct rc_weak *mover_weak[MOVERS];

static void *hold_and_let_go(void *arg) {
    unsigned seed = (unsigned)(uintptr_t)arg;
    struct node *mine[4] = {NULL};
    while (!atomic_load(&enough)) {
        seed = seed * 1103515245 + 12345;
        unsigned i = seed >> 16 & (MOVERS - 1), k = seed >> 8 & 3;
        rc_release(mine[k]);
        mine[k] = seed & 1 << 24 ? rc_weak_get(mover_weak[i]) : rc_retain(movers[i]);
        if (seed & 1 << 25) {
            struct rc_weak *weak = rc_weak_new(mine[k]);
            EXPECT_PTR(mover_weak[i], weak);
            rc_weak_release(weak);
        }
        EXPECT(rc_heap_of(mine[k]) != NULL);
    }
    for (int k = 0; k < 4; k++)
        rc_release(mine[k]);
    return NULL;
}

TEST(other_threads_hold_upgrade_and_let_go_meanwhile, .limit = 120) {
    struct rc_heap *home = new_heap();
    rc_heap_enter(home);
    for (int i = 0; i < MOVERS; i++) {
        movers[i] = rc_new(&quiet_type);
        mover_weak[i] = rc_weak_new(movers[i]);
        rc_set(&movers[i]->x, movers[i * 7 % MOVERS]);
    }
    rc_heap_leave(home);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(hold_and_let_go, (void *)(uintptr_t)(i + 1));
    for (size_t round = 0; round < scaled(2000); round++) {
        struct rc_heap *next = new_heap();
        rc_heap_enter(next);
        struct node *n = rc_new(&quiet_type);
        rc_set(&n->y, n);
        rc_set(&n->x, movers[round % MOVERS]);
        rc_release(n);
        rc_collect_step(round % 3 * 1000);
        rc_heap_leave(next);
        merge(next, home);
        home = next;
        rc_heap_enter(home);
        rc_collect_step(20000);
        rc_heap_leave(home);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    rc_heap_enter(home);
    rc_collect();
    EXPECT_EQ(MOVERS, stats().objects);
    for (int i = 0; i < MOVERS; i++) {
        EXPECT_EQ(1, rc_handles(movers[i]));
        rc_release(movers[i]);
        rc_weak_release(mover_weak[i]);
    }
    rc_heap_leave(home);
    free_heap(home);
}

// ---- what can be in a cycle

struct base {
    struct base *link;
};
struct derived {
    struct base base;
    struct holder *back;
};
struct holder {
    struct base *held;
};
extern const struct rc_type base_type, holder_type;
// Alone, neither a base (which holds bases that hold nothing else) nor a holder of bases leads back to a holder; a derived
// one, which is a base, does.
const struct rc_type base_type = {"base", sizeof(struct base), .slots = NULL};
const struct rc_type holder_type = {"holder", sizeof(struct holder),
                                    .slots = RC_SLOTS(RC_LINK_TO(struct holder, held, base_type))};
const struct rc_type derived_type = {"derived", sizeof(struct derived),
                                     .slots = RC_SLOTS(RC_LINK_TO(struct derived, back, holder_type)), .base = &base_type};

//   (h) holder --> base, acyclic; (k) derived: after the merge holder <--> derived is a cycle
TEST(types_of_the_other_heap_make_cycles_possible) {
    for (int way = 0; way < 2; way++) {
        struct rc_heap *h = new_heap(), *k = new_heap();
        rc_heap_enter(h);
        struct holder *holder = rc_new(&holder_type);
        rc_release(rc_new(&base_type));
        rc_heap_leave(h);
        rc_heap_enter(k);
        struct derived *derived = rc_new(&derived_type);
        rc_heap_leave(k);
        struct rc_heap *both = way ? h : k;
        merge(both, way ? k : h);
        rc_heap_enter(both);
        rc_set(&holder->held, &derived->base);
        rc_give(&derived->back, holder);
        rc_release(derived);
        EXPECT_EQ(2, rc_collect());
        rc_heap_leave(both);
        free_heap(both);
    }
}

// The cycle is there before the merge, by links from heap to heap, and has no handle: it is the merge that makes a suspect.
TEST(links_between_heaps_close_cycles_of_types_that_had_none_alone) {
    for (int way = 0; way < 2; way++) {
        struct rc_heap *h = new_heap(), *k = new_heap();
        rc_heap_enter(h);
        struct holder *holder = rc_new(&holder_type);
        rc_heap_leave(h);
        rc_heap_enter(k);
        struct derived *derived = rc_new(&derived_type);
        rc_give(&derived->back, holder);
        rc_heap_leave(k);
        rc_heap_enter(h);
        rc_give(&holder->held, (struct base *)derived);
        rc_heap_leave(h);
        struct rc_heap *both = way ? h : k;
        merge(both, way ? k : h);
        EXPECT_EQ(2, collect_in(both));
        free_heap(both);
    }
}

// A type that turns up after the merge is asked of duplicates, too: (h) and (k) have holders each.
TEST(types_that_turn_up_later_make_cycles_possible_for_objects_of_both) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    struct holder *holder[2];
    for (int i = 0; i < 2; i++) {
        rc_heap_enter(i ? k : h);
        holder[i] = rc_new(&holder_type);
        rc_heap_leave(i ? k : h);
    }
    merge(h, k);
    rc_heap_enter(h);
    for (int i = 0; i < 2; i++) {
        struct derived *derived = rc_new(&derived_type);
        rc_set(&holder[i]->held, &derived->base);
        rc_set(&derived->back, holder[i]);
        rc_release(derived);
        rc_release(holder[i]);
    }
    EXPECT_EQ(4, rc_collect());
    rc_heap_leave(h);
    free_heap(h);
}

// The same for one that has never had a handle since: it has the number that it was born with.
TEST(types_that_turn_up_later_make_cycles_possible_for_what_hangs_deep) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(h);
    rc_release(rc_new(&holder_type));
    rc_heap_leave(h);
    rc_heap_enter(k);
    struct node *root = rc_new(&quiet_type);
    struct holder *holder = rc_new(&holder_type);
    rc_give((void **)&root->x, (void *)holder);
    rc_heap_leave(k);
    merge(h, k);
    rc_heap_enter(h);
    struct derived *derived = rc_new(&derived_type);
    rc_set(&holder->held, &derived->base);
    rc_move((void **)&derived->back, (void **)&root->x);
    rc_release(derived);
    EXPECT_EQ(2, rc_collect());
    rc_release(root);
    rc_heap_leave(h);
    free_heap(h);
}

static uint32_t class_number(const struct node *n) {
    return RC__HEADER((void *)(uintptr_t)n)->both >> 16;
}

// What has the number of a heap that is gone gives it back when it is taken up and let go, although it was before.
TEST(object_that_is_let_go_again_takes_the_number_of_its_heap) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(h);
    struct node *here = rc_new(&quiet_type);
    rc_heap_leave(h);
    rc_heap_enter(k);
    struct node *root = rc_new(&quiet_type), *n = rc_new(&quiet_type);
    rc_set(&root->x, n);
    rc_release(n);
    rc_heap_leave(k);
    merge(h, k);
    EXPECT(class_number(n) != class_number(here));
    rc_heap_enter(h);
    rc_release(rc_retain(n));
    EXPECT_EQ(class_number(here), class_number(n));
    rc_release(root);
    rc_release(here);
    rc_heap_leave(h);
    free_heap(h);
}

// ---- a merge for each request

// What a request leaves behind in [h]; returns an object of it, with a handle.
static struct node *request(struct rc_heap *h, size_t objects) {
    struct rc_heap *k = new_heap();
    rc_heap_enter(k);
    struct node *head = rc_new(&quiet_type);
    for (size_t i = 1; i < objects; i++) {
        struct node *n = rc_new(&quiet_type);
        rc_set(&n->y, head);
        rc_give(&n->x, head);
        head = n;
    }
    rc_release(rc_new(&vector_type));
    rc_release(rc_new(&base_type));
    rc_heap_leave(k);
    merge(h, k);
    return head;
}

// A process has 32,767 class numbers, and each request takes three.
TEST(requests_whose_results_go_away_use_nothing_up, .limit = 120) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    for (int i = 0; i < 20000; i++)
        rc_release(request(h, 3));
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(h);
    free_heap(h);
}

// The results stay, in a list that holds them by links.
TEST(requests_whose_results_stay_use_no_class_numbers_up, .limit = 120) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    struct node *all = NULL;
    enum { N = 36000 };
    for (int i = 0; i < N; i++) {
        struct node *n = request(h, 2), *keep = rc_new(&quiet_type);
        REQUIRE(n && keep);
        rc_give(&keep->x, all);
        rc_give(&keep->y, n);
        all = keep;
    }
    EXPECT_EQ(3 * N, stats().objects);
    census_types = 0;
    rc_census(count, NULL);
    EXPECT_EQ(1, census_types);
    rc_release(all);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(h);
    free_heap(h);
}

// Results that handles refer to keep their class numbers, but give them back when they can. While another thread looks.
static void *upgrade_for_ever(void *weak) {
    while (!atomic_load(&enough)) {
        struct node *n = rc_weak_get(weak);
        EXPECT_PTR(&quiet_type, rc_type_of(n));
        rc_release(n);
    }
    return NULL;
}

TEST(objects_change_class_numbers_only_when_nobody_can_be_looking, .limit = 120) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    struct node *watched = request(h, 2);
    struct rc_weak *weak = rc_weak_new(watched);
    pthread_t thread = start(upgrade_for_ever, weak);
    enum { N = 40 };
    struct node *held[N] = {NULL}, *kept = rc_new(&quiet_type);
    rc_give(&kept->x, watched); // no handle but those of the other thread
    for (size_t i = 0; i < scaled(20000); i++) {
        rc_release(held[i % N]);
        held[i % N] = request(h, 2);
        rc_take(&kept->x);
        rc_give(&kept->x, watched);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    EXPECT_PTR(&quiet_type, rc_type_of(watched));
    for (int i = 0; i < N; i++)
        rc_release(held[i]);
    rc_release(kept);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    rc_weak_release(weak);
    rc_heap_leave(h);
    free_heap(h);
}

// What is merged is held, and its header read, by other threads.
static struct node *shared_result;
static atomic_uint shared_round, seen_round;
static void *hold_results(void *arg) {
    (void)arg;
    for (unsigned round = 1; !atomic_load(&enough); round++) {
        while (atomic_load(&shared_round) < round && !atomic_load(&enough))
            sched_yield();
        if (atomic_load(&enough))
            break;
        struct node *n = shared_result; // whose handle is ours
        atomic_store(&seen_round, round);
        for (int i = 0; i < 50; i++) {
            struct node *again = rc_retain(n);
            EXPECT_PTR(&quiet_type, rc_type_of(again));
            rc_release(again);
        }
        rc_release(n);
    }
    return NULL;
}

TEST(objects_that_others_hold_keep_their_class_numbers, .limit = 120) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    pthread_t thread = start(hold_results, NULL);
    struct node *held[600] = {NULL};
    for (size_t i = 0; i < 600; i++) // more duplicates than there may be before objects change numbers
        held[i] = request(h, 2);
    unsigned rounds = (unsigned)scaled(2000);
    for (unsigned round = 1; round <= rounds; round++) {
        struct rc_heap *k = new_heap();
        rc_heap_enter(k);
        shared_result = rc_new(&quiet_type);
        rc_heap_leave(k);
        atomic_store(&shared_round, round);
        merge(h, k);
        while (atomic_load(&seen_round) < round)
            sched_yield();
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < 600; i++)
        rc_release(held[i]);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(h);
    free_heap(h);
}

// Objects of [h] that are held, [n] of them so far, use all class numbers up. Returns how many it takes.
static struct node *holders[1 << 15];
static size_t use_up(struct rc_heap *h, size_t n) {
    enum { TYPES = 128 };
    static struct rc_type type[TYPES];
    for (bool more = true; more;) {
        struct rc_heap *k = new_heap();
        rc_heap_enter(k);
        for (size_t i = 0; i < TYPES && more; i++) {
            type[i] = quiet_type;
            holders[n] = rc_new(&type[i]);
            more = holders[n];
            n += more;
        }
        rc_heap_leave(k);
        merge(h, k);
    }
    return n;
}

static void *make_elsewhere(void *made) {
    struct rc_heap *k = new_heap();
    rc_heap_enter(k);
    struct node *n = rc_new(&quiet_type);
    *(bool *)made = n;
    rc_release(n);
    rc_heap_leave(k);
    free_heap(k);
    return NULL;
}

static bool can_make(bool other_thread) {
    bool made = false;
    if (other_thread)
        elsewhere(make_elsewhere, &made);
    else
        make_elsewhere(&made);
    return made;
}

TEST(class_numbers_that_no_object_has_are_there_for_all_heaps, .limit = 120) {
    struct rc_heap *h = new_heap();
    size_t n = 0;
    for (int round = 0; round < 2; round++) {
        n = use_up(h, n);
        EXPECT(n > 30000);
        EXPECT(!can_make(false));
        rc_heap_enter(h);
        for (int i = 0; i < 3; i++)
            rc_release(holders[--n]);
        EXPECT(!can_make(true)); // this thread may be about to look at them
        if (round == 1)
            rc_heap_leave(h);
        EXPECT(can_make(round == 1));
        if (round == 0)
            rc_heap_leave(h);
    }
    rc_heap_enter(h);
    while (n)
        rc_release(holders[--n]);
    rc_heap_leave(h);
    free_heap(h);
}

TEST(memory_of_requests_goes_back) {
#ifndef __GLIBC__
    SKIP("this C library does not say what is allocated");
#else
    if (is_slow_build())
        SKIP("objects are allocations of their own here");
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    for (int i = 0; i < 300; i++)
        rc_release(request(h, 2000));
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 1000; i++)
        rc_release(request(h, 2000)); // 100 KB each
    struct mallinfo2 after = mallinfo2();
    EXPECT_AT_MOST(4 << 20, (long long)(after.uordblks + after.hblkhd) - (long long)(before.uordblks + before.hblkhd));
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(h);
    free_heap(h);
#endif
}

TEST(objects_of_all_sizes_of_many_merged_heaps_are_found_and_freed) {
    struct rc_heap *h = new_heap();
    size_t objects = 0;
    for (size_t i = 0; i < 40; i++) {
        struct rc_heap *k = new_heap();
        rc_heap_enter(k);
        for (size_t j = 0; j < 200; j++) {
            struct node *n = rc_new_sized(&node_type, (i * 31 + j * 17) % 900);
            n->name = 'n';
            rc_set(&n->x, n);
            if (j % 3)
                rc_release(n);
            else
                objects++;
        }
        rc_collect();
        rc_heap_leave(k);
        merge(h, k);
        rc_heap_enter(h);
        for (size_t j = 0; j < 100; j++) {
            struct node *n = rc_new_sized(&node_type, (i * 37 + j * 13) % 900);
            n->name = 'n';
            rc_release(n);
        }
        EXPECT_EQ(objects, stats().objects);
        rc_heap_leave(h);
    }
    EXPECT_EQ(objects, rc_heap_free(h)); // each of them has a handle
}

// ---- memory that runs out

// Each allocation of the merge in turn; both heaps are as they were then.
TEST(merge_without_memory_changes_nothing_and_works_again) {
    enum { N = 6000 };
    static struct node *nodes[2 * N];
    struct rc_heap *h = scarce_enter(), *k = scarce_enter();
    for (int i = 0; i < 2 * N; i++) {
        struct rc_heap *heap = i % 2 ? h : k;
        rc_heap_enter(heap);
        nodes[i] = rc_new(&node_type);
        nodes[i]->name = 'n';
        if (i >= 2)
            rc_set(&nodes[i]->x, nodes[i - 1 - i % 4 / 2]);
        rc_heap_leave(heap);
    }
    rc_heap_leave(k);
    rc_heap_leave(h);
    struct rc_stats of_h = stats_in(h), of_k = stats_in(k);
    size_t failures = 0;
    EACH_FAILURE(ok, rc_heap_merge(h, k)) {
        EXPECT(!ok);
        EXPECT_EQ(ENOMEM, errno);
        EXPECT_EQ(of_h.objects, stats_in(h).objects);
        EXPECT_EQ(of_k.objects, stats_in(k).objects);
        EXPECT_PTR(k, rc_heap_of(nodes[0]));
        EXPECT_PTR(NULL, rc_heap_current());
        failures++;
    }
    EXPECT(ok);
    EXPECT(failures >= 2);
    rc_heap_enter(h);
    EXPECT_EQ(2 * N, stats().objects);
    for (int i = 0; i < 2 * N; i++) {
        EXPECT_EQ(1, rc_handles(nodes[i]));
        rc_release(nodes[i]);
    }
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    scarce_leave(h);
}

// The tables of what is interned, and of what entries of weak maps hang on: where the other heap has none yet.
TEST(merge_without_memory_for_texts_and_keys_changes_nothing) {
    for (int keys = 0; keys < 2; keys++) {
        struct rc_heap *h = scarce_enter(), *k = scarce_enter(); // inside k
        struct rc_string *text = keys ? rc_string_new("text") : rc_string_intern("text");
        struct node *key = rc_new(&node_type);
        key->name = 'k';
        struct rc_weak_map *map = rc_weak_map_new();
        EXPECT(!keys || rc_weak_map_put(map, key, text));
        rc_heap_leave(k);
        rc_heap_leave(h);
        struct rc_stats of_k = stats_in(k);
        size_t failures = 0;
        EACH_FAILURE(ok, rc_heap_merge(h, k)) {
            EXPECT(!ok);
            EXPECT_EQ(ENOMEM, errno);
            EXPECT_PTR(k, rc_heap_of(text));
            EXPECT_EQ(of_k.objects, stats_in(k).objects);
            EXPECT_EQ(0, stats_in(h).objects);
            failures++;
        }
        EXPECT(ok);
        EXPECT(failures >= 2);
        rc_heap_enter(h);
        struct rc_string *again = rc_string_intern("text");
        EXPECT_EQ(!keys, again == text);
        EXPECT_PTR(keys ? text : NULL, rc_weak_map_get(map, key));
        rc_release(again);
        rc_release(text);
        rc_release(map);
        rc_release(key);
        scarce_leave(h);
    }
}
