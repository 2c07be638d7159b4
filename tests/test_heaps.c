// SPDX-License-Identifier: MIT
// rc_collect_heaps: cycles that span heaps. What is alive and what is not, callbacks, weak references, the states that the
// heaps may be in, and other threads; at the end random graphs over several heaps, compared with a search.
#define _GNU_SOURCE
#include "tests/command.h"
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/scarce.h"
#include "tests/vector.h"
#include <refcyc/array.h>
#include <sched.h>
#include <stdatomic.h>

#define COLLECT(...)                                                                                                   \
    rc_collect_heaps((struct rc_heap *[]){__VA_ARGS__}, sizeof(struct rc_heap *[]){__VA_ARGS__} / sizeof(void *))

static struct rc_heap *h, *k, *l;

static void three_heaps(void) {
    forget();
    h = new_heap(), k = new_heap(), l = new_heap();
}

static void free_three(void) {
    free_heap(h);
    free_heap(k);
    free_heap(l);
}

//   (h) a --> b (k) --> c (l) --> a: without handles
static void make_ring(void) {
    graph_in(h, "a");
    graph_in(l, "ca");
    graph_in(k, "bc");
    graph_in(h, "ab");
    drop_in(h, "a");
    drop_in(k, "b");
    drop_in(l, "c");
}

// ---- what is alive

TEST(cycle_over_heaps_is_collected_by_all_of_them_together_only) {
    three_heaps();
    make_ring();
    EXPECT_EQ(0, collect_in(h) + collect_in(k) + collect_in(l));
    EXPECT_EQ(0, COLLECT(h, k));
    EXPECT_EQ(0, COLLECT(k, l));
    EXPECT_EQ(0, COLLECT(l));
    EXPECT_EQ(3, COLLECT(h, k, l));
    EXPECT_STR("abc", gone_sorted());
    EXPECT_EQ(1, stats_in(h).reclaimed_collect);
    EXPECT_EQ(1, stats_in(l).reclaimed_collect);
    EXPECT_EQ(0, stats_in(k).objects);
    EXPECT_EQ(0, stats_in(k).bytes);
    EXPECT_EQ(0, COLLECT(h, k, l));
    free_three();
}

static void *handle_there;
static void *hold_b(void *obj) {
    handle_there = rc_retain(obj);
    return NULL;
}

static void y_releases_x(struct node *node) {
    if (node->name == 'y')
        drop("x");
}

//   (h) x, y, z --> z <-- w (k)    x is in the inbox when it dies, of y, and so its memory stays there until somebody looks again;
//   by then z, which is garbage, has come into that inbox, too
TEST(dead_object_in_an_inbox_is_no_garbage_of_the_heaps) {
    three_heaps();
    graph_in(h, "x y zz");
    graph_in(k, "wz");
    drop_in(h, "z");
    elsewhere(release_there, elsewhere(retain_there, at('x')));
    elsewhere(release_there, at('y'));
    elsewhere(release_there, at('w'));
    on_destroy = y_releases_x;
    EXPECT_EQ(4, COLLECT(h, k));
    on_destroy = NULL;
    EXPECT_STR("wxyz", gone_sorted());
    free_three();
}

TEST(what_a_handle_leads_to_stays_wherever_the_handle_is) {
    for (int how = 0; how < 5; how++) {
        test_note("way %d", how);
        three_heaps();
        make_ring();
        rc_heap_enter(k);
        struct node *b = rc_retain(at('b'));
        if (how == 1) { // in another thread
            elsewhere(hold_b, b);
            rc_release(b);
        } else if (how == 2) { // with which it was in the inbox before
            elsewhere(retain_there, b);
            elsewhere(retain_there, b);
            elsewhere(release_there, b);
            rc_release(b);
        } else if (how == 3) { // a link of a heap that is not among them
            graph_in(rc_heap_default(), "gb");
            rc_release(b);
        } else if (how == 4) { // it is immortal
            rc_immortal(b);
        }
        rc_heap_leave(k);
        EXPECT_EQ(0, COLLECT(h, k, l));
        EXPECT_STR("", gone());
        EXPECT_PTR(at('c'), at('b')->x);
        if (how < 3)
            rc_release(b); // from outside: the inbox
        if (how == 3) {
            rc_heap_enter(rc_heap_default());
            drop("g");
            rc_heap_leave(rc_heap_default());
        }
        EXPECT_EQ(how == 4 ? 0 : 3, COLLECT(h, k, l));
        if (how == 4) { // it is left to the end of its heap, with what it holds
            rc_heap_enter(l);
            rc_clear(&at('c')->x);
            rc_heap_leave(l);
            EXPECT_EQ(1, COLLECT(h));
            EXPECT_EQ(0, rc_heap_free(k));
            k = new_heap();
        }
        collect_in(l);
        EXPECT_STR(how == 3 ? "abcg" : "abc", gone_sorted());
        free_three();
    }
}

//   (h) a --> b (k) --> a, with a tail: --> d (h), e (k), f (l), each held from elsewhere or not
TEST(links_that_leave_the_garbage_are_released) {
    three_heaps();
    graph_in(h, "a d");
    graph_in(l, "f");
    graph_in(k, "ba bf");
    graph_in(h, "ab ad");
    graph_in(k, "e");
    graph_in(rc_heap_default(), "g");
    struct rc_heap *m = rc_heap_default();
    rc_heap_enter(m);
    rc_set(&at('g')->x, at('d')); // the default heap is not among them
    rc_heap_leave(m);
    drop_in(h, "a");
    drop_in(k, "b");
    EXPECT_EQ(2, COLLECT(h, k));
    EXPECT_STR("ab", gone_sorted());
    rc_heap_enter(h);
    EXPECT_EQ(2, rc_handles(at('d')));
    EXPECT_EQ(0, rc_links(at('d')));
    rc_heap_leave(h);
    rc_heap_enter(l);
    EXPECT_EQ(1, rc_handles(at('f')));
    rc_heap_leave(l);
    drop_in(h, "d");
    drop_in(k, "e");
    drop_in(l, "f");
    drop_in(m, "g");
    collect_in(h);
    EXPECT_STR("abdefg", gone_sorted());
    free_three();
}

