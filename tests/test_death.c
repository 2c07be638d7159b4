// SPDX-License-Identifier: MIT
// Death by count: at the release that drops the last reference, parent before child, without recursion at any depth and
// shape. The deep ones run with a stack of 256 KiB, as under `ulimit -s 256`.
#define _GNU_SOURCE
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/vector.h"
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(last_release_destroys_at_once) {
    graph("a");
    hold("a");
    drop("a");
    EXPECT_STR("", gone());
    drop("a");
    EXPECT_STR("a", gone());
    EXPECT_EQ(0, stats().objects);
    EXPECT_EQ(0, rc_collect_pending());
}

//   a --> b --> c --> d
TEST(parent_dies_before_its_child) {
    graph("ab bc cd");
    drop("dcb");
    EXPECT_STR("", gone());
    drop("a");
    EXPECT_STR("abcd", gone());
}

//        a
//       / \         d has two parents: it dies after both
//      b   c
//       \ /
//        d
TEST(shared_child_dies_after_its_last_parent) {
    graph("ab ac bd cd");
    drop("bcd");
    drop("a");
    EXPECT_EQ('a', gone()[0]);
    EXPECT_EQ('d', gone()[3]);
    EXPECT_STR("abcd", gone_sorted());
}

TEST(child_with_another_parent_survives) {
    graph("ac bc");
    drop("c");
    drop("a");
    EXPECT_STR("a", gone());
    drop("b");
    EXPECT_STR("abc", gone());
}

static void child_is_whole(struct node *node) {
    if (node->x)
        EXPECT_EQ(node->name + 1, node->x->name);
}

TEST(destructor_may_read_what_its_slots_point_to) {
    graph("ab bc cd");
    on_destroy = child_is_whole;
    drop("dcba");
    EXPECT_STR("abcd", gone());
}

//   a --> b, c (held by the destructor of a, not by a slot)
static struct node *spare;
static void release_spare(struct node *node) {
    if (node->name == 'a') {
        rc_release(spare);
        EXPECT_STR("a", gone()); // it dies after this destructor, not within
    }
}

TEST(release_in_a_destructor_destroys_afterwards) {
    graph("ab c");
    spare = at('c');
    on_destroy = release_spare;
    drop("b");
    drop("a");
    EXPECT_STR("abc", gone_sorted());
    EXPECT_EQ(0, stats().objects);
}

static int births;
static void make_another(struct node *node) {
    (void)node;
    if (births-- > 0) {
        struct node *n = rc_new(&node_type);
        n->name = 'n';
        rc_release(n);
    }
}

TEST(destructor_may_make_objects_that_die) {
    graph("a");
    births = 50;
    on_destroy = make_another;
    drop("a");
    EXPECT_EQ(51, strlen(gone()));
    EXPECT_EQ(0, stats().objects);
}

//   a is destroyed, and its destructor builds b <--> c elsewhere
static void build_a_cycle(struct node *node) {
    if (node->name == 'a') {
        graph("bc cb");
        drop("bc");
    }
}

TEST(destructor_may_make_garbage_cycles) {
    graph("a");
    on_destroy = build_a_cycle;
    drop("a");
    EXPECT_EQ(2, rc_collect());
    EXPECT_STR("abc", gone_sorted());
}

//   a --> b --> c   the destructor of a clears b's slot: c dies, once
static void clear_child(struct node *node) {
    if (node->name == 'a')
        rc_clear(&node->x->x);
}

TEST(destructor_may_change_other_objects) {
    graph("ab bc");
    on_destroy = clear_child;
    drop("bc");
    drop("a");
    EXPECT_STR("abc", gone_sorted());
}

// a's destructor empties its own slot, or takes what is in it
static void take_child(struct node *node) {
    if (node->name == 'a')
        spare = rc_take(&node->x);
}

TEST(destructor_may_take_what_survives_it) {
    graph("ab");
    on_destroy = take_child;
    drop("b");
    drop("a");
    EXPECT_STR("a", gone());
    EXPECT_PTR(at('b'), spare);
    rc_release(spare);
    EXPECT_STR("ab", gone());
}

// ---- at any depth and shape

static void with_a_stack_of(size_t kib) {
    struct rlimit limit = {kib << 10, kib << 10};
    REQUIRE(setrlimit(RLIMIT_STACK, &limit) == 0);
}

