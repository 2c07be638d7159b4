// SPDX-License-Identifier: MIT
// Handles and links: what each call adds and takes, NULL everywhere, counts at the ends of their ranges, immortals.
#define _GNU_SOURCE
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/vector.h"
#include <unistd.h>

#define EXPECT_COUNTS(obj, handles, links) (EXPECT_EQ(handles, rc_handles(obj)), EXPECT_EQ(links, rc_links(obj)))

TEST(header_has_16_bytes) {
    EXPECT_EQ(16, sizeof(struct rc__header));
    struct node *n = rc_new(&node_type);
    EXPECT(stats().bytes >= sizeof *n + 16);
    EXPECT_AT_MOST((sizeof *n + 16 + 15) & ~(size_t)15, stats().bytes); // a cell may round up
    rc_release(n);
}

TEST(new_object_has_one_handle) {
    struct node *n = rc_new(&node_type);
    EXPECT_COUNTS(n, 1, 0);
    EXPECT_EQ(1, stats().objects);
    rc_release(n);
    EXPECT_EQ(0, stats().objects);
}

TEST(retain_returns_its_object_and_counts_a_handle) {
    struct node *n = rc_new(&node_type);
    struct node *mine = rc_retain(n);
    EXPECT_PTR(n, mine);
    EXPECT_COUNTS(n, 2, 0);
    rc_release(mine);
    EXPECT_COUNTS(n, 1, 0);
    rc_release(n);
    EXPECT_EQ(0, stats().objects);
}

// The functions behind the inline fast paths do the same.
TEST(retain_and_release_called_as_functions_count_alike) {
    struct node *n = rc_new(&node_type);
    EXPECT_PTR(n, (rc_retain)(n));
    EXPECT_COUNTS(n, 2, 0);
    (rc_release)(n);
    EXPECT_COUNTS(n, 1, 0);
    (rc_release)(n);
    EXPECT_EQ(0, stats().objects);
}

TEST(null_is_accepted_for_every_object) {
    struct node *none = NULL;
    rc_release(none);
    (rc_release)(none);
    EXPECT_PTR(NULL, rc_retain(none));
    EXPECT_PTR(NULL, (rc_retain)(none));
    EXPECT(!rc_is_a(none, &node_type));
    graph("a");
    struct node *a = at('a');
    rc_set(&a->x, none);
    rc_give(&a->x, none);
    EXPECT_PTR(NULL, rc_take(&a->x));
    rc_move(&a->x, &a->y);
    rc_swap(&a->x, &a->y);
    rc_clear(&a->x);
    EXPECT_PTR(NULL, a->x);
    EXPECT_PTR(NULL, a->y);
    drop("a");
    EXPECT_EQ(0, rc_heap_free(NULL));
    rc_weak_release(NULL);
    EXPECT_PTR(NULL, rc_weak_new(NULL));
    EXPECT_PTR(NULL, rc_weak_get(NULL));
}

TEST(auto_variable_releases_at_the_end_of_its_scope) {
    {
        RC_AUTO struct node *n = rc_new(&node_type);
        n->name = 'n';
        RC_AUTO struct node *none = NULL;
        (void)none;
        EXPECT_STR("", gone());
    }
    EXPECT_STR("n", gone());
}

//   a --> b: what each call does to the counts of b
TEST(calls_count_as_the_table_in_the_header_says) {
    graph("a b");
    struct node *a = at('a'), *b = at('b');
    rc_set(&a->x, b);
    EXPECT_COUNTS(b, 1, 1);
    rc_set(&a->x, b); // once more: nothing changes
    EXPECT_COUNTS(b, 1, 1);
    rc_set(&a->y, b);
    EXPECT_COUNTS(b, 1, 2);
    rc_clear(&a->y);
    EXPECT_COUNTS(b, 1, 1);
    rc_move(&a->y, &a->x);
    EXPECT_COUNTS(b, 1, 1);
    rc_swap(&a->y, &a->x);
    EXPECT_COUNTS(b, 1, 1);
    struct node *taken = rc_take(&a->x);
    EXPECT_PTR(b, taken);
    EXPECT_PTR(NULL, a->x);
    EXPECT_COUNTS(b, 2, 0);
    rc_give(&a->x, taken);
    EXPECT_COUNTS(b, 1, 1);
    EXPECT_COUNTS(a, 1, 0);
    drop("ab");
    EXPECT_STR("ab", gone());
}

// ---- the ends of the ranges