// More of them than slots are read ahead: what they lead to has left the graph by then.
TEST(links_of_much_garbage_to_what_lives_are_released) {
    three_heaps();
    enum { PAIRS = 100 };
    rc_heap_enter(h);
    struct node *held = rc_new(&node_type);
    for (int i = 0; i < PAIRS; i++) {
        struct node *a = rc_new(&node_type);
        rc_set(&a->y, held);
        rc_heap_enter(k);
        struct node *b = rc_new(&node_type);
        rc_set(&b->x, a);
        rc_heap_leave(k);
        rc_give(&a->x, b);
        rc_release(a);
    }
    touch_object(held);
    EXPECT_EQ(PAIRS, rc_links(held));
    EXPECT_EQ(2 * PAIRS, COLLECT(h, k));
    EXPECT_EQ(0, rc_links(held));
    rc_release(held);
    rc_heap_leave(h);
    free_three();
}

// What only counting would have found: chains, acyclic types, and what a cycle of one heap holds in another.
TEST(all_that_no_handle_leads_to_goes) {
    three_heaps();
    graph_in(k, "cd");
    graph_in(h, "ab ba ac"); // a <--> b, a --> c (k) --> d (k)
    graph_in(l, "ee ed");
    drop_in(h, "ab");
    drop_in(k, "cd");
    drop_in(l, "e");
    EXPECT_EQ(5, COLLECT(l, h, k));
    free_three();
}

// A release by another thread puts an object into its heap's inbox, where it stays while it has handles; a link from another
// heap is one.
TEST(garbage_in_the_inbox_goes) {
    three_heaps();
    make_ring();
    elsewhere(retain_there, at('b'));
    elsewhere(release_there, at('b'));
    elsewhere(retain_there, at('c'));
    elsewhere(release_there, at('c'));
    EXPECT_EQ(0, collect_in(k));
    EXPECT_EQ(1, stats_in(k).inbox);
    EXPECT_EQ(1, stats_in(l).inbox);
    EXPECT_EQ(3, COLLECT(h, k, l));
    EXPECT_EQ(0, stats_in(k).inbox);
    EXPECT_EQ(0, stats_in(l).inbox);
    free_three();
}

TEST(links_taken_and_set_again_over_heaps_leave_exact_counts) {
    three_heaps();
    make_ring();
    for (int i = 0; i < 10; i++) { // b is released by [h]'s thread each time: a foreign release
        rc_heap_enter(h);
        struct node *b = rc_take(&at('a')->x);
        rc_set(&at('a')->y, b);
        rc_give(&at('a')->x, b);
        rc_clear(&at('a')->y);
        rc_heap_leave(h);
        if (i % 3 == 0)
            collect_in(k);
    }
    EXPECT_EQ(0, COLLECT(h, k));
    EXPECT_EQ(3, COLLECT(h, k, l));
    free_three();
}

//   (h) a0 --> (k) a1 --> (h) a2 --> ... each is released by the one before, in the other heap
TEST(chain_that_goes_back_and_forth_dies_in_one_call) {
    enum { N = 20000 };
    three_heaps();
    struct node *next = NULL;
    for (int i = 0; i < N; i++) {
        rc_heap_enter(i % 2 ? h : k);
        struct node *n = rc_new(&node_type);
        n->name = 'n';
        rc_give(&n->x, next);
        next = n;
        rc_heap_leave(i % 2 ? h : k);
    }
    rc_release(next);
    EXPECT_EQ(N, COLLECT(h, k));
    EXPECT_EQ(0, stats_in(h).objects + stats_in(k).objects);
    free_three();
}

//   (h) a --> b (k) --> c (l) --> a: and b is immortal
TEST(immortal_object_keeps_what_it_leads_to_in_all_heaps) {
    three_heaps();
    make_ring();
    rc_heap_enter(k);
    rc_immortal(at('b'));
    rc_heap_leave(k);
    EXPECT_EQ(0, COLLECT(h, k, l));
    EXPECT_STR("", gone());
    REQUIRE(rc_heap_merge(h, k) && rc_heap_merge(h, l));
    EXPECT_EQ(0, rc_heap_free(h));
    EXPECT_STR("abc", gone_sorted());
}

TEST(suspects_that_are_alive_are_none_afterwards) {
    three_heaps();
    graph_in(h, "ga ab ba");
    graph_in(k, "cc");
    drop_in(h, "ab");
    EXPECT(stats_in(h).suspects > 0);
    EXPECT_EQ(0, COLLECT(h, k));
    EXPECT_EQ(0, stats_in(h).suspects);
    rc_heap_enter(h);
    rc_clear(&at('g')->x);
    rc_heap_leave(h);
    EXPECT_EQ(2, collect_in(h)); // and are found when they lose a link after that
    drop_in(h, "g");
    drop_in(k, "c");
    EXPECT_EQ(1, COLLECT(h, k));
    free_three();
}

// ---- containers, long objects, the callbacks of a type

//   (h) vector of 3000 <--> array (k) of 3000, with a hole
TEST(long_containers_over_heaps_are_collected) {
    enum { N = 3000 };
    three_heaps();
    rc_heap_enter(h);
    struct vector *v = vector_new(N);
    rc_heap_enter(k);
    struct rc_array *array = rc_array_new(&rc_link_element);
    for (int i = 0; i < N; i++)
        rc_array_push(array, i == 7 ? NULL : (void *)v);
    rc_heap_leave(k);
    for (int i = 0; i < N; i++)
        rc_set(&v->slots[i], (void *)array);
    rc_release(array);
    rc_release(v);
    EXPECT_EQ(0, rc_collect());
    rc_heap_leave(h);
    EXPECT_EQ(2, COLLECT(h, k, l));
    free_three();
}

static char heap_of_name(char name) {
    return strchr("aAcC", name) ? 'h' : 'k';
}
static bool all_inside;
static void check_inside(struct node *node) {
    all_inside &= rc_heap_current() == (heap_of_name(node->name) == 'h' ? h : k);
}

TEST(callbacks_run_inside_the_heap_of_their_object) {
    three_heaps();
    all_inside = true;
    on_destroy = on_finalize = check_inside;
    graph_in(h, "A c");
    graph_in(k, "BA dc");
    graph_in(h, "AB cd");
    drop_in(h, "Ac");
    drop_in(k, "Bd");
    EXPECT_EQ(4, COLLECT(h, k));
    EXPECT_EQ(2, strlen(finalized()));
    EXPECT(all_inside);
    free_three();
}

static void no_destructor_yet(struct node *node) {
    EXPECT_STR("", gone());
    EXPECT(node->x && node->x->name); // the whole graph is there
}