// Sanitizers put more into a frame than 256 KiB allow for; what is under test is one frame per object or not.
static void with_a_small_stack(void) {
    with_a_stack_of(is_slow_build() ? 1024 : 256);
}

static size_t destroyed_plain;
static void plain_destroy(void *obj) { (void)obj, destroyed_plain++; }
struct plain { struct plain *x, *y; };
RC_TYPE(plain, struct plain, .slots = RC_SLOTS(RC_LINK(struct plain, x), RC_LINK(struct plain, y)),
        .destroy = plain_destroy);

static struct plain *plain_new(void) {
    struct plain *plain = rc_new(&plain_type);
    REQUIRE(plain);
    return plain;
}

static struct plain *list_of(size_t n) {
    struct plain *head = NULL;
    for (size_t i = 0; i < n; i++) {
        struct plain *plain = plain_new();
        rc_give(&plain->x, head);
        head = plain;
    }
    return head;
}

TEST(list_of_10_million_dies_within_256_kib_of_stack, .limit = 60) {
    with_a_small_stack();
    struct plain *head = list_of(scaled(10000000));
    rc_release(head);
    EXPECT_EQ(scaled(10000000), destroyed_plain);
    EXPECT_EQ(0, stats().objects);
}

//   a spine that goes left and right in turn, a leaf at each vertebra
TEST(tree_of_depth_1_million_dies_within_256_kib_of_stack, .limit = 60) {
    with_a_small_stack();
    struct plain *top = NULL;
    for (size_t i = 0; i < scaled(1000000); i++) {
        struct plain *plain = plain_new(), *leaf = plain_new();
        rc_give(i % 2 ? &plain->x : &plain->y, top);
        rc_give(i % 2 ? &plain->y : &plain->x, leaf);
        top = plain;
    }
    rc_release(top);
    EXPECT_EQ(2 * scaled(1000000), destroyed_plain);
    EXPECT_EQ(0, stats().objects);
}

TEST(bushy_tree_dies_within_256_kib_of_stack) {
    with_a_small_stack();
    enum { DEPTH = 17 };
    static struct plain *row[1 << DEPTH];
    for (size_t i = 0; i < 1 << DEPTH; i++)
        row[i] = plain_new();
    for (size_t n = 1 << (DEPTH - 1); n > 0; n /= 2)
        for (size_t i = 0; i < n; i++) {
            struct plain *parent = plain_new();
            rc_give(&parent->x, row[2 * i]);
            rc_give(&parent->y, row[2 * i + 1]);
            row[i] = parent;
        }
    rc_release(row[0]);
    EXPECT_EQ((2 << DEPTH) - 1, destroyed_plain);
}

// Objects of nothing but slots, which nobody hears of when they die, sixteen to each, of two types.
struct bush { void *at[16]; };
struct shrub { long number; void *at[16]; };
RC_TYPE(bush, struct bush, .slots = RC_SLOTS(RC_LINK(struct bush, at)));
RC_TYPE(shrub, struct shrub, .slots = RC_SLOTS(RC_LINK(struct shrub, at)));

static void *bush_new(int depth) {
    struct bush *bush = depth % 2 ? rc_new(&bush_type) : NULL;
    struct shrub *shrub = bush ? NULL : rc_new(&shrub_type);
    for (int i = 0; i < 16 && depth > 0; i++)
        rc_give_slot(bush ? &bush->at[i] : &shrub->at[i], bush_new(depth - 1));
    return bush ? (void *)bush : shrub;
}

