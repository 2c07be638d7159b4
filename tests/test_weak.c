// SPDX-License-Identifier: MIT
// Weak references: what they give while their object lives, dies, waits for its finalizer, or is condemned by a collection
// under way (R8); weak slots; notices.
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/steps.h"

static struct rc_weak *weak_of(char name) {
    struct rc_weak *weak = rc_weak_new(at(name));
    REQUIRE(weak);
    return weak;
}

// Upgrades and gives the handle back.
static bool is_reachable_by(struct rc_weak *weak) {
    void *obj = rc_weak_get(weak);
    rc_release(obj);
    return obj != NULL;
}

TEST(weak_gives_a_handle_while_its_object_lives) {
    graph("a");
    struct rc_weak *weak = weak_of('a');
    struct node *a = rc_weak_get(weak);
    EXPECT_PTR(at('a'), a);
    EXPECT_EQ(2, rc_handles(a));
    rc_release(a);
    drop("a");
    EXPECT_STR("a", gone());
    EXPECT_PTR(NULL, rc_weak_get(weak));
    EXPECT_PTR(NULL, rc_weak_get(NULL));
    EXPECT_PTR(NULL, rc_weak_retain(NULL));
    EXPECT_PTR(NULL, rc_weak_new(NULL));
    rc_weak_release(NULL);
    EXPECT_EQ(0, stats().objects);
    rc_weak_release(weak);
}

TEST(weak_does_not_keep_its_object_alive) {
    graph("ab ba");
    struct rc_weak *weak = weak_of('a');
    drop("ab");
    EXPECT(is_reachable_by(weak)); // not collected yet
    EXPECT_EQ(2, rc_collect());
    EXPECT_PTR(NULL, rc_weak_get(weak));
    rc_weak_release(weak);
}

TEST(weak_references_of_one_object_are_one_block) {
    graph("a b");
    struct rc_weak *weak = weak_of('a'), *again = weak_of('a'), *other = weak_of('b');
    EXPECT_PTR(weak, again);
    EXPECT(weak != other);
    EXPECT_PTR(weak, rc_weak_retain(weak));
    rc_weak_release(weak);
    rc_weak_release(weak);
    EXPECT(is_reachable_by(again));
    rc_weak_release(again);
    struct rc_weak *later = weak_of('a');
    EXPECT(is_reachable_by(later));
    rc_weak_release(later);
    drop("ab");
    EXPECT_PTR(NULL, rc_weak_get(other));
    rc_weak_release(other);
}

TEST(weak_reference_outlives_its_object_and_its_heap) {
    struct rc_heap *h = rc_heap_new(NULL);
    rc_heap_enter(h);
    graph("a b");
    struct rc_weak *a = weak_of('a'), *b = weak_of('b');
    drop("a");
    EXPECT_PTR(NULL, rc_weak_get(a));
    rc_heap_leave(h);
    EXPECT_EQ(1, rc_heap_free(h));
    EXPECT_PTR(NULL, rc_weak_get(a));
    EXPECT_PTR(NULL, rc_weak_get(b));
    rc_weak_release(a);
    rc_weak_release(b);
}

TEST(many_weak_references_are_kept_apart) {
    enum { N = 5000 };
    static struct node *nodes[N];
    static struct rc_weak *weak[N];
    for (int i = 0; i < N; i++) {
        REQUIRE((nodes[i] = rc_new(&node_type)));
        nodes[i]->name = 'n';
        REQUIRE((weak[i] = rc_weak_new(nodes[i])));
    }
    for (int i = 0; i < N; i += 3) {
        rc_release(nodes[i]);
        nodes[i] = NULL;
    }
    for (int i = 0; i < N; i++) {
        void *obj = rc_weak_get(weak[i]);
        EXPECT_PTR(nodes[i], obj);
        rc_release(obj);
    }
    for (int i = 0; i < N; i++) {
        rc_release(nodes[i]);
        EXPECT_PTR(NULL, rc_weak_get(weak[i]));
        rc_weak_release(weak[i]);
    }
}

// A new object at the same address is another one.
TEST(weak_reference_does_not_find_the_next_object_at_its_address) {
    for (int i = 0; i < 1000; i++) {
        struct node *first = rc_new(&node_type);
        first->name = 'a';
        struct rc_weak *weak = rc_weak_new(first);
        rc_release(first);
        struct node *second = rc_new(&node_type);
        second->name = 'b';
        EXPECT_PTR(NULL, rc_weak_get(weak));
        rc_weak_release(weak);
        rc_release(second);
    }
}

