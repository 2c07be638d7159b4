// SPDX-License-Identifier: MIT
// References that go to other threads, heaps that change threads, the inbox and its bell. Meant for ThreadSanitizer as much
// as for what is expected here: make SANITIZE=thread check T=threads.
#define _GNU_SOURCE
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/vector.h"
#include <pthread.h>
#include <stdatomic.h>

static pthread_t start(void *(*run)(void *), void *arg) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, run, arg) == 0);
    return thread;
}

static void await(pthread_t thread) {
    pthread_join(thread, NULL);
}

// Runs [run] on another thread and waits for its end.
static void elsewhere(void *(*run)(void *), void *arg) {
    await(start(run, arg));
}

static unsigned units_now;
static void do_units(void) {
    for (unsigned i = 0; i < units_now; i++)
        rc_collect_step(0);
}

static const struct rc_type quiet_type = {"quiet", sizeof(struct node),
                                          .slots = RC_SLOTS(RC_LINK(struct node, x), RC_LINK(struct node, y))};

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

// ---- retain and release from outside

static void *retain_there(void *obj) {
    (void)rc_retain(obj);
    return NULL;
}

static void *release_there(void *obj) {
    rc_release(obj);
    return NULL;
}

TEST(handle_taken_elsewhere_counts) {
    graph("a");
    elsewhere(retain_there, at('a'));
    EXPECT_EQ(2, rc_handles(at('a')));
    drop("a");
    EXPECT_STR("", gone());
    EXPECT_EQ(1, rc_handles(at('a')));
    elsewhere(release_there, at('a'));
    EXPECT_STR("", gone()); // destruction happens inside only
    rc_collect();
    EXPECT_STR("a", gone());
}

static pthread_t destroyer;
static void note_thread(struct node *node) {
    (void)node;
    destroyer = pthread_self();
}

TEST(object_released_elsewhere_dies_inside_its_heap) {
    graph("a");
    on_destroy = note_thread;
    elsewhere(release_there, at('a'));
    EXPECT_STR("", gone());
    EXPECT_EQ(1, stats().inbox);
    EXPECT(rc_collect_pending() > 0);
    while (rc_collect_step(0) == RC_STEP_MORE)
        continue;
    EXPECT_STR("a", gone());
    EXPECT(pthread_equal(destroyer, pthread_self()));
    EXPECT_EQ(0, stats().inbox);
}

TEST(handle_made_here_may_be_released_there_and_the_other_way_round) {
    graph("a");
    for (int i = 0; i < 100; i++) {
        (void)rc_retain(at('a'));
        elsewhere(release_there, at('a'));
        elsewhere(retain_there, at('a'));
        rc_release(at('a'));
    }
    EXPECT_EQ(1, rc_handles(at('a')));
    drop("a");
    rc_collect();
    EXPECT_STR("a", gone());
}

//   g --> a <--> b, held by a handle elsewhere only
TEST(cycle_held_elsewhere_survives_until_it_is_released_there) {
    graph("ab ba");
    elsewhere(retain_there, at('a'));
    drop("ab");
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(0, rc_collect());
    elsewhere(release_there, at('a'));
    EXPECT_EQ(2, rc_collect());
}

// Seen when the suspects are looked at, so not traced.
TEST(suspect_held_elsewhere_is_not_visited) {
    graph("ab ba ga gb");
    drop("ab");
    elsewhere(retain_there, at('a'));
    elsewhere(retain_there, at('b'));
    uint64_t nodes = stats().nodes;
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(nodes, stats().nodes);
    drop("g");
    EXPECT_EQ(0, rc_collect());
    elsewhere(release_there, at('a'));
    elsewhere(release_there, at('b'));
    EXPECT_EQ(2, rc_collect());
}

//   g --> a   a handle taken there is released, or given, here, where none was left
TEST(handle_taken_there_is_released_or_given_here) {
    graph("ga");
    struct node *a = at('a');
    drop("a");
    elsewhere(retain_there, a);
    rc_release(a);
    EXPECT_EQ(0, rc_handles(a));
    elsewhere(retain_there, a);
    rc_give(&at('g')->y, a);
    EXPECT_EQ(0, rc_handles(a));
    EXPECT_EQ(2, rc_links(a));
    drop("g");
    EXPECT_STR("ga", gone());
}

// ---- dead, and still in the inbox

static void *retain_and_release_all(void *list) {
    struct vector *v = list;
    for (size_t i = 0; i < v->n; i++)
        (void)rc_retain(v->slots[i]);
    for (size_t i = 0; i < v->n; i++)
        rc_release(v->slots[i]);
    return NULL;
}

TEST(any_number_of_dead_objects_may_wait_in_the_inbox) {
    enum { N = 1000 };
    static void *handles[N];
    struct vector list = {handles, N};
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < N; i++)
            REQUIRE((handles[i] = rc_new(&node_type)));
        elsewhere(retain_and_release_all, &list);
        for (int i = 0; i < N; i++) {
            ((struct node *)handles[i])->name = 'n';
            rc_release(handles[i]);
        }
        EXPECT_EQ(0, stats().objects);
    }
    EXPECT_EQ(50 * N, stats().inbox);
    rc_collect();
    EXPECT_EQ(0, stats().inbox);
}