//   (h) A --> (k) B --> (l) C --> A; c --> c
TEST(all_finalizers_of_all_heaps_run_before_any_destructor) {
    three_heaps();
    on_finalize = no_destructor_yet;
    graph_in(h, "A");
    graph_in(l, "CA");
    graph_in(k, "BC");
    graph_in(h, "AB");
    drop_in(h, "A");
    drop_in(k, "B");
    drop_in(l, "C");
    EXPECT_EQ(3, COLLECT(l, k, h));
    EXPECT_EQ(3, strlen(finalized()));
    EXPECT_STR("ABC", gone_sorted());
    free_three();
}

static struct node *saved;
static void save(struct node *node) {
    if (node->name == 'B')
        saved = rc_retain(node);
}

TEST(finalizer_may_save_what_it_likes_in_all_heaps) {
    three_heaps();
    on_finalize = save;
    graph_in(h, "A C");
    graph_in(k, "BA DC");
    graph_in(h, "AB CD");
    drop_in(h, "AC");
    drop_in(k, "BD");
    EXPECT_EQ(2, COLLECT(h, k)); // C and D
    EXPECT_STR("CD", gone_sorted());
    EXPECT_EQ(4, strlen(finalized()));
    rc_heap_enter(k);
    EXPECT_PTR(at('B'), saved);
    EXPECT_PTR(at('A'), saved->x);
    rc_release(saved);
    rc_heap_leave(k);
    EXPECT_EQ(2, COLLECT(h, k));
    EXPECT_EQ(4, strlen(finalized())); // once in a life
    free_three();
}

static struct rc_weak *weak_a;
static void *upgraded;
static void upgrade_in_finalizer(struct node *node) {
    if (node->name == 'B')
        upgraded = rc_weak_get(weak_a);
}

// The finalizer of B gets hold of A by a weak reference before A's turn: A has come back to life and is spared its own.
TEST(finalizer_that_gets_hold_of_another_spares_it) {
    three_heaps();
    on_finalize = upgrade_in_finalizer;
    graph_in(k, "A");
    graph_in(h, "BA");
    graph_in(k, "AB");
    weak_a = rc_weak_new(at('A'));
    drop_in(h, "B");
    drop_in(k, "A");
    bool a_first = false;
    EXPECT_EQ(0, COLLECT(h, k));
    a_first = finalized()[0] == 'A';
    EXPECT(upgraded != NULL);
    if (!a_first)
        EXPECT_STR("B", finalized());
    rc_release(upgraded);
    EXPECT_EQ(2, COLLECT(h, k));
    EXPECT_EQ(2, strlen(finalized()));
    rc_weak_release(weak_a);
    free_three();
}

static unsigned made;
static struct node *last_made;
static void make_another(struct node *node) {
    (void)node;
    if (made++ >= 10)
        return;
    // A pair like the one that dies, over both heaps.
    rc_heap_enter(h);
    struct node *a = rc_new(&node_type);
    a->name = 'n';
    last_made = a;
    rc_heap_enter(k);
    struct node *b = rc_new(&node_type);
    b->name = 'n';
    rc_set(&b->x, a);
    rc_heap_leave(k);
    rc_set(&a->x, b);
    rc_release(a);
    rc_heap_leave(h);
    rc_release(b);
}

TEST(garbage_that_destructors_make_is_followed) {
    three_heaps();
    on_destroy = make_another;
    graph_in(h, "a");
    graph_in(k, "ba");
    graph_in(h, "ab");
    drop_in(h, "a");
    drop_in(k, "b");
    EXPECT_EQ(22, COLLECT(h, k));
    EXPECT_EQ(0, stats_in(h).objects + stats_in(k).objects);
    free_three();
}

static void make_one_for_ever(struct node *node) {
    if (node->name == 'a') {
        made = 0;
        make_another(node);
        last_made->name = 'a';
    }
}

TEST(garbage_that_destructors_make_for_ever_is_not_followed_for_ever) {
    three_heaps();
    on_destroy = make_one_for_ever;
    graph_in(h, "a");
    graph_in(k, "ba");
    graph_in(h, "ab");
    drop_in(h, "a");
    drop_in(k, "b");
    EXPECT_EQ(2 * 64, COLLECT(h, k));
    on_destroy = NULL;
    COLLECT(h, k);
    EXPECT_EQ(0, stats_in(h).objects + stats_in(k).objects);
    free_three();
}

static void leave_too_often(struct node *node) {
    struct rc_heap *here = rc_heap_current();
    (void)node;
    rc_heap_enter(h); // that, or another one that is held
    rc_heap_leave(h);
    EXPECT_NO_FAULT();
    rc_heap_leave(here);
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_leave");
    EXPECT_PTR(here, rc_heap_current());
}

TEST(heap_left_by_its_destructor_is_a_fault_that_changes_nothing) {
    for (int entries = 0; entries < 3; entries++) {
        three_heaps();
        faults_begin();
        make_ring();
        for (int i = 0; i < entries; i++)
            rc_heap_enter(k);
        on_destroy = leave_too_often;
        EXPECT_EQ(3, COLLECT(h, k, l));
        on_destroy = NULL;
        EXPECT_PTR(entries ? k : NULL, rc_heap_current());
        for (int i = 0; i < entries; i++)
            rc_heap_leave(k);
        EXPECT_NO_FAULT();
        free_three();
    }
}

static struct node *handle_of_destructor;
static void release_in_destructor(struct node *node) {
    if (node->name == 'a') {
        rc_release(handle_of_destructor); // of another heap
        handle_of_destructor = NULL;
    }
}

//   (h) a <--> b (k); a's destructor has a handle of c (k) <--> d (l)
TEST(handle_that_a_destructor_gives_up_frees_more) {
    three_heaps();
    on_destroy = release_in_destructor;
    graph_in(h, "a");
    graph_in(k, "ba c");
    graph_in(h, "ab");
    graph_in(l, "dc");
    graph_in(k, "cd");
    handle_of_destructor = at('c');
    drop_in(h, "a");
    drop_in(k, "b");
    drop_in(l, "d");
    EXPECT_EQ(4, COLLECT(h, k, l));
    free_three();
}

// The last handle of a, in its own heap; b's link is one more there, so that a becomes no suspect.
static void release_in_its_heap(struct node *node) {
    if (node->name == 'k')
        rc_release(handle_of_destructor);
}

//   (h) a <--> b (h or k)    (h) k <--> k, whose destructor has a handle of a
TEST(handle_that_a_destructor_gives_up_in_its_own_heap_frees_what_spans_heaps) {
    three_heaps();
    on_destroy = release_in_its_heap;
    graph_in(h, "a kk");
    graph_in(k, "ba");
    graph_in(h, "ab");
    handle_of_destructor = at('a');
    drop_in(k, "b");
    drop_in(h, "k");
    EXPECT_EQ(3, COLLECT(h, k));
    EXPECT_STR("abk", gone_sorted());
    free_three();
}

