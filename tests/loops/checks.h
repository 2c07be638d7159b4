// SPDX-License-Identifier: MIT
// What each adapter has to do, in a loop that the including program brings: attach, let go, end, and run for some milliseconds.
// Run by tests/test_loops.c; silent if all holds.
#ifndef TESTS_LOOPS_CHECKS_H
#define TESTS_LOOPS_CHECKS_H

#include <errno.h>
#include <pthread.h>
#include <refcyc/refcyc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// The adapter of a new loop to [heap], or NULL with errno.
static void *attach(struct rc_heap *heap);
static void let_go(void *adapter);
static void end_loop(void);
// Runs the loop for [ms] milliseconds. With [busy], which is called in each turn, it always has something else to do.
static void run(unsigned ms, void (*busy)(void));
// Ends that sooner. On the loop's thread.
static void stop(void);

#define CHECK(holds) ((holds) ? (void)0 : fail(#holds, __func__, __LINE__))

static void detach(void *adapter) {
    let_go(adapter);
    if (adapter)
        end_loop();
}

static void fail(const char *what, const char *where, int line) {
    fprintf(stderr, "%s, line %d: does not hold: %s\n", where, line, what);
    exit(1);
}

struct node {
    struct node *next;
};
static RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, next)));

static void lose_ring(void) {
    struct node *first = rc_new(&node_type), *last = first;
    for (int i = 1; i < 100; i++) {
        struct node *n = rc_new(&node_type);
        rc_give(&last->next, n);
        last = n;
    }
    rc_give(&last->next, first);
}

static struct rc_stats stats(void) {
    struct rc_stats s;
    rc_stats(&s);
    return s;
}

static void nothing(void) {
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

// Runs the loop until no object is left. On a machine that has other things to do that may take longer than one expects.
static void run_until_empty(void (*busy)(void)) {
    for (int i = 0; i < 300 && stats().objects; i++)
        run(100, busy);
    CHECK(stats().objects == 0);
}

static void needs_a_heap(void) {
    errno = 0;
    CHECK(!attach(NULL));
    CHECK(errno == EINVAL);
    detach(NULL);
}

static void collects_when_idle(void) {
    void *adapter = attach(rc_heap_default());
    CHECK(adapter);
    double lost = now_ms();
    lose_ring();
    run(100, NULL);
    CHECK(stats().objects == 100 || now_ms() - lost >= 250); // before that the suspects' time has not come
    run_until_empty(NULL);
    CHECK(stats().collections == 1);
    detach(adapter);
}

// A slice that has been due for a second is urgent.
static void waits_while_the_loop_is_busy_but_not_for_ever(void) {
    void *adapter = attach(rc_heap_default());
    uint64_t before = stats().collections;
    double lost = now_ms();
    lose_ring();
    run(700, nothing);
    CHECK(stats().collections == before || now_ms() - lost >= 1250);
    run_until_empty(nothing);
    detach(adapter);
}

static size_t most;

static void make_much(void) {
    for (int i = 0; i < 10; i++)
        lose_ring();
    size_t objects = stats().objects;
    most = objects > most ? objects : most;
}

static void keeps_garbage_bounded_in_a_busy_loop(void) {
    void *adapter = attach(rc_heap_default());
    for (uint64_t before = stats().allocated; stats().allocated - before < 500000;)
        run(100, make_much);
    CHECK(most < 50000);
    run_until_empty(NULL);
    detach(adapter);
}

struct slow {
    struct slow *self;
};
static void slow_destroy(void *obj) {
    for (volatile int i = 0; i < 200; i++)
        ;
    (void)obj;
}
static RC_TYPE(slow, struct slow, .slots = RC_SLOTS(RC_LINK(struct slow, self)), .destroy = slow_destroy);

static void make_too_much(void) {
    for (int i = 0; i < 10000; i++) {
        struct slow *s = rc_new(&slow_type);
        rc_give(&s->self, s);
    }
    size_t objects = stats().objects;
    most = objects > most ? objects : most;
}

// Each turn makes more than a slice takes away, and in less time than that takes.
static void keeps_garbage_bounded_that_outgrows_slices(void) {
    void *adapter = attach(rc_heap_default());
    rc_pace_set(&(struct rc_pace_goals){.longest_pause_ns = 10000});
    most = 0;
    for (uint64_t before = stats().allocated; stats().allocated - before < 2000000;)
        run(20, make_too_much);
    CHECK(most < 500000);
    rc_pace_set(NULL);
    run_until_empty(NULL);
    detach(adapter);
}

static void *going;

static void last_destroy(void *obj) {
    (void)obj;
    let_go(going);
    going = NULL;
}
static RC_TYPE(last, struct slow, .slots = RC_SLOTS(RC_LINK(struct slow, self)), .destroy = last_destroy);

// The slices of this turn go on without it, whether they are urgent or not.
static void can_be_detached_by_a_destructor(void (*busy)(void)) {
    going = attach(rc_heap_default());
    struct slow *s = rc_new(&last_type);
    rc_give(&s->self, s);
    for (int i = 0; i < 300 && going; i++)
        run(100, busy);
    CHECK(!going);
    end_loop();
    rc_collect();
}

static struct rc_heap *heap;
static int inside, leave;

static void *hold_heap(void *arg) {
    rc_heap_enter(heap);
    lose_ring();
    __atomic_store_n(&inside, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&leave, __ATOMIC_ACQUIRE))
        usleep(1000);
    CHECK(stats().objects == 100);
    rc_heap_leave(heap);
    return arg;
}