// Gives out last what came back last, fills what came back with rubbish, and knows what is out.
enum { POOL = 64, SLOT = 128 };
static _Alignas(16) char pool[POOL][SLOT];
static int pool_free[POOL], pool_count = -1;
static bool pool_out[POOL];
static void *pool_alloc(size_t size, size_t align, void *arg) {
    (void)align, (void)arg;
    if (size > SLOT)
        return aligned_alloc(16, (size + 15) & ~(size_t)15);
    if (pool_count < 0)
        for (pool_count = 0; pool_count < POOL; pool_count++)
            pool_free[pool_count] = pool_count;
    REQUIRE(pool_count > 0);
    int i = pool_free[--pool_count];
    pool_out[i] = true;
    return pool[i];
}
static void pool_give_back(void *memory, size_t size, void *arg) {
    (void)arg;
    memset(memory, 0x83, size); // read as a header, it looks dead, destroyed, and to be freed
    if (size > SLOT) {
        free(memory);
        return;
    }
    int i = (int)((char(*)[SLOT])memory - pool);
    REQUIRE(pool_out[i]); // not twice
    pool_out[i] = false;
    pool_free[pool_count++] = i;
}

//   g --> d --> e   d is in the graph, goes through the inbox, and dies: its memory stays until it is out of both
TEST(object_that_dies_in_the_graph_and_in_the_inbox_stays_until_it_has_left_both) {
    static const struct rc_allocator allocator = {pool_alloc, pool_give_back, NULL};
    for (units_now = 0; units_now < 40; units_now++) {
        test_note("after %u units", units_now);
        forget();
        struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.allocator = &allocator});
        rc_heap_enter(h);
        graph("gd de ab ba");
        struct node *d = at('d');
        drop("edab");
        do_units();
        elsewhere(retain_there, d);
        elsewhere(release_there, d);
        rc_clear(&at('g')->x);
        EXPECT(!is_there('d'));
        for (int i = 0; i < 100 && rc_collect_step(0) == RC_STEP_MORE; i++) {
            struct node *n = rc_new(&quiet_type);
            rc_release(n);
        }
        drop("g");
        rc_collect();
        EXPECT_STR("abdeg", gone_sorted());
        EXPECT_EQ(0, stats().inbox);
        rc_heap_leave(h);
        free_heap(h);
    }
}

TEST(inner_handles_given_back_while_others_hold_on) {
    graph("ab ba");
    for (int i = 0; i < 5; i++)
        elsewhere(retain_there, at('a'));
    drop("ab");
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(0, rc_collect());
        elsewhere(release_there, at('a'));
    }
    EXPECT_EQ(2, rc_collect());
}

// More handles come from outside than fit into 16 bits, or go.
static void *retain_many(void *obj) {
    for (int i = 0; i < 200000; i++)
        (void)rc_retain(obj);
    return NULL;
}
static void *release_many(void *obj) {
    for (int i = 0; i < 200000; i++)
        rc_release(obj);
    return NULL;
}

TEST(handles_of_other_threads_fill_and_spill) {
    graph("a");
    elsewhere(retain_many, at('a'));
    EXPECT_EQ(200001, rc_handles(at('a')));
    release_many(at('a'));
    EXPECT_EQ(1, rc_handles(at('a')));
    retain_many(at('a'));
    elsewhere(release_many, at('a'));
    EXPECT_EQ(1, rc_handles(at('a')));
    EXPECT_EQ(0, rc_collect());
    drop("a");
    rc_collect();
    EXPECT_STR("a", gone());
}

static void *retain_too_often(void *obj) {
    for (size_t i = 0; i < (size_t)1 << 28 && faults_seen() == 0; i++)
        (void)rc_retain(obj);
    return NULL;
}

TEST(handles_of_other_threads_saturate_and_the_object_becomes_immortal, .limit = 60) {
    if (is_slow_build())
        SKIP("2^27 calls take too long in this build");
    faults_begin();
    graph("ab");
    elsewhere(retain_too_often, at('a'));
    EXPECT_EQ(RC_FAULT_SATURATED, last_fault()->kind);
    elsewhere(release_many, at('a'));
    release_many(at('a'));
    drop("b");
    EXPECT_EQ(0, rc_collect());
    EXPECT_STR("", gone());
    EXPECT_NO_FAULT();
    rc_heap_free(rc_heap_default());
    EXPECT_STR("ab", gone_sorted());
}

TEST(immortal_is_left_alone_by_other_threads) {
    graph("a");
    rc_immortal(at('a'));
    elsewhere(retain_many, at('a'));
    elsewhere(release_many, at('a'));
    elsewhere(release_many, at('a'));
    EXPECT_EQ(0, stats().inbox);
    EXPECT_EQ(0, rc_collect());
    EXPECT_STR("", gone());
    EXPECT_EQ(0, rc_heap_free(rc_heap_default()));
    EXPECT_STR("a", gone());
}