//   b ==> 69,905, and kept; everything but kept dies, at once or so many at a time
TEST(bush_dies_whole_whatever_else_its_parts_are) {
    static const size_t limits[] = {1, 2, 7, 8, 9, 100, 1000, 0};
    for (size_t k = 0; k < sizeof limits / sizeof limits[0]; k++) {
        struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = limits[k]});
        rc_heap_enter(heap);
        destroyed_plain = 0;
        void *kept = bush_new(0);
        struct shrub *b = bush_new(4);
        struct bush *inner = b->at[3];
        rc_set(&inner->at[2], kept); // two links to it, and what was there dies
        rc_set(&inner->at[3], kept);
        rc_set(&inner->at[4], inner->at[5]);    // has two parents
        touch_object(b->at[9]);        // a suspect
        rc_give(&inner->at[6], plain_new());    // not bare
        struct rc_weak *weak = rc_weak_new(b->at[2]);
        rc_release(b);
        size_t slices = 0;
        while (stats().dead) {
            rc_collect_step(0);
            slices++;
        }
        EXPECT_EQ(1, stats().objects);
        EXPECT_EQ(0, rc_links(kept));
        EXPECT_EQ(1, destroyed_plain);
        EXPECT_EQ(limits[k] != 0, slices > 0);
        EXPECT_PTR(NULL, rc_weak_get(weak));
        rc_weak_release(weak);
        rc_release(kept);
        rc_heap_leave(heap);
        EXPECT_EQ(0, rc_heap_free(heap));
    }
}

//   b ==> 15 without anything, and one ==> 15 .., whichever slot that is in
TEST(comb_dies_whole_although_more_waits_at_each_tooth) {
    for (int place = 0; place < 16; place++) {
        struct bush *top = NULL;
        for (int depth = 0; depth < 1000; depth++) {
            struct bush *below = top;
            top = rc_new(&bush_type);
            for (int i = 0; i < 16; i++)
                rc_give_slot(&top->at[i], i == place ? below : rc_new(&bush_type));
        }
        rc_release(top);
        EXPECT_EQ(0, stats().objects);
    }
}

//   v ==> a million, and the same with vectors inside vectors
TEST(wide_object_dies_within_256_kib_of_stack) {
    with_a_small_stack();
    size_t n = scaled(1000000);
    struct vector *v = vector_new(n);
    for (size_t i = 0; i < n; i++)
        rc_give_slot(&v->slots[i], plain_new());
    rc_release(v);
    EXPECT_EQ(n, destroyed_plain);
}

TEST(vectors_nested_100000_deep_die_within_256_kib_of_stack) {
    with_a_small_stack();
    struct vector *top = NULL;
    for (size_t i = 0; i < scaled(100000); i++) {
        struct vector *v = vector_new(3);
        rc_give_slot(&v->slots[i % 3], top);
        top = v;
    }
    rc_release(top);
    EXPECT_EQ(0, stats().objects);
}

//   a ring of a million dies by the collector
TEST(long_ring_is_collected_within_256_kib_of_stack, .limit = 60) {
    with_a_small_stack();
    size_t n = scaled(1000000);
    struct plain *head = list_of(n), *last = head;
    while (last->x)
        last = last->x;
    rc_give(&last->x, head);
    EXPECT_EQ(n, rc_collect());
    EXPECT_EQ(n, destroyed_plain);
}

//   a cycle of two that keeps a list of a million, which goes with it
TEST(long_list_behind_a_cycle_is_collected_within_256_kib_of_stack, .limit = 60) {
    with_a_small_stack();
    size_t n = scaled(1000000);
    struct plain *a = plain_new();
    rc_give(&a->y, list_of(n));
    rc_give(&a->x, a);
    EXPECT_EQ(n + 1, rc_collect());
    EXPECT_EQ(n + 1, destroyed_plain);
}

TEST(heap_with_a_long_list_is_freed_within_256_kib_of_stack, .limit = 60) {
    with_a_small_stack();
    struct plain *head = list_of(scaled(1000000));
    (void)head;
    EXPECT_EQ(1, rc_heap_free(rc_heap_default()));
    EXPECT_EQ(scaled(1000000), destroyed_plain);
}

// These tests can fail: recursion as deep as the list is long does not fit.
static size_t recurse(struct plain *list, volatile char *above) {
    volatile char frame[16] = {0};
    frame[0] = above ? *above : 0;
    return list ? recurse(list->x, frame) + 1 + (size_t)frame[0] : 0;
}

TEST(recursion_over_such_a_list_would_not_fit) {
    with_a_small_stack();
    struct plain *head = list_of(1000000);
    pid_t child = fork();
    if (child == 0)
        _exit(recurse(head, NULL) == 0); // if ever it comes back, that is success, which is expected not to be
    int status;
    REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
    EXPECT(!(WIFEXITED(status) && WEXITSTATUS(status) == 0));
    rc_release(head);
}