// ---- weak slots

struct observer { struct rc_weak *target; struct rc_weak *more[2]; struct observer *next; };
RC_TYPE(observer, struct observer,
        .slots = RC_SLOTS(RC_WEAK(struct observer, target), RC_WEAK(struct observer, more),
                          RC_LINK(struct observer, next)));

TEST(weak_slot_names_its_target_without_keeping_it) {
    struct observer *o = rc_new(&observer_type);
    graph("a b");
    EXPECT(rc_weak_set(&o->target, at('a')));
    EXPECT(is_reachable_by(o->target));
    EXPECT(rc_weak_set(&o->target, at('b'))); // another one
    struct node *b = rc_weak_get(o->target);
    EXPECT_PTR(at('b'), b);
    rc_release(b);
    EXPECT(rc_weak_set(&o->target, at('b'))); // the same one
    drop("b");
    EXPECT_STR("b", gone());
    EXPECT_PTR(NULL, rc_weak_get(o->target));
    EXPECT(rc_weak_set(&o->target, NULL));
    EXPECT_PTR(NULL, o->target);
    EXPECT(rc_weak_set(&o->target, NULL));
    drop("a");
    rc_release(o);
}

// LeakSanitizer sees to the blocks.
TEST(weak_slots_are_released_with_their_object) {
    struct observer *o = rc_new(&observer_type), *p = rc_new(&observer_type);
    graph("a");
    EXPECT(rc_weak_set(&o->target, at('a')));
    EXPECT(rc_weak_set(&o->more[1], at('a')));
    EXPECT(rc_weak_set(&p->more[0], at('a')));
    rc_release(o); // by count
    rc_give(&p->next, p);
    EXPECT_EQ(1, rc_collect()); // by the collector
    struct observer *q = rc_new(&observer_type);
    EXPECT(rc_weak_set(&q->target, at('a')));
    drop("a");
    EXPECT_EQ(1, rc_heap_free(rc_heap_default())); // with the heap
}

//   o <--> o    with a weak reference to itself: no cycle of its own making
TEST(object_that_weakly_refers_to_itself_dies) {
    struct observer *o = rc_new(&observer_type);
    EXPECT(rc_weak_set(&o->target, o));
    rc_release(o);
    EXPECT_EQ(0, stats().objects);
    o = rc_new(&observer_type);
    EXPECT(rc_weak_set(&o->target, o));
    rc_give(&o->next, o);
    EXPECT_EQ(1, rc_collect());
}

// ---- seen from finalizers and destructors

static struct rc_weak *watched;
static bool seen[2];
static unsigned times;
static void look(struct node *node) {
    if (node->name == 'A')
        seen[times++ % 2] = is_reachable_by(watched);
}

TEST(weak_is_null_in_the_destructor) {
    graph("A");
    watched = weak_of('A');
    on_destroy = look;
    drop("A");
    EXPECT_EQ(1, times);
    EXPECT(!seen[0]);
    graph("A");
    rc_weak_release(watched);
    watched = weak_of('A');
    rc_give(&at('A')->x, at('A'));
    EXPECT_EQ(1, rc_collect());
    EXPECT_EQ(2, times);
    EXPECT(!seen[1]);
    rc_weak_release(watched);
}

TEST(weak_can_be_upgraded_in_the_finalizer) {
    graph("A");
    watched = weak_of('A');
    on_finalize = look;
    drop("A");
    EXPECT_EQ(1, times);
    EXPECT(seen[0]);
    EXPECT_STR("A", gone());
    rc_weak_release(watched);
}

static void destroy_peers(struct node *node) {
    (void)node;
    seen[0] = seen[0] || is_reachable_by(watched);
}

//   a <--> b: neither can be had back from the destructor of the other
TEST(members_of_a_garbage_set_cannot_be_upgraded_from_its_destructors) {
    graph("ab ba");
    watched = weak_of('b');
    on_destroy = destroy_peers;
    drop("ab");
    EXPECT_EQ(2, rc_collect());
    EXPECT(!seen[0]);
    rc_weak_release(watched);
}

// ---- R8: upgraded at any moment of a collection

