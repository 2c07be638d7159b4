// SPDX-License-Identifier: MIT
// Pacing on a heap: rc_pace_..., the inbox that is looked through without a collection, the wake function.
#include "loops/loop.h"
#include "tests/clock.h"
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"

#include <pthread.h>

#define MS UINT64_C(1000000)

// a <--> b, which nobody holds
static void lose_a_cycle(void) {
    graph("ab ba");
    drop("ab");
}

static void *release(void *obj) {
    rc_release(obj);
    return NULL;
}

// The same of nodes without a letter.
static void lose_another_cycle(void) {
    struct node *a = rc_new(&node_type), *b = rc_new(&node_type);
    rc_set(&a->x, b);
    rc_give(&b->x, a);
    rc_release(b);
}

// Another thread releases the handle that is given to it.
static void release_elsewhere(void *obj) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, release, obj) == 0);
    pthread_join(thread, NULL);
}

static void *release_many(void *arg) {
    for (struct node **node = arg; *node; node++)
        rc_release(*node);
    return NULL;
}

enum { MANY = 5000 };

// Makes MANY nodes, of which another thread releases the last handle.
static void many_released_elsewhere(void) {
    static struct node *node[MANY + 1];
    pthread_t thread;
    for (int i = 0; i < MANY; i++)
        node[i] = rc_new(&node_type);
    REQUIRE(pthread_create(&thread, NULL, release_many, node) == 0);
    pthread_join(thread, NULL);
}

TEST(empty_heap_is_never_worth_a_slice) {
    EXPECT_EQ(RC_PACE_NEVER, rc_pace_next());
    EXPECT_EQ(RC_PACE_NEVER, rc_pace_step(UINT64_MAX));
    EXPECT_EQ(0, stats().slices);
    EXPECT(!rc_pace_is_urgent());
}

TEST(lost_cycle_is_collected_when_its_time_has_come) {
    lose_a_cycle();
    uint64_t start = clock_now();
    uint64_t next = rc_pace_next();
    EXPECT_AT_MOST(250 * MS, next);
    EXPECT_AT_MOST(next, 200 * MS);
    EXPECT(rc_pace_step(UINT64_MAX) > 0); // too early
    EXPECT_EQ(0, stats().slices);
    for (next = rc_pace_next(); next != RC_PACE_NEVER; next = rc_pace_step(UINT64_MAX))
        clock_pass(next);
    EXPECT_AT_MOST(clock_now() - start, 250 * MS);
    EXPECT_STR("ab", gone_sorted());
    EXPECT_EQ(0, rc_collect_pending());
}

TEST(pressure_collects_at_once) {
    lose_a_cycle();
    EXPECT(rc_pace_next() > 0);
    rc_pace_pressure();
    EXPECT(rc_pace_is_urgent());
    EXPECT_EQ(0, rc_pace_next());
    while (rc_pace_step(UINT64_MAX) == 0)
        continue;
    EXPECT_STR("ab", gone_sorted());
    EXPECT(!rc_pace_is_urgent());
}

TEST(no_idle_time_is_no_slice) {
    lose_a_cycle();
    rc_pace_pressure();
    EXPECT_EQ(0, rc_pace_step(0));
    EXPECT_EQ(0, stats().slices);
    EXPECT_STR("", gone());
}

TEST(finalized_garbage_is_collected_without_another_wait) {
    graph("AB BA");
    drop("AB");
    rc_pace_pressure();
    for (int i = 0; i < 1000 && rc_pace_step(UINT64_MAX) == 0; i++)
        continue;
    EXPECT_STR("AB", gone_sorted());
}

TEST(never_is_what_pending_nothing_means) {
    for (int i = 0; i < 200; i++) {
        if (i % 3 == 0)
            lose_another_cycle();
        if (i % 7 == 0)
            rc_pace_pressure();
        rc_pace_step(UINT64_MAX);
        EXPECT_EQ(rc_collect_pending() == 0, rc_pace_next() == RC_PACE_NEVER);
    }
}