static void release_in_notice(void *obj) {
    rc_release(obj);
}

//   the same, and it is the notice of k that has the handle of a
TEST(handle_that_a_notice_gives_up_in_its_own_heap_frees_what_spans_heaps) {
    three_heaps();
    graph_in(h, "a kk");
    graph_in(k, "ba");
    graph_in(h, "ab");
    struct rc_weak *weak = rc_weak_new(at('k'));
    rc_heap_enter(h);
    EXPECT(rc_weak_notify(weak, release_in_notice, at('a')));
    rc_heap_leave(h);
    drop_in(k, "b");
    drop_in(h, "k");
    EXPECT_EQ(3, COLLECT(h, k));
    EXPECT_STR("abk", gone_sorted());
    rc_weak_release(weak);
    free_three();
}

static void *enter_elsewhere(void *heap) {
    if (!rc_heap_try_enter(heap))
        return NULL;
    rc_heap_leave(heap);
    return heap;
}

static void nobody_else_is_inside(struct node *node) {
    (void)node;
    rc_heap_enter(h);
    rc_heap_leave(h);
    EXPECT_PTR(NULL, elsewhere(enter_elsewhere, h));
    EXPECT_PTR(NULL, elsewhere(enter_elsewhere, k));
    EXPECT_PTR(l, elsewhere(enter_elsewhere, l));
}

TEST(no_other_thread_gets_into_any_of_the_heaps_meanwhile) {
    three_heaps();
    graph_in(h, "A");
    graph_in(k, "BA");
    graph_in(h, "AB");
    drop_in(h, "A");
    drop_in(k, "B");
    on_destroy = on_finalize = nobody_else_is_inside;
    EXPECT_EQ(2, COLLECT(h, k));
    EXPECT_PTR(h, elsewhere(enter_elsewhere, h));
    EXPECT_PTR(k, elsewhere(enter_elsewhere, k));
    free_three();
}

static void let_go_of_x(struct node *node) {
    EXPECT_STR("", gone());
    rc_clear(&node->x); // dies of it, but not now
}

//   (h) A --> b, A <--> C (k) --> d
TEST(what_dies_of_a_finalizer_waits_for_the_others) {
    three_heaps();
    on_finalize = let_go_of_x;
    graph_in(h, "Ab");
    graph_in(k, "Cd CA");
    graph_in(h, "AC");
    drop_in(h, "Ab");
    drop_in(k, "Cd");
    EXPECT_EQ(4, COLLECT(h, k));
    EXPECT_EQ(2, strlen(finalized()));
    free_three();
}

static void try_everything(struct node *node) {
    (void)node;
    EXPECT_EQ(0, COLLECT(h, k, l));
    EXPECT_EQ(0, COLLECT(l));
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(RC_STEP_IDLE, rc_collect_step(1000));
    errno = 0;
    EXPECT(!rc_heap_merge(l, k));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_EQ(0, rc_heap_free(k));
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_free");
}

TEST(callbacks_cannot_collect_merge_or_free_the_heaps) {
    forget();
    faults_begin();
    h = rc_heap_new(&(struct rc_heap_options){.release_limit = 1}), k = new_heap(), l = new_heap();
    graph_in(h, "xy");
    drop_in(h, "yx"); // y waits, and is destroyed first
    EXPECT_STR("x", gone());
    on_destroy = on_finalize = try_everything;
    graph_in(h, "A");
    graph_in(k, "bA");
    graph_in(h, "Ab");
    drop_in(h, "A");
    drop_in(k, "b");
    EXPECT_EQ(3, COLLECT(h, k));
    EXPECT_STR("A", finalized());
    EXPECT_EQ(4, strlen(gone()));
    free_three();
}

// ---- weak references

//   a <--> b, where a is taken up from outside of the heap, found alive by that, and let go inside
TEST(handle_from_outside_is_asked_about_when_it_goes_inside) {
    three_heaps();
    rc_heap_enter(h);
    struct node *a = rc_new(&node_type), *b = rc_new(&node_type);
    rc_set(&a->x, b);
    rc_give(&b->x, a);
    struct rc_weak *weak = rc_weak_new(a);
    rc_release(b);
    rc_heap_leave(h);
    a = rc_weak_get(weak);
    EXPECT_EQ(0, COLLECT(h, k));
    rc_heap_enter(h);
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_release(a);
    EXPECT_EQ(2, rc_collect());
    rc_heap_leave(h);
    rc_weak_release(weak);
    free_three();
}

static struct rc_weak *weak_seen;
static void weak_is_null(struct node *node) {
    (void)node;
    EXPECT_PTR(NULL, rc_weak_get(weak_seen));
}

static unsigned notices;
static void count_notice(void *heap) {
    EXPECT_PTR(heap, rc_heap_current());
    EXPECT_EQ(3, strlen(gone()));
    notices++;
}

TEST(weak_references_to_the_garbage_give_null_from_its_destructors_on) {
    three_heaps();
    on_destroy = weak_is_null;
    make_ring();
    weak_seen = rc_weak_new(at('c'));
    struct rc_weak *weak = rc_weak_new(at('a'));
    rc_heap_enter(h);
    rc_weak_notify(weak, count_notice, h);
    rc_heap_leave(h);
    rc_heap_enter(l);
    rc_weak_notify(weak_seen, count_notice, l);
    rc_heap_leave(l);
    EXPECT_EQ(3, COLLECT(h, k, l));
    EXPECT_EQ(2, notices);
    EXPECT_PTR(NULL, rc_weak_get(weak));
    rc_weak_release(weak);
    rc_weak_release(weak_seen);
    free_three();
}

TEST(weak_references_to_the_living_are_as_before) {
    three_heaps();
    make_ring();
    graph_in(h, "g");
    struct rc_weak *a = rc_weak_new(at('a')), *g = rc_weak_new(at('g'));
    struct node *held = rc_weak_get(a);
    EXPECT_EQ(0, COLLECT(h, k, l));
    EXPECT_PTR(at('a'), held);
    rc_release(held);
    EXPECT_EQ(3, COLLECT(h, k, l));
    EXPECT_PTR(NULL, rc_weak_get(a));
    held = rc_weak_get(g);
    EXPECT_PTR(at('g'), held);
    rc_release(held);
    drop_in(h, "g");
    collect_in(h);
    rc_weak_release(a);
    rc_weak_release(g);
    free_three();
}

