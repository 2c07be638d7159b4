// SPDX-License-Identifier: MIT
// rc_list: positions that stay good, what it does with bad input, without memory, in the middle of a collection, and
// against a plain array of numbers and positions that is told to do the same.
#include "tests/faults.h"
#include "tests/harness.h"
#include "tests/items.h"
#include "tests/scarce.h"
#include "tests/steps.h"
#include <refcyc/list.h>

enum { ITEMS = 10 };
static struct item *item[ITEMS];
static struct rc_list_pos pos[ITEMS];

static const char *digits(const struct rc_list *l) {
    static char text[64];
    size_t n = 0;
    struct rc_list_pos back = RC_LIST_NONE;
    for (struct rc_list_pos p = rc_list_first(l); !rc_list_is_none(p); back = p, p = rc_list_next(l, p)) {
        REQUIRE(n < sizeof text - 1);
        EXPECT(rc_list_same(back, rc_list_prev(l, p)));
        void *x = *(void **)rc_list_at(l, p); // a wire begins with its item
        text[n++] = x ? (char)('0' + item_id(x)) : '-';
    }
    EXPECT(rc_list_same(back, rc_list_last(l)));
    EXPECT_EQ(n, rc_list_size(l));
    text[n] = 0;
    return text;
}

// Items 0 to 9, and a list of those that [order] says, with their positions in pos.
static struct rc_list *listed(const char *order) {
    items_new(item, ITEMS, NULL);
    struct rc_list *l = rc_list_new(&rc_link_element);
    REQUIRE(l);
    for (; *order; order++)
        REQUIRE(!rc_list_is_none(pos[*order - '0'] = rc_list_push_back(l, item[*order - '0'])));
    return l;
}
static void done(struct rc_list *l) {
    items_release(item, ITEMS);
    rc_release(l);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, resources_open);
}

TEST(elements_go_in_at_both_ends_and_between) {
    struct rc_list *l = listed("23");
    EXPECT(!rc_list_is_none(rc_list_push_front(l, item[0])));
    EXPECT(!rc_list_is_none(rc_list_insert(l, pos[2], item[1])));
    EXPECT(!rc_list_is_none(rc_list_insert(l, RC_LIST_NONE, item[4])));
    EXPECT_STR("01234", digits(l));
    EXPECT_EQ(1, rc_links(item[1]));
    struct item *x = rc_list_pop_front(l), *y = rc_list_pop_back(l);
    EXPECT_EQ(0, item_id(x));
    EXPECT_EQ(4, item_id(y));
    EXPECT_EQ(2, rc_handles(x));
    rc_release(x);
    rc_release(y);
    EXPECT(rc_list_remove(l, pos[2]));
    EXPECT_STR("13", digits(l));
    EXPECT_EQ(0, rc_links(item[2]));
    x = rc_list_take(l, pos[3]);
    EXPECT_PTR(item[3], x);
    rc_release(x);
    EXPECT(rc_list_set(l, rc_list_first(l), item[9]));
    EXPECT_STR("9", digits(l));
    done(l);
}

TEST(positions_stay_with_their_elements) {
    struct rc_list *l = listed("0123456789");
    EXPECT(rc_list_move(l, pos[0], RC_LIST_NONE));
    EXPECT(rc_list_move(l, pos[5], pos[1]));
    EXPECT(rc_list_move(l, pos[7], pos[7]));
    EXPECT_STR("5123467890", digits(l));
    EXPECT(rc_list_reverse(l));
    EXPECT_STR("0987643215", digits(l));
    EXPECT(rc_list_remove(l, pos[3]));
    for (int i = 0; i < 100; i++)
        rc_list_push_front(l, NULL);
    for (int i = 0; i < ITEMS; i++)
        EXPECT_PTR(i == 3 ? NULL : item[i], rc_list_get(l, pos[i]));
    EXPECT(rc_list_has(l, pos[4]));
    EXPECT(!rc_list_has(l, pos[3]));
    EXPECT(!rc_list_has(l, RC_LIST_NONE));
    done(l);
}