TEST(paced_slices_are_no_longer_than_the_pause_that_was_asked_for) {
    enum { N = 200000 };
    struct node *first = rc_new(&node_type), *last = first;
    size_t n = scaled(N);
    for (size_t i = 1; i < n; i++) {
        struct node *next = rc_new(&node_type);
        rc_give(&last->x, next);
        last = next;
    }
    rc_give(&last->x, first); // a ring
    rc_pace_set(&(struct rc_pace_goals){.longest_pause_ns = 100000});
    rc_pace_pressure();
    size_t slices = 0;
    while (rc_pace_step(UINT64_MAX) == 0)
        slices++;
    EXPECT_EQ(0, stats().objects);
    EXPECT(slices > n / 20000); // 200 objects in a microsecond would be a wonder
}

TEST(goals_are_given_back_with_their_defaults) {
    struct rc_pace_goals goals;
    rc_pace_get(&goals);
    EXPECT_EQ(2000000, goals.longest_pause_ns);
    EXPECT(goals.time_share == 0.25);
    EXPECT(goals.garbage_share == 0.1);
    rc_pace_set(&(struct rc_pace_goals){.longest_pause_ns = 5, .garbage_share = 0.5});
    rc_pace_get(&goals);
    EXPECT_EQ(5, goals.longest_pause_ns);
    EXPECT(goals.time_share == 0.25);
    EXPECT(goals.garbage_share == 0.5);
    rc_pace_set(NULL);
    rc_pace_get(&goals);
    EXPECT_EQ(2000000, goals.longest_pause_ns);
}