// ---- which heaps, and where the thread is

TEST(heaps_may_be_none_missing_or_named_twice) {
    three_heaps();
    make_ring();
    EXPECT_EQ(0, rc_collect_heaps(NULL, 0));
    EXPECT_EQ(0, COLLECT(NULL));
    EXPECT_EQ(0, COLLECT(NULL, NULL));
    EXPECT_EQ(0, COLLECT(h, h, NULL, h));
    EXPECT_EQ(3, COLLECT(l, NULL, k, l, h, k, NULL));
    faults_begin();
    EXPECT_EQ(0, rc_collect_heaps(NULL, 3));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_collect_heaps");
    EXPECT_PTR(NULL, rc_heap_current());
    free_three();
}

TEST(one_heap_can_be_collected_whole) {
    three_heaps();
    graph_in(h, "ab ba c");
    drop_in(h, "ab");
    EXPECT_EQ(2, COLLECT(h));
    drop_in(h, "c");
    free_three();
}

TEST(thread_is_inside_what_it_was_inside) {
    three_heaps();
    make_ring();
    rc_heap_enter(k);
    rc_heap_enter(h);
    rc_heap_enter(k);
    EXPECT_EQ(3, COLLECT(h, k, l));
    EXPECT_PTR(k, rc_heap_current());
    rc_heap_leave(k);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_leave(h);
    EXPECT_PTR(k, rc_heap_current());
    rc_heap_leave(k);
    EXPECT_PTR(NULL, rc_heap_current());
    rc_heap_enter(h);
    COLLECT(k, l);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_leave(h);
    free_three();
}

TEST(a_hundred_heaps_are_collected_together) {
    enum { MOST = 100 };
    struct rc_heap *heaps[MOST];
    size_t n = is_slow_build() ? 20 : MOST; // ThreadSanitizer follows 64 locks at a time
    struct node *first = NULL, *last = NULL;
    for (size_t i = 0; i < n; i++) {
        heaps[i] = new_heap();
        rc_heap_enter(heaps[i]);
        struct node *node = rc_new(&node_type);
        node->name = 'n';
        first = first ? first : node;
        rc_give(&node->x, last);
        last = node;
        rc_heap_leave(heaps[i]);
    }
    rc_heap_enter(heaps[0]);
    rc_give(&first->x, last);
    rc_heap_leave(heaps[0]);
    for (size_t i = 0; i < n / 2; i += 3) { // in no order
        struct rc_heap *swapped = heaps[i];
        heaps[i] = heaps[n - 1 - i];
        heaps[n - 1 - i] = swapped;
    }
    EXPECT_EQ(0, rc_collect_heaps(heaps, n - 1));
    EXPECT_EQ(n, rc_collect_heaps(heaps, n));
    for (size_t i = 0; i < n; i++)
        free_heap(heaps[i]);
}

TEST(thread_that_is_inside_too_many_heaps_is_told) {
    enum { DEPTH = 32 };
    three_heaps();
    struct rc_heap *nested[DEPTH];
    for (int i = 0; i < DEPTH; i++)
        rc_heap_enter(nested[i] = new_heap());
    faults_begin();
    EXPECT_EQ(0, COLLECT(h, k, l));
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_collect_heaps");
    errno = 0;
    EXPECT(!rc_heap_merge(h, k));
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_merge");
    EXPECT_EQ(EINVAL, errno);
    for (int i = DEPTH; i-- > 0;) {
        rc_heap_leave(nested[i]);
        free_heap(nested[i]);
    }
    free_three();
}

// ---- the states that the heaps may be in

//   (h) a <--> b (k), (h) C <--> d (h), (k) e <--> f (k): each heap in each state of its own collection
TEST(heaps_may_be_in_any_phase_of_their_own_collections) {
    enum { UNITS = 45 };
    unsigned phases[2] = {0};
    for (unsigned h_units = 0; h_units < UNITS; h_units++)
        for (unsigned k_units = 0; k_units < UNITS; k_units += 1 + h_units % 3) {
            test_note("after %u and %u units", h_units, k_units);
            three_heaps();
            graph_in(h, "a Cd dC");
            graph_in(k, "ba ef fe");
            graph_in(h, "ab Cb");
            graph_in(k, "gb");
            drop_in(h, "aCd");
            drop_in(k, "bef");
            units_in(h, h_units);
            units_in(k, k_units);
            phases[0] |= 1u << phase_in(h);
            phases[1] |= 1u << phase_in(k);
            COLLECT(h, k);
            EXPECT(is_sound(true));
            EXPECT_STR("C", finalized());
            EXPECT_STR("Cdef", gone_sorted());
            EXPECT_EQ(RC_PHASE_IDLE, phase_in(h));
            drop_in(k, "g");
            EXPECT_EQ(2, COLLECT(h, k));
            EXPECT_STR("Cabdefg", gone_sorted());
            free_three();
        }
    unsigned all = ((1u << RC_PHASE_COUNT) - 1) & ~(1u << RC_PHASE_INBOX);
    EXPECT_EQ(all, phases[0]);
    EXPECT_EQ(all & ~(1u << RC_PHASE_FINALIZE), phases[1]);
}

TEST(what_waits_to_be_destroyed_is_destroyed) {
    forget();
    l = new_heap();
    h = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    k = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    graph_in(k, "uv");
    graph_in(h, "ab bc cd du");
    drop_in(h, "bcd");
    drop_in(k, "uv");
    drop_in(h, "a");
    EXPECT_STR("a", gone());
    EXPECT_EQ(5, COLLECT(h, k));
    EXPECT_STR("abcduv", gone_sorted());
    free_three();
}

// ---- failure

