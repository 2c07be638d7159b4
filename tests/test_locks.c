// SPDX-License-Identifier: MIT
// What another thread does just where the heap's thread takes or gives back a lock. There the order of the two matters, and
// to hit such a place by running both is luck; so each of them is tried: the calls of pthread_mutex_lock and _unlock go
// through here (the linker's --wrap), and at the one whose turn it is the other thread does its deed and is waited for.
#define _GNU_SOURCE
#include "rc/object.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include <pthread.h>

static __thread bool is_watched; // the thread that works in the heap, while it does
static unsigned places, chosen;  // locks taken or given back so far; at which of them the deed is done
static void *(*deed)(void *);
static void *deed_arg, *deed_result;
static bool done;
static __thread unsigned doors_held; // by this thread: the other one may want them, so there are no places meanwhile

static bool is_door(const pthread_mutex_t *mutex) {
    uintptr_t at = (uintptr_t)mutex - (uintptr_t)rc__doors;
    return at < sizeof rc__doors;
}

static void place(void) {
    if (!is_watched || doors_held || ++places != chosen)
        return;
    is_watched = false;
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, deed, deed_arg) == 0);
    pthread_join(thread, &deed_result);
    done = true;
    is_watched = true;
}

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
    place();
    doors_held += is_door(mutex);
    return __real_pthread_mutex_lock(mutex);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex) {
    int result = __real_pthread_mutex_unlock(mutex);
    doors_held -= is_door(mutex);
    place();
    return result;
}

// Runs [work] with [does](arg) done on another thread at the place whose turn it is.
static void watch(void (*work)(void), void *(*does)(void *), void *arg) {
    deed = does;
    deed_arg = arg;
    deed_result = NULL;
    done = false;
    places = 0;
    is_watched = true;
    work();
    is_watched = false;
}

// Runs [scenario], which calls watch() once, for each place in turn, of which there are [at_least] so many.
static void at_each_place(void (*scenario)(void), unsigned at_least) {
    chosen = 0;
    do {
        test_note("at lock %u", ++chosen);
        forget();
        scenario();
        EXPECT_EQ(0, stats().objects);
    } while (done && test_failures() == 0);
    test_note("%s", "");
    EXPECT(chosen > at_least);
}

static void collect(void) {
    rc_collect();
}

static void collect_in_steps(void) {
    while (rc_collect_step(0) == RC_STEP_MORE)
        continue;
}

static void *upgrade(void *weak) {
    return rc_weak_get(weak);
}

static void *upgrade_and_release(void *weak) {
    rc_release(rc_weak_get(weak));
    return NULL;
}

static void *retain(void *obj) {
    return rc_retain(obj);
}

static void *release(void *obj) {
    rc_release(obj);
    return NULL;
}

//   a <--> b --> c   a weak reference to a, upgraded: a living object with all it reaches, or NULL and all is gone
static void upgraded(void (*work)(void)) {
    graph("ab ba bc");
    struct rc_weak *weak = rc_weak_new(at('a'));
    drop("abc");
    watch(work, upgrade, weak);
    if (deed_result) {
        rc_collect();
        EXPECT_STR("", gone());
        rc_release(deed_result);
    }
    rc_collect();
    EXPECT_STR("abc", gone_sorted());
    rc_weak_release(weak);
}

static void upgraded_while_collected(void) { upgraded(collect); }
static void upgraded_between_steps(void) { upgraded(collect_in_steps); }

TEST(upgrade_at_any_lock_gives_a_living_object_or_null) {
    at_each_place(upgraded_while_collected, 5);
    at_each_place(upgraded_between_steps, 5);
}

//   the same with the handle given back at once: everything is gone when nothing is pending
static void upgraded_and_released(void) {
    graph("ab ba bc");
    struct rc_weak *weak = rc_weak_new(at('a'));
    drop("abc");
    watch(collect_in_steps, upgrade_and_release, weak);
    while (rc_collect_pending() > 0)
        rc_collect_step(0);
    EXPECT_STR("abc", gone_sorted());
    rc_weak_release(weak);
}

TEST(upgrade_and_release_at_any_lock_lose_nothing) {
    at_each_place(upgraded_and_released, 5);
}

//   A <--> B   with finalizers
static void upgraded_with_finalizers(void) {
    graph("AB BA");
    struct rc_weak *weak = rc_weak_new(at('A'));
    drop("AB");
    watch(collect, upgrade, weak);
    if (deed_result) {
        rc_collect();
        EXPECT_STR("", gone());
        rc_release(deed_result);
    }
    rc_collect();
    EXPECT_STR("AB", gone_sorted());
    EXPECT_EQ(2, strlen(finalized()));
    rc_weak_release(weak);
}

TEST(upgrade_at_any_lock_spares_what_has_a_finalizer) {
    at_each_place(upgraded_with_finalizers, 5);
}