TEST(goals_need_a_place) {
    faults_begin();
    rc_pace_get(NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_pace_get");
}

static void pace_within(struct node *node) {
    (void)node;
    uint64_t slices = stats().slices;
    EXPECT_EQ(RC_PACE_NEVER, rc_pace_next());
    EXPECT_EQ(RC_PACE_NEVER, rc_pace_step(UINT64_MAX));
    EXPECT(!rc_pace_is_urgent());
    EXPECT_EQ(slices, stats().slices);
}

TEST(called_from_a_destructor_it_does_nothing) {
    lose_a_cycle();
    on_destroy = pace_within;
    rc_collect();
    EXPECT_STR("ab", gone_sorted());
    graph("c");
    drop("c");
    on_destroy = NULL;
}

static void press_within(struct node *node) {
    (void)node;
    rc_pace_pressure();
    rc_pace_set(&(struct rc_pace_goals){.time_share = 0.5});
}

TEST(pressure_and_goals_are_noted_in_a_destructor) {
    lose_a_cycle();
    EXPECT(!rc_pace_is_urgent());
    graph("c");
    on_destroy = press_within;
    drop("c");
    on_destroy = NULL;
    EXPECT(rc_pace_is_urgent());
    struct rc_pace_goals goals;
    rc_pace_get(&goals);
    EXPECT(goals.time_share == 0.5);
    rc_pace_set(NULL);
    rc_collect();
    EXPECT(!rc_pace_is_urgent());
}

// ---- a slice is as long as it says

struct joint { struct joint *next, *back; };
RC_TYPE(joint, struct joint, .slots = RC_SLOTS(RC_LINK(struct joint, next), RC_LINK(struct joint, back)));

static struct joint *last;

//   first <--> j <--> j <--> ... last   of which only the first has a handle
static struct joint *chain(int n) {
    struct joint *first = rc_new(&joint_type);
    last = first;
    for (int i = 1; i < n; i++) {
        struct joint *next = first;
        first = rc_new(&joint_type);
        rc_set(&next->back, first);
        rc_give(&first->next, next);
    }
    rc_collect(); // whatever was a suspect is none now
    return first;
}

// The collector goes along it, as it meets nothing else.
TEST(chain_is_read_in_pieces) {
    rc_release(chain(20000));
    EXPECT_EQ(1, stats().suspects);
    uint64_t before = stats().edges, read = before;
    while (rc_collect_step(1) == RC_STEP_MORE) {
        EXPECT_AT_MOST(1000, stats().edges - read);
        read = stats().edges;
    }
    EXPECT_EQ(2 * 19999, stats().edges - before);
    EXPECT_EQ(0, stats().objects);
}

// What is a suspect again and again, and alive each time, which takes long to find out.
TEST(old_suspect_waits_longer_than_a_young_one) {
    struct joint *first = chain(100000);
    for (int i = 0; i < 10; i++) {
        touch_object(last);
        clock_pass(rc_pace_next());
        while (rc_pace_step(UINT64_MAX) == 0)
            continue;
    }
    touch_object(last);
    uint64_t old = rc_pace_next();
    lose_another_cycle();
    EXPECT_AT_MOST(old / 2, rc_pace_next());
    rc_release(first);
}

// ---- what is dead, and the inbox, without a collection

TEST(dead_objects_are_destroyed_while_suspects_wait) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    lose_a_cycle();
    graph("cd de"); // c -> d -> e
    drop("dec");
    EXPECT_STR("c", gone());
    EXPECT_EQ(0, rc_pace_next());
    uint64_t next = rc_pace_step(UINT64_MAX);
    EXPECT_STR("cde", gone());
    EXPECT(next > 100 * MS && next <= 250 * MS);
    EXPECT_EQ(0, stats().collections);
    EXPECT(stats().suspects > 0);
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(what_another_thread_released_last_dies_while_suspects_wait) {
    lose_a_cycle();
    graph("c");
    release_elsewhere(at('c'));
    handle_given('c');
    EXPECT_STR("", gone());
    uint64_t next = rc_pace_next();
    EXPECT_AT_MOST(5 * MS, next);
    clock_pass(next);
    while ((next = rc_pace_step(UINT64_MAX)) == 0)
        continue;
    EXPECT_STR("c", gone());
    EXPECT(next > 100 * MS && next <= 250 * MS);
    EXPECT_EQ(0, stats().collections);
    EXPECT_EQ(RC_PHASE_IDLE, rc_collect_phase());
    EXPECT_EQ(0, stats().inbox);
}

TEST(looking_through_the_inbox_in_pieces_loses_nothing) {
    many_released_elsewhere();
    EXPECT_EQ(MANY, stats().objects);
    rc_pace_set(&(struct rc_pace_goals){.longest_pause_ns = 1});
    clock_pass(rc_pace_next());
    size_t slices = 0;
    while (rc_pace_step(UINT64_MAX) == 0)
        slices++;
    EXPECT(slices > 3);
    EXPECT_EQ(0, stats().objects);
    EXPECT_EQ(0, stats().collections);
}

TEST(whole_collection_amid_an_inbox_finds_all) {
    lose_a_cycle();
    many_released_elsewhere();
    rc_pace_set(&(struct rc_pace_goals){.longest_pause_ns = 1});
    clock_pass(rc_pace_next());
    rc_pace_step(UINT64_MAX);
    EXPECT_EQ(RC_PHASE_INBOX, rc_collect_phase());
    EXPECT(stats().objects > 2);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
}

TEST(collection_called_off_amid_its_inbox_loses_nothing) {
    lose_another_cycle();
    many_released_elsewhere();
    while (rc_collect_phase() != RC_PHASE_INBOX)
        rc_collect_step(0);
    rc_collect_step(0);
    EXPECT(stats().objects > 2);
    rc_collect_cancel();
    rc_collect_cancel(); // and once is enough
    EXPECT_EQ(1, stats().called_off);
    EXPECT(rc_collect_pending() > 0);
    EXPECT(rc_pace_next() < 250 * MS); // the inbox
    while (rc_pace_step(UINT64_MAX) == 0)
        continue;
    EXPECT_EQ(2, stats().objects); // but no collection for now
    while (rc_collect_pending())
        rc_collect_step(MS);
    EXPECT_EQ(0, stats().objects);
}

TEST(collection_called_off_amid_its_inbox_is_not_begun_again_at_once) {
    lose_another_cycle();
    many_released_elsewhere();
    rc_pace_pressure();
    while (rc_collect_phase() != RC_PHASE_INBOX)
        rc_collect_step(0);
    rc_collect_cancel();
    while (rc_pace_step(UINT64_MAX) == 0)
        continue;
    EXPECT_EQ(2, stats().objects);
    EXPECT(rc_pace_next() < 250 * MS);
    clock_pass(250 * MS);
    rc_pace_step(UINT64_MAX);
    EXPECT_EQ(0, stats().objects);
}

TEST(cancel_amid_an_inbox_loses_nothing) {
    many_released_elsewhere();
    rc_pace_set(&(struct rc_pace_goals){.longest_pause_ns = 1});
    clock_pass(rc_pace_next());
    rc_pace_step(UINT64_MAX);
    EXPECT_EQ(RC_PHASE_INBOX, rc_collect_phase());
    rc_collect_cancel();
    while (rc_collect_pending())
        rc_collect_step(MS);
    EXPECT_EQ(0, stats().objects);
    EXPECT_EQ(0, stats().called_off); // it was none
}

// ---- growth

// A MiB that only the collector can give back; another one that goes by counting.
static void lose_a_mib(void) {
    struct rc_array *a = rc_array_new(&rc_link_element);
    rc_array_push(a, a);
    EXPECT(rc_array_resize(a, 1 << 17));
    rc_release(a);
}

static struct rc_array *hold_a_mib(void) {
    struct rc_array *a = rc_array_new(&rc_link_element);
    EXPECT(rc_array_resize(a, 1 << 17));
    return a;
}

static void step_until_idle(void) {
    while (rc_pace_next() != RC_PACE_NEVER) {
        clock_pass(rc_pace_next());
        rc_pace_step(UINT64_MAX);
    }
}

TEST(memory_of_containers_is_growth) {
    lose_a_mib();
    EXPECT_EQ(0, rc_pace_next());
    EXPECT(rc_pace_is_urgent());
    rc_collect();
}

TEST(memory_that_a_collection_gave_back_is_growth_when_it_comes_again) {
    for (int i = 0; i < 4; i++) {
        lose_a_mib();
        EXPECT_EQ(0, rc_pace_next());
        for (int k = 0; i % 2 && k < 2000; k++) // then it is not given back in the last slice
            lose_another_cycle();
        rc_pace_set(&(struct rc_pace_goals){.longest_pause_ns = i % 2});
        step_until_idle();
    }
}

TEST(memory_that_came_and_went_by_counting_is_none) {
    lose_a_mib();
    step_until_idle();
    lose_another_cycle();
    struct rc_array *a = hold_a_mib();
    EXPECT_EQ(0, rc_pace_next());
    rc_release(a);
    step_until_idle();
    lose_another_cycle();
    a = hold_a_mib();
    EXPECT(rc_pace_next() > 0);
    rc_release(a);
    rc_collect();
}

TEST(memory_of_containers_is_growth_to_loops) {
    struct loop loop = {.heap = rc_heap_default()};
    struct rc_array *a = hold_a_mib();
    EXPECT(loop_share(&loop, 1000) < 1); // it has only now become urgent
    EXPECT(loop_share(&loop, 2000) < 1001);
    EXPECT(rc_array_resize(a, 4 << 17));
    EXPECT(loop_share(&loop, 3000) > 3000); // four times as large, and no more objects
    rc_release(a);
}

// They come to lie between those that live, on pages that are there already.
TEST(objects_that_take_the_place_of_others_are_growth) {
    enum { N = 12000 };
    static struct node *row[2 * N];
    for (int i = 0; i < 2 * N; i++)
        row[i] = rc_new(&node_type);
    for (int i = 0; i < 2 * N; i += 2)
        rc_release(row[i]);
    lose_another_cycle();
    rc_collect();
    clock_pass(1000 * MS); // where memory is scarce, that was called off once, and the next one waits for a while
    struct node *first = rc_new(&node_type), *last = first;
    for (int i = 1; i < N; i++) {
        struct node *n = rc_new(&node_type);
        rc_give(&last->x, n);
        last = n;
    }
    rc_give(&last->x, first);
    EXPECT_EQ(0, rc_pace_next());
    rc_collect();
    for (int i = 1; i < 2 * N; i += 2)
        rc_release(row[i]);
}

// ---- waking

static unsigned woken;

static void wake(void *arg) {
    ++*(unsigned *)arg;
}

TEST(wake_is_called_once_until_the_work_is_taken_up) {
    rc_heap_set_wake(rc_heap_default(), wake, &woken);
    graph("abc");
    release_elsewhere(at('a'));
    EXPECT_EQ(1, woken);
    release_elsewhere(at('b'));
    EXPECT_EQ(1, woken);
    EXPECT(rc_collect_pending() > 0);
    clock_pass(rc_pace_next());
    EXPECT_EQ(RC_PACE_NEVER, rc_pace_step(UINT64_MAX));
    EXPECT_STR("ab", gone_sorted());
    EXPECT_EQ(1, woken);
    release_elsewhere(at('c'));
    EXPECT_EQ(2, woken);
    rc_heap_set_wake(rc_heap_default(), NULL, NULL);
}

TEST(wake_can_be_replaced_and_taken_away) {
    static unsigned other;
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.wake = wake, .wake_arg = &woken});
    rc_heap_enter(heap);
    graph("abc");
    release_elsewhere(at('a'));
    EXPECT_EQ(1, woken);
    rc_collect();
    rc_heap_set_wake(heap, wake, &other);
    release_elsewhere(at('b'));
    EXPECT_EQ(1, woken);
    EXPECT_EQ(1, other);
    rc_collect();
    rc_heap_set_wake(heap, NULL, NULL);
    release_elsewhere(at('c'));
    EXPECT_EQ(1, woken);
    EXPECT_EQ(1, other);
    rc_heap_leave(heap);
    free_heap(heap);
}

