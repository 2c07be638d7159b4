// SPDX-License-Identifier: MIT
// The collector as a program sees it: what it finds and what it leaves alone, its slices, what it says of itself, calls of
// it at every wrong moment. What changes between its slices do to it is in test_rules.c.
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/steps.h"
#include "tests/vector.h"

// ---- what is garbage

//   a --> a
TEST(object_that_holds_itself_is_collected) {
    graph("aa");
    drop("a");
    EXPECT_STR("", gone());
    EXPECT_EQ(1, rc_collect());
    EXPECT_STR("a", gone());
}

//   held --> a <--> b     dropping `held` leaves a cycle that counts alone cannot free
TEST(cycle_is_collected_once_nothing_outside_holds_it) {
    graph("ha ab ba");
    drop("ab");
    EXPECT_EQ(0, rc_collect());
    drop("h");
    EXPECT_STR("h", gone());
    EXPECT_EQ(2, stats().objects);
    EXPECT_EQ(2, rc_collect());
    EXPECT_STR("abh", gone_sorted());
}

//   a <--> b, with a handle on one of them
TEST(cycle_with_a_handle_survives) {
    for (const char *held = "ab"; *held; held++) {
        forget();
        graph("ab ba");
        drop(*held == 'a' ? "b" : "a");
        EXPECT_EQ(0, rc_collect());
        EXPECT_STR("", gone());
        drop(*held == 'a' ? "a" : "b");
        EXPECT_EQ(2, rc_collect());
    }
}

//   a <--> b --> c --> d     what garbage refers to is garbage with it, unless it is held
TEST(what_hangs_on_a_cycle_goes_with_it) {
    graph("ab ba bc cd");
    drop("abcd");
    EXPECT_EQ(4, rc_collect());
}

TEST(what_hangs_on_a_cycle_and_is_held_survives) {
    graph("ab ba bc cd");
    drop("abc");
    EXPECT_EQ(3, rc_collect());
    EXPECT_STR("abc", gone_sorted());
    EXPECT_EQ(0, rc_links(at('d')));
    drop("d");
    EXPECT_STR("d", gone() + 3);
}

//   g --> a <--> b --> c <--> d     a live cycle keeps another
TEST(cycle_behind_a_live_cycle_survives) {
    graph("ga ab ba bc cd dc");
    drop("abcd");
    EXPECT_EQ(0, rc_collect());
    rc_clear(&at('b')->y);
    EXPECT_EQ(2, rc_collect());
    EXPECT_STR("cd", gone_sorted());
    drop("g");
    EXPECT_EQ(2, rc_collect());
}

//   two cycles that share a node, and parallel links
TEST(tangles_are_collected) {
    graph("ab ac ba ca");
    drop("abc");
    EXPECT_EQ(3, rc_collect());
    forget();
    graph("ab ab ba ba");
    drop("ab");
    EXPECT_EQ(2, rc_collect());
    forget();
    graph("ab bc cd da ac bd ca db");
    drop("abcd");
    EXPECT_EQ(4, rc_collect());
}

// Every graph of 3 nodes with 2 slots each (or empty ones), every set of handles: what a plain search says.
TEST(every_graph_of_three_nodes_is_judged_right) {
    for (unsigned code = 0; code < 4096; code++) {
        for (unsigned held = 0; held < 8; held++) {
            unsigned digits = code;
            test_note("graph %u, held %u", code, held);
            forget();
            graph("a b c");
            for (int i = 0; i < 6; i++, digits /= 4)
                if (digits % 4 != 3)
                    rc_set(i % 2 ? &at((char)('a' + i / 2))->y : &at((char)('a' + i / 2))->x, at((char)('a' + digits % 4)));
            for (int i = 0; i < 3; i++)
                if (!(held >> i & 1))
                    drop((char[]){(char)('a' + i), 0});
            rc_collect();
            REQUIRE(is_sound(true));
            for (int i = 0; i < 3; i++)
                if (held >> i & 1)
                    drop((char[]){(char)('a' + i), 0});
            rc_collect();
            EXPECT_EQ(3, strlen(gone()));
            REQUIRE(stats().objects == 0);
        }
    }
}

