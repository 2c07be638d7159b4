// SPDX-License-Identifier: MIT
// The six ways to change a slot, and the awkward arguments: the same slot twice, a slot's own content, an object that only
// the slot keeps, an object whose slot it is.
#include "tests/graph.h"
#include "tests/harness.h"

//   a --> b, c
TEST(set_unlinks_what_the_slot_held) {
    graph("ab c");
    drop("b");
    rc_set(&at('a')->x, at('c'));
    EXPECT_STR("b", gone());
    EXPECT_PTR(at('c'), at('a')->x);
    drop("ac");
    EXPECT_STR("bac", gone());
}

//   a --> b: only the slot keeps b, and b is set into it
TEST(set_to_what_the_slot_holds_changes_nothing) {
    graph("ab");
    drop("b");
    rc_set(&at('a')->x, at('a')->x);
    EXPECT_STR("", gone());
    EXPECT_EQ(1, rc_links(at('b')));
    drop("a");
    EXPECT_STR("ab", gone());
}

//   a --> b --> c: a's slot moves on to c, which only b keeps
TEST(set_links_the_new_before_it_unlinks_the_old) {
    graph("ab bc");
    drop("bc");
    rc_set(&at('a')->x, at('a')->x->x);
    EXPECT_STR("b", gone());
    EXPECT_PTR(at('c'), at('a')->x);
    drop("a");
    EXPECT_STR("bac", gone());
}

TEST(slot_may_hold_its_own_object) {
    graph("aa");
    EXPECT_EQ(1, rc_links(at('a')));
    rc_clear(&at('a')->x);
    EXPECT_EQ(0, rc_links(at('a')));
    drop("a");
    EXPECT_STR("a", gone());
}

//   a --> b --> (a's own slot is cleared by b's destructor)
static void clear_x_of_a(struct node *node) {
    if (node->name == 'b')
        rc_clear(&at('a')->x);
}

TEST(slot_may_be_changed_by_the_destructor_of_what_it_held) {
    graph("ab c");
    on_destroy = clear_x_of_a;
    drop("b");
    rc_set(&at('a')->x, at('c')); // b dies here, and its destructor clears the slot again
    EXPECT_PTR(NULL, at('a')->x);
    EXPECT_EQ(0, rc_links(at('c')));
    drop("ac");
    EXPECT_STR("bac", gone());
}

TEST(give_moves_the_handle_into_the_slot) {
    graph("a b");
    rc_give(&at('a')->x, at('b'));
    EXPECT_EQ(0, rc_handles(at('b')));
    EXPECT_EQ(1, rc_links(at('b')));
    drop("a");
    EXPECT_STR("ab", gone());
}

TEST(give_unlinks_what_the_slot_held) {
    graph("ab c");
    drop("b");
    rc_give(&at('a')->x, at('c'));
    EXPECT_STR("b", gone());
    drop("a");
    EXPECT_STR("bac", gone());
}

//   a --> b, and the handle of b is given to the slot that holds it already
TEST(give_of_what_the_slot_holds_takes_the_handle) {
    graph("ab");
    rc_give(&at('a')->x, at('b'));
    EXPECT_EQ(0, rc_handles(at('b')));
    EXPECT_EQ(1, rc_links(at('b')));
    drop("a");
    EXPECT_STR("ab", gone());
}

TEST(give_to_its_own_slot_makes_garbage_that_is_found) {
    graph("a");
    rc_give(&at('a')->x, at('a'));
    EXPECT_STR("", gone());
    EXPECT_EQ(1, rc_collect());
}

TEST(take_moves_the_link_to_the_caller) {
    graph("ab");
    drop("b");
    struct node *b = rc_take(&at('a')->x);
    drop("a");
    EXPECT_STR("a", gone());
    EXPECT_EQ(1, rc_handles(b));
    EXPECT_EQ(0, rc_links(b));
    rc_release(b);
    EXPECT_STR("ab", gone());
}

//   a --> b   to   a, c --> b
TEST(move_empties_one_slot_and_fills_the_other) {
    graph("ab c");
    rc_move(&at('c')->y, &at('a')->x);
    EXPECT_PTR(NULL, at('a')->x);
    EXPECT_PTR(at('b'), at('c')->y);
    EXPECT_EQ(1, rc_links(at('b')));
    drop("bac");
    EXPECT_STR("acb", gone());
}

TEST(move_unlinks_what_the_other_slot_held) {
    graph("ab cd");
    drop("bd");
    rc_move(&at('c')->x, &at('a')->x);
    EXPECT_STR("d", gone());
    drop("ac");
    EXPECT_STR("dacb", gone());
}