// ---- at every moment of a collection

//   a <--> b: the only handle is elsewhere and goes at any moment
TEST(release_elsewhere_at_any_moment_of_a_collection_is_found) {
    for (units_now = 0; units_now < 40; units_now++) {
        test_note("after %u units", units_now);
        forget();
        graph("ab ba cd dc");
        struct node *a = at('a');
        elsewhere(retain_there, a);
        drop("abcd");
        do_units();
        EXPECT(is_there('a') && is_there('b'));
        elsewhere(release_there, a);
        rc_collect();
        EXPECT_STR("abcd", gone_sorted());
    }
}

//   a <--> b: a handle moves from here to there and back while the collector looks
TEST(handle_handed_over_at_any_moment_of_a_collection_keeps) {
    for (units_now = 0; units_now < 40; units_now++) {
        test_note("after %u units", units_now);
        forget();
        graph("ab ba cd dc");
        drop("bcd");
        do_units();
        elsewhere(retain_there, at('a'));
        drop("a");
        do_units();
        EXPECT(is_there('a') && is_there('b'));
        (void)rc_retain(at('a'));
        elsewhere(release_there, at('a'));
        do_units();
        EXPECT(is_there('a') && is_there('b'));
        rc_release(at('a'));
        rc_collect();
        EXPECT_STR("abcd", gone_sorted());
    }
}

static void *upgrade_there(void *weak) {
    return rc_weak_get(weak);
}

TEST(upgrade_elsewhere_at_any_moment_of_a_collection_is_a_living_object_or_null) {
    for (units_now = 0; units_now < 40; units_now++) {
        test_note("after %u units", units_now);
        forget();
        graph("ab ba cd dc");
        struct rc_weak *weak = rc_weak_new(at('a'));
        drop("abcd");
        do_units();
        void *a;
        pthread_join(start(upgrade_there, weak), &a);
        rc_collect();
        if (a) {
            EXPECT(is_there('a') && is_there('b'));
            elsewhere(release_there, a);
        }
        rc_collect();
        EXPECT_STR("abcd", gone_sorted());
        rc_weak_release(weak);
    }
}

// The upgrade and the commit race: whoever wins, the object is destroyed once, and not under a handle. (Each place where
// the other thread can come in between is tried in test_locks.c.)
static _Atomic(struct rc_weak *) raced; // NULL: the race is over
static atomic_uint won;

static void *upgrade_without_end(void *arg) {
    (void)arg;
    unsigned state = 1;
    for (struct rc_weak *weak; (weak = atomic_load(&raced));) {
        void *obj = rc_weak_get(weak);
        if (obj) {
            EXPECT(rc_is_a(obj, &quiet_type));
            rc_release(obj);
            atomic_fetch_add(&won, 1);
        }
        for (unsigned pause = next_random(&state) % 8192; pause > 0; pause--) // or the collector never gets through
            atomic_load(&won);
    }
    return NULL;
}

TEST(upgrade_races_the_commit_and_either_wins, .limit = 60) {
    enum { N = 20000 };
    static struct rc_weak *weak[N];
    pthread_t thread = 0;
    size_t rounds = scaled(N);
    for (size_t i = 0; i < rounds; i++) {
        struct node *a = rc_new(&quiet_type), *b = rc_new(&quiet_type);
        REQUIRE((weak[i] = rc_weak_new(a)));
        rc_set(&a->x, b);
        rc_give(&b->x, a);
        rc_release(b);
        atomic_store(&raced, weak[i]);
        if (i == 0)
            thread = start(upgrade_without_end, NULL);
        while (stats().objects > 0)
            rc_collect_step(0);
        REQUIRE(test_failures() == 0);
    }
    atomic_store(&raced, NULL);
    await(thread);
    EXPECT_EQ(2 * rounds, stats().reclaimed_count + stats().reclaimed_collect);
    for (size_t i = 0; i < rounds; i++)
        rc_weak_release(weak[i]);
}

// ---- the inbox and its bell

static atomic_uint rung;
static void ring(void *arg) {
    EXPECT_PTR(&rung, arg);
    atomic_fetch_add(&rung, 1);
}

static struct rc_heap *heap_with_bell(void) {
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.wake = ring, .wake_arg = &rung});
    REQUIRE(h);
    return h;
}

TEST(wake_is_called_once_until_the_work_is_taken_up) {
    struct rc_heap *h = heap_with_bell();
    rc_heap_enter(h);
    graph("a b c");
    EXPECT_EQ(0, rung);
    elsewhere(release_there, at('a'));
    EXPECT_EQ(1, rung);
    elsewhere(release_there, at('b'));
    EXPECT_EQ(1, rung);
    EXPECT(rc_collect_pending() > 0);
    rc_collect();
    EXPECT_STR("ab", gone_sorted());
    EXPECT_EQ(0, rc_collect_pending());
    elsewhere(release_there, at('c'));
    EXPECT_EQ(2, rung);
    rc_collect();
    EXPECT_STR("abc", gone_sorted());
    rc_heap_leave(h);
    free_heap(h);
}