//   a <--> b --> c: the upgraded one and what it reaches live on, or it was too late for all of them
static void upgraded(void) {
    graph("ab ba bc dd");
    struct rc_weak *weak = weak_of('a');
    drop("abcd");
    some_work();
    struct node *a = rc_weak_get(weak);
    if (a) {
        at('a')->handles = 1;
        finish_sound();
        EXPECT_STR("d", gone()); // garbage beside it is not spared
        drop("a");
    }
    finish_sound();
    EXPECT_STR("abcd", gone_sorted());
    EXPECT_PTR(NULL, rc_weak_get(weak));
    rc_weak_release(weak);
}

TEST(r8_upgrade_at_any_moment_gives_a_living_object_or_null) {
    EXPECT_PHASES(sweep(upgraded), PHASE(ROOTS) | PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE) | PHASE(DESTROY) |
                                       PHASE(FREE));
}

//   the handle goes again before the verdict, which stands then or is repeated
static void upgraded_for_a_while(void) {
    graph("ab ba bc dd");
    struct rc_weak *weak = weak_of('a');
    drop("abcd");
    some_work();
    struct node *a = rc_weak_get(weak);
    if (a)
        at('a')->handles = 1;
    some_work();
    if (a)
        drop("a");
    finish_sound();
    EXPECT_STR("abcd", gone_sorted());
    rc_weak_release(weak);
}

TEST(r8_handle_that_comes_and_goes_by_a_weak_reference_loses_nothing) {
    sweep(upgraded_for_a_while);
}

//   upgraded, and the graph changed by what that gives access to
static void upgraded_and_changed(void) {
    graph("ab ba bc g");
    struct rc_weak *weak = weak_of('a');
    drop("abc");
    some_work();
    struct node *a = rc_weak_get(weak);
    if (a) {
        rc_set(&at('g')->x, a->x->y); // c
        rc_release(a);
    }
    finish_sound();
    EXPECT_STR(a ? "ab" : "abc", gone_sorted());
    drop("g");
    finish_sound();
    EXPECT_STR("abcg", gone_sorted());
    rc_weak_release(weak);
}

TEST(r8_what_an_upgrade_gives_access_to_can_be_saved) {
    sweep(upgraded_and_changed);
}

//   upgraded and taken apart by counting, before or after its members were looked at
static void upgraded_and_taken_apart(void) {
    graph("ab ba bc cd dd");
    struct rc_weak *weak = weak_of('a');
    drop("abcd");
    some_work();
    struct node *a = rc_weak_get(weak);
    if (a) {
        rc_clear(&a->x);
        EXPECT_AT_MOST(2, stats().objects); // a and d, which may be gone
        some_work();
        rc_release(a);
        EXPECT_AT_MOST(1, stats().objects);
    }
    finish_sound();
    EXPECT_STR("abcd", gone_sorted()); // each of them once
    rc_weak_release(weak);
}

TEST(r8_set_that_is_upgraded_and_dies_by_count_dies_once) {
    sweep(upgraded_and_taken_apart);
}

//   two weak references into one set, upgraded at two moments
static void upgraded_twice(void) {
    graph("ab bc ca");
    struct rc_weak *wa = weak_of('a'), *wc = weak_of('c');
    drop("abc");
    some_work();
    struct node *a = rc_weak_get(wa);
    if (a)
        at('a')->handles = 1;
    some_work();
    struct node *c = rc_weak_get(wc);
    EXPECT(!a || c); // while a is held, all of the ring is
    if (c)
        at('c')->handles = 1;
    finish_sound();
    if (a)
        drop("a");
    finish_sound();
    if (c)
        drop("c");
    finish_sound();
    EXPECT_STR("abc", gone_sorted());
    rc_weak_release(wa);
    rc_weak_release(wc);
}

TEST(r8_set_with_two_weak_references_lives_or_dies_as_one) {
    sweep(upgraded_twice);
}

//   weak references made in the middle of a collection
static void made_meanwhile(void) {
    graph("ga ab ba");
    drop("ab");
    some_work();
    struct rc_weak *weak = weak_of('a');
    rc_clear(&at('g')->x);
    some_work();
    struct node *a = rc_weak_get(weak);
    if (a)
        at('a')->handles = 1;
    finish_sound();
    if (a)
        drop("a");
    finish_sound();
    EXPECT_STR("ab", gone_sorted());
    drop("g");
    rc_weak_release(weak);
}

TEST(r8_weak_reference_made_while_a_collection_runs_is_safe) {
    sweep(made_meanwhile);
}

// ---- notices

static char notices[64];
static struct rc_weak *noticed;
static void take_notice(void *arg) {
    strcat(notices, arg);
    if (noticed)
        EXPECT_PTR(NULL, rc_weak_get(noticed));
}