static void drop_last_handle(void) {
    drop("a");
}

//   a: its last handle goes just when a weak reference to it is upgraded: it lives, or it is dead and NULL came
static void upgraded_on_death(void) {
    graph("ab");
    drop("b");
    struct rc_weak *weak = rc_weak_new(at('a'));
    watch(drop_last_handle, upgrade, weak);
    if (deed_result) {
        EXPECT_STR("", gone());
        EXPECT(is_there('a'));
        rc_release(deed_result);
        rc_collect();
    }
    EXPECT_STR("ab", gone());
    rc_weak_release(weak);
}

TEST(upgrade_at_any_lock_of_a_death_by_count_gives_a_living_object_or_null) {
    at_each_place(upgraded_on_death, 1);
}

//   a <--> b: the last handle, another thread's, goes: found by this collection, or work is pending
static void released_elsewhere(void) {
    graph("ab ba");
    struct node *a = at('a');
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, retain, a) == 0);
    pthread_join(thread, NULL);
    drop("ab");
    watch(collect, release, a);
    if (strlen(gone()) == 0 && !done)
        release(a);
    while (rc_collect_pending() > 0)
        rc_collect_step(0);
    EXPECT_STR("ab", gone_sorted());
}

TEST(release_elsewhere_at_any_lock_is_found_or_pending) {
    at_each_place(released_elsewhere, 1);
}

static unsigned rung;
static void ring(void *arg) {
    (void)arg;
    rung++;
}

//   the same where a loop sleeps as soon as nothing is pending, and the bell alone wakes it
static void released_elsewhere_with_a_bell(void) {
    rung = 0;
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.wake = ring});
    rc_heap_enter(h);
    graph("ab ba c");
    struct node *a = at('a');
    drop("b");
    pthread_t thread; // c first, so that the inbox is looked through while a is released
    REQUIRE(pthread_create(&thread, NULL, release, at('c')) == 0);
    pthread_join(thread, NULL);
    EXPECT_EQ(1, rung);
    rung = 0;
    watch(collect_in_steps, release, a);
    if (!done)
        release(a);
    else if (strlen(gone()) < 3)
        EXPECT(rung > 0 || rc_collect_pending() > 0);
    while (rc_collect_pending() > 0)
        rc_collect_step(0);
    EXPECT_STR("abc", gone_sorted());
    rc_heap_leave(h);
    free_heap(h);
}

TEST(release_elsewhere_at_any_lock_rings_or_is_found) {
    at_each_place(released_elsewhere_with_a_bell, 5);
}

// ---- from outside the heap: this thread is inside none

static struct rc_heap *two[2];
static struct node *outside;
static struct rc_weak *outside_weak;

static void *merge_two(void *arg) {
    (void)arg;
    EXPECT(rc_heap_merge(two[0], two[1]));
    return NULL;
}

// An object of a heap that nobody is inside, with handles for two threads, and a weak reference to it.
static void make_outside(void) {
    rc_heap_leave(rc_heap_default());
    for (int i = 0; i < 2; i++)
        two[i] = rc_heap_new(NULL);
    rc_heap_enter(two[1]);
    graph("ab ba");
    outside = rc_retain(at('a'));
    outside_weak = rc_weak_new(outside);
    drop("b");
    rc_heap_leave(two[1]);
}

static void end_outside(void) {
    rc_weak_release(outside_weak);
    if (!done)
        merge_two(NULL);
    rc_heap_enter(two[0]);
    while (rc_collect_pending() > 0)
        rc_collect_step(0);
    EXPECT_STR("ab", gone_sorted());
    rc_heap_leave(two[0]);
    free_heap(two[0]);
    rc_heap_enter(rc_heap_default());
}

static void release_outside(void) {
    rc_release(outside);
}

static void released_twice(void) {
    make_outside();
    watch(release_outside, release, outside);
    if (!done)
        rc_release(outside);
    bool first = done;
    done = false;
    end_outside();
    done = first;
}

//   a <--> b: two threads give up the last two handles, neither inside: a is in the inbox once, and found there
TEST(two_releases_elsewhere_put_the_object_into_the_inbox_once) {
    (void)stats(); // the default heap
    at_each_place(released_twice, 2);
}

static void upgrade_outside(void) {
    void *obj = rc_weak_get(outside_weak);
    EXPECT_PTR(outside, obj);
    rc_release(obj);
}

static void new_weak_outside(void) {
    struct rc_weak *weak = rc_weak_new(outside);
    EXPECT_PTR(outside_weak, weak);
    rc_weak_release(weak);
}

static void release_both(void) {
    rc_release(outside);
    rc_release(outside);
}

static void merged_while(void (*work)(void), bool released) {
    make_outside();
    watch(work, merge_two, NULL);
    for (int i = 0; i < 2 && !released; i++)
        rc_release(outside);
    end_outside();
}