static void *retain_and_release_there(void *obj) {
    (void)rc_retain(obj);
    rc_release(obj);
    return NULL;
}

static void *call_retain_and_release_there(void *obj) {
    EXPECT_PTR(obj, (rc_retain)(obj));
    (rc_release)(obj);
    return NULL;
}

// One that is in the inbox, so that a release is an addition; and the calls behind the inline functions.
TEST(wake_is_called_for_an_object_that_is_in_the_inbox) {
    struct rc_heap *h = heap_with_bell();
    rc_heap_enter(h);
    graph("a");
    void *(*pair[])(void *) = {retain_and_release_there, call_retain_and_release_there};
    for (unsigned i = 0; i < 6; i++) {
        elsewhere(pair[i % 2], at('a'));
        EXPECT_EQ(i + 1, rung);
        EXPECT_EQ(1, stats().inbox);
        elsewhere(pair[i % 2], at('a')); // it is rung
        EXPECT_EQ(i + 1, rung);
        EXPECT_EQ(1, rc_handles(at('a')));
        rc_collect();
    }
    elsewhere(call_retain_and_release_there, at('a'));
    drop("a");
    rc_collect();
    EXPECT_STR("a", gone());
    rc_heap_leave(h);
    free_heap(h);
}

// No bell for what needs nobody: retains, and releases of what is held by another handle from outside.
TEST(wake_is_not_called_for_nothing) {
    struct rc_heap *h = heap_with_bell();
    rc_heap_enter(h);
    graph("a");
    for (int i = 0; i < 10; i++)
        elsewhere(retain_there, at('a'));
    EXPECT_EQ(0, rung);
    for (int i = 0; i < 5; i++)
        elsewhere(release_there, at('a'));
    EXPECT_EQ(0, rung);
    for (int i = 0; i < 5; i++)
        elsewhere(release_there, at('a'));
    drop("a");
    rc_collect();
    EXPECT_STR("a", gone());
    rc_heap_leave(h);
    free_heap(h);
}

// Every last release is either seen by the slice that runs or rings again: nobody sleeps on work.
static atomic_bool stop_sleeping;
static void *release_slowly(void *arg) {
    struct vector *v = arg;
    for (size_t i = 0; i < v->n; i++)
        rc_release(v->slots[i]);
    atomic_store(&stop_sleeping, true);
    return NULL;
}

TEST(no_wake_up_is_lost) {
    struct rc_heap *h = heap_with_bell();
    rc_heap_enter(h);
    enum { N = 20000 };
    static void *handles[N];
    struct vector list = {handles, N};
    for (int i = 0; i < N; i++) {
        struct node *n = rc_new(&node_type);
        n->name = 'n';
        rc_set(&n->x, i % 2 ? NULL : n);
        handles[i] = n;
    }
    pthread_t thread = start(release_slowly, &list);
    unsigned answered = 0;
    while (!atomic_load(&stop_sleeping) || answered != atomic_load(&rung)) {
        answered = atomic_load(&rung);
        while (rc_collect_step(1000) == RC_STEP_MORE)
            continue;
    }
    await(thread);
    EXPECT_EQ(0, stats().objects); // all that had to be done was done when the bell was answered
    EXPECT_EQ(0, stats().inbox);
    rc_heap_leave(h);
    free_heap(h);
}

TEST(heap_may_be_gone_when_the_last_release_returns) {
    for (int round = 0; round < 200; round++) {
        struct rc_heap *h = heap_with_bell();
        rc_heap_enter(h);
        graph("a");
        struct node *a = at('a');
        rc_heap_leave(h);
        pthread_t thread = start(release_there, a);
        for (bool gone_now = false; !gone_now;) {
            rc_heap_enter(h);
            rc_collect();
            gone_now = stats().objects == 0;
            rc_heap_leave(h);
        }
        EXPECT_EQ(0, rc_heap_free(h)); // the thread may still be about to ring
        await(thread);
        forget();
    }
}

// ---- heaps change threads

static void *build_a_graph(void *arg) {
    struct rc_heap *h = arg;
    EXPECT_PTR(NULL, rc_heap_current());
    rc_heap_enter(h);
    graph("ab ba c");
    drop("ab");
    rc_heap_leave(h);
    return at('c');
}

TEST(heap_built_by_one_thread_is_used_by_another) {
    struct rc_heap *h = rc_heap_new(NULL);
    void *c;
    pthread_join(start(build_a_graph, h), &c);
    rc_heap_enter(h);
    EXPECT_PTR(at('c'), c);
    EXPECT_EQ(1, rc_handles(c));
    EXPECT_EQ(2, rc_collect());
    drop("c");
    EXPECT_STR("c", gone() + 2);
    rc_heap_leave(h);
    free_heap(h);
}

