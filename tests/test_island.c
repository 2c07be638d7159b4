// SPDX-License-Identifier: MIT
// Islands (cc/island.c): small garbage that is judged and freed in one go. The nodes are quiet ones (graph.h): what has a
// destructor is no island.
#include "rc/object.h"
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include <refcyc/array.h>
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

//   a <--> b: a has been taken out of the buffer, b is in it
TEST(member_that_is_a_suspect_leaves_the_buffer) {
    graph_quietly(true);
    graph("ab ba");
    drop("a");
    rc_collect_step(0);
    EXPECT_EQ(RC_PHASE_ROOTS, rc_collect_phase());
    drop("b");
    EXPECT_EQ(1, stats().suspects);
    rc_collect_step(1); // no less than is done between two looks at the clock
    EXPECT_STR("ab", gone_sorted());
    EXPECT_EQ(0, stats().suspects);
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
    touch_object(at('a'));
    EXPECT_EQ(2, rc_collect());
    graph_quietly(false);
}

//   g --> a <--> b, and by hand a --> b once more: as many slots as links, but not of each
TEST(slot_too_many_makes_up_for_none_that_is_elsewhere) {
    graph_quietly(true);
    graph("ab ba ga");
    memcpy(&at('a')->y, &(struct node *){at('b')}, sizeof(void *));
    faults_begin();
    drop("ab");
    EXPECT_EQ(0, rc_collect());
    EXPECT_FAULT(RC_FAULT_TRACE, "rc_collect");
    memcpy(&at('a')->y, &(struct node *){NULL}, sizeof(void *));
    EXPECT(is_sound(true));
    drop("g");
    EXPECT_EQ(2, rc_collect());
    graph_quietly(false);
}

// A ring of hosts, each with guests, which know nobody but their host.
struct host { struct host *next; struct guest *guest[2]; };
struct guest { struct host *host; };
RC_TYPE(host, struct host, .slots = RC_SLOTS(RC_LINK(struct host, next), RC_LINK(struct host, guest)));
RC_TYPE(guest, struct guest, .slots = RC_SLOTS(RC_OWNER(struct guest, host)));

// [host] links to a new guest, borrowed, by so many slots.
static struct guest *invite(struct host *host, int slots) {
    struct guest *g = rc_new(&guest_type);
    REQUIRE(g);
    rc_set(&g->host, host);
    for (int i = 0; i < slots; i++)
        rc_set(&host->guest[i], g);
    rc_release(g);
    return g;
}

// The ring's first host, held.
static struct host *ring_of_hosts(size_t n, int slots) {
    struct host *first = rc_new(&host_type), *last = first;
    REQUIRE(first);
    invite(first, slots);
    for (size_t i = 1; i < n; i++) {
        struct host *h = rc_new(&host_type);
        REQUIRE(h);
        invite(h, slots);
        rc_give(&last->next, h);
        last = h;
    }
    rc_set(&last->next, first);
    return first;
}

TEST(leaves_go_with_what_they_belong_to) {
    static const size_t sizes[] = {1, 2, 3, ISLAND_MAX / 2 - 1, ISLAND_MAX / 2, ISLAND_MAX / 2 + 1, ISLAND_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int slots = 1; slots <= 2; slots++) {
            test_note("%zu hosts, %d slots for each guest", sizes[i], slots);
            bool is_island = 2 * sizes[i] <= ISLAND_MAX;
            struct host *first = ring_of_hosts(sizes[i], slots);
            EXPECT_EQ(0, rc_collect());
            uint64_t nodes = stats().nodes, edges = stats().edges;
            rc_release(first);
            EXPECT_EQ(2 * sizes[i], rc_collect());
            EXPECT_EQ(is_island ? 2 * sizes[i] : 0, rc_heap_default()->cc.island_count);
            EXPECT_EQ(2 * sizes[i], stats().nodes - nodes);
            EXPECT_EQ((2 + (size_t)slots) * sizes[i], stats().edges - edges);
            EXPECT_EQ(0, stats().objects);
        }
}