TEST(stale_positions_are_found_out) {
    struct rc_list *l = listed("012");
    struct rc_list_pos stale = pos[1];
    EXPECT(rc_list_remove(l, stale));
    EXPECT(!rc_list_is_none(rc_list_push_back(l, item[5]))); // in the same cell
    struct wire w;
#define STALE(call)                                                                                                    \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        EXPECT(!(call));                                                                                               \
        EXPECT_EQ(ESTALE, errno);                                                                                      \
    } while (0)
    struct rc_list_pos bad[] = {stale, RC_LIST_NONE, {77, 1}, {UINT32_MAX, UINT32_MAX}, {1, 0}};
    for (int i = 0; i < 5; i++) {
        STALE(rc_list_remove(l, bad[i]));
        STALE(rc_list_get(l, bad[i]));
        STALE(rc_list_at(l, bad[i]));
        STALE(rc_list_take(l, bad[i]));
        STALE(rc_list_take_value(l, bad[i], &w));
        STALE(rc_list_set(l, bad[i], item[7]));
        STALE(rc_list_set_value(l, bad[i], &item[7]));
        STALE(rc_list_move(l, bad[i], RC_LIST_NONE));
        STALE(rc_list_next(l, bad[i]).cell);
        STALE(rc_list_prev(l, bad[i]).cell);
        if (i == 1)
            continue; // is the end there
        STALE(rc_list_insert(l, bad[i], item[7]).cell);
        STALE(rc_list_insert_value(l, bad[i], &item[7]).cell);
        STALE(rc_list_insert_give(l, bad[i], &item[7]).cell);
        STALE(rc_list_move(l, pos[0], bad[i]));
    }
    EXPECT_STR("025", digits(l));
    rc_list_clear(l);
    STALE(rc_list_get(l, pos[0]));
    STALE(rc_list_find_value(l, pos[0], &item[0]).cell);
    errno = 0;
    EXPECT(rc_list_is_none(rc_list_find_value(l, RC_LIST_NONE, &item[0])));
    EXPECT_EQ(0, errno);
    STALE(rc_list_pop_back(l));
    STALE(rc_list_pop_front(l));
    EXPECT(!rc_list_is_none(rc_list_push_back(l, item[0])));
    STALE(rc_list_get(l, pos[0])); // the same cell again, and the same item
    EXPECT(rc_list_shrink(l));
    EXPECT_STR("0", digits(l));
    done(l);
}

static int by_parity(const void *a, const void *b) {
    struct item *const *x = a, *const *y = b;
    return item_id(*x) % 2 - item_id(*y) % 2;
}
static int by_id(const void *a, const void *b) {
    struct item *const *x = a, *const *y = b;
    return item_id(*x) - item_id(*y);
}

static bool is_even(const void *element, void *arg) {
    ++*(int *)arg;
    return item_id(*(struct item *const *)element) % 2 == 0;
}

TEST(sort_is_stable) {
    struct rc_list *l = listed("9142785036");
    EXPECT(rc_list_sort(l, by_parity));
    EXPECT_STR("4280691753", digits(l));
    EXPECT(rc_list_sort(l, by_id));
    EXPECT_STR("0123456789", digits(l));
    EXPECT_PTR(item[4], rc_list_get(l, pos[4]));
    EXPECT(rc_list_same(pos[6], rc_list_find(l, item[6])));
    EXPECT(rc_list_same(pos[6], rc_list_find_value(l, pos[2], &item[6])));
    EXPECT(rc_list_is_none(rc_list_find_value(l, pos[7], &item[6])));
    EXPECT(rc_list_is_none(rc_list_find(l, l)));
    int asked = 0;
    EXPECT(rc_list_same(pos[0], rc_list_find_if(l, RC_LIST_NONE, is_even, &asked)));
    EXPECT(rc_list_same(pos[4], rc_list_find_if(l, pos[3], is_even, &asked)));
    EXPECT_EQ(1 + 2, asked);
    EXPECT(rc_list_is_none(rc_list_find_if(l, pos[9], is_even, &asked)));
    done(l);
}

static int by_distance(const void *a, const void *b, void *from) {
    struct item *const *x = a, *const *y = b;
    return abs(item_id(*x) - *(int *)from) - abs(item_id(*y) - *(int *)from);
}