TEST(clique_is_collected) {
    enum { N = 200 };
    static struct vector *v[N];
    for (int i = 0; i < N; i++)
        v[i] = vector_new(N);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            rc_set(&v[i]->slots[j], v[j]);
    for (int i = 0; i < N - 1; i++)
        rc_release(v[i]);
    EXPECT_EQ(0, rc_collect());
    rc_release(v[N - 1]);
    EXPECT_EQ(N, rc_collect());
}

// ---- destruction by the collector

static void neighbours_are_there(struct node *node) {
    EXPECT(node->x && node->x->name >= 'a' && node->x->name <= 'd');
    if (node->y)
        EXPECT_EQ('e', node->y->name);
}

//   a -> b -> c -> d -> a, and e hangs on b: all destructors run before any memory goes
TEST(destructors_of_a_garbage_set_may_read_each_other) {
    graph("ab bc cd da be");
    on_destroy = neighbours_are_there;
    rc_set(&at('e')->x, at('a'));
    drop("abcde");
    EXPECT_EQ(5, rc_collect());
    EXPECT_EQ(5, strlen(gone()));
}

static void let_go_of_c(struct node *node) {
    if (node->name == 'a')
        drop("c");
}

//   a <--> b, and the destructor of a releases c <--> d: the same call goes on to collect that
TEST(garbage_that_destructors_make_is_collected_too) {
    graph("ab ba cd dc");
    drop("abd");
    on_destroy = let_go_of_c;
    EXPECT_EQ(4, rc_collect());
    EXPECT_EQ(0, stats().suspects);
}

static struct node *kept;
static void change_slots(struct node *node) {
    rc_clear(&node->x);
    rc_set(&node->y, kept);
}

//   a <--> b: destructors that write into their own dying slots
TEST(destructors_of_a_garbage_set_may_change_their_slots) {
    graph("ab ba k");
    kept = at('k');
    on_destroy = change_slots;
    drop("ab");
    EXPECT_EQ(2, rc_collect());
    EXPECT_STR("ab", gone_sorted());
    EXPECT_EQ(0, rc_links(kept));
    EXPECT_EQ(1, rc_handles(kept));
    on_destroy = NULL;
    drop("k");
}

// ---- calls at the wrong moment

static size_t nested_result;
static unsigned nested_calls;
static void collect_within(struct node *node) {
    (void)node;
    nested_calls++;
    nested_result += rc_collect();
    nested_result += rc_collect_step(0) == RC_STEP_MORE && rc_collect_phase() == RC_PHASE_IDLE;
    rc_collect_cancel();
}

//   A <--> B: collections started by finalizers and destructors
TEST(collect_within_a_callback_returns_at_once) {
    graph("AB BA cd dc");
    on_finalize = on_destroy = collect_within;
    drop("ABcd");
    EXPECT_EQ(4, rc_collect());
    EXPECT_STR("ABcd", gone_sorted());
    EXPECT_EQ(2, strlen(finalized()));
    EXPECT_EQ(6, nested_calls);
    EXPECT_EQ(0, nested_result);
}

TEST(collect_within_a_destructor_on_death_by_count_returns_at_once) {
    graph("Ab cd dc");
    on_finalize = on_destroy = collect_within;
    drop("cd");
    drop("b");
    drop("A");
    EXPECT_STR("Ab", gone());
    EXPECT_EQ(0, nested_result);
    on_destroy = NULL;
    EXPECT_EQ(2, rc_collect());
}

static void step_within(void *obj, struct rc_visitor *visitor) {
    (void)obj, (void)visitor;
    nested_calls++;
    nested_result += rc_collect();
}
static const struct rc_type tracing_type = {"tracing", sizeof(struct node), .base = &node_type, .trace = step_within};

TEST(collect_within_a_trace_returns_at_once) {
    struct node *n = rc_new(&tracing_type);
    n->name = 'n';
    rc_give(&n->x, n);
    EXPECT_EQ(1, rc_collect());
    EXPECT(nested_calls > 0);
    EXPECT_EQ(0, nested_result);
}