TEST(without_memory_everything_is_left_as_it_was) {
    enum { N = 5000 }; // more than a chunk of the graph
    three_heaps();
    struct rc_heap *a = scarce_enter(), *b = scarce_enter();
    struct node *last[2] = {NULL};
    for (int i = 0; i < N; i++)
        for (int part = 0; part < 2; part++) {
            rc_heap_enter(part ? b : a);
            struct node *n = rc_new(&node_type);
            n->name = 'n';
            if (last[0])
                rc_set(&n->y, last[0]);
            rc_give(&n->x, last[part]);
            last[part] = n;
            rc_heap_leave(part ? b : a);
        }
    rc_heap_leave(b);
    rc_set(&last[0]->y, last[1]);
    rc_release(last[0]);
    graph("gs ss");
    drop("s");
    rc_heap_leave(a);
    EXPECT_EQ(1, stats_in(a).suspects);
    size_t failures = 0, n = 0;
    for (size_t nth = 1; fail_allocation(nth, false), errno = 0, n = COLLECT(a, b), refused() > 0; nth++) {
        EXPECT_EQ(ENOMEM, errno);
        EXPECT_EQ(0, n);
        EXPECT_EQ(1, stats_in(a).suspects);
        EXPECT_EQ(2 * N + 2, stats_in(a).objects + stats_in(b).objects);
        failures++;
    }
    EXPECT(failures >= 2);
    EXPECT_EQ(0, n);
    rc_heap_enter(b);
    rc_release(last[1]);
    rc_heap_leave(b);
    EXPECT_EQ(2 * N, COLLECT(a, b));
    free_heap(b);
    drop_in(a, "g");
    rc_heap_enter(a);
    scarce_leave(a);
    free_three();
}

struct twice {
    void *slot;
};
static void trace_twice(void *obj, struct rc_visitor *visitor) {
    rc_visit(visitor, &((struct twice *)obj)->slot);
    rc_visit(visitor, &((struct twice *)obj)->slot);
}
static const struct rc_type twice_type = {"twice", sizeof(struct twice), .trace = trace_twice};

TEST(trace_that_reports_a_slot_twice_is_reported_and_what_it_leads_to_kept) {
    three_heaps();
    faults_begin();
    rc_heap_enter(h);
    struct twice *t = rc_new(&twice_type);
    graph_in(k, "b");
    rc_set(&t->slot, (void *)at('b'));
    rc_heap_leave(h);
    drop_in(k, "b");
    EXPECT_EQ(0, COLLECT(h, k));
    EXPECT_FAULT(RC_FAULT_TRACE, "rc_collect_heaps");
    EXPECT_STR("node", last_fault()->type);
    EXPECT_STR("", gone());
    rc_heap_enter(h);
    rc_clear(&t->slot);
    rc_release(t);
    rc_heap_leave(h);
    collect_in(k);
    EXPECT_STR("b", gone());
    free_three();
}

static struct rc_weak *weak_traced;
static void *got_elsewhere;
static void *upgrade_there(void *weak) { return rc_weak_get(weak); }
static void trace_and_upgrade(void *obj, struct rc_visitor *visitor) {
    rc_visit(visitor, &((struct twice *)obj)->slot);
    if (!got_elsewhere)
        got_elsewhere = elsewhere(upgrade_there, weak_traced);
}
static const struct rc_type upgrading_type = {"upgrading", sizeof(struct twice), .trace = trace_and_upgrade};

//   (k) t --> A (h) --> t, C: another thread gets hold of A while links are counted, after handles were
TEST(finalizers_are_not_called_for_what_was_upgraded_nor_for_what_that_leads_to) {
    three_heaps();
    graph_in(h, "AC");
    weak_traced = rc_weak_new(at('A'));
    rc_heap_enter(k);
    struct twice *t = rc_new(&upgrading_type);
    rc_set(&t->slot, (void *)at('A'));
    rc_heap_leave(k);
    rc_heap_enter(h);
    rc_set(&at('A')->y, (void *)t);
    rc_heap_leave(h);
    rc_release(t);
    drop_in(h, "AC");
    EXPECT_EQ(0, COLLECT(h, k));
    EXPECT_PTR(at('A'), got_elsewhere);
    EXPECT_STR("", finalized());
    rc_release(got_elsewhere);
    EXPECT_EQ(3, COLLECT(h, k));
    EXPECT_EQ(2, strlen(finalized()));
    rc_weak_release(weak_traced);
    free_three();
}

// ---- other threads

static atomic_uint ready;
static void *collect_from_inside_k(void *arg) {
    (void)arg;
    for (int i = 0; i < 300; i++) {
        rc_heap_enter(k);
        if (i == 0) {
            atomic_fetch_add(&ready, 1);
            while (atomic_load(&ready) < 2)
                sched_yield();
        }
        COLLECT(l, k, h);
        EXPECT_PTR(k, rc_heap_current());
        rc_heap_leave(k);
    }
    return NULL;
}

static atomic_bool enough;
static void *nest(void *arg) {
    struct rc_heap **order = arg;
    while (!atomic_load(&enough)) {
        rc_heap_enter(order[0]);
        rc_heap_enter(order[1]);
        struct node *n = rc_new(&vector_type);
        rc_release(n);
        rc_heap_leave(order[1]);
        rc_heap_leave(order[0]);
    }
    return NULL;
}

TEST(collections_from_inside_heaps_that_others_need_do_not_deadlock, .limit = 60) {
    three_heaps();
    atomic_store(&enough, false);
    pthread_t collector = start(collect_from_inside_k, NULL), nester = start(nest, (struct rc_heap *[]){l, h});
    for (int i = 0; i < 300; i++) {
        rc_heap_enter(h);
        if (i == 0) {
            atomic_fetch_add(&ready, 1);
            while (atomic_load(&ready) < 2)
                sched_yield();
        }
        COLLECT(h, k, l);
        EXPECT_PTR(h, rc_heap_current());
        rc_heap_leave(h);
    }
    pthread_join(collector, NULL);
    atomic_store(&enough, true);
    pthread_join(nester, NULL);
    free_three();
}

// Each is inside the heap that it names last, and that the other needs first.
static void *collect_from_inside_the_last(void *arg) {
    struct rc_heap **order = arg;
    for (int i = 0; i < 100; i++) {
        rc_heap_enter(order[1]);
        if (i == 0) {
            atomic_fetch_add(&ready, 1);
            while (atomic_load(&ready) < 2)
                sched_yield();
        }
        rc_collect_heaps(order, 2);
        EXPECT_PTR(order[1], rc_heap_current());
        rc_heap_leave(order[1]);
    }
    return NULL;
}

TEST(collections_from_inside_the_heap_named_last_do_not_deadlock, .limit = 6) {
    three_heaps();
    atomic_store(&ready, 0);
    pthread_t other = start(collect_from_inside_the_last, (struct rc_heap *[]){h, k});
    collect_from_inside_the_last((struct rc_heap *[]){k, h});
    pthread_join(other, NULL);
    free_three();
}