//   a ring of hosts, and a guest of one that is held, has a weak reference, or another link
TEST(leaf_that_is_held_or_linked_to_keeps_all_as_it_was) {
    for (int how = 0; how < 3; how++) {
        test_note("%d", how);
        struct host *first = ring_of_hosts(3, 1), *other = rc_new(&host_type);
        struct guest *guest = first->next->guest[0];
        struct rc_weak *weak = how == 1 ? rc_weak_new(guest) : NULL;
        if (how == 0)
            (void)rc_retain(guest);
        if (how == 2)
            rc_set(&other->guest[0], guest);
        rc_release(first);
        EXPECT_EQ(how == 1 ? 6 : 0, rc_collect()); // by BUILD
        EXPECT_EQ(0, rc_heap_default()->cc.island_count);
        if (how != 1) {
            EXPECT(is_sound(true));
            EXPECT_EQ(how == 0, rc_handles(guest));
            EXPECT_EQ(0, rc_handles(first));
            EXPECT_EQ(0, rc_handles(first->guest[0]));
        }
        if (how == 0)
            rc_release(guest);
        rc_weak_release(weak);
        rc_release(other);
        rc_collect();
        EXPECT_EQ(0, stats().objects);
    }
}

struct bead { struct bead *next; };
RC_TYPE(bead, struct bead, .slots = RC_SLOTS(RC_LINK(struct bead, next)));

//   x --> a --> b --> y, of one slot each: b is no leaf of a
TEST(object_of_one_slot_that_leads_on_is_no_leaf) {
    struct bead *x = rc_new(&bead_type), *a = rc_new(&bead_type), *b = rc_new(&bead_type), *y = rc_new(&bead_type);
    rc_set(&x->next, a);
    rc_set(&a->next, b);
    rc_set(&b->next, y);
    rc_release(b);
    rc_release(a);
    EXPECT_EQ(0, rc_collect());
    EXPECT(is_sound(true));
    EXPECT_EQ(4, stats().objects);
    rc_release(x);
    rc_release(y);
}