// There, no collection is under way.
TEST(collect_within_a_trace_of_an_inspection_returns_at_once) {
    struct node *n = rc_new(&tracing_type);
    n->name = 'n';
    rc_give(&n->x, n);
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    EXPECT(nested_calls > 0);
    EXPECT_EQ(0, nested_result);
    EXPECT_EQ(1, rc_collect());
}

TEST(collect_with_nothing_to_do_does_nothing) {
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(RC_STEP_IDLE, rc_collect_step(0));
    EXPECT_EQ(RC_STEP_IDLE, rc_collect_step(1000000));
    EXPECT_EQ(0, rc_collect_pending());
    rc_collect_cancel();
    EXPECT_EQ(RC_PHASE_IDLE, rc_collect_phase());
    graph("a");
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(RC_STEP_IDLE, rc_collect_step(0));
    drop("a");
}

// ---- slices

TEST(budget_of_zero_gets_to_the_end_one_unit_at_a_time) {
    graph("ab bc ca de ed");
    drop("abcde");
    unsigned steps = 0;
    while (rc_collect_step(0) == RC_STEP_MORE)
        REQUIRE(++steps < 1000);
    EXPECT(steps > 10);
    EXPECT_STR("abcde", gone_sorted());
    EXPECT_EQ(0, rc_collect_pending());
    EXPECT_EQ(RC_PHASE_IDLE, rc_collect_phase());
}

TEST(large_budget_does_all_in_one_slice) {
    graph("ab bc ca");
    drop("abc");
    uint64_t before = stats().slices;
    EXPECT_EQ(RC_STEP_IDLE, rc_collect_step(UINT64_C(10000000000)));
    EXPECT_EQ(1, stats().slices - before);
    EXPECT_STR("abc", gone_sorted());
}

TEST(step_says_that_there_is_more_until_all_is_done) {
    graph("ab ba");
    drop("ab");
    EXPECT(rc_collect_pending() > 0);
    while (rc_collect_step(0) == RC_STEP_MORE)
        EXPECT(rc_collect_pending() > 0);
    EXPECT_EQ(0, rc_collect_pending());
    EXPECT_EQ(RC_STEP_IDLE, rc_collect_step(0));
}

TEST(phases_come_in_their_order) {
    graph("AB BA");
    drop("AB");
    unsigned seen = 0;
    enum rc_phase last = RC_PHASE_IDLE;
    unsigned backwards = 0;
    while (rc_collect_step(0) == RC_STEP_MORE) {
        enum rc_phase now = rc_collect_phase();
        seen |= 1u << now;
        backwards += now < last;
        last = now;
    }
    EXPECT_PHASES(seen, PHASE(ROOTS) | PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE) | PHASE(FINALIZE) | PHASE(DESTROY) |
                            PHASE(FREE));
    EXPECT_AT_MOST(2, backwards); // once from FINALIZE to the roots, over IDLE or not
    EXPECT_STR("AB", gone_sorted());
}

TEST(phases_have_names) {
    for (int phase = 0; phase < RC_PHASE_COUNT; phase++) {
        const char *name = rc_phase_name((enum rc_phase)phase);
        REQUIRE(name && name[0]);
        for (int other = 0; other < phase; other++)
            EXPECT(strcmp(name, rc_phase_name((enum rc_phase)other)) != 0);
    }
    EXPECT(rc_phase_name(RC_PHASE_COUNT) != NULL);
}

TEST(collect_finishes_the_collection_under_way) {
    for (unsigned units = 0; units < 60; units++) {
        test_note("after %u units", units);
        forget();
        graph("ab ba cd dc");
        drop("abcd");
        for (unsigned i = 0; i < units; i++)
            rc_collect_step(0);
        size_t before = strlen(gone());
        EXPECT_AT_MOST(4, rc_collect());
        EXPECT_STR("abcd", gone_sorted());
        EXPECT(before <= 4);
        EXPECT_EQ(0, stats().objects);
        EXPECT_EQ(0, rc_collect_pending());
    }
}

