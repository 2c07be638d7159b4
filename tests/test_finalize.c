// SPDX-License-Identifier: MIT
// Finalizers: once in an object's life, the dead graph whole, all of a set before any destructor of it; what they may do,
// resurrection first of all. (Capital letters have finalizers: graph.h.)
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/steps.h"

TEST(finalizer_runs_on_death_by_count) {
    graph("A");
    drop("A");
    EXPECT_STR("A", finalized());
    EXPECT_STR("A", gone());
}

TEST(finalizer_runs_on_death_by_collection) {
    graph("AB BA");
    drop("AB");
    EXPECT_STR("", finalized());
    EXPECT_EQ(2, rc_collect());
    EXPECT_EQ(2, strlen(finalized()));
    EXPECT_STR("AB", gone_sorted());
}

static void graph_is_whole(struct node *node) {
    EXPECT_STR("", gone());
    EXPECT(node->x != NULL);
    EXPECT_EQ(node->name == 'A' ? 'b' : 'd', node->x->name);
    EXPECT_EQ(node->name == 'A' ? 'C' : 'A', node->x->x->name);
}

//   A -> b -> C -> d -> A
TEST(finalizers_of_a_set_find_it_whole_and_run_before_any_destructor) {
    graph("Ab bC Cd dA");
    on_finalize = graph_is_whole;
    drop("AbCd");
    EXPECT_EQ(4, rc_collect());
    EXPECT_EQ(2, strlen(finalized()));
    EXPECT_STR("ACbd", gone_sorted());
}

static void child_is_alive(struct node *node) {
    EXPECT(node->x && is_there(node->x->name));
    EXPECT(rc_is_a(node->x, &node_type));
}

//   A --> b: on death by count too, the child is there
TEST(finalizer_finds_its_child_on_death_by_count) {
    graph("Ab");
    on_finalize = child_is_alive;
    drop("b");
    drop("A");
    EXPECT_STR("Ab", gone());
}

// ---- resurrection

static struct node *saved;
static void save(struct node *node) {
    if (node->name == 'A')
        saved = rc_retain(node);
}

TEST(resurrected_by_a_handle_on_death_by_count) {
    graph("Ab");
    on_finalize = save;
    drop("b");
    drop("A");
    EXPECT_STR("A", finalized());
    EXPECT_STR("", gone());
    EXPECT_PTR(at('A'), saved);
    EXPECT_EQ(1, rc_handles(saved));
    EXPECT_PTR(at('b'), saved->x);
    rc_release(saved); // and now for good: the finalizer ran once
    EXPECT_STR("A", finalized());
    EXPECT_STR("Ab", gone());
}

//   A <--> B --> c, d <--> e     what the resurrected one reaches lives too; garbage beside it goes
TEST(resurrected_by_a_handle_with_all_it_reaches) {
    graph("AB BA Bc de ed");
    on_finalize = save;
    drop("ABcde");
    EXPECT_EQ(2, rc_collect());
    EXPECT_STR("de", gone_sorted());
    EXPECT_EQ(2, strlen(finalized()));
    EXPECT_PTR(at('A'), saved);
    EXPECT(is_there('B') && is_there('c'));
    rc_release(saved);
    EXPECT_EQ(3, rc_collect());
    EXPECT_EQ(2, strlen(finalized()));
    EXPECT_STR("ABcde", gone_sorted());
}

static void save_in_r(struct node *node) {
    if (node->name == 'A')
        rc_set(&at('r')->x, node);
}

TEST(resurrected_by_a_link) {
    graph("AB BA r");
    on_finalize = save_in_r;
    drop("AB");
    EXPECT_EQ(0, rc_collect());
    EXPECT_PTR(at('A'), at('r')->x);
    rc_clear(&at('r')->x);
    EXPECT_EQ(2, rc_collect());
    EXPECT_EQ(2, strlen(finalized()));
    drop("r");
}

static void save_in_r_and_let_go(struct node *node) {
    save_in_r(node);
    rc_clear(&at('r')->x);
}