//   a guest whose host it is by hand: more slots than links lead to the host, or to the guest
TEST(leaf_with_a_slot_written_by_hand_is_reported_and_frees_nothing) {
    for (int back = 0; back < 2; back++) {
        struct host *h = ring_of_hosts(1, 1);
        if (back)
            memcpy(&h->guest[1], &(struct host *){h}, sizeof(void *));
        else
            memcpy(&h->guest[1], &h->guest[0], sizeof(void *));
        faults_begin();
        rc_release(h);
        EXPECT_EQ(0, rc_collect());
        EXPECT_FAULT(RC_FAULT_TRACE, "rc_collect");
        memcpy(&h->guest[1], &(void *){NULL}, sizeof(void *));
        EXPECT(is_sound(true));
        touch_object(h);
        EXPECT_EQ(2, rc_collect());
    }
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

struct branch { struct branch *parent, *first, *next, *other; };
RC_TYPE(branch, struct branch,
        .slots = RC_SLOTS(RC_OWNER(struct branch, parent), RC_LINK(struct branch, first), RC_LINK(struct branch, next),
                          RC_LINK(struct branch, other)));
RC_TYPE(bush, struct branch, // without owners
        .slots = RC_SLOTS(RC_LINK(struct branch, parent), RC_LINK(struct branch, first), RC_LINK(struct branch, next),
                          RC_LINK(struct branch, other)));

// A tree of n: each branch but the first is the first child of the one two before, which it knows. Returns the first, with
// a handle, and all of them in [made], borrowed.
static struct branch *tree_of(const struct rc_type *type, size_t n, struct branch **made) {
    for (size_t i = 0; i < n; i++) {
        struct branch *b = made[i] = rc_new(type);
        if (!i)
            continue;
        struct branch *parent = made[i < 2 ? 0 : i - 2];
        rc_set(&b->parent, parent);
        rc_move(&b->next, &parent->first);
        rc_give(&parent->first, b);
    }
    return made[0];
}

enum { BRANCHES = 100 };
static struct branch *live[BRANCHES], *dead[BRANCHES], *gone_with_it[BRANCHES];

//   a live tree; and a dead one, each branch of which links to some branch of the live one
static void dead_tree_lets_go_of_a_live_one(const struct rc_type *type) {
    tree_of(type, BRANCHES, live);
    rc_collect();
    for (int k = 0; k < 3; k++) {
        tree_of(type, BRANCHES, dead);
        for (size_t i = 0; i < BRANCHES; i++)
            rc_set(&dead[i]->other, live[(i * 37 + (size_t)k) % BRANCHES]);
        EXPECT_EQ(0, rc_collect());
        uint64_t nodes = stats().nodes;
        rc_release(dead[0]);
        EXPECT_EQ(BRANCHES, rc_collect());
        if (type == &branch_type)
            EXPECT_EQ(BRANCHES, stats().nodes - nodes); // of the live one, nothing was traced
        size_t links = 0;
        for (size_t i = 0; i < BRANCHES; i++)
            links += rc_links(live[i]);
        EXPECT_EQ(2 * (BRANCHES - 1), links);
        EXPECT_EQ(0, rc_verify(NULL, NULL));
    }
    rc_release(live[0]);
    EXPECT_EQ(BRANCHES, rc_collect());
}
TEST(dead_tree_lets_go_of_a_live_one_with_owners) { dead_tree_lets_go_of_a_live_one(&branch_type); }
TEST(dead_tree_lets_go_of_a_live_one_without_owners) { dead_tree_lets_go_of_a_live_one(&bush_type); }

//   two dead trees, linked across: neither is an island without the other
static void dead_trees_that_are_linked_go_together(const struct rc_type *type) {
    tree_of(type, BRANCHES, live);
    touch_object(live[BRANCHES - 1]);
    rc_collect(); // so that there are hints
    tree_of(type, BRANCHES, dead);
    tree_of(type, BRANCHES, gone_with_it);
    for (size_t i = 0; i < BRANCHES; i++) {
        rc_set(&dead[i]->other, gone_with_it[i * 37 % BRANCHES]);
        rc_set(&gone_with_it[i]->other, i % 10 ? dead[i * 31 % BRANCHES] : live[i]);
    }
    rc_release(dead[0]);
    EXPECT_EQ(0, rc_collect());
    uint64_t nodes = stats().nodes;
    rc_release(gone_with_it[0]);
    EXPECT_EQ(2 * BRANCHES, rc_collect());
    if (type == &branch_type)
        EXPECT_EQ(2 * BRANCHES, stats().nodes - nodes);
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_release(live[0]);
    EXPECT_EQ(BRANCHES, rc_collect());
}
TEST(dead_trees_with_owners_that_are_linked_go_together) { dead_trees_that_are_linked_go_together(&branch_type); }
TEST(dead_trees_without_owners_that_are_linked_go_together) { dead_trees_that_are_linked_go_together(&bush_type); }

static void thorn_destroy(void *obj) { (void)obj; }
RC_TYPE(thorn, struct branch,
        .slots = RC_SLOTS(RC_OWNER(struct branch, parent), RC_LINK(struct branch, first), RC_LINK(struct branch, next),
                          RC_LINK(struct branch, other)),
        .destroy = thorn_destroy);

//   a --> itself, a --> the last of a dead tree that can be no island
TEST(island_that_links_to_what_can_be_none_waits_for_it) {
    struct branch *a = rc_new(&branch_type);
    rc_set(&a->first, a);
    tree_of(&thorn_type, 3, dead);
    rc_set(&a->other, dead[2]);
    rc_release(a);
    rc_release(dead[0]);
    EXPECT_EQ(4, rc_collect());
    EXPECT_EQ(0, rc_verify(NULL, NULL));
}

//   a --> itself, a --> b, which has an owner in another heap that does not keep its promise
TEST(owner_in_another_heap_keeps_no_island_from_being_one) {
    struct rc_heap *there = new_heap();
    rc_heap_enter(there);
    struct branch *owner = rc_new(&branch_type);
    rc_heap_leave(there);
    struct branch *a = rc_new(&branch_type), *b = rc_new(&branch_type);
    rc_set(&a->first, a);
    rc_set(&b->parent, owner);
    rc_give(&a->other, b);
    rc_release(a);
    EXPECT_EQ(2, rc_handles(owner));
    EXPECT_EQ(2, rc_collect());
    EXPECT_EQ(1, rc_handles(owner));
    rc_release(owner);
    collect_in(there);
    rc_heap_free(there);
}

//   a <--> b --> held, and held --> a or not
TEST(what_an_island_links_to_may_be_held) {
    for (int back = 0; back < 2; back++) {
        test_note("back: %d", back);
        graph_quietly(true);
        graph("ab ba bg");
        if (back)
            rc_set(&at('g')->x, at('a'));
        drop("ab");
        EXPECT_EQ(back ? 0 : 2, rc_collect());
        EXPECT(is_sound(true));
        EXPECT_EQ(back, rc_links(at('g')));
        drop("g");
        EXPECT_EQ(back ? 3 : 0, rc_collect());
        graph_quietly(false);
    }
}

// Small trees, every third of which is held by its last branch, in slices of some hundred units: for one or another number of
// them, a slice ends just after the last root was explored.
static void islands_in_slices(const struct rc_type *type) {
    enum { TREES = 50, ROUNDS = 4 * TREES };
    static struct branch *held[TREES];
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t trees = round % TREES + 1, expected = 0;
        test_note("%zu trees, round %zu", trees, round);
        for (size_t i = 0; i < trees; i++) {
            size_t n = 2 + i % 2 + round / TREES;
            tree_of(type, n, dead);
            if (i % 3 == 0)
                held[i] = rc_retain(dead[n - 1]);
            else
                expected += n;
            rc_release(dead[0]);
        }
        size_t before = stats().objects;
        while (rc_collect_step(1) == RC_STEP_MORE)
            EXPECT_EQ(0, rc_verify(NULL, NULL));
        EXPECT_EQ(expected, before - stats().objects);
        for (size_t i = 0; i < trees; i += 3)
            rc_release(held[i]);
        rc_collect();
        EXPECT_EQ(0, stats().objects);
    }
}
TEST(islands_are_collected_in_slices_with_owners) { islands_in_slices(&branch_type); }
TEST(islands_are_collected_in_slices_without_owners) { islands_in_slices(&bush_type); }

