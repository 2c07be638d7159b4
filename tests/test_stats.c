// SPDX-License-Identifier: MIT
// The figures that a heap gives of itself are the true ones.
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/steps.h"

struct joint { struct joint *a, *b; };
RC_TYPE(joint, struct joint, .slots = RC_SLOTS(RC_LINK(struct joint, a), RC_LINK(struct joint, b)));

TEST(fresh_heap_has_no_figures) {
    struct rc_heap *h = rc_heap_new(NULL);
    rc_heap_enter(h);
    struct rc_stats s = stats(), zero = {0};
    EXPECT_EQ(0, memcmp(&s, &zero, sizeof s));
    rc_heap_leave(h);
    free_heap(h);
}

TEST(first_object_takes_no_more_than_others) {
    void *first = rc_new(&joint_type); // enters the heap
    EXPECT_EQ(16 + 16, stats().bytes);
    void *other = rc_new(&joint_type);
    EXPECT_EQ(2 * (16 + 16), stats().bytes);
    rc_release(first);
    rc_release(other);
}

TEST(objects_and_bytes_follow_births_and_deaths) {
    graph("a b c");
    EXPECT_EQ(3, stats().objects);
    EXPECT_EQ(3, stats().allocated);
    size_t each = stats().bytes / 3;
    EXPECT_EQ(3 * each, stats().bytes);
    EXPECT(each >= sizeof(struct node) + 16 && each < sizeof(struct node) + 48);
    drop("b");
    EXPECT_EQ(2, stats().objects);
    EXPECT_EQ(2 * each, stats().bytes);
    EXPECT_EQ(3, stats().allocated);
    void *large = rc_new_sized(&node_type, 100000);
    EXPECT(stats().bytes >= 2 * each + 100000);
    EXPECT(stats().bytes <= 2 * each + 101000);
    ((struct node *)large)->name = 'l';
    rc_release(large);
    EXPECT_EQ(2 * each, stats().bytes);
    drop("ac");
}

TEST(reclaimed_by_count_and_by_the_collector_are_told_apart) {
    graph("ab cd dc ce");
    drop("b");
    drop("a");
    EXPECT_EQ(2, stats().reclaimed_count);
    EXPECT_EQ(0, stats().reclaimed_collect);
    drop("cde");
    EXPECT_EQ(3, rc_collect());
    EXPECT_EQ(5, stats().reclaimed_count + stats().reclaimed_collect);
    EXPECT(stats().reclaimed_collect >= 2); // e, behind the cycle, may be counted either way
    EXPECT_EQ(5, stats().allocated);
}

TEST(suspects_are_counted) {
    graph("ab ba cd dc");
    EXPECT_EQ(0, stats().suspects);
    drop("a");
    EXPECT_EQ(1, stats().suspects);
    drop("cd");
    EXPECT_EQ(3, stats().suspects);
    EXPECT_AT_MOST(3, rc_collect_pending());
    rc_collect();
    EXPECT_EQ(0, stats().suspects);
    drop("b");
    rc_collect();
}

TEST(collections_visits_and_slices_are_counted, .counts = true) {
    graph("ab bc ca");
    drop("abc");
    rc_collect();
    struct rc_stats s = stats();
    EXPECT_EQ(1, s.slices);
    EXPECT(s.collections >= 1);
    EXPECT_EQ(3, s.nodes);
    EXPECT(s.edges >= 3 && s.edges <= 6); // empty slots may be counted
    EXPECT_EQ(0, s.called_off);
    EXPECT_EQ(0, s.pardoned);
    graph("ab ba");
    drop("ab");
    uint64_t slices = 0;
    while (rc_collect_step(0) == RC_STEP_MORE)
        slices++;
    EXPECT_EQ(s.slices + slices + 1, stats().slices);
    EXPECT_EQ(5, stats().nodes);
}

TEST(called_off_collections_are_counted, .counts = true) {
    graph("ab ba");
    drop("ab");
    rc_collect_step(0);
    rc_collect_step(0);
    rc_collect_cancel();
    rc_collect();
    EXPECT_EQ(1, stats().called_off);
    EXPECT_EQ(0, stats().objects);
}

//   g --> b <--> a <--> c    the move makes the set look white, its mark is what pardons it
static void pardon_something(void) {
    graph("ab ba gb ac ca");
    drop(order());
    some_work();
    rc_move(&at('c')->y, &at('a')->x);
    finish_sound();
    drop("g");
    finish_sound();
}

TEST(pardons_are_counted) {
    uint64_t before = stats().pardoned;
    sweep_orders(pardon_something, "abc");
    EXPECT(stats().pardoned > before);
}

TEST(longest_slices_are_noted_by_phase) {
    graph("ab ba Cd dC");
    drop("abCd");
    unsigned seen = 0;
    while (rc_collect_step(0) == RC_STEP_MORE)
        seen |= 1u << rc_collect_phase();
    for (int phase = 1; phase < RC_PHASE_COUNT; phase++)
        if (seen >> phase & 1)
            EXPECT(stats().slice_ns_max[phase] > 0);
    EXPECT_PHASES(seen, PHASE(BUILD) | PHASE(SCAN) | PHASE(DESTROY));
}

TEST(figures_of_two_heaps_are_apart) {
    struct rc_heap *h = rc_heap_new(NULL);
    graph("a");
    rc_heap_enter(h);
    EXPECT_EQ(0, stats().objects);
    graph("bb");
    drop("b");
    EXPECT_EQ(1, rc_collect());
    EXPECT_EQ(1, stats().reclaimed_collect);
    rc_heap_leave(h);
    EXPECT_EQ(1, stats().objects);
    EXPECT_EQ(0, stats().reclaimed_collect);
    free_heap(h);
    drop("a");
}

TEST(version_is_that_of_the_header) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", RC_VERSION_MAJOR, RC_VERSION_MINOR, RC_VERSION_PATCH);
    EXPECT_STR(version, rc_version());
}