static void *some_units(void *arg) {
    rc_heap_enter(arg);
    rc_collect_step(0);
    rc_heap_leave(arg);
    return NULL;
}

TEST(collection_goes_on_whichever_thread_is_inside) {
    struct rc_heap *h = rc_heap_new(NULL);
    rc_heap_enter(h);
    graph("AB BA ac ca");
    drop("ABac");
    rc_heap_leave(h);
    for (int i = 0; i < 60; i++)
        elsewhere(some_units, h);
    EXPECT_STR("ABac", gone_sorted());
    EXPECT_EQ(2, strlen(finalized()));
    free_heap(h);
}

static void *try_it(void *heap) {
    bool inside = rc_heap_try_enter(heap);
    if (inside)
        rc_heap_leave(heap);
    return inside ? heap : NULL;
}

TEST(try_enter_does_not_wait) {
    struct rc_heap *h = rc_heap_new(NULL);
    void *result;
    rc_heap_enter(h);
    pthread_join(start(try_it, h), &result);
    EXPECT_PTR(NULL, result);
    rc_heap_leave(h);
    pthread_join(start(try_it, h), &result);
    EXPECT_PTR(h, result);
    free_heap(h);
}

static atomic_uint inside_now, most_inside;
static void *enter_often(void *heap) {
    for (int i = 0; i < 300; i++) {
        rc_heap_enter(heap);
        unsigned n = atomic_fetch_add(&inside_now, 1) + 1;
        if (n > atomic_load(&most_inside))
            atomic_store(&most_inside, n);
        struct node *node = rc_new(&node_type);
        node->name = 'n';
        rc_give(&node->x, node);
        rc_collect_step(2000);
        atomic_fetch_sub(&inside_now, 1);
        rc_heap_leave(heap);
    }
    return NULL;
}

TEST(one_thread_at_a_time_is_inside_a_heap) {
    struct rc_heap *h = rc_heap_new(NULL);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = start(enter_often, h);
    for (int i = 0; i < 4; i++)
        await(threads[i]);
    EXPECT_EQ(1, most_inside);
    rc_heap_enter(h);
    rc_collect();
    EXPECT_EQ(1200, stats().allocated);
    rc_heap_leave(h);
    free_heap(h);
}

static void *new_without_a_heap(void *arg) {
    (void)arg;
    errno = 0;
    void *obj = rc_new(&node_type);
    EXPECT_EQ(EINVAL, errno);
    return obj;
}

TEST(thread_outside_cannot_make_objects_while_the_default_heap_is_anothers) {
    faults_begin();
    graph("a");
    void *obj;
    pthread_join(start(new_without_a_heap, NULL), &obj);
    EXPECT_PTR(NULL, obj);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_new");
    drop("a");
}

static void *change_a_slot(void *node) {
    rc_set(&((struct node *)node)->x, NULL);
    rc_clear(&((struct node *)node)->x);
    return NULL;
}

TEST(slot_changed_outside_of_any_heap_is_a_fault_that_changes_nothing) {
    faults_begin();
    graph("ab");
    elsewhere(change_a_slot, at('a'));
    EXPECT_EQ(2, faults_seen());
    EXPECT_EQ(RC_FAULT_OUTSIDE, last_fault()->kind);
    EXPECT_PTR(at('b'), at('a')->x);
    EXPECT_EQ(1, rc_links(at('b')));
    drop("ab");
}

#ifdef RC_CHECK
static pthread_t other_thread;
static struct rc_weak *no_weak;

// Each way to change a slot of a --> b, from a heap of its own and with a slot there.
static void *change_slots_from_another_heap(void *obj) {
    struct node *a = obj;
    other_thread = pthread_self();
    struct rc_heap *h = rc_heap_new(NULL);
    rc_heap_enter(h);
    struct node *mine = rc_new(&quiet_type);
    rc_set(&a->y, mine);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_set");
    rc_clear(&a->x);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_set");
    EXPECT_PTR(NULL, rc_take(&a->x));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_take");
    rc_move(&mine->x, &a->x);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_move");
    rc_swap(&a->x, &mine->x);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_swap");
    (void)rc_retain(mine);
    rc_give(&a->y, mine);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_give");
    EXPECT_EQ(2, rc_handles(mine));
    rc_release(mine);
    rc_release(mine);
    rc_heap_leave(h);
    free_heap(h);
    return NULL;
}

TEST(slot_changed_from_another_heap_is_a_fault_that_names_both_threads) {
    char named[64];
    faults_begin();
    graph("ab");
    struct node *a = at('a');
    elsewhere(change_slots_from_another_heap, a);
    snprintf(named, sizeof named, "a slot that thread %#lx changes", (unsigned long)other_thread);
    EXPECT_HAS(named, last_fault()->message);
    snprintf(named, sizeof named, "the heap \"default\"; thread %#lx is", (unsigned long)pthread_self());
    EXPECT_HAS(named, last_fault()->message);
    EXPECT_PTR(a, last_fault()->object);
    EXPECT_PTR(at('b'), a->x);
    EXPECT_PTR(NULL, a->y);
    EXPECT_EQ(1, rc_links(at('b')));
    drop("ab");
}