TEST(resurrected_and_let_go_at_once_dies_after_all) {
    graph("AB BA r");
    on_finalize = save_in_r_and_let_go;
    drop("AB");
    EXPECT_EQ(2, rc_collect());
    drop("r");
    EXPECT_STR("ABr", gone_sorted());
}

static struct rc_weak *weak;
static void nothing(struct node *node) {
    (void)node;
}

TEST(weak_reference_to_a_resurrected_object_goes_on) {
    graph("AB BA");
    weak = rc_weak_new(at('A'));
    on_finalize = save;
    drop("AB");
    EXPECT_EQ(0, rc_collect());
    struct node *a = rc_weak_get(weak);
    EXPECT_PTR(saved, a);
    rc_release(a);
    rc_release(saved);
    EXPECT_EQ(2, rc_collect());
    EXPECT_PTR(NULL, rc_weak_get(weak));
    rc_weak_release(weak);
}

TEST(weak_reference_to_one_resurrected_on_death_by_count_goes_on) {
    graph("A");
    weak = rc_weak_new(at('A'));
    on_finalize = save;
    drop("A");
    struct node *a = rc_weak_get(weak);
    EXPECT_PTR(saved, a);
    rc_release(a);
    rc_release(saved);
    EXPECT_STR("A", gone());
    EXPECT_PTR(NULL, rc_weak_get(weak));
    rc_weak_release(weak);
    on_finalize = nothing;
}

static void save_the_other(struct node *node) {
    if (node->name == 'A')
        saved = rc_retain(node->x);
}

//   A <--> B: the finalizer of A saves B, which leads to A
TEST(finalizer_may_resurrect_another_member) {
    graph("AB BA");
    on_finalize = save_the_other;
    drop("AB");
    EXPECT_EQ(0, rc_collect());
    EXPECT_PTR(at('B'), saved);
    rc_release(saved);
    EXPECT_EQ(2, rc_collect());
}

//   A --> b --> b: A is saved from death by count, then dies; b is garbage then
TEST(resurrected_objects_cycles_are_found_later) {
    graph("Ab bb");
    on_finalize = save;
    drop("b");
    drop("A");
    EXPECT_EQ(0, rc_collect());
    rc_release(saved);
    EXPECT_STR("A", gone());
    EXPECT_EQ(1, rc_collect());
}

// ---- what a finalizer may do

static void relink(struct node *node) {
    if (node->name == 'A') {
        rc_clear(&node->x);             // takes the cycle apart
        graph("n m");                   // makes objects
        rc_give(&at('n')->x, at('m'));
        rc_give(&node->y, at('n'));
        rc_collect();                   // returns at once
    }
}

//   A <--> B   becomes   A --> n --> m, B --> A
TEST(finalizer_may_take_its_cycle_apart_and_make_objects) {
    graph("AB BA");
    on_finalize = relink;
    drop("AB");
    EXPECT_EQ(4, rc_collect());
    EXPECT_STR("ABmn", gone_sorted());
}

static void drop_the_others(struct node *node) {
    if (node->name == 'A')
        drop("c");
}

//   A --> A, c <--> d: another cycle is let go by a finalizer, and found in the same call
TEST(finalizer_may_let_go_of_other_cycles) {
    graph("AA cd dc");
    on_finalize = drop_the_others;
    drop("Ad");
    EXPECT_EQ(3, rc_collect());
}

static int chain_left;
static void make_another_finalized(struct node *node) {
    (void)node;
    if (chain_left-- > 0) {
        struct node *n = rc_new(&finalized_type);
        n->name = 'N';
        rc_give(&n->x, n);
    }
}

TEST(finalizers_that_make_cycles_with_finalizers_come_to_an_end) {
    graph("AA");
    chain_left = 20;
    on_finalize = make_another_finalized;
    drop("A");
    EXPECT_EQ(21, rc_collect());
    EXPECT_EQ(21, strlen(finalized()));
}

// For ever: rc_collect gives up after 64 rounds, and the steps go on with what is left.
TEST(finalizers_that_make_garbage_for_ever_do_not_hang_the_collector) {
    graph("AA");
    chain_left = 1000;
    on_finalize = make_another_finalized;
    drop("A");
    rc_collect();
    EXPECT(stats().objects > 0);
    EXPECT(rc_collect_pending() > 0);
    while (rc_collect_pending() > 0)
        rc_collect();
    EXPECT_EQ(1001, strlen(finalized()));
    EXPECT_EQ(1001, strlen(gone()));
}