// A loop that is inside its heap for some milliseconds, and again.
static void *stay_inside(void *heap) {
    while (!atomic_load(&enough)) {
        rc_heap_enter(heap);
        nanosleep(&(struct timespec){.tv_nsec = heap == h ? 1000000 : 3700000}, NULL);
        rc_heap_leave(heap);
        atomic_fetch_add(&ready, 1);
    }
    return NULL;
}

// Each takes two or three turns of the loops; left to chance it took a thousand, and a hundred where only one half of H4 was
// kept.
TEST(collection_over_busy_heaps_has_its_turn_soon, .limit = 20) {
    three_heaps();
    atomic_store(&ready, 0);
    atomic_store(&enough, false);
    pthread_t loops[] = {start(stay_inside, h), start(stay_inside, k)};
    unsigned turns = 0;
    for (int i = 0; i < 10; i++) {
        unsigned before = atomic_load(&ready);
        while (atomic_load(&ready) < before + 4) // they are in full swing
            sched_yield();
        before = atomic_load(&ready);
        COLLECT(h, k);
        turns += atomic_load(&ready) - before;
    }
    EXPECT_AT_MOST(400, turns);
    atomic_store(&enough, true);
    pthread_join(loops[0], NULL);
    pthread_join(loops[1], NULL);
    free_three();
}

static const struct rc_type quiet_type = {"quiet", sizeof(struct node),
                                          .slots = RC_SLOTS(RC_LINK(struct node, x), RC_LINK(struct node, y))};
enum { RINGS = 8, THREADS = 3 };
static struct rc_weak *ring_weak[RINGS];
static atomic_uint dead_rings, holders;

static void note_dead(void *arg) {
    (void)arg;
    atomic_fetch_add(&dead_rings, 1);
}

static void *upgrade_and_let_go(void *arg) {
    unsigned seed = (unsigned)(uintptr_t)arg;
    struct node *mine[2] = {rc_weak_get(ring_weak[seed & (RINGS - 1)]), NULL};
    atomic_fetch_add(&holders, 1);
    while (!atomic_load(&enough)) {
        seed = seed * 1103515245 + 12345;
        unsigned slot = seed >> 20 & 1;
        rc_release(mine[slot]);
        mine[slot] = rc_weak_get(ring_weak[seed >> 16 & (RINGS - 1)]);
        if (mine[slot]) {
            struct node *again = rc_retain(mine[slot]);
            EXPECT(rc_heap_of(again) == h || rc_heap_of(again) == k);
            rc_release(again);
        }
    }
    rc_release(mine[0]);
    rc_release(mine[1]);
    return NULL;
}

// Rings over two heaps that only weak references name: other threads upgrade them while they are about to be collected. Who
// wins is for the scheduler to say; on a busy machine it takes more rounds until both have.
TEST(upgrades_race_the_commit_and_either_wins, .limit = 120) {
    unsigned rounds_with_survivors = 0;
    for (size_t round = 0; round < scaled(400) || (!rounds_with_survivors && round < 20 * scaled(400)); round++) {
        three_heaps();
        atomic_store(&enough, false);
        atomic_store(&dead_rings, 0);
        atomic_store(&holders, 0);
        for (int i = 0; i < RINGS; i++) {
            rc_heap_enter(h);
            struct node *a = rc_new(&quiet_type);
            rc_heap_enter(k);
            struct node *b = rc_new(&quiet_type);
            rc_set(&b->x, a);
            rc_heap_leave(k);
            rc_set(&a->x, b);
            ring_weak[i] = rc_weak_new(i % 2 ? a : b);
            rc_heap_leave(h);
            rc_heap_enter(i % 2 ? h : k);
            rc_weak_notify(ring_weak[i], note_dead, NULL);
            rc_heap_leave(i % 2 ? h : k);
            rc_release(a);
            rc_release(b);
        }
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++)
            threads[i] = start(upgrade_and_let_go, (void *)(uintptr_t)(round * THREADS + (size_t)i + 1));
        while (atomic_load(&holders) < THREADS)
            sched_yield();
        size_t n = COLLECT(h, k);
        EXPECT_EQ(0, n % 2);
        rounds_with_survivors += n < 2 * RINGS;
        n += COLLECT(k, h, l);
        atomic_store(&enough, true);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        n += COLLECT(h, k);
        EXPECT_EQ(2 * RINGS, n);
        EXPECT_EQ(RINGS, dead_rings);
        for (int i = 0; i < RINGS; i++) {
            EXPECT_PTR(NULL, rc_weak_get(ring_weak[i]));
            rc_weak_release(ring_weak[i]);
        }
        EXPECT_EQ(0, stats_in(h).inbox + stats_in(k).inbox);
        free_three();
    }
    EXPECT(rounds_with_survivors > 0);
}

// ---- random graphs, and a search

enum { HEAPS = 4, NODES = 24, SLOTS = 3 };

struct item {
    struct item *slot[SLOTS];
    struct rc_weak *weak;
    int number;
};

static struct {
    struct item *item; // NULL: destroyed, or not made
    unsigned handles;
    int heap;
    struct rc_weak *weak;
    bool finalized;
} items[NODES];
static struct rc_heap *heaps[HEAPS];
static uint64_t state;
static bool merging; // which heap an item is in is changing

static unsigned chance(unsigned n) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % n;
}

static void item_destroy(void *obj) {
    struct item *item = obj;
    EXPECT_PTR(items[item->number].item, item);
    EXPECT(merging || heaps[items[item->number].heap] == rc_heap_current());
    EXPECT_EQ(0, items[item->number].handles);
    items[item->number].item = NULL;
}

static void item_finalize(void *obj) {
    struct item *item = obj;
    EXPECT(!items[item->number].finalized);
    items[item->number].finalized = true;
    if (item->number % 5 == 0) { // comes back to life
        (void)rc_retain(item);
        items[item->number].handles++;
    }
}

static const struct rc_type item_type = {
    "item", sizeof(struct item), .slots = RC_SLOTS(RC_LINK(struct item, slot), RC_WEAK(struct item, weak)),
    .destroy = item_destroy};
static const struct rc_type finalized_item_type = {"finalized item", sizeof(struct item), .base = &item_type,
                                                   .finalize = item_finalize, .slots = NULL};

static void reach(const struct item *item, bool *reached) {
    if (!item || reached[item->number])
        return;
    REQUIRE(items[item->number].item == item);
    reached[item->number] = true;
    for (int s = 0; s < SLOTS; s++)
        reach(item->slot[s], reached);
}

static void search(bool *reached) {
    memset(reached, 0, NODES * sizeof *reached);
    for (int i = 0; i < NODES; i++)
        if (items[i].handles) {
            REQUIRE(items[i].item);
            reach(items[i].item, reached);
        }
}