// Trees of 100, a part of which is what a slice explores: BUILD has the others.
static void large_islands_in_slices(const struct rc_type *type) {
    for (int i = 0; i < 5; i++)
        rc_release(tree_of(type, BRANCHES, dead));
    while (rc_collect_step(1) == RC_STEP_MORE)
        EXPECT_EQ(0, rc_verify(NULL, NULL));
    EXPECT_EQ(0, stats().objects);
}
TEST(large_islands_are_collected_in_slices_with_owners) { large_islands_in_slices(&branch_type); }
TEST(large_islands_are_collected_in_slices_without_owners) { large_islands_in_slices(&bush_type); }

// More trees, held at their far ends, than are worth to be explored in vain; a dead one among them is found.
TEST(trees_that_are_held_below_are_left_as_they_were) {
    enum { TREES = 30 };
    struct branch *held[TREES];
    for (int i = 0; i < TREES; i++) {
        tree_of(&branch_type, BRANCHES, dead);
        held[i] = i ? rc_retain(dead[BRANCHES - 1]) : NULL;
        rc_release(dead[0]);
    }
    EXPECT_EQ(BRANCHES, rc_collect());
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    for (int i = 1; i < TREES; i++)
        rc_release(held[i]);
    EXPECT_EQ((TREES - 1) * BRANCHES, rc_collect());
}

// The same where the suspects have owners, and so come in rows: in the middle of one nothing is left to be explored for.
TEST(children_of_trees_that_are_held_below_are_left_as_they_were) {
    enum { TREES = 30 };
    struct branch *held[TREES];
    struct rc_array *way = rc_array_new(&rc_link_element);
    for (int i = 0; i < TREES; i++) {
        tree_of(&branch_type, BRANCHES, dead);
        held[i] = rc_retain(dead[BRANCHES - 1]);
        EXPECT(rc_array_push(way, dead[1]));
        rc_release(dead[0]);
    }
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(0, stats().suspects);
    rc_array_clear(way);
    EXPECT_EQ(TREES, stats().suspects);
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    for (int i = 0; i < TREES; i++)
        rc_release(held[i]);
    EXPECT_EQ(TREES * BRANCHES, rc_collect());
    rc_release(way);
}

struct bundle { struct bundle *next, *out[9]; };
RC_TYPE(bundle, struct bundle, .slots = RC_SLOTS(RC_LINK(struct bundle, next), RC_LINK(struct bundle, out)));

//   a ring, each of which links to what is held nine times: all of these links are given up, few as an island's, many or not
TEST(island_may_let_go_of_many) {
    struct bundle *held = rc_new(&bundle_type);
    for (int n = 10; n <= 400; n += 390) {
        struct bundle *first = rc_new(&bundle_type), *last = first;
        for (int i = 1; i < n; i++) {
            struct bundle *b = rc_new(&bundle_type);
            for (int k = 0; k < 9; k++)
                rc_set(&b->out[k], held);
            rc_give(&last->next, b);
            last = b;
        }
        rc_give(&last->next, first);
        EXPECT_EQ(9 * (n - 1), rc_links(held));
        EXPECT_EQ(n, rc_collect());
        EXPECT_EQ(0, rc_links(held));
    }
    rc_release(held);
}
