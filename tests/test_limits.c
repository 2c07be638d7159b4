// SPDX-License-Identifier: MIT
// The ends of ranges: counts that are about to saturate, numbers that are about to wrap. No test can call often enough to get
// there (two of test_counting.c and one of test_threads.c do, where a build is fast), so each of these sets the number to just
// below its end by hand, and goes on from there.
#include "rc/table.h"
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/steps.h"

#include <refcyc/list.h>

static void set_sum(void *obj, int32_t sum) {
    RC__HEADER(obj)->shared = (RC__HEADER(obj)->shared & 7) | (uint32_t)sum * RC__SHARED_ONE;
}

// A heap that has saturated objects is not empty at the end.
static void end_of(const char *names) {
    rc_collect();
    EXPECT_STR("", gone());
    rc_heap_free(rc_heap_default());
    EXPECT_STR(names, gone_sorted());
}

TEST(retain_of_another_thread_saturates_and_the_object_becomes_immortal) {
    faults_begin();
    graph("a");
    set_sum(at('a'), RC__SHARED_LIMIT - 1);
    elsewhere(retain_there, at('a'));
    EXPECT_NO_FAULT();
    elsewhere(retain_there, at('a'));
    EXPECT_FAULT(RC_FAULT_SATURATED, "rc_retain");
    elsewhere(retain_there, at('a')); // it is said once
    for (int i = 0; i < 10; i++)
        elsewhere(retain_there, at('a'));
    EXPECT_EQ(RC__SHARED_LIMIT + 1, rc_handles(at('a'))); // it does not come nearer to what a word can hold
    for (int i = 0; i < 10; i++)
        elsewhere(release_there, at('a')); // and not counted any more
    EXPECT_NO_FAULT();
    EXPECT_EQ(RC__SHARED_LIMIT + 1, rc_handles(at('a')));
    EXPECT_EQ(0, stats().inbox);
    drop("a");
    end_of("a");
}

//   (k) b --> a: a link of another heap is a handle, and the one too many
TEST(link_of_another_heap_saturates_and_the_object_becomes_immortal) {
    struct rc_heap *k = new_heap();
    faults_begin();
    graph("a");
    set_sum(at('a'), RC__SHARED_LIMIT);
    graph_in(k, "ba");
    EXPECT_FAULT(RC_FAULT_SATURATED, "rc_set");
    EXPECT_PTR(at('a'), at('b')->x);
    rc_heap_enter(k);
    rc_clear(&at('b')->x);
    drop("b");
    rc_heap_leave(k);
    EXPECT_EQ(RC__SHARED_LIMIT + 1, rc_handles(at('a')));
    EXPECT_STR("b", gone());
    free_heap(k);
    forget();
    drop("a");
    end_of("a");
}

TEST(retain_inside_saturates_and_the_object_becomes_immortal) {
    faults_begin();
    graph("a");
    set_sum(at('a'), RC__SHARED_LIMIT + 1);
    rc__set_handles(RC__HEADER(at('a')), RC__HANDLES_MAX);
    (void)(rc_retain)(at('a'));
    EXPECT_FAULT(RC_FAULT_SATURATED, "rc_retain");
    for (int i = 0; i < 1000; i++)
        (rc_release)(at('a'));
    (void)(rc_retain)(at('a'));
    EXPECT_NO_FAULT();
    end_of("a");
}