static void expect_handles_at(size_t n) {
    graph("a");
    struct node *a = at('a');
    for (size_t i = 1; i < n; i++)
        (void)rc_retain(a);
    EXPECT_COUNTS(a, n, 0);
    for (size_t i = 1; i < n; i++)
        rc_release(a);
    EXPECT_COUNTS(a, 1, 0);
    drop("a");
    EXPECT_STR("a", gone());
    forget();
}

TEST(handles_are_counted_past_16_bits) {
    size_t around[] = {0x3fff, 0x4000, 0x4001, 0x4002, 0x5fff, 0x6000, 0x6001, 0x8000, 0xffff, 0x10000, 0x10001, 300000};
    for (size_t i = 0; i < sizeof around / sizeof *around; i++)
        expect_handles_at(around[i]);
}

// Up and down around the place where handles spill, over and over.
TEST(handles_may_waver_around_16_bits) {
    graph("a");
    struct node *a = at('a');
    for (int i = 0; i < 0xfffe; i++)
        (void)rc_retain(a);
    for (int round = 0; round < 100000; round++) {
        for (int i = 0; i <= round % 5; i++)
            (void)rc_retain(a);
        for (int i = 0; i <= round % 5; i++)
            rc_release(a);
    }
    EXPECT_COUNTS(a, 0xffff, 0);
    for (int i = 0; i < 0xfffe; i++)
        rc_release(a);
    drop("a");
    EXPECT_STR("a", gone());
}

//   g --> a <--> b, where a has 100,000 handles: alive; and garbage when the last is gone
TEST(spilled_handles_keep_a_cycle_alive) {
    graph("ab ba ga");
    struct node *a = at('a');
    for (int i = 0; i < 100000; i++)
        (void)rc_retain(a);
    drop("gab");
    EXPECT_STR("g", gone());
    EXPECT_EQ(0, rc_collect());
    for (int i = 0; i < 100000; i++) {
        EXPECT_STR("g", gone());
        rc_release(a);
    }
    EXPECT_EQ(2, rc_collect());
}

//   v ==> a, 100,000 times
TEST(links_are_counted_past_16_bits) {
    enum { N = 100000 };
    struct vector *v = vector_new(N);
    graph("a");
    for (size_t i = 0; i < N; i++)
        rc_set(&v->slots[i], at('a'));
    EXPECT_COUNTS(at('a'), 1, N);
    drop("a");
    for (size_t i = 1; i < N; i++)
        rc_clear(&v->slots[i]);
    EXPECT_COUNTS(at('a'), 0, 1);
    rc_release(v);
    EXPECT_STR("a", gone());
}

// Takes 2^28 retains, so not where each costs much.
TEST(handle_count_saturates_and_the_object_becomes_immortal, .limit = 60) {
    if (is_slow_build())
        SKIP("2^28 calls take too long in this build");
    faults_begin();
    graph("a");
    struct node *a = at('a');
    for (size_t i = 0; i < (size_t)1 << 28; i++)
        (void)rc_retain(a);
    EXPECT_EQ(1, faults_seen());
    EXPECT_EQ(RC_FAULT_SATURATED, last_fault()->kind);
    EXPECT_PTR(a, last_fault()->object);
    for (int i = 0; i < 1000; i++)
        rc_release(a);
    EXPECT_NO_FAULT();
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(1, stats().objects);
    rc_heap_free(rc_heap_default());
    EXPECT_STR("a", gone());
}

// 2^28 slots take 2 GiB.
TEST(link_count_saturates_and_the_object_becomes_immortal, .limit = 60) {
    if (is_slow_build() || sysconf(_SC_AVPHYS_PAGES) < (4L << 30) / sysconf(_SC_PAGESIZE))
        SKIP("takes 2 GiB of memory, and too long in this build");
    faults_begin();
    graph("a");
    struct node *a = at('a');
    struct vector *v = vector_new((size_t)1 << 28);
    for (size_t i = 0; i < v->n; i++)
        rc_set(&v->slots[i], a);
    EXPECT_EQ(1, faults_seen());
    EXPECT_EQ(RC_FAULT_SATURATED, last_fault()->kind);
    rc_release(v);
    drop("a");
    rc_collect();
    EXPECT_STR("", gone());
    rc_heap_free(rc_heap_default());
    EXPECT_STR("a", gone());
    EXPECT_NO_FAULT();
}

// ---- immortals