TEST(move_of_nothing_empties_the_other_slot) {
    graph("a cd");
    drop("d");
    rc_move(&at('c')->x, &at('a')->x);
    EXPECT_PTR(NULL, at('c')->x);
    EXPECT_STR("d", gone());
    drop("ac");
}

TEST(move_of_a_slot_to_itself_does_nothing) {
    graph("ab");
    drop("b");
    rc_move(&at('a')->x, &at('a')->x);
    EXPECT_PTR(at('b'), at('a')->x);
    EXPECT_EQ(1, rc_links(at('b')));
    drop("a");
    EXPECT_STR("ab", gone());
}

//   a --x--> b <--y-- a: both slots hold the same
TEST(move_between_slots_that_hold_the_same_leaves_one_link) {
    graph("ab ab");
    drop("b");
    rc_move(&at('a')->x, &at('a')->y);
    EXPECT_EQ(1, rc_links(at('b')));
    EXPECT_PTR(NULL, at('a')->y);
    drop("a");
    EXPECT_STR("ab", gone());
}

//   a --> b --> c   b's link moves into the slot of a that keeps b
TEST(move_out_of_an_object_that_dies_of_it_is_safe) {
    graph("ab bc");
    drop("bc");
    rc_move(&at('a')->x, &at('b')->x);
    EXPECT_STR("b", gone());
    EXPECT_PTR(at('c'), at('a')->x);
    drop("a");
    EXPECT_STR("bac", gone());
}

//   a --> b --> a's slot: the object moves into itself
TEST(move_of_an_object_into_its_own_slot_makes_garbage_that_is_found) {
    graph("ab");
    drop("b");
    rc_move(&at('b')->x, &at('a')->x);
    EXPECT_STR("", gone());
    EXPECT_EQ(1, rc_collect());
    EXPECT_STR("b", gone());
    drop("a");
}

TEST(swap_exchanges_what_the_slots_hold) {
    graph("ab cd");
    drop("bd");
    rc_swap(&at('a')->x, &at('c')->x);
    EXPECT_PTR(at('d'), at('a')->x);
    EXPECT_PTR(at('b'), at('c')->x);
    EXPECT_EQ(1, rc_links(at('b')));
    EXPECT_EQ(1, rc_links(at('d')));
    drop("a");
    EXPECT_STR("ad", gone());
    drop("c");
    EXPECT_STR("adcb", gone());
}

TEST(swap_with_an_empty_slot_moves) {
    graph("ab c");
    drop("b");
    rc_swap(&at('c')->x, &at('a')->x);
    EXPECT_PTR(NULL, at('a')->x);
    EXPECT_PTR(at('b'), at('c')->x);
    drop("a");
    EXPECT_STR("a", gone());
    drop("c");
    EXPECT_STR("acb", gone());
}

TEST(swap_of_a_slot_with_itself_does_nothing) {
    graph("ab");
    drop("b");
    rc_swap(&at('a')->x, &at('a')->x);
    EXPECT_PTR(at('b'), at('a')->x);
    EXPECT_EQ(1, rc_links(at('b')));
    drop("a");
    EXPECT_STR("ab", gone());
}

//   r --> a, with a.y empty   to   r, a --> a
TEST(swap_that_makes_garbage_without_any_unlink_is_found) {
    graph("ra");
    drop("a");
    rc_swap(&at('r')->x, &at('a')->y);
    EXPECT_EQ(1, rc_collect());
    EXPECT_STR("a", gone());
    drop("r");
}

TEST(clear_kills_what_only_the_slot_kept) {
    graph("ab");
    drop("b");
    rc_clear(&at('a')->x);
    EXPECT_PTR(NULL, at('a')->x);
    EXPECT_STR("b", gone());
    drop("a");
}

//   r --> a <--> b   is let go by a clear, and by a set: found without any handle having been released
TEST(cycle_let_go_by_a_slot_is_found) {
    for (int with_set = 0; with_set < 2; with_set++) {
        forget();
        graph("ra ab ba");
        drop("ab");
        rc_collect();
        EXPECT_EQ(0, stats().suspects);
        if (with_set)
            rc_set(&at('r')->x, at('r'));
        else
            rc_clear(&at('r')->x);
        EXPECT_EQ(2, rc_collect());
        EXPECT_STR("ab", gone_sorted());
        rc_clear(&at('r')->x);
        drop("r");
    }
}