// ---- calling it off

static void cancelled(void) {
    graph("ab bc ca Gg gG");
    drop("abcGg");
    some_work();
    enum rc_phase phase = rc_collect_phase();
    bool in_time = phase > RC_PHASE_IDLE && phase < RC_PHASE_DESTROY;
    uint64_t before = stats().called_off;
    size_t gone_before = strlen(gone());
    rc_collect_cancel();
    for (int units = 0; in_time && stats().called_off == before; units++) {
        REQUIRE(units < 1000);
        rc_collect_step(0);
    }
    EXPECT_EQ(in_time, stats().called_off - before);
    EXPECT_EQ(gone_before, strlen(gone()));
    is_sound(false);
    rc_collect();
    EXPECT_STR("Gabcg", gone_sorted());
    EXPECT_STR("G", finalized());
    EXPECT_EQ(0, rc_collect_pending());
}

TEST(cancelled_collection_loses_nothing_in_any_phase) {
    EXPECT_PHASES(sweep(cancelled), PHASE(ROOTS) | PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE) | PHASE(FINALIZE) |
                                        PHASE(DESTROY) | PHASE(FREE));
}

// Cancelled at one place, changed, stepped on, cancelled at another.
static void cancelled_twice(void) {
    graph("ab ba cd dc ga");
    drop("abcd");
    some_work();
    rc_collect_cancel();
    rc_set(&at('b')->y, at('b'));
    some_work();
    rc_collect_cancel();
    drop("g");
    finish_sound();
    EXPECT_STR("abcdg", gone_sorted());
}

TEST(collection_cancelled_again_and_again_loses_nothing) {
    sweep(cancelled_twice);
}

// A live cycle is not freed by a verdict that was called off, nor is it forgotten.
static void cancelled_with_live_nodes(void) {
    graph("ab ba gb cd dc");
    drop("abcd");
    some_work();
    rc_collect_cancel();
    finish_sound();
    EXPECT_STR("cd", gone_sorted());
    drop("g");
    finish_sound();
}

TEST(cancelled_collection_spares_what_is_alive) {
    sweep(cancelled_with_live_nodes);
}

// ---- suspects

TEST(suspect_that_dies_leaves_the_buffer_at_once) {
    struct vector *v = vector_new(1000);
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < v->n; i++)
            rc_give_slot(&v->slots[i], rc_new(&node_type));
        EXPECT_AT_MOST(1000, stats().suspects);
        for (size_t i = 0; i < v->n; i++)
            rc_clear(&v->slots[(i * 7) % v->n]); // in another order than they came
        EXPECT_EQ(0, stats().suspects);
    }
    rc_release(v);
    EXPECT_EQ(0, rc_collect_pending());
}

TEST(live_suspects_are_looked_at_once) {
    graph("ga ab ba");
    drop("ab");
    EXPECT(stats().suspects > 0);
    rc_collect();
    EXPECT_EQ(0, stats().suspects);
    uint64_t nodes = stats().nodes;
    rc_collect();
    EXPECT_EQ(nodes, stats().nodes);
    drop("g");
    rc_collect();
}

//   a thousand objects held by handles, a cycle of two: only the two are visited
TEST(cost_is_what_the_suspects_reach_not_the_heap) {
    enum { N = 1000 };
    static struct node *held[N];
    for (int i = 0; i < N; i++)
        held[i] = rc_new(&node_type);
    graph("ab ba");
    drop("ab");
    uint64_t nodes = stats().nodes;
    EXPECT_EQ(2, rc_collect());
    EXPECT_EQ(2, stats().nodes - nodes);
    for (int i = 0; i < N; i++)
        rc_release(held[i]);
}

// ---- the collector's own memory

static void expect_graph_memory(size_t nodes, size_t edges) {
    struct rc_stats s = stats();
    EXPECT(s.graph_bytes_max > 0);
    // Blocks of chunks are allocated whole: allow for one of each kind that is not full.
    EXPECT_AT_MOST(16 * nodes + 4 * edges + (4 << 20), s.graph_bytes_max);
}