TEST(immortal_survives_releases_and_collections) {
    faults_begin();
    graph("ab ba");
    struct node *a = at('a');
    EXPECT_PTR(a, rc_immortal(a));
    for (int i = 0; i < 100000; i++)
        rc_release(a);
    EXPECT_NO_FAULT();
    drop("b");
    EXPECT_EQ(0, rc_collect());
    EXPECT_STR("", gone());
    for (int i = 0; i < 100000; i++)
        (void)rc_retain(a);
    EXPECT(rc_is_a(a, &node_type));
    EXPECT_EQ(0, rc_heap_free(rc_heap_default()));
    EXPECT_STR("ab", gone_sorted());
}

//   a <--> i: a link from an immortal keeps what it refers to, until it is cleared
TEST(links_of_an_immortal_can_change) {
    graph("ai ia b");
    struct node *i = at('i');
    rc_immortal(i);
    drop("ai");
    EXPECT_EQ(0, rc_collect());
    rc_give(&i->x, at('b'));
    rc_collect();
    EXPECT_STR("a", gone());
    rc_clear(&i->x);
    EXPECT_STR("ab", gone());
    for (int n = 0; n < 1000; n++)
        rc_clear(&i->y), rc_set(&i->y, i);
    rc_clear(&i->y);
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(0, rc_heap_free(rc_heap_default()));
    EXPECT_STR("abi", gone());
}

TEST(immortal_that_is_given_is_not_counted) {
    graph("a b");
    struct node *a = at('a'), *b = at('b');
    rc_immortal(a);
    unsigned handles = rc_handles(a);
    rc_give(&b->x, a);
    rc_give(&b->x, a);
    EXPECT_EQ(handles, rc_handles(a));
    drop("b");
    EXPECT_EQ(0, rc_collect());
    EXPECT_STR("b", gone());
    EXPECT_EQ(0, rc_heap_free(rc_heap_default()));
    EXPECT_STR("ba", gone());
}

//   a -> b -> c -> a   all without a handle, and b immortal
TEST(immortal_in_a_cycle_keeps_all_of_it) {
    graph("ab bc ca");
    drop("abc");
    rc_immortal(at('b'));
    EXPECT_EQ(0, rc_collect());
    EXPECT_STR("", gone());
    EXPECT_EQ(0, rc_heap_free(rc_heap_default()));
    EXPECT_STR("abc", gone_sorted());
}

// ---- counts at their limits, which are set by hand here: to count so far takes too long for most builds

static void set_links(struct node *node, uint64_t links) {
    RC__HEADER(node)->word &= (UINT64_C(1) << 36) - 1;
    RC__HEADER(node)->word |= links << 36;
}

TEST(link_beyond_the_limit_makes_an_object_immortal) {
    const uint64_t most = (UINT64_C(1) << 28) - 1;
    faults_begin();
    graph("a b");
    struct node *a = at('a'), *b = at('b');
    set_links(a, most - 1);
    rc_set(&b->x, a);
    EXPECT_EQ(most, rc_links(a));
    EXPECT_NO_FAULT();
    rc_set(&b->y, a);
    EXPECT_FAULT(RC_FAULT_SATURATED, "rc_set");
    EXPECT_EQ(most, rc_links(a));
    rc_set(&b->y, a);
    rc_clear(&b->x); // a count at its limit says nothing any more
    rc_clear(&b->y);
    rc_set(&b->y, a);
    EXPECT_EQ(most, rc_links(a));
    EXPECT_NO_FAULT();
    EXPECT_PTR(a, rc_take(&b->y));
    drop("ab");
    EXPECT_EQ(0, rc_collect());
    EXPECT_STR("b", gone());
    rc_heap_free(rc_heap_default());
    EXPECT_STR("ba", gone());
}

TEST(handle_beyond_the_limit_makes_an_object_immortal) {
    faults_begin();
    graph("a");
    struct node *a = at('a');
    RC__HEADER(a)->shared = (uint32_t)((1 << 27) + 1) << 3; // so many have been spilled
    for (int i = 0; i < 0x10000; i++)
        (void)(rc_retain)(a);
    EXPECT_FAULT(RC_FAULT_SATURATED, "rc_retain");
    (void)(rc_retain)(a);
    for (int i = 0; i < 10; i++)
        (rc_release)(a);
    EXPECT_NO_FAULT();
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(1, stats().objects);
    rc_heap_free(rc_heap_default());
    EXPECT_STR("a", gone());
}