//   g --> a, g --> a: the second link is one too many; a keeps all it has, for ever
TEST(link_saturates_and_the_object_becomes_immortal) {
    faults_begin();
    graph("g a");
    struct rc__header *a = RC__HEADER(at('a'));
    a->word += (RC__LINKS_MAX - 1) * RC__LINK_ONE;
    rc_set(&at('g')->x, at('a'));
    EXPECT_NO_FAULT();
    rc_set(&at('g')->y, at('a'));
    EXPECT_FAULT(RC_FAULT_SATURATED, "rc_set");
    EXPECT_EQ(RC__LINKS_MAX, rc_links(at('a')));
    rc_clear(&at('g')->x);
    rc_clear(&at('g')->y);
    EXPECT_EQ(RC__LINKS_MAX, rc_links(at('a')));
    rc_set(&at('g')->x, at('a')); // said once
    EXPECT_NO_FAULT();
    rc_clear(&at('g')->x);
    drop("ga");
    rc_collect();
    EXPECT_STR("g", gone());
    rc_heap_free(rc_heap_default());
    EXPECT_STR("ga", gone());
}

//   (h) g --> a (k), which has all the links that it can have: after the merge the slot's handle is still one
TEST(handle_that_does_not_fit_as_a_link_stays_one_when_heaps_merge) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(k, "a");
    graph_in(h, "ga");
    rc_heap_enter(k);
    RC__HEADER(at('a'))->word += RC__LINKS_MAX * RC__LINK_ONE;
    drop("a");
    rc_heap_leave(k);
    EXPECT(rc_heap_merge(h, k));
    EXPECT_EQ(RC__LINKS_MAX, rc_links(at('a')));
    EXPECT_EQ(1, rc_handles(at('a')));
    rc_heap_enter(h);
    rc_clear(&at('g')->x);
    drop("g");
    rc_collect();
    EXPECT_STR("g", gone());
    rc_heap_leave(h);
    EXPECT_EQ(1, rc_heap_free(h));
    EXPECT_STR("ga", gone());
}

//   g --> a: other threads got more handles of a than are counted; then as many are given up inside as are counted, and more
TEST(object_that_other_threads_saturated_is_immortal_inside_too) {
    faults_begin();
    for (int inbox = 0; inbox < 2; inbox++) {
        graph("ga");
        elsewhere(retain_there, at('a'));
        if (inbox)
            elsewhere(release_there, at('a'));
        set_sum(at('a'), RC__SHARED_LIMIT);
        elsewhere(retain_there, at('a'));
        EXPECT_FAULT(RC_FAULT_SATURATED, "rc_retain");
        set_sum(at('a'), 0);
        drop("a");
        rc_release(at('a'));
        rc_collect();
        EXPECT_EQ(inbox, stats().inbox);
        drop("g");
        rc_collect();
        EXPECT_STR("g", gone());
        EXPECT_EQ(0, rc_links(at('a')));
        EXPECT_NO_FAULT();
        rc_heap_free(rc_heap_default());
        EXPECT_STR("ga", gone());
        forget();
    }
}

// The same where a merge makes a link of what was a handle.
TEST(object_that_another_heap_saturated_is_immortal_when_they_merge) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    faults_begin();
    graph_in(k, "a");
    graph_in(h, "ga");
    set_sum(at('a'), RC__SHARED_LIMIT);
    elsewhere(retain_there, at('a'));
    EXPECT_FAULT(RC_FAULT_SATURATED, "rc_retain");
    set_sum(at('a'), 1);
    drop_in(k, "a");
    EXPECT(rc_heap_merge(h, k));
    EXPECT_EQ(1, rc_links(at('a')));
    rc_heap_enter(h);
    rc_release(at('a'));
    drop("g");
    rc_collect();
    EXPECT_STR("g", gone());
    EXPECT_NO_FAULT();
    rc_heap_leave(h);
    rc_heap_free(h);
    EXPECT_STR("ga", gone());
}

// ---- below the other end: another thread has released more often than anybody retained