static void *change_slots_from_nowhere(void *obj) {
    other_thread = pthread_self();
    rc_clear(&((struct node *)obj)->x);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_set");
    return NULL;
}

TEST(slot_changed_outside_of_any_heap_names_both_threads) {
    char named[128];
    faults_begin();
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.name = "mine"});
    rc_heap_enter(h);
    graph("ab");
    elsewhere(change_slots_from_nowhere, at('a'));
    snprintf(named, sizeof named, "thread %#lx changes, which is not inside the heap \"mine\"; thread %#lx is",
             (unsigned long)other_thread, (unsigned long)pthread_self());
    EXPECT_HAS(named, last_fault()->message);
    struct node *a = at('a');
    rc_heap_leave(h);
    rc_clear(&a->x);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_set");
    EXPECT_HAS("the heap \"mine\"; nobody is", last_fault()->message);
    rc_heap_enter(h);
    drop("ab");
    rc_heap_leave(h);
    free_heap(h);
}

//   merged: the slot is at home in the other heap from then on
TEST(slot_of_a_merged_object_is_changed_in_its_new_heap) {
    faults_begin();
    struct rc_heap *from = rc_heap_new(NULL), *into = rc_heap_new(NULL);
    rc_heap_enter(from);
    graph("ab");
    rc_heap_leave(from);
    EXPECT(rc_heap_merge(into, from));
    rc_heap_enter(into);
    rc_clear(&at('a')->x);
    drop("ab");
    EXPECT_EQ(0, faults_seen());
    rc_heap_leave(into);
    free_heap(into);
}

struct observer { struct rc_weak *target; };
static const struct rc_type observer_type = {"observer", sizeof(struct observer),
                                             .slots = RC_SLOTS(RC_WEAK(struct observer, target))};

static void *set_a_weak_slot(void *obj) {
    errno = 0;
    EXPECT(!rc_weak_set(&((struct observer *)obj)->target, NULL));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_weak_set");
    EXPECT(rc_weak_set(&no_weak, NULL)); // a variable is nobody's
    EXPECT_EQ(0, faults_seen());
    return NULL;
}

TEST(weak_slot_changed_by_another_thread_is_a_fault) {
    faults_begin();
    struct observer *o = rc_new(&observer_type);
    EXPECT(rc_weak_set(&o->target, o));
    elsewhere(set_a_weak_slot, o);
    EXPECT(o->target != NULL);
    rc_release(o);
}
#endif

// Each thread has its own heap; nothing is shared but the library.
static void *own_heap(void *arg) {
    (void)arg;
    struct rc_heap *h = rc_heap_new(NULL);
    rc_heap_enter(h);
    for (int i = 0; i < 2000; i++) {
        struct node *n = rc_new(&quiet_type), *m = rc_new(&quiet_type);
        rc_give(&n->x, m);
        rc_set(&m->x, n);
        rc_set(&m->y, m);
        rc_release(n);
        if (i % 100 == 0)
            rc_collect_step(10000);
    }
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(h);
    EXPECT_EQ(0, rc_heap_free(h));
    return NULL;
}

TEST(threads_with_heaps_of_their_own_do_not_meet) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = start(own_heap, NULL);
    for (int i = 0; i < 4; i++)
        await(threads[i]);
}

// ---- links between heaps, each with a thread of its own

static struct rc_heap *here, *there;
static struct node *target;
static atomic_bool enough;

static void *link_and_unlink_it(void *arg) {
    (void)arg;
    rc_heap_enter(there);
    for (int i = 0; i < 3000; i++) {
        struct node *n = rc_new(&quiet_type);
        rc_set(&n->x, target); // a handle of target, in its heap's eyes
        if (i % 2)
            rc_set(&n->y, n);
        rc_release(n);
        if (i % 10 == 0)
            rc_collect_step(20000);
    }
    rc_collect();
    rc_heap_leave(there);
    atomic_store(&enough, true);
    return NULL;
}

//   (there) n --> target (here), which changes all the time
TEST(links_into_a_busy_heap_are_counted_right) {
    here = rc_heap_new(NULL);
    there = rc_heap_new(NULL);
    rc_heap_enter(here);
    target = rc_new(&quiet_type);
    rc_set(&target->x, target);
    (void)rc_retain(target); // the other thread's
    pthread_t thread = start(link_and_unlink_it, NULL);
    while (!atomic_load(&enough)) {
        rc_set(&target->y, target);
        (void)rc_retain(target);
        rc_clear(&target->y);
        rc_release(target);
        rc_collect_step(5000);
    }
    await(thread);
    rc_release(target);
    rc_collect();
    EXPECT_EQ(1, stats().objects);
    EXPECT_EQ(1, rc_handles(target));
    rc_release(target);
    EXPECT_EQ(1, rc_collect());
    rc_heap_leave(here);
    free_heap(here);
    free_heap(there);
}