static struct rc_heap *shared;

static void ask_and_leave(bool nothing_to_do) {
    rc_heap_enter(shared);
    uint64_t next = rc_pace_next();
    rc_heap_leave(shared);
    EXPECT(next > 0);
    EXPECT_EQ(nothing_to_do, next == RC_PACE_NEVER);
}

static void *lose_inside(void *arg) {
    rc_heap_enter(shared);
    for (size_t i = *(size_t *)arg; i; i--)
        lose_another_cycle();
    rc_heap_leave(shared);
    return NULL;
}

static void lose_elsewhere(size_t n) {
    elsewhere(lose_inside, &n);
}

TEST(wake_is_called_by_who_leaves_a_heap_with_work_that_nobody_reckoned_with) {
    shared = rc_heap_new(&(struct rc_heap_options){.wake = wake, .wake_arg = &woken});
    lose_elsewhere(1);
    EXPECT_EQ(0, woken); // nobody sleeps
    rc_heap_enter(shared);
    rc_collect();
    rc_heap_leave(shared);

    ask_and_leave(true);
    lose_elsewhere(0);
    EXPECT_EQ(0, woken);
    lose_elsewhere(1);
    EXPECT_EQ(1, woken);
    lose_elsewhere(1);
    EXPECT_EQ(1, woken);
    ask_and_leave(false);
    lose_elsewhere(1);
    EXPECT_EQ(1, woken); // one more changes nothing
    lose_elsewhere(5000);
    EXPECT_EQ(2, woken);
    lose_elsewhere(5000);
    EXPECT_EQ(2, woken);
    free_heap(shared);
}

