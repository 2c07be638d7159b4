// SPDX-License-Identifier: MIT
// R1 and what it does not ask for: an object whose last handle goes is no suspect where something else leads to it for
// certain. Whatever makes garbage of it afterwards is seen.
#include "rc/object.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/steps.h"

static void expect_suspects(size_t n) {
    EXPECT_EQ(n, stats().suspects);
}

TEST(object_that_holds_nothing_is_no_suspect) {
    graph("ga");
    drop("a");
    expect_suspects(0);
    drop("g");
    EXPECT_STR("ag", gone_sorted());
}

TEST(object_that_holds_something_is_a_suspect) {
    graph("ga ab");
    drop("a");
    expect_suspects(1);
    drop("gb");
}

TEST(object_that_is_given_to_itself_is_a_suspect) {
    graph("a");
    handle_given('a');
    rc_give(&at('a')->x, at('a'));
    expect_suspects(1);
    EXPECT_EQ(1, rc_collect());
}

TEST(all_objects_may_be_suspects_at_any_time) {
    enum { N = 10000 };
    for (int i = 1; i <= N; i++) {
        struct node *n = rc_new(&node_type);
        REQUIRE(n);
        rc_set(&n->x, n);
        rc_release(n);
        EXPECT_EQ(i, stats().suspects);
    }
    EXPECT_EQ(N, rc_collect());
}

TEST(object_that_is_set_where_it_is_is_no_suspect) {
    graph("ga ab");
    drop("ab");
    rc_collect();
    expect_suspects(0);
    rc_set(&at('g')->x, at('a'));
    expect_suspects(0);
    drop("g");
}

//   g --> a, then a <--> b, then g --/--> a
TEST(object_that_held_nothing_and_is_garbage_later_is_found) {
    graph("ga");
    drop("a");
    graph("ba");
    rc_set(&at('a')->x, at('b'));
    drop("b");
    rc_clear(&at('g')->x);
    EXPECT_EQ(2, rc_collect());
    drop("g");
}

//   g --> a --> e, which holds nothing; it is held and let go once more, leads to a then, and a is let go
static void empty_one_is_let_go(void) {
    graph("ga ae");
    drop("ae");
    some_work();
    hold("e");
    some_work();
    drop("e");
    some_work();
    rc_set(&at('e')->x, at('a'));
    some_work();
    rc_clear(&at('g')->x);
    finish_sound();
    drop("g");
}

TEST(empty_object_that_is_let_go_at_any_moment_hides_nothing) {
    EXPECT_PHASES(sweep(empty_one_is_let_go), PHASE(BUILD) | PHASE(SCAN));
}

//   g --> a <--> b: a is taken up and let go; and once more, while the link to it goes
TEST(handle_that_comes_and_goes_leaves_nothing_to_ask) {
    graph("ga ab ba");
    drop("ab");
    rc_collect();
    uint64_t nodes = stats().nodes;
    for (int i = 0; i < 2; i++) {
        hold("ab");
        drop("ab");
        expect_suspects(0);
        EXPECT_EQ(0, rc_collect());
        EXPECT_EQ(nodes, stats().nodes);
    }
    hold("a");
    rc_clear(&at('g')->x);
    drop("a");
    expect_suspects(1);
    EXPECT_EQ(2, rc_collect());
    drop("g");
}

//   a <--> b, where b was taken up when only a led to it, and a is held when it is looked at
TEST(suspect_that_is_dropped_for_its_handle_is_asked_about_when_that_goes) {
    graph("ab");
    drop("b");
    hold("b");
    rc_set(&at('b')->x, at('a'));
    drop("a");
    hold("a");
    EXPECT_EQ(0, rc_collect());
    drop("a");
    drop("b");
    EXPECT_EQ(2, rc_collect());
}

//   a --> b --> c --> d --> a, where d was taken up. At some moment b gets a link to d, which is let go
static void taken_up_one_gets_a_link_while_objects_are_traced(void) {
    graph("ab bc cd da");
    drop("bcd");
    rc_collect();
    hold("d");
    drop("a"); // a suspect
    some_work();
    rc_set(&at('b')->y, at('d'));
    some_work();
    drop("d");
    finish_sound();
}

TEST(taken_up_one_that_gets_a_link_while_objects_are_traced_hides_nothing) {
    EXPECT_PHASES(sweep(taken_up_one_gets_a_link_while_objects_are_traced), PHASE(BUILD) | PHASE(SCAN));
}

static bool in_all_heaps;

//   a <--> b, where b was taken up when only a led to it, and now proves a alive
static void taken_up_one_proves_the_other_alive(void) {
    graph("ab");
    drop("b");
    hold("b");
    rc_set(&at('b')->x, at('a'));
    drop("a"); // a suspect
    some_work();
    hold("a");
    some_work();
    drop("a");
    some_work();
    if (in_all_heaps) {
        struct rc_heap *here = rc_heap_current();
        EXPECT_EQ(0, rc_collect_heaps(&here, 1));
    }
    drop("b");
    finish_sound();
}