TEST(graph_takes_16_bytes_a_node_and_4_an_edge) {
    size_t n = scaled(1000000);
    struct node *first = rc_new(&node_type), *last = first;
    first->name = 'n';
    for (size_t i = 1; i < n; i++) {
        struct node *node = rc_new(&node_type);
        node->name = 'n';
        rc_set(&node->y, first);
        rc_give(&last->x, node);
        last = node;
    }
    rc_set(&last->x, first);
    EXPECT_EQ(0, rc_collect());
    rc_release(first);
    rc_collect_step(UINT64_C(60000000000));
    EXPECT_EQ(0, stats().objects);
    expect_graph_memory(n, 2 * n);
}

// With a row of slots far longer than there are nodes.
TEST(graph_takes_4_bytes_for_each_of_many_edges) {
    size_t n = scaled(2000000);
    struct vector *v = vector_new(n);
    for (size_t i = 0; i < n; i++)
        rc_set(&v->slots[i], v);
    rc_release(v);
    EXPECT_EQ(1, rc_collect());
    expect_graph_memory(1, n);
}

// ---- a long list with links back, found alive before: there is a hint then, and one way to go on

struct linked {
    struct linked *next, *prev, *other;
};
RC_TYPE(linked, struct linked,
        .slots = RC_SLOTS(RC_LINK(struct linked, next), RC_LINK(struct linked, prev), RC_LINK(struct linked, other)));

enum { LONG = 3000 };
static struct linked *link_at[LONG]; // borrowed

static struct linked *found_alive(void) {
    for (int i = 0; i < LONG; i++) {
        link_at[i] = rc_new(&linked_type);
        if (i) {
            rc_set(&link_at[i]->prev, link_at[i - 1]);
            rc_give(&link_at[i - 1]->next, link_at[i]);
        }
    }
    EXPECT_EQ(0, rc_collect());
    return link_at[0];
}

TEST(long_list_with_links_back_is_collected) {
    rc_release(found_alive());
    EXPECT_EQ(LONG, rc_collect());
    struct linked *first = found_alive();
    for (int i = 1; i < LONG; i++)
        rc_set(&link_at[i]->other, link_at[i - i % 2]); // two links back, or to itself
    rc_release(first);
    EXPECT_EQ(LONG, rc_collect());
}

TEST(long_list_lives_by_a_handle_anywhere) {
    for (int i = 0; i < LONG; i += LONG / 10 + 1) {
        struct linked *first = found_alive(), *held = rc_retain(link_at[i]);
        rc_release(first);
        EXPECT_EQ(0, rc_collect());
        rc_release(held);
        EXPECT_EQ(LONG, rc_collect());
    }
}

TEST(long_list_lives_by_a_link_from_anywhere) {
    for (int i = 0; i < LONG; i += LONG / 10 + 1) {
        struct linked *first = found_alive(), *holder = rc_new(&linked_type);
        rc_set(&holder->other, link_at[i]);
        rc_set(&link_at[LONG - 1]->other, holder);
        rc_release(first);
        EXPECT_EQ(0, rc_collect());
        rc_release(holder);
        EXPECT_EQ(LONG + 1, rc_collect());
    }
}

TEST(long_list_with_suspects_in_it_is_collected) {
    struct linked *first = found_alive();
    for (int i = 1; i < LONG; i += 7)
        touch_object(link_at[i]);
    rc_release(first);
    EXPECT_EQ(LONG, rc_collect());
    EXPECT_EQ(0, stats().suspects);
}

TEST(long_list_with_a_suspect_that_came_after_the_roots_is_collected) {
    rc_release(found_alive());
    while (rc_collect_phase() != RC_PHASE_BUILD)
        rc_collect_step(0);
    touch_object(link_at[LONG - 10]);
    EXPECT_EQ(1, stats().suspects);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    EXPECT_EQ(0, stats().suspects);
}