// ---- all at once

enum { SHARED = 64, ROUNDS = 200000 };
static struct node *shared_nodes[SHARED];
static struct rc_weak *shared_weak[SHARED];
static atomic_size_t shared_gone;
static void shared_destroy(void *obj) { (void)obj, atomic_fetch_add(&shared_gone, 1); }
static const struct rc_type shared_type = {"shared", sizeof(struct node), .destroy = shared_destroy,
                                           .slots = RC_SLOTS(RC_LINK(struct node, x), RC_LINK(struct node, y))};

// Holds a handle of each node; retains, releases, upgrades, and gives all back at the end.
static void *hold_and_let_go(void *arg) {
    unsigned state = (unsigned)(uintptr_t)arg;
    for (size_t i = 0; i < scaled(ROUNDS); i++) {
        unsigned k = next_random(&state) % SHARED;
        struct node *mine = next_random(&state) % 2 ? rc_retain(shared_nodes[k]) : rc_weak_get(shared_weak[k]);
        EXPECT_PTR(shared_nodes[k], mine);
        rc_release(mine);
    }
    for (unsigned k = 0; k < SHARED; k++)
        rc_release(shared_nodes[k]);
    for (size_t i = 0; i < scaled(ROUNDS); i++) { // from here on it may be dead, or not yet
        struct node *mine = rc_weak_get(shared_weak[next_random(&state) % SHARED]);
        rc_release(mine);
    }
    return NULL;
}

// The heap's thread links the nodes to and fro and collects in slices; three others hold, upgrade and let go.
TEST(threads_that_hold_upgrade_and_let_go_leave_exact_counts, .limit = 60) {
    struct rc_heap *h = rc_heap_new(NULL);
    rc_heap_enter(h);
    for (unsigned k = 0; k < SHARED; k++) {
        REQUIRE((shared_nodes[k] = rc_new(&shared_type)));
        REQUIRE((shared_weak[k] = rc_weak_new(shared_nodes[k])));
    }
    pthread_t threads[3];
    for (unsigned t = 0; t < 3; t++) {
        for (unsigned k = 0; k < SHARED; k++)
            (void)rc_retain(shared_nodes[k]);
        threads[t] = start(hold_and_let_go, (void *)(uintptr_t)(t + 1));
    }
    unsigned state = 4711;
    for (size_t i = 0; i < scaled(ROUNDS); i++) {
        struct node *a = shared_nodes[next_random(&state) % SHARED], *b = shared_nodes[next_random(&state) % SHARED];
        switch (next_random(&state) % 4) {
        case 0: rc_set(&a->x, b); break;
        case 1: rc_move(&a->y, &b->x); break;
        case 2: rc_clear(&a->y); break;
        case 3: rc_release(rc_take(&a->x)); break;
        }
        if (i % 16 == 0)
            rc_collect_step(3000);
    }
    EXPECT_EQ(0, shared_gone);
    for (unsigned k = 0; k < SHARED; k++)
        rc_release(shared_nodes[k]);
    for (int t = 0; t < 3; t++) {
        rc_collect_step(100000);
        await(threads[t]);
    }
    rc_collect();
    EXPECT_EQ(SHARED, shared_gone);
    EXPECT_EQ(0, stats().objects);
    for (unsigned k = 0; k < SHARED; k++) {
        EXPECT_PTR(NULL, rc_weak_get(shared_weak[k]));
        rc_weak_release(shared_weak[k]);
    }
    rc_heap_leave(h);
    free_heap(h);
}

// Handles handed back and forth: each thread releases what the other retained.
static struct node *baton;
static atomic_uint turn;
static void *pass_back(void *arg) {
    (void)arg;
    for (unsigned i = 0; i < 2000; i++) {
        while (atomic_load(&turn) != 2 * i + 1)
            sched_yield();
        struct node *mine = rc_retain(baton); // by leave of the handle that was passed
        rc_release(baton);
        baton = mine;
        atomic_store(&turn, 2 * i + 2);
    }
    return NULL;
}

TEST(handle_handed_back_and_forth_is_counted_once) {
    graph("ab ba");
    baton = at('a');
    drop("b");
    pthread_t thread = start(pass_back, NULL);
    for (unsigned i = 0; i < 2000; i++) {
        while (atomic_load(&turn) != 2 * i)
            sched_yield();
        if (i % 2) {
            struct node *mine = rc_retain(baton);
            rc_release(baton);
            baton = mine;
        }
        rc_collect_step(0);
        atomic_store(&turn, 2 * i + 1);
    }
    await(thread);
    EXPECT_STR("", gone());
    EXPECT_EQ(1, rc_handles(baton));
    drop("a");
    EXPECT_EQ(2, rc_collect());
}

// ---- what the header says of the inbox (F5)

struct lent { struct lent *self; };
static const struct rc_slot lent_slots[] = {RC_LINK(struct lent, self), RC_END};
static const struct rc_type lent_type = {.name = "lent", .size = sizeof(struct lent), .slots = lent_slots};