TEST(what_is_taken_up_at_any_moment_proves_nothing_by_itself) {
    in_all_heaps = false;
    EXPECT_PHASES(sweep(taken_up_one_proves_the_other_alive), PHASE(BUILD) | PHASE(SCAN));
}

TEST(what_is_taken_up_proves_nothing_to_a_collection_of_all_heaps) {
    in_all_heaps = true;
    EXPECT_PHASES(sweep(taken_up_one_proves_the_other_alive), PHASE(BUILD) | PHASE(SCAN));
}

//   a --> A --> B --> A, which a lets go: A and B are finalized, live on with handles, and are let go again
static void take_up_in_finalizer(struct node *node) {
    hold((char[]){node->name, 0});
}
TEST(what_a_finalizer_takes_up_has_lost_all_that_led_to_it) {
    graph("aA AB");
    drop("AB");
    rc_collect();
    on_finalize = take_up_in_finalizer;
    rc_clear(&at('a')->x); // A dies of it, and is resurrected
    on_finalize = NULL;
    EXPECT_STR("A", finalized());
    rc_set(&at('B')->x, at('A'));
    drop("A");
    EXPECT_EQ(2, rc_collect());
    drop("a");
}

static void *take_up_elsewhere(void *weak) {
    return rc_weak_get(weak);
}

//   a --> a, which another thread takes up at the moment at which it loses that link and would die
TEST(suspect_that_is_taken_up_as_it_dies_dies_when_it_is_let_go) {
    graph("aa");
    struct rc_weak *weak = rc_weak_new(at('a'));
    drop("a");
    while (rc_collect_phase() != RC_PHASE_BUILD)
        rc_collect_step(0);
    struct node *a = elsewhere(take_up_elsewhere, weak);
    RC__HEADER(a)->word = (RC__HEADER(a)->word - RC__LINK_ONE) | RC__SUSPECT; // as rc__die leaves it then
    a->x = NULL;
    while (!stats().suspects)
        rc_collect_step(0);
    elsewhere(release_there, a);
    rc_collect();
    EXPECT_STR("a", gone());
    rc_weak_release(weak);
}

struct bottom { struct bottom *left, *right; };
RC_TYPE(bottom, struct bottom, .slots = RC_SLOTS(RC_LINK(struct bottom, left), RC_LINK(struct bottom, right)));

static struct bottom *bottom_up(int depth) {
    if (!depth)
        return rc_new(&bottom_type);
    struct bottom *left = bottom_up(depth - 1), *right = bottom_up(depth - 1), *b = rc_new(&bottom_type);
    rc_give(&b->left, left);
    rc_give(&b->right, right);
    return b;
}

TEST(tree_built_from_its_leaves_up_has_no_suspects) {
    struct bottom *b = bottom_up(6);
    if (rc_heap_current()->blocks.paged) // elsewhere nothing is known of where a slot lies
        expect_suspects(0);
    rc_give(&b->left->left->left->left->left->left->left, b); // that of a leaf
    EXPECT(stats().suspects > 0);
    EXPECT_EQ(127, rc_collect());
}

//   p --> q, the object made last, then q --> p
TEST(object_given_to_the_one_made_last_is_a_suspect_if_that_is_not_held) {
    struct bottom *p = rc_new(&bottom_type), *q = rc_new(&bottom_type);
    rc_give(&p->left, q);
    rc_give(&q->left, p);
    expect_suspects(1);
    EXPECT_EQ(2, rc_collect());
}

//   p --> q, the object made last, which is taken up again, then q --> p
TEST(object_given_to_the_one_made_last_is_a_suspect_if_that_was_taken_up) {
    struct bottom *p = rc_new(&bottom_type), *q = rc_new(&bottom_type);
    rc_give(&p->left, q);
    (void)rc_retain(q);
    rc_give(&q->left, p);
    rc_release(q);
    EXPECT_EQ(2, rc_collect());
}

TEST(object_given_to_the_one_made_last_leaves_nothing_to_ask_later) {
    struct bottom *p = rc_new(&bottom_type), *q = rc_new(&bottom_type), *last = rc_new(&bottom_type);
    rc_give(&p->left, q);
    rc_give(&last->left, p);
    rc_release(rc_retain(last->left));
    if (rc_heap_current()->blocks.paged)
        expect_suspects(0);
    rc_release(last);
}

//   the one made last, which is smaller than the one before it, lies in memory before one that has no handle
TEST(object_given_to_the_one_behind_that_made_last_is_a_suspect) {
    struct bottom *first = rc_new(&bottom_type), *n = rc_new(&bottom_type), *p = rc_new(&bottom_type);
    rc_release(first);
    void *large = rc_new_sized(&bottom_type, 400);
    struct bottom *last = rc_new(&bottom_type);
    rc_give(&p->left, n);
    rc_give(&n->left, p);
    expect_suspects(1);
    EXPECT_EQ(2, rc_collect());
    rc_release(last);
    rc_release(large);
}