TEST(sort_with_an_argument) {
    struct rc_list *l = listed("9142785036");
    EXPECT(rc_list_sort_with(l, by_distance, &(int){4}));
    EXPECT_STR("4532617809", digits(l));
    EXPECT(rc_list_same(pos[4], rc_list_first(l)));
    faults_begin();
    EXPECT(!rc_list_sort_with(l, NULL, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_list_sort_with");
    EXPECT_NO_FAULT();
    done(l);
}

TEST(splice_moves_elements_from_another_list) {
    struct rc_list *l = listed("01234"), *m = rc_list_new(&rc_link_element);
    EXPECT(rc_list_splice(m, RC_LIST_NONE, l, pos[1], pos[2]));
    EXPECT_STR("034", digits(l));
    EXPECT_STR("12", digits(m));
    EXPECT(rc_list_splice(m, rc_list_last(m), l, pos[3], RC_LIST_NONE));
    EXPECT_STR("1342", digits(m));
    EXPECT(rc_list_splice(m, RC_LIST_NONE, l, RC_LIST_NONE, RC_LIST_NONE));
    EXPECT(rc_list_splice(m, RC_LIST_NONE, l, RC_LIST_NONE, RC_LIST_NONE)); // it is empty
    EXPECT_STR("13420", digits(m));
    EXPECT_STR("", digits(l));
    errno = 0;
    EXPECT(!rc_list_splice(l, RC_LIST_NONE, m, rc_list_last(m), rc_list_first(m))); // backwards
    EXPECT_EQ(ESTALE, errno);
    EXPECT(!rc_list_splice(l, RC_LIST_NONE, m, pos[1], RC_LIST_NONE)); // of the other list
    EXPECT(!rc_list_splice(m, RC_LIST_NONE, m, RC_LIST_NONE, RC_LIST_NONE));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_STR("13420", digits(m));
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(1, rc_links(item[i]));
    rc_release(m);
    done(l);
}

TEST(values_go_in_and_come_out) {
    items_new(item, ITEMS, NULL);
    struct rc_list *l = rc_list_new(&wire_element);
    struct wire w = wire_of(item[1], item[2]), out;
    struct rc_list_pos a = rc_list_insert_value(l, RC_LIST_NONE, &w);
    struct rc_list_pos b = rc_list_insert_give(l, a, &w);
    EXPECT_STR("11", digits(l));
    EXPECT_EQ(2, rc_links(item[1]));
    EXPECT_EQ(2, resources_open);
    w = wire_of(item[3], NULL);
    EXPECT(rc_list_set_value(l, b, &w));
    EXPECT_STR("31", digits(l));
    wire_close(&w);
    EXPECT(rc_list_take_value(l, b, &out));
    EXPECT_PTR(item[3], out.a);
    wire_close(&out);
    struct rc_list *copy = rc_list_copy(l);
    EXPECT_EQ(2, resources_open);
    copies_fail = true;
    EXPECT_PTR(NULL, rc_list_copy(l));
    EXPECT(rc_list_is_none(rc_list_insert_value(l, RC_LIST_NONE, rc_list_at(l, a))));
    EXPECT(!rc_list_set_value(l, a, rc_list_at(l, a)));
    EXPECT_EQ(ENOMEM, errno);
    EXPECT_EQ(2, resources_open);
    copies_fail = false;
    for (int i = 0; i < 20; i++)
        EXPECT(!rc_list_is_none(rc_list_insert_value(l, a, rc_list_at(l, a)))); // of the same list
    rc_release(copy);
    done(l);
}

TEST(lists_die_in_cycles) {
    struct rc_list *l = listed("0123456789");
    for (int i = 0; i < ITEMS; i++)
        rc_set(&item[i]->back, l);
    items_release(item, ITEMS);
    rc_release(l);
    EXPECT_EQ(ITEMS, items_alive);
    EXPECT_EQ(ITEMS + 1, rc_collect());
    EXPECT_EQ(0, items_alive);
}

// ---- iteration

TEST(iteration_survives_all_but_the_loss_of_its_element) {
    struct rc_list *l = listed("0123456");
    struct rc_list_iter it = rc_list_iter(l);
    char met[32] = "";
    while (rc_list_step(&it) == RC_ITER_ITEM) {
        int id = item_id(rc_list_get(l, it.pos));
        EXPECT_EQ(id, item_id(*(void **)it.element));
        sprintf(met + strlen(met), "%d", id);
        if (id == 0 || id == 4) {
            EXPECT(rc_list_iter_remove(&it));
            EXPECT_PTR(NULL, it.element);
            errno = 0;
            EXPECT(!rc_list_iter_remove(&it)); // it stands on none
            EXPECT_EQ(ESTALE, errno);
        }
        if (id == 1 && strlen(met) == 2)
            EXPECT(rc_list_remove(l, pos[2])); // the one it would come to
        if (id == 3)
            EXPECT(!rc_list_is_none(rc_list_insert(l, pos[4], item[8])));
        if (id == 5)
            EXPECT(rc_list_remove(l, pos[3])); // one it has left
        if (id == 6)
            EXPECT(rc_list_move(l, pos[1], RC_LIST_NONE));
    }
    EXPECT_STR("01384561", met);
    EXPECT_STR("8561", digits(l));
    EXPECT_EQ(RC_ITER_END, rc_list_step(&it));
    for (int how = 0; how < 3; how++) {
        it = rc_list_iter(l);
        EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
        if (how == 0)
            EXPECT(rc_list_remove(l, it.pos));
        else if (how == 1)
            EXPECT(rc_list_shrink(l));
        else
            rc_list_clear(l);
        EXPECT_EQ(RC_ITER_CHANGED, rc_list_step(&it));
        EXPECT_EQ(RC_ITER_CHANGED, rc_list_step(&it)); // it stays so
        EXPECT_PTR(NULL, it.element);
        EXPECT(!rc_list_iter_remove(&it));
        EXPECT_EQ(ESTALE, errno);
    }
    done(l);
}

TEST(iteration_that_has_removed_its_element_stands_behind_the_one_before) {
    struct rc_list *l = listed("0123");
    struct rc_list_iter it = rc_list_iter(l);
    EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
    EXPECT(rc_list_iter_remove(&it)); // of 0: behind nothing
    EXPECT(!rc_list_is_none(rc_list_push_front(l, item[8])));
    EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
    EXPECT_EQ(8, item_id(rc_list_get(l, it.pos)));
    EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
    EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
    EXPECT(rc_list_iter_remove(&it)); // of 2: behind 1
    errno = 0;
    EXPECT(!rc_list_iter_remove(&it));
    EXPECT_EQ(ESTALE, errno);
    EXPECT(rc_list_remove(l, pos[1]));
    EXPECT_EQ(RC_ITER_CHANGED, rc_list_step(&it));
    EXPECT_STR("83", digits(l));
    done(l);
}

TEST(value_may_be_an_element_of_the_same_list) {
    items_new(item, ITEMS, NULL);
    struct rc_list *l = rc_list_new(&wire_element);
    struct wire w = wire_of(item[1], item[2]);
    EXPECT(!rc_list_is_none(rc_list_insert_value(l, RC_LIST_NONE, &w)));
    for (int i = 1; i < 20; i++) // with room for one more, and without
        EXPECT(!rc_list_is_none(rc_list_insert_value(l, RC_LIST_NONE, rc_list_at(l, rc_list_first(l)))));
    EXPECT(rc_list_set_value(l, rc_list_first(l), rc_list_at(l, rc_list_first(l))));
    EXPECT_EQ(21, resources_open);
    EXPECT_EQ(20, rc_links(item[2]));
    wire_close(&w);
    done(l);
    EXPECT_EQ(0, resources_open);
}

TEST(remove_if_asks_once_and_keeps_the_order) {
    struct rc_list *l = listed("0123456789");
    int asked = 0;
    size_t removed;
    EXPECT(rc_list_remove_if(l, is_even, &asked, &removed));
    EXPECT_EQ(10, asked);
    EXPECT_EQ(5, removed);
    EXPECT_STR("13579", digits(l));
    done(l);
}

// ---- bad input and callbacks

TEST(no_list_is_a_fault) {
    faults_begin();
    EXPECT(rc_list_is_none(rc_list_push_back(NULL, NULL)));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_list_push_back");
    EXPECT_PTR(NULL, rc_list_get(NULL, RC_LIST_NONE));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_list_get");
    EXPECT(rc_list_is_none(rc_list_first(NULL)));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_list_first");
    rc_list_clear(NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_list_clear");
    EXPECT_PTR(NULL, rc_list_new(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_list_new");
    EXPECT_EQ(0, rc_list_size(NULL));
    struct rc_list_iter it = rc_list_iter(NULL);
    EXPECT_EQ(RC_ITER_END, rc_list_step(&it));
    EXPECT_NO_FAULT();
    struct rc_list *l = rc_list_new(&rc_int_element), *m = rc_list_new(&rc_link_element);
    EXPECT(rc_list_is_none(rc_list_push_back(l, NULL)));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_PTR(NULL, rc_list_pop_back(l));
    EXPECT(!rc_list_splice(l, RC_LIST_NONE, m, RC_LIST_NONE, RC_LIST_NONE));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_list_splice");
    EXPECT(!rc_list_reserve(l, SIZE_MAX));
    EXPECT_EQ(ENOMEM, errno);
    rc_release(l);
    rc_release(m);
}

static struct rc_list *victim;
static unsigned refusals;

static void try_to_change(void) {
    size_t size = rc_list_size(victim);
    struct rc_list_pos first = rc_list_first(victim);
    bool changed = !rc_list_is_none(rc_list_push_back(victim, NULL)) || rc_list_remove(victim, first) ||
                   rc_list_set(victim, first, NULL) || rc_list_move(victim, first, RC_LIST_NONE) ||
                   rc_list_sort(victim, by_id) || rc_list_reverse(victim) || rc_list_shrink(victim) ||
                   rc_list_reserve(victim, 100) || rc_list_take(victim, first);
    rc_list_clear(victim);
    EXPECT_EQ(EBUSY, errno);
    EXPECT(!changed);
    EXPECT_EQ(size, rc_list_size(victim));
    rc_collect();
    refusals++;
}
static int changing_compare(const void *a, const void *b) {
    try_to_change();
    return by_id(a, b);
}
static bool changing_test(const void *element, void *arg) {
    try_to_change();
    return is_even(element, arg);
}

TEST(callbacks_cannot_change_the_list_that_called_them) {
    victim = listed("3120");
    EXPECT(rc_list_sort(victim, changing_compare));
    EXPECT_STR("0123", digits(victim));
    int asked = 0;
    EXPECT(!rc_list_is_none(rc_list_find_if(victim, RC_LIST_NONE, changing_test, &asked)));
    EXPECT(rc_list_remove_if(victim, changing_test, &asked, NULL));
    EXPECT_STR("13", digits(victim));
    EXPECT(refusals > 6);
    done(victim);
}

static int lying_compare(const void *a, const void *b) {
    static unsigned lies = 7;
    (void)a, (void)b;
    lies = lies * 1664525u + 1013904223u;
    return (int)(lies >> 8) % 3 - 1;
}

TEST(comparison_that_lies_loses_nothing) {
    struct rc_list *l = listed("");
    for (int i = 0; i < 500; i++)
        rc_list_push_back(l, item[i % ITEMS]);
    for (int round = 0; round < 20; round++)
        EXPECT(rc_list_sort(l, lying_compare));
    size_t count[ITEMS] = {0};
    for (struct rc_list_pos p = rc_list_first(l); !rc_list_is_none(p); p = rc_list_next(l, p))
        count[item_id(rc_list_get(l, p))]++;
    for (int i = 0; i < ITEMS; i++)
        EXPECT_EQ(50, count[i]);
    done(l);
}

// Destructors that change the list while remove_if gives up its elements.
static int change;
static void change_victim(struct item *x) {
    switch (change) {
    case 0: rc_list_clear(victim); break;
    case 1:
        for (int i = 0; i < 50; i++)
            EXPECT(!rc_list_is_none(rc_list_push_back(victim, NULL)));
        break;
    case 2:
        EXPECT(!rc_list_shrink(victim) || x->id == 0); // the last one is out
        break;
    case 3: {
        struct rc_list *other = rc_list_new(&rc_link_element);
        for (int i = 0; i < 50; i++)
            rc_list_push_back(other, NULL);
        EXPECT(rc_list_splice(victim, RC_LIST_NONE, other, RC_LIST_NONE, RC_LIST_NONE));
        rc_release(other);
        break;
    }
    case 4:
        if (victim) {
            struct rc_list *l = victim;
            victim = NULL;
            rc_release(l);
        }
        break;
    case 5: {
        int asked = 0;
        on_item_destroy = NULL;
        EXPECT(rc_list_remove_if(victim, is_even, &asked, NULL));
        break;
    }
    }
}

TEST(destructors_may_change_the_list_they_were_in) {
    for (change = 0; change < 6; change++) {
        test_note("change %d", change);
        victim = listed("0123456789");
        items_release(item, ITEMS);
        on_item_destroy = change_victim;
        int asked = 0;
        EXPECT(rc_list_remove_if(victim, is_even, &asked, NULL));
        on_item_destroy = NULL;
        EXPECT_EQ(change == 0 || change == 4 ? 0 : 5, items_alive);
        rc_release(victim);
        EXPECT_EQ(0, items_alive);
    }
}

static struct rc_list_pos going;
static void remove_going(void) {
    errno = 0;
    EXPECT(!rc_list_remove(victim, going));
    EXPECT_EQ(EBUSY, errno);
    refusals++;
}

TEST(copies_cannot_change_the_list_they_are_made_for, .counts = true) {
    items_new(item, ITEMS, NULL);
    victim = rc_list_new(&wire_element);
    struct wire w = wire_of(item[1], NULL);
    for (int i = 0; i < 3; i++)
        going = rc_list_insert_value(victim, RC_LIST_NONE, &w);
    refusals = 0;
    on_wire_copy = remove_going;
    EXPECT(!rc_list_is_none(rc_list_insert_value(victim, going, &w)));
    EXPECT(rc_list_set_value(victim, going, &w));
    EXPECT_EQ(2, refusals);
    on_wire_copy = NULL;
    EXPECT_EQ(5, resources_open);
    wire_close(&w);
    EXPECT_STR("1111", digits(victim));
    EXPECT(rc_list_remove(victim, going));
    done(victim);
}

// ---- in the middle of a collection

static void expect_sound(void (*change_it)(struct rc_list *l)) {
    struct rc_list *l = rc_list_new(&rc_link_element);
    for (int i = 0; i < 3000; i++) {
        struct item *x = item_new(i);
        rc_set(&x->back, l);
        REQUIRE(!rc_list_is_none(rc_list_push_back(l, x)));
        rc_release(x);
    }
    struct holder *way = holder_of(l);
    uint64_t edges = stats().edges;
    stir(way);
    stop_in(RC_PHASE_BUILD);
    while (stats().edges - edges < 1000)
        REQUIRE(rc_collect_step(0) == RC_STEP_MORE && rc_collect_phase() == RC_PHASE_BUILD);
    change_it(l);
    rc_release(way);
    while (rc_collect_step(0) == RC_STEP_MORE)
        continue;
    EXPECT_EQ(0, items_alive);
}

static void sort_it(struct rc_list *l) { EXPECT(rc_list_sort(l, by_parity)); }
static void reverse_it(struct rc_list *l) { EXPECT(rc_list_reverse(l)); }
static void shrink_it(struct rc_list *l) {
    for (int i = 0; i < 100; i++)
        EXPECT(rc_list_remove(l, rc_list_first(l)));
    EXPECT(rc_list_shrink(l));
}
static void grow_it(struct rc_list *l) {
    for (int i = 0; i < 2000; i++)
        EXPECT(!rc_list_is_none(rc_list_push_front(l, rc_list_get(l, rc_list_last(l)))));
}
static void clear_it(struct rc_list *l) { rc_list_clear(l); }
static void turn_over(struct rc_list *l) {
    for (int i = 0; i < 3000; i++) {
        struct item *x = rc_list_pop_front(l);
        EXPECT(!rc_list_is_none(rc_list_push_back(l, x)));
        rc_release(x);
    }
}

TEST(r9_sorted_while_read_in_pieces) { expect_sound(sort_it); }
TEST(r9_reversed_while_read_in_pieces) { expect_sound(reverse_it); }
TEST(r9_shrunk_while_read_in_pieces) { expect_sound(shrink_it); }
TEST(r9_grown_while_read_in_pieces) { expect_sound(grow_it); }
TEST(r9_cleared_while_read_in_pieces) { expect_sound(clear_it); }
TEST(r9_turned_over_while_read_in_pieces) { expect_sound(turn_over); }

static void spliced_while_collected(void) {
    struct rc_list *l = listed("012"), *m = rc_list_new(&rc_link_element);
    for (int i = 0; i < 3; i++)
        rc_set(&item[i]->back, l);
    struct holder *way = holder_of(l), *to = holder_of(m);
    items_release(item, ITEMS);
    stir(way);
    stir(to);
    some_work();
    EXPECT(rc_list_splice(m, RC_LIST_NONE, l, pos[1], pos[1]));
    some_work();
    rc_release(way);
    some_work();
    EXPECT_EQ(1, item_id(rc_list_get(m, rc_list_first(m))));
    EXPECT_EQ(3, items_alive);
    rc_clear(&item[1]->back);
    rc_collect();
    EXPECT_EQ(1, items_alive);
    rc_release(to);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

TEST(element_spliced_at_any_moment_is_safe) {
    EXPECT_PHASES(sweep(spliced_while_collected), PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE));
}

TEST(ten_million_elements_are_collected_and_destroyed_piece_by_piece, .limit = 60) {
    enum { PIECE = 1024, AHEAD = 64 };
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    for (int how = 0; how < 3; how++) {
        struct rc_list *l = listed("");
        for (int i = 0; i < ITEMS; i++)
            rc_set(&item[i]->back, how == 0 ? l : NULL);
        size_t n = scaled(10000000) / 2;
        for (size_t i = 0; i < n; i++)
            REQUIRE(!rc_list_is_none(rc_list_push_back(l, item[i % ITEMS])));
        items_release(item, ITEMS);
        if (how == 1)
            rc_list_clear(l);
        rc_release(l);
        uint64_t worst = 0;
        size_t steps = 0;
        for (bool more = true; more; steps++) {
            uint64_t edges = stats().edges;
            more = rc_collect_step(0) == RC_STEP_MORE;
            if (stats().edges - edges > worst)
                worst = stats().edges - edges;
        }
        EXPECT_AT_MOST(PIECE + AHEAD, worst);
        EXPECT(steps >= n / PIECE);
        EXPECT_EQ(0, items_alive);
    }
    rc_heap_leave(heap);
    free_heap(heap);
}

// ---- random operations, beside an array

enum { LONGEST = 400 };
static struct entry {
    int id;
    struct rc_list_pos pos;
} model[LONGEST];
static size_t count;
static struct rc_list_pos gone[64]; // positions that were good once
static size_t gone_count;
static struct rc_list *real;
static bool by_value;
static uint32_t seed;

static uint32_t chance(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static int id_at(struct rc_list_pos p) {
    void **element = rc_list_at(real, p);
    return element ? item_id(*element) : -9;
}

static void expect_as_model(void) {
    size_t uses[ITEMS] = {0};
    struct rc_list_pos p = rc_list_first(real), back = RC_LIST_NONE;
    EXPECT_EQ(count, rc_list_size(real));
    for (size_t i = 0; i < count; i++, back = p, p = rc_list_next(real, p)) {
        EXPECT(rc_list_same(model[i].pos, p));
        EXPECT_EQ(model[i].id, id_at(model[i].pos));
        EXPECT(rc_list_same(back, rc_list_prev(real, p)));
        uses[model[i].id]++;
        if (test_failures())
            test_stop();
    }
    EXPECT(rc_list_is_none(p));
    EXPECT(rc_list_same(back, rc_list_last(real)));
    struct rc_list_iter it = rc_list_iter(real);
    for (size_t i = 0; i < count; i++) {
        EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
        EXPECT(rc_list_same(model[i].pos, it.pos));
        EXPECT_PTR(rc_list_at(real, it.pos), it.element);
    }
    EXPECT_EQ(RC_ITER_END, rc_list_step(&it));
    EXPECT_PTR(NULL, it.element);
    for (size_t i = 0; i < gone_count; i++)
        EXPECT(!rc_list_has(real, gone[i]));
    for (int i = 0; i < ITEMS; i++)
        if (item[i])
            EXPECT_EQ(uses[i] * (by_value ? 2 : 1), rc_links(item[i]));
    if (by_value)
        EXPECT_EQ(count, resources_open);
    if (test_failures())
        test_stop();
}

static void model_insert(size_t i, int id, struct rc_list_pos p) {
    memmove(model + i + 1, model + i, (count++ - i) * sizeof *model);
    model[i] = (struct entry){id, p};
}
static void model_remove(size_t i) {
    gone[gone_count++ % 64] = model[i].pos;
    if (gone_count > 64)
        gone_count = 64;
    memmove(model + i, model + i + 1, (--count - i) * sizeof *model);
}

static struct rc_list_pos insert_one(size_t i, int id) {
    struct rc_list_pos before = i < count ? model[i].pos : RC_LIST_NONE, p;
    if (!by_value) {
        if (chance(2) || (i && i < count))
            return rc_list_insert(real, before, item[id]);
        return i ? rc_list_push_back(real, item[id]) : rc_list_push_front(real, item[id]);
    }
    struct wire w = wire_of(item[id], item[id]);
    bool give = chance(2);
    p = give ? rc_list_insert_give(real, before, &w) : rc_list_insert_value(real, before, &w);
    int error = errno;
    if (!give || rc_list_is_none(p))
        wire_close(&w);
    errno = error;
    return p;
}

static int compare_ids(const void *a, const void *b) {
    return by_value ? wire_element.compare(a, b) : by_id(a, b);
}
static int compare_entries(const void *a, const void *b) { // stable: by where they are, too
    const struct entry *x = a, *y = b;
    return x->id != y->id ? x->id - y->id : (int)x->pos.stamp - (int)y->pos.stamp;
}
static bool is_low(const void *element, void *arg) {
    return item_id(*(void *const *)element) < *(int *)arg;
}

#define DO(call)                                                                                                       \
    do {                                                                                                               \
        EACH_FAILURE(ok_, call) {                                                                                      \
            EXPECT(!ok_);                                                                                              \
            EXPECT_EQ(ENOMEM, errno);                                                                                  \
            expect_as_model();                                                                                         \
        }                                                                                                              \
        EXPECT(ok_);                                                                                                   \
    } while (0)

static void positions_anew(void) {
    struct rc_list_pos p = rc_list_first(real);
    for (size_t i = 0; i < count; i++, p = rc_list_next(real, p))
        model[i].pos = p;
}

static void one_operation(void) {
    size_t i = chance((uint32_t)count + 1), k = chance((uint32_t)count + 1);
    int id = (int)chance(ITEMS);
    struct rc_list_pos p;
    switch (chance(16)) {
    default:
        if (count == LONGEST)
            break;
        DO(!rc_list_is_none(p = insert_one(i, id)));
        model_insert(i, id, p);
        break;
    case 6:
    case 7:
        if (i < count) {
            DO(rc_list_remove(real, model[i].pos));
            model_remove(i);
        }
        break;
    case 8:
        if (i < count) {
            struct wire w = {0};
            DO(rc_list_take_value(real, model[i].pos, &w));
            EXPECT_EQ(model[i].id, item_id(w.a));
            if (!by_value)
                rc_release(w.a);
            else
                wire_close(&w);
            model_remove(i);
        }
        break;
    case 9:
        if (i < count) {
            DO(rc_list_move(real, model[i].pos, k < count ? model[k].pos : RC_LIST_NONE));
            if (i != k) {
                struct entry moved = model[i];
                model_remove(i);
                gone_count = 0;
                model_insert(k > i ? k - 1 : k, moved.id, moved.pos);
            }
        }
        break;
    case 10:
        if (chance(4) == 0) {
            DO(rc_list_reverse(real));
            for (size_t a = 0; a < count / 2; a++) {
                struct entry held = model[a];
                model[a] = model[count - 1 - a];
                model[count - 1 - a] = held;
            }
        }
        break;
    case 11:
        if (chance(4) == 0) {
            DO(rc_list_sort(real, compare_ids));
            for (size_t a = 0; a < count; a++) // numbers the places, for stability
                model[a].id = model[a].id * LONGEST + (int)a;
            qsort(model, count, sizeof *model, compare_entries);
            for (size_t a = 0; a < count; a++)
                model[a].id /= LONGEST;
        }
        break;
    case 12:
        if (chance(6) == 0) {
            DO(rc_list_remove_if(real, is_low, &id, NULL));
            for (size_t a = count; a-- > 0;)
                if (model[a].id < id)
                    model_remove(a);
        }
        break;
    case 13: {
        struct rc_list *copy;
        EACH_FAILURE_OF(copy, rc_list_copy(real)) {
            EXPECT_PTR(NULL, copy);
            expect_as_model();
        }
        size_t n = rc_list_size(copy);
        if (chance(2) && count + n <= LONGEST) {
            struct rc_list_pos before = i < count ? model[i].pos : RC_LIST_NONE;
            bool ok = rc_list_splice(real, before, copy, RC_LIST_NONE, RC_LIST_NONE);
            EXPECT(ok);
            struct entry ids[LONGEST];
            memcpy(ids, model, n * sizeof *ids);
            for (size_t a = 0; a < n; a++)
                model_insert(i + a, ids[a].id, RC_LIST_NONE);
            positions_anew();
        }
        rc_release(copy);
        break;
    }
    case 14:
        if (chance(3)) {
            DO(rc_list_reserve(real, count + k));
        } else {
            DO(rc_list_shrink(real));
            for (size_t a = 0; a < count && a < 64; a++)
                gone[a] = model[a].pos;
            gone_count = count < 64 ? count : 64;
            positions_anew();
        }
        break;
    case 15:
        if (chance(20) == 0) {
            fail_allocation(chance(2), true);
            rc_list_clear(real);
            fail_allocation(0, false);
            while (count)
                model_remove(0);
        }
        break;
    }
}

static void random_operations(bool value, uint32_t with_seed, size_t operations) {
    struct rc_heap *heap = scarce_enter();
    by_value = value;
    seed = with_seed;
    count = gone_count = 0;
    struct holder *way = holder_of(real = rc_list_new(value ? &wire_element : &rc_link_element));
    items_new(item, ITEMS, real);
    for (size_t n = 0; n < operations; n++) {
        test_note("seed %u, operation %zu", with_seed, n);
        if (chance(4) == 0)
            stir(way);
        for (uint32_t units = chance(4); units; units--)
            rc_collect_step(0);
        one_operation();
        expect_as_model();
    }
    items_release(item, ITEMS);
    memset(item, 0, sizeof item);
    rc_collect();
    expect_as_model();
    rc_release(way);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, resources_open);
    scarce_leave(heap);
}

TEST(iteration_survives_a_merge_of_heaps) {
    struct rc_heap *into = rc_heap_new(NULL), *from = rc_heap_new(NULL);
    rc_heap_enter(from);
    struct rc_list *l = rc_list_new(&rc_link_element);
    for (int i = 0; i < 4; i++)
        REQUIRE(!rc_list_is_none(rc_list_push_back(l, NULL)));
    struct rc_list_iter it = rc_list_iter(l);
    EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
    rc_heap_leave(from);
    REQUIRE(rc_heap_merge(into, from));
    rc_heap_enter(into);
    EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
    EXPECT(rc_list_iter_remove(&it));
    EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
    EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
    EXPECT_EQ(RC_ITER_END, rc_list_step(&it));
    EXPECT_EQ(RC_ITER_END, rc_list_step(&it));
    rc_release(l);
    rc_heap_leave(into);
    free_heap(into);
}

TEST(stale_positions_are_found_out_after_a_merge) {
    struct rc_heap *into = rc_heap_new(NULL), *from = rc_heap_new(NULL);
    rc_heap_enter(from);
    struct rc_list *l = rc_list_new(&rc_link_element);
    struct rc_list_pos stale[20], next = RC_LIST_NONE;
    for (int i = 0; i < 20; i++) {
        REQUIRE(!rc_list_is_none(stale[i] = rc_list_push_back(l, NULL)));
        EXPECT(rc_list_remove(l, stale[i])); // so each is in the same cell
    }
    rc_heap_leave(from);
    REQUIRE(rc_heap_merge(into, from));
    rc_heap_enter(into);
    for (int i = 0; i < 40; i++) {
        REQUIRE(!rc_list_is_none(next = rc_list_push_back(l, NULL)));
        for (int k = 0; k < 20; k++)
            EXPECT(!rc_list_has(l, stale[k]));
        EXPECT(rc_list_remove(l, next));
    }
    rc_release(l);
    rc_heap_leave(into);
    free_heap(into);
}

TEST(iteration_that_goes_on_outside_of_the_heap_is_a_fault) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    struct rc_list *l = rc_list_new(&rc_link_element);
    for (int i = 0; i < 3; i++)
        REQUIRE(!rc_list_is_none(rc_list_push_back(l, NULL)));
    struct rc_list_iter it = rc_list_iter(l);
    EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
    rc_heap_leave(heap);
    (void)stats();
    faults_begin();
    EXPECT_EQ(RC_ITER_END, rc_list_step(&it));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_list_step");
    rc_heap_enter(heap);
    rc_release(l);
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(random_operations_on_links, .limit = 60) {
    for (uint32_t s = 1; s <= scaled(20); s++)
        random_operations(false, s, 600);
}

TEST(random_operations_on_values, .limit = 60) {
    for (uint32_t s = 1; s <= scaled(20); s++)
        random_operations(true, s, 600);
}