static bool says_inbox(struct lent *lent) {
    return rc__both(RC__HEADER(lent)) & RC__INBOX;
}

// A handle that was made inside is released outside.
static void lend(struct rc_heap *heap, struct lent *lent) {
    struct lent *theirs = rc_retain(lent);
    rc_heap_leave(heap);
    rc_release(theirs);
    rc_heap_enter(heap);
}

static size_t inbox_count(void) {
    struct rc_stats s;
    rc_stats(&s);
    return s.inbox;
}

TEST(object_in_the_inbox_says_so_beside_its_class) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    struct lent *lent = rc_new(&lent_type);
    lend(heap, lent);
    EXPECT(says_inbox(lent));
    struct lent *mine = rc_retain(lent);
    rc_release(mine);
    (rc_release)((rc_retain)(lent));
    EXPECT(says_inbox(lent) && rc_handles(lent) == 1);
    RC__HEADER(lent)->both &= ~RC__INBOX; // as if this thread had stored its handles just when the other one set it
    lend(heap, lent);
    EXPECT(says_inbox(lent) && inbox_count() == 1);
    rc_release(lent);
    EXPECT_EQ(0, rc_heap_free(heap));
}

//   root -> lent <-- itself: leaves the inbox while it has no handle, and comes there again
TEST(what_has_left_the_inbox_is_put_there_again) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    struct lent *lent = rc_new(&lent_type), *root = rc_new(&lent_type);
    rc_set(&lent->self, lent);
    lend(heap, lent);
    rc_give(&root->self, lent);
    for (int i = 0; i < 100 && inbox_count(); i++)
        rc_collect_step(0);
    EXPECT(!says_inbox(lent) && inbox_count() == 0); // before ROOTS, which stores handles
    struct lent *theirs = rc_take(&root->self); // the only handle
    rc_heap_leave(heap);
    rc_release(theirs);
    rc_heap_enter(heap);
    EXPECT(says_inbox(lent) && inbox_count() == 1);
    EXPECT_EQ(1, rc_collect());
    rc_release(root);
    EXPECT_EQ(0, rc_heap_free(heap));
}

TEST(immortal_object_does_not_say_that_it_is_in_the_inbox) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    struct lent *lent = rc_new(&lent_type);
    lend(heap, lent);
    rc_immortal(lent);
    EXPECT(!says_inbox(lent));
    uint32_t shared = RC__HEADER(lent)->shared;
    lend(heap, lent);
    EXPECT_EQ(shared, RC__HEADER(lent)->shared);
    EXPECT_EQ(0, rc_heap_free(heap));
}

// ---- misuse across threads

static void *release_quietly(void *obj) {
    rc_release(obj);
    return NULL;
}

TEST(handle_released_twice_from_two_threads_is_reported) {
    faults_begin();
    graph("ga");
    struct node *a = at('a');
    elsewhere(release_quietly, a);
    elsewhere(release_quietly, a); // one too many: there was one handle
    rc_collect();
    EXPECT_EQ(1, faults_seen());
    EXPECT_EQ(RC_FAULT_RELEASE, last_fault()->kind);
    EXPECT_STR("node", last_fault()->type);
    at('a')->handles = 0;
    drop("g");
    rc_collect();
    EXPECT_STR("ga", gone());
}

//   released elsewhere once, so in the inbox; then its last handle goes at home: the memory must not wait for a collection
//   that nothing calls for
TEST(memory_of_what_dies_in_the_inbox_is_asked_for) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    struct lent *lent = rc_new(&lent_type);
    lend(heap, lent);
    rc_collect();
    EXPECT_EQ(1, inbox_count()); // held, so watched
    rc_release(lent);
    EXPECT(rc_collect_pending() > 0);
    while (rc_collect_step(0) == RC_STEP_MORE)
        continue;
    EXPECT_EQ(0, inbox_count());
    EXPECT_EQ(0, rc_collect_pending());
    EXPECT_EQ(0, rc_heap_free(heap));
}

//   n <-- itself, and in the inbox: its last handle goes while a collection that has looked through that takes suspects
TEST(garbage_that_is_in_the_inbox_is_not_passed_by) {
    for (int stop = 0; stop < 12; stop++) {
        struct rc_heap *heap = rc_heap_new(NULL);
        rc_heap_enter(heap);
        struct lent *lent = rc_new(&lent_type), *other = rc_new(&lent_type);
        rc_set(&lent->self, lent);
        rc_set(&other->self, other);
        lend(heap, lent);
        rc_release(other); // something to collect
        for (int i = 0; i < stop; i++)
            rc_collect_step(0);
        rc_release(lent);
        while (rc_collect_step(0) == RC_STEP_MORE)
            continue;
        struct rc_stats s;
        rc_stats(&s);
        EXPECT_EQ(0, s.objects);
        EXPECT_EQ(0, rc_heap_free(heap));
    }
}