TEST(notice_comes_when_the_object_is_dead) {
    graph("a");
    noticed = weak_of('a');
    EXPECT(rc_weak_notify(noticed, take_notice, "1"));
    EXPECT_STR("", notices);
    drop("a");
    EXPECT_STR("1", notices);
    EXPECT(rc_weak_notify(noticed, take_notice, "2")); // dead already: at once
    EXPECT_STR("12", notices);
    rc_weak_release(noticed);
}

TEST(notices_of_a_collected_object_come_after_its_destruction) {
    graph("ab ba");
    noticed = weak_of('a');
    EXPECT(rc_weak_notify(noticed, take_notice, "1"));
    EXPECT(rc_weak_notify(noticed, take_notice, "2"));
    drop("ab");
    rc_collect();
    EXPECT_EQ(2, strlen(notices));
    EXPECT_EQ(2, strlen(gone()));
    rc_weak_release(noticed);
}

TEST(notice_comes_also_when_its_weak_reference_was_released) {
    graph("a");
    struct rc_weak *weak = weak_of('a');
    EXPECT(rc_weak_notify(weak, take_notice, "1"));
    rc_weak_release(weak);
    EXPECT_STR("", notices);
    drop("a");
    EXPECT_STR("1", notices);
}

TEST(notices_come_when_the_heap_is_freed) {
    struct rc_heap *h = rc_heap_new(NULL);
    rc_heap_enter(h);
    graph("a bb");
    struct rc_weak *a = weak_of('a'), *b = weak_of('b');
    EXPECT(rc_weak_notify(a, take_notice, "a"));
    EXPECT(rc_weak_notify(b, take_notice, "b"));
    rc_heap_leave(h);
    EXPECT_EQ(2, rc_heap_free(h));
    EXPECT_EQ(2, strlen(notices));
    rc_weak_release(a);
    rc_weak_release(b);
}

static void *release_weak(void *weak) {
    rc_weak_release(weak);
    return NULL;
}

// Those of slots count, too, and who gives up the last one may be in another thread.
TEST(weak_references_that_are_left_of_the_dead_are_counted) {
    graph("a c");
    struct rc_weak *a = weak_of('a'), *again = weak_of('a'), *c = weak_of('c');
    struct observer *o = rc_new(&observer_type);
    REQUIRE(rc_weak_set(&o->target, at('c')));
    EXPECT_EQ(0, rc_weak_left()); // all are alive
    drop("a");
    EXPECT_EQ(1, rc_weak_left());
    rc_weak_release(a);
    EXPECT_EQ(1, rc_weak_left());
    drop("c");
    EXPECT_EQ(2, rc_weak_left());
    elsewhere(release_weak, again);
    EXPECT_EQ(1, rc_weak_left());
    rc_weak_release(c);
    EXPECT_EQ(1, rc_weak_left()); // the slot's
    rc_release(o);
    EXPECT_EQ(0, rc_weak_left());
}

// Nobody has released it, but nobody holds it any more: W4 does, until its notices have come.
TEST(weak_reference_of_a_notice_is_not_left) {
    graph("a");
    struct rc_weak *weak = weak_of('a');
    EXPECT(rc_weak_notify(weak, take_notice, "1"));
    rc_weak_release(weak);
    drop("a");
    EXPECT_STR("1", notices);
    EXPECT_EQ(0, rc_weak_left());
}

static void take_notice_and_act(void *arg) {
    (void)arg;
    struct node *n = rc_new(&node_type);
    n->name = 'n';
    rc_give(&n->x, n);
    EXPECT_EQ(0, rc_collect() > 1000);
    strcat(notices, "!");
}

TEST(notice_may_call_anything) {
    graph("a");
    struct rc_weak *weak = weak_of('a');
    EXPECT(rc_weak_notify(weak, take_notice_and_act, NULL));
    drop("a");
    EXPECT_STR("!", notices);
    rc_weak_release(weak);
    rc_collect();
    EXPECT_STR("an", gone());
}

// Collected in one go, objects without a destructor are not looked at a second time; those with a weak reference are.
TEST(weak_reference_to_quiet_garbage_gives_null) {
    graph_quietly(true);
    graph("ab ba");
    struct rc_weak *weak = rc_weak_new(at('a'));
    drop("ab");
    EXPECT_EQ(2, rc_collect());
    EXPECT_PTR(NULL, rc_weak_get(weak));
    rc_weak_release(weak);
    graph_quietly(false);
}