TEST(wake_is_not_called_by_who_would_be_woken) {
    shared = rc_heap_new(&(struct rc_heap_options){.wake = wake, .wake_arg = &woken});
    ask_and_leave(true);
    lose_inside(&(size_t){1});
    EXPECT_EQ(0, woken);
    free_heap(shared);
}

static void *merge_what_is_lost(void *arg) {
    struct rc_heap *mine = rc_heap_new(NULL);
    rc_heap_enter(mine);
    lose_another_cycle();
    rc_heap_leave(mine);
    EXPECT(rc_heap_merge(shared, mine));
    return arg;
}

TEST(wake_is_called_by_who_merges_garbage_into_a_heap) {
    shared = rc_heap_new(&(struct rc_heap_options){.wake = wake, .wake_arg = &woken});
    ask_and_leave(true);
    elsewhere(merge_what_is_lost, NULL);
    EXPECT_EQ(1, woken);
    free_heap(shared);
}

TEST(wake_needs_a_heap) {
    faults_begin();
    rc_heap_set_wake(NULL, wake, &woken);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_heap_set_wake");
}

struct setter {
    struct rc_heap *heap;
    bool stop;
};

static void *set_wake_and_take_it_away(void *arg) {
    struct setter *s = arg;
    while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
        unsigned mine = 0; // gone when this round ends
        rc_heap_set_wake(s->heap, wake, &mine);
        rc_heap_set_wake(s->heap, NULL, NULL);
        EXPECT_AT_MOST(1000, mine);
    }
    return NULL;
}

TEST(wake_that_was_taken_away_is_not_running) {
    struct setter setter = {.heap = rc_heap_default()};
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, set_wake_and_take_it_away, &setter) == 0);
    for (size_t i = 0; i < scaled(2000); i++) {
        release_elsewhere(rc_new(&node_type));
        rc_collect();
    }
    __atomic_store_n(&setter.stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
}
