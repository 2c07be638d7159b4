// SPDX-License-Identifier: MIT
// Islands (cc/island.c): small garbage that is judged and freed in one go. The nodes are quiet ones (graph.h): what has a
// destructor is no island.
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/vector.h"

#define ISLAND_MAX 512 // members; as in cc/island.c

//   a <--> b
TEST(island_is_freed_and_counted) {
    graph_quietly(true);
    graph("ab ba");
    drop("ab");
    uint64_t nodes = stats().nodes, edges = stats().edges;
    EXPECT_EQ(2, rc_collect());
    EXPECT_STR("ab", gone_sorted());
    EXPECT_EQ(2, stats().nodes - nodes);
    EXPECT_EQ(2, stats().edges - edges);
    EXPECT_EQ(0, stats().suspects);
    graph_quietly(false);
}

//   a <--> b --> c --> a, and c is held; or a link from outside leads to c
TEST(what_is_held_anywhere_is_left_as_it_was) {
    graph_quietly(true);
    graph("ab ba bc ca g");
    drop("ab");
    EXPECT_EQ(0, rc_collect());
    EXPECT(is_sound(true));
    rc_set(&at('g')->x, at('c'));
    drop("c");
    EXPECT_EQ(0, rc_collect());
    for (const char *name = "abc"; *name; name++)
        EXPECT_EQ(0, rc_handles(at(*name)));
    EXPECT_EQ(2, rc_links(at('a')));
    EXPECT_EQ(2, rc_links(at('c')));
    rc_clear(&at('g')->x);
    EXPECT_EQ(3, rc_collect());
    drop("g");
    graph_quietly(false);
}

//   rings of 1 to 4, each garbage or held, in every mixture, and all of them suspects
TEST(islands_and_others_are_told_apart) {
    for (unsigned held = 0; held < 1 << 6; held++) {
        test_note("held: %#x", held);
        graph_quietly(true);
        forget();
        graph("aa bc cb de ef fd gh hi ij jg kl lk mk ko on no");
        //     1   2   3        4           m --> k <--> l, k --> o <--> n
        const char *const one_of[6] = {"a", "c", "f", "h", "m", "n"};
        char keep[8] = "";
        for (int i = 0; i < 6; i++)
            if (held & 1u << i)
                strcat(keep, one_of[i]);
        hold(keep);
        drop("abcdefghijklmno");
        rc_collect();
        REQUIRE(is_sound(true));
        drop(keep);
        rc_collect();
        REQUIRE(stats().objects == 0);
        graph_quietly(false);
    }
}

//   k <--> l, k --> o <--> n, and s <--> t with a weak reference: o and n are none, until k is looked at, and s and t none
TEST(roots_that_leave_with_an_island_leave_no_gap) {
    graph_quietly(true);
    graph("kl lk ko on no st ts");
    struct rc_weak *weak = rc_weak_new(at('t'));
    drop("klstno"); // the last one is looked at first
    EXPECT_EQ(6, rc_collect());
    rc_weak_release(weak);
    graph_quietly(false);
}

//   a ring of n, and two-cycles beside it
TEST(islands_of_every_size_are_collected) {
    static const size_t sizes[] = {1, 2, ISLAND_MAX - 1, ISLAND_MAX, ISLAND_MAX + 1, 5 * ISLAND_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        test_note("%zu", sizes[i]);
        graph_quietly(true);
        struct node *first = rc_new(&node_type), *last = first;
        for (size_t n = 1; n < sizes[i]; n++) {
            struct node *p = rc_new(&node_type);
            rc_give(&last->x, p);
            last = p;
        }
        rc_set(&last->x, first);
        graph("ab ba");
        drop("ab");
        rc_release(first);
        EXPECT_EQ(sizes[i] + 2, rc_collect());
        graph_quietly(false);
    }
}

//   a thousand live two-cycles, all of them suspects, and one dead among them: it is found, whatever the others cost
TEST(island_among_many_that_are_none_is_collected) {
    enum { PAIRS = 1000 };
    graph_quietly(true);
    static struct node *held[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        held[i] = rc_new(&node_type);
        struct node *other = rc_new(&node_type);
        rc_set(&held[i]->x, other);
        rc_set(&other->x, held[i]);
        rc_release(other);
    }
    rc_release(held[PAIRS / 2]);
    EXPECT_EQ(2, rc_collect());
    for (int i = 0; i < PAIRS; i++)
        if (i != PAIRS / 2)
            rc_release(held[i]);
    EXPECT_EQ(2 * PAIRS - 2, rc_collect());
    graph_quietly(false);
}

struct leaf { char text; };
static size_t leaves;
static void leaf_destroy(void *obj) { (void)obj, leaves++; }
RC_TYPE(leaf, struct leaf, .destroy = leaf_destroy);