static void make_item(int i, int heap) {
    rc_heap_enter(heaps[heap]);
    struct item *item = rc_new(i % 3 ? &item_type : &finalized_item_type);
    rc_heap_leave(heaps[heap]);
    REQUIRE(item);
    item->number = i;
    rc_weak_release(items[i].weak);
    items[i].item = item;
    items[i].handles = 1;
    items[i].heap = heap;
    items[i].finalized = false;
    items[i].weak = rc_weak_new(item);
}

// One of the items that a handle leads to, or -1.
static int any_reached(const bool *reached) {
    int found = -1;
    for (int i = 0, n = 0; i < NODES; i++)
        if (reached[i] && chance((unsigned)++n) == 0)
            found = i;
    return found;
}

static void change_slots(const bool *reached) {
    int i = any_reached(reached), j = any_reached(reached);
    if (i < 0)
        return;
    struct item *a = items[i].item, *b = chance(4) ? items[j].item : NULL;
    unsigned s = chance(SLOTS), t = chance(SLOTS);
    rc_heap_enter(heaps[items[i].heap]);
    switch (chance(6)) {
    case 0:
        rc_move(&a->slot[s], &a->slot[t]);
        break;
    case 1:
        rc_swap(&a->slot[s], &a->slot[t]);
        break;
    case 2: { // the slot's link becomes a handle
        struct item *taken = rc_take(&a->slot[s]);
        if (taken)
            items[taken->number].handles++;
        break;
    }
    case 3: // a handle becomes the slot's link
        if (b && items[j].handles) {
            items[j].handles--;
            rc_give(&a->slot[s], b);
        }
        break;
    case 4:
        rc_weak_set(&a->weak, b);
        break;
    default:
        rc_set(&a->slot[s], b);
    }
    rc_heap_leave(heaps[items[i].heap]);
}

// A handle more, or less, from inside or from outside of its heap.
static void change_handles(const bool *reached) {
    int i = any_reached(reached);
    if (i < 0)
        return;
    bool inside = chance(2);
    struct rc_heap *heap = heaps[items[i].heap];
    if (inside)
        rc_heap_enter(heap);
    if (chance(5) == 0) {
        (void)rc_retain(items[i].item);
        items[i].handles++;
    } else if (items[i].handles) {
        items[i].handles--;
        rc_release(items[i].item);
    }
    if (inside)
        rc_heap_leave(heap);
}

static void upgrade(void) {
    int i = (int)chance(NODES);
    struct item *item = rc_weak_get(items[i].weak);
    EXPECT(item == NULL || item == items[i].item);
    if (item && chance(2))
        items[i].handles++;
    else
        rc_release(item);
}

// After this, what handles lead to is there, and nothing else.
static void collect_all_heaps(bool merged) {
    bool reached[NODES];
    if (merged)
        collect_in(heaps[0]);
    else
        rc_collect_heaps(heaps, HEAPS);
    search(reached);
    for (int i = 0; i < NODES; i++)
        if (!EXPECT_EQ(reached[i], items[i].item != NULL))
            test_stop();
}

static void merge(int into, int from) {
    merging = true;
    REQUIRE(rc_heap_merge(heaps[into], heaps[from]));
    merging = false;
    for (int i = 0; i < NODES; i++)
        if (items[i].item && items[i].heap == from)
            items[i].heap = into;
}

static void merge_two(void) {
    int into = (int)chance(HEAPS), from = (int)((unsigned)into + 1 + chance(HEAPS - 1)) % HEAPS;
    merge(into, from);
    heaps[from] = new_heap();
}

static void random_step(void) {
    bool reached[NODES];
    search(reached);
    for (int i = 0; i < NODES; i++)
        EXPECT(!reached[i] || items[i].item);
    int free_place = (int)chance(NODES);
    struct rc_heap *heap = heaps[chance(HEAPS)];
    switch (chance(16)) {
    case 0:
    case 1:
    case 2:
        if (!items[free_place].item)
            make_item(free_place, (int)chance(HEAPS));
        break;
    case 3:
    case 4:
    case 5:
        change_handles(reached);
        break;
    case 6:
        units_in(heap, chance(20));
        break;
    case 7:
        upgrade();
        break;
    case 8:
        if (chance(4) == 0)
            collect_all_heaps(false);
        else if (chance(2))
            COLLECT(heap, heaps[chance(HEAPS)]);
        else
            collect_in(heap);
        break;
    case 9:
        if (chance(6) == 0)
            merge_two();
        break;
    default:
        change_slots(reached);
    }
}

static void give_all_up(void) {
    for (int i = 0; i < NODES; i++)
        for (; items[i].handles; items[i].handles--)
            rc_release(items[i].item);
}

TEST(random_graphs_over_heaps_agree_with_a_search, .limit = 120) {
    for (size_t round = 0; round < scaled(600); round++) {
        test_note("round %zu", round);
        state = round;
        for (int i = 0; i < HEAPS; i++)
            heaps[i] = rc_heap_new(&(struct rc_heap_options){.release_limit = round % 3 ? 0 : 2});
        for (int step = 0; step < 400; step++)
            random_step();
        bool merged = round % 2;
        for (int i = 1; merged && i < HEAPS; i++)
            merge(0, i);
        collect_all_heaps(merged);
        do {
            give_all_up();
            collect_all_heaps(merged);
        } while (collect_in(heaps[0]) || items[0].handles || items[15].handles); // 0 and 15 come back to life once
        give_all_up();
        collect_all_heaps(merged);
        for (int i = 0; i < NODES; i++) {
            EXPECT_PTR(NULL, items[i].item);
            rc_weak_release(items[i].weak);
            items[i].weak = NULL;
        }
        for (int i = 0; i < (merged ? 1 : HEAPS); i++)
            free_heap(heaps[i]);
        REQUIRE(test_failures() == 0);
    }
}

// ---- the example

TEST(worker_hands_its_graph_over_and_the_plugin_goes) {
    const char *built = getenv("PROGRAMS");
    if (!built)
        SKIP("PROGRAMS does not say where the programs were built: run it through make check");
    int status;
    const char *output = command(&status, "%s/examples/worker", built);
    EXPECT_EQ(0, status);
    EXPECT_HAS("read by a worker: 6 objects\nafter \"the\": cat dog\n", output);
    EXPECT_HAS("found by each heap alone: 0\nfound by both together: 7\n", output);
}