TEST(release_give_and_merge_find_out_that_another_thread_released_too_often) {
    faults_begin();
    graph("g ga");
    drop("a");
    elsewhere(release_there, at('a'));
    rc_release(at('a'));
    EXPECT_FAULT(RC_FAULT_RELEASE, "rc_release");
    EXPECT_HAS("more often than retained", last_fault()->message);
    elsewhere(release_there, at('a'));
    rc_give(&at('g')->y, at('a'));
    EXPECT_FAULT(RC_FAULT_RELEASE, "rc_give");
    EXPECT_PTR(NULL, at('g')->y);
    EXPECT_EQ(0, rc_handles(at('a')));
    EXPECT_EQ(1, rc_links(at('a')));
    drop("g");
    rc_collect();
    EXPECT_STR("ga", gone());
    // The same where a merge makes a link of a handle that is not there.
    struct rc_heap *h = new_heap(), *k = new_heap();
    forget();
    graph_in(k, "pa");
    drop_in(k, "a");
    graph_in(h, "ga");
    elsewhere(release_there, at('a'));
    elsewhere(release_there, at('a'));
    EXPECT(rc_heap_merge(h, k));
    EXPECT_FAULT(RC_FAULT_RELEASE, "rc_heap_merge");
    at('g')->x = NULL; // there is no link in it
    rc_heap_enter(h);
    drop("gp");
    rc_heap_leave(h);
    free_heap(h);
    EXPECT_STR("gpa", gone());
}

//   g --> a, which has a handle, and another thread releases two
TEST(object_that_another_thread_released_too_often_has_no_handle_left) {
    faults_begin();
    graph("ga");
    elsewhere(release_there, at('a'));
    elsewhere(release_there, at('a'));
    rc_collect();
    EXPECT_FAULT(RC_FAULT_RELEASE, "rc_release");
    EXPECT_EQ(0, rc_handles(at('a')));
    EXPECT_EQ(1, rc_links(at('a')));
    drop("g");
    rc_collect();
    EXPECT_STR("ga", gone());
}

// ---- numbers that wrap

//   a <--> b, a weak reference to a: the collections before and after the one whose number would be 0
TEST(rounds_of_condemning_are_numbered_past_the_end) {
    struct cc *cc = &rc_heap_default()->cc;
    for (uint32_t round = UINT32_MAX - 2; round != 2; round++) {
        forget();
        graph("ab ba");
        struct rc_weak *weak = rc_weak_new(at('a'));
        drop("ab");
        cc->round = round ? round : 1;
        stop_in(RC_PHASE_DESTROY); // condemned, and committed
        EXPECT(cc->round != 0);
        EXPECT_PTR(NULL, rc_weak_get(weak));
        rc_collect();
        EXPECT_STR("ab", gone_sorted());
        rc_weak_release(weak);
    }
}

//   Entries are not read where there is no memory to be had, so the table need not have them.
TEST(map_that_is_full_does_not_grow_beyond_what_its_numbers_hold) {
    char memory[64];
    struct rc_heap *heap = new_heap();
    rc_heap_enter(heap);
    struct rc_map *map = rc_map_new(&rc_int_element, &rc_int_element);
    struct rc__table *t = (struct rc__table *)map, was = *t;
    t->memory = memory;
    t->capacity = t->count = t->used = 9u << 26;
    errno = 0;
    EXPECT(!rc__table_grow(heap, t));
    EXPECT_EQ(ENOMEM, errno);
    EXPECT_EQ(9u << 26, rc_map_size(map));
    *t = was;
    rc_release(map);
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(stamps_of_lists_are_numbered_past_the_end) {
    struct rc_list *l = rc_list_new(&rc_int_element);
    rc_heap_default()->stamp = UINT32_MAX - 2;
    struct rc_list_pos pos[5];
    for (int i = 0; i < 5; i++)
        pos[i] = rc_list_insert_value(l, RC_LIST_NONE, &i);
    for (int i = 0; i < 5; i++) {
        REQUIRE(rc_list_has(l, pos[i]));
        EXPECT_EQ(i, *(int *)rc_list_at(l, pos[i]));
    }
    EXPECT(rc_list_remove(l, pos[2]));
    EXPECT(!rc_list_has(l, pos[2]));
    EXPECT_EQ(4, rc_list_size(l));
    rc_release(l);
}