struct pair { struct pair *other; struct leaf *leaf; };
RC_TYPE(pair, struct pair, .slots = RC_SLOTS(RC_LINK(struct pair, other), RC_LINK_TO(struct pair, leaf, leaf_type)));

// Two that hold each other, and the first of them [leaf]. Returns the first, which nobody holds.
static struct pair *pair_with(struct leaf *leaf) {
    struct pair *a = rc_new(&pair_type), *b = rc_new(&pair_type);
    rc_set(&a->other, b);
    rc_set(&b->other, a);
    rc_set(&a->leaf, leaf);
    rc_release(b);
    rc_release(a);
    return a;
}

//   a <--> b, a --> leaf
TEST(what_an_island_holds_outside_is_released) {
    leaves = 0;
    struct leaf *kept = rc_new(&leaf_type), *lost = rc_new(&leaf_type);
    pair_with(kept);
    pair_with(lost);
    rc_release(lost);
    EXPECT_EQ(5, rc_collect());
    EXPECT_EQ(1, leaves);
    EXPECT_EQ(0, rc_links(kept));
    rc_release(kept);
    EXPECT_EQ(2, leaves);
}

//   a <--> b here, a --> leaf in another heap
TEST(what_an_island_holds_in_another_heap_is_released) {
    leaves = 0;
    struct rc_heap *there = new_heap();
    rc_heap_enter(there);
    struct leaf *leaf = rc_new(&leaf_type);
    rc_heap_leave(there);
    pair_with(leaf);
    EXPECT_EQ(2, rc_handles(leaf));
    EXPECT_EQ(2, rc_collect());
    EXPECT_EQ(1, rc_handles(leaf));
    rc_release(leaf);
    collect_in(there);
    EXPECT_EQ(1, leaves);
    rc_heap_free(there);
}

//   a <--> b: another thread has a handle of b, or a weak reference is there
TEST(island_that_others_can_reach_is_none) {
    graph_quietly(true);
    graph("ab ba");
    struct node *b = elsewhere(retain_there, at('b'));
    struct rc_weak *weak = rc_weak_new(at('a'));
    drop("ab");
    EXPECT_EQ(0, rc_collect());
    elsewhere(release_there, b);
    struct node *a = rc_weak_get(weak);
    EXPECT_EQ(0, rc_collect());
    rc_release(a);
    EXPECT_EQ(2, rc_collect());
    EXPECT(!rc_weak_get(weak));
    rc_weak_release(weak);
    graph_quietly(false);
}

//   a <--> b, and by hand a --> b once more: more slots than links
TEST(slot_written_by_hand_is_reported_and_frees_nothing) {
    graph_quietly(true);
    graph("ab ba");
    memcpy(&at('a')->y, &(struct node *){at('b')}, sizeof(void *));
    faults_begin();
    drop("ab");
    EXPECT_EQ(0, rc_collect());
    EXPECT_FAULT(RC_FAULT_TRACE, "rc_collect");
    EXPECT_EQ(1, rc_links(at('b')));
    memcpy(&at('a')->y, &(struct node *){NULL}, sizeof(void *));
    rc_release(rc_retain(at('a')));
    EXPECT_EQ(2, rc_collect());
    graph_quietly(false);
}

struct thing { struct thing *x, *y; };
RC_TYPE(thing, struct thing, .slots = RC_SLOTS(RC_LINK(struct thing, x), RC_LINK(struct thing, y)));

static struct thing *shelf, *keeper; // both are held
static void busy_destroy(void *obj) {
    (void)obj;
    struct thing *moved = shelf->x;
    rc_set(&keeper->x, moved);
    rc_move(&moved->y, &shelf->x);
}
RC_TYPE(busy, struct thing, .acyclic = true, .destroy = busy_destroy);

//   shelf --> moved <--> b, and an island a <--> c --> busy, whose destructor makes keeper --> moved, and of shelf --> moved
//   a link from moved to itself: what was counted of moved before is not true any more
TEST(destructor_that_runs_for_an_island_is_noticed) {
    shelf = rc_new(&thing_type), keeper = rc_new(&thing_type);
    struct thing *moved = rc_new(&thing_type), *b = rc_new(&thing_type);
    struct thing *a = rc_new(&thing_type), *c = rc_new(&thing_type), *busy = rc_new(&busy_type);
    rc_set(&shelf->x, moved);
    rc_set(&moved->x, b);
    rc_give(&b->x, moved);
    rc_set(&a->x, c);
    rc_give(&c->x, a);
    rc_give(&c->y, busy);
    rc_release(b);
    rc_release(c);
    EXPECT_EQ(3, rc_collect());
    EXPECT_EQ(3, rc_links(moved));
    rc_release(keeper);
    EXPECT_EQ(2, rc_collect());
    rc_release(shelf);
}