static void release_myself_again(struct node *node) {
    (void)rc_retain(node);
    rc_release(node);
}

TEST(finalizer_may_retain_and_release_its_object) {
    graph("A BB");
    on_finalize = release_myself_again;
    drop("A");
    EXPECT_STR("A", gone());
    drop("B");
    EXPECT_EQ(1, rc_collect());
    EXPECT_STR("AB", finalized());
}

// ---- once, whatever happens

static void swept(void) {
    graph("AB BA Ac dd");
    drop("ABcd");
    some_work();
    rc_collect_cancel();
    some_work();
    finish_sound();
    EXPECT_EQ(2, strlen(finalized()));
    EXPECT_STR("ABcd", gone_sorted());
}

TEST(finalizers_run_once_however_often_a_collection_is_cancelled) {
    EXPECT_PHASES(sweep(swept), PHASE(FINALIZE) | PHASE(DESTROY) | PHASE(FREE));
}

static void mutated_between_finalizers(void) {
    graph("AB BC CA gA");
    drop("ABC");
    some_work();
    rc_clear(&at('g')->x);
    some_work();
    drop("g");
    finish_sound();
    EXPECT_EQ(3, strlen(finalized()));
    EXPECT_STR("ABCg", gone_sorted());
}

TEST(finalizers_run_once_in_a_ring_let_go_at_any_moment) {
    EXPECT_PHASES(sweep(mutated_between_finalizers), PHASE(FINALIZE));
}

static struct rc_weak *weak_b;
//   A <--> B: upgraded between the two finalizers
static void upgraded_between_finalizers(void) {
    graph("AB BA cc");
    weak_b = rc_weak_new(at('B'));
    drop("ABc");
    some_work();
    struct node *b = rc_weak_get(weak_b);
    if (b)
        at('B')->handles = 1;
    finish_sound();
    if (b) {
        EXPECT(is_there('A') && is_there('B'));
        drop("B");
        finish_sound();
    }
    EXPECT_EQ(2, strlen(finalized()));
    EXPECT_STR("ABc", gone_sorted());
    rc_weak_release(weak_b);
}

TEST(object_upgraded_between_finalizers_lives_until_it_is_let_go) {
    EXPECT_PHASES(sweep(upgraded_between_finalizers), PHASE(FINALIZE));
}

//   a --> b --> c --> a, all with finalizers; after the first of these the program upgrades a weak reference to b, and
//   has got back all three: no other is finalized before they are dead again
struct ring { struct ring *next; char name; };
static char ring_finalized[8];
static size_t ring_finalizers;
static void ring_finalize(void *obj) {
    ring_finalized[ring_finalizers++ % 7] = ((struct ring *)obj)->name;
}
RC_TYPE(ring, struct ring, .slots = RC_SLOTS(RC_LINK(struct ring, next)), .finalize = ring_finalize);

TEST(set_that_is_upgraded_between_its_finalizers_is_spared_the_others) {
    struct ring *r[3];
    for (int i = 0; i < 3; i++) {
        r[i] = rc_new(&ring_type);
        r[i]->name = (char)('a' + i);
    }
    for (int i = 0; i < 3; i++)
        rc_set(&r[i]->next, r[(i + 1) % 3]);
    struct rc_weak *weak = rc_weak_new(r[1]);
    for (int i = 0; i < 3; i++)
        rc_release(r[i]);
    while (ring_finalizers == 0)
        rc_collect_step(0);
    struct ring *live = rc_new(&ring_type);
    live->name = 'l';
    struct ring *b = rc_weak_get(weak);
    REQUIRE(b);
    rc_give(&live->next, b); // held by a link only
    while (rc_collect_step(0) == RC_STEP_MORE)
        continue;
    EXPECT_EQ(1, ring_finalizers);
    rc_release(live); // its finalizer, and then the other two
    rc_collect();
    EXPECT_EQ(4, ring_finalizers);
    rc_weak_release(weak);
}