static void puts_the_slice_off_while_another_thread_is_inside(void) {
    pthread_t thread;
    heap = rc_heap_new(NULL);
    CHECK(pthread_create(&thread, NULL, hold_heap, NULL) == 0);
    while (!__atomic_load_n(&inside, __ATOMIC_ACQUIRE))
        usleep(1000);
    void *adapter = attach(heap);
    run(400, NULL);
    __atomic_store_n(&leave, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    for (size_t left = 100, i = 0; left && i < 300; i++) {
        run(100, NULL);
        rc_heap_enter(heap);
        left = stats().objects;
        rc_heap_leave(heap);
        CHECK(left == 0 || i < 299);
    }
    detach(adapter);
    CHECK(rc_heap_free(heap) == 0);
}

static void *release(void *obj) {
    rc_release(obj);
    return NULL;
}

static void release_elsewhere(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, release, rc_new(&node_type)) == 0);
    pthread_join(thread, NULL);
}

static bool woken;

static void woken_destroy(void *obj) {
    (void)obj;
    woken = true;
    stop();
}
static RC_TYPE(woken, struct node, .slots = RC_SLOTS(RC_LINK(struct node, next)), .destroy = woken_destroy);

static void *release_later(void *obj) {
    usleep(200000); // the loop sleeps by then
    rc_release(obj);
    return NULL;
}

static void is_woken_by_another_thread(void) {
    void *adapter = attach(rc_heap_default());
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, release_later, rc_new(&woken_type)) == 0);
    run(20000, NULL);
    CHECK(woken);
    pthread_join(thread, NULL);
    detach(adapter);
}

static void is_deaf_when_detached(void) {
    detach(attach(rc_heap_default()));
    release_elsewhere();
    CHECK(stats().objects == 1);
    void *adapter = attach(rc_heap_default()); // and what happened meanwhile is seen
    run_until_empty(NULL);
    release_elsewhere();
    detach(adapter);
    rc_collect();
}

static void can_be_attached_again_and_again(void) {
    for (int i = 0; i < 50; i++) {
        void *adapter = attach(rc_heap_default());
        CHECK(adapter);
        if (i % 3 == 0)
            run(1, NULL);
        detach(adapter);
    }
}

static int checks_run(void) {
    puts_the_slice_off_while_another_thread_is_inside(); // first: afterwards this thread is inside the default heap
    needs_a_heap();
    collects_when_idle();
    waits_while_the_loop_is_busy_but_not_for_ever();
    keeps_garbage_bounded_in_a_busy_loop();
    keeps_garbage_bounded_that_outgrows_slices();
    can_be_detached_by_a_destructor(NULL);
    can_be_detached_by_a_destructor(make_too_much);
    is_woken_by_another_thread();
    is_deaf_when_detached();
    can_be_attached_again_and_again();
    return rc_heap_free(rc_heap_default()) != 0;
}

#endif