static void merged_while_upgraded(void) { merged_while(upgrade_outside, false); }
static void merged_while_weakened(void) { merged_while(new_weak_outside, false); }
static void merged_while_released(void) { merged_while(release_both, true); }

//   the heap becomes part of another one just when its door is to be locked: the new door is found
TEST(merge_at_any_lock_of_what_another_thread_does_loses_nothing) {
    (void)stats();
    at_each_place(merged_while_upgraded, 2);
    at_each_place(merged_while_weakened, 2);
    at_each_place(merged_while_released, 2);
}

static struct rc_heap *third;

static void *link_in_third(void *to) {
    rc_heap_enter(third);
    struct node *n = rc_new(&node_type);
    n->name = 'n';
    rc_set(&n->x, to);
    rc_heap_leave(third);
    return n;
}

static void merge_them(void) {
    merge_two(NULL);
}

// In two[0], a <--> b is being freed; both led to z, of a third heap, which is gone. Another thread links to c, of two[1].
static void merged_amid_garbage_that_led_elsewhere(void) {
    rc_heap_leave(rc_heap_default());
    for (int i = 0; i < 2; i++)
        two[i] = rc_heap_new(NULL);
    third = rc_heap_new(NULL);
    rc_heap_enter(third);
    graph("z");
    rc_heap_leave(third);
    rc_heap_enter(two[1]);
    graph("c");
    rc_heap_leave(two[1]);
    rc_heap_enter(two[0]);
    graph("ab ba");
    rc_set(&at('a')->y, at('z'));
    rc_set(&at('b')->y, at('z'));
    drop("ab");
    while (rc_collect_phase() != RC_PHASE_FREE || two[0]->cc.step == 0)
        rc_collect_step(0);
    EXPECT(stats().objects > 0);
    rc_heap_leave(two[0]);
    rc_heap_enter(third);
    drop("z");
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(third);
    watch(merge_them, link_in_third, at('c'));
    rc_heap_enter(third);
    rc_release(deed_result);
    rc_heap_leave(third);
    free_heap(third);
    rc_heap_enter(two[0]);
    rc_collect();
    drop("c");
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(two[0]);
    free_heap(two[0]);
    rc_heap_enter(rc_heap_default());
}

//   what garbage led to is not looked at any more, although a link to the other heap comes in the middle of the merge
TEST(merge_does_not_follow_slots_of_garbage_that_is_being_freed) {
    (void)stats();
    at_each_place(merged_amid_garbage_that_led_elsewhere, 2);
}

static struct rc_heap *made;

static void make_default(void) {
    made = rc_heap_default();
}

static void *make_default_there(void *arg) {
    (void)arg;
    return rc_heap_default();
}

TEST(default_heap_is_made_once_although_two_threads_ask_for_it_at_once) {
    chosen = 1;
    watch(make_default, make_default_there, NULL);
    EXPECT(done);
    EXPECT(made != NULL);
    EXPECT_PTR(made, deed_result);
    EXPECT_PTR(made, rc_heap_default());
}

// ---- several heaps

static void collect_both(void) {
    rc_collect_heaps(two, 2);
}

//   (first) a --> b (second) --> a, and b --> c in a third heap, which is not collected: a weak reference to a is upgraded
static void upgraded_over_heaps(void) {
    static struct rc_heap *third;
    rc_heap_leave(rc_heap_default());
    for (int i = 0; i < 2; i++)
        two[i] = rc_heap_new(NULL);
    third = rc_heap_new(NULL);
    rc_heap_enter(third);
    graph("c");
    rc_heap_enter(two[0]);
    graph("a");
    struct rc_weak *weak = rc_weak_new(at('a'));
    rc_heap_enter(two[1]);
    graph("b");
    rc_set(&at('b')->x, at('a'));
    rc_set(&at('b')->y, at('c'));
    rc_heap_leave(two[1]);
    rc_set(&at('a')->x, at('b'));
    rc_release(at('a'));
    rc_heap_leave(two[0]);
    rc_heap_enter(two[1]);
    rc_release(at('b'));
    rc_heap_leave(two[1]);
    rc_heap_leave(third);
    watch(collect_both, upgrade, weak);
    if (deed_result) {
        EXPECT_STR("", gone());
        rc_release(deed_result);
    }
    collect_both();
    EXPECT_STR("ab", gone_sorted());
    rc_weak_release(weak);
    rc_heap_enter(third);
    rc_release(at('c'));
    rc_heap_leave(third);
    free_heap(two[0]);
    free_heap(two[1]);
    free_heap(third);
    rc_heap_enter(rc_heap_default());
}

TEST(upgrade_at_any_lock_of_a_collection_over_heaps_gives_a_living_object_or_null) {
    (void)stats();
    at_each_place(upgraded_over_heaps, 5);
}
